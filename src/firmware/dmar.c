/* SPDX-License-Identifier: MIT */
/*
 * dmar.c - the DMAR table: which remapping unit a device is behind
 *
 * The table is copied, so that nobody changes it meanwhile, and walked twice by the same code.  The first
 * walk checks every length and counts; then memory is allocated; the second walk fills it in and finds
 * nothing wrong that the first did not.  So an array can never be too short.  Sections are those of the
 * VT-d specification.
 */
#include <uiommu/acpi.h>
#include "spec/acpi.h"
#include "spec/pci.h"
#include "src/firmware/bytes.h"
#include "src/firmware/table.h"

struct parser {
	const uint8_t *table;
	size_t size; /* the table's own length, at most what may be read */
	struct uiommu_acpi_error *error;
	struct uiommu_dmar *dmar; /* counters, and arrays in the second walk */
	bool fill;
};

/* One remapping structure: bytes [start, end) of the table. */
struct span {
	const char *what;
	size_t start, end;
};

static int damaged(struct parser *p, size_t offset, const char *what, const char *why)
{
	return uiommu_acpi_damaged(p->error, offset, what, why);
}

/* Device scopes (8.3.1) from @at to the end of the structure. */
static int parse_scopes(struct parser *p, const struct span *span, size_t at, size_t segment_at,
			struct uiommu_dmar_scopes *out)
{
	struct uiommu_dmar *dmar = p->dmar;
	size_t first = dmar->num_scopes;

	while (at < span->end) {
		const uint8_t *bytes = p->table + at;
		size_t length, steps;

		if (span->end - at < ACPI_SCOPE_HEADER_SIZE)
			return damaged(p, at, "device scope", "cut off by its structure's end");
		length = bytes[ACPI_SCOPE_LENGTH];
		if (length > span->end - at)
			return damaged(p, at, "device scope", "longer than its structure");
		if (length < ACPI_SCOPE_PATH + 2 || length % 2)
			return damaged(p, at, "device scope", "length is not 6 plus 2 per step");
		steps = (length - ACPI_SCOPE_PATH) / 2;

		if (p->fill) {
			struct uiommu_dmar_step *step = dmar->steps + dmar->num_steps;

			dmar->scopes[dmar->num_scopes] = (struct uiommu_dmar_scope){
				.type = bytes[ACPI_SCOPE_TYPE],
				.enumeration_id = bytes[ACPI_SCOPE_ENUMERATION_ID],
				.start_bus = bytes[ACPI_SCOPE_START_BUS],
				.num_steps = (uint8_t)steps,
				.steps = step,
			};
			for (size_t i = 0; i < steps; i++) {
				step[i].device = bytes[ACPI_SCOPE_PATH + 2 * i];
				step[i].function = bytes[ACPI_SCOPE_PATH + 2 * i + 1];
			}
		}
		dmar->num_scopes++;
		dmar->num_steps += steps;
		at += length;
	}
	if (p->fill) {
		out->segment = bytes_le16(p->table + span->start + segment_at);
		out->count = dmar->num_scopes - first;
		out->scopes = out->count ? dmar->scopes + first : NULL;
	}
	return 0;
}

static void name_unit(struct uiommu_dmar_unit *unit, size_t number)
{
	static const char prefix[] = "dmar";
	char digits[8]; /* a table has less than 2^32 / 16 units: 9 digits; names stop at 7 */
	size_t n = 0, at = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number && n < sizeof(digits));
	while (prefix[at]) {
		unit->name[at] = prefix[at];
		at++;
	}
	while (n)
		unit->name[at++] = digits[--n];
	unit->name[at] = 0;
	unit->fwnode.name = unit->name;
}

