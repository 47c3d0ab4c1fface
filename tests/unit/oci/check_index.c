/* check_index.c - indexes made and changed: platforms from configs, attestations with their images,
 * the same bytes from the same images, and nothing named that is not there. */
#include "oci/make.h"

#include "base/str.h"
#include "run/index.h"

#include <stdlib.h>
#include <unistd.h>

static char digest[IR_DIGEST_MAX];

/* spec holds $ for the test's folder. */
static int edit(const char *spec, const char *dst, imgrel_error *err)
{
    IR_AUTO(ir_ref) to = {0};
    IR_AUTO(ir_json_p) j = NULL;
    IR_AUTO(ir_buf) text = IR_BUF(10000);
    char *place = ir_format("oci:%s", support_path(dst));
    *err = (imgrel_error){0};
    for (; *spec; spec++)
        ir_buf_adds(&text, *spec == '$' ? support_dir : (char[]){*spec, 0});
    unit_ok(ir_json_parse(ir_buf_str(&text), text.len, "spec", &j, err), err);
    unit_ok(ir_ref_parse(place, &to, err), err);
    free(place);
    return ir_index_edit(&support_call, j, &to, digest, err);
}

static ir_manifest read_back(const char *layout, const char *tag)
{
    imgrel_error err = {0};
    ir_manifest m = {0};
    ir_store *s = make_store("oci", layout, IR_STORE_READ);
    unit_ok(ir_store_manifest_get(s, &support_call, tag, &m, &err), &err);
    ir_store_free(s);
    return m;
}

/* "amd64 arm64/v8 -": what the index is for; - is no platform. */
static void is_for(const ir_manifest *m, const char *want)
{
    IR_AUTO(ir_buf) b = IR_BUF(1000);
    for (size_t i = 0; i < m->n_layers; i++) {
        const ir_json *p =
            ir_json_get(ir_json_at(ir_json_get(m->json, "manifests"), i), "platform");
        const char *arch = ir_json_str(p, "architecture"), *variant = ir_json_str(p, "variant");
        ir_buf_addf(&b, "%s%s%s%s", i ? " " : "", arch ? arch : "-", variant ? "/" : "",
                    variant ? variant : "");
    }
    ck_assert_str_eq(ir_buf_str(&b), want);
}

/* Images for amd64 and arm64, an index of both with an attestation of amd64's. */
static void begin(ir_desc *ret_index)
{
    support_begin();
    ir_store *s = make_store("oci", "a", IR_STORE_WRITE);
    make_image(s, "amd64", "amd", NULL);
    make_index(s, "multi", ret_index);
    make_close(s);
    s = make_store("oci", "b", IR_STORE_WRITE);
    make_image(s, "arm64", "arm", NULL);
    make_image(s, "s390x", "z", NULL);
    make_close(s);
}

START_TEST(platforms_come_from_configs)
{
    imgrel_error err;
    char first[IR_DIGEST_MAX];
    begin(NULL);
    const char *spec = "{\"create\":true,\"append\":[\"oci:$/a:amd\",\"oci:$/b:arm\"],"
                       "\"annotations\":{\"org.x\":\"y\"},\"tags\":[\"also\"]}";
    unit_ok(edit(spec, "dst:1", &err), &err);
    memcpy(first, digest, sizeof first);
    IR_AUTO(ir_manifest) m = read_back("dst", "also");
    is_for(&m, "amd64 arm64");
    ck_assert_str_eq(m.digest, first);
    ck_assert_str_eq(ir_json_str(ir_json_get(m.json, "annotations"), "org.x"), "y");
    unit_ok(edit(spec, "dst:1", &err), &err);
    ck_assert_str_eq(digest, first);
    unit_ok(edit(spec, "other:1", &err), &err);
    ck_assert_str_eq(digest, first);
    support_call.flags = IMGREL_FLAG_DRY_RUN;
    unit_ok(edit(spec, "dry:1", &err), &err);
    ck_assert_str_eq(digest, first);
    ck_assert_int_ne(access(support_path("dry"), F_OK), 0);
    support_end();
}
END_TEST

