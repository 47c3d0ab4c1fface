/* main.c - the unit tests of lib/net. */
#include "unit.h"

unit_suite_fn suite_origin, suite_retry, suite_hosts, suite_http, suite_faults, suite_stream,
    suite_tls;
UNIT_MAIN(suite_origin, suite_retry, suite_hosts, suite_http, suite_faults, suite_stream, suite_tls)
