/* options.h - the options of the commands, a list each that ends with a NULL name; what the table
 * (commands.c) names. Each group of commands has them in a file of its own. */
#ifndef IMGREL_OPTIONS_H
#define IMGREL_OPTIONS_H

#include "cli.h"

#define END                             \
    {                                   \
        NULL, 0, NULL, NULL, NULL, NULL \
    }
#define OPTION(name, letter, arg, help)     \
    {                                       \
        name, letter, arg, help, NULL, NULL \
    }
#define SWITCH(name, letter, help)           \
    {                                        \
        name, letter, NULL, help, NULL, NULL \
    }
#define CHOICE(name, letter, arg, choices, help) \
    {                                            \
        name, letter, arg, help, choices, NULL   \
    }
#define KEY(name, arg, key, help)     \
    {                                 \
        name, 0, arg, help, NULL, key \
    }

/* options_registry.c */
extern const cli_option opt_login[], opt_copy[], opt_sync[], opt_platform[], opt_referrers[],
    opt_blob_get[];
/* options_index.c */
extern const cli_option opt_index_create[], opt_index_append[], opt_index_remove[],
    opt_index_annotate[], opt_artifact_put[], opt_artifact_get[];
/* options_image.c */
extern const cli_option opt_assemble[], opt_export[], opt_image_edit[], opt_image_append[],
    opt_image_mutate[], opt_image_rebase[], opt_validate[];
/* options_build.c */
extern const cli_option opt_build[];
/* options_harbor.c */
extern const cli_option opt_harbor[], opt_query[], opt_project_ensure[], opt_project_delete[],
    opt_robot_ensure[], opt_robot_create[], opt_robot_update[], opt_robot_rotate[],
    opt_robot_list[], opt_harbor_doctor[], opt_harbor_put[], opt_harbor_get[],
    opt_harbor_delete[], opt_harbor_run[], opt_harbor_request[], opt_harbor_tag[],
    opt_harbor_scan[], opt_harbor_member[], opt_harbor_secret[];
/* options_kube.c */
extern const cli_option opt_kube[], opt_kube_secret[], opt_kube_pod[], opt_kube_service[],
    opt_kube_list[], opt_kube_apply[], opt_kube_logs[], opt_kube_forward[], opt_kube_deployment[],
    opt_kube_account[], opt_kube_watch[], opt_kube_create[], opt_kube_patch[], opt_kube_delete[],
    opt_kube_undo[], opt_kube_dry[], opt_kube_image[];
/* options_node.c */
extern const cli_option opt_registry_spec[], opt_node_hosts[], opt_node_doctor[],
    opt_node_render[], opt_kube_job[], opt_chart_values[], opt_chart_install[];
/* options_release.c */
extern const cli_option opt_release[], opt_release_apply[], opt_release_delete[],
    opt_release_rotate[];
/* options_gitlab.c */
extern const cli_option opt_gitlab[], opt_gitlab_variable[], opt_gitlab_check[],
    opt_gitlab_runner[], opt_gitlab_ci[], opt_gitlab_lint[], opt_gitlab_tag[], opt_gitlab_wait[],
    opt_gitlab_request[];
/* options_mock.c */
extern const cli_option opt_mock_serve[], opt_mock_conformance[];

#endif
