/* SPDX-License-Identifier: MIT */
/*
 * uiommu/uiommu.h - the IOMMU subsystem, as its users see it
 *
 * Systems, devices, groups, domains, mappings, attachment, ownership, PASIDs, reserved regions, dirty
 * tracking.  People who write an IOMMU driver include uiommu/driver.h as well; hosts implement
 * uiommu/port.h.  The names are Linux's where Linux has the same thing; docs/NAMES.md lists what
 * differs.
 *
 * Errors.  Functions return 0 or a negative value of enum uiommu_error with the meaning that is given
 * there.  An operation that fails leaves everything as it was.
 *
 * Thread-safety.  Every function may be called by several threads at once, with these exceptions, which
 * are the caller's duty:
 *   - uiommu_system_destroy() is called when nothing else runs on that system;
 *   - two mapping operations (map, unmap, dirty) on one domain may run in parallel only if their
 *     ranges do not overlap; uiommu_iova_to_phys() may run beside anything;
 *   - an object may not be used during or after the call that frees it.
 * Attach, detach, replace and ownership changes serialise on the group; map and unmap take no lock.
 *
 * Stability: 0.x, may change with any minor release.
 */
#ifndef UIOMMU_UIOMMU_H
#define UIOMMU_UIOMMU_H

#include <uiommu/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_system; /* one machine: configuration, instances, devices, groups */
struct uiommu_instance; /* one hardware IOMMU (driver.h) */
struct uiommu_device; /* a device that does DMA, on any bus or none */
struct uiommu_group; /* the smallest set of devices that can be isolated from the rest */
struct uiommu_domain; /* an address space, or a behaviour: identity, blocked */
struct uiommu_pci_function; /* uiommu/pci.h: what makes a device a PCI function */

/* ---- systems ----------------------------------------------------------------------------------- */

enum uiommu_domain_type {
	UIOMMU_DOMAIN_BLOCKED, /* no DMA at all */
	UIOMMU_DOMAIN_IDENTITY, /* IOVA == physical address, untranslated */
	UIOMMU_DOMAIN_PAGING, /* an address space that its user fills (Linux: UNMANAGED) */
	UIOMMU_DOMAIN_DMA, /* an address space for the DMA API, invalidated at once ("strict") */
	UIOMMU_DOMAIN_DMA_FQ, /* the same with a flush queue: invalidation may come later */
	UIOMMU_DOMAIN_NESTED, /* a first stage on top of a paging domain */
	UIOMMU_DOMAIN_SVA, /* the page tables of a process */
	UIOMMU_DOMAIN_AUTO, /* as a request only: whatever the system and the members say */
};

/** uiommu_domain_type_name() - "blocked", "identity", "paging", ...: a static string */
UIOMMU_API const char *uiommu_domain_type_name(enum uiommu_domain_type type);

/* What a device is told whose IOMMU is named by firmware but not registered (core-wide policy). */
enum uiommu_defer_policy {
	UIOMMU_DEFER, /* -UIOMMU_EPROBE_DEFER: it may still come */
	UIOMMU_DEFER_NEVER, /* -UIOMMU_ENODEV: no more drivers will come */
	UIOMMU_DEFER_TIMED_OUT, /* -UIOMMU_ETIMEDOUT: waited long enough */
};

/* A translation that the hardware refused, as the driver reports it. */
struct uiommu_fault {
	struct uiommu_instance *instance; /* who refused */
	struct uiommu_device *device; /* NULL if no known device has this source ID */
	uint32_t source_id; /* as the hardware reports it (PCI: bus << 8 | devfn) */
	bool has_pasid;
	uiommu_pasid_t pasid; /* valid if @has_pasid */
	uiommu_iova_t iova; /* page-aligned where the hardware reports pages */
	unsigned int prot; /* UIOMMU_READ or UIOMMU_WRITE: what was tried; 0: not known */
	unsigned int code; /* the hardware's own number */
	const char *reason; /* the same in words; a static string */
	bool lost; /* further faults were lost after this one (overflow) */
	/* The hardware's own words, in this machine's byte order, while the call lasts; NULL: it is not told. */
	const uint64_t *record;
	size_t record_words;
};

struct uiommu_system_config {
	void *host; /* handed to every call of uiommu/port.h */

	/* IDENTITY, DMA or DMA_FQ for groups whose members do not care.  0 (BLOCKED) means DMA. */
	enum uiommu_domain_type default_type;

	/* Memory is encrypted: an IDENTITY default that was not asked for on purpose becomes DMA. */
	bool memory_encrypted;
	bool identity_on_purpose; /* default_type was the administrator's explicit wish */

	enum uiommu_defer_policy defer_policy;

	/* Called for each refused translation; may be NULL.  With no group or system lock held. */
	void (*on_fault)(void *context, const struct uiommu_fault *fault);
	void *context;
};

/**
 * uiommu_system_create() - a machine without instances and devices
 * @config: copied; @config->host must live as long as the system
 * @out: the system on success, owned by the caller until uiommu_system_destroy()
 *
 * Return: 0, -UIOMMU_ENOMEM, -UIOMMU_EINVAL (a default type that cannot be one).
 */
UIOMMU_API int uiommu_system_create(const struct uiommu_system_config *config,
				    struct uiommu_system **out);

