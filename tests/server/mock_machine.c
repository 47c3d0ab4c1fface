/* mock_machine.c - the mock as a machine: faults, log, clock, state over a restart, TLS with its
 * own CA, what start refuses, how much it stands, and that nothing is left behind. */
#include "mock_http.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/fd.h"
#include "base/limits.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(faults_as_asked)
{
    mock_up(NULL);
    mock_control(
        "{\"fault\": {\"route\": \"GET /v2/\", \"status\": 503, \"header\": {\"Retry-After\":"
        " \"7\"}, \"body\": \"later\", \"count\": 2}}");
    for (int i = 0; i < 2; i++) {
        answer a = GET("/v2/", ADMIN);
        want(a, 503);
        ck_assert_str_eq(header(&a, "Retry-After", 0), "7");
        ck_assert_str_eq(a.body, "later");
    }
    want(GET("/v2/", ADMIN), 200);
    mock_control(
        "{\"fault\": {\"route\": \"/api/v2.0/*/library\", \"delay_ms\": 200, \"skip\": 1}}");
    answer a = GET(API "/projects/library", ADMIN);
    ck_assert(a.seconds < 0.2);
    a = GET(API "/projects/library", ADMIN);
    want(a, 200);
    ck_assert(a.seconds >= 0.2);
    mock_control("{\"faults\": \"clear\"}");
    mock_control("{\"fault\": {\"route\": \"GET /\", \"reset\": true}}");
    a = GET("/v2/", ADMIN);
    want(a, 0);
    ck_assert(a.code != CURLE_OK);
    mock_control("{\"faults\": \"clear\"}");
    mock_control(
        "{\"fault\": {\"route\": \"GET /api/v2.0/projects\", \"after\": 20, \"count\": 1}}");
    a = GET(API "/projects", ADMIN);
    ck_assert_int_eq(a.code, CURLE_PARTIAL_FILE);
    ck_assert_int_eq((int)a.len, 20);
    mock_down();
}
END_TEST

START_TEST(silence_until_the_client_goes)
{
    mock_up(NULL);
    mock_control("{\"fault\": {\"route\": \"GET " API "/ping\", \"stall\": true}}");
    mock_control("{\"fault\": {\"route\": \"GET " API
                 "/projects\", \"stall\": true, \"after\": 7}}");
    for (int i = 0; i < 2; i++) {
        answer a = impatient(i ? API "/projects" : API "/ping");
        ck_assert_int_eq(a.code, CURLE_OPERATION_TIMEDOUT);
        ck_assert_int_eq((int)a.len, i ? 7 : 0);
    }
    mock_down(); /* does not wait for anybody */
}
END_TEST

START_TEST(steered_from_outside)
{
    mock_up("{\"control\": true, \"login_freeze_ms\": 50}");
    const char *at = "/_mock/control";
    want(POST(at, ANYBODY, "{\"fault\": {\"route\": \"GET " API "/ping\", \"status\": 503}}"), 200);
    want(GET(API "/ping", ANYBODY), 503);
    answer a = POST(at, ANYBODY, "{\"log\": true}");
    ck_assert_int_eq((int)ir_json_len(a.json), 1); /* itself is not in it */
    ck_assert_int_eq((int)int_at(a.json, "0.status"), 503);
    a = POST(at, ANYBODY, "{\"nonsense\": 1}");
    want(a, 400);
    ck_assert_ptr_nonnull(strstr(string_at(a.json, "error"), "no such command"));
    a = POST(at, ANYBODY, "{\"state\": true}");
    ck_assert_str_eq(string_at(a.json, "harbor.projects.library.name"), "library");
    want(GET(at, ANYBODY), 405);
    mock_down();
    mock_up(NULL);
    want(POST(at, ANYBODY, "{\"log\": true}"), 404);
    mock_down();
}
END_TEST

