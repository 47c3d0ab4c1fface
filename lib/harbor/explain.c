/* explain.c - what Harbor's refusals mean. Its status alone misleads (403 for what does not exist,
 * 401 for a good password, 500 for a bad query), its messages are often only the caller's name,
 * and a portal or a proxy may answer in its place. A table says the likely cause and the cure. */
#include "harbor/inside.h"

#define SKEW_MAX_S 300

typedef struct meaning {
    int status;
    const char *reason; /* Harbor's code; NULL: any */
    const char *word;   /* in its message; NULL: any */
    int code;           /* 0: what the status means */
    const char *cause, *cure;
} meaning;

/* First match wins. */
static const meaning meanings[] = {
    {400, NULL, "permission:", IMGREL_EINVAL, "this Harbor does not know such a right",
     "GET /permissions lists what it can grant; * is not accepted since 2.10"},
    {400, NULL, "registry is unhealthy", IMGREL_EINVAL,
     "Harbor does not reach that registry, or its login is refused",
     "check its address as Harbor sees it (not as this machine does), its type and its credential"},
    {400, NULL, "empty string", IMGREL_EINVAL, "an address that is needed was not said",
     "say its url (and of a registry its type)"},
    {400, NULL, "should provide", IMGREL_EINVAL, "a purge must be told how old and what",
     "say audit_retention_hour and include_event_types (up to 2.12 include_operations)"},
    {400, NULL, "schedule parameter", IMGREL_EINVAL, "a purge must be told how old and what",
     "say audit_retention_hour and include_event_types (up to 2.12 include_operations)"},
    {400, NULL, NULL, 0, "the request is not valid for this Harbor", NULL},
    {403, NULL, "CSRF", 0, "Harbor saw a cookie and asks for a CSRF token",
     "something between us adds cookies: reach Harbor without that proxy"},
    {403, NULL, "read only", 0, "Harbor is in read-only mode",
     "an administrator ends it under Administration, Configuration, System Settings"},
    {403, NULL, "proxy", 0, "the project is a proxy cache: nothing can be pushed to it",
     "push to another project; what is pulled through this one comes from its registry"},
    {403, NULL, "legacy robot", 0, "it is a robot of the first kind, which cannot be changed",
     "delete it and create it again; its secret will be another"},
    {403, NULL, "upper limit", 0, "the project's storage quota is used up",
     "delete images and run garbage collection, or raise the quota"},
    {403, NULL, "quota", 0, "the project's storage quota is used up",
     "delete images and run garbage collection, or raise the quota"},
    {403, "DENIED", NULL, 0, "Harbor denies it",
     "a robot can only grant what it has itself, no robot may change or rotate robots, and from "
     "2.12.0 to 2.14.0 a system robot creates no project robots: use a project administrator's "
     "login"},
    {403, NULL, NULL, 0, "the login has no right to this, or there is no such project",
     "check the project's name, or log in as an administrator of the project"},
    {404, NULL, "path ", IMGREL_EUNSUPPORTED, "this Harbor has no such call",
     "check the address and Harbor's version (2.2 or newer is needed)"},
    {404, NULL, NULL, 0, "not found", "check its name, and whether this login may see it"},
    {405, NULL, NULL, IMGREL_EUNSUPPORTED, "this Harbor has no such call",
     "check Harbor's version (2.2 or newer is needed)"},
    {409, NULL, "scan", 0, "a scan runs already", "wait for it (--wait), or stop it"},
    {409, NULL, NULL, 0, "exists already or is in use", NULL},
    {412, "VIOLATE_FOREIGN_KEY_CONSTRAINT", NULL, 0, "it belongs to an index",
     "delete the index first"},
    {412, "PROJECTPOLICYVIOLATION", NULL, IMGREL_EDENIED, "the project's policy forbids the pull",
     "see the scan report and the project's deployment security settings"},
    {412, NULL, "immutable", 0, "an immutable tag protects it",
     "change the project's tag immutability rule first"},
    {412, NULL, "scanner", 0, "no scanner is there, or it is down",
     "see imgrel harbor scanner list, and the health of the scanner"},
    {412, NULL, "oidc", 0, "only users that came by OIDC have this", "log in to the portal once"},
    {412, NULL, "repositor", 0, "there are repositories in it",
     "delete them first, or ask for it (--with-repositories)"},
    {412, NULL, NULL, 0, "what it needs is not given, or it is still in use", NULL},
    {413, NULL, NULL, 0, "the request is too large", NULL},
    {422, NULL, NULL, 0, "Harbor's API does not accept the request", NULL},
    {429, NULL, NULL, 0, "too many requests", "try again later"},
    {500, "", NULL, 0, "Harbor's own handler broke: the answer is empty",
     "look for the request id in Harbor's core log; a filter of a wrong type does this too"},
    {500, NULL, NULL, 0, "Harbor failed inside and tells nobody why",
     "look for the request id in Harbor's core log"},
    {502, NULL, NULL, 0, "Harbor's core is not answering its proxy",
     "it may be starting: wait, then look at the core container"},
    {503, NULL, NULL, 0, "Harbor is not available", "it may be starting: try again shortly"},
    {504, NULL, NULL, 0, "Harbor's core is too slow for its proxy",
     "look at the load of Harbor's core and database"},
};

