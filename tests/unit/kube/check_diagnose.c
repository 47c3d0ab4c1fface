/* check_diagnose.c - pods and events as Kubernetes 1.34 gave them, one file a cause, told apart;
 * and the same causes in the words of other runtimes. */
#include "support.h"
#include "base/fd.h"
#include "base/limits.h"

#include <dirent.h>
#include <stdlib.h>

static ir_json *read_case(const char *name)
{
    imgrel_error err = {0};
    ir_buf text = IR_BUF(IR_MIB);
    ir_json *j = NULL;
    char *path = ir_path_join(TEST_DATA, name);
    unit_ok(ir_file_read(path, &text, &err), &err);
    unit_ok(ir_json_parse(text.p, text.len, name, &j, &err), &err);
    free(path);
    ir_buf_free(&text);
    return j;
}

static void check_case(const char *name)
{
    imgrel_error err = {0};
    ir_diagnosis d;
    ir_json *j = read_case(name);
    const ir_json *want = ir_json_get(j, "want");
    unit_ok(ir_diagnose(ir_json_get(j, "pod"), ir_json_get(j, "events"), &d, &err), &err);
    ck_assert_msg(ir_streq(d.cause, ir_json_str(want, "cause")), "%s: cause %s: %s", name, d.cause,
                  d.message);
    ck_assert_msg(ir_streq(d.state, ir_json_str(want, "state")), "%s: state %s", name, d.state);
    ck_assert_msg(d.final == ir_json_bool(want, "final", false), "%s: final %d", name, d.final);
    ck_assert_msg(strstr(d.message, ir_json_str(want, "message")) != NULL, "%s: %s", name,
                  d.message);
    ck_assert_msg(strstr(d.cure, ir_json_str(want, "cure")) != NULL, "%s: %s", name, d.cure);
    ck_assert_msg(!strchr(d.cure, '{') && !strchr(d.message, '\n'), "%s: %s", name, d.cure);
    ck_assert(ir_json_len(d.evidence) > 0 || !strcmp(d.state, "progressing"));
    ir_diagnosis_free(&d);
    ir_json_free(j);
}

START_TEST(recorded)
{
    DIR *dir = opendir(TEST_DATA);
    size_t n = 0;
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = NULL; (e = readdir(dir));)
        if (ir_ends(e->d_name, ".json")) {
            check_case(e->d_name);
            n++;
        }
    closedir(dir);
    ck_assert_uint_ge(n, 40);
}
END_TEST

/* A pod whose container waits; message and reason are what is told apart. */
static void waits(const char *reason, const char *message, const char *cause)
{
    imgrel_error err = {0};
    ir_diagnosis d;
    ir_json *pod =
        ir_json_pack("{s:{s:s}, s:{s:s, s:[{s:s, s:s}]}, s:{s:s, s:[{s:s, s:{s:{s:s, s:s}}}]}}",
                     "metadata", "name", "p", "spec", "nodeName", "n", "containers", "name", "c",
                     "image", "h:5000/a:1", "status", "phase", "Pending", "containerStatuses",
                     "name", "c", "state", "waiting", "reason", reason, "message", message);
    unit_ok(ir_diagnose(pod, NULL, &d, &err), &err);
    ck_assert_msg(ir_streq(d.cause, cause), "%s: %s, wanted %s", message, d.cause, cause);
    ir_diagnosis_free(&d);
    ir_json_free(pod);
}

