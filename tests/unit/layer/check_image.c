/* check_image.c - images from folders, from a base and from nothing, read back by others; what is
 * the same is left alone; specs and bases that will not do. */
#include "support.h"

#include "base/str.h"
#include "oci/image_plan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Assembles into support_dir/LAYOUT:TAG; $D in the spec is support_dir. */
static int assemble_call(const ir_call *call, const char *layout, const char *tag, const char *spec,
                         ir_assembled *ret, imgrel_error *err)
{
    char name[512];
    IR_AUTO(ir_ref) ref = {0};
    IR_AUTO(ir_json_p) json = support_json(spec);
    snprintf(name, sizeof name, "oci:%s/%s:%s", support_dir, layout, tag);
    unit_ok(ir_ref_parse(name, &ref, err), err);
    const ir_assemble a = {
        .spec = json, .base_dir = support_dir, .dst = &ref, .reuse = tag, .write_tags = true};
    return ir_image_assemble(call, &a, ret, err);
}

static int assemble(const char *layout, const char *tag, const char *spec, ir_assembled *ret,
                    imgrel_error *err)
{
    return assemble_call(&support_call, layout, tag, spec, ret, err);
}

static void assembled(const char *layout, const char *tag, const char *spec, ir_assembled *ret)
{
    imgrel_error err = {0};
    unit_ok(assemble(layout, tag, spec, ret, &err), &err);
    ck_assert_str_eq(ret->digest, ret->top.digest);
}

/* What layout_check.py says of it. */
static void read_back(const char *layout, const char *tag, ir_buf *out)
{
    const char *const argv[] = {"python3", UNIT_DIR "/layer/layout_check.py", support_path(layout),
                                tag, NULL};
    ck_assert(support_run(argv, NULL, 0, out));
}

static void holds(const ir_buf *b, const char *text)
{
    ck_assert_msg(strstr(ir_buf_str(b), text), "\"%s\" is not in: %s", text, ir_buf_str(b));
}

/* Every file of a layout with its time: nothing was written if it stays the same. */
static void state_of(const char *layout, ir_buf *out)
{
    char path[600];
    static const char *const folders[] = {"", "/blobs", "/blobs/sha256"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s%s", support_dir, layout, folders[i]);
        struct dirent **v = NULL;
        int n = scandir(path, &v, NULL, alphasort);
        for (int k = 0; k < n; k++) {
            struct stat st;
            char file[900];
            snprintf(file, sizeof file, "%s/%s", path, v[k]->d_name);
            if (strcmp(v[k]->d_name, "..") && strcmp(v[k]->d_name, ".lock") && !stat(file, &st))
                ir_buf_addf(out, "%s %lld.%09ld\n", file, (long long)st.st_mtim.tv_sec,
                            st.st_mtim.tv_nsec);
            free(v[k]);
        }
        free(v);
    }
}

#define BASE                                                                                 \
    "{'base': {'linux/amd64': '$D/amd64', 'linux/arm64': 'arm64'}, 'config': {'entrypoint':" \
    " ['nginx', '-g', 'daemon off;'], 'exposed': [80], 'env': {'PATH': '/bin', 'A': '1'},"   \
    " 'labels': {'a': 'base', 'b': 'base'}, 'workdir': '/srv', 'user': 'www'}}"
#define APP                                                               \
    "{'base': 'oci:base:1', 'platforms': ['linux/amd64', 'linux/arm64']," \
    " 'layers': [{'from': 'dist', 'to': '/srv/html'}]}"

static void sources(void)
{
    support_file("amd64/bin/nginx", "for amd64", 0755);
    support_file("amd64/etc/conf", "common", 0644);
    support_file("arm64/bin/nginx", "for arm64, and longer", 0755);
    support_file("arm64/etc/conf", "common", 0644);
    support_file("dist/index.html", "<h1>hello</h1>", 0644);
}

