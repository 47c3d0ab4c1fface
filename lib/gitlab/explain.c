/* explain.c - what GitLab's refusals mean. Errors come in five shapes: a message that is a text, a
 * list, or a map of lists; an error with or without its description; and plain text. A 404 is also
 * said to who has no right. A table says the likely cause and the cure. */
#include "gitlab/inside.h"

#include <strings.h>

typedef struct meaning {
    int status;
    const char *word; /* in what it says, whatever the case; NULL: any */
    int code;         /* 0: what the status means */
    const char *cause, *cure;
} meaning;

/* First match wins. */
static const meaning meanings[] = {
    {400, "already been taken", IMGREL_ECONFLICT, "it is there already", NULL},
    {400, "already exists", IMGREL_ECONFLICT, "it is there already", NULL},
    {400, "not allowed to push", IMGREL_EDENIED, "the branch is protected against this token",
     "give the token's role the right to push there, or name another branch and merge it"},
    {400, "value: is invalid", 0, "GitLab cannot mask this value",
     "it needs 8 characters and no blank; a value with a $ or other signs can be masked only raw"},
    {400, "target", IMGREL_ENOTFOUND, "there is no such branch, tag or commit",
     "check the ref that it shall be made from"},
    {400, NULL, 0, "GitLab does not accept the request", NULL},
    {401, "expired", 0, "the token has expired", "make a new token with the scope api"},
    {401, "revoked", 0, "the token was revoked", "make a new token with the scope api"},
    {401, NULL, 0, "the token is refused",
     "it is wrong, expired or revoked: make a new one with the scope api"},
    {403, "insufficient_scope", 0, "the token's scope is too small",
     "it needs the scope api (create_runner alone makes runners only, read_api changes nothing)"},
    {403, "protected", 0, "a protected tag or branch keeps it from this token's role",
     "let the role create it: Settings, Repository, Protected tags or branches"},
    {403, NULL, 0, "the token's role has no right to this",
     "give its user the role Maintainer in the project; the scope must be api"},
    {404, "commit not found", 0, "there is no such branch, tag or commit", NULL},
    {404, NULL, 0, "it is not there, or this token may not see it",
     "GitLab says 404 also to who has no right: check the project's path, the token's project and "
     "its role"},
    {405, "moved", IMGREL_EINVAL, "the project has moved, and only reads are sent on",
     "use its new path, or its number, which never changes"},
    {405, "keyset", IMGREL_EUNSUPPORTED, "this list has no keyset pages", NULL},
    {405, NULL, IMGREL_EUNSUPPORTED, "this GitLab has no such call", "check GitLab's version"},
    {409, "multiple variables", 0, "there are several variables of that name",
     "say which: KEY@SCOPE, where the scope is that of its environments"},
    {409, NULL, 0, "it is in conflict with what is there", NULL},
    {413, NULL, 0, "the request is too large for this GitLab", NULL},
    {422, NULL, 0, "GitLab does not accept the request", NULL},
    {429, NULL, 0, "too many requests", "wait, or ask less often"},
    {500, NULL, 0, "GitLab failed inside", "look for the request id in GitLab's logs"},
    {501, NULL, IMGREL_EUNSUPPORTED, "this GitLab has no such call", "check GitLab's version"},
    {502, NULL, 0, "GitLab is not answering its proxy", "it may be starting: try again shortly"},
    {503, NULL, 0, "GitLab is not available", "it may be starting, or in maintenance: try later"},
};

bool ir_gitlab_is_html(const ir_reply *reply)
{
    const char *type = ir_reply_header(reply, "content-type", 0);
    return type && ir_starts(type, "text/html");
}

/* ---- the shapes of an error ---- */

static void add_texts(ir_buf *out, const ir_json *list)
{
    if (ir_json_is_string(list))
        ir_buf_adds(out, ir_json_text(list));
    for (size_t i = 0; ir_json_is_array(list) && i < ir_json_len(list); i++)
        if (ir_json_is_string(ir_json_at(list, i)))
            ir_buf_addf(out, "%s%s", i ? ", " : "", ir_json_text(ir_json_at(list, i)));
}

/* {"value": ["is invalid"]} -> "value: is invalid". */
static void add_map(ir_buf *out, const ir_json *map)
{
    size_t before = out->len;
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        ir_buf_addf(out, "%s%s: ", out->len > before ? "; " : "", ir_json_key(it));
        add_texts(out, ir_json_value(it));
    }
}

