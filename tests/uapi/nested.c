/* SPDX-License-Identifier: MIT */
/* nested.c - what a virtual machine needs of an IOMMU: what it is, and stages of a guest's on top of the host's */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/smmuv3.h>
#include <uiommu/vtd.h>

#include "src/uapi/iommufd.h"
#include "tests/uapi/world.h"

struct guest {
	struct world w;
	int fd;
	struct uapi_file *file;
	struct machine_device *hardware;
	struct iommufd_device *device;
	uint32_t ioas;
	unsigned char *
		tables; /* the guest's memory up to DATA: of the kind that IOMMUs read tables from */
};

static long call(struct guest *g, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(g->w.process, g->fd, command, (uintptr_t)argument);
}

static struct iommufd_device *bind(struct guest *g, const char *label)
{
	struct machine_device *hardware = world_device(&g->w, label);
	struct iommufd_device *device;

	assert_int_equal(uiommu_iommufd_device_bind(uiommu_iommufd_of_file(g->file),
						    machine_device_uiommu(hardware), &device),
			 0);
	return device;
}

static void begin(struct guest *g, const char *machine, const char *label)
{
	memset(g, 0, sizeof(*g));
	world_start(&g->w, machine, NULL);
	g->fd = uiommu_uapi_open(g->w.process, "/dev/iommu");
	g->file = uiommu_uapi_fd_get(g->w.process, g->fd);
	g->hardware = world_device(&g->w, label);
	g->device = bind(g, label);
}

static void end(struct guest *g)
{
	uiommu_iommufd_device_unbind(g->device);
	uiommu_uapi_file_put(g->file);
	uiommu_uapi_close(g->w.process, g->fd);
	if (g->tables)
		uiommu_port_free_pages(machine_host(g->w.machine), g->tables, 2);
	machine_settle(g->w.machine);
	world_stop(&g->w);
}

/* ---- what the hardware is ---------------------------------------------------------------------- */

/* The size protocol of the data: cut off, whole, zeros behind it */
static void check_info(struct guest *g, uint32_t type, uint32_t size, unsigned char *whole)
{
	unsigned char room[64];
	struct abi_iommu_hw_info arg = { .size = sizeof(arg), .dev_id = g->device->object.id };

	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_type, type);
	assert_int_equal(arg.data_len, size);
	memset(room, 0xa5, sizeof(room));
	arg.data_type = 0;
	arg.data_len = sizeof(room) - 1;
	arg.data_uptr = (uintptr_t)room;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_len, size);
	for (size_t i = size; i < sizeof(room) - 1; i++)
		assert_int_equal(room[i], 0);
	assert_int_equal(room[sizeof(room) - 1], 0xa5);
	memcpy(whole, room, size);
	memset(room, 0xa5, sizeof(room));
	arg.data_type = 0;
	arg.data_len = size - 3;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_len, size);
	assert_memory_equal(room, whole, size - 3);
	assert_int_equal(room[size - 3], 0xa5);
	arg.flags = ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE;
	arg.data_type = type;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_type, type);
	arg.data_type = type ^ 3;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EOPNOTSUPP);
	arg.flags = 0;
	arg.data_type = type;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EOPNOTSUPP);
	arg.data_type = 0;
	arg.data_uptr = 0;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EFAULT);
	arg.dev_id = 99;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_ENOENT);
}

static void test_info_vtd(void **state)
{
	struct abi_iommu_hw_info_vtd info;
	struct guest g;

	(void)state;
	begin(&g, "q35-vtd-scalable", "pasid0");
	check_info(&g, ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD, sizeof(info), (unsigned char *)&info);
	assert_int_equal(info.flags | info.reserved, 0);
	assert_true(info.ecap_reg >> 43 & 1); /* SMTS, 11.4.3 */
	assert_true(info.ecap_reg >> 26 & 1); /* NEST */
	assert_int_equal((info.cap_reg >> 16 & 0x3f) + 1, 48); /* MGAW, 11.4.2 */
	end(&g);
	begin(&g, "q35-vtd", "solo0");
	check_info(&g, ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD, sizeof(info), (unsigned char *)&info);
	assert_false(info.ecap_reg >> 43 & 1);
	end(&g);
}

