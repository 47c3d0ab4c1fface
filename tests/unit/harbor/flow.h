/* flow.h - whole flows of lib/harbor against the mock, in each version of Harbor that people run:
 * what is asked for is true afterwards, whatever goes wrong on the way. */
#ifndef IR_TESTS_HARBOR_FLOW_H
#define IR_TESTS_HARBOR_FLOW_H

#include "mock_http.h"

#include <imgrel/imgrel.h>

extern const char *const versions[]; /* of loop tests: versions[_i] */
#define N_VERSIONS 3

typedef struct flow {
    imgrel_client *client;
    imgrel_harbor *harbor; /* the administrator's */
    imgrel_error err;
} flow;
void flow_up(flow *f, const char *version); /* and the project p */
void flow_down(flow *f);
imgrel_harbor *flow_login(flow *f, const char *user, const char *secret);
/* Whether Harbor takes a robot's login. */
bool flow_works(flow *f, const char *name, const char *secret);
/* How many things there are. */
int flow_count(flow *f, const char *kind, const char *parent, const char *query);
/* A put of the given outcome; the document lives until mock_down. */
const ir_json *flow_put(flow *f, const char *kind, const char *key, const char *json,
                        const char *outcome);
const ir_json *flow_get(flow *f, const char *kind, const char *key);
const ir_json *flow_do(flow *f, const char *kind, const char *key, const char *action,
                       const char *json);
/* The same that must fail. */
void flow_refused(flow *f, int rc, int code, const char *word);
const ir_json *flow_json(const char *text);

#define FLOW_SUITE(name, ...)                                     \
    Suite *suite_##name(void);                                    \
    Suite *suite_##name(void)                                     \
    {                                                             \
        const TTest *const tests[] = {__VA_ARGS__};               \
        Suite *s = suite_create(#name);                           \
        TCase *c = tcase_create(#name);                           \
        tcase_set_timeout(c, 120);                                \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) \
            tcase_add_loop_test(c, tests[i], 0, N_VERSIONS);      \
        suite_add_tcase(s, c);                                    \
        return s;                                                 \
    }

#endif
