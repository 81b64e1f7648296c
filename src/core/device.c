/* SPDX-License-Identifier: MIT */
/*
 * device.c - devices come, are probed, and go
 *
 * Probing has two passes.  The first asks drivers and sorts devices into groups; the second gives each
 * new group its default domain, when all members are known.  A single device that appears later goes
 * through the same two functions.  sys->probe is held over both, so a device is probed once however
 * many threads ask.
 *
 * A device that fails is taken back out completely, firmware's words included: the next try starts from
 * nothing.
 */
#include "src/core/core.h"

static void set_status(struct uiommu_device *dev, enum uiommu_device_status status, int error)
{
	atomic_store(&dev->error, error);
	atomic_store(&dev->status, (int)status);
}

static void set_instance(struct uiommu_device *dev, struct uiommu_instance *instance)
{
	struct uiommu_system *sys = dev->sys;

	uiommu_lock(sys, &sys->table);
	dev->instance = instance;
	uiommu_unlock(sys, &sys->table);
}

static void count_device(struct uiommu_instance *instance, bool add)
{
	struct uiommu_system *sys = instance->sys;

	uiommu_lock(sys, &sys->table);
	if (add)
		instance->num_devices++;
	else
		instance->num_devices--;
	uiommu_unlock(sys, &sys->table);
}

/* The end of a device that its driver has accepted: in no group any more, or never in one. */
static void forget_probe(struct uiommu_device *dev)
{
	struct uiommu_instance *instance = dev->instance;

	if (instance->ops->release_device)
		instance->ops->release_device(dev);
	count_device(instance, false);
	atomic_store(&dev->max_pasids, 0);
	uiommu_resv_clear(&dev->resv);
	dev->require_direct = false;
	dev->attach_deferred = false;
	dev->requests_closed = false;
	dev->priv = NULL;
	set_instance(dev, NULL);
	uiommu_fwspec_clear(dev);
}

/* The hardware forgets the device.  Its group is locked, and it is still a member. */
static void park(struct uiommu_device *dev)
{
	const struct uiommu_ops *ops = dev->instance->ops;
	const struct uiommu_domain *parking = ops->release_domain;
	struct uiommu_domain *old;

	uiommu_pasid_block_device(dev);
	if (parking && parking->type == UIOMMU_DOMAIN_BLOCKED && dev->require_direct)
		parking = ops->identity_domain ? ops->identity_domain : parking;
	/* One that was never attached is not touched: its attach was deferred, or failed. */
	if (dev->domain && parking)
		uiommu_device_park(dev, uiommu_static_domain(parking));
	old = dev->domain;
	uiommu_faults_remove(dev);
	uiommu_lock(dev->sys, &dev->sys->table);
	dev->domain = NULL;
	uiommu_unlock(dev->sys, &dev->sys->table);
	uiommu_domain_unhold(old);
	uiommu_reset_leave(dev);
}

/* Out of its group, away from its instance.  sys->probe is held. */
static void leave(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;

	uiommu_lock(dev->sys, &group->mutex);
	uiommu_faults_close(dev, true);
	park(dev);
	if (dev->bound && !dev->bound_managed) {
		group->users--;
		dev->bound_managed = true;
	}
	uiommu_group_del_member(group, dev);
	/* A driver that parks the device itself does it here, before any domain is freed. */
	forget_probe(dev);
	if (!group->members)
		uiommu_group_emptied(group);
	uiommu_unlock(dev->sys, &group->mutex);
	uiommu_group_put(group);
}

void uiommu_release_device(struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	int error;

	leave(dev);
	uiommu_lock(sys, &sys->table);
	error = uiommu_defer_error(sys);
	uiommu_unlock(sys, &sys->table);
	set_status(dev,
		   error == -UIOMMU_EPROBE_DEFER ? UIOMMU_STATUS_DEFERRED : UIOMMU_STATUS_NO_IOMMU,
		   error);
}

void uiommu_device_fail(struct uiommu_device *dev, int error)
{
	uiommu_log(dev->sys->host, UIOMMU_LOG_ERROR, "%s: not translated: %s", dev->name,
		   uiommu_strerror(error));
	leave(dev);
	set_status(dev, UIOMMU_STATUS_FAILED, error);
}

