/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a machine, put together: hardware, firmware tables, host, core, drivers, devices
 *
 * A machine is described by a Devicetree source in machines/ (compiled in), or by a file.  It is created
 * with its hardware at reset, and booted: PCI is enumerated through configuration space, BARs are
 * assigned, the firmware's tables are parsed by src/firmware, a driver is started for each IOMMU, and the
 * devices are added to the system.  A test can do each of these steps by hand.
 *
 * Thread-safety: create, boot and destroy alone; the DMA calls from any thread, one at a time per device.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <uiommu/pci.h>
#include <uiommu/posix.h>
#include <uiommu/driver.h>

#include "hardware.h"

struct machine;
struct machine_device;
struct model_report;

struct machine_options {
	const char *name; /* a built-in machine, or a .dts or .dtb file */
	const char *hardware; /* "model" or "qemu" */
	uint64_t seed;

	/* For the system.  host, on_fault and context are the machine's own. */
	struct uiommu_system_config system;

	/* Wrappers between the core and the driver, and between the driver and its registers. */
	const struct uiommu_ops *(*wrap_ops)(void *context, const struct uiommu_ops *ops);
	void (*wrap_mmio)(void *context, unsigned int unit, struct uiommu_mmio *mmio);
	void *context;

	/* A second listener beside the machine's own use of the host's hooks (fail, log, ...). */
	const struct uiommu_posix_hooks *hooks;

	unsigned int
		driver_flags; /* enum uiommu_vtd_flags for all units, on top of the description's */
};

/** machine_create() - hardware at reset; on failure one clear line in @error, and a negative errno */
int machine_create(const struct machine_options *options, struct machine **out, char *error,
		   size_t error_size);
void machine_destroy(struct machine *machine);

enum machine_boot_flags {
	MACHINE_BOOT_NO_DEVICES = 1u << 0, /* units are started, devices not added */
	MACHINE_BOOT_NO_UNITS = 1u << 1, /* devices are added, units not started */
	MACHINE_BOOT_DEVICES_FIRST = 1u << 2, /* devices are added before the units start */
};

/** machine_boot() - create the system, start units, add devices: 0 or a negative errno and a line */
int machine_boot(struct machine *machine, unsigned int flags, char *error, size_t error_size);
/** machine_shutdown() - devices, units, system gone; the hardware stays as it is */
void machine_shutdown(struct machine *machine);

/* Steps by hand, for scenarios about order and hotplug. */
unsigned int machine_num_units(struct machine *machine);
int machine_start_unit(struct machine *machine, unsigned int unit);
void machine_stop_unit(struct machine *machine, unsigned int unit);
struct uiommu_instance *machine_unit_instance(struct machine *machine, unsigned int unit);
int machine_add_device(struct machine *machine, struct machine_device *device);
void machine_remove_device(struct machine *machine, struct machine_device *device);

struct uiommu_system *machine_system(struct machine *machine);
struct uiommu_posix *machine_host(struct machine *machine);
struct machine_hardware *machine_hardware(struct machine *machine);
const char *machine_name(struct machine *machine);
/* All PCI functions, bridges too, once it was booted. */
struct uiommu_pci_topology *machine_topology(struct machine *machine);

/* The built-in machines: name and one line; NULL after the last. */
struct machine_builtin {
	const char *name, *summary;
	const unsigned char *dtb;
	size_t dtb_size;
};
const struct machine_builtin *machine_builtins(void);

/* ---- devices ----------------------------------------------------------------------------------- */

/*
 * Devices have labels in the description, the same on every machine of a family:
 *   "solo0", "solo1", "solo2": each alone in its group; on different units where there are several
 *   "trio0", "trio1", "trio2": three in one group
 *   "bridged0", "bridged1":    behind a conventional PCI bridge, one group, bridge's source ID
 *   "hidden0", "hidden1":      not behind any IOMMU, where the machine has such devices
 *   "pasid0", "pasid1":        can send PASIDs, each alone in its group (models)
 *   "ats0":                    keeps a device TLB (models)
 *   "pri0", "pri1":            PASIDs, a device TLB and page requests (or stalls), each alone in its group; pri1 has
 *                              8 bits of PASID, and takes responses without (models)
 *   "pripair0", "pripair1":    the same, two functions of one group (models)
 *   "mixed0", "mixed1":        two functions of one group, only the first of them with PASIDs (models)
 *   "alias0", "alias1":        behind a conventional PCI bridge like bridged0 and 1, and can be reset (models)
 *   "platform0", "platform1":  on no bus, each alone in its group (models)
 *   "flexrm0" to "flexrm4":    ring managers on no bus, which machine_dma_*() cannot drive (models)
 *   "rmrr0", "relaxed0":       with a DIRECT / DIRECT_RELAXABLE region
 * Any label may be missing on a machine: machine_device() then gives NULL.
 */
