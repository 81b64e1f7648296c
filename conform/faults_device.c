/* SPDX-License-Identifier: MIT */
/*
 * faults_device.c - page requests through the hardware's queues: of devices with PRI, and of stalled ones
 *
 * A device with PRI can send single requests of any group; one that is stalled has a DMA waiting, which is a
 * group of its own.  What does not need several requests in a group is asked of either.
 */
#include <string.h>

#include "conform/faults.h"
#include "conform/process.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASID 5u
#define DOMAINS 2

struct work {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct uiommu_domain *domain[DOMAINS];
	struct faults_taken taken[DOMAINS];
	struct subject_buffer buffer;
	bool pri;
	bool may_try_again; /* a domain is being replaced */
};

static const unsigned int ask = MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST;

static void begin(struct subject *s, struct work *w, bool pri)
{
	memset(w, 0, sizeof(*w));
	subject_boot(s, 0);
	w->device = subject_machine_device(s, "pri0");
	w->pri = machine_device_traits(w->device) & MACHINE_PAGE_REQUESTS;
	if (pri && !w->pri)
		conform_skip(s, "a stall is a group of its own, and has no markers");
	w->dev = subject_device(s, "pri0");
	w->group = subject_claim(s, "pri0");
	w->buffer = subject_buffer(s, 2 * s->page);
	for (unsigned int i = 0; i < DOMAINS; i++) {
		w->domain[i] = subject_domain(s, w->dev, UIOMMU_ALLOC_PASID);
		CHECK_OK(s,
			 uiommu_set_page_request_handler(w->domain[i], faults_take, &w->taken[i]));
	}
}

static void end(struct subject *s, struct work *w)
{
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	for (unsigned int i = 0; i < DOMAINS; i++)
		uiommu_domain_free(w->domain[i]);
	subject_buffer_free(s, &w->buffer);
	subject_release(s, w->group);
}

static int request(struct subject *s, struct work *w, uint32_t pasid, uint16_t group,
		   unsigned int page, bool last)
{
	const struct machine_page_request r = {
		.iova = s->iova + page * s->page,
		.pasid = pasid,
		.flags = pasid ? MACHINE_DMA_WITH_PASID : 0,
		.prot = UIOMMU_READ,
		.group = group,
		.last = last,
	};

	return machine_page_request(w->device, &r);
}

static void start(struct subject *s, struct work *w)
{
	CHECK_OK(s, machine_dma_start(w->device, false, s->iova, NULL, 8, PASID, ask));
}

/* How the DMA ended that was started: until then hardware and its driver go on. */
static enum machine_dma_status finish(struct subject *s, struct work *w)
{
	enum machine_dma_status status;
	unsigned int rounds = 0;
	uint64_t word;

	do {
		machine_settle(s->machine);
		status = machine_dma_finish(w->device, &word, sizeof(word));
	} while (status == MACHINE_DMA_WAITING && ++rounds < 200);
	return status;
}

/* The device got exactly this one response, perhaps after it was told to try again. */
static void got(struct subject *s, struct work *w, unsigned int code)
{
	struct machine_page_response response;

	do
		CHECK(s, machine_page_response(w->device, &response),
		      "no response with code %u came", code);
	while (w->may_try_again && response.code != code && !response.code);
	CHECK(s, response.code == code, "the code on the wire is %u and not %u", response.code,
	      code);
	CHECK(s, response.stall || (response.has_pasid && response.pasid == PASID),
	      "the response is for PASID %u and not %u", response.has_pasid ? response.pasid : 0,
	      PASID);
	CHECK(s, !machine_page_response(w->device, &response), "a second response came");
}

