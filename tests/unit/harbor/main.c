/* main.c - runs the suites of lib/harbor. */
#include "unit.h"

Suite *suite_client(void);
Suite *suite_explain(void);
Suite *suite_project(void);
Suite *suite_robot(void);
Suite *suite_robot_change(void);
Suite *suite_role(void);
Suite *suite_pages(void);

UNIT_MAIN(suite_client, suite_explain, suite_project, suite_robot, suite_robot_change, suite_role,
          suite_pages)
