/* SPDX-License-Identifier: MIT */
/*
 * platform.c - how devices on no bus are reset
 *
 * What is asked of the registry of resets is asked with a device of one register, over any of the machine's; FlexRM is the
 * machine's own, whose model is strict about the order of what is written to its rings.
 */
#include <stdlib.h>
#include <string.h>

#include "conform/vfio.h"
#include "machines/uapi_io.h"

#define COMPATIBLE "uiommu,conform-register"
#define FLEXRM "brcm,iproc-flexrm-mbox"

static bool has_reset(struct abi *a, int fd)
{
	struct abi_vfio_device_info info = { .argsz = 16 };

	CHECK_OK(a->s, abi_ioctl(a, fd, ABI_VFIO_DEVICE_GET_INFO, &info));
	CHECK(a->s, info.flags & ABI_VFIO_DEVICE_FLAGS_PLATFORM, "flags are %#x", info.flags);
	return info.flags & ABI_VFIO_DEVICE_FLAGS_RESET;
}

static int reset(struct abi *a, int fd)
{
	return abi_ioctl_number(a, fd, ABI_VFIO_DEVICE_RESET, 0);
}

/* A device's file with access, by its own file and the iommufd; what BIND says. */
static int open_device(struct abi_device *d, int iommufd)
{
	int rc;

	CHECK_FD(d->abi->s, abi_open_cdev(d), &d->cdev);
	rc = abi_bind_iommufd(d->abi, d->cdev, iommufd, &d->devid);
	if (rc)
		abi_unbind(d);
	return rc;
}

/* ---- a device of one register, C206, C208 --------------------------------------------------------- */

/* Lives as long as the device is known, which may be longer than the scenario's text. */
struct one_register {
	struct abi *a;
	struct abi_device d;
	struct uiommu_uapi_platform_region region;
	struct uiommu_uapi_platform_io io;
	unsigned int resets[3]; /* by each of the functions */
	unsigned int loads;
	bool loads_function;
	char module[64];
};

static uint32_t read_register(void *context, unsigned int region, uint64_t offset,
			      unsigned int size)
{
	(void)context;
	(void)region;
	(void)offset;
	(void)size;
	return 0;
}

/* A function writes which it is. */
static void write_register(void *context, unsigned int region, uint64_t offset, unsigned int size,
			   uint32_t value)
{
	struct one_register *r = context;

	(void)region;
	(void)offset;
	(void)size;
	if (value < 3)
		r->resets[value]++;
}

static int reset_by(struct uiommu_uapi_platform_reset *reset, uint32_t number)
{
	int rc = reset->map(reset, 0);

	if (!rc)
		reset->write(reset, 0, 0, number);
	return rc;
}

static int first_reset(struct uiommu_uapi_platform_reset *reset)
{
	return reset_by(reset, 0);
}

static int second_reset(struct uiommu_uapi_platform_reset *reset)
{
	return reset_by(reset, 1);
}

static int failing_reset(struct uiommu_uapi_platform_reset *reset)
{
	int rc = reset_by(reset, 2);

	return rc ? rc : -UIOMMU_EIO;
}

static int load(void *context, struct uiommu_uapi *uapi, const char *module)
{
	struct one_register *r = context;

	r->loads++;
	strncpy(r->module, module, sizeof(r->module) - 1);
	if (!r->loads_function)
		return -UIOMMU_ENOENT;
	return uiommu_uapi_register_platform_reset(uapi, COMPATIBLE, first_reset, NULL);
}

static struct one_register *one_register_begin(struct subject *s, bool not_required)
{
	struct one_register *r = calloc(1, sizeof(*r));
	const struct uiommu_uapi_config config = {
		.platform_reset_not_required = not_required,
		.load_platform_reset = load,
		.context = r,
	};
	struct uiommu_uapi_device_config device = { .bus = UIOMMU_UAPI_PLATFORM };

