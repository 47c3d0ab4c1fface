/* faults_matrix.c - each fault at each place, once: the work must end right, and nothing may move
 * that need not. Every place has a process, a mock and a proxy of its own, all at once; their cells
 * come back in shared memory and are shown as one table. */
#include "faults.h"

#include "base/cancel.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAYER (8 * 1024 * 1024)
#define STREAM (20 * 1024 * 1024)

typedef struct fault {
    const char *name;
    enum weir_fault what;
    int status;
    int wish; /* Retry-After: 1 in seconds, 2 as a date */
} fault;

static const fault faults[] = {
    {"reset at 50 %", WEIR_RESET, 0, 0},
    {"early close at 50 %", WEIR_CLOSE, 0, 0},
    {"corrupt bytes once", WEIR_CORRUPT, 0, 0},
    {"500", WEIR_STATUS, 500, 0},
    {"502", WEIR_STATUS, 502, 0},
    {"503", WEIR_STATUS, 503, 0},
    {"429, Retry-After: 1", WEIR_STATUS, 429, 1},
    {"429, Retry-After: date", WEIR_STATUS, 429, 2},
    {"stall", WEIR_STALL, 0, 0},
};
#define FAULTS (sizeof faults / sizeof *faults)

enum work { PULL, PUSH, STREAM_PUSH, LAYER_PUSH, COPY };

/* after: where the fault comes in the body, -1 before the reply. whole: the size of the body. */
typedef struct place {
    const char *name, *method, *path, *without;
    enum work work;
    int64_t after, whole;
    bool bare; /* there is no body that could be corrupt */
} place;

static const place places[] = {
    {"blob GET", "GET", "/blobs/sha256:", NULL, PULL, LAYER / 2, LAYER, false},
    {"upload POST", "POST", "/blobs/uploads/", NULL, PUSH, -1, 0, true},
    {"PATCH, a stream", "PATCH", "/blobs/uploads/", NULL, STREAM_PUSH, LAYER / 2, LAYER, false},
    {"PATCH, a layer", "PATCH", "/blobs/uploads/", NULL, LAYER_PUSH, LAYER / 2, LAYER, false},
    {"PUT", "PUT", "/blobs/uploads/", NULL, PUSH, LAYER / 2, LAYER, false},
    {"PUT, a copy", "PUT", "/blobs/uploads/", NULL, COPY, LAYER / 2, LAYER, false},
    {"manifest GET", "GET", "/manifests/", NULL, PULL, 200, 500, false},
    {"manifest PUT", "PUT", "/manifests/", NULL, PUSH, 200, 500, false},
    {"token", "GET", "/service/token", NULL, PUSH, 300, 800, false},
};
#define PLACES (sizeof places / sizeof *places)

typedef struct cell {
    bool ran, ok;
    unsigned requests; /* of the kind that was spoilt, above what an untroubled work needs */
    int64_t extra;     /* bytes of bodies, the same */
    int64_t ms;
    char why[300];
} cell;

static weir *other; /* the source of a copy: another host */

/* ---- one cell -------------------------------------------------------------------------------- */

static int stream_push(imgrel_client *c, const char *repository, imgrel_error *err)
{
    imgrel_blob *b = NULL;
    char *digest = NULL, *p = calloc(1, 1024 * 1024);
    int64_t rc = imgrel_blob_create(c, repository, NULL, &b, err);
    for (int i = 0; rc >= 0 && i < STREAM / (1024 * 1024); i++) {
        memset(p, 'a' + i, 1024 * 1024);
        rc = imgrel_blob_write(b, p, 1024 * 1024, err);
    }
    if (rc >= 0)
        rc = imgrel_blob_commit(b, &digest, err);
    imgrel_blob_free(b);
    imgrel_free(digest);
    free(p);
    return rc < 0 ? (int)rc : 0;
}

static int layer_push(imgrel_client *c, const char *name, imgrel_error *err)
{
    const char *spec =
        text("{\"layers\": [{\"from\": \"%s\", \"to\": \"/data\"}]}", support_path("files/"));
    return imgrel_image_assemble(c, spec, faults_ref(name), NULL, NULL, err);
}

static int work(enum work kind, const char *name, const char *digest, imgrel_error *err)
{
    imgrel_client *c = faults_client();
    char *got = NULL;
    int rc;
    if (kind == STREAM_PUSH)
        rc = stream_push(c, text("%s/p/%s", faults_host, name), err);
    else if (kind == LAYER_PUSH)
        rc = layer_push(c, name, err);
    else
        rc = imgrel_copy(c,
                         kind == PULL   ? faults_ref("src")
                         : kind == COPY ? text("127.0.0.1:%d/p/src:v1", weir_port(other))
                                        : faults_local("src"),
                         kind == PULL ? faults_local(name) : faults_ref(name), NULL, &got, err);
    if (!rc && got && strcmp(got, digest) != 0)
        rc = ir_fail(err, IMGREL_EDIGEST, "%s instead of %s", got, digest);
    imgrel_free(got);
    imgrel_client_free(c);
    return rc;
}

