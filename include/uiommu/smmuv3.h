/* SPDX-License-Identifier: MIT */
/*
 * uiommu/smmuv3.h - the driver for Arm SMMUv3
 *
 * The host, or whoever read the IORT or the Devicetree, starts one SMMU for each that it found and hands
 * over its registers. The SMMU is reset, its translation is enabled with every stream blocked, and it
 * registers itself as an instance. Devices name their StreamIDs as the IDs of their firmware spec
 * (uiommu_fwspec_add_ids()), those under which bridges send for them included.
 *
 * Thread-safety: as uiommu.h; start and stop of one SMMU are the caller's to serialise.
 */
#ifndef UIOMMU_SMMUV3_H
#define UIOMMU_SMMUV3_H

#include <uiommu/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_smmuv3; /* one SMMU */

/* Features to do without although the hardware has them: for tests and workarounds. */
enum uiommu_smmuv3_flags {
	UIOMMU_SMMUV3_LINEAR_STREAMS = 1u << 0, /* linear stream table, of at most 65536 streams */
	UIOMMU_SMMUV3_LINEAR_CDS = 1u << 1, /* linear context descriptor tables */
	UIOMMU_SMMUV3_NO_STAGE1 = 1u << 2,
	UIOMMU_SMMUV3_NO_STAGE2 = 1u << 3,
	UIOMMU_SMMUV3_PREFER_STAGE2 = 1u << 4, /* stage 2 where both could serve */
	UIOMMU_SMMUV3_NO_RANGE = 1u << 5, /* no invalidation by range */
	UIOMMU_SMMUV3_NO_MSI_SYNC = 1u << 6, /* wait for commands by register, not by memory */
	UIOMMU_SMMUV3_NO_BLOCKS = 1u << 7, /* leaves of the granule only */
	UIOMMU_SMMUV3_NO_CONTIGUOUS = 1u << 8, /* no runs with the contiguous hint */
	UIOMMU_SMMUV3_GRANULE_16K = 1u << 9, /* this granule or none; without: 4K, 64K, 16K */
	UIOMMU_SMMUV3_GRANULE_64K = 1u << 10,
	UIOMMU_SMMUV3_NO_HTTU = 1u << 11, /* no dirty tracking */
	UIOMMU_SMMUV3_NO_PASIDS = 1u << 12,
	UIOMMU_SMMUV3_NO_ATS = 1u << 13,
};

/* How the SMMU says that there are events, page requests or errors. */
enum uiommu_smmuv3_irq {
	UIOMMU_SMMUV3_IRQ_MSI, /* by messages, through the port; if either cannot: as POLL */
	UIOMMU_SMMUV3_IRQ_WIRED, /* the host connected its lines and calls uiommu_instance_poll() */
	UIOMMU_SMMUV3_IRQ_POLL, /* not at all; the host calls uiommu_instance_poll() when it likes */
};

struct uiommu_smmuv3_config {
	const struct uiommu_fwnode *fwnode; /* its identity; outlives the SMMU */
	const char *name; /* "smmu0"; outlives the SMMU */
	struct uiommu_mmio mmio; /* its registers, pages 0 and 1: 128 KiB */
	uint64_t address; /* of its registers, physical, for people; 0: not said */
	unsigned int flags; /* enum uiommu_smmuv3_flags */
	enum uiommu_smmuv3_irq irq;

	/*
	 * The SMMU's accesses snoop although IDR0.COHACC is 0, or do not although it is 1: firmware knows
	 * better (IORT: the COHACC override; Devicetree: dma-coherent). 0: as IDR0 says.
	 */
	enum {
		UIOMMU_SMMUV3_COHERENT_IDR,
		UIOMMU_SMMUV3_COHERENT_YES,
		UIOMMU_SMMUV3_COHERENT_NO,
	} coherent;

	/* At most 2^this entries in the command, event and PRI queues; 0: 256. */
	unsigned int queue_log2;

	/* Where interrupt doorbells are mapped: a SW_MSI region. Size 0: 1 MiB at 128 MiB. */
	uiommu_iova_t sw_msi_start;
	uint64_t sw_msi_size;

	/* Reserved regions of a device beyond that (IORT RMR, reserved-memory); may be NULL. */
	int (*get_resv_regions)(void *context, struct uiommu_device *dev,
				struct uiommu_resv_list *list);
	/* May this device use ATS? NULL: as the firmware spec's UIOMMU_FWSPEC_ATS says. */
	bool (*ats_allowed)(void *context, struct uiommu_device *dev);
	void *context;

	/* Operations to register instead of the driver's own: for wrappers. NULL: the driver's. */
	const struct uiommu_ops *ops;
};

/** uiommu_smmuv3_ops() - the driver's operations */
UIOMMU_API const struct uiommu_ops *uiommu_smmuv3_ops(void);

/**
 * uiommu_smmuv3_start() - take an SMMU into service
 * @sys: its system
 * @config: copied, but for what it points to
 * @out: the SMMU on success
 *
 * While it is reset, and after a failure, GBPA aborts all DMA through it.
 *
 * Return: 0; -UIOMMU_EOPNOTSUPP: it has no table format, granule or stage that this driver fills, or
 * preset tables or queues (a line in the log says what); -UIOMMU_ETIMEDOUT: it does not answer;
 * -UIOMMU_ENOMEM; otherwise as uiommu_instance_register().
 */
UIOMMU_API int uiommu_smmuv3_start(struct uiommu_system *sys,
				   const struct uiommu_smmuv3_config *config,
				   struct uiommu_smmuv3 **out);

/** uiommu_smmuv3_stop() - unregister, disable with GBPA aborting, free; NULL does nothing */
UIOMMU_API void uiommu_smmuv3_stop(struct uiommu_smmuv3 *smmu);

UIOMMU_API struct uiommu_instance *uiommu_smmuv3_instance(struct uiommu_smmuv3 *smmu);

/* What uiommu_device_hw_info() tells: UIOMMU_HW_INFO_SMMUV3. */
struct uiommu_smmuv3_hw_info {
	uint32_t flags; /* 0 */
	uint32_t reserved; /* 0 */
	uint32_t idr[6]; /* IDR0 to IDR5, 6.3.1 to 6.3.6 */
	uint32_t iidr; /* 6.3.7 */
	uint32_t aidr; /* 6.3.8 */
};

/** uiommu_smmuv3_describe() - "stage 1 48 bits, 4K granule, 2-level streams, ..." into @text */
UIOMMU_API void uiommu_smmuv3_describe(const struct uiommu_smmuv3 *smmu, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_SMMUV3_H */
