/* project_put.c - a project made as it should be: its metadata, its storage quota, the registry
 * that it is a cache of. Harbor validates almost nothing of a change and drops what it does not
 * know, so values are checked here, and what was written is read again. */
#include "harbor/kind.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct wish {
    ir_json *metadata; /* key -> string, as Harbor has it */
    int64_t storage;   /* bytes, -1 no limit; 0: not said */
    int64_t registry;  /* id; 0: not said */
    ir_json *allowlist;
} wish;

/* s: a severity; b: yes or no; n: a number. */
static const struct {
    const char *key;
    char type;
} keys[] = {
    {"public", 'b'},
    {"enable_content_trust", 'b'},
    {"enable_content_trust_cosign", 'b'},
    {"prevent_vul", 'b'},
    {"severity", 's'},
    {"auto_scan", 'b'},
    {"auto_sbom_generation", 'b'},
    {"reuse_sys_cve_allowlist", 'b'},
    {"proxy_speed_kb", 'n'},
    {"max_upstream_conn", 'n'},
    {"proxy_cache_local_on_not_found", 'b'},
};

/* A value as Harbor keeps it: a string. NULL: it is not one of this type. */
static const char *value_of(char type, const ir_json *v, char buf[24])
{
    static const char *const levels[] = {"none", "low", "medium", "high", "critical"};
    const char *text = ir_json_text(v);
    ir_json *yes = ir_json_new_bool(true), *no = ir_json_new_bool(false);
    const char *found = NULL;
    unsigned long long n = 0;
    int64_t number = ir_json_number(v, -2);

    if (type == 'b' && (ir_json_equal(v, yes) || ir_streq(text, "true")))
        found = "true";
    else if (type == 'b' && (ir_json_equal(v, no) || ir_streq(text, "false")))
        found = "false";
    else if (type == 'n' && text && (ir_streq(text, "-1") || ir_parse_u64(text, INT64_MAX, &n)))
        found = text;
    else if (type == 'n' && number >= -1) {
        snprintf(buf, 24, "%lld", (long long)number);
        found = buf;
    }
    for (size_t i = 0; type == 's' && i < 5; i++)
        if (ir_streq(text, levels[i]))
            found = text;
    ir_json_free(yes);
    ir_json_free(no);
    return found;
}

static int add_metadata(wish *w, const char *key, const ir_json *v, imgrel_error *err)
{
    const char *value = NULL;
    char buf[24];

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!ir_streq(keys[i].key, key))
            continue;
        value = value_of(keys[i].type, v, buf);
        if (!value)
            return ir_fail(err, IMGREL_EINVAL, "a project's %s is %s", key,
                           keys[i].type == 'b'   ? "true or false"
                           : keys[i].type == 'n' ? "a number"
                                                 : "none, low, medium, high or critical");
        return ir_json_puts(w->metadata, key, value) ? ir_nomem(err) : 0;
    }
    ir_fail(err, IMGREL_EINVAL, "a project has no \"%.60s\": Harbor would drop it silently", key);
    ir_cure(err, "it has public, storage_limit, registry, cve_allowlist, auto_scan, prevent_vul, "
                 "severity, enable_content_trust, enable_content_trust_cosign, "
                 "auto_sbom_generation, reuse_sys_cve_allowlist, proxy_speed_kb");
    return IMGREL_EINVAL;
}

/* By name or by id. */
static int read_registry(const ir_call *call, ir_harbor *h, const ir_json *v, wish *w,
                         imgrel_error *err)
{
    const char *name = ir_json_text(v);
    ir_json *row = NULL;
    int rc = 0;

    w->registry = ir_json_number(v, 0);
    if (name && !(rc = ir_harbor_get(call, h, "registry", name, &row, err)))
        w->registry = ir_json_int(row, "id", 0);
    ir_json_free(row);
    if (!rc && w->registry <= 0)
        rc = ir_fail(err, IMGREL_EINVAL, "a proxy cache's registry is a name or an id");
    return rc;
}

