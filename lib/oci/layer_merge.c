/* layer_merge.c - the file system of an image as one tar, without unpacking it: the layers are read
 * from the top down, and of each path the first entry that is seen is the one that counts. What is
 * remembered is a mark for each path.
 *
 * Hard links are what is not simple about it. The file that one names can come from a lower layer
 * (the link then waits for it), and can be hidden by an upper layer that did not touch the link:
 * then the link becomes the file. Where its bytes have gone by already, the layer is read again.
 *
 * A layer may have an entry below what a lower layer has as a symbolic link, without a folder of
 * its own there. As in overlayfs, which runs most containers, that makes a folder instead of the
 * link; inside one layer the link is followed, as by every tar. */
#include "oci/image.h"

#include "base/limits.h"
#include "oci/layer_marks.h"

#include <limits.h>
#include <stdlib.h>

#define BUFFER (256 * IR_KIB)
#define LINKS_MAX 40      /* symbolic links in one path */
#define WAITING_MAX 65536 /* hard links whose file was not seen yet */
#define PASSES_MAX 16

/* A hard link whose file has not been written. */
typedef struct waiting {
    char *name, *target;
    unsigned layer;
} waiting;

typedef struct waitings {
    waiting *v;
    size_t n, cap;
} waitings;

/* A symbolic link of the layer that is being read. */
typedef struct symlink_of {
    uint64_t hash;
    char *target;
} symlink_of;

typedef struct merge {
    const ir_call *call;
    int64_t newest_s;
    ir_tar *out;
    char *buf;
    ir_marks marks;
    /* of the layer that is being read */
    unsigned layer;
    ir_untar *in;
    symlink_of *links;
    size_t n_links, cap_links;
    ir_buf path, target; /* of the entry */
    waitings lower;      /* for layers below the one that has the link */
    waitings again;      /* for another pass over this layer */
    waitings found;      /* for the entry at hand */
} merge;

/* ---- lists ---------------------------------------------------------------------------------- */

static void waitings_clear(waitings *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].name);
        free(l->v[i].target);
    }
    l->n = 0;
}

static void waitings_free(waitings *l)
{
    waitings_clear(l);
    free(l->v);
    *l = (waitings){0};
}

static int waiting_add(waitings *l, const char *name, const char *target, unsigned layer,
                       imgrel_error *err)
{
    if (l->n >= WAITING_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "layer: more than %d hard links to hidden files",
                       WAITING_MAX);
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        waiting *v = realloc(l->v, cap * sizeof *v);
        if (!v)
            return ir_nomem(err);
        l->v = v;
        l->cap = cap;
    }
    waiting *w = &l->v[l->n++];
    *w = (waiting){ir_strdup(name), ir_strdup(target), layer};
    return w->name && w->target ? 0 : ir_nomem(err);
}

static int name_found(merge *m, const char *name, imgrel_error *err)
{
    return waiting_add(&m->found, name, "", 0, err);
}

/* Did the layer that has the path put something else where a folder above it was? */
static bool replaced(const merge *m, const char *path, unsigned layer)
{
    for (size_t i = 1; path[i]; i++) {
        const ir_mark *above = path[i] == '/' ? ir_marks_find(&m->marks, path, i) : NULL;
        if (above && above->is_leaf && above->own >= layer)
            return true;
    }
    return false;
}

/* Those of a list that wait for this path in a layer above ours, moved to found. */
static int take_waiting(merge *m, waitings *from, const char *path, bool any, imgrel_error *err)
{
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < from->n; i++) {
        waiting w = from->v[i];
        bool mine = (any || w.layer > m->layer) && strcmp(w.target, path) == 0;
        if (mine && rc == 0 && !replaced(m, w.name, w.layer ? w.layer : m->layer))
            rc = name_found(m, w.name, err);
        if (!mine) {
            from->v[kept++] = w;
            continue;
        }
        free(w.name);
        free(w.target);
    }
    from->n = kept;
    return rc;
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* Names without empty and "." ones, checked. */
static int clean(const char *in, const char *what, ir_buf *out, imgrel_error *err)
{
    int rc = ir_layer_path_check(in, what, err);
    ir_buf_clear(out);
    for (const char *p = in; rc == 0 && *p; p += strspn(p, "/")) {
        size_t len = strcspn(p, "/");
        if (len && !(len == 1 && p[0] == '.')) {
            ir_buf_adds(out, out->len ? "/" : "");
            ir_buf_add(out, p, len);
        }
        p += len;
    }
    return rc < 0 ? rc : ir_buf_check(out, err, "layer: path");
}

