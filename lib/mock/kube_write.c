/* kube_write.c - POST and PUT: a body becomes an object of its kind (unknown fields dropped with a
 * warning), goes through admission, defaults and validation, and into the store. PATCH and apply
 * end here too, in mk_create and mk_replace. */
#include "mock/kube.h"

#include "base/base64.h"
#include "fmt/yaml.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- reading a body ------------------------------------------------------------------------- */

static const mk_kind *stored_kind(const mk_kind *k)
{
    return mk_kind_is_event_view(k) ? mk_kind_named("Event") : k;
}

ir_json *mk_read_object(mk_kcall *c, const char *p, size_t len, bool yaml)
{
    ir_json *j = NULL;
    ir_yaml *y = NULL;
    imgrel_error err = {0};
    if (yaml && !ir_yaml_parse(p, len, "body", &y, &err))
        j = ir_json_copy(ir_yaml_root(y));
    else if (!yaml && ir_json_parse(p, len, "body", &j, &err))
        j = NULL;
    ir_yaml_free(y);
    if (ir_json_is_object(j))
        return j;
    ir_json_free(j);
    mk_bad_request(c,
                   "the object provided is unrecognized (must be of type %s): couldn't get "
                   "version/kind; json parse error: %s",
                   c->kind->kind,
                   err.code ? err.message : "json: cannot unmarshal into Go value of type struct");
    return NULL;
}

static bool base64_ok(mk_kcall *c, const ir_json *data, const char *api)
{
    ir_buf out = IR_BUF(MK_KUBE_BODY_MAX);
    for (void *it = ir_json_first(data); it; it = ir_json_next(data, it)) {
        const char *s = ir_json_text(ir_json_value(it));
        ir_buf_clear(&out);
        if (!s || !ir_base64_decode(s, strlen(s), &out)) {
            mk_bad_request(c,
                           "%s in version \"%s\" cannot be handled as a %s: illegal base64 data "
                           "at input byte 0",
                           c->kind->kind, api, c->kind->kind);
            break;
        }
    }
    ir_buf_free(&out);
    return !c->done;
}

static void tell_unknown(mk_kcall *c, const ir_strv *unknown, const char *api)
{
    char *how = mk_query(c->r, "fieldValidation");
    for (size_t i = 0; i < unknown->n && !c->done; i++) {
        if (how && !strcmp(how, "Strict"))
            mk_bad_request(c,
                           "%s in version \"%s\" cannot be handled as a %s: strict decoding "
                           "error: unknown field \"%s\"",
                           c->kind->kind, api, c->kind->kind, unknown->v[i]);
        else if (!how || strcmp(how, "Ignore"))
            mk_warn(c, "unknown field \"%s\"", unknown->v[i]);
    }
    free(how);
}

static bool same_type(mk_kcall *c, const ir_json *object, const char *api)
{
    const char *kind = ir_json_str(object, "kind"), *version = ir_json_str(object, "apiVersion");
    if ((!kind || !*kind || !strcmp(kind, c->kind->kind)) &&
        (!version || !*version || !strcmp(version, api)))
        return true;
    mk_bad_request(c,
                   "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" is "
                   "registered for version \"%s\"",
                   kind ? kind : "", version ? version : "", c->kind->kind, kind ? kind : "",
                   version ? version : "");
    return false;
}

