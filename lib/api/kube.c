/* kube.c - include/imgrel/kube.h on lib/kube: the handle, objects, and the things that a release
 * sees to. Logs, forwards and connections are kube_io.c's. */
#include "api/kube.h"
#include "base/limits.h"
#include "base/str.h"
#include "run/explain.h"

#include <stddef.h>
#include <stdlib.h>

int ir_api_kube_call(imgrel_kube *k, const imgrel_opts *o, ir_call *ret, imgrel_error *err)
{
    return k ? ir_api_call(k->client, o, ret, err)
             : ir_fail(err, IMGREL_EINVAL, "the Kubernetes handle is NULL");
}

int imgrel_kube_new(imgrel_client *c, const char *kubeconfig, const char *context,
                    imgrel_kube **out, imgrel_error *err)
{
    ir_call call;
    imgrel_kube *k = NULL;
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_kube_new: out is NULL");
    *out = NULL;
    int rc = ir_api_call(c, NULL, &call, err);
    if (rc)
        return rc;
    if (!(k = calloc(1, sizeof *k)))
        return ir_nomem(err);
    k->client = c;
    rc = ir_kube_new(&call, kubeconfig, context, &k->kube, err);
    if (rc)
        free(k);
    else
        *out = k;
    return rc;
}

void imgrel_kube_free(imgrel_kube *k)
{
    if (!k)
        return;
    ir_kube_free(k->kube);
    free(k);
}

const char *imgrel_kube_namespace(const imgrel_kube *k)
{
    return k ? ir_kube_namespace(k->kube) : NULL;
}

const char *imgrel_kube_server(const imgrel_kube *k)
{
    return k ? ir_kube_server(k->kube) : NULL;
}

/* ---- what goes in and out -------------------------------------------------------------------- */

