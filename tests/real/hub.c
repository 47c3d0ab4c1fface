/* hub.c - see hub.h. */
#include "hub.h"

#include "base/cancel.h"
#include "base/proc.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 20000
#define LOG_MAX (64UL * 1024 * 1024)
/* bcrypt of HUB_SECRET */
#define HUB_HTPASSWD HUB_USER ":$2y$05$jPsSB6U4cFEsu2YyNCwVr.SxSeg2yg2NFt.wTX2cYoml/WxSM4qWO\n"

hub hub_now;
imgrel_client *hub_client;
imgrel_error hub_err;

/* ---- the registry ---- */

bool hub_there(void)
{
    return access("/usr/bin/docker-registry", X_OK) == 0;
}

static const char *three(void)
{
    static char path[300];
    const char *cache = getenv("CACHE"), *home = getenv("HOME");
    if (cache)
        snprintf(path, sizeof path, "%s/bench/bin/registry", cache);
    else
        snprintf(path, sizeof path, "%s/.cache/imgrel/bench/bin/registry", home ? home : "");
    return path;
}

bool hub_three(void)
{
    return access(three(), X_OK) == 0;
}

static void write_config(unsigned how)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) b = IR_BUF(4096);
    char path[300];
    ir_buf_addf(&b,
                "version: 0.1\nlog: {level: info}\nstorage:\n  filesystem: {rootdirectory: %s/"
                "data}\n  delete: {enabled: true}\nhttp:\n  addr: 127.0.0.1:0\n",
                hub_now.dir);
    if (how & HUB_TLS) {
        hub_now.pki = dbl_pki_new("localhost");
        ir_buf_addf(&b, "  tls: {certificate: %s, key: %s}\n", dbl_pki_path(hub_now.pki, DBL_CERT),
                    dbl_pki_path(hub_now.pki, DBL_KEY));
    }
    if (how & HUB_LOGIN) {
        ir_buf_addf(&b, "auth: {htpasswd: {realm: hub, path: %s/htpasswd}}\n", hub_now.dir);
        snprintf(path, sizeof path, "%s/htpasswd", hub_now.dir);
        unit_ok(ir_file_write(path, 0600, HUB_HTPASSWD, strlen(HUB_HTPASSWD), &err), &err);
    }
    snprintf(path, sizeof path, "%s/config.yml", hub_now.dir);
    unit_ok(ir_file_write(path, 0600, b.p, b.len, &err), &err);
}

static void read_log(ir_buf *out)
{
    char path[300];
    imgrel_error err = {0};
    snprintf(path, sizeof path, "%s/log", hub_now.dir);
    unit_ok(ir_file_read(path, out, &err), &err);
}

static bool find_port(void)
{
    IR_AUTO(ir_buf) log = IR_BUF(LOG_MAX);
    read_log(&log);
    const char *at = strstr(ir_buf_str(&log), "listening on ");
    if (!at || !strchr(at, '\n'))
        return false;
    at += strlen("listening on ");
    snprintf(hub_now.host, sizeof hub_now.host, "%.*s", (int)strcspn(at, ",\" \n"), at);
    return true;
}

static void run_registry(const char *program)
{
    char path[300], config[300];
    snprintf(path, sizeof path, "%s/log", hub_now.dir);
    snprintf(config, sizeof config, "%s/config.yml", hub_now.dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, 1);
    dup2(fd, 2);
    execl(program, "registry", "serve", config, (char *)NULL);
    _exit(127);
}

