/* progress.c - what a long call tells while it runs: bars on a terminal, lines otherwise, JSON
 * lines on demand. Everything but JSON goes to standard error, so that results can be piped. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ROWS 8
#define REDRAW_MS 100
#define SAY_AGAIN_MS 10000 /* a plain line about a transfer that goes on */

typedef struct row {
    char what[96], detail[40];
    uint64_t done, total, rate;
    unsigned attempt;
    int64_t said_ms;
} row;

enum mode { NONE, PLAIN, BARS, JSON };
struct cli_progress {
    enum mode mode;
    bool json; /* results are JSON */
    row rows[ROWS];
    size_t n_rows, n_drawn;
    int64_t drawn_ms;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say_json(const imgrel_event *e)
{
    static const char *const kinds[] = { "?",         "bytes", "step",    "retry",
                                         "listening", "item",  "warning", "log" };
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:i}", "event", kinds[e->kind < 8 ? e->kind : 0],
                  "what", e->what, "detail", e->detail, "done", (json_int_t)e->done, "total",
                  (json_int_t)e->total, "rate", (json_int_t)e->rate, "attempt", (int)e->attempt);
    imgrel_error ignored = { 0 };

    cli_print(j, &ignored);
    fflush(stdout);
}

/* "sha256:0123456789ab" for what is only a digest. */
static void short_name(const char *what, char ret[96])
{
    if (!strncmp(what, "sha256:", 7) && strlen(what) == 71)
        cli_short_digest(what, ret);
    else
        snprintf(ret, 96, "%s", what);
}

static void forget(struct cli_progress *p, row *r)
{
    *r = p->rows[--p->n_rows];
}

/* The row of what an event is about; the oldest gives way. */
static row *row_of(struct cli_progress *p, const imgrel_event *e)
{
    char name[96];
    row *r = NULL;

    short_name(e->what, name);
    for (size_t i = 0; i < p->n_rows && !r; i++)
        r = strcmp(p->rows[i].what, name) ? NULL : &p->rows[i];
    if (!r) {
        if (p->n_rows == ROWS)
            memmove(p->rows, p->rows + 1, --p->n_rows * sizeof *p->rows);
        r = &p->rows[p->n_rows++];
        memset(r, 0, sizeof *r);
        snprintf(r->what, sizeof r->what, "%s", name);
        r->said_ms = now_ms();
    }
    r->done = e->done;
    r->total = e->total;
    r->rate = e->rate;
    r->attempt = e->attempt;
    snprintf(r->detail, sizeof r->detail, "%s", e->detail);
    return r;
}

static void clear_bars(struct cli_progress *p)
{
    if (p->n_drawn)
        fprintf(stderr, "\033[%zuA\033[J", p->n_drawn);
    p->n_drawn = 0;
}

/* " 12.3 MiB/s 0:07 try 2": how fast, how long yet, and whether it began again. */
static void speed(uint64_t rate, uint64_t left, unsigned attempt, char ret[80])
{
    char size[24];
    unsigned long long s = rate ? (unsigned long long)(left / rate) : 0;
    int n = 0;

    ret[0] = '\0';
    cli_size((double)rate, size);
    if (rate)
        n = snprintf(ret, 80, " %s/s", size);
    if (rate && left && s < 360000)
        n += s < 3600 ? snprintf(ret + n, 80 - (size_t)n, " %llu:%02llu", s / 60, s % 60)
                      : snprintf(ret + n, 80 - (size_t)n, " %llu:%02llu:%02llu", s / 3600,
                                 s / 60 % 60, s % 60);
    if (attempt > 1)
        snprintf(ret + n, 80 - (size_t)n, " try %u", attempt);
}

static void draw_row(const row *r, int columns)
{
    char done[24], total[24], bar[25], fast[80];
    int bar_width = columns < 90 ? 12 : (int)sizeof bar - 1;
    size_t full = r->total ? (size_t)(r->done * (uint64_t)bar_width / r->total) : 0;

    cli_size((double)r->done, done);
    cli_size((double)r->total, total);
    memset(bar, ' ', sizeof bar - 1);
    memset(bar, '=', full < sizeof bar ? full : sizeof bar - 1);
    bar[sizeof bar - 1] = '\0';
    speed(r->rate, r->total > r->done ? r->total - r->done : 0, r->attempt, fast);
    if (!r->total)
        fprintf(stderr, "%.*s %s %s%s\n", columns - 40 > 8 ? columns - 40 : 8, r->what, r->detail,
                r->done ? done : "", fast);
    else
        fprintf(stderr, "%-20.*s [%.*s] %s / %s%s\n", columns - 60 > 8 ? columns - 60 : 8, r->what,
                bar_width, bar, done, total, fast);
}

static void draw(struct cli_progress *p, bool now)
{
    struct winsize w = { 0 };
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col ? 80 : w.ws_col;

    if (!now && now_ms() - p->drawn_ms < REDRAW_MS)
        return;
    clear_bars(p);
    for (size_t i = 0; i < p->n_rows; i++)
        draw_row(&p->rows[i], columns);
    p->n_drawn = p->n_rows;
    p->drawn_ms = now_ms();
}

