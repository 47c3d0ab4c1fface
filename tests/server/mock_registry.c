/* mock_registry.c - /v2/ as Harbor guards it, and as the distribution spec has it, with the mock's
 * own store and with docker-registry behind. */
#include "mock_http.h"
#include "base/cancel.h"
#include "base/base64.h"
#include "base/hash.h"
#include "base/str.h"
#include "fmt/media.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a real registry ------------------------------------------------------------------------- */

static pid_t registry_pid;
static char registry_dir[64];

static int free_port(void)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    ck_assert_int_eq(bind(s, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(s, (struct sockaddr *)&at, &len);
    close(s);
    return ntohs(at.sin_port);
}

static bool answers(int port)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons((uint16_t)port)};
    bool yes = connect(s, (struct sockaddr *)&at, sizeof at) == 0;
    close(s);
    return yes;
}

static void run_registry(const char *config)
{
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    unsetenv("OTEL_TRACES_EXPORTER");
    execlp("docker-registry", "docker-registry", "serve", config, (char *)NULL);
    _exit(127);
}

/* Its port; 0 where there is no docker-registry. */
static int start_registry(void)
{
    if (access("/usr/bin/docker-registry", X_OK))
        return 0;
    snprintf(registry_dir, sizeof registry_dir, "/tmp/imgrel-reg-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(registry_dir));
    int port = free_port();
    const char *config = text("%s/config.yml", registry_dir);
    FILE *f = fopen(config, "w");
    fprintf(f,
            "version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\nstorage: {filesystem: "
            "{rootdirectory: %s/data}, delete: {enabled: true}}\nhttp: {addr: '127.0.0.1:%d'}\n",
            registry_dir, port);
    fclose(f);
    registry_pid = fork();
    if (!registry_pid)
        run_registry(config);
    for (int i = 0; i < 1000 && !answers(port); i++)
        (void)!ir_sleep(NULL, 20, 0, NULL);
    ck_assert(answers(port));
    return port;
}

static void stop_registry(void)
{
    if (!registry_pid)
        return;
    kill(registry_pid, SIGKILL);
    waitpid(registry_pid, NULL, 0);
    registry_pid = 0;
    const char *rm = text("%s", registry_dir);
    pid_t pid = fork();
    if (!pid) {
        execlp("rm", "rm", "-rf", rm, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

/* Mode 0: the mock's own store; 1: docker-registry. false: there is none. */
static bool up(int mode)
{
    int port = mode ? start_registry() : 0;
    if (mode && !port)
        return false;
    mock_up(mode ? text("{\"login_freeze_ms\": 50, \"registry\": \"http://127.0.0.1:%d/\"}", port)
                 : NULL);
    make_project("p", false);
    return true;
}

static void down(void)
{
    stop_registry();
    mock_down();
}

/* ---- rights ---------------------------------------------------------------------------------- */

START_TEST(challenges)
{
    mock_up(NULL);
    const char *host = imgrel_mock_get(mock, "host");
    answer a = GET("/v2/", ANYBODY);
    want_error(a, 401, "UNAUTHORIZED");
    ck_assert_str_eq(
        header(&a, "Www-Authenticate", 0),
        text("Bearer realm=\"http://%s/service/token\",service=\"harbor-registry\"", host));
    a = GET("/v2/", "admin:wrong");
    want(a, 401);
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "Basic realm=\"harbor\"");
    want(GET("/v2/", ADMIN), 200);
    make_project("p", false);
    a = ask("GET", "/v2/p/r/manifests/1", ANYBODY, NULL, "Host: core.harbor.domain", NULL);
    want(a, 401);
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0),
                     "Bearer realm=\"http://core.harbor.domain/service/token\",service=\"harbor-"
                     "registry\",scope=\"repository:p/r:pull\"");
    a = POST("/v2/p/r/blobs/uploads/?mount=x&from=library/b", ANYBODY, "");
    ck_assert_ptr_nonnull(strstr(header(&a, "Www-Authenticate", 0),
                                 "scope=\"repository:p/r:pull,push repository:library/b:pull\""));
    a = ask("HEAD", "/v2/library/r/manifests/1", ANYBODY, NULL, NULL); /* public, and yet */
    want(a, 401);
    want(GET("/v2/library/r/manifests/1", ANYBODY), 404);
    a = GET("/v2/nope/r/manifests/1", ADMIN); /* no such project: 401 to everybody */
    want_error(a, 401, "UNAUTHORIZED");
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "");
    want(GET("/v2/norepo/manifests/1", ADMIN), 400);
    a = GET("/v2/_catalog", ANYBODY);
    want(a, 401);
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "Basic realm=\"harbor\"");
    mock_down();
}
END_TEST

