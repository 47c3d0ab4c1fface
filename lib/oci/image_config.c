/* image_config.c - an image's config (image-spec config.md): the base's, with what the spec says
 * over it. What we do not know in the base's config stays. Pure. */
#include "oci/image_plan.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

size_t ir_image_diff_ids(const ir_json *config)
{
    return ir_json_len(ir_json_path(config, "rootfs.diff_ids"));
}

bool ir_image_history_fits(const ir_json *config)
{
    const ir_json *list = ir_json_get(config, "history");
    size_t n = 0;
    for (size_t i = 0; i < ir_json_len(list); i++)
        n += !ir_json_bool(ir_json_at(list, i), "empty_layer", false);
    return n == ir_image_diff_ids(config);
}

const char *ir_image_diff_id(const ir_json *config, size_t i)
{
    return ir_json_text(ir_json_at(ir_json_path(config, "rootfs.diff_ids"), i));
}

ir_json *ir_image_object(ir_json *j, const char *key)
{
    ir_json *v = ir_json_get(j, key);
    if (ir_json_is_object(v))
        return v;
    ir_json_put(j, key, ir_json_new_object());
    return ir_json_get(j, key);
}

ir_json *ir_image_array(ir_json *j, const char *key)
{
    ir_json *v = ir_json_get(j, key);
    if (ir_json_is_array(v))
        return v;
    ir_json_put(j, key, ir_json_new_array());
    return ir_json_get(j, key);
}

/* ---- config.config -------------------------------------------------------------------------- */

/* "NAME=value" entries; a variable that is there keeps its place, null removes it. */
static int merge_env(ir_json *to, const ir_json *env)
{
    int bad = 0;
    IR_AUTO(ir_json_p) left = ir_json_copy(env);
    ir_json *out = ir_json_new_array(), *old = ir_json_get(to, "Env");
    for (size_t i = 0; i < ir_json_len(old); i++) {
        const char *text = ir_json_text(ir_json_at(old, i));
        char *name = ir_strndup(text ? text : "", strcspn(text ? text : "", "="));
        const ir_json *value = ir_json_get(left, name ? name : "");
        char *entry = NULL;
        if (!value)
            entry = ir_strdup(text ? text : "");
        else if (ir_json_text(value))
            entry = ir_format("%s=%s", name, ir_json_text(value));
        if (entry || !value)
            bad |= !name || !entry || ir_json_append(out, ir_json_new_string(entry));
        if (value)
            ir_json_remove(left, name);
        free(name);
        free(entry);
    }
    for (void *it = ir_json_first(left); it; it = ir_json_next(left, it)) {
        if (ir_json_is_null(ir_json_value(it)))
            continue;
        char *entry = ir_format("%s=%s", ir_json_key(it), ir_json_text(ir_json_value(it)));
        bad |= !entry || ir_json_append(out, ir_json_new_string(entry ? entry : ""));
        free(entry);
    }
    return ir_json_put(to, "Env", out) | bad;
}

static int merge_object(ir_json *to, const char *key, const ir_json *from)
{
    int bad = 0;
    ir_json *object = ir_image_object(to, key);
    for (void *it = ir_json_first(from); it; it = ir_json_next(from, it)) {
        if (ir_json_is_null(ir_json_value(it)))
            ir_json_remove(object, ir_json_key(it));
        else
            bad |= ir_json_put(object, ir_json_key(it), ir_json_copy(ir_json_value(it)));
    }
    return bad | !object;
}

int ir_image_port(const ir_json *j, char ret[32], imgrel_error *err)
{
    unsigned long long port = 0;
    int64_t number = ir_json_number(j, 0);
    const char *text = ir_json_text(j), *slash = text ? strchr(text, '/') : NULL;
    const char *proto = slash ? slash + 1 : "tcp";
    char *digits = text ? ir_strndup(text, strcspn(text, "/")) : NULL;
    bool good = text ? digits && ir_parse_u64(digits, 65535, &port) : number > 0 && number < 65536;
    free(digits);
    port = text ? port : (unsigned long long)number;
    if (!good || !port ||
        !(ir_streq(proto, "tcp") || ir_streq(proto, "udp") || ir_streq(proto, "sctp")))
        return ir_fail(err, IMGREL_EINVAL,
                       "image: config.exposed: \"%s\" is not PORT or PORT/tcp, /udp, /sctp",
                       text ? text : "");
    snprintf(ret, 32, "%llu/%s", port, proto);
    return 0;
}

static int merge_ports(ir_json *to, const ir_json *ports, imgrel_error *err)
{
    ir_json *object = ir_image_object(to, "ExposedPorts");
    for (size_t i = 0; i < ir_json_len(ports); i++) {
        char name[32];
        int rc = ir_image_port(ir_json_at(ports, i), name, err);
        if (rc < 0)
            return rc;
        if (ir_json_put(object, name, ir_json_new_object()))
            return ir_nomem(err);
    }
    return object ? 0 : ir_nomem(err);
}

