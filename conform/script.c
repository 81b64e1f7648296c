/* SPDX-License-Identifier: MIT */
/* script.c - the subject's own driver, with chosen answers for chosen devices: see script.h */
#include "conform/script.h"

#include <string.h>

bool script_is(struct subject *s, struct uiommu_device *dev, const char *label)
{
	struct machine_device *device = machine_device(s->machine, label);

	return device && dev && uiommu_device_pci(dev) == machine_device_function(device);
}

static struct script_device *find(struct script *script, struct uiommu_device *dev)
{
	for (unsigned int i = 0; i < SCRIPT_DEVICES; i++)
		if (script->device[i].label && script_is(script->s, dev, script->device[i].label))
			return &script->device[i];
	return NULL;
}

static struct script_device *find_label(struct script *script, const char *label)
{
	for (unsigned int i = 0; i < SCRIPT_DEVICES; i++)
		if (script->device[i].label && !strcmp(script->device[i].label, label))
			return &script->device[i];
	return NULL;
}

/* ---- hooks ------------------------------------------------------------------------------------- */

static void on_probe(struct wrap_call *call, void *context)
{
	struct script_device *d = find(context, call->dev);

	if (d)
		d->probes++;
	if (d && d->probe_error)
		call->rc = d->probe_error;
	else
		wrap_call(call);
}

static void on_group(struct wrap_call *call, void *context)
{
	struct script *script = context;
	struct script_device *d = find(script, call->dev);
	struct machine_device *other = NULL;

	if (d && d->no_group)
		return;
	if (d && d->join)
		other = machine_device(script->s->machine, d->join);
	if (other && machine_device_uiommu(other))
		call->group_out = uiommu_group_get_locked(machine_device_uiommu(other));
	if (!call->group_out)
		wrap_call(call);
}

static void on_def_type(struct wrap_call *call, void *context)
{
	struct script_device *d = find(context, call->dev);

	wrap_call(call);
	if (d && d->demand != UIOMMU_DOMAIN_BLOCKED)
		call->type_out = d->demand;
}

static void on_resv(struct wrap_call *call, void *context)
{
	struct script_device *d = find(context, call->dev);

	wrap_call(call);
	for (unsigned int i = 0; d && !call->rc && i < d->num_resv; i++)
		call->rc = uiommu_resv_add(call->resv, d->resv[i].start,
					   d->resv[i].last - d->resv[i].start + 1, d->resv[i].prot,
					   d->resv[i].type);
}

static void on_prepare(struct wrap_call *call, void *context)
{
	struct script_device *d = find(context, call->dev);

	if (d && d->attach_error && call->attach->domain->type != UIOMMU_DOMAIN_BLOCKED)
		call->rc = d->attach_error;
	else
		wrap_call(call);
	if (d && !call->rc)
		d->prepared++;
}

static void on_abort(struct wrap_call *call, void *context)
{
	struct script_device *d = find(context, call->dev);

	wrap_call(call);
	if (d)
		d->aborts++;
}

static void on_commit(struct wrap_call *call, void *context)
{
	struct script_device *d = find(context, call->dev);

	wrap_call(call);
	if (d)
		d->commits++;
}

static const struct {
	enum wrap_op op;
	wrap_hook hook;
} hooks[] = {
	{ WRAP_PROBE, on_probe }, { WRAP_GROUP, on_group },	{ WRAP_DEF_TYPE, on_def_type },
	{ WRAP_RESV, on_resv },	  { WRAP_PREPARE, on_prepare }, { WRAP_COMMIT, on_commit },
	{ WRAP_ABORT, on_abort },
};

/* ---- from outside ------------------------------------------------------------------------------ */

void script_boot(struct subject *s, struct script *script, bool units)
{
	script->s = s;
	subject_boot(s,
		     MACHINE_BOOT_NO_DEVICES | (units ? 0u : (unsigned int)MACHINE_BOOT_NO_UNITS));
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		wrap_set(s->wrap, hooks[i].op, hooks[i].hook, script);
}

