/* SPDX-License-Identifier: MIT */
/* smmuv3_fake.c - registers of an SMMUv3 that do what the test says */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/smmuv3_fake.h"

/* ---- the command queue ------------------------------------------------------------------------- */

static uint32_t wrap_mask(uint64_t base)
{
	return (2u << (base & 0x1f)) - 1;
}

static uint64_t *entry(struct fake *f, uint64_t base, uint32_t index, size_t size)
{
	uint32_t slot = index & (wrap_mask(base) >> 1);
	uint64_t *at = uiommu_test_phys(f->test, (base & SMMUV3_Q_BASE_ADDR) + slot * size, size);

	assert_non_null(at);
	return at;
}

static void raise(struct fake *f, uint32_t error)
{
	f->cmdq_cons = (f->cmdq_cons & ~SMMUV3_CMDQ_CONS_ERR) | error << 24;
	f->gerror ^= SMMUV3_GERROR_CMDQ_ERR;
}

/* True: the queue stands. */
static bool in_trouble(struct fake *f, unsigned int op)
{
	static const uint32_t codes[] = {
		[FAKE_ILLEGAL] = SMMUV3_CERROR_ILL,
		[FAKE_ABORT] = SMMUV3_CERROR_ABT,
		[FAKE_ATC_TIMEOUT] = SMMUV3_CERROR_ATC_INV_SYNC,
	};

	if (f->trouble == FAKE_GOOD || op != f->op || !f->times)
		return false;
	if (f->good) {
		f->good--;
		return false;
	}
	f->times--;
	if (f->trouble == FAKE_STUCK)
		f->stuck = true;
	else
		raise(f, codes[f->trouble]);
	return true;
}

static void signal_sync(struct fake *f, const uint64_t *command)
{
	uint32_t *where;

	f->syncs++;
	if ((command[0] >> 12 & 3) != SMMUV3_SYNC_IRQ || !command[1])
		return;
	if (f->msi_abort) {
		if (!((f->gerror ^ f->gerrorn) & SMMUV3_GERROR_MSI_CMDQ_ABT_ERR))
			f->gerror ^= SMMUV3_GERROR_MSI_CMDQ_ABT_ERR;
		return;
	}
	where = uiommu_test_phys(f->test, command[1], 4);
	assert_non_null(where);
	*where = (uint32_t)(command[0] >> 32);
}

