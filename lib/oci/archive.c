/* archive.c - tar through libarchive, in both directions. Writing gives the same bytes in every
 * locale: libarchive turns names into UTF-8 by the thread's locale, so that it is set to C.UTF-8
 * around each call; pax headers appear only where ustar has no room. */
#include "oci/archive.h"

#include "base/limits.h"
#include "base/str.h"
#include "oci/compress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#define READ_SIZE (128 * IR_KIB)

/* Made once and kept: loading it anew for every layer would cost files and a lock in libc. */
static locale_t utf8;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void utf8_make(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "en_US.UTF-8", (locale_t)0);
}

/* A locale whose text is UTF-8; 0: this system has none. */
static locale_t utf8_locale(void)
{
    pthread_once(&utf8_once, utf8_make);
    return utf8;
}

static locale_t locale_enter(locale_t l)
{
    return l ? uselocale(l) : (locale_t)0;
}

static void locale_leave(locale_t old)
{
    if (old)
        uselocale(old);
}

/* ---- writing -------------------------------------------------------------------------------- */

struct ir_tar {
    struct archive *a;
    struct archive_entry *e;
    locale_t locale;
    ir_tar_out_fn *out;
    void *user;
    imgrel_error *err; /* of the call that is running */
    int rc;            /* what out said */
};

static la_ssize_t tar_out(struct archive *a, void *user, const void *p, size_t len)
{
    ir_tar *t = user;
    if (t->rc == 0)
        t->rc = t->out(t->user, p, len, t->err);
    if (t->rc == 0)
        return (la_ssize_t)len;
    archive_set_error(a, 0, "stopped");
    return ARCHIVE_FATAL;
}

static int tar_fail(ir_tar *t, const char *what, imgrel_error *err)
{
    if (t->rc < 0)
        return t->rc;
    if (archive_errno(t->a) == ENOMEM)
        return ir_nomem(err);
    const char *why = archive_error_string(t->a);
    return ir_fail(err, IMGREL_EIO, "tar: %s: %s", what, why ? why : "cannot be written");
}

int ir_tar_new(ir_tar_out_fn *out, void *user, ir_tar **ret, imgrel_error *err)
{
    *ret = NULL;
    ir_tar *t = calloc(1, sizeof *t);
    if (!t)
        return ir_nomem(err);
    t->out = out;
    t->user = user;
    t->err = err;
    t->a = archive_write_new();
    t->e = archive_entry_new();
    t->locale = utf8_locale();
    if (!t->a || !t->e || archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK ||
        archive_write_set_format_option(t->a, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK ||
        archive_write_add_filter_none(t->a) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(t->a, 0) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(t->a, 1) != ARCHIVE_OK ||
        archive_write_open(t->a, t, NULL, tar_out, NULL) != ARCHIVE_OK) {
        ir_tar_free(t);
        return ir_nomem(err);
    }
    *ret = t;
    return 0;
}

static mode_t file_type(char type)
{
    return type == 'd' ? S_IFDIR : type == 'l' ? S_IFLNK : S_IFREG;
}

static void entry_fill(struct archive_entry *to, const ir_tar_entry *e)
{
    archive_entry_clear(to);
    archive_entry_set_pathname(to, e->path);
    archive_entry_set_filetype(to, file_type(e->type));
    archive_entry_set_perm(to, (mode_t)e->mode & 07777);
    archive_entry_set_mtime(to, (time_t)e->mtime_s, 0);
    archive_entry_set_uid(to, e->uid);
    archive_entry_set_gid(to, e->gid);
    archive_entry_set_size(to, e->type == 'f' ? e->size : 0);
    if (e->type == 'l')
        archive_entry_set_symlink(to, e->target);
    if (e->type == 'h')
        archive_entry_set_hardlink(to, e->target);
}

static bool is_ascii(const char *s)
{
    while (s && *s && (unsigned char)*s < 0x80)
        s++;
    return !s || !*s;
}

int ir_tar_entry_add(ir_tar *t, const ir_tar_entry *e, imgrel_error *err)
{
    if (!t->locale && !(is_ascii(e->path) && is_ascii(e->target)))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "%s: not ASCII, and no locale C.UTF-8 here",
                       e->path);
    t->err = err;
    locale_t old = locale_enter(t->locale);
    entry_fill(t->e, e);
    int rc = archive_write_header(t->a, t->e);
    locale_leave(old);
    /* A warning is a name that is not UTF-8: it is written as it is, and marked so. */
    return rc >= ARCHIVE_WARN ? 0 : tar_fail(t, e->path, err);
}

