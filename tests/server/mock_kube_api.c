/* mock_kube_api.c - the mock's API server: who is asking, errors and their shapes, writes, patches,
 * deletes, validation. */
#include "mock_kube.h"
#include "base/cancel.h"
#include "base/fd.h"
#include "base/str.h"

#include <unistd.h>

static const char config_map[] = "{\"metadata\": {\"name\": \"m\"}, \"data\": {\"k\": \"v\"}}";

/* ---- who ------------------------------------------------------------------------------------ */

START_TEST(bad_token_is_401_none_is_403)
{
    kube_up("\"tls\": true");
    answer a = ask("GET", kube_path(IN("pods")), "Bearer nonsense", NULL, UA, NULL);
    want_k(a, 401, "Unauthorized", "Unauthorized");
    ck_assert_ptr_null(ir_json_get(a.json, "details"));
    a = KGET(NS "/default/pods");
    want_k(a, 403, "Forbidden", "User \"system:anonymous\" cannot list resource \"pods\"");
    ck_text(a.json, "details.kind", "pods");
    want(KGET("/healthz"), 200);
    want_k(KGET("/apis"), 403, "Forbidden", "cannot get path \"/apis\"");
    kube_down();
}
END_TEST

START_TEST(the_kubeconfig_lets_in)
{
    kube_up("\"tls\": true");
    ir_buf b = IR_BUF(1 << 20);
    ck_assert_int_eq(ir_file_read(imgrel_mock_get(mock, "kubeconfig"), &b, NULL), 0);
    const char *token = strstr(ir_buf_str(&b), "token: ");
    ck_assert(token && strstr(b.p, "server: https://") &&
              strstr(b.p, "certificate-authority-data"));
    const char *login = text("Bearer %.*s", (int)strcspn(token + 7, "\n"), token + 7);
    want(ask("GET", kube_path(NS "/default/pods"), login, NULL, UA, NULL), 200);
    const char *path = text("%s", imgrel_mock_get(mock, "kubeconfig"));
    ir_buf_free(&b);
    imgrel_mock_stop(mock);
    mock = NULL;
    ck_assert_int_ne(access(path, F_OK), 0);
    kube_down();
}
END_TEST

START_TEST(rights_are_by_verb)
{
    kube_up("\"kube_users\": [{\"name\": \"u\", \"token\": \"tok\", \"rules\": [{\"verbs\": "
            "[\"get\"], \"resources\": [\"pods\"], \"namespaces\": [\"t\"]}]}]");
    make_namespace();
    make_pod("p", "x/y:1", NULL);
    want(ask("GET", kube_path(IN("pods/p")), "Bearer tok", NULL, UA, NULL), 200);
    answer a = ask("GET", kube_path(IN("pods")), "Bearer tok", NULL, UA, NULL);
    want_k(a, 403, "Forbidden",
           "pods is forbidden: User \"u\" cannot list resource \"pods\" in API group \"\" in the "
           "namespace \"t\"");
    a = ask("DELETE", kube_path(IN("pods/p")), "Bearer tok", NULL, UA, NULL);
    want_k(a, 403, "Forbidden", "pods \"p\" is forbidden");
    ck_text(a.json, "details.name", "p");
    kube_down();
}
END_TEST

/* ---- how it answers ------------------------------------------------------------------------- */

START_TEST(text_where_a_status_is_expected)
{
    kube_up(NULL);
    answer a = KGET("/apis/nosuch.io/v1/things");
    want(a, 404);
    ck_assert_str_eq(a.body, "404 page not found\n");
    ck_assert(strstr(header(&a, "Content-Type", 0), "text/plain") != NULL);
    a = KGET("//api/v1/namespaces");
    want(a, 404);
    ck_assert_str_eq(a.body, "404 page not found\n");
    want(KGET("/api/v1/namespaces/"), 200);
    a = KGET("/api/v1/nosuch");
    want_k(a, 404, "NotFound", "the server could not find the requested resource");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "details")), 0);
    ck_assert(ir_json_is_object(ir_json_get(a.json, "details")));
    mock_control("{\"fault\": {\"route\": \"GET /api/v1/\", \"status\": 429, \"header\": "
                 "{\"Retry-After\": \"1\", \"Content-Type\": \"text/plain; charset=utf-8\"}, "
                 "\"body\": \"Too many requests, please try again later.\", \"count\": 1}}");
    a = KGET("/api/v1/nodes");
    want(a, 429);
    ck_assert_ptr_null(a.json);
    ck_assert_str_eq(header(&a, "Retry-After", 0), "1");
    want(KGET("/apis/batch/v1/namespaces/t/jobs"), 501);
    kube_down();
}
END_TEST

