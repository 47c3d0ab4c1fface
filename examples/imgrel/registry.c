/* registry.c - the commands on images where they are kept. */
#include "cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cmd_login(cli *c, imgrel_error *err)
{
    const char *user = cli_value(c, "user"), *file = cli_value(c, "password-file");
    char *secret = NULL;
    int rc = 0;

    if (cli_has(c, "password-stdin"))
        file = "-";
    if (!user || !file)
        return cli_fail(err, IMGREL_EINVAL, "imgrel login HOST -u NAME --password-stdin < FILE",
                        "login needs -u NAME and --password-stdin (or --password-file FILE)");
    if ((rc = cli_read_secret(c, file, &secret, err)))
        return rc;
    rc = imgrel_login(c->client, c->words[0], user, secret, &c->opts, err);
    cli_free_secret(secret);
    if (!rc && c->json)
        return cli_print(json_pack("{s:s, s:s}", "host", c->words[0], "user", user), err);
    if (!rc)
        printf("logged in to %s as %s\n", c->words[0], user);
    return rc;
}

int cmd_logout(cli *c, imgrel_error *err)
{
    int rc = imgrel_logout(c->client, c->words[0], err);

    if (!rc && c->json)
        return cli_print(json_pack("{s:s}", "host", c->words[0]), err);
    if (!rc)
        printf("logged out of %s\n", c->words[0]);
    return rc;
}

int cmd_tags(cli *c, imgrel_error *err)
{
    imgrel_iter *it = NULL;
    int rc = imgrel_tags(c->client, c->words[0], &c->opts, &it, err);

    return rc ? rc : cli_list(c, it, "name", NULL, NULL, err);
}

int cmd_catalog(cli *c, imgrel_error *err)
{
    imgrel_iter *it = NULL;
    int rc = imgrel_catalog(c->client, c->words[0], &c->opts, &it, err);

    return rc ? rc : cli_list(c, it, "name", NULL, NULL, err);
}

int cmd_digest(cli *c, imgrel_error *err)
{
    char *digest = NULL;
    int rc = imgrel_digest(c->client, c->words[0], &c->opts, &digest, err);

    return rc ? rc : cli_print_value(c, "digest", digest, err);
}

/* A manifest is JSON already, and its bytes are what its digest is of. */
int cmd_manifest(cli *c, imgrel_error *err)
{
    char *bytes = NULL;
    size_t len = 0;
    int rc = imgrel_manifest_get(c->client, c->words[0], &c->opts, &bytes, &len, NULL, err);

    if (!rc && fwrite(bytes, 1, len, stdout) != len)
        rc = cli_fail_errno(err, "standard output");
    imgrel_free(bytes);
    return rc;
}

/* A document as indented lines, for people. */
static void print_tree(const json_t *j, int depth)
{
    const char *key = NULL;
    json_t *v = NULL, *object = (json_t *)j;
    size_t i = 0;

    if (json_is_object(j)) {
        json_object_foreach(object, key, v)
        {
            bool nested = json_is_object(v) || json_is_array(v);
            printf("%*s%s:%s", depth * 2, "", key, nested ? "\n" : " ");
            print_tree(v, depth + 1);
        }
    } else if (json_is_array(j)) {
        json_array_foreach(object, i, v)
        {
            printf("%*s-%s", (depth - 1) * 2, "", json_is_object(v) ? "\n" : " ");
            print_tree(v, depth);
        }
    } else if (json_is_string(j)) {
        puts(json_string_value(j));
    } else {
        json_dumpf(j, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        putchar('\n');
    }
}

int cmd_inspect(cli *c, imgrel_error *err)
{
    char *text = NULL;
    json_t *j = NULL;
    int rc = imgrel_inspect(c->client, c->words[0], &c->opts, &text, err);

    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j)
        print_tree(j, 0);
    json_decref(j);
    imgrel_free(text);
    return rc;
}

