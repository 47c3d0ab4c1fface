/* fw.c - see fw.h. */
#include "fw.h"
#include "support.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void fw_start_with(fw *f, bool old, const char *key, const char *value)
{
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->told, NULL);
    f->server = apiserver_start(old, false);
    char *text = ir_format("current-context: c\n"
                           "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%d'}}]\n"
                           "contexts: [{name: c, context: {cluster: k}}]\n",
                           apiserver_port(f->server));
    unit_ok(imgrel_client_new(&f->client, &f->err), &f->err);
    if (key)
        unit_ok(imgrel_client_set(f->client, key, value, &f->err), &f->err);
    unit_ok(imgrel_kube_new(f->client, kt_file("kc", text), NULL, &f->kube, &f->err), &f->err);
    free(text);
}

void fw_start(fw *f, bool old, bool forbidden)
{
    fw_start_with(f, old, NULL, NULL);
    if (forbidden)
        apiserver_forbid(f->server);
}

void fw_stop(fw *f)
{
    imgrel_kube_free(f->kube);
    imgrel_client_free(f->client);
    imgrel_cancel_free(f->cancel);
    apiserver_stop(f->server);
    kt_clean();
}

static int hear(void *user, const imgrel_event *e)
{
    fw *f = user;
    pthread_mutex_lock(&f->lock);
    if (e->kind == IMGREL_EVENT_LISTENING) {
        f->ports[f->n_ports++] = (int)strtol(strrchr(e->what, ':') + 1, NULL, 10);
    } else if (e->kind == IMGREL_EVENT_WARNING) {
        snprintf(f->warning, sizeof f->warning, "%s: %s", e->what, e->detail);
        f->n_warnings++;
    }
    pthread_cond_broadcast(&f->told);
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static void *run(void *user)
{
    fw *f = user;
    imgrel_opts o = {IMGREL_OPTS, .cancel = f->cancel, .progress = hear, .user = f};
    f->rc = imgrel_kube_forward(f->kube, NULL, f->object, f->pairs, NULL, &o, &f->err);
    return NULL;
}

void fw_listen(fw *f, const char *object, const char *pairs)
{
    int n = 1;
    for (const char *p = pairs; (p = strchr(p, ',')); p++)
        n++;
    f->object = object;
    f->pairs = pairs;
    unit_ok(imgrel_cancel_new(&f->cancel, &f->err), &f->err);
    pthread_create(&f->thread, NULL, run, f);
    pthread_mutex_lock(&f->lock);
    while (f->n_ports < n)
        pthread_cond_wait(&f->told, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

int fw_wait(fw *f)
{
    pthread_join(f->thread, NULL);
    return f->rc;
}

int fw_cancel(fw *f)
{
    imgrel_cancel_fire(f->cancel);
    return fw_wait(f);
}

int fw_connect(fw *f, int i)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)f->ports[i]),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

void fw_warned(fw *f, int n, const char *word)
{
    pthread_mutex_lock(&f->lock);
    while (f->n_warnings < n)
        pthread_cond_wait(&f->told, &f->lock);
    ck_assert_msg(strstr(f->warning, word), "no \"%s\" in: %s", word, f->warning);
    pthread_mutex_unlock(&f->lock);
}

size_t fw_read(int fd, char *buf, size_t len)
{
    size_t got = 0;
    ssize_t n = 0;
    while (got < len && (n = recv(fd, buf + got, len - got, 0)) > 0)
        got += (size_t)n;
    return got;
}

bool fw_reset(int fd)
{
    char c[4096];
    ssize_t n = 1;
    while (n > 0)
        n = recv(fd, c, sizeof c, 0);
    return n < 0 && errno == ECONNRESET;
}

void fw_send(int fd, const char *p, size_t len)
{
    while (len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        ck_assert_int_gt(n, 0);
        p += n;
        len -= (size_t)n;
    }
}
