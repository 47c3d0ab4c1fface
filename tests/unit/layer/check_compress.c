/* check_compress.c - codecs there and back, the same bytes for any number of threads, other
 * programs reading them, and input that is damaged or a bomb. */
#include "support.h"

#include "base/limits.h"
#include "base/str.h"
#include "oci/compress.h"

#include <stdlib.h>

typedef struct input {
    const char *p;
    size_t len, step;
    uint64_t repeat; /* times */
    int fail;        /* after the first piece */
} input;

static int source(void *user, ir_pack *p, imgrel_error *err)
{
    const input *in = user;
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i <= in->repeat; i++)
        for (size_t at = 0; rc == 0 && at < in->len;) {
            size_t n = in->len - at < in->step ? in->len - at : in->step;
            rc = ir_pack_write(p, in->p + at, n, err);
            at += n;
            if (rc == 0 && in->fail)
                rc = ir_fail(err, in->fail, "the source is gone");
        }
    return rc;
}

static int to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "output");
}

static int no_room(void *user, const void *p, size_t len, imgrel_error *err)
{
    (void)user;
    (void)p;
    return ir_fail(err, IMGREL_ENET, "no room for %zu bytes", len);
}

static void pack(const ir_codec *codec, const char *p, size_t len, ir_buf *out)
{
    imgrel_error err = {0};
    input in = {.p = p, .len = len, .step = 100001};
    unit_ok(ir_pack_run(&support_call, codec, source, &in, to_buf, out, &err), &err);
}

static int unpack(char format, const ir_buf *in, size_t step, ir_buf *out, imgrel_error *err)
{
    support_in from = {in->p, in->len, 0, step};
    ir_unpack *u = NULL;
    char piece[7777];
    int rc = ir_unpack_new(format, "blob", support_read, &from, &u, err);
    for (int64_t n = 1; rc == 0 && n > 0;) {
        n = ir_unpack_read(u, piece, sizeof piece, err);
        rc = n < 0 ? (int)n : 0;
        ir_buf_add(out, piece, n > 0 ? (size_t)n : 0);
    }
    ir_unpack_free(u);
    return rc;
}

/* Every codec and level that is worth a test. */
static const ir_codec codecs[] = {
    {.format = 0},
    {.format = 'g', .level = 1},
    {.format = 'g', .level = 6},
#ifdef IR_HAVE_ISAL
    {.format = 'g', .isal = true, .level = 1},
    {.format = 'g', .isal = true, .level = 2},
#endif
#ifdef IR_HAVE_ZSTD
    {.format = 'z', .level = 3},
#endif
};
#define N_CODECS (sizeof codecs / sizeof *codecs)

static void there_and_back(const ir_codec *codec, const char *p, size_t len)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) first = IR_BUF(64 * IR_MIB);
    IR_AUTO(ir_buf) back = IR_BUF(64 * IR_MIB);
    ir_codec c = *codec;
    c.threads = 1;
    pack(&c, p, len, &first);
    for (c.threads = 2; c.threads <= 4; c.threads++) {
        IR_AUTO(ir_buf) again = IR_BUF(64 * IR_MIB);
        pack(&c, p, len, &again);
        ck_assert_uint_eq(again.len, first.len);
        ck_assert(!first.len || memcmp(again.p, first.p, first.len) == 0);
    }
    unit_ok(unpack(codec->format, &first, 60001, &back, &err), &err);
    ck_assert_uint_eq(back.len, len);
    ck_assert(!len || memcmp(back.p, p, len) == 0);
}

START_TEST(codecs_are_faithful_whatever_the_threads)
{
    static const size_t sizes[] = {0, 1, 4096, 65536, 524287, 524288, 524289, 2600000, 5242880};
    support_begin();
    for (size_t k = 0; k < 5; k++) {
        char *p = support_bytes("trzcm"[k], 5242880);
        for (size_t s = k == 4 ? 0 : 7; s < sizeof sizes / sizeof *sizes; s++)
            there_and_back(&codecs[_i], p, sizes[s]);
        free(p);
    }
    support_end();
}
END_TEST

