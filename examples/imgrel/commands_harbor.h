/* commands_harbor.h - the rows of the table that are about Harbor. */
#ifndef IMGREL_COMMANDS_HARBOR_H
#define IMGREL_COMMANDS_HARBOR_H

#include "harbor.h"
#include "options.h"

#define H(path, args, help, options, fn)                    \
    {                                                       \
        "harbor " path, args, help, options, opt_harbor, fn \
    }
#define LIST(word, args, help) H(word " list", args, help, opt_query, cmd_harbor_list)
#define GET(word, args, help) H(word " get", args, help, opt_harbor_get, cmd_harbor_get)
#define PUT(word, args, help) H(word " ensure", args, help, opt_harbor_put, cmd_harbor_put)
#define DELETE(word, args, help) H(word " delete", args, help, opt_harbor_delete, cmd_harbor_delete)
#define RUN(path, args, help) H(path, args, help, opt_harbor_run, cmd_harbor_do)
#define ASK(path, args, help) H(path, args, help, opt_harbor_get, cmd_harbor_do)
#define ONE(path, help) H(path, "", help, opt_harbor_get, cmd_harbor_one)
/* A kind with all four verbs. */
#define ALL(word, parent, args, what, many)                                   \
    LIST(word, parent, "list " many), GET(word, args, "read a " what),        \
        PUT(word, args, "see to it that a " what " is there and as is said"), \
        DELETE(word, args, "delete a " what)

#define HARBOR_ACCESS_COMMANDS                                                                     \
    H("check", "", "prove the login and print the version", NULL, cmd_harbor_check),               \
        H("doctor", "[URL]", "find what stands between a login and its work", opt_harbor_doctor,   \
          cmd_harbor_doctor),                                                                      \
        H("project ensure", "NAME", "see to it that a project exists", opt_project_ensure,         \
          cmd_project_ensure),                                                                     \
        H("project create", "NAME", "make a project that is not there yet", opt_project_ensure,    \
          cmd_project_create),                                                                     \
        LIST("project", "", "list projects"),                                                      \
        H("project get", "NAME", "read a project", NULL, cmd_project_get),                         \
        H("project delete", "NAME", "delete a project", opt_project_delete, cmd_project_delete),   \
        ASK("project exists", "NAME", "whether there is one, seen or not (exit code 3: no)"),      \
        ASK("project summary", "NAME", "what is in a project, and its quota"),                     \
        H("robot ensure", "[PROJECT] NAME", "see to it that a robot has just these rights",        \
          opt_robot_ensure, cmd_robot_ensure),                                                     \
        H("robot create", "[PROJECT] NAME", "make a robot that is not there yet",                  \
          opt_robot_create, cmd_robot_create),                                                     \
        H("robot update", "[PROJECT] NAME", "change a robot only in what is said",                 \
          opt_robot_update, cmd_robot_update),                                                     \
        H("robot enable", "[PROJECT] NAME", "let a robot log in again", NULL, cmd_robot_enable),   \
        H("robot disable", "[PROJECT] NAME", "let a robot log in no more", NULL,                   \
          cmd_robot_disable),                                                                      \
        H("robot list", "[PROJECT]", "list a project's robots, or the system's", opt_robot_list,   \
          cmd_robot_list),                                                                         \
        H("robot get", "[PROJECT] NAME", "read a robot", NULL, cmd_robot_get),                     \
        H("robot delete", "[PROJECT] NAME", "delete a robot", NULL, cmd_robot_delete),             \
        H("robot rotate", "[PROJECT] NAME", "give a robot a new secret; the old one dies now",     \
          opt_robot_rotate, cmd_robot_rotate),                                                     \
        ONE("permissions", "list what robots can be granted"),                                     \
        LIST("member", "PROJECT", "list a project's members"),                                     \
        GET("member", "PROJECT/USER", "read a member"),                                            \
        H("member ensure", "PROJECT/USER", "see to it that a user is a member", opt_harbor_member, \
          cmd_harbor_member),                                                                      \
        DELETE("member", "PROJECT/USER", "take a member out of a project"),                        \
        ALL("user", "", "NAME", "user", "users"),                                                  \
        H("user cli-secret", "[NAME]", "give an OIDC user (yourself) a new CLI secret",            \
          opt_harbor_secret, cmd_harbor_cli_secret),                                               \
        ALL("group", "", "NAME", "user group", "user groups")

