/* options_registry.c - what the commands about registries take. */
#include "options.h"

const cli_option opt_login[] = {
    OPTION("user", 'u', "NAME", "who logs in"),
    SWITCH("password-stdin", 0, "read the password from standard input"),
    OPTION("password-file", 0, "FILE", "read the password from a file"),
    END,
};
const cli_option opt_copy[] = {
    OPTION("platform", 0, "P,...", "only these platforms, as linux/arm64"),
    OPTION("tag", 0, "TAG", "put this tag there too; may be repeated"),
    SWITCH("referrers", 0, "take along what refers to it: signatures, attestations, artifacts"),
    SWITCH("digest-tags", 0, "take along cosign's tags of its digest: sha256-HEX.sig and so on"),
    CHOICE("format", 0, "FORMAT", "oci|docker", "media types of the manifests"),
    SWITCH("force", 0, "overwrite what would be refused"),
    END,
};
const cli_option opt_platform[] = {
    OPTION("platform", 0, "P,...", "only these platforms, as linux/arm64"),
    END,
};
const cli_option opt_referrers[] = {
    OPTION("artifact-type", 0, "TYPE", "only those of this type"),
    END,
};
const cli_option opt_blob_get[] = {
    OPTION("output", 'o', "FILE", "write there instead of to standard output"),
    END,
};
