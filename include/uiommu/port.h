/* SPDX-License-Identifier: MIT */
/*
 * uiommu/port.h - what a host provides so that the library can run on it
 *
 * These functions are called by the library and written by the host: an operating system, a hypervisor,
 * a firmware, or one of the ports in ports/.  They are linked, not registered.  The first argument of
 * each is the @host pointer that was given to uiommu_system_create(); the library never looks behind
 * it.  One process can so hold systems over different memories (a model's, an emulator's).
 *
 * docs/PORTING.md walks through it; ports/posix is a complete implementation for processes.
 *
 * Context.  The library has no threads and no interrupt handlers of its own.  Each call below says
 * whether it may sleep.  All of them may be called by several threads at once.
 */
#ifndef UIOMMU_PORT_H
#define UIOMMU_PORT_H

#include <uiommu/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- memory ------------------------------------------------------------------------------------ */

/**
 * uiommu_port_alloc_pages() - physically contiguous, zeroed memory that hardware will read
 * @host: the system's host
 * @order: 2^order pages of 4096 bytes, 0 to 10, aligned to their own size
 *
 * For page tables, queues and other structures that the IOMMU reads.  The memory is zero as the
 * processor sees it; where walks are not coherent the library flushes it itself before use.  May sleep.
 *
 * Example: a host with a buddy allocator returns phys_to_virt(buddy_alloc(order)) after a memset.
 *
 * Return: the memory, owned by the library until uiommu_port_free_pages(); NULL if there is none, in
 * which case the operation under way fails with -UIOMMU_ENOMEM and changes nothing.
 */
void *uiommu_port_alloc_pages(void *host, unsigned int order);

/**
 * uiommu_port_free_pages() - give back what uiommu_port_alloc_pages() returned
 * @host: the system's host
 * @pages: not NULL
 * @order: the same order
 *
 * The library calls it only once no IOMMU can reach the memory any more.  Must not fail or sleep.
 */
void uiommu_port_free_pages(void *host, void *pages, unsigned int order);

/**
 * uiommu_port_direct_map() - how physical addresses and pointers relate
 * @host: the system's host
 *
 * For all memory of uiommu_port_alloc_pages(): pointer == physical address + this constant (modulo the
 * size of a pointer).  Asked once per system and kept, so that a page-table walk costs one addition.
 *
 * Example: a kernel with a direct map returns its base; a host whose physical addresses are its own
 * virtual ones returns 0.
 */
uintptr_t uiommu_port_direct_map(void *host);

/**
 * uiommu_port_cache_flush() - write processor caches back to memory
 * @host: the system's host
 * @start: first byte, inside memory of uiommu_port_alloc_pages()
 * @size: bytes, at least 1
 *
 * Called for structures that an IOMMU reads without snooping, after each change and before the
 * hardware is told of it.  When it returns the hardware sees the new bytes.  Must not sleep.
 *
 * Example: CLFLUSHOPT over the lines and an SFENCE; DC CVAC and a DSB; nothing on a coherent machine.
 */
void uiommu_port_cache_flush(void *host, const void *start, size_t size);

/**
 * uiommu_port_alloc() - small zeroed memory for the library's own objects
 * @host: the system's host
 * @size: bytes, at least 1, rarely more than a few pages
 *
 * Aligned for any type.  May sleep.  Return: the memory, or NULL.
 */
void *uiommu_port_alloc(void *host, size_t size);

/**
 * uiommu_port_free() - give back what uiommu_port_alloc() returned
 * @host: the system's host
 * @mem: the memory; NULL does nothing
 * @size: the same size, for hosts that keep no headers
 */
void uiommu_port_free(void *host, void *mem, size_t size);

/* ---- locks ------------------------------------------------------------------------------------- */

/* Room for the host's own mutex: 64 bytes hold a pthread_mutex_t on every 64-bit Linux. */
struct uiommu_mutex {
	union {
		uint64_t opaque[8];
		void *align;
	};
};

/**
 * uiommu_port_mutex_init() - make a mutex usable
 * @host: the system's host
 * @mutex: zeroed memory
 *
 * Return: 0, or -UIOMMU_ENOMEM.
 */
int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex);

/** uiommu_port_mutex_destroy() - the end of an initialised, unlocked mutex */
void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex);

/**
 * uiommu_port_mutex_lock() - take a mutex, sleeping until it is free
 *
 * Not recursive.  Order of the library's locks, outermost first: system SVA, system probe, group,
 * page requests of a device (being handled, being answered), address space, domain, instance; of two
 * domains the one at the lower address.
 * A host with one thread may do nothing here.
 */
void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex);

/** uiommu_port_mutex_unlock() - release a mutex that this thread took */
void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex);

