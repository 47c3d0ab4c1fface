/* release.c - imgrel release: a release file made so, proved, or taken back, and its report. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

typedef int verb_fn(imgrel_release *r, const imgrel_opts *o, char **ret_json, imgrel_error *err);

/* What the file does not say: options first, then the environment. */
static int settle(const cli *c, imgrel_release *r, imgrel_error *err)
{
    static const struct {
        const char *option, *key, *env;
    } words[] = {
        { "version", "version", NULL },
        { "harbor-url", "harbor_url", "HARBOR_URL" },
        { "harbor-user", "harbor_user", "HARBOR_USER" },
        { "kubeconfig", "kubeconfig", NULL }, /* the library reads KUBECONFIG itself */
        { "context", "context", NULL },
        { "state-dir", "state_dir", NULL },
        { "forward", "forward", NULL },
        { "node", "node", NULL },
    };
    const char *file = cli_value(c, "harbor-password-file");
    char *password = NULL;
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof words / sizeof *words; i++) {
        const char *value = cli_value(c, words[i].option);
        if (!value && words[i].env)
            value = getenv(words[i].env);
        if (value)
            rc = imgrel_release_set(r, words[i].key, value, err);
    }
    file = file ? file : getenv("HARBOR_PASSWORD_FILE");
    if (!rc && file && !(rc = cli_read_secret(c, file, &password, err)))
        rc = imgrel_release_set(r, "harbor_password", password, err);
    cli_free_secret(password);
    return rc;
}

static int open_release(const cli *c, imgrel_release **ret, imgrel_error *err)
{
    const char *file = cli_value(c, "file");
    int rc = 0;

    if (!file)
        return cli_fail(err, IMGREL_EINVAL, NULL, "-f FILE: which release file?");
    if ((rc = imgrel_release_load(c->client, file, ret, err)) || (rc = settle(c, *ret, err))) {
        imgrel_release_free(*ret);
        *ret = NULL;
    }
    return rc;
}

static void duration(json_int_t ms, char ret[24])
{
    if (ms < 1000)
        snprintf(ret, 24, "%lld ms", (long long)ms);
    else
        snprintf(ret, 24, "%.1f s", (double)ms / 1000);
}

static void print_steps(const json_t *report)
{
    cli_table t = { .n_columns = 6 };
    json_t *step = NULL;
    size_t i = 0;

    cli_table_row(&t, "STEP", "TARGET", "STATE", "DIGEST", "TIME", "DETAIL");
    json_array_foreach(json_object_get(report, "steps"), i, step)
    {
        char time[24] = "", digest[24] = "";
        if (json_is_integer(json_object_get(step, "ms")))
            duration(json_integer_value(json_object_get(step, "ms")), time);
        cli_short_digest(cli_str(step, "digest"), digest);
        cli_table_row(&t, cli_str(step, "step"), cli_str(step, "target"), cli_str(step, "state"),
                      digest, time, cli_str(step, "detail"));
    }
    cli_table_print(&t);
}

/* Each target fails alone, and each failure has a cure of its own. */
static void print_cures(const json_t *report)
{
    json_t *step = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(report, "steps"), i, step)
    {
        if (*cli_str(step, "cure"))
            printf("%s (%s): %s\n", cli_str(step, "step"), cli_str(step, "target"),
                   cli_str(step, "cure"));
    }
}

static void print_report(const json_t *report)
{
    const char *result = cli_str(report, "result");

    if (json_array_size(json_object_get(report, "steps")))
        print_steps(report);
    print_cures(report);
    putchar('\n');
    printf("%s %s: %s\n", cli_str(report, "app"), cli_str(report, "version"),
           !strcmp(result, "unchanged") ? "nothing changed"
           : !strcmp(result, "would")   ? "would change"
                                        : result);
    if (*cli_str(report, "digest"))
        printf("digest: %s\n", cli_str(report, "digest"));
    if (*cli_str(report, "url"))
        printf("url: %s\n", cli_str(report, "url"));
}

/* A report comes on failure too, and is printed then as well; it and r are freed. */
static int end_verb(cli *c, imgrel_release *r, char *text, int rc)
{
    imgrel_error ignored = { 0 };
    json_t *report = NULL;

    cli_progress_end(c);
    if (text)
        cli_document(c, text, &report, &ignored);
    if (report)
        print_report(report);
    json_decref(report);
    imgrel_free(text);
    imgrel_release_free(r);
    return rc;
}

static int verb(cli *c, verb_fn *fn, imgrel_error *err)
{
    imgrel_release *r = NULL;
    char *text = NULL;
    int rc = open_release(c, &r, err);

    if (!rc)
        rc = fn(r, &c->opts, &text, err);
    return end_verb(c, r, text, rc);
}

/* What to rotate, as the library takes it. */
static int rotation(const cli *c, char **ret, imgrel_error *err)
{
    const char *grace = cli_value(c, "grace"), *role = cli_value(c, "robot");
    int64_t ms = grace ? cli_duration(grace) : 0;
    json_t *spec = json_pack("{s:b}", "retire", cli_has(c, "retire"));

    if (ms < 0) {
        json_decref(spec);
        return cli_fail(err, IMGREL_EINVAL, NULL, "--grace %s: not a time like 30m or 12h", grace);
    }
    if (grace)
        json_object_set_new(spec, "grace", json_integer((ms + 999) / 1000));
    if (role)
        json_object_set_new(spec, "role", json_string(role));
    *ret = json_dumps(spec, JSON_COMPACT);
    json_decref(spec);
    return *ret ? 0 : cli_nomem(err);
}

int cmd_release_rotate(cli *c, imgrel_error *err)
{
    imgrel_release *r = NULL;
    char *text = NULL, *spec = NULL;
    int rc = rotation(c, &spec, err);

    if (!rc && !(rc = open_release(c, &r, err)))
        rc = imgrel_release_rotate(r, spec, &c->opts, &text, err);
    free(spec);
    return end_verb(c, r, text, rc);
}

int cmd_release_plan(cli *c, imgrel_error *err)
{
    return verb(c, imgrel_release_plan, err);
}

int cmd_release_apply(cli *c, imgrel_error *err)
{
    return verb(c, imgrel_release_apply, err);
}

int cmd_release_verify(cli *c, imgrel_error *err)
{
    return verb(c, imgrel_release_verify, err);
}

int cmd_release_delete(cli *c, imgrel_error *err)
{
    return verb(c, imgrel_release_delete, err);
}

int cmd_release_doctor(cli *c, imgrel_error *err)
{
    return verb(c, imgrel_release_doctor, err);
}

int cmd_release_render(cli *c, imgrel_error *err)
{
    imgrel_release *r = NULL;
    char *yaml = NULL;
    int rc = open_release(c, &r, err);

    if (!rc)
        rc = imgrel_release_render(r, &c->opts, &yaml, err);
    cli_progress_end(c);
    if (!rc && c->json)
        rc = cli_print(json_pack("{s:s}", "yaml", yaml), err);
    else if (!rc)
        fputs(yaml, stdout);
    imgrel_free(yaml);
    imgrel_release_free(r);
    return rc;
}
