/* check_registry_push.c - blobs to a registry: the fewest requests where all is well, and what is
 * asked and sent again where it is not. */
#include "oci/reg.h"

#include "base/cancel.h"
#include "base/str.h"

/* The source of a blob: reg_text, rewound and counted. */
typedef struct source {
    int64_t at;
    int rewinds;
    int code; /* that it fails with at its middle */
} source;

static int64_t source_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    source *s = user;
    size_t left = (size_t)(REG_SIZE - s->at);
    if (s->code && s->at > 0)
        return ir_fail(err, s->code, "the source broke");
    len = len > 500 ? 500 : len;
    len = len > left ? left : len;
    memcpy(buf, reg_text + s->at, len);
    s->at += (int64_t)len;
    return (int64_t)len;
}

static int source_rewind(void *user, imgrel_error *err)
{
    (void)err;
    source *s = user;
    s->at = 0;
    s->rewinds++;
    return 0;
}

static int push(ir_store *s, source *src, bool rewinds, const char *from, const char **ret_state)
{
    ir_desc d = reg_desc();
    const ir_body body = {.read = source_read,
                          .rewind = rewinds ? source_rewind : NULL,
                          .user = src,
                          .size = REG_SIZE};
    ir_error_clear(&reg_net.err);
    int rc = ir_store_blob_put(s, &reg_net.call, &d, &body, from, ret_state, &reg_net.err);
    ir_desc_free(&d);
    return rc;
}

#define UPLOADS reg_path("/blobs/uploads/*")

static void accept_upload(const char *location)
{
    char *headers = ir_format("Location: %s\r\n", location);
    reg_on("POST", UPLOADS, (dbl_rule){.status = 202, .headers = headers, .times = 1});
    free(headers);
}

START_TEST(two_requests_are_enough)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    const char *state = NULL;
    accept_upload("/up/1?state=x");
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    unit_ok(push(s, &src, false, NULL, &state), &reg_net.err);
    ck_assert_str_eq(state, "pushed");
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 2);
    const dbl_request *r = dbl_get(reg_double, "PUT", NULL, 0);
    ck_assert_ptr_nonnull(strstr(r->target, "/up/1?state=x&digest=sha256"));
    ck_assert_str_eq(r->body, reg_text);
    reg_header("PUT", NULL, 0, "Content-Length", "3000");
    reg_header("PUT", NULL, 0, "Content-Type", "application/octet-stream");
    const char *asked = dbl_get(reg_double, "POST", NULL, 0)->target;
    ck_assert_ptr_nonnull(strstr(asked, reg_digest));
    ck_assert_msg(strstr(asked, "from=team%2Fapp") || strstr(asked, "from=team/app"), "%s", asked);
    reg_end(s);
}
END_TEST

START_TEST(what_is_there_costs_one)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    const char *state = NULL;
    reg_on("POST", UPLOADS, (dbl_rule){.status = 201});
    unit_ok(push(s, &src, true, NULL, &state), &reg_net.err);
    ck_assert_str_eq(state, "exists");
    unit_ok(push(s, &src, true, "team/base", &state), &reg_net.err);
    ck_assert_str_eq(state, "mounted");
    ck_assert_int_eq(src.at, 0);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 2);
    ck_assert_ptr_nonnull(strstr(dbl_get(reg_double, "POST", NULL, 1)->target, "base"));
    reg_end(s);
}
END_TEST

/* Harbor refuses the POST where the login may not pull from the other repository. */
START_TEST(a_mount_that_is_refused_is_a_push)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    const char *state = NULL;
    reg_on("POST", reg_path("/blobs/uploads/?mount=%s&from=secret%%2Fbase", reg_digest),
           (dbl_rule){.status = 401, .body = "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}"});
    accept_upload("/up/1");
    reg_on("POST", UPLOADS, (dbl_rule){.status = 201});
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    unit_ok(push(s, &src, true, "secret/base", &state), &reg_net.err);
    ck_assert_str_eq(state, "pushed");
    ck_assert_uint_eq(dbl_count(reg_double, "POST", NULL), 2);
    unit_ok(push(s, &src, true, "secret/base", &state), &reg_net.err);
    ck_assert_str_eq(state, "exists");
    ck_assert_uint_eq(dbl_count(reg_double, "POST", NULL), 3); /* it is not named again */
    reg_end(s);
}
END_TEST

