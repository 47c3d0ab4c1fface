/* mock_http.h - how the mock's tests speak to it: bare libcurl, so that nothing of the library's
 * own manners (encoding, cookies, retries) stands between. One mock a test; all that a test is
 * given lives until mock_down(). */
#ifndef IR_TESTS_MOCK_HTTP_H
#define IR_TESTS_MOCK_HTTP_H

#include <imgrel/mock.h>
#include "fmt/json.h"
#include "unit.h"

#include <curl/curl.h>
#include <stdlib.h>

extern imgrel_mock *mock;
void mock_up(const char *config); /* NULL: all defaults but a login freeze of 50 ms */
void mock_down(void);
const char *mock_control(const char *fmt, ...) IR_PRINTF(1, 2); /* the JSON answer, or "" */

typedef struct answer {
    int status; /* 0: the connection broke */
    CURLcode code;
    const char *head, *body;
    size_t len;
    double seconds;
    const ir_json *json; /* of the body, NULL if it is none */
} answer;

#define ADMIN "admin:Harbor12345"
#define ANYBODY NULL
/* login: "name:secret", "Bearer x", or ANYBODY. body NULL: none. More headers as lines. */
answer ask(const char *method, const char *path, const char *login, const char *body, ...)
    __attribute__((sentinel));
#define GET(path, login) ask("GET", path, login, NULL, NULL)
#define POST(path, login, body) ask("POST", path, login, body, NULL)
#define PUT(path, login, body) ask("PUT", path, login, body, NULL)
#define PATCH(path, login, body) ask("PATCH", path, login, body, NULL)
#define DELETE(path, login) ask("DELETE", path, login, NULL, NULL)
#define API "/api/v2.0"
answer impatient(const char *path); /* a GET by the administrator that waits 0.3 s only */
/* Bytes instead of text; type NULL: none is said. */
answer send_bytes(const char *method, const char *path, const char *login, const char *type,
                  const void *p, size_t len);

const char *text(const char *fmt, ...) IR_PRINTF(1, 2); /* lives until mock_down */
/* The n-th value of a header, NULL past the last. */
const char *header(const answer *a, const char *name, int n);
const char *string_at(const ir_json *j, const char *path); /* "" if there is none */
int64_t int_at(const ir_json *j, const char *path);
/* The first error's code and message. */
#define code_of(a) string_at((a).json, "errors.0.code")
#define message_of(a) string_at((a).json, "errors.0.message")

void want_status(answer a, int status, const char *code, const char *file, int line);
#define want(a, n) want_status(a, n, NULL, __FILE__, __LINE__)
#define want_error(a, n, c) want_status(a, n, c, __FILE__, __LINE__)

/* A project, private unless public; its id. */
int64_t make_project(const char *name, bool public);
/* A robot of a project with rights on its repository ("pull", "push", "pull,push", or
 * resource:action pairs "project:read,..."); "full-name:secret". */
const char *make_robot(const char *project, const char *name, const char *rights);
const char *robot_body(const char *project, const char *name, const char *rights, int days);
int64_t robot_id(const char *project, const char *name);
/* An image of one small layer; its manifest's digest. */
const char *push_image(const char *repository, const char *tag, const char *login,
                       const char *architecture);
/* An index of two of them. */
const char *push_index(const char *repository, const char *tag, const char *login);

#endif
