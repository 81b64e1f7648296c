/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_regs.c - the registers of the SMMUv3 model (6.2, 6.3), their guards and handshakes
 *
 * A register that must not be written in the present state keeps its value, one of the things that the
 * specification allows, and the write is reported if it would have changed something.  Updates of
 * CR0, IRQ_CTRL and GBPA take effect when the acknowledgement says so: at once, or on a lazy unit a
 * few register reads later.  A 64-bit access is its two halves, low first.
 */
#include "models/smmuv3_internal.h"

#define Q_BASE_WRITABLE (SMMUV3_Q_BASE_LOG2SIZE | SMMUV3_Q_BASE_ADDR | SMMUV3_Q_BASE_HINT)
#define CR1_TABLES (SMMUV3_CR1_TABLE_IC | SMMUV3_CR1_TABLE_OC | SMMUV3_CR1_TABLE_SH)
#define CR1_QUEUES (SMMUV3_CR1_QUEUE_IC | SMMUV3_CR1_QUEUE_OC | SMMUV3_CR1_QUEUE_SH)
#define CR0_QUEUES (SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_PRIQEN)
#define CR0_FIELDS (CR0_QUEUES | SMMUV3_CR0_SMMUEN | SMMUV3_CR0_ATSCHK)
#define IRQ_FIELDS \
	(SMMUV3_IRQ_CTRL_GERROR_IRQEN | SMMUV3_IRQ_CTRL_EVENTQ_IRQEN | SMMUV3_IRQ_CTRL_PRIQ_IRQEN)
#define GBPA_FIELDS                                                                           \
	(SMMUV3_GBPA_MEMATTR | SMMUV3_GBPA_MTCFG | SMMUV3_GBPA_ALLOCCFG | SMMUV3_GBPA_SHCFG | \
	 SMMUV3_GBPA_PRIVCFG | SMMUV3_GBPA_INSTCFG | SMMUV3_GBPA_ABORT)
#define STRTAB_CFG_FIELDS                                                 \
	(SMMUV3_STRTAB_BASE_CFG_LOG2SIZE | SMMUV3_STRTAB_BASE_CFG_SPLIT | \
	 SMMUV3_STRTAB_BASE_CFG_FMT)

static void illegal(struct model_smmuv3 *s, const char *section, const char *text, uint64_t value)
{
	smmu_complain(s, MODEL_REPORT_ILLEGAL, section, text, value);
}

static bool on(const struct model_smmuv3 *s, uint32_t field)
{
	return (s->cr0 | s->cr0ack) & field;
}

static bool set(uint64_t value, uint64_t mask, unsigned int least)
{
	return smmuv3_get(value, mask) >= least;
}

/* ---- what has to be right before something is enabled ------------------------------------------ */

