/* SPDX-License-Identifier: MIT */
/*
 * uiommu/devicetree.h - what a Devicetree says about IOMMUs: who is behind which, and under which IDs
 *
 * The library reads the tree through a small accessor, struct uiommu_dt_source, so that it works over a
 * host's own tree as well as over a flattened one (uiommu/fdt.h has an accessor over libfdt).  The tree is
 * read once into structures that do not change any more, and is not needed afterwards.  Everything in
 * the properties is checked; a tree with something impossible is refused, with path, property and reason.
 *
 * Read: #iommu-cells, iommus, iommu-map, iommu-map-mask, dma-coherent, dma-noncoherent, pasid-num-bits,
 * dma-can-stall, ats-supported, linux,pci-domain, status; of reserved memory reg and iommu-addresses.
 *
 * Thread-safety: parse and free are the caller's to serialise; everything else only reads.
 * Stability: 0.x, may change with any minor release.
 *
 * Sources: Devicetree Specification 0.4; the bindings iommu/iommu.txt, pci/pci-iommu.txt,
 * reserved-memory/reserved-memory.yaml.
 */
#ifndef UIOMMU_DEVICETREE_H
#define UIOMMU_DEVICETREE_H

#include <uiommu/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How to read a tree.  Nodes are numbers of the source's own choice, not negative.  What the functions
 * return must stay in place until uiommu_dt_parse() returns.
 */
struct uiommu_dt_source {
	/*
	 * The node after @node, parents before their children: the root after -1, at depth 0.  *depth is
	 * @node's when called and the next one's on return.  -1: there are no more.
	 */
	int (*next)(void *context, int node, unsigned int *depth);

	/* The name with its unit address, "iommu@9050000"; of the root "". */
	const char *(*name)(void *context, int node);

	/* The bytes of a property, big-endian as in the tree; NULL: there is none. */
	const void *(*property)(void *context, int node, const char *name, size_t *length);

	void *context;
};

/* A source with a tree that cannot be deeper than this is refused; real ones have up to about 12. */
#define UIOMMU_DT_MAX_DEPTH 32

/* Why a tree was refused, for one line to a person. */
struct uiommu_dt_error {
	char path[160]; /* of the node; cut at its start, with "..." if it is longer */
	const char *property; /* a static string; "" if it is not about one */
	size_t cell; /* which 32-bit cell of the property */
	const char *why; /* what is wrong, and what it has to be: a static string */
};

/* A node with #iommu-cells. */
struct uiommu_dt_iommu {
	struct uiommu_fwnode fwnode; /* its identity; the name is @path */
	const char *path;
	int node; /* the source's number */
	unsigned int cells; /* of each reference: its IDs */
	bool available; /* status is absent or okay; what is behind others is not translated */
	bool coherent; /* it snoops caches */
	const char *compatible; /* the first one; "" without the property */
	bool pci; /* a PCI function; else registers at @base, where @size is not 0 */
	uint16_t source_id; /* of the function, bus << 8 | devfn; a bus below bridges may be renumbered */
	uint64_t base; /* as the processor sees it */
	uint64_t size;
};

/* One entry of "iommus". */
struct uiommu_dt_reference {
	const struct uiommu_dt_iommu *iommu;
	const uint32_t *ids; /* iommu->cells of them, as in the tree */
};

/* One entry of "iommu-map": requester IDs [first, last] become IDs from @id on. */
struct uiommu_dt_map {
	uint32_t first, last; /* inclusive, of requester IDs under the mask */
	const struct uiommu_dt_iommu *iommu;
	uint32_t id;
};

/* One entry of "iommu-addresses" of a reserved-memory node. */
struct uiommu_dt_region {
	uint64_t start;
	uint64_t last; /* inclusive */
	bool direct; /* the node's own memory at the same addresses; otherwise nothing may be there */
};

/* A node whose DMA the tree says something about, or a PCI host bridge. */
struct uiommu_dt_master {
	const char *path;
	int node; /* the source's number */
	uint32_t phandle; /* 0: none */
	bool pci; /* a PCI host bridge: what follows is about the functions behind it */
	bool has_segment;
	uint16_t segment; /* linux,pci-domain */
	bool coherent;
	bool ats; /* ats-supported */
	bool stall; /* dma-can-stall */
	unsigned int pasid_bits; /* pasid-num-bits */

