/* examine.c - an object with what the cluster tells about it: a pod's events first, and when they
 * and the pod say what is wrong, what is behind it: its pull secrets, its node, the end of its log.
 * What may not be read is left out: a diagnosis without it is better than none. */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>

#define LOG_LINES 5
#define ENDED                                                                            \
    "crash-loop|exits-at-once|init-failed|liveness-failed|startup-failed|out-of-memory|" \
    "pod-failed|bad-command|command-not-executable"

/* May a look fail so? */
static bool may_miss(int rc)
{
    return rc == IMGREL_EDENIED || rc == IMGREL_ENOTFOUND;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int add_item(void *user, const ir_json *item, imgrel_error *err)
{
    return ir_json_append(user, ir_json_copy(item)) ? ir_nomem(err) : 0;
}

/* The events that a field selector picks; none where they may not be read. */
static int events_by(const ir_call *call, ir_kube *k, const char *ns, const char *selector,
                     ir_json **ret, imgrel_error *err)
{
    imgrel_error why = {0};
    *ret = ir_json_new_array();
    if (!*ret)
        return ir_nomem(err);
    int rc = ir_kube_list(call, k, ns, "event", NULL, selector, add_item, *ret, &why);
    if (!rc || may_miss(rc))
        return 0;
    ir_json_free(*ret);
    *ret = NULL;
    return ir_kube_pass(err, &why);
}

int ir_kube_events(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                   const char *uid, ir_json **ret, imgrel_error *err)
{
    char selector[600];
    snprintf(selector, sizeof selector, "involvedObject.kind=Pod,involvedObject.name=%s%s%s", pod,
             uid ? ",involvedObject.uid=" : "", uid ? uid : "");
    return events_by(call, k, ns, selector, ret, err);
}

static const char *time_of(const ir_json *event)
{
    const char *last = ir_json_str(event, "lastTimestamp"), *one = ir_json_str(event, "eventTime");
    const char *born = ir_kube_meta(event, "creationTimestamp");
    return last ? last : one ? one : born ? born : "";
}

int ir_examine_event(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                     const char *reason, ir_json **ret, imgrel_error *err)
{
    char selector[700];
    ir_json *all = NULL;
    const char *uid = ir_kube_meta(object, "uid"), *best = "";
    snprintf(selector, sizeof selector, "involvedObject.uid=%s,reason=%s", uid ? uid : "", reason);
    *ret = NULL;
    int rc = events_by(call, k, ns, selector, &all, err);
    for (size_t i = 0; i < ir_json_len(all); i++) {
        ir_json *e = ir_json_at(all, i);
        if (strcmp(time_of(e), best) < 0)
            continue;
        best = time_of(e);
        ir_json_free(*ret);
        *ret = ir_json_ref(e);
    }
    ir_json_free(all);
    return rc;
}

/* ---- behind a pull --------------------------------------------------------------------------- */

static int say_login(ir_diagnosis *d, const ir_pull_look *l, imgrel_error *err)
{
    int rc = ir_diagnosis_word_set(d, "user", l->user, err);
    d->secret = ir_strdup(l->secret);
    if (!rc && !d->secret)
        rc = ir_nomem(err);
    /* Who has a login that is taken lacks a right. */
    if (!rc && strcmp(d->cause, "pull-denied") != 0)
        rc = ir_diagnosis_by(d, ir_kube_rule_named("pull-login-refused"), l->user, err);
    return rc;
}

/* 401 is the same for no login and a wrong one: the secrets tell which. */
static int look_at_secrets(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                           ir_diagnosis *d, imgrel_error *err)
{
    static const char *const causes[] = {"pull-no-secret", "pull-secret-missing",
                                         "pull-secret-type", "pull-secret-other-host"};
    ir_pull_look l = {0};
    int rc = ir_pull_look_at(call, k, ns, pod, ir_diagnosis_word(d, "image"), d, &l, err);
    if (!rc && l.state == IR_PULL_MISSING) /* it may be on its way: no certainty */
        rc = ir_diagnosis_by(d, ir_kube_rule_named(causes[l.state]), l.detail, err);
    else if (!rc && l.state < IR_PULL_HAS)
        rc = ir_diagnosis_say(d, causes[l.state], l.detail, err);
    else if (!rc && l.state == IR_PULL_HAS)
        rc = say_login(d, &l, err);
    ir_pull_look_free(&l);
    return rc;
}

/* ---- the node -------------------------------------------------------------------------------- */

/* *ret NULL: it may not be read. */
static int get_node(const ir_call *call, ir_kube *k, const char *name, ir_json **ret,
                    imgrel_error *err)
{
    imgrel_error why = {0};
    char *object = ir_format("node/%s", name);
    *ret = NULL;
    int rc = object ? ir_kube_get(call, k, NULL, object, ret, &why) : ir_nomem(&why);
    free(object);
    if (rc == IMGREL_ENOTFOUND)
        *ret = ir_json_new_object();
    return rc && !may_miss(rc) ? ir_kube_pass(err, &why) : 0;
}

static const ir_json *condition_of(const ir_json *object, const char *type)
{
    const ir_json *all = ir_json_path(object, "status.conditions");
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (ir_streq(ir_json_str(ir_json_at(all, i), "type"), type))
            return ir_json_at(all, i);
    return NULL;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* Says what is wrong with a node, if anything is. */
static int judge_node(const ir_json *node, const char *name, ir_diagnosis *d, imgrel_error *err)
{
    const ir_json *ready = condition_of(node, "Ready");
    char text[500];
    if (ir_streq(ir_json_str(ready, "status"), "True"))
        return 0;
    snprintf(text, sizeof text, "%s: %s%s%s", name, or_empty(ir_json_str(ready, "reason")),
             ready ? ": " : "its kubelet has not reported",
             or_empty(ir_json_str(ready, "message")));
    int rc = ir_diagnosis_by(d, ir_kube_rule_at(IR_KUBE_EVENT, "node-not-ready"), text, err);
    return rc ? rc : ir_diagnosis_see(d, "node", text, err);
}

static int look_at_node(const ir_call *call, ir_kube *k, const ir_json *pod, ir_diagnosis *d,
                        imgrel_error *err)
{
    const char *name = ir_json_str(ir_json_get(pod, "spec"), "nodeName");
    ir_json *node = NULL;
    char platform[200];
    int rc = name ? get_node(call, k, name, &node, err) : 0;
    const ir_json *info = ir_json_path(node, "status.nodeInfo");
    const char *os = ir_json_str(info, "operatingSystem"),
               *arch = ir_json_str(info, "architecture");
    if (!rc && os && arch) {
        snprintf(platform, sizeof platform, "%s/%s", os, arch);
        rc = ir_diagnosis_word_set(d, "platform", platform, err);
    }
    if (!rc && node && !strcmp(d->state, "progressing"))
        rc = judge_node(node, name, d, err);
    ir_json_free(node);
    return rc;
}

/* ---- the log --------------------------------------------------------------------------------- */

static bool runs(const ir_json *pod, const char *container)
{
    static const char *const lists[] = {"status.containerStatuses", "status.initContainerStatuses"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const ir_json *all = ir_json_path(pod, lists[i]);
        for (size_t j = 0; j < ir_json_len(all); j++)
            if (ir_streq(ir_json_str(ir_json_at(all, j), "name"), container))
                return ir_json_path(ir_json_at(all, j), "state.running") != NULL;
    }
    return false;
}

static int get_log(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                   const char *container, ir_reply *ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    /* The log endpoint answers "Accept: text/plain" with 406. */
    ir_request req = {.accept = "*/*", .body_max = IR_MIB};
    int rc = ir_kube_path(k, ir_kube_pods(), ns, ir_kube_meta(pod, "name"), &path, err);
    ir_buf_addf(&path, "/log?tailLines=%d%s", LOG_LINES,
                runs(pod, container) ? "&previous=true" : "");
    ir_url_add_query(&path, "container", container);
    if (!rc)
        rc = ir_buf_check(&path, err, "log");
    if (!rc)
        rc = ir_kube_do(call, k, &req, ir_buf_str(&path), ret, err);
    ir_buf_free(&path);
    return rc;
}

static int add_lines(const char *p, const char *container, ir_diagnosis *d, char *last, size_t len,
                     imgrel_error *err)
{
    char source[300];
    snprintf(source, sizeof source, "log of container %s", container);
    *last = '\0';
    for (int rc = 0; *p; p += *p == '\n') {
        size_t n = strcspn(p, "\n");
        char *line = ir_strndup(p, n);
        p += n;
        if (line && strspn(line, " \t\r") < n) {
            rc = ir_diagnosis_see(d, source, line, err);
            snprintf(last, len, "%s", line);
        }
        rc = line ? rc : ir_nomem(err);
        free(line);
        if (rc)
            return rc;
    }
    return 0;
}

/* Runtimes that start a container before they find out leave their words in its log. */
static int say_by_log(ir_diagnosis *d, const char *last, imgrel_error *err)
{
    static const char *const words[][2] = {{"exec format error", "wrong-architecture"},
                                           {"no such file or directory", "bad-command"},
                                           {"permission denied", "command-not-executable"}};
    if (!ir_starts(last, "exec ") || strcmp(d->cause, "crash-loop") != 0)
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(last, words[i][0]))
            return ir_diagnosis_say(d, words[i][1], NULL, err);
    return 0;
}

/* A log that cannot be had (the container is gone, or may not be read) is none. */
static int look_at_log(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                       ir_diagnosis *d, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_reply reply = {0};
    const char *container = ir_diagnosis_word(d, "container");
    char last[200];
    int rc = get_log(call, k, ns, pod, container, &reply, &why);
    const char *text = ir_buf_str(&reply.body);
    if (rc == IMGREL_ECANCELED || rc == IMGREL_ENOMEM || rc == IMGREL_ETIMEOUT) {
        ir_kube_pass(err, &why);
    } else if (!rc && reply.status == 200 && !ir_starts(text, "unable to retrieve container log")) {
        rc = add_lines(text, container, d, last, sizeof last, err);
        if (!rc)
            rc = say_by_log(d, last, err);
        char *clean = rc ? NULL : ir_evidence_text(last, strlen(last));
        char *message =
            clean && *clean ? ir_format("%s; its last words: %s", d->message, clean) : NULL;
        free(clean);
        if (message) {
            free(d->message);
            d->message = message;
        }
    } else {
        rc = 0;
    }
    ir_reply_free(&reply);
    return rc;
}

/* ---- objects --------------------------------------------------------------------------------- */

static int look_deeper(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                       ir_diagnosis *d, imgrel_error *err)
{
    bool failed = !strcmp(d->state, "failed"), pull = ir_starts(d->cause, "pull-");
    int rc = 0;
    if (failed &&
        ir_kube_one_of("pull-unauthorized|pull-denied|pull-secret-missing", d->cause, true))
        rc = look_at_secrets(call, k, ns, pod, d, err);
    if (!rc && failed &&
        ir_kube_one_of("untolerated-taint|no-matching-node|node-not-ready", d->cause, true))
        rc = ir_examine_nodes(call, k, pod, d, err);
    if (!rc && failed && ir_kube_one_of(ENDED, d->cause, true))
        rc = look_at_log(call, k, ns, pod, d, err);
    if (!rc && (pull || !strcmp(d->state, "progressing")))
        rc = look_at_node(call, k, pod, d, err);
    return rc;
}

int ir_examine_pod(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod, bool deep,
                   ir_diagnosis *ret, imgrel_error *err)
{
    ir_json *events = NULL;
    const char *name = ir_kube_meta(pod, "name");
    memset(ret, 0, sizeof *ret);
    int rc = ir_kube_events(call, k, ns, name ? name : "", ir_kube_meta(pod, "uid"), &events, err);
    if (!rc)
        rc = ir_diagnose(pod, events, ret, err);
    ir_json_free(events);
    if (!rc && deep && !ir_kube_meta(pod, "deletionTimestamp"))
        rc = look_deeper(call, k, ns, pod, ret, err);
    if (rc)
        ir_diagnosis_free(ret);
    return rc;
}

static int examine_node(const ir_json *node, ir_diagnosis *ret, imgrel_error *err)
{
    static const char *const types[] = {"MemoryPressure", "DiskPressure", "PIDPressure",
                                        "NetworkUnavailable"};
    const char *name = or_empty(ir_kube_meta(node, "name"));
    int rc = ir_diagnosis_fine(ret, "ready", "", "the node is ready", err);
    if (!rc)
        rc = ir_diagnosis_word_set(ret, "node", name, err);
    if (!rc)
        rc = judge_node(node, name, ret, err);
    for (size_t i = 0; i < sizeof types / sizeof *types && !rc && !*ret->cause; i++) {
        const ir_json *c = condition_of(node, types[i]);
        if (ir_streq(ir_json_str(c, "status"), "True"))
            rc = ir_diagnosis_say(ret, "node-pressure", ir_json_str(c, "message"), err);
    }
    return rc;
}

static int examine_namespace(const ir_json *ns, ir_diagnosis *ret, imgrel_error *err)
{
    static const char *const types[] = {
        "NamespaceDeletionContentFailure", "NamespaceDeletionDiscoveryFailure",
        "NamespaceFinalizersRemaining", "NamespaceContentRemaining"};
    bool ends = ir_streq(ir_json_str(ir_json_get(ns, "status"), "phase"), "Terminating");
    int rc = ir_diagnosis_word_set(ret, "ns", ir_kube_meta(ns, "name"), err);
    if (!rc)
        rc = ends ? ir_diagnosis_by(ret, ir_kube_rule_named("namespace-terminating"), NULL, err)
                  : ir_diagnosis_fine(ret, "ready", "", "the namespace is there", err);
    for (size_t i = 0; i < sizeof types / sizeof *types && !rc && ends; i++) {
        const ir_json *c = condition_of(ns, types[i]);
        if (!ir_streq(ir_json_str(c, "status"), "True"))
            continue;
        rc = ir_diagnosis_say(ret, "namespace-stuck", ir_json_str(c, "message"), err);
        ends = false;
    }
    return rc ? rc : ir_evidence_of_conditions(ret, ns, err);
}

static int examine_by_kind(const ir_call *call, ir_kube *k, const char *ns, const ir_kube_kind *is,
                           const ir_json *object, bool deep, ir_diagnosis *ret, imgrel_error *err)
{
    const char *kind = is->kind;
    if (!strcmp(kind, "Pod"))
        return ir_examine_pod(call, k, ns, object, deep, ret, err);
    if (!strcmp(kind, "Service"))
        return ir_examine_service(call, k, ns, object, deep, ret, err);
    if (!strcmp(kind, "Node"))
        return examine_node(object, ret, err);
    if (!strcmp(kind, "Namespace"))
        return examine_namespace(object, ret, err);
    if (ir_kube_one_of("Deployment|ReplicaSet|StatefulSet|DaemonSet|Job", kind, true))
        return ir_examine_workload(call, k, ns, is, object, deep, ret, err);
    ir_fail(err, IMGREL_EINVAL, "a %s is nothing that becomes ready", is->singular);
    return ir_cure(err, "name a pod, deployment, replicaset, statefulset, daemonset, job, service, "
                        "node or namespace"),
           IMGREL_EINVAL;
}

int ir_examine(const ir_call *call, ir_kube *k, const char *ns, const ir_kube_kind *kind,
               const ir_json *object, bool deep, ir_diagnosis *ret, imgrel_error *err)
{
    memset(ret, 0, sizeof *ret);
    int rc = examine_by_kind(call, k, ns, kind, object, deep, ret, err);
    if (!rc && !ret->object)
        ret->object = ir_format("%s/%s", kind->singular, or_empty(ir_kube_meta(object, "name")));
    if (!rc && !ret->evidence)
        ret->evidence = ir_json_new_array();
    if (!rc && (!ret->object || !ret->evidence))
        rc = ir_nomem(err);
    if (rc)
        ir_diagnosis_free(ret);
    return rc;
}

int ir_kube_diagnose(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                     ir_explain_fn *explain, ir_diagnosis *ret, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *name = NULL;
    ir_json *now = NULL;
    memset(ret, 0, sizeof *ret);
    int rc = ir_kube_object_parse(call, k, object, &kind, &name, err);
    if (!rc)
        rc = ir_kube_get(call, k, ns, object, &now, err);
    if (!rc)
        rc = ir_examine(call, k, ns, kind, now, true, ret, err);
    if (!rc && explain && (rc = explain(call, ret, err)))
        ir_diagnosis_free(ret);
    ir_json_free(now);
    return rc;
}
