/* check_log.c - records are JSON and hold no secrets. */
#include "base/log.h"
#include "unit.h"

static char fields[2048], message[512];
static int count;

static void keep(void *user, const imgrel_log_record *r)
{
    ck_assert_ptr_eq(user, &count);
    ck_assert_uint_eq(r->size, sizeof *r);
    snprintf(fields, sizeof fields, "%s", r->fields);
    snprintf(message, sizeof message, "%s", r->message);
    count++;
}

START_TEST(record)
{
    ir_log log = {keep, &count, IMGREL_LOG_INFO};
    ir_log_say(&log, IMGREL_LOG_INFO, "http", "GET http://u:p@h/", "url", "http://h/x?a=1", "n",
               "a\"\\\n\xff\xc3\xa4", "Authorization", "Basic abc", "push_password", "p", "none",
               NULL, NULL);
    ck_assert_int_eq(count, 1);
    ck_assert_str_eq(message, "GET http://***@h/");
    ck_assert_str_eq(fields, "{\"url\":\"http://h/x?a=***\",\"n\":\"a\\\"\\\\\\u000a?\xc3\xa4\","
                             "\"Authorization\":\"***\",\"push_password\":\"***\",\"none\":\"\"}");
    ir_log_say(&log, IMGREL_LOG_INFO, "http", "\x1b[2J\nx", "a", "\x7f\xc2\x9bm", NULL);
    ck_assert_str_eq(message, " [2J x");
    ck_assert_str_eq(fields, "{\"a\":\"\\u007f\\u009bm\"}");
    ir_log_say(&log, IMGREL_LOG_INFO, "http", "x", NULL);
    ck_assert_str_eq(fields, "{}");
    count--;
    ir_log_say(&log, IMGREL_LOG_DEBUG, "http", "x", NULL);
    ck_assert_int_eq(count, 2);
    ir_log_say(NULL, IMGREL_LOG_ERROR, "http", "x", NULL);
    ir_log_say(&(ir_log){0}, IMGREL_LOG_ERROR, "http", "x", NULL);
}
END_TEST

START_TEST(redact)
{
    static const char *const t[][2] = {
        {"plain text", "plain text"},
        {"https://h/p", "https://h/p"},
        {"see https://u:p@h:1/p?tok=x&y#f now", "see https://***@h:1/p?tok=***&y#f now"},
        {"a http://x@y b http://z?q=1&r=2", "a http://***@y b http://z?q=***&r=***"},
        {"http://h/repo@sha256:ab", "http://h/repo@sha256:ab"},
        {"http://a@b@h/", "http://***@h/"},
        {"\"http://u@h\" x", "\"http://***@h\" x"},
    };
    char out[200];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_redact(t[i][0], out, sizeof out);
        ck_assert_str_eq(out, t[i][1]);
    }
    ir_redact("http://user:pass@host", out, 8);
    ck_assert_str_eq(out, "http://");
    ir_redact("x", out, 0);
}
END_TEST

UNIT_SUITE(log, record, redact)
