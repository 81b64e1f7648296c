/* SPDX-License-Identifier: MIT */
/* null_driver.c - a driver without hardware: see null_driver.h */
#include "bench/null_driver.h"

#include <string.h>

struct null_domain {
	struct uiommu_domain domain;
	struct uiommu_pt pt;
};

static struct uiommu_pt *pt_of(struct uiommu_domain *domain)
{
	return &((struct null_domain *)domain)->pt;
}

static int attach_prepare(struct uiommu_attach *attach)
{
	(void)attach;
	return 0;
}

static void attach_commit(struct uiommu_attach *attach)
{
	(void)attach;
}

static void iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	(void)domain;
	(void)gather;
}

static void flush_iotlb_all(struct uiommu_domain *domain)
{
	(void)domain;
}

/* The operations of a domain whose tables are those of F. */
#define NULL_OPERATIONS(F)                                                                         \
	static int F##_map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,  \
			   uint64_t size, unsigned int prot, uint64_t *mapped,                     \
			   struct uiommu_iotlb_gather *gather)                                     \
	{                                                                                          \
		return uiommu_pt_##F##_map(pt_of(domain), iova, paddr, size, prot, mapped,         \
					   gather);                                                \
	}                                                                                          \
	static int F##_map_sg(struct uiommu_domain *domain, uiommu_iova_t iova,                    \
			      const struct uiommu_sg *sg, size_t count, unsigned int prot,         \
			      uint64_t *mapped, struct uiommu_iotlb_gather *gather)                \
	{                                                                                          \
		return uiommu_pt_##F##_map_sg(pt_of(domain), iova, sg, count, prot, mapped,        \
					      gather);                                             \
	}                                                                                          \
	static uint64_t F##_unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size, \
				  struct uiommu_iotlb_gather *gather)                              \
	{                                                                                          \
		return uiommu_pt_##F##_unmap(pt_of(domain), iova, size, gather);                   \
	}                                                                                          \
	static uiommu_phys_t F##_iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)    \
	{                                                                                          \
		return uiommu_pt_##F##_iova_to_phys(pt_of(domain), iova);                          \
	}                                                                                          \
	static void F##_free(struct uiommu_domain *domain)                                         \
	{                                                                                          \
		void *host = pt_of(domain)->config.host;                                           \
                                                                                                   \
		uiommu_pt_##F##_destroy(pt_of(domain));                                            \
		uiommu_port_free(host, domain, sizeof(struct null_domain));                        \
	}

NULL_OPERATIONS(vtd_ss)
NULL_OPERATIONS(x86_64)
NULL_OPERATIONS(arm_lpae)

#define NULL_FORMAT(F, bits)                                                                 \
	.pa_bits = bits, .init = uiommu_pt_##F##_init, .geometry = uiommu_pt_##F##_geometry, \
	.ops = {                                                                             \
		.attach_prepare = attach_prepare,                                            \
		.attach_commit = attach_commit,                                              \
		.attach_abort = attach_commit,                                               \
		.map = F##_map,                                                              \
		.map_sg = F##_map_sg,                                                        \
		.unmap = F##_unmap,                                                          \
		.iotlb_sync = iotlb_sync,                                                    \
		.flush_iotlb_all = flush_iotlb_all,                                          \
		.iova_to_phys = F##_iova_to_phys,                                            \
		.free = F##_free,                                                            \
	}

const struct null_format null_vtd_ss = { .name = "vtd_ss", NULL_FORMAT(vtd_ss, 52) };
const struct null_format null_x86_64 = { .name = "x86_64", NULL_FORMAT(x86_64, 52) };
const struct null_format null_arm_lpae_s1 = {
	.name = "arm_lpae_s1",
	.arm = { .granule = 4096, .stage = 1 },
	NULL_FORMAT(arm_lpae, 48),
};
const struct null_format null_arm_lpae_s2 = {
	.name = "arm_lpae_s2",
	.arm = { .granule = 4096, .stage = 2 },
	NULL_FORMAT(arm_lpae, 48),
};

static int domain_alloc_paging(struct uiommu_device *dev, unsigned int flags,
			       struct uiommu_domain **out)
{
	struct null_iommu *iommu = (struct null_iommu *)uiommu_device_instance(dev);
	const struct uiommu_pt_config config = {
		.host = iommu->host,
		.va_bits = 48,
		.pa_bits = iommu->format->pa_bits,
		.pgsizes = iommu->pgsizes,
		.coherent = true,
		.arm = iommu->format->arm,
	};
	struct null_domain *d = uiommu_port_alloc(iommu->host, sizeof(*d));
	int rc;

