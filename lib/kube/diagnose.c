/* diagnose.c - why a pod does not run, from the pod and its events alone. First where it hurts is
 * found (deleted, over, no node, the first container in trouble, or only an event that tells), then
 * the table in rules.c says what that means. Neither ErrImagePull nor ImagePullBackOff is relied
 * on: they alternate, and both carry the cause. examine.c asks for more. */
#include "fmt/header.h"
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define PULL_REASONS                                                               \
    "ErrImagePull|ImagePullBackOff|RegistryUnavailable|SignatureValidationFailed|" \
    "ImageInspectError"

/* What was found, before it is judged. */
struct facts {
    const ir_json *pod;
    const ir_json **events; /* this pod's, oldest first; borrowed */
    size_t n_events;
    const ir_json *container; /* its status; NULL: the pod as a whole */
    bool init;
    enum ir_kube_where where;
    const char *reason;
    char text[700];
    char sign[300]; /* the part of the text that is judged; "": all of it */
};

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static bool is_pull(const char *reason)
{
    return ir_kube_one_of(PULL_REASONS, reason, true);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* The scheduler fills eventTime, the kubelet lastTimestamp. */
static int64_t event_time(const ir_json *e)
{
    const char *times[] = {ir_json_str(e, "lastTimestamp"), ir_json_str(e, "eventTime"),
                           ir_kube_meta(e, "creationTimestamp")};
    int64_t s = 0;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i] && ir_rfc3339(times[i], &s))
            return s;
    return 0;
}

static int older_first(const void *a, const void *b)
{
    int64_t x = event_time(*(const ir_json *const *)a), y = event_time(*(const ir_json *const *)b);
    return x < y ? -1 : x > y;
}

/* Those of this uid: a pod made anew inherits the events of its name. */
static int take_events(struct facts *f, const ir_json *events, imgrel_error *err)
{
    const char *uid = ir_kube_meta(f->pod, "uid");
    f->events = calloc(ir_json_len(events) + 1, sizeof *f->events);
    if (!f->events)
        return ir_nomem(err);
    for (size_t i = 0; i < ir_json_len(events); i++) {
        const ir_json *e = ir_json_at(events, i);
        const char *of = ir_json_str(ir_json_get(e, "involvedObject"), "uid");
        if (!uid || !of || !strcmp(uid, of))
            f->events[f->n_events++] = e;
    }
    qsort(f->events, f->n_events, sizeof *f->events, older_first);
    return 0;
}

/* The newest event with this reason, and this word in its message (NULL: any). */
static const ir_json *newest(const struct facts *f, const char *reasons, const char *word)
{
    for (size_t i = f->n_events; i-- > 0;) {
        const char *message = ir_json_str(f->events[i], "message");
        if (ir_kube_one_of(reasons, ir_json_str(f->events[i], "reason"), true) &&
            (!word || strcasestr(or_empty(message), word)))
            return f->events[i];
    }
    return NULL;
}

static bool has_event(const struct facts *f, const char *event)
{
    char reason[96];
    const char *word = strchr(event, '/');
    snprintf(reason, sizeof reason, "%.*s", (int)strcspn(event, "/"), event);
    return newest(f, reason, word ? word + 1 : NULL) != NULL;
}

/* ---- where it hurts -------------------------------------------------------------------------- */

static void found(struct facts *f, enum ir_kube_where where, const char *reason, const char *text)
{
    f->where = where;
    f->reason = or_empty(reason);
    snprintf(f->text, sizeof f->text, "%s", or_empty(text));
}

/* How a container ended, as text: rules look for "exit code N;". */
static void found_end(struct facts *f, enum ir_kube_where where, const char *reason,
                      const ir_json *ended)
{
    char text[sizeof f->text];
    const char *message = ir_json_str(ended, "message");
    snprintf(text, sizeof text, "exit code %lld; %s", (long long)ir_json_int(ended, "exitCode", -1),
             or_empty(message));
    found(f, where, reason, text);
}

/* The waiting message holds the cause; older kubelets say only "Back-off pulling image", and the
 * cause is in the event before. */
