/* kube_work.c - imgrel kube on what runs: pods, deployments, their service, their rollouts. */
#include "kube.h"

#include <stdlib.h>
#include <string.h>

/* NAME=VALUE options as an object's member. */
static int pairs(const cli *c, const char *option, json_t *spec, const char *key, imgrel_error *err)
{
    json_t *into = json_object();

    for (size_t i = 0; cli_nth(c, option, i); i++) {
        const char *text = cli_nth(c, option, i), *eq = strchr(text, '=');
        if (!eq || eq == text) {
            json_decref(into);
            return cli_fail(err, IMGREL_EINVAL, NULL, "--%s %s: it must be NAME=VALUE", option,
                            text);
        }
        json_object_setn_new(into, text, (size_t)(eq - text), json_string(eq + 1));
    }
    if (json_object_size(into))
        json_object_set(spec, key, into);
    json_decref(into);
    return 0;
}

/* --command and --arg, in their order. */
static void words(const cli *c, const char *option, json_t *spec, const char *key)
{
    json_t *list = json_array();

    for (size_t i = 0; cli_nth(c, option, i); i++)
        json_array_append_new(list, json_string(cli_nth(c, option, i)));
    if (json_array_size(list))
        json_object_set(spec, key, list);
    json_decref(list);
}

/* --request and --limit, "cpu=100m". */
static int resources(const cli *c, json_t *spec, imgrel_error *err)
{
    json_t *j = json_object();
    int rc = pairs(c, "request", j, "requests", err);

    if (!rc)
        rc = pairs(c, "limit", j, "limits", err);
    if (!rc && json_object_size(j))
        json_object_set(spec, "resources", j);
    json_decref(j);
    return rc;
}

/* The image as a digest names it, for who wants to run exactly what is there now. */
static int put_image(const cli *c, json_t *spec, const char *image, imgrel_error *err)
{
    char *digest = NULL, *named = NULL;
    size_t stem = strcspn(image, "@");
    int rc = 0;

    if (!cli_has(c, "by-digest")) {
        json_object_set_new(spec, "image", json_string(image));
        return 0;
    }
    rc = imgrel_digest(c->client, image, &c->opts, &digest, err);
    for (size_t i = stem; !rc && i > 0 && image[i - 1] != '/'; i--)
        if (image[i - 1] == ':')
            stem = i - 1;
    if (!rc && !(named = malloc(stem + strlen(digest) + 2)))
        rc = cli_nomem(err);
    if (!rc) {
        memcpy(named, image, stem);
        named[stem] = '@';
        memcpy(named + stem + 1, digest, strlen(digest) + 1);
        json_object_set_new(spec, "image", json_string(named));
    }
    free(named);
    imgrel_free(digest);
    return rc;
}

static int add_manifest(const cli *c, json_t *spec, imgrel_error *err)
{
    const char *file = cli_value(c, "file");
    char *text = NULL;
    size_t len = 0;
    json_t *j = NULL;
    int rc = file ? cli_read_file(file, &text, &len, err) : 0;

    if (file && !rc && !(j = json_loads(text, 0, NULL)))
        rc = cli_fail(err, IMGREL_EINVAL, "write it as JSON, or use `imgrel kube apply`",
                      "%s is no pod in JSON", file);
    if (j)
        json_object_set_new(spec, "manifest", j);
    cli_free_secret(text);
    return rc;
}

