/* SPDX-License-Identifier: MIT */
/*
 * saboteurs_vtd.c - what a driver tells a VT-d unit, altered on its way
 *
 * Descriptors are altered in the invalidation queue when the driver moves the tail.  One is dropped by
 * putting a wait that signals nothing in its place.
 */
#include <string.h>

#include "conform/saboteur.h"
#include "spec/vtd.h"

#define MAX_BATCH 512
#define MAX_ENTRIES 64

/* A context entry as it was when its device was last named. */
struct known_entry {
	uint64_t *live, words[2];
};

struct vtd {
	uint64_t queue, root; /* IQA, RTADDR */
	uint64_t tail;
	uint64_t device; /* quadword 0 of the last device TLB descriptor */
	uint64_t last_domain,
		device_domain; /* of the last IOTLB descriptor, and of the last before @device */
	struct known_entry entry[MAX_ENTRIES];
	unsigned int num_entries;
	uint64_t *late; /* a context entry to be written after the access */
	uint64_t late_words[2];
};

static void drop(uint64_t *desc)
{
	desc[0] = VTD_DESC_WAIT;
	desc[1] = 0;
}

static void write_late(void *context)
{
	struct vtd *vtd = context;

	if (vtd->late)
		memcpy(vtd->late, vtd->late_words, sizeof(vtd->late_words));
	vtd->late = NULL;
}

static void watch_queue(struct wrap_access *access, struct subject *s, void *state)
{
	struct vtd *vtd = state;
	uint64_t *batch[MAX_BATCH], size, bytes, at, end;
	unsigned int count = 0;

	if (!access->write || access->offset != VTD_REG_IQT) {
		if (access->write && access->offset == VTD_REG_IQA)
			vtd->queue = access->value;
		if (access->write && access->offset == VTD_REG_RTADDR)
			vtd->root = access->value;
		wrap_access_call(access);
		return;
	}
	size = vtd->queue & VTD_IQA_DW ? VTD_DESC_SIZE_256 : VTD_DESC_SIZE_128;
	bytes = UINT64_C(4096) << (vtd->queue & VTD_IQA_QS);
	end = access->value & VTD_IQ_PTR;
	for (at = vtd->tail; at != end && count < MAX_BATCH; at = (at + size) % bytes) {
		batch[count] = saboteur_ram(s, (vtd->queue & VTD_IQA_IQA) + at);
		if (batch[count])
			count++;
	}
	vtd->tail = end;
	if (count)
		s->saboteur->edit(s, vtd, batch, count);
	wrap_access_call(access);
	access->after = write_late;
	access->after_context = vtd;
}

/* ---- invalidations that are not there ---------------------------------------------------------- */

static void drop_type(uint64_t *const *desc, unsigned int count, unsigned int type)
{
	for (unsigned int i = 0; i < count; i++)
		if (vtd_desc_type(desc[i][0]) == type)
			drop(desc[i]);
}

#define DROP(name, type)                                                                        \
	static void name(struct subject *s, void *state, uint64_t *const *desc, unsigned int n) \
	{                                                                                       \
		(void)s;                                                                        \
		(void)state;                                                                    \
		drop_type(desc, n, type);                                                       \
	}

DROP(drop_context, VTD_DESC_CONTEXT)
DROP(drop_iotlb, VTD_DESC_IOTLB)
DROP(drop_device, VTD_DESC_DEVICE_TLB)
DROP(drop_pasid_iotlb, VTD_DESC_PASID_IOTLB)
DROP(drop_pasid_cache, VTD_DESC_PASID_CACHE)
DROP(drop_pasid_device, VTD_DESC_PASID_DEVICE_TLB)

/* ---- invalidations of something else ----------------------------------------------------------- */

static bool of_pages(const uint64_t *desc)
{
	unsigned int g = (unsigned int)((desc[0] & VTD_DESC_G) >> VTD_DESC_G_SHIFT);

	return (vtd_desc_type(desc[0]) == VTD_DESC_IOTLB && g == VTD_IOTLB_GRAN_PAGE) ||
	       (vtd_desc_type(desc[0]) == VTD_DESC_PASID_IOTLB && g == VTD_PIOTLB_PAGE);
}

/* One bit of quadword 0 of each descriptor of a type. */
static void flip(uint64_t *const *desc, unsigned int n, unsigned int type, uint64_t bit)
{
	for (unsigned int i = 0; i < n; i++)
		if (vtd_desc_type(desc[i][0]) == type)
			desc[i][0] ^= bit;
}

static void wrong_domain(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	flip(desc, n, VTD_DESC_IOTLB, UINT64_C(1) << VTD_DESC_DID_SHIFT);
}

