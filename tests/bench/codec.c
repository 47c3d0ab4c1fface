/* codec.c - how fast files become a layer: bench/codec FOLDER|FILE [gzip|zstd|none [zlib|isal
 * [LEVEL [THREADS]]]]. Prints one line: bytes in and out, seconds, MB/s, processor seconds. With
 * `diff` as the codec only the diffID is made. */
#include "oci/compress.h"
#include "oci/image.h"

#include "base/fd.h"
#include "base/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct input {
    const char *path;
    uint64_t len;
} input;

static int read_file(void *user, ir_pack *p, imgrel_error *err)
{
    input *in = user;
    static char buf[256 * 1024];
    int fd = open(in->path, O_RDONLY | O_CLOEXEC), rc = 0;
    if (fd < 0)
        return ir_fail(err, IMGREL_EIO, "%s", in->path);
    for (ssize_t n; rc == 0 && (n = read(fd, buf, sizeof buf)) > 0; in->len += (uint64_t)n)
        rc = ir_pack_write(p, buf, (size_t)n, err);
    close(fd);
    return rc;
}

static int count(void *user, const void *p, size_t len, imgrel_error *err)
{
    (void)p;
    (void)err;
    *(uint64_t *)user += len;
    return 0;
}

static double cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int codec_of(int argc, char **argv, ir_codec *ret, imgrel_error *err)
{
    const char *format = argc > 2 ? argv[2] : "gzip";
    ir_conf conf = {.compression_codec = argc > 3 ? argv[3] : NULL,
                    .compression_level = argc > 4 ? strtol(argv[4], NULL, 10) : 0};
    char f = strcmp(format, "zstd") == 0 ? 'z' : strcmp(format, "none") == 0 ? 0 : 'g';
    int rc = ir_codec_choose(&conf, f, ret, err);
    ret->threads = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    return rc;
}

int main(int argc, char **argv)
{
    imgrel_error err = {0};
    ir_conf conf = {0};
    ir_call call = {0};
    ir_codec codec = {0};
    input in = {.path = argc > 1 ? argv[1] : "/usr/lib"};
    uint64_t out = 0;
    char id[IR_DIGEST_MAX];
    if (ir_session_new(&conf, NULL, &call.session, &err) < 0)
        return 1;
    int64_t start = ir_now_ms();
    int rc = 0;
    if (argc > 2 && strcmp(argv[2], "diff") == 0) {
        const ir_layer_from from = {.path = in.path, .to = "/x", .uid = -1, .gid = -1, .mode = -1};
        rc = ir_layer_diff_id(&call, &from, 1, -1, id, &err);
    } else {
        rc = codec_of(argc, argv, &codec, &err);
        if (rc == 0)
            rc = ir_pack_run(&call, &codec, read_file, &in, count, &out, &err);
    }
    double s = (double)(ir_now_ms() - start) / 1000;
    if (rc < 0)
        fprintf(stderr, "%s\n", err.message);
    printf("%llu -> %llu bytes, ratio %.3f, %.2f s, %.0f MB/s, %.2f s of processor\n",
           (unsigned long long)in.len, (unsigned long long)out,
           in.len ? (double)out / (double)in.len : 0, s, s > 0 ? (double)in.len / s / 1e6 : 0,
           cpu());
    ir_session_free(call.session);
    return rc < 0;
}
