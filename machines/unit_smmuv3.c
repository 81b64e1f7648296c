/* SPDX-License-Identifier: MIT */
/* unit_smmuv3.c - an Arm SMMUv3 of a modelled machine */
#include <stdio.h>
#include <stdlib.h>

#include <uiommu/types.h>

#include "machines/unit.h"
#include "models/smmuv3.h"

struct smmu_unit {
	struct model_smmuv3 *smmu;
	struct model_smmuv3_port port;
};

static struct model_smmuv3 *smmu_of(const struct unit *unit)
{
	return ((const struct smmu_unit *)unit->model)->smmu;
}

static uint64_t read(struct unit *unit, uint32_t offset, unsigned int size)
{
	if (size == 4)
		return model_smmuv3_read32(smmu_of(unit), offset);
	return size == 8 ? model_smmuv3_read64(smmu_of(unit), offset) : UINT64_MAX;
}

static void write(struct unit *unit, uint32_t offset, unsigned int size, uint64_t value)
{
	if (size == 4)
		model_smmuv3_write32(smmu_of(unit), offset, (uint32_t)value);
	else if (size == 8)
		model_smmuv3_write64(smmu_of(unit), offset, value);
}

static bool step(struct unit *unit)
{
	return model_smmuv3_step(smmu_of(unit));
}

static void expect_clean(struct unit *unit, bool clean)
{
	model_smmuv3_expect_clean(smmu_of(unit), clean);
}

static void destroy(struct unit *unit)
{
	model_smmuv3_destroy(smmu_of(unit));
	free(unit->model);
}

static const struct unit_ops smmu_ops = {
	.read = read,
	.write = write,
	.step = step,
	.expect_clean = expect_clean,
	.destroy = destroy,
};

#define FIELD(name) \
	offsetof(struct model_smmuv3_config, name), sizeof(((struct model_smmuv3_config *)0)->name)
static const struct unit_field fields[] = {
	{ "s1p", FIELD(s1p) },
	{ "s2p", FIELD(s2p) },
	{ "ttf", FIELD(ttf) },
	/* The property that generic nodes have, too: none means what the preset says. */
	{ "dma-coherent", FIELD(cohacc) },
	{ "cohacc", FIELD(cohacc) },
	{ "httu", FIELD(httu) },
	{ "hyp", FIELD(hyp) },
	{ "ats", FIELD(ats) },
	{ "ns1ats", FIELD(ns1ats) },
	{ "pri", FIELD(pri) },
	{ "pps", FIELD(pps) },
	{ "asid16", FIELD(asid16) },
	{ "vmid16", FIELD(vmid16) },
	{ "sev", FIELD(sev) },
	{ "msi", FIELD(msi) },
	{ "stall-model", FIELD(stall_model) },
	{ "stall-max", FIELD(stall_max) },
	{ "term-model", FIELD(term_model) },
	{ "st-level", FIELD(st_level) },
	{ "cd2l", FIELD(cd2l) },
	{ "sidsize", FIELD(sidsize) },
	{ "ssidsize", FIELD(ssidsize) },
	{ "cmdqs", FIELD(cmdqs) },
	{ "eventqs", FIELD(eventqs) },
	{ "priqs", FIELD(priqs) },
	{ "attr-types-ovr", FIELD(attr_types_ovr) },
	{ "attr-perms-ovr", FIELD(attr_perms_ovr) },
	{ "had", FIELD(had) },
	{ "xnx", FIELD(xnx) },
	{ "fwb", FIELD(fwb) },
	{ "stt", FIELD(stt) },
	{ "ril", FIELD(ril) },
	{ "bbml", FIELD(bbml) },
	{ "gran4k", FIELD(gran4k) },
	{ "gran16k", FIELD(gran16k) },
	{ "gran64k", FIELD(gran64k) },
	{ "oas", FIELD(oas) },
	{ "vax", FIELD(vax) },
	{ "minor", FIELD(minor) },
	{ "gbpa-abort", FIELD(gbpa_abort) },
	{ "doorbell", FIELD(doorbell) },
	{ "doorbell-size", FIELD(doorbell_size) },
	{ "lazy", FIELD(lazy) },
	{ "eager", FIELD(eager) },
	{ "merge-stalls", FIELD(merge_stalls) },
	{ "early-retry", FIELD(early_retry) },
	{ "evict-one-in", FIELD(evict_one_in) },
};

static int set_atc(void *context, uint16_t source_id, const struct model_atc *atc)
{
	return model_smmuv3_set_atc(smmu_of(context), source_id, atc);
}

int machine_unit_smmuv3(const struct unit_build *build, struct unit *unit)
{
	const struct describe_unit *from = build->from;
	struct model_smmuv3_config config = { 0 };
	struct smmu_unit *own;

	if (!model_smmuv3_preset(from->preset, &config)) {
		snprintf(build->error, build->error_size, "iommu@%llx: there is no preset \"%s\"",
			 (unsigned long long)from->base, from->preset);
		return -UIOMMU_EINVAL;
	}
	machine_unit_fields(build->d->dtb, from->node, fields, sizeof(fields) / sizeof(fields[0]),
			    &config);
	config.seed = build->seed;
	own = calloc(1, sizeof(*own));
	if (!own) {
		snprintf(build->error, build->error_size, "no memory");
		return -UIOMMU_ENOMEM;
	}
	if (model_smmuv3_create(&config, build->memory, unit->report, unit->msi, unit->context,
				&own->smmu)) {
		snprintf(build->error, build->error_size,
			 "iommu@%llx: no hardware can have these properties",
			 (unsigned long long)from->base);
		free(own);
		return -UIOMMU_EINVAL;
	}
	model_smmuv3_port_init(&own->port, own->smmu, 0);
	unit->ops = &smmu_ops;
	unit->model = own;
	unit->iommu.iommu = &own->port.iommu;
	unit->iommu.set_atc = set_atc;
	unit->iommu.context = unit;
	return 0;
}