int ir_tar_data(ir_tar *t, const void *p, size_t len, imgrel_error *err)
{
    t->err = err;
    la_ssize_t n = archive_write_data(t->a, p, len);
    return n == (la_ssize_t)len ? 0 : tar_fail(t, "more data than the entry's size", err);
}

int ir_tar_end(ir_tar *t, imgrel_error *err)
{
    t->err = err;
    locale_t old = locale_enter(t->locale);
    int rc = archive_write_close(t->a);
    locale_leave(old);
    return rc == ARCHIVE_OK ? 0 : tar_fail(t, "trailer", err);
}

void ir_tar_free(ir_tar *t)
{
    if (!t)
        return;
    /* Nothing more goes to out. Not archive_write_fail(), with which libarchive 3.6 forgets to free
     * what the opening made. */
    t->rc = t->rc ? t->rc : IMGREL_ESTATE;
    archive_write_free(t->a);
    archive_entry_free(t->e);
    free(t);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct ir_untar {
    struct archive *a;
    struct archive_entry *e; /* borrowed from a */
    locale_t locale;
    ir_unpack *in;
    uint8_t *buf;
    uint64_t entries, bytes;
    char *path;
    imgrel_error *err;
    int rc;
};

static la_ssize_t untar_in(struct archive *a, void *user, const void **ret)
{
    ir_untar *t = user;
    int64_t n = ir_unpack_read(t->in, t->buf, READ_SIZE, t->err);
    *ret = t->buf;
    if (n >= 0)
        return (la_ssize_t)n;
    t->rc = (int)n;
    archive_set_error(a, 0, "stopped");
    return ARCHIVE_FATAL;
}

static int untar_fail(ir_untar *t, imgrel_error *err)
{
    if (t->rc < 0)
        return t->rc;
    if (archive_errno(t->a) == ENOMEM)
        return ir_nomem(err);
    const char *why = archive_error_string(t->a);
    return ir_fail(err, IMGREL_EPROTO, "tar: %s", why ? why : "damaged");
}

int ir_untar_new(ir_tar_in_fn *in, void *user, ir_untar **ret, imgrel_error *err)
{
    *ret = NULL;
    ir_untar *t = calloc(1, sizeof *t);
    if (!t)
        return ir_nomem(err);
    t->err = err;
    t->buf = malloc(READ_SIZE);
    t->a = archive_read_new();
    t->locale = utf8_locale();
    int rc = t->buf && t->a ? ir_unpack_new('a', "tar", in, user, &t->in, err) : ir_nomem(err);
    if (rc == 0 && (archive_read_support_format_tar(t->a) != ARCHIVE_OK ||
                    archive_read_support_format_empty(t->a) != ARCHIVE_OK ||
                    archive_read_open(t->a, t, NULL, untar_in, NULL) != ARCHIVE_OK))
        rc = untar_fail(t, err);
    if (rc < 0) {
        ir_untar_free(t);
        return rc;
    }
    *ret = t;
    return 0;
}

static char entry_type(struct archive_entry *e)
{
    if (archive_entry_hardlink(e))
        return 'h';
    switch (archive_entry_filetype(e)) {
    case AE_IFREG:
        return 'f';
    case AE_IFDIR:
        return 'd';
    case AE_IFLNK:
        return 'l';
    default:
        return 'x';
    }
}

/* The path as entries have it here: nothing before or after the names. */
static int entry_path(ir_untar *t, imgrel_error *err)
{
    const char *p = archive_entry_pathname(t->e);
    if (!p)
        return ir_fail(err, IMGREL_EPROTO, "tar: entry %llu has no readable name",
                       (unsigned long long)t->entries);
    while (ir_starts(p, "./"))
        for (p += 2; *p == '/'; p++)
            ;
    size_t len = strlen(p);
    while (len > 1 && p[len - 1] == '/')
        len--;
    free(t->path);
    t->path = strcmp(p, ".") == 0 ? ir_strdup("") : ir_strndup(p, len);
    return t->path ? 0 : ir_nomem(err);
}

/* No system has such owners, and libarchive does not write them. 1: good. */
static int check_owner(const ir_untar *t, const ir_tar_entry *e, imgrel_error *err)
{
    if (e->uid >= 0 && e->gid >= 0 && e->uid < UINT32_MAX && e->gid < UINT32_MAX)
        return 1;
    return ir_fail(err, IMGREL_EPROTO, "tar: %s: its owner %lld:%lld is out of range", t->path,
                   (long long)e->uid, (long long)e->gid);
}

int ir_untar_next(ir_untar *t, ir_tar_entry *ret, imgrel_error *err)
{
    *ret = (ir_tar_entry){0};
    t->err = err;
    if (++t->entries > IR_ENTRIES_MAX)
        return ir_fail(err, IMGREL_ELIMIT, "tar: more than %d entries", IR_ENTRIES_MAX);
    locale_t old = locale_enter(t->locale);
    int rc = archive_read_next_header(t->a, &t->e);
    if (t->rc < 0)
        rc = ARCHIVE_FATAL; /* libarchive may take input that fails for input that ends */
    if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        rc = entry_path(t, err);
        ret->type = entry_type(t->e);
        ret->target = ret->type == 'h'   ? archive_entry_hardlink(t->e)
                      : ret->type == 'l' ? archive_entry_symlink(t->e)
                                         : NULL;
    } else {
        rc = rc == ARCHIVE_EOF ? 1 : untar_fail(t, err);
    }
    locale_leave(old);
    if (rc)
        return rc == 1 ? 0 : rc;
    if ((ret->type == 'l' || ret->type == 'h') && !ret->target)
        return ir_fail(err, IMGREL_EPROTO, "tar: %s: a link without a readable target", t->path);
    ret->path = t->path;
    ret->size = archive_entry_size(t->e);
    ret->mtime_s = archive_entry_mtime(t->e);
    ret->uid = archive_entry_uid(t->e);
    ret->gid = archive_entry_gid(t->e);
    ret->mode = (int)archive_entry_perm(t->e);
    return check_owner(t, ret, err);
}

