/* check_rawjson.c - recorded progress of BuildKit, whole and a byte at a time, and what no builder
 * would print. */
#include "build/rawjson.h"
#include "support.h"

#include <imgrel/client.h>

typedef struct heard {
    ir_buf text;
    size_t logs, bytes, steps;
    int stop_at; /* a code after so many events */
} heard;

static int hear(void *user, const ir_build_event *e, imgrel_error *err)
{
    heard *h = user;
    if (h->stop_at && !--h->stop_at)
        return ir_fail(err, IMGREL_ECANCELED, "stop");
    h->logs += e->kind == IMGREL_EVENT_LOG;
    h->bytes += e->kind == IMGREL_EVENT_BYTES;
    h->steps += e->kind == IMGREL_EVENT_STEP;
    if (e->kind != IMGREL_EVENT_BYTES)
        ir_buf_addf(&h->text, "%s: %s\n", e->what, e->detail);
    return 0;
}

static void feed(ir_rawjson *r, heard *h, const char *text, size_t len, size_t step)
{
    imgrel_error err = {0};
    *h = (heard){.text = IR_BUF(1 << 20)};
    ir_rawjson_init(r, hear, h);
    for (size_t i = 0; i < len; i += step)
        unit_ok(ir_rawjson_feed(r, text + i, len - i < step ? len - i : step, &err), &err);
    unit_ok(ir_rawjson_end(r, &err), &err);
}

static bool said(const heard *h, const char *line)
{
    return strstr(ir_buf_str(&h->text), line) != NULL;
}

START_TEST(recorded_good)
{
    for (size_t step = 1; step < 100000; step *= 40) {
        char *text = test_read(RECORDED, "progress-ok.jsonl");
        ir_rawjson r;
        heard h;
        feed(&r, &h, text, strlen(text), step);
        ck_assert(said(&h, "[internal] load build definition from Dockerfile: began\n"));
        ck_assert(said(&h, "[internal] load build definition from Dockerfile: done\n"));
        ck_assert_uint_gt(r.n_done, 2);
        ck_assert_uint_gt(h.bytes, 0);
        ck_assert_str_eq(r.error, "");
        ck_assert_str_eq(r.failed, "");
        ir_rawjson_free(&r);
        ir_buf_free(&h.text);
        free(text);
    }
}
END_TEST

START_TEST(recorded_failure)
{
    char *text = test_read(RECORDED, "progress-error.jsonl");
    ir_rawjson r;
    heard h;
    feed(&r, &h, text, strlen(text), 100000);
    ck_assert_str_eq(r.error, "failed to solve: process \"/bin/sh -c exit 7\" did not complete "
                              "successfully: exit code: 7");
    ck_assert_str_eq(r.failed, "[2/2] RUN exit 7");
    ck_assert(said(&h, "[2/2] RUN exit 7: began\n[2/2] RUN exit 7: failed\n"));
    ck_assert(said(&h, "builder: Dockerfile.run:2\n")); /* its excerpt of the source */
    ir_rawjson_free(&r);
    ir_buf_free(&h.text);
    free(text);
}
END_TEST

START_TEST(recorded_logs)
{
    char *text = test_read(RECORDED, "progress-logs.jsonl");
    ir_rawjson r;
    heard h;
    feed(&r, &h, text, strlen(text), 7);
    ck_assert(said(&h, ": hello\n"));
    ck_assert(said(&h, ": err\n"));
    ck_assert_uint_eq(ir_json_len(r.warnings), 2);
    ck_assert(ir_starts(ir_json_text(ir_json_at(r.warnings, 0)), "MaintainerDeprecated"));
    ir_rawjson_free(&r);
    ir_buf_free(&h.text);
    free(text);
}
END_TEST

#define V "\"vertex\":\"sha256:a\""
START_TEST(lines_of_a_log)
{
    /* "one\ntw" "o\r\n\x1b[1mbar 1\rbar 2" and the end of the step */
    static const char text[] =
        "{\"vertexes\":[{\"digest\":\"sha256:a\",\"name\":\"RUN\\nx\",\"started\":\"t\"}]}\n"
        "{\"logs\":[{" V ",\"data\":\"b25lCnR3\"}]}\n"
        "{\"logs\":[{" V ",\"data\":\"bw0KYmFyIDENYmFyIDI=\"}]}\n"
        "{\"logs\":[{" V ",\"data\":\"no base64!\"}]}\n"
        "{\"vertexes\":[{\"digest\":\"sha256:a\",\"completed\":\"t\",\"cached\":true}]}\n"
        "{\"vertexes\":[{\"digest\":\"sha256:a\",\"started\":\"t\",\"completed\":\"t\"}]}\n"
        "ERROR: last word";
    ir_rawjson r;
    heard h;
    feed(&r, &h, text, sizeof text - 1, 3);
    ck_assert_str_eq(ir_buf_str(&h.text), "RUN x: began\nRUN x: one\nRUN x: two\nRUN x: bar 2\n"
                                          "RUN x: cached\n");
    ck_assert_str_eq(r.error, "last word");
    ck_assert_uint_eq(r.n_cached, 1);
    ir_rawjson_free(&r);
    ir_buf_free(&h.text);
}
END_TEST

START_TEST(hostile)
{
    static const char *const lines[] = {"{\"vertexes\":7}\n",
                                        "{\"vertexes\":[7,null,{}]}\n",
                                        "{\"logs\":[{\"data\":\"eA==\"}]}\n",
                                        "{\"statuses\":[{\"id\":\"x\",\"current\":-1}]}\n",
                                        "{\"warnings\":[{\"short\":\"//8=\"}]}\n",
                                        "{broken\n",
                                        "[]\n",
                                        "\n",
                                        "{\"vertexes\":[{\"digest\":\"d\",\"error\":\"e\"}]}\n"};
    ir_rawjson r;
    heard h = {.text = IR_BUF(1 << 20)};
    imgrel_error err = {0};
    ir_rawjson_init(&r, hear, &h);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        unit_ok(ir_rawjson_feed(&r, lines[i], strlen(lines[i]), &err), &err);
    for (int i = 0; i < 6000; i++) { /* more steps than are told apart */
        char line[100];
        int n =
            snprintf(line, sizeof line, "{\"vertexes\":[{\"digest\":\"%d\",\"name\":\"n\"}]}\n", i);
        unit_ok(ir_rawjson_feed(&r, line, (size_t)n, &err), &err);
    }
    ck_assert_uint_eq(r.n_steps, IR_STEPS_MAX);
    static char big[1 << 20];
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 10; i++) /* a line without an end is not kept */
        unit_ok(ir_rawjson_feed(&r, big, sizeof big, &err), &err);
    ck_assert_uint_le(r.line.cap, 17u << 20);
    unit_ok(ir_rawjson_feed(&r, "\nerror: seen\n", 13, &err), &err);
    ck_assert_str_eq(r.error, "seen");
    h.stop_at = 1;
    ck_assert_int_eq(ir_rawjson_feed(&r, "plain\n", 6, &err), IMGREL_ECANCELED);
    ir_rawjson_free(&r);
    ir_buf_free(&h.text);
}
END_TEST

UNIT_SUITE(rawjson, recorded_good, recorded_failure, recorded_logs, lines_of_a_log, hostile)
