/* harbor_kind.c - imgrel harbor KIND list, get, ensure, delete and what else can be done with it:
 * the kind is the command's second word, and one function a verb serves them all. */
#include "harbor.h"

#include <stdlib.h>
#include <string.h>

/* Words that are shorter than the kind, and what a list of it shows: "HEAD=path,...". */
static const struct {
    const char *word, *kind, *columns;
} kinds[] = {
    {"project", "project",
     "NAME=name,PUBLIC=metadata.public,REPOSITORIES=repo_count,"
     "OWNER=owner_name"},
    {"repo", "repository", "NAME=name,ARTIFACTS=artifact_count,PULLS=pull_count"},
    {"artifact", "artifact", "DIGEST=digest,TAGS=tags,TYPE=type,SIZE=size,PUSHED=push_time"},
    {"tag", "tag", "NAME=name,PUSHED=push_time,PULLED=pull_time"},
    {"label", "label", "NAME=name,COLOR=color,DESCRIPTION=description"},
    {"member", "member", "NAME=entity_name,ROLE=role_name,TYPE=entity_type"},
    {"immutable", "immutable", "ID=id,DISABLED=disabled,TAGS=tag_selectors"},
    {"webhook", "webhook", "NAME=name,ENABLED=enabled,EVENTS=event_types"},
    {"quota", "quota", "PROJECT=ref.name,LIMIT=hard.storage,USED=used.storage"},
    {"registry", "registry", "NAME=name,TYPE=type,URL=url,STATUS=status"},
    {"replication", "replication",
     "NAME=name,ENABLED=enabled,FROM=src_registry.name,"
     "TO=dest_registry.name"},
    {"preheat-instance", "preheat-instance",
     "NAME=name,VENDOR=vendor,ENDPOINT=endpoint,"
     "STATUS=status"},
    {"preheat", "preheat-policy", "NAME=name,ENABLED=enabled"},
    {"gc", "gc", "ID=id,STATUS=job_status,KIND=job_kind,STARTED=creation_time"},
    {"purge", "purge", "ID=id,STATUS=job_status,KIND=job_kind,STARTED=creation_time"},
    {"audit", "audit", "TIME=op_time,USER=username,OPERATION=operation,RESOURCE=resource"},
    {"user", "user", "NAME=username,EMAIL=email,ADMIN=sysadmin_flag"},
    {"group", "group", "NAME=group_name,TYPE=group_type"},
    {"scanner", "scanner", "NAME=name,URL=url,DEFAULT=is_default"},
    {"executions", NULL, "ID=id,STATUS=status,TRIGGER=trigger,STARTED=start_time,ENDED=end_time"},
    {"tasks", NULL, "ID=id,STATUS=status,FROM=src_resource,TO=dst_resource"},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* The n-th word of the command's path, from 0. */
static void path_word(const cli *c, int n, char ret[48])
{
    const char *p = c->command->path;

    while (n-- > 0 && strchr(p, ' '))
        p = strchr(p, ' ') + 1;
    snprintf(ret, 48, "%.*s", (int)strcspn(p, " "), p);
}

static const char *columns_of(const char *word)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i].word, word))
            return kinds[i].columns;
    return "ID=id,NAME=name";
}

/* "harbor repo list" -> "repository"; "harbor replication executions" -> its executions. */
static void kind_of(const cli *c, char ret[64])
{
    char word[48], verb[48];

    path_word(c, 1, word);
    path_word(c, 2, verb);
    snprintf(ret, 64, "%s", word);
    for (size_t i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i].word, word) && kinds[i].kind)
            snprintf(ret, 64, "%s", kinds[i].kind);
    if (!strcmp(verb, "executions"))
        snprintf(ret, 64, "%s-execution", word);
    else if (!strcmp(verb, "tasks"))
        snprintf(ret, 64, "replication-task");
    else if (!strcmp(verb, "stop") && !strcmp(word, "replication"))
        snprintf(ret, 64, "replication-execution");
    else if (!strcmp(verb, "run") && (!strcmp(word, "gc") || !strcmp(word, "purge")))
        snprintf(ret, 64, "%s-schedule", word);
    else if (!strcmp(verb, "events"))
        snprintf(ret, 64, "webhook-event");
}

/* ---- documents ---- */

