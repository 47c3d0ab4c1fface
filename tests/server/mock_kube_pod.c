/* mock_kube_pod.c - pods that cannot run, as the mock's node tells of them; pull secrets as kubelet
 * matches them; events; logs' refusals. Here the node pulls and runs nothing. */
#include "mock_kube.h"
#include "base/str.h"
#include "mock/node.h"

#define STATE "status.containerStatuses.0.state.waiting."
#define HOST imgrel_mock_get(mock, "host")

/* A mock with a private image team/app:1, and the login of a robot that may pull it. */
static const char *private_up(void)
{
    kube_up("\"node\": \"pull\"");
    make_project("team", false);
    push_page("team/app:1", NULL);
    make_namespace();
    return make_robot("team", "k8s", "pull");
}

static const char *image(const char *what)
{
    return text("%s/%s", HOST, what);
}

START_TEST(held_at_pulled)
{
    const char *robot = private_up();
    make_secret("regcred", HOST, robot);
    make_pod("p", image("team/app:1"), ", \"imagePullSecrets\": [{\"name\": \"regcred\"}]");
    const ir_json *pod = until(IN("pods/p"), STATE "reason", "Pulled");
    ck_text(pod, STATE "message",
            "image is pulled and verified; this node does not run containers "
            "(needs root and runc)");
    ck_text(pod, "status.phase", "Pending");
    const char *digest =
        string_at(GET(API "/projects/team/repositories/app/artifacts/1", ADMIN).json, "digest");
    ck_text(pod, "status.containerStatuses.0.imageID", text("%s@%s", image("team/app"), digest));
    ck_assert_ptr_nonnull(event_of("p", "Pulled"));
    want_k(KGET(IN("pods/p/log")), 400, "BadRequest",
           "container \"c\" in pod \"p\" is waiting to start: Pulled");
    kube_down();
}
END_TEST

START_TEST(pull_errors_alternate)
{
    private_up();
    make_pod("p", image("team/app:1"), NULL);
    const ir_json *pod = until(IN("pods/p"), STATE "reason", "ErrImagePull");
    const char *why = text("pulling from host %s failed with status code [manifests 1]: 401 "
                           "Unauthorized",
                           HOST);
    ck_assert_ptr_nonnull(strstr(string_at(pod, STATE "message"), why));
    pod = until(IN("pods/p"), STATE "reason", "ImagePullBackOff");
    ck_assert(
        ir_starts(string_at(pod, STATE "message"),
                  text("Back-off pulling image \"%s\": ErrImagePull: ", image("team/app:1"))));
    ck_text(pod, "status.phase", "Pending");
    until(IN("pods/p"), STATE "reason", "ErrImagePull");
    until(IN("pods/p"), STATE "reason", "ImagePullBackOff");
    static const char *const events[][2] = {
        {"Pulling", "Normal"}, {"Failed", "Warning"}, {"BackOff", "Normal"}};
    for (size_t i = 0; i < 3; i++)
        ck_text(event_of("p", events[i][0]), "type", events[i][1]);
    want_k(KGET(IN("pods/p/log")), 400, "BadRequest", "trying and failing to pull image");
    kube_down();
}
END_TEST

START_TEST(a_wrong_secret_says_the_same)
{
    private_up();
    make_secret("regcred", HOST, "robot$team+k8s:wrong");
    make_pod("p", image("team/app:1"), ", \"imagePullSecrets\": [{\"name\": \"regcred\"}]");
    const ir_json *pod = until(IN("pods/p"), STATE "reason", "ErrImagePull");
    ck_assert_ptr_nonnull(strstr(string_at(pod, STATE "message"), "401 Unauthorized"));
    kube_down();
}
END_TEST

START_TEST(a_missing_secret_recovers)
{
    const char *robot = private_up();
    make_pod("p", image("team/app:1"), ", \"imagePullSecrets\": [{\"name\": \"regcred\"}]");
    until(IN("pods/p"), STATE "reason", "ErrImagePull");
    ck_text(event_of("p", "FailedToRetrieveImagePullSecret"), "type", "Warning");
    make_secret("regcred", HOST, robot);
    until(IN("pods/p"), STATE "reason", "Pulled");
    kube_down();
}
END_TEST

START_TEST(an_opaque_secret_is_passed_over_in_silence)
{
    private_up();
    want(KPOST(IN("secrets"), "{\"metadata\": {\"name\": \"regcred\"}, \"stringData\": {\"a\": "
                              "\"b\"}}"),
         201);
    make_pod("p", image("team/app:1"), ", \"imagePullSecrets\": [{\"name\": \"regcred\"}]");
    until(IN("pods/p"), STATE "reason", "ErrImagePull");
    ck_assert_ptr_null(event_of("p", "FailedToRetrieveImagePullSecret"));
    kube_down();
}
END_TEST

