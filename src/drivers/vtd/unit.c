/* SPDX-License-Identifier: MIT */
/* unit.c - taking a remapping unit into service and out of it */
#include "src/drivers/vtd/unit.h"

/* One bit of GCMD changes with each write; the others repeat what GSTS says (11.4.4.1). */
static int command(struct uiommu_vtd *unit, uint32_t bit, bool on, uint32_t expected)
{
	uint32_t gsts = vtd_read32(unit, VTD_REG_GSTS) & ~VTD_GCMD_ONE_SHOT;
	struct uiommu_patience patience;

	vtd_write32(unit, VTD_REG_GCMD, on ? gsts | bit : gsts & ~bit);
	uiommu_patience_begin(unit->host, &patience);
	while ((vtd_read32(unit, VTD_REG_GSTS) & bit) != expected) {
		if (!uiommu_patience_turn(unit->host, &patience)) {
			uiommu_log(unit->host, UIOMMU_LOG_ERROR,
				   "%s: command %x is not carried out", unit->config.name, bit);
			return -UIOMMU_ETIMEDOUT;
		}
	}
	return 0;
}

int uiommu_vtd_queue_enable(struct uiommu_vtd *unit)
{
	struct vtd_queue *q = &unit->queue;

	q->tail = 0;
	vtd_write64(unit, VTD_REG_IQT, 0);
	vtd_write64(unit, VTD_REG_IQA,
		    vtd_phys(unit, q->ring) |
			    (q->entry_size == VTD_DESC_SIZE_256 ? VTD_IQA_DW : 0));
	return command(unit, VTD_GCMD_QIE, true, VTD_GSTS_QIES);
}

void uiommu_vtd_queue_disable(struct uiommu_vtd *unit)
{
	command(unit, VTD_GCMD_QIE, false, 0);
}

/* What the unit has, against what this driver needs. */
static int check(struct uiommu_vtd *unit)
{
	uint64_t sagaw = vtd_get(unit->cap, VTD_CAP_SAGAW);
	const char *why = NULL;

	if (unit->cap == UINT64_MAX || vtd_read32(unit, VTD_REG_VER) == UINT32_MAX)
		why = "its registers do not answer";
	else if (!unit->scalable && !(sagaw & (VTD_SAGAW_39 | VTD_SAGAW_48 | VTD_SAGAW_57)))
		why = "it has no second-stage address width that is known";
	else if (unit->scalable && !(unit->ecap & (VTD_ECAP_FSTS | VTD_ECAP_SSTS)))
		why = "it has neither first nor second stage";
	else if (unit->scalable && !unit->queued)
		why = "scalable mode needs queued invalidation";
	else if (vtd_get(unit->cap, VTD_CAP_ND) == 7)
		why = "its number of domain IDs is reserved";
	if (!why)
		return 0;
	uiommu_log(unit->host, UIOMMU_LOG_ERROR, "%s: %s (CAP %llx, ECAP %llx)", unit->config.name,
		   why, (unsigned long long)unit->cap, (unsigned long long)unit->ecap);
	return -UIOMMU_EOPNOTSUPP;
}

/* Scalable mode where it can be used: with a queue and a stage that this driver fills. */
static void decide(struct uiommu_vtd *unit)
{
	unsigned int flags = unit->config.flags;
	bool second;

	unit->cap = vtd_read64(unit, VTD_REG_CAP);
	unit->ecap = vtd_read64(unit, VTD_REG_ECAP);
	second = (unit->ecap & VTD_ECAP_SSTS) && vtd_get(unit->cap, VTD_CAP_SAGAW);
	unit->queued = (unit->ecap & VTD_ECAP_QI) && !(flags & UIOMMU_VTD_NO_QI);
	unit->scalable = (unit->ecap & VTD_ECAP_SMTS) && unit->queued &&
			 (second || (unit->ecap & VTD_ECAP_FSTS)) &&
			 !(flags & UIOMMU_VTD_NO_SCALABLE);
	unit->coherent = unit->ecap & VTD_ECAP_C;
	unit->num_dids = vtd_cap_nd(unit->cap);
}

