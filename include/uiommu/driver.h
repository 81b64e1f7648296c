/* SPDX-License-Identifier: MIT */
/*
 * uiommu/driver.h - for those who write an IOMMU driver
 *
 * A driver fills in a struct uiommu_ops, embeds a struct uiommu_instance in its own structure for each
 * hardware IOMMU and a struct uiommu_domain for each domain, and registers its instances.  The core
 * calls the operations; every operation is reached through a device or a domain, never through a bus.
 *
 * Contexts.  Operations on a device (probe to release, attach, PASIDs) run under the group's mutex or
 * the system's probe mutex and may sleep.  Attaching is serialised per group only: one domain can be
 * attached through two groups at the same time, while a third thread maps into it.  map, unmap,
 * iova_to_phys and dirty operations run in any context, on disjoint ranges in parallel.
 *
 * What the core has already checked when an operation is called is said beside each; a driver does not
 * check it again.
 */
#ifndef UIOMMU_DRIVER_H
#define UIOMMU_DRIVER_H

#include <stdarg.h>
#include <uiommu/fault.h>
#include <uiommu/port.h>
#include <uiommu/sva.h>
#include <uiommu/uiommu.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_ops;
struct uiommu_domain_ops;
struct uiommu_resv_list;

/* ---- registers --------------------------------------------------------------------------------- */

/*
 * How an instance reaches its registers.  Offsets in bytes from the register base.  On hardware the
 * functions are plain volatile accesses; on an emulator they are messages.  The narrow ones are for
 * hardware that has narrow registers (virtio); others may leave them NULL.
 */
struct uiommu_mmio {
	uint32_t (*read32)(void *context, uint64_t offset);
	uint64_t (*read64)(void *context, uint64_t offset);
	void (*write32)(void *context, uint64_t offset, uint32_t value);
	void (*write64)(void *context, uint64_t offset, uint64_t value);
	void *context;
	uint8_t (*read8)(void *context, uint64_t offset);
	uint16_t (*read16)(void *context, uint64_t offset);
	void (*write8)(void *context, uint64_t offset, uint8_t value);
	void (*write16)(void *context, uint64_t offset, uint16_t value);
};

/* ---- objects that drivers embed ---------------------------------------------------------------- */

/*
 * One hardware IOMMU.  The driver sets the first block, zeroes the rest and calls
 * uiommu_instance_register(); the structure stays in place until uiommu_instance_unregister().
 */
struct uiommu_instance {
	const struct uiommu_ops *ops;
	const struct uiommu_fwnode *fwnode; /* how firmware names it; required */
	const char *name; /* for people: "dmar0" */
	uint32_t max_pasids; /* PASIDs 0 to this - 1; 0: none */
	uint64_t address; /* of its registers, physical; 0: its host did not say */
	struct uiommu_pci_function *pci; /* it is one itself; NULL: it is none */

	/* The core's. */
	struct uiommu_system *sys;
	struct uiommu_instance *next;
	struct uiommu_group *singleton_group;
	unsigned int num_devices;
	bool ready;
};

/*
 * A domain.  The driver sets the first block in its alloc operation; the core then sets the second.
 * The static domains of a driver (identity, blocked) are const objects with only @type and @ops.
 */
struct uiommu_domain {
	enum uiommu_domain_type type; /* the driver says PAGING; the core may make it DMA */
	const struct uiommu_domain_ops *ops;
	uint64_t pgsizes; /* leaf sizes, a bit each; for paging domains */
	struct uiommu_geometry geometry; /* for paging domains */
	unsigned int alloc_flags; /* those of enum uiommu_alloc_flags that it fulfils */
	bool owns_pasids; /* nested: PASIDs are the guest's, and requests with one are this domain's */

	/* The core's. */
	struct uiommu_domain *parent; /* of a nested domain: its second stage */
	const struct uiommu_ops *owner; /* whose it is; NULL for static domains */
	struct uiommu_system *sys;
	unsigned int *users; /* attachments, atomic; NULL for static domains */
	void (*fault_handler)(const struct uiommu_fault *fault, void *token);
	void *fault_token;
	unsigned int faults; /* calls of a handler that have not returned */
	int (*page_handler)(struct uiommu_fault_group *group, void *token);
	void *page_token;
	struct uiommu_mm *mm; /* of an SVA domain: held */
};

