/* creds_impl.h - the parts of credentials: files (creds_file.c), helpers (creds_helper.c), and the
 * order in which they are asked (creds.c). */
#ifndef IR_NET_CREDS_IMPL_H
#define IR_NET_CREDS_IMPL_H

#include "net/creds.h"

/* What a docker config.json or containers auth.json says about a host. Pure: text in, values out.
 * Most exact first: host/a/b, host/a, host; *ret_helper (malloc'ed) names the helper to ask when
 * there is no entry, NULL for none. EINVAL: it is not such a document. */
int ir_must_use ir_creds_read(const char *text, size_t len, const char *what, const char *host,
                              const char *repository, ir_creds *ret, char **ret_helper,
                              imgrel_error *err);
/* The key that docker uses for a host: Docker Hub's is a URL of old. */
const char *ir_creds_key(const char *host);
/* Whether a login is in it. */
bool ir_creds_some(const ir_creds *c);
/* Asks docker-credential-NAME; nothing found, or a helper that fails, is 0 with ret empty. */
int ir_must_use ir_creds_helper(const ir_call *call, const char *name, const char *host,
                                ir_creds *ret, imgrel_error *err);
/* The helper that a document names for a host, malloc'ed; NULL: none. text may be empty. */
int ir_must_use ir_creds_helper_for(const char *text, size_t len, const char *what,
                                    const char *host, char **ret, imgrel_error *err);
/* Has it keep a login, or forget it (user NULL; ENOTFOUND: there was none). */
int ir_must_use ir_creds_helper_keep(const ir_call *call, const char *name, const char *host,
                                     const char *user, const char *secret, imgrel_error *err);
/* "helper NAME HOST" and the like -> what was found lately: 1, 0 or a code. */
int ir_must_use ir_creds_recall(const ir_call *call, const char *key, ir_creds *ret,
                                imgrel_error *err);
int ir_must_use ir_creds_keep(const ir_call *call, const char *key, const ir_creds *c,
                              imgrel_error *err);

#endif
