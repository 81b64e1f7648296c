/* SPDX-License-Identifier: MIT */
/*
 * edu.h - the "edu" device of QEMU: a PCI function with a small buffer and a DMA engine
 *
 * Facts from docs/specs/edu of QEMU 7.2 to 11.1 and from measuring these.  Registers are in BAR 0, 1 MiB of
 * memory; those below 0x80 take 4 bytes, the others 4 or 8.
 *
 * A DMA runs when EDU_DMA_RUN is written and is done 100 ms of the machine's time later, when RUN reads 0;
 * while it is 1, writes to the DMA registers are ignored.  Errors are not reported: a refused read leaves
 * or zeroes the buffer.  A refused DMA is tried again for every 4 bytes.  Without bus mastering it does
 * nothing.  QEMU 7.2 ends itself with an error if offset + count reaches the last bytes of the buffer (its
 * check is off by one): stay at or below EDU_DMA_SAFE.  The engine cuts addresses to the property
 * "dma_mask", 28 bits by default.
 */
#ifndef SPEC_EDU_H
#define SPEC_EDU_H

#define EDU_VENDOR_ID 0x1234u
#define EDU_DEVICE_ID 0x11e8u
#define EDU_BAR_SIZE 0x100000

#define EDU_REG_ID 0x00 /* reads EDU_ID */
#define EDU_ID 0x010000edu /* 0xMMmm00ed: version */
#define EDU_REG_LIVENESS 0x04 /* reads the inverse of what was written */
#define EDU_REG_FACTORIAL 0x08
#define EDU_REG_STATUS 0x20
#define EDU_REG_IRQ_STATUS 0x24
#define EDU_REG_IRQ_RAISE 0x60
#define EDU_REG_IRQ_ACK 0x64
#define EDU_REG_DMA_SOURCE 0x80 /* 64 bits: IOVA, or EDU_BUFFER + offset */
#define EDU_REG_DMA_DESTINATION 0x88 /* 64 bits */
#define EDU_REG_DMA_COUNT 0x90 /* bytes */
#define EDU_REG_DMA_COMMAND 0x98
#define EDU_DMA_RUN (1u << 0)
#define EDU_DMA_TO_MEMORY (1u << 1) /* 0: memory to the buffer; 1: buffer to memory */
#define EDU_DMA_IRQ (1u << 2) /* raise EDU_IRQ_DMA when done */
#define EDU_IRQ_DMA 0x100u

#define EDU_BUFFER 0x40000 /* as an address of the engine */
#define EDU_BUFFER_SIZE 4096
#define EDU_DMA_SAFE 4088 /* largest count from offset 0 that every version survives */
#define EDU_DMA_NS 100000000 /* until a DMA is done */

#endif /* SPEC_EDU_H */
