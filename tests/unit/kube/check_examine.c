/* check_examine.c - what stands behind a failure, asked of a scripted API server: pull secrets, the
 * node, the log, refusals, services; what may not be read; and that no secret is told. Then the
 * page of causes, which must say what the table says. */
#include "support.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/limits.h"
#include "kube/rules.h"

#include <stdlib.h>

#define NS "/api/v1/namespaces/ns/"
#define EMPTY "{\"metadata\":{},\"items\":[]}"
#define DENIED "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\",\"code\":403}"
#define GONE "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"no\",\"code\":404}"
#define META                                                                                       \
    "\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"1\",\"labels\":{\"app\":\"web\"}" \
    "}"
#define C "\"name\":\"c\",\"image\":\"h.lan:5000/team/a:1\""
#define PULLING(reason_, message_, secrets_)                                                    \
    "{" META ",\"spec\":{\"nodeName\":\"n\",\"imagePullSecrets\":[" secrets_                    \
    "],\"containers\":[{" C "}]},\"status\":{\"phase\":\"Pending\",\"containerStatuses\":[{"    \
    "\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"" reason_ "\",\"message\":\"" message_ \
    "\"}}}]}}"
#define REFUSED(secrets_) PULLING("ErrImagePull", "401 Unauthorized", secrets_)
#define SECRET_S "{\"name\":\"s\"}"
#define ENDED(reason_, code_)                                                       \
    "{" META ",\"spec\":{\"nodeName\":\"n\",\"containers\":[{" C "}]},\"status\":{" \
    "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":"    \
    "\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"reason\":\"" reason_   \
    "\",\"exitCode\":" code_ "}}}]}}"
#define UNPLACED(spec_)                                                                        \
    "{" META ",\"spec\":{" spec_ "},\"status\":{\"phase\":\"Pending\",\"conditions\":[{"       \
    "\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\",\"message\":" \
    "\"0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 "       \
    "node(s) had untolerated taint(s). preemption: 0/2\"}]}}"
#define READY_POD                                                                               \
    "{" META ",\"spec\":{\"containers\":[{" C ",\"ports\":[{\"name\":\"web\",\"containerPort\"" \
    ":8080}]}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"
#define LIST(item_) "{\"metadata\":{},\"items\":[" item_ "]}"
#define DEPLOY(spec_, status_)                                                                  \
    "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"d\",\"uid\":" \
    "\"2\",\"namespace\":\"ns\",\"generation\":1},\"spec\":{\"selector\":{\"matchLabels\":{"    \
    "\"app\":\"web\"}}" spec_ "},\"status\":{\"observedGeneration\":1" status_ "}}"
#define SERVICE(spec_) "{\"metadata\":{\"name\":\"s\"},\"spec\":{" spec_ "}}"
#define PODS_OF_WEB NS "pods?*"
#define DEPLOY_PATH "/apis/apps/v1/namespaces/ns/deployments/d"
#define FAILURE(message_)                                                           \
    ",\"conditions\":[{\"type\":\"ReplicaFailure\",\"status\":\"True\",\"reason\":" \
    "\"FailedCreate\",\"message\":\"" message_ "\"}]"

static void on(kt *k, const char *path, int status, const char *type, const char *body)
{
    char headers[100];
    snprintf(headers, sizeof headers, "Content-Type: %s\r\n", type);
    dbl_on(k->server,
           &(dbl_rule){.path = path, .status = status, .headers = headers, .body = body});
}

struct reply {
    const char *path;
    int status;
    const char *body;
};
struct row {
    const char *object, *cause, *message;
    struct reply replies[5];
};

