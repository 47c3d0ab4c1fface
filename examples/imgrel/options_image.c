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
const cli_option opt_export[] = {
    OPTION("platform", 0, "P", "this platform of an index (else this machine's)"),
    OPTION("output", 'o', "FILE", "write there instead of to standard output"),
    END,
};
