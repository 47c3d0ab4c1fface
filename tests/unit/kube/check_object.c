/* check_object.c - requests and what comes of them: refusals of every shape, lists over pages and
 * expiry, secrets, namespaces, pods and services as they are seen to. */
#include "support.h"
#include "api/kube.h"
#include "base/base64.h"

#include <stdlib.h>

#define NS "/api/v1/namespaces/ns/"
#define NOT_FOUND                                                                          \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"message\":\"x " \
    "\\\"y\\\" "                                                                           \
    "not found\",\"code\":404}"

/* ---- refusals -------------------------------------------------------------------------------- */

static int get(kt *k)
{
    return imgrel_kube_get(k->kube, NULL, "pod/p", NULL, kt_json(k), kt_err(k));
}

static void refuse(kt *k, int status, const char *type, const char *body, int code,
                   const char *reason, const char *word)
{
    char *header = ir_format("Content-Type: %s\r\n", type);
    dbl_on(k->server, &(dbl_rule){.times = status >= 500 ? 3 : 1, /* such a GET is tried again */
                                  .status = status,
                                  .headers = header,
                                  .body = body});
    ck_assert_int_eq(get(k), code);
    unit_error(&k->err, code, word);
    ck_assert_str_eq(k->err.reason, reason);
    ck_assert_int_eq(k->err.http_status, status);
    ck_assert_ptr_null(k->json);
    free(header);
}

#define STATUS(reason, message, more) \
    "{\"kind\":\"Status\",\"reason\":\"" reason "\",\"message\":\"" message "\"" more "}"

START_TEST(refusals)
{
    kt k;
    const char *json = "application/json";
    kt_start(&k, NULL);
    refuse(&k, 401, json, STATUS("Unauthorized", "Unauthorized", ""), IMGREL_EAUTH, "Unauthorized",
           "renew");
    refuse(&k, 403, json, STATUS("Forbidden", "exceeded quota: q, used: pods=1", ""),
           IMGREL_EDENIED, "Forbidden", "quota is used up");
    refuse(&k, 403, json, STATUS("Forbidden", "violates PodSecurity \\\"restricted\\\"", ""),
           IMGREL_EDENIED, "Forbidden", "Pod Security");
    refuse(&k, 403, json,
           STATUS("Forbidden", "unable to create",
                  ",\"details\":{\"causes\":[{\"reason\":\"NamespaceTerminating\"}]}"),
           IMGREL_EDENIED, "Forbidden", "being deleted");
    refuse(&k, 403, json, STATUS("Forbidden", "User \\\"system:anonymous\\\" cannot", ""),
           IMGREL_EDENIED, "Forbidden", "no login was sent");
    refuse(&k, 404, json, NOT_FOUND, IMGREL_ENOTFOUND, "NotFound", "not found");
    refuse(&k, 404, "text/plain; charset=utf-8", "404 page not found\n", IMGREL_ENOTFOUND, "",
           "does not have this API");
    refuse(&k, 409, json,
           STATUS("Conflict", "Apply failed with 1 conflict: conflict with \\\"x\\\": .data.k",
                  ",\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\"}]}"),
           IMGREL_ECONFLICT, "Conflict", "by force");
    refuse(&k, 422, json, STATUS("Invalid", "Pod \\\"p\\\" is invalid: spec", ""), IMGREL_EINVAL,
           "Invalid", "correct the fields");
    refuse(&k, 500, json, STATUS("", "boom", ",\"details\":{}"), IMGREL_EFAILED, "", "boom");
    ck_assert(dbl_saw(k.server, "Authorization: Bearer t0ken"));
    kt_stop(&k);
}
END_TEST

START_TEST(busy_then_not)
{
    kt k;
    kt_start(&k, NULL);
    for (int i = 0; i < 2; i++)
        dbl_on(k.server, &(dbl_rule){.times = 1,
                                     .status = 429,
                                     .headers = "Content-Type: text/plain\r\nRetry-After: 0\r\n",
                                     .body = "Too many requests, please try again later."});
    dbl_on(k.server, &(dbl_rule){.headers = "Content-Type: application/json\r\n"
                                            "Warning: 299 - \"v1 Endpoints is deprecated\"\r\n",
                                 .body = "{\"kind\":\"Pod\"}"});
    unit_ok(get(&k), &k.err);
    ck_assert_uint_eq(dbl_count(k.server, "GET", NS "pods/p"), 3);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&k.log), "v1 Endpoints is deprecated"));
    kt_stop(&k);
}
END_TEST

