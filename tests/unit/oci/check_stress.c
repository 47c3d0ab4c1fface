/* check_stress.c - many threads at what they share: one layout through stores of their own, one
 * store, one journal, one session. What counts is what is there afterwards, and what a thread
 * sanitizer has to say. */
#include "make.h"

#include "base/str.h"
#include "net/session.h"
#include "oci/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 8
#define ROUNDS 12
#define BLOB (1200 * 1024) /* has a file of its own name while it is written */

static ir_store *shared;
static atomic_int held, most, taken;
static ir_call journal_call;

static void at_once(void *(*fn)(void *))
{
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, fn, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
}

/* The same large blob from everybody, a small one of one's own, a tag of one's own. */
static void *fill(void *arg)
{
    int me = (int)(uintptr_t)arg;
    char tag[32];
    imgrel_error err = {0};
    ir_ref ref;
    ir_store *s = NULL;
    char *p = calloc(1, BLOB), *text = ir_format("oci:%s/both", support_dir);
    unit_ok(ir_ref_parse(text, &ref, &err), &err);
    for (int i = 0; i < ROUNDS; i++) {
        ir_desc large = {0}, config = {0};
        IR_AUTO(ir_manifest) m = {0};
        ir_store *to = shared;
        if (!shared)
            unit_ok(ir_store_open(&support_call, &ref, IR_STORE_WRITE, &s, &err), &err);
        to = shared ? shared : s;
        memset(p, 'a' + i, BLOB);
        large = make_blob(to, IR_MT_OCI_LAYER, p, BLOB);
        snprintf(tag, sizeof tag, "t%d-%d", me, i);
        config = make_blob(to, IR_MT_OCI_CONFIG, tag, strlen(tag));
        unit_ok(ir_manifest_write(IR_MT_OCI_MANIFEST, &config, &large, 1, NULL, &m, &err), &err);
        unit_ok(ir_store_manifest_put(to, &support_call, &m, tag, &err), &err);
        ir_desc_free(&large);
        ir_desc_free(&config);
        if (!shared) {
            unit_ok(ir_store_finish(s, &support_call, &err), &err);
            ir_store_free(s);
        }
    }
    ir_ref_free(&ref);
    free(text);
    free(p);
    return NULL;
}

/* Every tag is there, and what it names. */
static void check_all(void)
{
    imgrel_error err = {0};
    ir_pages *tags = NULL;
    const char *tag = NULL;
    int n = 0;
    ir_store *s = make_store("oci", "both", IR_STORE_READ);
    unit_ok(ir_store_tags(s, &support_call, &tags, &err), &err);
    for (; ir_pages_next(tags, &support_call, &tag, &err) == 1; n++) {
        IR_AUTO(ir_manifest) m = {0};
        IR_AUTO(ir_buf) b = IR_BUF(2 * BLOB);
        unit_ok(ir_store_manifest_get(s, &support_call, tag, &m, &err), &err);
        unit_ok(ir_store_blob_read(s, &support_call, &m.layers[0], &b, &err), &err);
    }
    ck_assert_int_eq(n, THREADS * ROUNDS);
    ck_assert_int_eq(make_count("both/blobs/sha256", ".tmp"), 0);
    ir_pages_free(tags);
    ir_store_free(s);
}

START_TEST(one_layout_many_stores)
{
    support_begin();
    at_once(fill);
    check_all();
    support_end();
}
END_TEST

START_TEST(one_store_many_threads)
{
    support_begin();
    shared = make_store("oci", "both", IR_STORE_WRITE);
    at_once(fill);
    make_close(shared);
    shared = NULL;
    check_all();
    support_end();
}
END_TEST

/* At most one has it, and what is read is whole. */
static void *keep_journal(void *arg)
{
    static const char url[] = "https://r.example/v2/a";
    const ir_desc d = {
        .digest = (char *)"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .size = 1 << 30};
    (void)arg;
    for (int i = 0; i < 40 * ROUNDS; i++) {
        ir_journal j = IR_JOURNAL;
        char *location = NULL;
        ir_journal_open(&j, &journal_call, url, &d, &location);
        ck_assert(!location || ir_starts(location, "https://r.example/upload"));
        free(location);
        if (j.fd < 0)
            continue;
        int now = atomic_fetch_add(&held, 1) + 1;
        if (now > atomic_load(&most))
            atomic_store(&most, now);
        atomic_fetch_add(&taken, 1);
        ir_journal_write(&j, url, &d,
                         i & 1 ? "https://r.example/upload/longer" : "https://r.example/upload");
        atomic_fetch_sub(&held, 1);
        if (i % 3)
            ir_journal_leave(&j);
        else
            ir_journal_end(&j);
    }
    return NULL;
}

START_TEST(one_journal)
{
    imgrel_error err = {0};
    support_begin();
    ir_conf conf = {.cache_dir = ir_strdup(support_path("cache"))};
    unit_ok(ir_session_new(&conf, NULL, &journal_call.session, &err), &err);
    at_once(keep_journal);
    ck_assert_int_eq(atomic_load(&most), 1);
    ck_assert_int_gt(atomic_load(&taken), 0);
    ir_session_free(journal_call.session);
    support_end();
}
END_TEST

UNIT_SUITE(stress, one_layout_many_stores, one_store_many_threads, one_journal)
