/* harbor_secret.c - how secrets are made, kept and signed: robots' and users' as Harbor keeps them
 * (salted PBKDF2), tokens with a key that lives as long as the process. */
#include "mock/tls.h"
#include "base/base64.h"
#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define ROUNDS 4096
#define SECRET_LEN 32

static void to_hex(const unsigned char *p, size_t n, char *ret)
{
    for (size_t i = 0; i < n; i++)
        snprintf(ret + 2 * i, 3, "%02x", p[i]);
}

void mk_secret_hash(const char *secret, const char *salt, char ret[MK_HASH_LEN])
{
    unsigned char raw[16] = {0};
    if (!PKCS5_PBKDF2_HMAC(secret, (int)strlen(secret), (const unsigned char *)salt,
                           (int)strlen(salt), ROUNDS, EVP_sha256(), sizeof raw, raw))
        (void)!ir_random(raw, sizeof raw, NULL); /* fits nothing */
    to_hex(raw, sizeof raw, ret);
}

int mk_secret_make(char ret[33], imgrel_error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char raw[SECRET_LEN];
    bool lower, upper, digit;
    do {
        int rc = ir_random(raw, sizeof raw, err);
        if (rc)
            return rc;
        lower = upper = digit = false;
        for (size_t i = 0; i < SECRET_LEN; i++) {
            char c = letters[raw[i] % (sizeof letters - 1)];
            lower |= c >= 'a' && c <= 'z';
            upper |= c >= 'A' && c <= 'Z';
            digit |= c >= '0' && c <= '9';
            ret[i] = c;
        }
    } while (!lower || !upper || !digit);
    ret[SECRET_LEN] = '\0';
    ir_wipe(raw, sizeof raw);
    return 0;
}

void mk_secret_sign(const void *key, size_t key_len, const void *p, size_t len, ir_buf *out)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    if (HMAC(EVP_sha256(), key, (int)key_len, p, len, mac, &mac_len))
        ir_base64url_add(out, mac, mac_len);
    else
        out->bad = IMGREL_ENOMEM;
}

void mk_random_hex(char *ret, size_t n)
{
    unsigned char raw[64] = {0};
    (void)!ir_random(raw, n < sizeof raw ? n : sizeof raw, NULL);
    to_hex(raw, n < sizeof raw ? n : sizeof raw, ret);
}
