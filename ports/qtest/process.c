/* SPDX-License-Identifier: MIT */
/*
 * process.c - the emulator's process: started, reset and used again, buried
 *
 * Starting an emulator costs a hundred times what most of the work with it does.  One that was stopped alive is
 * kept and, when the same command line is asked for again, reset as by its reset button, with its RAM zero.
 * A process that was forked in between does not touch its parent's emulators.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uiommu/types.h>

#include "ports/qtest/internal.h"

#define MAX_ARGUMENTS 160
#define MAX_KEY 16384

/* What differs between processors. */
static const struct architecture {
	const char *program, *variable, *package;
	uint64_t ram_base;
	/* The first instructions of its firmware halt it for good. */
	uint32_t firmware_size, halt_at;
	unsigned char halt[8];
} architectures[] = {
	[QTEST_X86_64] = { "qemu-system-x86_64",
			   "UIOMMU_QEMU",
			   "qemu-system-x86",
			   0,
			   0x20000,
			   0x1fff0, /* the reset vector 0xfffffff0 */
			   { 0xfa, 0xf4, 0xeb, 0xfd } /* cli; hlt; jmp hlt */ },
	[QTEST_AARCH64] = { "qemu-system-aarch64",
			    "UIOMMU_QEMU_AARCH64",
			    "qemu-system-arm",
			    0x40000000,
			    0x1000,
			    0,
			    /* wfi; b wfi */
			    { 0x7f, 0x20, 0x03, 0xd5, 0xff, 0xff, 0xff, 0x17 } },
};

static struct qtest *idle;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((format(printf, 4, 5))) int fail(char *error, size_t size, int rc,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return rc;
}

/* ---- its end ----------------------------------------------------------------------------------- */

/* The first line that is not a warning, of all that the emulator has said. */
static void last_words(const struct qtest *q, char *text, size_t size)
{
	char said[4096], *rest = NULL;
	ssize_t n = q->errors >= 0 ? pread(q->errors, said, sizeof(said) - 1, 0) : 0;

	text[0] = '\0';
	said[n > 0 ? n : 0] = '\0';
	for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		bool warning = strstr(line, "warning") || strstr(line, "WARNING");

		if (!warning || !text[0])
			snprintf(text, size, "%.*s", (int)size - 1, line);
		if (!warning)
			return;
	}
}

static void how_it_ended(const struct qtest *q, char *text, size_t size)
{
	siginfo_t info = { 0 };

	/* It has closed its socket; the rest of its end may take a moment. */
	for (unsigned int i = 0; i < 100 && !info.si_pid; i++) {
		if (q->pid <= 0 || q->owner != getpid() ||
		    waitid(P_PID, (id_t)q->pid, &info, WEXITED | WNOHANG | WNOWAIT))
			break;
		if (!info.si_pid)
			poll(NULL, 0, 10);
	}
	if (!info.si_pid)
		snprintf(text, size, "it does not answer");
	else if (info.si_code == CLD_EXITED)
		snprintf(text, size, "exit status %d", info.si_status);
	else
		snprintf(text, size, "%s", strsignal(info.si_status));
}

bool qtest_problem(const struct qtest *q, char *text, size_t size)
{
	char words[200], end[64];

	if (!q->dead)
		return false;
	last_words(q, words, sizeof(words));
	how_it_ended(q, end, sizeof(end));
	snprintf(text, size, "%s (%s) died (%s)%s%s; %s names another program to try",
		 q->program->version, q->program->path, end, words[0] ? ": " : "", words,
		 architectures[q->architecture].variable);
	return true;
}

static void discard(struct qtest *q)
{
	int status, *fds[] = { &q->socket, &q->monitor, &q->memory, &q->bios, &q->errors };

	if (q->pid > 0 && q->owner == getpid()) {
		kill(q->pid, SIGKILL);
		waitpid(q->pid, &status, 0);
	}
	if (q->ram)
		munmap(q->ram, q->ram_size);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	pthread_mutex_destroy(&q->lock);
	free(q->key);
	free(q);
}

/* ---- its beginning ----------------------------------------------------------------------------- */

