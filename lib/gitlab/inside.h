/* inside.h - what the files of lib/gitlab share: the handle, one way of sending, and the words for
 * what GitLab answers. */
#ifndef IR_GITLAB_INSIDE_H
#define IR_GITLAB_INSIDE_H

#include "base/limits.h"
#include "base/str.h"
#include "fmt/url.h"
#include "gitlab/gitlab.h"

#define IR_GITLAB_PAGE_SIZE 100 /* the most that GitLab gives */

struct ir_gitlab {
    char *base;    /* "https://gitlab.lan/api/v4" */
    char *host;    /* with its port */
    char *project; /* as it was given */
    char *token;   /* NULL: anonymous */
};

/* One request. object names what it is about, for people: "variable HARBOR_CONFIG". */
typedef struct ir_gitlab_ask {
    const char *method;  /* NULL: GET */
    const char *path;    /* below the project, or (all) below /api/v4; encoded, with its query */
    const ir_json *body; /* NULL: none */
    const char *object;
    const ir_sink *sink; /* where the body goes; NULL: into the reply */
    bool all;
    bool repeatable; /* may be sent again though it is a POST */
} ir_gitlab_ask;

/* 0 with ret filled below status 300; else an error that explains the status (ret is filled too).
 */
int ir_must_use ir_gitlab_send(const ir_call *call, ir_gitlab *g, const ir_gitlab_ask *ask,
                               ir_reply *ret, imgrel_error *err);
/* The same for a JSON answer; ret NULL: not wanted. An empty body gives NULL. */
int ir_must_use ir_gitlab_send_json(const ir_call *call, ir_gitlab *g, const ir_gitlab_ask *ask,
                                    ir_json **ret, imgrel_error *err);
/* A GET whose path is built by ir_format, which is freed; NULL is "no memory". */
int ir_must_use ir_gitlab_read(const ir_call *call, ir_gitlab *g, char *path, const char *object,
                               ir_json **ret, imgrel_error *err);
/* 1 with what is there, 0 if it is not (404), or a code. path is freed. */
int ir_must_use ir_gitlab_find(const ir_call *call, ir_gitlab *g, char *path, const char *object,
                               ir_json **ret, imgrel_error *err);
/* A first part and a name that is encoded: "/repository/tags/" "v%2F1"; rest follows as it is.
 * NULL: no memory. */
char *ir_gitlab_path(const char *first, const char *name, const char *rest);

/* explain.c: fails with what a reply means, why, and what to do. */
int ir_gitlab_explain(const ir_gitlab *g, const ir_request *req, const ir_gitlab_ask *ask,
                      const ir_reply *reply, imgrel_error *err);
bool ir_gitlab_is_html(const ir_reply *reply);
/* The words of an error of whichever shape, on one line; "" when there are none. The code that it
 * has ("insufficient_scope") into reason. */
void ir_gitlab_words(const char *p, size_t len, char reason[64], ir_buf *out);
/* err takes the failure if it has none yet. */
int ir_gitlab_give(imgrel_error *err, const imgrel_error *e);

/* pages.c: a list by its path, below the project or (all) below /api/v4. */
int ir_must_use ir_gitlab_pages_open(ir_gitlab *g, const char *path, bool all, const char *query,
                                     const char *object, ir_gitlab_pages **ret, imgrel_error *err);

/* Each kind's own put and do; *ret is the document, the caller's. */
typedef int ir_gitlab_put_fn(const ir_call *call, ir_gitlab *g, const char *key,
                             const ir_json *want, const char **ret_change, ir_json **ret,
                             imgrel_error *err);
typedef int ir_gitlab_do_fn(const ir_call *call, ir_gitlab *g, const char *key, const ir_json *spec,
                            ir_json **ret, imgrel_error *err);
ir_gitlab_put_fn ir_gitlab_put_project, ir_gitlab_put_variable, ir_gitlab_put_runner,
    ir_gitlab_put_tag, ir_gitlab_put_protected, ir_gitlab_put_file;
ir_gitlab_do_fn ir_gitlab_do_expand, ir_gitlab_do_verify, ir_gitlab_do_reset, ir_gitlab_do_lint,
    ir_gitlab_do_find, ir_gitlab_do_wait, ir_gitlab_do_log;

/* file.c: "PATH[@REF]" as {"path", "ref", "content", "last_commit_id"}. */
int ir_must_use ir_gitlab_file_get(const ir_call *call, ir_gitlab *g, const char *key,
                                   ir_json **ret, imgrel_error *err);

/* runner.c: 1 with the project's runner of that description or number, 0, or a code. */
int ir_must_use ir_gitlab_runner_find(const ir_call *call, ir_gitlab *g, const char *name,
                                      ir_json **ret, imgrel_error *err);
/* commit of a branch, tag or SHA; the caller's. */
int ir_must_use ir_gitlab_commit_of(const ir_call *call, ir_gitlab *g, const char *ref, char **ret,
                                    imgrel_error *err);
/* default branch of the project; the caller's. */
int ir_must_use ir_gitlab_default_branch(const ir_call *call, ir_gitlab *g, char **ret,
                                         imgrel_error *err);
/* "PATH@REF" or "KEY@SCOPE" into its halves, malloc'ed; second NULL when there is no @. */
int ir_must_use ir_gitlab_halves(const char *key, char **ret_first, char **ret_second,
                                 imgrel_error *err);

/* lint.c: a text (NULL: what is at ref) as GitLab would read it at ref (NULL: the default branch).
 * dry_run: as a pipeline of that ref. *ret is given whatever it says. */
int ir_must_use ir_gitlab_lint(const ir_call *call, ir_gitlab *g, const char *content,
                               const char *ref, bool dry_run, ir_json **ret, imgrel_error *err);
/* why.c: fails with the reason why a tag has no pipeline. */
int ir_gitlab_why_none(const ir_call *call, ir_gitlab *g, const char *tag, imgrel_error *err);
/* Why nobody takes a job that is pending, as a sentence into out; empty: somebody can. */
int ir_must_use ir_gitlab_why_pending(const ir_call *call, ir_gitlab *g, const ir_json *job,
                                      ir_buf *out, imgrel_error *err);
/* What to do about a job's failure_reason; NULL: nothing is known of it. */
const char *ir_gitlab_job_cure(const char *failure_reason);

/* log.c: a job's log, from a byte on. */
typedef struct ir_gitlab_log {
    int64_t at;  /* bytes that were taken, all whole lines */
    ir_buf line; /* that is not whole yet */
    ir_buf tail; /* the last lines, for who is told of a failure */
    const char *job;
} ir_gitlab_log;
#define IR_GITLAB_LOG(name)                                                             \
    {                                                                                   \
        .line = IR_BUF(IR_LOG_LINE_MAX), .tail = IR_BUF(IR_LOG_LINE_MAX), .job = (name) \
    }
/* Reports what is new in it as IMGREL_EVENT_LOG, a line each. last: also a line without its end. */
int ir_must_use ir_gitlab_log_more(const ir_call *call, ir_gitlab *g, int64_t job, bool last,
                                   ir_gitlab_log *log, imgrel_error *err);
void ir_gitlab_log_free(ir_gitlab_log *log);
/* Takes colours, section marks and what a carriage return has overwritten out of a line. */
void ir_gitlab_log_clean(char *line);

#endif
