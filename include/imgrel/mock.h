/* mock.h - libimgrel-mock: a registry, Harbor, Kubernetes and a node in one process, for tests.
 *
 * A library of its own (-limgrel-mock). It stands before a real registry as Harbor does, or keeps
 * blobs itself, enforces project privacy and robot rights, speaks TLS with its own CA on demand,
 * and its node pulls with the pull secret and runs containers where it is root and has runc. It
 * runs threads between start and stop. It is a mock: what it does not model it answers with 501
 * and says so. */
#ifndef IMGREL_MOCK_H
#define IMGREL_MOCK_H

#include <imgrel/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imgrel_mock imgrel_mock;

/** Starts one. config: JSON, NULL for all defaults: {"address": "127.0.0.1", "port": 0,
 *  "kube_port": 0, "tls": bool, "registry": URL of a registry behind it, "registry_dir": where
 *  blobs are kept otherwise (default: a temporary folder), "state": FILE that keeps projects,
 *  robots and objects over a restart, "version": "2.15", "admin_password", "external_url",
 *  "users": [{"name","password"}], "hosts": {"core.harbor.domain": "127.0.0.1:8080"}
 *  (how the node resolves names), "node": "run" | "pull" | "off"}. Errors: EINVAL, EIO, ENOMEM. */
IMGREL_API int imgrel_mock_start(const char *config, imgrel_mock **out, imgrel_error *err);
/** An address or file: "url" (Harbor and registry), "host" (its host:port), "kube_url",
 *  "kubeconfig" (path of a file that is removed at stop), "ca_file" (NULL without TLS),
 *  "admin_password". Lives with the handle. */
IMGREL_API const char *imgrel_mock_get(const imgrel_mock *m, const char *what);
/** Steers it while it runs. command: JSON, one of {"fault": {"route": "GET /v2/", "status": 503,
 *  "header": {}, "body": "", "delay_ms", "reset": bool, "after": bytes, "count": N}},
 *  {"faults": "clear"}, {"clock": seconds to add}, {"log": true} (ret_json: the requests so far),
 *  {"log": "clear"}, {"state": true} (ret_json: everything), {"state": {...}} (load).
 *  ret_json may be NULL; the caller's (imgrel_mock_free_string). Any thread. */
IMGREL_API int imgrel_mock_control(imgrel_mock *m, const char *command, char **ret_json,
                                   imgrel_error *err);
/** Frees what imgrel_mock_control gave. NULL is fine. */
IMGREL_API void imgrel_mock_free_string(char *s);
/** Stops it, ends its containers and removes its temporary files. NULL is fine. */
IMGREL_API void imgrel_mock_stop(imgrel_mock *m);

#ifdef __cplusplus
}
#endif
#endif
