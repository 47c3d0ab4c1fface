/* artifact_get.c - an artifact's files into a folder. Their names are what somebody else chose: of
 * a title only the last part counts, and what is no name is refused before anything is written.
 * Every file appears whole, verified and under its name, or not at all. */
#include "base/fd.h"
#include "base/limits.h"
#include "net/work.h"
#include "oci/artifact.h"

#include <stdlib.h>

#define TITLE "org.opencontainers.image.title"
#define NAME_LEN_MAX 255

bool ir_artifact_name_ok(const char *name)
{
    size_t len = strlen(name);
    if (!len || len > NAME_LEN_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
        return false;
    for (const char *p = name; *p; p++)
        if (*p == '/' || (unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

typedef struct got_file {
    ir_store *src;
    const ir_desc *desc;
    char *path;
    const char *name; /* in path */
} got_file;

typedef struct got {
    ir_manifest m;
    got_file *files;
    size_t n;
} got;

static void got_free(got *g)
{
    for (size_t i = 0; i < g->n; i++)
        free(g->files[i].path);
    free(g->files);
    ir_manifest_free(&g->m);
}

/* The title's last part; without a title the digest, as a name. malloc'ed. */
static int name_of(const ir_desc *d, char **ret, imgrel_error *err)
{
    const char *title = ir_json_str(d->annotations, TITLE);
    const char *slash = title ? strrchr(title, '/') : NULL;
    if (title)
        *ret = ir_strdup(slash ? slash + 1 : title);
    else
        *ret = ir_format("%s-%s", ir_digest_algorithm(d->digest), ir_digest_hex(d->digest));
    if (!*ret)
        return ir_nomem(err);
    if (ir_artifact_name_ok(*ret))
        return 0;
    free(*ret);
    *ret = NULL;
    return ir_fail(err, IMGREL_EPROTO, "%s calls itself \"%.100s\", which is no file's name",
                   d->digest, title);
}

static int add_file(got *g, ir_store *src, const ir_desc *d, const char *dir, imgrel_error *err)
{
    char *name = NULL;
    got_file *f = &g->files[g->n];
    int rc = name_of(d, &name, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; !rc && i < g->n; i++)
        if (!strcmp(g->files[i].name, name))
            rc = ir_fail(err, IMGREL_ECONFLICT, "%s and %s are both called %s",
                         g->files[i].desc->digest, d->digest, name);
    *f = (got_file){.src = src, .desc = d, .path = rc ? NULL : ir_path_join(dir, name)};
    if (!rc && !f->path)
        rc = ir_nomem(err);
    if (!rc) {
        f->name = f->path + strlen(f->path) - strlen(name);
        g->n++;
    }
    free(name);
    return rc;
}

static int list_files(got *g, ir_store *src, const char *dir, imgrel_error *err)
{
    int rc = 0;
    if (g->m.is_index) {
        rc = ir_fail(err, IMGREL_EINVAL, "%s is an index, not an artifact of files",
                     ir_store_ref(src)->name);
        ir_cure(err, "choose one of it by --platform, or by its digest");
        return rc;
    }
    g->files = calloc(g->m.n_layers + 1, sizeof *g->files);
    if (!g->files)
        return ir_nomem(err);
    for (size_t i = 0; !rc && i < g->m.n_layers; i++)
        if (!ir_streq(g->m.layers[i].media_type, IR_MT_OCI_EMPTY))
            rc = add_file(g, src, &g->m.layers[i], dir, err);
    return rc;
}

static int get_file(const ir_call *call, void *user, imgrel_error *err)
{
    got_file *f = user;
    ir_newfile out = IR_NEWFILE;
    int rc = ir_newfile_open(&out, f->path, 0644, err);
    if (!rc)
        rc = ir_store_blob_to_fd(f->src, call, f->desc, out.fd, err);
    if (!rc)
        rc = ir_newfile_commit(&out, err);
    ir_newfile_abort(&out);
    return rc;
}

static int get_files(const ir_call *call, got *g, const char *dir, imgrel_error *err)
{
    void **jobs = calloc(g->n + 1, sizeof *jobs);
    int64_t threads = call->jobs ? call->jobs : ir_call_conf(call)->jobs;
    int rc = jobs ? ir_mkdirs(dir, 0755, err) : ir_nomem(err);
    for (size_t i = 0; !rc && i < g->n; i++)
        jobs[i] = &g->files[i];
    if (!rc && g->n)
        rc = ir_work_run(call, threads > 0 ? (unsigned)threads : 1, get_file, jobs, g->n, err);
    free(jobs);
    return rc;
}

static ir_json *report(const got *g)
{
    const char *type = g->m.artifact_type ? g->m.artifact_type : g->m.config.media_type;
    ir_json *files = ir_json_new_array();
    int bad = files ? 0 : -1;
    for (size_t i = 0; i < g->n; i++)
        bad |= ir_json_append(files, ir_json_pack("{s:s, s:s, s:s, s:I}", "name", g->files[i].name,
                                                  "mediaType", g->files[i].desc->media_type,
                                                  "digest", g->files[i].desc->digest, "size",
                                                  (long long)g->files[i].desc->size));
    ir_json *j = ir_json_pack("{s:s, s:s}", "digest", g->m.digest, "artifactType", type);
    if (ir_json_put(j, "files", bad ? (ir_json_free(files), NULL) : files)) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}

int ir_artifact_get(const ir_call *call, const ir_ref *ref, const char *dir, ir_json **ret,
                    imgrel_error *err)
{
    got g = {0};
    ir_store *src = NULL;
    ir_platform want;
    bool any = !call->platform || !*call->platform;
    *ret = NULL;
    int rc = any ? 0 : ir_platform_parse(call->platform, &want, err);
    if (!rc)
        rc = ir_store_open(call, ref, IR_STORE_READ, &src, err);
    if (!rc)
        rc = ir_store_image_get(src, call, NULL, any ? NULL : &want, &g.m, err);
    if (!rc)
        rc = list_files(&g, src, dir, err);
    if (!rc && !IR_DRY_RUN(call))
        rc = get_files(call, &g, dir, err);
    if (!rc && !(*ret = report(&g)))
        rc = ir_nomem(err);
    got_free(&g);
    ir_store_free(src);
    return rc;
}