START_TEST(a_malformed_auth_is_the_reason)
{
    private_up();
    const char *doc = text("{\"auths\": {\"elsewhere\": {\"auth\": \"!!!\"}}}");
    want(KPOST(IN("secrets"), text("{\"metadata\": {\"name\": \"regcred\"}, \"type\": "
                                   "\"kubernetes.io/dockerconfigjson\", \"data\": "
                                   "{\".dockerconfigjson\": \"%s\"}}",
                                   base64(doc))),
         201);
    make_pod("p", image("team/app:1"), ", \"imagePullSecrets\": [{\"name\": \"regcred\"}]");
    until(IN("pods/p"), STATE "reason", "illegal base64 data at input byte 0");
    ck_text(event_of("p", "Failed"), "message", "Error: illegal base64 data at input byte 0");
    kube_down();
}
END_TEST

/* ---- other reasons -------------------------------------------------------------------------- */

START_TEST(reasons_of_images)
{
    kube_up("\"node\": \"pull\"");
    make_namespace();
    push_page("library/only:1", "\"linux/riscv64\", \"linux/s390x\"");
    make_pod("none", image("library/none:1"), NULL);
    make_pod("arch", image("library/only:1"), NULL);
    make_pod("upper", "Reg/UPPER:1", NULL);
    make_pod("refused", "127.0.0.1:1/x/y:1", NULL);
    want(KPOST(IN("pods"), text("{\"metadata\": {\"name\": \"never\"}, \"spec\": {\"containers\": "
                                "[{\"name\": \"c\", \"image\": \"%s\", \"imagePullPolicy\": "
                                "\"Never\"}]}}",
                                image("library/only:1"))),
         201);
    const char *x = image("library/none:1");
    const char *message =
        string_at(until(IN("pods/none"), STATE "reason", "ErrImagePull"), STATE "message");
    ck_assert_str_eq(message,
                     text("rpc error: code = NotFound desc = failed to pull and unpack "
                          "image \"%s\": failed to resolve reference \"%s\": %s: not found",
                          x, x, x));
    message = string_at(until(IN("pods/arch"), STATE "reason", "ErrImagePull"), STATE "message");
    ck_assert_ptr_nonnull(strstr(message, "no match for platform in manifest: not found"));
    message =
        string_at(until(IN("pods/upper"), STATE "reason", "InvalidImageName"), STATE "message");
    ck_assert_ptr_nonnull(strstr(message, "must be lowercase"));
    message = string_at(until(IN("pods/refused"), STATE "reason", "ErrImagePull"), STATE "message");
    ck_assert_ptr_nonnull(strstr(message, "connect: connection refused"));
    message =
        string_at(until(IN("pods/never"), STATE "reason", "ErrImageNeverPull"), STATE "message");
    ck_assert_ptr_nonnull(strstr(message, "is not present with pull policy of Never"));
    ck_assert_ptr_nonnull(event_of("upper", "InspectFailed"));
    kube_down();
}
END_TEST

START_TEST(conditions_of_a_stuck_pod)
{
    static const char *const wanted[][3] = {{"PodScheduled", "True", ""},
                                            {"Initialized", "True", ""},
                                            {"Ready", "False", "ContainersNotReady"},
                                            {"ContainersReady", "False", "ContainersNotReady"}};
    kube_up("\"node\": \"pull\"");
    make_namespace();
    make_pod("p", image("library/none:1"), NULL);
    const ir_json *list =
        ir_json_path(until(IN("pods/p"), STATE "reason", "ErrImagePull"), "status.conditions");
    for (size_t i = 0; i < 4; i++) {
        const ir_json *c = NULL;
        for (size_t k = 0; k < ir_json_len(list); k++)
            if (ir_streq(ir_json_str(ir_json_at(list, k), "type"), wanted[i][0]))
                c = ir_json_at(list, k);
        ck_text(c, "status", wanted[i][1]);
        ck_text(c, "reason", wanted[i][2]);
    }
    kube_down();
}
END_TEST

