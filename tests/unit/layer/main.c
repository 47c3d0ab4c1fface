/* main.c - the unit tests of layers and images: lib/oci/{compress,archive,layer,image}. */
#include "unit.h"

unit_suite_fn suite_compress, suite_archive, suite_layer, suite_merge, suite_image, suite_edit,
    suite_hostile;
UNIT_MAIN(suite_compress, suite_archive, suite_layer, suite_merge, suite_image, suite_edit,
          suite_hostile)
