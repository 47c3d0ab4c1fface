/* kube.h - the Kubernetes API from the inside: what include/imgrel/kube.h says, with a call. A
 * handle is one context of a configuration. */
#ifndef IR_KUBE_KUBE_H
#define IR_KUBE_KUBE_H

#include "fmt/json.h"
#include "net/http.h"

typedef struct ir_kube ir_kube;
/* kubeconfig: a path; text that begins with "{": settings or a whole kubeconfig; NULL: $KUBECONFIG,
 * ~/.kube/config, in-cluster. */
int ir_must_use ir_kube_new(const ir_call *call, const char *kubeconfig, const char *context,
                            ir_kube **ret, imgrel_error *err);
void ir_kube_free(ir_kube *k);
const char *ir_kube_namespace(const ir_kube *k);
const char *ir_kube_server(const ir_kube *k);

/* One request; path with its query. Status >= 400 is an error read from the Status object (or
 * from text/plain). ret_json may be NULL. */
int ir_must_use ir_kube_request(const ir_call *call, ir_kube *k, const char *method,
                                const char *path, const char *content_type, const char *body,
                                size_t len, ir_json **ret_json, int *ret_status,
                                imgrel_error *err);

/* Kinds: "pod", "service", "secret", "namespace", "serviceaccount", "deployment", "event",
 * "configmap", "node" and their plurals. object is "kind/name". ns NULL: the context's. ret NULL:
 * is it there? */
/* Reads it; ret NULL: only whether it is there. */
int ir_must_use ir_kube_get(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                            ir_json **ret, imgrel_error *err);
int ir_must_use ir_kube_create(const ir_call *call, ir_kube *k, const char *ns,
                               const ir_json *object, ir_json **ret, imgrel_error *err);
/* Manifests as text, JSON or YAML, one or many, lists unpacked: an array in the order in which a
 * cluster wants them. EINVAL with line and column. */
int ir_must_use ir_kube_manifest_read(const char *text, size_t len, ir_json **ret,
                                      imgrel_error *err);
/* The same order for an array at hand, or its reverse, for deleting; NULL: no memory. */
ir_json *ir_kube_manifest_sort(const ir_json *objects, bool backwards);
/* Server-side apply as field manager "imgrel"; IR_FORCE(call) takes fields over. ret may be NULL;
 * ret_change (may be NULL): "created", "changed" or "unchanged". */
int ir_must_use ir_kube_apply(const ir_call *call, ir_kube *k, const char *ns,
                              const ir_json *object, ir_json **ret, const char **ret_change,
                              imgrel_error *err);
/* An array of them, in its order; waits for definitions of kinds. *ret (also after a failure):
 * those that were applied, each with "imgrel": its change. */
int ir_must_use ir_kube_apply_all(const ir_call *call, ir_kube *k, const char *ns,
                                  const ir_json *objects, ir_json **ret, imgrel_error *err);
/* Sends a patch of a content type; dry runs are asked for as the call says. */
int ir_must_use ir_kube_patch(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                              const char *content_type, const ir_json *patch, ir_json **ret,
                              imgrel_error *err);
/* Deletes and waits until it is gone. uid NULL: whatever has the name. */
int ir_must_use ir_kube_delete(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                               const char *uid, imgrel_error *err);
typedef struct ir_kube_removal {
    const char *propagation; /* "Background", "Foreground", "Orphan" */
    const char *uid;         /* NULL: whatever has the name */
    int64_t grace_s;         /* -1: the object's own */
    bool no_wait;
} ir_kube_removal;
int ir_must_use ir_kube_remove(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                               const ir_kube_removal *how, imgrel_error *err);
typedef int ir_kube_item_fn(void *user, const ir_json *item, imgrel_error *err);
int ir_must_use ir_kube_list(const ir_call *call, ir_kube *k, const char *ns, const char *kind,
                             const char *label_selector, const char *field_selector,
                             ir_kube_item_fn *fn, void *user, imgrel_error *err);

