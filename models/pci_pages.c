/* SPDX-License-Identifier: MIT */
/*
 * pci_pages.c - page request interfaces: who may ask, what is outstanding, and whom a response fits
 *
 * A group is known by its index and PASID.  Its requests are outstanding until its response comes, which
 * frees all of them at once.  What a reset forgets stays in the list as lost: the host cannot know that the
 * function does not wait any more.  Any other response that fits no group is reported: software answered
 * twice, or what was never asked.  All of it belongs to the bus.
 */
#include "models/pci_internal.h"

static void update_stopped(struct model_pci_function *fn)
{
	struct pci_pages *pages = fn->pages;
	uint32_t status = pci_get(fn->space, pages->at + PCI_PRI_STATUS, 2);

	status &= ~PCI_PRI_STATUS_STOPPED;
	if (!pages->enabled && !pages->outstanding)
		status |= PCI_PRI_STATUS_STOPPED;
	pci_put(fn->space, pages->at + PCI_PRI_STATUS, 2, status);
}

static void set_status(struct model_pci_function *fn, uint32_t bit)
{
	unsigned int at = fn->pages->at + PCI_PRI_STATUS;

	pci_put(fn->space, at, 2, pci_get(fn->space, at, 2) | bit);
}

static void forget_all(struct pci_pages *pages)
{
	for (unsigned int i = 0; i < pages->count; i++)
		pages->groups[i].lost = true;
	pages->outstanding = 0;
}

static void drop(struct pci_pages *pages, struct pci_page_group *group)
{
	if (!group->lost)
		pages->outstanding -= group->requests;
	*group = pages->groups[--pages->count];
}

void model_pci_pages_written(struct model_pci_function *fn, unsigned int offset, unsigned int size,
			     uint32_t value)
{
	struct pci_pages *pages = fn->pages;
	unsigned int status = pages->at + PCI_PRI_STATUS;
	bool enabled = fn->space[pages->at + PCI_PRI_CONTROL] & PCI_PRI_ENABLE;

	/* These two are cleared by writing 1 (10.5.2.3). */
	fn->space[status] &= (uint8_t) ~(pci_written(offset, size, value, status) &
					 (PCI_PRI_STATUS_FAILURE | PCI_PRI_STATUS_UPRGI));
	if (!enabled &&
	    pci_written(offset, size, value, pages->at + PCI_PRI_CONTROL) & PCI_PRI_RESET)
		forget_all(pages);
	if (enabled && !pages->enabled)
		pages->failed = false;
	pages->enabled = enabled;
	update_stopped(fn);
}

void model_pci_pages_reset(struct model_pci_function *fn)
{
	forget_all(fn->pages);
	fn->pages->failed = false;
	fn->pages->enabled = false;
	update_stopped(fn);
}

bool model_pci_has_pages(const struct model_pci_function *fn)
{
	return fn->pages;
}

/* ---- requests ---------------------------------------------------------------------------------- */

static bool permitted(const struct model_pci_function *fn, const struct model_page_request *request)
{
	uint16_t pasid = model_pci_pasid_control(fn);

	if (!fn->pages || !fn->pages->enabled || fn->pages->failed ||
	    !(model_pci_ats_control(fn) & PCI_ATS_ENABLE))
		return false;
	if (!request->has_pasid)
		return !(request->access & (MODEL_EXEC | MODEL_PRIV));
	return pasid & PCI_PASID_ENABLE && !(request->pasid >> fn->config.pasid_bits) &&
	       (!(request->access & MODEL_EXEC) || pasid & PCI_PASID_CONTROL_EXECUTE) &&
	       (!(request->access & MODEL_PRIV) || pasid & PCI_PASID_CONTROL_PRIVILEGED);
}

static struct pci_page_group *find_request(struct pci_pages *pages,
					   const struct model_page_request *request)
{
	for (unsigned int i = 0; i < pages->count; i++) {
		struct pci_page_group *group = &pages->groups[i];

		if (!group->lost && group->index == request->group &&
		    group->has_pasid == request->has_pasid &&
		    (!group->has_pasid || group->pasid == request->pasid))
			return group;
	}
	return NULL;
}

/* Room for a group that is not known yet: a lost one gives way. */
static struct pci_page_group *new_group(struct pci_pages *pages)
{
	for (unsigned int i = 0; i < pages->count && pages->count == PCI_PAGE_GROUPS; i++)
		if (pages->groups[i].lost)
			drop(pages, &pages->groups[i]);
	return &pages->groups[pages->count++];
}

static bool is_marker(const struct model_page_request *request)
{
	return request->has_pasid && request->last &&
	       !(request->access & (MODEL_READ | MODEL_WRITE));
}

