/* check_archive.c - tar: the same bytes in every locale, there and back, and layers laid over a
 * folder: whiteouts, links, modes, and tars that try to get out of it. */
#include "support.h"

#include "base/hash.h"
#include "base/str.h"
#include "oci/archive.h"
#include "oci/layer_root.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UTF8 "na\xc3\xafve/\xe2\x98\x83.txt"
#define LATIN1 "na\xefve.txt"
#define LONG                                                                                       \
    "deep/"                                                                                        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaa"                                                                                          \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int extract(const made *m, const char *root, imgrel_error *err)
{
    support_in in = {m->b.p, m->b.len, 0, 3000};
    return ir_layer_extract(&support_call, support_read, &in, root, err);
}

/* Lays a layer over support_dir/root. */
static void lay(made *m)
{
    imgrel_error err = {0};
    made_end(m);
    unit_ok(ir_mkdirs(support_path("root"), 0755, &err), &err);
    unit_ok(extract(m, support_path("root"), &err), &err);
    ir_buf_free(&m->b);
}

static void everything(made *m)
{
    made_begin(m);
    made_add(m, 'd', "dir", NULL, 01777);
    made_add(m, 'f', "dir/empty", "", 0644);
    made_add(m, 'f', "dir/setuid", "program", 04755);
    made_add(m, 'h', "dir/second", "dir/setuid", 04755);
    made_add(m, 'l', "link", "dir/setuid", 0777);
    made_add(m, 'f', UTF8, "snow", 0644);
    made_add(m, 'f', LONG, "deep", 0600);
    made_add(m, 'l', "far", LONG UTF8, 0777);
    made_end(m);
}

START_TEST(the_same_bytes_in_every_locale)
{
    static const char *const locales[] = {"C", "C.UTF-8", "en_US.ISO-8859-1", ""};
    char first[IR_DIGEST_MAX] = "";
    imgrel_error err = {0};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        made m;
        char digest[IR_DIGEST_MAX];
        setlocale(LC_ALL, locales[i]); /* may be missing: the locale then stays as it was */
        everything(&m);
        unit_ok(ir_hash_bytes(m.b.p, m.b.len, digest, &err), &err);
        ir_buf_free(&m.b);
        if (!*first)
            memcpy(first, digest, sizeof first);
        ck_assert_str_eq(digest, first);
    }
    setlocale(LC_ALL, "C");
    /* What libarchive 3.6 to 3.8 write; another value here means that diffIDs have changed. */
    ck_assert_str_eq(first, "sha256:"
                            "74c8ccc6b5550bfc364ee625ec5af5bb2285b5f71ad78e8cb2a63c65b8dce032");
}
END_TEST

START_TEST(there_and_back)
{
    static const char *const names[] = {"dir",  "dir/empty", "dir/setuid", "dir/second",
                                        "link", UTF8,        LONG,         "far"};
    static const char types[] = "dffhlffl";
    imgrel_error err = {0};
    made m;
    everything(&m);
    ck_assert_uint_eq(m.b.len % 512, 0);
    support_in in = {m.b.p, m.b.len, 0, 700};
    ir_untar *t = NULL;
    ir_tar_entry e;
    char buf[64];
    unit_ok(ir_untar_new(support_read, &in, &t, &err), &err);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(ir_untar_next(t, &e, &err), 1);
        ck_assert_str_eq(e.path, names[i]);
        ck_assert_int_eq(e.type, types[i]);
        ck_assert_int_eq(e.mtime_s, 1700000000);
        ck_assert_int_eq(e.uid, 0);
        if (i == 2) {
            ck_assert_int_eq(e.mode, 04755);
            ck_assert_int_eq(ir_untar_read(t, buf, sizeof buf, &err), 7);
            ck_assert(memcmp(buf, "program", 7) == 0);
            ck_assert_int_eq(ir_untar_read(t, buf, sizeof buf, &err), 0);
        }
        if (i == 3)
            ck_assert_str_eq(e.target, "dir/setuid");
    }
    ck_assert_str_eq(e.target, LONG UTF8);
    ck_assert_int_eq(ir_untar_next(t, &e, &err), 0);
    ir_untar_free(t);
    ir_buf_free(&m.b);
}
END_TEST

START_TEST(names_that_are_not_utf8_come_back)
{
    imgrel_error err = {0};
    made m;
    made_begin(&m);
    made_add(&m, 'f', LATIN1, "x", 0644);
    made_end(&m);
    support_in in = {m.b.p, m.b.len, 0, 512};
    ir_untar *t = NULL;
    ir_tar_entry e;
    unit_ok(ir_untar_new(support_read, &in, &t, &err), &err);
    ck_assert_int_eq(ir_untar_next(t, &e, &err), 1);
    ck_assert_str_eq(e.path, LATIN1);
    ir_untar_free(t);
    ir_buf_free(&m.b);
}
END_TEST

