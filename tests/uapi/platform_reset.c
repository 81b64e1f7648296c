/* SPDX-License-Identifier: MIT */
/*
 * platform_reset.c - resets of platform devices: who is called when, the registry, and the three functions that we have
 *
 * The devices answer as a script says, and every access is compared with what the function's description allows.  How
 * FlexRM's rings really behave is not known here: tests/uapi/platform_machine.c has a model of them.
 */
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/uapi/platform.h"
#include "tests/uapi/platform_bank.h"

#define FLEXRM "brcm,iproc-flexrm-mbox"
#define CALXEDA "calxeda,hb-xgmac"
#define XGBE "amd,xgbe-seattle-v1a"
#define MS UINT64_C(1000000)

static struct bank bank;

/* ---- when ---------------------------------------------------------------------------------------- */

static int resets, reset_result, other_resets;

static int count_reset(struct uiommu_uapi_platform_reset *reset)
{
	(void)reset;
	resets++;
	return reset_result;
}

static int other_reset(struct uiommu_uapi_platform_reset *reset)
{
	(void)reset;
	other_resets++;
	return 0;
}

static void start_counting(struct bank *b, bool not_required)
{
	struct uiommu_uapi_config config = { .platform_reset_not_required = not_required };

	resets = 0;
	reset_result = 0;
	other_resets = 0;
	bank_start(b, &config);
	bank_add_region(b, 0x9070000, 0x1000);
}

static int add_reset(struct bank *b, uiommu_uapi_platform_reset_fn function)
{
	return uiommu_uapi_register_platform_reset(b->w.uapi, "test,bank", function, NULL);
}

static void test_calls(void **unused)
{
	struct bank *b = &bank;

	(void)unused;
	start_counting(b, false);
	assert_int_equal(add_reset(b, count_reset), 0);
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(resets, 0);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(resets, 1);
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(resets, 2);
	reset_result = -UIOMMU_EIO;
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), -UIOMMU_EIO);
	assert_int_equal(b->logged, 0);
	/* Closing is not refused, and somebody is told. */
	bank_close(b);
	assert_int_equal(resets, 4);
	assert_int_equal(b->logged, 1);
	assert_true(bank_said(b, "closed", "(-5)"));
	/* A device that has to be reset and cannot be is not opened: nothing of it stays. */
	assert_int_equal(bank_open(b), -UIOMMU_EIO);
	assert_int_equal(resets, 5);
	assert_true(bank_said(b, "not opened", "(-5)"));
	reset_result = 0;
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(resets, 6);
	bank_stop(b);
}

static void test_not_required(void **unused)
{
	struct vfio_device_info info = { .argsz = 16 };
	struct bank *b = &bank;

	(void)unused;
	start_counting(b, true);
	assert_int_equal(add_reset(b, count_reset), 0);
	reset_result = -UIOMMU_EIO;
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(resets, 1);
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), -UIOMMU_EIO);
	bank_close(b);
	assert_int_equal(uiommu_uapi_unbind_driver(b->known), 0);
	/* And without any function. */
	assert_int_equal(uiommu_uapi_unregister_platform_reset(b->w.uapi, "test,bank", count_reset),
			 0);
	assert_int_equal(bank_bind(b), 0);
	b->logged = 0;
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PLATFORM);
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), -UIOMMU_EINVAL);
	bank_close(b);
	assert_int_equal(b->logged, 0);
	bank_stop(b);
}

static int acpi_reset(void *context)
{
	(void)context;
	resets++;
	return reset_result;
}

static void test_acpi(void **unused)
{
	struct vfio_device_info info = { .argsz = 16 };
	struct bank *b = &bank;

	(void)unused;
	start_counting(b, false);
	/* The HID comes first: what compatible would find is not looked at. */
	assert_int_equal(add_reset(b, other_reset), 0);
	b->io.acpi_hid = "TEST0001";
	assert_int_equal(bank_bind(b), -UIOMMU_ENOENT);
	assert_true(bank_said(b, "platform", "reset"));
	b->io.acpi_reset = acpi_reset;
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET);
	reset_result = -UIOMMU_EIO;
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), -UIOMMU_EIO);
	bank_close(b);
	assert_int_equal(resets, 3);
	assert_int_equal(other_resets, 0);
	bank_stop(b);
}

