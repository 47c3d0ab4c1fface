/* node_container.c - a container's way from its image to its end, one step at a time, as kubelet
 * goes it: ErrImagePull and ImagePullBackOff by turns, free text as a reason for a malformed pull
 * secret, CrashLoopBackOff, and the reasons that never change. */
#include "mock/node.h"

#include "base/base64.h"
#include "base/cancel.h"
#include "fmt/ref.h"

#include <signal.h>
#include <stdlib.h>

#define LOGINS_MAX 32
#define BACKOFF_TIMES 30 /* the longest pause is that much of the first, as 300 s is of 10 s */

void mk_pod_event(mk_pod *p, const mk_container *c, const char *type, const char *reason,
                  const char *fmt, ...)
{
    imgrel_mock *m = p->node->mock;
    ir_buf text = IR_BUF(16 * IR_KIB);
    mk_happening h = {type, reason, "kubelet", c ? c->name : NULL};
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&m->lock);
    mk_event(p->node->kube, p->object, &h, "%s", ir_buf_str(&text));
    pthread_mutex_unlock(&m->lock);
    ir_buf_free(&text);
}

static const char *image_of(const mk_container *c)
{
    const char *s = ir_json_str(c->spec, "image");
    return s ? s : "";
}

static void pause_longer(mk_container *c)
{
    int64_t first = c->node->backoff_ms;
    c->backoff_ms = !c->backoff_ms ? first : c->backoff_ms * 2;
    if (c->backoff_ms > first * BACKOFF_TIMES)
        c->backoff_ms = first * BACKOFF_TIMES;
    c->next_ms = ir_now_ms() + c->backoff_ms;
}

static void again_later(mk_container *c, enum mk_stage stage)
{
    c->stage = stage;
    c->next_ms = ir_now_ms() + c->node->backoff_ms;
}

/* ---- pull secrets --------------------------------------------------------------------------- */

/* One secret into the ring: 0, 1 when it is missing, -1 when it is malformed. (lock) */
static int add_secret(mk_pod *p, const char *name, mk_keyring *ring, char **ret_why)
{
    const ir_json *s = mk_store_get(p->node->kube, mk_kind_named("Secret"), p->ns, name);
    const char *type = ir_json_str(s, "type");
    const char *text = ir_json_str(ir_json_get(s, "data"), ".dockerconfigjson");
    ir_buf doc = IR_BUF_SECRET(MK_KUBE_BODY_MAX);
    int rc = s ? 0 : 1;
    /* Another type is passed over in silence. */
    if (text && type && !strcmp(type, "kubernetes.io/dockerconfigjson") &&
        ir_base64_decode(text, strlen(text), &doc) &&
        !mk_keyring_add(ring, ir_buf_str(&doc), doc.len, ret_why))
        rc = -1;
    ir_buf_free(&doc);
    return rc;
}

static bool gather_keys(mk_pod *p, mk_keyring *ring, ir_buf *missing, char **ret_why)
{
    const ir_json *list = ir_json_path(p->object, "spec.imagePullSecrets");
    bool ok = true;
    pthread_mutex_lock(&p->node->mock->lock);
    for (size_t i = 0; ok && i < ir_json_len(list); i++) {
        const char *name = ir_json_str(ir_json_at(list, i), "name");
        int rc = name ? add_secret(p, name, ring, ret_why) : 0;
        if (rc == 1)
            ir_buf_addf(missing, "%s%s", missing->len ? ", " : "", name);
        ok = rc >= 0;
    }
    pthread_mutex_unlock(&p->node->mock->lock);
    return ok;
}

/* ---- pulling -------------------------------------------------------------------------------- */

static void pull_failed(mk_pod *p, mk_container *c, char *why)
{
    mk_pod_event(p, c, "Warning", "Failed", "Failed to pull image \"%s\": %s", image_of(c), why);
    mk_pod_event(p, c, "Warning", "Failed", "Error: ErrImagePull");
    free(c->pull_why);
    c->pull_why = why;
    mk_tell_waiting(p, c, "ErrImagePull", why);
    pause_longer(c);
    c->stage = MK_PULL_FAILED;
    /* The next look at the pod comes before the next try. */
    c->next_ms -= c->backoff_ms * 2 / 3;
}

