/* SPDX-License-Identifier: MIT */
/*
 * vtd_sva.c - the VT-d model where tables are a process's or a guest's: first stage, nested, device TLBs
 */
#include "vtd_bench.h"

#define IOVA UINT64_C(0x7f12345000)
#define DID 5u
#define PASID 70u
#define FS (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define SS (VTD_SS_R | VTD_SS_W)
#define NO_PASID UINT32_MAX
#define ATS MODEL_ATS_TRANSLATION
#define DMA MODEL_UNTRANSLATED

static struct bench bench;
static uint64_t directory, first_top, second_top;
static unsigned int levels;
static bool silent; /* the device does not answer invalidations */
static unsigned int invalidations;

static uint64_t context_entry(void)
{
	return bench.context + (SID & 0x7f) * 32;
}

static uint64_t pasid_entry(uint32_t pasid)
{
	uint64_t at = directory + (pasid >> 6) * 8;

	if (!*word(&bench, at))
		put(&bench, at, page(&bench) | VTD_PDE_P);
	return (*word(&bench, at) & VTD_ADDR_MASK) + (pasid & 63) * 64;
}

static void set_pasid(unsigned int pgtt, uint64_t q0, uint64_t q1, uint64_t q2)
{
	uint64_t at = pasid_entry(PASID);

	put(&bench, at + 8, DID | VTD_PE1_PWSNP | q1);
	put(&bench, at + 16, first_top | q2);
	put(&bench, at,
	    VTD_PE0_P | vtd_set(pgtt, VTD_PE0_PGTT) | vtd_set(VTD_AW_48, VTD_PE0_AW) | second_top |
		    q0);
}

static bool invalidate(void *context, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size,
		       bool global)
{
	(void)context;
	(void)has_pasid;
	(void)pasid;
	(void)iova;
	(void)size;
	(void)global;
	invalidations++;
	return !silent;
}

static void open_preset(const char *name, void (*change)(struct model_vtd_config *))
{
	const struct model_atc atc = { .invalidate = invalidate };
	struct model_vtd_config config;

	assert_true(model_vtd_preset(name, &config));
	if (change)
		change(&config);
	bench_open(&bench, &config);
	directory = page(&bench);
	first_top = page(&bench);
	second_top = page(&bench);
	levels = 4;
	silent = false;
	invalidations = 0;
	put(&bench, context_entry(),
	    directory | VTD_SCE0_P | VTD_SCE0_PASIDE | (config.dt ? VTD_SCE0_DTE : 0));
	assert_int_equal(model_vtd_set_atc(bench.vtd, SID, &atc), 0);
	bench_enable_wide(&bench);
}

static int setup(void **state)
{
	(void)state;
	open_preset("scalable-ats", NULL);
	set_pasid(VTD_PGTT_FIRST, 0, 0, 0);
	return 0;
}

/* A guest's tables: where it thinks they are, they are; its pages are elsewhere. */
static int setup_nested(void **state)
{
	(void)state;
	open_preset("scalable-nested", NULL);
	set_pasid(VTD_PGTT_NESTED, 0, 0, 0);
	return 0;
}

