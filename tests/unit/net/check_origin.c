/* check_origin.c - what may go where: the rows whose absence became advisories elsewhere. */
#include "net/origin.h"
#include "unit.h"

enum { REFUSED = -1, NOTHING = 0, LOGIN = 1, ALL = 2 };

static int decide(const char *from, const char *to, enum ir_step step)
{
    IR_AUTO(ir_url) home = {0};
    IR_AUTO(ir_url) there = {0};
    imgrel_error err = {0};
    ir_grant g;
    unit_ok(ir_url_parse(from, &home, &err), &err);
    unit_ok(ir_url_parse(to, &there, &err), &err);
    if (ir_origin_grant(&home, &there, step, &g, &err)) {
        ck_assert_int_eq(err.code, IMGREL_EPROTO);
        ck_assert(!g.credentials && !g.headers && !g.client_cert);
        return REFUSED;
    }
    return g.headers ? ALL : g.credentials ? LOGIN : NOTHING;
}

START_TEST(redirects)
{
    static const struct {
        const char *from, *to;
        int want;
    } rows[] = {
        {"https://a.example/v2/", "https://a.example:443/other", ALL},
        {"https://a.example/", "https://A.EXAMPLE/", ALL},
        {"https://a.example/", "https://a.example:8443/", NOTHING},
        {"https://a.example/", "https://b.example/", NOTHING},
        {"https://a.example/", "https://a.example.evil.example/", NOTHING},
        {"https://a.example/", "http://a.example/", REFUSED},
        {"https://a.example/", "http://a.example:443/", REFUSED},
        {"http://a.example/", "https://a.example/", NOTHING},
        {"http://127.0.0.1:5000/", "http://127.0.0.1:5001/", NOTHING},
        {"http://127.0.0.1:5000/", "http://localhost:5000/", NOTHING},
    };
    ck_assert_int_eq(decide(rows[_i].from, rows[_i].to, IR_STEP_REDIRECT), rows[_i].want);
}
END_TEST
#define N_REDIRECTS 10

START_TEST(realms)
{
    static const struct {
        const char *from, *to;
        int want;
    } rows[] = {
        {"https://a.example/", "https://auth.example/token", LOGIN},
        {"https://a.example/", "https://a.example:9443/token", LOGIN},
        {"https://a.example/", "http://auth.example/token", REFUSED},
        {"http://a.example/", "http://a.example:81/token", LOGIN},
        {"http://a.example/", "http://other.example/token", NOTHING},
        {"http://a.example/", "https://other.example/token", LOGIN},
        {"https://a.example/", "https://169.254.169.254/latest", REFUSED},
        {"https://a.example/", "https://10.0.0.7/token", REFUSED},
        {"https://a.example/", "https://[::1]/token", REFUSED},
        {"https://a.example/", "https://localhost/token", REFUSED},
        {"http://a.example/", "http://127.0.0.1/token", REFUSED},
        {"http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", LOGIN},
        {"http://localhost:5000/", "http://127.0.0.1:5001/token", LOGIN},
        {"https://10.0.0.5/", "https://10.0.0.6/token", LOGIN},
    };
    ck_assert_int_eq(decide(rows[_i].from, rows[_i].to, IR_STEP_REALM), rows[_i].want);
}
END_TEST
#define N_REALMS 14

START_TEST(realm_redirects)
{
    ck_assert_int_eq(
        decide("https://auth.example/t", "https://c.example/t", IR_STEP_REALM_REDIRECT), NOTHING);
    ck_assert_int_eq(
        decide("https://auth.example/t", "https://127.0.0.1/t", IR_STEP_REALM_REDIRECT), REFUSED);
    ck_assert_int_eq(decide("https://auth.example/t", "http://c.example/t", IR_STEP_REALM_REDIRECT),
                     REFUSED);
}
END_TEST

Suite *suite_origin(void);
Suite *suite_origin(void)
{
    Suite *s = suite_create("origin");
    TCase *c = tcase_create("origin");
    tcase_add_loop_test(c, redirects, 0, N_REDIRECTS);
    tcase_add_loop_test(c, realms, 0, N_REALMS);
    tcase_add_test(c, realm_redirects);
    suite_add_tcase(s, c);
    return s;
}
