/* registry_push.c - a blob to a registry, in as few requests as there can be: a POST that asks for
 * a mount finds what is there already and begins the upload of what is not; one PUT sends it. The
 * mount is asked for from the repository itself when no other is known, for that is a look-up and a
 * beginning in one. What breaks is continued where the registry says that it stands, or begun
 * again. */
#include "oci/journal.h"
#include "oci/registry.h"
#include "base/cancel.h"
#include "base/limits.h"
#include "fmt/header.h"
#include "fmt/url.h"

#include <stdlib.h>

#define CANCEL_MS 3000

/* ---- an upload's address -------------------------------------------------------------------- */

/* Our login stays with the registry's own origin; another one gets the bytes without it, but no
 * registry moves us from TLS to none, or into the network that we stand in. */
static int check_location(const ir_registry *r, const char *location, bool *ret_ours,
                          imgrel_error *err)
{
    IR_AUTO(ir_url) home = {0};
    IR_AUTO(ir_url) to = {0};
    int rc = ir_url_parse(r->at.url, &home, err);
    if (!rc)
        rc = ir_url_parse(location, &to, err);
    if (rc < 0)
        return rc;
    *ret_ours = ir_url_same_origin(&home, &to);
    bool plain = ir_streq(to.scheme, "http") && !ir_streq(home.scheme, "http");
    if (!plain && (*ret_ours || !ir_url_is_local(&to) || ir_url_is_local(&home)))
        return 0;
    rc = ir_fail(err, IMGREL_EPROTO, "%s: the registry wants uploads sent to %s://%s:%d",
                 r->base.ref.host, to.scheme, to.host, to.port);
    if (plain)
        ir_cure(err, "the registry does not know its own address: set its external URL, or"
                     " X-Forwarded-Proto in the proxy before it");
    return rc;
}

int ir_upload_request(const ir_registry *r, const char *method, const char *location,
                      ir_request *ret, imgrel_error *err)
{
    bool ours = false;
    int rc = check_location(r, location, &ours, err);
    *ret = ir_registry_request(r, method, location);
    if (!ours)
        *ret = (ir_request){.method = method, .url = location, .flags = IR_HTTP_NO_CERT};
    return rc;
}

int ir_upload_follow(const ir_reply *reply, char **location, imgrel_error *err)
{
    char *next = NULL;
    const char *text = ir_reply_header(reply, "location", 0);
    if (!text && *location)
        return 0;
    if (!text)
        return ir_fail(err, IMGREL_EPROTO, "%s: the upload was answered without a Location",
                       reply->url ? reply->url : "registry");
    int rc = ir_url_join(reply->url, text, &next, err);
    if (rc < 0)
        return rc;
    free(*location);
    *location = next;
    return 0;
}

char *ir_upload_closing(const char *location, const char *digest)
{
    ir_buf b = IR_BUF(IR_URL_MAX);
    ir_buf_adds(&b, location);
    ir_url_add_query(&b, "digest", digest);
    char *url = ir_buf_take(&b);
    ir_buf_free(&b);
    return url;
}

/* ---- beginning ------------------------------------------------------------------------------ */

/* auth: NULL: the repository's own. */
static int post(const ir_registry *r, const ir_call *call, const char *query, const ir_auth *auth,
                unsigned flags, ir_reply *ret, imgrel_error *err)
{
    char *url = ir_registry_url(r, "/blobs/uploads/%s", query);
    ir_request req = ir_registry_request(r, "POST", url);
    req.auth = auth ? auth : req.auth;
    req.body = (ir_body){.p = "", .len = 0};
    req.flags = flags | IR_HTTP_REPEATABLE; /* an upload that is begun twice costs nothing */
    int rc = url ? ir_http_do(call, &req, ret, err) : ir_nomem(err);
    if (!rc && ret->status != 201 && ret->status != 202)
        rc = ir_registry_fail(&req, ret, r->base.ref.host, r->base.ref.name, err);
    free(url);
    return rc;
}

int ir_upload_begin(const ir_registry *r, const ir_call *call, char **ret_location,
                    int64_t *ret_min, imgrel_error *err)
{
    ir_reply reply = {0};
    unsigned long long min = 0;
    int rc = post(r, call, "", NULL, IR_HTTP_H1, &reply, err);
    if (!rc)
        rc = ir_upload_follow(&reply, ret_location, err);
    const char *text = ir_reply_header(&reply, "oci-chunk-min-length", 0);
    if (ret_min)
        *ret_min = text && ir_parse_u64(text, INT64_MAX, &min) ? (int64_t)min : 0;
    ir_reply_free(&reply);
    return rc;
}

