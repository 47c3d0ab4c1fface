/* copy.h - images from anywhere to anywhere: one, one to several places, whole repositories.
 *
 * A source is read once however many destinations there are; what is there already is not sent,
 * and what another repository of the same registry has is mounted from it. A tag of the source is
 * resolved once, all that follows is read by digest. Names are written last: a copy that ends early
 * leaves no tag that is not complete, and goes on where it ended when it is made again. Errors:
 * those that registry.h lists, and ENOTFOUND, EDIGEST, EIO, ECONFLICT. */
#ifndef IMGREL_COPY_H
#define IMGREL_COPY_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Copies an image between any two places with all that it names, skipping what is there.
 *  opts.platform: only those of an index (one: its manifest alone; several: the index without the
 *  others, with the attestations of those that stay). ret_digest (may be NULL): of what the
 *  destination holds, the caller's. Errors also: EUNSUPPORTED (an index for a Docker archive). */
IMGREL_API int imgrel_copy(imgrel_client *c, const char *from, const char *to,
                           const imgrel_opts *o, char **ret_digest, imgrel_error *err);
/** The same with more to say. spec: JSON, unknown keys EINVAL:
 *  - "from": a reference; "to": [references], all written from one read of the source
 *  - "tags": ["..."]: further tags, in every destination
 *  - "referrers": true takes along what refers to the image or to its parts, and what refers to
 *    that; "digest_tags": true the tags that cosign gives a digest (sha256-HEX.sig, .att, .sbom)
 *  - "format": "oci" or "docker": manifests and indexes get that format's media types
 *    (EUNSUPPORTED: what Docker's can't express, as zstd layers, artifacts and attestations;
 *    annotations, which it has not, are left out)
 *  - "keep_going": true: a destination that fails does not end the others
 *  ret_json (may be NULL, the caller's): {"from", "results": [{"to", "digest", "unchanged",
 *  "copied", "exists", "mounted": blobs, "bytes": copied, "attached": manifests, or with keep_going
 *  "error": {"code", "message", "cure"}}]}. Errors also: EINVAL (spec: the key), EFAILED with
 *  keep_going when any destination failed: then ret_json is given all the same. */
IMGREL_API int imgrel_copy_spec(imgrel_client *c, const char *spec, const imgrel_opts *o,
                                char **ret_json, imgrel_error *err);

/** Copies whole repositories, tag by tag: what the destination has already costs two HEADs, so that
 *  the same call again copies only what is new, and goes on where an earlier one was stopped. All
 *  items share opts.jobs transfers and what is known of blobs. spec: JSON, unknown keys EINVAL:
 *  - "from": "host/repository", or a local place without a name; with "repositories" a host
 *  - "to": ["..."]: the same; with "repositories" what they go under: "host", "host/prefix" or
 *    "oci:DIR" (DIR/REPOSITORY is then a layout each)
 *  - "repositories": {"include": [...], "exclude": [...]}: those of the host's catalog
 *  - "map": {"team/app": "mirror/app"}: of those, new names for what names are or begin with
 *  - "tags": {"include": [...], "exclude": [...], "versions": ">=1.2 <2", "latest": N}: which: any
 *    of include (absent: all), none of exclude, in the range of versions (also "^1.4", "~1.2.3",
 *    "1.x", "1.2 - 1.4", "a || b"; pre-releases only where a bound is one), and of those only the
 *    N highest versions. A pattern is a glob, or "/REGEX/" (POSIX, extended).
 *  - "referrers", "format": as imgrel_copy_spec has them; "digest_tags": true takes the tags that
 *    cosign gives a digest along, whatever the patterns say
 *  - "prune": true deletes tags of the destination that match "tags" and that the source's choice
 *    has not; not where anything failed or the choice is empty
 *  - "keep_going": true: a failure does not end the others
 *  - "share": "I/N": only the I-th of N shares, from 0, which machines do side by side: by a hash
 *    of the tags' names, with "repositories" of the repositories'
 *  Each item is told as it ends: an IMGREL_EVENT_ITEM whose detail is {"from", "to", "state", ...},
 *  state "copied", "unchanged", "deleted" or "failed" (with "error": {"code", "message", "cure",
 *  "http_status"}), else with "digest", "copied", "exists", "mounted", "bytes". With
 *  IMGREL_FLAG_DRY_RUN nothing is written: "planned" with what would be sent, and "extra" for what
 *  prune would delete. ret_json (may be NULL, the caller's): {"items", "copied" (or "planned"),
 *  "unchanged", "deleted" (or "extra"), "failed", "bytes", "blobs": {"copied", "exists",
 *  "mounted"}, "failures": the first 100}. Errors also: EINVAL (spec: the key), EUNSUPPORTED (a
 *  registry that deletes no tags), EFAILED with keep_going when anything failed: then ret_json is
 *  given all the same. */
IMGREL_API int imgrel_copy_many(imgrel_client *c, const char *spec, const imgrel_opts *o,
                                char **ret_json, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
