/* SPDX-License-Identifier: MIT */
/*
 * account.c - whom pinned pages are charged to, and up to which limit
 *
 * VFIO charges a process; iommufd charges the process and limits the user, unless it was told to do as VFIO.
 * What was charged is uncharged in the same way, whatever has become of the process's rights meanwhile.
 */
#include "src/uapi/uapi.h"

/* uapi->lock is held. @given: so many of the user's are given back at the same time. */
static int charge(struct uiommu_uapi_process *process, enum uapi_account account, uint64_t pages,
		  uint64_t given, bool exempt)
{
	const uint64_t limit = process->config.memlock / UAPI_PAGE;
	const uint64_t used = account == UAPI_ACCOUNT_USER ? process->user->pinned - given :
							     process->locked;

	if (!exempt && (used > limit || pages > limit - used))
		return -UIOMMU_ENOMEM;
	process->locked += pages;
	if (account == UAPI_ACCOUNT_USER)
		process->user->pinned += pages;
	return 0;
}

static void uncharge(struct uiommu_uapi_process *process, enum uapi_account account, uint64_t pages)
{
	process->locked -= pages;
	if (account == UAPI_ACCOUNT_USER)
		process->user->pinned -= pages;
}

int uiommu_uapi_charge(struct uiommu_uapi_process *process, enum uapi_account account,
		       uint64_t pages, bool exempt)
{
	struct uiommu_uapi *uapi = process->uapi;
	int rc;

	if (account == UAPI_ACCOUNT_NONE)
		return 0;
	uapi_lock(uapi, &uapi->lock);
	rc = charge(process, account, pages, 0, exempt);
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
	uncharge(process, account, pages);
	uapi_unlock(uapi, &uapi->lock);
}

int uiommu_uapi_charge_move(struct uiommu_uapi_process *from, struct uiommu_uapi_process *to,
			    enum uapi_account account, uint64_t pages, bool exempt)
{
	struct uiommu_uapi *uapi = to->uapi;
	int rc;

	if (account == UAPI_ACCOUNT_NONE)
		return 0;
	uapi_lock(uapi, &uapi->lock);
	rc = charge(to, account, pages, from->user == to->user ? pages : 0, exempt);
	if (!rc)
		uncharge(from, account, pages);
	uapi_unlock(uapi, &uapi->lock);
	return rc;
}
