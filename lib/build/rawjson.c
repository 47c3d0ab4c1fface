/* rawjson.c - what BuildKit tells while it solves. A vertex may start and complete several times
 * under one digest, as its sources are looked up; people are told once that it began and once how
 * it ended. Its log comes in pieces, in base64. */
#include "build/rawjson.h"

#include "base/base64.h"
#include "base/limits.h"
#include "base/str.h"

#include <imgrel/client.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES (8 * IR_MIB) /* a warning carries the whole Dockerfile */

struct ir_step {
    char *digest, *name;
    bool began, ended;
    char log[512];   /* its last line */
    ir_buf pending;  /* of its log, no line yet */
};

void ir_rawjson_init(ir_rawjson *r, ir_build_event_fn *tell, void *user)
{
    *r = (ir_rawjson){.tell = tell, .user = user, .line = IR_BUF(LINE_MAX_BYTES)};
}

void ir_rawjson_free(ir_rawjson *r)
{
    for (size_t i = 0; i < r->n_slots; i++) {
        free(r->steps[i].digest);
        free(r->steps[i].name);
        ir_buf_free(&r->steps[i].pending);
    }
    free(r->steps);
    ir_buf_free(&r->line);
    ir_json_free(r->warnings);
    *r = (ir_rawjson){0};
}

/* ---- steps ---------------------------------------------------------------------------------- */

static size_t slot_of(const ir_step *steps, size_t n, const char *digest)
{
    size_t h = 5381;
    for (const char *p = digest; *p; p++)
        h = h * 33 + (unsigned char)*p;
    size_t i = h % n;
    while (steps[i].digest && strcmp(steps[i].digest, digest))
        i = (i + 1) % n;
    return i;
}

static int grow(ir_rawjson *r, imgrel_error *err)
{
    size_t n = r->n_slots ? 2 * r->n_slots : 64;
    ir_step *more = calloc(n, sizeof *more);
    if (!more)
        return ir_nomem(err);
    for (size_t i = 0; i < r->n_slots; i++)
        if (r->steps[i].digest)
            more[slot_of(more, n, r->steps[i].digest)] = r->steps[i];
    free(r->steps);
    r->steps = more;
    r->n_slots = n;
    return 0;
}

/* The step of a digest, made if it is new; NULL in ret past IR_STEPS_MAX. */
static int step_of(ir_rawjson *r, const char *digest, ir_step **ret, imgrel_error *err)
{
    *ret = NULL;
    if (!digest)
        return 0;
    int rc = 2 * r->n_steps >= r->n_slots ? grow(r, err) : 0;
    if (rc)
        return rc;
    ir_step *s = &r->steps[slot_of(r->steps, r->n_slots, digest)];
    if (!s->digest) {
        if (r->n_steps == IR_STEPS_MAX)
            return 0;
        if (!(s->digest = ir_strdup(digest)))
            return ir_nomem(err);
        s->pending = (ir_buf)IR_BUF(IR_LOG_LINE_MAX);
        r->n_steps++;
    }
    *ret = s;
    return 0;
}

static int tell(ir_rawjson *r, uint32_t kind, const char *what, const char *detail, uint64_t done,
                uint64_t total, imgrel_error *err)
{
    const ir_build_event e = {kind, what ? what : "", detail, done, total};
    return r->tell ? r->tell(r->user, &e, err) : 0;
}

/* ---- logs ----------------------------------------------------------------------------------- */

static int log_line(ir_rawjson *r, ir_step *s, char *line, imgrel_error *err)
{
    char *cr = strrchr(line, '\r'); /* a bar that draws over itself: what it came to */
    if (cr && !cr[1])
        *cr = '\0';
    cr = strrchr(line, '\r');
    line = cr ? cr + 1 : line;
    ir_one_line(line);
    if (*line)
        snprintf(s->log, sizeof s->log, "%s", line);
    return tell(r, IMGREL_EVENT_LOG, s->name, line, 0, 0, err);
}

