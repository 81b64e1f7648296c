/* SPDX-License-Identifier: MIT */
/* faults.c - page requests that a program answers: the queue's file, on machines whose devices ask for pages */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/driver.h>
#include <uiommu/pci.h>

#include "src/uapi/iommufd.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define PASID 5u
#define IOVA UINT64_C(0x40000000)
#define RECORD ((long)sizeof(struct abi_iommu_hwpt_pgfault))

struct work {
	struct world w;
	int fd, fault_fd;
	uint32_t ioas, fault, hwpt;
	struct uapi_file *file;
	struct machine_device *hardware;
	struct iommufd_device *device;
};

static long call(struct work *k, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(k->w.process, k->fd, command, (uintptr_t)argument);
}

static long destroy(struct work *k, uint32_t id)
{
	struct abi_iommu_destroy arg = { sizeof(arg), id };

	return call(k, ABI_IOMMU_DESTROY, &arg);
}

static int new_queue(struct work *k, uint32_t *id)
{
	struct abi_iommu_fault_alloc arg = { .size = sizeof(arg) };

	assert_int_equal(call(k, ABI_IOMMU_FAULT_QUEUE_ALLOC, &arg), 0);
	*id = arg.out_fault_id;
	return (int)arg.out_fault_fd;
}

static long new_hwpt(struct work *k, uint32_t flags, uint32_t fault, uint32_t *id)
{
	struct abi_iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags | ABI_IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = k->device->object.id,
		.pt_id = k->ioas,
		.fault_id = fault,
	};
	long rc = call(k, ABI_IOMMU_HWPT_ALLOC, &arg);

	*id = arg.out_hwpt_id;
	return rc;
}

static int no_handler(struct uiommu_fault_group *group, void *token)
{
	(void)group;
	(void)token;
	return -UIOMMU_EINVAL;
}

/* What the core keeps of a device from its first page request on, until the device goes, is no leak. */
static void warm(struct world *w)
{
	struct uiommu_device *dev = machine_device_uiommu(world_device(w, "pri0"));
	struct uiommu_posix_usage before, after;
	struct uiommu_domain *domain;

	uiommu_posix_usage(machine_host(w->machine), &before);
	assert_int_equal(uiommu_device_claim_dma_owner(dev, w), 0);
	assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_PASID, &domain), 0);
	assert_int_equal(uiommu_set_page_request_handler(domain, no_handler, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(domain, dev, PASID, NULL), 0);
	uiommu_detach_device_pasid(domain, dev, PASID);
	uiommu_domain_free(domain);
	uiommu_device_release_dma_owner(dev);
	uiommu_posix_usage(machine_host(w->machine), &after);
	w->before.objects += after.objects - before.objects;
	w->before.pages += after.pages - before.pages;
}

static void begin(struct work *k, const char *machine)
{
	struct abi_iommu_ioas_alloc ioas = { .size = sizeof(ioas) };

	memset(k, 0, sizeof(*k));
	world_start(&k->w, machine, NULL);
	warm(&k->w);
	k->fd = uiommu_uapi_open(k->w.process, "/dev/iommu");
	k->file = uiommu_uapi_fd_get(k->w.process, k->fd);
	assert_int_equal(call(k, ABI_IOMMU_IOAS_ALLOC, &ioas), 0);
	k->ioas = ioas.out_ioas_id;
	k->hardware = world_device(&k->w, "pri0");
	assert_int_equal(uiommu_iommufd_device_bind(uiommu_iommufd_of_file(k->file),
						    machine_device_uiommu(k->hardware), &k->device),
			 0);
	k->fault_fd = new_queue(k, &k->fault);
	assert_int_equal(new_hwpt(k, ABI_IOMMU_HWPT_ALLOC_PASID, k->fault, &k->hwpt), 0);
}

static void attach(struct work *k, uint32_t hwpt)
{
	uint32_t pt = hwpt;

	assert_int_equal(uiommu_iommufd_device_attach(k->device, PASID, &pt), 0);
	assert_int_equal(pt, hwpt);
}

static void end(struct work *k)
{
	uiommu_iommufd_device_unbind(k->device);
	uiommu_uapi_file_put(k->file);
	machine_settle(k->w.machine);
	world_stop(&k->w);
}

static void ask(struct work *k, uint16_t group, unsigned int page, bool last)
{
	const struct machine_page_request request = {
		.iova = IOVA + page * PAGE,
		.pasid = PASID,
		.flags = MACHINE_DMA_WITH_PASID,
		.prot = page & 1 ? UIOMMU_WRITE | UIOMMU_READ : UIOMMU_READ,
		.group = group,
		.last = last,
	};

	assert_int_equal(machine_page_request(k->hardware, &request), 0);
}

