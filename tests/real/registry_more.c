/* registry_more.c - indexes, artifacts, referrers and formats, in docker-registry 2.8 and in
 * distribution 3: neither lists referrers itself, and each deletes in its own way. */
#include "hub.h"

#include "base/str.h"

#include <stdlib.h>
#include <unistd.h>

static char *manifest(const char *ref, ir_json **ret)
{
    char *bytes = NULL;
    size_t len = 0;
    unit_ok(imgrel_manifest_get(hub_client, ref, NULL, &bytes, &len, NULL, &hub_err), &hub_err);
    unit_ok(ir_json_parse(bytes, len, "manifest", ret, &hub_err), &hub_err);
    return bytes;
}

/* An image for linux/arch as repository:1, its digest. */
static char *image(const char *arch, const char *repository)
{
    char name[40], tag[80];
    snprintf(name, sizeof name, "src-%s", arch);
    snprintf(tag, sizeof tag, "%s:1", name);
    ir_store *s = make_store("oci", name, IR_STORE_WRITE);
    make_image(s, arch, "1", NULL);
    make_close(s);
    char *to = ir_format("%s:1", repository);
    char *digest = hub_copy(hub_local("oci", tag), hub_ref(to), NULL);
    ck_assert_msg(digest, "%s", hub_err.message);
    free(to);
    return digest;
}

static char *edit(const char *dst, const char *fmt, const char *a, const char *b)
{
    char *digest = NULL, *spec = ir_format("%s", fmt);
    IR_AUTO(ir_buf) text = IR_BUF(4000);
    const char *refs[] = {a, b};
    size_t n = 0;
    for (const char *p = spec; *p; p++)
        ir_buf_adds(&text, *p == '$' ? refs[n++] : (char[]){*p, 0});
    unit_ok(imgrel_index_edit(hub_client, ir_buf_str(&text), dst, NULL, &digest, &hub_err),
            &hub_err);
    free(spec);
    return digest;
}

START_TEST(an_index_is_made_of_several_repositories)
{
    hub_begin();
    char *amd = image("amd64", "one/amd"), *arm = image("arm64", "two/arm");
    char *a = strdup(hub_ref("one/amd:1")), *b = strdup(hub_ref("two/arm:1"));
    const char *spec = "{\"create\":true,\"append\":[\"$\",\"$\"],\"tags\":[\"latest\"]}";
    char *first = edit(hub_ref("three/app:1"), spec, a, b);
    char *again = edit(hub_ref("three/app:1"), spec, a, b);
    ck_assert_str_eq(first, again);
    hub_digest(hub_ref("three/app:latest"), first);
    imgrel_opts o = {IMGREL_OPTS, .platform = "linux/arm64"};
    char *got = NULL;
    unit_ok(imgrel_digest(hub_client, hub_ref("three/app:1"), &o, &got, &hub_err), &hub_err);
    ck_assert_str_eq(got, arm);
    /* Complete: it can be taken away as a whole. */
    hub_copied(hub_ref("three/app:1"), hub_local("oci", "all:1"), first);
    char *less = edit(hub_ref("three/app:1"), "{\"remove\":[\"linux/amd64\"]}", NULL, NULL);
    ck_assert_str_ne(less, first);
    IR_AUTO(ir_json_p) j = NULL;
    char *bytes = manifest(hub_ref("three/app:1"), &j);
    ck_assert_uint_eq(ir_json_len(ir_json_get(j, "manifests")), 1);
    imgrel_free(got);
    imgrel_free(bytes);
    imgrel_free(first);
    imgrel_free(again);
    imgrel_free(less);
    imgrel_free(amd);
    imgrel_free(arm);
    free(a);
    free(b);
    hub_end();
}
END_TEST

static size_t count_referrers(const char *ref, const char *type)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    size_t n = 0;
    int rc = imgrel_referrers(hub_client, ref, type, NULL, &it, &hub_err);
    unit_ok(rc, &hub_err);
    while ((rc = imgrel_iter_next(it, &item, &hub_err)) == 1)
        n++;
    unit_ok(rc, &hub_err);
    imgrel_iter_free(it);
    return n;
}

static char *attach(const char *dst, const char *subject, const char *type)
{
    char *digest = NULL;
    char *spec = ir_format("{\"subject\":\"%s\",\"artifact_type\":\"%s\",\"files\":[\"%s\"]}",
                           subject, type, support_path("note.txt"));
    unit_ok(imgrel_artifact_put(hub_client, spec, dst, NULL, &digest, &hub_err), &hub_err);
    free(spec);
    return digest;
}