static int flush_log(ir_rawjson *r, ir_step *s, imgrel_error *err)
{
    int rc = 0;
    if (s->pending.len) {
        rc = log_line(r, s, s->pending.p, err);
        ir_buf_clear(&s->pending);
    }
    return rc;
}

static int log_bytes(ir_rawjson *r, ir_step *s, const char *p, size_t len, imgrel_error *err)
{
    int rc = 0;
    while (!rc && len) {
        const char *nl = memchr(p, '\n', len);
        size_t n = nl ? (size_t)(nl - p) : len;
        for (size_t i = 0; i < n && s->pending.len < IR_LOG_LINE_MAX - 1; i++)
            ir_buf_addc(&s->pending, p[i] ? p[i] : ' ');
        if (s->pending.bad == IMGREL_ENOMEM)
            return ir_nomem(err);
        if (nl && s->pending.len)
            rc = flush_log(r, s, err);
        else if (nl)
            rc = tell(r, IMGREL_EVENT_LOG, s->name, "", 0, 0, err);
        n += nl != NULL;
        p += n;
        len -= n;
    }
    return rc;
}

static int take_log(ir_rawjson *r, const ir_json *j, imgrel_error *err)
{
    IR_AUTO(ir_buf) data = IR_BUF(LINE_MAX_BYTES);
    const char *text = ir_json_str(j, "data");
    ir_step *s = NULL;
    int rc = step_of(r, ir_json_str(j, "vertex"), &s, err);
    if (rc || !s || !text || !ir_base64_decode(text, strlen(text), &data))
        return rc;
    return log_bytes(r, s, ir_buf_str(&data), data.len, err);
}

/* ---- vertices, statuses, warnings ------------------------------------------------------------ */

static int end_step(ir_rawjson *r, ir_step *s, const char *error, bool cached, imgrel_error *err)
{
    int rc = flush_log(r, s, err);
    bool canceled = error && strstr(error, "context canceled");
    s->ended = true;
    if (rc)
        return rc;
    if (error && !canceled && !r->failed[0]) {
        snprintf(r->failed, sizeof r->failed, "%s", s->name ? s->name : "");
        snprintf(r->last_log, sizeof r->last_log, "%s", s->log);
        ir_one_line(r->failed);
    }
    r->n_done += !error;
    r->n_cached += !error && cached;
    return tell(r, IMGREL_EVENT_STEP, s->name,
                canceled ? "cancelled" : error ? "failed" : cached ? "cached" : "done", 0, 0, err);
}

static int take_vertex(ir_rawjson *r, const ir_json *j, imgrel_error *err)
{
    const char *name = ir_json_str(j, "name"), *error = ir_json_str(j, "error");
    ir_step *s = NULL;
    int rc = step_of(r, ir_json_str(j, "digest"), &s, err);
    if (rc || !s)
        return rc;
    if (!s->name && name) {
        if (!(s->name = ir_strdup(name)))
            return ir_nomem(err);
        ir_one_line(s->name);
    }
    if (ir_json_str(j, "started") && !s->began) {
        s->began = true;
        rc = tell(r, IMGREL_EVENT_STEP, s->name, "began", 0, 0, err);
    }
    bool done = ir_json_str(j, "completed") != NULL;
    if (!rc && !s->ended && (error ? *error != '\0' : done))
        rc = end_step(r, s, error && *error ? error : NULL, ir_json_bool(j, "cached", false), err);
    return rc;
}

static int take_status(ir_rawjson *r, const ir_json *j, imgrel_error *err)
{
    const char *id = ir_json_str(j, "id"), *name = ir_json_str(j, "name");
    int64_t done = ir_json_int(j, "current", 0), total = ir_json_int(j, "total", 0);
    bool ended = ir_json_str(j, "completed") != NULL;
    if (!id || done < 0 || total < 0 || (!done && !total))
        return 0;
    char *what = ir_strdup(id);
    if (!what)
        return ir_nomem(err);
    ir_one_line(what);
    if (ir_ends(what, ":"))
        what[strlen(what) - 1] = '\0';
    int rc = tell(r, IMGREL_EVENT_BYTES, what, ended ? "done" : name && *name ? name : "building",
                  (uint64_t)done, (uint64_t)(ended && total < done ? done : total), err);
    free(what);
    return rc;
}