static const char *link_target(const merge *m, const char *path, size_t len)
{
    const ir_mark *mark = ir_marks_find(&m->marks, path, len);
    if (!mark || !mark->is_link || mark->own != m->layer)
        return NULL;
    for (size_t i = m->n_links; i > 0; i--)
        if (m->links[i - 1].hash == mark->hash)
            return m->links[i - 1].target;
    return NULL;
}

static void go_up(ir_buf *path)
{
    const char *slash = strrchr(ir_buf_str(path), '/');
    ir_buf_truncate(path, slash ? (size_t)(slash - path->p) : 0);
}

/* path[0..len) is a link to target: what the path is without it. Nothing is above the root. */
static int replace_link(ir_buf *path, size_t len, const char *target, imgrel_error *err)
{
    IR_AUTO(ir_buf) joined = IR_BUF(4 * PATH_MAX);
    while (target[0] != '/' && len && path->p[len - 1] != '/')
        len--;
    ir_buf_add(&joined, path->p, target[0] == '/' ? 0 : len);
    ir_buf_addf(&joined, "%s%s", target, path->p + strcspn(path->p + len, "/") + len);
    int rc = ir_buf_check(&joined, err, "layer: path");
    ir_buf_clear(path);
    for (const char *p = ir_buf_str(&joined); rc == 0 && *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            go_up(path);
        } else if (n && !(n == 1 && p[0] == '.')) {
            ir_buf_adds(path, path->len ? "/" : "");
            ir_buf_add(path, p, n);
        }
        p += n;
    }
    return rc < 0 ? rc : ir_buf_check(path, err, "layer: path");
}

/* Follows this layer's own links in the folders above the path. */
static int resolve(const merge *m, ir_buf *path, imgrel_error *err)
{
    int rc = 0;
    unsigned hops = 0;
    for (size_t i = 1; rc == 0 && m->n_links && i < path->len; i++) {
        const char *target = path->p[i] == '/' ? link_target(m, path->p, i) : NULL;
        if (!target)
            continue;
        if (++hops > LINKS_MAX)
            return ir_fail(err, IMGREL_EPROTO, "layer: %.200s: links in a circle", path->p);
        rc = replace_link(path, i, target, err);
        i = 0;
    }
    return rc;
}

static int path_read(const merge *m, const char *in, const char *what, ir_buf *out,
                     imgrel_error *err)
{
    int rc = clean(in, what, out, err);
    return rc < 0 ? rc : resolve(m, out, err);
}

static int link_remember(merge *m, const ir_mark *mark, const char *target, imgrel_error *err)
{
    if (m->n_links == m->cap_links) {
        size_t cap = m->cap_links ? m->cap_links * 2 : 64;
        symlink_of *v = realloc(m->links, cap * sizeof *v);
        if (!v)
            return ir_nomem(err);
        m->links = v;
        m->cap_links = cap;
    }
    char *copy = ir_strdup(target);
    if (!copy)
        return ir_nomem(err);
    m->links[m->n_links++] = (symlink_of){mark->hash, copy};
    return 0;
}

static void links_forget(merge *m)
{
    for (size_t i = 0; i < m->n_links; i++)
        free(m->links[i].target);
    m->n_links = 0;
}

/* ---- what counts ---------------------------------------------------------------------------- */

/* Does an entry of this layer show in the image? */
static bool visible(const merge *m, const char *path, bool folder)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < len; i++) {
        if (i && path[i] != '/')
            continue;
        const ir_mark *above = ir_marks_find(&m->marks, path, i);
        if (above && (above->under > m->layer || above->white > m->layer))
            return false;
    }
    const ir_mark *self = ir_marks_find(&m->marks, path, len);
    return !self || (self->own <= m->layer && self->white <= m->layer &&
                     (folder || self->below <= m->layer));
}