bool ir_harbor_is_html(const ir_reply *reply)
{
    const char *type = ir_reply_header(reply, "content-type", 0);
    const char *p = ir_buf_str(&reply->body);

    if (type && ir_starts(type, "text/html"))
        return true;
    p += strspn(p, " \t\r\n");
    return *p == '<';
}

/* Harbor's code and message; the message is put on one line. Both are "" when there are none. */
static void read_error(const ir_reply *reply, char reason[64], char text[256])
{
    static const char list[] = "validation failure list:";
    ir_json *j = NULL;
    const ir_json *e = NULL;
    const char *s = NULL;
    size_t n = 0;

    reason[0] = text[0] = '\0';
    if (!reply->body.len || ir_json_parse(reply->body.p, reply->body.len, "error", &j, NULL)) {
        s = ir_buf_str(&reply->body); /* text/plain from the router or the token service */
    } else {
        e = ir_json_at(ir_json_get(j, "errors"), 0);
        e = e ? e : j; /* the CSRF filter leaves the list out */
        s = ir_json_str(e, "code");
        for (n = 0; s && s[n] && n < 63; n++)
            reason[n] = s[n];
        reason[n] = '\0';
        s = ir_json_str(e, "message");
    }
    if (s && ir_starts(s, list))
        s += sizeof list - 1;
    for (n = 0; s && *s && n < 255; s++)
        if (*s > ' ' || (*s == ' ' && n && text[n - 1] != ' ') || (signed char)*s < 0)
            text[n++] = *s;
        else if (n && text[n - 1] != ' ')
            text[n++] = ' ';
    while (n && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    ir_json_free(j);
}

static const meaning *find_meaning(int status, const char *reason, const char *text)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const meaning *m = &meanings[i];
        if (m->status == status && (!m->reason || ir_streq(m->reason, reason)) &&
            (!m->word || strstr(text, m->word)))
            return m;
    }
    return NULL;
}

static void explain_login(const ir_harbor *h, const ir_request *req, const char *object,
                          const ir_reply *reply, const char *reason, imgrel_error *e)
{
    if (!h->user) {
        ir_reply_fail(req, reply, reason, e, "%s: %s: needs a login", h->host, object);
        ir_cure(e, "give a user and a password (HARBOR_USER, HARBOR_PASSWORD_FILE)");
    } else if (h->robot) {
        ir_reply_fail(req, reply, reason, e, "%s: robot %s is refused", h->host, h->user);
        ir_cure(e, "its secret may have been rotated, or it is disabled, expired or deleted; its "
                   "name is needed in full, with prefix and project");
    } else {
        ir_reply_fail(req, reply, reason, e, "%s: user or password is wrong for %s", h->host,
                      h->user);
        ir_cure(e, "check both; with OIDC the password is the CLI secret of the user's profile; "
                   "a robot's name is needed in full, as robot$project+name; and a failed login "
                   "by anybody freezes the name for 1.5 s");
    }
    if (h->ahead_s > SKEW_MAX_S || h->ahead_s < -SKEW_MAX_S) {
        e->cure[0] = '\0';
        ir_cure(e,
                "Harbor's clock is %lld seconds %s this machine's, and what expires does so by "
                "its clock: set both by NTP; else check name and secret",
                (long long)(h->ahead_s < 0 ? -h->ahead_s : h->ahead_s),
                h->ahead_s < 0 ? "behind" : "ahead of");
    }
}

