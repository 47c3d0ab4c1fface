/* kube_apply.c - managedFields: updates hand ownership to who made them, and server-side apply
 * merges what a manager applies, takes away what it no longer does, and refuses (409) to change
 * what others own unless it is forced. */
#include "mock/kube.h"

#include "fmt/yaml.h"

#include <stdlib.h>

static ir_json *entry_new(const imgrel_mock *m, const mk_kind *kind, const char *manager,
                          const char *operation, const char *sub, ir_json *set)
{
    char api[64], now[32];
    ir_json *e = ir_json_pack("{s:s, s:s, s:s, s:s, s:s}", "manager", manager, "operation",
                              operation, "apiVersion", mk_kind_api(kind, api), "time",
                              mk_when(m, now), "fieldsType", "FieldsV1");
    ir_json_put(e, "fieldsV1", set);
    if (*sub)
        ir_json_puts(e, "subresource", sub);
    return e;
}

static bool entry_is(const ir_json *e, const char *manager, const char *operation, const char *sub)
{
    const char *have = ir_json_str(e, "subresource");
    return ir_streq(ir_json_str(e, "manager"), manager) &&
           ir_streq(ir_json_str(e, "operation"), operation) && !strcmp(have ? have : "", sub);
}

static ir_json *entry_with(const ir_json *e, ir_json *set)
{
    ir_json *copy = ir_json_new_object();
    for (void *it = ir_json_first(e); it; it = ir_json_next(e, it))
        ir_json_put(copy, ir_json_key(it), ir_json_ref(ir_json_value(it)));
    ir_json_put(copy, "fieldsV1", set);
    return copy;
}

void mk_manage_update(const imgrel_mock *m, const mk_kind *kind, const ir_json *old,
                      ir_json *object, const char *manager, const char *sub)
{
    bool status = !strcmp(sub, "status");
    ir_json *before = old ? mk_managed_part(old, status) : ir_json_new_object();
    ir_json *now = mk_managed_part(object, status);
    ir_json *mine = mk_fields_changed(before, now, kind->kind), *list = ir_json_new_array();
    const ir_json *entries = ir_json_path(object, "metadata.managedFields");
    for (size_t i = 0; i < ir_json_len(entries); i++) {
        const ir_json *e = ir_json_at(entries, i), *set = ir_json_get(e, "fieldsV1");
        if (status != (ir_json_str(e, "subresource") != NULL)) {
            ir_json_append(list, ir_json_copy(e));
            continue;
        }
        ir_json *left = mk_fields_present(set, now, kind->kind);
        ir_json *rest = mk_fields_minus(left, mine);
        if (entry_is(e, manager, "Update", sub)) {
            ir_json *sum = mk_fields_or(rest, mine);
            ir_json_free(mine);
            mine = sum;
        } else if (!mk_fields_empty(rest)) {
            ir_json_append(list, entry_with(e, ir_json_ref(rest)));
        }
        ir_json_free(rest);
        ir_json_free(left);
    }
    if (!mk_fields_empty(mine))
        ir_json_append(list, entry_new(m, kind, manager, "Update", sub, ir_json_ref(mine)));
    ir_json_put(mk_ensure(object, "metadata"), "managedFields", list);
    ir_json_free(mine);
    ir_json_free(before);
    ir_json_free(now);
}

/* ---- conflicts ------------------------------------------------------------------------------ */

typedef struct applying {
    mk_kcall *c;
    const ir_json *live;
    ir_json *config, *live_part;  /* the parts that count */
    ir_json *set, *mine, *others; /* fields of config; what we had; what others have */
    ir_json *entries;             /* of the others, new */
    ir_json *causes;
} applying;

static char *owner_text(const ir_json *e)
{
    const char *name = ir_json_str(e, "manager"), *api = ir_json_str(e, "apiVersion");
    const char *when = ir_json_str(e, "time");
    if (!strcmp(ir_json_str(e, "operation"), "Update"))
        return ir_format("conflict with \"%s\" using %s at %s", name, api ? api : "",
                         when ? when : "");
    return ir_format("conflict with \"%s\"", name);
}

