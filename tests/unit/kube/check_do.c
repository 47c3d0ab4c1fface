/* check_do.c - deeds on objects: kinds that are asked of the cluster, manifests in order,
 * conflicts, patches, deletion, accounts, rollouts, tables, and settings without a file. */
#include "support.h"
#include "api/kube.h"

#include <stdlib.h>

#define NS "/api/v1/namespaces/ns/"
#define APPS "/apis/apps/v1/namespaces/ns/"
#define STATUS(reason, message, more) \
    "{\"kind\":\"Status\",\"reason\":\"" reason "\",\"message\":\"" message "\"" more "}"
#define GONE STATUS("NotFound", "x \\\"y\\\" not found", "")

static int act(kt *k, const char *object, const char *action, const char *json)
{
    return imgrel_kube_do(k->kube, NULL, object, action, json, NULL, kt_json(k), kt_err(k));
}

static void has(const char *text, const char *word)
{
    ck_assert_msg(text && strstr(text, word), "%s is not in: %s", word, text ? text : "(nothing)");
}

/* ---- kinds ----------------------------------------------------------------------------------- */

#define AGGREGATED                                                                                 \
    "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":\"example.org\"},"     \
    "\"versions\":[{\"version\":\"v2\",\"resources\":[{\"resource\":\"wagons\",\"singularResource" \
    "\":\"wagon\",\"responseKind\":{\"kind\":\"Wagon\"},\"scope\":\"Namespaced\",\"shortNames\":[" \
    "\"wg\",\"wgn\"]}]},{\"version\":\"v1\",\"resources\":[{\"resource\":\"wagons\","              \
    "\"singularResource\":\"wagon\",\"responseKind\":{\"kind\":\"Wagon\"},\"scope\":\"Cluster\"}]" \
    "}]}]}"
#define CORE "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[]}"

START_TEST(kinds_in_one_document)
{
    static const char *const words[] = {
        "wagon", "wagons", "WG", "wgn", "Wagon.example.org", "wagons.v2.example.org"};
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", "/api", 200, CORE);
    kt_on(&k, "GET", "/apis", 200, AGGREGATED);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *object = ir_format("%s/x", words[i]);
        kt_on(&k, "GET", "/apis/example.org/v2/namespaces/ns/wagons/x", 200, "{}");
        int rc = imgrel_kube_get(k.kube, NULL, object, NULL, kt_json(&k), kt_err(&k));
        unit_ok(rc, &k.err);
        free(object);
    }
    kt_on(&k, "GET", "/apis/example.org/v1/wagons/x", 200, "{}");
    unit_ok(imgrel_kube_get(k.kube, NULL, "wagons.v1.example.org/x", NULL, NULL, kt_err(&k)),
            &k.err);
    ck_assert_uint_eq(dbl_count(k.server, NULL, "/apis"), 1); /* once for all of them */
    unit_ok(act(&k, NULL, "kinds", NULL), &k.err);
    has(k.json, "{\"name\":\"wagons\",\"short\":\"wg,wgn\",\"kind\":\"Wagon\",\"version\":"
                "\"example.org/v2\",\"namespaced\":true}");
    kt_stop(&k);
}
END_TEST

START_TEST(kinds_group_by_group)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", "/api", 200, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}");
    kt_on(&k, "GET", "/api/v1", 200, "{\"resources\":[]}");
    kt_on(&k, "GET", "/apis", 200,
          "{\"kind\":\"APIGroupList\",\"groups\":[{\"versions\":[{\"groupVersion\":\"a/v1\"},{"
          "\"groupVersion\":\"a/v2\"}],\"preferredVersion\":{\"groupVersion\":\"a/v2\"}},{"
          "\"versions\":[{\"groupVersion\":\"down/v1\"}]}]}");
    kt_on(&k, "GET", "/apis/a/v2", 200,
          "{\"resources\":[{\"name\":\"cars\",\"singularName\":\"car\",\"namespaced\":false,"
          "\"kind\":\"Car\"},{\"name\":\"cars/status\",\"kind\":\"Car\",\"namespaced\":false}]}");
    kt_on(&k, "GET", "/apis/a/v1", 404, GONE);
    for (int i = 0; i < 3; i++)
        kt_on(&k, "GET", "/apis/down/v1", 503, STATUS("ServiceUnavailable", "no endpoints", ""));
    kt_on(&k, "GET", "/apis/a/v2/cars/x", 200, "{}");
    unit_ok(imgrel_kube_get(k.kube, NULL, "car/x", NULL, NULL, kt_err(&k)), &k.err);
    has(ir_buf_str(&k.log), "a group of kinds is left out");
    kt_stop(&k);
}
END_TEST

