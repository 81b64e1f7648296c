/* SPDX-License-Identifier: MIT */
/*
 * vfio.c - any sequence of calls on VFIO's files: groups, containers, cdevs, devices, with an iommufd beside them
 *
 * Two programs, one of them without rights, open and close files of four devices: one alone in its group, two that share
 * one, and one without an IOMMU, and of two mediated ones, which copy; drivers come and go; any allocation may fail.  Arguments are mostly what commands expect
 * (a table says where the addresses, numbers and descriptors are) and sometimes not.  After each call devices reach the
 * programs' memory and nothing else.  At the end everything is closed: then nothing is pinned, owned or left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>

#include "bench/null_driver.h"
#include "spec/mdma.h"
#include "src/uapi/vfio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE UINT64_C(4096)
#define RAM (UINT64_C(16) << 20)

enum {
	ARENA = 64,
	DEVICES = 4,
	MEDIATED = 2,
	TARGETS = DEVICES + MEDIATED,
	PROGRAMS = 2,
	FILES = 24,
	SCRATCH = 1 << 16,
	SPACE = 256,
};

static const char *const uuids[MEDIATED] = { "2ab74924-c335-45f4-9b16-8569e5b08258",
					     "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001" };

/* A function made of bytes. */
struct function {
	uint8_t space[SPACE];
	uint8_t bar[PAGE];
};

/* What is kept over all inputs; each leaves it as it was. */
static struct world {
	struct null_iommu iommu;
	struct uiommu_posix_hooks hooks;
	struct uiommu_device *dev[DEVICES];
	struct function function[DEVICES];
	uint8_t *arena;
	uint64_t phys;
	int event[2];
	unsigned int fail_in; /* allocations until one fails; 0: none does */
} world;

/* What commands a file is asked, mostly. */
enum file { CONTAINER = 1, GROUP = 2, DEVICE = 4, IOMMUFD = 8, OTHER = 16 };

struct program {
	struct uiommu_uapi_process *process;
	int fd[FILES]; /* the first @files */
	enum file file[FILES];
	unsigned int files;
	uint64_t memlock;
};

struct run {
	const uint8_t *data;
	size_t size;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_device *device[DEVICES];
	struct uiommu_uapi_mdev *mdev[MEDIATED];
	struct program program[PROGRAMS];
	_Alignas(8) uint8_t argument[4096];
	uint8_t scratch[SCRATCH];
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz-vfio: %s\n", what);
	abort();
}

static uint64_t take(struct run *r, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && r->size; i++, r->data++, r->size--)
		value |= (uint64_t)*r->data << 8 * i;
	return value;
}

/* ---- devices ----------------------------------------------------------------------------------- */

static uint32_t config_read(void *context, unsigned int offset, unsigned int size)
{
	struct function *f = context;
	uint32_t value = UINT32_MAX;

	must(offset % size == 0, "configuration space is read unaligned");
	if (offset + size <= SPACE) {
		value = 0;
		memcpy(&value, f->space + offset, size);
	}
	return value;
}

static void config_write(void *context, unsigned int offset, unsigned int size, uint32_t value)
{
	struct function *f = context;

	must(offset % size == 0, "configuration space is written unaligned");
	/* Command and interrupt line; the rest cannot be written. */
	if (offset == 4 || offset == 0x3c)
		memcpy(f->space + offset, &value, size < 2 ? size : 2);
}

static uint64_t bar_read(void *context, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct function *f = context;
	uint64_t value = 0;

	must(!bar && offset % size == 0 && offset <= PAGE - size, "a BAR is read where it is not");
	memcpy(&value, f->bar + offset, size);
	return value;
}

static void bar_write(void *context, unsigned int bar, uint64_t offset, unsigned int size,
		      uint64_t value)
{
	struct function *f = context;

	must(!bar && offset % size == 0 && offset <= PAGE - size,
	     "a BAR is written where it is not");
	memcpy(f->bar + offset, &value, size);
}

static void *bar_map(void *context, unsigned int bar, uint64_t offset, uint64_t size)
{
	struct function *f = context;

	must(!bar && size <= PAGE && offset <= PAGE - size, "a BAR is mapped where it is not");
	return f->bar + offset;
}

