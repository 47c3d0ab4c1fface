/* check_edit.c - images changed: each change alone, in place and into another layout, of one
 * platform and of all; what is not said stays as it is to the byte. */
#include "support.h"

#include "base/str.h"
#include "oci/image_plan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define BOTH "'platforms': ['linux/amd64', 'linux/arm64']"
#define BASE                                                                     \
    "{" BOTH ", 'layers': [{'from': '$D/base', 'to': '/'}, {'from': '$D/more', " \
    "'to': '/'}], 'config': {'env': {'PATH': '/bin', 'A': '1'}, 'cmd': ['sh'], " \
    "'labels': {'a': 'base'}, 'user': 'www'}, 'annotations': {'k': 'v'}}"

static void ref_of(const char *name, ir_ref *ret)
{
    imgrel_error err = {0};
    char *text = ir_format("oci:%s", support_path(name));
    unit_ok(ir_ref_parse(text, ret, &err), &err);
    free(text);
}

static void assembled(const char *name, const char *spec)
{
    imgrel_error err = {0};
    IR_AUTO(ir_ref) ref = {0};
    ir_assembled result = {0};
    IR_AUTO(ir_json_p) json = support_json(spec);
    ref_of(name, &ref);
    const ir_assemble a = {.spec = json, .dst = &ref, .write_tags = true};
    unit_ok(ir_image_assemble(&support_call, &a, &result, &err), &err);
    ir_assembled_free(&result);
}

static int edit(const char *src, const char *spec, const char *dst, ir_manifest *ret,
                imgrel_error *err)
{
    IR_AUTO(ir_ref) from = {0};
    IR_AUTO(ir_ref) to = {0};
    IR_AUTO(ir_json_p) json = support_json(spec);
    ref_of(src, &from);
    ref_of(dst, &to);
    return ir_image_edit(&support_call, json, &from, &to, ret, err);
}

static void edited(const char *src, const char *spec, const char *dst, ir_manifest *ret)
{
    imgrel_error err = {0};
    unit_ok(edit(src, spec, dst, ret, &err), &err);
}

static void begin(void)
{
    support_begin();
    support_file("base/etc/conf", "common", 0644);
    support_file("base/etc/old", "old", 0644);
    support_file("more/etc/conf", "newer", 0644);
    support_file("app/bin/app", "the app", 0755);
    assembled("l:1", BASE);
}

/* The manifest and config of linux/amd64. */
typedef struct image {
    ir_store *store;
    ir_manifest top, m;
    ir_json *config;
} image;

static void image_open(const char *name, image *ret)
{
    imgrel_error err = {0};
    IR_AUTO(ir_ref) ref = {0};
    ir_platform want;
    *ret = (image){0};
    ref_of(name, &ref);
    unit_ok(ir_platform_parse("linux/amd64", &want, &err), &err);
    unit_ok(ir_store_open(&support_call, &ref, IR_STORE_READ, &ret->store, &err), &err);
    unit_ok(ir_store_manifest_get(ret->store, &support_call, NULL, &ret->top, &err), &err);
    unit_ok(ir_store_image_get(ret->store, &support_call, NULL, &want, &ret->m, &err), &err);
    unit_ok(ir_image_config_read(&support_call, ret->store, &ret->m, &ret->config, &err), &err);
}

static void image_close(image *i)
{
    ir_store_free(i->store);
    ir_manifest_free(&i->top);
    ir_manifest_free(&i->m);
    ir_json_free(i->config);
}

static void config_is(const image *i, const char *wanted)
{
    IR_AUTO(ir_json_p) want = support_json(wanted);
    char *is = ir_json_string(ir_json_get(i->config, "config"), IR_JSON_SORTED);
    ck_assert_msg(ir_json_equal(ir_json_get(i->config, "config"), want), "%s", is);
    free(is);
}

