/* faults_kill.c - processes that are killed in the middle, and processes that meet: what is there
 * afterwards is whole or not there, and what was fetched is not fetched again. */
#include "faults.h"

#include "base/cancel.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LARGE (32 * MIB)
#define FROM "1"
#else
#define LARGE (200 * MIB)
#define FROM "128"
#endif
#define SMALL (4 * MIB)
#define SLACK (8 * MIB) /* what may lie in sockets and buffers when a process dies */

static imgrel_error err;

/* A process that copies; it ends with 0 if that went well. */
static pid_t copying(const char *from, const char *to, const char *digest)
{
    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        _exit(faults_copy(from, to, digest, &err) ? 1 : 0);
    return pid;
}

static void ends_well(pid_t pid)
{
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

/* Kills it once that many bytes of the layer went one way. */
static void kill_at(pid_t pid, const char *method, int64_t bytes)
{
    int64_t at = 0;
    for (int64_t until = ir_now_ms() + 30000; at < bytes; usleep(2000)) {
        weir_seen s = weir_count(faults_weir, method, "/blobs/");
        at = s.in + s.out;
        ck_assert_int_lt(ir_now_ms(), until);
    }
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void slow(const char *method)
{
    weir_clear(faults_weir);
    weir_on(faults_weir, &(weir_rule){.method = method, .path = "/blobs/", .rate = 150 * MIB});
}

static int stop_at(void *user, const imgrel_event *event)
{
    const int64_t *bytes = user;
    return event->kind == IMGREL_EVENT_BYTES && (int64_t)event->done >= *bytes;
}

static void cancel_at(const char *from, const char *to, int64_t bytes)
{
    imgrel_client *c = faults_client();
    imgrel_opts o = {IMGREL_OPTS, .progress = stop_at, .user = &bytes};
    imgrel_error e = {0};
    int rc = imgrel_copy(c, from, to, &o, NULL, &e);
    ck_assert_int_eq(rc, IMGREL_ECANCELED);
    imgrel_client_free(c);
}

/* ends: kills the process, or has it end by itself. */
static void pull_again(const char *ranges, unsigned most, bool ends)
{
    faults_begin();
    faults_set("ranges", ranges);
    faults_set("ranges_from", FROM);
    char *digest = faults_image_in_registry(LARGE);
    slow("GET");
    if (ends)
        cancel_at(faults_ref("src"), faults_local("dst"), LARGE / 2);
    else
        kill_at(copying(faults_ref("src"), faults_local("dst"), digest), "GET", LARGE / 2);
    ck_assert_int_ne(access(faults_blob_path("dst"), F_OK), 0);
    ck_assert_int_eq(access(faults_partial_path("dst"), F_OK), 0);
    weir_clear(faults_weir);
    unit_ok(faults_copy(faults_ref("src"), faults_local("dst"), digest, &err), &err);
    weir_seen again = weir_count(faults_weir, "GET", faults_layer);
    ck_assert_uint_le(again.requests, most);
    ck_assert_int_lt(again.out, LARGE / 2 + SLACK);
    ck_assert_int_eq(faults_litter("dst"), 0);
    ck_assert_int_eq(faults_blobs("dst"), 3);
    printf("%s in a pull of %d MiB, %s at once: %lld KiB fetched by the next\n",
           ends ? "stopped" : "killed", LARGE / MIB, ranges, (long long)again.out / 1024);
    /* What came out is what went in. */
    unit_ok(faults_copy(faults_local("dst"), faults_ref("again"), digest, &err), &err);
    free(digest);
    faults_end();
}

START_TEST(killed_pull)
{
    pull_again("1", 1, false);
}
END_TEST

START_TEST(killed_ranges)
{
#if defined(__SANITIZE_THREAD__)
    printf("SKIP killed in ranges: the thread sanitizer knows no threads in a forked child\n");
#else
    pull_again("4", 13, false);
#endif
}
END_TEST

START_TEST(stopped_pull)
{
    pull_again("1", 1, true);
}
END_TEST

START_TEST(stopped_ranges)
{
    pull_again("4", 13, true);
}
END_TEST

static void push_again(bool ends)
{
    faults_begin();
    faults_set("cache_dir", text("%s", support_path("cache")));
    char *digest = faults_image(LARGE);
    slow("PUT");
    if (ends)
        cancel_at(faults_local("src"), faults_ref("dst"), LARGE / 2);
    else
        kill_at(copying(faults_local("src"), faults_ref("dst"), digest), "PUT", LARGE / 2);
    ck_assert_int_eq(faults_journals(), 1);
    weir_clear(faults_weir);
    unit_ok(faults_copy(faults_local("src"), faults_ref("dst"), digest, &err), &err);
    weir_seen again = weir_count(faults_weir, "PUT", "/blobs/");
    ck_assert_int_le(again.requests, 2); /* layer and config, once each; it may go by POST */
    ck_assert_int_lt(again.in, LARGE / 2 + SLACK);
    ck_assert_uint_eq(weir_count(faults_weir, "GET", "/blobs/uploads/").requests, 1);
    ck_assert_uint_eq(weir_count(faults_weir, "POST", "/blobs/uploads/").requests, 1);
    ck_assert_int_eq(faults_journals(), 0);
    printf("%s in a push of %d MiB: %lld KiB sent by the next\n", ends ? "stopped" : "killed",
           LARGE / MIB, (long long)again.in / 1024);
    unit_ok(faults_copy(faults_ref("dst"), faults_local("back"), digest, &err), &err);
    free(digest);
    faults_end();
}

START_TEST(killed_push)
{
    push_again(false);
}
END_TEST

START_TEST(stopped_push)
{
    push_again(true);
}
END_TEST

/* Without a place for journals. */
START_TEST(forgotten_push)
{
    faults_begin();
    char *digest = faults_image(LARGE);
    slow("PUT");
    kill_at(copying(faults_local("src"), faults_ref("dst"), digest), "PUT", LARGE / 2);
    weir_clear(faults_weir);
    unit_ok(faults_copy(faults_local("src"), faults_ref("dst"), digest, &err), &err);
    weir_seen again = weir_count(faults_weir, "PUT", "/blobs/");
    ck_assert_int_le(again.requests, 2); /* layer and config, once each; it may go by POST */
    ck_assert_int_lt(again.in, LARGE + MIB);
    printf("killed in a push of %d MiB: %lld KiB sent by the next\n", LARGE / MIB,
           (long long)again.in / 1024);
    unit_ok(faults_copy(faults_ref("dst"), faults_local("back"), digest, &err), &err);
    free(digest);
    faults_end();
}
END_TEST

/* ---- processes that meet --------------------------------------------------------------------- */

START_TEST(two_pulls)
{
    faults_begin();
    char *digest = faults_image_in_registry(4 * SMALL);
    weir_clear(faults_weir);
    weir_on(faults_weir, &(weir_rule){.method = "GET", .path = "/blobs/", .rate = 16 * MIB});
    pid_t a = copying(faults_ref("src"), faults_local("dst"), digest);
    pid_t b = copying(faults_ref("src"), faults_local("dst"), digest);
    ends_well(a);
    ends_well(b);
    ck_assert_uint_eq(weir_count(faults_weir, "GET", faults_layer).requests, 2); /* they did meet */
    ck_assert_int_eq(faults_litter("dst"), 0);
    ck_assert_int_eq(faults_blobs("dst"), 3);
    unit_ok(faults_copy(faults_local("dst"), faults_ref("again"), digest, &err), &err);
    free(digest);
    faults_end();
}
END_TEST

START_TEST(two_pushes)
{
    faults_begin();
    char *digest = faults_image(4 * SMALL);
    weir_on(faults_weir, &(weir_rule){.method = "PUT", .path = "/blobs/", .rate = 16 * MIB});
    pid_t a = copying(faults_local("src"), faults_ref("dst"), digest);
    pid_t b = copying(faults_local("src"), faults_ref("dst"), digest);
    ends_well(a);
    ends_well(b);
    ck_assert_int_ge(weir_count(faults_weir, "PUT", "/blobs/").in, 8 * SMALL);
    unit_ok(faults_copy(faults_ref("dst"), faults_local("back"), digest, &err), &err);
    free(digest);
    faults_end();
}
END_TEST

/* ---- a server that goes away, a token that ends ---------------------------------------------- */

START_TEST(refused_for_a_while)
{
    faults_begin();
    char *digest = faults_image(SMALL);
    faults_set("retry_delay", "80ms");
    weir_refuse(faults_weir, 2000);
    usleep(50000);
    unit_ok(faults_copy(faults_local("src"), faults_ref("dst"), digest, &err), &err);
    ck_assert_int_lt(weir_count(faults_weir, "PUT", "/blobs/").in, SMALL + MIB);
    free(digest);
    faults_end();
}
END_TEST

static int expire(void *user, const imgrel_event *event)
{
    int *done = user;
    if (!*done && event->kind == IMGREL_EVENT_BYTES && event->done > 0) {
        *done = 1;
        mock_control("{\"clock\": 7200}");
    }
    return 0;
}

START_TEST(token_expires)
{
    faults_begin();
    int expired = 0;
    char *got = NULL, *digest = faults_image(SMALL);
    imgrel_client *c = faults_client();
    imgrel_opts o = {IMGREL_OPTS, .progress = expire, .user = &expired};
    unit_ok(imgrel_copy(c, faults_local("src"), faults_ref("dst"), &o, &got, &err), &err);
    ck_assert_str_eq(got, digest);
    ck_assert_int_eq(expired, 1);
    char *log = weir_log(faults_weir);
    ck_assert_ptr_nonnull(strstr(strstr(log, "PUT "), ": 401, ")); /* Harbor then takes Basic too */
    free(log);
    ck_assert_int_lt(weir_count(faults_weir, "PUT", "/blobs/").in, 2 * SMALL + MIB); /* once anew */
    imgrel_free(got);
    imgrel_client_free(c);
    free(digest);
    faults_end();
}
END_TEST

UNIT_SUITE(faults_kill, killed_pull, killed_ranges, stopped_pull, stopped_ranges, killed_push,
           stopped_push, forgotten_push, two_pulls, two_pushes, refused_for_a_while, token_expires)
