/* harbor.h - Harbor projects and robot accounts (Harbor API v2.0).
 *
 * A handle holds one Harbor's URL and login. JSON goes in and comes out as Harbor speaks it; what
 * has no function of its own is reached through imgrel_harbor_request(). Every call may block,
 * can be cancelled by its opts, and a handle belongs to one thread at a time. Beside what they
 * list all can give: ENET, ETIMEOUT, ECANCELED, EAUTH (wrong login), EDENIED (no right), EPROTO
 * (not Harbor), ELIMIT, EFAILED (Harbor answers 5xx), ENOMEM, EFORKED. */
#ifndef IMGREL_HARBOR_H
#define IMGREL_HARBOR_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imgrel_harbor imgrel_harbor;

/** Makes a handle; nothing is sent yet. url: "https://harbor.lan" with or without /api/v2.0. user
 *  NULL: anonymous. The password is copied and wiped on free. Errors: EINVAL, ENOMEM. */
IMGREL_API int imgrel_harbor_new(imgrel_client *c, const char *url, const char *user,
                                 const char *password, imgrel_harbor **out, imgrel_error *err);
/** Frees it. NULL is fine. */
IMGREL_API void imgrel_harbor_free(imgrel_harbor *h);

/** Proves the login (GET /users/current; 412 is a robot's yes) and reads the version. ret_json
 *  (may be NULL): {"version","user","robot":bool,"admin":bool}, the caller's. */
IMGREL_API int imgrel_harbor_check(imgrel_harbor *h, const imgrel_opts *o, char **ret_json,
                                   imgrel_error *err);

/** Sees to it that a project exists and is private or public as said. is_private: 1 private,
 *  0 public, -1 leave (new ones are private). ret_json (may be NULL): the project, with
 *  "imgrel": "created" | "changed" | "unchanged"; the caller's. Errors also: EINVAL (name). */
IMGREL_API int imgrel_harbor_project_ensure(imgrel_harbor *h, const char *name, int is_private,
                                            const imgrel_opts *o, char **ret_json,
                                            imgrel_error *err);
/** Reads a project. The caller's (imgrel_free). Errors also: ENOTFOUND. */
IMGREL_API int imgrel_harbor_project_get(imgrel_harbor *h, const char *name, const imgrel_opts *o,
                                         char **ret_json, imgrel_error *err);
/** Deletes a project; with_repositories 1: what is in it first. Errors also: ENOTFOUND,
 *  ECONFLICT (it has repositories). */
IMGREL_API int imgrel_harbor_project_delete(imgrel_harbor *h, const char *name,
                                            int with_repositories, const imgrel_opts *o,
                                            imgrel_error *err);

/** A robot account; wiped on free. */
typedef struct imgrel_robot imgrel_robot;

/** Sees to it that a robot exists with exactly these rights. project NULL: a system robot. name:
 *  without prefix and project. spec: JSON, all members optional but the rights of a new robot:
 *  - "role": "pull", "push" (no delete), "ci" (push, tag, scan, read results) or "scan-reader"; or
 *    "access": [{"resource", "action"}]; both are for the project, and of a system robot for each
 *    of "projects": ["a", "b"], ["*"]; or "permissions": [{"kind", "namespace", "access"}] as
 *    Harbor has them. Compared as sets; checked by what this Harbor can grant
 *  - "expires": "never", from now as "30d" or "2 weeks", or a date "2030-12-31" (to its end, UTC).
 *    Harbor counts whole days from the creation: a robot lives at least as long as said and less
 *    than a day longer. What is near enough is not changed. Not said: as it is; new ones never end;
 *    one that has expired gets as long a life again
 *  - "enabled": bool. Not said: new ones are; a disabled one is ECONFLICT without the flag FORCE
 *  - "description"; "secret": its own (8 to 128 bytes, lower case, upper case and digit);
 *    "new_secret": true gives one that was there a new one; its old one dies then.
 *  What spec does not say is left as it is. The secret is known if the robot was created or a new
 *  one asked for. A lost answer is made good: what was created by it gets a secret that is known.
 *  Errors also: EINVAL, ENOTFOUND (project), ECONFLICT. */
