/* certs.c - reads a host's folder in certs.d. */
#include "net/certs.h"
#include "base/fd.h"
#include "base/limits.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define CERTS_MAX (4 * IR_MIB)
#define FILES_MAX 1000

static int list_dir(const char *dir, ir_strv *ret)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = 0;
    if (!d)
        return 0;
    while (!rc && ret->n < FILES_MAX && (e = readdir(d)))
        if (e->d_name[0] != '.')
            rc = ir_strv_add(ret, e->d_name);
    closedir(d);
    ir_strv_sort(ret);
    return rc;
}

static int add_authority(const char *dir, const char *name, ir_buf *pem, imgrel_error *err)
{
    char *path = ir_path_join(dir, name);
    int rc = path ? ir_file_read(path, pem, err) : ir_nomem(err);
    ir_buf_addc(pem, '\n');
    free(path);
    return rc;
}

/* docker: X.cert needs its X.key beside it. */
static int set_pair(const char *dir, const char *cert, ir_host *ret, imgrel_error *err)
{
    if (ret->cert)
        return 0;
    ret->cert = ir_path_join(dir, cert);
    ret->key = ret->cert ? ir_strdup(ret->cert) : NULL;
    if (!ret->key)
        return ir_nomem(err);
    memcpy(ret->key + strlen(ret->key) - 5, ".key", 5);
    ret->cert_is_own = true;
    if (access(ret->key, R_OK) == 0)
        return 0;
    int rc = ir_fail(err, IMGREL_EINVAL, "%s has no readable key %s", ret->cert, ret->key);
    ir_cure(err, "put the key beside its certificate, or remove the certificate");
    return rc;
}

static int read_folder(const char *dir, ir_host *ret, bool *ret_any, imgrel_error *err)
{
    IR_AUTO(ir_strv) names = {0};
    IR_AUTO(ir_buf) pem = IR_BUF(CERTS_MAX);
    int rc = list_dir(dir, &names) ? ir_nomem(err) : 0;
    for (size_t i = 0; !rc && i < names.n; i++) {
        if (ir_ends(names.v[i], ".crt"))
            rc = add_authority(dir, names.v[i], &pem, err);
        else if (ir_ends(names.v[i], ".cert"))
            rc = set_pair(dir, names.v[i], ret, err);
    }
    if (rc || (rc = ir_buf_check(&pem, err, dir)))
        return rc;
    *ret_any = names.n > 0;
    if (pem.len && !(ret->ca_pem = ir_buf_take(&pem)))
        return ir_nomem(err);
    return 0;
}

/* The names under which a host may have its folder, most exact first. */
static int folder_names(const ir_url *url, ir_strv *ret)
{
    char *exact = ir_format("%s:%d", url->host, url->port);
    char *flat = ir_format("%s_%d_", url->host, url->port);
    bool usual = url->port == 443 || url->port == 80;
    int rc = !exact || !flat || ir_strv_add(ret, exact) || ir_strv_add(ret, flat) ||
             (usual && ir_strv_add(ret, url->host));
    free(exact);
    free(flat);
    return rc;
}

int ir_certs_find(const ir_strv *dirs, const ir_url *url, ir_host *ret, imgrel_error *err)
{
    IR_AUTO(ir_strv) names = {0};
    bool any = false;
    int rc = folder_names(url, &names) ? ir_nomem(err) : 0;
    for (size_t i = 0; !rc && !any && i < dirs->n * names.n; i++) {
        char *dir = ir_path_join(dirs->v[i / names.n], names.v[i % names.n]);
        rc = dir ? read_folder(dir, ret, &any, err) : ir_nomem(err);
        free(dir);
    }
    return rc;
}