/* ---- manifests ------------------------------------------------------------------------------- */

#define APPLY "?fieldManager=imgrel"
#define TWO                                                                               \
    "{\"manifest\":\"apiVersion: v1\\nkind: Pod\\nmetadata: {name: p}\\n---\\n---\\n"     \
    "apiVersion: v1\\nkind: List\\nitems:\\n- {apiVersion: v1, kind: Secret, metadata: {" \
    "name: s}}\\n\"}"

START_TEST(a_manifest_of_many)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "secrets/s", 404, GONE);
    kt_on(&k, "PATCH", NS "secrets/s" APPLY, 201,
          "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\"}}");
    kt_on(&k, "GET", NS "pods/p", 200, "{\"metadata\":{\"name\":\"p\",\"generation\":1}}");
    kt_on(&k, "PATCH", NS "pods/p" APPLY, 200,
          "{\"metadata\":{\"name\":\"p\",\"generation\":2},\"status\":{\"x\":1}}");
    unit_ok(act(&k, NULL, "apply", TWO), &k.err);
    has(k.json, "[{\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\"},\"imgrel\":\"created\"},{");
    has(k.json, "\"imgrel\":\"unchanged\"}]");
    kt_on(&k, "GET", NS "secrets/s", 403, STATUS("Forbidden", "secrets is forbidden", ""));
    ck_assert_int_eq(act(&k, NULL, "apply", TWO), IMGREL_EDENIED);
    unit_error(&k.err, IMGREL_EDENIED, "Secret/s (1 of 2)");
    kt_stop(&k);
}
END_TEST

START_TEST(manifests_that_are_none)
{
    static const struct {
        const char *json, *word;
    } bad[] = {{NULL, "a manifest must be given"},
               {"{}", "a manifest must be given"},
               {"{\"manifest\":\"\"}", "empty"},
               {"{\"manifest\":\"a: [\"}", "manifest:"},
               {"{\"manifest\":\"{ nothing }\"}", "not JSON"},
               {"{\"manifest\":\"- 1\"}", "no object"},
               {"{\"manifest\":{\"kind\":\"Pod\"}}", "apiVersion"},
               {"{\"manifest\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}}", "metadata.name"},
               {"{\"manifest\":\"x\",\"y\":1}", ""},
               {"nonsense", "JSON"}};
    kt k;
    kt_start(&k, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(act(&k, NULL, "apply", bad[i].json), IMGREL_EINVAL);
        unit_error(&k.err, IMGREL_EINVAL, bad[i].word);
    }
    ck_assert_uint_eq(dbl_count(k.server, NULL, NULL), 0);
    kt_stop(&k);
}
END_TEST

#define CONFLICT(who)                                                                          \
    STATUS("Conflict", "Apply failed",                                                         \
           ",\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\",\"message\":"       \
           "\"conflict with \\\"" who "\\\" using v1\",\"field\":\".data.a\"},{\"reason\":"    \
           "\"FieldManagerConflict\",\"message\":\"conflict with \\\"" who "\\\"\",\"field\":" \
           "\".data.b\"}]}")
#define ONE \
    "{\"manifest\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\"}}}"

START_TEST(conflicts_field_by_field)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "configmaps/m", 200, "{\"metadata\":{}}");
    kt_on(&k, "PATCH", NS "configmaps/m" APPLY, 409, CONFLICT("kubectl"));
    ck_assert_int_eq(act(&k, NULL, "apply", ONE), IMGREL_ECONFLICT);
    unit_error(&k.err, IMGREL_ECONFLICT, "configmaps/m in ns: .data.a: conflict with \"kubectl\"");
    unit_error(&k.err, IMGREL_ECONFLICT, ".data.b: conflict with \"kubectl\"");
    unit_error(&k.err, IMGREL_ECONFLICT, "by force");
    /* With ourselves, who once created it: no conflict. */
    kt_on(&k, "GET", NS "configmaps/m", 200, "{\"metadata\":{}}");
    kt_on(&k, "PATCH", NS "configmaps/m" APPLY, 409, CONFLICT("imgrel"));
    kt_on(&k, "PATCH", NS "configmaps/m" APPLY "&force=true", 200, "{\"data\":{\"a\":\"1\"}}");
    unit_ok(act(&k, NULL, "apply", ONE), &k.err);
    has(k.json, "\"imgrel\":\"changed\"");
    kt_stop(&k);
}
END_TEST