static void check_tables(struct model_smmuv3 *s)
{
	unsigned int bits =
		(unsigned int)smmuv3_get(s->strtab_cfg, SMMUV3_STRTAB_BASE_CFG_LOG2SIZE);
	unsigned int format = (unsigned int)smmuv3_get(s->strtab_cfg, SMMUV3_STRTAB_BASE_CFG_FMT);
	unsigned int split = (unsigned int)smmuv3_get(s->strtab_cfg, SMMUV3_STRTAB_BASE_CFG_SPLIT);
	bool two = format == SMMUV3_STRTAB_2LEVEL;
	unsigned int size = two ? (bits > split ? bits - split + 3 : 6) : bits + 6;

	if (bits > s->config.sidsize)
		illegal(s, "6.3.25", "STRTAB_BASE_CFG.LOG2SIZE is more than IDR1.SIDSIZE", bits);
	if (format > SMMUV3_STRTAB_2LEVEL || (two && !s->config.st_level))
		illegal(s, "6.3.25", "a stream table format that this unit does not have", format);
	else if (two && split != SMMUV3_SPLIT_4K && split != SMMUV3_SPLIT_16K &&
		 split != SMMUV3_SPLIT_64K)
		illegal(s, "6.3.25", "a reserved STRTAB_BASE_CFG.SPLIT", split);
	if (s->strtab_base & SMMUV3_STRTAB_BASE_ADDR & smmu_mask(size < 6 ? 6 : size))
		illegal(s, "6.3.24", "the stream table is not aligned to its size", s->strtab_base);
	if (s->strtab_base & SMMUV3_STRTAB_BASE_ADDR & ~smmu_mask(s->config.oas))
		illegal(s, "6.3.24", "the stream table is beyond IDR5.OAS", s->strtab_base);
	if (!s->config_clean)
		illegal(s, "3.11", "SMMUEN before CMD_CFGI_ALL and CMD_SYNC since reset", 0);
	if (!s->tlb_clean)
		illegal(s, "3.11", "SMMUEN before CMD_TLBI_NSNH_ALL and CMD_SYNC since reset", 0);
	if (s->config.cohacc &&
	    (!set(s->cr1, SMMUV3_CR1_TABLE_IC, 1) || !set(s->cr1, SMMUV3_CR1_TABLE_OC, 1) ||
	     !set(s->cr1, SMMUV3_CR1_TABLE_SH, SMMUV3_SH_OUTER)))
		illegal(s, "6.3.11",
			"stream tables are fetched past the caches although access is coherent",
			s->cr1);
}

static void check_queue(struct model_smmuv3 *s, const char *text, uint64_t base,
			unsigned int entry_bits, unsigned int most)
{
	unsigned int bits = (unsigned int)(base & SMMUV3_Q_BASE_LOG2SIZE);
	unsigned int align = bits + entry_bits < 5 ? 5 : bits + entry_bits;

	if (bits > most)
		illegal(s, "6.3.26", "a queue has more entries than IDR1 allows", base);
	if (base & SMMUV3_Q_BASE_ADDR & (smmu_mask(align) | ~smmu_mask(s->config.oas)))
		illegal(s, "6.3.26", text, base);
	if (s->config.cohacc &&
	    (!set(s->cr1, SMMUV3_CR1_QUEUE_IC, 1) || !set(s->cr1, SMMUV3_CR1_QUEUE_OC, 1) ||
	     !set(s->cr1, SMMUV3_CR1_QUEUE_SH, SMMUV3_SH_OUTER)))
		illegal(s, "6.3.11",
			"queues are accessed past the caches although access is coherent", s->cr1);
}

/* ---- CR0, IRQ_CTRL, GBPA ----------------------------------------------------------------------- */

static uint32_t delay(struct model_smmuv3 *s)
{
	return s->config.lazy ? 1 + (uint32_t)(smmu_random(s) % 3) : 0;
}

static void finish_cr0(struct model_smmuv3 *s)
{
	uint32_t rose = s->cr0 & ~s->cr0ack, fell = s->cr0ack & ~s->cr0;

	s->cr0_delay = 0;
	s->cr0ack = s->cr0;
	if (rose & SMMUV3_CR0_SMMUEN)
		smmu_watch_enabled(s);
	if (fell & SMMUV3_CR0_SMMUEN) {
		smmu_stalls_end_all(s);
		smmu_pri_disabled(s);
	}
	if (rose & SMMUV3_CR0_EVENTQEN)
		smmu_stalls_go_on(s);
	if (rose & SMMUV3_CR0_CMDQEN)
		smmu_queue_run(s);
}

