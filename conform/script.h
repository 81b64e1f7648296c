/* SPDX-License-Identifier: MIT */
/*
 * script.h - the subject's own driver, with chosen answers for chosen devices
 *
 * A scenario about the core's decisions needs a driver that demands, refuses or reserves something for one
 * device.  A script says what; everything else is the real driver's, and so is the translation.
 * The script is the context of hooks: script_end() comes before the scenario returns.
 */
#ifndef CONFORM_SCRIPT_H
#define CONFORM_SCRIPT_H

#include "conform/conform.h"

#define SCRIPT_DEVICES 4
#define SCRIPT_REGIONS 2

struct script_device {
	const char *label;
	/* Answers of the driver; zeros leave the real one's. */
	int probe_error, attach_error; /* negative */
	bool no_group; /* device_group() succeeds and gives none */
	enum uiommu_domain_type demand; /* BLOCKED: the real one's */
	struct uiommu_resv_region resv[SCRIPT_REGIONS]; /* beside the real ones */
	unsigned int num_resv;
	const char *join; /* the label of a device whose group it shares */
	/* What script_add() puts into the device's description. */
	bool untrusted;
	const char *bus;
	/* What has happened. */
	unsigned int probes, prepared, commits, aborts;
};

struct script {
	struct subject *s;
	struct script_device device[SCRIPT_DEVICES]; /* those with a label */
};

/* Boot without devices, or also without units, and let the script answer from then on. */
void script_boot(struct subject *s, struct script *script, bool units);
void script_end(struct script *script);

void script_start_units(struct subject *s);
void script_stop_units(struct subject *s);

/* The labelled device is added as the script says; skips the scenario if there is none. */
struct uiommu_device *script_add(struct script *script, const char *label);
void script_remove(struct script *script, const char *label);

/* Is this device the one with that label?  For hooks. */
bool script_is(struct subject *s, struct uiommu_device *dev, const char *label);
/* A region of DIRECT memory over a buffer. */
struct uiommu_resv_region script_region(const struct subject_buffer *buffer, uint64_t offset,
					uint64_t size, enum uiommu_resv_type type);

/* Does the driver have an identity domain for this device? */
bool script_has_identity(struct subject *s, struct uiommu_device *dev);
/* The device is translated by its group's default domain, as that says, and by nothing else. */
void script_default_dma(struct subject *s, const char *label);

#endif /* CONFORM_SCRIPT_H */