static void consume(struct fake *f)
{
	uint32_t mask = wrap_mask(f->cmdq_base);

	while ((f->cr0 & SMMUV3_CR0_CMDQEN) && !f->stuck &&
	       !((f->gerror ^ f->gerrorn) & SMMUV3_GERROR_CMDQ_ERR) &&
	       (f->cmdq_cons & mask) != (f->cmdq_prod & mask)) {
		uint64_t *command = entry(f, f->cmdq_base, f->cmdq_cons, 16);
		unsigned int op = command[0] & 0xff;

		if (in_trouble(f, op))
			return;
		if (op == SMMUV3_CMD_ATC_INV && command[0] >> 32 == f->silent_sid && f->silent) {
			f->silent--;
			f->unanswered = true;
		}
		if (op == SMMUV3_CMD_SYNC && f->unanswered) {
			f->unanswered = false;
			raise(f, SMMUV3_CERROR_ATC_INV_SYNC);
			return;
		}
		if (op == SMMUV3_CMD_SYNC) {
			signal_sync(f, command);
		} else {
			assert_true(f->notes < FAKE_NOTES);
			memcpy(f->note[f->notes++].word, command, 16);
		}
		f->cmdq_cons = (f->cmdq_cons & ~mask) | ((f->cmdq_cons + 1) & mask);
	}
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint32_t read32(void *context, uint64_t offset)
{
	struct fake *f = context;

	switch (offset) {
	case SMMUV3_REG_IDR0:
		return f->idr0;
	case SMMUV3_REG_IDR1:
		return f->idr1;
	case SMMUV3_REG_IDR3:
		return f->idr3;
	case SMMUV3_REG_IDR5:
		return f->idr5;
	case SMMUV3_REG_CR0:
	case SMMUV3_REG_CR0ACK:
		return f->cr0;
	case SMMUV3_REG_GBPA:
		return f->gbpa;
	case SMMUV3_REG_IRQ_CTRL:
	case SMMUV3_REG_IRQ_CTRLACK:
		return f->irq_ctrl;
	case SMMUV3_REG_GERROR:
		return f->gerror;
	case SMMUV3_REG_GERRORN:
		return f->gerrorn;
	case SMMUV3_REG_CMDQ_CONS:
		return f->cmdq_cons;
	case SMMUV3_REG_EVENTQ_PROD:
		return f->eventq_prod;
	case SMMUV3_REG_PRIQ_PROD:
		assert_true(f->idr0 & SMMUV3_IDR0_PRI);
		return f->priq_prod;
	default:
		fail_msg("read of register %llx", (unsigned long long)offset);
		return 0;
	}
}

static uint64_t read64(void *context, uint64_t offset)
{
	(void)context;
	fail_msg("read of 64 bits of register %llx", (unsigned long long)offset);
	return 0;
}

/* What may change only while what uses it is disabled (6.3). */
static void assert_disabled(const struct fake *f, uint32_t bits)
{
	assert_int_equal(f->cr0 & bits, 0);
}

static struct uiommu_msi *msi_of(struct fake *f, uint64_t cfg0)
{
	return &f->msi[cfg0 == SMMUV3_REG_EVENTQ_IRQ_CFG0 ? 0 :
		       cfg0 == SMMUV3_REG_GERROR_IRQ_CFG0 ? 1 :
							    2];
}

static void write32(void *context, uint64_t offset, uint32_t value)
{
	struct fake *f = context;

	switch (offset) {
	case SMMUV3_REG_CR0:
		f->cr0 = value;
		if (!(value & SMMUV3_CR0_SMMUEN) && !(f->gbpa & SMMUV3_GBPA_ABORT))
			f->open = true;
		return;
	case SMMUV3_REG_CR1:
		assert_disabled(f, SMMUV3_CR0_VALID);
		f->cr1 = value;
		return;
	case SMMUV3_REG_CR2:
		assert_disabled(f, SMMUV3_CR0_SMMUEN);
		f->cr2 = value;
		return;
	case SMMUV3_REG_GBPA:
		assert_true(value & SMMUV3_GBPA_UPDATE);
		f->gbpa = value & ~SMMUV3_GBPA_UPDATE;
		return;
	case SMMUV3_REG_IRQ_CTRL:
		f->irq_ctrl = value;
		return;
	case SMMUV3_REG_GERRORN:
		f->gerrorn = value;
		consume(f);
		return;
	case SMMUV3_REG_STRTAB_BASE_CFG:
		assert_disabled(f, SMMUV3_CR0_SMMUEN);
		f->strtab_cfg = value;
		return;
	case SMMUV3_REG_CMDQ_PROD:
		f->cmdq_prod = value;
		consume(f);
		return;
	case SMMUV3_REG_CMDQ_CONS:
		assert_disabled(f, SMMUV3_CR0_CMDQEN);
		f->cmdq_cons = value;
		return;
	case SMMUV3_REG_EVENTQ_PROD:
		assert_disabled(f, SMMUV3_CR0_EVENTQEN);
		f->eventq_prod = value;
		return;
	case SMMUV3_REG_EVENTQ_CONS:
		f->eventq_cons = value;
		return;
	case SMMUV3_REG_PRIQ_PROD:
		assert_true(f->idr0 & SMMUV3_IDR0_PRI);
		assert_disabled(f, SMMUV3_CR0_PRIQEN);
		f->priq_prod = value;
		return;
	case SMMUV3_REG_PRIQ_CONS:
		f->priq_cons = value;
		return;
	case SMMUV3_REG_EVENTQ_IRQ_CFG1:
	case SMMUV3_REG_GERROR_IRQ_CFG1:
	case SMMUV3_REG_PRIQ_IRQ_CFG1:
		assert_true(f->idr0 & SMMUV3_IDR0_MSI);
		assert_int_equal(f->irq_ctrl, 0);
		msi_of(f, offset - 8)->data = value;
		return;
	case SMMUV3_REG_EVENTQ_IRQ_CFG2:
	case SMMUV3_REG_PRIQ_IRQ_CFG2:
	case SMMUV3_REG_GERROR_IRQ_CFG2:
		assert_true(f->idr0 & SMMUV3_IDR0_MSI);
		return;
	default:
		fail_msg("write of register %llx", (unsigned long long)offset);
	}
}

static void write64(void *context, uint64_t offset, uint64_t value)
{
	struct fake *f = context;

	switch (offset) {
	case SMMUV3_REG_STRTAB_BASE:
		assert_disabled(f, SMMUV3_CR0_SMMUEN);
		f->strtab = value;
		return;
	case SMMUV3_REG_CMDQ_BASE:
		assert_disabled(f, SMMUV3_CR0_CMDQEN);
		f->cmdq_base = value;
		return;
	case SMMUV3_REG_EVENTQ_BASE:
		assert_disabled(f, SMMUV3_CR0_EVENTQEN);
		f->eventq_base = value;
		return;
	case SMMUV3_REG_PRIQ_BASE:
		assert_true(f->idr0 & SMMUV3_IDR0_PRI);
		assert_disabled(f, SMMUV3_CR0_PRIQEN);
		f->priq_base = value;
		return;
	case SMMUV3_REG_EVENTQ_IRQ_CFG0:
	case SMMUV3_REG_GERROR_IRQ_CFG0:
	case SMMUV3_REG_PRIQ_IRQ_CFG0:
		assert_true(f->idr0 & SMMUV3_IDR0_MSI);
		assert_int_equal(f->irq_ctrl, 0);
		msi_of(f, offset)->address = value;
		return;
	default:
		fail_msg("write of 64 bits to register %llx", (unsigned long long)offset);
	}
}

static void interrupt(struct fake *f, unsigned int which, uint32_t enable)
{
	if ((f->irq_ctrl & enable) && f->msi[which].address)
		assert_true(uiommu_test_msi(f->test, f->msi[which].address, f->msi[which].data));
}

void fake_error(struct fake *f, uint32_t bit)
{
	f->gerror ^= bit;
	interrupt(f, 1, SMMUV3_IRQ_CTRL_GERROR_IRQEN);
}

static bool append(struct fake *f, uint64_t base, uint32_t *prod, uint32_t cons,
		   const uint64_t *record, size_t size)
{
	uint32_t mask = wrap_mask(base), half = (mask >> 1) + 1;

	if ((*prod ^ cons) & SMMUV3_Q_OVERFLOW)
		return false;
	if (((*prod ^ cons) & mask) == half) {
		*prod ^= SMMUV3_Q_OVERFLOW;
		return false;
	}
	memcpy(entry(f, base, *prod, size), record, size);
	*prod = (*prod & ~mask) | ((*prod + 1) & mask);
	return true;
}

void fake_event(struct fake *f, const uint64_t event[4])
{
	if (append(f, f->eventq_base, &f->eventq_prod, f->eventq_cons, event, 32))
		interrupt(f, 0, SMMUV3_IRQ_CTRL_EVENTQ_IRQEN);
}

void fake_request(struct fake *f, uint64_t word0, uint64_t word1)
{
	const uint64_t record[2] = { word0, word1 };

	assert_true(f->cr0 & SMMUV3_CR0_PRIQEN);
	append(f, f->priq_base, &f->priq_prod, f->priq_cons, record, 16);
	interrupt(f, 2, SMMUV3_IRQ_CTRL_PRIQ_IRQEN);
}

/* ---- tables ------------------------------------------------------------------------------------ */

const uint64_t *fake_ste(struct fake *f, uint32_t sid)
{
	const uint64_t *l1;

	assert_int_equal(f->strtab_cfg >> 16, 1); /* two levels */
	l1 = uiommu_test_phys(f->test, (f->strtab & SMMUV3_STRTAB_BASE_ADDR) + 8ull * (sid >> 8),
			      8);
	assert_non_null(l1);
	assert_true(*l1 & SMMUV3_L1STD_SPAN);
	return uiommu_test_phys(f->test, (*l1 & SMMUV3_L1STD_L2PTR) + 64ull * (sid & 0xff), 64);
}

const uint64_t *fake_cd(struct fake *f, uint32_t sid, uint32_t ssid)
{
	const uint64_t *ste = fake_ste(f, sid), *l1;
	uint64_t table = ste[0] & SMMUV3_STE0_S1CONTEXTPTR;

	if (smmuv3_get(ste[0], SMMUV3_STE0_S1FMT) == SMMUV3_S1FMT_LINEAR)
		return uiommu_test_phys(f->test, table + 64ull * ssid, 64);
	l1 = uiommu_test_phys(f->test, table + 8ull * (ssid >> 6), 8);
	assert_non_null(l1);
	if (!(*l1 & SMMUV3_L1CD_V))
		return NULL;
	return uiommu_test_phys(f->test, (*l1 & SMMUV3_L1CD_L2PTR) + 64ull * (ssid & 63), 64);
}

/* ---- PCI --------------------------------------------------------------------------------------- */

static uint32_t config_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, (uint8_t *)fn->context + offset, size);
	return value;
}

