/* flow.c - each request of what is done with a cluster fails in turn, on the mock: with 500, by a
 * connection that breaks before or after the request was carried out, by silence. The deed ends
 * right or says why, and may be done again, after which all is as it was asked for. */
#include "mock_http.h"

#include <imgrel/imgrel.h>
#include "base/str.h"

typedef struct flow {
    imgrel_client *client;
    imgrel_error err;
} flow;

static void flow_up(flow *f)
{
    memset(f, 0, sizeof *f);
    mock_up("{\"tls\":true,\"node\":\"off\",\"sa_delay_ms\":20,\"login_freeze_ms\":20}");
    unit_ok(imgrel_client_new(&f->client, &f->err), &f->err);
    unit_ok(imgrel_client_set(f->client, "retries", "0", &f->err), &f->err);
}

static void flow_down(flow *f)
{
    imgrel_client_free(f->client);
    mock_down();
}

static imgrel_kube *login(flow *f)
{
    imgrel_kube *k = NULL;
    unit_ok(imgrel_kube_new(f->client, imgrel_mock_get(mock, "kubeconfig"), NULL, &k, &f->err),
            &f->err);
    return k;
}

/* ---- the deeds ------------------------------------------------------------------------------- */

typedef struct deed {
    const char *what; /* "namespace", "secret", "kube_wait", or of imgrel_kube_do */
    const char *object, *json;
    const char *kept, *member, *value; /* what GET of an object must hold then; value NULL: gone */
} deed;

#define POD "{\"image\":\"h/p/i:1\",\"port\":80,\"pull_secret\":\"s\"}"
static const deed deeds[] = {
    {"namespace", NULL, NULL, "namespace/n", "metadata.name", "n"},
    {"secret", NULL, NULL, "secret/s", "type", "kubernetes.io/dockerconfigjson"},
    {"pull_secrets", "serviceaccount/default", "{\"add\":[\"s\"]}", "serviceaccount/default",
     "imagePullSecrets.0.name", "s"},
    {"apply", NULL,
     "{\"manifest\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},"
     "\"data\":{\"k\":\"1\"}},{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
     "\"b\"},\"data\":{\"k\":\"2\"}}]}",
     "configmap/b", "data.k", "2"},
    {"patch", "configmap/a", "{\"patch\":{\"data\":{\"k\":\"3\"}}}", "configmap/a", "data.k", "3"},
    {"run", "pod/p", POD, "pod/p", "spec.containers.0.image", "h/p/i:1"},
    {"run", "pod/p", "{\"image\":\"h/p/i:2\",\"port\":80}", "pod/p", "spec.containers.0.image",
     "h/p/i:2"},
    {"run", "deployment/d", POD, "deployment/d", "spec.template.spec.containers.0.image",
     "h/p/i:1"},
    {"image", "deployment/d", "{\"image\":\"h/p/i:3\"}", "deployment/d",
     "spec.template.spec.containers.0.image", "h/p/i:3"},
    {"expose", "pod/p", "{\"ports\":[{\"port\":80,\"target_port\":8080}]}", "service/p",
     "spec.ports.0.protocol", "TCP"},
    {"patch", "deployment/d", "{\"patch\":{\"spec\":{\"replicas\":0}}}", "deployment/d",
     "metadata.name", "d"},
    {"wait", "deployment/d", NULL, "deployment/d", "status.conditions.0.type", "Available"},
    {"kube_wait", "deployment/d", NULL, "deployment/d", "status.conditions.0.type", "Available"},
    {"table", "pod", NULL, "pod/p", "metadata.name", "p"},
    {"delete", "configmap/a", "{\"propagation\":\"foreground\"}", "configmap/a", NULL, NULL},
};
#define N_DEEDS (sizeof deeds / sizeof *deeds)