/* Does a running group have what a newcomer demands?  Its mutex is held. */
static bool conflicts(struct uiommu_device *dev, struct uiommu_group *group)
{
	enum uiommu_domain_type have;
	int demand = uiommu_device_demand(dev);

	if (!group->default_domain)
		return false;
	have = uiommu_domain_type(group->default_domain);
	if (dev->desc.untrusted && have != UIOMMU_DOMAIN_DMA)
		return true;
	if (dev->require_direct && group->domain &&
	    (group->domain == group->blocking_domain ||
	     uiommu_domain_type(group->domain) == UIOMMU_DOMAIN_BLOCKED))
		return true;
	if (have == UIOMMU_DOMAIN_DMA_FQ)
		have = UIOMMU_DOMAIN_DMA;
	return demand != UIOMMU_DOMAIN_AUTO && demand != (int)have;
}

/* Into a group that runs: direct mappings first, then whatever the group is attached to. */
static int join_running(struct uiommu_device *dev, struct uiommu_group *group)
{
	int map_rc = uiommu_resv_map_direct(dev, group->default_domain);
	int rc = uiommu_device_switch(dev, group->domain);

	if (!rc && map_rc)
		rc = uiommu_resv_map_direct(dev, group->default_domain);
	return rc;
}

/* Pass 1 for one device: 0, or its status is set and says why not. */
static int sort_into_group(struct uiommu_device *dev)
{
	struct uiommu_instance *instance = dev->instance;
	const struct uiommu_ops *ops = instance->ops;
	struct uiommu_group *group = NULL;
	enum uiommu_device_status status = UIOMMU_STATUS_FAILED;
	uint32_t width = dev->desc.pasid_bits;
	uint32_t pasids = width ? 1u << (width > 20 ? 20 : width) : 0;
	int rc;

	atomic_store(&dev->max_pasids,
		     pasids < instance->max_pasids ? pasids : instance->max_pasids);
	rc = uiommu_resv_probe(dev);
	if (rc)
		goto err;
	rc = ops->device_group(dev, &group);
	if (!rc && !group)
		rc = -UIOMMU_EINVAL;
	if (rc)
		goto err;

	uiommu_lock(dev->sys, &group->mutex);
	if (group->members && uiommu_group_ops(group) != ops) {
		rc = -UIOMMU_EINVAL;
	} else if (conflicts(dev, group)) {
		status = UIOMMU_STATUS_CONFLICT;
		rc = -UIOMMU_EPERM;
	}
	if (!rc) {
		dev->attach_deferred = ops->is_attach_deferred && ops->is_attach_deferred(dev);
		uiommu_group_add_member(group, dev);
		set_status(dev, UIOMMU_STATUS_TRANSLATED, 0);
		rc = uiommu_reset_join(dev);
		if (!group->default_domain)
			group->fresh = true;
		else if (!rc)
			rc = join_running(dev, group);
	}
	uiommu_unlock(dev->sys, &group->mutex);
	if (!rc)
		return 0;
	if (dev->group) {
		uiommu_device_fail(dev, rc);
		return rc;
	}
	uiommu_group_put(group);
err:
	if (status == UIOMMU_STATUS_CONFLICT)
		uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
			   "%s: left out, its group cannot give what it demands", dev->name);
	forget_probe(dev);
	set_status(dev, status, rc);
	return rc;
}

static int find_instance(struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_instance *instance;
	int rc;

	rc = dev->desc.configure ? dev->desc.configure(dev, dev->desc.context) : -UIOMMU_ENODEV;
	if (!rc && !dev->has_fwspec)
		rc = -UIOMMU_ENODEV;
	if (rc)
		return rc;
	uiommu_lock(sys, &sys->table);
	instance = uiommu_instance_find(sys, dev->fwspec.fwnode);
	dev->instance = instance;
	uiommu_unlock(sys, &sys->table);
	rc = instance->ops->probe_device(instance, dev);
	if (rc) {
		set_instance(dev, NULL);
		return rc;
	}
	count_device(instance, true);
	return 0;
}

static int probe_first_pass(struct uiommu_device *dev)
{
	int rc;

	if (dev->group)
		return 0;
	/* A driver uses it untranslated: changing that under its feet would break its DMA. */
	if (dev->bound)
		return -UIOMMU_ENODEV;
	rc = find_instance(dev);
	if (!rc)
		return sort_into_group(dev);
	dev->priv = NULL;
	uiommu_fwspec_clear(dev);
	switch (rc) {
	case -UIOMMU_EPROBE_DEFER:
		set_status(dev, UIOMMU_STATUS_DEFERRED, rc);
		break;
	case -UIOMMU_ENODEV:
	case -UIOMMU_ETIMEDOUT:
		set_status(dev, UIOMMU_STATUS_NO_IOMMU, rc);
		break;
	default:
		uiommu_log(dev->sys->host, UIOMMU_LOG_ERROR, "%s: not translated: %s", dev->name,
			   uiommu_strerror(rc));
		set_status(dev, UIOMMU_STATUS_FAILED, rc);
		break;
	}
	return rc;
}

