/* SPDX-License-Identifier: MIT */
/*
 * uiommu/iort.h - the ACPI table IORT: which SMMU a device of an Arm machine is behind, and under which IDs
 *
 * The table is a graph: root complexes and named components (devices in the ACPI namespace) map the IDs
 * of their requests to stream IDs of an SMMU, which maps them to device IDs of an interrupt translation
 * service (ITS).  It is parsed once into structures that do not change any more; everything in it is
 * checked, and a table with something impossible is refused as a whole, with the place and the reason.
 *
 * Thread-safety: parse and free are the caller's to serialise; everything else only reads.
 * Stability: 0.x, may change with any minor release.
 *
 * Source: Arm, "I/O Remapping Table" (DEN 0049), revision E.e.
 */
#ifndef UIOMMU_IORT_H
#define UIOMMU_IORT_H

#include <uiommu/acpi.h>

#ifdef __cplusplus
extern "C" {
#endif

enum uiommu_iort_type {
	UIOMMU_IORT_ITS_GROUP = 0,
	UIOMMU_IORT_NAMED_COMPONENT = 1,
	UIOMMU_IORT_ROOT_COMPLEX = 2,
	UIOMMU_IORT_SMMU = 3, /* SMMUv1 or v2 */
	UIOMMU_IORT_SMMUV3 = 4,
	UIOMMU_IORT_PMCG = 5,
	UIOMMU_IORT_RMR = 6, /* reserved memory ranges */
};

struct uiommu_iort_node;

/* IDs [input, input + (last of output - output)] of a node become IDs from @output on of node @to. */
struct uiommu_iort_mapping {
	uint32_t input; /* lowest ID */
	uint32_t count_minus_1;
	uint32_t output; /* what the lowest one becomes */
	bool single; /* whatever the input is, the output is @output */
	const struct uiommu_iort_node *to;
};

struct uiommu_iort_range {
	uint64_t base;
	uint64_t last; /* inclusive */
};

/* One node.  What follows @mappings is 0 where it does not apply to the type. */
struct uiommu_iort_node {
	struct uiommu_fwnode fwnode; /* of SMMUs: their identity */
	char name[16]; /* "smmu0": its number among the SMMUs; of other nodes "iort4", its place */
	unsigned int type; /* enum uiommu_iort_type; others can be, and are only led to */
	unsigned int revision;
	size_t offset; /* in the table */
	size_t num_mappings;
	const struct uiommu_iort_mapping *mappings;

	/* ITS groups */
	size_t num_its;
	const uint32_t *its; /* as in the MADT */

	/* SMMUs */
	uint64_t base; /* of the registers, a multiple of 4096 */
	uint32_t model; /* 0: as the architecture says */
	uint32_t event_irq, pri_irq, gerror_irq,
		sync_irq; /* SMMUv3: GSIVs; 0: none, or by message */
	unsigned int httu; /* SMMUv3: overrides IDR0.HTTU if not 0 */
	bool has_proximity; /* SMMUv3 */
	uint32_t proximity;
	const struct uiommu_iort_mapping
		*own; /* SMMUv3: the mapping of its own messages; not for IDs */

	/* SMMUs: its accesses are coherent; root complexes and named components: the devices are */
	bool coherent;

	/* root complexes and named components */
	unsigned int address_bits; /* what its devices can reach; 0: the table does not say */
	unsigned int pasid_bits; /* 0: no PASIDs */
	uint32_t segment; /* root complexes */
	bool ats, pri; /* root complexes: supported */
	const char *object; /* named components: the path in the namespace */
	bool stall; /* named components: faults may be stalled */

	/* RMR: the memory that devices with the stream IDs of the mappings' outputs may reach */
	size_t num_ranges;
	const struct uiommu_iort_range *ranges;
	unsigned int prot; /* enum uiommu_prot, of the 1:1 mapping */
	bool relaxable; /* may be given up once the device is quiet */
};

struct uiommu_iort {
	unsigned int revision;
	size_t num_nodes;
	struct uiommu_iort_node *nodes; /* in the table's order */
	size_t num_smmus; /* how many of them are SMMUs, of any version */

	/* Private. */
	void *host;
	size_t num_mappings, num_its, num_ranges, string_bytes;
	struct uiommu_iort_mapping *mappings;
	uint32_t *its;
	struct uiommu_iort_range *ranges;
	char *strings;
};

/**
 * uiommu_iort_parse() - read an IORT
 * @host: for the port's memory
 * @table: the table with its header; not needed any more afterwards
 * @size: bytes that may be read
 * @out: the result on success, the caller's until uiommu_iort_free()
 * @error: filled in with -UIOMMU_EINVAL; may be NULL
 *
 * The checksum is not looked at: tables reach us relocated.  Nodes of unknown types are passed over, and
 * so are RMR nodes in tables before revision 5, where they had other forms.
 *
 * Return: 0; -UIOMMU_EINVAL: not an IORT, or damaged; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_iort_parse(void *host, const void *table, size_t size,
				 struct uiommu_iort **out, struct uiommu_acpi_error *error);

/** uiommu_iort_free() - nothing may name its nodes' fwnodes any more; NULL does nothing */
UIOMMU_API void uiommu_iort_free(struct uiommu_iort *iort);

/** uiommu_iort_is_smmu() - of any version */
static inline bool uiommu_iort_is_smmu(const struct uiommu_iort_node *node)
{
	return node->type == UIOMMU_IORT_SMMU || node->type == UIOMMU_IORT_SMMUV3;
}

/**
 * uiommu_iort_root_complex() - where the requests of a PCI function enter the graph
 * @iort: the table
 * @segment: of the function
 * @source_id: bus << 8 | devfn
 *
 * Return: the root complex of the segment that maps the ID; else the segment's first one; NULL: none.
 */
UIOMMU_API const struct uiommu_iort_node *
uiommu_iort_root_complex(const struct uiommu_iort *iort, uint32_t segment, uint32_t source_id);

/** uiommu_iort_named_component() - by its full path in the ACPI namespace; NULL: not in the table */
UIOMMU_API const struct uiommu_iort_node *
uiommu_iort_named_component(const struct uiommu_iort *iort, const char *object);

/**
 * uiommu_iort_map() - one step through the graph
 * @from: a node
 * @id: an ID of its requests
 * @out: the ID that the next node sees, on success
 *
 * An SMMU's mapping for its own messages (@from->own) does not count.
 *
 * Return: the next node; NULL: the table has no mapping for this ID.
 */
UIOMMU_API const struct uiommu_iort_node *uiommu_iort_map(const struct uiommu_iort_node *from,
							  uint32_t id, uint32_t *out);

/**
 * uiommu_iort_configure_pci() - name the IOMMU of a PCI function and its stream IDs
 * @iort: the table
 * @dev: a PCI function, in its configure operation
 *
 * The stream IDs of all IDs that its requests may carry, each once; the ATS flag if the root complex
 * supports it.
 *
 * Return: 0; -UIOMMU_ENODEV: not behind an SMMU; what uiommu_fwspec_init() returned, -UIOMMU_EPROBE_DEFER
 * while the SMMU is not registered; -UIOMMU_EINVAL: @dev is not PCI; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_iort_configure_pci(const struct uiommu_iort *iort, struct uiommu_device *dev);

/**
 * uiommu_iort_configure_component() - the same for a device in the ACPI namespace
 * @iort: the table
 * @dev: the device, in its configure operation
 * @object: its full path in the namespace, such as "\\_SB.DMA0"
 *
 * Its stream IDs are the outputs of its single mappings and all IDs of its other mappings, if these
 * are at most 256; a mapping of more is one of which only software knows the inputs.
 */
UIOMMU_API int uiommu_iort_configure_component(const struct uiommu_iort *iort,
					       struct uiommu_device *dev, const char *object);

/**
 * uiommu_iort_resv_regions() - append the memory that firmware lets a device reach (RMR)
 * @iort: the table
 * @spec: of the device: its SMMU and stream IDs
 * @list: what a driver's get_resv_regions was given
 *
 * DIRECT, or DIRECT_RELAXABLE where the table permits remapping.  Return: 0; what uiommu_resv_add()
 * returned.
 */
UIOMMU_API int uiommu_iort_resv_regions(const struct uiommu_iort *iort,
					const struct uiommu_fwspec *spec,
					struct uiommu_resv_list *list);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_IORT_H */
