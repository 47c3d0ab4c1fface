/* kube_object.c - imgrel kube on objects of any kind: apply, create, get, list, watch, patch,
 * delete.
 */
#include "kube.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An object is JSON for people too; only indented. */
static int print_object(const cli *c, char *text, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = cli_document(c, text, &j, err);

    if (j) {
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(j);
    imgrel_free(text);
    return rc;
}

int cmd_kube_get(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *text = NULL;
    int rc = cli_kube_open(c, &k, err);

    if (!rc)
        rc = imgrel_kube_get(k, cli_value(c, "namespace"), c->words[0], &c->opts, &text, err);
    imgrel_kube_free(k);
    return rc ? rc : print_object(c, text, err);
}

/* ---- lists ---- */

/* Cells one by one: how many there are in a row, the cluster says. */
static void add_cell(cli_table *t, const char *text)
{
    t->n_columns = 1;
    cli_table_row(t, text);
}

static void add_heads(cli_table *t, const json_t *columns, bool everywhere)
{
    json_t *column = NULL;
    size_t i = 0;

    if (everywhere)
        add_cell(t, "NAMESPACE");
    json_array_foreach(columns, i, column)
    {
        char *name = strdup(cli_str(column, "name"));
        if (!name || json_integer_value(json_object_get(column, "priority"))) {
            free(name);
            continue;
        }
        for (char *s = name; *s; s++)
            *s = (char)(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
        add_cell(t, name);
        free(name);
    }
}

static void add_cells(cli_table *t, const json_t *row, const json_t *columns, bool everywhere)
{
    const json_t *cells = json_object_get(row, "cells");

    if (everywhere)
        add_cell(t, cli_str(row, "namespace"));
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const char *text = json_string_value(json_array_get(cells, i));
        if (!json_integer_value(json_object_get(json_array_get(columns, i), "priority")))
            add_cell(t, text && *text ? text : "-");
    }
}

static int print_table(const cli *c, const char *text, imgrel_error *err)
{
    bool everywhere = cli_has(c, "all-namespaces");
    json_t *j = NULL, *row = NULL;
    cli_table t = {0};
    size_t i = 0;
    int rc = cli_document(c, text, &j, err);
    const json_t *columns = json_object_get(j, "columns"), *rows = json_object_get(j, "rows");

    if (!rc) {
        add_heads(&t, columns, everywhere);
        size_t n = t.n_cells;
        json_array_foreach(rows, i, row)
        {
            add_cells(&t, row, columns, everywhere);
        }
        t.n_columns = n;
        cli_table_print(&t);
    }
    json_decref(j);
    return rc;
}

static int list_objects(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    imgrel_iter *it = NULL;
    int rc = cli_kube_open(c, &k, err);

    if (!rc)
        rc = imgrel_kube_list(k, cli_kube_ns(c), c->words[0], cli_value(c, "selector"), &c->opts,
                              &it, err);
    if (!rc)
        rc = cli_list(c, it, NULL, NULL, NULL, err);
    imgrel_kube_free(k);
    return rc;
}

int cmd_kube_list(cli *c, imgrel_error *err)
{
    const char *selector = cli_value(c, "selector");
    char *text = NULL;
    int rc = 0;

    if (c->json)
        return list_objects(c, err);
    rc = cli_kube_do(c, c->words[0], "table",
                     selector ? json_pack("{s:s}", "selector", selector) : NULL, &text, err);
    if (!rc)
        rc = print_table(c, text, err);
    imgrel_free(text);
    return rc;
}

static void kind_row(cli_table *t, const json_t *j)
{
    cli_table_row(t, cli_str(j, "name"), cli_str(j, "short"), cli_str(j, "version"),
                  json_is_true(json_object_get(j, "namespaced")) ? "yes" : "no",
                  cli_str(j, "kind"));
}

int cmd_kube_kinds(cli *c, imgrel_error *err)
{
    json_t *j = NULL, *row = NULL;
    cli_table t = {.n_columns = 5};
    char *text = NULL;
    size_t i = 0;
    int rc = cli_kube_do(c, NULL, "kinds", NULL, &text, err);

    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j) {
        cli_table_row(&t, "NAME", "SHORT", "VERSION", "NAMESPACED", "KIND");
        json_array_foreach(j, i, row)
        {
            kind_row(&t, row);
        }
        cli_table_print(&t);
    }
    json_decref(j);
    imgrel_free(text);
    return rc;
}

