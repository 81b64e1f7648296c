/* SPDX-License-Identifier: MIT */
/*
 * edu_dma.c - a program that drives a device through VFIO, in the three ways that there are
 *
 * The device is "edu": it copies between memory and a buffer of its own.  The program lets it reach one piece of memory,
 * has it take a text from there and bring it back to another place, and looks whether it came.
 *
 *	edu-dma [type1|iommufd|noiommu]...
 *
 * What it does is what a program on Linux does: the same files, commands, structs and results.  There the calls would be
 * open(), ioctl(), pread(), pwrite() and close(), memory would come from mmap(), and the structs from <linux/vfio.h> and
 * <linux/iommufd.h>.  Here they go to the library, the machine is a model (machine.c), and no rights are needed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>

#include "examples/edu-dma/machine.h"

/* The edu's registers, in BAR 0. */
enum {
	EDU_ID = 0x00,
	EDU_DMA_SOURCE = 0x80,
	EDU_DMA_DESTINATION = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_COMMAND = 0x98,
	EDU_BUFFER = 0x40000, /* as the device's engine calls it */
};
#define RUN 1u
#define TO_MEMORY 2u

#define PAGE 4096u
#define IOVA UINT64_C(0x100000)

static void fail(const char *what, long rc)
{
	fprintf(stderr, "edu-dma: %s: %s\n", what, strerror((int)-rc));
	exit(1);
}

/* What cannot go wrong on this machine, and ends the program if it does. */
static long must(const char *what, long rc)
{
	if (rc < 0)
		fail(what, rc);
	return rc;
}

static long call(const struct program *p, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(p->process, fd, command, (uintptr_t)argument);
}

static int open_file(const struct program *p, const char *path)
{
	return (int)must(path, uiommu_uapi_open(p->process, path));
}

/* ---- the device, once there is a descriptor for it ----------------------------------------------- */

struct edu {
	const struct program *p;
	int fd;
	uint64_t bar0, config; /* where the two regions are in the file */
};

static uint64_t find_region(const struct edu *edu, uint32_t index)
{
	struct abi_vfio_region_info info = { .argsz = sizeof(info), .index = index };

	must("REGION_INFO", call(edu->p, edu->fd, ABI_VFIO_DEVICE_GET_REGION_INFO, &info));
	return info.offset;
}

static uint64_t get(const struct edu *edu, uint64_t offset, size_t size)
{
	uint64_t value = 0;

	must("reading a register",
	     uiommu_uapi_pread(edu->p->process, edu->fd, &value, size, offset));
	return value;
}

static void put(const struct edu *edu, uint64_t offset, uint64_t value, size_t size)
{
	must("writing a register",
	     uiommu_uapi_pwrite(edu->p->process, edu->fd, &value, size, offset));
}

static void copy(const struct edu *edu, uint64_t from, uint64_t to, uint64_t count,
		 uint32_t command)
{
	put(edu, edu->bar0 + EDU_DMA_SOURCE, from, 8);
	put(edu, edu->bar0 + EDU_DMA_DESTINATION, to, 8);
	put(edu, edu->bar0 + EDU_DMA_COUNT, count, 8);
	put(edu, edu->bar0 + EDU_DMA_COMMAND, command | RUN, 8);
	while (get(edu, edu->bar0 + EDU_DMA_COMMAND, 8) & RUN)
		;
}

/* The device calls the first byte of the program's memory @address. True: the text came through. */
static bool there_and_back(const struct edu *edu, uint64_t address)
{
	static const char text[] = "There is no such thing as a bus.";
	char *memory = edu->p->memory;

	memset(memory, 0, 2 * PAGE);
	memcpy(memory, text, sizeof(text));
	copy(edu, address, EDU_BUFFER, sizeof(text), 0);
	copy(edu, EDU_BUFFER, address + PAGE, sizeof(text), TO_MEMORY);
	return !memcmp(memory + PAGE, text, sizeof(text));
}

/* What each way ends in: the device looked at, switched on, and used. */
static void use(const struct program *p, int fd, const char *way, uint64_t address)
{
	struct abi_vfio_device_info info = { .argsz = sizeof(info) };
	struct edu edu = { .p = p, .fd = fd };

	must("GET_INFO", call(p, fd, ABI_VFIO_DEVICE_GET_INFO, &info));
	edu.bar0 = find_region(&edu, 0);
	edu.config = find_region(&edu, 7);
	/* Memory decoding and bus mastering, in the command register: nobody else switches them on. */
	put(&edu, edu.config + 4, get(&edu, edu.config + 4, 2) | 0x6, 2);
	printf("%-8s regions %" PRIu32 ", interrupts %" PRIu32 ", id %08" PRIx64 ": ", way,
	       info.num_regions, info.num_irqs, get(&edu, edu.bar0 + EDU_ID, 4));
	if (!there_and_back(&edu, address)) {
		puts("the text did not come back");
		exit(1);
	}
	puts("the text went there and back");
}

