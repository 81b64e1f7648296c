/* SPDX-License-Identifier: MIT */
/* sysfs_path.c - paths under /sys and /dev: from a path to what is there, and the calls that take one */
#include <errno.h>
#include <stdlib.h>

#include "src/uapi/sysfs.h"

/* ---- text -------------------------------------------------------------------------------------- */

void uiommu_sysfs_print(struct sysfs_text *text, const char *format, ...)
{
	size_t room = sizeof(text->data) - text->length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->data + text->length, room, format, args);
	va_end(args);
	/* A page is all that there is, with its NUL; the rest is cut off. */
	if (length > 0)
		text->length += (size_t)length < room ? (size_t)length : room - 1;
}

static size_t without_newline(const char *text)
{
	size_t length = strlen(text);

	return length && text[length - 1] == '\n' ? length - 1 : length;
}

bool uiommu_sysfs_is(const char *text, const char *word)
{
	size_t length = without_newline(text);

	return length == strlen(word) && !memcmp(text, word, length);
}

int uiommu_sysfs_word(const char *text, char *to, size_t size)
{
	size_t length = without_newline(text);

	if (length >= size)
		return -UIOMMU_EINVAL;
	memcpy(to, text, length);
	to[length] = 0;
	return 0;
}

int uiommu_sysfs_number(const char *text, unsigned long *out)
{
	char word[32], *end;

	/* strtoul() takes signs and leading space. */
	if (uiommu_sysfs_word(text, word, sizeof(word)) || *word < '0' || *word > '9')
		return -UIOMMU_EINVAL;
	errno = 0;
	*out = strtoul(word, &end, 0);
	return *end || errno ? -UIOMMU_EINVAL : 0;
}

/* ---- what is in a directory -------------------------------------------------------------------- */

bool uiommu_sysfs_wants(const struct sysfs_scan *scan, const char *name)
{
	if (!scan->want)
		return true;
	return !scan->found.kind && !strncmp(name, scan->want, scan->want_length) &&
	       !name[scan->want_length];
}

static void offer(struct sysfs_scan *scan, const struct sysfs_entry *entry)
{
	if (!scan->want)
		scan->each(scan, entry);
	else if (uiommu_sysfs_wants(scan, entry->name))
		scan->found = *entry;
}

void uiommu_sysfs_link(struct sysfs_scan *scan, const char *name, const char *target)
{
	const struct sysfs_entry entry = {
		.name = name,
		.kind = UIOMMU_UAPI_NODE_LINK,
		.target = target,
	};

	offer(scan, &entry);
}

/* The name in @dir that @path is, NULL: it is not directly in it. */
static const char *child(const struct sysfs_dir *dir, const char *path)
{
	size_t length = dir->length == 1 ? 0 : dir->length; /* "/" */

	if (strncmp(path, dir->path, length) != 0 || path[length] != '/' || !path[length + 1] ||
	    strchr(path + length + 1, '/'))
		return NULL;
	return path + length + 1;
}

static void offer_files(struct sysfs_scan *scan, const struct sysfs_attr *attr)
{
	for (; attr && attr->name; attr++) {
		const struct sysfs_entry entry = {
			.name = attr->name,
			.kind = UIOMMU_UAPI_NODE_FILE,
			.attr = attr,
			.object = scan->dir->object,
		};

		if (uiommu_sysfs_wants(scan, attr->name) &&
		    (!attr->present || attr->present(attr, scan->dir->object)))
			offer(scan, &entry);
	}
}

static void offer_nodes(struct sysfs_scan *scan)
{
	if (strncmp(scan->dir->path, "/dev", 4) != 0)
		return;
	for (const struct sysfs_node *node = scan->view->nodes; node; node = node->next) {
		const char *path = uiommu_sysfs_format(scan->view, "/dev/%s", node->dev);
		const char *name = child(scan->dir, path);
		const struct sysfs_entry entry = {
			.name = name,
			.kind = UIOMMU_UAPI_NODE_CHAR_DEVICE,
			.node = node,
		};

		if (name)
			offer(scan, &entry);
	}
}