START_TEST(other_words)
{
    static const struct {
        const char *message, *cause;
    } rows[] = {
        {"failed to authorize: failed to fetch anonymous token: unexpected status from GET request "
         "to https://h/service/token: 401 Unauthorized",
         "pull-unauthorized"},
        {"pull access denied, repository does not exist or may require authorization: server "
         "message: insufficient_scope: authorization failed",
         "pull-denied"},
        {"reading manifest 1 in h/a: unauthorized: authentication required", "pull-unauthorized"},
        {"initializing source docker://h/a:1: reading manifest 1 in h/a: manifest unknown",
         "pull-not-found"},
        {"choosing image instance: no image found in manifest list for architecture amd64",
         "pull-no-platform"},
        {"no matching manifest for linux/arm64/v8 in the manifest list entries",
         "pull-no-platform"},
        {"pinging container registry h:5000: Get \"https://h:5000/v2/\": http: server gave HTTP "
         "response to HTTPS client",
         "pull-plain-http"},
        {"Get \"https://h/v2/\": tls: failed to verify certificate: x509: certificate has expired",
         "pull-certificate"},
        {"dial tcp: lookup h on 10.0.0.1:53: no such host", "pull-dns"},
        {"dial tcp 10.0.0.9:443: i/o timeout", "pull-unreachable"},
        {"toomanyrequests: You have reached your pull rate limit", "pull-rate-limit"},
        {"write /var/lib/x: no space left on device", "pull-disk-full"},
        {"unexpected commit digest sha256:aa, expected sha256:bb: failed precondition",
         "pull-digest"},
        {"something nobody has seen", "pull-failed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        waits("ErrImagePull", rows[i].message, rows[i].cause);
        waits("ImagePullBackOff", rows[i].message, rows[i].cause);
    }
    waits("SignatureValidationFailed", "no key", "pull-signature");
    waits("RegistryUnavailable", "no answer", "pull-registry-error");
    waits("CreateContainerError", "no command specified", "no-command");
    waits("RunContainerError", "exec /app: exec format error", "wrong-architecture");
    waits("CreateContainerError", "anything else", "container-create");
}
END_TEST

/* Older kubelets: the back-off's message has no cause, the event before it has; other pods of the
 * same name left events too. */
START_TEST(cause_from_the_event)
{
    imgrel_error err = {0};
    ir_diagnosis d;
    ir_json *j = NULL;
    static const char text[] =
        "{\"pod\":{\"metadata\":{\"name\":\"p\",\"uid\":\"new\"},\"spec\":{\"nodeName\":\"n\","
        "\"containers\":[{\"name\":\"c\",\"image\":\"h/a:1\"}]},\"status\":{\"phase\":\"Pending\","
        "\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":"
        "\"ImagePullBackOff\",\"message\":\"Back-off pulling image \\\"h/a:1\\\"\"}}}]}},"
        "\"events\":["
        "{\"involvedObject\":{\"uid\":\"old\"},\"type\":\"Warning\",\"reason\":\"Failed\","
        "\"message\":\"Failed to pull image \\\"h/a:1\\\": 401 Unauthorized\","
        "\"lastTimestamp\":\"2026-01-01T00:00:09Z\"},"
        "{\"involvedObject\":{\"uid\":\"new\"},\"type\":\"Warning\",\"reason\":\"Failed\","
        "\"message\":\"Failed to pull image \\\"h/a:1\\\": h/a:1: not found\","
        "\"lastTimestamp\":null,\"eventTime\":\"2026-01-01T00:00:05.000000Z\"},"
        "{\"involvedObject\":{\"uid\":\"new\"},\"type\":\"Warning\",\"reason\":\"Failed\","
        "\"message\":\"Failed to pull image \\\"h/a:1\\\": connection refused\","
        "\"lastTimestamp\":\"2026-01-01T00:00:01Z\"}]}";
    unit_ok(ir_json_parse(text, strlen(text), "text", &j, &err), &err);
    unit_ok(ir_diagnose(ir_json_get(j, "pod"), ir_json_get(j, "events"), &d, &err), &err);
    ck_assert_str_eq(d.cause, "pull-not-found");
    ir_diagnosis_free(&d);
    ir_json_free(j);
}
END_TEST

/* Nothing that a server may send must do harm. */
START_TEST(odd_shapes)
{
    static const char *const pods[] = {
        "{}",
        "[]",
        "{\"status\":5}",
        "{\"status\":{\"conditions\":{},\"containerStatuses\":[1]}}",
        "{\"status\":{\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":5}}}]}}",
        "{\"status\":{\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{}}}]}"
        "}",
        "{\"status\":{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\"}]}}"};
    for (size_t i = 0; i < sizeof pods / sizeof *pods; i++) {
        imgrel_error err = {0};
        ir_diagnosis d;
        ir_json *pod = NULL;
        unit_ok(ir_json_parse(pods[i], strlen(pods[i]), "pod", &pod, &err), &err);
        unit_ok(ir_diagnose(pod, pod, &d, &err), &err);
        ck_assert(d.state && d.cause && *d.message);
        ir_diagnosis_free(&d);
        ir_json_free(pod);
    }
}
END_TEST

UNIT_SUITE(diagnose, recorded, other_words, cause_from_the_event, odd_shapes)
