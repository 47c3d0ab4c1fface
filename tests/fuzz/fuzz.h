/* fuzz.h - what every fuzz target shares: libFuzzer's entry point, and its bytes as text. Build one
 * with clang -fsanitize=fuzzer,address,undefined and without standalone.c to let it search. */
#ifndef IR_TESTS_FUZZ_H
#define IR_TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes with a NUL behind them, malloc'ed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);
    if (!s)
        abort();
    if (size)
        memcpy(s, data, size);
    s[size] = '\0';
    return s;
}

/* A promise of the code under test. */
#define fuzz_check(what)                                                                           \
    do {                                                                                           \
        if (!(what))                                                                               \
            abort();                                                                               \
    } while (0)

#endif
