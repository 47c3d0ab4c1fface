/* release_rules.h - the rules of a release file's strings: each says what is wrong with one, NULL:
 * nothing. */
#ifndef IR_RUN_RELEASE_RULES_H
#define IR_RUN_RELEASE_RULES_H

#include <stdint.h>

const char *ir_rel_version_rule(const char *s);
const char *ir_rel_label_rule(const char *s);
const char *ir_rel_name_rule(const char *s);
const char *ir_rel_host_rule(const char *s);
const char *ir_rel_url_rule(const char *s);
const char *ir_rel_ref_rule(const char *s);
const char *ir_rel_api_rule(const char *s);
const char *ir_rel_absolute_rule(const char *s);
const char *ir_rel_platform_rule(const char *s);
const char *ir_rel_duration_rule(const char *s);
const char *ir_rel_severity_rule(const char *s);
/* Seconds of "30s", "10m", "2h" or "7d"; -1: none of these. */
int64_t ir_rel_seconds(const char *s);

#endif