void uiommu_sysfs_scan(struct sysfs_scan *scan)
{
	const struct sysfs_dir *in = scan->dir;

	for (const struct sysfs_dir *dir = scan->view->dirs; dir; dir = dir->next) {
		const char *name = child(in, dir->path);
		const struct sysfs_entry entry = {
			.name = name,
			.kind = UIOMMU_UAPI_NODE_DIRECTORY,
			.dir = dir,
		};

		if (name)
			offer(scan, &entry);
	}
	if (in->type)
		offer_files(scan, in->type->attrs);
	if (in->type)
		offer_files(scan, in->type->more);
	if (in->type && in->type->links)
		in->type->links(scan, in->object);
	offer_nodes(scan);
}

/* ---- from a path to what is there -------------------------------------------------------------- */

struct place {
	struct sysfs_entry entry;
	char path[SYSFS_PATH]; /* without links and dots */
	size_t length;
};

static const struct sysfs_dir *find_dir(const struct sysfs_view *view, const char *path)
{
	const struct sysfs_dir *dir = view->dirs;

	while (dir && strcmp(dir->path, path) != 0)
		dir = dir->next;
	return dir;
}

static void enter(struct place *place, const struct sysfs_dir *dir)
{
	place->entry = (struct sysfs_entry){
		.name = dir->path,
		.kind = UIOMMU_UAPI_NODE_DIRECTORY,
		.dir = dir,
	};
	memcpy(place->path, dir->path, dir->length + 1);
	place->length = dir->length;
}

static void leave(struct sysfs_view *view, struct place *place)
{
	char *slash = strrchr(place->path, '/');

	slash[slash == place->path] = 0;
	enter(place, find_dir(view, place->path));
}

/* One name further: 0; -ENOENT; -ENAMETOOLONG.  The entry is a link's if it is one. */
static int step(struct sysfs_view *view, struct place *place, const char *name, size_t length)
{
	struct sysfs_scan scan = {
		.view = view,
		.dir = place->entry.dir,
		.want = name,
		.want_length = length,
	};
	size_t at = place->length == 1 ? 0 : place->length;

	uiommu_sysfs_scan(&scan);
	if (view->failed)
		return -UIOMMU_ENOMEM;
	if (!scan.found.kind)
		return -UIOMMU_ENOENT;
	if (at + length + 2 > sizeof(place->path))
		return -SYSFS_ENAMETOOLONG;
	place->entry = scan.found;
	place->path[at] = '/';
	memcpy(place->path + at + 1, name, length);
	place->length = at + 1 + length;
	place->path[place->length] = 0;
	return 0;
}

/* @rest becomes a link's target and what is left of @rest. */
static int follow(char *rest, const char *left, const char *target)
{
	size_t length = strlen(target), tail = strlen(left);

	if (length + 1 + tail + 1 > SYSFS_PATH)
		return -SYSFS_ENAMETOOLONG;
	memmove(rest + length, left, tail + 1);
	memcpy(rest, target, length);
	return 0;
}

/* @last: also a link at the end is followed. */
static int resolve(struct sysfs_view *view, const char *path, bool last, struct place *place)
{
	char rest[SYSFS_PATH];
	const char *at = rest;
	unsigned int links = 0;
	int rc = 0;

	if (*path != '/')
		return -UIOMMU_ENOENT;
	if (strlen(path) >= sizeof(rest))
		return -SYSFS_ENAMETOOLONG;
	memcpy(rest, path, strlen(path) + 1);
	enter(place, find_dir(view, "/"));
	for (;;) {
		size_t length;

		if (place->entry.kind != UIOMMU_UAPI_NODE_DIRECTORY && *at)
			return -SYSFS_ENOTDIR;
		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (!length)
			return 0;
		if (length == 2 && at[0] == '.' && at[1] == '.')
			leave(view, place);
		else if (length != 1 || at[0] != '.')
			rc = step(view, place, at, length);
		if (rc)
			return rc;
		at += length;
		/* A slash after a link means what it points to. */
		if (place->entry.kind != UIOMMU_UAPI_NODE_LINK || (!last && !*at))
			continue;
		if (++links > SYSFS_LINKS)
			return -SYSFS_ELOOP;
		rc = follow(rest, at, place->entry.target);
		if (rc)
			return rc;
		at = rest;
		enter(place, find_dir(view, "/"));
	}
}

