/* check_copy_tee.c - one source for several readers: each gets all of it, at its own pace. */
#include "unit.h"

#include "base/cancel.h"
#include "run/copy_tee.h"

#include <pthread.h>
#include <stdlib.h>

#define SIZE (5 * 1024 * 1024 + 17)
#define READERS 3

typedef struct source {
    size_t at, fail_at;
    int reads, ended;
} source;

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761U >> 13);
}

static int64_t give(void *user, const ir_call *call, void *buf, size_t len, imgrel_error *err)
{
    source *s = user;
    unsigned char *p = buf;
    (void)call;
    s->reads++;
    if (s->fail_at && s->at >= s->fail_at)
        return ir_fail(err, IMGREL_EDIGEST, "spoilt");
    if (len > SIZE - s->at)
        len = SIZE - s->at;
    for (size_t i = 0; i < len; i++)
        p[i] = byte_at(s->at + i);
    s->at += len;
    return (int64_t)len;
}

static void end(void *user)
{
    ((source *)user)->ended++;
}

typedef struct reader {
    ir_tee *tee;
    const ir_call *call;
    unsigned i;
    size_t step, stop_at, got;
    bool wrong;
    int64_t rc;
    imgrel_error err;
} reader;

static void *read_all(void *user)
{
    reader *r = user;
    unsigned char *buf = malloc(r->step);
    ck_assert(ir_tee_join(r->tee, r->i));
    while ((r->rc = ir_tee_read(r->tee, r->i, r->call, buf, r->step, &r->err)) > 0) {
        for (int64_t k = 0; k < r->rc; k++)
            r->wrong |= buf[k] != byte_at(r->got + (size_t)k);
        r->got += (size_t)r->rc;
        if (r->stop_at && r->got >= r->stop_at)
            break;
    }
    ir_tee_leave(r->tee, r->i);
    ir_tee_leave(r->tee, r->i);
    free(buf);
    return NULL;
}

/* Reads with that many threads; the readers say what is special about them. */
static void run(source *s, reader *r, unsigned n, const ir_call *call)
{
    imgrel_error err = {0};
    ir_tee *tee = NULL;
    pthread_t threads[READERS];
    unit_ok(ir_tee_new(READERS, give, end, s, &tee, &err), &err);
    for (unsigned i = 0; i < n; i++) {
        r[i].tee = tee;
        r[i].call = call;
        r[i].i = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, &r[i]), 0);
    }
    for (unsigned i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (unsigned i = n; i < READERS; i++)
        ir_tee_leave(tee, i);
    ck_assert_int_eq(s->ended, 1);
    ir_tee_free(tee);
}

START_TEST(each_gets_all_of_it)
{
    source s = {0};
    reader r[READERS] = {{.step = 1 << 17}, {.step = 4099}, {.step = 1 << 20}};
    const ir_call call = {0};
    run(&s, r, READERS, &call);
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(r[i].rc, 0);
        ck_assert_int_eq(r[i].got, SIZE);
        ck_assert(!r[i].wrong);
    }
    ck_assert_int_eq(s.at, SIZE); /* read once */
}
END_TEST

START_TEST(who_leaves_holds_nobody_up)
{
    source s = {0};
    reader r[READERS] = {{.step = 65536, .stop_at = 1000}, {.step = 65536}, {.step = 65536}};
    const ir_call call = {0};
    run(&s, r, READERS, &call);
    ck_assert_int_lt(r[0].got, SIZE);
    ck_assert_int_eq(r[1].got, SIZE);
    ck_assert_int_eq(r[2].got, SIZE);
}
END_TEST

START_TEST(who_never_comes_holds_nobody_up)
{
    source s = {0};
    reader r[READERS] = {{.step = 65536}, {.step = 65536}};
    const ir_call call = {0};
    run(&s, r, 2, &call);
    ck_assert_int_eq(r[0].got, SIZE);
    ck_assert_int_eq(r[1].got, SIZE);
}
END_TEST

START_TEST(a_failure_is_everybodys)
{
    source s = {.fail_at = 2 * 1024 * 1024};
    reader r[READERS] = {{.step = 65536}, {.step = 4096}, {.step = 1 << 20}};
    const ir_call call = {0};
    run(&s, r, READERS, &call);
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(r[i].rc, IMGREL_EDIGEST);
        unit_error(&r[i].err, IMGREL_EDIGEST, "spoilt");
    }
}
END_TEST

START_TEST(who_waits_can_be_cancelled)
{
    imgrel_error err = {0};
    imgrel_cancel *cancel = NULL;
    ir_tee *tee = NULL;
    source s = {0};
    char *buf = malloc(1 << 20);
    unit_ok(imgrel_cancel_new(&cancel, &err), &err);
    const ir_call call = {.cancel = cancel};
    unit_ok(ir_tee_new(2, give, end, &s, &tee, &err), &err);
    ck_assert(ir_tee_join(tee, 0) && ir_tee_join(tee, 1));
    int64_t n = 0, got = 0;
    imgrel_cancel_fire(cancel);
    /* The other one takes nothing: when the buffer is full we would wait for it. */
    while ((n = ir_tee_read(tee, 0, &call, buf, 1 << 20, &err)) > 0)
        got += n;
    ck_assert_int_eq(n, IMGREL_ECANCELED);
    ck_assert_int_eq(got, 1 << 20);
    ir_tee_leave(tee, 0);
    ck_assert_int_eq(s.ended, 0);
    ir_tee_leave(tee, 1);
    ck_assert_int_eq(s.ended, 1);
    ir_tee_free(tee);
    imgrel_cancel_free(cancel);
    free(buf);
}
END_TEST

UNIT_SUITE(copy_tee, each_gets_all_of_it, who_leaves_holds_nobody_up,
           who_never_comes_holds_nobody_up, a_failure_is_everybodys, who_waits_can_be_cancelled)
