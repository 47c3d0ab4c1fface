/* registry.h - images where they are kept: references, manifests, tags, blobs, logins.
 *
 * One grammar names content everywhere: `host[:port]/repository[:tag][@digest]` in a registry, and
 * `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]` on disk. A reference
 * without a host means docker.io, one without tag and digest means `latest`. Manifests travel as
 * exact bytes. Every function here may block unless it says otherwise, can be cancelled by its
 * opts, and may be called by any number of threads with one client. Functions that reach a
 * registry can give, beside what they list: EINVAL (reference), ENET, ETIMEOUT, ECANCELED, EAUTH,
 * EDENIED, EPROTO, ELIMIT, ENOMEM, EFORKED. */
#ifndef IMGREL_REGISTRY_H
#define IMGREL_REGISTRY_H

#include <imgrel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- references ----------------------------------------------------------------------------- */

typedef struct imgrel_ref imgrel_ref;

/** Parses a reference. Errors: EINVAL with the place and the rule, ENOMEM. Does not block. */
IMGREL_API int imgrel_ref_parse(const char *text, imgrel_ref **out, imgrel_error *err);
/** A part: "transport" ("registry", "oci", "oci-archive", "docker-archive"), "host", "repository",
 *  "tag", "digest", "path", or "name" for the whole in canonical form. NULL if the reference has
 *  no such part. Lives with the handle. */
IMGREL_API const char *imgrel_ref_part(const imgrel_ref *ref, const char *part);
/** Frees a reference. NULL is fine. */
IMGREL_API void imgrel_ref_free(imgrel_ref *ref);

/* ---- manifests ------------------------------------------------------------------------------ */

/** Reads a manifest or index (distribution-spec "Pulling manifests"). With opts.platform and an
 *  index, reads that platform's manifest. ret_bytes: exact bytes, NUL after the last (not
 *  counted), the caller's (imgrel_free). ret_descriptor (may be NULL): JSON
 *  {"mediaType","digest","size"}, the caller's. Errors also: ENOTFOUND, EDIGEST,
 *  EUNSUPPORTED (schema 1). */
IMGREL_API int imgrel_manifest_get(imgrel_client *c, const char *ref, const imgrel_opts *o,
                                   char **ret_bytes, size_t *ret_len, char **ret_descriptor,
                                   imgrel_error *err);
/** Writes a manifest or index as exact bytes under the reference's tag, or under its digest.
 *  media_type NULL: the one in the document. ret_digest (may be NULL): the caller's.
 *  Errors also: EINVAL (not a manifest, ambiguous), ENOTFOUND (a blob that it names). */
IMGREL_API int imgrel_manifest_put(imgrel_client *c, const char *ref, const char *bytes, size_t len,
                                   const char *media_type, const imgrel_opts *o, char **ret_digest,
                                   imgrel_error *err);
/** The digest that a reference resolves to ("sha256:..."); with opts.platform the platform's.
 *  The caller's (imgrel_free). Errors also: ENOTFOUND. */
IMGREL_API int imgrel_digest(imgrel_client *c, const char *ref, const imgrel_opts *o,
                             char **ret_digest, imgrel_error *err);
/** What an image is, as one JSON document: name, digest, mediaType, size, annotations, platforms
 *  (each os, architecture, variant, digest, size; of an image created, config, and layers with
 *  mediaType, digest, size and diffID; else artifactType). The caller's (imgrel_free). Errors also:
 *  ENOTFOUND, EDIGEST. */
IMGREL_API int imgrel_inspect(imgrel_client *c, const char *ref, const imgrel_opts *o,
                              char **ret_json, imgrel_error *err);
/** Deletes a manifest: by digest as it is; by tag the tag alone where the registry can, else
 *  EUNSUPPORTED with the digest that would go. Errors also: ENOTFOUND, EUNSUPPORTED. */
IMGREL_API int imgrel_delete(imgrel_client *c, const char *ref, const imgrel_opts *o,
                             imgrel_error *err);

/* ---- lists ---------------------------------------------------------------------------------- */

/** Tags of a repository, a name per item (distribution-spec "Listing tags"); of a local place its
 *  images' names. */
IMGREL_API int imgrel_tags(imgrel_client *c, const char *repository, const imgrel_opts *o,
                           imgrel_iter **out, imgrel_error *err);
