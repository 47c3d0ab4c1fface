/* check_artifact.c - files as artifacts and back: what the manifest says, and names that try to get
 * out of the folder. */
#include "oci/make.h"

#include "base/limits.h"
#include "base/str.h"
#include "oci/artifact.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char digest[IR_DIGEST_MAX];

static void parse_place(const char *name, ir_ref *ret)
{
    imgrel_error err = {0};
    char *place = ir_format("oci:%s", support_path(name));
    unit_ok(ir_ref_parse(place, ret, &err), &err);
    free(place);
}

/* spec holds $ for the test's folder. */
static int put(const char *spec, const char *dst, imgrel_error *err)
{
    IR_AUTO(ir_ref) to = {0};
    IR_AUTO(ir_json_p) j = NULL;
    IR_AUTO(ir_buf) text = IR_BUF(10000);
    *err = (imgrel_error){0};
    for (; *spec; spec++)
        ir_buf_adds(&text, *spec == '$' ? support_dir : (char[]){*spec, 0});
    unit_ok(ir_json_parse(ir_buf_str(&text), text.len, "spec", &j, err), err);
    parse_place(dst, &to);
    return ir_artifact_put(&support_call, j, &to, false, digest, err);
}

static int get(const char *from, const char *dir, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_ref) ref = {0};
    *err = (imgrel_error){0};
    parse_place(from, &ref);
    return ir_artifact_get(&support_call, &ref, support_path(dir), ret, err);
}

static void file_is(const char *name, const char *want)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) b = IR_BUF(IR_MIB);
    unit_ok(ir_file_read(support_path(name), &b, &err), &err);
    ck_assert_str_eq(ir_buf_str(&b), want);
}

static void begin(void)
{
    support_begin();
    support_file("in/a.txt", "some text", 0644);
    support_file("in/b.json", "{}", 0600);
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

#define TWO "\"files\":[{\"path\":\"$/in/a.txt\",\"media_type\":\"text/plain\"},\"$/in/b.json\"]"

START_TEST(files_go_and_come_back)
{
    imgrel_error err;
    IR_AUTO(ir_json_p) j = NULL;
    char first[IR_DIGEST_MAX];
    begin();
    unit_ok(put("{" TWO
                ",\"artifact_type\":\"a/t\",\"annotations\":{\"k\":\"v\"},\"tags\":[\"2\"]}",
                "dst:1", &err),
            &err);
    memcpy(first, digest, sizeof first);
    IR_AUTO(ir_manifest) m = read_back("dst", "2");
    ck_assert_str_eq(m.digest, first);
    ck_assert_str_eq(m.artifact_type, "a/t");
    ck_assert_str_eq(m.config.media_type, IR_MT_OCI_EMPTY);
    ck_assert_str_eq(m.config.data, "{}");
    ck_assert_uint_eq(m.n_layers, 2);
    ck_assert_str_eq(m.layers[0].media_type, "text/plain");
    ck_assert_str_eq(m.layers[1].media_type, "application/octet-stream");
    ck_assert_str_eq(ir_json_str(m.layers[1].annotations, "org.opencontainers.image.title"),
                     "b.json");
    ck_assert_str_eq(ir_json_str(ir_json_get(m.json, "annotations"), "k"), "v");
    unit_ok(
        put("{" TWO ",\"artifact_type\":\"a/t\",\"annotations\":{\"k\":\"v\"}}", "other:1", &err),
        &err);
    ck_assert_str_eq(digest, first);
    unit_ok(get("dst:1", "out/here", &j, &err), &err);
    file_is("out/here/a.txt", "some text");
    file_is("out/here/b.json", "{}");
    ck_assert_str_eq(ir_json_str(j, "artifactType"), "a/t");
    ck_assert_str_eq(ir_json_str(ir_json_at(ir_json_get(j, "files"), 0), "name"), "a.txt");
    ck_assert_int_eq(make_count("out/here", ".tmp"), 0);
    support_end();
}
END_TEST

START_TEST(an_artifact_may_refer_and_be_nothing_else)
{
    imgrel_error err;
    ir_desc image = {0};
    IR_AUTO(ir_json_p) j = NULL;
    begin();
    ir_store *s = make_store("oci", "dst", IR_STORE_WRITE);
    make_image(s, "amd64", "app", &image);
    make_close(s);
    unit_ok(put("{\"subject\":\"app\",\"artifact_type\":\"a/sig\"}", "dst:sig", &err), &err);
    IR_AUTO(ir_manifest) m = read_back("dst", "sig");
    ck_assert_str_eq(m.subject.digest, image.digest);
    ck_assert_str_eq(m.subject.media_type, image.media_type);
    ck_assert_int_eq(m.subject.size, image.size);
    ck_assert_uint_eq(m.n_layers, 1); /* the empty one, for there must be one */
    unit_ok(get("dst:sig", "out", &j, &err), &err);
    ck_assert_uint_eq(ir_json_len(ir_json_get(j, "files")), 0);
    ck_assert_int_eq(put("{\"subject\":\"none\"}", "dst:x", &err), IMGREL_ENOTFOUND);
    ck_assert_int_eq(put("{\"subject\":\"elsewhere.test/a/b:1\"}", "dst:x", &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "same repository");
    ir_desc_free(&image);
    support_end();
}
END_TEST

START_TEST(a_config_may_be_a_file)
{
    imgrel_error err;
    begin();
    unit_ok(put("{\"files\":[\"$/in/a.txt\"],\"config\":{\"path\":\"$/in/b.json\",\"media_type\":"
                "\"application/vnd.cncf.helm.config.v1+json\"}}",
                "dst:1", &err),
            &err);
    IR_AUTO(ir_manifest) m = read_back("dst", "1");
    ck_assert_str_eq(m.config.media_type, "application/vnd.cncf.helm.config.v1+json");
    ck_assert_ptr_null(m.artifact_type);
    ck_assert_ptr_null(m.config.annotations);
    ck_assert_uint_eq(m.n_layers, 1);
    support_end();
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
    static const struct {
        const char *spec;
        int code;
        const char *word;
    } t[] = {
        {"{\"files\":[\"$/in/none\"]}", IMGREL_ENOTFOUND, "none"},
        {"{\"files\":[\"$/in\"]}", IMGREL_EUNSUPPORTED, "tar"},
        {"{\"files\":[{\"path\":\"$/in/a.txt\",\"title\":\"../x\"}]}", IMGREL_EINVAL, "../x"},
        {"{\"files\":[{\"path\":\"$/in/a.txt\",\"title\":\"..\"}]}", IMGREL_EINVAL, "title"},
        {"{\"files\":[3]}", IMGREL_EINVAL, "path"},
        {"{\"config\":{\"path\":\"$/in/a.txt\"}}", IMGREL_EINVAL, "media_type"},
        {"{\"annotations\":{\"a\":1}}", IMGREL_EINVAL, "not a text"},
        {"{\"tags\":[\"no tag\"]}", IMGREL_EINVAL, "tag"},
        {"{\"other\":1}", IMGREL_EINVAL, "other"},
    };
    imgrel_error err;
    begin();
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ck_assert_int_eq(put(t[i].spec, "dst:1", &err), t[i].code);
        unit_error(&err, t[i].code, t[i].word);
    }
    support_end();
}
END_TEST

/* An artifact whose layers have these titles, which it would not let us write. */
static void hostile(const char *tag, const char *const *titles, size_t n)
{
    imgrel_error err = {0};
    ir_desc layers[4] = {{0}};
    IR_AUTO(ir_manifest) m = {0};
    ir_store *s = make_store("oci", "bad", IR_STORE_WRITE);
    ir_desc config = make_blob(s, IR_MT_OCI_EMPTY, "{}", 2);
    for (size_t i = 0; i < n; i++) {
        char text[16];
        snprintf(text, sizeof text, "layer %zu", i);
        layers[i] = make_blob(s, "x/y", text, strlen(text));
        if (titles[i])
            layers[i].annotations =
                ir_json_pack("{s:s}", "org.opencontainers.image.title", titles[i]);
    }
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, layers, n, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &err), &err);
    make_close(s);
    for (size_t i = 0; i < n; i++)
        ir_desc_free(&layers[i]);
    ir_desc_free(&config);
}