#define HARBOR_CONTENT_COMMANDS                                                                    \
    LIST("repo", "PROJECT", "list a project's repositories"),                                      \
        GET("repo", "PROJECT/REPOSITORY", "read a repository"),                                    \
        PUT("repo", "PROJECT/REPOSITORY", "change a repository's description"),                    \
        DELETE("repo", "PROJECT/REPOSITORY", "delete a repository with all that is in it"),        \
        LIST("artifact", "PROJECT/REPOSITORY", "list a repository's artifacts"),                   \
        GET("artifact", "REF", "read an artifact, with its platforms"),                            \
        DELETE("artifact", "REF", "delete an artifact with all its tags"),                         \
        H("artifact copy", "REF TO", "copy an artifact to PROJECT/REPOSITORY inside Harbor",       \
          opt_harbor_delete, cmd_harbor_copy),                                                     \
        ASK("artifact report", "REF", "print what its scan found"),                                \
        ASK("artifact history", "REF", "print how it was built"),                                  \
        LIST("tag", "REF", "list an artifact's tags"),                                             \
        H("tag add", "REF NAME", "give an artifact one more tag", opt_harbor_tag, cmd_harbor_tag), \
        DELETE("tag", "REF", "delete a tag without its artifact"),                                 \
        ALL("label", "[PROJECT]", "[PROJECT/]NAME", "label", "labels"),                            \
        H("label add", "REF NAME", "label an artifact", opt_harbor_delete, cmd_harbor_label),      \
        H("label remove", "REF NAME", "take a label off an artifact", opt_harbor_delete,           \
          cmd_harbor_unlabel),                                                                     \
        H("scan", "REF", "scan an artifact", opt_harbor_scan, cmd_harbor_scan)

#define HARBOR_RULE_COMMANDS                                                                      \
    LIST("quota", "[PROJECT]", "list quotas"), GET("quota", "PROJECT", "read a project's quota"), \
        H("quota set", "PROJECT SIZE", "let a project use so much: 10GiB, or unlimited",          \
          opt_harbor_delete, cmd_harbor_quota),                                                   \
        GET("retention", "PROJECT", "read a project's retention rules"),                          \
        PUT("retention", "PROJECT", "see to it that the retention rules are as is said"),         \
        DELETE("retention", "PROJECT", "delete a project's retention rules"),                     \
        RUN("retention run", "PROJECT", "run the retention rules now"),                           \
        H("retention executions", "PROJECT", "list their runs", opt_query, cmd_harbor_list),      \
        LIST("immutable", "PROJECT", "list a project's rules for immutable tags"),                \
        PUT("immutable", "PROJECT[/NUMBER]", "see to it that there is such a rule"),              \
        DELETE("immutable", "PROJECT/NUMBER", "delete a rule"),                                   \
        ALL("webhook", "PROJECT", "PROJECT/NAME", "webhook", "webhooks"),                         \
        H("webhook events", "PROJECT", "list what webhooks can be told", opt_harbor_get,          \
          cmd_harbor_get),                                                                        \
        ALL("registry", "", "NAME", "registry", "registries"),                                    \
        ASK("registry ping", "NAME", "whether Harbor reaches a registry"),                        \
        ALL("replication", "", "NAME", "replication rule", "replication rules"),                  \
        RUN("replication run", "NAME", "replicate now"),                                          \
        H("replication executions", "NAME", "list a rule's runs", opt_query, cmd_harbor_list),    \
        H("replication tasks", "NUMBER", "list what a run copied", opt_query, cmd_harbor_list),   \
        ASK("replication stop", "NUMBER", "stop a run"),                                          \
        ALL("preheat-instance", "", "NAME", "preheat instance", "preheat instances"),             \
        ASK("preheat-instance ping", "NAME", "whether Harbor reaches an instance"),               \
        ALL("preheat", "PROJECT", "PROJECT/NAME", "preheat policy", "preheat policies"),          \
        RUN("preheat run", "PROJECT/NAME", "preheat now"),                                        \
        H("preheat executions", "PROJECT/NAME", "list a policy's runs", opt_query,                \
          cmd_harbor_list)

#define HARBOR_SYSTEM_COMMANDS                                                                    \
    ALL("scanner", "", "NAME", "scanner", "scanners"),                                            \
        ASK("scanner default", "NAME", "make a scanner the default"),                             \
        H("scan-all schedule", "[CRON]", "print or set when everything is scanned",               \
          opt_harbor_delete, cmd_harbor_schedule),                                                \
        LIST("gc", "", "list garbage collections"), GET("gc", "NUMBER", "read one"),              \
        RUN("gc run", "", "collect garbage now"), ASK("gc stop", "NUMBER", "stop one"),           \
        H("gc schedule", "[CRON]", "print or set when garbage is collected (6 fields, or Daily)", \
          opt_harbor_put, cmd_harbor_schedule),                                                   \
        LIST("purge", "", "list purges of the audit log"),                                        \
        RUN("purge run", "", "purge the audit log now"),                                          \
        H("purge schedule", "[CRON]", "print or set when it is purged", opt_harbor_put,           \
          cmd_harbor_schedule),                                                                   \
        LIST("audit", "[PROJECT]", "print the audit log"),                                        \
        GET("config", "", "print the configuration"),                                             \
        H("config set", "", "change the configuration", opt_harbor_put, cmd_harbor_put),          \
        ONE("health", "print the state of Harbor's components"),                                  \
        ONE("info", "print what Harbor says of itself"),                                          \
        ONE("statistics", "count projects and repositories"),                                     \
        ONE("volumes", "print the storage that is left"),                                         \
        H("request", "METHOD PATH", "send any request below /api/v2.0", opt_harbor_request,       \
          cmd_harbor_request)

#endif
