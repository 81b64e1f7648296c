/* SPDX-License-Identifier: MIT */
/* virtio_iommu.c - the virtio IOMMU model, section by section of virtio 1.2, 5.13 */
#include "virtio_bench.h"

#define EP 0x30008u /* an endpoint, in segment 3 */
#define OTHER 0x10u
#define PHYS 0x7654000u
#define RW (VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE)
#define ALL UINT64_MAX
#define SIZE 512u /* of properties, in most presets */

static struct bench bench;

static struct bench *running(const char *preset, uint64_t accept)
{
	open_preset(&bench, MMIO, preset);
	start(&bench, accept);
	return &bench;
}

static int teardown(void **state)
{
	(void)state;
	return bench_close(&bench);
}

/* Probed and attached, as far as the device can. */
static struct bench *attached(const char *preset, uint32_t domain)
{
	struct bench *b = running(preset, ALL);

	/* Endpoints without a domain are to be told from others. */
	if (strcmp(preset, "lazy") == 0)
		set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 0);
	if (get_offered(b) & VIRTIO_IOMMU_F_PROBE)
		assert_int_equal(probe(b, EP, config_at(b, VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4),
				       NULL),
				 VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, domain, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
	return b;
}

/* ---- configuration (5.13.4) -------------------------------------------------------------------- */

static void test_config(void **state)
{
	struct bench *b = running("strict", ALL);

	(void)state;
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK, 4), 0xfffff000u);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK + 4, 4), 0xffffffffu);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_INPUT_START, 4), 0x1000);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_INPUT_END + 4, 4), 0x7f);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_DOMAIN_START, 4), 5);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_DOMAIN_END, 4), 36);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4), 100);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1), 0);
	expect_quiet(b);
	config_at(b, VIRTIO_IOMMU_CONFIG_BYPASS, 4);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.3.1");
	config_at(b, VIRTIO_IOMMU_CONFIG_SIZE, 4);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.3.1");
	set_config(b, VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4, 512);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.4.1");
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4), 100);
}

static void test_config_without_feature(void **state)
{
	struct bench *b = running("minimal", ALL);

	(void)state;
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK, 4), 0x1000);
	expect_quiet(b);
	assert_int_not_equal(config_at(b, VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4), 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.5.1");
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 1);
	assert_true(b->reports >= 1);
}

/* 5.13.4, 5.13.6: unattached endpoints go by the field, which outlives a reset. */
static void test_bypass_field(void **state)
{
	struct bench *b = running("standard", ALL);

	(void)state;
	expect_access(b, EP, 0x5000, MODEL_WRITE, 0x5000);
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 0);
	expect_refused(b, EP, 0x5000, MODEL_WRITE);
	set_status(b, 0);
	assert_int_equal(get_status(b), 0);
	assert_int_equal(config_at(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1), 0);
	expect_refused(b, EP, 0x5000, MODEL_WRITE);
	start(b, ALL);
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 1);
	expect_access(b, EP, 0x5000, MODEL_READ, 0x5000);
	expect_quiet(b);
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 2);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.4.1");
}

/* The field counts even if the driver does not know it (5.13.6). */
static void test_bypass_not_accepted(void **state)
{
	struct bench *b = running("standard", ALL & ~VIRTIO_IOMMU_F_BYPASS_CONFIG);

	(void)state;
	expect_access(b, EP, 0x5000, MODEL_WRITE, 0x5000);
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.4.1");
	expect_access(b, EP, 0x5000, MODEL_WRITE, 0x5000);
}

static void test_f_bypass(void **state)
{
	struct bench *b = running("f-bypass", ALL);

	(void)state;
	expect_access(b, EP, 0x5000, MODEL_WRITE, 0x5000);
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0x5000, MODEL_WRITE);
	set_status(b, 0);
	assert_int_equal(get_status(b), 0);
	/* Before it is negotiated, and without. */
	expect_refused(b, EP, 0x5000, MODEL_WRITE);
	start(b, ALL & ~VIRTIO_IOMMU_F_BYPASS);
	expect_refused(b, EP, 0x5000, MODEL_WRITE);
}

/* ---- ATTACH and DETACH (5.13.6.3, 5.13.6.4) ---------------------------------------------------- */

