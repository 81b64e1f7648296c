/* SPDX-License-Identifier: MIT */
/*
 * uiommu/pci.h - PCI functions: configuration space, aliases, isolation, groups, ATS, PASID and PRI
 *
 * The host describes each PCI function with a struct uiommu_pci_function and hands it over in the
 * device's description.  Everything else is read from configuration space.
 */
#ifndef UIOMMU_PCI_H
#define UIOMMU_PCI_H

#include <uiommu/uiommu.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One PCI function, a bridge or an endpoint.  Filled in by the host, which owns it. */
struct uiommu_pci_function {
	uint16_t segment;
	uint8_t bus;
	uint8_t devfn; /* device << 3 | function */
	struct uiommu_pci_function *parent; /* the bridge above; NULL on a root bus */
	struct uiommu_device *dev; /* set by the core while the device exists; NULL for bridges
				      that were not added as devices */
	struct uiommu_pci_topology *topology;
	void *context; /* the host's */
	struct uiommu_pci_function *requester; /* who sends its requests upstream under its own ID
						  instead; NULL: the function itself */
};

/*
 * What configuration space does not say, or says wrongly.  The library knows some hardware itself; a
 * host's own entries come first.
 */
enum uiommu_pci_quirk_flags {
	UIOMMU_PCI_ISOLATED = 1u << 0, /* isolates as if it had ACS */
	UIOMMU_PCI_NOT_ISOLATED = 1u << 1, /* does not isolate, whatever its ACS says */
	UIOMMU_PCI_BRIDGE_NO_ALIAS = 1u << 2, /* a bridge that leaves requests' IDs as they are */
	UIOMMU_PCI_BRIDGE_SECONDARY = 1u << 3, /* a bridge that sends as secondary bus:00.0 */
	UIOMMU_PCI_TRANSLATION_ROOT = 1u << 4, /* the IOMMU is right above this bridge's bus */
	UIOMMU_PCI_ALIAS_DEVFN = 1u << 5, /* also sends as alias_first to alias_last of its bus */
	UIOMMU_PCI_ALIAS_FUNCTION = 1u << 6, /* also sends as function alias_first of its slot */
	UIOMMU_PCI_ISOLATED_INTEGRATED = 1u << 7, /* isolates if it is part of the root complex */
};

#define UIOMMU_PCI_ANY_ID 0xffffu

struct uiommu_pci_quirk {
	uint16_t vendor, device; /* or UIOMMU_PCI_ANY_ID */
	unsigned int flags; /* enum uiommu_pci_quirk_flags */
	uint8_t alias_first, alias_last;
	uint16_t acs_broken; /* ACS bits that are announced and must not be asked for */
};

/* All functions of a machine, and how to reach their configuration space. */
struct uiommu_pci_topology {
	struct uiommu_pci_function **functions; /* in any order */
	size_t num_functions;

	/* Little-endian access of 1, 2 or 4 bytes at a multiple of that, below 4096. */
	uint32_t (*config_read)(struct uiommu_pci_function *fn, unsigned int offset,
				unsigned int size);
	void (*config_write)(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			     uint32_t value);

	const struct uiommu_pci_quirk *quirks; /* the host's own; NULL: none */
	size_t num_quirks;
};

/** uiommu_pci_source_id() - bus << 8 | devfn: what an IOMMU sees on requests of the function itself */
static inline uint16_t uiommu_pci_source_id(const struct uiommu_pci_function *fn)
{
	return (uint16_t)(fn->bus << 8 | fn->devfn);
}

/**
 * uiommu_pci_device_group() - a device_group operation for PCI devices
 *
 * Joins everything that @dev's function cannot be told or kept apart from, directly or through others.
 * Which functions belong together depends on the topology alone, not on what was probed before.
 *
 * Return: 0; -UIOMMU_EINVAL if @dev is not PCI, or is not in its topology; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_pci_device_group(struct uiommu_device *dev, struct uiommu_group **out);

/* Why two functions cannot be in different groups. */
enum uiommu_pci_join {
	UIOMMU_PCI_APART, /* nothing joins these two directly */
	UIOMMU_PCI_SAME_REQUESTER, /* one sends the other's requests (fn->requester) */
	UIOMMU_PCI_BRIDGE_ID, /* the bridge puts its own ID on requests from below */
	UIOMMU_PCI_BRIDGE_PASSES, /* requests turn round at or above the bridge: it or one further up does
				     not isolate */
	UIOMMU_PCI_SENDS_AS, /* one also sends under the other's ID (a quirk) */
	UIOMMU_PCI_SIBLINGS, /* functions of one device, neither of which isolates */
};

struct uiommu_pci_reason {
	enum uiommu_pci_join join;
	struct uiommu_pci_function
		*culprit; /* who takes IDs, passes requests on, or sends as another */
};

/**
 * uiommu_pci_joined() - what joins two functions directly
 * @reason: filled in, also with UIOMMU_PCI_APART; may be NULL
 *
 * A group is everything that can be reached over pairs that are joined, so two functions that are apart
 * may share a group by way of a third.  Symmetric.  Return: @reason->join.
 */
UIOMMU_API enum uiommu_pci_join uiommu_pci_joined(struct uiommu_pci_function *a,
						  struct uiommu_pci_function *b,
						  struct uiommu_pci_reason *reason);

