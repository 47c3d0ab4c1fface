/* mock.c - libimgrel-mock's face: start, what it tells, how it is steered, stop. Everything that it
 * makes (threads, sockets, a temporary folder) is gone after stop, or after a start that failed. */
#include "mock/server.h"
#include "base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int64_t mk_now(const imgrel_mock *m)
{
    return (int64_t)time(NULL) + m->clock_skew_s;
}

static int make_dir(imgrel_mock *m, imgrel_error *err)
{
    const char *tmp = getenv("TMPDIR");
    m->dir = ir_format("%s/imgrel-mock-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!m->dir)
        return ir_nomem(err);
    if (mkdtemp(m->dir))
        return 0;
    int rc = ir_fail_errno(err, errno, "mock: cannot create %s", m->dir);
    free(m->dir);
    m->dir = NULL;
    return rc;
}

static int read_config(imgrel_mock *m, const char *config, imgrel_error *err)
{
    int rc =
        config ? ir_json_parse(config, strlen(config), "mock configuration", &m->config, err) : 0;
    if (rc)
        return err && err->code == IMGREL_EPROTO ? (err->code = IMGREL_EINVAL) : IMGREL_EINVAL;
    if (!config)
        m->config = ir_json_new_object();
    if (!m->config)
        return ir_nomem(err);
    if (!ir_json_is_object(m->config))
        return ir_fail(err, IMGREL_EINVAL, "mock: the configuration is no JSON object");
    const char *version = ir_json_str(m->config, "version"),
               *password = ir_json_str(m->config, "admin_password");
    m->version = ir_strdup(version ? version : "2.15");
    m->admin_password = ir_strdup(password ? password : "Harbor12345");
    return m->version && m->admin_password ? 0 : ir_nomem(err);
}

static int start_parts(imgrel_mock *m, imgrel_error *err)
{
    int rc = mk_harbor_start(m, err);
    if (!rc)
        rc = mk_registry_start(m, err);
#if MK_GITLAB
    if (!rc)
        rc = mk_gitlab_start(m, err);
#endif
#if MK_KUBE
    if (!rc)
        rc = mk_kube_start(m, err);
#endif
    return rc ? rc : mk_state_start(m, err);
}

int imgrel_mock_start(const char *config, imgrel_mock **out, imgrel_error *err)
{
    *out = NULL;
    if (err)
        *err = (imgrel_error){0};
    imgrel_mock *m = calloc(1, sizeof *m);
    if (!m)
        return ir_nomem(err);
    pthread_mutex_init(&m->lock, NULL);
    int rc = read_config(m, config, err);
    if (!rc)
        rc = imgrel_cancel_new(&m->cancel, err);
    if (!rc)
        rc = make_dir(m, err);
    if (!rc)
        rc = mk_server_start(m, err);
    if (!rc)
        rc = start_parts(m, err);
    if (rc) {
        imgrel_mock_stop(m);
        return rc;
    }
    mk_server_ready(m);
    *out = m;
    return 0;
}

const char *imgrel_mock_get(const imgrel_mock *m, const char *what)
{
    const struct {
        const char *name, *value;
    } known[] = {{"url", m->url},           {"host", m->host},
                 {"kube_url", m->kube_url}, {"kubeconfig", m->kubeconfig},
                 {"ca_file", m->ca_file},   {"admin_password", m->admin_password},
                 {"version", m->version}};
    for (size_t i = 0; what && i < sizeof known / sizeof *known; i++)
        if (ir_streq(known[i].name, what))
            return known[i].value;
    return NULL;
}

static int control_state(imgrel_mock *m, const ir_json *state, ir_json **ret, imgrel_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    if (ir_json_is_object(state))
        rc = mk_state_load(m, state, err);
    else
        *ret = mk_state_get(m);
    if (!rc && !*ret)
        mk_state_changed(m);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int control_scan(imgrel_mock *m, const ir_json *script, imgrel_error *err)
{
    pthread_mutex_lock(&m->lock);
    int rc = mk_scan_script(m, script, err);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

#if MK_GITLAB
static int control_gitlab(imgrel_mock *m, const ir_json *command)
{
    pthread_mutex_lock(&m->lock);
    mk_gitlab_steer(m, command);
    pthread_mutex_unlock(&m->lock);
    return 0;
}
#endif

static int control(imgrel_mock *m, const ir_json *j, ir_json **ret, imgrel_error *err)
{
    const ir_json *fault = ir_json_get(j, "fault"), *state = ir_json_get(j, "state");
    if (fault)
        return mk_server_fault(m, fault, err);
    if (ir_streq(ir_json_str(j, "faults"), "clear"))
        return mk_server_fault(m, NULL, err);
    if (ir_json_get(j, "scan"))
        return control_scan(m, ir_json_get(j, "scan"), err);
#if MK_GITLAB
    if (ir_json_get(j, "gitlab"))
        return control_gitlab(m, ir_json_get(j, "gitlab"));
#endif
    if (state)
        return control_state(m, state, ret, err);
    if (ir_streq(ir_json_str(j, "log"), "clear"))
        mk_server_log_clear(m);
    else if (ir_json_bool(j, "log", false))
        *ret = mk_server_log(m);
    else if (ir_json_get(j, "clock")) {
        pthread_mutex_lock(&m->lock);
        m->clock_skew_s += ir_json_int(j, "clock", 0);
        pthread_mutex_unlock(&m->lock);
        mk_wake(m);
    } else
        return ir_fail(err, IMGREL_EINVAL, "mock: no such command");
    return 0;
}

int imgrel_mock_control(imgrel_mock *m, const char *command, char **ret_json, imgrel_error *err)
{
    ir_json *j = NULL, *answer = NULL;
    if (ret_json)
        *ret_json = NULL;
    if (err)
        *err = (imgrel_error){0};
    if (!m || !command)
        return ir_fail(err, IMGREL_EINVAL, "mock: no command");
    int rc = ir_json_parse(command, strlen(command), "mock command", &j, err);
    if (!rc)
        rc = control(m, j, &answer, err);
    if (!rc && ret_json && answer && !(*ret_json = ir_json_string(answer, IR_JSON_COMPACT)))
        rc = ir_nomem(err);
    ir_json_free(j);
    ir_json_free(answer);
    return rc;
}

/* POST /_mock/control, where the configuration opens it: the same commands from outside. */
static void handle_control(mk_request *r, mk_reply *p)
{
    imgrel_error why = {0};
    char *answer = NULL;
    if (!ir_json_bool(r->mock->config, "control", false))
        mk_reply_text(p, 404, "text/plain; charset=utf-8", "404 page not found\n");
    else if (!ir_streq(r->method, "POST") || !ir_streq(r->path, "/_mock/control"))
        mk_reply_text(p, 405, "text/plain; charset=utf-8", "POST /_mock/control\n");
    else if (imgrel_mock_control(r->mock, r->body, &answer, &why))
        mk_reply_json(p, 400, ir_json_pack("{s:s}", "error", why.message));
    else
        mk_reply_text(p, 200, "application/json", answer ? answer : "{}");
    imgrel_mock_free_string(answer);
}

const mk_api mk_control_api = {.prefix = "/_mock/", .handle = handle_control};

void imgrel_mock_free_string(char *s)
{
    free(s);
}

void imgrel_mock_stop(imgrel_mock *m)
{
    if (!m)
        return;
    if (m->cancel)
        imgrel_cancel_fire(m->cancel);
    mk_server_stop(m);
    mk_state_stop(m);
#if MK_KUBE
    mk_kube_stop(m);
#endif
    mk_registry_stop(m);
    mk_harbor_stop(m);
#if MK_GITLAB
    mk_gitlab_stop(m);
#endif
    mk_server_free(m);
    if (m->dir)
        (void)!ir_rmtree(m->dir, NULL);
    imgrel_cancel_free(m->cancel);
    ir_json_free(m->config);
    free(m->url);
    free(m->host);
    free(m->kube_url);
    free(m->kubeconfig);
    free(m->ca_file);
    free(m->dir);
    free(m->version);
    ir_free_secret(m->admin_password);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