static void test_attach(void **state)
{
	struct bench *b = attached("standard", 7);
	struct model_viommu_stats stats;
	uint32_t domain;

	(void)state;
	assert_true(model_viommu_domain_of(b->vi, EP, &domain));
	assert_int_equal(domain, 7);
	expect_refused(b, EP, 0x5000, MODEL_READ);
	/* Again, to the same: nothing changes. */
	assert_int_equal(map(b, 7, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 7, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_access(b, EP, 0x5004, MODEL_READ, PHYS + 4);
	/* To another: as if it was detached first, and the former domain ends with it. */
	assert_int_equal(attach(b, 8, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0x5004, MODEL_READ);
	assert_int_equal(map(b, 7, 0x6000, 0x6fff, PHYS, RW), VIRTIO_IOMMU_S_NOENT);
	model_viommu_stats(b->vi, &stats);
	assert_int_equal(stats.domains, 1);
	assert_int_equal(stats.mappings, 0);
	expect_quiet(b);
}

static void test_attach_refused(void **state)
{
	struct attach_request request = { .type = VIRTIO_IOMMU_T_ATTACH,
					  .domain = 9,
					  .endpoint = EP };
	struct bench *b = attached("standard", 7);
	uint32_t domain;

	(void)state;
	b->absent = 0x99;
	assert_int_equal(attach(b, 9, 0x99, 0), VIRTIO_IOMMU_S_NOENT);
	assert_int_equal(attach(b, 9, EP, 2), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.3.2");
	request.reserved = 1u << 24;
	assert_int_equal(status_of(b, &request, VIRTIO_IOMMU_ATTACH_SIZE), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.3.1");
	assert_int_equal(attach(b, 7, EP, VIRTIO_IOMMU_ATTACH_F_BYPASS), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.3.1");
	assert_int_equal(attach(b, 7, OTHER, 0), VIRTIO_IOMMU_S_OK);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.5.1"); /* it was not probed */
	assert_true(model_viommu_domain_of(b->vi, EP, &domain));
	assert_int_equal(domain, 7);
}

static void test_domain_range(void **state)
{
	struct bench *b = attached("strict", 36);

	(void)state;
	assert_int_equal(attach(b, 37, EP, 0), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.1");
	assert_int_equal(detach(b, 4, EP), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.1");
	assert_int_equal(attach(b, 5, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
}

static void test_no_move(void **state)
{
	struct bench *b = attached("no-move", 1);
	uint32_t domain = 0;

	(void)state;
	assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 2, EP, 0), VIRTIO_IOMMU_S_UNSUPP);
	assert_true(model_viommu_domain_of(b->vi, EP, &domain));
	assert_int_equal(domain, 1);
	expect_access(b, EP, 0x5000, MODEL_READ, PHYS);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(detach(b, 1, EP), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 2, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
}

static void test_limits(void **state)
{
	struct model_viommu_config config;

	(void)state;
	model_viommu_preset("minimal", &config);
	config.max_domains = 1;
	config.max_mappings = 1;
	config.one_endpoint = true;
	bench_open(&bench, MMIO, &config);
	start(&bench, ALL);
	assert_int_equal(attach(&bench, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(&bench, 1, OTHER, 0), VIRTIO_IOMMU_S_UNSUPP);
	assert_int_equal(attach(&bench, 2, OTHER, 0), VIRTIO_IOMMU_S_NOMEM);
	assert_int_equal(map(&bench, 1, 0, 0xfff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(&bench, 1, 0x1000, 0x1fff, PHYS, RW), VIRTIO_IOMMU_S_NOMEM);
	assert_int_equal(unmap(&bench, 1, 0, 0xfff), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(&bench, 1, 0x1000, 0x1fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(detach(&bench, 1, EP), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(&bench, 2, OTHER, 0), VIRTIO_IOMMU_S_OK);
	expect_quiet(&bench);
}

static void test_detach(void **state)
{
	struct bench *b = attached("lazy", 7);

	(void)state;
	assert_int_equal(map(b, 7, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(detach(b, 8, EP), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(detach(b, 7, OTHER), VIRTIO_IOMMU_S_INVAL);
	/* Another domain that does exist. */
	assert_int_equal(probe(b, OTHER, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 8, OTHER, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(detach(b, 8, EP), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(detach(b, 8, OTHER), VIRTIO_IOMMU_S_OK);
	b->absent = OTHER;
	assert_int_equal(detach(b, 7, OTHER), VIRTIO_IOMMU_S_NOENT);
	expect_access(b, EP, 0x5000, MODEL_READ, PHYS);
	assert_int_equal(detach(b, 7, EP), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0x5000, MODEL_READ);
	/* A new domain of the same number has nothing in it. */
	assert_int_equal(attach(b, 7, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0x5000, MODEL_READ);
	assert_int_equal(map(b, 7, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
}

static void test_bypass_domain(void **state)
{
	struct bench *b = running("lazy", ALL);

	(void)state;
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 0);
	expect_refused(b, EP, 0x5000, MODEL_READ);
	assert_int_equal(attach(b, 7, EP, VIRTIO_IOMMU_ATTACH_F_BYPASS), VIRTIO_IOMMU_S_OK);
	expect_access(b, EP, 0x5000, MODEL_READ, 0x5000);
	assert_int_equal(map(b, 7, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.5.1");
	assert_int_equal(unmap(b, 7, 0x5000, 0x5fff), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.6.1");
	assert_int_equal(detach(b, 7, EP), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0x5000, MODEL_READ);
	expect_quiet(b);
}

static void test_bypass_flag_not_negotiated(void **state)
{
	struct bench *b = running("lazy", ALL & ~VIRTIO_IOMMU_F_BYPASS_CONFIG);

	(void)state;
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 7, EP, VIRTIO_IOMMU_ATTACH_F_BYPASS), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.3.2");
}

/* ---- MAP (5.13.6.5) ---------------------------------------------------------------------------- */

static void test_map(void **state)
{
	struct bench *b = attached("standard", 1);

	(void)state;
	assert_int_equal(map(b, 1, 0x10000, 0x13fff, PHYS, VIRTIO_IOMMU_MAP_F_READ),
			 VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0x14000, 0x14fff, 0x1000, VIRTIO_IOMMU_MAP_F_WRITE),
			 VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0x15000, 0x15fff, 0x2000, RW | VIRTIO_IOMMU_MAP_F_MMIO),
			 VIRTIO_IOMMU_S_OK);
	expect_access(b, EP, 0x13ffc, MODEL_READ, PHYS + 0x3ffc);
	expect_refused(b, EP, 0x13ffc, MODEL_WRITE);
	expect_access(b, EP, 0x14008, MODEL_WRITE, 0x1008);
	expect_refused(b, EP, 0x14008, MODEL_READ);
	expect_access(b, EP, 0x15000, MODEL_WRITE, 0x2000);
	expect_refused(b, EP, 0xfffc, MODEL_READ);
	expect_refused(b, EP, 0x16000, MODEL_READ);
	/* The last page of the address space. */
	assert_int_equal(map(b, 1, UINT64_MAX - 0xfff, UINT64_MAX, PHYS, RW), VIRTIO_IOMMU_S_OK);
	expect_access(b, EP, UINT64_MAX - 0xf, MODEL_WRITE, PHYS + 0xff0);
	expect_quiet(b);
}

static void test_map_refused(void **state)
{
	struct bench *b = attached("standard", 1);

	(void)state;
	/* Granule: start, end + 1, physical start. */
	assert_int_equal(map(b, 1, 0x10800, 0x11fff, PHYS, RW), VIRTIO_IOMMU_S_RANGE);
	assert_int_equal(map(b, 1, 0x10000, 0x117ff, PHYS, RW), VIRTIO_IOMMU_S_RANGE);
	assert_int_equal(map(b, 1, 0x10000, 0x11fff, PHYS + 0x800, RW), VIRTIO_IOMMU_S_RANGE);
	expect_quiet(b);
	/* Overlap: at either end, inside, outside. */
	assert_int_equal(map(b, 1, 0x10000, 0x12fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0xf000, 0x10fff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(map(b, 1, 0x12000, 0x13fff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(map(b, 1, 0x11000, 0x11fff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(map(b, 1, 0, 0xfffff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(map(b, 2, 0, 0xfff, PHYS, RW), VIRTIO_IOMMU_S_NOENT);
	/* The doorbell that PROBE tells of. */
	assert_int_equal(map(b, 1, 0xfee00000, 0xfee00fff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(map(b, 1, 0, 0x1fff, UINT64_MAX - 0xfff, RW), VIRTIO_IOMMU_S_FAULT);
	expect_quiet(b);
	assert_int_equal(map(b, 1, 0x20000, 0x20fff, PHYS, RW | 8), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.5.1");
	assert_int_equal(map(b, 1, 0x21000, 0x20fff, PHYS, RW), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.5.1");
	/* Nothing of it was mapped. */
	expect_refused(b, EP, 0xf000, MODEL_READ);
	expect_refused(b, EP, 0x13000, MODEL_READ);
	expect_access(b, EP, 0x11000, MODEL_READ, PHYS + 0x1000);
}

static void test_input_range(void **state)
{
	struct bench *b = attached("strict", 5);
	uint64_t last = (UINT64_C(1) << 39) - 1;

	(void)state;
	assert_int_equal(map(b, 5, 0x1000, 0x1fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 5, last - 0xfff, last, PHYS, RW), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
	assert_int_equal(map(b, 5, 0, 0xfff, PHYS, RW), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.1");
	assert_int_equal(map(b, 5, last + 1, last + 0x1000, PHYS, RW), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.1");
	assert_int_equal(unmap(b, 5, 0, last), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.1");
	assert_int_equal(unmap(b, 5, 0x1000, last), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0x1000, MODEL_READ);
}

static void test_mmio_not_negotiated(void **state)
{
	struct bench *b = running("standard", ALL & ~VIRTIO_IOMMU_F_MMIO);

	(void)state;
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0, 0xfff, PHYS, RW | VIRTIO_IOMMU_MAP_F_MMIO),
			 VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.5.1");
}

static void test_granule_64k(void **state)
{
	struct bench *b = attached("granule-64k", 1);

	(void)state;
	assert_int_equal(map(b, 1, 0, 0xfff, 0x10000, RW), VIRTIO_IOMMU_S_RANGE);
	assert_int_equal(map(b, 1, 0x10000, 0x1ffff, 0x1000, RW), VIRTIO_IOMMU_S_RANGE);
	assert_int_equal(map(b, 1, 0x10000, 0x1ffff, 0x40000, RW), VIRTIO_IOMMU_S_OK);
	expect_access(b, EP, 0x1fffc, MODEL_READ, 0x4fffc);
	expect_quiet(b);
}

/* 5.13.6: "legal for the driver to map one byte at a time"; an access has to be in one mapping. */
static void test_granule_of_a_byte(void **state)
{
	struct model_viommu_config config;
	struct bench *b = &bench;

	(void)state;
	model_viommu_preset("minimal", &config);
	config.page_size_mask = 1;
	bench_open(b, MMIO, &config);
	start(b, ALL);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0x1001, 0x1010, 0x7007, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0x1011, 0x1020, 0x9000, RW), VIRTIO_IOMMU_S_OK);
	expect_access(b, EP, 0x1001, MODEL_READ, 0x7007);
	expect_access(b, EP, 0x100d, MODEL_READ, 0x7013);
	expect_refused(b, EP, 0x100e, MODEL_READ);
	expect_refused(b, EP, 0x1000, MODEL_READ);
	expect_refused(b, EP, 0x101e, MODEL_READ);
	expect_quiet(b);
	/* And yet not one byte alone (5.13.6.5.1). */
	assert_int_equal(map(b, 1, 0x2000, 0x2000, 0x7007, RW), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.5.1");
}

static void test_write_implies_read(void **state)
{
	struct model_viommu_config config;

	(void)state;
	model_viommu_preset("minimal", &config);
	config.write_implies_read = true;
	bench_open(&bench, MMIO, &config);
	start(&bench, ALL);
	assert_int_equal(attach(&bench, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(&bench, 1, 0, 0xfff, PHYS, VIRTIO_IOMMU_MAP_F_WRITE),
			 VIRTIO_IOMMU_S_OK);
	expect_access(&bench, EP, 0, MODEL_READ, PHYS);
}

/* ---- UNMAP (5.13.6.6): the examples of the section, in pages ----------------------------------- */

static uint8_t map_pages(struct bench *b, uint64_t first, uint64_t last)
{
	return map(b, 1, first << 12, (last << 12) + 0xfff, PHYS + (first << 12), RW);
}

static uint8_t unmap_pages(struct bench *b, uint64_t first, uint64_t last)
{
	return unmap(b, 1, first << 12, (last << 12) + 0xfff);
}

static void expect_pages(struct bench *b, uint64_t first, uint64_t last, bool there)
{
	for (uint64_t page = first; page <= last; page++) {
		if (there)
			expect_access(b, EP, page << 12, MODEL_WRITE, PHYS + (page << 12));
		else
			expect_refused(b, EP, page << 12, MODEL_WRITE);
	}
}

static void test_unmap(void **state)
{
	struct bench *b = attached("lazy", 1);

	(void)state;
	/* (1) */
	assert_int_equal(unmap_pages(b, 0, 4), VIRTIO_IOMMU_S_OK);
	/* (2) */
	map_pages(b, 0, 9);
	assert_int_equal(unmap_pages(b, 0, 9), VIRTIO_IOMMU_S_OK);
	expect_pages(b, 0, 9, false);
	/* (3) */
	map_pages(b, 0, 4);
	map_pages(b, 5, 9);
	assert_int_equal(unmap_pages(b, 0, 9), VIRTIO_IOMMU_S_OK);
	expect_pages(b, 0, 9, false);
	expect_quiet(b);
	/* (4): and at the other end, and inside */
	map_pages(b, 0, 9);
	assert_int_equal(unmap_pages(b, 0, 4), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.6.1");
	assert_int_equal(unmap_pages(b, 5, 20), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.6.1");
	assert_int_equal(unmap_pages(b, 5, 5), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.6.1");
	expect_pages(b, 0, 9, true);
	assert_int_equal(unmap_pages(b, 0, 9), VIRTIO_IOMMU_S_OK);
	/* (5) */
	map_pages(b, 0, 4);
	map_pages(b, 5, 9);
	assert_int_equal(unmap_pages(b, 0, 4), VIRTIO_IOMMU_S_OK);
	expect_pages(b, 0, 4, false);
	expect_pages(b, 5, 9, true);
	assert_int_equal(unmap_pages(b, 5, 9), VIRTIO_IOMMU_S_OK);
	/* (6) */
	map_pages(b, 0, 4);
	assert_int_equal(unmap_pages(b, 0, 9), VIRTIO_IOMMU_S_OK);
	expect_pages(b, 0, 4, false);
	/* (7) */
	map_pages(b, 0, 4);
	map_pages(b, 10, 14);
	assert_int_equal(unmap_pages(b, 0, 14), VIRTIO_IOMMU_S_OK);
	expect_pages(b, 0, 14, false);
	/* One of several would be split: none goes. */
	map_pages(b, 0, 4);
	map_pages(b, 5, 9);
	b->reports = 0;
	assert_int_equal(unmap_pages(b, 0, 7), VIRTIO_IOMMU_S_RANGE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.6.1");
	expect_pages(b, 0, 9, true);
}

static void test_unmap_refused(void **state)
{
	struct unmap_request request = {
		.type = VIRTIO_IOMMU_T_UNMAP, .domain = 1, .last = 0xfff, .reserved = 1
	};
	struct bench *b = attached("standard", 1);

	(void)state;
	assert_int_equal(unmap(b, 2, 0, 0xfff), VIRTIO_IOMMU_S_NOENT);
	expect_quiet(b);
	assert_int_equal(unmap(b, 1, 0x1000, 0xfff), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.6");
	assert_int_equal(status_of(b, &request, VIRTIO_IOMMU_UNMAP_SIZE), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.6.1");
}

static void test_not_negotiated(void **state)
{
	struct bench *b = running("standard", ALL & ~VIRTIO_IOMMU_F_MAP_UNMAP);

	(void)state;
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0, 0xfff, PHYS, RW), VIRTIO_IOMMU_S_UNSUPP);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6");
}

/* ---- many mappings against a plain array ------------------------------------------------------- */

static void test_random_mappings(void **state)
{
	struct bench *b = attached("any-order", 1);
	uint8_t owner[64] = { 0 }; /* number of the mapping that a page is in, 0: none */
	uint64_t random = 12345;

	(void)state;
	for (unsigned int round = 1; round < 250; round++) {
		unsigned int first, count, taken = 0, split;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
		first = random >> 40 & 63;
		count = 1 + (random >> 50 & 7);
		if (first + count > 64)
			count = 64 - first;
		for (unsigned int i = first; i < first + count; i++)
			taken += owner[i] != 0;
		split = (first && owner[first] && owner[first - 1] == owner[first]) ||
			(first + count < 64 && owner[first + count] &&
			 owner[first + count] == owner[first + count - 1]);
		if (random >> 60 & 1) {
			assert_int_equal(map_pages(b, first, first + count - 1),
					 taken ? VIRTIO_IOMMU_S_INVAL : VIRTIO_IOMMU_S_OK);
			if (!taken)
				memset(owner + first, (int)round % 255 + 1, count);
		} else {
			assert_int_equal(unmap_pages(b, first, first + count - 1),
					 split ? VIRTIO_IOMMU_S_RANGE : VIRTIO_IOMMU_S_OK);
			if (!split)
				memset(owner + first, 0, count);
		}
		for (unsigned int i = 0; i < 64; i++)
			expect_pages(b, i, i, owner[i]);
	}
}

/* ---- PROBE (5.13.6.7) -------------------------------------------------------------------------- */

static void test_probe(void **state)
{
	struct model_viommu_config config;
	static const uint8_t expected[] = {
		1,    0,    20, 0, 1,	 0,    0, 0, 0,	 0, 0xe0, 0xfe, 0, 0, 0, 0, 0xff, 0xff,
		0xef, 0xfe, 0,	0, 0,	 0,    1, 0, 20, 0, 0,	  0,	0, 0, 0, 0, 1,	  0,
		2,    0,    0,	0, 0xff, 0xff, 1, 0, 2,	 0, 0,	  0,	0, 0, 0, 0,
	};
	uint8_t properties[SIZE];

	(void)state;
	model_viommu_preset("standard", &config);
	config.regions[1] =
		(struct model_viommu_region){ UINT64_C(0x200010000), UINT64_C(0x20001ffff), 0, EP };
	config.num_regions = 2;
	bench_open(&bench, MMIO, &config);
	start(&bench, ALL);
	assert_int_equal(probe(&bench, EP, SIZE, properties), VIRTIO_IOMMU_S_OK);
	assert_memory_equal(properties, expected, sizeof(expected));
	for (size_t i = sizeof(expected); i < SIZE; i++)
		assert_int_equal(properties[i], 0);
	/* Another endpoint does not have the second region: its properties end before. */
	assert_int_equal(probe(&bench, OTHER, SIZE, properties), VIRTIO_IOMMU_S_OK);
	assert_memory_equal(properties, expected, 24);
	assert_int_equal(properties[24], 0);
	bench.absent = 3;
	assert_int_equal(probe(&bench, 3, SIZE, properties), VIRTIO_IOMMU_S_NOENT);
	expect_quiet(&bench);
	/* Regions count for the domain's endpoints that have them. */
	assert_int_equal(attach(&bench, 1, OTHER, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(&bench, 1, UINT64_C(0x200010000), UINT64_C(0x200010fff), PHYS, RW),
			 VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(&bench, 1, EP, 0), VIRTIO_IOMMU_S_UNSUPP);
	assert_int_equal(attach(&bench, 2, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(&bench, 2, UINT64_C(0x200010000), UINT64_C(0x200010fff), PHYS, RW),
			 VIRTIO_IOMMU_S_INVAL);
	expect_quiet(&bench);
}

/* What a driver has to pass over comes first; what it needs is there all the same. */
static void test_odd_properties(void **state)
{
	struct bench *b = running("strict", ALL);
	unsigned int found = 0, seen = 0;
	uint8_t p[100];
	uint16_t type, length;

	(void)state;
	assert_int_equal(probe(b, EP, sizeof(p), p), VIRTIO_IOMMU_S_OK);
	for (unsigned int i = 0; i + 4 <= sizeof(p); i += 4u + length) {
		memcpy(&type, p + i, 2);
		memcpy(&length, p + i + 2, 2);
		if (!(type & VIRTIO_IOMMU_PROPERTY_TYPE_MASK))
			break;
		seen++;
		if (type == VIRTIO_IOMMU_PROBE_T_RESV_MEM) {
			assert_int_equal(p[i + 4], VIRTIO_IOMMU_RESV_MEM_T_MSI);
			found++;
		}
	}
	assert_int_equal(seen, 4);
	assert_int_equal(found, 1);
	expect_quiet(b);
}

static void test_probe_size(void **state)
{
	struct probe_request request = { .type = VIRTIO_IOMMU_T_PROBE, .endpoint = EP };
	struct bench *b = running("strict", ALL);
	uint64_t out;

	(void)state;
	assert_int_equal(send(b, &request, sizeof(request), 64, &out), 64);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.7.1");
	assert_int_equal(get32(b, out + 60), VIRTIO_IOMMU_S_INVAL);
	assert_int_equal(get32(b, out), 0xeeeeeeeeu);
	request.reserved[63] = 1;
	assert_int_equal(send(b, &request, sizeof(request), 104, &out), 104);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.7.1");
	assert_int_equal(get32(b, out + 100), VIRTIO_IOMMU_S_OK);
}

static void test_probe_not_offered(void **state)
{
	struct bench *b = running("minimal", ALL);

	(void)state;
	assert_int_equal(probe(b, EP, 64, NULL), NO_STATUS);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6");
}

/* ---- requests that cannot be parsed (5.13.6) --------------------------------------------------- */

static void test_malformed(void **state)
{
	struct attach_request request = { .type = 77, .domain = 1, .endpoint = EP };
	struct bench *b = attached("standard", 1);
	uint8_t large[64] = { VIRTIO_IOMMU_T_DETACH };
	uint64_t out;

	(void)state;
	assert_int_equal(status_of(b, &request, sizeof(request)), NO_STATUS);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6");
	assert_int_equal(get32(b, REQUESTS + 0x200), 0xeeeeeeeeu);
	request.type = VIRTIO_IOMMU_T_DETACH;
	assert_int_equal(status_of(b, &request, VIRTIO_IOMMU_DETACH_SIZE - 1), NO_STATUS);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6");
	assert_int_equal(send(b, &request, VIRTIO_IOMMU_DETACH_SIZE, 3, &out), 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6");
	assert_int_equal(status_of(b, large, sizeof(large)), VIRTIO_IOMMU_S_INVAL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6");
	request.zero[2] = 1;
	assert_int_equal(status_of(b, &request, VIRTIO_IOMMU_DETACH_SIZE), VIRTIO_IOMMU_S_OK);
	expect_report(b, MODEL_REPORT_RESERVED, "5.13.6.1");
}

/* ---- reset, order ------------------------------------------------------------------------------ */

/* A reset ends all of it. */
static void test_reset(void **state)
{
	struct bench *b = attached("lazy", 1);

	(void)state;
	assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	set_status(b, 0);
	for (unsigned int i = 0; get_status(b) && i < 10; i++)
		;
	expect_refused(b, EP, 0x5000, MODEL_WRITE);
	start(b, ALL);
	assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_NOENT);
	expect_quiet(b);
}

/* Eight requests at once: all come back, some out of order, and only IN_ORDER keeps them in it. */
static unsigned int overtakings(const char *preset)
{
	struct bench *b;
	unsigned int overtaken = 0;

	open_preset(&bench, MMIO, preset);
	b = &bench;
	negotiate(b, ALL);
	set_up_queue(b, 0, 32);
	set_up_queue(b, 1, 4);
	drive(b);
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	for (unsigned int i = 0; i < 16; i++) {
		struct map_request request = { .type = VIRTIO_IOMMU_T_MAP,
					       .domain = 1,
					       .start = 0x1000 * i,
					       .last = 0x1000 * i + 0xfff,
					       .flags = RW };

		prepare(b, 2 * i, &request, VIRTIO_IOMMU_MAP_SIZE, 4);
		expose(b, 0, 2 * i);
	}
	notify(b, 0);
	for (unsigned int done = 0, last = 0, i = 0; done < 16; i++) {
		uint32_t id, length;

		assert_true(i < 10000);
		model_viommu_step(b->vi);
		if (!next_used(b, 0, &id, &length))
			continue;
		assert_int_equal(length, 4);
		overtaken += id < last;
		last = id;
		done++;
	}
	for (unsigned int i = 0; i < 16; i++)
		expect_access(b, EP, 0x1000 * i, MODEL_READ, 0);
	expect_quiet(b);
	return overtaken;
}

static void test_order(void **state)
{
	(void)state;
	assert_true(overtakings("lazy") > 0);
	bench_close(&bench);
	assert_true(overtakings("any-order") > 0);
	bench_close(&bench);
	assert_int_equal(overtakings("in-order"), 0);
	bench_close(&bench);
	assert_int_equal(overtakings("standard"), 0);
}

/* ---- faults (5.13.6.9) ------------------------------------------------------------------------- */

static void expect_event(struct bench *b, unsigned int reason, uint32_t flags, uint32_t endpoint,
			 uint64_t address)
{
	uint32_t id = 0, length = 0;
	uint64_t event;

	assert_true(next_used(b, 1, &id, &length));
	assert_int_equal(length, VIRTIO_IOMMU_FAULT_SIZE);
	event = EVENTS + 64 * id;
	assert_int_equal(get32(b, event), reason);
	assert_int_equal(get32(b, event + VIRTIO_IOMMU_FAULT_FLAGS), flags);
	assert_int_equal(get32(b, event + VIRTIO_IOMMU_FAULT_ENDPOINT), endpoint);
	assert_int_equal(get32(b, event + 12), 0);
	assert_true(get64(b, event + VIRTIO_IOMMU_FAULT_ADDRESS) == address);
}

static void test_faults(void **state)
{
	struct bench *b = attached("lazy", 1);
	struct model_viommu_stats stats;
	uint32_t id = 0, length = 0;

	(void)state;
	assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, VIRTIO_IOMMU_MAP_F_READ),
			 VIRTIO_IOMMU_S_OK);
	/* No buffer: dropped, and counted. */
	expect_refused(b, EP, 0x1234, MODEL_WRITE);
	assert_false(next_used(b, 1, &id, &length));
	offer_events(b, 4);
	expect_refused(b, EP, UINT64_C(0x123456789abc), MODEL_WRITE);
	expect_refused(b, OTHER, 0x5678, MODEL_READ);
	expect_refused(b, EP, 0x5004, MODEL_WRITE);
	expect_event(b, VIRTIO_IOMMU_FAULT_R_MAPPING,
		     VIRTIO_IOMMU_FAULT_F_WRITE | VIRTIO_IOMMU_FAULT_F_ADDRESS, EP,
		     UINT64_C(0x123456789abc));
	expect_event(b, VIRTIO_IOMMU_FAULT_R_DOMAIN,
		     VIRTIO_IOMMU_FAULT_F_READ | VIRTIO_IOMMU_FAULT_F_ADDRESS, OTHER, 0x5678);
	expect_event(b, VIRTIO_IOMMU_FAULT_R_MAPPING,
		     VIRTIO_IOMMU_FAULT_F_WRITE | VIRTIO_IOMMU_FAULT_F_ADDRESS, EP, 0x5004);
	expect_refused(b, EP, 0x1000, MODEL_WRITE);
	expect_refused(b, EP, 0x2000, MODEL_WRITE);
	expect_event(b, VIRTIO_IOMMU_FAULT_R_MAPPING,
		     VIRTIO_IOMMU_FAULT_F_WRITE | VIRTIO_IOMMU_FAULT_F_ADDRESS, EP, 0x1000);
	assert_false(next_used(b, 1, &id, &length));
	model_viommu_stats(b->vi, &stats);
	assert_int_equal(stats.faults, 6);
	assert_int_equal(stats.dropped, 2);
	expect_quiet(b);
}

static void test_fault_without_address(void **state)
{
	struct model_viommu_config config;

	(void)state;
	model_viommu_preset("minimal", &config);
	config.no_fault_address = true;
	bench_open(&bench, MMIO, &config);
	start(&bench, ALL);
	offer_events(&bench, 1);
	expect_refused(&bench, EP, 0x1234, MODEL_WRITE);
	expect_event(&bench, VIRTIO_IOMMU_FAULT_R_DOMAIN, VIRTIO_IOMMU_FAULT_F_WRITE, EP, 0);
}

static void test_event_buffers(void **state)
{
	struct bench *b = running("strict", ALL);
	struct model_viommu_stats stats;
	uint32_t id = 0, length = 0;

	(void)state;
	set_desc(b, 1, 0, EVENTS, VIRTIO_IOMMU_FAULT_SIZE - 1, VIRTIO_DESC_F_WRITE, 0);
	expose(b, 1, 0);
	notify(b, 1);
	expect_refused(b, EP, 0x1000, MODEL_WRITE);
	expect_report(b, MODEL_REPORT_ILLEGAL, "5.13.6.9");
	assert_true(next_used(b, 1, &id, &length));
	assert_int_equal(length, 0);
	model_viommu_stats(b->vi, &stats);
	assert_int_equal(stats.dropped, 1);
	/* A buffer that nobody was told of is no buffer. */
	set_desc(b, 1, 0, EVENTS, VIRTIO_IOMMU_FAULT_SIZE, VIRTIO_DESC_F_WRITE, 0);
	expose(b, 1, 0);
	expect_refused(b, EP, 0x1000, MODEL_WRITE);
	assert_false(next_used(b, 1, &id, &length));
	notify(b, 1);
	expect_refused(b, EP, 0x1000, MODEL_WRITE);
	assert_true(next_used(b, 1, &id, &length));
	expect_quiet(b);
}

/* What endpoints may send: no PASIDs, no ATS; the doorbell is no memory, in any state. */
static void test_requests_of_endpoints(void **state)
{
	struct bench *b = attached("standard", 1);
	const struct model_iommu *iommu = model_viommu_iommu(b->vi);
	struct model_request request = { .source_id = OTHER,
					 .iova = 0x1000,
					 .size = 4096,
					 .access = MODEL_READ,
					 .type = MODEL_ATS_TRANSLATION };
	struct model_translation out;
	uint64_t phys;

	(void)state;
	assert_int_equal(iommu->translate(iommu->context, &request, &out), MODEL_FAULT);
	request.type = MODEL_ATS_TRANSLATED;
	assert_int_equal(iommu->translate(iommu->context, &request, &out), MODEL_FAULT);
	request.type = MODEL_UNTRANSLATED;
	assert_int_equal(iommu->translate(iommu->context, &request, &out), MODEL_OK);
	request.has_pasid = true;
	assert_int_equal(iommu->translate(iommu->context, &request, &out), MODEL_FAULT);
	assert_int_equal(access_by(b, EP, 0xfee01000, MODEL_WRITE, &phys), MODEL_INTERRUPT);
	assert_int_equal(access_by(b, OTHER, 0xfee01000, MODEL_WRITE, &phys), MODEL_INTERRUPT);
	expect_quiet(b);
}

/* ---- mishaps ----------------------------------------------------------------------------------- */

static void test_mishaps(void **state)
{
	struct map_request request = {
		.type = VIRTIO_IOMMU_T_MAP, .domain = 1, .last = 0xfff, .phys = PHYS, .flags = RW
	};
	struct bench *b = attached("standard", 1);
	uint32_t id = 0, length = 0;
	uint64_t out;

	(void)state;
	model_viommu_mishap(b->vi, VIRTIO_IOMMU_T_MAP, 1, MODEL_VIOMMU_STATUS,
			    VIRTIO_IOMMU_S_DEVERR);
	assert_int_equal(map(b, 1, 0x10000, 0x10fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(unmap(b, 1, 0x10000, 0x10fff), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0x10000, 0x10fff, PHYS, RW), VIRTIO_IOMMU_S_DEVERR);
	expect_refused(b, EP, 0x10000, MODEL_READ);
	assert_int_equal(map(b, 1, 0x10000, 0x10fff, PHYS, RW), VIRTIO_IOMMU_S_OK);

	model_viommu_mishap(b->vi, 0, 0, MODEL_VIOMMU_UNWRITTEN, 0);
	assert_int_equal(unmap(b, 1, 0x10000, 0x10fff), NO_STATUS);
	expect_access(b, EP, 0x10000, MODEL_READ, PHYS);

	model_viommu_mishap(b->vi, 0, 0, MODEL_VIOMMU_LOST, 0);
	assert_int_equal(unmap(b, 1, 0x10000, 0x10fff), NO_STATUS);
	expect_refused(b, EP, 0x10000, MODEL_READ);

	model_viommu_mishap(b->vi, 0, 0, MODEL_VIOMMU_SHORT, 0);
	assert_int_equal(send(b, &request, VIRTIO_IOMMU_MAP_SIZE, 4, &out), 0);
	assert_int_equal(get32(b, out), VIRTIO_IOMMU_S_OK);
	expect_refused(b, EP, 0, MODEL_READ);

	model_viommu_mishap(b->vi, 0, 0, MODEL_VIOMMU_NEVER, 0);
	prepare(b, 2, &request, VIRTIO_IOMMU_MAP_SIZE, 4);
	expose(b, 0, 2);
	notify(b, 0);
	assert_false(model_viommu_step(b->vi));
	assert_false(next_used(b, 0, &id, &length));
	/* Others overtake it. */
	assert_int_equal(map(b, 1, 0x20000, 0x20fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
}

static void test_break(void **state)
{
	struct bench *b = attached("standard", 1);

	(void)state;
	assert_int_equal(map(b, 1, 0, 0xfff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	model_viommu_break(b->vi);
	assert_true(get_status(b) & VIRTIO_STATUS_NEEDS_RESET);
	assert_int_equal(reg_read(b, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG,
			 VIRTIO_MMIO_INT_CONFIG);
	expect_access(b, EP, 0, MODEL_READ, PHYS);
	start(b, ALL);
	assert_int_equal(get_status(b) & VIRTIO_STATUS_NEEDS_RESET, 0);
}

static void test_presets(void **state)
{
	struct model_viommu_config config = { .probe_size = 77 };
	unsigned int count = 0;

	(void)state;
	assert_false(model_viommu_preset("no such thing", &config));
	assert_int_equal(config.probe_size, 77);
	for (const char *const *name = model_viommu_presets(); *name; name++, count++) {
		open_preset(&bench, MMIO, *name);
		start(&bench, ALL);
		assert_int_equal(bench_close(&bench), 0);
	}
	assert_int_equal(count, 10);
	open_preset(&bench, MMIO, "standard");
	/* What no device can have. */
	model_viommu_preset("standard", &config);
	config.page_size_mask = 0;
	assert_int_equal(
		model_viommu_create(&config, bench.memory, NULL, NULL, NULL, NULL, &bench.vi), -1);
	model_viommu_preset("standard", &config);
	config.f_bypass = true;
	assert_int_equal(
		model_viommu_create(&config, bench.memory, NULL, NULL, NULL, NULL, &bench.vi), -1);
	model_viommu_preset("standard", &config);
	config.input_start = 0x800;
	assert_int_equal(
		model_viommu_create(&config, bench.memory, NULL, NULL, NULL, NULL, &bench.vi), -1);
}

#define T(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_config),
		T(test_config_without_feature),
		T(test_bypass_field),
		T(test_bypass_not_accepted),
		T(test_f_bypass),
		T(test_attach),
		T(test_attach_refused),
		T(test_domain_range),
		T(test_no_move),
		T(test_limits),
		T(test_detach),
		T(test_bypass_domain),
		T(test_bypass_flag_not_negotiated),
		T(test_map),
		T(test_map_refused),
		T(test_input_range),
		T(test_mmio_not_negotiated),
		T(test_granule_64k),
		T(test_write_implies_read),
		T(test_unmap),
		T(test_unmap_refused),
		T(test_not_negotiated),
		T(test_random_mappings),
		T(test_probe),
		T(test_odd_properties),
		T(test_probe_size),
		T(test_probe_not_offered),
		T(test_malformed),
		T(test_reset),
		T(test_granule_of_a_byte),
		T(test_order),
		T(test_faults),
		T(test_fault_without_address),
		T(test_event_buffers),
		T(test_requests_of_endpoints),
		T(test_mishaps),
		T(test_break),
		T(test_presets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
