/* conform_ask.c - a row's request with its values filled in, and what it made noted, so that it is
 * gone at the end: by the places that creations answered with, and by the word that is in every
 * name of a run. */
#include "mock/conform.h"
#include "base/cancel.h"
#include "base/limits.h"

#include <stdlib.h>

#define BASE "/api/v2.0/"
#define HEADERS_MAX 8

const char *mk_conform_var(const mk_conform *c, const char *name)
{
    return ir_json_str(c->vars, name);
}

static size_t name_len(const char *p)
{
    return strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

char *mk_conform_fill(mk_conform *c, const char *text)
{
    ir_buf b = IR_BUF_SECRET(IR_MIB);
    for (const char *p = text; *p;) {
        size_t n = *p == '{' ? name_len(p + 1) : 0;
        if (!n || p[n + 1] != '}') {
            ir_buf_addc(&b, *p++);
            continue;
        }
        char *name = ir_strndup(p + 1, n);
        const char *value = name ? mk_conform_var(c, name) : NULL;
        if (value)
            ir_buf_adds(&b, value);
        else if (!c->missing.len)
            ir_buf_adds(&c->missing, name ? name : "memory");
        free(name);
        p += n + 2;
    }
    return ir_buf_take(&b);
}

void mk_conform_clear(mk_conform *c)
{
    ir_reply_free(&c->reply);
    c->reply = (ir_reply){0};
    ir_json_free(c->json);
    c->json = NULL;
}

/* ---- who asks -------------------------------------------------------------------------------- */

typedef struct asked {
    char *method, *url, *body, *who;
    char *lines[HEADERS_MAX + 1];
    const char *accept, *type;
    ir_auth auth;
} asked;

static void asked_free(asked *a)
{
    free(a->method);
    free(a->url);
    free(a->body);
    ir_free_secret(a->who);
    for (size_t i = 0; i < HEADERS_MAX; i++)
        ir_free_secret(a->lines[i]);
}

static void add_line(asked *a, char *line)
{
    for (size_t i = 0; line && i < HEADERS_MAX; i++)
        if (!a->lines[i]) {
            a->lines[i] = line;
            return;
        }
    ir_free_secret(line);
}

static const char *value_of(const char *line)
{
    const char *colon = strchr(line, ':');
    return colon ? colon + 1 + strspn(colon + 1, " ") : "";
}

/* Accept and Content-Type have places of their own in a request; "Content-Type:" is none at all. */
static void read_head(asked *a, char *text)
{
    ir_strv lines = {0};
    a->type = a->body ? "application/json" : NULL;
    if (text && !ir_strv_split(&lines, text, '\n'))
        for (size_t i = 0; i < lines.n; i++)
            if (*lines.v[i])
                add_line(a, ir_strdup(lines.v[i]));
    for (size_t i = 0, k = 0; i < HEADERS_MAX && a->lines[i]; i++) {
        const char *value = value_of(a->lines[i]);
        if (!strncasecmp(a->lines[i], "accept:", 7))
            a->accept = value;
        else if (!strncasecmp(a->lines[i], "content-type:", 13))
            a->type = *value ? value : NULL;
        else {
            char *line = a->lines[i];
            a->lines[i] = a->lines[k];
            a->lines[k++] = line;
            continue;
        }
    }
    ir_strv_free(&lines);
    ir_free_secret(text);
}

/* Lines that went to their own places are after those that are sent. */
static size_t count_lines(const asked *a)
{
    size_t n = 0;
    while (n < HEADERS_MAX && a->lines[n] && strncasecmp(a->lines[n], "accept:", 7) != 0 &&
           strncasecmp(a->lines[n], "content-type:", 13) != 0)
        n++;
    return n;
}

static void read_who(mk_conform *c, const mk_row *row, asked *a)
{
    if (row->as && ir_streq(row->as, "-"))
        return;
    a->auth.kind = IR_AUTH_BASIC;
    a->auth.user = c->user;
    a->auth.secret = c->password;
    if (!row->as)
        return;
    a->who = mk_conform_fill(c, row->as);
    char *colon = a->who ? strchr(a->who, ':') : NULL;
    if (a->who && ir_starts(a->who, "Bearer ")) {
        a->auth = (ir_auth){.kind = IR_AUTH_BEARER, .secret = a->who + strlen("Bearer ")};
        return;
    }
    if (colon)
        *colon++ = '\0';
    a->auth.user = a->who ? a->who : "";
    a->auth.secret = colon ? colon : "";
}

/* Below the API, below the host, or a place that the server named: then its path only, as
 * credentials go nowhere else. */
static char *url_of(mk_conform *c, const char *target)
{
    const char *host = strstr(target, "://");
    if (host && host < strpbrk(target, "?/") + 2) {
        const char *path = strchr(host + 3, '/');
        return ir_format("%s%s", c->url, path ? path : "/");
    }
    return *target == '/' ? ir_format("%s%s", c->url, target)
                          : ir_format("%s" BASE "%s", c->url, target);
}

static bool read_row(mk_conform *c, const mk_row *row, asked *a)
{
    char *ask = mk_conform_fill(c, row->ask), *blank = ask ? strchr(ask, ' ') : NULL;
    if (blank) {
        *blank = '\0';
        a->method = ir_strdup(ask);
        a->url = url_of(c, blank + 1);
    }
    free(ask);
    a->body = row->body ? mk_conform_fill(c, row->body) : NULL;
    read_head(a, row->head ? mk_conform_fill(c, row->head) : NULL);
    read_who(c, row, a);
    return a->method && a->url && !c->missing.len;
}

/* ---- the request ----------------------------------------------------------------------------- */

/* What a 201 names is removed at the end. */
static void note_made(mk_conform *c)
{
    const char *at = ir_reply_header(&c->reply, "location", 0);
    const char *path = at ? strstr(at, BASE) : NULL;
    if (c->reply.status == 201 && path && !strstr(path, "/executions/") &&
        !strstr(path, "/artifacts/"))
        ir_json_append(c->made, ir_json_new_string(path));
}

bool mk_conform_ask(mk_conform *c, const mk_row *row, imgrel_error *err)
{
    asked a = {0};
    const char *lines[HEADERS_MAX + 1] = {NULL};
    int rc = IMGREL_EINVAL;
    mk_conform_clear(c);
    if (read_row(c, row, &a)) {
        for (size_t i = 0; i < count_lines(&a); i++)
            lines[i] = a.lines[i];
        ir_request req = {.method = a.method,
                          .url = a.url,
                          .accept = a.accept,
                          .content_type = a.type,
                          .headers = lines,
                          .auth = a.auth.kind == IR_AUTH_NONE ? NULL : &a.auth,
                          .body_max = IR_API_BODY_MAX,
                          .flags = IR_HTTP_ONE_TRY | IR_HTTP_NO_REDIRECT | IR_HTTP_H1};
        req.body = (ir_body){.p = a.body, .len = a.body ? strlen(a.body) : 0};
        int64_t start = ir_now_ms();
        rc = ir_http_do(&c->call, &req, &c->reply, err);
        c->took_ms = ir_now_ms() - start;
    }
    if (!rc) {
        note_made(c);
        if (c->reply.body.len)
            (void)!ir_json_parse(c->reply.body.p, c->reply.body.len, "reply", &c->json, NULL);
    }
    asked_free(&a);
    return !rc;
}

/* ---- the end --------------------------------------------------------------------------------- */

static int simple(mk_conform *c, const char *method, const char *path)
{
    char *ask = ir_format("%s %s", method, path);
    mk_row row = {.ask = ask};
    int status = ask && mk_conform_ask(c, &row, NULL) ? c->reply.status : 0;
    free(ask);
    return status;
}

/* "team/a/b" as its path below /projects/team/repositories/ is written. */
static void delete_repository(mk_conform *c, const char *project, const char *name)
{
    const char *rest = strchr(name, '/');
    ir_buf b = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&b, BASE "projects/%s/repositories/", project);
    for (const char *p = rest ? rest + 1 : ""; *p; p++)
        ir_buf_addf(&b, *p == '/' ? "%%252F" : "%c", *p);
    if (!b.bad)
        (void)simple(c, "DELETE", ir_buf_str(&b));
    ir_buf_free(&b);
}

