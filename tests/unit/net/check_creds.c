/* check_creds.c - where logins come from, helpers that misbehave, and how one is kept. */
#include "net/creds_impl.h"
#include "net/memo.h"
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static net n;
static ir_creds found;

static void setup(void)
{
    net_start(&n, NULL);
    memset(&found, 0, sizeof found);
}

static void teardown(void)
{
    ir_creds_free(&found);
    net_stop(&n);
}

static void find(const char *host, const char *repository)
{
    ir_creds_free(&found);
    unit_ok(ir_creds_find(&n.call, host, repository, &found, &n.err), &n.err);
}

static void want(const char *host, const char *repository, const char *user, const char *secret)
{
    find(host, repository);
    ck_assert_msg(ir_streq(found.user, user), "%s/%s: %s, wanted %s", host, repository, found.user,
                  user);
    ck_assert_msg(ir_streq(found.secret, secret), "%s/%s: %s", host, repository, found.secret);
}

static void use_file(const char *text)
{
    setenv("REGISTRY_AUTH_FILE", net_file("auth.json", text, 0600), 1);
    ir_session_free(n.session); /* forgets what was found in the last one */
    ir_conf conf = {.helpers = true, .helper_timeout_ms = 500};
    unit_ok(ir_session_new(&conf, NULL, &n.session, &n.err), &n.err);
    n.call.session = n.session;
}

/* ---- files ---------------------------------------------------------------------------------- */

START_TEST(entries)
{
    use_file("{\"auths\": {"
             "\"a.example\": {\"auth\": \"dXNlcjpwYTpzcw==\"},"
             "\"b.example:5000\": {\"username\": \"u\", \"password\": \"p\"},"
             "\"https://c.example/v2/\": {\"auth\": \"dTpw\"},"
             "\"http://d.example\": {\"auth\": \"dTpwAAA=\"},"
             "\"https://index.docker.io/v1/\": {\"auth\": \"aHViOnA=\"},"
             "\"e.example\": {\"identitytoken\": \"idt\", \"auth\": \"PHRva2VuPjo=\"},"
             "\"f.example\": {\"registrytoken\": \"rt\"},"
             "\"g.example\": {}}, \"other\": 1}");
    want("a.example", "x", "user", "pa:ss");
    want("A.EXAMPLE", NULL, "user", "pa:ss");
    want("a.example:5000", NULL, NULL, NULL);
    want("b.example:5000", "x/y", "u", "p");
    want("b.example", "x/y", NULL, NULL);
    want("c.example", "x", "u", "p");
    want("d.example", "x", "u", "p");
    want("docker.io", "library/nginx", "hub", "p");
    want("registry-1.docker.io", NULL, "hub", "p");
    find("e.example", NULL);
    ck_assert_str_eq(found.identity_token, "idt");
    find("f.example", NULL);
    ck_assert_str_eq(found.registry_token, "rt");
    ck_assert(ir_ends(found.source, "auth.json"));
    want("g.example", NULL, NULL, NULL);
    want("ample", NULL, NULL, NULL);
    want("nobody.example", NULL, NULL, NULL);
}
END_TEST

START_TEST(path_prefixes)
{
    use_file("{\"auths\": {"
             "\"q.example\": {\"auth\": \"aG9zdDpw\"},"
             "\"q.example/a\": {\"auth\": \"YTpw\"},"
             "\"q.example/a/b\": {\"auth\": \"YWI6cA==\"},"
             "\"q.example/a/bc/d\": {\"auth\": \"YWJjZDpw\"}}}");
    want("q.example", NULL, "host", "p");
    want("q.example", "x", "host", "p");
    want("q.example", "a", "a", "p");
    want("q.example", "a/x", "a", "p");
    want("q.example", "ab", "host", "p");
    want("q.example", "a/b", "ab", "p");
    want("q.example", "a/b/c/d", "ab", "p");
    want("q.example", "a/bc", "a", "p");
    want("q.example", "a/bc/d/e", "abcd", "p");
}
END_TEST

START_TEST(order)
{
    static const ir_login logins[] = {{"a.example", "call", "c"}, {"anon.example", "", ""}};
    net_file(".docker/config.json",
             "{\"auths\": {\"a.example\": {\"auth\": \"ZG9ja2VyOnA=\"},"
             "\"h.example\": {\"auth\": \"ZG9ja2VyOnA=\"},"
             "\"anon.example\": {\"auth\": \"ZG9ja2VyOnA=\"}}}",
             0600);
    want("h.example", NULL, "docker", "p");
    net_file(".config/containers/auth.json",
             "{\"auths\": {\"a.example\": {\"auth\": "
             "\"cG9kbWFuOnA=\"}}}",
             0600);
    want("a.example", NULL, "podman", "p");
    ir_memo_forget(n.session, "");
    setenv("DOCKER_AUTH_CONFIG", "{\"auths\": {\"a.example\": {\"auth\": \"ZW52OnA=\"}}}", 1);
    want("a.example", NULL, "env", "p");
    ck_assert_str_eq(found.source, "DOCKER_AUTH_CONFIG");
    n.call.logins = logins;
    n.call.n_logins = 2;
    want("a.example", NULL, "call", "c");
    want("anon.example", NULL, NULL, NULL); /* said to be anonymous, whatever the files have */
    /* A file that is named is the only one. */
    n.call.n_logins = 0;
    unsetenv("DOCKER_AUTH_CONFIG");
    use_file("{\"auths\": {}}");
    want("h.example", NULL, NULL, NULL);
}
END_TEST