int64_t ir_untar_read(ir_untar *t, void *buf, size_t len, imgrel_error *err)
{
    t->err = err;
    la_ssize_t n = archive_read_data(t->a, buf, len);
    if (n < 0 || t->rc < 0)
        return untar_fail(t, err);
    /* A sparse entry gives zeros that were never there, so what comes out is capped as well. */
    t->bytes += (uint64_t)n;
    int rc = ir_unpack_check("tar", ir_unpack_taken(t->in), t->bytes, err);
    return rc < 0 ? rc : n;
}

void ir_untar_free(ir_untar *t)
{
    if (!t)
        return;
    if (t->a)
        archive_read_free(t->a);
    ir_unpack_free(t->in);
    free(t->path);
    free(t->buf);
    free(t);
}

/* ---- from one to the other ------------------------------------------------------------------ */

static void entry_pass(struct archive_entry *e, const char *path, const char *link,
                       int64_t newest_s)
{
    archive_entry_set_pathname(e, path);
    if (link) {
        archive_entry_set_symlink(e, NULL);
        archive_entry_set_hardlink(e, link);
        archive_entry_set_size(e, 0);
        archive_entry_xattr_clear(e); /* the file has them */
    }
    archive_entry_unset_atime(e);
    archive_entry_unset_ctime(e);
    archive_entry_unset_birthtime(e);
    archive_entry_sparse_clear(e);
    if (newest_s >= 0 && archive_entry_mtime(e) >= newest_s)
        archive_entry_set_mtime(e, (time_t)newest_s, 0);
}

int ir_tar_entry_pass(ir_tar *t, const ir_untar *from, const char *path, const char *link,
                      int64_t newest_s, imgrel_error *err)
{
    t->err = err;
    locale_t old = locale_enter(t->locale);
    struct archive_entry *e = archive_entry_clone(from->e);
    int rc = ARCHIVE_FATAL;
    if (e) {
        entry_pass(e, path, link, newest_s);
        rc = archive_write_header(t->a, e);
    }
    locale_leave(old);
    archive_entry_free(e);
    if (!e)
        return ir_nomem(err);
    return rc >= ARCHIVE_WARN ? 0 : tar_fail(t, path, err);
}
