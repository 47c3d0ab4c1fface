/* release_deliver.c - the places outside the release that are given a rotated robot's login: files,
 * Docker configurations, commands, Kubernetes secrets, GitLab variables, and the caller's own
 * function. Each is read again where it can be, and what it holds must pull. */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/creds.h"
#ifdef IR_ENABLE_GITLAB
#include "gitlab/gitlab.h"
#endif

#include <stdlib.h>

#define COMMAND_MS 120000

const char *const ir_rel_roles[2] = {"push", "pull"};

/* What is delivered, and in whose name. */
typedef struct parcel {
    const ir_rel_run *run;
    ir_rel_site *site;
    const char *role, *user, *secret;
} parcel;

int ir_rel_try_pull(const ir_rel_run *run, ir_rel_site *s, const char *user, const char *secret,
                    imgrel_error *err)
{
    ir_login login = {s->image.host, user, secret};
    ir_call call = run->call;
    IR_AUTO(ir_manifest) m = {0};
    ir_store *store = NULL;
    imgrel_error why = {0};
    call.logins = &login;
    call.n_logins = 1;
    int rc = ir_rel_store(&call, s, IR_STORE_READ, &store, &why);
    if (!rc)
        rc = ir_store_manifest_get(store, &call, "latest", &m, &why);
    ir_store_free(store);
    if (rc == IMGREL_ENOTFOUND)
        return 0; /* nothing was released yet: the login is good */
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

static int differs(const char *where, imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT, "%s does not hold what was written to it", where);
    return ir_cure(err, "somebody else writes it too: end that, and rotate again"),
           IMGREL_ECONFLICT;
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

static int write_and_read(const char *path, const char *p, size_t len, imgrel_error *err)
{
    ir_buf b = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    int rc = ir_file_write(path, 0600, p, len, err);
    if (!rc)
        rc = ir_file_read(path, &b, err);
    if (!rc && (b.len != len || memcmp(b.p, p, len)))
        rc = differs(path, err);
    ir_buf_free(&b);
    return rc;
}

static int to_file(const parcel *x, const char *name, const char *text, imgrel_error *err)
{
    char *path = ir_path_join(x->run->r->dir, name);
    int rc = path ? write_and_read(path, text, strlen(text), err) : ir_nomem(err);
    free(path);
    return rc;
}

static int to_docker_config(const parcel *x, const char *name, imgrel_error *err)
{
    ir_buf old = IR_BUF_SECRET(IR_AUTH_FILE_MAX), new = IR_BUF_SECRET(IR_AUTH_FILE_MAX);
    imgrel_error why = {0};
    char *path = ir_path_join(x->run->r->dir, name);
    int rc = path ? ir_file_read(path, &old, &why) : ir_nomem(&why);
    rc = rc == IMGREL_ENOTFOUND ? 0 : rc;
    if (rc)
        ir_fail(err, rc, "%s", why.message);
    if (!rc)
        rc = ir_creds_merge(old.len ? old.p : NULL, old.len, x->site->conf->host, x->user,
                            x->secret, &new, err);
    if (!rc)
        rc = write_and_read(path, new.p, new.len, err);
    ir_buf_free(&old);
    ir_buf_free(&new);
    free(path);
    return rc;
}

/* ---- a command and a function
 * ----------------------------------------------------------------------- */

static int command_failed(const char *name, int status, imgrel_error *err)
{
    ir_fail(err, IMGREL_EFAILED, "%s took no secret: it ended with %d", name, status);
    return ir_cure(err, "its standard input is one JSON line: role, registry, robot, secret"),
           IMGREL_EFAILED;
}

/* argv[1...] of a list of words; NULL: no memory, or not words. */
static const char **words_of(const ir_json *list)
{
    size_t n = ir_json_len(list);
    const char **argv = calloc(n + 1, sizeof *argv);
    for (size_t i = 0; argv && i < n; i++)
        if (!(argv[i] = ir_json_text(ir_json_at(list, i)))) {
            free(argv);
            return NULL;
        }
    return argv;
}

static int to_command(const parcel *x, const ir_json *command, imgrel_error *err)
{
    ir_buf in = IR_BUF_SECRET(IR_SECRET_MAX);
    IR_AUTO(ir_json_p)
    j = ir_json_pack("{s:s, s:s, s:s, s:s}", "role", x->role, "registry", x->site->conf->host,
                     "robot", x->user, "secret", x->secret);
    const char **argv = words_of(command);
    int status = 0, rc = j && argv ? ir_json_dump(j, IR_JSON_COMPACT, &in, err) : ir_nomem(err);
    ir_buf_addc(&in, '\n');
    if (!rc)
        rc = ir_buf_check(&in, err, "a secret");
    if (!rc) {
        ir_proc p = {.argv = argv,
                     .dir = x->run->r->dir,
                     .in = in.p,
                     .in_len = in.len,
                     .timeout_ms = COMMAND_MS};
        rc = ir_proc_run(&p, x->run->call.cancel, x->run->call.deadline_ms, &status, err);
    }
    if (!rc && status)
        rc = command_failed(argv[0], status, err);
    ir_buf_free(&in);
    free(argv);
    return rc;
}

static int to_caller(const parcel *x, imgrel_error *err)
{
    const ir_release *r = x->run->r;
    if (!r->on_secret ||
        !r->on_secret(r->on_secret_user, x->role, x->site->conf->host, x->user, x->secret))
        return 0;
    return ir_fail(err, IMGREL_EFAILED, "the caller did not keep the secret of %s", x->user);
}

/* ---- Kubernetes and GitLab
 * -------------------------------------------------------------------------- */

static const ir_rel_place *find_place(const ir_rel_run *run, const char *cluster)
{
    for (size_t i = 0; i < run->r->file.n_clusters; i++)
        if (!cluster || ir_streq(run->places[i].conf->name, cluster))
            return &run->places[i];
    return NULL;
}

static int same_login(const parcel *x, const char *where, const char *user, const char *secret,
                      imgrel_error *err)
{
    return ir_streq(user, x->user) && ir_streq(secret, x->secret) ? 0 : differs(where, err);
}

static int to_secret(const parcel *x, const ir_rel_delivery_secret *d, imgrel_error *err)
{
    const ir_rel_place *p = find_place(x->run, d->cluster);
    const char *change = NULL, *host = x->site->conf->host;
    char *user = NULL, *secret = NULL;
    if (!p || !p->kube)
        return ir_fail(err, IMGREL_EINVAL, "secret %s: there is no cluster \"%s\"", d->name,
                       d->cluster ? d->cluster : "");
    int rc = ir_kube_secret_ensure(&x->run->call, p->kube, d->ns, d->name, host, x->user, x->secret,
                                   NULL, &change, err);
    if (!rc)
        rc =
            ir_kube_secret_login(&x->run->call, p->kube, d->ns, d->name, host, &user, &secret, err);
    if (!rc)
        rc = same_login(x, d->name, user, secret, err);
    free(user);
    ir_free_secret(secret);
    return rc;
}

#ifdef IR_ENABLE_GITLAB
static int read_token(const parcel *x, const char *name, char **ret, imgrel_error *err)
{
    ir_buf b = IR_BUF_SECRET(IR_SECRET_MAX);
    char *path = ir_path_join(x->run->r->dir, name);
    int rc = path ? ir_file_read(path, &b, err) : ir_nomem(err);
    ir_buf_truncate(&b, strcspn(ir_buf_str(&b), "\r\n"));
    *ret = rc ? NULL : ir_buf_take(&b);
    ir_buf_free(&b);
    free(path);
    return !rc && !*ret ? ir_nomem(err) : rc;
}

/* A config.json with this login alone, without a blank: GitLab masks no value that has one. Jobs
 * may know the registry by another name, which then has the login too. */
static int compact_config(const parcel *x, ir_buf *out, imgrel_error *err)
{
    const ir_rel_file *f = &x->run->r->file;
    ir_buf config = IR_BUF_SECRET(IR_SECRET_MAX), both = IR_BUF_SECRET(IR_SECRET_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    char *host = NULL;
    bool plain = false, other = f->has_gitlab && f->gitlab.push_url &&
                                &f->registries[f->gitlab.registry_at] == x->site->conf;
    int rc = ir_creds_merge(NULL, 0, x->site->conf->host, x->user, x->secret, &config, err);
    if (!rc && other)
        rc = ir_rel_push_host(f, &host, &plain, err);
    if (!rc)
        rc = ir_creds_merge(config.p, config.len, host ? host : x->site->conf->host, x->user,
                            x->secret, &both, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&both), both.len, "a config.json", &j, err);
    if (!rc)
        rc = ir_json_dump(j, IR_JSON_COMPACT, out, err);
    ir_buf_free(&config);
    ir_buf_free(&both);
    free(host);
    return rc;
}

static int put_and_read(const parcel *x, ir_gitlab *g, const char *key, const char *value,
                        bool file, imgrel_error *err)
{
    char *is = NULL;
    int rc = ir_gitlab_variable_put(&x->run->call, g, key, value, file, err);
    if (!rc)
        rc = ir_gitlab_variable_get(&x->run->call, g, key, &is, err);
    if (!rc && !ir_streq(is, value))
        rc = differs(key, err);
    ir_free_secret(is);
    return rc;
}

/* One variable, a file that is a whole config.json: name and secret can't change apart. */
static int to_variable(const parcel *x, ir_gitlab *g, const char *key, imgrel_error *err)
{
    ir_buf config = IR_BUF_SECRET(IR_SECRET_MAX);
    int rc = compact_config(x, &config, err);
    if (!rc)
        rc = put_and_read(x, g, key, ir_buf_str(&config), true, err);
    ir_buf_free(&config);
    return rc;
}

/* Two variables change one after the other; if the second can't, the first is what it was. */
static int to_pair(const parcel *x, ir_gitlab *g, const ir_rel_delivery_gitlab *d,
                   imgrel_error *err)
{
    imgrel_error why = {0};
    char *was = NULL;
    int rc = ir_gitlab_variable_get(&x->run->call, g, d->user_variable, &was, &why);
    if (rc && rc != IMGREL_ENOTFOUND)
        return ir_fail(err, rc, "%s", why.message);
    rc = put_and_read(x, g, d->user_variable, x->user, false, err);
    if (!rc)
        rc = put_and_read(x, g, d->secret_variable, x->secret, false, err);
    if (rc && was)
        (void)!ir_gitlab_variable_put(&x->run->call, g, d->user_variable, was, false, NULL);
    ir_free_secret(was);
    return rc;
}

static int to_gitlab(const parcel *x, const ir_rel_delivery_gitlab *d, imgrel_error *err)
{
    char *token = NULL;
    ir_gitlab *g = NULL;
    int rc = read_token(x, d->token_file, &token, err);
    if (!rc)
        rc = ir_gitlab_new(d->url, d->project, token, &g, err);
    if (!rc)
        rc = d->variable ? to_variable(x, g, d->variable, err) : to_pair(x, g, d, err);
    ir_gitlab_free(g);
    ir_free_secret(token);
    return rc;
}
#else
static int to_gitlab(const parcel *x, const ir_rel_delivery_gitlab *d, imgrel_error *err)
{
    (void)x;
    return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: this library was built without GitLab", d->url);
}
#endif

/* ---- all of a role's places
 * ------------------------------------------------------------------------- */

static int deliver_to(const parcel *x, const ir_json *item, imgrel_error *err)
{
    ir_rel_delivery d;
    ir_rel_delivery_secret secret = {0};
    ir_rel_delivery_gitlab gitlab = {0};
    ir_rel_delivery_read(&x->run->r->file, item, &d, &secret, &gitlab);
    if (d.registry && !ir_streq(d.registry, x->site->conf->name))
        return 0;
    if (d.docker_config)
        return to_docker_config(x, d.docker_config, err);
    if (d.command)
        return to_command(x, d.command, err);
    if (d.secret)
        return to_secret(x, &secret, err);
    if (d.gitlab)
        return to_gitlab(x, &gitlab, err);
    int rc = d.user_file ? to_file(x, d.user_file, x->user, err) : 0;
    return rc || !d.file ? rc : to_file(x, d.file, x->secret, err);
}

static int deliver(ir_rel_run *run, ir_rel_site *s, enum ir_rel_role role, ir_rel_row *row,
                   imgrel_error *err)
{
    const ir_json *list = run->r->file.deliver[role];
    size_t n = ir_json_len(list);
    bool push = role == IR_REL_PUSH_ROLE;
    parcel x = {run, s, ir_rel_roles[role], push ? s->push_user : s->pull_user,
                push ? s->push_secret : s->pull_secret};
    if (!s->next[role]) {
        ir_rel_say(row, "skipped", "not done: the %s robot is not rotated", x.role);
        return 0;
    }
    if (IR_DRY_RUN(&run->call)) {
        ir_rel_say(row, "would", "given to %zu more places", n);
        return 0;
    }
    int rc = to_caller(&x, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = deliver_to(&x, ir_json_at(list, i), err);
    if (!rc)
        rc = ir_rel_try_pull(run, s, x.user, x.secret, err);
    if (!rc)
        ir_rel_say(row, "done", "%zu more places have the login of %s, and it pulls", n, x.user);
    return rc;
}

int ir_rel_deliver_push(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return deliver(run, target, IR_REL_PUSH_ROLE, row, err);
}

int ir_rel_deliver_pull(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    return deliver(run, target, IR_REL_PULL_ROLE, row, err);
}
