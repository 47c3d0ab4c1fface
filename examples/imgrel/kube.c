/* kube.c - imgrel kube: from a pull secret to a page. */
#include "kube.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Settings without a file: --server, with a token, a CA, or without a check. */
static int settings(const cli *c, char **ret, imgrel_error *err)
{
    const char *ca = cli_value(c, "server-ca"), *token = cli_value(c, "token-file");
    json_t *j = json_pack("{s:s}", "server", cli_value(c, "server"));

    if (ca)
        json_object_set_new(j, "certificate-authority", json_string(ca));
    if (token)
        json_object_set_new(j, "tokenFile", json_string(token));
    if (cli_value(c, "namespace"))
        json_object_set_new(j, "namespace", json_string(cli_value(c, "namespace")));
    *ret = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return *ret ? 0 : cli_nomem(err);
}

int cli_kube_open(const cli *c, imgrel_kube **ret, imgrel_error *err)
{
    char *text = NULL;
    int rc = 0;

    if (!cli_value(c, "server"))
        return imgrel_kube_new(c->client, cli_value(c, "kubeconfig"), cli_value(c, "context"), ret,
                               err);
    if (cli_value(c, "kubeconfig") || cli_value(c, "context"))
        return cli_fail(err, IMGREL_EINVAL, NULL,
                        "--server stands instead of --kubeconfig and --context");
    rc = settings(c, &text, err);
    if (!rc)
        rc = imgrel_kube_new(c->client, text, NULL, ret, err);
    free(text);
    return rc;
}

const char *cli_kube_ns(const cli *c)
{
    return cli_has(c, "all-namespaces") ? "*" : cli_value(c, "namespace");
}

int cli_kube_do(const cli *c, const char *object, const char *action, json_t *spec, char **ret,
                imgrel_error *err)
{
    char *text = spec ? json_dumps(spec, JSON_COMPACT) : NULL;
    imgrel_kube *k = NULL;
    int rc = spec && !text ? cli_nomem(err) : cli_kube_open(c, &k, err);

    if (!rc)
        rc = imgrel_kube_do(k, cli_kube_ns(c), object, action, text, &c->opts, ret, err);
    imgrel_kube_free(k);
    json_decref(spec);
    cli_free_secret(text);
    return rc;
}

/* "KIND NAME: change", or the document. text is freed. */
int cli_kube_print_change(const cli *c, const char *kind, const char *name, char *text,
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
    int rc = cli_kube_open(c, &k, err);

    if (!rc)
        rc = imgrel_kube_namespace_ensure(k, c->words[0], &c->opts, &text, err);
    imgrel_kube_free(k);
    return rc ? rc : cli_kube_print_change(c, "namespace", c->words[0], text, err);
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
    if (!(rc = cli_read_secret(c, file, &password, err)) && !(rc = cli_kube_open(c, &k, err)))
        rc = imgrel_kube_secret_ensure(k, cli_value(c, "namespace"), c->words[0], host, user,
                                       password, &c->opts, &text, err);
    cli_free_secret(password);
    imgrel_kube_free(k);
    return rc ? rc : cli_kube_print_change(c, "secret", c->words[0], text, err);
}

/* ---- a pod's fate ---- */

/* A deployment is waited for as such; of all else the pod. */
static bool is_rolled_out(const char *object)
{
    static const char *const kinds[] = {"deployment/",  "deployments/",  "deploy/",
                                        "statefulset/", "statefulsets/", "sts/",
                                        "daemonset/",   "daemonsets/",   "ds/"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strncmp(object, kinds[i], strlen(kinds[i])))
            return true;
    return false;
}

int cmd_kube_wait(cli *c, imgrel_error *err)
{
    imgrel_kube *k = NULL;
    char *text = NULL;
    json_t *j = NULL;
    int rc = cli_kube_open(c, &k, err);

    if (!rc)
        rc = is_rolled_out(c->words[0]) ? imgrel_kube_do(k, cli_value(c, "namespace"), c->words[0],
                                                         "wait", NULL, &c->opts, &text, err)
                                        : imgrel_kube_wait(k, cli_value(c, "namespace"),
                                                           c->words[0], &c->opts, &text, err);
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
    int rc = cli_kube_open(c, &k, err);

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
    static const char *const switches[][2] = {{"follow", "follow"},
                                              {"previous", "previous"},
                                              {"timestamps", "timestamps"},
                                              {"all-containers", "all_containers"},
                                              {"prefix", "prefix"}};
    const char *since = cli_value(c, "since");
    json_t *spec = json_object();
    long tail = -1;
    int rc = cli_number(c, "tail", 0, 1000000000, -1, &tail, err);

    for (size_t i = 0; i < 5; i++)
        if (cli_has(c, switches[i][0]))
            json_object_set_new(spec, switches[i][1], json_true());
    if (cli_value(c, "selector"))
        json_object_set_new(spec, "selector", json_string(cli_value(c, "selector")));
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

    if (!rc && !c->n_words && !cli_value(c, "selector"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "whose logs? name an object, or give --selector");
    if (!rc && !(rc = cli_kube_open(c, &k, err)))
        rc = imgrel_kube_logs(k, cli_value(c, "namespace"), c->n_words ? c->words[0] : NULL, spec,
                              STDOUT_FILENO, &c->opts, err);
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
    if (!(rc = cli_kube_open(c, &k, err)))
        rc = imgrel_kube_forward(k, cli_value(c, "namespace"), c->words[0], ports,
                                 cli_value(c, "address"), &c->opts, err);
    imgrel_kube_free(k);
    return rc;
}
