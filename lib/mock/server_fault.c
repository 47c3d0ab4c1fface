/* server_fault.c - faults that tests ask for, and the log of what was asked of the mock. The log
 * never holds a secret: of Authorization and Cookie it keeps the scheme, and a Basic user's name.
 */
#include "mock/conn.h"
#include "base/base64.h"
#include "base/cancel.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

static void fault_free(mk_fault *f)
{
    if (!f)
        return;
    free(f->method);
    free(f->pattern);
    free(f->headers);
    free(f->body);
    free(f);
}

void mk_faults_free(struct mk_server *s)
{
    while (s->faults) {
        mk_fault *f = s->faults;
        s->faults = f->next;
        fault_free(f);
    }
}

void mk_hit_free(mk_hit *h)
{
    free(h->headers);
    free(h->body);
    *h = (mk_hit){.after = -1};
}

static char *header_lines(const ir_json *headers)
{
    ir_buf b = IR_BUF(IR_HEADERS_MAX);
    for (void *it = ir_json_first(headers); it; it = ir_json_next(headers, it))
        ir_buf_addf(&b, "%s: %s\n", ir_json_key(it), ir_json_text(ir_json_value(it)));
    return ir_buf_take(&b);
}

/* "GET /v2/" or "/v2/": a prefix of the decoded path; with a '*' in it, a glob for all of it. */
static int read_route(mk_fault *f, const char *route, imgrel_error *err)
{
    const char *path = strchr(route, '/');
    if (!path || (path > route && path[-1] != ' '))
        return ir_fail(err, IMGREL_EINVAL, "mock: fault route \"%s\" is no \"METHOD /path\"",
                       route);
    f->pattern = ir_strdup(path);
    f->method = path > route ? ir_strndup(route, (size_t)(path - route - 1)) : ir_strdup("*");
    return f->pattern && f->method ? 0 : ir_nomem(err);
}

static int read_fault(const ir_json *j, mk_fault *f, imgrel_error *err)
{
    const char *route = ir_json_str(j, "route");
    int rc = route ? read_route(f, route, err)
                   : ir_fail(err, IMGREL_EINVAL, "mock: a fault without \"route\"");
    f->status = (int)ir_json_int(j, "status", 0);
    f->delay_ms = ir_json_int(j, "delay_ms", 0);
    f->after = ir_json_int(j, "after", -1);
    f->count = ir_json_int(j, "count", -1);
    f->skip = ir_json_int(j, "skip", 0);
    f->reset = ir_json_bool(j, "reset", false);
    f->stall = ir_json_bool(j, "stall", false);
    f->body = ir_strdup(ir_json_str(j, "body"));
    f->headers = header_lines(ir_json_get(j, "header"));
    if (!rc && f->status && (f->status < 200 || f->status > 599))
        return ir_fail(err, IMGREL_EINVAL, "mock: fault status %d", f->status);
    return rc ? rc : f->headers ? 0 : ir_nomem(err);
}

int mk_server_fault(imgrel_mock *m, const ir_json *fault, imgrel_error *err)
{
    struct mk_server *s = m->server;
    mk_fault *f = fault ? calloc(1, sizeof *f) : NULL;
    if (fault && !f)
        return ir_nomem(err);
    int rc = f ? read_fault(fault, f, err) : 0;
    if (rc) {
        fault_free(f);
        return rc;
    }
    pthread_mutex_lock(&s->lock);
    mk_fault **at = &s->faults;
    while (f && *at)
        at = &(*at)->next;
    if (f)
        *at = f;
    else
        mk_faults_free(s);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static bool fits(const mk_fault *f, const mk_request *r)
{
    if (!ir_streq(f->method, "*") && !ir_streq(f->method, r->method))
        return false;
    return strchr(f->pattern, '*') ? !fnmatch(f->pattern, r->path, 0)
                                   : ir_starts(r->path, f->pattern);
}

void mk_fault_take(struct mk_server *s, mk_conn *c)
{
    c->hit.after = -1;
    pthread_mutex_lock(&s->lock);
    for (mk_fault *f = s->faults; f && !c->hit.on; f = f->next) {
        if (!f->count || !fits(f, &c->r))
            continue;
        if (f->skip) {
            f->skip--;
            continue;
        }
        f->count -= f->count > 0;
        c->hit = (mk_hit){.on = true,
                          .reset = f->reset,
                          .stall = f->stall,
                          .status = f->status,
                          .headers = ir_strdup(f->headers),
                          .body = ir_strdup(f->body),
                          .delay_ms = f->delay_ms,
                          .after = f->after};
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- the log --------------------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    ir_buf *b = cls;
    bool secret = !strcasecmp(name, "authorization") || !strcasecmp(name, "cookie");
    ir_buf_addf(b, "%s: %.*s\n", name, (int)(secret ? strcspn(value, " =") : strlen(value)), value);
    return MHD_YES;
}

static void add_user(ir_buf *b, const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "basic ", 6) != 0)
        return;
    ir_buf login = IR_BUF_SECRET(IR_SECRET_MAX);
    if (ir_base64_decode(authorization + 6, strlen(authorization + 6), &login))
        ir_buf_add(b, ir_buf_str(&login), strcspn(ir_buf_str(&login), ":"));
    ir_buf_free(&login);
}