static int reset(void *context)
{
	(void)context;
	return 0;
}

static int set_msi(void *context, unsigned int vectors,
		   void (*deliver)(void *token, unsigned int vector), void *token)
{
	(void)context;
	if (vectors > 4)
		return 4;
	/* It has something to say at once. */
	if (vectors)
		deliver(token, vectors - 1);
	return 0;
}

/* All that have a group share a bus. */
static unsigned int bus_reset_devices(void *context, struct uiommu_device **devices,
				      unsigned int room)
{
	(void)context;
	for (unsigned int i = 0; i < DEVICES - 1 && i < room; i++)
		devices[i] = world.dev[i];
	return DEVICES - 1;
}

/* MSI of four vectors, PCIe with a function reset. */
static void fill(struct function *f)
{
	static const uint8_t space[SPACE] = {
		[0x00] = 0x34, 0x12,	      0xe8,	     0x11,	    [0x04] = 0x02,
		[0x06] = 0x10, [0x0b] = 0xff, [0x34] = 0x40, [0x3d] = 1,    [0x40] = 0x05,
		0x60,	       0x84,	      0x01,	     [0x60] = 0x10, 0x00,
		0x02,	       [0x67] = 0x10,
	};

	memcpy(f->space, space, SPACE);
	memset(f->bar, 0, sizeof(f->bar));
}

static void add_device(struct run *r, unsigned int i)
{
	const struct uiommu_uapi_device_io io = {
		.config_read = config_read,
		.config_write = config_write,
		.bar_read = bar_read,
		.bar_write = bar_write,
		.bar_size = { PAGE },
		.bar_address = { 0xe0000000 },
		.bar_map = bar_map,
		.reset = reset,
		.bus_reset = reset,
		.bus_reset_devices = bus_reset_devices,
		.set_msi = set_msi,
		.context = &world.function[i],
	};
	const struct uiommu_uapi_device_config config = { .dev = world.dev[i], .io = &io };

	fill(&world.function[i]);
	must(!uiommu_uapi_add_device(r->uapi, &config, &r->device[i]), "a device is not taken");
	must(!uiommu_uapi_bind_driver(r->device[i], "vfio-pci"), "a device is not bound");
}

/* ---- what must hold ---------------------------------------------------------------------------- */

static void check_device(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_get(dev);
	struct uiommu_domain *domain;

	if (!group)
		return;
	domain = uiommu_group_domain(group);
	for (uint64_t iova = 0; domain && uiommu_domain_type(domain) == UIOMMU_DOMAIN_PAGING &&
				iova < 2 * ARENA * PAGE;
	     iova += PAGE) {
		uint64_t phys = uiommu_iova_to_phys(domain, iova);

		must(!phys || (phys >= world.phys && phys < world.phys + ARENA * PAGE),
		     "a device reaches what was never mapped");
	}
	uiommu_group_put(group);
}

static void check(struct run *r)
{
	/* Two of them are in one group. */
	check_device(world.dev[0]);
	check_device(world.dev[1]);
	must(uiommu_uapi_process_pinned(r->program[1].process) <= r->program[1].memlock,
	     "more is pinned than may be");
}

/* ---- arguments --------------------------------------------------------------------------------- */

enum kind {
	END,
	FLAGS, /* a byte */
	WORD, /* a small number */
	FEATURE,
	FD, /* a descriptor of this program */
	EVENT, /* one of the process that all this runs in */
	ID,
	IOVA,
	LENGTH,
	VADDR,
	MEMORY, /* a pointer to SCRATCH bytes */
	ROOM, /* how many bytes there are */
	PAGE_SIZE,
	REGION, /* an offset in a device's file */
};