static int setup_57(void **state)
{
	(void)state;
	open_preset("scalable-57", NULL);
	levels = 5;
	set_pasid(VTD_PGTT_FIRST, 0, 0, vtd_set(VTD_FSPM_5_LEVELS, VTD_PE2_FSPM));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static enum model_status send(enum model_request_type type, uint64_t iova, unsigned int access,
			      struct model_translation *t)
{
	struct model_request r = {
		.type = type,
		.source_id = SID,
		.has_pasid = true,
		.pasid = PASID,
		.iova = iova,
		.size = 4,
		.access = access,
	};

	memset(t, 0, sizeof(*t));
	return bench.iommu->translate(bench.iommu->context, &r, t);
}

static void expect_phys(uint64_t iova, unsigned int access, uint64_t phys)
{
	struct model_translation t;

	assert_int_equal(send(DMA, iova, access, &t), MODEL_OK);
	assert_int_equal(t.phys, phys);
}

static void expect_fault(uint64_t iova, unsigned int access, unsigned int reason)
{
	struct model_translation t;

	assert_int_equal(send(DMA, iova, access, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), reason);
}

/* What a translation request is told. */
static void expect_ats(uint64_t iova, unsigned int asked, unsigned int permitted)
{
	struct model_translation t;

	assert_int_equal(send(ATS, iova, asked, &t), MODEL_OK);
	assert_int_equal(t.access, permitted);
}

static uint64_t map(uint64_t iova, uint64_t phys, uint64_t flags)
{
	uint64_t at = entry(&bench, first_top, levels, iova, 1, FS);

	put(&bench, at, phys | flags);
	return at;
}

static uint64_t map_second(uint64_t iova, uint64_t phys, uint64_t flags)
{
	uint64_t at = second(&bench, second_top, iova, 1);

	put(&bench, at, phys | flags);
	return at;
}

static void flush_pages(uint64_t iova, unsigned int mask, bool leaves)
{
	submit_wide(&bench,
		    VTD_DESC_PASID_IOTLB | vtd_set(VTD_PIOTLB_PAGE, VTD_DESC_G) |
			    vtd_set(DID, VTD_DESC_DID) | vtd_set(PASID, VTD_DESC_PASID),
		    iova | mask | (leaves ? VTD_DESC_IOTLB1_IH : 0));
}

static void flush_device(uint64_t iova)
{
	submit_wide(&bench,
		    VTD_DESC_PASID_DEVICE_TLB | vtd_set(SID, VTD_DESC_PDTLB_SID) |
			    vtd_set(PASID, VTD_DESC_PASID),
		    iova);
}

static void wait(uint32_t data)
{
	submit_wide(&bench, VTD_DESC_WAIT | VTD_DESC_WAIT_SW | vtd_set(data, VTD_DESC_WAIT_DATA),
		    bench.status);
}

static void claim(bool clean)
{
	model_vtd_expect_clean(bench.vtd, clean);
}

static void expect_stale(const char *words)
{
	assert_int_equal(bench.reports[MODEL_REPORT_STALE], 1);
	assert_int_equal(all_reports(&bench), 1);
	assert_non_null(strstr(bench.last.text, words));
	forget(&bench);
}

/* ---- first stage ------------------------------------------------------------------------------- */

/* 3.6, 9.7: five levels, 57 canonical bits, A in each entry, D in the leaf; a leaf may not be above 1 GiB. */
static void five_levels(void **state)
{
	uint64_t low = UINT64_C(0x00ff123456789000), high = UINT64_C(0xff00123456789000), at;

	(void)state;
	at = map(low, DMA_BASE, FS);
	map(high, DMA_BASE + 0x1000, FS);
	expect_phys(low, MODEL_READ, DMA_BASE);
	for (unsigned int level = 5; level > 1; level--)
		assert_int_equal(*word(&bench, entry(&bench, first_top, 5, low, level, FS)) &
					 (VTD_FS_A | VTD_FS_D),
				 VTD_FS_A);
	assert_int_equal(*word(&bench, at) & (VTD_FS_A | VTD_FS_D), VTD_FS_A);
	expect_phys(low, MODEL_WRITE, DMA_BASE);
	assert_int_equal(*word(&bench, at) & VTD_FS_D, VTD_FS_D);
	expect_phys(high, MODEL_READ, DMA_BASE + 0x1000);
	expect_fault(UINT64_C(0x0100000000000000), MODEL_READ, VTD_FR_SM_NOT_CANONICAL);
	expect_fault(UINT64_C(0xfeff000000000000), MODEL_READ, VTD_FR_SM_NOT_CANONICAL);
	put(&bench, entry(&bench, first_top, 5, 0, 4, FS), FS | VTD_FS_PS);
	expect_fault(0, MODEL_READ, VTD_FR_FS_RSVD);
}

/* 3.6.1: what a request may, by its privilege. */
static void privilege(void **state)
{
	const uint64_t supervisor = VTD_FS_P | VTD_FS_RW, read_only = VTD_FS_P | VTD_FS_US;

	(void)state;
	map(IOVA, DMA_BASE, supervisor);
	map(IOVA + 0x1000, DMA_BASE, read_only);
	map(IOVA + 0x2000, DMA_BASE, FS);
	map(IOVA + 0x3000, DMA_BASE, FS | VTD_FS_XD);
	expect_fault(IOVA, MODEL_READ, VTD_FR_SM_USER);
	expect_ats(IOVA, MODEL_READ, 0);
	expect_fault(IOVA, MODEL_READ | MODEL_PRIV, VTD_FR_PASID_SRE);
	set_pasid(VTD_PGTT_FIRST, 0, 0, VTD_PE2_SRE | VTD_PE2_ERE | VTD_PE2_NXE);
	submit_wide(&bench, VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_GLOBAL, VTD_DESC_G), 0);
	expect_phys(IOVA, MODEL_WRITE | MODEL_PRIV, DMA_BASE);
	expect_phys(IOVA + 0x1000, MODEL_WRITE | MODEL_PRIV, DMA_BASE); /* no WPE */
	expect_phys(IOVA + 0x2000, MODEL_READ | MODEL_EXEC | MODEL_PRIV, DMA_BASE); /* no SMEP */
	expect_fault(IOVA + 0x3000, MODEL_READ | MODEL_EXEC, VTD_FR_SM_EXECUTE);
	expect_ats(IOVA + 0x3000, MODEL_READ | MODEL_EXEC, MODEL_READ);
	expect_ats(IOVA + 0x2000, MODEL_READ | MODEL_EXEC, MODEL_READ | MODEL_EXEC);
	set_pasid(VTD_PGTT_FIRST, 0, 0,
		  VTD_PE2_SRE | VTD_PE2_ERE | VTD_PE2_NXE | VTD_PE2_WPE | VTD_PE2_SMEP);
	submit_wide(&bench, VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_GLOBAL, VTD_DESC_G), 0);
	expect_fault(IOVA + 0x1000, MODEL_WRITE | MODEL_PRIV, VTD_FR_SM_WRITE);
	expect_fault(IOVA + 0x2000, MODEL_READ | MODEL_EXEC | MODEL_PRIV, VTD_FR_SM_EXECUTE);
	expect_ats(IOVA + 0x2000, MODEL_READ | MODEL_EXEC | MODEL_PRIV, MODEL_READ);
	assert_int_equal(all_reports(&bench), 0);
}

