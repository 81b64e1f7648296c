/* SPDX-License-Identifier: MIT */
/* vfio_none.c - devices that VFIO must not take for translated, or not take at all */
#include "conform/vfio.h"

#include <string.h>

#include "conform/script.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* ---- C204, C027: no IOMMU ---------------------------------------------------------------------------- */

static bool is_noiommu_path(const char *path)
{
	return !strncmp(path, "/dev/vfio/noiommu-", 18);
}

/*
 * A device with no IOMMU, though its neighbours on the same bus have one: the machine's own, or one of which
 * firmware names none.  @real: its requests do go to memory as they are.
 */
static const char *without_iommu(struct subject *s, bool *real)
{
	struct machine_device *device;
	struct uiommu_device_desc desc;
	struct uiommu_device *dev;

	if (!s->machine)
		subject_boot(s, 0);
	*real = machine_device(s->machine, "hidden0") != NULL;
	if (*real)
		return "hidden0";
	device = subject_machine_device(s, "solo2");
	if (machine_device_uiommu(device) &&
	    uiommu_device_is_translated(machine_device_uiommu(device)))
		machine_remove_device(s->machine, device);
	if (!machine_device_uiommu(device)) {
		machine_device_desc(device, &desc);
		desc.configure = NULL;
		CHECK_OK(s, uiommu_device_add(s->sys, &desc, &dev));
		machine_device_set_uiommu(device, dev);
	}
	return "solo2";
}

/* What the core says of it, whatever VFIO does with it. */
static void not_translated(struct subject *s, struct uiommu_device *dev)
{
	struct uiommu_domain *domain = NULL;

	CHECK(s, !uiommu_device_is_translated(dev), "a device with no IOMMU is said to have one");
	CHECK(s, !uiommu_device_instance(dev), "it has an instance");
	for (int cap = UIOMMU_CAP_CACHE_COHERENCY; cap <= UIOMMU_CAP_WRITE_ONLY; cap++)
		CHECK(s, !uiommu_device_capable(dev, (enum uiommu_cap)cap),
		      "it is said to have capability %d", cap);
	CHECK(s, uiommu_device_max_pasids(dev) == 0, "it is said to have PASIDs");
	CHECK_RC(s, uiommu_domain_alloc_paging(dev, 0, &domain), -UIOMMU_ENODEV);
	CHECK(s, !domain, "there is a domain after all");
}

struct noiommu {
	struct abi *a;
	struct abi_device *d;
	char path[64];
	bool real;
};

static struct noiommu noiommu_begin(struct subject *s)
{
	const struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	struct noiommu n;
	const char *label = without_iommu(s, &n.real);

	n.a = vfio_start(s, &config, false);
	n.d = abi_vfio_device(n.a, label);
	CHECK(s, uiommu_uapi_device_group_path(n.d->device, n.path, sizeof(n.path)) > 0, "no path");
	CHECK(s, is_noiommu_path(n.path), "its group is %s", n.path);
	return n;
}

