/* SPDX-License-Identifier: MIT */
/*
 * uiommu/acpi.h - what ACPI tables say about IOMMUs: finding tables, and DMAR (Intel VT-d)
 *
 * A table is parsed once into structures that do not change any more; questions are then asked about
 * PCI functions (uiommu/pci.h).  Nothing in a table is believed: every length and offset is checked, and
 * a table with an inconsistent one is refused as a whole, with the place and the reason.
 *
 * Thread-safety: parse and free are the caller's to serialise; everything else only reads.
 * Stability: 0.x, may change with any minor release.
 *
 * Sources: ACPI 6.5, 5.2.5 to 5.2.8; Intel VT-d architecture specification, chapter 8.
 */
#ifndef UIOMMU_ACPI_H
#define UIOMMU_ACPI_H

#include <uiommu/driver.h>
#include <uiommu/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a table was refused, for one line to a person. */
struct uiommu_acpi_error {
	size_t offset; /* in bytes, from the start of what was parsed */
	const char *what; /* "DRHD", "device scope", ...: a static string */
	const char *why; /* "longer than the table", ...: a static string */
};

/* ---- finding a table --------------------------------------------------------------------------- */

/* A stretch of physical memory that holds all tables. */
struct uiommu_acpi_image {
	const void *data;
	uint64_t base; /* the physical address of its first byte */
	uint64_t size; /* bytes */
};

/**
 * uiommu_acpi_find_table() - from the root pointer over XSDT or RSDT to a table
 * @image: the memory; nothing outside is read
 * @rsdp: physical address of the root system description pointer
 * @signature: 4 characters, such as "DMAR"
 * @table: the first table of that name, inside @image, on success
 * @length: its length
 * @error: filled in if a structure is damaged; may be NULL
 *
 * Checksums of the root pointer, XSDT or RSDT and the table found are checked.  Other tables that lie
 * outside of the image are passed over.
 *
 * Return: 0; -UIOMMU_ENOENT: no such table; -UIOMMU_EINVAL: damaged.
 */
UIOMMU_API int uiommu_acpi_find_table(const struct uiommu_acpi_image *image, uint64_t rsdp,
				      const char signature[4], const void **table, size_t *length,
				      struct uiommu_acpi_error *error);

/* ---- DMAR -------------------------------------------------------------------------------------- */

enum uiommu_dmar_flags {
	UIOMMU_DMAR_INTR_REMAP = 1u << 0,
	UIOMMU_DMAR_X2APIC_OPT_OUT = 1u << 1,
	UIOMMU_DMAR_PLATFORM_OPT_IN = 1u << 2, /* firmware kept devices from DMA before the OS */
};

enum uiommu_dmar_scope_type {
	UIOMMU_DMAR_ENDPOINT = 1,
	UIOMMU_DMAR_BRIDGE = 2, /* and everything below it */
	UIOMMU_DMAR_IOAPIC = 3,
	UIOMMU_DMAR_HPET = 4,
	UIOMMU_DMAR_NAMESPACE = 5,
};

/* One step down: the device and function on the bus that the steps before led to. */
struct uiommu_dmar_step {
	uint8_t device, function;
};

struct uiommu_dmar_scope {
	uint8_t type; /* enum uiommu_dmar_scope_type; unknown ones match nothing */
	uint8_t enumeration_id;
	uint8_t start_bus;
	uint8_t num_steps; /* at least 1 */
	const struct uiommu_dmar_step *steps;
};

/* What several structures begin with. */
struct uiommu_dmar_scopes {
	uint16_t segment;
	size_t count;
	const struct uiommu_dmar_scope *scopes;
};

/* A remapping unit (DRHD). */
struct uiommu_dmar_unit {
	struct uiommu_fwnode fwnode; /* its identity: for struct uiommu_vtd_config and fwspecs */
	char name[16]; /* "dmar0", counted in the table's order; what fwnode.name points to */
	struct uiommu_dmar_scopes scope;
	uint64_t base; /* of its registers, a multiple of 4096 */
	uint64_t size; /* bytes of registers, at least 4096 */
	bool include_all; /* all of the segment that no other unit has */
	bool has_proximity; /* RHSA */
	uint32_t proximity;
};

