/* mock.h - libimgrel-mock: a registry, Harbor, Kubernetes and a node in one process, for tests.
 *
 * A library of its own (-limgrel-mock). It stands before a real registry as Harbor does, or keeps
 * blobs itself, enforces project privacy and robot rights, speaks TLS with its own CA on demand,
 * and its node pulls with the pull secret and runs containers where it is root and has runc. It
 * runs threads between start and stop. It is a mock: what it does not model it answers with 501
 * and says so. */
#ifndef IMGREL_MOCK_H
#define IMGREL_MOCK_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imgrel_mock imgrel_mock;

/** Starts one. config: a JSON object, NULL for all defaults; keys, all optional:
 *  - "address" (IPv4, "127.0.0.1"), "port" of Harbor and the registry, "kube_port" (0: any free),
 *    "tls" (bool: both ports, certificates by a CA of its own), "external_url" (what Harbor says of
 *    itself; its scheme is that of token realms and Locations)
 *  - "registry": URL of a registry that stands behind it and asks for no login; without one, blobs
 *    are kept in "registry_dir" (default: in a temporary folder)
 *  - "state": a file (0600) that keeps projects, robots, artifacts and objects over a restart
 *  - "version" of Harbor: "2.10", "2.12" or "2.15" (default); "admin_password" ("Harbor12345");
 *    "users": [{"name", "password", "admin": bool}]; "robot_name_prefix" ("robot$");
 *    "login_freeze_ms": how long a failed login sleeps and freezes its name (1500, as in Harbor);
 *    "auth_mode": "oidc_auth" makes users' passwords their CLI secrets ("db_auth"); "scanner":
 *    false for a Harbor without one; "job_ms": how long a scan, a replication, a collection takes
 *    by the mock's clock (300)
 *  - "referrers": false for a registry that lists none (404); "chunk_min": bytes that it asks every
 *    piece of an upload to have at least (OCI-Chunk-Min-Length)
 *  - "control": true lets anybody steer it by POST /_mock/control with a command of
 *    imgrel_mock_control as its body: for a mock that is a process of its own
 *  - "hosts": {"core.harbor.domain": "127.0.0.1:8080"}: how the node resolves names; they are
 *    in the certificate too
 *  - "node": "run" (default as root with runc and overlayfs: containers run), "pull" (the image is
 *    pulled and verified, then the container waits with reason "Pulled"), "off" (no node);
 *    "node_dir": where it keeps images and containers while it runs (default: beside the state
 *    file, or a temporary folder); "backoff_ms": the first pause after a failed pull or a crash
 *    (1000; doubled up to 30 times that)
 *  - "kube_version" that it is like ("1.34"; from "1.35" on port-forward's WebSockets need the
 *    verb create); "kube_users": [{"name", "token", "rules": [{"verbs", "resources",
 *    "namespaces"}]}] (no rules: everything; "*" is all); "kube_history": changes that watches can
 *    start from (1000); "sa_delay_ms": until a new namespace has its default service account,
 *    before which pods are refused (200; -1: never). Without TLS everybody is the admin, as
 *    clients send tokens over https only
 *  - "gitlab": {"token" ("glpat-mock"), "project" ("group/app"), "job_ms" (300), "pipeline_ms" (50,
 *    from a tag to its pipeline)}: one project of a GitLab, below /api/v4 of Harbor's port; made
 *    from what its documents say, compared with no real one, and not kept over a restart
 *  The calls that it does not model answer 501 and say so. Serves from its return until stop.
 *  Errors: EINVAL (the configuration, a state file of something else), EIO (a port in use, a file),
 *  EPROTO (a state file that is no JSON), ENOMEM. Any thread; several mocks may run at once. */
IMGREL_API int imgrel_mock_start(const char *config, imgrel_mock **out, imgrel_error *err);
/** An address or file: "url" (Harbor and registry), "host" (its host:port), "kube_url",
 *  "kubeconfig" (path of a file that is removed at stop), "ca_file" (NULL without TLS),
 *  "admin_password", "version". NULL for any other word. Lives with the handle; any thread. */