START_TEST(compact_unless_people_ask)
{
    kube_up(NULL);
    ck_assert_ptr_null(strchr(KGET("/api/v1/namespaces/default").body, ' '));
    answer a = ask("GET", kube_path(NS "/default"), NULL, NULL, "User-Agent: curl/8", NULL);
    ck_assert_ptr_nonnull(strstr(a.body, "\n  \"kind\""));
    ck_assert_ptr_nonnull(strstr(KGET(NS "/default?pretty=true").body, "\n  \"kind\""));
    a = ask("GET", kube_path(NS), NULL, NULL, UA, "Accept: text/plain", NULL);
    want_k(a, 406, "NotAcceptable", "406: Not Acceptable");
    a = ask("POST", kube_path(NS), NULL, "{}", UA, "Content-Type: text/plain", NULL);
    want_k(a, 415, "UnsupportedMediaType", "unknown format");
    a = ask("POST", kube_path(NS), NULL, "{\"metadata\":{\"name\":\"x\"}}", UA,
            "Content-Type:", NULL);
    want(a, 201);
    want_k(ask("POST", kube_path(NS "/x"), NULL, "{}", UA, NULL), 405, "MethodNotAllowed",
           "method");
    want(KGET("/version"), 200);
    kube_down();
}
END_TEST

START_TEST(errors_have_their_shapes)
{
    kube_up(NULL);
    make_namespace();
    answer a = KGET(IN("configmaps/none"));
    want_k(a, 404, "NotFound", "configmaps \"none\" not found");
    ck_text(a.json, "details.kind", "configmaps");
    want_k(KPOST(NS "/none/configmaps", config_map), 404, "NotFound",
           "namespaces \"none\" not found");
    a = KGET(NS "/none/configmaps");
    want(a, 200);
    ck_assert(ir_json_is_array(ir_json_get(a.json, "items")));
    want(KPOST(IN("configmaps"), config_map), 201);
    a = KPOST(IN("configmaps"), config_map);
    want_k(a, 409, "AlreadyExists", "configmaps \"m\" already exists");
    ck_text(a.json, "details.name", "m");
    want_k(KPOST(IN("configmaps"), "{\"metadata\": 1"), 400, "BadRequest", "couldn't get");
    want_k(KPOST(IN("configmaps"), "{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}"), 400,
           "BadRequest", "cannot be handled as a ConfigMap");
    want_k(KPOST(IN("configmaps"), "{\"metadata\": {\"name\": \"y\", \"namespace\": \"z\"}}"), 400,
           "BadRequest", "the namespace of the provided object does not match");
    want_k(KPOST(IN("configmaps"), "{\"metadata\": {\"name\": \"y\", \"labels\": {\"a\": 1}}}"),
           400, "BadRequest", "cannot unmarshal number into Go struct field");
    want_k(KPOST(IN("secrets"), "{\"metadata\": {\"name\": \"y\"}, \"data\": {\"a\": \"?\"}}"), 400,
           "BadRequest", "illegal base64 data");
    char *big = malloc((3 << 20) + 100);
    memset(big, ' ', (3 << 20) + 99);
    big[(3 << 20) + 99] = 0;
    want_k(KPOST(IN("configmaps"), big), 413, "RequestEntityTooLarge", "limit is 3145728");
    free(big);
    kube_down();
}
END_TEST

START_TEST(unknown_fields_warn_or_fail)
{
    static const char odd[] =
        "{\"metadata\": {\"name\": \"o\"}, \"data\": {}, \"extra\": 1, \"more\": {\"x\": 2}}";
    kube_up(NULL);
    make_namespace();
    answer a = KPOST(IN("configmaps?fieldValidation=Strict"), odd);
    want_k(a, 400, "BadRequest", "strict decoding error: unknown field \"extra\"");
    a = KPOST(IN("configmaps"), odd);
    want(a, 201);
    ck_assert_str_eq(header(&a, "Warning", 0), "299 - \"unknown field \\\"extra\\\"\"");
    ck_assert_str_eq(header(&a, "Warning", 1), "299 - \"unknown field \\\"more\\\"\"");
    ck_assert_ptr_null(ir_json_get(a.json, "extra"));
    kube_down();
}
END_TEST

