/* apply.c - server-side apply as field manager "imgrel": one object, and manifests of many, in an
 * order in which each finds what it needs, definitions of kinds waited for before the first object
 * of them. What the server says about its own bookkeeping is no change. */
#include "base/limits.h"
#include "kube/inside.h"

#include <stdlib.h>

#define APPLY_TYPE "application/apply-patch+yaml"

/* ---- one object ------------------------------------------------------------------------------ */

/* Without what changes by itself. */
static ir_json *essence(const ir_json *object)
{
    ir_json *j = ir_json_copy(object), *meta = ir_json_get(j, "metadata");
    ir_json_remove(meta, "managedFields");
    ir_json_remove(meta, "resourceVersion");
    ir_json_remove(meta, "generation");
    ir_json_remove(j, "status");
    return j;
}

static bool differs(const ir_json *before, const ir_json *after)
{
    IR_AUTO(ir_json_p) a = essence(before), b = essence(after);
    return !a || !b || !ir_json_equal(a, b);
}

/* The object before an apply; NULL when there is none yet. */
static int read_before(const ir_call *call, ir_kube *k, const char *path, ir_json **ret,
                       imgrel_error *err)
{
    imgrel_error why = {0};
    int rc = ir_kube_request(call, k, "GET", path, NULL, NULL, 0, ret, NULL, &why);
    return rc == IMGREL_ENOTFOUND ? 0 : rc ? ir_kube_pass(err, &why) : 0;
}

/* Does every conflict name ourselves? What we once created or patched is another entry of
 * managedFields than what we apply, but no other's. */
static bool own_conflict(const ir_reply *reply)
{
    ir_json *status = NULL;
    size_t n = 0, ours = 0;
    if (reply->status != 409 ||
        ir_json_parse(ir_buf_str(&reply->body), reply->body.len, "Status", &status, NULL))
        return false;
    const ir_json *causes = ir_json_get(ir_json_get(status, "details"), "causes");
    for (; n < ir_json_len(causes); n++) {
        const char *text = ir_json_str(ir_json_at(causes, n), "message");
        ours += text && (ir_streq(text, "conflict with \"imgrel\"") ||
                         ir_starts(text, "conflict with \"imgrel\" "));
    }
    ir_json_free(status);
    return n && ours == n;
}

static int send_apply(const ir_call *call, ir_kube *k, const char *path, const ir_buf *text,
                      bool force, ir_reply *reply, imgrel_error *err)
{
    ir_buf full = IR_BUF(IR_URL_MAX);
    /* The same apply twice is one: it may be repeated. */
    ir_request req = {.method = "PATCH",
                      .content_type = APPLY_TYPE,
                      .flags = IR_HTTP_REPEATABLE,
                      .body = {.p = text->p, .len = text->len, .size = (int64_t)text->len}};
    ir_buf_adds(&full, path);
    ir_kube_add_options(call, &full, force);
    int rc = ir_buf_check(&full, err, "apply");
    if (!rc)
        rc = ir_kube_do(call, k, &req, ir_buf_str(&full), reply, err);
    if (!rc && reply->status >= 400 && (force || !own_conflict(reply)))
        rc = ir_kube_status_fail(k, &req, ir_buf_str(&full), reply, err);
    ir_buf_free(&full);
    return rc;
}

static int apply_at(const ir_call *call, ir_kube *k, const char *path, const ir_json *object,
                    ir_json **ret, int *ret_status, imgrel_error *err)
{
    ir_buf text = IR_BUF_SECRET(IR_API_BODY_MAX); /* it may be a Secret */
    ir_reply reply = {0};
    int rc = ir_json_dump(object, IR_JSON_COMPACT, &text, err);
    if (!rc)
        rc = send_apply(call, k, path, &text, IR_FORCE(call), &reply, err);
    if (!rc && reply.status >= 400) {
        ir_reply_free(&reply);
        memset(&reply, 0, sizeof reply);
        rc = send_apply(call, k, path, &text, true, &reply, err);
    }
    *ret_status = reply.status;
    if (!rc)
        rc = ir_kube_body(k, &reply, ret, err);
    ir_reply_free(&reply);
    ir_buf_free(&text);
    return rc;
}

