/* standalone.c - main() for a fuzz target where there is no libFuzzer: replays the files that it is
 * given, and every prefix of the short ones. */
#include "base/fd.h"
#include "base/limits.h"
#include "fuzz.h"

#include <stdio.h>

static int replay(const char *path)
{
    ir_buf b = IR_BUF(64 * IR_MIB);
    imgrel_error err = {0};
    if (ir_file_read(path, &b, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const uint8_t *p = (const uint8_t *)ir_buf_str(&b);
    for (size_t len = b.len > 512 ? b.len : 0; len <= b.len; len++)
        LLVMFuzzerTestOneInput(p, len);
    ir_buf_free(&b);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed += replay(argv[i]);
    printf("%d passed, %d failed, 0 skipped\n", argc - 1 - failed, failed);
    return failed != 0;
}
