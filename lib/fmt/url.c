/* url.c - URLs, strictly: http and https, ASCII, whole percent escapes, real hosts and ports. What
 * two parsers could read differently is refused, for origins decide where secrets go. */
#include "fmt/url.h"
#include "base/limits.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#define UNRESERVED "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int check_bytes(const char *s, imgrel_error *err)
{
    if (strlen(s) > IR_URL_MAX)
        return ir_fail(err, IMGREL_EINVAL, "URL longer than %lu bytes", IR_URL_MAX);
    for (const char *c = s; *c; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("\\\"<>", *c))
            return ir_fail(err, IMGREL_EINVAL, "URL: character %zu must be percent-encoded",
                           (size_t)(c - s) + 1);
        if (*c == '%' && (hex_value(c[1]) < 0 || hex_value(c[2]) < 0))
            return ir_fail(err, IMGREL_EINVAL, "URL: character %zu: %% without two hex digits",
                           (size_t)(c - s) + 1);
    }
    return 0;
}

static char *decoded(const char *s, size_t len)
{
    char *out = ir_strndup(s, len), *to = out;
    for (const char *c = out; c && *c; c++)
        if (*c == '%') {
            *to++ = (char)(hex_value(c[1]) << 4 | hex_value(c[2]));
            c += 2;
        } else {
            *to++ = *c;
        }
    if (to)
        *to = '\0';
    return out;
}

static bool userinfo(const char *s, size_t len, ir_url *u)
{
    const char *colon = memchr(s, ':', len);
    size_t name = colon ? (size_t)(colon - s) : len;
    u->user = decoded(s, name);
    if (colon)
        u->password = decoded(colon + 1, len - name - 1);
    return u->user && (u->password || !colon);
}

/* Length of the host at s ("[...]" or up to a colon) if it is a good one, else 0. */
static size_t host_len(const char *s, size_t len)
{
    char text[64];
    struct in6_addr a;
    if (*s != '[') {
        const char *colon = memchr(s, ':', len);
        len = colon ? (size_t)(colon - s) : len;
        return strspn(s, UNRESERVED) >= len && !memchr(s, '~', len) && len <= 255 ? len : 0;
    }
    const char *end = memchr(s, ']', len);
    size_t n = end ? (size_t)(end - s) - 1 : 0;
    if (!end || n >= sizeof text)
        return 0;
    memcpy(text, s + 1, n);
    text[n] = '\0';
    return inet_pton(AF_INET6, text, &a) == 1 ? n + 2 : 0;
}

static int host_and_port(const char *s, size_t len, ir_url *u, imgrel_error *err)
{
    size_t host = len ? host_len(s, len) : 0;
    unsigned long long port = 0;
    char digits[8] = "";
    if (!host || (host < len && s[host] != ':'))
        return ir_fail(err, IMGREL_EINVAL, "URL: \"%.*s\" is not a host", (int)len, s);
    u->port = !strcmp(u->scheme, "https") ? 443 : 80;
    if (host < len) {
        size_t n = len - host - 1;
        memcpy(digits, s + host + 1, n < sizeof digits ? n : 0);
        if (!ir_parse_u64(digits, 65535, &port) || !port)
            return ir_fail(err, IMGREL_EINVAL, "URL: \"%.*s\" has a bad port", (int)len, s);
        u->port = (int)port;
    }
    if (!(u->host = ir_strndup(s, host)))
        return ir_nomem(err);
    for (char *c = u->host; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    return 0;
}

static int authority(const char *s, size_t len, ir_url *u, imgrel_error *err)
{
    const char *at = memchr(s, '@', len);
    if (at && memrchr(s, '@', len) != at)
        return ir_fail(err, IMGREL_EINVAL, "URL: two @ before the host; encode one as %%40");
    if (at && !userinfo(s, (size_t)(at - s), u))
        return ir_nomem(err);
    if (at) {
        len -= (size_t)(at + 1 - s);
        s = at + 1;
    }
    return host_and_port(s, len, u, err);
}

static int parse(const char *text, ir_url *u, imgrel_error *err)
{
    int rc = check_bytes(text, err);
    if (rc)
        return rc;
    bool tls = !strncasecmp(text, "https://", 8);
    if (!tls && strncasecmp(text, "http://", 7))
        return ir_fail(err, IMGREL_EINVAL, "URL: it does not begin with http:// or https://");
    if (!(u->scheme = ir_strdup(tls ? "https" : "http")))
        return ir_nomem(err);
    const char *s = text + (tls ? 8 : 7);
    size_t len = strcspn(s, "/?#");
    if ((rc = authority(s, len, u, err)))
        return rc;
    s += len;
    size_t path = strcspn(s, "?#");
    u->path = path ? ir_strndup(s, path) : ir_strdup("/");
    s += path;
    if (*s == '?')
        u->query = ir_strndup(s + 1, strcspn(s + 1, "#"));
    return u->path && (u->query || *s != '?') ? 0 : ir_nomem(err);
}

int ir_url_parse(const char *text, ir_url *ret, imgrel_error *err)
{
    memset(ret, 0, sizeof *ret);
    int rc = parse(text, ret, err);
    if (rc)
        ir_url_free(ret);
    return rc;
}

void ir_url_free(ir_url *u)
{
    free(u->scheme);
    free(u->host);
    free(u->path);
    free(u->query);
    ir_free_secret(u->user);
    ir_free_secret(u->password);
    memset(u, 0, sizeof *u);
}

bool ir_url_same_origin(const ir_url *a, const ir_url *b)
{
    return a->port == b->port && !strcmp(a->scheme, b->scheme) && !strcmp(a->host, b->host);
}

char *ir_url_origin(const ir_url *u)
{
    int dflt = !strcmp(u->scheme, "https") ? 443 : 80;
    return u->port == dflt ? ir_format("%s://%s", u->scheme, u->host)
                           : ir_format("%s://%s:%d", u->scheme, u->host, u->port);
}

static bool is_local_v4(uint32_t a)
{
    return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 ||
           a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe || a >> 22 == 0x191;
}

static bool is_local_v6(const struct in6_addr *a)
{
    const unsigned char *b = a->s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(a))
        return is_local_v4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 |
                           b[15]);
    return IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
           (b[0] & 0xfe) == 0xfc;
}

