/* SPDX-License-Identifier: MIT */
/* vtd_fake.c - registers of a VT-d unit that do what the test says */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "spec/pci.h"
#include "tests/drivers/vtd_fake.h"

#define FRO 0x200u /* fault records */
#define IRO 0x300u /* IVA and IOTLB */

uint64_t fake_cap(void)
{
	return vtd_set(2, VTD_CAP_ND) | vtd_set(VTD_SAGAW_48, VTD_CAP_SAGAW) |
	       vtd_set(47, VTD_CAP_MGAW) | vtd_set(FRO / 16, VTD_CAP_FRO) |
	       vtd_set(VTD_SSLPS_2M | VTD_SSLPS_1G, VTD_CAP_SSLPS) | VTD_CAP_PSI |
	       vtd_set(18, VTD_CAP_MAMV);
}

uint64_t fake_ecap(void)
{
	return VTD_ECAP_C | VTD_ECAP_QI | VTD_ECAP_PT | vtd_set(IRO / 16, VTD_ECAP_IRO);
}

static void note(struct fake *f, uint64_t q0, uint64_t q1)
{
	const uint64_t q[2] = { q0, q1 };

	assert_true(f->notes < FAKE_NOTES);
	memcpy(f->note[f->notes++].q, q, sizeof(q));
	if (f->on_note)
		f->on_note(f, q);
}

/* Is this descriptor in trouble? */
static enum fake_trouble look_at(struct fake *f, unsigned int type)
{
	if (f->refuse_all)
		return FAKE_REFUSE;
	if (type != f->type || !f->times)
		return FAKE_GOOD;
	if (f->good) {
		f->good--;
		return FAKE_GOOD;
	}
	f->times--;
	return f->trouble;
}

static void carry_out_wait(struct fake *f, const uint64_t *desc)
{
	uint32_t *status;

	if (!(desc[0] & VTD_DESC_WAIT_SW))
		return;
	status = uiommu_test_phys(f->test, desc[1] & VTD_DESC_WAIT1_ADDR, 4);
	if (f->drop_wait)
		f->drop_wait = false;
	else if (status)
		*status = (uint32_t)vtd_get(desc[0], VTD_DESC_WAIT_DATA);
}

static void name_silent(struct fake *f, uint64_t q0)
{
	uint64_t sid = vtd_desc_type(q0) == VTD_DESC_DEVICE_TLB ? vtd_get(q0, VTD_DESC_DTLB_SID) :
								  vtd_get(q0, VTD_DESC_PDTLB_SID);

	f->iqercd = vtd_set(f->silent ? f->silent : sid, VTD_IQERCD_ITESID);
}