/* ---- watch ---- */

/* "ADDED pod/app Running", a line an event; JSON as it is. */
static int print_event(const cli *c, const char *text, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = cli_document(c, text, &j, err);
    const json_t *object = json_object_get(j, "object");
    const json_t *meta = json_object_get(object, "metadata");

    if (j)
        printf("%s %s%s%s/%s %s\n", cli_str(j, "type"), cli_str(meta, "namespace"),
               *cli_str(meta, "namespace") ? " " : "", cli_str(object, "kind"),
               cli_str(meta, "name"), cli_str(json_object_get(object, "status"), "phase"));
    fflush(stdout);
    json_decref(j);
    return rc;
}

static json_t *watch_spec(const cli *c)
{
    static const char *const words[][2] = {{"selector", "selector"},
                                           {"field-selector", "field_selector"},
                                           {"resource-version", "resource_version"}};
    json_t *spec = json_object();

    for (size_t i = 0; i < 3; i++)
        if (cli_value(c, words[i][0]))
            json_object_set_new(spec, words[i][1], json_string(cli_value(c, words[i][0])));
    return spec;
}

/* Ends well when it is interrupted, or after --count events. */
int cmd_kube_watch(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    imgrel_iter *it = NULL;
    const char *item = NULL;
    json_t *j = watch_spec(c);
    char *spec = json_dumps(j, JSON_COMPACT);
    long left = 0;
    int rc = cli_number(c, "count", 1, 1000000000, 0, &left, err);

    json_decref(j);
    if (!rc && !(rc = cli_kube_open(c, &k, err)))
        rc = imgrel_kube_watch(k, cli_kube_ns(c), c->words[0], spec, &c->opts, &it, err);
    while (!rc && (rc = imgrel_iter_next(it, &item, err)) == 1) {
        rc = print_event(c, item, err);
        if (left && !--left)
            break;
    }
    imgrel_iter_free(it);
    imgrel_kube_free(k);
    free(spec);
    return rc;
}

/* ---- changes ---- */

/* Every --file as one text. */
static int read_files(const cli *c, char **ret, imgrel_error *err)
{
    size_t size = 1;
    int rc = 0;

    if (!cli_value(c, "file"))
        return cli_fail(err, IMGREL_EINVAL, NULL, "-f FILE: which manifest?");
    *ret = strdup("");
    for (size_t i = 0; !rc && cli_nth(c, "file", i); i++) {
        char *text = NULL, *grown = NULL;
        size_t len = 0;
        rc = cli_read_file(cli_nth(c, "file", i), &text, &len, err);
        if (!rc && !(grown = realloc(*ret, size + len + 6)))
            rc = cli_nomem(err);
        if (!rc) {
            size = (size_t)snprintf(grown + size - 1, len + 6, "%s%.*s", size > 1 ? "\n---\n" : "",
                                    (int)len, text) +
                   size;
            *ret = grown;
        }
        cli_free_secret(text);
    }
    return rc;
}

/* Lower case, as objects are named: "Deployment" is deployment/NAME. */
static void print_row(const json_t *j)
{
    const json_t *meta = json_object_get(j, "metadata");
    const char *object = cli_str(j, "object");
    char kind[128];

    snprintf(kind, sizeof kind, "%s", cli_str(j, "kind"));
    for (char *s = kind; *s; s++)
        *s = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
    if (*object)
        printf("%s %s\n", object, cli_str(j, "imgrel"));
    else
        printf("%s/%s %s\n", kind, cli_str(meta, "name"), cli_str(j, "imgrel"));
}