static void c131_codes(struct subject *s)
{
	struct work w;

	begin(s, &w, false);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, PASID, NULL));
	/* INVALID: the DMA ends, the next one may ask again. */
	w.taken[0].code = UIOMMU_PAGE_INVALID;
	start(s, &w);
	CHECK(s, finish(s, &w) == MACHINE_DMA_REFUSED, "INVALID lets a DMA go on");
	got(s, &w, 1);
	CHECK(s, w.taken[0].groups == 1, "handed over %u times", w.taken[0].groups);
	/* SUCCESS, with the page there. */
	w.taken[0].code = UIOMMU_PAGE_SUCCESS;
	w.taken[0].keep = true;
	start(s, &w);
	machine_settle(s->machine);
	CHECK(s, w.taken[0].groups == 2 && w.taken[0].group[1].open, "not handed over");
	CHECK(s,
	      w.taken[0].group[1].request[0].address == s->iova &&
		      w.taken[0].group[1].request[0].pasid == PASID &&
		      w.taken[0].group[1].request[0].prot & UIOMMU_READ &&
		      !(w.taken[0].group[1].request[0].prot & UIOMMU_WRITE),
	      "the request for 0x%llx is reported as one for 0x%llx, PASID %u",
	      (unsigned long long)s->iova,
	      (unsigned long long)w.taken[0].group[1].request[0].address,
	      w.taken[0].group[1].request[0].pasid);
	CHECK_OK(s, uiommu_map(w.domain[0], s->iova, w.buffer.phys, s->page, RW));
	uiommu_page_response(w.taken[0].group[1].open, UIOMMU_PAGE_SUCCESS);
	CHECK(s, finish(s, &w) == MACHINE_DMA_DONE, "SUCCESS does not let a DMA go on");
	got(s, &w, 0);
	CHECK(s, uiommu_unmap(w.domain[0], s->iova, s->page) == s->page, "unmap");
	/* FAILURE is 15 on PCIe; a stall knows only that it is ended. */
	w.taken[0].keep = false;
	w.taken[0].refuse = -UIOMMU_ENOMEM;
	start(s, &w);
	CHECK(s, finish(s, &w) == MACHINE_DMA_REFUSED, "FAILURE lets a DMA go on");
	got(s, &w, w.pri ? 15 : 1);
	uiommu_detach_device_pasid(w.domain[0], w.dev, PASID);
	end(s, &w);
}

static void c132_marker(struct subject *s)
{
	struct machine_page_response response;
	struct work w;

	begin(s, &w, true);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, PASID, NULL));
	CHECK_OK(s, request(s, &w, PASID, 3, 0, false));
	CHECK_OK(s, machine_stop_marker(w.device, PASID, MACHINE_DMA_WITH_PASID));
	machine_settle(s->machine);
	CHECK(s, !w.taken[0].groups, "a marker was handed over as a group");
	CHECK(s, !machine_page_response(w.device, &response), "a marker was answered");
	/* And it is no request of group 0, nor the end of any. */
	CHECK_OK(s, request(s, &w, PASID, 0, 1, true));
	CHECK_OK(s, request(s, &w, PASID, 3, 2, true));
	machine_settle(s->machine);
	CHECK(s,
	      w.taken[0].groups == 2 && w.taken[0].group[0].count == 1 &&
		      w.taken[0].group[1].count == 2,
	      "%u groups, of %u and %u requests", w.taken[0].groups, w.taken[0].group[0].count,
	      w.taken[0].group[1].count);
	uiommu_detach_device_pasid(w.domain[0], w.dev, PASID);
	end(s, &w);
}