	size_t num_references;
	const struct uiommu_dt_reference *references;
	uint32_t map_mask;
	bool has_map; /* also if it is empty */
	size_t num_maps;
	const struct uiommu_dt_map *maps;
	size_t num_regions;
	const struct uiommu_dt_region *regions;
};

struct uiommu_dt {
	size_t num_iommus, num_masters; /* in the tree's order */
	struct uiommu_dt_iommu *iommus;
	struct uiommu_dt_master *masters;

	/* Private. */
	void *host;
	size_t num_references, num_ids, num_maps, num_regions, string_bytes;
	struct uiommu_dt_reference *references;
	uint32_t *ids;
	struct uiommu_dt_map *maps;
	struct uiommu_dt_region *regions;
	char *strings;
};

/**
 * uiommu_dt_parse() - read a Devicetree
 * @host: for the port's memory
 * @source: not needed any more afterwards
 * @out: the result on success, the caller's until uiommu_dt_free()
 * @error: filled in with -UIOMMU_EINVAL; may be NULL
 *
 * Nodes that are disabled, and what is below them, are passed over as masters.
 *
 * Return: 0; -UIOMMU_EINVAL: something impossible; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_dt_parse(void *host, const struct uiommu_dt_source *source,
			       struct uiommu_dt **out, struct uiommu_dt_error *error);

/** uiommu_dt_free() - nothing may name its fwnodes any more; NULL does nothing */
UIOMMU_API void uiommu_dt_free(struct uiommu_dt *dt);

/** uiommu_dt_master() - by its path, such as "/soc/gpu@2d000000"; NULL: the tree says nothing of it */
UIOMMU_API const struct uiommu_dt_master *uiommu_dt_master(const struct uiommu_dt *dt,
							   const char *path);

/**
 * uiommu_dt_pci_host() - the host bridge of a PCI segment
 *
 * By linux,pci-domain; if no host bridge has that, they are counted in the tree's order from 0.
 * Return: NULL: none.
 */
UIOMMU_API const struct uiommu_dt_master *uiommu_dt_pci_host(const struct uiommu_dt *dt,
							     uint16_t segment);

/**
 * uiommu_dt_map_id() - the IOMMU of a PCI function, and its ID there
 * @host: its host bridge
 * @source_id: bus << 8 | devfn
 * @id: on success
 *
 * Return: NULL: not behind an IOMMU.
 */
UIOMMU_API const struct uiommu_dt_iommu *uiommu_dt_map_id(const struct uiommu_dt_master *host,
							  uint16_t source_id, uint32_t *id);

/**
 * uiommu_dt_configure() - name the IOMMUs of a device and its IDs
 * @master: its node
 * @dev: the device, in its configure operation
 *
 * All cells of all references, in their order.
 *
 * Return: 0; -UIOMMU_ENODEV: not behind an IOMMU, or behind one that is disabled; what
 * uiommu_fwspec_init() returned, -UIOMMU_EPROBE_DEFER while the IOMMU is not registered; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_dt_configure(const struct uiommu_dt_master *master,
				   struct uiommu_device *dev);

/**
 * uiommu_dt_configure_pci() - the same for a PCI function
 * @host: its host bridge
 * @dev: the function, in its configure operation
 *
 * The IDs of all requester IDs that its requests may carry, each once; the ATS flag if the host bridge
 * supports it.  -UIOMMU_EINVAL: @dev is not PCI.
 */
UIOMMU_API int uiommu_dt_configure_pci(const struct uiommu_dt_master *host,
				       struct uiommu_device *dev);

/**
 * uiommu_dt_resv_regions() - append the regions that reserved memory names for a device
 *
 * DIRECT where the IOVA is the address of the memory itself, RESERVED otherwise.
 * Return: 0; what uiommu_resv_add() returned.
 */
UIOMMU_API int uiommu_dt_resv_regions(const struct uiommu_dt_master *master,
				      struct uiommu_resv_list *list);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_DEVICETREE_H */