static bool there(const char *name)
{
    struct stat st;
    return lstat(support_path(name), &st) == 0;
}

static void holds(const char *name, const char *text)
{
    imgrel_error err = {0};
    IR_AUTO(ir_buf) b = IR_BUF(1 << 20);
    unit_ok(ir_file_read(support_path(name), &b, &err), &err);
    ck_assert_str_eq(ir_buf_str(&b), text);
}

START_TEST(a_layer_is_laid_down)
{
    struct stat a, b;
    made m;
    imgrel_error err = {0};
    support_begin();
    unit_ok(ir_mkdirs(support_path("root"), 0755, &err), &err);
    everything(&m);
    unit_ok(extract(&m, support_path("root"), &err), &err);
    unit_ok(extract(&m, support_path("root"), &err), &err); /* over itself */
    ir_buf_free(&m.b);
    ck_assert_int_eq(stat(support_path("root/dir/setuid"), &a), 0);
    ck_assert_int_eq(stat(support_path("root/dir/second"), &b), 0);
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    ck_assert_uint_eq(a.st_mode & 07777, 04755);
    ck_assert_int_eq(a.st_mtime, 1700000000);
    ck_assert_int_eq(stat(support_path("root/dir"), &a), 0);
    ck_assert_uint_eq(a.st_mode & 07777, 01777);
    holds("root/" UTF8, "snow");
    holds("root/" LONG, "deep");
    holds("root/link", "program");
    support_end();
}
END_TEST

START_TEST(whiteouts_hide_what_is_below)
{
    made m;
    support_begin();
    made_begin(&m);
    made_add(&m, 'f', "keep", "old", 0644);
    made_add(&m, 'f', "gone", "old", 0644);
    made_add(&m, 'f', "tree/a/b", "old", 0644);
    made_add(&m, 'f', "opaque/old", "old", 0644);
    made_add(&m, 'f', "opaque/sub/old", "old", 0644);
    made_add(&m, 'f', "late/old", "old", 0644);
    lay(&m);
    made_begin(&m);
    made_add(&m, 'f', ".wh.gone", "", 0644);
    made_add(&m, 'f', ".wh.never", "", 0644);
    made_add(&m, 'f', ".wh.tree", "", 0644);
    made_add(&m, 'f', "opaque/.wh..wh..opq", "", 0644);
    made_add(&m, 'f', "opaque/new", "new", 0644);
    made_add(&m, 'f', "late/sub/new", "new", 0644); /* the mark may come after */
    made_add(&m, 'f', "late/new", "new", 0644);
    made_add(&m, 'f', "late/.wh..wh..opq", "", 0644);
    made_add(&m, 'f', ".wh..wh.plnk", "", 0644);
    lay(&m);
    holds("root/keep", "old");
    ck_assert(!there("root/gone") && !there("root/tree") && !there("root/opaque/old"));
    ck_assert(!there("root/opaque/sub") && !there("root/late/old"));
    ck_assert(!there("root/.wh.gone") && !there("root/.wh..wh.plnk"));
    holds("root/opaque/new", "new");
    holds("root/late/new", "new");
    holds("root/late/sub/new", "new");
    support_end();
}
END_TEST

START_TEST(kinds_replace_each_other)
{
    struct stat st;
    made m;
    support_begin();
    made_begin(&m);
    made_add(&m, 'f', "tree/a/b", "old", 0644);
    made_add(&m, 'f', "file", "old", 0644);
    made_add(&m, 'l', "link", "tree", 0777);
    lay(&m);
    made_begin(&m);
    made_add(&m, 'f', "tree", "a file now", 0644);
    made_add(&m, 'd', "file", NULL, 0755);
    made_add(&m, 'd', "link", NULL, 0755);
    lay(&m);
    holds("root/tree", "a file now");
    ck_assert(lstat(support_path("root/file"), &st) == 0 && S_ISDIR(st.st_mode));
    ck_assert(lstat(support_path("root/link"), &st) == 0 && S_ISDIR(st.st_mode));
    support_end();
}
END_TEST

/* A link in the image leads where it would lead in the container: /lib is usr/lib. */
START_TEST(links_stay_inside)
{
    made m;
    support_begin();
    support_file("outside/victim", "safe", 0644);
    made_begin(&m);
    made_add(&m, 'd', "usr/lib", NULL, 0755);
    made_add(&m, 'l', "lib", "usr/lib", 0777);
    made_add(&m, 'l', "absolute", "/usr/lib", 0777);
    made_add(&m, 'l', "up", "../../../../outside", 0777);
    made_add(&m, 'd', "outside", NULL, 0755);
    lay(&m);
    made_begin(&m);
    made_add(&m, 'f', "lib/one", "1", 0644);
    made_add(&m, 'f', "absolute/two", "2", 0644);
    made_add(&m, 'f', "up/victim", "3", 0644);
    lay(&m);
    holds("root/usr/lib/one", "1");
    holds("root/usr/lib/two", "2");
    holds("root/outside/victim", "3");
    holds("outside/victim", "safe");
    support_end();
}
END_TEST

