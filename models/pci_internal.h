/* SPDX-License-Identifier: MIT */
/* pci_internal.h - what the files of the PCI model share; nobody else includes it */
#ifndef MODELS_PCI_INTERNAL_H
#define MODELS_PCI_INTERNAL_H

#include <uiommu/port.h>

#include "models/pci.h"
#include "spec/pci.h"

#define PCI_SEGMENTS 16u

/* Offsets of the capabilities in every function that has them. */
#define PCI_AT_PCIE 0x40u
#define PCI_AT_MSI 0x80u
#define PCI_AT_AF 0x90u
#define PCI_AT_OTHERS \
	0x98u /* from here on those of the device, or from PCI_CAP_FIRST if it has no others */

#define PCI_MSI_CONTROL 0x02u /* PCI 3.0, 6.8.1 */
#define PCI_MSI_ENABLE 1u
#define PCI_MSI_64BIT (1u << 7)
#define PCI_MSI_ADDRESS_LOW 0x04u
#define PCI_MSI_ADDRESS_HIGH 0x08u
#define PCI_MSI_DATA 0x0cu

/* A page request group: its requests count as outstanding until it is answered. */
struct pci_page_group {
	bool has_pasid, complete; /* its last request was sent */
	bool lost; /* the function knows of it no more; its response is nobody's mistake */
	uint32_t pasid;
	uint16_t index;
	uint32_t requests;
};

#define PCI_PAGE_GROUPS 1024u
#define PCI_PAGE_CAPACITY 256u /* requests */

/* A page request interface (PCIe 6.0, 10.4). */
struct pci_pages {
	unsigned int at; /* the capability */
	bool enabled;
	bool failed; /* a Response Failure came; over with the next time it is enabled */
	uint32_t outstanding; /* requests of groups that are not lost */
	unsigned int count;
	struct pci_page_group groups[PCI_PAGE_GROUPS];
};

struct model_pci_function {
	struct model_pci *pci;
	struct model_pci_config config;
	struct model_pci_function *next;
	const struct model_pci_iommu *iommu;
	bool atc_registered;
	uint16_t atc_source_id;
	const struct model_pci_iommu *atc_iommu;
	void (*wire)(void *context, bool asserted);
	void *wire_context;
	bool wire_asserted;
	unsigned int ats, pri, pasid; /* where these capabilities are; 0: nowhere */
	struct pci_pages *pages; /* NULL: no page requests */
	uint8_t *power_on; /* configuration space after a reset */
	bool held; /* a bridge above is resetting its bus: nobody is there */
	uint8_t space[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
};

struct model_pci {
	void *host;
	struct model_memory *memory;
	model_report_fn report;
	model_msi_fn msi;
	void *context;
	struct uiommu_mutex lock;
	struct model_pci_function *first, **end;
	const struct model_pci_iommu *segment_iommu[PCI_SEGMENTS];
};

static inline uint32_t pci_get(const uint8_t *bytes, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)bytes[offset + i] << 8 * i;
	return value;
}

static inline void pci_put(uint8_t *bytes, unsigned int offset, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

/* Bits of @value that a write of @size bytes at @offset put into the byte at @at; 0 if it is another. */
static inline uint8_t pci_written(unsigned int offset, unsigned int size, uint32_t value,
				  unsigned int at)
{
	if (at < offset || at >= offset + size)
		return 0;
	return (uint8_t)(value >> 8 * (at - offset));
}

/* pci_space.c: the registers as after power-on; false: the capabilities do not fit, or no memory. */
bool model_pci_fill(struct model_pci_function *fn);
/* On the bus: a write to configuration space was done; true if it asks for a reset of the function. */
bool model_pci_wants_reset(struct model_pci_function *fn, unsigned int offset, unsigned int size,
			   uint32_t value);

/* pci_pages.c, on the bus. */
void model_pci_pages_written(struct model_pci_function *fn, unsigned int offset, unsigned int size,
			     uint32_t value);
void model_pci_pages_reset(struct model_pci_function *fn);
/* For struct model_atc: the context is the function. */
void model_pci_page_response(void *function, bool has_pasid, uint32_t pasid, uint16_t group,
			     enum model_page_response code);

/* pci.c */
const struct model_pci_iommu *model_pci_iommu_of(const struct model_pci_function *fn);
uint16_t model_pci_source_id(const struct model_pci_function *fn);
/* The text of a report grows. */
void model_pci_append(char *text, size_t size, const char *more);
void model_pci_append_hex(char *text, size_t size, uint64_t value);

#endif /* MODELS_PCI_INTERNAL_H */
