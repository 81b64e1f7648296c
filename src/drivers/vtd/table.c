/* SPDX-License-Identifier: MIT */
/*
 * table.c - root, context and PASID entries
 *
 * Hardware fetches entries in pieces of 16 bytes.  Where old and new differ in one such piece alone, and the
 * CPU can store it at once, a switch is hitless: the piece is replaced, then what the old entry may have left
 * in caches is invalidated, and a device reaches the old translation or the new one all the time.  That is so
 * for context entries in legacy mode, and for PASID entries that walk the second stage or pass through.
 *
 * The first stage's root (quadword 2) lies in another piece than the rest, its domain ID included:
 *
 * - From or to the other kinds of entry, which ignore it, the root is written while it is ignored.
 * - From one first stage to another, the new domain has a domain ID that nobody else uses with this PASID
 *   (vtd_target.alone).  First the old tables get that ID, then the new root follows.  Between the two stores
 *   the PASID cache is invalidated, so that no fetch has a half of each; what was cached of the old
 *   tables under the new ID has only this device as a user, and is invalidated at the end.
 *
 * Elsewhere, and on CPUs without such a store, a present entry goes through not-present with an
 * invalidation between, and a device reaches the old translation, nothing, or the new one.
 *
 * Write order: quadwords without the present bit first, then the one with it; where the unit does not
 * snoop, the entry is flushed before hardware is told of it.  All under the unit's lock.
 */
#include "src/drivers/vtd/unit.h"

static void store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* Replace 16 bytes, aligned, at once; false where this CPU has no such store. */
#if defined(__x86_64__)
/*
 * Every x86-64 CPU that has VT-d has CMPXCHG16B.  In assembly, because compilers make a call into a
 * library of it that a freestanding host need not have.
 */
static bool store_pair(uint64_t *entry, uint64_t low, uint64_t high)
{
	/* Nobody else writes it: the unit's lock is held, and hardware writes no entries of this kind. */
	uint64_t seen_low = entry[0], seen_high = entry[1];
	bool stored;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(stored), "+m"(*(uint64_t(*)[2])entry), "+a"(seen_low),
			   "+d"(seen_high)
			 : "b"(low), "c"(high)
			 : "memory");
	return stored;
}
#else
static bool store_pair(uint64_t *entry, uint64_t low, uint64_t high)
{
	(void)entry;
	(void)low;
	(void)high;
	return false;
}
#endif

bool uiommu_vtd_stores_pairs(void)
{
#if defined(__x86_64__)
	return true;
#else
	return false;
#endif
}

static void flush(struct uiommu_vtd *unit, const void *start, size_t size)
{
	if (!unit->coherent)
		uiommu_port_cache_flush(unit->host, start, size);
}

static uint64_t *new_table(struct uiommu_vtd *unit, unsigned int order)
{
	uint64_t *table = uiommu_port_alloc_pages(unit->host, order);

	if (table)
		flush(unit, table, (size_t)VTD_PAGE_SIZE << order);
	return table;
}

/* ---- context entries --------------------------------------------------------------------------- */

/* The root quadword that leads to the context table of @source_id (9.1, 9.2). */
static uint64_t *root_slot(struct uiommu_vtd *unit, uint16_t source_id)
{
	unsigned int bus = source_id >> 8, upper = unit->scalable && (source_id & 0x80);

	return &unit->root[2 * bus + upper];
}

/* The first quadword of the context entry; its table exists. */
static uint64_t *context_entry(struct uiommu_vtd *unit, uint16_t source_id)
{
	uint64_t *table = vtd_ptr(unit, *root_slot(unit, source_id) & VTD_ADDR_MASK);
	unsigned int devfn = source_id & 0xff;

	return unit->scalable ? &table[4 * (devfn & 0x7f)] : &table[2 * devfn];
}

static int context_table_alloc(struct uiommu_vtd *unit, uint16_t source_id)
{
	uint64_t *slot = root_slot(unit, source_id), *table;

	if (*slot & VTD_RE0_P)
		return 0;
	table = new_table(unit, 0);
	if (!table)
		return -UIOMMU_ENOMEM;
	store(slot, vtd_phys(unit, table) | VTD_RE0_P);
	flush(unit, slot, sizeof(*slot));
	/* Not-present root entries may be cached too in caching mode (6.1). */
	if (unit->cap & VTD_CAP_CM)
		uiommu_vtd_flush_context_global(unit);
	else
		uiommu_vtd_write_buffer_flush(unit);
	return 0;
}

