/* release.h - the release engine: a release file becomes a plan of idempotent steps, which are
 * shown (plan), done (apply), proved (verify) or undone (delete). */
#ifndef IR_RUN_RELEASE_H
#define IR_RUN_RELEASE_H

#include "fmt/json.h"
#include "net/call.h"

typedef struct ir_release ir_release;
int ir_must_use ir_release_load(const char *path, ir_release **ret, imgrel_error *err);
int ir_must_use ir_release_parse(const char *p, size_t len, const char *name, const char *base_dir,
                                 ir_release **ret, imgrel_error *err);
int ir_must_use ir_release_set(ir_release *r, const char *key, const char *value,
                               imgrel_error *err);
/* Each gives its report in ret_report on success and failure alike (NULL: no memory). */
int ir_must_use ir_release_plan(const ir_call *call, ir_release *r, ir_json **ret_report,
                                imgrel_error *err);
int ir_must_use ir_release_apply(const ir_call *call, ir_release *r, ir_json **ret_report,
                                 imgrel_error *err);
int ir_must_use ir_release_verify(const ir_call *call, ir_release *r, ir_json **ret_report,
                                  imgrel_error *err);
int ir_must_use ir_release_delete(const ir_call *call, ir_release *r, ir_json **ret_report,
                                  imgrel_error *err);
int ir_must_use ir_release_doctor(const ir_call *call, ir_release *r, ir_json **ret_report,
                                  imgrel_error *err);
/* Told a robot's new secret during a rotation, on the thread of the call; other than 0: it could
 * not be kept, the old robot stays. role: "push" or "pull". */
typedef int ir_secret_fn(void *user, const char *role, const char *registry, const char *robot,
                         const char *secret);
void ir_release_on_secret(ir_release *r, ir_secret_fn *fn, void *user);
/* roles: "push", "pull", or NULL for both. grace_s: -1: the file's. retire_only: only what a
 * rotation before left is taken away. */
typedef struct ir_rotation {
    const char *role;
    int64_t grace_s;
    bool retire_only;
} ir_rotation;
int ir_must_use ir_release_rotate(const ir_call *call, ir_release *r, const ir_rotation *how,
                                  ir_json **ret_report, imgrel_error *err);
int ir_must_use ir_release_render(const ir_call *call, ir_release *r, ir_buf *out,
                                  imgrel_error *err);
/* What the file says of GitLab, with the pipeline made from it; include/imgrel/release.h. */
int ir_must_use ir_release_gitlab(const ir_release *r, ir_json **ret, imgrel_error *err);
/* A document (ir_node_words) of the file's registry; more: further members of the spec, NULL. */
int ir_must_use ir_release_document(const ir_release *r, const char *what, const ir_json *more,
                                    ir_buf *out, imgrel_error *err);
void ir_release_free(ir_release *r);

#endif
