/* copy.c - the commands that copy: one image, or whole repositories and registries. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static json_t *strings(const cli *c, const char *option)
{
    json_t *list = json_array();

    for (size_t i = 0; cli_nth(c, option, i); i++)
        json_array_append_new(list, json_string(cli_nth(c, option, i)));
    return list;
}

static long long number(const json_t *j, const char *key)
{
    return (long long)json_integer_value(json_object_get(j, key));
}

/* What both kinds of spec have. */
static json_t *begin_spec(const cli *c)
{
    static const struct {
        const char *option, *key;
    } switches[] = {
        { "referrers", "referrers" },
        { "digest-tags", "digest_tags" },
        { "keep-going", "keep_going" },
        { "prune", "prune" },
    };
    json_t *spec = json_pack("{s:s, s:o}", "from", c->words[0], "to", json_array());

    for (size_t i = 1; i < c->n_words; i++)
        json_array_append_new(json_object_get(spec, "to"), json_string(c->words[i]));
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (cli_has(c, switches[i].option))
            json_object_set_new(spec, switches[i].key, json_true());
    if (cli_value(c, "format"))
        json_object_set_new(spec, "format", json_string(cli_value(c, "format")));
    return spec;
}

/* Runs a call with a spec and drops the spec. A report may come with a failure too. */
typedef int call_fn(imgrel_client *c, const char *spec, const imgrel_opts *o, char **ret_json,
                    imgrel_error *err);
static int run_spec(cli *c, call_fn *fn, json_t *spec, void (*print)(const cli *, const json_t *),
                    imgrel_error *err)
{
    char *text = spec ? json_dumps(spec, JSON_COMPACT) : NULL, *report = NULL;
    json_t *j = NULL;
    int rc = text ? fn(c->client, text, &c->opts, &report, err) : cli_nomem(err);

    cli_progress_end(c);
    if (report && cli_document(c, report, &j, rc ? NULL : err) && !rc)
        rc = IMGREL_EPROTO;
    if (j)
        print(c, j);
    json_decref(j);
    json_decref(spec);
    free(text);
    imgrel_free(report);
    return rc;
}

/* ---- one image ---- */

static void print_copy(const cli *c, const json_t *one)
{
    const json_t *error = json_object_get(one, "error");
    bool dry = cli_has(c, "dry-run");
    char size[24];

    cli_size((double)number(one, "bytes"), size);
    if (error)
        printf("%s: failed: %s\n", cli_str(one, "to"), cli_str(error, "message"));
    else if (json_is_true(json_object_get(one, "unchanged")))
        printf("%s %s: nothing changed\n", cli_str(one, "to"), cli_str(one, "digest"));
    else
        printf("%s %s: %lld %s (%s), %lld mounted, %lld were there\n", cli_str(one, "to"),
               cli_str(one, "digest"), number(one, "copied"), dry ? "to copy" : "copied", size,
               number(one, "mounted"), number(one, "exists"));
}

static void print_copies(const cli *c, const json_t *report)
{
    json_t *one = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(report, "results"), i, one)
        print_copy(c, one);
}

int cmd_copy(cli *c, imgrel_error *err)
{
    json_t *spec = NULL;

    if (cli_has(c, "all-tags"))
        return cli_has(c, "tag") ? cli_fail(err, IMGREL_EINVAL, NULL,
                                            "--all-tags keeps the tags: --tag says another")
                                 : cmd_sync(c, err);
    spec = begin_spec(c);
    json_object_set_new(spec, "tags", strings(c, "tag"));
    return run_spec(c, imgrel_copy_spec, spec, print_copies, err);
}

/* ---- many ---- */

static void print_sum(const cli *c, const json_t *sum)
{
    bool dry = cli_has(c, "dry-run");
    char size[24];

    cli_size((double)number(sum, "bytes"), size);
    printf("%lld %s (%s), %lld unchanged", number(sum, dry ? "planned" : "copied"),
           dry ? "to copy" : "copied", size, number(sum, "unchanged"));
    if (cli_has(c, "prune"))
        printf(", %lld %s", number(sum, dry ? "extra" : "deleted"), dry ? "to delete" : "deleted");
    printf(", %lld failed\n", number(sum, "failed"));
}

/* OLD=NEW, each. */
static int add_map(const cli *c, json_t *spec, imgrel_error *err)
{
    json_t *map = json_object();
    const char *text = NULL;

    json_object_set_new(spec, "map", map);
    for (size_t i = 0; (text = cli_nth(c, "map", i)); i++) {
        const char *eq = strchr(text, '=');
        char *key = eq && eq != text ? strndup(text, (size_t)(eq - text)) : NULL;
        if (!key)
            return cli_fail(err, IMGREL_EINVAL, NULL, "--map %s: it must be OLD=NEW", text);
        json_object_set_new(map, key, json_string(eq + 1));
        free(key);
    }
    return 0;
}

static json_t *choice(const cli *c, const char *include, const char *exclude)
{
    return json_pack("{s:o, s:o}", "include", strings(c, include), "exclude", strings(c, exclude));
}

/* N alone is of a Job: Kubernetes tells each pod which one it is. */
static int add_share(const cli *c, json_t *spec, imgrel_error *err)
{
    const char *share = cli_value(c, "share"), *index = getenv("JOB_COMPLETION_INDEX");
    char text[64];

    if (!share || strchr(share, '/'))
        return share && json_object_set_new(spec, "share", json_string(share)) ? cli_nomem(err) : 0;
    if (!index)
        return cli_fail(err, IMGREL_EINVAL, "say --share 0/8, or run it in an indexed Job",
                        "--share %s: which one of them? JOB_COMPLETION_INDEX is not set", share);
    if (snprintf(text, sizeof text, "%s/%s", index, share) >= (int)sizeof text)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--share %s: not a number", share);
    return json_object_set_new(spec, "share", json_string(text)) ? cli_nomem(err) : 0;
}

int cmd_sync(cli *c, imgrel_error *err)
{
    json_t *spec = begin_spec(c), *tags = choice(c, "include", "exclude");
    long latest = 0;
    int rc = cli_number(c, "latest", 1, 10000, 0, &latest, err);

    json_object_set_new(spec, "tags", tags);
    if (latest)
        json_object_set_new(tags, "latest", json_integer(latest));
    if (cli_value(c, "semver"))
        json_object_set_new(tags, "versions", json_string(cli_value(c, "semver")));
    if (cli_has(c, "all") || cli_has(c, "repo") || cli_has(c, "exclude-repo"))
        json_object_set_new(spec, "repositories", choice(c, "repo", "exclude-repo"));
    if (!rc && cli_has(c, "map"))
        rc = add_map(c, spec, err);
    if (!rc)
        rc = add_share(c, spec, err);
    if (!rc)
        return run_spec(c, imgrel_copy_many, spec, print_sum, err);
    json_decref(spec);
    return rc;
}