static uint64_t choose(struct run *r, struct program *p, enum kind kind)
{
	static const uint64_t lengths[] = { 1, 2, 4, 8, 16, 64 };
	uint64_t what = take(r, 1);

	switch (kind) {
	case FD:
		return (uint32_t)(what == 0xff || !p->files ? -1 : p->fd[what % p->files]);
	case EVENT:
		return (uint32_t)(what & 1 ? world.event[what >> 1 & 1] : what & 2 ? -1 : 9999);
	case ID:
		return what % 16;
	case IOVA:
		return what == 0xff ? UINT64_MAX - PAGE + 1 :
		       what == 0xfe ? take(r, 2) :
				      what % ARENA * PAGE;
	case LENGTH:
		return what == 0xff ? UINT64_MAX :
		       what == 0xfe ? take(r, 2) :
				      lengths[what % 6] * PAGE;
	case VADDR:
		/* Whatever length comes with it ends in the arena. */
		return what == 0xff ? 0 : (uintptr_t)world.arena + what % (ARENA / 4) * PAGE;
	case MEMORY:
		return what == 0xff ? 0 : (uintptr_t)r->scratch;
	case ROOM:
		return what == 0xff ? 0 : what * 8;
	case PAGE_SIZE:
		return what == 0xff ? take(r, 2) : PAGE;
	case REGION:
		return (what % 10) << 40 | take(r, 2) % (PAGE + 16);
	case FEATURE:
		return what % 16 | (take(r, 1) & 7) << 16;
	case WORD:
		return what >= 0xf0 ? UINT32_MAX - (what & 3) : what % 8;
	default:
		return what;
	}
}

struct field {
	uint8_t offset, width, kind;
};

enum how { NOTHING, NUMBER, NAME, STRUCT };

