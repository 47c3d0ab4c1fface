/* options_registry.c - what the commands about registries take. */
#include "options.h"

const cli_option opt_login[] = {
    OPTION("user", 'u', "NAME", "who logs in"),
    SWITCH("password-stdin", 0, "read the password from standard input"),
    OPTION("password-file", 0, "FILE", "read the password from a file"),
    END,
};
#define COPY_OPTIONS                                                                              \
    OPTION("platform", 0, "P,...", "only these platforms, as linux/arm64"),                      \
        SWITCH("referrers", 0,                                                                    \
               "take along what refers to it: signatures, attestations, artifacts"),              \
        SWITCH("digest-tags", 0,                                                                  \
               "take along cosign's tags of its digest: sha256-HEX.sig and so on"),               \
        CHOICE("format", 0, "FORMAT", "oci|docker", "media types of the manifests"),              \
        SWITCH("dry-run", 0, "change nothing; say what would"),                                   \
        SWITCH("keep-going", 'k', "one failure does not end the others; the exit code tells"),    \
        SWITCH("force", 0, "overwrite what would be refused")
const cli_option opt_copy[] = {
    COPY_OPTIONS,
    OPTION("tag", 0, "TAG", "put this tag there too; may be repeated"),
    SWITCH("all-tags", 'a', "SRC and DST are repositories: all tags, as sync does"),
    END,
};
const cli_option opt_sync[] = {
    OPTION("include", 0, "PATTERN", "only tags like this glob or /REGEX/; may be repeated"),
    OPTION("exclude", 0, "PATTERN", "no tags like this; may be repeated"),
    OPTION("semver", 0, "RANGE", "only versions in this range: '>=1.2 <2', '^1.4', '~1.2.3'"),
    OPTION("latest", 0, "N", "only the N highest versions"),
    SWITCH("all", 0, "SRC is a registry: all repositories of its catalog"),
    OPTION("repo", 0, "PATTERN", "of a registry, only repositories like this; may be repeated"),
    OPTION("exclude-repo", 0, "PATTERN", "of a registry, none like this; may be repeated"),
    OPTION("map", 0, "OLD=NEW", "repositories that are OLD, or below it, get that name there"),
    OPTION("share", 0, "[I/]N",
           "only the I-th share of N, from 0 (else JOB_COMPLETION_INDEX, as a Job's pods have it)"),
    SWITCH("prune", 0, "delete tags of DST that match and that SRC has not"),
    COPY_OPTIONS,
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
