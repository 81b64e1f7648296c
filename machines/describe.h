/* SPDX-License-Identifier: MIT */
/*
 * describe.h - what a machine's Devicetree says, read once and checked
 *
 * The nodes:
 *
 *   /                      model: one line for people
 *                          acpi: firmware describes the machine by ACPI tables; without it the blob itself is
 *                          what software gets
 *   /memory@X              reg: RAM; reserve-below: no page under this address is handed out
 *   /iommu@X               compatible "intel,vtd"; reg: registers; segment; include-all, or scopes: phandles of
 *                          functions; driver-flags: enum uiommu_vtd_flags; preset: name of a
 *                          model_vtd_preset(); then any field of struct model_vtd_config with '-' for
 *                          '_': a number, or nothing for true
 *   /iommu@X               compatible "arm,smmu-v3": reg: both register pages; preset: name of a
 *                          model_smmuv3_preset(); then its fields in the same way
 *   /virtio_mmio@X         compatible "virtio,mmio", with #iommu-cells: a virtio IOMMU; reg; preset: name of a
 *                          model_viommu_preset(); then its fields in the same way; reserved-regions
 *   /pcie@X                compatible "pci-host-ecam-generic"; linux,pci-domain; bus-range; ranges: its memory
 *                          window; atsr: ATS works below all root ports of the segment; iommu-map and
 *                          iommu-map-mask: which requests go through which unit, with which ID; a function that a
 *                          unit names as its own comes first
 *     NAME@DEVICE,FUNCTION compatible as below; reg: bus 0, device and function in bits 15:8; label;
 *                          class-code; multifunction; acs: the capability's bits; ats; pri;
 *                          pri-plain-responses: without PASID; pasid-bits; pasid-execute;
 *                          pasid-privileged; satc; model-only: not on an emulator.
 *                          Bridges have their functions as children.
 *   /dma@X                 compatible "uiommu,platform-dma", a DMA engine on no bus (models): reg; label; iommus: a
 *                          unit and one ID; pasid-num-bits; dma-can-stall; interrupts: it has a wire, active high
 *   /mbox@X                compatible "brcm,iproc-flexrm-mbox", a ring manager on no bus (models): reg; label;
 *                          iommus; rings: a mask of the windows that are populated; active-rings: of them after
 *                          power-on; stuck-in-flush, stuck-in-clear: masks; flush-polls: reads of FLUSH_DONE that are
 *                          too early, without it another number each time
 *   /reserved-memory/X     reg; devices: phandles: firmware lets them reach it
 *
 * "uiommu,host-bridge", "uiommu,root-port", "uiommu,switch-upstream", "uiommu,switch-downstream",
 * "uiommu,pcie-pci-bridge", "uiommu,pci-bridge", "qemu,edu", "qemu,iommu-testdev", "uiommu,dma-engine",
 * "virtio,pci-iommu" (a unit: preset and fields as for the one over MMIO; intx: it has no MSI-X).
 */
#ifndef MACHINES_DESCRIBE_H
#define MACHINES_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum describe_kind {
	DESCRIBE_HOST_BRIDGE,
	DESCRIBE_ROOT_PORT,
	DESCRIBE_SWITCH_UPSTREAM,
	DESCRIBE_SWITCH_DOWNSTREAM,
	DESCRIBE_PCIE_PCI_BRIDGE,
	DESCRIBE_PCI_BRIDGE,
	DESCRIBE_EDU,
	DESCRIBE_TESTDEV,
	DESCRIBE_DMA_ENGINE,
	DESCRIBE_VIRTIO_IOMMU,
};

enum describe_unit_kind {
	DESCRIBE_UNIT_VTD,
	DESCRIBE_UNIT_VIRTIO,
	DESCRIBE_UNIT_SMMUV3,
};

#define DESCRIBE_NONE UINT32_MAX

struct describe_function {
	const char *label; /* NULL: none; inside the blob */
	enum describe_kind kind;
	unsigned int parent; /* index of the bridge above, DESCRIBE_NONE on the root bus */
	unsigned int host; /* index into hosts */
	uint8_t devfn;
	uint32_t phandle; /* 0: none */
	uint32_t class_code; /* 0: the device's own */
	bool multifunction, acs, ats, pri, pri_plain_responses, satc, model_only;
	bool pasid_execute, pasid_privileged;
	uint16_t acs_bits;
	uint8_t pasid_bits;
};

/* Requester IDs that a unit translates: @first becomes @id, and so on; of an iommu-map. */
struct describe_map {
	uint32_t first, count;
	unsigned int unit; /* index into units */
	uint32_t id;
};

struct describe_host {
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint64_t window, window_size; /* of memory for BARs */
	bool atsr;
	uint16_t map_mask; /* applied to requester IDs before the look-up */
	struct describe_map *maps;
	unsigned int num_maps;
	int node; /* offset in the blob */
};

struct describe_unit {
	enum describe_unit_kind kind;
	uint64_t base, size; /* of the registers; 0: it is a PCI function ... */
	unsigned int function; /* ... which is this one, else DESCRIBE_NONE */
	uint16_t segment;
	bool include_all;
	unsigned int driver_flags;
	const char *preset;
	int node; /* offset in the blob, for further properties */
	unsigned int *scopes; /* indices of functions */
	unsigned int num_scopes;
};

enum describe_platform_kind {
	DESCRIBE_PLATFORM_DMA,
	DESCRIBE_PLATFORM_FLEXRM,
};

/* A device on no bus that can be enumerated. */
struct describe_platform {
	enum describe_platform_kind kind;
	const char *label, *name; /* inside the blob; the name of its node */
	const char *compatible;
	uint64_t base, size;
	unsigned int unit; /* index into units; num_units: behind none */
	uint32_t id;
	uint8_t pasid_bits;
	bool stall; /* its requests may be stalled */
	bool wire; /* it has an interrupt */
	uint32_t rings, active, stuck_flush, stuck_clear; /* masks */
	bool fixed_polls;
	uint32_t polls;
};

struct describe_region {
	uint64_t base, last;
	unsigned int *functions;
	unsigned int num_functions;
};

struct describe {
	const void *dtb; /* the blob; not owned, has to stay */
	size_t dtb_size;
	const char *summary;
	bool acpi;
	uint64_t ram_base, ram_size, reserve_below;
	struct describe_host *hosts;
	struct describe_function *functions; /* a bridge before what is below it */
	struct describe_unit *units;
	struct describe_region *regions;
	struct describe_platform *platforms;
	unsigned int num_hosts, num_functions, num_units, num_regions, num_platforms;
};

/* 0, or a negative errno and one line in @error that names the node. */
int describe_read(const void *dtb, size_t size, struct describe **out, char *error,
		  size_t error_size);
void describe_free(struct describe *d);
/* Where an iommu-map sends a requester ID; NULL: nowhere. @id on success. */
const struct describe_map *describe_map(const struct describe_host *host, uint16_t requester,
					uint32_t *id);
bool describe_is_bridge(enum describe_kind kind);

#endif /* MACHINES_DESCRIBE_H */