static void test_info_smmuv3(void **state)
{
	struct abi_iommu_hw_info_arm_smmuv3 info;
	struct guest g;

	(void)state;
	begin(&g, "virt-smmuv3", "solo0");
	check_info(&g, ABI_IOMMU_HW_INFO_TYPE_ARM_SMMUV3, sizeof(info), (unsigned char *)&info);
	assert_int_equal(info.flags | info.reserved, 0);
	assert_int_equal(info.idr[0] & 3, 3); /* S1P, S2P, 6.3.1 */
	assert_int_equal(info.idr[1] & 0x3f, 16); /* SIDSIZE, 6.3.2 */
	assert_true(info.idr[3] >> 10 & 1); /* RIL, 6.3.4 */
	assert_true(info.idr[5] >> 4 & 1); /* GRAN4K, 6.3.6 */
	assert_int_equal(info.idr[5] & 7, 5); /* OAS: 48 bits */
	assert_int_equal(info.aidr, 2); /* version 3.2, 6.3.8 */
	end(&g);
}

/* A driver without registers to show */
static void test_info_none(void **state)
{
	struct abi_iommu_hw_info arg = { .size = sizeof(arg) };
	unsigned char room[4] = { 1, 2, 3, 4 };
	struct guest g;

	(void)state;
	begin(&g, "q35-virtio", "solo0");
	arg.dev_id = g.device->object.id;
	arg.data_uptr = (uintptr_t)room;
	arg.data_len = 3;
	assert_int_equal(call(&g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_type, ABI_IOMMU_HW_INFO_TYPE_NONE);
	assert_int_equal(arg.data_len, 0);
	assert_true(!room[0] && !room[1] && !room[2] && room[3] == 4);
	arg.flags = ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE;
	arg.data_type = ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD;
	assert_int_equal(call(&g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EOPNOTSUPP);
	end(&g);
}

/* ---- a guest's memory and tables --------------------------------------------------------------- */

#define PAGE UINT64_C(4096)
#define VA UINT64_C(0x1234567000)
#define GUEST UINT64_C(0x40000000) /* where its memory begins, for it */
#define PASID 9u
#define LEVELS 4u
/* Pages of its memory: tables from the top down, or a context descriptor and tables, then two of data. */
enum { TABLES, DATA = LEVELS, OTHER, PAGES };

static uint64_t address(unsigned int page)
{
	return GUEST + page * PAGE;
}

static long destroy(struct guest *g, uint32_t id)
{
	struct abi_iommu_destroy arg = { sizeof(arg), id };

	return call(g, ABI_IOMMU_DESTROY, &arg);
}

static long hwpt_alloc(struct guest *g, uint32_t flags, uint32_t pt, uint32_t type,
		       const void *data, uint32_t size, uint32_t *id)
{
	struct abi_iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dev_id = g->device->object.id,
		.pt_id = pt,
		.data_type = type,
		.data_len = size,
		.data_uptr = (uintptr_t)data,
	};
	long rc = call(g, ABI_IOMMU_HWPT_ALLOC, &arg);

	*id = arg.out_hwpt_id;
	return rc;
}

/* The guest's memory in an IOAS, and a HWPT of that to stand on. */
static uint32_t make_parent(struct guest *g)
{
	struct abi_iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct abi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_READABLE |
			 ABI_IOMMU_IOAS_MAP_WRITEABLE,
		.length = DATA * PAGE,
		.iova = GUEST,
	};
	uint32_t id;

	assert_int_equal(call(g, ABI_IOMMU_IOAS_ALLOC, &ioas), 0);
	map.ioas_id = g->ioas = ioas.out_ioas_id;
	g->tables = uiommu_port_alloc_pages(machine_host(g->w.machine), 2);
	assert_non_null(g->tables);
	map.user_va = (uintptr_t)g->tables;
	assert_int_equal(call(g, ABI_IOMMU_IOAS_MAP, &map), 0);
	map.user_va = (uintptr_t)g->w.memory;
	map.iova = address(DATA);
	map.length = (PAGES - DATA) * PAGE;
	assert_int_equal(call(g, ABI_IOMMU_IOAS_MAP, &map), 0);
	assert_int_equal(hwpt_alloc(g, ABI_IOMMU_HWPT_ALLOC_NEST_PARENT, ioas.out_ioas_id, 0, NULL,
				    0, &id),
			 0);
	*(uint64_t *)(void *)g->w.memory = 0xd0;
	*(uint64_t *)(void *)(g->w.memory + PAGE) = 0xd1;
	return id;
}

static uint64_t *table(struct guest *g, unsigned int page)
{
	return (uint64_t *)(void *)(g->tables + page * PAGE);
}

static void entry(struct guest *g, unsigned int page, unsigned int level, uint64_t value)
{
	__atomic_store_n(&table(g, page)[VA >> (12 + 9 * level) & 511], value, __ATOMIC_SEQ_CST);
}