static void config_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	memcpy((uint8_t *)fn->context + offset, &value, size);
}

uint16_t fake_config(const struct fake *f, unsigned int index, unsigned int offset)
{
	return (uint16_t)(f->config_space[index][offset] | f->config_space[index][offset + 1] << 8);
}

static void init_pci(struct fake *f)
{
	static const uint32_t values[][3] = {
		{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST },
		{ PCI_CAP_POINTER, 1, 0x40 },
		{ 0x40, 4, PCI_CAP_ID_PCIE | PCI_PCIE_RC_ENDPOINT << 20 },
		{ FAKE_ATS, 4, PCI_EXT_CAP_ID_ATS | 1u << 16 | FAKE_PRI << 20 },
		{ FAKE_PRI, 4, PCI_EXT_CAP_ID_PRI | 1u << 16 | FAKE_PASID << 20 },
		{ FAKE_PRI + PCI_PRI_STATUS, 2,
		  PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID_REQUIRED },
		{ FAKE_PRI + PCI_PRI_CAPACITY, 4, 64 },
		{ FAKE_PASID, 4, PCI_EXT_CAP_ID_PASID | 1u << 16 },
		{ FAKE_PASID + PCI_PASID_CAPABILITY, 2, 8u << PCI_PASID_WIDTH_SHIFT },
	};

	f->topology = (struct uiommu_pci_topology){
		.functions = f->fns,
		.num_functions = FAKE_PCI,
		.config_read = config_read,
		.config_write = config_write,
	};
	for (unsigned int i = 0; i < FAKE_PCI; i++) {
		f->fn[i] = (struct uiommu_pci_function){
			.bus = 2,
			.devfn = (uint8_t)(8 + 8 * i),
			.topology = &f->topology,
			.context = f->config_space[i],
		};
		f->fns[i] = &f->fn[i];
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			config_write(&f->fn[i], values[v][0], values[v][1], values[v][2]);
	}
}

