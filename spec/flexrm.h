/* SPDX-License-Identifier: MIT */
/*
 * flexrm.h - the FlexRM ring manager of Broadcom's iProc: rings of descriptors for offload engines
 *
 * There is no public manual.  Facts are from [DT] the Devicetree binding "brcm,iproc-flexrm-mbox", from [PAX]
 * Broadcom's description of the same ring manager in Zephyr (drivers/dma/dma_iproc_pax.h, Apache-2.0), and
 * from [RESET] how the device is known to be shut down: a window of 64 KiB for each ring, not all of them
 * populated, one after the other from the start of the registers.
 *
 * A ring is shut down in this order [RESET, PAX]: 0 to CONTROL takes it out of use; FLUSH to CONTROL lets it get rid of what
 * it has under way, until FLUSH_DONE is 1; 0 to CONTROL ends the flush, until FLUSH_DONE is 0.  It is for
 * software to give up after FLEXRM_PATIENCE reads of FLUSH_DONE, one each millisecond [RESET].
 */
#ifndef SPEC_FLEXRM_H
#define SPEC_FLEXRM_H

#define FLEXRM_COMPATIBLE "brcm,iproc-flexrm-mbox" /* [DT] */
#define FLEXRM_WINDOW 0x10000u /* bytes of registers for each ring [PAX, RESET] */
#define FLEXRM_RINGS_MAX 32u /* in 2 MiB, the example of [DT] */
#define FLEXRM_PATIENCE 1000u /* [RESET] */

/* Registers of a ring, 32 bits each. */
#define FLEXRM_VERSION \
	0x000u /* read only: tells a ring from a window that is not populated [PAX, RESET] */
#define FLEXRM_VERSION_VALUE 0x76303031u
#define FLEXRM_BD_START 0x004u /* of the buffer descriptors, in 4 KiB [PAX] */
#define FLEXRM_BD_START_SHIFT 12
#define FLEXRM_BD_START_MASK 0x0fffffffu
#define FLEXRM_BD_READ \
	0x008u /* read only: descriptors that were fetched, as an offset; 0 by a new start [PAX] */
#define FLEXRM_COMPLETION_START 0x018u /* of the completion descriptors, in 8 KiB [PAX] */
#define FLEXRM_COMPLETION_START_SHIFT 13
#define FLEXRM_COMPLETION_START_MASK 0x07ffffffu
#define FLEXRM_COMPLETION_WRITE 0x01cu /* read only: the same of completions [PAX] */
#define FLEXRM_CONTROL 0x034u
#define FLEXRM_CONTROL_ACTIVE (1u << 4) /* [PAX] */
#define FLEXRM_CONTROL_FLUSH (1u << 5) /* [PAX, RESET] */
#define FLEXRM_FLUSH_DONE 0x038u /* read only */
#define FLEXRM_FLUSH_DONE_BIT 1u /* [PAX, RESET] */

#define FLEXRM_DESCRIPTOR 8u /* bytes, of both kinds [PAX] */

#endif /* SPEC_FLEXRM_H */
