/* SPDX-License-Identifier: MIT */
/*
 * container_domains.c - groups of one container and their domains: shared or not, where mappings may be, what a
 * failure on the way undoes, and who comes and goes meanwhile
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/uapi/legacy.h"

#define TYPE1V2 ABI_VFIO_TYPE1V2_IOMMU
#define IOVA UINT64_C(0x100000)

static struct type1 *type1_of(struct world *w, int container)
{
	struct uapi_file *file = uiommu_uapi_fd_get(w->process, container);
	struct vfio_container *c = uiommu_vfio_container_of_file(file);

	uiommu_uapi_file_put(file);
	return &c->type1;
}

static unsigned int num_domains(struct world *w, int container)
{
	unsigned int count = 0;

	for (const struct type1_domain *d = type1_of(w, container)->domains; d; d = d->next)
		count++;
	return count;
}

/* Groups of one kind of hardware share a domain; others are translated, too */
static void test_two_groups(void **state)
{
	static const struct {
		const char *machine, *one, *two;
		unsigned int domains;
	} cases[] = {
		{ "q35-vtd", "solo0", "solo1", 1 },	{ "virt-smmuv3", "solo0", "trio0", 1 },
		{ "q35-mixed", "solo0", "trio0", 2 },	{ "q35-mixed", "trio0", "solo0", 2 },
		{ "virt-mixed", "solo0", "solo1", 2 },	{ "virt-mixed", "solo1", "solo0", 2 },
		{ "q35-vtd-two", "solo0", "solo1", 1 }, { "q35-vtd-two", "solo1", "solo0", 2 },
	};
	struct legacy_device d[2];
	struct world w;
	int container;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world_start(&w, cases[i].machine, NULL);
		container = legacy_container(&w);
		legacy_start(&d[0], &w, cases[i].one, container, TYPE1V2);
		assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 4 * PAGE, LEGACY_RW), 0);
		assert_int_equal(num_domains(&w, container), 1);
		legacy_start(&d[1], &w, cases[i].two, container, 0);
		assert_int_equal(num_domains(&w, container), cases[i].domains);
		assert_int_equal(legacy_pins(&w), 4);
		assert_int_equal(uiommu_uapi_process_pinned(w.process), 4 * PAGE);
		assert_int_equal(legacy_map(&w, container, IOVA + 0x10000, w.memory + 4 * PAGE,
					    4 * PAGE, LEGACY_RW),
				 0);
		for (int n = 0; n < 2; n++) {
			assert_true(legacy_reaches(&d[n], IOVA + 4, w.memory + 4));
			assert_true(legacy_reaches(&d[n], IOVA + 0x10000, w.memory + 4 * PAGE));
		}
		assert_int_equal(legacy_unmap(&w, container, IOVA, 4 * PAGE, 0, NULL), 0);
		for (int n = 0; n < 2; n++)
			assert_false(legacy_reaches(&d[n], IOVA + 4, w.memory + 4));
		/* The first leaves, with nothing changed for the other; and all that was pinned goes with it. */
		legacy_stop(&d[0]);
		assert_int_equal(num_domains(&w, container), 1);
		assert_int_equal(legacy_pins(&w), 4);
		assert_true(legacy_reaches(&d[1], IOVA + 0x10000, w.memory + 4 * PAGE));
		assert_false(legacy_reaches(&d[0], IOVA + 0x10000, w.memory + 4 * PAGE));
		legacy_stop(&d[1]);
		assert_int_equal(legacy_pins(&w), 0);
		world_stop(&w);
	}
}

struct ranges {
	struct abi_vfio_iommu_type1_info info;
	struct abi_vfio_iommu_type1_info_cap_migration migration;
	struct abi_vfio_iommu_type1_info_dma_avail avail;
	uint32_t pad;
	struct abi_vfio_iommu_type1_info_cap_iova_range ranges;
	struct abi_vfio_iova_range range[16];
};

static void get_info(struct world *w, int container, struct ranges *r)
{
	memset(r, 0, sizeof(*r));
	r->info.argsz = sizeof(*r);
	assert_int_equal(legacy_call(w, container, ABI_VFIO_IOMMU_GET_INFO, r), 0);
	assert_int_equal(r->info.argsz, sizeof(*r));
	assert_int_equal(r->info.cap_offset, sizeof(r->info));
}

static bool is_valid(const struct ranges *r, uint64_t iova)
{
	for (uint32_t i = 0; i < r->ranges.nr_iovas; i++) {
		if (iova >= r->range[i].start && iova <= r->range[i].end)
			return true;
	}
	return false;
}