static void wrong_pasid(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	flip(desc, n, VTD_DESC_PASID_IOTLB, UINT64_C(1) << VTD_DESC_PASID_SHIFT);
}

static void wrong_cached_pasid(struct subject *s, void *state, uint64_t *const *desc,
			       unsigned int n)
{
	(void)s;
	(void)state;
	flip(desc, n, VTD_DESC_PASID_CACHE, UINT64_C(1) << VTD_DESC_PASID_SHIFT);
}

static void wrong_source(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	flip(desc, n, VTD_DESC_CONTEXT, UINT64_C(8) << VTD_DESC_CC_SID_SHIFT);
}

static void wrong_context_domain(struct subject *s, void *state, uint64_t *const *desc,
				 unsigned int n)
{
	(void)s;
	(void)state;
	flip(desc, n, VTD_DESC_CONTEXT, UINT64_C(1) << VTD_DESC_DID_SHIFT);
}

static void mask_less(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (of_pages(desc[i]) && desc[i][1] & VTD_DESC_IOTLB1_AM)
			desc[i][1]--;
}

static void leaf_hint(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (of_pages(desc[i]))
			desc[i][1] |= VTD_DESC_IOTLB1_IH;
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

static void device_one_page(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t first;

		if (vtd_desc_type(desc[i][0]) != VTD_DESC_DEVICE_TLB ||
		    !(desc[i][1] & VTD_DESC_DTLB1_S))
			continue;
		/* Below the lowest 0 the ones say how large: the first page of it is what is left. */
		first = desc[i][1] >> 12;
		desc[i][1] = (first & (first + 1)) << 12;
	}
}

static void device_before_iotlb(struct subject *s, void *state, uint64_t *const *desc,
				unsigned int n)
{
	struct vtd *vtd = state;

	(void)s;
	/* All of the device's TLB where the unit's is meant, and all of that where the device's is. */
	for (unsigned int i = 0; i < n; i++) {
		if (vtd_desc_type(desc[i][0]) == VTD_DESC_DEVICE_TLB) {
			vtd->device = desc[i][0];
			vtd->device_domain = vtd->last_domain;
			desc[i][0] = VTD_DESC_IOTLB | (uint64_t)VTD_IOTLB_GRAN_GLOBAL
							      << VTD_DESC_G_SHIFT;
			desc[i][1] = 0;
		} else if (of_pages(desc[i])) {
			vtd->last_domain = desc[i][0] & VTD_DESC_DID;
			if (!vtd->device || vtd->last_domain != vtd->device_domain)
				continue;
			desc[i][0] = vtd->device;
			desc[i][1] = UINT64_C(0x7ffffffffffff000) | VTD_DESC_DTLB1_S;
		}
	}
}

static void wrong_device(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)s;
	(void)state;
	flip(desc, n, VTD_DESC_DEVICE_TLB, UINT64_C(8) << VTD_DESC_DTLB_SID_SHIFT);
}

/* ---- completion -------------------------------------------------------------------------------- */

static void wait_answered(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	(void)state;
	/* The status that the driver waits for is there before anything was done; and nothing is done. */
	for (unsigned int i = 0; i < n; i++) {
		uint32_t *word;

		if (vtd_desc_type(desc[i][0]) == VTD_DESC_WAIT && desc[i][0] & VTD_DESC_WAIT_SW) {
			word = saboteur_ram(s, desc[i][1] & VTD_DESC_WAIT1_ADDR);
			if (word)
				*word = (uint32_t)(desc[i][0] >> VTD_DESC_WAIT_DATA_SHIFT);
		}
	}
	for (unsigned int i = 0; i < n; i++)
		drop(desc[i]);
}

/* ---- table entries ----------------------------------------------------------------------------- */

/* The context entry of a source ID in legacy mode. */
static uint64_t *find_context(struct subject *s, const struct vtd *vtd, uint64_t sid)
{
	uint64_t *root = saboteur_ram(s, (vtd->root & VTD_ADDR_MASK) +
						 (sid >> 8 & 0xff) * VTD_ROOT_ENTRY_SIZE);

	if (!root || !(root[0] & VTD_RE0_P))
		return NULL;
	return saboteur_ram(s, (root[0] & VTD_RE0_CTP) + (sid & 0xff) * VTD_CONTEXT_ENTRY_SIZE);
}