static void add_message(ir_buf *out, const ir_json *m)
{
    if (ir_json_is_object(m))
        add_map(out, m);
    else
        add_texts(out, m);
}

void ir_gitlab_words(const char *p, size_t len, char reason[64], ir_buf *out)
{
    IR_AUTO(ir_json_p) j = NULL;
    reason[0] = '\0';
    if (!len)
        return;
    if (ir_json_parse(p, len, "error", &j, NULL)) {
        ir_buf_add(out, p, strcspn(p, "\r\n")); /* "Retry later" */
    } else {
        const char *error = ir_json_str(j, "error"), *more = ir_json_str(j, "error_description");
        add_message(out, ir_json_get(j, "message"));
        if (error)
            ir_buf_addf(out, "%s%s%s%s", out->len ? "; " : "", error, more ? ": " : "",
                        more ? more : "");
        size_t n = error ? strlen(error) : 0;
        bool word = n && n < 64 && !error[strspn(error, "abcdefghijklmnopqrstuvwxyz_")];
        for (size_t i = 0; word && i <= n; i++)
            reason[i] = error[i];
    }
    if (out->p)
        ir_one_line(out->p);
}

/* ---- what it means ---- */

static bool has_word(const char *text, const char *word)
{
    for (size_t n = strlen(word); *text; text++)
        if (!strncasecmp(text, word, n))
            return true;
    return false;
}

static const meaning *find_meaning(int status, const char *text)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].status == status && (!meanings[i].word || has_word(text, meanings[i].word)))
            return &meanings[i];
    return NULL;
}

static void explain_page(const ir_gitlab *g, const ir_request *req, const char *object,
                         const ir_reply *reply, imgrel_error *e)
{
    ir_reply_fail(req, reply, NULL, e, "%s: %s: a web page answers, not GitLab's API", g->host,
                  object);
    if (reply->status < 500)
        e->code = IMGREL_EPROTO;
    ir_cure(e, "%s",
            reply->status < 500 ? "check the address; a login page or a proxy may be there instead"
                                : "the proxy before GitLab does not reach it: it may be starting");
}

static void explain_redirect(const ir_gitlab *g, const ir_request *req, const char *object,
                             const ir_reply *reply, imgrel_error *e)
{
    const char *to = ir_reply_header(reply, "location", 0);
    ir_reply_fail(req, reply, NULL, e, "%s: %s: GitLab's API is not here, but elsewhere", g->host,
                  object);
    e->code = IMGREL_EPROTO;
    ir_cure(e, "a token and a change are not sent on: use the address itself%s%.150s",
            to ? ", it may be " : "", to ? to : "");
}

static void explain_status(const ir_gitlab *g, const ir_request *req, const char *object,
                           const ir_reply *reply, imgrel_error *e)
{
    IR_AUTO(ir_buf) words = IR_BUF(IR_ERROR_BODY_MAX);
    char reason[64];
    ir_gitlab_words(ir_buf_str(&reply->body), reply->body.len, reason, &words);
    const char *text = ir_buf_str(&words);
    const meaning *m = find_meaning(reply->status, text);
    ir_reply_fail(req, reply, reason, e, "%s: project %s: %s: %s%s%.200s%s", g->host, g->project,
                  object, m ? m->cause : "an unknown refusal", *text ? " (" : "", text,
                  *text ? ")" : "");
    if (m && m->code)
        e->code = m->code;
    if (m && m->cure)
        ir_cure(e, "%s", m->cure);
}

int ir_gitlab_explain(const ir_gitlab *g, const ir_request *req, const ir_gitlab_ask *ask,
                      const ir_reply *reply, imgrel_error *err)
{
    const char *object = ask->object ? ask->object : ask->path;
    imgrel_error e = {0};
    if (ir_gitlab_is_html(reply))
        explain_page(g, req, object, reply, &e);
    else if (reply->status < 400)
        explain_redirect(g, req, object, reply, &e);
    else
        explain_status(g, req, object, reply, &e);
    if (reply->status == 401 && !g->token) {
        e.cure[0] = '\0';
        ir_cure(&e, "give a token with the scope api");
    }
    return ir_gitlab_give(err, &e);
}