/**
 * uiommu_system_destroy() - remove all devices, unregister all instances, free the system
 * @sys: the system; NULL does nothing
 *
 * The instances themselves belong to their drivers and are destroyed by them afterwards.  Domains that
 * the caller allocated must have been freed before; groups that are still referenced are reported.
 */
UIOMMU_API void uiommu_system_destroy(struct uiommu_system *sys);

UIOMMU_API void *uiommu_system_host(const struct uiommu_system *sys);
UIOMMU_API void uiommu_system_set_defer_policy(struct uiommu_system *sys,
					       enum uiommu_defer_policy policy);

/* ---- devices ----------------------------------------------------------------------------------- */

/*
 * The identity of something that firmware describes: an IOMMU, mostly.  Compared by address; owned by
 * whoever parsed the firmware tables, and must outlive every device and instance that names it.
 */
struct uiommu_fwnode {
	const char *name; /* for people: "dmar0", "/soc/iommu@9050000" */
};

struct uiommu_device_desc {
	const char *name; /* copied; "0000:00:04.0"; unique on its system, or it gets a suffix */
	const char *bus; /* "pci", "platform", ...; for people, nothing is decided by it */

	/*
	 * Reads firmware: names the device's IOMMU with uiommu_fwspec_init() and uiommu_fwspec_add_ids()
	 * (driver.h).  Called again at each try until the device is translated.  Returns 0,
	 * -UIOMMU_ENODEV (not behind any IOMMU), or what uiommu_fwspec_init() returned.  NULL: none.
	 */
	int (*configure)(struct uiommu_device *dev, void *context);
	void *context;

	struct uiommu_pci_function *pci; /* NULL if it is not PCI; not copied, outlives the device */
	uint32_t pasid_bits; /* width of the PASIDs that it can send, 0 for none, at most 20 */
	bool untrusted; /* external or removable: never identity, never a flush queue */
};

/* Where a device stands.  "Has a group" and "is translated" are different questions. */
enum uiommu_device_status {
	UIOMMU_STATUS_NO_IOMMU, /* no IOMMU behind it: its DMA is not translated */
	UIOMMU_STATUS_DEFERRED, /* its IOMMU is not registered yet */
	UIOMMU_STATUS_TRANSLATED, /* in a group, behind an instance */
	UIOMMU_STATUS_CONFLICT, /* it came late and demands what its group cannot give: left out */
	UIOMMU_STATUS_FAILED, /* probing failed: uiommu_device_error() says how */
};

/**
 * uiommu_device_add() - a device has appeared
 * @sys: its system
 * @desc: what it is; copied as said there
 * @out: the device on success, owned by the system until uiommu_device_remove()
 *
 * The device is probed at once if its IOMMU is there; otherwise it waits and is adopted when the IOMMU
 * registers.  A device that cannot be probed is still added: ask uiommu_device_status().
 *
 * A device that joins a group whose default domain is running, and that demands another default type
 * or may not be trusted with it, is left out of the group with UIOMMU_STATUS_CONFLICT: it is not
 * translated and no driver can bind to it; uiommu_device_probe() tries again after the group has
 * changed.  (Linux lets it in silently.)
 *
 * Return: 0, -UIOMMU_ENOMEM, -UIOMMU_EINVAL.
 */
UIOMMU_API int uiommu_device_add(struct uiommu_system *sys, const struct uiommu_device_desc *desc,
				 struct uiommu_device **out);

/**
 * uiommu_device_remove() - a device has gone
 * @dev: the device; freed
 *
 * Its attachments end, it is parked as its driver says, it leaves its group.  Cannot fail.
 */
UIOMMU_API void uiommu_device_remove(struct uiommu_device *dev);

/**
 * uiommu_device_probe() - try again to find the device's IOMMU and join a group
 *
 * Return: 0 if the device is translated now, or was; -UIOMMU_EPROBE_DEFER; -UIOMMU_ENODEV: no IOMMU;
 * -UIOMMU_EPERM: conflict with its group; what the driver returned.
 */
UIOMMU_API int uiommu_device_probe(struct uiommu_device *dev);

UIOMMU_API enum uiommu_device_status uiommu_device_status(const struct uiommu_device *dev);
/** uiommu_device_error() - 0, or the negative error of the last probe */
UIOMMU_API int uiommu_device_error(const struct uiommu_device *dev);
UIOMMU_API const char *uiommu_device_name(const struct uiommu_device *dev);
UIOMMU_API struct uiommu_system *uiommu_device_system(const struct uiommu_device *dev);
/** uiommu_device_instance() - the IOMMU that translates it, NULL if none */
UIOMMU_API struct uiommu_instance *uiommu_device_instance(const struct uiommu_device *dev);
/** uiommu_device_has_group() - true also for groups with no IOMMU behind them */
UIOMMU_API bool uiommu_device_has_group(const struct uiommu_device *dev);
/** uiommu_device_is_translated() - an instance stands between this device and memory */
UIOMMU_API bool uiommu_device_is_translated(const struct uiommu_device *dev);
/** uiommu_device_max_pasids() - PASIDs 1 to this - 1 can be attached; 0: no PASID support */
UIOMMU_API uint32_t uiommu_device_max_pasids(const struct uiommu_device *dev);