static long take(struct work *k, int fd, struct abi_iommu_hwpt_pgfault *records, size_t count)
{
	return uiommu_uapi_read(k->w.process, fd, records, count * sizeof(*records));
}

static long answer(struct work *k, int fd, uint32_t cookie, uint32_t code)
{
	const struct abi_iommu_hwpt_page_response response = { cookie, code };

	return uiommu_uapi_write(k->w.process, fd, &response, sizeof(response));
}

static void got(struct work *k, uint16_t group, unsigned int code)
{
	struct machine_page_response response;

	machine_settle(k->w.machine);
	assert_true(machine_page_response(k->hardware, &response));
	assert_int_equal(response.group, group);
	assert_int_equal(response.code, code);
}

static void got_nothing(struct work *k)
{
	struct machine_page_response response;

	machine_settle(k->w.machine);
	assert_false(machine_page_response(k->hardware, &response));
}

/* C129: groups whole or not at all, and which answers are none */
static void test_read_write(void **state)
{
	struct abi_iommu_hwpt_pgfault r[8];
	struct abi_iommu_hwpt_page_response answers[3];
	struct work k;
	int fd;

	(void)state;
	begin(&k, "q35-vtd-pri");
	fd = k.fault_fd;
	attach(&k, k.hwpt);
	assert_int_equal(take(&k, fd, r, 8), 0);
	assert_int_equal(uiommu_uapi_poll(k.w.process, fd), UAPI_POLLOUT);
	for (unsigned int i = 0; i < 3; i++)
		ask(&k, 9, i, i == 2);
	machine_settle(k.w.machine);
	ask(&k, 10, 4, true);
	ask(&k, 11, 5, false);
	machine_settle(k.w.machine);
	assert_int_equal(uiommu_uapi_poll(k.w.process, fd), UAPI_POLLOUT | UAPI_POLLIN);

	/* Not a multiple, a position, no room, nowhere to put it: it waits as before. */
	assert_int_equal(uiommu_uapi_read(k.w.process, fd, r, 8 * RECORD - 1), -UAPI_ESPIPE);
	assert_int_equal(uiommu_uapi_pread(k.w.process, fd, r, 8 * RECORD, RECORD), -UAPI_ESPIPE);
	assert_int_equal(take(&k, fd, r, 2), -UIOMMU_EINVAL);
	assert_int_equal(take(&k, fd, NULL, 8), -UIOMMU_EFAULT);
	assert_int_equal(take(&k, fd, r, 0), 0);
	assert_int_equal(take(&k, fd, r, 3), 3 * RECORD);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(r[i].flags,
				 ABI_IOMMU_PGFAULT_FLAGS_PASID_VALID |
					 (i == 2 ? ABI_IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0));
		assert_int_equal(r[i].dev_id, k.device->object.id);
		assert_int_equal(r[i].pasid, PASID);
		assert_int_equal(r[i].grpid, 9);
		assert_int_equal(r[i].perm, i & 1 ? ABI_IOMMU_PGFAULT_PERM_READ |
							    ABI_IOMMU_PGFAULT_PERM_WRITE :
						    ABI_IOMMU_PGFAULT_PERM_READ);
		assert_int_equal(r[i].addr, IOVA + i * PAGE);
		assert_int_equal(r[i].cookie, 1);
		assert_int_equal(r[i].reserved | r[i].length, 0);
	}
	/* Two groups, and room for one and a half. */
	ask(&k, 11, 6, true);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, fd, r, 2), RECORD);
	assert_int_equal(r[0].grpid, 10);
	assert_int_equal(r[0].cookie, 2);
	ask(&k, 12, 7, true);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, fd, r, 8), 3 * RECORD);
	assert_true(r[0].grpid == 11 && r[1].grpid == 11 && r[2].grpid == 12);
	assert_true(r[0].cookie == 3 && r[1].cookie == 3 && r[2].cookie == 4);
	assert_int_equal(uiommu_uapi_poll(k.w.process, fd), UAPI_POLLOUT);

	got_nothing(&k);
	assert_int_equal(uiommu_uapi_write(k.w.process, fd, answers, 7), -UAPI_ESPIPE);
	assert_int_equal(uiommu_uapi_pwrite(k.w.process, fd, answers, 8, 8), -UAPI_ESPIPE);
	assert_int_equal(uiommu_uapi_write(k.w.process, fd, NULL, 8), -UIOMMU_EFAULT);
	assert_int_equal(answer(&k, fd, 5, 0), -UIOMMU_EINVAL);
	assert_int_equal(answer(&k, fd, 0, 0), -UIOMMU_EINVAL);
	assert_int_equal(answer(&k, fd, 1, 2), -UIOMMU_EINVAL);
	got_nothing(&k);
	/* What comes before the first bad one counts. */
	answers[0] = (struct abi_iommu_hwpt_page_response){ 2, 1 };
	answers[1] = (struct abi_iommu_hwpt_page_response){ 2, 0 };
	answers[2] = (struct abi_iommu_hwpt_page_response){ 1, 0 };
	assert_int_equal(uiommu_uapi_write(k.w.process, fd, answers, sizeof(answers)), 8);
	got(&k, 10, 1);
	got_nothing(&k);
	assert_int_equal(answer(&k, fd, 1, 0), 8);
	got(&k, 9, 0);
	assert_int_equal(answer(&k, fd, 4, 0), 8);
	assert_int_equal(answer(&k, fd, 3, 1), 8);
	got(&k, 12, 0);
	got(&k, 11, 1);
	end(&k);
}