/* A table above closes what is below. */
static void upper_entries(void **state)
{
	uint64_t upper;

	(void)state;
	map(IOVA, DMA_BASE, FS);
	upper = entry(&bench, first_top, 4, IOVA, 2, FS);
	put(&bench, upper, *word(&bench, upper) & ~VTD_FS_RW);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	expect_fault(IOVA, MODEL_WRITE, VTD_FR_SM_WRITE);
	put(&bench, upper, *word(&bench, upper) & ~VTD_FS_US);
	flush_pages(IOVA, 0, false);
	expect_fault(IOVA, MODEL_READ, VTD_FR_SM_USER);
	expect_fault(IOVA, MODEL_READ, VTD_FR_SM_USER); /* the table from the cache */
}

static void with_ea(struct model_vtd_config *config)
{
	config->eafs = true;
}

/* 9.7: the extended accessed flag, with EAFE alone. */
static void extended_accessed(void **state)
{
	uint64_t at;

	(void)state;
	bench_close(&bench);
	open_preset("scalable-ats", with_ea);
	set_pasid(VTD_PGTT_FIRST, 0, 0, VTD_PE2_EAFE);
	at = map(IOVA, DMA_BASE, FS);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	assert_int_equal(*word(&bench, at), DMA_BASE | FS | VTD_FS_A | VTD_FS_EA);
	assert_true(*word(&bench, entry(&bench, first_top, 4, IOVA, 4, FS)) & VTD_FS_EA);
}

