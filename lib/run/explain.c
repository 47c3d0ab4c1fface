/* explain.c - asks the registry and Harbor what the cluster cannot know. The pod's own login goes
 * to the registry that it is for, and nowhere else; Harbor is asked with a login of the caller's,
 * for no pull robot may look at robots. */
#include "base/limits.h"
#include "base/str.h"
#include "run/explain_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MS 10000
#define TAGS_TOLD 8

int ir_ask_failed(const ir_ask *a, const char *who, const imgrel_error *why, imgrel_error *err)
{
    char source[400];
    bool over = a->outer->deadline_ms && ir_now_ms() >= a->outer->deadline_ms;
    if (why->code == IMGREL_ECANCELED || why->code == IMGREL_ENOMEM ||
        (why->code == IMGREL_ETIMEOUT && over)) {
        if (err && !err->code)
            *err = *why;
        return why->code;
    }
    snprintf(source, sizeof source, "%s %s, asked from here", who, a->ref.host);
    return ir_diagnosis_see(a->d, source, why->message, err);
}

int ir_ask_see(const ir_ask *a, const char *who, const char *text, imgrel_error *err)
{
    char source[400];
    snprintf(source, sizeof source, "%s %s, asked from here", who, a->ref.host);
    return ir_diagnosis_see(a->d, source, text, err);
}

/* ---- what the image has ---------------------------------------------------------------------- */

/* The platform that a single image's config names. */
static int config_platform(ir_ask *a, const ir_manifest *m, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_buf) config = IR_BUF(IR_CONFIG_MAX);
    IR_AUTO(ir_json_p) j = NULL;
    int rc = ir_store_blob_read(a->store, &a->call, &m->config, &config, err);
    if (!rc)
        rc = ir_json_parse(ir_buf_str(&config), config.len, "config", &j, err);
    const char *os = ir_json_str(j, "os"), *arch = ir_json_str(j, "architecture");
    if (!rc && os && arch)
        ir_buf_addf(out, "%s/%s", os, arch);
    return rc;
}

static int find_platforms(ir_ask *a, ir_buf *out, imgrel_error *err)
{
    IR_AUTO(ir_manifest) m = {0};
    int rc = ir_store_manifest_get(a->store, &a->call, NULL, &m, err);
    if (rc)
        return rc;
    ir_manifest_platforms(&m, out);
    return out->len || !m.config.digest[0] ? 0 : config_platform(a, &m, out, err);
}

static int explain_platform(ir_ask *a, imgrel_error *err)
{
    ir_buf has = IR_BUF(IR_MIB);
    imgrel_error why = {0};
    const char *node = ir_diagnosis_word(a->d, "platform");
    int rc = find_platforms(a, &has, &why);
    char *text = rc ? NULL
                    : ir_format("it has %s%s%s", has.len ? ir_buf_str(&has) : "no platform at all",
                                *node ? "; the node is " : "", node);
    if (rc)
        rc = ir_ask_failed(a, "registry", &why, err);
    else if (!text)
        rc = ir_nomem(err);
    else if (!(rc = ir_ask_see(a, "registry", text, err)))
        rc = ir_diagnosis_say(a->d, "pull-no-platform", text, err);
    free(text);
    ir_buf_free(&has);
    return rc;
}

/* ---- which tags there are -------------------------------------------------------------------- */

static int some_tags(ir_ask *a, ir_buf *out, size_t *ret_n, imgrel_error *err)
{
    ir_pages *pages = NULL;
    const char *tag = NULL;
    int rc = ir_store_tags(a->store, &a->call, &pages, err);
    while (!rc && (rc = ir_pages_next(pages, &a->call, &tag, err)) == 1) {
        rc = 0;
        if (++*ret_n > TAGS_TOLD)
            break;
        ir_buf_addf(out, "%s%s", out->len ? ", " : "", tag);
    }
    ir_pages_free(pages);
    return rc;
}

