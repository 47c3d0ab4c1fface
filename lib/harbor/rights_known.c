/* rights_known.c - what a Harbor can grant to robots, by kind and version: for the logins that may
 * not ask it (GET /permissions is for administrators) and for versions that do not tell. */
#include "harbor/inside.h"

#define NEWEST 15 /* minor version that is known here: what is newer may have more */

typedef struct row {
    const char *resource, *actions; /* comma-separated */
    int since;                      /* minor version of Harbor 2; 0: always */
    int until;                      /* the first that has it no more; 0: none */
} row;

static const row of_project[] = {
    {"accessory", "list", 0, 0},
    {"artifact", "create,delete,list,read", 0, 0},
    {"artifact-addition", "read", 0, 0},
    {"artifact-label", "create,delete", 0, 0},
    {"export-cve", "create,read", 12, 0},
    {"helm-chart", "read", 0, 10},
    {"helm-chart-version", "create,delete,list,read", 0, 10},
    {"immutable-tag", "create,delete,list,update", 0, 0},
    {"label", "create,delete,list,read,update", 0, 0},
    {"log", "list", 0, 0},
    {"member", "create,delete,list,read,update", 12, 0},
    {"metadata", "create,delete,list,read,update", 0, 0},
    {"notification-policy", "create,delete,list,read,update", 0, 0},
    {"preheat-policy", "create,delete,list,read,update", 0, 0},
    {"project", "delete,read,update", 0, 0},
    {"quota", "read", 0, 0},
    {"repository", "delete,list,pull,push,read,update", 0, 0},
    {"robot", "create,delete,list,read", 12, 0},
    {"sbom", "create,read,stop", 11, 0},
    {"scan", "create,read,stop", 0, 0},
    {"scanner", "create,read", 0, 0},
    {"tag", "create,delete,list", 0, 0},
    {"tag-retention", "create,delete,list,read,update", 0, 0},
    {NULL, NULL, 0, 0},
};
static const row of_system[] = {
    {"audit-log", "list", 0, 0},
    {"catalog", "read", 0, 0},
    {"export-cve", "create,read", 0, 13},
    {"garbage-collection", "create,list,read,stop,update", 0, 0},
    {"jobservice-monitor", "list,stop", 0, 0},
    {"label", "create,delete,read,update", 0, 0},
    {"ldap-user", "create,list", 12, 0},
    {"preheat-instance", "create,delete,list,read,update", 0, 0},
    {"project", "create,list", 0, 0},
    {"purge-audit", "create,list,read,stop,update", 0, 0},
    {"quota", "list,read", 0, 0},
    {"quota", "update", 12, 0},
    {"registry", "create,delete,list,read,update", 0, 0},
    {"replication", "create,list,read", 0, 0},
    {"replication-adapter", "list", 0, 0},
    {"replication-policy", "create,delete,list,read,update", 0, 0},
    {"robot", "create,delete,list,read", 12, 0},
    {"scan-all", "create,read,stop,update", 0, 0},
    {"scanner", "create,delete,list,read,update", 0, 0},
    {"security-hub", "list,read", 0, 0},
    {"system-volumes", "read", 0, 0},
    {"user", "create,delete,list,read,update", 12, 0},
    {"user-group", "create,delete,list,read,update", 12, 0},
    {NULL, NULL, 0, 0},
};

static bool among(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strcspn(p, ",") == len && !strncmp(p, word, len))
            return true;
    return false;
}

bool ir_harbor_right_known(const char *version, const char *kind, const char *resource,
                           const char *action)
{
    int minor = ir_harbor_minor(version);
    bool old = minor >= 0 && minor < 10; /* it took "*" and stored whatever it was given */

    if (minor > NEWEST)
        return true;
    for (const row *r = ir_streq(kind, "system") ? of_system : of_project; r->resource; r++) {
        bool there = minor < 0 || (minor >= r->since && (!r->until || minor < r->until)) || old;
        if (there && (ir_streq(r->resource, resource) || (old && ir_streq(resource, "*"))) &&
            (among(r->actions, action) || (old && ir_streq(action, "*"))))
            return true;
    }
    return false;
}