/* A process's tables change: what is stale until which invalidation, for global pages too. */
static void process_changes(void **state)
{
	static const uint64_t kinds[] = { 0, VTD_FS_G };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t iova = IOVA + i * 0x40000000, at = map(iova, DMA_BASE, FS | kinds[i]);
		uint64_t upper = entry(&bench, first_top, 4, iova, 2, FS), table;

		expect_phys(iova, MODEL_READ, DMA_BASE);
		/* Another page in its place. */
		put(&bench, at, (DMA_BASE + 0x1000) | FS | kinds[i]);
		claim(true);
		expect_phys(iova, MODEL_READ, DMA_BASE);
		expect_stale("an IOTLB invalidation of this page");
		flush_pages(iova + 0x1000, 0, true);
		expect_phys(iova, MODEL_READ, DMA_BASE);
		expect_stale("an IOTLB invalidation of this page");
		flush_pages(iova, 0, true);
		expect_phys(iova, MODEL_READ, DMA_BASE + 0x1000);
		/* Write protection, as for copy on write. */
		expect_phys(iova, MODEL_WRITE, DMA_BASE + 0x1000);
		put(&bench, at, (DMA_BASE + 0x1000) | VTD_FS_P | VTD_FS_US | kinds[i]);
		expect_phys(iova, MODEL_WRITE, DMA_BASE + 0x1000);
		expect_stale("an IOTLB invalidation of this page");
		flush_pages(iova, 0, true);
		expect_fault(iova, MODEL_WRITE, VTD_FR_SM_WRITE);
		assert_int_equal(all_reports(&bench), 0);
		/* A table freed: the hint keeps it. */
		table = page(&bench);
		put(&bench, table + (iova >> 12 & 511) * 8, (DMA_BASE + 0x3000) | FS);
		put(&bench, upper, table | FS);
		flush_pages(iova, 0, true);
		expect_phys(iova, MODEL_READ, DMA_BASE + 0x1000);
		expect_stale("IH = 0");
		flush_pages(iova, 0, false);
		expect_phys(iova, MODEL_READ, DMA_BASE + 0x3000);
		/* Gone altogether. */
		put(&bench, table + (iova >> 12 & 511) * 8, 0);
		expect_phys(iova, MODEL_READ, DMA_BASE + 0x3000);
		expect_stale("an IOTLB invalidation of this page");
		flush_pages(iova & ~UINT64_C(0x3fff), 2, true);
		expect_fault(iova, MODEL_READ, VTD_FR_FS_NOT_PRESENT);
		assert_int_equal(all_reports(&bench), 0);
		claim(false);
	}
}

/* ---- nested ------------------------------------------------------------------------------------ */

#define GUEST UINT64_C(0x5000)

/* The guest's tables at their own addresses; @flags: of the second stage. */
static void map_tables(uint64_t flags)
{
	for (uint64_t at = RAM_BASE; at < RAM_BASE + 0x60000; at += 4096)
		map_second(at, at, flags);
}

static void flush_domain(void)
{
	submit_wide(&bench,
		    VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_DOMAIN, VTD_DESC_G) |
			    vtd_set(DID, VTD_DESC_DID),
		    0);
}

