/* check_release_file.c - the release file: what it says, and each mistake with line and column. */
#include "run/release_impl.h"
#include "unit.h"

#define HEAD                                            \
    "apiVersion: imgrel/v1\napp: web\nversion: 1.0.0\n" \
    "registry: {host: h.lan, url: http://h.lan}\n"
#define HARBOR "harbor: {project: p, robots: {push: ci, pull: k8s}}\n"
#define IMAGE "image: {base: 'h.lan/p/nginx:1.22', layers: [{from: dist, to: /srv}]}\n"
#define KUBE "kubernetes: {namespace: n, secret: s, pod: {port: 80}, service: {port: 8080}}\n"

static int parse(const char *text, ir_release **ret, imgrel_error *err)
{
    return ir_release_parse(text, strlen(text), "r.yaml", "/base", ret, err);
}

START_TEST(whole)
{
    ir_release *r = NULL;
    imgrel_error err = {0};
    unit_ok(parse(HEAD HARBOR IMAGE KUBE, &r, &err), &err);
    const ir_rel_file *f = &r->file;
    ck_assert_str_eq(f->app, "web");
    ck_assert_str_eq(ir_rel_version(r), "1.0.0");
    ck_assert_uint_eq(f->n_registries, 1);
    ck_assert_str_eq(f->registries[0].host, "h.lan");
    ck_assert_str_eq(f->registries[0].url, "http://h.lan");
    ck_assert(f->is_private);
    ck_assert_str_eq(r->push, "ci");
    ck_assert_str_eq(r->pull, "k8s");
    ck_assert_str_eq(f->base, "h.lan/p/nginx:1.22");
    ck_assert_uint_eq(f->n_clusters, 1);
    ck_assert_int_eq(f->pod_port, 80);
    ck_assert_int_eq(f->service_port, 8080);
    ir_release_free(r);
    ir_release_free(NULL);
}
END_TEST

START_TEST(lists)
{
    ir_release *r = NULL;
    imgrel_error err = {0};
    unit_ok(parse("apiVersion: imgrel/v1\napp: web\n"
                  "registries:\n- {name: eu, host: eu.lan}\n- {name: us, host: us.lan}\n"
                  "harbor: {project: p, private: false}\nimage: {from: 'oci:x'}\n"
                  "kubernetes: {namespace: n, secret: s, replicas: 3}\n"
                  "clusters:\n- {name: a, context: c1}\n- {name: b, context: c2, registry: us}\n",
                  &r, &err),
            &err);
    ck_assert_uint_eq(r->file.n_registries, 2);
    ck_assert_uint_eq(r->file.clusters[0].registry_at, 0);
    ck_assert_uint_eq(r->file.clusters[1].registry_at, 1);
    ck_assert_int_eq(r->file.replicas, 3);
    ck_assert(!r->file.is_private);
    ck_assert_str_eq(r->push, "web-push");
    ck_assert_str_eq(r->pull, "web-pull");
    ck_assert_ptr_null(ir_rel_version(r));
    ir_release_free(r);
}
END_TEST

