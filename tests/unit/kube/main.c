/* main.c - the unit tests of lib/kube, and of the two wire formats that it alone needs. */
#include "unit.h"

unit_suite_fn suite_ws, suite_spdy, suite_config, suite_exec, suite_diagnose, suite_examine,
    suite_logjoin, suite_page, suite_object, suite_wait, suite_forward, suite_follow;
UNIT_MAIN(suite_ws, suite_spdy, suite_config, suite_exec, suite_diagnose, suite_examine,
          suite_logjoin, suite_page, suite_object, suite_wait, suite_forward, suite_follow)
