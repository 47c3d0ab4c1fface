/* exec.c - credentials from a program (client.authentication.k8s.io v1 and v1beta1): run without a
 * shell, told about the cluster in KUBERNETES_EXEC_INFO, its answer kept by the handle until it
 * ends or the server says 401. We have no terminal to lend, so interactive is always false. */
#include "base/base64.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/proc.h"
#include "fmt/header.h"
#include "kube/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GROUP "client.authentication.k8s.io/"
#define TIMEOUT_MS 60000

static int add_args(ir_kube_exec *x, const ir_kube_entry *e, const ir_json *exec, imgrel_error *err)
{
    const ir_json *args = ir_json_get(exec, "args"), *env = ir_json_get(exec, "env");
    for (size_t i = 0; i < ir_json_len(args); i++) {
        const char *arg = ir_json_text(ir_json_at(args, i));
        if (!arg)
            return ir_kube_entry_fail(e, "exec", err, "exec.args must be strings");
        if (ir_strv_add(&x->args, arg))
            return ir_nomem(err);
    }
    for (size_t i = 0; i < ir_json_len(env); i++) {
        const char *name = ir_json_str(ir_json_at(env, i), "name");
        const char *value = ir_json_str(ir_json_at(env, i), "value");
        if (!name || !*name || strchr(name, '='))
            return ir_kube_entry_fail(e, "exec", err, "exec.env must have names");
        char *line = ir_format("%s=%s", name, value ? value : "");
        int rc = line ? ir_strv_add(&x->env, line) : IMGREL_ENOMEM;
        ir_free_secret(line);
        if (rc)
            return ir_nomem(err);
    }
    return 0;
}

static int check_exec(const ir_kube_entry *e, const ir_json *exec, imgrel_error *err)
{
    const char *version = ir_json_str(exec, "apiVersion");
    const char *mode = ir_json_str(exec, "interactiveMode");
    bool v1 = ir_streq(version, GROUP "v1"), v1beta1 = ir_streq(version, GROUP "v1beta1");
    if (!version || !*version)
        return ir_kube_entry_fail(e, "exec", err,
                                  "apiVersion must be specified to use an exec plugin");
    if (!v1 && !v1beta1)
        return ir_kube_entry_fail(e, "exec", err,
                                  "exec plugin: invalid apiVersion \"%s\": " GROUP "v1 and v1beta1 "
                                  "are known",
                                  version);
    if (!ir_json_str(exec, "command") || !*ir_json_str(exec, "command"))
        return ir_kube_entry_fail(e, "exec", err,
                                  "command must be specified to use an exec plugin");
    if (v1 && (!mode || !*mode))
        return ir_kube_entry_fail(e, "exec", err,
                                  "interactiveMode must be specified to use an exec plugin");
    if (mode && ir_streq(mode, "Always"))
        return ir_kube_entry_fail(e, "exec", err,
                                  "the exec plugin wants a terminal (interactiveMode: Always)");
    if (mode && *mode && !ir_streq(mode, "Never") && !ir_streq(mode, "IfAvailable"))
        return ir_kube_entry_fail(e, "exec", err, "invalid interactiveMode \"%s\"", mode);
    return 0;
}

/* The cluster's extension by this name goes to the plugin as `config`. */
static ir_json *extension(const ir_json *cluster)
{
    const ir_json *all = ir_json_get(cluster, "extensions");
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (ir_streq(ir_json_str(ir_json_at(all, i), "name"), GROUP "exec"))
            return ir_json_copy(ir_json_get(ir_json_at(all, i), "extension"));
    return NULL;
}

/* spec.cluster: the CA is told as data even when the file gave a path. */
static ir_json *cluster_info(const ir_kube *k, const ir_kube_entry *cluster)
{
    ir_json *j = ir_json_new_object(), *config = extension(cluster->value);
    ir_buf ca = IR_BUF(2 * IR_MIB);
    if (k->ca_pem)
        ir_base64_add(&ca, k->ca_pem, strlen(k->ca_pem));
    int bad = ca.bad | ir_json_puts(j, "server", k->server) |
              ir_json_puts(j, "tls-server-name", k->tls_name) |
              ir_json_puts(j, "proxy-url", k->proxy) |
              ir_json_puts(j, "certificate-authority-data", k->ca_pem ? ir_buf_str(&ca) : NULL);
    if (k->insecure)
        bad |= ir_json_put(j, "insecure-skip-tls-verify", ir_json_new_bool(true));
    bad |= ir_json_put(j, "config", config ? config : ir_json_pack("n"));
    ir_buf_free(&ca);
    if (!bad)
        return j;
    ir_json_free(j);
    return NULL;
}

