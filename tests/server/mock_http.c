/* mock_http.c - requests to the mock by libcurl, and what tests make again and again. */
#include "mock_http.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/media.h"

#include <stdio.h>

imgrel_mock *mock;

typedef struct kept {
    struct kept *next;
    void *p;
    bool json;
} kept;
static kept *all_kept;

static void *keep(void *p, bool json)
{
    kept *k = malloc(sizeof *k);
    ck_assert_ptr_nonnull(k);
    *k = (kept){all_kept, p, json};
    all_kept = k;
    return p;
}

void mock_up(const char *config)
{
    imgrel_error err = {0};
    int rc = imgrel_mock_start(config ? config : "{\"login_freeze_ms\": 50}", &mock, &err);
    unit_ok(rc, &err);
}

void mock_down(void)
{
    imgrel_mock_stop(mock);
    mock = NULL;
    while (all_kept) {
        kept *k = all_kept;
        all_kept = k->next;
        if (k->json)
            ir_json_free(k->p);
        else
            free(k->p);
        free(k);
    }
}

const char *text(const char *fmt, ...)
{
    va_list ap;
    ir_buf b = IR_BUF(IR_MIB);
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    return keep(ir_buf_take(&b), false);
}

const char *mock_control(const char *fmt, ...)
{
    va_list ap;
    char *json = NULL;
    imgrel_error err = {0};
    ir_buf b = IR_BUF(IR_MIB);
    va_start(ap, fmt);
    ir_buf_addv(&b, fmt, ap);
    va_end(ap);
    int rc = imgrel_mock_control(mock, ir_buf_str(&b), &json, &err);
    unit_ok(rc, &err);
    ir_buf_free(&b);
    const char *ret = text("%s", json ? json : "");
    imgrel_mock_free_string(json);
    return ret;
}

/* ---- requests -------------------------------------------------------------------------------- */

static size_t take(char *p, size_t size, size_t n, void *user)
{
    ir_buf_add(user, p, size * n);
    return size * n;
}

typedef struct request {
    const char *method, *path, *login;
    const void *body;
    size_t len;
    struct curl_slist *headers;
    long patience_ms;
} request;

static void set_login(CURL *c, request *q)
{
    if (!q->login)
        return;
    if (!strncmp(q->login, "Bearer ", 7))
        q->headers = curl_slist_append(q->headers, text("Authorization: %s", q->login));
    else {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERPWD, q->login);
    }
}

static void set_tls(CURL *c)
{
    const char *ca = imgrel_mock_get(mock, "ca_file");
    if (ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, ca);
}

static answer perform(request *q)
{
    CURL *c = curl_easy_init();
    ir_buf head = IR_BUF(IR_MIB), body = IR_BUF(IR_GIB);
    answer a = {0};
    bool whole = !strncmp(q->path, "http", 4);
    curl_easy_setopt(c, CURLOPT_URL,
                     whole ? q->path : text("%s%s", imgrel_mock_get(mock, "url"), q->path));
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, q->patience_ms ? q->patience_ms : 60000L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &head);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take);
    set_login(c, q);
    set_tls(c);
    if (!strcmp(q->method, "HEAD"))
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    if (q->body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->len);
        q->headers = curl_slist_append(q->headers, "Expect:");
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, q->headers);
    long status = 0;
    a.code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c, CURLINFO_TOTAL_TIME, &a.seconds);
    curl_easy_cleanup(c);
    curl_slist_free_all(q->headers);
    a.status = (int)status;
    a.len = body.len;
    a.head = keep(ir_buf_take(&head), false);
    a.body = keep(ir_buf_take(&body), false);
    ir_json *j = NULL;
    if (a.len && a.len < IR_API_BODY_MAX && !ir_json_parse(a.body, a.len, "answer", &j, NULL))
        a.json = keep(j, true);
    return a;
}

answer impatient(const char *path)
{
    request q = {.method = "GET", .path = path, .login = ADMIN, .patience_ms = 300};
    return perform(&q);
}

answer ask(const char *method, const char *path, const char *login, const char *body, ...)
{
    va_list ap;
    bool typed = false;
    request q = {method, path, login, body, body ? strlen(body) : 0, NULL, 0};
    va_start(ap, body);
    for (const char *line; (line = va_arg(ap, const char *));) {
        q.headers = curl_slist_append(q.headers, line);
        typed |= !strncmp(line, "Content-Type:", 13);
    }
    va_end(ap);
    if (body && !typed)
        q.headers = curl_slist_append(q.headers, "Content-Type: application/json");
    return perform(&q);
}

answer send_bytes(const char *method, const char *path, const char *login, const char *type,
                  const void *p, size_t len)
{
    request q = {method, path, login, p, len, NULL, 0};
    q.headers = curl_slist_append(NULL, type ? text("Content-Type: %s", type) : "Content-Type:");
    return perform(&q);
}

const char *header(const answer *a, const char *name, int n)
{
    size_t len = strlen(name);
    for (const char *p = a->head; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : "") {
        if (strncasecmp(p, name, len) != 0 || p[len] != ':' || n--)
            continue;
        const char *v = p + len + 1 + strspn(p + len + 1, " ");
        return text("%.*s", (int)strcspn(v, "\r\n"), v);
    }
    return NULL;
}

const char *string_at(const ir_json *j, const char *path)
{
    const char *s = ir_json_text(ir_json_path(j, path));
    return s ? s : "";
}

