/* image.h - images made, changed and looked into.
 *
 * None of it runs anything or needs a daemon. Layers are streams: what is new is made, compressed
 * and sent in one pass, what stays is mounted or copied as it is, and memory does not grow with an
 * image. The same input gives the same bytes. The functions block, can be cancelled by their opts,
 * may be called by any number of threads with one client, and can give what registry.h says of all
 * that reach a registry. */
#ifndef IMGREL_IMAGE_H
#define IMGREL_IMAGE_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Assembles an image without running anything. spec: JSON, every key optional, unknown ones
 *  EINVAL:
 *  - "base": a reference, or root file systems {"linux/amd64": FOLDER, ...} (owners and modes as
 *    on disk). Absent: from scratch. Blobs of a base in dst's registry are mounted.
 *  - "platforms": ["linux/amd64", ...]. Absent: opts.platform, else all that the base has, else
 *    linux on this machine. Several make an index, one a manifest.
 *  - "layers": [{"from": PATH, "to": "/dir", "owner": "UID:GID", "mode": "0644"}], a layer each,
 *    the same for every platform. A folder's content goes into `to`; a file becomes `to`, or goes
 *    into it when it ends with a slash; a tar (.tar, .tar.gz, .tgz, .tar.zst) with `to` "/" is the
 *    layer as it is. Absent owner: 0:0; absent mode: 0755 for what may be executed, else 0644.
 *    Hard links are kept, sockets left out, devices and pipes EUNSUPPORTED; a file that changes
 *    while it is read is EIO.
 *  - "config": {"env": {}, "cmd": [], "entrypoint": [], "labels": {}, "exposed": [80, "53/udp"],
 *    "volumes": ["/data"], "user", "workdir", "stop_signal"}, over the base's; an entrypoint
 *    without cmd clears the base's cmd.
 *  - "annotations": {} of manifests and index; "tags": [...] further tags of dst.
 *  - "created": RFC 3339. Absent: $SOURCE_DATE_EPOCH, else 1970. No file is younger in the image.
 *
 *  dst: where it goes. Layers are made in one pass from files to the destination; the same input
 *  gives the same diffIDs in every locale, and the same bytes with the same codec. When dst is this
 *  image already nothing is written. ret_digest (may be NULL): of the index (of the manifest for
 *  one platform); "" after IMGREL_FLAG_DRY_RUN found that something would be written; the caller's.
 *  Errors also: EINVAL (spec: the key), ENOTFOUND (a path, the base, or a platform that it lacks,
 *  with those that it has), EUNSUPPORTED, EDIGEST, EIO. */
IMGREL_API int imgrel_image_assemble(imgrel_client *c, const char *spec, const char *dst,
                                     const imgrel_opts *o, char **ret_digest, imgrel_error *err);

/** Changes an image. spec: JSON, every key optional, unknown ones EINVAL; what it says is done in
 *  this order, for the platforms of opts.platform (one: its manifest alone), absent: for all of an
 *  index:
 *  - "rebase": {"old_base": REF, "new_base": REF}: the layers of the old base, which must be those
 *    at the bottom (by diffID, else ECONFLICT), give way to the new base's. What is absent is taken
 *    from the annotations org.opencontainers.image.base.name and .digest, which are written anew.
 *  - "flatten": true: all layers become one that holds the same files, whiteouts applied.
 *  - "compression": "none", "gzip" or "zstd": layers that are compressed otherwise are compressed
 *    anew, keeping their diffIDs; all of them with "level" (gzip 1-9, zstd 1-19). Absent: they stay
 *    as they are, new layers are compressed as the client's configuration says.
 *  - "layers": [...] on top, as for imgrel_image_assemble. One "from" may be "-": a tar, plain or
 *    compressed, from standard input as it is.
 *  - "config": as for imgrel_image_assemble, over the image's; "volumes": ["/data"], "stop_signal"
 *    too. null removes: a variable, a label, or a whole member ({"cmd": null}).
 *  - "annotations": {} of manifests and index; null removes one.
 *  - "created": RFC 3339 (absent: $SOURCE_DATE_EPOCH, else unchanged): of config and history, in
 *    which no time is later; nor is one in a layer that is made. Without it, new layers have 1970.
 *  - "format": "oci" or "docker": media types of manifests and index. Docker's have neither
 *    annotations nor zstd (EUNSUPPORTED).
 *  - "tags": [...] further tags of dst.
 *
 *  Unknown members of configs and manifests stay; a document that says the same keeps its bytes.
 *  Of an index, attestations go with the image that they attest when that changed (a warning in
 *  the log, a step in the progress); what is no image is kept. Blobs that stay are not read where
 *  dst is the same repository or layout, are mounted in the same registry, and else copied. dst
 *  NULL: src, in place. An archive as dst is written anew as a whole. ret_digest (may be NULL): of
 *  what was written; "" after IMGREL_FLAG_DRY_RUN, which checks spec, source and bases; the
 *  caller's. Errors also: EINVAL (spec: the key), ENOTFOUND (a path, src, a base, the platform),
 *  ECONFLICT (not on the old base), EUNSUPPORTED (an index in an index, a foreign layer to be
 *  flattened), EDIGEST (a blob, or a layer that is not its diffID), EPROTO, EIO. */
IMGREL_API int imgrel_image_edit(imgrel_client *c, const char *src, const char *spec,
                                 const char *dst, const imgrel_opts *o, char **ret_digest,
                                 imgrel_error *err);

/** Writes the file system of an image as one tar (plain, not compressed) to a descriptor from its
 *  current position: layers laid over each other as image-spec layer.md says, whiteouts applied,
 *  owners, modes, times, extended attributes and devices as they are in the layers. What lies in
 *  the upper layers comes first, so that a folder may come after what is in it. A hard link whose
 *  file an upper layer replaced becomes a file. opts.platform: which of an index; absent: this
 *  machine's. The descriptor stays the caller's. Memory: about 32 bytes a path, at most 4,000,000
 *  paths. Errors also: ENOTFOUND (the platform, a blob), EDIGEST, EIO (the descriptor), EPROTO (a
 *  layer that is no tar, or whose paths lead out of the image), EUNSUPPORTED (no image). */
IMGREL_API int imgrel_image_export(imgrel_client *c, const char *ref, int fd, const imgrel_opts *o,
                                   imgrel_error *err);

/** Checks that an image is what its documents say: each digest and size, media types, layers
 *  unpacked against their diffIDs (no tar, or one whose paths lead out, is an error too), the
 *  config's platform against the index's, as many diffIDs and entries of history as layers,
 *  annotations. With IMGREL_FLAG_FAST no blob of a layer is read: that it is there, and its size,
 *  is all that is looked at. opts.platform: only those of an index. ret_json, also after a failure
 *  that has findings (else NULL): {"name", "digest", "mediaType", "ok", "fast",
 *  "images": [{"platform" or "artifactType", "digest", "layers"}], "blobs", "bytes",
 *  "findings": [{"level": "error" or "warning", "code", "what", "message"}]}; the caller's. The
 *  result is that of the first error found: EDIGEST, EINVAL, ENOTFOUND, EPROTO, ELIMIT (a bomb),
 *  EUNSUPPORTED. */
IMGREL_API int imgrel_image_validate(imgrel_client *c, const char *ref, const imgrel_opts *o,
                                     char **ret_json, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