START_TEST(nothing_said_nothing_changed)
{
    IR_AUTO(ir_manifest) m = {0};
    image a, b;
    begin();
    edited("l:1", "{}", "other:1", &m);
    image_open("l:1", &a);
    image_open("other:1", &b);
    ck_assert_str_eq(a.top.digest, b.top.digest);
    ck_assert_str_eq(a.m.digest, b.m.digest);
    image_close(&a);
    image_close(&b);
    support_end();
}
END_TEST

START_TEST(a_config_is_changed)
{
    IR_AUTO(ir_manifest) m = {0};
    image a, b;
    begin();
    edited("l:1",
           "{'config': {'env': {'A': null, 'B': '2'}, 'cmd': null, 'entrypoint': ['/bin/app'],"
           " 'labels': {'a': null, 'b': 'c'}, 'exposed': [80, '53/udp'], 'volumes': ['/data'],"
           " 'user': null, 'workdir': '/srv', 'stop_signal': 'SIGINT'}, 'annotations': {'k': null,"
           " 'x': 'y'}, 'created': '2020-02-02T00:00:00Z', 'tags': ['again']}",
           "l:2", &m);
    image_open("l:1", &a);
    image_open("l:2", &b);
    config_is(&b, "{'Env': ['PATH=/bin', 'B=2'], 'Labels': {'b': 'c'}, 'Entrypoint': ['/bin/app'],"
                  " 'ExposedPorts': {'80/tcp': {}, '53/udp': {}}, 'Volumes': {'/data': {}},"
                  " 'WorkingDir': '/srv', 'StopSignal': 'SIGINT'}");
    ck_assert_str_eq(ir_json_str(b.config, "created"), "2020-02-02T00:00:00Z");
    ck_assert_uint_eq(b.m.n_layers, 2);
    ck_assert_str_eq(a.m.layers[0].digest, b.m.layers[0].digest);
    ck_assert_uint_eq(ir_json_len(ir_json_get(b.m.json, "annotations")), 1);
    ck_assert_str_eq(ir_json_str(ir_json_get(b.top.json, "annotations"), "x"), "y");
    ck_assert_uint_eq(b.top.n_layers, 2);
    image_close(&a);
    image_open("l:again", &a);
    ck_assert_str_eq(a.top.digest, b.top.digest);
    image_close(&a);
    image_close(&b);
    support_end();
}
END_TEST

START_TEST(layers_go_on_top)
{
    IR_AUTO(ir_manifest) m = {0}, again = {0};
    image b;
    begin();
    static const char spec[] = "{'layers': [{'from': '$D/app', 'to': '/opt'}]}";
    edited("l:1", spec, "o:1", &m);
    edited("l:1", spec, "p:1", &again);
    ck_assert_str_eq(m.digest, again.digest);
    image_open("o:1", &b);
    ck_assert_uint_eq(b.m.n_layers, 3);
    ck_assert_uint_eq(ir_image_diff_ids(b.config), 3);
    ck_assert(ir_image_history_fits(b.config));
    image_close(&b);
    /* in place, one platform only */
    support_call.platform = "linux/amd64";
    ir_manifest_free(&m);
    edited("o:1", spec, "o:1", &m);
    support_call.platform = NULL;
    ck_assert(!m.is_index);
    ck_assert_uint_eq(m.n_layers, 4);
    support_end();
}
END_TEST

START_TEST(standard_input_is_a_layer)
{
    IR_AUTO(ir_manifest) m = {0};
    image b;
    made tar;
    imgrel_error err = {0};
    char digest[IR_DIGEST_MAX];
    begin();
    made_begin(&tar);
    made_add(&tar, 'f', "piped", "in", 0644);
    made_end(&tar);
    unit_ok(ir_file_write(support_path("in.tar"), 0644, tar.b.p, tar.b.len, &err), &err);
    unit_ok(ir_hash_bytes(tar.b.p, tar.b.len, digest, &err), &err);
    int fd = open(support_path("in.tar"), O_RDONLY);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    edited("l:1", "{'layers': [{'from': '-', 'to': '/'}]}", "l:2", &m);
    image_open("l:2", &b);
    ck_assert_str_eq(ir_image_diff_id(b.config, 2), digest);
    image_close(&b);
    ir_buf_free(&tar.b);
    support_end();
}
END_TEST

