/* shape.c - JSON of things as people write it, as Harbor takes it, and as Harbor gives it back,
 * which is not always the same: a member is created with a user and changed by a role alone, a
 * registry's secret comes back as stars that must not be sent again, a schedule's parameters are
 * JSON inside a string. */
#include "harbor/kind.h"

#include <stdlib.h>

static bool is(const ir_harbor_place *p, const char *kind)
{
    return ir_streq(p->kind->name, kind);
}

/* ---- comparing ---- */

static bool is_nothing(const ir_json *j)
{
    const char *text = ir_json_text(j);

    if (ir_json_is_null(j) || (text && !*text))
        return true;
    if (ir_json_is_object(j) || ir_json_is_array(j))
        return !ir_json_len(j);
    return !text && !ir_json_number(j, 1);
}

static bool is_false(const ir_json *j)
{
    ir_json *no = ir_json_new_bool(false);
    bool same = no && ir_json_equal(j, no);

    ir_json_free(no);
    return same;
}

bool ir_harbor_covers(const ir_json *have, const ir_json *want)
{
    if (ir_json_is_object(want)) { /* an empty one asks for nothing */
        for (void *it = ir_json_first(want); it; it = ir_json_next(want, it))
            if (!ir_harbor_covers(ir_json_get(have, ir_json_key(it)), ir_json_value(it)))
                return false;
        return true;
    }
    if (is_nothing(want) || is_false(want))
        return is_nothing(have) || is_false(have);
    if (ir_json_is_array(want)) {
        if (ir_json_len(have) != ir_json_len(want))
            return false;
        for (size_t i = 0; i < ir_json_len(want); i++)
            if (!ir_harbor_covers(ir_json_at(have, i), ir_json_at(want, i)))
                return false;
        return true;
    }
    return have && ir_json_equal(have, want);
}

/* {"key": {"value": v}} -> {"key": v} */
static ir_json *seen_config(const ir_json *have)
{
    ir_json *j = ir_json_new_object();

    for (void *it = ir_json_first(have); j && it; it = ir_json_next(have, it))
        if (ir_json_put(j, ir_json_key(it), ir_json_ref(ir_json_get(ir_json_value(it), "value"))))
            continue; /* one without a value */
    return j;
}

static ir_json *seen_schedule(const ir_json *have)
{
    const char *text = ir_json_str(have, "job_parameters");
    ir_json *j = ir_json_copy(have), *parameters = NULL;

    if (j && text && !ir_json_parse(text, strlen(text), "job_parameters", &parameters, NULL) &&
        ir_json_put(j, "parameters", parameters)) {
        ir_json_free(j);
        j = NULL;
    }
    return j;
}

static bool is_schedule(const ir_harbor_place *p)
{
    return ir_ends(p->kind->name, "-schedule");
}

ir_json *ir_harbor_seen(const ir_harbor_place *p, const ir_json *have)
{
    if (is(p, "config"))
        return seen_config(have);
    return is_schedule(p) ? seen_schedule(have) : ir_json_copy(have);
}

/* ---- the caller's words ---- */

int ir_harbor_size(const ir_json *words, int64_t *ret, imgrel_error *err)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    const char *text = ir_json_text(words);
    char *end = NULL;
    unsigned long long n = 0;

    *ret = ir_json_number(words, 0);
    if (text && (ir_streq(text, "unlimited") || ir_streq(text, "-1")))
        *ret = -1;
    else if (text && *text >= '0' && *text <= '9') {
        n = strtoull(text, &end, 10);
        for (unsigned u = 0; u < sizeof units / sizeof *units; u++)
            if (ir_streq(end, units[u]) && n <= (uint64_t)INT64_MAX >> (10 * u))
                *ret = (int64_t)(n << (10 * u));
    }
    if (*ret > 0 || *ret == -1)
        return 0;
    ir_fail(err, IMGREL_EINVAL, "a storage quota is bytes, as 10GiB, or unlimited");
    ir_cure(err, "Harbor has no quota of nothing: 0 would be its default");
    return IMGREL_EINVAL;
}

static int want_quota(ir_json *j, imgrel_error *err)
{
    ir_json *words = ir_json_get(j, "storage");
    int64_t bytes = 0;
    int rc =
        ir_harbor_size(words ? words : ir_json_get(ir_json_get(j, "hard"), "storage"), &bytes, err);

    if (rc)
        return rc;
    ir_json_remove(j, "storage");
    return ir_json_put(j, "hard", ir_json_pack("{s:I}", "storage", (long long)bytes))
               ? ir_nomem(err)
               : 0;
}

static int want_member(ir_json *j, imgrel_error *err)
{
    static const char *const roles[] = {"admin", "developer", "guest", "maintainer",
                                        "limited-guest"};
    const char *role = ir_json_str(j, "role");
    int64_t id = ir_json_int(j, "role_id", 0);

    for (int i = 0; role && i < 5; i++)
        if (ir_streq(role, roles[i]))
            id = i + 1;
    if (id < 1 || id > 5)
        return ir_fail(err, IMGREL_EINVAL,
                       "a member's role is one of admin, maintainer, "
                       "developer, guest and limited-guest");
    ir_json_remove(j, "role");
    return ir_json_put(j, "role_id", ir_json_new_int(id)) ? ir_nomem(err) : 0;
}

