/* torture.c - every allocation of a call fails once: the first, the second, and so on until the
 * call no longer meets the one that fails. Whatever allocation it was, the call must end with
 * ENOMEM (or have done its work all the same), and keep nothing of what it took. Where another
 * library asked for the memory, any error will do: some take a failed allocation for bad input.
 *     torture SCENARIO LAYOUT WORKDIR RELEASE-FILE KUBECONFIG */
#include <imgrel/imgrel.h>

#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS_MAX 200000
#define ERROR_QUEUE 32 /* OpenSSL keeps the words of a thread's last errors */

/* ---- allocations ---------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

/* The program is built with hidden symbols; these replace libc's for everybody. */
#define EXPORT __attribute__((visibility("default")))

static atomic_long countdown; /* the allocation that brings it to 0 fails; negative: none does */
static atomic_long live;
static void *failed_for; /* where the allocation that failed was asked for */

/* libarchive ends the process when it has no memory for some of its strings. */
static int is_fatal(void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && strstr(info.dli_fname, "libarchive");
}

static int fails(void *caller)
{
    if (atomic_load(&countdown) <= 0 || atomic_fetch_sub(&countdown, 1) != 1)
        return 0;
    if (is_fatal(caller)) {
        atomic_store(&countdown, 1); /* the next one, then */
        return 0;
    }
    failed_for = caller;
    errno = ENOMEM;
    return 1;
}

static int is_foreign(void)
{
    Dl_info info;
    return dladdr(failed_for, &info) && !strstr(info.dli_fname, "imgrel") &&
           !strstr(info.dli_fname, "torture") && !strstr(info.dli_fname, "/libc.so");
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add(&live, 1);
    return p;
}

EXPORT void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : counted(__libc_malloc(size));
}

EXPORT void *calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : counted(__libc_calloc(n, size));
}

EXPORT void *realloc(void *p, size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    void *q = __libc_realloc(p, size);
    return p ? q : counted(q);
}

EXPORT void free(void *p)
{
    if (p)
        atomic_fetch_sub(&live, 1);
    __libc_free(p);
}

/* ---- scenarios ------------------------------------------------------------------------------ */

static const char *layout, *workdir, *release_file, *kubeconfig;

static int copy_to(const char *prefix, imgrel_error *err)
{
    imgrel_opts o = {IMGREL_OPTS, .jobs = 1};
    imgrel_client *c = NULL;
    char from[1100], to[1100], *digest = NULL;
    snprintf(from, sizeof from, "oci:%.1000s:1", layout);
    snprintf(to, sizeof to, "%s:%.1000s/to", prefix, workdir);
    int rc = imgrel_client_new(&c, err);
    if (!rc)
        rc = imgrel_copy(c, from, to, &o, &digest, err);
    if (!rc) { /* and back, as what was written is read */
        imgrel_free(digest);
        digest = NULL;
        snprintf(from, sizeof from, "%s:%.1000s/to", prefix, workdir);
        snprintf(to, sizeof to, "oci:%.1000s/back:2", workdir);
        rc = imgrel_copy(c, from, to, &o, &digest, err);
    }
    imgrel_free(digest);
    imgrel_client_free(c);
    return rc;
}

static int copy_layout(imgrel_error *err)
{
    return copy_to("oci", err);
}

static int copy_oci_archive(imgrel_error *err)
{
    return copy_to("oci-archive", err);
}

static int copy_docker_archive(imgrel_error *err)
{
    return copy_to("docker-archive", err);
}

static int references(imgrel_error *err)
{
    static const char *const texts[] = {
        "nginx", "a.example:5000/b/c:1.0", "oci:/tmp/x:y", "docker-archive:/tmp/x",
        "[::1]:5000/a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++) {
        imgrel_ref *ref = NULL;
        rc = imgrel_ref_parse(texts[i], &ref, err);
        imgrel_ref_free(ref);
    }
    return rc;
}

static int configuration(imgrel_error *err)
{
    imgrel_client *c = NULL;
    int rc = imgrel_client_new(&c, err);
    if (!rc)
        rc = imgrel_client_set(c, "plain_http", "a.example,b.example:5000", err);
    if (!rc)
        rc = imgrel_client_set(c, "registry_password", "secret", err);
    if (!rc)
        rc = imgrel_client_set(c, "stall_timeout", "10s", err);
    imgrel_client_free(c);
    return rc;
}

static int login(imgrel_error *err)
{
    imgrel_client *c = NULL;
    char path[1100];
    snprintf(path, sizeof path, "%.1000s/auth.json", workdir);
    int rc = imgrel_client_new(&c, err);
    if (!rc)
        rc = imgrel_client_set(c, "auth_file", path, err);
    if (!rc)
        rc = imgrel_logout(c, "a.example", err);
    if (rc == IMGREL_ENOTFOUND) {
        *err = (imgrel_error){0};
        rc = 0;
    }
    imgrel_client_free(c);
    return rc;
}