IMGREL_API const char *imgrel_mock_get(const imgrel_mock *m, const char *what);
/** Steers it while it runs. command: a JSON object with one of
 *  - "fault": {"route": "GET /v2/", ...}: the next requests of that method (none: any) whose
 *    decoded path begins so (with a star in it: fits so) go wrong: "status" (with "header": {},
 *    "body") instead of the true reply, "header" alone added to it, "delay_ms" before it, "reset":
 *    true for a connection that breaks without one, "after": N for one that breaks after N bytes
 *    of the reply, or of the request's body if that comes first; "stall": true for silence instead
 *    of the break, until the client goes. "skip": N let pass before,
 *    "count": N times (default: until cleared). The first fault that fits acts.
 *  - "faults": "clear"
 *  - "scan": {"repository": a pattern (none: all), "severity": "High" or "vulnerabilities":
 *    [{"id", "package", "version", "fix_version", "severity"}], "status": "Error"}: what scans
 *    find from now on; the last that fits counts
 *  - "gitlab": {"project": {members}, "runner": {"description", "status": "online" | "offline",
 *    "paused"}, "job": {"name", "result": "failed", "failure_reason", "log"}: what jobs of that
 *    name do, "scope" of the token, "forbidden": bool, "moved_to": a path, "no_raw": bool,
 *    "page_max", "pipeline_ms"}; of these what is said
 *  - "clock": seconds to add to the mock's time (tokens and robots expire by it)
 *  - "log": true: the requests so far, oldest first, at most 20,000: [{"method", "path" and "query"
 *    as sent, "status" (0: cut off), "user" of Basic, "headers", "port", "time_ms", "bytes_in",
 *    "bytes_out"}], without any secret; "log": "clear"
 *  - "state": true: all that it keeps; "state": {...}: takes such a document instead
 *  ret_json (may be NULL): the answer of "log" and "state", else NULL; the caller's
 *  (imgrel_mock_free_string). Errors: EINVAL, EPROTO (no JSON), ENOMEM. Any thread. */
IMGREL_API int imgrel_mock_control(imgrel_mock *m, const char *command, char **ret_json,
                                   imgrel_error *err);
/** Frees what imgrel_mock_control gave. NULL is fine. */
IMGREL_API void imgrel_mock_free_string(char *s);
/** Asks a Harbor, the mock's or a real one, what the mock's own tests ask of the mock, over HTTP,
 *  with two projects, some robots, labels and users of a random name that are removed at the end,
 *  whatever happens. spec: a JSON object with "url", "user" and "password" of a user (an
 *  administrator sees all of it); "ca_file", "insecure": true for https; "only": checks whose name
 *  holds that; "login_freeze_ms" (1500). What a server of that version was seen to do and does not
 *  is a failure; what may be otherwise, or was never seen on that version, is a difference.
 *  ret_json: {"url", "version", "admin", "passed", "failed", "differing", "skipped", "checks":
 *  [{"check", "fact", "result": "pass", "fail", "differs" or "skip", "detail"}]}; the caller's
 *  (imgrel_mock_free_string). Blocks for half a minute and more; cancel (may be NULL) ends it after
 *  what was made is removed. Errors: EINVAL (spec), ENET, EAUTH (the login), EPROTO (no Harbor),
 *  ECANCELED, ENOMEM; a check that fails is none. Any thread. */
IMGREL_API int imgrel_mock_conformance(const char *spec, const imgrel_cancel *cancel,
                                       char **ret_json, imgrel_error *err);
/** Stops it: open connections break, a last state is saved, containers end, temporary files go,
 *  and no thread of it is left. Blocks for that long. Not while another call on m runs.
 *  NULL is fine. */
IMGREL_API void imgrel_mock_stop(imgrel_mock *m);

#ifdef __cplusplus
}
#endif
#endif