static int read_wish(const ir_call *call, ir_harbor *h, const ir_json *want, wish *w,
                     imgrel_error *err)
{
    int rc = (w->metadata = ir_json_new_object()) ? 0 : ir_nomem(err);

    for (void *it = ir_json_first(want); !rc && it; it = ir_json_next(want, it)) {
        const char *key = ir_json_key(it);
        ir_json *v = ir_json_value(it);
        if (ir_streq(key, "storage_limit"))
            rc = ir_harbor_size(v, &w->storage, err);
        else if (ir_streq(key, "registry") || ir_streq(key, "registry_id"))
            rc = read_registry(call, h, v, w, err);
        else if (ir_streq(key, "cve_allowlist"))
            w->allowlist = v;
        else if (ir_streq(key, "metadata") && ir_json_is_object(v))
            for (void *m = ir_json_first(v); !rc && m; m = ir_json_next(v, m))
                rc = add_metadata(w, ir_json_key(m), ir_json_value(m), err);
        else
            rc = add_metadata(w, key, v, err);
    }
    return rc;
}

static int send(const ir_call *call, ir_harbor *h, const char *method, const char *name,
                const ir_json *body, imgrel_error *err)
{
    bool post = ir_streq(method, "POST");
    char *path = post ? ir_strdup("/projects") : ir_harbor_path(name, NULL, NULL);
    char *object = ir_format("project %s", name);
    const ir_harbor_ask ask = {
        .method = method, .path = path, .body = body, .object = object, .by_name = true};
    int rc = body && path && object ? ir_harbor_send_json(call, h, &ask, NULL, err) : ir_nomem(err);

    free(path);
    free(object);
    return rc;
}

/* A new one is private unless it is said to be public. */
static int create(const ir_call *call, ir_harbor *h, const char *name, const wish *w,
                  imgrel_error *err)
{
    ir_json *metadata = ir_json_copy(w->metadata);
    ir_json *body = ir_json_pack("{s:s, s:O}", "project_name", name, "metadata", metadata);
    int rc = metadata && body ? 0 : ir_nomem(err);

    if (!rc && !ir_json_get(metadata, "public"))
        rc = ir_json_puts(metadata, "public", "false");
    if (!rc && w->storage)
        rc = ir_json_put(body, "storage_limit", ir_json_new_int(w->storage));
    if (!rc && w->registry)
        rc = ir_json_put(body, "registry_id", ir_json_new_int(w->registry));
    if (!rc && w->allowlist)
        rc = ir_json_put(body, "cve_allowlist", ir_json_ref(w->allowlist));
    rc = rc ? ir_nomem(err) : send(call, h, "POST", name, body, err);
    ir_json_free(metadata);
    ir_json_free(body);
    return rc;
}

/* Metadata that is not sent is kept. */
static int change(const ir_call *call, ir_harbor *h, const char *name, const wish *w,
                  imgrel_error *err)
{
    ir_json *body = ir_json_pack("{s:O}", "metadata", w->metadata);
    int rc = body ? 0 : ir_nomem(err);

    if (!rc && w->allowlist && ir_json_put(body, "cve_allowlist", ir_json_ref(w->allowlist)))
        rc = ir_nomem(err);
    if (!rc)
        rc = send(call, h, "PUT", name, body, err);
    ir_json_free(body);
    return rc;
}

/* The quota has an object of its own, that PUT of the project does not touch. */
static int change_quota(const ir_call *call, ir_harbor *h, const char *name, const wish *w,
                        enum ir_change *ret_change, imgrel_error *err)
{
    ir_json *want = ir_json_pack("{s:I}", "storage", (long long)w->storage), *have = NULL;
    enum ir_change change = IR_UNCHANGED;
    int rc =
        want ? ir_harbor_put(call, h, "quota", name, want, &change, &have, err) : ir_nomem(err);

    if (rc == IMGREL_EDENIED)
        ir_cure(err, "only Harbor's administrator sets quotas");
    if (!rc && change != IR_UNCHANGED && *ret_change == IR_UNCHANGED)
        *ret_change = change;
    ir_json_free(want);
    ir_json_free(have);
    return rc;
}

