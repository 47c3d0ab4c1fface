/* page.c - one GET through a connection into a pod: proof that what was released answers. A pod is
 * called ready before its program listens, so a refused port is tried again for a while. */
#include "base/limits.h"
#include "kube/inside.h"

#include <stdlib.h>

#define PAGE_MAX (4 * IR_MIB)
#define REFUSED_MS 15000

static int send_request(const ir_call *call, ir_forward_conn *c, const char *path,
                        imgrel_error *err)
{
    ir_buf text = IR_BUF(IR_URL_MAX);
    ir_buf_addf(&text,
                "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: libimgrel/%s\r\n"
                "Accept: */*\r\nConnection: close\r\n\r\n",
                path, imgrel_version());
    int rc = ir_buf_check(&text, err, "page");
    if (!rc)
        rc = ir_forward_write(call, c, text.p, text.len, err);
    ir_buf_free(&text);
    return rc;
}

static int read_reply(const ir_call *call, ir_forward_conn *c, int *ret_status, ir_buf *ret_body,
                      imgrel_error *err)
{
    ir_page_reader r = {.body = ret_body};
    char chunk[16384];
    int rc = 0;
    while (!rc) {
        int64_t n = ir_forward_read(call, c, chunk, sizeof chunk, err);
        if (n < 0)
            rc = (int)n;
        else if (n == 0 && !(rc = ir_page_end(&r, err)))
            break;
        else if (n > 0)
            rc = ir_page_feed(&r, chunk, (size_t)n, err);
    }
    *ret_status = r.status;
    ir_buf_free(&r.in);
    return rc == 1 ? 0 : rc;
}

static int once(const ir_call *call, ir_kube *k, const char *ns, const char *object, int port,
                const char *path, int *ret_status, ir_buf *ret_body, imgrel_error *err)
{
    ir_forward_conn *c = NULL;
    ir_buf_clear(ret_body);
    int rc = ir_kube_dial(call, k, ns, object, port, &c, err);
    if (!rc)
        rc = send_request(call, c, path, err);
    if (!rc)
        rc = read_reply(call, c, ret_status, ret_body, err);
    ir_forward_close(c);
    return rc;
}

int ir_kube_page(const ir_call *call, ir_kube *k, const char *ns, const char *object, int port,
                 const char *path, int *ret_status, ir_buf *ret_body, imgrel_error *err)
{
    int64_t end = ir_now_ms() + REFUSED_MS;
    *ret_status = 0;
    if (!ret_body->max)
        ret_body->max = PAGE_MAX;
    for (const char *p = path; p && *p; p++)
        if ((unsigned char)*p <= ' ')
            path = NULL;
    if (!path || path[0] != '/')
        return ir_fail(err, IMGREL_EINVAL, "page: the path must begin with / and have no blanks");
    for (;;) {
        imgrel_error why = {0};
        int rc = once(call, k, ns, object, port, path, ret_status, ret_body, &why);
        if (!rc)
            return 0;
        if (rc != IMGREL_ENET || !why.retryable || ir_now_ms() > end)
            return ir_kube_pass(err, &why);
        rc = ir_sleep(call->cancel, 300, call->deadline_ms, err);
        if (rc)
            return rc;
    }
}
