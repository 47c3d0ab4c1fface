/* mock_harbor_test.c - the mock of Harbor, its registry and its server against what is known of the
 * real ones; the suites are in the mock_*.c files beside it. */
#include "unit.h"

Suite *suite_surprise(void);
Suite *suite_noun(void);
Suite *suite_rest(void);
Suite *suite_policy(void);
Suite *suite_conform(void);
Suite *suite_registry(void);
Suite *suite_machine(void);

UNIT_MAIN(suite_surprise, suite_noun, suite_rest, suite_policy, suite_conform, suite_registry,
          suite_machine)
