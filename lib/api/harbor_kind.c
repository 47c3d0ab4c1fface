/* harbor_kind.c - the part of include/imgrel/harbor.h that goes by kind and key, and requests. */
#include <imgrel/harbor.h>

#include "api/api.h"
#include "api/harbor.h"

#include <stdlib.h>

/* A document as text; none is "". j is taken. */
static int give(int rc, ir_json *j, char **ret, imgrel_error *err)
{
    if (!rc && ret && !(*ret = j ? ir_json_string(j, IR_JSON_COMPACT) : ir_strdup("")))
        rc = ir_nomem(err);
    ir_json_free(j);
    return rc;
}

/* json NULL: none. What is no JSON is the caller's mistake. */
static int read_words(const char *json, const char *what, ir_json **ret, imgrel_error *err)
{
    int rc = 0;

    *ret = NULL;
    if (!json)
        return 0;
    rc = ir_json_parse(json, strlen(json), what, ret, err);
    return rc == IMGREL_EPROTO ? (err ? err->code = IMGREL_EINVAL : IMGREL_EINVAL) : rc;
}

int imgrel_harbor_get(imgrel_harbor *h, const char *kind, const char *key, const imgrel_opts *o,
                      char **ret_json, imgrel_error *err)
{
    ir_json *j = NULL;
    ir_call call;
    int rc = 0;

    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_get: ret_json is NULL");
    *ret_json = NULL;
    if ((rc = ir_api_harbor(h, o, &call, err)))
        return rc;
    rc = ir_harbor_get(&call, h->harbor, kind, key, &j, err);
    return give(rc, j, ret_json, err);
}

int imgrel_harbor_put(imgrel_harbor *h, const char *kind, const char *key, const char *json,
                      const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    enum ir_change change = IR_UNCHANGED;
    ir_json *words = NULL, *j = NULL;
    ir_call call;
    int rc = 0;

    if (ret_json)
        *ret_json = NULL;
    if (!json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_put: json is NULL");
    if ((rc = ir_api_harbor(h, o, &call, err)) || (rc = read_words(json, "json", &words, err)))
        return rc;
    rc = ir_harbor_put(&call, h->harbor, kind, key, words, &change, &j, err);
    if (!rc && ir_json_is_object(j) && ir_json_puts(j, "imgrel", ir_change_str(change)))
        rc = ir_nomem(err);
    ir_json_free(words);
    return give(rc, j, ret_json, err);
}

int imgrel_harbor_delete(imgrel_harbor *h, const char *kind, const char *key, const imgrel_opts *o,
                         imgrel_error *err)
{
    ir_call call;
    int rc = ir_api_harbor(h, o, &call, err);

    return rc ? rc : ir_harbor_delete(&call, h->harbor, kind, key, err);
}

int imgrel_harbor_do(imgrel_harbor *h, const char *kind, const char *key, const char *action,
                     const char *json, const imgrel_opts *o, char **ret_json, imgrel_error *err)
{
    ir_json *words = NULL, *j = NULL;
    ir_call call;
    int rc = 0;

    if (ret_json)
        *ret_json = NULL;
    if (!action)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_do: action is NULL");
    if ((rc = ir_api_harbor(h, o, &call, err)) || (rc = read_words(json, "json", &words, err)))
        return rc;
    rc = ir_harbor_do(&call, h->harbor, kind, key, action, words, &j, err);
    ir_json_free(words);
    return give(rc, j, ret_json, err);
}

int imgrel_harbor_doctor(imgrel_harbor *h, const char *spec, const imgrel_opts *o, char **ret_json,
                         imgrel_error *err)
{
    ir_json *words = NULL, *j = NULL;
    ir_call call;
    int rc = 0;

    if (!ret_json)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_harbor_doctor: ret_json is NULL");
    *ret_json = NULL;
    if ((rc = ir_api_harbor(h, o, &call, err)) || (rc = read_words(spec, "spec", &words, err)))
        return rc;
    rc = ir_harbor_doctor(&call, h->harbor, words, &j, err);
    ir_json_free(words);
    return give(rc, j, ret_json, err);
}

int imgrel_harbor_request(imgrel_harbor *h, const char *method, const char *path, const char *json,
                          const imgrel_opts *o, char **ret_json, int *ret_status, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_json *body = NULL;
    ir_call call;
    int rc = 0;

    if (ret_json)
        *ret_json = NULL;
    if (ret_status)
        *ret_status = 0;
    if ((rc = ir_api_harbor(h, o, &call, err)) ||
        (json && (rc = ir_json_parse(json, strlen(json), "request", &body, err))))
        return rc;
    rc = ir_harbor_request(&call, h->harbor, method, path, body, &reply, err);
    if (ret_status)
        *ret_status = reply.status;
    if (!rc && ret_json && !(*ret_json = ir_strndup(ir_buf_str(&reply.body), reply.body.len)))
        rc = ir_nomem(err);
    ir_wipe(reply.body.p, reply.body.len);
    ir_reply_free(&reply);
    ir_json_free(body);
    return rc;
}
