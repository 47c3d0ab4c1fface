/* digest.c - what a digest must look like; the algorithms are those that hash.c computes. */
#include "fmt/digest.h"
#include "base/str.h"

static const struct {
    const char *name;
    size_t hex;
} algorithms[] = {{"sha256", 64}, {"sha512", 128}};

/* The index of the algorithm that s names before its colon, or -1. */
static int find_algorithm(const char *s)
{
    size_t len = strcspn(s, ":");
    for (int i = 0; s[len] && i < (int)(sizeof algorithms / sizeof *algorithms); i++)
        if (strlen(algorithms[i].name) == len && !memcmp(s, algorithms[i].name, len))
            return i;
    return -1;
}

int ir_digest_check(const char *s, imgrel_error *err)
{
    if (!s || !strchr(s, ':'))
        return ir_fail(err, IMGREL_EINVAL, "digest \"%.160s\": not of the form algorithm:hex",
                       s ? s : "");
    int i = find_algorithm(s);
    if (i < 0)
        return ir_fail(err, IMGREL_EINVAL, "digest \"%.160s\": algorithm is not sha256 or sha512",
                       s);
    const char *hex = strchr(s, ':') + 1;
    size_t len = strspn(hex, "0123456789abcdef");
    if (hex[len])
        return ir_fail(err, IMGREL_EINVAL,
                       "digest \"%.160s\": character %zu is not a lower-case hex digit", s,
                       (size_t)(hex - s) + len + 1);
    if (len != algorithms[i].hex)
        return ir_fail(err, IMGREL_EINVAL, "digest \"%.160s\": %zu hex digits, %s has %zu", s, len,
                       algorithms[i].name, algorithms[i].hex);
    return 0;
}

bool ir_digest_valid(const char *s)
{
    return ir_digest_check(s, NULL) == 0;
}

const char *ir_digest_hex(const char *digest)
{
    const char *colon = strchr(digest, ':');
    return colon ? colon + 1 : digest;
}

const char *ir_digest_algorithm(const char *digest)
{
    int i = digest ? find_algorithm(digest) : -1;
    return i < 0 ? NULL : algorithms[i].name;
}
