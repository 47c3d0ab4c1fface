/* node.h - the mock's node: pulls the images of the pods that are bound to it with their pull
 * secrets, as kubelet and containerd do, and runs their containers by runc where it may. It is the
 * one part of the mock that stands on lib/oci, for what a node is for: fetching verified manifests
 * and blobs, and extracting layers. Functions marked (lock) want imgrel_mock.lock held. */
#ifndef IR_MOCK_NODE_H
#define IR_MOCK_NODE_H

#include "mock/kube.h"
#include "net/call.h"

enum mk_node_mode { MK_NODE_OFF, MK_NODE_PULL, MK_NODE_RUN };

#define MK_HELD_MESSAGE \
    "image is pulled and verified; this node does not run containers (needs root and runc)"

/* An image on the node; it stays until the node stops. */
typedef struct mk_image {
    char *name;      /* canonical reference that it was pulled by */
    char *digest;    /* that the reference resolved to */
    char *id;        /* digest of its config */
    char *rootfs;    /* folder; NULL: this node does not run containers */
    ir_json *config; /* the image's config document */
    int64_t size;
    struct mk_image *next;
} mk_image;

struct mk_pod;
struct mk_node {
    imgrel_mock *mock;
    struct mk_kube *kube;
    enum mk_node_mode mode;
    char *dir;    /* everything that it keeps on disk */
    char *cgroup; /* "imgrel-mock-<our process>-<hash of dir>" */
    ir_session *session;
    ir_host_rule *rules;
    size_t n_rules;
    int64_t backoff_ms;
    mk_image *images;          /* (lock) */
    struct mk_pod *pods;       /* (lock) */
    pthread_mutex_t pull_lock; /* one pull at a time, as kubelet does */
    pthread_t thread;
    bool has_thread, stopping;
    int64_t next_ip;
};

int ir_must_use mk_node_start(struct mk_kube *k, imgrel_error *err);
void mk_node_stop(imgrel_mock *m);
/* Where the log of a run is, malloc'ed; NULL: the node has none. (lock) */
char *mk_node_log(imgrel_mock *m, const char *uid, const char *container, int64_t run);
/* A connection to a port inside the pod's network, or -1 with why (malloc'ed). Takes the lock. */
int mk_node_dial(imgrel_mock *m, const char *uid, int port, char **ret_why);

/* ---- pull secrets (node_keys.c) ------------------------------------------------------------- */

typedef struct mk_login {
    const char *user, *secret;
} mk_login;
typedef struct mk_keyring {
    struct mk_key *v;
    size_t n;
} mk_keyring;
/* Adds a secret's document (.dockerconfigjson). False: malformed, with kubelet's words. */
bool mk_keyring_add(mk_keyring *k, const char *doc, size_t len, char **ret_why);
/* Logins for "host/repository", best first; borrowed. At most max. */
size_t mk_keyring_find(const mk_keyring *k, const char *image, mk_login *ret, size_t max);
void mk_keyring_free(mk_keyring *k);

/* ---- images (node_pull.c) ------------------------------------------------------------------- */

/* Pulls image with the first login that works (none: anonymously). The image, borrowed; NULL with
 * the words of containerd. */
const mk_image *mk_image_pull(struct mk_node *n, const char *reference, const mk_login *logins,
                              size_t n_logins, char **ret_why);
const mk_image *mk_image_find(struct mk_node *n, const char *reference); /* (lock) */
void mk_images_free(struct mk_node *n);

/* ---- containers (node_run.c) ---------------------------------------------------------------- */

typedef struct mk_container {
    struct mk_node *node;
    const char *name;    /* in spec */
    const ir_json *spec; /* of the pod as it was taken */
    bool init;
    int64_t restarts;
    char id[65]; /* of the run at hand or the last one; "" before the first */
    const mk_image *image;
    int net; /* the pod's network */
    char *bundle, *log, *cgroup;
    pthread_t thread;
    bool has_thread;
    int shim;   /* process id, 0: none */
    int report; /* the shim's */
    int out, err_out;
    /* What the thread found. (lock) */
    bool started, ended;
    int exit_code;
    int64_t started_s, ended_s;
    char *why; /* it did not start */
    /* The worker's own (node_container.c). */
    int stage;
    int64_t next_ms, backoff_ms;
    char *pull_why;
} mk_container;

/* Runs it on a thread of its own until it ended. pod: for its config; dir: the pod's folder. */
int ir_must_use mk_container_start(mk_container *c, const ir_json *pod, const char *dir,
                                   imgrel_error *err);