static void check_row(const struct row *r)
{
    kt k;
    kt_start(&k, NULL);
    for (size_t i = 0; i < 5 && r->replies[i].path; i++) {
        const struct reply *p = &r->replies[i];
        bool log = strstr(p->path, "/log") != NULL;
        on(&k, p->path, p->status, log && p->status == 200 ? "text/plain" : "application/json",
           p->body);
    }
    on(&k, NS "events*", 200, "application/json", EMPTY);
    on(&k, NULL, 403, "application/json", DENIED);
    int rc = imgrel_kube_diagnose(k.kube, NULL, r->object, NULL, kt_json(&k), kt_err(&k));
    ck_assert_msg(rc == 0, "%s: %s", r->cause, k.err.message);
    ir_json *j = NULL;
    unit_ok(ir_json_parse(k.json, strlen(k.json), "diagnosis", &j, &k.err), &k.err);
    ck_assert_msg(ir_streq(ir_json_str(j, "cause"), r->cause), "wanted %s: %s", r->cause, k.json);
    ck_assert_msg(strstr(ir_json_str(j, "message"), r->message) != NULL, "%s: %s", r->message,
                  k.json);
    ck_assert_msg(!strchr(ir_json_str(j, "cure"), '{'), "%s", k.json);
    ck_assert_msg(!strstr(k.json, "hunter2") && !strstr(k.json, "aHVudGVy"), "%s", k.json);
    ir_json_free(j);
    kt_stop(&k);
}

/* A secret of a type with logins as JSON. */
static char *secret(const char *type, const char *logins)
{
    ir_buf data = IR_BUF(4096);
    ir_base64_add(&data, logins, strlen(logins));
    char *text = ir_format("{\"metadata\":{\"name\":\"s\"},\"type\":\"%s\",\"data\":{"
                           "\".dockerconfigjson\":\"%s\",\".dockercfg\":\"%s\"}}",
                           type, ir_buf_str(&data), ir_buf_str(&data));
    ir_buf_free(&data);
    return text;
}

#define JSON_TYPE "kubernetes.io/dockerconfigjson"
#define LOGIN "{\"username\":\"bob\",\"password\":\"hunter2\"}"
#define AUTHS(host_) "{\"auths\":{\"" host_ "\":" LOGIN "}}"

