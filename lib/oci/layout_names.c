/* layout_names.c - the names of an image layout. index.json is read once for as long as it is the
 * same file, and looked up by a table; names that are put go into it together, as often as costs
 * little beside the work itself: ten thousand tags are not ten thousand times a file of ten
 * thousand. */
#include "oci/layout.h"
#include "base/cancel.h"
#include "base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_SHARE 20 /* of the time, one part goes into writing names */
#define LAST_FLUSH_MS 3000

/* ---- looking up; the lock is held ----------------------------------------------------------- */

static void forget(struct ir_layout_names *n)
{
    ir_json_free(n->index);
    ir_json_free(n->by_name);
    n->index = n->by_name = NULL;
}

static int put_first(ir_json *table, const char *key, ir_json *entry)
{
    return key && !ir_json_get(table, key) ? ir_json_put(table, key, ir_json_ref(entry)) : 0;
}

static int read_index(ir_layout *l, imgrel_error *err)
{
    struct ir_layout_names *n = &l->names;
    int bad = 0;
    forget(n);
    int rc = ir_layout_index(l, &n->index, err);
    if (rc < 0)
        return rc;
    n->by_name = ir_json_new_object();
    const ir_json *list = ir_json_get(n->index, "manifests");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        ir_json *e = ir_json_at(list, i);
        bad |= put_first(n->by_name, ir_layout_entry_tag(e), e);
        bad |= put_first(n->by_name, ir_json_str(e, "digest"), e);
    }
    if (!bad && n->by_name)
        return 0;
    forget(n);
    return ir_nomem(err);
}

/* Reads index.json unless it is the file that was read last. */
static int refresh(ir_layout *l, imgrel_error *err)
{
    struct ir_layout_names *n = &l->names;
    struct stat st = {0};
    char *path = ir_path_join(l->dir, "index.json");
    if (!path)
        return ir_nomem(err);
    if (stat(path, &st))
        st = (struct stat){0};
    free(path);
    uint64_t mtime = (uint64_t)st.st_mtim.tv_sec * 1000000000U + (uint64_t)st.st_mtim.tv_nsec;
    bool same = n->index && st.st_ino && n->ino == st.st_ino && n->mtime_ns == mtime &&
                n->size == (uint64_t)st.st_size;
    if (same)
        return 0;
    n->ino = st.st_ino;
    n->mtime_ns = mtime;
    n->size = (uint64_t)st.st_size;
    return read_index(l, err);
}

static void list_tags(const ir_json *list, ir_buf *out)
{
    for (size_t i = 0; i < ir_json_len(list) && out->len < 200; i++) {
        const char *tag = ir_layout_entry_tag(ir_json_at(list, i));
        if (tag)
            ir_buf_addf(out, "%s%s", out->len ? ", " : "", tag);
    }
}

static int not_one(const ir_layout *l, const ir_json *list, const char *selector, imgrel_error *err)
{
    int rc = 0;
    ir_buf have = IR_BUF(4 * IR_KIB);
    list_tags(list, &have);
    if (selector)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s has no image %s", ir_store_where(&l->base),
                     selector);
    else if (!ir_json_len(list))
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s holds no image", ir_store_where(&l->base));
    else
        rc = ir_fail(err, IMGREL_EINVAL, "%s holds %zu images: name one", ir_store_where(&l->base),
                     ir_json_len(list));
    if (have.len)
        ir_cure(err, "it has: %.250s", ir_buf_str(&have));
    ir_buf_free(&have);
    return rc;
}

/* The only image, which may have several tags. */
static const ir_json *find_only(const ir_json *list)
{
    const ir_json *found = NULL;
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *e = ir_json_at(list, i);
        if (found && !ir_streq(ir_json_str(found, "digest"), ir_json_str(e, "digest")))
            return NULL;
        found = e;
    }
    return found;
}

static int find(ir_layout *l, const char *selector, ir_desc *ret, imgrel_error *err)
{
    const struct ir_layout_names *n = &l->names;
    const ir_json *entry = selector ? ir_json_get(n->pending, selector) : NULL;
    int rc = entry ? 0 : refresh(l, err);
    if (rc < 0)
        return rc;
    const ir_json *list = ir_json_get(n->index, "manifests");
    if (!entry)
        entry = selector ? ir_json_get(n->by_name, selector) : find_only(list);
    if (entry)
        return ir_desc_from_json(entry, l->dir, ret, err);
    if (selector && ir_digest_valid(selector)) /* which need not be in the index */
        return ir_desc_set(ret, NULL, selector, -1) ? ir_nomem(err) : 0;
    return not_one(l, list, selector, err);
}