/* The right to pull from the other repository too, where it is not among those of the whole job. */
static int mount_auth(const ir_registry *r, const char *from, const char *scopes[2], char **ret_own,
                      ir_auth *ret, imgrel_error *err)
{
    *ret = r->auth;
    if (ir_streq(from, r->base.ref.repository))
        return 0;
    *ret_own = ir_format("repository:%s:pull", from);
    if (!*ret_own)
        return ir_nomem(err);
    if (ir_streq(*ret_own, r->scope_from))
        return 0;
    scopes[0] = r->scope;
    scopes[1] = *ret_own;
    ret->scopes = scopes;
    ret->n_scopes = 2;
    return 0;
}

/* 1: the repository has the blob now. 0: ret_location is an upload that waits for it. */
static int mount_from(const ir_registry *r, const ir_call *call, const ir_desc *d, const char *from,
                      char **ret_location, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_auth auth;
    const char *scopes[2];
    char *scope = NULL;
    ir_buf query = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&query, "?mount=%s", d->digest);
    ir_url_add_query(&query, "from", from);
    int rc = ir_buf_check(&query, err, "mount");
    if (!rc)
        rc = mount_auth(r, from, scopes, &scope, &auth, err);
    if (!rc)
        rc = post(r, call, ir_buf_str(&query), &auth, ir_registry_bulk(d->size), &reply, err);
    if (!rc && reply.status == 201)
        rc = 1;
    else if (!rc)
        rc = ir_upload_follow(&reply, ret_location, err);
    free(scope);
    ir_buf_free(&query);
    ir_reply_free(&reply);
    return rc;
}

/* Whether the other repository may be named; once it was refused, it is not any more. */
static bool may_name(ir_registry *r, bool refused)
{
    pthread_mutex_lock(&r->lock);
    r->from_refused |= refused;
    bool may = !r->from_refused;
    pthread_mutex_unlock(&r->lock);
    return may;
}

/* The same; 2: it came from the other repository. Where this login may not pull from that one
 * (Harbor then refuses the POST as a whole), the blob is sent. */
static int mount(ir_registry *r, const ir_call *call, const ir_desc *d, const char *from,
                 char **ret_location, imgrel_error *err)
{
    const char *own = r->base.ref.repository;
    if (from && !ir_streq(from, own) && may_name(r, false)) {
        imgrel_error e = {0};
        int rc = mount_from(r, call, d, from, ret_location, &e);
        if (rc == 1)
            return 2;
        if (rc != IMGREL_EAUTH && rc != IMGREL_EDENIED) {
            if (rc < 0 && err && !err->code)
                *err = e;
            return rc;
        }
        (void)may_name(r, true);
    }
    return mount_from(r, call, d, own, ret_location, err);
}

/* ---- uploads that were begun by asking ------------------------------------------------------ */

int ir_upload_remember(ir_registry *r, const char *digest, char *location)
{
    ir_upload_begun *u = calloc(1, sizeof *u);
    if (!u) {
        free(location);
        return IMGREL_ENOMEM;
    }
    memcpy(u->digest, digest, strlen(digest) + 1); /* valid, so that it fits */
    u->location = location;
    pthread_mutex_lock(&r->lock);
    u->next = r->begun;
    r->begun = u;
    pthread_mutex_unlock(&r->lock);
    return 0;
}

/* Gives the location away; NULL if there is none. */
static char *recall(ir_registry *r, const char *digest)
{
    char *location = NULL;
    pthread_mutex_lock(&r->lock);
    for (ir_upload_begun **at = &r->begun; *at; at = &(*at)->next) {
        ir_upload_begun *u = *at;
        if (strcmp(u->digest, digest) != 0)
            continue;
        location = u->location;
        *at = u->next;
        free(u);
        break;
    }
    pthread_mutex_unlock(&r->lock);
    return location;
}

int ir_registry_blob_have(ir_store *s, const ir_call *call, const ir_desc *d,
                          const char *from_repository, imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    char *location = NULL;
    int rc = mount(r, call, d, from_repository, &location, err);
    if (rc == 0 && ir_upload_remember(r, d->digest, location) < 0)
        return ir_nomem(err);
    return rc > 0 ? 1 : rc;
}

/* ---- asking and ending ---------------------------------------------------------------------- */

int64_t ir_upload_ask(const ir_registry *r, const ir_call *call, char **location)
{
    ir_reply reply = {0};
    ir_request req;
    imgrel_error ignored = {0};
    int64_t next = -1;
    int rc = ir_upload_request(r, "GET", *location, &req, &ignored);
    if (!rc)
        rc = ir_http_do(call, &req, &reply, &ignored);
    if (!rc && reply.status == 404)
        next = -2;
    if (!rc && (reply.status == 204 || reply.status == 202)) {
        const char *range = ir_reply_header(&reply, "range", 0);
        /* "0-0" is said of nothing and of one byte alike: too little to be worth a guess. */
        if (range && (!ir_upload_offset(range, &next) || next <= 1))
            next = -1;
        else if (!range)
            next = 0;
        if (ir_upload_follow(&reply, location, &ignored) < 0)
            next = -1;
    }
    ir_reply_free(&reply);
    return next;
}