START_TEST(robots_have_their_rights_only)
{
    ck_assert(up(0));
    const char *push = make_robot("p", "push", "push"), *pull = make_robot("p", "pull", "pull"),
               *wipe = make_robot("p", "wipe", "pull,delete");
    const char *digest = push_image("p/r", "1", push, "amd64"); /* push alone is enough */
    const char *oci = text("Accept: %s", IR_MT_OCI_MANIFEST);
    answer a = ask("GET", "/v2/p/r/manifests/1", pull, NULL, oci, NULL);
    want(a, 200);
    want(ask("GET", "/v2/p/r/manifests/1", push, NULL, oci, NULL), 401);
    a = POST("/v2/p/r/blobs/uploads/", pull, "");
    want_error(a, 401, "UNAUTHORIZED"); /* never 403 */
    ck_assert_str_eq(header(&a, "Www-Authenticate", 0), "Basic realm=\"harbor\"");
    want(DELETE(text("/v2/p/r/manifests/%s", digest), push), 401);
    want_error(DELETE("/v2/p/r/manifests/1", wipe), 400, "UNSUPPORTED");
    want(DELETE(text("/v2/p/r/manifests/%s", digest), wipe), 202);
    want_error(ask("GET", "/v2/p/r/manifests/1", pull, NULL, oci, NULL), 404, "NOT_FOUND");
    mock_down();
}
END_TEST

static const char *token(const char *query, const char *login, int64_t *ret_actions)
{
    answer a = GET(text("/service/token?service=harbor-registry%s", query), login);
    want(a, 200);
    ck_assert_str_eq(string_at(a.json, "access_token"), "");
    ck_assert_int_eq((int)int_at(a.json, "expires_in"), 1800);
    const char *t = string_at(a.json, "token"), *dot = strchr(t, '.');
    ir_buf b = IR_BUF(65536);
    const char *claims = text("%.*s", (int)strcspn(dot + 1, "."), dot + 1);
    char *copy = ir_strdup(claims);
    for (char *p = copy; *p; p++)
        *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    ck_assert(ir_base64_decode(copy, strlen(copy), &b));
    ir_json *j = NULL;
    ck_assert_int_eq(ir_json_parse(b.p, b.len, "claims", &j, NULL), 0);
    *ret_actions = (int64_t)ir_json_len(ir_json_path(j, "access.0.actions"));
    ck_assert_str_eq(string_at(j, "iss"), "harbor-token-issuer");
    ck_assert_str_eq(string_at(j, "aud"), "harbor-registry");
    ir_json_free(j);
    ir_buf_free(&b);
    free(copy);
    return text("Bearer %s", t);
}

START_TEST(tokens)
{
    int64_t n;
    ck_assert(up(0));
    const char *robot = make_robot("p", "r", "pull,push"), *scope = "&scope=repository:p/r:pull";
    push_image("p/r", "1", robot, "amd64");
    const char *none = token(scope, "admin:wrong", &n); /* 200, and no action in it */
    ck_assert_int_eq((int)n, 0);
    want(GET("/v2/p/r/tags/list", none), 401);
    const char *t = token(scope, robot, &n);
    ck_assert_int_eq((int)n, 2); /* all that it may, whatever was asked */
    want(GET("/v2/p/r/tags/list", t), 200);
    want(GET("/v2/p/other/tags/list", t), 404); /* rights are the project's */
    want(GET(API "/users/current", t), 401);    /* no login for the API */
    token(scope, ADMIN, &n);
    ck_assert_int_eq((int)n, 4);
    want(ask("POST", "/service/token", ADMIN, "", NULL), 405);
    want(GET("/service/token?service=other", ADMIN), 400);
    want(DELETE(text(API "/robots/%lld", (long long)robot_id("p", "r")), ADMIN), 200);
    want(GET("/v2/p/r/tags/list", robot), 401); /* Basic stops at once */
    want(GET("/v2/p/r/tags/list", t), 200);     /* the token lives on */
    mock_control("{\"clock\": 1801}");
    want(GET("/v2/p/r/tags/list", t), 401);
    t = token(scope, ADMIN, &n);
    want(DELETE(API "/projects/p/repositories/r", ADMIN), 200);
    want(DELETE(API "/projects/p", ADMIN), 200);
    mock_control("{\"clock\": 5}");
    make_project("p", false);
    want(GET("/v2/p/r/tags/list", t), 401); /* made before this p was */
    mock_down();
}
END_TEST