void mk_log_add(struct mk_server *s, mk_conn *c)
{
    ir_buf b = IR_BUF(IR_HEADERS_MAX);
    ir_buf_addf(&b, "%s%c%s%c%s%c", c->r.method, 0, c->r.raw_path, 0, c->r.query, 0);
    add_user(&b, mk_header(&c->r, "Authorization"));
    ir_buf_addc(&b, '\0');
    MHD_get_connection_values(c->r.conn, MHD_HEADER_KIND, add_header, &b);
    mk_entry e = {.text = ir_buf_take(&b),
                  .at_ms = wall_ms(),
                  .bytes_in = c->bytes_in,
                  .bytes_out = c->bytes_out,
                  .port = c->r.port,
                  .status = c->cut ? 0 : c->reply.status};
    c->logged = true;
    if (!e.text)
        return;
    pthread_mutex_lock(&s->lock);
    if (!s->log)
        s->log = calloc(MK_LOG_MAX, sizeof *s->log);
    if (s->log && s->log_n == MK_LOG_MAX) {
        free(s->log[s->log_first].text);
        s->log_first = (s->log_first + 1) % MK_LOG_MAX;
        s->log_n--;
    }
    if (s->log)
        s->log[(s->log_first + s->log_n++) % MK_LOG_MAX] = e;
    else
        free(e.text);
    pthread_mutex_unlock(&s->lock);
}

void mk_log_free(struct mk_server *s)
{
    for (; s->log_n; s->log_n--, s->log_first++)
        free(s->log[s->log_first % MK_LOG_MAX].text);
    free(s->log);
    s->log = NULL;
    s->log_first = 0;
}

static ir_json *headers_json(char *lines)
{
    ir_json *j = ir_json_new_object();
    for (char *end, *line = lines; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        char *value = strstr(line, ": ");
        if (!value)
            continue;
        *value = '\0';
        for (char *p = line; *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        const char *before = ir_json_str(j, line);
        char *both = before ? ir_format("%s, %s", before, value + 2) : NULL;
        ir_json_puts(j, line, both ? both : value + 2);
        free(both);
    }
    return j;
}

static ir_json *entry_json(const mk_entry *e)
{
    const char *method = e->text, *path = method + strlen(method) + 1,
               *query = path + strlen(path) + 1, *user = query + strlen(query) + 1;
    char *lines = ir_strdup(user + strlen(user) + 1);
    ir_json *j = ir_json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I}", "method", method, "path",
                              path, "query", query, "status", e->status, "port", e->port, "time_ms",
                              (long long)e->at_ms, "bytes_in", (long long)e->bytes_in, "bytes_out",
                              (long long)e->bytes_out);
    if (*user)
        ir_json_puts(j, "user", user);
    ir_json_put(j, "headers", lines ? headers_json(lines) : NULL);
    free(lines);
    return j;
}

ir_json *mk_server_log(imgrel_mock *m)
{
    struct mk_server *s = m->server;
    ir_json *all = ir_json_new_array();
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->log_n; i++)
        ir_json_append(all, entry_json(&s->log[(s->log_first + i) % MK_LOG_MAX]));
    pthread_mutex_unlock(&s->lock);
    return all;
}

void mk_server_log_clear(imgrel_mock *m)
{
    pthread_mutex_lock(&m->server->lock);
    mk_log_free(m->server);
    pthread_mutex_unlock(&m->server->lock);
}