static const struct command {
	unsigned int files;
	uint32_t number;
	enum how how;
	uint32_t size; /* what argsz is, mostly */
	struct field field[9];
} commands[] = {
	{ CONTAINER | IOMMUFD, ABI_VFIO_GET_API_VERSION, NOTHING, 0, { { 0 } } },
	{ CONTAINER | IOMMUFD, ABI_VFIO_CHECK_EXTENSION, NUMBER, 0, { { 0 } } },
	{ CONTAINER | IOMMUFD, ABI_VFIO_SET_IOMMU, NUMBER, 0, { { 0 } } },
	{ GROUP, ABI_VFIO_GROUP_GET_STATUS, STRUCT, 8, { { 0 } } },
	{ GROUP, ABI_VFIO_GROUP_SET_CONTAINER, STRUCT, 0, { { 0, 4, FD } } },
	{ GROUP, ABI_VFIO_GROUP_UNSET_CONTAINER, NOTHING, 0, { { 0 } } },
	{ GROUP, ABI_VFIO_GROUP_GET_DEVICE_FD, NAME, 0, { { 0 } } },
	{ DEVICE, ABI_VFIO_DEVICE_GET_INFO, STRUCT, 24, { { 0 } } },
	{ DEVICE, ABI_VFIO_DEVICE_GET_REGION_INFO, STRUCT, 40, { { 8, 4, WORD } } },
	{ DEVICE, ABI_VFIO_DEVICE_GET_IRQ_INFO, STRUCT, 16, { { 8, 4, WORD } } },
	{ DEVICE,
	  ABI_VFIO_DEVICE_SET_IRQS,
	  STRUCT,
	  36,
	  { { 4, 4, FLAGS },
	    { 8, 4, WORD },
	    { 12, 4, WORD },
	    { 16, 4, WORD },
	    { 20, 4, EVENT },
	    { 24, 4, EVENT },
	    { 28, 4, EVENT },
	    { 32, 4, EVENT } } },
	{ DEVICE, ABI_VFIO_DEVICE_RESET, NOTHING, 0, { { 0 } } },
	{ DEVICE, ABI_VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, STRUCT, 64, { { 0 } } },
	{ DEVICE,
	  ABI_VFIO_DEVICE_PCI_HOT_RESET,
	  STRUCT,
	  24,
	  { { 8, 4, WORD }, { 12, 4, FD }, { 16, 4, FD }, { 20, 4, FD } } },
	{ DEVICE,
	  ABI_VFIO_DEVICE_IOEVENTFD,
	  STRUCT,
	  32,
	  { { 4, 4, FLAGS }, { 8, 8, REGION }, { 16, 8, WORD }, { 24, 4, EVENT } } },
	{ DEVICE, ABI_VFIO_DEVICE_FEATURE, STRUCT, 16, { { 4, 4, FEATURE }, { 8, 4, EVENT } } },
	{ DEVICE, ABI_VFIO_DEVICE_BIND_IOMMUFD, STRUCT, 24, { { 4, 4, FLAGS }, { 8, 4, FD } } },
	{ DEVICE, ABI_VFIO_DEVICE_BIND_IOMMUFD, STRUCT, 24, { { 8, 4, FD } } },
	{ DEVICE,
	  ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT,
	  STRUCT,
	  16,
	  { { 4, 4, FLAGS }, { 8, 4, ID }, { 12, 4, WORD } } },
	{ DEVICE, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, STRUCT, 12, { { 8, 4, ID } } },
	{ DEVICE,
	  ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT,
	  STRUCT,
	  12,
	  { { 4, 4, FLAGS }, { 8, 4, WORD } } },
	{ CONTAINER | IOMMUFD, ABI_VFIO_IOMMU_GET_INFO, STRUCT, 256, { { 0 } } },
	{ CONTAINER | IOMMUFD,
	  ABI_VFIO_IOMMU_MAP_DMA,
	  STRUCT,
	  32,
	  { { 4, 1, FLAGS }, { 8, 8, VADDR }, { 16, 8, IOVA }, { 24, 8, LENGTH } } },
	{ CONTAINER | IOMMUFD,
	  ABI_VFIO_IOMMU_UNMAP_DMA,
	  STRUCT,
	  48,
	  { { 4, 1, FLAGS },
	    { 8, 8, IOVA },
	    { 16, 8, LENGTH },
	    { 24, 8, PAGE_SIZE },
	    { 32, 8, ROOM },
	    { 40, 8, MEMORY } } },
	{ CONTAINER | IOMMUFD,
	  ABI_VFIO_IOMMU_DIRTY_PAGES,
	  STRUCT,
	  48,
	  { { 4, 1, FLAGS },
	    { 8, 8, IOVA },
	    { 16, 8, LENGTH },
	    { 24, 8, PAGE_SIZE },
	    { 32, 8, ROOM },
	    { 40, 8, MEMORY } } },
	{ IOMMUFD, ABI_IOMMU_DESTROY, STRUCT, 8, { { 4, 4, ID } } },
	{ IOMMUFD, ABI_IOMMU_IOAS_ALLOC, STRUCT, 12, { { 0 } } },
	{ IOMMUFD,
	  ABI_IOMMU_IOAS_IOVA_RANGES,
	  STRUCT,
	  32,
	  { { 4, 4, ID }, { 8, 4, WORD }, { 16, 8, MEMORY } } },
	{ IOMMUFD,
	  ABI_IOMMU_IOAS_MAP,
	  STRUCT,
	  40,
	  { { 4, 1, FLAGS }, { 8, 4, ID }, { 16, 8, VADDR }, { 24, 8, LENGTH }, { 32, 8, IOVA } } },
	{ IOMMUFD,
	  ABI_IOMMU_IOAS_COPY,
	  STRUCT,
	  40,
	  { { 4, 1, FLAGS },
	    { 8, 4, ID },
	    { 12, 4, ID },
	    { 16, 8, LENGTH },
	    { 24, 8, IOVA },
	    { 32, 8, IOVA } } },
	{ IOMMUFD,
	  ABI_IOMMU_IOAS_UNMAP,
	  STRUCT,
	  24,
	  { { 4, 4, ID }, { 8, 8, IOVA }, { 16, 8, LENGTH } } },
	{ IOMMUFD,
	  ABI_IOMMU_OPTION,
	  STRUCT,
	  24,
	  { { 4, 4, WORD }, { 8, 2, WORD }, { 12, 4, ID }, { 16, 8, WORD } } },
	{ IOMMUFD, ABI_IOMMU_VFIO_IOAS, STRUCT, 12, { { 4, 4, ID }, { 8, 2, WORD } } },
	{ IOMMUFD,
	  ABI_IOMMU_HWPT_ALLOC,
	  STRUCT,
	  48,
	  { { 4, 1, FLAGS }, { 8, 4, ID }, { 12, 4, ID } } },
	{ IOMMUFD,
	  ABI_IOMMU_HWPT_SET_DIRTY_TRACKING,
	  STRUCT,
	  16,
	  { { 4, 4, FLAGS }, { 8, 4, ID } } },
	{ IOMMUFD,
	  ABI_IOMMU_GET_HW_INFO,
	  STRUCT,
	  40,
	  { { 4, 1, FLAGS }, { 8, 4, ID }, { 12, 4, ROOM }, { 16, 8, MEMORY }, { 24, 4, WORD } } },
	{ IOMMUFD, ABI_IOMMU_IOAS_CHANGE_PROCESS, STRUCT, 8, { { 0 } } },
	{ IOMMUFD, ABI_IOMMU_FAULT_QUEUE_ALLOC, STRUCT, 16, { { 4, 4, FLAGS } } },
	{ IOMMUFD,
	  ABI_IOMMU_VIOMMU_ALLOC,
	  STRUCT,
	  40,
	  { { 4, 4, FLAGS }, { 8, 4, WORD }, { 12, 4, ID }, { 16, 4, ID } } },
	{ IOMMUFD,
	  ABI_IOMMU_VDEVICE_ALLOC,
	  STRUCT,
	  24,
	  { { 4, 4, ID }, { 8, 4, ID }, { 16, 8, WORD } } },
	{ IOMMUFD,
	  ABI_IOMMU_VEVENTQ_ALLOC,
	  STRUCT,
	  32,
	  { { 4, 4, FLAGS }, { 8, 4, ID }, { 12, 4, WORD }, { 16, 4, WORD } } },
	{ IOMMUFD,
	  ABI_IOMMU_HW_QUEUE_ALLOC,
	  STRUCT,
	  40,
	  { { 4, 4, FLAGS }, { 8, 4, ID }, { 12, 4, WORD }, { 24, 8, IOVA }, { 32, 8, LENGTH } } },
};
#define NUM_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static uintptr_t fill_argument(struct run *r, struct program *p, const struct command *c)
{
	const uint64_t what = take(r, 1);
	uint32_t argsz = c->size;

	memset(r->argument, 0, 256);
	if (c->how == NOTHING)
		return 0;
	if (c->how == NUMBER)
		return what % 12;
	if (c->how == NAME) {
		snprintf((char *)r->argument, 64, "%s%s",
			 uiommu_device_name(world.dev[what % DEVICES]),
			 what & 0x40 ? " " :
			 what & 0x80 ? "x" :
				       "");
		return (uintptr_t)r->argument;
	}
	if (what == 0xff)
		return 0;
	/* Less than it takes, or more than there is anything in. */
	if (what >= 0xf0)
		argsz = (uint32_t)take(r, 1) * 2;
	if (argsz)
		memcpy(r->argument, &argsz, sizeof(argsz));
	for (const struct field *f = c->field; f->kind; f++) {
		uint64_t value = choose(r, p, f->kind);

		memcpy(r->argument + f->offset, &value, f->width);
	}
	return (uintptr_t)r->argument;
}