enum uiommu_cap {
	UIOMMU_CAP_CACHE_COHERENCY, /* UIOMMU_CACHE is honoured */
	UIOMMU_CAP_NOEXEC, /* UIOMMU_NOEXEC is honoured */
	UIOMMU_CAP_PRE_BOOT_PROTECTION, /* firmware kept devices from DMA before us */
	UIOMMU_CAP_ENFORCE_CACHE_COHERENCY, /* a domain can force snooping for this device */
	UIOMMU_CAP_DEFERRED_FLUSH, /* a flush queue is worth it */
	UIOMMU_CAP_DIRTY_TRACKING, /* domains for this device can track writes */
	UIOMMU_CAP_ATS, /* ATS is supported and allowed */
	UIOMMU_CAP_HITLESS_REPLACE, /* between two paging domains of the default kind (allocated with
				     * no flags) a replace has no gap: DMA that both map never faults */
	UIOMMU_CAP_WRITE_ONLY, /* in domains of the default kind what is mapped without UIOMMU_READ
				* cannot be read; elsewhere writing may imply reading */
};

/** uiommu_device_capable() - the driver's answer for this device; false without an instance */
UIOMMU_API bool uiommu_device_capable(struct uiommu_device *dev, enum uiommu_cap cap);

/* What uiommu_device_hw_info() tells.  The numbers are those of Linux's IOMMU_HW_INFO_TYPE_x. */
enum uiommu_hw_info_type {
	UIOMMU_HW_INFO_NONE = 0,
	UIOMMU_HW_INFO_VTD = 1, /* struct uiommu_vtd_hw_info of uiommu/vtd.h */
	UIOMMU_HW_INFO_SMMUV3 = 2, /* struct uiommu_smmuv3_hw_info of uiommu/smmuv3.h */
};

/**
 * uiommu_device_hw_info() - the registers that say what @dev's IOMMU can do, as the hardware has them
 * @dev: the device
 * @type: enum uiommu_hw_info_type: what is asked for, NONE: whatever there is; on success what @data is
 * @data: gets as much as fits
 * @size: its bytes; on success those of the whole, 0 with NONE
 *
 * Return: 0; -UIOMMU_ENODEV: no IOMMU; -UIOMMU_EOPNOTSUPP: it has nothing of this @type.
 */
UIOMMU_API int uiommu_device_hw_info(struct uiommu_device *dev, uint32_t *type, void *data,
				     size_t *size);

enum uiommu_bind_flags {
	UIOMMU_BIND_MANAGED_DMA = 1u << 0, /* the driver takes ownership itself (VFIO): no gate */
};

/**
 * uiommu_device_bind_driver() - a client driver is about to use the device
 * @dev: the device
 * @flags: enum uiommu_bind_flags
 *
 * The ownership gate: unless UIOMMU_BIND_MANAGED_DMA is given, the device's group must be on its
 * default domain with no owner and no PASID attached; it then stays so until the driver unbinds.
 *
 * Return: 0 (also for a device with no IOMMU: it runs untranslated), -UIOMMU_EPROBE_DEFER (its IOMMU
 * or its group's default domain is not there yet), -UIOMMU_EBUSY (the group is owned, or is used
 * otherwise, or the device is bound already), -UIOMMU_EPERM (UIOMMU_STATUS_CONFLICT), and
 * uiommu_device_error() for a device with UIOMMU_STATUS_FAILED: it has an IOMMU, so it neither runs
 * untranslated nor is it isolated.  (Linux lets its driver run.)
 */
UIOMMU_API int uiommu_device_bind_driver(struct uiommu_device *dev, unsigned int flags);

/** uiommu_device_unbind_driver() - the client driver is gone; without a bind: reported, no effect */
UIOMMU_API void uiommu_device_unbind_driver(struct uiommu_device *dev);

/**
 * uiommu_device_deferred_attach() - first DMA of a device whose attachment waited for it
 *
 * Return: 0 also if nothing was deferred; otherwise as uiommu_attach_group().
 */
UIOMMU_API int uiommu_device_deferred_attach(struct uiommu_device *dev);

/* ---- groups ------------------------------------------------------------------------------------ */

/**
 * uiommu_group_get() - the device's group with a new reference, NULL if it has none
 *
 * The reference keeps the object, not its members: when all have left, operations on it fail with
 * -UIOMMU_ENODEV.  Give it back with uiommu_group_put().
 */
UIOMMU_API struct uiommu_group *uiommu_group_get(struct uiommu_device *dev);
UIOMMU_API void uiommu_group_put(struct uiommu_group *group);
/** uiommu_group_id() - small, 0-based, unique among the living groups of a system, used again later */
UIOMMU_API unsigned int uiommu_group_id(const struct uiommu_group *group);
UIOMMU_API unsigned int uiommu_group_num_devices(struct uiommu_group *group);

/**
 * uiommu_group_for_each_device() - visit the members in the order in which they joined
 * @group: the group
 * @visit: called with the group locked: no function that takes a group may be called from it, except
 *	uiommu_domain_alloc_paging() and the questions about devices; a value other than 0 ends the visit
 * @context: handed to @visit
 *
 * Return: what @visit returned last, 0 if there are no members.
 */
