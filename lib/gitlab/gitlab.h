/* gitlab.h - GitLab's API v4 from the inside. A project is named by its path ("group/app") or its
 * number; the token goes to that GitLab only. */
#ifndef IR_GITLAB_GITLAB_H
#define IR_GITLAB_GITLAB_H

#include "fmt/json.h"
#include "net/http.h"

/* Where, and as whom. */
typedef struct ir_gitlab {
    const char *url; /* "https://gitlab.lan", without /api/v4 */
    const char *project;
    const char *token; /* personal, group or project token with the api scope */
} ir_gitlab;

/* Sees to it that a CI/CD variable holds a value: raw, so that a $ in it stays, and masked where
 * GitLab allows it (8 bytes or more, no blanks). file: jobs see the path of a file with the value.
 * EINVAL (the key), EAUTH, EDENIED, ENOTFOUND (the project, or no right to it). */
int ir_must_use ir_gitlab_variable_put(const ir_call *call, const ir_gitlab *g, const char *key,
                                       const char *value, bool file, imgrel_error *err);
/* Reads its value; ENOTFOUND when there is none. The caller's: wipe it. */
int ir_must_use ir_gitlab_variable_get(const ir_call *call, const ir_gitlab *g, const char *key,
                                       char **ret, imgrel_error *err);

#endif
