/* SPDX-License-Identifier: MIT */
/* pci_space.c - configuration space as it is after power-on, and who asks to have it so again */
#include <string.h>

#include "models/pci_internal.h"

#define EXT_CAP_SIZE 0x20u /* room for each extended capability */

static void fill_header(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	uint8_t *s = fn->space, *w = fn->writable;

	pci_put(s, PCI_VENDOR_ID, 2, c->vendor_id);
	pci_put(s, PCI_DEVICE_ID, 2, c->device_id);
	pci_put(w, PCI_COMMAND, 2,
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			PCI_COMMAND_INTX_DISABLE);
	pci_put(s, PCI_REVISION, 1, c->revision);
	pci_put(s, PCI_CLASS_PROG, 1, c->class_code & 0xff);
	pci_put(s, PCI_CLASS_DEVICE, 2, c->class_code >> 8);
	pci_put(s, PCI_HEADER_TYPE, 1,
		(c->bridge ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL) |
			(c->multifunction ? PCI_HEADER_TYPE_MULTIFUNCTION : 0));
	pci_put(w, PCI_INTERRUPT_LINE, 1, 0xff);
	pci_put(s, PCI_INTERRUPT_PIN, 1, c->interrupt_pin);
	for (unsigned int i = 0; i < (c->bridge ? 2u : 6u); i++)
		if (c->bar_size[i])
			pci_put(w, PCI_BAR(i), 4, ~(c->bar_size[i] - 1) & PCI_BAR_MEMORY_MASK);
	if (c->bridge) {
		pci_put(w, PCI_PRIMARY_BUS, 4, 0x00ffffffu);
		pci_put(w, PCI_MEMORY_BASE, 4, 0xfff0fff0u);
		pci_put(w, PCI_BRIDGE_CONTROL, 2, 0xffff);
		/* No prefetchable and no I/O window: their registers read as zero. */
	} else {
		pci_put(s, PCI_SUBSYSTEM_VENDOR_ID, 2, c->subsystem_vendor_id);
		pci_put(s, PCI_SUBSYSTEM_ID, 2, c->subsystem_id);
	}
}