START_TEST(not_found_says_where)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 404, STATUS("NotFound", "pods \\\"p\\\" not found", ""));
    ck_assert_int_eq(imgrel_kube_get(k.kube, NULL, "pod/p", NULL, NULL, kt_err(&k)),
                     IMGREL_ENOTFOUND);
    unit_error(&k.err, IMGREL_ENOTFOUND, "pods \"p\" not found in namespace ns");
    kt_stop(&k);
}
END_TEST

/* ---- one object ------------------------------------------------------------------------------ */

START_TEST(patches_of_three_types)
{
    static const struct {
        const char *json, *type;
    } good[] = {{"{\"patch\":{\"a\":1}}", "Content-Type: application/merge-patch+json"},
                {"{\"patch\":[{\"op\":\"x\"}]}", "Content-Type: application/json-patch+json"},
                {"{\"patch\":{\"a\":1},\"type\":\"strategic\"}",
                 "Content-Type: application/strategic-merge-patch+json"}};
    static const char *const bad[] = {NULL, "{}", "{\"patch\":{},\"type\":\"x\"}",
                                      "{\"patch\":{},\"other\":1}"};
    kt k;
    kt_start(&k, NULL);
    for (size_t i = 0; i < 3; i++) {
        kt_on(&k, "PATCH", NS "pods/p" APPLY, 200, "{}");
        unit_ok(act(&k, "pod/p", "patch", good[i].json), &k.err);
        has(dbl_get(k.server, "PATCH", NULL, i)->head, good[i].type);
    }
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(act(&k, "pod/p", "patch", bad[i]), IMGREL_EINVAL);
    ck_assert_int_eq(act(&k, NULL, "patch", "{}"), IMGREL_EINVAL);
    ck_assert_int_eq(act(&k, "pod/p", "fly", NULL), IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "known are apply");
    kt_stop(&k);
}
END_TEST

START_TEST(deletion_as_it_is_wished)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 200, "{\"metadata\":{\"uid\":\"u\"}}");
    kt_on(&k, "DELETE", NS "pods/p", 200, "{}");
    unit_ok(act(&k, "pod/p", "delete",
                "{\"propagation\":\"orphan\",\"grace_seconds\":5,\"wait\":false}"),
            &k.err);
    ck_assert_str_eq(k.json, "[{\"object\":\"pod/p\",\"imgrel\":\"deleted\"}]");
    const char *sent = kt_body(&k, "DELETE", NULL, 0);
    has(sent, "\"propagationPolicy\":\"Orphan\"");
    has(sent, "\"gracePeriodSeconds\":5");
    has(sent, "\"preconditions\":{\"uid\":\"u\"}");
    ck_assert_int_eq(act(&k, "pod/p", "delete", "{\"propagation\":\"slow\"}"), IMGREL_EINVAL);
    ck_assert_int_eq(act(&k, NULL, "delete", "{}"), IMGREL_EINVAL);
    /* Of a manifest: what is not there is as it was wished. */
    kt_on(&k, "GET", NS "configmaps/m", 404, GONE);
    unit_ok(act(&k, NULL, "delete", ONE), &k.err);
    has(k.json, "unchanged");
    kt_stop(&k);
}
END_TEST

START_TEST(pull_secrets_beside_others)
{
    const char *have = "{\"metadata\":{\"resourceVersion\":\"7\"},\"imagePullSecrets\":[{\"name\":"
                       "\"a\"},{\"name\":\"b\"}]}";
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "serviceaccounts/x", 200, have);
    kt_on(&k, "PATCH", NS "serviceaccounts/x" APPLY, 409, STATUS("Conflict", "modified", ""));
    kt_on(&k, "GET", NS "serviceaccounts/x", 200, have);
    kt_on(&k, "PATCH", NS "serviceaccounts/x" APPLY, 200, "{}");
    unit_ok(
        act(&k, "serviceaccount/x", "pull_secrets", "{\"add\":[\"c\",\"b\"],\"remove\":[\"a\"]}"),
        &k.err);
    has(kt_body(&k, "PATCH", NULL, 1), "\"imagePullSecrets\":[{\"name\":\"b\"},{\"name\":\"c\"}]");
    has(kt_body(&k, "PATCH", NULL, 1), "\"resourceVersion\":\"7\"");
    kt_on(&k, "GET", NS "serviceaccounts/x", 200, have);
    unit_ok(act(&k, "sa/x", "pull_secrets", "{\"add\":[\"b\"]}"), &k.err);
    has(k.json, "\"imgrel\":\"unchanged\"");
    ck_assert_int_eq(act(&k, "pod/x", "pull_secrets", "{\"add\":[\"b\"]}"), IMGREL_EINVAL);
    kt_stop(&k);
}
END_TEST

