/* registry_copy.c - copies between every pair of places, to several at once, and by several
 * processes at once. */
#include "hub.h"

#include "base/str.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(void)
{
    hub_start(0);
}

enum place { REGISTRY, LAYOUT, OCI_ARCHIVE, DOCKER_ARCHIVE, PLACES };

/* A place of that kind for what a test calls so; an archive holds one image. */
static const char *place(enum place p, const char *name)
{
    static const char *const transports[] = {NULL, "oci", "oci-archive", "docker-archive"};
    char text[200];
    if (p == REGISTRY)
        snprintf(text, sizeof text, "pairs/%s:x", name);
    else if (p == LAYOUT)
        snprintf(text, sizeof text, "%s:x", name);
    else
        snprintf(text, sizeof text, "%s-%d.tar:app:x", name, (int)p);
    return p == REGISTRY ? hub_ref(text) : hub_local(transports[p], text);
}

START_TEST(every_place_takes_from_every_other)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("made", "1", 1, &d);
    for (int from = 0; from < PLACES; from++)
        hub_copied(hub_local("oci", "made:1"), place(from, "src"), d.digest);
    for (int from = 0; from < PLACES; from++)
        for (int to = 0; to < PLACES; to++) {
            char name[40], check[60];
            snprintf(name, sizeof name, "to-%d-%d", from, to);
            snprintf(check, sizeof check, "check-%d-%d:x", from, to);
            hub_copied(place(from, "src"), place(to, name), d.digest);
            /* and what arrived is whole */
            hub_copied(place(to, name), hub_local("oci", check), d.digest);
        }
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(an_index_gives_one_platform_to_every_place)
{
    hub_begin();
    imgrel_opts o = {IMGREL_OPTS, .platform = "linux/arm64"};
    ir_desc index = {0};
    ir_store *s = make_store("oci", "made", IR_STORE_WRITE);
    make_index(s, "m", &index);
    make_close(s);
    char *arm = hub_copy(hub_local("oci", "made:m"), hub_local("oci", "arm:x"), &o);
    ck_assert_msg(arm, "%s", hub_err.message);
    for (int from = 0; from < DOCKER_ARCHIVE; from++) {
        char name[40];
        snprintf(name, sizeof name, "index-%d", from);
        hub_copied(hub_local("oci", "made:m"), place(from, "index"), index.digest);
        for (int to = 0; to < PLACES; to++) {
            char *one = hub_copy(place(from, "index"), place(to, name), &o);
            ck_assert_msg(one, "%d to %d: %s", from, to, hub_err.message);
            ck_assert_str_eq(one, arm);
            imgrel_free(one);
        }
        ck_assert_ptr_null(hub_copy(place(from, "index"), place(DOCKER_ARCHIVE, "no"), NULL));
        unit_error(&hub_err, IMGREL_EUNSUPPORTED, "linux/amd64, linux/arm64");
    }
    /* Back from a Docker archive it is a manifest for one platform, and no other. */
    o.platform = "linux/amd64";
    ck_assert_ptr_null(hub_copy(place(DOCKER_ARCHIVE, "index-0"), place(REGISTRY, "back"), &o));
    unit_error(&hub_err, IMGREL_ENOTFOUND, "linux/arm64");
    imgrel_free(arm);
    ir_desc_free(&index);
    hub_end();
}
END_TEST

/* ---- several destinations ---- */

static ir_json *copy_spec(const char *spec, int want)
{
    char *report = NULL;
    ir_json *j = NULL;
    hub_err = (imgrel_error){0};
    int rc = imgrel_copy_spec(hub_client, spec, NULL, &report, &hub_err);
    ck_assert_msg(rc == want, "%d: %s", rc, hub_err.message);
    imgrel_error err = {0};
    unit_ok(ir_json_parse(report, strlen(report), "report", &j, &err), &err);
    imgrel_free(report);
    return j;
}

/* The hub by another name: blobs can't be mounted across it. */
static const char *other_host(void)
{
    static char host[80];
    snprintf(host, sizeof host, "localhost:%s", strchr(hub_now.host, ':') + 1);
    return host;
}