static void base_and_app(ir_assembled *ret)
{
    ir_assembled base = {0};
    sources();
    assembled("base", "1", BASE, &base);
    ck_assert(base.top.is_index && base.top.n_layers == 2);
    ir_assembled_free(&base);
    assembled("app", "1.0.0", APP, ret);
}

START_TEST(an_app_stands_on_its_base)
{
    ir_assembled a = {0};
    IR_AUTO(ir_buf) out = IR_BUF(1 << 20);
    support_begin();
    base_and_app(&a);
    ck_assert(!a.unchanged && a.top.is_index && a.top.n_layers == 2);
    read_back("app", "1.0.0", &out);
    holds(&out, "linux amd64 {\"Entrypoint\": [\"nginx\", \"-g\", \"daemon off;\"], \"Env\": "
                "[\"PATH=/bin\", \"A=1\"], \"ExposedPorts\": {\"80/tcp\": {}}, \"Labels\": "
                "{\"a\": \"base\", \"b\": \"base\"}, \"User\": \"www\", \"WorkingDir\": \"/srv\"}\n"
                "bin d 0755 \nbin/nginx f 0755 9\netc d 0755 \netc/conf f 0644 6\nsrv d 0755 \n"
                "srv/html d 0755 \nsrv/html/index.html f 0644 14\n");
    holds(&out, "linux arm64 {");
    holds(&out, "bin/nginx f 0755 21\n");
    ir_assembled_free(&a);
    support_end();
}
END_TEST

START_TEST(skopeo_reads_it)
{
    ir_assembled a = {0};
    char from[512], to[512];
    IR_AUTO(ir_buf) out = IR_BUF(1 << 20);
    support_begin();
    base_and_app(&a);
    snprintf(from, sizeof from, "oci:%s/app:1.0.0", support_dir);
    snprintf(to, sizeof to, "oci:%s/copy:1.0.0", support_dir);
    const char *const inspect[] = {"skopeo", "--override-arch", "arm64", "inspect", from, NULL};
    const char *const copy[] = {"skopeo", "copy", "-q", "--all", from, to, NULL};
    if (support_run(inspect, NULL, 0, &out)) {
        holds(&out, "\"Architecture\": \"arm64\"");
        holds(&out, "\"Created\": \"1970-01-01T00:00:00Z\"");
        ck_assert(support_run(copy, NULL, 0, NULL));
        ir_buf_clear(&out);
        const char *const index[] = {"cat", support_path("copy/index.json"), NULL};
        ck_assert(support_run(index, NULL, 0, &out));
        holds(&out, a.digest); /* --all keeps an index as it is */
    }
    ir_assembled_free(&a);
    support_end();
}
END_TEST

START_TEST(what_is_the_same_is_left_alone)
{
    ir_assembled a = {0}, again = {0}, more = {0};
    IR_AUTO(ir_buf) before = IR_BUF(1 << 20);
    IR_AUTO(ir_buf) after = IR_BUF(1 << 20);
    IR_AUTO(ir_buf) last = IR_BUF(1 << 20);
    support_begin();
    base_and_app(&a);
    state_of("app", &before);
    assembled("app", "1.0.0", APP, &again);
    state_of("app", &after);
    ck_assert(again.unchanged);
    ck_assert_str_eq(a.digest, again.digest);
    ck_assert_str_eq(ir_buf_str(&before), ir_buf_str(&after));
    support_file("dist/index.html", "<h1>hello again</h1>", 0644);
    assembled("app", "1.0.0", APP, &more);
    ck_assert(!more.unchanged);
    ck_assert_str_ne(a.digest, more.digest);
    read_back("app", "1.0.0", &last);
    holds(&last, "srv/html/index.html f 0644 20\n");
    ir_assembled_free(&a);
    ir_assembled_free(&again);
    ir_assembled_free(&more);
    support_end();
}
END_TEST

