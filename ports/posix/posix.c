/* SPDX-License-Identifier: MIT */
/*
 * posix.c - uiommu/port.h on threads and mmap
 *
 * Locks: page_lock and irq_lock are leaves, never held across a hook, a handler or one another; pin_lock is held
 * across the hooks that hear of pins, so that they hear in the order in which it happens.
 */
#include <uiommu/posix.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "ports/posix/internal.h"
#include "ports/posix/pages.h"

#define MAX_IRQS 64
#define MSI_ADDRESS 0xfee00000u
#define MSI_FIRST_VECTOR 0x20u

struct posix_irq {
	void (*handler)(void *arg); /* NULL: not requested */
	void *arg;
	bool pending;
	bool running;
};

struct uiommu_posix {
	struct uiommu_posix_config config;
	unsigned char *ram;
	bool ram_mapped;
	uintptr_t direct_map;

	pthread_mutex_t pin_lock; /* over pins and what hooks hear of them; outside page_lock */
	pthread_mutex_t page_lock;
	struct posix_pages pages;

	pthread_mutex_t irq_lock;
	pthread_cond_t irq_changed;
	struct posix_irq irqs[MAX_IRQS];
	bool irq_thread_running, irq_thread_stop;
	pthread_t irq_thread;

	_Atomic(uint64_t) used_bytes, used_objects, used_pages, used_mutexes, used_irqs, used_pins;
};

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct uiommu_mutex), "mutex does not fit");

static const struct uiommu_posix_hooks no_hooks;

static const struct uiommu_posix_hooks *hooks(const struct uiommu_posix *posix)
{
	return posix->config.hooks ? posix->config.hooks : &no_hooks;
}

const struct uiommu_posix_hooks *uiommu_posix_hooks_of(const struct uiommu_posix *posix)
{
	return hooks(posix);
}

static bool must_fail(struct uiommu_posix *posix, enum uiommu_posix_step step, size_t size)
{
	const struct uiommu_posix_hooks *h = hooks(posix);

	return h->fail && h->fail(h->context, step, size);
}

/* A misuse of the port by the library cannot be answered: say it and stop. */
static _Noreturn void misuse(const char *what)
{
	fprintf(stderr, "uiommu posix port: %s\n", what);
	abort();
}

/* ---- memory ------------------------------------------------------------------------------------ */

static unsigned char *pages_alloc(struct uiommu_posix *posix, unsigned int order)
{
	uint32_t index;

	pthread_mutex_lock(&posix->page_lock);
	index = uiommu_posix_pages_alloc(&posix->pages, order);
	pthread_mutex_unlock(&posix->page_lock);
	return index == POSIX_NO_PAGE ? NULL : posix->ram + ((uint64_t)index << POSIX_PAGE_SHIFT);
}

static void pages_free(struct uiommu_posix *posix, const void *start, unsigned int order)
{
	uint64_t offset = (uint64_t)((const unsigned char *)start - posix->ram);
	bool ok;

	if ((const unsigned char *)start < posix->ram || offset >= posix->config.ram_size ||
	    offset % POSIX_PAGE_SIZE)
		misuse("freeing pages that are not the host's");
	pthread_mutex_lock(&posix->page_lock);
	ok = uiommu_posix_pages_free(&posix->pages, (uint32_t)(offset >> POSIX_PAGE_SHIFT), order);
	pthread_mutex_unlock(&posix->page_lock);
	if (!ok)
		misuse("freeing pages that are free, or with another order");
}

void *uiommu_port_alloc_pages(void *host, unsigned int order)
{
	struct uiommu_posix *posix = host;
	const struct uiommu_posix_hooks *h = hooks(posix);
	uint64_t size = POSIX_PAGE_SIZE << order;
	unsigned char *mem;

	if (must_fail(posix, UIOMMU_POSIX_ALLOC_PAGES, size))
		return NULL;
	mem = pages_alloc(posix, order);
	if (!mem)
		return NULL;
	memset(mem, 0, size);
	posix->used_pages += 1u << order;
	if (h->pages_added)
		h->pages_added(h->context, uiommu_posix_ptr_to_phys(posix, mem), size);
	return mem;
}