/* ---- time -------------------------------------------------------------------------------------- */

/**
 * uiommu_port_now_ns() - a clock that never goes backwards, in nanoseconds from any origin
 *
 * Used for time limits on hardware only.  A test host may let it stand still or jump.
 */
uint64_t uiommu_port_now_ns(void *host);

/**
 * uiommu_port_relax() - one turn of a loop that waits for hardware
 *
 * Called between two looks at a register or a status word.  A kernel pauses the processor; a host over
 * a model lets the model take a step.  Must not sleep for long; may be called with any lock held.
 */
void uiommu_port_relax(void *host);

/* ---- interrupts -------------------------------------------------------------------------------- */

/* What an IOMMU writes to raise an interrupt (PCI MSI: an address and a 32-bit word). */
struct uiommu_msi {
	uint64_t address;
	uint32_t data;
};

/**
 * uiommu_port_irq_request() - ask for an interrupt of an IOMMU to be delivered
 * @host: the system's host
 * @handler: called by the host, in a context that may sleep and take mutexes, after the message
 *	was written
 * @arg: handed to @handler
 * @msi: filled in on success: what the hardware must be told to write
 *
 * A host without interrupts returns -UIOMMU_EOPNOTSUPP: the driver then leaves the interrupt masked,
 * and the host calls uiommu_instance_poll() when it likes.  The host must never call @handler from
 * inside another port call of the same thread: the library holds locks there.
 *
 * Return: a number >= 0 that names the interrupt, or a negative error.
 */
int uiommu_port_irq_request(void *host, void (*handler)(void *arg), void *arg,
			    struct uiommu_msi *msi);

/**
 * uiommu_port_irq_free() - no more interrupts; when it returns, @handler does not run any more
 * @host: the system's host
 * @irq: what uiommu_port_irq_request() returned
 */
void uiommu_port_irq_free(void *host, int irq);

/* ---- address spaces of processes --------------------------------------------------------------- */

/*
 * For SVA (uiommu/sva.h).  A host without processes, or that offers them to no device, returns
 * -UIOMMU_EOPNOTSUPP from uiommu_port_mm_describe() and has nothing else to write here.
 */
struct uiommu_mm;

enum uiommu_mm_format {
	UIOMMU_MM_X86_64, /* 4 levels of 4K tables, 48 bits (or 5 and 57) */
	UIOMMU_MM_ARM64, /* VMSAv8-64 stage 1 tables of the lower half (TTBR0) */
};

/* How hardware walks it.  The same for the whole life of the address space. */
struct uiommu_mm_format_info {
	enum uiommu_mm_format format;
	unsigned int va_bits; /* x86-64: 48 or 57; Arm: 64 - T0SZ */
	unsigned int granule_shift; /* 12; Arm also 14, 16 */
	unsigned int phys_bits; /* of the addresses in its entries */
	uiommu_phys_t root; /* of the top table */
	uint64_t mair; /* Arm: MAIR_EL1; ignored elsewhere */
	bool tagged_pointers; /* its pointers carry tags that devices would not ignore */
};

/*
 * Who wants to hear of changes; written by the library, kept by the host from subscribe to unsubscribe.
 * Called without locks of the library's that are needed for attach or map.
 */
struct uiommu_mm_subscriber {
	/*
	 * [start, last] changed in the tables: entries were removed, replaced, or lost permissions.  When
	 * it returns no device uses the old ones, and the host may free the pages.  May be called with the
	 * host's locks of this address space held.  New entries in place of none are not told.
	 */
	void (*invalidate)(struct uiommu_mm_subscriber *subscriber, uint64_t start, uint64_t last);
	/*
	 * The address space exits: nothing of it may be walked when this returns, and its tables can be
	 * freed.  Called once, with no lock of the host's that uiommu_port_mm_fault() takes.
	 */
	void (*exit)(struct uiommu_mm_subscriber *subscriber);
	/* The structure itself dies: nobody holds it any more.  Counts as unsubscribed. */
	void (*gone)(struct uiommu_mm_subscriber *subscriber);
	struct uiommu_mm_subscriber *next; /* the host's */
};

/** uiommu_port_mm_describe() - 0; -UIOMMU_EOPNOTSUPP: no such thing here; -UIOMMU_ENOENT: it has exited */
int uiommu_port_mm_describe(void *host, struct uiommu_mm *mm, struct uiommu_mm_format_info *info);

/**
 * uiommu_port_mm_get() - keep the structure (not the contents), until uiommu_port_mm_put()
 *
 * Linux: mmgrab().  Must not sleep.
 */
void uiommu_port_mm_get(void *host, struct uiommu_mm *mm);
/** uiommu_port_mm_put() - may be the last: then the subscribers' gone() is called from here */
void uiommu_port_mm_put(void *host, struct uiommu_mm *mm);