static int take_warning(ir_rawjson *r, const ir_json *j, imgrel_error *err)
{
    IR_AUTO(ir_buf) text = IR_BUF(4096);
    const char *coded = ir_json_str(j, "short");
    if (!r->warnings && !(r->warnings = ir_json_new_array()))
        return ir_nomem(err);
    if (!coded || ir_json_len(r->warnings) == IR_WARNINGS_MAX ||
        !ir_base64_decode(coded, strlen(coded), &text) || memchr(ir_buf_str(&text), 0, text.len))
        return 0;
    if (text.p)
        ir_one_line(text.p);
    if (ir_json_append(r->warnings, ir_json_new_string(ir_buf_str(&text))))
        return 0; /* no text that JSON can hold */
    return tell(r, IMGREL_EVENT_LOG, "warning", ir_buf_str(&text), 0, 0, err);
}

typedef int take_fn(ir_rawjson *r, const ir_json *j, imgrel_error *err);

static int take_json(ir_rawjson *r, const ir_json *j, imgrel_error *err)
{
    static const struct {
        const char *name;
        take_fn *take;
    } kinds[] = {{"vertexes", take_vertex},
                 {"statuses", take_status},
                 {"logs", take_log},
                 {"warnings", take_warning}};
    int rc = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const ir_json *list = ir_json_get(j, kinds[k].name);
        for (size_t i = 0; !rc && i < ir_json_len(list); i++)
            rc = kinds[k].take(r, ir_json_at(list, i), err);
    }
    return rc;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static int take_line(ir_rawjson *r, imgrel_error *err)
{
    IR_AUTO(ir_json_p) j = NULL;
    const char *line = ir_buf_str(&r->line);
    int rc = 0;
    while (r->line.len && (line[r->line.len - 1] == '\r' || line[r->line.len - 1] == ' '))
        ir_buf_truncate(&r->line, r->line.len - 1);
    imgrel_error ignored = {0};
    if (!r->overlong && *line == '{' &&
        !ir_json_parse(line, r->line.len, "progress", &j, &ignored)) {
        rc = take_json(r, j, err);
    } else if (!strncasecmp(line, "error: ", 7)) {
        snprintf(r->error, sizeof r->error, "%s", line + 7);
        ir_one_line(r->error);
    } else if (*line != '{' && *line) {
        if (r->line.len < IR_LOG_LINE_MAX && r->line.p)
            ir_one_line(r->line.p);
        rc = tell(r, IMGREL_EVENT_LOG, "builder", line, 0, 0, err);
    }
    ir_buf_clear(&r->line);
    r->overlong = false;
    return rc ? rc : ignored.code == IMGREL_ENOMEM ? ir_nomem(err) : 0;
}

int ir_rawjson_feed(ir_rawjson *r, const char *p, size_t len, imgrel_error *err)
{
    int rc = 0;
    while (!rc && len) {
        const char *nl = memchr(p, '\n', len);
        size_t n = nl ? (size_t)(nl - p) : len;
        if (r->line.len + n >= LINE_MAX_BYTES)
            r->overlong = true;
        else if (!r->overlong)
            ir_buf_add(&r->line, p, n);
        if (r->line.bad == IMGREL_ENOMEM)
            return ir_nomem(err);
        if (nl)
            rc = take_line(r, err);
        n += nl != NULL;
        p += n;
        len -= n;
    }
    return rc;
}

int ir_rawjson_end(ir_rawjson *r, imgrel_error *err)
{
    int rc = r->line.len ? take_line(r, err) : 0;
    for (size_t i = 0; !rc && i < r->n_slots; i++)
        if (r->steps[i].digest)
            rc = flush_log(r, &r->steps[i], err);
    return rc;
}