static int existing(const ir_call *call, ir_harbor *h, const char *name, const wish *w,
                    const ir_json *have, enum ir_change *ret_change, imgrel_error *err)
{
    int rc = 0;

    if (w->registry && ir_json_int(have, "registry_id", 0) != w->registry) {
        ir_fail(err, IMGREL_ECONFLICT, "%s: project %s is %s", h->host, name,
                ir_json_int(have, "registry_id", 0) ? "a proxy cache of another registry"
                                                    : "no proxy cache");
        ir_cure(err, "that is decided when a project is created: take another name");
        return IMGREL_ECONFLICT;
    }
    if (!ir_harbor_covers(ir_json_get(have, "metadata"), w->metadata) ||
        (w->allowlist && !ir_harbor_covers(ir_json_get(have, "cve_allowlist"), w->allowlist))) {
        *ret_change = *ret_change == IR_UNCHANGED ? IR_CHANGED : *ret_change;
        rc = IR_DRY_RUN(call) ? 0 : change(call, h, name, w, err);
    }
    if (!rc && w->storage)
        rc = change_quota(call, h, name, w, ret_change, err);
    return rc;
}

/* What this version does not know it dropped without a word. */
static int check_kept(const ir_harbor *h, const char *name, const wish *w, const ir_json *now,
                      imgrel_error *err)
{
    const ir_json *metadata = ir_json_get(now, "metadata");

    for (void *it = ir_json_first(w->metadata); it; it = ir_json_next(w->metadata, it)) {
        const char *key = ir_json_key(it), *have = ir_json_str(metadata, key);
        if (ir_streq(have, ir_json_text(ir_json_value(it))))
            continue;
        ir_fail(err, IMGREL_EUNSUPPORTED, "%s: project %s did not keep %s", h->host, name, key);
        ir_cure(err, "this version of Harbor may not have it: upgrade, or leave it out");
        return IMGREL_EUNSUPPORTED;
    }
    return 0;
}

/* One that somebody else created at the same moment, or whose answer got lost, is there. */
static int put(const ir_call *call, ir_harbor *h, const char *name, const wish *w,
               enum ir_change *ret_change, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    ir_json *have = NULL;
    int rc = ir_harbor_project_get(call, h, name, &have, &e);

    if (rc == IMGREL_ENOTFOUND) {
        *ret_change = IR_CREATED;
        ir_error_clear(&e);
        rc = IR_DRY_RUN(call) ? 0 : create(call, h, name, w, &e);
        if (rc && rc != IMGREL_EDENIED && !ir_harbor_project_get(call, h, name, &have, NULL)) {
            *ret_change = rc == IMGREL_ECONFLICT ? IR_UNCHANGED : IR_CREATED;
            ir_error_clear(&e);
            rc = 0;
        }
    }
    if (!rc && have)
        rc = existing(call, h, name, w, have, ret_change, &e);
    ir_json_free(have);
    if (!rc && !IR_DRY_RUN(call) &&
        (rc = ir_harbor_project_get(call, h, name, ret, &e)) == IMGREL_EDENIED) {
        rc = 0; /* may create, may not read */
        ir_error_clear(&e);
    } else if (!rc && !IR_DRY_RUN(call))
        rc = check_kept(h, name, w, *ret, &e);
    if (rc && err && !err->code)
        *err = e;
    return rc;
}

int ir_harbor_project_put(const ir_call *call, ir_harbor *h, const char *name, const ir_json *want,
                          enum ir_change *ret_change, ir_json **ret, imgrel_error *err)
{
    wish w = {0};
    int rc = ir_harbor_name_check("project", name, err);

    *ret = NULL;
    *ret_change = IR_UNCHANGED;
    if (!rc && !(rc = read_wish(call, h, want, &w, err)))
        rc = put(call, h, name, &w, ret_change, ret, err);
    if (!rc && !*ret && !(*ret = ir_json_pack("{s:s, s:O}", "name", name, "metadata", w.metadata)))
        rc = ir_nomem(err);
    if (rc) {
        ir_json_free(*ret);
        *ret = NULL;
    }
    ir_json_free(w.metadata);
    return rc;
}
