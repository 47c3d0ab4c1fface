/* pod.c - one pod, as it is wanted: made from a spec, marked as ours, with a hash of what was asked
 * for in an annotation, so that a repeated run is told from a changed one without guessing at the
 * server's defaults. A pod hardly can be changed; another is put in its place. */
#include "base/hash.h"
#include "kube/inside.h"

#include <stdlib.h>

#define HASH_KEY "imgrel/spec-hash"
#define NAME_KEY "app.kubernetes.io/name"
#define RACE_MS 15000 /* how long a service account may be on its way */

/* ---- the object ------------------------------------------------------------------------------ */

/* A container's name is a label (63, no dots), a pod's may be more. */
static bool is_label(const char *name)
{
    size_t n = strlen(name);
    return n && n <= 63 && !strchr(name, '.');
}

static ir_json *env_list(const ir_json *env)
{
    ir_json *list = ir_json_new_array();
    int bad = 0;
    for (void *it = ir_json_first(env); it && !bad; it = ir_json_next(env, it)) {
        ir_json *value = ir_json_value(it);
        bad = ir_json_append(list,
                             ir_json_pack("{s:s, s:O}", "name", ir_json_key(it),
                                          ir_json_is_object(value) ? "valueFrom" : "value", value));
    }
    if (!bad)
        return list;
    ir_json_free(list);
    return NULL;
}

static int put_some(ir_json *object, const char *key, const ir_json *value)
{
    return ir_json_len(value) ? ir_json_put(object, key, ir_json_copy(value)) : 0;
}

static ir_json *container(const ir_pod_spec *spec)
{
    ir_json *c = ir_json_pack("{s:s, s:s}", "name", is_label(spec->name) ? spec->name : "app",
                              "image", spec->image);
    int bad = !c;
    if (spec->port)
        bad |= ir_json_put(c, "ports",
                           ir_json_pack("[{s:I}]", "containerPort", (long long)spec->port));
    if (ir_json_len(spec->env))
        bad |= ir_json_put(c, "env", env_list(spec->env));
    bad |= put_some(c, "command", spec->command) | put_some(c, "args", spec->args) |
           put_some(c, "resources", spec->resources);
    if (!bad)
        return c;
    ir_json_free(c);
    return NULL;
}

static int add_pull_secret(ir_json *spec, const char *name)
{
    ir_json *list = ir_json_get(spec, "imagePullSecrets");
    int bad = 0;
    if (!name || !*name)
        return 0;
    if (!ir_json_is_array(list)) {
        bad = ir_json_put(spec, "imagePullSecrets", ir_json_new_array());
        list = ir_json_get(spec, "imagePullSecrets");
    }
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "name"), name))
            return 0;
    return bad | ir_json_append(list, ir_json_pack("{s:s}", "name", name));
}

/* metadata (without a name) and spec of a pod. */
ir_json *ir_kube_pod_template(const ir_pod_spec *spec)
{
    ir_json *t =
        ir_json_pack("{s:{s:{s:s, s:s}}, s:{s:[o]}}", "metadata", "labels", NAME_KEY, spec->name,
                     IR_KUBE_OURS_KEY, IR_KUBE_OURS_VALUE, "spec", "containers", container(spec));
    int bad = !t || ir_kube_add_labels(t, spec->labels) ||
              add_pull_secret(ir_json_get(t, "spec"), spec->pull_secret);
    if (spec->annotations)
        bad |=
            ir_json_put(ir_json_get(t, "metadata"), "annotations", ir_json_copy(spec->annotations));
    if (!bad)
        return t;
    ir_json_free(t);
    return NULL;
}

/* A pod as somebody wrote it, marked as ours; image and pull secret replace or add to its own. */
static ir_json *written_pod(const ir_pod_spec *spec)
{
    ir_json *pod = ir_json_copy(spec->manifest), *meta = ir_json_get(pod, "metadata");
    ir_json *mark =
        ir_json_pack("{s:s, s:s}", IR_KUBE_OURS_KEY, IR_KUBE_OURS_VALUE, NAME_KEY, spec->name);
    int bad = !pod || !mark;
    if (!meta) {
        bad |= ir_json_put(pod, "metadata", ir_json_new_object());
        meta = ir_json_get(pod, "metadata");
    }
    bad |= ir_json_puts(meta, "name", spec->name) | ir_kube_add_labels(pod, mark) |
           ir_kube_add_labels(pod, spec->labels) |
           add_pull_secret(ir_json_get(pod, "spec"), spec->pull_secret);
    if (spec->image)
        bad |= ir_json_puts(ir_json_path(pod, "spec.containers.0"), "image", spec->image);
    ir_json_free(mark);
    if (!bad)
        return pod;
    ir_json_free(pod);
    return NULL;
}

static int put_hash(ir_json *pod)
{
    ir_buf text = IR_BUF(8UL << 20);
    char digest[IR_DIGEST_MAX];
    ir_json *notes = ir_json_path(pod, "metadata.annotations");
    int rc = ir_json_dump(pod, IR_JSON_SORTED, &text, NULL);
    rc = rc ? rc : ir_hash_bytes(text.p, text.len, digest, NULL);
    ir_buf_free(&text);
    return rc ? rc : ir_json_puts(notes, HASH_KEY, digest);
}

ir_json *ir_kube_pod_object(const ir_pod_spec *spec)
{
    ir_json *pod = spec->manifest ? written_pod(spec) : ir_kube_pod_template(spec);
    ir_json *meta = ir_json_get(pod, "metadata");
    int bad = ir_json_puts(pod, "apiVersion", "v1") | ir_json_puts(pod, "kind", "Pod") |
              ir_json_puts(meta, "name", spec->name);
    if (!ir_json_get(meta, "annotations"))
        bad |= ir_json_put(meta, "annotations", ir_json_new_object());
    if (!bad && !put_hash(pod))
        return pod;
    ir_json_free(pod);
    return NULL;
}

