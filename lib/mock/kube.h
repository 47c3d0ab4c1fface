/* kube.h - the mock's Kubernetes API from the inside: one store of objects with a history, kinds as
 * rows of a table, schemas as text, and the steps of a request. Objects in the store never change:
 * a write puts a changed copy in their place. References to them are taken and dropped with
 * imgrel_mock.lock held, which functions marked (lock) want, and so are answers that share values
 * with them given. */
#ifndef IR_MOCK_KUBE_H
#define IR_MOCK_KUBE_H

#include "mock/server.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/header.h"

#define MK_KUBE_BODY_MAX (3 * IR_MIB) /* the API server's own limit of a body */
#define MK_RV_FIRST 1000              /* so that resourceVersion=1 is long gone */
#define MK_NODE_NAME "mock-node"

/* ---- kinds (kube_kind.c) -------------------------------------------------------------------- */

typedef struct mk_kind {
    const char *group, *version; /* "" and "v1" */
    const char *plural, *kind, *shorts;
    bool namespaced;
    bool gives_object;     /* DELETE answers the object, not a Status */
    bool dns_label;        /* the name may hold no dots */
    bool absent;           /* known, not modelled: 501 */
    const char *selectors; /* field selectors beside metadata.name and .namespace */
} mk_kind;
extern const mk_kind mk_kinds[]; /* ends with plural NULL */
const mk_kind *mk_kind_find(const char *group, const char *version, const char *plural);
/* By Kind, core first; for owners and the inside. */
const mk_kind *mk_kind_named(const char *kind);
bool mk_group_known(const char *group, const char *version);
const char *mk_kind_api(const mk_kind *k, char ret[64]); /* "v1", "apps/v1" */
/* Events of events.k8s.io are core's under other names. */
bool mk_kind_is_event_view(const mk_kind *k);
ir_json *mk_event_view(const ir_json *core);
ir_json *mk_event_unview(const ir_json *view);

/* Schemas (kube_schema.c): what a member of a type is. */
enum mk_type {
    MK_ANY, /* anything, replaced as a whole */
    MK_STRING,
    MK_INT,
    MK_BOOL,
    MK_MAP,    /* of strings */
    MK_OBJECT, /* of type `type` */
    MK_LIST,   /* of `type`, replaced as a whole */
    MK_STRINGS,
    MK_KEYED, /* of `type`, items told apart by `keys` */
    MK_SET,   /* of strings */
    MK_FREE   /* no schema: objects member by member */
};
typedef struct mk_field {
    enum mk_type is;
    char type[24], keys[40];
} mk_field;
/* False: there is no such member. */
bool mk_schema_field(const char *type, const char *name, mk_field *ret);
/* Drops what the schema does not know; each is told as `unknown field "spec.foo"`. False: a member
 * is of a wrong type; ret_bad says so in the API server's words. */
bool mk_schema_prune(ir_json *object, const char *type, ir_strv *unknown, char **ret_bad);

/* ---- the store (kube_store.c) --------------------------------------------------------------- */

typedef struct mk_object {
    const mk_kind *kind;
    ir_json *json;
} mk_object;

enum mk_change_type { MK_ADDED, MK_MODIFIED, MK_DELETED };
typedef struct mk_change {
    int64_t rv;
    enum mk_change_type type;
    const mk_kind *kind;
    ir_json *before, *now; /* before NULL: added; now of a deletion: its last state */
} mk_change;

typedef struct mk_user {
    char *name, *token;
    ir_json *rules; /* NULL: everything is allowed */
} mk_user;

struct mk_kube {
    imgrel_mock *mock;
    mk_object *objects; /* sorted by kind, namespace, name */
    size_t n_objects, cap_objects;
    mk_change *history; /* a ring */
    size_t n_history, at_history, max_history;
    int64_t rv;      /* of the last change */
    int64_t horizon; /* changes up to here are forgotten */
    mk_user *users;
    size_t n_users;
    char *admin_token;
    int64_t sa_delay_ms;
    int minor;         /* 34 for "1.34" */
    char uid_stem[17]; /* of this mock */
    int64_t serial;    /* for uids, names, addresses */
    pthread_cond_t changed;
    pthread_t control;
    bool has_control, stopping;
};

const char *mk_name(const ir_json *object);
const char *mk_namespace(const ir_json *object); /* "" if none */
const char *mk_uid(const ir_json *object);
int64_t mk_rv(const ir_json *object);
/* Borrowed; NULL if it is not there. (lock) */
ir_json *mk_store_get(struct mk_kube *k, const mk_kind *kind, const char *ns, const char *name);
/* Takes object, gives it a resourceVersion and puts it in place; the stored one, borrowed, NULL:
 * no memory. (lock) */
ir_json *mk_store_put(struct mk_kube *k, const mk_kind *kind, ir_json *object);
/* (lock) */
void mk_store_drop(struct mk_kube *k, const mk_kind *kind, const char *ns, const char *name);
/* Objects of a kind as they are, or were at rv (0: now), sorted, each with a reference; false: rv
 * is beyond the horizon. ns "": all. (lock) */
