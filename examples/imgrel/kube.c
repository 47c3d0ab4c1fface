/* kube.c - imgrel kube: from a pull secret to a page. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_kube(const cli *c, imgrel_kube **ret, imgrel_error *err)
{
    return imgrel_kube_new(c->client, cli_value(c, "kubeconfig"), cli_value(c, "context"), ret,
                           err);
}

/* "KIND NAME: change", or the document. text is freed. */
static int print_change(const cli *c, const char *kind, const char *name, char *text,
                        imgrel_error *err)
{
    json_t *j = NULL;
    int rc = cli_document(c, text, &j, err);

    if (j)
        printf("%s/%s %s\n", kind, name, *cli_str(j, "imgrel") ? cli_str(j, "imgrel") : "is there");
    json_decref(j);
    imgrel_free(text);
    return rc;
}

int cmd_kube_namespace_ensure(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *text = NULL;
    int rc = open_kube(c, &k, err);

    if (!rc)
        rc = imgrel_kube_namespace_ensure(k, c->words[0], &c->opts, &text, err);
    imgrel_kube_free(k);
    return rc ? rc : print_change(c, "namespace", c->words[0], text, err);
}

int cmd_kube_secret_ensure(cli *c, imgrel_error *err)
{
    const char *host = cli_value(c, "registry"), *user = cli_value(c, "username");
    const char *file = cli_value(c, "password-file");
    imgrel_kube *k = NULL;
    char *password = NULL, *text = NULL;
    int rc = 0;

    if (!host || !user || !file)
        return cli_fail(
            err, IMGREL_EINVAL, NULL,
            "a pull secret needs --registry HOST, --username NAME and --password-file FILE");
    if (!(rc = cli_read_secret(c, file, &password, err)) && !(rc = open_kube(c, &k, err)))
        rc = imgrel_kube_secret_ensure(k, cli_value(c, "namespace"), c->words[0], host, user,
                                       password, &c->opts, &text, err);
    cli_free_secret(password);
    imgrel_kube_free(k);
    return rc ? rc : print_change(c, "secret", c->words[0], text, err);
}

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

