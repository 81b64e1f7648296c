/* SPDX-License-Identifier: MIT */
/* unit_vtd.c - a VT-d unit of a modelled machine */
#include <stdio.h>

#include <uiommu/types.h>

#include "machines/unit.h"
#include "models/vtd.h"

static uint64_t read(struct unit *unit, uint32_t offset, unsigned int size)
{
	if (size == 4)
		return model_vtd_read32(unit->model, offset);
	return size == 8 ? model_vtd_read64(unit->model, offset) : UINT64_MAX;
}

static void write(struct unit *unit, uint32_t offset, unsigned int size, uint64_t value)
{
	if (size == 4)
		model_vtd_write32(unit->model, offset, (uint32_t)value);
	else if (size == 8)
		model_vtd_write64(unit->model, offset, value);
}

static bool step(struct unit *unit)
{
	return model_vtd_step(unit->model);
}

static void expect_clean(struct unit *unit, bool clean)
{
	model_vtd_expect_clean(unit->model, clean);
}

static void destroy(struct unit *unit)
{
	model_vtd_destroy(unit->model);
}

static const struct unit_ops vtd_ops = {
	.read = read,
	.write = write,
	.step = step,
	.expect_clean = expect_clean,
	.destroy = destroy,
};

#define FIELD(name) \
	offsetof(struct model_vtd_config, name), sizeof(((struct model_vtd_config *)0)->name)
static const struct unit_field fields[] = {
	{ "scalable", FIELD(scalable) },
	{ "second-stage", FIELD(second_stage) },
	{ "first-stage", FIELD(first_stage) },
	{ "nested", FIELD(nested) },
	{ "sagaw", FIELD(sagaw) },
	{ "mgaw", FIELD(mgaw) },
	{ "haw", FIELD(haw) },
	{ "sllps", FIELD(sllps) },
	{ "fl1gp", FIELD(fl1gp) },
	{ "fl5lp", FIELD(fl5lp) },
	{ "caching-mode", FIELD(caching_mode) },
	{ "rwbf", FIELD(rwbf) },
	{ "coherent", FIELD(coherent) },
	{ "smpwcs", FIELD(smpwcs) },
	{ "qi", FIELD(qi) },
	{ "psi", FIELD(psi) },
	{ "mamv", FIELD(mamv) },
	{ "nd", FIELD(nd) },
	{ "nfr", FIELD(nfr) },
	{ "zlr", FIELD(zlr) },
	{ "plmr", FIELD(plmr) },
	{ "phmr", FIELD(phmr) },
	{ "esrtps", FIELD(esrtps) },
	{ "dt", FIELD(dt) },
	{ "pass-through", FIELD(pass_through) },
	{ "snoop-control", FIELD(snoop_control) },
	{ "ssads", FIELD(ssads) },
	{ "pasid", FIELD(pasid) },
	{ "pss", FIELD(pss) },
	{ "pds", FIELD(pds) },
	{ "ers", FIELD(ers) },
	{ "prs", FIELD(prs) },
	{ "eafs", FIELD(eafs) },
	{ "srs", FIELD(srs) },
	{ "sms", FIELD(sms) },
	{ "page-request-walk", FIELD(page_request_walk) },
	{ "lazy", FIELD(lazy) },
	{ "evict-one-in", FIELD(evict_one_in) },
};

static int set_atc(void *context, uint16_t source_id, const struct model_atc *atc)
{
	return model_vtd_set_atc(((struct unit *)context)->model, source_id, atc);
}

int machine_unit_vtd(const struct unit_build *build, struct unit *unit)
{
	const struct describe_unit *from = build->from;
	struct model_vtd_config config = { 0 };
	struct model_vtd *vtd;

	if (!model_vtd_preset(from->preset, &config)) {
		snprintf(build->error, build->error_size, "iommu@%llx: there is no preset \"%s\"",
			 (unsigned long long)from->base, from->preset);
		return -UIOMMU_EINVAL;
	}
	machine_unit_fields(build->d->dtb, from->node, fields, sizeof(fields) / sizeof(fields[0]),
			    &config);
	config.seed = build->seed;
	if (model_vtd_create(&config, build->memory, unit->report, unit->msi, unit->context,
			     &vtd)) {
		snprintf(build->error, build->error_size,
			 "iommu@%llx: no hardware can have these properties",
			 (unsigned long long)from->base);
		return -UIOMMU_EINVAL;
	}
	unit->ops = &vtd_ops;
	unit->model = vtd;
	unit->iommu.iommu = model_vtd_iommu(vtd);
	unit->iommu.set_atc = set_atc;
	unit->iommu.context = unit;
	return 0;
}
