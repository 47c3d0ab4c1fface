/* object.c - objects of the API by kind and name: paths; get, create, patch, and delete until gone.
 */
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdlib.h>

#define MANAGER "fieldManager=imgrel"

/* What may stand in a path: no slash, no dots alone, nothing that needs encoding but ':'. */
static bool name_is_safe(const char *name)
{
    if (!name || !*name || !strcmp(name, ".") || !strcmp(name, "..") || strlen(name) > 253)
        return false;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("/%?#\\", *c))
            return false;
    return true;
}

int ir_kube_object_parse(const ir_call *call, ir_kube *k, const char *object,
                         const ir_kube_kind **ret_kind, const char **ret_name, imgrel_error *err)
{
    char word[320] = "";
    const char *slash = object ? strchr(object, '/') : NULL;
    *ret_kind = NULL;
    *ret_name = slash ? slash + 1 : NULL;
    if (!slash || slash == object || (size_t)(slash - object) >= sizeof word ||
        !name_is_safe(slash + 1))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is not kind/name", object ? object : "");
    memcpy(word, object, (size_t)(slash - object));
    return ir_kube_kind_find(call, k, word, ret_kind, err);
}

const char *ir_kube_ns(const ir_kube *k, const char *ns)
{
    return ns && *ns ? ns : k->ns;
}

int ir_kube_path(const ir_kube *k, const ir_kube_kind *kind, const char *ns, const char *name,
                 ir_buf *out, imgrel_error *err)
{
    if ((!kind->cluster_wide && !name_is_safe(ir_kube_ns(k, ns))) || (name && !name_is_safe(name)))
        return ir_fail(err, IMGREL_EINVAL, "\"%s\" is no name of a %s",
                       name && name_is_safe(ir_kube_ns(k, ns)) ? name : ir_kube_ns(k, ns),
                       name ? kind->singular : "namespace");
    ir_buf_addf(out, strchr(kind->version, '/') ? "/apis/%s/" : "/api/%s/", kind->version);
    if (!kind->cluster_wide && (name || !ir_streq(ns, "*"))) {
        ir_buf_adds(out, "namespaces/");
        ir_url_encode(out, ir_kube_ns(k, ns));
        ir_buf_addc(out, '/');
    }
    ir_buf_adds(out, kind->plural);
    if (name) {
        ir_buf_addc(out, '/');
        ir_url_encode(out, name);
    }
    return ir_buf_check(out, err, "path");
}

const char *ir_kube_meta(const ir_json *object, const char *key)
{
    return ir_json_str(ir_json_get(object, "metadata"), key);
}

bool ir_kube_ours(const ir_json *object)
{
    const ir_json *labels = ir_json_path(object, "metadata.labels");
    return ir_streq(ir_json_str(labels, IR_KUBE_OURS_KEY), IR_KUBE_OURS_VALUE);
}

int ir_kube_add_labels(ir_json *object, const ir_json *labels)
{
    ir_json *meta = ir_json_get(object, "metadata"), *to = ir_json_get(meta, "labels");
    int bad = 0;
    if (!ir_json_len(labels))
        return 0;
    if (!to) {
        bad = ir_json_put(meta, "labels", ir_json_new_object());
        to = ir_json_get(meta, "labels");
    }
    for (void *it = ir_json_first(labels); it && !bad; it = ir_json_next(labels, it))
        if (!ir_json_get(to, ir_json_key(it)))
            bad = ir_json_put(to, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    return bad;
}

/* ---- get, create, patch ---------------------------------------------------------------------- */

int ir_kube_object_path(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                        ir_buf *out, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *name = NULL;
    int rc = ir_kube_object_parse(call, k, object, &kind, &name, err);
    return rc ? rc : ir_kube_path(k, kind, ns, name, out, err);
}

int ir_kube_get(const ir_call *call, ir_kube *k, const char *ns, const char *object, ir_json **ret,
                imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    if (ret)
        *ret = NULL;
    int rc = ir_kube_object_path(call, k, ns, object, &path, err);
    if (!rc)
        rc = ir_kube_request(call, k, "GET", ir_buf_str(&path), NULL, NULL, 0, ret, NULL, err);
    ir_buf_free(&path);
    return rc;
}

/* Where a manifest goes: its own namespace must not contradict the caller's. */
int ir_kube_manifest_path(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                          bool named, ir_buf *out, imgrel_error *err)
{
    const ir_kube_kind *kind = NULL;
    const char *own = ir_kube_meta(object, "namespace"), *name = ir_kube_meta(object, "name");
    int rc = ir_kube_kind_of(call, k, object, &kind, err);
    if (rc)
        return rc;
    if (named && !name)
        return ir_fail(err, IMGREL_EINVAL, "a manifest of kind %s needs metadata.name", kind->kind);
    if (own && ns && *ns && strcmp(own, ns) != 0)
        return ir_fail(err, IMGREL_EINVAL, "%s/%s is of namespace %s, not %s", kind->singular,
                       name ? name : "", own, ns);
    return ir_kube_path(k, kind, own ? own : ns, named ? name : NULL, out, err);
}

void ir_kube_add_options(const ir_call *call, ir_buf *path, bool force)
{
    ir_buf_adds(path, "?" MANAGER);
    if (force)
        ir_buf_adds(path, "&force=true");
    if (IR_DRY_RUN(call))
        ir_buf_adds(path, "&dryRun=All");
}

int ir_kube_send(const ir_call *call, ir_kube *k, const char *method, const char *path,
                 const char *content_type, const ir_json *body, unsigned flags, ir_json **ret,
                 int *ret_status, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_API_BODY_MAX); /* it may be a Secret */
    ir_reply reply = {0};
    int rc = ir_json_dump(body, IR_JSON_COMPACT, &text, err);
    ir_request req = {.method = method,
                      .content_type = content_type,
                      .flags = flags,
                      .body = {.p = text.p, .len = text.len, .size = (int64_t)text.len}};
    if (!rc)
        rc = ir_kube_do(call, k, &req, path, &reply, err);
    if (!rc && reply.status >= 400)
        rc = ir_kube_status_fail(k, &req, path, &reply, err);
    if (!rc && ret)
        rc = ir_kube_body(k, &reply, ret, err);
    if (ret_status)
        *ret_status = reply.status;
    ir_reply_free(&reply);
    ir_buf_free(&text);
    return rc;
}

