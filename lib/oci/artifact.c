/* artifact.c - files pushed as an artifact: each is a layer of its own media type with its name as
 * the title; the manifest says what the whole is, and what it refers to. Nothing but the files and
 * the spec goes into the bytes, so that the same artifact has the same digest. */
#include "oci/artifact.h"
#include "base/limits.h"
#include "net/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TITLE "org.opencontainers.image.title"
#define ANY_FILE "application/octet-stream"
#define ANY_ARTIFACT "application/vnd.unknown.artifact.v1"
#define EMPTY_DIGEST "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

typedef struct artifact_spec {
    const char *type, *subject;
    const ir_json *files, *config, *annotations, *tags;
} artifact_spec;

/* One file on its way. */
typedef struct file_job {
    ir_store *dst;
    const char *path, *media_type, *title;
    ir_desc desc;
} file_job;

typedef struct artifact {
    const ir_call *call;
    artifact_spec spec;
    ir_store *dst;
    file_job *files; /* and the config, last, if it is a file too */
    size_t n_files;
    bool empty_config;
    ir_desc subject;
} artifact;

/* ---- the spec ------------------------------------------------------------------------------- */

static int read_spec(const ir_json *j, artifact_spec *ret, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"artifact_type", IR_J_STRING, offsetof(artifact_spec, type), 0},
        {"subject", IR_J_STRING, offsetof(artifact_spec, subject), 0},
        {"files", IR_J_ARRAY, offsetof(artifact_spec, files), 0},
        {"config", IR_J_OBJECT, offsetof(artifact_spec, config), 0},
        {"annotations", IR_J_OBJECT, offsetof(artifact_spec, annotations), 0},
        {"tags", IR_J_ARRAY, offsetof(artifact_spec, tags), 0},
        {NULL, IR_J_STRING, 0, 0},
    };
    *ret = (artifact_spec){0};
    int rc = ir_json_decode(j, rows, true, "artifact spec", ret, err);
    for (size_t i = 0; !rc && i < ir_json_len(ret->tags); i++) {
        const char *tag = ir_json_text(ir_json_at(ret->tags, i));
        rc = tag ? ir_tag_check(tag, err)
                 : ir_fail(err, IMGREL_EINVAL, "artifact spec: \"tags\" holds what is no text");
    }
    for (void *it = ir_json_first(ret->annotations); it && !rc;
         it = ir_json_next(ret->annotations, it))
        if (!ir_json_is_string(ir_json_value(it)))
            rc = ir_fail(err, IMGREL_EINVAL, "annotation %.100s: not a text", ir_json_key(it));
    return rc;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int read_file(const ir_json *item, ir_store *dst, file_job *ret, imgrel_error *err)
{
    bool text = ir_json_is_string(item);
    ret->dst = dst;
    ret->path = text ? ir_json_text(item) : ir_json_str(item, "path");
    if (!ret->path)
        return ir_fail(err, IMGREL_EINVAL, "artifact spec: \"files\" holds what has no \"path\"");
    const char *mt = ir_json_str(item, "media_type"), *title = ir_json_str(item, "title");
    ret->media_type = mt ? mt : ANY_FILE;
    ret->title = title ? title : last_part(ret->path);
    if (ir_artifact_name_ok(ret->title))
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "artifact spec: \"%.100s\" can't be a file's title",
                   ret->title);
}

static int read_files(artifact *a, imgrel_error *err)
{
    size_t n = ir_json_len(a->spec.files);
    const char *config_type = ir_json_str(a->spec.config, "media_type");
    int rc = 0;
    if (n > IR_LAYERS_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "artifact spec: more than %d files", IR_LAYERS_MAX);
    if (a->spec.config && !config_type)
        return ir_fail(err, IMGREL_EINVAL, "artifact spec: \"config\" has no \"media_type\"");
    a->files = calloc(n + 1, sizeof *a->files);
    if (!a->files)
        return ir_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = read_file(ir_json_at(a->spec.files, i), a->dst, &a->files[i], err);
    if (!rc && a->spec.config)
        rc = read_file(a->spec.config, a->dst, &a->files[n], err);
    a->files[n].title = NULL;
    a->n_files = n;
    a->empty_config = !a->spec.config;
    return rc;
}

