/* SPDX-License-Identifier: MIT */
/* tree.h - a world whose devices the user ABI has been told of, and what its files under /sys say */
#ifndef TESTS_UAPI_TREE_H
#define TESTS_UAPI_TREE_H

#include "tests/uapi/world.h"

#define TREE_PATH 4096

struct tree {
	struct world w;
	struct uiommu_uapi_process *nobody; /* user 1000, without capabilities */
};

/* All PCI devices of the machine are told of; none has a driver. */
void tree_start(struct tree *t, const char *machine, const struct uiommu_uapi_config *config);
void tree_start_hooked(struct tree *t, const char *machine, const struct uiommu_uapi_config *config,
		       const struct uiommu_posix_hooks *hooks);
void tree_stop(struct tree *t);

/* The device with this label: "0000:00:02.0". */
const char *tree_name(struct tree *t, const char *label);
struct uiommu_uapi_device *tree_device(struct tree *t, const char *label);
/* A path, as printf makes it; the buffer is the caller's. */
const char *tree_path(char path[TREE_PATH], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The path is made as by printf.  A file that says @expected and nothing else. */
void tree_says(struct tree *t, const char *expected, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A link with this text, whose target is there. */
void tree_links(struct tree *t, const char *expected, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool tree_exists(struct tree *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a write of a word returns: 0 if all of it was taken, or an error. */
long tree_write(struct tree *t, const char *word, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* How many names are in a directory. */
unsigned int tree_count(struct tree *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* TESTS_UAPI_TREE_H */