/*
 * One device being switched from one domain to another: the argument of the two-phase attach.  Made
 * by the core, valid from prepare to the end of commit or abort.
 */
struct uiommu_attach {
	struct uiommu_device *dev;
	uiommu_pasid_t pasid; /* UIOMMU_RID for the device itself */
	struct uiommu_domain *domain; /* the new one */
	struct uiommu_domain *old; /* what it has now; NULL: nothing was ever attached */
	void *priv; /* the driver's, from prepare to commit or abort */
};

/* What an instance's hardware says of itself, for people. */
struct uiommu_instance_info {
	uint32_t version; /* VT-d: VER, 11.4.1 */
	uint64_t cap, ecap; /* VT-d: CAP and ECAP, 11.4.2 and 11.4.3 */
	uint32_t domains_supported, domains_used; /* domain IDs */
};

/* ---- operations -------------------------------------------------------------------------------- */

/*
 * What a driver can do.  One table for each kind of hardware that it serves; domains may move between
 * instances only if these have the same table.  All are optional unless they say "required".
 */
struct uiommu_ops {
	const char *name; /* "vtd"; required */

	/* Static domains, shared by all instances.  See uiommu_domain_ops for what they implement. */
	const struct uiommu_domain *identity_domain;
	const struct uiommu_domain *blocked_domain; /* attaching it must never fail */
	const struct uiommu_domain *release_domain; /* attached before release_device */
	const struct uiommu_domain *default_domain; /* forces the default domain of every group */

	/*
	 * Is @dev ours?  Its firmware spec names @instance.  Allocate what the device needs and keep it
	 * with uiommu_device_set_priv().  Returns 0, -UIOMMU_ENODEV (not ours: no error), or an error.
	 * Required.
	 */
	int (*probe_device)(struct uiommu_instance *instance, struct uiommu_device *dev);

	/* Undo probe_device.  The device is parked in release_domain, or was never attached. */
	void (*release_device)(struct uiommu_device *dev);

	/* The device is attached to its default domain now. */
	void (*probe_finalize)(struct uiommu_device *dev);

	/*
	 * Which group does @dev belong to?  Gives a group with a reference for the core: one of
	 * uiommu_generic_device_group(), uiommu_single_device_group(), uiommu_pci_device_group(), or that
	 * of another device.  Required.
	 */
	int (*device_group)(struct uiommu_device *dev, struct uiommu_group **out);

	bool (*capable)(struct uiommu_device *dev, enum uiommu_cap cap);

	/* As uiommu_device_hw_info(), with room for 64 bytes at @data, aligned to 8; NULL: nothing to tell. */
	int (*hw_info)(struct uiommu_device *dev, uint32_t *type, void *data, size_t *size);

	/* Append the device's reserved regions with uiommu_resv_add(); 0 or -UIOMMU_ENOMEM. */
	int (*get_resv_regions)(struct uiommu_device *dev, struct uiommu_resv_list *list);

	/* AUTO: no opinion.  IDENTITY or DMA: the device works with nothing else. */
	enum uiommu_domain_type (*def_domain_type)(struct uiommu_device *dev);

	/* True: do not touch the hardware until the device's first DMA (a crash kernel). */
	bool (*is_attach_deferred)(struct uiommu_device *dev);

	/*
	 * A new paging domain that @dev's hardware can walk.  @flags were checked against the known ones;
	 * one that the hardware cannot fulfil gives -UIOMMU_EOPNOTSUPP.
	 */
	int (*domain_alloc_paging)(struct uiommu_device *dev, unsigned int flags,
				   struct uiommu_domain **out);

	/*
	 * A first stage on top of @parent, which was checked: a paging domain of this driver that was
	 * allocated with NEST_PARENT, perhaps through another instance.  @size is not 0, @flags are 0.
	 * Give a domain of type NESTED without paging operations.  The core keeps @parent until it is
	 * freed.  Errors are those of uiommu_domain_alloc_nested().
	 */
	int (*domain_alloc_nested)(struct uiommu_device *dev, struct uiommu_domain *parent,
				   enum uiommu_nested_type type, const void *data, size_t size,
				   struct uiommu_domain **out);

