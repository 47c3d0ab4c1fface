/* check_ref.c - the reference grammar, row by row; errors say where and which rule. */
#include "fmt/ref.h"
#include "base/str.h"
#include "unit.h"

#include <stdlib.h>

#define D "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
    const char *text, *name, *host, *repository, *tag, *digest;
} good[] = {
    {"nginx", "docker.io/library/nginx:latest", "docker.io", "library/nginx", "latest", NULL},
    {"nginx:1.22", "docker.io/library/nginx:1.22", "docker.io", "library/nginx", "1.22", NULL},
    {"docker://nginx", "docker.io/library/nginx:latest", "docker.io", "library/nginx", "latest",
     NULL},
    {"index.docker.io/nginx", "docker.io/library/nginx:latest", "docker.io", "library/nginx",
     "latest", NULL},
    {"me/app", "docker.io/me/app:latest", "docker.io", "me/app", "latest", NULL},
    {"localhost/a", "localhost/a:latest", "localhost", "a", "latest", NULL},
    {"localhost:5000", "docker.io/library/localhost:5000", "docker.io", "library/localhost", "5000",
     NULL},
    {"localhost:5000/a", "localhost:5000/a:latest", "localhost:5000", "a", "latest", NULL},
    {"HOST/a", "HOST/a:latest", "HOST", "a", "latest", NULL},
    {"[::1]/a", "[::1]/a:latest", "[::1]", "a", "latest", NULL},
    {"[fe80::1]:5000/a/b:x", "[fe80::1]:5000/a/b:x", "[fe80::1]:5000", "a/b", "x", NULL},
    {"core.harbor.domain/library/my-react-app:1.0.0@" D,
     "core.harbor.domain/library/my-react-app:1.0.0@" D, "core.harbor.domain",
     "library/my-react-app", "1.0.0", D},
    {"a.b/c@" D, "a.b/c@" D, "a.b", "c", NULL, D},
    {"a.b/c/d/e/f/g/h", "a.b/c/d/e/f/g/h:latest", "a.b", "c/d/e/f/g/h", "latest", NULL},
    {"a__b/c.d_e-----f", "docker.io/a__b/c.d_e-----f:latest", "docker.io", "a__b/c.d_e-----f",
     "latest", NULL},
    {"a.b/c:_-.Z", "a.b/c:_-.Z", "a.b", "c", "_-.Z", NULL},
};

START_TEST(registry)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ir_ref r, again;
        imgrel_error err = {0};
        unit_ok(ir_ref_parse(good[i].text, &r, &err), &err);
        ck_assert_int_eq(r.transport, IR_REGISTRY);
        ck_assert_str_eq(r.name, good[i].name);
        ck_assert_str_eq(r.host, good[i].host);
        ck_assert_str_eq(r.repository, good[i].repository);
        ck_assert(ir_streq(r.tag, good[i].tag) && ir_streq(r.digest, good[i].digest));
        ck_assert_str_eq(ir_ref_selector(&r), r.digest ? r.digest : r.tag);
        unit_ok(ir_ref_parse(r.name, &again, &err), &err); /* canonical names are fixed points */
        ck_assert_str_eq(again.name, r.name);
        ir_ref_free(&again);
        ir_ref_free(&r);
    }
}
END_TEST

START_TEST(local)
{
    static const struct {
        const char *text, *path, *tag, *digest;
        enum ir_transport transport;
    } t[] = {
        {"oci:dir", "dir", NULL, NULL, IR_OCI_LAYOUT},
        {"oci:/a/b:v1", "/a/b", "v1", NULL, IR_OCI_LAYOUT},
        {"oci:../x@" D, "../x", NULL, D, IR_OCI_LAYOUT},
        {"oci:d:t@" D, "d", "t", D, IR_OCI_LAYOUT},
        {"oci-archive:a b.tar:x", "a b.tar", "x", NULL, IR_OCI_ARCHIVE},
        {"docker-archive:f.tar", "f.tar", NULL, NULL, IR_DOCKER_ARCHIVE},
        {"docker-archive:f:h:5000/n:1", "f", "h:5000/n:1", NULL, IR_DOCKER_ARCHIVE},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_ref r;
        imgrel_error err = {0};
        unit_ok(ir_ref_parse(t[i].text, &r, &err), &err);
        ck_assert_int_eq(r.transport, t[i].transport);
        ck_assert_str_eq(r.path, t[i].path);
        ck_assert_str_eq(r.name, t[i].text);
        ck_assert(ir_streq(r.tag, t[i].tag) && ir_streq(r.digest, t[i].digest));
        ir_ref_free(&r);
    }
}
END_TEST