IMGREL_API int imgrel_harbor_robot_ensure(imgrel_harbor *h, const char *project, const char *name,
                                          const char *spec, const imgrel_opts *o,
                                          imgrel_robot **out, imgrel_error *err);
/** The same for a robot that must not be there yet. Errors also: ECONFLICT (it exists). */
IMGREL_API int imgrel_harbor_robot_create(imgrel_harbor *h, const char *project, const char *name,
                                          const char *spec, const imgrel_opts *o,
                                          imgrel_robot **out, imgrel_error *err);
/** Changes a robot that is there, only in what spec says: {"enabled": false} disables it,
 *  {"expires": "30d"} makes it live 30 days from now. Errors also: ENOTFOUND. */
IMGREL_API int imgrel_harbor_robot_update(imgrel_harbor *h, const char *project, const char *name,
                                          const char *spec, const imgrel_opts *o,
                                          imgrel_robot **out, imgrel_error *err);
/** Gives a robot a new secret at once; the old one dies now (bearer tokens that it already has
 *  live up to 30 minutes more). By a robot's login it is deleted and made again, as no robot may
 *  change one. Errors also: ENOTFOUND. */
IMGREL_API int imgrel_harbor_robot_rotate(imgrel_harbor *h, const char *project, const char *name,
                                          const imgrel_opts *o, imgrel_robot **out,
                                          imgrel_error *err);
/** Reads a robot; its secret is unknown. Errors also: ENOTFOUND. */
IMGREL_API int imgrel_harbor_robot_get(imgrel_harbor *h, const char *project, const char *name,
                                       const imgrel_opts *o, imgrel_robot **out, imgrel_error *err);
/** Deletes a robot. Bearer tokens that it already has live up to 30 minutes more. Errors also:
 *  ENOTFOUND. */
IMGREL_API int imgrel_harbor_robot_delete(imgrel_harbor *h, const char *project, const char *name,
                                          const imgrel_opts *o, imgrel_error *err);
/** The full name to log in with ("robot$library+k8s"). Lives with the handle. */
IMGREL_API const char *imgrel_robot_name(const imgrel_robot *r);
/** The secret; NULL if it is not known. Lives with the handle, wiped on free. */
IMGREL_API const char *imgrel_robot_secret(const imgrel_robot *r);
/** The robot as JSON, no secret, with "imgrel": "created" | "changed" | "unchanged" | "rotated".
 *  Lives with the handle. */
IMGREL_API const char *imgrel_robot_json(const imgrel_robot *r);
/** Wipes and frees it. NULL is fine. */
IMGREL_API void imgrel_robot_free(imgrel_robot *r);

/* ---- anything else, by kind and key ----
 *
 * kind           key (parent of a list)                       and what else can be done
 * project        NAME                                         create, exists, summary, deletable
 * robot          [PROJECT/]NAME ([PROJECT])                   read, listed and deleted only
 * repository     PROJECT/REPOSITORY (PROJECT)
 * artifact       PROJECT/REPOSITORY:TAG or @DIGEST (PROJECT/REPOSITORY)
 *                                       scan, scan-stop, report, history, copy, tag, label, unlabel
 * tag, accessory the same (the artifact)
 * label          [PROJECT/]NAME ([PROJECT])
 * member         PROJECT/USER (PROJECT)
 * immutable      PROJECT or PROJECT/NUMBER (PROJECT)
 * webhook        PROJECT/NAME (PROJECT); webhook-event: PROJECT
 * quota          PROJECT (all, or PROJECT)
 * retention      PROJECT; retention-execution (PROJECT)       run
 * registry       NAME                                         ping, info
 * replication    NAME; replication-execution NUMBER (NAME)    run; stop
 * preheat-instance NAME; preheat-policy PROJECT/NAME (PROJECT) ping; run
 * user, group, scanner NAME                                   cli-secret; ; default
 * gc, purge      NUMBER; audit ([PROJECT]): lists             stop
 * gc-schedule, scan-schedule, purge-schedule, config, cve-allowlist, health, info, statistics,
 *   volumes, permissions, scan-metrics, replication-adapter: NULL, there is one      run
 *
 * Also replication-task, preheat-execution, project-artifact: lists. A NAME may be a number where
 * nothing has that name. JSON is Harbor's own, with these words for people: a member's {"role":
 * "developer"}, a quota's {"storage": "10GiB"}, a schedule's {"cron"} of six fields, a registry of
 * a replication or a project by its name, a project's {"public", "auto_scan", "severity",
 * "storage_limit", "registry", ...}. */