/* The same, item by item. */
typedef struct ir_kube_pages ir_kube_pages;
int ir_must_use ir_kube_pages_open(const ir_call *call, ir_kube *k, const char *ns,
                                   const char *kind, const char *label_selector,
                                   const char *field_selector, ir_kube_pages **ret,
                                   imgrel_error *err);
/* 1 with an item (the caller's), 0 at the end, or a code. */
int ir_must_use ir_kube_pages_next(const ir_call *call, ir_kube *k, ir_kube_pages *p,
                                   ir_json **ret, imgrel_error *err);
void ir_kube_pages_free(ir_kube_pages *p);

/* table.c: what the cluster prints of a kind or "kind/name": {"columns": [{"name", "priority"}],
 * "rows": [{"cells": [texts], "name", "namespace"}]}. */
int ir_must_use ir_kube_table(const ir_call *call, ir_kube *k, const char *ns, const char *what,
                              const char *selector, ir_json **ret, imgrel_error *err);
/* [{"name": plural, "short": "a,b", "kind", "version", "namespaced"}] of every kind. */
int ir_must_use ir_kube_kinds_list(const ir_call *call, ir_kube *k, ir_json **ret,
                                   imgrel_error *err);

/* changes.c: a kind, or "kind/name", over time. Begins with what there is, unless version says from
 * where. ns "*": everywhere. */
typedef struct ir_changes_spec {
    const char *selector, *fields, *version; /* NULL: none */
    int64_t stall_s;                         /* silence after which it is begun anew; 0: 90 */
} ir_changes_spec;
typedef struct ir_kube_changes ir_kube_changes;
int ir_must_use ir_kube_changes_open(const ir_call *call, ir_kube *k, const char *ns,
                                    const char *what, const ir_changes_spec *spec,
                                    ir_kube_changes **ret, imgrel_error *err);
/* 1 with {"type": "ADDED" | "MODIFIED" | "DELETED", "object"} (the caller's), or a code. */
int ir_must_use ir_kube_changes_next(const ir_call *call, ir_kube *k, ir_kube_changes *e,
                                    ir_json **ret, imgrel_error *err);
void ir_kube_changes_free(ir_kube_changes *e);

/* labels and annotations: objects put on what is created, NULL: none. `changed` tells created,
 * changed, unchanged as the public words do. */
int ir_must_use ir_kube_namespace_ensure(const ir_call *call, ir_kube *k, const char *name,
                                         const ir_json *labels, const char **ret_change,
                                         ir_json **ret, imgrel_error *err);
int ir_must_use ir_kube_secret_ensure(const ir_call *call, ir_kube *k, const char *ns,
                                      const char *name, const char *registry, const char *user,
                                      const char *password, const ir_json *labels,
                                      const char **ret_change, imgrel_error *err);
/* The login that a docker-registry secret holds for an image ("host/project/app"), of which a key
 * may name a path; a registry alone: of its whole host. ENOTFOUND when it has none. Both are the
 * caller's; wipe the secret. */
int ir_must_use ir_kube_secret_login(const ir_call *call, ir_kube *k, const char *ns,
                                     const char *name, const char *image, char **ret_user,
                                     char **ret_secret, imgrel_error *err);

typedef struct ir_pod_spec {
    const char *name, *image, *pull_secret; /* pull_secret NULL: none */
    int64_t port;                           /* 0: none */
    const ir_json *env, *command, *args, *labels, *annotations, *resources;
    const ir_json *manifest; /* a pod as written, instead of all but image, pull_secret, labels */
    int64_t replicas;        /* of a deployment; 0: not said */
} ir_pod_spec;
ir_json *ir_kube_pod_object(const ir_pod_spec *spec);
/* ret_change: "created", "unchanged" or "replaced". Ours is what carries the label
 * app.kubernetes.io/managed-by=imgrel. */
int ir_must_use ir_kube_pod_run(const ir_call *call, ir_kube *k, const char *ns,
                                const ir_pod_spec *spec, const char **ret_change, ir_json **ret,
                                imgrel_error *err);
ir_json *ir_kube_deployment_object(const ir_pod_spec *spec);
/* By server-side apply: "created", "changed" or "unchanged". */
int ir_must_use ir_kube_deployment_run(const ir_call *call, ir_kube *k, const char *ns,
                                       const ir_pod_spec *spec, const char **ret_change,
                                       ir_json **ret, imgrel_error *err);
