/* fuzz_toml.c - TOML that parses is written and read again as the same value. */
#include "base/limits.h"
#include "fmt/toml.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_json *j = NULL, *again = NULL;
    imgrel_error err = {0};
    ir_buf b = IR_BUF(64 * IR_MIB);
    if (ir_toml_parse((const char *)data, size, "f.toml", &j, &err)) {
        fuzz_check(err.code && !j);
        return 0;
    }
    fuzz_check(!ir_toml_write(j, &b, &err));
    /* Written with headers, keys may have more parts than are allowed. */
    if (!ir_toml_parse(b.p, b.len, "again", &again, &err))
        fuzz_check(ir_json_equal(j, again));
    else
        fuzz_check(err.code == IMGREL_ELIMIT);
    ir_json_free(j);
    ir_json_free(again);
    ir_buf_free(&b);
    return 0;
}
