/* image_spec.c - what to assemble, read from JSON and checked before anything is done. */
#include "oci/image_plan.h"
#include "oci/layer_scan.h"

#include "base/fd.h"
#include "base/limits.h"
#include "fmt/header.h"

#include <stdio.h>
#include <stdlib.h>

#define MODE_MAX 07777

typedef struct top_row {
    const ir_json *platforms, *layers, *config, *annotations, *tags, *rebase;
    const char *created, *compression, *format;
    int64_t level;
    bool flatten;
} top_row;
#define TOP(name, type)                         \
    {                                           \
#name, type, offsetof(top_row, name), 0 \
    }
static const ir_json_row top_rows[] = {
    TOP(platforms, IR_J_ARRAY),
    TOP(layers, IR_J_ARRAY),
    TOP(config, IR_J_OBJECT),
    TOP(annotations, IR_J_OBJECT),
    TOP(tags, IR_J_ARRAY),
    TOP(created, IR_J_STRING),
    {NULL, 0, 0, 0},
};
static const ir_json_row edit_rows[] = {
    TOP(layers, IR_J_ARRAY),       TOP(config, IR_J_OBJECT),  TOP(annotations, IR_J_OBJECT),
    TOP(tags, IR_J_ARRAY),         TOP(created, IR_J_STRING), TOP(rebase, IR_J_OBJECT),
    TOP(compression, IR_J_STRING), TOP(format, IR_J_STRING),  TOP(level, IR_J_INT),
    TOP(flatten, IR_J_BOOL),       {NULL, 0, 0, 0},
};

typedef struct rebase_row {
    const char *old_base, *new_base;
} rebase_row;
static const ir_json_row rebase_rows[] = {
    {"old_base", IR_J_STRING, offsetof(rebase_row, old_base), 0},
    {"new_base", IR_J_STRING, offsetof(rebase_row, new_base), 0},
    {NULL, 0, 0, 0},
};

typedef struct layer_row {
    const char *from, *to, *owner, *mode;
} layer_row;
#define LAYER(name, flags)                                   \
    {                                                        \
#name, IR_J_STRING, offsetof(layer_row, name), flags \
    }
static const ir_json_row layer_rows[] = {
    LAYER(from, IR_J_REQUIRED),
    LAYER(to, IR_J_REQUIRED),
    LAYER(owner, 0),
    LAYER(mode, 0),
    {NULL, 0, 0, 0},
};

typedef struct config_row {
    const ir_json *env, *cmd, *entrypoint, *labels, *exposed, *volumes;
    const char *user, *workdir, *stop_signal;
} config_row;
#define CONFIG(name, type)                         \
    {                                              \
#name, type, offsetof(config_row, name), 0 \
    }
static const ir_json_row config_rows[] = {
    CONFIG(env, IR_J_OBJECT),         CONFIG(cmd, IR_J_ARRAY),
    CONFIG(entrypoint, IR_J_ARRAY),   CONFIG(labels, IR_J_OBJECT),
    CONFIG(exposed, IR_J_ARRAY),      CONFIG(user, IR_J_STRING),
    CONFIG(workdir, IR_J_STRING),     CONFIG(volumes, IR_J_ARRAY),
    CONFIG(stop_signal, IR_J_STRING), {NULL, 0, 0, 0},
};

/* ---- scalars -------------------------------------------------------------------------------- */

static int read_owner(const char *text, ir_layer_from *ret, const char *what, imgrel_error *err)
{
    unsigned long long uid = 0, gid = 0;
    const char *colon = text ? strchr(text, ':') : NULL;
    char *user = text ? ir_strndup(text, colon ? (size_t)(colon - text) : strlen(text)) : NULL;
    bool good = !text || (user && ir_parse_u64(user, UINT32_MAX - 1, &uid));
    if (colon)
        good = good && ir_parse_u64(colon + 1, UINT32_MAX - 1, &gid);
    free(user);
    if (!good)
        return ir_fail(err, IMGREL_EINVAL, "%s: owner \"%s\" is not UID:GID in numbers", what,
                       text);
    ret->uid = (int64_t)uid;
    ret->gid = (int64_t)(colon ? gid : uid);
    return 0;
}