START_TEST(a_pod_as_written)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", NS "pods/p", 404, GONE);
    kt_on(&k, "POST", NS "pods" APPLY, 201, "{}");
    unit_ok(act(&k, "pod/p", "run",
                "{\"image\":\"new\",\"pull_secret\":\"s\",\"manifest\":{\"kind\":\"Pod\",\"spec\":{"
                "\"containers\":[{\"name\":\"c\",\"image\":\"old\"},{\"name\":\"d\"}],"
                "\"imagePullSecrets\":[{\"name\":\"t\"}]}}}"),
            &k.err);
    const char *sent = kt_body(&k, "POST", NULL, 0);
    has(sent, "\"image\":\"new\"");
    has(sent, "\"imagePullSecrets\":[{\"name\":\"t\"},{\"name\":\"s\"}]");
    has(sent, "\"name\":\"p\"");
    has(sent, "app.kubernetes.io/managed-by");
    ck_assert_int_eq(act(&k, "pod/p", "run", "{\"manifest\":{\"kind\":\"Job\"}}"), IMGREL_EINVAL);
    ck_assert_int_eq(act(&k, "pod/p", "run", "{\"image\":\"i\",\"replicas\":2}"), IMGREL_EINVAL);
    ck_assert_int_eq(act(&k, "service/p", "run", "{\"image\":\"i\"}"), IMGREL_EINVAL);
    kt_stop(&k);
}
END_TEST

/* ---- rollouts -------------------------------------------------------------------------------- */

static void stands(const char *object, int want, const char *word)
{
    imgrel_error err = {0};
    ir_json *j = NULL;
    char say[200];
    unit_ok(ir_json_parse(object, strlen(object), "object", &j, &err), &err);
    int rc = ir_rollout_state(j, say, &err);
    ck_assert_msg(rc == want, "%s: %d, wanted %d: %s %s", object, rc, want, say, err.message);
    has(rc < 0 ? err.message : say, word);
    ir_json_free(j);
}

#define DEPLOYMENT(status)                                                                  \
    "{\"kind\":\"Deployment\",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":3},\"" \
    "status\":{\"observedGeneration\":2," status "}}"

START_TEST(how_a_rollout_stands)
{
    stands("{\"kind\":\"Deployment\",\"metadata\":{\"generation\":2},\"status\":{"
           "\"observedGeneration\":1}}",
           0, "not seen");
    stands(DEPLOYMENT("\"updatedReplicas\":1"), 0, "1 of 3 new replicas are there");
    stands(DEPLOYMENT("\"updatedReplicas\":3,\"replicas\":4"), 0, "1 old replicas");
    stands(DEPLOYMENT("\"updatedReplicas\":3,\"replicas\":3,\"availableReplicas\":2"), 0, "2 of 3");
    stands(DEPLOYMENT("\"updatedReplicas\":3,\"replicas\":3,\"availableReplicas\":3"), 1, "");
    stands(DEPLOYMENT("\"conditions\":[{\"type\":\"Progressing\",\"reason\":"
                      "\"ProgressDeadlineExceeded\",\"message\":\"m\"}]"),
           IMGREL_EFAILED, "progress deadline");
    stands("{\"kind\":\"DaemonSet\",\"status\":{\"desiredNumberScheduled\":2,"
           "\"updatedNumberScheduled\":2,\"numberAvailable\":1}}",
           0, "1 of 2 new pods");
    stands("{\"kind\":\"DaemonSet\",\"status\":{\"desiredNumberScheduled\":1,"
           "\"updatedNumberScheduled\":1,\"numberAvailable\":1}}",
           1, "");
    stands("{\"kind\":\"StatefulSet\",\"status\":{\"readyReplicas\":1,\"updateRevision\":\"b\","
           "\"currentRevision\":\"a\"}}",
           0, "are new");
    stands("{\"kind\":\"StatefulSet\",\"status\":{\"readyReplicas\":1,\"updateRevision\":\"b\","
           "\"currentRevision\":\"b\"}}",
           1, "");
    stands("{\"kind\":\"DaemonSet\",\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\"}}}",
           IMGREL_EUNSUPPORTED, "OnDelete");
    stands("{\"kind\":\"Pod\"}", IMGREL_EUNSUPPORTED, "Pod");
}
END_TEST