static int say_tags(ir_ask *a, const ir_buf *tags, size_t n, imgrel_error *err)
{
    char *text = !n ? ir_format("%s/%s has no tag", a->ref.host, a->ref.repository)
                    : ir_format("%s/%s has %s%s", a->ref.host, a->ref.repository, ir_buf_str(tags),
                                n > TAGS_TOLD ? " and more" : "");
    int rc = text ? ir_ask_see(a, "registry", text, err) : ir_nomem(err);
    if (!rc)
        rc = ir_diagnosis_say(a->d, "pull-not-found", text, err);
    free(text);
    return rc;
}

static int explain_missing(ir_ask *a, imgrel_error *err)
{
    ir_buf tags = IR_BUF(IR_MIB);
    ir_desc is;
    imgrel_error why = {0};
    size_t n = 0;
    int rc = ir_store_manifest_head(a->store, &a->call, NULL, &is, &why);
    if (!rc) {
        rc = ir_ask_see(a, "registry", "it has the image by now", err);
        if (!rc)
            rc = ir_diagnosis_say(a->d, "pull-there-now", NULL, err);
        return rc;
    }
    if (rc == IMGREL_ENOTFOUND) {
        why = (imgrel_error){0};
        rc = some_tags(a, &tags, &n, &why);
        if (rc == IMGREL_ENOTFOUND)
            rc = ir_diagnosis_say(a->d, "pull-no-repository", a->ref.repository, err);
        else
            rc = rc ? ir_ask_failed(a, "registry", &why, err) : say_tags(a, &tags, n, err);
    } else {
        rc = ir_ask_failed(a, "registry", &why, err);
    }
    ir_buf_free(&tags);
    return rc;
}

/* ---- the login ------------------------------------------------------------------------------- */

/* Whether the registry takes the pod's own login: what it refused before it may take by now. */
static int explain_login(ir_ask *a, imgrel_error *err)
{
    imgrel_error why = {0};
    ir_desc is;
    char text[600];
    int rc = ir_store_manifest_head(a->store, &a->call, NULL, &is, &why);
    if (rc == 0 || rc == IMGREL_ENOTFOUND) {
        rc = ir_ask_see(a, "registry", "it takes the pod's login", err);
        return rc ? rc : ir_diagnosis_say(a->d, "pull-accepted-now", NULL, err);
    }
    if (rc != IMGREL_EAUTH && rc != IMGREL_EDENIED)
        return ir_ask_failed(a, "registry", &why, err);
    bool refused = rc == IMGREL_EAUTH;
    snprintf(text, sizeof text, "it %s %s", refused ? "refuses the login of" : "does not let pull",
             a->login.user);
    rc = ir_ask_see(a, "registry", text, err);
    if (!rc)
        rc = ir_diagnosis_say(a->d, refused ? "pull-login-refused" : "pull-denied", a->login.user,
                              err);
    return rc ? rc : ir_ask_robot(a, refused, err);
}

/* ---- whole ----------------------------------------------------------------------------------- */

typedef int question_fn(ir_ask *a, imgrel_error *err);

static question_fn *question_for(const ir_diagnosis *d)
{
    if (!strcmp(d->cause, "pull-no-platform"))
        return explain_platform;
    if (!strcmp(d->cause, "pull-not-found"))
        return explain_missing;
    bool login = !strcmp(d->cause, "pull-login-refused") || !strcmp(d->cause, "pull-denied");
    return login && d->secret ? explain_login : NULL;
}

int ir_explain(const ir_call *call, ir_diagnosis *d, imgrel_error *err)
{
    question_fn *question = question_for(d);
    imgrel_error why = {0};
    ir_ask a = {.outer = call, .call = *call, .d = d};
    int64_t end = ir_now_ms() + ASK_MS;
    int rc = 0;
    if (!question || ir_ref_parse(ir_diagnosis_word(d, "image"), &a.ref, NULL))
        return 0;
    if (!call->deadline_ms || end < call->deadline_ms)
        a.call.deadline_ms = end;
    a.login = (ir_login){a.ref.host, ir_diagnosis_word(d, "user"), d->secret};
    if (d->secret) {
        a.call.logins = &a.login;
        a.call.n_logins = 1;
    }
    rc = ir_store_open(&a.call, &a.ref, IR_STORE_READ, &a.store, &why);
    rc = rc ? ir_ask_failed(&a, "registry", &why, err) : question(&a, err);
    ir_store_free(a.store);
    ir_ref_free(&a.ref);
    return rc;
}