static int read_mode(const char *text, ir_layer_from *ret, const char *what, imgrel_error *err)
{
    int mode = 0;
    ret->mode = -1;
    if (!text)
        return 0;
    for (const char *p = text; *p && mode <= MODE_MAX; p++)
        mode = *p >= '0' && *p <= '7' ? mode * 8 + (*p - '0') : MODE_MAX + 1;
    if (!*text || mode > MODE_MAX)
        return ir_fail(err, IMGREL_EINVAL, "%s: mode \"%s\" is not octal, like 0644", what, text);
    ret->mode = mode;
    return 0;
}

/* Given, or $SOURCE_DATE_EPOCH, or 1970. */
static int read_created(const char *text, ir_image_spec *s, imgrel_error *err)
{
    unsigned long long epoch = 0;
    const char *env = text ? NULL : getenv("SOURCE_DATE_EPOCH");
    if (text && !ir_rfc3339(text, &s->created_s))
        return ir_fail(err, IMGREL_EINVAL, "image: created \"%s\" is not a date of RFC 3339", text);
    if (env && *env && !ir_parse_u64(env, 253402300799, &epoch))
        return ir_fail(err, IMGREL_EINVAL, "SOURCE_DATE_EPOCH \"%s\" is not a number of seconds",
                       env);
    if (!text)
        s->created_s = (int64_t)epoch;
    s->created_given = text || (env && *env);
    if (s->created_s < 0)
        s->created_s = 0;
    ir_rfc3339_format(s->created_s, s->created);
    return 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static int strings_check(const ir_json *list, const char *what, imgrel_error *err)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (!ir_json_text(ir_json_at(list, i)))
            return ir_fail(err, IMGREL_EINVAL, "%s[%zu] is not a string", what, i);
    return 0;
}

/* removable: null is fine too. */
static int values_check(const ir_json *object, bool removable, const char *what, imgrel_error *err)
{
    for (void *it = ir_json_first(object); it; it = ir_json_next(object, it))
        if (!*ir_json_key(it) ||
            !(ir_json_text(ir_json_value(it)) || (removable && ir_json_is_null(ir_json_value(it)))))
            return ir_fail(err, IMGREL_EINVAL, "%s: \"%s\" is not a string", what, ir_json_key(it));
    return 0;
}

static int platforms_add(ir_image_spec *s, const char *text, imgrel_error *err)
{
    ir_platform p;
    int rc = ir_platform_parse(text, &p, err);
    if (rc < 0)
        return ir_error_prefix(err, "image: platforms");
    for (size_t i = 0; i < s->n_platforms; i++)
        if (ir_platform_equal(&p, &s->platforms[i]))
            return 0;
    ir_platform *v = realloc(s->platforms, (s->n_platforms + 1) * sizeof *v);
    if (!v)
        return ir_nomem(err);
    s->platforms = v;
    v[s->n_platforms++] = p;
    return 0;
}

/* Those of the spec, else of the call, else (root file systems) those that there are. */
static int read_platforms(const ir_call *call, const ir_json *list, ir_image_spec *s,
                          imgrel_error *err)
{
    int rc = strings_check(list, "image: platforms", err);
    if (ir_json_len(list) > IR_PLATFORMS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "image: more than %d platforms", IR_PLATFORMS_MAX);
    for (size_t i = 0; rc == 0 && i < ir_json_len(list); i++)
        rc = platforms_add(s, ir_json_text(ir_json_at(list, i)), err);
    if (rc == 0 && !s->n_platforms && call->platform)
        rc = ir_platform_list(call->platform, &s->platforms, &s->n_platforms, err);
    if (s->n_platforms)
        return rc;
    for (void *it = ir_json_first(s->base_dirs); rc == 0 && it; it = ir_json_next(s->base_dirs, it))
        rc = platforms_add(s, ir_json_key(it), err);
    return rc;
}