static uint16_t higher(uint16_t a, unsigned b)
{
    return a > b ? a : (uint16_t)b;
}

/* This layer has something below each folder that leads to the path. */
static int mark_above(merge *m, const char *path, imgrel_error *err)
{
    int rc = 0;
    ir_mark *mark = NULL;
    for (size_t i = 0; rc == 0 && path[i]; i++) {
        if (i && path[i] != '/')
            continue;
        rc = ir_marks_at(&m->marks, path, i, &mark, err);
        if (rc == 0 && mark->below < m->layer)
            mark->below = (uint16_t)(m->layer & 0x1fff);
    }
    return rc;
}

static int mark_entry(merge *m, const char *path, const ir_tar_entry *e, imgrel_error *err)
{
    ir_mark *mark = NULL;
    int rc = mark_above(m, path, err);
    if (rc == 0)
        rc = ir_marks_at(&m->marks, path, strlen(path), &mark, err);
    if (rc < 0)
        return rc;
    if (e->type != 'd')
        mark->under = higher(mark->under, m->layer);
    if (mark->own > m->layer)
        return 0;
    mark->own = (uint16_t)(m->layer & 0x1fff);
    mark->is_leaf = e->type != 'd';
    mark->is_link = e->type == 'l';
    return mark->is_link ? link_remember(m, mark, e->target, err) : 0;
}

