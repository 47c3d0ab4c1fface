/* support.c - see support.h. */
#include "support.h"
#include "base/fd.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[64];
static ir_strv paths;

const char *kt_dir(void)
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/imgrel-kube-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(dir));
    }
    return dir;
}

const char *kt_file(const char *name, const char *text)
{
    imgrel_error err = {0};
    char *path = ir_path_join(kt_dir(), name);
    ck_assert_int_eq(ir_strv_add(&paths, path), 0);
    free(path);
    path = paths.v[paths.n - 1];
    unit_ok(ir_file_write(path, 0600, text, strlen(text), &err), &err);
    return path;
}

void kt_clean(void)
{
    if (dir[0])
        ck_assert_int_eq(ir_rmtree(dir, NULL), 0);
    dir[0] = '\0';
    ir_strv_free(&paths);
}

static void keep_log(void *user, const imgrel_log_record *r)
{
    kt *k = user;
    ir_buf_addf(&k->log, "%s %s\n", r->message, r->fields);
}

void kt_start(kt *k, const char *user)
{
    kt_start_with(k, user, dbl_pki_new(NULL), true);
}

void kt_start_with(kt *k, const char *user, dbl_pki *pki, bool verify)
{
    memset(k, 0, sizeof *k);
    k->log.max = 1 << 20;
    k->pki = pki;
    k->server = dbl_start(&(dbl_conf){.pki = k->pki, .any_client_cert = !verify});
    char *text =
        ir_format("apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                  "clusters: [{name: k, cluster: {server: \"%s/\", "
                  "certificate-authority: %s}}]\n"
                  "users: [{name: u, user: %s}]\n"
                  "contexts: [{name: c, context: {cluster: k, user: u, namespace: ns}}]\n",
                  dbl_url(k->server), dbl_pki_path(k->pki, DBL_CA), user ? user : "{token: t0ken}");
    const char *path = kt_file("kubeconfig", text);
    free(text);
    unit_ok(imgrel_client_new(&k->client, &k->err), &k->err);
    unit_ok(imgrel_client_set(k->client, "retries", "2", &k->err), &k->err);
    unit_ok(imgrel_client_set(k->client, "log_level", "warn", &k->err), &k->err);
    imgrel_client_log(k->client, keep_log, k);
    unit_ok(imgrel_kube_new(k->client, path, NULL, &k->kube, &k->err), &k->err);
}

void kt_stop(kt *k)
{
    imgrel_free(k->json);
    imgrel_kube_free(k->kube);
    imgrel_client_free(k->client);
    dbl_stop(k->server);
    dbl_pki_free(k->pki);
    ir_buf_free(&k->log);
    kt_clean();
}

void kt_on(kt *k, const char *method, const char *path, int status, const char *body)
{
    dbl_on(k->server, &(dbl_rule){.method = method,
                                  .path = path,
                                  .times = 1,
                                  .status = status,
                                  .headers = "Content-Type: application/json\r\n",
                                  .body = body});
}

imgrel_error *kt_err(kt *k)
{
    memset(&k->err, 0, sizeof k->err);
    return &k->err;
}

char **kt_json(kt *k)
{
    imgrel_free(k->json);
    k->json = NULL;
    return &k->json;
}

const char *kt_body(kt *k, const char *method, const char *path, size_t i)
{
    const dbl_request *r = dbl_get(k->server, method, path, i);
    return r && r->body ? r->body : "";
}