/* Where the link to the next capability goes. */
static unsigned int fill_capabilities(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	uint8_t *s = fn->space, *w = fn->writable;
	unsigned int link = PCI_CAP_POINTER;

	if (c->pcie || c->msi || c->flr)
		pci_put(s, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	if (c->pcie) {
		pci_put(s, link, 1, PCI_AT_PCIE);
		link = PCI_AT_PCIE + PCI_CAP_NEXT;
		pci_put(s, PCI_AT_PCIE, 1, PCI_CAP_ID_PCIE);
		pci_put(s, PCI_AT_PCIE + PCI_PCIE_CAPABILITIES, 2,
			2u | c->pcie_type << PCI_PCIE_TYPE_SHIFT);
		pci_put(s, PCI_AT_PCIE + PCI_PCIE_DEVICE_CAPABILITIES, 4,
			c->flr ? PCI_PCIE_DEVICE_FLR : 0);
		pci_put(w, PCI_AT_PCIE + PCI_PCIE_DEVICE_CONTROL, 2, 0x7fff);
		pci_put(s, PCI_AT_PCIE + PCI_PCIE_DEVICE_CONTROL, 2, PCI_PCIE_DEVICE_NO_SNOOP);
	}
	if (c->msi) {
		pci_put(s, link, 1, PCI_AT_MSI);
		pci_put(s, PCI_AT_MSI, 1, PCI_CAP_ID_MSI);
		pci_put(s, PCI_AT_MSI + PCI_MSI_CONTROL, 2, PCI_MSI_64BIT);
		pci_put(w, PCI_AT_MSI + PCI_MSI_CONTROL, 2, PCI_MSI_ENABLE);
		pci_put(w, PCI_AT_MSI + PCI_MSI_ADDRESS_LOW, 4, 0xfffffffcu);
		pci_put(w, PCI_AT_MSI + PCI_MSI_ADDRESS_HIGH, 4, 0xffffffffu);
		pci_put(w, PCI_AT_MSI + PCI_MSI_DATA, 2, 0xffff);
		link = PCI_AT_MSI + PCI_CAP_NEXT;
	}
	/* A function of conventional PCI is reset by this one instead. */
	if (c->flr && !c->pcie) {
		pci_put(s, link, 1, PCI_AT_AF);
		link = PCI_AT_AF + PCI_CAP_NEXT;
		pci_put(s, PCI_AT_AF, 1, PCI_CAP_ID_AF);
		pci_put(s, PCI_AT_AF + PCI_AF_LENGTH, 1, PCI_AF_LENGTH_VALUE);
		pci_put(s, PCI_AT_AF + PCI_AF_CAPABILITIES, 1, PCI_AF_TP | PCI_AF_FLR);
	}
	return link;
}

/* The device's own, behind the others. False: there is no room. */
static bool fill_others(struct model_pci_function *fn, unsigned int link)
{
	const struct model_pci_config *c = &fn->config;
	unsigned int at = link == PCI_CAP_POINTER ? PCI_CAP_FIRST : PCI_AT_OTHERS;

	for (unsigned int i = 0; i < c->num_capabilities; i++) {
		const struct model_pci_capability *cap = &c->capabilities[i];

		if (at + cap->size > PCI_CONFIG_SIZE_CONVENTIONAL)
			return false;
		pci_put(fn->space, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
		pci_put(fn->space, link, 1, at);
		memcpy(fn->space + at, cap->bytes, cap->size);
		if (cap->writable)
			memcpy(fn->writable + at, cap->writable, cap->size);
		link = at + PCI_CAP_NEXT;
		pci_put(fn->space, link, 1, 0);
		at += (cap->size + 3u) & ~3u;
	}
	return true;
}

/* The next extended capability, linked to the one before it. */
static unsigned int extended(struct model_pci_function *fn, unsigned int *next, uint32_t id)
{
	unsigned int at = *next;

	if (at != PCI_EXT_CAP_FIRST)
		pci_put(fn->space, at - EXT_CAP_SIZE, 4,
			pci_get(fn->space, at - EXT_CAP_SIZE, 4) | at << PCI_EXT_CAP_NEXT_SHIFT);
	pci_put(fn->space, at, 4, id | 1u << 16);
	*next = at + EXT_CAP_SIZE;
	return at;
}

static void fill_extended(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	uint8_t *s = fn->space, *w = fn->writable;
	unsigned int next = PCI_EXT_CAP_FIRST, at;

	if (!c->pcie)
		return;
	if (c->acs) {
		at = extended(fn, &next, PCI_EXT_CAP_ID_ACS);
		pci_put(s, at + PCI_ACS_CAPABILITY, 2, c->acs_capability);
		pci_put(w, at + PCI_ACS_CONTROL, 2, c->acs_capability);
	}
	if (c->ats) {
		at = extended(fn, &next, PCI_EXT_CAP_ID_ATS);
		pci_put(s, at + PCI_ATS_CAPABILITY, 2,
			PCI_ATS_PAGE_ALIGNED | PCI_ATS_GLOBAL_INVALIDATE);
		pci_put(w, at + PCI_ATS_CONTROL, 2, PCI_ATS_STU | PCI_ATS_ENABLE);
		fn->ats = at;
	}
	if (c->pri) {
		at = extended(fn, &next, PCI_EXT_CAP_ID_PRI);
		pci_put(w, at + PCI_PRI_CONTROL, 2, PCI_PRI_ENABLE);
		pci_put(s, at + PCI_PRI_STATUS, 2,
			PCI_PRI_STATUS_STOPPED |
				(c->pri_plain_responses ? 0 : PCI_PRI_STATUS_PASID_REQUIRED));
		pci_put(s, at + PCI_PRI_CAPACITY, 4, PCI_PAGE_CAPACITY);
		pci_put(w, at + PCI_PRI_ALLOCATION, 4, 0xffffffffu);
		fn->pri = at;
	}
	if (c->pasid_bits) {
		uint32_t modes = (c->pasid_execute ? PCI_PASID_EXECUTE : 0) |
				 (c->pasid_privileged ? PCI_PASID_PRIVILEGED : 0);

		at = extended(fn, &next, PCI_EXT_CAP_ID_PASID);
		pci_put(s, at + PCI_PASID_CAPABILITY, 2,
			modes | (uint32_t)c->pasid_bits << PCI_PASID_WIDTH_SHIFT);
		/* The bits of the modes stand at the same places in both registers. */
		pci_put(w, at + PCI_PASID_CONTROL, 2, PCI_PASID_ENABLE | modes);
		if (c->pasid_always)
			pci_put(s, at + PCI_PASID_CONTROL, 2, PCI_PASID_ENABLE | modes);
		fn->pasid = at;
	}
}

bool model_pci_fill(struct model_pci_function *fn)
{
	fill_header(fn);
	fill_extended(fn);
	if (!fill_others(fn, fill_capabilities(fn)))
		return false;
	fn->power_on = uiommu_port_alloc(fn->pci->host, PCI_CONFIG_SIZE);
	if (fn->power_on)
		memcpy(fn->power_on, fn->space, PCI_CONFIG_SIZE);
	return fn->power_on;
}

bool model_pci_wants_reset(struct model_pci_function *fn, unsigned int offset, unsigned int size,
			   uint32_t value)
{
	const unsigned int pcie = PCI_AT_PCIE + PCI_PCIE_DEVICE_CONTROL + 1;

	if (!fn->config.flr)
		return false;
	if (fn->config.pcie)
		return pci_written(offset, size, value, pcie) & PCI_PCIE_DEVICE_CONTROL_FLR >> 8;
	return pci_written(offset, size, value, PCI_AT_AF + PCI_AF_CONTROL) & PCI_AF_INITIATE_FLR;
}
