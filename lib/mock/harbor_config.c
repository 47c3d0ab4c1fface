/* harbor_config.c - the configuration: what an administrator reads and sets. What the mock acts on
 * (the robots' prefix and days, who may create projects, the storage of new ones, how long tokens
 * live, read-only mode) takes effect at once; the rest is kept and shown. */
#include "mock/harbor.h"

#include <stdlib.h>

typedef struct entry {
    const char *key;
    char type; /* s, i or b */
    const char *dflt;
} entry;

static const entry entries[] = {
    {"auth_mode", 's', "db_auth"},
    {"banner_message", 's', ""},
    {"email_host", 's', "smtp.mydomain.com"},
    {"notification_enable", 'b', "true"},
    {"project_creation_restriction", 's', "everyone"},
    {"quota_per_project_enable", 'b', "true"},
    {"read_only", 'b', "false"},
    {"robot_name_prefix", 's', "robot$"},
    {"robot_token_duration", 'i', "30"},
    {"scanner_skip_update_pulltime", 'b', "false"},
    {"self_registration", 'b', "false"},
    {"session_timeout", 'i', "60"},
    {"skip_audit_log_database", 'b', "false"},
    {"storage_per_project", 'i', "-1"},
    {"token_expiration", 'i', "30"},
};
#define N_ENTRIES (sizeof entries / sizeof *entries)

int64_t mk_setting_int(const struct mk_harbor *h, const char *name, int64_t dflt)
{
    return ir_json_int(mk_part(h, "settings"), name, dflt);
}

bool mk_setting_bool(const struct mk_harbor *h, const char *name)
{
    return ir_json_bool(mk_part(h, "settings"), name, false);
}

static ir_json *value_of(const mk_call *c, const entry *e)
{
    ir_json *v = ir_json_get(mk_part(c->h, "settings"), e->key);
    unsigned long long n = 0;
    if (v)
        return ir_json_copy(v);
    if (e->type == 's')
        return ir_json_new_string(e->dflt);
    if (e->type == 'b')
        return ir_json_new_bool(ir_streq(e->dflt, "true"));
    return *e->dflt == '-' || !ir_parse_u64(e->dflt, INT64_MAX, &n) ? ir_json_new_int(-1)
                                                                    : ir_json_new_int((int64_t)n);
}

static void get(mk_call *c)
{
    if (!mk_need_system(c, "configuration", "read"))
        return;
    ir_json *all = ir_json_new_object();
    for (size_t i = 0; i < N_ENTRIES; i++)
        ir_json_put(all, entries[i].key,
                    ir_json_pack("{s:b, s:o}", "editable", 1, "value", value_of(c, &entries[i])));
    mk_reply_json(c->p, 200, all);
}

/* Flat; what it does not know is ignored. */
static void put(mk_call *c)
{
    if (!mk_need_system(c, "configuration", "update"))
        return;
    for (size_t i = 0; i < N_ENTRIES; i++) {
        ir_json *v = ir_json_get(c->body, entries[i].key);
        if (v && !ir_json_is_null(v))
            ir_json_put(mk_part(c->h, "settings"), entries[i].key, ir_json_copy(v));
    }
    mk_audit(c->mock, c->who->name, NULL, "update", "configuration", "configuration");
    mk_state_changed(c->mock);
}

/* What is not known of a volume is an empty object. */
static void volumes(mk_call *c)
{
    if (mk_need_system(c, "system-volumes", "read"))
        mk_reply_json(c->p, 200, ir_json_pack("{s:[{}]}", "storage"));
}

static const mk_shape shape[] = {
    {"auth_mode", 's'},
    {"robot_name_prefix", 's'},
    {"robot_token_duration", 'i'},
    {"read_only", 'b'},
    {"storage_per_project", 'i'},
    {"token_expiration", 'i'},
    {"session_timeout", 'i'},
    {"self_registration", 'b'},
    {"project_creation_restriction", 's'},
    {"banner_message", 's'},
    {NULL, 0},
};

const mk_route mk_config_routes[] = {
    {"GET", "configurations", get, NULL, NULL, NULL},
    {"PUT", "configurations", put, "configurations", shape, NULL},
    {"GET", "systeminfo/volumes", volumes, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
