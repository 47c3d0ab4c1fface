/* kube.h - what the commands about Kubernetes share. */
#ifndef IMGREL_CLI_KUBE_H
#define IMGREL_CLI_KUBE_H

#include "cli.h"

int cli_kube_open(const cli *c, imgrel_kube **ret, imgrel_error *err);
/* The namespace that the command is about; NULL: the context's. */
const char *cli_kube_ns(const cli *c);
/* imgrel_kube_do with a handle of its own; spec is taken, NULL: none. */
int cli_kube_do(const cli *c, const char *object, const char *action, json_t *spec, char **ret,
                imgrel_error *err);
/* "KIND/NAME change", or the document. text is freed. */
int cli_kube_print_change(const cli *c, const char *kind, const char *name, char *text,
                          imgrel_error *err);

#endif
