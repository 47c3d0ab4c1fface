/* gitlab.c - imgrel gitlab: variables, runners, the pipeline's file, tags, and pipelines that are
 * waited for. URL, project and token come by options, by the environment, or from the key gitlab of
 * a release file. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- which GitLab ---- */

static const char *setting(const cli *c, const char *option, const char *env, const char *file)
{
    const char *value = cli_value(c, option);
    value = value ? value : getenv(env);
    return value && *value ? value : file && *file ? file : NULL;
}

/* of: what a release file says; NULL: there is none. */
static int open_gitlab(const cli *c, const json_t *of, imgrel_gitlab **ret, imgrel_error *err)
{
    const char *url = setting(c, "url", "GITLAB_URL", cli_str(of, "url"));
    const char *project = setting(c, "project", "GITLAB_PROJECT", cli_str(of, "project"));
    const char *file = setting(c, "token-file", "GITLAB_TOKEN_FILE", cli_str(of, "token_file"));
    char *token = NULL;
    if (!url)
        return cli_fail(err, IMGREL_EINVAL, "give --url, or set GITLAB_URL", "which GitLab?");
    if (!project)
        return cli_fail(err, IMGREL_EINVAL, "give --project, or set GITLAB_PROJECT",
                        "which project of GitLab?");
    if (!file)
        return cli_fail(err, IMGREL_EINVAL, "give --token-file, or set GITLAB_TOKEN_FILE",
                        "no token for GitLab");
    int rc = cli_read_secret(c, file, &token, err);
    if (!rc)
        rc = imgrel_gitlab_new(c->client, url, project, token, ret, err);
    cli_free_secret(token);
    return rc;
}

static int dump(json_t *j, char **ret, imgrel_error *err)
{
    *ret = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return *ret ? 0 : cli_nomem(err);
}

/* "created variable KEY", or the document. It is freed, and wiped. */
static int say(const cli *c, const char *kind, const char *key, char *text, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = cli_document(c, text, &j, err);
    if (j)
        printf("%s %s %s\n", cli_str(j, "imgrel"), kind, key);
    json_decref(j);
    cli_free_secret(text);
    return rc;
}

static int put(cli *c, imgrel_gitlab *g, const char *kind, const char *key, json_t *want,
               imgrel_error *err)
{
    char *spec = NULL, *text = NULL;
    int rc = dump(want, &spec, err);
    if (cli_has(c, "dry-run"))
        c->opts.flags |= IMGREL_FLAG_DRY_RUN;
    if (!rc)
        rc = imgrel_gitlab_put(g, kind, key, spec, &c->opts, &text, err);
    cli_free_secret(spec);
    cli_progress_end(c);
    return rc ? rc : say(c, kind, key, text, err);
}

/* ---- variables ---- */

/* {"auths": {HOST: login}} on one line and without a blank, so that GitLab can mask it. */
static int login_value(const cli *c, json_t *want, imgrel_error *err)
{
    const char *user = cli_value(c, "username"), *file = cli_value(c, "password-file");
    char *password = NULL, *spec = NULL, *text = NULL, *value = NULL;
    json_t *j = NULL;
    if (!user || !file)
        return cli_fail(err, IMGREL_EINVAL, NULL,
                        "--registry: needs --username and --password-file");
    int rc = cli_read_secret(c, file, &password, err);
    if (!rc)
        rc = dump(json_pack("{s:s, s:s, s:s}", "host", cli_value(c, "registry"), "user", user,
                            "password", password),
                  &spec, err);
    if (!rc)
        rc = imgrel_node_render("docker-config", spec, &text, err);
    if (!rc && !(j = json_loads(text, 0, NULL)))
        rc = cli_nomem(err);
    if (!rc && !(rc = dump(json_incref(j), &value, err))) {
        json_object_set_new(want, "value", json_string(value));
        json_object_set_new(want, "type", json_string("file"));
    }
    json_decref(j);
    cli_free_secret(password);
    cli_free_secret(spec);
    cli_free_secret(text);
    cli_free_secret(value);
    return rc;
}