static void back_off(mk_pod *p, mk_container *c)
{
    char *text = ir_format("Back-off pulling image \"%s\": ErrImagePull: %s", image_of(c),
                           c->pull_why ? c->pull_why : "");
    mk_pod_event(p, c, "Normal", "BackOff", "Back-off pulling image \"%s\"", image_of(c));
    mk_pod_event(p, c, "Warning", "Failed", "Error: ImagePullBackOff");
    mk_tell_waiting(p, c, "ImagePullBackOff", text);
    c->stage = MK_PULL_BACKOFF;
    c->next_ms = ir_now_ms() + c->backoff_ms * 2 / 3;
    free(text);
}

static void malformed_secret(mk_pod *p, mk_container *c, const char *why)
{
    mk_pod_event(p, c, "Warning", "Failed", "Error: %s", why);
    mk_tell_waiting(p, c, why, "");
    again_later(c, MK_PULL);
}

/* "host/repository" of a reference, as keys are matched against. */
static char *repository_of(const char *image)
{
    ir_ref ref = {0};
    char *out =
        ir_ref_parse(image, &ref, NULL) ? NULL : ir_format("%s/%s", ref.host, ref.repository);
    ir_ref_free(&ref);
    return out;
}

static void pull_with(mk_pod *p, mk_container *c, const mk_keyring *ring)
{
    mk_login logins[LOGINS_MAX];
    char *repository = repository_of(image_of(c)), *why = NULL;
    size_t n = repository ? mk_keyring_find(ring, repository, logins, LOGINS_MAX) : 0;
    int64_t began = ir_now_ms();
    mk_pod_event(p, c, "Normal", "Pulling", "Pulling image \"%s\"", image_of(c));
    const mk_image *image = mk_image_pull(p->node, image_of(c), logins, n, &why);
    if (image) {
        int64_t ms = ir_now_ms() - began;
        c->image = image;
        c->backoff_ms = 0;
        c->stage = MK_CREATE;
        mk_pod_event(p, c, "Normal", "Pulled",
                     "Successfully pulled image \"%s\" in %lldms (%lldms including waiting). Image "
                     "size: %lld bytes.",
                     image_of(c), (long long)ms, (long long)ms, (long long)image->size);
    } else {
        pull_failed(p, c, why ? why : ir_strdup("pull failed"));
    }
    free(repository);
}

static void pull_now(mk_pod *p, mk_container *c)
{
    mk_keyring ring = {0};
    ir_buf missing = IR_BUF(4 * IR_KIB);
    char *why = NULL;
    bool ok = gather_keys(p, &ring, &missing, &why);
    if (missing.len)
        mk_pod_event(
            p, NULL, "Warning", "FailedToRetrieveImagePullSecret",
            "Unable to retrieve some image pull secrets (%s); attempting to pull the image "
            "may not succeed.",
            ir_buf_str(&missing));
    if (ok)
        pull_with(p, c, &ring);
    else
        malformed_secret(p, c, why ? why : "malformed pull secret");
    free(why);
    mk_keyring_free(&ring);
    ir_buf_free(&missing);
}

