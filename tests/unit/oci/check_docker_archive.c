/* check_docker_archive.c - docker save's tar: its names, its links, compressed layers, and layers
 * that are not what the config says. */
#include "oci/make.h"

#include "base/str.h"

#include <stdlib.h>
#include <unistd.h>

static void tar_folder(const char *folder, const char *tar)
{
    IR_AUTO(ir_buf) out = IR_BUF(1000);
    const char *const argv[] = {"tar", "-cf", support_path(tar), "-C", support_path(folder),
                                ".",   NULL};
    ck_assert_msg(support_run(argv, NULL, 0, &out), "tar is not there");
}

/* A saved image of two layers, the second of which is a link to the first. */
static void save(const char *diff_id)
{
    char digest[IR_DIGEST_MAX];
    imgrel_error err = {0};
    unit_ok(ir_hash_bytes("layer bytes", 11, digest, &err), &err);
    char *config = ir_format("{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":"
                             "\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
                             diff_id ? diff_id : digest, digest);
    support_file("d/c.json", config, 0644);
    support_file("d/a/layer.tar", "layer bytes", 0644);
    support_file("d/b/VERSION", "1.0", 0644);
    ck_assert_int_eq(symlink("../a/layer.tar", support_path("d/b/layer.tar")), 0);
    support_file("d/manifest.json",
                 "[{\"Config\":\"c.json\",\"RepoTags\":[\"docker.io/library/app:1\",\"app:two\"],"
                 "\"Layers\":[\"a/layer.tar\",\"b/layer.tar\"]}]",
                 0644);
    free(config);
    tar_folder("d", "d.tar");
}

START_TEST(a_saved_image_is_read)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_buf) b = IR_BUF(100);
    save(NULL);
    static const char *const names[] = {"d.tar:app:1", "d.tar:docker.io/library/app:1",
                                        "d.tar:app:two", "d.tar"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ir_store *s = make_store("docker-archive", names[i], IR_STORE_READ);
        unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
        ck_assert_int_eq(m.n_layers, 2);
        ck_assert_str_eq(m.layers[0].media_type, IR_MT_OCI_LAYER);
        ck_assert_str_eq(m.layers[0].digest, m.layers[1].digest);
        ir_buf_clear(&b);
        unit_ok(ir_store_blob_read(s, &support_call, &m.layers[1], &b, &err), &err);
        ck_assert_str_eq(ir_buf_str(&b), "layer bytes");
        ir_manifest_free(&m);
        ir_store_free(s);
    }
    ir_store *s = make_store("docker-archive", "d.tar:other", IR_STORE_READ);
    ck_assert_int_eq(ir_store_manifest_get(s, &support_call, NULL, &m, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "app:1, app:two");
    ir_store_free(s);
    support_end();
}
END_TEST

static void expect_refused(int code, const char *word)
{
    imgrel_error err = {0};
    ir_store *s = NULL;
    tar_folder("d", "d.tar");
    ck_assert_int_eq(make_try("docker-archive", "d.tar", IR_STORE_READ, &s, &err), code);
    unit_error(&err, code, word);
}

START_TEST(what_does_not_fit_together_is_refused)
{
    support_begin();
    save("sha256:0000000000000000000000000000000000000000000000000000000000000000");
    expect_refused(IMGREL_EDIGEST, "a/layer.tar");
    support_file("d/manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"a/layer.tar\"]}]", 0644);
    expect_refused(IMGREL_EPROTO, "the config says 2");
    support_file("d/manifest.json", "[{\"Config\":\"none.json\",\"Layers\":[]}]", 0644);
    expect_refused(IMGREL_EPROTO, "none.json");
    support_file("d/manifest.json", "{}", 0644);
    expect_refused(IMGREL_EPROTO, "no list");
    ck_assert_int_eq(unlink(support_path("d/manifest.json")), 0);
    expect_refused(IMGREL_EPROTO, "oci-archive:");
    support_end();
}
END_TEST

START_TEST(a_circle_of_links_ends)
{
    support_begin();
    save(NULL);
    ck_assert_int_eq(unlink(support_path("d/a/layer.tar")), 0);
    ck_assert_int_eq(symlink("../b/layer.tar", support_path("d/a/layer.tar")), 0);
    expect_refused(IMGREL_EPROTO, "layer.tar");
    support_end();
}
END_TEST

START_TEST(compressed_layers_stay_compressed)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    support_file("d/c.json", "{\"rootfs\":{\"diff_ids\":[\"sha256:x\",\"sha256:y\"]}}", 0644);
    support_file("d/1.tar.gz", "\x1f\x8b rest", 0644);
    support_file("d/2.tar", "\x28\xb5\x2f\xfd rest", 0644);
    support_file("d/manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"1.tar.gz\",\"2.tar\"]}]",
                 0644);
    tar_folder("d", "d.tar");
    ir_store *s = make_store("docker-archive", "d.tar", IR_STORE_READ);
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
    ck_assert_str_eq(m.layers[0].media_type, IR_MT_OCI_LAYER_GZIP);
    ck_assert_str_eq(m.layers[1].media_type, IR_MT_OCI_LAYER_ZSTD);
    ir_store_free(s);
    support_end();
}
END_TEST

