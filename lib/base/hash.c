/* hash.c - sha256 and sha512 by OpenSSL's EVP. The methods are fetched once and kept for the life
 * of the process: a fetch costs a lock and a search in every provider. */
#include "base/hash.h"
#include "base/str.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

struct ir_hash {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
    const char *algorithm;
    int bad; /* an update failed: the end gives an impossible digest */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md_sha256, *md_sha512;

static void fetch_methods(void)
{
    /* Without a default context (out of memory at start) OpenSSL's fetch would crash. */
    if (!OPENSSL_init_crypto(0, NULL) || !OSSL_LIB_CTX_get0_global_default())
        return;
    md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    md_sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
}

static const EVP_MD *find_method(const char *algorithm, const char **ret_name)
{
    pthread_once(&once, fetch_methods);
    *ret_name = ir_streq(algorithm, "sha512") ? "sha512" : "sha256";
    return ir_streq(algorithm, "sha512") ? md_sha512 : md_sha256;
}

int ir_hash_new(const char *algorithm, ir_hash **ret, imgrel_error *err)
{
    *ret = NULL;
    if (!ir_streq(algorithm, "sha256") && !ir_streq(algorithm, "sha512"))
        return ir_fail(err, IMGREL_EUNSUPPORTED, "digest algorithm \"%s\": only sha256 and sha512",
                       algorithm ? algorithm : "");
    ir_hash *h = calloc(1, sizeof *h);
    if (!h)
        return ir_nomem(err);
    h->md = find_method(algorithm, &h->algorithm);
    h->ctx = EVP_MD_CTX_new();
    if (!h->md || !h->ctx || !EVP_DigestInit_ex2(h->ctx, h->md, NULL)) {
        const EVP_MD *md = h->md;
        ir_hash_free(h);
        return md ? ir_nomem(err)
                  : ir_fail(err, IMGREL_EUNSUPPORTED, "OpenSSL offers no %s", algorithm);
    }
    *ret = h;
    return 0;
}

void ir_hash_add(ir_hash *h, const void *p, size_t len)
{
    if (len && !EVP_DigestUpdate(h->ctx, p, len))
        h->bad = 1;
}

ir_hash *ir_hash_copy(const ir_hash *h)
{
    ir_hash *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *h;
    copy->ctx = EVP_MD_CTX_new();
    if (copy->ctx && EVP_MD_CTX_copy_ex(copy->ctx, h->ctx))
        return copy;
    ir_hash_free(copy);
    return NULL;
}

void ir_hash_end(ir_hash *h, char ret[IR_DIGEST_MAX])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (h->bad || !EVP_DigestFinal_ex(h->ctx, md, &len))
        len = 0; /* "sha256:" is no digest and equals none */
    size_t at = strlen(h->algorithm);
    memcpy(ret, h->algorithm, at);
    ret[at++] = ':';
    for (unsigned i = 0; i < len; i++) {
        ret[at++] = hex[md[i] >> 4];
        ret[at++] = hex[md[i] & 15];
    }
    ret[at] = '\0';
    h->bad = !EVP_DigestInit_ex2(h->ctx, h->md, NULL);
}

void ir_hash_free(ir_hash *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

int ir_hash_bytes(const void *p, size_t len, char ret[IR_DIGEST_MAX], imgrel_error *err)
{
    ir_hash *h = NULL;
    int rc = ir_hash_new("sha256", &h, err);
    if (rc)
        return rc;
    ir_hash_add(h, p, len);
    ir_hash_end(h, ret);
    ir_hash_free(h);
    return 0;
}

int ir_sha1(const void *p, size_t len, unsigned char ret[20], imgrel_error *err)
{
    size_t n = 0;
    if (!EVP_Q_digest(NULL, "SHA1", NULL, p, len, ret, &n) || n != 20)
        return ir_fail(err, IMGREL_EUNSUPPORTED, "OpenSSL offers no SHA-1");
    return 0;
}

int ir_random(void *p, size_t len, imgrel_error *err)
{
    unsigned char *at = p;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ir_fail_errno(err, errno, "getrandom");
        at += n;
        len -= (size_t)n;
    }
    return 0;
}
