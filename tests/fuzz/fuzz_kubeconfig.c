/* fuzz_kubeconfig.c - a kubeconfig gives a handle that is whole, or an error that says why. */
#include "fuzz.h"
#include "kube/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imgrel_error err = {0};
    ir_kube *k = NULL;
    int rc = ir_kube_parse((const char *)data, size, "k", "/nonexistent", NULL, &k, &err);
    fuzz_check(!rc == (k != NULL) && err.code == rc && (!rc || *err.message));
    if (k) {
        fuzz_check(k->server && k->host && k->ns);
        for (size_t i = 0; i < k->headers.n; i++)
            fuzz_check(!strpbrk(k->headers.v[i], "\r\n"));
        if (k->exec) {
            char *text = fuzz_text(data, size);
            (void)!ir_kube_exec_answer(k, text, size, NULL);
            free(text);
        }
    }
    ir_kube_free(k);
    return 0;
}
