/* harbor_user.c - users: the one who asks, those that an administrator keeps, and the CLI secret
 * that stands for a password where logins come from OIDC. Deleting one frees the name. */
#include "mock/harbor.h"
#include "mock/tls.h"

#include <stdlib.h>

static bool oidc(const mk_call *c)
{
    return ir_streq(mk_setting(c->h, "auth_mode", "db_auth"), "oidc_auth");
}

/* Who is there from the start has no time of creation. */
static ir_json *render(mk_call *c, const ir_json *u)
{
    static const char fixed[] = "2026-01-01T00:00:00.000Z";
    const char *name = ir_json_str(u, "name"), *realname = ir_json_str(u, "realname"),
               *comment = ir_json_str(u, "comment"), *born = ir_json_str(u, "creation_time"),
               *email = ir_json_str(u, "email");
    bool root = ir_json_int(u, "user_id", 0) == 1;
    ir_json *j =
        ir_json_pack("{s:I, s:s, s:s, s:s, s:b, s:b, s:s, s:s}", "user_id",
                     (long long)ir_json_int(u, "user_id", 0), "username", name, "realname",
                     realname ? realname
                     : root   ? "system admin"
                              : name,
                     "comment",
                     comment ? comment
                     : root  ? "admin user"
                             : "",
                     "sysadmin_flag", ir_json_bool(u, "admin", false), "admin_role_in_auth", 0,
                     "creation_time", born ? born : fixed, "update_time", born ? born : fixed);
    ir_json_puts(j, "email", email);
    if (oidc(c) && !root)
        ir_json_put(
            j, "oidc_user_meta",
            ir_json_pack("{s:I, s:I, s:s, s:s, s:s}", "id", (long long)ir_json_int(u, "user_id", 0),
                         "user_id", (long long)ir_json_int(u, "user_id", 0), "subiss", name,
                         "creation_time", born ? born : fixed, "update_time", born ? born : fixed));
    return j;
}

static void current(mk_call *c)
{
    if (!mk_need_user(c))
        return;
    if (c->who->kind == MK_ROBOT)
        mk_error(c->p, 412, "PRECONDITION",
                 "get current user not available for security context: robot");
    else
        mk_reply_json(c->p, 200, render(c, c->who->who));
}

static void current_permissions(mk_call *c)
{
    if (mk_need_user(c))
        mk_reply_json(c->p, 200, c->who->admin ? mk_rights(c->h, true) : ir_json_new_array());
}

/* ---- rules ----------------------------------------------------------------------------------- */

bool mk_secret_rules(const char *s)
{
    bool lower = false, upper = false, digit = false;
    for (const char *p = s; *p; p++) {
        lower |= *p >= 'a' && *p <= 'z';
        upper |= *p >= 'A' && *p <= 'Z';
        digit |= *p >= '0' && *p <= '9';
    }
    return lower && upper && digit && strlen(s) >= 8;
}

static bool check_password(mk_call *c, const char *password)
{
    if (password && mk_secret_rules(password) && strlen(password) <= 128)
        return true;
    mk_error_bad(c, "the password or secret must be longer than 8 chars with at least 1 uppercase "
                    "letter, 1 lowercase letter and 1 number");
    return false;
}

static ir_json *by_id(const mk_call *c, int64_t id)
{
    const ir_json *all = mk_part(c->h, "users");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_int(ir_json_value(it), "user_id", 0) == id)
            return ir_json_value(it);
    return NULL;
}

/* The user of the path; self: who it is may too. */
static ir_json *need(mk_call *c, const char *action, bool self)
{
    int64_t id;
    if (!mk_param_id(c, 0, "user_id in path", &id) || !mk_need_user(c))
        return NULL;
    ir_json *u = by_id(c, id);
    if (!(self && u && u == c->who->who) && !mk_need_system(c, "user", action))
        return NULL;
    if (!u)
        mk_error_missing(c, "user with id %lld not found", (long long)id);
    return u;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const mk_column columns[] = {{"user_id,UserID", "user_id"},
                                    {"username,Username", "name"},
                                    {"email,Email", "email"},
                                    {NULL, NULL}};

/* The administrator who was there first is not in it. */
static void list(mk_call *c)
{
    mk_filter f = {0};
    if (mk_need_system(c, "user", "list") && mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "users");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
            if (ir_json_int(ir_json_value(it), "user_id", 0) != 1)
                ir_json_append(found, ir_json_ref(ir_json_value(it)));
        mk_filter_answer(c, &f, columns, "name", found, render);
    }
    mk_filter_free(&f);
}

static ir_json *render_found(mk_call *c, const ir_json *u)
{
    (void)c;
    return ir_json_pack("{s:O, s:s}", "user_id", ir_json_get(u, "user_id"), "username",
                        ir_json_str(u, "name"));
}

static void search(mk_call *c)
{
    mk_filter f = {0};
    char *name = mk_query(c->r, "username");
    if (!name || !*name)
        mk_error_binding(c, "username in query is required");
    else if (mk_need_user(c) && mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "users");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
            if (ir_json_int(ir_json_value(it), "user_id", 0) != 1 &&
                strcasestr(ir_json_key(it), name))
                ir_json_append(found, ir_json_ref(ir_json_value(it)));
        mk_filter_answer(c, &f, columns, "name", found, render_found);
    }
    mk_filter_free(&f);
    free(name);
}

