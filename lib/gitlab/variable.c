/* variable.c - CI/CD variables of a project. A value is kept raw: else GitLab and the runner each
 * expand a $ in it, and robot$app becomes robot. It is masked where GitLab can. One that is there
 * and right is left alone; a lost answer is made good by reading it again. */
#include "gitlab/inside.h"

#include <stdlib.h>

#define KEY_MAX 255

static int check_key(const char *key, imgrel_error *err)
{
    size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    if (n && !key[n] && n <= KEY_MAX)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "\"%.60s\" is not the name of a GitLab variable", key);
    return ir_cure(err, "use letters, digits and _, at most %d", KEY_MAX), IMGREL_EINVAL;
}

/* ---- what it shall be ---- */

typedef struct wish {
    const char *value, *type, *scope, *description;
    bool raw, masked, hidden, is_protected;
} wish;
static const ir_json_row wish_rows[] = {
    {"value", IR_J_STRING, offsetof(wish, value), 0},
    {"type", IR_J_STRING, offsetof(wish, type), 0},
    {"environment_scope", IR_J_STRING, offsetof(wish, scope), 0},
    {"description", IR_J_STRING, offsetof(wish, description), 0},
    {"raw", IR_J_BOOL, offsetof(wish, raw), 0},
    {"masked", IR_J_BOOL, offsetof(wish, masked), 0},
    {"hidden", IR_J_BOOL, offsetof(wish, hidden), 0},
    {"protected", IR_J_BOOL, offsetof(wish, is_protected), 0},
    {NULL, IR_J_STRING, 0, 0},
};

static int cannot_mask(const char *key, const char *why, imgrel_error *err)
{
    ir_fail(err, IMGREL_EINVAL, "variable %s: its value cannot be masked: %s", key, why);
    return ir_cure(err, "keep it raw, on one line, 8 characters or more; or ask for \"masked\": "
                        "false and know that logs can show it"),
           IMGREL_EINVAL;
}

static int read_wish(const char *key, const ir_json *want, wish *w, imgrel_error *err)
{
    *w = (wish){.type = "env_var", .raw = true};
    int rc = ir_json_decode(want, wish_rows, true, "a variable", w, err);
    if (rc)
        return rc;
    if (!w->value)
        return ir_fail(err, IMGREL_EINVAL, "variable %s: no value", key);
    if (!ir_streq(w->type, "env_var") && !ir_streq(w->type, "file"))
        return ir_fail(err, IMGREL_EINVAL, "variable %s: its type is env_var or file", key);
    const char *why = ir_gitlab_mask_rule(w->value, w->raw);
    if (why && (w->masked || w->hidden))
        return cannot_mask(key, why, err);
    if (!ir_json_get(want, "masked"))
        w->masked = !why;
    return 0;
}

static ir_json *body_of(const char *key, const wish *w, bool create)
{
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:s*}", "key", key, "value", w->value,
                     "variable_type", w->type, "raw", w->raw, "masked", w->masked, "protected",
                     w->is_protected, "environment_scope", w->scope, "description", w->description);
    if (j && create && w->hidden)
        (void)ir_json_put(j, "masked_and_hidden", ir_json_new_bool(true));
    return j;
}

static bool is_so(const ir_json *j, const wish *w)
{
    return ir_streq(ir_json_str(j, "value"), w->value) &&
           ir_streq(ir_json_str(j, "variable_type"), w->type) &&
           ir_json_bool(j, "raw", false) == w->raw &&
           ir_json_bool(j, "masked", false) == w->masked &&
           ir_json_bool(j, "protected", false) == w->is_protected &&
           (!w->description || ir_streq(ir_json_str(j, "description"), w->description));
}

/* ---- one variable, in one scope ---- */

static char *path_of(const char *key, const char *scope)
{
    ir_buf b = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&b, "/variables/%s", key);
    if (scope)
        ir_url_add_query(&b, "filter[environment_scope]", scope);
    char *path = ir_buf_take(&b);
    ir_buf_free(&b);
    return path;
}

static int send(const ir_call *call, ir_gitlab *g, const char *key, const wish *w, bool create,
                const char *object, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_json_p) body = body_of(key, w, create);
    char *path = create ? ir_strdup("/variables") : path_of(key, w->scope);
    const ir_gitlab_ask ask = {
        .method = create ? "POST" : "PUT", .path = path, .body = body, .object = object};
    int rc = body && path ? ir_gitlab_send_json(call, g, &ask, ret, err) : ir_nomem(err);
    free(path);
    return rc;
}

