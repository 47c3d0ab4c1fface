/* fuzz_challenge.c - WWW-Authenticate: what was read stays valid whatever follows. */
#include "fmt/challenge.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_text(data, size);
    ir_challenges c = {0};
    imgrel_error err = {0};
    int rc = ir_challenge_parse(s, &c, &err);
    fuzz_check(rc == err.code && c.n <= IR_CHALLENGES_MAX);
    for (size_t i = 0; i < c.n; i++) {
        fuzz_check(c.v[i].scheme[0] && c.v[i].n_params <= IR_CHALLENGE_PARAMS_MAX);
        for (size_t k = 0; k < c.v[i].n_params; k++)
            fuzz_check(ir_challenge_param(&c.v[i], c.v[i].param[k].name));
    }
    ir_challenges_free(&c);
    free(s);
    return 0;
}
