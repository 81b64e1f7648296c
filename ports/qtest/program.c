/* SPDX-License-Identifier: MIT */
/*
 * program.c - what an emulator program can do, found out by asking it
 *
 * The program is started without a machine and answers over its monitor protocol (QMP) on standard input and
 * output, one line for each question.  That it starts with the accelerator "qtest" says that it has it: the
 * list of "-accel help" leaves that one out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uiommu/types.h>

#include "ports/qtest/internal.h"

#define ANSWER_SIZE 0x10000u

const char *const qtest_types[] = {
	"intel-iommu", "arm-smmuv3", "virtio-iommu-pci", "edu", "iommu-testdev", NULL,
};

static struct qtest_program *known; /* a list of all that were asked */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static _Noreturn void run(const char *path, const char *accelerator, int socket, pid_t parent)
{
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(socket, STDIN_FILENO);
	dup2(socket, STDOUT_FILENO);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	execlp(path, path, "-M", "none", "-accel", accelerator, "-nodefaults", "-no-user-config",
	       "-display", "none", "-qmp", "stdio", (char *)NULL);
	_exit(127);
}

/* Everything that the program says to these questions, allocated; NULL for nothing. */
static char *ask(const char *path, const char *accelerator)
{
	char question[1024], *text = NULL;
	int sockets[2], status, n;
	size_t have = 0;
	pid_t parent = getpid(), pid;

	n = snprintf(question, sizeof(question), "{\"execute\":\"qmp_capabilities\"}\n");
	for (const char *const *type = qtest_types; *type; type++)
		n += snprintf(question + n, sizeof(question) - (size_t)n,
			      "{\"execute\":\"device-list-properties\",\"arguments\":"
			      "{\"typename\":\"%s\"},\"id\":\"%s\"}\n",
			      *type, *type);
	n += snprintf(question + n, sizeof(question) - (size_t)n, "{\"execute\":\"quit\"}\n");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return NULL;
	pid = fork();
	if (pid == 0)
		run(path, accelerator, sockets[1], parent);
	close(sockets[1]);
	if (pid > 0)
		text = malloc(ANSWER_SIZE);
	if (text && send(sockets[0], question, (size_t)n, MSG_NOSIGNAL) == n) {
		struct pollfd fd = { .fd = sockets[0], .events = POLLIN };

		while (have < ANSWER_SIZE - 1 && poll(&fd, 1, QTEST_TIMEOUT_MS) > 0) {
			ssize_t got = read(sockets[0], text + have, ANSWER_SIZE - 1 - have);

			if (got <= 0)
				break;
			have += (size_t)got;
		}
	}
	close(sockets[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (text)
		text[have] = '\0';
	if (text && !have) {
		free(text);
		text = NULL;
	}
	return text;
}

/* The number of this name in @text, or -1. */
static int number(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	int value;

	return at && sscanf(at + strlen(name), " %d", &value) == 1 ? value : -1;
}

static bool read_version(struct qtest_program *p)
{
	int major = number(p->answers, "\"major\":"), minor = number(p->answers, "\"minor\":"),
	    micro = number(p->answers, "\"micro\":");

	if (!strstr(p->answers, "\"QMP\"") || major < 0 || minor < 0 || micro < 0)
		return false;
	p->major = (unsigned int)major;
	snprintf(p->version, sizeof(p->version), "QEMU %d.%d.%d", major, minor, micro);
	return true;
}

/* Each answer is a line that repeats the question's id; a type that is not there is an error. */
static void read_types(struct qtest_program *p)
{
	char *rest = NULL;

	for (char *line = strtok_r(p->answers, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		for (unsigned int i = 0; qtest_types[i]; i++) {
			char id[64];

			snprintf(id, sizeof(id), "\"id\": \"%s\"", qtest_types[i]);
			if (strstr(line, id) && strstr(line, "\"return\""))
				p->types[i] = line;
		}
	}
}

/* Is there such a program?  A path, or a name that is looked up as the system does it. */
static bool exists(const char *path)
{
	const char *directories = getenv("PATH");
	char *copy, *rest = NULL;
	bool found = false;

	if (strchr(path, '/'))
		return !access(path, X_OK);
	copy = strdup(directories ? directories : "/usr/bin:/bin");
	for (char *d = copy ? strtok_r(copy, ":", &rest) : NULL; d && !found;
	     d = strtok_r(NULL, ":", &rest)) {
		char full[4096];

		snprintf(full, sizeof(full), "%s/%s", d, path);
		found = !access(full, X_OK);
	}
	free(copy);
	return found;
}

static struct qtest_program *find_out(const char *path)
{
	struct qtest_program *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->path = strdup(path);
	p->answers = ask(path, "qtest");
	p->steps = p->answers != NULL;
	if (!p->answers)
		p->answers = ask(path, "tcg");
	if (!p->path || !p->answers || !read_version(p)) {
		free(p->path);
		free(p->answers);
		free(p);
		return NULL;
	}
	read_types(p);
	return p;
}

int qtest_program_find(const char *path, const struct qtest_program **out, char *error,
		       size_t error_size)
{
	struct qtest_program *p;
	int rc = 0;

	pthread_mutex_lock(&lock);
	for (p = known; p && strcmp(p->path, path); p = p->next)
		;
	if (!p && !exists(path)) {
		snprintf(error, error_size, "there is no such program");
		rc = -UIOMMU_ENOENT;
	} else if (!p) {
		p = find_out(path);
		if (p) {
			p->next = known;
			known = p;
		} else {
			snprintf(error, error_size, "it does not run, or is not QEMU");
			rc = -UIOMMU_EIO;
		}
	}
	pthread_mutex_unlock(&lock);
	*out = p;
	return rc;
}

bool qtest_has(const struct qtest *q, const char *type, const char *property)
{
	char name[80];

	snprintf(name, sizeof(name), "\"name\": \"%s\"", property ? property : "");
	for (unsigned int i = 0; qtest_types[i]; i++)
		if (!strcmp(qtest_types[i], type))
			return q->program->types[i] &&
			       (!property || strstr(q->program->types[i], name));
	return false;
}