START_TEST(referrers_are_kept_found_copied_and_deleted)
{
    hub_begin();
    support_file("note.txt", "a note", 0644);
    char *digest = image("amd64", "ref/app");
    char *a = attach(hub_ref("ref/app"), "1", "a/note");
    char *b = attach(hub_ref("ref/app"), digest, "b/note");
    char *c = attach(hub_ref("ref/app"), a, "c/note");
    ck_assert_uint_eq(count_referrers(hub_ref("ref/app:1"), NULL), 2);
    ck_assert_uint_eq(count_referrers(hub_ref("ref/app:1"), "b/note"), 1);
    char *spec = ir_format("{\"from\":\"%s\",\"to\":[\"%s\",\"%s\"],\"referrers\":true}",
                           hub_ref("ref/app:1"), hub_ref("ref/copy:1"), hub_local("oci", "refs:1"));
    unit_ok(imgrel_copy_spec(hub_client, spec, NULL, NULL, &hub_err), &hub_err);
    ck_assert_uint_eq(count_referrers(hub_ref("ref/copy:1"), NULL), 2);
    ck_assert_uint_eq(count_referrers(hub_local("oci", "refs:1"), NULL), 2);
    char *note = ir_format("%s@%s", hub_ref("ref/copy"), c), *j = NULL;
    unit_ok(imgrel_artifact_get(hub_client, note, support_path("out"), NULL, &j, &hub_err),
            &hub_err);
    ck_assert_int_eq(access(support_path("out/note.txt"), R_OK), 0);
    char *gone = ir_format("%s@%s", hub_ref("ref/app"), b);
    unit_ok(imgrel_delete(hub_client, gone, NULL, &hub_err), &hub_err);
    ck_assert_uint_eq(count_referrers(hub_ref("ref/app:1"), NULL), 1);
    free(note);
    free(gone);
    free(spec);
    imgrel_free(j);
    imgrel_free(a);
    imgrel_free(b);
    imgrel_free(c);
    imgrel_free(digest);
    hub_end();
}
END_TEST

START_TEST(another_format_and_back)
{
    hub_begin();
    char *digest = image("amd64", "fmt/oci");
    char *there = ir_format("{\"from\":\"%s\",\"to\":[\"%s\"],\"format\":\"docker\"}",
                            hub_ref("fmt/oci:1"), hub_ref("fmt/docker:1"));
    char *back = ir_format("{\"from\":\"%s\",\"to\":[\"%s\"],\"format\":\"oci\"}",
                           hub_ref("fmt/docker:1"), hub_ref("fmt/back:1"));
    unit_ok(imgrel_copy_spec(hub_client, there, NULL, NULL, &hub_err), &hub_err);
    IR_AUTO(ir_json_p) j = NULL;
    char *bytes = manifest(hub_ref("fmt/docker:1"), &j);
    ck_assert_str_eq(ir_json_str(j, "mediaType"), IR_MT_DOCKER_MANIFEST);
    ck_assert_str_eq(ir_json_str(ir_json_get(j, "config"), "mediaType"), IR_MT_DOCKER_CONFIG);
    unit_ok(imgrel_copy_spec(hub_client, back, NULL, NULL, &hub_err), &hub_err);
    hub_digest(hub_ref("fmt/back:1"), digest);
    imgrel_free(bytes);
    imgrel_free(digest);
    free(there);
    free(back);
    hub_end();
}
END_TEST

START_TEST(deleting_takes_no_more_than_was_asked)
{
    hub_begin();
    char *digest = image("amd64", "del/app");
    hub_copied(hub_ref("del/app:1"), hub_ref("del/app:2"), digest);
    int rc = imgrel_delete(hub_client, hub_ref("del/app:2"), NULL, &hub_err);
    if (rc)
        unit_error(&hub_err, IMGREL_EUNSUPPORTED, digest);
    hub_err = (imgrel_error){0};
    hub_digest(hub_ref("del/app:1"), digest);
    IR_AUTO(ir_json_p) j = NULL;
    char *bytes = manifest(hub_ref("del/app:1"), &j);
    const char *layer = ir_json_str(ir_json_at(ir_json_get(j, "layers"), 0), "digest");
    char *blob = ir_format("%s@%s", hub_ref("del/app"), layer);
    unit_ok(imgrel_blob_exists(hub_client, blob, NULL, NULL, &hub_err), &hub_err);
    unit_ok(imgrel_blob_delete(hub_client, blob, NULL, &hub_err), &hub_err);
    ck_assert_int_eq(imgrel_blob_exists(hub_client, blob, NULL, NULL, &hub_err), IMGREL_ENOTFOUND);
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_blob_delete(hub_client, blob, NULL, &hub_err), IMGREL_ENOTFOUND);
    free(blob);
    imgrel_free(bytes);
    imgrel_free(digest);
    hub_end();
}
END_TEST

static const TTest *const *tests(size_t *ret_n)
{
    static const TTest *v[4];
    const TTest *const all[] = {an_index_is_made_of_several_repositories,
                                referrers_are_kept_found_copied_and_deleted,
                                another_format_and_back, deleting_takes_no_more_than_was_asked};
    *ret_n = sizeof all / sizeof *all;
    memcpy(v, all, sizeof all);
    return v;
}

static void start_2(void)
{
    hub_start(0);
}

static void start_3(void)
{
    hub_start(HUB_THREE);
}

Suite *suite_more(void);
Suite *suite_more(void)
{
    size_t n = 0;
    const TTest *const *v = tests(&n);
    return hub_suite("more", start_2, v, n);
}

Suite *suite_three(void);
Suite *suite_three(void)
{
    size_t n = 0;
    const TTest *const *v = tests(&n);
    return hub_suite("three", start_3, v, n);
}
