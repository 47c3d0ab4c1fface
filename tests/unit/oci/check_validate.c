/* check_validate.c - images that are not what their documents say: each lie is found, named, and
 * does not keep the others from being found. */
#include "oci/make.h"

#include "base/str.h"
#include "oci/image_validate.h"

#include <stdlib.h>
#include <unistd.h>

/* An image of one plain layer (an empty tar), whose parts the caller may spoil. */
typedef struct lie {
    const char *config;     /* %s: the layer's digest */
    const char *layer_type; /* NULL: plain */
    const char *notes;      /* annotations of the manifest */
    const char *word;       /* what the finding says */
    int code;
} lie;

#define GOOD                                                                        \
    "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\"," \
    "\"diff_ids\":[\"%s\"]},\"history\":[{\"created_by\":\"x\"},{\"empty_layer\":true}]}"

static void put(ir_store *s, const lie *l, const char *tag, ir_desc *ret_layer)
{
    static const char zeros[1024];
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    IR_AUTO(ir_json_p) notes = NULL;
    IR_AUTO(ir_buf) text = IR_BUF(10000);
    const char *config = l->config ? l->config : GOOD, *at = strstr(config, "%s");
    ir_desc layer = make_blob(s, l->layer_type ? l->layer_type : IR_MT_OCI_LAYER, zeros, 1024);
    ir_buf_add(&text, config, at ? (size_t)(at - config) : strlen(config));
    if (at)
        ir_buf_addf(&text, "%s%s", layer.digest, at + 2);
    ir_desc c = make_blob(s, IR_MT_OCI_CONFIG, text.p, text.len);
    if (l->notes)
        unit_ok(ir_json_parse(l->notes, strlen(l->notes), "notes", &notes, &err), &err);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &c, &layer, 1, notes, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &err), &err);
    ir_desc_free(&c);
    if (ret_layer)
        *ret_layer = layer;
    else
        ir_desc_free(&layer);
}

static int validate(const char *name, bool fast, ir_json **ret, imgrel_error *err)
{
    ir_store *s = make_store("oci", name, IR_STORE_READ);
    int rc = ir_image_validate(&support_call, s, fast, ret, err);
    ir_store_free(s);
    return rc;
}

static void finding(const ir_json *report, const char *level, const char *word)
{
    char *text = ir_json_string(report, IR_JSON_COMPACT);
    const ir_json *list = ir_json_get(report, "findings");
    bool found = false;
    for (size_t i = 0; i < ir_json_len(list); i++)
        found = found || (ir_streq(ir_json_str(ir_json_at(list, i), "level"), level) &&
                          strstr(ir_json_str(ir_json_at(list, i), "message"), word));
    ck_assert_msg(found, "no %s \"%s\" in %s", level, word, text);
    free(text);
}

START_TEST(a_good_image_has_no_findings)
{
    support_begin();
    imgrel_error err = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    put(s, &(lie){0}, "1", NULL);
    make_close(s);
    for (int fast = 0; fast < 2; fast++) {
        IR_AUTO(ir_json_p) report = NULL;
        unit_ok(validate("l:1", fast, &report, &err), &err);
        ck_assert(ir_json_bool(report, "ok", false));
        ck_assert_uint_eq(ir_json_len(ir_json_get(report, "findings")), 0);
        ck_assert_str_eq(ir_json_str(ir_json_at(ir_json_get(report, "images"), 0), "platform"),
                         "linux/amd64");
        ck_assert_int_eq(ir_json_int(report, "blobs", 0), 1);
    }
    support_end();
}
END_TEST