static void registry_user(ir_conf *conf)
{
    conf->registry_user = ir_strdup("robot$p+n");
    conf->registry_password = ir_strdup("secret");
    ck_assert_int_eq(ir_strv_add(&conf->registry_hosts, "r.example"), 0);
}

START_TEST(configured_login)
{
    net_stop(&n);
    net_start(&n, registry_user);
    want("r.example", NULL, "robot$p+n", "secret");
    want("s.example", NULL, NULL, NULL);
    want("r.example:5000", NULL, NULL, NULL);
}
END_TEST

START_TEST(broken_files)
{
    static const char *const bad[] = {"{", "[]", "nonsense",
                                      "{\"auths\": {\"a.example\": {\"auth\": \"!!\"}}}",
                                      "{\"auths\": {\"a.example\": {\"auth\": \"bm9jb2xvbg==\"}}}"};
    net_file(".docker/config.json", bad[_i], 0600);
    want("a.example", NULL, NULL, NULL); /* nobody named it: a public pull goes on */
    ck_assert(net_logged("logins can't be read"));
    use_file(bad[_i]);
    ck_assert_int_eq(ir_creds_find(&n.call, "a.example", NULL, &found, &n.err), IMGREL_EINVAL);
    unit_error(&n.err, IMGREL_EINVAL, "auth.json");
    ck_assert_ptr_null(found.secret);
}
END_TEST

/* ---- helpers -------------------------------------------------------------------------------- */

static void helper(const char *name, const char *script)
{
    char *file = ir_format("bin/docker-credential-%s", name);
    char *text = ir_format("#!/bin/sh\n%s\n", script);
    char *path = ir_format("%s/bin:%s", net_dir(), getenv("PATH"));
    ck_assert_int_eq(chmod(net_file(file, text, 0700), 0700), 0);
    if (!ir_starts(getenv("PATH"), net_dir()))
        setenv("PATH", path, 1);
    free(file);
    free(text);
    free(path);
}

START_TEST(good_helper)
{
    helper("fine", "echo run >>$HOME/runs; read h; [ \"$1\" = get ] && "
                   "echo \"{\\\"ServerURL\\\":\\\"$h\\\",\\\"Username\\\":\\\"$h\\\","
                   "\\\"Secret\\\":\\\"s\\\"}\"");
    helper("token", "echo '{\"Username\":\"<token>\",\"Secret\":\"idt\"}'");
    use_file("{\"credsStore\": \"fine\", \"credHelpers\": {\"t.example\": \"token\"},"
             "\"auths\": {\"a.example\": {}, \"own.example\": {\"auth\": \"dTpw\"}}}");
    want("a.example", "x", "a.example", "s");
    ck_assert_str_eq(found.source, "helper fine");
    want("a.example", "y", "a.example", "s");
    want("docker.io", NULL, "https://index.docker.io/v1/", "s");
    want("own.example", NULL, "u", "p");
    find("t.example", NULL);
    ck_assert_ptr_null(found.user);
    ck_assert_str_eq(found.identity_token, "idt");
    /* Asked once a host, not once a repository. */
    IR_AUTO(ir_buf) runs = IR_BUF(100);
    char *path = ir_path_join(net_dir(), "runs");
    unit_ok(ir_file_read(path, &runs, &n.err), &n.err);
    ck_assert_uint_eq(runs.len, 8);
    free(path);
}
END_TEST

START_TEST(bad_helpers)
{
    static const struct {
        const char *name, *script;
    } rows[] = {
        {"missing-one", NULL},
        {"hangs", "sleep 20"},
        {"garbage", "echo hello"},
        {"fails", "echo oops >&2; exit 1"},
        {"huge", "yes | head -c 1000000"},
        {"empty", "true"},
        {"nosecret", "echo '{\"Username\":\"u\"}'"},
        {"none", "echo credentials not found in native keychain; exit 1"},
        {"../../evil", NULL},
        {"a b", NULL},
    };
    char *text = ir_format("{\"credsStore\": \"%s\"}", rows[_i].name);
    if (rows[_i].script)
        helper(rows[_i].name, rows[_i].script);
    use_file(text);
    int64_t start = ir_now_ms();
    want("a.example", NULL, NULL, NULL);
    ck_assert_int_lt(ir_now_ms() - start, 3000);
    free(text);
}
END_TEST
#define N_BAD_HELPERS 10

