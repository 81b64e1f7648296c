/* SPDX-License-Identifier: MIT */
/*
 * dma-engine.h - a PCI function that does DMA the way a test wants it
 *
 * The project's own device, in the vendor ID that emulated devices use for experiments.  Registers are in
 * BAR 0, 8 KiB of memory, little-endian; 64-bit registers may be accessed in halves.  One request at a time:
 * it is finished when the write to DMA_ENGINE_COMMAND is.  Data goes through a window of 4 KiB.
 *
 * A request goes out with a PASID only while the PASID capability is enabled, and with the privileged and
 * execute attributes only if these are enabled too; a translation is asked for only while the ATS capability
 * is enabled.  A request that asks for what is not enabled does not leave the device: REFUSED_BY_DEVICE, except
 * that without ATS an ordinary request is sent.
 *
 * Translations from ATS are kept until they are invalidated, whatever the size, or until the table of
 * DMA_ENGINE_ATC_SIZE of them is full: then the oldest goes.
 *
 * A stream reads the 64-bit words of [IOVA, IOVA + STREAM_SIZE) in turn, compares each with EXPECT_A and
 * EXPECT_B, and writes back what it read, until it is told to stop.
 */
#ifndef SPEC_DMA_ENGINE_H
#define SPEC_DMA_ENGINE_H

#define DMA_ENGINE_VENDOR_ID 0x1234u
#define DMA_ENGINE_DEVICE_ID 0x1da0u
#define DMA_ENGINE_BAR_SIZE 0x2000

#define DMA_ENGINE_ID 0x00 /* 32, reads DMA_ENGINE_ID_VALUE */
#define DMA_ENGINE_ID_VALUE 0x01444d41u
#define DMA_ENGINE_STATUS 0x04 /* 32 */
#define DMA_ENGINE_IOVA 0x08 /* 64 */
#define DMA_ENGINE_SIZE 0x10 /* 32: bytes, 1 to 4096 */
#define DMA_ENGINE_PASID 0x14 /* 32 */
#define DMA_ENGINE_FLAGS 0x18 /* 32 */
#define DMA_ENGINE_FLAG_PASID (1u << 0) /* the request carries the PASID */
#define DMA_ENGINE_FLAG_ATS (1u << 1) /* translate first, keep the translation, use it again */
#define DMA_ENGINE_FLAG_NO_SNOOP (1u << 2)
#define DMA_ENGINE_FLAG_PRIVILEGED (1u << 3) /* with PASID */
#define DMA_ENGINE_FLAG_EXECUTE (1u << 4) /* with PASID, reads only */
#define DMA_ENGINE_FLAGS_ALL 0x1fu
#define DMA_ENGINE_COMMAND 0x1c /* 32, written */
#define DMA_ENGINE_STREAM_SIZE 0x20 /* 64: bytes, a multiple of 8, not 0 */
#define DMA_ENGINE_EXPECT_A 0x28 /* 64 */
#define DMA_ENGINE_EXPECT_B 0x30 /* 64 */
#define DMA_ENGINE_DONE 0x38 /* 64, read only: words of the stream that were read */
#define DMA_ENGINE_REFUSED 0x40 /* 64, read only: reads or writes that were refused */
#define DMA_ENGINE_WRONG 0x48 /* 64, read only: words that were neither A nor B */
#define DMA_ENGINE_ATC_ENTRIES 0x50 /* 32, read only: translations that are kept now */
#define DMA_ENGINE_WINDOW 0x1000
#define DMA_ENGINE_WINDOW_SIZE 4096

#define DMA_ENGINE_ATC_SIZE 256
#define DMA_ENGINE_PASID_BITS 20

enum dma_engine_command {
	DMA_ENGINE_READ = 1, /* memory to the window */
	DMA_ENGINE_WRITE = 2, /* the window to memory */
	DMA_ENGINE_STREAM_START = 3, /* counters go to 0 */
	DMA_ENGINE_STREAM_STOP = 4,
	DMA_ENGINE_ATC_DROP = 5, /* forget all translations */
};

enum dma_engine_status {
	DMA_ENGINE_IDLE = 0, /* nothing was asked yet */
	DMA_ENGINE_DONE_OK = 1,
	DMA_ENGINE_REFUSED_BY_BUS = 2, /* an error response; a part may have been transferred */
	DMA_ENGINE_REFUSED_BY_DEVICE = 3, /* arguments out of range, or not enabled */
	DMA_ENGINE_STREAMING = 4,
};

#endif /* SPEC_DMA_ENGINE_H */
