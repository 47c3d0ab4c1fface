/* endpoints.c - why a service leads nowhere: its selector fits no pod (then the nearest pod's
 * labels are told), none of its pods is ready, its targetPort has a name that no container knows,
 * or nothing listens there. */
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdio.h>
#include <stdlib.h>

struct look {
    const ir_call *call;
    ir_kube *k;
    const char *ns;
    const ir_json *service;
    bool deep;
};

/* ---- labels ---------------------------------------------------------------------------------- */

struct nearest {
    const ir_json *selector;
    size_t most, n_pods;
    char text[400];
};

/* Letters that two values begin and end with in common: of several, the one with a typing error is
 * meant. */
static size_t likeness(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b), n = 0, m = 0;
    while (n < x && n < y && a[n] == b[n])
        n++;
    while (m < x - n && m < y - n && a[x - m - 1] == b[y - m - 1])
        m++;
    return n + m < 80 ? n + m : 80;
}

static int compare(void *user, const ir_json *pod, imgrel_error *err)
{
    struct nearest *n = user;
    const ir_json *labels = ir_json_path(pod, "metadata.labels");
    char miss[300] = "";
    size_t same = 0;
    (void)err;
    n->n_pods++;
    for (void *it = ir_json_first(n->selector); it; it = ir_json_next(n->selector, it)) {
        const char *want = ir_json_text(ir_json_value(it)), *key = ir_json_key(it);
        const char *is = ir_json_str(labels, key);
        same += ir_streq(want, is) ? 100 : is && want ? 10 + likeness(want, is) : 0;
        if (!ir_streq(want, is) && !*miss)
            snprintf(miss, sizeof miss, "%s=%s where the service wants %s=%s", key,
                     is ? is : "(none)", key, want ? want : "");
    }
    if (n->n_pods == 1 || same > n->most) {
        const char *name = ir_kube_meta(pod, "name");
        n->most = same;
        snprintf(n->text, sizeof n->text, "pod/%s has %s", name ? name : "", miss);
    }
    return 0;
}

static int say_mismatch(const struct look *l, ir_diagnosis *d, imgrel_error *err)
{
    struct nearest n = {.selector = ir_json_path(l->service, "spec.selector")};
    int rc = ir_kube_list(l->call, l->k, l->ns, "pod", NULL, NULL, compare, &n, err);
    return rc ? rc
              : ir_diagnosis_by(d, ir_kube_rule_named("service-selects-nothing"),
                                n.n_pods ? n.text : "there is no pod in the namespace", err);
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct slices {
    size_t ready, all;
};

static int count_addresses(void *user, const ir_json *slice, imgrel_error *err)
{
    struct slices *s = user;
    const ir_json *ends = ir_json_get(slice, "endpoints");
    (void)err;
    for (size_t i = 0; i < ir_json_len(ends); i++) {
        const ir_json *c = ir_json_get(ir_json_at(ends, i), "conditions");
        s->all++;
        s->ready += ir_json_bool(c, "ready", true);
    }
    return 0;
}

static int get_slices(const struct look *l, struct slices *ret, imgrel_error *err)
{
    imgrel_error why = {0};
    char selector[400];
    snprintf(selector, sizeof selector, "kubernetes.io/service-name=%s",
             ir_kube_meta(l->service, "name"));
    int rc = ir_kube_list(l->call, l->k, l->ns, "endpointslice", selector, NULL, count_addresses,
                          ret, &why);
    return rc && rc != IMGREL_EDENIED && rc != IMGREL_ENOTFOUND ? ir_kube_pass(err, &why) : 0;
}

/* ---- ports ----------------------------------------------------------------------------------- */

static const ir_json *ready_pod(const ir_crew *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (ir_kube_condition(c->pods[i], "Ready"))
            return c->pods[i];
    return NULL;
}

/* The names that there are, and the number of the one that is meant; 0: it is not there. */
static int64_t port_by_name(const ir_json *pod, const char *name, ir_buf *names)
{
    const ir_json *all = ir_json_path(pod, "spec.containers");
    int64_t is = 0;
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *ports = ir_json_get(ir_json_at(all, i), "ports");
        for (size_t j = 0; j < ir_json_len(ports); j++) {
            const char *one = ir_json_str(ir_json_at(ports, j), "name");
            if (one)
                ir_buf_addf(names, "%s%s", names->len ? ", " : "", one);
            if (ir_streq(one, name))
                is = ir_json_int(ir_json_at(ports, j), "containerPort", 0);
        }
    }
    return is;
}

/* Is somebody there? A connection is made and ended, nothing is sent. What may not be tried, or
 * cannot be for other reasons, is no finding. */
