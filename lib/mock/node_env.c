/* node_env.c - a container's environment: the image's, the pod's, and what the pod takes from
 * config maps, secrets and its own fields. A missing one keeps the container from being created
 * (CreateContainerConfigError), in kubelet's words. */
#include "mock/node.h"

#include "base/base64.h"

#include <stdlib.h>

/* env is an object while it grows, so that later ones replace earlier ones. */
static void set(ir_json *env, const char *name, const char *value)
{
    ir_json_puts(env, name, value ? value : "");
}

static char *decoded(const char *text)
{
    ir_buf out = IR_BUF_SECRET(MK_KUBE_BODY_MAX);
    if (!text || !ir_base64_decode(text, strlen(text), &out)) {
        ir_buf_free(&out);
        return NULL;
    }
    return ir_buf_take(&out);
}

static int from_key(const mk_container *c, const ir_json *pod, const ir_json *ref, bool secret,
                    char **ret, imgrel_error *err)
{
    const char *name = ir_json_str(ref, "name"), *key = ir_json_str(ref, "key");
    const ir_json *o = mk_store_get(c->node->kube, mk_kind_named(secret ? "Secret" : "ConfigMap"),
                                    mk_namespace(pod), name ? name : "");
    const char *what = secret ? "secret" : "configmap", *kind = secret ? "Secret" : "ConfigMap";
    const char *text = ir_json_str(ir_json_get(o, "data"), key ? key : "");
    if (text) {
        *ret = secret ? decoded(text) : ir_strdup(text);
        return *ret ? 0 : ir_nomem(err);
    }
    if (ir_json_bool(ref, "optional", false))
        return 0;
    if (!o)
        return ir_fail(err, IMGREL_EINVAL, "%s \"%s\" not found", what, name ? name : "");
    return ir_fail(err, IMGREL_EINVAL, "couldn't find key %s in %s %s/%s", key ? key : "", kind,
                   mk_namespace(pod), name ? name : "");
}

static int from_field(const mk_container *c, const ir_json *pod, const ir_json *ref, char **ret,
                      imgrel_error *err)
{
    const char *path = ir_json_str(ref, "fieldPath");
    const ir_json *live =
        mk_store_get(c->node->kube, mk_kind_named("Pod"), mk_namespace(pod), mk_name(pod));
    const char *text = path ? ir_json_text(ir_json_path(live ? live : pod, path)) : NULL;
    if (!text)
        return ir_fail(err, IMGREL_EINVAL, "unsupported fieldPath: %s", path ? path : "");
    *ret = ir_strdup(text);
    return *ret ? 0 : ir_nomem(err);
}

static int one(const mk_container *c, const ir_json *pod, const ir_json *entry, ir_json *env,
               imgrel_error *err)
{
    const ir_json *from = ir_json_get(entry, "valueFrom"), *ref;
    const char *name = ir_json_str(entry, "name");
    char *value = NULL;
    int rc = 0;
    if (!from)
        set(env, name, ir_json_str(entry, "value"));
    else if ((ref = ir_json_get(from, "secretKeyRef")))
        rc = from_key(c, pod, ref, true, &value, err);
    else if ((ref = ir_json_get(from, "configMapKeyRef")))
        rc = from_key(c, pod, ref, false, &value, err);
    else if ((ref = ir_json_get(from, "fieldRef")))
        rc = from_field(c, pod, ref, &value, err);
    else
        rc = ir_fail(err, IMGREL_EINVAL, "libimgrel-mock does not model this source of %s", name);
    if (value)
        set(env, name, value);
    ir_free_secret(value);
    return rc;
}

static int all_of(const mk_container *c, const ir_json *pod, const ir_json *entry, ir_json *env,
                  imgrel_error *err)
{
    const ir_json *secret = ir_json_get(entry, "secretRef");
    const ir_json *ref = secret ? secret : ir_json_get(entry, "configMapRef");
    const char *name = ir_json_str(ref, "name"), *prefix = ir_json_str(entry, "prefix");
    const ir_json *o = mk_store_get(c->node->kube, mk_kind_named(secret ? "Secret" : "ConfigMap"),
                                    mk_namespace(pod), name ? name : "");
    const ir_json *data = ir_json_get(o, "data");
    if (!o && !ir_json_bool(ref, "optional", false))
        return ir_fail(err, IMGREL_EINVAL, "%s \"%s\" not found", secret ? "secret" : "configmap",
                       name ? name : "");
    for (void *it = ir_json_first(data); it; it = ir_json_next(data, it)) {
        const char *text = ir_json_text(ir_json_value(it));
        char *value = secret ? decoded(text) : ir_strdup(text);
        char *key = ir_format("%s%s", prefix ? prefix : "", ir_json_key(it));
        if (key && value)
            set(env, key, value);
        ir_free_secret(value);
        free(key);
    }
    return 0;
}

static void from_image(const mk_container *c, ir_json *env)
{
    const ir_json *list = ir_json_path(c->image->config, "config.Env");
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const char *text = ir_json_text(ir_json_at(list, i)), *eq = text ? strchr(text, '=') : NULL;
        char *name = eq ? ir_strndup(text, (size_t)(eq - text)) : NULL;
        if (name)
            set(env, name, eq + 1);
        free(name);
    }
}

int mk_container_env(const mk_container *c, const ir_json *pod, ir_json **ret, imgrel_error *err)
{
    const ir_json *list = ir_json_get(c->spec, "env"), *sources = ir_json_get(c->spec, "envFrom");
    ir_json *env = ir_json_new_object();
    int rc = 0;
    set(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    set(env, "HOSTNAME", mk_name(pod));
    from_image(c, env);
    set(env, "KUBERNETES_SERVICE_HOST", "10.96.0.1");
    set(env, "KUBERNETES_SERVICE_PORT", "443");
    pthread_mutex_lock(&c->node->mock->lock);
    for (size_t i = 0; !rc && i < ir_json_len(sources); i++)
        rc = all_of(c, pod, ir_json_at(sources, i), env, err);
    for (size_t i = 0; !rc && i < ir_json_len(list); i++)
        rc = one(c, pod, ir_json_at(list, i), env, err);
    pthread_mutex_unlock(&c->node->mock->lock);
    *ret = rc ? NULL : ir_json_new_array();
    for (void *it = *ret ? ir_json_first(env) : NULL; it; it = ir_json_next(env, it)) {
        char *line = ir_format("%s=%s", ir_json_key(it), ir_json_text(ir_json_value(it)));
        ir_json_append(*ret, ir_json_new_string(line ? line : ""));
        ir_free_secret(line);
    }
    ir_json_free(env);
    return rc;
}