START_TEST(pull_secrets)
{
    static const struct {
        const char *named, *type, *logins;
        int status; /* of the secret; 0: its own */
        const char *cause, *message;
    } rows[] = {
        {"", NULL, NULL, 403, "pull-no-secret", "names no pull secret"},
        {SECRET_S, NULL, NULL, 404, "pull-secret-missing", "secret s: it does not exist"},
        {SECRET_S, NULL, NULL, 403, "pull-unauthorized", "wants a login"},
        {SECRET_S, "Opaque", AUTHS("h.lan:5000"), 0, "pull-secret-type", "of type Opaque"},
        {SECRET_S, JSON_TYPE, AUTHS("h.lan"), 0, "pull-secret-other-host", "login for h.lan"},
        {SECRET_S, JSON_TYPE, "[nonsense", 0, "pull-secret-other-host", "holds no login"},
        {SECRET_S, JSON_TYPE, "{\"auths\":{}}", 0, "pull-secret-other-host", "holds no login"},
        {SECRET_S, JSON_TYPE, AUTHS("h.lan:5000"), 0, "pull-login-refused", "pull secret: bob"},
        {SECRET_S, JSON_TYPE, AUTHS("http://h.lan:5000/v2/team"), 0, "pull-login-refused", "bob"},
        {SECRET_S, JSON_TYPE, AUTHS("*.lan:5000"), 0, "pull-login-refused", "bob"},
        {SECRET_S, "kubernetes.io/dockercfg", "{\"h.lan:5000\":" LOGIN "}", 0, "pull-login-refused",
         "bob"},
        {SECRET_S "," SECRET_S, JSON_TYPE, AUTHS("h.lan:5000"), 0, "pull-login-refused", "bob"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *body = rows[i].type ? secret(rows[i].type, rows[i].logins)
                                  : ir_strdup(rows[i].status == 404 ? GONE : DENIED);
        char *pod = ir_format("%s%s%s", REFUSED("\001"), "", "");
        char *at = strchr(pod, '\001');
        char *whole = ir_format("%.*s%s%s", (int)(at - pod), pod, rows[i].named, at + 1);
        check_row(&(struct row){
            .object = "pod/p",
            .cause = rows[i].cause,
            .message = rows[i].message,
            .replies = {{NS "pods/p", 200, whole},
                        {NS "secrets/s", rows[i].status ? rows[i].status : 200, body}}});
        free(body);
        free(pod);
        free(whole);
    }
}
END_TEST

START_TEST(keys_as_the_kubelet_reads_them)
{
    static const struct {
        const char *key, *image;
        bool fits;
    } rows[] = {
        {"h:5000", "h:5000/a:1", true},
        {"h", "h:5000/a:1", false},
        {"https://h:5000/v2/", "h:5000/a", true},
        {"https://h:5000/v2", "h:5000/a", false},
        {"h:5000/", "h:5000/a", true},
        {"h:5000/team", "h:5000/team/a", true},
        {"h:5000/team", "h:5000/other/a", false},
        {"*.b.c:5000", "a.b.c:5000/x", true},
        {"*.c:5000", "a.b.c:5000/x", false},
        {"https://index.docker.io/v1/", "nginx", true},
        {"docker.io", "library/nginx", true},
        {"docker.io", "docker.io/a/b", true},
        {"h:5000", "nginx", false},
        {"", "h:5000/a", false},
        {"://", "://", false},
        {"[::1]:5000", "[::1]:5000/a", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(ir_pull_key_matches(rows[i].key, rows[i].image) == rows[i].fits, "%s for %s",
                      rows[i].key, rows[i].image);
}
END_TEST

START_TEST(behind_a_pod)
{
    static const struct row rows[] = {
        {"pod/p",
         "crash-loop",
         "its last words: no database at pass",
         {{NS "pods/p", 200, ENDED("Error", "3")},
          {NS "pods/p/log?*", 200, "first\nno database at password=hunter2\n\n"}}},
        {"pod/p",
         "crash-loop",
         "exit code 3",
         {{NS "pods/p", 200, ENDED("Error", "3")},
          {NS "pods/p/log?*", 200, "unable to retrieve container logs for containerd://x"}}},
        {"pod/p", "crash-loop", "exit code 3", {{NS "pods/p", 200, ENDED("Error", "3")}}},
        {"pod/p",
         "wrong-architecture",
         "another processor",
         {{NS "pods/p", 200, ENDED("Error", "1")},
          {NS "pods/p/log?*", 200, "exec /v/prog: exec format error\n"}}},
        {"pod/p",
         "bad-command",
         "not in the image",
         {{NS "pods/p", 200, ENDED("Error", "1")},
          {NS "pods/p/log?*", 200, "exec /app.sh: no such file or directory\n"}}},
        {"pod/p",
         "pull-no-platform",
         "no part for this node's platform",
         {{NS "pods/p", 200, PULLING("ErrImagePull", "no match for platform in manifest", "")},
          {"/api/v1/nodes/n", 200,
           "{\"status\":{\"nodeInfo\":{\"operatingSystem\":\"linux\",\"architecture\":\"amd64\"}}"
           "}"}}},
        {"pod/p",
         "node-not-ready",
         "n: KubeletNotReady: no CNI",
         {{NS "pods/p", 200,
           "{" META ",\"spec\":{\"nodeName\":\"n\"},\"status\":{\"phase\":"
           "\"Pending\"}}"},
          {"/api/v1/nodes/n", 200,
           "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":"
           "\"KubeletNotReady\",\"message\":\"no CNI\"}]}}"}}},
        {"pod/p",
         "node-not-ready",
         "has not reported",
         {{NS "pods/p", 200, "{" META ",\"spec\":{\"nodeName\":\"n\"},\"status\":{}}"},
          {"/api/v1/nodes/n", 404, GONE}}},
        {"pod/p",
         "creating",
         "being made",
         {{NS "pods/p", 200, "{" META ",\"spec\":{\"nodeName\":\"n\"},\"status\":{}}"}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}
END_TEST

#define NODE(taints_) "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"taints\":[" taints_ "]}}"
#define TAINT(key_, value_) \
    "{\"key\":\"" key_ "\",\"value\":\"" value_ "\",\"effect\":\"NoSchedule\"}"
#define SELECTOR "\"nodeSelector\":{\"disk\":\"ssd\"}"

START_TEST(behind_the_scheduler)
{
    static const struct row rows[] = {
        {"pod/p",
         "no-matching-node",
         "no node has the labels of its nodeSelector, disk=ssd",
         {{NS "pods/p", 200, UNPLACED(SELECTOR)},
          {"/api/v1/nodes?*disk%3Dssd*", 200, EMPTY},
          {"/api/v1/nodes?*", 200, EMPTY}}},
        {"pod/p",
         "untolerated-taint",
         "node n has the taint gpu:NoSchedule",
         {{NS "pods/p", 200, UNPLACED(SELECTOR)},
          {"/api/v1/nodes?*", 200, LIST(NODE(TAINT("gpu", "yes")))}}},
        {"pod/p",
         "node-not-ready",
         "1 of 1 nodes that it may be on are not ready",
         {{NS "pods/p", 200, UNPLACED(SELECTOR)},
          {"/api/v1/nodes?*", 200, LIST(NODE(TAINT("node.kubernetes.io/not-ready", "")))}}},
        {"pod/p",
         "node-not-ready",
         "1 of 1",
         {{NS "pods/p", 200,
           UNPLACED(SELECTOR ",\"tolerations\":[{\"key\":\"gpu\",\"value\":\"yes\"}]")},
          {"/api/v1/nodes?*", 200,
           LIST(NODE(TAINT("gpu", "yes") "," TAINT("node.kubernetes.io/unreachable", "")))}}},
        /* Who may not look at nodes is told what the scheduler says. */
        {"pod/p",
         "untolerated-taint",
         "untolerated taint(s)",
         {{NS "pods/p", 200, UNPLACED(SELECTOR)}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}
END_TEST

START_TEST(what_makes_pods)
{
    static const struct row rows[] = {
        {"deployment/d",
         "quota-exceeded",
         "0 of 2 ready: the namespace's quota is used up",
         {{DEPLOY_PATH, 200,
           DEPLOY(",\"replicas\":2", FAILURE("pods \\\"d\\\" is forbidden: exceeded quota: q"))},
          {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "pod-security",
         "violates PodSecurity",
         {{DEPLOY_PATH, 200, DEPLOY("", FAILURE("violates PodSecurity \\\"restricted\\\""))},
          {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "policy-refuses",
         "denied the request",
         {{DEPLOY_PATH, 200, DEPLOY("", FAILURE("admission webhook \\\"x\\\" denied the request"))},
          {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "policy-unreachable",
         "failed calling webhook",
         {{DEPLOY_PATH, 200, DEPLOY("", FAILURE("failed calling webhook \\\"x\\\""))},
          {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "pods-refused",
         "a reason of its own",
         {{DEPLOY_PATH, 200, DEPLOY("", FAILURE("a reason of its own"))},
          {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "paused",
         "paused",
         {{DEPLOY_PATH, 200, DEPLOY(",\"paused\":true", "")}, {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "rolling-out",
         "being made",
         {{DEPLOY_PATH, 200, DEPLOY("", "")}, {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "rollout-deadline",
         "too long",
         {{DEPLOY_PATH, 200,
           DEPLOY("", ",\"conditions\":[{\"type\":\"Progressing\",\"status\":\"False\","
                      "\"reason\":\"ProgressDeadlineExceeded\"}]")},
          {PODS_OF_WEB, 200, EMPTY}}},
        {"deployment/d",
         "exits-at-once",
         "0 of 1 ready: pod/p: container c: ",
         {{DEPLOY_PATH, 200, DEPLOY("", "")},
          {PODS_OF_WEB, 200, LIST(READY_POD "," ENDED("Completed", "0"))}}},
        {"deployment/d", "", "no pods", {{DEPLOY_PATH, 200, DEPLOY(",\"replicas\":0", "")}}},
        {"namespace/x",
         "namespace-stuck",
         "held",
         {{"/api/v1/namespaces/x", 200,
           "{\"metadata\":{\"name\":\"x\"},\"status\":{\"phase\":\"Terminating\",\"conditions\":[{"
           "\"type\":\"NamespaceFinalizersRemaining\",\"status\":\"True\",\"message\":\"held\"}]}"
           "}"}}},
        {"node/n",
         "node-pressure",
         "disk",
         {{"/api/v1/nodes/n", 200,
           "{\"metadata\":{\"name\":\"n\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
           "\"status\":\"True\"},{\"type\":\"DiskPressure\",\"status\":\"True\",\"message\":"
           "\"disk\"}]}}"}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}
END_TEST

#define SELECT_WEB "\"selector\":{\"app\":\"web\"}"
#define SLICES "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices*"

START_TEST(services)
{
    static const struct row rows[] = {
        {"service/s",
         "service-selects-nothing",
         "pod/p has app=web where the service wants app=wbe",
         {{NS "services/s", 200, SERVICE("\"selector\":{\"app\":\"wbe\"}")},
          {NS "pods?limit=500&labelSelector=*", 200, EMPTY},
          {NS "pods?*labelSelector*", 200, EMPTY},
          {NS "pods*", 200, LIST(READY_POD)}}},
        {"service/s",
         "service-port-unknown",
         "its containers have web",
         {{NS "services/s", 200,
           SERVICE(SELECT_WEB ",\"ports\":[{\"port\":80,\"targetPort\":\"wbe\"}]")},
          {PODS_OF_WEB, 200, LIST(READY_POD)}}},
        {"service/s",
         "exits-at-once",
         "none of its 1 pods is ready: pod/p",
         {{NS "services/s", 200, SERVICE(SELECT_WEB)},
          {PODS_OF_WEB, 200, LIST(ENDED("Completed", "0"))}}},
        {"service/s",
         "service-no-selector",
         "nobody has given it an address",
         {{NS "services/s", 200, SERVICE("\"type\":\"ClusterIP\"")}, {SLICES, 200, EMPTY}}},
        {"service/s", "", "ready", {{NS "services/s", 200, SERVICE("\"type\":\"ExternalName\"")}}},
        {"service/s",
         "",
         "ready",
         {{NS "services/s", 200,
           SERVICE(SELECT_WEB ",\"ports\":[{\"port\":80,\"targetPort\":\"web\"}]")},
          {PODS_OF_WEB, 200, LIST(READY_POD)}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&rows[i]);
}
END_TEST

START_TEST(nothing_to_examine)
{
    kt k;
    kt_start(&k, NULL);
    on(&k, NS "configmaps/c", 200, "application/json", "{\"metadata\":{\"name\":\"c\"}}");
    ck_assert_int_eq(
        imgrel_kube_diagnose(k.kube, NULL, "configmap/c", NULL, kt_json(&k), kt_err(&k)),
        IMGREL_EINVAL);
    unit_error(&k.err, IMGREL_EINVAL, "nothing that becomes ready");
    kt_stop(&k);
}
END_TEST

/* A certain cause ends a wait at its first look, whatever the rule's patience. */
START_TEST(certain_at_once)
{
    kt k;
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = 60000};
    kt_start(&k, NULL);
    on(&k, NS "pods/p", 200, "application/json", REFUSED(""));
    on(&k, NS "events*", 200, "application/json", EMPTY);
    on(&k, NULL, 403, "application/json", DENIED);
    ck_assert_int_eq(imgrel_kube_wait(k.kube, NULL, "pod/p", &o, NULL, kt_err(&k)), IMGREL_EFAILED);
    unit_error(&k.err, IMGREL_EFAILED, "names no pull secret");
    ck_assert_str_eq(k.err.reason, "pull-no-secret");
    ck_assert_uint_eq(dbl_count(k.server, "GET", NS "pods/p"), 1);
    kt_stop(&k);
}
END_TEST

START_TEST(texts_without_secrets)
{
    static const char *const rows[][2] = {
        {"password=hunter2 x", "password=*** x"},
        {"a secret \"nosec\" not found", "a secret \"nosec\" not found"},
        {"failed to fetch oauth token: 401", "failed to fetch oauth token: 401"},
        {"token: unexpected status", "token: unexpected status"},
        {"Authorization: Basic aHVudGVyMg==", "Authorization: Basic ***"},
        {"Bearer eyJhbGciOi.x.y, next", "Bearer ***, next"},
        {"{\"token\":\"abc123\"}", "{\"token\":\"***\"}"},
        {"get https://bob:hunter2@h/x?sig=abc1", "get https://***@h/x?sig=***"},
        {"two\nlines\033[1m", "two lines [1m"},
        {"password=", "password="},
        {"secret", "secret"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *is = ir_evidence_text(rows[i][0], strlen(rows[i][0]));
        ck_assert_str_eq(is, rows[i][1]);
        free(is);
    }
}
END_TEST

/* ---- the page -------------------------------------------------------------------------------- */

static void add_cure(ir_buf *out, const char *cure)
{
    for (; *cure; cure++)
        if (*cure == '{')
            ir_buf_adds(out, "*");
        else if (*cure == '}')
            ir_buf_adds(out, "*");
        else if (*cure == '|')
            ir_buf_adds(out, "\\|");
        else
            ir_buf_addc(out, *cure);
}

static void add_rule(ir_buf *out, const ir_kube_rule *r)
{
    ir_buf_addf(out, "| `%s` | %s | ", r->cause, r->says);
    add_cure(out, r->cure);
    if (r->patience_s < 0)
        ir_buf_adds(out, " | goes on |\n");
    else if (r->patience_s == 0)
        ir_buf_adds(out, " | at once |\n");
    else
        ir_buf_addf(out, " | %s%d s |\n", r->final ? "once certain, or " : "", r->patience_s);
}

static void add_table(ir_buf *out)
{
    static const char *const titles[] = {"The image cannot be pulled",
                                         "The container waits for something else",
                                         "The program ends",
                                         "The pod is over",
                                         "No node takes the pod",
                                         "The node reports trouble",
                                         "The API server refuses the pod",
                                         "Found by asking further"};
    int at = -1;
    for (const ir_kube_rule *r = ir_kube_rules; r->where != IR_KUBE_RULES_END; r++) {
        if ((int)r->where != at)
            ir_buf_addf(out,
                        "\n### %s\n\n| cause | what is wrong | cure | a wait gives up |\n"
                        "|---|---|---|---|\n",
                        titles[r->where]);
        at = (int)r->where;
        add_rule(out, r);
    }
    ir_buf_addc(out, '\n');
}

/* IMGREL_WRITE_DOCS=1 writes it instead. */
START_TEST(the_page_says_what_the_table_says)
{
    static const char begin[] = "<!-- causes -->\n", end[] = "<!-- end of causes -->\n";
    imgrel_error err = {0};
    ir_buf page = IR_BUF(IR_MIB), want = IR_BUF(IR_MIB);
    unit_ok(ir_file_read(WHY_PAGE, &page, &err), &err);
    const char *from = strstr(ir_buf_str(&page), begin), *to = strstr(ir_buf_str(&page), end);
    ck_assert(from && to && from < to);
    ir_buf_add(&want, page.p, (size_t)(from - page.p) + strlen(begin));
    add_table(&want);
    ir_buf_adds(&want, to);
    if (getenv("IMGREL_WRITE_DOCS"))
        unit_ok(ir_file_write(WHY_PAGE, 0644, want.p, want.len, &err), &err);
    else
        ck_assert_msg(!strcmp(ir_buf_str(&want), ir_buf_str(&page)),
                      "docs/guide/why-not.md is not what rules.c says: run "
                      "IMGREL_WRITE_DOCS=1 tests/unit/check_kube");
    ir_buf_free(&page);
    ir_buf_free(&want);
}
END_TEST

/* What people read is one short line, and a cause has one name. */
START_TEST(rules_are_in_order)
{
    for (const ir_kube_rule *r = ir_kube_rules; r->where != IR_KUBE_RULES_END; r++) {
        ck_assert_msg(strspn(r->cause, "abcdefghijklmnopqrstuvwxyz-") == strlen(r->cause), "%s",
                      r->cause);
        ck_assert_msg(*r->says && *r->cure && !strchr(r->says, '\n') && !strchr(r->cure, '\n'),
                      "%s", r->cause);
        ck_assert_msg(strlen(r->says) < 120 && strlen(r->cure) < 260, "%s", r->cause);
        ck_assert_ptr_nonnull(ir_kube_rule_named(r->cause)->says);
        ck_assert_msg(r->where != IR_KUBE_FOUND || ir_kube_rule_named(r->cause) == r ||
                          ir_kube_rule_named(r->cause)->where != IR_KUBE_FOUND,
                      "%s is there twice", r->cause);
    }
}
END_TEST

UNIT_SUITE(examine, pull_secrets, keys_as_the_kubelet_reads_them, behind_a_pod,
           behind_the_scheduler, what_makes_pods, services, nothing_to_examine, certain_at_once,
           texts_without_secrets, the_page_says_what_the_table_says, rules_are_in_order)