static void write_cr0(struct model_smmuv3 *s, uint32_t value)
{
	uint32_t change, fields = CR0_FIELDS;

	if (!s->config.ats)
		fields &= ~SMMUV3_CR0_ATSCHK;
	if (!s->config.pri)
		fields &= ~SMMUV3_CR0_PRIQEN;
	if (value & ~fields)
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.9", "reserved bits in CR0", value);
	value &= fields;
	change = value ^ s->cr0;
	if (s->cr0_delay) {
		if (change & (s->cr0 ^ s->cr0ack))
			illegal(s, "6.3.9", "CR0 is changed again before CR0ACK followed", value);
		finish_cr0(s);
	}
	if (change & value & SMMUV3_CR0_SMMUEN)
		check_tables(s);
	if (change & value & SMMUV3_CR0_CMDQEN)
		check_queue(s, "the command queue is not aligned to its size, or beyond IDR5.OAS",
			    s->cmdq_base, 4, s->config.cmdqs);
	if (change & value & SMMUV3_CR0_EVENTQEN)
		check_queue(s, "the event queue is not aligned to its size, or beyond IDR5.OAS",
			    s->eventq_base, 5, s->config.eventqs);
	if (change & value & SMMUV3_CR0_PRIQEN)
		check_queue(s, "the PRI queue is not aligned to its size, or beyond IDR5.OAS",
			    s->priq_base, 4, s->config.priqs);
	if ((change & SMMUV3_CR0_ATSCHK) && (s->cr0 & value & SMMUV3_CR0_SMMUEN))
		illegal(s, "6.3.9", "ATSCHK is changed while SMMUEN is 1", value);
	if ((change & s->cr0 & SMMUV3_CR0_CMDQEN) &&
	    ((s->cmdq_prod ^ s->cmdq_cons) & SMMUV3_Q_INDEX) &&
	    !((s->gerror ^ s->gerrorn) & SMMUV3_GERROR_CMDQ_ERR))
		illegal(s, "6.3.9", "the command queue is disabled with commands in it",
			s->cmdq_prod);
	s->cr0 = value;
	s->cr0_delay = delay(s);
	if (!s->cr0_delay)
		finish_cr0(s);
}

static void finish_irq(struct model_smmuv3 *s)
{
	s->irq_delay = 0;
	s->irq_ctrlack = s->irq_ctrl;
}

static void write_irq_ctrl(struct model_smmuv3 *s, uint32_t value)
{
	if (value & ~IRQ_FIELDS)
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.17", "reserved bits in IRQ_CTRL",
			      value);
	if (s->irq_delay && (((value ^ s->irq_ctrl) & (s->irq_ctrl ^ s->irq_ctrlack)) & IRQ_FIELDS))
		illegal(s, "6.3.17", "IRQ_CTRL is changed again before IRQ_CTRLACK followed",
			value);
	s->irq_ctrl = value & IRQ_FIELDS;
	if (!s->config.pri)
		s->irq_ctrl &= ~SMMUV3_IRQ_CTRL_PRIQ_IRQEN;
	s->irq_delay = delay(s);
	if (!s->irq_delay)
		finish_irq(s);
}

static void finish_gbpa(struct model_smmuv3 *s)
{
	s->gbpa_delay = 0;
	s->gbpa &= ~SMMUV3_GBPA_UPDATE;
	s->gbpa_active = s->gbpa;
}

static void write_gbpa(struct model_smmuv3 *s, uint32_t value)
{
	if (s->gbpa & SMMUV3_GBPA_UPDATE) {
		illegal(s, "6.3.14", "GBPA is written while an update is under way", value);
		return;
	}
	if (!(value & SMMUV3_GBPA_UPDATE)) {
		illegal(s, "6.3.14", "GBPA is written without Update, which has no effect", value);
		return;
	}
	if (value & ~(GBPA_FIELDS | SMMUV3_GBPA_UPDATE))
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.14", "reserved bits in GBPA", value);
	s->gbpa = value & (GBPA_FIELDS | SMMUV3_GBPA_UPDATE);
	s->gbpa_delay = delay(s);
	if (!s->gbpa_delay)
		finish_gbpa(s);
}

