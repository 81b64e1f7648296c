/* SPDX-License-Identifier: MIT */
/* bench.c - a core over test_host with PCI functions, and a driver that does nothing but group them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/firmware/bench.h"

static int attach(struct uiommu_attach *request)
{
	(void)request;
	return 0;
}

static const struct uiommu_domain_ops identity_ops = { .attach_single = attach };
static const struct uiommu_domain identity = { .type = UIOMMU_DOMAIN_IDENTITY,
					       .ops = &identity_ops };

static int probe(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	(void)instance;
	(void)dev;
	return 0;
}

struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct uiommu_system_config config = { .host = &b->host };

	b->host.fail_after = SIZE_MAX;
	test_pci_init(&b->pci);
	assert_int_equal(uiommu_system_create(&config, &b->sys), 0);
	b->ops = (struct uiommu_ops){
		.name = "bench",
		.identity_domain = &identity,
		.default_domain = &identity,
		.probe_device = probe,
		.device_group = uiommu_pci_device_group,
	};
	return b;
}

void bench_start(struct bench *b, unsigned int index, const struct uiommu_fwnode *fwnode)
{
	b->instance[index] =
		(struct uiommu_instance){ .ops = &b->ops, .fwnode = fwnode, .name = "bench" };
	assert_int_equal(uiommu_instance_register(b->sys, &b->instance[index]), 0);
}

void bench_free(struct bench *b)
{
	uiommu_system_destroy(b->sys);
	assert_int_equal(b->host.live, 0);
	free(b);
}

static int configure(struct uiommu_device *dev, void *context)
{
	struct bench *b = context;

	return b->configure ? b->configure(dev, b->context) :
			      uiommu_fwspec_init(dev, b->instance[0].fwnode);
}

struct uiommu_device *bench_add(struct bench *b, struct uiommu_pci_function *fn)
{
	struct uiommu_device_desc desc = {
		.name = "device", .bus = "test", .configure = configure, .context = b, .pci = fn
	};
	struct uiommu_device *dev;

	assert_int_equal(uiommu_device_add(b->sys, &desc, &dev), 0);
	return dev;
}

void bench_add_translated(struct bench *b, struct uiommu_pci_function *fn)
{
	struct uiommu_device *dev = bench_add(b, fn);

	assert_int_equal(uiommu_device_error(dev), 0);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_TRANSLATED);
}

void bench_add_all(struct bench *b)
{
	for (size_t i = 0; i < b->pci.topology.num_functions; i++)
		bench_add_translated(b, b->pci.list[i]);
}

unsigned int bench_group_of(const struct uiommu_pci_function *fn)
{
	struct uiommu_group *group = uiommu_group_get(fn->dev);
	unsigned int id = uiommu_group_id(group);

	uiommu_group_put(group);
	return id;
}
