/* script.c - the script on the scripted double: each act is a rule for one request, and their order
 * is checked at the end. */
#include "script.h"

#include "double.h"

#include <stdlib.h>
#include <time.h>

#define REQUESTS_MAX 16

struct play {
    dbl *server;
    const act *acts;
    size_t n_acts;
    char *texts[REQUESTS_MAX]; /* what script_request gave */
};

/* "GET /path?query " is that request; without the blank at its end it is how one begins. */
static void add_rule(dbl *server, const act *a)
{
    char method[16], path[512];
    size_t len = strcspn(a->line, " "), end = strlen(a->line);
    bool whole = a->line[end - 1] == ' ';

    snprintf(method, sizeof method, "%.*s", (int)len, a->line);
    snprintf(path, sizeof path, "%.*s%s", (int)(end - len - 1 - (whole ? 1 : 0)), a->line + len + 1,
             whole ? "" : "*");
    dbl_on(server, &(dbl_rule){.method = method,
                               .path = path,
                               .times = 1,
                               .status = a->status,
                               .headers = a->headers,
                               .body = a->body});
}

void script_open(script *s, const char *user, const act *acts, size_t n)
{
    memset(s, 0, sizeof *s);
    s->play = calloc(1, sizeof *s->play);
    s->play->acts = acts;
    s->play->n_acts = n;
    s->play->server = dbl_start(NULL);
    for (size_t i = 0; i < n; i++)
        add_rule(s->play->server, &acts[i]);
    unit_ok(imgrel_client_new(&s->client, &s->err), &s->err);
    unit_ok(imgrel_client_set(s->client, "retries", "0", &s->err), &s->err);
    unit_ok(imgrel_harbor_new(s->client, dbl_url(s->play->server), user, user ? "Passw0rd!" : NULL,
                              &s->harbor, &s->err),
            &s->err);
}

const char *script_request(const script *s, size_t i)
{
    const dbl_request *r = dbl_get(s->play->server, NULL, NULL, i);
    size_t len = 0;

    if (!r || i >= REQUESTS_MAX)
        return "";
    if (!s->play->texts[i]) {
        len = strlen(r->head) + strlen(r->body ? r->body : "") + 5;
        s->play->texts[i] = malloc(len);
        snprintf(s->play->texts[i], len, "%s%s%s", r->head,
                 strstr(r->head, "\r\n\r\n") ? "" : "\r\n\r\n", r->body ? r->body : "");
    }
    return s->play->texts[i];
}

void script_close(script *s)
{
    struct play *p = s->play;
    size_t n = dbl_count(p->server, NULL, NULL);

    imgrel_harbor_free(s->harbor);
    imgrel_client_free(s->client);
    for (size_t i = 0; i < n; i++) {
        const dbl_request *r = dbl_get(p->server, NULL, NULL, i);
        char line[1024], *cookie = dbl_header(r, "Cookie");
        const char *want = i < p->n_acts ? p->acts[i].line : "(nothing)";
        snprintf(line, sizeof line, "%s %s ", r->method, r->target);
        ck_assert_msg(!strncmp(line, want, strlen(want)), "request %zu is \"%s\", wanted \"%s\"", i,
                      line, want);
        ck_assert_msg(!cookie, "a cookie: %s", r->head);
    }
    ck_assert_msg(n == p->n_acts, "%zu of %zu acts were played; next: %s", n, p->n_acts,
                  n < p->n_acts ? p->acts[n].line : "-");
    for (size_t i = 0; i < REQUESTS_MAX; i++)
        free(p->texts[i]);
    dbl_stop(p->server);
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