static void write_cr1(struct model_smmuv3 *s, uint32_t value)
{
	uint32_t change = value ^ s->cr1;

	if (value & ~(CR1_TABLES | CR1_QUEUES))
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.11", "reserved bits in CR1", value);
	if ((change & CR1_TABLES) && on(s, SMMUV3_CR0_SMMUEN)) {
		illegal(s, "6.3.11", "table attributes of CR1 are changed while SMMUEN is 1",
			value);
		change &= ~CR1_TABLES;
	}
	if ((change & CR1_QUEUES) && on(s, CR0_QUEUES)) {
		illegal(s, "6.3.11", "queue attributes of CR1 are changed while a queue is enabled",
			value);
		change &= ~CR1_QUEUES;
	}
	s->cr1 ^= change & (CR1_TABLES | CR1_QUEUES);
}

static void write_cr2(struct model_smmuv3 *s, uint32_t value)
{
	uint32_t fields = SMMUV3_CR2_RECINVSID | SMMUV3_CR2_PTM |
			  (s->config.hyp ? SMMUV3_CR2_E2H : 0);

	/* PTM is RES0 without broadcast maintenance, but harmless (6.3.12). */
	if (value & ~(fields | SMMUV3_CR2_E2H | SMMUV3_CR2_PTM))
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.12", "reserved bits in CR2", value);
	if (on(s, SMMUV3_CR0_SMMUEN)) {
		if ((value ^ s->cr2) & fields)
			illegal(s, "6.3.12", "CR2 is changed while SMMUEN is 1", value);
		return;
	}
	s->cr2 = value & fields;
}

/* 7.5, 6.3.20: only what is active may be acknowledged. */
static void write_gerrorn(struct model_smmuv3 *s, uint32_t value)
{
	uint32_t acknowledged = (value ^ s->gerrorn) & SMMUV3_GERROR_VALID;
	uint32_t active = s->gerror ^ s->gerrorn;

	if (acknowledged & ~active)
		illegal(s, "6.3.20", "GERRORN acknowledges an error that is not active", value);
	s->gerrorn ^= acknowledged & active;
	if (acknowledged & active & SMMUV3_GERROR_EVENTQ_ABT_ERR)
		smmu_stalls_go_on(s);
	if (acknowledged & active & SMMUV3_GERROR_CMDQ_ERR)
		smmu_queue_run(s);
}

/* ---- queues ------------------------------------------------------------------------------------ */

static uint32_t distance(uint32_t prod, uint32_t cons, unsigned int bits)
{
	return (prod - cons) & (uint32_t)smmu_mask(bits + 1);
}

static void write_cmdq_prod(struct model_smmuv3 *s, uint32_t value)
{
	unsigned int bits = (unsigned int)(s->cmdq_base & SMMUV3_Q_BASE_LOG2SIZE);

	if (value & ~(uint32_t)smmu_mask(bits + 1))
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.27",
			      "CMDQ_PROD has more than index and wrap bit", value);
	if (on(s, SMMUV3_CR0_CMDQEN)) {
		uint32_t used = distance(s->cmdq_prod, s->cmdq_cons, bits);
		uint32_t now = distance(value, s->cmdq_cons, bits);

		if (now > 1u << bits || now < used) {
			illegal(s, "6.3.27",
				"CMDQ_PROD runs over CMDQ_CONS, or takes commands back", value);
			return;
		}
	}
	s->cmdq_prod = value & SMMUV3_Q_INDEX;
	smmu_queue_run(s);
}

static void write_cmdq_cons(struct model_smmuv3 *s, uint32_t value)
{
	if (on(s, SMMUV3_CR0_CMDQEN))
		illegal(s, "6.3.28", "CMDQ_CONS is written while the queue is enabled", value);
	else
		s->cmdq_cons = value & (SMMUV3_Q_INDEX | SMMUV3_CMDQ_CONS_ERR);
}

static void write_consumer(struct model_smmuv3 *s, uint32_t *cons, uint32_t prod, uint64_t base,
			   uint32_t enable, uint32_t value)
{
	unsigned int bits = (unsigned int)(base & SMMUV3_Q_BASE_LOG2SIZE);

	if (on(s, enable) && distance(value, *cons, bits) > distance(prod, *cons, bits))
		illegal(s, "6.3.31", "a CONS runs over its PROD", value);
	*cons = value & (SMMUV3_Q_INDEX | SMMUV3_Q_OVERFLOW);
}