/* What the device finds at VA; 0: it was refused. */
static uint64_t found(struct guest *g, uint32_t pasid)
{
	uint64_t value = 0;

	if (machine_dma_read(g->hardware, VA, &value, sizeof(value), pasid,
			     pasid ? MACHINE_DMA_WITH_PASID : 0) == MACHINE_DMA_REFUSED)
		return 0;
	return value;
}

static long attach(struct guest *g, uint32_t pasid, uint32_t hwpt)
{
	return uiommu_iommufd_device_attach(g->device, pasid ? pasid : UIOMMU_RID, &hwpt);
}

static long invalidate(struct guest *g, uint32_t id, uint32_t type, const void *entries,
		       uint32_t size, uint32_t *count)
{
	struct abi_iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = id,
		.data_uptr = (uintptr_t)entries,
		.data_type = type,
		.entry_len = size,
		.entry_num = *count,
	};
	long rc = call(g, ABI_IOMMU_HWPT_INVALIDATE, &arg);

	*count = arg.entry_num;
	return rc;
}

/* ---- VT-d -------------------------------------------------------------------------------------- */

#define VTD ABI_IOMMU_HWPT_DATA_VTD_S1
#define TABLE 7u /* present, writable, user: 9.7 */

static void vtd_tables(struct guest *g)
{
	for (unsigned int page = 0; page < LEVELS; page++)
		entry(g, page, LEVELS - 1 - page, address(page + 1) | TABLE);
}

