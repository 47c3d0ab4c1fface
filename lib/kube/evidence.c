/* evidence.c - what was read, for people: states, conditions and events of a pod, each a line that
 * says where it is from. Texts are the cluster's and the programs' own, so what looks like a secret
 * in them is left out. */
#include "base/log.h"
#include "base/str.h"
#include "kube/inside.h"
#include "kube/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define EVIDENCE_EVENTS 10
#define TEXT_MAX 2000

/* ---- texts ----------------------------------------------------------------------------------- */

/* Where the value of a word like "password=" or "Authorization: Basic " begins; NULL: no such. */
static char *find_value(char *text)
{
    static const char *const keys[] = {"password", "passwd",        "secret",  "token", "api_key",
                                       "apikey",   "authorization", "bearer ", "basic "};
    char *first = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (char *at = text; (at = strcasestr(at, keys[i]));) {
            char *v = at += strlen(keys[i]);
            v += *v == '"' || *v == '\'';
            bool assigned = at[-1] == ' ' || *v == '=' || (*v == ':' && v[1]);
            v += at[-1] != ' ';
            v += strspn(v, " \"'");
            if (assigned && *v && !isspace((unsigned char)*v) && (!first || v < first))
                first = v;
        }
    }
    return first;
}

/* A word is a value worth hiding when it is no common word of a sentence: it has more than letters
 * in it, or stands behind an equals sign. */
static bool is_value(const char *v, size_t len)
{
    bool odd = v[-1] == '=' || (v[-1] == '"' && v[-2] == '=');
    for (size_t i = 0; i < len && !odd; i++)
        odd = isdigit((unsigned char)v[i]) || strchr("+/=_$!%&*", v[i]) != NULL ||
              (i && islower((unsigned char)v[i - 1]) && isupper((unsigned char)v[i]));
    return odd && len > 3;
}

static void hide_values(char *text)
{
    for (char *v = text; (v = find_value(v));) {
        size_t n = strcspn(v, " \t,;\"'})&");
        if (n && v > text + 1 && is_value(v, n)) {
            size_t stars = n < 3 ? n : 3;
            memset(v, '*', stars);
            memmove(v + stars, v + n, strlen(v + n) + 1);
            v += stars;
        }
    }
}

char *ir_evidence_text(const char *text, size_t len)
{
    char *raw = ir_strndup(text, len < TEXT_MAX ? len : TEXT_MAX), *out = malloc(2 * TEXT_MAX);
    if (raw && out) {
        ir_redact(raw, out, 2 * TEXT_MAX);
        for (char *c = out; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 0x7f)
                *c = ' ';
        hide_values(out);
    } else {
        free(out);
        out = NULL;
    }
    free(raw);
    return out;
}

/* ---- a pod ----------------------------------------------------------------------------------- */

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static int states(ir_diagnosis *d, const ir_json *pod, const char *which, imgrel_error *err)
{
    const ir_json *all = ir_json_get(ir_json_get(pod, "status"), which);
    int rc = 0;
    for (size_t i = 0; i < ir_json_len(all) && !rc; i++) {
        const ir_json *s = ir_json_at(all, i), *w = ir_json_path(s, "state.waiting");
        const ir_json *e = w ? w : ir_json_path(s, "state.terminated");
        char source[400];
        e = e ? e : ir_json_path(s, "lastState.terminated");
        if (!e)
            continue;
        snprintf(source, sizeof source, "container %s: %s", or_empty(ir_json_str(s, "name")),
                 or_empty(ir_json_str(e, "reason")));
        rc = ir_diagnosis_see(d, source, ir_json_str(e, "message"), err);
    }
    return rc;
}

int ir_evidence_of_conditions(ir_diagnosis *d, const ir_json *object, imgrel_error *err)
{
    const ir_json *all = ir_json_path(object, "status.conditions");
    int rc = 0;
    for (size_t i = 0; i < ir_json_len(all) && !rc; i++) {
        const ir_json *c = ir_json_at(all, i);
        const char *type = or_empty(ir_json_str(c, "type")), *status = ir_json_str(c, "status");
        bool bad_if_true = strstr(type, "Failure") || strstr(type, "Pressure") ||
                           strstr(type, "Deletion") || strstr(type, "Remaining") ||
                           !strcmp(type, "Failed");
        char source[300];
        if (ir_streq(status, bad_if_true ? "False" : "True"))
            continue;
        snprintf(source, sizeof source, "condition %s: %s", type,
                 or_empty(ir_json_str(c, "reason")));
        rc = ir_diagnosis_see(d, source, ir_json_str(c, "message"), err);
    }
    return rc;
}

int ir_evidence_of_pod(ir_diagnosis *d, const ir_json *pod, const ir_json *const *events,
                       size_t n_events, imgrel_error *err)
{
    size_t from = n_events > EVIDENCE_EVENTS ? n_events - EVIDENCE_EVENTS : 0;
    int rc = states(d, pod, "initContainerStatuses", err);
    if (!rc)
        rc = states(d, pod, "containerStatuses", err);
    if (!rc)
        rc = ir_evidence_of_conditions(d, pod, err);
    for (size_t i = from; i < n_events && !rc; i++) {
        char source[200];
        snprintf(source, sizeof source, "event %s", or_empty(ir_json_str(events[i], "reason")));
        rc = ir_diagnosis_see(d, source, ir_json_str(events[i], "message"), err);
    }
    if (!d->evidence && !(d->evidence = ir_json_new_array()))
        rc = ir_nomem(err);
    return rc;
}