START_TEST(several_destinations_are_one_read)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("made", "1", 40, &d);
    hub_copied(hub_local("oci", "made:1"), hub_ref("once/src:1"), d.digest);
    char *spec = ir_format("{\"from\":\"%s\",\"to\":[\"%s/once/a:1\",\"%s/once/"
                           "b:1\",\"%s\",\"%s\"],\"tags\":[\"two\"]}",
                           hub_ref("once/src:1"), other_host(), other_host(),
                           hub_local("oci", "out:1"), hub_local("oci-archive", "out.tar:1"));
    ir_json *j = copy_spec(spec, 0);
    ck_assert_int_eq(hub_seen("GET /v2/once/src/blobs/"), 5); /* four layers and the config */
    ck_assert_int_eq(hub_seen("GET /v2/once/src/manifests/"), 1);
    ck_assert_int_eq(ir_json_int(ir_json_path(j, "results.0"), "copied", 0), 5);
    ck_assert_int_eq(ir_json_int(ir_json_path(j, "results.1"), "mounted", 0), 5);
    ck_assert_int_eq(ir_json_int(ir_json_path(j, "results.2"), "copied", 0), 5);
    ck_assert_int_eq(ir_json_int(ir_json_path(j, "results.3"), "copied", 0), 5);
    hub_digest(hub_ref("once/a:two"), d.digest);
    hub_digest(hub_ref("once/b:1"), d.digest);
    hub_digest(hub_local("oci", "out:two"), d.digest);
    hub_digest(hub_local("oci-archive", "out.tar:1"), d.digest);
    hub_copied(hub_local("oci", "out:1"), hub_local("oci", "again:1"), d.digest);
    ir_json_free(j);
    free(spec);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

#define KEEP_SPEC "{\"from\":\"%s\",\"to\":[\"%s\",\"%s\"]%s}"

START_TEST(a_destination_that_fails_leaves_the_others)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("made", "1", 41, &d);
    hub_copied(hub_local("oci", "made:1"), hub_ref("keep/src:1"), d.digest);
    ck_assert_int_eq(mkdir(support_path("taken"), 0755), 0);
    imgrel_error err = {0};
    unit_ok(ir_file_write(support_path("taken/oci-layout"), 0644, "{}", 2, &err), &err);
    char *bad = strdup(hub_local("oci", "taken:1")), *good = strdup(hub_local("oci", "good:1"));
    char *spec = ir_format(KEEP_SPEC, hub_ref("keep/src:1"), bad, good, ",\"keep_going\":true");
    ir_json *j = copy_spec(spec, IMGREL_EFAILED);
    unit_error(&hub_err, IMGREL_EFAILED, "1 of 2");
    const ir_json *first = ir_json_path(j, "results.0.error");
    ck_assert_str_eq(ir_json_str(first, "code"), "IMGREL_EUNSUPPORTED");
    ck_assert_ptr_nonnull(strstr(ir_json_str(first, "message"), "layout version"));
    hub_digest(good, d.digest);
    ir_json_free(j);
    free(spec);
    spec = ir_format(KEEP_SPEC, hub_ref("keep/src:1"), bad, good, "");
    ck_assert_int_eq(imgrel_copy_spec(hub_client, spec, NULL, NULL, &hub_err), IMGREL_EUNSUPPORTED);
    free(spec);
    spec = ir_format(KEEP_SPEC, hub_ref("keep/src:1"), good, good, "");
    ck_assert_int_eq(imgrel_copy_spec(hub_client, spec, NULL, NULL, &hub_err), IMGREL_EINVAL);
    free(spec);
    free(bad);
    free(good);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

/* ---- what a failure leaves ---- */

START_TEST(a_failed_copy_leaves_no_layout)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("made", "1", 42, &d);
    hub_copied(hub_local("oci", "made:1"), hub_ref("gone/a:1"), d.digest);
    ck_assert_ptr_null(hub_copy(hub_ref("none/such:1"), hub_local("oci", "left:1"), NULL));
    unit_error(&hub_err, IMGREL_ENOTFOUND, NULL);
    ck_assert_int_ne(access(support_path("left"), F_OK), 0);
    /* The manifest is there, the blobs are not. */
    IR_AUTO(ir_manifest) m = {0};
    ir_store *s = make_store("oci", "made:1", IR_STORE_READ);
    unit_ok(ir_store_manifest_get(s, &support_call, NULL, &m, &hub_err), &hub_err);
    ir_store_free(s);
    for (size_t i = 0; i < m.n_layers; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/data/docker/registry/v2/blobs/sha256/%.2s/%s", hub_now.dir,
                 ir_digest_hex(m.layers[i].digest), ir_digest_hex(m.layers[i].digest));
        unit_ok(ir_rmtree(path, &hub_err), &hub_err);
    }
    char path[300];
    snprintf(path, sizeof path, "%s/data/docker/registry/v2/blobs/sha256/%.2s/%s", hub_now.dir,
             ir_digest_hex(m.config.digest), ir_digest_hex(m.config.digest));
    unit_ok(ir_rmtree(path, &hub_err), &hub_err);
    ck_assert_ptr_null(hub_copy(hub_ref("gone/a:1"), hub_local("oci", "left:1"), NULL));
    ck_assert_int_ne(access(support_path("left"), F_OK), 0);
    ck_assert_ptr_null(hub_copy(hub_ref("gone/a:1"), hub_local("oci-archive", "left.tar:1"), NULL));
    ck_assert_int_ne(access(support_path("left.tar"), F_OK), 0);
    ck_assert_int_eq(make_count(".", ".tmp"), 0);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