	CHECK(s, r, "no memory for a device of one register");
	r->a = vfio_start(s, &config, true);
	r->region.address = 0x1000;
	r->region.size = 4;
	r->io = (struct uiommu_uapi_platform_io){
		.regions = &r->region,
		.num_regions = 1,
		.read = read_register,
		.write = write_register,
		.compatible = COMPATIBLE,
		.context = r,
	};
	r->d.abi = r->a;
	r->d.dev = subject_device(s, "solo0");
	r->d.machine = subject_machine_device(s, "solo0");
	r->d.cdev = -1;
	device.dev = r->d.dev;
	device.platform = &r->io;
	CHECK_OK(s, uiommu_uapi_add_device(r->a->uapi, &device, &r->d.device));
	return r;
}

static void one_register_end(struct one_register *r)
{
	abi_end(r->a);
	free(r);
}

static int register_reset(struct one_register *r, uiommu_uapi_platform_reset_fn function)
{
	return uiommu_uapi_register_platform_reset(r->a->uapi, COMPATIBLE, function, NULL);
}

static int unregister_reset(struct one_register *r, const char *compatible,
			    uiommu_uapi_platform_reset_fn function)
{
	return uiommu_uapi_unregister_platform_reset(r->a->uapi, compatible, function);
}

static void c206_required(struct subject *s)
{
	struct one_register *r = one_register_begin(s, false);
	struct abi *a = r->a;
	int iommufd = abi_iommufd(a);

	/* Nobody has one: the driver does not take the device. */
	subject_expect_warnings(s, 1);
	CHECK_RC(s, abi_bind_driver(&r->d, "vfio-platform"), -UIOMMU_ENOENT);
	CHECK(s, !uiommu_uapi_device_driver(r->d.device), "it has a driver all the same");
	CHECK(s, r->loads == 1, "loaded %u times", r->loads);
	CHECK(s, !strcmp(r->module, "vfio-reset:" COMPATIBLE), "what was loaded is %s", r->module);
	/* Somebody has, and comes when called. */
	r->loads_function = true;
	CHECK_OK(s, abi_bind_driver(&r->d, "vfio-platform"));
	CHECK(s, r->loads == 2, "loaded %u times", r->loads);
	CHECK(s, !r->resets[0], "reset before it is opened");
	CHECK_OK(s, open_device(&r->d, iommufd));
	CHECK(s, r->resets[0] == 1, "%u resets by the first open", r->resets[0]);
	CHECK(s, has_reset(a, r->d.cdev), "it is not said to have a reset");
	CHECK_OK(s, reset(a, r->d.cdev));
	CHECK(s, r->resets[0] == 2, "the command did not reset it");
	abi_unbind(&r->d);
	CHECK(s, r->resets[0] == 3, "not reset by the last close");
	/* It is there from now on. */
	CHECK_OK(s, abi_unbind_driver(&r->d));
	CHECK_OK(s, abi_bind_driver(&r->d, "vfio-platform"));
	CHECK(s, r->loads == 2, "loaded what was there");
	CHECK_OK(s, abi_unbind_driver(&r->d));
	/* One that fails: the device is not opened, and works again when that is gone. */
	CHECK_OK(s, register_reset(r, failing_reset));
	CHECK_OK(s, abi_bind_driver(&r->d, "vfio-platform"));
	CHECK_RC(s, open_device(&r->d, iommufd), -UIOMMU_EIO);
	CHECK(s, r->resets[2], "the newest was not called");
	CHECK_OK(s, abi_unbind_driver(&r->d));
	CHECK_OK(s, unregister_reset(r, COMPATIBLE, failing_reset));
	CHECK_OK(s, abi_bind_driver(&r->d, "vfio-platform"));
	CHECK_OK(s, open_device(&r->d, iommufd));
	abi_unbind(&r->d);
	one_register_end(r);
}

/* The option is off. */
static void not_required(struct subject *s)
{
	struct one_register *r = one_register_begin(s, true);
	int iommufd = abi_iommufd(r->a);

	CHECK_OK(s, abi_bind_driver(&r->d, "vfio-platform"));
	CHECK(s, r->loads == 1, "loaded %u times", r->loads);
	CHECK_OK(s, open_device(&r->d, iommufd));
	CHECK(s, !has_reset(r->a, r->d.cdev), "it is said to have a reset");
	CHECK_RC(s, reset(r->a, r->d.cdev), -UIOMMU_EINVAL);
	abi_unbind(&r->d);
	one_register_end(r);
}