/** Repositories of a registry, a name per item (Docker Registry API _catalog). */
IMGREL_API int imgrel_catalog(imgrel_client *c, const char *host, const imgrel_opts *o,
                              imgrel_iter **out, imgrel_error *err);
/** Descriptors, one JSON document per item, that refer to a manifest (distribution-spec "Listing
 *  referrers", with the tag schema where the API is missing). artifact_type NULL: all. */
IMGREL_API int imgrel_referrers(imgrel_client *c, const char *ref, const char *artifact_type,
                                const imgrel_opts *o, imgrel_iter **out, imgrel_error *err);

/* ---- blobs ---------------------------------------------------------------------------------- */

/** A blob that is read or written like a file; one thread at a time. */
typedef struct imgrel_blob imgrel_blob;

/** Opens `host/repo@sha256:...` for reading. Errors also: ENOTFOUND. */
IMGREL_API int imgrel_blob_open(imgrel_client *c, const char *ref, const imgrel_opts *o,
                                imgrel_blob **out, imgrel_error *err);
/** Size in bytes, -1 if the registry did not say. Does not block. */
IMGREL_API int64_t imgrel_blob_size(const imgrel_blob *b);
/** Reads up to len bytes: their number, 0 at a verified end, or a negative code: EDIGEST at the
 *  end if what was read does not match. A dropped connection is resumed. */
IMGREL_API int64_t imgrel_blob_read(imgrel_blob *b, void *buf, size_t len, imgrel_error *err);
/** Begins an upload into `host/repo` (size and digest may be unknown). */
IMGREL_API int imgrel_blob_create(imgrel_client *c, const char *repository, const imgrel_opts *o,
                                  imgrel_blob **out, imgrel_error *err);
/** Writes len bytes; returns len or a negative code. */
IMGREL_API int64_t imgrel_blob_write(imgrel_blob *b, const void *buf, size_t len,
                                     imgrel_error *err);
/** Ends an upload. ret_digest (may be NULL): the caller's. Errors also: EDIGEST. */
IMGREL_API int imgrel_blob_commit(imgrel_blob *b, char **ret_digest, imgrel_error *err);
/** Frees a blob; an upload that was not committed is cancelled in the registry. NULL is fine. */
IMGREL_API void imgrel_blob_free(imgrel_blob *b);
/** Writes a blob to a file descriptor from its current position, verified. Errors also:
 *  ENOTFOUND, EDIGEST, EIO. The descriptor stays the caller's. */
IMGREL_API int imgrel_blob_get(imgrel_client *c, const char *ref, int fd, const imgrel_opts *o,
                               imgrel_error *err);
/** Pushes what a descriptor gives until its end into `host/repo`; a regular file is hashed first
 *  and skipped if the registry has it. ret_digest (may be NULL): the caller's. */
IMGREL_API int imgrel_blob_put(imgrel_client *c, const char *repository, int fd,
                               const imgrel_opts *o, char **ret_digest, imgrel_error *err);
/** 0 if the registry has the blob; ENOTFOUND if not. ret_size (may be NULL): bytes. */
IMGREL_API int imgrel_blob_exists(imgrel_client *c, const char *ref, const imgrel_opts *o,
                                  int64_t *ret_size, imgrel_error *err);
/** Deletes a blob, whatever names it: images that do are broken then. Errors also: ENOTFOUND,
 *  EUNSUPPORTED (a registry that is not set to allow it, a local place). */
IMGREL_API int imgrel_blob_delete(imgrel_client *c, const char *ref, const imgrel_opts *o,
                                  imgrel_error *err);

/* ---- logins --------------------------------------------------------------------------------- */

/** Checks user and secret against the registry and keeps them in the auth file (key auth_file;
 *  else $REGISTRY_AUTH_FILE, else ~/.docker/config.json), 0600, atomically, other entries
 *  untouched. opts may be NULL. Errors also: EIO. */
IMGREL_API int imgrel_login(imgrel_client *c, const char *host, const char *user,
                            const char *secret, const imgrel_opts *o, imgrel_error *err);
/** Forgets a host's login. Errors: ENOTFOUND (there was none), EIO. Does not use the network. */
IMGREL_API int imgrel_logout(imgrel_client *c, const char *host, imgrel_error *err);

#ifdef __cplusplus
}
#endif
#endif