static void write_producer(struct model_smmuv3 *s, uint32_t *prod, uint32_t enable, uint32_t value)
{
	if (on(s, enable))
		illegal(s, "6.3.30", "a PROD of the SMMU is written while its queue is enabled",
			value);
	else
		*prod = value & (SMMUV3_Q_INDEX | SMMUV3_Q_OVERFLOW);
}

/* Half of a 64-bit register that must not change while @busy. */
static void write_half(struct model_smmuv3 *s, uint64_t *reg, uint64_t writable, uint32_t offset,
		       uint32_t value, bool busy, const char *section, const char *text)
{
	unsigned int shift = (offset & 4) * 8;
	uint64_t half = UINT64_C(0xffffffff) << shift;
	uint64_t to = (*reg & ~half) | ((uint64_t)value << shift & writable & half);

	if ((uint64_t)value << shift & ~writable & half)
		smmu_complain(s, MODEL_REPORT_RESERVED, section, "reserved bits in a register",
			      offset);
	if (!busy)
		*reg = to;
	else if (to != *reg)
		illegal(s, section, text, value);
}

static void write_irq_cfg(struct model_smmuv3 *s, struct smmu_irq_cfg *cfg, uint32_t enable,
			  uint32_t which, uint32_t value)
{
	if ((s->irq_ctrl | s->irq_ctrlack) & enable) {
		illegal(s, "6.3.21", "an interrupt is changed while it is enabled", which);
		return;
	}
	/* What the PRI queue interrupts for has nothing to do with how (6.3.36). */
	if (!s->config.msi &&
	    (value & ~(cfg == &s->priq_irq && which == 12 ? SMMUV3_PRIQ_IRQ_CFG2_LO : 0))) {
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.21",
			      "an MSI is configured without IDR0.MSI", which);
		return;
	}
	if (which == 8)
		cfg->data = value;
	else if (which == 12)
		cfg->attributes = value;
	else
		write_half(s, &cfg->address, SMMUV3_IRQ_CFG0_ADDR, which, value, false, "6.3.21",
			   "");
}

static bool write_irq(struct model_smmuv3 *s, uint32_t offset, uint32_t value)
{
	if (offset >= SMMUV3_REG_GERROR_IRQ_CFG0 && offset < SMMUV3_REG_GERROR_IRQ_CFG0 + 16)
		write_irq_cfg(s, &s->gerror_irq, SMMUV3_IRQ_CTRL_GERROR_IRQEN,
			      offset - SMMUV3_REG_GERROR_IRQ_CFG0, value);
	else if (offset >= SMMUV3_REG_EVENTQ_IRQ_CFG0 && offset < SMMUV3_REG_EVENTQ_IRQ_CFG0 + 16)
		write_irq_cfg(s, &s->eventq_irq, SMMUV3_IRQ_CTRL_EVENTQ_IRQEN,
			      offset - SMMUV3_REG_EVENTQ_IRQ_CFG0, value);
	else if (offset >= SMMUV3_REG_PRIQ_IRQ_CFG0 && offset < SMMUV3_REG_PRIQ_IRQ_CFG0 + 16 &&
		 s->config.pri)
		write_irq_cfg(s, &s->priq_irq, SMMUV3_IRQ_CTRL_PRIQ_IRQEN,
			      offset - SMMUV3_REG_PRIQ_IRQ_CFG0, value);
	else
		return false;
	return true;
}

/* ---- all registers ----------------------------------------------------------------------------- */