START_TEST(asking_begins_the_upload)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    ir_desc d = reg_desc();
    accept_upload("/up/1");
    accept_upload("/up/2");
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    reg_on("DELETE", "/up/2", (dbl_rule){.status = 204});
    ck_assert_int_eq(ir_store_blob_have(s, &reg_net.call, &d, NULL, &reg_net.err), 0);
    unit_ok(push(s, &src, true, NULL, NULL), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 2);
    /* What was begun and never sent is ended. */
    ck_assert_int_eq(ir_store_blob_have(s, &reg_net.call, &d, NULL, &reg_net.err), 0);
    unit_ok(ir_store_finish(s, &reg_net.call, &reg_net.err), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", "/up/2"), 1);
    ir_desc_free(&d);
    reg_end(s);
}
END_TEST

START_TEST(a_break_goes_on_where_the_registry_stands)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    accept_upload("/up/1");
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 503, .times = 1});
    reg_on("GET", "/up/1",
           (dbl_rule){.status = 204, .headers = "Range: 0-19\r\nLocation: /up/2\r\n"});
    reg_on("PUT", "/up/2*", (dbl_rule){.status = 201});
    unit_ok(push(s, &src, true, NULL, NULL), &reg_net.err);
    ck_assert_uint_eq(dbl_count(reg_double, NULL, NULL), 4);
    ck_assert_str_eq(dbl_get(reg_double, "PUT", "/up/2*", 0)->body, reg_text + 20);
    reg_header("PUT", "/up/2*", 0, "Content-Range", "20-2999");
    reg_header("PUT", "/up/2*", 0, "Content-Length", "2980");
    reg_end(s);
}
END_TEST

START_TEST(a_lost_upload_is_begun_again)
{
    static const dbl_rule breaks[] = {
        {.status = 500},
        {.fault = DBL_RESET, .after_read = 1000},
        {.fault = DBL_CLOSE, .after_read = 1000},
        {.status = 404, .body = "{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}"},
        {.status = 429, .headers = "Retry-After: 0\r\n"}};
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        ir_store *s = reg_begin(IR_STORE_WRITE);
        source src = {0};
        dbl_rule first = breaks[i];
        first.times = 1;
        accept_upload("/up/1");
        accept_upload("/up/2");
        reg_on("PUT", "/up/1*", first);
        reg_on("PUT", "/up/2*", (dbl_rule){.status = 201});
        unit_ok(push(s, &src, true, NULL, NULL), &reg_net.err);
        ck_assert_str_eq(dbl_get(reg_double, "PUT", "/up/2*", 0)->body, reg_text);
        reg_header("PUT", "/up/2*", 0, "Content-Range", NULL);
        ck_assert_uint_eq(dbl_count(reg_double, "GET", "/up/1"), 1);
        reg_end(s);
    }
}
END_TEST

START_TEST(what_cannot_be_repeated_is_cancelled)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    accept_upload("/up/1");
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 503});
    reg_on("DELETE", "/up/1", (dbl_rule){.status = 204});
    ck_assert_int_eq(push(s, &src, false, NULL, NULL), IMGREL_EFAILED);
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 1);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", "/up/1"), 1);
    reg_end(s);
}
END_TEST

START_TEST(a_broken_source_is_not_asked_again)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {.code = IMGREL_EDIGEST};
    accept_upload("/up/1");
    reg_on("PUT", "/up/1*", (dbl_rule){.status = 201});
    reg_on("DELETE", "/up/1", (dbl_rule){.status = 204});
    ck_assert_int_eq(push(s, &src, true, NULL, NULL), IMGREL_EDIGEST);
    unit_error(&reg_net.err, IMGREL_EDIGEST, "the source broke");
    ck_assert_int_eq(src.rewinds, 0);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", "/up/1"), 1);
    reg_end(s);
}
END_TEST