void uiommu_port_free_pages(void *host, void *pages, unsigned int order)
{
	struct uiommu_posix *posix = host;
	const struct uiommu_posix_hooks *h = hooks(posix);

	if (h->pages_removed)
		h->pages_removed(h->context, uiommu_posix_ptr_to_phys(posix, pages),
				 POSIX_PAGE_SIZE << order);
	pages_free(posix, pages, order);
	posix->used_pages -= 1u << order;
}

uintptr_t uiommu_port_direct_map(void *host)
{
	return ((struct uiommu_posix *)host)->direct_map;
}

void uiommu_port_cache_flush(void *host, const void *start, size_t size)
{
	struct uiommu_posix *posix = host;
	const struct uiommu_posix_hooks *h = hooks(posix);

	atomic_thread_fence(memory_order_seq_cst);
	if (h->cache_flush)
		h->cache_flush(h->context, uiommu_posix_ptr_to_phys(posix, start), size);
}

void *uiommu_port_alloc(void *host, size_t size)
{
	struct uiommu_posix *posix = host;
	void *mem;

	if (must_fail(posix, UIOMMU_POSIX_ALLOC, size))
		return NULL;
	mem = calloc(1, size);
	if (mem) {
		posix->used_bytes += size;
		posix->used_objects++;
	}
	return mem;
}

void uiommu_port_free(void *host, void *mem, size_t size)
{
	struct uiommu_posix *posix = host;

	if (!mem)
		return;
	posix->used_bytes -= size;
	posix->used_objects--;
	free(mem);
}

static unsigned int order_of(uint64_t size)
{
	unsigned int order = 0;

	while ((POSIX_PAGE_SIZE << order) < size)
		order++;
	return order;
}

void *uiommu_posix_alloc_ram(struct uiommu_posix *posix, uint64_t size, uint64_t align,
			     uiommu_phys_t *phys)
{
	unsigned char *mem;

	if (size == 0 || size > posix->config.ram_size || align > posix->config.ram_size)
		return NULL;
	/* A block of a buddy is aligned to its size; the alignment is then only a larger block. */
	mem = pages_alloc(posix, order_of(size > align ? size : align));
	if (mem && phys)
		*phys = uiommu_posix_ptr_to_phys(posix, mem);
	return mem;
}

void uiommu_posix_free_ram(struct uiommu_posix *posix, void *ram, uint64_t size)
{
	uint32_t index = (uint32_t)(((unsigned char *)ram - posix->ram) >> POSIX_PAGE_SHIFT);
	unsigned int order;

	(void)size; /* the block may be larger, for its alignment's sake */
	pthread_mutex_lock(&posix->page_lock);
	order = posix->pages.page[index].order;
	pthread_mutex_unlock(&posix->page_lock);
	pages_free(posix, ram, order);
}

bool uiommu_posix_ram_private(const struct uiommu_posix *posix)
{
	return posix->config.ram_private;
}

unsigned int uiommu_posix_page_users(struct uiommu_posix *posix, uiommu_phys_t phys, int change)
{
	uint64_t index = (phys - posix->config.ram_base) >> POSIX_PAGE_SHIFT;
	unsigned int users;

	pthread_mutex_lock(&posix->page_lock);
	posix->pages.page[index].users += (uint32_t)change;
	users = posix->pages.page[index].users;
	pthread_mutex_unlock(&posix->page_lock);
	return users;
}

void uiommu_posix_pin_lock(struct uiommu_posix *posix, bool lock)
{
	if (lock)
		pthread_mutex_lock(&posix->pin_lock);
	else
		pthread_mutex_unlock(&posix->pin_lock);
}