static int act(imgrel_kube *k, const deed *d, const imgrel_opts *o, imgrel_error *err)
{
    if (!strcmp(d->what, "namespace"))
        return imgrel_kube_namespace_ensure(k, "n", o, NULL, err);
    if (!strcmp(d->what, "secret"))
        return imgrel_kube_secret_ensure(k, "n", "s", "h:5000", "u", "pw", o, NULL, err);
    if (!strcmp(d->what, "kube_wait"))
        return imgrel_kube_wait(k, "n", d->object, o, NULL, err);
    int rc = imgrel_kube_do(k, "n", d->object, d->what, d->json, o, NULL, err);
    /* Deleted by a request whose reply was lost: it is not there any more. */
    return !d->value && rc == IMGREL_ENOTFOUND ? 0 : rc;
}

static void check(imgrel_kube *k, const deed *d, const char *when)
{
    imgrel_error err = {0};
    ir_json *j = NULL;
    char *text = NULL;
    int rc =
        imgrel_kube_get(k, strcmp(d->what, "namespace") ? "n" : NULL, d->kept, NULL, &text, &err);
    if (!d->value) {
        ck_assert_msg(rc == IMGREL_ENOTFOUND, "%s: %s is there: %d", when, d->kept, rc);
        return;
    }
    ck_assert_msg(!rc, "%s: %s: %s", when, d->kept, err.message);
    unit_ok(ir_json_parse(text, strlen(text), "object", &j, &err), &err);
    ck_assert_msg(!strcmp(string_at(j, d->member), d->value), "%s: %s: %s", when, d->member, text);
    ir_json_free(j);
    imgrel_free(text);
}

/* ---- the faults ------------------------------------------------------------------------------ */

static const char *const faults[] = {
    "\"status\": 500, \"body\": \"\"",
    "\"reset\": true",
    "\"after\": 0",
    "\"delay_ms\": 1000",
};
#define STALL 3

/* Whether the fault struck: otherwise the deed has no n-th request. */
static bool strike(imgrel_kube *k, const deed *d, int fault, int n, int *ret_rc)
{
    imgrel_opts o = {IMGREL_OPTS, .timeout_ms = fault == STALL ? 250 : 0};
    imgrel_error err = {0};
    const char *log = NULL;
    ir_json *all = NULL;
    mock_control("{\"log\": \"clear\"}");
    mock_control("{\"fault\": {\"route\": \"/\", \"skip\": %d, \"count\": 1, %s}}", n,
                 faults[fault]);
    *ret_rc = act(k, d, &o, &err);
    mock_control("{\"faults\": \"clear\"}");
    if (*ret_rc)
        ck_assert_msg(*err.message, "%s, fault %d at request %d: no message", d->what, fault, n);
    log = mock_control("{\"log\": true}");
    unit_ok(ir_json_parse(log, strlen(log), "log", &all, &err), &err);
    bool struck = (int)ir_json_len(all) > n;
    ir_json_free(all);
    return struck;
}

START_TEST(each_request_fails_in_turn)
{
    flow f;
    int rc = 0, n_struck = 0;
    flow_up(&f);
    imgrel_kube *k = login(&f);
    for (size_t i = 0; i < N_DEEDS; i++)
        for (int n = 0; n < 30; n++) {
            const deed *d = &deeds[i];
            bool struck = strike(k, d, _i, n, &rc);
            const char *when =
                text("%s %s, fault %d at request %d", d->what, d->object ? d->object : "", _i, n);
            imgrel_error err = {0};
            if (!rc)
                check(k, d, when);
            rc = act(k, d, NULL, &err);
            ck_assert_msg(!rc, "%s: again: %s", when, err.message);
            check(k, d, when);
            n_struck += struck;
            if (!struck)
                break;
            ck_assert_int_lt(n, 29);
        }
    ck_assert_int_gt(n_struck, (int)N_DEEDS);
    imgrel_kube_free(k);
    flow_down(&f);
}
END_TEST

Suite *suite_flow(void);
Suite *suite_flow(void)
{
    Suite *s = suite_create("flow");
    TCase *c = tcase_create("flow");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, each_request_fails_in_turn, 0, sizeof faults / sizeof *faults);
    suite_add_tcase(s, c);
    return s;
}

UNIT_MAIN(suite_flow)
