/* SPDX-License-Identifier: MIT */
/* groups.c - which devices belong together, and what is left of a group when they have gone */
#include <stdlib.h>
#include <string.h>

#include "conform/script.h"
#include "conform/soft.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define MAX_DEVICES 64

/* ---- the partition ----------------------------------------------------------------------------- */

static void shuffle(struct subject *s, unsigned int *order, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		order[i] = i;
	for (unsigned int i = count; i > 1; i--) {
		unsigned int with = (unsigned int)(subject_random(s) % i);
		unsigned int other = order[i - 1];

		order[i - 1] = order[with];
		order[with] = other;
	}
}

/* partition[i]: the lowest device that shares a group with i; MAX_DEVICES: i has no group. */
static void find_partition(struct subject *s, unsigned int count, unsigned int *partition)
{
	struct uiommu_group *group[MAX_DEVICES];

	for (unsigned int i = 0; i < count; i++) {
		group[i] =
			uiommu_group_get(machine_device_uiommu(machine_device_at(s->machine, i)));
		partition[i] = MAX_DEVICES;
		for (unsigned int j = 0; group[i] && j <= i && partition[i] == MAX_DEVICES; j++)
			if (group[j] == group[i])
				partition[i] = j;
	}
	for (unsigned int i = 0; i < count; i++)
		uiommu_group_put(group[i]);
}

static unsigned int at_label(struct subject *s, unsigned int count, const char *label)
{
	for (unsigned int i = 0; i < count; i++)
		if (machine_device_at(s->machine, i) == machine_device(s->machine, label))
			return i;
	return MAX_DEVICES;
}

static void order_does_not_matter(struct subject *s)
{
	unsigned int order[MAX_DEVICES], first[MAX_DEVICES], now[MAX_DEVICES], count;
	static const char *const together[][2] = { { "trio0", "trio1" },
						   { "trio0", "trio2" },
						   { "bridged0", "bridged1" } };
	static const char *const alone[] = { "solo0", "solo1", "solo2" };

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	count = machine_num_devices(s->machine);
	CHECK(s, count > 1 && count <= MAX_DEVICES, "this machine has %u devices", count);
	for (unsigned int round = 0; round < 8; round++) {
		shuffle(s, order, count);
		for (unsigned int i = 0; i < count; i++)
			CHECK_OK(s, machine_add_device(s->machine,
						       machine_device_at(s->machine, order[i])));
		find_partition(s, count, now);
		if (round == 0)
			memcpy(first, now, sizeof(first));
		for (unsigned int i = 0; i < count; i++)
			CHECK(s, now[i] == first[i],
			      "round %u: %s is in another group than when the devices came in "
			      "another order",
			      round, machine_device_label(machine_device_at(s->machine, i)));
		shuffle(s, order, count);
		for (unsigned int i = 0; round < 7 && i < count; i++)
			machine_remove_device(s->machine, machine_device_at(s->machine, order[i]));
	}
	for (size_t i = 0; i < sizeof(together) / sizeof(together[0]); i++) {
		unsigned int a = at_label(s, count, together[i][0]);
		unsigned int b = at_label(s, count, together[i][1]);

		if (a < MAX_DEVICES && b < MAX_DEVICES)
			CHECK(s, first[a] < MAX_DEVICES && first[a] == first[b],
			      "%s and %s cannot be told apart and have different groups",
			      together[i][0], together[i][1]);
	}
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		unsigned int a = at_label(s, count, alone[i]);

		for (unsigned int j = 0; a < MAX_DEVICES && j < count; j++)
			CHECK(s, j == a || first[j] != first[a], "%s shares its group with %s",
			      alone[i], machine_device_label(machine_device_at(s->machine, j)));
	}
}

/* ---- members on two buses ---------------------------------------------------------------------- */

struct first_alloc {
	struct uiommu_device *dev;
	unsigned int count;
};

static void remember_alloc(struct wrap_call *call, void *context)
{
	struct first_alloc *first = context;

	if (!first->count++)
		first->dev = call->dev;
	wrap_call(call);
}

