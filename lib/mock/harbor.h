/* harbor.h - the inside of the mock's Harbor: who calls, what they may, what is kept, and how
 * lists, errors and bodies are done, once for every noun. All of it runs under the mock's lock.
 *
 * What is kept is one JSON document, `doc`:
 *   next          {"project", "robot", "repository", "artifact", "tag", "label", "quota"}: next ids
 *   settings      {"robot_name_prefix", "robot_token_duration", "token_expiration", ...}
 *   users         {name: {user_id, salt, hash, admin, ...}}
 *   projects      {name: {project_id, ..., "metadata": {}, "labels" of scope p live in labels}}
 *   robots        {id: {name (stored, no prefix), project_id, salt, hash, permissions, ...}}
 *   repositories  {"project/name": {id, ..., "artifacts": {digest: {...}}, "tags": {name: {...}}}}
 *   labels        {id: {...}}
 * with indexes beside it that share the same objects. */
#ifndef IR_MOCK_HARBOR_H
#define IR_MOCK_HARBOR_H

#include "mock/server.h"

struct mk_harbor {
    ir_json *doc;
    ir_json *project_ids;    /* id -> project */
    ir_json *robot_names;    /* stored name -> robot */
    ir_json *project_robots; /* project id, 0 of the system -> {id: robot} */
    ir_json *children;       /* "repository@digest" of an index's children -> number of parents */
    ir_json *frozen;         /* user name -> until, ms of ir_now_ms */
    ir_json *proved;         /* login name -> HMAC of the secret that was right last */
    char key[65];            /* signs tokens, CSRF cookies and proved secrets; of this process */
    int minor;               /* of the version: 10, 12, 15 */
    int64_t freeze_ms;
    int64_t job_ms; /* that a scan, a copy, a collection takes */
};

enum mk_kind { MK_ANONYMOUS, MK_USER, MK_ROBOT, MK_TOKEN };
typedef struct mk_caller {
    enum mk_kind kind;
    char *name; /* as it logged in; "" if anonymous */
    bool admin;
    const ir_json *who; /* the user or the robot, borrowed from doc */
    ir_json *access;    /* of a token: [{"type", "name", "actions"}] */
    int64_t issued_at;  /* of a token */
    bool tried;         /* an Authorization header came, whatever it was worth */
} mk_caller;
void mk_caller_free(mk_caller *c);

/* One call under /api/v2.0 on its way through a handler. */
#define MK_PARAMS_MAX 6
typedef struct mk_call {
    imgrel_mock *mock;
    struct mk_harbor *h;
    mk_request *r;
    mk_reply *p;
    mk_caller *who;
    const struct mk_route *route;
    char *param[MK_PARAMS_MAX]; /* the path's, decoded; repositories twice */
    ir_json *body;              /* parsed, of the table's shape; NULL if the call takes none */
} mk_call;

/* ---- harbor_auth.c ---- */
/* Finds out who calls; may sleep and drop the lock meanwhile. The token service and /v2/ too. */
void mk_auth(imgrel_mock *m, const mk_request *r, bool tokens, mk_caller *ret);
/* false: a cookie came without its CSRF token, p is answered. Sets cookies and request id. */
bool mk_auth_cookies(imgrel_mock *m, const mk_request *r, mk_reply *p, bool check);

/* ---- harbor_rights.c ---- */
/* project NULL: of the system. */
bool mk_can(const imgrel_mock *m, const mk_caller *who, const ir_json *project,
            const char *resource, const char *action);
bool mk_public(const ir_json *project);
/* Is (resource, action) one that a robot of this version may be given? */
bool mk_right_known(const struct mk_harbor *h, bool system, const char *resource,
                    const char *action);
