/* flow_kind.c - the kinds that go by one table: made, made again, changed, listed and deleted. */
#include "flow.h"

#define HOOK(name)                                                                               \
    "{\"name\":\"" name "\",\"enabled\":true,\"event_types\":[\"PUSH_ARTIFACT\"],\"targets\":[{" \
    "\"type\":\"http\",\"address\":\"http://127.0.0.1:9/\",\"auth_header\":\"s3cret\"}]}"
#define RULE                                                                                       \
    "{\"action\":\"immutable\",\"template\":\"immutable_template\",\"disabled\":false,"            \
    "\"tag_selectors\":[{\"kind\":\"doublestar\",\"decoration\":\"matches\",\"pattern\":\"v*\"}]," \
    "\"scope_selectors\":{\"repository\":[{\"kind\":\"doublestar\",\"decoration\":"                \
    "\"repoMatches\","                                                                             \
    "\"pattern\":\"**\"}]}}"
#define RETAIN(n)                                                                            \
    "{\"rules\":[{\"action\":\"retain\",\"template\":\"latestPushedK\",\"params\":"          \
    "{\"latestPushedK\":" #n "},\"tag_selectors\":[{\"kind\":\"doublestar\",\"decoration\":" \
    "\"matches\",\"pattern\":\"**\"}],\"scope_selectors\":{\"repository\":[{\"kind\":"       \
    "\"doublestar\",\"decoration\":\"repoMatches\",\"pattern\":\"**\"}]}}]}"

START_TEST(by_name)
{
    flow f;

    flow_up(&f, versions[_i]);
    flow_put(&f, "label", "p/tested", "{\"color\":\"#00ff00\"}", "created");
    flow_put(&f, "label", "p/tested", "{\"color\":\"#00ff00\"}", "unchanged");
    /* What is not said is kept, though PUT would clear it. */
    flow_put(&f, "label", "p/tested", "{\"description\":\"d\"}", "changed");
    ck_assert_str_eq(string_at(flow_get(&f, "label", "p/tested"), "color"), "#00ff00");
    flow_put(&f, "label", "tested", "{}", "created"); /* a global one of the same name */
    ck_assert_int_eq(flow_count(&f, "label", NULL, NULL), 1);
    ck_assert_int_eq(flow_count(&f, "label", "p", NULL), 1);
    flow_put(&f, "member", "p/ann", "{\"role\":\"guest\"}", "created");
    flow_put(&f, "member", "p/ann", "{\"role\":\"guest\"}", "unchanged");
    flow_put(&f, "member", "p/ann", "{\"role\":\"maintainer\"}", "changed");
    ck_assert_int_eq(int_at(flow_get(&f, "member", "p/ann"), "role_id"), 4);
    unit_ok(imgrel_harbor_delete(f.harbor, "member", "p/ann", NULL, &f.err), &f.err);
    flow_refused(&f, imgrel_harbor_delete(f.harbor, "member", "p/ann", NULL, &f.err),
                 IMGREL_ENOTFOUND, "there is no member p/ann");
    flow_refused(
        &f,
        imgrel_harbor_put(f.harbor, "member", "p/ann", "{\"role\":\"king\"}", NULL, NULL, &f.err),
        IMGREL_EINVAL, "maintainer");
    flow_put(&f, "webhook", "p/ci", HOOK("ci"), "created");
    flow_put(&f, "webhook", "p/ci", HOOK("ci"), "unchanged");
    flow_put(&f, "webhook", "p/ci", "{\"enabled\":false}", "changed");
    ck_assert_int_eq((int)ir_json_len(ir_json_get(flow_get(&f, "webhook", "p/ci"), "targets")), 1);
    unit_ok(imgrel_harbor_delete(f.harbor, "webhook", "p/ci", NULL, &f.err), &f.err);
    flow_refused(&f, imgrel_harbor_put(f.harbor, "label", "nope/x", "{}", NULL, NULL, &f.err),
                 IMGREL_ENOTFOUND, "nope");
    flow_refused(&f, imgrel_harbor_get(f.harbor, "planet", "x", NULL, &(char *){NULL}, &f.err),
                 IMGREL_EINVAL, "no kind");
    flow_down(&f);
}
END_TEST

