/* kube_valid.c - the field errors of the common fields (422): names, labels, secrets, services.
 * Pods are in kube_podvalid.c. */
#include "mock/kube.h"

#include "base/base64.h"

#include <stdlib.h>

#define LABEL_RULE                                                                               \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and " \
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "   \
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_RULE                                                                            \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "  \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used " \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_1035_RULE                                                                          \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an " \
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "         \
    "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

bool mk_is_label(const char *s, bool must_start_with_letter)
{
    size_t n = strlen(s);
    if (!n || n > 63 || !ir_is_lower_alnum(s[n - 1]) || !ir_is_lower_alnum(*s))
        return false;
    if (must_start_with_letter && *s <= '9')
        return false;
    for (; *s; s++)
        if (!ir_is_lower_alnum(*s) && *s != '-')
            return false;
    return true;
}

bool mk_is_subdomain(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > 253)
        return false;
    for (const char *p = s; *p;) {
        size_t part = strcspn(p, ".");
        if (!part || !ir_is_lower_alnum(*p) || !ir_is_lower_alnum(p[part - 1]))
            return false;
        for (size_t i = 0; i < part; i++)
            if (!ir_is_lower_alnum(p[i]) && p[i] != '-')
                return false;
        p += part;
        if (*p == '.' && !*++p)
            return false;
    }
    return true;
}

static void check_name(const mk_kind *kind, const char *name, mk_errors *e)
{
    const char *rule = NULL;
    if (!strcmp(kind->kind, "Service"))
        rule = mk_is_label(name, true) ? NULL : LABEL_1035_RULE;
    else if (kind->dns_label)
        rule = mk_is_label(name, false) ? NULL : LABEL_RULE;
    else
        rule = mk_is_subdomain(name) ? NULL : SUBDOMAIN_RULE;
    if (rule)
        mk_fielderr(e, "FieldValueInvalid", "metadata.name", "\"%s\": %s", name, rule);
}

/* ---- labels and annotations ----------------------------------------------------------------- */

static bool is_qualified_part(const char *s, size_t n, bool empty_ok)
{
    if (!n)
        return empty_ok;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool alnum = ir_is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
        bool inner = i && i + 1 < n && (c == '-' || c == '_' || c == '.');
        if (!alnum && !inner)
            return false;
    }
    return n <= 63;
}

static bool is_label_key(const char *key)
{
    const char *slash = strchr(key, '/');
    if (slash) {
        char *prefix = ir_strndup(key, (size_t)(slash - key));
        bool ok = prefix && mk_is_subdomain(prefix);
        free(prefix);
        if (!ok)
            return false;
        key = slash + 1;
    }
    return is_qualified_part(key, strlen(key), false);
}

static void check_labels(const ir_json *labels, const char *field, bool values, mk_errors *e)
{
    for (void *it = ir_json_first(labels); it; it = ir_json_next(labels, it)) {
        const char *key = ir_json_key(it), *value = ir_json_text(ir_json_value(it));
        if (!is_label_key(key))
            mk_fielderr(
                e, "FieldValueInvalid", field,
                "\"%s\": name part must consist of alphanumeric characters, '-', '_' or '.', "
                "and must start and end with an alphanumeric character (e.g. 'MyName',  or "
                "'my.name',  or '123-abc', regex used for validation is "
                "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
                key);
        if (values && value && !is_qualified_part(value, strlen(value), true))
            mk_fielderr(e, "FieldValueInvalid", field,
                        "\"%s\": a valid label must be an empty string or consist of alphanumeric "
                        "characters, '-', '_' or '.', and must start and end with an alphanumeric "
                        "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
                        "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
                        value);
    }
}

/* ---- secrets, config maps ------------------------------------------------------------------- */

