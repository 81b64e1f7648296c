/* SPDX-License-Identifier: MIT */
/* pages.c - page requests, stalls, and the registers of a page request interface */
#include "tests/models/devices_bench.h"

#define ASKS (DMA_ENGINE_FLAG_ATS | DMA_ENGINE_FLAG_PAGE_REQUEST)
#define BARE (DMA_ENGINE_GROUP_LAST | DMA_ENGINE_GROUP_READ)
#define PASID 77u /* of run() */

static uint32_t pri(struct world *w, unsigned int offset, unsigned int size)
{
	return read_config(w, 0, 0x30, find_extended(w, PCI_EXT_CAP_ID_PRI) + offset, size);
}

static void set_pri(struct world *w, unsigned int offset, unsigned int size, uint32_t value)
{
	write_config(w, 0, 0x30, find_extended(w, PCI_EXT_CAP_ID_PRI) + offset, size, value);
}

static void enable_pri(struct world *w, uint32_t allocation)
{
	set_pri(w, PCI_PRI_ALLOCATION, 4, allocation);
	set_pri(w, PCI_PRI_CONTROL, 2, PCI_PRI_ENABLE);
}

static void enable_all(struct world *w, uint32_t allocation)
{
	write_config(w, 0, 0x30, find_extended(w, PCI_EXT_CAP_ID_PASID) + PCI_PASID_CONTROL, 2, 7);
	write_config(w, 0, 0x30, find_extended(w, PCI_EXT_CAP_ID_ATS) + PCI_ATS_CONTROL, 2,
		     PCI_ATS_ENABLE);
	enable_pri(w, allocation);
}

static struct model_pci_config asking(void)
{
	struct model_pci_config config = engine_config();

	config.pri = true;
	return config;
}

static struct model_pci_function *add_asking(struct world *w)
{
	struct model_pci_function *fn = add_engine_as(w, asking());

	enable_all(w, 4);
	return fn;
}

static void answer(struct world *w, bool has_pasid, uint32_t pasid, uint16_t group,
		   enum model_page_response code)
{
	model_pci_lock(w->pci);
	answer_locked(w, has_pasid, pasid, group, code);
	model_pci_unlock(w->pci);
}

static uint64_t bare(struct world *w, uint32_t flags, uint32_t group)
{
	put(w, DMA_ENGINE_GROUP, 4, group);
	return run(w, DMA_ENGINE_PAGE_REQUEST, IOVA + 0x123, 0, flags);
}

/* Until it does not wait: what the machine does, without an IOMMU that has work of its own. */
static uint64_t settled(struct world *w)
{
	model_pci_settle(w->pci);
	return get(w, DMA_ENGINE_STATUS, 4);
}

/* ---- registers --------------------------------------------------------------------------------- */

static void test_enabled(void **state)
{
	struct world *w = *state;
	unsigned int ats;

	add_engine_as(w, asking());
	assert_int_equal(pri(w, PCI_PRI_CAPACITY, 4), 256);
	assert_int_equal(pri(w, PCI_PRI_ALLOCATION, 4), 0);
	assert_int_equal(pri(w, PCI_PRI_STATUS, 2),
			 PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID_REQUIRED);
	assert_int_equal(bare(w, 0, BARE), DMA_ENGINE_REFUSED_BY_DEVICE);
	enable_pri(w, 1);
	/* ... and ATS. */
	assert_int_equal(bare(w, 0, BARE), DMA_ENGINE_REFUSED_BY_DEVICE);
	ats = find_extended(w, PCI_EXT_CAP_ID_ATS) + PCI_ATS_CONTROL;
	write_config(w, 0, 0x30, ats, 2, PCI_ATS_ENABLE);
	/* ... and PASIDs for one with PASID, and modes for those. */
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PRIVILEGED, BARE), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(w->pages, 0);
	assert_int_equal(get(w, DMA_ENGINE_SENT, 4), 0);
	assert_int_equal(bare(w, 0, BARE | 5), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->pages, 1);
	assert_int_equal(get(w, DMA_ENGINE_SENT, 4), 1);
	assert_int_equal(w->page.source_id, 0x30);
	assert_int_equal(w->page.address, IOVA);
	assert_int_equal(w->page.access, MODEL_READ);
	assert_int_equal(w->page.group, 5);
	assert_true(w->page.last && !w->page.has_pasid);
	/* One at a time was allowed. */
	assert_int_equal(bare(w, 0, BARE | 6), DMA_ENGINE_REFUSED_BY_DEVICE);
	answer(w, false, 0, 5, MODEL_PAGE_SUCCESS);
	write_config(w, 0, 0x30, find_extended(w, PCI_EXT_CAP_ID_PASID) + PCI_PASID_CONTROL, 2,
		     PCI_PASID_ENABLE);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID | DMA_ENGINE_FLAG_EXECUTE, BARE),
			 DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID,
			      DMA_ENGINE_GROUP_WRITE | DMA_ENGINE_GROUP_READ | 0x1ff),
			 DMA_ENGINE_DONE_OK);
	assert_true(w->page.has_pasid && !w->page.last);
	assert_int_equal(w->page.pasid, PASID);
	assert_int_equal(w->page.access, MODEL_READ | MODEL_WRITE);
	assert_int_equal(w->page.group, 0x1ff);
	assert_int_equal(w->reports, 0);
}