/* ---- the registry ------------------------------------------------------------------------------ */

static struct {
	unsigned int loads;
	char module[64];
	bool registers;
	int result;
} loader;

static int load(void *context, struct uiommu_uapi *uapi, const char *module)
{
	assert_ptr_equal(context, &loader);
	loader.loads++;
	strncpy(loader.module, module, sizeof(loader.module) - 1);
	if (loader.result || !loader.registers)
		return loader.result;
	return uiommu_uapi_register_platform_reset(uapi, "test,bank", count_reset, NULL);
}

/* C206: without a function the bind fails when one is required; one is loaded on demand. */
static void test_on_demand(void **unused)
{
	struct uiommu_uapi_config config = { .load_platform_reset = load, .context = &loader };
	struct bank *b = &bank;

	(void)unused;
	memset(&loader, 0, sizeof(loader));
	resets = 0;
	reset_result = 0;
	bank_start(b, &config);
	assert_int_equal(bank_bind(b), -UIOMMU_ENOENT);
	assert_null(uiommu_uapi_device_driver(b->known));
	assert_int_equal(loader.loads, 1);
	assert_string_equal(loader.module, "vfio-reset:test,bank");
	assert_true(bank_said(
		b, uiommu_device_name(machine_device_uiommu(world_device(&b->w, "platform0"))),
		"reset"));
	loader.registers = true;
	loader.result = -UIOMMU_ENOMEM;
	assert_int_equal(bank_bind(b), -UIOMMU_ENOMEM);
	loader.result = -UIOMMU_EIO;
	assert_int_equal(bank_bind(b), -UIOMMU_ENOENT);
	loader.result = 0;
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(loader.loads, 4);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(resets, 1);
	bank_close(b);
	/* Found now: nothing is loaded. */
	assert_int_equal(uiommu_uapi_unbind_driver(b->known), 0);
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(loader.loads, 4);
	bank_stop(b);
}

/* C208: two for one compatible, the wrong function, unloading while in use. */
static void test_registry(void **unused)
{
	struct bank *b = &bank;
	struct uiommu_uapi *uapi;

	(void)unused;
	start_counting(b, false);
	uapi = b->w.uapi;
	assert_int_equal(uiommu_uapi_register_platform_reset(uapi, NULL, count_reset, NULL),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_register_platform_reset(uapi, "", count_reset, NULL),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_register_platform_reset(uapi, "a,b", NULL, NULL),
			 -UIOMMU_EINVAL);
	/* The newest is found. */
	assert_int_equal(add_reset(b, other_reset), 0);
	assert_int_equal(add_reset(b, count_reset), 0);
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(resets, 1);
	assert_int_equal(other_resets, 0);
	/* In use, opened or not, and then not. */
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", count_reset),
			 -UIOMMU_EBUSY);
	bank_close(b);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", count_reset),
			 -UIOMMU_EBUSY);
	/* Not exactly this pair. */
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank2", count_reset),
			 -UIOMMU_ENOENT);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", NULL),
			 -UIOMMU_ENOENT);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, NULL, count_reset),
			 -UIOMMU_ENOENT);
	/* One that nobody has may go. */
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", other_reset), 0);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", other_reset),
			 -UIOMMU_ENOENT);
	assert_int_equal(bank_open(b), 0);
	bank_close(b);
	assert_int_equal(resets, 4);
	assert_int_equal(uiommu_uapi_unbind_driver(b->known), 0);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", count_reset), 0);
	assert_int_equal(bank_bind(b), -UIOMMU_ENOENT);
	/* The same pair twice is two registrations; what is left at the end goes with the front. */
	assert_int_equal(add_reset(b, count_reset), 0);
	assert_int_equal(add_reset(b, count_reset), 0);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(uapi, "test,bank", count_reset), 0);
	assert_int_equal(bank_bind(b), 0);
	bank_stop(b);
}

