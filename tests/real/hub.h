/* hub.h - Debian's docker-registry on a free port, with or without logins (alice / s3cret) and TLS,
 * and a client for it through the public API. */
#ifndef IR_TESTS_REAL_HUB_H
#define IR_TESTS_REAL_HUB_H

#include <imgrel/imgrel.h>

#include "double.h"
#include "oci/make.h"

#define HUB_LOGIN 1u
#define HUB_TLS 2u
#define HUB_THREE 4u /* distribution 3 instead */
#define HUB_USER "alice"
#define HUB_SECRET "s3cret"

typedef struct hub {
    char dir[256]; /* data and log */
    char host[64]; /* "127.0.0.1:PORT" */
    dbl_pki *pki;  /* its certificate, with TLS */
    int pid;
    unsigned marks; /* requests of ours that mark a place in the log */
} hub;
extern hub hub_now; /* the one of the case that runs */

bool hub_there(void); /* docker-registry is installed */
bool hub_three(void); /* so is distribution 3, by tests/bench/run */
void hub_start(unsigned how);
void hub_stop(void);

/* A suite whose tests share a hub that start starts. */
Suite *hub_suite(const char *name, void (*start)(void), const TTest *const *tests, size_t n);

/* Each test: its folder, its own HOME, a client for the hub. */
extern imgrel_client *hub_client;
extern imgrel_error hub_err;
void hub_begin(void);
void hub_end(void);
/* A key of the client's configuration; before its first call. */
void hub_set(const char *key, const char *value);

/* "HOST/rest", static (eight in turn). */
const char *hub_ref(const char *rest);
/* "oci:DIR/rest" and so on for the test's folder, static. */
const char *hub_local(const char *transport, const char *rest);
/* Copies; the digest is the caller's, NULL on failure (hub_err). */
char *hub_copy(const char *from, const char *to, const imgrel_opts *o);
/* The same, which must go well. */
void hub_copied(const char *from, const char *to, const char *digest);
/* What a reference resolves to must be this. */
void hub_digest(const char *ref, const char *digest);
/* Requests since the last call of this. */
int hub_requests(void);
/* Of those, before that call, how many lines of the log hold that text: "GET /v2/a/blobs/". */
int hub_seen(const char *text);
/* Runs skopeo with the arguments; it must end with 0. Its output in out (may be NULL). */
void hub_skopeo(ir_buf *out, const char *const *args);
/* Makes an image of four layers (and its config) of about 2 MiB, tagged, in a layout. */
void hub_image(const char *layout, const char *tag, int seed, ir_desc *ret);

#endif
