/* check_spdy.c - SPDY/3.1 frames: both ends of ours against each other, whole and in pieces, frames
 * as others write them, and what a peer must not send. */
#include "unit.h"
#include "base/str.h"
#include "net/spdy.h"

#include <stdlib.h>

static ir_spdy *make(bool client)
{
    imgrel_error err = {0};
    ir_spdy *s = NULL;
    unit_ok(ir_spdy_new(client, &s, &err), &err);
    return s;
}

/* Hands everything over that one side wants to send, n bytes at a time. */
static void pass(ir_spdy *from, ir_spdy *to)
{
    ir_buf *out = ir_spdy_out(from);
    ck_assert_int_eq(out->bad, 0);
    ir_spdy_feed(to, ir_buf_str(out), out->len);
    ir_buf_drop(out, out->len);
}

static ir_spdy_event expect(ir_spdy *s, enum ir_spdy_type type, uint32_t stream)
{
    imgrel_error err = {0};
    ir_spdy_event e = {0};
    ck_assert_msg(ir_spdy_next(s, &e, &err) == 1, "no event: %s", err.message);
    ck_assert_int_eq(e.type, type);
    ck_assert_uint_eq(e.stream, stream);
    return e;
}

static void quiet(ir_spdy *s)
{
    imgrel_error err = {0};
    ir_spdy_event e = {0};
    ck_assert_int_eq(ir_spdy_next(s, &e, &err), 0);
}

static void header_is(const ir_spdy_event *e, const char *name, const char *value)
{
    char *got = ir_spdy_header(e, name);
    ck_assert_msg(ir_streq(got, value), "%s: %s, wanted %s", name, got, value);
    free(got);
}

static const char *const error_stream[] = {"streamtype", "error", "port", "8080",
                                           "requestid",  "0",     NULL};
static const char *const data_stream[] = {"streamtype", "data", "port", "8080",
                                          "requestid",  "0",    NULL};

START_TEST(a_forward)
{
    ir_spdy *client = make(true), *server = make(false);
    ck_assert_uint_eq(ir_spdy_open(client, error_stream, true), 1);
    ck_assert_uint_eq(ir_spdy_open(client, data_stream, false), 3);
    pass(client, server);
    ir_spdy_event e = expect(server, IR_SPDY_SYN_STREAM, 1);
    ck_assert(e.fin);
    header_is(&e, "streamtype", "error");
    header_is(&e, "port", "8080");
    header_is(&e, "none", NULL);
    e = expect(server, IR_SPDY_SYN_STREAM, 3);
    ck_assert(!e.fin);
    header_is(&e, "streamtype", "data");
    ir_spdy_reply(server, 3, NULL, false);
    ir_spdy_reply(server, 1, NULL, false);
    ir_spdy_data(server, 3, "hello", 5, false);
    ir_spdy_data(server, 3, NULL, 0, true);
    pass(server, client);
    expect(client, IR_SPDY_SYN_REPLY, 3);
    e = expect(client, IR_SPDY_SYN_REPLY, 1);
    ck_assert_str_eq(ir_buf_str(e.headers), "");
    e = expect(client, IR_SPDY_DATA, 3);
    ck_assert(e.len == 5 && !memcmp(e.p, "hello", 5) && !e.fin);
    e = expect(client, IR_SPDY_DATA, 3);
    ck_assert(e.fin && !e.len);
    quiet(client);
    ir_spdy_free(client);
    ir_spdy_free(server);
}
END_TEST

/* SYN_STREAM, SYN_REPLY and DATA as Go's spdystream 0.5.0, which Kubernetes uses, writes them. */
START_TEST(written_by_go)
{
    static const char bytes[] =
        "\x80\x03\x00\x01\x00\x00\x00\x2e\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x78\xf9\xe3\xc6"
        "\xa7\xc2\x02\xe5\x0e\x70\x3a\x2b\x29\x4a\x4d\xcc\x45\x2a\x4a\x12\x21\xa5\x72\x11\x38\x03"
        "\x58\x18\x58\x18\x00\x00\x00\x00\xff\xff\x80\x03\x00\x02\x00\x00\x00\x0e\x00\x00\x00\x01"
        "\x62\x60\x60\x60\x00\x00\x00\x00\xff\xff\x00\x00\x00\x01\x01\x00\x00\x02\x68\x69";
    ir_spdy *s = make(false);
    ir_spdy_feed(s, bytes, sizeof bytes - 1);
    ir_spdy_event e = expect(s, IR_SPDY_SYN_STREAM, 1);
    header_is(&e, "streamtype", "data");
    header_is(&e, "port", "8080");
    expect(s, IR_SPDY_SYN_REPLY, 1);
    e = expect(s, IR_SPDY_DATA, 1);
    ck_assert(e.fin && e.len == 2 && !memcmp(e.p, "hi", 2));
    ir_spdy_free(s);
}
END_TEST

