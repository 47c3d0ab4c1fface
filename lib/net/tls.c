/* tls.c - readies curl and OpenSSL, and parses the authorities that a session trusts. OpenSSL's
 * default context is made first and looked at: when that allocation fails later, inside curl,
 * libcrypto dereferences NULL. */
#include "net/tls.h"
#include "base/wipe.h"
#include "net/session_impl.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <time.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready, wiping;

static void init_libraries(void)
{
    if (OPENSSL_init_crypto(0, NULL) && OSSL_LIB_CTX_get0_global_default())
        ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return ir_wipe_malloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return ir_wipe_realloc(p, size);
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    ir_wipe_free(p);
}

static void init_wiping(void)
{
    if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
        return;
    if (!OPENSSL_init_crypto(0, NULL) || !OSSL_LIB_CTX_get0_global_default())
        return;
    ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, ir_wipe_malloc, ir_wipe_free, ir_wipe_realloc,
                                 ir_wipe_strdup, ir_wipe_calloc) == CURLE_OK;
    /* Curl keeps silent when its allocator was settled before: ask it for memory. */
    uint64_t before = ir_wipe_count();
    curl_free(curl_easy_escape(NULL, "-", 1));
    wiping = ready && ir_wipe_count() > before;
}

int ir_tls_wipe(imgrel_error *err)
{
    pthread_once(&once, init_wiping);
    if (wiping)
        return 0;
    ir_fail(err, IMGREL_ESTATE, "OpenSSL or curl was used in this process before");
    ir_cure(err, "call it first of all, before any other library makes them ready");
    return IMGREL_ESTATE;
}

int ir_tls_init(imgrel_error *err)
{
    pthread_once(&once, init_libraries);
    return ready ? 0 : ir_nomem(err);
}

static int load(X509_STORE *store, const char *file, const char *bundle, const char *dir,
                imgrel_error *err)
{
    if (file) {
        if (X509_STORE_load_file(store, file))
            return 0;
        return ir_fail(err, IMGREL_EINVAL, "%s: no certificates can be read from it", file);
    }
    if (!(bundle && X509_STORE_load_file(store, bundle)) &&
        !(dir && X509_STORE_load_path(store, dir)))
        X509_STORE_set_default_paths(store);
    return 0;
}

int ir_tls_trust(ir_session *s, const char *bundle, const char *dir, ir_trust **ret,
                 imgrel_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&s->late_lock);
    if (!s->trust) {
        X509_STORE *store = X509_STORE_new();
        rc = store ? load(store, s->conf.ca_file, bundle, dir, err) : ir_nomem(err);
        if (!rc) /* as curl does with its own */
            X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
        else
            X509_STORE_free(store);
        s->trust = rc ? NULL : (ir_trust *)store;
    }
    *ret = s->trust;
    pthread_mutex_unlock(&s->late_lock);
    return rc;
}

void ir_tls_use(void *ssl_ctx, ir_trust *trust)
{
    SSL_CTX_set1_cert_store(ssl_ctx, (X509_STORE *)trust);
}

void ir_tls_trust_free(ir_trust *trust)
{
    X509_STORE_free((X509_STORE *)trust);
}

int64_t ir_tls_cert_end(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    struct tm end = {0};
    bool good = x && ASN1_TIME_to_tm(X509_get0_notAfter(x), &end);
    X509_free(x);
    BIO_free(in);
    return good ? (int64_t)timegm(&end) : 0;
}