static void run_queue(struct fake *f)
{
	unsigned int size = f->iqa & VTD_IQA_DW ? VTD_DESC_SIZE_256 : VTD_DESC_SIZE_128;

	while (f->iqh != f->iqt && (f->gsts & VTD_GSTS_QIES) && !f->stuck && !f->stands &&
	       !(f->fsts & VTD_FSTS_IQE)) {
		const uint64_t *desc =
			uiommu_test_phys(f->test, (f->iqa & VTD_IQA_IQA) + f->iqh, size);
		unsigned int type = vtd_desc_type(desc[0]);

		switch (look_at(f, type)) {
		case FAKE_REFUSE:
			f->fsts |= VTD_FSTS_IQE;
			f->times += !f->refuse_all; /* it stays invalid */
			return;
		case FAKE_TIMEOUT:
			name_silent(f, desc[0]);
			/* fall through */
		case FAKE_TIMEOUT_UNNAMED:
			f->fsts |= VTD_FSTS_ITE;
			f->drop_wait = true;
			break;
		case FAKE_TIMEOUT_BEFORE_WAIT:
			name_silent(f, desc[0]);
			f->fsts |= VTD_FSTS_ITE;
			f->stands = true;
			break;
		case FAKE_WRONG_ANSWER:
			f->fsts |= VTD_FSTS_ICE;
			f->drop_wait = true;
			break;
		case FAKE_STUCK:
			f->stuck = true;
			return;
		case FAKE_GOOD:
			break;
		}
		if (type != VTD_DESC_WAIT || f->note_waits)
			note(f, desc[0], desc[1]);
		if (type == VTD_DESC_WAIT)
			carry_out_wait(f, desc);
		f->iqh = (f->iqh + size) % VTD_PAGE_SIZE;
	}
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint64_t read_register(struct fake *f, uint64_t offset)
{
	switch (offset) {
	case VTD_REG_VER:
		return 0x10;
	case VTD_REG_CAP:
		return f->cap;
	case VTD_REG_ECAP:
		return f->ecap;
	case VTD_REG_GSTS:
		return f->gsts;
	case VTD_REG_FSTS:
		return f->fsts;
	case VTD_REG_IQH:
		return f->iqh;
	case VTD_REG_IQT:
		return f->iqt;
	case VTD_REG_IQERCD:
		return f->iqercd;
	case VTD_REG_PQH:
		return f->pqh;
	case VTD_REG_PQT:
		f->tail_seen_pending |= f->prs & VTD_PRS_PPR;
		return f->pqt;
	case VTD_REG_PRS:
		return f->prs;
	case VTD_REG_CCMD:
		return f->ccmd;
	case IRO + VTD_REG_IOTLB:
		return f->iotlb;
	default:
		return 0;
	}
}

static void command(struct fake *f, uint32_t value)
{
	if (value & VTD_GCMD_SRTP)
		f->gsts |= VTD_GSTS_RTPS;
	f->gsts &= ~(VTD_GSTS_TES | VTD_GSTS_QIES);
	f->gsts |= value & (VTD_GSTS_TES | VTD_GSTS_QIES);
	if (!(f->gsts & VTD_GSTS_QIES))
		f->iqh = 0;
}

static void write_register(struct fake *f, uint64_t offset, uint64_t value)
{
	switch (offset) {
	case VTD_REG_GCMD:
		command(f, (uint32_t)value);
		break;
	case VTD_REG_RTADDR:
		f->rtaddr = value;
		break;
	case VTD_REG_FSTS:
		f->fsts &= ~((uint32_t)value & VTD_FSTS_W1C);
		if (!(f->fsts & VTD_FSTS_ITE))
			f->iqercd = 0;
		f->stands = f->stands && (f->fsts & VTD_FSTS_ITE);
		run_queue(f);
		break;
	case VTD_REG_IQA:
		f->iqa = value;
		break;
	case VTD_REG_IQT:
		f->iqt = value;
		run_queue(f);
		break;
	case VTD_REG_PQA:
		f->pqa = value;
		break;
	case VTD_REG_PQH:
		f->pqh = value;
		break;
	case VTD_REG_PQT:
		f->pqt = value;
		break;
	case VTD_REG_PRS:
		f->prs &= ~(uint32_t)value;
		break;
	case VTD_REG_CCMD:
		f->ccmd = f->stuck ? value : value & ~VTD_CCMD_ICC;
		note(f,
		     VTD_DESC_CONTEXT | vtd_set(vtd_get(value, VTD_CCMD_CIRG), VTD_DESC_G) |
			     vtd_set(value & VTD_CCMD_DID, VTD_DESC_DID),
		     0);
		break;
	case IRO + VTD_REG_IVA:
		f->iva = value;
		break;
	case IRO + VTD_REG_IOTLB:
		f->iotlb = f->stuck ? value : value & ~VTD_IOTLB_IVT;
		note(f,
		     VTD_DESC_IOTLB | vtd_set(vtd_get(value, VTD_IOTLB_IIRG), VTD_DESC_G) |
			     vtd_set(vtd_get(value, VTD_IOTLB_DID), VTD_DESC_DID),
		     f->iva);
		break;
	default:
		break;
	}
}

static uint32_t read32(void *context, uint64_t offset)
{
	return (uint32_t)read_register(context, offset);
}

static uint64_t read64(void *context, uint64_t offset)
{
	return read_register(context, offset);
}

static void write32(void *context, uint64_t offset, uint32_t value)
{
	write_register(context, offset, value);
}

static void write64(void *context, uint64_t offset, uint64_t value)
{
	write_register(context, offset, value);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void on_line(void *context, enum uiommu_log_level level, const char *line)
{
	struct fake *f = context;

	if (level != UIOMMU_LOG_ERROR)
		return;
	f->errors++;
	strncpy(f->line, line, sizeof(f->line) - 1);
}

void fake_init(struct fake *f)
{
	const struct uiommu_test_config config = { .log = on_line,
						   .context = f,
						   /* A second of waiting is a thousand turns. */
						   .relax_ns = 1000000 };

	memset(f, 0, sizeof(*f));
	assert_int_equal(uiommu_test_create(&config, &f->test), 0);
	f->cap = fake_cap();
	f->ecap = fake_ecap();
}

static bool ats_allowed(void *context, struct uiommu_device *dev)
{
	(void)context;
	(void)dev;
	return true;
}

int fake_start(struct fake *f, enum uiommu_domain_type type, unsigned int flags)
{
	const struct uiommu_system_config system = { .host = f->test, .default_type = type };
	const struct uiommu_vtd_config unit = {
		.fwnode = &f->node,
		.name = "fake",
		.mmio = { .read32 = read32,
			  .read64 = read64,
			  .write32 = write32,
			  .write64 = write64,
			  .context = f },
		.flags = flags,
		.ats_allowed = ats_allowed,
	};
	int rc;

	assert_int_equal(uiommu_system_create(&system, &f->sys), 0);
	rc = uiommu_vtd_create(f->sys, &unit, &f->unit);
	if (rc) {
		uiommu_system_destroy(f->sys);
		assert_int_equal(f->gsts & (VTD_GSTS_TES | VTD_GSTS_QIES), 0);
		assert_int_equal(uiommu_test_destroy(f->test), 0);
	}
	return rc;
}

void fake_stop(struct fake *f)
{
	uiommu_vtd_destroy(f->unit);
	uiommu_system_destroy(f->sys);
	assert_int_equal(f->gsts & (VTD_GSTS_TES | VTD_GSTS_QIES), 0);
	assert_int_equal(uiommu_test_destroy(f->test), 0);
}

struct configured {
	struct fake *fake;
	const uint32_t *source_id;
};

static int configure(struct uiommu_device *dev, void *context)
{
	const struct configured *c = context;
	int rc = uiommu_fwspec_init(dev, &c->fake->node);

	return rc ? rc : uiommu_fwspec_add_ids(dev, c->source_id, 1);
}

struct uiommu_device *fake_add(struct fake *f, const char *name, const uint32_t *source_id)
{
	struct configured c = { f, source_id };
	const struct uiommu_device_desc desc = {
		.name = name, .bus = "fake", .configure = configure, .context = &c
	};
	struct uiommu_device *dev;

	assert_int_equal(uiommu_device_add(f->sys, &desc, &dev), 0);
	assert_true(uiommu_device_is_translated(dev)); /* so that it is not configured again */
	return dev;
}

/* ---- page requests ----------------------------------------------------------------------------- */

static uint32_t config_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	const struct fake *f = fn->context;
	uint32_t value = 0;

	memcpy(&value, f->space + offset, size);
	return value;
}

static void config_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	struct fake *f = fn->context;

	memcpy(f->space + offset, &value, size);
}