UIOMMU_API int uiommu_group_for_each_device(struct uiommu_group *group,
					    int (*visit)(struct uiommu_device *dev, void *context),
					    void *context);

/** uiommu_group_default_type() - what the group's default domain is; BLOCKED also if it has none */
UIOMMU_API enum uiommu_domain_type uiommu_group_default_type(struct uiommu_group *group);

/**
 * uiommu_group_set_default_type() - change the default domain (Linux: sysfs "type")
 * @group: the group
 * @type: IDENTITY, DMA, DMA_FQ, or AUTO to choose again from all members
 *
 * DMA to DMA_FQ is possible while drivers are bound, if every member reports
 * UIOMMU_CAP_DEFERRED_FLUSH and none is untrusted; every other change needs all drivers gone.
 *
 * Return: 0; -UIOMMU_EPERM: a driver is bound, or the group is owned, or it is empty; -UIOMMU_EINVAL:
 * not a default type, or a member demands another one; -UIOMMU_EBUSY: another domain than the default
 * is attached, or one is attached to a PASID; otherwise as uiommu_attach_group(), with the old default
 * domain in place.
 */
UIOMMU_API int uiommu_group_set_default_type(struct uiommu_group *group,
					     enum uiommu_domain_type type);

enum uiommu_resv_type {
	UIOMMU_RESV_DIRECT, /* mapped 1:1 always; the device may never be blocked */
	UIOMMU_RESV_DIRECT_RELAXABLE, /* mapped 1:1 by default, may be given up for a user */
	UIOMMU_RESV_RESERVED, /* never handed out as IOVA */
	UIOMMU_RESV_MSI, /* the hardware takes writes here for interrupts */
	UIOMMU_RESV_SW_MSI, /* where software maps the interrupt doorbells */
};

/**
 * uiommu_resv_type_name() - "direct", "direct-relaxable", "reserved", "msi": a static string
 *
 * As Linux's sysfs names them: both kinds of MSI are "msi", since a user has to keep away from either.
 */
UIOMMU_API const char *uiommu_resv_type_name(enum uiommu_resv_type type);

struct uiommu_resv_region {
	uiommu_iova_t start;
	uiommu_iova_t last; /* inclusive */
	unsigned int prot; /* of the 1:1 mapping */
	enum uiommu_resv_type type;
};

/**
 * uiommu_group_resv_regions() - the reserved regions of all members
 * @group: the group
 * @regions: room for @capacity of them, sorted by start, overlapping ones of one type merged
 * @capacity: may be 0, with @regions NULL
 * @count: how many there are, which may be more than @capacity
 *
 * Return: 0, -UIOMMU_ENOMEM, -UIOMMU_ENODEV (no member with an IOMMU).
 */
UIOMMU_API int uiommu_group_resv_regions(struct uiommu_group *group,
					 struct uiommu_resv_region *regions, size_t capacity,
					 size_t *count);

/* ---- ownership --------------------------------------------------------------------------------- */

/**
 * uiommu_group_claim_dma_owner() - take the group's DMA away from client drivers
 * @group: the group
 * @owner: a cookie, not NULL, compared by address
 *
 * On success the group is blocked, and only the owner attaches domains.
 *
 * Return: 0; -UIOMMU_EPERM: a driver is bound or it is owned already; -UIOMMU_EBUSY: it is not on its
 * default domain, or a PASID is attached; -UIOMMU_EINVAL: @owner is NULL, or a member has a DIRECT
 * region and so can never be blocked; -UIOMMU_ENODEV: no members.
 */
UIOMMU_API int uiommu_group_claim_dma_owner(struct uiommu_group *group, void *owner);

/**
 * uiommu_group_release_dma_owner() - give the group back; its default domain is attached again
 *
 * With a PASID still attached it is refused and reported: the ownership stays.
 */
UIOMMU_API void uiommu_group_release_dma_owner(struct uiommu_group *group);

/**
 * uiommu_device_claim_dma_owner() - the same through one device, counted
 *
 * Several devices of one group can be claimed with the same @owner; the last release gives the group
 * back.  Return: as for the group; -UIOMMU_EPERM if another owner has it.
 */
UIOMMU_API int uiommu_device_claim_dma_owner(struct uiommu_device *dev, void *owner);
UIOMMU_API void uiommu_device_release_dma_owner(struct uiommu_device *dev);
UIOMMU_API bool uiommu_group_dma_owner_claimed(struct uiommu_group *group);
/** uiommu_group_dma_is_free() - neither an owner nor a driver that uses the DMA API has the group */
UIOMMU_API bool uiommu_group_dma_is_free(struct uiommu_group *group);

/* ---- domains ----------------------------------------------------------------------------------- */

enum uiommu_alloc_flags {
	UIOMMU_ALLOC_PASID = 1u << 0, /* can be attached to PASIDs too */
	UIOMMU_ALLOC_DIRTY_TRACKING = 1u << 1, /* can record writes */
	UIOMMU_ALLOC_NEST_PARENT = 1u << 2, /* can be the parent of nested domains */
};

