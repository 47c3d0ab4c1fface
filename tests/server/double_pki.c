/* double_pki.c - certificates for the double: an authority, a server, a client; fresh for each
 * test, so that no key lies in the tree. */
#include "double.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dbl_pki {
    char dir[64];
    char *paths[DBL_PKI_FILES];
};

static const char *const names[] = {"ca.crt", "server.crt", "server.key", "client.cert",
                                    "client.key"};

static void need(bool good)
{
    if (!good) {
        fputs("double: OpenSSL\n", stderr);
        abort();
    }
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    need(e != NULL);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static X509 *make(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key, long serial,
                  const char *san, bool expired)
{
    X509 *x = X509_new();
    X509_NAME *n = X509_get_subject_name(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), expired ? -3600 : 24 * 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    add_extension(x, issuer ? issuer : x, NID_basic_constraints,
                  issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (san)
        add_extension(x, issuer, NID_subject_alt_name, san);
    need(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    return x;
}

static void write_cert(const dbl_pki *p, enum dbl_pki_file which, X509 *x)
{
    FILE *f = fopen(p->paths[which], "w");
    need(f && PEM_write_X509(f, x) && fclose(f) == 0);
}

static void write_key(const dbl_pki *p, enum dbl_pki_file which, EVP_PKEY *key)
{
    FILE *f = fopen(p->paths[which], "w");
    need(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && fclose(f) == 0);
}

/* "a.example,b.example" -> "IP:127.0.0.1,DNS:localhost,DNS:a.example,..." */
static void make_san(const char *list, char *ret, size_t len)
{
    size_t n = (size_t)snprintf(ret, len, "IP:127.0.0.1,DNS:localhost");
    while (list && *list) {
        int k = (int)strcspn(list, ",");
        n += (size_t)snprintf(ret + n, len - n, ",DNS:%.*s", k, list);
        list += k + (list[k] == ',');
    }
}

dbl_pki *dbl_pki_new(const char *list)
{
    return dbl_pki_new_expired(list, DBL_PKI_FILES);
}

dbl_pki *dbl_pki_new_expired(const char *list, enum dbl_pki_file which)
{
    dbl_pki *p = calloc(1, sizeof *p);
    char san[512];
    need(p != NULL);
    snprintf(p->dir, sizeof p->dir, "/tmp/imgrel-pki-XXXXXX");
    need(mkdtemp(p->dir) != NULL);
    for (size_t i = 0; i < DBL_PKI_FILES; i++)
        need(asprintf(&p->paths[i], "%s/%s", p->dir, names[i]) > 0);
    make_san(list, san, sizeof san);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256"), *mine = EVP_EC_gen("P-256");
    need(ca_key && key && mine);
    X509 *ca = make(ca_key, "imgrel test authority", NULL, NULL, 1, NULL, false);
    X509 *server = make(key, "double", ca, ca_key, 2, san, which == DBL_CERT);
    X509 *client = make(mine, "test-client", ca, ca_key, 3, NULL, which == DBL_CLIENT_CERT);
    write_cert(p, DBL_CA, ca);
    write_cert(p, DBL_CERT, server);
    write_key(p, DBL_KEY, key);
    write_cert(p, DBL_CLIENT_CERT, client);
    write_key(p, DBL_CLIENT_KEY, mine);
    X509_free(ca);
    X509_free(server);
    X509_free(client);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(mine);
    return p;
}

const char *dbl_pki_path(const dbl_pki *p, enum dbl_pki_file which)
{
    return p->paths[which];
}

void dbl_pki_free(dbl_pki *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < DBL_PKI_FILES; i++) {
        unlink(p->paths[i]);
        free(p->paths[i]);
    }
    rmdir(p->dir);
    free(p);
}