/** uiommu_port_mm_subscribe() - 0; -UIOMMU_ENOENT: it has exited.  Does not keep the structure. */
int uiommu_port_mm_subscribe(void *host, struct uiommu_mm *mm,
			     struct uiommu_mm_subscriber *subscriber);
/** uiommu_port_mm_unsubscribe() - when it returns no callback runs any more */
void uiommu_port_mm_unsubscribe(void *host, struct uiommu_mm *mm,
				struct uiommu_mm_subscriber *subscriber);

/**
 * uiommu_port_mm_fault() - a device wants a page: do what a fault of the processor there would do
 * @host: the system's host
 * @mm: the address space
 * @address: any byte of the page
 * @prot: UIOMMU_READ and UIOMMU_WRITE: what must be possible afterwards; UIOMMU_NOEXEC is not given when
 *	it wants to execute; UIOMMU_PRIV asks for privileged access and is never granted to user memory
 * May sleep.  Called with none of the library's locks that invalidate() or exit() need.
 *
 * Return: 0: try again; -UIOMMU_EFAULT: no area there, or it forbids this; -UIOMMU_ENOENT: it has exited;
 * -UIOMMU_ENOMEM.
 */
int uiommu_port_mm_fault(void *host, struct uiommu_mm *mm, uint64_t address, unsigned int prot);

/* ---- memory of user programs ------------------------------------------------------------------- */

/*
 * For hosts that offer Linux's user ABI (uiommu/uapi.h); others leave these out.  Addresses are those of the
 * program that calls.
 */

/** uiommu_port_user_read() - from the program; 0, or -UIOMMU_EFAULT with @to undefined */
int uiommu_port_user_read(void *host, void *to, uint64_t from, size_t size);
/** uiommu_port_user_write() - to the program; 0, or -UIOMMU_EFAULT with a part of it done */
int uiommu_port_user_write(void *host, uint64_t to, const void *from, size_t size);

/**
 * uiommu_port_user_pin() - keep pages of the program where they are, for devices
 * @host: the system's host
 * @address: a multiple of 4096
 * @count: pages of 4096 bytes, at least 1
 * @write: devices may write to them
 * @phys: room for @count physical addresses
 *
 * Return: 0; -UIOMMU_EFAULT: some page is not there, not writable, or not memory that devices can reach;
 * -UIOMMU_ENOMEM.  On error nothing is pinned.  A page may be pinned several times.
 */
int uiommu_port_user_pin(void *host, uint64_t address, size_t count, bool write,
			 uiommu_phys_t *phys);
/** uiommu_port_user_unpin() - the end of one pin of each of these pages; no device reaches them through it */
void uiommu_port_user_unpin(void *host, const uiommu_phys_t *phys, size_t count);

/**
 * uiommu_port_user_map_file() - pages of a file as memory of the program, where they can be pinned
 * @host: the system's host
 * @fd: a descriptor of this process; a file of memory (memfd, tmpfs, hugetlbfs)
 * @offset: a multiple of 4096
 * @count: pages of 4096 bytes, at least 1; those behind the file's end are not looked at
 * @write: devices may write to them
 * @address: filled in on success
 *
 * For instance a memfd that backs a guest's memory, which its program has not mapped itself.
 *
 * Return: 0; -UIOMMU_EFAULT: @write, and the file cannot be written; -UIOMMU_EINVAL: it cannot be mapped; -UIOMMU_ENOMEM;
 * -UIOMMU_EOPNOTSUPP: devices reach no files.
 */
int uiommu_port_user_map_file(void *host, int fd, uint64_t offset, size_t count, bool write,
			      uint64_t *address);
/** uiommu_port_user_unmap_file() - the end of that; nothing of it is pinned any more */
void uiommu_port_user_unmap_file(void *host, uint64_t address, size_t count);
/** uiommu_port_user_ptr() - where the library reaches a pinned page */
void *uiommu_port_user_ptr(void *host, uiommu_phys_t phys);

/* ---- words ------------------------------------------------------------------------------------- */

enum uiommu_log_level {
	UIOMMU_LOG_ERROR, /* something is broken and stays broken without somebody's help */
	UIOMMU_LOG_WARN, /* the library went on, but somebody made a mistake */
	UIOMMU_LOG_INFO, /* worth one line at boot */
	UIOMMU_LOG_DEBUG, /* for the people who write drivers */
};

/**
 * uiommu_port_log() - one line for a person
 * @host: the system's host
 * @level: how bad
 * @line: text without a newline, at most 255 bytes, valid during the call only
 *
 * May be called with locks held; must not call back into the library.
 */
void uiommu_port_log(void *host, enum uiommu_log_level level, const char *line);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_PORT_H */
