/* SPDX-License-Identifier: MIT */
/* table.h - what the readers of ACPI tables share */
#ifndef SRC_FIRMWARE_TABLE_H
#define SRC_FIRMWARE_TABLE_H

#include <uiommu/acpi.h>

/*
 * A copy of a table, as long as its header says, once that was checked: nobody changes it while it is read.
 * @signature: four letters, a static string; @least: bytes that the table's own header takes.
 * 0 (@copy is the caller's, of *copy_size bytes); -UIOMMU_EINVAL with @error filled in; -UIOMMU_ENOMEM.
 */
int uiommu_acpi_table_copy(void *host, const void *table, size_t size, const char *signature,
			   size_t least, uint8_t **copy, size_t *copy_size,
			   struct uiommu_acpi_error *error);

/* Fills in @error, which may be NULL; -UIOMMU_EINVAL. */
int uiommu_acpi_damaged(struct uiommu_acpi_error *error, size_t offset, const char *what,
			const char *why);

#endif /* SRC_FIRMWARE_TABLE_H */
