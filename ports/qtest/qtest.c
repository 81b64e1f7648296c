/* SPDX-License-Identifier: MIT */
/* qtest.c - an emulator process without a guest, driven over its test socket */
#define _GNU_SOURCE
#include "ports/qtest/qtest.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
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

#define MAX_ARGUMENTS 160
#define TIMEOUT_MS 20000
#define BIOS_SIZE 0x20000
/* Conventional memory that nobody else uses: for firmware files on their way. */
#define FW_ACCESS 0x1000u
#define FW_DATA 0x10000u
#define FW_DATA_SIZE 0x80000u

struct qtest {
	pthread_mutex_t lock;
	pid_t pid;
	int socket, memory, bios, errors;
	unsigned char *ram;
	uint64_t ram_size;
	bool dead;
	bool steps; /* time stands still until it is stepped */
	unsigned int major;
	char version[32];
	char line[512], answer[512];
	size_t have;
};

static int fail(char *error, size_t size, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return rc;
}

/* ---- the protocol ------------------------------------------------------------------------------ */

/* The next line of the emulator, without its end; NULL if it is gone. */
static char *next_line(struct qtest *q)
{
	for (;;) {
		char *end = memchr(q->line, '\n', q->have);
		struct pollfd fd = { .fd = q->socket, .events = POLLIN };
		ssize_t n;

		if (end) {
			char *line = q->answer;
			size_t length = (size_t)(end - q->line);

			memcpy(line, q->line, length);
			line[length] = '\0';
			q->have -= length + 1;
			memmove(q->line, end + 1, q->have);
			return line;
		}
		if (q->have == sizeof(q->line) || poll(&fd, 1, TIMEOUT_MS) <= 0)
			return NULL;
		n = read(q->socket, q->line + q->have, sizeof(q->line) - q->have);
		if (n <= 0)
			return NULL;
		q->have += (size_t)n;
	}
}

/* One command and its answer's value; all ones if the emulator is gone or refuses. */
static uint64_t command(struct qtest *q, const char *format, ...)
{
	uint64_t value = UINT64_MAX;
	char text[128], *line;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pthread_mutex_lock(&q->lock);
	if (q->dead || send(q->socket, text, (size_t)n, MSG_NOSIGNAL) != n)
		q->dead = true;
	while (!q->dead) {
		line = next_line(q);
		if (!line) {
			q->dead = true;
		} else if (!strncmp(line, "IRQ", 3)) {
			continue;
		} else {
			if (!strncmp(line, "OK", 2))
				value = line[2] ? strtoull(line + 3, NULL, 0) : 0;
			break;
		}
	}
	pthread_mutex_unlock(&q->lock);
	return value;
}

