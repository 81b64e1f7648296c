/* SPDX-License-Identifier: MIT */
/*
 * start.c - a process without a libc that runs the example kernel of ports/minimal
 *
 * tests/house/freestanding.py links it from objects alone.  Linux's process is the bare machine: what it
 * needs of it are two system calls.
 */
#include <stddef.h>

#include "tests/ports/minimal_life.h"

void bare_main(void) __attribute__((noreturn));

#if defined(__x86_64__)

#define WRITE 1
#define EXIT 231

__asm__(".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	andq $-16, %rsp\n"
	"	call bare_main\n");

static long ask(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

#define WRITE 64
#define EXIT 94

__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	bl bare_main\n");

static long ask(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b, x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

#elif defined(__riscv)

#define WRITE 64
#define EXIT 94

__asm__(".globl _start\n"
	"_start:\n"
	"	.option push\n"
	"	.option norelax\n"
	"	la gp, __global_pointer$\n"
	"	.option pop\n"
	"	call bare_main\n");

static long ask(long number, long a, long b, long c)
{
	register long a7 __asm__("a7") = number, a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b, a2 __asm__("a2") = c;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
	return a0;
}

#endif

static void say(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	ask(WRITE, 1, (long)text, (long)length);
}

void bare_main(void)
{
	int failed = 0;

	for (unsigned int i = 0; minimal_presets[i]; i++) {
		const char *wrong = minimal_life(minimal_presets[i]);

		say(minimal_presets[i]);
		say(wrong ? ": " : ": good");
		say(wrong ? wrong : "");
		say("\n");
		failed |= wrong != NULL;
	}
	for (;;)
		ask(EXIT, failed, 0, 0);
}
