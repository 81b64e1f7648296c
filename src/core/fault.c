/* SPDX-License-Identifier: MIT */
/*
 * fault.c - refused translations find their device, its domain and whoever wants to hear of them
 *
 * The lookup takes the table lock alone, so a fault is reported while an attach waits for the hardware.
 * Page requests (faults that are answered) are in page_request.c.
 */
#include "src/core/core.h"

bool uiommu_device_has_id(const struct uiommu_device *dev, uint32_t id)
{
	for (unsigned int i = 0; i < dev->fwspec.num_ids; i++) {
		if (dev->fwspec.ids[i] == id)
			return true;
	}
	return false;
}

/* Whom @instance knows by that ID; sys->table held. */
struct uiommu_device *uiommu_device_by_id(struct uiommu_instance *instance, uint32_t id)
{
	struct uiommu_device *dev = instance->sys->devices;

	while (dev && (dev->instance != instance || !uiommu_device_has_id(dev, id)))
		dev = dev->next;
	return dev;
}

static struct uiommu_domain *faulting_domain(struct uiommu_device *dev,
					     const struct uiommu_fault *fault)
{
	const struct uiommu_slot *slot;

	if (!dev->group)
		return NULL;
	if (!fault->has_pasid || fault->pasid == UIOMMU_RID)
		return dev->domain;
	slot = uiommu_pasid_find(dev->group, fault->pasid);
	if (slot)
		return slot->live && slot->sequence > dev->joined ? slot->domain : NULL;
	return dev->domain && dev->domain->owns_pasids ? dev->domain : NULL;
}

void uiommu_deliver_fault(struct uiommu_instance *instance, const struct uiommu_fault *fault)
{
	void (*handler)(const struct uiommu_fault *fault, void *token) = NULL;
	struct uiommu_system *sys = instance->sys;
	struct uiommu_fault report = *fault;
	struct uiommu_domain *domain;
	struct uiommu_device *dev;
	void *token = NULL;

	if (!sys)
		return;
	uiommu_lock(sys, &sys->table);
	dev = uiommu_device_by_id(instance, fault->source_id);
	domain = dev ? faulting_domain(dev, fault) : NULL;
	if (domain && domain->users) {
		handler = domain->fault_handler;
		token = domain->fault_token;
	}
	/* The domain stays until the call has returned. */
	if (handler)
		domain->faults++;
	uiommu_unlock(sys, &sys->table);

	report.instance = instance;
	report.device = dev;
	if (handler) {
		handler(&report, token);
		uiommu_lock(sys, &sys->table);
		domain->faults--;
		uiommu_unlock(sys, &sys->table);
	}
	if (sys->config.on_fault)
		sys->config.on_fault(sys->config.context, &report);
}

void uiommu_report_fault(struct uiommu_instance *instance, const struct uiommu_fault *fault)
{
	uiommu_deliver_fault(instance, fault);
	uiommu_quarantine_report_pending(instance);
}

void uiommu_set_fault_handler(struct uiommu_domain *domain,
			      void (*handler)(const struct uiommu_fault *fault, void *token),
			      void *token)
{
	struct uiommu_system *sys = domain->users ? domain->sys : NULL;

	if (!sys)
		return; /* static domains are shared by everybody and have no handler */
	uiommu_lock(sys, &sys->table);
	domain->fault_handler = handler;
	domain->fault_token = token;
	while (domain->faults) {
		uiommu_unlock(sys, &sys->table);
		uiommu_port_relax(sys->host);
		uiommu_lock(sys, &sys->table);
	}
	uiommu_unlock(sys, &sys->table);
}