START_TEST(in_pieces)
{
    ir_spdy *client = make(true), *server = make(false);
    imgrel_error err = {0};
    ir_spdy_event e = {0};
    char big[100000];
    size_t got = 0, syns = 0;
    bool fin = false;
    memset(big, 'b', sizeof big);
    for (int i = 0; i < 20; i++)
        ir_spdy_open(client, data_stream, false);
    ir_spdy_data(client, 1, big, sizeof big, true);
    ir_buf *out = ir_spdy_out(client);
    for (size_t i = 0; i < out->len; i += 7) {
        ir_spdy_feed(server, out->p + i, out->len - i < 7 ? out->len - i : 7);
        int rc = 0;
        while ((rc = ir_spdy_next(server, &e, &err)) == 1) {
            syns += e.type == IR_SPDY_SYN_STREAM;
            got += e.type == IR_SPDY_DATA ? e.len : 0;
            ck_assert(!fin);
            fin = e.type == IR_SPDY_DATA && e.fin;
            if (e.type == IR_SPDY_SYN_STREAM)
                header_is(&e, "port", "8080");
        }
        ck_assert_int_eq(rc, 0);
    }
    ck_assert_uint_eq(syns, 20);
    ck_assert_uint_eq(got, sizeof big);
    ck_assert(fin);
    ir_spdy_free(client);
    ir_spdy_free(server);
}
END_TEST

START_TEST(control_frames)
{
    ir_spdy *client = make(true), *server = make(false);
    ir_spdy_ping(server);
    ir_spdy_reset(server, 5, 5);
    /* SETTINGS with one entry, WINDOW_UPDATE, and a type that nobody knows. */
    ir_buf_add(ir_spdy_out(server), "\x80\3\0\4\0\0\0\x0c\0\0\0\1\0\0\0\7\0\1\0\0", 20);
    ir_buf_add(ir_spdy_out(server), "\x80\3\0\11\0\0\0\10\0\0\0\1\0\0\1\0", 16);
    ir_buf_add(ir_spdy_out(server), "\x80\3\0\40\0\0\0\1x", 9);
    ir_spdy_goaway(server, 2);
    pass(server, client);
    ir_spdy_event e = expect(client, IR_SPDY_RST_STREAM, 5);
    ck_assert_uint_eq(e.status, 5);
    e = expect(client, IR_SPDY_GOAWAY, 0);
    ck_assert_uint_eq(e.status, 2);
    quiet(client);
    /* The ping was echoed, and is an answer there. */
    ck_assert_uint_eq(ir_spdy_out(client)->len, 12);
    pass(client, server);
    expect(server, IR_SPDY_PING, 2);
    quiet(server);
    ir_spdy_free(client);
    ir_spdy_free(server);
}
END_TEST

static void refuse(const char *bytes, size_t len, int code, const char *word)
{
    ir_spdy *s = make(true);
    imgrel_error err = {0};
    ir_spdy_event e = {0};
    ir_spdy_feed(s, bytes, len);
    ck_assert_int_eq(ir_spdy_next(s, &e, &err), code);
    unit_error(&err, code, word);
    ir_spdy_free(s);
}

START_TEST(refused)
{
    refuse("\x80\2\0\1\0\0\0\0", 8, IMGREL_EPROTO, "version 2");
    refuse("\x80\3\0\1\0\1\0\1", 8, IMGREL_ELIMIT, "control frame");
    refuse("\x80\3\0\3\0\0\0\4\0\0\0\1", 12, IMGREL_EPROTO, "too short");
    refuse("\x80\3\0\2\0\0\0\10\0\0\0\1abcd", 16, IMGREL_EPROTO, "inflate");
}
END_TEST

/* A block that inflates to more than anyone sends. */
START_TEST(a_bomb)
{
    ir_spdy *client = make(true), *server = make(false);
    imgrel_error err = {0};
    ir_spdy_event e = {0};
    char *big = malloc(250001);
    memset(big, 'a', 250000);
    big[250000] = '\0';
    const char *headers[] = {"x", big, "y", big, NULL};
    /* Ours does not write it either; the frame of a client that would is put together by hand. */
    ck_assert_uint_eq(ir_spdy_open(client, headers, false), 0);
    ck_assert_int_eq(ir_spdy_out(client)->bad, IMGREL_ENOMEM);
    static const char cut[] = "\x80\3\0\1\0\0\0\14\0\0\0\1\0\0\0\0\0\0\x78\xbb";
    ir_spdy_feed(server, cut, sizeof cut - 1);
    ck_assert_int_eq(ir_spdy_next(server, &e, &err), IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "count");
    free(big);
    ir_spdy_free(client);
    ir_spdy_free(server);
}
END_TEST

UNIT_SUITE(spdy, a_forward, written_by_go, in_pieces, control_frames, refused, a_bomb)
