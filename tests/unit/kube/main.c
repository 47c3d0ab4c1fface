/* main.c - the unit tests of lib/kube, and of the two wire formats that it alone needs. */
#include "unit.h"

unit_suite_fn suite_ws, suite_spdy;
UNIT_MAIN(suite_ws, suite_spdy)
