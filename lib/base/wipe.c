/* wipe.c - malloc and its family, with what is freed overwritten first. */
#include "base/wipe.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t given; /* written by every thread, read by ir_wipe_count */

uint64_t ir_wipe_count(void)
{
    return atomic_load(&given);
}

void *ir_wipe_malloc(size_t size)
{
    atomic_fetch_add_explicit(&given, 1, memory_order_relaxed);
    return malloc(size);
}

void *ir_wipe_calloc(size_t n, size_t size)
{
    atomic_fetch_add_explicit(&given, 1, memory_order_relaxed);
    return calloc(n, size);
}

void ir_wipe_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

/* Never by realloc, which leaves the old place as it was when it moves. */
void *ir_wipe_realloc(void *p, size_t size)
{
    size_t have = p ? malloc_usable_size(p) : 0;
    if (p && size && size <= have && size >= have / 2)
        return p;
    void *q = ir_wipe_malloc(size);
    if (!q)
        return NULL;
    if (p)
        memcpy(q, p, have < size ? have : size);
    ir_wipe_free(p);
    return q;
}

char *ir_wipe_strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = ir_wipe_malloc(len);
    return copy ? memcpy(copy, s, len) : NULL;
}