START_TEST(all_layers_become_one)
{
    IR_AUTO(ir_manifest) m = {0};
    image b;
    begin();
    edited("l:1", "{'flatten': true, 'layers': [{'from': '$D/app', 'to': '/'}]}", "l:2", &m);
    image_open("l:2", &b);
    ck_assert_uint_eq(b.m.n_layers, 2); /* the one, and what goes on top of it */
    ck_assert(ir_image_history_fits(b.config));
    ck_assert_str_eq(ir_json_str(ir_json_at(ir_json_get(b.config, "history"), 0), "created_by"),
                     "imgrel: flatten");
    image_close(&b);
    support_end();
}
END_TEST

START_TEST(diff_ids_outlive_compression)
{
    static const char *const ways[] = {"zstd", "none", "gzip"};
    static const char *const types[] = {IR_MT_OCI_LAYER_ZSTD, IR_MT_OCI_LAYER,
                                        IR_MT_OCI_LAYER_GZIP};
    image a, b;
    begin();
    image_open("l:1", &a);
    for (size_t i = 0; i < 3; i++) {
        IR_AUTO(ir_manifest) m = {0};
        char *spec = ir_format("{'compression': '%s'}", ways[i]);
        edited("l:1", spec, "l:1", &m);
        free(spec);
        image_open("l:1", &b);
        ck_assert_str_eq(b.m.layers[1].media_type, types[i]);
        ck_assert_str_eq(ir_image_diff_id(a.config, 1), ir_image_diff_id(b.config, 1));
        ck_assert_str_eq(a.m.config.digest, b.m.config.digest);
        if (i == 2) /* the same codec, the same bytes */
            ck_assert_str_eq(a.top.digest, b.top.digest);
        image_close(&b);
    }
    image_close(&a);
    support_end();
}
END_TEST

START_TEST(a_diff_id_that_lies)
{
    IR_AUTO(ir_manifest) m = {0};
    imgrel_error err = {0};
    IR_AUTO(ir_ref) ref = {0};
    ir_store *s = NULL;
    image a;
    begin();
    image_open("l:1", &a);
    ref_of("l:bad", &ref);
    unit_ok(ir_store_open(&support_call, &ref, IR_STORE_READ | IR_STORE_WRITE, &s, &err), &err);
    ir_desc swapped[2] = {{0}};
    ck_assert_int_eq(ir_desc_copy(&a.m.layers[1], &swapped[0]), 0);
    ck_assert_int_eq(ir_desc_copy(&a.m.layers[0], &swapped[1]), 0);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &a.m.config, swapped, 2, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, "bad", &err), &err);
    unit_ok(ir_store_finish(s, &support_call, &err), &err);
    ir_store_free(s);
    ir_manifest_free(&m);
    ir_desc_free(&swapped[0]);
    ir_desc_free(&swapped[1]);
    ck_assert_int_eq(edit("l:bad", "{'compression': 'none'}", "l:x", &m, &err), IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, "the config says");
    image_close(&a);
    support_end();
}
END_TEST

