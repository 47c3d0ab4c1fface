/* faults_test.c - what goes wrong on the way, through the public API. */
#include "unit.h"

Suite *suite_faults_matrix(void);
Suite *suite_faults_kill(void);
Suite *suite_faults_range(void);
Suite *suite_faults_lie(void);

UNIT_MAIN(suite_faults_kill, suite_faults_lie, suite_faults_range,
          suite_faults_matrix)
