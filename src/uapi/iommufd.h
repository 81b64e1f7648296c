/* SPDX-License-Identifier: MIT */
/*
 * iommufd.h - what an open /dev/iommu is made of
 *
 * A context has objects with numbers.  An IOAS is an address space as user space sees it: areas with an IOVA, each
 * showing a piece of some pages.  A paging HWPT is a domain that has all areas of its IOAS mapped.  Pages are
 * pinned once, however many areas, domains and accesses use them, and only while one does.
 *
 * One mutex per context covers all of it and is held over a whole command, also while the core attaches and
 * maps.  It is not held while an access is asked to let go of pages (access.c): the area is busy meanwhile.
 * References: whatever an object cannot live without is counted in that one's users, and then
 * destroying that one gives -EBUSY.
 */
#ifndef UIOMMU_SRC_UAPI_IOMMUFD_H
#define UIOMMU_SRC_UAPI_IOMMUFD_H

#include <bsd/sys/tree.h>

#include <uiommu/fault.h>

#include <uiommu/abi_iommufd.h>
#include "src/uapi/msi.h"
#include "src/uapi/uapi.h"

struct iommufd;
struct iommufd_ioas;
struct iommufd_hwpt;
struct iommufd_device;

enum iommufd_type {
	IOMMUFD_IOAS,
	IOMMUFD_HWPT_PAGING,
	IOMMUFD_HWPT_NESTED,
	IOMMUFD_DEVICE,
	IOMMUFD_ACCESS,
	IOMMUFD_FAULT,
	IOMMUFD_VIOMMU,
	IOMMUFD_VDEVICE,
	IOMMUFD_VEVENTQ,
	IOMMUFD_TOMBSTONE, /* a number that is not given again; nobody finds it */
	IOMMUFD_ANY, /* as a question only */
};

struct iommufd_object {
	struct iommufd *ctx;
	enum iommufd_type type;
	uint32_t id;
	unsigned int users; /* what forbids its end */
	void (*destroy)(struct iommufd_object *object); /* frees it; users is 0 */
};

struct iommufd {
	struct uiommu_uapi *uapi;
	struct uiommu_mutex lock;
	struct uapi_file *file; /* not counted: the context lives as long as it */
	struct iommufd_object **objects; /* by number; [0] is never used */
	uint32_t capacity;
	uint32_t num_objects;
	uint32_t lowest; /* no number below this is free */
	enum uapi_account account;
	struct iommufd_ioas *vfio_ioas; /* what VFIO's commands mean */
	bool no_iommu; /* a no-IOMMU group has it as its container */
	struct uapi_msi msi;
	struct iommufd_group *groups;
};

/* ---- iommufd.c: contexts, objects, commands ---------------------------------------------------- */

/* The context behind a file, NULL if that is no /dev/iommu. */
struct iommufd *uiommu_iommufd_of_file(struct uapi_file *file);
static inline void iommufd_lock(struct iommufd *ctx)
{
	uapi_lock(ctx->uapi, &ctx->lock);
}
static inline void iommufd_unlock(struct iommufd *ctx)
{
	uapi_unlock(ctx->uapi, &ctx->lock);
}
static inline void iommufd_get(struct iommufd *ctx)
{
	uiommu_uapi_file_get(ctx->file);
}
static inline void iommufd_put(struct iommufd *ctx)
{
	uiommu_uapi_file_put(ctx->file);
}

/* Gives @object a number. 0, -UIOMMU_ENOMEM, -UIOMMU_ENOSPC: then the caller frees it. */
int uiommu_iommufd_object_add(struct iommufd *ctx, struct iommufd_object *object,
			      enum iommufd_type type,
			      void (*destroy)(struct iommufd_object *object));
/* Takes its number away, without any end of it. */
void uiommu_iommufd_object_remove(struct iommufd_object *object);
/* NULL: no such number, or another type. */
struct iommufd_object *uiommu_iommufd_object_find(struct iommufd *ctx, uint32_t id,
						  enum iommufd_type type);
/* Removed and destroyed, or -UIOMMU_EBUSY. */
int uiommu_iommufd_object_destroy(struct iommufd_object *object);