/* A bind that fails for another reason keeps nobody's function. */
static void test_failed_bind(void **unused)
{
	struct bank *b = &bank;
	struct uiommu_device *dev;

	(void)unused;
	start_counting(b, false);
	dev = machine_device_uiommu(world_device(&b->w, "platform0"));
	assert_int_equal(add_reset(b, count_reset), 0);
	/* It has a driver, with DMA of its own. */
	assert_int_equal(uiommu_device_bind_driver(dev, 0), 0);
	assert_int_equal(bank_bind(b), -UIOMMU_EBUSY);
	uiommu_device_unbind_driver(dev);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(b->w.uapi, "test,bank", count_reset),
			 0);
	bank_stop(b);
}

static void test_load_own(void **unused)
{
	static const char *const modules[] = { "vfio-reset:" FLEXRM, "vfio-reset:" CALXEDA,
					       "vfio-reset:" XGBE };
	static const char *const wrong[] = { FLEXRM, "vfio-reset:", "vfio-reset:test,bank",
					     "vfio-reset:" FLEXRM "2", NULL };
	struct bank *b = &bank;

	(void)unused;
	start_counting(b, false);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(uiommu_uapi_load_platform_reset(b->w.uapi, modules[i]), 0);
		assert_int_equal(uiommu_uapi_load_platform_reset(b->w.uapi, modules[i]), 0);
	}
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(uiommu_uapi_load_platform_reset(b->w.uapi, wrong[i]),
				 -UIOMMU_ENOENT);
	/* Loaded twice is there once. */
	assert_int_equal(uiommu_uapi_unregister_platform_reset(b->w.uapi, FLEXRM,
							       uiommu_platform_reset_flexrm),
			 0);
	assert_int_equal(uiommu_uapi_unregister_platform_reset(b->w.uapi, FLEXRM,
							       uiommu_platform_reset_flexrm),
			 -UIOMMU_ENOENT);
	bank_stop(b);
}

/* ---- Calxeda ----------------------------------------------------------------------------------- */

/* Accesses from @from on are these, all ordered. */
struct expected {
	bool write;
	unsigned int region;
	uint64_t offset;
	uint32_t value;
};

static void expect(struct bank *b, unsigned int from, const struct expected *expected,
		   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct bank_access *a = &b->access[from + i];

		assert_true(from + i < b->accesses);
		assert_int_equal(a->write, expected[i].write);
		assert_int_equal(a->region, expected[i].region);
		assert_int_equal(a->offset, expected[i].offset);
		assert_int_equal(a->value, expected[i].value);
		assert_int_equal(a->size, 4);
		assert_false(a->relaxed);
	}
}

static void put(struct bank *b, unsigned int region, uint64_t offset, uint32_t value)
{
	memcpy(b->memory[region] + offset, &value, 4);
}

static void test_calxeda(void **unused)
{
	static const struct expected expected[] = {
		{ true, 0, 0xf1c, 0 },		{ false, 0, 0xf18, 0xffffffff },
		{ true, 0, 0xf18, 0xffffdffd }, { false, 0, 0, 0x1234567f },
		{ true, 0, 0, 0x12345673 },
	};
	struct bank *b = &bank;

	(void)unused;
	bank_start(b, NULL);
	b->io.compatible = CALXEDA;
	bank_add_region(b, 0xfff50000, 0x1000);
	put(b, 0, 0, 0x1234567f);
	put(b, 0, 0xf18, 0xffffffff);
	put(b, 0, 0xf1c, 0xffffffff);
	assert_int_equal(bank_bind(b), 0);
	b->map_result = -UIOMMU_ENOMEM;
	assert_int_equal(bank_open(b), -UIOMMU_ENOMEM);
	assert_int_equal(b->accesses, 0);
	b->map_result = 0;
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(b->accesses, 5);
	expect(b, 0, expected, 5);
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(b->accesses, 10);
	/* Mapped once, for both. */
	assert_int_equal(b->maps[0], 1);
	assert_int_equal(b->now, 0);
	bank_stop(b);
}

/* ---- XGBE -------------------------------------------------------------------------------------- */