	/* Only for drivers without a static identity domain. */
	int (*domain_alloc_identity)(struct uiommu_device *dev, struct uiommu_domain **out);

	/*
	 * A domain that walks the tables of @mm, which is held for its life.  @info was read from the host.
	 * Type SVA, without paging operations, with the two of struct uiommu_domain_ops for it.
	 * -UIOMMU_EOPNOTSUPP: the hardware cannot walk this format.
	 */
	int (*domain_alloc_sva)(struct uiommu_device *dev, struct uiommu_mm *mm,
				const struct uiommu_mm_format_info *info,
				struct uiommu_domain **out);

	/*
	 * Page requests of a device, on its first attachment that wants them and after the last; under
	 * the group's mutex.  Before enable, and after disable, the hardware refuses them by itself.
	 * -UIOMMU_EOPNOTSUPP: the device or the unit has neither PRI nor stalls.
	 */
	int (*page_requests_enable)(struct uiommu_device *dev);
	void (*page_requests_disable)(struct uiommu_device *dev);

	/*
	 * After the attachment of (@dev, @pasid) was ended or replaced: when it returns, every request
	 * that the device has sent for the old one has been reported or refused, and none is under way in
	 * hardware.  Reports what it finds like an interrupt would; called with the group's mutex held, so
	 * reporting takes no lock that attach holds.  Never waits without bound for a device.
	 */
	void (*page_requests_drain)(struct uiommu_device *dev, uiommu_pasid_t pasid);

	/*
	 * Answer the group that @last belongs to: what the driver gave uiommu_report_page_request() for
	 * the last request of it.  Any thread, with no lock of the driver's held.  The device may be gone
	 * already as far as its bus is concerned; the instance is there.
	 */
	void (*page_response)(struct uiommu_instance *instance,
			      const struct uiommu_page_request *last,
			      enum uiommu_page_response_code code);

	/* A nested domain's PASID table is its guest's: requests with a PASID that is not attached belong
	 * to the nested domain on the RID. */
	bool user_pasid_table;

	/*
	 * A function reset is over, before its domains are attached again: forget what was known of its
	 * device TLB, bring it out of quarantine, enable again what is in its configuration space.
	 */
	void (*reset_done)(struct uiommu_device *dev);

	/* Handle pending faults, page requests and errors; how many faults were reported. */
	unsigned int (*poll)(struct uiommu_instance *instance);

	/* For people; NULL: nothing to tell. */
	void (*info)(struct uiommu_instance *instance, struct uiommu_instance_info *info);
};

/*
 * What a domain can do.  Different domains of one driver may have different tables.
 *
 * Attach.  A driver implements either the two-phase trio or attach_single.
 *
 * attach_prepare() does everything that can fail and changes nothing that a device can notice: it
 * allocates, checks that the domain fits this hardware (-UIOMMU_EINVAL, silently, if not), and makes
 * @domain's invalidations reach @dev from now on.  attach_commit() cannot fail: it makes the hardware
 * use the new domain and, when it returns, nothing is translated through the old one, which no longer
 * invalidates for this device.  attach_abort() undoes prepare.  The core prepares all members of a
 * group, then commits or aborts all of them.
 *
 * attach_single() does all at once and leaves the old translation if it fails; the core goes back to
 * the old domain for the members that were already switched.
 *
 * The same operations serve PASIDs (attach->pasid) if @pasid is true.  Attaching the static blocked
 * domain must not fail: for a PASID it is the detach.
 */
struct uiommu_domain_ops {
	bool pasid; /* can be attached to PASIDs (also needs it of the blocked domain) */

	int (*attach_prepare)(struct uiommu_attach *attach);
	void (*attach_commit)(struct uiommu_attach *attach);
	void (*attach_abort)(struct uiommu_attach *attach);
	int (*attach_single)(struct uiommu_attach *attach);

	/*
	 * Map @size bytes.  Checked: not 0, aligned to the granule, no wrap, inside the geometry, @prot
	 * sane.  May map less and return 0, then it is called again for the rest; *mapped must be exact
	 * also on error (the core unmaps that much).  Tables that made way for a leaf go to @gather.
	 * -UIOMMU_EADDRINUSE, -UIOMMU_ENOMEM.
	 */
	int (*map)(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,
		   uint64_t size, unsigned int prot, uint64_t *mapped,
		   struct uiommu_iotlb_gather *gather);

