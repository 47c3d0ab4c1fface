/* mock_kube_test.c - the mock of Kubernetes and its node against what is known of the real ones;
 * the suites are in the mock_kube_*.c files beside it. */
#include "unit.h"

Suite *suite_kube_api(void);
Suite *suite_kube_list(void);
Suite *suite_kube_apply(void);
Suite *suite_kube_pod(void);
Suite *suite_kube_forward(void);
Suite *suite_kube_run(void);

UNIT_MAIN(suite_kube_api, suite_kube_list, suite_kube_apply, suite_kube_pod, suite_kube_forward,
          suite_kube_run)
