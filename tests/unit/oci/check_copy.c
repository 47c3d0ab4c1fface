/* check_copy.c - the copy engine between local places: what is taken along, what is left out, and
 * what stays behind when it fails. */
#include "oci/make.h"

#include "base/str.h"
#include "run/copy.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char *place(const char *text)
{
    const char *colon = strchr(text, ':');
    return ir_format("%.*s:%s", (int)(colon - text), text, support_path(colon + 1));
}

static ir_copy_how copy_how;

/* Copies between "oci:a:tag" and so on in the test's folder. */
static int copy(const char *from, const char *to, const ir_strv *tags, ir_copied *ret,
                imgrel_error *err)
{
    IR_AUTO(ir_ref) src = {0};
    IR_AUTO(ir_ref) dst = {0};
    char *a = place(from), *b = place(to);
    *err = (imgrel_error){0};
    unit_ok(ir_ref_parse(a, &src, err), err);
    unit_ok(ir_ref_parse(b, &dst, err), err);
    free(a);
    free(b);
    copy_how.tags = tags;
    return ir_copy(&support_call, &src, &dst, &copy_how, ret, err);
}

static void begin(ir_desc *ret_top)
{
    support_begin();
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    make_index(s, "multi", ret_top);
    make_image(s, "amd64", "one", NULL);
    make_close(s);
}

static void end(ir_desc *top)
{
    ir_desc_free(top);
    support_end();
}

START_TEST(an_index_goes_whole_and_once)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_str_eq(done.digest, top.digest);
    ck_assert_int_eq(done.blobs_copied, 7);
    ck_assert_int_eq(done.blobs_exist, 0);
    ck_assert(!done.unchanged);
    ck_assert_int_eq(make_count("dst/blobs/sha256", ""), 7 + 4);
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert(done.unchanged);
    ck_assert_int_eq(done.blobs_copied + done.blobs_exist, 0);
    unit_ok(copy("oci:src:one", "oci:dst:y", NULL, &done, &err), &err);
    ck_assert(!done.unchanged);
    ck_assert_int_eq(done.blobs_exist, 3);
    end(&top);
}
END_TEST

START_TEST(a_place_without_a_name_is_unchanged_too)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    unit_ok(copy("oci:src:multi", "oci:dst", NULL, &done, &err), &err);
    ck_assert(!done.unchanged);
    unit_ok(copy("oci:src:multi", "oci:dst", NULL, &done, &err), &err);
    ck_assert(done.unchanged);
    end(&top);
}
END_TEST

START_TEST(only_new_tags_are_written)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    IR_AUTO(ir_strv) tags = {0};
    begin(&top);
    ck_assert(!ir_strv_add(&tags, "latest") && !ir_strv_add(&tags, "x"));
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    unit_ok(copy("oci:src:multi", "oci:dst:x", &tags, &done, &err), &err);
    ck_assert(!done.unchanged);
    ck_assert_int_eq(done.blobs_copied + done.blobs_exist, 0);
    unit_ok(copy("oci:src:multi", "oci:dst:x", &tags, &done, &err), &err);
    ck_assert(done.unchanged);
    unit_ok(copy("oci:dst:latest", "oci:other:z", NULL, &done, &err), &err);
    ck_assert_str_eq(done.digest, top.digest);
    end(&top);
}
END_TEST

START_TEST(one_platform_is_its_manifest)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    support_call.platform = "linux/arm64";
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_str_ne(done.digest, top.digest);
    ck_assert_int_eq(done.blobs_copied, 3);
    /* A single image is checked against its config. */
    ck_assert_int_eq(copy("oci:src:one", "oci:dst:y", NULL, &done, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "linux/amd64");
    end(&top);
}
END_TEST

START_TEST(some_platforms_are_a_smaller_index)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    static const struct {
        const char *platforms, *arch;
        size_t entries, blobs;
    } table[] = {{"linux/arm64,linux/arm64", "arm64", 1, 3},
                 {"linux/amd64,linux/amd64", "amd64", 2, 5}, /* with what attests it */
                 {"linux/amd64,linux/arm64", "amd64", 3, 7}};
    begin(&top);
    for (size_t i = 0; i < 3; i++) {
        IR_AUTO(ir_manifest) m = {0};
        char to[20], local[20];
        snprintf(to, sizeof to, "oci:dst%zu:x", i);
        snprintf(local, sizeof local, "dst%zu:x", i);
        support_call.platform = table[i].platforms;
        unit_ok(copy("oci:src:multi", to, NULL, &done, &err), &err);
        ck_assert_int_eq(!strcmp(done.digest, top.digest), i == 2);
        ck_assert_int_eq(done.blobs_copied, table[i].blobs);
        support_call.platform = NULL;
        ir_store *s = make_store("oci", local, IR_STORE_READ);
        unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
        ck_assert(m.is_index);
        ck_assert_int_eq(m.n_layers, table[i].entries);
        ck_assert_str_eq(m.layers[0].platform.arch, table[i].arch);
        ir_store_free(s);
    }
    end(&top);
}
END_TEST