/* What was pushed is there and whole. */
static int read_back(const char *name, const char *digest, imgrel_error *err)
{
    imgrel_client *c = faults_client();
    char *got = NULL;
    int rc = imgrel_copy(c, faults_ref(name), faults_local(text("back-%s", name)), NULL, &got, err);
    if (!rc && digest && strcmp(got, digest) != 0)
        rc = ir_fail(err, IMGREL_EDIGEST, "%s instead of %s", got, digest);
    imgrel_free(got);
    imgrel_client_free(c);
    return rc;
}

static const char *retry_after(int wish)
{
    char date[64];
    time_t at = time(NULL) + 2;
    struct tm tm;
    if (wish == 1)
        return "Retry-After: 1\r\n";
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    return text("Retry-After: %s\r\n", date);
}

static void run_cell(const place *p, const fault *f, const cell *plain, const char *digest,
                     cell *ret)
{
    imgrel_error err = {0};
    const char *name = f ? text("r%d", (int)(f - faults)) : "plain";
    weir_clear(faults_weir);
    if (other)
        weir_clear(other);
    if (f)
        weir_on(faults_weir, &(weir_rule){.method = p->method,
                                          .path = p->path,
                                          .times = 1,
                                          .fault = f->what,
                                          .after = p->after,
                                          .status = f->status,
                                          .headers = f->wish ? retry_after(f->wish) : NULL});
    int64_t began = ir_now_ms();
    int rc = work(p->work, name, digest, &err);
    ret->ms = ir_now_ms() - began;
    weir_seen all = weir_count(faults_weir, NULL, NULL);
    if (other) {
        weir_seen source = weir_count(other, NULL, NULL);
        all.in += source.in;
        all.out += source.out;
    }
    ret->requests = weir_count(faults_weir, p->method, p->path).requests - plain->requests;
    ret->extra = all.in + all.out - plain->extra;
    char *log = getenv("FAULTS_LOG") ? weir_log(faults_weir) : NULL;
    if (log)
        printf("--- %s, %s: %s\n%s", p->name, f ? f->name : "plain", err.message, log);
    free(log);
    weir_clear(faults_weir);
    if (!rc && (p->work == PUSH || p->work == COPY))
        rc = read_back(name, digest, &err);
    if (!rc && p->work == LAYER_PUSH)
        rc = read_back(name, NULL, &err);
    ret->ok = !rc;
    ret->ran = true;
    snprintf(ret->why, sizeof ret->why, "%d %.280s", rc, err.message);
}

/* ---- a place --------------------------------------------------------------------------------- */

static void prepare(const place *p)
{
    if (p->work == COPY) {
        other = weir_start(faults_port);
        const char *both = text("%s,127.0.0.1:%d", faults_host, weir_port(other));
        faults_set("plain_http", both);
        faults_set("registry_hosts", both);
    }
    if (p->work == LAYER_PUSH) {
        char *bytes = support_bytes('r', STREAM);
        for (size_t i = 0; i < STREAM; i++)
            bytes[i] = bytes[i] ? bytes[i] : 'x';
        bytes[STREAM - 1] = '\0';
        support_file("files/data", bytes, 0644);
        free(bytes);
        faults_set("compression", "none");
    }
}

static void run_place(const place *p, cell *cells)
{
    imgrel_error err = {0};
    cell plain = {0};
    const cell nothing = {0};
    faults_begin();
    char *digest = faults_image(LAYER);
    prepare(p);
    imgrel_client *c = faults_client();
    int rc = imgrel_copy(c, faults_local("src"), faults_ref("src"), NULL, NULL, &err);
    unit_ok(rc, &err);
    imgrel_client_free(c);
    run_cell(p, NULL, &nothing, digest, &plain);
    ck_assert_msg(plain.ok, "%s: %s", p->name, plain.why);
    for (size_t i = 0; i < FAULTS; i++)
        if (!p->bare || faults[i].what != WEIR_CORRUPT)
            run_cell(p, &faults[i], &plain, digest, &cells[i]);
    free(digest);
    if (other)
        weir_stop(other);
    faults_end();
}

/* A layer that was sent while it was made is not at hand any more: all of it goes out again. */
static bool made_again(const place *p, const fault *f)
{
    return p->work == LAYER_PUSH && f->what == WEIR_CORRUPT;
}

/* The bytes that a fault may cost at a place. What the library does not send again stays far below
 * half of the layer. */
static int64_t allowed(const place *p, const fault *f)
{
    if (made_again(p, f))
        return STREAM + LAYER / 4;
    int64_t small = 16 * 1024; /* heads of no body, tokens, manifests, and errors */
    bool early = f->what == WEIR_STATUS || f->what == WEIR_CORRUPT;
    /* Of a copy, the source is read again from where the registry stands. */
    int64_t source = p->work == COPY ? (early ? p->whole : p->whole * 5 / 8) : 0;
    if (f->what == WEIR_STATUS && strcmp(p->method, "GET") == 0)
        return small; /* a status comes after the whole body; a reply's never came */
    if (early)
        return small + p->whole + source;
    return small + source + (f->what == WEIR_RESET ? p->whole * 3 / 8 : 0); /* lay in the socket */
}