/* Registers of the PCS by page, and how many looks a reset takes; 0: for ever. */
struct xgbe {
	uint32_t page;
	uint16_t pcs_control, an_control, an_mask, an_interrupt;
	unsigned int phy_looks, mac_looks;
	unsigned int phy_seen, mac_seen;
};

static uint16_t *pcs_register(struct xgbe *x, uint64_t offset)
{
	switch (x->page << 8 | (uint32_t)(offset >> 2)) {
	case 3u << 16:
		return &x->pcs_control;
	case 7u << 16:
		return &x->an_control;
	case 7u << 16 | 0x8001:
		return &x->an_mask;
	case 7u << 16 | 0x8002:
		return &x->an_interrupt;
	default:
		fail_msg("page %#x, offset %#llx", x->page, (unsigned long long)offset);
		return NULL;
	}
}

static uint32_t xgbe_read(struct bank *b, unsigned int region, uint64_t offset, uint32_t value)
{
	struct xgbe *x = b->device;

	if (!region) {
		assert_int_equal(offset, 0x3000);
		if (value & 1 && ++x->mac_seen == x->mac_looks)
			put(b, 0, 0x3000, value &= ~1u);
		return value;
	}
	if (pcs_register(x, offset) == &x->pcs_control && x->pcs_control & 0x8000 &&
	    ++x->phy_seen == x->phy_looks)
		x->pcs_control &= 0x7fff;
	return *pcs_register(x, offset);
}

static void xgbe_write(struct bank *b, unsigned int region, uint64_t offset, uint32_t value)
{
	struct xgbe *x = b->device;

	if (!region)
		assert_int_equal(offset, 0x3000);
	else if (offset == 0xff << 2)
		x->page = value;
	else
		*pcs_register(x, offset) = (uint16_t)value;
}

static void start_xgbe(struct bank *b, struct xgbe *x)
{
	bank_start(b, NULL);
	b->io.compatible = XGBE;
	b->device = x;
	b->on_read = xgbe_read;
	b->on_write = xgbe_write;
	bank_add_region(b, 0xe0700000, 0x4000);
	bank_add_region(b, 0xe0780000, 0x800);
	put(b, 0, 0x3000, 0xabc00);
	*x = (struct xgbe){ .pcs_control = 0x2040,
			    .an_control = 0x3200,
			    .an_mask = 7,
			    .an_interrupt = 7,
			    .phy_looks = 3,
			    .mac_looks = 5 };
	assert_int_equal(bank_bind(b), 0);
}

/* The whole of it in order; a select goes before each access to the PCS. */
static void test_xgbe(void **unused)
{
	static const struct expected expected[] = {
		/* The PHY's reset, which is done at the third look. */
		{ true, 1, 0x3fc, 0x300 },
		{ false, 1, 0, 0x2040 },
		{ true, 1, 0x3fc, 0x300 },
		{ true, 1, 0, 0xa040 },
		{ true, 1, 0x3fc, 0x300 },
		{ false, 1, 0, 0xa040 },
		{ true, 1, 0x3fc, 0x300 },
		{ false, 1, 0, 0xa040 },
		{ true, 1, 0x3fc, 0x300 },
		{ false, 1, 0, 0x2040 },
		/* Auto-negotiation off. */
		{ true, 1, 0x3fc, 0x700 },
		{ false, 1, 0, 0x3200 },
		{ true, 1, 0x3fc, 0x700 },
		{ true, 1, 0, 0x2200 },
		/* Its interrupt: masked, cleared. */
		{ true, 1, 0x3fc, 0x780 },
		{ true, 1, 4, 0 },
		{ true, 1, 0x3fc, 0x780 },
		{ true, 1, 8, 0 },
		/* The MAC's reset, done at the fifth. */
		{ false, 0, 0x3000, 0xabc00 },
		{ true, 0, 0x3000, 0xabc01 },
		{ false, 0, 0x3000, 0xabc01 },
		{ false, 0, 0x3000, 0xabc01 },
		{ false, 0, 0x3000, 0xabc01 },
		{ false, 0, 0x3000, 0xabc01 },
		{ false, 0, 0x3000, 0xabc00 },
	};
	const unsigned int count = sizeof(expected) / sizeof(expected[0]);
	struct bank *b = &bank;
	struct xgbe x;

	(void)unused;
	start_xgbe(b, &x);
	b->map_result = -UIOMMU_ENOMEM;
	assert_int_equal(bank_open(b), -UIOMMU_ENOMEM);
	assert_int_equal(b->accesses, 0);
	b->map_result = 0;
	b->logged = 0;
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(b->accesses, count);
	expect(b, 0, expected, count);
	assert_int_equal(b->now, 3 * 20 * MS + 5 * MS / 2);
	assert_int_equal(b->logged, 0);
	bank_stop(b);
}

