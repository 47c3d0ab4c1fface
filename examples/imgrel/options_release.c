/* options_release.c - what the commands about releases take. */
#include "options.h"

const cli_option opt_release[] = {
    OPTION("file", 'f', "FILE", "the release file"),
    OPTION("version", 0, "V", "this version instead of the file's"),
    OPTION("harbor-url", 0, "URL", "Harbor's address (else HARBOR_URL, the file's registry)"),
    OPTION("harbor-user", 0, "NAME", "who logs in there (else HARBOR_USER)"),
    OPTION("harbor-password-file", 0, "FILE",
           "that user's password; - is standard input (else "
           "HARBOR_PASSWORD_FILE)"),
    OPTION("kubeconfig", 0, "FILE", "configuration (else KUBECONFIG, ~/.kube/config)"),
    OPTION("context", 0, "NAME", "context of it (else its current one)"),
    OPTION("state-dir", 0, "DIR", "where its state is kept (else .imgrel beside the file)"),
    OPTION("forward", 0, "PORT", "local port of the page check (else a free one)"),
    OPTION("node", 0, "HOW", "none: leave nodes alone"),
    END,
};
const cli_option opt_release_apply[] = {
    SWITCH("force", 0, "overwrite a version tag that holds another image"),
    END,
};
const cli_option opt_release_delete[] = {
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_release_rotate[] = {
    CHOICE("robot", 0, "ROLE", "push|pull", "only this robot (else both)"),
    OPTION("grace", 0, "TIME", "how long the old robot lives on (else the file's, 30m)"),
    SWITCH("retire", 0, "make nothing new; delete old robots whose grace is over"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    SWITCH("force", 0, "take over robots that this release did not make"),
    END,
};
