/* SPDX-License-Identifier: MIT */
/*
 * host.h - the host under the page-table tests
 *
 * One arena of pages whose physical addresses differ from their pointers. It counts what is in use,
 * can run out after a given number of allocations, and keeps a second copy of each page that holds
 * only what was flushed: the memory as hardware that does not snoop sees it.
 *
 * Thread-safety: pages may be allocated and freed by several threads.
 */
#ifndef TESTS_PGTABLE_HOST_H
#define TESTS_PGTABLE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;

/** host_new() - @pages of 4 KiB; @base: their physical address, rounded up to 1 MiB and a bit more */
struct host *host_new(size_t pages, uint64_t base);
void host_delete(struct host *host);
/** host_pages() - pages of 4 KiB in use */
size_t host_pages(const struct host *host);
/** host_objects() - small allocations in use */
size_t host_objects(const struct host *host);
/** host_fail_after() - the next @n page allocations succeed, all later ones fail; -1: no limit */
void host_fail_after(struct host *host, long n);
/** host_in_use() - is this the first byte of what was allocated and not freed? */
bool host_in_use(const struct host *host, const void *page);
/** host_seen() - the copy of @entry that hardware sees */
uint64_t *host_seen(const struct host *host, const uint64_t *entry);

#endif /* TESTS_PGTABLE_HOST_H */
