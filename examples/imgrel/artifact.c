/* artifact.c - the commands on artifacts: files that are kept where images are. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FILE[:MEDIATYPE], what is a file as a whole being one. */
static json_t *file_spec(const char *text)
{
    const char *colon = strrchr(text, ':');

    if (!colon || !strchr(colon, '/') || access(text, F_OK) == 0)
        return json_pack("{s:s}", "path", text);
    return json_pack("{s:s%, s:s}", "path", text, (size_t)(colon - text), "media_type", colon + 1);
}

static int add_options(const cli *c, json_t *spec, imgrel_error *err)
{
    static const char *const same[][2] = { { "artifact-type", "artifact_type" },
                                           { "subject", "subject" } };
    json_t *notes = json_object();
    const char *config = cli_value(c, "config");

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (cli_value(c, same[i][0]))
            json_object_set_new(spec, same[i][1], json_string(cli_value(c, same[i][0])));
    for (size_t i = 0; cli_nth(c, "tag", i); i++)
        json_array_append_new(json_object_get(spec, "tags"), json_string(cli_nth(c, "tag", i)));
    if (config)
        json_object_set_new(spec, "config", file_spec(config));
    json_object_set_new(spec, "annotations", notes);
    return cli_pairs(c, "annotation", notes, err);
}

int cmd_artifact_put(cli *c, imgrel_error *err)
{
    json_t *spec = json_pack("{s:[], s:[]}", "files", "tags");
    char *text = NULL, *digest = NULL;
    int rc = add_options(c, spec, err);

    for (size_t i = 1; i < c->n_words; i++)
        json_array_append_new(json_object_get(spec, "files"), file_spec(c->words[i]));
    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc)
        rc = imgrel_artifact_put(c->client, text, c->words[0], &c->opts, &digest, err);
    cli_progress_end(c);
    json_decref(spec);
    free(text);
    return rc ? rc : cli_print_value(c, "digest", digest, err);
}

int cmd_artifact_get(cli *c, imgrel_error *err)
{
    const char *dir = cli_value(c, "output") ? cli_value(c, "output") : ".";
    char *report = NULL;
    json_t *j = NULL, *file = NULL;
    size_t i = 0;
    int rc = imgrel_artifact_get(c->client, c->words[0], dir, &c->opts, &report, err);

    cli_progress_end(c);
    if (!rc)
        rc = cli_document(c, report, &j, err);
    json_array_foreach(json_object_get(j, "files"), i, file)
        printf("%s/%s\n", dir, cli_str(file, "name"));
    json_decref(j);
    imgrel_free(report);
    return rc;
}
