/* creds_helper.c - docker-credential-NAME get, store and erase: run without a shell, with a timeout
 * and a capped output; secrets go through pipes only. A look-up that goes wrong is logged and
 * counts as "no login"; a login that can't be kept is an error. */
#include "net/creds_impl.h"
#include "net/memo.h"
#include "base/limits.h"
#include "base/proc.h"
#include "base/str.h"
#include "fmt/json.h"

#include <stdlib.h>

/* It becomes part of a program's name, so nothing that could lead elsewhere. */
static bool good_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    return n && !name[n] && n <= 64;
}

static void warn(const ir_call *call, const char *program, const char *host, const char *why)
{
    ir_log_say(ir_call_log(call), IMGREL_LOG_WARN, "auth", "a credential helper gave no login",
               "helper", program, "host", host, "why", why, NULL);
}

static int start(const ir_call *call, const char *program, const char *verb, const char *in,
                 ir_buf *out, int *ret_status, imgrel_error *err)
{
    const char *const argv[] = {program, verb, NULL};
    ir_proc p = {.argv = argv,
                 .in = in,
                 .in_len = strlen(in),
                 .out = out,
                 .timeout_ms = ir_call_conf(call)->helper_timeout_ms};
    return ir_proc_run(&p, call->cancel, call->deadline_ms, ret_status, err);
}

static int run(const ir_call *call, const char *program, const char *host, ir_buf *out,
               bool *ret_good, imgrel_error *err)
{
    imgrel_error why = {0};
    int status = 0;
    int rc = start(call, program, "get", ir_creds_key(host), out, &status, &why);
    *ret_good = rc == 0 && status == 0;
    if (*ret_good)
        return 0;
    /* "credentials not found" comes on standard output with status 1, and is no trouble. */
    if (rc || !strstr(ir_buf_str(out), "not found"))
        warn(call, program, host, rc ? why.message : "it ended with an error");
    return ir_call_check(call, err);
}

static int read_output(const ir_call *call, const char *program, const char *host,
                       const ir_buf *out, ir_creds *ret, imgrel_error *err)
{
    ir_json *j = NULL;
    if (ir_json_parse(ir_buf_str(out), out->len, program, &j, NULL)) {
        warn(call, program, host, "what it says is not JSON");
        return 0;
    }
    const char *user = ir_json_str(j, "Username"), *secret = ir_json_str(j, "Secret");
    int rc = 0;
    if (!user || !secret || !secret[0]) {
        warn(call, program, host, "Username or Secret is missing");
    } else {
        bool token = !strcmp(user, "<token>");
        ret->user = token ? NULL : ir_strdup(user);
        *(token ? &ret->identity_token : &ret->secret) = ir_strdup(secret);
        if ((!token && !ret->user) || !ir_creds_some(ret))
            rc = ir_nomem(err);
    }
    ir_json_free(j);
    return rc;
}

static int ask(const ir_call *call, const char *name, const char *host, ir_creds *ret,
               imgrel_error *err)
{
    IR_AUTO(ir_buf) out = IR_BUF_SECRET(IR_HELPER_OUTPUT_MAX);
    char *program = ir_format("docker-credential-%s", name);
    bool good = false;
    int rc = program ? run(call, program, host, &out, &good, err) : ir_nomem(err);
    if (!rc && good)
        rc = read_output(call, program, host, &out, ret, err);
    free(program);
    return rc;
}

int ir_creds_helper(const ir_call *call, const char *name, const char *host, ir_creds *ret,
                    imgrel_error *err)
{
    if (!ir_call_conf(call)->helpers)
        return 0;
    if (!good_name(name)) {
        warn(call, "docker-credential-?", host, "its name has characters that are not allowed");
        return 0;
    }
    char *key = ir_format("helper %s %s", name, host);
    if (!key)
        return ir_nomem(err);
    int rc = ir_flight_enter(call, key, err);
    if (!rc) {
        rc = ir_creds_recall(call, key, ret, err);
        if (rc == 0 && !(rc = ask(call, name, host, ret, err)))
            rc = ir_creds_keep(call, key, ret, err);
        ir_flight_leave(call, key);
    }
    free(key);
    return rc < 0 ? rc : 0;
}

/* ---- keeping -------------------------------------------------------------------------------- */

static int make_input(const char *host, const char *user, const char *secret, ir_buf *in,
                      imgrel_error *err)
{
    const char *key = ir_creds_key(host);
    if (!user) {
        ir_buf_adds(in, key);
        return ir_buf_check(in, err, "helper");
    }
    ir_json *j =
        ir_json_pack("{s:s, s:s, s:s}", "ServerURL", key, "Username", user, "Secret", secret);
    int rc = j ? ir_json_dump(j, IR_JSON_COMPACT, in, err) : ir_nomem(err);
    ir_json_free(j);
    return rc;
}

/* What it says may hold what it was given: only "not found" is looked for in it. */
static int tell(const char *program, const char *verb, const char *host, const ir_buf *out, int rc,
                int status, const imgrel_error *why, imgrel_error *err)
{
    if (!rc && !strcmp(verb, "erase") && strstr(ir_buf_str(out), "not found"))
        return ir_fail(err, IMGREL_ENOTFOUND, "%s: there is no login to forget", host);
    if (rc)
        rc = ir_fail(err, rc, "%s: %s %s: %s", host, program, verb, why->message);
    else
        rc = ir_fail(err, IMGREL_EFAILED, "%s: %s %s ended with status %d", host, program, verb,
                     status);
    ir_cure(err, "repair the helper, or take it out of credsStore and credHelpers");
    return rc;
}

int ir_creds_helper_keep(const ir_call *call, const char *name, const char *host, const char *user,
                         const char *secret, imgrel_error *err)
{
    IR_AUTO(ir_buf) in = IR_BUF_SECRET(IR_SECRET_MAX * 2);
    IR_AUTO(ir_buf) out = IR_BUF_SECRET(IR_HELPER_OUTPUT_MAX);
    const char *verb = user ? "store" : "erase";
    imgrel_error why = {0};
    int status = 0;
    if (!good_name(name))
        return ir_fail(err, IMGREL_EINVAL,
                       "%s: the name of its credential helper has characters "
                       "that are not allowed",
                       host);
    char *program = ir_format("docker-credential-%s", name);
    int rc = program ? make_input(host, user, secret, &in, err) : ir_nomem(err);
    if (!rc) {
        rc = start(call, program, verb, ir_buf_str(&in), &out, &status, &why);
        if (rc || status)
            rc = tell(program, verb, host, &out, rc, status, &why, err);
    }
    free(program);
    return rc;
}