static int read_layer(const ir_json *j, size_t i, ir_image_spec *s, imgrel_error *err)
{
    char what[64];
    layer_row row = {0};
    ir_image_layer *l = &s->layers[i];
    snprintf(what, sizeof what, "image: layers[%zu]", i);
    int rc = ir_json_decode(j, layer_rows, true, what, &row, err);
    if (rc == 0)
        rc = read_owner(row.owner, &l->from, what, err);
    if (rc == 0)
        rc = read_mode(row.mode, &l->from, what, err);
    if (rc < 0)
        return rc;
    l->from.input = ir_streq(row.from, "-");
    if (l->from.input && !s->edit)
        return ir_fail(err, IMGREL_EINVAL, "%s: standard input can't be read twice", what);
    l->path = l->from.input ? ir_strdup("standard input") : ir_path_join(s->base_dir, row.from);
    l->created_by = ir_format("imgrel: %s -> %s", row.from, row.to);
    l->from.path = l->path;
    l->from.to = row.to;
    s->n_layers++;
    return l->path && l->created_by ? ir_layer_from_check(&l->from, err) : ir_nomem(err);
}

static int read_layers(const ir_json *list, ir_image_spec *s, imgrel_error *err)
{
    size_t n = ir_json_len(list);
    if (n > IR_LAYERS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "image: more than %d layers", IR_LAYERS_MAX);
    s->layers = calloc(n + 1, sizeof *s->layers);
    int rc = s->layers ? 0 : ir_nomem(err);
    size_t n_inputs = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = read_layer(ir_json_at(list, i), i, s, err);
        n_inputs += rc == 0 && s->layers[i].from.input;
        if (n_inputs > 1)
            rc = ir_fail(err, IMGREL_EINVAL, "image: two layers from standard input");
    }
    return rc;
}

/* ---- the parts ------------------------------------------------------------------------------ */

static int ports_check(const ir_json *ports, imgrel_error *err)
{
    char name[32];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ir_json_len(ports); i++)
        rc = ir_image_port(ir_json_at(ports, i), name, err);
    return rc;
}

static int volumes_check(const ir_json *volumes, imgrel_error *err)
{
    int rc = strings_check(volumes, "image: config.volumes", err);
    for (size_t i = 0; rc == 0 && i < ir_json_len(volumes); i++) {
        const char *path = ir_json_text(ir_json_at(volumes, i));
        if (path[0] != '/')
            rc = ir_fail(err, IMGREL_EINVAL, "image: config.volumes: \"%s\" is not absolute", path);
    }
    return rc;
}

static int check_config(const ir_json *config, bool edit, imgrel_error *err)
{
    config_row row = {0};
    int rc = config ? ir_json_decode(config, config_rows, true, "image: config", &row, err) : 0;
    if (rc == 0)
        rc = values_check(row.env, edit, "image: config.env", err);
    if (rc == 0)
        rc = values_check(row.labels, edit, "image: config.labels", err);
    if (rc == 0)
        rc = strings_check(row.cmd, "image: config.cmd", err);
    if (rc == 0)
        rc = strings_check(row.entrypoint, "image: config.entrypoint", err);
    if (rc == 0)
        rc = volumes_check(row.volumes, err);
    return rc == 0 ? ports_check(row.exposed, err) : rc;
}

static int read_tags(const ir_json *list, ir_image_spec *s, imgrel_error *err)
{
    int rc = strings_check(list, "image: tags", err);
    for (size_t i = 0; rc == 0 && i < ir_json_len(list); i++) {
        const char *tag = ir_json_text(ir_json_at(list, i));
        rc = ir_tag_check(tag, err);
        if (rc == 0 && !ir_strv_has(&s->tags, tag) && ir_strv_add(&s->tags, tag) < 0)
            rc = ir_nomem(err);
    }
    return rc;
}

/* "base" is a reference or folders: of two types, so that it stands beside the table. */
static int read_base(ir_image_spec *s, imgrel_error *err)
{
    ir_json *base = ir_json_get(s->json, "base");
    if (ir_json_is_null(base))
        return 0;
    s->base_ref = ir_json_text(base);
    if (s->base_ref)
        return 0;
    s->base_dirs = base;
    if (!ir_json_is_object(base) || !ir_json_len(base))
        return ir_fail(err, IMGREL_EINVAL,
                       "image: base is neither a reference nor {\"PLATFORM\": \"FOLDER\"}");
    return values_check(base, false, "image: base", err);
}