int uiommu_vtd_tables_alloc(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;
	unsigned int bits = 0;
	int rc = 0;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	for (unsigned int i = 0; i < device->num_source_ids && rc == 0; i++)
		rc = context_table_alloc(unit, device->source_id[i]);
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
	if (rc || !unit->scalable)
		return rc;

	/* 2^(pdts + 7) directory entries, each for 64 PASIDs; a page holds 512. */
	if (device->pasid)
		bits = uiommu_device_pasid_bits(device->dev);
	if (bits > vtd_ecap_pasid_bits(unit->ecap))
		bits = vtd_ecap_pasid_bits(unit->ecap);
	device->pdts = bits > 13 ? bits - 13 : 0;
	device->dir_order = device->pdts > 2 ? device->pdts - 2 : 0;
	device->dir = new_table(unit, device->dir_order);
	if (!device->dir)
		return -UIOMMU_ENOMEM;
	return uiommu_vtd_pasid_table_alloc(device, UIOMMU_RID);
}

/* Another device of the unit that answers to the same source ID, behind the same bridge. */
static struct vtd_device *sharer(const struct vtd_device *device, uint16_t source_id)
{
	for (struct vtd_device *d = device->unit->devices; d; d = d->next)
		for (unsigned int i = 0; d != device && i < d->num_source_ids; i++)
			if (d->source_id[i] == source_id)
				return d;
	return NULL;
}

/* Take a present context entry away, with everything that was cached through it (6.5.3.3). */
static void context_clear(struct uiommu_vtd *unit, uint16_t source_id)
{
	uint64_t *entry = context_entry(unit, source_id);
	uint16_t did = unit->scalable ? VTD_DID_NONE : (uint16_t)vtd_get(entry[1], VTD_CE1_DID);

	if (!(entry[0] & VTD_CE0_P))
		return;
	store(&entry[0], 0);
	flush(unit, entry, VTD_CONTEXT_ENTRY_SIZE);
	if (unit->scalable) {
		/* No single domain: every PASID of the device goes. */
		uiommu_vtd_flush_context_device(unit, VTD_DID_NONE, source_id);
		uiommu_vtd_flush_pasid_cache_global(unit);
		uiommu_vtd_flush_iotlb_global(unit);
	} else {
		uiommu_vtd_flush_context_device(unit, did, source_id);
		uiommu_vtd_flush_iotlb_domain(unit, did);
	}
	store(&entry[1], 0);
	flush(unit, entry, unit->scalable ? VTD_SCONTEXT_ENTRY_SIZE : VTD_CONTEXT_ENTRY_SIZE);
}

/* A context entry has become present. */
static void context_announce(struct uiommu_vtd *unit, uint16_t source_id)
{
	if (unit->cap & VTD_CAP_CM)
		uiommu_vtd_flush_context_device(unit, VTD_DID_NONE, source_id);
	else
		uiommu_vtd_write_buffer_flush(unit);
}

static uint64_t scalable_context_low(const struct vtd_device *device)
{
	uint64_t low = vtd_phys(device->unit, device->dir) | vtd_set(device->pdts, VTD_SCE0_PDTS) |
		       VTD_SCE0_P;

	if (device->ats)
		low |= VTD_SCE0_DTE;
	if (device->pasid)
		low |= VTD_SCE0_PASIDE;
	if (device->page_requests)
		low |= VTD_SCE0_PRE;
	return low;
}

static void scalable_context_write(struct vtd_device *device, uint16_t source_id)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *entry = context_entry(unit, source_id);

	/* RID_PASID 0: the only value that every unit takes (ECAP.RPS). */
	store(&entry[1], 0);
	store(&entry[0], scalable_context_low(device));
	flush(unit, entry, VTD_SCONTEXT_ENTRY_SIZE);
	context_announce(unit, source_id);
}

/* TT of a present entry, which may be a pass-through one: that has no device TLB anyway. */
static uint64_t legacy_context_low(const struct vtd_device *device, uint64_t low)
{
	if (vtd_get(low, VTD_CE0_TT) == VTD_TT_PASS_THROUGH)
		return low;
	return (low & ~VTD_CE0_TT) |
	       vtd_set(device->ats ? VTD_TT_DEVICE_TLB : VTD_TT_TRANSLATE, VTD_CE0_TT);
}

