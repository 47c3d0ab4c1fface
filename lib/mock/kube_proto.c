/* kube_proto.c - bodies in Kubernetes' protobuf (k8s.io/apimachinery/pkg/runtime/generated.proto:
 * "k8s\0" and an Unknown), in which kubectl creates the simple kinds. A table of field numbers
 * turns them into what they are as JSON; answers are JSON, which every client takes as well. */
#include "mock/kube.h"

#include "base/base64.h"

#include <stdlib.h>

/* NUMBER NAME MARK: none string, ? boolean, {} map of strings, {b} map of bytes (base64), [] list
 * of strings, :T message, [T] list of messages. */
static const struct {
    const char *type, *members;
} messages[] = {
    {"Namespace", "1 metadata:Meta"},
    {"Secret", "1 metadata:Meta 2 data{b} 3 type 4 stringData{} 5 immutable?"},
    {"ConfigMap", "1 metadata:Meta 2 data{} 3 binaryData{b} 4 immutable?"},
    {"ServiceAccount", "1 metadata:Meta 3 imagePullSecrets[Name] 4 automountServiceAccountToken?"},
    {"Meta", "1 name 2 generateName 3 namespace 5 uid 6 resourceVersion 11 labels{} "
             "12 annotations{} 14 finalizers[]"},
    {"Name", "1 name"},
};

typedef struct input {
    const unsigned char *p;
    size_t len;
} input;

static bool varint(input *in, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; in->len && shift < 64; shift += 7) {
        unsigned char c = *in->p++;
        in->len--;
        *ret |= (uint64_t)(c & 127) << shift;
        if (!(c & 128))
            return true;
    }
    return false;
}

static bool skip(input *in, uint64_t n)
{
    if (n > in->len)
        return false;
    in->p += n;
    in->len -= n;
    return true;
}

/* One field: its number, and its bytes (or, for a number, its value). */
static bool next_field(input *in, unsigned *ret_number, input *ret_bytes, uint64_t *ret_value)
{
    uint64_t key, n = 0;
    if (!varint(in, &key))
        return false;
    *ret_number = (unsigned)(key >> 3);
    *ret_bytes = (input){0};
    switch (key & 7) {
    case 0:
        return varint(in, ret_value);
    case 1:
        return skip(in, 8);
    case 2:
        if (!varint(in, &n) || n > in->len)
            return false;
        *ret_bytes = (input){in->p, n};
        return skip(in, n);
    case 5:
        return skip(in, 4);
    }
    return false;
}

static const char *members_of(const char *type)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (!strcmp(messages[i].type, type))
            return messages[i].members;
    return NULL;
}

/* The word of a field, "name" and mark, malloc'ed; NULL: it is not taken over. */
static char *look_up(const char *members, unsigned number)
{
    ir_strv v = {0};
    char *found = NULL;
    unsigned long long n;
    if (ir_strv_split(&v, members, ' '))
        return NULL;
    for (size_t i = 0; i + 1 < v.n && !found; i += 2)
        if (ir_parse_u64(v.v[i], 1000, &n) && n == number)
            found = ir_strdup(v.v[i + 1]);
    ir_strv_free(&v);
    return found;
}

static ir_json *string_of(const input *in, bool bytes)
{
    ir_buf b = IR_BUF_SECRET(2 * MK_KUBE_BODY_MAX);
    if (bytes)
        ir_base64_add(&b, in->p, in->len);
    else
        ir_buf_add(&b, in->p, in->len);
    ir_json *j = ir_json_new_string(ir_buf_str(&b));
    ir_buf_free(&b);
    return j;
}

/* A map's entry is a message of key and value. */
static bool add_pair(ir_json *map, input in, bool bytes)
{
    input field, key = {0}, value = {0};
    unsigned number;
    uint64_t v;
    while (in.len) {
        if (!next_field(&in, &number, &field, &v))
            return false;
        if (number == 1)
            key = field;
        else if (number == 2)
            value = field;
    }
    char *name = ir_strndup((const char *)key.p, key.len);
    if (name)
        ir_json_put(map, name, string_of(&value, bytes));
    free(name);
    return name != NULL;
}

static ir_json *list_of(ir_json *object, const char *name)
{
    if (!ir_json_get(object, name))
        ir_json_put(object, name, ir_json_new_array());
    return ir_json_get(object, name);
}

static ir_json *message(const char *type, input in, int depth);

static bool take(ir_json *object, const char *name, const char *mark, const input *in,
                 uint64_t value, int depth)
{
    char *type = *mark ? ir_strndup(mark + 1, strcspn(mark + 1, "]")) : ir_strdup("");
    ir_json *sub = NULL;
    bool ok = type != NULL;
    if (!ok)
        return false;
    if (*mark == '?') {
        ir_json_put(object, name, ir_json_new_bool(value != 0));
    } else if (*mark == '{') {
        ok = add_pair(mk_ensure(object, name), *in, mark[1] == 'b');
    } else if (*mark == ':' || (*mark == '[' && *type)) {
        ok = (sub = message(type, *in, depth + 1)) != NULL;
        if (ok && *mark == ':')
            ir_json_put(object, name, sub);
        else if (ok)
            ir_json_append(list_of(object, name), sub);
    } else if (*mark == '[') {
        ir_json_append(list_of(object, name), string_of(in, false));
    } else if (in->len) {
        ir_json_put(object, name, string_of(in, false)); /* what is unset comes empty */
    }
    free(type);
    return ok;
}

static ir_json *message(const char *type, input in, int depth)
{
    const char *members = members_of(type);
    ir_json *object = members && depth < 8 ? ir_json_new_object() : NULL;
    input field;
    unsigned number;
    uint64_t value = 0;
    while (object && in.len) {
        bool ok = next_field(&in, &number, &field, &value);
        char *word = ok ? look_up(members, number) : NULL;
        if (word) {
            char *mark = word + strcspn(word, "?{[:");
            char *name = ir_strndup(word, (size_t)(mark - word));
            ok = name && take(object, name, mark, &field, value, depth);
            free(name);
        }
        free(word);
        if (!ok) {
            ir_json_free(object);
            object = NULL;
        }
    }
    return object;
}

ir_json *mk_proto_read(const mk_kind *kind, const char *p, size_t len)
{
    input in = {(const unsigned char *)p, len}, field, raw = {0};
    unsigned number;
    uint64_t value;
    if (len < 4 || memcmp(p, "k8s", 4) || !skip(&in, 4))
        return NULL;
    while (in.len) {
        if (!next_field(&in, &number, &field, &value))
            return NULL;
        if (number == 2)
            raw = field;
    }
    return raw.p ? message(kind->kind, raw, 0) : NULL;
}

bool mk_proto_knows(const mk_kind *kind)
{
    return members_of(kind->kind) != NULL;
}