START_TEST(a_missing_platform_is_told)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    static const char *const wants[] = {"linux/s390x", "linux/amd64,linux/s390x"};
    for (size_t i = 0; i < 2; i++) {
        support_call.platform = wants[i];
        ck_assert_int_eq(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), IMGREL_ENOTFOUND);
        unit_error(&err, IMGREL_ENOTFOUND, "linux/s390x");
        ck_assert_ptr_nonnull(strstr(err.cure, "linux/amd64, linux/arm64"));
    }
    support_call.platform = "nonsense/";
    ck_assert_int_eq(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), IMGREL_EINVAL);
    ck_assert_int_ne(access(support_path("dst"), F_OK), 0);
    end(&top);
}
END_TEST

START_TEST(a_damaged_source_leaves_no_name)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    char digest[IR_DIGEST_MAX];
    begin(&top);
    unit_ok(ir_hash_bytes("common files", 12, digest, &err), &err);
    make_damage("src", digest);
    ck_assert_int_eq(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, digest);
    ck_assert_int_eq(copy("oci:dst:x", "oci:dst2:x", NULL, &done, &err), IMGREL_ENOTFOUND);
    ck_assert_int_eq(make_count("dst/blobs/sha256", ".tmp"), 0);
    end(&top);
}
END_TEST

START_TEST(a_digest_is_a_promise)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    char *good = ir_format("oci:dst@%s", top.digest);
    unit_ok(copy("oci:src:multi", good, NULL, &done, &err), &err);
    ck_assert_int_eq(copy("oci:src:one", good, NULL, &done, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, top.digest);
    free(good);
    end(&top);
}
END_TEST

START_TEST(a_dry_run_writes_nothing)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    support_call.flags = IMGREL_FLAG_DRY_RUN;
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_str_eq(done.digest, top.digest);
    ck_assert(!done.unchanged);
    ck_assert_int_ne(access(support_path("dst"), F_OK), 0);
    end(&top);
}
END_TEST

START_TEST(archives_and_layouts_take_each_others)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    unit_ok(copy("oci:src:multi", "oci-archive:a.tar:m", NULL, &done, &err), &err);
    unit_ok(copy("oci-archive:a.tar", "oci:b:m", NULL, &done, &err), &err);
    ck_assert_str_eq(done.digest, top.digest);
    ck_assert_int_eq(copy("oci:b:m", "docker-archive:d.tar:app", NULL, &done, &err),
                     IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "linux/amd64, linux/arm64");
    unit_ok(copy("oci:src:one", "docker-archive:d.tar:app", NULL, &done, &err), &err);
    char digest[IR_DIGEST_MAX];
    memcpy(digest, done.digest, sizeof digest);
    unit_ok(copy("docker-archive:d.tar:app", "oci:c:x", NULL, &done, &err), &err);
    ck_assert_str_eq(done.digest, digest);
    end(&top);
}
END_TEST

