/* index.h - indexes put together and changed, and artifacts: files with a media type that are kept
 * where images are, and may refer to one.
 *
 * As in registry.h, every function may block, can be cancelled by its opts, may be called by any
 * number of threads with one client, and can give beside what it lists: EINVAL (a reference, or the
 * spec: the key), ENET, ETIMEOUT, ECANCELED, EAUTH, EDENIED, EPROTO, ELIMIT, ENOMEM, EFORKED. */
#ifndef IMGREL_INDEX_H
#define IMGREL_INDEX_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Makes an index (image-spec image-index.md), or changes the one that dst is. spec: JSON, every
 *  key optional, unknown ones EINVAL:
 *  - "create": true begins with nothing; else dst is read, ENOTFOUND if there is none, EINVAL if it
 *    is no index.
 *  - "remove": [PLATFORM or DIGEST, ...]: entries that go, with what attests them.
 *  - "append": [REF or {"ref", "platform", "annotations"}, ...]: images from any place, copied or
 *    mounted into dst's. Platform and variant are what the image's config says; "platform" may say
 *    more, not something else (EINVAL). Of an index its entries are taken as they are (those of
 *    opts.platform), with what attests them; an index in it is EUNSUPPORTED. An entry takes the
 *    place of one for the same platform, and of what attests that; two of one edit for the same
 *    platform are ECONFLICT.
 *  - "entries": {PLATFORM or DIGEST: {"platform", "annotations"}}: changes entries.
 *  - "annotations": of the index; null removes one.
 *  - "tags": further tags; "format": "oci" or "docker", of a new index. Docker's hold Docker's
 *    manifests only, and no annotations (EUNSUPPORTED).
 *
 *  Every image is read and checked before the index is written, under dst's tag or else by digest.
 *  The same images and spec give the same digest; what dst is already is not written again.
 *  ret_digest (may be NULL): of the index, also after IMGREL_FLAG_DRY_RUN; the caller's. Errors
 *  also: ENOTFOUND (an image, an entry to be removed or changed), ECONFLICT, EUNSUPPORTED, EDIGEST,
 *  EIO. */
IMGREL_API int imgrel_index_edit(imgrel_client *c, const char *spec, const char *dst,
                                 const imgrel_opts *o, char **ret_digest, imgrel_error *err);
/** Puts files as an artifact: each is a layer. spec: JSON, every key optional, unknown ones EINVAL:
 *  - "files": [PATH or {"path", "media_type", "title"}, ...]; a title is a name without slashes
 *    (absent: the path's last part), a media type anything (absent: application/octet-stream).
 *    Folders are EUNSUPPORTED. No file at all is fine.
 *  - "artifact_type": what it is. Absent: application/vnd.unknown.artifact.v1, or the config's.
 *  - "config": {"path", "media_type"}. Absent: the empty one.
 *  - "subject": what it refers to: a digest, a tag, or a reference in dst's repository. Where the
 *    registry lists no referrers itself, the index under the tag sha256-HEX is kept.
 *  - "annotations" of the manifest; "tags": further tags.
 *
 *  dst: its tag; with a subject it may be a repository alone: then by digest only. Nothing but the
 *  files and the spec goes in, so that the same gives the same digest. ret_digest (may be NULL):
 *  the caller's. Errors also: ENOTFOUND (a file, the subject), EUNSUPPORTED, EIO. */
IMGREL_API int imgrel_artifact_put(imgrel_client *c, const char *spec, const char *dst,
                                   const imgrel_opts *o, char **ret_digest, imgrel_error *err);
/** Gets an artifact's files into a folder, which is made if it is missing. Each is called as the
 *  last part of its title says, without one by its digest (sha256-HEX); what is no name is
 *  EPROTO, one name twice ECONFLICT. A file appears whole and verified, in place of one that is
 *  there. ret_json (may be NULL): {"digest", "artifactType", "files": [{"name", "mediaType",
 *  "digest", "size"}]}; the caller's. Errors also: ENOTFOUND, EDIGEST, EIO. */
IMGREL_API int imgrel_artifact_get(imgrel_client *c, const char *ref, const char *dir,
                                   const imgrel_opts *o, char **ret_json, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
