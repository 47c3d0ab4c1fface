/* fuzz_kubeconfig.c - a kubeconfig, and settings without a file, give a handle that is whole, or an
 * error that says why. */
#include "fuzz.h"
#include "kube/inside.h"

static void check(const ir_kube *k, int rc, const imgrel_error *err)
{
    fuzz_check(!rc == (k != NULL) && err->code == rc && (!rc || *err->message));
    if (!k)
        return;
    fuzz_check(k->server && k->host && k->ns);
    for (size_t i = 0; i < k->headers.n; i++)
        fuzz_check(!strpbrk(k->headers.v[i], "\r\n"));
}

static void try_settings(const char *text)
{
    const ir_kube_env env = {.home = NULL};
    imgrel_error err = {0};
    ir_kube *k = NULL;
    int rc = ir_kube_load(&env, text, NULL, &k, &err);
    check(k, rc, &err);
    ir_kube_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imgrel_error err = {0};
    ir_kube *k = NULL;
    int rc = ir_kube_parse((const char *)data, size, "k", "/nonexistent", NULL, &k, &err);
    char *text = fuzz_text(data, size);
    check(k, rc, &err);
    if (k && k->exec)
        (void)!ir_kube_exec_answer(k, text, size, NULL);
    ir_kube_free(k);
    if (text[0] == '{')
        try_settings(text);
    free(text);
    return 0;
}
