/* main.c - unit tests of lib/base. */
#include "unit.h"

unit_suite_fn suite_error, suite_buf, suite_str, suite_cancel, suite_fd, suite_hash, suite_base64,
    suite_log, suite_proc, suite_wipe;
UNIT_MAIN(suite_error, suite_buf, suite_str, suite_cancel, suite_fd, suite_hash, suite_base64,
          suite_log, suite_proc, suite_wipe)