/* Adds names (an array of texts, NULL: none) to a service account's imagePullSecrets and takes
 * others away; all else in the list stays. */
int ir_must_use ir_kube_account_secrets(const ir_call *call, ir_kube *k, const char *ns,
                                        const char *account, const ir_json *add,
                                        const ir_json *remove, const char **ret_change,
                                        ir_json **ret, imgrel_error *err);

/* ---- rollout.c, revision.c: deployments, stateful and daemon sets ---------------------------- */

/* Pure: 1 when it is rolled out, 0 not yet, or EFAILED when it gave up; says how it stands. */
int ir_must_use ir_rollout_state(const ir_json *object, char ret_say[200], imgrel_error *err);
/* [{"revision", "current", "name", "images", "cause"}], oldest first. */
int ir_must_use ir_kube_rollout_history(const ir_call *call, ir_kube *k, const char *ns,
                                        const char *object, ir_json **ret, imgrel_error *err);
/* Back to a revision (0: the one before the current). ret_change: "changed" or "unchanged". */
int ir_must_use ir_kube_rollout_undo(const ir_call *call, ir_kube *k, const char *ns,
                                     const char *object, int64_t revision, const char **ret_change,
                                     ir_json **ret, imgrel_error *err);
/* New pods of the same template. */
int ir_must_use ir_kube_rollout_restart(const ir_call *call, ir_kube *k, const char *ns,
                                        const char *object, ir_json **ret, imgrel_error *err);

ir_json *ir_kube_service_object(const char *name, const ir_json *selector, int64_t port,
                                int64_t target_port, const ir_json *labels);
int ir_must_use ir_kube_service_ensure(const ir_call *call, ir_kube *k, const char *ns,
                                       const ir_json *service, const char **ret_change,
                                       ir_json **ret, imgrel_error *err);
/* As `kubectl expose`. object: a pod, deployment, service, or what else selects pods. name NULL:
 * the object's; type NULL: ClusterIP; ports: array of {"port", "target_port" (number or name),
 * "protocol", "name", "node_port"}, NULL: what its containers name. */
typedef struct ir_expose_spec {
    const char *name, *type;
    const ir_json *ports, *labels;
} ir_expose_spec;
int ir_must_use ir_kube_service_expose(const ir_call *call, ir_kube *k, const char *ns,
                                       const char *object, const ir_expose_spec *spec,
                                       const char **ret_change, ir_json **ret, imgrel_error *err);

/* What is wrong with an object, and what to do. Strings are owned, but for state and cause. */
typedef struct ir_diagnosis {
    const char *state; /* "ready", "progressing", "failed"; static */
    const char *cause; /* short name, "pull-unauthorized"; static; "" when ready */
    char *object;      /* where it hurts, "pod/web-x2k4": may be another than was asked about */
    char *message, *cure;
    bool final;        /* it cannot become ready without a change */
    int patience_s;    /* how long a waiter lets this cause stand; -1: until its deadline */
    ir_json *evidence; /* array of {"source", "text"} */
    ir_json *words;    /* what is known by name: image, host, platform (the node's), user... */
    char *who;         /* "container web: ", in front of the message */
    char *secret;      /* of the login of `user` for the image; NULL: not known. Wiped */
} ir_diagnosis;
void ir_diagnosis_free(ir_diagnosis *d);
/* "" when it is not known. */
const char *ir_diagnosis_word(const ir_diagnosis *d, const char *key);
/* Changes the diagnosis to another cause of the table (rules.c) that was found by asking further;
 * a final one is certain then: nobody waits for it. detail NULL: none. */
int ir_must_use ir_diagnosis_say(ir_diagnosis *d, const char *cause, const char *detail,
                                 imgrel_error *err);
int ir_must_use ir_diagnosis_see(ir_diagnosis *d, const char *source, const char *text,
                                 imgrel_error *err);
