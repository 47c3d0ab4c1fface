/* check_layer.c - from files to a layer: what is in it and in which order, the same bytes whatever
 * the locale and the day, and sources that cannot become one. */
#include "support.h"

#include "base/str.h"
#include "oci/archive.h"
#include "oci/compress.h"

#include <locale.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#define HOW(type) (&(const ir_layer_how){.media_type = (type)})

static ir_store *store_open(void)
{
    imgrel_error err = {0};
    IR_AUTO(ir_ref) ref = {0};
    ir_store *s = NULL;
    char name[512];
    snprintf(name, sizeof name, "oci:%s/layout:one", support_dir);
    unit_ok(ir_ref_parse(name, &ref, &err), &err);
    unit_ok(ir_store_open(&support_call, &ref, IR_STORE_READ | IR_STORE_WRITE, &s, &err), &err);
    return s;
}

static ir_layer_from from(const char *name, const char *to)
{
    return (ir_layer_from){.path = support_path(name), .to = to, .uid = -1, .gid = -1, .mode = -1};
}

static int64_t blob_in(void *user, void *buf, size_t len, imgrel_error *err)
{
    return ir_reader_read(user, buf, len, err);
}

/* Every entry of a layer as a line: type, mode, owner, time, path, target or size. */
static void list(ir_store *s, const ir_layer *l, ir_buf *out)
{
    imgrel_error err = {0};
    ir_reader *r = NULL;
    ir_untar *t = NULL;
    ir_tar_entry e;
    int rc = 0;
    unit_ok(ir_store_blob_open(s, &support_call, &l->desc, &r, &err), &err);
    unit_ok(ir_untar_new(blob_in, r, &t, &err), &err);
    while ((rc = ir_untar_next(t, &e, &err)) == 1)
        ir_buf_addf(out, "%c %04o %d:%d %lld %s %s%.0lld\n", e.type, (unsigned)e.mode, (int)e.uid,
                    (int)e.gid, (long long)e.mtime_s, e.path, e.target ? e.target : "",
                    (long long)(e.type == 'f' ? e.size : 0));
    unit_ok(rc, &err);
    ir_untar_free(t);
    ir_reader_close(r);
}

/* The digest of a layer's bytes when unpacked. */
static void unpacked(ir_store *s, const ir_layer *l, char ret[IR_DIGEST_MAX])
{
    imgrel_error err = {0};
    ir_reader *r = NULL;
    ir_unpack *u = NULL;
    ir_hash *h = NULL;
    char buf[4096];
    int64_t n = 0;
    unit_ok(ir_hash_new("sha256", &h, &err), &err);
    unit_ok(ir_store_blob_open(s, &support_call, &l->desc, &r, &err), &err);
    unit_ok(ir_unpack_new(ir_media_compression(l->desc.media_type), "layer", blob_in, r, &u, &err),
            &err);
    while ((n = ir_unpack_read(u, buf, sizeof buf, &err)) > 0)
        ir_hash_add(h, buf, (size_t)n);
    unit_ok((int)n, &err);
    ir_hash_end(h, ret);
    ir_hash_free(h);
    ir_unpack_free(u);
    ir_reader_close(r);
}

static void site(void)
{
    support_file("dist/index.html", "<h1>hello</h1>", 0600);
    support_file("dist/assets/app.js", "go()", 0644);
    support_file("dist/assets-x", "between by bytes", 0644);
    support_file("dist/run.sh", "#!/bin/sh", 0711);
    support_file("dist/na\xc3\xafve \xe2\x98\x83.txt", "snow", 0644);
    ck_assert_int_eq(symlink("index.html", support_path("dist/start")), 0);
    ck_assert_int_eq(link(support_path("dist/run.sh"), support_path("dist/again.sh")), 0);
}