static size_t check_data(const ir_json *data, const char *field, bool encoded, mk_errors *e)
{
    size_t total = 0;
    for (void *it = ir_json_first(data); it; it = ir_json_next(data, it)) {
        const char *key = ir_json_key(it), *value = ir_json_text(ir_json_value(it));
        size_t len = value ? strlen(value) : 0;
        total += encoded ? len / 4 * 3 : len;
        char *at = ir_format("%s[%s]", field, key);
        if (!*key || strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-._") != strlen(key))
            mk_fielderr(
                e, "FieldValueInvalid", at ? at : field,
                "\"%s\": a valid config key must consist of alphanumeric characters, '-', "
                "'_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
                "validation is '[-._a-zA-Z0-9]+')",
                key);
        free(at);
    }
    return total;
}

static void check_docker_config(const ir_json *secret, mk_errors *e)
{
    const char *text = ir_json_str(ir_json_get(secret, "data"), ".dockerconfigjson");
    ir_buf doc = IR_BUF_SECRET(MK_KUBE_BODY_MAX);
    ir_json *j = NULL;
    if (!text)
        mk_fielderr(e, "FieldValueRequired", "data[.dockerconfigjson]", "%s", "");
    else if (!ir_base64_decode(text, strlen(text), &doc) ||
             ir_json_parse(ir_buf_str(&doc), doc.len, "auth", &j, NULL) || !ir_json_is_object(j))
        mk_fielderr(e, "FieldValueInvalid", "data[.dockerconfigjson]",
                    "\"<secret contents redacted>\": %s",
                    j ? "json: cannot unmarshal into Go value of type map[string]interface {}"
                      : "invalid character looking for beginning of value");
    ir_json_free(j);
    ir_buf_free(&doc);
}

static void check_secret(const ir_json *old, const ir_json *secret, mk_errors *e)
{
    const char *type = ir_json_str(secret, "type");
    if (old && !ir_streq(ir_json_str(old, "type"), type))
        mk_fielderr(e, "FieldValueInvalid", "type", "\"%s\": field is immutable", type ? type : "");
    if (old && ir_json_bool(old, "immutable", false) &&
        !ir_json_equal(ir_json_get(old, "data"), ir_json_get(secret, "data")))
        mk_fielderr(e, "FieldValueForbidden", "data", "field is immutable when `immutable` is set");
    if (check_data(ir_json_get(secret, "data"), "data", true, e) > IR_MIB)
        mk_fielderr(e, "FieldValueTooLong", "data", "may not be more than 1048576 bytes");
    if (type && !strcmp(type, "kubernetes.io/dockerconfigjson"))
        check_docker_config(secret, e);
}

static void check_config_map(const ir_json *old, const ir_json *map, mk_errors *e)
{
    if (old && ir_json_bool(old, "immutable", false) &&
        !ir_json_equal(ir_json_get(old, "data"), ir_json_get(map, "data")))
        mk_fielderr(e, "FieldValueForbidden", "data", "field is immutable when `immutable` is set");
    size_t n = check_data(ir_json_get(map, "data"), "data", false, e);
    n += check_data(ir_json_get(map, "binaryData"), "binaryData", true, e);
    if (n > IR_MIB)
        mk_fielderr(e, "FieldValueTooLong", "", "may not be more than 1048576 bytes");
}

/* ---- services ------------------------------------------------------------------------------- */

static void check_port_number(int64_t port, const char *field, mk_errors *e)
{
    if (port < 1 || port > 65535)
        mk_fielderr(e, "FieldValueInvalid", field, "%lld: must be between 1 and 65535, inclusive",
                    (long long)port);
}

static void check_service_port(const ir_json *ports, size_t i, mk_errors *e)
{
    const ir_json *port = ir_json_at(ports, i), *target = ir_json_get(port, "targetPort");
    const char *name = ir_json_str(port, "name"), *protocol = ir_json_str(port, "protocol");
    char *field = ir_format("spec.ports[%zu]", i), *at = NULL;
    if (field && ir_json_len(ports) > 1 && (!name || !*name) && (at = ir_format("%s.name", field)))
        mk_fielderr(e, "FieldValueRequired", at, "%s", "");
    for (size_t k = 0; name && *name && k < i; k++)
        if (ir_streq(ir_json_str(ir_json_at(ports, k), "name"), name) &&
            (at = (free(at), ir_format("%s.name", field))))
            mk_fielderr(e, "FieldValueDuplicate", at, "\"%s\"", name);
    free(at);
    if ((at = ir_format("%s.port", field)))
        check_port_number(ir_json_int(port, "port", 0), at, e);
    free(at);
    if ((at = ir_format("%s.targetPort", field)) && target && !ir_json_text(target))
        check_port_number(ir_json_number(target, 0), at, e);
    free(at);
    at = ir_format("%s.protocol", field);
    if (at && protocol && strcmp(protocol, "TCP") && strcmp(protocol, "UDP") &&
        strcmp(protocol, "SCTP"))
        mk_fielderr(e, "FieldValueNotSupported", at,
                    "\"%s\": supported values: \"SCTP\", \"TCP\", \"UDP\"", protocol);
    free(at);
    free(field);
}

static void check_service(const ir_json *old, const ir_json *service, mk_errors *e)
{
    const ir_json *spec = ir_json_get(service, "spec"), *ports = ir_json_get(spec, "ports");
    const char *type = ir_json_str(spec, "type"), *ip = ir_json_str(spec, "clusterIP");
    bool external = type && !strcmp(type, "ExternalName");
    if (!ir_json_len(ports) && !external && !(ip && !strcmp(ip, "None")))
        mk_fielderr(e, "FieldValueRequired", "spec.ports", "%s", "");
    for (size_t i = 0; i < ir_json_len(ports); i++)
        check_service_port(ports, i, e);
    if (type && !external && strcmp(type, "ClusterIP") && strcmp(type, "NodePort") &&
        strcmp(type, "LoadBalancer"))
        mk_fielderr(e, "FieldValueNotSupported", "spec.type",
                    "\"%s\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", "
                    "\"NodePort\"",
                    type);
    check_labels(ir_json_get(spec, "selector"), "spec.selector", true, e);
    const char *was = ir_json_str(ir_json_get(old, "spec"), "clusterIP");
    if (was && !external && !ir_streq(was, ip))
        mk_fielderr(e, "FieldValueInvalid", "spec.clusterIPs[0]",
                    "[\"%s\"]: may not change once set", ip ? ip : "");
}

static void check_deployment(const ir_json *d, mk_errors *e)
{
    const ir_json *wanted = ir_json_path(d, "spec.selector.matchLabels");
    const ir_json *template = ir_json_path(d, "spec.template");
    if (!ir_json_path(d, "spec.selector"))
        mk_fielderr(e, "FieldValueRequired", "spec.selector", "%s", "");
    else if (wanted && !mk_labels_match(wanted, template))
        mk_fielderr(e, "FieldValueInvalid", "spec.template.metadata.labels",
                    "{}: `selector` does not match template `labels`");
    if (!ir_json_len(ir_json_path(template, "spec.containers")))
        mk_fielderr(e, "FieldValueRequired", "spec.template.spec.containers", "%s", "");
}

void mk_validate(const mk_kind *kind, const ir_json *old, const ir_json *object, mk_errors *e)
{
    if (!old)
        check_name(kind, mk_name(object), e);
    check_labels(ir_json_path(object, "metadata.labels"), "metadata.labels", true, e);
    check_labels(ir_json_path(object, "metadata.annotations"), "metadata.annotations", false, e);
    if (!strcmp(kind->kind, "Secret"))
        check_secret(old, object, e);
    else if (!strcmp(kind->kind, "ConfigMap"))
        check_config_map(old, object, e);
    else if (!strcmp(kind->kind, "Service"))
        check_service(old, object, e);
    else if (!strcmp(kind->kind, "Deployment"))
        check_deployment(object, e);
    else if (!strcmp(kind->kind, "Pod"))
        mk_validate_pod(old, object, e);
}
