/* hostile_test.c - registries that are after our login, our memory or our files, and mirrors. */
#include "unit.h"

Suite *suite_faults_hostile(void);
Suite *suite_faults_mirrors(void);

UNIT_MAIN(suite_faults_hostile, suite_faults_mirrors)