/* 8.3 */
static int parse_drhd(struct parser *p, const struct span *span)
{
	const uint8_t *bytes = p->table + span->start;
	uint64_t base = bytes_le64(bytes + ACPI_DMAR_DRHD_BASE);
	struct uiommu_dmar_unit none = { 0 };
	struct uiommu_dmar_unit *unit = p->fill ? &p->dmar->units[p->dmar->num_units] : &none;
	uint64_t size = UINT64_C(4096) << (bytes[ACPI_DMAR_DRHD_SIZE] & 0xf);

	if (!base || base % 4096)
		return damaged(p, span->start + ACPI_DMAR_DRHD_BASE, span->what,
			       "register base is 0 or not a multiple of 4096");
	if (base + size - 1 < base)
		return damaged(p, span->start + ACPI_DMAR_DRHD_BASE, span->what,
			       "registers wrap around the address space");
	if (p->fill) {
		name_unit(unit, p->dmar->num_units);
		unit->base = base;
		unit->size = size;
		unit->include_all = bytes[ACPI_DMAR_DRHD_FLAGS] & ACPI_DMAR_DRHD_INCLUDE_PCI_ALL;
	}
	p->dmar->num_units++;
	return parse_scopes(p, span, span->start + ACPI_DMAR_DRHD_SCOPES, ACPI_DMAR_DRHD_SEGMENT,
			    &unit->scope);
}

/* 8.4 */
static int parse_rmrr(struct parser *p, const struct span *span)
{
	const uint8_t *bytes = p->table + span->start;
	uint64_t base = bytes_le64(bytes + ACPI_DMAR_RMRR_BASE);
	uint64_t last = bytes_le64(bytes + ACPI_DMAR_RMRR_LIMIT);
	struct uiommu_dmar_region none = { 0 };
	struct uiommu_dmar_region *region = p->fill ? &p->dmar->regions[p->dmar->num_regions] :
						      &none;

	if (last < base)
		return damaged(p, span->start + ACPI_DMAR_RMRR_LIMIT, span->what,
			       "ends before it starts");
	if (last - base >= UINT64_MAX - 2 * 4096)
		return damaged(p, span->start + ACPI_DMAR_RMRR_LIMIT, span->what,
			       "covers the whole address space");
	region->base = base;
	region->last = last;
	p->dmar->num_regions++;
	return parse_scopes(p, span, span->start + ACPI_DMAR_RMRR_SCOPES, ACPI_DMAR_RMRR_SEGMENT,
			    &region->scope);
}

/* 8.5 */
static int parse_atsr(struct parser *p, const struct span *span)
{
	struct uiommu_dmar_ports none = { 0 };
	struct uiommu_dmar_ports *ports = p->fill ? &p->dmar->ports[p->dmar->num_ports] : &none;

	ports->all = p->table[span->start + ACPI_DMAR_ATSR_FLAGS] & ACPI_DMAR_ATSR_ALL_PORTS;
	p->dmar->num_ports++;
	return parse_scopes(p, span, span->start + ACPI_DMAR_ATSR_SCOPES, ACPI_DMAR_ATSR_SEGMENT,
			    &ports->scope);
}

/* 8.6: may stand before its unit, so the second walk's end puts them together. */
static void apply_rhsa(struct parser *p, size_t start)
{
	const uint8_t *bytes = p->table + start;

	for (size_t i = 0; i < p->dmar->num_units; i++) {
		struct uiommu_dmar_unit *unit = &p->dmar->units[i];

		if (unit->base == bytes_le64(bytes + ACPI_DMAR_RHSA_BASE)) {
			unit->has_proximity = true;
			unit->proximity = bytes_le32(bytes + ACPI_DMAR_RHSA_DOMAIN);
		}
	}
}

/* 8.7 */
static int parse_andd(struct parser *p, const struct span *span)
{
	const uint8_t *name = p->table + span->start + ACPI_DMAR_ANDD_NAME;
	size_t room = span->end - span->start - ACPI_DMAR_ANDD_NAME;
	struct uiommu_dmar *dmar = p->dmar;
	size_t length = 0;

	while (length < room && name[length])
		length++;
	if (length == room)
		return damaged(p, span->start + ACPI_DMAR_ANDD_NAME, span->what,
			       "name does not end");
	if (p->fill) {
		char *copy = dmar->strings + dmar->name_bytes;

		for (size_t i = 0; i <= length; i++)
			copy[i] = (char)name[i];
		dmar->names[dmar->num_names].number = p->table[span->start + ACPI_DMAR_ANDD_NUMBER];
		dmar->names[dmar->num_names].name = copy;
	}
	dmar->num_names++;
	dmar->name_bytes += length + 1;
	return 0;
}

/* 8.8 */
static int parse_satc(struct parser *p, const struct span *span)
{
	struct uiommu_dmar_caches none = { 0 };
	struct uiommu_dmar_caches *caches = p->fill ? &p->dmar->caches[p->dmar->num_caches] : &none;

	caches->required = p->table[span->start + ACPI_DMAR_SATC_FLAGS] &
			   ACPI_DMAR_SATC_ATC_REQUIRED;
	p->dmar->num_caches++;
	return parse_scopes(p, span, span->start + ACPI_DMAR_SATC_SCOPES, ACPI_DMAR_SATC_SEGMENT,
			    &caches->scope);
}

