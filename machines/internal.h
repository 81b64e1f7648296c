/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of machines/ share; nobody else includes it */
#ifndef MACHINES_INTERNAL_H
#define MACHINES_INTERNAL_H

#include <pthread.h>

#include <uiommu/acpi.h>
#include <uiommu/fdt.h>
#include <uiommu/iort.h>
#include <uiommu/smmuv3.h>
#include <uiommu/viot.h>
#include <uiommu/virtio_iommu.h>
#include <uiommu/vtd.h>

#include "machines/describe.h"
#include "machines/machine.h"
#include "models/model.h"

#define MACHINE_FAULTS 256u
#define MACHINE_LINES 64u

/* Each kind of device that a test can drive. */
struct machine_stimulus {
	uint16_t vendor_id, device_id;
	unsigned int traits; /* enum machine_trait, without what capabilities add */
	enum machine_dma_status (*transfer)(struct machine_device *device, bool write,
					    uint64_t iova, void *data, size_t size, uint32_t pasid,
					    unsigned int flags);
};

struct machine_device {
	struct machine *machine;
	const char *label;
	uint32_t phandle; /* of its node, in a machine that hands over a Devicetree; 0: none */
	char name[32];
	const struct describe_platform *platform; /* NULL: a PCI function */
	struct uiommu_pci_function *fn;
	struct uiommu_device *dev;
	unsigned int traits;
	uint32_t pasid_bits;
	uint64_t bar; /* physical address of BAR 0 */
	const struct machine_stimulus *stimulus; /* NULL: nobody knows how to drive it */
	bool can_stall; /* firmware says so */
	_Atomic(bool) reads; /* the DMA that was started last, perhaps by another thread */
	unsigned int group; /* of its page requests, above the first */
	struct machine_saved *saved; /* while it is in a reset */
	struct machine_uapi_io *uapi_io; /* once a user ABI was told of it */
	struct machine_platform_io *platform_io; /* likewise, on no bus */
	bool edu_window; /* the edu's buffer can be reached through the BAR */
	uint64_t edu_inside; /* or here, by the hardware's back door; 0: by DMA alone */
};

struct machine_unit;

/* A driver of the library, as a machine uses it. */
struct machine_driver {
	const char *kind; /* "vtd" */
	const struct uiommu_ops *(*ops)(void);
	/* @ops: what the driver shall register, NULL: its own. */
	int (*start)(struct machine_unit *unit, const struct uiommu_ops *ops);
	void (*stop)(struct machine_unit *unit);
	struct uiommu_instance *(*instance)(struct machine_unit *unit);
};

extern const struct machine_driver machine_driver_smmuv3, machine_driver_virtio, machine_driver_vtd;

#define MACHINE_WINDOWS 6u /* the BARs of a PCI function */

/* Registers as a driver reaches them. */
struct machine_window {
	struct machine *machine;
	uint64_t base;
};

/* An IOMMU that firmware told of. */
struct machine_unit {
	struct machine *machine;
	unsigned int index;
	const struct machine_driver *driver;
	const struct machine_firmware *firmware; /* who told */
	const struct uiommu_fwnode *fwnode;
	const char *name;
	uint64_t base; /* of its registers; 0: it is a PCI function */
	uint16_t segment, source_id;
	bool coherent; /* firmware says that its accesses snoop */
	struct machine_window window[MACHINE_WINDOWS];
	void *handle; /* the driver's; NULL while it is not started */
};

/*
 * A source of firmware's knowledge, firmware.c: what it says is parsed by src/firmware at each boot.  The
 * sources are asked one after the other; a device belongs to the first that knows it.
 */