static void c206_resets(struct subject *s)
{
	c206_required(s);
	not_required(s);
}

static void c208_registry(struct subject *s)
{
	struct one_register *r = one_register_begin(s, false);
	int iommufd = abi_iommufd(r->a);

	/* Two for one kind of device: the newest is found. */
	CHECK_OK(s, register_reset(r, first_reset));
	CHECK_OK(s, register_reset(r, second_reset));
	CHECK_OK(s, abi_bind_driver(&r->d, "vfio-platform"));
	CHECK(s, !r->loads, "something was loaded, though one is there");
	CHECK_OK(s, open_device(&r->d, iommufd));
	CHECK(s, r->resets[1] == 1 && !r->resets[0], "%u resets by the older, %u by the newer",
	      r->resets[0], r->resets[1]);
	/* Neither while the device has it, nor by another's name or function. */
	CHECK_RC(s, unregister_reset(r, COMPATIBLE, second_reset), -UIOMMU_EBUSY);
	CHECK_RC(s, unregister_reset(r, COMPATIBLE "2", second_reset), -UIOMMU_ENOENT);
	CHECK_RC(s, unregister_reset(r, COMPATIBLE, failing_reset), -UIOMMU_ENOENT);
	abi_unbind(&r->d);
	CHECK(s, r->resets[1] == 2, "the function that it has was not called at its close");
	CHECK_RC(s, unregister_reset(r, COMPATIBLE, second_reset), -UIOMMU_EBUSY);
	/* The other one is nobody's. */
	CHECK_OK(s, unregister_reset(r, COMPATIBLE, first_reset));
	CHECK_RC(s, unregister_reset(r, COMPATIBLE, first_reset), -UIOMMU_ENOENT);
	CHECK_OK(s, open_device(&r->d, iommufd));
	abi_unbind(&r->d);
	CHECK(s, r->resets[1] == 4, "%u resets in all", r->resets[1]);
	CHECK_OK(s, abi_unbind_driver(&r->d));
	CHECK_OK(s, unregister_reset(r, COMPATIBLE, second_reset));
	subject_expect_warnings(s, 1);
	CHECK_RC(s, abi_bind_driver(&r->d, "vfio-platform"), -UIOMMU_ENOENT);
	one_register_end(r);
}

/* ---- FlexRM, C207 ------------------------------------------------------------------------------ */

#define RING_SIZE 0x10000u
#define RING_MAGIC 0x76303031u
#define MS UINT64_C(1000000)

/* As the machine's description has them. */
struct ring_manager {
	const char *label;
	unsigned int windows, rings, stuck;
};

static uint32_t ring_read(struct abi_device *d, unsigned int window, unsigned int offset)
{
	uint32_t value = 0;

	CHECK_RC(d->abi->s,
		 abi_pread(d->abi, d->cdev, &value, 4, (uint64_t)window * RING_SIZE + offset), 4);
	return value;
}

/* Rings that are off, with nothing of a flush left. */
static void check_rings(struct abi_device *d, const struct ring_manager *manager)
{
	unsigned int rings = 0, off = 0;

	for (unsigned int i = 0; i < manager->windows; i++) {
		if (ring_read(d, i, 0) != RING_MAGIC)
			continue;
		rings++;
		off += !ring_read(d, i, 0x34) && !(ring_read(d, i, 0x38) & 1);
	}
	CHECK(d->abi->s, rings == manager->rings, "%s has %u rings, not %u", manager->label, rings,
	      manager->rings);
	CHECK(d->abi->s, off == rings - manager->stuck, "%u of the %u rings of %s are shut down",
	      off, rings, manager->label);
}

static bool was_said(struct subject *s, const char *text)
{
	for (size_t i = 0; i < machine_num_warnings(s->machine); i++) {
		if (strstr(machine_warning(s->machine, i), text))
			return true;
	}
	return false;
}