/* A command as its handler sees it: @argument is a copy of the user's struct, and copied back. */
struct iommufd_command {
	struct iommufd *ctx;
	struct uiommu_uapi_process *caller;
	void *argument;
	uint32_t user_size; /* as the user gave it */
	uint64_t user_argument; /* where the struct is */
};

/* Handlers: with the context locked.  0: copied back; an error: not, unless it says so itself. */
int uiommu_iommufd_copy_back(const struct iommufd_command *command);

/* ---- pages.c ----------------------------------------------------------------------------------- */

/* A piece of a program's memory, or of a file, page by page; pinned where somebody needs it. */
struct iommufd_pages {
	struct uiommu_uapi *uapi;
	unsigned int refs; /* areas */
	struct uiommu_uapi_process *process; /* who is charged */
	enum uapi_account account;
	bool exempt;
	bool writable; /* as it was first mapped */
	uint64_t address; /* of the first page; of a file, its offset there */
	int file; /* a descriptor that is ours, or -1 */
	uint64_t file_address; /* while something is pinned: where the file's pages are mapped */
	struct uiommu_uapi_process *before; /* while a change of process may still fail */
	bool before_exempt;
	size_t count;
	uiommu_phys_t *phys; /* of each page, valid where it is pinned */
	uiommu_phys_t phys_inline;
	unsigned int whole; /* users of all pages */
	uint32_t *partial; /* users of each page that need only some; NULL: none */
	size_t num_partial; /* how many users those are */
};

struct iommufd_pages *uiommu_iommufd_pages_create(struct uiommu_uapi_process *process,
						  enum uapi_account account, uint64_t address,
						  size_t count, bool writable);
/* The same of a file's, from its offset @address on; @file becomes theirs on success. */
struct iommufd_pages *uiommu_iommufd_pages_of_file(struct uiommu_uapi_process *process,
						   enum uapi_account account, int file,
						   uint64_t address, size_t count, bool writable);
void uiommu_iommufd_pages_get(struct iommufd_pages *pages);
void uiommu_iommufd_pages_put(struct iommufd_pages *pages);
/* One user more of [first, first + count): 0, -UIOMMU_EFAULT, -UIOMMU_ENOMEM; and one less. */
int uiommu_iommufd_pages_pin(struct iommufd_pages *pages, size_t first, size_t count);
void uiommu_iommufd_pages_unpin(struct iommufd_pages *pages, size_t first, size_t count);
/* How many pages from @at on, at most @count, follow each other in memory. */
size_t uiommu_iommufd_pages_run(const struct iommufd_pages *pages, size_t at, size_t count);
/* What is pinned is charged to @process from now on; 0 or -UIOMMU_ENOMEM. */
int uiommu_iommufd_pages_charge_to(struct iommufd_pages *pages, struct uiommu_uapi_process *process,
				   bool exempt);

/* ---- map_file.c -------------------------------------------------------------------------------- */

/* Before pages of a file up to @end are pinned: they are there, and mapped. 0, -UIOMMU_EINVAL, errors of the port. */
int uiommu_iommufd_file_open(struct iommufd_pages *pages, size_t end);
/* Nothing is pinned any more; and nobody has the pages any more. */
void uiommu_iommufd_file_unmap(struct iommufd_pages *pages);
void uiommu_iommufd_file_close(struct iommufd_pages *pages);

int uiommu_iommufd_cmd_ioas_map_file(struct iommufd_command *command);
int uiommu_iommufd_cmd_ioas_change_process(struct iommufd_command *command);

/* ---- area.c ------------------------------------------------------------------------------------ */

struct iommufd_area {
	RB_ENTRY(iommufd_area) node;
	uint64_t iova, last; /* inclusive */
	uint64_t gap; /* free addresses between the area before it, or 0, and it */
	uint64_t max_gap; /* the largest of its subtree */
	struct iommufd_pages *pages;
	uint64_t offset; /* of the area's first byte in its pages */
	unsigned int prot; /* UIOMMU_READ, UIOMMU_WRITE */
	unsigned int accesses; /* pins by accesses: it cannot go without their leave */
	bool mapped; /* pinned, and in all domains of the IOAS */
	bool busy; /* somebody who does not hold the lock is at work with it */
};

RB_HEAD(iommufd_areas, iommufd_area);

/* Where nothing may be mapped, for @owner's sake. */
struct iommufd_reserved {
	struct iommufd_reserved *next;
	uint64_t start, last;
	const void *owner;
};