/* A file ends with a line end, a value does not: what is no file loses it. */
static int file_value(const cli *c, json_t *want, imgrel_error *err)
{
    char *text = NULL;
    size_t len = 0;
    const char *type = cli_value(c, "type");
    int rc = cli_read_file(cli_value(c, "value-file"), &text, &len, err);
    while (!rc && len && (!type || strcmp(type, "file")) &&
           (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    if (!rc && json_object_set_new(want, "value", json_stringn(text, len)))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "%s: it is no UTF-8 text",
                      cli_value(c, "value-file"));
    if (!rc && type)
        json_object_set_new(want, "type", json_string(type));
    cli_free_secret(text);
    return rc;
}

static int variable(const cli *c, json_t *want, imgrel_error *err)
{
    const char *mask = cli_value(c, "mask");
    if (!cli_value(c, "value-file") == !cli_value(c, "registry"))
        return cli_fail(err, IMGREL_EINVAL, NULL, "a variable needs --value-file, or --registry");
    if (cli_value(c, "description"))
        json_object_set_new(want, "description", json_string(cli_value(c, "description")));
    if (cli_value(c, "scope"))
        json_object_set_new(want, "environment_scope", json_string(cli_value(c, "scope")));
    if (mask && strcmp(mask, "auto"))
        json_object_set_new(want, "masked", json_boolean(!strcmp(mask, "always")));
    if (cli_has(c, "protected"))
        json_object_set_new(want, "protected", json_true());
    if (cli_has(c, "hidden"))
        json_object_set_new(want, "hidden", json_true());
    if (cli_has(c, "expand"))
        json_object_set_new(want, "raw", json_false());
    return cli_value(c, "registry") ? login_value(c, want, err) : file_value(c, want, err);
}

int cmd_gitlab_variable_ensure(cli *c, imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    json_t *want = json_object();
    int rc = variable(c, want, err);
    if (!rc)
        rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = put(c, g, "variable", c->words[0], json_incref(want), err);
    json_decref(want);
    imgrel_gitlab_free(g);
    return rc;
}

/* Names of what would be expanded; never a value. */
static int judge_value(const cli *c, char *text, imgrel_error *err)
{
    json_t *j = json_loads(text, 0, NULL), *name = NULL;
    char names[256] = "";
    size_t i = 0, n = 0;
    cli_free_secret(text);
    if (!j)
        return cli_nomem(err);
    bool intact = json_is_true(json_object_get(j, "intact"));
    json_array_foreach(json_object_get(j, "names"), i, name)
    {
        int more =
            snprintf(names + n, sizeof names - n, "%s$%s", n ? ", " : "", json_string_value(name));
        n += more > 0 && (size_t)more < sizeof names - n ? (size_t)more : 0;
    }
    json_object_del(j, "becomes");
    int rc = c->json ? cli_print(json_incref(j), err) : 0;
    if (!c->json && intact)
        printf("jobs see it as it is%s%s\n", *cli_str(j, "why") ? "; it cannot be masked: " : "",
               cli_str(j, "why"));
    json_decref(j);
    if (!rc && !intact)
        return cli_fail(err, IMGREL_EFAILED, "make it raw: imgrel gitlab variable ensure does",
                        "jobs would not see this value: %s would be expanded", names);
    return rc;
}

int cmd_gitlab_variable_check(cli *c, imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    json_t *want = json_object();
    char *spec = NULL, *text = NULL;
    int rc = cli_value(c, "value-file") ? file_value(c, want, err) : 0;
    if (!rc)
        rc = dump(json_incref(want), &spec, err);
    if (!rc)
        rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = imgrel_gitlab_do(g, "variable", c->words[0], "expand", spec, &c->opts, &text, err);
    cli_progress_end(c);
    json_decref(want);
    cli_free_secret(spec);
    imgrel_gitlab_free(g);
    return rc ? rc : judge_value(c, text, err);
}

static void variable_row(cli_table *t, const json_t *j)
{
    cli_table_row(t, cli_str(j, "key"), cli_str(j, "variable_type"),
                  json_is_true(json_object_get(j, "raw")) ? "raw" : "expanded",
                  json_is_true(json_object_get(j, "masked")) ? "masked" : "shown",
                  json_is_true(json_object_get(j, "protected")) ? "protected" : "",
                  cli_str(j, "environment_scope"));
}

static void runner_row(cli_table *t, const json_t *j)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(j, "id")));
    cli_table_row(t, id, cli_str(j, "description"), cli_str(j, "status"));
}

