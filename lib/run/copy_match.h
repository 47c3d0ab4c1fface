/* copy_match.h - which names are meant: by globs, regular expressions, a range of versions. */
#ifndef IR_RUN_COPY_MATCH_H
#define IR_RUN_COPY_MATCH_H

#include "fmt/semver.h"

typedef struct ir_pattern ir_pattern;
/* Zero: every name. */
typedef struct ir_match {
    ir_pattern *include, *exclude; /* lists */
    size_t n_include, n_exclude;
    ir_range range;
    bool has_range;
} ir_match;
/* pattern: a glob (fnmatch(3); a star also stands for slashes), or "/REGEX/", extended and found
 * anywhere in the name unless it says ^ and $. EINVAL: what is wrong with it. */
int ir_must_use ir_match_include(ir_match *m, const char *pattern, imgrel_error *err);
int ir_must_use ir_match_exclude(ir_match *m, const char *pattern, imgrel_error *err);
/* Besides, the name must be a version in that range. */
int ir_must_use ir_match_range(ir_match *m, const char *range, imgrel_error *err);
/* Any of those to include (none: all), none of those to exclude, and in the range. */
bool ir_match_name(const ir_match *m, const char *name);
void ir_match_free(ir_match *m);

#endif
