/* script.h - a Harbor that says what a test tells it to: one answer after the other, each for one
 * request line that must come just then; what came is kept for the test to look at. */
#ifndef IR_TESTS_HARBOR_SCRIPT_H
#define IR_TESTS_HARBOR_SCRIPT_H

#include "unit.h"

#include <imgrel/imgrel.h>
#include "harbor/harbor.h"

typedef struct act {
    const char *line; /* "GET /api/v2.0/users/current": begins the request line */
    int status;
    const char *headers; /* "Name: value\r\n" lines, may be NULL */
    const char *body;    /* NULL: none */
} act;

/* A handle of a client on a server that plays acts; user "admin", password "Passw0rd!". */
typedef struct script {
    imgrel_client *client;
    imgrel_harbor *harbor;
    imgrel_error err;
    struct play *play;
} script;
void script_open(script *s, const char *user, const act *acts, size_t n);
#define SCRIPT(s, ...)                                                \
    do {                                                              \
        static const act acts_[] = { __VA_ARGS__ };                   \
        script_open(s, "admin", acts_, sizeof acts_ / sizeof *acts_); \
    } while (0)
/* The i-th request, head and body, "" past the last. */
const char *script_request(const script *s, size_t i);
/* Checks that every act was played and nothing else was asked, and frees all. */
void script_close(script *s);
/* A robot as Harbor lists it; created_days ago. extra: further members with a comma at the end. */
const char *robot_json(char *buf, size_t len, const char *extra, int created_days,
                       const char *permissions);

#define JSON_TYPE "Content-Type: application/json; charset=utf-8\r\n"
#define ME                                                                        \
    {                                                                             \
        "GET /api/v2.0/users/current", 200, JSON_TYPE, "{\"username\":\"admin\"}" \
    }
#define PROJECT                                                                           \
    {                                                                                     \
        "GET /api/v2.0/projects/library ", 200, JSON_TYPE,                                \
            "{\"project_id\":2,\"name\":\"library\",\"metadata\":{\"public\":\"false\"}}" \
    }
#define PULL                                                                                     \
    "[{\"kind\":\"project\",\"namespace\":\"library\",\"access\":[{\"resource\":\"repository\"," \
    "\"action\":\"pull\"}]}]"

#endif
