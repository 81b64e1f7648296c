/* SPDX-License-Identifier: MIT */
/*
 * mock.h - a host that counts, and a driver that does what the test says
 *
 * Each test makes a struct mock on its stack; nothing is shared between tests.
 */
#ifndef UIOMMU_TESTS_CORE_MOCK_H
#define UIOMMU_TESTS_CORE_MOCK_H

#include <pthread.h>
#include <uiommu/driver.h>

#define MOCK_PAGES 512
#define MOCK_DEVICES 8
#define MOCK_RESPONSES 64

struct mock_host {
	void *port; /* what the system gets as its host */
	pthread_mutex_t lock;
	long live; /* allocations and mutexes not given back */
	long fail_after; /* allocations that still succeed; -1: all */
	unsigned int warnings;
	unsigned int errors;
};

/* What the test wants of one device. */
struct mock_script {
	const struct uiommu_fwnode *fwnode;
	int probe_error, attach_error; /* attach: of any domain that must not succeed */
	struct uiommu_domain *attach_error_domain; /* NULL: of every paging domain */
	int attach_error_count; /* how often, -1: always */
	enum uiommu_domain_type demand;
	uint32_t id;
	uint32_t alias; /* a second ID, not 0, that several devices may have */
	unsigned int group; /* devices with one number share a group; 0: a group of its own */
	bool no_group, deferred, no_flush_queue, ats;
	unsigned int pasid_bits; /* of the device; 0: 4 */
	int page_enable_error;
	struct uiommu_resv_region resv; /* used if last > start */

	/* What has happened. */
	struct uiommu_device *dev;
	_Atomic unsigned int probes, releases, finalizes;
	unsigned int resets; /* reset_done calls */
	unsigned int attaches, aborts;
	struct uiommu_domain *rid; /* in hardware */
	struct uiommu_domain *parked; /* what it was released with */
	struct uiommu_domain *pasids[16];
	bool page_requests; /* enabled */
	unsigned int enables, drains;
};

/* An answer to a page request, as the driver got it. */
struct mock_response {
	struct uiommu_page_request last;
	enum uiommu_page_response_code code;
};

struct mock {
	struct mock_host host;
	struct uiommu_system *sys;
	struct uiommu_fwnode fwnode[2];
	struct uiommu_instance instance[2];
	struct uiommu_ops ops[2];
	struct mock_script script[MOCK_DEVICES];
	struct uiommu_group *groups[MOCK_DEVICES];
	bool single; /* attach_single instead of two phases */
	int fail_alloc_identity;
	uint64_t map_limit; /* pages per map call; 0: all */
	long map_fail_after; /* pages until -ENOMEM; -1: never */
	bool map_nothing; /* 0 bytes, rc 0 */
	int sync_map_error;
	unsigned int syncs, flushes, nested_allocs;
	uiommu_iova_t sync_start, sync_last;
	bool lazy_gather; /* unmap notes nothing */
	_Atomic unsigned int faults;
	struct uiommu_fault fault;

	/* Page requests and SVA.  The callbacks may be NULL. */
	int sva_error;
	unsigned int sva_allocs, sva_live;
	_Atomic unsigned int invalidates, exits;
	uint64_t invalidate_start, invalidate_last;
	struct mock_response response[MOCK_RESPONSES]; /* host.lock */
	unsigned int num_responses;
	void (*on_response)(struct mock *mock, const struct uiommu_page_request *last);
	void (*on_drain)(struct mock *mock, struct uiommu_device *dev, uiommu_pasid_t pasid);
	void (*on_commit)(struct mock *mock, const struct uiommu_attach *attach);
};

struct mock_domain {
	struct uiommu_domain domain;
	struct mock *mock;
	struct {
		uiommu_iova_t iova;
		uiommu_phys_t paddr;
		bool used;
	} page[MOCK_PAGES];
};

/* host.c, or another host that is linked instead. */
void mock_host_init(struct mock_host *host);
void mock_host_exit(struct mock_host *host); /* also checks that nothing was leaked */
void mock_host_callback(struct mock_host *host, const char *name);

extern const struct uiommu_domain mock_blocked, mock_identity;

void mock_init(struct mock *mock);
int mock_start(struct mock *mock, enum uiommu_domain_type type);
struct uiommu_device *mock_add(struct mock *mock, unsigned int index);
void mock_desc(struct mock *mock, unsigned int index, struct uiommu_device_desc *desc);
void mock_stop(struct mock *mock); /* also checks that nothing was leaked */

#endif