/* Rules have no names: the same is the same rule. */
START_TEST(without_a_name)
{
    const char *id = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    flow_put(&f, "immutable", "p", RULE, "created");
    flow_put(&f, "immutable", "p", RULE, "unchanged");
    ck_assert_int_eq(flow_count(&f, "immutable", "p", NULL), 1);
    flow_put(&f, "retention", "p", RETAIN(5), "created");
    flow_put(&f, "retention", "p", RETAIN(5), "unchanged");
    flow_put(&f, "retention", "p", RETAIN(7), "changed");
    flow_put(&f, "retention", "p",
             "{\"trigger\":{\"kind\":\"Schedule\",\"settings\":{\"cron\":\"0 0 0 * * *\"}}}",
             "changed");
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "retention", "p",
                                   "{\"trigger\":{\"settings\":{\"cron\":\"0 0 * * *\"}}}", NULL,
                                   NULL, &f.err),
                 IMGREL_EINVAL, "0 0 0 * * *");
    flow_do(&f, "retention", "p", "run", "{\"dry_run\":true,\"wait\":true}");
    ck_assert_int_eq(flow_count(&f, "retention-execution", "p", NULL), 1);
    unit_ok(imgrel_harbor_delete(f.harbor, "retention", "p", NULL, &f.err), &f.err);
    flow_refused(&f, imgrel_harbor_get(f.harbor, "retention", "p", NULL, &(char *){NULL}, &f.err),
                 IMGREL_ENOTFOUND, "retention p");
    /* Deleted by others: up to 2.13 the project goes on naming it, and takes no other. */
    id = text("%lld", (long long)ir_json_int(flow_put(&f, "retention", "p", RETAIN(5), "created"),
                                             "id", 0));
    unit_ok(imgrel_harbor_request(f.harbor, "DELETE", text("/retentions/%s", id), NULL, NULL, NULL,
                                  NULL, &f.err),
            &f.err);
    flow_refused(&f, imgrel_harbor_get(f.harbor, "retention", "p", NULL, &(char *){NULL}, &f.err),
                 IMGREL_ENOTFOUND, "retention p");
    flow_put(&f, "retention", "p", RETAIN(5), "created");
    flow_put(&f, "retention", "p", RETAIN(5), "unchanged");
    flow_down(&f);
}
END_TEST

START_TEST(projects)
{
    imgrel_opts force = {IMGREL_OPTS, .flags = IMGREL_FLAG_FORCE};
    flow f;

    flow_up(&f, versions[_i]);
    flow_put(&f, "project", "new",
             "{\"public\":true,\"auto_scan\":true,\"severity\":\"high\","
             "\"storage_limit\":\"10GiB\"}",
             "created");
    flow_put(&f, "project", "new",
             "{\"public\":true,\"metadata\":{\"auto_scan\":\"true\"},\"storage_limit\":\"10GiB\"}",
             "unchanged");
    flow_put(&f, "project", "new", "{\"public\":false}", "changed");
    ck_assert_str_eq(string_at(flow_get(&f, "project", "new"), "metadata.auto_scan"), "true");
    flow_put(&f, "project", "new", "{\"storage_limit\":\"unlimited\"}", "changed");
    ck_assert_int_eq(int_at(flow_get(&f, "quota", "new"), "hard.storage"), -1);
    flow_put(&f, "quota", "new", "{\"storage\":\"1MiB\"}", "changed");
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "quota", "new", "{\"storage\":0}", NULL, NULL, &f.err),
                 IMGREL_EINVAL, "0 would be its default");
    /* Harbor would take all of these with 200. */
    flow_refused(
        &f,
        imgrel_harbor_put(f.harbor, "project", "new", "{\"public\":\"maybe\"}", NULL, NULL, &f.err),
        IMGREL_EINVAL, "public is true or false");
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "project", "new", "{\"severity\":\"bogus\"}", NULL,
                                   NULL, &f.err),
                 IMGREL_EINVAL, "medium");
    flow_refused(
        &f,
        imgrel_harbor_put(f.harbor, "project", "new", "{\"autoscan\":true}", NULL, NULL, &f.err),
        IMGREL_EINVAL, "drop it silently");
    /* A name of digits only is a name. */
    flow_put(&f, "project", "2024", "{}", "created");
    flow_put(&f, "project", "2024", "{\"public\":true}", "changed");
    flow_put(&f, "label", "2024/x", "{}", "created");
    ck_assert_str_eq(string_at(flow_get(&f, "project", "2024"), "name"), "2024");
    unit_ok(imgrel_harbor_delete(f.harbor, "project", "2024", NULL, &f.err), &f.err);
    push_image("new/a/b", "1", ADMIN, "amd64");
    flow_refused(&f, imgrel_harbor_delete(f.harbor, "project", "new", NULL, &f.err),
                 IMGREL_ECONFLICT, "repositor");
    unit_ok(imgrel_harbor_delete(f.harbor, "project", "new", &force, &f.err), &f.err);
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "project", "new", "exists", NULL, NULL, NULL, &f.err),
                 IMGREL_ENOTFOUND, "there is no project new");
    flow_do(&f, "project", "p", "exists", NULL);
    flow_do(&f, "project", "p", "summary", NULL);
    flow_do(&f, "project", "new", "create", "{\"public\":true}");
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "project", "new", "create", NULL, NULL, NULL, &f.err),
                 IMGREL_ECONFLICT, "exists already");
    flow_down(&f);
}
END_TEST

