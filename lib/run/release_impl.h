/* release_impl.h - what the files of the release engine share: the file as read, the state beside
 * it, a run over its targets, and the report. Inside lib/run/release*.c only. */
#ifndef IR_RUN_RELEASE_IMPL_H
#define IR_RUN_RELEASE_IMPL_H

#include "fmt/url.h"
#include "fmt/yaml.h"
#include "harbor/harbor.h"
#include "kube/kube.h"
#include "oci/image.h"
#include "run/release.h"

#define IR_REL_TARGETS_MAX 64
#define IR_REL_GRACE_S 1800           /* a bearer token of the old robot lives that long */
#define IR_REL_LABEL "imgrel/release" /* on every Kubernetes object that apply created */

/* ---- release_file.c: the file, checked; strings are borrowed from its tree ------------------- */

typedef struct ir_rel_registry {
    const char *name; /* of a list; NULL: the only one */
    const char *host, *url, *ca_file;
    const char *harbor_url, *harbor_user, *harbor_password_file;
} ir_rel_registry;

typedef struct ir_rel_cluster {
    const char *name, *kubeconfig, *context;
    const char *registry; /* a name in the list of registries; NULL: the first */
    size_t registry_at;
} ir_rel_cluster;

/* The key "gitlab": where pipelines run, and what they are made from. */
typedef struct ir_rel_gitlab {
    const char *url, *project, *token_file;
    const char *variable, *user_variable, *secret_variable; /* where jobs find the push login */
    const char *builder, *context, *dockerfile, *target, *pattern;
    const char *push_url; /* where jobs reach the registry; NULL: as everybody does */
    const char *registry; /* a name in the list; NULL: the first */
    size_t registry_at;
    const ir_json *runner_tags, *build_args;
    bool latest;
} ir_rel_gitlab;

typedef struct ir_rel_file {
    ir_yaml *yaml;
    const char *app, *version; /* version NULL: not in the file */
    ir_rel_registry *registries;
    size_t n_registries;
    ir_rel_cluster *clusters;
    size_t n_clusters;
    const char *project, *push, *pull; /* push, pull NULL: APP-push, APP-pull */
    bool is_private;
    const ir_json *scan; /* {fail_above} or {fail_at}; NULL: apply does not scan */
    const char *base, *from; /* of these at most one */
    const ir_json *build;    /* what a builder makes it of; NULL */
    const ir_json *image;    /* base, platforms, layers, config, annotations: the assembler's */
    const ir_json *platforms;
    bool kubernetes;
    const char *ns, *secret;
    int64_t pod_port, service_port; /* 0: none */
    int64_t replicas;               /* of a deployment; 0: one pod instead of it */
    const ir_json *pod;             /* env, command, args, resources; may be NULL */
    const ir_json *deliver[2];      /* rotate.push, rotate.pull: places for a new secret; NULL */
    int64_t grace_s;                /* how long a rotated robot lives on */
    bool has_gitlab;
    ir_rel_gitlab gitlab;
} ir_rel_file;
int ir_must_use ir_rel_file_read(const char *p, size_t len, const char *name, ir_rel_file *ret,
                                 imgrel_error *err);
void ir_rel_file_free(ir_rel_file *f);
/* A version that can be a tag: semver without build metadata, a leading v allowed. */
bool ir_rel_version_ok(const char *s);

/* What a secret is for; also the index of what there is one a role. */
enum ir_rel_role { IR_REL_PUSH_ROLE, IR_REL_PULL_ROLE };
extern const char *const ir_rel_roles[2]; /* "push", "pull" */

/* A place for a new secret (the list's items; one member is set). */
typedef struct ir_rel_delivery {
    const char *registry; /* a name in the list: its login only; NULL: every registry's */
    const char *file, *user_file, *docker_config;
    const ir_json *command; /* argv; a JSON line on its standard input */
    const ir_json *secret;  /* a Kubernetes pull secret */
    const ir_json *gitlab;
} ir_rel_delivery;
typedef struct ir_rel_delivery_secret {
    const char *cluster, *ns, *name;
} ir_rel_delivery_secret;
typedef struct ir_rel_delivery_gitlab {
    const char *url, *project, *token_file; /* NULL: those of the file's "gitlab" */
    const char *variable;                   /* of type file; or these two */
    const char *user_variable, *secret_variable;
} ir_rel_delivery_gitlab;
/* release_gitlab.c: the two mappings, checked. */
int ir_must_use ir_rel_gitlab_read(ir_rel_file *f, const ir_json *map, imgrel_error *err);
int ir_must_use ir_rel_delivery_gitlab_read(const ir_rel_file *f, const ir_json *map,
                                            ir_rel_delivery_gitlab *ret, imgrel_error *err);
