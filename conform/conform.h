/* SPDX-License-Identifier: MIT */
/*
 * conform.h - the conformance suite, as the author of a scenario sees it
 *
 * A scenario is a function with an ID, a sentence of contract and a source.  It gets a struct subject: a
 * driver on some hardware, in one configuration.  It boots the subject's machine, does things through
 * the library's public calls, makes devices do DMA, and checks.  The first check that fails ends the
 * scenario; what it allocated is left to the end of its process.
 *
 * A scenario that passes must have freed its domains and groups: the end of a scenario shuts the
 * machine down and checks that nothing has leaked, that no model reported a violation, and that the
 * library logged no warning, unless the scenario said that it expects them.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <setjmp.h>
#include <stdarg.h>

#include <uiommu/driver.h>
#include <uiommu/posix.h>
#include <uiommu/smmuv3.h>
#include <uiommu/uiommu.h>
#include <uiommu/vtd.h>

#include "conform/backend.h"
#include "conform/wrap.h"
#include "machines/machine.h"

struct abi;
struct subject;

enum conform_area {
	AREA_REGISTRATION,
	AREA_GROUPS,
	AREA_DEFAULT_DOMAIN,
	AREA_ATTACH,
	AREA_PASID,
	AREA_FAULTS,
	AREA_MAPPING,
	AREA_DIRTY,
	AREA_RACES,
	AREA_IOMMUFD,
	AREA_VFIO,
	AREA_COUNT,
};

enum conform_flags {
	CONFORM_RACE = 1u << 0, /* several threads: worth running under ThreadSanitizer */
	CONFORM_HARDWARE = 1u << 1, /* makes a device do DMA */
	CONFORM_NO_SWEEP = 1u << 2, /* not run by the sweep of failing allocations; say why there */
	CONFORM_ANY_BACKEND = 1u << 3, /* keeps to conform/backend.h; others need the C API */
	CONFORM_ONCE =
		1u << 4, /* no configuration matters to its text for the C API: run on the first */
	CONFORM_ASKS = 1u
		       << 5, /* a device of it asks for pages: PRI or stalls, whichever is there */
	CONFORM_UAPI = 1u << 6, /* about the user ABI (conform/abi.h): for :uapi subjects alone */
	CONFORM_KAPI = 1u << 7, /* besides CONFORM_UAPI: it has a text for each of the two */
};

struct conform_scenario {
	const char *id; /* "C068" */
	const char *title; /* what is required, in one sentence */
	const char *source; /* where the rule comes from */
	enum conform_area area;
	unsigned int flags; /* enum conform_flags */
	unsigned int traits; /* enum machine_trait that the hardware must have */
	void (*run)(struct subject *s);
};

/* Each file of scenarios exports one table, ended by an entry without ID; conform/table.c lists them. */
extern const struct conform_scenario conform_smoke[], conform_registration[], conform_groups[],
	conform_topology[], conform_mixed[], conform_default_domain[], conform_attach[],
	conform_pasid[], conform_pasid_orders[], conform_mapping[], conform_device_tlb[],
	conform_dirty[], conform_nested[], conform_races_probe[], conform_races_attach[],
	conform_races_map[], conform_reset[], conform_faults[], conform_faults_device[],
	conform_sva[], conform_iommufd[], conform_iommufd_ioas[], conform_iommufd_memory[],
	conform_iommufd_pasid[], conform_sysfs_type[], conform_vfio_type1[], conform_vfio_groups[],
	conform_vfio_life[], conform_vfio_races[], conform_vfio_none[], conform_vfio_mediated[],
	conform_platform[];
extern const struct conform_scenario *const conform_tables[];

/* One configuration of a subject's hardware and driver. */
struct conform_config {
	const char *name; /* "legacy", "scalable-first" */
	const char *machine; /* for machine_options.name */
	unsigned int driver_flags; /* enum uiommu_vtd_flags, uiommu_smmuv3_flags */
};

struct conform_subject {
	const char *name; /* "vtd@model" */
	const char *hardware; /* for machine_options.hardware */
	const struct conform_backend *backend;
	const struct conform_config *configs; /* ended by an entry without name */
};

extern const struct conform_subject conform_subjects[]; /* ended by an entry without name */

struct conform_saboteur;