static void members_on_two_buses(struct subject *s)
{
	static const char *const label[2] = { "trio0", "trio1" };
	struct script script = { .device = { { .label = "trio1", .bus = "platform" } } };
	struct machine_device *device[2];
	struct first_alloc first = { 0 };
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_group *group;
	struct uiommu_device *dev;

	script_boot(s, &script, false);
	dev = script_add(&script, label[0]);
	script_add(&script, label[1]);
	wrap_set(s->wrap, WRAP_ALLOC_PAGING, remember_alloc, &first);
	script_start_units(s);
	group = subject_group(s, label[0]);
	CHECK(s, uiommu_group_num_devices(group) == 2, "the group has %u members and not two",
	      uiommu_group_num_devices(group));
	CHECK(s, first.count && first.dev == dev,
	      "the default domain was not made for the first member");
	buffer = subject_buffer(s, s->page);
	for (int i = 0; i < 2; i++) {
		device[i] = subject_machine_device(s, label[i]);
		script_default_dma(s, label[i]);
	}

	CHECK_OK(s, uiommu_group_claim_dma_owner(group, s));
	for (int i = 0; i < 2; i++)
		subject_dma_blocked(s, device[i], buffer.phys, buffer.phys, NULL);
	domain = subject_domain(s, dev, 0);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	CHECK_RC(s, uiommu_attach_device(domain, dev), -UIOMMU_EINVAL);
	CHECK_OK(s, uiommu_attach_group(domain, group));
	for (int i = 0; i < 2; i++)
		subject_dma_reaches(s, device[i], s->iova, buffer.phys, RW, NULL);
	CHECK(s, uiommu_unmap(domain, s->iova, s->page) == s->page,
	      "unmap gave back less than a page");
	for (int i = 0; i < 2; i++)
		subject_dma_blocked(s, device[i], s->iova, buffer.phys, NULL);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	uiommu_detach_group(domain, group);
	for (int i = 0; i < 2; i++)
		subject_dma_blocked(s, device[i], s->iova, buffer.phys, NULL);
	uiommu_group_release_dma_owner(group);
	for (int i = 0; i < 2; i++)
		script_default_dma(s, label[i]);
	uiommu_domain_free(domain);
	uiommu_group_put(group);
	subject_buffer_free(s, &buffer);
	script_end(&script);
}

/* ---- lifetime ---------------------------------------------------------------------------------- */

static int count_visit(struct uiommu_device *dev, void *context)
{
	(void)dev;
	++*(unsigned int *)context;
	return 0;
}

static void empty_group(struct subject *s)
{
	struct uiommu_attach_handle handle = { 0 }, *got;
	struct script script = { 0 };
	struct uiommu_group *group, *again;
	struct uiommu_domain *domain;
	unsigned int visited = 0, id;
	size_t count = 1;

	script_boot(s, &script, true);
	/* The first one keeps the instance busy, so that the domain has a living owner. */
	script_add(&script, "solo1");
	domain = subject_domain(s, script_add(&script, "solo0"), 0);
	group = subject_group(s, "solo0");
	id = uiommu_group_id(group);
	script_remove(&script, "solo0");

	CHECK(s, uiommu_group_num_devices(group) == 0, "the group still has members");
	CHECK(s, uiommu_group_for_each_device(group, count_visit, &visited) == 0 && !visited,
	      "members were visited that have gone");
	CHECK(s,
	      uiommu_group_domain(group) == NULL &&
		      uiommu_group_default_type(group) == UIOMMU_DOMAIN_BLOCKED,
	      "an empty group has a domain");
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_ENODEV);
	CHECK(s, !uiommu_group_dma_owner_claimed(group), "an empty group has an owner");
	CHECK_RC(s, uiommu_attach_group(domain, group), -UIOMMU_ENODEV);
	CHECK_RC(s, uiommu_attach_group_handle(domain, group, &handle), -UIOMMU_ENODEV);
	CHECK_RC(s, uiommu_replace_group_handle(group, domain, &handle), -UIOMMU_ENODEV);
	CHECK_RC(s, uiommu_attach_handle_get(group, UIOMMU_RID, UIOMMU_DOMAIN_AUTO, &got),
		 -UIOMMU_ENOENT);
	CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA), -UIOMMU_EPERM);
	CHECK_RC(s, uiommu_group_resv_regions(group, NULL, 0, &count), -UIOMMU_ENODEV);
	CHECK(s, count == 0, "an empty group has %zu reserved regions", count);

	/* The device comes back into a new group; the old one is still somebody's. */
	script_add(&script, "solo0");
	again = subject_group(s, "solo0");
	CHECK(s, again != group && uiommu_group_id(again) != id,
	      "a new group has the object or the number of one that is still referenced");
	CHECK(s, uiommu_group_id(group) == id, "a group changed its number");
	uiommu_group_put(group);
	script_default_dma(s, "solo0");
	CHECK_OK(s, uiommu_group_claim_dma_owner(again, s));
	CHECK_OK(s, uiommu_attach_group(domain, again));
	uiommu_detach_group(domain, again);
	uiommu_domain_free(domain);
	subject_release(s, again);
	script_end(&script);
}