START_TEST(names_are_checked)
{
    static const char *const bad[] = {"pod",    "pod/",    "/x",      "pod/a/b",
                                      "pod/..", "pod/a b", "pod/a?x", "wagon/x"};
    kt k;
    kt_start(&k, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(imgrel_kube_get(k.kube, NULL, bad[i], NULL, NULL, kt_err(&k)),
                         IMGREL_EINVAL);
        ck_assert_int_eq(k.err.code, IMGREL_EINVAL);
    }
    ck_assert_int_eq(imgrel_kube_get(k.kube, "../x", "pod/p", NULL, NULL, kt_err(&k)),
                     IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "../x");
    ck_assert_uint_eq(dbl_count(k.server, NULL, NULL), 2); /* /api and /apis: what is a wagon? */
    kt_stop(&k);
}
END_TEST

/* ---- lists ----------------------------------------------------------------------------------- */

static int list(kt *k, char names[128])
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int rc = imgrel_kube_list(k->kube, NULL, "pods", "a=b", NULL, &it, kt_err(k));
    names[0] = '\0';
    while (!rc && (rc = imgrel_iter_next(it, &item, &k->err)) == 1) {
        const char *name = strstr(item, "\"name\":\"");
        ck_assert_ptr_nonnull(strstr(item, "\"kind\":\"Pod\""));
        ck_assert_ptr_nonnull(strstr(item, "\"apiVersion\":\"v1\""));
        strncat(names, name + 8, 1);
        rc = 0;
    }
    imgrel_iter_free(it);
    return rc;
}

#define FIRST NS "pods?limit=500&labelSelector=a%3Db"
#define ITEM(n) "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"" n "\"}}"
#define PAGE(more, items) \
    "{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"" more "\"},\"items\":[" items "]}"
#define EXPIRED(more)                                                                             \
    "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410,\"metadata\":{\"continue\":\"" more \
    "\"}}"

START_TEST(pages_and_expiry)
{
    kt k;
    char names[128];
    kt_start(&k, NULL);
    kt_on(&k, "GET", FIRST, 200, PAGE("t/1", ITEM("a") "," ITEM("b")));
    kt_on(&k, "GET", FIRST "&continue=t%2F1", 410, EXPIRED("t2"));
    kt_on(&k, "GET", FIRST "&continue=t2", 200, PAGE("t3", ITEM("c")));
    kt_on(&k, "GET", FIRST "&continue=t3", 410, EXPIRED(""));
    kt_on(&k, "GET", FIRST, 200, PAGE("", ITEM("a") "," ITEM("c") "," ITEM("d")));
    ck_assert_int_eq(list(&k, names), 0);
    ck_assert_str_eq(names, "abcd");
    kt_on(&k, "GET", FIRST, 200, "{\"items\":5}");
    ck_assert_int_eq(list(&k, names), IMGREL_EPROTO);
    unit_error(&k.err, IMGREL_EPROTO, "without items");
    kt_stop(&k);
}
END_TEST

/* ---- secrets --------------------------------------------------------------------------------- */

static char *secret(const char *type, const char *doc)
{
    ir_buf data = IR_BUF(4096);
    ir_base64_add(&data, doc, strlen(doc));
    char *text = ir_format("{\"metadata\":{\"name\":\"s\",\"resourceVersion\":\"7\"},\"type\":"
                           "\"kubernetes.io/%s\",\"data\":{\".dockerconfigjson\":\"%s\"}}",
                           type, ir_buf_str(&data));
    ir_buf_free(&data);
    return text;
}

static int ensure_secret(kt *k)
{
    return imgrel_kube_secret_ensure(k->kube, NULL, "s", "h:5000", "u", "p:w", NULL, kt_json(k),
                                     kt_err(k));
}

/* The document that a request put into the secret. */
static ir_json *sent_doc(kt *k, const char *method, const char *path, size_t i)
{
    imgrel_error err = {0};
    ir_json *body = NULL, *doc = NULL;
    ir_buf text = IR_BUF(4096);
    const char *sent = kt_body(k, method, path, i);
    unit_ok(ir_json_parse(sent, strlen(sent), "sent", &body, &err), &err);
    const char *data = ir_json_str(ir_json_get(body, "data"), ".dockerconfigjson");
    ck_assert(ir_base64_decode(data, strlen(data), &text));
    unit_ok(ir_json_parse(text.p, text.len, "doc", &doc, &err), &err);
    ir_json_free(body);
    ir_buf_free(&text);
    return doc;
}

