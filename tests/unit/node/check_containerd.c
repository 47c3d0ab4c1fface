/* check_containerd.c - config.toml: whether certs.d is read, and setting it without touching more.
 */
#include "node/node.h"
#include "support.h"

#include <stdlib.h>

#define DIR "/etc/containerd/certs.d"
#define CRI "plugins.\"io.containerd.grpc.v1.cri\""

static ir_containerd_conf read_conf(const char *text, int generation)
{
    ir_containerd_conf c = {0};
    imgrel_error err = {0};
    unit_ok(ir_containerd_read(text, text ? strlen(text) : 0, "config.toml", generation, &c, &err),
            &err);
    return c;
}

START_TEST(test_generations)
{
    static const struct {
        const char *text;
        int generation;
        bool reads, clash, disabled;
    } cases[] = {
        {NULL, 1, false, false, false},
        {NULL, 2, true, false, false},
        {"version = 2\n", 1, false, false, false},
        {"version = 2\n", 2, true, false, false},
        {"version = 2\n[" CRI ".registry]\nconfig_path = \"" DIR "\"\n", 1, true, false, false},
        {"version = 2\n[" CRI ".registry]\nconfig_path = \"/x:" DIR "/\"\n", 1, true, false, false},
        {"version = 2\n[" CRI ".registry]\nconfig_path = \"\"\n", 2, false, false, false},
        {"version = 2\n[" CRI ".registry]\nconfig_path = \"" DIR "\"\n[" CRI
         ".registry.mirrors.\"a\"]\nendpoint = [\"http://a\"]\n",
         1, true, true, false},
        {"version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/other'\n",
         0, false, false, false},
        {"version = 3\n", 0, true, false, false},
        {"version = 2\ndisabled_plugins = [\"cri\"]\n", 1, false, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ir_containerd_conf c = read_conf(cases[i].text, cases[i].generation);
        ck_assert_msg(ir_containerd_reads(&c, DIR) == cases[i].reads, "case %zu", i);
        ck_assert_msg(c.clash == cases[i].clash, "case %zu", i);
        ck_assert_msg(c.disabled == cases[i].disabled, "case %zu", i);
        ir_containerd_conf_free(&c);
    }
}
END_TEST

static void sets(const char *old, const char *new)
{
    IR_AUTO(ir_buf) out = IR_BUF(1 << 16);
    imgrel_error err = {0};
    unit_ok(ir_containerd_set_path(old, old ? strlen(old) : 0, "config.toml", DIR, &out, &err),
            &err);
    ck_assert_str_eq(ir_buf_str(&out), new);
}

START_TEST(test_set)
{
    sets(NULL, "version = 2\n\n[" CRI ".registry]\n  config_path = \"" DIR "\"\n");
    sets("# a comment\nversion = 2\n",
         "# a comment\nversion = 2\n\n[" CRI ".registry]\n  config_path = \"" DIR "\"\n");
    sets("version = 2\n[" CRI ".registry] # here\n  config_path = \"\" # old\n  x = 1\n",
         "version = 2\n[" CRI ".registry] # here\n  config_path = \"" DIR "\"\n  x = 1\n");
    sets("version = 2\n[" CRI ".registry]\n[" CRI ".cni]\nbin_dir = \"/b\"\n",
         "version = 2\n[" CRI ".registry]\n  config_path = \"" DIR "\"\n[" CRI
         ".cni]\nbin_dir = \"/b\"\n");
    sets("version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = ''\n",
         "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = \"" DIR
         "\"\n");
    /* a key of that name elsewhere is somebody else's */
    sets("version = 2\n[" CRI ".other]\nconfig_path = \"x\"",
         "version = 2\n[" CRI ".other]\nconfig_path = \"x\"\n\n[" CRI
         ".registry]\n  config_path = \"" DIR "\"\n");
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *text;
        int code;
        const char *word;
    } cases[] = {
        {"[plugins.cri]\nx = 1\n", IMGREL_EUNSUPPORTED, "migrate"},
        {"version = 2\n[plugins]\n\"io.containerd.grpc.v1.cri\" = { registry = { x = 1 } }\n",
         IMGREL_EUNSUPPORTED, "by hand"},
        {"version = ", IMGREL_EINVAL, "config.toml:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        IR_AUTO(ir_buf) out = IR_BUF(1 << 16);
        imgrel_error err = {0};
        ck_assert_int_lt(ir_containerd_set_path(cases[i].text, strlen(cases[i].text), "config.toml",
                                                DIR, &out, &err),
                         0);
        unit_error(&err, cases[i].code, cases[i].word);
    }
}
END_TEST

START_TEST(test_diff)
{
    IR_AUTO(ir_buf) out = IR_BUF(1 << 16);
    ir_node_diff("a\nb\nc\n", "a\nx\nc\n", &out);
    ck_assert_str_eq(ir_buf_str(&out), " a\n-b\n+x\n c\n");
    ir_buf_clear(&out);
    ir_node_diff("", "a\n", &out);
    ck_assert_str_eq(ir_buf_str(&out), "+a\n");
    ir_buf_clear(&out);
    ir_node_diff("a\nb\n", "", &out);
    ck_assert_str_eq(ir_buf_str(&out), "-a\n-b\n");
    ir_buf_clear(&out);
    ir_node_diff("xb\n", "yb\n", &out);
    ck_assert_str_eq(ir_buf_str(&out), "-xb\n+yb\n");
    ir_buf_clear(&out);
    ir_node_diff("a\nb\n", "a\nb\nb\n", &out);
    ck_assert_str_eq(ir_buf_str(&out), " a\n b\n+b\n");
}
END_TEST

UNIT_SUITE(containerd, test_generations, test_set, test_refused, test_diff)