START_TEST(docker_load_gets_its_names)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_buf) out = IR_BUF(10000);
    ir_store *s = make_store("docker-archive", "o.tar:host:5000/app", IR_STORE_WRITE);
    ck_assert_str_eq(ir_store_ref(s)->tag, "host:5000/app:latest");
    make_image(s, "amd64", ir_store_ref(s)->tag, NULL);
    make_image(s, "amd64", "2", NULL);
    make_close(s);
    const char *const argv[] = {"tar", "-xOf", support_path("o.tar"), "manifest.json", NULL};
    ck_assert_msg(support_run(argv, NULL, 0, &out), "tar is not there");
    ck_assert_msg(strstr(ir_buf_str(&out), "\"RepoTags\":[\"host:5000/app:latest\","
                                           "\"host:5000/app:2\"]"),
                  "%s", ir_buf_str(&out));
    s = make_store("docker-archive", "o.tar:host:5000/app:2", IR_STORE_READ);
    IR_AUTO(ir_manifest) m = {0};
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
    ck_assert_int_eq(m.n_layers, 2);
    ir_store_free(s);
    support_end();
}
END_TEST

/* An image of one gzip layer whose tar is "layer bytes" to begin with. */
static void put_compressed(ir_store *s, const char *diff_id)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_buf) gz = IR_BUF(1000);
    const char *const argv[] = {"gzip", "-nc", NULL};
    ck_assert_msg(support_run(argv, "layer bytes", 11, &gz), "gzip is not there");
    ir_desc layer = make_blob(s, IR_MT_OCI_LAYER_GZIP, gz.p, gz.len);
    char *text = ir_format("{\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"%s\"]}}", diff_id);
    ir_desc config = make_blob(s, IR_MT_OCI_CONFIG, text, strlen(text));
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, &layer, 1, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, "app:1", &err), &err);
    ir_desc_free(&layer);
    ir_desc_free(&config);
    free(text);
}

START_TEST(layers_are_written_uncompressed)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_buf) b = IR_BUF(100);
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes("layer bytes", 11, digest, &err), &err);
    ir_store *s = make_store("docker-archive", "o.tar:app:1", IR_STORE_WRITE);
    put_compressed(s, digest);
    make_close(s);
    const char *const gzip[] = {"gzip", "-k", support_path("o.tar"), NULL};
    IR_AUTO(ir_buf) none = IR_BUF(100);
    ck_assert_msg(support_run(gzip, NULL, 0, &none), "gzip is not there");
    static const char *const names[] = {"o.tar:app:1",
                                        "o.tar.gz:app:1"}; /* the whole may be, too */
    for (size_t i = 0; i < 2; i++) {
        s = make_store("docker-archive", names[i], IR_STORE_READ);
        unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &err), &err);
        ck_assert_str_eq(m.layers[0].media_type, IR_MT_OCI_LAYER);
        ck_assert_str_eq(m.layers[0].digest, digest);
        ir_buf_clear(&b);
        unit_ok(ir_store_blob_read(s, &support_call, &m.layers[0], &b, &err), &err);
        ck_assert_str_eq(ir_buf_str(&b), "layer bytes");
        ir_manifest_free(&m);
        ir_store_free(s);
    }
    support_end();
}
END_TEST

START_TEST(a_config_that_lies_is_not_written)
{
    support_begin();
    imgrel_error err = {0};
    ir_store *s = make_store("docker-archive", "o.tar:app:1", IR_STORE_WRITE);
    put_compressed(s, "sha256:"
                      "0000000000000000000000000000000000000000000000000000000000000000");
    ck_assert_int_eq(ir_store_finish(s, &support_call, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, "the config says");
    ir_store_free(s);
    ck_assert_int_ne(access(support_path("o.tar"), F_OK), 0);
    support_end();
}
END_TEST

START_TEST(an_index_does_not_fit)
{
    support_begin();
    imgrel_error err = {0};
    ir_store *s = make_store("docker-archive", "o.tar:app", IR_STORE_WRITE);
    make_index(s, "app:1", NULL);
    ck_assert_int_eq(ir_store_finish(s, &support_call, &err), IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "one platform");
    ir_store_free(s);
    ck_assert_int_ne(access(support_path("o.tar"), F_OK), 0);
    support_end();
}
END_TEST

UNIT_SUITE(docker_archive, a_saved_image_is_read, what_does_not_fit_together_is_refused,
           a_circle_of_links_ends, compressed_layers_stay_compressed, docker_load_gets_its_names,
           layers_are_written_uncompressed, a_config_that_lies_is_not_written,
           an_index_does_not_fit)