/* ---- conformance, in both modes -------------------------------------------------------------- */

static const char *digest_of(const void *p, size_t len)
{
    char d[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(p, len, d, NULL), &(imgrel_error){0});
    return text("%s", d);
}

static answer upload_blob(const char *repository, const char *bytes, const char **ret_digest)
{
    *ret_digest = digest_of(bytes, strlen(bytes));
    answer a = POST(text("/v2/%s/blobs/uploads/", repository), ADMIN, "");
    want(a, 202);
    const char *at = header(&a, "Location", 0);
    return send_bytes("PUT", text("%s%cdigest=%s", at, strchr(at, '?') ? '&' : '?', *ret_digest),
                      ADMIN, "application/octet-stream", bytes, strlen(bytes));
}

START_TEST(blob_upload_and_ranges)
{
    const char *digest;
    if (!up(_i))
        return;
    answer a = upload_blob("p/r", "0123456789", &digest);
    want(a, 201);
    ck_assert_str_eq(header(&a, "Docker-Content-Digest", 0), digest);
    ck_assert_msg(!strncmp(header(&a, "Location", 0), imgrel_mock_get(mock, "url"),
                           strlen(imgrel_mock_get(mock, "url"))),
                  "%s", header(&a, "Location", 0));
    const char *at = text("/v2/p/r/blobs/%s", digest);
    a = GET(at, ADMIN);
    want(a, 200);
    ck_assert_str_eq(a.body, "0123456789");
    ck_assert_str_eq(header(&a, "Content-Length", 0), "10");
    a = ask("HEAD", at, ADMIN, NULL, NULL);
    want(a, 200);
    ck_assert_str_eq(header(&a, "Content-Length", 0), "10");
    ck_assert_str_eq(header(&a, "Docker-Content-Digest", 0), digest);
    a = ask("GET", at, ADMIN, NULL, "Range: bytes=2-4", NULL);
    want(a, 206);
    ck_assert_str_eq(a.body, "234");
    ck_assert_str_eq(header(&a, "Content-Range", 0), "bytes 2-4/10");
    a = ask("GET", at, ADMIN, NULL, "Range: bytes=7-", NULL);
    want(a, 206);
    ck_assert_str_eq(a.body, "789");
    want(ask("GET", at, ADMIN, NULL, "Range: bytes=10-12", NULL), 416);
    want_error(GET(text("/v2/p/other/blobs/%s", digest), ADMIN), 404, "BLOB_UNKNOWN");
    a = upload_blob("p/r", "", &digest);
    want(a, 201);
    a = GET(text("/v2/p/r/blobs/%s", digest), ADMIN);
    want(a, 200);
    ck_assert_str_eq(header(&a, "Content-Length", 0), "0");
    a = POST("/v2/p/r/blobs/uploads/", ADMIN, "");
    a = send_bytes("PUT", text("%s&digest=%s", header(&a, "Location", 0), digest), ADMIN,
                   "application/octet-stream", "other", 5);
    want_error(a, 400, "DIGEST_INVALID");
    want(DELETE(text("/v2/p/r/blobs/%s", digest), ADMIN), 202);
    want(GET(text("/v2/p/r/blobs/%s", digest), ADMIN), 404);
    down();
}
END_TEST

