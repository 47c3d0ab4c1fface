/* wipe.h - an allocator that overwrites what it frees, for libraries that keep copies of secrets
 * and let their allocator be replaced. Pointers from malloc are as good to it as its own. */
#ifndef IR_BASE_WIPE_H
#define IR_BASE_WIPE_H

#include <stddef.h>
#include <stdint.h>

void *ir_wipe_malloc(size_t size);
void *ir_wipe_calloc(size_t n, size_t size);
void *ir_wipe_realloc(void *p, size_t size);
char *ir_wipe_strdup(const char *s);
void ir_wipe_free(void *p);
/* How often memory was given out: tells whether a library really uses it. */
uint64_t ir_wipe_count(void);

#endif