/* Registers of the tables' and queues' places, all with the same rule. False: another one. */
static bool write_base(struct model_smmuv3 *s, uint32_t offset, uint32_t value)
{
	switch (offset & ~7u) {
	case SMMUV3_REG_STRTAB_BASE:
		write_half(s, &s->strtab_base, SMMUV3_STRTAB_BASE_ADDR | SMMUV3_STRTAB_BASE_RA,
			   offset, value, on(s, SMMUV3_CR0_SMMUEN), "6.3.24",
			   "STRTAB_BASE is written while SMMUEN is 1");
		return true;
	case SMMUV3_REG_CMDQ_BASE:
		write_half(s, &s->cmdq_base, Q_BASE_WRITABLE, offset, value,
			   on(s, SMMUV3_CR0_CMDQEN), "6.3.26",
			   "CMDQ_BASE is written while the queue is enabled");
		return true;
	case SMMUV3_REG_EVENTQ_BASE:
		write_half(s, &s->eventq_base, Q_BASE_WRITABLE, offset, value,
			   on(s, SMMUV3_CR0_EVENTQEN), "6.3.29",
			   "EVENTQ_BASE is written while the queue is enabled");
		return true;
	case SMMUV3_REG_PRIQ_BASE:
		if (s->config.pri)
			write_half(s, &s->priq_base, Q_BASE_WRITABLE, offset, value,
				   on(s, SMMUV3_CR0_PRIQEN), "6.3.35",
				   "PRIQ_BASE is written while the queue is enabled");
		return true;
	default:
		return false;
	}
}

static void write_strtab_cfg(struct model_smmuv3 *s, uint32_t value)
{
	if (value & ~(uint32_t)STRTAB_CFG_FIELDS)
		smmu_complain(s, MODEL_REPORT_RESERVED, "6.3.25",
			      "reserved bits in STRTAB_BASE_CFG", value);
	if (!on(s, SMMUV3_CR0_SMMUEN))
		s->strtab_cfg = value & STRTAB_CFG_FIELDS;
	else if (value != s->strtab_cfg)
		illegal(s, "6.3.25", "STRTAB_BASE_CFG is written while SMMUEN is 1", value);
}

static void write_word(struct model_smmuv3 *s, uint32_t offset, uint32_t value)
{
	if (write_irq(s, offset, value) || write_base(s, offset, value))
		return;
	switch (offset) {
	case SMMUV3_REG_CR0:
		write_cr0(s, value);
		break;
	case SMMUV3_REG_CR1:
		write_cr1(s, value);
		break;
	case SMMUV3_REG_CR2:
		write_cr2(s, value);
		break;
	case SMMUV3_REG_GBPA:
		write_gbpa(s, value);
		break;
	case SMMUV3_REG_IRQ_CTRL:
		write_irq_ctrl(s, value);
		break;
	case SMMUV3_REG_GERRORN:
		write_gerrorn(s, value);
		break;
	case SMMUV3_REG_STRTAB_BASE_CFG:
		write_strtab_cfg(s, value);
		break;
	case SMMUV3_REG_CMDQ_PROD:
		write_cmdq_prod(s, value);
		break;
	case SMMUV3_REG_CMDQ_CONS:
		write_cmdq_cons(s, value);
		break;
	case SMMUV3_REG_EVENTQ_PROD:
		write_producer(s, &s->eventq_prod, SMMUV3_CR0_EVENTQEN, value);
		break;
	case SMMUV3_REG_EVENTQ_CONS:
		write_consumer(s, &s->eventq_cons, s->eventq_prod, s->eventq_base,
			       SMMUV3_CR0_EVENTQEN, value);
		smmu_stalls_go_on(s);
		break;
	case SMMUV3_REG_PRIQ_PROD:
		if (s->config.pri)
			write_producer(s, &s->priq_prod, SMMUV3_CR0_PRIQEN, value);
		break;
	case SMMUV3_REG_PRIQ_CONS:
		if (s->config.pri)
			write_consumer(s, &s->priq_cons, s->priq_prod, s->priq_base,
				       SMMUV3_CR0_PRIQEN, value);
		break;
	default:
		break; /* 6.2: writes to reserved and read-only registers have no effect */
	}
}