bool uiommu_posix_pin_pages(struct uiommu_posix *posix, uiommu_phys_t phys, size_t count,
			    int change, size_t *edge, size_t *same)
{
	const uint32_t old = change > 0 ? 0 : 1; /* pins of a page at the edge, before */
	uint64_t index = (phys - posix->config.ram_base) >> POSIX_PAGE_SHIFT;
	bool ok = true;

	*edge = 0;
	*same = 0;
	pthread_mutex_lock(&posix->page_lock);
	for (size_t seen = 0; change > 0 && seen < count && ok;) {
		uint32_t n = uiommu_posix_pages_in_use(&posix->pages, (uint32_t)(index + seen));

		ok = n;
		seen += n;
	}
	/* One run of each kind: what is told to hooks must not be told with the lock held. */
	for (size_t i = 0; ok && i < count; i++) {
		struct posix_page *page = &posix->pages.page[index + i];

		if (page->pins == old) {
			if (*same)
				break;
			++*edge;
		} else {
			++*same;
		}
		page->pins += (uint32_t)change;
	}
	pthread_mutex_unlock(&posix->page_lock);
	if (ok)
		posix->used_pins += (uint64_t)((int64_t)(*edge + *same) * change);
	return ok;
}

void *uiommu_posix_phys_to_ptr(struct uiommu_posix *posix, uiommu_phys_t phys)
{
	if (phys < posix->config.ram_base ||
	    phys - posix->config.ram_base >= posix->config.ram_size)
		return NULL;
	return posix->ram + (phys - posix->config.ram_base);
}

uiommu_phys_t uiommu_posix_ptr_to_phys(struct uiommu_posix *posix, const void *ptr)
{
	return (uintptr_t)ptr - posix->direct_map;
}

/* ---- locks ------------------------------------------------------------------------------------- */

static pthread_mutex_t *native(struct uiommu_mutex *mutex)
{
	return (pthread_mutex_t *)(void *)mutex;
}

int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex)
{
	struct uiommu_posix *posix = host;
	pthread_mutexattr_t attr;
	int rc;

	if (must_fail(posix, UIOMMU_POSIX_MUTEX_INIT, sizeof(*mutex)))
		return -UIOMMU_ENOMEM;
	pthread_mutexattr_init(&attr);
	/* A thread that takes a mutex twice or releases another's stops here and not in a deadlock. */
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	rc = pthread_mutex_init(native(mutex), &attr);
	pthread_mutexattr_destroy(&attr);
	if (rc)
		return -UIOMMU_ENOMEM;
	posix->used_mutexes++;
	return 0;
}

void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex)
{
	struct uiommu_posix *posix = host;

	if (pthread_mutex_destroy(native(mutex)))
		misuse("a mutex is destroyed while it is held");
	posix->used_mutexes--;
}

void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex)
{
	const struct uiommu_posix_hooks *h = hooks(host);

	if (h->mutex_locking)
		h->mutex_locking(h->context, mutex);
	if (pthread_mutex_lock(native(mutex)))
		misuse("a mutex is taken twice by one thread");
}

void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex)
{
	const struct uiommu_posix_hooks *h = hooks(host);

	if (pthread_mutex_unlock(native(mutex)))
		misuse("a mutex is released by a thread that does not hold it");
	if (h->mutex_unlocked)
		h->mutex_unlocked(h->context, mutex);
}

/* ---- time -------------------------------------------------------------------------------------- */

