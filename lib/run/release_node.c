/* release_node.c - the registry of a release file as the one object that builders, nodes, charts
 * and clusters are told of, and the documents that are made from it. */
#include "run/release_impl.h"

#include "base/fd.h"
#include "base/str.h"
#include "node/node.h"

#include <stdlib.h>

static const ir_rel_registry *find_registry(const ir_rel_file *f, const char *name,
                                            imgrel_error *err)
{
    for (size_t i = 0; i < f->n_registries; i++)
        if (!name || ir_streq(f->registries[i].name, name))
            return &f->registries[i];
    ir_fail(err, IMGREL_EINVAL, "the release file has no registry \"%.60s\"", name);
    return NULL;
}

/* What the file knows; members that are there already are the caller's own and stay. */
static int add_known(const ir_release *r, const ir_rel_registry *reg, ir_json *spec)
{
    int bad = ir_json_puts(spec, "host", reg->host);
    if (!ir_json_get(spec, "url"))
        bad |= ir_json_puts(spec, "url", reg->url);
    if (reg->ca_file && !ir_json_get(spec, "ca_file") && !ir_json_get(spec, "ca")) {
        char *path = ir_path_join(r->dir, reg->ca_file);
        bad |= path ? ir_json_puts(spec, "ca_file", path) : IMGREL_ENOMEM;
        free(path);
    }
    return bad;
}

/* Jobs may know the registry by another name. */
static int add_gitlab(const ir_rel_file *f, const ir_rel_registry *reg, ir_json *spec,
                      imgrel_error *err)
{
    char *host = NULL;
    bool plain = false;
    if (!f->has_gitlab)
        return 0;
    int bad = ir_json_get(spec, "gitlab_url") ? 0 : ir_json_puts(spec, "gitlab_url", f->gitlab.url);
    if (!f->gitlab.push_url || ir_json_get(spec, "push_host") ||
        reg != &f->registries[f->gitlab.registry_at])
        return bad ? ir_nomem(err) : 0;
    int rc = ir_rel_push_host(f, &host, &plain, err);
    char *url = rc ? NULL : ir_format("%s://%s", plain ? "http" : "https", host);
    if (!rc)
        bad |= url ? ir_json_puts(spec, "push_host", host) | ir_json_puts(spec, "push_url", url)
                   : IMGREL_ENOMEM;
    free(url);
    free(host);
    return rc ? rc : bad ? ir_nomem(err) : 0;
}

int ir_release_document(const ir_release *r, const char *what, const ir_json *more, ir_buf *out,
                        imgrel_error *err)
{
    IR_AUTO(ir_json_p) spec = more ? ir_json_copy(more) : ir_json_new_object();
    IR_AUTO(ir_node) n = {0};
    if (!spec)
        return ir_nomem(err);
    if (!ir_json_is_object(spec))
        return ir_fail(err, IMGREL_EINVAL, "spec is not an object");
    const ir_rel_registry *reg = find_registry(&r->file, ir_json_str(spec, "registry"), err);
    if (!reg)
        return IMGREL_EINVAL;
    ir_json_remove(spec, "registry");
    if (add_known(r, reg, spec))
        return ir_nomem(err);
    int rc = add_gitlab(&r->file, reg, spec, err);
    if (!rc)
        rc = ir_node_read(spec, &n, err);
    return rc ? rc : ir_node_render(&n, what, out, err);
}
