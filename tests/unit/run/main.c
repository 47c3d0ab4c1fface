/* main.c - unit tests of lib/run. */
#include "unit.h"

unit_suite_fn suite_copy_tee, suite_copy_match, suite_release_file, suite_release_state;
#ifdef WITH_RELEASE
UNIT_MAIN(suite_copy_tee, suite_copy_match, suite_release_file, suite_release_state)
#else
UNIT_MAIN(suite_copy_tee, suite_copy_match)
#endif