/* Harbor's cron has seconds: six fields. */
static int check_cron(const char *cron, imgrel_error *err)
{
    IR_AUTO(ir_strv) fields = {0};
    int rc = cron && *cron ? ir_strv_split(&fields, cron, ' ') : 0;

    if (rc || !cron || !*cron || fields.n == 6)
        return rc ? ir_nomem(err) : 0;
    ir_fail(err, IMGREL_EINVAL, "cron \"%.60s\" has %zu fields, Harbor's have 6", cron, fields.n);
    ir_cure(err, "put the seconds first: \"0 %.60s\"", cron);
    return IMGREL_EINVAL;
}

/* {"cron": "..."} or {"type": "Daily"} is short for {"schedule": {...}}. */
static int want_schedule(ir_json *j, imgrel_error *err)
{
    static const char *const crons[][2] = {
        {"Hourly", "0 0 * * * *"}, {"Daily", "0 0 0 * * *"}, {"Weekly", "0 0 0 * * 0"}};
    const char *cron = ir_json_str(j, "cron"), *type = ir_json_str(j, "type");
    ir_json *schedule = NULL;

    for (size_t i = 0; !cron && i < 3; i++) /* Harbor wants a cron with these as well */
        if (ir_streq(type, crons[i][0]))
            cron = crons[i][1];
    if (cron || type) {
        schedule =
            ir_json_pack("{s:s, s:s}", "type", type ? type : "Custom", "cron", cron ? cron : "");
        if (ir_json_put(j, "schedule", schedule))
            return ir_nomem(err);
        ir_json_remove(j, "cron");
        ir_json_remove(j, "type");
    }
    if (!ir_json_get(j, "schedule"))
        return ir_fail(err, IMGREL_EINVAL,
                       "a schedule needs a cron or a type (Hourly, Daily, "
                       "Weekly, None)");
    return check_cron(ir_json_str(ir_json_get(j, "schedule"), "cron"), err);
}

static int want_scope(const ir_call *call, ir_harbor *h, const ir_harbor_place *p, ir_json *j,
                      imgrel_error *err)
{
    int64_t id = 0;
    int rc = p->project ? ir_harbor_project_id(call, h, p->project, &id, err) : 0;

    if (!rc && is(p, "retention"))
        rc = ir_json_put(j, "scope",
                         ir_json_pack("{s:s, s:I}", "level", "project", "ref", (long long)id));
    else if (!rc && (ir_json_puts(j, "scope", p->project ? "p" : "g") ||
                     (p->project && ir_json_put(j, "project_id", ir_json_new_int(id)))))
        rc = ir_nomem(err);
    if (!rc && is(p, "retention"))
        rc = check_cron(ir_json_str(ir_json_path(j, "trigger.settings"), "cron"), err);
    return rc;
}

/* "dest_registry": "name" -> {"id": n} */
static int want_registry(const ir_call *call, ir_harbor *h, ir_json *j, const char *member,
                         imgrel_error *err)
{
    const char *name = ir_json_text(ir_json_get(j, member));
    ir_json *row = NULL;
    int rc = 0;

    if (!name)
        return 0;
    rc = ir_harbor_get(call, h, "registry", name, &row, err);
    if (!rc &&
        ir_json_put(j, member, ir_json_pack("{s:I}", "id", (long long)ir_json_int(row, "id", 0))))
        rc = ir_nomem(err);
    ir_json_free(row);
    return rc;
}

int ir_harbor_want(const ir_call *call, ir_harbor *h, const ir_harbor_place *p,
                   const ir_json *words, ir_json **ret, imgrel_error *err)
{
    const char *label = p->kind->label;
    ir_json *j = ir_json_copy(words);
    int rc = j ? 0 : ir_nomem(err);

    if (!rc && is(p, "member"))
        rc = want_member(j, err);
    else if (!rc && label && p->item && !ir_json_get(j, label) && ir_json_puts(j, label, p->item))
        rc = ir_nomem(err);
    if (!rc && is(p, "quota"))
        rc = want_quota(j, err);
    if (!rc && (is(p, "label") || is(p, "retention")))
        rc = want_scope(call, h, p, j, err);
    if (!rc && is_schedule(p))
        rc = want_schedule(j, err);
    if (!rc && is(p, "replication") && !(rc = want_registry(call, h, j, "src_registry", err)))
        rc = want_registry(call, h, j, "dest_registry", err);
    *ret = rc ? NULL : j;
    if (rc)
        ir_json_free(j);
    return rc;
}

/* ---- what is sent ---- */

static int lay_over(ir_json *have, const ir_json *want)
{
    int rc = 0;

    for (void *it = ir_json_first(want); !rc && it; it = ir_json_next(want, it)) {
        ir_json *old = ir_json_get(have, ir_json_key(it)), *new = ir_json_value(it);
        rc = ir_json_is_object(old) && ir_json_is_object(new)
                 ? lay_over(old, new)
                 : ir_json_put(have, ir_json_key(it), ir_json_copy(new));
    }
    return rc;
}