static int memory_file(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct command_line {
	char *argv[MAX_ARGUMENTS + 1];
	unsigned int count;
	char text[6][160];
};

static void add(struct command_line *line, const char *first, const char *second)
{
	const char *both[] = { first, second };

	for (unsigned int i = 0; i < 2; i++)
		if (both[i] && line->count < MAX_ARGUMENTS)
			line->argv[line->count++] = (char *)(uintptr_t)both[i];
}

/* What does not depend on the process; what does is added by run(). */
static void common_arguments(struct command_line *line, const struct qtest *q,
			     const struct qtest_config *config)
{
	add(line, q->program->path, NULL);
	snprintf(line->text[0], sizeof(line->text[0]), "%lluK",
		 (unsigned long long)config->ram_size / 1024);
	add(line, "-m", line->text[0]);
	add(line, "-nodefaults", NULL);
	add(line, "-no-user-config", NULL);
	add(line, "-display", "none");
	add(line, "-qtest-log", "/dev/null");
	add(line, "-accel", q->program->steps ? "qtest" : "tcg");
	if (!q->program->steps)
		add(line, "-icount", "shift=0,sleep=off");
	if (q->architecture == QTEST_AARCH64)
		add(line, "-cpu", "cortex-a57");
	line->count += config->arguments(config->context, q, line->argv + line->count,
					 MAX_ARGUMENTS - 14 - line->count);
}

static char *join(const struct command_line *line)
{
	char *key = malloc(MAX_KEY);
	size_t length = 0;

	for (unsigned int i = 0; key && i < line->count && length < MAX_KEY - 1; i++)
		length += (size_t)snprintf(key + length, MAX_KEY - length, "%s ", line->argv[i]);
	return key;
}

static _Noreturn void run(struct qtest *q, struct command_line *line, int socket, int monitor,
			  pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(q->errors, STDERR_FILENO);
	dup2(q->errors, STDOUT_FILENO);
	fcntl(socket, F_SETFD, 0);
	fcntl(monitor, F_SETFD, 0);
	snprintf(line->text[1], sizeof(line->text[1]),
		 "memory-backend-file,id=ram,size=%lluK,mem-path=/proc/%d/fd/%d,share=on",
		 (unsigned long long)q->ram_size / 1024, (int)parent, q->memory);
	add(line, "-object", line->text[1]);
	snprintf(line->text[2], sizeof(line->text[2]), "/proc/%d/fd/%d", (int)parent, q->bios);
	add(line, "-bios", line->text[2]);
	snprintf(line->text[3], sizeof(line->text[3]), "socket,id=qtest,fd=%d", socket);
	add(line, "-chardev", line->text[3]);
	add(line, "-qtest", "chardev:qtest");
	snprintf(line->text[4], sizeof(line->text[4]), "socket,id=monitor,fd=%d", monitor);
	add(line, "-chardev", line->text[4]);
	add(line, "-mon", "chardev=monitor,mode=control");
	line->argv[line->count] = NULL;
	execvp(q->program->path, line->argv);
	_exit(127);
}

static int spawn(struct qtest *q, struct command_line *line)
{
	const struct architecture *a = &architectures[q->architecture];
	int test[2], monitor[2];

	q->memory = memory_file("ram", q->ram_size);
	q->bios = memory_file("firmware", a->firmware_size);
	q->errors = memory_file("errors", 0);
	if (q->memory < 0 || q->bios < 0 || q->errors < 0)
		return -UIOMMU_ENOMEM;
	if (pwrite(q->bios, a->halt, sizeof(a->halt), a->halt_at) != sizeof(a->halt))
		return -UIOMMU_EIO;
	q->ram = mmap(NULL, q->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, q->memory, 0);
	if (q->ram == MAP_FAILED) {
		q->ram = NULL;
		return -UIOMMU_ENOMEM;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, test))
		return -UIOMMU_ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor)) {
		close(test[0]);
		close(test[1]);
		return -UIOMMU_ENOMEM;
	}
	q->socket = test[0];
	q->monitor = monitor[0];
	q->owner = getpid();
	q->pid = fork();
	if (q->pid == 0)
		run(q, line, test[1], monitor[1], q->owner);
	close(test[1]);
	close(monitor[1]);
	return q->pid > 0 ? 0 : -UIOMMU_ENOMEM;
}

/* ---- used again -------------------------------------------------------------------------------- */

/* Read what the monitor says until @word is in it. */
static bool monitor_until(struct qtest *q, const char *word)
{
	struct pollfd fd = { .fd = q->monitor, .events = POLLIN };
	char said[4096];
	size_t have = 0;

	while (have < sizeof(said) - 1 && poll(&fd, 1, QTEST_TIMEOUT_MS) > 0) {
		ssize_t n = read(q->monitor, said + have, sizeof(said) - 1 - have);

		if (n <= 0)
			break;
		have += (size_t)n;
		said[have] = '\0';
		if (strstr(said, word))
			return true;
	}
	return false;
}

