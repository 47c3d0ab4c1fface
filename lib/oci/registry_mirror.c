/* registry_mirror.c - the places where a repository's content is read: its mirrors in order, then
 * the repository itself. A mirror is asked once; what it can't give the next place may have. One
 * that does not answer, or refuses us, is left alone by this store, and for a while by the session;
 * one that gave other bytes than it should makes the repository itself the first to be asked. */
#include "net/memo.h"
#include "oci/registry.h"

#include <stdlib.h>

#define DOWN_MS (60 * 1000)

/* ---- which they are ------------------------------------------------------------------------- */

static char *down_key(const ir_registry *m)
{
    return ir_format("down %s", m->at.url);
}

static int was_down(const ir_registry *m, const ir_call *call, bool *ret, imgrel_error *err)
{
    IR_AUTO(ir_strv) known = {0};
    char *key = down_key(m);
    int rc = key ? ir_memo_get(call->session, key, &known, err) : ir_nomem(err);
    *ret = rc == 1;
    free(key);
    return rc < 0 ? rc : 0;
}

/* The name by which errors of a mirror speak of it. */
static int rename_place(ir_registry *m, imgrel_error *err)
{
    ir_ref *ref = &m->base.ref;
    const char *selector = ir_ref_selector(ref);
    const char *repository = m->at.repository ? m->at.repository : ref->repository;
    char *host = ir_strdup(m->at.host), *own = ir_strdup(repository);
    char *name = ir_format("%s/%s%s%s", m->at.host, repository, ref->digest ? "@" : ":",
                           selector ? selector : "");
    if (!host || !own || !name) {
        free(host);
        free(own);
        free(name);
        return ir_nomem(err);
    }
    free(ref->host);
    free(ref->repository);
    free(ref->name);
    ref->host = host;
    ref->repository = own;
    ref->name = name;
    return 0;
}

static int add_mirror(ir_registry *r, const ir_call *call, ir_endpoint *at, imgrel_error *err)
{
    ir_registry *m = NULL;
    int rc = ir_registry_new(&r->base.ref, IR_STORE_READ, at, &m, err);
    if (rc)
        return rc;
    r->mirrors[r->n_mirrors++] = m;
    m->is_mirror = true;
    rc = rename_place(m, err);
    return rc ? rc : was_down(m, call, &m->down, err);
}

int ir_registry_set_mirrors(ir_registry *r, const ir_call *call, ir_endpoints *all,
                            imgrel_error *err)
{
    int rc = 0;
    if (!all->n)
        return 0;
    r->mirrors = calloc(all->n, sizeof *r->mirrors);
    if (!r->mirrors)
        return ir_nomem(err);
    for (size_t i = 0; !rc && i < all->n; i++)
        rc = add_mirror(r, call, &all->v[i], err);
    return rc;
}

/* ---- in which order ------------------------------------------------------------------------- */

static bool get_flag(ir_registry *m, const bool *flag)
{
    pthread_mutex_lock(&m->lock);
    bool is = *flag;
    pthread_mutex_unlock(&m->lock);
    return is;
}

/* Whether it was set before. */
static bool set_flag(ir_registry *m, bool *flag)
{
    pthread_mutex_lock(&m->lock);
    bool was = *flag;
    *flag = true;
    pthread_mutex_unlock(&m->lock);
    return was;
}

ir_registry *ir_places_begin(ir_registry *r, ir_places *ret)
{
    *ret = (ir_places){.r = r};
    for (size_t i = 0; i < r->n_mirrors; i++)
        ret->own_first |= get_flag(r->mirrors[i], &r->mirrors[i]->lied);
    return ir_places_next(ret);
}

ir_registry *ir_places_next(ir_places *p)
{
    size_t n = p->r->n_mirrors;
    while (p->at <= n) {
        size_t i = p->at++;
        if (i == (p->own_first ? 0 : n))
            return p->r;
        ir_registry *m = p->r->mirrors[p->own_first ? i - 1 : i];
        if (!get_flag(m, &m->down))
            return m;
    }
    return NULL;
}

/* ---- what became of it ---------------------------------------------------------------------- */

static void leave_alone(ir_registry *m, const ir_call *call, int rc)
{
    IR_AUTO(ir_strv) yes = {0};
    set_flag(m, &m->down);
    if (rc == IMGREL_EDIGEST)
        set_flag(m, &m->lied);
    /* That it is refused to us, or failed once, is no news for other images. */
    char *key = rc == IMGREL_ENET || rc == IMGREL_ETIMEOUT ? down_key(m) : NULL;
    imgrel_error ignored = {0};
    if (key && !ir_strv_add(&yes, "down") &&
        ir_memo_put(call->session, key, &yes, DOWN_MS, &ignored))
        ir_error_clear(&ignored);
    free(key);
}

void ir_registry_blame(ir_registry *place, const ir_call *call, int rc, const char *why)
{
    if (!place->is_mirror)
        return;
    if (rc != IMGREL_ENOTFOUND)
        leave_alone(place, call, rc);
    ir_log_say(ir_call_log(call), rc == IMGREL_ENOTFOUND ? IMGREL_LOG_INFO : IMGREL_LOG_WARN, "oci",
               "a mirror could not serve", "mirror", place->at.url, "why", why, NULL);
}

void ir_registry_distrust(ir_registry *r, const ir_call *call)
{
    for (size_t i = 0; i < r->n_mirrors; i++)
        if (!get_flag(r->mirrors[i], &r->mirrors[i]->down))
            ir_registry_blame(r->mirrors[i], call, IMGREL_EDIGEST,
                              "ranges that together are not the blob");
}

ir_registry *ir_places_after(ir_places *p, ir_registry *place, const ir_call *call, int rc,
                             imgrel_error *err)
{
    if (rc == IMGREL_ENOMEM || ir_call_check(call, NULL))
        return NULL;
    ir_registry_blame(place, call, rc, err->message);
    ir_registry *next = ir_places_next(p);
    if (next)
        ir_error_clear(err);
    return next;
}

void ir_registry_served(ir_registry *place, const ir_call *call)
{
    if (place->is_mirror && !set_flag(place, &place->served))
        ir_log_say(ir_call_log(call), IMGREL_LOG_INFO, "oci", "a mirror serves", "mirror",
                   place->at.url, NULL);
}