/* Memory that firmware lets devices reach (RMRR). */
struct uiommu_dmar_region {
	struct uiommu_dmar_scopes scope;
	uint64_t base;
	uint64_t last; /* inclusive */
};

/* Root ports below which ATS works (ATSR). */
struct uiommu_dmar_ports {
	struct uiommu_dmar_scopes scope;
	bool all; /* of the segment */
};

/* Integrated devices with an address translation cache (SATC). */
struct uiommu_dmar_caches {
	struct uiommu_dmar_scopes scope;
	bool required; /* they do not work without ATS */
};

/* A device in the ACPI namespace (ANDD). */
struct uiommu_dmar_name {
	uint8_t number; /* the enumeration ID of its scope */
	const char *name;
};

struct uiommu_dmar {
	unsigned int host_width; /* bits of a physical address */
	unsigned int flags; /* enum uiommu_dmar_flags */

	size_t num_units, num_regions, num_ports, num_caches, num_names;
	struct uiommu_dmar_unit *units;
	struct uiommu_dmar_region *regions;
	struct uiommu_dmar_ports *ports;
	struct uiommu_dmar_caches *caches;
	struct uiommu_dmar_name *names;

	/* Private. */
	void *host;
	size_t num_scopes, num_steps, name_bytes;
	struct uiommu_dmar_scope *scopes;
	struct uiommu_dmar_step *steps;
	char *strings;
};

/**
 * uiommu_dmar_parse() - read a DMAR table
 * @host: for the port's memory
 * @table: the table with its header; not needed any more afterwards
 * @size: bytes that may be read
 * @out: the result on success, the caller's until uiommu_dmar_free()
 * @error: filled in with -UIOMMU_EINVAL; may be NULL
 *
 * The checksum is not looked at: tables reach us relocated.  Structures of unknown types are passed over.
 *
 * Return: 0; -UIOMMU_EINVAL: not a DMAR table, or damaged; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_dmar_parse(void *host, const void *table, size_t size,
				 struct uiommu_dmar **out, struct uiommu_acpi_error *error);

/** uiommu_dmar_free() - nothing may name its units' fwnodes any more; NULL does nothing */
UIOMMU_API void uiommu_dmar_free(struct uiommu_dmar *dmar);

/**
 * uiommu_dmar_unit_of() - the unit that translates a PCI function
 *
 * The unit that names it or a bridge above it; otherwise the one that takes the rest of the segment.
 * Return: NULL if there is none: its DMA is not translated.
 */
UIOMMU_API const struct uiommu_dmar_unit *uiommu_dmar_unit_of(const struct uiommu_dmar *dmar,
							      const struct uiommu_pci_function *fn);

/**
 * uiommu_dmar_resv_regions() - append the regions that firmware reserves for a PCI function
 *
 * DIRECT; DIRECT_RELAXABLE for USB controllers and graphics, whose firmware use ends when a driver
 * takes over.  Widened to whole 4 KiB pages.  Return: 0; what uiommu_resv_add() returned.
 */
UIOMMU_API int uiommu_dmar_resv_regions(const struct uiommu_dmar *dmar,
					struct uiommu_pci_function *fn,
					struct uiommu_resv_list *list);

/**
 * uiommu_dmar_ats_allowed() - may this function use ATS?
 *
 * Yes if an SATC names it, if it is integrated in the root complex, or if it is below a root port that
 * an ATSR names, with nothing but PCI Express on the way.
 */
UIOMMU_API bool uiommu_dmar_ats_allowed(const struct uiommu_dmar *dmar,
					struct uiommu_pci_function *fn);

/**
 * uiommu_dmar_namespace_device() - the unit and source ID of a device in the ACPI namespace
 * @dmar: the table
 * @name: its full path, as in the ANDD structure
 * @unit: on success
 * @source_id: on success
 *
 * Return: 0; -UIOMMU_ENOENT: not named, or in no unit's scope, or behind a bridge.
 */
UIOMMU_API int uiommu_dmar_namespace_device(const struct uiommu_dmar *dmar, const char *name,
					    const struct uiommu_dmar_unit **unit,
					    uint16_t *source_id);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_ACPI_H */
