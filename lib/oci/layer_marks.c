/* layer_marks.c - a table of marks, found by a hash of the path whose seed nobody knows: two paths
 * of one hash would be taken for one. */
#include "oci/layer_marks.h"

#include "base/hash.h"
#include "base/limits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

uint64_t ir_marks_hash(const ir_marks *m, const char *path, size_t len)
{
    uint64_t h = 14695981039346656037u ^ m->seed; /* FNV-1a, and the end of splitmix64 */
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)path[i]) * 1099511628211u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    h ^= h >> 31;
    return h ? h : 1;
}

/* The hash's place, or the empty one where it would be. */
static ir_mark *place(const ir_marks *m, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->v[i].hash && m->v[i].hash != hash)
        i = (i + 1) & (m->cap - 1);
    return &m->v[i];
}

ir_mark *ir_marks_find(const ir_marks *m, const char *path, size_t len)
{
    ir_mark *at = m->n ? place(m, ir_marks_hash(m, path, len)) : NULL;
    return at && at->hash ? at : NULL;
}

static int grow(ir_marks *m, imgrel_error *err)
{
    if (m->n >= IR_ENTRIES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "layer: more than %d paths", IR_ENTRIES_MAX);
    int rc = m->cap ? 0 : ir_random(&m->seed, sizeof m->seed, err);
    ir_marks bigger = {.cap = m->cap ? m->cap * 2 : 1024, .n = m->n, .seed = m->seed};
    bigger.v = rc < 0 ? NULL : calloc(bigger.cap, sizeof *bigger.v);
    if (!bigger.v)
        return rc < 0 ? rc : ir_nomem(err);
    for (size_t i = 0; i < m->cap; i++)
        if (m->v[i].hash)
            *place(&bigger, m->v[i].hash) = m->v[i];
    free(m->v);
    *m = bigger;
    return 0;
}

int ir_marks_at(ir_marks *m, const char *path, size_t len, ir_mark **ret, imgrel_error *err)
{
    int rc = m->n * 2 >= m->cap ? grow(m, err) : 0;
    if (rc < 0)
        return rc;
    uint64_t hash = ir_marks_hash(m, path, len);
    *ret = place(m, hash);
    m->n += (*ret)->hash == 0;
    (*ret)->hash = hash;
    return 0;
}

void ir_marks_free(ir_marks *m)
{
    free(m->v);
    *m = (ir_marks){0};
}

int ir_layer_path_check(const char *path, const char *what, imgrel_error *err)
{
    if (path[0] == '/')
        return ir_fail(err, IMGREL_EPROTO, "layer: %s: an absolute %s", path, what);
    if (strlen(path) >= PATH_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "layer: a %s is longer than %d bytes", what, PATH_MAX);
    for (const char *p = path; *p; p += strspn(p, "/")) {
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.')
            return ir_fail(err, IMGREL_EPROTO, "layer: %s: a %s that leads out", path, what);
        p += len;
    }
    return 0;
}