/* Resets that never end are said, and no error. */
static void test_xgbe_stuck(void **unused)
{
	struct bank *b = &bank;
	struct xgbe x;

	(void)unused;
	start_xgbe(b, &x);
	x.phy_looks = 0;
	x.mac_looks = 2000;
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(x.phy_seen, 50);
	assert_int_equal(b->now, 50 * 20 * MS + 1000 * MS);
	assert_int_equal(b->logged, 1);
	assert_true(bank_said(b, "PHY", "reset"));
	assert_int_equal(x.an_control, 0x2200);
	assert_int_equal(x.an_mask | x.an_interrupt, 0);
	/* The other one. */
	x = (struct xgbe){ .phy_looks = 50 };
	b->now = 0;
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(x.mac_seen, 2000);
	assert_int_equal(b->now, 50 * 20 * MS + 1000 * MS);
	assert_int_equal(b->logged, 2);
	assert_true(bank_said(b, "MAC", "reset"));
	x.phy_looks = x.phy_seen + 1;
	x.mac_looks = x.mac_seen + 1;
	bank_stop(b);
}

/* ---- FlexRM ------------------------------------------------------------------------------------ */

#define WINDOW 0x10000u
#define WINDOWS 64u
#define NEVER UINT32_MAX

/* One window; looks until the answer changes, 1: at the first; NEVER. */
struct ring {
	bool there;
	uint32_t flush_looks, clear_looks;
	enum { RUNNING, OFF, FLUSHING, CLEARING, DONE } state;
	uint32_t seen;
	uint64_t since, took[2]; /* ns, in flush and in clear */
};

struct rings {
	struct ring ring[WINDOWS];
	unsigned int versions; /* windows looked at */
};

static uint32_t ring_flushed(struct bank *b, struct ring *ring)
{
	bool flush = ring->state == FLUSHING;
	uint32_t looks = flush ? ring->flush_looks : ring->clear_looks;

	assert_true(ring->state == FLUSHING || ring->state == CLEARING);
	assert_true(ring->seen < 1000);
	/* One millisecond apart. */
	assert_int_equal(b->now - ring->since, ring->seen * MS);
	ring->seen++;
	ring->took[!flush] = b->now - ring->since;
	if (ring->seen < looks)
		return flush ? 0xfffffffe : 1;
	if (!flush)
		ring->state = DONE;
	return flush ? 0xffffffff : 0xfffffffe;
}

static uint32_t rings_read(struct bank *b, unsigned int region, uint64_t offset, uint32_t value)
{
	struct rings *rings = b->device;
	struct ring *ring = &rings->ring[offset / WINDOW];

	(void)region;
	(void)value;
	if (offset % WINDOW == 0) {
		/* In order, each once. */
		assert_int_equal(offset / WINDOW, rings->versions++);
		return ring->there ? 0x76303031 : 0x76303030;
	}
	assert_true(ring->there);
	assert_int_equal(offset % WINDOW, 0x38);
	return ring_flushed(b, ring);
}

static void rings_write(struct bank *b, unsigned int region, uint64_t offset, uint32_t value)
{
	struct rings *rings = b->device;
	struct ring *ring = &rings->ring[offset / WINDOW];

	(void)region;
	assert_true(ring->there);
	assert_int_equal(offset % WINDOW, 0x34);
	assert_int_equal(offset / WINDOW, rings->versions - 1);
	if (ring->state == RUNNING) {
		assert_int_equal(value, 0);
		ring->state = OFF;
	} else if (ring->state == OFF) {
		assert_int_equal(value, 1u << 5);
		ring->state = FLUSHING;
	} else {
		assert_int_equal(ring->state, FLUSHING);
		/* Only once it is flushed. */
		assert_int_equal(ring->seen, ring->flush_looks);
		assert_int_equal(value, 0);
		ring->state = CLEARING;
	}
	ring->seen = 0;
	ring->since = b->now;
}