static void found_pull(struct facts *f, const ir_json *waiting)
{
    const char *message = or_empty(ir_json_str(waiting, "message"));
    const ir_json *event = newest(f, "Failed", "Failed to pull image");
    bool bare = !*message ||
                (ir_starts(message, "Back-off pulling image") && !strstr(message, "\": ")) ||
                !strcmp(message, "image pull failed");
    found(f, IR_KUBE_PULL, ir_json_str(waiting, "reason"),
          bare && event ? ir_json_str(event, "message") : message);
}

/* One container's status: true if it is in trouble. */
static bool look_at(struct facts *f, const ir_json *status)
{
    const ir_json *waiting = ir_json_path(status, "state.waiting");
    const ir_json *ended = ir_json_path(status, "state.terminated");
    const ir_json *before = ir_json_path(status, "lastState.terminated");
    const char *reason = or_empty(ir_json_str(waiting, "reason"));
    f->container = status;
    if (is_pull(reason))
        found_pull(f, waiting);
    else if (!strcmp(reason, "CrashLoopBackOff") && before)
        found_end(f, IR_KUBE_END, ir_json_str(before, "reason"), before);
    else if (waiting && *reason &&
             !ir_kube_one_of("ContainerCreating|PodInitializing", reason, true)) {
        /* An undecodable login stands in the reason itself. */
        const char *message = ir_json_str(waiting, "message");
        found(f, IR_KUBE_WAIT, reason, message && *message ? message : reason);
        if (strchr(reason, ' '))
            found(f, IR_KUBE_WAIT, reason, reason);
    } else if (ended && (!f->init || ir_json_int(ended, "exitCode", -1)))
        found_end(f, IR_KUBE_END, ir_json_str(ended, "reason"), ended);
    else
        f->container = NULL;
    return f->container != NULL;
}

static bool look_at_all(struct facts *f, const char *list, bool init)
{
    const ir_json *all = ir_json_get(ir_json_get(f->pod, "status"), list);
    f->init = init;
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (look_at(f, ir_json_at(all, i)))
            return true;
    f->init = false;
    return false;
}

static const ir_json *condition(const ir_json *object, const char *type)
{
    const ir_json *all = ir_json_path(object, "status.conditions");
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const char *t = ir_json_str(ir_json_at(all, i), "type");
        if (t && !strcasecmp(t, type))
            return ir_json_at(all, i);
    }
    return NULL;
}

bool ir_kube_condition(const ir_json *object, const char *type)
{
    const ir_json *c = condition(object, type), *meta = ir_json_get(object, "metadata");
    const char *status = ir_json_str(c, "status");
    return status && !strcasecmp(status, "True") &&
           ir_json_int(c, "observedGeneration", INT64_MAX) >= ir_json_int(meta, "generation", 0);
}

/* "0/20 nodes are available: 1 node(s) had untolerated taint {a}, 19 Insufficient cpu. ...": what
 * keeps most of them counts, but that the selector keeps one says only that the others are meant.
 */
static void main_obstacle(const char *message, char *ret, size_t len)
{
    const char *p = strstr(message, "available: ");
    long most = -1;
    snprintf(ret, len, "%s", message);
    for (p = p ? p + 11 : ""; *p;) {
        char *rest = NULL;
        long n = strtol(p, &rest, 10);
        const char *end = strstr(rest, ", "), *stop = strstr(rest, ". ");
        if (rest == p)
            break;
        size_t size = end && (!stop || end < stop) ? (size_t)(end - p)
                      : stop                       ? (size_t)(stop - p)
                                                   : strlen(p);
        char part[300];
        snprintf(part, sizeof part, "%.*s", (int)(size < 299 ? size : 299), p);
        n = strstr(part, "affinity/selector") || strstr(part, "node selector") ? 0 : n;
        if (n > most) {
            most = n;
            snprintf(ret, len, "%s", part);
        }
        p = end && (!stop || end < stop) ? end + 2 : "";
    }
}

