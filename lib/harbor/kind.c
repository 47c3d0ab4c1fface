/* kind.c - the table of kinds. */
#include "harbor/kind.h"

#define L IR_CAN_LIST
#define G IR_CAN_GET
#define C IR_CAN_CREATE
#define U IR_CAN_UPDATE
#define D IR_CAN_DELETE
#define NONE IR_FORM_NONE
#define NAME IR_FORM_NAME
#define PROJECT IR_FORM_PROJECT
#define MAYBE IR_FORM_MAYBE
#define IN_PROJECT IR_FORM_IN_PROJECT
#define MAYBE_IN IR_FORM_MAYBE_IN
#define REPOSITORY IR_FORM_REPOSITORY
#define REFERENCE IR_FORM_REFERENCE

#define TIMES "creation_time,update_time"
#define ARTIFACTS "/projects/{P}/repositories/{R}/artifacts"
#define AUDIT "id,username,resource,resource_type,operation,op_time"
/* What there is only one of. */
#define ONE(name, path, can)                                                  \
    {                                                                         \
        name, NONE, NONE, path, NULL, path, NULL, NULL, NULL, NULL, can, 0, 0 \
    }

/* Of one name, the first that the version has. */
static const ir_harbor_kind kinds[] = {
    {"project", NONE, NAME, "/projects", NULL, "/projects/{K}", "project_id", "name", NULL,
     "name,project_id,owner_id,owner,public,registry_id," TIMES, L | G | C | U | D, 0, 0},
    {"robot", MAYBE, MAYBE_IN, "/robots", NULL, NULL, "id", "name", NULL,
     "name,id,description,duration,disabled," TIMES, L | G | D, 0, 0},
    {"repository", PROJECT, REPOSITORY, "/projects/{P}/repositories", NULL,
     "/projects/{P}/repositories/{R}", "id", NULL, NULL,
     "name,repository_id,description,pull_count,star_count," TIMES, L | G | U | D, 0, 0},
    {"artifact", REPOSITORY, REFERENCE, ARTIFACTS, NULL,
     ARTIFACTS "/{A}?with_label=true&with_scan_overview=true&with_immutable_status=true", "id",
     NULL, NULL,
     "id,type,digest,media_type,artifact_type,size,tags,labels,base,push_time,pull_time", L | G | D,
     0, 0},
    {"project-artifact", PROJECT, PROJECT, "/projects/{P}/artifacts", NULL, NULL, "id", NULL, NULL,
     "id,type,digest,media_type,artifact_type,size,tags,labels,base,push_time,pull_time", L, 12, 0},
    {"tag", REFERENCE, REFERENCE, ARTIFACTS "/{A}/tags", NULL, ARTIFACTS "/{A}/tags/{A}", "id",
     NULL, NULL, "name,id,artifact_id,push_time,pull_time", L | D, 0, 0},
    {"accessory", REFERENCE, REFERENCE, ARTIFACTS "/{A}/accessories", NULL, NULL, "id", NULL, NULL,
     "id,type,digest,size,creation_time", L, 5, 0},
    {"label", MAYBE, MAYBE_IN, "/labels?scope=p&project_id={I}", "/labels?scope=g", "/labels/{K}",
     "id", "name", NULL, "name,id,description,color," TIMES, L | G | C | U | D, 4, 0},
    {"member", PROJECT, IN_PROJECT, "/projects/{P}/members", NULL, "/projects/{P}/members/{K}",
     "id", "entity_name", NULL, NULL, L | G | C | U | D, 4, 0},
    {"immutable", PROJECT, IN_PROJECT, "/projects/{P}/immutabletagrules", NULL,
     "/projects/{P}/immutabletagrules/{K}", "id", NULL, NULL, "id,disabled", L | C | U | D, 4, 0},
    {"webhook", PROJECT, IN_PROJECT, "/projects/{P}/webhook/policies", NULL,
     "/projects/{P}/webhook/policies/{K}", "id", "name", NULL, "name,id,enabled," TIMES,
     L | G | C | U | D, 4, 0},
    {"webhook-event", PROJECT, PROJECT, "/projects/{P}/webhook/events", NULL,
     "/projects/{P}/webhook/events", NULL, NULL, NULL, NULL, G, 4, 0},
    {"quota", MAYBE, PROJECT, "/quotas?reference=project&reference_id={I}", "/quotas",
     "/quotas/{K}", "id", NULL, NULL, NULL, L | G | U, 4, 0},
    {"registry", NONE, NAME, "/registries", NULL, "/registries/{K}", "id", "name", NULL,
     "name,id,url,type,description,status," TIMES, L | G | C | U | D, 4, 0},
    {"replication", NONE, NAME, "/replication/policies", NULL, "/replication/policies/{K}", "id",
     "name", NULL, "name,id,description,enabled," TIMES, L | G | C | U | D, 4, 0},
    {"replication-execution", NAME, NAME, "/replication/executions?policy_id={K}", NULL,
     "/replication/executions/{K}", "id", NULL, "replication", NULL, L | G, 0, 0},
    {"replication-task", NAME, NAME, "/replication/executions/{K}/tasks", NULL, NULL, "id", NULL,
     NULL, NULL, L, 0, 0},
    ONE("replication-adapter", "/replication/adapters", G),
    {"retention", PROJECT, PROJECT, "/retentions", NULL, "/retentions/{K}", "id", NULL, NULL, NULL,
     G | C | U | D, 0, 0},
    {"retention-execution", PROJECT, PROJECT, "/retentions/{K}/executions", NULL, NULL, "id", NULL,
     "retention", NULL, L, 0, 0},
    {"preheat-instance", NONE, NAME, "/p2p/preheat/instances", NULL, "/p2p/preheat/instances/{K}",
     "name", "name", NULL, "name,id,vendor,enabled", L | G | C | U | D, 0, 0},
    {"preheat-policy", PROJECT, IN_PROJECT, "/projects/{P}/preheat/policies", NULL,
     "/projects/{P}/preheat/policies/{K}", "name", "name", NULL, "name,id,enabled," TIMES,
     L | G | C | U | D, 0, 0},
    {"preheat-execution", IN_PROJECT, IN_PROJECT, "/projects/{P}/preheat/policies/{K}/executions",
     NULL, NULL, "id", NULL, NULL, "id,status,trigger", L, 0, 0},
    ONE("preheat-provider", "/p2p/preheat/providers", G),
    {"gc", NONE, NAME, "/system/gc", NULL, "/system/gc/{K}", "id", NULL, NULL,
     "id,job_status," TIMES, L | G, 0, 0},
    ONE("gc-schedule", "/system/gc/schedule", G | C | U),
    ONE("scan-schedule", "/system/scanAll/schedule", G | C | U),
    {"purge", NONE, NAME, "/system/purgeaudit", NULL, "/system/purgeaudit/{K}", "id", NULL, NULL,
     "id,job_status," TIMES, L | G, 6, 0},
    {"purge-schedule", NONE, NONE, "/system/purgeaudit/schedule", NULL,
     "/system/purgeaudit/schedule", NULL, NULL, NULL, NULL, G | C | U, 6, 0},
    {"audit", MAYBE, MAYBE, "/projects/{P}/auditlog-exts", "/auditlog-exts", NULL, "id", NULL, NULL,
     AUDIT ",operation_result", L, 13, 0},
    {"audit", MAYBE, MAYBE, "/projects/{P}/logs", "/audit-logs", NULL, "id", NULL, NULL, AUDIT, L,
     0, 13},
    {"user", NONE, NAME, "/users", NULL, "/users/{K}", "user_id", "username", NULL,
     "username,user_id,email,realname," TIMES, L | G | C | U | D, 4, 0},
    {"group", NONE, NAME, "/usergroups", NULL, "/usergroups/{K}", "id", "group_name", NULL, NULL,
     L | G | C | U | D, 4, 0},
    {"scanner", NONE, NAME, "/scanners", NULL, "/scanners/{K}", "uuid", "name", NULL,
     "name,uuid,url,disabled,is_default", L | G | C | U | D, 0, 0},
    ONE("config", "/configurations", G | U),
    ONE("cve-allowlist", "/system/CVEAllowlist", G | U),
    ONE("health", "/health", G),
    ONE("info", "/systeminfo", G),
    ONE("statistics", "/statistics", G),
    ONE("volumes", "/systeminfo/volumes", G),
    ONE("permissions", "/permissions", G),
    ONE("scan-metrics", "/scans/all/metrics", G),
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static int unknown_kind(const char *name, imgrel_error *err)
{
    ir_buf all = IR_BUF(1024);

    for (size_t i = 0; i < N_KINDS; i++)
        if (!i || !ir_streq(kinds[i].name, kinds[i - 1].name))
            ir_buf_addf(&all, "%s%s", i ? ", " : "", kinds[i].name);
    ir_fail(err, IMGREL_EINVAL, "Harbor has no kind \"%.40s\"", name ? name : "");
    ir_cure(err, "kinds are %s", ir_buf_str(&all));
    ir_buf_free(&all);
    return IMGREL_EINVAL;
}

static bool in_version(const ir_harbor_kind *k, int minor)
{
    return minor < 0 || (minor >= k->since && (!k->until || minor < k->until));
}

/* Only where it makes a difference the version is asked for. */
int ir_harbor_kind_find(const ir_call *call, ir_harbor *h, const char *name,
                        const ir_harbor_kind **ret, imgrel_error *err)
{
    const ir_harbor_kind *found = NULL;
    int minor = 0;

    *ret = NULL;
    for (size_t i = 0; i < N_KINDS && !*ret; i++) {
        if (!ir_streq(kinds[i].name, name))
            continue;
        found = found ? found : &kinds[i];
        minor =
            kinds[i].since > 4 || kinds[i].until ? ir_harbor_minor(ir_harbor_version(call, h)) : -1;
        if (in_version(&kinds[i], minor))
            *ret = &kinds[i];
    }
    if (*ret)
        return 0;
    if (!found)
        return unknown_kind(name, err);
    ir_fail(err, IMGREL_EUNSUPPORTED, "%s: Harbor %s has no %s", h->host, h->version, name);
    ir_cure(err, "it came with Harbor 2.%d: upgrade", found->since);
    return IMGREL_EUNSUPPORTED;
}