static void c027_no_iommu(struct subject *s)
{
	struct noiommu n = noiommu_begin(s);
	struct abi *a = n.a;
	struct subject_buffer buffer = subject_buffer(s, s->page);
	struct uiommu_domain *domain;
	struct uiommu_group *real;
	int group, container, cdev, iommufd;
	char path[64];
	uint64_t gone;

	not_translated(s, n.d->dev);
	/* There is no file for attaching it to something, and none for taking it by iommufd. */
	cdev = uiommu_uapi_device_cdev_path(n.d->device, path, sizeof(path));
	CHECK(s, cdev == -UIOMMU_ENODEV, "it has a file of its own, %s", path);
	CHECK_RC(s, abi_open_cdev(n.d), -UIOMMU_ENODEV);
	/* It has a group for programs, which is none of the core's. */
	CHECK_FD(s, abi_open(a, n.path), &group);
	CHECK(s, !uiommu_group_get(n.d->dev), "it is in a group of the core's");
	/* Nobody else's domain is for it, by whatever function. */
	real = subject_claim(s, "solo0");
	domain = subject_domain(s, subject_device(s, "solo0"), 0);
	CHECK_RC(s, uiommu_attach_device(domain, n.d->dev), -UIOMMU_ENODEV);
	CHECK_RC(s, uiommu_attach_device_pasid(domain, n.d->dev, 1, NULL), -UIOMMU_ENODEV);
	CHECK_RC(s, uiommu_device_claim_dma_owner(n.d->dev, s), -UIOMMU_ENODEV);
	uiommu_domain_free(domain);
	subject_release(s, real);
	/* No container with mappings takes it, nor does its own have any. */
	CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
	CHECK_OK(s, abi_set_container(a, group, container));
	CHECK_RC(s, abi_set_iommu(a, container, ABI_VFIO_TYPE1_IOMMU), -UIOMMU_ENODEV);
	CHECK_RC(s, abi_set_iommu(a, container, ABI_VFIO_TYPE1V2_IOMMU), -UIOMMU_ENODEV);
	CHECK_RC(s, abi_map_dma(a, container, s->iova, buffer.mem, s->page, DMA_RW),
		 -UIOMMU_EINVAL);
	CHECK_OK(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU));
	CHECK_RC(s, abi_map_dma(a, container, s->iova, buffer.mem, s->page, DMA_RW), -ABI_ENOTTY);
	CHECK_RC(s, abi_unmap_dma(a, container, s->iova, s->page, 0, &gone), -ABI_ENOTTY);
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, container));
	/* The same where iommufd serves as the container. */
	iommufd = abi_iommufd(a);
	CHECK_FD(s, abi_open(a, n.path), &group);
	CHECK_OK(s, abi_set_container(a, group, iommufd));
	CHECK_RC(s, abi_set_iommu(a, iommufd, ABI_VFIO_TYPE1V2_IOMMU), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_map_dma(a, iommufd, s->iova, buffer.mem, s->page, DMA_RW), -UIOMMU_ENODEV);
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, iommufd));
	not_translated(s, n.d->dev);
	subject_buffer_free(s, &buffer);
	mediated_not_translated(s, a);
	abi_end(a);
}

/* The option is off: VFIO's driver does not take it. */
static void without_option(struct subject *s)
{
	bool real;
	const char *label = without_iommu(s, &real);
	struct abi *a = vfio_start(s, NULL, false);
	struct abi_device *d = abi_device(a, label);
	char path[64];
	int container;

	CHECK_RC(s, abi_bind_driver(d, abi_vfio_driver(d)), -UIOMMU_EINVAL);
	CHECK(s, uiommu_uapi_device_group_path(d->device, path, sizeof(path)) == -UIOMMU_ENODEV,
	      "a refused device has a group's file, %s", path);
	CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
	CHECK_RC(s,
		 abi_ioctl_number(a, container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_NOIOMMU_IOMMU),
		 0);
	CHECK_OK(s, abi_close(a, container));
	abi_end(a);
}

/* Each step asks for the right anew. */
static void privileges(struct subject *s, struct noiommu *n)
{
	struct uiommu_uapi_process *all = n->a->process;
	struct uiommu_uapi_process *some = abi_process(n->a, UIOMMU_UAPI_CAP_ALL, UINT64_MAX, 0);
	const unsigned int without = UIOMMU_UAPI_CAP_ALL & ~UIOMMU_UAPI_CAP_SYS_RAWIO;
	struct abi *a = n->a;
	int group, container, device;

	abi_become(a, some);
#define LOSE uiommu_uapi_process_set_capabilities(some, without)
#define GAIN uiommu_uapi_process_set_capabilities(some, UIOMMU_UAPI_CAP_ALL)
	LOSE;
	CHECK_RC(s, abi_open(a, n->path), -UIOMMU_EPERM);
	CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
	GAIN;
	CHECK_FD(s, abi_open(a, n->path), &group);
	CHECK_RC(s, abi_open(a, n->path), -UIOMMU_EBUSY);
	LOSE;
	CHECK_RC(s, abi_set_container(a, group, container), -UIOMMU_EPERM);
	GAIN;
	CHECK_OK(s, abi_set_container(a, group, container));
	CHECK_RC(s, abi_group_device(a, group, n->d), -UIOMMU_EINVAL);
	LOSE;
	CHECK_RC(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU), -UIOMMU_EPERM);
	GAIN;
	CHECK_OK(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU));
	LOSE;
	CHECK_RC(s, abi_group_device(a, group, n->d), -UIOMMU_EPERM);
	GAIN;
	CHECK_FD(s, abi_group_device(a, group, n->d), &device);
	CHECK_OK(s, abi_close(a, device));
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, container));
#undef LOSE
#undef GAIN
	abi_become(a, all);
	abi_exit(a, some);
}