/* Does a function send everything upstream, and why, or why not? */
enum uiommu_pci_isolation {
	UIOMMU_PCI_ISOLATED_ALONE, /* yes: a device of one function */
	UIOMMU_PCI_ISOLATED_ACS, /* yes: its access control services are enabled */
	UIOMMU_PCI_ISOLATED_QUIRK, /* yes: it is known to */
	UIOMMU_PCI_ISOLATED_TYPE, /* yes: its kind passes nothing on */
	UIOMMU_PCI_OPEN_CONVENTIONAL, /* no: conventional PCI, a shared bus */
	UIOMMU_PCI_OPEN_BRIDGE, /* no: a bridge between PCI and PCI Express, or an event collector */
	UIOMMU_PCI_OPEN_NO_ACS, /* no: it has no ACS capability */
	UIOMMU_PCI_OPEN_ACS_OFF, /* no: it has, and services that are needed are not enabled */
	UIOMMU_PCI_OPEN_QUIRK, /* no: it is known not to, whatever its ACS says */
};

/**
 * uiommu_pci_isolation() - the verdict of uiommu_pci_isolated(), with its ground
 * @missing: with UIOMMU_PCI_OPEN_ACS_OFF the bits of the ACS control register (PCIe 6.0, 7.7.11.3) that are
 *	needed and not set; may be NULL
 */
UIOMMU_API enum uiommu_pci_isolation uiommu_pci_isolation(struct uiommu_pci_function *fn,
							  uint16_t *missing);

/**
 * uiommu_pci_for_each_alias() - every source ID that @fn's requests may carry upstream
 *
 * Its own first, then those of bridges that take ownership.  A value other than 0 of @visit ends it
 * and is returned.
 */
UIOMMU_API int uiommu_pci_for_each_alias(struct uiommu_pci_function *fn,
					 int (*visit)(struct uiommu_pci_function *fn,
						      uint16_t source_id, void *context),
					 void *context);

/** uiommu_pci_express_type() - the port type of its PCI Express capability, -1 without one */
UIOMMU_API int uiommu_pci_express_type(struct uiommu_pci_function *fn);
/** uiommu_pci_isolated() - it sends everything upstream to be checked (ACS or a quirk) */
UIOMMU_API bool uiommu_pci_isolated(struct uiommu_pci_function *fn);
/** uiommu_pci_find_capability() - offset of a capability, 0 without it */
UIOMMU_API unsigned int uiommu_pci_find_capability(struct uiommu_pci_function *fn, unsigned int id);
/** uiommu_pci_find_ext_capability() - offset of an extended capability, 0 without it */
UIOMMU_API unsigned int uiommu_pci_find_ext_capability(struct uiommu_pci_function *fn,
						       unsigned int id);

/** uiommu_pci_ats_supported() - the function has an ATS capability */
UIOMMU_API bool uiommu_pci_ats_supported(struct uiommu_pci_function *fn);
/** uiommu_pci_ats_queue_depth() - outstanding invalidations that it takes, 1 to 32 */
UIOMMU_API unsigned int uiommu_pci_ats_queue_depth(struct uiommu_pci_function *fn);
/**
 * uiommu_pci_enable_ats() - set the smallest translation unit (2^@page_shift bytes) and enable
 *
 * Return: 0; -UIOMMU_EOPNOTSUPP: no ATS; -UIOMMU_EBUSY: it is enabled; -UIOMMU_EINVAL: @page_shift is
 * not 12 to 43.
 */
UIOMMU_API int uiommu_pci_enable_ats(struct uiommu_pci_function *fn, unsigned int page_shift);
UIOMMU_API void uiommu_pci_disable_ats(struct uiommu_pci_function *fn);
/** uiommu_pci_pasid_bits() - width of the PASID capability, 0 without one */
UIOMMU_API unsigned int uiommu_pci_pasid_bits(struct uiommu_pci_function *fn);
/**
 * uiommu_pci_enable_pasid() - requests with PASID, without execute and privileged ones
 *
 * Before ATS (PCIe 6.20.1).  Return: 0; -UIOMMU_EOPNOTSUPP; -UIOMMU_EBUSY: PASID or ATS is enabled.
 */
UIOMMU_API int uiommu_pci_enable_pasid(struct uiommu_pci_function *fn);
UIOMMU_API void uiommu_pci_disable_pasid(struct uiommu_pci_function *fn);

/** uiommu_pci_pri_supported() - the function has a page request capability */
UIOMMU_API bool uiommu_pci_pri_supported(struct uiommu_pci_function *fn);
/**
 * uiommu_pci_pri_pasid_required() - responses to requests with PASID have to carry it
 *
 * Without this bit the function must not get it (PCIe 6.0, 10.5.2.3).
 */
UIOMMU_API bool uiommu_pci_pri_pasid_required(struct uiommu_pci_function *fn);
/**
 * uiommu_pci_enable_pri() - let it send page requests, at most @limit that are not answered
 *
 * After ATS.  The limit is at most the function's capacity, and at least 1.  Return: 0; -UIOMMU_EOPNOTSUPP: no PRI;
 * -UIOMMU_EBUSY: it is enabled, or its earlier requests are not all answered.
 */
UIOMMU_API int uiommu_pci_enable_pri(struct uiommu_pci_function *fn, uint32_t limit);
UIOMMU_API void uiommu_pci_disable_pri(struct uiommu_pci_function *fn);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_PCI_H */
