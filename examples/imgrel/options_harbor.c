/* options_harbor.c - what the commands about Harbor take. */
#include "options.h"

#define DRY_RUN SWITCH("dry-run", 0, "change nothing; say what would")
#define QUERY OPTION("query", 0, "Q", "Harbor's q= expression: name=~app,tags=nil")
#define WORDS                                                                                \
    OPTION("file", 'f', "FILE", "a JSON object with what it shall be; - is standard input"), \
        OPTION("data", 0, "JSON", "the same, on the command line"),                          \
        OPTION("field", 0, "KEY=VALUE", "one member of it; may be repeated")
#define SHOW SWITCH("show-secrets", 0, "do not mask secrets that Harbor tells")
#define WAIT SWITCH("wait", 0, "wait until it has ended; fail if it failed")
#define RIGHTS                                                                             \
    CHOICE("role", 0, "ROLE", "pull|push|ci|scan-reader", "what it may do; none deletes"), \
        OPTION("access", 0, "RESOURCE:ACTION",                                             \
               "a right by name, instead of a role; may be repeated"),                     \
        OPTION("project", 0, "NAME",                                                       \
               "of a system robot: where; * is everywhere; may be "                        \
               "repeated"),                                                                \
        OPTION("spec", 0, "FILE", "all of it as a JSON object; - is standard input")
#define LIFE                                                                             \
    OPTION("expires", 0, "WHEN", "never, from now as 30d, or a date (new ones: never)"), \
        OPTION("description", 0, "TEXT", "what it is for")
#define SECRET                                                                       \
    OPTION("secret-file", 0, "FILE", "where a new secret goes (0600); - is a pipe"), \
        OPTION("secret-from", 0, "FILE", "its own secret, from a file; - is standard input")

const cli_option opt_harbor[] = {
    OPTION("url", 0, "URL", "Harbor's address (else HARBOR_URL)"),
    OPTION("user", 'u', "NAME", "who logs in (else HARBOR_USER)"),
    OPTION("password-file", 0, "FILE",
           "that user's password; - is standard input (else "
           "HARBOR_PASSWORD_FILE)"),
    END,
};
const cli_option opt_query[] = {
    QUERY,
    SHOW,
    END,
};
const cli_option opt_harbor_doctor[] = {
    OPTION("project", 0, "NAME", "ask about this project too"),
    CHOICE("rights", 0, "WHAT", "pull|push", "what the login must be able to do there"),
    OPTION("repository", 0, "NAME", "in this repository of it"),
    END,
};
const cli_option opt_harbor_put[] = {WORDS, SHOW, DRY_RUN, END};
const cli_option opt_harbor_get[] = {SHOW, END};
const cli_option opt_harbor_delete[] = {DRY_RUN, END};
const cli_option opt_harbor_run[] = {WORDS, WAIT, DRY_RUN, END};
const cli_option opt_harbor_request[] = {
    WORDS,
    SWITCH("pages", 0, "of a list: every page, a row at a time"),
    SHOW,
    END,
};
const cli_option opt_harbor_tag[] = {
    SWITCH("force", 0, "take the tag from another artifact"),
    DRY_RUN,
    END,
};
const cli_option opt_harbor_scan[] = {
    WAIT,
    CHOICE("fail-above", 0, "SEVERITY", "none|low|medium|high|critical",
           "fail if there is anything worse; waits"),
    CHOICE("fail-at", 0, "SEVERITY", "low|medium|high|critical",
           "fail if there is that or anything worse; waits"),
    END,
};
const cli_option opt_harbor_member[] = {
    CHOICE("role", 0, "ROLE", "admin|maintainer|developer|guest|limited-guest",
           "what the member is"),
    DRY_RUN,
    END,
};
const cli_option opt_harbor_secret[] = {SECRET, END};
const cli_option opt_project_ensure[] = {
    SWITCH("private", 0, "make it private (what new ones are)"),
    SWITCH("public", 0, "make it public"),
    OPTION("quota", 0, "SIZE", "storage that it may use: 10GiB, or unlimited"),
    OPTION("cache-of", 0, "REGISTRY", "make a new one a proxy cache of this registry"),
    OPTION("metadata", 0, "KEY=VALUE", "auto_scan=true, severity=high, ...; may be repeated"),
    DRY_RUN,
    END,
};
const cli_option opt_project_delete[] = {
    SWITCH("with-repositories", 0, "delete what is in it first"),
    END,
};
const cli_option opt_robot_ensure[] = {
    RIGHTS,
    LIFE,
    SECRET,
    SWITCH("new-secret", 0, "give it a new secret even if FILE has one"),
    SWITCH("force", 0, "enable it again if it was disabled"),
    DRY_RUN,
    END,
};
const cli_option opt_robot_create[] = {RIGHTS, LIFE, SECRET, DRY_RUN, END};
const cli_option opt_robot_update[] = {
    RIGHTS,  LIFE, SECRET, SWITCH("new-secret", 0, "give it a new secret; the old one dies now"),
    DRY_RUN, END,
};
const cli_option opt_robot_rotate[] = {SECRET, END};
const cli_option opt_robot_list[] = {
    QUERY,
    SWITCH("all", 0, "the system's and those of every project"),
    OPTION("expiring", 0, "TIME", "those that expire within 14d or 2w; exit code 1 if there are"),
    END,
};
