/* kube.h - what the public Kubernetes wrappers share. */
#ifndef IR_API_KUBE_H
#define IR_API_KUBE_H

#include <imgrel/kube.h>

#include "api/api.h"
#include "kube/kube.h"

struct imgrel_kube {
    imgrel_client *client; /* borrowed */
    ir_kube *kube;
};

/* A call under o; EINVAL for a NULL handle. */
int ir_must_use ir_api_kube_call(imgrel_kube *k, const imgrel_opts *o, ir_call *ret,
                                 imgrel_error *err);
/* The name of "pod/NAME"; of other objects (service/NAME) the pod behind it. malloc'ed. */
int ir_must_use ir_api_kube_pod(const ir_call *call, ir_kube *k, const char *ns,
                                const char *object, char **ret, imgrel_error *err);
/* Reads a spec's JSON by a table, strictly; text NULL: nothing. *ret_doc keeps what ret borrows. */
int ir_must_use ir_api_kube_spec(const char *text, const char *what, const ir_json_row *rows,
                                 ir_json **ret_doc, void *ret, imgrel_error *err);

/* A pod's spec; name is the caller's to set. */
int ir_must_use ir_api_kube_pod_spec(const char *text, ir_json **ret_doc, ir_pod_spec *ret,
                                     imgrel_error *err);

#endif