static bool has_login(const ir_json *doc, const char *host, const char *user, const char *auth)
{
    const ir_json *e = ir_json_get(ir_json_get(doc, "auths"), host);
    return ir_streq(ir_json_str(e, "username"), user) && ir_streq(ir_json_str(e, "auth"), auth);
}

START_TEST(secret_created)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "secrets/s", 404, NOT_FOUND);
    kt_on(&k, "POST", NS "secrets?fieldManager=imgrel", 201, "{}");
    unit_ok(ensure_secret(&k), &k.err);
    ck_assert_str_eq(k.json, "{\"imgrel\":\"created\"}");
    ir_json *doc = sent_doc(&k, "POST", NULL, 0);
    ck_assert(has_login(doc, "h:5000", "u", "dTpwOnc="));
    ck_assert_ptr_nonnull(
        strstr(kt_body(&k, "POST", NULL, 0), "\"type\":\"kubernetes.io/dockerconfigjson\""));
    ir_json_free(doc);
    kt_stop(&k);
}
END_TEST

START_TEST(secret_changed_keeps_others)
{
    kt k;
    char *old = secret("dockerconfigjson",
                       "{\"auths\":{\"https://h:5000/v2/\":{\"auth\":\"b2xkOm9sZA==\"},"
                       "\"h:5000/team\":{\"auth\":\"dDp0\"},\"other\":{\"auth\":\"bzpv\"}},"
                       "\"x\":1}");
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "secrets/s", 200, old);
    kt_on(&k, "PATCH", NS "secrets/s?fieldManager=imgrel", 409, STATUS("Conflict", "modified", ""));
    kt_on(&k, "GET", NS "secrets/s", 200, old);
    kt_on(&k, "PATCH", NS "secrets/s?fieldManager=imgrel", 200, "{}");
    unit_ok(ensure_secret(&k), &k.err);
    ck_assert_str_eq(k.json, "{\"imgrel\":\"changed\"}");
    ir_json *doc = sent_doc(&k, "PATCH", NULL, 1);
    const ir_json *auths = ir_json_get(doc, "auths");
    ck_assert(has_login(doc, "h:5000", "u", "dTpwOnc="));
    ck_assert_ptr_null(
        ir_json_get(auths, "https://h:5000/v2/")); /* the same host, spelt otherwise */
    ck_assert_ptr_nonnull(ir_json_get(auths, "h:5000/team"));
    ck_assert_ptr_nonnull(ir_json_get(auths, "other"));
    ck_assert_int_eq(ir_json_int(doc, "x", 0), 1);
    ck_assert_ptr_nonnull(strstr(kt_body(&k, "PATCH", NULL, 1), "\"resourceVersion\":\"7\""));
    ir_json_free(doc);
    free(old);
    kt_stop(&k);
}
END_TEST

START_TEST(secret_same_or_foreign)
{
    kt k;
    char *same = secret("dockerconfigjson",
                        "{\"auths\":{\"bad\":{\"auth\":\"!!\"},\"h:5000\":{\"username\":\"u\","
                        "\"password\":\"p:w\",\"auth\":\"dTpwOnc=\"}}}");
    char *foreign = secret("tls", "{}");
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "secrets/s", 200, same);
    unit_ok(ensure_secret(&k), &k.err);
    ck_assert_str_eq(k.json, "{\"imgrel\":\"unchanged\"}");
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&k.log), "cannot be decoded"));
    kt_on(&k, "GET", NS "secrets/s", 200, foreign);
    ck_assert_int_eq(ensure_secret(&k), IMGREL_ECONFLICT);
    unit_error(&k.err, IMGREL_ECONFLICT, "kubernetes.io/tls");
    ck_assert_uint_eq(dbl_count(k.server, "PATCH", NULL), 0);
    free(same);
    free(foreign);
    kt_stop(&k);
}
END_TEST

