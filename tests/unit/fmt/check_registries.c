/* check_registries.c - registries.conf and hosts.toml: what they say, and what is refused. */
#include "fmt/hosts_toml.h"
#include "fmt/registries.h"
#include "unit.h"

static ir_registries all;
static ir_hosts_file hosts;
static imgrel_error err;

static void add(const char *text)
{
    err = (imgrel_error){0};
    unit_ok(ir_registries_parse(text, strlen(text), "r.conf", &all, &err), &err);
}

static void finds(const char *name, const char *prefix, size_t len)
{
    size_t n = 0;
    const ir_registry_conf *r = ir_registries_find(&all, name, &n);
    ck_assert_msg(!r == !prefix && (!r || !strcmp(r->prefix, prefix)), "%s: %s", name,
                  r ? r->prefix : "none");
    ck_assert_msg(n == len, "%s: %zu bytes, not %zu", name, n, len);
}

START_TEST(prefixes)
{
    add("unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"enforcing\"\n"
        "[[registry]]\nlocation = \"a.lan\"\n"
        "[[registry]]\nlocation = \"a.lan:5000/\"\n"
        "[[registry]]\nprefix = \"a.lan/team\"\nlocation = \"b.lan/x\"\n"
        "[[registry]]\nprefix = \"a.lan/team/app\"\nlocation = \"c.lan\"\n"
        "[[registry]]\nprefix = \"*.example.com\"\n"
        "[[registry]]\nprefix = \"*.dev.example.com\"\nlocation = \"d.lan\"\n");
    ck_assert(all.searches);
    ck_assert_uint_eq(all.n, 6);
    finds("a.lan/p:v1", "a.lan", 5);
    finds("a.lan:5000/p:v1", "a.lan:5000", 10);
    finds("a.lan:5001/p:v1", NULL, 0); /* another host */
    finds("a.lan/team/other", "a.lan/team", 10);
    finds("a.lan/teams", "a.lan", 5);
    finds("a.lan/team/app:v1", "a.lan/team/app", 14);
    finds("a.lan/team/app@sha256:00", "a.lan/team/app", 14);
    finds("a.lan/team/app2", "a.lan/team", 10);
    finds("a.lan.evil/p", NULL, 0);
    finds("x.example.com/p", "*.example.com", 13);
    finds("x.example.com:5000/p", "*.example.com", 13);
    finds("x.dev.example.com/p", "*.dev.example.com", 17);
    finds("example.com/p", NULL, 0);
    finds(".example.com/p", NULL, 0);
    finds("x.example.com.evil/p", NULL, 0);
    finds("evil/x.example.com/p", NULL, 0);
    ir_registries_free(&all);
}
END_TEST

START_TEST(registries_and_mirrors)
{
    add("[[registry]]\nprefix = \"docker.io\"\nlocation = \"m.lan/hub\"\ninsecure = true\n"
        "[[registry.mirror]]\nlocation = \"one.lan:5000/p\"\ninsecure = true\n"
        "[[registry.mirror]]\nlocation = \"two.lan\"\npull-from-mirror = \"digest-only\"\n"
        "[[registry.mirror]]\nlocation = \"three.lan\"\npull-from-mirror = \"tag-only\"\n"
        "[[registry]]\nlocation = \"bad.lan\"\nblocked = true\n"
        "[[registry]]\nlocation = \"d.lan\"\nmirror-by-digest-only = true\n"
        "mirror = [{ location = \"e.lan\" }]\n");
    const ir_registry_conf *r = &all.v[0];
    ck_assert(r->insecure && !r->blocked && r->n_mirrors == 3);
    ck_assert_str_eq(r->location, "m.lan/hub");
    ck_assert_str_eq(r->mirrors[0].location, "one.lan:5000/p");
    ck_assert(r->mirrors[0].insecure && r->mirrors[0].what == IR_MIRROR_ALL);
    ck_assert(!r->mirrors[1].insecure && r->mirrors[1].what == IR_MIRROR_DIGESTS);
    ck_assert(r->mirrors[2].what == IR_MIRROR_TAGS);
    ck_assert(all.v[1].blocked);
    ck_assert(all.v[2].mirrors[0].what == IR_MIRROR_DIGESTS);
    add("[[registry]]\nprefix = \"docker.io\"\nlocation = \"other.lan\"\n"); /* a drop-in */
    ck_assert_uint_eq(all.n, 3);
    ck_assert(!all.v[0].insecure && !all.v[0].n_mirrors);
    ck_assert_str_eq(all.v[0].location, "other.lan");
    ir_registries_free(&all);
}
END_TEST