START_TEST(an_index_is_changed_where_it_is)
{
    imgrel_error err;
    begin(NULL);
    unit_ok(edit("{\"create\":true,\"append\":[\"oci:$/a:amd\"]}", "dst:1", &err), &err);
    unit_ok(edit("{\"append\":[{\"ref\":\"oci:$/b:arm\",\"platform\":\"linux/arm64\","
                 "\"annotations\":{\"k\":\"v\"}}]}",
                 "dst:1", &err),
            &err);
    unit_ok(
        edit("{\"append\":[\"oci:$/b:z\"],\"remove\":[\"linux/amd64\"],\"entries\":{"
             "\"linux/arm64\":{\"annotations\":{\"l\":\"w\"},\"platform\":\"linux/arm64/v9\"}}}",
             "dst:1", &err),
        &err);
    IR_AUTO(ir_manifest) m = read_back("dst", "1");
    is_for(&m, "arm64/v9 s390x");
    ck_assert_str_eq(ir_json_str(m.layers[0].annotations, "k"), "v");
    ck_assert_str_eq(ir_json_str(m.layers[0].annotations, "l"), "w");
    unit_ok(edit("{\"entries\":{\"linux/arm64/v9\":{\"annotations\":{\"k\":null,\"l\":null}}}}",
                 "dst:1", &err),
            &err);
    ir_manifest_free(&m);
    m = read_back("dst", "1");
    ck_assert_ptr_null(m.layers[0].annotations);
    support_end();
}
END_TEST

START_TEST(attestations_come_and_go_with_their_image)
{
    imgrel_error err;
    begin(NULL);
    unit_ok(edit("{\"create\":true,\"append\":[\"oci:$/a:multi\"]}", "dst:1", &err), &err);
    IR_AUTO(ir_manifest) m = read_back("dst", "1");
    is_for(&m, "amd64 arm64 unknown");
    ir_manifest_free(&m);
    unit_ok(edit("{\"remove\":[\"linux/arm64\"]}", "dst:1", &err), &err);
    m = read_back("dst", "1");
    is_for(&m, "amd64 unknown");
    ir_manifest_free(&m);
    unit_ok(edit("{\"remove\":[\"linux/amd64\"],\"append\":[\"oci:$/b:z\"]}", "dst:1", &err), &err);
    m = read_back("dst", "1");
    is_for(&m, "s390x");
    ir_manifest_free(&m);
    support_call.platform = "linux/arm64";
    unit_ok(edit("{\"append\":[\"oci:$/a:multi\"]}", "dst:1", &err), &err);
    m = read_back("dst", "1");
    is_for(&m, "s390x arm64");
    support_end();
}
END_TEST

START_TEST(an_image_takes_the_place_of_its_platform)
{
    imgrel_error err;
    begin(NULL);
    unit_ok(edit("{\"create\":true,\"append\":[\"oci:$/a:multi\"]}", "dst:1", &err), &err);
    ir_store *s = make_store("oci", "c", IR_STORE_WRITE);
    ir_desc config =
        make_blob(s, IR_MT_OCI_CONFIG, "{\"os\":\"linux\",\"architecture\":\"amd64\"}", 37);
    IR_AUTO(ir_manifest) neu = {0};
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, NULL, 0, NULL, &neu, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &neu, "new", &err), &err);
    make_close(s);
    unit_ok(edit("{\"append\":[\"oci:$/c:new\"]}", "dst:1", &err), &err);
    IR_AUTO(ir_manifest) m = read_back("dst", "1");
    is_for(&m, "amd64 arm64"); /* the old one's attestation went with it */
    ck_assert_str_eq(m.layers[0].digest, neu.digest);
    ck_assert_int_eq(edit("{\"append\":[\"oci:$/c:new\",\"oci:$/a:amd\"]}", "dst:1", &err),
                     IMGREL_ECONFLICT);
    unit_error(&err, IMGREL_ECONFLICT, "are both for linux/amd64");
    ir_desc_free(&config);
    support_end();
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
    static const struct {
        const char *spec, *dst;
        int code;
        const char *word;
    } t[] = {
        {"{\"append\":[\"oci:$/b:arm\"]}", "none:1", IMGREL_ENOTFOUND, "index create"},
        {"{\"append\":[\"oci:$/b:arm\"]}", "a:amd", IMGREL_EINVAL, "not an index"},
        {"{\"create\":true}", "d:1", IMGREL_EINVAL, "append"},
        {"{\"what\":1}", "d:1", IMGREL_EINVAL, "what"},
        {"{\"create\":true,\"append\":[7]}", "d:1", IMGREL_EINVAL, "ref"},
        {"{\"create\":true,\"append\":[\"oci:$/b:arm\"]}", "d", IMGREL_EINVAL, "tag"},
        {"{\"create\":true,\"append\":[\"oci:$/b:nope\"]}", "d:1", IMGREL_ENOTFOUND, "nope"},
        {"{\"create\":true,\"append\":[{\"ref\":\"oci:$/b:arm\",\"platform\":\"linux/amd64\"}]}",
         "d:1", IMGREL_EINVAL, "its config says linux/arm64"},
        {"{\"remove\":[\"linux/ppc64le\"]}", "a:multi", IMGREL_ENOTFOUND, "linux/ppc64le"},
        {"{\"remove\":[\"nonsense\"]}", "a:multi", IMGREL_EINVAL, "nonsense"},
        {"{\"entries\":{\"linux/amd64\":{\"platform\":\"linux/386\"}}}", "a:multi", IMGREL_EINVAL,
         "linux/386"},
        {"{\"annotations\":{\"a\":1}}", "a:multi", IMGREL_EINVAL, "not a text"},
        {"{\"create\":true,\"append\":[\"oci:$/b:arm\"],\"format\":\"docker\"}", "d:1",
         IMGREL_EUNSUPPORTED, "--format docker"},
        {"{\"create\":true,\"append\":[\"oci:$/b:arm\"],\"format\":\"odd\"}", "d:1", IMGREL_EINVAL,
         "odd"},
        {"{\"tags\":[\"no tag\"]}", "a:multi", IMGREL_EINVAL, "tag"},
    };
    imgrel_error err;
    begin(NULL);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ck_assert_int_eq(edit(t[i].spec, t[i].dst, &err), t[i].code);
        unit_error(&err, t[i].code, t[i].word);
    }
    support_end();
}
END_TEST