static const struct {
	uint32_t offset;
	size_t at;
} words[] = {
	{ SMMUV3_REG_IDR0, offsetof(struct model_smmuv3, idr[0]) },
	{ SMMUV3_REG_IDR1, offsetof(struct model_smmuv3, idr[1]) },
	{ SMMUV3_REG_IDR3, offsetof(struct model_smmuv3, idr[3]) },
	{ SMMUV3_REG_IDR5, offsetof(struct model_smmuv3, idr[5]) },
	{ SMMUV3_REG_CR0, offsetof(struct model_smmuv3, cr0) },
	{ SMMUV3_REG_CR0ACK, offsetof(struct model_smmuv3, cr0ack) },
	{ SMMUV3_REG_CR1, offsetof(struct model_smmuv3, cr1) },
	{ SMMUV3_REG_CR2, offsetof(struct model_smmuv3, cr2) },
	{ SMMUV3_REG_GBPA, offsetof(struct model_smmuv3, gbpa) },
	{ SMMUV3_REG_IRQ_CTRL, offsetof(struct model_smmuv3, irq_ctrl) },
	{ SMMUV3_REG_IRQ_CTRLACK, offsetof(struct model_smmuv3, irq_ctrlack) },
	{ SMMUV3_REG_GERROR, offsetof(struct model_smmuv3, gerror) },
	{ SMMUV3_REG_GERRORN, offsetof(struct model_smmuv3, gerrorn) },
	{ SMMUV3_REG_GERROR_IRQ_CFG1, offsetof(struct model_smmuv3, gerror_irq.data) },
	{ SMMUV3_REG_GERROR_IRQ_CFG2, offsetof(struct model_smmuv3, gerror_irq.attributes) },
	{ SMMUV3_REG_EVENTQ_IRQ_CFG1, offsetof(struct model_smmuv3, eventq_irq.data) },
	{ SMMUV3_REG_EVENTQ_IRQ_CFG2, offsetof(struct model_smmuv3, eventq_irq.attributes) },
	{ SMMUV3_REG_PRIQ_IRQ_CFG1, offsetof(struct model_smmuv3, priq_irq.data) },
	{ SMMUV3_REG_PRIQ_IRQ_CFG2, offsetof(struct model_smmuv3, priq_irq.attributes) },
	{ SMMUV3_REG_STRTAB_BASE_CFG, offsetof(struct model_smmuv3, strtab_cfg) },
	{ SMMUV3_REG_CMDQ_PROD, offsetof(struct model_smmuv3, cmdq_prod) },
	{ SMMUV3_REG_CMDQ_CONS, offsetof(struct model_smmuv3, cmdq_cons) },
	{ SMMUV3_REG_EVENTQ_PROD, offsetof(struct model_smmuv3, eventq_prod) },
	{ SMMUV3_REG_EVENTQ_CONS, offsetof(struct model_smmuv3, eventq_cons) },
	{ SMMUV3_REG_PRIQ_PROD, offsetof(struct model_smmuv3, priq_prod) },
	{ SMMUV3_REG_PRIQ_CONS, offsetof(struct model_smmuv3, priq_cons) },
};

static const struct {
	uint32_t offset;
	size_t at;
} doubles[] = {
	{ SMMUV3_REG_GERROR_IRQ_CFG0, offsetof(struct model_smmuv3, gerror_irq.address) },
	{ SMMUV3_REG_EVENTQ_IRQ_CFG0, offsetof(struct model_smmuv3, eventq_irq.address) },
	{ SMMUV3_REG_PRIQ_IRQ_CFG0, offsetof(struct model_smmuv3, priq_irq.address) },
	{ SMMUV3_REG_STRTAB_BASE, offsetof(struct model_smmuv3, strtab_base) },
	{ SMMUV3_REG_CMDQ_BASE, offsetof(struct model_smmuv3, cmdq_base) },
	{ SMMUV3_REG_EVENTQ_BASE, offsetof(struct model_smmuv3, eventq_base) },
	{ SMMUV3_REG_PRIQ_BASE, offsetof(struct model_smmuv3, priq_base) },
};

