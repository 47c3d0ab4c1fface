/* diagnosis.c - a diagnosis as a value: a rule of the table makes its state, message and cure, and
 * who asks further may change it to another rule's. */
#include "base/str.h"
#include "kube/inside.h"
#include "kube/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DETAIL_MAX 320

void ir_diagnosis_free(ir_diagnosis *d)
{
    free(d->object);
    free(d->message);
    free(d->cure);
    free(d->who);
    ir_free_secret(d->secret);
    ir_json_free(d->evidence);
    ir_json_free(d->words);
    memset(d, 0, sizeof *d);
}

const char *ir_diagnosis_word(const ir_diagnosis *d, const char *key)
{
    const char *value = ir_json_str(d->words, key);
    return value ? value : "";
}

int ir_diagnosis_word_set(ir_diagnosis *d, const char *key, const char *value, imgrel_error *err)
{
    if (!d->words && !(d->words = ir_json_new_object()))
        return ir_nomem(err);
    return ir_json_puts(d->words, key, value) ? ir_nomem(err) : 0;
}

int ir_diagnosis_see(ir_diagnosis *d, const char *source, const char *text, imgrel_error *err)
{
    char *clean = ir_evidence_text(text ? text : "", text ? strlen(text) : 0);
    if (!d->evidence)
        d->evidence = ir_json_new_array();
    int bad = !clean || ir_json_append(d->evidence,
                                       ir_json_pack("{s:s, s:s}", "source", source, "text", clean));
    free(clean);
    return bad ? ir_nomem(err) : 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

static char *expand(const ir_diagnosis *d, const char *text)
{
    ir_buf out = IR_BUF(8192);
    while (*text) {
        size_t n = strcspn(text, "{");
        const char *end = strchr(text + n, '}');
        char key[24];
        ir_buf_add(&out, text, n);
        text += n;
        if (!end)
            break;
        snprintf(key, sizeof key, "%.*s", (int)(end - text - 1), text + 1);
        ir_buf_adds(&out, ir_diagnosis_word(d, key));
        text = end + 1;
    }
    return ir_buf_take(&out);
}

/* The text without what every such text begins with; the cause is at its end. */
static const char *heart(const char *text)
{
    static const char *const heads[] = {"Back-off pulling image \"",
                                        "Failed to pull image \"",
                                        "failed to pull and unpack image \"",
                                        "failed to resolve reference \"",
                                        "ErrImagePull: ",
                                        "rpc error: code = Unknown desc = ",
                                        "rpc error: code = NotFound desc = ",
                                        "exit code 128; "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t n = strlen(heads[i]);
        if (strncmp(text, heads[i], n) != 0)
            continue;
        const char *end = heads[i][n - 1] == '"' ? strstr(text + n, "\": ") : text + n - 3;
        if (!end)
            continue;
        text = end + 3;
        i = (size_t)-1; /* from the first again */
    }
    return text;
}

/* Whole characters of UTF-8 only. */
static size_t cut(const char *text, size_t most)
{
    size_t n = strlen(text);
    if (n > most)
        for (n = most; n && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    while (n && strchr(" ;.\n", text[n - 1]))
        n--;
    return n;
}

static char *describe(const ir_diagnosis *d, const char *says, const char *detail)
{
    ir_buf out = IR_BUF(4096);
    const char *text = heart(detail ? detail : "");
    char *clean = ir_evidence_text(text, strlen(text));
    size_t n = clean ? cut(clean, DETAIL_MAX) : 0;
    if (d->who)
        ir_buf_adds(&out, d->who);
    ir_buf_adds(&out, says);
    if (n)
        ir_buf_addf(&out, ": %.*s", (int)n, clean);
    free(clean);
    return ir_buf_take(&out);
}

/* ---- by a rule ------------------------------------------------------------------------------- */

static int put(ir_diagnosis *d, char *message, char *cure, imgrel_error *err)
{
    free(d->message);
    free(d->cure);
    d->message = message;
    d->cure = cure;
    return message && cure ? 0 : ir_nomem(err);
}

int ir_diagnosis_by(ir_diagnosis *d, const ir_kube_rule *r, const char *detail, imgrel_error *err)
{
    d->state = r->patience_s < 0 ? "progressing" : "failed";
    d->cause = r->cause;
    d->final = r->final;
    d->patience_s = r->patience_s;
    return put(d, describe(d, r->says, detail), expand(d, r->cure), err);
}

int ir_diagnosis_say(ir_diagnosis *d, const char *cause, const char *detail, imgrel_error *err)
{
    const ir_kube_rule *r = ir_kube_rule_named(cause);
    int rc = ir_diagnosis_by(d, r, detail, err);
    if (r->final)
        d->patience_s = 0;
    return rc;
}

int ir_diagnosis_fine(ir_diagnosis *d, const char *state, const char *cause, const char *says,
                      imgrel_error *err)
{
    d->state = state;
    d->cause = cause;
    d->final = false;
    d->patience_s = -1;
    return put(d, ir_strdup(says), ir_strdup(""), err);
}

int ir_diagnosis_prefix(ir_diagnosis *d, imgrel_error *err, const char *fmt, ...)
{
    va_list ap;
    char before[400];
    va_start(ap, fmt);
    vsnprintf(before, sizeof before, fmt, ap);
    va_end(ap);
    char *who = ir_format("%s%s", before, d->who ? d->who : "");
    char *message = ir_format("%s%s", before, d->message ? d->message : "");
    free(d->who);
    free(d->message);
    d->who = who;
    d->message = message;
    return who && message ? 0 : ir_nomem(err);
}