static void login_for(kt *k, const char *image, const char *auths, const char *user,
                      const char *password)
{
    ir_call call;
    char *got_user = NULL, *got_secret = NULL;
    char *doc = ir_format("{\"auths\":{%s}}", auths);
    char *text = secret("dockerconfigjson", doc);
    kt_on(k, "GET", NS "secrets/s", 200, text);
    unit_ok(ir_api_kube_call(k->kube, NULL, &call, kt_err(k)), &k->err);
    int rc = ir_kube_secret_login(&call, k->kube->kube, NULL, "s", image, &got_user, &got_secret,
                                  &k->err);
    if (user) {
        unit_ok(rc, &k->err);
        ck_assert_str_eq(got_user, user);
        ck_assert_str_eq(got_secret, password);
    } else {
        ck_assert_int_ne(rc, 0);
        ck_assert(!got_user && !got_secret);
    }
    free(got_user);
    ir_free_secret(got_secret);
    free(doc);
    free(text);
}

static void login_is(kt *k, const char *key, const char *value, const char *user,
                     const char *password)
{
    char *auths = ir_format("\"%s\":%s", key, value);
    login_for(k, "h:5000", auths, user, password);
    free(auths);
}

/* As the kubelet matches keys to a registry. */
START_TEST(secret_read_back)
{
    kt k;
    kt_start(&k, NULL);
    login_is(&k, "h:5000", "{\"auth\":\"dTpwOnc\"}", "u", "p:w"); /* unpadded */
    login_is(&k, "h:5000", "{\"username\":\"u\",\"password\":\"p\"}", "u", "p");
    login_is(&k, "https://h:5000/v2/", "{\"auth\":\"dTpw\"}", "u", "p");
    login_is(&k, "http://h:5000/v1/", "{\"auth\":\"dTpw\"}", "u", "p");
    login_is(&k, "h:5000/", "{\"auth\":\"dTpw\"}", "u", "p");
    login_is(&k, "h", "{\"auth\":\"dTpw\"}", NULL, NULL);
    ck_assert_int_eq(k.err.code, IMGREL_ENOTFOUND);
    login_is(&k, "https://h:5000/v2", "{\"auth\":\"dTpw\"}", NULL, NULL);
    login_is(&k, "h:5000/team", "{\"auth\":\"dTpw\"}", NULL, NULL);
    login_is(&k, "h:5000", "{\"auth\":\"!\"}", NULL, NULL);
    ck_assert_int_eq(k.err.code, IMGREL_EPROTO);
    kt_stop(&k);
}
END_TEST

#define LOGIN(key, user) "\"" key "\":{\"username\":\"" user "\",\"password\":\"p\"}"

/* A key with a path serves the images under it, the longest first; the whole host's serves all. */
START_TEST(secret_of_a_path)
{
    static const char paths[] =
        LOGIN("h:5000/te", "t") "," LOGIN("https://h:5000/v2/team/", "p") "," LOGIN(
            "h:5000/team/app", "a") "," LOGIN("other/team", "o") "," LOGIN("*.lan/x", "l");
    static const struct {
        const char *image, *user;
    } rows[] = {{"h:5000/team/app", "a"}, {"h:5000/team/other", "p"}, {"h:5000/test/app", "t"},
                {"h:5000/x/app", NULL},   {"h:5000", NULL},           {"h:5001/team/app", NULL},
                {"reg.lan/x/app", "l"},   {"other/team/app", NULL}};
    kt k;
    kt_start(&k, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        login_for(&k, rows[i].image, paths, rows[i].user, "p");
    login_for(&k, "h:5000/team/app", LOGIN("h:5000/team", "t") "," LOGIN("h:5000", "w"), "w", "p");
    kt_stop(&k);
}
END_TEST

/* ---- namespaces ------------------------------------------------------------------------------ */

#define ACCOUNT "/api/v1/namespaces/x/serviceaccounts/default"
#define WATCH_ACCOUNT "/api/v1/namespaces/x/serviceaccounts?watch=1*"

static int ensure_namespace(kt *k)
{
    return imgrel_kube_namespace_ensure(k->kube, "x", NULL, kt_json(k), kt_err(k));
}

START_TEST(namespace_and_its_account)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", "/api/v1/namespaces/x", 404, NOT_FOUND);
    kt_on(&k, "POST", "/api/v1/namespaces?fieldManager=imgrel", 201,
          "{\"metadata\":{\"name\":\"x\"}}");
    kt_on(&k, "GET", ACCOUNT, 404, NOT_FOUND);
    kt_on(&k, "GET", WATCH_ACCOUNT, 200,
          "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\"}}}\n"
          "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"6\"}}}\n");
    unit_ok(ensure_namespace(&k), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"created\""));
    ck_assert_ptr_nonnull(
        strstr(kt_body(&k, "POST", NULL, 0), "\"app.kubernetes.io/managed-by\":\"imgrel\""));
    /* Somebody else was faster. */
    kt_on(&k, "GET", "/api/v1/namespaces/x", 404, NOT_FOUND);
    kt_on(&k, "POST", "/api/v1/namespaces?fieldManager=imgrel", 409,
          STATUS("AlreadyExists", "exists", ""));
    kt_on(&k, "GET", "/api/v1/namespaces/x", 200, "{\"metadata\":{\"name\":\"x\"}}");
    kt_on(&k, "GET", ACCOUNT, 200, "{\"metadata\":{}}");
    unit_ok(ensure_namespace(&k), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"unchanged\""));
    kt_stop(&k);
}
END_TEST

