/* check_page.c - one HTTP response from bytes: by length, in chunks, to the end; and lines of
 * watches. */
#include "support.h"

#include <stdlib.h>

static int read_page(const char *text, size_t len, size_t step, size_t max, int *ret_status,
                     ir_buf *body, imgrel_error *err)
{
    ir_page_reader r = {.body = body};
    int rc = 0;
    memset(err, 0, sizeof *err);
    body->max = max;
    for (size_t i = 0; i < len && !rc; i += step)
        rc = ir_page_feed(&r, text + i, len - i < step ? len - i : step, err);
    if (!rc)
        rc = ir_page_end(&r, err);
    *ret_status = r.status;
    ir_buf_free(&r.in);
    return rc == 1 ? 0 : rc;
}

static void expect(const char *text, int status, const char *body)
{
    for (size_t step = 1; step < 200; step += 23) {
        imgrel_error err;
        ir_buf out = IR_BUF(0);
        int got = 0;
        unit_ok(read_page(text, strlen(text), step, 4096, &got, &out, &err), &err);
        ck_assert_int_eq(got, status);
        ck_assert_str_eq(ir_buf_str(&out), body);
        ir_buf_free(&out);
    }
}

START_TEST(responses)
{
    expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloREST", 200, "hello");
    expect("HTTP/1.0 404 Not Found\r\n\r\nto the end", 404, "to the end");
    expect("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok");
    expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200,
           "ok");
    expect("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n"
           "0\r\nTrailer: x\r\n\r\n",
           200, "abc0123456789");
    expect("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
    expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
}
END_TEST

static void refuse(const char *text, int code, const char *word)
{
    imgrel_error err;
    ir_buf out = IR_BUF(0);
    int status = 0;
    ck_assert_int_eq(read_page(text, strlen(text), 9, 16, &status, &out, &err), code);
    unit_error(&err, code, word);
    ir_buf_free(&out);
}

START_TEST(refused)
{
    refuse("SSH-2.0-OpenSSH\r\n", IMGREL_EPROTO, "no status line");
    refuse("HTTP/1.1 2xx\r\n\r\n", IMGREL_EPROTO, "no status");
    refuse("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", IMGREL_EPROTO, "without a name");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", IMGREL_EPROTO, "content-length");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", IMGREL_EPROTO,
           "content-length");
    refuse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", IMGREL_EPROTO, "ended before");
    refuse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", IMGREL_EPROTO, "chunk");
    refuse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", IMGREL_EPROTO,
           "longer");
    refuse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n", IMGREL_EPROTO,
           "chunk");
    refuse("HTTP/1.1 200 OK\r\n\r\n0123456789abcdefg", IMGREL_ELIMIT, "16");
    refuse("", IMGREL_EPROTO, "ended before");
}
END_TEST

START_TEST(lines)
{
    static const char text[] = "{\"a\":1}\n\n{\"b\":2}\nrest";
    static const char *const want[] = {"{\"a\":1}", "", "{\"b\":2}"};
    for (size_t step = 1; step < 30; step++) {
        ir_lines l = {0};
        imgrel_error err = {0};
        size_t n = 0;
        for (size_t i = 0; i < sizeof text - 1; i += step) {
            const char *p = NULL;
            size_t len = 0;
            ir_lines_feed(&l, text + i, sizeof text - 1 - i < step ? sizeof text - 1 - i : step);
            while (ir_lines_next(&l, &p, &len, &err) == 1) {
                ck_assert(n < 3 && len == strlen(want[n]) && !memcmp(p, want[n], len));
                n++;
            }
        }
        ck_assert_uint_eq(n, 3);
        ir_buf_free(&l.in);
    }
}
END_TEST

UNIT_SUITE(page, responses, refused, lines)