/**
 * uiommu_domain_alloc_paging() - an empty address space in a format that @dev's IOMMU reads
 * @dev: the device that it is made for; others can be attached if their IOMMU reads the same
 * @flags: enum uiommu_alloc_flags
 * @out: the domain on success, owned by the caller until uiommu_domain_free()
 *
 * Return: 0, -UIOMMU_ENODEV (no IOMMU), -UIOMMU_EOPNOTSUPP (a flag that its IOMMU lacks),
 * -UIOMMU_EINVAL (unknown flag), -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_domain_alloc_paging(struct uiommu_device *dev, unsigned int flags,
					  struct uiommu_domain **out);

/*
 * Whose first stage a nested domain has: the format of @data and of invalidation entries, 64-bit little-endian
 * words.  The numbers are those of Linux's IOMMU_HWPT_DATA_x.
 */
enum uiommu_nested_type {
	UIOMMU_NESTED_VTD_S1 = 1, /* uiommu/vtd.h */
	UIOMMU_NESTED_SMMUV3 = 2, /* uiommu/smmuv3.h */
};

/**
 * uiommu_domain_alloc_nested() - a guest's translation on top of one of the host's
 * @dev: the device that it is made for
 * @parent: a paging domain with UIOMMU_ALLOC_NEST_PARENT, of @dev's driver and system.  What the guest takes
 *          for physical addresses goes through it.  It cannot be freed before its nested domains.
 * @type: what @data is
 * @data: what the guest says; not looked at after the call
 * @size: its bytes; bytes beyond those that the type has must be zero
 * @flags: none yet: 0
 * @out: the domain on success, owned by the caller until uiommu_domain_free()
 *
 * Attaching it attaches both stages.  Nothing can be mapped in it: its mappings are in the guest's memory.
 * What the guest's hardware would need invalidated has to go through uiommu_domain_cache_invalidate(); what
 * is unmapped in @parent is gone at once, as for any domain.
 *
 * Return: 0; -UIOMMU_ENODEV: no IOMMU; -UIOMMU_EOPNOTSUPP: the driver or its hardware has no such domains,
 * no such @type, or a flag; -UIOMMU_EINVAL: the parent, or too few bytes; -UIOMMU_E2BIG: bytes beyond;
 * -UIOMMU_EIO: the guest asks for something that it cannot have; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_domain_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
					  enum uiommu_nested_type type, const void *data,
					  size_t size, unsigned int flags,
					  struct uiommu_domain **out);

/**
 * uiommu_domain_cache_invalidate() - carry out invalidations that a guest asks for
 * @domain: a nested domain, attached or not
 * @type: what the entries are
 * @entries: @count entries of @entry_size bytes each
 * @entry_size: bytes beyond those that the type has must be zero
 * @count: how many; on return, also with an error, how many of the first ones are done
 *
 * In their order; the first bad one ends it.  When it returns, what the first @count entries name is gone
 * from all caches that @domain's devices use.
 *
 * Return: 0; -UIOMMU_EINVAL: not a nested domain, or an entry too small; -UIOMMU_EOPNOTSUPP: no such @type;
 * -UIOMMU_E2BIG: bytes beyond; -UIOMMU_EIO: an entry that a guest may not have, or the hardware failed.
 */
UIOMMU_API int uiommu_domain_cache_invalidate(struct uiommu_domain *domain,
					      enum uiommu_nested_type type, const void *entries,
					      size_t entry_size, size_t *count);

/**
 * uiommu_domain_alloc_identity() - the untranslated behaviour of @dev's IOMMU
 *
 * Often a domain that the driver shares; uiommu_domain_free() does the right thing either way.
 * Return: 0, -UIOMMU_ENODEV, -UIOMMU_EOPNOTSUPP, -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_domain_alloc_identity(struct uiommu_device *dev, struct uiommu_domain **out);

/**
 * uiommu_domain_blocked() - the static blocked domain of @dev's IOMMU, NULL if its driver has none
 */
UIOMMU_API struct uiommu_domain *uiommu_domain_blocked(struct uiommu_device *dev);

/**
 * uiommu_domain_free() - the end of a domain, with whatever is still mapped in it
 * @domain: not attached anywhere, nor the parent of nested domains: one in use is reported and left alone;
 *          NULL does nothing
 */
UIOMMU_API void uiommu_domain_free(struct uiommu_domain *domain);

UIOMMU_API enum uiommu_domain_type uiommu_domain_type(const struct uiommu_domain *domain);
/** uiommu_domain_pgsizes() - a bit for each leaf size in bytes; the lowest is the granule */
UIOMMU_API uint64_t uiommu_domain_pgsizes(const struct uiommu_domain *domain);

/* Where a domain can map.  Sign-extended formats have two ranges with a hole in between. */
struct uiommu_geometry {
	unsigned int ranges; /* 1 or 2 */
	struct {
		uiommu_iova_t start;
		uiommu_iova_t last; /* inclusive */
	} range[2];
	uiommu_phys_t last_phys; /* the highest physical address that an entry can hold */
};

UIOMMU_API void uiommu_domain_geometry(const struct uiommu_domain *domain,
				       struct uiommu_geometry *geometry);

/* ---- mappings ---------------------------------------------------------------------------------- */