/* All windows, of which @there(i) are rings that answer at the first look. */
static void start_rings(struct bank *b, struct rings *rings, uint64_t there)
{
	memset(rings, 0, sizeof(*rings));
	bank_start(b, NULL);
	b->io.compatible = FLEXRM;
	b->device = rings;
	b->on_read = rings_read;
	b->on_write = rings_write;
	bank_add_region(b, 0x67000000, (uint64_t)WINDOWS * WINDOW);
	for (unsigned int i = 0; i < WINDOWS; i++) {
		rings->ring[i].there = there >> i & 1;
		rings->ring[i].flush_looks = 1;
		rings->ring[i].clear_looks = 1;
	}
	assert_int_equal(bank_bind(b), 0);
}

static void finish_rings(struct bank *b, struct rings *rings)
{
	/* The device's close is a reset of its own. */
	memset(rings, 0, sizeof(*rings));
	bank_stop(b);
}

static void check_done(const struct rings *rings, unsigned int but_window)
{
	for (unsigned int i = 0; i < WINDOWS; i++) {
		if (rings->ring[i].there && i != but_window)
			assert_int_equal(rings->ring[i].state, DONE);
	}
	assert_int_equal(rings->versions, WINDOWS);
}

static void test_flexrm(void **unused)
{
	static const uint64_t there[] = { 0,
					  1,
					  UINT64_C(1) << 63,
					  UINT64_C(0xaaaaaaaaaaaaaaaa),
					  UINT64_C(0xffffffff),
					  UINT64_C(0x8000f0f0a5a50001) };
	struct bank *b = &bank;
	struct rings rings;

	(void)unused;
	for (unsigned int i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		unsigned int count = (unsigned int)__builtin_popcountll(there[i]);

		start_rings(b, &rings, there[i]);
		assert_int_equal(bank_open(b), 0);
		check_done(&rings, WINDOWS);
		/* A look at each window; for a ring three writes and two looks. */
		assert_int_equal(b->accesses, WINDOWS + 5 * count);
		for (unsigned int j = 0; j < b->accesses; j++) {
			assert_true(b->access[j].relaxed);
			assert_int_equal(b->access[j].size, 4);
		}
		assert_int_equal(b->now, 0);
		assert_int_equal(b->maps[0], 1);
		/* The notice, and nothing else. */
		assert_int_equal(b->logged, 1);
		finish_rings(b, &rings);
	}
}

/* A ring may take its time, to the last look. */
static void test_flexrm_slow(void **unused)
{
	struct bank *b = &bank;
	struct rings rings;

	(void)unused;
	start_rings(b, &rings, 0xf0f);
	rings.ring[1].flush_looks = 7;
	rings.ring[2].flush_looks = 1000;
	rings.ring[3].clear_looks = 1000;
	rings.ring[8].flush_looks = 2;
	rings.ring[8].clear_looks = 3;
	assert_int_equal(bank_open(b), 0);
	check_done(&rings, WINDOWS);
	assert_int_equal(rings.ring[1].took[0], 6 * MS);
	assert_int_equal(rings.ring[2].took[0], 999 * MS);
	assert_int_equal(rings.ring[3].took[1], 999 * MS);
	assert_int_equal(rings.ring[8].took[0], MS);
	assert_int_equal(rings.ring[8].took[1], 2 * MS);
	assert_int_equal(b->now, (6 + 999 + 999 + 1 + 2) * MS);
	finish_rings(b, &rings);
}

