/* SPDX-License-Identifier: MIT */
/*
 * iommufd.h - what scenarios about iommufd need beside conform/abi.h: queues of page requests, and a guest
 *
 * Results as there: those that return an int stand inside of CHECK_OK() or CHECK_RC().
 */
#ifndef CONFORM_IOMMUFD_H
#define CONFORM_IOMMUFD_H

#include "conform/abi.h"

/*
 * What stands behind the files, /dev/iommu, and a device that is bound to it.  Skips the scenario where iommufd
 * does not take the hardware: devices whose DMA is not coherent, pages larger than 4K (both is checked).
 */
struct abi *iommufd_start(struct subject *s, const char *label, int *iommufd,
			  struct abi_device **d);
/* One more device. */
struct abi_device *iommufd_device(struct abi *a, int iommufd, const char *label);
/* HWPT_ALLOC where it has to work. */
uint32_t iommufd_hwpt(struct abi_device *d, int iommufd, uint32_t pt, unsigned int flags);
/* IOAS_MAP of a whole buffer, readable and writable, where it has to work. */
void iommufd_map(struct abi *a, int iommufd, uint32_t ioas, uint64_t iova,
		 const struct subject_buffer *buffer);
/* What the device's hardware is and can: enum abi_iommu_hw_info_type, enum abi_iommu_hw_capabilities. */
struct abi_iommu_hw_info iommufd_hw_info(struct abi_device *d, int iommufd);

/* ---- page requests ----------------------------------------------------------------------------- */

/* A queue, and an HWPT whose requests go there. */
int iommufd_fault_alloc(struct abi *a, int iommufd, uint32_t *id, int *fd);
int iommufd_hwpt_with_queue(struct abi_device *d, int iommufd, uint32_t pt, unsigned int flags,
			    uint32_t fault, uint32_t *hwpt);

/* ---- nested ------------------------------------------------------------------------------------ */

/* HWPT_ALLOC with a guest's data. */
int iommufd_nested(struct abi_device *d, int iommufd, uint32_t pt, unsigned int flags,
		   uint32_t type, const void *data, uint32_t size, uint32_t *hwpt);
/* HWPT_INVALIDATE; *done: how many entries were, also after an error. */
int iommufd_invalidate(struct abi *a, int iommufd, uint32_t id, uint32_t type, const void *entries,
		       uint32_t entry_size, uint32_t count, uint32_t *done);
int iommufd_viommu(struct abi_device *d, int iommufd, uint32_t type, uint32_t hwpt, uint32_t *id);
int iommufd_vdevice(struct abi_device *d, int iommufd, uint32_t viommu, uint64_t virt_id,
		    uint32_t *id);

/*
 * Whoever runs a guest with an IOMMU of its own: the guest's memory in an IOAS, a parent above it, and in the memory
 * tables in the format of the hardware's first stage.  Where the ABI wants it, a vIOMMU that knows the device.
 */
struct guest {
	struct abi_device *d;
	int iommufd;
	uint32_t type; /* enum abi_iommu_hwpt_data_type: whose format */
	uint32_t ioas, parent;
	uint32_t base; /* what HWPT_ALLOC wants for a stage of the guest's: the parent, or a vIOMMU */
	uint32_t viommu, vdevice; /* 0: none */
	uint64_t virt_id; /* what the guest calls the device */
	uint64_t iova; /* the guest's address of a page, in its own first stage */
	unsigned char *tables; /* of the kind that hardware reads tables from */
	struct subject_buffer data; /* two pages of what it works with */
	union {
		struct abi_iommu_hwpt_vtd_s1 vtd;
		struct abi_iommu_hwpt_arm_smmuv3 smmuv3;
	} stage; /* what the guest's own translation is for the ABI */
	uint32_t stage_size;
};

/* False where hardware or driver has no such stages; nothing is left then. */
bool guest_begin(struct abi_device *d, int iommufd, struct guest *g);
/* Its stages are gone. */
void guest_end(struct guest *g);
/* Page @page (0, 1) of its data: in the parent, and in the program. */
uint64_t guest_address(const struct guest *g, unsigned int page);
const void *guest_memory(const struct guest *g, unsigned int page);
/* The guest maps g->iova to that page, where nothing is, or unmaps it; without telling anybody. */
void guest_map(struct guest *g, unsigned int page);
void guest_unmap(struct guest *g);
/* The whole stage as an HWPT. */
int guest_stage(struct guest *g, unsigned int flags, uint32_t *hwpt);

/* What the guest has to invalidate after guest_map(): two entries, of which the second is the one that does it. */
struct guest_entries {
	uint32_t id; /* where to send them */
	uint32_t type, size;
	union {
		struct abi_iommu_hwpt_vtd_s1_invalidate vtd[4];
		struct abi_iommu_viommu_arm_smmuv3_invalidate smmuv3[4];
	} entry;
};
struct guest_entries guest_entries(const struct guest *g, uint32_t hwpt);

#endif /* CONFORM_IOMMUFD_H */