/* PASIDs that are wider than the capability says do not go out. */
static void test_width(void **state)
{
	struct world *w = *state;
	struct model_pci_config config = asking();

	config.pasid_bits = 6;
	add_engine_as(w, config);
	enable_all(w, 4);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(w->pages + w->requests, 0);
}

static void test_stopped(void **state)
{
	struct world *w = *state;

	add_asking(w);
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	assert_int_equal(bare(w, 0, BARE | 1), DMA_ENGINE_DONE_OK);
	assert_int_equal(bare(w, 0, BARE | 2), DMA_ENGINE_DONE_OK);
	set_pri(w, PCI_PRI_CONTROL, 2, 0);
	/* It has stopped when all is answered. */
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	assert_int_equal(bare(w, 0, BARE | 3), DMA_ENGINE_REFUSED_BY_DEVICE);
	answer(w, false, 0, 1, MODEL_PAGE_INVALID);
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	answer(w, false, 0, 2, MODEL_PAGE_SUCCESS);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	assert_int_equal(w->reports, 0);
}

/* All requests of a group are outstanding until its one response. */
static void test_allocation(void **state)
{
	struct world *w = *state;

	add_asking(w);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(bare(w, 0, DMA_ENGINE_GROUP_READ | 9), DMA_ENGINE_DONE_OK);
	assert_int_equal(bare(w, 0, BARE | 9), DMA_ENGINE_DONE_OK);
	assert_int_equal(bare(w, 0, BARE | 1), DMA_ENGINE_REFUSED_BY_DEVICE);
	answer(w, false, 0, 9, MODEL_PAGE_SUCCESS);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(bare(w, 0, BARE | i), DMA_ENGINE_DONE_OK);
	assert_int_equal(bare(w, 0, BARE | 4), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(w->reports, 0);
	assert_int_equal(w->pages, 8);
}

/* No more than the capacity, whatever software allows. */
static void test_capacity(void **state)
{
	struct world *w = *state;
	unsigned int sent = 0;

	add_asking(w);
	set_pri(w, PCI_PRI_ALLOCATION, 4, 1000);
	while (bare(w, 0, BARE | sent) == DMA_ENGINE_DONE_OK)
		sent++;
	assert_int_equal(sent, 256);
}

static void test_forgotten(void **state)
{
	struct world *w = *state;

	add_asking(w);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(bare(w, 0, BARE | i), DMA_ENGINE_DONE_OK);
	/* While enabled that bit does nothing, and it reads 0. */
	set_pri(w, PCI_PRI_CONTROL, 2, PCI_PRI_ENABLE | PCI_PRI_RESET);
	assert_int_equal(pri(w, PCI_PRI_CONTROL, 2), PCI_PRI_ENABLE);
	assert_int_equal(bare(w, 0, BARE | 4), DMA_ENGINE_REFUSED_BY_DEVICE);
	set_pri(w, PCI_PRI_CONTROL, 2, PCI_PRI_RESET);
	assert_int_equal(pri(w, PCI_PRI_CONTROL, 2), 0);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	enable_pri(w, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(bare(w, 0, BARE | (10 + i)), DMA_ENGINE_DONE_OK);
	/* Late responses to what was forgotten are nobody's mistake, and free nothing; a second one is. */
	answer(w, false, 0, 2, MODEL_PAGE_SUCCESS);
	assert_int_equal(bare(w, 0, BARE | 20), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(w->reports, 0);
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_UPRGI);
	answer(w, false, 0, 2, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 1);
}

/* ---- responses --------------------------------------------------------------------------------- */

static void test_unexpected(void **state)
{
	struct world *w = *state;

	add_asking(w);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE | 1), DMA_ENGINE_DONE_OK);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, DMA_ENGINE_GROUP_READ | 2),
			 DMA_ENGINE_DONE_OK);
	answer(w, true, PASID, 3, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 1);
	assert_int_equal(w->report.kind, MODEL_REPORT_ILLEGAL);
	assert_string_equal(w->report.text,
			    "a page request group response to source ID 0x30, PASID 0x4d, group "
			    "index 0x3, where no request waits for one");
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_UPRGI);
	/* Cleared by writing 1, and by nothing else. */
	set_pri(w, PCI_PRI_STATUS, 2, 0);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_UPRGI);
	set_pri(w, PCI_PRI_CONTROL, 4, PCI_PRI_STATUS_UPRGI << 16 | PCI_PRI_ENABLE);
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_UPRGI);
	/* The wrong PASID, none, and a group that is not complete. */
	answer(w, true, PASID + 1, 1, MODEL_PAGE_SUCCESS);
	answer(w, false, 0, 1, MODEL_PAGE_SUCCESS);
	answer(w, true, PASID, 2, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 4);
	answer(w, true, PASID, 1, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 4);
	/* Once is enough. */
	answer(w, true, PASID, 1, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 5);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE | 2), DMA_ENGINE_DONE_OK);
	answer(w, true, PASID, 2, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 5);
}

