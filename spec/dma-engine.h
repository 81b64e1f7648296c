/* SPDX-License-Identifier: MIT */
/*
 * dma-engine.h - a PCI function that does DMA the way a test wants it
 *
 * The project's own device, in the vendor ID that emulated devices use for experiments.  Registers are in
 * BAR 0, 8 KiB of memory, little-endian; 64-bit registers may be accessed in halves.  One request at a time:
 * it is finished when the write to DMA_ENGINE_COMMAND is, unless it waits for a page (below).  Data goes
 * through a window of 4 KiB.
 *
 * A request goes out with a PASID only while the PASID capability is enabled, and with the privileged and
 * execute attributes only if these are enabled too; a translation is asked for only while the ATS capability
 * is enabled.  A request that asks for what is not enabled does not leave the device: REFUSED_BY_DEVICE, except
 * that without ATS an ordinary request is sent.
 *
 * Translations from ATS are kept until they are invalidated, whatever the size, or until the table of
 * DMA_ENGINE_ATC_SIZE of them is full: then the oldest goes.
 *
 * A request with DMA_ENGINE_FLAG_PAGE_REQUEST whose page is not there, or not with the access that it needs,
 * asks for it (PRI, while that capability is enabled, with DMA_ENGINE_FLAG_ATS) and waits: STATUS is
 * DMA_ENGINE_WAITING.  A response SUCCESS lets it translate anew, and ask again if need be, DMA_ENGINE_TRIES
 * times in all; any other response refuses it.  A FAILURE response also stops the page request interface
 * until it is enabled anew (PCIe 6.0, 10.4.2.1).  On a bus without PRI the same flag lets the IOMMU stall the request instead: it
 * waits until the IOMMU lets it go on or ends it.  DMA_ENGINE_CANCEL gives up waiting; a response that comes
 * later is then only recorded.
 *
 * DMA_ENGINE_PAGE_REQUEST sends one bare request for a page: IOVA, PASID, FLAGS (PASID, PRIVILEGED, EXECUTE) and
 * DMA_ENGINE_GROUP say which, no matter what else waits.  Every response that arrives is recorded, oldest
 * first, up to DMA_ENGINE_RESPONSES_MAX of them.  While a request waits, registers may be written for these, the
 * window may not, and STATUS stays as it is: DMA_ENGINE_SENT tells whether they went out.
 *
 * DMA_ENGINE_MISBEHAVE makes the device TLB break the rules of 10.3.
 *
 * Where the device has an interrupt wire, that is asserted while both bits of DMA_ENGINE_INTERRUPT are set.  PENDING
 * is set whenever a DMA (READ or WRITE) is over.
 *
 * A function-level reset forgets translations, waits, responses, streams, and misbehaviour; what a stream had
 * counted can still be read.  DMA_ENGINE_RESET does the same for the device, which on no bus is the only way.  A stream asks
 * for no pages.
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
#define DMA_ENGINE_FLAG_PAGE_REQUEST (1u << 5) /* a missing page is asked for */
#define DMA_ENGINE_FLAGS_ALL 0x3fu
#define DMA_ENGINE_COMMAND 0x1c /* 32, written */
#define DMA_ENGINE_STREAM_SIZE 0x20 /* 64: bytes, a multiple of 8, not 0 */
#define DMA_ENGINE_EXPECT_A 0x28 /* 64 */
#define DMA_ENGINE_EXPECT_B 0x30 /* 64 */
#define DMA_ENGINE_DONE 0x38 /* 64, read only: words of the stream that were read */
#define DMA_ENGINE_REFUSED 0x40 /* 64, read only: reads or writes that were refused */
#define DMA_ENGINE_WRONG 0x48 /* 64, read only: words that were neither A nor B */
#define DMA_ENGINE_ATC_ENTRIES 0x50 /* 32, read only: translations that are kept now */
/* 32: of the next page request, of a bare one and of one on behalf of a DMA: */
#define DMA_ENGINE_GROUP 0x54
#define DMA_ENGINE_GROUP_INDEX 0x1ffu
#define DMA_ENGINE_GROUP_LAST (1u << 9) /* of bare ones; a DMA's is always last */
#define DMA_ENGINE_GROUP_READ (1u << 10) /* of bare ones: what is asked for */
#define DMA_ENGINE_GROUP_WRITE (1u << 11)
#define DMA_ENGINE_MISBEHAVE 0x58 /* 32 */
#define DMA_ENGINE_MISBEHAVE_SILENT (1u << 0) /* never completes an invalidation */
#define DMA_ENGINE_MISBEHAVE_DEAF (1u << 1) /* completes it, and goes on using what it named */
#define DMA_ENGINE_MISBEHAVE_COUNT_SHIFT 8 /* for so many invalidations; 0: from now on */
#define DMA_ENGINE_MISBEHAVE_COUNT (0xffu << 8)
#define DMA_ENGINE_RESPONSES 0x5c /* 32, read only: responses that are recorded */
/* 64, read only: the oldest response, taken away by reading all 64 bits (or the upper half): */
#define DMA_ENGINE_RESPONSE 0x60
#define DMA_ENGINE_RESPONSE_CODE UINT64_C(0xf) /* PCIe: 0 success, 1 invalid, 15 failure */
#define DMA_ENGINE_RESPONSE_PASID_VALID (UINT64_C(1) << 4)
#define DMA_ENGINE_RESPONSE_STALL (UINT64_C(1) << 5) /* a stall's end; code 0: retry, 1: ended */
#define DMA_ENGINE_RESPONSE_GROUP_SHIFT 8
#define DMA_ENGINE_RESPONSE_GROUP UINT64_C(0xffff00)
#define DMA_ENGINE_RESPONSE_PASID_SHIFT 32
#define DMA_ENGINE_RESPONSES_MAX 64
#define DMA_ENGINE_SENT \
	0x68 /* 32, read only: page requests and stop markers that left the device */
#define DMA_ENGINE_INTERRUPT 0x6c /* 32 */
#define DMA_ENGINE_INTERRUPT_ENABLE (1u << 0)
#define DMA_ENGINE_INTERRUPT_PENDING (1u << 1) /* written 1: cleared */
#define DMA_ENGINE_TRIES 8
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
	DMA_ENGINE_PAGE_REQUEST = 6, /* a bare page request */
	DMA_ENGINE_STOP_MARKER =
		7, /* PCIe 6.0, 10.4.1.2.1: no more requests of PASID came before it */
	DMA_ENGINE_CANCEL = 8, /* give up waiting */
	DMA_ENGINE_RESET = 9, /* as after power-on */
};

enum dma_engine_status {
	DMA_ENGINE_IDLE = 0, /* nothing was asked yet */
	DMA_ENGINE_DONE_OK = 1,
	DMA_ENGINE_REFUSED_BY_BUS = 2, /* an error response; a part may have been transferred */
	DMA_ENGINE_REFUSED_BY_DEVICE = 3, /* arguments out of range, or not enabled */
	DMA_ENGINE_STREAMING = 4,
	DMA_ENGINE_WAITING = 5, /* for a page */
};

#endif /* SPEC_DMA_ENGINE_H */
