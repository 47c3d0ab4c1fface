/* registry_plain.c - images, tags and manifests in a registry without logins. */
#include "hub.h"

#include "base/str.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void start(void)
{
    hub_start(0);
}

/* ---- requests ---- */

START_TEST(requests_are_few)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("src", "1", 1, &d);
    hub_requests();
    hub_copied(hub_local("oci", "src:1"), hub_ref("few/a:1"), d.digest);
    ck_assert_int_eq(hub_requests(), 12); /* HEAD, five of POST and PUT, PUT */
    hub_copied(hub_local("oci", "src:1"), hub_ref("few/a:1"), d.digest);
    ck_assert_int_eq(hub_requests(), 1);
    hub_copied(hub_ref("few/a:1"), hub_ref("few/b:1"), d.digest);
    ck_assert_int_eq(hub_requests(), 8); /* GET, HEAD, five mounts, PUT */
    hub_copied(hub_ref("few/a:1"), hub_ref("few/b:1"), d.digest);
    ck_assert_int_eq(hub_requests(), 2);
    /* Who knows that it is new need not look: GET, five mounts, PUT. */
    const imgrel_opts force = {IMGREL_OPTS, .flags = IMGREL_FLAG_FORCE};
    char *forced = hub_copy(hub_ref("few/a:1"), hub_ref("few/c:1"), &force);
    ck_assert_msg(forced, "%s", hub_err.message);
    ck_assert_str_eq(forced, d.digest);
    imgrel_free(forced);
    ck_assert_int_eq(hub_requests(), 7);
    hub_copied(hub_local("oci", "src:1"), hub_ref("few/a:2"), d.digest);
    ck_assert_int_eq(hub_requests(), 7); /* what is there is not sent: HEAD, five POST, PUT */
    hub_copied(hub_ref("few/a:1"), hub_local("oci", "dst:1"), d.digest);
    ck_assert_int_eq(hub_requests(), 6);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

/* ---- copies ---- */