START_TEST(an_unschedulable_pod)
{
    kube_up("\"node\": \"pull\"");
    make_namespace();
    make_pod("p", "x/y:1", ", \"nodeSelector\": {\"disk\": \"ssd\"}");
    const ir_json *pod = until(IN("pods/p"), "status.conditions.0.reason", "Unschedulable");
    ck_text(pod, "status.conditions.0.type", "PodScheduled");
    ck_text(pod, "status.conditions.0.status", "False");
    ck_assert(
        ir_starts(string_at(pod, "status.conditions.0.message"), "0/1 nodes are available: "));
    ck_assert_ptr_null(ir_json_path(pod, "status.containerStatuses"));
    answer a = KGET(IN("pods/p/log"));
    want(a, 204);
    ck_assert_int_eq((int)a.len, 0);
    wire *w = wire_open("GET", IN("pods/p/portforward?ports=80"), WEBSOCKET(CHANNEL));
    ck_assert_int_eq(w->status, 400);
    ck_assert_ptr_nonnull(strstr(wire_rest(w), "\"kind\":\"Status\""));
    wire_close(w);
    kube_down();
}
END_TEST

START_TEST(events_have_null_times)
{
    kube_up("\"node\": \"pull\"");
    make_namespace();
    make_pod("p", image("library/none:1"), NULL);
    until(IN("pods/p"), STATE "reason", "ImagePullBackOff");
    const ir_json *e = event_of("p", "Scheduled");
    ck_assert(ir_json_is_null(ir_json_get(e, "firstTimestamp")) &&
              ir_json_get(e, "firstTimestamp"));
    ck_assert(ir_json_is_null(ir_json_get(e, "lastTimestamp")));
    ck_assert_ptr_null(ir_json_get(e, "count"));
    ck_assert_str_ne(string_at(e, "eventTime"), "");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(e, "source")), 0);
    e = event_of("p", "Pulling");
    ck_assert(ir_json_is_null(ir_json_get(e, "eventTime")) && ir_json_get(e, "eventTime"));
    ck_assert_str_ne(string_at(e, "lastTimestamp"), "");
    ck_text(e, "source.component", "kubelet");
    ck_text(e, "involvedObject.fieldPath", "spec.containers{c}");
    const char *one = text(IN("events/%s"), string_at(e, "metadata.name"));
    for (int i = 0; i < 200 && int_at(KGET(one).json, "count") < 2; i++)
        until(IN("pods/p"), STATE "reason", "ErrImagePull");
    ck_assert_int_ge(int_at(KGET(one).json, "count"), 2); /* a repeat counts, it is no new event */
    answer a =
        KGET(text("/apis/events.k8s.io/v1/namespaces/t/events?fieldSelector=regarding.uid%%3D"
                  "%s",
                  string_at(e, "involvedObject.uid")));
    want(a, 200);
    ck_assert_int_ge((int)ir_json_len(ir_json_get(a.json, "items")), 3);
    ck_assert_str_ne(string_at(a.json, "items.0.note"), "");
    kube_down();
}
END_TEST

START_TEST(a_missing_volume_is_told_by_an_event_only)
{
    kube_up("\"node\": \"pull\"");
    make_namespace();
    make_pod("p", "x/y:1",
             ", \"volumes\": [{\"name\": \"v\", \"secret\": {\"secretName\": "
             "\"nosec\"}}]");
    const ir_json *pod = until(IN("pods/p"), STATE "reason", "ContainerCreating");
    ck_assert_ptr_null(ir_json_path(pod, STATE "message"));
    for (int i = 0; i < 500 && !event_of("p", "FailedMount"); i++)
        ;
    ck_assert_ptr_nonnull(
        strstr(string_at(event_of("p", "FailedMount"), "message"), "secret \"nosec\" not found"));
    kube_down();
}
END_TEST

/* ---- logs' refusals ------------------------------------------------------------------------- */

START_TEST(what_a_log_refuses)
{
    kube_up("\"node\": \"pull\"");
    make_namespace();
    make_pod("p", image("library/none:1"), NULL);
    until(IN("pods/p"), STATE "reason", "ErrImagePull");
    answer a = ask("GET", kube_path(IN("pods/p/log")), NULL, NULL, UA, "Accept: text/plain", NULL);
    want_k(a, 406, "NotAcceptable", "media types");
    a = KGET(IN("pods/p/log?tailLines=-1"));
    want_k(a, 422, "Invalid", "tailLines");
    ck_text(a.json, "details.kind", "PodLogOptions");
    want_k(KGET(IN("pods/p/log?stream=Stdout")), 422, "Invalid", "stream");
    want_k(KGET(IN("pods/p/log?previous=true")), 400, "BadRequest",
           "previous terminated container \"c\" in pod \"p\" not found");
    want_k(KGET(IN("pods/p/log?container=z")), 400, "BadRequest", "container z is not valid");
    want_k(KGET(IN("pods/none/log")), 404, "NotFound", "pods \"none\" not found");
    want(KPOST(IN("pods"),
               "{\"metadata\": {\"name\": \"m\"}, \"spec\": {\"containers\": [{\"name\": "
               "\"web\", \"image\": \"x\"}, {\"name\": \"echo\", \"image\": \"x\"}]}}"),
         201);
    want_k(KGET(IN("pods/m/log")), 400, "BadRequest",
           "a container name must be specified for pod m, choose one of: [web echo]");
    kube_down();
}
END_TEST