/* C130: what the old HWPT was asked for ends with it, read or not; new requests go to the new one's queue */
static void test_replace(void **state)
{
	struct abi_iommu_hwpt_pgfault r[4];
	uint32_t fault, hwpt;
	struct work k;
	int fd;

	(void)state;
	begin(&k, "q35-vtd-pri");
	fd = new_queue(&k, &fault);
	assert_int_equal(new_hwpt(&k, ABI_IOMMU_HWPT_ALLOC_PASID, fault, &hwpt), 0);
	attach(&k, k.hwpt);
	ask(&k, 1, 0, true);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, k.fault_fd, r, 4), RECORD);
	ask(&k, 2, 1, true);
	machine_settle(k.w.machine);
	attach(&k, hwpt);
	assert_int_equal(uiommu_uapi_poll(k.w.process, k.fault_fd), UAPI_POLLOUT);
	assert_int_equal(take(&k, k.fault_fd, r + 1, 3), 0);
	assert_int_equal(answer(&k, k.fault_fd, r[0].cookie, 0), -UIOMMU_EINVAL);
	got(&k, 1, 1);
	got(&k, 2, 1);
	ask(&k, 3, 2, true);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, k.fault_fd, r, 4), 0);
	assert_int_equal(take(&k, fd, r, 4), RECORD);
	assert_int_equal(r[0].cookie, 1); /* of this queue */
	assert_int_equal(r[0].dev_id, k.device->object.id);
	uiommu_iommufd_device_detach(k.device, PASID);
	got(&k, 3, 1);
	assert_int_equal(answer(&k, fd, 1, 0), -UIOMMU_EINVAL);
	end(&k);
}

/* A DMA that waits for its page, which the program maps meanwhile */
static void dma(const char *machine)
{
	const unsigned int flags = MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST;
	struct abi_iommu_hwpt_pgfault r[2];
	uint64_t word = 0;
	struct work k;

	begin(&k, machine);
	attach(&k, k.hwpt);
	memset(k.w.memory, 0x5a, 8);
	assert_int_equal(machine_dma_start(k.hardware, false, IOVA, NULL, 8, PASID, flags), 0);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, k.fault_fd, r, 2), RECORD);
	assert_int_equal(r[0].addr, IOVA);
	assert_int_equal(r[0].pasid, PASID);
	assert_int_equal(r[0].flags,
			 ABI_IOMMU_PGFAULT_FLAGS_PASID_VALID | ABI_IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	{
		struct abi_iommu_ioas_map map = {
			.size = sizeof(map),
			.flags = ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_READABLE,
			.ioas_id = k.ioas,
			.user_va = (uintptr_t)k.w.memory,
			.length = PAGE,
			.iova = IOVA,
		};

		assert_int_equal(call(&k, ABI_IOMMU_IOAS_MAP, &map), 0);
	}
	assert_int_equal(machine_dma_finish(k.hardware, &word, 8), MACHINE_DMA_WAITING);
	assert_int_equal(answer(&k, k.fault_fd, r[0].cookie, 0), 8);
	machine_settle(k.w.machine);
	assert_int_equal(machine_dma_finish(k.hardware, &word, 8), MACHINE_DMA_DONE);
	assert_int_equal(word, 0x5a5a5a5a5a5a5a5a);
	/* And one that is told that there is none. */
	assert_int_equal(machine_dma_start(k.hardware, false, IOVA + PAGE, NULL, 8, PASID, flags),
			 0);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, k.fault_fd, r, 2), RECORD);
	assert_int_equal(answer(&k, k.fault_fd, r[0].cookie, 1), 8);
	machine_settle(k.w.machine);
	assert_int_equal(machine_dma_finish(k.hardware, &word, 8), MACHINE_DMA_REFUSED);
	machine_settle(k.w.machine);
	machine_clear_faults(k.w.machine);
	end(&k);
}