typedef struct mk_objects {
    ir_json **v;
    size_t n;
} mk_objects;
bool mk_store_list(struct mk_kube *k, const mk_kind *kind, const char *ns, int64_t rv,
                   mk_objects *ret);
void mk_objects_free(mk_objects *l);
/* The first change after rv; NULL: none yet. (lock) */
const mk_change *mk_store_after(struct mk_kube *k, int64_t rv);
void mk_store_free(struct mk_kube *k);
/* An id like a uid; 5 letters for a generated name. (lock) */
void mk_new_uid(struct mk_kube *k, char ret[40]);
void mk_new_suffix(struct mk_kube *k, char ret[6]);
/* A member by path, made where it is missing: spec.x.y; borrowed. */
ir_json *mk_ensure(ir_json *object, const char *path);
/* "2026-11-22T10:00:00Z" by the mock's clock. */
const char *mk_when(const imgrel_mock *m, char ret[32]);

/* ---- selectors (kube_select.c) -------------------------------------------------------------- */

typedef struct mk_selector {
    char *labels, *fields; /* texts as given, NULL: none */
    const mk_kind *kind;
} mk_selector;
/* False: it is wrong; ret_bad says why. */
bool mk_selector_check(const mk_selector *s, char **ret_bad);
bool mk_selector_match(const mk_selector *s, const ir_json *object);
/* A service's selector: an object of labels; an empty one matches nothing. */
bool mk_labels_match(const ir_json *selector, const ir_json *object);

/* ---- one request (kube.c, kube_reply.c) ----------------------------------------------------- */

typedef struct mk_kcall {
    imgrel_mock *m;
    struct mk_kube *k;
    mk_request *r;
    mk_reply *p;
    const mk_user *user; /* NULL: anonymous */
    const mk_kind *kind;
    char *ns, *name, *sub; /* "" if none */
    char *manager;         /* field manager */
    bool dry_run;
    bool done; /* an answer is there */
} mk_kcall;

/* A query value, "" if there is none; malloc'ed. */
char *mk_arg(const mk_kcall *c, const char *name);
bool mk_flag(const mk_kcall *c, const char *name); /* true and 1 */
/* Answers. j of the first is taken. */
void mk_give(mk_kcall *c, int status, ir_json *j);
void mk_text(mk_kcall *c, int status, const char *text); /* text/plain */
void mk_absent(mk_kcall *c, const char *what);           /* 501: the mock does not model it */
void mk_warn(mk_kcall *c, const char *fmt, ...) IR_PRINTF(2, 3);
/* A Status. details: taken, NULL: name and kind of the call, an empty object for {}. reason NULL:
 * none. */
void mk_status(mk_kcall *c, int code, const char *reason, ir_json *details, const char *fmt, ...)
    IR_PRINTF(5, 6);
ir_json *mk_details(const mk_kcall *c, const char *name);
void mk_not_found(mk_kcall *c, const mk_kind *kind, const char *name);
void mk_conflict(mk_kcall *c, const char *why);
void mk_forbidden(mk_kcall *c, const char *name, ir_json *causes, const char *fmt, ...)
    IR_PRINTF(4, 5);
void mk_bad_request(mk_kcall *c, const char *fmt, ...) IR_PRINTF(2, 3);
void mk_no_memory(mk_kcall *c);
/* One line of JSON as a client gets it; pretty where it asks for that. */
void mk_dump(const mk_kcall *c, const ir_json *j, ir_buf *out);
/* May the user do verb on kind (sub "" or "portforward")? Answers 403 itself if not. */
bool mk_authorize(mk_kcall *c, const char *verb, const char *sub);
bool mk_acceptable(mk_kcall *c); /* Accept allows JSON; else 406 is answered */
bool mk_user_may(const mk_user *u, const char *verb, const mk_kind *kind, const char *sub,
                 const char *ns);
/* The object with kind and apiVersion, a new one. */
ir_json *mk_typed(const mk_kind *kind, const ir_json *object);

/* Field errors that add up to one 422. */
typedef struct mk_errors {
    ir_json *causes;
} mk_errors;
void mk_fielderr(mk_errors *e, const char *reason, const char *field, const char *fmt, ...)
    IR_PRINTF(4, 5);
/* False when there were none; else the 422 is answered. kind: "Pod". */
bool mk_errors_give(mk_kcall *c, mk_errors *e, const char *kind, const char *name);

/* ---- reads and writes ----------------------------------------------------------------------- */

void mk_kube_list(mk_kcall *c); /* kube_list.c; also watches */
void mk_kube_watch(mk_kcall *c, mk_selector *s, int64_t rv, bool synthetic); /* kube_watch.c */
void mk_kube_get(mk_kcall *c);
void mk_kube_post(mk_kcall *c); /* kube_write.c */
void mk_kube_put(mk_kcall *c);
void mk_kube_delete(mk_kcall *c); /* kube_delete.c */
void mk_kube_delete_all(mk_kcall *c);
void mk_kube_patch(mk_kcall *c); /* kube_patch.c */
void mk_kube_apply(mk_kcall *c); /* kube_apply.c */
void mk_kube_discovery(mk_kcall *c, const char *path);

