/* options_index.c - what the commands about indexes and artifacts take. */
#include "options.h"

const cli_option opt_index_create[] = {
    OPTION("platform", 0, "P,...", "of indexes only these platforms, as linux/arm64"),
    OPTION("annotation", 0, "KEY=VALUE", "annotate the index; may be repeated"),
    OPTION("tag", 0, "TAG", "further tag of the index; may be repeated"),
    CHOICE("format", 0, "FORMAT", "oci|docker", "media type of the index"),
    END,
};
const cli_option opt_index_append[] = {
    OPTION("platform", 0, "P,...", "of indexes only these platforms, as linux/arm64"),
    OPTION("annotation", 0, "KEY=VALUE", "annotate the index; may be repeated"),
    OPTION("tag", 0, "TAG", "further tag of the index; may be repeated"),
    END,
};
const cli_option opt_index_remove[] = {
    OPTION("platform", 0, "PLATFORM", "what serves this platform goes; may be repeated"),
    OPTION("digest", 0, "DIGEST", "the entry of this digest goes; may be repeated"),
    END,
};
const cli_option opt_index_annotate[] = {
    OPTION("annotation", 0, "KEY=VALUE", "set it, KEY= removes it; may be repeated"),
    OPTION("platform", 0, "PLATFORM", "of this entry, not of the index"),
    OPTION("digest", 0, "DIGEST", "of this entry, not of the index"),
    OPTION("set-platform", 0, "PLATFORM", "what the entry is for, as linux/arm/v6"),
    END,
};
const cli_option opt_artifact_put[] = {
    OPTION("artifact-type", 0, "TYPE", "what it is"),
    OPTION("subject", 0, "REF", "what it refers to: a digest, a tag, or a reference there"),
    OPTION("annotation", 0, "KEY=VALUE", "annotate it; may be repeated"),
    OPTION("config", 0, "FILE:TYPE", "its config, and that one's media type"),
    OPTION("tag", 0, "TAG", "further tag; may be repeated"),
    END,
};
const cli_option opt_artifact_get[] = {
    OPTION("output", 'o', "DIR", "write the files there instead of here"),
    OPTION("platform", 0, "P", "the one of an index for this platform"),
    END,
};
