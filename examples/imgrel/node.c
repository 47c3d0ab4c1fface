/* node.c - imgrel node, and what renders documents of a registry: one spec, made of options. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the spec -------------------------------------------------------------------------------- */

typedef struct word {
    const char *option, *key;
} word;

static const word texts[] = {
    { "host", "host" },
    { "url", "url" },
    { "push-host", "push_host" },
    { "push-url", "push_url" },
    { "ca", "ca_file" },
    { "address", "address" },
    { "runtime", "runtime" },
    { "dir", "dir" },
    { "config", "config" },
    { "root", "root" },
    { "containerd", "containerd" },
    { "hosts-file", "hosts_file" },
    { "user", "user" },
    { "push-user", "push_user" },
    { "name", "name" },
    { "namespace", "namespace" },
    { "image", "image" },
    { "every", "every" },
    { "registry-secret", "registry_secret" },
    { "registry", "registry" },
    { "gitlab-url", "gitlab_url" },
    { "runner-secret", "runner_secret" },
    { "admin-secret", "admin_secret" },
    { "tls-secret", "tls_secret" },
    { NULL, NULL },
};
static const word switches[] = {
    { "skip-verify", "insecure" },
    { "set-config-path", "set_config_path" },
    { "undo", "remove" },
    { NULL, NULL },
};
static const word lists[] = {
    { "mirror", "mirrors" },
    { "tag", "names" },
    { "port", "ports" },
    { NULL, NULL },
};
static const word numbers[] = {
    { "workers", "workers" },
    { "completions", "completions" },
    { "parallelism", "parallelism" },
    { NULL, NULL },
};

static int add_secret(const cli *c, const char *option, const char *key, json_t *spec,
                      imgrel_error *err)
{
    char *secret = NULL;
    int rc = cli_value(c, option) ? cli_read_secret(c, cli_value(c, option), &secret, err) : 0;

    if (!rc && secret && json_object_set_new(spec, key, json_string(secret)))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "%s: the password is no UTF-8",
                      cli_value(c, option));
    cli_free_secret(secret);
    return rc;
}

static int add_number(const cli *c, const word *w, json_t *spec, imgrel_error *err)
{
    long n = 0;
    int rc = cli_value(c, w->option) ? cli_number(c, w->option, 0, 10000, 0, &n, err) : 0;

    if (!rc && cli_value(c, w->option))
        json_object_set_new(spec, w->key, json_integer(n));
    return rc;
}

int cli_registry_spec(const cli *c, json_t **ret, imgrel_error *err)
{
    int rc = cli_read_spec(cli_value(c, "spec"), ret, err);

    if (rc)
        return rc;
    for (const word *w = texts; w->option; w++)
        if (cli_value(c, w->option))
            json_object_set_new(*ret, w->key, json_string(cli_value(c, w->option)));
    for (const word *w = switches; w->option; w++)
        if (cli_has(c, w->option))
            json_object_set_new(*ret, w->key, json_true());
    for (const word *w = lists; w->option; w++) {
        if (cli_value(c, w->option))
            json_object_set_new(*ret, w->key, json_array());
        for (size_t i = 0; cli_nth(c, w->option, i); i++)
            json_array_append_new(json_object_get(*ret, w->key),
                                  json_string(cli_nth(c, w->option, i)));
    }
    for (const word *w = numbers; !rc && w->option; w++)
        rc = add_number(c, w, *ret, err);
    if (!rc)
        rc = add_secret(c, "password-file", "password", *ret, err);
    if (!rc)
        rc = add_secret(c, "push-password-file", "push_password", *ret, err);
    if (!rc)
        rc = add_secret(c, "runner-token-file", "runner_token", *ret, err);
    return rc;
}