/* Who has no right is told what is true: that it is not there, or that it is somebody else's. */
START_TEST(without_rights)
{
    flow f;

    flow_up(&f, versions[_i]);
    imgrel_harbor_free(f.harbor);
    f.harbor = flow_login(&f, "ann", "Passw0rd1");
    flow_do(&f, "project", "p", "exists", NULL);
    flow_refused(&f, imgrel_harbor_get(f.harbor, "project", "p", NULL, &(char *){NULL}, &f.err),
                 IMGREL_EDENIED, "belongs to others");
    flow_refused(&f, imgrel_harbor_get(f.harbor, "project", "x", NULL, &(char *){NULL}, &f.err),
                 IMGREL_ENOTFOUND, "project x does not exist");
    flow_refused(&f, imgrel_harbor_put(f.harbor, "label", "x/l", "{}", NULL, NULL, &f.err),
                 IMGREL_ENOTFOUND, "x");
    flow_down(&f);
}
END_TEST

/* Registries, a proxy cache of one, and replication: run, and waited for. */
START_TEST(copied_by_harbor)
{
    flow f;
    const char *url = NULL;

    flow_up(&f, versions[_i]);
    url = imgrel_mock_get(mock, "url");
    flow_put(&f, "registry", "other",
             text("{\"type\":\"harbor\",\"url\":\"%s\",\"insecure\":true,\"credential\":{\"type\":"
                  "\"basic\",\"access_key\":\"admin\",\"access_secret\":\"Harbor12345\"}}",
                  url),
             "created");
    flow_put(&f, "registry", "other", text("{\"url\":\"%s\"}", url), "unchanged");
    /* The secret comes back as stars, which must not become the new one. */
    flow_put(&f, "registry", "other", "{\"description\":\"d\"}", "changed");
    flow_do(&f, "registry", "other", "ping", NULL);
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "registry", "bad",
                                   "{\"type\":\"harbor\",\"url\":\"http://127.0.0.1:9\"}", NULL,
                                   NULL, &f.err),
                 IMGREL_EFAILED, "HTTP 500");
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "registry", "bad",
                                   "{\"type\":\"docker-registry\",\"url\":\"http://127.0.0.1:9\"}",
                                   NULL, NULL, &f.err),
                 IMGREL_EINVAL, "as Harbor sees it");
    /* A change of one that is not there: Harbor says "empty string". */
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "registry", "nope", "{\"description\":\"d\"}", NULL,
                                   NULL, &f.err),
                 IMGREL_EINVAL, "there is no registry nope yet");
    flow_refused(&f,
                 imgrel_harbor_request(f.harbor, "POST", "/registries", "{\"name\":\"nope\"}", NULL,
                                       NULL, NULL, &f.err),
                 IMGREL_EINVAL, "say its url");
    flow_put(&f, "project", "cache", "{\"registry\":\"other\"}", "created");
    flow_put(&f, "project", "cache", "{\"registry\":\"other\"}", "unchanged");
    flow_refused(
        &f,
        imgrel_harbor_put(f.harbor, "project", "p", "{\"registry\":\"other\"}", NULL, NULL, &f.err),
        IMGREL_ECONFLICT, "no proxy cache");
    push_image("p/app", "1", ADMIN, "amd64");
    flow_put(&f, "replication", "out",
             "{\"dest_registry\":\"other\",\"dest_namespace\":\"away\",\"filters\":[{\"type\":"
             "\"name\",\"value\":\"p/**\"}],\"trigger\":{\"type\":\"manual\"},\"enabled\":true,"
             "\"override\":true}",
             "created");
    flow_put(&f, "replication", "out", "{\"dest_registry\":\"other\",\"enabled\":true}",
             "unchanged");
    ck_assert_str_eq(
        string_at(flow_do(&f, "replication", "out", "run", "{\"wait\":true}"), "status"),
        "Succeed");
    ck_assert_int_eq(flow_count(&f, "replication-execution", "out", NULL), 1);
    flow_refused(&f, imgrel_harbor_delete(f.harbor, "registry", "other", NULL, &f.err),
                 IMGREL_ECONFLICT, "in use");
    unit_ok(imgrel_harbor_delete(f.harbor, "replication", "out", NULL, &f.err), &f.err);
    flow_down(&f);
}
END_TEST