/* A stream that was sent is gone: one spoilt byte in it ends with EDIGEST. */
static bool lost(const place *p, const fault *f)
{
    return p->work == STREAM_PUSH && f->what == WEIR_CORRUPT;
}

/* A cell in a word or two: "ok +1, 8 MiB". */
static const char *word_of(const place *p, const fault *f, const cell *c)
{
    static char word[64];
    const char *end = c->ok ? "ok" : lost(p, f) ? "EDIGEST" : "FAILED";
    double mib = (double)c->extra / 1048576;
    if (!c->ran)
        return "-";
    snprintf(word, sizeof word, mib < 0.05 ? "%s +%u" : "%s +%u, %.1f MiB", end, c->requests, mib);
    return word;
}

/* As docs/faults.md has it. */
static void show(FILE *out, cell (*table)[FAULTS])
{
    fprintf(out, "| fault, once |");
    for (size_t p = 0; p < PLACES; p++)
        fprintf(out, " %s |", places[p].name);
    fprintf(out, "\n|---|");
    for (size_t p = 0; p < PLACES; p++)
        fprintf(out, "---|");
    for (size_t f = 0; f < FAULTS; f++) {
        fprintf(out, "\n| %s |", faults[f].name);
        for (size_t p = 0; p < PLACES; p++)
            fprintf(out, " %s |", word_of(&places[p], &faults[f], &table[p][f]));
    }
    fprintf(out, "\n");
    fflush(out);
}

/* The page has these rows and columns, and every cell ends as it says there. */
static void check_page(cell (*table)[FAULTS])
{
    IR_AUTO(ir_buf) page = IR_BUF(1 << 20);
    imgrel_error err = {0};
    const char *src = getenv("SRC");
    if (!src) {
        printf("SKIP docs/faults.md: SRC does not say where the tree is\n");
        return;
    }
    unit_ok(ir_file_read(text("%s/docs/faults.md", src), &page, &err), &err);
    const char *at = strstr(ir_buf_str(&page), "| fault, once |");
    ck_assert_ptr_nonnull(at);
    for (size_t p = 0; p < PLACES; p++)
        ck_assert_ptr_nonnull(strstr(at, text("| %s |", places[p].name)));
    for (size_t f = 0; f < FAULTS; f++) {
        at = strstr(at, text("\n| %s |", faults[f].name));
        ck_assert_msg(at, "docs/faults.md: %s: write it again, as its end says", faults[f].name);
        const char *column = strchr(at + 3, '|');
        for (size_t p = 0; p < PLACES; p++, column = strchr(column + 1, '|')) {
            const char *word = word_of(&places[p], &faults[f], &table[p][f]);
            ck_assert_msg(!strncmp(column + 2, word, strcspn(word, " ")), "docs/faults.md: %s, %s",
                          faults[f].name, places[p].name);
        }
    }
}

static void check_cell(const place *p, const fault *f, const cell *c)
{
    if (!c->ran && p->bare)
        return;
    ck_assert_msg(c->ok != lost(p, f), "%s at %s: %s", f->name, p->name, c->why);
    if (lost(p, f)) {
        ck_assert_int_eq(atoi(c->why), IMGREL_EDIGEST);
        return;
    }
    unsigned most = made_again(p, f) ? STREAM / LAYER + 1 : 1;
    ck_assert_msg(c->requests <= most, "%s at %s: %u requests more", f->name, p->name, c->requests);
    ck_assert_msg(c->extra <= allowed(p, f), "%s at %s: %lld bytes more, of %lld", f->name, p->name,
                  (long long)c->extra, (long long)allowed(p, f));
    if (f->wish) /* a date has no more than whole seconds */
        ck_assert_msg(c->ms >= 950 && c->ms < 20000, "%s at %s: %lld ms", f->name, p->name,
                      (long long)c->ms);
}

START_TEST(matrix)
{
    size_t size = sizeof(cell[PLACES][FAULTS]);
    cell(*table)[FAULTS] =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[PLACES];
    int bad = 0;
    ck_assert_ptr_ne(table, MAP_FAILED);
    fflush(stdout);
    for (size_t p = 0; p < PLACES; p++) {
        pids[p] = fork();
        if (pids[p])
            continue;
        run_place(&places[p], table[p]);
        fflush(stdout);
        _exit(0);
    }
    for (size_t p = 0; p < PLACES; p++) {
        int status = 0;
        ck_assert_int_eq(waitpid(pids[p], &status, 0), pids[p]);
        bad += status != 0;
    }
    show(stdout, table);
    FILE *out = getenv("FAULTS_TABLE") ? fopen(getenv("FAULTS_TABLE"), "w") : NULL;
    if (out) {
        show(out, table);
        fclose(out);
    }
    ck_assert_int_eq(bad, 0);
    for (size_t p = 0; p < PLACES; p++)
        for (size_t f = 0; f < FAULTS; f++)
            check_cell(&places[p], &faults[f], &table[p][f]);
    check_page(table);
    munmap(table, size);
}
END_TEST

UNIT_SUITE(faults_matrix, matrix)