START_TEST(other_programs_read_it)
{
    static const char *const gzip[] = {"gzip", "-dc", NULL};
    static const char *const python[] = {
        "python3", "-c",
        "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))",
        NULL};
    static const char *const zstd[] = {"zstd", "-dc", NULL};
    char *p = support_bytes('m', 3000000);
    support_begin();
    for (size_t i = 1; i < N_CODECS; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *const *argv = codecs[i].format == 'z' ? zstd : k ? python : gzip;
            IR_AUTO(ir_buf) packed = IR_BUF(64 * IR_MIB);
            IR_AUTO(ir_buf) out = IR_BUF(64 * IR_MIB);
            pack(&codecs[i], p, 3000000, &packed);
            if (!support_run(argv, packed.p, packed.len, &out))
                continue; /* zstd's program need not be there */
            ck_assert_uint_eq(out.len, 3000000);
            ck_assert(memcmp(out.p, p, out.len) == 0);
        }
    support_end();
    free(p);
}
END_TEST

START_TEST(what_does_not_compress_is_stored)
{
    support_begin();
    for (size_t i = 1; i < N_CODECS; i++) {
        IR_AUTO(ir_buf) random = IR_BUF(64 * IR_MIB);
        IR_AUTO(ir_buf) counting = IR_BUF(64 * IR_MIB);
        char *p = support_bytes('r', IR_MIB), *q = support_bytes('c', IR_MIB);
        pack(&codecs[i], p, IR_MIB, &random);
        pack(&codecs[i], q, IR_MIB, &counting);
        ck_assert_uint_lt(random.len, IR_MIB + 256);
        ck_assert_uint_lt(counting.len, IR_MIB / 20); /* evenly spread, and yet it repeats */
        free(p);
        free(q);
    }
    support_end();
}
END_TEST

START_TEST(failures_and_cancel_end_it)
{
    imgrel_error err = {0};
    char *p = support_bytes('t', 9000000);
    const ir_codec codec = {.format = 'g', .level = 1, .threads = 2};
    input in = {.p = p, .len = 9000000, .step = 65536, .repeat = 1000000};
    IR_AUTO(ir_buf) out = IR_BUF(IR_GIB);
    support_begin();
    int rc = ir_pack_run(&support_call, &codec, source, &in, no_room, NULL, &err);
    ck_assert_int_eq(rc, IMGREL_ENET);
    unit_error(&err, IMGREL_ENET, "no room");
    err = (imgrel_error){0};
    in.fail = IMGREL_EIO;
    rc = ir_pack_run(&support_call, &codec, source, &in, to_buf, &out, &err);
    ck_assert_int_eq(rc, IMGREL_EIO);
    unit_error(&err, IMGREL_EIO, "source is gone");
    err = (imgrel_error){0};
    in.fail = 0;
    ir_call call = support_call;
    call.deadline_ms = ir_now_ms() + 200;
    rc = ir_pack_run(&call, &codec, source, &in, to_buf, &out, &err);
    ck_assert_int_eq(rc, IMGREL_ETIMEOUT);
    free(p);
    support_end();
}
END_TEST

START_TEST(configuration_chooses)
{
    imgrel_error err = {0};
    ir_conf conf = {0};
    char isal[] = "isal", zlib[] = "zlib";
    ir_codec c;
    unit_ok(ir_codec_choose(&conf, 'g', &c, &err), &err);
    ck_assert_int_eq(c.level, 1);
    conf.compression_codec = zlib;
    conf.compression_level = 6;
    unit_ok(ir_codec_choose(&conf, 'g', &c, &err), &err);
    ck_assert(!c.isal && c.level == 6);
    conf.compression_codec = isal;
    ck_assert_int_lt(ir_codec_choose(&conf, 'g', &c, &err), 0);
    ck_assert(strstr(err.message, "ISA-L"));
    err = (imgrel_error){0};
    conf.compression_level = 12;
    ck_assert_int_eq(ir_codec_choose(&conf, 'g', &c, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "1 to 9");
}
END_TEST

static void expect_unpack(const void *p, size_t len, int code, const char *word)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) in = IR_BUF(64 * IR_MIB);
    IR_AUTO(ir_buf) out = IR_BUF(64 * IR_MIB);
    ir_buf_add(&in, p, len);
    for (size_t step = 1; step <= 100000; step *= 10) {
        err = (imgrel_error){0};
        ir_buf_clear(&out);
        ck_assert_int_eq(unpack('g', &in, step, &out, &err), code);
        if (code)
            unit_error(&err, code, word);
    }
}