/* ---- names ------------------------------------------------------------------------------------- */

static int group_path(const struct run *r, unsigned int target, char *path, size_t size)
{
	return target < DEVICES ?
		       uiommu_uapi_device_group_path(r->device[target], path, size) :
		       uiommu_uapi_mdev_group_path(r->mdev[target - DEVICES], path, size);
}

static int cdev_path(const struct run *r, unsigned int target, char *path, size_t size)
{
	return target < DEVICES ? uiommu_uapi_device_cdev_path(r->device[target], path, size) :
				  uiommu_uapi_mdev_cdev_path(r->mdev[target - DEVICES], path, size);
}

static const char *name_of(unsigned int target)
{
	return target < DEVICES ? uiommu_device_name(world.dev[target]) : uuids[target - DEVICES];
}

/* ---- operations -------------------------------------------------------------------------------- */

static void close_at(struct program *p, unsigned int at)
{
	must(!uiommu_uapi_close(p->process, p->fd[at]), "an open file is not closed");
	p->files--;
	p->fd[at] = p->fd[p->files];
	p->file[at] = p->file[p->files];
}

static void keep(struct program *p, long fd, enum file file)
{
	if (fd < 0)
		return;
	if (p->files == FILES)
		close_at(p, 0);
	p->fd[p->files] = (int)fd;
	p->file[p->files++] = file;
}

