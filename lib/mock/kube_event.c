/* kube_event.c - events as the two kinds of reporters write them: the kubelet counts repeats and
 * sets firstTimestamp and lastTimestamp, the scheduler leaves those null and sets eventTime. */
#include "mock/kube.h"

#include <stdio.h>
#include <stdlib.h>

static ir_json *reference_to(const ir_json *object, const char *container)
{
    const char *kind = ir_json_str(object, "kind"),
               *rv = ir_json_str(ir_json_get(object, "metadata"), "resourceVersion");
    ir_json *ref = ir_json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", kind ? kind : "Pod",
                                "namespace", mk_namespace(object), "name", mk_name(object), "uid",
                                mk_uid(object), "apiVersion", "v1");
    ir_json_puts(ref, "resourceVersion", rv);
    if (container) {
        char *path = ir_format("spec.containers{%s}", container);
        ir_json_puts(ref, "fieldPath", path);
        free(path);
    }
    return ref;
}

static bool same_event(const ir_json *e, const ir_json *object, const mk_happening *h,
                       const char *text, const char *field_path)
{
    const ir_json *ref = ir_json_get(e, "involvedObject");
    return ir_streq(ir_json_str(ref, "uid"), mk_uid(object)) &&
           ir_streq(ir_json_str(e, "reason"), h->reason) &&
           ir_streq(ir_json_str(e, "type"), h->type) && ir_streq(ir_json_str(e, "message"), text) &&
           ir_streq(ir_json_str(ref, "fieldPath"), field_path);
}

static ir_json *find_event(struct mk_kube *k, const ir_json *object, const mk_happening *h,
                           const char *text)
{
    const mk_kind *kind = mk_kind_named("Event");
    char *path = h->container ? ir_format("spec.containers{%s}", h->container) : NULL;
    ir_json *found = NULL;
    for (size_t i = 0; !found && i < k->n_objects; i++)
        if (k->objects[i].kind == kind && same_event(k->objects[i].json, object, h, text, path))
            found = k->objects[i].json;
    free(path);
    return found;
}

static void repeat(struct mk_kube *k, const ir_json *event)
{
    char now[32];
    ir_json *copy = ir_json_copy(event);
    ir_json_put(copy, "count", ir_json_new_int(ir_json_int(event, "count", 1) + 1));
    ir_json_puts(copy, "lastTimestamp", mk_when(k->mock, now));
    mk_store_put(k, mk_kind_named("Event"), copy);
}

static void set_reporter(struct mk_kube *k, ir_json *event, const char *component, bool kubelet)
{
    char now[32];
    mk_when(k->mock, now);
    if (kubelet) {
        ir_json_put(event, "source",
                    ir_json_pack("{s:s, s:s}", "component", component, "host", MK_NODE_NAME));
        ir_json_puts(event, "firstTimestamp", now);
        ir_json_puts(event, "lastTimestamp", now);
        ir_json_put(event, "count", ir_json_new_int(1));
        ir_json_put(event, "eventTime", ir_json_pack("n"));
        ir_json_puts(event, "reportingInstance", MK_NODE_NAME);
    } else {
        char *micro = ir_format("%.19s.000000Z", now);
        ir_json_put(event, "source", ir_json_new_object());
        ir_json_put(event, "firstTimestamp", ir_json_pack("n"));
        ir_json_put(event, "lastTimestamp", ir_json_pack("n"));
        ir_json_puts(event, "eventTime", micro);
        ir_json_puts(event, "reportingInstance", "mock-scheduler");
        ir_json_puts(event, "action", "Binding");
        free(micro);
    }
    ir_json_puts(event, "reportingComponent", component);
}

static void create(struct mk_kube *k, const ir_json *object, const mk_happening *h,
                   const char *text)
{
    char uid[40], now[32];
    mk_new_uid(k, uid);
    char *name = ir_format("%s.%s%s", mk_name(object), k->uid_stem + 8, uid + 28);
    const char *ns = *mk_namespace(object) ? mk_namespace(object) : "default";
    ir_json *event =
        ir_json_pack("{s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:s}", "metadata", "name",
                     name ? name : uid, "namespace", ns, "uid", uid, "creationTimestamp",
                     mk_when(k->mock, now), "reason", h->reason, "message", text, "type", h->type);
    ir_json_put(event, "involvedObject", reference_to(object, h->container));
    set_reporter(k, event, h->component, !strcmp(h->component, "kubelet"));
    mk_store_put(k, mk_kind_named("Event"), event);
    free(name);
}

void mk_event(struct mk_kube *k, const ir_json *object, const mk_happening *h, const char *fmt, ...)
{
    ir_buf text = IR_BUF(64 * IR_KIB);
    va_list ap;
    va_start(ap, fmt);
    ir_buf_addv(&text, fmt, ap);
    va_end(ap);
    const ir_json *same = find_event(k, object, h, ir_buf_str(&text));
    if (!same)
        create(k, object, h, ir_buf_str(&text));
    else if (!strcmp(h->component, "kubelet"))
        repeat(k, same);
    ir_buf_free(&text);
}
