/* rawjson.h - BuildKit's progress (buildctl and buildx --progress=rawjson), a JSON object a line
 * with lines for people between them, as steps, logs and bytes. */
#ifndef IR_BUILD_RAWJSON_H
#define IR_BUILD_RAWJSON_H

#include "base/buf.h"
#include "fmt/json.h"

#define IR_STEPS_MAX 4096   /* vertices that are told apart; more are not told */
#define IR_WARNINGS_MAX 100

/* What a line says; strings live until the callback returns. kind is an IMGREL_EVENT_*. */
typedef struct ir_build_event {
    uint32_t kind;
    const char *what;   /* the step, or the thing of a byte count */
    const char *detail; /* "began", "done", "cached", "failed", a line of the log */
    uint64_t done, total;
} ir_build_event;
typedef int ir_build_event_fn(void *user, const ir_build_event *e, imgrel_error *err);

typedef struct ir_step ir_step;
typedef struct ir_rawjson {
    ir_build_event_fn *tell;
    void *user;
    ir_step *steps;
    size_t n_steps, n_slots; /* by digest, open addressing */
    ir_buf line;             /* of which the end has not come yet */
    bool overlong;           /* the rest of that line is lost */
    char error[1024];        /* the last "error: " (or "ERROR: ") line */
    char failed[256];        /* the step that failed first */
    char last_log[512];      /* and the last line of its log */
    uint64_t n_done, n_cached;
    ir_json *warnings;
} ir_rawjson;
void ir_rawjson_init(ir_rawjson *r, ir_build_event_fn *tell, void *user);
/* Any bytes; lines are put together here. Lines that are no JSON are kept only where they tell the
 * error. A code of tell ends it; ENOMEM. */
int ir_must_use ir_rawjson_feed(ir_rawjson *r, const char *p, size_t len, imgrel_error *err);
int ir_must_use ir_rawjson_end(ir_rawjson *r, imgrel_error *err); /* a last line without an end */
void ir_rawjson_free(ir_rawjson *r);

#endif
