/* status.c - what a refusal means: the Status object (or the plain text that stands in for it when
 * a group is unknown or the server is overloaded) becomes an error with code, reason and cure. It
 * is judged by HTTP code, reason and causes; texts only choose between cures. */
#include "base/limits.h"
#include "fmt/header.h"
#include "kube/inside.h"
#include "kube/rules.h"
#include "net/tls.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* NULL is anything; words: any of them, parted by |, in the message or in a cause. */
struct remedy {
    int status;
    const char *reason, *words, *cure;
};
static const struct remedy remedies[] = {
    {400, NULL, "does not have a host assigned", "the pod has no node yet: wait until it runs"},
    {400, NULL, "a container name must be specified", "name one of the containers"},
    {400, NULL, "previous terminated container",
     "the container has not been started again: leave "
     "`previous` out"},
    {500, NULL, "pod not found", "the pod is over or has left its node: run it again"},
    {401, NULL, NULL,
     "the cluster does not know this login: renew the user's token or "
     "certificate in the kubeconfig"},
    {403, NULL, "system:anonymous",
     "no login was sent: give the kubeconfig's user a token, certificate or exec plugin (and an "
     "https server)"},
    {403, NULL, "pods/portforward",
     "have a Role give this user the verbs get and create on "
     "pods/portforward"},
    {403, NULL, NULL,
     "have a Role and RoleBinding give this user the verb and resource that the "
     "message names"},
    {404, NULL, "404 page not found|could not find the requested resource",
     "the cluster does not have this API: look at `kubectl api-resources`, and at the server's "
     "path in the kubeconfig"},
    {404, NULL, "namespaces \"", "create the namespace first"},
    {409, NULL, "FieldManagerConflict",
     "another tool owns these fields: let it, or take them over by force"},
    {409, "Conflict", NULL, "it was changed meanwhile: read it and try again"},
    {410, NULL, NULL, "the list was too old: start it again"},
    {413, NULL, NULL, "the API takes 3 MiB at the most, a Secret or ConfigMap 1 MiB"},
    {422, NULL, NULL, "correct the fields that the message names"},
    {429, NULL, "disruption budget", "a PodDisruptionBudget forbids it now: try again later"},
    {429, NULL, NULL, "the server is busy: try again later"},
};

static const ir_json *causes(const ir_json *status)
{
    return ir_json_get(ir_json_get(status, "details"), "causes");
}

static bool told(const ir_json *status, const char *text, const char *words)
{
    const ir_json *all = causes(status);
    if (ir_kube_one_of(words, text, false))
        return true;
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (ir_kube_one_of(words, ir_json_str(ir_json_at(all, i), "reason"), false))
            return true;
    return false;
}

static const char *find_cure(int code, const char *reason, const ir_json *status, const char *text)
{
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++) {
        const struct remedy *r = &remedies[i];
        if (r->status == code && (!r->reason || ir_streq(r->reason, reason)) &&
            (!r->words || told(status, text, r->words)))
            return r->cure;
    }
    return NULL;
}

/* By the text, or by a cause's own name. */
static const ir_kube_rule *refusal_in(const ir_json *status, const char *text)
{
    const ir_json *all = causes(status);
    const ir_kube_rule *r = ir_kube_refusal(text);
    for (size_t i = 0; i < ir_json_len(all) && !r; i++)
        r = ir_kube_refusal(ir_json_str(ir_json_at(all, i), "reason"));
    return r;
}

/* What keeps a pod out is in the table of causes (rules.c); the rest is here. */
static void add_cure(int code, const char *reason, const ir_json *status, const char *text,
                     imgrel_error *err)
{
    const ir_kube_rule *r = code == 403 || code == 500 ? refusal_in(status, text) : NULL;
    const char *cure = r ? NULL : find_cure(code, reason, status, text);
    if (r)
        ir_cure(err, "%s: %s", r->says, r->cure);
    else if (cure)
        ir_cure(err, "%s", cure);
}

/* The Status of a body, NULL if it is none. */
static ir_json *read_status(const ir_reply *reply)
{
    ir_json *j = NULL;
    const char *type = ir_reply_header(reply, "content-type", 0);
    if (!type || !ir_starts(type, "application/json") ||
        ir_json_parse(ir_buf_str(&reply->body), reply->body.len, "Status", &j, NULL))
        return NULL;
    if (ir_streq(ir_json_str(j, "kind"), "Status"))
        return j;
    ir_json_free(j);
    return NULL;
}

bool ir_kube_status_is(const ir_reply *reply, const char *reason)
{
    ir_json *status = read_status(reply);
    const ir_json *all = causes(status);
    bool is = ir_streq(ir_json_str(status, "reason"), reason);
    for (size_t i = 0; i < ir_json_len(all) && !is; i++)
        is = ir_streq(ir_json_str(ir_json_at(all, i), "reason"), reason);
    ir_json_free(status);
    return is;
}