START_TEST(files_become_a_layer)
{
    static const char *const types[] = {IR_MT_OCI_LAYER_GZIP, IR_MT_OCI_LAYER,
#ifdef IR_HAVE_ZSTD
                                        IR_MT_OCI_LAYER_ZSTD
#endif
    };
    imgrel_error err = {0};
    support_begin();
    site();
    ir_store *s = store_open();
    ir_layer_from f = from("dist", "/usr/share/html/");
    char first[IR_DIGEST_MAX] = "", again[IR_DIGEST_MAX];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        ir_layer l = {0};
        IR_AUTO(ir_buf) lines = IR_BUF(1 << 20);
        unit_ok(ir_layer_make(&support_call, s, &f, 1, -1, HOW(types[i]), &l, &err), &err);
        ck_assert_str_eq(l.desc.media_type, types[i]);
        unpacked(s, &l, again);
        ck_assert_str_eq(again, l.diff_id);
        if (i)
            ck_assert_str_eq(first, l.diff_id);
        memcpy(first, l.diff_id, sizeof first);
        list(s, &l, &lines);
        ck_assert_str_eq(ir_buf_str(&lines),
                         "d 0755 0:0 0 usr \n"
                         "d 0755 0:0 0 usr/share \n"
                         "d 0755 0:0 0 usr/share/html \n"
                         "f 0755 0:0 0 usr/share/html/again.sh 9\n"
                         "d 0755 0:0 0 usr/share/html/assets \n"
                         "f 0644 0:0 0 usr/share/html/assets-x 16\n"
                         "f 0644 0:0 0 usr/share/html/assets/app.js 4\n"
                         "f 0644 0:0 0 usr/share/html/index.html 14\n"
                         "f 0644 0:0 0 usr/share/html/na\xc3\xafve \xe2\x98\x83.txt 4\n"
                         "h 0755 0:0 0 usr/share/html/run.sh usr/share/html/again.sh\n"
                         "l 0777 0:0 0 usr/share/html/start index.html\n");
        ir_desc_free(&l.desc);
    }
    unit_ok(ir_layer_diff_id(&support_call, &f, 1, -1, again, &err), &err);
    ck_assert_str_eq(first, again);
    ir_store_free(s);
    support_end();
}
END_TEST

START_TEST(the_diff_id_is_always_the_same)
{
    static const char *const locales[] = {"C", "C.UTF-8", "POSIX"};
    imgrel_error err = {0};
    char id[IR_DIGEST_MAX];
    support_begin();
    site();
    ir_layer_from f = from("dist", "/srv");
    for (size_t i = 0; i < 3; i++) {
        setlocale(LC_ALL, locales[i]);
        utimensat(AT_FDCWD, support_path("dist/index.html"), NULL, 0); /* another day */
        unit_ok(ir_layer_diff_id(&support_call, &f, 1, -1, id, &err), &err);
        ck_assert_str_eq(id, "sha256:"
                             "9818fe52f5fe51d0532d7dc819d4012642f26a2561d19838136f2af3d18979e3");
    }
    setlocale(LC_ALL, "C");
    support_end();
}
END_TEST

START_TEST(owner_mode_and_time_are_chosen)
{
    imgrel_error err = {0};
    ir_layer l = {0};
    IR_AUTO(ir_buf) lines = IR_BUF(1 << 20);
    support_begin();
    support_file("dist/one", "1", 0755);
    ir_store *s = store_open();
    ir_layer_from f[2] = {from("dist", "/srv/www"), from("dist/one", "/etc/conf.d/")};
    f[0].uid = 33;
    f[0].gid = 34;
    f[0].mode = 0640;
    unit_ok(ir_layer_make(&support_call, s, f, 2, 1600000000, HOW(IR_MT_OCI_LAYER_GZIP), &l, &err),
            &err);
    list(s, &l, &lines);
    ck_assert_str_eq(ir_buf_str(&lines), "d 0755 0:0 1600000000 etc \n"
                                         "d 0755 0:0 1600000000 etc/conf.d \n"
                                         "f 0755 0:0 1600000000 etc/conf.d/one 1\n"
                                         "d 0755 0:0 1600000000 srv \n"
                                         "d 0755 33:34 1600000000 srv/www \n"
                                         "f 0640 33:34 1600000000 srv/www/one 1\n");
    ir_desc_free(&l.desc);
    ir_store_free(s);
    support_end();
}
END_TEST

