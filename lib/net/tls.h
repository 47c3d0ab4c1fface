/* tls.h - readies curl and OpenSSL, once a process. */
#ifndef IR_NET_TLS_H
#define IR_NET_TLS_H

#include "base/error.h"

int ir_must_use ir_tls_init(imgrel_error *err); /* 0 or ENOMEM; any thread */

#endif