/* Indexes in indexes, one more than is followed. */
START_TEST(depth_is_limited)
{
    ir_desc d = {0};
    ir_copied done;
    imgrel_error err = {0};
    support_begin();
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    make_image(s, "amd64", NULL, &d);
    for (int i = 0; i < 5; i++) {
        IR_AUTO(ir_manifest) m = {0};
        unit_ok(ir_index_write(IR_MT_OCI_INDEX, &d, 1, NULL, &m, &err), &err);
        unit_ok(ir_store_manifest_put(s, &support_call, &m,
                                      i == 3   ? "four"
                                      : i == 4 ? "five"
                                               : NULL,
                                      &err),
                &err);
        ck_assert_int_eq(ir_desc_set(&d, m.media_type, m.digest, (int64_t)m.len), 0);
    }
    make_close(s);
    unit_ok(copy("oci:src:four", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_int_eq(done.blobs_copied, 3);
    ck_assert_int_eq(copy("oci:src:five", "oci:dst:y", NULL, &done, &err), IMGREL_ELIMIT);
    unit_error(&err, IMGREL_ELIMIT, "deep");
    ir_desc_free(&d);
    support_end();
}
END_TEST

/* In a mount namespace of the test's own; without the right to make one there is nothing to see. */
static bool small_disk(const char *path)
{
    return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
           !mount("none", path, "tmpfs", 0, "size=128k");
}

START_TEST(a_full_disk_is_told_and_leaves_no_name)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err = {0};
    begin(&top);
    IR_AUTO(ir_manifest) m = {0};
    char *big = support_bytes('r', 300000);
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    ir_desc config = make_blob(s, IR_MT_OCI_CONFIG, "{}", 2);
    ir_desc layer = make_blob(s, IR_MT_OCI_LAYER, big, 300000);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, &layer, 1, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, "big", &err), &err);
    make_close(s);
    unit_ok(ir_mkdirs(support_path("full"), 0755, &err), &err);
    if (small_disk(support_path("full"))) {
        ck_assert_int_eq(copy("oci:src:big", "oci:full/dst:x", NULL, &done, &err), IMGREL_EIO);
        unit_error(&err, IMGREL_EIO, "No space left");
        unit_error(&err, IMGREL_EIO, "make room");
        if (!access(support_path("full/dst"), F_OK)) /* the small config came before */
            ck_assert_int_eq(make_count("full/dst/blobs/sha256", ".tmp"), 0);
        ck_assert_int_eq(copy("oci:full/dst:x", "oci:no:x", NULL, &done, &err), IMGREL_ENOTFOUND);
        ck_assert_int_eq(copy("oci:src:big", "oci-archive:full/a.tar:x", NULL, &done, &err),
                         IMGREL_EIO);
        unit_error(&err, IMGREL_EIO, "make room");
        ck_assert_int_eq(make_count("full", ".tar"), 0);
        ck_assert_int_eq(make_count("full", ".tmp"), 0);
        ck_assert_int_eq(umount(support_path("full")), 0);
    }
    ir_desc_free(&config);
    ir_desc_free(&layer);
    free(big);
    end(&top);
}
END_TEST

/* What is no file is neither waited for nor read. */
START_TEST(a_pipe_in_a_layout_is_no_file)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    char digest[IR_DIGEST_MAX], blob[200];
    begin(&top);
    unit_ok(ir_hash_bytes("common files", 12, digest, &err), &err);
    snprintf(blob, sizeof blob, "src/blobs/sha256/%s", ir_digest_hex(digest));
    const char *const files[] = {blob, "src/index.json", "src/oci-layout"};
    static const int codes[] = {IMGREL_EDIGEST, IMGREL_EPROTO, IMGREL_EPROTO};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(unlink(support_path(files[i])), 0);
        ck_assert_int_eq(mkfifo(support_path(files[i]), 0600), 0);
        ck_assert_int_eq(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), codes[i]);
        unit_error(&err, codes[i], i ? "no regular file" : digest);
        ck_assert_int_ne(access(support_path("dst/index.json"), F_OK), 0);
    }
    ck_assert_int_eq(copy("oci:none:x", "oci:src:y", NULL, &done, &err), IMGREL_ENOTFOUND);
    end(&top);
}
END_TEST

/* Names that are put together are all there, and each by itself before the end. */
START_TEST(many_names_become_one_index)
{
    ir_desc top = {0}, d = {0};
    imgrel_error err = {0};
    begin(&top);
    ir_store *s = make_store("oci", "src:multi", IR_STORE_WRITE);
    IR_AUTO(ir_manifest) m = {0};
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
    for (int i = 0; i < 2000; i++) {
        char tag[20];
        snprintf(tag, sizeof tag, "t%d", i % 1500);
        unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &err), &err);
        unit_ok(ir_store_manifest_head(s, &support_call, tag, &d, &err), &err);
        ck_assert_str_eq(d.digest, top.digest);
        ir_desc_free(&d);
    }
    make_close(s);
    s = make_store("oci", "src", IR_STORE_READ);
    ir_pages *pages = NULL;
    const char *name = NULL;
    int n = 0;
    unit_ok(ir_store_tags(s, &support_call, &pages, &err), &err);
    while (ir_pages_next(pages, &support_call, &name, &err) == 1)
        n++;
    ck_assert_int_eq(n, 1500 + 2);
    ir_pages_free(pages);
    ir_store_free(s);
    end(&top);
}
END_TEST

typedef struct seen {
    int calls, ended, stop_at;
} seen;

