/* fuzz_tar.c - layers of strangers: whatever the bytes are, extraction ends, and nothing outside
 * the root is made, changed or removed; the same for what two such layers make when they are one.
 */
#include "base/fd.h"
#include "net/call.h"
#include "oci/image.h"

#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char box[64];

static void clean(void)
{
    (void)!ir_rmtree(box, NULL);
}

/* A folder with a victim beside the root; files stay small, however much a bomb would write. */
static ir_session *prepare(void)
{
    static ir_session *s;
    ir_conf conf = {0};
    if (s)
        return s;
    const struct rlimit small = {1 << 20, 1 << 20};
    snprintf(box, sizeof box, "/tmp/imgrel-fuzz-tar-XXXXXX");
    signal(SIGXFSZ, SIG_IGN);
    fuzz_check(setrlimit(RLIMIT_FSIZE, &small) == 0 && mkdtemp(box));
    fuzz_check(!ir_session_new(&conf, NULL, &s, NULL));
    atexit(clean);
    return s;
}

typedef struct input {
    const uint8_t *p;
    size_t len;
} input;

static int64_t from_input(void *user, void *buf, size_t len, imgrel_error *err)
{
    input *in = user;
    (void)err;
    len = len < in->len ? len : in->len;
    if (len)
        memcpy(buf, in->p, len);
    in->p += len;
    in->len -= len;
    return (int64_t)len;
}

static int names_in(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    fuzz_check(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int to_buf(void *user, const void *p, size_t len, imgrel_error *err)
{
    ir_buf_add(user, p, len);
    return ir_buf_check(user, err, "tar");
}

/* The input over itself, as one tar. Inline data needs no store. */
static int merged(const ir_call *call, const uint8_t *data, size_t size, ir_buf *out,
                  imgrel_error *err)
{
    char digest[IR_DIGEST_MAX];
    ir_desc d = {.size = (int64_t)size, .digest = digest, .data_len = size};
    fuzz_check(!ir_hash_bytes(data, size, digest, err));
    d.data = data ? (char *)(uintptr_t)data : digest;
    const ir_layer_at at[2] = {{NULL, &d}, {NULL, &d}};
    return ir_layers_merge(call, at, 2, -1, to_buf, out, err);
}

static void untouched(const char *victim, int rc, const imgrel_error *err)
{
    struct stat st;
    fuzz_check(rc <= 0 && rc == err->code && rc != IMGREL_ETIMEOUT);
    fuzz_check(stat(victim, &st) == 0 && st.st_size == 4 && (st.st_mode & 07777) == 0600 &&
               st.st_nlink == 1 && names_in(box) == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char root[128], victim[128];
    ir_session *s = prepare();
    const ir_call call = {.session = s, .deadline_ms = ir_now_ms() + 20000};
    input in = {data, size};
    imgrel_error err = {0};
    IR_AUTO(ir_buf) one = IR_BUF(8 << 20);
    snprintf(root, sizeof root, "%s/root", box);
    snprintf(victim, sizeof victim, "%s/victim", box);
    fuzz_check(!ir_rmtree(root, NULL) && mkdir(root, 0755) == 0);
    fuzz_check(!ir_file_write(victim, 0600, "safe", 4, NULL));
    untouched(victim, ir_layer_extract(&call, from_input, &in, root, &err), &err);
    err = (imgrel_error){0};
    int rc = merged(&call, data, size, &one, &err);
    fuzz_check(rc == err.code && rc != IMGREL_ETIMEOUT);
    if (rc < 0)
        return 0;
    in = (input){(const uint8_t *)ir_buf_str(&one), one.len};
    untouched(victim, ir_layer_extract(&call, from_input, &in, root, &err), &err);
    return 0;
}
