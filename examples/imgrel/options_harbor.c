/* options_harbor.c - what the commands about Harbor take. */
#include "options.h"

const cli_option opt_harbor[] = {
    OPTION("url", 0, "URL", "Harbor's address (else HARBOR_URL)"),
    OPTION("user", 'u', "NAME", "who logs in (else HARBOR_USER)"),
    OPTION("password-file", 0, "FILE",
           "that user's password; - is standard input (else "
           "HARBOR_PASSWORD_FILE)"),
    END,
};
const cli_option opt_query[] = {
    OPTION("query", 0, "Q", "Harbor's q= expression: name=~app,tags=nil"),
    END,
};
const cli_option opt_project_ensure[] = {
    SWITCH("private", 0, "make it private (what new ones are)"),
    SWITCH("public", 0, "make it public"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_project_delete[] = {
    SWITCH("with-repositories", 0, "delete what is in it first"),
    END,
};
const cli_option opt_robot_ensure[] = {
    CHOICE("role", 0, "ROLE", "pull|push", "what it may do"),
    OPTION("access", 0, "RESOURCE:ACTION", "a right by name, instead of a role; may be repeated"),
    OPTION("expires", 0, "WHEN", "never, or days from now as 30d (new ones: never)"),
    OPTION("description", 0, "TEXT", "what it is for"),
    OPTION("secret-file", 0, "FILE", "where a new secret goes (0600); - is a pipe"),
    SWITCH("new-secret", 0, "give it a new secret even if FILE has one"),
    SWITCH("force", 0, "enable it again if it was disabled"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_robot_rotate[] = {
    OPTION("secret-file", 0, "FILE", "where the new secret goes (0600); - is a pipe"),
    END,
};
