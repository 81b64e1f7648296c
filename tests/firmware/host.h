/* SPDX-License-Identifier: MIT */
/* host.h - a host with counted memory, and a PCI topology out of arrays, for tests of src/firmware */
#ifndef TESTS_FIRMWARE_HOST_H
#define TESTS_FIRMWARE_HOST_H

#include <uiommu/driver.h>
#include <uiommu/pci.h>

struct test_host {
	size_t live; /* allocations */
	size_t fail_after; /* the allocation after that many fails, once; SIZE_MAX: none */
};

#define TEST_MAX_FUNCTIONS 32

/* A function whose configuration space is an array. */
struct test_function {
	struct uiommu_pci_function fn;
	uint8_t config[4096];
};

struct test_pci {
	struct uiommu_pci_topology topology;
	struct uiommu_pci_function *list[TEST_MAX_FUNCTIONS];
	struct test_function functions[TEST_MAX_FUNCTIONS];
};

void test_pci_init(struct test_pci *pci);
/* @express: the port type, -1 for conventional PCI; @acs: capability in the low half, control in the high */
struct uiommu_pci_function *test_pci_add(struct test_pci *pci, struct uiommu_pci_function *parent,
					 uint8_t bus, uint8_t devfn, int express, bool bridge);
void test_pci_set(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
		  uint32_t value);
void test_pci_acs(struct uiommu_pci_function *fn, uint16_t capability, uint16_t control);

#endif /* TESTS_FIRMWARE_HOST_H */