/*
 * What the domains of a configuration's devices have in common, so that one text fits hardware with pages of
 * 4K, 16K and 64K: the sizes are those of its tables, whether or not it takes a leaf in place of a table.
 */
struct subject_layout {
	const struct conform_config *config; /* whose it is; NULL: not known yet */
	uint64_t page; /* the smallest leaf */
	uint64_t large; /* what a table of pages covers: 2M, 32M, 512M */
	uint64_t huge; /* and a table of these: 1G, 64G, 4T */
	uint64_t base; /* addresses from here on can be mapped; a multiple of @huge */
};

/*
 * What a scenario works with.  It reads what it likes and writes only @options, before subject_boot().
 */
struct subject {
	const struct conform_subject *kind;
	const struct conform_config *config;
	const struct conform_scenario *scenario;
	uint64_t seed; /* for subject_random() */

	struct machine_options options; /* system settings, flags; set before subject_boot() */
	struct machine *machine; /* from subject_boot() on */
	struct uiommu_system *sys;
	struct wrap *wrap; /* between core and driver: watch, fail, lie */
	uint64_t page, large, huge, base; /* struct subject_layout; from subject_boot() on */
	uint64_t iova; /* the address of a page, for scenarios that map just one or two */

	/* The runner's. */
	struct subject_layout layout;
	const struct conform_saboteur *saboteur;
	void *sabotage; /* what it has in its places */
	uint64_t random_state;
	unsigned int expected_warnings, expected_reports;
	bool any_warnings, any_reports;
	uint64_t fail_at; /* sweep: fail the Nth allocation */
	_Atomic uint64_t steps; /* allocations so far */
	unsigned int retried; /* calls that failed for it, leaked nothing, and worked again */
	struct uiommu_posix_hooks hooks;
	struct abi *abi; /* conform/abi.h; while it is started */
	struct interleave *_Atomic interleave; /* while one runs; its hooks look here */
	char version[48]; /* of the hardware */
	jmp_buf end;
	enum conform_result { CONFORM_PASS, CONFORM_FAIL, CONFORM_SKIP, CONFORM_INJECTED } result;
	char message[1024];
	char last_read[40]; /* what the last DMA that was looked at read */
};

/* ---- checks ------------------------------------------------------------------------------------ */

