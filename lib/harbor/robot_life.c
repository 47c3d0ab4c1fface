/* robot_life.c - how long a robot lives. People say "30 days from now", "never" or a date; Harbor
 * counts whole days from the robot's creation, whenever they are set. A life is rounded up: a robot
 * lives at least as long as was said, and less than a day longer. */
#include "harbor/inside.h"

#include "fmt/header.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_S 86400

/* "30d", "30 days", "2w", "1 year" -> days; 0: it is none of these. */
static int64_t read_days(const char *text)
{
    static const struct {
        const char *word;
        int64_t days;
    } units[] = {
        {"d", 1},     {"day", 1}, {"days", 1},   {"w", 7},       {"week", 7},
        {"weeks", 7}, {"y", 365}, {"year", 365}, {"years", 365},
    };
    const int64_t day_ms = 1000LL * DAY_S;
    char *end = NULL;
    unsigned long long n = strtoull(text, &end, 10);
    int64_t ms = 0;

    if (*text < '0' || *text > '9' || n > IR_ROBOT_DAYS_MAX)
        return 0;
    end += *end == ' ';
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ir_streq(end, units[i].word))
            return (int64_t)n * units[i].days;
    return ir_parse_duration(text, &ms) && ms % day_ms == 0 ? ms / day_ms : 0;
}

/* A date alone is its last second, UTC: the robot works through that day. */
static bool read_date(const char *text, int64_t *ret)
{
    char buf[32];

    if (strlen(text) == 10 && text[4] == '-') {
        snprintf(buf, sizeof buf, "%sT23:59:59Z", text);
        return ir_rfc3339(buf, ret);
    }
    return ir_rfc3339(text, ret);
}

static int bad_life(const char *text, imgrel_error *err)
{
    ir_fail(err, IMGREL_EINVAL,
            "a robot's life \"%.40s\" is neither never, nor whole days, nor a "
            "date",
            text);
    ir_cure(err, "say never, a number of days from now such as 30d, or a date such as 2030-12-31");
    return IMGREL_EINVAL;
}

int ir_robot_life_read(const char *text, int64_t now, ir_robot_spec *ret, imgrel_error *err)
{
    char word[64];
    size_t len = strlen(text);

    ret->days = 0;
    ret->until = 0;
    if (ir_streq(text, "never")) {
        ret->days = -1;
        return 0;
    }
    if (len >= sizeof word)
        return bad_life(text, err);
    snprintf(word, sizeof word, "%s", ir_starts(text, "in ") ? text + 3 : text);
    if (ir_ends(word, " from now"))
        word[strlen(word) - 9] = '\0';
    ret->days = read_days(word);
    if (ret->days > IR_ROBOT_DAYS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live %s", word);
    if (ret->days)
        return 0;
    if (!read_date(word, &ret->until))
        return bad_life(text, err);
    if (ret->until <= now)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live until %s: that is over", word);
    return 0;
}

static int64_t days_up(int64_t seconds)
{
    return seconds <= 0 ? 0 : (seconds + DAY_S - 1) / DAY_S;
}

/* Days from the creation to `end`, at least one. */
static int64_t days_until(const ir_json *robot, int64_t end, int64_t now)
{
    int64_t created = now, days = 0;

    if (robot && (!ir_rfc3339(ir_json_str(robot, "creation_time"), &created) || created > now))
        created = now;
    days = days_up(end - created);
    return days > 0 ? days : 1;
}

/* An end within a day of the one that is asked for is the same: asking twice changes nothing. What
 * has little left of a short life is made longer all the same. */
static bool near_enough(int64_t expires, int64_t end, int64_t now)
{
    int64_t less = (end - now) / 2 < DAY_S ? (end - now) / 2 : DAY_S;

    return expires > end - less && expires < end + DAY_S;
}

int ir_robot_duration(const ir_json *robot, const ir_robot_spec *spec, int64_t now, bool revive,
                      int64_t *ret, imgrel_error *err)
{
    int64_t expires = ir_json_int(robot, "expires_at", -1);
    int64_t duration = ir_json_int(robot, "duration", -1);
    int64_t end = spec->until ? spec->until : now + spec->days * DAY_S;

    if (spec->days < -1 || spec->days > IR_ROBOT_DAYS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live %lld days", (long long)spec->days);
    if (spec->days < 0)
        *ret = -1;
    else if (!spec->days && !spec->until) {
        *ret = duration ? duration : -1;
        if (robot && revive && expires >= 0 && expires <= now)
            *ret = days_until(robot, now + (duration > 0 ? duration : 30) * DAY_S, now);
    } else if (!robot)
        *ret = spec->days ? spec->days : days_until(NULL, end, now);
    else
        *ret =
            expires > 0 && near_enough(expires, end, now) ? duration : days_until(robot, end, now);
    if (*ret > IR_ROBOT_DAYS_MAX)
        return ir_fail(err, IMGREL_EINVAL, "a robot cannot live %lld days", (long long)*ret);
    return 0;
}
