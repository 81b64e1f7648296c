/* SPDX-License-Identifier: MIT */
/*
 * pci.h - a model of PCI: functions, bridges, configuration space, and the way of a DMA to memory
 *
 * Bus numbers are what software programs into bridges; nothing is reachable below a bridge that was not
 * programmed, nor through a memory window that was not opened, and no DMA passes where bus mastering is
 * off.  A request is seen by the IOMMU with the source ID of the function, or with that of the bridge which
 * takes ownership of it (PCIe to PCI bridges: secondary bus, device 0, function 0).
 *
 * Thread-safety: one lock, the bus.  A DMA - device TLB, translation and access to memory - is one step
 * under it, and so is each access to an IOMMU's registers when its caller holds model_pci_lock(): what the
 * IOMMU invalidates is then not in flight any more, as a drained invalidation promises.  Configuration and
 * MMIO accesses take the lock themselves; a device's mmio operations are called without it.
 */
#ifndef MODEL_PCI_H
#define MODEL_PCI_H

#include "models/model.h"
#include "models/memory.h"

struct model_pci;
struct model_pci_function;

/* An IOMMU as the bus sees it. */
struct model_pci_iommu {
	const struct model_iommu *iommu;
	/* Registers a device TLB for a source ID (copied), or removes it with NULL. 0 or -1. */
	int (*set_atc)(void *context, uint16_t source_id, const struct model_atc *atc);
	void *context;
};

/* A page request group response message, and the group that it answers. */
struct model_pci_page_response {
	bool has_pasid; /* as the message says it ... */
	uint32_t pasid;
	uint16_t group;
	enum model_page_response code;
	bool expected; /* ... false: no group waits for it, and the device shall not heed it ... */
	bool group_has_pasid; /* ... and what the requests of the group had */
	uint32_t group_pasid;
};

/* What a device does behind its configuration space. All are optional. */
struct model_pci_device_ops {
	/* Size 1, 2, 4 or 8; naturally aligned. */
	uint64_t (*mmio_read)(void *device, unsigned int bar, uint64_t offset, unsigned int size);
	void (*mmio_write)(void *device, unsigned int bar, uint64_t offset, unsigned int size,
			   uint64_t value);
	/* The device's TLB: registered with the IOMMU while ATS is enabled; called on the bus. */
	bool (*atc_invalidate)(void *device, bool has_pasid, uint32_t pasid, uint64_t iova,
			       uint64_t size, bool global);
	/* ATS was disabled: forget all translations.  Called on the bus. */
	void (*atc_reset)(void *device);
	/* A page request group response message came.  Called on the bus. */
	void (*page_response)(void *device, const struct model_pci_page_response *response);
	/*
	 * A function-level reset: configuration space is as after power-on and the device TLB off already.  Not
	 * called on the bus.
	 */
	void (*reset)(void *device);
	/* Time passes: finish what is pending. */
	void (*settle)(void *device);
	/*
	 * Software is about to read configuration space, or has written it: the device looks at, and may
	 * change, model_pci_space().  Called on the bus.
	 */
	void (*config_read)(void *device, unsigned int offset, unsigned int size);
	void (*config_written)(void *device, unsigned int offset, unsigned int size);
	/* A piece of continuous work, for a thread of the device's own; false: there is none. */
	bool (*work)(void *device);
	void (*destroy)(void *device);
};

/* A capability that the model of PCI does not know, as bytes; copied. */
struct model_pci_capability {
	const uint8_t *bytes; /* ID first; the link to the next is filled in */
	const uint8_t *writable; /* NULL: read-only */
	uint8_t size;
};

struct model_pci_config {
	uint16_t segment;
	uint8_t root_bus; /* for functions without parent */
	uint8_t devfn;
	struct model_pci_function *parent; /* a bridge, or NULL */
	uint16_t vendor_id, device_id;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
	bool bridge; /* header type 1 */
	bool multifunction;
	uint32_t bar_size[6]; /* memory, 32 bits; a power of two of at least 16, or 0 */
	bool pcie; /* a PCI Express capability ... */
	unsigned int pcie_type; /* ... with this enum pci_pcie_type */
	bool acs; /* an ACS capability with these bits */
	uint16_t acs_capability;
	bool msi;
	bool ats;
	bool pri; /* page requests, with ats */
	bool pri_plain_responses; /* PRG Response PASID Required is clear (10.5.2.3) */
	bool flr; /* can be reset: by PCIe, or else by the capability for Advanced Features */
	bool pasid_always; /* on no bus: PASIDs need not be enabled */
	uint8_t pasid_bits; /* 0: no PASID capability */
	bool pasid_execute, pasid_privileged;
	bool untranslated; /* no IOMMU stands above this function: it is one itself */
	uint16_t subsystem_vendor_id, subsystem_id;
	uint8_t interrupt_pin; /* 1: INTA; 0: none */
	const struct model_pci_capability *capabilities; /* behind the others, in this order */
	unsigned int num_capabilities;
	const struct model_pci_device_ops *ops; /* NULL: configuration space only */
	void *device;
};

int model_pci_create(void *host, struct model_memory *memory, model_report_fn report,
		     model_msi_fn msi, void *context, struct model_pci **out);
/* The functions go with it, and their devices. */
void model_pci_destroy(struct model_pci *pci);

/*
 * 0, or -1: no memory, the place is taken, @parent is no bridge, or the capabilities do not fit.
 * @config is copied.
 */
