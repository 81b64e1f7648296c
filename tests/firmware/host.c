/* SPDX-License-Identifier: MIT */
/* host.c - a port that counts memory and can refuse it, and PCI functions made of arrays */
#include <stdlib.h>
#include <string.h>
#include "spec/pci.h"
#include "tests/firmware/host.h"

/* The size stands before each block, so that a free with another one is noticed. */
void *uiommu_port_alloc(void *cookie, size_t size)
{
	struct test_host *host = cookie;
	max_align_t *block;

	if (host->fail_after != SIZE_MAX && host->fail_after-- == 0) {
		host->fail_after = SIZE_MAX;
		return NULL;
	}
	block = calloc(1, sizeof(*block) + size);
	if (!block)
		abort();
	memcpy(block, &size, sizeof(size));
	host->live++;
	return block + 1;
}

void uiommu_port_free(void *cookie, void *mem, size_t size)
{
	struct test_host *host = cookie;
	max_align_t *block = mem;

	if (!mem)
		return;
	if (memcmp(block - 1, &size, sizeof(size)))
		abort();
	host->live--;
	free(block - 1);
}

void *uiommu_port_alloc_pages(void *cookie, unsigned int order)
{
	(void)cookie;
	return aligned_alloc(4096u << order, 4096u << order);
}

void uiommu_port_free_pages(void *cookie, void *pages, unsigned int order)
{
	(void)cookie;
	(void)order;
	free(pages);
}

uintptr_t uiommu_port_direct_map(void *cookie)
{
	(void)cookie;
	return 0;
}

void uiommu_port_cache_flush(void *cookie, const void *start, size_t size)
{
	(void)cookie;
	(void)start;
	(void)size;
}

int uiommu_port_mutex_init(void *cookie, struct uiommu_mutex *mutex)
{
	(void)cookie;
	(void)mutex;
	return 0;
}

void uiommu_port_mutex_destroy(void *cookie, struct uiommu_mutex *mutex)
{
	(void)cookie;
	(void)mutex;
}

/* These tests have one thread. */
void uiommu_port_mutex_lock(void *cookie, struct uiommu_mutex *mutex)
{
	(void)cookie;
	if (mutex->opaque[0]++)
		abort();
}

void uiommu_port_mutex_unlock(void *cookie, struct uiommu_mutex *mutex)
{
	(void)cookie;
	if (--mutex->opaque[0])
		abort();
}

uint64_t uiommu_port_now_ns(void *cookie)
{
	(void)cookie;
	return 0;
}

void uiommu_port_relax(void *cookie)
{
	(void)cookie;
}

int uiommu_port_irq_request(void *cookie, void (*handler)(void *arg), void *arg,
			    struct uiommu_msi *msi)
{
	(void)cookie;
	(void)handler;
	(void)arg;
	(void)msi;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_irq_free(void *cookie, int irq)
{
	(void)cookie;
	(void)irq;
}

/* ---- no processes ------------------------------------------------------------------------------ */

/* Without an address space to describe, none of the others is ever called. */
int uiommu_port_mm_describe(void *host, struct uiommu_mm *mm, struct uiommu_mm_format_info *info)
{
	(void)host;
	(void)mm;
	(void)info;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_mm_get(void *host, struct uiommu_mm *mm)
{
	(void)host;
	(void)mm;
}

void uiommu_port_mm_put(void *host, struct uiommu_mm *mm)
{
	(void)host;
	(void)mm;
}

int uiommu_port_mm_subscribe(void *host, struct uiommu_mm *mm,
			     struct uiommu_mm_subscriber *subscriber)
{
	(void)host;
	(void)mm;
	(void)subscriber;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_mm_unsubscribe(void *host, struct uiommu_mm *mm,
				struct uiommu_mm_subscriber *subscriber)
{
	(void)host;
	(void)mm;
	(void)subscriber;
}

int uiommu_port_mm_fault(void *host, struct uiommu_mm *mm, uint64_t address, unsigned int prot)
{
	(void)host;
	(void)mm;
	(void)address;
	(void)prot;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_log(void *cookie, enum uiommu_log_level level, const char *line)
{
	(void)cookie;
	(void)level;
	(void)line;
}

/* ---- PCI --------------------------------------------------------------------------------------- */

static uint32_t config_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	const uint8_t *config = ((struct test_function *)fn->context)->config;
	uint32_t value = 0;

	if (offset % size || offset + size > 4096)
		abort();
	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)config[offset + i] << (8 * i);
	return value;
}

static void config_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	uint8_t *config = ((struct test_function *)fn->context)->config;

	if (offset % size || offset + size > 4096)
		abort();
	for (unsigned int i = 0; i < size; i++)
		config[offset + i] = (uint8_t)(value >> (8 * i));
}

void test_pci_init(struct test_pci *pci)
{
	memset(pci, 0, sizeof(*pci));
	pci->topology.functions = pci->list;
	pci->topology.config_read = config_read;
	pci->topology.config_write = config_write;
}

void test_pci_set(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
		  uint32_t value)
{
	config_write(fn, offset, size, value);
}

struct uiommu_pci_function *test_pci_add(struct test_pci *pci, struct uiommu_pci_function *parent,
					 uint8_t bus, uint8_t devfn, int express, bool bridge)
{
	struct test_function *function = &pci->functions[pci->topology.num_functions];
	struct uiommu_pci_function *fn = &function->fn;

	pci->list[pci->topology.num_functions++] = fn;
	fn->bus = bus;
	fn->devfn = devfn;
	fn->parent = parent;
	fn->topology = &pci->topology;
	fn->context = function;
	config_write(fn, PCI_VENDOR_ID, 4, 0x00010001);
	config_write(fn, PCI_HEADER_TYPE, 1, bridge);
	if (express >= 0) {
		config_write(fn, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
		config_write(fn, PCI_CAP_POINTER, 1, 0x40);
		config_write(fn, 0x40, 1, PCI_CAP_ID_PM);
		config_write(fn, 0x41, 1, 0x50);
		config_write(fn, 0x50, 1, PCI_CAP_ID_PCIE);
		config_write(fn, 0x52, 2, (uint32_t)express << PCI_PCIE_TYPE_SHIFT | 2);
	}
	return fn;
}

void test_pci_acs(struct uiommu_pci_function *fn, uint16_t capability, uint16_t control)
{
	config_write(fn, 0x100, 4, PCI_EXT_CAP_ID_AER | 1u << 16 | 0x140u << 20);
	config_write(fn, 0x140, 4, PCI_EXT_CAP_ID_ACS | 1u << 16);
	config_write(fn, 0x144, 2, capability);
	config_write(fn, 0x146, 2, control);
}