/* ---- blobs ---------------------------------------------------------------------------------- */

static int open_file(const char *path, imgrel_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ir_fail_errno(err, errno, "%s", path);
    if (!fstat(fd, &st) && S_ISREG(st.st_mode))
        return fd;
    close(fd);
    int rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s is not a regular file", path);
    ir_cure(err, "put a folder into a tar first");
    return rc;
}

static int push_file(const ir_call *call, void *user, imgrel_error *err)
{
    file_job *f = user;
    int fd = open_file(f->path, err);
    if (fd < 0)
        return fd;
    int rc = ir_store_blob_from_fd(f->dst, call, fd, &f->desc, err);
    close(fd);
    if (!rc && !(f->desc.media_type = ir_strdup(f->media_type)))
        rc = ir_nomem(err);
    if (!rc && f->title && !(f->desc.annotations = ir_json_pack("{s:s}", TITLE, f->title)))
        rc = ir_nomem(err);
    return rc;
}

static int push_files(artifact *a, imgrel_error *err)
{
    size_t n = a->n_files + !a->empty_config;
    void **jobs = calloc(n + 1, sizeof *jobs);
    int64_t threads = a->call->jobs ? a->call->jobs : ir_call_conf(a->call)->jobs;
    int rc = jobs ? 0 : ir_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        jobs[i] = &a->files[i];
    if (!rc && n)
        rc = ir_work_run(a->call, threads > 0 ? (unsigned)threads : 1, push_file, jobs, n, err);
    free(jobs);
    return rc;
}

/* "{}", for what must not be absent: it is said in the descriptor, but must be there too. */
static int push_empty(artifact *a, ir_desc *ret, imgrel_error *err)
{
    const ir_body body = {.p = "{}", .len = 2, .size = 2};
    if (ir_desc_set(ret, IR_MT_OCI_EMPTY, EMPTY_DIGEST, 2) < 0 || !(ret->data = ir_strdup("{}")))
        return ir_nomem(err);
    ret->data_len = 2;
    if (IR_DRY_RUN(a->call))
        return 0;
    return ir_store_blob_put(a->dst, a->call, ret, &body, NULL, NULL, err);
}

/* ---- the manifest --------------------------------------------------------------------------- */

static ir_json *layers_json(const artifact *a, const ir_desc *empty)
{
    ir_json *list = ir_json_new_array();
    int bad = list ? 0 : -1;
    for (size_t i = 0; i < a->n_files; i++)
        bad |= ir_json_append(list, ir_desc_to_json(&a->files[i].desc));
    if (!a->n_files)
        bad |= ir_json_append(list, ir_desc_to_json(empty));
    if (bad) {
        ir_json_free(list);
        return NULL;
    }
    return list;
}

static int write_manifest(const artifact *a, const ir_desc *empty, ir_manifest *ret,
                          imgrel_error *err)
{
    IR_AUTO(ir_buf) b = IR_BUF(IR_MANIFEST_MAX);
    const char *type = a->spec.type ? a->spec.type : a->empty_config ? ANY_ARTIFACT : NULL;
    IR_AUTO(ir_json_p)
    j = ir_json_pack("{s:i, s:s}", "schemaVersion", 2, "mediaType", IR_MT_OCI_MANIFEST);
    int bad = ir_json_puts(j, "artifactType", type);
    bad |= ir_json_put(j, "config",
                       ir_desc_to_json(a->empty_config ? empty : &a->files[a->n_files].desc));
    bad |= ir_json_put(j, "layers", layers_json(a, empty));
    if (a->subject.digest)
        bad |= ir_json_put(j, "subject", ir_desc_to_json(&a->subject));
    if (ir_json_len(a->spec.annotations))
        bad |= ir_json_put(j, "annotations", ir_json_copy(a->spec.annotations));
    int rc = bad || !j ? ir_nomem(err) : ir_json_dump(j, IR_JSON_COMPACT, &b, err);
    return rc ? rc : ir_manifest_parse(ir_buf_str(&b), b.len, NULL, NULL, ret, err);
}