/* What is understood, by type.  A structure is at least @size long before @parse sees it. */
static const struct {
	const char *what;
	size_t size;
	int (*parse)(struct parser *p, const struct span *span);
} structures[] = {
	[ACPI_DMAR_DRHD] = { "DRHD", ACPI_DMAR_DRHD_SCOPES, parse_drhd },
	[ACPI_DMAR_RMRR] = { "RMRR", ACPI_DMAR_RMRR_SCOPES, parse_rmrr },
	[ACPI_DMAR_ATSR] = { "ATSR", ACPI_DMAR_ATSR_SCOPES, parse_atsr },
	[ACPI_DMAR_RHSA] = { "RHSA", ACPI_DMAR_RHSA_SIZE, NULL },
	[ACPI_DMAR_ANDD] = { "ANDD", ACPI_DMAR_ANDD_NAME + 1, parse_andd },
	[ACPI_DMAR_SATC] = { "SATC", ACPI_DMAR_SATC_SCOPES, parse_satc },
};

static int walk(struct parser *p)
{
	for (size_t at = ACPI_DMAR_HEADER_SIZE; at < p->size;) {
		struct span span = { .start = at };
		size_t type, length;
		int rc;

		if (p->size - at < ACPI_DMAR_SUB_HEADER_SIZE)
			return damaged(p, at, "remapping structure", "cut off by the table's end");
		type = bytes_le16(p->table + at + ACPI_DMAR_SUB_TYPE);
		length = bytes_le16(p->table + at + ACPI_DMAR_SUB_LENGTH);
		span.what = type < sizeof(structures) / sizeof(structures[0]) ?
				    structures[type].what :
				    "remapping structure";
		span.end = at + length;
		if (length < ACPI_DMAR_SUB_HEADER_SIZE)
			return damaged(p, at, span.what, "shorter than its header");
		if (length > p->size - at)
			return damaged(p, at, span.what, "longer than the table");
		if (type < sizeof(structures) / sizeof(structures[0])) {
			if (length < structures[type].size)
				return damaged(p, at, span.what, "too short for its type");
			rc = structures[type].parse ? structures[type].parse(p, &span) : 0;
			if (rc)
				return rc;
		}
		at += length;
	}
	return 0;
}

/* After the second walk, which has checked everything already. */
static void apply_proximities(struct parser *p)
{
	for (size_t at = ACPI_DMAR_HEADER_SIZE; at < p->size;
	     at += bytes_le16(p->table + at + ACPI_DMAR_SUB_LENGTH)) {
		if (bytes_le16(p->table + at + ACPI_DMAR_SUB_TYPE) == ACPI_DMAR_RHSA)
			apply_rhsa(p, at);
	}
}

/* An array of @count, or NULL with *ok = false; none for 0. */
static void *array(void *host, size_t count, size_t size, bool *ok)
{
	void *memory = count ? uiommu_port_alloc(host, count * size) : NULL;

	if (count && !memory)
		*ok = false;
	return memory;
}

static bool allocate(struct uiommu_dmar *dmar)
{
	bool ok = true;

	dmar->units = array(dmar->host, dmar->num_units, sizeof(*dmar->units), &ok);
	dmar->regions = array(dmar->host, dmar->num_regions, sizeof(*dmar->regions), &ok);
	dmar->ports = array(dmar->host, dmar->num_ports, sizeof(*dmar->ports), &ok);
	dmar->caches = array(dmar->host, dmar->num_caches, sizeof(*dmar->caches), &ok);
	dmar->names = array(dmar->host, dmar->num_names, sizeof(*dmar->names), &ok);
	dmar->scopes = array(dmar->host, dmar->num_scopes, sizeof(*dmar->scopes), &ok);
	dmar->steps = array(dmar->host, dmar->num_steps, sizeof(*dmar->steps), &ok);
	dmar->strings = array(dmar->host, dmar->name_bytes, 1, &ok);
	return ok;
}