/* A function that takes responses without PASID must not get one. */
static void test_plain(void **state)
{
	struct world *w = *state;
	struct model_pci_config config = asking();

	config.pri_plain_responses = true;
	add_engine_as(w, config);
	enable_all(w, 4);
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_PASID_REQUIRED);
	w->access = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS | DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_WAITING);
	answer(w, true, PASID, w->page.group, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 1);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	w->access = MODEL_READ;
	answer(w, false, 0, w->page.group, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 1);
	assert_int_equal(settled(w), DMA_ENGINE_DONE_OK);
}

static void test_recorded(void **state)
{
	struct world *w = *state;

	add_asking(w);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 0);
	assert_true(get(w, DMA_ENGINE_RESPONSE, 8) == 0);
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE | 0x1fe), DMA_ENGINE_DONE_OK);
	assert_int_equal(bare(w, 0, BARE | 1), DMA_ENGINE_DONE_OK);
	answer(w, true, PASID, 0x1fe, MODEL_PAGE_INVALID);
	answer(w, false, 0, 1, MODEL_PAGE_SUCCESS);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 2);
	/* The lower half takes nothing away, the upper half does. */
	assert_int_equal(get(w, DMA_ENGINE_RESPONSE, 4),
			 0x1fe00 | DMA_ENGINE_RESPONSE_PASID_VALID | MODEL_PAGE_INVALID);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 2);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSE + 4, 4), PASID);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 1);
	assert_true(get(w, DMA_ENGINE_RESPONSE, 8) == 0x100);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 0);
	/* Room for so many; the oldest stay. */
	for (unsigned int i = 0; i < DMA_ENGINE_RESPONSES_MAX + 3; i++) {
		assert_int_equal(bare(w, 0, BARE | i), DMA_ENGINE_DONE_OK);
		answer(w, false, 0, (uint16_t)i, MODEL_PAGE_SUCCESS);
	}
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), DMA_ENGINE_RESPONSES_MAX);
	for (unsigned int i = 0; i < DMA_ENGINE_RESPONSES_MAX; i++)
		assert_true(get(w, DMA_ENGINE_RESPONSE, 8) == (uint64_t)i << 8);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 0);
	assert_int_equal(w->reports, 0);
}

/* ---- a DMA that waits -------------------------------------------------------------------------- */

