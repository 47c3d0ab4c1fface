/* gitlab.h - GitLab's API v4 from the inside: what include/imgrel/gitlab.h says, with a call. A
 * handle is one project; its token goes to that GitLab only. */
#ifndef IR_GITLAB_GITLAB_H
#define IR_GITLAB_GITLAB_H

#include "fmt/json.h"
#include "net/http.h"

typedef struct ir_gitlab ir_gitlab;
/* url: "https://gitlab.lan", also below a path, with or without /api/v4. project: its path
 * ("group/app") or number. token: personal, group or project token; NULL: anonymous. EINVAL. */
int ir_must_use ir_gitlab_new(const char *url, const char *project, const char *token,
                              ir_gitlab **ret, imgrel_error *err);
void ir_gitlab_free(ir_gitlab *g);
const char *ir_gitlab_host(const ir_gitlab *g);    /* with its port: named in every message */
const char *ir_gitlab_project(const ir_gitlab *g); /* as it was given */

/* What an ensure did. */
#define IR_GITLAB_CREATED "created"
#define IR_GITLAB_CHANGED "changed"
#define IR_GITLAB_UNCHANGED "unchanged"

/* Any kind of thing (kind.c has the table), named by its key. */
int ir_must_use ir_gitlab_get(const ir_call *call, ir_gitlab *g, const char *kind, const char *key,
                              ir_json **ret, imgrel_error *err);
int ir_must_use ir_gitlab_put(const ir_call *call, ir_gitlab *g, const char *kind, const char *key,
                              const ir_json *want, const char **ret_change, ir_json **ret,
                              imgrel_error *err);
int ir_must_use ir_gitlab_delete(const ir_call *call, ir_gitlab *g, const char *kind,
                                 const char *key, imgrel_error *err);
/* An action of its own ("wait", "lint", "log"). *ret may be given with a failure too: what was
 * found of a pipeline or a text that is not valid. */
int ir_must_use ir_gitlab_do(const ir_call *call, ir_gitlab *g, const char *kind, const char *key,
                             const char *action, const ir_json *spec, ir_json **ret,
                             imgrel_error *err);
/* Any request below /api/v4 ("/projects/1/..."); a status of 400 or more is an error. */
int ir_must_use ir_gitlab_request(const ir_call *call, ir_gitlab *g, const char *method,
                                  const char *path, const ir_json *body, ir_reply *ret,
                                  imgrel_error *err);

/* Lists, page by page. */
typedef struct ir_gitlab_pages ir_gitlab_pages;
int ir_must_use ir_gitlab_list(const ir_call *call, ir_gitlab *g, const char *kind,
                               const char *parent, const char *query, ir_gitlab_pages **ret,
                               imgrel_error *err);
/* 1 with an item (the caller's), 0 at the end, or a code. */
int ir_must_use ir_gitlab_pages_next(const ir_call *call, ir_gitlab_pages *p, ir_json **ret,
                                     imgrel_error *err);
void ir_gitlab_pages_free(ir_gitlab_pages *p);

/* Sees to it that a CI/CD variable of every environment holds a value: raw, and masked where GitLab
 * allows it. file: jobs see the path of a file with the value. */
int ir_must_use ir_gitlab_variable_put(const ir_call *call, ir_gitlab *g, const char *key,
                                       const char *value, bool file, imgrel_error *err);
/* Reads its value; ENOTFOUND when there is none. The caller's: wipe it. */
int ir_must_use ir_gitlab_variable_get(const ir_call *call, ir_gitlab *g, const char *key,
                                       char **ret, imgrel_error *err);
/* expand.c: what a job would see of a value that is not raw: known names are not known here, so
 * each becomes nothing, as an unknown one does. names (may be NULL): an array that gets the names.
 */
void ir_gitlab_expand(const char *value, ir_buf *out, ir_json *names);
/* What keeps GitLab from masking a value; NULL: nothing. */
const char *ir_gitlab_mask_rule(const char *value, bool raw);

/* What a pipeline that builds and pushes an image is made from; ci.c writes it. Texts are borrowed;
 * lists are of strings and may be NULL. */
typedef struct ir_gitlab_ci {
    const char *name;         /* of the release file, for the comment; NULL: none */
    const char *image;        /* of the builder; NULL: moby/buildkit:rootless */
    const char *host;         /* that is pushed to, as in references */
    const char *repository;   /* "library/app" */
    bool plain_http;          /* that host has no TLS */
    const char *ca_pem;       /* certificates that sign the host's; NULL */
    const ir_json *platforms; /* NULL: the builder's own */
    const ir_json *runner_tags;
    const char *pattern;                         /* RE2 of tags that are built; NULL: 1.2.3 */
    const char *variable;                        /* of type file: a config.json */
    const char *user_variable, *secret_variable; /* or these two */
    const char *context, *dockerfile;            /* NULL: ".", "Dockerfile" in the context */
    const char *target;                          /* NULL: the last stage */
    const ir_json *build_args;                   /* an object of strings; NULL */
    bool latest;                                 /* the tag latest is moved too */
} ir_gitlab_ci;
/* The text of .gitlab-ci.yml. EINVAL: what cannot be quoted. */
int ir_must_use ir_gitlab_ci_write(const ir_gitlab_ci *ci, ir_buf *out, imgrel_error *err);

#endif
