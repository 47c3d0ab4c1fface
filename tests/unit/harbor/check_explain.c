/* check_explain.c - each refusal's code, cause and cure. */
#include "script.h"

typedef struct refusal {
    int status;
    const char *headers, *body;
    int code;
    const char *reason, *message, *cure;
} refusal;

#define ERROR(code, message) "{\"errors\":[{\"code\":\"" code "\",\"message\":\"" message "\"}]}\n"

static const refusal refusals[] = {
    {400, JSON_TYPE, ERROR("BAD_REQUEST", "bad request permission: repository:nuke"), IMGREL_EINVAL,
     "BAD_REQUEST", "repository:nuke", "/permissions"},
    {400, "Content-Type: text/plain\r\n", "400 Bad Request", IMGREL_EINVAL, "", "400 Bad Request",
     ""},
    {403, JSON_TYPE, "{\"code\":\"FORBIDDEN\",\"message\":\"CSRF token not found in request\"}",
     IMGREL_EDENIED, "FORBIDDEN", "cookie", "proxy"},
    {403, JSON_TYPE,
     ERROR("DENIED", "The system is in read only mode. Any modification is prohibited."),
     IMGREL_EDENIED, "DENIED", "read-only mode", "administrator"},
    {403, JSON_TYPE, ERROR("DENIED", "can not push artifact to a proxy project: cache"),
     IMGREL_EDENIED, "DENIED", "proxy cache", "another project"},
    {403, JSON_TYPE, ERROR("DENIED", "editing of legacy robot is not allowed"), IMGREL_EDENIED,
     "DENIED", "first kind", "delete it"},
    {409, JSON_TYPE, ERROR("CONFLICT", "a previous scan process is Pending"), IMGREL_ECONFLICT,
     "CONFLICT", "runs already", "--wait"},
    {401, JSON_TYPE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ERROR("UNAUTHORIZED", ""),
     IMGREL_EAUTH, "UNAUTHORIZED", "is refused", "clock"},
    {401, JSON_TYPE, ERROR("UNAUTHORIZED", ""), IMGREL_EAUTH, "UNAUTHORIZED", "is refused",
     "rotated"},
    {403, JSON_TYPE, ERROR("DENIED", "permission scope is invalid."), IMGREL_EDENIED, "DENIED",
     "scope is invalid", "robot"},
    {403, JSON_TYPE, ERROR("FORBIDDEN", "admin"), IMGREL_EDENIED, "FORBIDDEN", "no right",
     "administrator of the project"},
    {404, JSON_TYPE, ERROR("NOT_FOUND", "path /api/v2.0/x was not found"), IMGREL_EUNSUPPORTED,
     "NOT_FOUND", "no such call", "version"},
    {404, JSON_TYPE, ERROR("NOT_FOUND", "label 9 not found"), IMGREL_ENOTFOUND, "NOT_FOUND",
     "label 9", ""},
    {405, JSON_TYPE, ERROR("METHOD_NOT_ALLOWED", "method PATCH is not allowed, but [GET] are"),
     IMGREL_EUNSUPPORTED, "METHOD_NOT_ALLOWED", "but [GET] are", "version"},
    {409, JSON_TYPE, ERROR("CONFLICT", "it exists"), IMGREL_ECONFLICT, "CONFLICT", "it exists", ""},
    {412, JSON_TYPE, ERROR("PRECONDITION", "the project contains repositories, can not be deleted"),
     IMGREL_ECONFLICT, "PRECONDITION", "repositories", "--with-repositories"},
    {412, JSON_TYPE, ERROR("VIOLATE_FOREIGN_KEY_CONSTRAINT", "x"), IMGREL_ECONFLICT,
     "VIOLATE_FOREIGN_KEY_CONSTRAINT", "index", "index first"},
    {412, JSON_TYPE, ERROR("PROJECTPOLICYVIOLATION", "x"), IMGREL_EDENIED, "PROJECTPOLICYVIOLATION",
     "policy", "scan"},
    {422, JSON_TYPE,
     ERROR("UNPROCESSABLE_ENTITY", "validation failure list:\\nname in body is required"),
     IMGREL_EINVAL, "UNPROCESSABLE_ENTITY", "(name in body is required)", ""},
    {500, NULL, NULL, IMGREL_EFAILED, "", "answer is empty", "core log"},
    {500, JSON_TYPE, ERROR("UNKNOWN", "internal server error"), IMGREL_EFAILED, "UNKNOWN",
     "tells nobody", "request id"},
    {502, "Content-Type: text/html\r\n", "<html>Bad Gateway</html>", IMGREL_EFAILED, "", "web page",
     "starting or down"},
    {404, "Content-Type: text/html\r\n", "<html>nginx</html>", IMGREL_EPROTO, "", "web page",
     "portal"},
    {200, "Content-Type: text/html\r\n", "<!DOCTYPE html><title>Sign in</title>", IMGREL_EPROTO, "",
     "web page", "login page"},
    {302, "Location: https://sso.lan/login\r\n", NULL, IMGREL_EPROTO, "", "elsewhere",
     "https://sso.lan"},
    {418, JSON_TYPE, ERROR("TEAPOT", "short and stout"), IMGREL_EPROTO, "TEAPOT", "short and stout",
     ""},
};

START_TEST(every_refusal)
{
    const refusal *r = &refusals[_i];
    act a = {"GET /api/v2.0/labels", r->status, NULL, r->body};
    char headers[256];
    script s;

    snprintf(headers, sizeof headers, "%sX-Request-Id: abc-123\r\n", r->headers ? r->headers : "");
    a.headers = headers;
    script_open(&s, "robot$ci", &a, 1); /* whose 401 is final */
    ck_assert_int_eq(
        imgrel_harbor_request(s.harbor, "GET", "/labels", NULL, NULL, NULL, NULL, &s.err), r->code);
    unit_error(&s.err, r->code, NULL);
    ck_assert_msg(strstr(s.err.message, r->message) != NULL, "%s: %s", r->message, s.err.message);
    ck_assert_msg(strstr(s.err.cure, r->cure) != NULL, "%s: %s", r->cure, s.err.cure);
    ck_assert_str_eq(s.err.reason, r->reason);
    ck_assert_str_eq(s.err.request_id, "abc-123");
    ck_assert_int_eq(s.err.http_status, r->status);
    ck_assert_ptr_nonnull(strstr(s.err.message, "127.0.0.1:"));
    ck_assert_ptr_null(strchr(s.err.message, '\n'));
    script_close(&s);
}
END_TEST

Suite *suite_explain(void);
Suite *suite_explain(void)
{
    Suite *s = suite_create("explain");
    TCase *c = tcase_create("explain");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, every_refusal, 0, (int)(sizeof refusals / sizeof *refusals));
    suite_add_tcase(s, c);
    return s;
}