int model_pci_add(struct model_pci *pci, const struct model_pci_config *config,
		  struct model_pci_function **out);
/* The device comes after its function: as @ops and @device of the configuration. */
void model_pci_set_device(struct model_pci_function *fn, const struct model_pci_device_ops *ops,
			  void *device);
/* @iommu (not copied) stands above this function and what is below it; the nearest one counts. */
void model_pci_set_iommu(struct model_pci_function *fn, const struct model_pci_iommu *iommu);
/* ... above everything of a segment that no other stands above. */
int model_pci_set_segment_iommu(struct model_pci *pci, uint16_t segment,
				const struct model_pci_iommu *iommu);

/* What happens to a request that no IOMMU stands above. */
enum model_status model_pci_untranslated(const struct model_request *request,
					 struct model_translation *out);

void model_pci_lock(struct model_pci *pci);
void model_pci_unlock(struct model_pci *pci);

/* As software reaches it. Nobody there: all ones. */
uint32_t model_pci_config_read(struct model_pci *pci, uint16_t segment, uint8_t bus, uint8_t devfn,
			       unsigned int offset, unsigned int size);
void model_pci_config_write(struct model_pci *pci, uint16_t segment, uint8_t bus, uint8_t devfn,
			    unsigned int offset, unsigned int size, uint32_t value);
uint64_t model_pci_mmio_read(struct model_pci *pci, uint64_t address, unsigned int size);
void model_pci_mmio_write(struct model_pci *pci, uint64_t address, unsigned int size,
			  uint64_t value);

/* Each function in the order of adding; NULL after the last. */
struct model_pci_function *model_pci_next(struct model_pci *pci, struct model_pci_function *fn);
void model_pci_settle(struct model_pci *pci);
bool model_pci_function_work(struct model_pci_function *fn);
bool model_pci_function_has_work(const struct model_pci_function *fn);

/* ---- for devices ------------------------------------------------------------------------------- */

void *model_pci_host(struct model_pci_function *fn);
/* One's own configuration space, PCI_CONFIG_SIZE bytes; on the bus. */
uint8_t *model_pci_space(struct model_pci_function *fn);
/* Whether bus mastering is on, here and in all bridges above; on the bus. */
bool model_pci_may_master(const struct model_pci_function *fn);
/*
 * Whether requests with this source ID come out from under @iommu, or would if there were any: that of a
 * function below it, or of a bridge that takes such a function's requests over.  On the bus.
 */
bool model_pci_behind(struct model_pci *pci, const struct model_pci_iommu *iommu, uint16_t segment,
		      uint16_t source_id);
/* One's own configuration space, for the enable bits of capabilities; on the bus. */
uint16_t model_pci_ats_control(const struct model_pci_function *fn);
uint16_t model_pci_pasid_control(const struct model_pci_function *fn);
/* Width of PASIDs; 0: none. */
unsigned int model_pci_pasid_bits(const struct model_pci_function *fn);
/* Whether the function has the capability for page requests. */
bool model_pci_has_pages(const struct model_pci_function *fn);
void model_pci_bus_lock(struct model_pci_function *fn);
void model_pci_bus_unlock(struct model_pci_function *fn);

struct model_pci_dma {
	enum model_request_type type; /* UNTRANSLATED or ATS_TRANSLATED */
	uint64_t address;
	uint64_t size; /* any; cut at multiples of 4096, and the rest is not done after a refusal */
	unsigned int access; /* enum model_access; exactly one of READ and WRITE */
	bool has_pasid;
	uint32_t pasid;
	const struct model_stall *stall; /* NULL: may not be stalled */
};

/* A DMA. Takes the bus; the _locked form is for devices that hold it. */
enum model_status model_pci_dma(struct model_pci_function *fn, const struct model_pci_dma *dma,
				void *data);
enum model_status model_pci_dma_locked(struct model_pci_function *fn,
				       const struct model_pci_dma *dma, void *data);
/* A translation request (ATS) for the page of @dma->address; the caller holds the bus. */
enum model_status model_pci_translate_locked(struct model_pci_function *fn,
					     const struct model_pci_dma *dma,
					     struct model_translation *out);

enum model_pci_page_result {
	MODEL_PCI_PAGE_SENT, /* a response comes, by page_response; or came already */
	MODEL_PCI_PAGE_FORBIDDEN, /* not enabled, or the interface has failed: nothing was sent */
	MODEL_PCI_PAGE_FULL, /* as many requests are outstanding as software allows: nothing was sent */
	MODEL_PCI_PAGE_REFUSED, /* nobody takes page requests: no response will come */
};

/*
 * A page request, or a stop marker (no READ, no WRITE, last, with PASID), which is never outstanding.  Segment and
 * source ID are filled in.  The caller holds the bus.
 */
enum model_pci_page_result model_pci_page_request_locked(struct model_pci_function *fn,
							 const struct model_page_request *request);
/*
 * The function's interrupt wire, for devices on no bus: @changed is called with each change of its level, under what
 * locks the device holds then, and must not call back.  NULL: nobody listens.  It has to be set before the device does anything.
 */
void model_pci_set_wire(struct model_pci_function *fn,
			void (*changed)(void *context, bool asserted), void *context);
/* From one thread at a time. */
void model_pci_drive_wire(struct model_pci_function *fn, bool asserted);
/* Sends the function's MSI if it is enabled; the caller does not hold the bus. */
void model_pci_raise_msi(struct model_pci_function *fn);

#endif /* MODEL_PCI_H */
