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
 *  merged), then ~/.kube/config, then the pod's service account. context NULL: the current one.
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
/** Lists a kind ("pod"), one JSON object per item; selector: label selector or NULL. */
IMGREL_API int imgrel_kube_list(imgrel_kube *k, const char *ns, const char *kind,
                                const char *selector, const imgrel_opts *o, imgrel_iter **out,
                                imgrel_error *err);
/** Runs a pod. spec: JSON {"image", "port": N, "pull_secret", "env": {}, "command": [], "args":
 *  [], "labels": {}}. The same pod is left alone; one with another image or spec is replaced.
 *  ret_json (may be NULL): {"imgrel": ..., "pod": object}; the caller's. Errors also: ECONFLICT
 *  (a pod that is not ours has the name). */
IMGREL_API int imgrel_kube_pod_run(imgrel_kube *k, const char *ns, const char *name,
                                   const char *spec, const imgrel_opts *o, char **ret_json,
                                   imgrel_error *err);
/** Exposes a pod as a service of the same name, as `kubectl expose` does. target_port 0: port. */
IMGREL_API int imgrel_kube_service_expose(imgrel_kube *k, const char *ns, const char *pod,
                                          int32_t port, int32_t target_port, const imgrel_opts *o,
                                          char **ret_json, imgrel_error *err);
/** Waits until `pod/NAME` is ready, or says at once why it cannot become so. ret_json (may be
 *  NULL): the pod; the caller's. Errors also: EFAILED (cause in message, cure beside it),
 *  ENOTFOUND. */
IMGREL_API int imgrel_kube_wait(imgrel_kube *k, const char *ns, const char *object,
                                const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Why a pod does not run: JSON {"state": "ready" | "progressing" | "failed", "cause": short name,
 *  "message": one line, "cure": one line, "final": no change by itself, "evidence": [{"source",
 *  "text"}]}; the caller's. */
IMGREL_API int imgrel_kube_diagnose(imgrel_kube *k, const char *ns, const char *object,
                                    const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Writes a container's log to a descriptor. spec: JSON {"container", "follow": bool, "tail": N,
 *  "since": seconds, "previous": bool, "timestamps": bool}, or NULL. */
IMGREL_API int imgrel_kube_logs(imgrel_kube *k, const char *ns, const char *object,
                                const char *spec, int fd, const imgrel_opts *o, imgrel_error *err);
/** Forwards local ports to `pod/NAME`, `service/NAME` or `deployment/NAME` until the opts' cancel
 *  fires (then 0). ports: "8080:80,0:443" (0: any free port; each is told by an
 *  IMGREL_EVENT_LISTENING). address NULL: 127.0.0.1, which only this machine reaches. A service or
 *  a deployment is followed: who connects gets the pod that is ready just then, and what went to
 *  one that was not reached goes to the next. At most 256 connections at once, others wait; each
 *  holds at most about 1 MiB. What ends one connection (nothing listens on that port...) is told
 *  by an IMGREL_EVENT_WARNING and in the log; while the API server cannot be reached, clients wait
 *  for it, up to 20 s each. Errors also: EIO (port taken), ENOTFOUND (also when the pod that was
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
