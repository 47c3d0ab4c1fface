/* conform_rest.c - rows on all else: immutable tags, webhooks, retention, quotas, users,
 * registries, the configuration, schedules, the audit log. Nothing here changes what is not the
 * run's own. */
#include "mock/conform.h"
#include "fmt/media.h"

#define SELECT(how, pattern) \
    "[{\"kind\":\"doublestar\",\"decoration\":\"" how "\",\"pattern\":\"" pattern "\"}]"
#define RULE                                                                                    \
    "{\"disabled\":false,\"action\":\"immutable\",\"template\":\"immutable_template\","         \
    "\"tag_selectors\":" SELECT("matches", "1") ",\"scope_selectors\":{\"repository\":" SELECT( \
        "repoMatches", "**") "}}"
#define RULES "projects/{p2}/immutabletagrules"
#define COPIED "projects/{p2}/repositories/c/artifacts/1"
#define HOOKS "projects/{p2}/webhook/policies"
#define HOOK(targets, events)                                                                      \
    "{\"name\":\"{x}-h\",\"enabled\":false,\"targets\":[" targets "],\"event_types\":[" events "]" \
    "}"
#define TARGET                                                                             \
    "{\"type\":\"http\",\"address\":\"http://127.0.0.1:1/\",\"auth_header\":\"Bearer t\"," \
    "\"skip_cert_verify\":true}"
#define RETENTION                                                                                \
    "{\"algorithm\":\"or\",\"scope\":{\"level\":\"project\",\"ref\":{p2_id}},\"trigger\":{"      \
    "\"kind\":\"Schedule\",\"settings\":{\"cron\":\"\"},\"references\":{}},\"rules\":[{"         \
    "\"disabled\":false,\"action\":\"retain\",\"template\":\"always\",\"params\":{},"            \
    "\"tag_selectors\":" SELECT("matches", "**") ",\"scope_selectors\":{\"repository\":" SELECT( \
        "repoMatches", "**") "}}]}"
#define USER(password)                                                              \
    "{\"username\":\"{x}u\",\"email\":\"{x}@example.com\",\"realname\":\"imgrel\"," \
    "\"password\":\"" password "\"}"
#define REGISTRY(type, credential) \
    "{\"name\":\"{x}-r\",\"url\":\"http://127.0.0.1:1\",\"type\":\"" type "\"" credential "}"
#define CREDENTIAL \
    ",\"credential\":{\"type\":\"basic\",\"access_key\":\"a\",\"access_secret\":\"b\"}"

