/* check_config.c - kubeconfigs: what they give, how several are merged, and every mistake with its
 * file, line and entry. */
#include "support.h"

#include <stdlib.h>

#define PEM "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==" /* -----BEGIN CERTIFICATE----- */

static const char good[] = "apiVersion: v1\n"
                           "kind: Config\n"
                           "current-context: dev\n"
                           "clusters:\n"
                           "- name: k\n"
                           "  cluster: {server: 'https://K.example:6443/prefix//', "
                           "tls-server-name: kubernetes, proxy-url: 'socks5://p:1', "
                           "certificate-authority-data: " PEM "}\n"
                           "- name: plain\n"
                           "  cluster: {server: 'http://127.0.0.1:8001'}\n"
                           "users:\n"
                           "- name: u\n"
                           "  user: {token: abc, as: boss, as-groups: [g1, g2], as-uid: '7', "
                           "as-user-extra: {a/b: [x]}}\n"
                           "- name: files\n"
                           "  user: {tokenFile: tok, token: old}\n"
                           "contexts:\n"
                           "- name: dev\n"
                           "  context: {cluster: k, user: u, namespace: team}\n"
                           "- name: plain\n"
                           "  context: {cluster: plain, user: u}\n"
                           "- name: files\n"
                           "  context: {cluster: k, user: files}\n";

static int parse(const char *text, const char *context, ir_kube **ret, imgrel_error *err)
{
    memset(err, 0, sizeof *err);
    return ir_kube_parse(text, strlen(text), "k.yaml", "/etc/kube", context, ret, err);
}

START_TEST(a_context)
{
    imgrel_error err;
    ir_kube *k = NULL;
    unit_ok(parse(good, NULL, &k, &err), &err);
    ck_assert_str_eq(ir_kube_server(k), "https://k.example:6443/prefix");
    ck_assert_str_eq(ir_kube_namespace(k), "team");
    ck_assert_str_eq(k->host, "k.example:6443");
    ck_assert_str_eq(k->tls_name, "kubernetes");
    ck_assert_str_eq(k->proxy, "socks5://p:1");
    ck_assert_str_eq(k->ca_pem, "-----BEGIN CERTIFICATE-----\n");
    ck_assert_str_eq(k->token, "abc");
    ck_assert_uint_eq(k->headers.n, 5);
    ck_assert_str_eq(k->headers.v[0], "Impersonate-User: boss");
    ck_assert_str_eq(k->headers.v[1], "Impersonate-Uid: 7");
    ck_assert_str_eq(k->headers.v[3], "Impersonate-Group: g2");
    ck_assert_str_eq(k->headers.v[4], "Impersonate-Extra-a%2Fb: x");
    ir_kube_free(k);
    unit_ok(parse(good, "files", &k, &err), &err);
    ck_assert_str_eq(k->ns, "default");
    ck_assert_str_eq(k->token_file, "/etc/kube/tok");
    ir_kube_free(k);
}
END_TEST

START_TEST(no_login_in_the_clear)
{
    imgrel_error err;
    ir_kube *k = NULL;
    ir_kube_login l;
    ir_call call = {0};
    unit_ok(parse(good, "plain", &k, &err), &err);
    unit_ok(ir_kube_login_get(&call, k, &l, &err), &err);
    ck_assert_int_eq(l.auth.kind, IR_AUTH_NONE);
    ir_kube_login_free(&l);
    ir_kube_free(k);
}
END_TEST

