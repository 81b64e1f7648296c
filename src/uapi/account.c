/* SPDX-License-Identifier: MIT */
/*
 * account.c - whom pinned pages are charged to, and up to which limit
 *
 * VFIO charges a process; iommufd charges the process and limits the user, unless it was told to do as VFIO.
 * What was charged is uncharged in the same way, whatever has become of the process's rights meanwhile.
 */
#include "src/uapi/uapi.h"

int uiommu_uapi_charge(struct uiommu_uapi_process *process, enum uapi_account account,
		       uint64_t pages, bool exempt)
{
	struct uiommu_uapi *uapi = process->uapi;
	const uint64_t limit = process->config.memlock / UAPI_PAGE;
	uint64_t used;
	int rc = 0;

	if (account == UAPI_ACCOUNT_NONE)
		return 0;
	uapi_lock(uapi, &uapi->lock);
	used = account == UAPI_ACCOUNT_USER ? process->user->pinned : process->locked;
	if (!exempt && (used > limit || pages > limit - used)) {
		rc = -UIOMMU_ENOMEM;
	} else {
		process->locked += pages;
		if (account == UAPI_ACCOUNT_USER)
			process->user->pinned += pages;
	}
	uapi_unlock(uapi, &uapi->lock);
	return rc;
}

void uiommu_uapi_uncharge(struct uiommu_uapi_process *process, enum uapi_account account,
			  uint64_t pages)
{
	struct uiommu_uapi *uapi = process->uapi;

	if (account == UAPI_ACCOUNT_NONE)
		return;
	uapi_lock(uapi, &uapi->lock);
	process->locked -= pages;
	if (account == UAPI_ACCOUNT_USER)
		process->user->pinned -= pages;
	uapi_unlock(uapi, &uapi->lock);
}
