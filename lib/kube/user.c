/* user.c - a kubeconfig's user: who we are to the cluster. What kubectl refuses is refused here,
 * with the entry's file and line: two ways to log in at once, half a key pair, what was removed. */
#include "base/fd.h"
#include "base/limits.h"
#include "fmt/url.h"
#include "kube/inside.h"

#include <stdio.h>
#include <stdlib.h>

static int keep(const ir_kube_entry *e, const char *key, char **to, imgrel_error *err)
{
    const char *text = NULL;
    int rc = ir_kube_entry_text(e, key, &text, err);
    if (rc)
        return rc;
    *to = ir_strdup(text);
    return text && !*to ? ir_nomem(err) : 0;
}

static bool clean_header(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static int add_header(ir_kube *k, const ir_kube_entry *e, const char *key, const char *name,
                      const char *value, imgrel_error *err)
{
    if (!value || !clean_header(value))
        return ir_kube_entry_fail(e, key, err, "%s must hold text of one line", key);
    char *line = ir_format("%s: %s", name, value);
    int rc = line ? ir_strv_add(&k->headers, line) : IMGREL_ENOMEM;
    free(line);
    return rc ? ir_nomem(err) : 0;
}

static int add_header_list(ir_kube *k, const ir_kube_entry *e, const char *key, const char *name,
                           const ir_json *list, imgrel_error *err)
{
    if (!ir_json_is_null(list) && !ir_json_is_array(list))
        return ir_kube_entry_fail(e, key, err, "%s must be a list", key);
    int rc = 0;
    for (size_t i = 0; i < ir_json_len(list) && !rc; i++)
        rc = add_header(k, e, key, name, ir_json_text(ir_json_at(list, i)), err);
    return rc;
}

/* as-user-extra: {key: [values]}; a key's odd characters travel percent-encoded. */
static int add_extra(ir_kube *k, const ir_kube_entry *e, const ir_json *extra, imgrel_error *err)
{
    int rc = 0;
    for (void *it = ir_json_first(extra); it && !rc; it = ir_json_next(extra, it)) {
        ir_buf name = IR_BUF(IR_URL_MAX);
        ir_buf_adds(&name, "Impersonate-Extra-");
        ir_url_encode(&name, ir_json_key(it));
        rc = ir_buf_check(&name, err, "as-user-extra");
        if (!rc)
            rc = add_header_list(k, e, "as-user-extra", ir_buf_str(&name), ir_json_value(it), err);
        ir_buf_free(&name);
    }
    return rc;
}

static int read_impersonation(ir_kube *k, const ir_kube_entry *e, imgrel_error *err)
{
    const char *as = NULL, *uid = NULL;
    const ir_json *groups = ir_json_get(e->value, "as-groups");
    const ir_json *extra = ir_json_get(e->value, "as-user-extra");
    int rc = 0;
    if ((rc = ir_kube_entry_text(e, "as", &as, err)) ||
        (rc = ir_kube_entry_text(e, "as-uid", &uid, err)))
        return rc;
    if (!as && (uid || ir_json_len(groups) || ir_json_len(extra)))
        return ir_kube_entry_fail(e,
                                  uid      ? "as-uid"
                                  : groups ? "as-groups"
                                           : "as-user-extra",
                                  err, "impersonates a uid, groups or extra without a user (as)");
    if (as && (rc = add_header(k, e, "as", "Impersonate-User", as, err)))
        return rc;
    if (uid && (rc = add_header(k, e, "as-uid", "Impersonate-Uid", uid, err)))
        return rc;
    if ((rc = add_header_list(k, e, "as-groups", "Impersonate-Group", groups, err)))
        return rc;
    return add_extra(k, e, extra, err);
}

static int check_methods(ir_kube *k, const ir_kube_entry *e, imgrel_error *err)
{
    bool basic = k->basic_user || k->basic_password;
    if (k->token && basic)
        return ir_kube_entry_fail(e, "token", err,
                                  "more than one authentication method found; found [token "
                                  "basicAuth], only one is allowed");
    if (k->cert_pem && !k->key_pem)
        return ir_kube_entry_fail(e, NULL, err,
                                  "client-key-data or client-key must be there beside the client "
                                  "certificate");
    if (k->key_pem && !k->cert_pem)
        return ir_kube_entry_fail(e, NULL, err, "a client key without a client certificate");
    return 0;
}

/* auth-provider was how clouds logged in until Kubernetes 1.26. */
static int refuse_provider(const ir_kube_entry *e, imgrel_error *err)
{
    const ir_json *provider = ir_json_get(e->value, "auth-provider");
    const char *name = ir_json_str(provider, "name");
    if (ir_json_is_null(provider))
        return 0;
    ir_kube_entry_fail(e, "auth-provider", err, "auth-provider \"%s\" was removed from Kubernetes",
                       name ? name : "");
    ir_cure(err, "let the cloud's tool write the kubeconfig anew: it will use an exec plugin");
    return IMGREL_EINVAL;
}

static int read_token_file(ir_kube *k, const ir_kube_entry *e, imgrel_error *err)
{
    const char *path = NULL;
    int rc = ir_kube_entry_text(e, "tokenFile", &path, err);
    if (rc || !path)
        return rc;
    k->token_file = ir_path_join(e->dir, path);
    return k->token_file ? 0 : ir_nomem(err);
}

int ir_kube_user_read(ir_kube *k, const ir_kube_entry *e, const ir_kube_entry *cluster,
                      imgrel_error *err)
{
    int rc = 0;
    k->user = ir_strdup(e->name);
    if (!k->user)
        return ir_nomem(err);
    if ((rc = refuse_provider(e, err)) || (rc = keep(e, "token", &k->token, err)) ||
        (rc = keep(e, "username", &k->basic_user, err)) ||
        (rc = keep(e, "password", &k->basic_password, err)) ||
        (rc = ir_kube_entry_pem(e, "client-certificate", &k->cert_pem, err)) ||
        (rc = ir_kube_entry_pem(e, "client-key", &k->key_pem, err)) ||
        (rc = read_token_file(k, e, err)) || (rc = check_methods(k, e, err)) ||
        (rc = read_impersonation(k, e, err)))
        return rc;
    return ir_kube_exec_read(k, e, cluster, err);
}