static void say_bytes(const char *name, const imgrel_event *e)
{
    char size[24], total[24], fast[80];

    cli_size((double)e->done, size);
    cli_size((double)e->total, total);
    speed(e->rate, e->total > e->done ? e->total - e->done : 0, e->attempt, fast);
    if (e->done == e->total)
        fprintf(stderr, "%s: %s %s%s\n", name, e->detail, size, fast);
    else
        fprintf(stderr, "%s: %s %s of %s%s\n", name, e->detail, size, e->total ? total : "?", fast);
}

static bool is_doing(const char *detail)
{
    size_t len = strlen(detail);

    return len > 3 && !strcmp(detail + len - 3, "ing");
}

static void bytes(struct cli_progress *p, const imgrel_event *e)
{
    row *r = row_of(p, e);
    bool ended = e->total ? e->done >= e->total : !strcmp(e->detail, "done");
    char name[96];

    snprintf(name, sizeof name, "%s", r->what);
    if (p->mode == BARS && !ended) {
        draw(p, false);
        return;
    }
    if (!ended && now_ms() - r->said_ms < SAY_AGAIN_MS)
        return;
    r->said_ms = now_ms();
    if (ended)
        forget(p, r);
    clear_bars(p);
    if (!ended || !is_doing(e->detail)) /* "copying" all of it: "pushed" comes yet */
        say_bytes(name, e);
    if (p->mode == BARS)
        draw(p, true);
}

static void say_line(struct cli_progress *p, const imgrel_event *e)
{
    /* The end of a step says it all; until then bars show that it goes on. */
    if (e->kind == IMGREL_EVENT_STEP && !strcmp(e->detail, "began")) {
        row_of(p, e);
        if (p->mode == BARS)
            draw(p, true);
        return;
    }
    for (size_t i = 0; i < p->n_rows; i++)
        if (e->kind == IMGREL_EVENT_STEP && !strcmp(p->rows[i].what, e->what))
            forget(p, &p->rows[i]);
    clear_bars(p);
    if (e->kind == IMGREL_EVENT_LOG)
        fprintf(stderr, "  | %s\n", e->detail);
    else if (e->kind == IMGREL_EVENT_RETRY)
        fprintf(stderr, "%s: again (try %u): %s\n", e->what, e->attempt, e->detail);
    else
        fprintf(stderr, "%s: %s\n", e->what, e->detail);
    if (p->mode == BARS)
        draw(p, true);
}

/* An item is a result: to standard output. Of those that needed nothing the sum tells. */
static void say_item(struct cli_progress *p, const imgrel_event *e)
{
    json_t *j = json_loads(e->detail, 0, NULL);
    const json_t *error = json_object_get(j, "error");
    const char *state = cli_str(j, "state");

    if (p->json || p->mode == JSON) {
        puts(e->detail);
    } else if (error) {
        clear_bars(p);
        fprintf(stderr, "%s: failed: %s\n", e->what, cli_str(error, "message"));
    } else if (strcmp(state, "unchanged")) {
        clear_bars(p);
        printf("%s %s%s%s\n", e->what, state, *cli_str(j, "digest") ? " " : "",
               cli_str(j, "digest"));
    }
    fflush(stdout);
    json_decref(j);
}

static int on_event(void *user, const imgrel_event *e)
{
    struct cli_progress *p = user;

    /* Where a forward listens is its result, not its progress. */
    if (e->kind == IMGREL_EVENT_LISTENING && !p->json && p->mode != JSON) {
        clear_bars(p);
        printf("listening on %s\n", e->what);
        fflush(stdout);
    } else if (e->kind == IMGREL_EVENT_ITEM) {
        say_item(p, e);
    } else if (p->mode == JSON || e->kind == IMGREL_EVENT_LISTENING) {
        say_json(e);
    } else if (p->mode == NONE) {
        return 0;
    } else if (e->kind == IMGREL_EVENT_BYTES) {
        bytes(p, e);
    } else {
        say_line(p, e);
    }
    return 0;
}

int cli_progress_start(cli *c, imgrel_error *err)
{
    const char *mode = cli_value(c, "progress");
    struct cli_progress *p = calloc(1, sizeof *p);
    const char *term = getenv("TERM");

    if (!p)
        return cli_nomem(err);
    p->json = c->json;
    if (mode && !strcmp(mode, "json"))
        p->mode = JSON;
    else if (c->quiet || (mode && !strcmp(mode, "none")))
        p->mode = NONE;
    else if (mode && !strcmp(mode, "plain"))
        p->mode = PLAIN;
    else
        p->mode = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") ? BARS : PLAIN;
    c->progress = p;
    c->opts.progress = on_event;
    c->opts.user = p;
    return 0;
}

void cli_progress_end(cli *c)
{
    if (!c->progress)
        return;
    clear_bars(c->progress);
    free(c->progress);
    c->progress = NULL;
    c->opts.progress = NULL;
    c->opts.user = NULL;
}