/* 3.8: both stages have to agree, and each faults in its own words. */
static void nested_permissions(void **state)
{
	static const struct {
		uint64_t first, second;
		unsigned int read, write;
	} cases[] = {
		{ FS, SS, 0, 0 },
		{ FS, VTD_SS_R, 0, VTD_FR_SS_PERMISSION },
		{ FS, VTD_SS_W, VTD_FR_SS_PERMISSION, 0 },
		{ FS, 0, VTD_FR_SS_PERMISSION, VTD_FR_SS_PERMISSION },
		{ VTD_FS_P | VTD_FS_US, SS, 0, VTD_FR_SM_WRITE },
		{ VTD_FS_P | VTD_FS_US, VTD_SS_R, 0, VTD_FR_SM_WRITE },
		{ VTD_FS_P | VTD_FS_RW, SS, VTD_FR_SM_USER, VTD_FR_SM_USER },
		{ 0, SS, VTD_FR_FS_NOT_PRESENT, VTD_FR_FS_NOT_PRESENT },
	};

	(void)state;
	map_tables(SS);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		map(IOVA, GUEST, cases[i].first);
		map_second(GUEST, DMA_BASE, cases[i].second);
		for (unsigned int cached = 0; cached < 2; cached++) {
			if (cases[i].read)
				expect_fault(IOVA, MODEL_READ, cases[i].read);
			else
				expect_phys(IOVA, MODEL_READ, DMA_BASE);
			if (cases[i].write)
				expect_fault(IOVA, MODEL_WRITE, cases[i].write);
			else
				expect_phys(IOVA, MODEL_WRITE, DMA_BASE);
		}
		flush_domain();
	}
	map(IOVA, UINT64_C(1) << 48, FS);
	expect_fault(IOVA, MODEL_READ, VTD_FR_SM_NESTED_BEYOND);
	assert_int_equal(all_reports(&bench), 0);
}

/* 3.8: the guest's tables go through the second stage; A and D need them writable there, cached or not. */
static void nested_tables(void **state)
{
	uint64_t leaf, table;

	(void)state;
	leaf = map(IOVA, GUEST, FS);
	table = leaf & ~UINT64_C(0xfff);
	map_second(GUEST, DMA_BASE, SS);
	expect_fault(IOVA, MODEL_READ, VTD_FR_FS_NESTED_ROOT_READ);
	map_second(first_top, first_top, SS);
	expect_fault(IOVA, MODEL_READ, VTD_FR_FS_NESTED_READ);
	map_tables(SS);
	map_second(table, table, VTD_SS_R);
	flush_domain();
	expect_fault(IOVA, MODEL_READ, VTD_FR_FS_NESTED_WRITE);
	expect_fault(IOVA, MODEL_READ, VTD_FR_FS_NESTED_WRITE); /* the table from the cache */
	assert_int_equal(*word(&bench, leaf), GUEST | FS);
	/* With A set by the guest reads need no write, the first write still does. */
	put(&bench, leaf, GUEST | FS | VTD_FS_A);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	expect_fault(IOVA, MODEL_WRITE, VTD_FR_FS_NESTED_WRITE);
	put(&bench, leaf, GUEST | FS | VTD_FS_A | VTD_FS_D);
	expect_phys(IOVA, MODEL_WRITE, DMA_BASE);
	assert_int_equal(all_reports(&bench), 0);
}

/* 3.7.2: A and D of both stages. */
static void nested_dirty(void **state)
{
	uint64_t first, below, table;

	(void)state;
	set_pasid(VTD_PGTT_NESTED, VTD_PE0_SSADE, 0, 0);
	map_tables(SS);
	first = map(IOVA, GUEST, FS);
	below = map_second(GUEST, DMA_BASE, SS);
	table = second(&bench, second_top, first, 1);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	assert_int_equal(*word(&bench, first), GUEST | FS | VTD_FS_A);
	assert_int_equal(*word(&bench, below), DMA_BASE | SS | VTD_SS_A);
	/* Accesses to the guest's tables count as writes. */
	assert_true(*word(&bench, table) & VTD_SS_D);
	expect_phys(IOVA, MODEL_WRITE, DMA_BASE);
	assert_int_equal(*word(&bench, first), GUEST | FS | VTD_FS_A | VTD_FS_D);
	assert_int_equal(*word(&bench, below), DMA_BASE | SS | VTD_SS_A | VTD_SS_D);
	/* The second stage's D is cleared and invalidated: it comes back with the next write. */
	put(&bench, below, DMA_BASE | SS | VTD_SS_A);
	flush_domain();
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	assert_int_equal(*word(&bench, below), DMA_BASE | SS | VTD_SS_A);
	expect_phys(IOVA, MODEL_WRITE, DMA_BASE);
	assert_int_equal(*word(&bench, below), DMA_BASE | SS | VTD_SS_A | VTD_SS_D);
}

