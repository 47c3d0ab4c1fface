/* ref.c - the public reference, and the place that one names. */
#include <imgrel/registry.h>

#include "api/place.h"

#include <stdlib.h>

struct imgrel_ref {
    ir_ref ref;
};

int imgrel_ref_parse(const char *text, imgrel_ref **out, imgrel_error *err)
{
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_ref_parse: out is NULL");
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ir_nomem(err);
    int rc = ir_ref_parse(text, &(*out)->ref, err);
    if (rc < 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

static const char *transport_name(enum ir_transport t)
{
    switch (t) {
    case IR_REGISTRY:
        return "registry";
    case IR_OCI_LAYOUT:
        return "oci";
    case IR_OCI_ARCHIVE:
        return "oci-archive";
    case IR_DOCKER_ARCHIVE:
        return "docker-archive";
    }
    return NULL;
}

const char *imgrel_ref_part(const imgrel_ref *ref, const char *part)
{
    if (!ref || !part)
        return NULL;
    const struct {
        const char *name, *value;
    } parts[] = {
        {"transport", transport_name(ref->ref.transport)},
        {"host", ref->ref.host},
        {"repository", ref->ref.repository},
        {"tag", ref->ref.tag},
        {"digest", ref->ref.digest},
        {"path", ref->ref.path},
        {"name", ref->ref.name},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(part, parts[i].name))
            return parts[i].value;
    return NULL;
}

void imgrel_ref_free(imgrel_ref *ref)
{
    if (!ref)
        return;
    ir_ref_free(&ref->ref);
    free(ref);
}

/* ---- places ---- */

typedef int parse_fn(const char *text, ir_ref *ret, imgrel_error *err);

static int open_place(imgrel_client *c, const char *text, parse_fn *parse, const imgrel_opts *o,
                      unsigned flags, ir_place *ret, imgrel_error *err)
{
    *ret = (ir_place){0};
    int rc = ir_api_call(c, o, &ret->call, err);
    if (!rc)
        rc = parse(text, &ret->ref, err);
    if (!rc)
        rc = ir_store_open(&ret->call, &ret->ref, flags, &ret->store, err);
    if (rc < 0)
        ir_place_close(ret);
    return rc;
}

int ir_place_open(imgrel_client *c, const char *text, const imgrel_opts *o, unsigned flags,
                  ir_place *ret, imgrel_error *err)
{
    return open_place(c, text, ir_ref_parse, o, flags, ret, err);
}

/* A repository, or a local place as a whole. */
static int parse_place(const char *text, ir_ref *ret, imgrel_error *err)
{
    imgrel_error ignored = {0};
    if (!ir_ref_parse(text, ret, &ignored) && ret->path && !ret->tag && !ret->digest)
        return 0;
    ir_ref_free(ret);
    return ir_ref_parse_repository(text, ret, err);
}

int ir_place_open_repository(imgrel_client *c, const char *text, const imgrel_opts *o,
                             unsigned flags, ir_place *ret, imgrel_error *err)
{
    return open_place(c, text, parse_place, o, flags, ret, err);
}

void ir_place_close(ir_place *p)
{
    ir_store_free(p->store);
    ir_ref_free(&p->ref);
    *p = (ir_place){0};
}

int ir_place_platform(const ir_place *p, ir_platform *ret, bool *ret_any, imgrel_error *err)
{
    const char *text = p->call.platform;
    *ret_any = !text || !*text;
    if (*ret_any)
        return 0;
    if (strchr(text, ','))
        return ir_fail(err, IMGREL_EINVAL, "platform \"%.100s\": only one can be read at a time",
                       text);
    return ir_platform_parse(text, ret, err);
}

int ir_place_manifest(ir_place *p, ir_manifest *ret, imgrel_error *err)
{
    ir_platform want = {0};
    bool any = true;
    int rc = ir_place_platform(p, &want, &any, err);
    if (rc < 0)
        return rc;
    return ir_store_image_get(p->store, &p->call, NULL, any ? NULL : &want, ret, err);
}
