/* header.c - header values as data. Dates are read by hand: strptime knows the locale's months. */
#include "fmt/header.h"
#include "base/str.h"
#include "fmt/lex.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Does a list of relation types, separated by blanks, hold "next"? */
static bool has_next(const char *rels)
{
    for (rels = ir_lex_blank(rels); *rels; rels = ir_lex_blank(rels)) {
        size_t len = strcspn(rels, " \t");
        if (len == 4 && !strncasecmp(rels, "next", 4))
            return true;
        rels += len;
    }
    return false;
}

/* Reads "; name=value" of one link; *s ends at a comma, at the end, or where it makes no sense. */
static bool params_say_next(const char **s)
{
    bool next = false;
    for (*s = ir_lex_blank(*s); **s == ';'; *s = ir_lex_blank(*s)) {
        *s = ir_lex_blank(*s + 1);
        size_t len = ir_lex_token(*s);
        bool is_rel = len == 3 && !strncasecmp(*s, "rel", 3);
        *s = ir_lex_blank(*s + len);
        if (**s != '=')
            continue;
        *s = ir_lex_blank(*s + 1);
        char *value = ir_lex_value(s);
        next = next || (is_rel && value && has_next(value));
        free(value);
    }
    return next;
}

char *ir_link_next(const char *value)
{
    const char *s = value;
    while ((s = strchr(s, '<'))) {
        const char *target = s + 1, *end = strchr(target, '>');
        if (!end)
            return NULL;
        s = end + 1;
        if (params_say_next(&s) && end > target)
            return ir_strndup(target, (size_t)(end - target));
        if (*s && *s != ',')
            return NULL;
    }
    return NULL;
}

/* A decimal at *s that fits; *s moves behind it. */
static bool number(const char **s, int64_t *ret)
{
    char digits[24];
    size_t len = strspn(*s, "0123456789");
    unsigned long long v = 0;
    if (!len || len >= sizeof digits)
        return false;
    memcpy(digits, *s, len);
    digits[len] = '\0';
    if (!ir_parse_u64(digits, INT64_MAX, &v))
        return false;
    *ret = (int64_t)v;
    *s += len;
    return true;
}

static bool literal(const char **s, const char *what)
{
    if (!ir_starts(*s, what))
        return false;
    *s += strlen(what);
    return true;
}

bool ir_content_range(const char *value, int64_t *ret_first, int64_t *ret_last, int64_t *ret_total)
{
    const char *s = ir_lex_blank(value);
    *ret_total = -1;
    if (strncasecmp(s, "bytes", 5))
        return false;
    s = ir_lex_blank(s + 5);
    if (!number(&s, ret_first) || !literal(&s, "-") || !number(&s, ret_last) || !literal(&s, "/"))
        return false;
    if (!literal(&s, "*") && !number(&s, ret_total))
        return false;
    return !*ir_lex_blank(s) && *ret_first <= *ret_last &&
           (*ret_total < 0 || *ret_last < *ret_total);
}

bool ir_upload_offset(const char *value, int64_t *ret_next)
{
    int64_t first = 0, last = 0;
    const char *s = ir_lex_blank(value);
    if (!strncasecmp(s, "bytes", 5))
        s = ir_lex_blank(s + 5);
    literal(&s, "=");
    if (!number(&s, &first) || !literal(&s, "-") || !number(&s, &last) || *ir_lex_blank(s))
        return false;
    if (first != 0 || last == INT64_MAX)
        return false;
    *ret_next = last ? last + 1 : 0;
    return true;
}

/* Days since 1970-01-01 of a day of the Gregorian calendar (Howard Hinnant's days_from_civil). */
static int64_t days(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

typedef struct moment {
    int64_t year, month, day, hour, minute, second;
} moment;

static bool seconds(const moment *t, int64_t *ret)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = t->year % 4 == 0 && (t->year % 100 != 0 || t->year % 400 == 0);
    if (t->year < 1 || t->year > 9999 || t->month < 1 || t->month > 12 || t->day < 1)
        return false;
    if (t->day > length[t->month - 1] + (t->month == 2 && leap))
        return false;
    if (t->hour > 23 || t->minute > 59 || t->second > 60)
        return false;
    *ret = days(t->year, t->month, t->day) * 86400 + t->hour * 3600 + t->minute * 60 + t->second;
    return true;
}

/* Exactly n digits. */
static bool digits(const char **s, size_t n, int64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *ret = *ret * 10 + (**s - '0');
    }
    return true;
}

static bool month(const char **s, int64_t *ret)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (!strncmp(*s, names + 3 * i, 3)) {
            *ret = i + 1;
            *s += 3;
            return true;
        }
    return false;
}

