/* errors.c - how a command fails: the message, the cure on a second line, and the exit code that
 * scripts rely on. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int cli_fail(imgrel_error *err, int code, const char *cure, const char *fmt, ...)
{
    va_list ap;

    if (err->code)
        return code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    snprintf(err->cure, sizeof err->cure, "%s", cure ? cure : "");
    return code;
}

int cli_fail_errno(imgrel_error *err, const char *what)
{
    int code = errno == ENOENT ? IMGREL_ENOTFOUND : IMGREL_EIO;

    return cli_fail(err, code, NULL, "%s: %s", what, strerror(errno));
}

int cli_nomem(imgrel_error *err)
{
    return cli_fail(err, IMGREL_ENOMEM, NULL, "out of memory");
}

/* A bad argument is wrong usage unless it was a server that did not like it. */
int cli_exit_code(int rc, const imgrel_error *err)
{
    switch (rc) {
    case IMGREL_OK:
        return 0;
    case IMGREL_EINVAL:
        return err->http_status ? 1 : 2;
    case IMGREL_ENOTFOUND:
        return 3;
    case IMGREL_EAUTH:
    case IMGREL_EDENIED:
        return 4;
    case IMGREL_ECONFLICT:
        return 5;
    case IMGREL_EDIGEST:
        return 6;
    case IMGREL_ENET:
    case IMGREL_ETIMEOUT:
        return 7;
    case IMGREL_ECANCELED:
        return 130;
    default:
        return 1;
    }
}

void cli_complain(const imgrel_error *err)
{
    fprintf(stderr, "imgrel: %s\n", *err->message ? err->message : imgrel_strerror(err->code));
    if (*err->cure)
        fprintf(stderr, "  cure: %s\n", err->cure);
    if (*err->request_id)
        fprintf(stderr, "  request id: %s\n", err->request_id);
}

void cli_note(const cli *c, const char *fmt, ...)
{
    va_list ap;

    if (c->quiet)
        return;
    fputs("imgrel: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}