static int knock(const struct look *l, const ir_json *pod, int port, const char *what,
                 ir_diagnosis *d, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_forward_conn *conn = NULL;
    const char *name = ir_kube_meta(pod, "name");
    char text[900], byte = 0;
    ir_call call = *l->call;
    int64_t soon = ir_now_ms() + 3000;
    call.deadline_ms = call.deadline_ms && call.deadline_ms < soon ? call.deadline_ms : soon;
    snprintf(text, sizeof text, "pod/%s", name ? name : "");
    int rc = ir_kube_dial(&call, l->k, l->ns, text, port, &conn, &why);
    if (!rc) {
        call.deadline_ms = ir_now_ms() + 500;
        /* A refusal comes after the connection: who says nothing at all is there. */
        rc = (int)ir_forward_read(&call, conn, &byte, 1, &why);
    }
    ir_forward_close(conn);
    if (rc == IMGREL_ECANCELED || rc == IMGREL_ENOMEM)
        return ir_kube_pass(err, &why);
    if (rc >= 0 || !strcasestr(why.message, "refused"))
        return 0;
    snprintf(text, sizeof text, "%s, and nothing listens on port %d of pod/%s", what, port, name);
    return ir_diagnosis_say(d, "service-wrong-port", text, err);
}

static int look_at_port(const struct look *l, const ir_json *pod, const ir_json *port,
                        ir_diagnosis *d, imgrel_error *err)
{
    const ir_json *target = ir_json_get(port, "targetPort");
    const char *named = ir_json_text(target), *protocol = ir_json_str(port, "protocol");
    int64_t from = ir_json_int(port, "port", 0), to = ir_json_number(target, from);
    ir_buf names = IR_BUF(4096);
    char text[500];
    int rc = 0;
    if (named && !(to = port_by_name(pod, named, &names))) {
        snprintf(text, sizeof text, "port %lld leads to \"%s\"; its containers have %s",
                 (long long)from, named, names.len ? ir_buf_str(&names) : "no named port");
        rc = ir_diagnosis_say(d, "service-port-unknown", text, err);
    } else if (l->deep && ir_kube_condition(pod, "Ready") && to > 0 && to < 65536 &&
               !ir_streq(protocol, "UDP") && !ir_streq(protocol, "SCTP")) {
        snprintf(text, sizeof text, "port %lld leads to port %lld", (long long)from, (long long)to);
        rc = knock(l, pod, (int)to, text, d, err);
    }
    ir_buf_free(&names);
    return rc;
}

/* ---- whole ----------------------------------------------------------------------------------- */

static int look_at_crew(const struct look *l, const ir_crew *crew, ir_diagnosis *d,
                        imgrel_error *err)
{
    const ir_json *ports = ir_json_path(l->service, "spec.ports"), *pod = ready_pod(crew);
    int rc = 0;
    if (!crew->n)
        return say_mismatch(l, d, err);
    for (size_t i = 0; i < ir_json_len(ports) && !rc && !*d->cause; i++)
        rc = look_at_port(l, pod ? pod : crew->pods[0], ir_json_at(ports, i), d, err);
    if (rc || *d->cause || pod)
        return rc;
    ir_diagnosis_free(d);
    rc = ir_crew_worst(l->call, l->k, l->ns, crew, l->deep, d, err);
    if (!rc && d->object && !strcmp(d->state, "failed"))
        return ir_diagnosis_prefix(d, err, "none of its %zu pods is ready: %s: ", crew->n,
                                   d->object);
    char *why = rc ? NULL : ir_format("%s: %s", d->object, d->message);
    if (!rc)
        rc = why ? ir_diagnosis_by(d, ir_kube_rule_named("service-no-ready-pod"), why, err)
                 : ir_nomem(err);
    free(why);
    return rc;
}

static int look_at_service(const struct look *l, ir_diagnosis *d, imgrel_error *err)
{
    const ir_json *spec = ir_json_get(l->service, "spec");
    const ir_json *selector = ir_json_get(spec, "selector");
    struct slices s = {0};
    ir_crew crew = {0};
    int rc = ir_diagnosis_fine(d, "ready", "", "the service has pods that are ready", err);
    if (rc || ir_streq(ir_json_str(spec, "type"), "ExternalName"))
        return rc;
    if (!ir_json_len(selector)) {
        rc = get_slices(l, &s, err);
        return rc || s.ready
                   ? rc
                   : ir_diagnosis_by(d, ir_kube_rule_named("service-no-selector"), NULL, err);
    }
    rc = ir_crew_get(l->call, l->k, l->ns, selector, &crew, err);
    if (!rc)
        rc = look_at_crew(l, &crew, d, err);
    /* Its controller may be a moment behind. */
    if (!rc && !*d->cause && !(rc = get_slices(l, &s, err)) && !s.ready && s.all)
        rc = ir_diagnosis_fine(d, "progressing", "service-no-endpoint-yet",
                               "its pods are ready, and it does not know it yet", err);
    ir_crew_free(&crew);
    return rc;
}

int ir_examine_service(const ir_call *call, ir_kube *k, const char *ns, const ir_json *service,
                       bool deep, ir_diagnosis *ret, imgrel_error *err)
{
    struct look l = {.call = call, .k = k, .ns = ns, .service = service, .deep = deep};
    return look_at_service(&l, ret, err);
}
