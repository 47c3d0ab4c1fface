/* cancel.c - how long after its token fires a call returns, and how late after its deadline, in
 * each phase of its way: the median, the 99th percentile and the worst of RUNS. Prints a table;
 * ends with 1 if a percentile is over 50 ms. */
#include "base/fd.h"
#include "base/str.h"
#include "double.h"
#include "net/creds.h"
#include "net/http.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RUNS_DEFAULT 100
#define BEFORE_MS 25 /* until the token fires, or the deadline */
#define BOUND_MS 50

/* Stands before libc's: one name takes for ever. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (node && !strcmp(node, "slow.example"))
        sleep(1);
    return real(node, service, hints, res);
}

typedef struct bench {
    ir_session *session;
    dbl *d;
    dbl_pki *pki;
    char *url;
    ir_request req;
} bench;

static int full_fd, fillers[8];

static int64_t endless(void *user, void *buf, size_t len, imgrel_error *err)
{
    (void)user, (void)err;
    memset(buf, 'x', len);
    return (int64_t)len;
}

/* A port whose backlog is full: further connections hang. */
static char *full_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    full_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(full_fd, (struct sockaddr *)&a, len) || listen(full_fd, 0) ||
        getsockname(full_fd, (struct sockaddr *)&a, &len))
        abort();
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (!connect(fillers[i], (struct sockaddr *)&a, len))
            abort();
    }
    return ir_format("http://127.0.0.1:%d/", ntohs(a.sin_port));
}

static void resolve(bench *b, ir_conf *conf)
{
    (void)conf;
    b->url = ir_strdup("http://slow.example:1/");
}

static void connecting(bench *b, ir_conf *conf)
{
    (void)conf;
    b->url = full_port();
}

static void handshake(bench *b, ir_conf *conf)
{
    b->pki = dbl_pki_new(NULL);
    b->d = dbl_start(&(dbl_conf){.mute = true});
    conf->ca_file = ir_strdup(dbl_pki_path(b->pki, DBL_CA));
    b->url = ir_format("https://%s/", dbl_host(b->d));
}

static void sending(bench *b, ir_conf *conf)
{
    (void)conf;
    b->d = dbl_start(&(dbl_conf){.mute = true});
    b->req = (ir_request){
        .method = "PUT", .body = {.read = endless, .size = (int64_t)1 << 40}, .flags = IR_HTTP_H1};
}

static void waiting(bench *b, ir_conf *conf)
{
    (void)conf;
    b->d = dbl_start(NULL);
    dbl_on(b->d, &(dbl_rule){.fault = DBL_STALL, .before_head = true});
}

static void receiving(bench *b, ir_conf *conf)
{
    (void)conf;
    b->d = dbl_start(NULL);
    dbl_on(b->d, &(dbl_rule){.body = "0123456789", .fault = DBL_STALL, .after = 5});
}

static void between(bench *b, ir_conf *conf)
{
    conf->retry_delay_ms = conf->retry_delay_max_ms = 20000;
    b->d = dbl_start(NULL);
    dbl_on(b->d, &(dbl_rule){.status = 503});
}

static void tunnel(bench *b, ir_conf *conf)
{
    b->pki = dbl_pki_new(NULL); /* parsed at once, not the system's */
    conf->ca_file = ir_strdup(dbl_pki_path(b->pki, DBL_CA));
    b->d = dbl_start(&(dbl_conf){.mute = true});
    conf->proxy = ir_strdup(dbl_url(b->d));
    b->url = ir_strdup("https://registry.example/");
}

static const char *const scopes[] = {"repository:a/b:pull"};
static const ir_auth registry = {
    .kind = IR_AUTH_REGISTRY, .host = "127.0.0.1", .scopes = scopes, .n_scopes = 1};

static void token(bench *b, ir_conf *conf)
{
    (void)conf;
    b->d = dbl_start(NULL);
    char *challenge = ir_format("WWW-Authenticate: Bearer realm=\"%s/token\"\r\n", dbl_url(b->d));
    dbl_on(b->d, &(dbl_rule){.path = "/token*", .fault = DBL_STALL, .before_head = true});
    dbl_on(b->d, &(dbl_rule){.status = 401, .headers = challenge});
    b->req = (ir_request){.auth = &registry};
    free(challenge);
}

static char *dir;

