/* mock_kube.c - see mock_kube.h. */
#include "mock_kube.h"

#include <imgrel/copy.h>
#include <imgrel/image.h>
#include "base/base64.h"
#include "base/cancel.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/platform.h"
#include "fmt/url.h"
#include "mock/node.h"
#include "net/ws.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT_MAX 4096
static ir_json *kept[KEPT_MAX];
static size_t n_kept;

static const char *unless_said(const char *members, const char *name, const char *value)
{
    return members && strstr(members, name) ? "" : text(", \"%s\": %s", name, value);
}

void kube_up(const char *members)
{
    mock_up(text("{\"login_freeze_ms\": 50, \"backoff_ms\": 200%s%s%s%s}",
                 unless_said(members, "sa_delay_ms", "20"), unless_said(members, "node", "\"off\""),
                 members ? ", " : "", members ? members : ""));
}

void kube_down(void)
{
    mock_down();
    while (n_kept)
        ir_json_free(kept[--n_kept]);
}

const char *kube_path(const char *path)
{
    return text("%s%s", imgrel_mock_get(mock, "kube_url"), path);
}

void want_status_of(answer a, int code, const char *reason, const char *word, const char *file,
                    int line)
{
    ck_assert_msg(a.status == code, "%s:%d: %d, wanted %d: %s", file, line, a.status, code, a.body);
    ck_assert_msg(a.json && !strcmp(string_at(a.json, "kind"), "Status"), "%s:%d: no Status: %s",
                  file, line, a.body);
    ck_assert_msg(int_at(a.json, "code") == code, "%s:%d: %s", file, line, a.body);
    const char *have = ir_json_str(a.json, "reason");
    ck_assert_msg(ir_streq(have, reason), "%s:%d: reason %s, wanted %s", file, line,
                  have ? have : "none", reason ? reason : "none");
    ck_assert_msg(strstr(string_at(a.json, "message"), word), "%s:%d: no \"%s\" in: %s", file, line,
                  word, string_at(a.json, "message"));
}

const ir_json *until(const char *path, const char *member, const char *value)
{
    answer a = {0};
    for (int i = 0; i < 1000; i++) {
        a = KGET(path);
        if (a.status == 200 && !strcmp(string_at(a.json, member), value))
            return a.json;
        (void)!ir_sleep(NULL, 20, 0, NULL);
    }
    ck_abort_msg("%s of %s is not \"%s\" but: %s", member, path, value, a.body);
}

void until_gone(const char *path)
{
    for (int i = 0; i < 1000; i++) {
        if (KGET(path).status == 404)
            return;
        (void)!ir_sleep(NULL, 20, 0, NULL);
    }
    ck_abort_msg("%s stays", path);
}

void make_namespace(void)
{
    want(KPOST(NS, "{\"metadata\": {\"name\": \"t\"}}"), 201);
    until(IN("serviceaccounts/default"), "metadata.name", "default");
}

void make_pod(const char *name, const char *image, const char *more)
{
    answer a = KPOST(IN("pods"), text("{\"metadata\": {\"name\": \"%s\", \"labels\": {\"app\": "
                                      "\"%s\"}}, \"spec\": {\"containers\": [{\"name\": \"c\", "
                                      "\"image\": \"%s\"}]%s}}",
                                      name, name, image, more ? more : ""));
    ck_assert_msg(a.status == 201, "%s", a.body);
}

const ir_json *lines_of(answer a)
{
    ir_json *list = ir_json_new_array(), *j;
    for (const char *p = a.body; p && *p;) {
        size_t len = strcspn(p, "\n");
        if (len && !ir_json_parse(p, len, "line", &j, NULL))
            ir_json_append(list, j);
        p += len + (p[len] == '\n');
    }
    ck_assert(n_kept < KEPT_MAX);
    return kept[n_kept++] = list;
}

const char *rv_of(answer a)
{
    return string_at(a.json, "metadata.resourceVersion");
}

const char *base64(const char *s)
{
    ir_buf b = IR_BUF(IR_MIB);
    ir_base64_add(&b, s, strlen(s));
    const char *out = text("%s", ir_buf_str(&b));
    ir_buf_free(&b);
    return out;
}

void make_secret(const char *name, const char *registry, const char *login)
{
    const char *doc = text("{\"auths\": {\"%s\": {\"auth\": \"%s\"}}}", registry, base64(login));
    want(KPOST(IN("secrets"), text("{\"metadata\": {\"name\": \"%s\"}, \"type\": "
                                   "\"kubernetes.io/dockerconfigjson\", \"data\": "
                                   "{\".dockerconfigjson\": \"%s\"}}",
                                   name, base64(doc))),
         201);
}

const ir_json *event_of(const char *pod, const char *reason)
{
    answer a = KGET(text(IN("events") "?fieldSelector=involvedObject.kind%%3DPod,"
                                      "involvedObject.name%%3D%s,reason%%3D%s",
                         pod, reason));
    want(a, 200);
    return ir_json_at(ir_json_get(a.json, "items"), 0);
}

/* ---- upgraded connections ------------------------------------------------------------------- */

static int dial(void)
{
    ir_url u = {0};
    ck_assert_int_eq(ir_url_parse(imgrel_mock_get(mock, "kube_url"), &u, NULL), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)u.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    ir_url_free(&u);
    return fd;
}

