/* SPDX-License-Identifier: MIT */
/*
 * acpi.h - layouts of the ACPI tables that describe IOMMUs
 *
 * Facts: root pointer and table headers from the "ACPI Specification" 6.5 (5.2.5 to 5.2.8); DMAR from
 * the "Intel Virtualization Technology for Directed I/O Architecture Specification", chapter 8.  ACPI_x
 * are byte offsets in a structure whose fields may lie at any alignment, little-endian.
 */
#ifndef SPEC_ACPI_H
#define SPEC_ACPI_H

/* ---- root system description pointer (ACPI 5.2.5.3) -------------------------------------------- */

#define ACPI_RSDP_SIGNATURE "RSD PTR " /* 8 bytes at 0, on a 16-byte boundary */
#define ACPI_RSDP_CHECKSUM 8 /* bytes 0 to 19 add up to 0 */
#define ACPI_RSDP_REVISION 15 /* 0: the first 20 bytes only; 2: all */
#define ACPI_RSDP_RSDT 16 /* 32 bits */
#define ACPI_RSDP_LENGTH 20 /* 32 bits; from here on with revision 2 */
#define ACPI_RSDP_XSDT 24 /* 64 bits */
#define ACPI_RSDP_EXTENDED_CHECKSUM 32 /* bytes 0 to LENGTH - 1 add up to 0 */
#define ACPI_RSDP_SIZE_V1 20
#define ACPI_RSDP_SIZE_V2 36

/* ---- header of every table (ACPI 5.2.6) -------------------------------------------------------- */

#define ACPI_TABLE_SIGNATURE 0 /* 4 bytes */
#define ACPI_TABLE_LENGTH 4 /* 32 bits, header included */
#define ACPI_TABLE_REVISION 8
#define ACPI_TABLE_CHECKSUM 9 /* all bytes add up to 0 */
#define ACPI_TABLE_HEADER_SIZE 36 /* RSDT: then 32-bit addresses; XSDT: then 64-bit ones */

/* ---- DMAR (VT-d 8.1) --------------------------------------------------------------------------- */

#define ACPI_DMAR_WIDTH 36 /* host address width, minus 1 */
#define ACPI_DMAR_FLAGS 37
#define ACPI_DMAR_INTR_REMAP (1u << 0)
#define ACPI_DMAR_X2APIC_OPT_OUT (1u << 1)
#define ACPI_DMAR_PLATFORM_OPT_IN (1u << 2) /* firmware kept devices from DMA before the OS */
#define ACPI_DMAR_HEADER_SIZE 48 /* then the remapping structures */

/* Every remapping structure (8.2). */
#define ACPI_DMAR_SUB_TYPE 0 /* 16 bits */
#define ACPI_DMAR_SUB_LENGTH 2 /* 16 bits, header included */
#define ACPI_DMAR_SUB_HEADER_SIZE 4

enum acpi_dmar_type {
	ACPI_DMAR_DRHD = 0, /* 8.3 a remapping unit */
	ACPI_DMAR_RMRR = 1, /* 8.4 a reserved memory region */
	ACPI_DMAR_ATSR = 2, /* 8.5 root ports below which ATS works */
	ACPI_DMAR_RHSA = 3, /* 8.6 proximity of a unit */
	ACPI_DMAR_ANDD = 4, /* 8.7 a device in the ACPI namespace */
	ACPI_DMAR_SATC = 5, /* 8.8 SoC integrated devices with an ATC */
	ACPI_DMAR_SIDP = 6, /* 8.9 SoC integrated device properties */
};

#define ACPI_DMAR_DRHD_FLAGS 4
#define ACPI_DMAR_DRHD_INCLUDE_PCI_ALL (1u << 0)
#define ACPI_DMAR_DRHD_SIZE 5 /* bits 3:0: the register set has 2^n pages; 0 before revision 4 */
#define ACPI_DMAR_DRHD_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_DRHD_BASE 8 /* 64 bits */
#define ACPI_DMAR_DRHD_SCOPES 16

#define ACPI_DMAR_RMRR_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_RMRR_BASE 8 /* 64 bits, multiple of 4096 */
#define ACPI_DMAR_RMRR_LIMIT 16 /* 64 bits, last byte; limit + 1 is a multiple of 4096 */
#define ACPI_DMAR_RMRR_SCOPES 24

#define ACPI_DMAR_ATSR_FLAGS 4
#define ACPI_DMAR_ATSR_ALL_PORTS (1u << 0) /* all root ports of the segment; no scopes */
#define ACPI_DMAR_ATSR_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_ATSR_SCOPES 8

#define ACPI_DMAR_RHSA_BASE 8 /* 64 bits: the unit's register base */
#define ACPI_DMAR_RHSA_DOMAIN 16 /* 32 bits */
#define ACPI_DMAR_RHSA_SIZE 20

#define ACPI_DMAR_ANDD_NUMBER 7 /* the enumeration ID of namespace scopes */
#define ACPI_DMAR_ANDD_NAME 8 /* NUL-terminated path */

#define ACPI_DMAR_SATC_FLAGS 4
#define ACPI_DMAR_SATC_ATC_REQUIRED (1u << 0) /* the devices do not work without ATS */
#define ACPI_DMAR_SATC_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_SATC_SCOPES 8

#define ACPI_DMAR_SIDP_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_SIDP_SCOPES 8

/* Device scope (8.3.1). */
#define ACPI_SCOPE_TYPE 0
#define ACPI_SCOPE_LENGTH 1 /* 6 + 2 for each step of the path */
#define ACPI_SCOPE_FLAGS 2 /* in SIDP only; reserved elsewhere */
#define ACPI_SCOPE_ENUMERATION_ID \
	4 /* I/O APIC: its ID; HPET: its number; namespace: ANDD's number */
#define ACPI_SCOPE_START_BUS 5
#define ACPI_SCOPE_PATH 6 /* {device, function} from the start bus downwards */
#define ACPI_SCOPE_HEADER_SIZE 6

enum acpi_scope_type {
	ACPI_SCOPE_ENDPOINT = 1,
	ACPI_SCOPE_BRIDGE = 2, /* the bridge and everything below it */
	ACPI_SCOPE_IOAPIC = 3,
	ACPI_SCOPE_HPET = 4,
	ACPI_SCOPE_NAMESPACE = 5,
};

#endif /* SPEC_ACPI_H */
