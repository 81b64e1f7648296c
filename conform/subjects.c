/* SPDX-License-Identifier: MIT */
/* subjects.c - the drivers and hardware that can be judged, and in which configurations */
#include "conform/conform.h"

/* Every configuration that changes what the driver does. */
static const struct conform_config vtd_model[] = {
	{ "legacy", "q35-vtd", 0 },
	{ "legacy-39", "q35-vtd-39", 0 },
	{ "legacy-cm", "q35-vtd-cm", 0 },
	{ "legacy-incoherent", "q35-vtd-incoherent", 0 },
	{ "legacy-noqi", "q35-vtd-noqi", 0 },
	{ "scalable-second", "q35-vtd-scalable", UIOMMU_VTD_PREFER_SECOND_STAGE },
	{ "scalable-first", "q35-vtd-scalable-first", 0 },
	{ "scalable-57", "q35-vtd-scalable-57", 0 },
	{ "scalable-cm", "q35-vtd-scalable-cm", 0 },
	{ "scalable-incoherent", "q35-vtd-scalable-incoherent", 0 },
	{ "scalable-ats", "q35-vtd-scalable-ats", UIOMMU_VTD_PREFER_SECOND_STAGE },
	{ "ats", "q35-vtd-ats", 0 },
	{ "two-units", "q35-vtd-two", 0 },
	{ NULL, NULL, 0 },
};

static const struct conform_config vtd_qemu[] = {
	{ "legacy", "q35-vtd", 0 },
	{ "legacy-39", "q35-vtd-39", 0 },
	{ "legacy-cm", "q35-vtd-cm", 0 },
	{ "scalable-second", "q35-vtd-scalable", UIOMMU_VTD_PREFER_SECOND_STAGE },
	{ "scalable-first", "q35-vtd-scalable-first", UIOMMU_VTD_WIDTH_WITH_FIRST_STAGE },
	{ NULL, NULL, 0 },
};

static const struct conform_config virtio_model[] = {
	{ "pci", "q35-virtio", 0 },
	{ NULL, NULL, 0 },
};

const struct conform_subject conform_subjects[] = {
	{ "vtd@model", "model", &conform_kapi, vtd_model },
	{ "vtd@qemu", "qemu", &conform_kapi, vtd_qemu },
	{ "virtio@model", "model", &conform_kapi, virtio_model },
	{ "vtd@model:opaque", "model", &conform_opaque, vtd_model },
	{ NULL, NULL, NULL, NULL },
};
