/* mock_kube_forward.c - port-forward in the mock, frame by frame: which way is chosen, what is
 * refused and how, v4.channel.k8s.io with its quirks, SPDY in WebSocket and bare. */
#include "mock_kube.h"
#include "base/str.h"
#include "net/spdy.h"
#include "net/ws.h"

#include <sys/socket.h>

#define P IN("pods/p/portforward")
#define STATE "status.containerStatuses.0.state.waiting."

/* A pod that waits for an image that does not exist: it has a node. */
static void stuck_up(const char *members)
{
    kube_up(text("\"node\": \"pull\"%s%s", members ? ", " : "", members ? members : ""));
    make_namespace();
    make_pod("p", text("%s/library/none:1", imgrel_mock_get(mock, "host")), NULL);
    until(IN("pods/p"), STATE "reason", "ErrImagePull");
}

static void want_head(wire *w, int status, const char *word)
{
    ck_assert_msg(w->status == status, "%s", w->head);
    ck_assert_msg(!word || strcasestr(w->head, word), "no %s in: %s", word, w->head);
}

/* The status of one handshake; its head must hold word. */
static const char *shake(int status, const char *word, const char *path, const char *headers)
{
    wire *w = wire_open("GET", path, headers);
    want_head(w, status, word);
    const char *rest = status == 101 ? "" : wire_rest(w);
    wire_close(w);
    return rest;
}

START_TEST(which_protocol)
{
    stuck_up(NULL);
    shake(101, "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n", P "?ports=80", WEBSOCKET(CHANNEL));
    shake(101, "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n", P, WEBSOCKET(TUNNEL));
    shake(101, "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n", P "?ports=80",
          WEBSOCKET("Sec-WebSocket-Protocol: v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io\r\n"));
    shake(101, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", P "?ports=80",
          WEBSOCKET(CHANNEL));
    static const char *const unknown[] = {
        WEBSOCKET("Sec-WebSocket-Protocol: v2.portforward.k8s.io\r\n"),
        WEBSOCKET("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"),
        WEBSOCKET("Sec-WebSocket-Protocol: channel.k8s.io\r\n")};
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(shake(403, "Connection: close", P "?ports=80", unknown[i]), "");
    wire *w = wire_open("GET", P "?ports=80", WEBSOCKET(""));
    want_head(w, 101, "\r\nSec-WebSocket-Protocol: ");
    const char *value = strcasestr(w->head, "\r\nSec-WebSocket-Protocol:") + 25;
    ck_assert_int_eq(value[strspn(value, " ")], '\r');
    wire_close(w);
    kube_down();
}
END_TEST

START_TEST(what_is_refused)
{
    stuck_up(NULL);
    ck_assert_str_eq(shake(400, "text/plain", P, WEBSOCKET(CHANNEL)),
                     "query parameter \"port\" is required");
    ck_assert_ptr_nonnull(
        strstr(shake(400, "application/json", P "?ports=80", ""), "Upgrade request required"));
    ck_assert_ptr_nonnull(strstr(
        shake(404, "application/json", IN("pods/q/portforward?ports=80"), WEBSOCKET(CHANNEL)),
        "pods \\\"q\\\" not found"));
    ck_assert_ptr_nonnull(strstr(shake(404, NULL, IN("services/p/portforward"), WEBSOCKET(TUNNEL)),
                                 "could not find the requested resource"));
    wire *w = wire_open("POST", P,
                        "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0"
                        "\r\nX-Stream-Protocol-Version: v9\r\n");
    want_head(w, 403, "X-Accepted-Stream-Protocol-Versions: portforward.k8s.io\r\n");
    wire_close(w);
    make_pod("f", "x/y:1", ", \"nodeName\": \"elsewhere\"");
    want(KPATCH(IN("pods/f/status"), MERGE, "{\"status\": {\"phase\": \"Failed\"}}"), 200);
    ck_assert_str_eq(
        shake(500, "text/plain", IN("pods/f/portforward?ports=80"), WEBSOCKET(CHANNEL)),
        "pod not found (\"f_t\")");
    kube_down();
}
END_TEST