static bool look_at_schedule(struct facts *f)
{
    const ir_json *c = condition(f->pod, "PodScheduled");
    const char *status = ir_json_str(c, "status");
    if (!status || strcasecmp(status, "False") != 0)
        return false;
    found(f, IR_KUBE_SCHEDULE, ir_json_str(c, "reason"), ir_json_str(c, "message"));
    main_obstacle(or_empty(ir_json_str(c, "message")), f->sign, sizeof f->sign);
    return true;
}

/* A pod that is over says why itself, or by how its container ended. */
static bool look_at_phase(struct facts *f)
{
    const ir_json *status = ir_json_get(f->pod, "status");
    const char *phase = ir_json_str(status, "phase"), *reason = ir_json_str(status, "reason");
    if (!ir_streq(phase, "Failed") && !ir_streq(phase, "Succeeded"))
        return false;
    if (ir_streq(phase, "Failed") && !reason &&
        (look_at_all(f, "initContainerStatuses", true) ||
         look_at_all(f, "containerStatuses", false)))
        found_end(f,
                  ir_kube_one_of("StartError|ContainerCannotRun|OOMKilled", f->reason, true)
                      ? IR_KUBE_END
                      : IR_KUBE_PHASE,
                  f->reason, ir_json_path(f->container, "state.terminated"));
    else
        found(f, IR_KUBE_PHASE, reason ? reason : phase, ir_json_str(status, "message"));
    return true;
}

/* The newest warning, unless the kubelet went on after it. */
static bool look_at_events(struct facts *f)
{
    for (size_t i = f->n_events; i-- > 0;) {
        const ir_json *e = f->events[i];
        const char *reason = ir_json_str(e, "reason"), *message = ir_json_str(e, "message");
        if (ir_kube_one_of("Pulling|Pulled|Created|Started|SuccessfulAttachVolume", reason, true) &&
            !ir_kube_meta(f->pod, "deletionTimestamp"))
            return false;
        if (!ir_streq(ir_json_str(e, "type"), "Warning") ||
            ir_kube_one_of("FailedScheduling|FailedToRetrieveImagePullSecret|BackOff", reason,
                           true))
            continue;
        found(f, IR_KUBE_EVENT, reason, message);
        return true;
    }
    return false;
}

static bool look(struct facts *f)
{
    return look_at_phase(f) || look_at_schedule(f) ||
           look_at_all(f, "initContainerStatuses", true) ||
           look_at_all(f, "containerStatuses", false) || look_at_events(f);
}

/* ---- what it means --------------------------------------------------------------------------- */

static const ir_kube_rule *judge(const struct facts *f)
{
    for (const ir_kube_rule *r = ir_kube_rules; r->where != IR_KUBE_RULES_END; r++) {
        if (r->where == f->where && (!r->init || f->init) &&
            (!r->reason || ir_kube_one_of(r->reason, f->reason, true)) &&
            (!r->words || ir_kube_one_of(r->words, *f->sign ? f->sign : f->text, false)) &&
            (!r->event || has_event(f, r->event)))
            return r;
    }
    return NULL;
}

/* The container's image as the spec asks for it. */
static const char *image_of(const struct facts *f)
{
    const char *name = ir_json_str(f->container, "name");
    const ir_json *all = ir_json_path(f->pod, f->init ? "spec.initContainers" : "spec.containers");
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (!name || ir_streq(ir_json_str(ir_json_at(all, i), "name"), name))
            return or_empty(ir_json_str(ir_json_at(all, i), "image"));
    return "";
}

static void add_host(ir_buf *out, const char *image)
{
    size_t n = strcspn(image, "/");
    bool host = image[n] && (memchr(image, '.', n) || memchr(image, ':', n) ||
                             !strncmp(image, "localhost/", 10));
    if (host)
        ir_buf_add(out, image, n);
    else
        ir_buf_adds(out, "docker.io");
}

static void add_secrets(ir_buf *out, const ir_json *pod)
{
    const ir_json *all = ir_json_path(pod, "spec.imagePullSecrets");
    if (!ir_json_len(all))
        ir_buf_adds(out, "none is named in imagePullSecrets");
    for (size_t i = 0; i < ir_json_len(all); i++)
        ir_buf_addf(out, "%s%s", i ? ", " : "", or_empty(ir_json_str(ir_json_at(all, i), "name")));
}

