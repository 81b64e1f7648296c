/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of ports/qtest share; nobody else includes it */
#ifndef PORTS_QTEST_INTERNAL_H
#define PORTS_QTEST_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "ports/qtest/qtest.h"

/* Longer than anything that an emulator may honestly take for an answer. */
#define QTEST_TIMEOUT_MS 20000
#define QTEST_MAX_PLACES 16u

/* What a program said of itself; program.c. */
struct qtest_program {
	struct qtest_program *next;
	char *path;
	bool steps; /* it has the accelerator that stands still */
	unsigned int major;
	char version[48];
	char *answers; /* what it said, a line for each question */
	const char *types[16]; /* into @answers by qtest_types[]; NULL: unknown to it */
};

/*
 * Asks @path, once in the life of this process and of those that it forks afterwards.  0, -UIOMMU_ENOENT if there is
 * no such program or -UIOMMU_EIO if it is no QEMU or does not run, and one line in @error.  What
 * is found lives as long as the process.
 */
int qtest_program_find(const char *path, const struct qtest_program **out, char *error,
		       size_t error_size);

struct qtest {
	struct qtest *next; /* in the list of those that wait to be used again */
	char *key; /* its command line */
	pid_t owner, pid;
	int socket, monitor, memory, bios, errors;
	unsigned char *ram;
	uint64_t ram_base, ram_size;
	const struct qtest_program *program;
	enum qtest_architecture architecture;

	/* The protocol. */
	pthread_mutex_t lock;
	bool dead;
	char out[1024]; /* posted and not yet sent */
	size_t out_length;
	unsigned int owed; /* answers to commands that were posted */
	char line[512], answer[512];
	size_t have;

	struct qtest_place {
		char name[32];
		uint64_t address;
	} places[QTEST_MAX_PLACES]; /* inside.c */
	unsigned int num_places;
};

#endif /* PORTS_QTEST_INTERNAL_H */
