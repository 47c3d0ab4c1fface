/* check_client.c - a client's life: opts by size, a session at the first call, forks. */
#include "unit.h"

#include "api/client.h"

#include <sys/wait.h>
#include <unistd.h>

static imgrel_client *client(void)
{
    imgrel_client *c = NULL;
    imgrel_error err = { 0 };
    unit_ok(imgrel_client_new(&c, &err), &err);
    return c;
}

START_TEST(opts_by_size)
{
    struct { imgrel_opts o; uint64_t newer; } big = { .o = { .size = sizeof big, .jobs = 5 } };
    imgrel_opts zero = { .jobs = 5 }, small = { .size = sizeof(size_t) + sizeof(void *) };
    imgrel_opts flags = { IMGREL_OPTS, .flags = 0x80 }, late = { IMGREL_OPTS, .timeout_ms = -1 };
    imgrel_client *c = client();
    imgrel_error err = { 0 };
    ir_call call;

    ck_assert_int_eq(ir_api_call(c, &zero, &call, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "IMGREL_OPTS");
    small.jobs = 7; /* past its size: not read */
    unit_ok(ir_api_call(c, &small, &call, &err), &err);
    ck_assert_uint_eq(call.jobs, 8);
    unit_ok(ir_api_call(c, &big.o, &call, &err), &err);
    ck_assert_uint_eq(call.jobs, 5);
    big.newer = 1;
    ck_assert_int_eq(ir_api_call(c, &big.o, &call, NULL), IMGREL_EUNSUPPORTED);
    ck_assert_int_eq(ir_api_call(c, &flags, &call, NULL), IMGREL_EUNSUPPORTED);
    ck_assert_int_eq(ir_api_call(c, &late, &call, NULL), IMGREL_EINVAL);
    unit_ok(ir_api_call(c, NULL, &call, &err), &err);
    ck_assert_int_eq(call.deadline_ms, 0);
    imgrel_client_free(c);
}
END_TEST

START_TEST(no_change_after_the_first_call)
{
    imgrel_client *c = client();
    imgrel_error err = { 0 };
    ir_call call;
    unit_ok(imgrel_client_set(c, "jobs", "2", &err), &err);
    unit_ok(ir_api_call(c, NULL, &call, &err), &err);
    ck_assert_int_eq(imgrel_client_set(c, "jobs", "3", &err), IMGREL_ESTATE);
    ck_assert_str_eq(imgrel_client_get(c, "jobs"), "2");
    imgrel_client_free(c);
}
END_TEST

START_TEST(a_fired_token_ends_the_call)
{
    imgrel_client *c = client();
    imgrel_error err = { 0 };
    imgrel_opts o = { IMGREL_OPTS };
    ir_call call;
    unit_ok(imgrel_cancel_new(&o.cancel, &err), &err);
    unit_ok(ir_api_call(c, &o, &call, &err), &err);
    imgrel_cancel_fire(o.cancel);
    ck_assert_int_eq(ir_api_call(c, &o, &call, &err), IMGREL_ECANCELED);
    imgrel_client_free(c);
    imgrel_cancel_free(o.cancel);
}
END_TEST

START_TEST(a_child_is_told)
{
    imgrel_client *c = client();
    ir_call call;
    int status = 0;
    ck_assert_int_eq(ir_api_call(c, NULL, &call, NULL), 0);
    pid_t pid = fork();
    if (!pid) {
        int rc = ir_api_call(c, NULL, &call, NULL);
        imgrel_client_free(c);
        _exit(rc == IMGREL_EFORKED ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    imgrel_client_free(c);
}
END_TEST

START_TEST(null_is_fine)
{
    imgrel_error err = { 0 };
    imgrel_client_free(NULL);
    imgrel_iter_free(NULL);
    ck_assert_int_eq(imgrel_client_new(NULL, &err), IMGREL_EINVAL);
    err = (imgrel_error){ 0 };
    ck_assert_int_eq(imgrel_client_set(NULL, "jobs", "1", &err), IMGREL_EINVAL);
    ck_assert_ptr_null(imgrel_client_get(NULL, "jobs"));
}
END_TEST

UNIT_SUITE(client, opts_by_size, no_change_after_the_first_call, a_fired_token_ends_the_call,
           a_child_is_told, null_is_fine)