/* GET_INFO: its capabilities, as far as there is room, and where mappings may be */
static void test_info(void **state)
{
	struct abi_vfio_iommu_type1_info small = { .argsz = 15, .cap_offset = 77, .pad = 88 };
	struct legacy_device d[2];
	struct ranges r;
	struct world w;
	int container;

	(void)state;
	world_start(&w, "virt-mixed", NULL);
	container = legacy_container(&w);
	legacy_start(&d[0], &w, "solo1", container, TYPE1V2); /* virtio */
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &small),
			 -UIOMMU_EINVAL);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, NULL), -UIOMMU_EFAULT);
	small.argsz = 16;
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &small), 0);
	assert_int_equal(small.flags, ABI_VFIO_IOMMU_INFO_PGSIZES | ABI_VFIO_IOMMU_INFO_CAPS);
	assert_int_equal(small.cap_offset, 77);
	assert_true(small.argsz > sizeof(small));
	small.argsz = sizeof(small);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &small), 0);
	assert_int_equal(small.cap_offset, 0);
	memset(&r, 0x55, sizeof(r));
	r.info.argsz = small.argsz - 1;
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &r), 0);
	assert_int_equal(r.info.argsz, small.argsz);
	assert_int_equal(r.info.cap_offset, 0);
	assert_int_equal(r.migration.flags, 0x55555555);
	get_info(&w, container, &r);
	assert_int_equal(small.argsz, offsetof(struct ranges, range) + r.ranges.nr_iovas * 16);
	assert_true(r.info.iova_pgsizes & PAGE);
	assert_int_equal(r.migration.header.id, 2);
	assert_int_equal(r.migration.header.version, 1);
	assert_int_equal(r.migration.header.next, offsetof(struct ranges, avail));
	assert_int_equal(r.migration.pgsize_bitmap, PAGE);
	assert_int_equal(r.migration.max_dirty_bitmap_size, 0x10000000);
	assert_int_equal(r.avail.header.id, 3);
	assert_int_equal(r.avail.header.next, offsetof(struct ranges, ranges));
	assert_int_equal(r.avail.avail, 65535);
	assert_int_equal(r.ranges.header.id, 1);
	assert_int_equal(r.ranges.header.next, 0);
	assert_true(is_valid(&r, IOVA) && is_valid(&r, UINT64_C(1) << 52));
	for (uint32_t i = 1; i < r.ranges.nr_iovas; i++)
		assert_true(r.range[i].start > r.range[i - 1].end);
	assert_int_equal(legacy_map(&w, container, UINT64_C(1) << 52, w.memory, PAGE, LEGACY_RW),
			 0);
	get_info(&w, container, &r);
	assert_int_equal(r.avail.avail, 65534);

	/* Another kind of hardware, with less room than what is mapped needs: nothing changes. */
	legacy_bind(&d[1], &w, "solo0");
	assert_true(legacy_group(&d[1]) >= 0);
	assert_int_equal(legacy_set_container(&w, d[1].group, container), -UIOMMU_EINVAL);
	assert_true(legacy_reaches(&d[0], UINT64_C(1) << 52, w.memory));
	get_info(&w, container, &r);
	assert_true(is_valid(&r, UINT64_C(1) << 52));
	assert_int_equal(legacy_unmap(&w, container, UINT64_C(1) << 52, PAGE, 0, NULL), 0);
	/* The window for interrupt messages that only the other has. */
	assert_int_equal(legacy_map(&w, container, 0x80ff000, w.memory, PAGE, LEGACY_RW),
			 is_valid(&r, 0x80ff000) ? 0 : -UIOMMU_EINVAL);
	if (is_valid(&r, 0x80ff000)) {
		assert_int_equal(legacy_set_container(&w, d[1].group, container), -UIOMMU_EINVAL);
		assert_true(legacy_reaches(&d[0], 0x80ff000, w.memory));
		assert_int_equal(legacy_unmap(&w, container, 0x80ff000, PAGE, 0, NULL), 0);
	}
	assert_int_equal(legacy_set_container(&w, d[1].group, container), 0);
	get_info(&w, container, &r);
	assert_false(is_valid(&r, UINT64_C(1) << 52));
	assert_false(is_valid(&r, 0x80ff000));
	assert_true(is_valid(&r, 0x8100000) && is_valid(&r, 0x7ffffff));
	assert_int_equal(legacy_map(&w, container, UINT64_C(1) << 52, w.memory, PAGE, LEGACY_RW),
			 -UIOMMU_EINVAL);
	assert_int_equal(legacy_map(&w, container, 0x7fff000, w.memory, 2 * PAGE, LEGACY_RW),
			 -UIOMMU_EINVAL);
	assert_int_equal(legacy_pins(&w), 0);
	/* Which goes with it. */
	assert_int_equal(legacy_unset_container(&w, d[1].group), 0);
	assert_int_equal(legacy_map(&w, container, UINT64_C(1) << 52, w.memory, PAGE, LEGACY_RW),
			 0);
	assert_true(legacy_reaches(&d[0], UINT64_C(1) << 52, w.memory));
	world_stop(&w);
}

