/* registry_secure.c - logins and TLS: who may in, who may not, and what is kept of it. */
#include "hub.h"

#include "base/str.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int login(const char *user, const char *secret)
{
    hub_err = (imgrel_error){0};
    return imgrel_login(hub_client, hub_now.host, user, secret, NULL, &hub_err);
}

static void read_auth_file(ir_buf *out)
{
    struct stat st;
    imgrel_error err = {0};
    unit_ok(ir_file_read(support_path("auth.json"), out, &err), &err);
    ck_assert_int_eq(stat(support_path("auth.json"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
}

/* ---- logins ---- */

static void with_login(void)
{
    hub_start(HUB_LOGIN);
}

START_TEST(anonymous_is_refused)
{
    hub_begin();
    hub_image("src", "1", 1, NULL);
    ck_assert_ptr_null(hub_copy(hub_local("oci", "src:1"), hub_ref("anon/a:1"), NULL));
    unit_error(&hub_err, IMGREL_EAUTH, "imgrel login");
    ck_assert_ptr_nonnull(strstr(hub_err.message, hub_now.host));
    hub_end();
}
END_TEST

START_TEST(a_wrong_login_is_refused_and_not_kept)
{
    hub_begin();
    hub_set("auth_file", support_path("auth.json"));
    ck_assert_int_eq(login(HUB_USER, "wr0ng-s3cret"), IMGREL_EAUTH);
    unit_error(&hub_err, IMGREL_EAUTH, "refuses this user");
    unit_error(&hub_err, IMGREL_EAUTH, "robot");
    ck_assert_ptr_null(strstr(hub_err.message, "wr0ng"));
    ck_assert_int_ne(access(support_path("auth.json"), F_OK), 0);
    ck_assert_int_eq(login("", "x"), IMGREL_EINVAL);
    ck_assert_int_eq(login(HUB_USER, NULL), IMGREL_EINVAL);
    hub_end();
}
END_TEST

START_TEST(a_login_is_kept_used_and_forgotten)
{
    hub_begin();
    ir_desc d = {0};
    IR_AUTO(ir_buf) b = IR_BUF(10000);
    support_file("auth.json", "{\"auths\":{\"other\":{\"auth\":\"eDp5\"}},\"own\":1}", 0644);
    hub_set("auth_file", support_path("auth.json"));
    hub_image("src", "1", 2, &d);
    unit_ok(login(HUB_USER, HUB_SECRET), &hub_err);
    read_auth_file(&b);
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&b), hub_now.host));
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&b), "eDp5"));
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&b), "own"));
    hub_copied(hub_local("oci", "src:1"), hub_ref("kept/a:1"), d.digest);
    unit_ok(imgrel_logout(hub_client, hub_now.host, &hub_err), &hub_err);
    ir_buf_clear(&b);
    read_auth_file(&b);
    ck_assert_ptr_null(strstr(ir_buf_str(&b), hub_now.host));
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&b), "eDp5"));
    ck_assert_int_eq(imgrel_logout(hub_client, hub_now.host, &hub_err), IMGREL_ENOTFOUND);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(a_configured_login_works_for_its_host)
{
    hub_begin();
    ir_desc d = {0};
    imgrel_iter *it = NULL;
    hub_set("registry_hosts", hub_now.host);
    hub_set("registry_user", HUB_USER);
    hub_set("registry_password", HUB_SECRET);
    hub_image("src", "1", 3, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("conf/a:1"), d.digest);
    hub_requests();
    hub_copied(hub_local("oci", "src:1"), hub_ref("conf/a:1"), d.digest);
    /* Twice at most: the login is sent at once when the registry is known. */
    ck_assert_int_le(hub_requests(), 2);
    unit_ok(imgrel_tags(hub_client, hub_ref("conf/a"), NULL, &it, &hub_err), &hub_err);
    imgrel_iter_free(it);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

/* ---- TLS ---- */

static void with_tls(void)
{
    hub_start(HUB_TLS);
}

START_TEST(the_ca_is_needed)
{
    hub_begin();
    ir_desc d = {0};
    hub_image("src", "1", 4, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("tls/a:1"), d.digest);
    hub_copied(hub_ref("tls/a:1"), hub_local("oci", "dst:1"), d.digest);
    imgrel_client_free(hub_client);
    unit_ok(imgrel_client_new(&hub_client, &hub_err), &hub_err);
    ck_assert_ptr_null(hub_copy(hub_ref("tls/a:1"), hub_local("oci", "dst2:1"), NULL));
    ck_assert_msg(hub_err.code == IMGREL_ENET || hub_err.code == IMGREL_EAUTH ||
                      hub_err.code == IMGREL_EPROTO,
                  "%d %s", hub_err.code, hub_err.message);
    ck_assert_msg(strstr(hub_err.cure, "ca_file") || strstr(hub_err.cure, "--ca-file"), "%s [%s]",
                  hub_err.message, hub_err.cure);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(certs_d_is_read)
{
    hub_begin();
    ir_desc d = {0};
    char *text = NULL, *folder = ir_format("certs.d/%s/ca.crt", hub_now.host);
    IR_AUTO(ir_buf) ca = IR_BUF(100000);
    unit_ok(ir_file_read(dbl_pki_path(hub_now.pki, DBL_CA), &ca, &hub_err), &hub_err);
    support_file(folder, ir_buf_str(&ca), 0644);
    imgrel_client_free(hub_client);
    unit_ok(imgrel_client_new(&hub_client, &hub_err), &hub_err);
    hub_set("certs_dirs", support_path("certs.d"));
    hub_image("src", "1", 5, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("certs/a:1"), d.digest);
    unit_ok(imgrel_inspect(hub_client, hub_ref("certs/a:1"), NULL, &text, &hub_err), &hub_err);
    imgrel_free(text);
    free(folder);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

START_TEST(a_large_blob_goes_through_tls)
{
    hub_begin();
    size_t len = 20UL * 1024 * 1024;
    char *bytes = support_bytes('r', len), *digest = NULL;
    char want[IR_DIGEST_MAX];
    imgrel_blob *b = NULL;
    unit_ok(ir_hash_bytes(bytes, len, want, &hub_err), &hub_err);
    unit_ok(imgrel_blob_create(hub_client, hub_ref("tls/big"), NULL, &b, &hub_err), &hub_err);
    ck_assert_int_eq(imgrel_blob_write(b, bytes, len, &hub_err), (int64_t)len);
    unit_ok(imgrel_blob_commit(b, &digest, &hub_err), &hub_err);
    ck_assert_str_eq(digest, want);
    imgrel_blob_free(b);
    imgrel_free(digest);
    free(bytes);
    hub_end();
}
END_TEST

/* ---- both ---- */

static void with_both(void)
{
    hub_start(HUB_LOGIN | HUB_TLS);
}

START_TEST(skopeo_uses_our_login)
{
    hub_begin();
    ir_desc d = {0};
    hub_set("auth_file", support_path("auth.json"));
    unit_ok(login(HUB_USER, HUB_SECRET), &hub_err);
    hub_image("src", "1", 6, &d);
    hub_copied(hub_local("oci", "src:1"), hub_ref("both/a:1"), d.digest);
    char *from = ir_format("docker://%s", hub_ref("both/a:1"));
    IR_AUTO(ir_buf) ca = IR_BUF(100000);
    IR_AUTO(ir_buf) out = IR_BUF(100000);
    unit_ok(ir_file_read(dbl_pki_path(hub_now.pki, DBL_CA), &ca, &hub_err), &hub_err);
    support_file("certs/ca.crt", ir_buf_str(&ca), 0644);
    const char *const inspect[] = {"inspect",    "--raw",
                                   "--authfile", support_path("auth.json"),
                                   "--cert-dir", support_path("certs"),
                                   from,         NULL};
    hub_skopeo(&out, inspect);
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(out.p, out.len, digest, &hub_err), &hub_err);
    ck_assert_str_eq(digest, d.digest);
    free(from);
    ir_desc_free(&d);
    hub_end();
}
END_TEST

Suite *suite_login(void), *suite_tls(void), *suite_both(void);
Suite *suite_login(void)
{
    const TTest *const tests[] = {anonymous_is_refused, a_wrong_login_is_refused_and_not_kept,
                                  a_login_is_kept_used_and_forgotten,
                                  a_configured_login_works_for_its_host};
    return hub_suite("login", with_login, tests, sizeof tests / sizeof *tests);
}

Suite *suite_tls(void)
{
    const TTest *const tests[] = {the_ca_is_needed, certs_d_is_read, a_large_blob_goes_through_tls};
    return hub_suite("tls", with_tls, tests, sizeof tests / sizeof *tests);
}

Suite *suite_both(void)
{
    const TTest *const tests[] = {skopeo_uses_our_login, anonymous_is_refused,
                                  a_wrong_login_is_refused_and_not_kept};
    return hub_suite("both", with_both, tests, sizeof tests / sizeof *tests);
}
