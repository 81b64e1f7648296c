/* SPDX-License-Identifier: MIT */
/*
 * map_file.c - areas that show files of memory, and who is charged for them
 *
 * Such an area knows its file by a descriptor of its own, so that the program may close its one.  Whether the file is
 * of memory and long enough is found when its pages are needed.  Since they belong to no address space, another
 * process that has the file can take their account over.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/uapi/iommufd.h"

/* What statfs says of memfds and tmpfs, and of huge pages. */
#define TMPFS 0x01021994u
#define HUGETLBFS 0x958458f6u

/* ---- files ------------------------------------------------------------------------------------- */

static bool is_memory(int file, const struct stat *st)
{
	struct statfs fs;

	if (!S_ISREG(st->st_mode) || fstatfs(file, &fs))
		return false;
	return (uint32_t)fs.f_type == TMPFS || (uint32_t)fs.f_type == HUGETLBFS;
}

int uiommu_iommufd_file_open(struct iommufd_pages *pages, size_t end)
{
	struct stat st;

	if (fstat(pages->file, &st) || !is_memory(pages->file, &st) || st.st_size < 0 ||
	    pages->address + end * UAPI_PAGE > (uint64_t)st.st_size)
		return -UIOMMU_EINVAL;
	if (pages->file_address)
		return 0;
	return uiommu_port_user_map_file(pages->uapi->host, pages->file, pages->address,
					 pages->count, pages->writable, &pages->file_address);
}

void uiommu_iommufd_file_unmap(struct iommufd_pages *pages)
{
	if (pages->file_address)
		uiommu_port_user_unmap_file(pages->uapi->host, pages->file_address, pages->count);
	pages->file_address = 0;
}

void uiommu_iommufd_file_close(struct iommufd_pages *pages)
{
	if (pages->file >= 0)
		close(pages->file);
}

/* ---- MAP_FILE ---------------------------------------------------------------------------------- */

/* The program may close its descriptor at once. */
static int file_get(int fd)
{
	int file = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (file >= 0)
		return file;
	return errno == EBADF ? -UAPI_EBADF : -UAPI_EMFILE;
}

static int map_file(struct iommufd_ioas *ioas, struct uiommu_uapi_process *process,
		    const struct abi_iommu_ioas_map_file *arg, uint64_t *iova)
{
	const uint64_t offset = arg->start % UAPI_PAGE;
	const unsigned int prot = iommufd_map_prot(arg->flags);
	struct iommufd_pages *pages;
	int file, rc;

	if (!arg->length)
		return -UIOMMU_EINVAL;
	if (arg->start > UINT64_MAX - (arg->length - 1))
		return -UIOMMU_EOVERFLOW;
	file = file_get(arg->fd);
	if (file < 0)
		return file;
	/* No file is longer than that, and none of the sums wraps. */
	if (arg->start + (arg->length - 1) > INT64_MAX - UAPI_PAGE) {
		close(file);
		return -UIOMMU_EINVAL;
	}
	pages = uiommu_iommufd_pages_of_file(process, ioas->object.ctx->account, file,
					     arg->start - offset,
					     (offset + arg->length + UAPI_PAGE - 1) / UAPI_PAGE,
					     prot & UIOMMU_WRITE);
	if (!pages) {
		close(file);
		return -UIOMMU_ENOMEM;
	}
	rc = uiommu_iommufd_ioas_map_pages(ioas, pages, offset, arg->length, prot,
					   arg->flags & ABI_IOMMU_IOAS_MAP_FIXED_IOVA, iova);
	if (rc)
		uiommu_iommufd_pages_put(pages);
	return rc;
}

int uiommu_iommufd_cmd_ioas_map_file(struct iommufd_command *command)
{
	struct abi_iommu_ioas_map_file *arg = command->argument;
	struct iommufd_ioas *ioas;
	uint64_t iova = arg->iova, unmapped;
	int rc;

	if (arg->flags & ~(uint32_t)IOMMUFD_MAP_FLAGS)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->iova == UINT64_MAX || arg->length == UINT64_MAX)
		return -UIOMMU_EOVERFLOW;
	if (!iommufd_map_prot(arg->flags))
		return -UIOMMU_EINVAL;
	ioas = iommufd_to_ioas(
		uiommu_iommufd_object_find(command->ctx, arg->ioas_id, IOMMUFD_IOAS));
	if (!ioas)
		return -UIOMMU_ENOENT;
	rc = map_file(ioas, command->caller, arg, &iova);
	if (rc)
		return rc;
	arg->iova = iova;
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		uiommu_iommufd_ioas_unmap(ioas, iova, iova + arg->length - 1, &unmapped);
	return rc;
}

/* ---- CHANGE_PROCESS ---------------------------------------------------------------------------- */

/* The first area of a context's IOASes, and the others after it. */
static struct iommufd_area *next_area(struct iommufd *ctx, uint32_t *id, struct iommufd_area *area)
{
	if (area)
		area = uiommu_iommufd_area_next(area);
	while (!area && ++*id < ctx->capacity) {
		struct iommufd_object *ioas = uiommu_iommufd_object_find(ctx, *id, IOMMUFD_IOAS);

		if (ioas)
			area = uiommu_iommufd_area_from(iommufd_to_ioas(ioas), 0);
	}
	return area;
}

static int check_areas(struct iommufd *ctx)
{
	struct iommufd_area *area = NULL;
	uint32_t id = 0;

	while ((area = next_area(ctx, &id, area))) {
		if (area->busy)
			return -UIOMMU_EBUSY;
		if (area->pages->file < 0)
			return -UIOMMU_EINVAL;
	}
	return 0;
}

/* Pages are the caller's from here on; whose they were stays known. */
static int move_pages(struct iommufd_pages *pages, struct uiommu_uapi_process *caller)
{
	struct uiommu_uapi_process *before = pages->process;
	const bool exempt = pages->exempt;
	int rc;

	if (before == caller)
		return 0;
	uiommu_uapi_process_get(before);
	rc = uiommu_iommufd_pages_charge_to(pages, caller,
					    uapi_capable(caller, UIOMMU_UAPI_CAP_IPC_LOCK));
	if (rc) {
		uiommu_uapi_process_put(before);
		return rc;
	}
	pages->before = before;
	pages->before_exempt = exempt;
	return 0;
}

/* It is so, or it was not to be. */
static void settle_pages(struct iommufd_pages *pages, bool moved)
{
	if (!pages->before)
		return;
	if (!moved) {
		uiommu_iommufd_pages_charge_to(pages, pages->before, true);
		pages->exempt = pages->before_exempt;
	}
	uiommu_uapi_process_put(pages->before);
	pages->before = NULL;
}

int uiommu_iommufd_cmd_ioas_change_process(struct iommufd_command *command)
{
	const struct abi_iommu_ioas_change_process *arg = command->argument;
	struct iommufd *ctx = command->ctx;
	struct iommufd_area *area = NULL;
	uint32_t id = 0;
	int rc;

	if (arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	rc = check_areas(ctx);
	if (rc)
		return rc;
	while (!rc && (area = next_area(ctx, &id, area)))
		rc = move_pages(area->pages, command->caller);
	for (id = 0, area = NULL; (area = next_area(ctx, &id, area));)
		settle_pages(area->pages, !rc);
	return rc;
}
