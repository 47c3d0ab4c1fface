/* doctor.h - what the files of the doctor share: the report, a row a check. */
#ifndef IR_NODE_DOCTOR_H
#define IR_NODE_DOCTOR_H

#include "fmt/hosts_toml.h"
#include "node/node.h"

typedef struct ir_node_doctor {
    const ir_call *call;
    const ir_node *node;
    ir_json *rows;
    bool failed;
    int generation; /* of containerd; 0: not known */
    bool asked_url; /* the spec says how the registry is to be reached */
} ir_node_doctor;

/* A row. state: "ok", "fail", "warn" or "skip"; cure may be NULL. ENOMEM. */
int ir_must_use ir_node_say(ir_node_doctor *d, const char *check, const char *state,
                            const char *cure, imgrel_error *err, const char *fmt, ...)
    IR_PRINTF(6, 7);
/* The same with the cure that writes the files: "imgrel node hosts ..." */
int ir_must_use ir_node_say_trust(ir_node_doctor *d, const char *check, const char *url,
                                  imgrel_error *err, const char *fmt, ...) IR_PRINTF(5, 6);

/* doctor_dir.c: which folder of certs.d counts, and what its hosts.toml says. ret is empty where
 * there is no such file; *ret_dir is the folder, malloc'ed. */
int ir_must_use ir_node_look_dir(ir_node_doctor *d, const char *certs, char **ret_dir,
                                 ir_hosts_file *ret, imgrel_error *err);
/* doctor_reach.c: whether an address answers as a registry does. ca: PEM, NULL. */
int ir_must_use ir_node_look_reach(ir_node_doctor *d, const char *url, const char *ca,
                                   bool insecure, imgrel_error *err);
int ir_must_use ir_node_look_entry(ir_node_doctor *d, const char *dir, const ir_hosts_entry *e,
                                   imgrel_error *err);

#endif