START_TEST(namespace_on_its_way_out)
{
    kt k;
    kt_start(&k, NULL);
    static const char leaving[] = "{\"metadata\":{\"name\":\"x\",\"uid\":\"1\",\"resourceVersion\":"
                                  "\"3\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}";
    kt_on(&k, "GET", "/api/v1/namespaces/x", 200, leaving);
    kt_on(&k, "GET", "/api/v1/namespaces/x", 200, leaving);
    kt_on(&k, "GET", "/api/v1/namespaces?watch=1*", 200,
          "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"4\"}}}\n");
    kt_on(&k, "GET", "/api/v1/namespaces/x", 404, NOT_FOUND);
    kt_on(&k, "POST", "/api/v1/namespaces?fieldManager=imgrel", 201,
          "{\"metadata\":{\"name\":\"x\"}}");
    kt_on(&k, "GET", ACCOUNT, 200, "{\"metadata\":{}}");
    unit_ok(ensure_namespace(&k), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"created\""));
    kt_stop(&k);
}
END_TEST

/* ---- pods ------------------------------------------------------------------------------------ */

#define SPEC "{\"image\":\"h/a@sha256:0\",\"port\":80,\"pull_secret\":\"s\",\"env\":{\"A\":\"1\"}}"

static int run(kt *k, const char *spec)
{
    return imgrel_kube_pod_run(k->kube, NULL, "p", spec, NULL, kt_json(k), kt_err(k));
}

/* What was posted, as the server would give it back; the caller's. */
static char *posted(kt *k, size_t i)
{
    const char *body = kt_body(k, "POST", NULL, i);
    ck_assert(*body == '{');
    return ir_strdup(body);
}

START_TEST(pod_created_unchanged_replaced)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 404, NOT_FOUND);
    kt_on(&k, "POST", NS "pods?fieldManager=imgrel", 403,
          STATUS("Forbidden", "error looking up service account ns/default: not found", ""));
    kt_on(&k, "POST", NS "pods?fieldManager=imgrel", 201, "{\"metadata\":{\"name\":\"p\"}}");
    unit_ok(run(&k, SPEC), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"created\""));
    char *pod = posted(&k, 1);
    ck_assert_ptr_nonnull(strstr(pod, "\"imagePullSecrets\":[{\"name\":\"s\"}]"));
    ck_assert_ptr_nonnull(strstr(pod, "\"ports\":[{\"containerPort\":80}]"));
    ck_assert_ptr_nonnull(strstr(pod, "\"env\":[{\"name\":\"A\",\"value\":\"1\"}]"));
    ck_assert_ptr_nonnull(strstr(pod, "\"imgrel/spec-hash\":\"sha256:"));
    kt_on(&k, "GET", NS "pods/p", 200, pod);
    unit_ok(run(&k, SPEC), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"unchanged\""));
    ck_assert_uint_eq(dbl_count(k.server, "POST", NULL), 2);
    /* Another image: the old one goes first. */
    kt_on(&k, "GET", NS "pods/p", 200, pod);
    kt_on(&k, "GET", NS "pods/p", 200, pod);
    kt_on(&k, "DELETE", NS "pods/p", 200, "{}");
    kt_on(&k, "GET", NS "pods/p", 404, NOT_FOUND);
    kt_on(&k, "POST", NS "pods?fieldManager=imgrel", 201, "{}");
    unit_ok(run(&k, "{\"image\":\"h/a@sha256:1\"}"), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"replaced\""));
    free(pod);
    kt_stop(&k);
}
END_TEST

