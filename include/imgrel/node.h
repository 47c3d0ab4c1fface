/* node.h - one registry object, and everything that must agree about it: what builders, nodes,
 * charts and clusters are told of a registry is made from one spec.
 *
 * A registry spec is JSON; only "host" must be there:
 * - "host": as image names begin, "harbor.lan:5000": where nodes pull. "url": how it is reached,
 *   "http://10.0.0.5:8080"; absent: https and the host. "push_host", "push_url": the same for
 *   builders, where they know it by another name.
 * - "ca" (PEM) or "ca_file": the authority that signed its certificate. "insecure": true: the
 *   certificate is not checked. "address": the host's, for hosts files. "mirrors": URLs that nodes
 *   ask first.
 * - "user", "password": who pulls; "push_user", "push_password": who pushes.
 * - "name", "namespace": of objects in Kubernetes.
 * - Of a node: "runtime": "containerd" (default), "containers" (podman, CRI-O, skopeo), "docker" or
 *   "k3s"; "root": a folder before all usual paths; "dir", "config", "hosts_file": other paths than
 *   the usual ones; "containerd": its version, "1.6", where the program cannot be asked;
 *   "set_config_path": true: containerd's config.toml may be changed so that it reads "dir";
 *   "remove": true: the registry is taken out.
 * - Of the documents: "names" (repository:tag, of buildkit-output), "ports" ("8080:80"), "workers"
 *   (kind), "image" (with imgrel in it; daemonset, job), "every" (daemonset, "10m"), "completions",
 *   "parallelism", "args" (of imgrel sync), "registry_secret" (job), "admin_secret", "tls_secret"
 *   (harbor), "gitlab_url", "runner_token" or "runner_secret" (gitlab-runner). */
#ifndef IMGREL_NODE_H
#define IMGREL_NODE_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Renders one document of a registry spec. Nothing is sent or written; "ca_file" is read. what:
 *  "docker-config", "secret" (Kubernetes), "gitlab-variables", "buildkitd.toml", "buildkit-output",
 *  "hosts.toml", "ca", "hosts" (a line of a hosts file), "registries.conf", "k3s", "daemon.json",
 *  "harbor" and "gitlab-runner" (values of those charts), "kind" (a cluster's configuration),
 *  "daemonset" (sees to every node), "job" (an indexed Job: each pod copies its share). *ret_text
 *  is the caller's and may hold logins: wipe it. Errors: EINVAL (what, or the spec: the member),
 *  EIO and ENOTFOUND (ca_file), ENOMEM. Any thread. */
IMGREL_API int imgrel_node_render(const char *what, const char *spec, char **ret_text,
                                  imgrel_error *err);
/** Tells this node's runtime of a registry: its files are written, merged or, with "remove", taken
 *  back; each appears whole or not at all, mode 0644 (0600 with a login in it). What others wrote
 *  stays, and what is right already is not touched. IMGREL_FLAG_DRY_RUN changes nothing. *ret_json:
 *  {"host", "result": "changed" | "unchanged" | "would", "files": [{"path", "state": "created" |
 *  "changed" | "unchanged" | "removed", "diff"}], "notes": [{"message", "cure"}]}; a note is what
 *  the files alone do not do: a restart, a config_path that is not set. May run `containerd
 *  --version`. Errors: EINVAL (the spec, a file that is there and wrong), EUNSUPPORTED, EIO,
 *  EDENIED, ECANCELED, ETIMEOUT, ENOMEM. May block. */
IMGREL_API int imgrel_node_trust(imgrel_client *c, const char *spec, const imgrel_opts *o,
                                 char **ret_json, imgrel_error *err);
/** Says why this node would not pull from a registry: the runtime's files in the order in which it
 *  reads them, then each address in them, as the node would ask it. *ret_json: {"host", "healthy",
 *  "checks": [{"check", "state": "ok" | "warn" | "fail" | "skip", "detail", "cure"}]}. Changes
 *  nothing; a node that is not healthy is no failure of the call. Errors: as above. May block. */
IMGREL_API int imgrel_node_doctor(imgrel_client *c, const char *spec, const imgrel_opts *o,
                                  char **ret_json, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
