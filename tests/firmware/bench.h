/* SPDX-License-Identifier: MIT */
/* bench.h - a core over test_host with PCI functions, and a driver that does nothing but group them */
#ifndef TESTS_FIRMWARE_BENCH_H
#define TESTS_FIRMWARE_BENCH_H

#include "tests/firmware/host.h"

struct bench {
	struct test_host host;
	struct test_pci pci;
	struct uiommu_system *sys;
	struct uiommu_ops ops; /* may be changed before bench_start() */
	struct uiommu_instance instance[2];
	int (*configure)(struct uiommu_device *dev, void *context); /* NULL: the first instance */
	void *context;
};

/* A system without instances. */
struct bench *bench_new(void);
/* An instance comes: the first one, or the second. */
void bench_start(struct bench *b, unsigned int index, const struct uiommu_fwnode *fwnode);
/* Everything goes, and nothing stays behind. */
void bench_free(struct bench *b);

/* A device that may fail to be probed; @fn NULL: it is not PCI. */
struct uiommu_device *bench_add(struct bench *b, struct uiommu_pci_function *fn);
/* A PCI function, or all there are, that have to be translated. */
void bench_add_translated(struct bench *b, struct uiommu_pci_function *fn);
void bench_add_all(struct bench *b);
/* The number of the group of a function that was added. */
unsigned int bench_group_of(const struct uiommu_pci_function *fn);

#endif /* TESTS_FIRMWARE_BENCH_H */