#define WEB(more)                                                                              \
    "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"w\",\"uid\":\"u\",\"resourceVersion\":" \
    "\"5\",\"annotations\":{\"mine\":\"1\",\"deployment.kubernetes.io/revision\":\"3\"}},"     \
    "\"spec\":{" more "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"t\":3}}}"
#define SET(n, owner)                                                                          \
    "{\"metadata\":{\"name\":\"w-" n "\",\"ownerReferences\":[{\"uid\":\"" owner "\"}],"       \
    "\"annotations\":{\"deployment.kubernetes.io/revision\":\"" n "\",\"note\":\"" n "\"}},"   \
    "\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"pod-template-hash\":\"h\"}},\"t\":" n \
    ",\"spec\":{\"containers\":[{\"image\":\"i" n "\"}]}}}}"
#define SETS "{\"items\":[" SET("2", "u") "," SET("3", "u") "," SET("1", "u") "," SET("9", "z") "]}"

static void web(kt *k, const char *object)
{
    kt_on(k, "GET", APPS "deployments/w", 200, object);
    kt_on(k, "GET", APPS "replicasets?limit=500&labelSelector=a%3Db", 200, SETS);
}

START_TEST(history_and_undo)
{
    kt k;
    kt_start(&k, NULL);
    web(&k, WEB(""));
    unit_ok(act(&k, "deployment/w", "history", NULL), &k.err);
    has(k.json, "[{\"revision\":1,\"current\":false,\"name\":\"w-1\",\"images\":[\"i1\"]},");
    has(k.json, "{\"revision\":3,\"current\":true");
    web(&k, WEB(""));
    kt_on(&k, "PATCH", APPS "deployments/w" APPLY, 200, "{}");
    unit_ok(act(&k, "deployment/w", "undo", NULL), &k.err);
    has(k.json, "changed");
    const char *sent = kt_body(&k, "PATCH", NULL, 0);
    has(sent, "\"path\":\"/spec/template\",\"value\":{\"metadata\":{\"labels\":{}},\"t\":2");
    has(sent, "\"note\":\"2\"");
    has(sent, "\"deployment.kubernetes.io/revision\":\"3\""); /* the controller's, kept */
    ck_assert_ptr_null(strstr(sent, "mine"));
    web(&k, WEB(""));
    ck_assert_int_eq(act(&k, "deployment/w", "undo", "{\"revision\":9}"), IMGREL_ENOTFOUND);
    unit_error(&k.err, IMGREL_ENOTFOUND, "no revision 9");
    web(&k, WEB("\"paused\":true,"));
    ck_assert_int_eq(act(&k, "deployment/w", "undo", NULL), IMGREL_ESTATE);
    kt_on(&k, "GET", APPS "deployments/w", 200, WEB("\"paused\":true,"));
    ck_assert_int_eq(act(&k, "deployment/w", "restart", NULL), IMGREL_ESTATE);
    kt_on(&k, "GET", NS "pods/p", 200, "{\"kind\":\"Pod\",\"spec\":{}}");
    ck_assert_int_eq(act(&k, "pod/p", "restart", NULL), IMGREL_EUNSUPPORTED);
    kt_stop(&k);
}
END_TEST

