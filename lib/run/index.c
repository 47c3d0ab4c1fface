/* index.c - an index from images that are anywhere: they are read and checked against what their
 * configs say, copied or mounted beside the index, and only then is it written, so that it never
 * names what is not there. */
#include "run/index.h"
#include "base/limits.h"
#include "oci/index_edit.h"
#include "run/copy.h"

#include <stdlib.h>

/* ---- the spec ------------------------------------------------------------------------------- */

typedef struct index_spec {
    const ir_json *append, *remove, *annotations, *entries, *tags;
    const char *format_name;
    char format;
    bool create;
} index_spec;

static int read_spec(const ir_json *j, index_spec *ret, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"create", IR_J_BOOL, offsetof(index_spec, create), 0},
        {"append", IR_J_ARRAY, offsetof(index_spec, append), 0},
        {"remove", IR_J_ARRAY, offsetof(index_spec, remove), 0},
        {"annotations", IR_J_OBJECT, offsetof(index_spec, annotations), 0},
        {"entries", IR_J_OBJECT, offsetof(index_spec, entries), 0},
        {"tags", IR_J_ARRAY, offsetof(index_spec, tags), 0},
        {"format", IR_J_STRING, offsetof(index_spec, format_name), 0},
        {NULL, IR_J_STRING, 0, 0},
    };
    *ret = (index_spec){0};
    int rc = ir_json_decode(j, rows, true, "index spec", ret, err);
    if (!rc)
        rc = ir_manifest_format(ret->format_name, &ret->format, err);
    if (!rc && ret->create && !ir_json_len(ret->append))
        rc = ir_fail(err, IMGREL_EINVAL, "index spec: \"append\" names no image to create it from");
    for (size_t i = 0; !rc && i < ir_json_len(ret->tags); i++) {
        const char *tag = ir_json_text(ir_json_at(ret->tags, i));
        rc = tag ? ir_tag_check(tag, err)
                 : ir_fail(err, IMGREL_EINVAL, "index spec: \"tags\" holds what is no text");
    }
    return rc;
}

/* ---- the work ------------------------------------------------------------------------------- */

/* An image that is appended. */
typedef struct source {
    ir_ref ref;
    ir_store *store;
    const char *platform;       /* that it is said to be for; NULL: its config tells */
    const ir_json *annotations; /* of its entry; NULL: none */
    bool here;                  /* it is in the destination's own repository */
} source;

typedef struct editing {
    const ir_call *call;
    const ir_ref *to;
    index_spec spec;
    ir_store *dst;
    ir_manifest old; /* what the destination was; bytes NULL: nothing */
    ir_json *doc;
    source *sources;
    size_t n_sources;
    ir_strv fresh; /* digests and platforms that came by this edit, in turn */
    ir_copied copied;
} editing;

static void end(editing *e)
{
    for (size_t i = 0; i < e->n_sources; i++) {
        ir_ref_free(&e->sources[i].ref);
        ir_store_free(e->sources[i].store);
    }
    free(e->sources);
    ir_strv_free(&e->fresh);
    ir_json_free(e->doc);
    ir_manifest_free(&e->old);
    ir_store_free(e->dst);
}

static bool same_place(const ir_ref *a, const ir_ref *b)
{
    if (a->transport != b->transport)
        return false;
    if (a->transport == IR_REGISTRY)
        return ir_streq(a->host, b->host) && ir_streq(a->repository, b->repository);
    return a->transport == IR_OCI_LAYOUT && ir_streq(a->path, b->path);
}

static int open_source(editing *e, const ir_json *item, source *s, imgrel_error *err)
{
    const char *ref = ir_json_is_string(item) ? ir_json_text(item) : ir_json_str(item, "ref");
    if (!ref)
        return ir_fail(err, IMGREL_EINVAL, "index spec: \"append\" holds what has no \"ref\"");
    s->platform = ir_json_str(item, "platform");
    s->annotations = ir_json_get(item, "annotations");
    int rc = ir_ref_parse(ref, &s->ref, err);
    if (!rc)
        rc = ir_store_open(e->call, &s->ref, IR_PULL, &s->store, err);
    s->here = !rc && same_place(&s->ref, e->to);
    if (!rc && e->dst && s->ref.transport == IR_REGISTRY && ir_streq(s->ref.host, e->to->host) &&
        ir_store_mounts_from(e->dst, s->ref.repository) < 0)
        rc = ir_nomem(err);
    return rc;
}

