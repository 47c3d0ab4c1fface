/* log.c - turns a record's pairs into a JSON object for the callback. Redaction happens here, so
 * that no caller can forget it. */
#include "base/log.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdarg.h>
#include <strings.h>

#define FIELDS_MAX (64 * 1024)
#define VALUE_MAX 4096

static bool is_secret(const char *key)
{
    static const char *const words[] = {"authorization", "password", "token", "secret"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(key, words[i]))
            return true;
    return false;
}

static void add_quoted(ir_buf *b, const char *s)
{
    ir_buf_addc(b, '"');
    for (size_t n; *s; s += n ? n : 1) {
        n = ir_utf8_len(s);
        if (!n)
            ir_buf_addc(b, '?');
        else if (*s == '"' || *s == '\\')
            ir_buf_addf(b, "\\%c", *s);
        else if (n == 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0)
            ir_buf_addf(b, "\\u%04x", (unsigned char)s[1]);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            ir_buf_addf(b, "\\u%04x", (unsigned char)*s);
        else
            ir_buf_add(b, s, n);
    }
    ir_buf_addc(b, '"');
}

void ir_log_say(const ir_log *log, uint32_t level, const char *component, const char *message, ...)
{
    if (!log || !log->fn || level > log->level)
        return;
    ir_buf fields = IR_BUF(FIELDS_MAX);
    char value[VALUE_MAX], text[VALUE_MAX];
    const char *key;
    va_list ap;
    va_start(ap, message);
    while ((key = va_arg(ap, const char *))) {
        const char *v = va_arg(ap, const char *);
        ir_redact(!v ? "" : is_secret(key) ? "***" : v, value, sizeof value);
        ir_buf_addc(&fields, fields.len ? ',' : '{');
        add_quoted(&fields, key);
        ir_buf_addc(&fields, ':');
        add_quoted(&fields, value);
    }
    va_end(ap);
    ir_buf_adds(&fields, fields.len ? "}" : "{}");
    ir_redact(message, text, sizeof text);
    ir_one_line(text);
    imgrel_log_record record = {.size = sizeof record,
                                .level = level,
                                .component = component,
                                .message = text,
                                .fields = fields.bad ? "{}" : ir_buf_str(&fields)};
    log->fn(log->user, &record);
    ir_buf_free(&fields);
}

typedef struct out {
    char *at, *end; /* end: where the NUL goes at the latest */
} out;

static void put(out *o, const char *s, size_t len)
{
    size_t room = (size_t)(o->end - o->at);
    len = len < room ? len : room;
    memcpy(o->at, s, len);
    o->at += len;
}

/* s: behind "://". Returns what follows the URL's authority. */
static const char *redact_authority(out *o, const char *s)
{
    size_t len = strcspn(s, "/?# \t\r\n\"'<>");
    const char *at = memrchr(s, '@', len);
    if (at) {
        put(o, "***", 3);
        len -= (size_t)(at - s);
        s = at;
    }
    put(o, s, len);
    return s + len;
}

/* s: behind '?'. */
static const char *redact_query(out *o, const char *s)
{
    for (;;) {
        size_t name = strcspn(s, "=&# \t\r\n\"'<>");
        put(o, s, name);
        s += name;
        if (*s == '=') {
            put(o, "=***", 4);
            s += strcspn(s, "&# \t\r\n\"'<>");
        }
        if (*s != '&')
            return s;
        put(o, s++, 1);
    }
}

void ir_redact(const char *text, char *dst, size_t len)
{
    if (!len)
        return;
    out o = {dst, dst + len - 1};
    while (*text) {
        const char *scheme = strstr(text, "://");
        size_t plain = scheme ? (size_t)(scheme - text) + 3 : strlen(text);
        put(&o, text, plain);
        text += plain;
        if (!scheme)
            break;
        text = redact_authority(&o, text);
        size_t path = strcspn(text, "?# \t\r\n\"'<>");
        put(&o, text, path);
        text += path;
        if (*text == '?') {
            put(&o, text++, 1);
            text = redact_query(&o, text);
        }
    }
    *o.at = '\0';
}