bool mk_check_object(mk_kcall *c, ir_json *object)
{
    char api_text[64];
    const char *api = mk_kind_api(c->kind, api_text), *ns = mk_namespace(object);
    char *bad = NULL;
    ir_strv unknown = {0};
    if (!same_type(c, object, api))
        return false;
    if (!mk_schema_prune(object, c->kind->kind, &unknown, &bad))
        mk_bad_request(c, "%s in version \"%s\" cannot be handled as a %s: %s", c->kind->kind, api,
                       c->kind->kind, bad ? bad : "bad value");
    else
        tell_unknown(c, &unknown, api);
    if (!c->done && c->kind->namespaced && *ns && strcmp(ns, c->ns))
        mk_bad_request(c, "the namespace of the provided object does not match the namespace sent "
                          "on the request");
    if (!c->done && *c->name && *mk_name(object) && strcmp(c->name, mk_name(object)))
        mk_bad_request(c, "the name of the object (%s) does not match the name on the URL (%s)",
                       mk_name(object), c->name);
    if (!c->done && !strcmp(c->kind->kind, "Secret"))
        base64_ok(c, ir_json_get(object, "data"), api);
    /* Stored objects do without: their kind is known. */
    ir_json_remove(object, "kind");
    ir_json_remove(object, "apiVersion");
    ir_strv_free(&unknown);
    free(bad);
    return !c->done;
}

static bool type_is(const char *value, const char *type)
{
    size_t n = strlen(type);
    return !strncmp(value, type, n) && (!value[n] || value[n] == ';' || value[n] == ' ');
}

ir_json *mk_body(mk_kcall *c)
{
    const char *type = mk_header(c->r, "Content-Type");
    bool yaml = type && type_is(type, "application/yaml");
    bool proto =
        type && type_is(type, "application/vnd.kubernetes.protobuf") && mk_proto_knows(c->kind);
    bool wrong = type && *type && !yaml && !proto && !type_is(type, "application/json");
    if (wrong) {
        mk_status(c, 415, "UnsupportedMediaType", ir_json_new_object(),
                  "the body of the request was in an unknown format - accepted media types "
                  "include: application/json, application/yaml, "
                  "application/vnd.kubernetes.protobuf");
        return NULL;
    }
    ir_json *object = proto ? mk_proto_read(c->kind, c->r->body, c->r->body_len)
                            : mk_read_object(c, c->r->body, c->r->body_len, yaml);
    if (!object && !c->done)
        mk_bad_request(c, "unable to decode: not %s", c->kind->kind);
    if (object && !mk_check_object(c, object)) {
        ir_json_free(object);
        object = NULL;
    }
    return object;
}

/* ---- admission ------------------------------------------------------------------------------ */

static bool namespace_admits(mk_kcall *c, const ir_json *object)
{
    if (!c->kind->namespaced)
        return true;
    const ir_json *ns = mk_store_get(c->k, mk_kind_named("Namespace"), "", c->ns);
    if (!ns) {
        mk_not_found(c, mk_kind_named("Namespace"), c->ns);
        return false;
    }
    if (!ir_json_path(ns, "metadata.deletionTimestamp"))
        return true;
    char *text = ir_format("namespace %s is being terminated", c->ns);
    ir_json *causes = ir_json_pack("[{s:s, s:s, s:s}]", "reason", "NamespaceTerminating", "message",
                                   text ? text : "", "field", "metadata.namespace");
    mk_forbidden(c, mk_name(object), causes,
                 "unable to create new content in namespace %s because it is being terminated",
                 c->ns);
    free(text);
    return false;
}

static void mount_token(struct mk_kube *k, ir_json *spec)
{
    char suffix[6];
    mk_new_suffix(k, suffix);
    char *name = ir_format("kube-api-access-%s", suffix);
    ir_json *volumes = ir_json_get(spec, "volumes"), *list = ir_json_get(spec, "containers");
    if (!volumes) {
        volumes = ir_json_new_array();
        ir_json_put(spec, "volumes", volumes);
    }
    ir_json_append(volumes,
                   ir_json_pack("{s:s, s:{s:i, s:[{s:{s:i, s:s}}]}}", "name", name ? name : "",
                                "projected", "defaultMode", 420, "sources", "serviceAccountToken",
                                "expirationSeconds", 3607, "path", "token"));
    for (size_t i = 0; i < ir_json_len(list); i++) {
        ir_json *container = ir_json_at(list, i), *mounts = ir_json_get(container, "volumeMounts");
        if (!mounts) {
            mounts = ir_json_new_array();
            ir_json_put(container, "volumeMounts", mounts);
        }
        ir_json_append(mounts,
                       ir_json_pack("{s:s, s:b, s:s}", "name", name ? name : "", "readOnly", 1,
                                    "mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"));
    }
    free(name);
}

