/* variable.c - CI/CD variables of a project (GitLab API v4, project_level_variables). A value is
 * kept raw: else GitLab and the runner each expand a $ in it, and robot$app becomes robot. */
#include "gitlab/gitlab.h"

#include "base/limits.h"
#include "base/str.h"
#include "fmt/url.h"

#include <ctype.h>
#include <stdlib.h>

#define KEY_MAX 255
#define MASKED_MIN 8 /* GitLab refuses to mask what is shorter */

static int check_key(const char *key, imgrel_error *err)
{
    size_t n = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    if (n && !key[n] && n <= KEY_MAX)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "\"%.60s\" is not the name of a GitLab variable", key);
    return ir_cure(err, "use letters, digits and _, at most %d", KEY_MAX), IMGREL_EINVAL;
}

/* "URL/api/v4/projects/PROJECT/variables[/KEY]", malloc'ed. */
static char *variable_url(const ir_gitlab *g, const char *key)
{
    ir_buf b = IR_BUF(IR_URL_MAX);
    size_t n = strlen(g->url);
    while (n && g->url[n - 1] == '/')
        n--;
    ir_buf_add(&b, g->url, n);
    ir_buf_adds(&b, "/api/v4/projects/");
    ir_url_encode(&b, g->project);
    ir_buf_adds(&b, "/variables");
    if (key)
        ir_buf_addf(&b, "/%s", key);
    return ir_buf_take(&b);
}

/* The words of an error, of whichever shape: {"message": text, list or map}, {"error": text}. */
static char *words_of(const ir_reply *reply)
{
    IR_AUTO(ir_json_p) j = NULL;
    if (ir_json_parse(reply->body.p, reply->body.len, "GitLab", &j, NULL))
        return NULL;
    const ir_json *m = ir_json_get(j, "message");
    const char *text = m ? ir_json_text(m) : ir_json_str(j, "error");
    return text ? ir_strdup(text) : m ? ir_json_string(m, IR_JSON_COMPACT) : NULL;
}

static const char *cure_of(int status)
{
    return status == 401   ? "the token is wrong, expired or revoked: make a new one"
           : status == 403 ? "the token needs the scope api, and its user the role Maintainer"
           : status == 404 ? "check the project's path; GitLab also says this to who has no right"
                           : NULL;
}

static int refused(const ir_gitlab *g, const ir_request *req, const ir_reply *reply,
                   imgrel_error *err)
{
    char *words = words_of(reply);
    int rc = ir_reply_fail(req, reply, NULL, err, "GitLab project %s: %.200s", g->project,
                           words ? words : "it gave no reason");
    const char *cure = cure_of(reply->status);
    if (cure)
        ir_cure(err, "%s", cure);
    free(words);
    return rc;
}

/* One request about a variable; body may be NULL. A status of 400 and more is given, not failed. */
static int ask(const ir_call *call, const ir_gitlab *g, const char *method, const char *key,
               const ir_buf *body, ir_request *req, ir_reply *ret, imgrel_error *err)
{
    ir_auth auth = {.kind = IR_AUTH_BEARER, .secret = g->token};
    char *url = variable_url(g, key);
    *req = (ir_request){.method = method,
                        .url = url,
                        .auth = &auth,
                        .content_type = body ? "application/json" : NULL,
                        .what = "a GitLab variable"};
    if (body)
        req->body = (ir_body){.p = body->p, .len = body->len, .size = (int64_t)body->len};
    int rc = url ? ir_http_do(call, req, ret, err) : ir_nomem(err);
    req->auth = NULL;
    req->url = NULL;
    free(url);
    return rc;
}

static bool maskable(const char *value)
{
    for (const char *p = value; *p; p++)
        if (isspace((unsigned char)*p))
            return false;
    return strlen(value) >= MASKED_MIN;
}

static int body_of(const char *key, const char *value, bool file, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_json_p)
    j = ir_json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "key", key, "value", value, "variable_type",
                     file ? "file" : "env_var", "raw", 1, "masked", maskable(value), "protected",
                     0);
    return j ? ir_json_dump(j, IR_JSON_COMPACT, out, err) : ir_nomem(err);
}

/* One that is there is changed, one that is not is made. */
static int put(const ir_call *call, const ir_gitlab *g, const char *key, const ir_buf *body,
               imgrel_error *err)
{
    static const char *const methods[] = {"PUT", "POST"};
    int rc = 0;
    for (size_t i = 0; !rc && i < 2; i++) {
        IR_AUTO(ir_reply) reply = {0};
        ir_request req;
        rc = ask(call, g, methods[i], i ? NULL : key, body, &req, &reply, err);
        if (rc || reply.status < 300)
            return rc;
        if (i || reply.status != 404)
            rc = refused(g, &req, &reply, err);
    }
    return rc;
}

int ir_gitlab_variable_put(const ir_call *call, const ir_gitlab *g, const char *key,
                           const char *value, bool file, imgrel_error *err)
{
    ir_buf body = IR_BUF_SECRET(IR_CONFIG_MAX);
    int rc = check_key(key, err);
    if (!rc)
        rc = body_of(key, value, file, &body, err);
    if (!rc)
        rc = put(call, g, key, &body, err);
    ir_buf_free(&body);
    return rc;
}

int ir_gitlab_variable_get(const ir_call *call, const ir_gitlab *g, const char *key, char **ret,
                           imgrel_error *err)
{
    IR_AUTO(ir_reply) reply = {0};
    IR_AUTO(ir_json_p) j = NULL;
    ir_request req;
    *ret = NULL;
    int rc = check_key(key, err);
    if (!rc)
        rc = ask(call, g, "GET", key, NULL, &req, &reply, err);
    reply.body.secret = true;
    if (!rc && reply.status >= 300)
        rc = refused(g, &req, &reply, err);
    if (!rc)
        rc = ir_json_parse(reply.body.p, reply.body.len, "GitLab's variable", &j, err);
    const char *value = rc ? NULL : ir_json_str(j, "value");
    if (!rc && !value)
        rc = ir_fail(err, IMGREL_EPROTO, "GitLab's answer has no value of variable %s", key);
    if (!rc && !(*ret = ir_strdup(value)))
        rc = ir_nomem(err);
    return rc;
}