/* C207: the others are shut down, the result says it, and the log which: rings are counted, not windows. */
static void test_flexrm_stuck(void **unused)
{
	static const struct {
		uint32_t flush_looks, clear_looks;
		const char *where;
		uint64_t took;
		int state;
	} stuck[] = {
		{ NEVER, 1, "flush", 1000, FLUSHING },
		{ 1001, 1, "flush", 1000, FLUSHING },
		{ 1, NEVER, "clear", 1000, CLEARING },
		{ 1000, NEVER, "clear", 1999, CLEARING }, /* both: the worst */
	};
	struct bank *b = &bank;
	struct rings rings;

	(void)unused;
	for (unsigned int i = 0; i < sizeof(stuck) / sizeof(stuck[0]); i++) {
		/* Window 5 is the third ring, number 2. */
		start_rings(b, &rings, 0xf2a);
		rings.ring[5].flush_looks = stuck[i].flush_looks;
		rings.ring[5].clear_looks = stuck[i].clear_looks;
		assert_int_equal(bank_open(b), -UIOMMU_ETIMEDOUT);
		check_done(&rings, 5);
		assert_int_equal(rings.ring[5].state, stuck[i].state);
		assert_int_equal(rings.ring[5].seen, 1000);
		assert_int_equal(b->now, stuck[i].took * MS);
		assert_true(bank_said(b, "ring 2 ", stuck[i].where));
		assert_true(bank_said(b, "not opened", "(-110)"));
		assert_int_equal(b->logged, 3);
		finish_rings(b, &rings);
	}
}

static void test_flexrm_two_stuck(void **unused)
{
	struct bank *b = &bank;
	struct rings rings;

	(void)unused;
	start_rings(b, &rings, UINT64_C(0x8000000000000003));
	rings.ring[0].clear_looks = NEVER;
	rings.ring[63].flush_looks = NEVER;
	assert_int_equal(bank_open(b), -UIOMMU_ETIMEDOUT);
	assert_int_equal(rings.ring[1].state, DONE);
	assert_true(bank_said(b, "ring 0 ", "clear"));
	assert_true(bank_said(b, "ring 2 ", "flush"));
	assert_int_equal(b->now, 2000 * MS);
	finish_rings(b, &rings);
}

static void test_flexrm_memory(void **unused)
{
	struct bank *b = &bank;
	struct rings rings;

	(void)unused;
	start_rings(b, &rings, 1);
	b->map_result = -UIOMMU_ENOMEM;
	assert_int_equal(bank_open(b), -UIOMMU_ENOMEM);
	assert_int_equal(b->accesses, 0);
	b->map_result = 0;
	assert_int_equal(bank_open(b), 0);
	/* Mapped once for all resets while it is open. */
	memset(&rings, 0, sizeof(rings));
	assert_int_equal(bank_call(b, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(b->maps[0], 1);
	finish_rings(b, &rings);
}

/* Said once, whatever the number of resets and devices; and again by a function that is registered anew. */
static void test_notice(void **unused)
{
	struct bank *b = &bank;
	unsigned int notices = 0;
	struct rings rings;

	(void)unused;
	start_rings(b, &rings, 0);
	for (unsigned int i = 0; i < 3; i++) {
		memset(&rings, 0, sizeof(rings));
		assert_int_equal(bank_open(b), 0);
		memset(&rings, 0, sizeof(rings));
		bank_close(b);
	}
	for (unsigned int i = 0; i < b->logged; i++)
		notices += strstr(b->log[i], "deprecated") != NULL;
	assert_int_equal(notices, 1);
	assert_int_equal(b->logged, 1);
	finish_rings(b, &rings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),	      cmocka_unit_test(test_not_required),
		cmocka_unit_test(test_acpi),	      cmocka_unit_test(test_on_demand),
		cmocka_unit_test(test_registry),      cmocka_unit_test(test_failed_bind),
		cmocka_unit_test(test_load_own),      cmocka_unit_test(test_calxeda),
		cmocka_unit_test(test_xgbe),	      cmocka_unit_test(test_xgbe_stuck),
		cmocka_unit_test(test_flexrm),	      cmocka_unit_test(test_flexrm_slow),
		cmocka_unit_test(test_flexrm_stuck),  cmocka_unit_test(test_flexrm_two_stuck),
		cmocka_unit_test(test_flexrm_memory), cmocka_unit_test(test_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
