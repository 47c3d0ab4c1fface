/* fuzz_mock_query.c - what the mock reads of a stranger's query string: escapes, pairs, q, and the
 * patterns of policies. Search with FUZZ_SOURCES="lib/mock/harbor_filter.c lib/mock/harbor_glob.c
 * lib/mock/server_query.c" (from the source root). */
#include "mock/harbor.h"
#include "fuzz.h"

static void check_filter(const char *q)
{
    char why[256] = "";
    mk_filter f = {0};
    bool ok = mk_filter_parse(&f, q, why);
    fuzz_check(ok == !*why);
    for (size_t i = 0; ok && i < f.n; i++) {
        const mk_term *t = &f.term[i];
        fuzz_check(t->key && *t->key && mk_filter_term(&f, t->key));
        fuzz_check(t->op != MK_RANGE || t->values.n == 2);
        fuzz_check((t->op != MK_EQUAL && t->op != MK_LIKE) || t->values.n == 1);
    }
    mk_filter_free(&f);
}

/* "PATTERN=NAME"; a name without special bytes fits itself, and "**" everything. */
static void check_glob(char *s)
{
    char *name = strchr(s, '=');
    if (!name)
        return;
    *name++ = '\0';
    (void)mk_glob(s, name);
    fuzz_check(mk_glob("**", name));
    fuzz_check(strpbrk(s, "*?{") || mk_glob(s, name) == !strcmp(s, name));
    name[-1] = '=';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_text(data, size), *name, *value, *plain = mk_unescape(s, true);
    mk_request r = {.query = s};
    fuzz_check(!plain || strlen(plain) <= strlen(s));
    for (size_t i = 0; mk_query_at(&r, i, &name, &value); i++) {
        if (value)
            check_filter(value);
        free(name);
        free(value);
    }
    check_filter(s);
    check_glob(s);
    free(plain);
    free(s);
    return 0;
}