/* Plain text in one short line; nothing is told by the status alone. */
static void short_text(const ir_reply *reply, char ret[300])
{
    const char *p = ir_buf_str(&reply->body);
    while (*p && strchr(" \t\r\n", *p))
        p++;
    snprintf(ret, 300, "%.*s", (int)strcspn(p, "\r\n"), p);
}

/* "NS" of ".../namespaces/NS/PLURAL..."; a length of 0: the path is of no namespace. */
static const char *namespace_in(const char *path, int *ret_len)
{
    const char *at = strstr(path, "/namespaces/");
    size_t n = at ? strcspn(at + 12, "/?") : 0;
    *ret_len = at && at[12 + n] == '/' ? (int)n : 0;
    return at ? at + 12 : "";
}

/* The last two words of a path: "deployments/x". */
static const char *object_in(const char *path, int *ret_len)
{
    int end = (int)strcspn(path, "?"), at = end, slashes = 0;
    while (at > 0 && slashes < 2)
        slashes += path[--at] == '/';
    *ret_len = end - at - 1;
    return path + at + 1;
}

#define TOLD_MAX 200 /* bytes: what comes is added whole, and an error has room for 400 */

/* The server tells a conflict over lines and without the object's name. */
static bool tell_conflicts(const ir_json *status, const char *path, ir_buf *out)
{
    const ir_json *all = causes(status);
    int n_name = 0, n_ns = 0;
    const char *name = object_in(path, &n_name), *ns = namespace_in(path, &n_ns);
    size_t told = 0, left = 0;
    for (size_t i = 0; i < ir_json_len(all); i++) {
        const ir_json *cause = ir_json_at(all, i);
        const char *field = ir_json_str(cause, "field"), *whose = ir_json_str(cause, "message");
        if (!ir_streq(ir_json_str(cause, "reason"), "FieldManagerConflict") || !field)
            continue;
        if (!told++)
            ir_buf_addf(out, "%.*s%s%.*s: ", n_name, name, n_ns ? " in " : "", n_ns, ns);
        if (out->len < TOLD_MAX)
            ir_buf_addf(out, "%s%.80s: %.60s", told > 1 ? "; " : "", field,
                        whose ? whose : "in conflict");
        else
            left++;
    }
    if (left)
        ir_buf_addf(out, "; and %zu more", left);
    return told && !out->bad;
}

/* Not found is worth most with the place where it was looked for. */
static void tell_place(const char *message, const char *path, ir_buf *out)
{
    int n = 0;
    const char *ns = namespace_in(path, &n);
    ir_buf_adds(out, message);
    if (n && !ir_starts(message, "namespaces ") && ir_ends(message, "not found"))
        ir_buf_addf(out, " in namespace %.*s", n, ns);
}

bool ir_kube_cert_expired(const ir_kube *k, imgrel_error *err)
{
    char when[32];
    int64_t end = k->cert_pem ? ir_tls_cert_end(k->cert_pem) : 0;
    if (!end || end > (int64_t)time(NULL))
        return false;
    ir_rfc3339_format(end, when);
    ir_cure(err,
            "the kubeconfig's client certificate expired at %s: have a new one made (kubeadm: "
            "`kubeadm certs renew`)",
            when);
    return true;
}

int ir_kube_status_fail(const ir_kube *k, const ir_request *req, const char *path,
                        const ir_reply *reply, imgrel_error *err)
{
    ir_json *status = read_status(reply);
    const char *message = ir_json_str(status, "message"), *reason = ir_json_str(status, "reason");
    ir_buf better = IR_BUF(64 * IR_KIB);
    char text[300];
    short_text(reply, text);
    if (!message || !*message)
        message = *text ? text : "no reason was given";
    int n = (int)strcspn(path, "?");
    if (reply->status == 404 && status)
        tell_place(message, path, &better);
    if (better.len || (reply->status == 409 && tell_conflicts(status, path, &better)))
        message = better.bad ? message : ir_buf_str(&better);
    int rc = status ? ir_reply_fail(req, reply, reason, err, "%s: %s", k->host, message)
                    : ir_reply_fail(req, reply, reason, err, "%s: %s %.*s: %s", k->host,
                                    req->method ? req->method : "GET", n, path, message);
    /* The server calls every login that it does not take by the same word. */
    if (reply->status != 401 || !ir_kube_cert_expired(k, err))
        add_cure(reply->status, reason, status, message, err);
    ir_buf_free(&better);
    ir_json_free(status);
    return rc;
}