/* One store: the other quadwords stay as they are.  Then 6.5.3.3, for a present entry that changes. */
void uiommu_vtd_context_update(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;

	for (unsigned int i = 0; i < device->num_source_ids; i++) {
		uint64_t *entry = context_entry(unit, device->source_id[i]), low = entry[0];
		uint16_t did = VTD_DID_NONE;

		if (!(low & VTD_CE0_P))
			continue;
		if (unit->scalable && (low & VTD_ADDR_MASK) != vtd_phys(unit, device->dir))
			continue;
		if (!unit->scalable)
			did = (uint16_t)vtd_get(entry[1], VTD_CE1_DID);
		low = unit->scalable ? scalable_context_low(device) :
				       legacy_context_low(device, low);
		if (low == entry[0])
			continue;
		store(&entry[0], low);
		flush(unit, entry, VTD_CONTEXT_ENTRY_SIZE);
		uiommu_vtd_flush_context_device(unit, did, device->source_id[i]);
		if (unit->scalable)
			uiommu_vtd_flush_pasid_cache_global(unit);
		else
			uiommu_vtd_flush_iotlb_domain(unit, did);
	}
}

void uiommu_vtd_context_connect(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;

	if (!unit->scalable)
		return;
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	/* A bridge's source ID leads to whoever came first: a group has one translation. */
	for (unsigned int i = 0; i < device->num_source_ids; i++)
		if (!(*context_entry(unit, device->source_id[i]) & VTD_SCE0_P))
			scalable_context_write(device, device->source_id[i]);
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

void uiommu_vtd_context_disconnect(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	for (unsigned int i = 0; i < device->num_source_ids; i++) {
		uint16_t source_id = device->source_id[i];
		struct vtd_device *other = sharer(device, source_id);
		uint64_t *entry = context_entry(unit, source_id);

		if (!unit->scalable && other)
			continue;
		if (unit->scalable && (entry[0] & VTD_SCE0_P) &&
		    (entry[0] & VTD_ADDR_MASK) != vtd_phys(unit, device->dir))
			continue;
		context_clear(unit, source_id);
		if (other)
			scalable_context_write(other, source_id);
	}
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

void uiommu_vtd_tables_free(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;

	if (!device->dir)
		return;
	for (uint32_t i = 0; i < 1u << (device->pdts + 7); i++)
		if (device->dir[i] & VTD_PDE_P)
			uiommu_port_free_pages(
				unit->host, vtd_ptr(unit, device->dir[i] & VTD_PDE_SMPTBLPTR), 0);
	uiommu_port_free_pages(unit->host, device->dir, device->dir_order);
	device->dir = NULL;
}

void uiommu_vtd_root_free(struct uiommu_vtd *unit)
{
	for (unsigned int i = 0; i < 512; i++)
		if (unit->root[i] & VTD_RE0_P)
			uiommu_port_free_pages(unit->host,
					       vtd_ptr(unit, unit->root[i] & VTD_ADDR_MASK), 0);
	uiommu_port_free_pages(unit->host, unit->root, 0);
}

/* ---- PASID entries ----------------------------------------------------------------------------- */

int uiommu_vtd_pasid_table_alloc(struct vtd_device *device, uiommu_pasid_t pasid)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *slot = &device->dir[pasid >> VTD_PASID_TABLE_BITS], *table;

	if (*slot & VTD_PDE_P)
		return 0;
	table = new_table(unit, 0);
	if (!table)
		return -UIOMMU_ENOMEM;
	store(slot, vtd_phys(unit, table) | VTD_PDE_P);
	flush(unit, slot, sizeof(*slot));
	if (unit->cap & VTD_CAP_CM)
		uiommu_vtd_flush_pasid_cache_global(unit);
	else
		uiommu_vtd_write_buffer_flush(unit);
	return 0;
}

static uint64_t *pasid_entry(const struct vtd_device *device, uiommu_pasid_t pasid)
{
	uint64_t pde = device->dir[pasid >> VTD_PASID_TABLE_BITS];
	uint64_t *table;

	if (!(pde & VTD_PDE_P))
		return NULL;
	table = vtd_ptr(device->unit, pde & VTD_PDE_SMPTBLPTR);
	return &table[8 * (pasid & ((1u << VTD_PASID_TABLE_BITS) - 1))];
}

static unsigned int width_code(unsigned int bits)
{
	return bits == 57 ? VTD_AW_57 : bits == 48 ? VTD_AW_48 : VTD_AW_39;
}

static unsigned int widest(const struct uiommu_vtd *unit)
{
	uint64_t sagaw = vtd_get(unit->cap, VTD_CAP_SAGAW);

	return sagaw & VTD_SAGAW_57 ? VTD_AW_57 : sagaw & VTD_SAGAW_48 ? VTD_AW_48 : VTD_AW_39;
}

static const struct vtd_range everything = { 0, UINT64_MAX, true };

static uint16_t entry_did(uint64_t high)
{
	return (uint16_t)vtd_get(high, VTD_PE1_DID);
}

/* Does quadword 2 count? */
static bool has_first_stage(uint64_t low)
{
	uint64_t pgtt = vtd_get(low, VTD_PE0_PGTT);

	return pgtt == VTD_PGTT_FIRST || pgtt == VTD_PGTT_NESTED;
}

/* Everything that was cached through an entry with these quadwords, beside the entry itself (6.5.3.3). */
static void translations_forget(struct uiommu_vtd *unit, uiommu_pasid_t pasid, uint64_t low,
				uint64_t high)
{
	if (has_first_stage(low))
		uiommu_vtd_flush_iotlb_pasid(unit, entry_did(high), pasid);
	if (vtd_get(low, VTD_PE0_PGTT) != VTD_PGTT_FIRST)
		uiommu_vtd_flush_iotlb_domain(unit, entry_did(high));
}

static void pasid_forget(struct uiommu_vtd *unit, uiommu_pasid_t pasid, uint64_t low, uint64_t high)
{
	uiommu_vtd_flush_pasid_cache(unit, entry_did(high), pasid);
	translations_forget(unit, pasid, low, high);
}

/* Not present.  @fpd: 0, or FPD for faults that shall not be recorded, with the domain ID @did. */
static void pasid_entry_clear(struct vtd_device *device, uiommu_pasid_t pasid, uint64_t fpd,
			      uint16_t did)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *entry = pasid_entry(device, pasid);
	uint64_t low, high;

	if (!entry || entry[0] == fpd)
		return;
	low = entry[0];
	high = entry[1];
	if (!(low & VTD_PE0_P)) {
		/* FPD comes or goes; it may be cached by itself. The domain ID tells which entry that was. */
		if (fpd)
			high = vtd_set(did, VTD_PE1_DID);
		store(&entry[1], fpd ? high : 0);
		store(&entry[0], fpd);
		flush(unit, entry, VTD_PASID_ENTRY_SIZE);
		uiommu_vtd_flush_pasid_cache(unit, entry_did(high), pasid);
		return;
	}
	store(&entry[0], (low & ~VTD_PE0_P) | fpd);
	flush(unit, entry, VTD_PASID_ENTRY_SIZE);
	pasid_forget(unit, pasid, low, high);
	for (unsigned int i = 2; i < 4; i++)
		store(&entry[i], 0);
	store(&entry[1], fpd ? high & VTD_PE1_DID : 0);
	store(&entry[0], fpd);
	flush(unit, entry, VTD_PASID_ENTRY_SIZE);
}