static void invalidate_first(struct subject *s, void *state, uint64_t *const *desc, unsigned int n)
{
	struct vtd *vtd = state;

	/* While hardware forgets the entry the old one is still there; then the new one comes. */
	for (unsigned int i = 0; i < n; i++) {
		struct known_entry *k = NULL;
		uint64_t *entry;

		if (vtd_desc_type(desc[i][0]) != VTD_DESC_CONTEXT ||
		    (desc[i][0] & VTD_DESC_G) >> VTD_DESC_G_SHIFT != VTD_CC_DEVICE)
			continue;
		entry = find_context(s, vtd,
				     (desc[i][0] & VTD_DESC_CC_SID) >> VTD_DESC_CC_SID_SHIFT);
		if (!entry || vtd->late)
			continue;
		for (unsigned int j = 0; j < vtd->num_entries; j++)
			if (vtd->entry[j].live == entry)
				k = &vtd->entry[j];
		if (!k && vtd->num_entries < MAX_ENTRIES) {
			k = &vtd->entry[vtd->num_entries++];
			k->live = entry;
			/* What it was before is not known: that something was there is enough. */
			k->words[0] = entry[0] | VTD_CE0_P;
			k->words[1] = entry[1];
		}
		if (!k)
			continue;
		vtd->late = entry;
		memcpy(vtd->late_words, entry, sizeof(vtd->late_words));
		memcpy(entry, k->words, sizeof(k->words));
		memcpy(k->words, vtd->late_words, sizeof(k->words));
	}
}

/* ---- registers --------------------------------------------------------------------------------- */

static void faults_not_taken(struct wrap_access *access, struct subject *s, void *state)
{
	(void)s;
	(void)state;
	/* Fault records lie above all registers that have a place of their own. */
	if (!access->write || (access->offset != VTD_REG_FSTS && access->offset < 0x200))
		wrap_access_call(access);
}

static void root_not_loaded(struct wrap_access *access, struct subject *s, void *state)
{
	unsigned int *count = state;

	(void)s;
	/* As if the root table's address counted from the moment when it is written. */
	if (access->write && access->offset == VTD_REG_GCMD && access->value & VTD_GCMD_SRTP)
		access->value &= ~(uint64_t)VTD_GCMD_SRTP;
	wrap_access_call(access);
	if (!access->write && access->offset == VTD_REG_GSTS && ++*count)
		access->value |= VTD_GSTS_RTPS;
}

/* ---- page requests, as the driver finds them in their queue ------------------------------------- */

#define MAX_GROUPS 512

struct requests {
	uint64_t queue, head; /* PQA, what was taken of it */
	struct {
		bool open;
		uint64_t pasid;
	} group[MAX_GROUPS];
};

static void each_request(struct wrap_access *access, struct subject *s, struct requests *r,
			 void (*what)(struct requests *r, uint64_t *request))
{
	uint64_t bytes = UINT64_C(4096) << (r->queue & VTD_PQA_PQS);

	if (access->write && access->offset == VTD_REG_PQA)
		r->queue = access->value;
	wrap_access_call(access);
	if (access->write || access->offset != VTD_REG_PQT)
		return;
	for (; r->head != (access->value & VTD_PQ_PTR);
	     r->head = (r->head + VTD_PRQ_SIZE) % bytes) {
		uint64_t *request = saboteur_ram(s, (r->queue & VTD_PQA_PQA) + r->head);

		if (request && (request[0] & VTD_PRQ0_TYPE) == VTD_PRQ0_TYPE_REQUEST)
			what(r, request);
	}
}

static void of_the_first(struct requests *r, uint64_t *request)
{
	uint64_t index = (request[1] & VTD_PRQ1_PRGI) >> VTD_PRQ1_PRGI_SHIFT;

	if (!r->group[index].open)
		r->group[index].pasid = request[0] & VTD_PRQ0_PASID;
	request[0] = (request[0] & ~VTD_PRQ0_PASID) | r->group[index].pasid;
	r->group[index].open = !(request[1] & VTD_PRQ1_LPIG);
}

static void requests_by_index(struct wrap_access *access, struct subject *s, void *state)
{
	each_request(access, s, state, of_the_first);
}

static void is_last(struct requests *r, uint64_t *request)
{
	(void)r;
	request[1] |= VTD_PRQ1_LPIG;
}

static void requests_each_last(struct wrap_access *access, struct subject *s, void *state)
{
	each_request(access, s, state, is_last);
}

static void is_not_last(struct requests *r, uint64_t *request)
{
	(void)r;
	request[1] &= ~VTD_PRQ1_LPIG;
}

static void requests_none_last(struct wrap_access *access, struct subject *s, void *state)
{
	each_request(access, s, state, is_not_last);
}

static void only_reads(struct requests *r, uint64_t *request)
{
	(void)r;
	if (request[1] & VTD_PRQ1_WR)
		request[1] = (request[1] & ~VTD_PRQ1_WR) | VTD_PRQ1_RD;
}

static void requests_only_read(struct wrap_access *access, struct subject *s, void *state)
{
	each_request(access, s, state, only_reads);
}

