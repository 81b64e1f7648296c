/* SPDX-License-Identifier: MIT */
/*
 * faults.h - page requests: what page_request.c, fault_queue.c and sva.c share
 *
 * A group is answered by whoever takes it out of its device's list of pending groups, which happens once.
 * To take it out one holds faults->responding, and keeps it until the driver has sent the response: a
 * removal or a detach that then takes the same mutex knows that nothing is under way.
 */
#ifndef UIOMMU_SRC_CORE_FAULTS_H
#define UIOMMU_SRC_CORE_FAULTS_H

#include "src/core/core.h"

#define UIOMMU_FAULTS_LOST 16u /* groups with a lost request that are remembered, for each device */
#define UIOMMU_FAULTS_PARTIALS 4096u /* requests of incomplete groups, for each device */
#define UIOMMU_FAULTS_PENDING 4096u /* groups of PRI without an answer, for each device */

/* What makes a group of requests of one device. */
struct uiommu_fault_key {
	bool has_pasid;
	uiommu_pasid_t pasid;
	uint32_t group;
};

/* A request that is not the last of its group. */
struct uiommu_partial {
	struct uiommu_partial *next;
	uiommu_pasid_t at; /* the attachment that it belongs to */
	struct uiommu_page_request request;
};

/*
 * The page requests of one device, from its first attachment that wants them until it leaves its group.
 * One reference is the device's, each group has one, and each report while it runs.
 */
struct uiommu_faults {
	struct uiommu_system *sys;
	struct uiommu_instance *instance; /* used only while the device is there */
	struct uiommu_group *iommu_group; /* a reference: keeps the system */
	struct uiommu_mutex handling, responding;

	bool enabled; /* group->mutex */

	/* sys->table */
	unsigned int refs;
	struct uiommu_device *dev; /* NULL: removed */
	struct uiommu_partial *partials, **partials_end;
	struct uiommu_fault_group *pending, **pending_end;
	unsigned int num_partials, num_pending;
	struct uiommu_fault_key lost[UIOMMU_FAULTS_LOST];
	unsigned int num_lost, next_lost;
};

struct uiommu_fault_group {
	struct uiommu_fault_group *next; /* faults->pending */
	struct uiommu_faults *faults;
	struct uiommu_partial *first; /* the requests before the last */
	unsigned int count;
	struct uiommu_page_request last;
	uiommu_pasid_t at; /* the attachment that it was handed to */
	struct uiommu_attach_handle *handle;
	bool pending; /* sys->table: nobody has answered yet */

	/* fault_queue.c; sys->table.  A group in a queue is the queue's to free. */
	struct uiommu_fault_queue *queue;
	struct uiommu_fault_group *queue_next;
	uint32_t cookie;
};

/* page_request.c */
void uiommu_faults_put(struct uiommu_faults *faults);
/* sys->table and faults->responding held; false: somebody has answered */
bool uiommu_fault_group_claim(struct uiommu_fault_group *group);
/* faults->responding held, sys->table not */
void uiommu_faults_send(struct uiommu_instance *instance, const struct uiommu_page_request *last,
			enum uiommu_page_response_code code);
/* No lock held. */
void uiommu_fault_group_free(struct uiommu_fault_group *group);

/* fault_queue.c; sys->table held */
void uiommu_fault_queue_remove(struct uiommu_fault_group *group);

#endif /* UIOMMU_SRC_CORE_FAULTS_H */