/* What a schedule does is kept when only its time is changed; a purge must be told what. */
START_TEST(schedules)
{
    const char *told = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    told = text("{\"type\":\"Daily\",\"parameters\":{\"audit_retention_hour\":720,\"%s\":"
                "\"x\"}}",
                _i == 2 ? "include_event_types" : "include_operations");
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "purge-schedule", NULL, "{\"type\":\"Daily\"}", NULL,
                                   NULL, &f.err),
                 IMGREL_EINVAL, "audit_retention_hour");
    flow_refused(&f,
                 imgrel_harbor_do(f.harbor, "purge-schedule", NULL, "run",
                                  "{\"audit_retention_hour\":1}", NULL, NULL, &f.err),
                 IMGREL_EINVAL, "include_event_types");
    flow_put(&f, "purge-schedule", NULL, "{\"type\":\"None\"}", "unchanged");
    flow_put(&f, "purge-schedule", NULL, told, "created");
    flow_put(&f, "purge-schedule", NULL, told, "unchanged");
    flow_put(&f, "purge-schedule", NULL, "{\"type\":\"Weekly\"}", "changed");
    ck_assert_ptr_nonnull(
        strstr(string_at(flow_get(&f, "purge-schedule", NULL), "job_parameters"), "720"));
    flow_put(&f, "purge-schedule", NULL, "{\"type\":\"None\"}", "changed");
    ck_assert_ptr_null(flow_get(&f, "purge-schedule", NULL));
    flow_put(&f, "gc-schedule", NULL,
             "{\"type\":\"Daily\",\"parameters\":{\"delete_untagged\":true,\"workers\":0}}",
             "created");
    flow_put(&f, "gc-schedule", NULL, "{\"type\":\"Weekly\"}", "changed");
    ck_assert_str_eq(string_at(flow_get(&f, "gc-schedule", NULL), "job_parameters"),
                     "{\"delete_untagged\":true}");
    flow_put(&f, "scan-schedule", NULL, "{\"type\":\"Daily\"}", "created");
    flow_put(&f, "scan-schedule", NULL, "{\"type\":\"Weekly\"}", "changed");
    flow_do(&f, "scan-schedule", NULL, "run", NULL);
    ck_assert_ptr_nonnull(ir_json_get(flow_get(&f, "scan-metrics", NULL), "trigger"));
    flow_down(&f);
}
END_TEST