/* ---- writes --------------------------------------------------------------------------------- */

START_TEST(create_fills_in)
{
    kube_up(NULL);
    answer a = KPOST(NS, "{\"metadata\": {\"name\": \"t\"}}");
    want(a, 201);
    ck_assert_str_eq(
        ir_json_str(ir_json_path(a.json, "metadata.labels"), "kubernetes.io/metadata.name"), "t");
    ck_text(a.json, "spec.finalizers.0", "kubernetes");
    ck_text(a.json, "metadata.managedFields.0.manager", "tester");
    a = KPOST(IN("services?dryRun=All"),
              "{\"metadata\": {\"name\": \"s\"}, \"spec\": {\"ports\": [{\"port\": 80}]}}");
    want(a, 201);
    ck_text(a.json, "spec.type", "ClusterIP");
    ck_assert_int_eq(int_at(a.json, "spec.ports.0.targetPort"), 80);
    want(KGET(IN("services/s")), 404);
    a = KPOST(IN("secrets"), "{\"metadata\": {\"generateName\": \"g-\"}, \"stringData\": {\"a\": "
                             "\"b\"}}");
    want(a, 201);
    ck_text(a.json, "data.a", "Yg==");
    ck_text(a.json, "type", "Opaque");
    ck_assert(ir_starts(string_at(a.json, "metadata.name"), "g-"));
    ck_assert_ptr_null(ir_json_get(a.json, "stringData"));
    kube_down();
}
END_TEST

START_TEST(stale_versions_conflict)
{
    kube_up(NULL);
    make_namespace();
    answer a = KPOST(IN("configmaps"), config_map);
    const char *rv = rv_of(a);
    want(KPATCH(IN("configmaps/m"), MERGE, "{\"data\": {\"k\": \"2\"}}"), 200);
    const char *stale = text("{\"metadata\": {\"name\": \"m\", \"resourceVersion\": \"%s\"}, "
                             "\"data\": {}}",
                             rv);
    a = KPUT(IN("configmaps/m"), stale);
    want_k(a, 409, "Conflict", "Operation cannot be fulfilled on configmaps \"m\": the object has");
    want_k(KPATCH(IN("configmaps/m"), MERGE, stale), 409, "Conflict", "has been modified");
    a = KPUT(IN("configmaps/m"), "{\"metadata\": {\"name\": \"m\"}, \"data\": {\"z\": \"1\"}}");
    want(a, 200);
    rv = rv_of(a);
    ck_assert_str_eq(rv_of(KPUT(IN("configmaps/m"), a.body)), rv); /* nothing changed */
    want_k(KPUT(IN("configmaps/none"), "{\"metadata\": {\"name\": \"none\"}}"), 404, "NotFound",
           "");
    want_k(KPUT(IN("configmaps/m"), "{\"metadata\": {\"name\": \"q\"}}"), 400, "BadRequest",
           "does not match the name on the URL");
    want_k(KDELETE(IN("configmaps/m"), "{\"preconditions\": {\"uid\": \"x\"}}"), 409, "Conflict",
           "Precondition failed");
    kube_down();
}
END_TEST

START_TEST(patches)
{
    kube_up(NULL);
    make_namespace();
    want(KPOST(IN("configmaps"), config_map), 201);
    want_k(KPATCH(IN("configmaps/m"), "json", "{}"), 415, "UnsupportedMediaType", "json-patch");
    answer a = KPATCH(IN("configmaps/m"), JSONPATCH,
                      "[{\"op\": \"test\", \"path\": \"/data/k\", \"value\": \"v\"}, {\"op\": "
                      "\"add\", \"path\": \"/data/n\", \"value\": \"1\"}, {\"op\": \"remove\", "
                      "\"path\": \"/data/k\"}]");
    want(a, 200);
    ck_text(a.json, "data.n", "1");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "data")), 1);
    static const char *const bad[] = {
        "[{\"op\": \"test\", \"path\": \"/data/n\", \"value\": \"2\"}]",
        "[{\"op\": \"add\", \"path\": \"/metadata/finalizers/-\", \"value\": \"x\"}]"};
    for (size_t i = 0; i < 2; i++) {
        a = KPATCH(IN("configmaps/m"), JSONPATCH, bad[i]);
        want_k(a, 422, "Invalid", "the server rejected our request due to an error in our request");
        ck_assert(ir_json_is_object(ir_json_get(a.json, "details")));
        ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "details")), 0);
    }
    kube_down();
}
END_TEST