static void test_vtd(void **state)
{
	static const uint32_t sizes[] = { 0, 8, 16, 23, 25, 32, 4096, 4097 };
	struct abi_iommu_hwpt_vtd_s1 s1 = { .pgtbl_addr = GUEST, .addr_width = 48 };
	struct abi_iommu_hwpt_vtd_s1_invalidate inv[130] = { { 0 } };
	uint32_t parent, plain, nested, pasid, id, count;
	struct guest g;

	(void)state;
	begin(&g, "q35-vtd-pri", "pri0");
	parent = make_parent(&g);
	vtd_tables(&g);
	assert_int_equal(hwpt_alloc(&g, 0, g.ioas, 0, NULL, 0, &plain), 0);

	assert_int_equal(hwpt_alloc(&g, 0, plain, VTD, &s1, 24, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, parent, 0, NULL, 0, &id), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(hwpt_alloc(&g, 0, parent, 0, &s1, 24, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, parent, VTD, &s1, 0, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, parent, VTD, &s1, 16, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, parent, VTD, inv, 32, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, parent, VTD, NULL, 24, &id), -UIOMMU_EFAULT);
	assert_int_equal(hwpt_alloc(&g, 0, parent, ABI_IOMMU_HWPT_DATA_ARM_SMMUV3, &s1, 16, &id),
			 -UIOMMU_EOPNOTSUPP);
	assert_int_equal(hwpt_alloc(&g, ABI_IOMMU_HWPT_ALLOC_NEST_PARENT, parent, VTD, &s1, 24,
				    &id),
			 -UIOMMU_EOPNOTSUPP);
	s1.addr_width = 12;
	assert_int_equal(hwpt_alloc(&g, 0, parent, VTD, &s1, 24, &id), -UIOMMU_EINVAL);
	s1.addr_width = 48;
	assert_int_equal(hwpt_alloc(&g, 0, parent, VTD, &s1, 24, &nested), 0);
	assert_int_equal(hwpt_alloc(&g, 0, nested, VTD, &s1, 24, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, ABI_IOMMU_HWPT_ALLOC_PASID, parent, VTD, &s1, 24, &pasid),
			 0);
	assert_int_equal(destroy(&g, parent), -UIOMMU_EBUSY);

	/* By RID, by PASID, and from one to the other. */
	assert_int_equal(attach(&g, PASID, nested), -UIOMMU_EINVAL);
	assert_int_equal(attach(&g, 0, nested), 0);
	assert_int_equal(found(&g, 0), 0xd0);
	assert_int_equal(attach(&g, PASID, pasid), -UIOMMU_EINVAL);
	assert_int_equal(attach(&g, 0, pasid), 0);
	assert_int_equal(attach(&g, PASID, pasid), 0);
	assert_int_equal(found(&g, 0), 0xd0);
	assert_int_equal(found(&g, PASID), 0xd0);

	/* A leaf changes: it is seen when it has been invalidated. */
	entry(&g, LEVELS - 1, 0, address(OTHER) | TABLE);
	count = 0;
	assert_int_equal(invalidate(&g, pasid, 0, NULL, 0, &count), 0);
	assert_int_equal(invalidate(&g, pasid, 1, NULL, 0, &count), -UIOMMU_EINVAL);
	count = 1;
	assert_int_equal(invalidate(&g, pasid, 0, NULL, 24, &count), -UIOMMU_EINVAL);
	assert_int_equal(count, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		count = 1;
		assert_int_equal(invalidate(&g, pasid, 0, inv, sizes[i], &count), -UIOMMU_EINVAL);
		assert_int_equal(count, 0);
	}
	count = (1u << 19) + 1;
	assert_int_equal(invalidate(&g, pasid, 0, inv, 24, &count), -UIOMMU_EINVAL);
	assert_int_equal(count, 0);
	count = 1;
	assert_int_equal(invalidate(&g, parent, 0, inv, 24, &count), -UIOMMU_EINVAL);
	count = 1;
	assert_int_equal(invalidate(&g, 99, 0, inv, 24, &count), -UIOMMU_ENOENT);
	assert_int_equal(count, 0);
	/* Up to the first bad one. */
	inv[100] = (struct abi_iommu_hwpt_vtd_s1_invalidate){ .flags = 2 };
	count = 130;
	assert_int_equal(invalidate(&g, pasid, 0, inv, 24, &count), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(count, 100);
	inv[100] = (struct abi_iommu_hwpt_vtd_s1_invalidate){ .addr = 1, .npages = 1 };
	count = 130;
	assert_int_equal(invalidate(&g, pasid, 0, inv, 24, &count), -UIOMMU_EINVAL);
	assert_int_equal(count, 100);
	inv[100] = (struct abi_iommu_hwpt_vtd_s1_invalidate){ .addr = PAGE, .npages = UINT64_MAX };
	count = 130;
	assert_int_equal(invalidate(&g, pasid, 0, inv, 24, &count), -UIOMMU_EINVAL);
	assert_int_equal(found(&g, PASID), 0xd0); /* no one has named it yet */
	inv[99] = (struct abi_iommu_hwpt_vtd_s1_invalidate){ .addr = VA, .npages = 1, .flags = 1 };
	count = 130;
	assert_int_equal(invalidate(&g, pasid, 0, inv, 24, &count), -UIOMMU_EINVAL);
	assert_int_equal(count, 100);
	assert_int_equal(found(&g, PASID), 0xd1);
	assert_int_equal(found(&g, 0), 0xd1);
	uiommu_iommufd_device_detach(g.device, PASID);
	assert_int_equal(destroy(&g, pasid), -UIOMMU_EBUSY);
	assert_int_equal(attach(&g, 0, plain), 0);
	assert_int_equal(destroy(&g, pasid), 0);
	assert_int_equal(destroy(&g, nested), 0);
	assert_int_equal(destroy(&g, parent), 0);
	end(&g);
}

/* ---- SMMUv3 ------------------------------------------------------------------------------------ */

#define SMMU ABI_IOMMU_HWPT_DATA_ARM_SMMUV3
#define ASID 7ull
#define VSID 0x1234ull
#define STE_V 1ull
#define STE_BYPASS (4ull << 1)
#define STE_S1 (5ull << 1)
#define CFGI_CD 0x05ull
#define NH_ASID (0x11ull | ASID << 48)
#define NH_ALL 0x10ull
#define SYNC 0x46ull

/* AP: not privileged; SH inner, AF, nG */
static void smmu_leaf(struct guest *g, unsigned int page)
{
	entry(g, 3, 0, address(page) | 3 | 1ull << 6 | 3ull << 8 | 1ull << 10 | 1ull << 11);
}

/* IHI 0070, 5.4 and DDI 0487, D8: 4K, 39 bits, a context descriptor in the first page. */
static void smmu_tables(struct guest *g)
{
	uint64_t *cd = table(g, 0);

	entry(g, 1, 2, address(2) | 3);
	entry(g, 2, 1, address(3) | 3);
	smmu_leaf(g, DATA);
	cd[1] = address(1);
	cd[3] = 0xff;
	/* T0SZ; EPD1, V, IPS of 48 bits, AA64, R, A, ASET */
	__atomic_store_n(&cd[0],
			 25 | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 30 | 1ull << 31 |
				 5ull << 32 | 1ull << 41 | 1ull << 45 | 1ull << 46 | 1ull << 47 |
				 ASID << 48,
			 __ATOMIC_SEQ_CST);
}

static long viommu_alloc(struct guest *g, uint32_t type, uint32_t dev, uint32_t hwpt, uint32_t *id)
{
	struct abi_iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = type,
		.dev_id = dev,
		.hwpt_id = hwpt,
	};
	long rc = call(g, ABI_IOMMU_VIOMMU_ALLOC, &arg);

	*id = arg.out_viommu_id;
	return rc;
}

static long vdevice_alloc(struct guest *g, uint32_t viommu, uint32_t dev, uint64_t virt_id,
			  uint32_t *id)
{
	struct abi_iommu_vdevice_alloc arg = { sizeof(arg), viommu, dev, 0, virt_id };
	long rc = call(g, ABI_IOMMU_VDEVICE_ALLOC, &arg);

	*id = arg.out_vdevice_id;
	return rc;
}

static void test_smmuv3(void **state)
{
	static const uint64_t bad[][2] = {
		{ STE_V | 6ull << 1, 0 }, /* stage 2 is not the guest's */
		{ STE_V | STE_S1, 1ull << 30 }, /* STRW */
		{ STE_V | STE_S1, 2ull << 28 }, /* EATS */
		{ STE_V | STE_S1 | 1ull << 52, 0 }, /* reserved */
	};
	const uint64_t ste[2] = { STE_V | STE_S1 | GUEST, 1ull << 2 | 1ull << 4 | 3ull << 6 };
	const uint64_t bypass[2] = { STE_V | STE_BYPASS, 0 }, invalid[2] = { STE_S1, 0 };
	uint64_t commands[4][2] = {
		{ CFGI_CD | VSID << 32, 1 }, { NH_ASID, 0 }, { SYNC, 0 }, { NH_ALL, 0 }
	};
	uint32_t parent, plain, viommu, vdevice, nested, pass, none, id, count, dev;
	struct iommufd_device *second;
	struct guest g;

	(void)state;
	begin(&g, "virt-smmuv3", "solo0");
	second = bind(&g, "solo1");
	parent = make_parent(&g);
	dev = g.device->object.id;
	smmu_tables(&g);
	assert_int_equal(hwpt_alloc(&g, 0, g.ioas, 0, NULL, 0, &plain), 0);

	assert_int_equal(viommu_alloc(&g, 0, dev, parent, &id), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(viommu_alloc(&g, 7, dev, parent, &id), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(viommu_alloc(&g, 1, parent, parent, &id), -UIOMMU_ENOENT);
	assert_int_equal(viommu_alloc(&g, 1, dev, g.ioas, &id), -UIOMMU_ENOENT);
	assert_int_equal(viommu_alloc(&g, 1, dev, plain, &id), -UIOMMU_EINVAL);
	assert_int_equal(viommu_alloc(&g, 1, dev, parent, &viommu), 0);
	assert_int_equal(destroy(&g, parent), -UIOMMU_EBUSY);

	/* Stages: not without a vIOMMU, and by its rules. */
	assert_int_equal(hwpt_alloc(&g, 0, parent, SMMU, ste, 16, &id), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, VTD, ste, 16, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, ste, 8, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, commands, 24, &id), -UIOMMU_EINVAL);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, 0, NULL, 0, &id), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(hwpt_alloc(&g, ABI_IOMMU_HWPT_ALLOC_PASID, viommu, SMMU, ste, 16, &id),
			 -UIOMMU_EOPNOTSUPP);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, bad[i], 16, &id), -UIOMMU_EIO);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, ste, 16, &nested), 0);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, bypass, 16, &pass), 0);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, invalid, 16, &none), 0);
	assert_int_equal(destroy(&g, viommu), -UIOMMU_EBUSY);

	/* The guest's name of the device comes before its translation. */
	assert_int_equal(attach(&g, 0, nested), -UIOMMU_ENOENT);
	assert_int_equal(attach(&g, 0, none), 0);
	assert_int_equal(found(&g, 0), 0);
	assert_int_equal(vdevice_alloc(&g, 99, dev, VSID, &id), -UIOMMU_ENOENT);
	assert_int_equal(vdevice_alloc(&g, viommu, viommu, VSID, &id), -UIOMMU_ENOENT);
	assert_int_equal(vdevice_alloc(&g, viommu, dev, VSID, &vdevice), 0);
	assert_int_equal(vdevice_alloc(&g, viommu, dev, VSID + 1, &id), -UIOMMU_EEXIST);
	assert_int_equal(vdevice_alloc(&g, viommu, second->object.id, VSID, &id), -UIOMMU_EEXIST);
	assert_int_equal(attach(&g, 0, nested), 0);
	assert_int_equal(found(&g, 0), 0xd0);

	/* Commands by the guest's names, up to the first bad one. */
	entry(&g, 3, 0, 0);
	count = 1;
	commands[0][0] = CFGI_CD | (VSID + 1) << 32;
	assert_int_equal(invalidate(&g, viommu, 1, commands, 16, &count), -UIOMMU_EIO);
	assert_int_equal(count, 0);
	commands[0][0] = CFGI_CD | VSID << 32;
	count = 1;
	assert_int_equal(invalidate(&g, viommu, 0, commands, 16, &count), -UIOMMU_EINVAL);
	count = 1;
	assert_int_equal(invalidate(&g, viommu, 1, commands, 24, &count), -UIOMMU_EINVAL);
	count = 1;
	assert_int_equal(invalidate(&g, nested, 1, commands, 16, &count), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(found(&g, 0), 0xd0);
	count = 4;
	assert_int_equal(invalidate(&g, viommu, 1, commands, 16, &count), -UIOMMU_EIO);
	assert_int_equal(count, 2);
	assert_int_equal(found(&g, 0), 0);
	smmu_leaf(&g, OTHER);
	assert_int_equal(found(&g, 0), 0xd1);
	/* The context descriptor: the command has to reach the stream that the guest means. */
	__atomic_and_fetch(table(&g, 0), ~(1ull << 31), __ATOMIC_SEQ_CST);
	count = 1;
	assert_int_equal(invalidate(&g, viommu, 1, commands[1], 16, &count), 0);
	assert_int_equal(found(&g, 0), 0xd1);
	count = 2;
	assert_int_equal(invalidate(&g, viommu, 1, commands, 16, &count), 0);
	assert_int_equal(found(&g, 0), 0);

	/* Without the device its number is nobody's, and no one else's. */
	uiommu_iommufd_device_unbind(g.device);
	g.device = second;
	assert_int_equal(destroy(&g, vdevice), -UIOMMU_ENOENT);
	count = 1;
	assert_int_equal(invalidate(&g, viommu, 1, commands, 16, &count), -UIOMMU_EIO);
	assert_int_equal(vdevice_alloc(&g, viommu, second->object.id, VSID, &id), 0);
	assert_int_not_equal(id, vdevice);
	count = 2;
	assert_int_equal(invalidate(&g, viommu, 1, commands, 16, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(destroy(&g, viommu), -UIOMMU_EBUSY);
	assert_int_equal(destroy(&g, id), 0);
	assert_int_equal(destroy(&g, nested), 0);
	assert_int_equal(destroy(&g, pass), 0);
	assert_int_equal(destroy(&g, none), 0);
	assert_int_equal(destroy(&g, viommu), 0);
	assert_int_equal(destroy(&g, parent), 0);
	end(&g);
}

/* ---- a guest's events -------------------------------------------------------------------------- */

struct vevent {
	struct abi_iommufd_vevent_header header;
	uint64_t evt[4];
};

static long veventq_alloc(struct guest *g, uint32_t viommu, uint32_t type, uint32_t depth,
			  struct abi_iommu_veventq_alloc *arg)
{
	*arg = (struct abi_iommu_veventq_alloc){
		.size = sizeof(*arg),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	return call(g, ABI_IOMMU_VEVENTQ_ALLOC, arg);
}

static long get(struct guest *g, uint32_t fd, void *to, size_t size)
{
	return uiommu_uapi_read(g->w.process, (int)fd, to, size);
}

/* A request that the guest's own stage refuses. */
static void refuse(struct guest *g, uint32_t pasid)
{
	assert_int_equal(found(g, pasid), 0);
	machine_settle(g->w.machine);
}

static void check_queue_arguments(struct guest *g, uint32_t viommu)
{
	struct abi_iommu_hw_queue_alloc hw = { .size = sizeof(hw), .viommu_id = viommu };
	struct abi_iommu_veventq_alloc arg;

	assert_int_equal(veventq_alloc(g, viommu, 0, 1, &arg), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(veventq_alloc(g, viommu, 1, 0, &arg), -UIOMMU_EINVAL);
	assert_int_equal(veventq_alloc(g, viommu, 1, (1u << 19) + 1, &arg), -UIOMMU_EINVAL);
	assert_int_equal(veventq_alloc(g, viommu + 99, 1, 1, &arg), -UIOMMU_ENOENT);
	arg.flags = 1;
	assert_int_equal(call(g, ABI_IOMMU_VEVENTQ_ALLOC, &arg), -UIOMMU_EOPNOTSUPP);
	arg.flags = 0;
	arg.reserved = 1;
	assert_int_equal(call(g, ABI_IOMMU_VEVENTQ_ALLOC, &arg), -UIOMMU_EOPNOTSUPP);

	assert_int_equal(call(g, ABI_IOMMU_HW_QUEUE_ALLOC, &hw), -UIOMMU_EOPNOTSUPP);
	hw.type = 1;
	assert_int_equal(call(g, ABI_IOMMU_HW_QUEUE_ALLOC, &hw), -UIOMMU_EINVAL);
	hw.length = PAGE;
	assert_int_equal(call(g, ABI_IOMMU_HW_QUEUE_ALLOC, &hw), -UIOMMU_EOPNOTSUPP);
	hw.nesting_parent_iova = UINT64_MAX - PAGE + 2;
	assert_int_equal(call(g, ABI_IOMMU_HW_QUEUE_ALLOC, &hw), -UIOMMU_EOVERFLOW);
	hw.nesting_parent_iova = 0;
	hw.viommu_id += 99;
	assert_int_equal(call(g, ABI_IOMMU_HW_QUEUE_ALLOC, &hw), -UIOMMU_ENOENT);
}

/* Faults of the guest's stage are its events, by its StreamIDs; some are lost, and it can tell */
static void test_events(void **state)
{
	const uint64_t ste[2] = { STE_V | STE_S1 | GUEST, 1ull << 2 | 1ull << 4 | 3ull << 6 };
	struct abi_iommu_veventq_alloc queue, other;
	struct vevent event[8];
	uint32_t parent, viommu, vdevice, nested;
	struct guest g;

	(void)state;
	begin(&g, "virt-smmuv3", "pasid0");
	parent = make_parent(&g);
	smmu_tables(&g);
	assert_int_equal(viommu_alloc(&g, 1, g.device->object.id, parent, &viommu), 0);
	check_queue_arguments(&g, viommu);
	assert_int_equal(vdevice_alloc(&g, viommu, g.device->object.id, VSID, &vdevice), 0);
	assert_int_equal(hwpt_alloc(&g, 0, viommu, SMMU, ste, 16, &nested), 0);
	assert_int_equal(attach(&g, 0, nested), 0);
	assert_int_equal(found(&g, 0), 0xd0);

	/* Nobody listens yet. */
	refuse(&g, PASID);
	assert_int_equal(veventq_alloc(&g, viommu, 1, 2, &queue), 0);
	assert_int_equal(veventq_alloc(&g, viommu, 1, 2, &other), -UIOMMU_EEXIST);
	assert_int_equal(veventq_alloc(&g, viommu, 7, 2, &other), 0);
	assert_int_equal(destroy(&g, viommu), -UIOMMU_EBUSY);
	assert_int_equal(destroy(&g, queue.out_veventq_id), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_uapi_poll(g.w.process, (int)queue.out_veventq_fd), 0);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, sizeof(event)), 0);

	/* Without substreams a request of one is refused, 5.2; of which the host knows nothing. */
	refuse(&g, PASID);
	assert_true(uiommu_uapi_poll(g.w.process, (int)queue.out_veventq_fd) & UAPI_POLLIN);
	assert_false(uiommu_uapi_poll(g.w.process, (int)queue.out_veventq_fd) & UAPI_POLLOUT);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, 39), -UIOMMU_EINVAL);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, 7), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_pread(g.w.process, (int)queue.out_veventq_fd, event,
					   sizeof(event), 40),
			 -UAPI_ESPIPE);
	assert_int_equal(get(&g, queue.out_veventq_fd, NULL, sizeof(event)), -UIOMMU_EFAULT);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, sizeof(event)), 40);
	assert_int_equal(event[0].header.flags, 0);
	assert_int_equal(event[0].header.sequence, 0);
	assert_int_equal(event[0].evt[0] & 0xff, 8); /* C_BAD_SUBSTREAMID, 7.3.6 */
	assert_int_equal(event[0].evt[0] >> 12 & 0xfffff, PASID);
	assert_true(event[0].evt[0] >> 32 == VSID);

	/* A hole in the guest's table is the guest's; one below is not. */
	entry(&g, 3, 0, address(PAGES) | 0xf43);
	assert_int_equal(attach(&g, 0, parent), 0);
	assert_int_equal(attach(&g, 0, nested), 0);
	refuse(&g, 0);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, sizeof(event)), 0);
	assert_int_equal(attach(&g, 0, parent), 0);
	entry(&g, 3, 0, 0);
	assert_int_equal(attach(&g, 0, nested), 0);
	refuse(&g, 0);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, 79), 40);
	assert_int_equal(event[0].header.sequence, 1);
	assert_int_equal(event[0].evt[0] & 0xff, 0x10); /* F_TRANSLATION, 7.3.14 */
	assert_true(event[0].evt[0] >> 32 == VSID);
	assert_true(event[0].evt[1] >> 35 & 1); /* it was read */
	assert_true(event[0].evt[2] == VA);

	/* Two fit, the others are one mark, which is the end until there is room again. */
	for (unsigned int i = 0; i < 5; i++)
		refuse(&g, 0);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, 40), 40);
	assert_int_equal(event[0].header.sequence, 2);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, sizeof(event)), 48);
	assert_int_equal(event[0].header.sequence, 3);
	assert_int_equal(event[1].header.flags, ABI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	assert_int_equal(event[1].header.sequence, 6);
	assert_int_equal(uiommu_uapi_poll(g.w.process, (int)queue.out_veventq_fd), 0);
	for (unsigned int i = 0; i < 3; i++)
		refuse(&g, 0);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, 40), 40);
	assert_int_equal(event[0].header.sequence, 7);
	refuse(&g, 0);
	assert_int_equal(get(&g, queue.out_veventq_fd, event, sizeof(event)), 80);
	assert_int_equal(event[0].header.sequence, 8);
	assert_int_equal(event[1].header.sequence, 10); /* 9 is missing */
	assert_int_equal(event[1].header.flags, 0);

	/* The guest has no such device any more; then there is nobody to tell. */
	refuse(&g, 0);
	assert_int_equal(attach(&g, 0, parent), 0);
	assert_int_equal(destroy(&g, vdevice), 0);
	assert_int_equal(uiommu_uapi_close(g.w.process, (int)queue.out_veventq_fd), 0);
	assert_int_equal(destroy(&g, queue.out_veventq_id), 0);
	assert_int_equal(destroy(&g, nested), 0);
	assert_int_equal(get(&g, other.out_veventq_fd, event, sizeof(event)), 0);
	/* The other's file keeps what it needs. */
	end(&g);
}