/* What Harbor tells in clear is not for every screen and log. */
static void mask(json_t *j)
{
    static const char *const secrets[] = {"auth_header", "access_secret", "access_credential",
                                          "secret",      "password",      "auth_info"};
    json_t *value = NULL;
    const char *key = NULL;
    size_t i = 0;

    json_array_foreach(j, i, value) mask(value);
    for (i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (json_is_string(json_object_get(j, secrets[i])) && *cli_str(j, secrets[i]))
            json_object_set_new(j, secrets[i], json_string("*****"));
    json_object_foreach(j, key, value) mask(value);
}

int harbor_print(const cli *c, const char *text, imgrel_error *err)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    int rc = 0;

    if (!j) { /* a log, "Pong" */
        puts(text);
        return 0;
    }
    if (!cli_has(c, "show-secrets"))
        mask(j);
    if (json_dumpf(j, stdout, (c->json ? JSON_COMPACT : JSON_INDENT(2)) | JSON_ENCODE_ANY))
        rc = cli_fail_errno(err, "standard output");
    putchar('\n');
    json_decref(j);
    return rc;
}

/* --field KEY=VALUE; a value is JSON if it reads so, else a text. */
static int add_fields(const cli *c, json_t *j, imgrel_error *err)
{
    for (size_t i = 0; cli_nth(c, "field", i); i++) {
        const char *text = cli_nth(c, "field", i), *eq = strchr(text, '=');
        char *key = eq && eq > text ? strndup(text, (size_t)(eq - text)) : NULL;
        json_t *value = eq ? json_loads(eq + 1, JSON_DECODE_ANY, NULL) : NULL;
        if (!key)
            return cli_fail(err, IMGREL_EINVAL, NULL, "--field %s: it must be KEY=VALUE", text);
        json_object_set_new(j, key, value ? value : json_string(eq + 1));
        free(key);
    }
    return 0;
}

int harbor_words(const cli *c, char **ret, imgrel_error *err)
{
    const char *file = cli_value(c, "file"), *data = cli_value(c, "data");
    char *text = NULL;
    size_t len = 0;
    json_t *j = NULL;
    int rc = 0;

    *ret = NULL;
    if (!file && !data && !cli_has(c, "field"))
        return 0;
    if (file && data)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--file and --data cannot both be");
    if (file && (rc = cli_read_file(file, &text, &len, err)))
        return rc;
    j = text || data
            ? json_loads(text ? text : data, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
            : json_object();
    if (!j)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "%s%s: not a JSON document",
                      file ? "--file " : "--data", file ? file : "");
    if (!rc && !(rc = add_fields(c, j, err)) && !(*ret = json_dumps(j, JSON_COMPACT)))
        rc = cli_nomem(err);
    json_decref(j);
    cli_free_secret(text);
    return rc;
}

/* ---- lists ---- */

/* A value for a cell: of a list its texts, or the names of its members. */
static void cell(const json_t *v, const char *column, char *ret, size_t len)
{
    json_t *one = NULL;
    size_t i = 0, n = 0;

    *ret = '\0';
    if (json_is_integer(v) && (!strcmp(column, "SIZE") || !strcmp(column, "USED") ||
                               (!strcmp(column, "LIMIT") && json_integer_value(v) >= 0)))
        cli_size((double)json_integer_value(v), ret);
    else if (json_is_integer(v))
        snprintf(ret, len, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_boolean(v))
        snprintf(ret, len, "%s", json_is_true(v) ? "true" : "false");
    else if (json_is_string(v)) /* year 1 is a time that never was */
        snprintf(ret, len, "%s",
                 strncmp(json_string_value(v), "0001-01-01", 10) ? json_string_value(v) : "");
    json_array_foreach(v, i, one)
    {
        const char *name = json_is_string(one)     ? json_string_value(one)
                           : *cli_str(one, "name") ? cli_str(one, "name")
                                                   : cli_str(one, "pattern");
        int more = snprintf(ret + n, len - n, "%s%s", n ? "," : "", name);
        if (more < 0 || (size_t)more >= len - n)
            return;
        n += (size_t)more;
    }
}

static const json_t *at_path(const json_t *j, const char *path, size_t len)
{
    char key[64];

    while (len) {
        size_t n = strcspn(path, ".,");
        n = n > len ? len : n;
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        j = json_object_get(j, key);
        path += n < len ? n + 1 : n;
        len -= n < len ? n + 1 : n;
    }
    return j;
}

