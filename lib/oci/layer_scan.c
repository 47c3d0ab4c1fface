/* layer_scan.c - lists what goes into a layer: walks the sources, adds the folders that lead to
 * their places, sorts bytewise, and finds files with several names. */
#include "oci/layer_scan.h"

#include "base/fd.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void ir_items_free(ir_items *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].path);
    free(l->v);
    *l = (ir_items){0};
}

/* Takes path. */
static int item_add(ir_items *l, char *path, uint32_t from, ir_item **ret, imgrel_error *err)
{
    size_t cap = l->cap ? l->cap * 2 : 64;
    ir_item *v = l->n < l->cap ? l->v : realloc(l->v, cap * sizeof *v);
    if (!v || !path || l->n >= IR_ENTRIES_MAX) {
        free(path);
        l->v = v ? v : l->v;
        return v && path ? ir_fail(err, IMGREL_ELIMIT, "layer: more than %d files", IR_ENTRIES_MAX)
                         : ir_nomem(err);
    }
    l->cap = l->n < l->cap ? l->cap : cap;
    l->v = v;
    *ret = &v[l->n++];
    **ret = (ir_item){.path = path, .from = from, .type = 'd', .mode = 0755};
    return 0;
}

/* ---- places --------------------------------------------------------------------------------- */

/* The place without slashes around it; "" for "/". */
static char *place(const char *to)
{
    to += strspn(to, "/");
    size_t len = strlen(to);
    while (len && to[len - 1] == '/')
        len--;
    return ir_strndup(to, len);
}

static int place_check(const ir_layer_from *from, imgrel_error *err)
{
    if (!from->to || from->to[0] != '/')
        return ir_fail(err, IMGREL_EINVAL, "layer: to \"%s\" is not an absolute path",
                       from->to ? from->to : "");
    if (strlen(from->to) >= PATH_MAX)
        return ir_fail(err, IMGREL_EINVAL, "layer: to is longer than %d bytes", PATH_MAX);
    for (const char *p = from->to + 1, *end; *p; p = end + (*end == '/')) {
        end = p + strcspn(p, "/");
        size_t len = (size_t)(end - p);
        if ((len == 0 && *end) || (len == 1 && p[0] == '.') || (len == 2 && !memcmp(p, "..", 2)))
            return ir_fail(err, IMGREL_EINVAL, "layer: to \"%s\" has an empty, . or .. part",
                           from->to);
    }
    return 0;
}

int ir_layer_from_check(const ir_layer_from *from, imgrel_error *err)
{
    struct stat st;
    int rc = place_check(from, err);
    if (rc == 0 && from->input && !ir_streq(from->to, "/"))
        return ir_fail(err, IMGREL_EINVAL, "layer: a tar from standard input goes to \"/\"");
    return rc == 0 && !from->input && stat(from->path, &st) < 0
               ? ir_fail_errno(err, errno, "%s", from->path)
               : rc;
}

static int parents_add(ir_items *l, const char *path, imgrel_error *err)
{
    int rc = 0;
    ir_item *item = NULL;
    for (const char *slash = strchr(path, '/'); rc == 0 && slash; slash = strchr(slash + 1, '/'))
        rc = item_add(l, ir_strndup(path, (size_t)(slash - path)), IR_ITEM_PARENT, &item, err);
    return rc;
}

/* ---- walking -------------------------------------------------------------------------------- */

typedef struct walk {
    const ir_call *call;
    ir_items *items;
    const ir_layer_from *from;
    uint32_t index;
    size_t skip; /* bytes of an item's path that are the source's place */
} walk;

static int path_mode(const ir_layer_from *from, char type, mode_t mode)
{
    if (type == 'l')
        return 0777;
    if (from->exact)
        return (int)(mode & 07777);
    if (type == 'd')
        return 0755;
    return from->mode >= 0 ? from->mode : mode & S_IXUSR ? 0755 : 0644;
}

/* Takes path. */
static int found(const walk *w, char *path, const struct stat *st, imgrel_error *err)
{
    ir_item *item = NULL;
    int rc = item_add(w->items, path, w->index, &item, err);
    if (rc < 0)
        return rc;
    item->skip = w->skip;
    item->type = S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'f';
    item->size = item->type == 'f' ? st->st_size : 0;
    item->mode = path_mode(w->from, item->type, st->st_mode);
    item->mtime_s = st->st_mtime;
    item->uid = w->from->exact ? (int64_t)st->st_uid : w->from->uid < 0 ? 0 : w->from->uid;
    item->gid = w->from->exact ? (int64_t)st->st_gid : w->from->gid < 0 ? 0 : w->from->gid;
    item->shared = item->type == 'f' && st->st_nlink > 1;
    item->dev = st->st_dev;
    item->ino = st->st_ino;
    return 0;
}

static int name_add(const walk *w, const char *folder, const char *above, const char *name,
                    const struct stat *st, imgrel_error *err)
{
    if (S_ISSOCK(st->st_mode)) {
        ir_log_say(ir_call_log(w->call), IMGREL_LOG_WARN, "oci", "socket left out", "folder",
                   folder, "name", name, NULL);
        return 0;
    }
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s/%s: a device or a pipe", folder, name);
    if (ir_starts(name, ".wh."))
        return ir_fail(err, IMGREL_EINVAL, "%s/%s: in a layer that name deletes a file", folder,
                       name);
    return found(w, ir_format("%s%s%s", above, *above ? "/" : "", name), st, err);
}

