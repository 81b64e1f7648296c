/* SPDX-License-Identifier: MIT */
/*
 * user_file.c - a file's pages in the host's RAM, where devices can reach them
 *
 * The file is mapped in the place of a block of RAM, and anonymous memory comes back there afterwards; which is only
 * possible where no other process and no file stands behind that RAM.  A file that is cut short meanwhile takes its
 * pages along, and who touches them gets SIGBUS: unlike Linux this does not keep them.
 */
#include <errno.h>
#include <sys/mman.h>

#include "ports/posix/internal.h"

#define PAGE UINT64_C(4096)

static int error_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return -UIOMMU_EFAULT;
	case ENOMEM:
	case EAGAIN:
		return -UIOMMU_ENOMEM;
	default:
		return -UIOMMU_EINVAL;
	}
}

int uiommu_port_user_map_file(void *host, int fd, uint64_t offset, size_t count, bool write,
			      uint64_t *address)
{
	const int prot = PROT_READ | (write ? PROT_WRITE : 0);
	void *ram;
	int rc;

	if (!uiommu_posix_ram_private(host))
		return -UIOMMU_EOPNOTSUPP;
	if (count > SIZE_MAX / PAGE || offset > INT64_MAX)
		return -UIOMMU_EINVAL;
	ram = uiommu_posix_alloc_ram(host, count * PAGE, PAGE, NULL);
	if (!ram)
		return -UIOMMU_ENOMEM;
	if (mmap(ram, count * PAGE, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) ==
	    MAP_FAILED) {
		rc = error_of(errno);
		uiommu_port_user_unmap_file(host, (uintptr_t)ram, count);
		return rc;
	}
	*address = (uintptr_t)ram;
	return 0;
}

void uiommu_port_user_unmap_file(void *host, uint64_t address, size_t count)
{
	void *ram = (void *)(uintptr_t)address;

	/* What still shows the file must not be handed out again. */
	if (mmap(ram, count * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		uiommu_posix_free_ram(host, ram, count * PAGE);
}