/* A GitLab that does not know raw ignores it, and the value would break. */
static int check_answer(const ir_gitlab *g, const char *key, const wish *w, const ir_json *j,
                        imgrel_error *err)
{
    if (!j || ir_json_bool(j, "raw", false) == w->raw || !strchr(w->value, '$'))
        return 0;
    ir_fail(err, IMGREL_EUNSUPPORTED,
            "%s: variable %s: this GitLab keeps no variable raw: the $ "
            "in it would be expanded",
            g->host, key);
    return ir_cure(err, "GitLab 15.7 or newer is needed; or let the value have no $ (Harbor's "
                        "robot_name_prefix)"),
           IMGREL_EUNSUPPORTED;
}

static int cannot_hide(const ir_gitlab *g, const char *key, imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT,
            "%s: variable %s is there and can be seen: only a new one can be "
            "hidden",
            g->host, key);
    return ir_cure(err, "delete it first"), IMGREL_ECONFLICT;
}

/* A hidden one cannot be compared: it is written. */
static int settle(const ir_call *call, ir_gitlab *g, const char *key, const wish *w,
                  const char *object, const char **ret_change, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    int there = ir_gitlab_find(call, g, path_of(key, w->scope), object, ret, err);
    if (there < 0)
        return there;
    if (there && w->hidden && !ir_json_bool(*ret, "hidden", false))
        return cannot_hide(g, key, err);
    *ret_change = !there           ? IR_GITLAB_CREATED
                  : is_so(*ret, w) ? IR_GITLAB_UNCHANGED
                                   : IR_GITLAB_CHANGED;
    if (ir_streq(*ret_change, IR_GITLAB_UNCHANGED) || IR_DRY_RUN(call))
        return 0;
    ir_json_free(*ret);
    int rc = send(call, g, key, w, !there, object, ret, &e);
    /* The answer was lost, or somebody else was faster. */
    if (!there && (rc == IMGREL_ENET || rc == IMGREL_ETIMEOUT || rc == IMGREL_ECONFLICT) &&
        !ir_call_check(call, NULL) && !send(call, g, key, w, false, object, ret, NULL))
        rc = 0;
    if (rc && !e.code)
        e.code = rc;
    return rc ? ir_gitlab_give(err, &e) : check_answer(g, key, w, *ret, err);
}

/* Its value is not among what is told. */
static int put_wish(const ir_call *call, ir_gitlab *g, const char *key, wish *w,
                    const char **ret_change, ir_json **ret, imgrel_error *err)
{
    char *object = ir_format("variable %s", key);
    int rc = object ? settle(call, g, key, w, object, ret_change, ret, err) : ir_nomem(err);
    free(object);
    ir_json_remove(*ret, "value");
    return rc;
}

int ir_gitlab_put_variable(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *want,
                           const char **ret_change, ir_json **ret, imgrel_error *err)
{
    char *name = NULL, *scope = NULL;
    wish w;
    int rc = ir_gitlab_halves(key, &name, &scope, err);
    if (!rc)
        rc = check_key(name, err);
    if (!rc)
        rc = read_wish(name, want, &w, err);
    if (!rc) {
        w.scope = w.scope ? w.scope : scope ? scope : "*";
        rc = put_wish(call, g, name, &w, ret_change, ret, err);
    }
    free(name);
    free(scope);
    return rc;
}

int ir_gitlab_variable_put(const ir_call *call, ir_gitlab *g, const char *key, const char *value,
                           bool file, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    const char *change = NULL;
    wish w = {.value = value,
              .type = file ? "file" : "env_var",
              .raw = true,
              .scope = "*",
              .masked = !ir_gitlab_mask_rule(value, true)};
    int rc = check_key(key, err);
    return rc ? rc : put_wish(call, g, key, &w, &change, &j, err);
}

int ir_gitlab_variable_get(const ir_call *call, ir_gitlab *g, const char *key, char **ret,
                           imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    char *object = ir_format("variable %s", key);
    *ret = NULL;
    int rc = object ? check_key(key, err) : ir_nomem(err);
    if (!rc)
        rc = ir_gitlab_read(call, g, path_of(key, "*"), object, &j, err);
    const char *value = rc ? NULL : ir_json_str(j, "value");
    if (!rc && !value)
        rc = ir_fail(err, IMGREL_EPROTO, "%s: GitLab's answer has no value of variable %s", g->host,
                     key);
    if (!rc && !(*ret = ir_strdup(value)))
        rc = ir_nomem(err);
    free(object);
    return rc;
}
