/* mock_kube.h - how the tests of the mock's Kubernetes speak to it: requests by mock_http.h,
 * waiting by polling with a bound, and WebSocket frames by hand. */
#ifndef IR_TESTS_MOCK_KUBE_H
#define IR_TESTS_MOCK_KUBE_H

#include "mock_http.h"

/* members: more of the configuration, '"tls": true, ...', NULL: none. The node is off unless they
 * say otherwise; backoff_ms is 200. */
void kube_up(const char *members);
void kube_down(void);
const char *kube_path(const char *path); /* with the server before it */

#define UA "User-Agent: tester/1.0"
#define KGET(path) ask("GET", kube_path(path), NULL, NULL, UA, NULL)
#define KPOST(path, body) ask("POST", kube_path(path), NULL, body, UA, NULL)
#define KPUT(path, body) ask("PUT", kube_path(path), NULL, body, UA, NULL)
#define KDELETE(path, body) ask("DELETE", kube_path(path), NULL, body, UA, NULL)
#define KPATCH(path, type, body) \
    ask("PATCH", kube_path(path), NULL, body, UA, "Content-Type: application/" type, NULL)
#define MERGE "merge-patch+json"
#define STRATEGIC "strategic-merge-patch+json"
#define JSONPATCH "json-patch+json"
#define APPLY "apply-patch+yaml"

#define NS "/api/v1/namespaces"
#define IN(plural) NS "/t/" plural

#define ck_text(j, path, value) ck_assert_str_eq(string_at(j, path), value)
/* A Status: its code, reason (NULL: none) and a word of its message. */
void want_status_of(answer a, int code, const char *reason, const char *word, const char *file,
                    int line);
#define want_k(a, code, reason, word) want_status_of(a, code, reason, word, __FILE__, __LINE__)

void make_namespace(void); /* "t", with its service account */
void make_pod(const char *name, const char *image, const char *more); /* more: ', "x": y' of spec */
/* Until the member of what GET path gives is value ("" also: absent); the document. 20 s. */
const ir_json *until(const char *path, const char *member, const char *value);
void until_gone(const char *path);
/* Lines of JSON, as an array; it lives until kube_down. */
const ir_json *lines_of(answer a);
const char *rv_of(answer a);
/* A docker-registry secret of one login, "name:secret". */
void make_secret(const char *name, const char *registry, const char *login);
const char *base64(const char *text);
/* The first event of a pod with this reason, NULL: none. */
const ir_json *event_of(const char *pod, const char *reason);

/* ---- upgraded connections ------------------------------------------------------------------- */

typedef struct wire {
    int fd;
    int status;
    const char *head;
    unsigned char in[1 << 20];
    size_t n, at;
} wire;
/* Sends a request with these header lines and reads the head of the reply. Freed by wire_close. */
wire *wire_open(const char *method, const char *path, const char *headers);
#define WEBSOCKET(protocol)                                                      \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" protocol
#define CHANNEL "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
#define TUNNEL "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n"
void wire_send(wire *w, const void *p, size_t len);
/* A masked frame; first: its first byte (opcode and FIN). */
void wire_frame(wire *w, int first, const void *p, size_t len);
/* The next frame: its opcode, -1 at the end. p is NUL-terminated. */
int wire_read(wire *w, const char **ret_p, size_t *ret_len);
const char *wire_rest(wire *w); /* a reply's body, until the end */
void wire_close(wire *w);

/* ---- a node that runs ----------------------------------------------------------------------- */

/* Pushes an image of the static program page into host/repository:tag as admin; its digest.
 * platforms NULL: this machine's and another. */
const char *push_page(const char *repository, const char *platforms);
bool can_run(void); /* root and runc; a test that needs them says so and passes otherwise */

#endif