/* The first attach of one member of a new group. */
static int first_attach(struct uiommu_device *dev, struct uiommu_group *group)
{
	int rc = uiommu_device_switch(dev, group->domain);

	return rc ? rc : uiommu_resv_map_direct(dev, group->default_domain);
}

/* Pass 2: one new group.  The probe mutex keeps the members in place while its own is dropped. */
static void bring_up(struct uiommu_group *group)
{
	struct uiommu_device *dev, *next;
	int rc;

	uiommu_lock(group->sys, &group->mutex);
	rc = uiommu_default_setup(group);
	uiommu_unlock(group->sys, &group->mutex);

	for (dev = group->members; dev; dev = next) {
		int failed = rc;

		next = dev->group_next;
		if (!failed) {
			uiommu_lock(group->sys, &group->mutex);
			failed = first_attach(dev, group);
			uiommu_unlock(group->sys, &group->mutex);
		}
		if (failed)
			uiommu_device_fail(dev, failed);
	}
}

static struct uiommu_group *next_fresh(struct uiommu_system *sys)
{
	struct uiommu_group *group;

	uiommu_lock(sys, &sys->table);
	for (group = sys->groups; group && !group->fresh; group = group->next)
		;
	if (group) {
		group->fresh = false;
		group->refs++;
	}
	uiommu_unlock(sys, &sys->table);
	return group;
}

static void probe_second_pass(struct uiommu_system *sys)
{
	struct uiommu_group *group;

	while ((group = next_fresh(sys))) {
		bring_up(group);
		for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
			const struct uiommu_ops *ops = dev->instance->ops;

			if (ops->probe_finalize)
				ops->probe_finalize(dev);
		}
		uiommu_group_put(group);
	}
}

void uiommu_probe_all(struct uiommu_system *sys)
{
	for (struct uiommu_device *dev = sys->devices; dev; dev = dev->next)
		probe_first_pass(dev);
	probe_second_pass(sys);
}

/* sys->probe is held. */
static int probe_one(struct uiommu_device *dev)
{
	bool had = dev->group, running;
	int rc = probe_first_pass(dev);

	if (rc || had)
		return rc;
	running = !dev->group->fresh;
	probe_second_pass(dev->sys);
	if (running && dev->instance->ops->probe_finalize)
		dev->instance->ops->probe_finalize(dev);
	return dev->group ? 0 : atomic_load(&dev->error);
}

int uiommu_device_probe(struct uiommu_device *dev)
{
	int rc;

	uiommu_lock(dev->sys, &dev->sys->probe);
	rc = probe_one(dev);
	uiommu_unlock(dev->sys, &dev->sys->probe);
	return rc == -UIOMMU_ETIMEDOUT ? -UIOMMU_ENODEV : rc;
}

static size_t length_of(const char *string)
{
	size_t length = 0;

	while (string && string[length])
		length++;
	return length;
}

static bool name_taken(struct uiommu_system *sys, const char *name, size_t length)
{
	for (struct uiommu_device *dev = sys->devices; dev; dev = dev->next) {
		if (length_of(dev->name) == length && memcmp(dev->name, name, length) == 0)
			return true;
	}
	return false;
}

/* @name has room for a dot and ten digits behind the first @length characters. */
static void make_unique(struct uiommu_system *sys, char *name, size_t length)
{
	size_t end = length;

	for (uint32_t suffix = 0; name_taken(sys, name, end); suffix++) {
		uint32_t value = suffix;
		size_t digits = 1;

		for (uint32_t rest = suffix; rest >= 10; rest /= 10)
			digits++;
		end = length + 1 + digits;
		name[length] = '.';
		for (size_t i = 0; i < digits; i++, value /= 10)
			name[end - 1 - i] = (char)('0' + value % 10);
		name[end] = '\0';
	}
}

int uiommu_device_add(struct uiommu_system *sys, const struct uiommu_device_desc *desc,
		      struct uiommu_device **out)
{
	size_t name_length = length_of(desc->name), bus_length = length_of(desc->bus);
	struct uiommu_device *dev, **link;

