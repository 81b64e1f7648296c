/* SPDX-License-Identifier: MIT */
/*
 * sysfs_type.c - the file "type" of an IOMMU group: its default domain, as an administrator changes it
 *
 * What the types mean for a device is looked at by its DMA: a driver's, through the group's default domain.
 */
#include <stdio.h>
#include <string.h>

#include "conform/abi.h"
#include "conform/interleave.h"
#include "conform/script.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

static void path_of(const struct abi_device *d, char *path, size_t size)
{
	snprintf(path, size, "/sys/bus/pci/devices/%s/iommu_group/type",
		 uiommu_device_name(d->dev));
}

/* The caller is the current process. */
static int write_type(struct abi_device *d, const char *type)
{
	const size_t size = strlen(type);
	char path[128];
	long rc;

	path_of(d, path, sizeof(path));
	rc = uiommu_uapi_sysfs_write(d->abi->process, path, type, size, 0);
	return rc == (long)size ? 0 : (int)rc;
}

static int read_type(struct abi_device *d, char *type, size_t size)
{
	char path[128];
	long rc;

	memset(type, 0, size);
	path_of(d, path, sizeof(path));
	rc = uiommu_uapi_sysfs_read(d->abi->process, path, type, size - 1, 0);
	return rc < 0 ? (int)rc : 0;
}

/* What the file says, and what the device's DMA is. */
static void is_type(struct abi_device *d, const char *expected)
{
	char line[32], want[32];

	snprintf(want, sizeof(want), "%s\n", expected);
	CHECK_OK(d->abi->s, read_type(d, line, sizeof(line)));
	CHECK(d->abi->s, !strcmp(line, want), "type says %.*s and not %s", (int)strcspn(line, "\n"),
	      line, expected);
	script_default_dma(d->abi->s, d->label);
}

/* Refused, and nothing has changed. */
static void refused(struct abi_device *d, const char *type, int error, const char *now)
{
	int rc;

	do
		rc = write_type(d, type);
	while (rc == -UIOMMU_ENOMEM && d->abi->s->fail_at);
	CHECK(d->abi->s, rc == error, "writing \"%s\": %s expected, got %s (%d)", type,
	      uiommu_strerror(error), rc ? uiommu_strerror(rc) : "success", rc);
	is_type(d, now);
}

/* ---- C058 -------------------------------------------------------------------------------------- */

static const char *const garbage[] = { "\n",	       "dma",	      "DMA-F",	   "DMA-FQ2",
				       "identity DMA", "passthrough", "unmanaged", "blocked",
				       "unknown",      " DMA" };
#define GARBAGES (sizeof(garbage) / sizeof(garbage[0]))

static void without_rights(struct abi *a, struct abi_device *d, const char *now)
{
	static const unsigned int too_few[] = {
		0,
		UIOMMU_UAPI_CAP_ALL & ~(unsigned int)UIOMMU_UAPI_CAP_SYS_ADMIN,
		UIOMMU_UAPI_CAP_ALL & ~(unsigned int)UIOMMU_UAPI_CAP_SYS_RAWIO,
	};

	for (size_t i = 0; i < sizeof(too_few) / sizeof(too_few[0]); i++) {
		struct uiommu_uapi_process *process = abi_process(a, too_few[i], UINT64_MAX, 0);
		struct uiommu_uapi_process *was = abi_become(a, process);

		refused(d, "identity", -ABI_EACCES, now);
		refused(d, "nonsense", -ABI_EACCES, now);
		abi_become(a, was);
		abi_exit(a, process);
	}
}