static void test_dma_pri(void **state)
{
	(void)state;
	dma("q35-vtd-pri");
}

static void test_dma_stall(void **state)
{
	(void)state;
	dma("virt-smmuv3-stall");
}

/* A guest's own stage: its requests are its affair, and reach it through the same queue */
static void test_nested(void **state)
{
	const struct abi_iommu_hwpt_vtd_s1 s1 = { .pgtbl_addr = IOVA, .addr_width = 48 };
	struct abi_iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = ABI_IOMMU_HWPT_ALLOC_NEST_PARENT,
	};
	struct abi_iommu_hwpt_pgfault r[2];
	uint32_t parent;
	struct work k;

	(void)state;
	begin(&k, "q35-vtd-pri");
	arg.dev_id = k.device->object.id;
	arg.pt_id = k.ioas;
	assert_int_equal(call(&k, ABI_IOMMU_HWPT_ALLOC, &arg), 0);
	parent = arg.out_hwpt_id;
	arg.flags = ABI_IOMMU_HWPT_ALLOC_PASID | ABI_IOMMU_HWPT_FAULT_ID_VALID;
	arg.pt_id = parent;
	arg.data_type = ABI_IOMMU_HWPT_DATA_VTD_S1;
	arg.data_len = sizeof(s1);
	arg.data_uptr = (uintptr_t)&s1;
	arg.fault_id = 99;
	assert_int_equal(call(&k, ABI_IOMMU_HWPT_ALLOC, &arg), -UIOMMU_ENOENT);
	arg.fault_id = k.fault;
	assert_int_equal(call(&k, ABI_IOMMU_HWPT_ALLOC, &arg), 0);
	attach(&k, arg.out_hwpt_id);
	ask(&k, 7, 1, true);
	machine_settle(k.w.machine);
	assert_int_equal(take(&k, k.fault_fd, r, 2), RECORD);
	assert_int_equal(r[0].dev_id, k.device->object.id);
	assert_int_equal(r[0].grpid, 7);
	assert_int_equal(answer(&k, k.fault_fd, r[0].cookie, 0), 8);
	got(&k, 7, 0);
	uiommu_iommufd_device_detach(k.device, PASID);
	assert_int_equal(destroy(&k, arg.out_hwpt_id), 0);
	assert_int_equal(destroy(&k, parent), 0);
	end(&k);
}

