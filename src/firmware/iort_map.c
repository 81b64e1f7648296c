/* SPDX-License-Identifier: MIT */
/* iort_map.c - questions about the IORT's graph: from a device to its SMMU, its stream IDs and its memory */
#include <uiommu/iort.h>
#include <uiommu/pci.h>
#include "src/firmware/bytes.h"
#include "src/firmware/ids.h"

/* A component's mapping of more IDs than that says where they go, not that the device has all of them. */
#define MAX_COMPONENT_IDS 256

/*
 * The count field holds the number of IDs minus 1.  Firmware that forgets the "minus 1" makes a range too
 * long by one, over the first ID of the next range (QEMU 7.2 does): so an ID that
 * is the last one of a range belongs to another range if that has it too.
 */
const struct uiommu_iort_node *uiommu_iort_map(const struct uiommu_iort_node *from, uint32_t id,
					       uint32_t *out)
{
	const struct uiommu_iort_node *to = NULL;

	for (size_t i = 0; i < from->num_mappings; i++) {
		const struct uiommu_iort_mapping *mapping = &from->mappings[i];

		if (mapping == from->own)
			continue;
		if (!mapping->single &&
		    (id < mapping->input || id - mapping->input > mapping->count_minus_1))
			continue;
		if (to && !mapping->single && id - mapping->input == mapping->count_minus_1)
			continue;
		to = mapping->to;
		*out = mapping->output + (mapping->single ? 0 : id - mapping->input);
		if (mapping->single || id - mapping->input < mapping->count_minus_1)
			break;
	}
	return to;
}

const struct uiommu_iort_node *uiommu_iort_root_complex(const struct uiommu_iort *iort,
							uint32_t segment, uint32_t source_id)
{
	const struct uiommu_iort_node *first = NULL;
	uint32_t out;

	for (size_t i = 0; i < iort->num_nodes; i++) {
		const struct uiommu_iort_node *node = &iort->nodes[i];

		if (node->type != UIOMMU_IORT_ROOT_COMPLEX || node->segment != segment)
			continue;
		if (uiommu_iort_map(node, source_id, &out))
			return node;
		if (!first)
			first = node;
	}
	return first;
}

const struct uiommu_iort_node *uiommu_iort_named_component(const struct uiommu_iort *iort,
							   const char *object)
{
	for (size_t i = 0; i < iort->num_nodes; i++) {
		const struct uiommu_iort_node *node = &iort->nodes[i];

		if (node->type == UIOMMU_IORT_NAMED_COMPONENT &&
		    bytes_text_is(node->object, object))
			return node;
	}
	return NULL;
}

/* ---- devices ----------------------------------------------------------------------------------- */

struct configure {
	const struct uiommu_iort *iort;
	struct uiommu_device *dev;
	bool ats; /* so far every ID came through a root complex with ATS */
};

static int configure_alias(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	struct configure *c = context;
	const struct uiommu_iort_node *root, *smmu;
	uint32_t stream_id;

	root = uiommu_iort_root_complex(c->iort, fn->segment, source_id);
	smmu = root ? uiommu_iort_map(root, source_id, &stream_id) : NULL;
	if (!smmu || !uiommu_iort_is_smmu(smmu))
		return -UIOMMU_ENODEV;
	c->ats &= root->ats;
	return uiommu_firmware_add_id(c->dev, &smmu->fwnode, stream_id);
}

int uiommu_iort_configure_pci(const struct uiommu_iort *iort, struct uiommu_device *dev)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);
	struct configure c = { .iort = iort, .dev = dev, .ats = true };
	int rc;

	if (!fn)
		return -UIOMMU_EINVAL;
	rc = uiommu_pci_for_each_alias(fn, configure_alias, &c);
	if (!rc && c.ats)
		uiommu_fwspec_set_flags(dev, UIOMMU_FWSPEC_ATS);
	return rc;
}

int uiommu_iort_configure_component(const struct uiommu_iort *iort, struct uiommu_device *dev,
				    const char *object)
{
	const struct uiommu_iort_node *node = uiommu_iort_named_component(iort, object);
	bool found = false;
	int rc;

	for (size_t i = 0; node && i < node->num_mappings; i++) {
		const struct uiommu_iort_mapping *mapping = &node->mappings[i];

		if (!uiommu_iort_is_smmu(mapping->to) ||
		    mapping->count_minus_1 >= MAX_COMPONENT_IDS)
			continue;
		for (uint32_t id = 0; id <= mapping->count_minus_1; id++) {
			rc = uiommu_firmware_add_id(dev, &mapping->to->fwnode,
						    mapping->output + id);
			if (rc)
				return rc;
		}
		found = true;
	}
	if (found && node->stall)
		uiommu_fwspec_set_flags(dev, UIOMMU_FWSPEC_STALL);
	return found ? 0 : -UIOMMU_ENODEV;
}

/* ---- reserved memory --------------------------------------------------------------------------- */

/* Is this RMR node for one of the stream IDs? */
static bool names_device(const struct uiommu_iort_node *rmr, const struct uiommu_fwspec *spec)
{
	for (size_t m = 0; m < rmr->num_mappings; m++) {
		const struct uiommu_iort_mapping *mapping = &rmr->mappings[m];

		if (&mapping->to->fwnode != spec->fwnode)
			continue;
		for (unsigned int i = 0; i < spec->num_ids; i++) {
			if (spec->ids[i] >= mapping->output &&
			    spec->ids[i] - mapping->output <= mapping->count_minus_1)
				return true;
		}
	}
	return false;
}

int uiommu_iort_resv_regions(const struct uiommu_iort *iort, const struct uiommu_fwspec *spec,
			     struct uiommu_resv_list *list)
{
	for (size_t n = 0; n < iort->num_nodes; n++) {
		const struct uiommu_iort_node *node = &iort->nodes[n];

		if (node->type != UIOMMU_IORT_RMR || !names_device(node, spec))
			continue;
		for (size_t i = 0; i < node->num_ranges; i++) {
			const struct uiommu_iort_range *range = &node->ranges[i];
			int rc = uiommu_resv_add(list, range->base, range->last - range->base + 1,
						 node->prot,
						 node->relaxable ? UIOMMU_RESV_DIRECT_RELAXABLE :
								   UIOMMU_RESV_DIRECT);

			if (rc)
				return rc;
		}
	}
	return 0;
}
