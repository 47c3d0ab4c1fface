/* fuzz_tar.c - layers of strangers: whatever the bytes are, extraction ends, and nothing outside
 * the root is made, changed or removed. */
#include "base/fd.h"
#include "net/call.h"
#include "oci/archive.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char root[128], victim[128];
    struct stat st;
    ir_session *s = prepare();
    const ir_call call = {.session = s, .deadline_ms = ir_now_ms() + 600000};
    input in = {data, size};
    imgrel_error err = {0};
    snprintf(root, sizeof root, "%s/root", box);
    snprintf(victim, sizeof victim, "%s/victim", box);
    fuzz_check(!ir_rmtree(root, NULL) && mkdir(root, 0755) == 0);
    fuzz_check(!ir_file_write(victim, 0600, "safe", 4, NULL));
    int rc = ir_layer_extract(&call, from_input, &in, root, &err);
    fuzz_check(rc <= 0 && rc == err.code && rc != IMGREL_ETIMEOUT);
    fuzz_check(stat(victim, &st) == 0 && st.st_size == 4 && (st.st_mode & 07777) == 0600 &&
               st.st_nlink == 1 && names_in(box) == 2);
    return 0;
}