static int pod_spec(const cli *c, char **ret, imgrel_error *err)
{
    json_t *spec = json_object();
    long port = 0;
    int rc = cli_number(c, "port", 1, 65535, 0, &port, err);

    if (!rc && !cli_value(c, "image"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--image REF: what shall the pod run?");
    if (!rc) {
        json_object_set_new(spec, "image", json_string(cli_value(c, "image")));
        if (port)
            json_object_set_new(spec, "port", json_integer(port));
        if (cli_value(c, "pull-secret"))
            json_object_set_new(spec, "pull_secret", json_string(cli_value(c, "pull-secret")));
        rc = pairs(c, "env", spec, "env", err);
    }
    if (!rc)
        rc = pairs(c, "label", spec, "labels", err);
    if (!rc && !(*ret = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    json_decref(spec);
    return rc;
}

int cmd_kube_pod_run(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *spec = NULL, *text = NULL;
    int rc = pod_spec(c, &spec, err);

    if (!rc && !(rc = open_kube(c, &k, err)))
        rc = imgrel_kube_pod_run(k, cli_value(c, "namespace"), c->words[0], spec, &c->opts, &text,
                                 err);
    free(spec);
    imgrel_kube_free(k);
    return rc ? rc : print_change(c, "pod", c->words[0], text, err);
}

int cmd_kube_service_expose(cli *c, imgrel_error *err)
{
    long port = 0, target = 0;
    imgrel_kube *k = NULL;
    char *text = NULL;
    int rc = cli_number(c, "port", 1, 65535, 0, &port, err);

    if (!rc)
        rc = cli_number(c, "target-port", 1, 65535, 0, &target, err);
    if (!rc && !port)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--port N: which port?");
    if (!rc && !(rc = open_kube(c, &k, err)))
        rc = imgrel_kube_service_expose(k, cli_value(c, "namespace"), c->words[0], (int32_t)port,
                                        (int32_t)target, &c->opts, &text, err);
    imgrel_kube_free(k);
    return rc ? rc : print_change(c, "service", c->words[0], text, err);
}

/* ---- any object ---- */

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
    int rc = open_kube(c, &k, err);

    if (!rc)
        rc = imgrel_kube_get(k, cli_value(c, "namespace"), c->words[0], &c->opts, &text, err);
    imgrel_kube_free(k);
    return rc ? rc : print_object(c, text, err);
}

static void object_row(cli_table *t, const json_t *j)
{
    const json_t *meta = json_object_get(j, "metadata");

    cli_table_row(t, cli_str(meta, "name"), cli_str(json_object_get(j, "status"), "phase"),
                  cli_str(meta, "creationTimestamp"));
}

int cmd_kube_list(cli *c, imgrel_error *err)
{
    static const char *const head[] = { "NAME", "PHASE", "CREATED", NULL };
    imgrel_kube *k = NULL;
    imgrel_iter *it = NULL;
    int rc = open_kube(c, &k, err);

    if (!rc)
        rc = imgrel_kube_list(k, cli_value(c, "namespace"), c->words[0], cli_value(c, "selector"),
                              &c->opts, &it, err);
    if (!rc)
        rc = cli_list(c, it, NULL, head, object_row, err);
    imgrel_kube_free(k);
    return rc;
}

int cmd_kube_apply(cli *c, imgrel_error *err)
{
    const char *file = cli_value(c, "file");
    imgrel_kube *k = NULL;
    char *manifest = NULL, *text = NULL;
    size_t len = 0;
    int rc = 0;

    if (!file)
        return cli_fail(err, IMGREL_EINVAL, NULL, "-f FILE: apply what?");
    if (!(rc = cli_read_file(file, &manifest, &len, err)) && !(rc = open_kube(c, &k, err)))
        rc = imgrel_kube_apply(k, manifest, len, &c->opts, &text, err);
    cli_free_secret(manifest);
    imgrel_kube_free(k);
    return rc ? rc : print_object(c, text, err);
}

int cmd_kube_delete(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    int rc = open_kube(c, &k, err);

    if (!rc)
        rc = imgrel_kube_delete(k, cli_value(c, "namespace"), c->words[0], &c->opts, err);
    imgrel_kube_free(k);
    if (!rc && c->json)
        return cli_print(json_pack("{s:s}", "deleted", c->words[0]), err);
    if (!rc)
        printf("deleted %s\n", c->words[0]);
    return rc;
}

/* ---- a pod's fate ---- */

int cmd_kube_wait(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int rc = open_kube(c, &k, err);

    if (!rc)
        rc = imgrel_kube_wait(k, cli_value(c, "namespace"), c->words[0], &c->opts, &text, err);
    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j)
        printf("%s is ready\n", c->words[0]);
    json_decref(j);
    imgrel_free(text);
    imgrel_kube_free(k);
    return rc;
}

static void print_diagnosis(const char *object, const json_t *j)
{
    json_t *e = NULL;
    size_t i = 0;

    printf("%s: %s", object, cli_str(j, "state"));
    if (*cli_str(j, "cause"))
        printf(" (%s)", cli_str(j, "cause"));
    if (*cli_str(j, "message"))
        printf(": %s", cli_str(j, "message"));
    putchar('\n');
    if (*cli_str(j, "cure"))
        printf("  cure: %s\n", cli_str(j, "cure"));
    json_array_foreach(json_object_get(j, "evidence"), i, e)
    {
        printf("  seen: %s: %s\n", cli_str(e, "source"), cli_str(e, "text"));
    }
}

int cmd_kube_diagnose(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int rc = open_kube(c, &k, err);

    if (!rc)
        rc = imgrel_kube_diagnose(k, cli_value(c, "namespace"), c->words[0], &c->opts, &text, err);
    if (!rc)
        rc = cli_document(c, text, &j, err);
    if (j)
        print_diagnosis(c->words[0], j);
    json_decref(j);
    imgrel_free(text);
    imgrel_kube_free(k);
    return rc;
}

static int log_spec(const cli *c, char **ret, imgrel_error *err)
{
    static const char *const switches[] = { "follow", "previous", "timestamps" };
    const char *since = cli_value(c, "since");
    json_t *spec = json_object();
    long tail = -1;
    int rc = cli_number(c, "tail", 0, 1000000000, -1, &tail, err);

    for (size_t i = 0; i < 3; i++)
        if (cli_has(c, switches[i]))
            json_object_set_new(spec, switches[i], json_true());
    if (cli_value(c, "container"))
        json_object_set_new(spec, "container", json_string(cli_value(c, "container")));
    if (tail >= 0)
        json_object_set_new(spec, "tail", json_integer(tail));
    if (since && cli_duration(since) < 1000)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "--since %s: say seconds, or 10m, 1h", since);
    else if (since)
        json_object_set_new(spec, "since", json_integer(cli_duration(since) / 1000));
    if (!rc && !(*ret = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    json_decref(spec);
    return rc;
}

int cmd_kube_logs(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *spec = NULL;
    int rc = log_spec(c, &spec, err);

    if (!rc && !(rc = open_kube(c, &k, err)))
        rc = imgrel_kube_logs(k, cli_value(c, "namespace"), c->words[0], spec, STDOUT_FILENO,
                              &c->opts, err);
    free(spec);
    imgrel_kube_free(k);
    return rc;
}

/* Ends well when it is interrupted: that is how a forward is meant to end. */
int cmd_kube_forward(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char ports[1024] = "";
    size_t n = 0;
    int rc = 0;

    for (size_t i = 1; i < c->n_words; i++) {
        int len = snprintf(ports + n, sizeof ports - n, "%s%s", n ? "," : "", c->words[i]);
        if (len < 0 || (size_t)len >= sizeof ports - n)
            return cli_fail(err, IMGREL_EINVAL, NULL, "too many ports");
        n += (size_t)len;
    }
    if (!(rc = open_kube(c, &k, err)))
        rc = imgrel_kube_forward(k, cli_value(c, "namespace"), c->words[0], ports,
                                 cli_value(c, "address"), &c->opts, err);
    imgrel_kube_free(k);
    return rc;
}