/* What is in a folder on disk, whose path in the layer is above. */
static int folder_list(const walk *w, const char *folder, const char *above, imgrel_error *err)
{
    DIR *d = opendir(folder);
    if (!d)
        return ir_fail_errno(err, errno, "%s", folder);
    int rc = ir_call_check(w->call, err);
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)); errno = 0) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            rc = ir_fail_errno(err, errno, "%s/%s", folder, e->d_name);
        else
            rc = name_add(w, folder, above, e->d_name, &st, err);
    }
    if (rc == 0 && errno)
        rc = ir_fail_errno(err, errno, "%s", folder);
    closedir(d);
    return rc;
}

/* Lists the folders that were found since item `at`, and those found by that. */
static int folders_walk(const walk *w, size_t at, imgrel_error *err)
{
    int rc = 0;
    for (; rc == 0 && at < w->items->n; at++) {
        if (w->items->v[at].type != 'd')
            continue;
        char *folder = ir_item_source(w->from, &w->items->v[at]);
        char *above = ir_strdup(w->items->v[at].path);
        rc = folder && above ? folder_list(w, folder, above, err) : ir_nomem(err);
        free(folder);
        free(above);
    }
    return rc;
}

/* A source's place: a file goes to `to` itself, or into it when it ends with a slash. */
static char *source_place(const ir_layer_from *from, bool folder)
{
    char *to = place(from->to);
    if (!to || folder || !ir_ends(from->to, "/"))
        return to;
    const char *slash = strrchr(from->path, '/'), *name = slash ? slash + 1 : from->path;
    char *full = ir_format("%s%s%s", to, *to ? "/" : "", name);
    free(to);
    return full;
}

static int source_scan(walk *w, imgrel_error *err)
{
    struct stat st;
    int rc = place_check(w->from, err);
    if (rc < 0)
        return rc;
    if (stat(w->from->path, &st) < 0)
        return ir_fail_errno(err, errno, "%s", w->from->path);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: neither a folder nor a file", w->from->path);
    char *to = source_place(w->from, S_ISDIR(st.st_mode));
    rc = to ? parents_add(w->items, to, err) : ir_nomem(err);
    w->skip = to ? strlen(to) : 0;
    size_t at = w->items->n;
    if (rc == 0 && !*to)
        rc = folder_list(w, w->from->path, "", err);
    else if (rc == 0)
        rc = found(w, ir_strdup(to), &st, err);
    free(to);
    return rc < 0 ? rc : folders_walk(w, at, err);
}

/* ---- order ---------------------------------------------------------------------------------- */

/* By path; what only leads somewhere before what is wanted, sources in their order. */
static int by_path(const void *a, const void *b)
{
    const ir_item *x = a, *y = b;
    int c = strcmp(x->path, y->path);
    uint32_t i = x->from + 1, j = y->from + 1; /* IR_ITEM_PARENT becomes 0 */
    return c ? c : i < j ? -1 : i > j;
}

static int merge(ir_items *l, imgrel_error *err)
{
    size_t n = 0;
    qsort(l->v, l->n, sizeof *l->v, by_path);
    for (size_t i = 0; i < l->n; i++) {
        ir_item *last = n ? &l->v[n - 1] : NULL;
        if (!last || strcmp(last->path, l->v[i].path) != 0) {
            ir_item item = l->v[i];
            l->v[i].path = NULL; /* each path has one place: a failure frees them all */
            l->v[n++] = item;
            continue;
        }
        if ((last->type == 'd') != (l->v[i].type == 'd'))
            return ir_fail(err, IMGREL_EINVAL,
                           "layer: /%s is a folder in one source, not in another", last->path);
        free(last->path);
        *last = l->v[i];
        l->v[i].path = NULL;
    }
    l->n = n;
    return 0;
}

static int by_file(const void *a, const void *b)
{
    const ir_item *x = *(ir_item *const *)a, *y = *(ir_item *const *)b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* Files with several names in one source: the first in order is the file, the others link to it. */
static int links_find(ir_items *l, imgrel_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->v[i].shared;
    ir_item **shared = calloc(n + 1, sizeof *shared), *first = NULL;
    if (!shared)
        return ir_nomem(err);
    n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].shared)
            shared[n++] = &l->v[i];
    qsort(shared, n, sizeof *shared, by_file);
    for (size_t i = 0; i < n; i++) {
        if (first && first->from == shared[i]->from && first->dev == shared[i]->dev &&
            first->ino == shared[i]->ino)
            shared[i]->link_to = first->path;
        else
            first = shared[i];
    }
    free(shared);
    return 0;
}

int ir_items_scan(const ir_call *call, const ir_layer_from *from, size_t n, ir_items *ret,
                  imgrel_error *err)
{
    *ret = (ir_items){0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        walk w = {.call = call, .items = ret, .from = &from[i], .index = (uint32_t)i};
        rc = source_scan(&w, err);
    }
    if (rc == 0)
        rc = merge(ret, err);
    if (rc == 0)
        rc = links_find(ret, err);
    if (rc < 0)
        ir_items_free(ret);
    return rc;
}

char *ir_item_source(const ir_layer_from *from, const ir_item *item)
{
    const char *rest = item->path + item->skip;
    rest += strspn(rest, "/");
    return *rest ? ir_path_join(from->path, rest) : ir_strdup(from->path);
}

bool ir_layer_is_tar(const ir_layer_from *from)
{
    static const char *const ends[] = {".tar", ".tar.gz", ".tgz", ".tar.zst"};
    struct stat st;
    if (from->input)
        return true;
    if (!ir_streq(from->to, "/") || stat(from->path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ir_ends(from->path, ends[i]))
            return true;
    return false;
}