static void test_wait(void **state)
{
	struct world *w = *state;

	add_asking(w);
	memcpy(w->ram + 0xffc, "12345678", 8);
	w->access = 0;
	put(w, DMA_ENGINE_GROUP, 4, 0x42);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA + 0xffc, 8, ASKS | DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_WAITING);
	assert_int_equal(w->page.address, IOVA);
	assert_int_equal(w->page.access, MODEL_READ);
	assert_int_equal(w->page.group, 0x42);
	assert_int_equal(w->page.pasid, PASID);
	assert_true(w->page.last && w->page.has_pasid);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_int_equal(w->pages, 1);
	/* Another group or PASID is not its own. */
	assert_int_equal(bare(w, 0, BARE | 0x42), DMA_ENGINE_WAITING);
	answer(w, false, 0, 0x42, MODEL_PAGE_SUCCESS);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_int_equal(get(w, DMA_ENGINE_SENT, 4), 2);
	/* While it waits no other DMA starts, and the data stay. */
	put(w, DMA_ENGINE_WINDOW, 8, 1);
	put(w, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_WRITE);
	assert_int_equal(w->requests, 0);
	w->access = MODEL_READ;
	answer(w, true, PASID, 0x42, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->requests, 0); /* not from within the answer */
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->requests, 2);
	assert_true(get(w, DMA_ENGINE_WINDOW, 8) == UINT64_C(0x3837363534333231));
	assert_int_equal(w->reports, 0);
}

static void test_write(void **state)
{
	struct world *w = *state;

	add_asking(w);
	put(w, DMA_ENGINE_WINDOW, 8, 0x1122334455667788);
	w->access = MODEL_READ;
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA + 8, 8, ASKS), DMA_ENGINE_WAITING);
	assert_int_equal(w->page.access, MODEL_WRITE);
	put(w, DMA_ENGINE_WINDOW, 8, 0);
	/* The same group with a PASID is another. */
	assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE | w->page.group), DMA_ENGINE_WAITING);
	answer(w, true, PASID, w->page.group, MODEL_PAGE_INVALID);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	w->access = MODEL_READ | MODEL_WRITE;
	answer(w, false, 0, w->page.group, MODEL_PAGE_SUCCESS);
	assert_int_equal(settled(w), DMA_ENGINE_DONE_OK);
	assert_memory_equal(w->ram + 8, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
}

static void test_refused(void **state)
{
	struct world *w = *state;

	add_asking(w);
	w->access = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_WAITING);
	answer(w, false, 0, w->page.group, MODEL_PAGE_INVALID);
	assert_int_equal(settled(w), DMA_ENGINE_REFUSED_BY_BUS);
	/* Without the flag, without the interface, and where nobody takes it, a missing page is refused. */
	w->pages = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS),
			 DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_REFUSED_BY_BUS);
	w->no_pages = true;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(bare(w, 0, BARE), DMA_ENGINE_REFUSED_BY_BUS);
	w->no_pages = false;
	set_pri(w, PCI_PRI_CONTROL, 2, 0);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(w->pages, 0);
	/* An address that is no page at all. */
	enable_pri(w, 4);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA + 0x2000, 8, ASKS),
			 DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(w->pages, 0);
}

static void test_failure(void **state)
{
	struct world *w = *state;

	add_asking(w);
	w->access = 0;
	put(w, DMA_ENGINE_GROUP, 4, 0);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_WAITING);
	assert_int_equal(bare(w, 0, BARE | 7), DMA_ENGINE_WAITING);
	/* One group fails, and all wait in vain. */
	answer(w, false, 0, 7, MODEL_PAGE_FAILURE);
	assert_int_equal(settled(w), DMA_ENGINE_REFUSED_BY_BUS);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_FAILURE);
	assert_int_equal(bare(w, 0, BARE | 1), DMA_ENGINE_REFUSED_BY_DEVICE);
	set_pri(w, PCI_PRI_STATUS, 2, PCI_PRI_STATUS_FAILURE);
	assert_false(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_FAILURE);
	assert_int_equal(bare(w, 0, BARE | 1), DMA_ENGINE_REFUSED_BY_DEVICE);
	/* Enabled anew it has forgotten the other group: that one's response is no mistake. */
	set_pri(w, PCI_PRI_CONTROL, 2, 0);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	set_pri(w, PCI_PRI_CONTROL, 2, PCI_PRI_ENABLE);
	for (unsigned int i = 1; i < 5; i++)
		assert_int_equal(bare(w, 0, BARE | i), DMA_ENGINE_DONE_OK);
	answer(w, false, 0, 0, MODEL_PAGE_SUCCESS);
	assert_int_equal(w->reports, 0);
}