static bool passes_through(const struct vtd_device *device, uiommu_pasid_t pasid)
{
	const uint64_t *entry = pasid_entry(device, pasid);

	return entry && (entry[0] & VTD_PE0_P) &&
	       vtd_get(entry[0], VTD_PE0_PGTT) == VTD_PGTT_PASS_THROUGH;
}

/* The first three quadwords of an entry; the others are 0. */
static void pasid_entry_make(const struct uiommu_vtd *unit, const struct vtd_target *target,
			     uint64_t entry[3])
{
	uint64_t q0 = VTD_PE0_P, q1 = vtd_set(target->did, VTD_PE1_DID), q2 = 0;
	const struct vtd_domain *domain = target->domain;

	if (unit->ecap & VTD_ECAP_SMPWCS)
		q1 |= VTD_PE1_PWSNP;
	if (target->kind == VTD_PASS) {
		q0 |= vtd_set(VTD_PGTT_PASS_THROUGH, VTD_PE0_PGTT) |
		      vtd_set(widest(unit), VTD_PE0_AW);
	} else if (domain->first && !domain->parent) {
		q0 |= vtd_set(VTD_PGTT_FIRST, VTD_PE0_PGTT);
		if (unit->config.flags & UIOMMU_VTD_WIDTH_WITH_FIRST_STAGE)
			q0 |= vtd_set(widest(unit), VTD_PE0_AW);
		q2 = domain->first_stage;
		if (domain->snoop)
			q1 |= VTD_PE1_PGSNP;
	} else {
		const struct vtd_domain *second = domain->parent ? domain->parent : domain;

		q0 |= vtd_set(domain->parent ? VTD_PGTT_NESTED : VTD_PGTT_SECOND, VTD_PE0_PGTT) |
		      uiommu_pt_root(&second->pt) |
		      vtd_set(width_code(second->pt.config.va_bits), VTD_PE0_AW);
		if (second->dirty)
			q0 |= VTD_PE0_SSADE;
		q2 = domain->first_stage;
	}
	entry[0] = q0;
	entry[1] = q1;
	entry[2] = q2;
}

