/* SPDX-License-Identifier: MIT */
/*
 * uiommu/posix.h - the hosted port: systems inside a process
 *
 * Implements uiommu/port.h with threads and mmap.  Each host object has RAM of its own, whose physical
 * addresses begin at a base that the caller chooses, so that pointer and physical address differ, as
 * in a kernel: code that confuses the two fails here.  Hooks let a test watch or fail every step.
 *
 * Thread-safety: everything may be called from several threads at once, but for create and destroy.
 */
#ifndef UIOMMU_POSIX_H
#define UIOMMU_POSIX_H

#include <uiommu/port.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_posix; /* a host: what is handed to uiommu_system_config.host */

enum uiommu_posix_step {
	UIOMMU_POSIX_ALLOC, /* small memory */
	UIOMMU_POSIX_ALLOC_PAGES,
	UIOMMU_POSIX_MUTEX_INIT,
	UIOMMU_POSIX_IRQ_REQUEST,
};

/* What a test or a machine wants to know of.  Any may be NULL.  Called on the library's thread. */
struct uiommu_posix_hooks {
	void *context;
	/* Return true to let this step fail as if the host had run out. */
	bool (*fail)(void *context, enum uiommu_posix_step step, size_t size);
	/* Page memory came into or went out of use by hardware; for models' registries. */
	void (*pages_added)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*pages_removed)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*cache_flush)(void *context, uiommu_phys_t phys, uint64_t size);
	/* Pages of a process (uiommu_posix_mm, or pinned ones) may, or may no longer, be reached by devices. */
	void (*user_pages_added)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*user_pages_removed)(void *context, uiommu_phys_t phys, uint64_t size);
	/* Return true to let a write to a program's memory fail as if it could only be read. */
	bool (*user_write_fails)(void *context, uint64_t to, size_t size);
	void (*relax)(void *context);
	/* Around each mutex: may yield, to choose a schedule. */
	void (*mutex_locking)(void *context, struct uiommu_mutex *mutex);
	void (*mutex_unlocked)(void *context, struct uiommu_mutex *mutex);
	void (*log)(void *context, enum uiommu_log_level level, const char *line);
	/* Replaces the clock. */
	uint64_t (*now_ns)(void *context);
};

struct uiommu_posix_config {
	uint64_t ram_base; /* physical address of the first byte, a multiple of 4096 */
	uint64_t ram_size; /* bytes, a multiple of 4096 */
	void *ram; /* memory to use (an emulator's), or NULL to let the port map some */
	bool ram_private; /* @ram is nobody else's and of no file: pages of it may be replaced */
	int ram_fd; /* with ram NULL: a file to map, or -1 for anonymous memory */
	uint64_t reserve_below; /* physical addresses below this are not handed out */
	bool irqs_by_thread; /* deliver interrupts from a thread; else by uiommu_posix_deliver() */
	const struct uiommu_posix_hooks *hooks; /* not copied; NULL: none; log goes to stderr */
};

UIOMMU_API int uiommu_posix_create(const struct uiommu_posix_config *config,
				   struct uiommu_posix **out);
/** uiommu_posix_destroy() - everything that was allocated from the host must have been freed */
UIOMMU_API void uiommu_posix_destroy(struct uiommu_posix *host);

/* Pages for devices' buffers, from the same RAM; not seen by the pages_added hook. */
UIOMMU_API void *uiommu_posix_alloc_ram(struct uiommu_posix *host, uint64_t size, uint64_t align,
					uiommu_phys_t *phys);
UIOMMU_API void uiommu_posix_free_ram(struct uiommu_posix *host, void *ram, uint64_t size);
UIOMMU_API void *uiommu_posix_phys_to_ptr(struct uiommu_posix *host, uiommu_phys_t phys);
UIOMMU_API uiommu_phys_t uiommu_posix_ptr_to_phys(struct uiommu_posix *host, const void *ptr);