START_TEST(titles_lead_nowhere_else)
{
    static const char *const names[] = {"..", ".", "", "a/..", "/", "a\nb"};
    imgrel_error err;
    IR_AUTO(ir_json_p) j = NULL;
    begin();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hostile("x", &names[i], 1);
        ck_assert_int_eq(get("bad:x", "out", &j, &err), IMGREL_EPROTO);
        unit_error(&err, IMGREL_EPROTO, "no file's name");
        ck_assert_int_ne(access(support_path("out"), F_OK), 0);
    }
    hostile("twice", (const char *const[]){"a/same", "b/same"}, 2);
    ck_assert_int_eq(get("bad:twice", "out", &j, &err), IMGREL_ECONFLICT);
    unit_error(&err, IMGREL_ECONFLICT, "both called same");
    hostile("up", (const char *const[]){"../../up", "/etc/abs", NULL}, 3);
    unit_ok(get("bad:up", "out/in", &j, &err), &err);
    file_is("out/in/up", "layer 0");
    file_is("out/in/abs", "layer 1");
    ck_assert_int_eq(make_count("out/in", ""), 3);
    support_end();
}
END_TEST

START_TEST(a_link_in_the_folder_is_replaced_not_followed)
{
    imgrel_error err;
    struct stat st;
    IR_AUTO(ir_json_p) j = NULL;
    begin();
    support_file("precious", "keep me", 0644);
    unit_ok(ir_mkdirs(support_path("out"), 0755, &err), &err);
    ck_assert_int_eq(symlink(support_path("precious"), support_path("out/a.txt")), 0);
    unit_ok(put("{" TWO "}", "dst:1", &err), &err);
    unit_ok(get("dst:1", "out", &j, &err), &err);
    file_is("precious", "keep me");
    file_is("out/a.txt", "some text");
    ck_assert(!lstat(support_path("out/a.txt"), &st) && S_ISREG(st.st_mode));
    support_end();
}
END_TEST

START_TEST(what_is_damaged_leaves_nothing)
{
    imgrel_error err;
    IR_AUTO(ir_json_p) j = NULL;
    begin();
    unit_ok(put("{" TWO "}", "dst:1", &err), &err);
    IR_AUTO(ir_manifest) m = read_back("dst", "1");
    make_damage("dst", m.layers[0].digest);
    support_call.jobs = 1;
    ck_assert_int_eq(get("dst:1", "out", &j, &err), IMGREL_EDIGEST);
    ck_assert_int_eq(make_count("out", ""), 0);
    support_end();
}
END_TEST

UNIT_SUITE(artifact, files_go_and_come_back, an_artifact_may_refer_and_be_nothing_else,
           a_config_may_be_a_file, what_is_wrong_is_refused, titles_lead_nowhere_else,
           a_link_in_the_folder_is_replaced_not_followed, what_is_damaged_leaves_nothing)