bool mk_pod_account(struct mk_kube *k, const char *ns, ir_json *pod)
{
    ir_json *spec = mk_ensure(pod, "spec");
    const char *name = ir_json_str(spec, "serviceAccountName");
    char *account = ir_strdup(name && *name ? name : "default");
    const ir_json *sa =
        mk_store_get(k, mk_kind_named("ServiceAccount"), ns, account ? account : "");
    const ir_json *secrets = ir_json_get(sa, "imagePullSecrets");
    ir_json_puts(spec, "serviceAccountName", account);
    ir_json_puts(spec, "serviceAccount", account);
    if (sa && !ir_json_len(ir_json_get(spec, "imagePullSecrets")) && ir_json_len(secrets))
        ir_json_put(spec, "imagePullSecrets", ir_json_copy(secrets));
    if (sa && ir_json_bool(spec, "automountServiceAccountToken", true))
        mount_token(k, spec);
    free(account);
    return sa != NULL;
}

static bool account_admits(mk_kcall *c, ir_json *pod)
{
    if (mk_pod_account(c->k, c->ns, pod))
        return true;
    const char *account = ir_json_str(ir_json_get(pod, "spec"), "serviceAccountName");
    mk_forbidden(c, mk_name(pod), NULL,
                 "error looking up service account %s/%s: serviceaccount \"%s\" not found", c->ns,
                 account, account);
    return false;
}

static bool name_it(mk_kcall *c, ir_json *object)
{
    ir_json *meta = mk_ensure(object, "metadata");
    const char *prefix = ir_json_str(meta, "generateName");
    if (!*mk_name(object) && prefix && *prefix) {
        char suffix[6];
        mk_new_suffix(c->k, suffix);
        char *name = ir_format("%s%s", prefix, suffix);
        ir_json_puts(meta, "name", name);
        free(name);
    }
    if (*mk_name(object))
        return true;
    mk_errors e = {0};
    mk_fielderr(&e, "FieldValueRequired", "metadata.name", "name or generateName is required");
    mk_errors_give(c, &e, c->kind->kind, "");
    return false;
}

/* ---- create --------------------------------------------------------------------------------- */