/* Every place is known before the first request, so that one token does for all of them. */
static int open_all(editing *e, imgrel_error *err)
{
    size_t n = ir_json_len(e->spec.append);
    bool dry = IR_DRY_RUN(e->call);
    int rc =
        dry && e->spec.create
            ? 0
            : ir_store_open(e->call, e->to, dry ? IR_STORE_READ : IR_STORE_WRITE, &e->dst, err);
    e->sources = calloc(n + 1, sizeof *e->sources);
    if (!rc && !e->sources)
        rc = ir_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        e->n_sources = i + 1;
        rc = open_source(e, ir_json_at(e->spec.append, i), &e->sources[i], err);
    }
    return rc;
}

static int begin(editing *e, imgrel_error *err)
{
    if (e->to->transport != IR_REGISTRY && !e->to->tag)
        return ir_fail(err, IMGREL_EINVAL, "%s: name the index by a tag", e->to->name);
    int rc = e->spec.create ? 0 : ir_store_manifest_get(e->dst, e->call, NULL, &e->old, err);
    if (rc == IMGREL_ENOTFOUND)
        ir_cure(err, "create it: imgrel index create");
    if (!rc && !e->spec.create && !e->old.is_index) {
        rc = ir_fail(err, IMGREL_EINVAL, "%s is an image, not an index", e->to->name);
        ir_cure(err, "make an index of it: imgrel index create %.120s %.120s", e->to->name,
                e->to->name);
    }
    if (!rc)
        rc = ir_index_begin(e->spec.create ? NULL : &e->old, e->spec.format, &e->doc, err);
    return rc;
}

/* ---- what an image is for ------------------------------------------------------------------- */

/* The platform as the config has it, as an index would say it; NULL: it is no container image. */
static int config_platform(const ir_call *call, ir_store *s, const ir_manifest *m, ir_json **ret,
                           imgrel_error *err)
{
    static const char *const keys[] = {"architecture", "os", "os.version", "os.features",
                                       "variant"};
    IR_AUTO(ir_buf) b = IR_BUF(IR_CONFIG_MAX);
    IR_AUTO(ir_json_p) config = NULL;
    int bad = 0;
    *ret = NULL;
    if (!ir_media_is_config(m->config.media_type))
        return 0;
    int rc = ir_store_blob_read(s, call, &m->config, &b, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&b), b.len, "image config", &config, err);
    if (rc < 0)
        return rc;
    if (!ir_json_str(config, "os") || !ir_json_str(config, "architecture"))
        return ir_fail(err, IMGREL_EPROTO, "%s: the config of %s names no platform",
                       ir_store_ref(s)->name, m->digest);
    *ret = ir_json_new_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const ir_json *v = ir_json_get(config, keys[i]);
        if (v && !(ir_json_is_string(v) && !*ir_json_text(v)))
            bad |= ir_json_put(*ret, keys[i], ir_json_copy(v));
    }
    return bad || !*ret ? ir_nomem(err) : 0;
}

/* An entry may say more than the config (a variant), but not something else. */
static int check_agrees(const char *digest, const ir_json *config, const ir_platform *says,
                        imgrel_error *err)
{
    ir_platform is;
    char a[128], b[128];
    ir_platform_set(&is, ir_json_str(config, "os"), ir_json_str(config, "architecture"),
                    ir_json_str(config, "variant"), NULL);
    if (!config || (ir_streq(is.os, says->os) && ir_streq(is.arch, says->arch) &&
                    (!ir_json_str(config, "variant") || ir_streq(is.variant, says->variant))))
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "%s is said to be for %s, but its config says %s", digest,
                   ir_platform_str(says, a), ir_platform_str(&is, b));
}

