/* main.c - the tests of lib/gitlab, against the mock. */
#include "unit.h"

unit_suite_fn suite_gitlab_words, suite_gitlab_flow, suite_gitlab_pipeline, suite_gitlab_fault;
UNIT_MAIN(suite_gitlab_words, suite_gitlab_flow, suite_gitlab_pipeline, suite_gitlab_fault)