/* Hardware with larger pages than the processor's: everything is in those */
static void test_large_pages(void **state)
{
	const uint64_t large = UINT64_C(0x10000);
	uint64_t bits = 0, gone;
	struct abi_vfio_iommu_type1_dirty_bitmap start = { sizeof(start), 1 };
	struct {
		struct abi_vfio_iommu_type1_dirty_bitmap head;
		struct abi_vfio_iommu_type1_dirty_bitmap_get get;
	} get = {
		.head = { sizeof(get), ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
		.get = { large, 8 * large, { large, 8, (uintptr_t)&bits } },
	};
	struct uiommu_uapi_config config = { 0 };
	struct legacy_device d;
	struct ranges r;
	struct world w;
	int container;

	(void)state;
	for (int small = 0; small < 2; small++) {
		config.disable_hugepages = small;
		world_start(&w, "virt-smmuv3-64k", &config);
		container = legacy_container(&w);
		legacy_start(&d, &w, "solo0", container, TYPE1V2);
		get_info(&w, container, &r);
		assert_int_equal(r.info.iova_pgsizes & -r.info.iova_pgsizes, large);
		assert_int_equal(r.migration.pgsize_bitmap, large);
		assert_int_equal(legacy_map(&w, container, large, w.memory, PAGE, LEGACY_RW),
				 -UIOMMU_EINVAL);
		assert_int_equal(legacy_map(&w, container, PAGE, w.memory, large, LEGACY_RW),
				 -UIOMMU_EINVAL);
		assert_int_equal(legacy_map(&w, container, large, w.memory + PAGE, large,
					    LEGACY_RW),
				 -UIOMMU_EINVAL);
		assert_int_equal(
			legacy_map(&w, container, 2 * large, w.memory, 3 * large, LEGACY_RW), 0);
		assert_int_equal(legacy_pins(&w), 48);
		assert_true(legacy_reaches(&d, 5 * large - 4, w.memory + 3 * large - 4));
		assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &start), 0);
		assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
		assert_int_equal(bits, 0xe);
		assert_int_equal(legacy_unmap(&w, container, 2 * large, PAGE, 0, NULL),
				 -UIOMMU_EINVAL);
		assert_int_equal(legacy_unmap(&w, container, large, 8 * large, 0, &gone), 0);
		assert_int_equal(gone, 3 * large);
		assert_false(legacy_reaches(&d, 5 * large - 4, w.memory + 3 * large - 4));
		world_stop(&w);
	}
}

/* What firmware may be asked to give up is given up */
static void test_relaxable(void **state)
{
	struct uiommu_resv_region regions[16];
	struct uiommu_group *group;
	struct legacy_device d;
	struct ranges r;
	struct world w;
	size_t count, found = 0;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	legacy_start(&d, &w, "relaxed0", container, TYPE1V2);
	get_info(&w, container, &r);
	group = uiommu_group_get(machine_device_uiommu(d.machine));
	assert_int_equal(uiommu_group_resv_regions(group, regions, 16, &count), 0);
	uiommu_group_put(group);
	for (size_t i = 0; i < count; i++) {
		const bool relaxable = regions[i].type == UIOMMU_RESV_DIRECT_RELAXABLE;

		found += relaxable;
		assert_int_equal(is_valid(&r, regions[i].start), relaxable);
		assert_int_equal(is_valid(&r, regions[i].last), relaxable);
	}
	assert_true(found && found < count);
	world_stop(&w);
}

/* Lets one step of the host fail. */
struct failing {
	uint64_t at, steps;
};

static bool on_step(void *context, enum uiommu_posix_step step, size_t size)
{
	struct failing *f = context;

	(void)step;
	(void)size;
	return f->at && ++f->steps == f->at;
}