/* The answer is there before the request has returned; it does not help, so many times. */
static void test_tries(void **state)
{
	struct world *w = *state;
	unsigned int rounds = 0;

	add_asking(w);
	w->access = 0;
	w->answer = MODEL_PAGE_SUCCESS;
	put(w, DMA_ENGINE_IOVA, 8, IOVA);
	put(w, DMA_ENGINE_SIZE, 4, 8);
	put(w, DMA_ENGINE_FLAGS, 4, ASKS);
	put(w, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_READ);
	while (settled(w) == DMA_ENGINE_WAITING)
		assert_true(++rounds < 100);
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(w->pages, DMA_ENGINE_TRIES);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), DMA_ENGINE_TRIES);
	/* And when it helps. */
	w->grant = MODEL_READ;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->pages, DMA_ENGINE_TRIES + 1);
	assert_int_equal(w->reports, 0);
}

/* Nothing more may be outstanding: the request is sent when something was answered. */
static void test_credit(void **state)
{
	struct world *w = *state;

	add_asking(w);
	w->access = 0;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(bare(w, 0, BARE | i), DMA_ENGINE_DONE_OK);
	put(w, DMA_ENGINE_GROUP, 4, 9);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_WAITING);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_int_equal(w->pages, 4);
	answer(w, false, 0, 2, MODEL_PAGE_SUCCESS);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_int_equal(w->pages, 5);
	assert_int_equal(w->page.group, 9);
	w->access = MODEL_READ;
	answer(w, false, 0, 9, MODEL_PAGE_SUCCESS);
	assert_int_equal(settled(w), DMA_ENGINE_DONE_OK);
}

static void test_cancel(void **state)
{
	struct world *w = *state;

	add_asking(w);
	w->access = 0;
	put(w, DMA_ENGINE_GROUP, 4, 9);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_WAITING);
	put(w, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_CANCEL);
	assert_int_equal(settled(w), DMA_ENGINE_REFUSED_BY_DEVICE);
	/* What comes later is recorded, and belongs to no other DMA. */
	put(w, DMA_ENGINE_GROUP, 4, 10);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_WAITING);
	answer(w, false, 0, 9, MODEL_PAGE_INVALID);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_true(get(w, DMA_ENGINE_RESPONSE, 8) == (0x900 | MODEL_PAGE_INVALID));
	assert_int_equal(w->reports, 0);
}

static void test_reset(void **state)
{
	struct world *w = *state;
	struct model_atc before;

	add_asking(w);
	w->access = 0;
	put(w, DMA_ENGINE_GROUP, 4, 9);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, ASKS), DMA_ENGINE_WAITING);
	assert_int_equal(bare(w, 0, BARE | 1), DMA_ENGINE_WAITING);
	answer(w, false, 0, 1, MODEL_PAGE_SUCCESS);
	before = w->atc;
	write_config(w, 0, 0x30, PCI_CAP_FIRST + PCI_PCIE_DEVICE_CONTROL, 2,
		     PCI_PCIE_DEVICE_CONTROL_FLR);
	assert_null(w->atc.page_response);
	enable(w, 0, 0x30, BAR);
	assert_int_equal(settled(w), DMA_ENGINE_IDLE);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 0);
	/* An answer on its way when the function was reset. */
	model_pci_lock(w->pci);
	before.page_response(before.context, false, 0, 9, MODEL_PAGE_SUCCESS);
	model_pci_unlock(w->pci);
	assert_int_equal(w->reports, 0);
	assert_int_equal(settled(w), DMA_ENGINE_IDLE);
}

