/* check_logjoin.c - log lines over several tries: nothing lost, nothing twice, wherever the cut is.
 */
#include "support.h"

#include <stdlib.h>

#define T1 "2026-11-22T10:00:00.000000001Z "
#define T2 "2026-11-22T10:00:00.000000002Z "
#define T3 "2026-11-22T11:00:01+01:00 "
static const char whole[] = T1 "one\n" T2 "two a\n" T2 "two b\n" T2 "\n" T3 "three\n";
static const char plain[] = "one\ntwo a\ntwo b\n\nthree\n";

static int collect(void *user, const char *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "log");
}

static void feed(ir_logjoin *j, const char *text, size_t len, size_t step, ir_buf *out)
{
    imgrel_error err = {0};
    for (size_t i = 0; i < len; i += step)
        unit_ok(ir_logjoin_feed(j, text + i, len - i < step ? len - i : step, collect, out, &err),
                &err);
}

/* A try that is cut after every possible byte, then one that begins at the second it had reached.
 */
START_TEST(every_cut)
{
    for (size_t cut = 0; cut < sizeof whole; cut++)
        for (size_t step = 1; step < 40; step += 12)
            for (int times = 0; times < 2; times++) {
                ir_buf out = IR_BUF(4096);
                ir_logjoin j = {.timestamps = times};
                ir_logjoin_begin(&j);
                feed(&j, whole, cut, step, &out);
                const char *from = whole;
                if (j.last_s == 1795345201) /* sinceTime has no fraction, but three has its own */
                    from = strstr(whole, T3);
                ir_logjoin_begin(&j);
                feed(&j, from, strlen(from), step, &out);
                ck_assert_msg(!strcmp(ir_buf_str(&out), times ? whole : plain),
                              "cut at %zu, step %zu: %s", cut, step, ir_buf_str(&out));
                ir_buf_free(&out);
            }
}
END_TEST

static void say(const char *text, bool refused, const char *want)
{
    imgrel_error err = {0};
    ir_buf out = IR_BUF(4096);
    ir_logjoin j = {0};
    ir_logjoin_begin(&j);
    feed(&j, text, strlen(text), 3, &out);
    unit_ok(ir_logjoin_end(&j, collect, &out, &err), &err);
    ck_assert_int_eq(j.refused, refused);
    ck_assert_str_eq(refused ? j.said : ir_buf_str(&out), want);
    ir_buf_free(&out);
}

START_TEST(words_of_the_server)
{
    say("unable to retrieve container logs for containerd://1234", true,
        "unable to retrieve container logs for containerd://1234");
    /* A program may say the same, with a time in front. */
    say(T1 "unable to retrieve container logs for x\n", false,
        "unable to retrieve container logs for x\n");
    /* A server that ignores timestamps. */
    say("hello world\nunable to retrieve container logs for\nlast", false,
        "hello world\nunable to retrieve container logs for\nlast");
    say("word", false, "word");
    say("", false, "");
    say(T1 "no line end", false, "no line end");
}
END_TEST

START_TEST(long_lines)
{
    ir_buf out = IR_BUF(4 << 20);
    char *text = malloc(2000100);
    ir_logjoin j = {0};
    snprintf(text, 64, "%s", T1);
    memset(text + strlen(T1), 'x', 2000000);
    snprintf(text + strlen(T1) + 2000000, 8, "\n");
    ir_logjoin_begin(&j);
    feed(&j, text, 1000000, 65536, &out);
    ck_assert_uint_eq(out.len, 1000000 - strlen(T1));
    ir_logjoin_begin(&j);
    feed(&j, text, strlen(text), 65536, &out);
    ck_assert_uint_eq(out.len, 2000001);
    ck_assert(out.p[out.len - 1] == '\n' && !memchr(out.p, ' ', out.len));
    free(text);
    ir_buf_free(&out);
}
END_TEST

UNIT_SUITE(logjoin, every_cut, words_of_the_server, long_lines)