START_TEST(uploads_are_cut_and_go_on)
{
    mock_up(NULL);
    answer a = POST("/v2/library/r/blobs/uploads/", ADMIN, "");
    const char *at = header(&a, "Location", 0);
    size_t len = 4 * 1024 * 1024;
    char *big = calloc(1, len);
    mock_control("{\"fault\": {\"route\": \"PATCH /v2/\", \"after\": 1000000, \"count\": 1}}");
    a = send_bytes("PATCH", at, ADMIN, "application/octet-stream", big, len);
    want(a, 0);
    for (int i = 0; i < 500 && a.status != 204; i++) { /* its thread may not be done with it */
        a = GET(at, ADMIN);
        (void)!ir_sleep(NULL, a.status == 204 ? 0 : 10, 0, NULL);
    }
    want(a, 204);
    int64_t kept = strtoll(header(&a, "Range", 0) + 2, NULL, 10) + 1;
    ck_assert_msg(kept > 0 && kept <= 1000000, "%lld bytes were kept", (long long)kept);
    a = send_bytes("PATCH", at, ADMIN, "application/octet-stream", big, len - (size_t)kept);
    want(a, 202);
    ck_assert_str_eq(header(&a, "Range", 0), text("0-%zu", len - 1));
    free(big);
    mock_down();
}
END_TEST

START_TEST(log_holds_no_secret)
{
    mock_up(NULL);
    GET(API "/projects?q=name%3Dx", ADMIN);
    ask("GET", API "/ping", "Bearer secret-token", NULL, "Cookie: sid=hidden", NULL);
    const char *log = mock_control("{\"log\": true}");
    ir_json *j = NULL;
    ck_assert_int_eq(ir_json_parse(log, strlen(log), "log", &j, NULL), 0);
    ck_assert_int_eq((int)ir_json_len(j), 2);
    ck_assert_str_eq(string_at(j, "0.method"), "GET");
    ck_assert_str_eq(string_at(j, "0.path"), API "/projects");
    ck_assert_str_eq(string_at(j, "0.query"), "q=name%3Dx");
    ck_assert_str_eq(string_at(j, "0.user"), "admin");
    ck_assert_int_eq((int)int_at(j, "0.status"), 200);
    ck_assert_str_eq(string_at(j, "0.headers.authorization"), "Basic");
    ck_assert_str_eq(string_at(j, "1.headers.authorization"), "Bearer");
    ck_assert(!strstr(log, "secret-token") && !strstr(log, "hidden") &&
              !strstr(log, "Harbor12345"));
    ir_json_free(j);
    mock_control("{\"log\": \"clear\"}");
    ck_assert_str_eq(mock_control("{\"log\": true}"), "[]");
    mock_down();
}
END_TEST

START_TEST(state_survives)
{
    char dir[] = "/tmp/imgrel-state-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    char config[256], path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/state.json", dir);
    snprintf(config, sizeof config, "{\"state\": \"%s\", \"registry_dir\": \"%s/blobs\"}", path,
             dir);
    mock_up(config);
    make_project("p", false);
    const char *robot = make_robot("p", "r", "pull,push");
    const char *digest = push_index("p/r", "1", robot);
    char login[128], was[128];
    snprintf(login, sizeof login, "%s", robot);
    snprintf(was, sizeof was, "%s", digest);
    mock_down();
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq((int)(st.st_mode & 0777), 0600);
    ir_buf b = IR_BUF(IR_MIB);
    ck_assert_int_eq(ir_file_read(path, &b, NULL), 0);
    ck_assert_ptr_null(strstr(b.p, strchr(login, ':') + 1)); /* secrets are hashed */
    ir_buf_free(&b);

    snprintf(config, sizeof config,
             "{\"state\": \"%s\", \"registry_dir\": \"%s/blobs\", \"users\": [{\"name\": \"ann\","
             " \"password\": \"Ann12345\"}]}",
             path, dir);
    mock_up(config);
    want(GET(API "/users/current", "ann:Ann12345"), 200);
    answer a = ask("GET", "/v2/p/r/manifests/1", login, NULL,
                   "Accept: application/vnd.oci.image.index.v1+json", NULL);
    want(a, 200);
    ck_assert_str_eq(header(&a, "Docker-Content-Digest", 0), was);
    ck_assert_int_eq((int)make_project("q", false), 3);
    a = GET(API "/projects/p/repositories/r/artifacts", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1); /* children are still hidden */
    const char *state = mock_control("{\"state\": true}");
    want(DELETE(API "/projects/q", ADMIN), 200);
    mock_control("{\"state\": %s}", state);
    want(GET(API "/projects/q", ADMIN), 200);
    mock_down();
    ck_assert_int_eq(ir_rmtree(dir, NULL), 0);
}
END_TEST