/**
 * uiommu_map() - let devices reach physical memory
 * @domain: a paging domain, attached or not
 * @iova: first byte, a multiple of the granule
 * @paddr: first byte, a multiple of the granule
 * @size: bytes, a multiple of the granule, not 0; may end with the last byte of the address space
 * @prot: enum uiommu_prot with READ or WRITE
 *
 * The largest leaves that fit are used.  When it returns, every device attached to the domain can use
 * the range.  Nothing that is mapped is ever overwritten.
 *
 * Return: 0; on error the range is as it was before:
 * -UIOMMU_EINVAL: size 0, neither READ nor WRITE, unknown @prot, not a paging domain;
 * -UIOMMU_ENXIO: misaligned;
 * -UIOMMU_EOVERFLOW: @iova or @paddr plus @size wraps;
 * -UIOMMU_ERANGE: outside of uiommu_domain_geometry();
 * -UIOMMU_EADDRINUSE: something in the range is mapped;
 * -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,
			  uint64_t size, unsigned int prot);

struct uiommu_sg {
	uiommu_phys_t paddr; /* a multiple of the granule */
	uint64_t size; /* bytes, a multiple of the granule, not 0 */
};

/**
 * uiommu_map_sg() - map scattered pieces one after the other
 * @domain: as for uiommu_map()
 * @iova: where the first piece goes; the next follows directly
 * @sg: the pieces
 * @count: how many
 * @prot: as for uiommu_map()
 * @mapped: all bytes on success, 0 on failure
 *
 * Return: as uiommu_map(); on error nothing of the list is mapped.
 */
UIOMMU_API int uiommu_map_sg(struct uiommu_domain *domain, uiommu_iova_t iova,
			     const struct uiommu_sg *sg, size_t count, unsigned int prot,
			     uint64_t *mapped);

/**
 * uiommu_unmap() - end what was mapped
 * @domain: a paging domain
 * @iova: a multiple of the granule
 * @size: bytes, a multiple of the granule
 *
 * Unmaps from @iova on until @size bytes are gone or the first hole.  Leaves are never split: one that
 * starts inside the range but reaches past it goes as a whole, and the result is then larger than
 * @size; one that starts before the range ends the operation.  Callers unmap what they mapped.
 *
 * When it returns, no device can use the old translation: not through any IOTLB, paging-structure
 * cache or device TLB.
 *
 * Return: bytes that are gone, from @iova on; 0 if @iova is not mapped, or if @iova or @size is
 * misaligned, or the range wraps.
 */
UIOMMU_API uint64_t uiommu_unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size);

/*
 * What an unmap left to be invalidated.  Several unmaps of one domain can share a gather; devices may
 * use the old translations, and the freed tables are kept, until uiommu_iotlb_sync().
 */
struct uiommu_iotlb_gather {
	uiommu_iova_t start; /* start > last: nothing gathered */
	uiommu_iova_t last;
	uint64_t pgsize; /* smallest leaf in the range, 0: not known */
	bool queued; /* a flush of everything will follow: the driver only collects tables */
	bool tables; /* a table was removed: paging-structure caches have to go too */
	void *freed; /* newest freed table; each one's first 8 bytes: pointer of the next one,
			as a physical address (see driver.h) */
	size_t num_freed;
	unsigned int freed_order; /* each freed table is 4096 << freed_order bytes */
};

/** uiommu_iotlb_gather_init() - an empty gather; @queued as above */
static inline void uiommu_iotlb_gather_init(struct uiommu_iotlb_gather *gather, bool queued)
{
	gather->start = UINT64_MAX;
	gather->last = 0;
	gather->pgsize = 0;
	gather->queued = queued;
	gather->tables = false;
	gather->freed = NULL;
	gather->num_freed = 0;
	gather->freed_order = 0;
}

/** uiommu_unmap_gather() - as uiommu_unmap(), but the invalidation waits for uiommu_iotlb_sync() */
UIOMMU_API uint64_t uiommu_unmap_gather(struct uiommu_domain *domain, uiommu_iova_t iova,
					uint64_t size, struct uiommu_iotlb_gather *gather);

/** uiommu_iotlb_sync() - invalidate what was gathered, free its tables, leave the gather empty */
UIOMMU_API void uiommu_iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather);

/** uiommu_flush_iotlb_all() - invalidate everything that was ever cached of the domain */
UIOMMU_API void uiommu_flush_iotlb_all(struct uiommu_domain *domain);

/**
 * uiommu_iova_to_phys() - what a device would reach
 * @domain: any domain
 * @iova: any address
 *
 * Return: the exact physical byte; @iova itself for identity; 0 if it is not mapped, and for blocked.
 */
UIOMMU_API uiommu_phys_t uiommu_iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova);

/**
 * uiommu_enforce_cache_coherency() - make all DMA of the domain snoop, whatever devices ask for
 *
 * Before anything is mapped.  Return: true if it holds from now on for everything attached; a device
 * that cannot do it is then refused by attach with -UIOMMU_EINVAL.
 */
UIOMMU_API bool uiommu_enforce_cache_coherency(struct uiommu_domain *domain);

/* ---- dirty tracking ---------------------------------------------------------------------------- */

/**
 * uiommu_set_dirty_tracking() - start or stop recording writes
 * @domain: allocated with UIOMMU_ALLOC_DIRTY_TRACKING
 * @enable: starting clears what was recorded; starting twice is fine
 *
 * Return: 0; -UIOMMU_EOPNOTSUPP without the flag; the driver's error, with nothing changed.
 */
