/* release_image.c - the image: made or copied by the push robot under its digest first, and only
 * when it is whole under the version's tag and latest. */
#include "run/release_impl.h"

#include "base/str.h"
#include "run/copy.h"

#include <stdlib.h>

char *ir_rel_platforms(const ir_release *r)
{
    ir_buf b = IR_BUF(64 * 1024);
    for (size_t i = 0; i < ir_json_len(r->file.platforms); i++)
        ir_buf_addf(&b, "%s%s", i ? "," : "", ir_json_text(ir_json_at(r->file.platforms, i)));
    if (b.len)
        return ir_buf_take(&b);
    ir_buf_free(&b);
    return NULL;
}

ir_json *ir_rel_image_spec(const ir_release *r)
{
    return ir_json_copy(r->file.image);
}

int ir_rel_tag_digest(const ir_call *call, ir_rel_site *site, const char *tag,
                      char ret[IR_DIGEST_MAX], imgrel_error *err)
{
    IR_AUTO(ir_desc) d = {0};
    ir_store *store = NULL;
    imgrel_error why = {0};
    ret[0] = '\0';
    int rc = ir_rel_store(call, site, IR_STORE_READ, &store, &why);
    if (!rc)
        rc = ir_store_manifest_head(store, call, tag, &d, &why);
    ir_store_free(store);
    if (rc == IMGREL_ENOTFOUND)
        return 0;
    if (rc && err && !err->code)
        *err = why;
    if (!rc && d.digest && strlen(d.digest) < IR_DIGEST_MAX)
        memcpy(ret, d.digest, strlen(d.digest) + 1);
    return rc;
}

/* The top manifest of what is in the registry under a digest. */
static int read_top(const ir_call *call, ir_rel_site *s, imgrel_error *err)
{
    ir_store *store = NULL;
    if (s->top.bytes)
        return 0;
    int rc = ir_rel_store(call, s, IR_STORE_READ, &store, err);
    if (!rc)
        rc = ir_store_manifest_get(store, call, s->digest, &s->top, err);
    ir_store_free(store);
    return rc;
}

static int assemble(const ir_rel_run *run, const ir_call *call, ir_rel_site *s, imgrel_error *err)
{
    IR_AUTO(ir_json_p) spec = ir_rel_image_spec(run->r);
    const char *reuse = s->version_is[0]  ? ir_rel_version(run->r)
                        : s->latest_is[0] ? "latest"
                                          : NULL;
    ir_assemble a = {.spec = spec, .base_dir = run->r->dir, .dst = &s->image, .reuse = reuse};
    ir_assembled made = {0};
    int rc = spec ? ir_image_assemble(call, &a, &made, err) : ir_nomem(err);
    if (!rc) {
        memcpy(s->digest, made.digest, sizeof s->digest);
        ir_manifest_free(&s->top);
        s->top = made.top;
        made.top = (ir_manifest){0};
    }
    ir_assembled_free(&made);
    return rc;
}

/* What delete may take away, kept before it is there. */
static int remember(ir_rel_run *run, const ir_rel_site *s, const char *what, const char *key,
                    const char *value, imgrel_error *err)
{
    char *section = ir_format("%s %s", what, s->key);
    int rc = section ? ir_rel_state_put(&run->state, section, key, value, err) : ir_nomem(err);
    free(section);
    return rc;
}

static int remember_tag(ir_rel_run *run, const ir_rel_site *s, const char *tag, imgrel_error *err)
{
    int rc = s->digest[0] ? remember(run, s, "pushed", s->digest, "made", err) : 0;
    return rc ? rc : remember(run, s, "tags", tag, s->digest, err);
}

/* Whether the repository will be ours: it is not there before. */
static int remember_repository(ir_rel_run *run, ir_rel_site *s, imgrel_error *err)
{
    char *path = ir_format("/projects/%s/repositories/%s", run->r->file.project, run->r->file.app);
    ir_reply reply = {0};
    imgrel_error why = {0};
    int rc = path ? ir_harbor_request(&run->call, s->harbor, "GET", path, NULL, &reply, &why)
                  : ir_nomem(&why);
    ir_reply_free(&reply);
    free(path);
    if (rc == IMGREL_ENOTFOUND)
        return remember(run, s, "registry", "repository", "made", err);
    if (rc && err && !err->code)
        *err = why;
    return rc;
}

/* A copy cannot go without a tag, and is complete when it gets one: the version's. */
static int copy(ir_rel_run *run, ir_call call, ir_rel_site *s, imgrel_error *err)
{
    IR_AUTO(ir_ref) from = {0}, to = {0};
    ir_copied copied = {0};
    int rc = ir_ref_parse(run->r->file.from, &from, err);
    if (!rc && (ir_ref_copy(&s->image, &to) || ir_ref_set(&to, ir_rel_version(run->r), NULL)))
        rc = ir_nomem(err);
    if (!rc)
        rc = remember_tag(run, s, ir_rel_version(run->r), err);
    char *platforms = ir_rel_platforms(run->r);
    call.platform = platforms;
    if (!rc)
        rc = ir_copy(&call, &from, &to, NULL, &copied, err);
    if (!rc)
        memcpy(s->digest, copied.digest, sizeof s->digest);
    free(platforms);
    return rc;
}

