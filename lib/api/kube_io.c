/* kube_io.c - the public side of what moves bytes: logs, forwards, and connections into a pod. */
#include "api/kube.h"
#include "base/str.h"

#include <stddef.h>
#include <stdlib.h>

int ir_api_kube_pod(const ir_call *call, ir_kube *k, const char *ns, const char *object, char **ret,
                    imgrel_error *err)
{
    int port = 0;
    return ir_kube_target(call, k, ns, object, 0, ret, &port, err);
}

int imgrel_kube_logs(imgrel_kube *k, const char *ns, const char *object, const char *spec, int fd,
                     const imgrel_opts *o, imgrel_error *err)
{
    static const ir_json_row rows[] = {
        {"container", IR_J_STRING, offsetof(ir_log_spec, container), 0},
        {"follow", IR_J_BOOL, offsetof(ir_log_spec, follow), 0},
        {"previous", IR_J_BOOL, offsetof(ir_log_spec, previous), 0},
        {"timestamps", IR_J_BOOL, offsetof(ir_log_spec, timestamps), 0},
        {"tail", IR_J_INT, offsetof(ir_log_spec, tail), 0},
        {"since", IR_J_INT, offsetof(ir_log_spec, since_s), 0},
        {"selector", IR_J_STRING, offsetof(ir_log_spec, selector), 0},
        {"all_containers", IR_J_BOOL, offsetof(ir_log_spec, all_containers), 0},
        {"prefix", IR_J_BOOL, offsetof(ir_log_spec, prefix), 0},
        {NULL, IR_J_STRING, 0, 0}};
    ir_call call;
    ir_log_spec s = {.tail = -1, .since_s = -1};
    bool pod_only = object && (ir_starts(object, "pod/") || ir_starts(object, "pods/") ||
                               ir_starts(object, "po/"));
    ir_json *doc = NULL;
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc)
        rc = ir_api_kube_spec(spec, "log spec", rows, &doc, &s, err);
    if (!rc && pod_only && !s.all_containers && !s.prefix)
        rc = ir_kube_logs(&call, k->kube, ns, strchr(object, '/') + 1, &s, fd, err);
    else if (!rc)
        rc = ir_kube_logs_many(&call, k->kube, ns, object, &s, fd, err);
    ir_json_free(doc);
    return rc;
}

int imgrel_kube_forward(imgrel_kube *k, const char *ns, const char *object, const char *ports,
                        const char *address, const imgrel_opts *o, imgrel_error *err)
{
    ir_call call;
    int rc = ir_api_kube_call(k, o, &call, err);
    /* Fired before we began: the same as right after. */
    if (rc == IMGREL_ECANCELED) {
        ir_error_clear(err);
        return 0;
    }
    return rc ? rc : ir_kube_forward(&call, k->kube, ns, object, ports, address, err);
}

/* ---- one connection -------------------------------------------------------------------------- */

struct imgrel_conn {
    imgrel_client *client; /* borrowed */
    ir_call call;          /* the dialling's, without its deadline */
    ir_forward_conn *conn;
};

int imgrel_kube_dial(imgrel_kube *k, const char *ns, const char *object, int32_t port,
                     const imgrel_opts *o, imgrel_conn **out, imgrel_error *err)
{
    ir_call call;
    imgrel_conn *n = NULL;
    if (!out)
        return ir_fail(err, IMGREL_EINVAL, "imgrel_kube_dial: out is NULL");
    *out = NULL;
    int rc = ir_api_kube_call(k, o, &call, err);
    if (!rc && !(n = calloc(1, sizeof *n)))
        rc = ir_nomem(err);
    if (!rc)
        rc = ir_kube_dial(&call, k->kube, ns, object, port, &n->conn, err);
    if (rc) {
        free(n);
        return rc;
    }
    n->client = k->client;
    n->call = call;
    n->call.deadline_ms = 0;
    n->call.progress = NULL;
    n->call.platform = NULL;
    *out = n;
    return 0;
}

static int alive(const imgrel_conn *n, imgrel_error *err)
{
    return n ? ir_api_alive(n->client, err) : ir_fail(err, IMGREL_EINVAL, "the connection is NULL");
}

int64_t imgrel_conn_read(imgrel_conn *n, void *buf, size_t len, imgrel_error *err)
{
    int rc = alive(n, err);
    if (rc || !len)
        return rc;
    return ir_forward_read(&n->call, n->conn, buf, len, err);
}

int64_t imgrel_conn_write(imgrel_conn *n, const void *buf, size_t len, imgrel_error *err)
{
    int rc = alive(n, err);
    if (!rc)
        rc = ir_forward_write(&n->call, n->conn, buf, len, err);
    return rc ? rc : (int64_t)len;
}

int imgrel_conn_shutdown(imgrel_conn *n, imgrel_error *err)
{
    int rc = alive(n, err);
    return rc ? rc : ir_forward_shutdown(&n->call, n->conn, err);
}

void imgrel_conn_free(imgrel_conn *n)
{
    if (!n)
        return;
    ir_forward_close(n->conn);
    free(n);
}
