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
};

/* One request. object names what it is about, for people: "project library". */
typedef struct ir_harbor_ask {
    const char *method;  /* NULL: GET */
    const char *path;    /* below /api/v2.0, encoded, with its query */
    const ir_json *body; /* NULL: none */
    const char *object;
    bool by_name; /* an all-digit project in the path is a name, not an id */
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
/* Proves the login once a handle: what allows anonymous access answers a wrong one with 200. */
int ir_must_use ir_harbor_prove(const ir_call *call, ir_harbor *h, imgrel_error *err);

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
/* Adds &q=expression, encoded twice: Harbor decodes it twice. */
void ir_harbor_add_q(ir_buf *path, const char *expression);

/* role.c: the rights a spec means, as an array of {resource, action}; the caller's. */
int ir_must_use ir_harbor_access(const ir_call *call, ir_harbor *h, const ir_robot_spec *spec,
                                 ir_json **ret, imgrel_error *err);
/* The same rights, whatever their order and however often. */
bool ir_harbor_access_equal(const ir_json *a, const ir_json *b);

#endif