void hub_start(unsigned how)
{
    hub_now = (hub){0};
    snprintf(hub_now.dir, sizeof hub_now.dir, "/tmp/imgrel-hub-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(hub_now.dir));
    write_config(how);
    char path[300];
    snprintf(path, sizeof path, "%s/log", hub_now.dir);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    hub_now.pid = fork();
    if (hub_now.pid == 0)
        run_registry(how & HUB_THREE ? three() : "/usr/bin/docker-registry");
    for (int64_t until = ir_now_ms() + START_MS; !find_port();) {
        ck_assert_msg(ir_now_ms() < until, "docker-registry does not listen: see %s", hub_now.dir);
        usleep(20000);
    }
}

void hub_stop(void)
{
    imgrel_error err = {0};
    kill(hub_now.pid, SIGKILL); /* it would wait for idle connections to end */
    while (waitpid(hub_now.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    dbl_pki_free(hub_now.pki);
    unit_ok(ir_rmtree(hub_now.dir, &err), &err);
}

Suite *hub_suite(const char *name, void (*start)(void), const TTest *const *tests, size_t n)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    tcase_add_unchecked_fixture(c, start, hub_stop);
    tcase_set_timeout(c, 180);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}

/* ---- a test ---- */

void hub_set(const char *key, const char *value)
{
    unit_ok(imgrel_client_set(hub_client, key, value, &hub_err), &hub_err);
}

void hub_begin(void)
{
    static const char *const unset[] = {"http_proxy",         "https_proxy",        "all_proxy",
                                        "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG",
                                        "XDG_RUNTIME_DIR"};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        unsetenv(unset[i]);
    support_begin();
    setenv("HOME", support_dir, 1);
    hub_err = (imgrel_error){0};
    unit_ok(imgrel_client_new(&hub_client, &hub_err), &hub_err);
    if (hub_now.pki)
        hub_set("ca_file", dbl_pki_path(hub_now.pki, DBL_CA));
    else
        hub_set("plain_http", hub_now.host);
}

void hub_end(void)
{
    imgrel_client_free(hub_client);
    support_end();
}

static const char *turn(const char *fmt, ...) IR_PRINTF(1, 2);
static const char *turn(const char *fmt, ...)
{
    static char texts[8][600];
    static unsigned i;
    char *p = texts[i++ % 8];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p, sizeof texts[0], fmt, ap);
    va_end(ap);
    return p;
}

const char *hub_ref(const char *rest)
{
    return turn("%s/%s", hub_now.host, rest);
}

const char *hub_local(const char *transport, const char *rest)
{
    return turn("%s:%s/%s", transport, support_dir, rest);
}

char *hub_copy(const char *from, const char *to, const imgrel_opts *o)
{
    char *digest = NULL;
    hub_err = (imgrel_error){0};
    int rc = imgrel_copy(hub_client, from, to, o, &digest, &hub_err);
    ck_assert_int_eq(rc, hub_err.code);
    ck_assert_int_eq(rc != 0, digest == NULL);
    return digest;
}

void hub_copied(const char *from, const char *to, const char *digest)
{
    char *got = hub_copy(from, to, NULL);
    ck_assert_msg(got, "%s to %s: %d %s", from, to, hub_err.code, hub_err.message);
    ck_assert_str_eq(got, digest);
    imgrel_free(got);
}

void hub_digest(const char *ref, const char *digest)
{
    char *got = NULL;
    unit_ok(imgrel_digest(hub_client, ref, NULL, &got, &hub_err), &hub_err);
    ck_assert_str_eq(got, digest);
    imgrel_free(got);
}

/* ---- requests ---- */

static int count_lines(const char *log, const char *upto)
{
    int n = 0;
    for (const char *at = log; at < upto; at = strchr(at, '\n') + 1) {
        const char *end = strchr(at, '\n');
        const char *hit = strstr(at, " /v2/");
        n += hit && hit < end && strstr(at, "HTTP/") && strstr(at, "\"libimgrel/") &&
             strncmp(at, "time=", 5) != 0;
    }
    return n;
}

/* A request that no test makes marks the end; what came before it is in the log by then. */
int hub_requests(void)
{
    static int before;
    char ref[160], mark[80];
    snprintf(mark, sizeof mark, "sha256:%064llu",
             getpid() * 1000000ULL + ++hub_now.marks); /* no other test's */
    snprintf(ref, sizeof ref, "%s/mark@%s", hub_now.host, mark);
    imgrel_error err = {0};
    ck_assert_int_eq(imgrel_blob_exists(hub_client, ref, NULL, NULL, &err), IMGREL_ENOTFOUND);
    for (int64_t until = ir_now_ms() + START_MS;;) {
        IR_AUTO(ir_buf) log = IR_BUF(LOG_MAX);
        read_log(&log);
        char line[120];
        snprintf(line, sizeof line, "] \"HEAD /v2/mark/blobs/%s", mark);
        const char *at = strstr(ir_buf_str(&log), line);
        if (at && strchr(at, '\n')) {
            while (at > log.p && at[-1] != '\n')
                at--;
            int all = count_lines(log.p, at), n = all - before;
            before = all + 1;
            return n;
        }
        ck_assert_msg(ir_now_ms() < until, "the log does not show %s", mark);
        usleep(10000);
    }
}

int hub_seen(const char *text)
{
    IR_AUTO(ir_buf) log = IR_BUF(LOG_MAX);
    int n = 0;
    (void)hub_requests();
    read_log(&log);
    for (const char *at = ir_buf_str(&log); (at = strchr(at, '\n')); at++) {
        const char *end = strchr(at + 1, '\n'), *hit = strstr(at + 1, text);
        n += end && hit && hit < end && strncmp(at + 1, "time=", 5) != 0;
    }
    return n;
}

/* ---- others ---- */

void hub_skopeo(ir_buf *out, const char *const *args)
{
    IR_AUTO(ir_buf) own = IR_BUF(1000000);
    IR_AUTO(ir_buf) said = IR_BUF(1000000);
    int status = 0;
    imgrel_error err = {0};
    const char *argv[24] = {"skopeo", "--insecure-policy"};
    size_t n = 2;
    for (size_t i = 0; args[i] && n < 23; i++)
        argv[n++] = args[i];
    const ir_proc p = {.argv = argv, .out = out ? out : &own, .err_out = &said};
    unit_ok(ir_proc_run(&p, NULL, 0, &status, &err), &err);
    ck_assert_msg(status == 0, "skopeo %s: %d: %s", args[0], status, ir_buf_str(&said));
}

void hub_image(const char *layout, const char *tag, int seed, ir_desc *ret)
{
    static const size_t sizes[] = {100000, 900000, 300000, 700000};
    IR_AUTO(ir_manifest) m = {0};
    ir_desc layers[4] = {{0}};
    ir_store *s = make_store("oci", layout, IR_STORE_WRITE);
    for (size_t i = 0; i < 4; i++) {
        char *p = support_bytes('r', sizes[i]);
        snprintf(p, 32, "seed %d layer %zu", seed, i);
        layers[i] = make_blob(s, IR_MT_OCI_LAYER, p, sizes[i]);
        free(p);
    }
    char *config =
        ir_format("{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-01-01T"
                  "00:00:00Z\",\"config\":{\"Cmd\":[\"/%d\"]},\"rootfs\":{\"type\":"
                  "\"layers\",\"diff_ids\":[\"%s\",\"%s\",\"%s\",\"%s\"]}}",
                  seed, layers[0].digest, layers[1].digest, layers[2].digest, layers[3].digest);
    ir_desc c = make_blob(s, IR_MT_OCI_CONFIG, config, strlen(config));
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &c, layers, 4, NULL, &m, &hub_err), &hub_err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, tag, &hub_err), &hub_err);
    if (ret)
        ck_assert_int_eq(ir_desc_set(ret, m.media_type, m.digest, (int64_t)m.len), 0);
    make_close(s);
    for (size_t i = 0; i < 4; i++)
        ir_desc_free(&layers[i]);
    ir_desc_free(&c);
    free(config);
}