void script_end(struct script *script)
{
	for (unsigned int op = 0; op < WRAP_OPS; op++)
		wrap_set(script->s->wrap, (enum wrap_op)op, NULL, NULL);
}

void script_start_units(struct subject *s)
{
	for (unsigned int i = 0; i < machine_num_units(s->machine); i++)
		CHECK_OK(s, machine_start_unit(s->machine, i));
}

void script_stop_units(struct subject *s)
{
	for (unsigned int i = machine_num_units(s->machine); i-- > 0;)
		machine_stop_unit(s->machine, i);
}

struct uiommu_device *script_add(struct script *script, const char *label)
{
	struct subject *s = script->s;
	struct machine_device *device = subject_machine_device(s, label);
	const struct script_device *d = find_label(script, label);
	struct uiommu_device_desc desc;
	struct uiommu_device *dev;

	machine_device_desc(device, &desc);
	if (d && d->untrusted)
		desc.untrusted = true;
	if (d && d->bus)
		desc.bus = d->bus;
	CHECK_OK(s, uiommu_device_add(s->sys, &desc, &dev));
	machine_device_set_uiommu(device, dev);
	return dev;
}

void script_remove(struct script *script, const char *label)
{
	struct machine_device *device = subject_machine_device(script->s, label);

	uiommu_device_remove(machine_device_uiommu(device));
	machine_device_set_uiommu(device, NULL);
}

struct uiommu_resv_region script_region(const struct subject_buffer *buffer, uint64_t offset,
					uint64_t size, enum uiommu_resv_type type)
{
	return (struct uiommu_resv_region){
		.start = buffer->phys + offset,
		.last = buffer->phys + offset + size - 1,
		.prot = UIOMMU_READ | UIOMMU_WRITE,
		.type = type,
	};
}

bool script_has_identity(struct subject *s, struct uiommu_device *dev)
{
	struct uiommu_domain *domain;
	int rc = uiommu_domain_alloc_identity(dev, &domain);

	CHECK(s, rc == 0 || rc == -UIOMMU_EOPNOTSUPP, "no identity domain: %s",
	      uiommu_strerror(rc));
	if (rc)
		return false;
	uiommu_domain_free(domain);
	return true;
}

void script_default_dma(struct subject *s, const char *label)
{
	/* Below the 39 bits of the narrowest hardware, above all RAM and reserved regions. */
	const uint64_t iova = s->base + 0x3f12345 * s->page;
	struct machine_device *device = subject_machine_device(s, label);
	/* A driver's memory, whoever it is that programs are. */
	struct subject_buffer buffer = { .size = s->page };
	struct uiommu_group *group = subject_group(s, label);
	struct uiommu_domain *domain = uiommu_group_domain(group);

	CHECK(s, domain, "%s's group is attached to nothing", label);
	buffer.mem = machine_buffer(s->machine, buffer.size, s->page, &buffer.phys);
	CHECK(s, buffer.mem, "the machine's RAM has no room for a buffer");
	if (uiommu_group_default_type(group) == UIOMMU_DOMAIN_IDENTITY) {
		subject_dma_reaches(s, device, buffer.phys, buffer.phys, UIOMMU_READ | UIOMMU_WRITE,
				    NULL);
	} else {
		subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
		CHECK_OK(s, uiommu_map(domain, iova, buffer.phys, s->page,
				       UIOMMU_READ | UIOMMU_WRITE));
		subject_dma_reaches(s, device, iova, buffer.phys, UIOMMU_READ | UIOMMU_WRITE, NULL);
		CHECK(s, uiommu_unmap(domain, iova, s->page) == s->page,
		      "%s's default domain did not unmap a page", label);
		subject_dma_blocked(s, device, iova, buffer.phys, NULL);
	}
	uiommu_group_put(group);
	machine_buffer_free(s->machine, buffer.mem, buffer.size);
}