START_TEST(a_pod_that_cannot_run_gets_101)
{
    stuck_up(NULL);
    const char *p;
    size_t len;
    wire *w = wire_open("GET", P "?ports=8080", WEBSOCKET(CHANNEL));
    want_head(w, 101, NULL);
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_BINARY);
    ck_assert(len == 3 && !memcmp(p, "\0\x90\x1f", 3));
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_BINARY);
    ck_assert(len == 3 && !memcmp(p, "\1\x90\x1f", 3));
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_BINARY);
    ck_assert(*p == 1 &&
              ir_starts(text("%.*s", (int)len - 1, p + 1), "error forwarding port 8080 to pod "));
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_CLOSE);
    ck_assert(len == 2 && !memcmp(p, "\x03\xe8", 2));
    wire_close(w);
    kube_down();
}
END_TEST

/* What a user with one verb on pods/portforward gets from both ways. */
static void rights(const char *version, const char *verb, int websocket, int spdy)
{
    stuck_up(
        text("\"kube_version\": \"%s\", \"kube_users\": [{\"name\": \"u\", \"token\": \"tok\", "
             "\"rules\": [{\"verbs\": [\"%s\"], \"resources\": [\"pods/portforward\"]}]}]",
             version, verb));
    shake(websocket, NULL, P, WEBSOCKET(TUNNEL "Authorization: Bearer tok\r\n"));
    const char *rest =
        shake(websocket, NULL, P "?ports=80", WEBSOCKET(CHANNEL "Authorization: Bearer tok\r\n"));
    ck_assert(websocket == 101 || strstr(rest, "\"reason\":\"Forbidden\""));
    wire *w = wire_open("POST", P,
                        "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0"
                        "\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n"
                        "Authorization: Bearer tok\r\n");
    ck_assert_int_eq(w->status, spdy);
    wire_close(w);
    kube_down();
}

START_TEST(rights_by_version)
{
    rights("1.34", "get", 101, 403);
    rights("1.34", "create", 403, 101);
    rights("1.35", "get", 403, 403);
    rights("1.35", "create", 101, 101);
}
END_TEST

START_TEST(a_token_in_the_protocol)
{
    stuck_up("\"kube_users\": [{\"name\": \"u\", \"token\": \"to~k?\", \"rules\": []}]");
    ck_assert_ptr_nonnull(
        strstr(shake(403, NULL, P "?ports=80",
                     WEBSOCKET("Sec-WebSocket-Protocol: v4.channel.k8s.io, "
                               "base64url.bearer.authorization.k8s.io.dG9-az8\r\n")),
               "User \\\"u\\\" cannot get"));
    kube_down();
}
END_TEST

/* ---- into a pod that runs ------------------------------------------------------------------- */

static bool running_up(void)
{
    if (!can_run())
        return false;
    kube_up("\"node\": \"run\"");
    make_namespace();
    push_page("library/page:1", NULL);
    make_pod("p", text("%s/library/page:1", imgrel_mock_get(mock, "host")), NULL);
    until(IN("pods/p"), "status.containerStatuses.0.ready", "");
    until(IN("pods/p"), "status.phase", "Running");
    for (int i = 0; i < 500 && !strstr(KGET(IN("pods/p/log")).body, "8081"); i++)
        ;
    return true;
}

/* Reads messages of one channel until it has said len bytes, or the end. */
static const char *gather(wire *w, char channel, size_t wanted, size_t *ret_len)
{
    ir_buf b = IR_BUF(1UL << 28);
    const char *p;
    size_t len;
    while (b.len < wanted && wire_read(w, &p, &len) == IR_WS_BINARY)
        if (len && *p == channel)
            ir_buf_add(&b, p + 1, len - 1);
    *ret_len = b.len;
    const char *out = text("%s", "");
    if (b.len < 4096)
        out = text("%.*s", (int)b.len, ir_buf_str(&b));
    ir_buf_free(&b);
    return out;
}

static wire *channel_open(const char *query)
{
    wire *w = wire_open("GET", text(P "?%s", query), WEBSOCKET(CHANNEL));
    want_head(w, 101, NULL);
    return w;
}

static void skip_ports(wire *w, int n)
{
    const char *p;
    size_t len;
    for (int i = 0; i < 2 * n; i++)
        ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_BINARY);
}

