/* registry_main.c - the unit tests of what speaks to a registry, which the double plays. */
#include "unit.h"

unit_suite_fn suite_registry, suite_registry_read, suite_registry_push, suite_registry_write,
    suite_pages, suite_referrers, suite_single, suite_sha512;
UNIT_MAIN(suite_registry, suite_registry_read, suite_registry_push, suite_registry_write,
          suite_pages, suite_referrers, suite_single, suite_sha512)