START_TEST(blob_in_pieces)
{
    if (!up(_i))
        return;
    const char *digest = digest_of("aaabbb", 6);
    answer a = POST("/v2/p/r/blobs/uploads/", ADMIN, "");
    const char *at = header(&a, "Location", 0);
    ck_assert_ptr_nonnull(header(&a, "Docker-Upload-Uuid", 0));
    a = ask("PATCH", at, ADMIN, "aaa", "Content-Type: application/octet-stream",
            "Content-Range: 0-2", NULL);
    want(a, 202);
    ck_assert_str_eq(header(&a, "Range", 0), "0-2");
    at = header(&a, "Location", 0);
    a = GET(at, ADMIN);
    want(a, 204);
    ck_assert_str_eq(header(&a, "Range", 0), "0-2");
    if (!_i) { /* docker-registry 2.8 does not look at it */
        a = ask("PATCH", at, ADMIN, "zzz", "Content-Type: application/octet-stream",
                "Content-Range: 7-9", NULL);
        want(a, 416);
        ck_assert_str_eq(header(&a, "Range", 0), "0-2");
    }
    a = ask("PATCH", at, ADMIN, "bbb", "Content-Type: application/octet-stream",
            "Content-Range: 3-5", NULL);
    want(a, 202);
    at = header(&a, "Location", 0);
    a = send_bytes("PUT", text("%s&digest=%s", at, digest), ADMIN, "application/octet-stream", "",
                   0);
    want(a, 201);
    a = GET(text("/v2/p/r/blobs/%s", digest), ADMIN);
    ck_assert_str_eq(a.body, "aaabbb");
    a = POST("/v2/p/r/blobs/uploads/", ADMIN, "");
    at = header(&a, "Location", 0);
    want(DELETE(at, ADMIN), 204);
    want(GET(at, ADMIN), 404);
    down();
}
END_TEST

START_TEST(blob_mount)
{
    const char *digest;
    if (!up(_i))
        return;
    want(upload_blob("p/r", "mounted", &digest), 201);
    answer a = POST(text("/v2/p/s/blobs/uploads/?mount=%s&from=p/r", digest), ADMIN, "");
    want(a, 201);
    want(GET(text("/v2/p/s/blobs/%s", digest), ADMIN), 200);
    a = POST(text("/v2/p/t/blobs/uploads/?mount=%s&from=p/r", digest_of("no", 2)), ADMIN, "");
    want(a, 202); /* not there: an upload instead */
    want(POST(text("/v2/p/s/blobs/uploads/?mount=%s&from=nope/r", digest), ADMIN, ""), 401);
    down();
}
END_TEST

