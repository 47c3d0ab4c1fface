/* hosts_toml.h - containerd's hosts.toml: where the images of a host are to be had. Pure: text in,
 * entries out. */
#ifndef IR_FMT_HOSTS_TOML_H
#define IR_FMT_HOSTS_TOML_H

#include "base/str.h"

#define IR_HOSTS_PULL 1u    /* by digest: manifests and blobs */
#define IR_HOSTS_RESOLVE 2u /* by tag */
#define IR_HOSTS_PUSH 4u

typedef struct ir_hosts_entry {
    char *url; /* with its scheme, no slash at the end */
    unsigned can;
    bool skip_verify, override_path; /* override_path: url goes on with the repository, no /v2 */
    ir_strv ca;                      /* files, as written: relative to the file's folder */
    char *cert, *key;                /* the first client pair; key NULL: in the same file */
    ir_strv headers;                 /* "Name: value" */
} ir_hosts_entry;

typedef struct ir_hosts_file {
    ir_hosts_entry *v; /* in the file's order */
    size_t n;
    ir_hosts_entry server; /* what stands at the top; url NULL: the host itself */
} ir_hosts_file;

/* EINVAL: line and column, or which host's member is wrong (containerd would drop the file and
 * only log it). Unknown members are passed over, as there. */
int ir_must_use ir_hosts_toml_parse(const char *text, size_t len, const char *name,
                                    ir_hosts_file *ret, imgrel_error *err);
void ir_hosts_file_free(ir_hosts_file *f);

#endif