/* A view, and in it the place: vfio->lock is held until end(). */
static int begin(struct sysfs_view *view, struct uiommu_uapi *uapi, const char *path, bool last,
		 struct place *place)
{
	int rc;

	place->entry = (struct sysfs_entry){ .name = "" };
	uapi_lock(uapi, &uapi->vfio->lock);
	rc = uiommu_sysfs_view_make(view, uapi);
	return rc ? rc : resolve(view, path, last, place);
}

static void end(struct sysfs_view *view)
{
	struct uiommu_uapi *uapi = view->uapi;

	uapi_unlock(uapi, &uapi->vfio->lock);
	uiommu_sysfs_view_free(view);
}

/* FNV-1a of the path: the same as long as the path is, whatever comes and goes beside it. */
static uint64_t inode_of(const char *path, const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
	if (*name)
		hash = (hash ^ '/') * UINT64_C(0x100000001b3);
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

/* ---- what is there ----------------------------------------------------------------------------- */

static void fill_stat(const struct place *place, struct uiommu_uapi_stat *out)
{
	const struct sysfs_entry *entry = &place->entry;

	*out = (struct uiommu_uapi_stat){
		.kind = entry->kind,
		.mode = 0755,
		.inode = inode_of(place->path, ""),
	};
	switch (entry->kind) {
	case UIOMMU_UAPI_NODE_FILE:
		out->mode = entry->attr->mode;
		out->size = entry->attr->size ? entry->attr->size(entry->attr, entry->object) :
						SYSFS_PAGE;
		break;
	case UIOMMU_UAPI_NODE_LINK:
		out->mode = 0777;
		break;
	case UIOMMU_UAPI_NODE_CHAR_DEVICE:
		out->mode = entry->node->mode;
		out->device_major = entry->node->major;
		out->device_minor = entry->node->minor;
		break;
	default:
		break;
	}
}

static int stat_path(struct uiommu_uapi *uapi, const char *path, bool last,
		     struct uiommu_uapi_stat *out)
{
	struct sysfs_view view;
	struct place place;
	int rc = begin(&view, uapi, path, last, &place);

	if (!rc)
		fill_stat(&place, out);
	end(&view);
	return rc;
}

int uiommu_uapi_sysfs_stat(struct uiommu_uapi *uapi, const char *path, struct uiommu_uapi_stat *out)
{
	return stat_path(uapi, path, true, out);
}

int uiommu_uapi_sysfs_lstat(struct uiommu_uapi *uapi, const char *path,
			    struct uiommu_uapi_stat *out)
{
	return stat_path(uapi, path, false, out);
}

/* From the directory of @link to @target, both absolute: "../../a" */
static size_t relative(const char *link, const char *target, char *out)
{
	size_t common = 0, length = 0;

	for (size_t i = 0; link[i] && link[i] == target[i]; i++)
		if (link[i] == '/')
			common = i + 1;
	/* The link's own name is behind the last slash; each slash before that is a step up. */
	for (size_t i = common; link[i]; i++)
		if (link[i] == '/') {
			memcpy(out + length, "../", 3);
			length += 3;
		}
	strcpy(out + length, target + common);
	return strlen(out);
}

long uiommu_uapi_sysfs_readlink(struct uiommu_uapi *uapi, const char *path, char *buffer,
				size_t size)
{
	char text[2 * SYSFS_PATH];
	struct sysfs_view view;
	struct place place;
	long rc = begin(&view, uapi, path, false, &place);

	if (!rc && (place.entry.kind != UIOMMU_UAPI_NODE_LINK || !size))
		rc = -UIOMMU_EINVAL;
	if (!rc) {
		size_t length = relative(place.path, place.entry.target, text);

		if (length > size)
			length = size;
		memcpy(buffer, text, length);
		rc = (long)length;
	}
	end(&view);
	return rc;
}

long uiommu_uapi_sysfs_realpath(struct uiommu_uapi *uapi, const char *path, char *buffer,
				size_t size)
{
	struct sysfs_view view;
	struct place place;
	long rc = begin(&view, uapi, path, true, &place);

	end(&view);
	if (rc)
		return rc;
	if (place.length >= size)
		return -UIOMMU_ERANGE;
	memcpy(buffer, place.path, place.length + 1);
	return (long)place.length;
}

/* ---- listing ----------------------------------------------------------------------------------- */

struct listed {
	struct listed *next;
	struct uiommu_uapi_entry entry;
};

struct listing {
	struct listed *first, **end;
};

static void keep(struct sysfs_scan *scan, const struct sysfs_entry *entry)
{
	struct listing *listing = scan->context;
	struct listed *listed = uiommu_sysfs_alloc(scan->view, sizeof(*listed));
	const char *path = scan->dir->length == 1 ? "" : scan->dir->path;

	if (!listed)
		return;
	listed->entry.name = uiommu_sysfs_format(scan->view, "%s", entry->name);
	listed->entry.kind = entry->kind;
	listed->entry.inode = inode_of(path, entry->name);
	*listing->end = listed;
	listing->end = &listed->next;
}

int uiommu_uapi_sysfs_list(struct uiommu_uapi *uapi, const char *path,
			   int (*visit)(const struct uiommu_uapi_entry *entry, void *context),
			   void *context)
{
	struct listing listing = { .end = &listing.first };
	struct sysfs_view view;
	struct place place;
	int rc = begin(&view, uapi, path, true, &place);

	if (!rc && place.entry.kind != UIOMMU_UAPI_NODE_DIRECTORY)
		rc = -SYSFS_ENOTDIR;
	if (!rc) {
		struct sysfs_scan scan = {
			.view = &view,
			.dir = place.entry.dir,
			.each = keep,
			.context = &listing,
		};

		uiommu_sysfs_scan(&scan);
		rc = view.failed ? -UIOMMU_ENOMEM : 0;
	}
	/* The view's memory is there until it is freed. */
	uapi_unlock(uapi, &uapi->vfio->lock);
	for (const struct listed *l = listing.first; l && !rc; l = l->next)
		rc = visit(&l->entry, context);
	uiommu_sysfs_view_free(&view);
	return rc;
}

/* ---- reading and writing ----------------------------------------------------------------------- */

/*
 * Files belong to user 0, and so do nodes.  Also user 0 cannot open a file of /sys for what nobody may: there is nothing
 * behind it.
 */
static int may(const struct uiommu_uapi_process *process, const struct sysfs_entry *entry,
	       unsigned int want)
{
	unsigned int mode = 0755;

	if (entry->kind == UIOMMU_UAPI_NODE_FILE)
		mode = entry->attr->mode;
	else if (entry->kind == UIOMMU_UAPI_NODE_CHAR_DEVICE)
		mode = entry->node->mode;
	if (process->config.user == 0)
		mode >>= 6;
	return want & ~mode & 6u ? -UAPI_EACCES : 0;
}

/* Also checks that it is a file, and may be used so. */
static int begin_file(struct sysfs_view *view, struct uiommu_uapi_process *process,
		      const char *path, unsigned int want, struct place *place)
{
	int rc = begin(view, process->uapi, path, true, place);

	if (!rc && place->entry.kind == UIOMMU_UAPI_NODE_DIRECTORY)
		rc = -SYSFS_EISDIR;
	if (!rc && place->entry.kind != UIOMMU_UAPI_NODE_FILE)
		rc = -UIOMMU_EINVAL;
	return rc ? rc : may(process, &place->entry, want);
}

int uiommu_uapi_sysfs_access(struct uiommu_uapi_process *process, const char *path,
			     unsigned int mode)
{
	struct sysfs_view view;
	struct place place;
	int rc = begin(&view, process->uapi, path, true, &place);

	if (!rc)
		rc = may(process, &place.entry, mode);
	end(&view);
	return rc;
}

static long show(struct sysfs_view *view, const struct sysfs_entry *entry, void *buffer,
		 size_t size, uint64_t offset)
{
	struct sysfs_text text;
	int rc;

	text.length = 0;
	rc = entry->attr->show(&text, view, entry->attr, entry->object);
	if (rc || offset >= text.length)
		return rc;
	if (size > text.length - offset)
		size = text.length - (size_t)offset;
	memcpy(buffer, text.data + offset, size);
	return (long)size;
}

long uiommu_uapi_sysfs_read(struct uiommu_uapi_process *process, const char *path, void *buffer,
			    size_t size, uint64_t offset)
{
	struct sysfs_view view;
	struct place place;
	long rc = begin_file(&view, process, path, UIOMMU_UAPI_MAY_READ, &place);
	const struct sysfs_attr *attr = place.entry.attr;

	if (rc)
		goto out;
	if (attr->show)
		rc = show(&view, &place.entry, buffer, size, offset);
	else if (attr->read)
		rc = attr->read(attr, place.entry.object, process, buffer, size, offset);
	else
		rc = -UIOMMU_EIO;
out:
	end(&view);
	return rc;
}

/* A text is at most a page; what is more is left for a second write. */
static long store(struct sysfs_view *view, struct uiommu_uapi_process *process,
		  const struct sysfs_entry *entry, const void *data, size_t size)
{
	char *text;
	struct sysfs_store store = {
		.process = process,
		.uapi = process->uapi,
		.view = view,
		.attr = entry->attr,
		.object = entry->object,
	};
	int rc;

	if (!size)
		return 0;
	if (size > SYSFS_PAGE)
		size = SYSFS_PAGE;
	text = uiommu_sysfs_alloc(view, size + 1);
	if (!text)
		return -UIOMMU_ENOMEM;
	memcpy(text, data, size);
	store.text = text;
	store.size = size;
	rc = entry->attr->store(&store);
	return rc ? rc : (long)size;
}

long uiommu_uapi_sysfs_write(struct uiommu_uapi_process *process, const char *path,
			     const void *data, size_t size, uint64_t offset)
{
	struct uiommu_uapi *uapi = process->uapi;
	struct sysfs_view view;
	struct place place;
	long rc = begin_file(&view, process, path, UIOMMU_UAPI_MAY_WRITE, &place);
	const struct sysfs_attr *attr = place.entry.attr;

	if (rc || !attr->store) {
		if (!rc && attr->write)
			rc = attr->write(attr, place.entry.object, data, size, offset);
		else if (!rc)
			rc = -UIOMMU_EIO;
		end(&view);
		return rc;
	}
	/* It may bind drivers and wait for users: only what the view has copied is used from here on. */
	uapi_unlock(uapi, &uapi->vfio->lock);
	rc = store(&view, process, &place.entry, data, size);
	uiommu_sysfs_view_free(&view);
	return rc;
}

int uiommu_uapi_sysfs_mmap(struct uiommu_uapi_process *process, const char *path, uint64_t offset,
			   size_t size, void **out)
{
	struct sysfs_view view;
	struct place place;
	int rc = begin_file(&view, process, path, UIOMMU_UAPI_MAY_READ | UIOMMU_UAPI_MAY_WRITE,
			    &place);

	*out = NULL;
	if (rc == -SYSFS_EISDIR || rc == -UIOMMU_EINVAL || (!rc && !place.entry.attr->map))
		rc = -UIOMMU_ENODEV;
	if (!rc)
		rc = place.entry.attr->map(place.entry.attr, place.entry.object, offset, size, out);
	end(&view);
	return rc;
}
