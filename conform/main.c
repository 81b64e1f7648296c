/* SPDX-License-Identifier: MIT */
/* main.c - the command line of "uiommu conform" */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform/conform.h"

enum {
	KEY_FORMAT = 256,
	KEY_OUTPUT,
	KEY_JOBS,
	KEY_SHARD,
	KEY_SABOTAGE,
	KEY_SEED,
	KEY_LIST,
	KEY_SCENARIO,
	KEY_CONFIG,
	KEY_SWEEP,
	KEY_TIMEOUT,
	KEY_MACHINE
};

static const struct argp_option arguments[] = {
	{ "list", KEY_LIST, NULL, 0, "Name all scenarios, subjects and saboteurs", 0 },
	{ "scenario", KEY_SCENARIO, "GLOB", 0,
	  "Only scenarios whose ID matches, as C07*; may be given again for more", 0 },
	{ "config", KEY_CONFIG, "GLOB", 0, "Only configurations whose name matches", 0 },
	{ "machine", KEY_MACHINE, "NAME|FILE", 0,
	  "On this machine (built in, .dts or .dtb) instead of the subject's own", 0 },
	{ "format", KEY_FORMAT, "NAME", 0, "table (for people), ktap or junit", 0 },
	{ "output", KEY_OUTPUT, "FILE", 0, "Write there instead of to standard output", 0 },
	{ "jobs", KEY_JOBS, "N", 0, "Processes at a time (all processors)", 0 },
	{ "shard", KEY_SHARD, "I/N", 0, "Only the Ith of N parts of the work", 0 },
	{ "sabotage", KEY_SABOTAGE, "NAME", 0,
	  "Judge the suite: break one rule of the driver, or each in turn with \"all\"", 0 },
	{ "sweep", KEY_SWEEP, NULL, 0, "Let each allocation of each scenario fail once", 0 },
	{ "seed", KEY_SEED, "N", 0, "For everything random (1)", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "For one scenario (60)", 0 },
	{ 0 },
};

struct command {
	struct conform_options options;
	const char **subjects, **scenarios;
	size_t num_subjects, num_scenarios;
};

static unsigned long long number(const char *text, struct argp_state *state, const char *what,
				 unsigned long long max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value > max) {
		fprintf(stderr, "uiommu conform: %s: \"%s\" is not a number from 0 to %llu\n", what,
			text, max);
		exit(2);
	}
	(void)state;
	return value;
}

static void shard(const char *text, struct conform_options *o)
{
	char end;

	if (sscanf(text, "%u/%u%c", &o->shard, &o->shards, &end) != 2 || !o->shard ||
	    o->shard > o->shards) {
		fprintf(stderr, "uiommu conform: --shard: \"%s\" is not I/N with I from 1 to N\n",
			text);
		exit(2);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct command *command = state->input;
	struct conform_options *o = &command->options;

	switch (key) {
	case KEY_LIST:
		o->list = true;
		break;
	case KEY_SCENARIO:
		command->scenarios[command->num_scenarios++] = arg;
		o->scenarios = command->scenarios;
		break;
	case KEY_CONFIG:
		o->config = arg;
		break;
	case KEY_MACHINE:
		o->machine = arg;
		break;
	case KEY_FORMAT:
		o->format = arg;
		break;
	case KEY_OUTPUT:
		o->output = arg;
		break;
	case KEY_JOBS:
		o->jobs = (unsigned int)number(arg, state, "--jobs", 64);
		break;
	case KEY_SHARD:
		shard(arg, o);
		break;
	case KEY_SABOTAGE:
		o->sabotage = arg;
		break;
	case KEY_SWEEP:
		o->sweep = true;
		break;
	case KEY_SEED:
		o->seed = number(arg, state, "--seed", UINT64_MAX);
		break;
	case KEY_TIMEOUT:
		o->timeout = (unsigned int)number(arg, state, "--timeout", 86400);
		break;
	case ARGP_KEY_ARG:
		command->subjects[command->num_subjects++] = arg;
		o->subjects = command->subjects;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int conform_main(int argc, char **argv)
{
	static const struct argp argp = {
		arguments,
		parse,
		"[SUBJECT...]",
		"Judge IOMMU drivers by the contract of the IOMMU subsystem.\v"
		"Exit status: 0 all passed, 1 something failed, 2 usage or set-up error.",
		NULL,
		NULL,
		NULL
	};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct command command = {
		.options = { .format = "table", .seed = 1, .timeout = 60 },
	};
	int status;

	command.subjects = calloc((size_t)argc + 1, sizeof(*command.subjects));
	command.scenarios = calloc((size_t)argc + 1, sizeof(*command.scenarios));
	if (!command.subjects || !command.scenarios) {
		free(command.subjects);
		free(command.scenarios);
		return 2;
	}
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &command);
	if (!command.options.jobs)
		command.options.jobs =
			processors > 0 && processors < 64 ? (unsigned int)processors : 2;
	status = conform_run(&command.options);
	free(command.subjects);
	free(command.scenarios);
	return status;
}