int ir_layout_resolve(ir_layout *l, const ir_call *call, const char *selector, ir_desc *ret,
                      imgrel_error *err)
{
    int rc = selector ? 0 : ir_layout_flush(l, call, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&l->lock);
    rc = find(l, selector, ret, err);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* ---- putting names -------------------------------------------------------------------------- */

static ir_json *new_entry(const ir_desc *d, const char *tag)
{
    ir_json *j = ir_desc_to_json(d);
    if (!j || !tag)
        return j;
    if (ir_json_put(j, "annotations", ir_json_pack("{s:s}", IR_REF_NAME, tag)) < 0) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}

/* What is replaced by the new names, or gets one now, goes; what is loose comes if it is new. */
static int apply(ir_json *index, const ir_json *names, const ir_desc *loose, size_t n_loose,
                 imgrel_error *err)
{
    const ir_json *old = ir_json_get(index, "manifests");
    ir_json *list = ir_json_new_array(), *added = ir_json_new_object(),
            *have = ir_json_new_object();
    int bad = list && added && have ? 0 : -1;
    for (void *it = ir_json_first(names); it; it = ir_json_next(names, it))
        bad |= ir_json_put(added, ir_json_str(ir_json_value(it), "digest"), ir_json_new_bool(true));
    for (size_t i = 0; !bad && i < ir_json_len(old); i++) {
        ir_json *e = ir_json_at(old, i);
        const char *tag = ir_layout_entry_tag(e), *digest = ir_json_str(e, "digest");
        if (tag ? ir_json_get(names, tag) : digest ? ir_json_get(added, digest) : NULL)
            continue;
        bad |= ir_json_append(list, ir_json_ref(e));
        bad |= digest ? ir_json_put(have, digest, ir_json_new_bool(true)) : 0;
    }
    for (void *it = ir_json_first(names); it; it = ir_json_next(names, it))
        bad |= ir_json_append(list, ir_json_ref(ir_json_value(it)));
    for (size_t i = 0; !bad && i < n_loose; i++)
        if (!ir_json_get(have, loose[i].digest) && !ir_json_get(added, loose[i].digest))
            bad |= ir_json_append(list, new_entry(&loose[i], NULL));
    bad |= ir_json_put(index, "manifests", list);
    ir_json_free(added);
    ir_json_free(have);
    return bad ? ir_nomem(err) : 0;
}

static int write_names(ir_layout *l, const ir_call *call, const ir_json *names,
                       const ir_desc *loose, size_t n_loose, imgrel_error *err)
{
    ir_json *index = NULL;
    int fd = ir_layout_lock(l, call, err);
    if (fd < 0)
        return fd;
    int rc = ir_layout_index(l, &index, err);
    if (!rc)
        rc = apply(index, names, loose, n_loose, err);
    if (!rc)
        rc = ir_layout_index_replace(l, index, err);
    ir_json_free(index);
    close(fd);
    return rc;
}

/* What could not be written waits for the next time. */
static void put_back(ir_layout *l, ir_json *names)
{
    ir_json *newer = l->names.pending;
    for (void *it = ir_json_first(newer); it; it = ir_json_next(newer, it))
        if (ir_json_put(names, ir_json_key(it), ir_json_ref(ir_json_value(it))) < 0)
            break;
    ir_json_free(newer);
    l->names.pending = names;
}

/* loose: with what has no name, which only the end of all can tell. */
static int flush(ir_layout *l, const ir_call *call, bool loose, imgrel_error *err)
{
    pthread_mutex_lock(&l->lock);
    ir_json *names = l->names.pending;
    size_t n_loose = loose ? l->n_loose : 0;
    l->names.pending = NULL;
    pthread_mutex_unlock(&l->lock);
    if (!names && !n_loose)
        return 0;
    int64_t began = ir_now_ms();
    int rc = write_names(l, call, names, l->loose, n_loose, err);
    pthread_mutex_lock(&l->lock);
    l->kept = l->kept || !rc;
    l->names.flushed_ms = ir_now_ms();
    l->names.cost_ms = l->names.flushed_ms - began;
    if (rc < 0 && names)
        put_back(l, names);
    else
        ir_json_free(names);
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int ir_layout_flush(ir_layout *l, const ir_call *call, imgrel_error *err)
{
    return flush(l, call, true, err);
}

int ir_layout_name(ir_layout *l, const ir_call *call, const ir_desc *d, const char *tag,
                   imgrel_error *err)
{
    struct ir_layout_names *n = &l->names;
    pthread_mutex_lock(&l->lock);
    if (!n->pending)
        n->pending = ir_json_new_object();
    int bad = ir_json_put(n->pending, tag, new_entry(d, tag));
    bool due = ir_now_ms() - n->flushed_ms >= FLUSH_SHARE * n->cost_ms;
    pthread_mutex_unlock(&l->lock);
    if (bad)
        return ir_nomem(err);
    return due ? flush(l, call, false, err) : 0;
}

/* A call that ended early keeps the names of what was complete. */
void ir_layout_names_end(ir_layout *l)
{
    imgrel_error ignored = {0};
    const ir_call last = {.deadline_ms = ir_now_ms() + LAST_FLUSH_MS};
    if (l->dir && !l->staged && l->names.pending && flush(l, &last, false, &ignored) < 0)
        ir_error_clear(&ignored); /* the images are there, and are named by the next copy */
    ir_json_free(l->names.pending);
    forget(&l->names);
}
