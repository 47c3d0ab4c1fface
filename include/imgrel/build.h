/* build.h - images built from a Dockerfile, by the builder that is there.
 *
 * BuildKit, Buildah, podman and Docker behind one call; an image for which nothing must be run is
 * made by the library itself. Builders run without a shell and without a secret among their
 * arguments; what they may log in with is kept in a folder of its own, 0700, that goes when the
 * call returns. A call that ends early ends its builder, with all that it started, first. */
#ifndef IMGREL_BUILD_H
#define IMGREL_BUILD_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Builds an image and puts it under its names. spec: JSON, unknown keys EINVAL:
 *  - "context": the folder; "file": the Dockerfile, seen from the current folder or the context
 *    (absent: Dockerfile in the context); "target": a stage of it
 *  - "to": ["HOST/REPOSITORY:TAG", ...], or local places (oci:, oci-archive:, docker-archive:)
 *  - "platforms": ["linux/amd64", ...]. Absent: opts.platform, else the builder's own.
 *  - "args", "labels", "annotations": {}; an argument that is null comes from the environment
 *  - "secrets": [{"id", "file"} or {"id", "env"}], "ssh": ["default", "ID=KEYFILE"]
 *  - "cache_from", "cache_to": [{"type": "registry" | "local" | "inline" | "s3" | "gha" | "azblob",
 *    ...}] with the attributes that BuildKit has for them; what is secret in them is not taken, it
 *    belongs to the builder's daemon. "no_cache": true; "pull": true looks for newer bases.
 *  - "provenance": "min" or "max" (absent: "off"), "sbom": true: attestations (BuildKit)
 *  - "created": RFC 3339 or seconds (absent: $SOURCE_DATE_EPOCH): no time in the image is later,
 *    and the same input gives the same bytes
 *  - "contexts": {NAME: FOLDER | "oci:DIR" | "docker-image://REF"}: what FROM NAME and --from=NAME
 *    mean
 *  - "driver": "buildkit", "buildah", "podman", "docker" or "assemble" (nothing is run: FROM, COPY
 *    and what only sets the config). Absent: as "builder" says, else the last if the Dockerfile
 *    needs no more, else the first of the others that is here.
 *  - "builder": BuildKit's address (unix://, tcp://, kube-pod://POD, docker-container://NAME),
 *    "rootless" (a daemon for this build alone), a socket of Docker's or podman's API
 *    (unix:///run/docker.sock), or the name of a builder of docker buildx. Absent: $BUILDKIT_HOST,
 *    the usual sockets, rootless. "tls": {"ca", "cert", "key", "server_name"}: files for tcp://.
 *  - "push": "library" takes the image as an OCI layout and pushes it as imgrel_copy does: one
 *    read, retries, the same digest everywhere. "builder" has BuildKit push it. Absent: "builder"
 *    where that is far away (tcp://, kube-pod:// ...), else "library".
 *  - "syntax": "builtin": the builder's own frontend, whatever a "# syntax=" line says
 *
 *  Refused before anything is built, because a builder says it late or never: names without a
 *  registry, with upper case, with '+' in the tag or several in one text; files and variables of
 *  secrets that are not there; a "# syntax=" line whose registry cannot be reached from here.
 *  Afterwards every name is read again: its digest, and that the platforms are those that were
 *  asked for, attestations not counted. Told on the way: IMGREL_EVENT_STEP (what: the step; detail
 *  "began", "done", "cached", "failed" or "cancelled"), IMGREL_EVENT_LOG (a line of a step's log),
 *  IMGREL_EVENT_BYTES. With IMGREL_FLAG_DRY_RUN only the spec is checked.
 *
 *  ret_json (may be NULL; given after a failure too once there is an image): {"driver", "builder",
 *  "digest", "platforms": [...], "attestations": count, "steps", "cached", "warnings": [...],
 *  "results": [{"to", "digest"} or {"to", "error": {"code", "message", "cure"}}]}; the caller's.
 *  Blocks. Any thread. Errors: EINVAL (the spec's key, the Dockerfile's line), ENOTFOUND (a file, a
 *  base, a program), EFAILED (a RUN step, with its exit code and last words; platforms that are
 *  missing afterwards), EUNSUPPORTED (by the driver; no builder here), EAUTH, EDENIED, ENET (a
 *  registry or the builder), EDIGEST (a name holds another image), ECONFLICT (the rootless builder
 *  is in use), EIO, ETIMEOUT, ECANCELED, and those of registry.h. */
IMGREL_API int imgrel_build(imgrel_client *c, const char *spec, const imgrel_opts *o,
                            char **ret_json, imgrel_error *err);
/** Which builders are here. builder: an address to be asked too; NULL. ret_json: {"builders":
 *  [{"driver", "available", "builder", "version", "why", "cure"}], "chosen": the driver that a
 *  build would take (absent: none)}; the caller's. Runs the programs for their versions. Blocks,
 *  any thread. Errors: EINVAL, ENOMEM, ETIMEOUT, ECANCELED. */
IMGREL_API int imgrel_build_detect(imgrel_client *c, const char *builder, const imgrel_opts *o,
                                   char **ret_json, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