START_TEST(the_system)
{
    flow f;

    flow_up(&f, versions[_i]);
    ck_assert_ptr_nonnull(ir_json_get(flow_get(&f, "health", NULL), "status"));
    ck_assert_ptr_nonnull(ir_json_get(flow_get(&f, "statistics", NULL), "total_project_count"));
    ck_assert_ptr_nonnull(ir_json_get(flow_get(&f, "info", NULL), "harbor_version"));
    ck_assert_ptr_nonnull(ir_json_get(flow_get(&f, "permissions", NULL), "project"));
    ck_assert_ptr_nonnull(flow_get(&f, "volumes", NULL));
    /* Set is none: 200 with no body at all. */
    ck_assert_ptr_null(flow_get(&f, "gc-schedule", NULL));
    flow_put(&f, "gc-schedule", NULL, "{\"cron\":\"0 0 3 * * *\"}", "created");
    flow_put(&f, "gc-schedule", NULL, "{\"cron\":\"0 0 3 * * *\"}", "unchanged");
    flow_put(&f, "gc-schedule", NULL, "{\"cron\":\"0 0 4 * * *\"}", "changed");
    flow_refused(&f,
                 imgrel_harbor_put(f.harbor, "gc-schedule", NULL, "{\"cron\":\"0 4 * * *\"}", NULL,
                                   NULL, &f.err),
                 IMGREL_EINVAL, "0 0 4 * * *");
    ck_assert_ptr_nonnull(
        flow_do(&f, "gc-schedule", NULL, "run", "{\"wait\":true,\"delete_untagged\":true}"));
    ck_assert_int_ge(flow_count(&f, "gc", NULL, NULL), 1);
    flow_put(&f, "config", NULL, "{\"robot_name_prefix\":\"bot-\"}", "changed");
    flow_put(&f, "config", NULL, "{\"robot_name_prefix\":\"bot-\"}", "unchanged");
    flow_refused(
        &f,
        imgrel_harbor_put(f.harbor, "config", NULL, "{\"robot_prefix\":\"x\"}", NULL, NULL, &f.err),
        IMGREL_EINVAL, "would ignore it");
    /* The prefix is read, never assumed. */
    imgrel_robot *r = NULL;
    unit_ok(imgrel_harbor_robot_ensure(f.harbor, "p", "r", "{\"role\":\"pull\"}", NULL, &r, &f.err),
            &f.err);
    ck_assert_str_eq(imgrel_robot_name(r), "bot-p+r");
    ck_assert(flow_works(&f, imgrel_robot_name(r), imgrel_robot_secret(r)));
    imgrel_robot_free(r);
    unit_ok(imgrel_harbor_robot_get(f.harbor, "p", "r", NULL, &r, &f.err), &f.err);
    imgrel_robot_free(r);
    ck_assert_int_ge(flow_count(&f, "audit", NULL, NULL), 0);
    ck_assert_int_ge(flow_count(&f, "audit", "p", NULL), 0);
    ck_assert_int_ge(flow_count(&f, "user", NULL, NULL), 1);
    flow_put(&f, "group", "team", "{\"group_type\":3}", "created");
    flow_put(&f, "group", "team", "{\"group_type\":3}", "unchanged");
    flow_put(&f, "cve-allowlist", NULL, "{\"items\":[{\"cve_id\":\"CVE-1\"}]}", "changed");
    flow_put(&f, "cve-allowlist", NULL, "{\"items\":[{\"cve_id\":\"CVE-1\"}]}", "unchanged");
    ck_assert_int_ge(flow_count(&f, "scanner", NULL, NULL), 1);
    if (_i == 0)
        flow_refused(&f,
                     imgrel_harbor_list(f.harbor, "project-artifact", "p", NULL, NULL,
                                        &(imgrel_iter *){NULL}, &f.err),
                     IMGREL_EUNSUPPORTED, "2.12");
    else
        ck_assert_int_eq(flow_count(&f, "project-artifact", "p", NULL), 0);
    flow_down(&f);
}
END_TEST

/* With OIDC the password here is the user's CLI secret: Harbor takes it for the registry and for
 * lists, and does not say whose it is; another is set by an administrator. */
START_TEST(by_oidc)
{
    const char *secret = NULL;
    imgrel_harbor *ann = NULL;
    flow f;

    flow_up(&f, versions[_i]);
    flow_refused(
        &f, imgrel_harbor_do(f.harbor, "user", "current", "cli-secret", NULL, NULL, NULL, &f.err),
        IMGREL_ECONFLICT, "OIDC");
    mock_down();
    mock_up(text("{\"version\":\"%s\",\"login_freeze_ms\":20,\"auth_mode\":\"oidc_auth\",\"users\":"
                 "[{\"name\":\"ann\",\"password\":\"CliSecret1\"}]}",
                 versions[_i]));
    imgrel_harbor_free(f.harbor);
    f.harbor = flow_login(&f, "admin", "Harbor12345");
    want(GET("/v2/", "ann:CliSecret1"), 200);
    want(GET(API "/users/current", "ann:CliSecret1"), 401);
    ck_assert(flow_works(&f, "ann", "CliSecret1") && !flow_works(&f, "ann", "Wrong12345"));
    ann = flow_login(&f, "ann", "CliSecret1");
    flow_refused(&f,
                 imgrel_harbor_do(ann, "user", "current", "cli-secret", NULL, NULL, NULL, &f.err),
                 IMGREL_EAUTH, "administrator");
    imgrel_harbor_free(ann);
    secret = text("%s", string_at(flow_do(&f, "user", "ann", "cli-secret", NULL), "secret"));
    ck_assert_uint_eq(strlen(secret), 32);
    ck_assert(flow_works(&f, "ann", secret) && !flow_works(&f, "ann", "CliSecret1"));
    flow_down(&f);
}
END_TEST

FLOW_SUITE(flow_kind, by_name, without_a_name, projects, without_rights, copied_by_harbor,
           schedules, the_system, by_oidc)