START_TEST(a_page_by_channel)
{
    if (!running_up())
        return;
    const char *p;
    size_t len;
    wire *w = channel_open("ports=8080");
    skip_ports(w, 1);
    wire_frame(w, 0x82, "\0GET / HTTP/1.0\r\n\r\n", 19);
    ck_assert_str_eq(strstr(gather(w, 0, 43, &len), "\r\n\r\n") + 4, "hello");
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_CLOSE);
    ck_assert(!memcmp(p, "\x03\xe8", 2));
    wire_close(w);
    kube_down();
}
END_TEST

START_TEST(quirks_of_channels)
{
    if (!running_up())
        return;
    const char *p;
    size_t len;
    wire *w = channel_open("ports=8080,8081");
    skip_ports(w, 2);
    wire_frame(w, 0x02, "\2AB", 3); /* a fragment is a message of its own... */
    wire_frame(w, 0x80, "CD\n", 3); /* ...so this one's channel is 'C' */
    wire_frame(w, 0x82, "\2", 1);   /* empty */
    wire_frame(w, 0x82, "", 0);
    wire_frame(w, 0x82, "\3error", 6); /* the error channel is read by nobody */
    wire_frame(w, 0x82, "\7other", 6);
    wire_frame(w, 0x81, "\2xyz", 4); /* text works */
    ck_assert_str_eq(gather(w, 2, 5, &len), "ABxyz");
    wire_frame(w, 0x89, "ping", 4);
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_PONG);
    ck_assert(len == 4 && !memcmp(p, "ping", 4));
    wire_frame(w, 0x82, "\0GET / HTTP/1.0\r\n\r\n", 19);
    gather(w, 0, 43, &len); /* the page's connection has ended, which is not told */
    wire_frame(w, 0x82, "\2more", 5);
    ck_assert_str_eq(gather(w, 2, 4, &len), "more");
    wire_send(w, "\x82\x01x", 3); /* not masked */
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_CLOSE);
    ck_assert(!memcmp(p, "\x03\xea", 2));
    wire_close(w);
    kube_down();
}
END_TEST

START_TEST(a_refused_port_and_base64)
{
    if (!running_up())
        return;
    const char *p;
    size_t len;
    wire *w = channel_open("ports=9999");
    skip_ports(w, 1);
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_BINARY);
    ck_assert(*p == 1 && strstr(text("%.*s", (int)len - 1, p + 1), "connection refused"));
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_CLOSE);
    wire_close(w);
    w = wire_open("GET", P "?ports=8081",
                  WEBSOCKET("Sec-WebSocket-Protocol: v4.base64.channel.k8s.io\r\n"));
    want_head(w, 101, "v4.base64.channel.k8s.io");
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_TEXT);
    ck_assert_str_eq(text("%.*s", (int)len, p), "0kR8=");
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_TEXT);
    wire_frame(w, 0x81, "0aGk=", 5);
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_TEXT);
    ck_assert_str_eq(text("%.*s", (int)len, p), "0aGk=");
    wire_close(w);
    kube_down();
}
END_TEST

START_TEST(eight_megabytes_by_channel)
{
    if (!running_up())
        return;
    size_t total = 8 << 20, len;
    char *big = malloc(total + 1);
    memset(big, 'x', total + 1);
    *big = 0;
    wire *w = channel_open("ports=8081");
    skip_ports(w, 1);
    wire_frame(w, 0x82, big, total + 1);
    gather(w, 0, total, &len);
    ck_assert_int_eq((long long)len, (long long)total);
    wire_close(w);
    free(big);
    kube_down();
}
END_TEST

/* ---- SPDY ----------------------------------------------------------------------------------- */

typedef struct spdy_end {
    wire *w;
    bool ws;
    ir_spdy *s;
} spdy_end;

static void push(spdy_end *e)
{
    ir_buf *out = ir_spdy_out(e->s);
    if (e->ws)
        wire_frame(e->w, 0x82, out->p, out->len);
    else
        wire_send(e->w, out->p, out->len);
    ir_buf_drop(out, out->len);
}

