/* conform.h - what a Harbor does, as a table: a row is a request and what its reply must be; rows
 * without a name go on with the check above them. The same rows are asked of the mock in every
 * version by its own tests, and of any Harbor by `imgrel mock conformance`.
 *
 * {name} anywhere in a row stands for a value: one that is there from the start ({x} a random word
 * that is in every name, {p} a project, {p_id}, ...) or one that a row kept. A check whose value is
 * not there is skipped. Paths without a slash before them are below /api/v2.0/.
 *
 * want is a list of terms with " | " between them. The first is the status ("201" or "200,404");
 * then, each with "!" before it for the contrary where that says something:
 *   empty                        no byte of body          body = T, body ~ T
 *   header N, header N = T, header N ~ T                  some header N is so
 *   json P, json P = T, json P ~ T, json P null           P: "errors.0.code", "*": first member
 *   len P = N, len P > N                                  members or items; P ".": all of it
 *   code T, message = T, message ~ T                      of the first error
 *   slow                                                  it took as long as a failed login does
 *   keep V json P [+ N], keep V header N, keep V last N, keep V cookie N    into {V}
 *   login V                                               "name:secret" of a new robot into {V} */
#ifndef IR_MOCK_CONFORM_H
#define IR_MOCK_CONFORM_H

#include "fmt/json.h"
#include "base/str.h"
#include "net/http.h"
#include <imgrel/mock.h>

#define MK_ADMIN 1u  /* asks for an administrator */
#define MK_OLD 2u    /* seen on 2.10 too */
#define MK_UNSURE 4u /* a server may do it otherwise: a note, no failure */

typedef struct mk_row {
    const char *check, *fact; /* NULL: a further step */
    const char *as;           /* NULL: who runs it; "-": nobody; "name:secret"; "Bearer T" */
    const char *ask;          /* "GET projects/{p}" */
    const char *head;         /* header lines */
    const char *body;         /* of JSON, if head does not say otherwise */
    const char *want;
    int from, until; /* minor versions that it is for; 0: any */
    unsigned flags;  /* of the check, on its first row; MK_UNSURE of a step too */
} mk_row;
/* Each ends with a row without ask. */
extern const mk_row mk_conform_auth[], mk_conform_list[], mk_conform_project[], mk_conform_robot[],
    mk_conform_robot_use[], mk_conform_artifact[], mk_conform_registry[], mk_conform_rest[],
    mk_conform_end[];

typedef struct mk_conform {
    ir_call call;
    const char *url; /* without a slash at the end */
    char *user, *password;
    ir_json *vars;   /* name -> text */
    ir_json *made;   /* places of what was created, oldest first */
    ir_json *checks; /* the report's rows */
    int minor;
    bool admin;
    int64_t freeze_ms;
    /* of the row at hand */
    ir_reply reply;
    ir_json *json; /* of its body, NULL if it is none */
    int64_t took_ms;
    ir_buf missing, detail; /* a value that is not there; why the check failed */
} mk_conform;

/* conform_ask.c */
/* Sends the row, keeps what it created; false: no reply, or a value is missing (c->detail,
 * c->missing). */
bool mk_conform_ask(mk_conform *c, const mk_row *row, imgrel_error *err);
/* The text with its values; malloc'ed. */
char *mk_conform_fill(mk_conform *c, const char *text);
void mk_conform_clear(mk_conform *c); /* the row at hand */
const char *mk_conform_var(const mk_conform *c, const char *name);
/* Removes all that was made, whatever happened; not cancelled by what ended the run. */
void mk_conform_remove(mk_conform *c);
/* conform_want.c: false: c->detail says what is otherwise. */
bool mk_conform_want(mk_conform *c, const char *want);
/* conform_image.c: configuration, layer, manifests and index of a small image as values. */
int ir_must_use mk_conform_image(mk_conform *c, imgrel_error *err);

#endif