/* Reads a body as an object of the call's kind, pruned; NULL: answered. */
ir_json *mk_body(mk_kcall *c);
ir_json *mk_read_object(mk_kcall *c, const char *p, size_t len, bool yaml);
bool mk_check_object(mk_kcall *c, ir_json *object);
/* kube_proto.c: bodies in protobuf, of the kinds that it knows; NULL: it is none. */
bool mk_proto_knows(const mk_kind *kind);
ir_json *mk_proto_read(const mk_kind *kind, const char *p, size_t len);
/* Puts a new object through defaults, admission and validation, and stores it; answers either way.
 * Takes object. (lock) */
void mk_create(mk_kcall *c, ir_json *object, int status);
/* The same for a change of old to object (taken). manage: managedFields follow the change by
 * c->manager; else they are in the object already. (lock) */
void mk_replace(mk_kcall *c, const ir_json *old, ir_json *object, bool manage);

/* kube_default.c */
void mk_default(struct mk_kube *k, const mk_kind *kind, ir_json *object);
/* kube_valid.c: field errors of a new object, or of a change (old not NULL). */
void mk_validate(const mk_kind *kind, const ir_json *old, const ir_json *object, mk_errors *e);
bool mk_is_label(const char *s, bool must_start_with_letter);
bool mk_is_subdomain(const char *s);
void mk_validate_pod(const ir_json *old, const ir_json *object, mk_errors *e); /* kube_podvalid.c */

/* kube_merge.c: the patches. */
ir_json *mk_merge_patch(const ir_json *target, const ir_json *patch);
ir_json *mk_strategic(const ir_json *target, const ir_json *patch, const char *type);
ir_json *mk_json_patch(const ir_json *target, const ir_json *patch); /* NULL: does not apply */

/* kube_fields.c: sets of fields as FieldsV1 trees. All results are new objects. */
ir_json *mk_fields_of(const ir_json *object, const char *type);
/* What differs in `now`: added or changed leaves. */
ir_json *mk_fields_changed(const ir_json *before, const ir_json *now, const char *type);
ir_json *mk_fields_minus(const ir_json *a, const ir_json *b);
ir_json *mk_fields_and(const ir_json *a, const ir_json *b);
ir_json *mk_fields_or(const ir_json *a, const ir_json *b);
bool mk_fields_empty(const ir_json *a);
/* ".spec.containers[name=\"c\"].image" of each leaf, in order. */
void mk_fields_paths(const ir_json *set, ir_strv *ret);
/* Without what is no longer there. */
ir_json *mk_fields_present(const ir_json *set, const ir_json *object, const char *type);
/* Removes the fields of a set from an object. */
void mk_fields_remove(ir_json *object, const ir_json *set, const char *type);
/* The item of a keyed list that has the same keys as item; -1: none. */
int mk_keyed_find(const ir_json *list, const ir_json *item, const char *keys);
/* Renews object's managedFields after an update from old (NULL: it is new). */
void mk_manage_update(const imgrel_mock *m, const mk_kind *kind, const ir_json *old,
                      ir_json *object, const char *manager, const char *sub);
/* The part of an object that fields are counted in: no apiVersion, kind, status, server metadata.
 */
ir_json *mk_managed_part(const ir_json *object, bool with_status);

/* ---- controllers, events (kube_control.c, kube_event.c) ------------------------------------- */

int ir_must_use mk_control_start(struct mk_kube *k, imgrel_error *err);
void mk_control_stop(struct mk_kube *k);
/* Renews the endpoints of all services (kube_endpoints.c). (lock) */
void mk_endpoints(struct mk_kube *k);
bool mk_pod_ready(const ir_json *pod);
/* Makes an object of rest (taken; NULL: of nothing more) that is not there yet. (lock) */
void mk_make(struct mk_kube *k, const char *kind_name, const char *ns, const char *name,
             ir_json *rest);
/* A pod needs its service account to be there already, and gets that one's pull secrets if it
 * brings none itself; false: it is not there. (lock) */
bool mk_pod_account(struct mk_kube *k, const char *ns, ir_json *pod);
/* kube_deploy.c: one look at every deployment. (lock) */
void mk_deployments(struct mk_kube *k);
/* A pod is marked for deletion (grace seconds) or, where nothing runs it, dropped. (lock) */
ir_json *mk_pod_mark_deleted(struct mk_kube *k, const ir_json *pod, int64_t grace);

/* Records an event of an object; repeats add up. (lock) */
typedef struct mk_happening {
    const char *type; /* "Normal", "Warning" */
    const char *reason, *component;
    const char *container; /* fieldPath spec.containers{NAME}; NULL: none */
} mk_happening;
void mk_event(struct mk_kube *k, const ir_json *object, const mk_happening *h, const char *fmt, ...)
    IR_PRINTF(4, 5);

/* ---- pods' subresources --------------------------------------------------------------------- */

void mk_pod_log(mk_kcall *c);     /* kube_log.c */
void mk_pod_forward(mk_kcall *c); /* kube_forward.c */
void mk_pod_binding(mk_kcall *c);

#endif