int ir_kube_exec_read(ir_kube *k, const ir_kube_entry *e, const ir_kube_entry *cluster,
                      imgrel_error *err)
{
    const ir_json *exec = ir_json_get(e->value, "exec");
    if (ir_json_is_null(exec))
        return 0;
    if (!ir_json_is_object(exec))
        return ir_kube_entry_fail(e, "exec", err, "exec must be a mapping");
    int rc = check_exec(e, exec, err);
    if (rc)
        return rc;
    const char *command = ir_json_str(exec, "command");
    ir_kube_exec *x = k->exec = calloc(1, sizeof *x);
    if (!x)
        return ir_nomem(err);
    x->api_version = ir_strdup(ir_json_str(exec, "apiVersion"));
    x->hint = ir_strdup(ir_json_str(exec, "installHint"));
    /* A bare name is looked up in PATH; one with a slash belongs to its file's folder. */
    x->command = strchr(command, '/') ? ir_path_join(e->dir, command) : ir_strdup(command);
    x->cluster_info = ir_json_bool(exec, "provideClusterInfo", false);
    x->cluster = x->cluster_info ? cluster_info(k, cluster) : NULL;
    if (!x->api_version || !x->command || (x->cluster_info && !x->cluster))
        return ir_nomem(err);
    return add_args(x, e, exec, err);
}

void ir_kube_exec_free(ir_kube_exec *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->env.n; i++)
        ir_wipe(x->env.v[i], strlen(x->env.v[i]));
    free(x->api_version);
    free(x->command);
    free(x->hint);
    ir_strv_free(&x->args);
    ir_strv_free(&x->env);
    ir_json_free(x->cluster);
    free(x);
}

void ir_kube_exec_forget(ir_kube *k)
{
    ir_free_secret(k->exec_token);
    free(k->exec_cert);
    ir_free_secret(k->exec_key);
    k->exec_token = k->exec_cert = k->exec_key = NULL;
    k->exec_expires = 0;
}

int ir_kube_exec_info(const ir_kube_exec *x, ir_buf *out, imgrel_error *err)
{
    ir_json *spec = ir_json_new_object();
    int bad = 0;
    if (x->cluster_info)
        bad = ir_json_put(spec, "cluster", ir_json_copy(x->cluster));
    bad |= ir_json_put(spec, "interactive", ir_json_new_bool(false));
    ir_json *j = ir_json_pack("{s:s, s:s, s:o}", "kind", "ExecCredential", "apiVersion",
                              x->api_version, "spec", spec);
    ir_buf_adds(out, "KUBERNETES_EXEC_INFO=");
    int rc = bad ? ir_nomem(err) : ir_json_dump(j, IR_JSON_COMPACT, out, err);
    ir_buf_addc(out, '\n');
    ir_json_free(j);
    return rc ? rc : ir_buf_check(out, err, "KUBERNETES_EXEC_INFO");
}

static int take_status(ir_kube *k, const ir_json *status, imgrel_error *err)
{
    const char *token = ir_json_str(status, "token");
    const char *cert = ir_json_str(status, "clientCertificateData");
    const char *key = ir_json_str(status, "clientKeyData");
    const char *expires = ir_json_str(status, "expirationTimestamp");
    if (!cert != !key)
        return ir_fail(err, IMGREL_EPROTO, "it gave half of a certificate and key");
    if ((!token || !*token) && !cert)
        return ir_fail(err, IMGREL_EPROTO, "it gave neither a token nor a certificate");
    if (expires && !ir_rfc3339(expires, &k->exec_expires))
        return ir_fail(err, IMGREL_EPROTO, "its expirationTimestamp is no time");
    k->exec_token = token && *token ? ir_strdup(token) : NULL;
    k->exec_cert = ir_strdup(cert);
    k->exec_key = ir_strdup(key);
    if ((token && *token && !k->exec_token) || (cert && (!k->exec_cert || !k->exec_key)))
        return ir_nomem(err);
    return 0;
}

