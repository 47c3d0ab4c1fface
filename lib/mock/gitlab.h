/* gitlab.h - the inside of the mock's GitLab: a stand-in made from what GitLab's documents and
 * source say, never compared with a real one. One project; all of it runs under the mock's lock.
 *
 * What is kept is one JSON document, `doc`:
 *   project    {id, path_with_namespace, default_branch, shared_runners_enabled, ...}
 *   variables  [{key, value, ...}], protected_tags [{name, ...}]
 *   runners    [{id, token, description, tag_list, status, ...}]
 *   commits    {sha: {id, message, files: {path: text}}}, branches {name: sha}, tags {name: {...}}
 *   pipelines  [{id, ref, sha, status, at_ms, ...}], jobs [{id, pipeline, name, ...}]
 *   scripts    {job name: {result, failure_reason, log}}: what jobs do */
#ifndef IR_MOCK_GITLAB_H
#define IR_MOCK_GITLAB_H

#include "mock/server.h"

struct mk_gitlab {
    ir_json *doc;
    const char *token; /* the configuration's */
    int64_t job_ms, pipeline_ms;
    char *scope;    /* what the token may: "api"; else insufficient_scope for writes */
    char *moved_to; /* the project's path is an old one */
    bool no_raw;    /* a GitLab before 15.7 */
    bool forbidden; /* the token's role is too low for writes */
    int page_max;   /* the most of a page; 0: 100 */
};

typedef struct gl_call {
    imgrel_mock *mock;
    struct mk_gitlab *g;
    mk_request *r;
    mk_reply *p;
    ir_json *body;      /* {} if none */
    const char *arg[2]; /* decoded segments where the pattern has a star */
} gl_call;
typedef struct gl_route {
    const char *method, *pattern; /* below /projects/P, or with a slash before: below /api/v4 */
    void (*handle)(gl_call *c);
} gl_route;
extern const gl_route gl_variable_routes[], gl_runner_routes[], gl_repository_routes[],
    gl_pipeline_routes[]; /* each ends with a NULL method */

/* {"message": text}. */
void gl_error(gl_call *c, int status, const char *fmt, ...) IR_PRINTF(3, 4);
/* {"message": {field: [text]}}. */
void gl_invalid(gl_call *c, const char *field, const char *text);
void gl_missing(gl_call *c, const char *noun); /* 404 Noun Not Found */
/* Takes items: a page of them as page and per_page say, with X-Next-Page and Link. */
void gl_page(gl_call *c, ir_json *items);
/* A parameter of the body, else of the query; "" if it is neither. Lives with the body. */
const char *gl_param(gl_call *c, const char *name);
int64_t gl_next_id(struct mk_gitlab *g);
int64_t gl_now_ms(const imgrel_mock *m);
ir_json *gl_part(const struct mk_gitlab *g, const char *name);
/* The row whose member is so; NULL: there is none. ret_at may be NULL. */
ir_json *gl_find(const ir_json *rows, const char *member, const char *value, size_t *ret_at);
ir_json *gl_find_id(const ir_json *rows, int64_t id, size_t *ret_at);
void gl_time(const imgrel_mock *m, char ret[40]);

/* gitlab_repository.c: the commit of a branch, a tag or itself; NULL. */
ir_json *gl_commit(const struct mk_gitlab *g, const char *ref);
/* gitlab_ci.c: the jobs that a text has for a tag ("": none in particular, all of them) as
 * [{name, stage, tag_list}]; NULL with what is wrong in errors. */
ir_json *gl_ci_jobs(const char *text, const char *tag, ir_json *errors);
/* gitlab_pipeline.c: a tag was made. */
void gl_tag_made(imgrel_mock *m, const char *tag, const ir_json *commit);
/* Whether a runner that is there now would take a job with these tags. */
bool gl_can_run(const struct mk_gitlab *g, const ir_json *tags);

#endif