START_TEST(an_error_that_comes_as_200)
{
    kube_up(NULL);
    make_namespace();
    make_pod("p", "x/y:1", ", \"nodeName\": \"elsewhere\"");
    want(KPATCH(
             IN("pods/p/status"), MERGE,
             "{\"status\": {\"phase\": \"Failed\", \"containerStatuses\": [{\"name\": \"c\", "
             "\"restartCount\": 0, \"state\": {\"terminated\": {\"exitCode\": 1, \"containerID\": "
             "\"containerd://abc\"}}}]}}"),
         200);
    answer a = KGET(IN("pods/p/log"));
    want(a, 200);
    ck_assert_str_eq(a.body, "unable to retrieve container logs for containerd://abc");
    kube_down();
}
END_TEST

/* ---- keys ----------------------------------------------------------------------------------- */

START_TEST(keys_that_fit_an_image)
{
    static const struct {
        const char *key;
        bool fits;
    } cases[] = {
        {"10.89.0.2:5000", true},
        {"http://10.89.0.2:5000/v2/", true},
        {"https://10.89.0.2:5000", true},
        {"10.89.0.2:5000/", true},
        {"10.89.0.2:5000/team", true},
        {"*.89.0.2:5000", true},
        {"10.89.0.2", false},
        {"10.89.0.2:5000/other", false},
        {"https://10.89.0.2:5000/v2", false},
        {"*:5000", false},
        {"10.89.0.2:5001", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mk_keyring ring = {0};
        mk_login login[2];
        char *why = NULL, *doc = ir_format("{\"auths\": {\"%s\": {\"auth\": \"%s\"}}}",
                                           cases[i].key, base64("u:p:q"));
        ck_assert(mk_keyring_add(&ring, doc, strlen(doc), &why));
        size_t n = mk_keyring_find(&ring, "10.89.0.2:5000/team/app", login, 2);
        ck_assert_msg(n == cases[i].fits, "%s: %zu", cases[i].key, n);
        if (n) {
            ck_assert_str_eq(login[0].user, "u");
            ck_assert_str_eq(login[0].secret, "p:q");
        }
        mk_keyring_free(&ring);
        free(doc);
    }
    kube_down();
}
END_TEST

START_TEST(what_a_key_may_hold)
{
    static const char doc[] =
        "{\"auths\": {\"a.io\": {\"username\": \"u\", \"password\": \"p\"}, \"b.io\": "
        "{\"identitytoken\": \"t\"}, \"c.io\": {\"auth\": \"dTpw\"}}, \"credsStore\": \"pass\"}";
    mk_keyring ring = {0};
    mk_login l;
    char *why = NULL;
    ck_assert(mk_keyring_add(&ring, doc, strlen(doc), &why));
    ck_assert_int_eq((int)mk_keyring_find(&ring, "a.io/x", &l, 1), 1);
    ck_assert_str_eq(l.user, "u");
    ck_assert_int_eq((int)mk_keyring_find(&ring, "c.io/x", &l, 1), 1);
    ck_assert_int_eq((int)mk_keyring_find(&ring, "b.io/x", &l, 1), 1);
    ck_assert_str_eq(l.user, ""); /* the token is not read: anonymous */
    static const char bad[] = "{\"auths\": {\"x\": {\"auth\": \"bm9jb2xvbg==\"}}}";
    ck_assert(!mk_keyring_add(&ring, bad, strlen(bad), &why));
    ck_assert_ptr_nonnull(strstr(why, "must be formatted as base64(username:password)"));
    free(why);
    mk_keyring_free(&ring);
}
END_TEST

UNIT_SUITE(kube_pod, held_at_pulled, pull_errors_alternate, a_wrong_secret_says_the_same,
           a_missing_secret_recovers, an_opaque_secret_is_passed_over_in_silence,
           a_malformed_auth_is_the_reason, reasons_of_images, conditions_of_a_stuck_pod,
           an_unschedulable_pod, events_have_null_times, a_missing_volume_is_told_by_an_event_only,
           what_a_log_refuses, an_error_that_comes_as_200, keys_that_fit_an_image,
           what_a_key_may_hold)