static int inspect(imgrel_error *err)
{
    imgrel_opts o = {IMGREL_OPTS};
    imgrel_client *c = NULL;
    char ref[1100], *json = NULL;
    snprintf(ref, sizeof ref, "oci:%.1000s:1", layout);
    int rc = imgrel_client_new(&c, err);
    if (!rc)
        rc = imgrel_inspect(c, ref, &o, &json, err);
    imgrel_free(json);
    imgrel_client_free(c);
    return rc;
}

static int release(imgrel_error *err)
{
    imgrel_client *c = NULL;
    imgrel_release *r = NULL;
    int rc = imgrel_client_new(&c, err);
    if (!rc)
        rc = imgrel_release_load(c, release_file, &r, err);
    if (!rc)
        rc = imgrel_release_set(r, "version", "2.0.0", err);
    imgrel_release_free(r);
    imgrel_client_free(c);
    return rc;
}

static int kube(imgrel_error *err)
{
    imgrel_client *c = NULL;
    imgrel_kube *k = NULL;
    int rc = imgrel_client_new(&c, err);
    if (!rc)
        rc = imgrel_kube_new(c, kubeconfig, NULL, &k, err);
    imgrel_kube_free(k);
    imgrel_client_free(c);
    return rc;
}

static const struct scenario {
    const char *name;
    int (*fn)(imgrel_error *err);
    long step; /* every allocation, or one of so many where each round writes a lot */
} scenarios[] = {
    {"references", references, 1},
    {"configuration", configuration, 1},
    {"login", login, 1},
    {"inspect", inspect, 1},
    {"copy", copy_layout, 2},
    {"oci-archive", copy_oci_archive, 7},
    {"docker-archive", copy_docker_archive, 7},
    {"release", release, 1},
    {"kube", kube, 1},
};

/* ---- rounds --------------------------------------------------------------------------------- */

static volatile long round_now;
static const char *volatile name_now = "";

static void crashed(int sig)
{
    char text[200];
    int n =
        snprintf(text, sizeof text, "%s: allocation %ld: signal %d\n", name_now, round_now, sig);
    (void)!write(2, text, (size_t)n);
    _exit(2);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type;
    return at->level ? remove(path) : 0;
}

static int is_left(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    return type == FTW_F && strstr(path, ".tmp") ? 1 : 0;
}

static void empty_workdir(void)
{
    nftw(workdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run(const struct scenario *s, long n, int *ret_failed, long *ret_kept, imgrel_error *err)
{
    *err = (imgrel_error){0};
    empty_workdir();
    long before = atomic_load(&live);
    atomic_store(&countdown, n);
    int rc = s->fn(err);
    *ret_failed = atomic_exchange(&countdown, -1) <= 0;
    *ret_kept = atomic_load(&live) - before;
    return rc;
}

/* 1: go on, 0: nothing failed any more, -1: it did not end as it must. */
static int one_round(const struct scenario *s, long n)
{
    imgrel_error err;
    int failed = 0;
    long kept = 0;
    round_now = n;
    int rc = run(s, n, &failed, &kept, &err);
    if (kept > 0) /* what was kept for the next time is not kept twice */
        rc = run(s, n, &failed, &kept, &err);
    const char *wrong = !failed && rc                                ? "fails without a reason"
                        : rc && rc != IMGREL_ENOMEM && !is_foreign() ? "ends with another code"
                        : rc && err.code != rc                       ? "fills no error"
                        : kept > (is_foreign() ? ERROR_QUEUE : 0)    ? "keeps memory"
                        : nftw(workdir, is_left, 16, FTW_PHYS)       ? "leaves a temporary file"
                                                                     : NULL;
    if (wrong)
        printf("%s: allocation %ld: %s (rc %d, %ld kept): %s\n", s->name, n, wrong, rc, kept,
               err.message);
    return wrong ? -1 : failed;
}

static int torture(const struct scenario *s)
{
    imgrel_error err = {0};
    long n = 1, bad = 0;
    int more = 1;
    name_now = s->name;
    for (int i = 0; i < 3; i++) { /* what is made once for the process */
        empty_workdir();
        if (s->fn(&err)) {
            printf("%s: %s\n", s->name, err.message);
            return 1;
        }
    }
    for (; n < ROUNDS_MAX && more && bad < 10; n += s->step) {
        more = one_round(s, n);
        bad += more < 0;
    }
    printf("%s: %ld allocations, %ld wrong\n", s->name, n, bad);
    return bad > 0 || n < 10; /* fewer: nobody asked us */
}

int main(int argc, char **argv)
{
    static char buffer[4096];
    if (argc != 6)
        return 64;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 77; /* which have an allocator of their own */
#endif
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    atomic_store(&countdown, -1);
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    layout = argv[2];
    workdir = argv[3];
    release_file = argv[4];
    kubeconfig = argv[5];
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (!strcmp(scenarios[i].name, argv[1]))
            return torture(&scenarios[i]);
    return 64;
}