/* A column at a time: its head (row NULL), or its value in a row. */
static void add_cells(cli_table *t, const char *columns, const json_t *row)
{
    size_t all = t->n_columns;
    char head[24], text[256];

    t->n_columns = 1;
    for (const char *p = columns; *p;) {
        size_t len = strcspn(p, "="), end = strcspn(p, ",");
        snprintf(head, sizeof head, "%.*s", (int)len, p);
        cell(at_path(row, p + len + 1, end - len - 1), head, text, sizeof text);
        cli_table_row(t, row ? text : head);
        p += end;
        p += *p == ',';
    }
    t->n_columns = all;
}

static int print_row(cli *c, const char *item, const char *columns, cli_table *t, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = 0;

    if (c->json)
        return harbor_print(c, item, err);
    rc = cli_document(c, item, &j, err);
    if (j)
        add_cells(t, columns, j);
    json_decref(j);
    return rc;
}

int cmd_harbor_list(cli *c, imgrel_error *err)
{
    char word[48], verb[48], kind[64];
    const char *columns = NULL, *item = NULL;
    cli_table t = {0};
    imgrel_harbor *h = NULL;
    imgrel_iter *it = NULL;
    int more = 0, rc = harbor_open(c, &h, err);

    path_word(c, 1, word);
    path_word(c, 2, verb);
    kind_of(c, kind);
    columns = columns_of(strcmp(verb, "list") ? verb : word);
    for (const char *p = columns; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        t.n_columns++;
    if (!rc)
        rc = imgrel_harbor_list(h, kind, c->n_words ? c->words[0] : NULL, cli_value(c, "query"),
                                &c->opts, &it, err);
    if (!rc && !c->json)
        add_cells(&t, columns, NULL);
    while (!rc && (more = imgrel_iter_next(it, &item, err)) == 1)
        rc = print_row(c, item, columns, &t, err);
    cli_progress_end(c);
    rc = rc ? rc : more < 0 ? more : 0;
    imgrel_iter_free(it);
    imgrel_harbor_free(h);
    if (rc) /* no table of what is only a part */
        t.n_cells = t.n_cells > t.n_columns ? t.n_cells : 0;
    cli_table_print(&t);
    return rc;
}

/* ---- one ---- */

static int finish(cli *c, int rc, char *text, imgrel_harbor *h, imgrel_error *err)
{
    cli_progress_end(c);
    if (!rc && text && *text)
        rc = harbor_print(c, text, err);
    cli_free_secret(text);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_harbor_get(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char kind[64], *text = NULL;
    int rc = harbor_open(c, &h, err);

    kind_of(c, kind);
    if (!rc)
        rc = imgrel_harbor_get(h, kind, c->n_words ? c->words[0] : NULL, &c->opts, &text, err);
    return finish(c, rc, text, h, err);
}

/* "harbor health": there is one. */
int cmd_harbor_one(cli *c, imgrel_error *err)
{
    return cmd_harbor_get(c, err);
}

int cmd_harbor_put(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char kind[64], *words = NULL, *text = NULL;
    int rc = harbor_words(c, &words, err);

    kind_of(c, kind);
    if (!rc && !(rc = harbor_open(c, &h, err)))
        rc = imgrel_harbor_put(h, kind, c->n_words ? c->words[0] : NULL, words ? words : "{}",
                               &c->opts, &text, err);
    cli_free_secret(words);
    return finish(c, rc, text, h, err);
}

int cmd_harbor_delete(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char kind[64];
    int rc = harbor_open(c, &h, err);

    kind_of(c, kind);
    if (!rc)
        rc = imgrel_harbor_delete(h, kind, c->words[0], &c->opts, err);
    imgrel_harbor_free(h);
    return rc ? rc : harbor_say_deleted(c, c->words[0], err);
}

/* The last word of the command is what is done. */
int cmd_harbor_do(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    json_t *j = NULL;
    char kind[64], verb[48], *words = NULL, *text = NULL, *all = NULL;
    int rc = harbor_words(c, &words, err);

    kind_of(c, kind);
    path_word(c, 2, verb);
    if (!rc && !(j = words ? json_loads(words, 0, NULL) : json_object()))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "what is said must be a JSON object");
    if (!rc && cli_has(c, "wait"))
        json_object_set_new(j, "wait", json_true());
    if (!rc && !(all = json_dumps(j, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc && !(rc = harbor_open(c, &h, err)))
        rc = imgrel_harbor_do(h, kind, c->n_words ? c->words[0] : NULL, verb, all, &c->opts, &text,
                              err);
    json_decref(j);
    free(all);
    cli_free_secret(words);
    return finish(c, rc, text, h, err);
}