static void op_open(struct run *r, struct program *p)
{
	static const enum file files[] = { GROUP, DEVICE, CONTAINER, IOMMUFD };
	const uint64_t what = take(r, 1);
	const unsigned int target = (unsigned int)(what >> 2) % TARGETS;
	char path[64] = "/dev/iommu";

	switch (files[what & 3]) {
	case GROUP:
		group_path(r, target, path, sizeof(path));
		break;
	case DEVICE:
		cdev_path(r, target, path, sizeof(path));
		break;
	case CONTAINER:
		strcpy(path, "/dev/vfio/vfio");
		break;
	default:
		break;
	}
	keep(p, uiommu_uapi_open(p->process, path), files[what & 3]);
}

static void op_close(struct run *r, struct program *p)
{
	if (p->files)
		close_at(p, (unsigned int)take(r, 1) % p->files);
}

static void op_dup(struct run *r, struct program *p)
{
	unsigned int at;

	if (!p->files)
		return;
	at = (unsigned int)take(r, 1) % p->files;
	keep(p, uiommu_uapi_dup(p->process, p->fd[at]), p->file[at]);
}

/* One that the file knows, or now and then any. */
static const struct command *choose_command(struct run *r, enum file file)
{
	uint64_t what = take(r, 1);
	const struct command *c = &commands[what % NUM_COMMANDS];

	if (what >= 0xf0)
		return c;
	for (unsigned int i = 0; i < NUM_COMMANDS && !(c->files & file); i++)
		c = c == &commands[NUM_COMMANDS - 1] ? commands : c + 1;
	return c;
}

static void op_ioctl(struct run *r, struct program *p)
{
	const struct command *c;
	unsigned int at;
	long rc;

	if (!p->files)
		return;
	at = (unsigned int)take(r, 1) % p->files;
	c = choose_command(r, p->file[at]);
	rc = uiommu_uapi_ioctl(p->process, p->fd[at], c->number, fill_argument(r, p, c));
	must(rc > -4096, "no errno");
	if (c->number == ABI_VFIO_GROUP_GET_DEVICE_FD)
		keep(p, rc, DEVICE);
	if (!rc && c->number == ABI_IOMMU_FAULT_QUEUE_ALLOC) {
		struct abi_iommu_fault_alloc arg;

		memcpy(&arg, r->argument, sizeof(arg));
		keep(p, (int)arg.out_fault_fd, OTHER);
	}
	if (!rc && c->number == ABI_IOMMU_VEVENTQ_ALLOC) {
		struct abi_iommu_veventq_alloc arg;

		memcpy(&arg, r->argument, sizeof(arg));
		keep(p, (int)arg.out_veventq_fd, OTHER);
	}
}

static void op_transfer(struct run *r, struct program *p)
{
	const uint64_t what = take(r, 1), offset = choose(r, p, REGION);
	const int fd = p->files ? p->fd[what % p->files] : 99;
	const size_t size = take(r, 1);
	void *map;

	if (what % 3 == 0)
		uiommu_uapi_pread(p->process, fd, r->scratch, size, offset);
	else if (what % 3 == 1)
		uiommu_uapi_pwrite(p->process, fd, r->scratch, size, offset);
	else if (!uiommu_uapi_mmap(p->process, fd, offset, size, &map))
		must(map && size, "mapped nothing");
	uiommu_uapi_poll(p->process, fd);
}

/*
 * What a program begins with, so that inputs need not find it out: a device of its own by group and container, or by
 * cdev and iommufd, with something mapped. It may fail half way, for somebody else has the device.
 */