/* Groups with an IOMMU and groups without are not in one container, whichever came first. */
static void no_mixing(struct subject *s, struct noiommu *n)
{
	struct abi *a = n->a;
	int real = abi_group(a, "solo0"), fake, container, iommufd;

	CHECK_FD(s, abi_open(a, n->path), &fake);
	CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
	for (unsigned int set = 0; set < 2; set++) {
		CHECK_OK(s, abi_set_container(a, real, container));
		if (set)
			CHECK_OK(s, abi_set_iommu(a, container, ABI_VFIO_TYPE1V2_IOMMU));
		CHECK_RC(s, abi_set_container(a, fake, container), -UIOMMU_EPERM);
		CHECK_RC(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU),
			 set ? -UIOMMU_EINVAL : -UIOMMU_ENODEV);
		CHECK_OK(s, abi_unset_container(a, real));
		CHECK_OK(s, abi_set_container(a, fake, container));
		if (set)
			CHECK_OK(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU));
		CHECK_RC(s, abi_set_container(a, real, container), -UIOMMU_EPERM);
		CHECK_OK(s, abi_unset_container(a, fake));
	}
	vfio_is_free(s, "solo0");
	/* In an iommufd: the first one decides what it is. */
	iommufd = abi_iommufd(a);
	CHECK_OK(s, abi_set_container(a, real, iommufd));
	CHECK_RC(s, abi_set_container(a, fake, iommufd), -UIOMMU_EINVAL);
	CHECK_OK(s, abi_unset_container(a, real));
	CHECK_OK(s, abi_close(a, iommufd));
	iommufd = abi_iommufd(a);
	CHECK_OK(s, abi_set_container(a, fake, iommufd));
	CHECK_RC(s, abi_set_container(a, real, iommufd), -UIOMMU_EINVAL);
	CHECK_OK(s, abi_unset_container(a, fake));
	CHECK_OK(s, abi_close(a, iommufd));
	CHECK_OK(s, abi_close(a, container));
	CHECK_OK(s, abi_close(a, fake));
	CHECK_OK(s, abi_close(a, real));
	vfio_is_free(s, "solo0");
}

/* The device works as any other, at physical addresses. */
static void at_physical_addresses(struct subject *s, struct noiommu *n)
{
	struct abi *a = n->a;
	struct subject_buffer buffer = subject_buffer(s, s->page);
	int group, container, device;

	CHECK_FD(s, abi_open(a, n->path), &group);
	container = abi_container(a, group, ABI_VFIO_NOIOMMU_IOMMU);
	CHECK_RC(s,
		 abi_ioctl_number(a, container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_NOIOMMU_IOMMU),
		 1);
	CHECK_RC(s,
		 abi_ioctl_number(a, container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_TYPE1V2_IOMMU),
		 0);
	CHECK_FD(s, abi_group_device(a, group, n->d), &device);
	CHECK(s, abi_pins(a) == 0, "something was pinned for it");
	CHECK_RC(s, abi_unset_container(a, group), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_close(a, device));
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, container));
	subject_buffer_free(s, &buffer);
}

static bool said;

static void hear(void *context, enum uiommu_log_level level, const char *line)
{
	(void)context;
	(void)level;
	said |= strstr(line, "has no IOMMU") != NULL;
}

static void c204_no_iommu_mode(struct subject *s)
{
	struct noiommu n;

	said = false;
	s->hooks.log = hear;
	without_option(s);
	CHECK(s, !said, "a refused device is said to be in use without an IOMMU");
	n = noiommu_begin(s);
	CHECK(s, said, "nobody is told that a device without an IOMMU can be opened");
	privileges(s, &n);
	no_mixing(s, &n);
	at_physical_addresses(s, &n);
	abi_end(n.a);
}

/* ---- C028: on no bus ----------------------------------------------------------------------------------- */

static uint32_t bank_read(void *context, unsigned int region, uint64_t offset, unsigned int size)
{
	const uint32_t *bank = context;

	(void)region;
	return size == 4 ? bank[offset / 4] : 0;
}

static void bank_write(void *context, unsigned int region, uint64_t offset, unsigned int size,
		       uint32_t value)
{
	uint32_t *bank = context;

	(void)region;
	if (size == 4)
		bank[offset / 4] = value;
}