START_TEST(pod_of_others)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 200, "{\"metadata\":{\"name\":\"p\"}}");
    ck_assert_int_eq(run(&k, SPEC), IMGREL_ECONFLICT);
    unit_error(&k.err, IMGREL_ECONFLICT, "is not ours");
    ck_assert_int_eq(run(&k, "{\"image\":5}"), IMGREL_EINVAL);
    ck_assert_int_eq(run(&k, "{\"imag\":\"x\"}"), IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "imag");
    ck_assert_int_eq(run(&k, "{"), IMGREL_EINVAL);
    ck_assert_int_eq(run(&k, "{\"image\":\"a\",\"port\":70000}"), IMGREL_EINVAL);
    ck_assert_uint_eq(dbl_count(k.server, "POST", NULL), 0);
    kt_stop(&k);
}
END_TEST

/* ---- services -------------------------------------------------------------------------------- */

#define LABELS "\"labels\":{\"app\":\"p\",\"app.kubernetes.io/managed-by\":\"imgrel\"}"
#define POD                                                                             \
    "{\"metadata\":{\"name\":\"p\"," LABELS "},\"spec\":{\"containers\":[{\"ports\":[{" \
    "\"containerPort\":80},{\"containerPort\":53,\"protocol\":\"UDP\"}]}]}}"

static int expose(kt *k, int32_t port, int32_t target)
{
    return imgrel_kube_service_expose(k->kube, NULL, "p", port, target, NULL, kt_json(k),
                                      kt_err(k));
}

START_TEST(service_as_kubectl_exposes)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 200, POD);
    kt_on(&k, "GET", NS "services/p", 404, NOT_FOUND);
    kt_on(&k, "POST", NS "services?fieldManager=imgrel", 201, "{\"metadata\":{\"name\":\"p\"}}");
    unit_ok(expose(&k, 80, 8080), &k.err);
    char *service = posted(&k, 0);
    ck_assert_ptr_nonnull(strstr(
        service, "\"selector\":{\"app\":\"p\",\"app.kubernetes.io/managed-by\":\"imgrel\"}"));
    ck_assert_ptr_nonnull(
        strstr(service, "\"ports\":[{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080}]"));
    ck_assert_ptr_nonnull(strstr(service, LABELS));
    kt_on(&k, "GET", NS "pods/p", 200, POD);
    kt_on(&k, "GET", NS "services/p", 200, service);
    unit_ok(expose(&k, 80, 8080), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"unchanged\""));
    /* Ours with another port is changed; every port of the pod when none is named. */
    kt_on(&k, "GET", NS "pods/p", 200, POD);
    kt_on(&k, "GET", NS "services/p", 200, service);
    kt_on(&k, "PATCH", NS "services/p?fieldManager=imgrel", 200, "{}");
    unit_ok(expose(&k, 0, 0), &k.err);
    ck_assert_ptr_nonnull(strstr(k.json, "\"imgrel\":\"changed\""));
    ck_assert_ptr_nonnull(strstr(kt_body(&k, "PATCH", NULL, 0),
                                 "{\"protocol\":\"UDP\",\"port\":53,\"targetPort\":53,\"name\":"
                                 "\"port-2\"}"));
    free(service);
    kt_stop(&k);
}
END_TEST

START_TEST(service_of_others)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 200, POD);
    kt_on(&k, "GET", NS "services/p", 200,
          "{\"metadata\":{},\"spec\":{\"selector\":{\"x\":\"y\"},\"ports\":[{\"port\":80}]}}");
    ck_assert_int_eq(expose(&k, 80, 0), IMGREL_ECONFLICT);
    unit_error(&k.err, IMGREL_ECONFLICT, "not ours");
    kt_on(&k, "GET", NS "pods/p", 200, "{\"metadata\":{\"name\":\"p\"}}");
    ck_assert_int_eq(expose(&k, 80, 0), IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "no labels");
    kt_on(&k, "GET", NS "pods/p", 200,
          "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{}]}}");
    ck_assert_int_eq(expose(&k, 0, 0), IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "which port");
    kt_stop(&k);
}
END_TEST

UNIT_SUITE(object, refusals, busy_then_not, names_are_checked, pages_and_expiry, secret_created,
           secret_changed_keeps_others, secret_same_or_foreign, secret_read_back, secret_of_a_path,
           namespace_and_its_account, namespace_on_its_way_out, pod_created_unchanged_replaced,
           pod_of_others, service_as_kubectl_exposes, service_of_others)
