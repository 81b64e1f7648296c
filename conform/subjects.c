/* SPDX-License-Identifier: MIT */
/* subjects.c - the drivers and hardware that can be judged, and in which configurations */
#include <uiommu/smmuv3.h>

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
	{ "unlike-units", "q35-vtd-unlike", UIOMMU_VTD_PREFER_SECOND_STAGE },
	{ "pri", "q35-vtd-pri", 0 },
	{ NULL, NULL, 0 },
};

static const struct conform_config vtd_qemu[] = {
	{ "legacy", "q35-vtd", 0 },
	{ "legacy-39", "q35-vtd-39", 0 },
	{ "legacy-cm", "q35-vtd-cm", 0 },
	{ "legacy-noqi", "q35-vtd", UIOMMU_VTD_NO_QI },
	{ "scalable-second", "q35-vtd-scalable", UIOMMU_VTD_PREFER_SECOND_STAGE },
	{ "scalable-first", "q35-vtd-scalable-first", UIOMMU_VTD_WIDTH_WITH_FIRST_STAGE },
	{ NULL, NULL, 0 },
};

/* QEMU 7.2's has stage 1 alone; a configuration that a version lacks is skipped with the reason. */
static const struct conform_config smmuv3_qemu[] = {
	{ "stage1-only", "virt-smmuv3-s1", 0 },
	{ "stage1", "virt-smmuv3", 0 },
	{ "stage2", "virt-smmuv3", UIOMMU_SMMUV3_PREFER_STAGE2 },
	{ "stage2-only", "virt-smmuv3-s2", 0 },
	{ "no-range", "virt-smmuv3-s1", UIOMMU_SMMUV3_NO_RANGE },
	{ NULL, NULL, 0 },
};

static const struct conform_config virtio_qemu[] = {
	{ "pci", "q35-virtio", 0 },
	{ "pci-arm", "virt-virtio-pci", 0 },
	{ NULL, NULL, 0 },
};

static const struct conform_config smmuv3_model[] = {
	{ "stage1", "virt-smmuv3", 0 },
	{ "stage2", "virt-smmuv3", UIOMMU_SMMUV3_PREFER_STAGE2 },
	{ "stage1-only", "virt-smmuv3-s1", 0 },
	{ "stage2-only", "virt-smmuv3-s2", 0 },
	{ "16k", "virt-smmuv3-16k", 0 },
	{ "64k", "virt-smmuv3-64k", 0 },
	{ "52", "virt-smmuv3-52", 0 },
	{ "ats", "virt-smmuv3-ats", 0 },
	{ "dirty", "virt-smmuv3-httu", 0 },
	{ "incoherent", "virt-smmuv3-incoherent", 0 },
	{ "lazy", "virt-smmuv3-lazy", 0 },
	{ "linear", "virt-smmuv3-linear", 0 },
	{ "linear-cds", "virt-smmuv3", UIOMMU_SMMUV3_LINEAR_CDS },
	{ "by-register", "virt-smmuv3", UIOMMU_SMMUV3_NO_MSI_SYNC },
	{ "no-range", "virt-smmuv3-noril", 0 },
	{ "small", "virt-smmuv3-small", 0 },
	{ "stall", "virt-smmuv3-stall", 0 },
	{ "pri", "virt-smmuv3-pri", 0 },
	{ "platform", "virt-smmuv3-flexrm", 0 },
	{ NULL, NULL, 0 },
};

static const struct conform_config virtio_model[] = {
	{ "pci", "q35-virtio", 0 },
	{ "pci-64k", "q35-virtio-64k", 0 },
	{ "pci-any-order", "q35-virtio-any-order", 0 },
	{ "pci-f-bypass", "q35-virtio-f-bypass", 0 },
	{ "pci-in-order", "q35-virtio-in-order", 0 },
	{ "pci-lazy", "q35-virtio-lazy", 0 },
	{ "pci-minimal", "q35-virtio-minimal", 0 },
	{ "pci-strict", "q35-virtio-strict", 0 },
	{ "pci-mmio", "virt-virtio", 0 },
	{ NULL, NULL, 0 },
};

static const struct conform_config mixed_model[] = {
	{ "vtd-virtio", "q35-mixed", 0 },
	{ "smmuv3-virtio", "virt-mixed", 0 },
	{ NULL, NULL, 0 },
};

const struct conform_subject conform_subjects[] = {
	{ "vtd@model", "model", &conform_kapi, vtd_model },
	{ "vtd@qemu", "qemu", &conform_kapi, vtd_qemu },
	{ "smmuv3@model", "model", &conform_kapi, smmuv3_model },
	{ "smmuv3@qemu", "qemu", &conform_kapi, smmuv3_qemu },
	{ "virtio@model", "model", &conform_kapi, virtio_model },
	{ "virtio@qemu", "qemu", &conform_kapi, virtio_qemu },
	{ "mixed@model", "model", &conform_kapi, mixed_model },
	{ "vtd@model:opaque", "model", &conform_opaque, vtd_model },
	{ "vtd@model:uapi", "model", &conform_uapi, vtd_model },
	{ "smmuv3@model:uapi", "model", &conform_uapi, smmuv3_model },
	{ "virtio@model:uapi", "model", &conform_uapi, virtio_model },
	{ "mixed@model:uapi", "model", &conform_uapi, mixed_model },
	{ "vtd@qemu:uapi", "qemu", &conform_uapi, vtd_qemu },
	{ NULL, NULL, NULL, NULL },
};