/* Values are not shown: a list is of names. */
static int list(cli *c, const char *kind, const char *const *head, size_t n, cli_item_fn *fn,
                imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    imgrel_iter *it = NULL;
    const char *item = NULL;
    cli_table t = {.n_columns = n};
    int more = 0, rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = imgrel_gitlab_list(g, kind, NULL, NULL, &c->opts, &it, err);
    if (!rc && !c->json)
        n == 3 ? cli_table_row(&t, head[0], head[1], head[2])
               : cli_table_row(&t, head[0], head[1], head[2], head[3], head[4], head[5]);
    while (!rc && (more = imgrel_iter_next(it, &item, err)) == 1) {
        json_t *j = json_loads(item, 0, NULL);
        json_object_del(j, "value");
        if (c->json)
            rc = cli_print(json_incref(j), err);
        else
            fn(&t, j);
        json_decref(j);
    }
    cli_progress_end(c);
    cli_table_print(&t);
    imgrel_iter_free(it);
    imgrel_gitlab_free(g);
    return rc ? rc : more < 0 ? more : 0;
}

int cmd_gitlab_variable_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = {"KEY", "TYPE", "VALUE", "LOGS", "REFS", "SCOPE"};
    return list(c, "variable", head, 6, variable_row, err);
}

int cmd_gitlab_runner_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = {"ID", "NAME", "STATUS"};
    return list(c, "runner", head, 3, runner_row, err);
}

/* "gitlab KIND delete". */
int cmd_gitlab_delete(cli *c, imgrel_error *err)
{
    const char *path = c->command->path + strlen("gitlab ");
    char kind[24] = "";
    imgrel_gitlab *g = NULL;
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(path, " "), path);
    int rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = imgrel_gitlab_delete(g, kind, c->words[0], &c->opts, err);
    cli_progress_end(c);
    if (!rc && c->json)
        rc = cli_print(json_pack("{s:s}", "deleted", c->words[0]), err);
    else if (!rc)
        printf("deleted %s %s\n", kind, c->words[0]);
    imgrel_gitlab_free(g);
    return rc;
}

/* ---- runners ---- */

static json_t *tags_of(const cli *c, char name[160])
{
    json_t *tags = json_array();
    size_t n = (size_t)snprintf(name, 160, "imgrel ");
    for (size_t i = 0; cli_nth(c, "tag", i); i++) {
        const char *tag = cli_nth(c, "tag", i);
        json_array_append_new(tags, json_string(tag));
        int more = snprintf(name + n, 160 - n, "%s%.40s", i ? "," : "", tag);
        n += more > 0 && (size_t)more < 160 - n ? (size_t)more : 0;
    }
    return tags;
}

/* Whether the token in the file is one that GitLab takes. */
static int token_works(cli *c, imgrel_gitlab *g, const char *path, bool *ret, imgrel_error *err)
{
    char *token = NULL, *spec = NULL;
    imgrel_error why = {0};
    *ret = false;
    if (cli_read_secret(c, path, &token, &why))
        return 0; /* not a token: it gets a new one */
    int rc = dump(json_pack("{s:s}", "token", token), &spec, err);
    if (!rc)
        rc = imgrel_gitlab_do(g, "runner", NULL, "verify", spec, &c->opts, NULL, &why);
    *ret = !rc;
    if (rc && rc != IMGREL_EAUTH)
        *err = why;
    cli_free_secret(token);
    cli_free_secret(spec);
    return rc == IMGREL_EAUTH ? 0 : rc;
}

static int keep_token(const cli *c, const char *name, char *text, cli_secret_file *f,
                      imgrel_error *err)
{
    json_t *j = json_loads(text, 0, NULL);
    const char *token = json_string_value(json_object_get(j, "token"));
    int rc = !j ? cli_nomem(err) : token ? cli_secret_keep(f, token, err) : 0;
    bool piped = f->path && !f->temp && !strcmp(f->path, "-");
    json_object_del(j, "token");
    if (!rc && piped)
        fprintf(stderr, "%s runner %s\n", cli_str(j, "imgrel"), name);
    else if (!rc && c->json)
        rc = cli_print(json_incref(j), err);
    else if (!rc)
        printf("%s runner %s\n", cli_str(j, "imgrel"), name);
    json_decref(j);
    cli_free_secret(text);
    return rc;
}