START_TEST(an_image_moves_to_a_new_base)
{
    IR_AUTO(ir_manifest) m = {0};
    imgrel_error err = {0};
    image a, b;
    begin();
    support_file("fixed/etc/conf", "fixed", 0644);
    edited("l:1", "{'layers': [{'from': '$D/app', 'to': '/'}]}", "l:app", &m);
    ir_manifest_free(&m);
    assembled("l:2", "{" BOTH ", 'layers': [{'from': '$D/fixed', 'to': '/'}]}");
    edited("l:app", "{'rebase': {'old_base': 'oci:$D/l:1', 'new_base': 'oci:$D/l:2'}}", "l:moved",
           &m);
    image_open("l:2", &a);
    image_open("l:moved", &b);
    ck_assert_uint_eq(b.m.n_layers, 2);
    ck_assert_str_eq(b.m.layers[0].digest, a.m.layers[0].digest);
    ck_assert(ir_image_history_fits(b.config));
    config_is(&b, "{'Env': ['PATH=/bin', 'A=1'], 'Cmd': ['sh'], 'Labels': {'a': 'base'},"
                  " 'User': 'www'}");
    image_close(&a);
    image_close(&b);
    ir_manifest_free(&m);
    int rc = edit("l:app", "{'rebase': {'old_base': 'oci:$D/l:2', 'new_base': 'oci:$D/l:1'}}",
                  "l:x", &m, &err);
    unit_error(&err, rc, "does not stand on");
    ck_assert_int_eq(rc, IMGREL_ECONFLICT);
    err = (imgrel_error){0};
    ck_assert_int_eq(edit("l:app", "{'rebase': {}}", "l:x", &m, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "name its new base");
    support_end();
}
END_TEST

START_TEST(dockers_format_and_back)
{
    IR_AUTO(ir_manifest) m = {0}, back = {0};
    imgrel_error err = {0};
    image a, b;
    begin();
    edited("l:1", "{'annotations': {'k': null}}", "l:plain", &m);
    ir_manifest_free(&m);
    edited("l:plain", "{'format': 'docker', 'layers': [{'from': '$D/app', 'to': '/'}]}", "l:d", &m);
    ck_assert_str_eq(m.media_type, IR_MT_DOCKER_LIST);
    image_open("l:d", &a);
    ck_assert_str_eq(a.m.media_type, IR_MT_DOCKER_MANIFEST);
    ck_assert_str_eq(a.m.config.media_type, IR_MT_DOCKER_CONFIG);
    ck_assert_str_eq(a.m.layers[2].media_type, IR_MT_DOCKER_LAYER_GZIP);
    edited("l:d", "{'format': 'oci'}", "l:o", &back);
    image_open("l:o", &b);
    ck_assert_str_eq(b.m.media_type, IR_MT_OCI_MANIFEST);
    ck_assert_str_eq(b.m.layers[0].media_type, IR_MT_OCI_LAYER_GZIP);
    ck_assert_str_eq(b.m.config.digest, a.m.config.digest);
    image_close(&a);
    image_close(&b);
    ir_manifest_free(&back);
    ck_assert_int_eq(edit("l:d", "{'annotations': {'a': 'b'}}", "l:x", &back, &err),
                     IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "format oci");
    support_end();
}
END_TEST

/* An index as buildkit makes it: an image, and what attests it. */
static void attested(const char *name)
{
    imgrel_error err = {0};
    IR_AUTO(ir_ref) ref = {0};
    IR_AUTO(ir_manifest) a = {0}, index = {0};
    image i;
    ir_store *s = NULL;
    image_open("l:1", &i);
    ref_of(name, &ref);
    unit_ok(ir_store_open(&support_call, &ref, IR_STORE_READ | IR_STORE_WRITE, &s, &err), &err);
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &i.m.config, i.m.layers, 1, NULL, &a, &err),
            &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &a, NULL, &err), &err);
    ir_desc v[2] = {{0}};
    ck_assert_int_eq(ir_desc_set(&v[0], i.m.media_type, i.m.digest, (int64_t)i.m.len), 0);
    ck_assert_int_eq(ir_desc_set(&v[1], a.media_type, a.digest, (int64_t)a.len), 0);
    v[0].has_platform = v[1].has_platform = true;
    ir_platform_set(&v[0].platform, "linux", "amd64", NULL, NULL);
    ir_platform_set(&v[1].platform, "unknown", "unknown", NULL, NULL);
    v[1].annotations =
        ir_json_pack("{s:s, s:s}", "vnd.docker.reference.type", "attestation-manifest",
                     "vnd.docker.reference.digest", i.m.digest);
    unit_ok(ir_index_write(IR_MT_OCI_INDEX, v, 2, NULL, &index, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &index, ref.tag, &err), &err);
    unit_ok(ir_store_finish(s, &support_call, &err), &err);
    ir_desc_free(&v[0]);
    ir_desc_free(&v[1]);
    ir_store_free(s);
    image_close(&i);
}

