/* build.c - imgrel build: options as the library's spec, and what came of it. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static void set_string(const cli *c, const char *option, json_t *j, const char *key)
{
    if (cli_value(c, option))
        json_object_set_new(j, key, json_string(cli_value(c, option)));
}

static void set_switch(const cli *c, const char *option, json_t *j, const char *key)
{
    if (cli_has(c, option))
        json_object_set_new(j, key, json_true());
}

static json_t *member(json_t *j, const char *key, json_t *fresh)
{
    if (json_object_get(j, key))
        json_decref(fresh);
    else
        json_object_set_new(j, key, fresh);
    return json_object_get(j, key);
}

static void add_strings(const cli *c, const char *option, json_t *j, const char *key)
{
    for (size_t i = 0; cli_nth(c, option, i); i++)
        json_array_append_new(member(j, key, json_array()), json_string(cli_nth(c, option, i)));
}

/* NAME=VALUE; NAME alone, where that means something, is null. */
static int add_pairs(const cli *c, const char *option, json_t *j, const char *key, bool alone,
                     imgrel_error *err)
{
    for (size_t i = 0; cli_nth(c, option, i); i++) {
        const char *text = cli_nth(c, option, i), *eq = strchr(text, '=');
        if (eq == text || (!eq && !alone))
            return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: not NAME=VALUE", option, text);
        char *name = strndup(text, eq ? (size_t)(eq - text) : strlen(text));
        if (!name)
            return cli_nomem(err);
        json_object_set_new(member(j, key, json_object()), name,
                            eq ? json_string(eq + 1) : json_null());
        free(name);
    }
    return 0;
}

/* "type=registry,ref=a/b:c" as an object. */
static int record(const char *option, const char *text, json_t **ret, imgrel_error *err)
{
    json_t *j = json_object();
    const char *p = text;

    *ret = j;
    while (*p) {
        size_t len = strcspn(p, ","), name = strcspn(p, "=,");
        if (name == len || !name)
            return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: not NAME=VALUE,...", option, text);
        char *key = strndup(p, name);
        if (!key)
            return cli_nomem(err);
        json_object_set_new(j, key, json_stringn(p + name + 1, len - name - 1));
        free(key);
        p += len + (p[len] == ',');
    }
    return 0;
}

static int add_records(const cli *c, const char *option, json_t *j, const char *key,
                       imgrel_error *err)
{
    for (size_t i = 0; cli_nth(c, option, i); i++) {
        json_t *one = NULL, *src = NULL;
        int rc = record(option, cli_nth(c, option, i), &one, err);
        if (rc) {
            json_decref(one);
            return rc;
        }
        if (!strcmp(option, "secret") && (src = json_object_get(one, "src"))) {
            json_object_set(one, "file", src);
            json_object_del(one, "src");
        }
        json_array_append_new(member(j, key, json_array()), one);
    }
    return 0;
}

static void add_platforms(const cli *c, json_t *j)
{
    const char *p = cli_value(c, "platform");

    while (p && *p) {
        size_t len = strcspn(p, ",");
        json_array_append_new(member(j, "platforms", json_array()), json_stringn(p, len));
        p += len + (p[len] == ',');
    }
}

/* Options stand over what a spec says, lists add to it. */
static int options_into(const cli *c, json_t *j, imgrel_error *err)
{
    static const char *const same[] = { "file",   "driver",  "builder", "target", "provenance",
                                        "created", "push", "syntax" };
    static const struct {
        const char *option, *key;
        bool alone;
    } pairs[] = { { "build-arg", "args", true },
                  { "label", "labels", false },
                  { "annotation", "annotations", false },
                  { "context", "contexts", false } };
    static const char *const records[][2] = { { "secret", "secrets" },
                                              { "cache-from", "cache_from" },
                                              { "cache-to", "cache_to" } };
    static const char *const tls[][2] = { { "tls-ca", "ca" },
                                          { "tls-cert", "cert" },
                                          { "tls-key", "key" },
                                          { "tls-server-name", "server_name" } };
    int rc = 0;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        set_string(c, same[i], j, same[i]);
    for (size_t i = 0; i < 4; i++)
        if (cli_value(c, tls[i][0]))
            set_string(c, tls[i][0], member(j, "tls", json_object()), tls[i][1]);
    set_switch(c, "no-cache", j, "no_cache");
    set_switch(c, "pull", j, "pull");
    set_switch(c, "sbom", j, "sbom");
    add_strings(c, "to", j, "to");
    add_strings(c, "ssh", j, "ssh");
    add_platforms(c, j);
    for (size_t i = 0; !rc && i < sizeof pairs / sizeof *pairs; i++)
        rc = add_pairs(c, pairs[i].option, j, pairs[i].key, pairs[i].alone, err);
    for (size_t i = 0; !rc && i < sizeof records / sizeof *records; i++)
        rc = add_records(c, records[i][0], j, records[i][1], err);
    return rc;
}

static void print_built(const json_t *report)
{
    const json_t *one = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(report, "results"), i, one)
    {
        const json_t *error = json_object_get(one, "error");
        if (error)
            fprintf(stderr, "%s: failed: %s\n", cli_str(one, "to"), cli_str(error, "message"));
        else
            printf("%s %s\n", cli_str(one, "to"), cli_str(one, "digest"));
    }
}

int cmd_build(cli *c, imgrel_error *err)
{
    json_t *spec = NULL, *report = NULL;
    char *text = NULL, *out = NULL;
    imgrel_error ignored = { 0 };
    int rc = cli_read_spec(cli_value(c, "spec"), &spec, err);

    if (!rc)
        rc = options_into(c, spec, err);
    if (!rc && c->n_words)
        json_object_set_new(spec, "context", json_string(c->words[0]));
    if (!rc && !json_object_get(spec, "to"))
        rc = cli_fail(err, IMGREL_EINVAL, "--to HOST/REPOSITORY:TAG", "where shall the image go?");
    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    c->opts.platform = NULL; /* the spec's */
    if (!rc)
        rc = imgrel_build(c->client, text, &c->opts, &out, err);
    cli_progress_end(c);
    if (out)
        cli_document(c, out, &report, rc ? &ignored : err);
    if (report)
        print_built(report);
    json_decref(spec);
    json_decref(report);
    free(text);
    imgrel_free(out);
    return rc;
}

int cmd_builders(cli *c, imgrel_error *err)
{
    json_t *found = NULL, *row = NULL;
    cli_table t = { .n_columns = 4 };
    char *out = NULL;
    size_t i = 0;
    int rc = imgrel_build_detect(c->client, c->n_words ? c->words[0] : NULL, &c->opts, &out, err);

    if (!rc)
        rc = cli_document(c, out, &found, err);
    if (found) {
        cli_table_row(&t, "DRIVER", "BUILDER", "VERSION", "WHY NOT");
        json_array_foreach(json_object_get(found, "builders"), i, row)
            cli_table_row(&t, cli_str(row, "driver"), cli_str(row, "builder"),
                          cli_str(row, "version"), cli_str(row, "why"));
        cli_table_print(&t);
        printf("\nchosen: %s\n",
               *cli_str(found, "chosen") ? cli_str(found, "chosen") : "none, but the assembler");
    }
    json_decref(found);
    imgrel_free(out);
    return rc;
}
