/* SPDX-License-Identifier: MIT */
/*
 * hardware.h - the bare metal under a machine: our models, or QEMU's devices
 *
 * A back end offers a physical bus (MMIO), PCI configuration space, firmware tables and RAM.  Everything
 * above it - enumeration, firmware parsing, drivers, stimulus - is the same for all back ends.
 */
#ifndef MACHINE_HARDWARE_H
#define MACHINE_HARDWARE_H

#include <uiommu/posix.h>

struct machine_hardware;
struct model_report;

/* What a back end cannot show, so that a scenario is skipped with a reason and not failed. */
enum machine_trait {
	MACHINE_PASID_DMA = 1u << 0, /* a device can send requests with PASID */
	MACHINE_ATS = 1u << 1, /* a device can use ATS */
	MACHINE_STREAM = 1u << 2, /* a device can do DMA from a thread of its own */
	MACHINE_REPORTS = 1u << 3, /* violations are reported (models) */
	MACHINE_FAULT_RECORDS = 1u << 4, /* refused translations are recorded */
	MACHINE_CACHES = 1u << 5, /* stale translations are really kept */
	MACHINE_DMA_STATUS = 1u << 6, /* a device reports whether its DMA failed */
	MACHINE_NO_SNOOP = 1u << 7, /* a device can send no-snoop requests */
	MACHINE_PAGE_REQUESTS = 1u << 8, /* a device can ask for a missing page (PRI) and wait */
	MACHINE_STALL = 1u << 9, /* a device's request can be stalled */
	MACHINE_RESET = 1u << 10, /* a device can be reset (FLR) */
	MACHINE_MISBEHAVE = 1u << 11, /* a device TLB can be told to break the rules */
};

struct machine_hardware_ops {
	const char *name; /* "model", "qemu" */
	uint32_t (*config_read)(struct machine_hardware *hw, uint16_t segment, uint8_t bus,
				uint8_t devfn, unsigned int offset, unsigned int size);
	void (*config_write)(struct machine_hardware *hw, uint16_t segment, uint8_t bus,
			     uint8_t devfn, unsigned int offset, unsigned int size, uint32_t value);
	/* Size 1, 2, 4 or 8. */
	uint64_t (*mmio_read)(struct machine_hardware *hw, uint64_t address, unsigned int size);
	void (*mmio_write)(struct machine_hardware *hw, uint64_t address, unsigned int size,
			   uint64_t value);
	/* A write that may arrive later, but before any other call; NULL: as mmio_write. */
	void (*mmio_post)(struct machine_hardware *hw, uint64_t address, unsigned int size,
			  uint64_t value);
	/*
	 * Memory inside a device that the bus does not show.  Find: where these bytes stand, 0:
	 * unknown; may be a copy, too; @name tells devices apart.  NULL, both: no back door.
	 */
	uint64_t (*find_inside)(struct machine_hardware *hw, const char *name, const void *bytes,
				size_t size);
	bool (*access_inside)(struct machine_hardware *hw, uint64_t where, bool write, void *data,
			      size_t size);
	/* Has the hardware itself come to an end?  Then true and one line.  NULL: it cannot. */
	bool (*problem)(struct machine_hardware *hw, char *text, size_t size);
	/* A firmware table by signature ("DMAR"), the back end's memory; NULL if there is none. */
	const void *(*acpi_table)(struct machine_hardware *hw, const char signature[4],
				  size_t *size);
	/* The Devicetree that firmware hands over; NULL: it describes the machine by ACPI. */
	const void *(*devicetree)(struct machine_hardware *hw, size_t *size);
	/* Let pending device work (DMA, queues) finish: steps of models, QEMU's clock. */
	void (*settle)(struct machine_hardware *hw);
	/* Models: software claims that no stale translation may be used from now on (or not). */
	void (*expect_clean)(struct machine_hardware *hw, bool clean);
	/* Stream DMA from threads: start and stop the hardware's own threads. */
	int (*start)(struct machine_hardware *hw);
	void (*stop)(struct machine_hardware *hw);
	/*
	 * @changed is told the level of the interrupt wire of a device on no bus, the @index-th of the description, at once
	 * and with each change; it must not call back.  NULL, @changed: no longer.  NULL: there are no wires.
	 */
	void (*watch_wire)(struct machine_hardware *hw, unsigned int index,
			   void (*changed)(void *context, bool asserted), void *context);
	/* Buffers came into or went out of use by devices. */
	void (*buffer_added)(struct machine_hardware *hw, uiommu_phys_t phys, uint64_t size);
	void (*buffer_removed)(struct machine_hardware *hw, uiommu_phys_t phys, uint64_t size);
	/* Called by the machine for the host's hooks. */
	const struct uiommu_posix_hooks *(*hooks)(struct machine_hardware *hw);
	void (*destroy)(struct machine_hardware *hw);
};

struct machine_hardware {
	const struct machine_hardware_ops *ops;
	unsigned int traits; /* enum machine_trait */
	char version[48]; /* "QEMU 7.2.22", "model" */
	uint64_t ram_base, ram_size, reserve_below;
	void *ram;
	bool ram_private; /* anonymous memory of this process */
	uint64_t mmio_window, mmio_window_size; /* where BARs are assigned */
	uint16_t num_segments;
	struct uiommu_posix *host; /* set by the machine; interrupts of hardware go there */
	void (*report)(void *context, const struct model_report *report); /* set by the machine */
	void *report_context;
};

/* The back ends. @description: a machine's flattened Devicetree. Errors go to @error in words. */
int machine_hardware_model(const void *dtb, size_t dtb_size, uint64_t seed,
			   struct machine_hardware **out, char *error, size_t error_size);
int machine_hardware_qemu(const void *dtb, size_t dtb_size, uint64_t seed,
			  struct machine_hardware **out, char *error, size_t error_size);

#endif /* MACHINE_HARDWARE_H */