/* Asks others than the cluster about a cause, and may change it. */
typedef int ir_explain_fn(const ir_call *call, ir_diagnosis *d, imgrel_error *err);
/* object: a pod, what makes pods, a service, a node or a namespace. explain may be NULL. */
int ir_must_use ir_kube_diagnose(const ir_call *call, ir_kube *k, const char *ns,
                                 const char *object, ir_explain_fn *explain, ir_diagnosis *ret,
                                 imgrel_error *err);
/* Pure: from a pod and its events (an array; NULL: none). */
int ir_must_use ir_diagnose(const ir_json *pod, const ir_json *events, ir_diagnosis *ret,
                            imgrel_error *err);
/* Until it is ready: watch, resumed; EFAILED with cause and cure when it cannot become so. ret may
 * be NULL: the object as it is then. */
int ir_must_use ir_kube_wait_ready(const ir_call *call, ir_kube *k, const char *ns,
                                   const char *object, ir_explain_fn *explain, ir_json **ret,
                                   imgrel_error *err);
/* rollout.c: until it is rolled out; EFAILED with cause and cure when its pods cannot run. */
int ir_must_use ir_kube_rollout_wait(const ir_call *call, ir_kube *k, const char *ns,
                                     const char *object, ir_explain_fn *explain, ir_json **ret,
                                     imgrel_error *err);

typedef struct ir_log_spec {
    const char *container;
    bool follow, previous, timestamps;
    int64_t tail, since_s; /* -1: not said */
    /* of many: pods by labels (no object), all containers of each, names before the lines */
    const char *selector;
    bool all_containers, prefix;
} ir_log_spec;
int ir_must_use ir_kube_logs(const ir_call *call, ir_kube *k, const char *ns, const char *pod,
                             const ir_log_spec *spec, int fd, imgrel_error *err);

/* Of a pod, of every pod that an object (a deployment, a service) or spec->selector selects. */
int ir_must_use ir_kube_logs_many(const ir_call *call, ir_kube *k, const char *ns,
                                  const char *object, const ir_log_spec *spec, int fd,
                                  imgrel_error *err);

/* SPDY in WebSocket first, v4.channel.k8s.io as the fallback. object: pod/X or service/X. */
typedef struct ir_forward_conn ir_forward_conn;
int ir_must_use ir_kube_dial(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                             int port, ir_forward_conn **ret, imgrel_error *err);
int64_t ir_must_use ir_forward_read(const ir_call *call, ir_forward_conn *c, void *buf, size_t len,
                                    imgrel_error *err);
int ir_must_use ir_forward_write(const ir_call *call, ir_forward_conn *c, const void *p, size_t len,
                                 imgrel_error *err);
int ir_must_use ir_forward_shutdown(const ir_call *call, ir_forward_conn *c, imgrel_error *err);
void ir_forward_close(ir_forward_conn *c);
/* The pod that an object (pod/X, service/X, deployment/X) stands for, and the port in it. port 0:
 * do not care. ret_pod is the caller's. */
int ir_must_use ir_kube_target(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                               int port, char **ret_pod, int *ret_port, imgrel_error *err);
/* The same with what a follower wants to know; both strings are the caller's. */
typedef struct ir_target {
    char *pod, *uid; /* uid NULL: named by the caller, not looked up */
    int port;
    bool ready;
} ir_target;
int ir_must_use ir_kube_target_find(const ir_call *call, ir_kube *k, const char *ns,
                                    const char *object, int port, ir_target *ret,
                                    imgrel_error *err);
void ir_target_clear(ir_target *t);
/* Listens and forwards until the call ends (cancelled: 0), or until a pod that was named itself is
 * gone (ENOTFOUND). Another object is followed: to the pod that stands behind it just then. */
int ir_must_use ir_kube_forward(const ir_call *call, ir_kube *k, const char *ns,
                                const char *object, const char *ports, const char *address,
                                imgrel_error *err);
/* GET http://localhost/ through one dialled connection: for the page step. The reply's status and
 * body (capped); no redirects. */
int ir_must_use ir_kube_page(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                             int port, const char *path, int *ret_status, ir_buf *ret_body,
                             imgrel_error *err);

#endif