#define PRI NULL, .places = { { "vtd@model", "pri" } }
#define REQUESTS(function) .state_size = sizeof(struct requests), .access = function
#define LEGACY NULL, .places = { { "vtd@model", "legacy" } }
#define FIRST NULL, .places = { { "vtd@model", "scalable-first" } }
#define SECOND NULL, .places = { { "vtd@model", "scalable-second" } }
#define ATS NULL, .places = { { "vtd@model", "ats" } }
#define SCALABLE_ATS NULL, .places = { { "vtd@model", "scalable-ats" } }
#define EDIT(function) .state_size = sizeof(struct vtd), .access = watch_queue, .edit = function

const struct conform_saboteur conform_saboteurs_vtd[] = {
	{ "vtd-drop-context", "a changed context entry is fetched again", LEGACY,
	  EDIT(drop_context) },
	{ "vtd-drop-iotlb", "the IOTLB forgets what a domain no longer has", LEGACY,
	  EDIT(drop_iotlb) },
	{ "vtd-drop-device-tlb", "a device's own TLB forgets what is unmapped", ATS,
	  EDIT(drop_device) },
	{ "vtd-drop-pasid-iotlb", "first-stage translations are forgotten by PASID", FIRST,
	  EDIT(drop_pasid_iotlb) },
	{ "vtd-drop-pasid-cache", "a changed PASID-table entry is fetched again", SECOND,
	  EDIT(drop_pasid_cache) },
	{ "vtd-drop-pasid-device-tlb", "a device's own TLB forgets a PASID's translations",
	  SCALABLE_ATS, EDIT(drop_pasid_device) },
	{ "vtd-wrong-domain", "an invalidation names the domain's own ID", LEGACY,
	  EDIT(wrong_domain) },
	{ "vtd-wrong-pasid", "a first-stage invalidation names the PASID in use", FIRST,
	  EDIT(wrong_pasid) },
	{ "vtd-wrong-cached-pasid", "the PASID whose entry changed is the one that is named",
	  SECOND, EDIT(wrong_cached_pasid) },
	{ "vtd-wrong-source", "the device whose context entry changed is the one that is named",
	  LEGACY, EDIT(wrong_source) },
	{ "vtd-wrong-context-domain",
	  "a context entry is forgotten under the domain ID it was cached with", LEGACY,
	  EDIT(wrong_context_domain) },
	{ "vtd-mask-less", "the address mask covers the whole range", LEGACY, EDIT(mask_less) },
	{ "vtd-leaf-hint", "the hint \"leaves only\" is not given where tables were freed", LEGACY,
	  EDIT(leaf_hint) },
	{ "vtd-device-one-page", "a device's TLB forgets the whole range", ATS,
	  EDIT(device_one_page) },
	{ "vtd-device-before-iotlb",
	  "the unit's IOTLB is invalidated before the device's TLB, which it fills", ATS,
	  EDIT(device_before_iotlb) },
	{ "vtd-wrong-device", "the device that keeps translations is the one that is named", ATS,
	  EDIT(wrong_device) },
	{ "vtd-wait-answered", "descriptors are done before the driver goes on", LEGACY,
	  EDIT(wait_answered) },
	{ "vtd-invalidate-first", "an entry is changed first and invalidated then", LEGACY,
	  EDIT(invalidate_first) },
	{ "vtd-faults-not-taken", "fault records are given back as they are read", LEGACY,
	  .access = faults_not_taken },
	{ "vtd-root-not-loaded",
	  "the root table's address counts once hardware was told to load it", LEGACY,
	  .state_size = sizeof(unsigned int), .access = root_not_loaded },
	{ "vtd-requests-by-index", "a group is one PASID's, whatever index others use", PRI,
	  REQUESTS(requests_by_index) },
	{ "vtd-requests-each-last", "a group is answered when its last request has come", PRI,
	  REQUESTS(requests_each_last) },
	{ "vtd-requests-none-last", "the last request of a group ends it", PRI,
	  REQUESTS(requests_none_last) },
	{ "vtd-requests-only-read", "a request for writing is one", PRI,
	  REQUESTS(requests_only_read) },
	{ "vtd-pri-drop-pasid-iotlb", "a PASID is forgotten before another process has it", PRI,
	  EDIT(drop_pasid_iotlb) },
	{ "vtd-pri-drop-pasid-cache", "a PASID's entry is forgotten with its bond", PRI,
	  EDIT(drop_pasid_cache) },
	{ "vtd-pri-drop-pasid-device-tlb", "a device's TLB loses what the process loses", PRI,
	  EDIT(drop_pasid_device) },
	{ 0 },
};