void mk_container_signal(mk_container *c, int sig);
/* After the end: joins, removes bundle and cgroup. */
void mk_container_finish(mk_container *c);
char *mk_container_log_path(const char *pod_dir, const char *name, int64_t run);

/* node_spec.c: writes config.json, hosts and hostname into the bundle. */
int ir_must_use mk_bundle_write(const mk_container *c, const ir_json *pod, const char *dir,
                                imgrel_error *err);
/* node_env.c: the container's environment, "NAME=value" strings. EINVAL, with kubelet's words, when
 * a config map or secret that it needs is not there. Takes the lock. */
int ir_must_use mk_container_env(const mk_container *c, const ir_json *pod, ir_json **ret,
                                 imgrel_error *err);
/* node_volume.c: the pod's volumes as folders of dir/volumes; ENOTFOUND with kubelet's words while
 * one can't be mounted. Takes the lock. */
int ir_must_use mk_volumes_make(struct mk_kube *k, const ir_json *pod, const char *dir,
                                imgrel_error *err);

/* node_shim.c: the process between us and runc; starts it and returns its id, or a code. */
typedef struct mk_shim {
    const char *runc, *root, *bundle, *id, *lower; /* lower: the image's rootfs */
    int out, err_out, report, net;                 /* report: it writes MK_SHIM_* there */
} mk_shim;
int mk_shim_start(const mk_shim *s, imgrel_error *err);
#define MK_SHIM_STARTED 'S'
#define MK_SHIM_FAILED 'F' /* and a line of text */
#define MK_SHIM_ENDED 'E'  /* and an int: the wait status */

/* node_net.c: a network of its own with lo up; its descriptor, or a code. */
int mk_net_new(imgrel_error *err);
/* A connection to 127.0.0.1:port in it, or -1 and errno. */
int mk_net_dial(int net, int port, int *ret_errno);

/* node_clean.c */
bool mk_node_can_run(void);
const char *mk_runc_path(void); /* static, NULL: there is none */
void mk_cgroup_remove(const char *path);
/* Ends and removes what a mock that was killed left in dir. */
void mk_node_clean(const char *dir, const char *cgroup);

/* ---- pods (node_pod.c, node_container.c) ---------------------------------------------------- */

typedef struct mk_pod {
    struct mk_node *node;
    char *ns, *name, *uid, *dir;
    char sandbox[65];
    ir_json *object; /* as it was taken */
    int net;         /* -1: none */
    mk_container *containers;
    size_t n_containers, n_init;
    pthread_t thread;
    bool has_thread, done, dead; /* dead: its containers are being stopped */
    int64_t kill_ms;
    struct mk_pod *next;
} mk_pod;
mk_pod *mk_pod_new(struct mk_node *n, const ir_json *object); /* (lock) */
void *mk_pod_run(void *pod);
void mk_pod_free(mk_pod *p);

enum mk_stage {
    MK_PULL,
    MK_PULL_FAILED,
    MK_PULL_BACKOFF,
    MK_CREATE,
    MK_RUNNING,
    MK_CRASHED,
    MK_HELD,
    MK_DONE
};
/* Takes a container one step further, if it is time. */
void mk_container_step(mk_pod *p, mk_container *c);
bool mk_container_succeeded(const mk_container *c); /* done, with 0 */
void mk_pod_event(mk_pod *p, const mk_container *c, const char *type, const char *reason,
                  const char *fmt, ...) IR_PRINTF(5, 6);
bool mk_restarts(const mk_pod *p, const mk_container *c); /* by restartPolicy */

/* ---- status (node_status.c) ----------------------------------------------------------------- */

/* The pod as it is in the store, a copy to be changed; NULL: it is gone. (lock) */
ir_json *mk_pod_edit(const mk_pod *p);
void mk_pod_save(const mk_pod *p, ir_json *pod); /* if it changed; takes it (lock) */
void mk_pod_condition(const imgrel_mock *m, ir_json *pod, const char *type, bool on,
                      const char *reason, const char *message);
/* What a container is doing, told in the pod; take the lock themselves. */
void mk_tell_waiting(mk_pod *p, mk_container *c, const char *reason, const char *message);
void mk_tell_running(mk_pod *p, mk_container *c);
void mk_tell_terminated(mk_pod *p, mk_container *c);
void mk_tell_begun(mk_pod *p);
/* The pod's end: terminated, grace 0, gone. */
void mk_tell_over(mk_pod *p);

#endif
