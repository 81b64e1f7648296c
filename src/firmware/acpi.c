/* SPDX-License-Identifier: MIT */
/* acpi.c - from the root pointer to a table, inside a memory image and nowhere else */
#include <uiommu/port.h>
#include "spec/acpi.h"
#include "src/firmware/bytes.h"
#include "src/firmware/table.h"

struct search {
	const struct uiommu_acpi_image *image;
	struct uiommu_acpi_error *error;
};

static int damaged(struct search *s, uint64_t address, const char *what, const char *why)
{
	if (s->error) {
		s->error->offset = (size_t)(address - s->image->base);
		s->error->what = what;
		s->error->why = why;
	}
	return -UIOMMU_EINVAL;
}

/* @size bytes at @address, or NULL if they are not all in the image. */
static const uint8_t *image_at(const struct uiommu_acpi_image *image, uint64_t address,
			       uint64_t size)
{
	if (address < image->base || address - image->base > image->size ||
	    size > image->size - (address - image->base))
		return NULL;
	return (const uint8_t *)image->data + (size_t)(address - image->base);
}

static bool sums_to_zero(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + data[i]);
	return sum == 0;
}

/* A whole table; NULL if it is not inside the image. */
static const uint8_t *table_at(const struct uiommu_acpi_image *image, uint64_t address,
			       size_t *length)
{
	const uint8_t *table = image_at(image, address, ACPI_TABLE_HEADER_SIZE);

	if (!table)
		return NULL;
	*length = bytes_le32(table + ACPI_TABLE_LENGTH);
	if (*length < ACPI_TABLE_HEADER_SIZE)
		return NULL;
	return image_at(image, address, *length);
}

/* The address of the XSDT (@width 8) or RSDT (@width 4). */
static int read_rsdp(struct search *s, uint64_t rsdp, uint64_t *root, size_t *width)
{
	const uint8_t *p = image_at(s->image, rsdp, ACPI_RSDP_SIZE_V1);
	size_t length;

	if (!p || !bytes_equal(p, ACPI_RSDP_SIGNATURE, 8))
		return damaged(s, rsdp, "RSDP", p ? "wrong signature" : "outside of the image");
	if (!sums_to_zero(p, ACPI_RSDP_SIZE_V1))
		return damaged(s, rsdp, "RSDP", "wrong checksum");
	*root = bytes_le32(p + ACPI_RSDP_RSDT);
	*width = 4;
	if (p[ACPI_RSDP_REVISION] < 2)
		return 0;

	p = image_at(s->image, rsdp, ACPI_RSDP_SIZE_V2);
	if (!p)
		return damaged(s, rsdp, "RSDP", "outside of the image");
	length = bytes_le32(p + ACPI_RSDP_LENGTH);
	if (length < ACPI_RSDP_SIZE_V2 || !image_at(s->image, rsdp, length))
		return damaged(s, rsdp + ACPI_RSDP_LENGTH, "RSDP", "impossible length");
	if (!sums_to_zero(p, length))
		return damaged(s, rsdp, "RSDP", "wrong extended checksum");
	if (bytes_le64(p + ACPI_RSDP_XSDT)) {
		*root = bytes_le64(p + ACPI_RSDP_XSDT);
		*width = 8;
	}
	return 0;
}

int uiommu_acpi_find_table(const struct uiommu_acpi_image *image, uint64_t rsdp,
			   const char signature[4], const void **table, size_t *length,
			   struct uiommu_acpi_error *error)
{
	struct search s = { .image = image, .error = error };
	size_t width, root_length, found_length;
	const uint8_t *root, *found;
	uint64_t address;
	int rc;

	rc = read_rsdp(&s, rsdp, &address, &width);
	if (rc)
		return rc;
	root = table_at(image, address, &root_length);
	if (!root || !bytes_equal(root, width == 8 ? "XSDT" : "RSDT", 4))
		return damaged(&s, rsdp, width == 8 ? "XSDT" : "RSDT",
			       root ? "wrong signature" : "not all inside the image");
	if (!sums_to_zero(root, root_length))
		return damaged(&s, address, "XSDT", "wrong checksum");

	for (size_t at = ACPI_TABLE_HEADER_SIZE; root_length - at >= width; at += width) {
		uint64_t entry = width == 8 ? bytes_le64(root + at) : bytes_le32(root + at);

		found = image_at(image, entry, 4);
		if (!found || !bytes_equal(found, signature, 4))
			continue;
		found = table_at(image, entry, &found_length);
		if (!found)
			return damaged(&s, entry, "table", "not all inside the image");
		if (!sums_to_zero(found, found_length))
			return damaged(&s, entry, "table", "wrong checksum");
		*table = found;
		*length = found_length;
		return 0;
	}
	return -UIOMMU_ENOENT;
}

/* ---- a table --------------------------------------------------------------------------------- */

int uiommu_acpi_damaged(struct uiommu_acpi_error *error, size_t offset, const char *what,
			const char *why)
{
	if (error) {
		error->offset = offset;
		error->what = what;
		error->why = why;
	}
	return -UIOMMU_EINVAL;
}

int uiommu_acpi_table_copy(void *host, const void *table, size_t size, const char *signature,
			   size_t least, uint8_t **copy, size_t *copy_size,
			   struct uiommu_acpi_error *error)
{
	const uint8_t *bytes = table;
	size_t length;

	if (size < least)
		return uiommu_acpi_damaged(error, 0, signature, "shorter than its header");
	if (!bytes_equal(bytes, signature, 4))
		return uiommu_acpi_damaged(error, 0, signature, "wrong signature");
	length = bytes_le32(bytes + ACPI_TABLE_LENGTH);
	if (length < least || length > size)
		return uiommu_acpi_damaged(error, ACPI_TABLE_LENGTH, signature,
					   "impossible length");
	*copy = uiommu_port_alloc(host, length);
	if (!*copy)
		return -UIOMMU_ENOMEM;
	for (size_t i = 0; i < length; i++)
		(*copy)[i] = bytes[i];
	*copy_size = length;
	return 0;
}
