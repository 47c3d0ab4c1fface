/* fuzz_url.c - URLs: what joins parses again, to the same origin unless the location named one. */
#include "base/str.h"
#include "fmt/url.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_text(data, size), *joined = NULL;
    ir_url base, u;
    if (!ir_url_parse(s, &u, NULL)) {
        char *origin = ir_url_origin(&u);
        fuzz_check(u.port > 0 && u.port < 65536 && u.path[0] == '/' && u.host[0]);
        fuzz_check(!ir_url_parse(origin, &base, NULL) && ir_url_same_origin(&u, &base));
        (void)ir_url_is_local(&u);
        ir_url_free(&base);
        ir_url_free(&u);
        free(origin);
    }
    fuzz_check(!ir_url_parse("http://a/b/c/d;p?q", &base, NULL));
    if (!ir_url_join("http://a/b/c/d;p?q", s, &joined, NULL) && !ir_url_parse(joined, &u, NULL)) {
        fuzz_check(!u.user && !strstr(u.path, "/../"));
        if (!strstr(s, "//"))
            fuzz_check(ir_url_same_origin(&u, &base) || strchr(s, ':'));
        ir_url_free(&u);
    }
    ir_url_free(&base);
    free(joined);
    free(s);
    return 0;
}
