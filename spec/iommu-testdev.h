/* SPDX-License-Identifier: MIT */
/*
 * iommu-testdev.h - QEMU's "iommu-testdev": one write through the IOMMU, checked by the device
 *
 * Facts from QEMU 11.1, measured.  BAR 0, 32-bit registers.  The device writes TESTDEV_PATTERN to the IOVA
 * and reads it back at the physical address that it was told, at once, when TRIGGER is read after the
 * doorbell was armed.  It ignores bus mastering, cannot send PASIDs and does no reads through the IOMMU.
 */
#ifndef SPEC_IOMMU_TESTDEV_H
#define SPEC_IOMMU_TESTDEV_H

#define TESTDEV_VENDOR_ID 0x1b36u
#define TESTDEV_DEVICE_ID 0x0005u

#define TESTDEV_REG_TRIGGER 0x00 /* reading it runs an armed DMA */
#define TESTDEV_REG_IOVA_LOW 0x04
#define TESTDEV_REG_IOVA_HIGH 0x08
#define TESTDEV_REG_LENGTH 0x0c /* bytes */
#define TESTDEV_REG_RESULT 0x10
#define TESTDEV_REG_DOORBELL 0x14
#define TESTDEV_DOORBELL_ARM 1u
#define TESTDEV_REG_ATTRIBUTES 0x18
#define TESTDEV_ATTRIBUTES_NON_SECURE 2u
#define TESTDEV_REG_PHYS_LOW 0x1c
#define TESTDEV_REG_PHYS_HIGH 0x20

#define TESTDEV_PATTERN 0x12345678u
#define TESTDEV_RESULT_OK 0u
#define TESTDEV_RESULT_REFUSED 0xdead0002u /* the IOMMU did not translate */
#define TESTDEV_RESULT_MISMATCH 0xdead0004u /* the bytes did not arrive there */

#endif /* SPEC_IOMMU_TESTDEV_H */
