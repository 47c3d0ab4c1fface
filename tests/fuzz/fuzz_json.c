/* fuzz_json.c - JSON that parses is written and read again as the same value. */
#include "fmt/json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_json *a = NULL, *b = NULL;
    imgrel_error err = {0};
    if (ir_json_parse((const char *)data, size, "doc", &a, &err)) {
        fuzz_check(err.code && !a);
        return 0;
    }
    char *s = ir_json_string(a, IR_JSON_SORTED);
    fuzz_check(s && !ir_json_parse(s, strlen(s), "again", &b, &err) && ir_json_equal(a, b));
    (void)ir_json_path(a, "a.0.b");
    ir_json_free(a);
    ir_json_free(b);
    free(s);
    return 0;
}