/* The host that jobs push to, the caller's; and whether it has no TLS. */
int ir_must_use ir_rel_push_host(const ir_rel_file *f, char **ret, bool *ret_plain,
                                 imgrel_error *err);
/* Reads an item that was checked when the file was read. */
void ir_rel_delivery_read(const ir_rel_file *f, const ir_json *item, ir_rel_delivery *ret,
                          ir_rel_delivery_secret *secret, ir_rel_delivery_gitlab *gitlab);

struct ir_release {
    ir_rel_file file;
    ir_secret_fn *on_secret; /* is told every new secret of a rotation; may be NULL */
    void *on_secret_user;
    char *dir; /* of the file: what paths are relative to; NULL: the current one */
    char *push, *pull;
    char *version, *harbor_url, *harbor_user, *harbor_password;
    char *kubeconfig, *context, *state_dir, *forward, *node;
};
const char *ir_rel_version(const ir_release *r);

/* ---- release_state.c: what apply remembers, in APP.json of the state folder ------------------ */

typedef struct ir_rel_state {
    char *dir, *path, *app;
    ir_json *json;
    int lock; /* -1: none */
} ir_rel_state;
/* Reads it (nothing there: empty). EPROTO when it is damaged. */
int ir_must_use ir_rel_state_open(const ir_release *r, ir_rel_state *ret, imgrel_error *err);
/* Makes the folder (0700) and waits until no other run has it. */
int ir_must_use ir_rel_state_lock(const ir_call *call, ir_rel_state *s, imgrel_error *err);
void ir_rel_state_close(ir_rel_state *s);
/* A text under section/key ("registries/eu", "project"); NULL: none. */
const char *ir_rel_state_get(const ir_rel_state *s, const char *section, const char *key);
/* Keeps it on the disk before it returns; value NULL: forgets. */
int ir_must_use ir_rel_state_put(ir_rel_state *s, const char *section, const char *key,
                                 const char *value, imgrel_error *err);
/* The push robot's secret, in a file of its own, 0600. ENOTFOUND: none. */
int ir_must_use ir_rel_secret_read(const ir_rel_state *s, const char *registry, char **ret,
                                   imgrel_error *err);
int ir_must_use ir_rel_secret_write(const ir_rel_state *s, const char *registry, const char *secret,
                                    imgrel_error *err);
int ir_must_use ir_rel_secret_forget(const ir_rel_state *s, const char *registry,
                                     imgrel_error *err);
/* Removes the state file, the lock and the folder, when nothing else is in it. */
int ir_must_use ir_rel_state_remove(ir_rel_state *s, imgrel_error *err);

/* ---- release_build.c ------------------------------------------------------------------------- */

struct ir_rel_site;
/* Is it built already (its version's tag is there), or could it be, as far as the file says? */
int ir_must_use ir_rel_build_look(const ir_call *call, const ir_release *r, struct ir_rel_site *s,
                                  imgrel_error *err);
/* Builds it, under the version's tag. */
int ir_must_use ir_rel_build_make(const ir_call *call, const ir_release *r, struct ir_rel_site *s,
                                  imgrel_error *err);

/* ---- release_report.c ------------------------------------------------------------------------ */

/* What a step has to say; state NULL: by what kind of step it is. */
typedef struct ir_rel_row {
    const char *state;
    char *detail, *cure;
    char digest[IR_DIGEST_MAX];
} ir_rel_row;
/* Sets state and detail; a row that has no memory has no detail. */
void ir_rel_say(ir_rel_row *row, const char *state, const char *fmt, ...) IR_PRINTF(3, 4);
/* "created" -> "done", "unchanged", all else "changed"; "would" when the run is dry. */
void ir_rel_say_change(ir_rel_row *row, bool dry, const char *change, const char *what);
void ir_rel_row_free(ir_rel_row *row);

/* ---- release_run.c: one verb's way over the targets ------------------------------------------ */