/* ---- several processes ---- */

#define PROCESSES 4
#define ROUNDS 3

/* In a child: a client of its own, one copy. */
static void child_copy(const char *from, const char *to)
{
    imgrel_client *c = NULL;
    imgrel_error err = {0};
    if (imgrel_client_new(&c, &err) || imgrel_client_set(c, "plain_http", hub_now.host, &err) ||
        imgrel_copy(c, from, to, NULL, NULL, &err))
        fprintf(stderr, "%s to %s: %s\n", from, to, err.message);
    imgrel_client_free(c);
    _exit(err.code ? 1 : 0);
}

static void all_copy(char from[][400], char to[][400])
{
    pid_t pids[PROCESSES];
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++)
        if (!(pids[i] = fork()))
            child_copy(from[i], to[i]);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "%s: %x", to[i], (unsigned)status);
    }
}

START_TEST(processes_pull_into_one_layout)
{
    hub_begin();
    char from[PROCESSES][400], to[PROCESSES][400];
    ir_desc d[2] = {{0}};
    for (int i = 0; i < 2; i++) {
        char ref[40];
        hub_image("made", i ? "b" : "a", 50 + i, &d[i]);
        snprintf(ref, sizeof ref, "made:%c", "ab"[i]);
        hub_copied(hub_local("oci", ref), hub_ref(i ? "procs/b:1" : "procs/a:1"), d[i].digest);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PROCESSES; i++) {
            snprintf(from[i], sizeof from[i], "%s", hub_ref(i % 2 ? "procs/b:1" : "procs/a:1"));
            snprintf(to[i], sizeof to[i], "oci:%s/one%d:t%d", support_dir, round, i);
        }
        all_copy(from, to);
        for (int i = 0; i < PROCESSES; i++) {
            char check[40];
            snprintf(check, sizeof check, "check%d:%d", round, i);
            hub_digest(to[i], d[i % 2].digest);
            hub_copied(to[i], hub_local("oci", check), d[i % 2].digest);
        }
        char folder[40];
        snprintf(folder, sizeof folder, "one%d/blobs/sha256", round);
        ck_assert_int_eq(make_count(folder, ".tmp"), 0);
        ck_assert_int_eq(make_count(folder, ""), 2 * 6);
    }
    ir_desc_free(&d[0]);
    ir_desc_free(&d[1]);
    hub_end();
}
END_TEST

START_TEST(processes_push_the_same)
{
    hub_begin();
    char from[PROCESSES][400], to[PROCESSES][400];
    for (int round = 0; round < ROUNDS; round++) {
        char tag[16], ref[40], check[40];
        ir_desc d = {0};
        snprintf(tag, sizeof tag, "r%d", round);
        hub_image("made", tag, 60 + round, &d);
        for (int i = 0; i < PROCESSES; i++) {
            snprintf(from[i], sizeof from[i], "oci:%s/made:%s", support_dir, tag);
            snprintf(to[i], sizeof to[i], "%s/procs/push%d:same", hub_now.host, round);
        }
        all_copy(from, to);
        snprintf(ref, sizeof ref, "procs/push%d:same", round);
        snprintf(check, sizeof check, "pushed%d:x", round);
        hub_digest(hub_ref(ref), d.digest);
        hub_copied(hub_ref(ref), hub_local("oci", check), d.digest);
        ir_desc_free(&d);
    }
    hub_end();
}
END_TEST

Suite *suite_copy(void);
Suite *suite_copy(void)
{
    const TTest *const tests[] = {every_place_takes_from_every_other,
                                  an_index_gives_one_platform_to_every_place,
                                  several_destinations_are_one_read,
                                  a_destination_that_fails_leaves_the_others,
                                  a_failed_copy_leaves_no_layout,
                                  processes_pull_into_one_layout,
                                  processes_push_the_same};
    return hub_suite("copy", start, tests, sizeof tests / sizeof *tests);
}
