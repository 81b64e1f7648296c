/* SPDX-License-Identifier: MIT */
/*
 * vtd_regs.c - the registers of the VT-d model (11.2, 11.4) and the handshake of global commands
 *
 * Registers are 32-bit words in a table of facts; those with effects have them below.  A 64-bit access
 * is its two halves, low first.
 */
#include "models/vtd_internal.h"

struct reg {
	uint32_t offset;
	uint32_t writable;
	uint32_t w1c;
	uint32_t rsvd; /* must be written as 0 */
};

/* Words that are not here are read-only or reserved. */
static const struct reg table[] = {
	{ VTD_REG_RTADDR, 0xfffffc00, 0, (uint32_t)VTD_RTADDR_RSVD },
	{ VTD_REG_RTADDR + 4, 0xffffffff, 0, 0 },
	{ VTD_REG_CCMD, 0xffffffff, 0, 0 },
	{ VTD_REG_CCMD + 4, 0xe0000003, 0, 0 },
	{ VTD_REG_FSTS, 0, VTD_FSTS_W1C, 0 },
	{ VTD_REG_FECTL, VTD_ECTL_IM, 0, 0x3fffffff },
	{ VTD_REG_FEDATA, 0xffffffff, 0, 0 },
	{ VTD_REG_FEADDR, VTD_EADDR_MASK, 0, 3 },
	{ VTD_REG_FEUADDR, 0xffffffff, 0, 0 },
	{ VTD_REG_PMEN, VTD_PMEN_EPM, 0, 0 },
	{ VTD_REG_PLMBASE, 0xfffff000, 0, 0 },
	{ VTD_REG_PLMLIMIT, 0xfffff000, 0, 0 },
	{ VTD_REG_PHMBASE, 0xfffff000, 0, 0 },
	{ VTD_REG_PHMBASE + 4, 0xffffffff, 0, 0 },
	{ VTD_REG_PHMLIMIT, 0xfffff000, 0, 0 },
	{ VTD_REG_PHMLIMIT + 4, 0xffffffff, 0, 0 },
	{ VTD_REG_IQT, (uint32_t)VTD_IQ_PTR, 0, ~(uint32_t)VTD_IQ_PTR },
	{ VTD_REG_IQT + 4, 0, 0, 0xffffffff },
	{ VTD_REG_IQA, 0xfffff807, 0, (uint32_t)VTD_IQA_RSVD },
	{ VTD_REG_IQA + 4, 0xffffffff, 0, 0 },
	{ VTD_REG_ICS, 0, VTD_ICS_IWC, 0 },
	{ VTD_REG_IECTL, VTD_ECTL_IM, 0, 0x3fffffff },
	{ VTD_REG_IEDATA, 0xffffffff, 0, 0 },
	{ VTD_REG_IEADDR, VTD_EADDR_MASK, 0, 3 },
	{ VTD_REG_IEUADDR, 0xffffffff, 0, 0 },
	{ VTD_REG_PQH, (uint32_t)VTD_PQ_PTR, 0, (uint32_t)VTD_PQ_RSVD },
	{ VTD_REG_PQH + 4, 0, 0, 0xffffffff },
	{ VTD_REG_PQT, (uint32_t)VTD_PQ_PTR, 0, (uint32_t)VTD_PQ_RSVD },
	{ VTD_REG_PQT + 4, 0, 0, 0xffffffff },
	{ VTD_REG_PQA, 0xfffff007, 0, (uint32_t)VTD_PQA_RSVD },
	{ VTD_REG_PQA + 4, 0xffffffff, 0, 0 },
	{ VTD_REG_PRS, 0, VTD_PRS_PPR | VTD_PRS_PRO, 0 },
	{ VTD_REG_PECTL, VTD_ECTL_IM, 0, 0x3fffffff },
	{ VTD_REG_PEDATA, 0xffffffff, 0, 0 },
	{ VTD_REG_PEADDR, VTD_EADDR_MASK, 0, 3 },
	{ VTD_REG_PEUADDR, 0xffffffff, 0, 0 },
	{ VTD_IRO + VTD_REG_IVA, 0xfffff07f, 0, 0 },
	{ VTD_IRO + VTD_REG_IVA + 4, 0xffffffff, 0, 0 },
	{ VTD_IRO + VTD_REG_IOTLB, 0, 0, 0 },
	{ VTD_IRO + VTD_REG_IOTLB + 4, 0xb003ffff, 0, 0 },
};