/* Counters only; the arrays stay. */
static void reset_counts(struct uiommu_dmar *dmar)
{
	dmar->num_units = 0;
	dmar->num_regions = 0;
	dmar->num_ports = 0;
	dmar->num_caches = 0;
	dmar->num_names = 0;
	dmar->num_scopes = 0;
	dmar->num_steps = 0;
	dmar->name_bytes = 0;
}

/* Both walks over the parser's private copy. */
static int parse_copy(struct parser *p, void *host, struct uiommu_dmar **out)
{
	struct uiommu_dmar counts = { .host = host };
	struct uiommu_dmar *dmar;
	int rc;

	p->dmar = &counts;
	rc = walk(p);
	if (rc)
		return rc;
	dmar = uiommu_port_alloc(host, sizeof(*dmar));
	if (!dmar)
		return -UIOMMU_ENOMEM;
	*dmar = counts;
	if (!allocate(dmar)) {
		uiommu_dmar_free(dmar);
		return -UIOMMU_ENOMEM;
	}
	dmar->host_width = p->table[ACPI_DMAR_WIDTH] + 1u;
	dmar->flags =
		p->table[ACPI_DMAR_FLAGS] &
		(UIOMMU_DMAR_INTR_REMAP | UIOMMU_DMAR_X2APIC_OPT_OUT | UIOMMU_DMAR_PLATFORM_OPT_IN);
	reset_counts(dmar);
	p->dmar = dmar;
	p->fill = true;
	walk(p);
	apply_proximities(p);
	*out = dmar;
	return 0;
}

int uiommu_dmar_parse(void *host, const void *table, size_t size, struct uiommu_dmar **out,
		      struct uiommu_acpi_error *error)
{
	struct parser p = { .error = error };
	uint8_t *copy;
	int rc;

	rc = uiommu_acpi_table_copy(host, table, size, "DMAR", ACPI_DMAR_HEADER_SIZE, &copy,
				    &p.size, error);
	if (rc)
		return rc;
	p.table = copy;
	rc = parse_copy(&p, host, out);
	uiommu_port_free(host, copy, p.size);
	return rc;
}

void uiommu_dmar_free(struct uiommu_dmar *dmar)
{
	void *host;

	if (!dmar)
		return;
	host = dmar->host;
	uiommu_port_free(host, dmar->units, dmar->num_units * sizeof(*dmar->units));
	uiommu_port_free(host, dmar->regions, dmar->num_regions * sizeof(*dmar->regions));
	uiommu_port_free(host, dmar->ports, dmar->num_ports * sizeof(*dmar->ports));
	uiommu_port_free(host, dmar->caches, dmar->num_caches * sizeof(*dmar->caches));
	uiommu_port_free(host, dmar->names, dmar->num_names * sizeof(*dmar->names));
	uiommu_port_free(host, dmar->scopes, dmar->num_scopes * sizeof(*dmar->scopes));
	uiommu_port_free(host, dmar->steps, dmar->num_steps * sizeof(*dmar->steps));
	uiommu_port_free(host, dmar->strings, dmar->name_bytes);
	uiommu_port_free(host, dmar, sizeof(*dmar));
}

/* ---- questions --------------------------------------------------------------------------------- */

/* Does the scope's path lead to exactly this function?  Compared from its end upwards. */
static bool path_leads_to(const struct uiommu_dmar_scope *scope,
			  const struct uiommu_pci_function *fn)
{
	for (size_t i = scope->num_steps; fn && i--; fn = fn->parent) {
		if (PCI_SLOT(fn->devfn) != scope->steps[i].device ||
		    PCI_FUNC(fn->devfn) != scope->steps[i].function)
			return false;
		if (i == 0)
			return fn->bus == scope->start_bus;
	}
	return false;
}

static bool scope_covers(const struct uiommu_dmar_scope *scope,
			 const struct uiommu_pci_function *fn)
{
	if (scope->type == ACPI_SCOPE_ENDPOINT)
		return path_leads_to(scope, fn);
	if (scope->type != ACPI_SCOPE_BRIDGE)
		return false;
	for (; fn; fn = fn->parent) {
		if (path_leads_to(scope, fn))
			return true;
	}
	return false;
}

static bool scopes_cover(const struct uiommu_dmar_scopes *scopes,
			 const struct uiommu_pci_function *fn)
{
	if (scopes->segment != fn->segment)
		return false;
	for (size_t i = 0; i < scopes->count; i++) {
		if (scope_covers(&scopes->scopes[i], fn))
			return true;
	}
	return false;
}