struct ending {
	struct guest g;
	_Atomic(bool) started, asked, ended;
	bool early;
};

static void slow_handler(const struct uiommu_fault *fault, void *token)
{
	struct ending *e = token;

	(void)fault;
	e->started = true;
	while (!e->asked)
		sched_yield();
	for (unsigned int i = 0; i < 1000; i++)
		sched_yield();
	e->early = e->ended;
}

static void *raise_fault(void *arg)
{
	struct ending *e = arg;

	refuse(&e->g, 0);
	return NULL;
}

/* Whoever takes a handler away, and then what it works on, has to wait for one that is at it */
static void test_handler_ends(void **state)
{
	struct ending e = { .early = false };
	struct iommufd_hwpt *hwpt;
	uint32_t parent;
	pthread_t thread;

	(void)state;
	begin(&e.g, "virt-smmuv3", "solo0");
	parent = make_parent(&e.g);
	assert_int_equal(attach(&e.g, 0, parent), 0);
	hwpt = iommufd_to_hwpt(uiommu_iommufd_object_find(uiommu_iommufd_of_file(e.g.file), parent,
							  IOMMUFD_HWPT_PAGING));
	uiommu_set_fault_handler(hwpt->domain, slow_handler, &e);
	assert_int_equal(pthread_create(&thread, NULL, raise_fault, &e), 0);
	while (!e.started)
		sched_yield();
	e.asked = true;
	uiommu_set_fault_handler(hwpt->domain, NULL, NULL);
	e.ended = true;
	pthread_join(thread, NULL);
	assert_false(e.early);
	end(&e.g);
}

/* No such thing on other hardware */
static void test_viommu_vtd(void **state)
{
	uint32_t parent, id;
	struct guest g;

	(void)state;
	begin(&g, "q35-vtd-pri", "pri0");
	parent = make_parent(&g);
	assert_int_equal(viommu_alloc(&g, 1, g.device->object.id, parent, &id), -UIOMMU_EOPNOTSUPP);
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info_vtd),  cmocka_unit_test(test_info_smmuv3),
		cmocka_unit_test(test_info_none), cmocka_unit_test(test_vtd),
		cmocka_unit_test(test_smmuv3),	  cmocka_unit_test(test_viommu_vtd),
		cmocka_unit_test(test_events),	  cmocka_unit_test(test_handler_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