START_TEST(big_blob_streams)
{
    if (!up(_i))
        return;
    size_t len = 24 * 1024 * 1024;
    char *big = malloc(len);
    for (size_t i = 0; i < len; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    const char *digest = digest_of(big, len);
    answer a = POST("/v2/p/r/blobs/uploads/", ADMIN, "");
    a = send_bytes("PATCH", header(&a, "Location", 0), ADMIN, "application/octet-stream", big, len);
    want(a, 202);
    a = send_bytes("PUT", text("%s&digest=%s", header(&a, "Location", 0), digest), ADMIN,
                   "application/octet-stream", "", 0);
    want(a, 201);
    a = GET(text("/v2/p/r/blobs/%s", digest), ADMIN);
    want(a, 200);
    ck_assert_uint_eq(a.len, len);
    ck_assert(!memcmp(a.body, big, len));
    free(big);
    down();
}
END_TEST

START_TEST(manifests)
{
    if (!up(_i))
        return;
    const char *index = push_index("p/r", "1.0", ADMIN), *oci = text("Accept: %s", IR_MT_OCI_INDEX);
    answer a = ask("GET", "/v2/p/r/manifests/1.0", ADMIN, NULL, oci, NULL);
    want(a, 200);
    ck_assert_str_eq(header(&a, "Content-Type", 0), IR_MT_OCI_INDEX);
    ck_assert_str_eq(header(&a, "Docker-Content-Digest", 0), index);
    ck_assert_str_eq(digest_of(a.body, a.len), index);
    const char *length = text("%zu", a.len);
    a = ask("HEAD", text("/v2/p/r/manifests/%s", index), ADMIN, NULL, oci, NULL);
    want(a, 200);
    ck_assert_str_eq(header(&a, "Content-Length", 0), length);
    want(ask("GET", "/v2/p/r/manifests/1.0", ADMIN, NULL, oci, text("If-None-Match: \"%s\"", index),
             NULL),
         304);
    want_error(GET("/v2/p/r/manifests/1.0", ADMIN), 404, "MANIFEST_UNKNOWN"); /* no Accept for it */
    want(ask("GET", "/v2/p/r/manifests/1.0", ADMIN, NULL,
             "Accept: application/vnd.docker.distribution.manifest.v2+json", oci, NULL),
         200);
    const char *bad = text("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
                           "\"%s\",\"digest\":\"%s\",\"size\":1},\"layers\":[]}",
                           IR_MT_OCI_MANIFEST, IR_MT_OCI_CONFIG, digest_of("?", 1));
    a = send_bytes("PUT", "/v2/p/r/manifests/2", ADMIN, IR_MT_OCI_MANIFEST, bad, strlen(bad));
    want(a, 400);
    ck_assert_ptr_nonnull(strstr(a.body, "BLOB_UNKNOWN"));
    a = send_bytes("PUT", text("/v2/p/r/manifests/%s", digest_of("?", 1)), ADMIN,
                   IR_MT_OCI_MANIFEST, bad, strlen(bad));
    want_error(a, 400, "DIGEST_INVALID");
    want(send_bytes("PUT", "/v2/p/r/manifests/2", ADMIN, IR_MT_OCI_MANIFEST, "{", 1), 400);
    a = GET(API "/projects/p/repositories/r", ADMIN);
    ck_assert_int_eq((int)int_at(a.json, "artifact_count"), 1);
    ck_assert_int_gt((int)int_at(a.json, "pull_count"), 0);
    down();
}
END_TEST

START_TEST(tags_and_catalog)
{
    if (!up(_i))
        return;
    for (int i = 0; i < 5; i++)
        push_image("p/r", text("t%d", i), ADMIN, "amd64");
    answer a = GET("/v2/p/r/tags/list?n=2", ADMIN);
    want(a, 200);
    ck_assert_str_eq(string_at(a.json, "tags.1"), "t1");
    ck_assert_str_eq(header(&a, "Link", 0), "</v2/p/r/tags/list?last=t1&n=2>; rel=\"next\"");
    a = GET("/v2/p/r/tags/list?n=9&last=t1", ADMIN);
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "tags")), 3);
    ck_assert_ptr_null(header(&a, "Link", 0));
    want_error(GET("/v2/p/none/tags/list", ADMIN), 404, "NOT_FOUND");
    want(GET("/v2/p/r/tags/list?n=x", ADMIN), 400);
    a = GET("/v2/_catalog", ADMIN);
    ck_assert_str_eq(string_at(a.json, "repositories.0"), "p/r");
    down();
}
END_TEST

START_TEST(referrers)
{
    if (!up(_i))
        return;
    const char *subject = push_image("p/r", "1", ADMIN, "amd64"), *empty;
    want(upload_blob("p/r", "{}", &empty), 201);
    const char *manifest =
        text("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"artifactType\":\"application/x.sbom\","
             "\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":2},\"layers\":[],"
             "\"subject\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":1}}",
             IR_MT_OCI_MANIFEST, IR_MT_OCI_EMPTY, empty, IR_MT_OCI_MANIFEST, subject);
    answer a =
        send_bytes("PUT", text("/v2/p/r/manifests/%s", digest_of(manifest, strlen(manifest))),
                   ADMIN, IR_MT_OCI_MANIFEST, manifest, strlen(manifest));
    want(a, 201);
    ck_assert_str_eq(header(&a, "OCI-Subject", 0), subject);
    a = GET(text("/v2/p/r/referrers/%s", subject), ADMIN);
    want(a, 200);
    ck_assert_str_eq(string_at(a.json, "manifests.0.artifactType"), "application/x.sbom");
    a = GET(text("/v2/p/r/referrers/%s?artifactType=other", subject), ADMIN);
    ck_assert_str_eq(header(&a, "OCI-Filters-Applied", 0), "artifactType");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(a.json, "manifests")), 0);
    a = GET(API "/projects/p/repositories/r/artifacts", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1); /* what refers to another is hidden */
    down();
}
END_TEST