static ir_json *platform_json(const ir_platform *p)
{
    return p->variant[0] ? ir_json_pack("{s:s, s:s, s:s}", "architecture", p->arch, "os", p->os,
                                        "variant", p->variant)
                         : ir_json_pack("{s:s, s:s}", "architecture", p->arch, "os", p->os);
}

/* ---- appending ------------------------------------------------------------------------------ */

/* Two images for one platform in one edit: which of them was meant? */
static int note_fresh(editing *e, const char *digest, const ir_json *entry, imgrel_error *err)
{
    ir_platform p;
    char text[128] = "";
    if (ir_index_platform(entry, &p))
        ir_platform_str(&p, text);
    for (size_t i = 0; *text && i + 1 < e->fresh.n; i += 2)
        if (ir_streq(e->fresh.v[i + 1], text) && !ir_streq(e->fresh.v[i], digest))
            return ir_fail(err, IMGREL_ECONFLICT, "%s and %s are both for %s", e->fresh.v[i],
                           digest, text);
    if (ir_strv_add(&e->fresh, digest) < 0 || ir_strv_add(&e->fresh, text) < 0)
        return ir_nomem(err);
    return 0;
}

/* Brings the manifest into the destination, and its entry (taken) into the index. */
static int append(editing *e, source *s, const ir_manifest *m, ir_json *entry, imgrel_error *err)
{
    const char *list = ir_json_str(e->doc, "mediaType");
    int rc = entry ? 0 : ir_nomem(err);
    if (!rc && ir_streq(list, IR_MT_DOCKER_LIST) &&
        !ir_streq(m->media_type, IR_MT_DOCKER_MANIFEST)) {
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s@%s: Docker's lists hold Docker's manifests only",
                     s->ref.name, m->digest);
        ir_cure(err, "convert it first: imgrel copy --format docker");
    }
    if (!rc)
        rc = ir_index_annotate(entry, s->annotations, err);
    if (!rc)
        rc = note_fresh(e, m->digest, entry, err);
    if (!rc && !s->here && !IR_DRY_RUN(e->call))
        rc = ir_copy_manifest(e->call, s->store, m->digest, e->dst, NULL, &e->copied, err);
    if (rc < 0) {
        ir_json_free(entry);
        return rc;
    }
    return ir_index_put(e->doc, entry, err);
}

/* One image: its entry is made from what it is. */
static int append_image(editing *e, source *s, const ir_manifest *m, imgrel_error *err)
{
    ir_platform says;
    IR_AUTO(ir_json_p) platform = NULL;
    int rc = config_platform(e->call, s->store, m, &platform, err);
    if (!rc && s->platform)
        rc = ir_platform_parse(s->platform, &says, err);
    if (!rc && s->platform)
        rc = check_agrees(m->digest, platform, &says, err);
    if (rc < 0)
        return rc;
    bool more = s->platform && (!platform || !ir_json_str(platform, "variant"));
    ir_json *entry = ir_json_pack("{s:s, s:s, s:I}", "mediaType", m->media_type, "digest",
                                  m->digest, "size", (long long)m->len);
    int bad = 0;
    if (platform || more)
        bad |= ir_json_put(entry, "platform", more ? platform_json(&says) : ir_json_copy(platform));
    if (!platform || m->artifact_type)
        bad |= ir_json_puts(entry, "artifactType",
                            m->artifact_type ? m->artifact_type : m->config.media_type);
    if (bad) {
        ir_json_free(entry);
        entry = NULL;
    }
    return append(e, s, m, entry, err);
}