/* ---- as it is wanted ------------------------------------------------------------------------- */

static const char *hash_of(const ir_json *pod)
{
    return ir_json_str(ir_json_path(pod, "metadata.annotations"), HASH_KEY);
}

static bool ended(const ir_json *pod)
{
    const char *phase = ir_json_str(ir_json_get(pod, "status"), "phase");
    return ir_kube_meta(pod, "deletionTimestamp") || ir_streq(phase, "Failed") ||
           ir_streq(phase, "Succeeded");
}

/* The annotation says what was asked for, the spec what runs; a hand may have moved either. */
static bool as_wanted(const ir_json *have, const ir_json *want)
{
    const char *image = ir_json_str(ir_json_path(have, "spec.containers.0"), "image");
    return !ended(have) && ir_streq(hash_of(have), hash_of(want)) &&
           ir_streq(image, ir_json_str(ir_json_path(want, "spec.containers.0"), "image"));
}

static bool account_is_late(const imgrel_error *why)
{
    return why->http_status == 403 && strstr(why->message, "error looking up service account");
}

/* Right after the namespace its service account may be missing: a 403 that passes. */
static int create(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                  ir_json **ret, imgrel_error *err)
{
    int64_t end = ir_now_ms() + RACE_MS;
    for (;;) {
        imgrel_error why = {0};
        int rc = ir_kube_create(call, k, ns, pod, ret, &why);
        if (!rc)
            return 0;
        if (!account_is_late(&why) || ir_now_ms() > end)
            return ir_kube_pass(err, &why);
        rc = ir_sleep(call->cancel, 250, call->deadline_ms, err);
        if (rc)
            return rc;
    }
}

static int not_ours(const ir_kube *k, const char *ns, const char *name, imgrel_error *err)
{
    ir_fail(err, IMGREL_ECONFLICT, "%s: pod/%s in %s is not ours: it lacks the label %s=%s",
            k->host, name, ir_kube_ns(k, ns), IR_KUBE_OURS_KEY, IR_KUBE_OURS_VALUE);
    return ir_cure(err, "use another name, or delete that pod yourself"), IMGREL_ECONFLICT;
}

static int replace(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                   const ir_json *old, const ir_json *want, ir_json **ret, imgrel_error *err)
{
    imgrel_error why = {0};
    if (IR_DRY_RUN(call)) {
        *ret = ir_json_copy(want);
        return *ret ? 0 : ir_nomem(err);
    }
    int rc = ir_kube_delete(call, k, ns, object, ir_kube_meta(old, "uid"), &why);
    if (rc && rc != IMGREL_ENOTFOUND)
        return ir_kube_pass(err, &why);
    return create(call, k, ns, want, ret, err);
}

static int run(const ir_call *call, ir_kube *k, const char *ns, const char *object,
               const ir_json *want, const char **ret_change, ir_json **ret, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_json *have = NULL;
    int rc = ir_kube_get(call, k, ns, object, &have, &why);
    if (rc == IMGREL_ENOTFOUND) {
        *ret_change = "created";
        rc = create(call, k, ns, want, ret, err);
    } else if (rc) {
        rc = ir_kube_pass(err, &why);
    } else if (!ir_kube_ours(have) && !IR_FORCE(call)) {
        rc = not_ours(k, ns, ir_kube_meta(have, "name"), err);
    } else if (as_wanted(have, want)) {
        *ret_change = "unchanged";
        *ret = ir_json_ref(have);
    } else {
        *ret_change = "replaced";
        rc = replace(call, k, ns, object, have, want, ret, err);
    }
    ir_json_free(have);
    return rc;
}

int ir_kube_pod_check(const ir_pod_spec *spec, const char *kind, imgrel_error *err)
{
    const char *written = ir_json_str(spec->manifest, "kind");
    if (!spec->name || !*spec->name)
        return ir_fail(err, IMGREL_EINVAL, "a %s needs a name", kind);
    if (spec->manifest && !ir_streq(written, "Pod"))
        return ir_fail(err, IMGREL_EINVAL, "%s/%s: the manifest is of kind %s, not Pod", kind,
                       spec->name, written ? written : "(none)");
    if (!spec->manifest && (!spec->image || !*spec->image))
        return ir_fail(err, IMGREL_EINVAL, "%s/%s needs an image", kind, spec->name);
    if (spec->replicas < 0 || (spec->replicas && !strcmp(kind, "pod")))
        return ir_fail(err, IMGREL_EINVAL, "%s/%s cannot have %lld replicas", kind, spec->name,
                       (long long)spec->replicas);
    if (spec->port < 0 || spec->port > 65535)
        return ir_fail(err, IMGREL_EINVAL, "%s/%s: port %lld is none", kind, spec->name,
                       (long long)spec->port);
    return 0;
}

int ir_kube_pod_run(const ir_call *call, ir_kube *k, const char *ns, const ir_pod_spec *spec,
                    const char **ret_change, ir_json **ret, imgrel_error *err)
{
    ir_json *pod = NULL;
    *ret_change = "unchanged";
    if (ret)
        *ret = NULL;
    int bad = ir_kube_pod_check(spec, "pod", err);
    if (bad)
        return bad;
    ir_json *want = ir_kube_pod_object(spec);
    char *object = ir_format("pod/%s", spec->name);
    int rc = want && object ? run(call, k, ns, object, want, ret_change, &pod, err) : ir_nomem(err);
    if (!rc && ret) {
        *ret = pod;
        pod = NULL;
    }
    ir_json_free(pod);
    ir_json_free(want);
    free(object);
    return rc;
}
