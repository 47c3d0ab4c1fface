/* harbor_audit.c - the audit log: written by what callers do, listed newest first. Since 2.13 it is
 * found at /auditlog-exts, and /audit-logs is there and empty. */
#include "mock/harbor.h"

#include <stdlib.h>

#define AUDIT_MAX 20000
#define AUDIT_DROPPED 4000 /* at once, from its old end */

void mk_audit(imgrel_mock *m, const char *user, const ir_json *project, const char *operation,
              const char *type, const char *resource)
{
    struct mk_harbor *h = m->harbor;
    char now[40];
    ir_json *log = mk_part(h, "audit");
    mk_time(m, now);
    int64_t id = mk_next_id(h, "audit");
    mk_put_id(log, id,
              ir_json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:s}", "id", (long long)id, "username",
                           user ? user : "", "project_id",
                           (long long)ir_json_int(project, "project_id", 0), "operation", operation,
                           "resource_type", type, "resource", resource ? resource : "", "op_time",
                           now));
    if (ir_json_len(log) < AUDIT_MAX)
        return;
    for (int i = 0; i < AUDIT_DROPPED; i++)
        ir_json_remove(log, ir_json_key(ir_json_first(log)));
}

static ir_json *render(mk_call *c, const ir_json *entry)
{
    ir_json *j = ir_json_copy(entry);
    char *said = ir_format("%s %s: %s", ir_json_str(j, "operation"),
                           ir_json_str(j, "resource_type"), ir_json_str(j, "resource"));
    ir_json_remove(j, "project_id");
    if (c->h->minor >= 13) {
        ir_json_puts(j, "operation_description", said);
        ir_json_put(j, "operation_result", ir_json_new_bool(true));
    }
    free(said);
    return j;
}

static const mk_column columns[] = {
    {"id,ID", "id"},
    {"username,Username", "username"},
    {"operation,Operation", "operation"},
    {"resource_type,ResourceType", "resource_type"},
    {"resource,Resource", "resource"},
    {"op_time,OpTime", "op_time"},
    {"project_id,ProjectID", "project_id"},
    {NULL, NULL},
};

/* old: the place of before 2.13, empty since. */
static void answer(mk_call *c, const ir_json *project, bool old)
{
    mk_filter f;
    bool empty = old && c->h->minor >= 13;
    if (mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "audit");
        for (void *it = ir_json_first(all); !empty && it; it = ir_json_next(all, it)) {
            ir_json *e = ir_json_value(it);
            if (!project ||
                ir_json_int(e, "project_id", 0) == ir_json_int(project, "project_id", -1))
                ir_json_append(found, ir_json_ref(e));
        }
        mk_filter_answer(c, &f, columns, "-id", found, render);
    }
    mk_filter_free(&f);
}

static void missing_path(mk_call *c)
{
    mk_error_missing(c, "path %s was not found", c->r->path);
}

static void list_old(mk_call *c)
{
    if (mk_need_system(c, "audit-log", "list"))
        answer(c, NULL, true);
}

static void list_new(mk_call *c)
{
    if (c->h->minor < 13)
        missing_path(c);
    else if (mk_need_system(c, "audit-log", "list"))
        answer(c, NULL, false);
}

static void list_project_old(mk_call *c)
{
    ir_json *project;
    if (mk_need_project(c, true, "log", "list", &project))
        answer(c, project, true);
}

static void list_project_new(mk_call *c)
{
    ir_json *project;
    if (c->h->minor < 13)
        missing_path(c);
    else if (mk_need_project(c, true, "log", "list", &project))
        answer(c, project, false);
}

const mk_route mk_audit_routes[] = {
    {"GET", "audit-logs", list_old, NULL, NULL, NULL},
    {"GET", "auditlog-exts", list_new, NULL, NULL, NULL},
    {"GET", "projects/{}/logs", list_project_old, NULL, NULL, NULL},
    {"GET", "projects/{}/auditlog-exts", list_project_new, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