static void numbers_are_used_again(struct subject *s)
{
	unsigned int id[SOFT_DEVICES], seen = 0;
	struct uiommu_group *group[SOFT_DEVICES];
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	for (unsigned int i = 0; i < SOFT_DEVICES; i++) {
		CHECK_OK(s, soft_add(soft, i));
		group[i] = uiommu_group_get(soft->device[i].dev);
		CHECK(s, group[i], "a device has no group");
		id[i] = uiommu_group_id(group[i]);
		CHECK(s, id[i] < SOFT_DEVICES && !(seen & 1u << id[i]),
		      "the number %u of a group is too large or used twice", id[i]);
		seen |= 1u << id[i];
		uiommu_group_put(group[i]);
	}
	CHECK(s, seen == (1u << SOFT_DEVICES) - 1, "the numbers leave holes");

	/* Two go; whoever comes next has their numbers and no other's. */
	seen = 1u << id[1] | 1u << id[4];
	soft_remove(soft, 1);
	soft_remove(soft, 4);
	for (unsigned int i = 1; i < 5; i += 3) {
		CHECK_OK(s, soft_add(soft, i));
		group[i] = uiommu_group_get(soft->device[i].dev);
		CHECK(s, group[i], "a device has no group");
		id[i] = uiommu_group_id(group[i]);
		CHECK(s, id[i] < 32 && (seen & 1u << id[i]),
		      "group %u is new, and %x were free (bits)", id[i], seen);
		seen &= ~(1u << id[i]);
		uiommu_group_put(group[i]);
	}
	soft_destroy(soft);
}

static void lost_while_owned(struct subject *s)
{
	struct script script = { 0 };
	struct machine_device *device;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_group *group;

	subject_expect_warnings(s, 1);
	script_boot(s, &script, true);
	device = subject_machine_device(s, "solo0");
	script_add(&script, "solo1");
	script_add(&script, "solo0");
	group = subject_claim(s, "solo0");
	domain = subject_domain(s, subject_device(s, "solo0"), 0);
	buffer = subject_buffer(s, s->page);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_attach_group(domain, group));
	subject_dma_reaches(s, device, s->iova, buffer.phys, RW, NULL);
	script_remove(&script, "solo0");
	CHECK(s, machine_num_warnings(s->machine) > 0,
	      "a group lost its last device while it was owned, and nobody was told");
	CHECK(s, !uiommu_group_dma_owner_claimed(group) && !uiommu_group_domain(group),
	      "an empty group has an owner or a domain");
	CHECK(s, !subject_dma_sees(s, device, s->iova, buffer.phys, NULL),
	      "a device that has left still reaches what it was attached to");
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	uiommu_group_put(group);

	/* It is a device like any other when it comes back, and the domain is still its user's. */
	script_add(&script, "solo0");
	script_default_dma(s, "solo0");
	group = subject_claim(s, "solo0");
	subject_dma_blocked(s, device, s->iova, buffer.phys, NULL);
	CHECK_OK(s, uiommu_attach_group(domain, group));
	subject_dma_reaches(s, device, s->iova, buffer.phys, RW, NULL);
	uiommu_detach_group(domain, group);
	uiommu_domain_free(domain);
	subject_release(s, group);
	subject_buffer_free(s, &buffer);
	script_end(&script);
}

static bool has_region(const struct uiommu_resv_region *region, uint64_t start, uint64_t last,
		       enum uiommu_resv_type type)
{
	return region->start == start && region->last == last && region->type == type;
}

