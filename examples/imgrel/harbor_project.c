/* harbor_project.c - imgrel harbor project: made, read and deleted. */
#include "harbor.h"

#include <stdlib.h>
#include <string.h>

static const char *privacy(const json_t *project)
{
    return strcmp(cli_str(json_object_get(project, "metadata"), "public"), "true") ? "private"
                                                                                   : "public";
}

static int print_project(const cli *c, const char *text, imgrel_error *err)
{
    json_t *j = NULL;
    int rc = cli_document(c, text, &j, err);

    if (j)
        printf("project %s: %s%s%s\n", cli_str(j, "name"), privacy(j),
               *cli_str(j, "imgrel") ? ", " : "", cli_str(j, "imgrel"));
    json_decref(j);
    return rc;
}

/* --metadata KEY=VALUE and the rest as what a project shall be. */
static int project_words(const cli *c, json_t *spec, imgrel_error *err)
{
    bool is_private = cli_has(c, "private"), is_public = cli_has(c, "public");

    if (is_private && is_public)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--private and --public cannot both be");
    if (is_private || is_public)
        json_object_set_new(spec, "public", json_boolean(is_public));
    if (cli_value(c, "quota"))
        json_object_set_new(spec, "storage_limit", json_string(cli_value(c, "quota")));
    if (cli_value(c, "cache-of"))
        json_object_set_new(spec, "registry", json_string(cli_value(c, "cache-of")));
    for (size_t i = 0; cli_nth(c, "metadata", i); i++) {
        const char *text = cli_nth(c, "metadata", i), *eq = strchr(text, '=');
        char *key = eq && eq > text ? strndup(text, (size_t)(eq - text)) : NULL;
        if (!key)
            return cli_fail(err, IMGREL_EINVAL, NULL, "--metadata %s: it must be KEY=VALUE", text);
        json_object_set_new(spec, key, json_string(eq + 1));
        free(key);
    }
    return 0;
}

static int make_project(cli *c, bool anew, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    json_t *spec = json_object();
    char *text = NULL, *words = NULL;
    int rc = project_words(c, spec, err);

    if (!rc && !(words = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc && !(rc = harbor_open(c, &h, err)))
        rc = anew ? imgrel_harbor_do(h, "project", c->words[0], "create", words, &c->opts, &text,
                                     err)
                  : imgrel_harbor_put(h, "project", c->words[0], words, &c->opts, &text, err);
    if (!rc)
        rc = print_project(c, text, err);
    json_decref(spec);
    free(words);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_project_ensure(cli *c, imgrel_error *err)
{
    return make_project(c, false, err);
}

int cmd_project_create(cli *c, imgrel_error *err)
{
    return make_project(c, true, err);
}

int cmd_project_get(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    char *text = NULL;
    int rc = harbor_open(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_project_get(h, c->words[0], &c->opts, &text, err);
    if (!rc)
        rc = print_project(c, text, err);
    imgrel_free(text);
    imgrel_harbor_free(h);
    return rc;
}

int cmd_project_delete(cli *c, imgrel_error *err)
{
    imgrel_harbor *h = NULL;
    int rc = harbor_open(c, &h, err);

    if (!rc)
        rc = imgrel_harbor_project_delete(h, c->words[0], cli_has(c, "with-repositories"), &c->opts,
                                          err);
    imgrel_harbor_free(h);
    return rc ? rc : harbor_say_deleted(c, c->words[0], err);
}
