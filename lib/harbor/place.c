/* place.c - from a key as people write it ("library/ci") to the path that Harbor has for it
 * ("/projects/library/webhook/policies/7"). Names are looked up in lists, whole, never by a filter
 * that might match more. */
#include "harbor/kind.h"

#include <stdlib.h>

void ir_harbor_place_free(ir_harbor_place *p)
{
    free(p->project);
    free(p->repository);
    free(p->reference);
    free(p->item);
    free(p->id);
    free(p->object);
    ir_json_free(p->row);
    *p = (ir_harbor_place){0};
}

/* ---- keys ---- */

static const char *form_words(enum ir_harbor_form form)
{
    static const char *const words[] = {"nothing",
                                        "NAME",
                                        "PROJECT",
                                        "PROJECT",
                                        "PROJECT/NAME",
                                        "[PROJECT/]NAME",
                                        "PROJECT/REPOSITORY",
                                        "PROJECT/REPOSITORY:TAG or @DIGEST"};

    return words[form];
}

/* "repository@digest" or "repository:tag" from after the project's slash. */
static void split_reference(const char *text, ir_harbor_place *p)
{
    const char *ref = strchr(text, '@');

    if (!ref)
        ref = strrchr(text, ':');
    p->repository = ir_strndup(text, ref ? (size_t)(ref - text) : strlen(text));
    p->reference = ref ? ir_strdup(ref + 1) : NULL;
}

static bool split(enum ir_harbor_form form, const char *text, ir_harbor_place *p)
{
    const char *slash = text ? strchr(text, '/') : NULL;

    if (!text || !*text)
        return form == IR_FORM_NONE || form == IR_FORM_MAYBE;
    if (slash && (slash == text || !slash[1]))
        return false;
    switch (form) {
    case IR_FORM_NONE:
        return false;
    case IR_FORM_NAME:
        p->item = ir_strdup(text);
        return true;
    case IR_FORM_PROJECT:
    case IR_FORM_MAYBE:
        p->project = ir_strdup(text);
        return !slash;
    case IR_FORM_IN_PROJECT:
    case IR_FORM_MAYBE_IN:
        p->project = slash ? ir_strndup(text, (size_t)(slash - text)) : NULL;
        p->item = ir_strdup(slash ? slash + 1 : text);
        if (!slash && form == IR_FORM_IN_PROJECT && !p->kind->label) { /* a new one has no number */
            p->project = p->item;
            p->item = NULL;
        }
        return p->project || form == IR_FORM_MAYBE_IN;
    default:
        p->project = slash ? ir_strndup(text, (size_t)(slash - text)) : NULL;
        if (slash)
            split_reference(slash + 1, p);
        return slash && p->repository && *p->repository &&
               (form == IR_FORM_REFERENCE ? p->reference && *p->reference : !p->reference);
    }
}

static int place(const ir_harbor_kind *k, enum ir_harbor_form form, const char *text,
                 const char *what, ir_harbor_place *ret, imgrel_error *err)
{
    int rc = 0;

    *ret = (ir_harbor_place){.kind = k};
    if (!split(form, text, ret))
        rc = ir_fail(err, IMGREL_EINVAL, "%s %s is %s, not \"%.80s\"", what, k->name,
                     form_words(form), text ? text : "");
    else if (ret->project)
        rc = ir_harbor_name_check("project", ret->project, err);
    ret->object = text && *text ? ir_format("%s %s", k->name, text) : ir_strdup(k->name);
    if (!rc && !ret->object)
        rc = ir_nomem(err);
    if (rc)
        ir_harbor_place_free(ret);
    return rc;
}

int ir_harbor_place_list(const ir_harbor_kind *k, const char *parent, ir_harbor_place *ret,
                         imgrel_error *err)
{
    if (!(k->can & IR_CAN_LIST)) {
        ir_fail(err, IMGREL_EINVAL, "kind %s cannot be listed", k->name);
        ir_cure(err, "there is one of it%s: get it",
                k->key == IR_FORM_PROJECT ? " in a project" : "");
        *ret = (ir_harbor_place){0};
        return IMGREL_EINVAL;
    }
    return place(k, k->parent, parent, "the parent of a list of kind", ret, err);
}

int ir_harbor_place_item(const ir_harbor_kind *k, const char *key, ir_harbor_place *ret,
                         imgrel_error *err)
{
    return place(k, k->key, key, "the key of a", ret, err);
}

int ir_harbor_place_missing(const ir_harbor *h, const ir_harbor_place *p, imgrel_error *err)
{
    ir_error_clear(err);
    ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no %s", h->host, p->object);
    if (p->kind->can & IR_CAN_LIST)
        ir_cure(err, "check its name: list those that there are");
    return IMGREL_ENOTFOUND;
}

/* ---- ids ---- */

static bool is_number(const char *s)
{
    unsigned long long n = 0;

    return ir_parse_u64(s, INT64_MAX, &n);
}

static int take_id(ir_harbor_place *p, const ir_json *row, imgrel_error *err)
{
    const char *text = ir_json_str(row, p->kind->id);
    int64_t n = ir_json_int(row, p->kind->id, 0);

    p->id = text ? ir_strdup(text) : ir_format("%lld", (long long)n);
    p->row = ir_json_ref((ir_json *)(uintptr_t)row);
    return p->id ? 1 : ir_nomem(err);
}

/* The row of the list whose label is the item. */
static int look_up(const ir_call *call, ir_harbor *h, ir_harbor_place *p, imgrel_error *err)
{
    ir_harbor_pages *pages = NULL;
    ir_json *row = NULL;
    int rc = ir_harbor_list(call, h, p->kind->name, p->project, NULL, &pages, err);

    while (!rc && (rc = ir_harbor_pages_next(call, pages, &row, err)) == 1) {
        bool it = ir_streq(ir_json_str(row, p->kind->label), p->item);
        rc = it ? take_id(p, row, err) : 0;
        ir_json_free(row);
        if (it)
            break;
    }
    ir_harbor_pages_free(pages);
    return rc;
}

