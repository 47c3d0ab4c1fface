/* support.h - what the tests of lib/kube share: kubeconfigs in a folder of their own, and a handle
 * on the scripted double. */
#ifndef IR_TESTS_KUBE_SUPPORT_H
#define IR_TESTS_KUBE_SUPPORT_H

#include "unit.h"

#include <imgrel/imgrel.h>
#include "double.h"
#include "kube/inside.h"
#include "net/session.h"

/* A fresh folder; every file in it is removed by kt_clean. */
const char *kt_dir(void);
/* Writes DIR/name; the path is valid until kt_clean. */
const char *kt_file(const char *name, const char *text);
void kt_clean(void);

/* A handle on a double: https with the double's own CA, user with a token, namespace "ns". */
typedef struct kt {
    dbl *server;
    dbl_pki *pki;
    imgrel_client *client;
    imgrel_kube *kube;
    imgrel_error err;
    char *json;
    ir_buf log; /* what was logged, a line a record */
} kt;
/* user: the kubeconfig's user in flow style; NULL: {token: t0ken} */
void kt_start(kt *k, const char *user);
/* The same on a server whose certificates are given (they become the kt's); verify: those of its
 * clients must be good. */
void kt_start_with(kt *k, const char *user, dbl_pki *pki, bool verify);
void kt_stop(kt *k);
/* A rule with a JSON reply. */
void kt_on(kt *k, const char *method, const char *path, int status, const char *body);
/* Clears err and json before the next call. */
imgrel_error *kt_err(kt *k);
char **kt_json(kt *k);
/* The i-th request's body for method and path, "" past the last. */
const char *kt_body(kt *k, const char *method, const char *path, size_t i);

#endif