/* Caching mode: an emulator may have cached that nothing was there, under the new domain ID too (6.1). */
static void pasid_announce(struct uiommu_vtd *unit, uiommu_pasid_t pasid,
			   const struct vtd_target *target)
{
	if (!(unit->cap & VTD_CAP_CM)) {
		uiommu_vtd_write_buffer_flush(unit);
		return;
	}
	uiommu_vtd_flush_pasid_cache_global(unit);
	if (target->kind == VTD_WALK && target->domain->first)
		uiommu_vtd_flush_iotlb_pasid(unit, target->did, pasid);
	if (target->kind != VTD_WALK || !target->domain->first || target->domain->parent)
		uiommu_vtd_flush_iotlb_domain(unit, target->did);
}

static void pasid_entry_write(struct vtd_device *device, uiommu_pasid_t pasid,
			      const struct vtd_target *target)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *entry = pasid_entry(device, pasid), made[3];

	pasid_entry_make(unit, target, made);
	store(&entry[2], made[2]);
	store(&entry[1], made[1]);
	store(&entry[0], made[0]);
	flush(unit, entry, VTD_PASID_ENTRY_SIZE);
	pasid_announce(unit, pasid, target);
}

/* From one first stage to another: see above.  @made differs in quadwords 1 and 2 alone. */
static void first_stage_replace(struct vtd_device *device, uiommu_pasid_t pasid,
				const struct vtd_target *target, const uint64_t made[3])
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *entry = pasid_entry(device, pasid);
	uint64_t low = entry[0], high = entry[1];

	/* It has no neighbour to be stored together with: the domain ID is in a quadword of its own. */
	store(&entry[1], made[1]);
	flush(unit, entry, VTD_PASID_ENTRY_SIZE);
	uiommu_vtd_flush_pasid_cache(unit, entry_did(high), pasid);
	store(&entry[2], made[2]);
	flush(unit, entry, VTD_PASID_ENTRY_SIZE);
	pasid_announce(unit, pasid, target);
	pasid_forget(unit, pasid, low, made[1]);
	translations_forget(unit, pasid, low, high);
}

/* Replace a present entry without a gap; false if old and new do not allow it. */
static bool pasid_entry_replace(struct vtd_device *device, uiommu_pasid_t pasid,
				const struct vtd_target *target)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *entry = pasid_entry(device, pasid), made[3], low, high;
	bool to_first;

	if ((target->kind != VTD_WALK && target->kind != VTD_PASS) || !entry ||
	    !(entry[0] & VTD_PE0_P) || !uiommu_vtd_stores_pairs())
		return false;
	pasid_entry_make(unit, target, made);
	low = entry[0];
	high = entry[1];
	to_first = has_first_stage(made[0]);
	if (has_first_stage(low) && to_first && entry[2] != made[2]) {
		if (!target->alone || made[0] != low)
			return false;
		first_stage_replace(device, pasid, target, made);
		return true;
	}
	if (to_first && entry[2] != made[2]) {
		/* Nobody looks at it yet; then nobody has the old one any more. */
		store(&entry[2], made[2]);
		flush(unit, entry, VTD_PASID_ENTRY_SIZE);
		uiommu_vtd_flush_pasid_cache(unit, entry_did(high), pasid);
	}
	if (!store_pair(entry, made[0], made[1]))
		return false;
	flush(unit, entry, VTD_PASID_ENTRY_SIZE);
	pasid_announce(unit, pasid, target);
	pasid_forget(unit, pasid, low, high);
	if (!to_first && entry[2]) {
		store(&entry[2], 0);
		flush(unit, entry, VTD_PASID_ENTRY_SIZE);
		uiommu_vtd_flush_pasid_cache(unit, target->did, pasid);
	}
	return true;
}