void ir_upload_cancel(const ir_registry *r, const ir_call *call, const char *location)
{
    ir_reply reply = {0};
    ir_request req;
    imgrel_error ignored = {0};
    ir_call own = *call;
    own.cancel = NULL; /* cleaning up is what a cancelled call still does, but shortly */
    own.progress = NULL;
    own.board = NULL;
    own.deadline_ms = ir_now_ms() + CANCEL_MS;
    int rc = ir_upload_request(r, "DELETE", location, &req, &ignored);
    req.flags = IR_HTTP_ONE_TRY;
    if (!rc && ir_http_do(&own, &req, &reply, &ignored) < 0)
        ir_log_say(ir_call_log(call), IMGREL_LOG_DEBUG, "oci", "an upload was left behind", "why",
                   ignored.message, NULL);
    ir_reply_free(&reply);
}

/* ---- sending -------------------------------------------------------------------------------- */

typedef struct push {
    const ir_registry *r;
    const ir_call *call;
    const ir_desc *d;
    const ir_body *body;
    ir_journal journal;
    char *location;
    int64_t from; /* this try begins here */
    int64_t at;   /* taken from the body so far */
    bool source_failed;
    bool found;  /* what the registry has of it is from another process */
    bool spoilt; /* the registry got other bytes than we sent, once */
} push;

static int64_t push_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    push *p = user;
    int64_t n = ir_body_take(p->body, &p->at, buf, len, err);
    if (n < 0)
        p->source_failed = true;
    return n;
}