static void helper(bench *b, ir_conf *conf)
{
    static const char script[] = "#!/bin/sh\nexec sleep 20\n", auth[] = "{\"credsStore\":\"slow\"}";
    char *program = ir_path_join(dir, "docker-credential-slow"), *file = ir_path_join(dir, "auth");
    if (ir_file_write(program, 0700, script, sizeof script - 1, NULL) ||
        ir_file_write(file, 0600, auth, sizeof auth - 1, NULL))
        abort();
    conf->auth_file = file;
    conf->helpers = true;
    conf->helper_timeout_ms = 20000;
    free(program);
    b->d = dbl_start(NULL);
    dbl_on(b->d, &(dbl_rule){.status = 401, .headers = "WWW-Authenticate: Basic realm=\"r\"\r\n"});
    b->req = (ir_request){.auth = &registry};
}

static const struct {
    const char *name;
    void (*prepare)(bench *b, ir_conf *conf);
} phases[] = {
    {"looking up the address", resolve}, {"connecting", connecting},
    {"TLS handshake", handshake},        {"sending the body", sending},
    {"waiting for the head", waiting},   {"receiving the body", receiving},
    {"between two tries", between},      {"CONNECT to a proxy", tunnel},
    {"waiting for a token", token},      {"credential helper running", helper},
};
#define N_PHASES (sizeof phases / sizeof *phases)

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

typedef struct shot {
    imgrel_cancel *token;
    double at;
} shot;

static void *fire_later(void *user)
{
    shot *s = user;
    usleep(BEFORE_MS * 1000);
    s->at = now_ms();
    imgrel_cancel_fire(s->token);
    return NULL;
}

static double run_once(bench *b, bool cancel)
{
    shot s = {0};
    pthread_t thread;
    ir_reply reply = {0};
    ir_call call = {.session = b->session};
    ir_request req = b->req;
    req.url = b->url;
    if (cancel) {
        if (imgrel_cancel_new(&s.token, NULL) || pthread_create(&thread, NULL, fire_later, &s))
            abort();
        call.cancel = s.token;
    } else {
        call.deadline_ms = ir_now_ms() + BEFORE_MS;
        s.at = now_ms() + BEFORE_MS;
    }
    int rc = ir_http_do(&call, &req, &reply, NULL);
    double end = now_ms();
    ir_reply_free(&reply);
    if (cancel) {
        pthread_join(thread, NULL);
        imgrel_cancel_free(s.token);
        if (rc != IMGREL_ECANCELED)
            fprintf(stderr, "%s: ended with %d\n", b->url, rc);
    }
    return end > s.at ? end - s.at : 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(size_t i, bool cancel, int runs)
{
    bench b = {0};
    ir_conf conf = {.connect_timeout_ms = 20000,
                    .stall_timeout_ms = 20000,
                    .retries = 3,
                    .retry_delay_ms = 1,
                    .retry_delay_max_ms = 1,
                    .http2 = true};
    double *ms = calloc((size_t)runs, sizeof *ms);
    phases[i].prepare(&b, &conf);
    if (!b.url)
        b.url = ir_format("%s/v2/", dbl_url(b.d));
    if (!ms || ir_session_new(&conf, NULL, &b.session, NULL))
        abort();
    for (int k = 0; k < runs; k++)
        ms[k] = run_once(&b, cancel);
    qsort(ms, (size_t)runs, sizeof *ms, by_value);
    double p99 = ms[(runs * 99 - 1) / 100];
    printf("%-28s %-9s %8.2f %8.2f %8.2f\n", phases[i].name, cancel ? "cancel" : "deadline",
           ms[runs / 2], p99, ms[runs - 1]);
    fflush(stdout);
    ir_session_free(b.session);
    dbl_stop(b.d);
    if (b.pki)
        dbl_pki_free(b.pki);
    free(b.url);
    free(ms);
    return p99 <= BOUND_MS;
}

int main(int argc, char **argv)
{
    char name[] = "/tmp/imgrel-cancel-XXXXXX", *path = NULL;
    int runs = argc > 1 ? (int)strtol(argv[1], NULL, 10) : RUNS_DEFAULT;
    bool good = runs > 0 && (dir = mkdtemp(name)) != NULL;
    path = good ? ir_format("%s:%s", dir, getenv("PATH")) : NULL;
    if (!path || setenv("PATH", path, 1) || setenv("HOME", dir, 1))
        return 2;
    printf("%d runs, milliseconds            median      p99    worst\n", runs);
    for (size_t i = 0; i < N_PHASES; i++) {
        good &= measure(i, true, runs);
        good &= measure(i, false, runs);
    }
    free(path);
    (void)!ir_rmtree(dir, NULL);
    return !good;
}