START_TEST(names_in_docker_archives_are_short_and_tagged)
{
    static const char *const t[][2] = {{"h:5000/n", "h:5000/n:latest"},
                                       {"docker.io/library/n:1", "n:1"},
                                       {"docker.io/o/n", "o/n:latest"},
                                       {"docker.io/docker.io/n", "docker.io/docker.io/n:latest"},
                                       {"n:1", "n:1"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_ref r;
        imgrel_error err = {0};
        char text[100], name[100];
        snprintf(text, sizeof text, "docker-archive:f:%s", t[i][0]);
        snprintf(name, sizeof name, "docker-archive:f:%s", t[i][1]);
        unit_ok(ir_ref_parse(text, &r, &err), &err);
        ck_assert_str_eq(r.tag, t[i][1]);
        ck_assert_str_eq(r.name, name);
        ir_ref_free(&r);
    }
}
END_TEST

START_TEST(refused)
{
    static const char *const t[][2] = {
        {"", "reference is empty"},
        {":tag", "repository is empty"},
        {"a:", "tag is empty"},
        {"a:-b", "it begins with '-'"},
        {"a:b c", "character 2"},
        {"A", "character 1: upper case"},
        {"a.b/C", "upper case is not allowed"},
        {"a.b/c//d", "character 3"},
        {"a.b/c/", "ends with a separator"},
        {"a.b/-c", "needs a-z or 0-9"},
        {"a.b/c-", "ends with a separator"},
        {"a___b", "character 4"},
        {"a..b", "character 3"},
        {"a.b/c\xc3\xa4", "only a-z 0-9"},
        {"a b/c", "only a-z 0-9"},
        {"a.b:99999/c", "port"},
        {"a.b:0/c", "port"},
        {"-a.b/c", "not a domain name"},
        {"a..b/c", "not a domain name"},
        {"[::g]/c", "not a domain name or a bracketed"},
        {"a.b/c@sha256:12", "sha256 has 64"},
        {"a.b/c@md5:12", "not sha256 or sha512"},
        {"a.b/c@" D "x", "character 72"},
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "image ID"},
        {"https://a.b/c", "leave out http"},
        {"./dir", "oci:DIR"},
        {"/dir", "oci:DIR"},
        {"oci:", "path is empty"},
        {"oci:a:b c", "are allowed"},
        {"oci:a:", "are allowed"},
        {"docker-archive:a:1@sha256", "by tags only"},
        {"a\nb", "control character"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_ref r;
        imgrel_error err = {0};
        ck_assert_msg(ir_ref_parse(t[i][0], &r, &err) == IMGREL_EINVAL, "%s", t[i][0]);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
        ck_assert_ptr_null(r.name);
        ck_assert_ptr_null(r.host);
    }
    ck_assert_int_eq(ir_ref_parse(NULL, &(ir_ref){0}, NULL), IMGREL_EINVAL);
}
END_TEST

START_TEST(lengths)
{
    char text[6000];
    ir_ref r;
    imgrel_error err = {0};
    memset(text, 'a', sizeof text);
    memcpy(text, "h.x/", 4);
    text[4 + 255] = '\0';
    unit_ok(ir_ref_parse(text, &r, &err), &err);
    ir_ref_free(&r);
    text[4 + 255] = 'a';
    text[4 + 256] = '\0';
    ck_assert_int_eq(ir_ref_parse(text, &r, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "longer than 255");
    memset(text, 'a', sizeof text);
    memcpy(text, "h.x/a:", 6);
    text[6 + 129] = '\0';
    ir_error_clear(&err);
    ck_assert_int_eq(ir_ref_parse(text, &r, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "longer than 128");
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ir_error_clear(&err);
    ck_assert_int_eq(ir_ref_parse(text, &r, &err), IMGREL_EINVAL);
    unit_error(&err, IMGREL_EINVAL, "longer than 4096");
}
END_TEST

START_TEST(repositories)
{
    ir_ref r;
    imgrel_error err = {0};
    unit_ok(ir_ref_parse_repository("h:5000/a/b", &r, &err), &err);
    ck_assert_str_eq(r.name, "h:5000/a/b");
    ck_assert_ptr_null(ir_ref_selector(&r));
    ir_ref_free(&r);
    static const char *const bad[] = {"h.x/a:1", "nginx:1", "h.x/a@" D, "oci:dir"};
    for (size_t i = 0; i < 4; i++) {
        ir_error_clear(&err);
        ck_assert_int_eq(ir_ref_parse_repository(bad[i], &r, &err), IMGREL_EINVAL);
        unit_error(&err, IMGREL_EINVAL, "a repository");
    }
}
END_TEST

START_TEST(changes)
{
    ir_ref r, c;
    imgrel_error err = {0};
    unit_ok(ir_ref_parse("h.x/a:1@" D, &r, &err), &err);
    ck_assert_int_eq(ir_ref_copy(&r, &c), 0);
    ck_assert_str_eq(c.name, r.name);
    ck_assert_int_eq(ir_ref_set(&c, c.tag, NULL), 0);
    ck_assert_str_eq(c.name, "h.x/a:1");
    ck_assert_int_eq(ir_ref_set(&c, NULL, D), 0);
    ck_assert_str_eq(c.name, "h.x/a@" D);
    ck_assert_str_eq(r.name, "h.x/a:1@" D);
    ir_ref_free(&c);
    ir_ref_free(&r);
    ir_ref_free(&r);
}
END_TEST

UNIT_SUITE(ref, registry, local, names_in_docker_archives_are_short_and_tagged, refused, lengths,
           repositories, changes)
