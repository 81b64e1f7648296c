/* SPDX-License-Identifier: MIT */
/*
 * runner.c - runs scenarios in processes of their own, and judges saboteurs
 *
 * Work is cut into tasks: a stretch of scenarios on one configuration of one subject.  Each task runs in a
 * child; the child tells over a pipe which scenario it begins and how it ended.  When a child dies or takes
 * too long, the scenario that it was in has failed, and a new child goes on with the next one.
 */
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conform/report.h"
#include "conform/saboteur.h"

#define SCENARIOS_PER_TASK 16
#define MAX_JOBS 64

/* What a child writes: once before a scenario (begin) and once after it. */
struct message {
	uint32_t index; /* of the outcome */
	bool begin;
	enum conform_result result;
	unsigned int retried, ended;
	double seconds;
	char version[32];
	char text[1024];
};

struct task {
	size_t first, count; /* outcomes */
};

struct child {
	pid_t pid; /* 0: free */
	int fd;
	struct task task;
	size_t next; /* the first outcome without a result */
	double deadline;
	struct message partial;
	size_t have;
};

struct run {
	const struct conform_options *options;
	struct conform_results results;
	const struct conform_subject *subject; /* this one alone; NULL: as the options say */
	const struct conform_saboteur *saboteur;
	bool stop_at_failure; /* saboteurs: one is enough */
	bool stopped;
	struct task *tasks;
	size_t num_tasks, next_task;
	struct child children[MAX_JOBS];
	bool progress;
	size_t done;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- in the child ------------------------------------------------------------------------------ */

static void run_once(const struct run *run, const struct conform_outcome *o, struct subject *s,
		     uint64_t fail_at)
{
	struct subject_layout layout = s->layout;

	memset(s, 0, sizeof(*s));
	s->layout = layout; /* of the same configuration, and else not used */
	s->kind = o->subject;
	s->config = o->config;
	s->scenario = o->scenario;
	s->seed = run->options->seed;
	s->saboteur = run->saboteur;
	s->fail_at = fail_at;
	subject_run(s);
}

/* Every allocation of the scenario fails once. */
static void sweep(const struct run *run, const struct conform_outcome *o, struct subject *s,
		  struct message *m)
{
	uint64_t steps;

