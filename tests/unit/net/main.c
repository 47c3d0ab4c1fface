/* main.c - the unit tests of lib/net. */
#include "unit.h"

unit_suite_fn suite_origin, suite_retry, suite_hosts, suite_http, suite_faults, suite_stream,
    suite_tls, suite_auth, suite_creds, suite_work, suite_cancel;
UNIT_MAIN(suite_origin, suite_retry, suite_hosts, suite_http, suite_faults, suite_stream, suite_tls,
          suite_auth, suite_creds, suite_work, suite_cancel)
