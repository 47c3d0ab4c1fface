/* wait.c - until what Harbor does by itself has ended. It tells nobody when it is done, so it is
 * asked, at first often and then every five seconds. */
#include "harbor/action.h"

#include "base/cancel.h"

#include <stdlib.h>

#define FIRST_MS 200
#define MOST_MS 5000
#define BOUND_MS (60 * 60 * 1000)

int64_t ir_action_end(const ir_call *call)
{
    int64_t end = ir_now_ms() + BOUND_MS;

    return call->deadline_ms && call->deadline_ms < end ? call->deadline_ms : end;
}

int ir_action_pause(const ir_action_job *job, int n, int64_t end_ms, imgrel_error *err)
{
    int64_t ms = FIRST_MS;

    for (int i = 1; i < n && ms < MOST_MS; i++)
        ms = ms * 3 / 2;
    return ir_sleep(job->call->cancel, ms < MOST_MS ? ms : MOST_MS, end_ms, err);
}

static bool among(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
        if ((p == list || p[-1] == ' ') && (!p[len] || p[len] == ' '))
            return true;
    return false;
}

static bool is_running(const char *state)
{
    return among("InProgress Pending Running Scheduled Created pending running scheduled", state);
}

/* The document of what was started; of a list its row. */
static int look(const ir_action_job *job, const ir_wait *w, const char *id, ir_json **ret,
                imgrel_error *err)
{
    const char *mark = strstr(w->path, "%s");
    char *path = mark ? ir_format("%.*s%s%s", (int)(mark - w->path), w->path, id, mark + 2)
                      : ir_strdup(w->path);
    ir_reply reply = {0};
    ir_json *j = NULL;
    int rc = path ? ir_action_send(job, "GET", path, NULL, &reply, err) : ir_nomem(err);

    *ret = NULL;
    if (!rc)
        rc = ir_json_parse(reply.body.p, reply.body.len, job->h->host, &j, err);
    for (size_t i = 0; !rc && w->row && !*ret && i < ir_json_len(j); i++) {
        char *has = ir_format("%lld", (long long)ir_json_int(ir_json_at(j, i), w->row, 0));
        if (ir_streq(has, id))
            *ret = ir_json_ref(ir_json_at(j, i));
        free(has);
    }
    if (!rc && !w->row)
        *ret = ir_json_ref(j);
    ir_json_free(j);
    ir_reply_free(&reply);
    free(path);
    return rc;
}

static int ended(const ir_action_job *job, const ir_wait *w, const char *id, const ir_json *j,
                 imgrel_error *err)
{
    const char *state = ir_json_str(j, w->state), *text = ir_json_str(j, "status_text");

    if (state && among(w->good, state))
        return 0;
    ir_fail(err, IMGREL_EFAILED, "%s: %s: run %s ended as %s%s%s", job->h->host, job->place->object,
            id, state ? state : "?", text && *text ? ": " : "", text ? text : "");
    ir_cure(err, "its tasks and their logs in Harbor say why");
    return IMGREL_EFAILED;
}

int ir_action_wait(const ir_action_job *job, const ir_wait *w, const char *id, ir_json **ret,
                   imgrel_error *err)
{
    int64_t end = ir_action_end(job->call);
    int rc = 0;

    *ret = NULL;
    if (!id)
        return ir_fail(err, IMGREL_EPROTO, "%s: %s: was started, but as what is not said",
                       job->h->host, job->place->object);
    for (int n = 1; !rc; n++) {
        const char *state = NULL;
        ir_json_free(*ret);
        if ((rc = look(job, w, id, ret, err)))
            break;
        state = ir_json_str(*ret, w->state);
        if (state && !is_running(state)) {
            rc = ended(job, w, id, *ret, err);
            break;
        }
        rc = ir_progress(job->call, IMGREL_EVENT_STEP, job->place->object,
                         state ? state : "waiting", 0, 0, 1, err);
        if (!rc)
            rc = ir_action_pause(job, n, end, err);
    }
    if (rc) {
        ir_json_free(*ret);
        *ret = NULL;
    }
    return rc;
}
