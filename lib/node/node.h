/* node.h - how machines are told of a registry. One object, read from a spec, says what there is to
 * know of it; everything that must agree (files of builders, of nodes, of charts) is made from it.
 * Pure but for trust.c and doctor*.c, which read and write a node's files. */
#ifndef IR_NODE_NODE_H
#define IR_NODE_NODE_H

#include "base/str.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "net/call.h"

/* A registry, and what is asked for of it. Strings are borrowed from doc unless they are char *. */
typedef struct ir_node {
    ir_json *doc;
    const char *host;      /* as image names begin: where nodes pull */
    const char *push_host; /* as builders name it; host where the spec has none */
    char *url, *push_url;  /* scheme, host and port of each */
    char *ca;              /* PEM; NULL: the system's authorities */
    bool insecure;         /* its certificate is not checked */
    const char *address;   /* of host, for hosts files; NULL */
    const char *user, *password, *push_user, *push_password;
    const ir_json *mirrors; /* URLs that nodes ask before it */
    const char *name, *ns;  /* of objects in Kubernetes */
    /* a node's files */
    const char *runtime; /* "containerd", "containers", "docker", "k3s" */
    const char *root;    /* before every path that the spec does not give; "" */
    const char *dir, *config, *hosts_file, *containerd;
    bool set_config_path, remove;
    /* builders, charts, clusters, jobs */
    const char *image, *admin_secret, *tls_secret, *gitlab_url, *runner_token, *runner_secret,
        *every, *registry_secret;
    const ir_json *names, *ports, *args;
    int64_t workers, completions, parallelism;
} ir_node;
/* EINVAL names the member; EIO, ENOTFOUND: ca_file. */
int ir_must_use ir_node_read(const ir_json *spec, ir_node *ret, imgrel_error *err);
void ir_node_free(ir_node *n);
static inline void ir_node_auto(ir_node *n)
{
    ir_node_free(n);
}
bool ir_node_plain(const char *url); /* http:// */

/* ---- render.c: documents -------------------------------------------------------------------- */

/* A document by its word ("hosts.toml", "kind", ...). EINVAL: there is no such word, or the spec
 * lacks what it needs. The result may hold a secret: out should wipe. */
int ir_must_use ir_node_render(const ir_node *n, const char *what, ir_buf *out, imgrel_error *err);
extern const char *const ir_node_words[]; /* ends with NULL */

typedef int ir_node_writer(const ir_node *n, ir_buf *out, imgrel_error *err);
ir_node_writer ir_node_harbor_values, ir_node_runner_values;        /* chart.c */
ir_node_writer ir_node_kind_config, ir_node_daemonset, ir_node_job; /* manifest.c */

/* ---- merge.c: what a file should hold, from what it holds ----------------------------------- */

/* Each changes j so that the registry is in it, or, with n->remove, is not. */
typedef int ir_node_merger(const ir_node *n, ir_json *j, imgrel_error *err);
ir_node_merger ir_node_merge_hosts, ir_node_merge_registries, ir_node_merge_docker,
    ir_node_merge_k3s;

/* ---- containerd.c: config.toml -------------------------------------------------------------- */

typedef struct ir_containerd_conf {
    int64_t version;   /* of the file; 0: there is none */
    int generation;    /* 1 or 2: of containerd itself */
    char *config_path; /* as it counts; NULL: none, certs.d is not read */
    bool clash;        /* mirrors beside config_path: the CRI plugin does not start */
    bool disabled;     /* the CRI plugin is switched off */
    bool written;      /* config_path is in the file, it is no default */
} ir_containerd_conf;
/* What the file's text says (NULL: there is none) to a containerd of that generation. */
int ir_must_use ir_containerd_read(const char *text, size_t len, const char *name, int generation,
                                   ir_containerd_conf *ret, imgrel_error *err);
/* The text with config_path set, all else byte for byte as it was; checked by reading both. EINVAL,
 * EUNSUPPORTED (version 1). */
int ir_must_use ir_containerd_set_path(const char *text, size_t len, const char *name,
                                       const char *dir, ir_buf *out, imgrel_error *err);
void ir_containerd_conf_free(ir_containerd_conf *c);
bool ir_containerd_reads(const ir_containerd_conf *c, const char *dir);

/* ---- files.c: one file after the other ------------------------------------------------------ */

typedef struct ir_node_files {
    const ir_node *node;
    ir_json *files, *notes; /* of the report */
    bool dry, changed;
} ir_node_files;
/* Reads it: 1, 0 when it is not there, or a code. */
int ir_must_use ir_node_file_read(const char *path, ir_buf *ret, imgrel_error *err);
#define IR_NODE_SECRET 1u   /* no diff, 0600 */
#define IR_NODE_IN_PLACE 2u /* written over where it is a mount of its own, as in containers */
/* Sees to it that path holds text (NULL: that it is gone) and adds a row: {"path", "state",
 * "diff"}. A file that holds it already is left alone. */
int ir_must_use ir_node_file_put(ir_node_files *f, const char *path, const ir_buf *text,
                                 unsigned flags, imgrel_error *err);
int ir_must_use ir_node_note(ir_node_files *f, const char *cure, imgrel_error *err, const char *fmt,
                             ...) IR_PRINTF(4, 5);
/* What changed, a line each: " same", "-old", "+new". */
void ir_node_diff(const char *old, const char *new, ir_buf *out);

/* ---- trust.c, doctor.c ---------------------------------------------------------------------- */

/* Writes, merges or removes the runtime's files. The report on success: {"result", "files",
 * "notes", "restart"}. */
int ir_must_use ir_node_trust(const ir_call *call, const ir_node *n, ir_json **ret,
                              imgrel_error *err);
/* A path of the node: given, or root and the usual one; malloc'ed. */
char *ir_node_path(const ir_node *n, const char *given, const char *usual);
/* The generation of the containerd that is meant: told, asked from the program, or 0. */
int ir_must_use ir_node_generation(const ir_call *call, const ir_node *n, int *ret,
                                   imgrel_error *err);
/* Why images of the host would not be pulled: {"healthy", "checks": [{"check", "state", "message",
 * "cure"}]}. */
int ir_must_use ir_node_doctor_run(const ir_call *call, const ir_node *n, ir_json **ret,
                                   imgrel_error *err);

#endif
