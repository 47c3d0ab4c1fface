/* resource.c - any kind of thing read, made as it should be, and deleted, by the table of kinds.
 * To put is to look, compare and only then write; what the caller does not say is kept, because a
 * change is the whole object read, modified and written. */
#include "harbor/kind.h"

#include <stdlib.h>

char *ir_harbor_new_id(const ir_reply *reply)
{
    const char *location = ir_reply_header(reply, "location", 0);
    const char *slash = location ? strrchr(location, '/') : NULL;

    return slash && slash[1] ? ir_strdup(slash + 1) : NULL;
}

/* Sends to a path of the place; the error tells what is missing. */
static int ask(const ir_call *call, ir_harbor *h, const ir_harbor_place *p, const char *method,
               const char *path, const ir_json *body, ir_reply *ret, imgrel_error *err)
{
    IR_AUTO(ir_buf) full = IR_BUF(IR_URL_MAX);
    ir_harbor_ask a = {.method = method, .body = body, .object = p->object, .by_name = true};
    imgrel_error e = {0};
    int rc = ir_harbor_place_path(call, h, p, path, &full, &e);

    a.path = ir_buf_str(&full);
    if (!rc)
        rc = ir_harbor_send(call, h, &a, ret, &e);
    if (rc && p->project)
        rc = ir_harbor_project_truth(call, h, p->project, rc, &e);
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

static int ask_json(const ir_call *call, ir_harbor *h, const ir_harbor_place *p, const char *path,
                    ir_json **ret, imgrel_error *err)
{
    ir_reply reply = {0};
    int rc = ask(call, h, p, "GET", path, NULL, &reply, err);

    *ret = NULL;
    if (!rc && reply.body.len) /* a schedule that is not set has no body */
        rc = ir_json_parse(reply.body.p, reply.body.len, h->host, ret, err);
    ir_reply_free(&reply);
    return rc;
}

/* What has no call for one is a row of its list. */
static int read_row(const ir_call *call, ir_harbor *h, ir_harbor_place *p, ir_json **ret,
                    imgrel_error *err)
{
    ir_harbor_pages *pages = NULL;
    ir_json *row = NULL;
    int rc = ir_harbor_list(call, h, p->kind->name, p->project, NULL, &pages, err);

    while (!rc && (rc = ir_harbor_pages_next(call, pages, &row, err)) == 1) {
        char *id = ir_format("%lld", (long long)ir_json_int(row, p->kind->id, 0));
        bool it = ir_streq(id, p->id);
        free(id);
        if (it)
            break;
        ir_json_free(row);
        rc = 0;
    }
    ir_harbor_pages_free(pages);
    if (rc == 1)
        *ret = row;
    return rc == 1 ? 0 : rc ? rc : ir_harbor_place_missing(h, p, err);
}

static int read_robot(const ir_call *call, ir_harbor *h, const ir_harbor_place *p, ir_json **ret,
                      imgrel_error *err)
{
    IR_AUTO(ir_robot) robot = {0};
    int rc = ir_harbor_robot_find(call, h, p->project, p->item, &robot, err);

    *ret = rc ? NULL : ir_json_ref(robot.json);
    return rc;
}

int ir_harbor_place_read(const ir_call *call, ir_harbor *h, ir_harbor_place *p, ir_json **ret,
                         imgrel_error *err)
{
    const ir_harbor_kind *k = p->kind;
    int rc = 0;

    *ret = NULL;
    if (ir_streq(k->name, "robot"))
        return read_robot(call, h, p, ret, err);
    if (ir_streq(k->name, "project"))
        return ir_harbor_project_get(call, h, p->item, ret, err);
    /* Where what is public is told to everybody, a wrong login must show. */
    if ((rc = ir_harbor_prove(call, h, err)))
        return rc;
    rc = ir_harbor_place_resolve(call, h, p, err);
    if (rc <= 0)
        return rc ? rc : ir_harbor_place_missing(h, p, err);
    if (!(k->can & IR_CAN_GET) && (k->can & IR_CAN_UPDATE))
        return read_row(call, h, p, ret, err);
    return ask_json(call, h, p, k->item, ret, err);
}

static int cannot(const ir_harbor_kind *k, const char *verb, imgrel_error *err)
{
    return ir_fail(err, IMGREL_EINVAL, "a %s cannot be %s", k->name, verb);
}

static int open_place(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                      unsigned can, const char *verb, ir_harbor_place *ret, imgrel_error *err)
{
    const ir_harbor_kind *k = NULL;
    int rc = ir_harbor_kind_find(call, h, kind, &k, err);

    *ret = (ir_harbor_place){0};
    if (!rc && !(k->can & can))
        rc = cannot(k, verb, err);
    return rc ? rc : ir_harbor_place_item(k, key, ret, err);
}

int ir_harbor_get(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                  ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_harbor_place) p = {0};
    int rc = 0;

    *ret = NULL;
    rc = open_place(call, h, kind, key, IR_CAN_GET | IR_CAN_UPDATE, "read alone: list them", &p,
                    err);
    return rc ? rc : ir_harbor_place_read(call, h, &p, ret, err);
}