void uiommu_vtd_entry_update(struct vtd_device *device, uiommu_pasid_t pasid,
			     const struct vtd_domain *domain, uint16_t did)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t *entry;

	if (!unit->scalable)
		return;
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	entry = pasid_entry(device, pasid);
	if (entry && (entry[0] & VTD_PE0_P)) {
		const struct vtd_domain *second = domain->parent ? domain->parent : domain;

		if (!second->first)
			store(&entry[0],
			      second->dirty ? entry[0] | VTD_PE0_SSADE : entry[0] & ~VTD_PE0_SSADE);
		else if (domain->snoop)
			store(&entry[1], entry[1] | VTD_PE1_PGSNP);
		flush(unit, entry, VTD_PASID_ENTRY_SIZE);
		uiommu_vtd_flush_pasid_cache(unit, did, pasid);
		translations_forget(unit, pasid, entry[0], entry[1]);
	}
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
	uiommu_vtd_flush_device_tlb(device, pasid, &everything, false);
}

/* ---- switching --------------------------------------------------------------------------------- */

static void legacy_set(struct vtd_device *device, const struct vtd_target *target)
{
	struct uiommu_vtd *unit = device->unit;
	uint64_t low = VTD_CE0_P, high = vtd_set(target->did, VTD_CE1_DID);

	if (target->kind == VTD_PASS) {
		low |= vtd_set(VTD_TT_PASS_THROUGH, VTD_CE0_TT);
		high |= vtd_set(widest(unit), VTD_CE1_AW);
	} else if (target->kind == VTD_WALK) {
		low |= uiommu_pt_root(&target->domain->pt) |
		       vtd_set(device->ats ? VTD_TT_DEVICE_TLB : VTD_TT_TRANSLATE, VTD_CE0_TT);
		high |= vtd_set(width_code(target->domain->pt.config.va_bits), VTD_CE1_AW);
	}
	device->attached = target->kind != VTD_BLOCK;
	for (unsigned int i = 0; i < device->num_source_ids; i++) {
		uint64_t *entry = context_entry(unit, device->source_id[i]);
		const struct vtd_device *other = sharer(device, device->source_id[i]);
		uint16_t old;

		/*
		 * A bridge's source ID is shared: it may have been switched through its other user
		 * already, and it is blocked when the last of them is.
		 */
		if (target->kind != VTD_BLOCK && entry[0] == low && entry[1] == high)
			continue;
		if (target->kind == VTD_BLOCK && other && other->attached)
			continue;
		if (target->kind == VTD_BLOCK) {
			context_clear(unit, device->source_id[i]);
			continue;
		}
		old = entry[0] & VTD_CE0_P ? (uint16_t)vtd_get(entry[1], VTD_CE1_DID) :
					     VTD_DID_NONE;
		if (old == VTD_DID_NONE || !store_pair(entry, low, high)) {
			context_clear(unit, device->source_id[i]);
			store(&entry[1], high);
			store(&entry[0], low);
			old = VTD_DID_NONE;
		}
		flush(unit, entry, VTD_CONTEXT_ENTRY_SIZE);
		context_announce(unit, device->source_id[i]);
		if (unit->cap & VTD_CAP_CM)
			uiommu_vtd_flush_iotlb_domain(unit, target->did);
		if (old != VTD_DID_NONE) {
			/* Replaced without a gap: what came through the old entry goes now. */
			uiommu_vtd_flush_context_device(unit, old, device->source_id[i]);
			uiommu_vtd_flush_iotlb_domain(unit, old);
		}
	}
}

void uiommu_vtd_entry_set(struct vtd_device *device, uiommu_pasid_t pasid,
			  const struct vtd_target *target)
{
	struct uiommu_vtd *unit = device->unit;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	if (unit->scalable) {
		bool passed = passes_through(device, pasid), replaced;

		replaced = pasid_entry_replace(device, pasid, target);
		if (!replaced)
			pasid_entry_clear(device, pasid,
					  target->kind == VTD_SILENT ? VTD_PE0_FPD : 0,
					  target->did);
		/*
		 * An emulator (QEMU 7.2) chooses between its direct and its translated address space when the
		 * context entry is invalidated; the PASID cache alone, which is enough by 6.5.2.2, leaves a
		 * device with direct access.  One more invalidation on a rare path is cheap.
		 */
		for (unsigned int i = 0; passed && i < device->num_source_ids; i++)
			uiommu_vtd_flush_context_device(unit, VTD_DID_NONE, device->source_id[i]);
		uiommu_vtd_flush_device_tlb(device, pasid, &everything, true);
		if (target->kind != VTD_BLOCK && target->kind != VTD_SILENT && !replaced)
			pasid_entry_write(device, pasid, target);
	} else {
		legacy_set(device, target);
		uiommu_vtd_flush_device_tlb(device, pasid, &everything, true);
	}
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}
