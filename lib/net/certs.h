/* certs.h - certs.d directories, as docker, containers and containerd lay them out: a folder a
 * host ("host", "host:port", "host_port_") with *.crt (authorities) and X.cert with X.key. */
#ifndef IR_NET_CERTS_H
#define IR_NET_CERTS_H

#include "net/hosts.h"

/* Fills ca_pem, cert, key and cert_is_own from the first directory that has a folder for the host.
 * EIO or EINVAL: a file there can't be read, a certificate has no key. */
int ir_must_use ir_certs_find(const ir_strv *dirs, const ir_url *url, ir_host *ret,
                              imgrel_error *err);

#endif
