/* doctor_rights.c - what a login may do with a project's repositories, by a token that it is given
 * for them: Harbor gives one to anybody, and only what is inside says what it is worth. */
#include "harbor/doctor.h"

#include "base/base64.h"

#include <stdlib.h>

/* The middle part of a JWT as JSON; its signature is the registry's to check. */
static int read_claims(const char *token, ir_json **ret)
{
    const char *from = strchr(token, '.'), *to = from ? strchr(from + 1, '.') : NULL;
    char *part = to ? ir_strndup(from + 1, (size_t)(to - from - 1)) : NULL;
    IR_AUTO(ir_buf) text = IR_BUF_SECRET(IR_TOKEN_MAX);
    int rc = IMGREL_EPROTO;

    for (char *p = part; p && *p; p++)
        *p = (char)(*p == '-' ? '+' : *p == '_' ? '/' : *p);
    if (part && ir_base64_decode(part, strlen(part), &text))
        rc = ir_json_parse(text.p, text.len, "token", ret, NULL);
    ir_free_secret(part);
    return rc;
}

static bool grants(const ir_json *claims, const char *action)
{
    const ir_json *access = ir_json_get(claims, "access");

    for (size_t i = 0; i < ir_json_len(access); i++) {
        const ir_json *actions = ir_json_get(ir_json_at(access, i), "actions");
        for (size_t k = 0; k < ir_json_len(actions); k++)
            if (ir_streq(ir_json_text(ir_json_at(actions, k)), action))
                return true;
    }
    return false;
}

static int ask_token(ir_doctor *d, ir_json **ret_claims, imgrel_error *err)
{
    IR_AUTO(ir_buf) url = IR_BUF(IR_URL_MAX);
    const ir_auth auth = {.kind = d->h->user ? IR_AUTH_BASIC : IR_AUTH_NONE,
                          .host = d->h->host,
                          .user = d->h->user,
                          .secret = d->h->secret};
    ir_request req = {.method = "GET",
                      .auth = &auth,
                      .what = "token",
                      .body_max = IR_TOKEN_MAX,
                      .flags = IR_HTTP_NO_REDIRECT};
    char *scope = ir_format("repository:%s/%s:pull,push", d->project,
                            d->repository ? d->repository : "imgrel-doctor");
    ir_reply reply = {0};
    ir_json *j = NULL;
    const char *token = NULL;
    int rc = scope ? 0 : ir_nomem(err);

    ir_buf_addf(&url, "%s/service/token", d->h->url);
    ir_url_add_query(&url, "service", "harbor-registry");
    ir_url_add_query(&url, "scope", scope ? scope : "");
    req.url = ir_buf_str(&url);
    if (!rc)
        rc = ir_http_do(d->call, &req, &reply, err);
    if (!rc && reply.status != 200)
        rc = ir_reply_fail(&req, &reply, NULL, err, "%s: the token service says %d", d->h->host,
                           reply.status);
    if (!rc)
        rc = ir_json_parse(reply.body.p, reply.body.len, d->h->host, &j, err);
    token = ir_json_str(j, "token");
    if (!rc && (!token || read_claims(token, ret_claims)))
        rc = ir_fail(err, IMGREL_EPROTO, "%s: the token service gives no token", d->h->host);
    if (token)
        ir_wipe((void *)(uintptr_t)token, strlen(token));
    ir_wipe(reply.body.p, reply.body.len);
    ir_json_free(j);
    ir_reply_free(&reply);
    free(scope);
    return rc;
}

int ir_doctor_rights(ir_doctor *d, imgrel_error *err)
{
    bool pull = false, push = false, enough = true;
    imgrel_error e = {0};
    ir_json *claims = NULL;
    int rc = 0;

    if (!d->project)
        return 0;
    if ((rc = ask_token(d, &claims, &e)))
        return ir_doctor_fail(d, "rights", &e, err);
    pull = grants(claims, "pull");
    push = grants(claims, "push");
    if (d->rights)
        enough = pull && (push || ir_streq(d->rights, "pull"));
    rc = ir_doctor_say(d, "rights", enough ? "ok" : "fail", enough ? 0 : IMGREL_EDENIED,
                       enough        ? NULL
                       : d->h->robot ? "give the robot the role: imgrel harbor robot ensure"
                       : d->h->user  ? "be made a member of the project, or use a robot"
                                     : "log in: the project is private, or nobody may push",
                       err, "%s may %s in project %s",
                       d->h->user ? d->h->user : "nobody in particular",
                       pull && push ? "pull and push"
                       : pull       ? "pull, not push,"
                       : push       ? "push, not pull,"
                                    : "neither pull nor push",
                       d->project);
    ir_json_free(claims);
    return rc;
}