static int ensure_runner(cli *c, imgrel_gitlab *g, const char *name, json_t *want,
                         cli_secret_file *f, imgrel_error *err)
{
    char *spec = NULL, *text = NULL;
    bool works = false;
    int rc = f->was_there ? token_works(c, g, f->path, &works, err) : 0;
    if (!rc && !works && !cli_has(c, "dry-run"))
        json_object_set_new(want, "new_token", json_true());
    if (!rc)
        rc = dump(json_incref(want), &spec, err);
    if (cli_has(c, "dry-run"))
        c->opts.flags |= IMGREL_FLAG_DRY_RUN;
    if (!rc && cli_has(c, "no-instance-runners"))
        rc = imgrel_gitlab_put(g, "project", NULL, "{\"shared_runners_enabled\": false}", &c->opts,
                               NULL, err);
    if (!rc)
        rc = imgrel_gitlab_put(g, "runner", name, spec, &c->opts, &text, err);
    cli_progress_end(c);
    free(spec);
    return rc ? rc : keep_token(c, name, text, f, err);
}

int cmd_gitlab_runner_ensure(cli *c, imgrel_error *err)
{
    const char *path = cli_value(c, "token-out");
    cli_secret_file f = {.fd = -1};
    imgrel_gitlab *g = NULL;
    char name[160];
    json_t *want = json_pack("{s:o, s:b, s:b}", "tags", tags_of(c, name), "run_untagged",
                             cli_has(c, "untagged"), "protected", cli_has(c, "protected"));
    int rc = 0;
    if (!path || (!cli_value(c, "tag") && !cli_has(c, "untagged")))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "a runner needs --tag and --token-out");
    if (!rc)
        rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = cli_secret_open(&f, path, err);
    if (!rc)
        rc = ensure_runner(c, g, cli_value(c, "name") ? cli_value(c, "name") : name, want, &f, err);
    cli_secret_drop(&f);
    json_decref(want);
    imgrel_gitlab_free(g);
    return rc;
}

/* ---- the pipeline's file ---- */

static int read_release(const cli *c, json_t **ret, imgrel_error *err)
{
    imgrel_release *r = NULL;
    char *text = NULL;
    const char *file = cli_value(c, "file");
    *ret = NULL;
    int rc = file ? imgrel_release_load(c->client, file, &r, err)
                  : cli_fail(err, IMGREL_EINVAL, NULL, "-f FILE: which release file?");
    if (!rc)
        rc = imgrel_release_gitlab(r, &text, err);
    if (!rc && !(*ret = json_loads(text, 0, NULL)))
        rc = cli_nomem(err);
    imgrel_free(text);
    imgrel_release_free(r);
    return rc;
}

static int write_here(const cli *c, const char *path, const char *text, imgrel_error *err)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "we") : stdout;
    if (!f)
        return cli_fail_errno(err, path);
    bool bad = fputs(text, f) < 0 || fflush(f);
    if (f != stdout)
        bad = fclose(f) || bad;
    if (!bad && f != stdout)
        cli_note(c, "wrote %s", path);
    return bad ? cli_fail_errno(err, path) : 0;
}

/* GitLab's word on it; ref NULL: as a text alone. */
static int lint(cli *c, imgrel_gitlab *g, const char *ci, const char *ref, char **ret,
                imgrel_error *err)
{
    char *spec = NULL;
    int rc = dump(json_pack("{s:s, s:b, s:s*}", "content", ci, "dry_run", ref != NULL, "ref", ref),
                  &spec, err);
    if (!rc)
        rc = imgrel_gitlab_do(g, "ci", NULL, "lint", spec, &c->opts, ret, err);
    free(spec);
    return rc;
}

int cmd_gitlab_ci_write(cli *c, imgrel_error *err)
{
    json_t *of = NULL;
    imgrel_gitlab *g = NULL;
    char *said = NULL;
    int rc = read_release(c, &of, err);
    if (!rc && cli_value(c, "output")) {
        rc = write_here(c, cli_value(c, "output"), cli_str(of, "ci"), err);
        json_decref(of);
        return rc;
    }
    if (!rc)
        rc = open_gitlab(c, of, &g, err);
    if (!rc)
        rc = lint(c, g, cli_str(of, "ci"), NULL, &said, err);
    if (!rc)
        rc = put(c, g, "file", ".gitlab-ci.yml",
                 json_pack("{s:s, s:s*, s:s}", "content", cli_str(of, "ci"), "branch",
                           cli_value(c, "branch"), "message",
                           cli_value(c, "message") ? cli_value(c, "message")
                                                   : "Build and push the image with BuildKit"),
                 err);
    imgrel_free(said);
    json_decref(of);
    imgrel_gitlab_free(g);
    return rc;
}

