/* hostile.c - the fixture of the tests of what a registry may try: see hostile.h. */
#include "hostile.h"

#include <pthread.h>

dbl *home, *other;
imgrel_client *client;
imgrel_error err;
const char *elsewhere; /* the other one by another name */

static char said[256 * 1024];

static void on_log(void *user, const imgrel_log_record *r)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)user;
    pthread_mutex_lock(&lock);
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "%s: %s %s\n", r->component, r->message, r->fields);
    pthread_mutex_unlock(&lock);
}

bool hostile_said(const char *text)
{
    return strstr(said, text) != NULL;
}

void hostile_begin(void)
{
    support_begin();
    home = dbl_start(NULL);
    other = dbl_start(NULL);
    elsewhere = "elsewhere.example";
    const char *names =
        text("registry.example=%s,%s=%s", dbl_host(home), elsewhere, dbl_host(other));
    const char *const keys[][2] = {{"plain_http", text("%s,registry.example,%s,%s", dbl_host(home),
                                                       dbl_host(other), elsewhere)},
                                   {"resolve", names},
                                   {"registry_hosts", text("%s,registry.example", dbl_host(home))},
                                   {"registry_user", "alice"},
                                   {"registry_password", SECRET},
                                   {"retry_delay", "5ms"},
                                   {"log_level", "debug"},
                                   {"retries", "1"}};
    err = (imgrel_error){0};
    said[0] = '\0';
    unit_ok(imgrel_client_new(&client, &err), &err);
    imgrel_client_log(client, on_log, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        unit_ok(imgrel_client_set(client, keys[i][0], keys[i][1], &err), &err);
}

void hostile_end(void)
{
    imgrel_client_free(client);
    dbl_stop(home);
    dbl_stop(other);
    mock_down(); /* what text() gave */
    support_end();
}

/* home wants a token from that realm. */
void guard(const char *realm)
{
    dbl_on(home, &(dbl_rule){.path = "/token*", .body = "{\"token\":\"" TOKEN "\"}"});
    dbl_on(home,
           &(dbl_rule){.without_header = "Bearer " TOKEN,
                       .status = 401,
                       .headers =
                           text("WWW-Authenticate: Bearer realm=\"%s\",service=\"s\"\r\n", realm)});
}

void guard_home(void)
{
    guard(text("%s/token", dbl_url(home)));
}

void other_got_nothing(void)
{
    ck_assert(!dbl_saw(other, "uthorization"));
    ck_assert(!dbl_saw(other, SECRET));
    ck_assert(!dbl_saw(other, TOKEN));
}

const char *digest_of(const char *bytes, size_t len)
{
    char digest[IR_DIGEST_MAX];
    unit_ok(ir_hash_bytes(bytes, len, digest, &err), &err);
    return text("%s", digest);
}

const char *read_blob(const char *digest)
{
    static char buf[64];
    imgrel_blob *b = NULL;
    int64_t n = imgrel_blob_open(client, text("%s/p/a@%s", dbl_host(home), digest), NULL, &b, &err);
    if (n >= 0)
        n = imgrel_blob_read(b, buf, sizeof buf - 1, &err);
    imgrel_blob_free(b);
    buf[n > 0 ? n : 0] = '\0';
    return n < 0 ? NULL : buf;
}

int copy_it(const char *tag)
{
    err = (imgrel_error){0};
    return imgrel_copy(client, text("%s/p/a:%s", dbl_host(home), tag),
                       text("oci:%s:v1", support_path("dst")), NULL, NULL, &err);
}

void serve(const char *selector, const char *type, const char *body)
{
    dbl_on(home, &(dbl_rule){.path = text("/v2/p/a/manifests/%s", selector),
                             .headers = text("Content-Type: %s\r\n", type),
                             .body = body});
}

void hostile_add(Suite *s, const hostile_row *rows, size_t n)
{
    static char names[64][80]; /* check keeps the pointers */
    static size_t at;
    for (size_t i = 0; i < n; i++, at++) {
        snprintf(names[at % 64], sizeof *names, "%-8s %s", rows[i].rule, rows[i].what);
        TCase *c = tcase_create(names[at % 64]);
        tcase_add_checked_fixture(c, hostile_begin, hostile_end);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, rows[i].test);
        suite_add_tcase(s, c);
    }
}
