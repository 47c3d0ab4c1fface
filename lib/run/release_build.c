/* release_build.c - an image that a builder makes: image.build of a release file as a build's spec.
 * What a build would give is known only by building, so the version's tag decides: where it is, the
 * image was built before, unless it is to be replaced by force. */
#include "run/release_impl.h"

#include "base/str.h"
#ifdef IR_ENABLE_BUILD
#include "run/build.h"

#include <stdio.h>
#include <stdlib.h>

/* image.build with platforms, annotations and the name that it gets. */
static ir_json *spec_of(const ir_release *r, const ir_rel_site *s, imgrel_error *err)
{
    static const char *const shared[] = {"platforms", "annotations"};
    ir_json *spec = ir_json_copy(r->file.build);
    char *name = ir_rel_image_name(s, ir_rel_version(r), NULL);
    int bad = name ? ir_json_put(spec, "to", ir_json_pack("[s]", name)) : -1;
    for (size_t i = 0; i < 2; i++)
        if (ir_json_get(r->file.image, shared[i]))
            bad |=
                ir_json_put(spec, shared[i], ir_json_copy(ir_json_get(r->file.image, shared[i])));
    free(name);
    if (!bad)
        return spec;
    ir_json_free(spec);
    ir_nomem(err);
    return NULL;
}

static int build(const ir_call *call, const ir_release *r, ir_rel_site *s, imgrel_error *err)
{
    IR_AUTO(ir_json_p) spec = spec_of(r, s, err);
    IR_AUTO(ir_json_p) report = NULL;
    int rc = spec ? ir_build(call, spec, r->dir, &report, err) : IMGREL_ENOMEM;
    const char *digest = ir_json_str(report, "digest");
    if (!rc && digest)
        snprintf(s->digest, sizeof s->digest, "%s", digest);
    return rc;
}

int ir_rel_build_look(const ir_call *call, const ir_release *r, ir_rel_site *s, imgrel_error *err)
{
    ir_call dry = *call;
    if (s->version_is[0] && !IR_FORCE(call)) {
        s->image_is = true;
        memcpy(s->digest, s->version_is, sizeof s->digest);
        return 0;
    }
    dry.flags |= IMGREL_FLAG_DRY_RUN;
    return build(&dry, r, s, err);
}

int ir_rel_build_make(const ir_call *call, const ir_release *r, ir_rel_site *s, imgrel_error *err)
{
    return build(call, r, s, err);
}
#else
static int none(imgrel_error *err)
{
    return ir_fail(err, IMGREL_EUNSUPPORTED, "image.build: this library was made without builders");
}

int ir_rel_build_look(const ir_call *call, const ir_release *r, ir_rel_site *s, imgrel_error *err)
{
    (void)call;
    (void)r;
    (void)s;
    return none(err);
}

int ir_rel_build_make(const ir_call *call, const ir_release *r, ir_rel_site *s, imgrel_error *err)
{
    (void)call;
    (void)r;
    (void)s;
    return none(err);
}
#endif
