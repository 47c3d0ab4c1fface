/* objects_main.c - the unit tests of what lib/kube does with objects. */
#include "unit.h"

unit_suite_fn suite_do, suite_changes;
UNIT_MAIN(suite_do, suite_changes)
