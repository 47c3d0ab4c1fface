/* fuzz_rawjson.c - BuildKit's progress: the same events whole and in pieces, and no line is told
 * that holds a control character. */
#include "build/rawjson.h"
#include "fuzz.h"

static int hear(void *user, const ir_build_event *e, imgrel_error *err)
{
    uint64_t *sum = user;
    (void)err;
    for (const char *p = e->detail; *p; p++)
        fuzz_check((unsigned char)*p >= 0x20 && *p != 0x7f);
    for (const char *p = e->what; *p; p++)
        fuzz_check((unsigned char)*p >= 0x20 && *p != 0x7f);
    for (const char *p = e->detail; *p; p++)
        *sum = *sum * 31 + (unsigned char)*p;
    *sum = *sum * 31 + e->kind + e->done;
    return 0;
}

static uint64_t run(const uint8_t *data, size_t size, size_t step)
{
    ir_rawjson r;
    imgrel_error err = {0};
    uint64_t sum = 7;
    ir_rawjson_init(&r, hear, &sum);
    for (size_t i = 0; i < size; i += step)
        fuzz_check(!ir_rawjson_feed(&r, (const char *)data + i, size - i < step ? size - i : step,
                                    &err));
    fuzz_check(!ir_rawjson_end(&r, &err) && r.n_steps <= IR_STEPS_MAX);
    ir_rawjson_free(&r);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_check(run(data, size, size + 1) == run(data, size, 13));
    return 0;
}
