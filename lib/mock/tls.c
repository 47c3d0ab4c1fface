/* tls.c - a certificate authority that lives as long as the mock: keys are made at start, the CA's
 * certificate is written for clients to trust, its private key is forgotten at once. */
#include "mock/tls.h"
#include "base/fd.h"
#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define VALID_DAYS 30

static bool set_name(X509 *cert, const char *common_name, X509 *issuer)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                      (const unsigned char *)"libimgrel-mock", -1, -1, 0) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
}

static bool set_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *cert)
{
    unsigned char raw[8];
    BIGNUM *n = ir_random(raw, sizeof raw, NULL) ? NULL : BN_bin2bn(raw, sizeof raw, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

/* A certificate with its key, signed by issuer, or by itself if there is none. */
static X509 *make_cert(const char *common_name, const char *names, X509 *issuer, EVP_PKEY *signer,
                       EVP_PKEY *key)
{
    X509 *cert = X509_new();
    bool ok = cert && X509_set_version(cert, 2) && set_serial(cert) &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
              X509_gmtime_adj(X509_getm_notAfter(cert), VALID_DAYS * 86400L) &&
              X509_set_pubkey(cert, key) && set_name(cert, common_name, issuer);
    if (ok && issuer)
        ok = set_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
             set_extension(cert, issuer, NID_ext_key_usage, "serverAuth") &&
             set_extension(cert, issuer, NID_subject_alt_name, names);
    else if (ok)
        ok = set_extension(cert, NULL, NID_basic_constraints, "critical,CA:TRUE") &&
             set_extension(cert, NULL, NID_key_usage, "critical,keyCertSign,cRLSign") &&
             set_extension(cert, NULL, NID_subject_key_identifier, "hash");
    if (ok && X509_sign(cert, signer, EVP_sha256()))
        return cert;
    X509_free(cert);
    return NULL;
}

static char *bio_text(BIO *bio)
{
    char *p = NULL;
    long len = bio ? BIO_get_mem_data(bio, &p) : 0;
    char *text = len > 0 ? ir_strndup(p, (size_t)len) : NULL;
    BIO_free(bio);
    return text;
}

static char *cert_text(X509 *first, X509 *second)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio && PEM_write_bio_X509(bio, first) && (!second || PEM_write_bio_X509(bio, second));
    if (ok)
        return bio_text(bio);
    BIO_free(bio);
    return NULL;
}

static char *key_text(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        return bio_text(bio);
    BIO_free(bio);
    return NULL;
}

/* A name without its port. Names come from the configuration: what would end one is refused. */
static void add_name(ir_buf *names, const char *host)
{
    size_t len = strcspn(host, ":/,");
    if (len)
        ir_buf_addf(names, ",DNS:%.*s", (int)len, host);
}

static void list_names(const imgrel_mock *m, ir_buf *names)
{
    const char *address = ir_json_str(m->config, "address"),
               *external = ir_json_str(m->config, "external_url");
    const ir_json *hosts = ir_json_get(m->config, "hosts");
    ir_buf_adds(names, "DNS:localhost,IP:127.0.0.1");
    if (address && !ir_streq(address, "127.0.0.1"))
        ir_buf_addf(names, ",IP:%s", address);
    if (external && strstr(external, "://"))
        add_name(names, strstr(external, "://") + 3);
    for (void *it = ir_json_first(hosts); it; it = ir_json_next(hosts, it))
        add_name(names, ir_json_key(it));
}

int mk_tls_make(imgrel_mock *m, char **ret_cert, char **ret_key, imgrel_error *err)
{
    int rc;
    X509 *ca = NULL, *cert = NULL;
    char *ca_pem = NULL;
    ir_buf names = IR_BUF(IR_URL_MAX);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    list_names(m, &names);
    if (ca_key && key)
        ca = make_cert("libimgrel-mock test CA", NULL, NULL, ca_key, ca_key);
    if (ca)
        cert = make_cert("localhost", ir_buf_str(&names), ca, ca_key, key);
    if (cert) {
        ca_pem = cert_text(ca, NULL);
        *ret_cert = cert_text(cert, ca);
        *ret_key = key_text(key);
        m->ca_file = ir_path_join(m->dir, "ca.pem");
    }
    if (!ca_pem || !*ret_cert || !*ret_key || !m->ca_file)
        rc = ir_fail(err, IMGREL_EIO, "mock: OpenSSL made no certificate for %s",
                     ir_buf_str(&names));
    else
        rc = ir_file_write(m->ca_file, 0644, ca_pem, strlen(ca_pem), err);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    X509_free(ca);
    X509_free(cert);
    free(ca_pem);
    ir_buf_free(&names);
    return rc;
}