struct machine_firmware {
	const char *name; /* "DMAR" */
	/* Read it, if the hardware has it, and add its units. */
	int (*read)(struct machine *m, char *error, size_t error_size);
	/* -UIOMMU_ENODEV: it says nothing of the device. */
	int (*configure)(struct machine_device *device, struct uiommu_device *dev);
	int (*resv_regions)(struct machine *m, struct uiommu_device *dev,
			    struct uiommu_resv_list *list);
	bool (*ats_allowed)(struct machine *m, struct uiommu_device *dev);
	void (*free)(struct machine *m);
};

struct machine {
	struct machine_options options;
	char *name;
	void *file; /* a description from a file; NULL for built-in ones */
	struct describe *d;
	struct machine_hardware *hw;
	struct uiommu_posix *host;
	struct uiommu_posix_hooks hooks;
	const struct uiommu_posix_hooks *hw_hooks;
	struct uiommu_system *sys;

	struct uiommu_dmar *dmar;
	struct uiommu_viot *viot;
	struct uiommu_iort *iort;
	struct uiommu_dt *dt;
	struct machine_unit *units;
	unsigned int num_units;

	struct uiommu_pci_topology topology;
	struct machine_device *devices;
	unsigned int num_devices;

	unsigned char *scratch; /* for devices whose data only DMA can reach */
	uint64_t scratch_phys;

	pthread_mutex_t lock; /* what happened */
	struct uiommu_fault faults[MACHINE_FAULTS];
	struct model_report reports[MACHINE_LINES];
	char warnings[MACHINE_LINES][256];
	size_t num_faults, num_reports, num_warnings; /* since the last clear, more than are kept */
};

/* A line into @error and @rc back. */
int machine_error(char *error, size_t error_size, int rc, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* file.c */
int machine_load(const char *name, const void **dtb, size_t *size, void **file, char *error,
		 size_t error_size);

/* pci.c: number buses, assign BARs, enable functions, find the labelled devices */
int machine_enumerate(struct machine *machine, char *error, size_t error_size);
void machine_forget_pci(struct machine *machine);

/* dma.c: who drives a function; fills in stimulus and traits */
void machine_find_stimulus(struct machine_device *device);

/* Registers of a device, in BAR 0; a write may be posted. */
uint64_t machine_device_get(struct machine_device *device, uint64_t offset, unsigned int size);
void machine_device_put(struct machine_device *device, uint64_t offset, unsigned int size,
			uint64_t value);
/* Between @data and a window of the BAR in pieces of @step bytes; the rest of the last piece is 0. */
void machine_device_copy(struct machine_device *device, uint64_t offset, bool in, void *data,
			 size_t size, unsigned int step);

/* dma_engine.c: what the capabilities of the project's own device add */
void machine_engine_traits(struct machine_device *device);
enum machine_dma_status machine_engine_transfer(struct machine_device *device, bool write,
						uint64_t iova, void *data, size_t size,
						uint32_t pasid, unsigned int flags);

/* platform_io.c */
void machine_forget_platform_io(struct machine_device *device);

/* reset.c */
bool machine_can_reset(struct machine_device *device);

/* firmware.c */
int machine_read_firmware(struct machine *machine, char *error, size_t error_size);
void machine_forget_firmware(struct machine *machine);
int machine_configure(struct uiommu_device *dev, void *device);
/* For drivers' configurations; the context is the unit. */
int machine_resv_regions(void *unit, struct uiommu_device *dev, struct uiommu_resv_list *list);
bool machine_ats_allowed(void *unit, struct uiommu_device *dev);

/* driver.c: registers at @base, watched if the machine's options say so */
struct uiommu_mmio machine_registers(struct machine_unit *unit, unsigned int window, uint64_t base);

/* machine.c */
uint64_t machine_mmio_read(struct machine *machine, uint64_t address, unsigned int size);
void machine_mmio_write(struct machine *machine, uint64_t address, unsigned int size,
			uint64_t value);

/* firmware.c: the registers of the VT-d unit that translates this function, 0: none */
uint64_t machine_vtd_base(struct machine *machine, const struct uiommu_pci_function *fn);

#endif /* MACHINES_INTERNAL_H */
