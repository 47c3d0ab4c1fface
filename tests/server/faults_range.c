/* faults_range.c - a large blob that comes in several ranges at once: from servers that honour
 * them, from those that do not, and over ways that break. */
#include "faults.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define LAYER (32 * MIB) /* four ranges */

static imgrel_error err;

static int copy(const char *from, const char *to)
{
    imgrel_client *c = faults_client();
    err = (imgrel_error){0};
    int rc = imgrel_copy(c, from, to, NULL, NULL, &err);
    imgrel_client_free(c);
    return rc;
}

static void begin(void)
{
    faults_begin();
    faults_set("ranges_from", "1");
    faults_set("ranges", "3");
    free(faults_image(LAYER));
    unit_ok(copy(faults_local("src"), faults_ref("src")), &err);
    weir_clear(faults_weir);
}

/* Pulls, looks at what it cost, and that what came is what was sent. */
static void pull(unsigned least, unsigned most, int64_t bytes)
{
    unit_ok(copy(faults_ref("src"), faults_local("dst")), &err);
    weir_seen s = weir_count(faults_weir, "GET", faults_layer);
    char *log = weir_log(faults_weir);
    ck_assert_msg(s.requests >= least && s.requests <= most, "%u requests\n%s", s.requests, log);
    ck_assert_msg(s.out >= LAYER && s.out <= bytes, "%lld bytes\n%s", (long long)s.out, log);
    free(log);
    ck_assert_int_eq(faults_litter("dst"), 0);
    weir_clear(faults_weir);
    unit_ok(copy(faults_local("dst"), faults_ref("again")), &err);
}

START_TEST(honoured)
{
    begin();
    pull(4, 4, LAYER);
    faults_end();
}
END_TEST

START_TEST(ignored)
{
    begin();
    weir_on(faults_weir, &(weir_rule){.path = "/blobs/", .fault = WEIR_NO_RANGE});
    pull(1, 1, LAYER);
    faults_end();
}
END_TEST

START_TEST(refused)
{
    begin();
    weir_on(faults_weir,
            &(weir_rule){.path = "/blobs/", .ranged = true, .fault = WEIR_STATUS, .status = 416});
    pull(2, 2, LAYER);
    faults_end();
}
END_TEST

/* Servers behind one name that are not alike: what one has given is not asked of the other. */
START_TEST(ignored_later)
{
    begin();
    weir_on(faults_weir,
            &(weir_rule){
                .path = "/blobs/", .skip = 3, .times = 1, .ranged = true, .fault = WEIR_NO_RANGE});
    pull(4, 5, 2 * LAYER);
    faults_end();
}
END_TEST

START_TEST(refused_later)
{
    begin();
    weir_on(faults_weir, &(weir_rule){.path = "/blobs/",
                                      .skip = 3,
                                      .times = 1,
                                      .ranged = true,
                                      .fault = WEIR_STATUS,
                                      .status = 416});
    pull(5, 5, LAYER + 24 * MIB); /* what three ranges were about to bring is lost at most */
    faults_end();
}
END_TEST

START_TEST(broken)
{
    static const enum weir_fault faults[] = {WEIR_RESET, WEIR_CLOSE, WEIR_STALL};
    for (size_t i = 0; i < 3; i++) {
        begin();
        weir_on(faults_weir, &(weir_rule){.path = "/blobs/",
                                          .skip = (unsigned)i + 1,
                                          .times = 1,
                                          .fault = faults[i],
                                          .after = 3 * MIB});
        pull(5, 5, LAYER + MIB);
        faults_end();
    }
}
END_TEST

START_TEST(spoilt)
{
    begin();
    weir_on(faults_weir,
            &(weir_rule){
                .path = "/blobs/", .skip = 2, .times = 1, .fault = WEIR_CORRUPT, .after = MIB});
    pull(8, 8, 2 * LAYER);
    faults_end();
}
END_TEST

/* What lies behind a hole is of use, however small the hole is. */
START_TEST(hole)
{
    begin();
    char *p = calloc(1, LAYER);
    int from = open(faults_blob_path("src"), O_RDONLY);
    ck_assert_int_eq(pread(from, p, LAYER, 0), LAYER);
    close(from);
    unit_ok(ir_mkdirs(support_path("dst/blobs/sha256"), 0755, &err), &err);
    int to = open(faults_partial_path("dst"), O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(pwrite(to, p, 9 * MIB, 0), 9 * MIB);
    ck_assert_int_eq(pwrite(to, p + 12 * MIB, LAYER - 12 * MIB, 12 * MIB), LAYER - 12 * MIB);
    close(to);
    free(p);
    unit_ok(copy(faults_ref("src"), faults_local("dst")), &err);
    weir_seen s = weir_count(faults_weir, "GET", faults_layer);
    ck_assert_uint_eq(s.requests, 1);
    ck_assert_int_eq(s.out, 3 * MIB);
    ck_assert_int_eq(faults_litter("dst"), 0);
    unit_ok(copy(faults_local("dst"), faults_ref("again")), &err);
    faults_end();
}
END_TEST

/* Twice: what came is named, and nothing of it stays. */
START_TEST(spoilt_twice)
{
    begin();
    weir_on(faults_weir, &(weir_rule){.path = faults_layer, .fault = WEIR_CORRUPT, .after = MIB});
    int rc = copy(faults_ref("src"), faults_local("dst"));
    ck_assert_int_eq(rc, IMGREL_EDIGEST);
    unit_error(&err, IMGREL_EDIGEST, faults_layer);
    ck_assert_ptr_nonnull(strstr(err.message, faults_host));
    ck_assert_ptr_nonnull(strstr(strstr(err.message, "has the digest"), "sha256:"));
    ck_assert_int_eq(faults_litter("dst"), 0);
    ck_assert_int_eq(faults_blobs("dst"), 0);
    ck_assert_int_le(weir_count(faults_weir, "GET", faults_layer).out, 2 * LAYER);
    faults_end();
}
END_TEST

UNIT_SUITE(faults_range, honoured, ignored, refused, ignored_later, refused_later, broken, spoilt,
           spoilt_twice, hole)
