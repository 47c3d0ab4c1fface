/* fuzz_diagnose.c - whatever a pod and its events hold, a diagnosis is whole: state, cause, a line
 * of message and one of cure. {"pod", "events"}; else the bytes are a text of evidence. */
#include "fuzz.h"
#include "kube/rules.h"

static void check_text(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *clean = ir_evidence_text(text, strlen(text));
    fuzz_check(clean);
    for (const char *c = clean; *c; c++)
        fuzz_check((unsigned char)*c >= ' ' && *c != 0x7f);
    (void)ir_pull_key_matches(text, "h.lan:5000/team/app:1");
    (void)ir_pull_key_matches("*.lan:5000/team", text);
    (void)ir_kube_refusal(text);
    free(clean);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imgrel_error err = {0};
    ir_diagnosis d;
    ir_json *j = NULL;
    if (ir_json_parse((const char *)data, size, "case", &j, NULL)) {
        check_text(data, size);
        return 0;
    }
    fuzz_check(ir_diagnose(ir_json_get(j, "pod"), ir_json_get(j, "events"), &d, &err) == 0);
    fuzz_check(d.state && d.cause && d.message && d.cure && d.object && d.evidence);
    fuzz_check(!strchr(d.message, '\n') && !strchr(d.cure, '\n'));
    fuzz_check(strcmp(d.state, "failed") != 0 || *d.cure);
    fuzz_check(strlen(d.message) < 4096 && strlen(d.cure) < 8192);
    ir_diagnosis_free(&d);
    ir_json_free(j);
    return 0;
}