static char letter(unsigned int size)
{
	return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

uint64_t qtest_read(struct qtest *q, uint64_t address, unsigned int size)
{
	return command(q, "read%c 0x%llx\n", letter(size), (unsigned long long)address);
}

void qtest_write(struct qtest *q, uint64_t address, unsigned int size, uint64_t value)
{
	command(q, "write%c 0x%llx 0x%llx\n", letter(size), (unsigned long long)address,
		(unsigned long long)value);
}

uint32_t qtest_in(struct qtest *q, uint16_t port, unsigned int size)
{
	return (uint32_t)command(q, "in%c 0x%x\n", letter(size), port);
}

void qtest_out(struct qtest *q, uint16_t port, unsigned int size, uint32_t value)
{
	command(q, "out%c 0x%x 0x%x\n", letter(size), port, value);
}

void qtest_step(struct qtest *q, uint64_t ns)
{
	if (q->steps)
		command(q, "clock_step %llu\n", (unsigned long long)ns);
	else
		command(q, "inb 0x80\n"); /* a turn of its main loop: the clock jumps by itself */
}

/* ---- firmware files (fw_cfg with its DMA interface) --------------------------------------------- */

static void put_be32(unsigned char *to, uint32_t value)
{
	to[0] = (unsigned char)(value >> 24);
	to[1] = (unsigned char)(value >> 16);
	to[2] = (unsigned char)(value >> 8);
	to[3] = (unsigned char)value;
}

static uint32_t get_be32(const unsigned char *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* Select file @key and read its first @size bytes to FW_DATA. */
static bool fw_read(struct qtest *q, uint16_t key, uint32_t size)
{
	unsigned char *access = q->ram + FW_ACCESS;

	memset(access, 0, 16);
	put_be32(access, (uint32_t)key << 16 | 8 | 2); /* select, read */
	put_be32(access + 4, size);
	put_be32(access + 12, FW_DATA);
	qtest_out(q, 0x514, 4, 0);
	qtest_out(q, 0x518, 4, __builtin_bswap32(FW_ACCESS));
	return !q->dead && get_be32(access) == 0;
}

void *qtest_firmware_file(struct qtest *q, const char *name, size_t *size)
{
	const unsigned char *entry = q->ram + FW_DATA + 4;
	uint32_t count, bytes;
	void *copy;

	if (!fw_read(q, 0x19, 4096))
		return NULL;
	count = get_be32(q->ram + FW_DATA);
	for (uint32_t i = 0; i < count && i < 63; i++, entry += 64) {
		if (strncmp((const char *)entry + 8, name, 56))
			continue;
		bytes = get_be32(entry);
		if (bytes > FW_DATA_SIZE ||
		    !fw_read(q, (uint16_t)(entry[4] << 8 | entry[5]), bytes))
			return NULL;
		copy = malloc(bytes);
		if (copy)
			memcpy(copy, q->ram + FW_DATA, bytes);
		memset(q->ram + FW_DATA, 0, FW_DATA_SIZE);
		*size = bytes;
		return copy;
	}
	return NULL;
}

/* ---- the process ------------------------------------------------------------------------------- */

/* The version of @program, from what it prints; 0 or a negative errno. */
static int find_version(struct qtest *q, const char *program)
{
	unsigned int major, minor, micro;
	char text[256] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		return -UIOMMU_ENOMEM;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execlp(program, program, "--version", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -UIOMMU_ENOMEM;
	}
	n = read(fds[0], text, sizeof(text) - 1);
	while (n > 0) {
		char rest[256];

		n = read(fds[0], rest, sizeof(rest));
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	if (sscanf(text, "QEMU emulator version %u.%u.%u", &major, &minor, &micro) != 3)
		return -UIOMMU_ENOENT;
	q->major = major;
	snprintf(q->version, sizeof(q->version), "QEMU %u.%u.%u", major, minor, micro);
	return 0;
}

static int memory_file(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What the emulator said on its way out, as one line. */
static void last_words(struct qtest *q, char *text, size_t size)
{
	ssize_t n = pread(q->errors, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static _Noreturn void run(struct qtest *q, const struct qtest_config *config, const char *program,
			  int socket, pid_t parent)
{
	static char text[8][160];
	char *argv[MAX_ARGUMENTS + 1];
	unsigned int n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(q->errors, STDERR_FILENO);
	dup2(q->errors, STDOUT_FILENO);
	snprintf(text[0], sizeof(text[0]), "%lluK", (unsigned long long)config->ram_size / 1024);
	snprintf(text[1], sizeof(text[1]),
		 "memory-backend-file,id=ram,size=%lluK,mem-path=/proc/%d/fd/%d,share=on",
		 (unsigned long long)config->ram_size / 1024, (int)parent, q->memory);
	snprintf(text[2], sizeof(text[2]), "socket,id=qtest,fd=%d", socket);
	snprintf(text[3], sizeof(text[3]), "/proc/%d/fd/%d", (int)parent, q->bios);
	argv[n++] = (char *)(uintptr_t)program;
	argv[n++] = "-m";
	argv[n++] = text[0];
	argv[n++] = "-object";
	argv[n++] = text[1];
	argv[n++] = "-M";
	argv[n++] = "q35,memory-backend=ram,pit=off";
	argv[n++] = "-nodefaults";
	argv[n++] = "-no-user-config";
	argv[n++] = "-display";
	argv[n++] = "none";
	argv[n++] = "-bios";
	argv[n++] = text[3];
	argv[n++] = "-chardev";
	argv[n++] = text[2];
	argv[n++] = "-qtest";
	argv[n++] = "chardev:qtest";
	argv[n++] = "-qtest-log";
	argv[n++] = "/dev/null";
	argv[n++] = "-accel";
	if (q->steps) {
		argv[n++] = "qtest";
	} else {
		argv[n++] = "tcg";
		argv[n++] = "-icount";
		argv[n++] = "shift=0,sleep=off";
	}
	n += config->arguments(config->context, q->major, argv + n, MAX_ARGUMENTS - n);
	argv[n] = NULL;
	execvp(program, argv);
	_exit(127);
}

static int spawn(struct qtest *q, const struct qtest_config *config, const char *program)
{
	/* The processor halts at once (cli; hlt; jmp): offset of the reset vector 0xfffffff0. */
	static const unsigned char halt[] = { 0xfa, 0xf4, 0xeb, 0xfd };
	pid_t parent = getpid();
	int sockets[2];

	q->memory = memory_file("ram", config->ram_size);
	q->bios = memory_file("bios", BIOS_SIZE);
	q->errors = memory_file("errors", 0);
	if (q->memory < 0 || q->bios < 0 || q->errors < 0)
		return -UIOMMU_ENOMEM;
	if (pwrite(q->bios, halt, sizeof(halt), BIOS_SIZE - 16) != sizeof(halt))
		return -UIOMMU_EIO;
	q->ram = mmap(NULL, config->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, q->memory, 0);
	if (q->ram == MAP_FAILED) {
		q->ram = NULL;
		return -UIOMMU_ENOMEM;
	}
	q->ram_size = config->ram_size;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		return -UIOMMU_ENOMEM;
	q->pid = fork();
	if (q->pid == 0) {
		close(sockets[0]);
		run(q, config, program, sockets[1], parent);
	}
	close(sockets[1]);
	q->socket = sockets[0];
	return q->pid > 0 ? 0 : -UIOMMU_ENOMEM;
}

int qtest_start(const struct qtest_config *config, struct qtest **out, char *error,
		size_t error_size)
{
	const char *program = config->program ? config->program : getenv("UIOMMU_QEMU");
	struct qtest *q = calloc(1, sizeof(*q));
	char words[200];
	int rc;

	if (!program)
		program = "qemu-system-x86_64";
	if (!q)
		return fail(error, error_size, -UIOMMU_ENOMEM, "no memory");
	q->socket = q->memory = q->bios = q->errors = -1;
	pthread_mutex_init(&q->lock, NULL);
	rc = find_version(q, program);
	if (rc) {
		fail(error, error_size, rc,
		     "%s does not run: install QEMU, or name its program in UIOMMU_QEMU", program);
		goto stop;
	}
	/* Debian's older packages are built without the accelerator. */
	q->steps = q->major >= 11;
	rc = spawn(q, config, program);
	if (rc) {
		fail(error, error_size, rc, "%s cannot be started: %s", program, strerror(errno));
		goto stop;
	}
	if (qtest_read(q, 0, 4) == UINT64_MAX && q->dead) {
		last_words(q, words, sizeof(words));
		rc = fail(error, error_size, -UIOMMU_EIO, "%s ended at once: %s", program, words);
		goto stop;
	}
	*out = q;
	return 0;
stop:
	qtest_stop(q);
	return rc;
}

void qtest_stop(struct qtest *q)
{
	int status;

	if (q->pid > 0) {
		kill(q->pid, SIGKILL);
		waitpid(q->pid, &status, 0);
	}
	if (q->ram)
		munmap(q->ram, q->ram_size);
	if (q->socket >= 0)
		close(q->socket);
	if (q->memory >= 0)
		close(q->memory);
	if (q->bios >= 0)
		close(q->bios);
	if (q->errors >= 0)
		close(q->errors);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

bool qtest_dead(const struct qtest *q)
{
	return q->dead;
}

const char *qtest_version(const struct qtest *q)
{
	return q->version;
}

unsigned int qtest_major(const struct qtest *q)
{
	return q->major;
}

void *qtest_ram(const struct qtest *q)
{
	return q->ram;
}
