/* faults.c - see faults.h. */
#include "faults.h"

#include "api/client.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

weir *faults_weir;
char faults_host[64];
char faults_layer[IR_DIGEST_MAX];
int faults_port;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STALL "6s"
#else
#define STALL "1500ms"
#endif

static const char *more[8][2];
static size_t n_more;

void faults_set(const char *key, const char *value)
{
    more[n_more][0] = key;
    more[n_more++][1] = value;
}

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

void faults_begin(void)
{
    static const char *const unset[] = {"http_proxy", "https_proxy", "all_proxy"};
    int port = faults_port = free_port();
    n_more = 0;
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        unsetenv(unset[i]);
    support_begin();
    faults_weir = weir_start(port);
    snprintf(faults_host, sizeof faults_host, "127.0.0.1:%d", weir_port(faults_weir));
    mock_up(text("{\"port\": %d, \"external_url\": \"http://%s\", \"login_freeze_ms\": 10}", port,
                 faults_host));
    make_project("p", true);
}

void faults_end(void)
{
    weir_stop(faults_weir);
    mock_down();
    support_end();
}

imgrel_client *faults_client(void)
{
    imgrel_client *c = NULL;
    imgrel_error err = {0};
    const char *const keys[][2] = {{"plain_http", faults_host},
                                   {"registry_hosts", faults_host},
                                   {"registry_user", "admin"},
                                   {"registry_password", "Harbor12345"},
                                   {"retry_delay", "20ms"},
                                   {"stall_timeout", STALL},
                                   {"jobs", "1"}};
    unit_ok(imgrel_client_new(&c, &err), &err);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        unit_ok(imgrel_client_set(c, keys[i][0], keys[i][1], &err), &err);
    for (size_t i = 0; i < n_more; i++)
        unit_ok(imgrel_client_set(c, more[i][0], more[i][1], &err), &err);
    return c;
}

ir_session *faults_session(imgrel_client *c)
{
    ir_call call = {0};
    imgrel_error err = {0};
    unit_ok(ir_api_call(c, NULL, &call, &err), &err);
    return call.session;
}

int faults_copy(const char *from, const char *to, const char *digest, imgrel_error *err)
{
    imgrel_client *c = faults_client();
    char *got = NULL;
    *err = (imgrel_error){0};
    int rc = imgrel_copy(c, from, to, NULL, &got, err);
    imgrel_client_free(c);
    if (!rc && strcmp(got, digest) != 0)
        rc = ir_fail(err, IMGREL_EDIGEST, "%s instead of %s", got, digest);
    imgrel_free(got);
    return rc;
}

static void fill_random(char *p, size_t len)
{
    uint64_t x = 88172645463325252ULL;
    for (size_t i = 0; i + 8 <= len; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(p + i, &x, 8);
    }
}

char *faults_image(size_t layer_size)
{
    imgrel_error err = {0};
    IR_AUTO(ir_manifest) m = {0};
    ir_store *s = make_store("oci", "src", IR_STORE_WRITE);
    char *p = calloc(1, layer_size);
    fill_random(p, layer_size);
    ir_desc layer = make_blob(s, IR_MT_OCI_LAYER, p, layer_size);
    char *config = ir_format("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                             "\"layers\",\"diff_ids\":[\"%s\"]}}",
                             layer.digest);
    ir_desc c = make_blob(s, IR_MT_OCI_CONFIG, config, strlen(config));
    unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &c, &layer, 1, NULL, &m, &err), &err);
    unit_ok(ir_store_manifest_put(s, &support_call, &m, "v1", &err), &err);
    make_close(s);
    snprintf(faults_layer, sizeof faults_layer, "%s", layer.digest);
    ir_desc_free(&layer);
    ir_desc_free(&c);
    free(config);
    free(p);
    return ir_strdup(m.digest);
}

static const char *name_of(const char *before, const char *between, const char *name)
{
    static char names[8][512];
    static unsigned i;
    char *n = names[i++ % 8];
    snprintf(n, sizeof names[0], "%s%s%s:v1", before, between, name);
    return n;
}

const char *faults_ref(const char *name)
{
    return name_of(faults_host, "/p/", name);
}

const char *faults_local(const char *name)
{
    return name_of("oci:", support_path(""), name);
}

static int count(const char *layout, bool litter)
{
    int n = 0;
    char path[600];
    snprintf(path, sizeof path, "%s/blobs/sha256", support_path(layout));
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' || litter)
            n += (strlen(e->d_name) == 64) != litter && strcmp(e->d_name, ".") != 0 &&
                 strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return n;
}

int faults_blobs(const char *layout)
{
    return count(layout, false);
}

int faults_litter(const char *layout)
{
    return count(layout, true);
}

const char *faults_blob_path(const char *layout)
{
    return support_path(text("%s/blobs/sha256/%s", layout, strchr(faults_layer, ':') + 1));
}

/* The file that waits there to become the blob. */
const char *faults_partial_path(const char *layout)
{
    return support_path(
        text("%s/blobs/sha256/upload.%s.tmp", layout, strchr(faults_layer, ':') + 1));
}

char *faults_image_in_registry(size_t size)
{
    imgrel_error err = {0};
    char *digest = faults_image(size);
    int rc = faults_copy(faults_local("src"), faults_ref("src"), digest, &err);
    unit_ok(rc, &err);
    return digest;
}

int faults_journals(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/uploads", support_path("cache"));
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}
