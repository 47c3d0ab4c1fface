/* index.c - the commands that make and change indexes. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* KEY=VALUE into an object; KEY= removes. */
int cli_pair(const char *text, json_t *object, imgrel_error *err)
{
    const char *eq = strchr(text, '=');
    json_t *value = NULL;

    if (!eq || eq == text)
        return cli_fail(err, IMGREL_EINVAL, NULL, "\"%s\": not of the form KEY=VALUE", text);
    value = eq[1] ? json_string(eq + 1) : json_null();
    if (!value)
        return cli_fail(err, IMGREL_EINVAL, NULL, "\"%s\": not UTF-8", text);
    return json_object_setn_new(object, text, (size_t)(eq - text), value) ? cli_nomem(err) : 0;
}

int cli_pairs(const cli *c, const char *option, json_t *object, imgrel_error *err)
{
    int rc = 0;

    for (size_t i = 0; !rc && cli_nth(c, option, i); i++)
        rc = cli_pair(cli_nth(c, option, i), object, err);
    return rc;
}

/* Runs the edit and drops the spec. */
static int edit(cli *c, json_t *spec, imgrel_error *err)
{
    char *text = spec ? json_dumps(spec, JSON_COMPACT) : NULL, *digest = NULL;
    int rc = text ? imgrel_index_edit(c->client, text, c->words[0], &c->opts, &digest, err)
                  : cli_nomem(err);

    cli_progress_end(c);
    json_decref(spec);
    free(text);
    return rc ? rc : cli_print_value(c, "digest", digest, err);
}

/* DST REF... as a spec. */
static json_t *append_spec(const cli *c, imgrel_error *err)
{
    json_t *spec = json_pack("{s:[], s:[], s:{}}", "append", "tags", "annotations");

    for (size_t i = 1; i < c->n_words; i++)
        json_array_append_new(json_object_get(spec, "append"), json_string(c->words[i]));
    for (size_t i = 0; cli_nth(c, "tag", i); i++)
        json_array_append_new(json_object_get(spec, "tags"), json_string(cli_nth(c, "tag", i)));
    if (spec && cli_pairs(c, "annotation", json_object_get(spec, "annotations"), err)) {
        json_decref(spec);
        return NULL;
    }
    return spec;
}

static int append(cli *c, bool create, imgrel_error *err)
{
    json_t *spec = append_spec(c, err);

    if (!spec)
        return err->code ? err->code : cli_nomem(err);
    json_object_set_new(spec, "create", json_boolean(create));
    if (cli_value(c, "format"))
        json_object_set_new(spec, "format", json_string(cli_value(c, "format")));
    return edit(c, spec, err);
}

int cmd_index_create(cli *c, imgrel_error *err)
{
    return append(c, true, err);
}

int cmd_index_append(cli *c, imgrel_error *err)
{
    return append(c, false, err);
}

int cmd_index_remove(cli *c, imgrel_error *err)
{
    json_t *list = json_array();

    c->opts.platform = NULL; /* here it says what goes */
    for (size_t i = 0; cli_nth(c, "platform", i); i++)
        json_array_append_new(list, json_string(cli_nth(c, "platform", i)));
    for (size_t i = 0; cli_nth(c, "digest", i); i++)
        json_array_append_new(list, json_string(cli_nth(c, "digest", i)));
    if (!json_array_size(list)) {
        json_decref(list);
        return cli_fail(err, IMGREL_EINVAL, "name it by --platform or --digest",
                        "index remove: what is to go?");
    }
    return edit(c, json_pack("{s:o}", "remove", list), err);
}

/* Of the index, or with --platform of its entries. */
int cmd_index_annotate(cli *c, imgrel_error *err)
{
    json_t *notes = json_object(), *spec = NULL;
    const char *which = cli_value(c, "digest") ? cli_value(c, "digest") : cli_value(c, "platform");
    const char *set = cli_value(c, "set-platform");
    int rc = 0;

    c->opts.platform = NULL;
    if (set && !which)
        rc = cli_fail(err, IMGREL_EINVAL, "name the entry by --platform or --digest",
                      "index annotate: --set-platform of which entry?");
    if (!rc)
        rc = cli_pairs(c, "annotation", notes, err);
    if (rc) {
        json_decref(notes);
        return rc;
    }
    if (!which)
        return edit(c, json_pack("{s:o}", "annotations", notes), err);
    spec = json_pack("{s:{s:{s:o}}}", "entries", which, "annotations", notes);
    if (set)
        json_object_set_new(json_object_get(json_object_get(spec, "entries"), which), "platform",
                            json_string(set));
    return edit(c, spec, err);
}