struct machine_device *machine_device(struct machine *machine, const char *label);
struct machine_device *machine_device_at(struct machine *machine, unsigned int index);
unsigned int machine_num_devices(struct machine *machine);
const char *machine_device_label(const struct machine_device *device);
/* The device's descriptor as boot uses it; a scenario may change a copy and add it itself. */
void machine_device_desc(struct machine_device *device, struct uiommu_device_desc *desc);
struct uiommu_pci_function *machine_device_function(struct machine_device *device);
/* NULL while it is not added */
struct uiommu_device *machine_device_uiommu(struct machine_device *device);
/* What a scenario that called uiommu_device_add()/remove() itself tells the machine. */
void machine_device_set_uiommu(struct machine_device *device, struct uiommu_device *dev);
unsigned int machine_device_traits(struct machine_device *device); /* enum machine_trait */

/* ---- DMA --------------------------------------------------------------------------------------- */

enum machine_dma_status {
	MACHINE_DMA_DONE, /* the device saw no error */
	MACHINE_DMA_REFUSED, /* the device got an error response */
	MACHINE_DMA_UNKNOWN, /* the device finished and cannot tell */
	MACHINE_DMA_WAITING, /* for a page; from machine_dma_finish() only */
};

enum machine_dma_flags {
	MACHINE_DMA_WITH_PASID = 1u << 0,
	MACHINE_DMA_USE_ATS = 1u << 1, /* translate first, keep it in the ATC, use it again */
	MACHINE_DMA_NO_SNOOP_ATTR = 1u << 2,
	MACHINE_DMA_PRIVILEGED = 1u << 3,
	MACHINE_DMA_EXECUTE = 1u << 4,
	MACHINE_DMA_PAGE_REQUEST = 1u << 5, /* a missing page is asked for, or stalled for */
};

/*
 * One DMA of a device, finished when the call returns.  Read: device takes @size bytes from @iova, and
 * they are copied to @data.  What a refused read leaves in @data is the device's affair (zeros, all
 * ones, what was there): compare with what memory holds.  Write: @data goes to memory at @iova.  Size up to 4096.
 */
enum machine_dma_status machine_dma_read(struct machine_device *device, uint64_t iova, void *data,
					 size_t size, uint32_t pasid, unsigned int flags);
enum machine_dma_status machine_dma_write(struct machine_device *device, uint64_t iova,
					  const void *data, size_t size, uint32_t pasid,
					  unsigned int flags);

/* Continuous DMA from a thread of the device's own (MACHINE_STREAM): reads and writes words in a range. */
struct machine_stream_stats {
	uint64_t done, refused;
	uint64_t wrong; /* reads that gave neither @expect_a nor @expect_b */
};
int machine_stream_start(struct machine_device *device, uint64_t iova, uint64_t size,
			 uint32_t pasid, unsigned int flags, uint64_t expect_a, uint64_t expect_b);
/* What it has done so far, while it goes on. */
void machine_stream_stats(struct machine_device *device, struct machine_stream_stats *stats);
void machine_stream_stop(struct machine_device *device, struct machine_stream_stats *stats);

/*
 * A DMA with MACHINE_DMA_PAGE_REQUEST ends only when the page was there or refused: machine_dma_read() and
 * _write() let the hardware go on and deliver interrupts meanwhile (machine_settle()), for a bounded number of rounds;
 * then MACHINE_DMA_UNKNOWN.  The same in two steps, for those who answer themselves: start, and ask
 * until it is not MACHINE_DMA_WAITING.  One at a time for a device.  A finished read's data is at @data of finish.
 * Where pages are asked for by PRI the flag implies MACHINE_DMA_USE_ATS, and the groups are 0x100 and up, another each
 * time.  Start: 0; -UIOMMU_EOPNOTSUPP: the device cannot; -UIOMMU_EINVAL: @size; -UIOMMU_EBUSY: it waits.
 */