START_TEST(service_account_list_is_replaced)
{
    kube_up(NULL);
    make_namespace();
    want(
        KPATCH(IN("serviceaccounts/default"), MERGE, "{\"imagePullSecrets\": [{\"name\": \"a\"}]}"),
        200);
    answer a = KPATCH(IN("serviceaccounts/default"), STRATEGIC,
                      "{\"imagePullSecrets\": [{\"name\": \"b\"}]}");
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "imagePullSecrets")), 1);
    ck_text(a.json, "imagePullSecrets.0.name", "b");
    a = KPATCH(IN("serviceaccounts/default"), STRATEGIC,
               "{\"imagePullSecrets\": [{\"name\": \"b\", \"$patch\": \"delete\"}]}");
    want(a, 200);
    ck_text(a.json, "imagePullSecrets.0.name", "b");
    ck_assert(strstr(header(&a, "Warning", 0), "$patch") != NULL);
    make_pod("own", "x/y:1", ", \"imagePullSecrets\": [{\"name\": \"mine\"}]");
    make_pod("not", "x/y:1", NULL);
    ck_text(KGET(IN("pods/own")).json, "spec.imagePullSecrets.0.name", "mine");
    ck_text(KGET(IN("pods/not")).json, "spec.imagePullSecrets.0.name", "b");
    want_k(KPATCH(IN("pods/not"), MERGE, "{\"spec\": {\"imagePullSecrets\": null}}"), 422,
           "Invalid", "pod updates may not change fields other than");
    kube_down();
}
END_TEST

START_TEST(no_pod_before_its_service_account)
{
    kube_up("\"sa_delay_ms\": 100000");
    want(KPOST(NS, "{\"metadata\": {\"name\": \"t\"}}"), 201);
    static const char pod[] = "{\"metadata\": {\"name\": \"p\"}, \"spec\": {\"containers\": "
                              "[{\"name\": \"c\", \"image\": \"x/y:1\"}]}}";
    answer a = KPOST(IN("pods"), pod);
    want_k(a, 403, "Forbidden",
           "pods \"p\" is forbidden: error looking up service account t/default: serviceaccount "
           "\"default\" not found");
    ck_text(a.json, "details.kind", "pods");
    want(KPOST(IN("serviceaccounts"), "{\"metadata\": {\"name\": \"default\"}}"), 201);
    want(KPOST(IN("pods"), pod), 201);
    kube_down();
}
END_TEST

START_TEST(deletes)
{
    kube_up(NULL);
    make_namespace();
    want(KPOST(IN("configmaps"), config_map), 201);
    answer a = KDELETE(IN("configmaps/m"), NULL);
    want(a, 200);
    ck_text(a.json, "kind", "Status");
    ck_text(a.json, "status", "Success");
    ck_assert_str_ne(string_at(a.json, "details.uid"), "");
    want_k(KDELETE(IN("configmaps/m"), NULL), 404, "NotFound", "not found");
    make_pod("p", "x/y:1", NULL);
    want_k(KDELETE(IN("pods/p?propagationPolicy=Never"), NULL), 422, "Invalid",
           "Unsupported value");
    a = KDELETE(IN("pods/p?gracePeriodSeconds=0"), NULL);
    want(a, 200);
    ck_text(a.json, "kind", "Pod");
    ck_assert_str_ne(string_at(a.json, "metadata.deletionTimestamp"), "");
    want(KGET(IN("pods/p")), 404);
    want(KPOST(IN("configmaps"), config_map), 201);
    a = KDELETE(NS "/t", NULL);
    want(a, 200);
    ck_text(a.json, "kind", "Namespace");
    ck_text(a.json, "status.phase", "Terminating");
    if (KGET(NS "/t").status == 200) {
        a = KPOST(IN("secrets"), "{\"metadata\": {\"name\": \"late\"}}");
        ck_assert(a.status == 404 ||
                  !strcmp(string_at(a.json, "details.causes.0.reason"), "NamespaceTerminating"));
    }
    until_gone(NS "/t");
    kube_down();
}
END_TEST