/* A digest, a tag, or a reference into the destination's own place. */
static int find_subject(artifact *a, imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    const char *text = a->spec.subject;
    const ir_ref *to = ir_store_ref(a->dst);
    if (!text)
        return 0;
    if (ir_digest_valid(text) || !ir_tag_check(text, NULL))
        return ir_store_manifest_head(a->dst, a->call, text, &a->subject, err);
    int rc = ir_ref_parse(text, &ref, err);
    if (!rc && (ref.transport != to->transport || !ir_streq(ref.host, to->host) ||
                !ir_streq(ref.repository, to->repository) || !ir_streq(ref.path, to->path)))
        rc = ir_fail(err, IMGREL_EINVAL,
                     "%s: a subject is in the same repository as what refers to"
                     " it, %s is not",
                     to->name, ref.name);
    const char *selector = rc ? NULL : ir_ref_selector(&ref);
    if (!rc && !selector)
        rc = ir_fail(err, IMGREL_EINVAL, "subject %s: name it by a tag or a digest", ref.name);
    return rc ? rc : ir_store_manifest_head(a->dst, a->call, selector, &a->subject, err);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int put_tags(artifact *a, const ir_manifest *m, const char *tag, imgrel_error *err)
{
    IR_AUTO(ir_strv) tags = {0};
    int rc = tag && ir_strv_add(&tags, tag) < 0 ? ir_nomem(err) : 0;
    for (size_t i = 0; !rc && i < ir_json_len(a->spec.tags); i++)
        if (ir_strv_add(&tags, ir_json_text(ir_json_at(a->spec.tags, i))) < 0)
            rc = ir_nomem(err);
    if (!rc)
        rc = tags.n ? ir_store_manifest_put_tags(a->dst, a->call, m, &tags, err)
                    : ir_store_manifest_put(a->dst, a->call, m, NULL, err);
    return rc ? rc : ir_store_finish(a->dst, a->call, err);
}

static int put(artifact *a, const char *tag, char ret_digest[IR_DIGEST_MAX], imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_desc) empty = {0};
    int rc = read_files(a, err);
    if (!rc)
        rc = find_subject(a, err);
    if (!rc)
        rc = push_files(a, err);
    if (!rc && (a->empty_config || !a->n_files))
        rc = push_empty(a, &empty, err);
    if (!rc)
        rc = write_manifest(a, &empty, &m, err);
    if (!rc && !IR_DRY_RUN(a->call))
        rc = put_tags(a, &m, tag, err);
    if (!rc)
        memcpy(ret_digest, m.digest, IR_DIGEST_MAX);
    return rc;
}

int ir_artifact_put(const ir_call *call, const ir_json *spec, const ir_ref *dst, bool by_digest,
                    char ret_digest[IR_DIGEST_MAX], imgrel_error *err)
{
    artifact a = {.call = call};
    int rc = read_spec(spec, &a.spec, err);
    if (!rc && dst->transport == IR_DOCKER_ARCHIVE)
        rc = ir_fail(err, IMGREL_EUNSUPPORTED, "%s: a Docker archive holds images only", dst->name);
    if (!rc)
        rc = ir_store_open(call, dst, IR_DRY_RUN(call) ? IR_STORE_READ : IR_STORE_WRITE, &a.dst,
                           err);
    if (!rc)
        rc = put(&a, by_digest ? NULL : dst->tag, ret_digest, err);
    for (size_t i = 0; a.files && i <= a.n_files; i++)
        ir_desc_free(&a.files[i].desc);
    free(a.files);
    ir_desc_free(&a.subject);
    ir_store_free(a.dst);
    return rc;
}
