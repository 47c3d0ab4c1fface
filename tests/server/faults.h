/* faults.h - what the tests of faults share: the mock's registry behind the spoiling proxy, an
 * image of one large layer, and clients that lose no time. */
#ifndef IR_TESTS_FAULTS_H
#define IR_TESTS_FAULTS_H

#include <imgrel/imgrel.h>

#include "mock_http.h"
#include "oci/make.h"
#include "weir.h"

extern weir *faults_weir;
extern char faults_host[64];             /* of the proxy */
extern char faults_layer[IR_DIGEST_MAX]; /* the image's layer */
extern int faults_port;                  /* of the mock */

/* Mock, proxy, the test's folder, a public project "p". */
void faults_begin(void);
void faults_end(void);
/* A key of the clients that come, until the test's end; texts that stay. */
void faults_set(const char *key, const char *value);
/* A client of the proxy, logged in as the administrator. */
imgrel_client *faults_client(void);
ir_session *faults_session(imgrel_client *c);
/* By a client of its own; EDIGEST when it is not the image of that digest. */
int faults_copy(const char *from, const char *to, const char *digest, imgrel_error *err);
/* An image of one layer of that many bytes as "oci:src:v1"; its digest is the caller's. */
char *faults_image(size_t layer_size);
/* The same, which is in the registry as "src" too. */
char *faults_image_in_registry(size_t layer_size);
/* "HOST/p/NAME:v1", "oci:DIR/NAME:v1": static, eight in turn. */
const char *faults_ref(const char *name);
const char *faults_local(const char *name);
/* Files of a layout's blob folder: all of them; those that are no blobs. */
int faults_blobs(const char *layout);
int faults_litter(const char *layout);
/* The layer in a layout, and the file that waits there to become it. */
const char *faults_blob_path(const char *layout);
const char *faults_partial_path(const char *layout);
/* Journals of uploads under "cache" in the test's folder. */
int faults_journals(void);

#endif
