/* node_volume.c - a pod's volumes as folders: emptyDir, config maps, secrets and the service
 * account's token. What is missing keeps the pod in ContainerCreating; only an event (FailedMount)
 * tells of it. */
#include "mock/node.h"

#include "base/base64.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static int put_file(const char *dir, const char *name, const void *p, size_t len, imgrel_error *err)
{
    char *path = ir_path_join(dir, name);
    int rc = path ? ir_file_write(path, 0644, p, len, err) : ir_nomem(err);
    free(path);
    return rc;
}

static int put_data(const char *dir, const ir_json *data, bool encoded, imgrel_error *err)
{
    int rc = 0;
    for (void *it = ir_json_first(data); it && !rc; it = ir_json_next(data, it)) {
        const char *text = ir_json_text(ir_json_value(it));
        ir_buf out = IR_BUF_SECRET(MK_KUBE_BODY_MAX);
        text = text ? text : "";
        if (!encoded)
            ir_buf_adds(&out, text);
        else if (!ir_base64_decode(text, strlen(text), &out))
            ir_buf_clear(&out);
        rc = put_file(dir, ir_json_key(it), ir_buf_str(&out), out.len, err);
        ir_buf_free(&out);
    }
    return rc;
}

/* (lock) */
static int from_object(struct mk_kube *k, const ir_json *pod, const char *volume, const char *dir,
                       const char *name, bool secret, bool optional, imgrel_error *err)
{
    const ir_json *o =
        mk_store_get(k, mk_kind_named(secret ? "Secret" : "ConfigMap"), mk_namespace(pod), name);
    if (!o && optional)
        return 0;
    if (!o)
        return ir_fail(err, IMGREL_ENOTFOUND,
                       "MountVolume.SetUp failed for volume \"%s\" : %s \"%s\" not found", volume,
                       secret ? "secret" : "configmap", name);
    int rc = put_data(dir, ir_json_get(o, "data"), secret, err);
    return rc ? rc : put_data(dir, ir_json_get(o, "binaryData"), true, err);
}

/* The token is for show: the pod's network leads nowhere. */
static int token_files(struct mk_kube *k, const ir_json *pod, const char *dir, imgrel_error *err)
{
    const char *ns = mk_namespace(pod), *token = mk_uid(pod);
    ir_buf ca = IR_BUF(IR_MIB);
    int rc = k->mock->ca_file ? ir_file_read(k->mock->ca_file, &ca, err) : 0;
    if (!rc)
        rc = put_file(dir, "ca.crt", ir_buf_str(&ca), ca.len, err);
    if (!rc)
        rc = put_file(dir, "namespace", ns, strlen(ns), err);
    if (!rc)
        rc = put_file(dir, "token", token, strlen(token), err);
    ir_buf_free(&ca);
    return rc;
}

static int fill(struct mk_kube *k, const ir_json *pod, const ir_json *v, const char *dir,
                imgrel_error *err)
{
    const ir_json *secret = ir_json_get(v, "secret"), *map = ir_json_get(v, "configMap");
    const char *volume = ir_json_str(v, "name");
    const char *name = secret ? ir_json_str(secret, "secretName") : ir_json_str(map, "name");
    if (ir_json_get(v, "emptyDir"))
        return chmod(dir, 0777) ? ir_fail_errno(err, errno, "mock node: %s", dir) : 0;
    if (secret || map)
        return from_object(k, pod, volume, dir, name ? name : "", secret != NULL,
                           ir_json_bool(secret ? secret : map, "optional", false), err);
    if (ir_json_path(v, "projected.sources.0.serviceAccountToken"))
        return token_files(k, pod, dir, err);
    return ir_fail(err, IMGREL_ENOTFOUND,
                   "MountVolume.SetUp failed for volume \"%s\" : "
                   "libimgrel-mock does not model this kind of volume",
                   volume);
}

int mk_volumes_make(struct mk_kube *k, const ir_json *pod, const char *dir, imgrel_error *err)
{
    const ir_json *list = ir_json_path(pod, "spec.volumes");
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        const ir_json *v = ir_json_at(list, i);
        char *path = ir_format("%s/volumes/%s", dir, ir_json_str(v, "name"));
        rc = path ? ir_mkdirs(path, 0755, err) : ir_nomem(err);
        pthread_mutex_lock(&k->mock->lock);
        if (!rc)
            rc = fill(k, pod, v, path, err);
        pthread_mutex_unlock(&k->mock->lock);
        free(path);
    }
    return rc;
}
