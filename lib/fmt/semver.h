/* semver.h - versions (semver.org 2.0.0) as tags have them, and ranges of them. Pure. A tag may
 * begin with a v and leave out numbers from the right: "v1.2" is 1.2.0. */
#ifndef IR_FMT_SEMVER_H
#define IR_FMT_SEMVER_H

#include "base/error.h"

#include <stdbool.h>

typedef struct ir_version {
    uint64_t n[3];  /* major, minor, patch */
    char pre[128];  /* "rc.1"; "" for a release */
    int given;      /* how many of the three were said */
} ir_version;
bool ir_version_parse(const char *text, ir_version *ret);
/* By precedence: -1, 0, 1. Build metadata counts for nothing. */
int ir_version_compare(const ir_version *a, const ir_version *b);

#define IR_RANGE_MAX 32
enum ir_range_op { IR_LT, IR_LE, IR_GT, IR_GE, IR_EQ, IR_NE, IR_OR };
typedef struct ir_range {
    size_t n;
    struct ir_bound {
        enum ir_range_op op; /* OR: what is before it suffices, or what comes after */
        ir_version v;
    } bound[IR_RANGE_MAX];
} ir_range;
/* ">=1.2 <2", "^1.4", "~1.2.3", "1.x", "1.2 - 1.4", "!=1.3", "*", alternatives by "||"; blanks and
 * commas mean and. EINVAL with the part that is not understood. */
int ir_must_use ir_range_parse(const char *text, ir_range *ret, imgrel_error *err);
/* A pre-release is in a range only where a bound of the same alternative is one too. */
bool ir_range_has(const ir_range *r, const ir_version *v);

#endif
