/* SPDX-License-Identifier: MIT */
/*
 * saboteur.h - drivers that break one rule each, to test the suite
 *
 * A saboteur is a hook round a good driver: between it and the core (operations), or between it and its
 * hardware (registers, and what the driver has in memory when it tells the hardware to look there).
 * Every one has to be caught by some scenario or by the strict model, on every subject that it is for: a rule
 * with no saboteur is a rule that nobody checks.
 */
#ifndef CONFORM_SABOTEUR_H
#define CONFORM_SABOTEUR_H

#include "conform/abi.h"
#include "conform/conform.h"

/* Where a saboteur shows: a subject, as a glob ("vtd@*"), and the configuration of it that is tried. */
struct conform_place {
	const char *subject;
	const char *config;
};

#define CONFORM_PLACES 5

struct conform_saboteur {
	const char *name; /* "drop-iotlb-sync" */
	const char *rule; /* the rule that it breaks, in one sentence */
	const char *
		config; /* the configuration of VT-d that shows it ("legacy"); others: the first, or all */
	/* In place of that: it is for these subjects alone.  Ended by one without subject, or full. */
	struct conform_place places[CONFORM_PLACES];
	/* Up to four operations are hooked. */
	struct {
		enum wrap_op op;
		wrap_hook hook;
	} hooks[4];
	unsigned int num_hooks;
	size_t state_size; /* zeroed memory handed to each hook as its context */
	/* The hardware's side: each access to a register; @edit is for the use of @access alone. */
	void (*access)(struct wrap_access *access, struct subject *s, void *state);
	void (*edit)(struct subject *s, void *state, uint64_t *const *entries, unsigned int count);
	void (*relax)(struct subject *s,
		      void *state); /* while the driver waits, after hardware moved */
	/* Of the user ABI: for subjects with that back end alone, as the others are for the C API's. */
	bool user;
	/* Where the answer to such a call (of ioctls: this command) is to be @right, it is @wrong. */
	struct {
		enum abi_op op;
		unsigned long command;
		int right, wrong;
	} answer;
	/* A program's calls: lets abi_call_real() do each once, or never, and sets what it returns. */
	void (*front)(struct abi_call *call, void *state);
	/* In place of uiommu_pci_device_group(). */
	int (*group)(struct uiommu_device *dev, struct uiommu_group **out);
};

/* Each ended by an entry without name; the list of them by NULL. */
extern const struct conform_saboteur conform_saboteurs_operations[], conform_saboteurs_smmuv3[],
	conform_saboteurs_vtd[], conform_saboteurs_virtio[], conform_saboteurs_groups[],
	conform_saboteurs_requests[], conform_saboteurs_uapi[];
extern const struct conform_saboteur *const conform_saboteur_tables[];

/* What the driver has at a physical address, NULL if that is not RAM. */
void *saboteur_ram(struct subject *s, uint64_t phys);
/* What the saboteur's functions get as their state. */
void *saboteur_state(struct subject *s);
/* Put the subject's saboteur in its places. */
void saboteur_install(struct subject *s);

#endif /* CONFORM_SABOTEUR_H */