/* A platform device with a bank of registers: no more than VFIO wants to know of one. */
struct on_no_bus {
	struct abi_device d;
	uint32_t bank[16];
	struct uiommu_uapi_platform_region region;
	struct uiommu_uapi_platform_io io;
};

static void on_no_bus_add(struct subject *s, struct abi *a, struct on_no_bus *p, const char *label,
			  struct uiommu_device *dev)
{
	const struct uiommu_uapi_device_config config = {
		.dev = dev,
		.bus = UIOMMU_UAPI_PLATFORM,
		.platform = &p->io,
	};

	p->region = (struct uiommu_uapi_platform_region){ .address = 0x10000000, .size = 64 };
	p->io = (struct uiommu_uapi_platform_io){
		.regions = &p->region,
		.num_regions = 1,
		.compatible = "uiommu,bank",
		.read = bank_read,
		.write = bank_write,
		.context = p->bank,
	};
	p->d = (struct abi_device){ .abi = a, .label = label, .dev = dev, .cdev = -1 };
	if (label)
		p->d.machine = subject_machine_device(s, label);
	CHECK_OK(s, uiommu_uapi_add_device(a->uapi, &config, &p->d.device));
}

static void two_on_no_bus(struct subject *s, bool option, struct uiommu_device *without,
			  struct uiommu_device *with)
{
	const struct uiommu_uapi_config config = {
		.enable_unsafe_noiommu_mode = option,
		.platform_reset_not_required = true,
	};
	struct abi *a = abi_start(s, &config);
	struct subject_buffer buffer = subject_buffer(s, s->page);
	int group[2] = { -1, -1 }, container;
	struct on_no_bus p[2];
	char path[64];

	on_no_bus_add(s, a, &p[0], NULL, without);
	on_no_bus_add(s, a, &p[1], "solo1", with);
	/* Each by what it has, not by what devices of its kind have. */
	CHECK_RC(s, abi_bind_driver(&p[0].d, "vfio-platform"), option ? 0 : -UIOMMU_EINVAL);
	CHECK_OK(s, abi_bind_driver(&p[1].d, "vfio-platform"));
	CHECK(s, uiommu_uapi_device_group_path(p[1].d.device, path, sizeof(path)) > 0, "no path");
	CHECK(s, !is_noiommu_path(path), "a translated device's group is %s", path);
	CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
	CHECK_FD(s, abi_open_group(&p[1].d), &group[1]);
	CHECK_OK(s, abi_set_container(a, group[1], container));
	CHECK_RC(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU), -UIOMMU_ENODEV);
	CHECK_OK(s, abi_set_iommu(a, container, ABI_VFIO_TYPE1V2_IOMMU));
	CHECK_OK(s, abi_map_dma(a, container, s->iova, buffer.mem, s->page, DMA_RW));
	abi_reaches(&p[1].d, s->iova, buffer.mem, RW);
	abi_blocked(&p[1].d, s->iova + s->page, buffer.mem);
	if (option) {
		CHECK(s, uiommu_uapi_device_group_path(p[0].d.device, path, sizeof(path)) > 0,
		      "no path");
		CHECK(s, is_noiommu_path(path), "a device with no IOMMU has the group %s", path);
		CHECK_RC(s, abi_open_cdev(&p[0].d), -UIOMMU_ENODEV);
		CHECK_FD(s, abi_open_group(&p[0].d), &group[0]);
		CHECK_RC(s, abi_set_container(a, group[0], container), -UIOMMU_EPERM);
		CHECK_OK(s, abi_close(a, container));
		CHECK_OK(s, abi_close(a, group[1]));
		CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
		CHECK_OK(s, abi_set_container(a, group[0], container));
		CHECK_RC(s, abi_set_iommu(a, container, ABI_VFIO_TYPE1V2_IOMMU), -UIOMMU_ENODEV);
		CHECK_OK(s, abi_set_iommu(a, container, ABI_VFIO_NOIOMMU_IOMMU));
		CHECK_FD(s, abi_group_device(a, group[0], &p[0].d), &group[1]);
		CHECK_OK(s, abi_close(a, group[1]));
		CHECK_OK(s, abi_close(a, group[0]));
	} else {
		CHECK_RC(s, abi_open_group(&p[0].d), -UIOMMU_ENODEV);
		CHECK_OK(s, abi_close(a, group[1]));
	}
	CHECK_OK(s, abi_close(a, container));
	subject_buffer_free(s, &buffer);
	abi_end(a);
}