static int merge_copy(ir_json *to, const char *key, const ir_json *value)
{
    return value ? ir_json_put(to, key, ir_json_copy(value)) : 0;
}

static int merge_volumes(ir_json *to, const ir_json *volumes)
{
    ir_json *object = ir_image_object(to, "Volumes");
    int bad = object ? 0 : -1;
    for (size_t i = 0; i < ir_json_len(volumes); i++)
        bad |= ir_json_put(object, ir_json_text(ir_json_at(volumes, i)), ir_json_new_object());
    return bad;
}

static const struct {
    const char *ours, *name;
} members[] = {{"env", "Env"},
               {"labels", "Labels"},
               {"exposed", "ExposedPorts"},
               {"volumes", "Volumes"},
               {"cmd", "Cmd"},
               {"entrypoint", "Entrypoint"},
               {"workdir", "WorkingDir"},
               {"user", "User"},
               {"stop_signal", "StopSignal"}};

/* In an edit a member that is null goes. */
static void remove_members(ir_json *to, const ir_image_spec *s)
{
    for (size_t i = 0; s->edit && i < sizeof members / sizeof *members; i++) {
        const ir_json *v = ir_json_get(s->config, members[i].ours);
        if (v && ir_json_is_null(v))
            ir_json_remove(to, members[i].name);
    }
}

static int merge_run(ir_json *to, const ir_image_spec *s, imgrel_error *err)
{
    const ir_json *env = ir_image_spec_config(s, "env"),
                  *labels = ir_image_spec_config(s, "labels"),
                  *volumes = ir_image_spec_config(s, "volumes"),
                  *entrypoint = ir_image_spec_config(s, "entrypoint"),
                  *ports = ir_image_spec_config(s, "exposed");
    int bad = 0;
    remove_members(to, s);
    /* A command of the base was meant for the base's entrypoint (as docker build does it). */
    if (entrypoint && !ir_image_spec_config(s, "cmd"))
        ir_json_remove(to, "Cmd");
    bad |= env ? merge_env(to, env) : 0;
    bad |= labels ? merge_object(to, "Labels", labels) : 0;
    for (size_t i = 4; i < sizeof members / sizeof *members; i++)
        bad |= merge_copy(to, members[i].name, ir_image_spec_config(s, members[i].ours));
    bad |= volumes ? merge_volumes(to, volumes) : 0;
    if (bad)
        return ir_nomem(err);
    return ports ? merge_ports(to, ports, err) : 0;
}

int ir_image_config_merge(ir_json *config, const ir_image_spec *s, imgrel_error *err)
{
    ir_json *run = ir_image_object(config, "config");
    return run ? merge_run(run, s, err) : ir_nomem(err);
}

/* ---- layers --------------------------------------------------------------------------------- */

static int add_layer(ir_json *config, const char *created, const char *by, const char *diff_id)
{
    ir_json *rootfs = ir_image_object(config, "rootfs");
    ir_json *entry = ir_json_pack("{s:s, s:s}", "created", created, "created_by", by);
    int bad = ir_json_append(ir_image_array(config, "history"), entry);
    bad |= ir_json_puts(rootfs, "type", "layers");
    return ir_json_append(ir_image_array(rootfs, "diff_ids"), ir_json_new_string(diff_id)) | bad;
}

static int add_layers(ir_json *config, const ir_image_spec *s, const ir_image_part *part,
                      const char (*diff_ids)[IR_DIGEST_MAX])
{
    int bad = 0;
    ir_json *rootfs = ir_image_object(config, "rootfs");
    if (part->rootfs)
        bad |= add_layer(config, s->created, "imgrel: root file system", *diff_ids++);
    for (size_t i = 0; i < s->n_layers; i++)
        bad |= add_layer(config, s->created, s->layers[i].created_by, diff_ids[i]);
    bad |= ir_json_puts(rootfs, "type", "layers");
    return bad | !ir_image_array(rootfs, "diff_ids");
}

static int set_platform(ir_json *config, const ir_platform *p)
{
    int bad = ir_json_puts(config, "os", p->os);
    bad |= ir_json_puts(config, "architecture", p->arch);
    if (p->variant[0])
        bad |= ir_json_puts(config, "variant", p->variant);
    return bad;
}

int ir_image_config_make(const ir_image_spec *s, const ir_image_part *part,
                         const char (*diff_ids)[IR_DIGEST_MAX], ir_json **ret, imgrel_error *err)
{
    *ret = NULL;
    IR_AUTO(ir_json_p)
    config = part->base_config ? ir_json_copy(part->base_config) : ir_json_new_object();
    if (!config)
        return ir_nomem(err);
    int bad = set_platform(config, &part->platform);
    bad |= ir_json_puts(config, "created", s->created);
    int rc = ir_image_config_merge(config, s, err);
    if (rc < 0)
        return rc;
    bad |= add_layers(config, s, part, diff_ids);
    if (bad)
        return ir_nomem(err);
    *ret = ir_json_ref(config);
    return 0;
}