static bool clock_time(const char **s, moment *t)
{
    return digits(s, 2, &t->hour) && literal(s, ":") && digits(s, 2, &t->minute) &&
           literal(s, ":") && digits(s, 2, &t->second);
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool imf_fixdate(const char *s, moment *t)
{
    return digits(&s, 2, &t->day) && literal(&s, " ") && month(&s, &t->month) && literal(&s, " ") &&
           digits(&s, 4, &t->year) && literal(&s, " ") && clock_time(&s, t) && !strcmp(s, " GMT");
}

/* "06-Nov-94 08:49:37 GMT" */
static bool rfc850(const char *s, moment *t)
{
    bool good = digits(&s, 2, &t->day) && literal(&s, "-") && month(&s, &t->month) &&
                literal(&s, "-") && digits(&s, 2, &t->year) && literal(&s, " ") &&
                clock_time(&s, t) && !strcmp(s, " GMT");
    t->year += t->year < 70 ? 2000 : 1900;
    return good;
}

/* "Nov  6 08:49:37 1994" */
static bool asctime_date(const char *s, moment *t)
{
    return month(&s, &t->month) && literal(&s, " ") &&
           digits(&s, *s == ' ' ? (s++, 1) : 2, &t->day) && literal(&s, " ") && clock_time(&s, t) &&
           literal(&s, " ") && digits(&s, 4, &t->year) && !*s;
}

bool ir_http_date(const char *value, int64_t *ret_s)
{
    moment t = {0};
    size_t weekday = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *s = value + weekday;
    bool good = false;
    if (weekday >= 3 && ir_starts(s, ", "))
        good = imf_fixdate(s + 2, &t) || rfc850(s + 2, &t);
    else if (weekday == 3 && *s == ' ')
        good = asctime_date(s + 1, &t);
    return good && seconds(&t, ret_s);
}

bool ir_retry_after(const char *value, int64_t now_s, int64_t *ret_ms)
{
    int64_t s = 0;
    const char *at = ir_lex_blank(value);
    if (number(&at, &s) && !*ir_lex_blank(at)) {
        *ret_ms = s > INT64_MAX / 1000 ? INT64_MAX : s * 1000;
        return true;
    }
    if (!ir_http_date(ir_lex_blank(value), &s))
        return false;
    *ret_ms = s > now_s ? (s - now_s) * 1000 : 0;
    return true;
}

bool ir_rfc3339(const char *value, int64_t *ret_s)
{
    moment t = {0};
    int64_t h = 0, m = 0;
    const char *s = value;
    if (!digits(&s, 4, &t.year) || !literal(&s, "-") || !digits(&s, 2, &t.month) ||
        !literal(&s, "-") || !digits(&s, 2, &t.day))
        return false;
    if ((!literal(&s, "T") && !literal(&s, "t")) || !clock_time(&s, &t) || !seconds(&t, ret_s))
        return false;
    if (literal(&s, ".")) {
        size_t len = strspn(s, "0123456789");
        s += len;
        if (!len)
            return false;
    }
    if (!strcmp(s, "Z") || !strcmp(s, "z"))
        return true;
    int64_t sign = *s == '+' ? -1 : *s == '-' ? 1 : 0;
    if (!sign || (s++, !digits(&s, 2, &h)) || !literal(&s, ":") || !digits(&s, 2, &m) || *s)
        return false;
    *ret_s += sign * (h * 3600 + m * 60);
    return h < 24 && m < 60;
}

void ir_rfc3339_format(int64_t s, char ret[32])
{
    int64_t day = (s < 0 ? s - 86399 : s) / 86400, left = s - day * 86400;
    int64_t y = 1970 + (day < 0 ? day / 365 - 1 : day / 366), m = 1;
    while (days(y + 1, 1, 1) <= day)
        y++;
    while (m < 12 && days(y, m + 1, 1) <= day)
        m++;
    snprintf(ret, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)y, (int)m,
             (int)(day - days(y, m, 1) + 1), (int)(left / 3600), (int)(left / 60 % 60),
             (int)(left % 60));
}

/* ---- rate limits ---------------------------------------------------------------------------- */

/* The digits at s; -1: none, or too many. */
static int64_t leading_number(const char *s)
{
    char digits[20] = "";
    unsigned long long v = 0;
    size_t n = s ? strspn(s, "0123456789") : 0;
    if (!n || n >= sizeof digits)
        return -1;
    memcpy(digits, s, n);
    return ir_parse_u64(digits, INT64_MAX, &v) ? (int64_t)v : -1;
}

/* The number of a parameter by one of two names: "...; w=60", "..., remaining=9". */
static int64_t parameter(const char *s, const char *name, const char *other)
{
    while (s && *s) {
        s += strspn(s, " \t,;");
        size_t n = strcspn(s, "=,;");
        if (s[n] == '=' && ((strlen(name) == n && !strncasecmp(s, name, n)) ||
                            (strlen(other) == n && !strncasecmp(s, other, n))))
            return leading_number(s + n + 1);
        s += n;
        s += s[0] == '=' ? strcspn(s, ",;") : 0;
    }
    return -1;
}

bool ir_rate_limit(const char *limit, const char *remaining, const char *reset, const char *both,
                   int64_t now_s, ir_rate *ret)
{
    const int64_t year = 366 * 24 * 3600LL;
    *ret = (ir_rate){leading_number(limit), leading_number(remaining), leading_number(reset),
                     parameter(limit, "w", "w")};
    if (ret->remaining < 0) {
        ret->remaining = parameter(both, "r", "remaining");
        ret->reset_s = parameter(both, "t", "reset");
        ret->limit = ret->limit < 0 ? parameter(both, "q", "limit") : ret->limit;
    }
    if (ret->window_s < 0)
        ret->window_s = parameter(remaining, "w", "w");
    if (ret->reset_s > year) /* since 1970 */
        ret->reset_s = ret->reset_s > now_s ? ret->reset_s - now_s : 0;
    if (ret->reset_s > year)
        ret->reset_s = -1;
    if (ret->window_s > year)
        ret->window_s = -1;
    return ret->remaining >= 0;
}
