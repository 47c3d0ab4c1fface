/* conform.c - a run of the table: who asks and what the server is, a project and a robot of its
 * own, every check in turn, and at the end, however it came, nothing of it left. */
#include "mock/conform.h"
#include "mock/tls.h"
#include "base/cancel.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define OLD_MINOR 11 /* below: only what was seen there counts as a failure */
#define SEEN_MINOR 13

static const mk_row *const tables[] = {
    mk_conform_auth,      mk_conform_list,     mk_conform_project,
    mk_conform_robot,     mk_conform_registry, mk_conform_artifact,
    mk_conform_robot_use, mk_conform_rest,     mk_conform_end};

/* ---- checks ---------------------------------------------------------------------------------- */

static bool for_version(const mk_conform *c, const mk_row *row)
{
    return (!row->from || c->minor >= row->from) && (!row->until || c->minor <= row->until);
}

/* Rows of one check; detail: the step that went wrong. "pass", "fail", "differs" or "skip". */
static const char *run_check(mk_conform *c, const mk_row *first, imgrel_error *err)
{
    unsigned unsure = first->flags & MK_UNSURE;
    bool ok = true;
    for (const mk_row *row = first; ok && row->ask && (row == first || !row->check); row++) {
        imgrel_error why = {0};
        if (row != first && !for_version(c, row))
            continue;
        bool asked = mk_conform_ask(c, row, &why);
        if (why.code == IMGREL_ECANCELED) {
            (void)!ir_fail(err, why.code, "%s", why.message);
            return NULL;
        }
        ok = asked && mk_conform_want(c, row->want);
        if (c->missing.len) {
            ir_buf_clear(&c->detail);
            ir_buf_addf(&c->detail, "{%s} is not there, as a check before went otherwise",
                        ir_buf_str(&c->missing));
            return "skip";
        }
        if (ok)
            continue;
        char *what = ir_strdup(ir_buf_str(&c->detail));
        ir_buf_clear(&c->detail);
        ir_buf_addf(&c->detail, "%s: %s", row->ask, asked && what ? what : why.message);
        free(what);
        unsure |= row->flags & MK_UNSURE;
    }
    if (ok)
        return "pass";
    bool seen = c->minor >= SEEN_MINOR || (c->minor < OLD_MINOR && (first->flags & MK_OLD));
    return seen && !unsure ? "fail" : "differs";
}

static void report(mk_conform *c, const mk_row *row, const char *result)
{
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:s}", "check", row->check, "fact", row->fact, "result", result);
    ir_json_puts(j, "detail", c->detail.len ? ir_buf_str(&c->detail) : NULL);
    ir_json_append(c->checks, j);
}

static int run_row(mk_conform *c, const mk_row *row, const char *only, imgrel_error *err)
{
    const char *result;
    bool setup = ir_starts(row->check, "setup");
    ir_buf_clear(&c->missing);
    ir_buf_clear(&c->detail);
    if (!for_version(c, row) || (only && !setup && !strstr(row->check, only)))
        return 0;
    if ((row->flags & MK_ADMIN) && !c->admin) {
        ir_buf_adds(&c->detail, "it takes an administrator");
        result = "skip";
    } else if (!(result = run_check(c, row, err)))
        return IMGREL_ECANCELED;
    report(c, row, result);
    return 0;
}

static int run_tables(mk_conform *c, const char *only, imgrel_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof tables / sizeof *tables; i++)
        for (const mk_row *row = tables[i]; !rc && row->ask; row++)
            if (row->check)
                rc = run_row(c, row, only, err);
    return rc;
}

/* ---- before ---------------------------------------------------------------------------------- */

static int need(mk_conform *c, const char *ask, imgrel_error *err)
{
    mk_row row = {.ask = ask};
    if (!mk_conform_ask(c, &row, err))
        return err && err->code ? err->code : IMGREL_ENOMEM;
    if (c->reply.status == 200 && c->json)
        return 0;
    return ir_fail(err, c->reply.status == 401 ? IMGREL_EAUTH : IMGREL_EPROTO,
                   "%s: %s answers %d%s", c->url, ask + strlen("GET "), c->reply.status,
                   c->reply.status == 412   ? ": a robot cannot run this, a user can"
                   : c->reply.status == 200 ? " and no JSON: is it a Harbor?"
                                            : "");
}

/* "v2.15.2-080b0220": its second number. */
static int read_version(mk_conform *c, imgrel_error *err)
{
    unsigned long long minor = 0;
    int rc = need(c, "GET systeminfo", err);
    if (rc)
        return rc;
    const char *v = ir_json_str(c->json, "harbor_version");
    char *text = v && ir_starts(v, "v2.") ? ir_strndup(v + 3, strspn(v + 3, "0123456789")) : NULL;
    bool ok = text && ir_parse_u64(text, 1000, &minor);
    free(text);
    if (!ok)
        return ir_fail(err, IMGREL_EPROTO, "%s: version %s is no Harbor 2", c->url, v ? v : "");
    ir_json_puts(c->vars, "version", v);
    c->minor = (int)minor;
    return 0;
}

static int read_server(mk_conform *c, imgrel_error *err)
{
    int rc = need(c, "GET users/current", err);
    if (rc)
        return rc;
    c->admin = ir_json_bool(c->json, "sysadmin_flag", false);
    ir_json_puts(c->vars, "me", ir_json_str(c->json, "username"));
    return read_version(c, err);
}