int ir_kube_create(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                   ir_json **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    if (ret)
        *ret = NULL;
    int rc = ir_kube_manifest_path(call, k, ns, object, false, &path, err);
    ir_kube_add_options(call, &path, false);
    if (!rc)
        rc = ir_kube_send(call, k, "POST", ir_buf_str(&path), "application/json", object, 0, ret,
                          NULL, err);
    ir_buf_free(&path);
    return rc;
}

int ir_kube_patch(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                  const char *content_type, const ir_json *patch, ir_json **ret, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    if (ret)
        *ret = NULL;
    int rc = ir_kube_object_path(call, k, ns, object, &path, err);
    ir_kube_add_options(call, &path, false);
    if (!rc)
        rc = ir_kube_send(call, k, "PATCH", ir_buf_str(&path), content_type, patch, 0, ret, NULL,
                          err);
    ir_buf_free(&path);
    return rc;
}

/* ---- delete ---------------------------------------------------------------------------------- */

/* Gone is: no object, or another one of the same name. */
static int is_gone(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    const char *uid = user;
    (void)changed;
    (void)err;
    return !object || (uid && !ir_streq(ir_kube_meta(object, "uid"), uid));
}

static ir_json *delete_options(const ir_kube_removal *how, const char *uid)
{
    ir_json *j = ir_json_pack("{s:s, s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions",
                              "propagationPolicy", how->propagation);
    int bad = !j;
    if (uid)
        bad |= ir_json_put(j, "preconditions", ir_json_pack("{s:s}", "uid", uid));
    if (how->grace_s >= 0)
        bad |= ir_json_put(j, "gracePeriodSeconds", ir_json_new_int(how->grace_s));
    if (!bad)
        return j;
    ir_json_free(j);
    return NULL;
}

static int send_delete(const ir_call *call, ir_kube *k, const char *path, const ir_json *options,
                       imgrel_error *err)
{
    imgrel_error why = {0};
    int rc =
        ir_kube_send(call, k, "DELETE", path, "application/json", options, 0, NULL, NULL, &why);
    return rc == IMGREL_ENOTFOUND ? 0 : rc ? ir_kube_pass(err, &why) : 0;
}

static int check_propagation(const char *word, imgrel_error *err)
{
    static const char *const words[] = {"Background", "Foreground", "Orphan"};
    for (size_t i = 0; i < 3; i++)
        if (ir_streq(word, words[i]))
            return 0;
    return ir_fail(err, IMGREL_EINVAL,
                   "propagation \"%s\" is none of Background, Foreground and Orphan", word);
}

int ir_kube_remove(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                   const ir_kube_removal *how, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_json *old = NULL, *options = NULL;
    int rc = check_propagation(how->propagation, err);
    if (!rc)
        rc = ir_kube_get(call, k, ns, object, &old, err);
    if (rc)
        return rc;
    /* What is waited for is the object that was there; by name alone a new one would be deleted
     * when the request is repeated. */
    const char *uid = how->uid ? how->uid : ir_kube_meta(old, "uid");
    options = delete_options(how, uid);
    rc = options ? ir_kube_object_path(call, k, ns, object, &path, err) : ir_nomem(err);
    if (IR_DRY_RUN(call))
        ir_buf_adds(&path, "?dryRun=All");
    if (!rc)
        rc = send_delete(call, k, ir_buf_str(&path), options, err);
    if (!rc && !IR_DRY_RUN(call) && !how->no_wait)
        rc = ir_kube_follow(call, k, ns, object, 1000, is_gone, (void *)(uintptr_t)uid, err);
    ir_json_free(options);
    ir_json_free(old);
    ir_buf_free(&path);
    return rc;
}

int ir_kube_delete(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                   const char *uid, imgrel_error *err)
{
    const ir_kube_removal how = {.propagation = "Background", .uid = uid, .grace_s = -1};
    return ir_kube_remove(call, k, ns, object, &how, err);
}
