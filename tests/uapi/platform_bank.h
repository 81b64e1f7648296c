/* SPDX-License-Identifier: MIT */
/*
 * platform_bank.h - a platform device made of words, for the tests of vfio-platform
 *
 * It stands where a modelled device is (virt-smmuv3-platform's first), so that it can be bound, and opened by its cdev.  Each
 * access is kept; time passes when the driver waits, and else not.
 */
#ifndef TESTS_UAPI_PLATFORM_BANK_H
#define TESTS_UAPI_PLATFORM_BANK_H

#include <pthread.h>

#include "tests/uapi/world.h"

#define BANK_REGIONS 4u
#define BANK_IRQS 3u
#define BANK_ACCESSES 20000u
#define BANK_LINES 64u

struct bank_access {
	bool write, relaxed;
	unsigned int region, size;
	uint64_t offset, at; /* ns */
	uint32_t value;
};

/* An input of the interrupt controller. */
struct bank_line {
	bool asserted, pending, masked;
	int error; /* what set_irq() says */
	void (*deliver)(void *token, unsigned int irq);
	void *token;
};

struct bank {
	struct world w;
	struct uiommu_uapi_platform_region regions[BANK_REGIONS];
	struct uiommu_uapi_platform_irq irqs[BANK_IRQS];
	struct uiommu_uapi_platform_io io;
	struct uiommu_uapi_device *known;
	int iommufd, cdev;
	uint32_t devid;

	uint8_t *memory[BANK_REGIONS]; /* of each region */
	unsigned int maps[BANK_REGIONS], unmaps[BANK_REGIONS];
	int map_result;
	/* What a register says and does instead of keeping what is written; NULL: nothing else. */
	uint32_t (*on_read)(struct bank *b, unsigned int region, uint64_t offset, uint32_t value);
	void (*on_write)(struct bank *b, unsigned int region, uint64_t offset, uint32_t value);
	void *device; /* those two's */
	struct bank_access access[BANK_ACCESSES];
	unsigned int accesses;
	uint64_t now;

	pthread_mutex_t lock; /* lines: eventfds are waited for by threads */
	struct bank_line lines[BANK_IRQS];

	char log[BANK_LINES][256]; /* of vfio-platform */
	unsigned int logged;
	struct uiommu_posix_hooks hooks;
};

/* A machine, and the bank with no regions and interrupts: those are the test's to fill in; io is. */
void bank_start(struct bank *b, const struct uiommu_uapi_config *config);
/* Closes, unbinds, and checks that nothing is left. */
void bank_stop(struct bank *b);
void bank_add_region(struct bank *b, uint64_t address, uint64_t size);
void bank_add_irq(struct bank *b, bool level);
/* To the ABI; 0 or why not. */
int bank_add(struct bank *b);
int bank_bind(struct bank *b);
/* BIND_IOMMUFD, which is the first open. */
long bank_open(struct bank *b);
void bank_close(struct bank *b);
long bank_call(struct bank *b, unsigned long command, void *argument);

/* The device raises an interrupt, or drops its line. */
void bank_raise(struct bank *b, unsigned int irq);
void bank_drop(struct bank *b, unsigned int irq);
bool bank_masked(struct bank *b, unsigned int irq);

/* Does one of the lines have all these words? */
bool bank_said(struct bank *b, const char *one, const char *two);

#endif /* TESTS_UAPI_PLATFORM_BANK_H */