static const struct reg *find(uint32_t offset)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].offset == offset)
			return &table[i];
	return NULL;
}

/* ---- global commands (11.4.4) ------------------------------------------------------------------ */

static void illegal(struct model_vtd *v, const char *text, uint64_t value)
{
	vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.4.1", text, value);
}

static void finish_gcmd(struct model_vtd *v)
{
	uint32_t gcmd = v->gcmd_pending, *gsts = &v->regs[VTD_REG_GSTS / 4];
	uint32_t change = (gcmd ^ *gsts) & (VTD_GCMD_TE | VTD_GCMD_QIE);

	v->gcmd_delay = 0;
	if (gcmd & VTD_GCMD_SRTP) {
		v->root = vtd_reg64(v, VTD_REG_RTADDR);
		*gsts |= VTD_GSTS_RTPS;
		/* 6.6: without ESRTPS software has to invalidate itself. */
		if (v->config.esrtps)
			vtd_invalidate_all(v);
	}
	*gsts &= ~VTD_GSTS_WBFS;
	if ((change & VTD_GCMD_QIE) && (!(gcmd & VTD_GCMD_QIE) || v->config.qi)) {
		*gsts ^= VTD_GSTS_QIES;
		vtd_set_reg64(v, VTD_REG_IQH, 0);
		if (*gsts & VTD_GSTS_QIES)
			vtd_queue_run(v);
	}
	if (change & VTD_GCMD_TE)
		*gsts ^= VTD_GSTS_TES;
}

static void write_gcmd(struct model_vtd *v, uint32_t gcmd)
{
	const uint32_t known = VTD_GCMD_TE | VTD_GCMD_SRTP | VTD_GCMD_WBF | VTD_GCMD_QIE;
	uint32_t gsts = vtd_reg32(v, VTD_REG_GSTS);
	uint32_t change = ((gcmd ^ gsts) & (VTD_GCMD_TE | VTD_GCMD_QIE)) |
			  (gcmd & (VTD_GCMD_SRTP | VTD_GCMD_WBF));

	if (v->gcmd_delay) {
		illegal(v, "a global command before the last one is done", gcmd);
		finish_gcmd(v);
	}
	if (gcmd & ~known)
		illegal(v, "a global command that this unit does not have, or reserved bits", gcmd);
	if (change & (change - 1))
		illegal(v, "more than one global command in one write", gcmd);
	if ((gcmd & VTD_GCMD_TE) && !(gsts & (VTD_GSTS_TES | VTD_GSTS_RTPS)))
		illegal(v, "translation is enabled before a root table is set", gcmd);
	if ((gcmd & VTD_GCMD_WBF) && !v->config.rwbf)
		illegal(v, "write buffer flush without CAP.RWBF", gcmd);
	if ((gcmd & VTD_GCMD_QIE) && !v->config.qi)
		illegal(v, "queued invalidation without ECAP.QI", gcmd);
	if ((gcmd & ~gsts & VTD_GCMD_QIE) && vtd_reg64(v, VTD_REG_IQT))
		illegal(v, "queued invalidation is enabled with a tail that is not 0",
			vtd_reg64(v, VTD_REG_IQT));
	if ((gsts & ~gcmd & VTD_GSTS_QIES) &&
	    vtd_reg64(v, VTD_REG_IQH) != vtd_reg64(v, VTD_REG_IQT))
		illegal(v, "queued invalidation is disabled with descriptors pending",
			vtd_reg64(v, VTD_REG_IQH));
	if ((gcmd & VTD_GCMD_SRTP) &&
	    vtd_get(vtd_reg64(v, VTD_REG_RTADDR), VTD_RTADDR_TTM) != VTD_TTM_LEGACY &&
	    !(v->config.scalable &&
	      vtd_get(vtd_reg64(v, VTD_REG_RTADDR), VTD_RTADDR_TTM) == VTD_TTM_SCALABLE))
		vtd_complain(v, MODEL_REPORT_RESERVED, "11.4.5",
			     "a translation table mode that this unit does not have",
			     vtd_reg64(v, VTD_REG_RTADDR));
	v->gcmd_pending = gcmd;
	if (gcmd & VTD_GCMD_WBF)
		v->regs[VTD_REG_GSTS / 4] |= VTD_GSTS_WBFS;
	if (gcmd & VTD_GCMD_SRTP)
		v->regs[VTD_REG_GSTS / 4] &= ~VTD_GSTS_RTPS;
	v->gcmd_delay = v->config.lazy ? 1 + (uint32_t)(vtd_random(v) % 3) : 0;
	if (!v->gcmd_delay)
		finish_gcmd(v);
}