ir_json *mk_rights(const struct mk_harbor *h, bool system);
/* The gate before a handler: true, or answered with 401, 403 or 404 as Harbor would. */
bool mk_need_user(mk_call *c);
bool mk_need_system(mk_call *c, const char *resource, const char *action);
/* ret_project: the project of param 0 (name_only: an id is no name here). */
bool mk_need_project(mk_call *c, bool name_only, const char *resource, const char *action,
                     ir_json **ret_project);

/* ---- harbor_error.c ---- */
void mk_error(mk_reply *p, int status, const char *code, const char *fmt, ...) IR_PRINTF(4, 5);
void mk_error_bad(mk_call *c, const char *fmt, ...) IR_PRINTF(2, 3);     /* 400 BAD_REQUEST */
void mk_error_missing(mk_call *c, const char *fmt, ...) IR_PRINTF(2, 3); /* 404 NOT_FOUND */
void mk_error_binding(mk_call *c, const char *fmt, ...) IR_PRINTF(2, 3); /* 422 */
void mk_error_panic(mk_call *c);                                         /* 500, empty */
void mk_created(mk_call *c, int64_t id); /* 201, empty, Location: path of r + id */
void mk_list_reply(mk_call *c, int64_t total, ir_json *items);

/* ---- harbor_query.c ---- */
enum mk_op { MK_EQUAL, MK_LIKE, MK_RANGE, MK_ANY, MK_ALL };
#define MK_TERMS_MAX 16
typedef struct mk_term {
    char *key;
    enum mk_op op;
    ir_strv values; /* range: min, max */
} mk_term;
typedef struct mk_filter {
    mk_term term[MK_TERMS_MAX];
    size_t n;
    ir_strv sort;
    int64_t page, page_size;
} mk_filter;
/* A key of q and sort: its spellings ("name,Name") and the member it stands for. */
typedef struct mk_column {
    const char *names, *member;
} mk_column;
/* Reads q, already decoded once; false with why. */
bool mk_filter_parse(mk_filter *f, const char *q, char why[256]);
/* q, sort, page and page_size of the call; false: answered. */
bool mk_filter_read(mk_call *c, mk_filter *f);
const mk_term *mk_filter_term(const mk_filter *f, const char *key);
void mk_filter_free(mk_filter *f);
/* The items that fit, in the order that is asked for (or dflt: "name", "-id"), one page of them
 * rendered, and the headers. all: array, taken. */
typedef ir_json *mk_render_fn(mk_call *c, const ir_json *item);
void mk_filter_answer(mk_call *c, const mk_filter *f, const mk_column *columns, const char *dflt,
                      ir_json *all, mk_render_fn *render);

/* ---- harbor.c: the document ---- */
bool mk_read_only(imgrel_mock *m, const mk_request *r, mk_reply *p); /* true: refused, p answered */
int64_t mk_next_id(struct mk_harbor *h, const char *noun);
void mk_time(const imgrel_mock *m, char ret[40]); /* "2026-11-22T10:00:00.000Z" */
ir_json *mk_part(const struct mk_harbor *h, const char *noun);
ir_json *mk_by_id(const ir_json *index, int64_t id);
void mk_put_id(ir_json *index, int64_t id, ir_json *value); /* takes value */
void mk_remove_id(ir_json *index, int64_t id);
const char *mk_setting(const struct mk_harbor *h, const char *name, const char *dflt);

/* A row of a noun's routes. pattern: segments after /api/v2.0, "{}" takes one. */
typedef struct mk_shape {
    const char *name;
    char type;
} mk_shape; /* s i b o a n(umber or null) */
typedef struct mk_route {
    const char *method, *pattern;
    void (*handle)(mk_call *c);
    const char *body;      /* the parameter's name in errors; "?name": may be absent; NULL: none */
    const mk_shape *shape; /* of the body: types that must fit */
    const struct mk_resource *of; /* what the handler serves, if it serves several */
} mk_route;
extern const mk_route mk_project_routes[], mk_member_routes[], mk_robot_routes[],
    mk_repository_routes[], mk_artifact_routes[], mk_misc_routes[], mk_policy_routes[],
    mk_retention_routes[], mk_replication_routes[], mk_preheat_routes[], mk_job_routes[],
    mk_scan_routes[], mk_audit_routes[], mk_user_routes[], mk_config_routes[], mk_copy_routes[],
    mk_robot_v1_routes[], mk_group_routes[];

