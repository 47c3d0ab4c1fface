/* logjoin.c - joins the tries of a log into one text. Every line is asked for with its time in
 * front, which shows where a broken try stopped: a new one begins at that second, and what was
 * given out already is left out, to the byte. Lines pass through as they come, however long. Only a
 * line at the very beginning that has no time is held: it may be the server's own words. */
#include "fmt/header.h"
#include "kube/inside.h"

#include <stdlib.h>

enum { AT_HEAD, IN_LINE, IN_PLAIN, IN_SAID };
#define SKIP_LINE UINT64_MAX

void ir_logjoin_begin(ir_logjoin *j)
{
    j->resumed = j->last_s != 0;
    j->seen_same = 0;
    j->n_head = 0;
    j->state = AT_HEAD;
    j->skip = 0;
}

/* "2016-10-06T00:17:09.669794202Z": seconds and nanoseconds. */
static bool read_time(const char *text, int64_t *ret_s, int64_t *ret_ns)
{
    const char *dot = strchr(text, '.');
    *ret_ns = 0;
    if (!ir_rfc3339(text, ret_s))
        return false;
    for (int i = 0; dot && i < 9; i++) {
        bool digit = dot[1] >= '0' && dot[1] <= '9';
        *ret_ns = *ret_ns * 10 + (digit ? dot[1] - '0' : 0);
        dot += digit;
    }
    return true;
}

/* How many bytes of the line that begins with this time were given out before. */
static uint64_t known_bytes(ir_logjoin *j, int64_t s, int64_t ns)
{
    bool same = s == j->last_s && ns == j->last_ns;
    if (j->resumed && (s < j->last_s || (s == j->last_s && ns < j->last_ns)))
        return SKIP_LINE;
    if (j->resumed && same) {
        if (j->seen_same++ < j->n_same)
            return SKIP_LINE;
        j->resumed = false; /* here the last try stopped, maybe within this line */
        return j->partial;
    }
    j->resumed = false;
    if (!same)
        j->n_same = 0;
    j->last_s = s;
    j->last_ns = ns;
    j->partial = 0;
    return 0;
}

static int give(ir_logjoin *j, const char *p, size_t len, ir_logjoin_fn *fn, void *user,
                imgrel_error *err)
{
    size_t skip = j->skip < len ? (size_t)j->skip : len;
    if (j->skip != SKIP_LINE)
        j->skip -= skip;
    if (skip == len)
        return 0;
    j->partial += len - skip;
    return fn(user, p + skip, len - skip, err);
}

/* The server's own words in a 200: the container was removed, or its log cannot be read. */
static bool is_refusal(const char *text)
{
    return ir_starts(text, "unable to retrieve container logs for ") ||
           ir_starts(text, "failed to try resolving symlinks in path ");
}

static int end_said(ir_logjoin *j, ir_logjoin_fn *fn, void *user, imgrel_error *err)
{
    j->said[j->n_said] = '\0';
    j->refused = is_refusal(j->said);
    j->state = IN_PLAIN;
    if (j->refused)
        return 0;
    int rc = give(j, j->said, j->n_said, fn, user, err);
    j->n_said = 0;
    return rc;
}

/* The first word of a line, and the byte after it (not one of the word). */
static int end_head(ir_logjoin *j, char after, ir_logjoin_fn *fn, void *user, imgrel_error *err)
{
    int64_t s = 0, ns = 0;
    bool first = !j->any;
    j->head[j->n_head] = '\0';
    j->any = true;
    if (after == ' ' && read_time(j->head, &s, &ns)) {
        j->state = IN_LINE;
        j->skip = known_bytes(j, s, ns);
        j->head[j->n_head] = ' ';
        return j->timestamps ? give(j, j->head, j->n_head + 1, fn, user, err) : 0;
    }
    j->state = first ? IN_SAID : IN_PLAIN;
    j->skip = 0;
    if (!first)
        return give(j, j->head, j->n_head, fn, user, err);
    memcpy(j->said, j->head, j->n_head);
    j->n_said = j->n_head;
    return 0;
}

static void end_line(ir_logjoin *j)
{
    if (j->state == IN_LINE && j->skip != SKIP_LINE) {
        j->n_same++;
        j->partial = 0;
    }
    j->state = AT_HEAD;
    j->n_head = 0;
}

/* Gives bytes of a line's text, its end included; returns how many were used, or a code. */
static int64_t feed_text(ir_logjoin *j, const char *p, size_t len, ir_logjoin_fn *fn, void *user,
                         imgrel_error *err)
{
    const char *end = memchr(p, '\n', len);
    size_t n = end ? (size_t)(end - p) + 1 : len;
    int rc = j->refused ? 0 : give(j, p, n, fn, user, err);
    if (end)
        end_line(j);
    return rc ? rc : (int64_t)n;
}

static int64_t feed_some(ir_logjoin *j, const char *p, size_t len, ir_logjoin_fn *fn, void *user,
                         imgrel_error *err)
{
    int rc = 0;
    if (j->state == IN_LINE || j->state == IN_PLAIN)
        return feed_text(j, p, len, fn, user, err);
    if (j->state == IN_SAID) {
        if (*p != '\n' && j->n_said + 1 < sizeof j->said) {
            j->said[j->n_said++] = *p;
            return 1;
        }
        rc = end_said(j, fn, user, err);
        return rc ? rc : 0;
    }
    if (*p != ' ' && *p != '\n' && j->n_head + 2 < sizeof j->head) {
        j->head[j->n_head++] = *p;
        return 1;
    }
    rc = end_head(j, *p, fn, user, err);
    return rc ? rc : j->state == IN_LINE;
}

int ir_logjoin_feed(ir_logjoin *j, const char *p, size_t len, ir_logjoin_fn *fn, void *user,
                    imgrel_error *err)
{
    while (len) {
        int64_t n = feed_some(j, p, len, fn, user, err);
        if (n < 0)
            return (int)n;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int ir_logjoin_end(ir_logjoin *j, ir_logjoin_fn *fn, void *user, imgrel_error *err)
{
    if (j->state == AT_HEAD && j->n_head) {
        int rc = end_head(j, '\n', fn, user, err);
        if (rc)
            return rc;
    }
    return j->state == IN_SAID ? end_said(j, fn, user, err) : 0;
}