struct attempt {
	struct world w;
	struct legacy_device d[2];
	int container;
};

/* Each command until it succeeds; false: it failed once. */
static bool try_once(struct failing *f, uint64_t at, long rc)
{
	bool failed = f->at && f->steps >= at;

	f->at = 0;
	assert_int_equal(rc < 0 ? rc : 0, failed && rc < 0 ? -UIOMMU_ENOMEM : 0);
	return rc >= 0;
}

/* Every allocation on the way fails once: nothing is left behind, and the next try goes through */
static void test_allocations(void **state)
{
	static const char *const kinds[][3] = {
		{ "q35-mixed", "trio0", "solo0" },
		{ "virt-mixed", "solo0", "solo1" },
		{ "q35-vtd-scalable", "solo0", "solo1" },
	};
	uint64_t most = 0;

	(void)state;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		bool more = true;

		for (uint64_t at = 1; more; at++) {
			struct failing f = { 0 };
			const struct uiommu_posix_hooks hooks = { .context = &f, .fail = on_step };
			struct attempt a;

			world_start_hooked(&a.w, kinds[kind][0], NULL, &hooks);
			legacy_bind(&a.d[0], &a.w, kinds[kind][1]);
			legacy_bind(&a.d[1], &a.w, kinds[kind][2]);
			a.container = legacy_container(&a.w);
			assert_true(legacy_group(&a.d[0]) >= 0);
			assert_true(legacy_group(&a.d[1]) >= 0);
			more = false;
#define STEP(what)                                \
	do {                                      \
		f = (struct failing){ .at = at }; \
		if (try_once(&f, at, what))       \
			break;                    \
		more = true;                      \
		assert_int_equal(what, 0);        \
	} while (0)
			STEP(legacy_set_container(&a.w, a.d[0].group, a.container));
			STEP(legacy_set_iommu(&a.w, a.container, TYPE1V2));
			STEP(legacy_map(&a.w, a.container, IOVA, a.w.memory, 3 * PAGE, LEGACY_RW));
			STEP(legacy_map(&a.w, a.container, IOVA << 16, a.w.memory + 8 * PAGE, PAGE,
					LEGACY_RW));
			f = (struct failing){ .at = at };
			if (!try_once(&f, at,
				      legacy_set_container(&a.w, a.d[1].group, a.container))) {
				more = true;
				assert_int_equal(num_domains(&a.w, a.container), 1);
				assert_int_equal(legacy_pins(&a.w), 4);
				assert_int_equal(
					legacy_set_container(&a.w, a.d[1].group, a.container), 0);
			}
			assert_true(legacy_open(&a.d[0]) >= 0);
			assert_true(legacy_open(&a.d[1]) >= 0);
			STEP(legacy_map(&a.w, a.container, IOVA << 20, a.w.memory + 9 * PAGE,
					2 * PAGE, LEGACY_RW));
#undef STEP
			for (int n = 0; n < 2; n++) {
				assert_true(legacy_reaches(&a.d[n], IOVA, a.w.memory));
				assert_true(
					legacy_reaches(&a.d[n], IOVA << 16, a.w.memory + 8 * PAGE));
				assert_true(
					legacy_reaches(&a.d[n], IOVA << 20, a.w.memory + 9 * PAGE));
			}
			legacy_stop(&a.d[0]);
			legacy_stop(&a.d[1]);
			world_stop(&a.w);
			most = at > most ? at : most;
		}
	}
	assert_true(most > 8);
}

static bool isolated_but_one(void *context, struct uiommu_device *dev)
{
	return dev != *(struct uiommu_device **)context;
}