START_TEST(a_root_file_system_stays_exact)
{
    imgrel_error err = {0};
    ir_layer l = {0};
    IR_AUTO(ir_buf) lines = IR_BUF(1 << 20);
    support_begin();
    support_file("root/bin/su", "su", 04755);
    unit_ok(ir_mkdirs(support_path("root/tmp"), 0755, &err), &err);
    ck_assert_int_eq(chmod(support_path("root/tmp"), 01777), 0);
    ck_assert_int_eq(chmod(support_path("root/bin"), 0700), 0);
    ir_store *s = store_open();
    ir_layer_from f = from("root", "/");
    f.exact = true;
    unit_ok(ir_layer_make(&support_call, s, &f, 1, -1, HOW(IR_MT_OCI_LAYER_GZIP), &l, &err), &err);
    list(s, &l, &lines);
    char want[256];
    snprintf(want, sizeof want,
             "d 0700 %d:%d 0 bin \nf 4755 %d:%d 0 bin/su 2\nd 1777 %d:%d 0 tmp \n", (int)getuid(),
             (int)getgid(), (int)getuid(), (int)getgid(), (int)getuid(), (int)getgid());
    ck_assert_str_eq(ir_buf_str(&lines), want);
    ir_desc_free(&l.desc);
    ir_store_free(s);
    support_end();
}
END_TEST

START_TEST(big_layers_go_straight_through)
{
    imgrel_error err = {0};
    ir_layer l = {0};
    char id[IR_DIGEST_MAX];
    support_begin();
    char *p = support_bytes('m', 30000000);
    unit_ok(ir_mkdirs(support_path("dist"), 0755, &err), &err);
    unit_ok(ir_file_write(support_path("dist/big"), 0644, p, 30000000, &err), &err);
    ir_store *s = store_open();
    ir_layer_from f = from("dist", "/data");
    unit_ok(ir_layer_make(&support_call, s, &f, 1, -1, HOW(IR_MT_OCI_LAYER_GZIP), &l, &err), &err);
    ck_assert_int_gt(l.desc.size, 5 << 20);
    unpacked(s, &l, id);
    ck_assert_str_eq(id, l.diff_id);
    ck_assert_str_eq(l.desc.media_type, IR_MT_OCI_LAYER_GZIP);
    ir_desc_free(&l.desc);
    ir_store_free(s);
    free(p);
    support_end();
}
END_TEST

