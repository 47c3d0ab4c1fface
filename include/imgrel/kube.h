/* kube.h - Kubernetes, as far as a release needs it: from a pull secret to a page.
 *
 * A handle is one context of a kubeconfig. Objects are JSON (or YAML where it says so) as the API
 * has them. Every call may block, can be cancelled by its opts, and a handle belongs to one thread
 * at a time. namespace NULL means the context's. Beside what they list all can give: EINVAL,
 * ENET, ETIMEOUT, ECANCELED, EAUTH (401), EDENIED (403), EPROTO, ELIMIT, EFAILED (5xx), ENOMEM,
 * EFORKED; imgrel_error.reason is the Status' reason. */
#ifndef IMGREL_KUBE_H
#define IMGREL_KUBE_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imgrel_kube imgrel_kube;

/** Reads the configuration: kubeconfig is a path, or NULL for $KUBECONFIG (several files are
 *  merged), then ~/.kube/config, then the pod's service account. Text that begins with "{" is no
 *  path but the settings themselves, by the names that a kubeconfig gives to what a cluster, a user
 *  and a context have: {"server": URL, "certificate-authority-data": PEM or base64, "token",
 *  "tokenFile", "username", "password", "client-certificate-data", "client-key-data", "exec", "as",
 *  "namespace", ...}. context NULL: the current one.
 *  Errors: EINVAL (file, entry and line), ENOTFOUND (no configuration), EIO, ENOMEM. */
IMGREL_API int imgrel_kube_new(imgrel_client *c, const char *kubeconfig, const char *context,
                               imgrel_kube **out, imgrel_error *err);
/** Frees it. NULL is fine. */
IMGREL_API void imgrel_kube_free(imgrel_kube *k);
/** The context's namespace ("default" if it has none) and server URL; live with the handle. */
IMGREL_API const char *imgrel_kube_namespace(const imgrel_kube *k);
IMGREL_API const char *imgrel_kube_server(const imgrel_kube *k);

/** Sees to it that a namespace and its default service account exist. ret_json (may be NULL): the
 *  object with "imgrel": "created" | "unchanged"; the caller's. */
IMGREL_API int imgrel_kube_namespace_ensure(imgrel_kube *k, const char *name, const imgrel_opts *o,
                                            char **ret_json, imgrel_error *err);
/** Sees to it that a docker-registry secret holds this login, other registries in it untouched.
 *  ret_json (may be NULL): {"imgrel": "created" | "changed" | "unchanged"}; the caller's. Errors
 *  also: ECONFLICT (a secret of another type has the name). */
IMGREL_API int imgrel_kube_secret_ensure(imgrel_kube *k, const char *ns, const char *name,
                                         const char *registry, const char *user,
                                         const char *password, const imgrel_opts *o,
                                         char **ret_json, imgrel_error *err);
/** Server-side apply of manifests, JSON or YAML, as field manager "imgrel" (FORCE: take fields
 *  over). Several documents and lists are applied in the order that a cluster wants, definitions of
 *  kinds waited for; the first failure ends it. ret_json (may be NULL): the object, or an array of
 *  them, each with "imgrel": "created" | "changed" | "unchanged"; the caller's. Errors also:
 *  ECONFLICT (the fields and who has them), EINVAL (422, the fields), EUNSUPPORTED (the cluster has
 *  no such kind). */