	/* The same for scattered pieces; optional, for speed.  Piece sizes and addresses checked. */
	int (*map_sg)(struct uiommu_domain *domain, uiommu_iova_t iova, const struct uiommu_sg *sg,
		      size_t count, unsigned int prot, uint64_t *mapped,
		      struct uiommu_iotlb_gather *gather);

	/* After a successful map of the whole range, before the caller hears of it; may fail. */
	int (*iotlb_sync_map)(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size);

	/* As uiommu_unmap(); checked: aligned, no wrap, not 0.  Must not fail for want of memory. */
	uint64_t (*unmap)(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			  struct uiommu_iotlb_gather *gather);

	/*
	 * Invalidate what was gathered, for every device that is attached through any instance, RID or
	 * PASID: IOTLBs (and paging-structure caches if gather->tables), a completion wait, then device
	 * TLBs, and wait again.  The core frees the tables after it returns.  Required for paging.
	 */
	void (*iotlb_sync)(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather);

	/* Everything of the domain, device TLBs included.  Required for paging domains. */
	void (*flush_iotlb_all)(struct uiommu_domain *domain);

	uiommu_phys_t (*iova_to_phys)(struct uiommu_domain *domain, uiommu_iova_t iova);

	bool (*enforce_cache_coherency)(struct uiommu_domain *domain);

	/* All attached RIDs and PASIDs, or none (rolled back). */
	int (*set_dirty_tracking)(struct uiommu_domain *domain, bool enable);

	/* Checked.  Ranges whose bits were cleared go to @gather; the core syncs. */
	int (*read_and_clear_dirty)(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
				    unsigned int flags, const struct uiommu_dirty_bitmap *bitmap,
				    struct uiommu_iotlb_gather *gather);

	/*
	 * For nested domains: as uiommu_domain_cache_invalidate().  Also called with *count 0: is @type
	 * known?  A change of the parent is not the guest's affair: the parent's iotlb_sync reaches all
	 * users of its nested domains, their first stages and device TLBs included.
	 */
	int (*cache_invalidate)(struct uiommu_domain *domain, enum uiommu_nested_type type,
				const void *entries, size_t entry_size, size_t *count);

	/*
	 * For SVA domains: [start, last] changed in the process's tables; when it returns no IOTLB and no
	 * device TLB has the old entries, for any device that it is attached to.  Bounded: a large range is
	 * one invalidation of everything.  Called by whoever changes the tables, beside attach and detach.
	 */
	void (*mm_invalidate)(struct uiommu_domain *domain, uint64_t start, uint64_t last);

	/*
	 * For SVA domains: the process exits.  When it returns nothing walks its tables any more, and
	 * nothing will: also not an attach that is under way or comes later.  Requests fault without being
	 * recorded, page requests are answered INVALID, until the domain is detached as usual.
	 */
	void (*mm_exit)(struct uiommu_domain *domain);

	/* The domain's end; nothing is attached.  NULL for static domains. */
	void (*free)(struct uiommu_domain *domain);
};

/*
 * Freed tables.  A table that unmap takes out of the tree may still be read by hardware until the
 * flush, so its memory must not be used for anything else before; and unmap may not allocate.  Therefore
 * the list runs through the tables themselves: the first 8 bytes of a freed table hold the physical
 * address of the one that was freed before it.  That is a multiple of 4096, and no format takes an
 * entry whose low bits are zero for a present one, so a walker that still comes by finds a hole.  The
 * oldest table's link is 0; gather->num_freed tells where the list ends.  All tables of a domain below
 * the root have one size: 4096 << gather->freed_order bytes.
 */

/* ---- instances --------------------------------------------------------------------------------- */

/**
 * uiommu_instance_register() - an IOMMU is ready for work
 * @sys: its system
 * @instance: with the driver's block filled in; its hardware runs and blocks or passes DMA as at reset
 *
 * All waiting devices whose firmware names it are probed: first all are sorted into groups, then each
 * new group gets its default domain, chosen from all its members.  A device that fails is reported by
 * uiommu_device_error() and does not keep the others from being adopted.
 *
 * Return: 0; -UIOMMU_EINVAL: a required operation or @fwnode is missing; -UIOMMU_EEXIST: the fwnode is
 * registered; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_instance_register(struct uiommu_system *sys,
					struct uiommu_instance *instance);

/**
 * uiommu_instance_unregister() - an IOMMU goes away; its devices are released first
 * @instance: registered, or not (then nothing happens)
 */