/* Who keeps whom */
static void test_lives(void **state)
{
	struct abi_iommu_fault_alloc arg = { .size = sizeof(arg), .flags = 1 };
	struct abi_iommu_hwpt_pgfault r[1];
	uint32_t fault, id;
	struct work k;
	int fd, copy;

	(void)state;
	begin(&k, "q35-vtd-pri");
	assert_int_equal(call(&k, ABI_IOMMU_FAULT_QUEUE_ALLOC, &arg), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(new_hwpt(&k, 0, 99, &id), -UIOMMU_ENOENT);
	assert_int_equal(new_hwpt(&k, 0, k.ioas, &id), -UIOMMU_ENOENT);
	assert_int_equal(new_hwpt(&k, ABI_IOMMU_HWPT_ALLOC_NEST_PARENT, k.fault, &id),
			 -UIOMMU_EOPNOTSUPP);
	fd = new_queue(&k, &fault);
	copy = uiommu_uapi_dup(k.w.process, fd);
	assert_int_equal(destroy(&k, fault), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_uapi_close(k.w.process, fd), 0);
	assert_int_equal(destroy(&k, fault), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_uapi_close(k.w.process, copy), 0);
	assert_int_equal(destroy(&k, fault), 0);
	/* The HWPT keeps it too. */
	assert_int_equal(uiommu_uapi_close(k.w.process, k.fault_fd), 0);
	assert_int_equal(destroy(&k, k.fault), -UIOMMU_EBUSY);
	assert_int_equal(destroy(&k, k.hwpt), 0);
	assert_int_equal(destroy(&k, k.fault), 0);
	/* The file keeps the context. */
	fd = new_queue(&k, &fault);
	uiommu_iommufd_device_unbind(k.device);
	uiommu_uapi_file_put(k.file);
	assert_int_equal(uiommu_uapi_close(k.w.process, k.fd), 0);
	assert_int_equal(take(&k, fd, r, 1), 0);
	assert_int_equal(answer(&k, fd, 1, 0), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_close(k.w.process, fd), 0);
	machine_settle(k.w.machine);
	world_stop(&k.w);
}

/* No descriptor left, or nowhere to say which: nothing stays behind */
static void test_no_descriptor(void **state)
{
	struct abi_iommu_fault_alloc arg = { .size = sizeof(arg) };
	struct work k;
	uint32_t id;
	int fd;

	(void)state;
	begin(&k, "q35-vtd-pri");
	for (fd = 0; fd >= 0;)
		fd = uiommu_uapi_dup(k.w.process, k.fd);
	assert_int_equal(fd, -UAPI_EMFILE);
	assert_int_equal(call(&k, ABI_IOMMU_FAULT_QUEUE_ALLOC, &arg), -UAPI_EMFILE);
	assert_int_equal(uiommu_uapi_close(k.w.process, 1000), 0);
	assert_int_equal(new_queue(&k, &id), 1000);
	assert_int_equal(id, k.hwpt + 1);
	end(&k);
}

/* ---- virtual functions --------------------------------------------------------------------------- */

/* A function that is told to have SR-IOV, and perhaps page requests, whose virtual function another is. */
static struct {
	uint32_t (*read)(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size);
	struct uiommu_pci_function *physical;
	bool enabled, pri;
	uint16_t first, stride, count;
} sriov;

static uint32_t sriov_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	if (fn != sriov.physical || offset < 0x100)
		return sriov.read(fn, offset, size);
	switch (offset) {
	case 0x100: /* SR-IOV, version 1, and what follows */
		return 0x10010 | (sriov.pri ? 0x140u << 20 : 0);
	case 0x108:
		return sriov.enabled;
	case 0x110:
		return sriov.count;
	case 0x114:
		return sriov.first;
	case 0x116:
		return sriov.stride;
	case 0x140: /* page requests, version 1, the end */
		return 0x10013;
	default:
		return 0;
	}
}

static int attach_pt(struct work *k, uint32_t pt)
{
	return uiommu_iommufd_device_attach(k->device, PASID, &pt);
}

/* One interface for page requests is shared by all virtual functions: no program gets it */
static void test_virtual(void **state)
{
	struct uiommu_pci_function *fn;
	struct uiommu_pci_topology *topology;
	uint16_t distance;
	struct work k;

	(void)state;
	begin(&k, "q35-vtd-pri");
	fn = uiommu_device_pci(k.device->dev);
	topology = fn->topology;
	sriov.read = topology->config_read;
	sriov.physical = uiommu_device_pci(machine_device_uiommu(world_device(&k.w, "pasid0")));
	distance = (uint16_t)(uiommu_pci_source_id(fn) - uiommu_pci_source_id(sriov.physical));
	sriov.enabled = true;
	sriov.pri = true;
	sriov.first = (uint16_t)(distance - 4);
	sriov.stride = 2;
	sriov.count = 3;
	topology->config_read = sriov_read;
	assert_int_equal(attach_pt(&k, k.hwpt), -UIOMMU_EINVAL);
	/* The one after the last, one in between, one that is not there yet, one without requests. */
	sriov.count = 2;
	assert_int_equal(attach_pt(&k, k.hwpt), 0);
	uiommu_iommufd_device_detach(k.device, PASID);
	sriov.count = 3;
	sriov.first++;
	assert_int_equal(attach_pt(&k, k.hwpt), 0);
	uiommu_iommufd_device_detach(k.device, PASID);
	sriov.first--;
	sriov.enabled = false;
	assert_int_equal(attach_pt(&k, k.hwpt), 0);
	uiommu_iommufd_device_detach(k.device, PASID);
	sriov.enabled = true;
	sriov.pri = false;
	assert_int_equal(attach_pt(&k, k.hwpt), 0);
	uiommu_iommufd_device_detach(k.device, PASID);
	/* A single one at that distance. */
	sriov.pri = true;
	sriov.first = distance;
	sriov.stride = 0;
	sriov.count = 1;
	assert_int_equal(attach_pt(&k, k.hwpt), -UIOMMU_EINVAL);
	topology->config_read = sriov.read;
	end(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_virtual),	  cmocka_unit_test(test_read_write),
		cmocka_unit_test(test_replace),	  cmocka_unit_test(test_dma_pri),
		cmocka_unit_test(test_dma_stall), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_lives),	  cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
