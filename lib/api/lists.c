/* lists.c - the public lists of a registry: an iterator over pages. */
#include <imgrel/registry.h>

#include "api/place.h"

#include <stdlib.h>

static int next(const ir_call *call, void *state, const char **ret, imgrel_error *err)
{
    return ir_pages_next(state, call, ret, err);
}

static void free_pages(void *state)
{
    ir_pages_free(state);
}

static const ir_iter_ops pages_ops = {next, free_pages};

int imgrel_tags(imgrel_client *c, const char *repository, const imgrel_opts *o, imgrel_iter **out,
                imgrel_error *err)
{
    ir_place p;
    ir_pages *pages = NULL;
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_tags: out is NULL");
    *out = NULL;
    int rc = ir_place_open_repository(c, repository, o, IR_STORE_READ, &p, err);
    if (!rc)
        rc = ir_store_tags(p.store, &p.call, &pages, err);
    ir_place_close(&p);
    return rc ? rc : ir_iter_new(c, o, &pages_ops, pages, out, err);
}

int imgrel_catalog(imgrel_client *c, const char *host, const imgrel_opts *o, imgrel_iter **out,
                   imgrel_error *err)
{
    ir_call call;
    ir_pages *pages = NULL;
    if (!out || !host)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_catalog: out or host is NULL");
    *out = NULL;
    int rc = ir_api_call(c, o, &call, err);
    if (!rc)
        rc = ir_host_check(host, err);
    if (!rc)
        rc = ir_catalog(&call, host, &pages, err);
    return rc ? rc : ir_iter_new(c, o, &pages_ops, pages, out, err);
}

/* A tag's referrers are those of the digest that it stands for. */
static int open_referrers(ir_place *p, const char *artifact_type, ir_pages **ret, imgrel_error *err)
{
    ir_desc d = {0};
    int rc = 0;
    if (!p->ref.digest)
        rc = ir_store_manifest_head(p->store, &p->call, NULL, &d, err);
    if (!rc)
        rc = ir_store_referrers(p->store, &p->call, p->ref.digest ? p->ref.digest : d.digest,
                                artifact_type, ret, err);
    ir_desc_free(&d);
    return rc;
}

int imgrel_referrers(imgrel_client *c, const char *ref, const char *artifact_type,
                     const imgrel_opts *o, imgrel_iter **out, imgrel_error *err)
{
    ir_place p;
    ir_pages *pages = NULL;
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_referrers: out is NULL");
    *out = NULL;
    int rc = ir_place_open(c, ref, o, IR_STORE_READ, &p, err);
    if (!rc)
        rc = open_referrers(&p, artifact_type, &pages, err);
    ir_place_close(&p);
    return rc ? rc : ir_iter_new(c, o, &pages_ops, pages, out, err);
}