static void add_conflicts(applying *a, const ir_json *e, const ir_json *fields)
{
    ir_strv list = {0};
    char *owner = owner_text(e);
    mk_fields_paths(fields, &list);
    for (size_t i = 0; owner && i < list.n; i++)
        ir_json_append(a->causes, ir_json_pack("{s:s, s:s, s:s}", "reason", "FieldManagerConflict",
                                               "message", owner, "field", list.v[i]));
    free(owner);
    ir_strv_free(&list);
}

/* One entry of somebody else: what it keeps, and where it is in the way. */
static void meet(applying *a, const ir_json *e, const ir_json *wanted, bool force)
{
    const ir_json *set = ir_json_get(e, "fieldsV1");
    ir_json *clash = mk_fields_and(wanted, set), *rest = NULL;
    if (!mk_fields_empty(clash) && !force)
        add_conflicts(a, e, clash);
    rest = mk_fields_empty(clash) ? ir_json_copy(set) : mk_fields_minus(set, clash);
    ir_json *sum = mk_fields_or(a->others, rest);
    ir_json_free(a->others);
    a->others = sum;
    if (!mk_fields_empty(rest))
        ir_json_append(a->entries, entry_with(e, ir_json_ref(rest)));
    ir_json_free(rest);
    ir_json_free(clash);
}

static void meet_all(applying *a, bool force)
{
    const ir_json *list = ir_json_path(a->live, "metadata.managedFields");
    ir_json *wanted = mk_fields_changed(a->live_part, a->config, a->c->kind->kind);
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *e = ir_json_at(list, i);
        if (entry_is(e, a->c->manager, "Apply", "")) {
            ir_json_free(a->mine);
            a->mine = ir_json_copy(ir_json_get(e, "fieldsV1"));
        } else if (ir_json_str(e, "subresource")) {
            ir_json_append(a->entries, ir_json_copy(e));
        } else {
            meet(a, e, wanted, force);
        }
    }
    ir_json_free(wanted);
}

static void give_conflicts(applying *a)
{
    size_t n = ir_json_len(a->causes);
    ir_buf text = IR_BUF(64 * IR_KIB);
    ir_buf_addf(&text, "Apply failed with %zu conflict%s: ", n, n > 1 ? "s" : "");
    for (size_t i = 0; i < n; i++) {
        const ir_json *cause = ir_json_at(a->causes, i);
        ir_buf_addf(&text, "%s%s: %s", i ? "; " : "", ir_json_str(cause, "message"),
                    ir_json_str(cause, "field"));
    }
    ir_json *details = ir_json_new_object();
    ir_json_put(details, "causes", ir_json_ref(a->causes));
    mk_status(a->c, 409, "Conflict", details, "%s", ir_buf_str(&text));
    ir_buf_free(&text);
}

/* ---- apply ---------------------------------------------------------------------------------- */

/* Our entry keeps its time when its fields stay. */
static ir_json *my_entry(applying *a)
{
    const ir_json *list = ir_json_path(a->live, "metadata.managedFields");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *e = ir_json_at(list, i);
        if (entry_is(e, a->c->manager, "Apply", "") &&
            ir_json_equal(ir_json_get(e, "fieldsV1"), a->set))
            return ir_json_copy(e);
    }
    return entry_new(a->c->m, a->c->kind, a->c->manager, "Apply", "", ir_json_ref(a->set));
}

/* The entries in the order that they had, so that nothing changes when nothing does. */
static ir_json *all_entries(applying *a)
{
    const ir_json *was = ir_json_path(a->live, "metadata.managedFields");
    ir_json *mine = my_entry(a), *list = ir_json_new_array();
    bool placed = false;
    size_t next = 0;
    for (size_t i = 0; i < ir_json_len(was); i++) {
        const ir_json *e = ir_json_at(was, i), *o = ir_json_at(a->entries, next);
        const char *sub = ir_json_str(e, "subresource");
        if (entry_is(e, a->c->manager, "Apply", "")) {
            ir_json_append(list, ir_json_ref(mine));
            placed = true;
        } else if (o && entry_is(o, ir_json_str(e, "manager"), ir_json_str(e, "operation"),
                                 sub ? sub : "")) {
            ir_json_append(list, ir_json_ref(ir_json_at(a->entries, next++)));
        }
    }
    if (!placed)
        ir_json_append(list, ir_json_ref(mine));
    ir_json_free(mine);
    return list;
}