START_TEST(json_and_schemes)
{
    static const char json[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":\"c\",\"clusters\":[{\"name"
        "\":\"k\",\"cluster\":{\"server\":\"h:6443\",\"insecure-skip-tls-verify\":true}}],"
        "\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"k\"}}]}";
    imgrel_error err;
    ir_kube *k = NULL;
    unit_ok(parse(json, NULL, &k, &err), &err);
    ck_assert_str_eq(k->server, "https://h:6443");
    ck_assert(k->insecure && !k->token && !k->user);
    ir_kube_free(k);
}
END_TEST

/* Each mistake: the text after a common head, the line it is told at, a word of the message. */
struct mistake {
    const char *cluster, *user, *context;
    int line;
    const char *word;
};
#define CLUSTER "server: 'https://h'"
static const struct mistake mistakes[] = {
    {"{}", "{}", "{cluster: k}", 5, "names no server"},
    {"{server: 5}", "{}", "{cluster: k}", 5, "server must be a string"},
    {"{server: 'ftp://h'}", "{}", "{cluster: k}", 5, "cluster \"k\""},
    {"{server: 'https://u:p@h'}", "{}", "{cluster: k}", 5, "no login"},
    {"{" CLUSTER ", certificate-authority-data: '!'}", "{}", "{cluster: k}", 5, "not base64"},
    {"{" CLUSTER ", certificate-authority-data: aGk=}", "{}", "{cluster: k}", 5, "holds no PEM"},
    {"{" CLUSTER ", certificate-authority: nosuch.pem}", "{}", "{cluster: k}", 5,
     "/etc/kube/nosuch.pem"},
    {"{" CLUSTER ", insecure-skip-tls-verify: true, certificate-authority-data: " PEM "}", "{}",
     "{cluster: k}", 5, "exclude each other"},
    {"{" CLUSTER ", insecure-skip-tls-verify: 'yes'}", "{}", "{cluster: k}", 5, "true or false"},
    {"{" CLUSTER ", proxy-url: 'ftp://p'}", "{}", "{cluster: k}", 5, "socks5"},
    {"{" CLUSTER "}", "{token: a, username: b}", "{cluster: k, user: u}", 8,
     "found [token basicAuth], only one is allowed"},
    {"{" CLUSTER "}", "{token: 12}", "{cluster: k, user: u}", 8, "token must be a string"},
    {"{" CLUSTER "}", "{client-certificate-data: " PEM "}", "{cluster: k, user: u}", 8,
     "client-key"},
    {"{" CLUSTER "}", "{client-key-data: " PEM "}", "{cluster: k, user: u}", 8,
     "without a client certificate"},
    {"{" CLUSTER "}", "{as-uid: '1'}", "{cluster: k, user: u}", 8, "without a user"},
    {"{" CLUSTER "}", "{as: \"a\\nb\"}", "{cluster: k, user: u}", 8, "one line"},
    {"{" CLUSTER "}", "{auth-provider: {name: gcp}}", "{cluster: k, user: u}", 8,
     "auth-provider \"gcp\" was removed"},
    {"{" CLUSTER "}", "{exec: {command: x}}", "{cluster: k, user: u}", 8, "apiVersion must be"},
    {"{" CLUSTER "}", "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
     "{cluster: k, user: u}", 8, "invalid apiVersion"},
    {"{" CLUSTER "}", "{exec: {apiVersion: client.authentication.k8s.io/v1}}",
     "{cluster: k, user: u}", 8, "command must be"},
    {"{" CLUSTER "}", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}",
     "{cluster: k, user: u}", 8, "interactiveMode must be specified"},
    {"{" CLUSTER "}",
     "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}}",
     "{cluster: k, user: u}", 8, "wants a terminal"},
    {"{" CLUSTER "}",
     "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Maybe}}",
     "{cluster: k, user: u}", 8, "invalid interactiveMode"},
    {"{" CLUSTER "}", "{}", "{user: u}", 11, "names no cluster"},
    {"{" CLUSTER "}", "{}", "{cluster: x}", 11, "there is no cluster \"x\""},
    {"{" CLUSTER "}", "{}", "{cluster: k, user: x}", 11, "there is no user \"x\""},
    {"{" CLUSTER "}", "{}", "{cluster: k, namespace: 5}", 11, "namespace must be a string"},
};

START_TEST(mistakes_have_places)
{
    const struct mistake *m = &mistakes[_i];
    imgrel_error err;
    ir_kube *k = NULL;
    char place[32];
    char *text = ir_format("kind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: %s\n"
                           "users:\n- name: u\n  user: %s\ncontexts:\n- name: c\n  context: %s\n",
                           m->cluster, m->user, m->context);
    ck_assert_int_eq(parse(text, NULL, &k, &err), IMGREL_EINVAL);
    ck_assert_ptr_null(k);
    unit_error(&err, IMGREL_EINVAL, m->word);
    snprintf(place, sizeof place, "k.yaml:%d:", m->line);
    ck_assert_msg(ir_starts(err.message, place), "%s: not at %s", err.message, place);
    free(text);
}
END_TEST