/* What the kernel resolves inside the root, we resolve to the same where it can't. */
START_TEST(folders_are_the_same_without_openat2)
{
    static const char *const paths[] = {
        "",       "usr",       "usr/lib",   "lib",          "absolute",         "up",
        "chain",  "lib/sub",   "loop",      "missing",      "dangling",         "usr/missing",
        "file",   "file/x",    "lib/..",    "lib/../usr",   "up/../../usr/lib", "./lib/./sub",
        "loop/x", "chain/sub", "../../usr", "/usr/lib/sub", "root/x",
    };
    made m;
    support_begin();
    made_begin(&m);
    made_add(&m, 'd', "usr/lib/sub", NULL, 0755);
    made_add(&m, 'd', "outside", NULL, 0755);
    made_add(&m, 'f', "file", "text", 0644);
    made_add(&m, 'l', "lib", "usr/lib", 0777);
    made_add(&m, 'l', "absolute", "/usr/lib", 0777);
    made_add(&m, 'l', "up", "../../../../outside", 0777);
    made_add(&m, 'l', "chain", "./lib//.", 0777);
    made_add(&m, 'l', "loop", "loop", 0777);
    made_add(&m, 'l', "dangling", "usr/nothing", 0777);
    made_add(&m, 'l', "root", "/", 0777);
    lay(&m);
    ir_root r;
    ck_assert_int_eq(ir_root_open(&r, support_path("root")), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct stat a = {0}, b = {0};
        int codes[2] = {0};
        for (int k = 0; k < 2; k++) {
            r.scoped = k == 0;
            int fd = ir_root_folder(&r, paths[i]);
            codes[k] = fd < 0 ? errno : 0;
            ck_assert(fd < 0 || fstat(fd, k ? &b : &a) == 0);
            if (fd >= 0)
                close(fd);
        }
        ck_assert_msg(codes[0] == codes[1] && a.st_ino == b.st_ino, "%s: %d %d, %llu %llu",
                      paths[i], codes[0], codes[1], (unsigned long long)a.st_ino,
                      (unsigned long long)b.st_ino);
    }
    ir_root_close(&r);
    support_end();
}
END_TEST

/* Tars that libarchive would not write as they are: paths are changed in the finished bytes. */
static void replace_in(made *m, const char *from, const char *to)
{
    char *end = m->b.p + m->b.len;
    for (char *p = m->b.p; (p = memmem(p, (size_t)(end - p), from, strlen(from))); p++)
        memcpy(p, to, strlen(to));
    for (size_t at = 0; at + 512 <= m->b.len; at += 512) {
        unsigned sum = 0;
        unsigned char *h = (unsigned char *)m->b.p + at;
        if (memcmp(h + 257, "ustar", 5) != 0)
            continue;
        memset(h + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
            sum += h[i];
        snprintf((char *)h + 148, 7, "%06o", sum);
    }
}

static void refused(made *m, int code, const char *word)
{
    imgrel_error err = {0};
    unit_ok(ir_mkdirs(support_path("box/root"), 0755, &err), &err);
    ck_assert_int_eq(extract(m, support_path("box/root"), &err), code);
    unit_error(&err, code, word);
    ck_assert(!there("box/evil") && !there("evil"));
    ir_buf_free(&m->b);
}

START_TEST(hostile_tars_are_refused)
{
    static const struct {
        char type;
        const char *path, *more, *from, *to, *word;
    } v[] = {
        {'f', "aa/evil", "x", "aa/evil", "../evil", "leads out"},
        {'f', "dir/aa/aa/evil", "x", "dir/aa/aa/evil", "dir/../../evil", "leads out"},
        {'f', "Ztmp/evil", "x", "Ztmp/evil", "/tmp/evil", "absolute"},
        {'d', "aa", NULL, "aa", "..", "leads out"},
        {'h', "in", "aa/outside", "aa/outside", "../outside", "leads out"},
        {'h', "in", "Zetc/passwd", "Zetc/passwd", "/etc/passwd", "absolute"},
        {'h', "in", "nothing", "nothing", "nothing", "link to nothing"},
        {'f', "d/.wh.aa", "", "d/.wh.aa", "d/.wh...", "not a whiteout"},
        {'f', "d/.wh.x", "", "d/.wh.x", "d/.wh..", "not a whiteout"},
    };
    support_begin();
    support_file("box/outside", "safe", 0644);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        made m;
        made_begin(&m);
        made_add(&m, v[i].type, v[i].path, v[i].more, 0644);
        made_end(&m);
        replace_in(&m, v[i].from, v[i].to);
        if (i == 6)
            refused(&m, IMGREL_ENOTFOUND, v[i].word);
        else
            refused(&m, IMGREL_EPROTO, v[i].word);
    }
    support_end();
}
END_TEST

