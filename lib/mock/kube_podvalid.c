/* kube_podvalid.c - the field errors of pods. An image is checked for emptiness and blanks only, as
 * the real server does: a bad reference is the node's to find (InvalidImageName). */
#include "mock/kube.h"

#include <stdlib.h>

static const char *text(const ir_json *o, const char *name)
{
    const char *s = ir_json_str(o, name);
    return s ? s : "";
}

static void at(mk_errors *e, const char *reason, const char *path, const char *member,
               const char *detail)
{
    char *field = ir_format("%s.%s", path, member);
    mk_fielderr(e, reason, field ? field : path, "%s", detail);
    free(field);
}

static bool one_of(const char *value, const char *list)
{
    ir_strv v = {0};
    bool yes = !ir_strv_split(&v, list, ' ') && ir_strv_has(&v, value);
    ir_strv_free(&v);
    return yes;
}

static void check_choice(const ir_json *o, const char *path, const char *member, const char *list,
                         mk_errors *e)
{
    const char *value = ir_json_str(o, member);
    if (!value || one_of(value, list))
        return;
    ir_buf detail = IR_BUF(IR_KIB);
    ir_strv v = {0};
    ir_buf_addf(&detail, "\"%s\": supported values: ", value);
    if (!ir_strv_split(&v, list, ' '))
        for (size_t i = 0; i < v.n; i++)
            ir_buf_addf(&detail, "%s\"%s\"", i ? ", " : "", v.v[i]);
    at(e, "FieldValueNotSupported", path, member, ir_buf_str(&detail));
    ir_strv_free(&v);
    ir_buf_free(&detail);
}

static void check_ports(const ir_json *ports, const char *path, mk_errors *e)
{
    for (size_t i = 0; i < ir_json_len(ports); i++) {
        const ir_json *port = ir_json_at(ports, i);
        char *field = ir_format("%s.ports[%zu]", path, i);
        int64_t number = ir_json_int(port, "containerPort", 0);
        if (field && !ir_json_get(port, "containerPort"))
            at(e, "FieldValueRequired", field, "containerPort", "");
        else if (field && (number < 1 || number > 65535))
            at(e, "FieldValueInvalid", field, "containerPort",
               "must be between 1 and 65535, inclusive");
        if (field)
            check_choice(port, field, "protocol", "SCTP TCP UDP", e);
        free(field);
    }
}

static void check_env(const ir_json *env, const char *path, mk_errors *e)
{
    for (size_t i = 0; i < ir_json_len(env); i++) {
        const ir_json *v = ir_json_at(env, i);
        char *field = ir_format("%s.env[%zu]", path, i);
        if (field && !*text(v, "name"))
            at(e, "FieldValueRequired", field, "name", "");
        if (field && strchr(text(v, "name"), '='))
            at(e, "FieldValueInvalid", field, "name",
               "a valid environment variable name must consist only of printable ASCII characters "
               "other than '='");
        if (field && *text(v, "value") && ir_json_get(v, "valueFrom"))
            at(e, "FieldValueInvalid", field, "valueFrom",
               "may not be specified when `value` is not empty");
        free(field);
    }
}

static bool has_volume(const ir_json *volumes, const char *name)
{
    for (size_t i = 0; i < ir_json_len(volumes); i++)
        if (!strcmp(text(ir_json_at(volumes, i), "name"), name))
            return true;
    return false;
}

static void check_mounts(const ir_json *spec, const ir_json *mounts, const char *path, mk_errors *e)
{
    for (size_t i = 0; i < ir_json_len(mounts); i++) {
        const char *name = text(ir_json_at(mounts, i), "name");
        char *field = ir_format("%s.volumeMounts[%zu]", path, i);
        char *detail = ir_format("\"%s\"", name);
        if (field && detail && !has_volume(ir_json_get(spec, "volumes"), name))
            at(e, "FieldValueNotFound", field, "name", detail);
        if (field && !*text(ir_json_at(mounts, i), "mountPath"))
            at(e, "FieldValueRequired", field, "mountPath", "");
        free(field);
        free(detail);
    }
}