/* Firmware may have left translation or a queue running. */
static int quiesce(struct uiommu_vtd *unit)
{
	uint32_t gsts = vtd_read32(unit, VTD_REG_GSTS);
	int rc = 0;

	if (gsts & VTD_GSTS_TES)
		rc = command(unit, VTD_GCMD_TE, false, 0);
	if (!rc && (gsts & VTD_GSTS_QIES))
		rc = command(unit, VTD_GCMD_QIE, false, 0);
	return rc;
}

/* Root table, queue, a clean start of all caches (6.6), translation. */
static int start(struct uiommu_vtd *unit)
{
	uint64_t ttm = unit->scalable ? VTD_TTM_SCALABLE : VTD_TTM_LEGACY;
	int rc = quiesce(unit);

	if (rc)
		return rc;
	vtd_write64(unit, VTD_REG_RTADDR,
		    vtd_phys(unit, unit->root) | vtd_set(ttm, VTD_RTADDR_TTM));
	rc = command(unit, VTD_GCMD_SRTP, true, VTD_GSTS_RTPS);
	if (rc)
		return rc;
	if (unit->queued) {
		rc = uiommu_vtd_queue_enable(unit);
		if (rc)
			return rc;
	}
	uiommu_vtd_flush_context_global(unit);
	if (unit->scalable)
		uiommu_vtd_flush_pasid_cache_global(unit);
	uiommu_vtd_flush_iotlb_global(unit);
	if (unit->dead) {
		rc = -UIOMMU_ETIMEDOUT;
		goto disable_queue;
	}
	rc = uiommu_vtd_fault_init(unit);
	if (rc)
		goto disable_queue;
	rc = uiommu_vtd_pages_init(unit);
	if (rc)
		goto no_faults;
	rc = command(unit, VTD_GCMD_TE, true, VTD_GSTS_TES);
	if (rc == 0)
		return 0;
	uiommu_vtd_pages_exit(unit);
no_faults:
	uiommu_vtd_fault_exit(unit);
disable_queue:
	if (unit->queued)
		uiommu_vtd_queue_disable(unit);
	return rc;
}

static void stop(struct uiommu_vtd *unit)
{
	command(unit, VTD_GCMD_TE, false, 0);
	uiommu_vtd_pages_exit(unit);
	uiommu_vtd_fault_exit(unit);
	if (unit->queued)
		uiommu_vtd_queue_disable(unit);
}

static size_t did_bytes(const struct uiommu_vtd *unit)
{
	return unit->num_dids / 8 < 8 ? 8 : unit->num_dids / 8;
}

int uiommu_vtd_create(struct uiommu_system *sys, const struct uiommu_vtd_config *config,
		      struct uiommu_vtd **out)
{
	void *host = uiommu_system_host(sys);
	struct uiommu_vtd *unit = uiommu_port_alloc(host, sizeof(*unit));
	char text[160];
	int rc;

	if (!unit)
		return -UIOMMU_ENOMEM;
	unit->config = *config;
	unit->sys = sys;
	unit->host = host;
	unit->direct_map = uiommu_port_direct_map(host);
	decide(unit);
	rc = check(unit);
	if (rc)
		goto free_unit;
	rc = uiommu_port_mutex_init(host, &unit->lock);
	if (rc)
		goto free_unit;
	rc = -UIOMMU_ENOMEM;
	unit->dids = uiommu_port_alloc(host, did_bytes(unit));
	if (!unit->dids)
		goto destroy_lock;
	unit->root = uiommu_port_alloc_pages(host, 0);
	if (!unit->root)
		goto free_dids;
	if (!unit->coherent)
		uiommu_port_cache_flush(host, unit->root, VTD_PAGE_SIZE);
	rc = uiommu_vtd_queue_init(unit);
	if (rc)
		goto free_root;
	rc = start(unit);
	if (rc)
		goto destroy_queue;

