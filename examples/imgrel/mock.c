/* mock.c - imgrel mock: libimgrel-mock as a process until it is interrupted, and its checks against
 * any Harbor. */
#include "cli.h"

#include <imgrel/mock.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void string_option(const cli *c, const char *option, json_t *config, const char *key)
{
    if (cli_value(c, option))
        json_object_set_new(config, key, json_string(cli_value(c, option)));
}

static int port_option(const cli *c, const char *option, json_t *config, const char *key,
                       imgrel_error *err)
{
    long port = 0;
    int rc = cli_number(c, option, 0, 65535, 0, &port, err);

    if (cli_value(c, option))
        json_object_set_new(config, key, json_integer(port));
    return rc;
}

static int hosts_option(const cli *c, json_t *config, imgrel_error *err)
{
    if (!cli_nth(c, "hosts", 0))
        return 0;
    json_t *hosts = json_object();
    json_object_set_new(config, "hosts", hosts);
    for (size_t i = 0; cli_nth(c, "hosts", i); i++) {
        const char *text = cli_nth(c, "hosts", i), *eq = strchr(text, '=');
        if (!eq || eq == text || !eq[1])
            return cli_fail(err, IMGREL_EINVAL, NULL, "--hosts %s: it must be HOST=ADDRESS", text);
        json_object_setn_new(hosts, text, (size_t)(eq - text), json_string(eq + 1));
    }
    return 0;
}

/* A password file that is not there yet is written once the mock has chosen one. */
static int password_option(const cli *c, json_t *config, imgrel_error *err)
{
    const char *file = cli_value(c, "admin-password-file");
    char *password = NULL;
    int rc = 0;

    if (!file || (strcmp(file, "-") && access(file, F_OK)))
        return 0;
    if ((rc = cli_read_secret(c, file, &password, err)))
        return rc;
    json_object_set_new(config, "admin_password", json_string(password));
    cli_free_secret(password);
    return 0;
}

static int read_json(const char *path, json_t **ret, imgrel_error *err)
{
    json_error_t e;
    char *text = NULL;
    size_t len = 0;
    int rc = cli_read_file(path, &text, &len, err);

    *ret = rc ? NULL : json_loadb(text, len, 0, &e);
    if (!rc && !*ret)
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "%s: line %d: %s", path, e.line, e.text);
    cli_free_secret(text);
    return rc;
}

/* What an option says stands before what the file says. */
static int config_file(const cli *c, json_t *config, imgrel_error *err)
{
    json_t *more = NULL;
    int rc = cli_value(c, "config") ? read_json(cli_value(c, "config"), &more, err) : 0;

    if (more)
        json_object_update_missing(config, more);
    json_decref(more);
    return rc;
}

/* The commands of the script, in their order. */
static int run_script(const cli *c, imgrel_mock *m, imgrel_error *err)
{
    json_t *all = NULL, *one;
    size_t i;
    int rc = cli_value(c, "script") ? read_json(cli_value(c, "script"), &all, err) : 0;

    json_array_foreach (all, i, one) {
        char *text = rc ? NULL : json_dumps(one, JSON_COMPACT);
        if (!rc)
            rc = text ? imgrel_mock_control(m, text, NULL, err) : cli_nomem(err);
        free(text);
    }
    json_decref(all);
    return rc;
}

static int make_config(const cli *c, json_t *config, imgrel_error *err)
{
    static const char *const words[][2] = {
        { "address", "address" },
        { "registry", "registry" },
        { "registry-dir", "registry_dir" },
        { "state", "state" },
        { "external-url", "external_url" },
        { "harbor-version", "version" },
        { "node", "node" },
    };
    static const char *const switches[] = { "tls", "control" };
    int rc = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        string_option(c, words[i][0], config, words[i][1]);
    if ((rc = config_file(c, config, err)))
        return rc;
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (cli_has(c, switches[i]))
            json_object_set_new(config, switches[i], json_true());
    if ((rc = port_option(c, "port", config, "port", err)) ||
        (rc = port_option(c, "kube-port", config, "kube_port", err)) ||
        (rc = hosts_option(c, config, err)))
        return rc;
    return password_option(c, config, err);
}

static int keep(const char *path, const char *text, imgrel_error *err)
{
    cli_secret_file f;
    int rc = cli_secret_open(&f, path, err);

    if (!rc)
        rc = cli_secret_keep(&f, text, err);
    cli_secret_drop(&f);
    return rc;
}

/* The kubeconfig where it was wished, and the password that the mock chose. */
static int write_files(const cli *c, const imgrel_mock *m, imgrel_error *err)
{
    const char *to = cli_value(c, "kubeconfig"), *password = cli_value(c, "admin-password-file");
    const char *from = imgrel_mock_get(m, "kubeconfig");
    char *text = NULL;
    size_t len = 0;
    int rc = 0;

    if (to && from && !(rc = cli_read_file(from, &text, &len, err)))
        rc = keep(to, text, err);
    cli_free_secret(text);
    if (!rc && password && strcmp(password, "-") && access(password, F_OK))
        rc = keep(password, imgrel_mock_get(m, "admin_password"), err);
    return rc;
}

