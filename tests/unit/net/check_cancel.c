/* check_cancel.c - cancel within 50 ms and deadlines, in every phase of a request: looking up the
 * address, connecting, the handshake, sending, waiting, receiving, between tries. */
#include "support.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* The program's own look-up stands before libc's: one name takes for ever. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (node && !strcmp(node, "slow.example"))
        sleep(3);
    return real(node, service, hints, res);
}

static net n;
static dbl *d;
static dbl_pki *pki;
static int full_fd;
static int fillers[8];

static void tune(ir_conf *conf)
{
    conf->ca_file = ir_strdup(dbl_pki_path(pki, DBL_CA)); /* parsed at once, not the system's */
    conf->stall_timeout_ms = 20000;
    conf->connect_timeout_ms = 20000;
    conf->retry_delay_ms = conf->retry_delay_max_ms = 1;
}

static void setup(void)
{
    pki = dbl_pki_new(NULL);
    net_start(&n, tune);
    full_fd = -1;
    memset(fillers, -1, sizeof fillers);
}

static void teardown(void)
{
    net_stop(&n);
    dbl_stop(d);
    dbl_pki_free(pki);
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++)
        if (fillers[i] >= 0)
            close(fillers[i]);
    if (full_fd >= 0)
        close(full_fd);
}

/* A port whose backlog is full: further connections hang. */
static char *full_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    full_fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(!bind(full_fd, (struct sockaddr *)&a, len) && !listen(full_fd, 0));
    getsockname(full_fd, (struct sockaddr *)&a, &len);
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int rc = connect(fillers[i], (struct sockaddr *)&a, len);
        ck_assert_int_eq(rc, -1); /* under way */
    }
    return ir_format("http://127.0.0.1:%d", ntohs(a.sin_port));
}

static int64_t endless(void *user, void *buf, size_t len, imgrel_error *err)
{
    (void)user;
    (void)err;
    memset(buf, 'x', len);
    return (int64_t)len;
}

enum phase { RESOLVE, CONNECT, TLS, SEND, WAIT, RECEIVE, BETWEEN, TUNNEL, TOKEN, N_PHASES };
static const char *const words[] = {"looking up its address",
                                    "connecting",
                                    "TLS handshake",
                                    "sending",
                                    "waiting for the reply",
                                    "receiving",
                                    "",
                                    "",
                                    "waiting for the reply"};

static char *prepare(enum phase phase, ir_request *req)
{
    static const ir_body body = {.read = endless, .size = (int64_t)1 << 40};
    static const char *const scopes[] = {"repository:a/b:pull"};
    static const ir_auth auth = {
        .kind = IR_AUTH_REGISTRY, .host = "127.0.0.1", .scopes = scopes, .n_scopes = 1};
    dbl_conf conf = {.mute = phase == TLS || phase == SEND || phase == TUNNEL};
    *req = (ir_request){.method = "GET"};
    if (phase == RESOLVE)
        return ir_strdup("http://slow.example:1");
    if (phase == CONNECT)
        return full_port();
    if (phase == TLS)
        conf.pki = pki;
    d = dbl_start(&conf);
    if (phase == SEND)
        *req = (ir_request){.method = "PUT", .body = body, .flags = IR_HTTP_H1};
    else if (phase == WAIT)
        dbl_on(d, &(dbl_rule){.fault = DBL_STALL, .before_head = true});
    else if (phase == RECEIVE)
        dbl_on(d, &(dbl_rule){.body = "0123456789", .fault = DBL_STALL, .after = 5});
    else if (phase == BETWEEN)
        dbl_on(d, &(dbl_rule){.status = 503, .headers = "Retry-After: 20\r\n"});
    if (phase == TUNNEL) { /* a proxy that does not answer CONNECT */
        ((ir_conf *)ir_session_conf(n.session))->proxy = ir_strdup(dbl_url(d));
        return ir_strdup("https://registry.example");
    }
    if (phase == TOKEN) {
        char *challenge = ir_format("WWW-Authenticate: Bearer realm=\"%s/token\"\r\n", dbl_url(d));
        dbl_on(d, &(dbl_rule){.path = "/token*", .fault = DBL_STALL, .before_head = true});
        dbl_on(d, &(dbl_rule){.status = 401, .headers = challenge});
        *req = (ir_request){.auth = &auth};
        free(challenge);
    }
    return ir_strdup(dbl_url(d));
}