UIOMMU_API int uiommu_set_dirty_tracking(struct uiommu_domain *domain, bool enable);

enum uiommu_dirty_flags {
	UIOMMU_DIRTY_NO_CLEAR = 1u << 0, /* only look */
};

/* Bit n of @bits stands for bytes [iova + n * page_size, + page_size).  Bits are set, never cleared. */
struct uiommu_dirty_bitmap {
	uiommu_iova_t iova; /* a multiple of page_size */
	uint64_t page_size; /* a power of two, at least 4096 */
	uint64_t num_bits;
	uint64_t *bits; /* (num_bits + 63) / 64 words, the caller's */
};

/**
 * uiommu_read_and_clear_dirty() - which pages were written
 * @domain: with dirty tracking
 * @iova: first byte, a multiple of the granule and of the bitmap's page size
 * @size: bytes, the same
 * @flags: enum uiommu_dirty_flags
 * @bitmap: covers the range; a large leaf sets the bits of the part of it that was asked about
 *
 * When it returns, a write to a page that was cleared is recorded anew.
 *
 * Return: 0, -UIOMMU_EOPNOTSUPP (no dirty tracking), -UIOMMU_EINVAL (page size 0 or not a power of
 * two, misaligned, range not inside the bitmap), -UIOMMU_EOVERFLOW (range or bitmap wraps).
 */
UIOMMU_API int uiommu_read_and_clear_dirty(struct uiommu_domain *domain, uiommu_iova_t iova,
					   uint64_t size, unsigned int flags,
					   const struct uiommu_dirty_bitmap *bitmap);

/* ---- attachment -------------------------------------------------------------------------------- */

/*
 * What one (group, PASID) is attached to, for a user who wants to find their own object again when a
 * fault arrives.  Embedded in the user's structure; untouched by the user from attach to detach.
 */
struct uiommu_attach_handle {
	struct uiommu_domain *domain;
};

/**
 * uiommu_attach_group() - all DMA without PASID of the group goes through @domain from now on
 * @domain: a domain of the group's own IOMMU driver
 * @group: on its default or blocking domain
 *
 * All members are prepared before any is switched: if it fails, every one still has its old
 * translation.  While it succeeds a device reaches the old or the new translation, never a third.
 *
 * Return: 0, also if it is attached already; -UIOMMU_EBUSY: another domain is attached; -UIOMMU_EINVAL:
 * another driver's domain, or one that does not fit this hardware (try another), or a blocking
 * domain on a device with a DIRECT region; -UIOMMU_ENODEV: no members; -UIOMMU_ENOMEM,
 * -UIOMMU_ENOSPC.
 */
UIOMMU_API int uiommu_attach_group(struct uiommu_domain *domain, struct uiommu_group *group);

/** uiommu_detach_group() - back to the core's domain: blocking if owned, default otherwise */
UIOMMU_API void uiommu_detach_group(struct uiommu_domain *domain, struct uiommu_group *group);

/** uiommu_attach_device() - the same for a device alone in its group; -UIOMMU_EINVAL if it is not */
UIOMMU_API int uiommu_attach_device(struct uiommu_domain *domain, struct uiommu_device *dev);
UIOMMU_API void uiommu_detach_device(struct uiommu_domain *domain, struct uiommu_device *dev);

/** uiommu_group_domain() - what the group's RIDs are attached to now; valid while that lasts */
UIOMMU_API struct uiommu_domain *uiommu_group_domain(struct uiommu_group *group);

/**
 * uiommu_attach_group_handle() - attach, and remember @handle for (group, RID)
 *
 * Return: as uiommu_attach_group(); -UIOMMU_EBUSY if there is a handle already; -UIOMMU_EINVAL if
 * @handle is NULL or in use.  The handle is published after the hardware has been switched.
 */
UIOMMU_API int uiommu_attach_group_handle(struct uiommu_domain *domain, struct uiommu_group *group,
					  struct uiommu_attach_handle *handle);

/**
 * uiommu_replace_group_handle() - switch the group from whatever it has to @domain
 * @domain: the new domain
 * @group: the group
 * @handle: not in use anywhere; replaces the handle that was there, if any
 *
 * Return: as uiommu_attach_group(); on error the old domain and handle are still there.
 */
UIOMMU_API int uiommu_replace_group_handle(struct uiommu_group *group, struct uiommu_domain *domain,
					   struct uiommu_attach_handle *handle);
UIOMMU_API void uiommu_detach_group_handle(struct uiommu_domain *domain,
					   struct uiommu_group *group);

/**
 * uiommu_attach_handle_get() - the handle of (group, PASID)
 * @group: the group
 * @pasid: 0 for the RID
 * @type: what the handle's domain has to be; AUTO: anything
 * @out: the handle on success; the caller keeps it from being detached while using it
 *
 * Return: 0; -UIOMMU_ENOENT: none there; -UIOMMU_EBUSY: another type.
 */
UIOMMU_API int uiommu_attach_handle_get(struct uiommu_group *group, uiommu_pasid_t pasid,
					enum uiommu_domain_type type,
					struct uiommu_attach_handle **out);