static int pod_spec(const cli *c, json_t *spec, imgrel_error *err)
{
    long port = 0, replicas = 0;
    int rc = cli_number(c, "port", 1, 65535, 0, &port, err);

    if (!rc)
        rc = cli_number(c, "replicas", 1, 100000, 0, &replicas, err);
    if (!rc)
        rc = add_manifest(c, spec, err);
    if (!rc && !cli_value(c, "image") && !json_object_get(spec, "manifest"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--image REF: what shall it run?");
    if (!rc && cli_value(c, "image"))
        rc = put_image(c, spec, cli_value(c, "image"), err);
    if (rc)
        return rc;
    if (port)
        json_object_set_new(spec, "port", json_integer(port));
    if (replicas)
        json_object_set_new(spec, "replicas", json_integer(replicas));
    if (cli_value(c, "pull-secret"))
        json_object_set_new(spec, "pull_secret", json_string(cli_value(c, "pull-secret")));
    words(c, "command", spec, "command");
    words(c, "arg", spec, "args");
    rc = pairs(c, "env", spec, "env", err);
    if (!rc)
        rc = pairs(c, "label", spec, "labels", err);
    return rc ? rc : resources(c, spec, err);
}

static int run(cli *c, const char *kind, imgrel_error *err)
{
    json_t *spec = json_object();
    char *text = NULL, *object = malloc(strlen(kind) + strlen(c->words[0]) + 2);
    int rc = object ? pod_spec(c, spec, err) : cli_nomem(err);

    if (!rc) {
        strcpy(stpcpy(stpcpy(object, kind), "/"), c->words[0]);
        rc = cli_kube_do(c, object, "run", json_incref(spec), &text, err);
    }
    json_decref(spec);
    free(object);
    return rc ? rc : cli_kube_print_change(c, kind, c->words[0], text, err);
}

int cmd_kube_pod_run(cli *c, imgrel_error *err)
{
    return run(c, "pod", err);
}

int cmd_kube_deployment_run(cli *c, imgrel_error *err)
{
    return run(c, "deployment", err);
}

/* ---- service ---- */

/* "80", "80:8080", "80:web", "53/UDP". */
static int add_port(json_t *list, const char *text, imgrel_error *err)
{
    char *end = NULL;
    long port = strtol(text, &end, 10), target = 0;
    json_t *j = json_pack("{s:I}", "port", (json_int_t)port);
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);

    json_array_append_new(list, j);
    if (slash)
        json_object_set_new(j, "protocol", json_string(slash + 1));
    if (end == text || port < 1 || port > 65535 || (*end != ':' && end != text + n) ||
        (slash && !slash[1]))
        return cli_fail(err, IMGREL_EINVAL, "say PORT, PORT:TARGET or PORT:TARGET/PROTOCOL",
                        "--port %s: that is no port", text);
    if (*end != ':')
        return 0;
    const char *from = end + 1;
    target = strtol(from, &end, 10);
    if (end == text + n && end > from)
        json_object_set_new(j, "target_port", json_integer(target));
    else
        json_object_set_new(j, "target_port", json_stringn(from, (size_t)(text + n - from)));
    return 0;
}

static int expose_spec(const cli *c, json_t *spec, imgrel_error *err)
{
    json_t *ports = json_array();
    long target = 0;
    int rc = cli_number(c, "target-port", 1, 65535, 0, &target, err);

    for (size_t i = 0; !rc && cli_nth(c, "port", i); i++)
        rc = add_port(ports, cli_nth(c, "port", i), err);
    if (!rc && target && json_array_size(ports) != 1)
        rc = cli_fail(err, IMGREL_EINVAL, "say --port 80:8080 for each",
                      "--target-port goes with one --port");
    if (!rc && target)
        json_object_set_new(json_array_get(ports, 0), "target_port", json_integer(target));
    if (json_array_size(ports))
        json_object_set(spec, "ports", ports);
    json_decref(ports);
    if (cli_value(c, "name"))
        json_object_set_new(spec, "name", json_string(cli_value(c, "name")));
    if (cli_value(c, "type"))
        json_object_set_new(spec, "type", json_string(cli_value(c, "type")));
    return rc;
}

int cmd_kube_service_expose(cli *c, imgrel_error *err)
{
    const char *word = c->words[0], *slash = strchr(word, '/');
    json_t *spec = json_object();
    char *text = NULL, *object = malloc(strlen(word) + 5);
    int rc = object ? expose_spec(c, spec, err) : cli_nomem(err);

    if (!rc) {
        strcpy(stpcpy(object, slash ? "" : "pod/"), word);
        rc = cli_kube_do(c, object, "expose", json_incref(spec), &text, err);
    }
    json_decref(spec);
    free(object);
    return rc ? rc
              : cli_kube_print_change(c, "service",
                                      cli_value(c, "name") ? cli_value(c, "name")
                                      : slash              ? slash + 1
                                                           : word,
                                      text, err);
}

/* ---- service accounts ---- */

int cmd_kube_account_secrets(cli *c, imgrel_error *err)
{
    json_t *spec = json_object();
    char *text = NULL, *object = malloc(strlen(c->words[0]) + 20);
    int rc = object ? 0 : cli_nomem(err);

    words(c, "add", spec, "add");
    words(c, "remove", spec, "remove");
    if (!rc && !json_object_size(spec))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--add NAME or --remove NAME: which secret?");
    if (!rc) {
        strcpy(stpcpy(object, "serviceaccount/"), c->words[0]);
        rc = cli_kube_do(c, object, "pull_secrets", json_incref(spec), &text, err);
    }
    json_decref(spec);
    free(object);
    return rc ? rc : cli_kube_print_change(c, "serviceaccount", c->words[0], text, err);
}

/* ---- rollouts ---- */

static int act(cli *c, const char *action, json_t *spec, const char *word, imgrel_error *err)
{
    char *text = NULL;
    json_t *j = NULL;
    int rc = cli_kube_do(c, c->words[0], action, spec, &text, err);

    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j)
        printf("%s %s\n", c->words[0], *cli_str(j, "imgrel") ? cli_str(j, "imgrel") : word);
    json_decref(j);
    imgrel_free(text);
    return rc;
}

