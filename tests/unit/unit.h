/* unit.h - what every unit test program shares: it runs its suites and closes with the line that
 * the test command adds up. A program is:
 *     UNIT_MAIN(suite_buf, suite_str)
 * with each `Suite *suite_x(void)` in a file of its own. CK_FORK=no for a debugger. */
#ifndef IR_TESTS_UNIT_H
#define IR_TESTS_UNIT_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include <imgrel/error.h>

typedef Suite *unit_suite_fn(void);

static inline int unit_run(unit_suite_fn *const *fns, size_t n)
{
    SRunner *r = srunner_create(fns[0]());
    for (size_t i = 1; i < n; i++)
        srunner_add_suite(r, fns[i]());
    srunner_run_all(r, CK_NORMAL);
    int run = srunner_ntests_run(r), failed = srunner_ntests_failed(r);
    srunner_free(r);
    printf("%d passed, %d failed\n", run - failed, failed);
    return failed || !run;
}
#define UNIT_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        unit_suite_fn *const fns[] = { __VA_ARGS__ };                                              \
        return unit_run(fns, sizeof fns / sizeof *fns);                                            \
    }

/* A suite of one case from a list of tests. */
#define UNIT_SUITE(name, ...)                                                                      \
    Suite *suite_##name(void);                                                                     \
    Suite *suite_##name(void)                                                                      \
    {                                                                                              \
        const TTest *const tests[] = { __VA_ARGS__ };                                              \
        Suite *s = suite_create(#name);                                                            \
        TCase *c = tcase_create(#name);                                                            \
        tcase_set_timeout(c, 120);                                                                 \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)                                  \
            tcase_add_test(c, tests[i]);                                                           \
        suite_add_tcase(s, c);                                                                     \
        return s;                                                                                  \
    }

/* An error's code, and a word that its message or its cure must hold. */
static inline void unit_error(const imgrel_error *err, int code, const char *word)
{
    ck_assert_msg(err->code == code, "code %d, wanted %d: %s", err->code, code, err->message);
    ck_assert_msg(!word || strstr(err->message, word) || strstr(err->cure, word),
                  "\"%s\" is not in: %s [%s]", word, err->message, err->cure);
}
#define unit_ok(rc, err)                                                                           \
    ck_assert_msg((rc) == 0, "%s: %d: %s", #rc, (err)->code, (err)->message)

#endif