int ir_kube_apply(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                  ir_json **ret, const char **ret_change, imgrel_error *err)
{
    ir_buf path = IR_BUF(IR_URL_MAX);
    ir_json *now = NULL, *before = NULL;
    int status = 0, rc = ir_kube_manifest_path(call, k, ns, object, true, &path, err);
    if (ret)
        *ret = NULL;
    if (!rc && ret_change)
        rc = read_before(call, k, ir_buf_str(&path), &before, err);
    if (!rc)
        rc = apply_at(call, k, ir_buf_str(&path), object, &now, &status, err);
    if (!rc && ret_change)
        *ret_change = !before || status == 201 ? "created"
                      : differs(before, now)   ? "changed"
                                               : "unchanged";
    if (!rc && ret) {
        *ret = now;
        now = NULL;
    }
    ir_json_free(now);
    ir_json_free(before);
    ir_buf_free(&path);
    return rc;
}

/* ---- many ------------------------------------------------------------------------------------ */

#define READY_MS 30000

static bool is_definition(const ir_json *object)
{
    return ir_streq(ir_json_str(object, "kind"), "CustomResourceDefinition");
}

static int is_established(void *user, const ir_json *object, bool changed, imgrel_error *err)
{
    (void)user;
    (void)changed;
    (void)err;
    return object && ir_kube_condition(object, "Established");
}

static int wait_definition(const ir_call *call, ir_kube *k, const ir_json *object,
                           imgrel_error *err)
{
    ir_call until = *call;
    int64_t end = ir_now_ms() + READY_MS;
    char *name = ir_format("customresourcedefinition/%s", ir_kube_meta(object, "name"));
    if (!call->deadline_ms || end < call->deadline_ms)
        until.deadline_ms = end;
    int rc = name ? ir_kube_follow(&until, k, NULL, name, 500, is_established, NULL, err)
                  : ir_nomem(err);
    free(name);
    return rc;
}

/* A definition just made is served a moment later. */
static int apply_patiently(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                           bool young, ir_json **ret, const char **ret_change, imgrel_error *err)
{
    int64_t end = ir_now_ms() + READY_MS;
    for (;;) {
        imgrel_error why = {0};
        int rc = ir_kube_apply(call, k, ns, object, ret, ret_change, &why);
        bool missing = rc == IMGREL_EUNSUPPORTED ||
                       (rc == IMGREL_ENOTFOUND && strcmp(why.reason, "NotFound") != 0);
        if (!rc || !young || !missing || ir_now_ms() > end)
            return rc ? ir_kube_pass(err, &why) : 0;
        if ((rc = ir_sleep(call->cancel, 250, call->deadline_ms, err)))
            return rc;
    }
}

static int apply_next(const ir_call *call, ir_kube *k, const char *ns, const ir_json *object,
                      bool *young, ir_json *done, imgrel_error *err)
{
    const char *change = NULL;
    ir_json *now = NULL;
    int rc = apply_patiently(call, k, ns, object, *young, &now, &change, err);
    if (!rc && is_definition(object) && !IR_DRY_RUN(call)) {
        *young = true;
        rc = wait_definition(call, k, object, err);
    }
    if (!rc && (ir_json_puts(now, "imgrel", change) || ir_json_append(done, ir_json_ref(now))))
        rc = ir_nomem(err);
    ir_json_free(now);
    return rc;
}

int ir_kube_apply_all(const ir_call *call, ir_kube *k, const char *ns, const ir_json *objects,
                      ir_json **ret, imgrel_error *err)
{
    ir_json *done = ir_json_new_array();
    bool young = false;
    int rc = done ? 0 : ir_nomem(err);
    for (size_t i = 0; i < ir_json_len(objects) && !rc; i++) {
        const ir_json *object = ir_json_at(objects, i);
        imgrel_error why = {0};
        rc = apply_next(call, k, ns, object, &young, done, &why);
        if (rc && ir_json_len(objects) > 1)
            ir_error_prefix(&why, "%s/%s (%zu of %zu)", ir_json_str(object, "kind"),
                            ir_kube_meta(object, "name"), i + 1, ir_json_len(objects));
        if (rc)
            ir_kube_pass(err, &why);
    }
    *ret = done;
    return rc;
}