static void create(mk_call *c)
{
    char now[40];
    const char *name = ir_json_str(c->body, "username"), *email = ir_json_str(c->body, "email"),
               *password = ir_json_str(c->body, "password"),
               *realname = ir_json_str(c->body, "realname"),
               *comment = ir_json_str(c->body, "comment");
    if (!mk_need_system(c, "user", "create") || !check_password(c, password))
        return;
    ir_json *users = mk_part(c->h, "users");
    if (!name || !*name || strpbrk(name, ",\"~#%$"))
        mk_error_bad(c, "username is empty or contains illegal characters");
    else if (!realname || !*realname)
        mk_error_bad(c, "realname with illegal length");
    else if (!email || !strchr(email, '@'))
        mk_error_bad(c, "email with illegal format");
    else if (ir_json_get(users, name))
        mk_error(c->p, 409, "CONFLICT", "user %s or email %s already exists", name, email);
    if (c->p->status)
        return;
    int64_t id = mk_next_id(c->h, "user");
    mk_time(c->mock, now);
    ir_json *u = ir_json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:s}", "user_id", (long long)id,
                              "name", name, "email", email, "realname", realname, "comment",
                              comment ? comment : "", "admin", 0, "creation_time", now);
    mk_secret_set(u, password);
    ir_json_put(users, name, u);
    mk_audit(c->mock, c->who->name, NULL, "create", "user", name);
    mk_state_changed(c->mock);
    mk_created(c, id);
}

static void get(mk_call *c)
{
    const ir_json *u = need(c, "read", true);
    if (u)
        mk_reply_json(c->p, 200, render(c, u));
}

static void update(mk_call *c)
{
    static const char *const keys[] = {"email", "realname", "comment", NULL};
    ir_json *u = need(c, "update", true);
    for (const char *const *k = keys; u && *k; k++)
        ir_json_puts(u, *k, ir_json_str(c->body, *k));
    mk_state_changed(c->mock);
}

static void delete (mk_call *c)
{
    ir_json *u = need(c, "delete", false);
    if (!u)
        return;
    if (ir_json_int(u, "user_id", 0) == 1 || u == c->who->who) {
        mk_error(c->p, 403, "FORBIDDEN", "super user or the caller can not be deleted");
        return;
    }
    char *name = ir_strdup(ir_json_str(u, "name"));
    mk_audit(c->mock, c->who->name, NULL, "delete", "user", name);
    ir_json_remove(mk_part(c->h, "users"), name ? name : "");
    free(name);
    mk_state_changed(c->mock);
}

static void set_admin(mk_call *c)
{
    ir_json *u = need(c, "update", false);
    if (!u)
        return;
    ir_json_put(u, "admin", ir_json_new_bool(ir_json_bool(c->body, "sysadmin_flag", false)));
    mk_state_changed(c->mock);
}

static void set_password(mk_call *c)
{
    const char *old = ir_json_str(c->body, "old_password"),
               *fresh = ir_json_str(c->body, "new_password");
    ir_json *u = need(c, "update", true);
    if (!u)
        return;
    char hash[MK_HASH_LEN];
    mk_secret_hash(old ? old : "", ir_json_str(u, "salt"), hash);
    if (!c->who->admin && !ir_equal_secret(hash, ir_json_str(u, "hash")))
        mk_error(c->p, 403, "FORBIDDEN", "Current password is incorrect");
    else if (old && ir_streq(old, fresh))
        mk_error_bad(c, "the new password can't be same with the old one");
    else if (check_password(c, fresh)) {
        mk_secret_set(u, fresh);
        mk_state_changed(c->mock);
    }
}

/* Only where logins come from OIDC: the secret that Basic takes in the password's place. */
static void set_cli_secret(mk_call *c)
{
    const char *secret = ir_json_str(c->body, "secret");
    ir_json *u = need(c, "update", true);
    if (!u)
        return;
    if (!oidc(c))
        mk_error(c->p, 412, "PRECONDITION",
                 "the auth mode is %s, unable to set CLI secret for OIDC user",
                 mk_setting(c->h, "auth_mode", "db_auth"));
    else if (check_password(c, secret)) {
        mk_secret_set(u, secret);
        mk_state_changed(c->mock);
    }
}

static const mk_shape shape[] = {{"username", 's'}, {"email", 's'},   {"realname", 's'},
                                 {"password", 's'}, {"comment", 's'}, {NULL, 0}};
static const mk_shape admin_shape[] = {{"sysadmin_flag", 'b'}, {NULL, 0}};
static const mk_shape password_shape[] = {{"old_password", 's'}, {"new_password", 's'}, {NULL, 0}};
static const mk_shape secret_shape[] = {{"secret", 's'}, {NULL, 0}};

const mk_route mk_user_routes[] = {
    {"GET", "users", list, NULL, NULL, NULL},
    {"POST", "users", create, "userReq", shape, NULL},
    {"GET", "users/current", current, NULL, NULL, NULL},
    {"GET", "users/current/permissions", current_permissions, NULL, NULL, NULL},
    {"GET", "users/search", search, NULL, NULL, NULL},
    {"GET", "users/{}", get, NULL, NULL, NULL},
    {"PUT", "users/{}", update, "profile", shape, NULL},
    {"DELETE", "users/{}", delete, NULL, NULL, NULL},
    {"PUT", "users/{}/sysadmin", set_admin, "sysadmin_flag", admin_shape, NULL},
    {"PUT", "users/{}/password", set_password, "password", password_shape, NULL},
    {"PUT", "users/{}/cli_secret", set_cli_secret, "secret", secret_shape, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