UIOMMU_API void uiommu_instance_unregister(struct uiommu_instance *instance);

/** uiommu_instance_num_devices() - how many devices it translates */
UIOMMU_API unsigned int uiommu_instance_num_devices(struct uiommu_instance *instance);

/**
 * uiommu_system_walk_instances() - visit all that are registered, in that order
 * @visit: may not register or remove anything, nor bind a driver; a value other than 0 ends the visit
 *
 * Return: what @visit returned last, 0 if there are none.
 */
UIOMMU_API int uiommu_system_walk_instances(struct uiommu_system *sys,
					    int (*visit)(struct uiommu_instance *instance,
							 void *context),
					    void *context);
/** uiommu_system_walk_devices() - visit all devices likewise, in the order of their arrival */
UIOMMU_API int uiommu_system_walk_devices(struct uiommu_system *sys,
					  int (*visit)(struct uiommu_device *dev, void *context),
					  void *context);

/* ---- what firmware says of a device ------------------------------------------------------------ */

struct uiommu_fwspec {
	const struct uiommu_fwnode *fwnode; /* the first IOMMU that was named */
	unsigned int num_ids;
	const uint32_t *ids; /* what the hardware calls the device: PCI source IDs, stream IDs */
	unsigned int flags; /* enum uiommu_fwspec_flags */
};

enum uiommu_fwspec_flags {
	UIOMMU_FWSPEC_ATS = 1u << 0, /* firmware says that ATS may be used */
	UIOMMU_FWSPEC_STALL = 1u << 1, /* firmware says that its requests may be stalled */
};

/**
 * uiommu_fwspec_init() - name the IOMMU of a device; from its configure callback
 *
 * Return: 0; a second call: 0 if both IOMMUs have the same ops, else -UIOMMU_EINVAL, and the first one
 * stays; with an IOMMU that is not registered or not ready, the system's policy:
 * -UIOMMU_EPROBE_DEFER, -UIOMMU_ENODEV or -UIOMMU_ETIMEDOUT.
 */
UIOMMU_API int uiommu_fwspec_init(struct uiommu_device *dev, const struct uiommu_fwnode *fwnode);
/** uiommu_fwspec_add_ids() - append IDs; 0, -UIOMMU_ENOMEM, -UIOMMU_EINVAL (no init before) */
UIOMMU_API int uiommu_fwspec_add_ids(struct uiommu_device *dev, const uint32_t *ids,
				     unsigned int count);
UIOMMU_API void uiommu_fwspec_set_flags(struct uiommu_device *dev, unsigned int flags);
/** uiommu_device_fwspec() - NULL if firmware named no IOMMU */
UIOMMU_API const struct uiommu_fwspec *uiommu_device_fwspec(const struct uiommu_device *dev);

UIOMMU_API void *uiommu_device_priv(const struct uiommu_device *dev);
UIOMMU_API void uiommu_device_set_priv(struct uiommu_device *dev, void *priv);
/** uiommu_device_pci() - NULL if the device is not a PCI function */
UIOMMU_API struct uiommu_pci_function *uiommu_device_pci(const struct uiommu_device *dev);
UIOMMU_API uint32_t uiommu_device_pasid_bits(const struct uiommu_device *dev);

/* ---- groups, for device_group operations ------------------------------------------------------- */

/** uiommu_generic_device_group() - a new group for each device */
UIOMMU_API int uiommu_generic_device_group(struct uiommu_device *dev, struct uiommu_group **out);
/** uiommu_single_device_group() - one group for all devices of the instance */
UIOMMU_API int uiommu_single_device_group(struct uiommu_device *dev, struct uiommu_group **out);
/**
 * uiommu_shared_id_device_group() - a group for devices that the IOMMU cannot tell apart
 *
 * Joins the devices of the same instance that have one of @dev's IDs (of its firmware spec); without any, a
 * new group.  For devices that are not PCI functions.
 *
 * Return: 0; -UIOMMU_EINVAL: its IDs are those of devices in two different groups; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_shared_id_device_group(struct uiommu_device *dev, struct uiommu_group **out);
/** uiommu_group_alloc() - a group without members; the caller holds the reference */
UIOMMU_API int uiommu_group_alloc(struct uiommu_system *sys, struct uiommu_group **out);
/** uiommu_group_get_locked() - as uiommu_group_get(), for use inside device_group */
UIOMMU_API struct uiommu_group *uiommu_group_get_locked(struct uiommu_device *dev);

