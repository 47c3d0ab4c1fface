/* options_image.c - what the commands that make images take. */
#include "options.h"

const cli_option opt_assemble[] = {
    OPTION("base", 0, "REF", "image to stand on"),
    OPTION("platform", 0, "P,...", "platforms to make, as linux/amd64,linux/arm64"),
    OPTION("layer", 0, "PATH:DIR", "put the files of PATH into DIR; may be repeated"),
    OPTION("env", 0, "NAME=VALUE", "environment variable; may be repeated"),
    OPTION("label", 0, "NAME=VALUE", "label; may be repeated"),
    OPTION("expose", 0, "PORT", "port that it listens at, as 80/tcp; may be repeated"),
    OPTION("run-as", 0, "USER", "user that it runs as"),
    OPTION("workdir", 0, "DIR", "folder that it starts in"),
    OPTION("tag", 0, "TAG", "further tag of the destination; may be repeated"),
    END,
};
#define PLATFORM OPTION("platform", 0, "P,...", "only these platforms, as linux/arm64")
#define TAG OPTION("tag", 0, "TAG", "further tag of the destination; may be repeated")
#define CREATED OPTION("created", 0, "TIME", "set times, none is later: 2026-11-22T10:00:00Z")
#define PACKED \
    CHOICE("compression", 0, "HOW", "none|gzip|zstd", "compress layers that way"), \
        OPTION("level", 0, "N", "how hard: 1 to 9 (gzip) or 19 (zstd)")
#define FORMAT CHOICE("format", 0, "HOW", "oci|docker", "media types of the result")

const cli_option opt_image_edit[] = { PLATFORM, TAG, CREATED, PACKED, FORMAT, END };
const cli_option opt_image_append[] = {
    OPTION("layer", 0, "PATH[:DIR]",
           "put a tar, a folder or a file on top (in DIR); - is a tar on standard input; may be "
           "repeated"),
    PLATFORM, TAG, CREATED, PACKED, FORMAT, END,
};
const cli_option opt_image_mutate[] = {
    OPTION("env", 0, "NAME=VALUE", "environment variable (NAME= removes it); may be repeated"),
    OPTION("label", 0, "NAME=VALUE", "label (NAME= removes it); may be repeated"),
    OPTION("annotation", 0, "KEY=VALUE", "annotation (KEY= removes it); may be repeated"),
    OPTION("entrypoint", 0, "ARG", "entrypoint, an argument each time"),
    OPTION("cmd", 0, "ARG", "command, an argument each time"),
    OPTION("run-as", 0, "USER", "user that it runs as"),
    OPTION("workdir", 0, "DIR", "folder that it starts in"),
    OPTION("expose", 0, "PORT", "port that it listens at, as 80/tcp; may be repeated"),
    OPTION("volume", 0, "DIR", "folder that is a volume; may be repeated"),
    OPTION("stop-signal", 0, "NAME", "signal that ends it"),
    OPTION("remove", 0, "WHAT",
           "env, cmd, entrypoint, labels, exposed, volumes, user, workdir or stop_signal; may be "
           "repeated"),
    PLATFORM, TAG, CREATED, FORMAT, END,
};
const cli_option opt_image_rebase[] = {
    OPTION("old-base", 0, "REF", "image that it was built on (else what it says)"),
    OPTION("new-base", 0, "REF", "image to stand on (else that name as it is now)"),
    PLATFORM, TAG, CREATED, PACKED, FORMAT, END,
};
const cli_option opt_export[] = {
    OPTION("platform", 0, "P", "this platform of an index (else this machine's)"),
    OPTION("output", 'o', "FILE", "write there instead of to standard output"),
    END,
};
const cli_option opt_validate[] = {
    PLATFORM,
    SWITCH("fast", 0, "read no layer: only see that it is there"),
    END,
};
