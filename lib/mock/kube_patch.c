/* kube_patch.c - PATCH: the content type says how the body is meant; the patched object then goes
 * the way of an update. */
#include "mock/kube.h"

#include <stdlib.h>

enum patch_kind { PATCH_NONE, PATCH_MERGE, PATCH_STRATEGIC, PATCH_JSON, PATCH_APPLY };

static enum patch_kind kind_of(const mk_request *r)
{
    static const struct {
        const char *type;
        enum patch_kind kind;
    } types[] = {
        {"application/merge-patch+json", PATCH_MERGE},
        {"application/strategic-merge-patch+json", PATCH_STRATEGIC},
        {"application/json-patch+json", PATCH_JSON},
        {"application/apply-patch+yaml", PATCH_APPLY},
    };
    const char *type = mk_header(r, "Content-Type");
    size_t len = type ? strcspn(type, "; ") : 0;
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].type) == len && !strncmp(type, types[i].type, len))
            return types[i].kind;
    return PATCH_NONE;
}

static void not_possible(mk_kcall *c)
{
    mk_status(c, 422, "Invalid", ir_json_new_object(),
              "the server rejected our request due to an error in our request");
}

/* $patch in a list that is replaced as a whole has no effect. The rest of it is dropped as unknown
 * with a warning by mk_check_object. */
static ir_json *patched(const ir_json *old, const ir_json *patch, const char *type,
                        enum patch_kind kind)
{
    if (kind == PATCH_JSON)
        return mk_json_patch(old, patch);
    return kind == PATCH_MERGE ? mk_merge_patch(old, patch) : mk_strategic(old, patch, type);
}

static void patch_stored(mk_kcall *c, const ir_json *patch, enum patch_kind kind)
{
    const ir_json *old = mk_store_get(c->k, c->kind, c->kind->namespaced ? c->ns : "", c->name);
    if (!old) {
        mk_not_found(c, c->kind, c->name);
        return;
    }
    ir_json *keep = ir_json_copy(old), *object = patched(keep, patch, c->kind->kind, kind);
    if (!object)
        not_possible(c);
    else if (mk_check_object(c, object))
        mk_replace(c, keep, ir_json_ref(object), true);
    ir_json_free(object);
    ir_json_free(keep);
}

static void run_patch(mk_kcall *c, enum patch_kind kind)
{
    ir_json *patch = NULL;
    imgrel_error err = {0};
    if (ir_json_parse(c->r->body, c->r->body_len, "patch", &patch, &err)) {
        mk_bad_request(c, "error decoding patch: %s", err.message);
        return;
    }
    if (kind == PATCH_JSON ? !ir_json_is_array(patch) : !ir_json_is_object(patch)) {
        mk_bad_request(c, "error decoding patch: json: cannot unmarshal into Go value");
    } else {
        pthread_mutex_lock(&c->m->lock);
        patch_stored(c, patch, kind);
        ir_json_free(patch); /* it shares values with what is stored */
        patch = NULL;
        pthread_mutex_unlock(&c->m->lock);
    }
    ir_json_free(patch);
}

void mk_kube_patch(mk_kcall *c)
{
    enum patch_kind kind = kind_of(c->r);
    if (kind == PATCH_NONE)
        mk_status(c, 415, "UnsupportedMediaType", ir_json_new_object(),
                  "the body of the request was in an unknown format - accepted media types "
                  "include: application/json-patch+json, application/merge-patch+json, "
                  "application/strategic-merge-patch+json, application/apply-patch+yaml, "
                  "application/apply-patch+cbor");
    else if (mk_kind_is_event_view(c->kind))
        mk_absent(c, "updates of events.k8s.io");
    else if (kind == PATCH_APPLY)
        mk_kube_apply(c);
    else
        run_patch(c, kind);
}