int ir_kube_exec_answer(ir_kube *k, const char *p, size_t len, imgrel_error *err)
{
    ir_json *j = NULL;
    ir_kube_exec_forget(k);
    /* The parser's own words would quote what may be a secret. */
    int rc = ir_json_parse(p, len, "its answer", &j, NULL);
    if (rc)
        return ir_fail(err, rc, "its answer is not JSON");
    const char *version = ir_json_str(j, "apiVersion"), *kind = ir_json_str(j, "kind");
    if (!ir_streq(kind, "ExecCredential"))
        rc = ir_fail(err, IMGREL_EPROTO, "it gave kind \"%s\", not ExecCredential",
                     kind ? kind : "");
    else if (!ir_streq(version, k->exec->api_version))
        rc = ir_fail(err, IMGREL_EPROTO, "plugin returned version %s, the kubeconfig says %s",
                     version ? version : "(none)", k->exec->api_version);
    else
        rc = take_status(k, ir_json_get(j, "status"), err);
    ir_json_free(j);
    if (rc)
        ir_kube_exec_forget(k);
    return rc;
}

/* What the program said is for the user; its first line goes into the error. */
static void say_stderr(const ir_call *call, const ir_kube *k, const ir_buf *said, char line[160])
{
    const char *text = ir_buf_str(said);
    snprintf(line, 160, "%.*s", (int)strcspn(text, "\r\n"), text);
    if (said->len)
        ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "kube", line, "plugin", k->exec->command,
                   NULL);
}

static int run(const ir_call *call, ir_kube *k, const char *info, ir_buf *out, imgrel_error *err)
{
    const ir_kube_exec *x = k->exec;
    ir_buf said = IR_BUF(IR_HELPER_OUTPUT_MAX);
    const char **argv = calloc(x->args.n + 2, sizeof *argv);
    const char **env = calloc(x->env.n + 2, sizeof *env);
    char line[160];
    int status = 0, rc = argv && env ? 0 : ir_nomem(err);
    if (rc)
        goto out;
    argv[0] = x->command;
    for (size_t i = 0; i < x->args.n; i++)
        argv[i + 1] = x->args.v[i];
    for (size_t i = 0; i < x->env.n; i++)
        env[i] = x->env.v[i];
    env[x->env.n] = info;
    ir_proc p = {
        .argv = argv, .env_add = env, .out = out, .err_out = &said, .timeout_ms = TIMEOUT_MS};
    rc = ir_proc_run(&p, call->cancel, call->deadline_ms, &status, err);
    say_stderr(call, k, &said, line);
    if (!rc && status)
        rc = ir_fail(err, IMGREL_EAUTH, "executable %s failed with exit code %d%s%s", x->command,
                     status, *line ? ": " : "", line);
    if (rc && x->hint)
        ir_cure(err, "%s", x->hint);
out:
    free(argv);
    free(env);
    ir_buf_free(&said);
    return rc;
}

int ir_kube_exec_run(const ir_call *call, ir_kube *k, imgrel_error *err)
{
    ir_buf info = IR_BUF(4 * IR_MIB), out = IR_BUF_SECRET(IR_HELPER_OUTPUT_MAX);
    int64_t now = (int64_t)time(NULL);
    if ((k->exec_token || k->exec_cert) && (!k->exec_expires || now < k->exec_expires))
        return 0;
    int rc = ir_kube_exec_info(k->exec, &info, err);
    if (!rc)
        rc = run(call, k, ir_buf_str(&info), &out, err);
    if (!rc)
        rc = ir_kube_exec_answer(k, ir_buf_str(&out), out.len, err);
    if (rc)
        ir_error_prefix(err, "%s: exec plugin of user \"%s\"", k->host, k->user);
    ir_buf_free(&info);
    ir_buf_free(&out);
    return rc;
}