static void set(struct fake *f, unsigned int offset, unsigned int size, uint32_t value)
{
	config_write(&f->fn, offset, size, value);
}

struct uiommu_device *fake_add_pci(struct fake *f)
{
	const uint32_t source_id = FAKE_PCI_SID;
	struct configured c = { f, &source_id };
	const struct uiommu_device_desc desc = { .name = "function",
						 .bus = "pci",
						 .pci = &f->fn,
						 .pasid_bits = 10,
						 .configure = configure,
						 .context = &c };
	struct uiommu_device *dev;

	f->fn = (struct uiommu_pci_function){ .devfn = FAKE_PCI_SID,
					      .topology = &f->topology,
					      .context = f };
	f->fns[0] = &f->fn;
	f->topology = (struct uiommu_pci_topology){ .functions = f->fns,
						    .num_functions = 1,
						    .config_read = config_read,
						    .config_write = config_write };
	set(f, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	set(f, PCI_CAP_POINTER, 1, 0x40);
	set(f, 0x40 + PCI_CAP_ID, 1, PCI_CAP_ID_PCIE);
	set(f, FAKE_PASID_AT, 4, PCI_EXT_CAP_ID_PASID | FAKE_ATS_AT << PCI_EXT_CAP_NEXT_SHIFT);
	set(f, FAKE_PASID_AT + PCI_PASID_CAPABILITY, 2, 10u << PCI_PASID_WIDTH_SHIFT);
	set(f, FAKE_ATS_AT, 4, PCI_EXT_CAP_ID_ATS | FAKE_PRI_AT << PCI_EXT_CAP_NEXT_SHIFT);
	set(f, FAKE_PRI_AT, 4, PCI_EXT_CAP_ID_PRI);
	set(f, FAKE_PRI_AT + PCI_PRI_STATUS, 2,
	    PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID_REQUIRED);
	set(f, FAKE_PRI_AT + PCI_PRI_CAPACITY, 4, 100);
	assert_int_equal(uiommu_device_add(f->sys, &desc, &dev), 0);
	assert_true(uiommu_device_is_translated(dev));
	return dev;
}

bool fake_page_request(struct fake *f, uint64_t q0, uint64_t q1)
{
	const uint64_t size = (uint64_t)VTD_PAGE_SIZE << (f->pqa & VTD_PQA_PQS);
	const uint64_t next = (f->pqt + VTD_PRQ_SIZE) % size;
	uint64_t *desc;

	if (f->prs & VTD_PRS_PRO)
		return false;
	if (next == f->pqh) {
		f->prs |= VTD_PRS_PRO;
		return false;
	}
	desc = uiommu_test_phys(f->test, (f->pqa & VTD_PQA_PQA) + f->pqt, VTD_PRQ_SIZE);
	desc[0] = q0;
	desc[1] = q1;
	f->pqt = next;
	f->prs |= VTD_PRS_PPR;
	return true;
}

/* ---- what was noted ---------------------------------------------------------------------------- */

bool fake_noted(const struct fake *f, unsigned int from, unsigned int type,
		unsigned int granularity, unsigned int did)
{
	for (; from < f->notes; from++) {
		uint64_t q0 = f->note[from].q[0];

		if (vtd_desc_type(q0) == type && vtd_get(q0, VTD_DESC_G) == granularity &&
		    vtd_get(q0, VTD_DESC_DID) == did)
			return true;
	}
	return false;
}

const uint64_t *fake_context_entry(struct fake *f, uint16_t source_id)
{
	const uint64_t *root = uiommu_test_phys(f->test, f->rtaddr & VTD_RTADDR_RTA, VTD_PAGE_SIZE);
	uint64_t entry = root[2 * (source_id >> 8)];
	const uint64_t *table;

	if (!(entry & VTD_RE0_P))
		return NULL;
	table = uiommu_test_phys(f->test, entry & VTD_RE0_CTP, VTD_PAGE_SIZE);
	return &table[2 * (source_id & 0xff)];
}