static void regions_of_all_members(struct subject *s)
{
	static const struct uiommu_resv_region first[] = {
		{ 0x9000, 0x9fff, 0, UIOMMU_RESV_RESERVED },
		{ 0x1000, 0x2fff, UIOMMU_READ, UIOMMU_RESV_DIRECT_RELAXABLE },
		{ 0xfffffffffffff000, 0xffffffffffffffff, 0, UIOMMU_RESV_RESERVED },
	};
	static const struct uiommu_resv_region second[] = {
		{ 0x2000, 0x4fff, UIOMMU_WRITE, UIOMMU_RESV_DIRECT_RELAXABLE },
		{ 0x2000, 0x5fff, 0, UIOMMU_RESV_MSI },
		{ 0x9fff, 0xa7ff, 0, UIOMMU_RESV_RESERVED },
		{ 0x8000, 0x8fff, 0, UIOMMU_RESV_RESERVED },
	};
	struct uiommu_resv_region got[8];
	struct uiommu_group *group;
	size_t count = 99, all;
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	memcpy(soft->device[0].resv, first, sizeof(first));
	memcpy(soft->device[1].resv, second, sizeof(second));
	soft->device[0].num_resv = sizeof(first) / sizeof(first[0]);
	soft->device[1].num_resv = sizeof(second) / sizeof(second[0]);
	for (unsigned int i = 0; i < 3; i++) {
		soft->device[i].group = 1;
		CHECK_OK(s, soft_add(soft, i));
	}
	group = uiommu_group_get(soft->device[0].dev);
	CHECK(s, group && uiommu_group_num_devices(group) == 3, "the group has not three members");
	CHECK_OK(s, uiommu_group_resv_regions(group, NULL, 0, &all));
	memset(got, 0xff, sizeof(got));
	CHECK_OK(s, uiommu_group_resv_regions(group, got, 8, &count));
	CHECK(s, count == all && count >= 4 && count <= 5,
	      "%zu regions, %zu when there was no room for them", count, all);
	CHECK(s,
	      has_region(&got[0], 0x1000, 0x4fff, UIOMMU_RESV_DIRECT_RELAXABLE) &&
		      (got[0].prot & RW) == RW,
	      "regions of one type that overlap were not merged");
	CHECK(s, has_region(&got[1], 0x2000, 0x5fff, UIOMMU_RESV_MSI),
	      "a region was merged with one of another type");
	/* Those that only touch may be one or two. */
	if (count == 5)
		CHECK(s,
		      has_region(&got[2], 0x8000, 0x8fff, UIOMMU_RESV_RESERVED) &&
			      has_region(&got[3], 0x9000, 0xa7ff, UIOMMU_RESV_RESERVED),
		      "regions that overlap by one byte were not merged, or the order is wrong");
	else
		CHECK(s, has_region(&got[2], 0x8000, 0xa7ff, UIOMMU_RESV_RESERVED),
		      "regions of one type were merged to something else");
	for (size_t i = 1; i < count; i++)
		CHECK(s, got[i - 1].start <= got[i].start, "the regions are not sorted");

	/* A list that is too small gets the first ones, and nothing behind its end. */
	memset(got, 0xff, sizeof(got));
	CHECK_OK(s, uiommu_group_resv_regions(group, got, 2, &count));
	CHECK(s, count == all, "with room for two there are %zu regions, not %zu", count, all);
	CHECK(s,
	      has_region(&got[1], 0x2000, 0x5fff, UIOMMU_RESV_MSI) && got[2].start == UINT64_MAX &&
		      got[2].last == UINT64_MAX,
	      "a list of two was not filled, or written behind its end");

	/* They go with their device. */
	soft_remove(soft, 1);
	CHECK_OK(s, uiommu_group_resv_regions(group, got, 8, &count));
	CHECK(s,
	      count == 3 && has_region(&got[0], 0x1000, 0x2fff, UIOMMU_RESV_DIRECT_RELAXABLE) &&
		      has_region(&got[2], 0xfffffffffffff000, UINT64_MAX, UIOMMU_RESV_RESERVED),
	      "the regions are not those of the members that are left");
	uiommu_group_put(group);
	soft_destroy(soft);
}