static ir_json *merge(const ir_json *have, const ir_json *want)
{
    ir_json *j = ir_json_copy(have);

    if (j && lay_over(j, want)) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}

static ir_json *member_body(const ir_harbor_place *p, const ir_json *have, const ir_json *want)
{
    ir_json *role = ir_json_get(want, "role_id"), *j = NULL;

    if (have)
        return ir_json_pack("{s:O}", "role_id", role);
    if (ir_json_get(want, "member_group") || ir_json_get(want, "member_user"))
        return ir_json_copy(want);
    j = ir_json_pack("{s:O, s:{s:s}}", "role_id", role, "member_user", "username", p->item);
    return j;
}

/* A change has other members than a creation; a secret that is left out is kept. */
static ir_json *registry_body(const ir_json *have, const ir_json *want)
{
    static const char *const kept[] = {"name", "description", "url", "insecure", "ca_certificate"};
    static const char *const credential[][2] = {{"type", "credential_type"},
                                                {"access_key", "access_key"},
                                                {"access_secret", "access_secret"}};
    const ir_json *given = ir_json_get(want, "credential");
    ir_json *all = merge(have, want), *j = all ? ir_json_new_object() : NULL;
    int rc = j ? 0 : -1;

    for (size_t i = 0; !rc && i < sizeof kept / sizeof *kept; i++)
        if (ir_json_get(all, kept[i]))
            rc = ir_json_put(j, kept[i], ir_json_ref(ir_json_get(all, kept[i])));
    for (size_t i = 0; !rc && i < 3; i++) {
        ir_json *v = ir_json_get(given, credential[i][0]);
        if (v && !ir_streq(ir_json_text(v), "*****"))
            rc = ir_json_put(j, credential[i][1], ir_json_ref(v));
    }
    ir_json_free(all);
    if (rc) {
        ir_json_free(j);
        j = NULL;
    }
    return j;
}

/* What it was told to do is kept, of what it may be told again: no number of workers is told as 0,
 * which is not taken. */
static ir_json *new_schedule(const ir_harbor_place *p, const ir_json *have, const ir_json *want)
{
    ir_json *seen = seen_schedule(have), *j = ir_json_copy(want);
    ir_json *kept = ir_json_copy(ir_json_get(seen, "parameters"));
    int rc = 0;

    if (j && kept && !is(p, "scan-schedule")) {
        if (!ir_json_int(kept, "workers", 1))
            ir_json_remove(kept, "workers");
        rc = lay_over(kept, ir_json_get(want, "parameters"));
        rc = rc ? rc : ir_json_put(j, "parameters", ir_json_ref(kept));
    }
    ir_json_free(kept);
    ir_json_free(seen);
    if (rc) {
        ir_json_free(j);
        j = NULL;
    }
    return j;
}

/* Harbor's handler breaks without a credential, even one of nothing. */
static ir_json *new_registry(const ir_json *want)
{
    ir_json *j = ir_json_copy(want);

    if (j && !ir_json_get(j, "credential") && ir_json_put(j, "credential", ir_json_new_object())) {
        ir_json_free(j);
        return NULL;
    }
    return j;
}

static ir_json *retention_body(const ir_json *want)
{
    ir_json *plain = ir_json_pack("{s:s, s:{s:s, s:{s:s}}, s:[]}", "algorithm", "or", "trigger",
                                  "kind", "Schedule", "settings", "cron", "", "rules");
    ir_json *j = plain ? merge(plain, want) : NULL;

    ir_json_free(plain);
    return j;
}

static int check_config(const ir_json *have, const ir_json *want, imgrel_error *err)
{
    for (void *it = ir_json_first(want); it; it = ir_json_next(want, it))
        if (!ir_json_get(have, ir_json_key(it))) {
            ir_fail(err, IMGREL_EINVAL, "Harbor has no setting %.60s, and would ignore it",
                    ir_json_key(it));
            ir_cure(err, "imgrel harbor config get lists them");
            return IMGREL_EINVAL;
        }
    return 0;
}

int ir_harbor_body(const ir_harbor_place *p, const ir_json *have, const ir_json *want,
                   ir_json **ret, imgrel_error *err)
{
    int rc = is(p, "config") ? check_config(have, want, err) : 0;

    *ret = NULL;
    if (rc)
        return rc;
    if (is(p, "member"))
        *ret = member_body(p, have, want);
    else if (have && is(p, "registry"))
        *ret = registry_body(have, want);
    else if (is(p, "registry"))
        *ret = new_registry(want);
    else if (!have && is(p, "retention"))
        *ret = retention_body(want);
    else if (have && is_schedule(p))
        *ret = new_schedule(p, have, want);
    else if (!have || is(p, "config") || is(p, "quota"))
        *ret = ir_json_copy(want);
    else
        *ret = merge(have, want);
    return *ret ? 0 : ir_nomem(err);
}