struct iommufd_ioas {
	struct iommufd_object object;
	struct iommufd_areas areas;
	struct iommufd_reserved *reserved;
	struct abi_iommu_iova_range *allowed; /* sorted; only automatic choice looks at it */
	size_t num_allowed;
	struct iommufd_hwpt *hwpts; /* paging ones, in the order of making */
	uint64_t alignment; /* of addresses and lengths: 1, or the largest that somebody needs */
	bool small_pages; /* option HUGE_PAGES is 0, or VFIO's old type 1: its unmap may cut areas */
	struct iommufd_access *accesses;
	size_t num_areas;
};

static inline struct iommufd_ioas *iommufd_to_ioas(struct iommufd_object *object)
{
	return (struct iommufd_ioas *)(void *)object;
}

/* The first area that ends at @iova or behind; the one after; NULL: none. */
struct iommufd_area *uiommu_iommufd_area_from(struct iommufd_ioas *ioas, uint64_t iova);
struct iommufd_area *uiommu_iommufd_area_next(struct iommufd_area *area);
/* Into the tree, where its place is free. */
void uiommu_iommufd_area_insert(struct iommufd_ioas *ioas, struct iommufd_area *area);
void uiommu_iommufd_area_remove(struct iommufd_ioas *ioas, struct iommufd_area *area);

bool uiommu_iommufd_is_reserved(const struct iommufd_ioas *ioas, uint64_t start, uint64_t last);
/* 0, -UIOMMU_ENOMEM, -UIOMMU_EADDRINUSE: an area or an allowed range is there. */
int uiommu_iommufd_reserve(struct iommufd_ioas *ioas, uint64_t start, uint64_t last,
			   const void *owner);
void uiommu_iommufd_unreserve(struct iommufd_ioas *ioas, const void *owner);
/* Ranges that nothing reserves, in order: the first that ends at or behind @from. False: none. */
bool uiommu_iommufd_usable_range(const struct iommufd_ioas *ioas, uint64_t from, uint64_t *start,
				 uint64_t *last);

/*
 * A place for @length bytes that are at @address in memory, as MAP without FIXED_IOVA chooses it.
 * 0, -UIOMMU_ENOSPC, -UIOMMU_EOVERFLOW, -UIOMMU_EINVAL: alignment out of reach.
 */
int uiommu_iommufd_find_place(struct iommufd_ioas *ioas, uint64_t length, uint64_t address,
			      uint64_t *iova);

/* What MAP, MAP_FILE and COPY have in their flags. */
enum iommufd_map_flags {
	IOMMUFD_MAP_FLAGS = ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_WRITEABLE |
			    ABI_IOMMU_IOAS_MAP_READABLE,
};

static inline unsigned int iommufd_map_prot(uint32_t flags)
{
	return (flags & ABI_IOMMU_IOAS_MAP_READABLE ? UIOMMU_READ : 0) |
	       (flags & ABI_IOMMU_IOAS_MAP_WRITEABLE ? UIOMMU_WRITE : 0);
}

/* ---- ioas.c ------------------------------------------------------------------------------------ */

int uiommu_iommufd_ioas_create(struct iommufd *ctx, struct iommufd_ioas **out);
/*
 * A new area that shows @length bytes of @pages from @offset on; the reference becomes the area's on
 * success.  With @fixed *iova says where, else it is chosen.  Errors of MAP.
 */
int uiommu_iommufd_ioas_map_pages(struct iommufd_ioas *ioas, struct iommufd_pages *pages,
				  uint64_t offset, uint64_t length, unsigned int prot, bool fixed,
				  uint64_t *iova);
/* As IOAS_UNMAP; @unmapped counts also what went before an error.  May let the lock go in between. */
int uiommu_iommufd_ioas_unmap(struct iommufd_ioas *ioas, uint64_t iova, uint64_t last,
			      uint64_t *unmapped);
/* User memory at @address, whatever its alignment. */
int uiommu_iommufd_ioas_map_user(struct iommufd_ioas *ioas, struct uiommu_uapi_process *process,
				 uint64_t address, uint64_t length, unsigned int prot, bool fixed,
				 uint64_t *iova);
