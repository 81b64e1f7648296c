/* SPDX-License-Identifier: MIT */
/*
 * uiommu/vtd.h - the driver for Intel VT-d remapping units
 *
 * The host, or whoever read the DMAR table, creates one unit for each DRHD and hands over its registers.
 * The unit is set up, its translation is enabled, and it registers itself as an instance.
 *
 * Thread-safety: as uiommu.h; create and destroy of one unit are the caller's to serialise.
 */
#ifndef UIOMMU_VTD_H
#define UIOMMU_VTD_H

#include <uiommu/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_vtd; /* one remapping unit */

enum uiommu_vtd_flags {
	UIOMMU_VTD_NO_SCALABLE = 1u << 0, /* legacy mode even where scalable mode is there */
	UIOMMU_VTD_NO_QI = 1u << 1, /* register-based invalidation even where queues are there */
	UIOMMU_VTD_PREFER_SECOND_STAGE = 1u << 2, /* second stage where both could serve */
	UIOMMU_VTD_NO_SUPERPAGES = 1u << 3, /* 4K leaves only */
	/*
	 * Name the address width in first-stage PASID entries too.  It is the second stage's (9.6), but
	 * QEMU's emulation takes the width of every address from there.
	 */
	UIOMMU_VTD_WIDTH_WITH_FIRST_STAGE = 1u << 4,
};

struct uiommu_vtd_config {
	const struct uiommu_fwnode *fwnode; /* the DRHD's identity; outlives the unit */
	const char *name; /* "dmar0"; outlives the unit */
	struct uiommu_mmio mmio; /* its registers */
	uint64_t address; /* of its registers, physical, for people; 0: not said */
	uint16_t segment; /* PCI segment of its devices */
	unsigned int flags; /* enum uiommu_vtd_flags, for tests and workarounds */

	/*
	 * Reserved regions of a device beyond the interrupt range (RMRRs), from the DMAR table; may be
	 * NULL.  Appends with uiommu_resv_add().
	 */
	int (*get_resv_regions)(void *context, struct uiommu_device *dev,
				struct uiommu_resv_list *list);
	/* May this device use ATS (ATSR, SATC)?  NULL: no device may. */
	bool (*ats_allowed)(void *context, struct uiommu_device *dev);
	void *context;

	/* Operations to register instead of the driver's own: for wrappers.  NULL: the driver's. */
	const struct uiommu_ops *ops;
};

/** uiommu_vtd_ops() - the driver's operations */
UIOMMU_API const struct uiommu_ops *uiommu_vtd_ops(void);

/**
 * uiommu_vtd_create() - take a remapping unit into service
 * @sys: its system
 * @config: copied, but for what it points to
 * @out: the unit on success
 *
 * Return: 0; -UIOMMU_EOPNOTSUPP: the hardware has no address width or table format that this driver
 * knows (a line in the log says what); -UIOMMU_ETIMEDOUT: it does not answer; -UIOMMU_ENOMEM;
 * otherwise as uiommu_instance_register().  On failure the hardware is as it was.
 */
UIOMMU_API int uiommu_vtd_create(struct uiommu_system *sys, const struct uiommu_vtd_config *config,
				 struct uiommu_vtd **out);

/** uiommu_vtd_destroy() - unregister, disable translation, free; NULL does nothing */
UIOMMU_API void uiommu_vtd_destroy(struct uiommu_vtd *unit);

UIOMMU_API struct uiommu_instance *uiommu_vtd_instance(struct uiommu_vtd *unit);

/** uiommu_vtd_describe() - "legacy, 48 bits, 4K 2M 1G, queued invalidation, ..." into @text */
UIOMMU_API void uiommu_vtd_describe(const struct uiommu_vtd *unit, char *text, size_t size);

/* What uiommu_device_hw_info() tells: UIOMMU_HW_INFO_VTD. */
struct uiommu_vtd_hw_info {
	uint32_t flags; /* 0 */
	uint32_t reserved; /* 0 */
	uint64_t cap_reg; /* 11.4.2 */
	uint64_t ecap_reg; /* 11.4.3 */
};

/*
 * A guest's first stage, for uiommu_domain_alloc_nested() with UIOMMU_NESTED_VTD_S1; the parent is a second
 * stage.  Other values, and what the unit does not have: -UIOMMU_EIO.
 */
struct uiommu_vtd_s1 {
	uint64_t flags; /* enum uiommu_vtd_s1_flags */
	uint64_t pgtbl_addr; /* its top table, as the guest's physical address; a multiple of 4096 */
	uint32_t addr_width; /* 48 or 57 */
	uint32_t reserved; /* 0 */
};

enum uiommu_vtd_s1_flags {
	UIOMMU_VTD_S1_SRE = 1u << 0, /* supervisor requests */
	UIOMMU_VTD_S1_EAFE = 1u << 1, /* extended accessed flag */
	UIOMMU_VTD_S1_WPE = 1u << 2, /* supervisor writes obey R/W */
};

/* An entry for uiommu_domain_cache_invalidate() with UIOMMU_NESTED_VTD_S1: IOTLBs and device TLBs. */
struct uiommu_vtd_s1_invalidate {
	uint64_t addr; /* a multiple of 4096 */
	uint64_t npages; /* of 4096 bytes; UINT64_MAX, with addr 0: everything; 0: nothing */
	uint32_t flags; /* enum uiommu_vtd_s1_invalidate_flags */
	uint32_t reserved; /* 0 */
};

enum uiommu_vtd_s1_invalidate_flags {
	UIOMMU_VTD_S1_INVALIDATE_LEAF = 1u << 0, /* no entry for a table has changed */
};

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_VTD_H */