static void c028_on_no_bus(struct subject *s)
{
	const struct uiommu_device_desc desc = { .name = "fed00000.nothing", .bus = "platform" };
	struct script script = { .device = { { .label = "solo1", .bus = "platform" } } };
	struct uiommu_device *with, *without;
	const char *refusal;

	script_boot(s, &script, true);
	script_add(&script, "solo0");
	with = script_add(&script, "solo1");
	CHECK_OK(s, uiommu_device_add(s->sys, &desc, &without));
	refusal = vfio_refusal(s, false);
	if (!refusal) {
		not_translated(s, without);
		CHECK(s, uiommu_device_is_translated(with), "its neighbour is not either");
		two_on_no_bus(s, false, without, with);
		two_on_no_bus(s, true, without, with);
	}
	uiommu_device_remove(without);
	script_end(&script);
	if (refusal)
		conform_skip(s, "%s", refusal);
}

/* ---- C029: memory that is not coherent --------------------------------------------------------------- */

static void say_incoherent(struct wrap_call *call, void *context)
{
	struct subject *s = context;

	if (call->cap == UIOMMU_CAP_CACHE_COHERENCY && script_is(s, call->dev, "solo0"))
		call->rc = false;
	else
		wrap_call(call);
}

/* A device of hardware on which none is coherent: nothing is left of the try. */
static void never(struct subject *s)
{
	struct abi *a = abi_start(s, NULL);
	struct abi_device *d = abi_device(a, "solo0");

	CHECK_RC(s, abi_bind_driver(d, "vfio-pci"), -UIOMMU_EINVAL);
	CHECK(s, !uiommu_uapi_device_driver(d->device), "a driver that refused has it");
	CHECK_RC(s, abi_open_group(d), -UIOMMU_ENODEV);
	CHECK_RC(s, abi_open_cdev(d), -UIOMMU_ENODEV);
	vfio_is_free(s, "solo0");
	abi_end(a);
}

static void c029_incoherent(struct subject *s)
{
	int iommufd, cdev, group, container;
	struct abi_device *d, *other;
	struct abi *a;
	uint32_t id;

	subject_boot(s, 0);
	if (!uiommu_device_capable(subject_device(s, "solo0"), UIOMMU_CAP_CACHE_COHERENCY)) {
		never(s);
		return;
	}
	a = vfio_start(s, NULL, true);
	iommufd = abi_iommufd(a);
	abi_ioas(
		a,
		iommufd); /* its first object: what a bind that fails leaves is no table of objects */
	d = abi_device(a, "solo0");

	/* It never gets the driver; a neighbour does. */
	wrap_set(s->wrap, WRAP_CAPABLE, say_incoherent, s);
	CHECK(s, !uiommu_device_capable(d->dev, UIOMMU_CAP_CACHE_COHERENCY),
	      "the hook is not asked");
	CHECK_RC(s, abi_bind_driver(d, "vfio-pci"), -UIOMMU_EINVAL);
	CHECK(s, !uiommu_uapi_device_driver(d->device), "a driver that refused has it");
	vfio_is_free(s, "solo0");
	CHECK_OK(s, uiommu_device_bind_driver(d->dev, 0));
	uiommu_device_unbind_driver(d->dev);
	other = abi_bind(a, iommufd, "solo1");
	abi_unbind(other);

	/* Asked again when an iommufd is to have it. */
	wrap_set(s->wrap, WRAP_CAPABLE, NULL, NULL);
	CHECK_OK(s, abi_bind_driver(d, "vfio-pci"));
	CHECK_FD(s, abi_open_cdev(d), &cdev);
	wrap_set(s->wrap, WRAP_CAPABLE, say_incoherent, s);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EINVAL);
	vfio_is_free(s, "solo0");
	CHECK_OK(s, abi_close(a, cdev));
	/* By its group too, where an iommufd is the container. */
	CHECK_FD(s, abi_open_group(d), &group);
	CHECK_OK(s, abi_set_container(a, group, iommufd));
	CHECK_RC(s, abi_group_device(a, group, d), -UIOMMU_EINVAL);
	vfio_is_free(s, "solo0");
	CHECK_OK(s, abi_unset_container(a, group));
	wrap_set(s->wrap, WRAP_CAPABLE, NULL, NULL);
	CHECK_FD(s, abi_open(a, "/dev/vfio/vfio"), &container);
	CHECK_OK(s, abi_set_container(a, group, container));
	CHECK_OK(s, abi_unset_container(a, group));
	CHECK_OK(s, abi_close(a, container));
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, iommufd));
	abi_end(a);
}