START_TEST(refused)
{
    static const char *const t[][2] = {
        {"", "r.yaml: the file is empty"},
        {"- a\n", "r.yaml:1:1: a release must be a mapping"},
        {"apiVersion: imgrel/v2\n", "r.yaml:1:1: \"apiVersion\": \"imgrel/v2\": only imgrel/v1"},
        {"app: web\n", "lacks the key \"apiVersion\""},
        {HEAD HARBOR IMAGE "kubernets: {}\n", "r.yaml:7:1: a release has no key \"kubernets\""},
        {HEAD HARBOR IMAGE "kubernets: {}\n", "known are: apiVersion, app"},
        {"apiVersion: imgrel/v1\napp: Web\n", "r.yaml:2:1: \"app\": \"Web\": only a-z"},
        {"apiVersion: imgrel/v1\napp: -web\n", "r.yaml:2:1"},
        {"apiVersion: imgrel/v1\napp: 5\n", "\"app\" must be a string"},
        {"apiVersion: imgrel/v1\napp: 5\n", "put it in quotes"},
        {"apiVersion: imgrel/v1\napp: web\nversion: 1.22\n", "r.yaml:3:1: \"version\": \"1.22\""},
        {"apiVersion: imgrel/v1\napp: web\nversion: 1\n", "\"version\" must be a string"},
        {"apiVersion: imgrel/v1\napp: web\nversion: 1.0.0+b1\n", "not a semantic version"},
        {"apiVersion: imgrel/v1\napp: web\n" HARBOR IMAGE, "one of \"registry\" and"},
        {HEAD "registries: []\n" HARBOR IMAGE, "r.yaml:5:1: one of"},
        {"apiVersion: imgrel/v1\napp: web\nregistries: []\n" HARBOR IMAGE, "1 to 64 are allowed"},
        {"apiVersion: imgrel/v1\napp: web\nregistries: [{host: a.b}]\n" HARBOR IMAGE,
         "needs a \"name\""},
        {"apiVersion: imgrel/v1\napp: web\nregistries: [{name: a, host: a.b},\n {name: a, host: "
         "b.c}]\n" HARBOR IMAGE,
         "r.yaml:4:3: registry \"a\" is there twice"},
        {"apiVersion: imgrel/v1\napp: web\nregistry: {host: 'http://a'}\n" HARBOR IMAGE,
         "r.yaml:3:12: \"host\": \"http://a\": not a host"},
        {"apiVersion: imgrel/v1\napp: web\nregistry: {host: a.b, url: 'http://u:p@a.b'}\n" HARBOR
             IMAGE,
         "login"},
        {"apiVersion: imgrel/v1\napp: web\nregistry: {host: a.b, url: a.b}\n" HARBOR IMAGE,
         "not a URL"},
        {HEAD "harbor: {project: p, privat: true}\n" IMAGE, "r.yaml:5:22: harbor has no key"},
        {HEAD "harbor: {project: p, private: yes}\n" IMAGE, "\"private\" must be true or false"},
        {HEAD "harbor: {project: P}\n" IMAGE, "\"project\": \"P\""},
        {HEAD "harbor: {project: p, robots: {push: a, pull: a}}\n" IMAGE, "one robot cannot be"},
        {HEAD "harbor: {project: p, scan: {}}\n" IMAGE, "\"fail_above\" or \"fail_at\""},
        {HEAD "harbor: {project: p, scan: {fail_at: bad}}\n" IMAGE, "critical"},
        {HEAD "harbor: {}\n" IMAGE, "r.yaml:5:9: harbor lacks the key \"project\""},
        {HEAD HARBOR "image: {}\n", "one of \"base\", \"layers\", \"from\" and \"build\""},
        {HEAD HARBOR "image: {base: a/b, build: {context: .}}\n", "an image is built, or made"},
        {HEAD HARBOR "image: {build: {}}\n", "context"},
        {HEAD HARBOR "image: {build: {context: ., to: [x]}}\n", "to"},
        {HEAD HARBOR "image: {build: {context: ., sbom: maybe}}\n", "sbom"},
        {HEAD HARBOR "image: {from: a, base: b}\n", "is taken as it is"},
        {HEAD HARBOR "image: {base: 'A B'}\n", "not a reference"},
        {HEAD HARBOR "image: {base: a, platforms: [linux]}\n", "r.yaml:6:30: platforms: \"linux\""},
        {HEAD HARBOR "image: {layers: [{from: a, to: /b}]}\n", "\"platforms\" must be"},
        {HEAD HARBOR "image: {base: a, layers: [{from: a, to: b}]}\n", "must begin with /"},
        {HEAD HARBOR "image: {base: a, layers: [{from: a}]}\n", "a layer lacks the key \"to\""},
        {HEAD HARBOR "image: {base: a, layers: [x]}\n", "r.yaml:6:27: a layer must be a mapping"},
        {HEAD HARBOR "image: {base: a, config: {envs: {}}}\n", "image.config has no key \"envs\""},
        {HEAD HARBOR IMAGE "kubernetes: {namespace: n, secret: s, pod: {port: 99999}}\n",
         "r.yaml:7:45: \"port\" must be a port"},
        {HEAD HARBOR IMAGE "kubernetes: {namespace: n, secret: s, pod: {port: '80'}}\n",
         "must be a port"},
        {HEAD HARBOR IMAGE "kubernetes: {namespace: n, secret: s, replicas: 0}\n",
         "\"replicas\" must be a number, 1 to 1000"},
        {HEAD HARBOR IMAGE "kubernetes: {namespace: n, secret: s, replicas: many}\n",
         "must be a number"},
        {HEAD HARBOR IMAGE "kubernetes: {namespace: n, secret: s, service: {port: 80}}\n",
         "a service needs kubernetes.pod.port"},
        {HEAD HARBOR IMAGE "kubernetes: {namespace: N, secret: s}\n", "\"namespace\": \"N\""},
        {HEAD HARBOR IMAGE "clusters: [{name: a}]\n", "\"clusters\" need \"kubernetes\""},
        {HEAD HARBOR IMAGE KUBE "clusters: [{name: a, registry: eu}]\n",
         "r.yaml:8:22: no registry is called \"eu\""},
        {HEAD HARBOR IMAGE KUBE "clusters: [{name: a}, {name: a}]\n", "is there twice"},
        {HEAD HARBOR IMAGE "app: x\n", "r.yaml:7:1: key \"app\" is there twice"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_release *r = NULL;
        imgrel_error err = {0};
        ck_assert_msg(parse(t[i][0], &r, &err) == IMGREL_EINVAL, "%s", t[i][0]);
        ck_assert_ptr_null(r);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
        ck_assert_ptr_nonnull(strstr(err.message, "r.yaml"));
    }
}
END_TEST

START_TEST(rotation)
{
    static const char *const bad[][2] = {
        {"rotate: {grace: 30}\n", "must be a string"},
        {"rotate: {grace: 30x}\n", "a time like 30m"},
        {"rotate: {push: [{file: a, docker_config: b}]}\n", "is one of"},
        {"rotate: {push: [{user_file: a}]}\n", "is one of"},
        {"rotate: {push: [{}]}\n", "is one of"},
        {"rotate: {push: [{command: []}]}\n", "a list of words"},
        {"rotate: {pull: [{secret: {name: s}}]}\n", "lacks the key \"namespace\""},
        {"rotate: {pull: [{gitlab: {url: 'http://u:p@g', project: p}}]}\n", "no login"},
        {"rotate: {pall: []}\n", "no key \"pall\""}};
    ir_release *r = NULL;
    imgrel_error err = {0};
    unit_ok(parse(HEAD HARBOR IMAGE KUBE
                  "rotate: {grace: 2h, push: [{file: a, user_file: b}]}\n", &r,
                  &err),
            &err);
    ck_assert_int_eq(r->file.grace_s, 7200);
    ck_assert_uint_eq(ir_json_len(r->file.deliver[IR_REL_PUSH_ROLE]), 1);
    ck_assert_ptr_null(r->file.deliver[IR_REL_PULL_ROLE]);
    ir_release_free(r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[2000];
        ir_error_clear(&err);
        snprintf(text, sizeof text, "%s%s", HEAD HARBOR IMAGE KUBE, bad[i][0]);
        ck_assert_int_eq(parse(text, &r, &err), IMGREL_EINVAL);
        unit_error(&err, IMGREL_EINVAL, bad[i][1]);
        ck_assert_msg(strstr(err.message, "r.yaml:8:"), "%s", err.message);
    }
}
END_TEST

START_TEST(versions)
{
    static const char *const good[] = {"1.0.0", "v1.2.3", "0.0.0", "1.0.0-rc.1", "10.20.30-a-b"};
    static const char *const bad[] = {"",           "1",      "1.0",    "1.0.0.0",
                                      "01.0.0",     "1.0.x",  "1.0.0-", "1.0.0+b1",
                                      "1.0.0-a..b", "1.0.0 ", "a1.0.0", "1.0.0-a_b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(ir_rel_version_ok(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ir_rel_version_ok(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(settings)
{
    ir_release *r = NULL;
    imgrel_error err = {0};
    unit_ok(parse(HEAD HARBOR IMAGE KUBE, &r, &err), &err);
    unit_ok(ir_release_set(r, "version", "2.0.0", &err), &err);
    ck_assert_str_eq(ir_rel_version(r), "2.0.0");
    unit_ok(ir_release_set(r, "version", NULL, &err), &err);
    ck_assert_str_eq(ir_rel_version(r), "1.0.0");
    unit_ok(ir_release_set(r, "harbor_password", "x", &err), &err);
    unit_ok(ir_release_set(r, "forward", "0", &err), &err);
    unit_ok(ir_release_set(r, "node", "none", &err), &err);
    static const char *const bad[][3] = {{"version", "one", "semantic version"},
                                         {"harbor_url", "h", "URL"},
                                         {"forward", "70000", "a port"},
                                         {"node", "all", "is not none"},
                                         {"colour", "red", "known are: version"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ir_error_clear(&err);
        ck_assert_int_eq(ir_release_set(r, bad[i][0], bad[i][1], &err), IMGREL_EINVAL);
        unit_error(&err, IMGREL_EINVAL, bad[i][2]);
    }
    ir_release_free(r);
}
END_TEST

START_TEST(loading)
{
    ir_release *r = NULL;
    imgrel_error err = {0};
    ck_assert_int_eq(ir_release_load("/no/such/file.yaml", &r, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "/no/such/file.yaml");
    ck_assert_ptr_null(r);
}
END_TEST

UNIT_SUITE(release_file, whole, lists, refused, rotation, versions, settings, loading)