static void op_usual(struct run *r, struct program *p)
{
	const uint64_t what = take(r, 1);
	const unsigned int target = (unsigned int)(what >> 2 & 0xf) % TARGETS;
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct abi_vfio_device_attach_iommufd_pt attach = { .argsz = 12 };
	char path[64];
	int32_t way;
	int fd;

	if (group_path(r, target, path, sizeof(path)) < 0)
		return;
	if (what & 1)
		cdev_path(r, target, path, sizeof(path));
	way = uiommu_uapi_open(p->process, what & 3 ? "/dev/iommu" : "/dev/vfio/vfio");
	keep(p, way, what & 3 ? IOMMUFD : CONTAINER);
	fd = uiommu_uapi_open(p->process, path);
	keep(p, fd, what & 1 ? DEVICE : GROUP);
	if (what & 1) {
		bind.iommufd = way;
		uiommu_uapi_ioctl(p->process, fd, ABI_VFIO_DEVICE_BIND_IOMMUFD, (uintptr_t)&bind);
		uiommu_uapi_ioctl(p->process, way, ABI_IOMMU_IOAS_ALLOC, (uintptr_t)&alloc);
		attach.pt_id = alloc.out_ioas_id;
		uiommu_uapi_ioctl(p->process, fd, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT,
				  (uintptr_t)&attach);
		return;
	}
	uiommu_uapi_ioctl(p->process, fd, ABI_VFIO_GROUP_SET_CONTAINER, (uintptr_t)&way);
	uiommu_uapi_ioctl(p->process, way, ABI_VFIO_SET_IOMMU,
			  what & 0x40 ? 1 :
			  what & 0x80 ? 8 :
					3);
	keep(p,
	     uiommu_uapi_ioctl(p->process, fd, ABI_VFIO_GROUP_GET_DEVICE_FD,
			       (uintptr_t)name_of(target)),
	     DEVICE);
}

/* What mediated devices do; others get a few writes to their registers. */
static void op_copy(struct run *r, struct program *p)
{
	const uint64_t what = take(r, 1);
	const uint64_t source = choose(r, p, IOVA), destination = choose(r, p, IOVA);
	const uint32_t length = (uint32_t)take(r, 2) + 1, flags = what >> 6 & 1,
		       command = what & 0x20 ? MDMA_DROP : MDMA_COPY,
		       deaf = (what & 0x1f) == 0x1f ? MDMA_MISBEHAVE_DEAF : 0;
	const int fd = p->files ? p->fd[(what & 0x1f) % p->files] : 99;

	uiommu_uapi_pwrite(p->process, fd, &source, 8, MDMA_SOURCE);
	uiommu_uapi_pwrite(p->process, fd, &destination, 8, MDMA_DESTINATION);
	uiommu_uapi_pwrite(p->process, fd, &length, 4, MDMA_LENGTH);
	uiommu_uapi_pwrite(p->process, fd, &flags, 4, MDMA_FLAGS);
	uiommu_uapi_pwrite(p->process, fd, &deaf, 4, MDMA_MISBEHAVE);
	uiommu_uapi_pwrite(p->process, fd, &command, 4, MDMA_COMMAND);
}

/* A driver goes where nobody has the device open, or would be waited for, and comes back. */
static void op_driver(struct run *r, struct program *p)
{
	struct uiommu_uapi_device *device = r->device[take(r, 1) % DEVICES];

	(void)p;
	if (!uiommu_uapi_device_driver(device))
		uiommu_uapi_bind_driver(device, "vfio-pci");
	else if (!device->vfio->refs)
		must(!uiommu_uapi_unbind_driver(device), "not unbound");
}

static void op_fail(struct run *r, struct program *p)
{
	(void)p;
	world.fail_in = (unsigned int)take(r, 1) % 16 + 1;
}

static void (*const operations[])(struct run *r, struct program *p) = {
	op_open,     op_usual,	op_usual, op_ioctl, op_ioctl, op_ioctl,
	op_ioctl,    op_ioctl,	op_ioctl, op_ioctl, op_close, op_dup,
	op_transfer, op_driver, op_fail,  op_copy,  op_copy,
};

