/* SPDX-License-Identifier: MIT */
/*
 * main.c - explores the races, or finds the bugs; writes TAP
 *
 *	explore [--bound N] [--not NAME] [NAME...]	each race, to exhaustion
 *	explore-bugs [NAME...]		each race with each of its bugs
 *	explore-bugs --bug BUG SEED	replay: what each thread does, and how it ends; also without --bug
 *	... --list			the races and their bugs
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/explore/mutants.h"
#include "tests/explore/race.h"

static const struct race *const tables[] = { races_core, races_attach, races_faults, races_reset,
					     races_hardware };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

struct run {
	unsigned int bound;
	int num_names;
	char **names;
	const char *but; /* or NULL: not these */
	unsigned int tests, failed;
};

static bool wanted(const struct run *run, const char *name)
{
	if (run->but && fnmatch(run->but, name, 0) == 0)
		return false;
	for (int i = 0; i < run->num_names; i++)
		if (fnmatch(run->names[i], name, 0) == 0)
			return true;
	return !run->num_names;
}

static void verdict(struct run *run, bool good, const char *line)
{
	run->tests++;
	run->failed += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", run->tests, line);
	fflush(stdout);
}

static void explore_good(struct run *run, const struct race *race)
{
	const struct explore_options options = { .preemptions = run->bound, .shorter = 2000 };
	struct explore_result r;
	char line[512];

	explore_search(&race->race, &options, &r);
	snprintf(line, sizeof(line),
		 "%s: %llu schedules, %llu more cut short, %llu states, up to %llu points on %u "
		 "objects, %u preemptions, %s, %.1f s",
		 race->race.name, (unsigned long long)r.schedules, (unsigned long long)r.cut,
		 (unsigned long long)r.states, (unsigned long long)r.points, r.objects, r.bound,
		 r.exhausted ? "exhaustive" : "not exhaustive", r.seconds);
	verdict(run, r.exhausted && !r.failed, line);
	if (r.failed)
		printf("# %s\n# seed %s\n", r.failure, r.seed);
	fflush(stdout);
}

static bool applies(const char *bug)
{
	for (size_t i = 0; mutants_missing[i]; i++)
		if (strcmp(mutants_missing[i], bug) == 0)
			return false;
	return true;
}

/* Found, replayed with the same end, and without the bug the same schedule is good. */
static void explore_bad(struct run *run, const struct race *race, const char *bug)
{
	const struct explore_options options = { .preemptions = run->bound, .shorter = 2000 };
	struct explore_result r, again = { 0 }, good = { 0 };
	char line[512];
	bool same;

	if (!applies(bug)) {
		snprintf(line, sizeof(line), "%s with %s: bugs.py no longer fits the source",
			 race->race.name, bug);
		verdict(run, false, line);
		return;
	}
	explore_set_bug(bug);
	explore_search(&race->race, &options, &r);
	if (r.failed)
		explore_replay(&race->race, r.seed, &again, NULL, NULL);
	explore_set_bug(NULL);
	if (r.failed)
		explore_replay(&race->race, r.seed, &good, NULL, NULL);
	same = again.failed && strcmp(again.failure, r.failure) == 0;
	snprintf(line, sizeof(line), "%s with %s: %s after %llu schedules, %u preemptions, %.1f s",
		 race->race.name, bug, r.failed ? "found" : "NOT found",
		 (unsigned long long)(r.failed ? r.found_after : r.schedules), r.preemptions,
		 r.seconds);
	verdict(run, r.failed && same, line);
	if (r.failed)
		printf("# %s\n# seed %s\n", r.failure, r.seed);
	if (r.failed && !same)
		printf("# the seed does not replay: %s\n", again.failure);
	/* Another step count can make a seed of the bug none of the good code; it must not fail otherwise. */
	if (good.failed && !strstr(good.failure, "the seed does not fit")) {
		run->failed++;
		printf("# without the bug the seed fails too: %s\n", good.failure);
	}
	fflush(stdout);
}

static void print_line(void *context, const char *line)
{
	(void)context;
	puts(line);
}

static int replay(const char *seed)
{
	struct explore_result r;

	for (size_t t = 0; t < TABLES; t++) {
		for (const struct race *race = tables[t]; race->title; race++) {
			const size_t length = strlen(race->race.name);

			if (strncmp(seed, race->race.name, length) != 0 || seed[length] != '@')
				continue;
			if (explore_replay(&race->race, seed, &r, print_line, NULL))
				break;
			printf("%s\n", r.failed ? r.failure : "passed");
			return r.failed;
		}
	}
	fprintf(stderr, "%s: not a seed of these races\n", seed);
	return 2;
}

static void list(void)
{
	for (size_t t = 0; t < TABLES; t++) {
		for (const struct race *race = tables[t]; race->title; race++) {
			printf("%-28s %s\n", race->race.name, race->title);
			for (unsigned int b = 0; b < RACE_BUGS && race->bugs[b]; b++)
				printf("%-28s   bug: %s\n", "", race->bugs[b]);
		}
	}
}

int main(int argc, char **argv)
{
	struct run run = { .bound = 3 };
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "--list")) {
			list();
			return 0;
		}
		if (!strcmp(argv[at], "--bound") && at + 1 < argc) {
			run.bound = (unsigned int)strtoul(argv[++at], NULL, 10);
		} else if (!strcmp(argv[at], "--not") && at + 1 < argc) {
			run.but = argv[++at];
		} else if (!strcmp(argv[at], "--bug") && at + 1 < argc) {
			explore_set_bug(argv[++at]);
		} else {
			fprintf(stderr,
				"usage: %s [--list] [--bound N] [--not NAME] [--bug BUG] [NAME|SEED...]\n",
				argv[0]);
			return 2;
		}
	}
	if (at < argc && strchr(argv[at], '@'))
		return replay(argv[at]);
	run.names = argv + at;
	run.num_names = argc - at;
	for (size_t t = 0; t < TABLES; t++) {
		for (const struct race *race = tables[t]; race->title; race++) {
			if (!wanted(&run, race->race.name))
				continue;
			if (!mutants_are_here)
				explore_good(&run, race);
			for (unsigned int b = 0; mutants_are_here && b < RACE_BUGS && race->bugs[b];
			     b++)
				explore_bad(&run, race, race->bugs[b]);
		}
	}
	printf("1..%u\n", run.tests);
	return run.failed ? 1 : 0;
}
