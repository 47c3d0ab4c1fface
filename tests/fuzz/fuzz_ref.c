/* fuzz_ref.c - a reference that parses is a fixed point: its canonical name means the same. */
#include "base/str.h"
#include "fmt/ref.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_text(data, size);
    imgrel_error err = {0};
    ir_ref a, b;
    if (!ir_ref_parse(s, &a, &err)) {
        fuzz_check(!ir_ref_parse(a.name, &b, &err));
        fuzz_check(!strcmp(a.name, b.name) && ir_streq(a.tag, b.tag));
        fuzz_check(ir_streq(a.host, b.host) && ir_streq(a.repository, b.repository));
        ir_ref_free(&a);
        ir_ref_free(&b);
    } else {
        fuzz_check(err.code && err.message[0]);
    }
    if (!ir_ref_parse_repository(s, &a, NULL))
        ir_ref_free(&a);
    free(s);
    return 0;
}