/* ---- the ways to it ------------------------------------------------------------------------------ */

/* A group and a container; @type: what is between the device and memory. Returns the container. */
static int open_group(const struct program *p, const struct uiommu_uapi_device *device,
		      unsigned int type, int *group)
{
	struct abi_vfio_group_status status = { .argsz = sizeof(status) };
	int32_t container = open_file(p, "/dev/vfio/vfio");
	char path[64];

	must("the group's name", uiommu_uapi_device_group_path(device, path, sizeof(path)));
	*group = open_file(p, path);
	if (call(p, container, ABI_VFIO_GET_API_VERSION, NULL) != ABI_VFIO_API_VERSION ||
	    uiommu_uapi_ioctl(p->process, container, ABI_VFIO_CHECK_EXTENSION, type) != 1)
		fail("this container cannot do it", -1);
	must("GET_STATUS", call(p, *group, ABI_VFIO_GROUP_GET_STATUS, &status));
	if (!(status.flags & ABI_VFIO_GROUP_FLAGS_VIABLE))
		fail("a device of the group has another driver", -1);
	must("SET_CONTAINER", call(p, *group, ABI_VFIO_GROUP_SET_CONTAINER, &container));
	must("SET_IOMMU", uiommu_uapi_ioctl(p->process, container, ABI_VFIO_SET_IOMMU, type));
	return container;
}

static int open_device(const struct program *p, int group, const struct uiommu_uapi_device *device)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", uiommu_uapi_device_name(device));
	return (int)must("GET_DEVICE_FD", call(p, group, ABI_VFIO_GROUP_GET_DEVICE_FD, name));
}

static void by_type1(const struct program *p)
{
	struct abi_vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)p->memory,
		.iova = IOVA,
		.size = 2 * PAGE,
	};
	struct abi_vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = 2 * PAGE,
	};
	int group, container = open_group(p, p->translated, ABI_VFIO_TYPE1V2_IOMMU, &group);
	int fd = open_device(p, group, p->translated);

	must("MAP_DMA", call(p, container, ABI_VFIO_IOMMU_MAP_DMA, &map));
	use(p, fd, "type1", IOVA);
	must("UNMAP_DMA", call(p, container, ABI_VFIO_IOMMU_UNMAP_DMA, &unmap));
	uiommu_uapi_close(p->process, fd);
	uiommu_uapi_close(p->process, group);
	uiommu_uapi_close(p->process, container);
}

static void by_iommufd(const struct program *p)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct abi_vfio_device_attach_iommufd_pt attach = { .argsz = 12 }; /* without a PASID */
	struct abi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_READABLE |
			 ABI_IOMMU_IOAS_MAP_WRITEABLE,
		.user_va = (uintptr_t)p->memory,
		.length = 2 * PAGE,
		.iova = IOVA,
	};
	int iommufd = open_file(p, "/dev/iommu"), fd;
	char path[64];

	must("the device's file", uiommu_uapi_device_cdev_path(p->translated, path, sizeof(path)));
	fd = open_file(p, path);
	bind.iommufd = iommufd;
	must("BIND_IOMMUFD", call(p, fd, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind));
	must("IOAS_ALLOC", call(p, iommufd, ABI_IOMMU_IOAS_ALLOC, &alloc));
	attach.pt_id = alloc.out_ioas_id;
	must("ATTACH", call(p, fd, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	map.ioas_id = alloc.out_ioas_id;
	must("IOAS_MAP", call(p, iommufd, ABI_IOMMU_IOAS_MAP, &map));
	use(p, fd, "iommufd", IOVA);
	uiommu_uapi_close(p->process, fd);
	uiommu_uapi_close(p->process, iommufd);
}

/* Nothing protects memory from this device: it has to be told physical addresses, and they had better be right. */
static void by_noiommu(const struct program *p)
{
	int group, container = open_group(p, p->untranslated, ABI_VFIO_NOIOMMU_IOMMU, &group);
	int fd = open_device(p, group, p->untranslated);

	use(p, fd, "noiommu", p->physical);
	uiommu_uapi_close(p->process, fd);
	uiommu_uapi_close(p->process, group);
	uiommu_uapi_close(p->process, container);
}

static const struct way {
	const char *name;
	void (*run)(const struct program *p);
} ways[] = {
	{ "type1", by_type1 },
	{ "iommufd", by_iommufd },
	{ "noiommu", by_noiommu },
};
#define NUM_WAYS (sizeof(ways) / sizeof(ways[0]))

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < NUM_WAYS; i++) {
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	}
	fprintf(stderr, "edu-dma: no way called \"%s\"; there are: type1, iommufd, noiommu\n",
		name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct program p;

	for (int i = 1; i < argc; i++)
		find_way(argv[i]);
	program_start(&p);
	for (int i = 1; i < argc; i++)
		find_way(argv[i])->run(&p);
	for (size_t i = 0; argc == 1 && i < NUM_WAYS; i++)
		ways[i].run(&p);
	return program_end(&p);
}