START_TEST(the_same_input_gives_the_same_digest)
{
    ir_assembled a = {0}, b = {0}, base = {0};
    support_begin();
    base_and_app(&a);
    utimensat(AT_FDCWD, support_path("dist/index.html"), NULL, 0);
    assembled("elsewhere", "other", APP, &b);
    ck_assert_str_eq(a.digest, b.digest);
    assembled("base2", "1", BASE, &base);
    ir_assembled_free(&b);
    /* Other annotations or another date make another image. */
    assembled("app", "1.0.0",
         "{'base': 'oci:base:1', 'platforms': ['linux/amd64', 'linux/arm64'], 'annotations': {'a':"
         " 'b'}, 'layers': [{'from': 'dist', 'to': '/srv/html'}]}",
         &b);
    ck_assert(!b.unchanged);
    ck_assert_str_eq(ir_json_str(ir_json_get(b.top.json, "annotations"), "a"), "b");
    ir_assembled_free(&a);
    ir_assembled_free(&b);
    ir_assembled_free(&base);
    support_end();
}
END_TEST

START_TEST(layers_that_are_there_are_reused)
{
    ir_assembled a = {0}, b = {0};
    support_begin();
    base_and_app(&a);
    /* The layer in the destination was made by another program: zstd, say. Its diffID counts. */
    assembled("app", "1.0.0",
         "{'base': 'oci:base:1', 'platforms': ['linux/amd64'], 'config': {'env': {'A': '2', 'Z':"
         " '3'}, 'labels': {'b': 'app'}}, 'layers': [{'from': 'dist', 'to': '/srv/html'}]}",
         &b);
    ck_assert(!b.unchanged && !b.top.is_index);
    IR_AUTO(ir_buf) out = IR_BUF(1 << 20);
    read_back("app", "1.0.0", &out);
    holds(&out, "\"Env\": [\"PATH=/bin\", \"A=2\", \"Z=3\"]");
    holds(&out, "\"Labels\": {\"a\": \"base\", \"b\": \"app\"}");
    ir_assembled_free(&a);
    ir_assembled_free(&b);
    support_end();
}
END_TEST

START_TEST(a_dry_run_writes_nothing)
{
    imgrel_error err = {0};
    ir_assembled a = {0}, b = {0};
    ir_call dry = support_call;
    dry.flags = IMGREL_FLAG_DRY_RUN;
    support_begin();
    dry.session = support_call.session;
    base_and_app(&a);
    unit_ok(assemble_call(&dry, "app", "1.0.0", APP, &b, &err), &err);
    ck_assert(b.unchanged);
    ir_assembled_free(&b);
    unit_ok(assemble_call(&dry, "new", "1.0.0", APP, &b, &err), &err);
    ck_assert(!b.unchanged && !*b.digest);
    ck_assert_int_ne(access(support_path("new"), F_OK), 0);
    ir_assembled_free(&a);
    ir_assembled_free(&b);
    support_end();
}
END_TEST

START_TEST(an_image_needs_no_base)
{
    ir_assembled a = {0};
    IR_AUTO(ir_buf) out = IR_BUF(1 << 20);
    support_begin();
    sources();
    assembled("scratch", "1",
         "{'platforms': ['linux/arm/v7'], 'config': {'cmd': ['/bin/app'], 'exposed': ['53/udp', "
         "'443']},"
         " 'tags': ['2', 'latest', '2'], 'created': '2026-11-22T10:00:00Z',"
         " 'layers': [{'from': 'dist/index.html', 'to': '/bin/app', 'owner': '7:8', 'mode': "
         "'0755'}]}",
         &a);
    ck_assert(!a.top.is_index);
    for (size_t i = 0; i < 3; i++) {
        ir_buf_clear(&out);
        read_back("scratch", i ? i == 1 ? "2" : "latest" : "1", &out);
        holds(&out, "linux arm {\"Cmd\": [\"/bin/app\"], \"ExposedPorts\": {\"443/tcp\": {}, "
                    "\"53/udp\": {}}}\nbin d 0755 \nbin/app f 0755 14\n");
    }
    ir_assembled_free(&a);
    support_end();
}
END_TEST

