/* SPDX-License-Identifier: MIT */
/* report.c - the matrix for people, KTAP and JUnit for machines */
#include "conform/report.h"

#include <string.h>

static const char *const area_names[AREA_COUNT] = {
	[AREA_REGISTRATION] = "registration",
	[AREA_GROUPS] = "groups",
	[AREA_DEFAULT_DOMAIN] = "default domain",
	[AREA_ATTACH] = "attach, ownership",
	[AREA_PASID] = "PASID",
	[AREA_FAULTS] = "page requests",
	[AREA_MAPPING] = "map, unmap, invalidate",
	[AREA_DIRTY] = "coherency, dirty",
	[AREA_RACES] = "races",
	[AREA_IOMMUFD] = "iommufd",
	[AREA_VFIO] = "VFIO",
};

const char *conform_area_name(enum conform_area area)
{
	return area_names[area];
}

static bool bad(const struct conform_outcome *o)
{
	return (o->result == CONFORM_FAIL && !o->diverges) || o->unexpected_pass;
}

struct tally {
	unsigned int passed, failed, diverged, skipped;
};

/*
 * Over the configurations of one subject, a scenario failed if it failed in one of them, was skipped
 * if it was skipped in all, and passed otherwise.
 */
static void tally_scenario(const struct conform_results *r, const struct conform_subject *subject,
			   const struct conform_scenario *scenario, struct tally *tally)
{
	unsigned int passed = 0, failed = 0, diverged = 0, skipped = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct conform_outcome *o = &r->outcome[i];

		if (o->subject != subject || o->scenario != scenario)
			continue;
		passed += o->result == CONFORM_PASS;
		failed += bad(o);
		diverged += o->result == CONFORM_FAIL && o->diverges;
		skipped += o->result == CONFORM_SKIP;
	}
	if (failed)
		tally->failed++;
	else if (passed)
		tally->passed++;
	else if (diverged)
		tally->diverged++;
	else if (skipped)
		tally->skipped++;
}

static struct tally tally_area(const struct conform_results *r,
			       const struct conform_subject *subject, int area)
{
	struct tally tally = { 0 };

	for (const struct conform_scenario *const *table = conform_tables; *table; table++)
		for (const struct conform_scenario *s = *table; s->id; s++)
			if (area < 0 || (int)s->area == area)
				tally_scenario(r, subject, s, &tally);
	return tally;
}

static bool subject_ran(const struct conform_results *r, const struct conform_subject *subject)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->outcome[i].subject == subject)
			return true;
	return false;
}

static int format_cell(char *cell, size_t size, struct tally t)
{
	int n = snprintf(cell, size, "%u passed", t.passed);

	if (t.failed)
		n += snprintf(cell + n, size - (size_t)n, ", %u FAILED", t.failed);
	if (t.diverged)
		n += snprintf(cell + n, size - (size_t)n, ", %u diverge", t.diverged);
	if (t.skipped)
		n += snprintf(cell + n, size - (size_t)n, ", %u skipped", t.skipped);
	return n;
}

/* As wide as its name and its cells. */
static int column_width(const struct conform_results *r, const struct conform_subject *subject)
{
	int width = (int)strlen(subject->name);

	for (int area = -1; area < AREA_COUNT; area++) {
		char cell[64];
		int length = format_cell(cell, sizeof(cell), tally_area(r, subject, area));

		if (length > width)
			width = length;
	}
	return width;
}

static void print_row(FILE *out, const struct conform_results *r, int area)
{
	fprintf(out, "%-24s", area < 0 ? "all" : conform_area_name((enum conform_area)area));
	for (const struct conform_subject *s = conform_subjects; s->name; s++) {
		char cell[64];

		if (!subject_ran(r, s))
			continue;
		format_cell(cell, sizeof(cell), tally_area(r, s, area));
		fprintf(out, "  %-*s", column_width(r, s), cell);
	}
	fputc('\n', out);
}

/* Configurations of a subject that ran, each once. */
static void print_configs(FILE *out, const struct conform_results *r,
			  const struct conform_subject *subject)
{
	fprintf(out, "%s:", subject->name);
	for (size_t i = 0; i < r->count; i++) {
		bool first = r->outcome[i].subject == subject;

		for (size_t k = 0; k < i && first; k++)
			first = r->outcome[k].subject != subject ||
				r->outcome[k].config != r->outcome[i].config;
		if (first)
			fprintf(out, " %s", r->outcome[i].config->name);
	}
	fputc('\n', out);
}

static void print_skips(FILE *out, const struct conform_results *r)
{
	bool heading = false;

	for (size_t i = 0; i < r->count; i++) {
		const struct conform_outcome *o = &r->outcome[i];
		unsigned int same = 0;
		bool first = true;

		if (o->result != CONFORM_SKIP)
			continue;
		for (size_t k = 0; k < r->count; k++) {
			const struct conform_outcome *p = &r->outcome[k];

			if (p->result != CONFORM_SKIP || p->subject != o->subject ||
			    strcmp(p->message, o->message))
				continue;
			if (k < i)
				first = false;
			same++;
		}
		if (!first)
			continue;
		if (!heading)
			fputs("\nSkipped (scenarios x configurations):\n", out);
		heading = true;
		fprintf(out, "  %4u  %-10s  %s\n", same, o->subject->name, o->message);
	}
}