/* ---- put ---- */

typedef struct put {
    const ir_call *call;
    ir_harbor *h;
    ir_harbor_place *p;
    ir_json *want; /* the caller's words, made Harbor's */
    enum ir_change change;
} put;

/* What has no name is the same if it says the same. */
static int find_alike(const put *w, ir_json **ret, imgrel_error *err)
{
    const char *member = w->p->kind->id;
    ir_harbor_pages *pages = NULL;
    ir_json *row = NULL;
    int rc = ir_harbor_list(w->call, w->h, w->p->kind->name, w->p->project, NULL, &pages, err);

    while (!rc && !*ret && (rc = ir_harbor_pages_next(w->call, pages, &row, err)) == 1) {
        rc = 0;
        if (ir_harbor_covers(row, w->want)) {
            free(w->p->id);
            w->p->id = ir_format("%lld", (long long)ir_json_int(row, member, 0));
            *ret = ir_json_ref(row);
            rc = w->p->id ? 0 : ir_nomem(err);
        }
        ir_json_free(row);
    }
    ir_harbor_pages_free(pages);
    return rc;
}

/* *ret NULL: there is none. */
static int look(const put *w, ir_json **ret, imgrel_error *err)
{
    const ir_harbor_kind *k = w->p->kind;
    imgrel_error e = {0};
    int rc = 0;

    *ret = NULL;
    if (k->key == IR_FORM_IN_PROJECT && !w->p->item)
        return find_alike(w, ret, err);
    rc = ir_harbor_place_read(w->call, w->h, w->p, ret, &e);
    if (rc == IMGREL_ENOTFOUND) {
        free(w->p->id);
        w->p->id = NULL;
        /* A project that is missing is not one without the thing. */
        rc = w->p->project ? ir_harbor_project_exists(w->call, w->h, w->p->project, NULL) == 0 : 0;
        rc = rc ? IMGREL_ENOTFOUND : 0;
    }
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

static int write_it(const put *w, const char *method, const char *path, const ir_json *have,
                    char **ret_id, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_json *body = NULL;
    int rc = ir_harbor_body(w->p, have, w->want, &body, err);

    if (!rc)
        rc = ask(w->call, w->h, w->p, method, path, body, &reply, err);
    if (!rc && ret_id)
        *ret_id = ir_harbor_new_id(&reply);
    ir_reply_free(&reply);
    ir_json_free(body);
    return rc;
}

static int put_change(put *w, const ir_json *have, imgrel_error *err)
{
    ir_json *seen = ir_harbor_seen(w->p, have);
    bool same = ir_harbor_covers(seen, w->want);

    ir_json_free(seen);
    if (!seen || same)
        return seen ? 0 : ir_nomem(err);
    if (!(w->p->kind->can & IR_CAN_UPDATE))
        return cannot(w->p->kind, "changed: delete it first", err);
    w->change = IR_CHANGED;
    return IR_DRY_RUN(w->call) ? 0 : write_it(w, "PUT", w->p->kind->item, have, NULL, err);
}

/* Up to 2.13 a project goes on naming a retention policy that was deleted, and takes no other. */
static int forget_retention(const ir_call *call, ir_harbor *h, const ir_harbor_place *p,
                            imgrel_error *err)
{
    ir_reply reply = {0};
    int rc = ask(call, h, p, "DELETE", "/projects/{P}/metadatas/retention_id", NULL, &reply, err);

    ir_reply_free(&reply);
    return rc;
}

/* A change of what is not there would be a creation of half a thing, which Harbor refuses in words
 * of its own ("empty string"). */
static int need_whole(const put *w, imgrel_error *err)
{
    static const struct {
        const char *kind, *members[2], *all;
    } rows[] = {
        {"registry", {"type", "url"}, "type and url"},
        {"scanner", {"url", "url"}, "url"},
        {"webhook", {"targets", "event_types"}, "targets and event_types"},
        {"purge-schedule",
         {"parameters", "parameters"},
         "audit_retention_hour and include_event_types (up to 2.12 include_operations)"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!ir_streq(rows[i].kind, w->p->kind->name) ||
            (ir_json_get(w->want, rows[i].members[0]) && ir_json_get(w->want, rows[i].members[1])))
            continue;
        ir_fail(err, IMGREL_EINVAL, "%s: there is no %s yet, and what was said does not make one",
                w->h->host, w->p->object);
        ir_cure(err, "say its %s as well, or check the name", rows[i].all);
        return IMGREL_EINVAL;
    }
    return 0;
}

/* One that is there after all (409), or whose answer got lost, is looked for. */
static int put_new(put *w, ir_json **ret_have, imgrel_error *err)
{
    const ir_harbor_kind *k = w->p->kind;
    char *id = NULL;
    imgrel_error e = {0};
    int rc = 0;

    if (!(k->can & IR_CAN_CREATE))
        return ir_harbor_place_missing(w->h, w->p, err);
    if (ir_streq(ir_json_str(ir_json_get(w->want, "schedule"), "type"), "None"))
        return 0;
    if ((rc = need_whole(w, err)))
        return rc;
    w->change = IR_CREATED;
    if (IR_DRY_RUN(w->call))
        return 0;
    rc = write_it(w, "POST", k->all && !w->p->project ? k->all : k->list, NULL, &id, &e);
    if (rc && e.http_status == 400 && strstr(e.message, "already has retention policy")) {
        ir_error_clear(&e);
        rc = forget_retention(w->call, w->h, w->p, &e);
        if (!rc)
            rc = write_it(w, "POST", k->list, NULL, &id, &e);
    }
    if (!rc && id && k->id && !ir_streq(k->id, k->label)) {
        free(w->p->id);
        w->p->id = id;
        id = NULL;
    }
    free(id);
    if (rc && e.http_status == 500 && ir_streq(k->name, "registry")) {
        e.cure[0] = '\0';
        ir_cure(&e, "Harbor says that to a Harbor that it does not reach: check the registry's "
                    "address as Harbor sees it, and its type");
    }
    if (rc == IMGREL_ECONFLICT || rc == IMGREL_ENET || rc == IMGREL_ETIMEOUT ||
        rc == IMGREL_EFAILED) {
        if (!look(w, ret_have, NULL) && *ret_have) {
            w->change = rc == IMGREL_ECONFLICT ? IR_UNCHANGED : IR_CREATED;
            return put_change(w, *ret_have, err);
        }
    }
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

/* The thing as it is now; what may be written but not read is told as it was sent. */
static int put_result(const put *w, const ir_json *have, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    int rc = 0;

    if (w->change == IR_UNCHANGED && have)
        *ret = ir_json_copy(have);
    else if (!IR_DRY_RUN(w->call))
        rc = look(w, ret, &e);
    if (rc && rc != IMGREL_EDENIED) {
        if (err && !err->code)
            *err = e;
        return rc;
    }
    if (!*ret)
        *ret = ir_json_copy(w->want);
    return *ret ? 0 : ir_nomem(err);
}

int ir_harbor_put(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                  const ir_json *want, enum ir_change *ret_change, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_harbor_place) p = {0};
    put w = {.call = call, .h = h, .p = &p};
    ir_json *have = NULL;
    int rc = 0;

    *ret = NULL;
    *ret_change = IR_UNCHANGED;
    if (!ir_json_is_object(want))
        return ir_fail(err, IMGREL_EINVAL, "what a %s shall be must be a JSON object", kind);
    if (ir_streq(kind, "project"))
        return ir_harbor_project_put(call, h, key, want, ret_change, ret, err);
    if ((rc = open_place(call, h, kind, key, IR_CAN_CREATE | IR_CAN_UPDATE, "written", &p, err)) ||
        (rc = ir_harbor_want(call, h, &p, want, &w.want, err)) || (rc = look(&w, &have, err)))
        goto out;
    rc = have ? put_change(&w, have, err) : put_new(&w, &have, err);
    if (!rc)
        rc = put_result(&w, have, ret, err);
    *ret_change = w.change;
out:
    ir_json_free(have);
    ir_json_free(w.want);
    return rc;
}

int ir_harbor_delete(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                     imgrel_error *err)
{
    IR_AUTO(ir_harbor_place) p = {0};
    IR_AUTO(ir_buf) path = IR_BUF(IR_URL_MAX);
    ir_harbor_ask a = {.method = "DELETE", .by_name = true};
    int rc = open_place(call, h, kind, key, IR_CAN_DELETE, "deleted", &p, err);

    if (rc)
        return rc;
    if (ir_streq(kind, "project") && !IR_DRY_RUN(call))
        return ir_harbor_project_delete(call, h, p.item, IR_FORCE(call), err);
    if (ir_streq(kind, "robot") && !IR_DRY_RUN(call))
        return ir_harbor_robot_delete(call, h, p.project, p.item, err);
    rc = ir_harbor_place_resolve(call, h, &p, err);
    if (rc <= 0)
        return rc ? rc : ir_harbor_place_missing(h, &p, err);
    if (IR_DRY_RUN(call))
        return 0;
    rc = ir_harbor_place_path(call, h, &p, p.kind->item, &path, err);
    ir_buf_truncate(&path, strcspn(ir_buf_str(&path), "?"));
    a.path = ir_buf_str(&path);
    a.object = p.object;
    if (!rc)
        rc = ir_harbor_send_delete(call, h, &a, err);
    if (!rc && ir_streq(kind, "retention") && ir_harbor_minor(ir_harbor_version(call, h)) < 14)
        rc = forget_retention(call, h, &p, err);
    return p.project ? ir_harbor_project_truth(call, h, p.project, rc, err) : rc;
}