/* SET_IOMMU takes all groups, or leaves each as it was */
static void test_all_groups(void **state)
{
	struct uiommu_device *bad = NULL;
	struct uiommu_uapi_config config = { .isolated_msi = isolated_but_one, .context = &bad };
	static const char *const labels[] = { "solo0", "trio0", "solo1" };
	struct legacy_device d[3];
	struct world w;
	int container;

	(void)state;
	world_start(&w, "q35-mixed", &config);
	container = legacy_container(&w);
	for (int n = 0; n < 3; n++) {
		legacy_bind(&d[n], &w, labels[n]);
		assert_true(legacy_group(&d[n]) >= 0);
		assert_int_equal(legacy_set_container(&w, d[n].group, container), 0);
	}
	for (int n = 0; n < 3; n++) {
		bad = machine_device_uiommu(d[n].machine);
		assert_int_equal(legacy_set_iommu(&w, container, TYPE1V2), -UIOMMU_EPERM);
		assert_int_equal(num_domains(&w, container), 0);
		assert_int_equal(legacy_open(&d[n]), -UIOMMU_EINVAL);
	}
	bad = NULL;
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1V2), 0);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	for (int n = 0; n < 3; n++) {
		assert_true(legacy_open(&d[n]) >= 0);
		assert_true(legacy_reaches(&d[n], IOVA, w.memory));
	}
	/* What a device was open by is forgotten when it is closed. */
	assert_int_equal(uiommu_uapi_close(w.process, d[0].fd), 0);
	assert_int_equal(legacy_unset_container(&w, d[0].group), 0);
	assert_int_equal(
		legacy_set_container(&w, d[0].group, uiommu_uapi_open(w.process, "/dev/iommu")), 0);
	assert_true(legacy_open(&d[0]) >= 0);
	assert_int_equal(uiommu_uapi_close(w.process, d[0].fd), 0);
	world_stop(&w);
}

/* A driver that cannot make one of its devices snoop */
struct half_coherent {
	struct uiommu_ops ops;
	const struct uiommu_ops *inner;
	struct uiommu_device *without;
};

static struct half_coherent half;

static bool half_capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	if (cap == UIOMMU_CAP_ENFORCE_CACHE_COHERENCY && dev == half.without)
		return false;
	return half.inner->capable(dev, cap);
}

static const struct uiommu_ops *wrap_half(void *context, const struct uiommu_ops *ops)
{
	struct half_coherent *h = context;

	h->ops = *ops;
	h->inner = ops;
	h->ops.capable = half_capable;
	return &h->ops;
}

/* Devices that can be made to snoop do not share with one that cannot, whoever comes first */
static void test_coherency(void **state)
{
	const struct machine_options options = {
		.name = "q35-vtd",
		.hardware = "model",
		.seed = 1,
		.wrap_ops = wrap_half,
		.context = &half,
	};
	static const char *const labels[] = { "solo0", "solo1", "solo2" };
	struct legacy_device d[3];
	struct world w;
	int container;

	(void)state;
	for (int without = 0; without < 3; without++) {
		world_start_machine(&w, &options, NULL);
		half.without = machine_device_uiommu(machine_device(w.machine, labels[without]));
		container = legacy_container(&w);
		legacy_start(&d[0], &w, labels[0], container, TYPE1V2);
		assert_int_equal(legacy_extension(&w, container, ABI_VFIO_DMA_CC_IOMMU),
				 without != 0);
		assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW), 0);
		legacy_start(&d[1], &w, labels[1], container, 0);
		legacy_start(&d[2], &w, labels[2], container, 0);
		assert_int_equal(num_domains(&w, container), 2);
		assert_int_equal(legacy_extension(&w, container, ABI_VFIO_DMA_CC_IOMMU), 0);
		for (int n = 0; n < 3; n++)
			assert_true(legacy_reaches(&d[n], IOVA, w.memory));
		legacy_stop(&d[without]);
		assert_int_equal(num_domains(&w, container), 1);
		assert_int_equal(legacy_extension(&w, container, ABI_VFIO_DMA_CC_IOMMU), 1);
		half.without = NULL;
		world_stop(&w);
	}
}

struct racer {
	struct world *w;
	struct legacy_device *d;
	int container;
	unsigned int rounds, successes;
	struct machine_device *member;
};

static void *race_map(void *context)
{
	struct racer *r = context;

	for (unsigned int i = 0; i < r->rounds; i++) {
		uint64_t iova = IOVA + (i % 16) * PAGE;

		if (!legacy_map(r->w, r->container, iova, r->w->memory + (i % 16) * PAGE, PAGE,
				LEGACY_RW))
			r->successes++;
		legacy_unmap(r->w, r->container, iova, PAGE, 0, NULL);
	}
	return NULL;
}

static void *race_group(void *context)
{
	struct racer *r = context;

	for (unsigned int i = 0; i < r->rounds; i++) {
		if (!legacy_set_container(r->w, r->d->group, r->container))
			r->successes++;
		legacy_unset_container(r->w, r->d->group);
	}
	return NULL;
}

static void *race_member(void *context)
{
	struct racer *r = context;

	for (unsigned int i = 0; i < r->rounds; i++) {
		machine_remove_device(r->w->machine, r->member);
		if (!machine_add_device(r->w->machine, r->member))
			r->successes++;
	}
	return NULL;
}