static uint64_t read_word(const struct model_smmuv3 *s, uint32_t offset)
{
	const char *base = (const char *)s;

	if (offset == SMMUV3_REG_AIDR)
		return s->config.minor;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].offset == offset)
			return *(const uint32_t *)(const void *)(base + words[i].at);
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		if (doubles[i].offset == (offset & ~4u))
			return *(const uint64_t *)(const void *)(base + doubles[i].at) >>
				       (offset & 4) * 8 &
			       UINT32_MAX;
	return 0;
}

/* ---- accesses ---------------------------------------------------------------------------------- */

/* One step of whatever is pending: handshakes first, then the queue. */
static bool step(struct model_smmuv3 *s)
{
	bool pending = false;

	if (s->cr0_delay) {
		pending = true;
		if (!--s->cr0_delay)
			finish_cr0(s);
	}
	if (s->irq_delay) {
		pending = true;
		if (!--s->irq_delay)
			finish_irq(s);
	}
	if (s->gbpa_delay) {
		pending = true;
		if (!--s->gbpa_delay)
			finish_gbpa(s);
	}
	if (smmu_queue_step(s))
		pending = true;
	return smmu_stalls_step(s) || pending;
}

static bool valid(struct model_smmuv3 *s, uint32_t offset, unsigned int size)
{
	if (offset % size == 0 && offset < MODEL_SMMUV3_MMIO_SIZE)
		return true;
	illegal(s, "6.2", "a register access that is not aligned", offset);
	return false;
}

/* 6.2: a 64-bit access is possible to a 64-bit register only. */
static bool is_double(struct model_smmuv3 *s, uint32_t offset)
{
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		if (doubles[i].offset == offset)
			return true;
	illegal(s, "6.2", "a 64-bit access to a 32-bit register", offset);
	return false;
}

uint32_t model_smmuv3_read32(struct model_smmuv3 *s, uint32_t offset)
{
	uint32_t value = 0;

	uiommu_port_mutex_lock(s->host, &s->lock);
	step(s);
	if (valid(s, offset, 4))
		value = (uint32_t)read_word(s, offset);
	uiommu_port_mutex_unlock(s->host, &s->lock);
	return value;
}

uint64_t model_smmuv3_read64(struct model_smmuv3 *s, uint32_t offset)
{
	uint64_t value = 0;

	uiommu_port_mutex_lock(s->host, &s->lock);
	step(s);
	if (valid(s, offset, 8) && is_double(s, offset))
		value = read_word(s, offset) | read_word(s, offset + 4) << 32;
	uiommu_port_mutex_unlock(s->host, &s->lock);
	return value;
}

void model_smmuv3_write32(struct model_smmuv3 *s, uint32_t offset, uint32_t value)
{
	uiommu_port_mutex_lock(s->host, &s->lock);
	if (valid(s, offset, 4))
		write_word(s, offset, value);
	uiommu_port_mutex_unlock(s->host, &s->lock);
}

void model_smmuv3_write64(struct model_smmuv3 *s, uint32_t offset, uint64_t value)
{
	uiommu_port_mutex_lock(s->host, &s->lock);
	if (valid(s, offset, 8) && is_double(s, offset)) {
		write_word(s, offset, (uint32_t)value);
		write_word(s, offset + 4, (uint32_t)(value >> 32));
	}
	uiommu_port_mutex_unlock(s->host, &s->lock);
}

bool model_smmuv3_step(struct model_smmuv3 *s)
{
	bool pending;

	uiommu_port_mutex_lock(s->host, &s->lock);
	pending = step(s);
	uiommu_port_mutex_unlock(s->host, &s->lock);
	return pending;
}
