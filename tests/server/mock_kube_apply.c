/* mock_kube_apply.c - server-side apply in the mock: who owns what, conflicts, 201 and 200, and
 * that the same again changes nothing. */
#include "mock_kube.h"
#include "base/str.h"

#define AS(manager) "?fieldManager=" manager
#define MAP(data)                                                                 \
    "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": " \
    "\"m\"}, \"data\": " data "}"

START_TEST(created_then_unchanged)
{
    kube_up(NULL);
    make_namespace();
    answer a = KPATCH(IN("configmaps/m" AS("imgrel")), APPLY, MAP("{\"a\": \"1\", \"b\": \"2\"}"));
    want(a, 201);
    const char *rv = rv_of(a);
    ck_text(a.json, "metadata.managedFields.0.operation", "Apply");
    const ir_json *set = ir_json_path(a.json, "metadata.managedFields.0.fieldsV1");
    ck_assert(ir_json_get(ir_json_get(set, "f:data"), "f:a") != NULL);
    a = KPATCH(IN("configmaps/m" AS("imgrel")), APPLY, MAP("{\"a\": \"1\", \"b\": \"2\"}"));
    want(a, 200);
    ck_assert_str_eq(rv_of(a), rv);
    a = KPATCH(IN("configmaps/m" AS("imgrel")), APPLY, MAP("{\"a\": \"3\"}"));
    want(a, 200);
    ck_assert_str_ne(rv_of(a), rv);
    ck_text(a.json, "data.a", "3");
    ck_assert_ptr_null(ir_json_path(a.json, "data.b")); /* no longer applied: gone */
    kube_down();
}
END_TEST