static void explain_page(const ir_harbor *h, const ir_request *req, const char *object,
                         const ir_reply *reply, imgrel_error *e)
{
    ir_reply_fail(req, reply, NULL, e, "%s: %s: a web page answers, not Harbor's API", h->host,
                  object);
    if (reply->status < 500)
        e->code = IMGREL_EPROTO;
    if (reply->status == 502 || reply->status == 503 || reply->status == 504)
        ir_cure(e, "the proxy before Harbor does not reach it: it may be starting or down");
    else
        ir_cure(e, "check address and port; a portal, a login page or a proxy is there instead");
}

static void explain_redirect(const ir_harbor *h, const ir_request *req, const ir_reply *reply,
                             imgrel_error *e)
{
    const char *to = ir_reply_header(reply, "location", 0);
    ir_url u = {0};
    char *origin = NULL;

    ir_reply_fail(req, reply, NULL, e, "%s: Harbor's API is not here, but elsewhere", h->host);
    e->code = IMGREL_EPROTO;
    if (to && !ir_url_parse(to, &u, NULL) && (origin = ir_url_origin(&u)))
        ir_cure(e, "a login is not sent on to another place; if it is the right one, use %s",
                origin);
    else
        ir_cure(e, "a login page or a proxy may stand before Harbor: use Harbor's own address");
    ir_url_free(&u);
    imgrel_free(origin);
}

static void explain_status(const ir_harbor *h, const ir_request *req, const char *object,
                           const ir_reply *reply, const char *reason, const char *text,
                           imgrel_error *e)
{
    const meaning *m = find_meaning(reply->status, reason, text);
    bool useful = *text && !ir_streq(text, h->user) && !ir_streq(text, "forbidden") &&
                  !ir_streq(text, "internal server error");

    if (m && useful && m->status == 404 && !m->code) /* what is missing says it best itself */
        ir_reply_fail(req, reply, reason, e, "%s: %s", h->host, text);
    else if (m && useful)
        ir_reply_fail(req, reply, reason, e, "%s: %s: %s (%s)", h->host, object, m->cause, text);
    else if (m)
        ir_reply_fail(req, reply, reason, e, "%s: %s: %s", h->host, object, m->cause);
    else
        ir_reply_fail(req, reply, reason, e, "%s: %s: an unknown refusal%s%s", h->host, object,
                      *text ? ": " : "", text);
    if (m && m->code)
        e->code = m->code;
    if (m && m->cure)
        ir_cure(e, "%s", m->cure);
}

int ir_harbor_explain(const ir_harbor *h, const ir_request *req, const ir_harbor_ask *ask,
                      const ir_reply *reply, imgrel_error *err)
{
    const char *object = ask->object ? ask->object : ask->path;
    char reason[64], text[256];
    imgrel_error e = {0};

    read_error(reply, reason, text);
    if (ir_harbor_is_html(reply))
        explain_page(h, req, object, reply, &e);
    else if (reply->status >= 300 && reply->status < 400)
        explain_redirect(h, req, reply, &e);
    else if (reply->status == 401)
        explain_login(h, req, object, reply, reason, &e);
    else
        explain_status(h, req, object, reply, reason, text, &e);
    if (err && !err->code)
        *err = e;
    return e.code;
}
