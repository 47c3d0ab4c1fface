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

const char *ir_image_diff_id(const ir_json *config, size_t i)
{
    return ir_json_text(ir_json_at(ir_json_path(config, "rootfs.diff_ids"), i));
}

/* The object under key, made if it is not there (or null). NULL: no memory. */
static ir_json *object_at(ir_json *j, const char *key)
{
    ir_json *v = ir_json_get(j, key);
    if (ir_json_is_object(v))
        return v;
    ir_json_put(j, key, ir_json_new_object());
    return ir_json_get(j, key);
}

static ir_json *array_at(ir_json *j, const char *key)
{
    ir_json *v = ir_json_get(j, key);
    if (ir_json_is_array(v))
        return v;
    ir_json_put(j, key, ir_json_new_array());
    return ir_json_get(j, key);
}

/* ---- config.config -------------------------------------------------------------------------- */

/* "NAME=value" entries; a variable that is there keeps its place. */
static int merge_env(ir_json *to, const ir_json *env)
{
    int bad = 0;
    IR_AUTO(ir_json_p) left = ir_json_copy(env);
    ir_json *out = ir_json_new_array(), *old = ir_json_get(to, "Env");
    for (size_t i = 0; i < ir_json_len(old); i++) {
        const char *text = ir_json_text(ir_json_at(old, i));
        char *name = ir_strndup(text ? text : "", strcspn(text ? text : "", "="));
        const char *value = ir_json_str(left, name ? name : "");
        char *entry = value ? ir_format("%s=%s", name, value) : ir_strdup(text ? text : "");
        bad |= !name || !entry || ir_json_append(out, ir_json_new_string(entry ? entry : ""));
        if (value)
            ir_json_remove(left, name);
        free(name);
        free(entry);
    }
    for (void *it = ir_json_first(left); it; it = ir_json_next(left, it)) {
        char *entry = ir_format("%s=%s", ir_json_key(it), ir_json_text(ir_json_value(it)));
        bad |= !entry || ir_json_append(out, ir_json_new_string(entry ? entry : ""));
        free(entry);
    }
    return ir_json_put(to, "Env", out) | bad;
}

static int merge_object(ir_json *to, const char *key, const ir_json *from)
{
    int bad = 0;
    ir_json *object = object_at(to, key);
    for (void *it = ir_json_first(from); it; it = ir_json_next(from, it))
        bad |= ir_json_put(object, ir_json_key(it), ir_json_copy(ir_json_value(it)));
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
    ir_json *object = object_at(to, "ExposedPorts");
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

static int merge_run(ir_json *to, const ir_image_spec *s, imgrel_error *err)
{
    const ir_json *env = ir_image_spec_config(s, "env"),
                  *labels = ir_image_spec_config(s, "labels");
    const ir_json *entrypoint = ir_image_spec_config(s, "entrypoint");
    const ir_json *cmd = ir_image_spec_config(s, "cmd"),
                  *ports = ir_image_spec_config(s, "exposed");
    /* A command of the base was meant for the base's entrypoint (as docker build does it). */
    if (entrypoint && !cmd)
        ir_json_remove(to, "Cmd");
    int bad = env ? merge_env(to, env) : 0;
    bad |= labels ? merge_object(to, "Labels", labels) : 0;
    bad |= merge_copy(to, "Entrypoint", entrypoint);
    bad |= merge_copy(to, "Cmd", cmd);
    bad |= merge_copy(to, "User", ir_image_spec_config(s, "user"));
    bad |= merge_copy(to, "WorkingDir", ir_image_spec_config(s, "workdir"));
    if (bad)
        return ir_nomem(err);
    return ports ? merge_ports(to, ports, err) : 0;
}

/* ---- layers --------------------------------------------------------------------------------- */

static int add_layer(ir_json *config, const char *created, const char *by, const char *diff_id)
{
    ir_json *rootfs = object_at(config, "rootfs");
    ir_json *entry = ir_json_pack("{s:s, s:s}", "created", created, "created_by", by);
    int bad = ir_json_append(array_at(config, "history"), entry);
    bad |= ir_json_puts(rootfs, "type", "layers");
    return ir_json_append(array_at(rootfs, "diff_ids"), ir_json_new_string(diff_id)) | bad;
}

static int add_layers(ir_json *config, const ir_image_spec *s, const ir_image_part *part,
                      const char (*diff_ids)[IR_DIGEST_MAX])
{
    int bad = 0;
    ir_json *rootfs = object_at(config, "rootfs");
    if (part->rootfs)
        bad |= add_layer(config, s->created, "imgrel: root file system", *diff_ids++);
    for (size_t i = 0; i < s->n_layers; i++)
        bad |= add_layer(config, s->created, s->layers[i].created_by, diff_ids[i]);
    bad |= ir_json_puts(rootfs, "type", "layers");
    return bad | !array_at(rootfs, "diff_ids");
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
    ir_json *run = object_at(config, "config");
    int rc = run ? merge_run(run, s, err) : ir_nomem(err);
    if (rc < 0)
        return rc;
    bad |= add_layers(config, s, part, diff_ids);
    if (bad)
        return ir_nomem(err);
    *ret = ir_json_ref(config);
    return 0;
}
