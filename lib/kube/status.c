/* status.c - what a refusal means: the Status object (or the plain text that stands in for it when
 * a group is unknown or the server is overloaded) becomes an error with code, reason and cure. It
 * is judged by HTTP code, reason and causes; texts only choose between cures. */
#include "base/limits.h"
#include "kube/inside.h"

#include <stdio.h>
#include <string.h>

/* NULL is anything; words: any of them, parted by |, in the message or in a cause. */
struct remedy {
    int status;
    const char *reason, *words, *cure;
};
static const struct remedy remedies[] = {
    {400, NULL, "does not have a host assigned", "the pod has no node yet: wait until it runs"},
    {400, NULL, "a container name must be specified", "name one of the containers"},
    {400, NULL, "previous terminated container", "the container has not been started again: leave "
                                                 "`previous` out"},
    {500, NULL, "pod not found", "the pod is over or has left its node: run it again"},
    {401, NULL, NULL, "the cluster does not know this login: renew the user's token or "
                      "certificate in the kubeconfig"},
    {403, NULL, "NamespaceTerminating|being terminated",
     "the namespace is being deleted: wait until it is gone, or use another"},
    {403, NULL, "exceeded quota", "the namespace's quota is used up: delete what is not needed, or "
                                  "have the ResourceQuota raised"},
    {403, NULL, "must specify", "the namespace's quota wants resource requests and limits: give "
                                "the pod `resources`"},
    {403, NULL, "maximum |minimum |LimitRange",
     "the namespace's LimitRange forbids it: change the pod's resources"},
    {403, NULL, "violates PodSecurity",
     "the namespace enforces a Pod Security level: change what the message lists, or the "
     "namespace's pod-security.kubernetes.io/enforce label"},
    {403, NULL, "error looking up service account",
     "the namespace's service account is not there (yet): try again, or create it"},
    {403, NULL, "system:anonymous",
     "no login was sent: give the kubeconfig's user a token, certificate or exec plugin (and an "
     "https server)"},
    {403, NULL, "pods/portforward", "have a Role give this user the verbs get and create on "
                                    "pods/portforward"},
    {403, NULL, "admission webhook", "a policy of the cluster refuses it: change what it names"},
    {403, NULL, NULL, "have a Role and RoleBinding give this user the verb and resource that the "
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

static bool word_in(const char *words, const char *text)
{
    while (text && *words) {
        char word[64];
        size_t n = strcspn(words, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        if (strcasestr(text, word))
            return true;
        words += n + (words[n] == '|');
    }
    return false;
}

static const ir_json *causes(const ir_json *status)
{
    return ir_json_get(ir_json_get(status, "details"), "causes");
}

static bool told(const ir_json *status, const char *text, const char *words)
{
    const ir_json *all = causes(status);
    if (word_in(words, text))
        return true;
    for (size_t i = 0; i < ir_json_len(all); i++)
        if (word_in(words, ir_json_str(ir_json_at(all, i), "reason")))
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

int ir_kube_status_fail(const ir_kube *k, const ir_request *req, const char *path,
                        const ir_reply *reply, imgrel_error *err)
{
    ir_json *status = read_status(reply);
    const char *message = ir_json_str(status, "message"), *reason = ir_json_str(status, "reason");
    char text[300];
    short_text(reply, text);
    if (!message || !*message)
        message = *text ? text : "no reason was given";
    int n = (int)strcspn(path, "?");
    int rc = status ? ir_reply_fail(req, reply, reason, err, "%s: %s", k->host, message)
                    : ir_reply_fail(req, reply, reason, err, "%s: %s %.*s: %s", k->host,
                                    req->method ? req->method : "GET", n, path, message);
    const char *cure = find_cure(reply->status, reason, status, message);
    if (cure)
        ir_cure(err, "%s", cure);
    ir_json_free(status);
    return rc;
}