static int watch(void *user, const imgrel_event *e)
{
    seen *s = user;
    s->calls++;
    ck_assert_ptr_nonnull(e->what);
    s->ended += e->kind == IMGREL_EVENT_BYTES && e->done == e->total &&
                (!strcmp(e->detail, "pushed") || !strcmp(e->detail, "exists"));
    return s->stop_at && s->calls >= s->stop_at;
}

START_TEST(progress_is_told_and_can_stop)
{
    ir_desc top = {0};
    ir_copied done;
    imgrel_error err;
    seen s = {0};
    begin(&top);
    support_call.progress = watch;
    support_call.user = &s;
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_int_eq(s.ended, 7);
    s = (seen){.stop_at = 1};
    ck_assert_int_eq(copy("oci:src:multi", "oci:dst2:x", NULL, &done, &err), IMGREL_ECANCELED);
    end(&top);
}
END_TEST

/* An artifact that refers to a manifest, with type and name as given. */
static void attach(ir_store *s, const ir_desc *subject, const char *type, const char *tag,
                   ir_desc *ret)
{
    imgrel_error err = {0};
    ir_desc config = make_blob(s, type, type, strlen(type));
    IR_AUTO(ir_manifest) m = {0};
    char *text = ir_format("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
                           "\"%s\",\"digest\":\"%s\",\"size\":%d},\"layers\":[],\"subject\":{"
                           "\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d}}",
                           IR_MT_OCI_MANIFEST, type, config.digest, (int)config.size,
                           subject->media_type, subject->digest, (int)subject->size);
    unit_ok(ir_manifest_parse(text, strlen(text), NULL, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &err), &err);
    if (ret)
        ck_assert_int_eq(ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len), 0);
    ir_desc_free(&config);
    free(text);
}

START_TEST(what_is_attached_goes_along_when_asked)
{
    ir_desc top = {0}, sig = {0};
    ir_copied done;
    imgrel_error err;
    begin(&top);
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    char *tag = ir_format("sha256-%s.sig", ir_digest_hex(top.digest));
    attach(s, &top, "a/signature", NULL, &sig);
    attach(s, &sig, "a/countersignature", NULL, NULL);
    attach(s, &sig, "b/tagged", tag, NULL);
    make_close(s);
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_uint_eq(done.attached, 0);
    copy_how.referrers = true;
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_uint_eq(done.attached, 3);
    ck_assert(!done.unchanged);
    ck_assert_str_eq(done.digest, top.digest);
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_uint_eq(done.attached, 0);
    ck_assert(done.unchanged);
    copy_how.digest_tags = true;
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    ck_assert_uint_eq(done.attached, 1);
    copy_how.format = 'd';
    ck_assert_int_eq(copy("oci:src:one", "oci:dst:y", NULL, &done, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "another format");
    ir_desc_free(&sig);
    free(tag);
    end(&top);
}
END_TEST

START_TEST(another_format_is_another_image)
{
    ir_desc top = {0};
    ir_copied done, back;
    imgrel_error err;
    begin(&top);
    copy_how.format = 'd';
    ck_assert_int_eq(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "attestations");
    support_call.platform = "linux/amd64,linux/arm64";
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &done, &err), &err);
    unit_ok(copy("oci:src:multi", "oci:dst:x", NULL, &back, &err), &err);
    ck_assert(back.unchanged);
    support_call.platform = NULL;
    /* There and back again is where it was. */
    copy_how.format = 'o';
    unit_ok(copy("oci:dst:x", "oci:dst:back", NULL, &back, &err), &err);
    ck_assert_str_ne(back.digest, done.digest);
    copy_how.format = 'd';
    unit_ok(copy("oci:dst:back", "oci:dst:again", NULL, &back, &err), &err);
    ck_assert_str_eq(back.digest, done.digest);
    end(&top);
}
END_TEST

UNIT_SUITE(copy, an_index_goes_whole_and_once, a_place_without_a_name_is_unchanged_too,
           only_new_tags_are_written, one_platform_is_its_manifest,
           some_platforms_are_a_smaller_index, a_missing_platform_is_told,
           a_damaged_source_leaves_no_name, a_digest_is_a_promise, a_dry_run_writes_nothing,
           archives_and_layouts_take_each_others, depth_is_limited,
           a_full_disk_is_told_and_leaves_no_name, a_pipe_in_a_layout_is_no_file,
           many_names_become_one_index, progress_is_told_and_can_stop,
           what_is_attached_goes_along_when_asked, another_format_is_another_image)