/* ---- C066: memory that a device needs all the time ---------------------------------------------------- */

void vfio_direct_regions(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .num_resv = 1 },
					     { .label = "solo1", .num_resv = 1 } } };
	struct subject_buffer direct = { .size = 0 };
	struct abi_device *d[2];
	int iommufd, cdev, group;
	const char *refusal;
	struct abi *a;
	struct box b;
	uint32_t id;

	/* Also when an attach of a blocking domain is refused with a word about it. */
	subject_expect_warnings(s, 0);
	script_boot(s, &script, true);
	/* Firmware's and no program's. */
	direct.size = s->page;
	direct.mem = machine_buffer(s->machine, direct.size, s->page, &direct.phys);
	CHECK(s, direct.mem, "the machine's RAM has no room for a page");
	script.device[0].resv[0] = script_region(&direct, 0, s->page, UIOMMU_RESV_DIRECT);
	script.device[1].resv[0] = script_region(&direct, 0, s->page, UIOMMU_RESV_DIRECT_RELAXABLE);
	script_add(&script, "solo0");
	script_add(&script, "solo1");
	refusal = vfio_refusal(s, true);
	if (refusal) {
		script_end(&script);
		conform_skip(s, "%s", refusal);
	}
	a = abi_start(s, NULL);
	b = box_begin(a, 2);
	for (unsigned int i = 0; i < 2; i++)
		d[i] = abi_vfio_device(a, i ? "solo1" : "solo0");

	/* Neither a container nor an iommufd gets the first one, which goes on. */
	CHECK_FD(s, abi_open_group(d[0]), &group);
	CHECK_RC(s, abi_set_container(a, group, b.container), -UIOMMU_EINVAL);
	abi_reaches(d[0], direct.phys, direct.mem, RW);
	iommufd = abi_iommufd(a);
	CHECK_OK(s, abi_set_container(a, group, iommufd));
	CHECK_RC(s, abi_group_device(a, group, d[0]), -UIOMMU_EINVAL);
	abi_reaches(d[0], direct.phys, direct.mem, RW);
	CHECK_OK(s, abi_close(a, group));
	CHECK_FD(s, abi_open_cdev(d[0]), &cdev);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EINVAL);
	abi_reaches(d[0], direct.phys, direct.mem, RW);
	CHECK_OK(s, abi_close(a, cdev));
	/* Its driver of the system's may have it again. */
	CHECK_OK(s, abi_unbind_driver(d[0]));
	CHECK_OK(s, abi_bind_driver(d[0], "machine-dma"));
	CHECK_OK(s, abi_unbind_driver(d[0]));
	abi_reaches(d[0], direct.phys, direct.mem, RW);

	/* The second one can be had, and its region is the program's like any other address. */
	abi_reaches(d[1], direct.phys, direct.mem, RW);
	box_add(&b, "solo1");
	abi_blocked(d[1], direct.phys, direct.mem);
	CHECK_OK(s, box_map(&b, direct.phys, 0, 1));
	box_reaches(&b, direct.phys, 0, 1);
	box_unmap(&b, direct.phys, 1);
	abi_blocked(d[1], direct.phys, direct.mem);
	CHECK_OK(s, box_leave(&b, 0));
	abi_reaches(d[1], direct.phys, direct.mem, RW);
	CHECK_OK(s, abi_close(a, b.group[0]));
	b.group[0] = -1;
	abi_bind(a, iommufd, "solo1");
	abi_blocked(d[1], direct.phys, direct.mem);
	abi_unbind(d[1]);
	vfio_go(s, "solo1");
	abi_reaches(d[1], direct.phys, direct.mem, RW);
	CHECK_OK(s, abi_close(a, iommufd));
	box_end(&b);
	abi_end(a);
	script_remove(&script, "solo1");
	script_remove(&script, "solo0");
	script_end(&script);
	machine_buffer_free(s->machine, direct.mem, direct.size);
}

/* ---- C209: an attach whose answer does not arrive ----------------------------------------------------- */