void mk_not_modelled(mk_call *c); /* 501 */

/* ---- harbor_resource.c: the nouns that are alike ---- */
typedef struct mk_resource {
    const char *part;  /* of the document: id -> item */
    const char *noun;  /* in messages */
    const char *right; /* the resource that rights name */
    const char *keys;  /* "name,description": what a body may set */
    bool project;      /* of the project that param 0 names, else of the system */
    bool named;        /* paths take its name instead of its id */
    const mk_column *columns;
    const char *order;
    /* Fills what was left out and answers what may not be; old NULL: it is new. */
    bool (*check)(mk_call *c, ir_json *item, const ir_json *old);
    bool (*removable)(mk_call *c, const ir_json *item); /* NULL: always; false: answered */
    mk_render_fn *render;                               /* NULL: all of it */
} mk_resource;
void mk_resource_list(mk_call *c);
void mk_resource_create(mk_call *c);
void mk_resource_get(mk_call *c);
void mk_resource_update(mk_call *c);
void mk_resource_delete(mk_call *c);
/* The item that the path names; NULL: answered. */
ir_json *mk_resource_need(mk_call *c, const char *action);
/* Keeps a new item (taken): its id. */
int64_t mk_resource_keep(mk_call *c, const mk_resource *of, ir_json *item);
ir_json *mk_render_copy(mk_call *c, const ir_json *item);
/* A param that must be a number; false: answered with 422. name: "robot_id in path". */
bool mk_param_id(mk_call *c, size_t i, const char *name, int64_t *ret);

/* ---- harbor_job.c: what takes a while ---- */
enum mk_phase { MK_PENDING, MK_RUNNING, MK_DONE, MK_STOPPED, MK_FAILED };
int64_t mk_now_ms(const imgrel_mock *m); /* of the mock's clock */
/* A job is an object with "started_ms", and "stopped" or "failed": where it is now. */
enum mk_phase mk_job_phase(const imgrel_mock *m, const ir_json *job);
const char *mk_job_word(enum mk_phase phase); /* as most of Harbor says it */
bool mk_cron_fits(const char *cron);          /* six fields */
void mk_time_of(int64_t ms, char ret[40]);

/* ---- nouns as others need them ---- */
bool mk_glob(const char *pattern, const char *name); /* harbor_glob.c */
bool mk_immutable(const struct mk_harbor *h, const ir_json *repository, const char *tag);
/* false: a tag of it may not go or change; p answered. */
bool mk_immutable_check(imgrel_mock *m, const ir_json *repository, const ir_json *artifact,
                        const char *tag, mk_reply *p);
/* With its children; opens the lock meanwhile. false: p answered. */
bool mk_artifact_copy(imgrel_mock *m, const char *from, const ir_json *artifact, const char *to,
                      const char *tag, mk_reply *p);
/* The artifact of params 0 to 2, and its repository; NULL: answered. */
ir_json *mk_artifact_need(mk_call *c, const char *resource, const char *action,
                          ir_json **ret_repository);
