/* harbor.c - imgrel harbor: the login, the doctor, and requests of any kind. */
#include "harbor.h"

#include <stdlib.h>
#include <string.h>

int harbor_open(const cli *c, imgrel_harbor **ret, imgrel_error *err)
{
    return harbor_open_at(c, cli_value(c, "url"), ret, err);
}

int harbor_open_at(const cli *c, const char *url, imgrel_harbor **ret, imgrel_error *err)
{
    const char *user = cli_value(c, "user");
    const char *file = cli_value(c, "password-file");
    char *password = NULL;
    int rc = 0;

    url = url ? url : getenv("HARBOR_URL");
    user = user ? user : getenv("HARBOR_USER");
    file = file ? file : getenv("HARBOR_PASSWORD_FILE");
    if (!url || !*url)
        return cli_fail(err, IMGREL_EINVAL, "give --url, or set HARBOR_URL", "which Harbor?");
    if (user && !file)
        return cli_fail(err, IMGREL_EINVAL, "give --password-file, or set HARBOR_PASSWORD_FILE",
                        "no password for Harbor user %s", user);
    if (user && (rc = cli_read_secret(c, file, &password, err)))
        return rc;
    rc = imgrel_harbor_new(c->client, url, user, password, ret, err);
    cli_free_secret(password);
    return rc;
}

int cmd_harbor_check(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int rc = harbor_open(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_check(h, &c->opts, &text, err);
    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j)
        printf("Harbor %s: logged in as %s%s\n", cli_str(j, "version"), cli_str(j, "user"),
               json_is_true(json_object_get(j, "robot"))   ? " (robot)"
               : json_is_true(json_object_get(j, "admin")) ? " (administrator)"
                                                           : "");
    json_decref(j);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

/* "deleted WHAT", or {"deleted": WHAT}. */
int harbor_say_deleted(const cli *c, const char *what, imgrel_error *err)
{
    if (c->json)
        return cli_print(json_pack("{s:s}", "deleted", what), err);
    printf("deleted %s\n", what);
    return 0;
}

/* ---- doctor ---- */

/* The code of the first thing that is wrong is that of the command. */
static int judge(const json_t *rows, imgrel_error *err)
{
    json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(rows, i, row)
    {
        if (strcmp(cli_str(row, "state"), "fail"))
            continue;
        for (int code = -1; code > -32; code--)
            if (!strcmp(imgrel_code_name(code), cli_str(row, "code")))
                return cli_fail(err, code, cli_str(row, "cure"), "%s: %s", cli_str(row, "check"),
                                cli_str(row, "detail"));
    }
    return 0;
}

static void print_rows(const json_t *rows)
{
    cli_table t = {.n_columns = 3};
    json_t *row = NULL;
    size_t i = 0;

    json_array_foreach(rows, i, row)
    {
        cli_table_row(&t, cli_str(row, "check"), cli_str(row, "state"), cli_str(row, "detail"));
        if (*cli_str(row, "cure"))
            cli_table_row(&t, "", "", cli_str(row, "cure"));
    }
    cli_table_print(&t);
}

int cmd_harbor_doctor(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    json_t *spec = json_object(), *j = NULL;
    char *words = NULL, *text = NULL;
    int rc = harbor_open_at(c, c->n_words ? c->words[0] : cli_value(c, "url"), &h, err);

    for (const char *const *p = (const char *const[]){"project", "rights", "repository", NULL}; *p;
         p++)
        if (cli_value(c, *p))
            json_object_set_new(spec, *p, json_string(cli_value(c, *p)));
    words = json_dumps(spec, JSON_COMPACT);
    if (!rc)
        rc = imgrel_harbor_doctor(h, words, &c->opts, &text, err);
    cli_progress_end(c);
    if (!rc && c->json)
        puts(text);
    if (!rc && !(j = json_loads(text, 0, NULL)))
        rc = cli_nomem(err);
    if (!rc && !c->json)
        print_rows(json_object_get(j, "rows"));
    if (!rc)
        rc = judge(json_object_get(j, "rows"), err);
    json_decref(j);
    json_decref(spec);
    free(words);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

/* ---- any request ---- */

static int print_pages(cli *c, imgrel_harbor *h, imgrel_error *err)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int more = 0, rc = 0;

    if (strcmp(c->words[0], "GET"))
        return cli_fail(err, IMGREL_EINVAL, NULL, "--pages: only GET has them");
    rc = imgrel_harbor_list(h, c->words[1], NULL, NULL, &c->opts, &it, err);
    while (!rc && (more = imgrel_iter_next(it, &item, err)) == 1)
        rc = harbor_print(c, item, err);
    imgrel_iter_free(it);
    return rc ? rc : more < 0 ? more : 0;
}

int cmd_harbor_request(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *body = NULL, *text = NULL;
    int rc = harbor_words(c, &body, err);

    if (!rc && !(rc = harbor_open(c, &h, err)) && cli_has(c, "pages"))
        rc = print_pages(c, h, err);
    else if (!rc)
        rc = imgrel_harbor_request(h, c->words[0], c->words[1], body, &c->opts, &text, NULL, err);
    cli_progress_end(c);
    if (!rc && text && *text)
        rc = harbor_print(c, text, err);
    cli_free_secret(body);
    cli_free_secret(text);
    imgrel_harbor_free(h);
    return rc;
}