static void refuse(const char *text, const char *context, const char *word, const char *cure)
{
    imgrel_error err;
    ir_kube *k = NULL;
    ck_assert_int_eq(parse(text, context, &k, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, word);
    if (cure)
        ck_assert_msg(strstr(err.cure, cure) != NULL, "%s", err.cure);
}

START_TEST(other_mistakes)
{
    refuse("a: [", NULL, "k.yaml:", NULL);
    refuse("[]", NULL, "mapping", NULL);
    refuse("kind: Pod", NULL, "k.yaml:1:1: kind is \"Pod\"", NULL);
    refuse("clusters: 5", NULL, "clusters must be a list", NULL);
    refuse("clusters: [{cluster: {}}]", NULL, "clusters[0] has no name", NULL);
    refuse("users:\n- name: a\n  user: {}\n- name: a\n  user: {}\n", NULL,
           "k.yaml:4:3: user \"a\" is there twice", NULL);
    refuse("users: [{name: a, user: x}]", NULL, "must be a mapping", NULL);
    refuse("current-context: 7", NULL, "current-context must be a string", NULL);
    refuse(good, "zzz", "there is no context \"zzz\"", "dev, plain, files");
    refuse("contexts: [{name: a}, {name: b}]", NULL, "no current-context", "a, b");
}
END_TEST

/* ---- files ----------------------------------------------------------------------------------- */

static int load(const ir_kube_env *env, const char *file, ir_kube **ret, imgrel_error *err)
{
    memset(err, 0, sizeof *err);
    return ir_kube_load(env, file, NULL, ret, err);
}

START_TEST(merged)
{
    imgrel_error err;
    ir_kube *k = NULL;
    const char *a = kt_file("a", "current-context: ''\nusers: [{name: u, user: {token: fromA}}]\n"
                                 "clusters: [{name: k, cluster: {server: 'https://a'}}]\n");
    const char *b = kt_file("b", "current-context: c\n"
                                 "users: [{name: u, user: {username: x, password: y}}]\n"
                                 "clusters: [{name: k, cluster: {server: 'https://b', "
                                 "tls-server-name: b}}]\n"
                                 "contexts: [{name: c, context: {cluster: k, user: u}}]\n");
    const char *c = kt_file("c", "current-context: other\n"
                                 "contexts: [{name: other, context: {cluster: k}}]\n");
    char *list = ir_format("/nonexistent/x::%s:%s:%s", a, b, c);
    ir_kube_env env = {.kubeconfig = list};
    unit_ok(load(&env, NULL, &k, &err), &err);
    ck_assert_str_eq(k->host, "a:443");
    ck_assert_str_eq(k->token, "fromA");
    ck_assert_ptr_null(k->basic_user); /* an entry comes whole, from its first file */
    ck_assert_ptr_null(k->tls_name);
    ir_kube_free(k);
    free(list);
    kt_clean();
}
END_TEST

START_TEST(paths_belong_to_their_file)
{
    imgrel_error err;
    ir_kube *k = NULL;
    kt_file("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    const char *f = kt_file("conf", "current-context: c\n"
                                    "clusters: [{name: k, cluster: {server: 'https://a', "
                                    "certificate-authority: ca.pem}}]\n"
                                    "users: [{name: u, user: {exec: {apiVersion: "
                                    "client.authentication.k8s.io/v1beta1, command: ./plug, "
                                    "args: [a, b c]}}}]\n"
                                    "contexts: [{name: c, context: {cluster: k, user: u}}]\n");
    ir_kube_env env = {0};
    unit_ok(load(&env, f, &k, &err), &err);
    ck_assert_str_eq(k->ca_pem, "-----BEGIN CERTIFICATE-----\n");
    char *plug = ir_format("%s/./plug", kt_dir());
    ck_assert_str_eq(k->exec->command, plug);
    ck_assert_str_eq(k->exec->args.v[1], "b c");
    free(plug);
    ir_kube_free(k);
    kt_clean();
}
END_TEST

START_TEST(no_configuration)
{
    imgrel_error err;
    ir_kube *k = NULL;
    ir_kube_env env = {.kubeconfig = "/nonexistent/a:/nonexistent/b", .home = "/nonexistent"};
    ck_assert_int_eq(load(&env, NULL, &k, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "no Kubernetes configuration");
    ck_assert_int_eq(load(&env, "/nonexistent/c", &k, &err), IMGREL_ENOTFOUND);
    unit_error(&err, IMGREL_ENOTFOUND, "/nonexistent/c");
    env.kubeconfig = NULL;
    ck_assert_int_eq(load(&env, NULL, &k, &err), IMGREL_ENOTFOUND);
    const char *bad = kt_file("bad", "clusters: [");
    env.kubeconfig = bad;
    ck_assert_int_eq(load(&env, NULL, &k, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, bad);
    kt_clean();
}
END_TEST

START_TEST(in_a_pod)
{
    imgrel_error err;
    ir_kube *k = NULL;
    ir_kube_login l;
    ir_call call = {0};
    kt_file("ca.crt", "-----BEGIN CERTIFICATE-----\n");
    kt_file("namespace", "team");
    kt_file("token", "one\n");
    ir_kube_env env = {.service_host = "fd00::1", .service_port = "443", .account_dir = kt_dir()};
    unit_ok(load(&env, NULL, &k, &err), &err);
    ck_assert_str_eq(k->host, "[fd00::1]:443");
    ck_assert_str_eq(k->ns, "team");
    unit_ok(ir_kube_login_get(&call, k, &l, &err), &err);
    ck_assert_str_eq(l.auth.secret, "one");
    ir_kube_login_free(&l);
    kt_file("token", "two"); /* rotated */
    unit_ok(ir_kube_login_get(&call, k, &l, &err), &err);
    ck_assert_str_eq(l.auth.secret, "two");
    ir_kube_login_free(&l);
    ir_kube_free(k);
    memset(&err, 0, sizeof err);
    ck_assert_int_eq(ir_kube_load(&env, NULL, "dev", &k, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "no contexts");
    kt_clean();
}
END_TEST

Suite *suite_config(void);
Suite *suite_config(void)
{
    Suite *s = suite_create("config");
    TCase *c = tcase_create("config");
    tcase_add_test(c, a_context);
    tcase_add_test(c, no_login_in_the_clear);
    tcase_add_test(c, json_and_schemes);
    tcase_add_loop_test(c, mistakes_have_places, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(c, other_mistakes);
    tcase_add_test(c, merged);
    tcase_add_test(c, paths_belong_to_their_file);
    tcase_add_test(c, no_configuration);
    tcase_add_test(c, in_a_pod);
    suite_add_tcase(s, c);
    return s;
}