START_TEST(damaged_input_is_refused)
{
    const ir_codec codec = {.format = 'g', .level = 1};
    IR_AUTO(ir_buf) b = IR_BUF(IR_MIB);
    support_begin();
    pack(&codec, "hello hello hello", 17, &b);
    size_t one = b.len;
    pack(&codec, "again", 5, &b); /* a second member */
    expect_unpack(b.p, b.len, 0, NULL);
    expect_unpack(b.p, one - 1, IMGREL_EPROTO, "cut off");
    expect_unpack(b.p, one + 5, IMGREL_EPROTO, "cut off");
    expect_unpack("", 0, IMGREL_EPROTO, "cut off");
    expect_unpack("not gzip at all", 15, IMGREL_EPROTO, "damaged");
    ir_buf_truncate(&b, one);
    ir_buf_add(&b, "\0\0\0\0", 4);
    expect_unpack(b.p, b.len, 0, NULL); /* tar's padding */
    ir_buf_adds(&b, "x");
    expect_unpack(b.p, b.len, IMGREL_EPROTO, "garbage");
    ir_buf_truncate(&b, one);
    b.p[one - 6] ^= 1; /* the checksum */
    expect_unpack(b.p, b.len, IMGREL_EPROTO, "damaged");
    support_end();
}
END_TEST

#ifdef IR_HAVE_ZSTD
START_TEST(zstd_is_read_in_any_pieces)
{
    imgrel_error err = {0};
    const ir_codec codec = {.format = 'z', .level = 3};
    IR_AUTO(ir_buf) b = IR_BUF(IR_MIB * 8);
    char *p = support_bytes('z', 5000000);
    support_begin();
    pack(&codec, p, 5000000, &b);
    for (size_t step = 1; step <= 100000; step *= 10) {
        IR_AUTO(ir_buf) out = IR_BUF(IR_MIB * 8);
        unit_ok(unpack('a', &b, step, &out, &err), &err);
        ck_assert_uint_eq(out.len, 5000000);
    }
    IR_AUTO(ir_buf) out = IR_BUF(IR_MIB * 8);
    ir_buf_truncate(&b, b.len - 1);
    ck_assert_int_eq(unpack('z', &b, 100, &out, &err), IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "cut off");
    free(p);
    support_end();
}
END_TEST
#endif

/* 600 MiB of zeros, in well under a MiB. */
START_TEST(bombs_are_stopped)
{
    imgrel_error err = {0};
    char *p = support_bytes('z', IR_MIB);
    support_begin();
    for (size_t i = 1; i < N_CODECS; i++) {
        IR_AUTO(ir_buf) bomb = IR_BUF(64 * IR_MIB);
        input in = {.p = p, .len = IR_MIB, .step = IR_MIB, .repeat = 599};
        err = (imgrel_error){0};
        unit_ok(ir_pack_run(&support_call, &codecs[i], source, &in, to_buf, &bomb, &err), &err);
        support_in from = {bomb.p, bomb.len, 0, 4096};
        ir_unpack *u = NULL;
        char *piece = malloc(IR_MIB);
        int64_t n = 1, total = 0;
        unit_ok(ir_unpack_new('a', "bomb", support_read, &from, &u, &err), &err);
        while ((n = ir_unpack_read(u, piece, IR_MIB, &err)) > 0)
            total += n;
        ck_assert_int_eq(n, IMGREL_ELIMIT);
        unit_error(&err, IMGREL_ELIMIT, "bomb: grows more than");
        ck_assert_int_lt(total, (int64_t)(300 * IR_MIB));
        ir_unpack_free(u);
        free(piece);
    }
    free(p);
    support_end();
}
END_TEST

Suite *suite_compress(void);
Suite *suite_compress(void)
{
    Suite *s = suite_create("compress");
    TCase *c = tcase_create("compress");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, codecs_are_faithful_whatever_the_threads, 0, N_CODECS);
    tcase_add_test(c, other_programs_read_it);
    tcase_add_test(c, what_does_not_compress_is_stored);
    tcase_add_test(c, failures_and_cancel_end_it);
    tcase_add_test(c, configuration_chooses);
    tcase_add_test(c, damaged_input_is_refused);
#ifdef IR_HAVE_ZSTD
    tcase_add_test(c, zstd_is_read_in_any_pieces);
#endif
    tcase_add_test(c, bombs_are_stopped);
    suite_add_tcase(s, c);
    return s;
}
