/* SPDX-License-Identifier: MIT */
/*
 * inval.c - what is invalidated, at which granularity (4.4, 4.5)
 *
 * With IDR3.RIL a command names (NUM + 1) * 2^SCALE granules, NUM below 32.  A number of granules is taken
 * apart as digits of base 32, one command for each digit that is not 0, so that a range costs a few commands
 * and not one granule more is lost than was asked for.  TTL stays 0: a range can hold leaves of several
 * levels.  A single granule is asked for without range, since TG != 0 with NUM, SCALE and TTL all 0 is
 * reserved (4.4.1.1).
 *
 * Without RIL it takes a command for each leaf, and beyond MAX_LEAVES all that is cached under the ASID or VMID
 * goes instead.  A contiguous run is no leaf here: its entries may be cached one by one.
 */
#include "src/drivers/smmuv3/smmu.h"

#define MAX_LEAVES 64
#define DIGIT_BITS 5u
#define MAX_SCALE 30u

const struct smmu_range uiommu_smmuv3_everything = {
	.start = 0,
	.last = UINT64_MAX,
	.tables = true,
};

/* ---- batches ----------------------------------------------------------------------------------- */

static void submit(struct smmu_batch *batch)
{
	int rc = uiommu_smmuv3_submit(batch->smmu, batch->commands, batch->count);

	if (rc && !batch->error)
		batch->error = rc;
	/* The SMMU goes on: what was not answered were invalidations of device TLBs. */
	if (rc == -UIOMMU_ETIMEDOUT && !batch->smmu->dead)
		uiommu_smmuv3_atc_timeout(batch->smmu, batch->commands, batch->count);
	batch->count = 0;
}

void uiommu_smmuv3_batch_add(struct smmu_batch *batch, struct smmu_command command)
{
	if (batch->count == SMMU_BATCH)
		submit(batch);
	batch->commands[batch->count++] = command;
}

int uiommu_smmuv3_batch_end(struct smmu_batch *batch)
{
	if (batch->count)
		submit(batch);
	return batch->error;
}

/* ---- translations ------------------------------------------------------------------------------ */

static struct smmu_command tlbi_all(bool stage2, uint16_t id)
{
	return stage2 ? smmu_tlbi_vmid(id) : smmu_tlbi_asid(0, id);
}

static struct smmu_command tlbi_one(bool stage2, uint16_t id, uint64_t address, bool leaf)
{
	struct smmu_command command = stage2 ? smmu_tlbi_ipa(id, address) :
					       smmu_tlbi_va(0, id, address);

	if (leaf)
		command.word[1] |= SMMUV3_CMD1_TLBI_LEAF;
	return command;
}

static unsigned int tg(unsigned int granule_shift)
{
	return granule_shift == 12 ? SMMUV3_TLBI_TG_4K :
	       granule_shift == 14 ? SMMUV3_TLBI_TG_16K :
				     SMMUV3_TLBI_TG_64K;
}

/* @count granules from @address on. */
static void add_digits(struct smmu_batch *batch, bool stage2, uint16_t id, uint64_t address,
		       uint64_t count, unsigned int shift, bool leaf)
{
	for (unsigned int scale = 0; count >> scale; scale += DIGIT_BITS) {
		const uint64_t digit = count >> scale & ((1u << DIGIT_BITS) - 1);
		struct smmu_command command = tlbi_one(stage2, id, address, leaf);

		if (!digit)
			continue;
		if (scale || digit > 1) {
			command.word[0] |= smmuv3_set(digit - 1, SMMUV3_CMD0_TLBI_NUM) |
					   smmuv3_set(scale, SMMUV3_CMD0_TLBI_SCALE);
			command.word[1] |= smmuv3_set(tg(shift), SMMUV3_CMD1_TLBI_TG);
		}
		uiommu_smmuv3_batch_add(batch, command);
		address += digit << scale << shift;
	}
}

/* The size of entries that a leaf, which may be a contiguous run, is made of. */
static unsigned int stride_shift(unsigned int granule_shift, uint64_t leaf)
{
	unsigned int shift = granule_shift;

	while (leaf >> (shift + granule_shift - 3))
		shift += granule_shift - 3;
	return shift;
}

void uiommu_smmuv3_tlbi_add(struct smmu_batch *batch, bool stage2, uint16_t id,
			    const struct smmu_range *range)
{
	const struct smmu_features *has = &batch->smmu->has;
	const unsigned int granule = range->granule_shift ? range->granule_shift :
							    has->granule_shift;
	const uint64_t first = range->start >> granule;
	const uint64_t count = (range->last >> granule) - first + 1;
	const unsigned int stride = stride_shift(granule, range->leaf);
	uint64_t address;

	if (has->range && count >> (MAX_SCALE + DIGIT_BITS) == 0) {
		add_digits(batch, stage2, id, first << granule, count, granule, !range->tables);
		return;
	}
	if (has->range || (range->last >> stride) - (range->start >> stride) >= MAX_LEAVES) {
		uiommu_smmuv3_batch_add(batch, tlbi_all(stage2, id));
		return;
	}
	for (address = range->start >> stride; address <= range->last >> stride; address++)
		uiommu_smmuv3_batch_add(batch,
					tlbi_one(stage2, id, address << stride, !range->tables));
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

/* The one naturally aligned block that covers the range: a device takes one request for each command. */
void uiommu_smmuv3_atc_add(struct smmu_batch *batch, const struct smmu_device *device,
			   uiommu_pasid_t pasid, const struct smmu_range *range)
{
	unsigned int order = 0;

	while (order < SMMUV3_ATC_SIZE_ALL &&
	       range->start >> (12 + order) != range->last >> (12 + order))
		order++;
	uiommu_smmuv3_batch_add(batch,
				smmu_atc_inv(device->sids[0], pasid,
					     order == SMMUV3_ATC_SIZE_ALL ?
						     0 :
						     range->start >> (12 + order) << (12 + order),
					     order));
}

void uiommu_smmuv3_tlbi_nested(struct uiommu_smmuv3 *smmu, uint16_t vmid)
{
	const struct smmu_command command = smmu_tlbi_nh_all(vmid);

	uiommu_smmuv3_submit(smmu, &command, 1);
}

void uiommu_smmuv3_atc_add_nested(struct smmu_batch *batch, const struct smmu_device *device,
				  const struct smmu_nested *nested)
{
	uiommu_smmuv3_atc_add(batch, device, UIOMMU_RID, &uiommu_smmuv3_everything);
	if (uiommu_smmuv3_nested_pasids(nested))
		uiommu_smmuv3_batch_add(batch, smmu_atc_inv_pasids(device->sids[0]));
}