const mk_row mk_conform_rest[] = {
    {.check = "immutable-rule",
     .fact = "201 and its place, 409 for the same again; a disabled that is false is left out",
     .ask = "POST " RULES,
     .body = RULE,
     .want = "201 | keep rule last Location"},
    {.ask = "POST " RULES, .body = RULE, .want = "409"},
    {.ask = "GET " RULES, .want = "200 | len . = 1 | !json 0.disabled"},
    {.check = "immutable-tag",
     .fact = "its artifact stays, and so does the tag",
     .ask = "GET " COPIED "?with_immutable_status=true",
     .want = "200 | json digest = {copied} | json tags.0.name = 1"},
    {.ask = "DELETE " COPIED, .want = "412 | code PRECONDITION"},
    {.ask = "DELETE " COPIED "/tags/1", .want = "412 | code PRECONDITION"},
    {.check = "immutable-push",
     .fact = "another image is not pushed over it",
     .ask = "GET " COPIED,
     .want = "200 | json digest = {copied}"},
    {.ask = "PUT /v2/{p2}/c/manifests/1",
     .head = "Content-Type: " IR_MT_OCI_MANIFEST,
     .body = "{manifest_noted}",
     .want = "412 | code PRECONDITION"},
    {.check = "immutable-rule-goes",
     .fact = "200, and the tag is free",
     .ask = "DELETE " RULES "/{rule}",
     .want = "200"},

    {.check = "webhooks",
     .fact = "names are there once; a secret header comes back in clear",
     .ask = "GET projects/{p2}/webhook/events",
     .want = "200 | json event_type"},
    {.ask = "POST " HOOKS,
     .body = HOOK(TARGET, "\"PUSH_ARTIFACT\""),
     .want = "201 | keep hook last Location"},
    {.ask = "POST " HOOKS, .body = HOOK(TARGET, "\"PUSH_ARTIFACT\""), .want = "409"},
    {.ask = "GET " HOOKS "/{hook}", .want = "200 | json targets.0.auth_header = Bearer t"},
    {.ask = "POST " HOOKS, .body = HOOK("", "\"PUSH_ARTIFACT\""), .want = "400"},
    {.ask = "POST " HOOKS, .body = HOOK(TARGET, ""), .want = "400"},
    {.ask = "DELETE " HOOKS "/{hook}", .want = "200"},

    {.check = "retention",
     .fact = "one a project: the second is 400; its id is in the project's metadata",
     .ask = "POST retentions",
     .body = RETENTION,
     .want = "201 | keep retention last Location"},
    {.ask = "POST retentions", .body = RETENTION, .want = "400"},
    {.ask = "GET projects/{p2}", .want = "200 | json metadata.retention_id = {retention}"},
    {.ask = "GET retentions/{retention}", .want = "200 | json algorithm = or"},
    {.ask = "DELETE retentions/{retention}", .want = "200"},
    {.check = "retention-that-is-not",
     .fact = "is an error of the server's",
     .flags = MK_ADMIN,
     .ask = "GET retentions/99999999",
     .want = "500"},

    {.check = "quota",
     .fact = "found by the project's id; 0 is refused; below what is used is taken",
     .flags = MK_ADMIN,
     .ask = "GET quotas?reference=project&reference_id={p2_id}",
     .want = "200 | len . = 1 | json 0.ref.name = {p2} | keep quota json 0.id"},
    {.ask = "PUT quotas/{quota}", .body = "{\"hard\":{\"storage\":0}}", .want = "400"},
    {.ask = "PUT quotas/{quota}", .body = "{\"hard\":{\"storage\":10}}", .want = "200"},
    {.ask = "GET quotas/{quota}",
     .want = "200 | json hard.storage = 10 | keep limited json hard.storage"},
    {.check = "quota-stops-a-push",
     .fact = "403 DENIED",
     .flags = MK_ADMIN,
     .ask = "GET quotas/{quota}",
     .want = "200 | json hard.storage = {limited}"},
    {.ask = "PUT /v2/{p2}/c/manifests/q",
     .head = "Content-Type: " IR_MT_OCI_MANIFEST,
     .body = "{manifest_noted}",
     .want = "403 | code DENIED"},
    {.check = "quota-is-an-administrator's",
     .fact = "robots without the right see none",
     .as = "{robot}",
     .ask = "GET quotas?reference=project&reference_id={p2_id}",
     .want = "403"},

    {.check = "users",
     .fact = "passwords have rules; a name is there once",
     .flags = MK_ADMIN | MK_UNSURE,
     .ask = "POST users",
     .body = USER("weak"),
     .want = "400"},
    {.ask = "POST users", .body = USER("User12345"), .want = "201"},
    {.ask = "POST users", .body = USER("User12345"), .want = "409"},
    {.as = "{x}u:User12345",
     .ask = "GET users/current",
     .want = "200 | json username = {x}u | json sysadmin_flag = false | keep user json username"},
    {.check = "plain-user",
     .fact = "sees no totals, no users, no project that is not there, and makes no system robot",
     .flags = MK_ADMIN,
     .as = "{user}:User12345",
     .ask = "GET statistics",
     .want = "200 | json total_project_count = 0"},
    {.as = "{user}:User12345", .ask = "GET projects/nope-{x}", .want = "403"},
    {.as = "{user}:User12345", .ask = "GET projects/{p}", .want = "403"},
    {.as = "{user}:User12345", .ask = "GET users", .want = "403"},
    {.as = "{user}:User12345", .ask = "GET permissions", .want = "403", .from = 10},
    {.as = "{user}:User12345",
     .ask = "POST robots",
     .body = "{\"name\":\"u{x}\",\"level\":\"system\",\"duration\":-1,\"permissions\":[{\"kind\":"
             "\"project\",\"namespace\":\"*\",\"access\":[{\"resource\":\"repository\","
             "\"action\":\"pull\"}]}]}",
     .want = "403 | code FORBIDDEN"},
    {.check = "failed-login-sleeps",
     .fact = "a wrong password takes its time",
     .flags = MK_ADMIN,
     .as = "{user}:Wrong12345",
     .ask = "GET users/current",
     .want = "401 | slow"},

    {.check = "registry-without-credential",
     .fact = "brings the handler down: an empty 500",
     .flags = MK_ADMIN,
     .ask = "POST registries",
     .body = REGISTRY("harbor", ""),
     .want = "500 | empty"},
    {.check = "registry-is-asked-first",
     .fact = "one that does not answer is not taken",
     .flags = MK_ADMIN,
     .ask = "POST registries",
     .body = REGISTRY("harbor", CREDENTIAL),
     .want = "400 | message ~ unhealthy"},
    {.ask = "POST registries", .body = REGISTRY("bogus", CREDENTIAL), .want = "500"},
    {.check = "lists-of-the-system",
     .fact = "registries, replications, preheating, scanners, users, runs are lists",
     .flags = MK_ADMIN,
     .ask = "GET registries",
     .want = "200 | header X-Total-Count"},
    {.ask = "GET replication/policies", .want = "200 | header X-Total-Count"},
    {.ask = "GET replication/executions", .want = "200 | header X-Total-Count"},
    {.ask = "GET replication/adapters", .want = "200 | len . > 3"},
    {.ask = "GET p2p/preheat/instances", .want = "200"},
    {.ask = "GET p2p/preheat/providers", .want = "200 | len . = 2"},
    {.ask = "GET scanners", .want = "200 | header X-Total-Count"},
    {.ask = "GET users", .want = "200 | header X-Total-Count"},
    {.ask = "GET system/gc", .want = "200 | header X-Total-Count"},
    {.ask = "GET systeminfo/volumes", .want = "200 | json storage"},
    {.check = "configuration",
     .fact = "values with whether they may be set, for administrators",
     .flags = MK_ADMIN,
     .ask = "GET configurations",
     .want = "200 | json robot_name_prefix.editable | json read_only.value = false"},
    {.as = "{robot}", .ask = "GET configurations", .want = "403"},
    {.check = "unset-schedules-are-empty",
     .fact = "200 and JSON by its type, and not one byte",
     .flags = MK_ADMIN | MK_UNSURE,
     .ask = "GET system/scanAll/schedule",
     .want = "200 | empty | header Content-Type ~ application/json"},
    {.ask = "GET system/gc/schedule",
     .want = "200 | empty | header Content-Type ~ application/json"},
    {.check = "audit-log",
     .fact = "since 2.13 it is elsewhere, and the old place is still there",
     .from = 13,
     .flags = MK_ADMIN,
     .ask = "GET auditlog-exts?page_size=1",
     .want = "200 | header X-Total-Count"},
    {.ask = "GET audit-logs?page_size=1", .want = "200 | header X-Total-Count"},
    {.check = "audit-log-of-old",
     .fact = "up to 2.12 it is at audit-logs",
     .until = 12,
     .flags = MK_ADMIN,
     .ask = "GET audit-logs?page_size=1",
     .want = "200 | len . = 1"},
    {.ask = "GET auditlog-exts?page_size=1", .want = "404"},
    {0},
};