static void system_goes_with_everything(struct subject *s)
{
	struct uiommu_system_config config = { 0 };
	struct uiommu_posix_usage before, after;
	struct uiommu_system *sys;
	struct uiommu_group *group;
	struct soft *soft;
	void *host;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	host = machine_host(s->machine);
	config.host = host;
	uiommu_posix_usage(host, &before);
	for (unsigned int held = 0; held < 2; held++) {
		CHECK_OK(s, uiommu_system_create(&config, &sys));
		soft = soft_create(s, sys);
		CHECK_OK(s, soft_start(soft, 0));
		CHECK_OK(s, soft_start(soft, 1));
		soft->device[1].instance = 1;
		soft->device[2].no_iommu = true;
		for (unsigned int i = 0; i < 3; i++)
			CHECK_OK(s, soft_add(soft, i));
		CHECK_OK(s, uiommu_device_bind_driver(soft->device[0].dev, 0));
		group = held ? uiommu_group_get(soft->device[1].dev) : NULL;
		CHECK(s, machine_num_warnings(s->machine) == 0, "a warning too early");
		if (held)
			subject_expect_warnings(s, 1);
		uiommu_system_destroy(sys);
		for (unsigned int i = 0; i < 2; i++)
			CHECK(s, soft->device[i].releases == 1, "released %u times",
			      soft->device[i].releases);
		CHECK(s, soft->device[2].releases == 0 && soft->domains == 0,
		      "a device behind no IOMMU was released, or a domain lives on");
		CHECK(s, !soft->instance[0].instance.sys && !soft->instance[1].instance.sys,
		      "an instance is still registered");
		if (held) {
			CHECK(s, machine_num_warnings(s->machine) == 1,
			      "a group that is still referenced was not reported");
			CHECK(s, uiommu_group_num_devices(group) == 0, "it still has members");
			CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_ENODEV);
			uiommu_group_put(group);
		}
		/* The instances are their driver's to free, after the system. */
		uiommu_port_free(host, soft, sizeof(*soft));
		uiommu_posix_usage(host, &after);
		CHECK(s, !memcmp(&before, &after, sizeof(before)),
		      "the system left %llu objects, %llu mutexes",
		      (unsigned long long)(after.objects - before.objects),
		      (unsigned long long)(after.mutexes - before.mutexes));
	}
}

#define CORE "Linux iommu core: "

const struct conform_scenario conform_groups[] = {
	{ "C045",
	  "Which devices share a group depends on the topology, not on the order in which they come",
	  "PCIe 6.0, 6.12 (ACS); " CORE "pci_device_group", AREA_GROUPS, 0, 0,
	  order_does_not_matter },
	{ "C046",
	  "Claim, attach, unmap and detach reach all members of a group, whatever bus they are on",
	  "seed discussion of 2022-06 (groups may span buses)", AREA_GROUPS, CONFORM_HARDWARE, 0,
	  members_on_two_buses },
	{ "C050",
	  "A group that lost its last device stays an object: every call on it fails cleanly",
	  "seed discussion of 2022-06 (lifetime of the group); the contract of uiommu_group_get",
	  AREA_GROUPS, CONFORM_HARDWARE, 0, empty_group },
	{ "C211", "Group numbers are small, unique among living groups, and used again",
	  "the contract of uiommu_group_id; Linux: an IDA", AREA_GROUPS, 0, 0,
	  numbers_are_used_again },
	{ "C212",
	  "An owned group that loses its last device is reported; device and domain are free again",
	  CORE "iommu_group_remove_device, __iommu_group_remove_device", AREA_GROUPS,
	  CONFORM_HARDWARE, 0, lost_while_owned },
	{ "C214",
	  "The reserved regions of a group are those of all members, sorted, merged by type, counted in full",
	  CORE "iommu_get_group_resv_regions, iommu_insert_resv_region", AREA_GROUPS, 0, 0,
	  regions_of_all_members },
	{ "C215",
	  "A system is destroyed with the devices and instances that are in it; a held group outlives it",
	  "the contract of uiommu_system_destroy", AREA_GROUPS, 0, 0, system_goes_with_everything },
	{ 0 },
};