int machine_dma_start(struct machine_device *device, bool write, uint64_t iova, const void *data,
		      size_t size, uint32_t pasid, unsigned int flags);
enum machine_dma_status machine_dma_finish(struct machine_device *device, void *data, size_t size);
void machine_dma_cancel(struct machine_device *device);

/*
 * One bare page request, in whatever group (MACHINE_PAGE_REQUESTS). 0; -UIOMMU_EOPNOTSUPP; -UIOMMU_EINVAL: the device
 * did not send it: something is not enabled, or too many are outstanding.  May be sent while a DMA waits.
 */
struct machine_page_request {
	uint64_t iova;
	uint32_t pasid;
	unsigned int flags; /* WITH_PASID, PRIVILEGED, EXECUTE of enum machine_dma_flags */
	unsigned int prot; /* UIOMMU_READ, UIOMMU_WRITE */
	uint16_t group;
	bool last;
};
int machine_page_request(struct machine_device *device, const struct machine_page_request *request);
int machine_stop_marker(struct machine_device *device, uint32_t pasid, unsigned int flags);

/* Responses that reached the device, oldest first, taken away; false: none. */
struct machine_page_response {
	bool has_pasid, stall;
	uint32_t pasid;
	uint16_t group;
	unsigned int
		code; /* as on the wire: 0 success, 1 invalid, 15 failure; of a stall 0 retry, 1 ended */
};
bool machine_page_response(struct machine_device *device, struct machine_page_response *response);

enum machine_misbehaviour {
	MACHINE_BEHAVES,
	MACHINE_ATC_SILENT, /* does not complete invalidations */
	MACHINE_ATC_DEAF, /* completes them and keeps the translation */
};
/* For @count invalidations, 0: from now on (MACHINE_MISBEHAVE). */
int machine_misbehave(struct machine_device *device, enum machine_misbehaviour how,
		      unsigned int count);

/*
 * A function-level reset as an operating system does it, without telling the library: configuration space is saved,
 * the function reset, and what was saved written back. 0, or -UIOMMU_EOPNOTSUPP (MACHINE_RESET).
 */
int machine_device_reset(struct machine_device *device);
/* The two halves of it, for those who look in between. */
int machine_device_reset_begin(struct machine_device *device);
void machine_device_reset_end(struct machine_device *device);
/*
 * Whom a reset of the bus that @device is on would reset, itself too: at most @room of them, and how many there are. 0: that is
 * not possible, for it is on a root bus, or there are bridges on its.
 */
unsigned int machine_bus_reset_devices(struct machine_device *device,
				       struct machine_device **devices, unsigned int room);
/* All of them, by their bridge. 0; -UIOMMU_EOPNOTSUPP; -UIOMMU_EBUSY: one of them is in a reset; -UIOMMU_ENOMEM. */
int machine_bus_reset(struct machine_device *device);

/*
 * A process whose page table the IOMMU above @device can walk: 48 bits, x86-64 or Arm with the smallest granule that
 * there is.  0; -UIOMMU_ENODEV: @device is not added, or behind no IOMMU; -UIOMMU_EOPNOTSUPP: it walks
 * no such table; or what uiommu_posix_mm_create() returns.
 */
int machine_mm_create(struct machine *machine, struct machine_device *device,
		      struct uiommu_mm **out);

/* Memory that devices may reach. */
void *machine_buffer(struct machine *machine, uint64_t size, uint64_t align, uint64_t *phys);
void machine_buffer_free(struct machine *machine, void *buffer, uint64_t size);

/* ---- what happened ----------------------------------------------------------------------------- */

/** machine_settle() - let hardware finish, deliver interrupts, poll the units for faults */
void machine_settle(struct machine *machine);

/* Faults reported by the library since the last clear, oldest first (the last 256 are kept). */
size_t machine_num_faults(struct machine *machine);
const struct uiommu_fault *machine_fault(struct machine *machine, size_t index);
void machine_clear_faults(struct machine *machine);

/* Violations that the models reported since the last clear (the last 64 are kept). */
size_t machine_num_reports(struct machine *machine);
const struct model_report *machine_report(struct machine *machine, size_t index);
void machine_clear_reports(struct machine *machine);

/* Lines that the library logged at WARN or ERROR since the last clear (the last 64 are kept). */
size_t machine_num_warnings(struct machine *machine);
const char *machine_warning(struct machine *machine, size_t index);
void machine_clear_warnings(struct machine *machine);

#endif /* MACHINE_H */
