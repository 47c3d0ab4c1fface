/* fuzz_yaml.c - YAML that parses has places, and is written and read again as the same value. */
#include "base/limits.h"
#include "fmt/yaml.h"
#include "fuzz.h"

static void write_again(const ir_json *j)
{
    ir_buf b = IR_BUF(64 * IR_MIB);
    ir_yaml *again = NULL;
    imgrel_error err = {0};
    if (!ir_yaml_write(j, &b, &err) && b.len < IR_YAML_MAX) {
        fuzz_check(!ir_yaml_parse(b.p, b.len, "again", &again, &err));
        fuzz_check(ir_json_equal(ir_yaml_root(again), j));
    }
    ir_yaml_free(again);
    ir_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_yaml *y = NULL;
    imgrel_error err = {0};
    int line = 0, column = 0;
    if (ir_yaml_parse((const char *)data, size, "f.yaml", &y, &err)) {
        fuzz_check(err.code && !y);
        return 0;
    }
    const ir_json *root = ir_yaml_root(y);
    if (ir_json_is_object(root))
        fuzz_check(ir_yaml_place(y, root, &line, &column) && line > 0 && column > 0);
    write_again(root);
    ir_yaml_free(y);
    return 0;
}
