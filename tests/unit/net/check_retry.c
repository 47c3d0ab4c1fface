/* check_retry.c - the pure decision: what is tried again, and when. */
#include "net/retry.h"
#include "unit.h"

static const ir_conf conf = {
    .retries = 3, .retry_delay_ms = 100, .retry_delay_max_ms = 1000, .retry_budget_ms = 10000};

static ir_try broken(unsigned n)
{
    return (ir_try){.n = n,
                    .transient = true,
                    .repeatable = true,
                    .wish_ms = -1,
                    .left_ms = -1,
                    .random = UINT32_MAX};
}

START_TEST(statuses)
{
    static const int again[] = {408, 429, 500, 502, 503, 504, 507, 599};
    static const int never[] = {200, 301, 400, 401, 403, 404, 409, 501, 505, 600};
    for (size_t i = 0; i < sizeof again / sizeof *again; i++)
        ck_assert_msg(ir_retry_status(again[i]), "%d", again[i]);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        ck_assert_msg(!ir_retry_status(never[i]), "%d", never[i]);
}
END_TEST

START_TEST(counts_and_kinds)
{
    ir_try t = broken(3);
    ck_assert_int_ge(ir_retry_wait(&conf, &t), 0);
    t.n = 4;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
    t = broken(1);
    t.repeatable = false;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
    t.status = 503;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
    t.status = 429; /* nothing was done */
    ck_assert_int_ge(ir_retry_wait(&conf, &t), 0);
    t = broken(1);
    t.transient = false;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
    t = broken(2);
    t.unknown_host = true;
    ck_assert_int_ge(ir_retry_wait(&conf, &t), 0);
    t.n = 3;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
}
END_TEST

/* A server that is started again has been given some time when the tries are used up. */
START_TEST(who_is_away_is_given_time)
{
    int64_t all = 0;
    for (unsigned n = 1; n <= 3; n++) {
        ir_try t = broken(n);
        t.away = true;
        t.random = 0;
        all += ir_retry_wait(&conf, &t);
        for (uint32_t r = 0; r < 1000; r++) {
            t.random = r * 2654435761u;
            ck_assert_int_ge(ir_retry_wait(&conf, &t), 50 << (n - 1));
            ck_assert_int_le(ir_retry_wait(&conf, &t), 100 << (n - 1));
        }
    }
    ck_assert_int_eq(all, 50 + 100 + 200);
}
END_TEST

START_TEST(jitter_is_full_and_bounded)
{
    int64_t most = 0, least = INT64_MAX;
    for (uint32_t r = 0; r < 5000; r++) {
        ir_try t = broken(3);
        t.random = r * 2654435761u;
        int64_t w = ir_retry_wait(&conf, &t);
        ck_assert_int_ge(w, 0);
        ck_assert_int_le(w, 400);
        most = w > most ? w : most;
        least = w < least ? w : least;
    }
    ck_assert_int_gt(most, 380);
    ck_assert_int_lt(least, 20);
    ir_conf many = conf;
    many.retries = 100;
    for (uint32_t r = 0; r < 100; r++) {
        ir_try t = broken(90);
        t.random = r * 2654435761u;
        ck_assert_int_le(ir_retry_wait(&many, &t), 1000);
    }
}
END_TEST

START_TEST(wishes)
{
    ir_try t = broken(1);
    t.status = 429;
    t.wish_ms = 5000;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), 5000);
    t.wish_ms = 0;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), 0);
    t.wish_ms = 20000; /* over the budget */
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
    t.left_ms = 30000; /* but a deadline allows it */
    ck_assert_int_eq(ir_retry_wait(&conf, &t), 20000);
    t.left_ms = 19000;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
    t = broken(2);
    t.waited_ms = 9999;
    t.random = 150;
    ck_assert_int_eq(ir_retry_wait(&conf, &t), -1);
}
END_TEST

UNIT_SUITE(retry, statuses, counts_and_kinds, who_is_away_is_given_time, jitter_is_full_and_bounded,
           wishes)