static void c254_queue_of_hardware(struct subject *s)
{
	const uint32_t other = PASID + 1;
	unsigned int lasts = 0, answers = 0;
	struct machine_page_response response;
	struct work w;

	begin(s, &w, true);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, PASID, NULL));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, other, NULL));
	/* Two groups of one index in one go, requests of both in turn; often enough to come round. */
	for (unsigned int round = 0; round < 100; round++) {
		const uint16_t index = (uint16_t)(round % 256);
		const unsigned int at = round % FAULTS_GROUPS;

		for (unsigned int page = 0; page < 3; page++) {
			CHECK_OK(s, request(s, &w, PASID, index, page, page == 2));
			CHECK_OK(s, request(s, &w, other, index, page + 4, page == 2));
		}
		lasts += 2;
		machine_settle(s->machine);
		for (unsigned int i = 0; i < DOMAINS; i++) {
			const struct faults_group *g = &w.taken[i].group[at];

			CHECK(s, w.taken[i].groups == round + 1, "round %u: %u groups of PASID %u",
			      round, w.taken[i].groups, i ? other : PASID);
			CHECK(s, g->count == 3, "round %u: %u requests in a group", round,
			      g->count);
			for (unsigned int page = 0; page < 3; page++)
				CHECK(s,
				      g->request[page].address ==
						      s->iova + (page + 4 * i) * s->page &&
					      g->request[page].group == index,
				      "round %u: request %u is for 0x%llx", round, page,
				      (unsigned long long)g->request[page].address);
		}
		for (unsigned int i = 0; i < 2; i++) {
			CHECK(s, machine_page_response(w.device, &response), "no response came");
			CHECK(s, response.group == index && response.code == 0,
			      "round %u: group %u, code %u", round, response.group, response.code);
			answers++;
		}
	}
	CHECK(s, !machine_page_response(w.device, &response), "a response too many");
	CHECK(s, lasts == answers, "%u groups, %u answers", lasts, answers);
	uiommu_detach_device_pasid(w.domain[0], w.dev, PASID);
	uiommu_detach_device_pasid(w.domain[1], w.dev, other);
	end(s, &w);
}

static void c255_all_at_once(struct subject *s)
{
	static const char *const labels[] = { "pri0", "pripair0", "pri1" };
	enum { DEVICES = sizeof(labels) / sizeof(labels[0]) };
	struct machine_device *device[DEVICES];
	struct machine_page_response response;
	unsigned int sent[DEVICES] = { 0 }, all, answers;
	struct work w;

	begin(s, &w, true);
	w.taken[0].code = UIOMMU_PAGE_INVALID;
	for (unsigned int i = 0; i < DEVICES; i++) {
		device[i] = subject_machine_device(s, labels[i]);
		CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], subject_device(s, labels[i]),
						       PASID, NULL));
	}
	/* Twice: what is outstanding is so until it is answered, and no longer. */
	for (unsigned int round = 0; round < 2; round++) {
		w.taken[0].groups = 0;
		all = 0;
		for (unsigned int i = 0; i < DEVICES; i++) {
			struct machine_page_request r = { .iova = s->iova,
							  .pasid = PASID,
							  .flags = MACHINE_DMA_WITH_PASID,
							  .prot = UIOMMU_READ,
							  .last = true };

			for (sent[i] = 0; r.group < 256; r.group++, sent[i]++)
				if (machine_page_request(device[i], &r))
					break;
			CHECK(s, sent[i] > 0 && sent[i] < 256,
			      "%s may have %u requests outstanding", labels[i], sent[i]);
			all += sent[i];
		}
		machine_settle(s->machine);
		CHECK(s, w.taken[0].groups == all, "of %u groups %u were handed over", all,
		      w.taken[0].groups);
		for (unsigned int i = 0; i < DEVICES; i++) {
			for (answers = 0; machine_page_response(device[i], &response); answers++)
				CHECK(s, response.code == 1, "%s: code %u", labels[i],
				      response.code);
			CHECK(s, answers == sent[i], "%s: %u responses to %u requests", labels[i],
			      answers, sent[i]);
		}
	}
	for (unsigned int i = 0; i < DEVICES; i++)
		uiommu_detach_device_pasid(w.domain[0], subject_device(s, labels[i]), PASID);
	end(s, &w);
}