/* As kubectl does: one object is a document of its own, several are a list. */
static int print_json(const cli *c, const char *text, imgrel_error *err)
{
    json_t *rows = json_loads(text, 0, NULL);
    char *one = json_array_size(rows) == 1 ? json_dumps(json_array_get(rows, 0), 0) : NULL;
    int rc = cli_document(c, one ? one : text, &(json_t *){NULL}, err);

    free(one);
    json_decref(rows);
    return rc;
}

static int print_rows(const cli *c, char *text, imgrel_error *err)
{
    json_t *j = NULL, *row = NULL;
    size_t i = 0;
    int rc = c->json ? print_json(c, text, err) : cli_document(c, text, &j, err);

    json_array_foreach(j, i, row)
    {
        print_row(row);
    }
    json_decref(j);
    imgrel_free(text);
    return rc;
}

static int with_manifest(cli *c, const char *action, json_t *spec, imgrel_error *err)
{
    char *manifest = NULL, *text = NULL;
    int rc = read_files(c, &manifest, err);

    if (!rc) {
        json_object_set_new(spec, "manifest", json_string(manifest));
        rc = json_object_get(spec, "manifest")
                 ? cli_kube_do(c, NULL, action, json_incref(spec), &text, err)
                 : cli_fail(err, IMGREL_EINVAL, NULL, "the manifest is not UTF-8");
    }
    json_decref(spec);
    cli_free_secret(manifest);
    return rc ? rc : print_rows(c, text, err);
}

int cmd_kube_apply(cli *c, imgrel_error *err)
{
    return with_manifest(c, "apply", json_object(), err);
}

int cmd_kube_create(cli *c, imgrel_error *err)
{
    return with_manifest(c, "create", json_object(), err);
}

static int read_patch(const cli *c, json_t **ret, imgrel_error *err)
{
    const char *given = cli_value(c, "patch"), *file = cli_value(c, "file");
    char *text = NULL;
    size_t len = 0;
    int rc = 0;

    if (!given == !file)
        return cli_fail(err, IMGREL_EINVAL, NULL, "patch with what? --patch JSON or -f FILE");
    if (file)
        rc = cli_read_file(file, &text, &len, err);
    if (!rc && !(*ret = json_loads(file ? text : given, 0, NULL)))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "the patch is not JSON");
    cli_free_secret(text);
    return rc;
}

int cmd_kube_patch(cli *c, imgrel_error *err)
{
    json_t *patch = NULL, *spec = NULL;
    char *text = NULL;
    int rc = read_patch(c, &patch, err);

    if (!rc) {
        spec = json_pack("{s:o}", "patch", patch);
        if (cli_value(c, "type"))
            json_object_set_new(spec, "type", json_string(cli_value(c, "type")));
        rc = cli_kube_do(c, c->words[0], "patch", spec, &text, err);
    }
    return rc ? rc : print_object(c, text, err);
}

int cmd_kube_delete(cli *c, imgrel_error *err)
{
    json_t *spec = json_object();
    char *text = NULL;
    long grace = 0;
    int rc = cli_number(c, "grace-period", 0, 86400, -1, &grace, err);

    if (cli_value(c, "propagation"))
        json_object_set_new(spec, "propagation", json_string(cli_value(c, "propagation")));
    if (grace >= 0)
        json_object_set_new(spec, "grace_seconds", json_integer(grace));
    if (cli_has(c, "no-wait"))
        json_object_set_new(spec, "wait", json_false());
    if (!rc && !c->n_words == !cli_value(c, "file"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "delete what? KIND/NAME or -f FILE");
    if (rc) {
        json_decref(spec);
        return rc;
    }
    if (!c->n_words)
        return with_manifest(c, "delete", spec, err);
    rc = cli_kube_do(c, c->words[0], "delete", spec, &text, err);
    return rc ? rc : print_rows(c, text, err);
}
