/* options_gitlab.c - what the commands about GitLab take. */
#include "options.h"

#define DRY_RUN SWITCH("dry-run", 0, "change nothing; say what would")
#define RELEASE OPTION("file", 'f', "FILE", "the release file, whose key gitlab says the rest")

const cli_option opt_gitlab[] = {
    OPTION("url", 0, "URL", "GitLab's address (else GITLAB_URL)"),
    OPTION("project", 0, "PATH", "the project: group/app, or its number (else GITLAB_PROJECT)"),
    OPTION("token-file", 0, "FILE",
           "a token with the scope api; - is standard input (else GITLAB_TOKEN_FILE)"),
    END,
};
const cli_option opt_gitlab_variable[] = {
    OPTION("value-file", 0, "FILE", "its value; - is standard input"),
    CHOICE("type", 0, "TYPE", "env_var|file", "what jobs see: the value, or the path of a file"),
    OPTION("registry", 0, "HOST",
           "instead of a value: a file that is a config.json with a login for this host"),
    OPTION("username", 0, "NAME", "who logs in there"),
    OPTION("password-file", 0, "FILE", "that user's password; - is standard input"),
    OPTION("scope", 0, "SCOPE", "environments that see it (*)"),
    OPTION("description", 0, "TEXT", "what it is for"),
    CHOICE("mask", 0, "WHEN", "auto|always|never", "hide it in logs: where GitLab can (auto)"),
    SWITCH("protected", 0, "only jobs of protected branches and tags see it"),
    SWITCH("hidden", 0, "nobody can read it again; of a new one only"),
    SWITCH("expand", 0, "let $NAME in it be expanded: not raw"),
    DRY_RUN,
    END,
};
const cli_option opt_gitlab_check[] = {
    OPTION("value-file", 0, "FILE", "look at this value, not at the one that is there"),
    END,
};
const cli_option opt_gitlab_runner[] = {
    OPTION("tag", 0, "TAG", "jobs with this tag are its; may be repeated"),
    OPTION("token-out", 0, "FILE",
           "where its token goes (0600); one that is there and good is kept"),
    OPTION("name", 0, "TEXT", "its description, by which it is found again (imgrel TAG,...)"),
    SWITCH("untagged", 0, "it takes jobs without tags too"),
    SWITCH("protected", 0, "it takes jobs of protected branches and tags only"),
    SWITCH("no-instance-runners", 0, "turn the instance's runners off for this project"),
    DRY_RUN,
    END,
};
const cli_option opt_gitlab_ci[] = {
    RELEASE,
    OPTION("output", 'o', "FILE", "write it here and send nothing; - is standard output"),
    OPTION("branch", 0, "NAME", "commit it to this branch (else the default one)"),
    OPTION("message", 'm', "TEXT", "message of the commit"),
    DRY_RUN,
    END,
};
const cli_option opt_gitlab_lint[] = {
    RELEASE,
    OPTION("ref", 0, "REF", "as a pipeline of this branch or tag would"),
    END,
};
const cli_option opt_gitlab_tag[] = {
    OPTION("ref", 0, "REF", "branch, tag or commit that it is made from"),
    OPTION("message", 'm', "TEXT", "an annotated tag with this message"),
    DRY_RUN,
    END,
};
const cli_option opt_gitlab_wait[] = {
    OPTION("appear", 0, "TIME", "how long a tag may have no pipeline (60s)"),
    OPTION("pending", 0, "TIME", "how long a job may wait that no runner can take (5m)"),
    SWITCH("no-log", 0, "show no logs of jobs"),
    END,
};
const cli_option opt_gitlab_request[] = {
    OPTION("data", 0, "JSON", "the body"),
    END,
};