/* Two areas instead of one, before @iova; nothing is unmapped. 0, -UIOMMU_EBUSY, -UIOMMU_ENOMEM. */
int uiommu_iommufd_ioas_split(struct iommufd_ioas *ioas, uint64_t iova);
/* Entries of one page only, from now on. 0, -UIOMMU_EINVAL: some are there, -UIOMMU_EADDRINUSE: not whole pages. */
int uiommu_iommufd_ioas_small_pages(struct iommufd_ioas *ioas);

int uiommu_iommufd_cmd_ioas_alloc(struct iommufd_command *command);
int uiommu_iommufd_cmd_ioas_iova_ranges(struct iommufd_command *command);
int uiommu_iommufd_cmd_ioas_allow_iovas(struct iommufd_command *command);
int uiommu_iommufd_cmd_ioas_map(struct iommufd_command *command);
int uiommu_iommufd_cmd_ioas_copy(struct iommufd_command *command);
int uiommu_iommufd_cmd_ioas_unmap(struct iommufd_command *command);
int uiommu_iommufd_cmd_option(struct iommufd_command *command);
int uiommu_iommufd_cmd_vfio_ioas(struct iommufd_command *command);

/* ---- hwpt.c ------------------------------------------------------------------------------------ */

struct iommufd_hwpt {
	struct iommufd_object object;
	struct iommufd_hwpt *next; /* ioas->hwpts */
	struct uiommu_domain *domain;
	struct iommufd_ioas *ioas; /* of a paging one */
	struct iommufd_hwpt *parent; /* of a nested one */
	struct iommufd_object *viommu; /* that a nested one was made through */
	bool needs_vdevice; /* only devices that have one there can be attached */
	struct iommufd_object *fault; /* its fault queue */
	bool automatic; /* goes with its last device */
	bool nest_parent, pasid, enforces; /* enforces cache coherency */
};

static inline struct iommufd_hwpt *iommufd_to_hwpt(struct iommufd_object *object)
{
	return (struct iommufd_hwpt *)(void *)object;
}

/* The alignment that an IOAS's domains and accesses ask for, after a change of these. */
void uiommu_iommufd_ioas_update_alignment(struct iommufd_ioas *ioas);
/* Would all areas fit a new one?  0, -UIOMMU_EADDRINUSE, -UIOMMU_EBUSY. */
int uiommu_iommufd_ioas_check_alignment(struct iommufd_ioas *ioas, uint64_t alignment);

/* A paging HWPT of @ioas that fits @device, with everything mapped. */
int uiommu_iommufd_hwpt_create(struct iommufd_ioas *ioas, struct iommufd_device *device,
			       unsigned int alloc_flags, bool automatic, struct iommufd_hwpt **out);
/* Into, or out of, one domain. */
int uiommu_iommufd_area_map(const struct iommufd_area *area, struct iommufd_hwpt *hwpt);
void uiommu_iommufd_area_unmap(const struct iommufd_area *area, struct iommufd_hwpt *hwpt);
/* Pinned and into all domains, or as before; and back. */
int uiommu_iommufd_area_fill(struct iommufd_ioas *ioas, struct iommufd_area *area);
void uiommu_iommufd_area_drain(struct iommufd_ioas *ioas, struct iommufd_area *area);

int uiommu_iommufd_cmd_hwpt_alloc(struct iommufd_command *command);
int uiommu_iommufd_cmd_hwpt_set_dirty_tracking(struct iommufd_command *command);
int uiommu_iommufd_cmd_hwpt_get_dirty_bitmap(struct iommufd_command *command);

/* ---- device.c ---------------------------------------------------------------------------------- */

/* What (group, PASID) is attached to in this context. */
struct iommufd_attach {
	struct iommufd_attach *next;
	struct uiommu_attach_handle handle;
	uiommu_pasid_t pasid;
	struct iommufd_hwpt *hwpt;
	const struct uiommu_device *first; /* who attached it: it may be gone, only its name counts */
	unsigned int devices; /* members that have attached themselves */
};

struct iommufd_group {
	struct iommufd_group *next; /* ctx->groups */
	struct uiommu_group *group;
	unsigned int devices; /* bound */
	uint64_t doorbells; /* bits: which of ctx->msi its devices' messages go to */
	struct iommufd_attach *attached;
};

