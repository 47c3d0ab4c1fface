/* reg.c - see reg.h. */
#include "oci/reg.h"

#include "base/str.h"
#include "oci/descriptor.h"

#include <stdarg.h>

net reg_net;
dbl *reg_double;
char reg_text[REG_SIZE + 1];
char reg_digest[IR_DIGEST_MAX];
static ir_host_rule rule;

ir_store *reg_begin(unsigned flags)
{
    IR_AUTO(ir_ref) ref = {0};
    ir_store *s = NULL;
    net_start(&reg_net, NULL);
    imgrel_error *err = &reg_net.err;
    reg_double = dbl_start(NULL);
    rule = (ir_host_rule){.host = "registry.test", .url = dbl_url(reg_double)};
    reg_net.call.rules = &rule;
    reg_net.call.n_rules = 1;
    for (size_t i = 0; i < REG_SIZE; i++)
        reg_text[i] = (char)('a' + (i / 7 + i * i) % 26);
    unit_ok(ir_hash_bytes(reg_text, REG_SIZE, reg_digest, err), err);
    unit_ok(ir_ref_parse("registry.test/" REG_REPO ":1", &ref, err), err);
    unit_ok(ir_store_open(&reg_net.call, &ref, flags, &s, err), err);
    return s;
}

void reg_end(ir_store *s)
{
    ir_store_free(s);
    net_stop(&reg_net);
    dbl_stop(reg_double);
}

ir_desc reg_desc(void)
{
    ir_desc d = {0};
    ck_assert_int_eq(ir_desc_set(&d, IR_MT_OCI_LAYER, reg_digest, REG_SIZE), 0);
    return d;
}

const char *reg_path(const char *fmt, ...)
{
    static char paths[8][1000];
    static unsigned i;
    char *p = paths[i++ % 8];
    va_list ap;
    int n = snprintf(p, sizeof paths[0], "/v2/%s", REG_REPO);
    va_start(ap, fmt);
    vsnprintf(p + n, sizeof paths[0] - (size_t)n, fmt, ap);
    va_end(ap);
    return p;
}

void reg_on(const char *method, const char *path, dbl_rule r)
{
    r.method = method;
    r.path = path;
    dbl_on(reg_double, &r);
}

void reg_header(const char *method, const char *path, size_t i, const char *name, const char *value)
{
    const dbl_request *r = dbl_get(reg_double, method, path, i);
    ck_assert_msg(r, "%s %s: not asked %zu times", method, path, i + 1);
    char *got = dbl_header(r, name);
    ck_assert_msg(value ? got && !strcmp(got, value) : !got, "%s: %s, wanted %s", name,
                  got ? got : "(none)", value ? value : "(none)");
    free(got);
}

const char *reg_manifest(char ret[IR_DIGEST_MAX])
{
    static const char text[] =
        "{\"schemaVersion\":2,\"mediaType\":\"" IR_MT_OCI_MANIFEST "\",\"config\":{\"mediaType\":"
        "\"" IR_MT_OCI_CONFIG "\",\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b9"
        "34ca495991b7852b855\",\"size\":0},\"layers\":[]}";
    unit_ok(ir_hash_bytes(text, strlen(text), ret, &reg_net.err), &reg_net.err);
    return text;
}
