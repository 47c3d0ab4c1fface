/* base64.c - RFC 4648, strict on the way in: no blanks, no stray bits, padding whole or absent. */
#include "base/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(ir_buf *out, const unsigned char *p, size_t len, const char *alphabet, bool pad)
{
    for (; len; p += len > 3 ? 3 : len, len -= len > 3 ? 3 : len) {
        unsigned v =
            (unsigned)p[0] << 16 | (len > 1 ? (unsigned)p[1] << 8 : 0) | (len > 2 ? p[2] : 0);
        char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
                        alphabet[v & 63]};
        size_t n = len > 2 ? 4 : len + 1;
        ir_buf_add(out, four, n);
        for (; pad && n < 4; n++)
            ir_buf_addc(out, '=');
    }
}

void ir_base64_add(ir_buf *out, const void *p, size_t len)
{
    encode(out, p, len, standard, true);
}

void ir_base64url_add(ir_buf *out, const void *p, size_t len)
{
    encode(out, p, len, url_safe, false);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* n: 2 to 4 characters of a group. */
static bool decode_group(const char *s, size_t n, ir_buf *out)
{
    unsigned v = 0;
    for (size_t i = 0; i < 4; i++) {
        int x = i < n ? value_of(s[i]) : 0;
        if (x < 0)
            return false;
        v = v << 6 | (unsigned)x;
    }
    if ((n == 2 && (v & 0xffff)) || (n == 3 && (v & 0xff)))
        return false;
    char bytes[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
    ir_buf_add(out, bytes, n - 1);
    return !out->bad;
}

bool ir_base64_decode(const char *s, size_t len, ir_buf *out)
{
    size_t start = out->len;
    if (len && len % 4 == 0 && s[len - 1] == '=')
        len -= s[len - 2] == '=' ? 2 : 1;
    bool good = len % 4 != 1;
    for (size_t i = 0; good && i < len; i += 4)
        good = decode_group(s + i, len - i < 4 ? len - i : 4, out);
    if (!good)
        ir_buf_truncate(out, start);
    return good;
}
