/* SPDX-License-Identifier: MIT */
/*
 * nested.c - a guest's first stage on top of a second stage of the host (3.8), and its invalidations
 *
 * The guest says where its tables are, as one of its physical addresses, and how deep; the second stage and
 * everything else of the PASID entry are the host's.  Hardware caches what both stages give together under the
 * domain ID of the entry and the PASID.  A nested domain has domain IDs of its own, so that the
 * invalidations of a guest cost nobody else anything.
 *
 * A change of the parent can be anything to the guest's addresses, the tables included.  So when it has
 * been invalidated for the parent's own users, all that its nested domains have cached goes too (6.5.2.3,
 * domain-selective: every second-stage and nested entry), and then all of their device TLBs.
 *
 * The parent's lock is taken before that of its nested domains; theirs alone is enough for the guest's
 * invalidations.
 */
#include "src/drivers/vtd/unit.h"

/* @count little-endian words of the caller's structure, which may be larger if it is zero there. */
static int take(uint64_t *word, unsigned int count, const void *data, size_t size)
{
	const unsigned char *byte = data;

	if (size < count * sizeof(*word))
		return -UIOMMU_EINVAL;
	for (size_t i = count * sizeof(*word); i < size; i++)
		if (byte[i])
			return -UIOMMU_E2BIG;
	for (unsigned int i = 0; i < count; i++) {
		word[i] = 0;
		for (unsigned int b = 0; b < 8; b++)
			word[i] |= (uint64_t)byte[8 * i + b] << 8 * b;
	}
	return 0;
}

static const struct vtd_range everything = { 0, UINT64_MAX, true };

void uiommu_vtd_flush_nested(struct vtd_domain *parent)
{
	for (struct vtd_domain *n = parent->nested; n; n = n->nested_next) {
		uiommu_port_mutex_lock(n->host, &n->lock);
		for (const struct vtd_tag *tag = n->tags; tag; tag = tag->next)
			uiommu_vtd_flush_iotlb_domain(tag->unit, tag->did);
		uiommu_vtd_flush_range(n, &everything);
		uiommu_port_mutex_unlock(n->host, &n->lock);
	}
}

/* ---- the guest's invalidations ----------------------------------------------------------------- */

static int range_of(const uint64_t word[3], struct vtd_range *range)
{
	const uint64_t address = word[0], pages = word[1];

	/* Flags in the low half of the third word; nothing in the high one. */
	if (word[2] & ~(uint64_t)UIOMMU_VTD_S1_INVALIDATE_LEAF)
		return -UIOMMU_EIO;
	range->tables = !(word[2] & UIOMMU_VTD_S1_INVALIDATE_LEAF);
	range->start = address;
	if (pages == UINT64_MAX) {
		range->last = UINT64_MAX;
		return address ? -UIOMMU_EIO : 0;
	}
	if (address % VTD_PAGE_SIZE || pages > UINT64_MAX / VTD_PAGE_SIZE + 1)
		return -UIOMMU_EIO;
	range->last = address + (pages * VTD_PAGE_SIZE - 1);
	return pages && range->last < address ? -UIOMMU_EIO : 0;
}