static void refused(const char *spec, int code, const char *word)
{
    imgrel_error err = {0};
    ir_assembled a = {0};
    ck_assert_int_eq(assemble("none", "1", spec, &a, &err), code);
    unit_error(&err, code, word);
    ck_assert_ptr_null(a.top.bytes);
    ck_assert_int_ne(access(support_path("none"), F_OK), 0); /* nothing is left behind */
}

START_TEST(bad_specs_name_the_key)
{
    static const char *const v[][2] = {
        {"[]", "not a JSON object"},
        {"{'bases': 1}", "unknown member \"bases\""},
        {"{'base': 7}", "image: base is neither"},
        {"{'base': {}}", "image: base is neither"},
        {"{'base': {'linux/amd64': 7}}", "image: base: \"linux/amd64\" is not a string"},
        {"{'platforms': 'linux'}", "\"platforms\" is not"},
        {"{'platforms': ['linux/']}", "platforms"},
        {"{'layers': [{'to': '/x'}]}", "image: layers[0]: member \"from\" is missing"},
        {"{'layers': [{'from': 'dist', 'to': '/x', 'way': 1}]}", "unknown member \"way\""},
        {"{'layers': [{'from': 'dist', 'to': '/x', 'owner': 'root'}]}", "owner \"root\""},
        {"{'layers': [{'from': 'dist', 'to': '/x', 'mode': '888'}]}", "mode \"888\""},
        {"{'layers': [{'from': 'dist', 'to': 'x'}]}", "not an absolute path"},
        {"{'config': {'environment': {}}}", "image: config: unknown member \"environment\""},
        {"{'config': {'env': {'A': 1}}}", "image: config.env: \"A\" is not a string"},
        {"{'config': {'cmd': [1]}}", "image: config.cmd[0] is not a string"},
        {"{'config': {'exposed': ['http']}}", "image: config.exposed: \"http\""},
        {"{'config': {'exposed': [70000]}}", "image: config.exposed"},
        {"{'created': 'yesterday'}", "created \"yesterday\""},
        {"{'tags': ['a b']}", "tag"},
        {"{'annotations': {'a': []}}", "image: annotations: \"a\""},
    };
    support_begin();
    sources();
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        refused(v[i][0], IMGREL_EINVAL, v[i][1]);
    support_end();
}
END_TEST

START_TEST(bases_that_lack_a_platform_say_what_they_have)
{
    ir_assembled a = {0};
    support_begin();
    base_and_app(&a);
    refused("{'base': 'oci:base:1', 'platforms': ['linux/amd64', 'linux/s390x']}", IMGREL_ENOTFOUND,
            "has no linux/s390x; it has linux/amd64, linux/arm64");
    refused("{'base': 'oci:base:1', 'platforms': ['linux/s390x']}", IMGREL_ENOTFOUND,
            "leave linux/s390x out of platforms");
    refused("{'base': {'linux/amd64': 'amd64'}, 'platforms': ['linux/arm64']}", IMGREL_ENOTFOUND,
            "no folder for linux/arm64");
    refused("{'base': 'oci:missing:1'}", IMGREL_ENOTFOUND, "base");
    ir_assembled_free(&a);
    assembled("single", "1", "{'base': 'oci:base:1', 'platforms': ['linux/arm64']}", &a);
    ck_assert(!a.top.is_index);
    refused("{'base': 'oci:single:1', 'platforms': ['linux/amd64']}", IMGREL_ENOTFOUND,
            "has no linux/amd64; it has linux/arm64");
    ir_assembled_free(&a);
    support_end();
}
END_TEST

