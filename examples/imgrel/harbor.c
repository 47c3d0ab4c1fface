/* harbor.c - imgrel harbor: projects and robot accounts. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int open_harbor(const cli *c, imgrel_harbor **ret, imgrel_error *err)
{
    const char *url = cli_value(c, "url"), *user = cli_value(c, "user");
    const char *file = cli_value(c, "password-file");
    char *password = NULL;
    int rc = 0;

    url = url ? url : getenv("HARBOR_URL");
    user = user ? user : getenv("HARBOR_USER");
    file = file ? file : getenv("HARBOR_PASSWORD_FILE");
    if (!url || !*url)
        return cli_fail(err, IMGREL_EINVAL, "give --url, or set HARBOR_URL", "which Harbor?");
    if (user && !file)
        return cli_fail(err, IMGREL_EINVAL, "give --password-file, or set HARBOR_PASSWORD_FILE",
                        "no password for Harbor user %s", user);
    if (user && (rc = cli_read_secret(c, file, &password, err)))
        return rc;
    rc = imgrel_harbor_new(c->client, url, user, password, ret, err);
    cli_free_secret(password);
    return rc;
}

int cmd_harbor_check(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int rc = open_harbor(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_check(h, &c->opts, &text, err);
    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j)
        printf("Harbor %s: logged in as %s%s\n", cli_str(j, "version"), cli_str(j, "user"),
               json_is_true(json_object_get(j, "robot"))   ? " (robot)"
               : json_is_true(json_object_get(j, "admin")) ? " (administrator)"
                                                           : "");
    json_decref(j);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

/* ---- projects ---- */

static const char *privacy(const json_t *project)
{
    return strcmp(cli_str(json_object_get(project, "metadata"), "public"), "true") ? "private"
                                                                                   : "public";
}

static int print_project(const cli *c, const char *text, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = cli_document(c, text, &j, err);

    if (j)
        printf("project %s: %s%s%s\n", cli_str(j, "name"), privacy(j),
               *cli_str(j, "imgrel") ? ", " : "", cli_str(j, "imgrel"));
    json_decref(j);
    return rc;
}

int cmd_project_ensure(cli *c, imgrel_error *err)
{
    bool is_private = cli_has(c, "private"), is_public = cli_has(c, "public");
    imgrel_harbor *h = NULL;
    char *text = NULL;
    int rc = 0;

    if (is_private && is_public)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--private and --public cannot both be");
    rc = open_harbor(c, &h, err);
    if (!rc)
        rc = imgrel_harbor_project_ensure(h, c->words[0],
                                          is_private  ? 1
                                          : is_public ? 0
                                                      : -1,
                                          &c->opts, &text, err);
    if (!rc)
        rc = print_project(c, text, err);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_project_get(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *text = NULL;
    int rc = open_harbor(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_project_get(h, c->words[0], &c->opts, &text, err);
    if (!rc)
        rc = print_project(c, text, err);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

/* "deleted WHAT", or {"deleted": WHAT}. */
static int say_deleted(const cli *c, const char *what, imgrel_error *err)
{
    if (c->json)
        return cli_print(json_pack("{s:s}", "deleted", what), err);
    printf("deleted %s\n", what);
    return 0;
}

int cmd_project_delete(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    int rc = open_harbor(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_project_delete(h, c->words[0], cli_has(c, "with-repositories"), &c->opts,
                                          err);
    imgrel_harbor_free(h);
    return rc ? rc : say_deleted(c, c->words[0], err);
}

/* ---- lists ---- */

static int list(cli *c, const char *kind, const char *parent, const char *const *head,
                cli_item_fn *fn, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    imgrel_iter *it = NULL;
    int rc = open_harbor(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_list(h, kind, parent, cli_value(c, "query"), &c->opts, &it, err);
    if (!rc)
        rc = cli_list(c, it, NULL, head, fn, err);
    imgrel_harbor_free(h);
    return rc;
}

static void project_row(cli_table *t, const json_t *j)
{
    char repos[24];

    snprintf(repos, sizeof repos, "%lld",
             (long long)json_integer_value(json_object_get(j, "repo_count")));
    cli_table_row(t, cli_str(j, "name"), privacy(j), repos, cli_str(j, "owner_name"));
}

int cmd_project_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "NAME", "ACCESS", "REPOSITORIES", "OWNER", NULL };

    return list(c, "project", NULL, head, project_row, err);
}

/* "pull,push" of a robot's repository rights, and the others in full. */
static void rights(const json_t *robot, char *ret, size_t len)
{
    const json_t *permissions = json_object_get(robot, "permissions");
    json_t *access = json_object_get(json_array_get(permissions, 0), "access"), *a = NULL;
    size_t i = 0, n = 0;

    ret[0] = '\0';
    json_array_foreach(access, i, a)
    {
        int k = snprintf(ret + n, len - n, "%s%s:%s", n ? "," : "", cli_str(a, "resource"),
                         cli_str(a, "action"));
        if (k < 0 || (size_t)k >= len - n)
            break;
        n += (size_t)k;
    }
}

static void robot_row(cli_table *t, const json_t *j)
{
    char access[256], expires[32] = "never";
    time_t at = (time_t)json_integer_value(json_object_get(j, "expires_at"));
    struct tm tm;

    rights(j, access, sizeof access);
    if (at > 0 && gmtime_r(&at, &tm))
        strftime(expires, sizeof expires, "%Y-%m-%d", &tm);
    cli_table_row(t, cli_str(j, "name"),
                  json_is_true(json_object_get(j, "disable")) ? "disabled" : "enabled", expires,
                  access);
}

int cmd_robot_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "NAME", "STATE", "EXPIRES", "RIGHTS", NULL };

    return list(c, "robot", c->n_words ? c->words[0] : NULL, head, robot_row, err);
}

static void repo_row(cli_table *t, const json_t *j)
{
    char artifacts[24];

    snprintf(artifacts, sizeof artifacts, "%lld",
             (long long)json_integer_value(json_object_get(j, "artifact_count")));
    cli_table_row(t, cli_str(j, "name"), artifacts);
}

int cmd_repo_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "NAME", "ARTIFACTS", NULL };

    return list(c, "repository", c->words[0], head, repo_row, err);
}