/* An entry of an index, as it is there. */
static int append_entry(editing *e, source *s, const ir_json *from, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_json_p) platform = NULL;
    ir_platform says;
    const char *digest = ir_json_str(from, "digest");
    int rc = ir_store_manifest_get(s->store, e->call, digest, &m, err);
    if (!rc && (!ir_media_same(ir_json_str(from, "mediaType"), m.media_type) ||
                ir_json_int(from, "size", -1) != (int64_t)m.len))
        rc = ir_fail(err, IMGREL_EPROTO, "%s says of %s what it is not", s->ref.name, digest);
    if (!rc && m.is_index)
        rc = ir_fail(err, IMGREL_EUNSUPPORTED,
                     "%s: it names the index %s: indexes in indexes are"
                     " not made",
                     s->ref.name, digest);
    bool real = ir_index_platform(from, &says);
    if (!rc && !ir_index_attests(from))
        rc = config_platform(e->call, s->store, &m, &platform, err);
    if (!rc && real)
        rc = check_agrees(digest, platform, &says, err);
    ir_json *entry = rc ? NULL : ir_json_copy(from);
    if (!rc && !real && platform && ir_json_put(entry, "platform", ir_json_ref(platform)))
        rc = ir_nomem(err);
    if (rc < 0) {
        ir_json_free(entry);
        return rc;
    }
    return append(e, s, &m, entry, err);
}

/* Whether an entry is one of the platforms that the call asks for. */
static int wanted(const editing *e, const ir_json *entry, bool *ret, imgrel_error *err)
{
    ir_platform *want = NULL, have;
    size_t n = 0;
    const char *text = e->call->platform;
    *ret = !text || !*text;
    if (*ret)
        return 0;
    int rc = ir_platform_list(text, &want, &n, err);
    bool real = ir_index_platform(entry, &have);
    for (size_t i = 0; !rc && real && i < n; i++)
        *ret = *ret || ir_platform_match(&want[i], &have);
    free(want);
    return rc;
}

/* All of an index that is asked for: images first, then what attests those. */
static int append_index(editing *e, source *s, const ir_manifest *m, imgrel_error *err)
{
    const ir_json *list = ir_json_get(m->json, "manifests");
    size_t first = e->fresh.n;
    int rc = 0;
    for (size_t i = 0; !rc && i < m->n_layers; i++) {
        const ir_json *entry = ir_json_at(list, i);
        bool want = false;
        if (ir_index_attests(entry))
            continue;
        rc = wanted(e, entry, &want, err);
        if (!rc && want)
            rc = append_entry(e, s, entry, err);
    }
    if (!rc && e->fresh.n == first)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s has no image for %.100s", s->ref.name,
                     e->call->platform ? e->call->platform : "any platform");
    for (size_t i = 0; !rc && i < m->n_layers; i++) {
        const ir_json *entry = ir_json_at(list, i);
        const char *of = ir_index_attests(entry);
        if (of && ir_strv_has(&e->fresh, of))
            rc = append_entry(e, s, entry, err);
    }
    return rc;
}

static int append_source(editing *e, source *s, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    int rc = ir_store_manifest_get(s->store, e->call, NULL, &m, err);
    if (rc < 0)
        return rc;
    if (m.is_index && s->platform)
        return ir_fail(err, IMGREL_EINVAL, "%s is an index: its entries have their platforms",
                       s->ref.name);
    return m.is_index ? append_index(e, s, &m, err) : append_image(e, s, &m, err);
}

/* ---- entries that are there ----------------------------------------------------------------- */

static int set_platform(editing *e, ir_json *entry, const char *text, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_json_p) platform = NULL;
    ir_platform says;
    const char *digest = ir_json_str(entry, "digest");
    int rc = ir_platform_parse(text, &says, err);
    if (!rc)
        rc = ir_store_manifest_get(e->dst, e->call, digest, &m, err);
    if (!rc)
        rc = config_platform(e->call, e->dst, &m, &platform, err);
    if (!rc)
        rc = check_agrees(digest, platform, &says, err);
    if (!rc && ir_json_put(entry, "platform", platform_json(&says)))
        rc = ir_nomem(err);
    return rc;
}

