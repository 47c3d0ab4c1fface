/* action_more.c - actions that are more than a request: an artifact copied inside Harbor, tagged
 * and labelled, a project's existence, a preheating run, a user's CLI secret. */
#include "harbor/action.h"

#include <stdlib.h>

#define ITEM "/projects/{P}/repositories/{R}/artifacts/{A}"

static int need(const ir_action_job *job, const char *member, const char **ret, imgrel_error *err)
{
    *ret = ir_json_str(job->spec, member);
    if (*ret && **ret)
        return 0;
    return ir_fail(err, IMGREL_EINVAL, "%s: which %s?", job->place->object, member);
}

/* Sends and forgets the answer. */
static int tell(const ir_action_job *job, const char *method, const char *path, ir_json *body,
                imgrel_error *err)
{
    ir_reply reply = {0};
    int rc = body || ir_streq(method, "DELETE")
                 ? ir_action_send(job, method, path, body, &reply, err)
                 : ir_nomem(err);

    ir_reply_free(&reply);
    ir_json_free(body);
    return rc;
}

/* ---- copies and tags ---- */

/* "PROJECT/REPOSITORY" that it shall go to; from is a tag, which it then has there too, and moves,
 * or a digest. */
int ir_action_copy(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    IR_AUTO(ir_harbor_place) to = {0};
    IR_AUTO(ir_buf) path = IR_BUF(IR_URL_MAX), from = IR_BUF(IR_URL_MAX);
    const ir_harbor_kind *k = NULL;
    const char *text = NULL, *ref = job->place->reference;
    ir_action_job there = *job;
    ir_reply reply = {0};
    int rc = need(job, "to", &text, err);

    if (rc || (rc = ir_harbor_kind_find(job->call, job->h, "repository", &k, err)) ||
        (rc = ir_harbor_place_item(k, text, &to, err)))
        return rc;
    ir_buf_addf(&from, "%s/%s%c%s", job->place->project, job->place->repository,
                strchr(ref, ':') ? '@' : ':', ref);
    ir_buf_adds(&path, "/projects/{P}/repositories/{R}/artifacts");
    ir_url_add_query(&path, "from", ir_buf_str(&from));
    there.place = &to;
    if ((rc = ir_buf_check(&path, err, "path")) || IR_DRY_RUN(job->call))
        return rc;
    rc = ir_action_send(&there, "POST", ir_buf_str(&path), NULL, &reply, err);
    if (rc && reply.status == 400 && strstr(ir_buf_str(&reply.body), "not found")) {
        ir_error_clear(err); /* Harbor's 400 for a source that is missing */
        rc = ir_harbor_place_missing(job->h, job->place, err);
    }
    if (!rc && !(*ret = ir_json_pack("{s:s, s:s}", "from", ir_buf_str(&from), "to", text)))
        rc = ir_nomem(err);
    ir_reply_free(&reply);
    return rc;
}

static bool has_tag(const ir_action_job *job, const char *name)
{
    ir_json *j = NULL;
    ir_reply reply = {0};
    bool found = false;
    int rc = ir_action_send(job, "GET", ITEM "?with_tag=true", NULL, &reply, NULL);

    if (!rc && !ir_json_parse(reply.body.p, reply.body.len, job->h->host, &j, NULL)) {
        const ir_json *tags = ir_json_get(j, "tags");
        for (size_t i = 0; i < ir_json_len(tags) && !found; i++)
            found = ir_streq(ir_json_str(ir_json_at(tags, i), "name"), name);
    }
    ir_json_free(j);
    ir_reply_free(&reply);
    return found;
}

/* A tag that another artifact has is moved only on demand; one that it has already is not moved. */
int ir_action_tag(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    const char *name = NULL;
    ir_action_job old = *job;
    ir_harbor_place there = *job->place; /* borrows all but the reference */
    imgrel_error e = {0};
    int rc = need(job, "name", &name, err);

    if (rc || IR_DRY_RUN(job->call))
        return rc;
    rc = tell(job, "POST", ITEM "/tags", ir_json_pack("{s:s}", "name", name), &e);
    if (rc == IMGREL_ECONFLICT && e.http_status == 409 && has_tag(job, name)) {
        ir_error_clear(&e);
        rc = 0;
    } else if (rc == IMGREL_ECONFLICT && e.http_status == 409 &&
               (IR_FORCE(job->call) || ir_json_bool(job->spec, "move", false))) {
        ir_error_clear(&e);
        there.reference = (char *)(uintptr_t)name;
        old.place = &there;
        rc = tell(&old, "DELETE", ITEM "/tags/{A}", NULL, &e);
        if (!rc)
            rc = tell(job, "POST", ITEM "/tags", ir_json_pack("{s:s}", "name", name), &e);
    } else if (rc == IMGREL_ECONFLICT)
        ir_cure(&e, "an artifact of the repository has this tag: move it with --force");
    if (rc && err && !err->code)
        *err = e;
    if (!rc && !(*ret = ir_json_pack("{s:s}", "tag", name)))
        rc = ir_nomem(err);
    return rc;
}

/* ---- labels ---- */