START_TEST(helpers_switched_off)
{
    helper("never", "touch $HOME/ran");
    use_file("{\"credsStore\": \"never\"}");
    ((ir_conf *)ir_session_conf(n.session))->helpers = false;
    want("a.example", NULL, NULL, NULL);
    char *path = ir_path_join(net_dir(), "ran");
    ck_assert_int_eq(access(path, F_OK), -1);
    free(path);
}
END_TEST

START_TEST(helper_and_cancel)
{
    imgrel_cancel *t = NULL;
    helper("hangs", "sleep 20");
    use_file("{\"credsStore\": \"hangs\"}");
    unit_ok(imgrel_cancel_new(&t, &n.err), &n.err);
    imgrel_cancel_fire(t);
    n.call.cancel = t;
    ck_assert_int_eq(ir_creds_find(&n.call, "a.example", NULL, &found, &n.err), IMGREL_ECANCELED);
    imgrel_cancel_free(t);
}
END_TEST

/* ---- keeping -------------------------------------------------------------------------------- */

static void store(const char *host, const char *user, const char *secret)
{
    unit_ok(ir_creds_store(&n.call, host, user, secret, &n.err), &n.err);
}

START_TEST(store_and_forget)
{
    struct stat st;
    char *path = ir_path_join(net_dir(), ".docker/config.json");
    store("a.example", "me", "pw\"\\x");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    want("a.example", NULL, "me", "pw\"\\x");
    store("a.example", "me", "newer");
    want("a.example", NULL, "me", "newer");
    store("docker.io", "hub", "h");
    want("docker.io", "library/x", "hub", "h");
    store("a.example", NULL, NULL);
    want("a.example", NULL, NULL, NULL);
    want("docker.io", NULL, "hub", "h");
    ck_assert_int_eq(ir_creds_store(&n.call, "a.example", NULL, NULL, &n.err), IMGREL_ENOTFOUND);
    unit_error(&n.err, IMGREL_ENOTFOUND, "a.example");
    free(path);
}
END_TEST

static void file_is(const char *name, const char *want)
{
    IR_AUTO(ir_buf) got = IR_BUF(10000);
    char *path = ir_path_join(net_dir(), name);
    unit_ok(ir_file_read(path, &got, &n.err), &n.err);
    ck_assert_msg(!strcmp(got.p, want), "%s: %s", name, got.p);
    free(path);
}

/* A helper that the file names keeps the login; the file then has nothing of it. */
START_TEST(store_by_helper)
{
    helper("keeps", "cd $HOME; echo \"$0 $*\" | sed 's,.*/,,' >>argv; case $1 in\n"
                    "store) cat >kept;;\n"
                    "erase) [ -f kept ] && cat >erased && rm kept ||"
                    " { echo credentials not found in native keychain; exit 1; };;\n"
                    "get) cat kept;;\nesac");
    use_file("{\"credHelpers\":{\"h.example\":\"keeps\"},"
             "\"auths\":{\"h.example\":{\"auth\":\"b2xkOm9sZA==\"},\"o.example\":{}}}");
    store("h.example", "u", "s3cret\"\\n");
    file_is("kept",
            "{\"ServerURL\":\"h.example\",\"Username\":\"u\",\"Secret\":\"s3cret\\\"\\\\n\"}");
    file_is("argv", "docker-credential-keeps store\n");
    IR_AUTO(ir_buf) file = IR_BUF(10000);
    char *path = ir_path_join(net_dir(), "auth.json");
    unit_ok(ir_file_read(path, &file, &n.err), &n.err);
    ck_assert(!strstr(file.p, "b2xkOm9sZA==") && !strstr(file.p, "s3cret"));
    ck_assert(strstr(file.p, "keeps") && strstr(file.p, "o.example"));
    free(path);
    want("h.example", NULL, "u", "s3cret\"\\n");
    unit_ok(ir_creds_store(&n.call, "h.example", NULL, NULL, &n.err), &n.err);
    file_is("erased", "h.example");
    ck_assert_int_eq(ir_creds_store(&n.call, "h.example", NULL, NULL, &n.err), IMGREL_ENOTFOUND);
    unit_error(&n.err, IMGREL_ENOTFOUND, "no login to forget");
    ir_error_clear(&n.err);
    store("other.example", "u", "p"); /* not the helper's */
    want("other.example", NULL, "u", "p");
}
END_TEST

