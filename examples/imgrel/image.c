/* image.c - imgrel image: images made from files, edited, exported. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* "A:B" or "A=B" options as an object, or as a list of {from, to}. */
static int add_pairs(const cli *c, const char *option, char sep, json_t *into, imgrel_error *err)
{
    for (size_t i = 0; cli_nth(c, option, i); i++) {
        const char *text = cli_nth(c, option, i), *at = strrchr(text, sep);
        if (sep == '=')
            at = strchr(text, sep);
        if (!at || at == text || (sep == ':' && !at[1]))
            return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: no %c in it", option, text, sep);
        char *key = strndup(text, (size_t)(at - text));
        if (key && json_is_array(into))
            json_array_append_new(into, json_pack("{s:s, s:s}", "from", key, "to", at + 1));
        else if (key)
            json_object_set_new(into, key, json_string(at + 1));
        free(key);
    }
    return 0;
}

/* The member of an object, made if it is not there. */
static json_t *member(json_t *j, const char *key, bool list)
{
    json_t *v = json_object_get(j, key);

    if (!v) {
        v = list ? json_array() : json_object();
        json_object_set_new(j, key, v);
    }
    return v;
}

static void add_strings(const cli *c, const char *option, json_t *j, const char *key)
{
    for (size_t i = 0; cli_nth(c, option, i); i++)
        json_array_append_new(member(j, key, true), json_string(cli_nth(c, option, i)));
}

static void set_string(const cli *c, const char *option, json_t *j, const char *key)
{
    if (cli_value(c, option))
        json_object_set_new(j, key, json_string(cli_value(c, option)));
}

/* Options stand over what the spec says, lists add to it. */
static int options_into_spec(const cli *c, json_t *spec, imgrel_error *err)
{
    json_t *config = member(spec, "config", false);
    char *list = cli_value(c, "platform") ? strdup(cli_value(c, "platform")) : NULL, *p = list;
    int rc = 0;

    set_string(c, "base", spec, "base");
    set_string(c, "run-as", config, "user");
    set_string(c, "workdir", config, "workdir");
    add_strings(c, "expose", config, "exposed");
    add_strings(c, "tag", spec, "tags");
    if (list)
        json_object_set_new(spec, "platforms", json_array());
    while (p && *p) {
        size_t len = strcspn(p, ",");
        json_array_append_new(member(spec, "platforms", true), json_stringn(p, len));
        p += len + (p[len] == ',');
    }
    free(list);
    if ((rc = add_pairs(c, "layer", ':', member(spec, "layers", true), err)) ||
        (rc = add_pairs(c, "env", '=', member(config, "env", false), err)))
        return rc;
    return add_pairs(c, "label", '=', member(config, "labels", false), err);
}

int cmd_image_assemble(cli *c, imgrel_error *err)
{
    const char *path = c->n_words > 1 ? c->words[0] : NULL, *dst = c->words[c->n_words - 1];
    json_t *spec = NULL;
    char *text = NULL, *digest = NULL;
    int rc = cli_read_spec(path, &spec, err);

    if (!rc)
        rc = options_into_spec(c, spec, err);
    /* Platforms are the spec's; as an option of the call they would choose among a base's. */
    c->opts.platform = NULL;
    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc)
        rc = imgrel_image_assemble(c->client, text, dst, &c->opts, &digest, err);
    json_decref(spec);
    free(text);
    cli_progress_end(c);
    return rc ? rc : cli_print_value(c, "digest", digest, err);
}

int cmd_image_export(cli *c, imgrel_error *err)
{
    return cli_fetch(c, imgrel_image_export, "a tar", err);
}

/* ---- edits ---- */

/* "PATH:DIR", or "PATH" alone for what goes to the root. */
static void add_layers(const cli *c, json_t *spec)
{
    for (size_t i = 0; cli_nth(c, "layer", i); i++) {
        const char *text = cli_nth(c, "layer", i), *colon = strstr(text, ":/");
        size_t len = colon ? (size_t)(colon - text) : strlen(text);

        json_array_append_new(member(spec, "layers", true),
                              json_pack("{s:s%, s:s}", "from", text, len, "to",
                                        colon ? colon + 1 : "/"));
    }
}