START_TEST(lies_are_found)
{
    static const char nothing[] =
        "sha256:"
        "0000000000000000000000000000000000000000000000000000000000000000";
    char *other = ir_format("{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":"
                            "\"layers\",\"diff_ids\":[\"%s\"]}}",
                            nothing);
    const lie lies[] = {
        {.config = other, .word = "the config says", .code = IMGREL_EDIGEST},
        {.layer_type = IR_MT_OCI_LAYER_GZIP, .word = "compressed by none", .code = IMGREL_EINVAL},
        {.config = "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[]}}",
         .word = "names 0 layers, its manifest 1",
         .code = IMGREL_EINVAL},
        {.config = "{\"rootfs\":{\"diff_ids\":[\"%s\"]}}", .word = "no os", .code = IMGREL_EINVAL},
        {.config =
             "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[\"%s\"]},"
             "\"history\":[{},{}]}",
         .word = "history",
         .code = IMGREL_EINVAL},
        {.config = "[]", .word = "no object", .code = IMGREL_EPROTO},
        {.notes = "{\"a\":1}", .word = "not a text", .code = IMGREL_EINVAL},
    };
    support_begin();
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        IR_AUTO(ir_json_p) report = NULL;
        imgrel_error err = {0};
        ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
        put(s, &lies[i], "1", NULL);
        make_close(s);
        int rc = validate("l:1", false, &report, &err);
        ck_assert_msg(rc == lies[i].code, "%s: %d: %s", lies[i].word, rc, err.message);
        unit_error(&err, lies[i].code, lies[i].word);
        finding(report, "error", lies[i].word);
        ck_assert(!ir_json_bool(report, "ok", true));
    }
    free(other);
    support_end();
}
END_TEST

START_TEST(damage_is_found)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_json_p) report = NULL;
    IR_AUTO(ir_desc) layer = {0};
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    put(s, &(lie){0}, "1", &layer);
    make_close(s);
    make_damage("l", layer.digest);
    ck_assert_int_eq(validate("l:1", false, &report, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, layer.digest);
    char *path = ir_format("l/blobs/sha256/%s", ir_digest_hex(layer.digest));
    ck_assert_int_eq(unlink(support_path(path)), 0);
    ir_json_free(report);
    err = (imgrel_error){0};
    ck_assert_int_eq(validate("l:1", true, &report, &err), IMGREL_ENOTFOUND);
    finding(report, "error", "not there");
    free(path);
    support_end();
}
END_TEST

START_TEST(an_index_and_its_entries)
{
    support_begin();
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0}, index = {0};
    IR_AUTO(ir_json_p) report = NULL;
    ir_desc v[2] = {{0}};
    ir_store *s = make_store("oci", "l", IR_STORE_READ | IR_STORE_WRITE);
    put(s, &(lie){0}, "1", NULL);
    unit_ok(ir_store_manifest_get(s, &support_call, "1", &m, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(ir_desc_set(&v[i], m.media_type, m.digest, (int64_t)m.len), 0);
        v[i].has_platform = true;
        ir_platform_set(&v[i].platform, "linux", "arm64", NULL, NULL);
    }
    unit_ok(ir_index_write(IR_MT_OCI_INDEX, v, 2, NULL, &index, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &index, "i", &err), &err);
    make_close(s);
    ck_assert_int_eq(validate("l:i", false, &report, &err), IMGREL_EINVAL);
    finding(report, "error", "its index says linux/arm64");
    finding(report, "warning", "twice");
    ir_desc_free(&v[0]);
    ir_desc_free(&v[1]);
    support_end();
}
END_TEST

START_TEST(what_is_not_there_has_no_report)
{
    support_begin();
    imgrel_error err = {0};
    ir_json *report = NULL;
    ir_store *s = make_store("oci", "l", IR_STORE_WRITE);
    put(s, &(lie){0}, "1", NULL);
    make_close(s);
    ck_assert_int_eq(validate("l:none", false, &report, &err), IMGREL_ENOTFOUND);
    ck_assert_ptr_null(report);
    support_end();
}
END_TEST

UNIT_SUITE(validate, a_good_image_has_no_findings, lies_are_found, damage_is_found,
           an_index_and_its_entries, what_is_not_there_has_no_report)
