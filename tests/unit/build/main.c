/* main.c - the unit tests of lib/build. */
#include "unit.h"

unit_suite_fn suite_rawjson, suite_dockerfile, suite_spec, suite_drivers;
UNIT_MAIN(suite_rawjson, suite_dockerfile, suite_spec, suite_drivers)
