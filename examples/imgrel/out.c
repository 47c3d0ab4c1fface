/* out.c - standard output: one JSON document or JSON lines with --json, text for people without. */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cli_print(json_t *j, imgrel_error *err)
{
    int rc = j ? 0 : cli_nomem(err);

    if (!rc && json_dumpf(j, stdout, JSON_COMPACT | JSON_ENCODE_ANY))
        rc = cli_fail_errno(err, "standard output");
    if (!rc)
        putchar('\n');
    json_decref(j);
    return rc;
}

int cli_print_value(const cli *c, const char *name, char *value, imgrel_error *err)
{
    int rc = 0;

    if (c->json)
        rc = cli_print(json_pack("{s:s}", name, value), err);
    else
        puts(value);
    imgrel_free(value);
    return rc;
}

/* What a server named may hold what a terminal obeys: control characters become question marks. */
static void make_plain(char *s)
{
    for (; *s; s++) {
        bool c1 = (unsigned char)s[0] == 0xC2 && (unsigned char)s[1] >= 0x80 &&
                  (unsigned char)s[1] < 0xA0;
        if (c1)
            *s++ = '?';
        if (c1 || (unsigned char)*s < 0x20 || *s == 0x7F)
            *s = '?';
    }
}

static void make_document_plain(json_t *j)
{
    json_t *value = NULL;
    const char *key = NULL;
    size_t i = 0;
    char *text = json_is_string(j) ? strdup(json_string_value(j)) : NULL;

    if (text) {
        make_plain(text);
        json_string_set(j, text);
        free(text);
    }
    json_array_foreach(j, i, value)
        make_document_plain(value);
    json_object_foreach(j, key, value)
        make_document_plain(value);
}

int cli_document(const cli *c, const char *text, json_t **ret, imgrel_error *err)
{
    json_error_t e;

    *ret = NULL;
    if (c->json) {
        puts(text);
        return 0;
    }
    *ret = json_loads(text, JSON_DECODE_ANY, &e);
    make_document_plain(*ret);
    return *ret ? 0 : cli_fail(err, IMGREL_EPROTO, NULL, "not a JSON document: %s", e.text);
}

const char *cli_str(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));

    return s ? s : "";
}

void cli_size(double bytes, char ret[24])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t u = 0;

    while (bytes >= 1024 && u < 4) {
        bytes /= 1024;
        u++;
    }
    snprintf(ret, 24, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

/* "sha256:0123456789ab" */
void cli_short_digest(const char *digest, char ret[24])
{
    const char *colon = strchr(digest, ':');

    snprintf(ret, 24, "%.*s", colon && colon - digest < 10 ? (int)(colon - digest) + 13 : 23,
             digest);
}

void cli_table_row(cli_table *t, ...)
{
    va_list ap;

    va_start(ap, t);
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *text = va_arg(ap, const char *);
        if (t->n_cells == t->cap) {
            size_t cap = t->cap ? t->cap * 2 : 64;
            char **cells = realloc(t->cells, cap * sizeof *cells);
            if (!cells)
                abort();
            t->cells = cells;
            t->cap = cap;
        }
        t->cells[t->n_cells++] = strdup(text ? text : "");
    }
    va_end(ap);
}

/* Columns on a terminal: bytes that begin a character. */
static int width(const char *s)
{
    int n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

void cli_table_print(cli_table *t)
{
    int *widths = calloc(t->n_columns ? t->n_columns : 1, sizeof *widths);

    for (size_t i = 0; widths && i < t->n_cells; i++) {
        int w = width(t->cells[i]);
        if (w > widths[i % t->n_columns])
            widths[i % t->n_columns] = w;
    }
    for (size_t i = 0; widths && i < t->n_cells; i++) {
        size_t column = i % t->n_columns;
        bool last = column + 1 == t->n_columns;
        fputs(t->cells[i], stdout);
        if (last)
            putchar('\n');
        else
            printf("%*s", widths[column] - width(t->cells[i]) + 2, "");
    }
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free(t->cells);
    free(widths);
    *t = (cli_table){ 0 };
}

static int print_item(const cli *c, const char *item, const char *name, cli_item_fn *fn,
                      cli_table *t, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = 0;

    if (c->json && name)
        return cli_print(json_pack("{s:s}", name, item), err);
    if (!fn) {
        char *text = strdup(item);
        if (!text)
            return cli_nomem(err);
        make_plain(text);
        puts(text);
        free(text);
        return 0;
    }
    rc = cli_document(c, item, &j, err);
    if (j)
        fn(t, j);
    json_decref(j);
    return rc;
}

int cli_list(cli *c, imgrel_iter *it, const char *name, const char *const *head, cli_item_fn *fn,
             imgrel_error *err)
{
    cli_table t = { 0 };
    const char *item = NULL;
    int rc = 0, more = 0;

    while (head && head[t.n_columns])
        t.n_columns++;
    for (size_t i = 0; !c->json && i < t.n_columns; i++) {
        size_t n = t.n_columns;
        t.n_columns = 1; /* the head, a cell at a time */
        cli_table_row(&t, head[i]);
        t.n_columns = n;
    }
    while (!rc && (more = imgrel_iter_next(it, &item, err)) == 1)
        rc = print_item(c, item, name, fn, &t, err);
    imgrel_iter_free(it);
    if (t.n_columns)
        cli_table_print(&t);
    return more < 0 ? more : rc;
}