static void c209_copy_out(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, true);
	struct subject_buffer buffer = subject_buffer(s, 2 * s->page);
	struct abi_vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct abi_device *d;
	uint32_t ioas[2], hwpt, pt;
	int iommufd = abi_iommufd(a);

	for (unsigned int i = 0; i < 2; i++) {
		ioas[i] = abi_ioas(a, iommufd);
		CHECK_OK(s, abi_map(a, iommufd, ioas[i], s->iova, buffer.mem + i * s->page, s->page,
				    ABI_RW));
	}
	d = abi_bind(a, iommufd, "solo0");

	/* The first one: it is not attached then. */
	attach.pt_id = ioas[1];
	abi_read_only(a, &attach, sizeof(attach));
	CHECK_RC(s, abi_ioctl(a, d->cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
		 -UIOMMU_EFAULT);
	abi_blocked(d, s->iova, buffer.mem);
	abi_blocked(d, s->iova, buffer.mem + s->page);
	CHECK(s, abi_pins(a) == 0, "%llu pages are pinned for an attach that failed",
	      (unsigned long long)abi_pins(a));
	/* And the IOAS is free of it. */
	abi_read_only(a, NULL, 0);
	CHECK_OK(s, abi_hwpt(a, iommufd, d->devid, ioas[1], 0, &hwpt));

	/* A replace, to an IOAS and to a HWPT: the device stays where it was. */
	abi_attached(d, ioas[0]);
	abi_reaches(d, s->iova, buffer.mem, RW);
	for (unsigned int by = 0; by < 2; by++) {
		attach.pt_id = by ? hwpt : ioas[1];
		abi_read_only(a, &attach, sizeof(attach));
		CHECK_RC(s, abi_ioctl(a, d->cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
			 -UIOMMU_EFAULT);
		abi_read_only(a, NULL, 0);
		abi_reaches(d, s->iova, buffer.mem, RW);
	}
	/* Nothing holds the one that it did not get. */
	CHECK_OK(s, abi_destroy(a, iommufd, hwpt));
	CHECK_OK(s, abi_destroy(a, iommufd, ioas[1]));
	abi_reaches(d, s->iova, buffer.mem, RW);
	/* To what it has: nothing changes, whoever hears of it. */
	pt = ioas[0];
	CHECK_OK(s, abi_attach(a, d->cdev, &pt));
	attach.pt_id = ioas[0];
	abi_read_only(a, &attach, sizeof(attach));
	CHECK_RC(s, abi_ioctl(a, d->cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
		 -UIOMMU_EFAULT);
	abi_read_only(a, NULL, 0);
	abi_reaches(d, s->iova, buffer.mem, RW);
	CHECK_OK(s, abi_detach(a, d->cdev));
	abi_blocked(d, s->iova, buffer.mem);
	abi_unbind(d);
	CHECK_OK(s, abi_destroy(a, iommufd, ioas[0]));
	CHECK_OK(s, abi_close(a, iommufd));
	subject_buffer_free(s, &buffer);
	abi_end(a);
}

#define DMA CONFORM_HARDWARE
#define ABI CONFORM_UAPI

const struct conform_scenario conform_vfio_none[] = {
	{ "C027",
	  "A device with no IOMMU is never taken for a translated one, and nothing crashes on it",
	  "mailing list 2017-07 (a group is not an IOMMU); CS 1.16", AREA_VFIO, ABI, 0,
	  c027_no_iommu },
	{ "C028",
	  "Of two devices on no bus the one without an IOMMU can be had in no-IOMMU mode, and it alone",
	  "mailing list 2017-07: the question is the device's; CS 8.9", AREA_VFIO, DMA | ABI, 0,
	  c028_on_no_bus },
	{ "C029", "A device whose DMA is not coherent gets no VFIO driver, and no iommufd",
	  "CS 1.16, 8.2, 8.10", AREA_VFIO, DMA | ABI, 0, c029_incoherent },
	{ "C204",
	  "No-IOMMU mode: with the option, by the privileged, never beside translated groups, and it is said",
	  "CS 8.9", AREA_VFIO, ABI, 0, c204_no_iommu_mode },
	{ "C209", "An attach whose answer cannot be written leaves the device where it was",
	  "VFIO_DEVICE_ATTACH_IOMMUFD_PT; Linux detaches the device", AREA_VFIO, DMA | ABI, 0,
	  c209_copy_out },
	{ 0 },
};