int cmd_kube_rollout_status(cli *c, imgrel_error *err)
{
    return act(c, "wait", NULL, "is rolled out", err);
}

int cmd_kube_rollout_restart(cli *c, imgrel_error *err)
{
    return act(c, "restart", NULL, "restarted", err);
}

int cmd_kube_rollout_undo(cli *c, imgrel_error *err)
{
    long revision = 0;
    int rc = cli_number(c, "to-revision", 1, 1000000000, 0, &revision, err);

    return rc ? rc
              : act(c, "undo",
                    revision ? json_pack("{s:I}", "revision", (json_int_t)revision) : NULL,
                    "is as it was", err);
}

static void history_row(cli_table *t, const json_t *j)
{
    char number[32], images[512] = "";
    json_t *image = NULL;
    size_t i = 0, n = 0;

    snprintf(number, sizeof number, "%lld%s",
             (long long)json_integer_value(json_object_get(j, "revision")),
             json_is_true(json_object_get(j, "current")) ? " (now)" : "");
    json_array_foreach(json_object_get(j, "images"), i, image)
    {
        int len =
            snprintf(images + n, sizeof images - n, "%s%s", n ? "," : "", json_string_value(image));
        n += len > 0 && (size_t)len < sizeof images - n ? (size_t)len : 0;
    }
    cli_table_row(t, number, images, cli_str(j, "cause"));
}

int cmd_kube_rollout_history(cli *c, imgrel_error *err)
{
    cli_table t = {.n_columns = 3};
    json_t *j = NULL, *row = NULL;
    char *text = NULL;
    size_t i = 0;
    int rc = cli_kube_do(c, c->words[0], "history", NULL, &text, err);

    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j) {
        cli_table_row(&t, "REVISION", "IMAGES", "CHANGE-CAUSE");
        json_array_foreach(j, i, row)
        {
            history_row(&t, row);
        }
        cli_table_print(&t);
    }
    json_decref(j);
    imgrel_free(text);
    return rc;
}

int cmd_kube_scale(cli *c, imgrel_error *err)
{
    char *end = NULL;
    long n = strtol(c->words[1], &end, 10);

    if (!*c->words[1] || *end || n < 0 || n > 1000000)
        return cli_fail(err, IMGREL_EINVAL, NULL, "%s is no number of replicas", c->words[1]);
    return act(c, "scale", json_pack("{s:I}", "replicas", (json_int_t)n), "scaled", err);
}

int cmd_kube_image(cli *c, imgrel_error *err)
{
    json_t *spec = json_object();
    int rc = put_image(c, spec, c->words[1], err);

    if (cli_value(c, "container"))
        json_object_set_new(spec, "container", json_string(cli_value(c, "container")));
    if (!rc)
        return act(c, "image", spec, "changed", err);
    json_decref(spec);
    return rc;
}