void report_table(FILE *out, const struct conform_results *r)
{
	bool heading = false;

	fprintf(out, "%-24s", "");
	for (const struct conform_subject *s = conform_subjects; s->name; s++)
		if (subject_ran(r, s))
			fprintf(out, "  %-*s", column_width(r, s), s->name);
	fputc('\n', out);
	for (int area = 0; area < AREA_COUNT; area++)
		print_row(out, r, area);
	print_row(out, r, -1);
	fputs("\nConfigurations:\n", out);
	for (const struct conform_subject *s = conform_subjects; s->name; s++)
		if (subject_ran(r, s)) {
			fputs("  ", out);
			print_configs(out, r, s);
		}
	print_skips(out, r);
	for (size_t i = 0; i < r->count; i++) {
		const struct conform_outcome *o = &r->outcome[i];

		if (o->result != CONFORM_FAIL || !o->diverges)
			continue;
		if (!heading)
			fputs("\nKnown divergences of the hardware:\n", out);
		heading = true;
		fprintf(out, "  %s %s/%s: %s\n", o->scenario->id, o->subject->name, o->config->name,
			o->divergence);
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct conform_outcome *o = &r->outcome[i];

		if (!bad(o))
			continue;
		fprintf(out, "\nFAILED %s %s/%s: %s\n  %s\n", o->scenario->id, o->subject->name,
			o->config->name, o->scenario->title,
			o->unexpected_pass ?
				"it passes, but a known divergence says that it cannot" :
				o->message);
		fprintf(out, "  again: uiommu conform %s --config %s --scenario %s --seed %llu%s\n",
			o->subject->name, o->config->name, o->scenario->id,
			(unsigned long long)r->seed, r->sweep ? " --sweep" : "");
	}
	if (r->sweep) {
		unsigned long long retried = 0, ended = 0;

		for (size_t i = 0; i < r->count; i++) {
			retried += r->outcome[i].retried;
			ended += r->outcome[i].ended;
		}
		fprintf(out,
			"\nSweep: %llu calls failed with -ENOMEM, leaked nothing and worked when repeated; "
			"%llu runs took another path after the failure\n",
			retried, ended);
	}
}

void report_ktap(FILE *out, const struct conform_results *r)
{
	fprintf(out, "KTAP version 1\n1..%zu\n", r->count);
	for (size_t i = 0; i < r->count; i++) {
		const struct conform_outcome *o = &r->outcome[i];

		if (bad(o))
			fprintf(out, "# %s\n",
				o->unexpected_pass ? "unexpected pass of a known divergence" :
						     o->message);
		fprintf(out, "%s %zu %s.%s.%s", bad(o) ? "not ok" : "ok", i + 1, o->subject->name,
			o->config->name, o->scenario->id);
		if (o->result == CONFORM_SKIP)
			fprintf(out, " # SKIP %s", o->message);
		else if (o->diverges)
			fprintf(out, " # XFAIL %s", o->divergence);
		else
			fprintf(out, " # %s", o->scenario->title);
		fputc('\n', out);
	}
}

static void xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			/* XML 1.0 has no control characters but these. */
			if ((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t')
				fputc(*text, out);
		}
	}
}

void report_junit(FILE *out, const struct conform_results *r)
{
	size_t failures = 0, skipped = 0;

	for (size_t i = 0; i < r->count; i++) {
		failures += bad(&r->outcome[i]);
		skipped += r->outcome[i].result == CONFORM_SKIP ||
			   (r->outcome[i].diverges && !bad(&r->outcome[i]));
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fprintf(out,
		"<testsuite name=\"uiommu conform\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
		r->count, failures, skipped);
	for (size_t i = 0; i < r->count; i++) {
		const struct conform_outcome *o = &r->outcome[i];

		fprintf(out, "  <testcase classname=\"%s.%s\" name=\"%s ", o->subject->name,
			o->config->name, o->scenario->id);
		xml(out, o->scenario->title);
		fprintf(out, "\" time=\"%.3f\">", o->seconds);
		if (bad(o)) {
			fputs("<failure message=\"", out);
			xml(out, o->unexpected_pass ? "unexpected pass of a known divergence" :
						      o->message);
			fputs("\"/>", out);
		} else if (o->result == CONFORM_SKIP || o->diverges) {
			fputs("<skipped message=\"", out);
			xml(out, o->diverges ? o->divergence : o->message);
			fputs("\"/>", out);
		}
		fputs("</testcase>\n", out);
	}
	fputs("</testsuite>\n", out);
}
