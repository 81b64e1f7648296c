/* SPDX-License-Identifier: MIT */
/* qemu.h - what the files of the emulated machine share: qemu.c runs it, qemu_start.c says what to start */
#ifndef MACHINES_QEMU_H
#define MACHINES_QEMU_H

#include <stdarg.h>

#include "machines/describe.h"
#include "ports/qtest/qtest.h"

#define QEMU_TEXTS 48u
#define QEMU_TEXT_SIZE 160u

struct qemu_command {
	const struct describe *d;
	char text[QEMU_TEXTS][QEMU_TEXT_SIZE];
};

/* Does QEMU, in any version that is known, have a machine like this? */
bool qemu_can_be(const struct describe *d);
enum qtest_architecture qemu_architecture(const struct describe *d);

/* For struct qtest_config, with a struct qemu_command as the context. */
bool qemu_suits(void *context, const struct qtest *q, char *error, size_t error_size);
unsigned int qemu_arguments(void *context, const struct qtest *q, char **argv, unsigned int room);

#endif /* MACHINES_QEMU_H */