IMGREL_API int imgrel_kube_apply(imgrel_kube *k, const char *manifest, size_t len,
                                 const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Reads `kind/name` ("pod/app", "service/app", "deployment/app", "namespace/x"...). */
IMGREL_API int imgrel_kube_get(imgrel_kube *k, const char *ns, const char *object,
                               const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Deletes `kind/name` and waits until it is gone. Errors also: ENOTFOUND. */
IMGREL_API int imgrel_kube_delete(imgrel_kube *k, const char *ns, const char *object,
                                  const imgrel_opts *o, imgrel_error *err);
/** Lists a kind ("pod"; any that the cluster has, "certificates.cert-manager.io"), one JSON object
 *  per item; selector: label selector or NULL. ns "*": every namespace. */
IMGREL_API int imgrel_kube_list(imgrel_kube *k, const char *ns, const char *kind,
                                const char *selector, const imgrel_opts *o, imgrel_iter **out,
                                imgrel_error *err);
/** Watches a kind, or one `kind/name`: an endless list of JSON {"type": "ADDED" | "MODIFIED" |
 *  "DELETED", "object"}, beginning with what there is. Ends, breaks, silence and "too old" are
 *  overcome without an event lost or told twice; a DELETED that went unseen meanwhile has only the
 *  object's name. spec: JSON {"selector", "field_selector", "resource_version": begin after it,
 *  "stall_seconds": silence after which all is read anew (90)}, or NULL. ns "*": every namespace.
 *  Errors of the iterator also: ELIMIT (over 200,000 objects). */
IMGREL_API int imgrel_kube_watch(imgrel_kube *k, const char *ns, const char *what,
                                 const char *spec, const imgrel_opts *o, imgrel_iter **out,
                                 imgrel_error *err);
/** Does something with an object; json says how (NULL: nothing to say), strictly read. Actions:
 *  "apply" and "create", without an object: {"manifest": text, object or array};
 *  "delete": {"propagation": "background", "foreground" or "orphan", "grace_seconds": N, "wait":
 *  true}, or without an object also {"manifest"}, deleted last first;
 *  "patch": {"patch": object or array, "type": "merge", "strategic" or "json"};
 *  "pull_secrets" of serviceaccount/NAME, others kept: {"add": [names], "remove": [names]};
 *  "run" of pod/NAME or deployment/NAME: as imgrel_kube_pod_run, and "replicas": N;
 *  "expose" of pod/NAME, deployment/NAME...: {"name", "type", "labels", "ports": [{"port",
 *  "target_port": number or name, "protocol", "name", "node_port"}]};
 *  "wait" until a deployment, statefulset or daemonset is rolled out; "history" of one; "undo":
 *  {"revision": N}, else the one before; "restart"; "scale": {"replicas": N};
 *  "image" of one, or of a pod: {"image", "container": name, else the only one};
 *  "table" of a kind or kind/name: {"selector"}, columns and rows as the cluster prints them;
 *  "kinds", without an object: every kind that the cluster has.
 *  ret_json (may be NULL): the object or array that comes of it, with "imgrel": "created",
 *  "changed", "replaced", "unchanged" or "deleted" where something was done; the caller's. Errors
 *  also: ENOTFOUND, ECONFLICT, ESTATE (a paused deployment), EFAILED (a rollout that cannot be,
 *  with cause and cure), EUNSUPPORTED. */
IMGREL_API int imgrel_kube_do(imgrel_kube *k, const char *ns, const char *object,
                              const char *action, const char *json, const imgrel_opts *o,
                              char **ret_json, imgrel_error *err);
/** Runs a pod. spec: JSON {"image", "port": N, "pull_secret", "env": {}, "command": [], "args":
 *  [], "labels": {}, "annotations": {}, "resources": {}}, or {"manifest": a pod as written,
 *  "image", "pull_secret", "labels"}. The same pod is left alone; one with another image or spec is
 *  replaced.
 *  ret_json (may be NULL): {"imgrel": ..., "pod": object}; the caller's. Errors also: ECONFLICT
 *  (a pod that is not ours has the name). */
IMGREL_API int imgrel_kube_pod_run(imgrel_kube *k, const char *ns, const char *name,
                                   const char *spec, const imgrel_opts *o, char **ret_json,
                                   imgrel_error *err);
/** Exposes a pod as a service of the same name, as `kubectl expose` does. pod may be any
 *  `kind/name` that selects pods. port 0: the ports of its containers; target_port 0: port. */
IMGREL_API int imgrel_kube_service_expose(imgrel_kube *k, const char *ns, const char *pod,
                                          int32_t port, int32_t target_port, const imgrel_opts *o,
                                          char **ret_json, imgrel_error *err);
/** Waits until `kind/name` is ready: a pod, what makes pods (a deployment...), a service, a
 *  node. It ends at once when it is certain that it cannot become so, and lets what may pass by
 *  itself stand for a while. Registry and Harbor are asked as by imgrel_kube_diagnose. ret_json
 *  (may be NULL): the object; the caller's. Errors also: EFAILED (message, cure, and in reason
 *  the cause's name), ENOTFOUND, ETIMEOUT (with what it was waiting for). */
IMGREL_API int imgrel_kube_wait(imgrel_kube *k, const char *ns, const char *object,
                                const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Why `kind/name` does not run: a pod, deployment, replicaset, statefulset, daemonset, job,
 *  service, node or namespace. JSON {"object": where it hurts, "pod/web-x", "state": "ready" |
 *  "progressing" | "failed", "cause": short name, "message": one line, "cure": one line,
 *  "final": no change by itself, "evidence": [{"source", "text"}]}, without secrets; the
 *  caller's. Of a pull that fails the registry is asked with the pod's own login (read from its
 *  pull secret), and Harbor with the login that is stored for its host; of a service, a
 *  connection into a pod is opened and closed. Errors also: ENOTFOUND, EINVAL (a kind that does
 *  not become ready). */
IMGREL_API int imgrel_kube_diagnose(imgrel_kube *k, const char *ns, const char *object,
                                    const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Writes a container's log to a descriptor. spec: JSON {"container", "follow": bool, "tail": N,
 *  "since": seconds, "previous": bool, "timestamps": bool, "all_containers": bool, "prefix": bool,
 *  "selector"}, or NULL. An object that selects pods (deployment/NAME), or a selector instead of an
 *  object, gives the logs of every pod, lines whole, with prefix "[pod/NAME/CONTAINER] " before
 *  each; at most 50 are followed at once. Of several, one that cannot be read is told in the log
 *  and does not end the others. */
IMGREL_API int imgrel_kube_logs(imgrel_kube *k, const char *ns, const char *object,
                                const char *spec, int fd, const imgrel_opts *o, imgrel_error *err);
/** Forwards local ports to `pod/NAME`, `service/NAME` or `deployment/NAME` until the opts' cancel
 *  fires (then 0). ports: "8080:80,0:443" (0: any free port; each is told by an
 *  IMGREL_EVENT_LISTENING). address NULL: 127.0.0.1, which only this machine reaches. A service or
 *  a deployment is followed: who connects gets the pod that is ready just then, and what went to
 *  one that was not reached goes to the next. At most 512 connections at once, others wait; each
 *  holds at most about 1 MiB. What ends one connection (nothing listens on that port...) is told
 *  by an IMGREL_EVENT_WARNING and in the log; while the API server cannot be reached, clients wait
 *  for it, up to 30 s each. Errors also: EIO (port taken), ENOTFOUND (also when the pod that was
 *  named itself is gone, at the next connection). */
IMGREL_API int imgrel_kube_forward(imgrel_kube *k, const char *ns, const char *object,
                                   const char *ports, const char *address, const imgrel_opts *o,
                                   imgrel_error *err);

/** One connection into a pod, without a local listener; one thread at a time. */
typedef struct imgrel_conn imgrel_conn;
/** Dials a port of a pod or service. The opts' timeout is for the dialling; their cancel also ends
 *  reads and writes, and must outlive the connection. Errors also: ENOTFOUND. What the pod says to
 *  the dialling (nothing listens: ENET) comes with the first read. */
IMGREL_API int imgrel_kube_dial(imgrel_kube *k, const char *ns, const char *object, int32_t port,
                                const imgrel_opts *o, imgrel_conn **out, imgrel_error *err);
/** Reads up to len bytes: their number, 0 at the end, or a negative code. */
IMGREL_API int64_t imgrel_conn_read(imgrel_conn *n, void *buf, size_t len, imgrel_error *err);
/** Writes len bytes; returns len or a negative code. */
IMGREL_API int64_t imgrel_conn_write(imgrel_conn *n, const void *buf, size_t len,
                                     imgrel_error *err);
/** Ends our side where the protocol can (half-close), else EUNSUPPORTED. */
IMGREL_API int imgrel_conn_shutdown(imgrel_conn *n, imgrel_error *err);
/** Closes and frees it. NULL is fine. */
IMGREL_API void imgrel_conn_free(imgrel_conn *n);

/** Sends any request to the API server. path: "/api/v1/..." with its query; content_type NULL:
 *  application/json. ret_json (may be NULL): the body, the caller's; one that is not JSON comes as
 *  a JSON string. ret_status may be NULL. A status of 400 or more is an error. */
IMGREL_API int imgrel_kube_request(imgrel_kube *k, const char *method, const char *path,
                                   const char *content_type, const char *body, size_t len,
                                   const imgrel_opts *o, char **ret_json, int *ret_status,
                                   imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