static void test_marker(void **state)
{
	struct world *w = *state;

	add_asking(w);
	assert_int_equal(run(w, DMA_ENGINE_STOP_MARKER, IOVA, 0, 0), DMA_ENGINE_REFUSED_BY_DEVICE);
	/* It is not outstanding: it goes out where no request may. */
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(bare(w, DMA_ENGINE_FLAG_PASID, BARE | i), DMA_ENGINE_DONE_OK);
	assert_int_equal(run(w, DMA_ENGINE_STOP_MARKER, IOVA, 0, DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_DONE_OK);
	assert_int_equal(w->pages, 5);
	assert_true(w->page.last && w->page.has_pasid && !w->page.access);
	assert_int_equal(w->page.pasid, PASID);
	for (uint16_t i = 0; i < 4; i++)
		answer(w, true, PASID, i, MODEL_PAGE_SUCCESS);
	set_pri(w, PCI_PRI_CONTROL, 2, 0);
	assert_true(pri(w, PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED);
	assert_int_equal(run(w, DMA_ENGINE_STOP_MARKER, IOVA, 0, DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_REFUSED_BY_DEVICE);
}

/* ---- stalls ------------------------------------------------------------------------------------ */

static void resume(struct world *w, const struct model_stall *stall, uint16_t tag, bool retry)
{
	model_pci_lock(w->pci);
	stall->resume(stall->context, tag, retry);
	model_pci_unlock(w->pci);
}

static void test_stall(void **state)
{
	struct world *w = *state;

	add_engine(w);
	w->stalls = true;
	w->access = 0;
	/* Who did not say so cannot be stalled. */
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, 0), DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(w->stalled, 0);
	put(w, DMA_ENGINE_WINDOW, 8, 5);
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_WAITING);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_int_equal(w->stalled, 1);
	w->access = MODEL_READ | MODEL_WRITE;
	resume(w, &w->stall, 0xfedc, true);
	assert_int_equal(w->ram[0], 0); /* not from within */
	assert_int_equal(settled(w), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->ram[0], 5);
	assert_true(get(w, DMA_ENGINE_RESPONSE, 8) == (0xfedc00 | DMA_ENGINE_RESPONSE_STALL));
	/* Ended. */
	w->access = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_WAITING);
	resume(w, &w->stall, 3, false);
	assert_int_equal(settled(w), DMA_ENGINE_REFUSED_BY_BUS);
	assert_true(get(w, DMA_ENGINE_RESPONSE, 8) == (0x300 | DMA_ENGINE_RESPONSE_STALL | 1));
	/* Retried until it gives up: the stall that it then meets is left to whoever answers it. */
	w->stalled = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_WAITING);
	for (unsigned int i = 0; i < DMA_ENGINE_TRIES; i++) {
		assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_WAITING);
		resume(w, &w->stall, 1, true);
		settled(w);
	}
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(w->stalled, DMA_ENGINE_TRIES + 1);
	resume(w, &w->stall, 2, true);
	assert_int_equal(settled(w), DMA_ENGINE_REFUSED_BY_BUS);
}

/* A stall that nobody waits for any more comes to its end; the next one's is another. */
static void test_stall_late(void **state)
{
	struct world *w = *state;
	struct model_stall first;

	add_engine(w);
	w->stalls = true;
	w->access = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_WAITING);
	first = w->stall;
	put(w, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_CANCEL);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_WAITING);
	resume(w, &first, 1, false);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 1);
	/* One that was held over a reset is not told. */
	write_config(w, 0, 0x30, PCI_CAP_FIRST + PCI_PCIE_DEVICE_CONTROL, 2,
		     PCI_PCIE_DEVICE_CONTROL_FLR);
	enable(w, 0, 0x30, BAR);
	first = w->stall;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_WAITING);
	resume(w, &first, 2, true);
	assert_int_equal(get(w, DMA_ENGINE_RESPONSES, 4), 0);
	assert_int_equal(settled(w), DMA_ENGINE_WAITING);
	w->access = MODEL_READ;
	resume(w, &w->stall, 3, true);
	assert_int_equal(settled(w), DMA_ENGINE_DONE_OK);
}

/* A function that asks for pages itself is not stalled. */
static void test_stall_or_ask(void **state)
{
	struct world *w = *state;

	add_asking(w);
	w->stalls = true;
	w->access = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(w->stalled, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_enabled),    TEST(test_width),      TEST(test_stopped),
		TEST(test_allocation), TEST(test_capacity),   TEST(test_forgotten),
		TEST(test_unexpected), TEST(test_plain),      TEST(test_recorded),
		TEST(test_wait),       TEST(test_write),      TEST(test_refused),
		TEST(test_failure),    TEST(test_tries),      TEST(test_credit),
		TEST(test_cancel),     TEST(test_reset),      TEST(test_marker),
		TEST(test_stall),      TEST(test_stall_late), TEST(test_stall_or_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
