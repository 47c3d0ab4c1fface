/* flow_main.c - runs the flows. */
#include "unit.h"

Suite *suite_flow_robot(void);
Suite *suite_flow_fault(void);
Suite *suite_flow_kind(void);
Suite *suite_flow_artifact(void);
Suite *suite_flow_doctor(void);

UNIT_MAIN(suite_flow_robot, suite_flow_fault, suite_flow_kind, suite_flow_artifact,
          suite_flow_doctor)