/* One step of whatever is pending: a global command first, then both queues. */
static bool step(struct model_vtd *v)
{
	bool more;

	if (v->gcmd_delay) {
		if (!--v->gcmd_delay)
			finish_gcmd(v);
		return true;
	}
	more = vtd_queue_step(v);
	return vtd_prq_step(v) || more;
}

/* ---- effects ----------------------------------------------------------------------------------- */

static bool in_records(const struct model_vtd *v, uint32_t offset)
{
	return offset >= VTD_FRO && offset < VTD_FRO + v->config.nfr * VTD_FRCD_SIZE;
}

static void written(struct model_vtd *v, uint32_t offset, uint32_t old, uint32_t value)
{
	switch (offset) {
	case VTD_REG_CCMD + 4:
		if (value >> 31)
			vtd_ccmd(v);
		break;
	case VTD_IRO + VTD_REG_IOTLB + 4:
		if (value >> 31)
			vtd_iotlb_command(v);
		break;
	case VTD_REG_FSTS:
		vtd_fault_records_written(v);
		if (!(v->regs[offset / 4] & VTD_FSTS_ITE))
			v->fetched = 0;
		if (old & ~v->regs[offset / 4] & (VTD_FSTS_IQE | VTD_FSTS_ITE))
			vtd_queue_run(v);
		break;
	case VTD_REG_ICS:
		if (!(v->regs[offset / 4] & VTD_ICS_IWC))
			v->regs[VTD_REG_IECTL / 4] &= ~VTD_ECTL_IP;
		break;
	case VTD_REG_FECTL:
	case VTD_REG_IECTL:
	case VTD_REG_PECTL:
		vtd_event_unmasked(v, offset);
		break;
	case VTD_REG_PMEN:
		v->regs[offset / 4] |= value & VTD_PMEN_EPM ? VTD_PMEN_PRS : 0;
		break;
	case VTD_REG_IQT:
		vtd_queue_run(v);
		break;
	case VTD_REG_PQH:
	case VTD_REG_PQT:
	case VTD_REG_PQA:
	case VTD_REG_PQA + 4:
	case VTD_REG_PRS:
		vtd_prq_written(v, offset, old);
		break;
	default:
		break;
	}
}