START_TEST(tls_with_its_own_ca)
{
    mock_up("{\"tls\": true, \"hosts\": {\"core.harbor.domain\": \"127.0.0.1\"}}");
    ck_assert(!strncmp(imgrel_mock_get(mock, "url"), "https://", 8));
    want(GET(API "/ping", ANYBODY), 200);
    answer a = GET("/v2/", ANYBODY);
    ck_assert_ptr_nonnull(strstr(header(&a, "Www-Authenticate", 0), "realm=\"https://"));
    CURL *c = curl_easy_init();
    const char *port = strrchr(imgrel_mock_get(mock, "host"), ':') + 1;
    struct curl_slist *to = curl_slist_append(NULL, text("core.harbor.domain:%s:127.0.0.1", port));
    curl_easy_setopt(c, CURLOPT_URL, text("https://core.harbor.domain:%s" API "/ping", port));
    curl_easy_setopt(c, CURLOPT_RESOLVE, to);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    ck_assert_int_eq(curl_easy_perform(c), CURLE_PEER_FAILED_VERIFICATION);
    curl_easy_setopt(c, CURLOPT_CAINFO, imgrel_mock_get(mock, "ca_file"));
    ck_assert_int_eq(curl_easy_perform(c), CURLE_OK);
    curl_easy_cleanup(c);
    curl_slist_free_all(to);
    const char *digest = push_image("library/a", "1", ADMIN, "amd64");
    ck_assert_ptr_nonnull(digest);
    mock_down();
}
END_TEST

START_TEST(start_refuses)
{
    static const char *const bad[] = {"{",
                                      "[]",
                                      "{\"port\": 70000}",
                                      "{\"address\": \"nowhere\"}",
                                      "{\"external_url\": \"host\"}",
                                      "{\"version\": \"3\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imgrel_error err = {0};
        imgrel_mock *m = NULL;
        int rc = imgrel_mock_start(bad[i], &m, &err);
        ck_assert_msg(rc == IMGREL_EINVAL && err.code == rc && !m, "%s: %d %s", bad[i], rc,
                      err.message);
    }
    mock_up(NULL);
    imgrel_error err = {0};
    unit_error((imgrel_mock_control(mock, "{\"nonsense\": 1}", NULL, &err), &err), IMGREL_EINVAL,
               "no such command");
    err = (imgrel_error){0};
    unit_error((imgrel_mock_control(mock, "{\"fault\": {\"route\": \"x\"}}", NULL, &err), &err),
               IMGREL_EINVAL, "METHOD /path");
    int port = atoi(strrchr(imgrel_mock_get(mock, "host"), ':') + 1);
    imgrel_mock *second = NULL;
    err = (imgrel_error){0};
    unit_error((imgrel_mock_start(text("{\"port\": %d}", port), &second, &err), &err), IMGREL_EIO,
               "port");
    mock_down();
}
END_TEST

static int count_entries(const char *dir, const char *prefix)
{
    int n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        n += !strncmp(e->d_name, prefix, strlen(prefix));
    closedir(d);
    return n;
}

START_TEST(nothing_is_left_behind)
{
    char dir[] = "/tmp/imgrel-tmp-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("TMPDIR", dir, 1);
    mock_up("{\"tls\": true}"); /* what libraries open once and keep */
    mock_down();
    int fds = count_entries("/proc/self/fd", ""), threads = count_entries("/proc/self/task", "");
    for (int i = 0; i < 3; i++) {
        mock_up("{\"tls\": true}");
        push_image("library/a", "1", ADMIN, "amd64");
        mock_down();
    }
    ck_assert_int_eq(count_entries(dir, "imgrel"), 0);
    ck_assert_int_le(count_entries("/proc/self/fd", ""), fds);
    ck_assert_int_le(count_entries("/proc/self/task", ""), threads);
    rmdir(dir);
}
END_TEST