/* 6.5.2: what drops nested entries and what leaves them. */
static void nested_invalidation(void **state)
{
	uint64_t first, below;

	(void)state;
	map_tables(SS);
	first = map(IOVA, GUEST, FS);
	below = map_second(GUEST, DMA_BASE, SS);
	map_second(GUEST + 0x1000, DMA_BASE + 0x1000, SS);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	claim(true);
	/* The guest's own change: its PASID-based invalidation does. */
	put(&bench, first, (GUEST + 0x1000) | FS);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	expect_stale("an IOTLB invalidation");
	flush_pages(IOVA, 0, true);
	expect_phys(IOVA, MODEL_READ, DMA_BASE + 0x1000);
	put(&bench, first, GUEST | FS);
	flush_pages(IOVA, 0, true);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	/*
	 * The host's change: a PASID-based invalidation drops the nested entry, but the second stage's own
	 * is not named by it; the next walk finds it there.
	 */
	put(&bench, below, (DMA_BASE + 0x2000) | SS);
	expect_phys(IOVA, MODEL_READ, DMA_BASE);
	expect_stale("an IOTLB invalidation");
	submit_wide(&bench,
		    VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
			    vtd_set(DID, VTD_DESC_DID),
		    GUEST);
	expect_phys(IOVA, MODEL_READ, DMA_BASE + 0x2000);
	/* Where the guest's table is. */
	below = second(&bench, second_top, first & ~UINT64_C(0xfff), 1);
	assert_int_equal(all_reports(&bench), 0);
	{
		uint64_t copy = page(&bench);

		put(&bench, copy + (IOVA >> 12 & 511) * 8, (GUEST + 0x1000) | FS);
		put(&bench, below, copy | SS);
	}
	flush_pages(IOVA, 0, true); /* the table itself is cached still */
	expect_phys(IOVA, MODEL_READ, DMA_BASE + 0x2000);
	expect_stale("an IOTLB invalidation");
	flush_domain();
	expect_phys(IOVA, MODEL_READ, DMA_BASE + 0x1000);
	assert_int_equal(all_reports(&bench), 0);
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

/* 4.1: a translation request is told what is permitted; who may write has made the page dirty. */
static void translations(void **state)
{
	uint64_t at = map(IOVA, DMA_BASE, FS);

	(void)state;
	expect_ats(IOVA, MODEL_READ, MODEL_READ);
	assert_false(*word(&bench, at) & VTD_FS_D);
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	assert_true(*word(&bench, at) & VTD_FS_D);
	expect_ats(IOVA, MODEL_READ, MODEL_READ | MODEL_WRITE);
	at = map(IOVA + 0x1000, DMA_BASE, VTD_FS_P | VTD_FS_US);
	expect_ats(IOVA + 0x1000, MODEL_READ | MODEL_WRITE, MODEL_READ);
	assert_false(*word(&bench, at) & VTD_FS_D);
	expect_ats(IOVA + 0x2000, MODEL_READ, 0);
	assert_int_equal(fault(&bench), 0);
	assert_int_equal(all_reports(&bench), 0);
}

/* What a device may hold: until its TLB is invalidated, or it may not use it. */
static void grants(void **state)
{
	uint64_t at = map(IOVA, DMA_BASE, FS);
	struct model_translation t;

	(void)state;
	map(IOVA + 0x1000, DMA_BASE + 0x1000, FS);
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	expect_ats(IOVA + 0x1000, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	claim(true);
	assert_int_equal(all_reports(&bench), 0);
	claim(false);
	put(&bench, at, DMA_BASE | VTD_FS_P | VTD_FS_US | VTD_FS_A);
	flush_pages(IOVA, 0, true);
	flush_device(IOVA + 0x1000);
	claim(true);
	expect_stale("of the device TLB");
	claim(false);
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ);
	put(&bench, at, 0);
	flush_pages(IOVA, 0, true);
	claim(true);
	expect_stale("of the device TLB");
	claim(false);
	put(&bench, at, DMA_BASE | FS);
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	put(&bench, at, 0);
	flush_pages(IOVA, 0, true);
	flush_device(IOVA);
	claim(true);
	assert_int_equal(all_reports(&bench), 0);
	/* The device knows better: nothing stops it, and software is not blamed. */
	assert_int_equal(model_vtd_misused(bench.vtd), 0);
	assert_int_equal(send(MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_WRITE, &t), MODEL_OK);
	assert_int_equal(model_vtd_misused(bench.vtd), 1);
	assert_int_equal(all_reports(&bench), 0);
	/* Until it is stopped. */
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_DTE);
	submit_wide(&bench, VTD_DESC_CONTEXT | vtd_set(VTD_CC_GLOBAL, VTD_DESC_G), 0);
	assert_int_equal(send(MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_WRITE, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_DTE);
	assert_int_equal(model_vtd_misused(bench.vtd), 1);
}

/* A device that does not answer may hold all: software has to stop it, and then may leave it so. */
static void silent_device(void **state)
{
	uint64_t at = map(IOVA, DMA_BASE, FS);
	struct model_translation t;

	(void)state;
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	put(&bench, at, 0);
	flush_pages(IOVA, 0, true);
	silent = true;
	flush_device(IOVA);
	model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_ITE);
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_DTE);
	submit_wide(&bench, VTD_DESC_CONTEXT | vtd_set(VTD_CC_GLOBAL, VTD_DESC_G), 0);
	claim(true);
	assert_int_equal(all_reports(&bench), 0);
	claim(false);
	assert_int_equal(send(MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_WRITE, &t), MODEL_FAULT);
	put(&bench, context_entry(), *word(&bench, context_entry()) | VTD_SCE0_DTE);
	submit_wide(&bench, VTD_DESC_CONTEXT | vtd_set(VTD_CC_GLOBAL, VTD_DESC_G), 0);
	claim(true);
	expect_stale("of the device TLB");
	claim(false);
	/* Of a device that gave up ATS nothing is left. */
	put(&bench, at, DMA_BASE | FS);
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	put(&bench, at, 0);
	flush_pages(IOVA, 0, true);
	assert_int_equal(model_vtd_set_atc(bench.vtd, SID, NULL), 0);
	claim(true);
	assert_int_equal(all_reports(&bench), 0);
}

