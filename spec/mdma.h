/* SPDX-License-Identifier: MIT */
/*
 * mdma.h - a DMA engine that exists in software only: the project's own mediated device
 *
 * It copies memory to memory, by addresses of whoever opens it.  No IOMMU stands between: its driver pins the pages that
 * a copy touches, or copies through a buffer of its own.  Pages stay pinned for the next copy until there is no room
 * (then the oldest goes), until they are dropped, until their mapping goes, until a reset or the last close.
 *
 * Registers are in region 0, little-endian, written by aligned accesses of 4 or 8 bytes.  A copy is finished when the
 * write of COMMAND is, and interrupt 0 has been signalled.  What it did before an error stays done.
 */
#ifndef SPEC_MDMA_H
#define SPEC_MDMA_H

#define MDMA_REGION_SIZE 0x1000u

#define MDMA_ID 0x00u /* 32, reads MDMA_ID_VALUE */
#define MDMA_ID_VALUE 0x414d444du
#define MDMA_STATUS 0x04u /* 32, read only: enum mdma_status */
#define MDMA_SOURCE 0x08u /* 64 */
#define MDMA_DESTINATION 0x10u /* 64 */
#define MDMA_LENGTH 0x18u /* 32: bytes, 1 to MDMA_LENGTH_MAX */
#define MDMA_LENGTH_MAX 0x100000u
#define MDMA_FLAGS 0x1cu /* 32 */
#define MDMA_FLAG_BUFFER (1u << 0) /* pin nothing: copy through the driver's buffer */
#define MDMA_FLAGS_ALL 0x1u
#define MDMA_COMMAND 0x20u /* 32, write only: enum mdma_command */
#define MDMA_ERROR 0x24u /* 32, read only: of the last command, an errno of Linux; 0: none */
#define MDMA_PINNED 0x28u /* 32, read only: pages that are pinned now */
#define MDMA_ASKED \
	0x2cu /* 32, read only: how often it was asked to let go of memory, since the first open */
#define MDMA_MISBEHAVE 0x30u /* 32 */
/* Pages stay pinned when their mapping goes, unless all that the device has goes with it: */
#define MDMA_MISBEHAVE_DEAF (1u << 0)
#define MDMA_REGISTERS_END 0x38u

enum mdma_command {
	MDMA_COPY = 1,
	MDMA_DROP = 2, /* nothing is pinned any more */
};

enum mdma_status {
	MDMA_IDLE = 0,
	MDMA_DONE = 1,
	MDMA_FAILED = 2,
};

#endif /* SPEC_MDMA_H */