static void c058_type(struct subject *s)
{
	struct abi_device *d, *member;
	struct abi *a;
	int iommufd;
	bool identity;

	subject_boot(s, 0);
	identity = script_has_identity(s, subject_device(s, "solo0"));
	a = abi_start(s, NULL);
	d = abi_device(a, "solo0");
	is_type(d, "DMA");
	without_rights(a, d, "DMA");
	for (size_t i = 0; i < GARBAGES; i++)
		refused(d, garbage[i], -UIOMMU_EINVAL, "DMA");

	/* With a driver bound nothing but a flush queue can be had; nonsense still is that. */
	CHECK_OK(s, abi_bind_driver(d, "machine-dma"));
	refused(d, "identity", -UIOMMU_EPERM, "DMA");
	refused(d, "DMA", -UIOMMU_EPERM, "DMA");
	refused(d, "auto", -UIOMMU_EPERM, "DMA");
	refused(d, "nonsense", -UIOMMU_EINVAL, "DMA");
	refused(d, "blocked", -UIOMMU_EINVAL, "DMA");
	CHECK_OK(s, abi_unbind_driver(d));

	/* Without: as it is written, with the newline of an echo or without. */
	if (identity) {
		CHECK_OK(s, write_type(d, "identity\n"));
		is_type(d, "identity");
		CHECK_OK(s, write_type(d, "identity"));
		is_type(d, "identity");
	}
	CHECK_OK(s, write_type(d, "DMA"));
	is_type(d, "DMA");
	if (identity)
		CHECK_OK(s, write_type(d, "identity"));
	CHECK_OK(s, write_type(d, "auto\n"));
	is_type(d, "DMA");

	/* With an owner: whoever has bound it to an iommufd. */
	iommufd = abi_iommufd(a);
	if (!abi_bind_driver(d, "vfio-pci")) {
		uint32_t devid;
		int cdev;
		char line[32];

		CHECK_FD(s, abi_open_cdev(d), &cdev);
		CHECK_OK(s, abi_bind_iommufd(a, cdev, iommufd, &devid));
		CHECK_RC(s, write_type(d, "identity"), -UIOMMU_EPERM);
		CHECK_RC(s, write_type(d, "DMA-FQ"), -UIOMMU_EPERM);
		CHECK_OK(s, read_type(d, line, sizeof(line)));
		CHECK(s, !strcmp(line, "DMA\n"), "type says %s", line);
		CHECK_OK(s, abi_close(a, cdev));
		CHECK_OK(s, abi_unbind_driver(d));
	}

	/* One member with a driver is enough. */
	d = abi_device(a, "trio0");
	member = abi_device(a, "trio1");
	CHECK_OK(s, abi_bind_driver(member, "machine-dma"));
	refused(d, "identity", -UIOMMU_EPERM, "DMA");
	CHECK_OK(s, abi_unbind_driver(member));
	if (identity) {
		CHECK_OK(s, write_type(d, "identity"));
		is_type(member, "identity");
	}
	abi_end(a);
}

/* ---- C059 -------------------------------------------------------------------------------------- */

/* A driver's buffer, and a stream of DMA through it. */
struct load {
	struct machine_device *device;
	struct subject_buffer buffer;
	bool streams;
	uint64_t word;
};

static void load_start(struct subject *s, struct load *l, uint64_t iova)
{
	struct machine_stream_stats stats;
	struct interleave_wait wait = { 0 };

	l->streams = machine_device_traits(l->device) & MACHINE_STREAM;
	if (!l->streams)
		return;
	memcpy(&l->word, l->buffer.mem, sizeof(l->word));
	CHECK_OK(s, machine_stream_start(l->device, iova, sizeof(l->word), 0, 0, l->word, l->word));
	do
		machine_stream_stats(l->device, &stats);
	while (!stats.done && interleave_wait(&wait));
	CHECK(s, stats.done, "the stream does not run");
}

/* It has gone on since, was never refused, and has read nothing else. */
static void load_goes_on(struct subject *s, struct load *l)
{
	struct machine_stream_stats before, now;
	struct interleave_wait wait = { 0 };

	if (!l->streams)
		return;
	machine_stream_stats(l->device, &before);
	do
		machine_stream_stats(l->device, &now);
	while (now.done == before.done && !now.refused && interleave_wait(&wait));
	CHECK(s, now.done > before.done, "the stream stands still");
	CHECK(s, !now.refused && !now.wrong, "%llu words were refused, %llu are wrong",
	      (unsigned long long)now.refused, (unsigned long long)now.wrong);
}

static void c059_flush_queue(struct subject *s)
{
	struct machine_stream_stats stats;
	struct load l = { 0 };
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	struct abi_device *d;
	struct abi *a;

	subject_boot(s, 0);
	a = abi_start(s, NULL);
	d = abi_device(a, "solo0");
	if (!uiommu_device_capable(d->dev, UIOMMU_CAP_DEFERRED_FLUSH)) {
		refused(d, "DMA-FQ", -UIOMMU_EINVAL, "DMA");
		abi_end(a);
		conform_skip(s, "this driver cannot flush later");
	}
	group = subject_group(s, "solo0");
	domain = uiommu_group_domain(group);
	CHECK_OK(s, abi_bind_driver(d, "machine-dma"));
	l.device = d->machine;
	l.buffer.size = s->page;
	l.buffer.mem = machine_buffer(s->machine, s->page, s->page, &l.buffer.phys);
	CHECK(s, l.buffer.mem, "no room for a buffer");
	memset(l.buffer.mem, 0x5a, s->page);
	CHECK_OK(s, uiommu_map(domain, s->iova, l.buffer.phys, s->page, RW));
	load_start(s, &l, s->iova);
	CHECK_OK(s, write_type(d, "DMA-FQ"));
	load_goes_on(s, &l);
	/* The way back would have to wait for what is still to be flushed. */
	CHECK_RC(s, write_type(d, "DMA"), -UIOMMU_EPERM);
	CHECK_RC(s, write_type(d, "DMA-FQ"), -UIOMMU_EPERM); /* only from DMA */
	CHECK_RC(s, write_type(d, "auto"), -UIOMMU_EPERM);
	CHECK_RC(s, write_type(d, "identity"), -UIOMMU_EPERM);
	load_goes_on(s, &l);
	CHECK(s, uiommu_group_domain(group) == domain, "the default domain is another one");
	if (l.streams) {
		machine_stream_stop(l.device, &stats);
		CHECK(s, !stats.refused && !stats.wrong, "%llu words were refused, %llu are wrong",
		      (unsigned long long)stats.refused, (unsigned long long)stats.wrong);
	}
	subject_dma_reaches(s, d->machine, s->iova, l.buffer.phys, RW, NULL);
	CHECK(s, uiommu_unmap(domain, s->iova, s->page) == s->page, "unmap");
	is_type(d, "DMA-FQ");
	CHECK_OK(s, abi_unbind_driver(d));
	CHECK_OK(s, write_type(d, "DMA"));
	is_type(d, "DMA");
	/* Unbound, the one as the other. */
	CHECK_OK(s, write_type(d, "DMA-FQ"));
	is_type(d, "DMA-FQ");
	CHECK_OK(s, write_type(d, "auto"));
	is_type(d, "DMA");
	machine_buffer_free(s->machine, l.buffer.mem, s->page);
	uiommu_group_put(group);
	abi_end(a);
}

