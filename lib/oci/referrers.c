/* referrers.c - the list of what refers to a manifest, where the registry keeps none itself: an
 * index under the tag "sha256-<hex>" of the subject (distribution-spec "Referrers Tag Schema").
 * Whoever pushes keeps it: it is read, changed, written, and read again, for others may do so too.
 */
#include "oci/registry.h"
#include "base/limits.h"

#include <stdlib.h>

#define TRIES 5

char *ir_referrers_tag(const char *subject)
{
    return ir_format("%s-%.64s", ir_digest_algorithm(subject), ir_digest_hex(subject));
}

/* What is to be so: digest is in the list (entry: as what), or is not (NULL). */
typedef struct list_change {
    const char *tag, *digest;
    const ir_json *entry;
} list_change;

/* The list as it is; *ret NULL: there is none. */
static int read_list(ir_store *s, const ir_call *call, const char *tag, ir_json **ret,
                     imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    imgrel_error e = {0};
    *ret = NULL;
    int rc = ir_store_manifest_get(s, call, tag, &m, &e);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (!rc && !m.is_index)
        rc = ir_fail(&e, IMGREL_EPROTO, "%s: the tag %s is no list of referrers", ir_store_where(s),
                     tag);
    if (!rc && !(*ret = ir_json_copy(m.json)))
        rc = ir_nomem(&e);
    if (rc < 0 && err && !err->code)
        *err = e;
    return rc;
}

static bool holds(const ir_json *doc, const char *digest)
{
    const ir_json *list = ir_json_get(doc, "manifests");
    for (size_t i = 0; i < ir_json_len(list); i++)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "digest"), digest))
            return true;
    return false;
}

static int apply(ir_json *doc, const list_change *c)
{
    ir_json *list = ir_json_get(doc, "manifests");
    if (c->entry)
        return ir_json_append(list, ir_json_copy(c->entry));
    for (size_t i = ir_json_len(list); i-- > 0;)
        if (ir_streq(ir_json_str(ir_json_at(list, i), "digest"), c->digest))
            ir_json_remove_at(list, i);
    return 0;
}

/* doc (NULL: none yet) as the change wants it, under the tag. */
static int write_list(ir_store *s, const ir_call *call, const list_change *c, ir_json **doc,
                      imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_MANIFEST_MAX);
    IR_AUTO(ir_manifest) m = {0};
    if (!*doc)
        *doc = ir_json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", IR_MT_OCI_INDEX,
                            "manifests");
    if (!*doc || apply(*doc, c))
        return ir_nomem(err);
    int rc = ir_json_dump(*doc, IR_JSON_COMPACT, &b, err);
    if (!rc)
        rc = ir_manifest_parse(ir_buf_str(&b), b.len, NULL, NULL, &m, err);
    return rc ? rc : ir_store_manifest_put(s, call, &m, c->tag, err);
}

static int change(ir_store *s, const ir_call *call, const list_change *c, imgrel_error *err)
{
    const imgrel_error others = {.code = IMGREL_ECONFLICT, .retryable = 1};
    ir_again again = {0};
    for (int i = 0; i < TRIES; i++) {
        IR_AUTO(ir_json_p) doc = NULL;
        int rc = read_list(s, call, c->tag, &doc, err);
        if (rc < 0 || holds(doc, c->digest) == (c->entry != NULL))
            return rc;
        /* Not at once: the one who wrote over our change is at it still. */
        rc = i ? ir_registry_again(call, c->tag, &again, &others, true, err) : 1;
        if (rc == 1)
            rc = write_list(s, call, c, &doc, err);
        if (rc < 0)
            return rc;
    }
    return ir_fail(err, IMGREL_ECONFLICT, "%s: the list of referrers under %s keeps being changed",
                   ir_store_where(s), c->tag);
}

int ir_referrers_add(ir_store *s, const ir_call *call, const ir_manifest *m, imgrel_error *err)
{
    char *tag = ir_referrers_tag(m->subject.digest);
    IR_AUTO(ir_json_p) entry = ir_manifest_referrer(m);
    const list_change c = {.tag = tag, .digest = m->digest, .entry = entry};
    int rc = tag && entry ? change(s, call, &c, err) : ir_nomem(err);
    free(tag);
    return rc;
}

/* Through a store of its own: who deletes has not asked for the right to push. */
int ir_referrers_drop(ir_store *s, const ir_call *call, const ir_manifest *m, imgrel_error *err)
{
    ir_store *own = NULL;
    char *tag = ir_referrers_tag(m->subject.digest);
    const list_change c = {.tag = tag, .digest = m->digest};
    int rc = tag ? ir_registry_open(call, &s->ref, IR_STORE_WRITE, &own, err) : ir_nomem(err);
    if (!rc)
        rc = change(own, call, &c, err);
    ir_store_free(own);
    free(tag);
    return rc;
}