static void artifact_row(cli_table *t, const json_t *j)
{
    char tags[256] = "", size[24];
    json_t *tag = NULL;
    size_t i = 0, n = 0;

    json_array_foreach(json_object_get(j, "tags"), i, tag)
    {
        int k = snprintf(tags + n, sizeof tags - n, "%s%s", n ? "," : "", cli_str(tag, "name"));
        if (k < 0 || (size_t)k >= sizeof tags - n)
            break;
        n += (size_t)k;
    }
    cli_size((double)json_integer_value(json_object_get(j, "size")), size);
    cli_table_row(t, cli_str(j, "digest"), tags, cli_str(j, "type"), size);
}

int cmd_artifact_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "DIGEST", "TAGS", "TYPE", "SIZE", NULL };

    return list(c, "artifact", c->words[0], head, artifact_row, err);
}

/* ---- robots ---- */

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

static int robot_spec(const cli *c, bool new_secret, char **ret, imgrel_error *err)
{
    static const char *const plain[] = { "role", "expires", "description" };
    json_t *spec = json_pack("{s:b}", "new_secret", (int)new_secret);
    int rc = 0;

    if (cli_has(c, "role") == cli_has(c, "access"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "a robot needs --role or --access, one of them");
    for (size_t i = 0; i < 3; i++)
        if (cli_value(c, plain[i]))
            json_object_set_new(spec, plain[i], json_string(cli_value(c, plain[i])));
    if (!rc)
        rc = access_list(c, spec, err);
    if (!rc && !(*ret = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    json_decref(spec);
    return rc;
}

/* Keeps the secret if there is a new one and tells the name: on standard output, unless the secret
 * goes there. */
static int finish_robot(const cli *c, const imgrel_robot *r, cli_secret_file *f, imgrel_error *err)
{
    const char *secret = imgrel_robot_secret(r);
    bool piped = f->path && !f->temp;
    int rc = secret ? cli_secret_keep(f, secret, err) : 0;

    if (rc)
        return rc;
    if (secret && strstr(imgrel_robot_json(r), "\"rotated\""))
        cli_note(c, "%s has a new secret; its old one no longer works", imgrel_robot_name(r));
    if (piped)
        fprintf(stderr, "%s\n", imgrel_robot_name(r));
    else
        puts(c->json ? imgrel_robot_json(r) : imgrel_robot_name(r));
    return 0;
}

int cmd_robot_ensure(cli *c, imgrel_error *err)
{
    const char *path = cli_value(c, "secret-file");
    cli_secret_file f = { .fd = -1 };
    imgrel_robot *r = NULL;
    imgrel_harbor *h = NULL;
    char *spec = NULL;
    int rc = 0;

    if (!path && !cli_has(c, "dry-run"))
        return cli_fail(err, IMGREL_EINVAL, NULL, "--secret-file FILE: where shall its secret go?");
    if ((rc = open_harbor(c, &h, err)) || (path && (rc = cli_secret_open(&f, path, err))))
        goto out;
    /* Without the secret at hand the robot is of no use here: it gets a new one. */
    rc = robot_spec(c, cli_has(c, "new-secret") || !f.was_there, &spec, err);
    if (!rc)
        rc = imgrel_harbor_robot_ensure(h, c->words[0], c->words[1], spec, &c->opts, &r, err);
    if (!rc)
        rc = finish_robot(c, r, &f, err);
out:
    cli_secret_drop(&f);
    imgrel_robot_free(r);
    imgrel_harbor_free(h);
    free(spec);
    return rc;
}

int cmd_robot_rotate(cli *c, imgrel_error *err)
{
    const char *path = cli_value(c, "secret-file");
    cli_secret_file f = { .fd = -1 };
    imgrel_robot *r = NULL;
    imgrel_harbor *h = NULL;
    int rc = 0;

    if (!path)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--secret-file FILE: where shall its secret go?");
    if (!(rc = open_harbor(c, &h, err)) && !(rc = cli_secret_open(&f, path, err)) &&
        !(rc = imgrel_harbor_robot_rotate(h, c->words[0], c->words[1], &c->opts, &r, err)))
        rc = finish_robot(c, r, &f, err);
    cli_secret_drop(&f);
    imgrel_robot_free(r);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_robot_get(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "NAME", "STATE", "EXPIRES", "RIGHTS", NULL };
    cli_table t = { .n_columns = 4 };
    imgrel_robot *r = NULL;
    imgrel_harbor *h = NULL;
    json_t *j = NULL;
    int rc = open_harbor(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_robot_get(h, c->words[0], c->words[1], &c->opts, &r, err);
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
    int rc = open_harbor(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_robot_delete(h, c->words[0], c->words[1], &c->opts, err);
    imgrel_harbor_free(h);
    if (!rc)
        cli_note(c, "bearer tokens that it has already live up to 30 minutes more");
    return rc ? rc : say_deleted(c, c->words[1], err);
}