/* Visit every device of a system, for device_group: with the probe mutex held by the core. */
UIOMMU_API int uiommu_system_for_each_device(struct uiommu_system *sys,
					     int (*visit)(struct uiommu_device *dev, void *context),
					     void *context);

/* ---- reserved regions -------------------------------------------------------------------------- */

/** uiommu_resv_add() - append one region; @length > 0, @start + @length may end at 2^64 exactly */
UIOMMU_API int uiommu_resv_add(struct uiommu_resv_list *list, uiommu_iova_t start, uint64_t length,
			       unsigned int prot, enum uiommu_resv_type type);

/* ---- invalidation ------------------------------------------------------------------------------ */

/** uiommu_iotlb_gather_add() - widen a gather to [iova, iova + size - 1] */
static inline void uiommu_iotlb_gather_add(struct uiommu_iotlb_gather *gather, uiommu_iova_t iova,
					   uint64_t size)
{
	uiommu_iova_t last = iova + size - 1;

	if (gather->start > iova)
		gather->start = iova;
	if (gather->last < last)
		gather->last = last;
}

/** uiommu_iotlb_gather_empty() - nothing to invalidate and no table to free */
static inline bool uiommu_iotlb_gather_empty(const struct uiommu_iotlb_gather *gather)
{
	return gather->start > gather->last && !gather->freed;
}

/* ---- reports ----------------------------------------------------------------------------------- */

/**
 * uiommu_report_fault() - the hardware refused a translation
 * @instance: who
 * @fault: all but @device filled in, which the core finds by the source ID among the instance's devices
 *
 * From the driver's poll operation or interrupt handler, with none of the driver's locks held.
 */
UIOMMU_API void uiommu_report_fault(struct uiommu_instance *instance,
				    const struct uiommu_fault *fault);

/**
 * uiommu_report_page_request() - a device asks for a page
 * @instance: who got the request
 * @request: copied
 *
 * From the driver's poll operation, interrupt handler or page_requests_drain, with none of the driver's
 * locks held.  The driver filters stop markers.  The core answers by the page_response operation, perhaps
 * before this returns: each group once, when its last request has come.
 *
 * Return: 0: the request is the core's; -UIOMMU_EINVAL: refused: nobody answers for this PASID or device; a
 * response INVALID was sent if it was the last of its group; -UIOMMU_ENOMEM: a request that is not the last
 * was lost; its group will be answered FAILURE.
 */
UIOMMU_API int uiommu_report_page_request(struct uiommu_instance *instance,
					  const struct uiommu_page_request *request);

/**
 * uiommu_page_requests_lost() - the hardware's queue overflowed: incomplete groups will stay so
 *
 * The core forgets what it has collected of incomplete groups of all devices of the instance.
 */
UIOMMU_API void uiommu_page_requests_lost(struct uiommu_instance *instance);

/**
 * uiommu_report_quarantine() - a device did not answer an invalidation of its device TLB in time
 * @instance: whose wait ran out
 * @source_id: the device, as the hardware calls it
 * @reason: a static string
 *
 * The driver has made the IOMMU refuse the device's translated requests and its translation requests by
 * then, and keeps its device TLB out of use until reset_done.  Reported as a fault with this reason.
 * May be called with the driver's locks held; takes none but the system's innermost.  A line is logged at once;
 * on_fault is called from the instance's next uiommu_instance_poll() or uiommu_report_fault().
 */
UIOMMU_API void uiommu_report_quarantine(struct uiommu_instance *instance, uint32_t source_id,
					 const char *reason);

/**
 * uiommu_log() - one line through the port
 * @host: the system's host
 * @level: how bad
 * @format: the subset of printf that src/core/log.c implements: %s %d %u %x %lx %llx %p %c %% and widths
 */
UIOMMU_API void uiommu_log(void *host, enum uiommu_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_DRIVER_H */
