/* check_url.c - strict URLs, RFC 3986 section 5.4's resolutions, origins, local addresses. */
#include "fmt/url.h"
#include "base/str.h"
#include "unit.h"

#include <stdlib.h>

START_TEST(parts)
{
    ir_url u;
    imgrel_error err = {0};
    unit_ok(ir_url_parse("HTTPS://us%40er:p%3Aw@Host.X:8443/a/%2e?q=1?2#f", &u, &err), &err);
    ck_assert_str_eq(u.scheme, "https");
    ck_assert_str_eq(u.host, "host.x");
    ck_assert_int_eq(u.port, 8443);
    ck_assert_str_eq(u.path, "/a/%2e");
    ck_assert_str_eq(u.query, "q=1?2");
    ck_assert_str_eq(u.user, "us@er");
    ck_assert_str_eq(u.password, "p:w");
    char *origin = ir_url_origin(&u);
    ck_assert_str_eq(origin, "https://host.x:8443");
    free(origin);
    ir_url_free(&u);
    unit_ok(ir_url_parse("http://[::1]?x", &u, &err), &err);
    ck_assert_str_eq(u.host, "[::1]");
    ck_assert_int_eq(u.port, 80);
    ck_assert_str_eq(u.path, "/");
    ck_assert_str_eq(u.query, "x");
    ir_url_free(&u);
    ir_url_free(&u);
}
END_TEST

START_TEST(refused)
{
    static const char *const t[][2] = {
        {"", "http"},
        {"ftp://h/", "http://"},
        {"h/x", "http://"},
        {"http:///x", "not a host"},
        {"http://h:0/", "bad port"},
        {"http://h:/", "bad port"},
        {"http://h:65536/", "bad port"},
        {"http://h:8x/", "bad port"},
        {"http://h:00000000080/", "bad port"},
        {"http://h x/", "percent-encoded"},
        {"http://h/\n", "percent-encoded"},
        {"http://h\\@evil/", "percent-encoded"},
        {"http://h/\xc3\xa4", "percent-encoded"},
        {"http://h/%zz", "two hex digits"},
        {"http://h/%4", "two hex digits"},
        {"http://a@b@c/", "two @"},
        {"http://h%41/", "not a host"},
        {"http://[::1/", "not a host"},
        {"http://[::g]/", "not a host"},
        {"http://[::1]x/", "not a host"},
        {"http://u@/", "not a host"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_url u;
        imgrel_error err = {0};
        ck_assert_msg(ir_url_parse(t[i][0], &u, &err) == IMGREL_EINVAL, "%s", t[i][0]);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
        ck_assert_ptr_null(u.host);
    }
    char *big = malloc(20000);
    memset(big, 'a', 19999);
    big[19999] = '\0';
    memcpy(big, "http://h/", 9);
    ck_assert_int_eq(ir_url_parse(big, &(ir_url){0}, NULL), IMGREL_EINVAL);
    free(big);
}
END_TEST

/* RFC 3986, 5.4.1 and 5.4.2, less fragments and foreign schemes. */
static const char *const resolved[][2] = {
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g/"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"g#s", "http://a/b/c/g"},
    {";x", "http://a/b/c/;x"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"https://U:P@X:443/a/../b?c#d", "https://x/b?c"},
    {"//h:8080/x", "http://h:8080/x"},
};

START_TEST(join)
{
    for (size_t i = 0; i < sizeof resolved / sizeof *resolved; i++) {
        char *s = NULL;
        imgrel_error err = {0};
        unit_ok(ir_url_join("http://u:p@a/b/c/d;p?q", resolved[i][0], &s, &err), &err);
        ck_assert_str_eq(s, resolved[i][1]);
        free(s);
    }
    static const char *const bad[] = {"ftp://x/", "javascript:x", "http://h h/", "/a b",
                                      "http://h:0/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *s = NULL;
        ck_assert_int_eq(ir_url_join("http://a/b", bad[i], &s, NULL), IMGREL_EINVAL);
        ck_assert_ptr_null(s);
    }
}
END_TEST

START_TEST(origins)
{
    static const struct {
        const char *a, *b;
        bool same;
    } t[] = {{"http://h/a", "http://H:80/b", true},
             {"http://h/", "https://h/", false},
             {"https://h/", "https://h:444/", false},
             {"http://h/", "http://h.x/", false}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_url a, b;
        unit_ok(ir_url_parse(t[i].a, &a, NULL), &(imgrel_error){0});
        unit_ok(ir_url_parse(t[i].b, &b, NULL), &(imgrel_error){0});
        ck_assert(ir_url_same_origin(&a, &b) == t[i].same);
        ir_url_free(&a);
        ir_url_free(&b);
    }
}
END_TEST

START_TEST(local)
{
    static const struct {
        const char *url;
        bool local;
    } t[] = {
        {"http://localhost/", true},
        {"http://x.localhost/", true},
        {"http://localhost./", true},
        {"http://x.localhost./", true},
        {"http://127.0.0.1/", true},
        {"http://127.1/", true},
        {"http://0x7f000001/", true},
        {"http://10.1.2.3/", true},
        {"http://172.16.0.1/", true},
        {"http://172.32.0.1/", false},
        {"http://192.168.1.1/", true},
        {"http://169.254.169.254/", true},
        {"http://0.0.0.0/", true},
        {"http://8.8.8.8/", false},
        {"http://[::1]/", true},
        {"http://[::]/", true},
        {"http://[fe80::1]/", true},
        {"http://[fd00::1]/", true},
        {"http://[::ffff:127.0.0.1]/", true},
        {"http://[2001:db8::1]/", false},
        {"http://[::ffff:8.8.8.8]/", false},
        {"http://harbor.lan/", false},
        {"http://localhost.x/", false},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_url u;
        unit_ok(ir_url_parse(t[i].url, &u, NULL), &(imgrel_error){0});
        ck_assert_msg(ir_url_is_local(&u) == t[i].local, "%s", t[i].url);
        ir_url_free(&u);
    }
}
END_TEST

START_TEST(encode)
{
    ir_buf b = IR_BUF(1000);
    ir_buf_adds(&b, "/x");
    ir_url_add_query(&b, "q", "a b&c=\xc3\xa4~");
    ir_url_add_query(&b, "n", "1");
    ck_assert_str_eq(ir_buf_str(&b), "/x?q=a%20b%26c%3D%C3%A4~&n=1");
    ir_buf_free(&b);
}
END_TEST

UNIT_SUITE(url, parts, refused, join, origins, local, encode)