struct iommufd_device {
	struct iommufd_object object;
	struct uiommu_device *dev;
	struct iommufd_group *group;
	struct iommufd_vdevice *vdevice; /* what a guest calls it */
	struct iommufd_attachment
		*attachments; /* device.c's: the PASIDs that it has attached itself */
};

static inline struct iommufd_device *iommufd_to_device(struct iommufd_object *object)
{
	return (struct iommufd_device *)(void *)object;
}

/* What a driver of devices (VFIO) calls; these take the context's lock.  Errors: VFIO_DEVICE_BIND_IOMMUFD's, ... */
int uiommu_iommufd_device_bind(struct iommufd *ctx, struct uiommu_device *dev,
			       struct iommufd_device **out);
void uiommu_iommufd_device_unbind(struct iommufd_device *device);
/* Attach or, if it is attached, replace. *pt_id: an IOAS or HWPT; on success the HWPT's number. */
int uiommu_iommufd_device_attach(struct iommufd_device *device, uiommu_pasid_t pasid,
				 uint32_t *pt_id);
void uiommu_iommufd_device_detach(struct iommufd_device *device, uiommu_pasid_t pasid);
/*
 * The device is going to send messages to the doorbell at *address: in, on the bus; out, where the device reaches it.
 * 0, -UIOMMU_EOVERFLOW, errors of uiommu_map().
 */
int uiommu_iommufd_device_msi(struct iommufd_device *device, uint64_t *address);

int uiommu_iommufd_cmd_get_hw_info(struct iommufd_command *command);

/* What (@device's group, PASID) is attached to, NULL: nothing of this context's. */
struct iommufd_hwpt *uiommu_iommufd_device_hwpt(const struct iommufd_device *device,
						uiommu_pasid_t pasid);

/* ---- nested.c: a guest's stage on top of a paging HWPT ----------------------------------------- */

int uiommu_iommufd_nested_alloc(struct iommufd_hwpt *parent, struct iommufd_device *device,
				const struct abi_iommu_hwpt_alloc *arg, struct iommufd_hwpt **out);
/* With everything checked but @data, which is @size bytes of the program's. */
int uiommu_iommufd_nested_create(struct iommufd_hwpt *parent, struct iommufd_device *device,
				 enum uiommu_nested_type type, const void *data, size_t size,
				 struct iommufd_hwpt **out);

int uiommu_iommufd_cmd_hwpt_invalidate(struct iommufd_command *command);

/* ---- viommu.c: a guest's IOMMU, and its devices by the names that they have there -------------- */

int uiommu_iommufd_viommu_nested_alloc(struct iommufd_object *viommu, struct iommufd_device *device,
				       const struct abi_iommu_hwpt_alloc *arg,
				       struct iommufd_hwpt **out);
/* 0, or -UIOMMU_ENOENT: the HWPT's vIOMMU does not know the device, and has to. */
int uiommu_iommufd_viommu_check_attach(const struct iommufd_device *device,
				       const struct iommufd_hwpt *hwpt);
/* Commands of the guest's, in their order; *count: how many, and how many are done. */
int uiommu_iommufd_viommu_invalidate(struct iommufd_object *viommu, uint64_t (*commands)[2],
				     size_t *count);
/* The device is being unbound. */
void uiommu_iommufd_vdevice_orphan(struct iommufd_device *device);

int uiommu_iommufd_cmd_viommu_alloc(struct iommufd_command *command);
int uiommu_iommufd_cmd_vdevice_alloc(struct iommufd_command *command);
int uiommu_iommufd_cmd_hw_queue_alloc(struct iommufd_command *command);

/* ---- fault_check.c ----------------------------------------------------------------------------- */

/* May it be attached where a program answers page requests?  0 or -UIOMMU_EINVAL: others' would come with them. */
int uiommu_iommufd_fault_check(const struct iommufd_device *device);

/* ---- fault_file.c ------------------------------------------------------------------------------ */

/* The page requests of an HWPT that is attached nowhere go to a queue; put back in hwpt_free. */
int uiommu_iommufd_fault_use(struct iommufd_hwpt *hwpt, uint32_t fault_id);

int uiommu_iommufd_cmd_fault_queue_alloc(struct iommufd_command *command);

#endif /* UIOMMU_SRC_UAPI_IOMMUFD_H */