/* path: of a project, which may be named by its id there. */
static void delete_project(mk_conform *c, const char *place)
{
    const char *found = simple(c, "GET", place) == 200 ? ir_json_str(c->json, "name") : NULL;
    char *name = ir_strdup(found),
         *path = name ? ir_format(BASE "projects/%s/repositories?page_size=100", name) : NULL;
    if (path && simple(c, "GET", path) == 200) {
        ir_json *all = ir_json_ref(c->json);
        for (size_t i = 0; i < ir_json_len(all); i++) {
            const char *repository = ir_json_str(ir_json_at(all, i), "name");
            if (repository)
                delete_repository(c, name, repository);
        }
        ir_json_free(all);
    }
    if (name)
        (void)simple(c, "DELETE", place);
    free(path);
    free(name);
}

/* Of a list, those whose name has the run's word in it, and no other. */
static void sweep(mk_conform *c, const char *list, const char *key, const char *id_key,
                  const char *place)
{
    const char *x = mk_conform_var(c, "x");
    char *path = mk_conform_fill(c, list);
    c->missing.len = 0;
    if (path && simple(c, "GET", path) == 200) {
        ir_json *all = ir_json_ref(c->json);
        for (size_t i = 0; i < ir_json_len(all); i++) {
            const ir_json *item = ir_json_at(all, i);
            const char *name = ir_json_str(item, key);
            if (!name || !strstr(name, x))
                continue;
            char *at = ir_format("%s%lld", place, (long long)ir_json_int(item, id_key, 0));
            if (at && ir_starts(place, "projects/"))
                delete_project(c, at);
            else if (at)
                (void)simple(c, "DELETE", at);
            free(at);
        }
        ir_json_free(all);
    }
    free(path);
}

void mk_conform_remove(mk_conform *c)
{
    ir_call whole = c->call;
    c->call.cancel = NULL; /* what was made goes, also after Ctrl-C */
    for (size_t i = ir_json_len(c->made); i-- > 0;) {
        const char *path = ir_json_text(ir_json_at(c->made, i));
        if (ir_starts(path, BASE "projects/") && !strchr(path + strlen(BASE "projects/"), '/'))
            delete_project(c, path);
        else
            (void)simple(c, "DELETE", path);
    }
    sweep(c, "projects?name={x}&page_size=100", "name", "project_id", "projects/");
    sweep(c, "robots?q=name%3D~{x}&page_size=100", "name", "id", "robots/");
    sweep(c, "labels?scope=g&name={x}&page_size=100", "name", "id", "labels/");
    if (c->admin)
        sweep(c, "users?q=username%3D~{x}&page_size=100", "username", "user_id", "users/");
    c->call = whole;
}
