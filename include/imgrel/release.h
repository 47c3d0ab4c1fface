/* release.h - a release as a whole: from an app's files to a pod that serves them.
 *
 * A release file (YAML, apiVersion imgrel/v1) says what to build or take, where it goes, who may
 * push and pull, and where it runs. Each verb returns a report, JSON {"app", "version", "result":
 * "done" | "unchanged" | "would" | "failed", "digest", "url", "steps": [{"step", "target", "state":
 * "done" | "unchanged" | "changed" | "failed" | "skipped" | "would", "detail", "digest", "ms",
 * "cure" (of what has one)}]}, which is given on failure too. "would" is what a dry run
 * (IMGREL_FLAG_DRY_RUN, plan) says of what it would change. Every verb may block, can be cancelled,
 * and can be repeated: what is there is left alone. What can be known beforehand (files, logins,
 * the base's platforms, what the version's tag holds, the clusters) is looked at before anything is
 * changed. Registries and clusters are reported each alone; one that fails skips the rest of its
 * own steps and no other's, and the first failure is the call's. A handle belongs to one thread at
 * a time; two processes on one state folder wait for each other.
 *
 * Every verb can give the errors of include/imgrel/harbor.h, kube.h and registry.h; besides EINVAL
 * (the file, or no version), ECONFLICT (a version, a robot or an object that is not this
 * release's), EFAILED (a proof that failed, a pod that does not run) and EDIGEST (a tag or a pod
 * that is another image). */
#ifndef IMGREL_RELEASE_H
#define IMGREL_RELEASE_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imgrel_release imgrel_release;

/** Reads and checks a release file; paths in it are relative to it. Nothing is sent. Errors:
 *  EINVAL (file, line, column, key), EIO, ENOTFOUND, ENOMEM. */
IMGREL_API int imgrel_release_load(imgrel_client *c, const char *path, imgrel_release **out,
                                   imgrel_error *err);
/** Sets what the file does not say: "version", "harbor_url", "harbor_user", "harbor_password",
 *  "kubeconfig", "context", "state_dir" (default: .imgrel beside the file), "forward" (local port
 *  of the page check; 0: any), "node" ("none": do not touch). Errors: EINVAL, ENOMEM. */
IMGREL_API int imgrel_release_set(imgrel_release *r, const char *key, const char *value,
                                  imgrel_error *err);
/** What apply would change. Changes nothing. */
IMGREL_API int imgrel_release_plan(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                                   imgrel_error *err);
/** Makes it so. A version tag that holds another image is ECONFLICT unless IMGREL_FLAG_FORCE, which
 *  also takes over robots and objects of the same names that others made. The push robot's secret
 *  is kept in the state folder (0600), the pull robot's in the clusters' pull secrets only. */
IMGREL_API int imgrel_release_apply(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                                    imgrel_error *err);
/** Proves it: tags, digest, platforms, refusals, the pod's digest, the page. Changes nothing, and
 *  needs no administrator: the robots' own logins do. */
IMGREL_API int imgrel_release_verify(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                                     imgrel_error *err);
/** Removes only what apply created and marked: Kubernetes objects by the label imgrel/release,
 *  robots by their description, tags, repository and project by what the state folder remembers.
 *  A namespace or a project in which others have something by now stays. */
IMGREL_API int imgrel_release_delete(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                                     imgrel_error *err);
/** Told a robot's new secret during a rotation, on the thread of the call; valid until it returns.
 *  role: "push" or "pull"; registry: its host. Other than 0: it could not be kept, and the old
 *  robot stays. */
typedef int imgrel_secret_fn(void *user, const char *role, const char *registry, const char *robot,
                             const char *secret);
/** Sets who is told new secrets, beside the places that the file names (key "rotate"). fn NULL:
 *  nobody. Does not block. */
IMGREL_API void imgrel_release_on_secret(imgrel_release *r, imgrel_secret_fn *fn, void *user);
/** Gives the robots new secrets without a moment in which none works. A robot has only one secret,
 *  so a second one is made: its login is put into the clusters' pull secrets and everywhere that
 *  the file names, tried by a real token and a pull with what each place holds, and only then takes
 *  over. The old robot lives on for a grace period and is deleted by a later call. One that failed
 *  half-way left the old robot working, and can be repeated. spec: JSON, NULL is {}:
 *  - "role": "push" or "pull"; absent: both.
 *  - "grace": seconds that an old robot lives on; absent: the file's, else 1800, which a bearer
 *    token lives. 0: deleted at once.
 *  - "retire": true: makes nothing new, only deletes old robots whose grace is over; with "grace",
 *    those whose would last longer end then.
 *  Errors also: EINVAL (spec: the key), ECONFLICT (a robot that is not this release's, or one that
 *  is in its grace period), ENOTFOUND (nothing was applied), EFAILED (a place did not take it). */
IMGREL_API int imgrel_release_rotate(imgrel_release *r, const char *spec, const imgrel_opts *o,
                                     char **ret_json, imgrel_error *err);
/** The Kubernetes objects as YAML, image by digest, without secrets; the caller's. */
IMGREL_API int imgrel_release_render(imgrel_release *r, const imgrel_opts *o, char **ret_yaml,
                                     imgrel_error *err);
/** What the file's key "gitlab" says, and the pipeline that is made from it. Nothing is sent.
 *  ret_json: {"url", "project", "token_file" (its path; absent if the file names none),
 *  "runner_tags": [], "variable" or "user_variable" and "secret_variable", "host" (that is pushed
 *  to), "ci": the text of .gitlab-ci.yml}; the caller's. Errors also: ENOTFOUND (the file names no
 *  GitLab), EUNSUPPORTED (a library without GitLab). */
IMGREL_API int imgrel_release_gitlab(imgrel_release *r, char **ret_json, imgrel_error *err);
/** A document of include/imgrel/node.h made from the file's registry: what and spec as
 *  imgrel_node_render has them, but what the file says need not be said again; spec NULL is {}.
 *  "registry": which of several, by name. Nothing is sent. *ret_text is the caller's and may hold
 *  logins: wipe it. */
IMGREL_API int imgrel_release_document(imgrel_release *r, const char *what, const char *spec,
                                       char **ret_text, imgrel_error *err);
/** Walks the road and reports each obstacle with its cure. Changes nothing. */
IMGREL_API int imgrel_release_doctor(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                                     imgrel_error *err);
/** Frees it and wipes what is secret in it. NULL is fine. */
IMGREL_API void imgrel_release_free(imgrel_release *r);

#ifdef __cplusplus
}
#endif
#endif