START_TEST(sha512)
{
    ck_assert(up(0));
    char d[IR_DIGEST_MAX];
    ir_hash *h = NULL;
    ck_assert_int_eq(ir_hash_new("sha512", &h, NULL), 0);
    ir_hash_add(h, "long", 4);
    ir_hash_end(h, d);
    ir_hash_free(h);
    want(send_bytes("POST", text("/v2/p/r/blobs/uploads/?digest=%s", d), ADMIN,
                    "application/octet-stream", "long", 4),
         201);
    answer a = GET(text("/v2/p/r/blobs/%s", d), ADMIN);
    ck_assert_str_eq(a.body, "long");
    mock_down();
}
END_TEST

START_TEST(registry_behind_is_gone)
{
    mock_up(text("{\"registry\": \"http://127.0.0.1:%d\"}", free_port()));
    want(POST("/v2/library/r/blobs/uploads/", ADMIN, ""), 502);
    want(send_bytes("POST", "/v2/library/r/blobs/uploads/?digest=sha256:0", ADMIN, "text/plain",
                    "x", 1),
         502);
    mock_down();
}
END_TEST

START_TEST(pieces_say_where_they_are)
{
    mock_up("{\"chunk_min\": 1000, \"referrers\": false, \"login_freeze_ms\": 50}");
    answer a = POST("/v2/library/r/blobs/uploads/", ADMIN, "");
    want(a, 202);
    ck_assert_str_eq(header(&a, "OCI-Chunk-Min-Length", 0), "1000");
    const char *at = header(&a, "Location", 0);
    const char *type = "Content-Type: application/octet-stream";
    want(ask("PATCH", at, ADMIN, "12345", type, "Content-Range: 5-9", NULL), 416);
    want_error(ask("PATCH", at, ADMIN, "12345", type, "Content-Range: 0-9", NULL), 400,
               "SIZE_INVALID");
    want(ask("PATCH", at, ADMIN, "12345", type, "Content-Range: 0-4", NULL), 202);
    a = ask("PATCH", at, ADMIN, "67890", type, "Content-Range: 0-4", NULL);
    want(a, 416);
    ck_assert_str_eq(header(&a, "Range", 0), "0-4");
    a = ask("PATCH", at, ADMIN, "67890", type, "Content-Range: 5-9", NULL);
    want(a, 202);
    ck_assert_str_eq(header(&a, "Range", 0), "0-9");
    const char *digest = push_image("library/r", "1", ADMIN, "amd64");
    want(GET(text("/v2/library/r/referrers/%s", digest), ADMIN), 404);
    mock_down();
}
END_TEST

START_TEST(quota_stops_a_blob)
{
    char digest[IR_DIGEST_MAX];
    mock_up(NULL);
    want(POST(API "/projects", ADMIN, "{\"project_name\":\"p\",\"storage_limit\":5}"), 201);
    unit_ok(ir_hash_bytes("123456", 6, digest, NULL), &(imgrel_error){0});
    want_error(send_bytes("POST", text("/v2/p/r/blobs/uploads/?digest=%s", digest), ADMIN,
                          "application/octet-stream", "123456", 6),
               403, "DENIED");
    want(ask("HEAD", text("/v2/p/r/blobs/%s", digest), ADMIN, NULL, NULL), 404);
    mock_down();
}
END_TEST

Suite *suite_registry(void);
Suite *suite_registry(void)
{
    const TTest *const both[] = {
        blob_upload_and_ranges, blob_in_pieces, blob_mount, big_blob_streams, manifests,
        tags_and_catalog,       referrers};
    const TTest *const own[] = {challenges,
                                robots_have_their_rights_only,
                                tokens,
                                sha512,
                                pieces_say_where_they_are,
                                quota_stops_a_blob,
                                registry_behind_is_gone};
    bool real = !access("/usr/bin/docker-registry", X_OK);
    Suite *s = suite_create("registry");
    TCase *c = tcase_create("registry");
    tcase_set_timeout(c, 120);
    if (!real)
        printf("SKIP mock with a registry behind: there is no docker-registry\n");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        tcase_add_test(c, own[i]);
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        tcase_add_loop_test(c, both[i], 0, real ? 2 : 1);
    suite_add_tcase(s, c);
    return s;
}