START_TEST(a_set_goes_back_by_its_patch)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", APPS "statefulsets/s", 200,
          "{\"kind\":\"StatefulSet\",\"metadata\":{\"uid\":\"u\"},\"spec\":{\"selector\":{"
          "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"t\":2}}}");
    kt_on(&k, "GET", APPS "controllerrevisions?limit=500&labelSelector=a%3Db", 200,
          "{\"items\":[{\"metadata\":{\"name\":\"r1\",\"ownerReferences\":[{\"uid\":\"u\"}]},"
          "\"revision\":1,\"data\":{\"spec\":{\"template\":{\"$patch\":\"replace\",\"t\":1}}}},"
          "{\"metadata\":{\"name\":\"r2\",\"ownerReferences\":[{\"uid\":\"u\"}]},\"revision\":2,"
          "\"data\":{\"spec\":{\"template\":{\"$patch\":\"replace\",\"t\":2}}}}]}");
    kt_on(&k, "PATCH", APPS "statefulsets/s" APPLY, 200, "{}");
    unit_ok(act(&k, "sts/s", "undo", NULL), &k.err);
    ck_assert_str_eq(kt_body(&k, "PATCH", NULL, 0),
                     "{\"spec\":{\"template\":{\"t\":1,\"$patch\":\"replace\"}}}");
    kt_stop(&k);
}
END_TEST

START_TEST(a_rollout_that_cannot_be)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(&k, "GET", APPS "deployments/w", 404, GONE);
    ck_assert_int_eq(act(&k, "deployment/w", "wait", NULL), IMGREL_ENOTFOUND);
    unit_error(&k.err, IMGREL_ENOTFOUND, "does not exist in ns");
    kt_on(&k, "GET", APPS "deployments/w", 200,
          DEPLOYMENT("\"conditions\":[{\"type\":\"Progressing\",\"reason\":"
                     "\"ProgressDeadlineExceeded\",\"message\":\"m\"}]"));
    ck_assert_int_eq(act(&k, "deployment/w", "wait", NULL), IMGREL_EFAILED);
    unit_error(&k.err, IMGREL_EFAILED, "deployment/w: it exceeded its progress deadline");
    ck_assert_int_eq(act(&k, "deployment/w", "wait", "{}"), IMGREL_EINVAL);
    kt_stop(&k);
}
END_TEST

static unsigned n_asked;

/* As the registry may know better: there is no such repository, so nobody need wait. */
static int asked_elsewhere(const ir_call *call, ir_diagnosis *d, imgrel_error *err)
{
    (void)call;
    n_asked++;
    return strcmp(d->cause, "pull-not-found")
               ? 0
               : ir_diagnosis_say(d, "pull-no-repository", "p/i", err);
}

#define STUCK                                                                                     \
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"w-1\",\"uid\":\"q\"},\"spec\":{\"nodeName\":"     \
    "\"n\","                                                                                      \
    "\"containers\":[{\"name\":\"c\",\"image\":\"h/p/i:1\"}]},\"status\":{\"phase\":\"Pending\"," \
    "\"containerStatuses\":[{\"name\":\"c\",\"image\":\"h/p/i:1\",\"state\":{\"waiting\":{"       \
    "\"reason\":\"ErrImagePull\",\"message\":\"h/p/i:1: not found\"}}}]}}"

START_TEST(a_rollout_asks_those_who_know)
{
    kt k;
    ir_call call;
    kt_start(&k, NULL);
    web(&k, WEB(""));
    dbl_on(k.server, &(dbl_rule){.path = APPS "deployments?watch=1*",
                                 .fault = DBL_STALL,
                                 .headers = "Content-Type: application/json\r\n",
                                 .body = "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
                                         "\"resourceVersion\":\"5\"}}}\n ",
                                 .after = 60});
    kt_on(&k, "GET", NS "pods?limit=500&labelSelector=*", 200, "{\"items\":[" STUCK "]}");
    kt_on(&k, "GET", NS "pods/w-1", 200, STUCK);
    dbl_on(k.server,
           &(dbl_rule){.headers = "Content-Type: application/json\r\n", .body = "{\"items\":[]}"});
    unit_ok(ir_api_kube_call(k.kube, NULL, &call, kt_err(&k)), &k.err);
    n_asked = 0;
    int rc = ir_kube_rollout_wait(&call, k.kube->kube, NULL, "deployment/w", asked_elsewhere, NULL,
                                  &k.err);
    ck_assert_msg(rc == IMGREL_EFAILED, "%d: %s", rc, k.err.message);
    ck_assert_uint_eq(n_asked, 1);
    ck_assert_str_eq(k.err.reason, "pull-no-repository");
    has(k.err.message, "deployment/w: pod/w-1: ");
    kt_stop(&k);
}
END_TEST

/* ---- tables, settings ------------------------------------------------------------------------ */

