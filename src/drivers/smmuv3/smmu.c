/* SPDX-License-Identifier: MIT */
/* smmu.c - taking an SMMU into service and out of it */
#include "src/drivers/smmuv3/smmu.h"

#define QUEUE_LOG2 8u
#define QUEUE_LOG2_MAX 17u /* of events: 4 MiB, the largest piece of memory that a port gives */

static size_t ids_bytes(const struct smmu_ids *ids)
{
	return ids->count / 8;
}

static int ids_init(struct uiommu_smmuv3 *smmu, struct smmu_ids *ids, unsigned int bits)
{
	ids->count = 1u << bits;
	ids->bits = uiommu_port_alloc(smmu->host, ids_bytes(ids));
	return ids->bits ? 0 : -UIOMMU_ENOMEM;
}

static void ids_destroy(struct uiommu_smmuv3 *smmu, struct smmu_ids *ids)
{
	uiommu_port_free(smmu->host, ids->bits, ids_bytes(ids));
}

/* All memory that it needs to run. */
static int alloc(struct uiommu_smmuv3 *smmu)
{
	int rc = uiommu_port_mutex_init(smmu->host, &smmu->lock);

	if (rc)
		return rc;
	rc = ids_init(smmu, &smmu->asids, smmu->has.asid_bits);
	if (rc)
		goto destroy_lock;
	rc = ids_init(smmu, &smmu->vmids, smmu->has.vmid_bits);
	if (rc)
		goto destroy_asids;
	rc = uiommu_smmuv3_streams_init(smmu);
	if (rc)
		goto destroy_vmids;
	rc = uiommu_smmuv3_cmdq_init(smmu);
	if (rc)
		goto destroy_streams;
	rc = uiommu_smmuv3_inboxes_init(smmu);
	if (rc)
		goto destroy_cmdq;
	return 0;

destroy_cmdq:
	uiommu_smmuv3_cmdq_destroy(smmu);
destroy_streams:
	uiommu_smmuv3_streams_destroy(smmu);
destroy_vmids:
	ids_destroy(smmu, &smmu->vmids);
destroy_asids:
	ids_destroy(smmu, &smmu->asids);
destroy_lock:
	uiommu_port_mutex_destroy(smmu->host, &smmu->lock);
	return rc;
}

static void release(struct uiommu_smmuv3 *smmu)
{
	uiommu_smmuv3_inboxes_destroy(smmu);
	uiommu_smmuv3_cmdq_destroy(smmu);
	uiommu_smmuv3_streams_destroy(smmu);
	ids_destroy(smmu, &smmu->vmids);
	ids_destroy(smmu, &smmu->asids);
	uiommu_port_mutex_destroy(smmu->host, &smmu->lock);
}

int uiommu_smmuv3_start(struct uiommu_system *sys, const struct uiommu_smmuv3_config *config,
			struct uiommu_smmuv3 **out)
{
	void *host = uiommu_system_host(sys);
	struct uiommu_smmuv3 *smmu = uiommu_port_alloc(host, sizeof(*smmu));
	char text[160];
	int rc;

	if (!smmu)
		return -UIOMMU_ENOMEM;
	smmu->config = *config;
	smmu->sys = sys;
	smmu->host = host;
	smmu->direct_map = uiommu_port_direct_map(host);
	smmu->event_irq = -1;
	smmu->error_irq = -1;
	smmu->request_irq = -1;
	if (!smmu->config.queue_log2)
		smmu->config.queue_log2 = QUEUE_LOG2;
	if (smmu->config.queue_log2 > QUEUE_LOG2_MAX)
		smmu->config.queue_log2 = QUEUE_LOG2_MAX;
	rc = uiommu_smmuv3_features(smmu);
	if (rc)
		goto free_smmu;
	rc = alloc(smmu);
	if (rc)
		goto free_smmu;
	rc = uiommu_smmuv3_reset(smmu);
	if (rc)
		goto release;

	smmu->instance.ops = config->ops ? config->ops : &uiommu_smmuv3_driver_ops;
	smmu->instance.fwnode = config->fwnode;
	smmu->instance.name = config->name;
	smmu->instance.address = config->address;
	if (smmu->has.ssid_bits)
		smmu->instance.max_pasids = 1u << smmu->has.ssid_bits;
	rc = uiommu_instance_register(sys, &smmu->instance);
	if (rc)
		goto disable;
	uiommu_smmuv3_describe(smmu, text, sizeof(text));
	uiommu_log(host, UIOMMU_LOG_INFO, "%s: %s", config->name, text);
	*out = smmu;
	return 0;

disable:
	uiommu_smmuv3_disable(smmu);
release:
	release(smmu);
free_smmu:
	uiommu_port_free(host, smmu, sizeof(*smmu));
	return rc;
}

void uiommu_smmuv3_stop(struct uiommu_smmuv3 *smmu)
{
	if (!smmu)
		return;
	uiommu_instance_unregister(&smmu->instance);
	uiommu_smmuv3_disable(smmu);
	release(smmu);
	uiommu_port_free(smmu->host, smmu, sizeof(*smmu));
}

struct uiommu_instance *uiommu_smmuv3_instance(struct uiommu_smmuv3 *smmu)
{
	return &smmu->instance;
}

const struct uiommu_ops *uiommu_smmuv3_ops(void)
{
	return &uiommu_smmuv3_driver_ops;
}

/* ---- in words ---------------------------------------------------------------------------------- */

struct sentence {
	char *text;
	size_t size, at;
};

static void say(struct sentence *s, const char *word)
{
	for (; *word && s->at + 1 < s->size; word++)
		s->text[s->at++] = *word;
	if (s->size)
		s->text[s->at] = '\0';
}

static void say_number(struct sentence *s, unsigned int number)
{
	char digits[11];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	say(s, digits + at);
}

void uiommu_smmuv3_describe(const struct uiommu_smmuv3 *smmu, char *text, size_t size)
{
	const struct smmu_features *has = &smmu->has;
	struct sentence s = { text, size, 0 };

	if (has->stage1) {
		say(&s, "stage 1 ");
		say_number(&s, has->input_bits);
		say(&s, " bits, ");
	}
	if (has->stage2) {
		say(&s, "stage 2 ");
		say_number(&s, has->output_bits);
		say(&s, " bits, ");
	}
	say(&s, has->granule_shift == 12 ? "4K" : has->granule_shift == 14 ? "16K" : "64K");
	say(&s, smmu->streams.split ? " granule, 2-level streams" : " granule, linear streams");
	if (has->ssid_bits)
		say(&s, has->two_level_cds ? ", PASIDs" : ", PASIDs (linear)");
	if (has->range)
		say(&s, ", invalidation by range");
	if (has->sync_msi)
		say(&s, ", sync by message");
	if (has->httu)
		say(&s, ", dirty tracking");
	if (has->ats)
		say(&s, has->pri ? ", ATS, page requests" : ", ATS");
	if (has->force_stall)
		say(&s, ", always stalls");
	if (has->may_stall)
		say(&s, ", can stall");
	if (!has->coherent)
		say(&s, ", not coherent");
}
