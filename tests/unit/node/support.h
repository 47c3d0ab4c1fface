/* support.h - what the tests of nodes share: a client, a node's root folder, its files. */
#ifndef IR_TESTS_NODE_SUPPORT_H
#define IR_TESTS_NODE_SUPPORT_H

#include "fmt/json.h"
#include "unit.h"

#include <imgrel/node.h>

typedef struct node_root {
    imgrel_client *client;
    char dir[64];
} node_root;
void root_begin(node_root *r);
void root_end(node_root *r);
/* Files under it, by their path from there. */
void root_write(const node_root *r, const char *path, const char *text);
char *root_read(const node_root *r, const char *path); /* NULL: it is not there */
int root_mode(const node_root *r, const char *path);
/* The report of a call with a spec, to which the root is added; fails the test where it fails. */
ir_json *root_trust(const node_root *r, const char *spec, uint32_t flags);
ir_json *root_doctor(const node_root *r, const char *spec);
/* A spec with the root in it, the caller's. */
char *root_spec(const node_root *r, const char *spec);
/* The first check of that name and state; its detail and cure hold those words. */
void has_check(const ir_json *report, const char *check, const char *state, const char *detail,
               const char *cure);
const char *file_state(const ir_json *report, const char *end);
/* A document of a spec; the caller's. */
char *render(const char *what, const char *spec);
#define holds(text, word) \
    ck_assert_msg(strstr(text, word) != NULL, "\"%s\" is not in:\n%s", word, text)
#define lacks(text, word) ck_assert_msg(!strstr(text, word), "\"%s\" is in:\n%s", word, text)

#endif