static int mark_whiteout(merge *m, size_t name, imgrel_error *err)
{
    const char *what = m->path.p + name;
    ir_mark *mark = NULL;
    int rc = mark_above(m, m->path.p, err);
    if (rc < 0)
        return rc;
    if (strcmp(what, IR_OPAQUE) == 0) {
        rc = ir_marks_at(&m->marks, m->path.p, name ? name - 1 : 0, &mark, err);
        if (rc == 0)
            mark->under = higher(mark->under, m->layer);
        return rc;
    }
    what += strlen(IR_WHITEOUT);
    if (ir_starts(what, IR_WHITEOUT))
        return 0; /* aufs's own notes */
    if (!*what || strcmp(what, ".") == 0 || strcmp(what, "..") == 0)
        return ir_fail(err, IMGREL_EPROTO, "layer: %s: not a whiteout", m->path.p);
    memmove(m->path.p + name, what, strlen(what) + 1);
    rc = ir_marks_at(&m->marks, m->path.p, strlen(m->path.p), &mark, err);
    if (rc == 0)
        mark->white = higher(mark->white, m->layer);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int pass(merge *m, const char *name, const char *link, imgrel_error *err)
{
    return ir_tar_entry_pass(m->out, m->in, name, link, m->newest_s, err);
}

static int pass_data(merge *m, imgrel_error *err)
{
    int rc = 0;
    for (int64_t n = 1; rc == 0 && n > 0;) {
        rc = ir_call_check(m->call, err);
        n = rc < 0 ? rc : ir_untar_read(m->in, m->buf, BUFFER, err);
        rc = n < 0 ? (int)n : n ? ir_tar_data(m->out, m->buf, (size_t)n, err) : 0;
    }
    return rc;
}

/* The entry under the first of the names found, and links to it under the others. */
static int pass_found(merge *m, const ir_tar_entry *e, imgrel_error *err)
{
    const waitings *l = &m->found;
    int rc = l->n ? pass(m, l->v[0].name, NULL, err) : 0;
    if (rc == 0 && l->n && e->type == 'f')
        rc = pass_data(m, err);
    for (size_t i = 1; rc == 0 && i < l->n; i++)
        rc = pass(m, l->v[i].name, l->v[0].name, err);
    return rc;
}

/* The list in which a path that shows still waits to be written itself; NULL: it is written. */
static waitings *late(merge *m, const char *path, size_t *ret_i)
{
    waitings *lists[] = {&m->again, &m->lower};
    for (size_t k = 0; k < 2; k++)
        for (*ret_i = 0; *ret_i < lists[k]->n; ++*ret_i)
            if (strcmp(lists[k]->v[*ret_i].name, path) == 0)
                return lists[k];
    return NULL;
}

static int wait_for(merge *m, waitings *l, const char *name, const char *target, imgrel_error *err)
{
    ir_mark *mark = NULL;
    int rc = waiting_add(l, name, target, m->layer, err);
    if (rc == 0)
        rc = ir_marks_at(&m->marks, target, strlen(target), &mark, err);
    if (rc == 0)
        mark->wanted = 1;
    if (rc == 0)
        rc = ir_marks_at(&m->marks, name, strlen(name), &mark, err);
    if (rc == 0)
        mark->is_late = 1;
    return rc;
}

/* A link to what is in this layer and shows: at once, or when that is written. */
static int pass_link(merge *m, const char *name, const char *target, bool may_be_late,
                     imgrel_error *err)
{
    size_t i = 0;
    waitings *l = may_be_late ? late(m, target, &i) : NULL;
    return l ? waiting_add(l, name, l->v[i].target, l->v[i].layer, err)
             : pass(m, name, target, err);
}

/* The names found are hard links to m->target. */
static int pass_links(merge *m, imgrel_error *err)
{
    const char *target = ir_buf_str(&m->target);
    const ir_mark *mark = ir_marks_find(&m->marks, target, m->target.len);
    bool here = mark && mark->own == m->layer && visible(m, target, false);
    bool hidden = !here && mark && mark->own >= m->layer, is_late = here && mark->is_late;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->found.n; i++) {
        const char *name = m->found.v[i].name;
        rc = here ? pass_link(m, name, target, is_late, err)
                  : wait_for(m, hidden ? &m->again : &m->lower, name, target, err);
    }
    return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int entry_take(merge *m, const ir_tar_entry *e, imgrel_error *err)
{
    const char *path = ir_buf_str(&m->path);
    int rc = e->type == 'h' ? path_read(m, e->target, "link target", &m->target, err) : 0;
    if (rc < 0 || (e->type == 'h' && strcmp(path, ir_buf_str(&m->target)) == 0))
        return rc; /* a link to itself changes nothing */
    bool shows = visible(m, path, e->type == 'd');
    const ir_mark *was = ir_marks_find(&m->marks, path, m->path.len);
    bool wanted = was && was->wanted && e->type != 'd';
    rc = mark_entry(m, path, e, err);
    waitings_clear(&m->found);
    if (rc == 0 && e->type == 'd')
        return shows ? pass(m, path, NULL, err) : 0;
    if (rc == 0 && shows)
        rc = name_found(m, path, err);
    if (rc == 0 && wanted)
        rc = take_waiting(m, &m->lower, path, false, err);
    if (rc < 0)
        return rc;
    return e->type == 'h' ? pass_links(m, err) : pass_found(m, e, err);
}

/* In another pass over the layer: only what links wait for. */
static int entry_again(merge *m, const ir_tar_entry *e, imgrel_error *err)
{
    const char *path = ir_buf_str(&m->path);
    const ir_mark *mark = ir_marks_find(&m->marks, path, m->path.len);
    waitings_clear(&m->found);
    int rc = e->type == 'l' && mark ? link_remember(m, mark, e->target, err) : 0;
    if (rc < 0 || e->type == 'd' || !mark || !mark->wanted)
        return rc;
    rc = take_waiting(m, &m->again, path, true, err);
    if (rc < 0 || e->type != 'h')
        return rc < 0 ? rc : pass_found(m, e, err);
    rc = path_read(m, e->target, "link target", &m->target, err);
    return rc < 0 ? rc : pass_links(m, err);
}

typedef int entry_fn(merge *m, const ir_tar_entry *e, imgrel_error *err);

static int entry_read(merge *m, const ir_tar_entry *e, entry_fn *fn, imgrel_error *err)
{
    int rc = path_read(m, e->path, "name", &m->path, err);
    if (rc < 0 || !m->path.len) /* the root itself */
        return rc;
    const char *slash = strrchr(m->path.p, '/');
    size_t name = slash ? (size_t)(slash + 1 - m->path.p) : 0;
    if (ir_starts(m->path.p + name, IR_WHITEOUT))
        return fn == entry_take ? mark_whiteout(m, name, err) : 0;
    return fn(m, e, err);
}

static int64_t blob_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    return ir_reader_read(user, buf, len, err);
}

