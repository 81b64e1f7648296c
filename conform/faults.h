/* SPDX-License-Identifier: MIT */
/* faults.h - a handler of page requests that keeps what it got */
#ifndef CONFORM_FAULTS_H
#define CONFORM_FAULTS_H

#include "conform/conform.h"

#define FAULTS_GROUPS 16
#define FAULTS_REQUESTS 8

struct faults_group {
	unsigned int count;
	struct uiommu_page_request request[FAULTS_REQUESTS];
	struct uiommu_device *dev;
	struct uiommu_fault_group *open; /* not answered yet */
};

/* The token of faults_take(). */
struct faults_taken {
	/* What it does: refuse with an error, keep the group, or answer with @code. */
	int refuse;
	bool keep;
	enum uiommu_page_response_code code;
	/* What it got: so many, and the last of them. */
	unsigned int groups;
	struct faults_group group[FAULTS_GROUPS];
};

int faults_take(struct uiommu_fault_group *group, void *token);

#endif /* CONFORM_FAULTS_H */