START_TEST(a_link_to_outside_is_not_written_through)
{
    made m;
    imgrel_error err = {0};
    char outside[600];
    support_begin();
    support_file("box/victim", "safe", 0644);
    snprintf(outside, sizeof outside, "%s", support_path("box/victim"));
    unit_ok(ir_mkdirs(support_path("box/root"), 0755, &err), &err);
    made_begin(&m);
    made_add(&m, 'l', "evil", outside, 0777);
    made_add(&m, 'f', "evil", "overwritten", 0644); /* replaces the link itself */
    made_add(&m, 'l', "soft", outside, 0777);
    made_add(&m, 'h', "hard", "soft", 0777); /* a name for the link, not for the file */
    made_add(&m, 'f', "hard", "overwritten", 0644);
    made_end(&m);
    unit_ok(extract(&m, support_path("box/root"), &err), &err);
    holds("box/victim", "safe");
    holds("box/root/evil", "overwritten");
    ir_buf_free(&m.b);
    support_end();
}
END_TEST

START_TEST(damaged_tars_are_refused)
{
    made m;
    imgrel_error err = {0};
    support_begin();
    unit_ok(ir_mkdirs(support_path("root"), 0755, &err), &err);
    made_begin(&m);
    made_add(&m, 'f', "file", "some text that is not there in the end", 0644);
    made_end(&m);
    ir_buf_truncate(&m.b, 512 + 10);
    ck_assert_int_eq(extract(&m, support_path("root"), &err), IMGREL_EPROTO);
    unit_error(&err, IMGREL_EPROTO, "tar");
    ir_buf_clear(&m.b);
    ir_buf_adds(&m.b, "this is no tar at all, and it is long enough to be looked at by anyone");
    err = (imgrel_error){0};
    ck_assert_int_eq(extract(&m, support_path("root"), &err), IMGREL_EPROTO);
    ir_buf_free(&m.b);
    err = (imgrel_error){0};
    m.b = (ir_buf)IR_BUF(64);
    ck_assert_int_eq(extract(&m, support_path("nowhere"), &err), IMGREL_ENOTFOUND);
    support_end();
}
END_TEST

/* A sparse entry of 16 GiB in a tar of a few KiB. */
START_TEST(sparse_bombs_are_stopped)
{
    static const char *const argv[] = {
        "python3", "-c",
        "import sys, tarfile\n"
        "t = tarfile.TarInfo('bomb'); t.size = 512\n"
        "t.pax_headers = {'GNU.sparse.major': '0', 'GNU.sparse.minor': '1',\n"
        " 'GNU.sparse.name': 'bomb', 'GNU.sparse.realsize': str(16 << 30),\n"
        " 'GNU.sparse.size': str(16 << 30), 'GNU.sparse.numblocks': '2',\n"
        " 'GNU.sparse.map': '0,512,%d,0' % (16 << 30)}\n"
        "w = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.PAX_FORMAT)\n"
        "import io; w.addfile(t, io.BytesIO(b'x' * 512)); w.close()\n",
        NULL};
    imgrel_error err = {0};
    IR_AUTO(ir_buf) tar = IR_BUF(1 << 20);
    ck_assert(support_run(argv, NULL, 0, &tar));
    support_in in = {tar.p, tar.len, 0, 512};
    ir_untar *t = NULL;
    ir_tar_entry e;
    char *piece = malloc(1 << 20);
    int64_t n = 1, total = 0;
    unit_ok(ir_untar_new(support_read, &in, &t, &err), &err);
    ck_assert_int_eq(ir_untar_next(t, &e, &err), 1);
    ck_assert_str_eq(e.path, "bomb");
    ck_assert_int_eq(e.size, (int64_t)16 << 30);
    while ((n = ir_untar_read(t, piece, 1 << 20, &err)) > 0)
        total += n;
    ck_assert_int_eq(n, IMGREL_ELIMIT);
    ck_assert_int_lt(total, 300 << 20);
    free(piece);
    ir_untar_free(t);
}
END_TEST

UNIT_SUITE(archive, the_same_bytes_in_every_locale, there_and_back,
           names_that_are_not_utf8_come_back, a_layer_is_laid_down, whiteouts_hide_what_is_below,
           kinds_replace_each_other, links_stay_inside, folders_are_the_same_without_openat2,
           hostile_tars_are_refused, a_link_to_outside_is_not_written_through,
           damaged_tars_are_refused, sparse_bombs_are_stopped)