/* What comes after the tar's end is a part of the blob and of its digest. */
static int drain(merge *m, ir_reader *r, imgrel_error *err)
{
    int64_t n = 1;
    while (n > 0)
        n = ir_reader_read(r, m->buf, BUFFER, err);
    return (int)n;
}

static int layer_read(merge *m, const ir_layer_at *l, entry_fn *fn, imgrel_error *err)
{
    ir_reader *r = NULL;
    ir_tar_entry e;
    links_forget(m);
    int rc = ir_store_blob_open(l->store, m->call, l->desc, &r, err);
    if (rc == 0)
        rc = ir_untar_new(blob_in, r, &m->in, err);
    while (rc == 0) {
        rc = ir_call_check(m->call, err);
        if (rc == 0)
            rc = ir_untar_next(m->in, &e, err);
        if (rc != 1)
            break;
        rc = entry_read(m, &e, fn, err);
    }
    if (rc == 0)
        rc = drain(m, r, err);
    ir_untar_free(m->in);
    m->in = NULL;
    ir_reader_close(r);
    if (rc < 0)
        ir_error_prefix(err, "%s", l->desc->digest);
    return rc;
}

/* What a pass over the layer did not find is in a lower one. */
static int unfound(merge *m, imgrel_error *err)
{
    int rc = 0;
    size_t kept = 0;
    for (size_t i = 0; i < m->again.n; i++) {
        waiting w = m->again.v[i];
        if (w.layer) { /* came in that pass */
            m->again.v[kept++] = w;
            continue;
        }
        if (rc == 0)
            rc = waiting_add(&m->lower, w.name, w.target, m->layer, err);
        free(w.name);
        free(w.target);
    }
    m->again.n = kept;
    return rc;
}

/* Links to what went by before somebody asked for it. */
static int layer_again(merge *m, const ir_layer_at *l, imgrel_error *err)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && m->again.n && i < PASSES_MAX; i++) {
        for (size_t k = 0; k < m->again.n; k++)
            m->again.v[k].layer = 0;
        rc = layer_read(m, l, entry_again, err);
        if (rc == 0)
            rc = unfound(m, err);
    }
    return rc == 0 && m->again.n ? ir_fail(err, IMGREL_EPROTO, "layer: %s: hard links in a circle",
                                           m->again.v[0].name)
                                 : rc;
}

static int merge_layers(merge *m, const ir_layer_at *layers, size_t n, imgrel_error *err)
{
    int rc = 0;
    for (m->layer = (unsigned)n; rc == 0 && m->layer > 0; m->layer--) {
        const ir_layer_at *l = &layers[m->layer - 1];
        rc = layer_read(m, l, entry_take, err);
        if (rc == 0)
            rc = layer_again(m, l, err);
    }
    if (rc == 0 && m->lower.n)
        rc = ir_fail(err, IMGREL_EPROTO, "layer: %s: a hard link to %s, which no layer has",
                     m->lower.v[0].name, m->lower.v[0].target);
    return rc;
}

int ir_layers_merge(const ir_call *call, const ir_layer_at *layers, size_t n, int64_t newest_s,
                    ir_tar_out_fn *out, void *user, imgrel_error *err)
{
    merge m = {.call = call,
               .newest_s = newest_s,
               .path = IR_BUF(4 * PATH_MAX),
               .target = IR_BUF(4 * PATH_MAX)};
    m.buf = malloc(BUFFER);
    int rc = m.buf ? ir_tar_new(out, user, &m.out, err) : ir_nomem(err);
    if (rc == 0)
        rc = merge_layers(&m, layers, n, err);
    if (rc == 0)
        rc = ir_tar_end(m.out, err);
    ir_tar_free(m.out);
    ir_marks_free(&m.marks);
    waitings_free(&m.lower);
    waitings_free(&m.again);
    waitings_free(&m.found);
    links_forget(&m);
    free(m.links);
    ir_buf_free(&m.path);
    ir_buf_free(&m.target);
    free(m.buf);
    return rc;
}
