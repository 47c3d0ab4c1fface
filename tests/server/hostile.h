/* hostile.h - a registry (home) that is after our login, our memory or our files, and another
 * server. What counts is what that one received. */
#ifndef IR_TESTS_HOSTILE_H
#define IR_TESTS_HOSTILE_H

#include "faults.h"

#include "double.h"

#define SECRET "hunter2-secret"
#define TOKEN "a-bearer-token"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* A rule of the table that the program prints. */
typedef struct hostile_row {
    const char *rule, *what;
    const TTest *test;
} hostile_row;
/* Adds each as a case of its own, named by its rule. */
void hostile_add(Suite *s, const hostile_row *rows, size_t n);
void hostile_probes(Suite *s); /* faults_hostile.c */
void hostile_rules(Suite *s);  /* faults_rules.c */

extern dbl *home, *other;
extern imgrel_client *client; /* "registry.example" is home, too; alice's, with SECRET */
extern imgrel_error err;
extern const char *elsewhere; /* the other one by another name */

void hostile_begin(void);
void hostile_end(void);
/* What was logged, at level debug. */
bool hostile_said(const char *text);
/* home wants a token from that realm; guard_home: its own. */
void guard(const char *realm);
void guard_home(void);
void other_got_nothing(void);
const char *digest_of(const char *bytes, size_t len);
/* A blob of home's p/a; NULL: err says why not. */
const char *read_blob(const char *digest);
/* A manifest of home's p/a, by tag or digest. */
void serve(const char *selector, const char *type, const char *body);
/* home's p/a:tag into the layout "dst" of the test's folder. */
int copy_it(const char *tag);

#endif
