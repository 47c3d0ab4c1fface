/* check_ws.c - WebSocket frames: both ways, fragments, what a peer must not send, and the key. */
#include "unit.h"
#include "base/str.h"
#include "net/ws.h"

#include <stdlib.h>

START_TEST(key_of_the_rfc)
{
    /* RFC 6455 section 1.3 */
    char *accept = ir_ws_accept("dGhlIHNhbXBsZSBub25jZQ==");
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    free(accept);
}
END_TEST

/* What one side writes, the other reads, byte by byte. */
static void echo(size_t len, bool client)
{
    imgrel_error err = {0};
    ir_buf out = IR_BUF(1 << 20);
    ir_ws_reader in = {.server = client};
    char *text = malloc(len + 1);
    const char *p = NULL;
    size_t n = 0;
    int op = 0, rc = 0;
    memset(text, 'x', len + 1);
    unit_ok(ir_ws_put(&out, IR_WS_BINARY, text, len, client, &err), &err);
    for (size_t i = 0; i < out.len && !rc; i++) {
        ir_ws_feed(&in, out.p + i, 1);
        rc = ir_ws_next(&in, &op, &p, &n, &err);
        ck_assert_msg(rc == (i + 1 == out.len), "byte %zu of %zu: %d", i, out.len, rc);
    }
    ck_assert_int_eq(op, IR_WS_BINARY);
    ck_assert_uint_eq(n, len);
    ck_assert(!memcmp(p, text, len));
    ck_assert_int_eq(ir_ws_next(&in, &op, &p, &n, &err), 0);
    free(text);
    ir_buf_free(&out);
    ir_ws_reader_free(&in);
}

START_TEST(both_ways)
{
    static const size_t lens[] = {0, 1, 125, 126, 127, 65535, 65536};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        echo(lens[i], true);
        echo(lens[i], false);
    }
}
END_TEST

START_TEST(example_of_the_rfc)
{
    /* RFC 6455 section 5.7: masked and fragmented "Hello", with a ping between the fragments. */
    static const char masked[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    static const char parts[] = "\x01\x03Hel\x89\x05Hello\x80\x02lo";
    imgrel_error err = {0};
    ir_ws_reader server = {.server = true}, client = {0};
    const char *p = NULL;
    size_t n = 0;
    int op = 0;
    ir_ws_feed(&server, masked, sizeof masked - 1);
    ck_assert_int_eq(ir_ws_next(&server, &op, &p, &n, &err), 1);
    ck_assert(op == IR_WS_TEXT && n == 5 && !memcmp(p, "Hello", 5));
    ir_ws_feed(&client, parts, sizeof parts - 1);
    ck_assert_int_eq(ir_ws_next(&client, &op, &p, &n, &err), 1);
    ck_assert(op == IR_WS_PING && n == 5);
    ck_assert_int_eq(ir_ws_next(&client, &op, &p, &n, &err), 1);
    ck_assert(op == IR_WS_TEXT && n == 5 && !memcmp(p, "Hello", 5));
    ck_assert_int_eq(ir_ws_next(&client, &op, &p, &n, &err), 0);
    ir_ws_reader_free(&server);
    ir_ws_reader_free(&client);
}
END_TEST

static void refuse(const char *bytes, size_t len, bool server, int code, const char *word)
{
    imgrel_error err = {0};
    ir_ws_reader r = {.server = server, .max = 1000};
    const char *p = NULL;
    size_t n = 0;
    int op = 0, rc = 1;
    ir_ws_feed(&r, bytes, len);
    while (rc == 1)
        rc = ir_ws_next(&r, &op, &p, &n, &err);
    ck_assert_int_eq(rc, code);
    unit_error(&err, code, word);
    ir_ws_reader_free(&r);
}

START_TEST(refused)
{
    refuse("\x81\x05Hello", 7, true, IMGREL_EPROTO, "not masked");
    refuse("\x81\x85\1\2\3\4Hello", 11, false, IMGREL_EPROTO, "is masked");
    refuse("\xc1\x00", 2, false, IMGREL_EPROTO, "reserved");
    refuse("\x83\x00", 2, false, IMGREL_EPROTO, "opcode");
    refuse("\x09\x00", 2, false, IMGREL_EPROTO, "control frame");
    refuse("\x80\x00", 2, false, IMGREL_EPROTO, "order");
    refuse("\x01\x00\x01\x00", 4, false, IMGREL_EPROTO, "order");
    refuse("\x82\x7e\x03\xe9", 4, false, IMGREL_ELIMIT, "1000");
    refuse("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10, false, IMGREL_ELIMIT, "1000");
}
END_TEST

START_TEST(fragments_have_a_cap)
{
    imgrel_error err = {0};
    ir_ws_reader r = {.max = 1000};
    char frame[802] = "\x02\x7e\x03\x1e";
    const char *p = NULL;
    size_t n = 0;
    int op = 0;
    ir_ws_feed(&r, frame, sizeof frame);
    ck_assert_int_eq(ir_ws_next(&r, &op, &p, &n, &err), 0);
    frame[0] = 0;
    ir_ws_feed(&r, frame, sizeof frame);
    ck_assert_int_eq(ir_ws_next(&r, &op, &p, &n, &err), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "1000");
    ir_ws_reader_free(&r);
}
END_TEST

UNIT_SUITE(ws, key_of_the_rfc, both_ways, example_of_the_rfc, refused, fragments_have_a_cap)