/* Once it may have been spoilt on the way. */
START_TEST(the_registrys_second_no_is_final)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    accept_upload("/up/1");
    accept_upload("/up/2");
    reg_on(
        "PUT", "/up/*",
        (dbl_rule){.status = 400,
                   .body = "{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":\"differs\"}]}"});
    ck_assert_int_eq(push(s, &src, true, NULL, NULL), IMGREL_EDIGEST);
    unit_error(&reg_net.err, IMGREL_EDIGEST, "differs");
    ck_assert_uint_eq(dbl_count(reg_double, "PUT", NULL), 2);
    reg_end(s);
}
END_TEST

static imgrel_cancel *token;

static int64_t firing_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    imgrel_cancel_fire(token);
    return source_read(user, buf, len, err);
}

START_TEST(a_cancelled_upload_is_ended)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    ir_desc d = reg_desc();
    const ir_body body = {.read = firing_read, .user = &src, .size = REG_SIZE};
    unit_ok(imgrel_cancel_new(&token, &reg_net.err), &reg_net.err);
    reg_net.call.cancel = token;
    accept_upload("/up/1");
    reg_on("PUT", "/up/1*", (dbl_rule){.fault = DBL_STALL, .before_head = true});
    reg_on("DELETE", "/up/1", (dbl_rule){.status = 204});
    ck_assert_int_eq(ir_store_blob_put(s, &reg_net.call, &d, &body, NULL, NULL, &reg_net.err),
                     IMGREL_ECANCELED);
    ck_assert_uint_eq(dbl_count(reg_double, "DELETE", "/up/1"), 1);
    ir_desc_free(&d);
    reg_end(s);
    imgrel_cancel_free(token);
}
END_TEST

/* The bytes may go to another origin, the login never. */
START_TEST(another_origin_gets_no_login)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    dbl *other = dbl_start(NULL);
    source src = {0};
    ir_login login = {"registry.test", "user", "secret"};
    char *away = ir_format("%s/up/1", dbl_url(other));
    reg_net.call.logins = &login;
    reg_net.call.n_logins = 1;
    dbl_on(reg_double, &(dbl_rule){.path = "/v2/*",
                                   .without_header = "Authorization: Basic",
                                   .status = 401,
                                   .headers = "WWW-Authenticate: Basic realm=\"x\"\r\n"});
    accept_upload(away);
    dbl_on(other, &(dbl_rule){.method = "PUT", .status = 201});
    unit_ok(push(s, &src, true, NULL, NULL), &reg_net.err);
    ck_assert(dbl_saw(reg_double, "Authorization: Basic"));
    ck_assert(!dbl_saw(other, "Authorization"));
    free(away);
    dbl_stop(other);
    reg_end(s);
}
END_TEST

START_TEST(an_upload_without_an_address_is_refused)
{
    ir_store *s = reg_begin(IR_STORE_WRITE);
    source src = {0};
    reg_on("POST", NULL, (dbl_rule){.status = 202});
    ck_assert_int_eq(push(s, &src, true, NULL, NULL), IMGREL_EPROTO);
    unit_error(&reg_net.err, IMGREL_EPROTO, "without a Location");
    reg_end(s);
}
END_TEST

UNIT_SUITE(registry_push, two_requests_are_enough, what_is_there_costs_one,
           a_mount_that_is_refused_is_a_push, asking_begins_the_upload,
           a_break_goes_on_where_the_registry_stands, a_lost_upload_is_begun_again,
           what_cannot_be_repeated_is_cancelled, a_broken_source_is_not_asked_again,
           the_registrys_second_no_is_final, a_cancelled_upload_is_ended,
           another_origin_gets_no_login, an_upload_without_an_address_is_refused)