_Noreturn void conform_fail(struct subject *s, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Something that the subject cannot show; the reason names what is missing. */
_Noreturn void conform_skip(struct subject *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* CHECK(s, condition, "what it means", ...): the text is for a person who sees only that line. */
#define CHECK(s, condition, ...)                                          \
	do {                                                              \
		if (!(condition))                                         \
			conform_fail(s, __FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

/* CHECK_RC(s, call, -UIOMMU_EINVAL): the call returns exactly this. */
/*
 * When the sweep made an allocation fail inside the call, it must have returned -UIOMMU_ENOMEM and have
 * leaked nothing; it is then made once more, and has to behave as if nothing had happened.
 */
#define CHECK_RC(s, call, expected)                                                            \
	do {                                                                                   \
		struct conform_call conform_call;                                              \
		do                                                                             \
			conform_call_begin(s, &conform_call);                                  \
		while (conform_call_again(s, &conform_call, __FILE__, __LINE__, #call, (call), \
					  expected));                                          \
	} while (0)
#define CHECK_OK(s, call) CHECK_RC(s, call, 0)

struct conform_call {
	struct uiommu_posix_usage before;
	bool armed; /* the sweep's failure was still to come */
};
void conform_call_begin(struct subject *s, struct conform_call *call);
bool conform_call_again(struct subject *s, struct conform_call *call, const char *file, int line,
			const char *text, int got, int expected);

uint64_t subject_random(struct subject *s); /* seeded, 64 bits */

/* The @nth allocation from now on fails, 0: none; and has it?  For scenarios with CONFORM_NO_SWEEP. */
void subject_fail_allocation(struct subject *s, uint64_t nth);
bool subject_allocation_failed(const struct subject *s);

/* ---- machine ----------------------------------------------------------------------------------- */

/* Create and boot the machine (enum machine_boot_flags); fails the scenario if that fails. */
void subject_boot(struct subject *s, unsigned int flags);
/* The device with this label; skips the scenario if the machine has none. */
struct machine_device *subject_machine_device(struct subject *s, const char *label);
/* The same, added to the system and translated. */
struct uiommu_device *subject_device(struct subject *s, const char *label);
/* The device's group with a reference. */
struct uiommu_group *subject_group(struct subject *s, const char *label);
/* Claim the group for this scenario (so that it is blocked and domains can be attached). */
struct uiommu_group *subject_claim(struct subject *s, const char *label);
void subject_release(struct subject *s, struct uiommu_group *group);
struct uiommu_domain *subject_domain(struct subject *s, struct uiommu_device *dev,
				     unsigned int alloc_flags);

/*
 * This scenario provokes a warning of the library or a report of the model on purpose: at least one has
 * to come before the end, and then it is no failure.
 */
void subject_expect_warnings(struct subject *s, unsigned int at_least);
void subject_expect_reports(struct subject *s, unsigned int at_least);

/* ---- DMA --------------------------------------------------------------------------------------- */

/* A page-aligned buffer of whole pages for devices, filled with a pattern that no other buffer has. */
struct subject_buffer {
	unsigned char *mem;
	uint64_t phys;
	uint64_t size;
};
struct subject_buffer subject_buffer(struct subject *s, uint64_t size);
void subject_buffer_free(struct subject *s, struct subject_buffer *buffer);

/*
 * Physical addresses for mappings that may be larger than RAM: @size bytes from @phys on, a multiple of the
 * large leaf's size.  Devices may go where the buffer lies, @at bytes into it; the rest is nobody's.  With
 * pages of 4K the buffer is all of it as long as @size is no more than 8M.
 */
struct subject_span {
	uint64_t phys, size;
	uint64_t at;
	struct subject_buffer buffer;
};
struct subject_span subject_span(struct subject *s, uint64_t size);
void subject_span_free(struct subject *s, struct subject_span *span);

/* How a request goes out; NULL where taken means no PASID, no flags. */
struct subject_dma {
	uint32_t pasid;
	unsigned int flags; /* enum machine_dma_flags */
};

/*
 * The device reaches exactly @phys at @iova: it reads fresh bytes that were put there, and (if
 * @prot has WRITE) what it writes arrives there.  @prot: what must be possible; the rest of READ and
 * WRITE must be refused.
 */
void subject_dma_reaches(struct subject *s, struct machine_device *dev, uint64_t iova,
			 uint64_t phys, unsigned int prot, const struct subject_dma *how);
/*
 * The device reaches nothing at @iova: its write changes no byte at @phys (0: none to watch), its read
 * brings back no byte of it, and, where the hardware records faults, a fault names the device, the page
 * and the direction.
 */
void subject_dma_blocked(struct subject *s, struct machine_device *dev, uint64_t iova,
			 uint64_t phys, const struct subject_dma *how);
/* One look without a check: true if a read at @iova gave what memory has at @phys now. */
bool subject_dma_sees(struct subject *s, struct machine_device *dev, uint64_t iova, uint64_t phys,
		      const struct subject_dma *how);

/* The body of one scenario, from booting to the leak check; used by the runner. */
void subject_run(struct subject *s);

/* ---- runner ------------------------------------------------------------------------------------ */

struct conform_options {
	const char *const *subjects; /* names, ended by NULL; NULL: all */
	const char *const *scenarios; /* globs over IDs, ended by NULL; NULL: all */
	const char *config; /* glob over configurations, NULL: all */
	const char *machine; /* a machine in place of the subject's configurations, NULL: these */
	struct conform_config custom[2]; /* the runner's, for @machine */
	const char *format; /* "table", "ktap", "junit" */
	const char *output; /* a file, NULL: standard output */
	const char *sabotage; /* a name, "all", NULL: none */
	unsigned int jobs;
	unsigned int shard, shards; /* 1-based; 0, 0: everything */
	uint64_t seed;
	bool sweep; /* fail the Nth allocation through every scenario */
	bool list;
	unsigned int timeout; /* seconds for one scenario */
};

/* Run as the options say. Exit status: 0 all passed, 1 something failed, 2 usage or set-up error. */
int conform_run(const struct conform_options *options);
/* The command line of "uiommu conform". */
int conform_main(int argc, char **argv);

#endif /* CONFORM_H */