/* ---- C060, C054 -------------------------------------------------------------------------------- */

static void no_deferred_flush(struct wrap_call *call, void *context)
{
	const struct uiommu_device *const *dev = context;

	wrap_call(call);
	if (call->cap == UIOMMU_CAP_DEFERRED_FLUSH && call->dev == *dev)
		call->rc = false;
}

static void c060_no_flush_queue(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .untrusted = true } } };
	struct uiommu_device *incapable;
	struct abi_device *d;
	struct abi *a;

	script_boot(s, &script, true);
	script_add(&script, "solo0");
	incapable = script_add(&script, "solo1");
	wrap_set(s->wrap, WRAP_CAPABLE, no_deferred_flush, &incapable);
	a = abi_start(s, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		d = abi_device(a, i ? "solo1" : "solo0");
		is_type(d, "DMA");
		/* With its driver or without. */
		refused(d, "DMA-FQ", -UIOMMU_EINVAL, "DMA");
		CHECK_OK(s, abi_bind_driver(d, "machine-dma"));
		refused(d, "DMA-FQ", -UIOMMU_EINVAL, "DMA");
		CHECK_OK(s, abi_unbind_driver(d));
	}
	abi_end(a);
	script_remove(&script, "solo0");
	script_remove(&script, "solo1");
	wrap_set(s->wrap, WRAP_CAPABLE, NULL, NULL);
	script_end(&script);
}

static void c054_untrusted(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .untrusted = true } } };
	struct abi_device *d, *other;
	struct abi *a;

	/* What everybody else gets who can. */
	s->options.system.default_type = UIOMMU_DOMAIN_DMA_FQ;
	script_boot(s, &script, true);
	script_add(&script, "solo0");
	script_add(&script, "solo1");
	a = abi_start(s, NULL);
	d = abi_device(a, "solo0");
	other = abi_device(a, "solo1");
	is_type(other,
		uiommu_device_capable(other->dev, UIOMMU_CAP_DEFERRED_FLUSH) ? "DMA-FQ" : "DMA");
	is_type(d, "DMA");
	refused(d, "DMA-FQ", -UIOMMU_EINVAL, "DMA");
	refused(d, "identity", -UIOMMU_EINVAL, "DMA");
	CHECK_OK(s, write_type(d, "auto"));
	is_type(d, "DMA");
	CHECK_OK(s, write_type(d, "DMA"));
	is_type(d, "DMA");
	abi_end(a);
	script_remove(&script, "solo0");
	script_remove(&script, "solo1");
	script_end(&script);
}

#define DMA (CONFORM_HARDWARE | CONFORM_UAPI)
#define SYSFS "Linux sysfs iommu_groups/*/type"

const struct conform_scenario conform_sysfs_type[] = {
	{ "C054", "A device that is not trusted is translated strictly, whatever anybody writes",
	  SYSFS "; iommu_get_def_domain_type", AREA_DEFAULT_DOMAIN, DMA, 0, c054_untrusted },
	{ "C058", "The type is written by who may, of a group that nobody uses, and read back",
	  SYSFS, AREA_DEFAULT_DOMAIN, DMA, 0, c058_type },
	{ "C059", "DMA becomes DMA-FQ under a driver's DMA; the way back needs the driver gone",
	  SYSFS, AREA_DEFAULT_DOMAIN, DMA, 0, c059_flush_queue },
	{ "C060", "No flush queue for who is not trusted, or whose driver cannot flush later",
	  SYSFS " accepts it", AREA_DEFAULT_DOMAIN, DMA, 0, c060_no_flush_queue },
	{ 0 },
};
