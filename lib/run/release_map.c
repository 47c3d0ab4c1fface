/* release_map.c - reads a mapping of a release file by its table. */
#include "run/release_map.h"

#include "base/str.h"

#define COUNT_MAX 1000

typedef ir_rel_key key;

static const key *find_key(const key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (!strcmp(keys->name, name))
            return keys;
    return NULL;
}

static int unknown(const ir_yaml *y, const ir_json *map, const key *keys, const char *name,
                   const char *what, imgrel_error *err)
{
    IR_AUTO(ir_buf) known = IR_BUF(1000);
    for (; keys->name; keys++)
        ir_buf_addf(&known, "%s%s", known.len ? ", " : "", keys->name);
    ir_yaml_fail(y, map, name, err, "%s has no key \"%.60s\"", what, name);
    return ir_cure(err, "known are: %s", ir_buf_str(&known)), IMGREL_EINVAL;
}

static int wrong_type(const ir_yaml *y, const ir_json *map, const key *k, imgrel_error *err)
{
    static const char *const words[] = {"a string",      "a number",  "a number",
                                        "true or false", "a mapping", "a list"};
    const ir_json *v = ir_json_get(map, k->name);
    int rc = ir_yaml_fail(y, map, k->name, err, "\"%s\" must be %s", k->name, words[k->type]);
    if (k->type == STRING && !ir_json_is_null(v) && !ir_json_len(v))
        ir_cure(err, "put it in quotes");
    return rc;
}

static int read_port(const ir_yaml *y, const ir_json *map, const key *k, int64_t *ret,
                     imgrel_error *err)
{
    *ret = ir_json_int(map, k->name, -1);
    if (*ret >= 1 && *ret <= 65535)
        return 0;
    return ir_yaml_fail(y, map, k->name, err, "\"%s\" must be a port, 1 to 65535", k->name);
}

static int read_count(const ir_yaml *y, const ir_json *map, const key *k, int64_t *ret,
                      imgrel_error *err)
{
    *ret = ir_json_int(map, k->name, -1);
    if (*ret >= 1 && *ret <= COUNT_MAX)
        return 0;
    return ir_yaml_fail(y, map, k->name, err, "\"%s\" must be a number, 1 to %d", k->name,
                        COUNT_MAX);
}

static int read_string(const ir_yaml *y, const ir_json *map, const key *k, const char **ret,
                       imgrel_error *err)
{
    *ret = ir_json_str(map, k->name);
    const char *wrong = !*ret ? NULL : !**ret ? "it is empty" : k->check ? k->check(*ret) : NULL;
    if (!*ret)
        return wrong_type(y, map, k, err);
    return wrong
               ? ir_yaml_fail(y, map, k->name, err, "\"%s\": \"%.100s\": %s", k->name, *ret, wrong)
               : 0;
}

static int read_value(const ir_yaml *y, const ir_json *map, const key *k, void *to,
                      imgrel_error *err)
{
    const ir_json *v = ir_json_get(map, k->name);
    bool fits = true;
    if (k->type == STRING)
        return read_string(y, map, k, to, err);
    if (k->type == PORT)
        return read_port(y, map, k, to, err);
    if (k->type == COUNT)
        return read_count(y, map, k, to, err);
    if (k->type == BOOL) {
        bool b = ir_json_bool(map, k->name, false);
        fits = b == ir_json_bool(map, k->name, true);
        *(bool *)to = b;
    } else {
        fits = k->type == MAP ? ir_json_is_object(v) : ir_json_is_array(v);
        *(const ir_json **)to = v;
    }
    return fits ? 0 : wrong_type(y, map, k, err);
}

int ir_rel_map_read(const ir_yaml *y, const ir_json *map, const ir_rel_key *keys, const char *what,
                    void *ret, imgrel_error *err)
{
    if (!ir_json_is_object(map))
        return ir_yaml_fail(y, map, NULL, err, "%s must be a mapping", what);
    for (void *it = ir_json_first(map); it; it = ir_json_next(map, it)) {
        const key *k = find_key(keys, ir_json_key(it));
        if (!k)
            return unknown(y, map, keys, ir_json_key(it), what, err);
        int rc = read_value(y, map, k, (char *)ret + k->offset, err);
        if (rc)
            return rc;
    }
    for (; keys->name; keys++)
        if ((keys->flags & REQUIRED) && !ir_json_get(map, keys->name))
            return ir_yaml_fail(y, map, NULL, err, "%s lacks the key \"%s\"", what, keys->name);
    return 0;
}