/* Replace and detach with requests in every state, of a PASID that is the device's only one or not. */
static void drained(struct subject *s, struct work *w)
{
	struct uiommu_attach_handle handle[2];

	memset(handle, 0, sizeof(handle));
	memset(w->taken, 0, sizeof(w->taken));
	w->taken[0].keep = true;
	w->taken[1].code = UIOMMU_PAGE_INVALID;
	w->may_try_again = true;
	CHECK_OK(s, uiommu_attach_device_pasid(w->domain[0], w->dev, PASID, &handle[0]));
	/* Replaced while hardware has a request that nobody has looked at: it is the old domain's, or asked anew. */
	start(s, w);
	CHECK_OK(s, uiommu_replace_device_pasid(w->domain[1], w->dev, PASID, &handle[1]));
	machine_settle(s->machine);
	CHECK(s, finish(s, w) == MACHINE_DMA_REFUSED, "a DMA for nothing was not refused");
	got(s, w, 1);
	CHECK(s, w->taken[0].groups + w->taken[1].groups <= 1,
	      "one request was handed over %u times", w->taken[0].groups + w->taken[1].groups);
	if (w->taken[0].groups)
		uiommu_page_response(w->taken[0].group[0].open, UIOMMU_PAGE_SUCCESS);
	w->may_try_again = false;
	w->taken[1].keep = true;
	/* Detached in the same state, and then reported and unanswered. */
	for (unsigned int looked = 0; looked < 2; looked++) {
		const unsigned int before = w->taken[1].groups;

		if (looked)
			CHECK_OK(s, uiommu_attach_device_pasid(w->domain[1], w->dev, PASID, NULL));
		start(s, w);
		if (looked) {
			machine_settle(s->machine);
			CHECK(s, w->taken[1].groups == before + 1, "not handed over");
		}
		uiommu_detach_device_pasid(w->domain[1], w->dev, PASID);
		CHECK(s, finish(s, w) == MACHINE_DMA_REFUSED,
		      "a device waits for ever for a domain that was detached, its request %s",
		      looked ? "reported" : "in hardware's queue");
		got(s, w, 1);
		for (unsigned int i = before; i < w->taken[1].groups; i++)
			uiommu_page_response(w->taken[1].group[i].open, UIOMMU_PAGE_SUCCESS);
		machine_settle(s->machine);
	}
	/* Whoever is next there is not asked for anything of this, as soon as it may come. */
	w->taken[0].groups = 0;
	w->taken[0].keep = false;
	w->taken[0].code = UIOMMU_PAGE_INVALID;
	CHECK_OK(s, uiommu_attach_device_pasid(w->domain[1], w->dev, PASID, NULL));
	start(s, w);
	uiommu_detach_device_pasid(w->domain[1], w->dev, PASID);
	CHECK_OK(s, uiommu_attach_device_pasid(w->domain[0], w->dev, PASID, NULL));
	CHECK(s, finish(s, w) == MACHINE_DMA_REFUSED, "a request from before was granted");
	CHECK(s, !w->taken[0].groups, "a request from before was handed to the next domain");
	uiommu_detach_device_pasid(w->domain[0], w->dev, PASID);
	got(s, w, 1);
}

static void c256_drained(struct subject *s)
{
	struct faults_taken unused = { 0 };
	struct uiommu_domain *spare;
	struct work w;

	begin(s, &w, false);
	CHECK_OK(s, uiommu_map(w.domain[1], s->iova + s->page, w.buffer.phys, s->page, RW));
	/* The device stops asking when the PASID is left ... */
	drained(s, &w);
	/* ... and goes on where another one has a handler. */
	spare = subject_domain(s, w.dev, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_set_page_request_handler(spare, faults_take, &unused));
	CHECK_OK(s, uiommu_attach_device_pasid(spare, w.dev, PASID + 1, NULL));
	drained(s, &w);
	CHECK(s, !unused.groups, "a request was handed to another PASID's domain");
	uiommu_detach_device_pasid(spare, w.dev, PASID + 1);
	uiommu_domain_free(spare);
	end(s, &w);
}