/* A PASID entry does not stand in the way of translated requests: its teardown needs the invalidation. */
static void pasid_gone(void **state)
{
	struct model_translation t;

	(void)state;
	map(IOVA, DMA_BASE, FS);
	expect_ats(IOVA, MODEL_WRITE, MODEL_READ | MODEL_WRITE);
	put(&bench, pasid_entry(PASID), 0);
	submit_wide(&bench, VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_GLOBAL, VTD_DESC_G), 0);
	assert_int_equal(send(MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_WRITE, &t), MODEL_OK);
	claim(true);
	expect_stale("of the device TLB");
}

/* 6.5.2.10: after a device did not answer. What was fetched goes on, waits in it never end. */
static void time_out(void **state)
{
	unsigned int given_up = 0, kept = 0;

	(void)state;
	silent = true;
	for (uint32_t i = 1; i <= 40; i++) {
		uint64_t at = map(IOVA, DMA_BASE, FS), head;
		bool wait_done;

		expect_phys(IOVA, MODEL_READ, DMA_BASE);
		put(&bench, at, (DMA_BASE + 0x1000) | FS);
		*word(&bench, bench.status) = 0;
		/* Queued together: the device's, a wait, an IOTLB invalidation, a wait. */
		for (unsigned int k = 0; k < 4; k++) {
			uint64_t d = bench.queue + (bench.tail + 32 * k) % 4096;

			*word(&bench, d + 16) = *word(&bench, d + 24) = 0;
			*word(&bench, d) = k == 0 ? VTD_DESC_PASID_DEVICE_TLB |
							    vtd_set(SID, VTD_DESC_PDTLB_SID) |
							    vtd_set(PASID, VTD_DESC_PASID) :
					   k == 2 ? VTD_DESC_PASID_IOTLB |
							    vtd_set(VTD_PIOTLB_PASID, VTD_DESC_G) |
							    vtd_set(DID, VTD_DESC_DID) |
							    vtd_set(PASID, VTD_DESC_PASID) :
						    VTD_DESC_WAIT | VTD_DESC_WAIT_SW |
							    vtd_set(k, VTD_DESC_WAIT_DATA);
			*word(&bench, d + 8) = k & 1 ? bench.status + 4 * (k / 2) : 0;
		}
		head = bench.tail;
		bench.tail = (bench.tail + 128) % 4096;
		model_vtd_write64(bench.vtd, VTD_REG_IQT, bench.tail);
		assert_true(model_vtd_read32(bench.vtd, VTD_REG_FSTS) & VTD_FSTS_ITE);
		assert_int_equal(vtd_get(model_vtd_read64(bench.vtd, VTD_REG_IQERCD),
					 VTD_IQERCD_ITESID),
				 SID);
		head = (model_vtd_read64(bench.vtd, VTD_REG_IQH) - head) % 4096 / 32;
		assert_in_range(head, 1, 4);
		assert_int_equal(*word(&bench, bench.status), 0); /* no wait is done with ITE */
		/* Submitted now, it was not fetched before. */
		wait(7);
		assert_int_equal(*word(&bench, bench.status), 0);
		model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_ITE);
		assert_int_equal((uint32_t)*word(&bench, bench.status), 7);
		/* The waits: gone if they were fetched. The invalidation: done in any case. */
		wait_done = *word(&bench, bench.status) >> 32 == 3;
		assert_int_equal(wait_done, head < 4);
		given_up += !wait_done;
		kept += head == 1;
		expect_phys(IOVA, MODEL_READ, DMA_BASE + 0x1000);
		submit_wide(&bench, VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_GLOBAL, VTD_DESC_G), 0);
	}
	assert_true(given_up > 0);
	assert_true(kept > 0);
	for (uint32_t i = 1; i <= 10; i++) {
		flush_device(IOVA);
		wait(i);
		wait(i);
		wait(i);
		model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_ITE);
		assert_int_equal((uint32_t)*word(&bench, bench.status), i);
	}
	assert_int_equal(invalidations, 50);
	assert_int_equal(all_reports(&bench), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(five_levels, setup_57, teardown),
		cmocka_unit_test_setup_teardown(privilege, setup, teardown),
		cmocka_unit_test_setup_teardown(upper_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(extended_accessed, setup, teardown),
		cmocka_unit_test_setup_teardown(process_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(nested_permissions, setup_nested, teardown),
		cmocka_unit_test_setup_teardown(nested_tables, setup_nested, teardown),
		cmocka_unit_test_setup_teardown(nested_dirty, setup_nested, teardown),
		cmocka_unit_test_setup_teardown(nested_invalidation, setup_nested, teardown),
		cmocka_unit_test_setup_teardown(translations, setup, teardown),
		cmocka_unit_test_setup_teardown(grants, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_device, setup, teardown),
		cmocka_unit_test_setup_teardown(pasid_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(time_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
