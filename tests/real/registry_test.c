/* registry_test.c - the library against Debian's docker-registry: plain, with logins, with TLS,
 * with both; through the public API only, but for the images that it is given. */
#include "hub.h"

Suite *suite_plain(void), *suite_copy(void), *suite_many(void), *suite_blobs(void),
    *suite_login(void), *suite_tls(void), *suite_both(void), *suite_more(void), *suite_three(void);

int main(void)
{
    unit_suite_fn *const fns[] = {suite_plain, suite_copy, suite_many, suite_blobs, suite_login,
                                  suite_tls,   suite_both, suite_more, suite_three};
    size_t n = sizeof fns / sizeof *fns;
    if (!hub_there()) {
        puts("SKIP registry: docker-registry is not installed\n0 passed, 0 failed, 1 skipped");
        return 0;
    }
    if (!hub_three()) {
        puts("SKIP distribution 3 is not installed (tests/bench/run does)");
        n--;
    }
    return unit_run(fns, n);
}