START_TEST(failures_leave_no_image)
{
    imgrel_error err = {0};
    ir_assembled a = {0};
    support_begin();
    sources();
    refused("{'layers': [{'from': 'nowhere', 'to': '/x'}]}", IMGREL_ENOTFOUND, "nowhere");
    refused("{'base': {'linux/amd64': 'nowhere'}}", IMGREL_ENOTFOUND, "nowhere");
    ck_assert_int_eq(mkfifo(support_path("dist/pipe"), 0600), 0);
    int rc = assemble("out", "1", "{'layers': [{'from': 'dist', 'to': '/x'}]}", &a, &err);
    ck_assert_int_eq(rc, IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "pipe");
    IR_AUTO(ir_ref) ref = {0};
    ir_store *s = NULL;
    char name[512];
    ir_manifest m = {0};
    snprintf(name, sizeof name, "oci:%s/out:1", support_dir);
    err = (imgrel_error){0};
    unit_ok(ir_ref_parse(name, &ref, &err), &err);
    if (ir_store_open(&support_call, &ref, IR_STORE_READ, &s, NULL) == 0)
        ck_assert_int_eq(ir_store_manifest_get(s, &support_call, "1", &m, NULL), IMGREL_ENOTFOUND);
    ir_store_free(s);
    support_end();
}
END_TEST

static void config_is(const char *base, const char *spec, const char *want)
{
    imgrel_error err = {0};
    IR_AUTO(ir_json_p) json = NULL;
    IR_AUTO(ir_json_p) made_config = NULL;
    ir_image_spec s = {0};
    ir_image_part part = {.platform = {.os = "linux", .arch = "amd64"}};
    const char ids[1][IR_DIGEST_MAX] = {"sha256:x"};
    if (base)
        unit_ok(ir_json_parse(base, strlen(base), "base", &part.base_config, &err), &err);
    unit_ok(ir_json_parse(spec, strlen(spec), "spec", &json, &err), &err);
    unit_ok(ir_image_spec_read(&support_call, json, NULL, false, &s, &err), &err);
    unit_ok(ir_image_config_make(&s, &part, ids, &made_config, &err), &err);
    char *text = ir_json_string(made_config, IR_JSON_SORTED);
    ck_assert_str_eq(text, want);
    free(text);
    ir_json_free(part.base_config);
    ir_image_spec_free(&s);
}

START_TEST(configs_merge)
{
    config_is(NULL, "{}",
              "{\"architecture\":\"amd64\",\"config\":{},\"created\":\"1970-01-01T00:00:00Z\","
              "\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[],\"type\":\"layers\"}}");
    /* What nobody knows stays; a new entrypoint takes the old command with it. */
    config_is(
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"x\":{\"y\":1},\"config\":{\"Cmd\":"
        "[\"old\"],\"Healthcheck\":{},\"Volumes\":null},\"history\":[{\"empty_layer\":true}]}",
        "{\"config\":{\"entrypoint\":[\"new\"]},\"layers\":[{\"from\":\"/\",\"to\":\"/b\"}]}",
        "{\"architecture\":\"amd64\",\"config\":{\"Entrypoint\":[\"new\"],\"Healthcheck\":{},"
        "\"Volumes\":null},\"created\":\"1970-01-01T00:00:00Z\",\"history\":[{\"empty_layer\""
        ":true},{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"imgrel: / -> /b\"}],"
        "\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"sha256:x\"],\"type\":\"layers\"},"
        "\"x\":{\"y\":1}}");
}
END_TEST

UNIT_SUITE(image, an_app_stands_on_its_base, skopeo_reads_it, what_is_the_same_is_left_alone,
           the_same_input_gives_the_same_digest, layers_that_are_there_are_reused,
           a_dry_run_writes_nothing, an_image_needs_no_base, bad_specs_name_the_key,
           bases_that_lack_a_platform_say_what_they_have, failures_leave_no_image, configs_merge)