static void apply_live(applying *a)
{
    const char *type = a->c->kind->kind;
    meet_all(a, mk_flag(a->c, "force"));
    if (ir_json_len(a->causes)) {
        give_conflicts(a);
        return;
    }
    ir_json *object = mk_strategic(a->live, a->config, type);
    ir_json *gone = mk_fields_minus(a->mine, a->set), *free_now = mk_fields_minus(gone, a->others);
    ir_json *copy = ir_json_copy(object);
    mk_fields_remove(copy, free_now, type);
    ir_json_put(mk_ensure(copy, "metadata"), "managedFields", all_entries(a));
    mk_replace(a->c, a->live, copy, false);
    ir_json_free(gone);
    ir_json_free(free_now);
    ir_json_free(object);
}

static void apply_stored(mk_kcall *c, ir_json *object)
{
    const ir_json *live = mk_store_get(c->k, c->kind, c->kind->namespaced ? c->ns : "", c->name);
    applying a = {.c = c, .live = ir_json_ref((ir_json *)(uintptr_t)live)};
    a.config = mk_managed_part(object, false);
    a.set = mk_fields_of(a.config, c->kind->kind);
    if (!live) {
        ir_json *list = ir_json_new_array();
        ir_json_append(list, entry_new(c->m, c->kind, c->manager, "Apply", "", ir_json_ref(a.set)));
        ir_json_put(mk_ensure(object, "metadata"), "managedFields", list);
        mk_create(c, ir_json_ref(object), 201);
    } else {
        const char *rv = ir_json_str(ir_json_get(object, "metadata"), "resourceVersion");
        a.live_part = mk_managed_part(live, false);
        a.mine = ir_json_new_object();
        a.others = ir_json_new_object();
        a.entries = ir_json_new_array();
        a.causes = ir_json_new_array();
        if (rv && *rv && mk_rv(object) != mk_rv(live))
            mk_conflict(c, "the object has been modified; please apply your changes to the latest "
                           "version and try again");
        else
            apply_live(&a);
    }
    ir_json *parts[] = {a.config, a.live_part, a.set,    a.mine,
                        a.others, a.entries,   a.causes, (ir_json *)(uintptr_t)a.live};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ir_json_free(parts[i]);
}

/* What apply asks of its body and its query. */
static bool body_fits(mk_kcall *c, ir_json *object)
{
    const char *kind = ir_json_str(object, "kind"), *api = ir_json_str(object, "apiVersion");
    char *manager = mk_query(c->r, "fieldManager");
    bool named = manager && *manager;
    free(manager);
    if (!named) {
        mk_errors e = {0};
        const mk_kind *mine = c->kind;
        mk_fielderr(&e, "FieldValueRequired", "fieldManager", "is required for apply patch");
        c->kind = NULL;
        mk_errors_give(c, &e, "PatchOptions", "");
        c->kind = mine;
        return false;
    }
    if (!kind || !api || !*kind || !*api) {
        mk_bad_request(c, "invalid object type: /, Kind=%s", kind ? kind : "");
        return false;
    }
    if (ir_json_path(object, "metadata.managedFields")) {
        mk_bad_request(c, "metadata.managedFields must be nil");
        return false;
    }
    if (!*mk_name(object))
        ir_json_puts(mk_ensure(object, "metadata"), "name", c->name);
    return mk_check_object(c, object);
}

void mk_kube_apply(mk_kcall *c)
{
    ir_json *object = mk_read_object(c, c->r->body, c->r->body_len, true);
    if (object && body_fits(c, object)) {
        pthread_mutex_lock(&c->m->lock);
        apply_stored(c, object);
        ir_json_free(object); /* it shares values with what is stored */
        pthread_mutex_unlock(&c->m->lock);
    } else {
        ir_json_free(object);
    }
}