	run_once(run, o, s, 0);
	steps = s->steps;
	if (s->result != CONFORM_PASS || (o->scenario->flags & CONFORM_NO_SWEEP))
		return;
	for (uint64_t n = 1; n <= steps; n++) {
		run_once(run, o, s, n);
		m->retried += s->retried;
		if (s->result == CONFORM_FAIL) {
			char text[sizeof(s->message)];

			memcpy(text, s->message, sizeof(text));
			snprintf(s->message, sizeof(s->message),
				 "allocation %llu of %llu fails: %.900s", (unsigned long long)n,
				 (unsigned long long)steps, text);
			return;
		}
		m->ended += s->result == CONFORM_INJECTED;
	}
	s->result = CONFORM_PASS;
}

static _Noreturn void child_main(const struct run *run, const struct task *task, int fd)
{
	static struct subject s; /* too large for a stack that scenarios share */
	bool complete = !run->options->sweep && !run->saboteur;

	for (size_t i = task->first; i < task->first + task->count; i++) {
		const struct conform_outcome *o = &run->results.outcome[i];
		struct message m = { .index = (uint32_t)i, .begin = true };
		double start = now();

		if (write(fd, &m, sizeof(m)) != sizeof(m))
			_exit(1);
		m.begin = false;
		if (run->options->sweep)
			sweep(run, o, &s, &m);
		else
			run_once(run, o, &s, 0);
		complete &= s.result == CONFORM_PASS;
		m.result = s.result;
		m.seconds = now() - start;
		memcpy(m.text, s.message, sizeof(m.text));
		memcpy(m.version, s.version, sizeof(m.version));
		if (write(fd, &m, sizeof(m)) != sizeof(m))
			_exit(1);
	}
	/*
	 * Sanitizers report leaks from exit handlers.  A scenario that did not come to its end, a skip
	 * among them, leaves its machine where it is: then there is nothing to learn from them.
	 */
	if (!complete)
		_exit(0);
	exit(0);
}

/* ---- in the parent ----------------------------------------------------------------------------- */

static void spawn(struct run *run, struct child *child, struct task task)
{
	int fds[2];
	pid_t parent = getpid();

	fflush(NULL);
	if (pipe(fds)) {
		perror("uiommu conform: pipe");
		exit(2);
	}
	child->pid = fork();
	if (child->pid < 0) {
		perror("uiommu conform: fork");
		exit(2);
	}
	if (child->pid == 0) {
		struct rlimit none = { 0, 0 };

		close(fds[0]);
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		setrlimit(RLIMIT_CORE, &none);
		child_main(run, &task, fds[1]);
	}
	close(fds[1]);
	child->fd = fds[0];
	child->task = task;
	child->next = task.first;
	child->have = 0;
	child->deadline = now() + run->options->timeout;
}

static void settle_divergence(struct conform_outcome *o, const char *version)
{
	for (const struct conform_divergence *d = conform_divergences; d->subject; d++) {
		if (strcmp(d->subject, o->subject->name) ||
		    fnmatch(d->config, o->config->name, 0) ||
		    fnmatch(d->scenario, o->scenario->id, 0))
			continue;
		if (fnmatch(d->version, version, 0))
			continue;
		o->divergence = d->evidence;
		o->diverges = o->result == CONFORM_FAIL;
		o->unexpected_pass = o->result == CONFORM_PASS;
	}
}

static void finish_outcome(struct run *run, size_t index, enum conform_result result,
			   const char *text, const char *version)
{
	struct conform_outcome *o = &run->results.outcome[index];

	o->result = result;
	snprintf(o->message, sizeof(o->message), "%s", text);
	snprintf(o->version, sizeof(o->version), "%s", version);
	settle_divergence(o, version);
	run->done++;
	if (run->progress)
		fprintf(stderr, "\r%zu/%zu", run->done, run->results.count);
	if (run->stop_at_failure && result == CONFORM_FAIL && !o->diverges)
		run->stopped = true;
}

static void take_message(struct run *run, struct child *child)
{
	const struct message *m = &child->partial;

	child->deadline = now() + run->options->timeout;
	if (m->begin || m->index != child->next)
		return;
	run->results.outcome[m->index].seconds = m->seconds;
	run->results.outcome[m->index].retried = m->retried;
	run->results.outcome[m->index].ended = m->ended;
	child->next++;
	finish_outcome(run, m->index, m->result, m->text, m->version);
}

/* The child is gone: was it in the middle of something? */
static void reap(struct run *run, struct child *child, const char *why)
{
	size_t end = child->task.first + child->task.count;
	struct task rest;
	char text[128];
	int status;

	kill(-child->pid, SIGKILL); /* also what it started */
	waitpid(child->pid, &status, 0);
	close(child->fd);
	child->pid = 0;
	if (child->next == end) {
		/* All results are in; a sanitizer may still have found something at exit. */
		if (!why && WIFEXITED(status) && WEXITSTATUS(status)) {
			struct conform_outcome *o = &run->results.outcome[end - 1];

			if (o->result == CONFORM_PASS || o->result == CONFORM_SKIP) {
				o->result = CONFORM_FAIL;
				snprintf(o->message, sizeof(o->message),
					 "its process ended with status %d (a leak, found at exit, "
					 "of one of the last %zu scenarios)",
					 WEXITSTATUS(status), child->task.count);
			}
		}
		return;
	}
	if (why)
		snprintf(text, sizeof(text), "%s", why);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "crashed: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof(text), "its process ended with status %d",
			 WEXITSTATUS(status));
	finish_outcome(run, child->next, run->stopped ? CONFORM_SKIP : CONFORM_FAIL, text, "");
	rest.first = child->next + 1;
	rest.count = end - rest.first;
	if (rest.count && !run->stopped)
		spawn(run, child, rest);
}

static void read_child(struct run *run, struct child *child)
{
	ssize_t n = read(child->fd, (char *)&child->partial + child->have,
			 sizeof(child->partial) - child->have);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		reap(run, child, NULL);
		return;
	}
	child->have += (size_t)n;
	if (child->have == sizeof(child->partial)) {
		child->have = 0;
		take_message(run, child);
	}
}

