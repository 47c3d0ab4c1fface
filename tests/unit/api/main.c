/* main.c - the unit tests of lib/api. */
#include "unit.h"

unit_suite_fn suite_conf, suite_client;
UNIT_MAIN(suite_conf, suite_client)
