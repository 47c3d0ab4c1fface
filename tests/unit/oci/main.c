/* main.c - the unit tests of stores and what is in them. */
#include "unit.h"

unit_suite_fn suite_descriptor, suite_manifest, suite_blob, suite_layout, suite_oci_archive,
    suite_docker_archive, suite_copy, suite_convert, suite_index, suite_artifact,
    suite_journal, suite_stress, suite_validate;
UNIT_MAIN(suite_descriptor, suite_manifest, suite_blob, suite_layout, suite_oci_archive,
          suite_docker_archive, suite_copy, suite_convert, suite_index, suite_artifact,
          suite_journal, suite_stress, suite_validate)