/* ---- the frame --------------------------------------------------------------------------------- */

static bool fail(void *context, enum uiommu_posix_step step, size_t size)
{
	(void)context;
	(void)step;
	(void)size;
	return world.fail_in && !--world.fail_in;
}

static void quiet(void *context, enum uiommu_log_level level, const char *line)
{
	(void)context;
	(void)level;
	(void)line;
}

static void start_world(void)
{
	const struct uiommu_device_desc bare = { .name = "0000:00:03.0", .bus = "pci" };

	world.hooks = (struct uiommu_posix_hooks){ .fail = fail, .log = quiet };
	must(!null_iommu_create_watched(&world.iommu, RAM, &world.hooks), "the system");
	world.iommu.pgsizes = 0x40201000;
	must(!null_iommu_add(&world.iommu, "0000:00:01.0", NULL, &world.dev[0]) &&
		     !null_iommu_add(&world.iommu, "0000:00:02.0", NULL, &world.dev[1]) &&
		     !null_iommu_add(&world.iommu, "0000:00:02.1", world.dev[1], &world.dev[2]) &&
		     !uiommu_device_add(world.iommu.sys, &bare, &world.dev[3]),
	     "devices");
	world.arena =
		uiommu_posix_alloc_ram(world.iommu.host, ARENA * PAGE, ARENA * PAGE, &world.phys);
	must(world.arena, "memory");
	for (unsigned int i = 0; i < 2; i++)
		world.event[i] = eventfd(0, EFD_NONBLOCK);
}

static void start_program(struct run *r, struct program *p, unsigned int capabilities,
			  uint64_t memlock)
{
	const struct uiommu_uapi_process_config config = {
		.capabilities = capabilities,
		.memlock = memlock,
		.user = capabilities,
	};

	p->memlock = memlock;
	must(!uiommu_uapi_process_create(r->uapi, &config, &p->process), "a process");
}

static void check_end(void)
{
	for (unsigned int i = 0; i < DEVICES; i++) {
		struct uiommu_group *group = uiommu_group_get(world.dev[i]);

		if (!group)
			continue;
		must(!uiommu_group_dma_owner_claimed(group), "a group is still owned");
		must(uiommu_domain_type(uiommu_group_domain(group)) == UIOMMU_DOMAIN_IDENTITY,
		     "a group is not back on its default domain");
		uiommu_group_put(group);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	struct uiommu_posix_usage before, after;
	static struct run run;
	struct run *r = &run;

	if (!world.arena)
		start_world();
	memset(r, 0, sizeof(*r));
	r->data = data;
	r->size = size;
	uiommu_posix_usage(world.iommu.host, &before);
	config.sys = world.iommu.sys;
	config.vfio_container_by_iommufd = take(r, 1) & 1;
	config.dma_entry_limit = 8;
	must(!uiommu_uapi_create(&config, &r->uapi), "the user ABI");
	for (unsigned int i = 0; i < DEVICES; i++)
		add_device(r, i);
	for (unsigned int i = 0; i < MEDIATED; i++)
		must(!uiommu_uapi_mdev_create(r->uapi, i ? "mdma-256" : "mdma-8", uuids[i],
					      &r->mdev[i]),
		     "a mediated device is not made");
	start_program(r, &r->program[0], UIOMMU_UAPI_CAP_ALL, UINT64_MAX);
	start_program(r, &r->program[1], 0, 16 * PAGE);
	for (unsigned int i = 0; r->size && i < 200; i++) {
		const uint64_t what = take(r, 1);

		operations[(what >> 1) % (sizeof(operations) / sizeof(operations[0]))](
			r, &r->program[what & 1]);
		check(r);
	}
	world.fail_in = 0;
	for (unsigned int i = 0; i < PROGRAMS; i++)
		uiommu_uapi_process_destroy(r->program[i].process);
	uiommu_uapi_destroy(r->uapi);
	check_end();
	uiommu_posix_usage(world.iommu.host, &after);
	must(!memcmp(&before, &after, sizeof(before)), "something is left");
	return 0;
}
