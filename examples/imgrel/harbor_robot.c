/* harbor_robot.c - imgrel harbor robot: accounts made, changed, listed, rotated; their secrets go
 * to a file or a pipe. With one word a robot is the system's, with two it is a project's. */
#include "harbor.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const head[] = {"NAME", "STATE", "EXPIRES", "RIGHTS", NULL};

static const char *project_of(const cli *c)
{
    return c->n_words > 1 ? c->words[0] : NULL;
}

static const char *name_of(const cli *c)
{
    return c->words[c->n_words - 1];
}

/* ---- lists ---- */

/* A robot's rights; those of a system robot with the project that they are for. */
static void rights(const json_t *robot, char *ret, size_t len)
{
    bool of_project = !strcmp(cli_str(robot, "level"), "project");
    json_t *p = NULL, *a = NULL;
    size_t i = 0, k = 0, n = 0;

    ret[0] = '\0';
    json_array_foreach(json_object_get(robot, "permissions"), i, p)
    {
        json_array_foreach(json_object_get(p, "access"), k, a)
        {
            int more = snprintf(ret + n, len - n, "%s%s%s%s:%s", n ? "," : "",
                                of_project ? "" : cli_str(p, "namespace"), of_project ? "" : " ",
                                cli_str(a, "resource"), cli_str(a, "action"));
            if (more < 0 || (size_t)more >= len - n)
                return;
            n += (size_t)more;
        }
    }
}

/* An expired one is enabled for Harbor. */
static const char *state(const json_t *robot)
{
    int64_t at = json_integer_value(json_object_get(robot, "expires_at"));

    return json_is_true(json_object_get(robot, "disable"))     ? "disabled"
           : json_is_false(json_object_get(robot, "editable")) ? "legacy"
           : at > 0 && at <= (int64_t)time(NULL)               ? "expired"
                                                               : "enabled";
}

static void robot_row(cli_table *t, const json_t *j)
{
    char access[256], expires[32] = "never";
    time_t at = (time_t)json_integer_value(json_object_get(j, "expires_at"));
    struct tm tm;

    rights(j, access, sizeof access);
    if (at > 0 && gmtime_r(&at, &tm))
        strftime(expires, sizeof expires, "%Y-%m-%d", &tm);
    cli_table_row(t, cli_str(j, "name"), state(j), expires, access);
}

/* What expires until then is a hit, and what has expired; what is disabled is not. */
typedef struct expiring {
    time_t until; /* 0: all are listed */
    size_t n;
} expiring;

static bool is_hit(const expiring *e, const char *item)
{
    json_t *j = json_loads(item, 0, NULL);
    int64_t at = json_integer_value(json_object_get(j, "expires_at"));
    bool hit = at > 0 && at <= (int64_t)e->until && !json_is_true(json_object_get(j, "disable"));

    json_decref(j);
    return hit;
}

static int list_of(cli *c, imgrel_harbor *h, const char *project, expiring *e, cli_table *t,
                   imgrel_error *err)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    json_t *j = NULL;
    int more = 0;
    int rc = imgrel_harbor_list(h, "robot", project, cli_value(c, "query"), &c->opts, &it, err);

    while (!rc && (more = imgrel_iter_next(it, &item, err)) == 1) {
        if (e->until && !is_hit(e, item))
            continue;
        e->n++;
        rc = cli_document(c, item, &j, err);
        if (j)
            robot_row(t, j);
        json_decref(j);
    }
    imgrel_iter_free(it);
    return rc ? rc : more < 0 ? more : 0;
}

/* Harbor has no list of all robots: the system's, and those of each project. */
static int list_all(cli *c, imgrel_harbor *h, expiring *e, cli_table *t, imgrel_error *err)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int more = 0, rc = list_of(c, h, NULL, e, t, err);

    if (rc || (rc = imgrel_harbor_list(h, "project", NULL, NULL, &c->opts, &it, err)))
        return rc;
    while (!rc && (more = imgrel_iter_next(it, &item, err)) == 1) {
        json_t *j = json_loads(item, 0, NULL);
        rc = list_of(c, h, cli_str(j, "name"), e, t, err);
        json_decref(j);
    }
    imgrel_iter_free(it);
    return rc ? rc : more < 0 ? more : 0;
}

static int read_expiring(const cli *c, expiring *e, imgrel_error *err)
{
    const char *text = cli_value(c, "expiring");
    char *end = NULL;
    unsigned long n = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

    if (!text)
        return 0;
    if (!end || n > 100000 || (strcmp(end, "d") && strcmp(end, "w")))
        return cli_fail(err, IMGREL_EINVAL, NULL, "--expiring %s: say days or weeks, as 14d or 2w",
                        text);
    e->until = time(NULL) + (time_t)n * (*end == 'w' ? 7 : 1) * 86400;
    return 0;
}