START_TEST(an_index_in_an_index_is_refused)
{
    imgrel_error err;
    ir_desc index = {0};
    begin(&index);
    ir_store *s = make_store("oci", "a", IR_STORE_WRITE);
    IR_AUTO(ir_manifest) outer = {0};
    unit_ok(ir_index_write(IR_MT_OCI_INDEX, &index, 1, NULL, &outer, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &outer, "outer", &err), &err);
    make_close(s);
    ck_assert_int_eq(edit("{\"create\":true,\"append\":[\"oci:$/a:outer\"]}", "d:1", &err),
                     IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "indexes in indexes");
    ir_desc_free(&index);
    support_end();
}
END_TEST

/* An index that names nothing but another index, without a platform. */
START_TEST(an_image_is_found_in_an_index_of_an_index)
{
    imgrel_error err = {0};
    ir_desc index = {0};
    ir_platform want;
    begin(&index);
    ir_store *s = make_store("oci", "a", IR_STORE_WRITE);
    IR_AUTO(ir_manifest) outer = {0};
    IR_AUTO(ir_manifest) m = {0};
    unit_ok(ir_index_write(IR_MT_OCI_INDEX, &index, 1, NULL, &outer, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &outer, "outer", &err), &err);
    make_close(s);
    s = make_store("oci", "a", IR_STORE_READ);
    unit_ok(ir_platform_parse("linux/arm64", &want, &err), &err);
    unit_ok(ir_store_image_get(s, &support_call, "outer", &want, &m, &err), &err);
    ck_assert(!m.is_index);
    ir_manifest_free(&m);
    unit_ok(ir_platform_parse("linux/s390x", &want, &err), &err);
    ck_assert_int_eq(ir_store_image_get(s, &support_call, "outer", &want, &m, &err),
                     IMGREL_ENOTFOUND);
    ir_store_free(s);
    /* And is a base. */
    IR_AUTO(ir_ref) to = {0};
    IR_AUTO(ir_json_p) j = NULL;
    ir_assembled based = {0};
    char *spec = ir_format("{\"base\":\"oci:%s/a:outer\",\"platforms\":[\"linux/arm64\"]}",
                           support_dir);
    char *dst = ir_format("oci:%s", support_path("based:1"));
    err = (imgrel_error){0};
    unit_ok(ir_json_parse(spec, strlen(spec), "spec", &j, &err), &err);
    unit_ok(ir_ref_parse(dst, &to, &err), &err);
    const ir_assemble a = {.spec = j, .dst = &to, .write_tags = true};
    unit_ok(ir_image_assemble(&support_call, &a, &based, &err), &err);
    ck_assert_uint_eq(based.top.n_layers, 2);
    ir_assembled_free(&based);
    free(spec);
    free(dst);
    ir_desc_free(&index);
    support_end();
}
END_TEST

UNIT_SUITE(index, platforms_come_from_configs, an_index_is_changed_where_it_is,
           attestations_come_and_go_with_their_image, an_image_takes_the_place_of_its_platform,
           what_is_wrong_is_refused, an_index_in_an_index_is_refused,
           an_image_is_found_in_an_index_of_an_index)