static void run_tasks(struct run *run)
{
	unsigned int jobs = run->options->jobs;

	for (;;) {
		struct pollfd fds[MAX_JOBS];
		struct child *of[MAX_JOBS];
		nfds_t n = 0;

		for (unsigned int i = 0; i < jobs; i++) {
			struct child *child = &run->children[i];

			if (!child->pid && run->next_task < run->num_tasks && !run->stopped)
				spawn(run, child, run->tasks[run->next_task++]);
			if (!child->pid)
				continue;
			fds[n] = (struct pollfd){ .fd = child->fd, .events = POLLIN };
			of[n++] = child;
		}
		if (!n)
			break;
		poll(fds, n, 200);
		for (nfds_t i = 0; i < n; i++) {
			if (fds[i].revents)
				read_child(run, of[i]);
			else if (run->stopped)
				reap(run, of[i], "stopped");
			else if (now() > of[i]->deadline)
				reap(run, of[i], "took too long and was stopped");
		}
	}
	if (run->progress)
		fputs("\r                \r", stderr);
}

/* ---- choosing ---------------------------------------------------------------------------------- */

/* "vtd@model" and "vtd@model:kapi" are the same. */
static bool is_called(const struct conform_subject *subject, const char *name)
{
	size_t n = strlen(subject->name);

	return !strncmp(name, subject->name, n) &&
	       (!name[n] || (name[n] == ':' && !strcmp(name + n + 1, subject->backend->name)));
}

static bool wanted_subject(const struct conform_options *o, const struct conform_subject *subject)
{
	if (!o->subjects)
		return !subject->backend->judges_itself;
	for (const char *const *name = o->subjects; *name; name++)
		if (is_called(subject, *name))
			return true;
	return false;
}

static bool wanted_scenario(const struct conform_options *o, const struct conform_scenario *s)
{
	if (!o->scenarios)
		return true;
	for (const char *const *glob = o->scenarios; *glob; glob++)
		if (!fnmatch(*glob, s->id, 0))
			return true;
	return false;
}

/* Did this pass in @honest? */
static bool passed(const struct run *honest, const struct conform_config *config,
		   const struct conform_scenario *scenario)
{
	for (size_t i = 0; i < honest->results.count; i++) {
		const struct conform_outcome *o = &honest->results.outcome[i];

		if (o->config == config && o->scenario == scenario)
			return o->result == CONFORM_PASS;
	}
	return false;
}

/* A scenario about one interface is nobody's affair on another. */
static bool speaks(const struct conform_backend *backend, const struct conform_scenario *s)
{
	if (s->flags & CONFORM_ANY_BACKEND)
		return true;
	if (backend->user)
		return s->flags & CONFORM_UAPI;
	return !backend->judges_itself && (!(s->flags & CONFORM_UAPI) || s->flags & CONFORM_KAPI);
}

/* Does it matter on which configuration it is run? */
static bool once(const struct conform_backend *backend, const struct conform_scenario *s)
{
	return s->flags & CONFORM_ONCE && !(backend->user && s->flags & CONFORM_KAPI);
}

/* @honest: only what passed there; NULL: everything that the options choose. */
static int collect(struct run *run, const struct run *honest)
{
	const struct conform_options *o = run->options;
	size_t capacity = 0, position = 0;

	for (const struct conform_subject *subject = conform_subjects; subject->name; subject++) {
		unsigned int chosen = 0;

		if (run->subject ? run->subject != subject : !wanted_subject(o, subject))
			continue;
		for (const struct conform_config *c = o->machine ? o->custom : subject->configs;
		     c->name; c++) {
			size_t first = run->results.count;

			if (o->config && fnmatch(o->config, c->name, 0))
				continue;
			chosen++;
			for (const struct conform_scenario *const *t = conform_tables; *t; t++)
				for (const struct conform_scenario *s = *t; s->id; s++) {
					struct conform_outcome *grown;

					if (!wanted_scenario(o, s))
						continue;
					if (once(subject->backend, s) && chosen > 1)
						continue;
					if (!speaks(subject->backend, s))
						continue;
					if (honest && !passed(honest, c, s))
						continue;
					if (o->shards && position++ % o->shards != o->shard - 1)
						continue;
					if (run->results.count == capacity) {
						capacity = capacity ? 2 * capacity : 256;
						grown = realloc(run->results.outcome,
								capacity * sizeof(*grown));
						if (!grown)
							return -1;
						run->results.outcome = grown;
					}
					run->results.outcome[run->results.count++] =
						(struct conform_outcome){ .subject = subject,
									  .config = c,
									  .scenario = s,
									  .result = CONFORM_SKIP };
				}
			while (first < run->results.count) {
				size_t count = run->results.count - first;
				struct task *tasks =
					realloc(run->tasks, (run->num_tasks + 1) * sizeof(*tasks));

				if (!tasks)
					return -1;
				run->tasks = tasks;
				if (count > SCENARIOS_PER_TASK)
					count = SCENARIOS_PER_TASK;
				run->tasks[run->num_tasks++] = (struct task){ first, count };
				first += count;
			}
		}
	}
	return 0;
}