static int64_t fired_at;

static void *fire_later(void *token)
{
    ck_assert_int_eq(ir_sleep(NULL, 300, 0, NULL), 0);
    fired_at = ir_now_ms();
    imgrel_cancel_fire(token);
    return NULL;
}

START_TEST(cancel)
{
    imgrel_cancel *t = NULL;
    pthread_t thread;
    ir_request req;
    char *url = prepare(_i, &req);
    unit_ok(imgrel_cancel_new(&t, &n.err), &n.err);
    n.call.cancel = t;
    ck_assert_int_eq(pthread_create(&thread, NULL, fire_later, t), 0);
    ck_assert_int_eq(net_do(&n, url, "/", &req), IMGREL_ECANCELED);
    int64_t now = ir_now_ms();
    pthread_join(thread, NULL);
    unit_error(&n.err, IMGREL_ECANCELED, words[_i]);
    ck_assert_msg(now - fired_at <= 50 * NET_SLOWER, "%s: %lld ms", words[_i],
                  (long long)(now - fired_at));
    free(url);
    imgrel_cancel_free(t);
}
END_TEST

START_TEST(deadline)
{
    ir_request req;
    char *url = prepare(_i, &req);
    n.call.deadline_ms = ir_now_ms() + 300;
    int rc = net_do(&n, url, "/", &req);
    int64_t late = ir_now_ms() - n.call.deadline_ms;
    if (_i == BETWEEN) { /* not waited for at all */
        unit_ok(rc, &n.err);
        ck_assert_int_eq(n.reply.status, 503);
        ck_assert_int_lt(late, 0);
    } else {
        unit_error(&n.err, IMGREL_ETIMEOUT, words[_i]);
        ck_assert_msg(late <= 100 * NET_SLOWER, "%s: %lld ms late", words[_i], (long long)late);
    }
    free(url);
}
END_TEST

START_TEST(connect_timeout)
{
    ir_request req;
    char *url = prepare(_i, &req);
    ir_conf *conf = (ir_conf *)ir_session_conf(n.session);
    conf->connect_timeout_ms = 200;
    conf->retries = 1;
    int64_t start = ir_now_ms();
    ck_assert_int_eq(net_do(&n, url, "/", &req), IMGREL_ETIMEOUT);
    unit_error(&n.err, IMGREL_ETIMEOUT, words[_i]);
    unit_error(&n.err, IMGREL_ETIMEOUT, "tried 2 times");
    ck_assert_int_lt(ir_now_ms() - start, 2000);
    free(url);
}
END_TEST

START_TEST(fired_before)
{
    imgrel_cancel *t = NULL;
    ir_request req;
    char *url = prepare(WAIT, &req);
    unit_ok(imgrel_cancel_new(&t, &n.err), &n.err);
    imgrel_cancel_fire(t);
    n.call.cancel = t;
    ck_assert_int_eq(net_do(&n, url, "/", &req), IMGREL_ECANCELED);
    ck_assert_uint_eq(dbl_count(d, NULL, NULL), 0);
    free(url);
    imgrel_cancel_free(t);
}
END_TEST

Suite *suite_cancel(void);
Suite *suite_cancel(void)
{
    Suite *s = suite_create("cancel");
    TCase *c = tcase_create("cancel");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, cancel, 0, N_PHASES);
    tcase_add_loop_test(c, deadline, 0, N_PHASES);
    tcase_add_loop_test(c, connect_timeout, 0, SEND);
    tcase_add_test(c, fired_before);
    suite_add_tcase(s, c);
    return s;
}