/* A finished call's document as the caller's text; j is taken, ret may be NULL. */
static int give(int rc, ir_json *j, char **ret, imgrel_error *err)
{
    if (!rc && ret && !(*ret = ir_json_string(j, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    ir_json_free(j);
    return rc;
}

/* {"imgrel": change} with the object's own members, or with the object under a name. */
static int give_change(int rc, ir_json *object, const char *change, const char *name, char **ret,
                       imgrel_error *err)
{
    ir_json *j = NULL;
    if (rc || !ret) {
        ir_json_free(object);
        return rc;
    }
    j = name || !object ? ir_json_new_object() : ir_json_ref(object);
    int bad = ir_json_puts(j, "imgrel", change);
    if (name && object)
        bad |= ir_json_put(j, name, ir_json_ref(object));
    ir_json_free(object);
    return give(bad ? ir_nomem(err) : 0, j, ret, err);
}

static void none(char **ret)
{
    if (ret)
        *ret = NULL;
}

/* What the public calls create is marked as ours. */
static ir_json *our_labels(void)
{
    return ir_json_pack("{s:s}", "app.kubernetes.io/managed-by", "imgrel");
}

int ir_api_kube_spec(const char *text, const char *what, const ir_json_row *rows, ir_json **ret_doc,
                     void *ret, imgrel_error *err)
{
    imgrel_error why = {0};
    *ret_doc = NULL;
    if (!text)
        return 0;
    int rc = ir_json_parse(text, strlen(text), what, ret_doc, &why);
    if (rc == IMGREL_EPROTO) /* the caller's text, not a server's */
        return ir_fail(err, IMGREL_EINVAL, "%s", why.message);
    return rc ? ir_nomem(err) : ir_json_decode(*ret_doc, rows, true, what, ret, err);
}

/* ---- objects --------------------------------------------------------------------------------- */

int imgrel_kube_get(imgrel_kube *k, const char *ns, const char *object, const imgrel_opts *o,
                    char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_kube_get(&call, k->kube, ns, object, &j, err);
    return give(rc, j, ret_json, err);
}

int imgrel_kube_delete(imgrel_kube *k, const char *ns, const char *object, const imgrel_opts *o,
                       imgrel_error *err)
{
    ir_call call;
    int rc = ir_api_kube_call(k, o, &call, err);
    return rc ? rc : ir_kube_delete(&call, k->kube, ns, object, NULL, err);
}

int imgrel_kube_apply(imgrel_kube *k, const char *manifest, size_t len, const imgrel_opts *o,
                      char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_json *objects = NULL, *done = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_kube_manifest_read(manifest, len, &objects, err);
    if (!rc)
        rc = ir_kube_apply_all(&call, k->kube, NULL, objects, &done, err);
    bool one = !rc && ir_json_len(objects) == 1;
    ir_json *now = ir_json_ref(one ? ir_json_at(done, 0) : done);
    ir_json_free(done);
    ir_json_free(objects);
    return give(rc, now, ret_json, err);
}

int imgrel_kube_request(imgrel_kube *k, const char *method, const char *path,
                        const char *content_type, const char *body, size_t len,
                        const imgrel_opts *o, char **ret_json, int *ret_status, imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL;
    none(ret_json);
    if (ret_status)
        *ret_status = 0;
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_kube_request(&call, k->kube, method, path, content_type, body, len,
                             ret_json ? &j : NULL, ret_status, err);
    return give(rc, j, ret_json, err);
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct list {
    ir_kube *kube;
    ir_kube_pages *pages;
    char *item;
};

static int list_next(const ir_call *call, void *state, const char **ret, imgrel_error *err)
{
    struct list *l = state;
    ir_json *j = NULL;
    int rc = ir_kube_pages_next(call, l->kube, l->pages, &j, err);
    free(l->item);
    l->item = NULL;
    if (rc == 1 && !(l->item = ir_json_string(j, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    ir_json_free(j);
    *ret = l->item;
    return rc;
}

static void list_free(void *state)
{
    struct list *l = state;
    ir_kube_pages_free(l->pages);
    free(l->item);
    free(l);
}

int imgrel_kube_list(imgrel_kube *k, const char *ns, const char *kind, const char *selector,
                     const imgrel_opts *o, imgrel_iter **out, imgrel_error *err)
{
    static const ir_iter_ops ops = {list_next, list_free};
    ir_call call;
    if (!out || !kind)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_kube_list: NULL");
    *out = NULL;
    int rc = ir_api_kube_call(k, o, &call, err);
    if (rc)
        return rc;
    struct list *l = calloc(1, sizeof *l);
    if (!l)
        return ir_nomem(err);
    l->kube = k->kube;
    rc = ir_kube_pages_open(&call, k->kube, ns, kind, selector, NULL, &l->pages, err);
    if (rc) {
        list_free(l);
        return rc;
    }
    return ir_iter_new(k->client, o, &ops, l, out, err);
}

/* ---- what is seen to ------------------------------------------------------------------------- */

int imgrel_kube_namespace_ensure(imgrel_kube *k, const char *name, const imgrel_opts *o,
                                 char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL, *labels = NULL;
    const char *change = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc && !name)
        rc = ir_fail(err, IMGREL_EINVAL, "the namespace's name is NULL");
    if (!rc && !(labels = our_labels()))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_kube_namespace_ensure(&call, k->kube, name, labels, &change, &j, err);
    ir_json_free(labels);
    return give_change(rc, j, change, NULL, ret_json, err);
}

int imgrel_kube_secret_ensure(imgrel_kube *k, const char *ns, const char *name,
                              const char *registry, const char *user, const char *password,
                              const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_json *labels = NULL;
    const char *change = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc && !(labels = our_labels()))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_kube_secret_ensure(&call, k->kube, ns, name, registry, user, password, labels,
                                   &change, err);
    ir_json_free(labels);
    return give_change(rc, NULL, change, NULL, ret_json, err);
}

int ir_api_kube_pod_spec(const char *text, ir_json **ret_doc, ir_pod_spec *ret, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"image", IR_J_STRING, offsetof(ir_pod_spec, image), 0},
        {"port", IR_J_INT, offsetof(ir_pod_spec, port), 0},
        {"pull_secret", IR_J_STRING, offsetof(ir_pod_spec, pull_secret), 0},
        {"env", IR_J_OBJECT, offsetof(ir_pod_spec, env), 0},
        {"command", IR_J_ARRAY, offsetof(ir_pod_spec, command), 0},
        {"args", IR_J_ARRAY, offsetof(ir_pod_spec, args), 0},
        {"labels", IR_J_OBJECT, offsetof(ir_pod_spec, labels), 0},
        {"annotations", IR_J_OBJECT, offsetof(ir_pod_spec, annotations), 0},
        {"resources", IR_J_OBJECT, offsetof(ir_pod_spec, resources), 0},
        {"manifest", IR_J_OBJECT, offsetof(ir_pod_spec, manifest), 0},
        {"replicas", IR_J_INT, offsetof(ir_pod_spec, replicas), 0},
        {NULL, IR_J_STRING, 0, 0}};
    return ir_api_kube_spec(text, "pod spec", rows, ret_doc, ret, err);
}

int imgrel_kube_pod_run(imgrel_kube *k, const char *ns, const char *name, const char *spec,
                        const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_pod_spec s = {.name = name};
    ir_json *doc = NULL, *pod = NULL;
    const char *change = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_api_kube_pod_spec(spec, &doc, &s, err);
    if (!rc)
        rc = ir_kube_pod_run(&call, k->kube, ns, &s, &change, &pod, err);
    ir_json_free(doc);
    return give_change(rc, pod, change, "pod", ret_json, err);
}

int imgrel_kube_service_expose(imgrel_kube *k, const char *ns, const char *pod, int32_t port,
                               int32_t target_port, const imgrel_opts *o, char **ret_json,
                               imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL, *ports = NULL;
    const char *change = NULL;
    char *object = pod ? ir_format(strchr(pod, '/') ? "%s" : "pod/%s", pod) : NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc && !pod)
        rc = ir_fail(err, IMGREL_EINVAL, "the pod's name is NULL");
    if (port || target_port)
        ports = ir_json_pack("[{s:i, s:i}]", "port", (int)port, "target_port",
                             (int)(target_port ? target_port : port));
    if (!rc && (!object || ((port || target_port) && !ports)))
        rc = ir_nomem(err);
    if (!rc) {
        const ir_expose_spec s = {.ports = ports};
        rc = ir_kube_service_expose(&call, k->kube, ns, object, &s, &change, &j, err);
    }
    ir_json_free(ports);
    free(object);
    return give_change(rc, j, change, NULL, ret_json, err);
}

/* ---- how it goes ----------------------------------------------------------------------------- */

int imgrel_kube_wait(imgrel_kube *k, const char *ns, const char *object, const imgrel_opts *o,
                     char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_json *j = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_kube_wait_ready(&call, k->kube, ns, object, ir_explain, &j, err);
    return give(rc, j, ret_json, err);
}

int imgrel_kube_diagnose(imgrel_kube *k, const char *ns, const char *object, const imgrel_opts *o,
                         char **ret_json, imgrel_error *err)
{
    ir_call call;
    ir_diagnosis d = {0};
    ir_json *j = NULL;
    none(ret_json);
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_kube_diagnose(&call, k->kube, ns, object, ir_explain, &d, err);
    if (!rc && !(j = ir_json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:O}", "object", d.object,
                                  "state", d.state, "cause", d.cause, "message",
                                  ir_json_new_string(d.message), "cure",
                                  ir_json_new_string(d.cure), "final", (int)d.final, "evidence",
                                  d.evidence)))
        rc = ir_nomem(err);
    ir_diagnosis_free(&d);
    return give(rc, j, ret_json, err);
}