static bool monitor_say(struct qtest *q, const char *text)
{
	return send(q->monitor, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static bool reset(struct qtest *q)
{
	/* Pages of the file that are given back read as zero in both processes. */
	return !fallocate(q->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			  (off_t)q->ram_size) &&
	       monitor_say(q, "{\"execute\":\"system_reset\"}\n") && monitor_until(q, "\"RESET\"");
}

static struct qtest *take_idle(const char *key)
{
	struct qtest **at, *q = NULL;

	pthread_mutex_lock(&idle_lock);
	for (at = &idle; *at; at = &(*at)->next)
		if ((*at)->owner == getpid() && !strcmp((*at)->key, key))
			break;
	q = *at;
	if (q)
		*at = q->next;
	pthread_mutex_unlock(&idle_lock);
	return q;
}

void qtest_stop(struct qtest *q)
{
	struct qtest *old;

	if (q->dead || q->owner != getpid() || !q->key) {
		discard(q);
		return;
	}
	pthread_mutex_lock(&idle_lock);
	old = idle;
	q->next = NULL;
	idle = q;
	pthread_mutex_unlock(&idle_lock);
	while (old) {
		struct qtest *next = old->next;

		discard(old);
		old = next;
	}
}

/* ---- the whole --------------------------------------------------------------------------------- */

static const char *program_name(const struct qtest_config *config)
{
	const struct architecture *a = &architectures[config->architecture];
	const char *named = getenv(a->variable);

	if (config->program)
		return config->program;
	return named && named[0] ? named : a->program;
}

int qtest_start(const struct qtest_config *config, struct qtest **out, char *error,
		size_t error_size)
{
	const struct architecture *a = &architectures[config->architecture];
	const char *program = program_name(config);
	struct command_line line = { .count = 0 };
	struct qtest *q = calloc(1, sizeof(*q)), *again;
	char words[200], end[64];
	int rc;

	if (!q)
		return fail(error, error_size, -UIOMMU_ENOMEM, "no memory");
	q->socket = q->monitor = q->memory = q->bios = q->errors = -1;
	q->architecture = config->architecture;
	q->ram_base = a->ram_base;
	q->ram_size = config->ram_size;
	pthread_mutex_init(&q->lock, NULL);
	rc = qtest_program_find(program, &q->program, words, sizeof(words));
	if (rc == -UIOMMU_ENOENT) {
		fail(error, error_size, rc,
		     "%s: %s: install QEMU (Debian: %s), or name its program in %s", program, words,
		     a->package, a->variable);
		goto discard;
	}
	if (rc) {
		fail(error, error_size, rc, "%s: %s: repair it, or name another program in %s",
		     program, words, a->variable);
		goto discard;
	}
	if (config->suits && !config->suits(config->context, q, error, error_size)) {
		rc = -UIOMMU_EOPNOTSUPP;
		goto discard;
	}
	common_arguments(&line, q, config);
	q->key = join(&line);
	if (!q->key) {
		rc = fail(error, error_size, -UIOMMU_ENOMEM, "no memory");
		goto discard;
	}
	again = take_idle(q->key);
	if (again && reset(again)) {
		discard(q);
		*out = again;
		return 0;
	}
	if (again)
		discard(again);
	rc = spawn(q, &line);
	if (rc) {
		fail(error, error_size, rc, "%s cannot be started: %s", program, strerror(errno));
		goto discard;
	}
	if (qtest_read(q, q->ram_base, 4) == UINT64_MAX && q->dead) {
		last_words(q, words, sizeof(words));
		how_it_ended(q, end, sizeof(end));
		rc = fail(
			error, error_size, -UIOMMU_EIO,
			"%s (%s) ended at once (%s): %s: repair it, or name another program in %s",
			program, q->program->version, end, words, a->variable);
		goto discard;
	}
	if (!monitor_say(q, "{\"execute\":\"qmp_capabilities\"}\n") ||
	    !monitor_until(q, "\"return\"")) {
		rc = fail(error, error_size, -UIOMMU_EIO, "the monitor of %s does not answer",
			  program);
		goto discard;
	}
	*out = q;
	return 0;

discard:
	discard(q);
	return rc;
}