static int say_ready(const cli *c, const imgrel_mock *m, imgrel_error *err)
{
    const char *kubeconfig = imgrel_mock_get(m, "kubeconfig"), *ca = imgrel_mock_get(m, "ca_file");
    int rc = 0;

    if (kubeconfig && cli_value(c, "kubeconfig"))
        kubeconfig = cli_value(c, "kubeconfig");
    if (c->json)
        rc = cli_print(json_pack("{s:b, s:s?, s:s?, s:s?, s:s?, s:s?}", "ready", 1, "url",
                                 imgrel_mock_get(m, "url"), "host", imgrel_mock_get(m, "host"),
                                 "kube_url", imgrel_mock_get(m, "kube_url"), "kubeconfig",
                                 kubeconfig, "ca_file", ca),
                       err);
    else
        printf("ready: Harbor and registry %s, Kubernetes %s, kubeconfig %s%s%s\n",
               imgrel_mock_get(m, "url"), imgrel_mock_get(m, "kube_url"),
               kubeconfig ? kubeconfig : "-", ca ? ", CA " : "", ca ? ca : "");
    fflush(stdout);
    return rc;
}

/* Until Ctrl-C, SIGTERM or the deadline. A handler runs on whatever thread the signal reaches, so
 * the token is looked at in short steps. */
static void wait_for_end(const cli *c)
{
    int64_t left = c->opts.timeout_ms;

    while (!imgrel_cancel_fired(c->cancel) && (!c->opts.timeout_ms || left > 0)) {
        poll(NULL, 0, 100);
        left -= 100;
    }
}

int cmd_mock_serve(cli *c, imgrel_error *err)
{
    json_t *config = json_object();
    imgrel_mock *m = NULL;
    char *text = NULL;
    int rc = config ? make_config(c, config, err) : cli_nomem(err);

    if (!rc && !(text = json_dumps(config, JSON_COMPACT)))
        rc = cli_nomem(err);
    json_decref(config);
    if (!rc)
        rc = imgrel_mock_start(text, &m, err);
    cli_free_secret(text);
    if (!rc && !(rc = run_script(c, m, err)) && !(rc = write_files(c, m, err)) &&
        !(rc = say_ready(c, m, err)))
        wait_for_end(c);
    imgrel_mock_stop(m);
    return rc;
}

/* ---- conformance ----------------------------------------------------------------------------- */

static int conformance_spec(const cli *c, char **ret, imgrel_error *err)
{
    const char *file = cli_value(c, "password-file"), *user = cli_value(c, "user");
    char *password = NULL;
    int rc = file ? cli_read_secret(c, file, &password, err)
                  : cli_fail(err, IMGREL_EINVAL, "put the password into a file and name it",
                             "mock conformance: --password-file is missing");

    if (rc)
        return rc;
    json_t *spec = json_pack("{s:s, s:s, s:s, s:b}", "url", c->words[0], "user",
                             user ? user : "admin", "password", password, "insecure",
                             cli_has(c, "insecure"));
    cli_free_secret(password);
    string_option(c, "only", spec, "only");
    string_option(c, "ca-file", spec, "ca_file");
    *ret = spec ? json_dumps(spec, JSON_COMPACT) : NULL;
    json_decref(spec);
    return *ret ? 0 : cli_nomem(err);
}

static void print_checks(const cli *c, const json_t *report)
{
    cli_table t = { .n_columns = 3 };
    size_t i;
    json_t *check;

    json_array_foreach (json_object_get(report, "checks"), i, check) {
        const char *result = cli_str(check, "result"), *detail = cli_str(check, "detail");
        if (cli_has(c, "all") || strcmp(result, "pass"))
            cli_table_row(&t, result, cli_str(check, "check"),
                          *detail ? detail : cli_str(check, "fact"));
    }
    cli_table_print(&t);
}

static long number(const json_t *report, const char *key)
{
    return (long)json_integer_value(json_object_get(report, key));
}

/* Differences are told; what a server must do and does not makes it fail. */
static int say_result(const cli *c, const char *text, imgrel_error *err)
{
    json_t *report = NULL;
    int rc = cli_document(c, text, &report, err);
    json_t *j = report ? json_incref(report) : json_loads(text, 0, NULL);
    long failed = j ? number(j, "failed") : 0;

    if (report) {
        print_checks(c, report);
        printf("%s, Harbor %s: %ld passed, %ld failed, %ld differ, %ld skipped\n",
               cli_str(report, "url"), cli_str(report, "version"), number(report, "passed"), failed,
               number(report, "differing"), number(report, "skipped"));
    }
    if (!rc && failed)
        rc = cli_fail(err, IMGREL_EFAILED, "read what each of them says above",
                      "%s: %ld checks failed", c->words[0], failed);
    json_decref(report);
    json_decref(j);
    return rc;
}

int cmd_mock_conformance(cli *c, imgrel_error *err)
{
    char *spec = NULL, *report = NULL;
    int rc = conformance_spec(c, &spec, err);

    if (!rc)
        rc = imgrel_mock_conformance(spec, c->cancel, &report, err);
    if (!rc)
        rc = say_result(c, report, err);
    imgrel_mock_free_string(report);
    cli_free_secret(spec);
    return rc;
}
