/* tls.c - readies curl and OpenSSL. OpenSSL's default context is made first and looked at: when
 * that allocation fails later, inside curl, libcrypto dereferences NULL. */
#include "net/tls.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdbool.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

static void init_libraries(void)
{
    if (OPENSSL_init_crypto(0, NULL) && OSSL_LIB_CTX_get0_global_default())
        ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

int ir_tls_init(imgrel_error *err)
{
    pthread_once(&once, init_libraries);
    return ready ? 0 : ir_nomem(err);
}