static const char *const server_members[] = {
    "uid",      "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "selfLink", "generation"};

static void new_metadata(mk_kcall *c, ir_json *object)
{
    char uid[40], now[32];
    ir_json *meta = mk_ensure(object, "metadata");
    for (size_t i = 0; i < sizeof server_members / sizeof *server_members; i++)
        ir_json_remove(meta, server_members[i]);
    mk_new_uid(c->k, uid);
    ir_json_puts(meta, "uid", uid);
    ir_json_puts(meta, "creationTimestamp", mk_when(c->m, now));
    if (c->kind->namespaced)
        ir_json_puts(meta, "namespace", c->ns);
    else
        ir_json_remove(meta, "namespace");
    if (!strcmp(c->kind->kind, "Pod") || !strcmp(c->kind->group, "apps"))
        ir_json_put(meta, "generation", ir_json_new_int(1));
}

static bool fits(mk_kcall *c, const ir_json *old, const ir_json *object)
{
    mk_errors e = {0};
    mk_validate(c->kind, old, object, &e);
    bool bad = mk_errors_give(c, &e, c->kind->kind, mk_name(object));
    ir_json_free(e.causes);
    return !bad;
}

static bool admit_new(mk_kcall *c, ir_json *object)
{
    if (!namespace_admits(c, object) || !name_it(c, object))
        return false;
    if (*c->name && strcmp(c->name, mk_name(object)))
        return false;
    if (!strcmp(c->kind->kind, "Pod") && !account_admits(c, object))
        return false;
    if (strcmp(c->kind->kind, "Node"))
        ir_json_remove(object, "status");
    mk_default(c->k, c->kind, object);
    return fits(c, NULL, object);
}

static void give_new(mk_kcall *c, ir_json *object, int status)
{
    if (c->dry_run) {
        mk_give(c, status, mk_typed(c->kind, object));
        ir_json_free(object);
        return;
    }
    const ir_json *stored = mk_store_put(c->k, stored_kind(c->kind), object);
    if (stored)
        mk_give(c, status, mk_typed(c->kind, stored));
    else
        mk_no_memory(c);
}

void mk_create(mk_kcall *c, ir_json *object, int status)
{
    const char *rv = ir_json_str(ir_json_get(object, "metadata"), "resourceVersion");
    if (rv && *rv) {
        mk_status(c, 500, "InternalError", NULL,
                  "resourceVersion should not be set on objects to be created");
    } else if (admit_new(c, object)) {
        const mk_kind *kind = stored_kind(c->kind);
        const char *name = mk_name(object);
        if (mk_store_get(c->k, kind, kind->namespaced ? c->ns : "", name)) {
            mk_status(c, 409, "AlreadyExists", mk_details(c, name), "%s%s%s \"%s\" already exists",
                      c->kind->plural, *c->kind->group ? "." : "", c->kind->group, name);
        } else {
            new_metadata(c, object);
            if (!ir_json_path(object, "metadata.managedFields"))
                mk_manage_update(c->m, c->kind, NULL, object, c->manager, "");
            give_new(c, object, status);
            return;
        }
    }
    ir_json_free(object);
}

void mk_kube_post(mk_kcall *c)
{
    ir_json *object = mk_body(c);
    if (!object)
        return;
    if (mk_kind_is_event_view(c->kind)) {
        ir_json *core = mk_event_unview(object);
        ir_json_free(object);
        object = core;
    }
    ir_json_remove(ir_json_get(object, "metadata"), "managedFields");
    pthread_mutex_lock(&c->m->lock);
    mk_create(c, object, 201);
    pthread_mutex_unlock(&c->m->lock);
}

/* ---- replace -------------------------------------------------------------------------------- */

static void keep(ir_json *to, const ir_json *from, const char *name)
{
    ir_json *v = ir_json_get(from, name);
    if (v)
        ir_json_put(to, name, ir_json_ref(v));
    else
        ir_json_remove(to, name);
}

/* What only the server sets comes from what is there. */
static void keep_server_part(mk_kcall *c, const ir_json *old, ir_json *object)
{
    ir_json *meta = mk_ensure(object, "metadata");
    const ir_json *was = ir_json_get(old, "metadata");
    for (size_t i = 0; i < sizeof server_members / sizeof *server_members; i++)
        keep(meta, was, server_members[i]);
    keep(meta, was, "name");
    keep(meta, was, "namespace");
    keep(meta, was, "resourceVersion");
    if (!strcmp(c->sub, "status")) {
        for (void *it = ir_json_first(old); it; it = ir_json_next(old, it))
            if (strcmp(ir_json_key(it), "status") && strcmp(ir_json_key(it), "metadata"))
                ir_json_put(object, ir_json_key(it), ir_json_ref(ir_json_value(it)));
        return;
    }
    if (strcmp(c->kind->kind, "Node"))
        keep(object, old, "status");
    if (!strcmp(c->kind->kind, "Service")) {
        ir_json *spec = mk_ensure(object, "spec");
        const char *ip = ir_json_str(spec, "clusterIP");
        if (!ip || !*ip) {
            keep(spec, ir_json_get(old, "spec"), "clusterIP");
            keep(spec, ir_json_get(old, "spec"), "clusterIPs");
        }
    }
}

static bool same_but_for(const ir_json *a, const ir_json *b, const char *const *names)
{
    ir_json *x = ir_json_copy(a), *y = ir_json_copy(b);
    for (; *names; names++) {
        ir_json_remove(ir_json_get(x, "metadata"), *names);
        ir_json_remove(ir_json_get(y, "metadata"), *names);
    }
    bool same = ir_json_equal(x, y);
    ir_json_free(x);
    ir_json_free(y);
    return same;
}

static bool versions_agree(mk_kcall *c, const ir_json *old, const ir_json *object)
{
    const char *rv = ir_json_str(ir_json_get(object, "metadata"), "resourceVersion");
    const char *uid = mk_uid(object);
    const char *have = ir_json_str(ir_json_get(old, "metadata"), "resourceVersion");
    if (*uid && strcmp(uid, mk_uid(old))) {
        char *why = ir_format("Precondition failed: UID in precondition: %s, UID in object meta: "
                              "%s",
                              uid, mk_uid(old));
        mk_conflict(c, why ? why : "uid");
        free(why);
        return false;
    }
    if (rv && *rv && !ir_streq(rv, have)) {
        mk_conflict(c, "the object has been modified; please apply your changes to the latest "
                       "version and try again");
        return false;
    }
    return true;
}

static void raise_generation(const ir_json *old, ir_json *object)
{
    int64_t was = ir_json_int(ir_json_get(old, "metadata"), "generation", 0);
    if (was && !ir_json_equal(ir_json_get(old, "spec"), ir_json_get(object, "spec")))
        ir_json_put(ir_json_get(object, "metadata"), "generation", ir_json_new_int(was + 1));
}

/* Without its last finalizer an object that is being deleted goes. */
static bool may_go(const ir_json *object)
{
    const ir_json *meta = ir_json_get(object, "metadata");
    return ir_json_get(meta, "deletionTimestamp") &&
           !ir_json_len(ir_json_get(meta, "finalizers")) &&
           !ir_json_len(ir_json_path(object, "spec.finalizers")) &&
           !ir_json_int(meta, "deletionGracePeriodSeconds", 0);
}

void mk_replace(mk_kcall *c, const ir_json *old, ir_json *object, bool manage)
{
    static const char *const uncounted[] = {"resourceVersion", "managedFields", NULL};
    static const char *const versions[] = {"resourceVersion", NULL};
    if (!versions_agree(c, old, object)) {
        ir_json_free(object);
        return;
    }
    keep_server_part(c, old, object);
    if (strcmp(c->sub, "status"))
        mk_default(c->k, c->kind, object);
    if (!fits(c, old, object)) {
        ir_json_free(object);
        return;
    }
    raise_generation(old, object);
    if (same_but_for(old, object, manage ? uncounted : versions)) {
        mk_give(c, 200, mk_typed(c->kind, old));
        ir_json_free(object);
        return;
    }
    if (manage) {
        keep(ir_json_get(object, "metadata"), ir_json_get(old, "metadata"), "managedFields");
        mk_manage_update(c->m, c->kind, old, object, c->manager, c->sub);
    }
    if (may_go(object) && !c->dry_run) {
        mk_give(c, 200, mk_typed(c->kind, object));
        mk_store_drop(c->k, stored_kind(c->kind), mk_namespace(object), mk_name(object));
        ir_json_free(object);
        return;
    }
    give_new(c, object, 200);
}

void mk_kube_put(mk_kcall *c)
{
    ir_json *object = mk_body(c);
    if (!object)
        return;
    if (mk_kind_is_event_view(c->kind)) {
        mk_absent(c, "updates of events.k8s.io");
        ir_json_free(object);
        return;
    }
    pthread_mutex_lock(&c->m->lock);
    ir_json *old =
        ir_json_ref(mk_store_get(c->k, c->kind, c->kind->namespaced ? c->ns : "", c->name));
    if (old) {
        mk_replace(c, old, object, true);
    } else {
        mk_not_found(c, c->kind, c->name);
        ir_json_free(object);
    }
    ir_json_free(old);
    pthread_mutex_unlock(&c->m->lock);
}