static void run_free(struct run *run)
{
	free(run->results.outcome);
	free(run->tasks);
}

/* ---- saboteurs --------------------------------------------------------------------------------- */

/* What passes without a saboteur, of one configuration; found out when it is first asked for. */
struct honesty {
	const char *config; /* a glob */
	struct run run;
};

struct trial {
	const struct conform_options *options;
	const struct conform_subject *subject;
	struct honesty honest[8];
	unsigned int num_honest;
	unsigned int count, caught, unseen, wrong, elsewhere;
	FILE *out;
};

static const struct run *honest_run(struct trial *t, const char *config,
				    struct conform_options *narrowed)
{
	struct honesty *h;

	for (unsigned int i = 0; i < t->num_honest; i++)
		if (!strcmp(t->honest[i].config, config))
			return &t->honest[i].run;
	if (t->num_honest == sizeof(t->honest) / sizeof(t->honest[0]))
		run_free(&t->honest[--t->num_honest].run);
	h = &t->honest[t->num_honest++];
	*h = (struct honesty){ config, { .options = narrowed, .subject = t->subject } };
	if (collect(&h->run, NULL)) {
		fputs("uiommu conform: out of memory\n", stderr);
		exit(2);
	}
	run_tasks(&h->run);
	h->run.options = t->options;
	return &h->run;
}

/*
 * A saboteur is caught by a scenario that passes with the honest driver and fails with the saboteur; only
 * scenarios that passed before are asked.
 */
static const struct conform_outcome *try_saboteur(const struct run *honest, struct run *run)
{
	run->stop_at_failure = true;
	if (collect(run, honest)) {
		fputs("uiommu conform: out of memory\n", stderr);
		exit(2);
	}
	run_tasks(run);
	for (size_t i = 0; i < run->results.count; i++)
		if (run->results.outcome[i].result == CONFORM_FAIL)
			return &run->results.outcome[i];
	return NULL;
}

/* What is said of this saboteur on this hardware; NULL: nothing. */
static const char *blindness(const struct conform_subject *subject, const char *version,
			     const char *saboteur)
{
	for (const struct conform_blindness *b = conform_blindnesses; b->subject; b++)
		if (!strcmp(b->subject, subject->name) && !fnmatch(b->version, version, 0) &&
		    !fnmatch(b->saboteur, saboteur, 0))
			return b->why;
	return NULL;
}

/* Why nothing of what passed can show the saboteur; NULL: some of it could. */
static const char *nobody_sees(const struct run *honest, const char *saboteur)
{
	const char *why = NULL;

	for (size_t i = 0; i < honest->results.count; i++) {
		const struct conform_outcome *o = &honest->results.outcome[i];

		if (o->result != CONFORM_PASS || !o->version[0])
			continue;
		why = blindness(o->subject, o->version, saboteur);
		if (!why)
			return NULL;
	}
	return why;
}

/* The configuration of this subject that shows the saboteur; NULL: it is for others. */
static const char *place_of(const struct conform_saboteur *s, const struct conform_subject *subject)
{
	if (s->user != subject->backend->user)
		return NULL;
	if (!s->places[0].subject) {
		for (const struct conform_config *c = subject->configs; c->name; c++)
			if (!fnmatch(s->config, c->name, 0))
				return s->config;
		return subject->configs[0].name;
	}
	for (unsigned int i = 0; i < CONFORM_PLACES && s->places[i].subject; i++)
		if (!fnmatch(s->places[i].subject, subject->name, 0))
			return s->places[i].config;
	return NULL;
}

/* Whether anybody has said which of the subject's configurations shows the saboteur. */
static bool place_is_known(const struct conform_saboteur *s, const struct conform_subject *subject)
{
	for (const struct conform_config *c = subject->configs; c->name; c++)
		if (s->places[0].subject || !fnmatch(s->config, c->name, 0))
			return true;
	return false;
}