/* Reads on to where the try begins. */
static int skip_to(push *p, imgrel_error *err)
{
    char scratch[16 * IR_KIB];
    while (p->at < p->from) {
        int64_t left = p->from - p->at;
        size_t step = left < (int64_t)sizeof scratch ? (size_t)left : sizeof scratch;
        int64_t n = push_read(p, scratch, step, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return ir_fail(err, IMGREL_EDIGEST, "%s: the source became shorter", p->d->digest);
    }
    return 0;
}

static int push_rewind(void *user, imgrel_error *err)
{
    push *p = user;
    imgrel_error ignored = {0};
    if (p->at == p->from)
        return 0;
    if (p->from && p->body->resume && p->body->resume(p->body->user, -1, p->from, &ignored) == 0) {
        p->at = p->from;
        return 0;
    }
    int rc = p->body->read ? p->body->rewind(p->body->user, err) : 0;
    if (rc < 0) {
        p->source_failed = true;
        return rc;
    }
    p->at = p->body->read ? 0 : p->from;
    return skip_to(p, err);
}

static bool repeatable(const push *p)
{
    return !p->body->read || p->body->rewind;
}

static int try_once(push *p, imgrel_error *err)
{
    ir_reply reply = {0};
    ir_request req;
    char *range = NULL, *url = ir_upload_closing(p->location, p->d->digest);
    const char *headers[2] = {NULL, NULL};
    int rc = url ? ir_upload_request(p->r, "PUT", url, &req, err) : ir_nomem(err);
    if (!rc && p->from > 0 && p->from < p->d->size) {
        range =
            ir_format("Content-Range: %lld-%lld", (long long)p->from, (long long)p->d->size - 1);
        headers[0] = range;
        rc = range ? 0 : ir_nomem(err);
    }
    if (rc < 0)
        goto out;
    if (range)
        req.headers = headers;
    req.content_type = "application/octet-stream";
    req.flags |= IR_HTTP_ONE_TRY | ir_registry_bulk(p->d->size);
    req.what = p->d->digest;
    req.body = (ir_body){.read = push_read,
                         .user = p,
                         .rewind = repeatable(p) ? push_rewind : NULL,
                         .size = p->d->size < 0 ? -1 : p->d->size - p->from};
    rc = ir_http_do(p->call, &req, &reply, err);
    if (!rc && reply.status / 100 != 2)
        rc = ir_registry_fail_blob(p->r, &req, &reply, p->d->digest, err);
out:
    free(range);
    free(url);
    ir_reply_free(&reply);
    return rc;
}

/* The session may be gone while the blob can well be sent in a new one. */
static bool session_lost(const imgrel_error *e)
{
    return e->http_status == 416 || ir_starts(e->reason, "BLOB_UPLOAD_") ||
           (e->http_status == 404 && !ir_streq(e->reason, "NAME_UNKNOWN"));
}

bool ir_worth_sending_again(const imgrel_error *e)
{
    return (e->code == IMGREL_EDIGEST && e->http_status == 400) || session_lost(e);
}

/* Whether another try may help though the registry's word is final. What it calls a wrong digest
 * may have been spoilt on the way, which happens once; a source that spoils it says so the second
 * time. */
static bool may_pass(push *p, const imgrel_error *e)
{
    bool spoilt = e->code == IMGREL_EDIGEST && e->http_status == 400 && !p->spoilt;
    p->spoilt |= spoilt && !p->found;
    p->found = false;
    return spoilt || session_lost(e);
}

/* After a try that broke: where the next one begins, in this upload or in a new one. 1: it does not
 * have to, for all had arrived and only the reply was lost. */
static int reposition(push *p, imgrel_error *err)
{
    int64_t have = ir_upload_ask(p->r, p->call, &p->location);
    p->from = 0;
    if (have >= 0 && have <= p->d->size)
        p->from = have;
    else if (have != -2)
        ir_upload_cancel(p->r, p->call, p->location);
    int rc = have == p->from
                 ? 0
                 : mount_from(p->r, p->call, p->d, p->r->base.ref.repository, &p->location, err);
    if (!rc)
        ir_journal_write(&p->journal, p->r->at.url, p->d, p->location);
    return rc ? rc : push_rewind(p, err);
}

static int send_blob(push *p, imgrel_error *err)
{
    ir_again a = {0};
    int rc = 0;
    for (;;) {
        imgrel_error e = {0};
        rc = try_once(p, &e);
        if (!rc)
            return 0;
        bool can = !p->source_failed && (repeatable(p) || p->at == p->from);
        int stop = can ? ir_registry_again(p->call, p->d->digest, &a, &e, may_pass(p, &e), err) : 0;
        bool again = stop == 1;
        if (again && (stop = reposition(p, err)) == 0)
            continue;
        if (again && stop == 1)
            return 0;
        if (stop < 0)
            rc = stop;
        else if (err && !err->code)
            *err = e;
        break;
    }
    return rc;
}

/* An upload that another process did not end is gone on with, if the registry still knows it. */
static bool take_up(push *p, char *location)
{
    int64_t have = location ? ir_upload_ask(p->r, p->call, &location) : -1;
    p->found = have > 0 && have <= p->d->size;
    if (!p->found) {
        if (location && have != -2)
            ir_upload_cancel(p->r, p->call, location);
        free(location);
        return false;
    }
    if (p->location)
        ir_upload_cancel(p->r, p->call, p->location);
    free(p->location);
    p->location = location;
    p->from = have;
    return true;
}

/* 0: there is an upload to send to; as mount() else. */
static int begin(push *p, ir_registry *r, const char *from_repository, imgrel_error *err)
{
    char *old = NULL;
    p->location = recall(r, p->d->digest);
    ir_journal_open(&p->journal, p->call, r->at.url, p->d, &old);
    int rc = 0;
    if (take_up(p, old))
        rc = repeatable(p) ? push_rewind(p, err) : skip_to(p, err);
    else if (!p->location)
        rc = mount(r, p->call, p->d, from_repository, &p->location, err);
    if (rc == 0)
        ir_journal_write(&p->journal, r->at.url, p->d, p->location);
    return rc;
}

/* What is not there is left to the next process, or ended. */
static void end(push *p, int rc)
{
    if (rc < 0 && p->journal.fd >= 0 && p->location && ir_worth_resuming(rc))
        ir_journal_leave(&p->journal);
    else if (rc < 0 && p->location)
        ir_upload_cancel(p->r, p->call, p->location);
    ir_journal_end(&p->journal);
    free(p->location);
}

static void note(ir_registry *r, bool found)
{
    pthread_mutex_lock(&r->lock);
    r->found |= found;
    r->missed |= !found;
    pthread_mutex_unlock(&r->lock);
}

int ir_registry_blob_put(ir_store *s, const ir_call *call, const ir_desc *d, const ir_body *body,
                         const char *from_repository, const char **ret_state, imgrel_error *err)
{
    ir_registry *r = ir_registry_of(s);
    IR_AUTO(ir_buf) held = IR_BUF(IR_MIB);
    ir_body own = *body;
    push p = {.r = r, .call = call, .d = d, .body = &own, .journal = IR_JOURNAL};
    *ret_state = "pushed";
    int rc = from_repository && !ir_streq(from_repository, r->base.ref.repository)
                 ? 0
                 : ir_registry_single(r, call, d, &own, &held, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = begin(&p, r, from_repository, err);
    *ret_state = rc == 2 ? "mounted" : rc == 1 ? "exists" : "pushed";
    if (rc == 0 || rc == 1)
        note(r, rc == 1);
    if (rc == 0)
        rc = send_blob(&p, err);
    end(&p, rc);
    return rc < 0 ? rc : 0;
}
