/* hostile_test.c - registries that are after our login, our memory or our files, and mirrors. The
 * rules are shown as a table; those of archives have their tests where archives are read. */
#include "hostile.h"

Suite *suite_faults_mirrors(void);

static void show(SRunner *r)
{
    static const char *const elsewhere_tested[] = {
        "S12      archives that lead elsewhere: unit/layer/check_archive",
        "S13      bombs: unit/layer/check_compress, check_archive",
        "S18      links that stay inside stay: unit/layer/check_archive"};
    TestResult **all = srunner_results(r);
    printf("\nrule     what a registry tries\n");
    for (int i = 0; i < srunner_ntests_run(r); i++)
        if (tr_tcname(all[i])[0] == 'S')
            printf("%-52s %s\n", tr_tcname(all[i]), tr_rtype(all[i]) == CK_PASS ? "ok" : "BROKEN");
    for (size_t i = 0; i < 3; i++)
        printf("%s\n", elsewhere_tested[i]);
    free(all);
}

int main(void)
{
    Suite *s = suite_create("faults_hostile");
    hostile_probes(s);
    hostile_rules(s);
    SRunner *r = srunner_create(s);
    srunner_add_suite(r, suite_faults_mirrors());
    srunner_run_all(r, CK_NORMAL);
    show(r);
    int run = srunner_ntests_run(r), failed = srunner_ntests_failed(r);
    srunner_free(r);
    printf("%d passed, %d failed\n", run - failed, failed);
    return failed || !run;
}