static bool known_compression(const char *c)
{
    return !c || ir_streq(c, "none") || ir_streq(c, "gzip") || ir_streq(c, "zstd");
}

/* What an edit alone has. */
static int read_edit(const top_row *row, ir_image_spec *s, imgrel_error *err)
{
    rebase_row bases = {0};
    if (!known_compression(row->compression))
        return ir_fail(err, IMGREL_EINVAL, "image: compression \"%s\" is not none, gzip or zstd",
                       row->compression);
    if (row->level < 0 || (row->level && !row->compression))
        return ir_fail(err, IMGREL_EINVAL, "image: level %lld %s", (long long)row->level,
                       row->level < 0 ? "is negative" : "without compression");
    int rc = ir_manifest_format(row->format, &s->format, err);
    if (rc == 0 && row->rebase)
        rc = ir_json_decode(row->rebase, rebase_rows, true, "image: rebase", &bases, err);
    s->edit = true;
    s->rebase = row->rebase != NULL;
    s->old_base = bases.old_base;
    s->new_base = bases.new_base;
    s->flatten = row->flatten;
    s->compression = row->compression;
    s->level = row->level;
    return rc;
}

static int read_members(const ir_call *call, ir_image_spec *s, imgrel_error *err)
{
    s->config = ir_json_get(s->json, "config");
    s->annotations = ir_json_get(s->json, "annotations");
    int rc = read_created(ir_json_str(s->json, "created"), s, err);
    if (rc == 0 && !s->edit)
        rc = read_platforms(call, ir_json_get(s->json, "platforms"), s, err);
    if (rc == 0)
        rc = read_layers(ir_json_get(s->json, "layers"), s, err);
    if (rc == 0 && !ir_json_is_null(s->config))
        rc = check_config(s->config, s->edit, err);
    if (rc == 0)
        rc = values_check(s->annotations, s->edit, "image: annotations", err);
    return rc == 0 ? read_tags(ir_json_get(s->json, "tags"), s, err) : rc;
}

static int read_top(const ir_call *call, bool edit, ir_image_spec *s, imgrel_error *err)
{
    top_row row = {0};
    IR_AUTO(ir_json_p) shallow = ir_json_copy(s->json);
    int rc = shallow ? 0 : ir_nomem(err);
    if (rc == 0 && !edit)
        rc = read_base(s, err);
    if (rc < 0)
        return rc;
    if (!edit)
        ir_json_remove(shallow, "base");
    rc = ir_json_decode(edit ? s->json : shallow, edit ? edit_rows : top_rows, true, "image", &row,
                        err);
    if (rc == 0 && edit)
        rc = read_edit(&row, s, err);
    return rc == 0 ? read_members(call, s, err) : rc;
}

int ir_image_spec_read(const ir_call *call, const ir_json *json, const char *base_dir, bool edit,
                       ir_image_spec *ret, imgrel_error *err)
{
    *ret = (ir_image_spec){.base_dir = base_dir};
    ret->json = ir_json_copy(json);
    int rc = ret->json ? read_top(call, edit, ret, err) : ir_nomem(err);
    if (rc < 0)
        ir_image_spec_free(ret);
    return rc;
}

const ir_json *ir_image_spec_config(const ir_image_spec *s, const char *key)
{
    const ir_json *v = ir_json_get(s->config, key);
    /* An edit that says nothing adds nothing. */
    bool empty = ir_json_is_null(v) || (s->edit && ir_json_is_object(v) && !ir_json_len(v));
    return empty ? NULL : v;
}

void ir_image_spec_free(ir_image_spec *s)
{
    for (size_t i = 0; s->layers && i < s->n_layers; i++) {
        free(s->layers[i].path);
        free(s->layers[i].created_by);
    }
    free(s->layers);
    free(s->platforms);
    ir_strv_free(&s->tags);
    ir_json_free(s->json);
    *s = (ir_image_spec){0};
}
