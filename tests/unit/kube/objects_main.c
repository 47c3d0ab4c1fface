/* objects_main.c - the unit tests of what lib/kube does with objects, and of hostile servers. */
#include "unit.h"

unit_suite_fn suite_do, suite_changes, suite_hostile;
UNIT_MAIN(suite_do, suite_changes, suite_hostile)