START_TEST(what_apply_asks_for)
{
    kube_up(NULL);
    make_namespace();
    answer a = KPATCH(IN("configmaps/m"), APPLY, MAP("{}"));
    want_k(a, 422, "Invalid", "fieldManager");
    ck_text(a.json, "details.kind", "PatchOptions");
    want_k(KPATCH(IN("configmaps/m" AS("x")), APPLY, "{\"metadata\": {\"name\": \"m\"}}"), 400,
           "BadRequest", "invalid object type: /, Kind=");
    want_k(KPATCH(IN("configmaps/q" AS("x")), APPLY, MAP("{}")), 400, "BadRequest",
           "does not match the name on the URL");
    want_k(KPATCH(IN("configmaps/m" AS("x")), APPLY,
                  "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": "
                  "\"m\", \"managedFields\": []}}"),
           400, "BadRequest", "managedFields must be nil");
    want(KPATCH(IN("configmaps/y" AS("x")), APPLY,
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  k: v\n"),
         201);
    kube_down();
}
END_TEST

START_TEST(conflicts_name_field_and_owner)
{
    kube_up(NULL);
    make_namespace();
    want(KPATCH(IN("configmaps/m" AS("imgrel")), APPLY, MAP("{\"k\": \"1\", \"own\": \"1\"}")),
         201);
    answer a = KPATCH(IN("configmaps/m" AS("other")), APPLY, MAP("{\"k\": \"2\"}"));
    want_k(a, 409, "Conflict", "Apply failed with 1 conflict: conflict with \"imgrel\": .data.k");
    ck_assert_ptr_null(ir_json_path(a.json, "details.name"));
    ck_assert_ptr_null(ir_json_path(a.json, "details.kind"));
    ck_text(a.json, "details.causes.0.reason", "FieldManagerConflict");
    ck_text(a.json, "details.causes.0.message", "conflict with \"imgrel\"");
    ck_text(a.json, "details.causes.0.field", ".data.k");
    want(KPATCH(IN("configmaps/m" AS("other")), APPLY, MAP("{\"k\": \"1\"}")), 200); /* shared */
    want(KPATCH(IN("configmaps/m" AS("third") "&force=true"), APPLY, MAP("{\"k\": \"3\"}")), 200);
    a = KPATCH(IN("configmaps/m" AS("imgrel")), APPLY, MAP("{\"own\": \"1\"}"));
    want(a, 200);
    ck_text(a.json, "data.k", "3"); /* not ours any more, so it stays */
    kube_down();
}
END_TEST

START_TEST(what_was_posted_belongs_to_its_manager)
{
    kube_up(NULL);
    make_namespace();
    want(KPOST(IN("configmaps" AS("imgrel")), "{\"metadata\": {\"name\": \"m\"}, \"data\": {\"k\": "
                                              "\"1\"}}"),
         201);
    answer a = KPATCH(IN("configmaps/m" AS("imgrel-apply")), APPLY, MAP("{\"k\": \"2\"}"));
    want_k(a, 409, "Conflict", "conflict with \"imgrel\" using v1 at ");
    kube_down();
}
END_TEST

static const char *pod_of(const char *image)
{
    return text("{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}, "
                "\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"%s\", \"ports\": "
                "[{\"containerPort\": 80}]}]}}",
                image);
}

START_TEST(lists_by_key)
{
    kube_up(NULL);
    make_namespace();
    const char *body = pod_of("a/b:1");
    answer a = KPATCH(IN("pods/p" AS("imgrel")), APPLY, body);
    want(a, 201);
    const char *rv = string_at(until(IN("pods/p"), "status.conditions.0.reason", "Unschedulable"),
                               "metadata.resourceVersion");
    want(a = KPATCH(IN("pods/p" AS("imgrel")), APPLY, body), 200);
    ck_assert_str_eq(rv_of(a), rv);
    body = pod_of("a/b:2");
    a = KPATCH(IN("pods/p" AS("other")), APPLY, body);
    want_k(a, 409, "Conflict", ".spec.containers[name=\"c\"].image");
    want(a = KPATCH(IN("pods/p" AS("imgrel")), APPLY, body), 200);
    ck_text(a.json, "spec.containers.0.image", "a/b:2");
    ck_assert_int_eq((int)ir_json_len(ir_json_path(a.json, "spec.containers")), 1);
    kube_down();
}
END_TEST

#define ACCOUNT(name)                                                                  \
    "{\"apiVersion\": \"v1\", \"kind\": \"ServiceAccount\", \"metadata\": {\"name\": " \
    "\"default\"}, \"imagePullSecrets\": [{\"name\": \"" name "\"}]}"

START_TEST(the_account_s_list_is_one_field)
{
    kube_up(NULL);
    make_namespace();
    want(KPATCH(IN("serviceaccounts/default" AS("a")), APPLY, ACCOUNT("one")), 200);
    want_k(KPATCH(IN("serviceaccounts/default" AS("b")), APPLY, ACCOUNT("two")), 409, "Conflict",
           ".imagePullSecrets");
    answer a = KPATCH(IN("serviceaccounts/default" AS("b") "&force=true"), APPLY, ACCOUNT("two"));
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "imagePullSecrets")), 1);
    ck_text(a.json, "imagePullSecrets.0.name", "two");
    kube_down();
}
END_TEST

START_TEST(a_service_is_applied_twice)
{
    static const char service[] =
        "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"s\"}, "
        "\"spec\": "
        "{\"selector\": {\"app\": \"x\"}, \"ports\": [{\"port\": 80, \"targetPort\": 8080}]}}";
    kube_up(NULL);
    make_namespace();
    answer a = KPATCH(IN("services/s" AS("imgrel")), APPLY, service);
    want(a, 201);
    const char *ip = string_at(a.json, "spec.clusterIP"), *rv = rv_of(a);
    ck_assert_str_ne(ip, "");
    want(a = KPATCH(IN("services/s" AS("imgrel")), APPLY, service), 200);
    ck_assert_str_eq(string_at(a.json, "spec.clusterIP"), ip);
    ck_assert_str_eq(rv_of(a), rv);
    kube_down();
}
END_TEST

UNIT_SUITE(kube_apply, created_then_unchanged, what_apply_asks_for, conflicts_name_field_and_owner,
           what_was_posted_belongs_to_its_manager, lists_by_key, the_account_s_list_is_one_field,
           a_service_is_applied_twice)
