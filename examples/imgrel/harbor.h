/* harbor.h - what the files of imgrel harbor share. */
#ifndef IMGREL_CLI_HARBOR_H
#define IMGREL_CLI_HARBOR_H

#include "cli.h"

int harbor_open(const cli *c, imgrel_harbor **ret, imgrel_error *err);
/* The same at an address; NULL: HARBOR_URL's. */
int harbor_open_at(const cli *c, const char *url, imgrel_harbor **ret, imgrel_error *err);
/* "deleted WHAT", or {"deleted": WHAT}. */
int harbor_say_deleted(const cli *c, const char *what, imgrel_error *err);
/* --data, --file and --field as one JSON text; NULL: none of them. The caller's, cli_free_secret.
 */
int harbor_words(const cli *c, char **ret, imgrel_error *err);
/* A document: secrets in it are masked unless they are asked for; indented for people. */
int harbor_print(const cli *c, const char *text, imgrel_error *err);

cli_fn cmd_harbor_check, cmd_harbor_doctor, cmd_harbor_request;
cli_fn cmd_project_ensure, cmd_project_create, cmd_project_get, cmd_project_delete;
cli_fn cmd_robot_ensure, cmd_robot_create, cmd_robot_update, cmd_robot_enable, cmd_robot_disable,
    cmd_robot_list, cmd_robot_get, cmd_robot_delete, cmd_robot_rotate;
/* By the command's own words: "harbor KIND VERB". */
cli_fn cmd_harbor_list, cmd_harbor_get, cmd_harbor_put, cmd_harbor_delete, cmd_harbor_do,
    cmd_harbor_one;
cli_fn cmd_harbor_scan, cmd_harbor_copy, cmd_harbor_tag, cmd_harbor_label, cmd_harbor_unlabel,
    cmd_harbor_member, cmd_harbor_quota, cmd_harbor_schedule, cmd_harbor_cli_secret;

#endif
