/* SPDX-License-Identifier: MIT */
/*
 * vfio.h - what scenarios about VFIO have in common: groups in a container
 *
 * A box is a container of type 1 (second version) with one or two groups in it, and a buffer of the program's.  The
 * devices' files stay closed unless a scenario opens them: a group in a container is translated without them.
 */
#ifndef CONFORM_VFIO_H
#define CONFORM_VFIO_H

#include "conform/abi.h"

#define DMA_RW (ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE)

#define BOX_GROUPS 2

struct box {
	struct abi *abi;
	struct subject *s;
	int container; /* -1: closed */
	unsigned int groups;
	struct abi_device *device[BOX_GROUPS];
	int group[BOX_GROUPS]; /* -1: closed */
	bool inside[BOX_GROUPS]; /* in the container */
	struct subject_buffer buffer;
};

/*
 * abi_start(), on a machine that is booted then.  Skips the scenario where VFIO refuses all devices, or, if @cdevs are to
 * be attached, where iommufd does.
 */
struct abi *vfio_start(struct subject *s, const struct uiommu_uapi_config *config, bool cdevs);
/* The reason for which it would, NULL: it would not.  For those who have to tidy up first. */
const char *vfio_refusal(struct subject *s, bool cdevs);

/* An empty container and a buffer of @pages. */
struct box box_begin(struct abi *a, uint64_t pages);
/* vfio-pci has the device and its group is open; it is not in the container yet.  Its number in the box. */
unsigned int box_open(struct box *b, const char *label);
/* SET_CONTAINER, and with the first group SET_IOMMU: what they say. */
int box_enter(struct box *b, unsigned int group);
int box_leave(struct box *b, unsigned int group);
/* Both of them, which have to work. */
unsigned int box_add(struct box *b, const char *label);
/* Everything is closed, the groups first, and the buffer freed. */
void box_end(struct box *b);

/* Pages [@page, @page + @count) of the buffer at @iova. */
int box_map(struct box *b, uint64_t iova, uint64_t page, uint64_t count);
/* Exactly @count pages go. */
void box_unmap(struct box *b, uint64_t iova, uint64_t count);
/* Each device in the container reaches these pages, or nothing there. */
void box_reaches(struct box *b, uint64_t iova, uint64_t page, uint64_t count);
void box_blocked(struct box *b, uint64_t iova, uint64_t page, uint64_t count);
/* One device of the box, in the container or not. */
void box_one_reaches(struct box *b, unsigned int group, uint64_t iova, uint64_t page);
void box_one_blocked(struct box *b, unsigned int group, uint64_t iova, uint64_t page);
/* So many of the subject's pages are pinned. */
void box_pinned(struct box *b, uint64_t pages, const char *when);

/* Nobody owns the group of @label, and it is translated by its default domain. */
void vfio_is_free(struct subject *s, const char *label);
/* Two groups are attached to one domain. */
bool vfio_same_domain(struct subject *s, const char *a, const char *b);
/* ---- mediated devices, vfio_mediated.c ------------------------------------------------------------- */

/* The DMA engine of spec/mdma.h. */
struct mediated {
	struct abi *abi;
	struct uiommu_uapi_mdev *mdev;
	char uuid[37];
	int file; /* the device's, by either way; -1: closed */
	int group; /* -1: closed */
};

void mediated_create(struct abi *a, struct mediated *m, unsigned int number);
void mediated_open_group(struct mediated *m);
/* By its group, which is in a container. */
void mediated_open_device(struct mediated *m);
void mediated_open_cdev(struct mediated *m);
/* 0, or the errno that the engine tells. */
int mediated_copy(struct mediated *m, uint64_t to, uint64_t from, uint32_t length);
void mediated_close(struct mediated *m);
void mediated_end(struct mediated *m);
/* The part of C027 that is about them. */
void mediated_not_translated(struct subject *s, struct abi *a);

/* ---- devices ----------------------------------------------------------------------------------------- */

/* Scenarios of other files, for a program: C004 and C066. */
void vfio_two_drivers(struct subject *s, const char *const label[2]);
void vfio_direct_regions(struct subject *s);
/* The device does DMA, whatever a driver did to its COMMAND register when it was opened or closed. */
void vfio_go(struct subject *s, const char *label);

#endif /* CONFORM_VFIO_H */