/* Up to 2.13 a project goes on naming a policy that was deleted. */
static bool is_left_over(const ir_call *call, ir_harbor *h, const ir_harbor_place *p)
{
    char *path = ir_format("/retentions/%s/executions?page_size=1", p->id);
    const ir_harbor_ask ask = {.path = path, .object = p->object};
    imgrel_error e = {0};
    bool left = path && ir_harbor_send_json(call, h, &ask, NULL, &e) && e.http_status == 400;

    free(path);
    return left;
}

/* A project's quota, or its retention policy: there is one at most. */
static int of_project(const ir_call *call, ir_harbor *h, ir_harbor_place *p, imgrel_error *err)
{
    const char *id = NULL;
    ir_harbor_pages *pages = NULL;
    ir_json *j = NULL;
    int rc = 0;

    if (ir_streq(p->kind->name, "retention")) {
        rc = ir_harbor_project_get(call, h, p->project, &j, err);
        id = ir_json_str(ir_json_get(j, "metadata"), "retention_id");
        p->id = !rc && id && is_number(id) ? ir_strdup(id) : NULL;
        ir_json_free(j);
        return rc ? rc : p->id && !is_left_over(call, h, p);
    }
    rc = ir_harbor_list(call, h, p->kind->name, p->project, NULL, &pages, err);
    if (!rc && (rc = ir_harbor_pages_next(call, pages, &j, err)) == 1)
        rc = take_id(p, j, err);
    ir_json_free(j);
    ir_harbor_pages_free(pages);
    return rc;
}

static int current_user(const ir_call *call, ir_harbor *h, ir_harbor_place *p, imgrel_error *err)
{
    const ir_harbor_ask ask = {.path = "/users/current", .object = "login"};
    ir_json *j = NULL;
    imgrel_error e = {0};
    int rc = ir_harbor_send_json(call, h, &ask, &j, &e);

    if (!rc)
        rc = take_id(p, j, &e);
    ir_json_free(j);
    if (e.http_status == 401 && ir_harbor_by_cli_secret(call, h)) {
        e.cure[0] = '\0';
        ir_cure(&e, "a CLI secret does not open this: let an administrator ask by the user's name");
    }
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

int ir_harbor_place_resolve(const ir_call *call, ir_harbor *h, ir_harbor_place *p,
                            imgrel_error *err)
{
    const ir_harbor_kind *k = p->kind;
    int rc = 0;

    if (p->id)
        return 1;
    if (!p->item)
        return p->project && k->id && k->key == IR_FORM_PROJECT ? of_project(call, h, p, err) : 1;
    if (ir_streq(k->name, "user") && ir_streq(p->item, "current"))
        return current_user(call, h, p, err);
    if (k->label && !ir_streq(k->label, k->id) && !ir_streq(k->name, "project")) {
        rc = look_up(call, h, p, err);
        if (rc || !is_number(p->item))
            return rc;
    } else if (!k->label && !is_number(p->item)) {
        return ir_fail(err, IMGREL_EINVAL, "a %s is named by its number, not by \"%.80s\"", k->name,
                       p->item);
    }
    p->id = ir_strdup(p->item);
    return p->id ? 1 : ir_nomem(err);
}

int ir_harbor_place_own(const ir_call *call, ir_harbor *h, ir_harbor_place *p, imgrel_error *err)
{
    IR_AUTO(ir_harbor_place) owner = {0};
    const ir_harbor_kind *k = NULL;
    int rc = 0;

    if (p->kind->owner) {
        if ((rc = ir_harbor_kind_find(call, h, p->kind->owner, &k, err)) ||
            (rc = ir_harbor_place_item(k, p->project ? p->project : p->item, &owner, err)))
            return rc;
        rc = ir_harbor_place_resolve(call, h, &owner, err);
        if (rc <= 0)
            return rc ? rc : ir_harbor_place_missing(h, &owner, err);
        p->id = owner.id;
        owner.id = NULL;
        return 0;
    }
    if (p->item && !(p->id = ir_strdup(p->item)))
        return ir_nomem(err);
    return 0;
}

/* ---- paths ---- */

static int add_part(const ir_call *call, ir_harbor *h, const ir_harbor_place *p, char letter,
                    ir_buf *path, imgrel_error *err)
{
    IR_AUTO(ir_buf) once = IR_BUF(IR_URL_MAX);
    int64_t id = 0;
    int rc = 0;

    switch (letter) {
    case 'P':
        ir_url_encode(path, p->project);
        return 0;
    case 'R': /* Harbor's nginx decodes once */
        ir_url_encode(&once, p->repository);
        ir_url_encode(path, ir_buf_str(&once));
        return 0;
    case 'A':
        ir_url_encode(path, p->reference);
        return 0;
    case 'K':
        ir_url_encode(path, p->id ? p->id : p->item);
        return 0;
    default:
        rc = ir_harbor_project_id(call, h, p->project, &id, err);
        ir_buf_addf(path, "%lld", (long long)id);
        return rc;
    }
}

int ir_harbor_place_path(const ir_call *call, ir_harbor *h, const ir_harbor_place *p,
                         const char *path, ir_buf *ret, imgrel_error *err)
{
    int rc = 0;

    while (*path && !rc) {
        size_t len = strcspn(path, "{");
        ir_buf_add(ret, path, len);
        path += len;
        if (*path) {
            rc = add_part(call, h, p, path[1], ret, err);
            path += 3;
        }
    }
    return rc ? rc : ir_buf_check(ret, err, "path");
}
