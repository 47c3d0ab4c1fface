/* harbor_more.c - imgrel harbor: what has words of its own. */
#include "harbor.h"

#include <stdlib.h>
#include <string.h>

/* Does an action with these words, which are taken, and prints what comes back. */
static int act(cli *c, const char *kind, const char *key, const char *action, json_t *words,
               imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *text = NULL, *json = json_dumps(words, JSON_COMPACT);
    int rc = json ? harbor_open(c, &h, err) : cli_nomem(err);

    if (!rc)
        rc = imgrel_harbor_do(h, kind, key, action, json, &c->opts, &text, err);
    cli_progress_end(c);
    if (!rc && *text)
        rc = harbor_print(c, text, err);
    json_decref(words);
    free(json);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

static int put(cli *c, const char *kind, const char *key, json_t *words, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *text = NULL, *json = json_dumps(words, JSON_COMPACT);
    int rc = json ? harbor_open(c, &h, err) : cli_nomem(err);

    if (!rc)
        rc = imgrel_harbor_put(h, kind, key, json, &c->opts, &text, err);
    cli_progress_end(c);
    if (!rc)
        rc = harbor_print(c, text, err);
    json_decref(words);
    free(json);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_harbor_scan(cli *c, imgrel_error *err)
{
    json_t *words = json_pack("{s:b}", "wait", (int)cli_has(c, "wait"));

    if (cli_value(c, "fail-above"))
        json_object_set_new(words, "fail_above", json_string(cli_value(c, "fail-above")));
    if (cli_value(c, "fail-at"))
        json_object_set_new(words, "fail_at", json_string(cli_value(c, "fail-at")));
    return act(c, "artifact", c->words[0], "scan", words, err);
}

int cmd_harbor_copy(cli *c, imgrel_error *err)
{
    return act(c, "artifact", c->words[0], "copy", json_pack("{s:s}", "to", c->words[1]), err);
}

int cmd_harbor_tag(cli *c, imgrel_error *err)
{
    return act(c, "artifact", c->words[0], "tag", json_pack("{s:s}", "name", c->words[1]), err);
}

int cmd_harbor_label(cli *c, imgrel_error *err)
{
    return act(c, "artifact", c->words[0], "label", json_pack("{s:s}", "name", c->words[1]), err);
}

int cmd_harbor_unlabel(cli *c, imgrel_error *err)
{
    return act(c, "artifact", c->words[0], "unlabel", json_pack("{s:s}", "name", c->words[1]), err);
}

int cmd_harbor_member(cli *c, imgrel_error *err)
{
    const char *role = cli_value(c, "role");

    if (!role)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--role ROLE: what is the member?");
    return put(c, "member", c->words[0], json_pack("{s:s}", "role", role), err);
}

int cmd_harbor_quota(cli *c, imgrel_error *err)
{
    return put(c, "quota", c->words[0], json_pack("{s:s}", "storage", c->words[1]), err);
}

/* What it shall do then is its parameters. */
static int set_schedule(cli *c, const char *kind, const char *member, imgrel_error *err)
{
    char *text = NULL;
    json_t *words = json_pack("{s:s}", member, c->words[0]);
    int rc = harbor_words(c, &text, err);

    if (!rc && text)
        json_object_set_new(words, "parameters", json_loads(text, 0, NULL));
    free(text);
    if (!rc)
        return put(c, kind, NULL, words, err);
    json_decref(words);
    return rc;
}

/* "harbor gc schedule CRON", or Daily, or None. */
int cmd_harbor_schedule(cli *c, imgrel_error *err)
{
    static const char *const types[] = {"Hourly", "Daily", "Weekly", "None"};
    const char *path = c->command->path, *what = c->words[0];
    const char *kind = strstr(path, "gc ")      ? "gc-schedule"
                       : strstr(path, "purge ") ? "purge-schedule"
                                                : "scan-schedule";
    const char *member = "cron";

    for (size_t i = 0; c->n_words && i < 4; i++)
        if (!strcmp(types[i], what))
            member = "type";
    if (c->n_words)
        return set_schedule(c, kind, member, err);
    imgrel_harbor *h = NULL;
    char *text = NULL;
    int rc = harbor_open(c, &h, err);
    if (!rc)
        rc = imgrel_harbor_get(h, kind, NULL, &c->opts, &text, err);
    if (!rc && *text)
        rc = harbor_print(c, text, err);
    else if (!rc)
        puts(c->json ? "null" : "none");
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

/* A user's CLI secret, which is the password here with OIDC: to a file or a pipe only. */
int cmd_harbor_cli_secret(cli *c, imgrel_error *err)
{
    const char *path = cli_value(c, "secret-file"), *from = cli_value(c, "secret-from");
    cli_secret_file f = {.fd = -1};
    imgrel_harbor *h = NULL;
    char *own = NULL, *text = NULL, *words = NULL;
    json_t *spec = json_object(), *j = NULL;
    int rc = 0;

    if (!path && !from)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--secret-file FILE: where shall it go?");
    if (!rc && from && !(rc = cli_read_secret(c, from, &own, err)))
        json_object_set_new(spec, "secret", json_string(own));
    if (!rc && !(words = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc && !(rc = harbor_open(c, &h, err)) && path)
        rc = cli_secret_open(&f, path, err);
    if (!rc)
        rc = imgrel_harbor_do(h, "user", c->n_words ? c->words[0] : "current", "cli-secret", words,
                              &c->opts, &text, err);
    if (!rc && path && (j = json_loads(text, 0, NULL)))
        rc = cli_secret_keep(&f, cli_str(j, "secret"), err);
    if (!rc)
        cli_note(c, "the CLI secret is a new one; the old one no longer works");
    cli_secret_drop(&f);
    json_decref(j);
    json_decref(spec);
    cli_free_secret(words);
    cli_free_secret(own);
    cli_free_secret(text);
    imgrel_harbor_free(h);
    return rc;
}
