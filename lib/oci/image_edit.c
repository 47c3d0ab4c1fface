/* image_edit.c - an image changed without running anything: read, planned, its blobs brought into
 * the destination, its documents written. The order is fixed: a new base first, then all layers
 * into one, then compression, new layers on top, and last the config and the annotations. */
#include "oci/image_edit.h"

#include <stdlib.h>

static void part_free(ir_edit_part *p)
{
    ir_manifest_free(&p->old);
    ir_manifest_free(&p->doc);
    ir_manifest_free(&p->base);
    ir_manifest_free(&p->base_doc);
    ir_manifest_free(&p->made);
    ir_json_free(p->config);
    ir_json_free(p->was);
    ir_json_free(p->base_config);
    free(p->layers);
}

static void edit_free(ir_edit *e)
{
    ir_edit_jobs_free(e);
    for (size_t i = 0; i < e->n_parts; i++)
        part_free(&e->parts[i]);
    free(e->parts);
    ir_manifest_free(&e->top);
    ir_store_free(e->dst);
    ir_store_free(e->old_base);
    ir_store_free(e->new_base);
    ir_store_free(e->src);
    ir_image_spec_free(&e->spec);
}

/* Are blobs of the one there in the other without being sent? Not in archives: they are written
 * anew as a whole. */
static bool same_place(const ir_ref *a, const ir_ref *b)
{
    if (a->transport != b->transport)
        return false;
    if (a->transport == IR_REGISTRY)
        return ir_streq(a->host, b->host) && ir_streq(a->repository, b->repository);
    return a->transport == IR_OCI_LAYOUT && ir_streq(a->path, b->path);
}

static int dst_open(ir_edit *e, const ir_ref *dst, imgrel_error *err)
{
    int rc = ir_store_open(e->call, dst, IR_STORE_READ | IR_STORE_WRITE, &e->dst, err);
    ir_store *const from[] = {e->src, e->new_base};
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        const char *repository = from[i] ? ir_image_mounts_from(from[i], e->dst) : NULL;
        if (repository && !ir_streq(repository, dst->repository) &&
            ir_store_mounts_from(e->dst, repository) < 0)
            rc = ir_nomem(err);
    }
    if (rc == 0)
        e->here = same_place(ir_store_ref(e->src), dst);
    return rc;
}

static int prepare(ir_edit *e, const ir_json *spec, const ir_ref *src, imgrel_error *err)
{
    int rc = ir_image_spec_read(e->call, spec, NULL, true, &e->spec, err);
    if (rc == 0)
        rc = ir_store_open(e->call, src, IR_STORE_READ, &e->src, err);
    if (rc == 0)
        rc = ir_edit_read(e, err);
    return rc == 0 && e->spec.rebase ? ir_edit_rebase(e, err) : rc;
}

int ir_image_edit(const ir_call *call, const ir_json *spec, const ir_ref *src, const ir_ref *dst,
                  ir_manifest *ret, imgrel_error *err)
{
    ir_edit e = {.call = call};
    *ret = (ir_manifest){0};
    int rc = prepare(&e, spec, src, err);
    if (rc < 0 || IR_DRY_RUN(call))
        goto out;
    rc = dst_open(&e, dst, err);
    if (rc == 0)
        rc = ir_edit_layers(&e, err);
    if (rc == 0)
        rc = ir_edit_jobs_run(&e, err);
    if (rc == 0)
        rc = ir_edit_write(&e, ret, err);
    if (rc == 0)
        rc = ir_store_finish(e.dst, call, err);
    if (rc < 0)
        ir_manifest_free(ret);
out:
    edit_free(&e);
    return rc;
}
