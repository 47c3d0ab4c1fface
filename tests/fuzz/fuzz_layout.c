/* fuzz_layout.c - folders and archives of strangers: the index.json of a layout, the config of an
 * image, the manifest.json of docker save. What can be read has valid digests; nothing is written
 * outside, and no temporary folder stays. The first byte says which it is. */
#include "base/fd.h"
#include "fuzz.h"
#include "net/call.h"
#include "oci/layout.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG                                                                                     \
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]" \
    "}}"

static char box[64];

static void clean(void)
{
    (void)!ir_rmtree(box, NULL);
}

static ir_session *prepare(void)
{
    static ir_session *s;
    ir_conf conf = {0};
    if (s)
        return s;
    const char *memory = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(box, sizeof box, "%s/imgrel-fuzz-layout-XXXXXX", memory);
    fuzz_check(mkdtemp(box) && !setenv("TMPDIR", box, 1));
    fuzz_check(!ir_session_new(&conf, NULL, &s, NULL));
    atexit(clean);
    return s;
}

static const char *in_box(const char *name)
{
    static char path[2][128];
    static int i;
    char *p = path[i++ & 1];
    snprintf(p, sizeof path[0], "%s/%s", box, name);
    return p;
}

/* Everything that a store is asked. */
static void ask(const ir_call *call, const char *prefix, const char *name)
{
    static const ir_platform want = {.os = "linux", .arch = "amd64"};
    ir_ref ref = {0};
    ir_store *s = NULL;
    ir_pages *tags = NULL;
    imgrel_error err = {0};
    char text[200];
    snprintf(text, sizeof text, "%s:%s", prefix, in_box(name));
    fuzz_check(!ir_ref_parse(text, &ref, &err));
    int rc = ir_store_open(call, &ref, IR_STORE_READ, &s, &err);
    fuzz_check(rc == err.code && !rc == (s != NULL));
    for (int i = 0; !rc && i < 3; i++) {
        ir_manifest m = {0};
        imgrel_error e = {0};
        int got = i == 2 ? ir_store_image_get(s, call, NULL, &want, &m, &e)
                         : ir_store_manifest_get(s, call, i ? "v1" : NULL, &m, &e);
        fuzz_check(got == e.code && (got || ir_digest_valid(m.digest)));
        ir_manifest_free(&m);
    }
    if (!rc && !ir_store_tags(s, call, &tags, &err))
        for (const char *tag; ir_pages_next(tags, call, &tag, &err) == 1;)
            fuzz_check(tag && *tag);
    ir_pages_free(tags);
    ir_store_free(s);
    ir_ref_free(&ref);
}

static void write_file(const char *name, const void *p, size_t len)
{
    fuzz_check(!ir_file_write(in_box(name), 0600, p, len, NULL));
}

static void make_layout(const ir_call *call, ir_store **ret)
{
    ir_ref ref = {0};
    char text[200];
    snprintf(text, sizeof text, "oci:%s:v1", in_box("layout"));
    fuzz_check(!ir_ref_parse(text, &ref, NULL));
    fuzz_check(!ir_store_open(call, &ref, IR_STORE_WRITE, ret, NULL));
    ir_ref_free(&ref);
}

static void put_blob(const ir_call *call, ir_store *s, const void *p, size_t len, ir_desc *ret)
{
    ir_writer *w = NULL;
    fuzz_check(!ir_store_blob_create(s, call, &w, NULL));
    fuzz_check(!ir_writer_write(w, p, len, NULL) && !ir_writer_commit(w, NULL, ret, NULL));
    ir_writer_free(w);
}

/* An image with that config. */
static void make_image(const ir_call *call, const void *p, size_t len)
{
    ir_store *s = NULL;
    ir_desc config = {0};
    ir_manifest m = {0};
    make_layout(call, &s);
    put_blob(call, s, p, len, &config);
    fuzz_check(!ir_desc_set(&config, IR_MT_OCI_CONFIG, config.digest, config.size));
    fuzz_check(!ir_manifest_write(IR_MT_OCI_MANIFEST, &config, NULL, 0, NULL, &m, NULL));
    fuzz_check(!ir_store_manifest_put(s, call, &m, "v1", NULL));
    fuzz_check(!ir_store_finish(s, call, NULL));
    ir_manifest_free(&m);
    ir_desc_free(&config);
    ir_store_free(s);
}

static void make_archive(const void *p, size_t len)
{
    ir_tar_new_file f = {.file = IR_NEWFILE};
    fuzz_check(!ir_tar_new_file_open(&f, in_box("a.tar"), NULL));
    fuzz_check(!ir_tar_new_file_add(&f, "config.json", CONFIG, strlen(CONFIG), NULL));
    fuzz_check(!ir_tar_new_file_add(&f, "l/layer.tar", CONFIG, strlen(CONFIG), NULL));
    fuzz_check(!ir_tar_new_file_add(&f, "manifest.json", p, len, NULL));
    fuzz_check(!ir_tar_new_file_end(&f, NULL));
    ir_tar_new_file_abort(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_session *s = prepare();
    const ir_call call = {.session = s};
    if (!size)
        return 0;
    fuzz_check(!ir_rmtree(in_box("layout"), NULL));
    if (data[0] == 'd') {
        make_archive(data + 1, size - 1);
        ask(&call, "docker-archive", "a.tar");
    } else {
        make_image(&call, data[0] == 'c' ? (const char *)data + 1 : CONFIG,
                   data[0] == 'c' ? size - 1 : strlen(CONFIG));
        if (data[0] != 'c')
            write_file("layout/index.json", data + 1, size - 1);
        ask(&call, "oci", "layout");
    }
    fuzz_check(!ir_rmtree(in_box("layout"), NULL) && (unlink(in_box("a.tar")) || true));
    fuzz_check(rmdir(box) == 0 && mkdir(box, 0700) == 0); /* nothing else is left */
    return 0;
}
