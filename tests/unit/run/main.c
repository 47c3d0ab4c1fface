/* main.c - unit tests of lib/run. */
#include "unit.h"

unit_suite_fn suite_release_file, suite_release_state;
UNIT_MAIN(suite_release_file, suite_release_state)