int cmd_robot_list(cli *c, imgrel_error *err)
{
    cli_table t = {.n_columns = 4};
    imgrel_harbor *h = NULL;
    expiring e = {0};
    int rc = read_expiring(c, &e, err);

    if (!rc && cli_has(c, "all") && c->n_words)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--all is of every project: name none");
    if (rc || (rc = harbor_open(c, &h, err)))
        return rc;
    if (!c->json)
        cli_table_row(&t, head[0], head[1], head[2], head[3]);
    rc = cli_has(c, "all") ? list_all(c, h, &e, &t, err)
                           : list_of(c, h, c->n_words ? c->words[0] : NULL, &e, &t, err);
    cli_progress_end(c);
    cli_table_print(&t);
    imgrel_harbor_free(h);
    if (!rc && e.until && e.n)
        return cli_fail(err, IMGREL_EFAILED,
                        "make their lives longer (robot update --expires) or rotate them",
                        "%zu robot%s expired or will within %s", e.n, e.n == 1 ? "" : "s",
                        cli_value(c, "expiring"));
    return rc;
}

/* ---- what a robot shall be ---- */

/* --access repository:pull ... as Harbor's list. */
static int access_list(const cli *c, json_t *spec, imgrel_error *err)
{
    json_t *all = NULL;

    for (size_t i = 0; cli_nth(c, "access", i); i++) {
        const char *text = cli_nth(c, "access", i), *colon = strchr(text, ':');
        if (!colon || colon == text || !colon[1])
            return cli_fail(err, IMGREL_EINVAL, NULL, "--access %s: it must be RESOURCE:ACTION",
                            text);
        if (!all && !json_object_set_new(spec, "access", json_array()))
            all = json_object_get(spec, "access");
        json_array_append_new(all, json_pack("{s:s%, s:s}", "resource", text,
                                             (size_t)(colon - text), "action", colon + 1));
    }
    return 0;
}

static void add_projects(const cli *c, json_t *spec)
{
    json_t *all = cli_has(c, "project") ? json_array() : NULL;

    for (size_t i = 0; cli_nth(c, "project", i); i++)
        json_array_append_new(all, json_string(cli_nth(c, "project", i)));
    if (all)
        json_object_set_new(spec, "projects", all);
}