	if (flags || !d) {
		uiommu_port_free(iommu->host, d, sizeof(*d));
		return flags ? -UIOMMU_EOPNOTSUPP : -UIOMMU_ENOMEM;
	}
	rc = iommu->format->init(&d->pt, &config);
	if (rc) {
		uiommu_port_free(iommu->host, d, sizeof(*d));
		return rc;
	}
	d->domain.type = UIOMMU_DOMAIN_PAGING;
	d->domain.ops = &iommu->format->ops;
	d->domain.pgsizes = iommu->pgsizes;
	iommu->format->geometry(&d->pt, &d->domain.geometry);
	*out = &d->domain;
	return 0;
}

static const struct uiommu_domain_ops static_ops = {
	.attach_prepare = attach_prepare,
	.attach_commit = attach_commit,
	.attach_abort = attach_commit,
};
static const struct uiommu_domain identity = { .type = UIOMMU_DOMAIN_IDENTITY, .ops = &static_ops };
static const struct uiommu_domain blocked = { .type = UIOMMU_DOMAIN_BLOCKED, .ops = &static_ops };

static int probe_device(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	(void)instance;
	(void)dev;
	return 0;
}

/* Nothing is between it and memory but tables that it reads as the processor wrote them. */
static bool capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	(void)dev;
	return cap == UIOMMU_CAP_CACHE_COHERENCY;
}

static int device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct null_iommu *iommu = (struct null_iommu *)uiommu_device_instance(dev);

	*out = iommu->beside ? uiommu_group_get_locked(iommu->beside) : NULL;
	return *out ? 0 : uiommu_generic_device_group(dev, out);
}

static const struct uiommu_ops null_ops = {
	.name = "null",
	.identity_domain = &identity,
	.blocked_domain = &blocked,
	.release_domain = &blocked,
	.probe_device = probe_device,
	.capable = capable,
	.device_group = device_group,
	.domain_alloc_paging = domain_alloc_paging,
};

static int configure(struct uiommu_device *dev, void *context)
{
	return uiommu_fwspec_init(dev, context);
}

int null_iommu_add(struct null_iommu *iommu, const char *name, struct uiommu_device *beside,
		   struct uiommu_device **out)
{
	struct uiommu_device_desc desc = {
		.name = name, .bus = "none", .configure = configure, .context = &iommu->fwnode
	};
	int rc;

	iommu->beside = beside;
	rc = uiommu_device_add(iommu->sys, &desc, out);
	return rc ? rc : uiommu_device_error(*out);
}

int null_iommu_create(struct null_iommu *iommu, uint64_t ram_size)
{
	return null_iommu_create_watched(iommu, ram_size, NULL);
}

int null_iommu_create_watched(struct null_iommu *iommu, uint64_t ram_size,
			      const struct uiommu_posix_hooks *hooks)
{
	const struct uiommu_posix_config host = {
		.ram_base = 1ull << 32,
		.ram_size = ram_size,
		.ram_fd = -1,
		.hooks = hooks,
	};
	struct uiommu_system_config config = { .default_type = UIOMMU_DOMAIN_IDENTITY };
	int rc;

	memset(iommu, 0, sizeof(*iommu));
	iommu->fwnode.name = "null";
	iommu->instance.ops = &null_ops;
	iommu->instance.fwnode = &iommu->fwnode;
	iommu->instance.name = "null0";
	iommu->format = &null_vtd_ss;
	iommu->pgsizes = 4096;
	rc = uiommu_posix_create(&host, &iommu->host);
	if (rc)
		return rc;
	config.host = iommu->host;
	rc = uiommu_system_create(&config, &iommu->sys);
	if (rc)
		goto no_system;
	rc = uiommu_instance_register(iommu->sys, &iommu->instance);
	if (rc)
		goto no_device;
	rc = null_iommu_add(iommu, "device", NULL, &iommu->dev);
	if (rc)
		goto no_device;
	return 0;

no_device:
	uiommu_system_destroy(iommu->sys);
no_system:
	uiommu_posix_destroy(iommu->host);
	return rc;
}

void null_iommu_destroy(struct null_iommu *iommu)
{
	uiommu_system_destroy(iommu->sys);
	uiommu_posix_destroy(iommu->host);
}