	unit->instance.ops = config->ops ? config->ops : &uiommu_vtd_driver_ops;
	unit->instance.fwnode = config->fwnode;
	unit->instance.name = config->name;
	unit->instance.address = config->address;
	if (unit->scalable && (unit->ecap & VTD_ECAP_PASID))
		unit->instance.max_pasids = 1u << vtd_ecap_pasid_bits(unit->ecap);
	rc = uiommu_instance_register(sys, &unit->instance);
	if (rc)
		goto stop;
	uiommu_vtd_describe(unit, text, sizeof(text));
	uiommu_log(host, UIOMMU_LOG_INFO, "%s: %s", config->name, text);
	*out = unit;
	return 0;

stop:
	stop(unit);
destroy_queue:
	uiommu_vtd_queue_destroy(unit);
free_root:
	uiommu_vtd_root_free(unit);
free_dids:
	uiommu_port_free(host, unit->dids, did_bytes(unit));
destroy_lock:
	uiommu_port_mutex_destroy(host, &unit->lock);
free_unit:
	uiommu_port_free(host, unit, sizeof(*unit));
	return rc;
}

void uiommu_vtd_destroy(struct uiommu_vtd *unit)
{
	if (!unit)
		return;
	uiommu_instance_unregister(&unit->instance);
	stop(unit);
	uiommu_vtd_queue_destroy(unit);
	uiommu_vtd_root_free(unit);
	uiommu_port_free(unit->host, unit->dids, did_bytes(unit));
	uiommu_port_mutex_destroy(unit->host, &unit->lock);
	uiommu_port_free(unit->host, unit, sizeof(*unit));
}

struct uiommu_instance *uiommu_vtd_instance(struct uiommu_vtd *unit)
{
	return &unit->instance;
}

const struct uiommu_ops *uiommu_vtd_ops(void)
{
	return &uiommu_vtd_driver_ops;
}

/* ---- in words ---------------------------------------------------------------------------------- */

static void say(char *text, size_t size, size_t *at, const char *word)
{
	for (; *word && *at + 1 < size; word++)
		text[(*at)++] = *word;
	if (size)
		text[*at] = '\0';
}

void uiommu_vtd_describe(const struct uiommu_vtd *unit, char *text, size_t size)
{
	uint64_t sagaw = vtd_get(unit->cap, VTD_CAP_SAGAW);
	size_t at = 0;

	say(text, size, &at, unit->scalable ? "scalable mode" : "legacy mode");
	if (unit->scalable && (unit->ecap & VTD_ECAP_FSTS))
		say(text, size, &at,
		    unit->cap & VTD_CAP_FS5LP ? ", first stage 57 bits" : ", first stage 48 bits");
	if (!unit->scalable || (unit->ecap & VTD_ECAP_SSTS))
		say(text, size, &at,
		    sagaw & VTD_SAGAW_48 ? ", second stage 48 bits" :
		    sagaw & VTD_SAGAW_39 ? ", second stage 39 bits" :
					   ", second stage 57 bits");
	say(text, size, &at, unit->queued ? ", queued invalidation" : ", register invalidation");
	if (!unit->coherent)
		say(text, size, &at, ", not coherent");
	if (unit->cap & VTD_CAP_CM)
		say(text, size, &at, ", caching mode");
	if (unit->cap & VTD_CAP_RWBF)
		say(text, size, &at, ", write buffers");
	if (unit->ecap & VTD_ECAP_DT)
		say(text, size, &at, ", device TLBs");
	if (unit->instance.max_pasids)
		say(text, size, &at, ", PASIDs");
	if (unit->pages.ring)
		say(text, size, &at, ", page requests");
}