/* --spec FILE, and over it what is said by options. */
static int robot_spec(const cli *c, bool new_secret, char **ret, imgrel_error *err)
{
    static const char *const plain[] = {"role", "expires", "description"};
    char *text = NULL, *own = NULL;
    size_t len = 0;
    json_t *spec = NULL;
    int rc = cli_value(c, "spec") ? cli_read_file(cli_value(c, "spec"), &text, &len, err) : 0;

    if (!rc && !(spec = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : json_object()))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--spec %s: not a JSON document",
                      cli_value(c, "spec"));
    for (size_t i = 0; !rc && i < 3; i++)
        if (cli_value(c, plain[i]))
            json_object_set_new(spec, plain[i], json_string(cli_value(c, plain[i])));
    if (!rc && !(rc = access_list(c, spec, err)))
        add_projects(c, spec);
    if (!rc && new_secret)
        json_object_set_new(spec, "new_secret", json_true());
    if (!rc && cli_value(c, "secret-from") &&
        !(rc = cli_read_secret(c, cli_value(c, "secret-from"), &own, err)))
        json_object_set_new(spec, "secret", json_string(own));
    if (!rc && !(*ret = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    cli_free_secret(own);
    cli_free_secret(text);
    json_decref(spec);
    return rc;
}

/* Keeps the secret if there is a new one and tells the name: on standard output, unless the secret
 * goes there. */
static int finish_robot(const cli *c, const imgrel_robot *r, cli_secret_file *f, imgrel_error *err)
{
    const char *secret = imgrel_robot_secret(r);
    bool piped = f->path && !f->temp;
    int rc = secret && f->path ? cli_secret_keep(f, secret, err) : 0;

    if (rc)
        return rc;
    if (secret && strstr(imgrel_robot_json(r), "\"rotated\""))
        cli_note(c,
                 "%s has a new secret; the old one no longer works, but bearer tokens that were "
                 "given out by it live up to 30 minutes more",
                 imgrel_robot_name(r));
    if (piped)
        fprintf(stderr, "%s\n", imgrel_robot_name(r));
    else
        puts(c->json ? imgrel_robot_json(r) : imgrel_robot_name(r));
    return 0;
}

/* ---- commands ---- */

typedef int robot_call(imgrel_harbor *h, const char *project, const char *name, const char *spec,
                       const imgrel_opts *o, imgrel_robot **out, imgrel_error *err);

static int put_robot(cli *c, robot_call *fn, bool new_secret, imgrel_error *err)
{
    const char *path = cli_value(c, "secret-file");
    cli_secret_file f = {.fd = -1};
    imgrel_robot *r = NULL;
    imgrel_harbor *h = NULL;
    char *spec = NULL;
    int rc = 0;

    if ((rc = harbor_open(c, &h, err)) || (path && (rc = cli_secret_open(&f, path, err))))
        goto out;
    /* Without the secret at hand the robot is of no use here: it gets a new one. */
    if (fn == imgrel_harbor_robot_ensure && !cli_value(c, "secret-from"))
        new_secret = new_secret || !f.was_there;
    rc = robot_spec(c, new_secret, &spec, err);
    if (!rc)
        rc = fn(h, project_of(c), name_of(c), spec, &c->opts, &r, err);
    cli_progress_end(c);
    if (!rc)
        rc = finish_robot(c, r, &f, err);
out:
    cli_secret_drop(&f);
    imgrel_robot_free(r);
    imgrel_harbor_free(h);
    cli_free_secret(spec);
    return rc;
}

static int need_file(const cli *c, imgrel_error *err)
{
    if (cli_value(c, "secret-file") || cli_value(c, "secret-from") || cli_has(c, "dry-run"))
        return 0;
    return cli_fail(err, IMGREL_EINVAL, NULL, "--secret-file FILE: where shall its secret go?");
}

int cmd_robot_ensure(cli *c, imgrel_error *err)
{
    bool rights = cli_has(c, "role") || cli_has(c, "access");
    int rc = need_file(c, err);

    if (!rc && ((cli_has(c, "role") && cli_has(c, "access")) || (!rights && !cli_has(c, "spec"))))
        rc = cli_fail(err, IMGREL_EINVAL, NULL,
                      "a robot needs --role or --access, one of them, or a --spec");
    return rc ? rc : put_robot(c, imgrel_harbor_robot_ensure, cli_has(c, "new-secret"), err);
}

int cmd_robot_create(cli *c, imgrel_error *err)
{
    int rc = need_file(c, err);

    return rc ? rc : put_robot(c, imgrel_harbor_robot_create, false, err);
}

int cmd_robot_update(cli *c, imgrel_error *err)
{
    bool rotate = cli_has(c, "new-secret");
    int rc = rotate ? need_file(c, err) : 0;

    return rc ? rc : put_robot(c, imgrel_harbor_robot_update, rotate, err);
}

static int set_state(cli *c, const char *spec, imgrel_error *err)
{
    imgrel_robot *r = NULL;
    imgrel_harbor *h = NULL;
    int rc = harbor_open(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_robot_update(h, project_of(c), name_of(c), spec, &c->opts, &r, err);
    if (!rc)
        puts(c->json ? imgrel_robot_json(r) : imgrel_robot_name(r));
    imgrel_robot_free(r);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_robot_enable(cli *c, imgrel_error *err)
{
    return set_state(c, "{\"enabled\": true}", err);
}

int cmd_robot_disable(cli *c, imgrel_error *err)
{
    int rc = set_state(c, "{\"enabled\": false}", err);

    if (!rc)
        cli_note(c, "bearer tokens that it has already live up to 30 minutes more");
    return rc;
}

int cmd_robot_rotate(cli *c, imgrel_error *err)
{
    int rc = need_file(c, err);

    return rc ? rc : put_robot(c, imgrel_harbor_robot_update, !cli_value(c, "secret-from"), err);
}

int cmd_robot_get(cli *c, imgrel_error *err)
{
    cli_table t = {.n_columns = 4};
    imgrel_robot *r = NULL;
    imgrel_harbor *h = NULL;
    json_t *j = NULL;
    int rc = harbor_open(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_robot_get(h, project_of(c), name_of(c), &c->opts, &r, err);
    if (!rc)
        rc = cli_document(c, imgrel_robot_json(r), &j, err);
    if (j) {
        cli_table_row(&t, head[0], head[1], head[2], head[3]);
        robot_row(&t, j);
        cli_table_print(&t);
    }
    json_decref(j);
    imgrel_robot_free(r);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_robot_delete(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    int rc = harbor_open(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_robot_delete(h, project_of(c), name_of(c), &c->opts, err);
    imgrel_harbor_free(h);
    if (!rc)
        cli_note(c, "bearer tokens that it has already live up to 30 minutes more");
    return rc ? rc : harbor_say_deleted(c, name_of(c), err);
}