bool ir_url_is_local(const ir_url *u)
{
    struct in_addr a4;
    struct in6_addr a6;
    char text[64];
    size_t len = strlen(u->host);
    const char *dot = ir_ends(u->host, ".") ? "." : "";
    char local[] = ".localhost.";
    local[10] = *dot;
    if (!strcmp(u->host, local + 1) || ir_ends(u->host, local))
        return true;
    if (u->host[0] == '[' && len < sizeof text) {
        memcpy(text, u->host + 1, len - 2);
        text[len - 2] = '\0';
        return inet_pton(AF_INET6, text, &a6) == 1 && is_local_v6(&a6);
    }
    /* inet_aton, as resolvers do: "127.1" is an address too. */
    return inet_aton(u->host, &a4) && is_local_v4(ntohl(a4.s_addr));
}

void ir_url_encode(ir_buf *out, const char *s)
{
    for (; *s; s++)
        if (strchr(UNRESERVED, *s))
            ir_buf_addc(out, *s);
        else
            ir_buf_addf(out, "%%%02X", (unsigned char)*s);
}

void ir_url_add_query(ir_buf *url, const char *name, const char *value)
{
    ir_buf_addc(url, strchr(ir_buf_str(url), '?') ? '&' : '?');
    ir_url_encode(url, name);
    ir_buf_addc(url, '=');
    ir_url_encode(url, value);
}

/* RFC 3986 section 5.2.4; path begins with a slash. */
static void add_without_dots(ir_buf *out, const char *path, size_t len)
{
    size_t start = out->len;
    for (const char *s = path, *end = path + len; s < end;) {
        const char *next = memchr(s + 1, '/', (size_t)(end - s - 1));
        size_t n = (size_t)((next ? next : end) - s);
        bool up = n == 3 && !memcmp(s, "/..", 3), here = n == 2 && !memcmp(s, "/.", 2);
        if (up) {
            const char *slash =
                out->len > start ? memrchr(out->p + start, '/', out->len - start) : NULL;
            if (slash)
                ir_buf_truncate(out, (size_t)(slash - out->p));
        }
        if (!up && !here)
            ir_buf_add(out, s, n);
        else if (!next)
            ir_buf_addc(out, '/');
        s += n;
    }
    if (out->len == start)
        ir_buf_addc(out, '/');
}

static bool has_scheme(const char *s)
{
    size_t len = strcspn(s, ":/?#");
    return len && s[len] == ':';
}

static int resolve(const ir_url *base, const char *ref, ir_buf *out, imgrel_error *err)
{
    char *origin = ir_url_origin(base);
    if (!origin)
        return ir_nomem(err);
    size_t path = strcspn(ref, "?#");
    const char *query = ref + path;
    ir_buf merged = IR_BUF(2 * IR_URL_MAX);
    if (!path)
        ir_buf_adds(&merged, base->path);
    else if (*ref != '/')
        ir_buf_add(&merged, base->path, (size_t)(strrchr(base->path, '/') + 1 - base->path));
    ir_buf_add(&merged, ref, path);
    ir_buf_adds(out, origin);
    add_without_dots(out, ir_buf_str(&merged), merged.len);
    if (*query == '?')
        ir_buf_add(out, query, strcspn(query, "#"));
    else if (!path && base->query)
        ir_buf_addf(out, "?%s", base->query);
    if (merged.bad && !out->bad)
        out->bad = merged.bad;
    ir_buf_free(&merged);
    free(origin);
    return ir_buf_check(out, err, "URL");
}

/* An absolute location: its own origin, no userinfo, no dots, no fragment. */
static int rebuild(const char *text, ir_buf *out, imgrel_error *err)
{
    ir_url u;
    int rc = ir_url_parse(text, &u, err);
    if (rc)
        return rc;
    char *ref = u.query ? ir_format("%s?%s", u.path, u.query) : ir_strdup(u.path);
    rc = ref ? resolve(&u, ref, out, err) : ir_nomem(err);
    free(ref);
    ir_url_free(&u);
    return rc;
}

int ir_url_join(const char *base, const char *location, char **ret, imgrel_error *err)
{
    ir_url b = {0};
    ir_buf out = IR_BUF(2 * IR_URL_MAX);
    char *whole = NULL;
    *ret = NULL;
    int rc = ir_url_parse(base, &b, err);
    if (!rc)
        rc = check_bytes(location, err);
    if (rc)
        goto out;
    if (has_scheme(location)) {
        rc = rebuild(location, &out, err);
    } else if (ir_starts(location, "//")) {
        whole = ir_format("%s:%s", b.scheme, location);
        rc = whole ? rebuild(whole, &out, err) : ir_nomem(err);
    } else {
        rc = resolve(&b, location, &out, err);
    }
    if (!rc && !(*ret = ir_buf_take(&out)))
        rc = ir_nomem(err);
out:
    free(whole);
    ir_buf_free(&out);
    ir_url_free(&b);
    return rc;
}
