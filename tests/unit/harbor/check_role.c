/* check_role.c - rights by intent, and rights compared as sets. */
#include "script.h"

#include "harbor/inside.h"

static ir_json *json(const char *text)
{
    imgrel_error err = {0};
    ir_json *j = NULL;

    unit_ok(ir_json_parse(text, strlen(text), "test", &j, &err), &err);
    return j;
}

static ir_json *in_project(const char *access)
{
    ir_json *a = json(access);

    return ir_json_pack("[{s:s, s:s, s:o}]", "kind", "project", "namespace", "library", "access",
                        a);
}

#define R(action) "{\"resource\":\"repository\",\"action\":\"" action "\"}"

START_TEST(compared_as_sets)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"[" R("pull") "," R("push") "]", "[" R("push") "," R("pull") "]", true},
        {"[" R("pull") "," R("pull") "]", "[" R("pull") "]", true},
        {"[" R("pull") "]", "[" R("push") "]", false},
        {"[" R("pull") "]", "[" R("pull") "," R("push") "]", false},
        {"[{\"resource\":\"repository\",\"action\":\"pull\",\"effect\":\"allow\"}]",
         "[" R("pull") "]", true},
        /* Any other effect denies, even one that means nothing. */
        {"[{\"resource\":\"repository\",\"action\":\"pull\",\"effect\":\"bogus\"}]",
         "[" R("pull") "]", false},
        {"[]", "[" R("pull") "]", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ir_json *a = in_project(rows[i].a), *b = in_project(rows[i].b);
        ck_assert_msg(ir_harbor_rights_equal(a, b) == rows[i].equal, "%s %s", rows[i].a, rows[i].b);
        ck_assert_msg(ir_harbor_rights_equal(b, a) == rows[i].equal, "%s %s", rows[i].b, rows[i].a);
        ir_json_free(a);
        ir_json_free(b);
    }
}
END_TEST

/* No role may delete. */
START_TEST(roles)
{
    static const struct {
        const char *role, *rights;
    } rows[] = {
        {"pull", "[" R("pull") "]"},
        {"push", "[" R("pull") "," R("push") "]"},
    };

    for (size_t i = 0; i < 2; i++) {
        ir_robot_spec spec = {.role = rows[i].role};
        imgrel_error err = {0};
        ir_json *access = NULL, *want = in_project(rows[i].rights);
        unit_ok(ir_harbor_rights(NULL, NULL, "library", &spec, &access, &err), &err);
        ck_assert(ir_harbor_rights_equal(access, want));
        ir_json_free(access);
        ir_json_free(want);
    }
}
END_TEST

START_TEST(bad_specs)
{
    static const char *const bad[] = {
        "{}",
        "{\"role\":\"admin\"}",
        "{\"role\":\"pull\",\"access\":[]}",
        "{\"access\":[]}",
        "{\"access\":[{\"resource\":\"repository\"}]}",
        "{\"role\":\"pull\",\"rolle\":1}",
        "{\"role\":\"pull\",\"expires\":\"soon\"}",
        "{\"role\":\"pull\",\"expires\":\"36h\"}",
        "{\"role\":\"pull\",\"expires\":\"0d\"}",
        "{\"role\":7}",
        "nonsense",
        NULL,
    };
    script s;
    imgrel_robot *r = NULL;

    script_open(&s, "admin", NULL, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imgrel_error err = {0};
        ck_assert_msg(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", bad[i], NULL, &r,
                                                 &err) == IMGREL_EINVAL,
                      "%s: %s", bad[i], err.message);
        ck_assert_ptr_null(r);
        ck_assert(*err.message);
    }
    script_close(&s);
}
END_TEST

/* What Harbor cannot grant is refused before anything is created. */
START_TEST(a_right_that_is_not_known)
{
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, {"GET /api/v2.0/permissions", 200, JSON_TYPE,
                "{\"system\":[],\"project\":[" R("pull") "," R("push") "]}"});
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s",
                                                "{\"access\":[" R("*") "]}", NULL, &r, &s.err),
                     IMGREL_EINVAL);
    unit_error(&s.err, IMGREL_EINVAL, "repository:*");
    ck_assert_ptr_nonnull(strstr(s.err.cure, "2.10"));
    script_close(&s);
}
END_TEST

/* Robots and plain users may not read the list: then what is known of the version decides, and of
 * one that is newer than what is known Harbor itself. */
START_TEST(a_list_that_may_not_be_read)
{
    const char *spec = "{\"access\":[" R("nuke") "]}";
    script s;
    imgrel_robot *r = NULL;

    SCRIPT(&s, {"GET /api/v2.0/permissions", 403, JSON_TYPE, "{}"},
           {"GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{\"harbor_version\":\"v2.15.2-1\"}"});
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", spec, NULL, &r, &s.err),
                     IMGREL_EINVAL);
    unit_error(&s.err, IMGREL_EINVAL, "repository:nuke");
    script_close(&s);
    SCRIPT(&s, {"GET /api/v2.0/permissions", 403, JSON_TYPE, "{}"},
           {"GET /api/v2.0/systeminfo", 200, JSON_TYPE, "{\"harbor_version\":\"v2.99.0-1\"}"}, ME,
           PROJECT, {"GET /api/v2.0/robots?", 200, JSON_TYPE "X-Total-Count: 0\r\n", "[]"},
           {"POST /api/v2.0/robots ", 400, JSON_TYPE,
            "{\"errors\":[{\"code\":\"BAD_REQUEST\",\"message\":\"bad request permission: "
            "repository:nuke\"}]}"});
    ck_assert_int_eq(imgrel_harbor_robot_ensure(s.harbor, "library", "k8s", spec, NULL, &r, &s.err),
                     IMGREL_EINVAL);
    unit_error(&s.err, IMGREL_EINVAL, "repository:nuke");
    script_close(&s);
}
END_TEST

/* As many rights as real servers list: 2.10.3 and 2.15.2. */
START_TEST(rights_by_version)
{
    static const struct {
        const char *version, *kind, *resource, *action;
        bool known;
    } rows[] = {
        {"2.15.2", "project", "repository", "pull", true},
        {"2.15.2", "project", "repository", "nuke", false},
        {"2.15.2", "project", "*", "*", false},
        {"2.15.2", "project", "robot", "update", false},
        {"2.15.2", "system", "export-cve", "read", false},
        {"2.15.2", "project", "export-cve", "read", true},
        {"2.15.2", "system", "quota", "update", true},
        {"2.10.3", "system", "quota", "update", false},
        {"2.10.3", "project", "sbom", "read", false},
        {"2.11.0", "project", "sbom", "read", true},
        {"2.10.3", "project", "robot", "create", false},
        {"2.12.0", "project", "robot", "create", true},
        {"2.10.3", "project", "helm-chart", "read", false},
        {"2.9.0", "project", "helm-chart", "read", true},
        {"2.9.0", "project", "*", "*", true},
        {"2.9.0", "project", "repositry", "pull", false},
        {NULL, "project", "sbom", "read", true},
        {NULL, "project", "repository", "nuke", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(ir_harbor_right_known(rows[i].version, rows[i].kind, rows[i].resource,
                                            rows[i].action) == rows[i].known,
                      "%zu", i);
}
END_TEST

UNIT_SUITE(role, compared_as_sets, roles, bad_specs, a_right_that_is_not_known,
           a_list_that_may_not_be_read, rights_by_version)
