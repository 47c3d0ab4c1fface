/* error.c - fills the caller's imgrel_error: the first failure wins, the text is one line whatever
 * a server put into it, and a cut never splits a UTF-8 character. */
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *imgrel_strerror(int code)
{
    switch (code) {
#define TEXT(name, value, text) \
    case value:                 \
        return text;
        IMGREL_ERRORS(TEXT)
#undef TEXT
    }
    return "unknown error";
}

const char *imgrel_code_name(int code)
{
    switch (code) {
#define NAME(name, value, text) \
    case value:                 \
        return "IMGREL_" #name;
        IMGREL_ERRORS(NAME)
#undef NAME
    }
    return "IMGREL_EUNKNOWN";
}

void imgrel_free(void *p)
{
    free(p);
}

const char *imgrel_version(void)
{
    return PACKAGE_VERSION;
}

/* Drops the bytes of a character that the end of the buffer cut. */
static void trim_utf8(char *s)
{
    size_t len = strlen(s), i = len;
    while (i > 0 && len - i < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
        i--;
    if (i == 0 || ((unsigned char)s[i - 1] & 0xc0) != 0xc0)
        return;
    unsigned char lead = (unsigned char)s[i - 1];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (len - (i - 1) < want)
        s[i - 1] = '\0';
}

static void set_text(char *dst, size_t len, const char *fmt, va_list ap)
{
    int n = vsnprintf(dst, len, fmt, ap);
    if (n >= (int)len)
        trim_utf8(dst);
    ir_one_line(dst);
}

int ir_fail(imgrel_error *err, int code, const char *fmt, ...)
{
    if (!err || err->code)
        return code;
    va_list ap;
    va_start(ap, fmt);
    set_text(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    err->code = code;
    return code;
}

static int errno_code(int errnum)
{
    switch (errnum) {
    case ENOMEM:
        return IMGREL_ENOMEM;
    case ENOENT:
    case ENOTDIR:
        return IMGREL_ENOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return IMGREL_EDENIED;
    default:
        return IMGREL_EIO;
    }
}

int ir_fail_errno(imgrel_error *err, int errnum, const char *fmt, ...)
{
    int code = errno_code(errnum);
    if (!err || err->code)
        return code;
    char text[sizeof err->message], why[128];
    va_list ap;
    va_start(ap, fmt);
    set_text(text, sizeof text, fmt, ap);
    va_end(ap);
    return ir_fail(err, code, "%s: %s", text, strerror_r(errnum, why, sizeof why));
}

int ir_nomem(imgrel_error *err)
{
    return ir_fail(err, IMGREL_ENOMEM, "out of memory");
}

int ir_cure(imgrel_error *err, const char *fmt, ...)
{
    if (!err)
        return 0;
    if (err->code && !err->cure[0]) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err->cure, sizeof err->cure, fmt, ap);
        va_end(ap);
    }
    return err->code;
}

int ir_error_prefix(imgrel_error *err, const char *fmt, ...)
{
    if (!err || !err->code)
        return 0;
    char text[sizeof err->message], old[sizeof err->message];
    va_list ap;
    va_start(ap, fmt);
    set_text(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(old, err->message, sizeof old);
    if (snprintf(err->message, sizeof err->message, "%s: %s", text, old) >=
        (int)sizeof err->message)
        trim_utf8(err->message);
    return err->code;
}

void ir_error_clear(imgrel_error *err)
{
    if (err)
        memset(err, 0, sizeof *err);
}
