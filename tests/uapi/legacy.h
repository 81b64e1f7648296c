/* SPDX-License-Identifier: MIT */
/* legacy.h - a program that has its devices by groups and containers, for the tests of those */
#ifndef TESTS_UAPI_LEGACY_H
#define TESTS_UAPI_LEGACY_H

#include <uiommu/abi_vfio.h>

#include "src/uapi/container.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define LEGACY_RW (ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE)

/* A device that the VFIO driver has. */
struct legacy_device {
	struct world *w;
	struct machine_device *machine;
	struct uiommu_uapi_device *known;
	int group, fd; /* -1: not open */
};

long legacy_call(struct world *w, int fd, unsigned long command, void *argument);
/* Bound to vfio-pci; the machine's device with this label. */
void legacy_bind(struct legacy_device *d, struct world *w, const char *label);
/* Its group: a descriptor, or the error. */
int legacy_group(struct legacy_device *d);
int legacy_container(struct world *w);
long legacy_set_container(struct world *w, int group, int container);
long legacy_unset_container(struct world *w, int group);
long legacy_extension(struct world *w, int container, uintptr_t number);
long legacy_set_iommu(struct world *w, int container, uintptr_t type);
/* The device itself, able to do DMA: a descriptor, or the error. */
int legacy_open(struct legacy_device *d);
/* All of it: the group in @container, which has @type if it is not 0, and the device open. */
void legacy_start(struct legacy_device *d, struct world *w, const char *label, int container,
		  uintptr_t type);
/* Its descriptors are closed. */
void legacy_stop(struct legacy_device *d);

long legacy_map(struct world *w, int container, uint64_t iova, const void *memory, uint64_t size,
		uint32_t flags);
/* *gone: what is answered, on success only. */
long legacy_unmap(struct world *w, int container, uint64_t iova, uint64_t size, uint32_t flags,
		  uint64_t *gone);
/* Does a write of the device to @iova arrive at @memory?  And, with false, does nothing of it? */
bool legacy_reaches(struct legacy_device *d, uint64_t iova, void *memory);
uint64_t legacy_pins(struct world *w);

#endif /* TESTS_UAPI_LEGACY_H */