/* A registry with its Harbor, on its way through a run. */
typedef struct ir_rel_site {
    const ir_rel_registry *conf;
    const char *key;    /* in state and file names: its name, "default" */
    const char *target; /* in the report: its name, or its host */
    ir_ref image;       /* host/project/app, without a tag */
    char *ca_file;      /* NULL: the configuration's */
    char *base_project; /* "host/project" of a base in another project of it; NULL */
    ir_harbor *harbor;
    char *harbor_user, *harbor_secret;
    bool project_is;          /* it exists */
    char *robot[2], *next[2]; /* short names: who works now; who takes over in a rotation */
    char *push_user, *push_secret, *pull_user, *pull_secret;
    ir_manifest top;            /* the image; bytes NULL: not known */
    char digest[IR_DIGEST_MAX]; /* the same; "" not known */
    bool image_is;              /* the registry has exactly this image */
    char version_is[IR_DIGEST_MAX], latest_is[IR_DIGEST_MAX]; /* what the tags hold; "" nothing */
    bool failed;
} ir_rel_site;

typedef struct ir_rel_place {
    const ir_rel_cluster *conf;
    const char *target;
    ir_rel_site *site;
    ir_kube *kube;
    bool ns_is;          /* the namespace exists */
    char *user, *secret; /* the pull login that its secret holds; NULL: none */
    bool failed;
} ir_rel_place;

typedef struct ir_rel_run {
    ir_call call; /* the caller's, its rules set */
    ir_release *r;
    ir_rel_state state;
    ir_rel_site *sites;
    ir_rel_place *places;
    ir_json *report, *steps;
    ir_host_rule *rules;
    bool wrote;   /* something was changed */
    bool proving; /* verify, doctor: a look that went well is "done" */
    bool canceled;
    imgrel_error first;
    char *url;
    bool rotates[2]; /* rotate: which roles */
    bool retire_only;
    int64_t grace_s;
} ir_rel_run;

#define IR_REL_SITE 0u   /* a step for each registry */
#define IR_REL_PLACE 1u  /* a step for each cluster */
#define IR_REL_CHECK 2u  /* it looks, and changes nothing */
#define IR_REL_LIVE 4u   /* left out of a dry run: there is nothing to look at */
#define IR_REL_SOFT 8u   /* a failure does not stop the target's next steps */
#define IR_REL_QUIET 32u /* in the report only when it has something to say */
#define IR_REL_ALONE 16u /* of a cluster: done though its registry failed */
typedef int ir_rel_fn(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err);
typedef struct ir_rel_step {
    const char *name;
    ir_rel_fn *fn;
    unsigned flags;
} ir_rel_step;

/* ret is to be ended in either case. lock: wait until no other run has the state. */
int ir_must_use ir_rel_run_begin(const ir_call *call, ir_release *r, bool lock, ir_rel_run *ret,
                                 imgrel_error *err);
/* Every step for every target that has not failed; ends at a NULL name. ECANCELED ends it all. */
void ir_rel_run_steps(ir_rel_run *run, const ir_rel_step *steps);
/* The report, and the first failure (rc: of begin). Frees the run. */
int ir_must_use ir_rel_run_end(ir_rel_run *run, int rc, ir_json **ret_report, imgrel_error *err);

/* A call that logs in to the site's host as one of these; login is the caller's room. PUSH reads a
 * base in another project of that Harbor as Harbor's user: the push robot's rights end at its own.
 */
enum ir_rel_who { IR_REL_ADMIN, IR_REL_PUSH, IR_REL_PULL, IR_REL_NOBODY, IR_REL_READER };
ir_call ir_rel_call(const ir_rel_run *run, const ir_rel_site *site, enum ir_rel_who who,
                    ir_login login[2]);
/* A store of the image's repository. */
int ir_must_use ir_rel_store(const ir_call *call, const ir_rel_site *site, unsigned flags,
                             ir_store **ret, imgrel_error *err);
/* "host/project/app:tag" or "...@digest", malloc'ed. */
char *ir_rel_image_name(const ir_rel_site *site, const char *tag, const char *digest);

/* ---- the steps ------------------------------------------------------------------------------- */

/* release_check.c: before anything is changed */
ir_rel_fn ir_rel_check_files, ir_rel_check_harbor, ir_rel_check_cluster, ir_rel_check_clusters,
    ir_rel_check_base, ir_rel_check_version, ir_rel_check_logins;
/* release_harbor.c */
ir_rel_fn ir_rel_project, ir_rel_push_robot, ir_rel_pull_robot;
/* What a robot should be, and why it would get a new secret. */
typedef struct ir_rel_wish {
    const char *name, *role;
    bool known; /* its secret is known, and good */
    const char *why;
} ir_rel_wish;
/* 1 there is one, 0 none, or a code. */
int ir_must_use ir_rel_find_robot(const ir_rel_run *run, const ir_rel_site *s, const char *name,
                                  ir_robot *ret, imgrel_error *err);