static int cache_invalidate(struct uiommu_domain *d, enum uiommu_nested_type type,
			    const void *entries, size_t entry_size, size_t *count)
{
	struct vtd_domain *domain = to_vtd_domain(d);
	const unsigned char *entry = entries;
	const size_t asked = *count;
	int rc = 0;

	*count = 0;
	if (type != UIOMMU_NESTED_VTD_S1)
		return -UIOMMU_EOPNOTSUPP;
	while (!rc && *count < asked) {
		struct vtd_range range;
		uint64_t word[3];

		rc = take(word, 3, entry + *count * entry_size, entry_size);
		if (!rc)
			rc = range_of(word, &range);
		if (rc)
			break;
		if (word[1]) {
			uiommu_port_mutex_lock(domain->host, &domain->lock);
			uiommu_vtd_flush_range(domain, &range);
			uiommu_port_mutex_unlock(domain->host, &domain->lock);
		}
		++*count;
	}
	return rc;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void nested_free(struct uiommu_domain *d)
{
	struct vtd_domain *domain = to_vtd_domain(d), **at = &domain->parent->nested;

	uiommu_port_mutex_lock(domain->host, &domain->parent->lock);
	while (*at != domain)
		at = &(*at)->nested_next;
	*at = domain->nested_next;
	uiommu_port_mutex_unlock(domain->host, &domain->parent->lock);
	uiommu_vtd_domain_delete(domain);
}

static const struct uiommu_domain_ops nested_ops = {
	.pasid = true,
	.attach_prepare = uiommu_vtd_attach_prepare,
	.attach_commit = uiommu_vtd_attach_commit,
	.attach_abort = uiommu_vtd_attach_abort,
	.cache_invalidate = cache_invalidate,
	.free = nested_free,
};

/* Quadword 2 of the PASID entry as the guest wants it; -UIOMMU_EIO: it cannot have that here. */
static int first_stage_of(const struct uiommu_vtd *unit, const uint64_t word[3], uint64_t *out)
{
	static const struct {
		uint64_t flag, bit, ecap;
	} flags[] = {
		{ UIOMMU_VTD_S1_SRE, VTD_PE2_SRE, VTD_ECAP_SRS },
		{ UIOMMU_VTD_S1_EAFE, VTD_PE2_EAFE, VTD_ECAP_EAFS },
		{ UIOMMU_VTD_S1_WPE, VTD_PE2_WPE, VTD_ECAP_SRS },
	};
	const uint64_t width = word[2];
	uint64_t unknown = word[0], value;

	if (word[1] & ~VTD_PE2_FSPTPTR || (width != 48 && width != 57) ||
	    (width == 57 && !(unit->cap & VTD_CAP_FS5LP)))
		return -UIOMMU_EIO;
	value = uiommu_vtd_first_stage(word[1], width == 57 ? 5 : 4);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(word[0] & flags[i].flag))
			continue;
		if (!(unit->ecap & flags[i].ecap))
			return -UIOMMU_EIO;
		value |= flags[i].bit;
		unknown &= ~flags[i].flag;
	}
	*out = value;
	return unknown ? -UIOMMU_EIO : 0;
}

int uiommu_vtd_domain_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
				   enum uiommu_nested_type type, const void *data, size_t size,
				   struct uiommu_domain **out)
{
	const struct vtd_device *device = uiommu_device_priv(dev);
	const struct uiommu_vtd *unit = device->unit;
	struct vtd_domain *domain;
	uint64_t word[3];
	int rc;

	if (type != UIOMMU_NESTED_VTD_S1 || !uiommu_vtd_nests(unit))
		return -UIOMMU_EOPNOTSUPP;
	if (!uiommu_vtd_fits(to_vtd_domain(parent), unit))
		return -UIOMMU_EINVAL;
	rc = take(word, 3, data, size);
	if (rc)
		return rc;
	domain = uiommu_vtd_domain_new(unit->host);
	if (!domain)
		return -UIOMMU_ENOMEM;
	rc = first_stage_of(unit, word, &domain->first_stage);
	if (rc) {
		uiommu_vtd_domain_delete(domain);
		return rc;
	}
	domain->first = true;
	domain->pt.config.va_bits = (unsigned int)word[2];
	domain->pt.config.pgsizes = VTD_PAGE_SIZE;
	domain->parent = to_vtd_domain(parent);
	domain->domain.type = UIOMMU_DOMAIN_NESTED;
	domain->domain.ops = &nested_ops;
	uiommu_port_mutex_lock(unit->host, &domain->parent->lock);
	domain->nested_next = domain->parent->nested;
	domain->parent->nested = domain;
	uiommu_port_mutex_unlock(unit->host, &domain->parent->lock);
	*out = &domain->domain;
	return 0;
}