static void c257_nobody_on_hardware(struct subject *s)
{
	struct machine_page_response response;
	struct uiommu_domain *plain;
	unsigned int answers = 0;
	struct work w;

	begin(s, &w, true);
	/* Page requests are on, for the one; the other PASID has a domain that nobody answers for, the third none. */
	plain = subject_domain(s, w.dev, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, PASID, NULL));
	CHECK_OK(s, uiommu_attach_device_pasid(plain, w.dev, PASID + 1, NULL));
	for (uint32_t pasid = PASID + 1; pasid <= PASID + 2; pasid++) {
		for (unsigned int page = 0; page < 4; page++)
			CHECK_OK(s, request(s, &w, pasid, 9, page, page == 3));
		machine_settle(s->machine);
		for (answers = 0; machine_page_response(w.device, &response); answers++)
			CHECK(s, response.code == 1 && response.group == 9, "code %u, group %u",
			      response.code, response.group);
		CHECK(s, answers == 1, "PASID %u: %u responses to one group", pasid, answers);
	}
	CHECK(s, !w.taken[0].groups, "somebody else's handler was asked");
	uiommu_detach_device_pasid(plain, w.dev, PASID + 1);
	uiommu_detach_device_pasid(w.domain[0], w.dev, PASID);
	uiommu_domain_free(plain);
	end(s, &w);
}

static void c258_enabled(struct subject *s)
{
	struct machine_page_response response;
	struct work w;

	begin(s, &w, true);
	CHECK(s, request(s, &w, PASID, 1, 0, true) == -UIOMMU_EINVAL,
	      "a device may ask before anybody answers");
	for (unsigned int round = 0; round < 2; round++) {
		CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, PASID, NULL));
		CHECK_OK(s, request(s, &w, PASID, 1, 0, true));
		machine_settle(s->machine);
		CHECK(s, machine_page_response(w.device, &response) && response.code == 0,
		      "a request was not answered");
		uiommu_detach_device_pasid(w.domain[0], w.dev, PASID);
		CHECK(s, request(s, &w, PASID, 1, 0, true) == -UIOMMU_EINVAL,
		      "a device may ask after nobody answers any more");
	}
	end(s, &w);
}

#define ASKS (CONFORM_HARDWARE | CONFORM_ASKS)
#define NEEDS MACHINE_PASID_DMA

const struct conform_scenario conform_faults_device[] = {
	{ "C131", "Each answer has the code on the wire that its hardware has for it",
	  "PCIe 6.0, 10.4.2.1; VT-d 7.7; SMMUv3 4.7; Linux sends 2 for 15", AREA_FAULTS, ASKS,
	  NEEDS, c131_codes },
	{ "C132", "A stop marker is no request: nobody is asked, nobody answers",
	  "PCIe 6.0, 10.4.1.2.1", AREA_FAULTS, ASKS, NEEDS, c132_marker },
	{ "C254", "Groups come whole through hardware's queue, however often that comes round",
	  "PCIe 6.0, 10.4.1; VT-d 7.4; SMMUv3 7.4", AREA_FAULTS, ASKS, NEEDS,
	  c254_queue_of_hardware },
	{ "C255", "What all devices may ask for at once has room in hardware's queue",
	  "PCIe 6.0, 10.5.2.4: outstanding page request allocation; VT-d 7.4.1; SMMUv3 8.2",
	  AREA_FAULTS, ASKS, NEEDS, c255_all_at_once },
	{ "C256", "Replaced or detached, a PASID has nothing left in hardware's queue",
	  "VT-d 7.10; SMMUv3 4.6; Linux iopf_queue_flush_dev", AREA_FAULTS, ASKS, NEEDS,
	  c256_drained },
	{ "C257", "A group that nobody answers for gets one INVALID from the driver",
	  "PCIe 6.0, 10.4.2; Linux answers each request", AREA_FAULTS, ASKS, NEEDS,
	  c257_nobody_on_hardware },
	{ "C258", "A device may ask while somebody answers, and neither before nor after",
	  "PCIe 6.0, 10.5.2.2: PRI enable", AREA_FAULTS, ASKS, NEEDS, c258_enabled },
	{ 0 },
};