/* Windows 1 and 6, of which 2 is no ring: so rings 1 and 5; and window 3, ring 2. */
static void check_log(struct subject *s)
{
	CHECK(s, was_said(s, "ring 1 is stuck in flush"), "nothing is said of ring 1");
	CHECK(s, was_said(s, "ring 2 is stuck in clear"), "nothing is said of ring 2");
	CHECK(s, was_said(s, "ring 5 is stuck in flush"), "nothing is said of ring 5");
	CHECK(s, machine_num_warnings(s->machine) == 3, "%zu warnings for three rings",
	      machine_num_warnings(s->machine));
}

static struct abi_device *flexrm(struct abi *a, const char *label)
{
	struct abi_device *d = abi_device(a, label);

	CHECK_OK(a->s, abi_bind_driver(d, "vfio-platform"));
	return d;
}

static void c207_flexrm(struct subject *s)
{
	static const struct ring_manager managers[] = {
		{ "flexrm0", 6, 4, 0 },
		{ "flexrm1", 4, 0, 0 },
		{ "flexrm2", 32, 32, 0 },
		{ "flexrm4", 3, 2, 0 },
	};
	static const struct ring_manager stuck = { "flexrm3", 8, 7, 3 };
	const struct uiommu_uapi_config config = { .platform_reset_not_required = true };
	struct abi_device *d;
	struct abi *a;
	uint64_t before;
	int iommufd;

	subject_boot(s, 0);
	subject_machine_device(s, stuck.label);
	a = abi_start(s, &config);
	CHECK_OK(s, uiommu_uapi_load_platform_reset(a->uapi, "vfio-reset:" FLEXRM));
	iommufd = abi_iommufd(a);
	for (unsigned int i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		d = flexrm(a, managers[i].label);
		CHECK_OK(s, open_device(d, iommufd));
		CHECK(s, has_reset(a, d->cdev), "%s has no reset", managers[i].label);
		check_rings(d, &managers[i]);
		before = machine_platform_delayed(d->machine);
		CHECK_OK(s, reset(a, d->cdev));
		check_rings(d, &managers[i]);
		CHECK(s,
		      machine_platform_delayed(d->machine) - before <=
			      managers[i].rings * 2000 * MS,
		      "it waits longer than two seconds for each ring");
		abi_unbind(d);
	}
	CHECK(s, !machine_num_warnings(s->machine), "a ring that answers in time is complained of");

	/* What is stuck keeps nobody from being shut down. */
	subject_expect_warnings(s, 3);
	d = flexrm(a, stuck.label);
	CHECK_OK(s, open_device(d, iommufd)); /* not required */
	check_log(s);
	check_rings(d, &stuck);
	machine_clear_warnings(s->machine);
	before = machine_platform_delayed(d->machine);
	CHECK_RC(s, reset(a, d->cdev), -UIOMMU_ETIMEDOUT);
	check_log(s);
	check_rings(d, &stuck);
	before = machine_platform_delayed(d->machine) - before;
	CHECK(s, before >= 3 * 1000 * MS && before <= 14 * 1000 * MS, "it waits %llu ms",
	      (unsigned long long)(before / MS));
	abi_unbind(d);
	abi_end(a);
}

#define ABI CONFORM_UAPI

const struct conform_scenario conform_platform[] = {
	/* What was loaded on demand stays when the bind that asked for it fails: no leak, and it looks like one. */
	{ "C206",
	  "A platform device that must be reset and cannot be is not taken; its reset is loaded on demand",
	  "CS 8.12", AREA_VFIO, ABI | CONFORM_NO_SWEEP, 0, c206_resets },
	/* It allocates what C208 does, and each time the rings that are stuck take their polls. */
	{ "C207",
	  "FlexRM's rings are shut down one by one, and a ring that is stuck keeps no other from it",
	  "mailing list 2017-07 (FlexRM reset); CS 8.13", AREA_VFIO, ABI | CONFORM_NO_SWEEP, 0,
	  c207_flexrm },
	{ "C208",
	  "A reset is found by name, unregistered by name and function, and not while in use",
	  "CS 8.12", AREA_VFIO, ABI, 0, c208_registry },
	{ 0 },
};