START_TEST(an_index_goes_everywhere)
{
    hub_begin();
    ir_desc d = {0};
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    make_index(s, "m", &d);
    make_close(s);
    hub_copied(hub_local("oci", "src:m"), hub_ref("every/a:1"), d.digest);
    hub_copied(hub_ref("every/a:1"), hub_local("oci-archive", "a.tar:m"), d.digest);
    hub_copied(hub_local("oci-archive", "a.tar:m"), hub_ref("every/b:1"), d.digest);
    hub_copied(hub_ref("every/b:1"), hub_ref("every/c:x"), d.digest);
    hub_copied(hub_ref("every/c:x"), hub_local("oci", "dst:m"), d.digest);
    char *by_digest = ir_format("%s@%s", hub_ref("every/a"), d.digest);
    hub_copied(by_digest, hub_local("oci", "dst:again"), d.digest);
    hub_digest(hub_ref("every/c:x"), d.digest);
    free(by_digest);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(platforms_are_chosen)
{
    hub_begin();
    imgrel_opts o = {IMGREL_OPTS, .platform = "linux/arm64"};
    ir_desc d = {0};
    char *one = NULL, *got = NULL, *two = NULL;
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    make_index(s, "m", &d);
    make_close(s);
    hub_copied(hub_local("oci", "src:m"), hub_ref("plat/all:1"), d.digest);
    one = hub_copy(hub_ref("plat/all:1"), hub_ref("plat/one:1"), &o);
    unit_ok(imgrel_digest(hub_client, hub_ref("plat/all:1"), &o, &got, &hub_err), &hub_err);
    ck_assert_str_eq(one, got);
    hub_digest(hub_ref("plat/one:1"), one);
    o.platform = "linux/amd64,linux/arm64";
    two = hub_copy(hub_ref("plat/all:1"), hub_ref("plat/two:1"), &o);
    ck_assert_msg(two, "%s", hub_err.message);
    ck_assert_str_eq(two, d.digest); /* all that there are, with what attests them */
    o.platform = "linux/riscv64";
    ck_assert_ptr_null(hub_copy(hub_ref("plat/all:1"), hub_ref("plat/no:1"), &o));
    unit_error(&hub_err, IMGREL_ENOTFOUND, "linux/amd64, linux/arm64");
    ck_assert_ptr_null(
        hub_copy(hub_ref("plat/all:1"), hub_local("docker-archive", "d.tar:x"), NULL));
    unit_error(&hub_err, IMGREL_EUNSUPPORTED, "one platform");
    imgrel_free(one);
    imgrel_free(two);
    imgrel_free(got);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(a_spec_says_more)
{
    hub_begin();
    ir_desc d = {0};
    char *report = NULL;
    hub_image("src", "1", 2, &d);
    char *spec = ir_format("{\"from\":\"%s\",\"to\":[\"%s\",\"%s\"],\"tags\":[\"latest\"]}",
                           hub_local("oci", "src:1"), hub_ref("spec/a:1"), hub_ref("spec/b:1"));
    unit_ok(imgrel_copy_spec(hub_client, spec, NULL, &report, &hub_err), &hub_err);
    ir_json *j = NULL;
    unit_ok(ir_json_parse(report, strlen(report), "report", &j, &hub_err), &hub_err);
    const ir_json *first = ir_json_path(j, "results.0"), *second = ir_json_path(j, "results.1");
    ck_assert_str_eq(ir_json_str(first, "digest"), d.digest);
    ck_assert_int_eq(ir_json_int(first, "copied", 0), 5);
    ck_assert_int_gt(ir_json_int(first, "bytes", 0), 2000000);
    ck_assert_int_eq(ir_json_int(second, "mounted", 0), 5); /* from the first */
    ck_assert(!ir_json_bool(second, "unchanged", true));
    ir_json_free(j);
    hub_digest(hub_ref("spec/a:latest"), d.digest);
    hub_digest(hub_ref("spec/b:1"), d.digest);
    static const char *const bad[][2] = {{"{\"from\":\"a\"}", "to"},
                                         {"{\"from\":\"a\",\"to\":[],\"x\":1}", "x"},
                                         {"{\"from\":\"a\",\"to\":[]}", "no destination"},
                                         {"{\"from\":\"a\",\"to\":[\"b\"],\"tags\":[\"-\"]}", "-"},
                                         {"nonsense", "copy spec"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hub_err = (imgrel_error){0};
        ck_assert_int_eq(imgrel_copy_spec(hub_client, bad[i][0], NULL, NULL, &hub_err),
                         IMGREL_EINVAL);
        unit_error(&hub_err, IMGREL_EINVAL, bad[i][1]);
    }
    imgrel_free(report);
    free(spec);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(a_damaged_source_leaves_no_tag)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("src", "1", 3, &d);
    IR_AUTO(ir_manifest) m = {0};
    ir_store *s = make_store("oci", "src:1", IR_STORE_READ);
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &hub_err), &hub_err);
    ir_store_free(s);
    make_damage("src", m.layers[1].digest);
    ck_assert_ptr_null(hub_copy(hub_local("oci", "src:1"), hub_ref("damaged/a:1"), NULL));
    /* The registry noticed; told is whose fault it is. */
    unit_error(&hub_err, IMGREL_EDIGEST, m.layers[1].digest);
    unit_error(&hub_err, IMGREL_EDIGEST, "src: the content of");
    char *digest = NULL;
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_digest(hub_client, hub_ref("damaged/a:1"), NULL, &digest, &hub_err),
                     IMGREL_ENOTFOUND);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

/* ---- skopeo ---- */

START_TEST(skopeo_reads_what_we_wrote)
{
    hub_begin();
    ir_desc d = {0};
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    make_index(s, "m", &d);
    make_close(s);
    imgrel_opts o = {IMGREL_OPTS, .platform = "linux/amd64"};
    hub_copied(hub_local("oci", "src:m"), hub_ref("sk/a:1"), d.digest);
    hub_copied(hub_local("oci", "src:m"), hub_local("oci-archive", "a.tar:m"), d.digest);
    char *amd = hub_copy(hub_local("oci", "src:m"), hub_local("docker-archive", "d.tar:app:1"), &o);
    ck_assert_msg(amd, "%s", hub_err.message);
    char *from = ir_format("docker://%s", hub_ref("sk/a:1"));
    IR_AUTO(ir_buf) out = IR_BUF(100000);
    const char *const inspect[] = {"inspect", "--raw", "--tls-verify=false", from, NULL};
    hub_skopeo(&out, inspect);
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(out.p, out.len, digest, &hub_err), &hub_err);
    ck_assert_str_eq(digest, d.digest);
    const char *places[] = {hub_local("oci", "src:m"), hub_local("oci-archive", "a.tar:m")};
    for (size_t i = 0; i < 2; i++) {
        const char *const copy[] = {"inspect", "--raw", places[i], NULL};
        ir_buf_clear(&out);
        hub_skopeo(&out, copy);
        unit_ok(ir_hash_bytes(out.p, out.len, digest, &hub_err), &hub_err);
        ck_assert_str_eq(digest, d.digest);
    }
    const char *const load[] = {"inspect", "--config", hub_local("docker-archive", "d.tar:app:1"),
                                NULL};
    ir_buf_clear(&out);
    hub_skopeo(&out, load);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&out), "\"amd64\""));
    imgrel_free(amd);
    free(from);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(we_read_what_skopeo_wrote)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("src", "1", 4, &d);
    char *from = strdup(hub_local("oci", "src:1"));
    char *tos[] = {strdup(hub_local("oci", "sk:x")), strdup(hub_local("oci-archive", "sk.tar:x")),
                   strdup(hub_local("docker-archive", "sd.tar:foo/app:2"))};
    for (size_t i = 0; i < 3; i++) {
        const char *const copy[] = {"copy", from, tos[i], NULL};
        hub_skopeo(NULL, copy);
        char *digest = hub_copy(tos[i], hub_ref("fromsk/a:1"), NULL);
        ck_assert_msg(digest, "%s: %s", tos[i], hub_err.message);
        char *inspected = NULL;
        unit_ok(imgrel_inspect(hub_client, hub_ref("fromsk/a:1"), NULL, &inspected, &hub_err),
                &hub_err);
        ck_assert_ptr_nonnull(strstr(inspected, "\"Cmd\":[\"/4\"]"));
        imgrel_free(inspected);
        imgrel_free(digest);
        free(tos[i]);
    }
    char *to = ir_format("docker://%s", hub_ref("fromsk/b:1"));
    const char *const push[] = {"copy", "--dest-tls-verify=false", from, to, NULL};
    hub_skopeo(NULL, push);
    char *digest = hub_copy(hub_ref("fromsk/b:1"), hub_local("oci", "back:1"), NULL);
    ck_assert_msg(digest, "%s", hub_err.message);
    imgrel_free(digest);
    free(from);
    free(to);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