static void judge_saboteur(struct trial *t, const struct conform_saboteur *s)
{
	struct conform_options narrowed = *t->options;
	struct run run = { .options = &narrowed, .subject = t->subject, .saboteur = s };
	bool chosen = narrowed.config || narrowed.machine;
	const struct conform_outcome *by;
	const struct run *honest;
	const char *why;

	if (!place_of(s, t->subject)) {
		t->elsewhere++;
		return;
	}
	if (!chosen)
		narrowed.config = place_of(s, t->subject);
	t->count++;
	honest = honest_run(t, narrowed.config ? narrowed.config : "*", &narrowed);
	why = nobody_sees(honest, s->name);
	by = try_saboteur(honest, &run);
	if (!by && !why && !chosen && !place_is_known(s, t->subject)) {
		narrowed.config = NULL;
		honest = honest_run(t, "*", &narrowed);
		run_free(&run);
		run = (struct run){ .options = &narrowed, .subject = t->subject, .saboteur = s };
		by = try_saboteur(honest, &run);
	}
	if (by)
		why = blindness(by->subject, by->version, s->name);
	if (by && why) {
		t->wrong++;
		fprintf(t->out, "CAUGHT  %-28s by %s on %s/%s, although it is said that: %s\n",
			s->name, by->scenario->id, by->subject->name, by->config->name, why);
	} else if (why) {
		t->unseen++;
		fprintf(t->out, "unseen  %-28s %s\n", s->name, why);
	} else if (by) {
		t->caught++;
		fprintf(t->out, "caught  %-28s by %s on %s/%s: %.200s\n", s->name, by->scenario->id,
			by->subject->name, by->config->name, by->message);
	} else {
		fprintf(t->out, "MISSED  %-28s on %s: %s\n", s->name, t->subject->name, s->rule);
	}
	fflush(t->out);
	run_free(&run);
}

static bool try_subject(struct trial *t)
{
	for (const struct conform_saboteur *const *table = conform_saboteur_tables; *table; table++)
		for (const struct conform_saboteur *s = *table; s->name; s++)
			if (!strcmp(t->options->sabotage, "all") ||
			    !strcmp(t->options->sabotage, s->name))
				judge_saboteur(t, s);
	for (unsigned int i = 0; i < t->num_honest; i++)
		run_free(&t->honest[i].run);
	if (t->count) {
		fprintf(t->out, "%s: %u saboteurs, %u caught", t->subject->name, t->count,
			t->caught);
		if (t->unseen)
			fprintf(t->out, ", %u that this hardware cannot show", t->unseen);
		if (t->elsewhere)
			fprintf(t->out, "; %u more are for other subjects", t->elsewhere);
		fputc('\n', t->out);
	}
	return t->caught + t->unseen == t->count && !t->wrong;
}

static int sabotage(const struct conform_options *options, FILE *out)
{
	bool known = false, tried = false, good = true;

	for (const struct conform_saboteur *const *table = conform_saboteur_tables; *table; table++)
		for (const struct conform_saboteur *s = *table; s->name; s++)
			known |= !strcmp(options->sabotage, "all") ||
				 !strcmp(options->sabotage, s->name);
	if (!known) {
		fprintf(stderr, "uiommu conform: no saboteur is called \"%s\"; --list names them\n",
			options->sabotage);
		return 2;
	}
	for (const struct conform_subject *s = conform_subjects; s->name; s++) {
		struct trial trial = { .options = options, .subject = s, .out = out };

		if (!wanted_subject(options, s))
			continue;
		good &= try_subject(&trial);
		tried |= trial.count != 0;
	}
	if (!tried) {
		fprintf(stderr, "uiommu conform: \"%s\" is for none of these subjects\n",
			options->sabotage);
		return 2;
	}
	return good ? 0 : 1;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void list(FILE *out)
{
	unsigned int count = 0;

	for (const struct conform_scenario *const *t = conform_tables; *t; t++)
		for (const struct conform_scenario *s = *t; s->id; s++, count++)
			fprintf(out, "%s  %-22s %s%s%s\n", s->id, conform_area_name(s->area),
				s->title, s->flags & CONFORM_HARDWARE ? " [DMA]" : "",
				s->flags & CONFORM_RACE ? " [race]" : "");
	fprintf(out, "%u scenarios\n\nSubjects:\n", count);
	for (const struct conform_subject *s = conform_subjects; s->name; s++) {
		fprintf(out, "  %s:", s->name);
		for (const struct conform_config *c = s->configs; c->name; c++)
			fprintf(out, " %s", c->name);
		fprintf(out, " (through %s)\n", s->backend->summary);
	}
	fputs("\nSaboteurs:\n", out);
	for (const struct conform_saboteur *const *t = conform_saboteur_tables; *t; t++)
		for (const struct conform_saboteur *s = *t; s->name; s++)
			fprintf(out, "  %-28s %s\n", s->name, s->rule);
}

static int judge(const struct conform_results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct conform_outcome *o = &results->outcome[i];

		if ((o->result == CONFORM_FAIL && !o->diverges) || o->unexpected_pass)
			return 1;
	}
	return 0;
}

