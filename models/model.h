/* SPDX-License-Identifier: MIT */
/*
 * model.h - what all hardware models share: memory, requests, translations, reports
 *
 * Models are adversaries: they do what their specification permits at its worst, and report what it
 * forbids.  They know spec/ and nothing of the library.
 *
 * Thread-safety: a model has one lock of its own; every function may be called from any thread.  Reports
 * are delivered with that lock held and must not call back.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- memory ------------------------------------------------------------------------------------ */

/* What a stretch of physical memory may be used for by hardware. */
enum model_memory_kind {
	MODEL_MEMORY_TABLES, /* handed to the driver for tables and queues: IOMMUs may read it */
	MODEL_MEMORY_DMA, /* a buffer: devices may read and write it */
};

/*
 * Physical memory and the registry of what is in use.  RAM is one block at a physical base.  An access to
 * RAM that nobody registered is a wild DMA: it is reported and not performed.
 */
struct model_memory;

/*
 * @host: whom uiommu_port_alloc() and the mutexes of this memory, and of the models that stand on it,
 * are asked of; a host of the models' own keeps them out of what a test fails or counts.
 * 0, or -1: no memory, or @base or @size is not a multiple of 4096.
 */
int model_memory_create(void *host, uint64_t base, void *ram, uint64_t size,
			struct model_memory **out);
void model_memory_destroy(struct model_memory *mem);
/* Contents of newly registered memory as an incoherent walker sees them: old until flushed. */
void model_memory_add(struct model_memory *mem, uint64_t phys, uint64_t size,
		      enum model_memory_kind kind);
void model_memory_remove(struct model_memory *mem, uint64_t phys, uint64_t size);
/* The processor wrote back its caches for this range (uiommu_port_cache_flush). */
void model_memory_flush(struct model_memory *mem, uint64_t phys, uint64_t size);

/* ---- reports ----------------------------------------------------------------------------------- */

enum model_report_kind {
	MODEL_REPORT_STALE, /* DMA went through a cached entry that memory no longer has */
	MODEL_REPORT_WILD, /* hardware was sent to memory that nobody registered */
	MODEL_REPORT_TORN, /* an entry was seen half-written, or changed in an illegal step */
	MODEL_REPORT_RESERVED, /* reserved bits set in a structure, register or descriptor */
	MODEL_REPORT_ILLEGAL, /* software did what the specification forbids (order, state) */
	MODEL_REPORT_UNFLUSHED, /* an incoherent walker would have read old memory */
};

struct model_report {
	enum model_report_kind kind;
	const char *model; /* "vtd", ... */
	const char *section; /* of the specification that was violated */
	uint32_t source_id;
	bool has_pasid;
	uint32_t pasid;
	uint64_t iova;
	uint64_t phys_used; /* what the hardware used ... */
	uint64_t phys_now; /* ... and what memory says now; ~0 if nothing */
	char text[256]; /* in words, with the missing invalidation */
};

typedef void (*model_report_fn)(void *context, const struct model_report *report);

/* ---- requests ---------------------------------------------------------------------------------- */

enum model_access {
	MODEL_READ = 1u << 0,
	MODEL_WRITE = 1u << 1,
	MODEL_EXEC = 1u << 2,
	MODEL_PRIV = 1u << 3, /* privileged mode requested (with PASID) */
	MODEL_NO_SNOOP = 1u << 4, /* the request carries the no-snoop attribute */
};

enum model_request_type {
	MODEL_UNTRANSLATED, /* an ordinary request */
	MODEL_ATS_TRANSLATION, /* "translate this for me" */
	MODEL_ATS_TRANSLATED, /* carries a physical address that ATS gave */
};

struct model_request {
	enum model_request_type type;
	uint16_t segment;
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	uint64_t iova; /* for MODEL_ATS_TRANSLATED: the physical address */
	uint64_t size; /* bytes, not crossing a 4K boundary; for translation requests: 4096 */
	unsigned int access; /* enum model_access */
	/* Who waits if the IOMMU stalls this request; NULL: it cannot be stalled, only refused. */
	const struct model_stall *stall;
};

enum model_status {
	MODEL_OK,
	MODEL_FAULT, /* unsupported request / completer abort: recorded by the IOMMU as it does */
	MODEL_STALLED, /* the IOMMU keeps it: request->stall is told how it goes on */
	MODEL_INTERRUPT, /* an interrupt message; if the IOMMU translated its address, that is in phys */
};

struct model_translation {
	uint64_t phys;
	uint64_t size; /* the naturally aligned translation around iova: 4K, 2M, 1G */
	unsigned int access; /* what is permitted; ATS: may be 0, "no access" */
	bool snoop; /* the access snoops processor caches */
	bool global;
};

/*
 * How a stalled request goes on: copied by the IOMMU with the request.  Called once, from within an access to
 * the IOMMU's registers or a step of it, on the bus.  With @retry the device sends the request again later.
 */
struct model_stall {
	void *context;
	void (*resume)(void *context, uint16_t tag, bool retry);
};

/* A page request message of a device (PCIe 6.0, 10.4.1), or a stop marker. */
struct model_page_request {
	uint16_t segment;
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	uint64_t address; /* a multiple of 4096 */
	unsigned int
		access; /* READ, WRITE, EXEC, PRIV; neither READ nor WRITE: a stop marker, with last */
	bool last;
	uint16_t group; /* 9 bits */
};

enum model_page_response {
	MODEL_PAGE_SUCCESS = 0x0,
	MODEL_PAGE_INVALID = 0x1,
	MODEL_PAGE_FAILURE = 0xf,
};

/*
 * An IOMMU as devices see it.  A model hands out one of these; the PCI model calls it.
 */
struct model_iommu {
	void *context;
	enum model_status (*translate)(void *context, const struct model_request *request,
				       struct model_translation *out);
	/*
	 * A page request.  True: taken, the response (if it is the last) comes by the device's
	 * page_response, maybe before this returns.  False: the IOMMU is not there for it (an unsupported
	 * request).  NULL: never.
	 */
	bool (*page_request)(void *context, const struct model_page_request *request);
};

/*
 * A device TLB as an IOMMU sees it: the device registers one for its source ID.  invalidate() drops what
 * overlaps [iova, iova + size - 1], for one PASID, or all with @global; it returns false to play a
 * device that never answers (the IOMMU then times out).
 */
struct model_atc {
	void *context;
	bool (*invalidate)(void *context, bool has_pasid, uint32_t pasid, uint64_t iova,
			   uint64_t size, bool global);
	/* A page request group response message; NULL: the device makes no page requests. */
	void (*page_response)(void *context, bool has_pasid, uint32_t pasid, uint16_t group,
			      enum model_page_response code);
};

/* An interrupt message of an IOMMU or a device: written to address on the bus. */
typedef void (*model_msi_fn)(void *context, uint64_t address, uint32_t data);

#endif /* MODEL_H */