int cmd_gitlab_ci_lint(cli *c, imgrel_error *err)
{
    json_t *of = NULL, *j = NULL, *warning = NULL;
    imgrel_gitlab *g = NULL;
    imgrel_error ignored = {0};
    char *said = NULL;
    size_t i = 0;
    int rc = read_release(c, &of, err);
    if (!rc)
        rc = open_gitlab(c, of, &g, err);
    if (!rc)
        rc = lint(c, g, cli_str(of, "ci"), cli_value(c, "ref"), &said, err);
    cli_progress_end(c);
    if (said)
        cli_document(c, said, &j, &ignored);
    json_array_foreach(json_object_get(j, "warnings"), i, warning)
        cli_note(c, "%s", json_string_value(warning) ? json_string_value(warning) : "?");
    if (!rc && !c->json)
        puts("valid");
    json_decref(j);
    json_decref(of);
    imgrel_free(said);
    imgrel_gitlab_free(g);
    return rc;
}

/* ---- tags and pipelines ---- */

int cmd_gitlab_tag_create(cli *c, imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    int rc = cli_value(c, "ref")
                 ? open_gitlab(c, NULL, &g, err)
                 : cli_fail(err, IMGREL_EINVAL, NULL, "--ref REF: what shall be tagged?");
    if (!rc)
        rc = put(c, g, "tag", c->words[0],
                 json_pack("{s:s, s:s*}", "ref", cli_value(c, "ref"), "message",
                           cli_value(c, "message")),
                 err);
    imgrel_gitlab_free(g);
    return rc;
}

static int seconds(const cli *c, const char *option, json_t *spec, imgrel_error *err)
{
    const char *text = cli_value(c, option);
    int64_t ms = text ? cli_duration(text) : 0;
    if (ms < 0)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: not a time like 30s or 10m", option,
                        text);
    if (text)
        json_object_set_new(spec, option, json_integer((ms + 999) / 1000));
    return 0;
}

static void print_pipeline(const json_t *j)
{
    cli_table t = {.n_columns = 4};
    json_t *job = NULL;
    size_t i = 0;
    cli_table_row(&t, "JOB", "STAGE", "STATUS", "REASON");
    json_array_foreach(json_object_get(j, "jobs"), i, job)
        cli_table_row(&t, cli_str(job, "name"), cli_str(job, "stage"), cli_str(job, "status"),
                      cli_str(job, "failure_reason"));
    cli_table_print(&t);
    printf("%s %s\n", cli_str(j, "status"), cli_str(j, "web_url"));
}

int cmd_gitlab_pipeline_wait(cli *c, imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    imgrel_error ignored = {0};
    json_t *want = json_pack("{s:b}", "log", !cli_has(c, "no-log")), *j = NULL;
    char *spec = NULL, *text = NULL;
    int rc = seconds(c, "appear", want, err);
    if (!rc)
        rc = seconds(c, "pending", want, err);
    if (!rc)
        rc = dump(json_incref(want), &spec, err);
    if (!rc)
        rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = imgrel_gitlab_do(g, "pipeline", c->words[0], "wait", spec, &c->opts, &text, err);
    cli_progress_end(c);
    if (text)
        cli_document(c, text, &j, &ignored);
    if (j)
        print_pipeline(j);
    json_decref(j);
    json_decref(want);
    imgrel_free(text);
    free(spec);
    imgrel_gitlab_free(g);
    return rc;
}

int cmd_gitlab_request(cli *c, imgrel_error *err)
{
    imgrel_gitlab *g = NULL;
    char *text = NULL;
    int rc = open_gitlab(c, NULL, &g, err);
    if (!rc)
        rc = imgrel_gitlab_request(g, c->words[0], c->words[1], cli_value(c, "data"), &c->opts,
                                   &text, NULL, err);
    cli_progress_end(c);
    if (!rc && *text)
        puts(text);
    cli_free_secret(text);
    imgrel_gitlab_free(g);
    return rc;
}