int64_t int_at(const ir_json *j, const char *path)
{
    return ir_json_number(ir_json_path(j, path), -99);
}

void want_status(answer a, int status, const char *code, const char *file, int line)
{
    ck_assert_msg(a.status == status && (!code || !strcmp(code_of(a), code)),
                  "%s:%d: status %d, wanted %d %s: %s", file, line, a.status, status,
                  code ? code : "", a.body);
}

/* ---- what tests need ------------------------------------------------------------------------- */

int64_t make_project(const char *name, bool public)
{
    answer a = POST(API "/projects", ADMIN,
                    text("{\"project_name\":\"%s\",\"metadata\":{\"public\":\"%s\"}}", name,
                         public ? "true" : "false"));
    want(a, 201);
    const char *location = header(&a, "Location", 0);
    return strtoll(strrchr(location, '/') + 1, NULL, 10);
}

const char *robot_body(const char *project, const char *name, const char *rights, int days)
{
    ir_buf access = IR_BUF(IR_MIB);
    for (const char *p = rights; *p; p += strspn(p, ",")) {
        size_t n = strcspn(p, ","), colon = strcspn(p, ":,");
        bool whole = p[colon] == ':';
        ir_buf_addf(&access, "%s{\"resource\":\"%.*s\",\"action\":\"%.*s\"}", access.len ? "," : "",
                    whole ? (int)colon : 10, whole ? p : "repository",
                    (int)(whole ? n - colon - 1 : n), whole ? p + colon + 1 : p);
        p += n;
    }
    const char *ret =
        text("{\"name\":\"%s\",\"level\":\"%s\",\"duration\":%d,\"permissions\":[{"
             "\"kind\":\"project\",\"namespace\":\"%s\",\"access\":[%s]}]}",
             name, strcmp(project, "*") ? "project" : "system", days, project, ir_buf_str(&access));
    ir_buf_free(&access);
    return ret;
}

const char *make_robot(const char *project, const char *name, const char *rights)
{
    answer a = POST(API "/robots", ADMIN, robot_body(project, name, rights, -1));
    want(a, 201);
    return text("%s:%s", string_at(a.json, "name"), string_at(a.json, "secret"));
}

int64_t robot_id(const char *project, const char *name)
{
    answer p = GET(text(API "/projects/%s", project), ADMIN);
    answer a = GET(text(API "/robots?q=Level=project,ProjectID=%lld,name=%s%%252B%s",
                        (long long)int_at(p.json, "project_id"), project, name),
                   ADMIN);
    want(a, 200);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    return int_at(a.json, "0.id");
}

static const char *push_blob(const char *repository, const char *login, const char *bytes)
{
    char digest[IR_DIGEST_MAX];
    imgrel_error err = {0};
    unit_ok(ir_hash_bytes(bytes, strlen(bytes), digest, &err), &err);
    answer a = send_bytes("POST", text("/v2/%s/blobs/uploads/?digest=%s", repository, digest),
                          login, "application/octet-stream", bytes, strlen(bytes));
    if (a.status == 202) /* a registry behind that does not take it in one */
        a = send_bytes("PUT", text("%s&digest=%s", header(&a, "Location", 0), digest), login,
                       "application/octet-stream", bytes, strlen(bytes));
    want(a, 201);
    return text("%s", digest);
}

static const char *push_manifest(const char *repository, const char *tag, const char *login,
                                 const char *type, const char *manifest)
{
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(manifest, strlen(manifest), digest, NULL), &(imgrel_error){0});
    answer a = send_bytes("PUT", text("/v2/%s/manifests/%s", repository, tag ? tag : digest), login,
                          type, manifest, strlen(manifest));
    want(a, 201);
    ck_assert_str_eq(header(&a, "Docker-Content-Digest", 0), digest);
    return text("%s", digest);
}

const char *push_image(const char *repository, const char *tag, const char *login,
                       const char *architecture)
{
    const char *config = text("{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},\"rootfs\":{"
                              "\"type\":\"layers\",\"diff_ids\":[]},\"history\":[{\"created_by\":"
                              "\"test\"}]}",
                              architecture),
               *layer = text("layer of %s", repository);
    const char *config_digest = push_blob(repository, login, config),
               *layer_digest = push_blob(repository, login, layer);
    const char *manifest =
        text("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":\"%s\","
             "\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":\"%s\",\"digest\":\"%s\","
             "\"size\":%zu}]}",
             IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, config_digest, strlen(config), IR_MT_OCI_LAYER,
             layer_digest, strlen(layer));
    return push_manifest(repository, tag, login, IR_MT_OCI_MANIFEST, manifest);
}

const char *push_index(const char *repository, const char *tag, const char *login)
{
    const char *amd64 = push_image(repository, NULL, login, "amd64"),
               *arm64 = push_image(repository, NULL, login, "arm64");
    const char *index =
        text("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[{\"mediaType\":\"%s\","
             "\"digest\":\"%s\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":"
             "\"amd64\"}},{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":1,\"platform\":{\"os\":"
             "\"linux\",\"architecture\":\"arm64\"}}]}",
             IR_MT_OCI_INDEX, IR_MT_OCI_MANIFEST, amd64, IR_MT_OCI_MANIFEST, arm64);
    return push_manifest(repository, tag, login, IR_MT_OCI_INDEX, index);
}