static int make_spec(const cli *c, json_t **ret, imgrel_error *err)
{
    int rc = cli_registry_spec(c, ret, err);

    if (!rc && !json_object_get(*ret, "host"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--host HOST: which registry?");
    return rc;
}

/* ---- rendering ------------------------------------------------------------------------------- */

/* Takes spec. */
static int render(const cli *c, const char *what, json_t *spec, imgrel_error *err)
{
    char *text = spec ? json_dumps(spec, JSON_COMPACT) : NULL, *out = NULL;
    int rc = text ? imgrel_node_render(what, text, &out, err) : cli_nomem(err);

    json_decref(spec);
    cli_free_secret(text);
    if (!rc && c->json)
        rc = cli_print(json_pack("{s:s, s:s}", "document", what, "text", out), err);
    else if (!rc)
        fputs(out, stdout);
    if (out)
        explicit_bzero(out, strlen(out));
    imgrel_free(out);
    return rc;
}

int cmd_node_render(cli *c, imgrel_error *err)
{
    json_t *spec = NULL;
    int rc = make_spec(c, &spec, err);

    if (!rc)
        return render(c, c->words[0], spec, err);
    json_decref(spec);
    return rc;
}

/* SRC DST... of imgrel sync, and the words that follow it. */
int cmd_kube_job(cli *c, imgrel_error *err)
{
    json_t *spec = NULL, *args = json_array();
    int rc = make_spec(c, &spec, err);

    for (size_t i = 0; i < c->n_words; i++)
        json_array_append_new(args, json_string(c->words[i]));
    for (size_t i = 0; cli_nth(c, "arg", i); i++)
        json_array_append_new(args, json_string(cli_nth(c, "arg", i)));
    if (!rc) {
        json_object_set(spec, "args", args);
        json_decref(args);
        return render(c, "job", spec, err);
    }
    json_decref(args);
    json_decref(spec);
    return rc;
}

/* ---- a node's files -------------------------------------------------------------------------- */

/* As it is, line by line: they are this machine's own files. */
static void print_diffs(const char *text)
{
    json_t *report = json_loads(text, 0, NULL);
    const json_t *one = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(report, "files"), i, one)
    {
        if (*cli_str(one, "diff"))
            printf("--- %s\n%s", cli_str(one, "path"), cli_str(one, "diff"));
    }
    json_decref(report);
}

static void print_trust(const cli *c, const json_t *report)
{
    bool dry = cli_has(c, "dry-run");
    const json_t *one = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(report, "files"), i, one)
    {
        printf("%s: %s%s\n", cli_str(one, "path"),
               dry && strcmp(cli_str(one, "state"), "unchanged") ? "would be " : "",
               cli_str(one, "state"));
    }
    json_array_foreach(json_object_get(report, "notes"), i, one)
    {
        printf("note: %s\n  %s\n", cli_str(one, "message"), cli_str(one, "cure"));
    }
    if (!strcmp(cli_str(report, "result"), "unchanged"))
        printf("%s: nothing changed\n", cli_str(report, "host"));
}

static int trust_once(cli *c, const char *spec, imgrel_error *err)
{
    char *text = NULL;
    json_t *report = NULL;
    int rc = imgrel_node_trust(c->client, spec, &c->opts, &text, err);

    if (!rc)
        rc = cli_document(c, text, &report, err);
    if (report)
        print_trust(c, report);
    if (report && cli_has(c, "dry-run"))
        print_diffs(text);
    json_decref(report);
    imgrel_free(text);
    fflush(stdout);
    return rc;
}

/* A signal fires the token and ends the wait. */
static void wait_ms(const cli *c, int64_t ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    while (!imgrel_cancel_fired(c->cancel) && nanosleep(&left, &left))
        ;
}

int cmd_node_hosts(cli *c, imgrel_error *err)
{
    const char *every = cli_value(c, "every");
    int64_t ms = every ? cli_duration(every) : 0;
    json_t *spec = NULL;
    char *text = NULL;
    int rc = make_spec(c, &spec, err);

    json_object_del(spec, "every");
    if (!rc && ms < 0)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--every %s: not a time like 30s or 10m", every);
    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc)
        rc = trust_once(c, text, err);
    while (!rc && ms > 0 && !imgrel_cancel_fired(c->cancel)) {
        wait_ms(c, ms);
        if (!imgrel_cancel_fired(c->cancel))
            rc = trust_once(c, text, err);
    }
    json_decref(spec);
    free(text);
    return rc;
}

static void print_doctor(const json_t *report)
{
    cli_table t = { .n_columns = 3 };
    const json_t *row = NULL;
    size_t i = 0;

    cli_table_row(&t, "CHECK", "STATE", "DETAIL");
    json_array_foreach(json_object_get(report, "checks"), i, row)
        cli_table_row(&t, cli_str(row, "check"), cli_str(row, "state"), cli_str(row, "detail"));
    cli_table_print(&t);
    json_array_foreach(json_object_get(report, "checks"), i, row)
    {
        if (*cli_str(row, "cure"))
            printf("%s: %s\n", cli_str(row, "check"), cli_str(row, "cure"));
    }
}

/* Exit code 0 means that the node would pull. */
static int judge(const char *text, imgrel_error *err)
{
    json_t *report = json_loads(text, 0, NULL);
    const json_t *row = NULL, *first = NULL;
    size_t i = 0;
    int rc = 0;

    json_array_foreach(json_object_get(report, "checks"), i, row)
    {
        if (!first && !strcmp(cli_str(row, "state"), "fail"))
            first = row;
    }
    if (first)
        rc = cli_fail(err, IMGREL_EFAILED, *cli_str(first, "cure") ? cli_str(first, "cure") : NULL,
                      "%s: this node would not pull: %s", cli_str(report, "host"),
                      cli_str(first, "detail"));
    json_decref(report);
    return rc;
}

int cmd_node_doctor(cli *c, imgrel_error *err)
{
    json_t *spec = NULL, *report = NULL;
    char *text = NULL, *out = NULL;
    int rc = make_spec(c, &spec, err);

    /* the node's trust is asked about, not this program's */
    if (!rc && !getenv("IMGREL_CERTS_DIRS"))
        rc = imgrel_client_set(c->client, "certs_dirs", "", err);
    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc)
        rc = imgrel_node_doctor(c->client, text, &c->opts, &out, err);
    cli_progress_end(c);
    if (!rc)
        rc = cli_document(c, out, &report, err);
    if (report)
        print_doctor(report);
    if (!rc)
        rc = judge(out, err);
    json_decref(report);
    json_decref(spec);
    free(text);
    imgrel_free(out);
    return rc;
}