/* ---- PASIDs ------------------------------------------------------------------------------------ */

/**
 * uiommu_attach_device_pasid() - requests of @dev's group with @pasid go through @domain
 * @domain: a domain of its driver
 * @dev: a device with PASID support
 * @pasid: 1 to uiommu_device_max_pasids() - 1 of each member that has PASIDs
 * @handle: may be NULL
 *
 * RID and PASID attachments are independent of each other.  Members without PASIDs are passed over;
 * @dev itself must have them.
 *
 * Return: 0; -UIOMMU_ENODEV: no group or IOMMU; -UIOMMU_EOPNOTSUPP: @dev has no PASIDs, or the domain
 * or driver cannot; -UIOMMU_EINVAL: PASID 0 or too large, another driver's domain, @handle in use;
 * -UIOMMU_EBUSY: the PASID is attached already; -UIOMMU_ENOMEM, -UIOMMU_ENOSPC.
 */
UIOMMU_API int uiommu_attach_device_pasid(struct uiommu_domain *domain, struct uiommu_device *dev,
					  uiommu_pasid_t pasid,
					  struct uiommu_attach_handle *handle);

/**
 * uiommu_replace_device_pasid() - switch a PASID that is attached
 *
 * With the same domain and a new handle only the handle changes.  Return: as above;
 * -UIOMMU_EINVAL: nothing is attached, or @handle is NULL or the one in place.  On error the old
 * translation and handle are still there.
 */
UIOMMU_API int uiommu_replace_device_pasid(struct uiommu_domain *domain, struct uiommu_device *dev,
					   uiommu_pasid_t pasid,
					   struct uiommu_attach_handle *handle);

/**
 * uiommu_detach_device_pasid() - requests with @pasid are blocked again
 *
 * When it returns nothing is translated through the old domain.  A PASID that is not attached, or is
 * attached to another domain than @domain, is left alone and reported.
 */
UIOMMU_API void uiommu_detach_device_pasid(struct uiommu_domain *domain, struct uiommu_device *dev,
					   uiommu_pasid_t pasid);

/* ---- resets ------------------------------------------------------------------------------------ */

/**
 * uiommu_device_reset_prepare() - a function of a device is about to be reset
 * @dev: the device
 *
 * Its DMA is blocked, with and without PASID, and its device TLB is out of use, until the matching
 * uiommu_device_reset_done(); what its group is attached to stays on record.  Devices that the IOMMU cannot
 * tell from it (the same source ID) are blocked with it and come back when none of them is in reset.
 * Calls nest.  Meanwhile attach and replace (RID or PASID) on its group give -UIOMMU_EBUSY; detach works.
 *
 * The host resets the function between the two calls and restores its configuration space, the ATS, PRI and
 * PASID capabilities included.
 *
 * Return: 0, also for a device with no IOMMU, and for one that firmware forbids to block (a DIRECT
 * region) if it has no device TLB: that one stays translated; -UIOMMU_EINVAL: such a device with a device
 * TLB; -UIOMMU_ENOMEM; or the driver's error: nothing has changed then and the reset must not be done.
 */
UIOMMU_API int uiommu_device_reset_prepare(struct uiommu_device *dev);

/**
 * uiommu_device_reset_done() - the reset is over
 *
 * The last one of nested calls attaches what the group has by now: its domain, and every PASID.  Ends
 * quarantine.  Without a prepare: reported, no effect.
 */
UIOMMU_API void uiommu_device_reset_done(struct uiommu_device *dev);

/** uiommu_device_in_reset() - between prepare and done, for itself or for a device with its source ID */
UIOMMU_API bool uiommu_device_in_reset(const struct uiommu_device *dev);

/**
 * uiommu_device_domain() - what this device's requests without PASID are attached to now
 *
 * The group's domain, but a blocking one while the device is in reset.  Valid while that lasts.
 */
UIOMMU_API struct uiommu_domain *uiommu_device_domain(struct uiommu_device *dev);

/**
 * uiommu_device_quarantined() - it did not answer an invalidation of its device TLB in time
 *
 * Its translated requests are refused and its device TLB is out of use, so that no stale translation can be
 * used; a fault with the reason was reported.  Ends with a reset or its removal.
 */
UIOMMU_API bool uiommu_device_quarantined(const struct uiommu_device *dev);

/* ---- faults ------------------------------------------------------------------------------------ */

/**
 * uiommu_set_fault_handler() - hear of refused translations of one domain
 * @domain: a paging or nested domain
 * @handler: NULL ends it; called beside the system's on_fault, under the same conditions
 * @token: handed to @handler
 *
 * When this returns no handler of before is running any more; so it is not called from one, nor with a lock that one
 * takes.  Freeing the domain ends it likewise.
 */
UIOMMU_API void uiommu_set_fault_handler(struct uiommu_domain *domain,
					 void (*handler)(const struct uiommu_fault *fault,
							 void *token),
					 void *token);

/**
 * uiommu_instance_poll() - look for faults and errors now
 *
 * For hosts without interrupts, and for tests.  Return: how many faults were reported.
 */
UIOMMU_API unsigned int uiommu_instance_poll(struct uiommu_instance *instance);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_UIOMMU_H */