START_TEST(an_attestation_goes_with_what_it_attests)
{
    IR_AUTO(ir_manifest) kept = {0}, changed = {0};
    begin();
    attested("l:with");
    edited("l:with", "{}", "o:1", &kept);
    ck_assert_uint_eq(kept.n_layers, 2);
    edited("l:with", "{'config': {'user': 'other'}}", "o:2", &changed);
    ck_assert_uint_eq(changed.n_layers, 1);
    ck_assert_str_eq(changed.layers[0].platform.arch, "amd64");
    support_end();
}
END_TEST

START_TEST(a_dry_run_writes_nothing)
{
    IR_AUTO(ir_manifest) m = {0};
    begin();
    support_call.flags = IMGREL_FLAG_DRY_RUN;
    edited("l:1", "{'flatten': true}", "none:1", &m);
    ck_assert_ptr_null(m.bytes);
    ck_assert_int_ne(access(support_path("none"), F_OK), 0);
    support_end();
}
END_TEST

START_TEST(specs_that_will_not_do)
{
    static const struct {
        const char *spec, *word;
        int code;
    } bad[] = {
        {"{'base': 'x'}", "unknown member \"base\"", IMGREL_EINVAL},
        {"{'compression': 'xz'}", "none, gzip or zstd", IMGREL_EINVAL},
        {"{'level': 3}", "without compression", IMGREL_EINVAL},
        {"{'compression': 'gzip', 'level': 17}", "gzip has 1 to 9", IMGREL_EINVAL},
        {"{'format': 'deb'}", "oci or docker", IMGREL_EINVAL},
        {"{'created': 'today'}", "RFC 3339", IMGREL_EINVAL},
        {"{'config': {'volumes': ['data']}}", "not absolute", IMGREL_EINVAL},
        {"{'config': {'env': {'A': 1}}}", "not a string", IMGREL_EINVAL},
        {"{'config': {'color': 'red'}}", "unknown member \"color\"", IMGREL_EINVAL},
        {"{'rebase': {'base': 'x'}}", "unknown member \"base\"", IMGREL_EINVAL},
        {"{'layers': [{'from': '-', 'to': '/x'}]}", "goes to \"/\"", IMGREL_EINVAL},
        {"{'layers': [{'from': '-', 'to': '/'}, {'from': '-', 'to': '/'}]}", "two layers",
         IMGREL_EINVAL},
        {"{'layers': [{'from': '$D/none', 'to': '/'}]}", "none", IMGREL_ENOTFOUND},
        {"{'format': 'docker', 'annotations': {'a': 'b'}}", "annotations", IMGREL_EUNSUPPORTED},
    };
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        IR_AUTO(ir_manifest) m = {0};
        imgrel_error err = {0};
        int rc = edit("l:1", bad[i].spec, "l:x", &m, &err);
        ck_assert_msg(rc == bad[i].code, "%s: %d: %s", bad[i].spec, rc, err.message);
        unit_error(&err, bad[i].code, bad[i].word);
    }
    support_end();
}
END_TEST

UNIT_SUITE(edit, nothing_said_nothing_changed, a_config_is_changed, layers_go_on_top,
           standard_input_is_a_layer, all_layers_become_one, diff_ids_outlive_compression,
           a_diff_id_that_lies, an_image_moves_to_a_new_base, dockers_format_and_back,
           an_attestation_goes_with_what_it_attests, a_dry_run_writes_nothing,
           specs_that_will_not_do)