const struct uiommu_dmar_unit *uiommu_dmar_unit_of(const struct uiommu_dmar *dmar,
						   const struct uiommu_pci_function *fn)
{
	const struct uiommu_dmar_unit *rest = NULL;

	for (size_t i = 0; i < dmar->num_units; i++) {
		const struct uiommu_dmar_unit *unit = &dmar->units[i];

		if (scopes_cover(&unit->scope, fn))
			return unit;
		if (unit->include_all && unit->scope.segment == fn->segment && !rest)
			rest = unit;
	}
	return rest;
}

/* CS 3.8: firmware's use of these ends when a driver takes them over. */
static bool is_relaxable(struct uiommu_pci_function *fn)
{
	uint32_t class = fn->topology->config_read(fn, PCI_CLASS_DEVICE, 2);

	return class == PCI_CLASS_SERIAL_USB || class >> 8 == PCI_BASE_CLASS_DISPLAY;
}

int uiommu_dmar_resv_regions(const struct uiommu_dmar *dmar, struct uiommu_pci_function *fn,
			     struct uiommu_resv_list *list)
{
	for (size_t i = 0; i < dmar->num_regions; i++) {
		const struct uiommu_dmar_region *region = &dmar->regions[i];
		uint64_t base = region->base & ~UINT64_C(4095);
		uint64_t last = region->last | UINT64_C(4095);
		int rc;

		if (!scopes_cover(&region->scope, fn))
			continue;
		rc = uiommu_resv_add(list, base, last - base + 1, UIOMMU_READ | UIOMMU_WRITE,
				     is_relaxable(fn) ? UIOMMU_RESV_DIRECT_RELAXABLE :
							UIOMMU_RESV_DIRECT);
		if (rc)
			return rc;
	}
	return 0;
}

bool uiommu_dmar_ats_allowed(const struct uiommu_dmar *dmar, struct uiommu_pci_function *fn)
{
	struct uiommu_pci_function *port;

	for (size_t i = 0; i < dmar->num_caches; i++) {
		if (scopes_cover(&dmar->caches[i].scope, fn))
			return true;
	}

	for (port = fn->parent; port; port = port->parent) {
		int type = uiommu_pci_express_type(port);

		if (type == PCI_PCIE_ROOT_PORT)
			break;
		if (type != PCI_PCIE_UPSTREAM_PORT && type != PCI_PCIE_DOWNSTREAM_PORT)
			return false;
	}
	if (!port)
		return !fn->parent;

	for (size_t i = 0; i < dmar->num_ports; i++) {
		const struct uiommu_dmar_ports *ports = &dmar->ports[i];

		if (ports->scope.segment == fn->segment &&
		    (ports->all || scopes_cover(&ports->scope, port)))
			return true;
	}
	return false;
}

/* The scope of namespace device @number in a unit; NULL if it has none. */
static const struct uiommu_dmar_scope *namespace_scope(const struct uiommu_dmar_unit *unit,
						       uint8_t number)
{
	for (size_t i = 0; i < unit->scope.count; i++) {
		const struct uiommu_dmar_scope *scope = &unit->scope.scopes[i];

		if (scope->type == ACPI_SCOPE_NAMESPACE && scope->enumeration_id == number)
			return scope;
	}
	return NULL;
}

int uiommu_dmar_namespace_device(const struct uiommu_dmar *dmar, const char *name,
				 const struct uiommu_dmar_unit **unit, uint16_t *source_id)
{
	const struct uiommu_dmar_scope *scope;
	size_t n = 0;

	while (n < dmar->num_names && !bytes_text_is(dmar->names[n].name, name))
		n++;
	if (n == dmar->num_names)
		return -UIOMMU_ENOENT;
	for (size_t i = 0; i < dmar->num_units; i++) {
		scope = namespace_scope(&dmar->units[i], dmar->names[n].number);
		if (!scope)
			continue;
		/* Behind a bridge the bus number is known only to who enumerated the bus. */
		if (scope->num_steps != 1)
			return -UIOMMU_ENOENT;
		*unit = &dmar->units[i];
		*source_id =
			(uint16_t)(scope->start_bus << 8 | PCI_DEVFN(scope->steps[0].device & 0x1f,
								     scope->steps[0].function & 7));
		return 0;
	}
	return -UIOMMU_ENOENT;
}