START_TEST(a_tar_is_a_layer_as_it_is)
{
    imgrel_error err = {0};
    ir_layer l = {0};
    char id[IR_DIGEST_MAX];
    IR_AUTO(ir_buf) tar = IR_BUF(1 << 20);
    IR_AUTO(ir_buf) packed = IR_BUF(1 << 20);
    support_begin();
    support_file("in/a", "1", 0644);
    const char *const pack[] = {"tar", "-C", support_path("in"), "-cf", "-", "a", NULL};
    ck_assert(support_run(pack, NULL, 0, &tar));
    const char *const gzip[] = {"gzip", "-c", NULL};
    ck_assert(support_run(gzip, tar.p, tar.len, &packed));
    unit_ok(ir_file_write(support_path("in.tar"), 0644, tar.p, tar.len, &err), &err);
    unit_ok(ir_file_write(support_path("in.tar.gz"), 0644, packed.p, packed.len, &err), &err);
    ir_store *s = store_open();
    for (int i = 0; i < 2; i++) {
        ir_layer_from f = from(i ? "in.tar.gz" : "in.tar", "/");
        unit_ok(ir_layer_make(&support_call, s, &f, 1, -1, HOW(IR_MT_OCI_LAYER_GZIP), &l, &err),
                &err);
        unit_ok(ir_hash_bytes(tar.p, tar.len, id, &err), &err);
        ck_assert_str_eq(l.diff_id, id);
        ir_desc_free(&l.desc);
    }
    support_file("no.tar", "no tar but a text, and one that is long enough to be taken for one",
                 0644);
    ir_layer_from f = from("no.tar", "/");
    ck_assert_int_eq(ir_layer_diff_id(&support_call, &f, 1, -1, id, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "no.tar: not a tar");
    ir_store_free(s);
    support_end();
}
END_TEST

static void refused(const ir_layer_from *f, size_t n, int code, const char *word)
{
    imgrel_error err = {0};
    char id[IR_DIGEST_MAX];
    ck_assert_int_eq(ir_layer_diff_id(&support_call, f, n, -1, id, &err), code);
    unit_error(&err, code, word);
    ir_store *s = store_open();
    ir_layer l = {0};
    err = (imgrel_error){0};
    int rc = ir_layer_make(&support_call, s, f, n, -1, HOW(IR_MT_OCI_LAYER_GZIP), &l, &err);
    ck_assert_int_eq(rc, code);
    unit_error(&err, code, word);
    ck_assert_ptr_null(l.desc.digest);
    ir_store_free(s);
}

START_TEST(what_is_no_source_is_refused)
{
    support_begin();
    support_file("dist/file", "1", 0644);
    support_file("other/x", "1", 0644);
    ir_layer_from f[2] = {from("dist", "/srv"), from("other", "/srv/file")};
    refused(f, 2, IMGREL_EINVAL, "/srv/file is a folder in one source");
    static const char *const places[] = {"srv", "", "/a/../b", "/./a", "/a//b"};
    for (size_t i = 0; i < 5; i++) {
        f[0].to = places[i];
        refused(f, 1, IMGREL_EINVAL, "to \"");
    }
    f[0] = from("missing", "/srv");
    refused(f, 1, IMGREL_ENOTFOUND, "missing");
    f[0] = (ir_layer_from){.path = "/dev/null", .to = "/x", .uid = -1, .gid = -1, .mode = -1};
    refused(f, 1, IMGREL_EUNSUPPORTED, "/dev/null");
    ck_assert_int_eq(mkfifo(support_path("dist/pipe"), 0600), 0);
    f[0] = from("dist", "/srv");
    refused(f, 1, IMGREL_EUNSUPPORTED, "dist/pipe: a device or a pipe");
    ck_assert_int_eq(unlink(support_path("dist/pipe")), 0);
    support_file("dist/sub/.wh.file", "", 0644);
    refused(f, 1, IMGREL_EINVAL, "deletes a file");
    /* A file of /proc says that it is empty, and is not. */
    f[0] =
        (ir_layer_from){.path = "/proc/self/status", .to = "/x", .uid = -1, .gid = -1, .mode = -1};
    refused(f, 1, IMGREL_EIO, "/proc/self/status: changed while it was read");
    support_end();
}
END_TEST

START_TEST(sockets_are_left_out)
{
    imgrel_error err = {0};
    char one[IR_DIGEST_MAX], two[IR_DIGEST_MAX];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    support_begin();
    support_file("dist/file", "1", 0644);
    ir_layer_from f = from("dist", "/srv");
    unit_ok(ir_layer_diff_id(&support_call, &f, 1, -1, one, &err), &err);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", support_path("dist/socket"));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    unit_ok(ir_layer_diff_id(&support_call, &f, 1, -1, two, &err), &err);
    ck_assert_str_eq(one, two);
    close(fd);
    support_end();
}
END_TEST

UNIT_SUITE(layer, files_become_a_layer, the_diff_id_is_always_the_same,
           owner_mode_and_time_are_chosen, a_root_file_system_stays_exact,
           big_layers_go_straight_through, a_tar_is_a_layer_as_it_is, what_is_no_source_is_refused,
           sockets_are_left_out)
