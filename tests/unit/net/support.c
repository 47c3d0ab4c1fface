/* support.c - the fixture of the tests of lib/net. Each test is a process, so statics are fine. */
#include "support.h"

#include <pthread.h>
#include <sys/stat.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[256 * 1024];
static size_t logged_len;
static char dir[64];
static ir_strv paths;

static void on_log(void *user, const imgrel_log_record *r)
{
    (void)user;
    pthread_mutex_lock(&lock);
    size_t room = sizeof logged - logged_len;
    int n = snprintf(logged + logged_len, room, "%s: %s %s\n", r->component, r->message, r->fields);
    if (n > 0 && (size_t)n < room)
        logged_len += (size_t)n;
    pthread_mutex_unlock(&lock);
}

bool net_logged(const char *text)
{
    pthread_mutex_lock(&lock);
    bool found = strstr(logged, text) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

const char *net_dir(void)
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/imgrel-net-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(dir));
    }
    return dir;
}

const char *net_file(const char *name, const char *text, unsigned mode)
{
    imgrel_error e = {0};
    char *path = ir_path_join(net_dir(), name);
    char *folder = ir_strndup(path, (size_t)(strrchr(path, '/') - path));
    unit_ok(ir_mkdirs(folder, 0700, &e), &e);
    unit_ok(ir_file_write(path, mode, text, strlen(text), &e), &e);
    ck_assert_int_eq(ir_strv_add(&paths, path), 0);
    free(folder);
    free(path);
    return paths.v[paths.n - 1];
}

void net_start(net *n, void (*tune)(ir_conf *conf))
{
    static const char *const unset[] = {"http_proxy",         "https_proxy",        "all_proxy",
                                        "HTTPS_PROXY",        "ALL_PROXY",          "no_proxy",
                                        "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG",
                                        "XDG_RUNTIME_DIR"};
    ir_conf conf = {.helpers = true,
                    .helper_timeout_ms = 2000,
                    .connect_timeout_ms = 5000,
                    .stall_timeout_ms = 400,
                    .retries = 3,
                    .retry_delay_ms = 5,
                    .retry_delay_max_ms = 10,
                    .retry_budget_ms = 5000,
                    .jobs = 4,
                    .http2 = true,
                    .log_level = IMGREL_LOG_DEBUG};
    ir_log log = {on_log, NULL, IMGREL_LOG_DEBUG};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        unsetenv(unset[i]);
    setenv("HOME", net_dir(), 1);
    memset(n, 0, sizeof *n);
    if (tune)
        tune(&conf);
    unit_ok(ir_session_new(&conf, &log, &n->session, &n->err), &n->err);
    n->call.session = n->session;
    n->call.deadline_ms = ir_now_ms() + 60000;
}

void net_stop(net *n)
{
    imgrel_error e = {0};
    ir_reply_free(&n->reply);
    ir_session_free(n->session);
    ir_strv_free(&paths);
    if (dir[0])
        unit_ok(ir_rmtree(dir, &e), &e);
    dir[0] = '\0';
}

int net_do(net *n, const char *base, const char *path, const ir_request *req)
{
    ir_request r = {.method = NULL};
    char *url = ir_format("%s%s", base, path);
    if (req)
        r = *req;
    r.url = url;
    ir_reply_free(&n->reply);
    ir_error_clear(&n->err);
    int rc = ir_http_do(&n->call, &r, &n->reply, &n->err);
    free(url);
    return rc;
}

static int64_t source_read(void *user, void *buf, size_t len, imgrel_error *err)
{
    net_source *s = user;
    if (s->fail_at && s->at >= s->fail_at)
        return ir_fail(err, IMGREL_EIO, "the disk is on fire");
    int64_t k = s->size - s->at < (int64_t)len ? s->size - s->at : (int64_t)len;
    memset(buf, 'x', (size_t)k);
    s->at += k;
    return k;
}

static int source_rewind(void *user, imgrel_error *err)
{
    net_source *s = user;
    (void)err;
    s->at = 0;
    s->rewinds++;
    return 0;
}

ir_request net_upload(net_source *s, bool rewinds)
{
    return (ir_request){.method = "PUT",
                        .flags = IR_HTTP_H1,
                        .what = "sha256:feed",
                        .body = {.read = source_read,
                                 .rewind = rewinds ? source_rewind : NULL,
                                 .user = s,
                                 .size = s->size}};
}

int net_to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "sink");
}
