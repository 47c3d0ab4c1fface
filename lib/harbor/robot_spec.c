/* robot_spec.c - what a robot must be, read from JSON. */
#include "harbor/inside.h"

#include <time.h>

typedef struct words {
    const char *role, *expires, *description, *secret;
    const ir_json *access, *projects, *permissions;
    bool new_secret, enabled;
} words;

static const ir_json_row rows[] = {
    {"role", IR_J_STRING, offsetof(words, role), 0},
    {"access", IR_J_ARRAY, offsetof(words, access), 0},
    {"projects", IR_J_ARRAY, offsetof(words, projects), 0},
    {"permissions", IR_J_ARRAY, offsetof(words, permissions), 0},
    {"expires", IR_J_STRING, offsetof(words, expires), 0},
    {"description", IR_J_STRING, offsetof(words, description), 0},
    {"enabled", IR_J_BOOL, offsetof(words, enabled), 0},
    {"secret", IR_J_STRING, offsetof(words, secret), 0},
    {"new_secret", IR_J_BOOL, offsetof(words, new_secret), 0},
    {NULL, 0, 0, 0},
};

int ir_robot_spec_read(const ir_json *doc, ir_robot_spec *ret, imgrel_error *err)
{
    words w = {0};
    int rc = ir_json_decode(doc, rows, true, "robot spec", &w, err);

    if (rc)
        return rc;
    *ret = (ir_robot_spec){.role = w.role,
                           .access = w.access,
                           .projects = w.projects,
                           .permissions = w.permissions,
                           .description = w.description,
                           .secret = w.secret,
                           .new_secret = w.new_secret};
    if (ir_json_get(doc, "enabled"))
        ret->enabled = w.enabled ? 1 : -1;
    return w.expires ? ir_robot_life_read(w.expires, (int64_t)time(NULL), ret, err) : 0;
}