void wire_send(wire *w, const void *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(w->fd, (const char *)p + at, len - at, MSG_NOSIGNAL);
        ck_assert_msg(n > 0, "the connection is broken");
        at += (size_t)n;
    }
}

static bool more(wire *w)
{
    if (w->at) {
        memmove(w->in, w->in + w->at, w->n - w->at);
        w->n -= w->at;
        w->at = 0;
    }
    ck_assert(w->n < sizeof w->in - 1);
    ssize_t n = recv(w->fd, w->in + w->n, sizeof w->in - 1 - w->n, 0);
    if (n > 0)
        w->n += (size_t)n;
    w->in[w->n] = 0;
    return n > 0;
}

wire *wire_open(const char *method, const char *path, const char *headers)
{
    wire *w = calloc(1, sizeof *w);
    const char *end, *q = text("%s %s HTTP/1.1\r\nHost: mock\r\n%s\r\n", method, path, headers);
    w->fd = dial();
    wire_send(w, q, strlen(q));
    while (!(end = strstr((char *)w->in, "\r\n\r\n")))
        ck_assert_msg(more(w), "no reply to %s %s", method, path);
    w->at = (size_t)(end - (char *)w->in) + 4;
    w->head = text("%.*s", (int)w->at, (char *)w->in);
    w->status = (int)strtol(w->head + 9, NULL, 10);
    return w;
}

void wire_frame(wire *w, int first, const void *p, size_t len)
{
    ir_buf b = IR_BUF(IR_GIB);
    ck_assert_int_eq(ir_ws_put(&b, first & 15, p, len, true, NULL), 0);
    b.p[0] = (char)first;
    wire_send(w, b.p, b.len);
    ir_buf_free(&b);
}

int wire_read(wire *w, const char **ret_p, size_t *ret_len)
{
    for (;;) {
        const unsigned char *p = w->in + w->at;
        size_t have = w->n - w->at, ext, len;
        if (have >= 2) {
            ext = (p[1] & 127) == 126 ? 2 : (p[1] & 127) == 127 ? 8 : 0;
            len = ext ? 0 : p[1] & 127;
            for (size_t i = 0; i < ext && have >= 2 + ext; i++)
                len = len << 8 | p[2 + i];
            if (have >= 2 + ext + len) {
                w->at += 2 + ext + len;
                *ret_p = (const char *)p + 2 + ext;
                *ret_len = len;
                return p[0] & 15;
            }
        }
        if (!more(w))
            return -1;
    }
}

const char *wire_rest(wire *w)
{
    const char *length = strcasestr(w->head, "\r\nContent-Length: ");
    size_t len = length ? strtoul(length + 18, NULL, 10) : SIZE_MAX;
    while (w->n - w->at < len && more(w))
        ;
    return text("%s", (char *)w->in + w->at);
}

void wire_close(wire *w)
{
    close(w->fd);
    free(w);
}

/* ---- images --------------------------------------------------------------------------------- */

bool can_run(void)
{
    if (mk_node_can_run())
        return true;
    printf("skipped: running containers needs root, runc and overlayfs\n");
    return false;
}

static imgrel_client *new_client(void)
{
    imgrel_client *c = NULL;
    imgrel_error err = {0};
    unit_ok(imgrel_client_new(&c, &err), &err);
    const char *const keys[][2] = {{"registry_hosts", imgrel_mock_get(mock, "host")},
                                   {"registry_user", "admin"},
                                   {"registry_password", "Harbor12345"},
                                   {"plain_http", imgrel_mock_get(mock, "host")}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        unit_ok(imgrel_client_set(c, keys[i][0], keys[i][1], &err), &err);
    return c;
}

const char *push_page(const char *repository, const char *platforms)
{
    ir_platform host;
    char name[128], dir[] = "/tmp/imgrel-test-XXXXXX", *digest = NULL, *copied = NULL;
    imgrel_error err = {0};
    imgrel_client *c = new_client();
    ir_platform_host(&host);
    ir_platform_str(&host, name);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    const char *build = getenv("BUILD");
    const char *spec =
        text("{\"platforms\": [%s], \"layers\": [{\"from\": \"%s/tests/server/page\","
             " \"to\": \"/bin/page\", \"mode\": \"0755\"}], \"config\": "
             "{\"entrypoint\": [\"/bin/page\"], \"cmd\": [\"serve\", \"8080\"], "
             "\"env\": {\"TEXT\": \"hello\"}, \"exposed\": [\"8080/tcp\"]}}",
             platforms ? platforms : text("\"%s\", \"linux/riscv64\"", name), build ? build : ".");
    const char *layout = text("oci:%s/l:1", dir);
    const char *to = text("%s/%s", imgrel_mock_get(mock, "host"), repository);
    unit_ok(imgrel_image_assemble(c, spec, layout, NULL, &digest, &err), &err);
    unit_ok(imgrel_copy(c, layout, to, NULL, &copied, &err), &err);
    ck_assert_str_eq(digest, copied);
    const char *ret = text("%s", digest);
    imgrel_free(digest);
    imgrel_free(copied);
    imgrel_client_free(c);
    const char *rm = text("%s", dir);
    unit_ok(ir_rmtree(rm, &err), &err);
    return ret;
}
