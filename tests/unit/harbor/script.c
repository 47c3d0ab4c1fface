/* script.c - the scripted server: a thread, one connection after the other. */
#include "script.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS_MAX 64

struct play {
    pthread_t thread;
    int sock;
    const act *acts;
    size_t n_acts, n_requests;
    char *requests[REQUESTS_MAX];
    char wrong[512];
};

/* One request, head and body; NULL when the other side has gone. */
static char *read_request(int fd)
{
    size_t cap = 1 << 16, len = 0, want = 0;
    char *p = calloc(1, cap), *end = NULL, *length = NULL;

    while (!want || len < want) {
        ssize_t n = read(fd, p + len, cap - 1 - len);
        if (n <= 0) {
            free(p);
            return NULL;
        }
        len += (size_t)n;
        p[len] = '\0';
        if (!want && (end = strstr(p, "\r\n\r\n"))) {
            length = strcasestr(p, "\r\ncontent-length:");
            want = (size_t)(end - p) + 4 +
                   (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    return p;
}

static void answer(int fd, const act *a, bool head)
{
    size_t len = a->body && !head ? strlen(a->body) : 0;
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d X\r\n%sConnection: close\r\nContent-Length: %zu\r\n\r\n",
                     a->status, a->headers ? a->headers : "", len);

    if (write(fd, text, (size_t)n) == n && len && write(fd, a->body, len) < 0)
        return;
}

static void *serve(void *user)
{
    static const act none = { "", 599, NULL, NULL };
    struct play *p = user;
    int fd = -1;

    while ((fd = accept(p->sock, NULL, NULL)) >= 0) {
        char *request = read_request(fd);
        if (request && p->n_requests < REQUESTS_MAX) {
            const act *a = p->n_requests < p->n_acts ? &p->acts[p->n_requests] : &none;
            bool right = *a->line && !strncmp(request, a->line, strlen(a->line));
            if (!right && !*p->wrong)
                snprintf(p->wrong, sizeof p->wrong, "request %zu is \"%.*s\", wanted \"%s\"",
                         p->n_requests, (int)strcspn(request, "\r"), request, a->line);
            p->requests[p->n_requests++] = request;
            answer(fd, right ? a : &(act){ "", 418, NULL, NULL }, !strncmp(request, "HEAD", 4));
        }
        close(fd);
    }
    return NULL;
}

void script_open(script *s, const char *user, const act *acts, size_t n)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    char url[64];

    memset(s, 0, sizeof *s);
    s->play = calloc(1, sizeof *s->play);
    s->play->acts = acts;
    s->play->n_acts = n;
    s->play->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(!bind(s->play->sock, (struct sockaddr *)&at, sizeof at) &&
              !listen(s->play->sock, 16));
    ck_assert(!getsockname(s->play->sock, (struct sockaddr *)&at, &len));
    ck_assert(!pthread_create(&s->play->thread, NULL, serve, s->play));
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    unit_ok(imgrel_client_new(&s->client, &s->err), &s->err);
    unit_ok(imgrel_client_set(s->client, "retries", "0", &s->err), &s->err);
    unit_ok(imgrel_harbor_new(s->client, url, user, user ? "Passw0rd!" : NULL, &s->harbor, &s->err),
            &s->err);
}

const char *script_request(const script *s, size_t i)
{
    return i < s->play->n_requests ? s->play->requests[i] : "";
}

void script_close(script *s)
{
    struct play *p = s->play;

    imgrel_harbor_free(s->harbor);
    imgrel_client_free(s->client);
    shutdown(p->sock, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->sock);
    ck_assert_msg(!*p->wrong, "%s", p->wrong);
    ck_assert_msg(p->n_requests == p->n_acts, "%zu of %zu acts were played; next: %s",
                  p->n_requests, p->n_acts,
                  p->n_requests < p->n_acts ? p->acts[p->n_requests].line : "-");
    for (size_t i = 0; i < p->n_requests; i++) {
        ck_assert_msg(!strcasestr(p->requests[i], "\r\ncookie:"), "a cookie: %s", p->requests[i]);
        free(p->requests[i]);
    }
    free(p);
}

const char *robot_json(char *buf, size_t len, const char *extra, int created_days,
                       const char *permissions)
{
    time_t at = time(NULL) - created_days * 86400 - 60;
    char created[32];
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S.123Z", &tm);
    snprintf(buf, len,
             "{\"id\":7,\"name\":\"robot$library+k8s\",\"level\":\"project\",\"editable\":true,%s"
             "\"creation_time\":\"%s\",\"permissions\":%s}",
             extra, created, permissions);
    return buf;
}