/* A login that can't be kept is an error, and is not left in the file instead. */
START_TEST(store_by_a_helper_that_fails)
{
    static const char *const names[] = {"broken", "missing-one", "../evil"};
    helper("broken", "cat; exit 3");
    for (size_t i = 0; i < 3; i++) {
        char *text = ir_format("{\"credsStore\":\"%s\"}", names[i]);
        use_file(text);
        ir_error_clear(&n.err);
        ck_assert_int_lt(ir_creds_store(&n.call, "h.example", "u", "s3cret", &n.err), 0);
        ck_assert(strstr(n.err.message, "h.example") && !strstr(n.err.message, "s3cret"));
        file_is("auth.json", text);
        free(text);
    }
    ((ir_conf *)ir_session_conf(n.session))->helpers = false;
    store("h.example", "u", "p"); /* helpers are not wanted: the file keeps it */
}
END_TEST

START_TEST(store_keeps_the_rest)
{
    IR_AUTO(ir_buf) text = IR_BUF(10000);
    const char *path = net_file("auth.json",
                                "{\"psFormat\": \"x\", \"auths\": {\"b.example\": {\"auth\": "
                                "\"dTpw\", \"email\": \"e\"}, \"https://a.example/v1/\": {}},"
                                "\"HttpHeaders\": {\"X\": \"1\"}}",
                                0644);
    setenv("REGISTRY_AUTH_FILE", path, 1);
    store("a.example", "me", "pw");
    unit_ok(ir_file_read(path, &text, &n.err), &n.err);
    ck_assert_ptr_nonnull(strstr(text.p, "psFormat"));
    ck_assert_ptr_nonnull(strstr(text.p, "\"email\": \"e\""));
    ck_assert_ptr_nonnull(strstr(text.p, "HttpHeaders"));
    ck_assert_ptr_null(strstr(text.p, "https://a.example"));
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    want("a.example", NULL, "me", "pw");
    want("b.example", NULL, "u", "p");
}
END_TEST

START_TEST(store_follows_links)
{
    const char *real = net_file("dotfiles/config.json", "{}", 0600);
    char *dir = ir_path_join(net_dir(), ".docker"), *link = ir_path_join(dir, "config.json");
    struct stat st;
    unit_ok(ir_mkdirs(dir, 0700, &n.err), &n.err);
    ck_assert_int_eq(symlink(real, link), 0);
    store("a.example", "me", "pw");
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    want("a.example", NULL, "me", "pw");
    free(dir);
    free(link);
}
END_TEST

START_TEST(store_refuses_what_it_cannot_read)
{
    IR_AUTO(ir_buf) text = IR_BUF(1000);
    const char *path = net_file("auth.json", "{broken", 0600);
    setenv("REGISTRY_AUTH_FILE", path, 1);
    ck_assert_int_eq(ir_creds_store(&n.call, "a.example", "me", "pw", &n.err), IMGREL_EINVAL);
    unit_error(&n.err, IMGREL_EINVAL, "auth.json");
    unit_ok(ir_file_read(path, &text, &n.err), &n.err);
    ck_assert_str_eq(text.p, "{broken"); /* left as it was */
}
END_TEST

START_TEST(merging)
{
    IR_AUTO(ir_buf) out = IR_BUF(10000);
    unit_ok(ir_creds_merge(NULL, 0, "h.example", "robot$a+b", "s", &out, &n.err), &n.err);
    ir_creds c = {NULL};
    char *helper_name = NULL;
    unit_ok(ir_creds_read(out.p, out.len, "it", "h.example", NULL, &c, &helper_name, &n.err),
            &n.err);
    ck_assert_str_eq(c.user, "robot$a+b");
    ck_assert_str_eq(c.secret, "s");
    ck_assert_ptr_nonnull(strstr(out.p, "\"auth\": \"cm9ib3QkYStiOnM=\""));
    ck_assert_ptr_nonnull(strstr(out.p, "\"username\": \"robot$a+b\""));
    ir_creds_free(&c);
    ir_buf_clear(&out);
    ck_assert_int_eq(ir_creds_merge("{\"auths\": 3}", 12, "h", "u", "s", &out, &n.err),
                     IMGREL_EINVAL);
}
END_TEST

Suite *suite_creds(void);
Suite *suite_creds(void)
{
    const TTest *const tests[] = {
        entries,
        path_prefixes,
        order,
        configured_login,
        good_helper,
        helpers_switched_off,
        helper_and_cancel,
        store_and_forget,
        store_by_helper,
        store_by_a_helper_that_fails,
        store_keeps_the_rest,
        store_follows_links,
        store_refuses_what_it_cannot_read,
        merging,
    };
    Suite *s = suite_create("creds");
    TCase *c = tcase_create("creds");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    tcase_add_loop_test(c, bad_helpers, 0, N_BAD_HELPERS);
    tcase_add_loop_test(c, broken_files, 0, 5);
    suite_add_tcase(s, c);
    return s;
}