int cmd_delete(cli *c, imgrel_error *err)
{
    int rc = imgrel_delete(c->client, c->words[0], &c->opts, err);

    if (!rc && c->json)
        return cli_print(json_pack("{s:s}", "deleted", c->words[0]), err);
    if (!rc)
        printf("deleted %s\n", c->words[0]);
    return rc;
}

static void referrer_row(cli_table *t, const json_t *j)
{
    char size[24];

    cli_size((double)json_integer_value(json_object_get(j, "size")), size);
    cli_table_row(t, cli_str(j, "digest"), cli_str(j, "artifactType"), size);
}

int cmd_referrers(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "DIGEST", "TYPE", "SIZE", NULL };
    imgrel_iter *it = NULL;
    int rc =
        imgrel_referrers(c->client, c->words[0], cli_value(c, "artifact-type"), &c->opts, &it, err);

    return rc ? rc : cli_list(c, it, NULL, head, referrer_row, err);
}

/* ---- blobs ---- */

/* Into a file that appears whole or not at all. */
static int fetch_into(cli *c, cli_fetch_fn *fetch, const char *path, imgrel_error *err)
{
    size_t len = strlen(path) + 8;
    char *temp = malloc(len);
    int fd = -1, rc = 0;

    if (!temp)
        return cli_nomem(err);
    snprintf(temp, len, "%s.XXXXXX", path);
    fd = mkostemp(temp, O_CLOEXEC);
    rc = fd < 0 ? cli_fail_errno(err, path)
                : fetch(c->client, c->words[0], fd, &c->opts, err);
    if (!rc && (fchmod(fd, 0644) || fsync(fd) || rename(temp, path)))
        rc = cli_fail_errno(err, path);
    if (fd >= 0)
        close(fd);
    if (rc && fd >= 0)
        unlink(temp);
    free(temp);
    return rc;
}

int cli_fetch(cli *c, cli_fetch_fn *fetch, const char *what, imgrel_error *err)
{
    const char *path = cli_value(c, "output");
    int rc = 0;

    if (path && strcmp(path, "-"))
        rc = fetch_into(c, fetch, path, err);
    else if (isatty(STDOUT_FILENO))
        rc = cli_fail(err, IMGREL_EINVAL, "use --output FILE, or pipe it on",
                      "%s is not written to a terminal", what);
    else
        rc = fetch(c->client, c->words[0], STDOUT_FILENO, &c->opts, err);
    cli_progress_end(c);
    return rc;
}

int cmd_blob_get(cli *c, imgrel_error *err)
{
    return cli_fetch(c, imgrel_blob_get, "a blob", err);
}

int cmd_blob_put(cli *c, imgrel_error *err)
{
    const char *path = c->n_words > 1 ? c->words[1] : "-";
    bool in = !strcmp(path, "-");
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    char *digest = NULL;

    if (fd < 0)
        return cli_fail_errno(err, path);
    rc = imgrel_blob_put(c->client, c->words[0], fd, &c->opts, &digest, err);
    if (!in)
        close(fd);
    cli_progress_end(c);
    return rc ? rc : cli_print_value(c, "digest", digest, err);
}

int cmd_blob_delete(cli *c, imgrel_error *err)
{
    int rc = imgrel_blob_delete(c->client, c->words[0], &c->opts, err);

    if (!rc && c->json)
        return cli_print(json_pack("{s:s}", "deleted", c->words[0]), err);
    if (!rc)
        printf("deleted %s\n", c->words[0]);
    return rc;
}

int cmd_blob_exists(cli *c, imgrel_error *err)
{
    int64_t size = 0;
    int rc = imgrel_blob_exists(c->client, c->words[0], &c->opts, &size, err);

    if (!rc && c->json)
        return cli_print(json_pack("{s:s, s:I}", "blob", c->words[0], "size", (json_int_t)size),
                         err);
    if (!rc)
        printf("%lld\n", (long long)size);
    return rc;
}