/* Makes it so; old NULL: it is not there. made->secret is set when it has a new one. */
int ir_must_use ir_rel_make_robot(const ir_rel_run *run, const ir_rel_site *s, const ir_robot *old,
                                  const ir_rel_wish *w, ir_robot *made, ir_rel_row *row,
                                  imgrel_error *err);
/* 1: a cluster has a login of that robot (full name) that Harbor takes; it is the site's now. */
int ir_must_use ir_rel_login_from_clusters(const ir_rel_run *run, ir_rel_site *s, const char *name,
                                           imgrel_error *err);
/* Takes over copies of name and secret. */
int ir_must_use ir_rel_keep_login(char **user, char **secret, const char *new_user,
                                  const char *new_secret, imgrel_error *err);
/* A text of the site in the state; value NULL: forgets. */
int ir_must_use ir_rel_remember(ir_rel_run *run, const ir_rel_site *s, const char *key,
                                const char *value, imgrel_error *err);
const char *ir_rel_recall(const ir_rel_run *run, const ir_rel_site *s, const char *key);
/* Is the robot marked as made for this release? */
bool ir_rel_robot_ours(const ir_release *r, const ir_robot *robot);
/* 1: Harbor takes the login, 0: it does not, or a code. */
int ir_must_use ir_rel_login_ok(const ir_rel_run *run, const ir_rel_site *site, const char *user,
                                const char *secret, imgrel_error *err);
/* release_image.c */
ir_rel_fn ir_rel_image, ir_rel_tags, ir_rel_find_image;
/* The assembler's spec with the platforms; NULL: no memory. */
ir_json *ir_rel_image_spec(const ir_release *r);
/* "linux/amd64,linux/arm64", malloc'ed; NULL: all that there are. */
char *ir_rel_platforms(const ir_release *r);
/* What a tag holds: "" nothing. */
int ir_must_use ir_rel_tag_digest(const ir_call *call, ir_rel_site *site, const char *tag,
                                  char ret[IR_DIGEST_MAX], imgrel_error *err);
/* release_scan.c */
ir_rel_fn ir_rel_scan;
/* release_verify.c */
ir_rel_fn ir_rel_verify_tags, ir_rel_verify_platforms, ir_rel_verify_pull, ir_rel_refuse_anonymous,
    ir_rel_refuse_push, ir_rel_refuse_delete;
/* release_kube.c */
ir_rel_fn ir_rel_namespace, ir_rel_secret, ir_rel_pod, ir_rel_service;
/* What runs the app: "pod" or "deployment". */
const char *ir_rel_kind(const ir_rel_file *f);
/* Does an object carry this release's label? */
bool ir_rel_object_ours(const ir_rel_run *run, const ir_json *object);
/* The objects as apply makes them; NULL: no memory. */
ir_json *ir_rel_namespace_object(const ir_rel_run *run);
ir_json *ir_rel_pod_object(const ir_rel_run *run, const ir_rel_place *p);
ir_json *ir_rel_service_object(const ir_rel_run *run);
/* release_ready.c */
ir_rel_fn ir_rel_ready;
/* release_page.c */
ir_rel_fn ir_rel_page;
/* release_delete.c */
extern const ir_rel_step ir_rel_delete_steps[];
/* release_rotate.c */
extern const ir_rel_step ir_rel_rotate_steps[];
/* Who works now, by the state: the file's name, or its twin's. */
int ir_must_use ir_rel_name_robots(ir_rel_run *run, ir_rel_site *s, imgrel_error *err);
/* The other of the two names that a role's robots have in turn, malloc'ed. */
char *ir_rel_twin(const char *name, const char *now);
/* Where the secret of the push robot that takes over is kept until then, malloc'ed. */
char *ir_rel_next_key(const ir_rel_site *s);
/* release_deliver.c */
ir_rel_fn ir_rel_deliver_push, ir_rel_deliver_pull;
/* A pull of the image with a login: a real token, and the manifest if there is one. */
int ir_must_use ir_rel_try_pull(const ir_rel_run *run, ir_rel_site *s, const char *user,
                                const char *secret, imgrel_error *err);
/* release_doctor.c */
extern const ir_rel_step ir_rel_doctor_steps[];
/* release_road.c */
ir_rel_fn ir_rel_look_admin, ir_rel_look_push_host, ir_rel_look_names, ir_rel_look_nodes,
    ir_rel_look_builder;
/* release_render.c */
int ir_must_use ir_rel_render(ir_rel_run *run, ir_buf *out, imgrel_error *err);

#endif