/* ---- host and system --------------------------------------------------------------------------- */

static void on_log(void *context, enum uiommu_log_level level, const char *line)
{
	struct fake *f = context;

	(void)line;
	f->errors += level == UIOMMU_LOG_ERROR;
}

static void on_fault(void *context, const struct uiommu_fault *fault)
{
	struct fake *f = context;

	assert_true(f->faults < FAKE_FAULTS);
	f->fault[f->faults++] = *fault;
}

void fake_init(struct fake *f)
{
	const struct uiommu_test_config config = { .log = on_log, .context = f };

	memset(f, 0, sizeof(*f));
	assert_int_equal(uiommu_test_create(&config, &f->test), 0);
	f->idr0 = SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P | 2u << 2 | SMMUV3_IDR0_COHACC | 2u << 6 |
		  SMMUV3_IDR0_ASID16 | SMMUV3_IDR0_MSI | SMMUV3_IDR0_VMID16 | SMMUV3_IDR0_CD2L |
		  2u << 21 | 1u << 24 | 1u << 27;
	f->idr1 = 16u | 8u << 6 | 4u << 16 | 5u << 21; /* 16 events, 32 commands */
	f->idr3 = SMMUV3_IDR3_RIL;
	f->idr5 = SMMUV3_IDR5_GRAN4K | SMMUV3_SIZE_48;
	f->node.name = "smmu";
	f->config = (struct uiommu_smmuv3_config){
		.fwnode = &f->node,
		.name = "smmu0",
		.mmio = { .read32 = read32,
			  .read64 = read64,
			  .write32 = write32,
			  .write64 = write64,
			  .context = f },
		.irq = UIOMMU_SMMUV3_IRQ_POLL,
	};
	init_pci(f);
	f->sids[0] = 0x208;
	f->sids[1] = 0x300;
	f->num_sids = 1;
}

