/* inside.h - what the files of lib/harbor share: the handle, one way of sending, and the words for
 * what Harbor answers. */
#ifndef IR_HARBOR_INSIDE_H
#define IR_HARBOR_INSIDE_H

#include "base/limits.h"
#include "base/str.h"
#include "fmt/url.h"
#include "harbor/harbor.h"

#define IR_HARBOR_PAGE_SIZE 100 /* the most that Harbor takes; more is 422, less is more calls */
#define IR_HARBOR_NAME_MAX 255

struct ir_harbor {
    char *url;  /* origin */
    char *host; /* of it, with its port: named in every message */
    char *user; /* NULL: anonymous */
    char *secret;
    char *version; /* "2.15.2", NULL: not known */
    bool robot;    /* the login is a robot's */
    bool proved;   /* GET /users/current has said that the login is good */
    bool refused;  /* refused twice: waiting again for the login lock is of no use */
    bool asked_version;
    int64_t ahead_s; /* Harbor's clock before ours, as its last answer said */
};

/* One request. object names what it is about, for people: "project library". */
typedef struct ir_harbor_ask {
    const char *method;  /* NULL: GET */
    const char *path;    /* below /api/v2.0, encoded, with its query */
    const ir_json *body; /* NULL: none */
    const char *object;
    bool by_name;    /* an all-digit project in the path is a name, not an id */
    bool repeatable; /* may be sent again though it is a POST or a PATCH */
} ir_harbor_ask;

/* 0 with ret filled below status 400; else an error that explains the status (ret is filled too).
 */
int ir_must_use ir_harbor_send(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask,
                               ir_reply *ret, imgrel_error *err);
/* The same for a JSON answer; ret NULL: not wanted. An empty body gives NULL. */
int ir_must_use ir_harbor_send_json(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask,
                                    ir_json **ret, imgrel_error *err);
/* DELETE; a 404 after a repeated try means that the first one did it. */
int ir_must_use ir_harbor_send_delete(const ir_call *call, ir_harbor *h, const ir_harbor_ask *ask,
                                      imgrel_error *err);
/* "2.15.2", asked for once a handle; NULL: it does not say, as it does to nobody in particular. */
const char *ir_harbor_version(const ir_call *call, ir_harbor *h);
int ir_harbor_minor(const char *version); /* "2.15.2" -> 15; -1: not known */
/* Proves the login once a handle: what allows anonymous access answers a wrong one with 200. */
int ir_must_use ir_harbor_prove(const ir_call *call, ir_harbor *h, imgrel_error *err);
/* Whether the login is an OIDC user's CLI secret: Harbor takes it for the registry and for lists of
 * projects, repositories and artifacts, and answers 401 to nearly all else, GET /users/current
 * included. Only who is logged in is told the external URL. */
bool ir_harbor_by_cli_secret(const ir_call *call, ir_harbor *h);

/* explain.c: fails with what a reply means, why, and what to do. */
int ir_harbor_explain(const ir_harbor *h, const ir_request *req, const ir_harbor_ask *ask,
                      const ir_reply *reply, imgrel_error *err);
bool ir_harbor_is_html(const ir_reply *reply);

/* Harbor's own rule for names of projects and robots; what: "project", "robot". */
int ir_must_use ir_harbor_name_check(const char *what, const char *name, imgrel_error *err);
/* Tells a 403 for a project that does not exist from one that is somebody else's. */
int ir_must_use ir_harbor_project_truth(const ir_call *call, ir_harbor *h, const char *name, int rc,
                                        imgrel_error *err);
/* The id, also where only the list of projects may be read. */
int ir_must_use ir_harbor_project_id(const ir_call *call, ir_harbor *h, const char *name,
                                     int64_t *ret, imgrel_error *err);

/* "/projects/P/repositories[/R[/artifacts/REF]]"; the repository encoded twice: Harbor's nginx
 * decodes once. NULL: no memory. */
char *ir_harbor_path(const char *project, const char *repository, const char *reference);
/* EINVAL for a path that is no path below /api/v2.0, or is not encoded. */
int ir_must_use ir_harbor_path_check(const char *path, imgrel_error *err);
/* Adds &q=expression, encoded twice: Harbor decodes it twice. */
void ir_harbor_add_q(ir_buf *path, const char *expression);

/* ---- robots ---- */
#define IR_ROBOT_DAYS_MAX 2147483646 /* Harbor refuses more with 400 */

/* rights.c: what the spec means, as an array of {kind, namespace, access}; the caller's. NULL if
 * the spec says nothing of rights. project NULL: of a system robot. */
int ir_must_use ir_harbor_rights(const ir_call *call, ir_harbor *h, const char *project,
                                 const ir_robot_spec *spec, ir_json **ret, imgrel_error *err);
/* The same rights, whatever their order and however often. */
bool ir_harbor_rights_equal(const ir_json *a, const ir_json *b);
/* rights_known.c: whether a Harbor can grant a right; kind "project" or "system". A version that
 * is not known (NULL) can grant what any can. */
bool ir_harbor_right_known(const char *version, const char *kind, const char *resource,
                           const char *action);

/* robot_life.c: "never", "30d", "2 weeks from now", "2027-01-31" -> days or until. EINVAL. */
int ir_must_use ir_robot_life_read(const char *text, int64_t now, ir_robot_spec *ret,
                                   imgrel_error *err);
/* The duration (days from its creation) by which a robot (NULL: a new one) lives as long as the
 * spec says; its own where that is near enough or nothing is said. revive: one that has expired
 * gets as long a life again. */
int ir_must_use ir_robot_duration(const ir_json *robot, const ir_robot_spec *spec, int64_t now,
                                  bool revive, int64_t *ret, imgrel_error *err);

/* robot_secret.c: Harbor's policy for secrets of one's own. */
int ir_must_use ir_robot_secret_check(const char *secret, imgrel_error *err);
/* 32 random letters and digits that fulfil it; the caller's, to be wiped. */
int ir_must_use ir_robot_secret_make(char **ret, imgrel_error *err);

/* A robot on its way through robot.c. */
typedef struct ir_robot_job {
    const ir_call *call;
    ir_harbor *h;
    const char *project, *name; /* project NULL: a system robot */
    const ir_robot_spec *spec;
    enum ir_robot_verb verb;
    ir_json *rights; /* NULL: not managed */
} ir_robot_job;
/* robot_wire.c: the requests. */
int ir_must_use ir_robot_locate(const ir_robot_job *job, ir_json **ret, imgrel_error *err);
int ir_must_use ir_robot_send(const ir_robot_job *job, const char *method, int64_t id,
                              const ir_json *body, ir_json **ret, imgrel_error *err);
int ir_must_use ir_robot_fill(const ir_robot_job *job, ir_json *robot, enum ir_change change,
                              ir_robot *ret, imgrel_error *err);
/* robot_create.c */
int ir_must_use ir_robot_create(const ir_robot_job *job, ir_robot *ret, imgrel_error *err);
ir_json *ir_robot_body(const ir_robot_job *job, const ir_json *rights, int64_t days,
                       const char *description);
int ir_must_use ir_robot_post(const ir_robot_job *job, const ir_json *body, ir_robot *ret,
                              imgrel_error *err);
/* robot_secret.c: a new secret, the spec's or a random one; robot is borrowed. */
int ir_must_use ir_robot_rotate(const ir_robot_job *job, ir_json *robot, ir_robot *ret,
                                imgrel_error *err);
/* Sees to it that the spec's own secret is the robot's. */
int ir_must_use ir_robot_own_secret(const ir_robot_job *job, ir_json *robot, ir_robot *ret,
                                    imgrel_error *err);

#endif
