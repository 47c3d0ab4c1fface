/* server_query.c - percent-escapes and query strings, as they were sent. */
#include "mock/server.h"

#include <stdlib.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *mk_unescape(const char *s, bool plus)
{
    char *out = ir_strdup(s), *to = out;
    for (const char *p = out; p && *p; p++) {
        char c = *p == '+' && plus ? ' ' : *p;
        if (c == '%') {
            int high = hex_value(p[1]), low = high < 0 ? -1 : hex_value(p[2]);
            if (low < 0) {
                free(out);
                return NULL;
            }
            c = (char)(high * 16 + low);
            p += 2;
        }
        *to++ = c;
    }
    if (to)
        *to = '\0';
    return out;
}

bool mk_query_at(const mk_request *r, size_t i, char **ret_name, char **ret_value)
{
    const char *p = r->query;
    for (;; p += strcspn(p, "&") + 1) {
        size_t len = strcspn(p, "&");
        if (len && !i--)
            break;
        if (!p[len])
            return false;
    }
    size_t len = strcspn(p, "&"), name_len = strcspn(p, "=&");
    char *name = ir_strndup(p, name_len);
    char *value = name_len < len ? ir_strndup(p + name_len + 1, len - name_len - 1) : ir_strdup("");
    *ret_name = name ? mk_unescape(name, true) : NULL;
    *ret_value = value ? mk_unescape(value, true) : NULL;
    free(name);
    free(value);
    return true;
}

char *mk_query(const mk_request *r, const char *name)
{
    char *key = NULL, *value = NULL, *found = NULL;
    for (size_t i = 0; !found && mk_query_at(r, i, &key, &value); i++) {
        if (ir_streq(key, name))
            found = value;
        else
            free(value);
        free(key);
    }
    return found;
}