/* A reference that does not parse stays what it is. */
static bool bad_name(mk_pod *p, mk_container *c)
{
    imgrel_error err = {0};
    ir_ref ref = {0};
    bool bad = ir_ref_parse(image_of(c), &ref, &err) || ref.transport != IR_REGISTRY;
    if (bad) {
        const char *upper = image_of(c) + strcspn(image_of(c), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        const char *rule = *upper ? "invalid reference format: repository name must be lowercase"
                                  : "invalid reference format";
        char *text =
            ir_format("Failed to apply default image tag \"%s\": couldn't parse image name "
                      "\"%s\": %s",
                      image_of(c), image_of(c), rule);
        mk_pod_event(p, c, "Warning", "InspectFailed", "%s", text ? text : "");
        mk_pod_event(p, c, "Warning", "Failed", "Error: InvalidImageName");
        mk_tell_waiting(p, c, "InvalidImageName", text);
        again_later(c, MK_PULL);
        free(text);
    }
    ir_ref_free(&ref);
    return bad;
}

static void find_image(mk_pod *p, mk_container *c)
{
    const char *policy = ir_json_str(c->spec, "imagePullPolicy");
    if (bad_name(p, c))
        return;
    pthread_mutex_lock(&p->node->mock->lock);
    const mk_image *have = mk_image_find(p->node, image_of(c));
    pthread_mutex_unlock(&p->node->mock->lock);
    bool never = policy && !strcmp(policy, "Never"), always = policy && !strcmp(policy, "Always");
    if (have && !always) {
        c->image = have;
        c->stage = MK_CREATE;
        mk_pod_event(p, c, "Normal", "Pulled", "Container image \"%s\" already present on machine",
                     image_of(c));
    } else if (never) {
        char *text = ir_format("Container image \"%s\" is not present with pull policy of Never",
                               image_of(c));
        mk_pod_event(p, c, "Warning", "ErrImageNeverPull", "%s", text ? text : "");
        mk_pod_event(p, c, "Warning", "Failed", "Error: ErrImageNeverPull");
        mk_tell_waiting(p, c, "ErrImageNeverPull", text);
        again_later(c, MK_PULL);
        free(text);
    } else {
        pull_now(p, c);
    }
}

/* ---- running -------------------------------------------------------------------------------- */

static void create(mk_pod *p, mk_container *c)
{
    imgrel_error err = {0};
    if (p->node->mode != MK_NODE_RUN) {
        mk_tell_waiting(p, c, "Pulled", MK_HELD_MESSAGE);
        c->stage = MK_HELD;
        return;
    }
    c->net = p->net;
    free(c->why);
    c->why = NULL;
    int rc = mk_container_start(c, p->object, p->dir, &err);
    if (!rc) {
        c->stage = MK_RUNNING;
        mk_pod_event(p, c, "Normal", "Created", "Created container: %s", c->name);
        return;
    }
    const char *reason =
        rc == IMGREL_EINVAL ? "CreateContainerConfigError" : "CreateContainerError";
    mk_pod_event(p, c, "Warning", "Failed", "Error: %s", err.message);
    mk_tell_waiting(p, c, reason, err.message);
    again_later(c, MK_CREATE);
}

bool mk_restarts(const mk_pod *p, const mk_container *c)
{
    const char *policy = ir_json_str(ir_json_get(p->object, "spec"), "restartPolicy");
    bool well = !c->why && !c->exit_code;
    if (p->dead || (c->init && well))
        return false;
    if (policy && !strcmp(policy, "Never"))
        return false;
    if (policy && !strcmp(policy, "OnFailure"))
        return !well;
    return true;
}

static void crash(mk_pod *p, mk_container *c)
{
    bool first = !c->backoff_ms && !c->why;
    pause_longer(c);
    c->stage = MK_CRASHED;
    if (first) {
        c->next_ms = ir_now_ms() + 20; /* the first time there is no pause */
        return;
    }
    char *text = ir_format("back-off %llds restarting failed container=%s pod=%s_%s(%s)",
                           (long long)(c->backoff_ms * 10 / c->node->backoff_ms), c->name, p->name,
                           p->ns, p->uid);
    mk_pod_event(p, c, "Warning", "BackOff",
                 "Back-off restarting failed container %s in pod %s_%s(%s)", c->name, p->name,
                 p->ns, p->uid);
    mk_tell_waiting(p, c, "CrashLoopBackOff", text);
    free(text);
}

static void ended(mk_pod *p, mk_container *c)
{
    mk_container_finish(c);
    if (c->why)
        mk_pod_event(p, c, "Warning", "Failed", "Error: %s", c->why);
    mk_tell_terminated(p, c);
    if (mk_restarts(p, c))
        crash(p, c);
    else
        c->stage = MK_DONE;
}

static void look_at_run(mk_pod *p, mk_container *c)
{
    imgrel_mock *m = p->node->mock;
    pthread_mutex_lock(&m->lock);
    bool over = c->ended, started = c->started;
    c->started = false;
    pthread_mutex_unlock(&m->lock);
    if (started) {
        mk_pod_event(p, c, "Normal", "Started", "Started container %s", c->name);
        mk_tell_running(p, c);
    }
    if (over)
        ended(p, c);
}

bool mk_container_succeeded(const mk_container *c)
{
    return c->stage == MK_DONE && !c->why && !c->exit_code;
}

void mk_container_step(mk_pod *p, mk_container *c)
{
    if (c->stage == MK_RUNNING) {
        look_at_run(p, c);
        return;
    }
    if (c->stage == MK_HELD || c->stage == MK_DONE || p->dead || ir_now_ms() < c->next_ms)
        return;
    switch (c->stage) {
    case MK_PULL:
    case MK_PULL_BACKOFF:
        find_image(p, c);
        break;
    case MK_PULL_FAILED:
        back_off(p, c);
        break;
    case MK_CRASHED:
        c->restarts++;
        c->stage = MK_PULL;
        find_image(p, c);
        break;
    }
    if (c->stage == MK_CREATE && ir_now_ms() >= c->next_ms)
        create(p, c);
}
