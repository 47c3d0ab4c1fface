/* fuzz_link.c - the other header values: Link, ranges, Retry-After, dates. */
#include "fmt/header.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_text(data, size), *next = ir_link_next(s), text[32];
    int64_t a = 0, b = 0, n = 0;
    fuzz_check(!next || (next[0] && strstr(s, next)));
    free(next);
    if (ir_content_range(s, &a, &b, &n))
        fuzz_check(a >= 0 && a <= b && (n == -1 || b < n));
    if (ir_upload_offset(s, &n))
        fuzz_check(n >= 0);
    if (ir_retry_after(s, 1000000000, &n))
        fuzz_check(n >= 0);
    if (ir_http_date(s, &a) && ir_retry_after(s, a - 5, &n))
        fuzz_check(n == 5000 || s[0] <= '9'); /* seconds, else the date's distance */
    if (ir_rfc3339(s, &a) && a >= -62135596800 && a <= 253402300799) {
        ir_rfc3339_format(a, text);
        fuzz_check(ir_rfc3339(text, &b) && a == b);
    }
    free(s);
    return 0;
}