int fake_start(struct fake *f)
{
	const struct uiommu_system_config config = {
		.host = f->test,
		.default_type = UIOMMU_DOMAIN_IDENTITY,
		.on_fault = on_fault,
		.context = f,
	};
	int rc = uiommu_system_create(&config, &f->sys);

	if (rc)
		return rc;
	rc = uiommu_smmuv3_start(f->sys, &f->config, &f->smmu);
	if (rc) {
		uiommu_system_destroy(f->sys);
		f->sys = NULL;
	}
	return rc;
}

void fake_stop(struct fake *f)
{
	if (f->smmu)
		uiommu_smmuv3_stop(f->smmu);
	if (f->sys)
		uiommu_system_destroy(f->sys);
	assert_int_equal(uiommu_test_destroy(f->test), 0);
}

static int configure(struct uiommu_device *dev, void *context)
{
	struct fake *f = context;
	int rc = uiommu_fwspec_init(dev, &f->node);

	uiommu_fwspec_set_flags(dev, f->fwspec_flags);
	return rc ? rc : uiommu_fwspec_add_ids(dev, f->sids, f->num_sids);
}

struct uiommu_device *fake_add(struct fake *f, const char *name, uint32_t pasid_bits)
{
	const struct uiommu_device_desc desc = {
		.name = name,
		.bus = "platform",
		.configure = configure,
		.context = f,
		.pasid_bits = pasid_bits,
	};
	struct uiommu_device *dev = NULL;

	if (uiommu_device_add(f->sys, &desc, &dev))
		return NULL;
	return dev;
}

struct uiommu_device *fake_add_pci(struct fake *f, unsigned int index)
{
	const struct uiommu_device_desc desc = {
		.name = "function",
		.bus = "pci",
		.configure = configure,
		.context = f,
		.pci = &f->fn[index],
		.pasid_bits = 8,
	};
	struct uiommu_device *dev = NULL;

	f->sids[0] = uiommu_pci_source_id(&f->fn[index]);
	f->num_sids = 1;
	f->fwspec_flags = UIOMMU_FWSPEC_ATS;
	if (uiommu_device_add(f->sys, &desc, &dev))
		return NULL;
	return dev;
}