/* A body as kubectl sends it: "k8s\0", type and object. */
START_TEST(protobuf_of_the_simple_kinds)
{
    static const char body[] = "k8s\0\x0a\x0f\x0a\x02v1\x12\x09"
                               "ConfigMap\x12\x25\x0a\x17\x0a\x01m\x12\x00\x1a\x00\x22"
                               "\x00\x2a\x00\x32\x00\x38\x00\x5a\x06\x0a\x01"
                               "a\x12\x01"
                               "b\x12\x0a\x0a\x03key\x12\x03val";
    kube_up(NULL);
    make_namespace();
    answer a = send_bytes("POST", kube_path(IN("configmaps")), NULL,
                          "application/vnd.kubernetes.protobuf", body, sizeof body - 1);
    want(a, 201);
    ck_text(a.json, "metadata.name", "m");
    ck_text(a.json, "metadata.labels.a", "b");
    ck_text(a.json, "data.key", "val");
    a = send_bytes("POST", kube_path(IN("configmaps")), NULL, "application/vnd.kubernetes.protobuf",
                   body, sizeof body - 9);
    want_k(a, 400, "BadRequest", "unable to decode");
    a = send_bytes("POST", kube_path(IN("pods")), NULL, "application/vnd.kubernetes.protobuf", body,
                   sizeof body - 1);
    want_k(a, 415, "UnsupportedMediaType", "unknown format");
    kube_down();
}
END_TEST

/* ---- validation ----------------------------------------------------------------------------- */

#define META(n) "{\"metadata\": {\"name\": \"" n "\"}, "
START_TEST(field_errors)
{
    static const struct {
        const char *plural, *body, *kind, *reason, *field;
    } cases[] = {
        {"configmaps", META("Bad_Name") "\"data\": {}}", "ConfigMap", "FieldValueInvalid",
         "metadata.name"},
        {"configmaps", META("x") "\"data\": {\"a b\": \"\"}}", "ConfigMap", "FieldValueInvalid",
         "data[a b]"},
        {"services", META("9bad") "\"spec\": {\"ports\": [{\"port\": 80}]}}", "Service",
         "FieldValueInvalid", "metadata.name"},
        {"services", META("s") "\"spec\": {\"ports\": [{\"port\": 80}, {\"port\": 81}]}}",
         "Service", "FieldValueRequired", "spec.ports[0].name"},
        {"services", META("s") "\"spec\": {\"ports\": [{\"port\": 70000}]}}", "Service",
         "FieldValueInvalid", "spec.ports[0].port"},
        {"secrets", META("s") "\"type\": \"kubernetes.io/dockerconfigjson\"}", "Secret",
         "FieldValueRequired", "data[.dockerconfigjson]"},
        {"secrets",
         META("s") "\"type\": \"kubernetes.io/dockerconfigjson\", \"stringData\": "
                   "{\".dockerconfigjson\": \"[]\"}}",
         "Secret", "FieldValueInvalid", "data[.dockerconfigjson]"},
        {"pods", META("p") "\"spec\": {\"containers\": [{\"name\": \"c\"}]}}", "Pod",
         "FieldValueRequired", "spec.containers[0].image"},
        {"pods", META("p") "\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \" x\"}]}}",
         "Pod", "FieldValueInvalid", "spec.containers[0].image"},
        {"pods",
         META("p") "\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"x\", "
                   "\"imagePullPolicy\": \"Now\"}]}}",
         "Pod", "FieldValueNotSupported", "spec.containers[0].imagePullPolicy"},
        {"pods",
         META("p") "\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"x\", "
                   "\"ports\": [{\"containerPort\": 0}]}]}}",
         "Pod", "FieldValueInvalid", "spec.containers[0].ports[0].containerPort"},
        {"pods",
         META("p") "\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"x\"}, "
                   "{\"name\": \"c\", \"image\": \"x\"}]}}",
         "Pod", "FieldValueDuplicate", "spec.containers[1].name"},
    };
    kube_up(NULL);
    make_namespace();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer a = KPOST(text(IN("%s"), cases[i].plural), cases[i].body);
        want_k(a, 422, "Invalid", cases[i].field);
        ck_text(a.json, "details.kind", cases[i].kind); /* the Kind, not the resource */
        ck_text(a.json, "details.causes.0.reason", cases[i].reason);
        ck_text(a.json, "details.causes.0.field", cases[i].field);
    }
    ck_assert_ptr_nonnull(
        strstr(KPOST(IN("secrets"), cases[6].body).body, "<secret contents redacted>"));
    want(KPOST(IN("pods"), META("up") "\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": "
                                      "\"Reg/UPPER:1\"}]}}"),
         201);
    want(KPOST(IN("secrets"), META("s") "\"type\": \"kubernetes.io/dockerconfigjson\", "
                                        "\"stringData\": {\".dockerconfigjson\": \"{}\"}}"),
         201);
    want_k(KPATCH(IN("secrets/s"), MERGE, "{\"type\": \"Opaque\"}"), 422, "Invalid",
           "field is immutable");
    kube_down();
}
END_TEST