/** Lists things, one JSON document per item, every page: as they are, whatever is created or
 *  deleted meanwhile. query: Harbor's q= expression, keys checked; NULL: all. A kind that begins
 *  with a slash is the path of any list, encoded, with its query and without page and page_size:
 *  "/projects/p/webhook/jobs". Errors also: EINVAL, ENOTFOUND (the parent), EUNSUPPORTED (not in
 *  this version). */
IMGREL_API int imgrel_harbor_list(imgrel_harbor *h, const char *kind, const char *parent,
                                  const char *query, const imgrel_opts *o, imgrel_iter **out,
                                  imgrel_error *err);

/** Reads one. ret_json: the caller's; "" for a schedule that is not set. Errors also: EINVAL,
 *  ENOTFOUND, EUNSUPPORTED. */
IMGREL_API int imgrel_harbor_get(imgrel_harbor *h, const char *kind, const char *key,
                                 const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Sees to it that one is there and as json says; what json leaves out is kept. Safe to repeat.
 *  ret_json (may be NULL): it, with "imgrel": "created" | "changed" | "unchanged". Errors also:
 *  EINVAL, ENOTFOUND (the parent), ECONFLICT, EUNSUPPORTED. */
IMGREL_API int imgrel_harbor_put(imgrel_harbor *h, const char *kind, const char *key,
                                 const char *json, const imgrel_opts *o, char **ret_json,
                                 imgrel_error *err);
/** Deletes one. A tag goes without its artifact, an artifact with all its tags; a project with its
 *  repositories only with the flag FORCE. Errors also: EINVAL, ENOTFOUND, ECONFLICT (in use). */
IMGREL_API int imgrel_harbor_delete(imgrel_harbor *h, const char *kind, const char *key,
                                    const imgrel_opts *o, imgrel_error *err);
/** Does what is not reading or writing: see the table. json (may be NULL): {"wait": true} waits
 *  until a run has ended (within the deadline, else an hour at most; EFAILED if it failed); of a
 *  scan {"fail_above": "high"} or {"fail_at": ...}; of copy {"to": "PROJECT/REPOSITORY"}; of tag
 *  {"name", "move": bool}; of label and unlabel {"name"}; of cli-secret {"secret"}, else a new one.
 *  ret_json (may be NULL): what it tells, "" for nothing; the caller's. Errors also: EINVAL,
 *  ENOTFOUND, ECONFLICT, EFAILED. */
IMGREL_API int imgrel_harbor_do(imgrel_harbor *h, const char *kind, const char *key,
                                const char *action, const char *json, const imgrel_opts *o,
                                char **ret_json, imgrel_error *err);

/** Finds what stands between this login and its work; changes nothing. spec (may be NULL):
 *  {"project", "rights": "pull" | "push", "repository"}: what the login shall be able to do.
 *  ret_json: {"url", "ok": bool, "rows": [{"check", "state": "ok" | "fail" | "warn" | "skip",
 *  "detail", "code", "cure"}]}, checks being reach (and by which scheme), clock, health, login,
 *  version, realm, project, rights and quota; the caller's. What is wrong with Harbor is a row, not
 *  an error. Errors: EINVAL, ECANCELED, ETIMEOUT, ENOMEM. */
IMGREL_API int imgrel_harbor_doctor(imgrel_harbor *h, const char *spec, const imgrel_opts *o,
                                    char **ret_json, imgrel_error *err);

/** Sends any request under /api/v2.0 with our login, retries and error texts. path: "/health",
 *  with its query, encoded by the caller. json NULL: no body. ret_json (may be NULL): the body,
 *  "" if empty, the caller's; ret_status (may be NULL): the HTTP status. A status of 400 or more
 *  is an error. */
IMGREL_API int imgrel_harbor_request(imgrel_harbor *h, const char *method, const char *path,
                                     const char *json, const imgrel_opts *o, char **ret_json,
                                     int *ret_status, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