START_TEST(a_table_of_the_cluster_or_of_ours)
{
    kt k;
    kt_start(&k, NULL);
    kt_on(
        &k, "GET", NS "pods?limit=500", 200,
        "{\"kind\":\"Table\",\"metadata\":{\"continue\":\"c\"},\"columnDefinitions\":[{\"name\":"
        "\"Name\"},{\"name\":\"Ready\",\"priority\":1}],\"rows\":[{\"cells\":[\"a\",5],\"object\":"
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"}}}]}");
    kt_on(&k, "GET", NS "pods?limit=500&continue=c", 410, STATUS("Expired", "too old", ""));
    kt_on(&k, "GET", NS "pods?limit=500", 200,
          "{\"kind\":\"Table\",\"metadata\":{},\"columnDefinitions\":[{\"name\":"
          "\"Name\"},{\"name\":\"Ready\",\"priority\":1}],\"rows\":[{\"cells\":[\"a\",null],"
          "\"object\":{\"metadata\":{\"name\":\"a\"}}}]}");
    unit_ok(act(&k, "pod", "table", NULL), &k.err);
    ck_assert_str_eq(k.json,
                     "{\"columns\":[{\"name\":\"Name\",\"priority\":0},{\"name\":\"Ready\","
                     "\"priority\":1}],\"rows\":[{\"cells\":[\"a\",\"\"],\"name\":\"a\"}]}");
    kt_on(&k, "GET", NS "configmaps?limit=500&labelSelector=x", 200,
          "{\"items\":[{\"metadata\":{\"name\":\"m\",\"creationTimestamp\":\"t\"}}]}");
    unit_ok(act(&k, "cm", "table", "{\"selector\":\"x\"}"), &k.err);
    has(k.json, "\"rows\":[{\"cells\":[\"m\",\"t\"],\"name\":\"m\"}]"); /* no phase: no column */
    kt_stop(&k);
}
END_TEST

static imgrel_kube *with_settings(kt *k, const char *text, int *ret_rc)
{
    imgrel_kube *other = NULL;
    *ret_rc = imgrel_kube_new(k->client, text, NULL, &other, kt_err(k));
    return other;
}

START_TEST(settings_without_a_file)
{
    static const struct {
        const char *text, *word;
    } bad[] = {{"{\"token\":\"t\"}", "names no server"},
               {"{\"server\":\"https://h\",\"tokn\":\"t\"}", "tokn"},
               {"{\"server\":\"https://h\",\"certificate-authority-data\":\"x\"}", "base64"},
               {"{\"server\":5}", "must be a string"},
               {"{\"server\":\"https://h\",\"client-key-data\":\"-----BEGIN x\"}", "certificate"},
               {"{nonsense", "settings"}};
    kt k;
    int rc = 0;
    kt_start(&k, NULL);
    char *text =
        ir_format("{\"server\":\"%s\",\"certificate-authority\":\"%s\",\"token\":\"given\","
                  "\"namespace\":\"there\"}",
                  dbl_url(k.server), dbl_pki_path(k.pki, DBL_CA));
    imgrel_kube *other = with_settings(&k, text, &rc);
    unit_ok(rc, &k.err);
    ck_assert_str_eq(imgrel_kube_namespace(other), "there");
    kt_on(&k, "GET", "/api/v1/namespaces/there/pods/p", 200, "{}");
    unit_ok(imgrel_kube_get(other, NULL, "pod/p", NULL, NULL, kt_err(&k)), &k.err);
    ck_assert(dbl_saw(k.server, "Authorization: Bearer given"));
    imgrel_kube_free(other);
    free(text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(with_settings(&k, bad[i].text, &rc));
        ck_assert_int_eq(rc, IMGREL_EINVAL);
        unit_error(&k.err, IMGREL_EINVAL, bad[i].word);
    }
    kt_stop(&k);
}
END_TEST

UNIT_SUITE(do, kinds_in_one_document, kinds_group_by_group, a_manifest_of_many,
           manifests_that_are_none, conflicts_field_by_field, not_found_says_where,
           patches_of_three_types, deletion_as_it_is_wished, pull_secrets_beside_others,
           a_pod_as_written, how_a_rollout_stands, history_and_undo, a_set_goes_back_by_its_patch,
           a_rollout_that_cannot_be, a_rollout_asks_those_who_know,
           a_table_of_the_cluster_or_of_ours, settings_without_a_file)