enum model_pci_page_result model_pci_page_request_locked(struct model_pci_function *fn,
							 const struct model_page_request *request)
{
	const struct model_pci_iommu *above = model_pci_iommu_of(fn);
	struct model_page_request sent = *request;
	struct pci_pages *pages = fn->pages;
	struct pci_page_group *group;
	uint32_t allowed;

	if (!permitted(fn, request))
		return MODEL_PCI_PAGE_FORBIDDEN;
	if (!above || !above->iommu->page_request)
		return MODEL_PCI_PAGE_REFUSED;
	sent.segment = fn->config.segment;
	sent.source_id = model_pci_source_id(fn);
	if (is_marker(request))
		return above->iommu->page_request(above->iommu->context, &sent) ?
			       MODEL_PCI_PAGE_SENT :
			       MODEL_PCI_PAGE_REFUSED;
	allowed = pci_get(fn->space, pages->at + PCI_PRI_ALLOCATION, 4);
	if (allowed > PCI_PAGE_CAPACITY)
		allowed = PCI_PAGE_CAPACITY;
	if (pages->outstanding >= allowed)
		return MODEL_PCI_PAGE_FULL;
	group = find_request(pages, request);
	if (!group) {
		group = new_group(pages);
		*group = (struct pci_page_group){
			.has_pasid = request->has_pasid,
			.pasid = request->pasid,
			.index = request->group,
		};
	}
	group->complete |= request->last;
	group->requests++;
	pages->outstanding++;
	update_stopped(fn);
	if (above->iommu->page_request(above->iommu->context, &sent))
		return MODEL_PCI_PAGE_SENT;
	/* Nobody took it, so nobody answers: the whole group is over. */
	group = find_request(pages, request);
	if (group)
		drop(pages, group);
	update_stopped(fn);
	return MODEL_PCI_PAGE_REFUSED;
}

/* ---- responses --------------------------------------------------------------------------------- */

static struct pci_page_group *find_response(struct model_pci_function *fn, bool lost,
					    const struct model_pci_page_response *response)
{
	struct pci_pages *pages = fn->pages;

	for (unsigned int i = 0; i < pages->count; i++) {
		struct pci_page_group *group = &pages->groups[i];

		if (group->lost != lost || !group->complete || group->index != response->group)
			continue;
		/* Without PRG Response PASID Required the index alone says it, and no PASID may be there. */
		if (fn->config.pri_plain_responses ?
			    !response->has_pasid :
			    group->has_pasid == response->has_pasid &&
				    (!group->has_pasid || group->pasid == response->pasid))
			return group;
	}
	return NULL;
}

static void report_unexpected(struct model_pci_function *fn,
			      const struct model_pci_page_response *response)
{
	struct model_report report = {
		.kind = MODEL_REPORT_ILLEGAL,
		.model = "pci",
		.section = "10.5.2.3",
		.source_id = model_pci_source_id(fn),
		.has_pasid = response->has_pasid,
		.pasid = response->pasid,
		.phys_used = UINT64_MAX,
		.phys_now = UINT64_MAX,
	};

	if (!fn->pci->report)
		return;
	model_pci_append(report.text, sizeof(report.text),
			 "a page request group response to source ID ");
	model_pci_append_hex(report.text, sizeof(report.text), report.source_id);
	if (response->has_pasid) {
		model_pci_append(report.text, sizeof(report.text), ", PASID ");
		model_pci_append_hex(report.text, sizeof(report.text), response->pasid);
	}
	model_pci_append(report.text, sizeof(report.text), ", group index ");
	model_pci_append_hex(report.text, sizeof(report.text), response->group);
	model_pci_append(report.text, sizeof(report.text), ", where no request waits for one");
	fn->pci->report(fn->pci->context, &report);
}

static void accept(struct model_pci_function *fn, struct pci_page_group *group,
		   struct model_pci_page_response *response)
{
	struct pci_pages *pages = fn->pages;

	response->expected = true;
	response->group_has_pasid = group->has_pasid;
	response->group_pasid = group->pasid;
	drop(pages, group);
	if (response->code != MODEL_PAGE_FAILURE)
		return;
	/* No request any more until it is enabled anew, and no response is heeded (10.4.2.1). */
	set_status(fn, PCI_PRI_STATUS_FAILURE);
	pages->failed = true;
	forget_all(pages);
}

void model_pci_page_response(void *function, bool has_pasid, uint32_t pasid, uint16_t index,
			     enum model_page_response code)
{
	struct model_pci_function *fn = function;
	struct model_pci_page_response response = {
		.has_pasid = has_pasid,
		.pasid = has_pasid ? pasid : 0,
		.group = index,
		.code = code,
	};
	struct pci_page_group *group = find_response(fn, false, &response);

	if (group) {
		accept(fn, group, &response);
	} else {
		group = find_response(fn, true, &response);
		if (group) {
			drop(fn->pages, group);
		} else {
			set_status(fn, PCI_PRI_STATUS_UPRGI);
			report_unexpected(fn, &response);
		}
	}
	update_stopped(fn);
	if (fn->config.ops && fn->config.ops->page_response)
		fn->config.ops->page_response(fn->config.device, &response);
}