static const char *container_name(const struct facts *f)
{
    const char *name = ir_json_str(f->container, "name");
    return name ? name : ir_json_str(ir_json_path(f->pod, "spec.containers.0"), "name");
}

/* What cures may name. */
static int put_words(const struct facts *f, ir_diagnosis *d, imgrel_error *err)
{
    IR_AUTO(ir_buf) host = IR_BUF(4096), secrets = IR_BUF(64 * 1024);
    const char *image = image_of(f), *name = or_empty(ir_kube_meta(f->pod, "name"));
    add_host(&host, image);
    add_secrets(&secrets, f->pod);
    const char *const words[][2] = {
        {"image", image},
        {"host", ir_buf_str(&host)},
        {"secrets", ir_buf_str(&secrets)},
        {"container", container_name(f)},
        {"pod", name},
        {"ns", ir_kube_meta(f->pod, "namespace")},
        {"node", ir_json_str(ir_json_get(f->pod, "spec"), "nodeName")},
    };
    int rc = ir_buf_check(&host, err, "image");
    if (!rc)
        rc = ir_buf_check(&secrets, err, "imagePullSecrets");
    for (size_t i = 0; i < sizeof words / sizeof *words && !rc; i++)
        rc = ir_diagnosis_word_set(d, words[i][0], words[i][1], err);
    d->object = ir_format("pod/%s", name);
    name = ir_json_str(f->container, "name");
    d->who = name ? ir_format("%scontainer %s: ", f->init ? "init " : "", name) : ir_strdup("");
    return rc ? rc : d->object && d->who ? 0 : ir_nomem(err);
}

/* ---- whole ----------------------------------------------------------------------------------- */

/* Nothing is wrong: how far is it? */
static const char *stage(const struct facts *f, const char **ret_says)
{
    const ir_json *status = ir_json_get(f->pod, "status");
    if (ir_kube_meta(f->pod, "deletionTimestamp"))
        return *ret_says = "the pod is being deleted", "deleting";
    if (!ir_json_str(ir_json_get(f->pod, "spec"), "nodeName"))
        return *ret_says = "it waits for a node", "scheduling";
    if (f->n_events && ir_streq(ir_json_str(f->events[f->n_events - 1], "reason"), "Pulling"))
        return *ret_says = "its image is being pulled", "pulling";
    if (!ir_streq(ir_json_str(status, "phase"), "Running"))
        return *ret_says = "its containers are being made", "creating";
    return *ret_says = "it runs and is not ready yet", "starting";
}

static int finish(const struct facts *f, ir_diagnosis *ret, imgrel_error *err)
{
    bool deleting = ir_kube_meta(f->pod, "deletionTimestamp") != NULL;
    const ir_kube_rule *r = !deleting && f->where != IR_KUBE_RULES_END ? judge(f) : NULL;
    const char *says = NULL, *cause = NULL;
    int rc = put_words(f, ret, err);
    if (rc)
        return rc;
    if (!deleting && ir_kube_condition(f->pod, "Ready")) {
        rc = ir_diagnosis_fine(ret, "ready", "", "the pod is ready", err);
    } else if (r) {
        rc = ir_diagnosis_by(ret, r, f->text, err);
    } else {
        cause = stage(f, &says);
        rc = ir_diagnosis_fine(ret, "progressing", cause, says, err);
    }
    return rc ? rc : ir_evidence_of_pod(ret, f->pod, f->events, f->n_events, err);
}

int ir_diagnose(const ir_json *pod, const ir_json *events, ir_diagnosis *ret, imgrel_error *err)
{
    struct facts f = {.pod = pod, .where = IR_KUBE_RULES_END};
    memset(ret, 0, sizeof *ret);
    int rc = take_events(&f, events, err);
    if (!rc) {
        look(&f);
        rc = finish(&f, ret, err);
    }
    free(f.events);
    if (rc)
        ir_diagnosis_free(ret);
    return rc;
}
