/* diagnose.c - why a pod does not run, from the pod and its events alone. First where it hurts is
 * found (deleted, over, no node, the first container in trouble, or only an event that tells), then
 * the table in rules.c says what that means. Neither ErrImagePull nor ImagePullBackOff is relied
 * on: they alternate, and both carry the cause. */
#include "fmt/header.h"
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define PULL_REASONS                                                               \
    "ErrImagePull|ImagePullBackOff|RegistryUnavailable|SignatureValidationFailed|" \
    "ImageInspectError"
#define EVIDENCE_EVENTS 10

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
};

/* ---- words ----------------------------------------------------------------------------------- */

/* Is one of the words, parted by |, in the text (whole: equal to it)? */
static bool one_of(const char *words, const char *text, bool whole)
{
    while (text && *words) {
        char word[96];
        size_t n = strcspn(words, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        if (whole ? !strcmp(text, word) : strcasestr(text, word) != NULL)
            return true;
        words += n + (words[n] == '|');
    }
    return false;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static bool is_pull(const char *reason)
{
    return one_of(PULL_REASONS, reason, true);
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
        if (one_of(reasons, ir_json_str(f->events[i], "reason"), true) &&
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
    else if (waiting && *reason && !one_of("ContainerCreating|PodInitializing", reason, true)) {
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

static bool look_at_schedule(struct facts *f)
{
    const ir_json *c = condition(f->pod, "PodScheduled");
    const char *status = ir_json_str(c, "status");
    if (!status || strcasecmp(status, "False") != 0)
        return false;
    found(f, IR_KUBE_SCHEDULE, ir_json_str(c, "reason"), ir_json_str(c, "message"));
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
                  one_of("StartError|ContainerCannotRun|OOMKilled", f->reason, true)
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
        if (one_of("Pulling|Pulled|Created|Started|SuccessfulAttachVolume", reason, true) &&
            !ir_kube_meta(f->pod, "deletionTimestamp"))
            return false;
        if (!ir_streq(ir_json_str(e, "type"), "Warning") ||
            one_of("FailedScheduling|FailedToRetrieveImagePullSecret|BackOff", reason, true))
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
            (!r->reason || one_of(r->reason, f->reason, true)) &&
            (!r->words || one_of(r->words, f->text, false)) &&
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

static void fill(const struct facts *f, const char *name, ir_buf *out)
{
    const char *node = ir_json_str(ir_json_get(f->pod, "spec"), "nodeName");
    if (ir_starts(name, "{image}"))
        ir_buf_adds(out, image_of(f));
    else if (ir_starts(name, "{host}"))
        add_host(out, image_of(f));
    else if (ir_starts(name, "{secrets}"))
        add_secrets(out, f->pod);
    else if (ir_starts(name, "{container}"))
        ir_buf_adds(out, or_empty(container_name(f)));
    else if (ir_starts(name, "{pod}"))
        ir_buf_adds(out, or_empty(ir_kube_meta(f->pod, "name")));
    else
        ir_buf_adds(out, or_empty(node));
}

static char *expand(const struct facts *f, const char *text)
{
    ir_buf out = IR_BUF(4096);
    while (*text) {
        size_t n = strcspn(text, "{");
        ir_buf_add(&out, text, n);
        text += n;
        if (*text) {
            fill(f, text, &out);
            text = strchr(text, '}') + 1;
        }
    }
    return ir_buf_take(&out);
}

/* The text without what every such text begins with; the cause is at its end. */
static const char *heart(const char *text)
{
    static const char *const heads[] = {"Back-off pulling image \"",
                                        "Failed to pull image \"",
                                        "failed to pull and unpack image \"",
                                        "failed to resolve reference \"",
                                        "ErrImagePull: ",
                                        "rpc error: code = Unknown desc = ",
                                        "rpc error: code = NotFound desc = ",
                                        "exit code 128; "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t n = strlen(heads[i]);
        if (strncmp(text, heads[i], n) != 0)
            continue;
        const char *end = heads[i][n - 1] == '"' ? strstr(text + n, "\": ") : text + n - 3;
        if (!end)
            continue;
        text = end + 3;
        i = (size_t)-1; /* from the first again */
    }
    return text;
}

static char *describe(const struct facts *f, const ir_kube_rule *r)
{
    ir_buf out = IR_BUF(4096);
    const char *name = ir_json_str(f->container, "name"), *text = heart(f->text);
    size_t n = strlen(text);
    while (n && strchr(" ;.\n", text[n - 1]))
        n--;
    if (name)
        ir_buf_addf(&out, "%scontainer %s: ", f->init ? "init " : "", name);
    ir_buf_adds(&out, r->says);
    if (n)
        ir_buf_addf(&out, ": %.*s", n > 320 ? 320 : (int)n, text);
    return ir_buf_take(&out);
}

/* ---- evidence -------------------------------------------------------------------------------- */

static int add_evidence(ir_json *list, const char *source, const char *text)
{
    return ir_json_append(list, ir_json_pack("{s:o, s:o}", "source", ir_json_new_string(source),
                                             "text", ir_json_new_string(or_empty(text))));
}

static int add_states(ir_json *list, const ir_json *pod, const char *which)
{
    const ir_json *all = ir_json_get(ir_json_get(pod, "status"), which);
    int bad = 0;
    for (size_t i = 0; i < ir_json_len(all) && !bad; i++) {
        const ir_json *s = ir_json_at(all, i), *w = ir_json_path(s, "state.waiting");
        const ir_json *e = w ? w : ir_json_path(s, "state.terminated");
        e = e ? e : ir_json_path(s, "lastState.terminated");
        char source[400];
        if (!e)
            continue;
        snprintf(source, sizeof source, "container %s: %s", or_empty(ir_json_str(s, "name")),
                 or_empty(ir_json_str(e, "reason")));
        bad = add_evidence(list, source, ir_json_str(e, "message"));
    }
    return bad;
}

static int add_conditions(ir_json *list, const ir_json *pod)
{
    const ir_json *all = ir_json_path(pod, "status.conditions");
    int bad = 0;
    for (size_t i = 0; i < ir_json_len(all) && !bad; i++) {
        const ir_json *c = ir_json_at(all, i);
        char source[300];
        if (!ir_streq(ir_json_str(c, "status"), "False"))
            continue;
        snprintf(source, sizeof source, "condition %s: %s", or_empty(ir_json_str(c, "type")),
                 or_empty(ir_json_str(c, "reason")));
        bad = add_evidence(list, source, ir_json_str(c, "message"));
    }
    return bad;
}

static int add_events(ir_json *list, const struct facts *f)
{
    size_t from = f->n_events > EVIDENCE_EVENTS ? f->n_events - EVIDENCE_EVENTS : 0;
    int bad = 0;
    for (size_t i = from; i < f->n_events && !bad; i++) {
        char source[200];
        snprintf(source, sizeof source, "event %s", or_empty(ir_json_str(f->events[i], "reason")));
        bad = add_evidence(list, source, ir_json_str(f->events[i], "message"));
    }
    return bad;
}

static ir_json *gather(const struct facts *f)
{
    ir_json *list = ir_json_new_array();
    int bad = !list || add_states(list, f->pod, "initContainerStatuses") ||
              add_states(list, f->pod, "containerStatuses") || add_conditions(list, f->pod) ||
              add_events(list, f);
    if (!bad)
        return list;
    ir_json_free(list);
    return NULL;
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
    const char *says = NULL;
    ret->patience_s = -1;
    if (!deleting && ir_kube_condition(f->pod, "Ready")) {
        ret->state = "ready";
        ret->cause = "";
        ret->message = ir_strdup("the pod is ready");
        ret->cure = ir_strdup("");
    } else if (r) {
        ret->state = r->patience_s < 0 ? "progressing" : "failed";
        ret->cause = r->cause;
        ret->final = r->final;
        ret->patience_s = r->patience_s;
        ret->message = describe(f, r);
        ret->cure = expand(f, r->cure);
    } else {
        ret->state = "progressing";
        ret->cause = stage(f, &says);
        ret->message = ir_strdup(says);
        ret->cure = ir_strdup("");
    }
    ret->evidence = gather(f);
    return ret->message && ret->cure && ret->evidence ? 0 : ir_nomem(err);
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

void ir_diagnosis_free(ir_diagnosis *d)
{
    free(d->message);
    free(d->cure);
    ir_json_free(d->evidence);
    memset(d, 0, sizeof *d);
}