static int options_into_edit(const cli *c, json_t *spec, imgrel_error *err)
{
    long level = 0;
    int rc = cli_number(c, "level", 1, 19, 0, &level, err);

    set_string(c, "created", spec, "created");
    set_string(c, "compression", spec, "compression");
    set_string(c, "format", spec, "format");
    add_strings(c, "tag", spec, "tags");
    if (level)
        json_object_set_new(spec, "level", json_integer(level));
    return rc;
}

/* Takes spec. */
static int edit(cli *c, json_t *spec, imgrel_error *err)
{
    char *text = NULL, *digest = NULL;
    int rc = options_into_edit(c, spec, err);

    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc)
        rc = imgrel_image_edit(c->client, c->words[0], text, c->n_words > 1 ? c->words[1] : NULL,
                               &c->opts, &digest, err);
    json_decref(spec);
    free(text);
    cli_progress_end(c);
    return rc ? rc : cli_print_value(c, "digest", digest, err);
}

int cmd_image_append(cli *c, imgrel_error *err)
{
    json_t *spec = json_object();

    if (!cli_nth(c, "layer", 0)) {
        json_decref(spec);
        return cli_fail(err, IMGREL_EINVAL, "name one by --layer", "no layer to append");
    }
    add_layers(c, spec);
    return edit(c, spec, err);
}

int cmd_image_mutate(cli *c, imgrel_error *err)
{
    json_t *spec = json_object(), *config = member(spec, "config", false);
    int rc = 0;

    set_string(c, "run-as", config, "user");
    set_string(c, "workdir", config, "workdir");
    set_string(c, "stop-signal", config, "stop_signal");
    add_strings(c, "expose", config, "exposed");
    add_strings(c, "volume", config, "volumes");
    add_strings(c, "entrypoint", config, "entrypoint");
    add_strings(c, "cmd", config, "cmd");
    for (size_t i = 0; cli_nth(c, "remove", i); i++)
        json_object_set_new(config, cli_nth(c, "remove", i), json_null());
    if ((rc = cli_pairs(c, "env", member(config, "env", false), err)) ||
        (rc = cli_pairs(c, "label", member(config, "labels", false), err)) ||
        (rc = cli_pairs(c, "annotation", member(spec, "annotations", false), err))) {
        json_decref(spec);
        return rc;
    }
    return edit(c, spec, err);
}

int cmd_image_rebase(cli *c, imgrel_error *err)
{
    json_t *spec = json_object(), *rebase = member(spec, "rebase", false);

    set_string(c, "old-base", rebase, "old_base");
    set_string(c, "new-base", rebase, "new_base");
    return edit(c, spec, err);
}

int cmd_image_flatten(cli *c, imgrel_error *err)
{
    return edit(c, json_pack("{s:b}", "flatten", 1), err);
}

int cmd_image_recompress(cli *c, imgrel_error *err)
{
    if (!cli_value(c, "compression"))
        return cli_fail(err, IMGREL_EINVAL, "say --compression none, gzip or zstd",
                        "how the layers are to be compressed is missing");
    return edit(c, json_object(), err);
}

/* ---- validate ---- */

static void print_findings(const json_t *report)
{
    const json_t *list = json_object_get(report, "findings");
    cli_table t = { .n_columns = 3 };
    json_t *j = NULL;
    size_t i = 0;

    if (json_array_size(list))
        cli_table_row(&t, "LEVEL", "WHAT", "FINDING");
    json_array_foreach(list, i, j)
        cli_table_row(&t, cli_str(j, "level"), cli_str(j, "what"), cli_str(j, "message"));
    cli_table_print(&t);
    printf("%s: %s, %zu images, %lld blobs%s\n", cli_str(report, "name"),
           json_is_true(json_object_get(report, "ok")) ? "good" : "not good",
           json_array_size(json_object_get(report, "images")),
           (long long)json_integer_value(json_object_get(report, "blobs")),
           json_is_true(json_object_get(report, "fast")) ? ", not read" : "");
}

int cmd_validate(cli *c, imgrel_error *err)
{
    imgrel_error ignored = { 0 };
    json_t *report = NULL;
    char *text = NULL;
    int rc = imgrel_image_validate(c->client, c->words[0], &c->opts, &text, err);

    cli_progress_end(c);
    if (text)
        cli_document(c, text, &report, &ignored);
    if (report)
        print_findings(report);
    json_decref(report);
    imgrel_free(text);
    return rc;
}