/* An interrupt message was written by hardware; true if it belongs to a requested interrupt. */
UIOMMU_API bool uiommu_posix_msi(struct uiommu_posix *host, uint64_t address, uint32_t data);
/** uiommu_posix_deliver() - run the handlers of messages that arrived; returns how many */
UIOMMU_API unsigned int uiommu_posix_deliver(struct uiommu_posix *host);

/* ---- processes --------------------------------------------------------------------------------- */

/*
 * A model of a process's address space, as an operating system has one: areas with permissions, pages that
 * come when they are touched, copy-on-write after fork, and a page table in the processor's format that an
 * IOMMU can walk (uiommu/sva.h).  Its table's pages are told of by pages_added and its data pages by
 * user_pages_added; both come from the host's RAM.
 *
 * It does what an operating system may do at its worst: a page that is unmapped or copied goes back to the
 * allocator as soon as the subscribers have returned, and is filled with a pattern.
 *
 * Thread-safety: every call from any thread.
 */
struct uiommu_mm;

struct uiommu_posix_mm_config {
	enum uiommu_mm_format format;
	unsigned int va_bits; /* 0: 48 */
	unsigned int granule_shift; /* 0: 12 */
	bool tagged_pointers;
};

/** uiommu_posix_mm_create() - 0; -UIOMMU_EINVAL: no such format; -UIOMMU_ENOMEM.  Ends with exit and put */
UIOMMU_API int uiommu_posix_mm_create(struct uiommu_posix *host,
				      const struct uiommu_posix_mm_config *config,
				      struct uiommu_mm **out);
/** uiommu_posix_mm_exit() - the process ends: subscribers are told, then all areas and tables go */
UIOMMU_API void uiommu_posix_mm_exit(struct uiommu_mm *mm);
/** uiommu_posix_mm_put() - the creator's reference; calls exit if that has not been */
UIOMMU_API void uiommu_posix_mm_put(struct uiommu_mm *mm);

/*
 * An area [address, address + size), multiples of the granule, with READ and WRITE (and NOEXEC) of @prot.
 * @address may be anywhere in the lower half, up to its last page.  Pages come zeroed at first touch.
 * 0; -UIOMMU_EINVAL; -UIOMMU_EEXIST: overlaps an area; -UIOMMU_ENOENT: exited; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_posix_mm_map(struct uiommu_mm *mm, uint64_t address, uint64_t size,
				   unsigned int prot);
/* Any part of any areas; areas are split.  When it returns nobody reaches the pages. */
UIOMMU_API int uiommu_posix_mm_unmap(struct uiommu_mm *mm, uint64_t address, uint64_t size);
UIOMMU_API int uiommu_posix_mm_protect(struct uiommu_mm *mm, uint64_t address, uint64_t size,
				       unsigned int prot);
/* A child with the same areas, all pages shared and write-protected in both until one writes. */
UIOMMU_API int uiommu_posix_mm_fork(struct uiommu_mm *mm, struct uiommu_mm **out);

/* What the process's own loads and stores do: 0, or -UIOMMU_EFAULT where it would get a signal. */
UIOMMU_API int uiommu_posix_mm_read(struct uiommu_mm *mm, uint64_t address, void *data,
				    size_t size);
UIOMMU_API int uiommu_posix_mm_write(struct uiommu_mm *mm, uint64_t address, const void *data,
				     size_t size);
/** uiommu_posix_mm_phys() - where the page table leads now, 0: nothing there */
UIOMMU_API uiommu_phys_t uiommu_posix_mm_phys(struct uiommu_mm *mm, uint64_t address);

/* What is in use now; for leak checks. */
struct uiommu_posix_usage {
	uint64_t bytes, objects; /* small memory */
	uint64_t pages; /* 4096-byte pages of uiommu_port_alloc_pages() */
	uint64_t pins; /* pins of 4096-byte pages by uiommu_port_user_pin() */
	uint64_t mutexes, irqs;
};
UIOMMU_API void uiommu_posix_usage(struct uiommu_posix *host, struct uiommu_posix_usage *usage);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_POSIX_H */