static void write_word(struct model_vtd *v, uint32_t offset, uint32_t value)
{
	const struct reg *reg;
	uint32_t old = vtd_reg32(v, offset), bits;

	if (offset == VTD_REG_GCMD) {
		write_gcmd(v, value);
		return;
	}
	if (in_records(v, offset)) {
		if (offset % VTD_FRCD_SIZE == 12 && value >> 31) {
			v->regs[offset / 4] &= 0x7fffffff;
			vtd_fault_records_written(v);
		}
		return;
	}
	reg = find(offset);
	if (!reg)
		return; /* 11.2: writes to reserved and read-only registers have no effect */
	if (offset >= VTD_REG_IQT && offset <= VTD_REG_IEUADDR && !v->config.qi)
		return;
	if (offset >= VTD_REG_PQH && offset <= VTD_REG_PEUADDR && !v->config.prs)
		return;
	if ((offset == VTD_REG_IQA || offset == VTD_REG_IQA + 4) &&
	    (vtd_reg32(v, VTD_REG_GSTS) & VTD_GSTS_QIES)) {
		/* Once for a write of both halves. */
		if (offset == VTD_REG_IQA || value != old)
			vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.9",
				     "the queue's address is written while the queue is enabled",
				     value);
		return;
	}
	bits = value & reg->rsvd;
	/* Control registers are written back with IP, which is read-only. */
	if (reg->writable == VTD_ECTL_IM)
		bits &= ~VTD_ECTL_IP;
	if (bits)
		vtd_complain(v, MODEL_REPORT_RESERVED, "11.4", "reserved bits in a register",
			     offset);
	if (offset == VTD_REG_IQA && (value & VTD_IQA_DW) && !v->config.scalable)
		vtd_complain(v, MODEL_REPORT_RESERVED, "11.4.9",
			     "256-bit descriptors without scalable mode", value);
	v->regs[offset / 4] = ((old & ~reg->writable) | (value & reg->writable)) &
			      ~(value & reg->w1c);
	if (offset == VTD_REG_PMEN)
		v->regs[offset / 4] &= VTD_PMEN_EPM;
	written(v, offset, old, value);
}

/* ---- accesses ---------------------------------------------------------------------------------- */

static bool valid(struct model_vtd *v, uint32_t offset, unsigned int size)
{
	if (offset % size == 0 && offset < MODEL_VTD_MMIO_SIZE)
		return true;
	vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.2", "a register access that is not aligned",
		     offset);
	return false;
}

static uint64_t read_word(struct model_vtd *v, uint32_t offset)
{
	return offset == VTD_REG_GCMD || offset / 8 == (VTD_IRO + VTD_REG_IVA) / 8 ?
		       0 :
		       vtd_reg32(v, offset);
}

uint32_t model_vtd_read32(struct model_vtd *v, uint32_t offset)
{
	uint32_t value = UINT32_MAX;

	uiommu_port_mutex_lock(v->host, &v->lock);
	step(v);
	if (valid(v, offset, 4))
		value = (uint32_t)read_word(v, offset);
	vtd_unlock(v);
	return value;
}

uint64_t model_vtd_read64(struct model_vtd *v, uint32_t offset)
{
	uint64_t value = UINT64_MAX;

	uiommu_port_mutex_lock(v->host, &v->lock);
	step(v);
	if (valid(v, offset, 8))
		value = read_word(v, offset) | read_word(v, offset + 4) << 32;
	vtd_unlock(v);
	return value;
}

void model_vtd_write32(struct model_vtd *v, uint32_t offset, uint32_t value)
{
	uiommu_port_mutex_lock(v->host, &v->lock);
	if (valid(v, offset, 4))
		write_word(v, offset, value);
	vtd_unlock(v);
}

void model_vtd_write64(struct model_vtd *v, uint32_t offset, uint64_t value)
{
	uiommu_port_mutex_lock(v->host, &v->lock);
	if (valid(v, offset, 8)) {
		write_word(v, offset, (uint32_t)value);
		write_word(v, offset + 4, (uint32_t)(value >> 32));
	}
	vtd_unlock(v);
}

bool model_vtd_step(struct model_vtd *v)
{
	bool pending;

	uiommu_port_mutex_lock(v->host, &v->lock);
	pending = step(v);
	vtd_unlock(v);
	return pending;
}
