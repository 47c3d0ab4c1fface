/* check_hostile.c - an API server that sends more than anybody can want, or nothing, and
 * certificates that have ended, on either side. */
#include "base/limits.h"
#include "support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NS "/api/v1/namespaces/ns/"

static void has(const char *text, const char *word)
{
    ck_assert_msg(strstr(text, word) != NULL, "%s is not in: %s", word, text);
}

static int list_pods(kt *k)
{
    imgrel_iter *it = NULL;
    const char *item = NULL;
    int rc = imgrel_kube_list(k->kube, NULL, "pod", NULL, NULL, &it, kt_err(k));
    while (!rc && (rc = imgrel_iter_next(it, &item, kt_err(k))) == 1)
        rc = 0;
    imgrel_iter_free(it);
    return rc;
}

/* Every page says that there is another. */
START_TEST(a_list_without_an_end)
{
    kt k;
    kt_start(&k, NULL);
    dbl_on(k.server, &(dbl_rule){.headers = "Content-Type: application/json\r\n",
                                 .body = "{\"items\":[],\"metadata\":{\"continue\":\"x\"}}"});
    ck_assert_int_eq(list_pods(&k), IMGREL_ELIMIT);
    has(k.err.message, "a list of pods has over 2000 pages");
    ck_assert_uint_eq(dbl_count(k.server, NULL, NULL), IR_PAGES_MAX);
    kt_stop(&k);
}
END_TEST

/* One page that is larger than any. */
START_TEST(a_page_too_large)
{
    size_t len = IR_API_BODY_MAX + 1;
    char *page = malloc(len);
    kt k;
    ck_assert_ptr_nonnull(page);
    kt_start(&k, NULL);
    memset(page, ' ', len);
    page[0] = '{';
    dbl_on(k.server, &(dbl_rule){.headers = "Content-Type: application/json\r\n",
                                 .body = page,
                                 .body_len = len});
    free(page);
    ck_assert_int_eq(list_pods(&k), IMGREL_ELIMIT);
    has(k.err.message, dbl_host(k.server));
    kt_stop(&k);
}
END_TEST

/* ---- certificates ---------------------------------------------------------------------------- */

START_TEST(the_server_has_expired)
{
    kt k;
    kt_start_with(&k, NULL, dbl_pki_new_expired(NULL, DBL_CERT), true);
    ck_assert_int_eq(list_pods(&k), IMGREL_ENET);
    has(k.err.message, dbl_host(k.server));
    has(k.err.message,
        "its certificate is not accepted: SSL certificate problem: certificate has expired");
    has(k.err.cure, "renew the certificate of");
    ck_assert(!dbl_saw(k.server, "t0ken"));
    kt_stop(&k);
}
END_TEST

/* Refused in TLS, or by 401 as the API server does it. */
START_TEST(the_client_has_expired)
{
    kt k;
    dbl_pki *pki = dbl_pki_new_expired(NULL, DBL_CLIENT_CERT);
    char *user = ir_format("{client-certificate: %s, client-key: %s}",
                           dbl_pki_path(pki, DBL_CLIENT_CERT), dbl_pki_path(pki, DBL_CLIENT_KEY));
    kt_start_with(&k, user, pki, _i == 0);
    dbl_on(k.server,
           &(dbl_rule){.status = 401,
                       .headers = "Content-Type: application/json\r\n",
                       .body = "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":"
                               "\"Unauthorized\",\"code\":401}"});
    ck_assert_int_eq(list_pods(&k), _i ? IMGREL_EAUTH : IMGREL_ENET);
    has(k.err.message, dbl_host(k.server));
    has(k.err.cure, "client certificate expired at 20");
    free(user);
    kt_stop(&k);
}
END_TEST

/* ---- logs ------------------------------------------------------------------------------------ */

START_TEST(a_log_whose_head_never_comes)
{
    kt k;
    setenv("IMGREL_STALL_TIMEOUT", "1s", 1);
    kt_start(&k, NULL);
    dbl_on(k.server, &(dbl_rule){.before_head = true, .fault = DBL_STALL});
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(imgrel_kube_logs(k.kube, NULL, "pod/p", NULL, fd, NULL, kt_err(&k)),
                     IMGREL_ETIMEOUT);
    has(k.err.message, dbl_host(k.server));
    close(fd);
    kt_stop(&k);
}
END_TEST

Suite *suite_hostile(void);
Suite *suite_hostile(void)
{
    Suite *s = suite_create("hostile");
    TCase *c = tcase_create("hostile");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_list_without_an_end);
    tcase_add_test(c, a_page_too_large);
    tcase_add_test(c, the_server_has_expired);
    tcase_add_loop_test(c, the_client_has_expired, 0, 2);
    tcase_add_test(c, a_log_whose_head_never_comes);
    suite_add_tcase(s, c);
    return s;
}