/* Names of this run; what rows need and no server says. */
static int set_names(mk_conform *c, imgrel_error *err)
{
    char hex[9], name[32], long_name[258];
    mk_random_hex(hex, 4);
    snprintf(name, sizeof name, "ir%s", hex);
    ir_json_puts(c->vars, "x", name);
    snprintf(name, sizeof name, "IR%s", hex);
    ir_json_puts(c->vars, "upper_x", name);
    snprintf(name, sizeof name, "9%08llu", strtoull(hex, NULL, 16) % 100000000);
    ir_json_puts(c->vars, "digits", name);
    snprintf(name, sizeof name, "ir%s-a", hex);
    ir_json_puts(c->vars, "p", name);
    snprintf(name, sizeof name, "ir%s-b", hex);
    ir_json_puts(c->vars, "p2", name);
    memset(long_name, 'a', sizeof long_name);
    long_name[256] = '\0';
    ir_json_puts(c->vars, "a256", long_name);
    long_name[250] = '\0';
    ir_json_puts(c->vars, "a250", long_name);
    long_name[128] = '\0';
    memcpy(long_name, "A1", 2);
    ir_json_puts(c->vars, "secret128", long_name);
    return mk_conform_image(c, err);
}

static int open_session(mk_conform *c, const ir_json *spec, imgrel_error *err)
{
    ir_log log = {0};
    ir_conf conf = {.connect_timeout_ms = 15000, .stall_timeout_ms = 60000, .jobs = 1};
    conf.ca_file = ir_strdup(ir_json_str(spec, "ca_file"));
    const char *host = strstr(c->url, "://");
    char *name = host ? ir_strndup(host + 3, strcspn(host + 3, "/")) : NULL;
    int rc = host ? 0
                  : ir_fail(err, IMGREL_EINVAL, "%s is no URL: it begins with http:// or https://",
                            c->url);
    if (!rc && ir_json_bool(spec, "insecure", false))
        rc = name ? ir_strv_add(&conf.insecure, name) : ir_nomem(err);
    if (!rc)
        rc = ir_session_new(&conf, &log, &c->call.session, err);
    ir_conf_clear(&conf);
    free(name);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static long long count(const ir_json *checks, const char *result)
{
    long long n = 0;
    for (size_t i = 0; i < ir_json_len(checks); i++)
        n += ir_streq(ir_json_str(ir_json_at(checks, i), "result"), result);
    return n;
}

static char *summary(mk_conform *c)
{
    ir_json *j = ir_json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:O}", "url", c->url, "version",
                              mk_conform_var(c, "version"), "admin", c->admin, "passed",
                              count(c->checks, "pass"), "failed", count(c->checks, "fail"),
                              "differing", count(c->checks, "differs"), "skipped",
                              count(c->checks, "skip"), "checks", c->checks);
    char *text = j ? ir_json_string(j, IR_JSON_COMPACT) : NULL;
    ir_json_free(j);
    return text;
}

static int run(mk_conform *c, const ir_json *spec, char **ret_json, imgrel_error *err)
{
    int rc = open_session(c, spec, err);
    if (!rc)
        rc = set_names(c, err);
    if (!rc)
        rc = read_server(c, err);
    if (rc)
        return rc;
    rc = run_tables(c, ir_json_str(spec, "only"), err);
    mk_conform_remove(c);
    if (!rc && !(*ret_json = summary(c)))
        rc = ir_nomem(err);
    return rc;
}

int imgrel_mock_conformance(const char *spec, const imgrel_cancel *cancel, char **ret_json,
                            imgrel_error *err)
{
    ir_json *j = NULL;
    *ret_json = NULL;
    if (err)
        *err = (imgrel_error){0};
    int rc = spec ? ir_json_parse(spec, strlen(spec), "conformance", &j, err) : IMGREL_EINVAL;
    const char *url = ir_json_str(j, "url"), *user = ir_json_str(j, "user"),
               *password = ir_json_str(j, "password");
    if (!rc && (!url || !user || !password))
        rc = ir_fail(err, IMGREL_EINVAL, "conformance: url, user and password are needed");
    if (rc) {
        ir_json_free(j);
        return rc;
    }
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    char *base = ir_strndup(url, len);
    mk_conform c = {.url = base,
                    .user = ir_strdup(user),
                    .password = ir_strdup(password),
                    .freeze_ms = ir_json_int(j, "login_freeze_ms", 1500),
                    .missing = IR_BUF(IR_KIB),
                    .detail = IR_BUF(8 * IR_KIB)};
    c.call.cancel = cancel;
    c.vars = ir_json_new_object();
    c.made = ir_json_new_array();
    c.checks = ir_json_new_array();
    rc = base && c.user && c.password ? run(&c, j, ret_json, err) : ir_nomem(err);
    mk_conform_clear(&c);
    ir_session_free(c.call.session);
    ir_json_free(c.vars);
    ir_json_free(c.made);
    ir_json_free(c.checks);
    ir_buf_free(&c.missing);
    ir_buf_free(&c.detail);
    ir_free_secret(c.password);
    free(c.user);
    free(base);
    ir_json_free(j);
    return rc;
}