static ir_spdy_event next(spdy_end *e)
{
    ir_spdy_event v;
    const char *p;
    size_t len;
    int rc;
    while (!(rc = ir_spdy_next(e->s, &v, NULL))) {
        if (e->ws) {
            ck_assert_int_eq(wire_read(e->w, &p, &len), IR_WS_BINARY);
        } else {
            len = e->w->n - e->w->at;
            p = (char *)e->w->in + e->w->at;
            e->w->at = e->w->n;
            if (!len) {
                e->w->at = e->w->n = 0;
                ssize_t n = recv(e->w->fd, e->w->in, sizeof e->w->in, 0);
                ck_assert(n > 0);
                p = (char *)e->w->in;
                len = (size_t)n;
            }
        }
        ir_spdy_feed(e->s, p, len);
    }
    ck_assert_int_eq(rc, 1);
    return v;
}

static uint32_t open_pair(spdy_end *e, const char *port, const char *request, uint32_t *ret_error)
{
    const char *const error[] = {"streamtype", "error", "port", port, "requestid", request, NULL};
    const char *const data[] = {"streamtype", "data", "port", port, "requestid", request, NULL};
    *ret_error = ir_spdy_open(e->s, error, true);
    return ir_spdy_open(e->s, data, false);
}

static void spdy_walk(bool ws)
{
    spdy_end e = {.ws = ws};
    uint32_t error, data;
    ck_assert_int_eq(ir_spdy_new(true, &e.s, NULL), 0);
    e.w = ws ? wire_open("GET", P, WEBSOCKET(TUNNEL))
             : wire_open("POST", P,
                         "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0"
                         "\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n");
    want_head(e.w, 101, NULL);
    data = open_pair(&e, "8081", "0", &error);
    push(&e);
    ir_spdy_event v = next(&e);
    ck_assert_int_eq(v.type, IR_SPDY_SYN_REPLY);
    ck_assert_int_eq((int)v.stream, (int)data); /* the second stream's reply comes first */
    ck_assert_int_eq((int)v.headers->len, 0);
    v = next(&e);
    ck_assert(v.type == IR_SPDY_SYN_REPLY && v.stream == error);
    ir_spdy_data(e.s, data, "ping", 4, true); /* half-close: the echo still comes, and a bye */
    push(&e);
    ir_buf got = IR_BUF(1024);
    while (!(v = next(&e)).fin)
        ir_buf_add(&got, v.p, v.len);
    ir_buf_add(&got, v.p, v.len);
    ck_assert_str_eq(ir_buf_str(&got), "pingbye");
    ck_assert_int_eq((int)v.stream, (int)data);
    v = next(&e);
    ck_assert(v.fin && v.stream == error);
    ir_buf_clear(&got);
    data = open_pair(&e, "9999", "1", &error); /* refused, and the connection stays usable */
    push(&e);
    bool ended = false;
    while (!ended) {
        v = next(&e);
        if (v.type == IR_SPDY_DATA && v.stream == error)
            ir_buf_add(&got, v.p, v.len);
        ended = v.type == IR_SPDY_DATA && v.stream == error && v.fin;
    }
    ck_assert_ptr_nonnull(strstr(ir_buf_str(&got), "error forwarding port 9999"));
    const char *const odd[] = {"streamtype", "news", NULL};
    uint32_t id = ir_spdy_open(e.s, odd, false);
    push(&e);
    v = next(&e);
    ck_assert(v.type == IR_SPDY_RST_STREAM && v.stream == id && v.status == 5);
    ir_spdy_ping(e.s);
    push(&e);
    ck_assert_int_eq(next(&e).type, IR_SPDY_PING);
    ir_buf_free(&got);
    wire_close(e.w);
    ir_spdy_free(e.s);
}

START_TEST(spdy_in_websocket)
{
    if (!running_up())
        return;
    spdy_walk(true);
    wire *w = wire_open("GET", P, WEBSOCKET(TUNNEL));
    const char *p;
    size_t len;
    wire_frame(w, 0x81, "text", 4);
    ck_assert_int_eq(wire_read(w, &p, &len), IR_WS_CLOSE);
    wire_close(w);
    kube_down();
}
END_TEST

START_TEST(spdy_bare)
{
    if (!running_up())
        return;
    spdy_walk(false);
    kube_down();
}
END_TEST

UNIT_SUITE(kube_forward, which_protocol, what_is_refused, a_pod_that_cannot_run_gets_101,
           rights_by_version, a_token_in_the_protocol, a_page_by_channel, quirks_of_channels,
           a_refused_port_and_base64, eight_megabytes_by_channel, spdy_in_websocket, spdy_bare)