/* The project's label of that name, or the global one. */
static int label_id(const ir_action_job *job, int64_t *ret, imgrel_error *err)
{
    const char *name = NULL;
    ir_json *row = NULL;
    char *key = NULL;
    imgrel_error e = {0};
    int rc = need(job, "name", &name, err);

    if (rc)
        return rc;
    key = ir_format("%s/%s", job->place->project, name);
    rc = key ? ir_harbor_get(job->call, job->h, "label", key, &row, &e) : ir_nomem(&e);
    if (rc == IMGREL_ENOTFOUND) {
        ir_error_clear(&e);
        rc = ir_harbor_get(job->call, job->h, "label", name, &row, &e);
    }
    *ret = ir_json_int(row, "id", 0);
    if (rc && err && !err->code)
        *err = e;
    ir_json_free(row);
    free(key);
    return rc;
}

int ir_action_label(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    imgrel_error e = {0};
    int64_t id = 0;
    int rc = label_id(job, &id, err);

    if (rc || IR_DRY_RUN(job->call))
        return rc;
    rc = tell(job, "POST", ITEM "/labels", ir_json_pack("{s:I}", "id", (long long)id), &e);
    if (rc == IMGREL_ECONFLICT && e.http_status == 409)
        rc = 0; /* it has it already */
    if (rc && err && !err->code)
        *err = e;
    if (!rc && !(*ret = ir_json_pack("{s:I}", "label", (long long)id)))
        rc = ir_nomem(err);
    return rc;
}

int ir_action_unlabel(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    char *path = NULL;
    int64_t id = 0;
    int rc = label_id(job, &id, err);

    if (rc || IR_DRY_RUN(job->call))
        return rc;
    path = ir_format(ITEM "/labels/%lld", (long long)id);
    rc = path ? tell(job, "DELETE", path, NULL, err) : ir_nomem(err);
    if (!rc && !(*ret = ir_json_pack("{s:I}", "label", (long long)id)))
        rc = ir_nomem(err);
    free(path);
    return rc;
}

/* ---- others ---- */

int ir_action_exists(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    int there = ir_harbor_project_exists(job->call, job->h, job->place->item, err);

    if (there < 0)
        return there;
    if (!there)
        return ir_harbor_place_missing(job->h, job->place, err);
    *ret = ir_json_pack("{s:s, s:b}", "name", job->place->item, "exists", 1);
    return *ret ? 0 : ir_nomem(err);
}

/* One that must not be there yet. */
int ir_action_create_project(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    const char *name = job->place->item;
    enum ir_change change = IR_UNCHANGED;
    ir_json *none = job->spec ? NULL : ir_json_new_object();
    int rc = ir_harbor_project_exists(job->call, job->h, name, err);

    if (!rc)
        rc = ir_harbor_project_put(job->call, job->h, name, job->spec ? job->spec : none, &change,
                                   ret, err);
    else if (rc == 1)
        rc = 0;
    if (!rc && change != IR_CREATED) {
        rc = ir_fail(err, IMGREL_ECONFLICT, "%s: project %s exists already", job->h->host, name);
        ir_cure(err, "use ensure to make it as it should be, or take another name");
        ir_json_free(*ret);
        *ret = NULL;
    }
    ir_json_free(none);
    return rc;
}

int ir_action_ping_instance(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    ir_json *instance = NULL;
    int rc = ir_harbor_place_read(job->call, job->h, job->place, &instance, err);

    if (!rc)
        rc = tell(job, "POST", "/p2p/preheat/instances/ping", instance, err);
    if (!rc && !(*ret = ir_json_pack("{s:b}", "reached", 1)))
        rc = ir_nomem(err);
    return rc;
}

/* A policy is run by sending it to itself. */
int ir_action_preheat(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    ir_json *policy = NULL;
    ir_reply reply = {0};
    int rc = ir_harbor_place_read(job->call, job->h, job->place, &policy, err);

    if (!rc && !IR_DRY_RUN(job->call))
        rc = ir_action_send(job, "POST", job->place->kind->item, policy, &reply, err);
    if (!rc)
        rc = ir_action_result(job, &reply, ret, err);
    ir_reply_free(&reply);
    ir_json_free(policy);
    return rc;
}

int ir_action_default_scanner(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    int rc = IR_DRY_RUN(job->call)
                 ? 0
                 : tell(job, "PATCH", "/scanners/{K}", ir_json_pack("{s:b}", "is_default", 1), err);

    if (!rc && !(*ret = ir_json_pack("{s:s}", "default", job->place->item)))
        rc = ir_nomem(err);
    return rc;
}

/* With OIDC the password of the command line is this secret: the caller's, or a new one, which is
 * told once. */
int ir_action_cli_secret(const ir_action_job *job, ir_json **ret, imgrel_error *err)
{
    const char *own = ir_json_str(job->spec, "secret");
    char *secret = NULL;
    imgrel_error e = {0};
    int rc = own ? ir_robot_secret_check(own, err) : 0;

    if (rc || IR_DRY_RUN(job->call))
        return rc;
    rc = own ? ((secret = ir_strdup(own)) ? 0 : ir_nomem(&e)) : ir_robot_secret_make(&secret, &e);
    if (!rc)
        rc = tell(job, "PUT", "/users/{K}/cli_secret", ir_json_pack("{s:s}", "secret", secret), &e);
    if (rc && e.http_status == 412)
        ir_cure(&e, "only users that came by OIDC have a CLI secret: log in to the portal once");
    if (!rc && !(*ret = ir_json_pack("{s:s}", "secret", secret)))
        rc = ir_nomem(&e);
    if (rc && err && !err->code)
        *err = e;
    ir_free_secret(secret);
    return rc;
}