static void check_container(const ir_json *spec, const ir_json *list, size_t i, const char *path,
                            mk_errors *e)
{
    const ir_json *c = ir_json_at(list, i);
    const char *name = text(c, "name"), *image = text(c, "image");
    if (!*name)
        at(e, "FieldValueRequired", path, "name", "");
    else if (!mk_is_label(name, false))
        at(e, "FieldValueInvalid", path, "name",
           "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
           "and must start and end with an alphanumeric character");
    for (size_t k = 0; *name && k < i; k++)
        if (!strcmp(text(ir_json_at(list, k), "name"), name))
            at(e, "FieldValueDuplicate", path, "name", name);
    if (!*image)
        at(e, "FieldValueRequired", path, "image", "");
    else if (*image == ' ' || image[strlen(image) - 1] == ' ')
        at(e, "FieldValueInvalid", path, "image", "must not have leading or trailing whitespace");
    check_choice(c, path, "imagePullPolicy", "Always IfNotPresent Never", e);
    check_ports(ir_json_get(c, "ports"), path, e);
    check_env(ir_json_get(c, "env"), path, e);
    check_mounts(spec, ir_json_get(c, "volumeMounts"), path, e);
}

static void check_containers(const ir_json *spec, const char *member, mk_errors *e)
{
    const ir_json *list = ir_json_get(spec, member);
    for (size_t i = 0; i < ir_json_len(list); i++) {
        char *path = ir_format("spec.%s[%zu]", member, i);
        if (path)
            check_container(spec, list, i, path, e);
        free(path);
    }
}

/* Only images (and a few numbers) of a pod may change. */
static ir_json *fixed_part(const ir_json *pod)
{
    static const char *const lists[] = {"containers", "initContainers"};
    ir_json *spec = ir_json_copy(ir_json_get(pod, "spec"));
    for (size_t l = 0; l < 2; l++) {
        const ir_json *list = ir_json_get(spec, lists[l]);
        for (size_t i = 0; i < ir_json_len(list); i++)
            ir_json_remove(ir_json_at(list, i), "image");
    }
    ir_json_remove(spec, "activeDeadlineSeconds");
    ir_json_remove(spec, "tolerations");
    ir_json_remove(spec, "terminationGracePeriodSeconds");
    return spec;
}

static void check_change(const ir_json *old, const ir_json *pod, mk_errors *e)
{
    ir_json *a = fixed_part(old), *b = fixed_part(pod);
    /* The scheduler's binding is the one change of nodeName. */
    if (!ir_json_get(a, "nodeName"))
        ir_json_remove(b, "nodeName");
    if (!ir_json_equal(a, b))
        mk_fielderr(
            e, "FieldValueForbidden", "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
            "(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
            "(allow it to be set to 1 if it was previously negative)");
    ir_json_free(a);
    ir_json_free(b);
}

void mk_validate_pod(const ir_json *old, const ir_json *object, mk_errors *e)
{
    const ir_json *spec = ir_json_get(object, "spec");
    if (!ir_json_len(ir_json_get(spec, "containers")))
        mk_fielderr(e, "FieldValueRequired", "spec.containers", "%s", "");
    check_containers(spec, "containers", e);
    check_containers(spec, "initContainers", e);
    check_choice(spec, "spec", "restartPolicy", "Always Never OnFailure", e);
    check_choice(spec, "spec", "dnsPolicy", "ClusterFirst ClusterFirstWithHostNet Default None", e);
    if (ir_json_int(spec, "terminationGracePeriodSeconds", 0) < 0)
        mk_fielderr(e, "FieldValueInvalid", "spec.terminationGracePeriodSeconds",
                    "must be greater than or equal to 0");
    if (old)
        check_change(old, object, e);
}