START_TEST(ten_thousand_projects)
{
    mock_up(NULL);
    CURL *c = curl_easy_init();
    struct curl_slist *h = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(c, CURLOPT_USERPWD, ADMIN);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, h);
    FILE *null = fopen("/dev/null", "w");
    curl_easy_setopt(c, CURLOPT_WRITEDATA, null);
    const char *projects = text("%s" API "/projects", imgrel_mock_get(mock, "url")),
               *robots = text("%s" API "/robots", imgrel_mock_get(mock, "url"));
    char body[512];
    for (int i = 0; i < 20000; i++) {
        if (i % 2)
            snprintf(body, sizeof body,
                     "{\"name\":\"r%05d\",\"level\":\"system\",\"duration\":-1,\"permissions\":[{"
                     "\"kind\":\"project\",\"namespace\":\"p%05d\",\"access\":[{\"resource\":"
                     "\"repository\",\"action\":\"pull\"}]}]}",
                     i, i - 1);
        else
            snprintf(body, sizeof body, "{\"project_name\":\"p%05d\"}", i);
        if (i % 20 && i % 2)
            continue; /* a robot is made for each tenth: hashing its secret takes its time */
        long status = 0;
        curl_easy_setopt(c, CURLOPT_URL, i % 2 ? robots : projects);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        ck_assert_int_eq(curl_easy_perform(c), CURLE_OK);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        ck_assert_int_eq((int)status, 201);
    }
    curl_easy_cleanup(c);
    curl_slist_free_all(h);
    fclose(null);
    int64_t before = ir_now_ms();
    size_t seen = 0;
    for (int page = 1; page <= 101; page++) {
        answer a = GET(text(API "/projects?page=%d&page_size=100", page), ADMIN);
        want(a, 200);
        ck_assert_str_eq(header(&a, "X-Total-Count", 0), "10001");
        seen += ir_json_len(a.json);
    }
    ck_assert_uint_eq(seen, 10001);
    answer a = GET(API "/projects?q=name%3Dp19998", ADMIN);
    ck_assert_int_eq((int)ir_json_len(a.json), 1);
    a = GET(API "/robots?page_size=0", ADMIN);
    ck_assert_str_eq(header(&a, "X-Total-Count", 0), text("%zu", ir_json_len(a.json)));
    int64_t took = ir_now_ms() - before;
    printf("10,001 projects in pages of 100: %lld ms\n", (long long)took);
    ck_assert_int_lt((int)took, 60000);
    mock_down();
}
END_TEST

typedef struct runner {
    const char *url;
    int failed;
} runner;

static size_t drop(char *p, size_t size, size_t n, void *user)
{
    (void)p, (void)user;
    return size * n;
}

static void *run_requests(void *arg)
{
    runner *r = arg;
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_USERPWD, ADMIN);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    for (int i = 0; i < 500; i++) {
        long status = 0;
        if (curl_easy_perform(c) != CURLE_OK ||
            curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) || status != 200)
            r->failed++;
    }
    curl_easy_cleanup(c);
    return NULL;
}

START_TEST(many_at_once)
{
    enum { N = 8 };
    pthread_t t[N];
    runner r[N];
    mock_up(NULL);
    const char *paths[] = {API "/projects/library", "/v2/", API "/robots", API "/statistics"};
    int64_t before = ir_now_ms();
    for (int i = 0; i < N; i++) {
        r[i] = (runner){text("%s%s", imgrel_mock_get(mock, "url"), paths[i % 4]), 0};
        pthread_create(&t[i], NULL, run_requests, &r[i]);
    }
    for (int i = 0; i < 20; i++) {
        make_project(text("p%d", i), false);
        mock_control("{\"log\": true}");
    }
    for (int i = 0; i < N; i++) {
        pthread_join(t[i], NULL);
        ck_assert_int_eq(r[i].failed, 0);
    }
    printf("%d requests on %d connections: %lld ms\n", N * 500, N,
           (long long)(ir_now_ms() - before));
    mock_down();
}
END_TEST

UNIT_SUITE(machine, faults_as_asked, silence_until_the_client_goes, steered_from_outside,
           uploads_are_cut_and_go_on, log_holds_no_secret, state_survives, tls_with_its_own_ca,
           start_refuses, nothing_is_left_behind, ten_thousand_projects, many_at_once)
