/* harbor.h - Harbor's API v2.0 from the inside: what include/imgrel/harbor.h says, with a call.
 * Never a cookie, Basic sent at once, names double-encoded, pages counted from X-Total-Count. */
#ifndef IR_HARBOR_HARBOR_H
#define IR_HARBOR_HARBOR_H

#include "fmt/json.h"
#include "net/http.h"

typedef struct ir_harbor ir_harbor;
int ir_must_use ir_harbor_new(const char *url, const char *user, const char *password,
                              ir_harbor **ret, imgrel_error *err);
void ir_harbor_free(ir_harbor *h);
const char *ir_harbor_url(const ir_harbor *h); /* without /api/v2.0 and trailing slash */
int64_t ir_harbor_now(const ir_harbor *h); /* by Harbor's clock, seconds since 1970 */

/* Login proved; version ("2.15", NULL if it does not say) remembered. ret may be NULL. */
int ir_must_use ir_harbor_check(const ir_call *call, ir_harbor *h, ir_json **ret,
                                imgrel_error *err);

/* What an ensure did. */
enum ir_change { IR_UNCHANGED, IR_CREATED, IR_CHANGED, IR_ROTATED };
const char *ir_change_str(enum ir_change c); /* "unchanged", "created", ... */

/* 1 it exists, 0 not (HEAD: true whatever rights the caller has), or a code. */
int ir_must_use ir_harbor_project_exists(const ir_call *call, ir_harbor *h, const char *name,
                                         imgrel_error *err);
int ir_must_use ir_harbor_project_get(const ir_call *call, ir_harbor *h, const char *name,
                                      ir_json **ret, imgrel_error *err);
int ir_must_use ir_harbor_project_ensure(const ir_call *call, ir_harbor *h, const char *name,
                                         int is_private, enum ir_change *ret_change, ir_json **ret,
                                         imgrel_error *err);
int ir_must_use ir_harbor_project_delete(const ir_call *call, ir_harbor *h, const char *name,
                                         bool with_repositories, imgrel_error *err);

typedef struct ir_robot {
    int64_t id;
    char *name;   /* full: "robot$library+k8s" */
    char *secret; /* NULL: not known; wiped on free */
    enum ir_change change;
    ir_json *json; /* as Harbor has it, without secret */
} ir_robot;
void ir_robot_free(ir_robot *r);
static inline void ir_robot_auto(ir_robot *r)
{
    ir_robot_free(r);
}

/* What a robot must be. Rights: a role or access (for the project, or for each of projects), or
 * permissions as Harbor has them; none: as they are. */
typedef struct ir_robot_spec {
    const char *role;           /* "pull", "push", "ci" or "scan-reader" */
    const ir_json *access;      /* array of {resource, action} */
    const ir_json *projects;    /* of a system robot: names, or "*" for all */
    const ir_json *permissions; /* array of {kind, namespace, access} */
    int64_t days;               /* of life, from now; -1 never ends; 0: as it is (new: never) */
    int64_t until;              /* or: lives at least until then, seconds since 1970; 0: not said */
    const char *description;    /* NULL: leave */
    int enabled;                /* 1 or -1 (disabled); 0: leave */
    const char *secret;         /* its own one; NULL: Harbor's */
    bool new_secret;            /* rotate it if it was there */
} ir_robot_spec;
/* A spec from JSON: what include/imgrel/harbor.h says; it borrows from doc. EINVAL. */
int ir_must_use ir_robot_spec_read(const ir_json *doc, ir_robot_spec *ret, imgrel_error *err);
/* What to do with a spec: see to it; make it, and ECONFLICT if it is there; change what is there,
 * only in what the spec says, and ENOTFOUND if it is not. */
enum ir_robot_verb { IR_ROBOT_ENSURE, IR_ROBOT_CREATE, IR_ROBOT_UPDATE };

/* A project robot; project NULL: a system robot. name: without prefix and project. */
int ir_must_use ir_harbor_robot_put(const ir_call *call, ir_harbor *h, enum ir_robot_verb verb,
                                    const char *project, const char *name,
                                    const ir_robot_spec *spec, ir_robot *ret, imgrel_error *err);
int ir_must_use ir_harbor_robot_ensure(const ir_call *call, ir_harbor *h, const char *project,
                                       const char *name, const ir_robot_spec *spec, ir_robot *ret,
                                       imgrel_error *err);
int ir_must_use ir_harbor_robot_find(const ir_call *call, ir_harbor *h, const char *project,
                                     const char *name, ir_robot *ret, imgrel_error *err);
int ir_must_use ir_harbor_robot_rotate(const ir_call *call, ir_harbor *h, const char *project,
                                       const char *name, ir_robot *ret, imgrel_error *err);
int ir_must_use ir_harbor_robot_delete(const ir_call *call, ir_harbor *h, const char *project,
                                       const char *name, imgrel_error *err);
/* Whether Harbor takes a robot's login: 1, 0, or a code. A refusal takes Harbor 1.5 s. */
int ir_must_use ir_harbor_robot_login(const ir_call *call, ir_harbor *h, const char *full_name,
                                      const char *secret, imgrel_error *err);

/* project/repository[@digest|:tag] things that a release touches. */
int ir_must_use ir_harbor_repository_delete(const ir_call *call, ir_harbor *h, const char *project,
                                            const char *repository, imgrel_error *err);
int ir_must_use ir_harbor_artifact_delete(const ir_call *call, ir_harbor *h, const char *project,
                                          const char *repository, const char *reference,
                                          imgrel_error *err);
int ir_must_use ir_harbor_tag_delete(const ir_call *call, ir_harbor *h, const char *project,
                                     const char *repository, const char *tag, imgrel_error *err);

/* Lists page by page. */
typedef struct ir_harbor_pages ir_harbor_pages;
int ir_must_use ir_harbor_list(const ir_call *call, ir_harbor *h, const char *kind,
                               const char *parent, const char *query, ir_harbor_pages **ret,
                               imgrel_error *err);
/* 1 with an item (owned by the caller), 0 at the end, or a code. */
int ir_must_use ir_harbor_pages_next(const ir_call *call, ir_harbor_pages *p, ir_json **ret,
                                     imgrel_error *err);
void ir_harbor_pages_free(ir_harbor_pages *p);

/* Any kind of thing (kind.c has the table), named by its key as include/imgrel/harbor.h says. */
int ir_must_use ir_harbor_get(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                              ir_json **ret, imgrel_error *err);
int ir_must_use ir_harbor_put(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                              const ir_json *want, enum ir_change *ret_change, ir_json **ret,
                              imgrel_error *err);
int ir_must_use ir_harbor_delete(const ir_call *call, ir_harbor *h, const char *kind,
                                 const char *key, imgrel_error *err);
/* An action of its own ("scan", "run", "copy"); *ret NULL when there is nothing to tell. */
int ir_must_use ir_harbor_do(const ir_call *call, ir_harbor *h, const char *kind, const char *key,
                             const char *action, const ir_json *spec, ir_json **ret,
                             imgrel_error *err);

/* What stands in the way of a login, as rows: include/imgrel/harbor.h says what they hold. */
int ir_must_use ir_harbor_doctor(const ir_call *call, ir_harbor *h, const ir_json *spec,
                                 ir_json **ret, imgrel_error *err);

/* Any request below /api/v2.0; a status of 400 or more is an error. body may be NULL. */
int ir_must_use ir_harbor_request(const ir_call *call, ir_harbor *h, const char *method,
                                  const char *path, const ir_json *body, ir_reply *ret,
                                  imgrel_error *err);

#endif
