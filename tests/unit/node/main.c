/* main.c - unit tests of lib/node. */
#include "unit.h"

unit_suite_fn suite_registry, suite_render, suite_containerd, suite_trust, suite_doctor;
UNIT_MAIN(suite_registry, suite_render, suite_containerd, suite_trust, suite_doctor)