START_TEST(registries_refused)
{
    static const char *const t[][2] = {
        {"[[registry]]\n", "r.conf: [[registry]] 1: a registry without a location"},
        {"[[registry]]\nprefix = \"a.lan\"", "without a location"},
        {"[[registry]]\nlocation = \"https://a.lan\"", "is not host[:port][/path]"},
        {"[[registry]]\nlocation = \"u@a.lan\"", "is not host[:port][/path]"},
        {"[[registry]]\nlocation = 5", "location is not a string"},
        {"[[registry]]\nlocation = \"*.lan\"", "* may only begin a prefix"},
        {"[[registry]]\nlocation = \"a\"\nprefix = \"*.a.*\"", "* may only begin a prefix"},
        {"[[registry]]\nlocation = \"a\"\ninsecure = \"yes\"", "insecure is not true or false"},
        {"[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\n", "a mirror without a location"},
        {"[[registry]]\nlocation = \"a\"\nmirror = \"b\"", "[[registry.mirror]]"},
        {"[[registry]]\nlocation = \"a\"\nmirror-by-digest-only = true\n[[registry.mirror]]\n"
         "location = \"b\"\npull-from-mirror = \"all\"",
         "exclude each other"},
        {"[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\nlocation = \"b\"\n"
         "pull-from-mirror = \"never\"",
         "pull-from-mirror is not all"},
        {"[registry]\nlocation = \"a\"", "[[registry]]"},
        {"[registries.search]\nregistries = []", "version 1"},
        {"[[registry]", "r.conf:1:11: ]] was expected"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        err = (imgrel_error){0};
        int rc = ir_registries_parse(t[i][0], strlen(t[i][0]), "r.conf", &all, &err);
        ck_assert_msg(rc == IMGREL_EINVAL, "%s: %d", t[i][0], rc);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
    }
    ir_registries_free(&all);
}
END_TEST

static int read_hosts(const char *text)
{
    err = (imgrel_error){0};
    return ir_hosts_toml_parse(text, strlen(text), "hosts.toml", &hosts, &err);
}

START_TEST(hosts_toml)
{
    unit_ok(read_hosts("server = \"https://registry-1.docker.io/\"\nskip_verify = false\n"
                       "[host.\"m.lan:5000\"]\n"
                       "  capabilities = [\"pull\", \"resolve\", \"referrers\"]\n"
                       "  ca = \"a.pem\"\n"
                       "  client = [[\"c.cert\", \"c.key\"], [\"d\", \"\"]]\n"
                       "  skip_verify = true\n  dial_timeout = \"1s\"\n"
                       "  [host.\"m.lan:5000\".header]\n"
                       "    x-a = [\"1\", \"2\"]\n    x-b = \"3\"\n"
                       "[host.\"http://n.lan/v2/p\"]\n"
                       "  override_path = true\n  ca = [\"a.pem\", \"b.pem\"]\n"
                       "  client = \"both.pem\"\n"),
            &err);
    ck_assert_uint_eq(hosts.n, 2);
    ck_assert_str_eq(hosts.server.url, "https://registry-1.docker.io");
    const ir_hosts_entry *e = &hosts.v[0];
    ck_assert_str_eq(e->url, "https://m.lan:5000");
    ck_assert_uint_eq(e->can, IR_HOSTS_PULL | IR_HOSTS_RESOLVE);
    ck_assert(e->skip_verify && !e->override_path);
    ck_assert_str_eq(e->ca.v[0], "a.pem");
    ck_assert_str_eq(e->cert, "c.cert");
    ck_assert_str_eq(e->key, "c.key");
    ck_assert_uint_eq(e->headers.n, 3);
    ck_assert_str_eq(e->headers.v[1], "x-a: 2");
    ck_assert_str_eq(e->headers.v[2], "x-b: 3");
    e = &hosts.v[1];
    ck_assert_str_eq(e->url, "http://n.lan/v2/p");
    ck_assert_uint_eq(e->can, IR_HOSTS_PULL | IR_HOSTS_RESOLVE | IR_HOSTS_PUSH);
    ck_assert(e->override_path && e->ca.n == 2 && !e->key);
    ck_assert_str_eq(e->cert, "both.pem");
    ir_hosts_file_free(&hosts);
    unit_ok(read_hosts(""), &err);
    ck_assert(!hosts.n && !hosts.server.url);
    ir_hosts_file_free(&hosts);
}
END_TEST

START_TEST(hosts_toml_refused)
{
    static const char *const t[][2] = {
        {"server = ", "hosts.toml:1:10: a value was expected"},
        {"[host.\"ftp://a\"]", "no address of a registry"},
        {"[host.\"https://a?b=c\"]", "no address of a registry"},
        {"[host.\"https://u:p@a\"]", "no address of a registry"},
        {"[host.a]\ncapabilities = [\"fly\"]", "host \"a\": unknown capability \"fly\""},
        {"[host.a]\ncapabilities = [1]", "capabilities is not a string"},
        {"[host.a]\nclient = [[\"a\", \"b\", \"c\"]]", "client is not"},
        {"[host.a]\nclient = 1", "client is not"},
        {"[host.a.header]\nx = \"a\\nb\"", "line break"},
        {"[host]\na = 1", "host \"a\" is not a table"},
        {"host = 1", "a host is written"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int rc = read_hosts(t[i][0]);
        ck_assert_msg(rc == IMGREL_EINVAL, "%s: %d", t[i][0], rc);
        unit_error(&err, IMGREL_EINVAL, t[i][1]);
    }
}
END_TEST

UNIT_SUITE(registries, prefixes, registries_and_mirrors, registries_refused, hosts_toml,
           hosts_toml_refused)