/* What "entries" says of those that which names. */
static int change_entries(editing *e, const char *which, const ir_json *change, imgrel_error *err)
{
    const ir_json *list = ir_json_get(e->doc, "manifests");
    const char *platform = ir_json_str(change, "platform");
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(list); i++) {
        ir_json *entry = ir_json_at(list, i);
        bool it = false;
        rc = ir_index_is(entry, which, &it, err);
        if (rc || !it)
            continue;
        n++;
        rc = ir_index_annotate(entry, ir_json_get(change, "annotations"), err);
        if (!rc && platform)
            rc = set_platform(e, entry, platform, err);
    }
    if (!rc && !n)
        rc = ir_fail(err, IMGREL_ENOTFOUND, "the index has no entry %.140s", which);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int edit(editing *e, imgrel_error *err)
{
    const index_spec *s = &e->spec;
    int rc = 0;
    for (size_t i = 0; !rc && i < ir_json_len(s->remove); i++) {
        const char *which = ir_json_text(ir_json_at(s->remove, i));
        rc = which ? ir_index_remove(e->doc, which, err)
                   : ir_fail(err, IMGREL_EINVAL, "index spec: \"remove\" holds what is no text");
    }
    for (size_t i = 0; !rc && i < e->n_sources; i++)
        rc = append_source(e, &e->sources[i], err);
    for (void *it = ir_json_first(s->entries); it && !rc; it = ir_json_next(s->entries, it))
        rc = change_entries(e, ir_json_key(it), ir_json_value(it), err);
    if (!rc && ir_json_len(s->annotations) &&
        ir_streq(ir_json_str(e->doc, "mediaType"), IR_MT_DOCKER_LIST))
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "Docker's lists have no annotations");
    if (!rc)
        rc = ir_index_annotate(e->doc, s->annotations, err);
    return rc;
}

/* What was there before this edit must still be, or the index would name what is gone. */
static int check_children(const editing *e, const ir_manifest *m, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < m->n_layers; i++) {
        ir_desc d = {0};
        if (ir_strv_has(&e->fresh, m->layers[i].digest))
            continue;
        rc = ir_store_manifest_head(e->dst, e->call, m->layers[i].digest, &d, err);
        if (rc == IMGREL_ENOTFOUND)
            ir_cure(err, "the index names it, but it is gone: remove %s from it",
                    m->layers[i].digest);
        ir_desc_free(&d);
    }
    return rc;
}

/* Under every tag; without any, by its digest. What is there as it is, is not written again. */
static int put(editing *e, const ir_manifest *m, imgrel_error *err)
{
    bool same = ir_streq(e->old.digest, m->digest);
    IR_AUTO(ir_strv) tags = {0};
    int rc = 0;
    if (!same && e->to->tag && ir_strv_add(&tags, e->to->tag) < 0)
        rc = ir_nomem(err);
    for (size_t i = 0; !rc && i < ir_json_len(e->spec.tags); i++)
        if (ir_strv_add(&tags, ir_json_text(ir_json_at(e->spec.tags, i))) < 0)
            rc = ir_nomem(err);
    if (!rc && !same && !tags.n)
        rc = ir_store_manifest_put(e->dst, e->call, m, NULL, err);
    if (!rc)
        rc = ir_store_manifest_put_tags(e->dst, e->call, m, &tags, err);
    return rc ? rc : ir_store_finish(e->dst, e->call, err);
}

static int run(editing *e, imgrel_error *err)
{
    int rc = open_all(e, err);
    if (!rc)
        rc = begin(e, err);
    return rc ? rc : edit(e, err);
}

int ir_index_edit(const ir_call *call, const ir_json *spec, const ir_ref *dst,
                  char ret_digest[IR_DIGEST_MAX], imgrel_error *err)
{
    editing e = {.call = call, .to = dst};
    IR_AUTO(ir_manifest) m = {0};
    int rc = read_spec(spec, &e.spec, err);
    if (!rc)
        rc = run(&e, err);
    if (!rc)
        rc = ir_index_end(e.doc, &m, err);
    if (!rc)
        rc = check_children(&e, &m, err);
    if (!rc && !IR_DRY_RUN(call))
        rc = put(&e, &m, err);
    if (!rc)
        memcpy(ret_digest, m.digest, IR_DIGEST_MAX);
    end(&e);
    return rc;
}