/* harbor_scan.c */
void mk_scan_start(imgrel_mock *m); /* the scanner that is there */
bool mk_scan_available(const struct mk_harbor *h);
int64_t mk_scan_all(imgrel_mock *m); /* begins one of each artifact; how many */
void mk_scan_begin(imgrel_mock *m, const ir_json *repository, ir_json *artifact);
ir_json *mk_scan_overview(mk_call *c, const ir_json *artifact); /* NULL: never scanned */
void mk_scan_report(mk_call *c, const ir_json *artifact);
bool mk_scan_allows(imgrel_mock *m, const ir_json *project, const ir_json *artifact, mk_reply *p);
bool mk_secret_rules(const char *s); /* 8 bytes at least, a lower, an upper, a digit */
void mk_secret_set(ir_json *of, const char *secret); /* "salt" and "hash" */
int64_t mk_setting_int(const struct mk_harbor *h, const char *name, int64_t dflt);
bool mk_setting_bool(const struct mk_harbor *h, const char *name);
void mk_audit(imgrel_mock *m, const char *user, const ir_json *project, const char *operation,
              const char *type, const char *resource);
ir_json *mk_project_find(const struct mk_harbor *h, const char *name);
bool mk_name_fits(const char *name); /* of projects and robots */
ir_json *mk_project_by_id(const struct mk_harbor *h, int64_t id);
ir_json *mk_project_new(imgrel_mock *m, const char *name, const ir_json *owner,
                        const ir_json *metadata, int64_t storage_limit);
int64_t mk_project_used(const struct mk_harbor *h, const ir_json *project);
char *mk_robot_full_name(const struct mk_harbor *h, const ir_json *robot);
void mk_robot_index(struct mk_harbor *h, ir_json *robot); /* by its name and its project */
ir_json *mk_robot_render(mk_call *c, const ir_json *robot);
void mk_robot_create(mk_call *c); /* of the body */
void mk_robot_delete(mk_call *c, ir_json *robot);
/* Those of the project (0: of the system), or all. */
void mk_robots_answer(mk_call *c, const mk_filter *f, int64_t project_id, bool all);
void mk_robots_of_project_gone(struct mk_harbor *h, const ir_json *project);

/* ---- harbor_artifact.c: what the registry tells and asks ---- */
ir_json *mk_repository_find(const struct mk_harbor *h, const char *repository);
/* By tag or digest. */
ir_json *mk_artifact_find(const struct mk_harbor *h, const char *repository, const char *reference);
/* A manifest was pushed: what it is (media type, size, config, children, blobs as the registry
 * found them), and its tag, NULL if none. false: refused, p answered (quota). */
typedef struct mk_pushed {
    const char *repository, *digest, *tag, *media_type;
    const char *who;                  /* pushed it, for the log */
    const ir_json *manifest, *config; /* config NULL: none, or not JSON */
    int64_t size;                     /* of the manifest's own bytes */
} mk_pushed;
ir_json *mk_project_of(const struct mk_harbor *h, const char *repository);
bool mk_artifact_pushed(imgrel_mock *m, const mk_pushed *what, mk_reply *p);
/* Before a blob is kept, the lock open. false: the project's quota has no room, p answered. */
bool mk_quota_blob(imgrel_mock *m, const char *repository, const char *digest, int64_t size,
                   mk_reply *p);
/* false: there is no such thing, or it may not go; p answered. */
bool mk_artifact_delete(imgrel_mock *m, ir_json *repository, ir_json *artifact, mk_reply *p);
void mk_tag_set(imgrel_mock *m, ir_json *repository, const char *name, const char *digest);
/* As they are shown. */
ir_json *mk_tags_of(const struct mk_harbor *h, const ir_json *repository, const ir_json *artifact);
ir_json *mk_artifact_render(mk_call *c, const ir_json *repository, const ir_json *artifact);
bool mk_artifact_hidden(const struct mk_harbor *h, const ir_json *repository,
                        const ir_json *artifact);
void mk_artifact_pulled(imgrel_mock *m, ir_json *repository, ir_json *artifact);

/* ---- token.c ---- */
char *mk_token_make(imgrel_mock *m, const mk_caller *who, ir_json *access); /* takes access */
/* Fills a MK_TOKEN caller from a bearer token; false: not ours, or over. */
bool mk_token_read(imgrel_mock *m, const char *token, mk_caller *ret);

#endif