uint64_t uiommu_port_now_ns(void *host)
{
	const struct uiommu_posix_hooks *h = hooks(host);
	struct timespec now;

	if (h->now_ns)
		return h->now_ns(h->context);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void uiommu_port_relax(void *host)
{
	const struct uiommu_posix_hooks *h = hooks(host);

	if (h->relax)
		h->relax(h->context);
	else
		sched_yield();
}

/* ---- interrupts -------------------------------------------------------------------------------- */

int uiommu_port_irq_request(void *host, void (*handler)(void *arg), void *arg,
			    struct uiommu_msi *msi)
{
	struct uiommu_posix *posix = host;
	int irq;

	if (must_fail(posix, UIOMMU_POSIX_IRQ_REQUEST, 0))
		return -UIOMMU_ENOSPC;
	pthread_mutex_lock(&posix->irq_lock);
	for (irq = 0; irq < MAX_IRQS && posix->irqs[irq].handler; irq++)
		;
	if (irq < MAX_IRQS)
		posix->irqs[irq] = (struct posix_irq){ .handler = handler, .arg = arg };
	pthread_mutex_unlock(&posix->irq_lock);
	if (irq == MAX_IRQS)
		return -UIOMMU_ENOSPC;
	posix->used_irqs++;
	msi->address = MSI_ADDRESS;
	msi->data = MSI_FIRST_VECTOR + (uint32_t)irq;
	return irq;
}

void uiommu_port_irq_free(void *host, int irq)
{
	struct uiommu_posix *posix = host;

	pthread_mutex_lock(&posix->irq_lock);
	while (posix->irqs[irq].running)
		pthread_cond_wait(&posix->irq_changed, &posix->irq_lock);
	posix->irqs[irq] = (struct posix_irq){ 0 };
	pthread_mutex_unlock(&posix->irq_lock);
	posix->used_irqs--;
}

bool uiommu_posix_msi(struct uiommu_posix *posix, uint64_t address, uint32_t data)
{
	uint32_t irq = data - MSI_FIRST_VECTOR;
	bool known = false;

	if (address != MSI_ADDRESS || irq >= MAX_IRQS)
		return false;
	pthread_mutex_lock(&posix->irq_lock);
	if (posix->irqs[irq].handler) {
		posix->irqs[irq].pending = true;
		known = true;
		pthread_cond_broadcast(&posix->irq_changed);
	}
	pthread_mutex_unlock(&posix->irq_lock);
	return known;
}

/* Runs what is pending; with irq_lock held, which is dropped around each handler. */
static unsigned int deliver_locked(struct uiommu_posix *posix)
{
	unsigned int delivered = 0;

	for (int irq = 0; irq < MAX_IRQS; irq++) {
		struct posix_irq *i = &posix->irqs[irq];

		if (!i->handler || !i->pending || i->running)
			continue;
		i->pending = false;
		i->running = true;
		pthread_mutex_unlock(&posix->irq_lock);
		i->handler(i->arg);
		pthread_mutex_lock(&posix->irq_lock);
		i->running = false;
		pthread_cond_broadcast(&posix->irq_changed);
		delivered++;
	}
	return delivered;
}

unsigned int uiommu_posix_deliver(struct uiommu_posix *posix)
{
	unsigned int delivered;

	pthread_mutex_lock(&posix->irq_lock);
	delivered = deliver_locked(posix);
	pthread_mutex_unlock(&posix->irq_lock);
	return delivered;
}

static void *irq_thread(void *arg)
{
	struct uiommu_posix *posix = arg;

	pthread_mutex_lock(&posix->irq_lock);
	while (!posix->irq_thread_stop) {
		if (!deliver_locked(posix))
			pthread_cond_wait(&posix->irq_changed, &posix->irq_lock);
	}
	pthread_mutex_unlock(&posix->irq_lock);
	return NULL;
}

/* ---- words ------------------------------------------------------------------------------------- */

void uiommu_port_log(void *host, enum uiommu_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	const struct uiommu_posix_hooks *h = hooks(host);

	if (h->log)
		h->log(h->context, level, line);
	else if (level <= UIOMMU_LOG_WARN)
		fprintf(stderr, "uiommu: %s: %s\n", names[level], line);
}

/* ---- the host itself --------------------------------------------------------------------------- */

static int map_ram(struct uiommu_posix *posix)
{
	const struct uiommu_posix_config *c = &posix->config;
	void *ram;

	if (c->ram) {
		posix->ram = c->ram;
		return 0;
	}
	ram = mmap(NULL, c->ram_size, PROT_READ | PROT_WRITE,
		   MAP_NORESERVE | (c->ram_fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS),
		   c->ram_fd >= 0 ? c->ram_fd : -1, 0);
	if (ram == MAP_FAILED)
		return -UIOMMU_ENOMEM;
	posix->ram = ram;
	posix->ram_mapped = true;
	posix->config.ram_private = c->ram_fd < 0;
	return 0;
}

int uiommu_posix_create(const struct uiommu_posix_config *config, struct uiommu_posix **out)
{
	struct uiommu_posix *posix;
	int rc;

	if (config->ram_size == 0 || config->ram_size % POSIX_PAGE_SIZE ||
	    config->ram_base % POSIX_PAGE_SIZE ||
	    config->ram_base + config->ram_size < config->ram_base ||
	    config->ram_size >> POSIX_PAGE_SHIFT >= POSIX_NO_PAGE)
		return -UIOMMU_EINVAL;
	posix = calloc(1, sizeof(*posix));
	if (!posix)
		return -UIOMMU_ENOMEM;
	posix->config = *config;
	rc = map_ram(posix);
	if (rc)
		goto free_posix;
	posix->direct_map = (uintptr_t)posix->ram - (uintptr_t)config->ram_base;
	rc = -UIOMMU_ENOMEM;
	/* Physical address 0 is never handed out: uiommu_iova_to_phys() says "not mapped" with it. */
	if (uiommu_posix_pages_init(
		    &posix->pages, config->ram_base >> POSIX_PAGE_SHIFT,
		    (uint32_t)(config->ram_size >> POSIX_PAGE_SHIFT),
		    config->reserve_below ? config->reserve_below >> POSIX_PAGE_SHIFT : 1))
		goto unmap;
	pthread_mutex_init(&posix->pin_lock, NULL);
	pthread_mutex_init(&posix->page_lock, NULL);
	pthread_mutex_init(&posix->irq_lock, NULL);
	pthread_cond_init(&posix->irq_changed, NULL);
	if (config->irqs_by_thread) {
		if (pthread_create(&posix->irq_thread, NULL, irq_thread, posix))
			goto destroy_locks;
		posix->irq_thread_running = true;
	}
	*out = posix;
	return 0;

destroy_locks:
	pthread_cond_destroy(&posix->irq_changed);
	pthread_mutex_destroy(&posix->irq_lock);
	pthread_mutex_destroy(&posix->page_lock);
	pthread_mutex_destroy(&posix->pin_lock);
	uiommu_posix_pages_destroy(&posix->pages);
unmap:
	if (posix->ram_mapped)
		munmap(posix->ram, config->ram_size);
free_posix:
	free(posix);
	return rc;
}

void uiommu_posix_destroy(struct uiommu_posix *posix)
{
	if (!posix)
		return;
	if (posix->irq_thread_running) {
		pthread_mutex_lock(&posix->irq_lock);
		posix->irq_thread_stop = true;
		pthread_cond_broadcast(&posix->irq_changed);
		pthread_mutex_unlock(&posix->irq_lock);
		pthread_join(posix->irq_thread, NULL);
	}
	pthread_cond_destroy(&posix->irq_changed);
	pthread_mutex_destroy(&posix->irq_lock);
	pthread_mutex_destroy(&posix->page_lock);
	pthread_mutex_destroy(&posix->pin_lock);
	uiommu_posix_pages_destroy(&posix->pages);
	if (posix->ram_mapped)
		munmap(posix->ram, posix->config.ram_size);
	free(posix);
}

void uiommu_posix_usage(struct uiommu_posix *posix, struct uiommu_posix_usage *usage)
{
	usage->bytes = posix->used_bytes;
	usage->objects = posix->used_objects;
	usage->pages = posix->used_pages;
	usage->mutexes = posix->used_mutexes;
	usage->irqs = posix->used_irqs;
	usage->pins = posix->used_pins;
}
