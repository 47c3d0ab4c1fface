/* fuzz_docker_config.c - docker's config.json: what is read has no half login, and what a login is
 * merged into gives that login back. */
#include "fuzz.h"
#include "net/creds_impl.h"

static void merge(const char *s, size_t size)
{
    IR_AUTO(ir_buf) out = IR_BUF(1 << 24);
    IR_AUTO(ir_buf) none = IR_BUF(1 << 24);
    imgrel_error err = {0};
    if (ir_creds_merge(s, size, "a.example:5000", "me", "s\"e\\c", &out, &err))
        return;
    IR_AUTO(ir_creds) c = {0};
    char *helper = NULL;
    fuzz_check(!ir_creds_read(out.p, out.len, "it", "a.example:5000", NULL, &c, &helper, &err));
    fuzz_check(!strcmp(c.user, "me") && !strcmp(c.secret, "s\"e\\c"));
    free(helper);
    fuzz_check(!ir_creds_merge(out.p, out.len, "a.example:5000", NULL, NULL, &none, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"a.example:5000", "docker.io", "q.example"};
    char *s = fuzz_text(data, size);
    for (size_t i = 0; i < 3; i++) {
        IR_AUTO(ir_creds) c = {0};
        imgrel_error err = {0};
        char *helper = NULL;
        int rc = ir_creds_read(s, size, "it", hosts[i], "a/b/c", &c, &helper, &err);
        fuzz_check(rc == err.code);
        fuzz_check(!(helper && ir_creds_some(&c)));
        free(helper);
    }
    merge(s, size);
    free(s);
    return 0;
}
