/* fuzz_page.c - an HTTP response and a container's log, which pods write: in one piece and in small
 * ones they are read the same, and never over their caps. */
#include "fuzz.h"
#include "kube/inside.h"

static int read_page(const uint8_t *data, size_t size, size_t step, ir_buf *body)
{
    ir_page_reader r = {.body = body};
    imgrel_error err = {0};
    int rc = 0;
    for (size_t i = 0; i < size && !rc; i += step)
        rc = ir_page_feed(&r, (const char *)data + i, size - i < step ? size - i : step, &err);
    if (!rc)
        rc = ir_page_end(&r, &err);
    fuzz_check(rc >= 0 ? !err.code : err.code == rc);
    ir_buf_free(&r.in);
    return rc == 1 ? 0 : rc;
}

static int collect(void *user, const char *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "log");
}

static void read_log(const uint8_t *data, size_t size, size_t step, ir_buf *out)
{
    ir_logjoin j = {.timestamps = true};
    int rc = 0;
    ir_logjoin_begin(&j);
    for (size_t i = 0; i < size && !rc; i += step)
        rc = ir_logjoin_feed(&j, (const char *)data + i, size - i < step ? size - i : step,
                             collect, out, NULL);
    if (!rc)
        rc = ir_logjoin_end(&j, collect, out, NULL);
    fuzz_check(!rc);
    /* With the times given out, all bytes are, unless the server's own words were held back. */
    fuzz_check(j.refused || out->len == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    for (int log = 0; log < 2; log++) {
        ir_buf whole = IR_BUF(log ? 1 << 20 : 4096), bytes = IR_BUF(log ? 1 << 20 : 4096);
        if (log) {
            read_log(data, size, size + 1, &whole);
            read_log(data, size, 3, &bytes);
        } else {
            int rc = read_page(data, size, size + 1, &whole);
            fuzz_check(rc == read_page(data, size, 3, &bytes));
            if (rc)
                ir_buf_clear(&whole), ir_buf_clear(&bytes);
        }
        fuzz_check(whole.len == bytes.len && !memcmp(ir_buf_str(&whole), ir_buf_str(&bytes),
                                                     whole.len));
        ir_buf_free(&whole);
        ir_buf_free(&bytes);
    }
    return 0;
}
