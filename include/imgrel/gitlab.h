/* gitlab.h - a project of a GitLab (API v4): what a pipeline needs to build, push and release.
 *
 * A handle holds one GitLab's URL, one project and one token. JSON goes in and comes out as GitLab
 * speaks it, but for the words named below; what has no kind is reached by imgrel_gitlab_request().
 * Every call may block, can be cancelled by its opts, and a handle belongs to one thread at a time.
 * Beside what they list all can give: ENET, ETIMEOUT, ECANCELED, EAUTH (the token), EDENIED (its
 * scope or role), ENOTFOUND (the project; GitLab also says that to who has no right), EPROTO (not
 * GitLab), ELIMIT, EFAILED (GitLab answers 5xx), ENOMEM, EFORKED. */
#ifndef IMGREL_GITLAB_H
#define IMGREL_GITLAB_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imgrel_gitlab imgrel_gitlab;

/** Makes a handle; nothing is sent yet. url: "https://gitlab.example.org", below a path too, with
 * or without /api/v4. project: its path ("group/app") or number. token: a personal, group or
 * project token with the scope api; NULL: anonymous. It is copied and wiped on free. Errors:
 * EINVAL, ENOMEM. */
IMGREL_API int imgrel_gitlab_new(imgrel_client *c, const char *url, const char *project,
                                 const char *token, imgrel_gitlab **out, imgrel_error *err);
/** Frees it; its lists must be freed first. NULL is fine. */
IMGREL_API void imgrel_gitlab_free(imgrel_gitlab *g);

/* ---- by kind and key ----
 *
 * kind           key (parent of a list)        what can be done with it
 * project        NULL                          put: GitLab's own: {"shared_runners_enabled": false}
 * variable       KEY[@SCOPE] (NULL)            put, delete; do expand
 * runner         DESCRIPTION or number (NULL)  put, delete; do verify, reset
 * branch         NAME (NULL)                   delete
 * tag            NAME (NULL)                   put, delete: a tag's pipeline comes by itself
 * protected-tag  PATTERN (NULL)                put: {"create_access_level"}; delete
 * file           PATH[@REF]                    put
 * ci             NULL                          do lint
 * pipeline       NUMBER (NULL)                 delete; do cancel, retry; of a TAG: find, wait
 * job            NUMBER (a pipeline's)         do log, cancel, retry, play
 *
 * What put takes:
 * - of a variable {"value", "type": "env_var" | "file", "raw", "masked", "hidden", "protected",
 *   "description", "environment_scope"}: raw unless said otherwise, so that a $ in it stays; masked
 *   where GitLab can, and EINVAL where it cannot and that is asked for; in all environments
 * - of a runner {"tags": [], "run_untagged": false, "locked": true, "protected", "paused",
 *   "maximum_timeout", "note", "new_token": bool}
 * - of a tag {"ref", "message"}
 * - of a file {"content", "branch", "message", "start_branch"}: a commit, if it is not so */

/** Lists things, one JSON document per item, every page. query: GitLab's own, encoded ("status=
 *  running"); NULL: all. A kind that begins with a slash is the path of any list below /api/v4
 *  ("/projects/1/jobs?pagination=keyset"). Errors also: EINVAL. */
IMGREL_API int imgrel_gitlab_list(imgrel_gitlab *g, const char *kind, const char *parent,
                                  const char *query, const imgrel_opts *o, imgrel_iter **out,
                                  imgrel_error *err);
/** Reads one. ret_json: the caller's; a variable's has its value: wipe it. A file: {"path",
 *  "ref", "content", "last_commit_id"}. Errors also: EINVAL, EUNSUPPORTED (a file that is no
 *  text). */
IMGREL_API int imgrel_gitlab_get(imgrel_gitlab *g, const char *kind, const char *key,
                                 const imgrel_opts *o, char **ret_json, imgrel_error *err);
/** Sees to it that one is there and as json says; safe to repeat, also after an answer that was
 *  lost. ret_json (may be NULL): it, with "imgrel": "created" | "changed" | "unchanged"; of a
 *  variable without its value; of a runner that was created, or for which "new_token" asked, with
 *  its "token", which GitLab shows once. Errors also: EINVAL, ECONFLICT (a tag of another commit, a
 *  variable that can be seen and shall be hidden), EUNSUPPORTED (a GitLab that cannot keep a value
 *  raw that has a $). With the flag DRY_RUN nothing is changed. */
IMGREL_API int imgrel_gitlab_put(imgrel_gitlab *g, const char *kind, const char *key,
                                 const char *json, const imgrel_opts *o, char **ret_json,
                                 imgrel_error *err);
/** Deletes one: a variable, runner, branch, tag, protected-tag or pipeline. Errors also: EINVAL. */
IMGREL_API int imgrel_gitlab_delete(imgrel_gitlab *g, const char *kind, const char *key,
                                    const imgrel_opts *o, imgrel_error *err);
/** Does what is not reading or writing. json (may be NULL):
 *  - variable expand {"value", "raw"} (absent: what is there): {"intact": bool, "becomes", "names"
 *    (that would be expanded), "raw", "maskable": bool, "why" (not)}, by the rules of GitLab and
 *    its runner where no other variable has such a name.
 *  - runner verify {"token"}: EAUTH if GitLab does not take it; reset: {"token"}, a new one.
 *  - ci lint {"content" (absent: what is at ref), "ref", "dry_run": bool}: {"valid", "errors",
 *    "warnings", "merged_yaml", "jobs"}; EINVAL if it is not valid, with ret_json all the same.
 *  - pipeline find {"appear": seconds (60), "poll_ms"}: the newest pipeline of the tag as it is
 * now; if none comes EFAILED with the reason: CI/CD is off, no .gitlab-ci.yml, one that is not
 * valid, no job whose rules fit, [skip ci]; ETIMEOUT if there is none.
 *  - pipeline wait {"appear", "poll_ms", "pending": seconds that a job may wait which no runner can
 *    take (300), "log": bool (true)}: follows it to its end, within the deadline, else an hour at
 *    most. Jobs are told as IMGREL_EVENT_STEP, lines of their logs as IMGREL_EVENT_LOG. A key
 *    "#NUMBER" is a pipeline itself. ret_json: {"id", "status", "ref", "sha", "web_url", "jobs":
 *    [{"id", "name", "stage", "status", "failure_reason", "log_tail" (of one that failed), ...}]},
 *    also with EFAILED: a job failed, is taken by no runner, or waits for somebody.
 *  - job log {"offset"}: its lines as IMGREL_EVENT_LOG; {"offset" (its end), "tail"}.
 *  ret_json (may be NULL): the caller's, "" for nothing. Errors also: EINVAL, EFAILED. */
IMGREL_API int imgrel_gitlab_do(imgrel_gitlab *g, const char *kind, const char *key,
                                const char *action, const char *json, const imgrel_opts *o,
                                char **ret_json, imgrel_error *err);
/** Sends any request under /api/v4 with our token, retries and error texts. path: "/version", with
 *  its query, encoded by the caller. json NULL: no body. ret_json (may be NULL): the body, "" if
 *  empty, the caller's; ret_status (may be NULL): the HTTP status. A status of 400 or more is an
 *  error. */
IMGREL_API int imgrel_gitlab_request(imgrel_gitlab *g, const char *method, const char *path,
                                     const char *json, const imgrel_opts *o, char **ret_json,
                                     int *ret_status, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