START_TEST(pull_policy_by_tag)
{
    static const char *const cases[][2] = {{"a/b", "Always"},
                                           {"a/b:latest", "Always"},
                                           {"h:5000/a/b", "Always"},
                                           {"h:5000/a/b:1", "IfNotPresent"},
                                           {"a/b@sha256:x", "IfNotPresent"}};
    kube_up(NULL);
    make_namespace();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = text("p%zu", i);
        make_pod(name, cases[i][0], NULL);
        ck_text(KGET(text(IN("pods/%s"), name)).json, "spec.containers.0.imagePullPolicy",
                cases[i][1]);
    }
    kube_down();
}
END_TEST

/* Without a node: that the objects come and go; kube_facts.py has what it is with one. */
START_TEST(deployments_have_sets_have_pods)
{
    static const char apps[] = "/apis/apps/v1/namespaces/t/";
    kube_up(NULL);
    make_namespace();
    want(KPOST(text("%sdeployments", apps),
               "{\"metadata\": {\"name\": \"d\"}, \"spec\": {\"replicas\": 2, \"selector\": "
               "{\"matchLabels\": {\"app\": \"d\"}}, \"template\": {\"metadata\": {\"labels\": "
               "{\"app\": \"d\"}}, \"spec\": {\"containers\": [{\"name\": \"c\", \"image\": "
               "\"x/y:1\"}]}}}}"),
         201);
    const char *d = text("%sdeployments/d", apps);
    const ir_json *j = until(d, "status.conditions.1.reason", "ReplicaSetUpdated");
    ck_text(j, "status.conditions.0.reason", "MinimumReplicasUnavailable");
    for (int i = 0; i < 500 && int_at(KGET(d).json, "status.updatedReplicas") != 2; i++)
        (void)!ir_sleep(NULL, 20, 0, NULL);
    ck_assert_int_eq(int_at(KGET(d).json, "status.unavailableReplicas"), 2);
    want(KPATCH(d, MERGE,
                "{\"spec\": {\"replicas\": 1, \"strategy\": {\"type\": \"Recreate\", "
                "\"rollingUpdate\": null}, \"template\": {\"metadata\": {\"labels\": "
                "{\"v\": \"2\"}}}}}"),
         200);
    until(IN("pods?labelSelector=v%3D2"), "items.0.metadata.labels.v", "2");
    ck_assert_uint_eq(ir_json_len(ir_json_get(KGET(text("%sreplicasets", apps)).json, "items")), 2);
    ck_assert_uint_eq(ir_json_len(ir_json_get(KGET(IN("pods")).json, "items")), 1);
    want(KDELETE(d, NULL), 200);
    until(text("%sreplicasets", apps), "items.0.metadata.name", "");
    until(IN("pods"), "items.0.metadata.name", "");
    kube_down();
}
END_TEST

START_TEST(state_survives_a_restart)
{
    char path[] = "/tmp/imgrel-state-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    const char *config = text("\"state\": \"%s\"", path);
    kube_up(config);
    make_namespace();
    want(KPOST(IN("configmaps"), config_map), 201);
    answer a = KGET(IN("configmaps/m"));
    const char *uid = ir_strdup(string_at(a.json, "metadata.uid"));
    char *kept = ir_format("\"state\": \"%s\"", path);
    kube_down();
    kube_up(kept);
    a = KGET(IN("configmaps/m"));
    want(a, 200);
    ck_text(a.json, "metadata.uid", uid);
    ck_text(a.json, "data.k", "v");
    kube_down();
    free((char *)(uintptr_t)uid);
    free(kept);
    unlink(path);
}
END_TEST

UNIT_SUITE(kube_api, bad_token_is_401_none_is_403, the_kubeconfig_lets_in, rights_are_by_verb,
           text_where_a_status_is_expected, compact_unless_people_ask, errors_have_their_shapes,
           unknown_fields_warn_or_fail, create_fills_in, stale_versions_conflict, patches,
           service_account_list_is_replaced, no_pod_before_its_service_account, deletes,
           protobuf_of_the_simple_kinds, field_errors, pull_policy_by_tag,
           deployments_have_sets_have_pods, state_survives_a_restart)
