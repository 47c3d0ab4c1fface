/* release.h - a release as a whole: from an app's files to a pod that serves them.
 *
 * A release file (YAML, apiVersion imgrel/v1) says what to build or take, where it goes, who may
 * push and pull, and where it runs. Each verb returns a report, JSON {"app", "version", "result":
 * "done" | "unchanged" | "would" | "failed", "digest", "url", "steps": [{"step", "target", "state":
 * "done" | "unchanged" | "changed" | "failed" | "skipped" | "would", "detail", "digest", "ms",
 * "cure" (of a failure that has one)}]}, which is given on failure too. "would" is what a dry run
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
/** The Kubernetes objects as YAML, image by digest, without secrets; the caller's. */
IMGREL_API int imgrel_release_render(imgrel_release *r, const imgrel_opts *o, char **ret_yaml,
                                     imgrel_error *err);
/** Walks the road and reports each obstacle with its cure. Changes nothing. */
IMGREL_API int imgrel_release_doctor(imgrel_release *r, const imgrel_opts *o, char **ret_json,
                                     imgrel_error *err);
/** Frees it and wipes what is secret in it. NULL is fine. */
IMGREL_API void imgrel_release_free(imgrel_release *r);

#ifdef __cplusplus
}
#endif
#endif