static const struct {
	const char *name;
	void (*print)(FILE *out, const struct conform_results *results);
} formats[] = {
	{ "table", report_table },
	{ "ktap", report_ktap },
	{ "junit", report_junit },
};

/*
 * Can each subject's hardware be had at all?  One clear line now is better than a matrix of failures.  Who named
 * a subject is told that it cannot be judged; who did not gets the others, and this one's scenarios as
 * skipped.  A configuration that the hardware lacks is left to its scenarios too.
 */
static bool available(const struct conform_options *o)
{
	for (const struct conform_subject *s = conform_subjects; s->name; s++) {
		struct machine_options options = { .hardware = s->hardware, .seed = o->seed };
		struct machine *machine;
		char error[512] = "";
		int rc;

		if (!wanted_subject(o, s) || (!o->machine && !strcmp(s->hardware, "model")))
			continue;
		options.name = o->machine ? o->machine : s->configs[0].machine;
		rc = machine_create(&options, &machine, error, sizeof(error));
		if (!rc) {
			machine_destroy(machine);
			continue;
		}
		if (rc == -UIOMMU_EOPNOTSUPP && !o->machine)
			continue;
		fprintf(stderr, "uiommu conform: %s: %s\n", s->name, error);
		if (rc != -UIOMMU_ENOENT || o->subjects || o->machine)
			return false;
	}
	return true;
}

int conform_run(const struct conform_options *chosen)
{
	struct conform_options copy = *chosen, *options = &copy;
	struct run run = { .options = options };
	FILE *out = stdout;
	size_t format = 0;
	int status;

	copy.custom[0] = (struct conform_config){ "custom", options->machine, 0 };
	while (format < sizeof(formats) / sizeof(formats[0]) &&
	       strcmp(formats[format].name, options->format))
		format++;
	if (format == sizeof(formats) / sizeof(formats[0])) {
		fprintf(stderr, "uiommu conform: format \"%s\" is not one of table, ktap, junit\n",
			options->format);
		return 2;
	}
	for (const char *const *name = options->subjects; name && *name; name++) {
		const struct conform_subject *s = conform_subjects;

		while (s->name && !is_called(s, *name))
			s++;
		if (!s->name) {
			fprintf(stderr,
				"uiommu conform: no subject is called \"%s\"; --list names them\n",
				*name);
			return 2;
		}
	}
	if (options->output && !(out = fopen(options->output, "w"))) {
		fprintf(stderr, "uiommu conform: %s: %s\n", options->output, strerror(errno));
		return 2;
	}
	if (options->list) {
		list(out);
		status = 0;
	} else if (!available(options)) {
		status = 2;
	} else if (options->sabotage) {
		status = sabotage(options, out);
	} else if (collect(&run, NULL) || !run.results.count) {
		fputs("uiommu conform: nothing matches this choice of subjects, configurations and "
		      "scenarios\n",
		      stderr);
		status = 2;
	} else {
		run.results.seed = options->seed;
		run.results.sweep = options->sweep;
		run.progress = isatty(STDERR_FILENO);
		run_tasks(&run);
		formats[format].print(out, &run.results);
		status = judge(&run.results);
	}
	if (out != stdout && fclose(out)) {
		fprintf(stderr, "uiommu conform: %s: %s\n", options->output, strerror(errno));
		status = 2;
	}
	run_free(&run);
	return status;
}