/* As a copy: the version's tag comes with it. */
static int build(ir_rel_run *run, const ir_call *call, ir_rel_site *s, imgrel_error *err)
{
    int rc = remember_tag(run, s, ir_rel_version(run->r), err);
    return rc ? rc : ir_rel_build_make(call, run->r, s, err);
}

static const char *how(const ir_rel_file *f)
{
    return f->build ? "built and pushed" : f->from ? "copied" : "assembled and pushed";
}

int ir_rel_image(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_PUSH, login);
    const ir_rel_file *f = &run->r->file;
    int rc = 0;
    if (IR_DRY_RUN(&call)) {
        ir_rel_say(row, s->image_is ? "unchanged" : "would", "%s%s%s", s->image.name,
                   s->image_is ? "" : " ", s->image_is ? "" : how(f));
    } else if (s->image_is) {
        rc = read_top(&call, s, err);
        ir_rel_say(row, "unchanged", "%s", s->image.name);
    } else {
        rc = remember_repository(run, s, err);
        if (!rc)
            rc = f->build  ? build(run, &call, s, err)
                 : f->from ? copy(run, call, s, err)
                           : assemble(run, &call, s, err);
        if (!rc)
            rc = read_top(&call, s, err);
        ir_rel_say(row, "done", "%s %s", s->image.name, how(f));
    }
    memcpy(row->digest, s->digest, sizeof row->digest);
    return rc;
}

/* ---- tags
 * ------------------------------------------------------------------------------------------- */

static int put_tag(ir_rel_run *run, const ir_call *call, ir_rel_site *s, const char *tag,
                   imgrel_error *err)
{
    ir_store *store = NULL;
    int rc = remember_tag(run, s, tag, err);
    if (!rc)
        rc = ir_rel_store(call, s, IR_STORE_READ | IR_STORE_WRITE, &store, err);
    if (!rc)
        rc = ir_store_manifest_put(store, call, &s->top, tag, err);
    if (!rc)
        rc = ir_store_finish(store, call, err);
    ir_store_free(store);
    return rc;
}

/* Looks again right before: between the check and now another may have taken the version. */
static int set_tag(ir_rel_run *run, const ir_call *call, ir_rel_site *s, const char *tag,
                   bool *ret_set, imgrel_error *err)
{
    char is[IR_DIGEST_MAX];
    int rc = ir_rel_tag_digest(call, s, tag, is, err);
    *ret_set = false;
    if (rc || !strcmp(is, s->digest))
        return rc;
    if (is[0] && strcmp(tag, "latest") && !IR_FORCE(call))
        return ir_fail(err, IMGREL_ECONFLICT, "%s:%s holds another image by now, %s", s->image.name,
                       tag, is);
    *ret_set = true;
    return put_tag(run, call, s, tag, err);
}

int ir_rel_tags(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_PUSH, login);
    const char *version = ir_rel_version(run->r);
    bool dry = IR_DRY_RUN(&call), first = false, second = false;
    if (dry) {
        first = !s->image_is || strcmp(s->version_is, s->digest);
        second = !s->image_is || strcmp(s->latest_is, s->digest);
    }
    int rc = dry ? 0 : set_tag(run, &call, s, version, &first, err);
    if (!rc && !dry)
        rc = set_tag(run, &call, s, "latest", &second, err);
    if (rc)
        return rc;
    ir_rel_say_change(row, dry, first ? "created" : second ? "changed" : "unchanged", "");
    ir_rel_say(row, row->state, "%s, latest", version);
    memcpy(row->digest, s->digest, sizeof row->digest);
    return 0;
}

/* For verbs that make nothing: the image is what the version's tag holds. */
int ir_rel_find_image(ir_rel_run *run, void *target, ir_rel_row *row, imgrel_error *err)
{
    ir_rel_site *s = target;
    ir_login login[2];
    ir_call call = ir_rel_call(run, s, IR_REL_READER, login);
    const char *version = ir_rel_version(run->r);
    int rc = ir_rel_tag_digest(&call, s, version, s->digest, err);
    if (!rc && !s->digest[0]) {
        rc = ir_fail(err, IMGREL_ENOTFOUND, "%s:%s is not there", s->image.name, version);
        ir_cure(err, "release it: imgrel release apply");
    }
    if (!rc)
        rc = read_top(&call, s, err);
    if (rc)
        return rc;
    ir_rel_say(row, NULL, "%s:%s", s->image.name, version);
    memcpy(row->digest, s->digest, sizeof row->digest);
    return 0;
}