/* ---- manifests and lists ---- */

START_TEST(manifests_keep_their_bytes)
{
    hub_begin();
    ir_desc d = {0};
    char *bytes = NULL, *descriptor = NULL, *digest = NULL;
    size_t len = 0;
    hub_image("src", "1", 5, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("man/a:1"), d.digest);
    unit_ok(imgrel_manifest_get(hub_client, hub_ref("man/a:1"), NULL, &bytes, &len, &descriptor,
                                &hub_err),
            &hub_err);
    ck_assert_int_eq(len, d.size);
    ck_assert_int_eq(bytes[len], 0);
    ck_assert_ptr_nonnull(strstr(descriptor, d.digest));
    char *spaced = ir_format("%s\n\n", bytes);
    unit_ok(imgrel_manifest_put(hub_client, hub_ref("man/a:2"), spaced, strlen(spaced), NULL, NULL,
                                &digest, &hub_err),
            &hub_err);
    ck_assert_str_ne(digest, d.digest);
    hub_digest(hub_ref("man/a:2"), digest);
    ck_assert_int_eq(
        imgrel_manifest_put(hub_client, hub_ref("man/a:3"), "{}", 2, NULL, NULL, NULL, &hub_err),
        IMGREL_EINVAL);
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_manifest_put(hub_client, hub_ref("other/a:1"), bytes, len, NULL, NULL,
                                         NULL, &hub_err),
                     IMGREL_ENOTFOUND);
    unit_error(&hub_err, IMGREL_ENOTFOUND, "other/a:1");
    free(spaced);
    imgrel_free(bytes);
    imgrel_free(descriptor);
    imgrel_free(digest);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(inspect_tells_what_it_is)
{
    hub_begin();
    ir_desc d = {0};
    char *text = NULL;
    ir_json *j = NULL;
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    make_index(s, "m", &d);
    make_close(s);
    hub_copied(hub_local("oci", "src:m"), hub_ref("insp/a:1"), d.digest);
    unit_ok(imgrel_inspect(hub_client, hub_ref("insp/a:1"), NULL, &text, &hub_err), &hub_err);
    unit_ok(ir_json_parse(text, strlen(text), "inspect", &j, &hub_err), &hub_err);
    ck_assert_str_eq(ir_json_str(j, "name"), hub_ref("insp/a:1"));
    ck_assert_str_eq(ir_json_str(j, "digest"), d.digest);
    ck_assert_str_eq(ir_json_str(j, "mediaType"), IR_MT_OCI_INDEX);
    ck_assert_int_eq(ir_json_len(ir_json_get(j, "platforms")), 2);
    ck_assert_str_eq(ir_json_str(ir_json_path(j, "platforms.1"), "architecture"), "arm64");
    ck_assert_int_eq(ir_json_len(ir_json_path(j, "platforms.1.layers")), 2);
    ir_json_free(j);
    imgrel_free(text);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

static int count_items(imgrel_iter *it, const char *want)
{
    const char *item = NULL;
    int n = 0, rc = 0;
    bool found = false;
    while ((rc = imgrel_iter_next(it, &item, &hub_err)) == 1) {
        found = found || !strcmp(item, want);
        n++;
    }
    unit_ok(rc, &hub_err);
    ck_assert_int_eq(imgrel_iter_next(it, &item, &hub_err), 0);
    ck_assert_msg(found, "%s is not among %d", want, n);
    imgrel_iter_free(it);
    return n;
}

#define MANY 1203

START_TEST(tags_are_listed)
{
    hub_begin();
    imgrel_iter *it = NULL;
    char *bytes = NULL;
    size_t len = 0;
    ir_desc d = {0};
    hub_image("src", "1", 6, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("many/tags:t0"), d.digest);
    unit_ok(imgrel_manifest_get(hub_client, hub_ref("many/tags:t0"), NULL, &bytes, &len, NULL,
                                &hub_err),
            &hub_err);
    /* A tag in this registry is a folder with a link: 1203 PUTs would only take time. */
    char *one =
        ir_format("%s/data/docker/registry/v2/repositories/many/tags/_manifests/tags", hub_now.dir);
    for (int i = 1; i < MANY; i++) {
        char *link = ir_format("%s/t%d/current/link", one, i);
        char *folder = ir_format("%s/t%d/current", one, i);
        unit_ok(ir_mkdirs(folder, 0755, &hub_err), &hub_err);
        int fd = open(link, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        unit_ok(ir_fd_write(fd, link, d.digest, strlen(d.digest), &hub_err), &hub_err);
        close(fd);
        free(link);
        free(folder);
    }
    unit_ok(imgrel_tags(hub_client, hub_ref("many/tags"), NULL, &it, &hub_err), &hub_err);
    ck_assert_int_eq(count_items(it, "t1202"), MANY);
    ck_assert_int_eq(imgrel_tags(hub_client, hub_ref("many/none"), NULL, &it, &hub_err),
                     IMGREL_ENOTFOUND);
    unit_error(&hub_err, IMGREL_ENOTFOUND, "NAME_UNKNOWN");
    ck_assert_ptr_null(it);
    free(one);
    imgrel_free(bytes);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(the_catalog_has_pages)
{
    hub_begin();
    imgrel_iter *it = NULL;
    char *root = ir_format("%s/data/docker/registry/v2/repositories/catalog", hub_now.dir);
    for (int i = 0; i < MANY; i++) {
        char *folder = ir_format("%s/r%d/_layers", root, i);
        unit_ok(ir_mkdirs(folder, 0755, &hub_err), &hub_err);
        free(folder);
    }
    hub_requests();
    unit_ok(imgrel_catalog(hub_client, hub_now.host, NULL, &it, &hub_err), &hub_err);
    ck_assert_int_ge(count_items(it, "catalog/r1202"), MANY);
    ck_assert_int_ge(hub_requests(), 2);
    free(root);
    hub_end();
}
END_TEST

START_TEST(deletes_go_by_digest)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("src", "1", 7, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("del/a:1"), d.digest);
    ck_assert_int_eq(imgrel_delete(hub_client, hub_ref("del/a:1"), NULL, &hub_err),
                     IMGREL_EUNSUPPORTED);
    unit_error(&hub_err, IMGREL_EUNSUPPORTED, d.digest);
    hub_digest(hub_ref("del/a:1"), d.digest);
    char *by_digest = ir_format("%s@%s", hub_ref("del/a"), d.digest);
    const imgrel_opts dry = {IMGREL_OPTS, .flags = IMGREL_FLAG_DRY_RUN};
    hub_err = (imgrel_error){0};
    unit_ok(imgrel_delete(hub_client, by_digest, &dry, &hub_err), &hub_err);
    hub_digest(hub_ref("del/a:1"), d.digest);
    unit_ok(imgrel_delete(hub_client, by_digest, NULL, &hub_err), &hub_err);
    char *gone = NULL;
    ck_assert_int_eq(imgrel_digest(hub_client, hub_ref("del/a:1"), NULL, &gone, &hub_err),
                     IMGREL_ENOTFOUND);
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_delete(hub_client, by_digest, NULL, &hub_err), IMGREL_ENOTFOUND);
    free(by_digest);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(referrers_go_by_tag_schema)
{
    hub_begin();
    ir_desc d = {0}, other = {0};
    imgrel_iter *it = NULL;
    const char *item = NULL;
    hub_image("src", "1", 8, &d);
    hub_image("src", "2", 9, &other);
    hub_copied(hub_local("oci", "src:1"), hub_ref("refers/a:1"), d.digest);
    hub_copied(hub_local("oci", "src:2"), hub_ref("refers/a:2"), other.digest);
    unit_ok(imgrel_referrers(hub_client, hub_ref("refers/a:1"), NULL, NULL, &it, &hub_err),
            &hub_err);
    ck_assert_int_eq(imgrel_iter_next(it, &item, &hub_err), 0);
    imgrel_iter_free(it);
    char *index =
        ir_format("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[{\"mediaType\""
                  ":\"%s\",\"digest\":\"%s\",\"size\":%lld,\"artifactType\":\"a/b\"}]}",
                  IR_MT_OCI_INDEX, other.media_type, other.digest, (long long)other.size);
    char *tag = ir_format("%s:sha256-%s", hub_ref("refers/a"), ir_digest_hex(d.digest));
    unit_ok(imgrel_manifest_put(hub_client, tag, index, strlen(index), NULL, NULL, NULL, &hub_err),
            &hub_err);
    unit_ok(imgrel_referrers(hub_client, hub_ref("refers/a:1"), "a/b", NULL, &it, &hub_err),
            &hub_err);
    ck_assert_int_eq(imgrel_iter_next(it, &item, &hub_err), 1);
    ck_assert_ptr_nonnull(strstr(item, other.digest));
    imgrel_iter_free(it);
    free(index);
    free(tag);
    ir_desc_free(&d);
    ir_desc_free(&other);
    hub_end();
}
END_TEST

/* ---- several at once ---- */

typedef struct one_copy {
    char from[400], to[400];
    int rc;
    imgrel_error err;
} one_copy;

static void *copy_it(void *user)
{
    one_copy *c = user;
    c->rc = imgrel_copy(hub_client, c->from, c->to, NULL, NULL, &c->err);
    return NULL;
}

START_TEST(one_client_serves_many_threads)
{
    hub_begin();
    pthread_t threads[4];
    one_copy copies[4] = {0};
    ir_desc d[4] = {{0}};
    for (int i = 0; i < 4; i++) {
        char tag[8];
        snprintf(tag, sizeof tag, "t%d", i);
        hub_image("src", tag, 20 + i % 2, &d[i]);
        snprintf(copies[i].from, sizeof copies[i].from, "oci:%s/src:%s", support_dir, tag);
        snprintf(copies[i].to, sizeof copies[i].to, "%s/threads/a:%s", hub_now.host, tag);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, copy_it, &copies[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        unit_ok(copies[i].rc, &copies[i].err);
        hub_digest(copies[i].to, d[i].digest);
        ir_desc_free(&d[i]);
    }
    hub_end();
}
END_TEST

static int stop_at_once(void *user, const imgrel_event *e)
{
    (void)user;
    return e->kind == IMGREL_EVENT_BYTES;
}

START_TEST(a_stopped_copy_leaves_no_tag_and_no_upload)
{
    hub_begin();
    const imgrel_opts o = {IMGREL_OPTS, .progress = stop_at_once};
    hub_image("src", "1", 30, NULL);
    ck_assert_ptr_null(hub_copy(hub_local("oci", "src:1"), hub_ref("stopped/a:1"), &o));
    unit_error(&hub_err, IMGREL_ECANCELED, NULL);
    char *digest = NULL;
    hub_err = (imgrel_error){0};
    ck_assert_int_eq(imgrel_digest(hub_client, hub_ref("stopped/a:1"), NULL, &digest, &hub_err),
                     IMGREL_ENOTFOUND);
    hub_end();
}
END_TEST

Suite *suite_plain(void);
Suite *suite_plain(void)
{
    const TTest *const tests[] = {requests_are_few,
                                  an_index_goes_everywhere,
                                  platforms_are_chosen,
                                  a_spec_says_more,
                                  a_damaged_source_leaves_no_tag,
                                  skopeo_reads_what_we_wrote,
                                  we_read_what_skopeo_wrote,
                                  manifests_keep_their_bytes,
                                  inspect_tells_what_it_is,
                                  tags_are_listed,
                                  the_catalog_has_pages,
                                  deletes_go_by_digest,
                                  referrers_go_by_tag_schema,
                                  one_client_serves_many_threads,
                                  a_stopped_copy_leaves_no_tag_and_no_upload};
    return hub_suite("plain", start, tests, sizeof tests / sizeof *tests);
}
