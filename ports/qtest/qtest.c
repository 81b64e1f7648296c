/* SPDX-License-Identifier: MIT */
/*
 * qtest.c - the emulator's test protocol: a line for each command, a line for each answer
 *
 * Answers come in the order of the commands.  A posted command stays in a buffer until somebody wants an answer;
 * its own is then read and dropped.  Not more are posted than the socket holds answers for, so that neither
 * side ever waits for the other to read.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ports/qtest/internal.h"

#define MAX_OWED 48u
#define MAX_COMMAND 64

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
		if (q->have == sizeof(q->line) || poll(&fd, 1, QTEST_TIMEOUT_MS) <= 0)
			return NULL;
		n = read(q->socket, q->line + q->have, sizeof(q->line) - q->have);
		if (n <= 0)
			return NULL;
		q->have += (size_t)n;
	}
}

/* One command's answer: its value, 0 if it has none, all ones if the emulator is gone or refuses. */
static uint64_t take_answer(struct qtest *q)
{
	while (!q->dead) {
		char *line = next_line(q);

		if (!line)
			q->dead = true;
		else if (!strncmp(line, "OK", 2))
			return line[2] ? strtoull(line + 3, NULL, 0) : 0;
		else if (strncmp(line, "IRQ", 3))
			break; /* "FAIL" and "ERR" */
	}
	return UINT64_MAX;
}

static void flush(struct qtest *q)
{
	size_t sent = 0;

	while (!q->dead && sent < q->out_length) {
		ssize_t n = send(q->socket, q->out + sent, q->out_length - sent, MSG_NOSIGNAL);

		if (n <= 0)
			q->dead = true;
		else
			sent += (size_t)n;
	}
	q->out_length = 0;
}

static void take_owed(struct qtest *q)
{
	for (; q->owed; q->owed--)
		take_answer(q);
}

static void append(struct qtest *q, const char *format, va_list args)
{
	if (q->out_length + MAX_COMMAND > sizeof(q->out))
		flush(q);
	q->out_length += (size_t)vsnprintf(q->out + q->out_length, sizeof(q->out) - q->out_length,
					   format, args);
}

static __attribute__((format(printf, 2, 3))) uint64_t command(struct qtest *q, const char *format,
							      ...)
{
	uint64_t value;
	va_list args;

	pthread_mutex_lock(&q->lock);
	va_start(args, format);
	append(q, format, args);
	va_end(args);
	flush(q);
	take_owed(q);
	value = take_answer(q);
	pthread_mutex_unlock(&q->lock);
	return value;
}

static __attribute__((format(printf, 2, 3))) void post(struct qtest *q, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&q->lock);
	va_start(args, format);
	append(q, format, args);
	va_end(args);
	if (++q->owed >= MAX_OWED) {
		flush(q);
		take_owed(q);
	}
	pthread_mutex_unlock(&q->lock);
}

/* ---- accesses ---------------------------------------------------------------------------------- */

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

void qtest_post(struct qtest *q, uint64_t address, unsigned int size, uint64_t value)
{
	post(q, "write%c 0x%llx 0x%llx\n", letter(size), (unsigned long long)address,
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
	if (q->program->steps)
		post(q, "clock_step %llu\n", (unsigned long long)ns);
	else
		qtest_read(q, q->ram_base,
			   1); /* a turn of its main loop: the clock jumps by itself */
}

bool qtest_dead(const struct qtest *q)
{
	return q->dead;
}

const char *qtest_version(const struct qtest *q)
{
	return q->program->version;
}

unsigned int qtest_major(const struct qtest *q)
{
	return q->program->major;
}

enum qtest_architecture qtest_architecture(const struct qtest *q)
{
	return q->architecture;
}

void *qtest_ram(const struct qtest *q)
{
	return q->ram;
}

uint64_t qtest_ram_base(const struct qtest *q)
{
	return q->ram_base;
}