	*out = NULL;
	if (!name_length || desc->pasid_bits > 20)
		return -UIOMMU_EINVAL;
	dev = uiommu_zalloc(sys, sizeof(*dev));
	if (!dev)
		return -UIOMMU_ENOMEM;
	dev->sys = sys;
	dev->desc = *desc;
	dev->desc.name = NULL;
	dev->desc.bus = NULL;
	dev->name_size = name_length + 12;
	dev->bus_size = bus_length + 1;
	dev->name = uiommu_zalloc(sys, dev->name_size);
	dev->bus = uiommu_zalloc(sys, dev->bus_size);
	if (!dev->name || !dev->bus) {
		uiommu_free(sys, dev->name, dev->name_size);
		uiommu_free(sys, dev->bus, dev->bus_size);
		uiommu_free(sys, dev, sizeof(*dev));
		return -UIOMMU_ENOMEM;
	}
	memcpy(dev->name, desc->name, name_length);
	if (bus_length)
		memcpy(dev->bus, desc->bus, bus_length);
	set_status(dev, UIOMMU_STATUS_NO_IOMMU, 0);

	uiommu_lock(sys, &sys->probe);
	make_unique(sys, dev->name, name_length);
	uiommu_lock(sys, &sys->table);
	for (link = &sys->devices; *link; link = &(*link)->next)
		;
	*link = dev;
	uiommu_unlock(sys, &sys->table);
	if (desc->pci)
		desc->pci->dev = dev;
	probe_one(dev);
	uiommu_unlock(sys, &sys->probe);
	*out = dev;
	return 0;
}

void uiommu_device_remove(struct uiommu_device *dev)
{
	struct uiommu_system *sys;
	struct uiommu_device **link;

	if (!dev)
		return;
	sys = dev->sys;
	uiommu_lock(sys, &sys->probe);
	if (dev->group)
		leave(dev);
	uiommu_lock(sys, &sys->table);
	for (link = &sys->devices; *link != dev; link = &(*link)->next)
		;
	*link = dev->next;
	uiommu_unlock(sys, &sys->table);
	if (dev->desc.pci && dev->desc.pci->dev == dev)
		dev->desc.pci->dev = NULL;
	uiommu_unlock(sys, &sys->probe);
	uiommu_fwspec_clear(dev);
	uiommu_free(sys, dev->name, dev->name_size);
	uiommu_free(sys, dev->bus, dev->bus_size);
	uiommu_free(sys, dev, sizeof(*dev));
}

enum uiommu_device_status uiommu_device_status(const struct uiommu_device *dev)
{
	return (enum uiommu_device_status)atomic_load(&dev->status);
}

int uiommu_device_error(const struct uiommu_device *dev)
{
	return atomic_load(&dev->error);
}

const char *uiommu_device_name(const struct uiommu_device *dev)
{
	return dev->name;
}

struct uiommu_system *uiommu_device_system(const struct uiommu_device *dev)
{
	return dev->sys;
}

struct uiommu_instance *uiommu_device_instance(const struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_instance *instance;

	uiommu_lock(sys, &sys->table);
	instance = dev->instance;
	uiommu_unlock(sys, &sys->table);
	return instance;
}

bool uiommu_device_has_group(const struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	bool has;

	uiommu_lock(sys, &sys->table);
	has = dev->group;
	uiommu_unlock(sys, &sys->table);
	return has;
}

bool uiommu_device_is_translated(const struct uiommu_device *dev)
{
	return uiommu_device_status(dev) == UIOMMU_STATUS_TRANSLATED;
}

uint32_t uiommu_device_max_pasids(const struct uiommu_device *dev)
{
	return atomic_load(&dev->max_pasids);
}

bool uiommu_device_capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);

	return instance && instance->ops->capable && instance->ops->capable(dev, cap);
}

int uiommu_device_hw_info(struct uiommu_device *dev, uint32_t *type, void *data, size_t *size)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);
	const size_t room = *size;
	uint64_t whole[8];
	int rc;

	if (!instance)
		return -UIOMMU_ENODEV;
	if (!instance->ops->hw_info) {
		if (*type != UIOMMU_HW_INFO_NONE)
			return -UIOMMU_EOPNOTSUPP;
		*size = 0;
		return 0;
	}
	rc = instance->ops->hw_info(dev, type, whole, size);
	if (!rc)
		memcpy(data, whole, *size < room ? *size : room);
	return rc;
}

void *uiommu_device_priv(const struct uiommu_device *dev)
{
	return dev->priv;
}

void uiommu_device_set_priv(struct uiommu_device *dev, void *priv)
{
	dev->priv = priv;
}

struct uiommu_pci_function *uiommu_device_pci(const struct uiommu_device *dev)
{
	return dev->desc.pci;
}

uint32_t uiommu_device_pasid_bits(const struct uiommu_device *dev)
{
	return dev->desc.pasid_bits;
}