/* Groups come into a container, with a new domain or a shared one, while one of their devices leaves */
static void test_leaving(void **state)
{
	struct legacy_device d[2];
	struct racer racers[2] = { { .rounds = 60, .d = &d[1] }, { .rounds = 60 } };
	pthread_t threads[2];
	struct world w;
	int container;

	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		world_start(&w, "q35-mixed", NULL);
		container = legacy_container(&w);
		legacy_start(&d[0], &w, shared ? "pasid0" : "solo0", container, TYPE1V2);
		legacy_bind(&d[1], &w, "trio0");
		assert_true(legacy_group(&d[1]) >= 0);
		assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 4 * PAGE, LEGACY_RW), 0);
		racers[1].member = machine_device(w.machine, "trio1");
		for (int n = 0; n < 2; n++) {
			racers[n].w = &w;
			racers[n].container = container;
			racers[n].successes = 0;
			assert_int_equal(pthread_create(&threads[n], NULL,
							n ? race_member : race_group, &racers[n]),
					 0);
		}
		for (int n = 0; n < 2; n++) {
			pthread_join(threads[n], NULL);
			assert_int_equal(racers[n].successes, racers[n].rounds);
		}
		assert_int_equal(legacy_set_container(&w, d[1].group, container), 0);
		assert_int_equal(num_domains(&w, container), shared ? 1 : 2);
		assert_true(legacy_open(&d[1]) >= 0);
		assert_true(legacy_reaches(&d[1], IOVA, w.memory));
		assert_true(legacy_reaches(&d[0], IOVA, w.memory));
		world_stop(&w);
	}
}

/* Mappings come and go while groups do */
static void test_threads(void **state)
{
	struct legacy_device d[2];
	struct racer racers[2] = { { .rounds = 3000 }, { .rounds = 100, .d = &d[1] } };
	pthread_t threads[2];
	struct world w;
	uint64_t gone;
	int container;

	(void)state;
	world_start(&w, "q35-mixed", NULL);
	container = legacy_container(&w);
	legacy_start(&d[0], &w, "solo0", container, TYPE1V2);
	legacy_bind(&d[1], &w, "trio0");
	assert_true(legacy_group(&d[1]) >= 0);
	assert_int_equal(legacy_map(&w, container, IOVA << 4, w.memory, 64 * PAGE, LEGACY_RW), 0);
	for (int n = 0; n < 2; n++) {
		racers[n].w = &w;
		racers[n].container = container;
		assert_int_equal(pthread_create(&threads[n], NULL, n ? race_group : race_map,
						&racers[n]),
				 0);
	}
	for (int n = 0; n < 2; n++) {
		pthread_join(threads[n], NULL);
		assert_int_equal(racers[n].successes, racers[n].rounds);
	}
	assert_true(legacy_reaches(&d[0], IOVA << 4, w.memory));
	assert_false(legacy_reaches(&d[0], IOVA, w.memory));
	assert_int_equal(legacy_unmap(&w, container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL, &gone), 0);
	assert_int_equal(gone, 64 * PAGE);
	assert_int_equal(legacy_pins(&w), 0);
	world_stop(&w);
}

/* A device in reset: its group cannot be let into a domain, and is as it was */
static void test_reset(void **state)
{
	struct legacy_device d[2];
	struct uiommu_device *dev;
	struct world w;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	legacy_start(&d[0], &w, "solo0", container, TYPE1V2);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	legacy_bind(&d[1], &w, "solo1");
	dev = machine_device_uiommu(d[1].machine);
	assert_true(legacy_group(&d[1]) >= 0);
	assert_int_equal(uiommu_device_reset_prepare(dev), 0);
	assert_true(legacy_set_container(&w, d[1].group, container) == -UIOMMU_EBUSY);
	uiommu_device_reset_done(dev);
	assert_int_equal(legacy_set_container(&w, d[1].group, container), 0);
	assert_true(legacy_open(&d[1]) >= 0);
	assert_true(legacy_reaches(&d[1], IOVA, w.memory));
	assert_true(legacy_reaches(&d[0], IOVA, w.memory));
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_groups),  cmocka_unit_test(test_info),
		cmocka_unit_test(test_relaxable),   cmocka_unit_test(test_large_pages),
		cmocka_unit_test(test_allocations), cmocka_unit_test(test_all_groups),
		cmocka_unit_test(test_coherency),   cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_threads),	    cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
