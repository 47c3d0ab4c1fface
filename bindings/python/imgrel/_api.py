"""Made by generate.py from include/imgrel; not to be edited."""
from __future__ import annotations

import ctypes as C
import json
from typing import TYPE_CHECKING, Any, Optional, Tuple, Union

from ._call import (OPTS, Handle, Items, Made, Number, Out, Run, borrowed, c_fd, c_json, c_secret, c_text,
                    plain, quick)
from ._io import Blob, Conn, Robot
from ._types import Report, SecretLike

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._call import How


class Ref(Handle):
    """A parsed reference."""

    _noun = 'ref'

    def part(self, part: str) -> Optional[str]:
        """A part: "transport" ("registry", "oci", "oci-archive", "docker-archive"), "host", "repository",
        "tag", "digest", "path", or "name" for the whole in canonical form. None if the reference has no
        such part. Lives with the handle."""
        return borrowed('ref_part', self, c_text(part))


class ClientCalls(Handle):
    """See libimgrel-client(3)."""

    _noun = 'client'

    def manifest_get(self, ref: str, **how: Unpack[How]) -> Tuple[bytes, Any]:
        """Reads a manifest or index (distribution-spec "Pulling manifests"). With platform= and an index,
        reads that platform's manifest. bytes: exact bytes, NUL after the last (not counted), the caller's
        (free). descriptor: JSON {"mediaType","digest","size"}. Errors also: ENOTFOUND, EDIGEST,
        EUNSUPPORTED (schema 1)."""
        out1 = Out()
        length = Number(C.c_size_t)
        out2 = Out()
        run = Run(**how)
        self._call('manifest_get', (self, c_text(ref), OPTS, out1, length, out2), run)
        return out1.bytes(length.value), out2.json()

    def manifest_put(self, ref: str, content: Union[str, bytes], media_type: Optional[str] = None, **how: Unpack[How]) -> str:
        """Writes a manifest or index as exact bytes under the reference's tag, or under its digest. media_type
        None: the one in the document. Errors also: EINVAL (not a manifest, ambiguous), ENOTFOUND (a blob
        that it names)."""
        data = c_text(content) or b""
        out1 = Out()
        run = Run(**how)
        self._call('manifest_put', (self, c_text(ref), data, len(data), c_text(media_type), OPTS, out1), run)
        return out1.str()

    def digest(self, ref: str, **how: Unpack[How]) -> str:
        """The digest that a reference resolves to ("sha256:..."); with platform= the platform's. Errors also:
        ENOTFOUND."""
        out1 = Out()
        run = Run(**how)
        self._call('digest', (self, c_text(ref), OPTS, out1), run)
        return out1.str()

    def inspect(self, ref: str, **how: Unpack[How]) -> Any:
        """What an image is, as one JSON document: name, digest, mediaType, size, annotations, platforms (each
        os, architecture, variant, digest, size; of an image created, config, and layers with mediaType,
        digest, size and diffID; else artifactType). Errors also: ENOTFOUND, EDIGEST."""
        out1 = Out()
        run = Run(**how)
        self._call('inspect', (self, c_text(ref), OPTS, out1), run)
        return out1.json()

    def delete(self, ref: str, **how: Unpack[How]) -> None:
        """Deletes a manifest: by digest as it is; by tag the tag alone where the registry can, else
        EUNSUPPORTED with the digest that would go. Errors also: ENOTFOUND, EUNSUPPORTED."""
        run = Run(**how)
        self._call('delete', (self, c_text(ref), OPTS), run)

    def tags(self, repository: str, **how: Unpack[How]) -> Items[str]:
        """Tags of a repository, a name per item (distribution-spec "Listing tags"); of a local place its
        images' names."""
        out1 = Made()
        run = Run(**how)
        self._call('tags', (self, c_text(repository), OPTS, out1), run)
        return Items[str]._from(out1, self, run)._begin(plain)

    def catalog(self, host: str, **how: Unpack[How]) -> Items[str]:
        """Repositories of a registry, a name per item (Docker Registry API _catalog)."""
        out1 = Made()
        run = Run(**how)
        self._call('catalog', (self, c_text(host), OPTS, out1), run)
        return Items[str]._from(out1, self, run)._begin(plain)

    def referrers(self, ref: str, artifact_type: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Descriptors, one JSON document per item, that refer to a manifest (distribution-spec "Listing
        referrers", with the tag schema where the API is missing). artifact_type None: all."""
        out1 = Made()
        run = Run(**how)
        self._call('referrers', (self, c_text(ref), c_text(artifact_type), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    def blob_open(self, ref: str, **how: Unpack[How]) -> Blob:
        """Opens `host/repo@sha256:...` for reading. Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        self._call('blob_open', (self, c_text(ref), OPTS, out1), run)
        return Blob._from(out1, self, run)

    def blob_create(self, repository: str, **how: Unpack[How]) -> Blob:
        """Begins an upload into `host/repo` (size and digest may be unknown)."""
        out1 = Made()
        run = Run(**how)
        self._call('blob_create', (self, c_text(repository), OPTS, out1), run)
        return Blob._from(out1, self, run)

    def blob_get(self, ref: str, fd: Any, **how: Unpack[How]) -> None:
        """Writes a blob to a file descriptor from its current position, verified. Errors also: ENOTFOUND,
        EDIGEST, EIO. The descriptor stays the caller's."""
        run = Run(**how)
        self._call('blob_get', (self, c_text(ref), c_fd(fd), OPTS), run)

    def blob_put(self, repository: str, fd: Any, **how: Unpack[How]) -> str:
        """Pushes what a descriptor gives until its end into `host/repo`; a regular file is hashed first and
        skipped if the registry has it."""
        out1 = Out()
        run = Run(**how)
        self._call('blob_put', (self, c_text(repository), c_fd(fd), OPTS, out1), run)
        return out1.str()

    def blob_exists(self, ref: str, **how: Unpack[How]) -> int:
        """0 if the registry has the blob; ENOTFOUND if not. size: bytes."""
        out1 = Number(C.c_int64)
        run = Run(**how)
        self._call('blob_exists', (self, c_text(ref), OPTS, out1), run)
        return out1.value

    def blob_delete(self, ref: str, **how: Unpack[How]) -> None:
        """Deletes a blob, whatever names it: images that do are broken then. Errors also: ENOTFOUND,
        EUNSUPPORTED (a registry that is not set to allow it, a local place)."""
        run = Run(**how)
        self._call('blob_delete', (self, c_text(ref), OPTS), run)

    def login(self, host: str, user: str, secret: SecretLike, **how: Unpack[How]) -> None:
        """Checks user and secret against the registry and keeps them in the auth file (key auth_file; else
        $REGISTRY_AUTH_FILE, else ~/.docker/config.json), 0600, atomically, other entries untouched. opts
        may be None. Errors also: EIO."""
        run = Run(**how)
        self._call('login', (self, c_text(host), c_text(user), c_secret(secret), OPTS), run)

    def logout(self, host: str) -> None:
        """Forgets a host's login. Errors: ENOTFOUND (there was none), EIO. Does not use the network."""
        quick('logout', self, c_text(host))

    def copy(self, src: str, dst: str, **how: Unpack[How]) -> str:
        """Copies an image between any two places with all that it names, skipping what is there. platform=:
        only those of an index (one: its manifest alone; several: the index without the others, with the
        attestations of those that stay). digest: of what the destination holds. Errors also: EUNSUPPORTED
        (an index for a Docker archive)."""
        out1 = Out()
        run = Run(**how)
        self._call('copy', (self, c_text(src), c_text(dst), OPTS, out1), run)
        return out1.str()

    def copy_spec(self, spec: Any, **how: Unpack[How]) -> Any:
        """The same with more to say. spec: JSON, unknown keys EINVAL: - "from": a reference; "to":
        [references], all written from one read of the source - "tags": ["..."]: further tags, in every
        destination - "referrers": true takes along what refers to the image or to its parts, and what
        refers to that; "digest_tags": true the tags that cosign gives a digest (sha256-HEX.sig, .att,
        .sbom) - "format": "oci" or "docker": manifests and indexes get that format's media types
        (EUNSUPPORTED: what Docker's can't express, as zstd layers, artifacts and attestations; annotations,
        which it has not, are left out) - "keep_going": true: a destination that fails does not end the
        others json (may be None, the caller's): {"from", "results": [{"to", "digest", "unchanged",
        "copied", "exists", "mounted": blobs, "bytes": copied, "attached": manifests, or with keep_going
        "error": {"code", "message", "cure"}}]}. Errors also: EINVAL (spec: the key), EFAILED with
        keep_going when any destination failed: then json is given all the same."""
        out1 = Out()
        run = Run(**how)
        self._call('copy_spec', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def copy_many(self, spec: Any, **how: Unpack[How]) -> Any:
        """Copies whole repositories, tag by tag: what the destination has already costs two HEADs, so that the
        same call again copies only what is new, and goes on where an earlier one was stopped. All items
        share jobs= transfers and what is known of blobs. spec: JSON, unknown keys EINVAL: - "from":
        "host/repository", or a local place without a name; with "repositories" a host - "to": ["..."]: the
        same; with "repositories" what they go under: "host", "host/prefix" or "oci:DIR" (DIR/REPOSITORY is
        then a layout each) - "repositories": {"include": [...], "exclude": [...]}: those of the host's
        catalog - "map": {"team/app": "mirror/app"}: of those, new names for what names are or begin with -
        "tags": {"include": [...], "exclude": [...], "versions": ">=1.2 <2", "latest": N}: which: any of
        include (absent: all), none of exclude, in the range of versions (also "^1.4", "~1.2.3", "1.x", "1.2
        - 1.4", "a || b"; pre-releases only where a bound is one), and of those only the N highest versions.
        A pattern is a glob, or "/REGEX/" (POSIX, extended). - "referrers", "format": as copy_spec has them;
        "digest_tags": true takes the tags that cosign gives a digest along, whatever the patterns say -
        "prune": true deletes tags of the destination that match "tags" and that the source's choice has
        not; not where anything failed or the choice is empty - "keep_going": true: a failure does not end
        the others - "share": "I/N": only the I-th of N shares, from 0, which machines do side by side: by a
        hash of the tags' names, with "repositories" of the repositories' Each item is told as it ends: an
        IMGREL_EVENT_ITEM whose detail is {"from", "to", "state", ...}, state "copied", "unchanged",
        "deleted" or "failed" (with "error": {"code", "message", "cure", "http_status"}), else with
        "digest", "copied", "exists", "mounted", "bytes". With IMGREL_FLAG_DRY_RUN nothing is written:
        "planned" with what would be sent, and "extra" for what prune would delete. json (may be None, the
        caller's): {"items", "copied" (or "planned"), "unchanged", "deleted" (or "extra"), "failed",
        "bytes", "blobs": {"copied", "exists", "mounted"}, "failures": the first 100}. Errors also: EINVAL
        (spec: the key), EUNSUPPORTED (a registry that deletes no tags), EFAILED with keep_going when
        anything failed: then json is given all the same."""
        out1 = Out()
        run = Run(**how)
        self._call('copy_many', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def image_assemble(self, spec: Any, dst: Optional[str] = None, **how: Unpack[How]) -> str:
        """Assembles an image without running anything. spec: JSON, every key optional, unknown ones EINVAL: -
        "base": a reference, or root file systems {"linux/amd64": FOLDER, ...} (owners and modes as on
        disk). Absent: from scratch. Blobs of a base in dst's registry are mounted. - "platforms":
        ["linux/amd64", ...]. Absent: platform=, else all that the base has, else linux on this machine.
        Several make an index, one a manifest. - "layers": [{"from": PATH, "to": "/dir", "owner": "UID:GID",
        "mode": "0644"}], a layer each, the same for every platform. A folder's content goes into `to`; a
        file becomes `to`, or goes into it when it ends with a slash; a tar (.tar, .tar.gz, .tgz, .tar.zst)
        with `to` "/" is the layer as it is. Absent owner: 0:0; absent mode: 0755 for what may be executed,
        else 0644. Hard links are kept, sockets left out, devices and pipes EUNSUPPORTED; a file that
        changes while it is read is EIO. - "config": {"env": {}, "cmd": [], "entrypoint": [], "labels": {},
        "exposed": [80, "53/udp"], "volumes": ["/data"], "user", "workdir", "stop_signal"}, over the base's;
        an entrypoint without cmd clears the base's cmd. - "annotations": {} of manifests and index; "tags":
        [...] further tags of dst. - "created": RFC 3339. Absent: $SOURCE_DATE_EPOCH, else 1970. No file is
        younger in the image. dst: where it goes. Layers are made in one pass from files to the destination;
        the same input gives the same diffIDs in every locale, and the same bytes with the same codec. When
        dst is this image already nothing is written. digest: of the index (of the manifest for one
        platform); "" after IMGREL_FLAG_DRY_RUN found that something would be written. Errors also: EINVAL
        (spec: the key), ENOTFOUND (a path, the base, or a platform that it lacks, with those that it has),
        EUNSUPPORTED, EDIGEST, EIO."""
        out1 = Out()
        run = Run(**how)
        self._call('image_assemble', (self, c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    def image_edit(self, src: str, spec: Any, dst: Optional[str] = None, **how: Unpack[How]) -> str:
        """Changes an image. spec: JSON, every key optional, unknown ones EINVAL; what it says is done in this
        order, for the platforms of platform= (one: its manifest alone), absent: for all of an index: -
        "rebase": {"old_base": REF, "new_base": REF}: the layers of the old base, which must be those at the
        bottom (by diffID, else ECONFLICT), give way to the new base's. What is absent is taken from the
        annotations org.opencontainers.image.base.name and .digest, which are written anew. - "flatten":
        true: all layers become one that holds the same files, whiteouts applied. - "compression": "none",
        "gzip" or "zstd": layers that are compressed otherwise are compressed anew, keeping their diffIDs;
        all of them with "level" (gzip 1-9, zstd 1-19). Absent: they stay as they are, new layers are
        compressed as the client's configuration says. - "layers": [...] on top, as for image_assemble. One
        "from" may be "-": a tar, plain or compressed, from standard input as it is. - "config": as for
        image_assemble, over the image's; "volumes": ["/data"], "stop_signal" too. null removes: a variable,
        a label, or a whole member ({"cmd": null}). - "annotations": {} of manifests and index; null removes
        one. - "created": RFC 3339 (absent: $SOURCE_DATE_EPOCH, else unchanged): of config and history, in
        which no time is later; nor is one in a layer that is made. Without it, new layers have 1970. -
        "format": "oci" or "docker": media types of manifests and index. Docker's have neither annotations
        nor zstd (EUNSUPPORTED). - "tags": [...] further tags of dst. Unknown members of configs and
        manifests stay; a document that says the same keeps its bytes. Of an index, attestations go with the
        image that they attest when that changed (a warning in the log, a step in the progress); what is no
        image is kept. Blobs that stay are not read where dst is the same repository or layout, are mounted
        in the same registry, and else copied. dst None: src, in place. An archive as dst is written anew as
        a whole. digest: of what was written; "" after IMGREL_FLAG_DRY_RUN, which checks spec, source and
        bases. Errors also: EINVAL (spec: the key), ENOTFOUND (a path, src, a base, the platform), ECONFLICT
        (not on the old base), EUNSUPPORTED (an index in an index, a foreign layer to be flattened), EDIGEST
        (a blob, or a layer that is not its diffID), EPROTO, EIO."""
        out1 = Out()
        run = Run(**how)
        self._call('image_edit', (self, c_text(src), c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    def image_export(self, ref: str, fd: Any, **how: Unpack[How]) -> None:
        """Writes the file system of an image as one tar (plain, not compressed) to a descriptor from its
        current position: layers laid over each other as image-spec layer.md says, whiteouts applied,
        owners, modes, times, extended attributes and devices as they are in the layers. What lies in the
        upper layers comes first, so that a folder may come after what is in it. A hard link whose file an
        upper layer replaced becomes a file. platform=: which of an index; absent: this machine's. The
        descriptor stays the caller's. Memory: about 32 bytes a path, at most 4,000,000 paths. Errors also:
        ENOTFOUND (the platform, a blob), EDIGEST, EIO (the descriptor), EPROTO (a layer that is no tar, or
        whose paths lead out of the image), EUNSUPPORTED (no image)."""
        run = Run(**how)
        self._call('image_export', (self, c_text(ref), c_fd(fd), OPTS), run)

    def image_validate(self, ref: str, **how: Unpack[How]) -> Any:
        """Checks that an image is what its documents say: each digest and size, media types, layers unpacked
        against their diffIDs (no tar, or one whose paths lead out, is an error too), the config's platform
        against the index's, as many diffIDs and entries of history as layers, annotations. With
        IMGREL_FLAG_FAST no blob of a layer is read: that it is there, and its size, is all that is looked
        at. platform=: only those of an index. json, also after a failure that has findings (else None):
        {"name", "digest", "mediaType", "ok", "fast", "images": [{"platform" or "artifactType", "digest",
        "layers"}], "blobs", "bytes", "findings": [{"level": "error" or "warning", "code", "what",
        "message"}]}. The result is that of the first error found: EDIGEST, EINVAL, ENOTFOUND, EPROTO,
        ELIMIT (a bomb), EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        self._call('image_validate', (self, c_text(ref), OPTS, out1), run)
        return out1.json()

    def index_edit(self, spec: Any, dst: str, **how: Unpack[How]) -> str:
        """Makes an index (image-spec image-index.md), or changes the one that dst is. spec: JSON, every key
        optional, unknown ones EINVAL: - "create": true begins with nothing; else dst is read, ENOTFOUND if
        there is none, EINVAL if it is no index. - "remove": [PLATFORM or DIGEST, ...]: entries that go,
        with what attests them. - "append": [REF or {"ref", "platform", "annotations"}, ...]: images from
        any place, copied or mounted into dst's. Platform and variant are what the image's config says;
        "platform" may say more, not something else (EINVAL). Of an index its entries are taken as they are
        (those of platform=), with what attests them; an index in it is EUNSUPPORTED. An entry takes the
        place of one for the same platform, and of what attests that; two of one edit for the same platform
        are ECONFLICT. - "entries": {PLATFORM or DIGEST: {"platform", "annotations"}}: changes entries. -
        "annotations": of the index; null removes one. - "tags": further tags; "format": "oci" or "docker",
        of a new index. Docker's hold Docker's manifests only, and no annotations (EUNSUPPORTED). Every
        image is read and checked before the index is written, under dst's tag or else by digest. The same
        images and spec give the same digest; what dst is already is not written again. digest: of the
        index, also after IMGREL_FLAG_DRY_RUN. Errors also: ENOTFOUND (an image, an entry to be removed or
        changed), ECONFLICT, EUNSUPPORTED, EDIGEST, EIO."""
        out1 = Out()
        run = Run(**how)
        self._call('index_edit', (self, c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    def artifact_put(self, spec: Any, dst: str, **how: Unpack[How]) -> str:
        """Puts files as an artifact: each is a layer. spec: JSON, every key optional, unknown ones EINVAL: -
        "files": [PATH or {"path", "media_type", "title"}, ...]; a title is a name without slashes (absent:
        the path's last part), a media type anything (absent: application/octet-stream). Folders are
        EUNSUPPORTED. No file at all is fine. - "artifact_type": what it is. Absent:
        application/vnd.unknown.artifact.v1, or the config's. - "config": {"path", "media_type"}. Absent:
        the empty one. - "subject": what it refers to: a digest, a tag, or a reference in dst's repository.
        Where the registry lists no referrers itself, the index under the tag sha256-HEX is kept. -
        "annotations" of the manifest; "tags": further tags. dst: its tag; with a subject it may be a
        repository alone: then by digest only. Nothing but the files and the spec goes in, so that the same
        gives the same digest. Errors also: ENOTFOUND (a file, the subject), EUNSUPPORTED, EIO."""
        out1 = Out()
        run = Run(**how)
        self._call('artifact_put', (self, c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    def artifact_get(self, ref: str, dir: str, **how: Unpack[How]) -> Any:
        """Gets an artifact's files into a folder, which is made if it is missing. Each is called as the last
        part of its title says, without one by its digest (sha256-HEX); what is no name is EPROTO, one name
        twice ECONFLICT. A file appears whole and verified, in place of one that is there. json: {"digest",
        "artifactType", "files": [{"name", "mediaType", "digest", "size"}]}. Errors also: ENOTFOUND,
        EDIGEST, EIO."""
        out1 = Out()
        run = Run(**how)
        self._call('artifact_get', (self, c_text(ref), c_text(dir), OPTS, out1), run)
        return out1.json()

    def build(self, spec: Any, **how: Unpack[How]) -> Any:
        """Builds an image and puts it under its names. spec: JSON, unknown keys EINVAL: - "context": the
        folder; "file": the Dockerfile, seen from the current folder or the context (absent: Dockerfile in
        the context); "target": a stage of it - "to": ["HOST/REPOSITORY:TAG", ...], or local places (oci:,
        oci-archive:, docker-archive:) - "platforms": ["linux/amd64", ...]. Absent: platform=, else the
        builder's own. - "args", "labels", "annotations": {}; an argument that is null comes from the
        environment - "secrets": [{"id", "file"} or {"id", "env"}], "ssh": ["default", "ID=KEYFILE"] -
        "cache_from", "cache_to": [{"type": "registry" | "local" | "inline" | "s3" | "gha" | "azblob", ...}]
        with the attributes that BuildKit has for them; what is secret in them is not taken, it belongs to
        the builder's daemon. "no_cache": true; "pull": true looks for newer bases. - "provenance": "min" or
        "max" (absent: "off"), "sbom": true: attestations (BuildKit) - "created": RFC 3339 or seconds
        (absent: $SOURCE_DATE_EPOCH): no time in the image is later, and the same input gives the same bytes
        - "contexts": {NAME: FOLDER | "oci:DIR" | "docker-image://REF"}: what FROM NAME and --from=NAME mean
        - "driver": "buildkit", "buildah", "podman", "docker" or "assemble" (nothing is run: FROM, COPY and
        what only sets the config). Absent: as "builder" says, else the last if the Dockerfile needs no
        more, else the first of the others that is here. - "builder": BuildKit's address (unix://, tcp://,
        kube-pod://POD, docker-container://NAME), "rootless" (a daemon for this build alone), a socket of
        Docker's or podman's API (unix:///run/docker.sock), or the name of a builder of docker buildx.
        Absent: $BUILDKIT_HOST, the usual sockets, rootless. "tls": {"ca", "cert", "key", "server_name"}:
        files for tcp://. - "push": "library" takes the image as an OCI layout and pushes it as copy does:
        one read, retries, the same digest everywhere. "builder" has BuildKit push it. Absent: "builder"
        where that is far away (tcp://, kube-pod:// ...), else "library". - "syntax": "builtin": the
        builder's own frontend, whatever a "# syntax=" line says Refused before anything is built, because a
        builder says it late or never: names without a registry, with upper case, with '+' in the tag or
        several in one text; files and variables of secrets that are not there; a "# syntax=" line whose
        registry cannot be reached from here. Afterwards every name is read again: its digest, and that the
        platforms are those that were asked for, attestations not counted. Told on the way:
        IMGREL_EVENT_STEP (what: the step; detail "began", "done", "cached", "failed" or "cancelled"),
        IMGREL_EVENT_LOG (a line of a step's log), IMGREL_EVENT_BYTES. With IMGREL_FLAG_DRY_RUN only the
        spec is checked. json (may be None; given after a failure too once there is an image): {"driver",
        "builder", "digest", "platforms": [...], "attestations": count, "steps", "cached", "warnings":
        [...], "results": [{"to", "digest"} or {"to", "error": {"code", "message", "cure"}}]}. Blocks. Any
        thread. Errors: EINVAL (the spec's key, the Dockerfile's line), ENOTFOUND (a file, a base, a
        program), EFAILED (a RUN step, with its exit code and last words; platforms that are missing
        afterwards), EUNSUPPORTED (by the driver; no builder here), EAUTH, EDENIED, ENET (a registry or the
        builder), EDIGEST (a name holds another image), ECONFLICT (the rootless builder is in use), EIO,
        ETIMEOUT, ECANCELED, and those of registry.h."""
        out1 = Out()
        run = Run(**how)
        self._call('build', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def build_detect(self, builder: Optional[str] = None, **how: Unpack[How]) -> Any:
        """Which builders are here. builder: an address to be asked too; None. json: {"builders": [{"driver",
        "available", "builder", "version", "why", "cure"}], "chosen": the driver that a build would take
        (absent: none)}. Runs the programs for their versions. Blocks, any thread. Errors: EINVAL, ENOMEM,
        ETIMEOUT, ECANCELED."""
        out1 = Out()
        run = Run(**how)
        self._call('build_detect', (self, c_text(builder), OPTS, out1), run)
        return out1.json()

    def harbor(self, url: str, user: Optional[str] = None, password: Optional[SecretLike] = None) -> Harbor:
        """Makes a handle; nothing is sent yet. url: "https://harbor.lan" with or without /api/v2.0. user None:
        anonymous. The password is copied and wiped on free. Errors: EINVAL, ENOMEM."""
        out1 = Made()
        quick('harbor_new', self, c_text(url), c_text(user), c_secret(password), out1)
        return Harbor._from(out1, self)

    def kube(self, kubeconfig: Optional[str] = None, context: Optional[str] = None) -> Kube:
        """Reads the configuration: kubeconfig is a path, or None for $KUBECONFIG (several files are merged),
        then ~/.kube/config, then the pod's service account. Text that begins with "{" is no path but the
        settings themselves, by the names that a kubeconfig gives to what a cluster, a user and a context
        have: {"server": URL, "certificate-authority-data": PEM or base64, "token", "tokenFile", "username",
        "password", "client-certificate-data", "client-key-data", "exec", "as", "namespace", ...}. context
        None: the current one. Errors: EINVAL (file, entry and line), ENOTFOUND (no configuration), EIO,
        ENOMEM."""
        out1 = Made()
        quick('kube_new', self, c_text(kubeconfig), c_text(context), out1)
        return Kube._from(out1, self)

    def node_trust(self, spec: Any, **how: Unpack[How]) -> Any:
        """Tells this node's runtime of a registry: its files are written, merged or, with "remove", taken
        back; each appears whole or not at all, mode 0644 (0600 with a login in it). What others wrote
        stays, and what is right already is not touched. IMGREL_FLAG_DRY_RUN changes nothing. *json:
        {"host", "result": "changed" | "unchanged" | "would", "files": [{"path", "state": "created" |
        "changed" | "unchanged" | "removed", "diff"}], "notes": [{"message", "cure"}]}; a note is what the
        files alone do not do: a restart, a config_path that is not set. May run `containerd --version`.
        Errors: EINVAL (the spec, a file that is there and wrong), EUNSUPPORTED, EIO, EDENIED, ECANCELED,
        ETIMEOUT, ENOMEM. May block."""
        out1 = Out()
        run = Run(**how)
        self._call('node_trust', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def node_doctor(self, spec: Any, **how: Unpack[How]) -> Any:
        """Says why this node would not pull from a registry: the runtime's files in the order in which it
        reads them, then each address in them, as the node would ask it. *json: {"host", "healthy",
        "checks": [{"check", "state": "ok" | "warn" | "fail" | "skip", "detail", "cure"}]}. Changes nothing;
        a node that is not healthy is no failure of the call. Errors: as above. May block."""
        out1 = Out()
        run = Run(**how)
        self._call('node_doctor', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def gitlab(self, url: str, project: str, token: Optional[str] = None) -> Gitlab:
        """Makes a handle; nothing is sent yet. url: "https://gitlab.example.org", below a path too, with or
        without /api/v4. project: its path ("group/app") or number. token: a personal, group or project
        token with the scope api; None: anonymous. It is copied and wiped on free. Errors: EINVAL, ENOMEM."""
        out1 = Made()
        quick('gitlab_new', self, c_text(url), c_text(project), c_text(token), out1)
        return Gitlab._from(out1, self)

    def release(self, path: str) -> Release:
        """Reads and checks a release file; paths in it are relative to it. Nothing is sent. Errors: EINVAL
        (file, line, column, key), EIO, ENOTFOUND, ENOMEM."""
        out1 = Made()
        quick('release_load', self, c_text(path), out1)
        return Release._from(out1, self)


class Harbor(Handle):
    """See libimgrel-harbor(3)."""

    _noun = 'harbor'

    def check(self, **how: Unpack[How]) -> Any:
        """Proves the login (GET /users/current; 412 is a robot's yes) and reads the version. json:
        {"version","user","robot":bool,"admin":bool}."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_check', (self, OPTS, out1), run)
        return out1.json()

    def project_ensure(self, name: str, is_private: Optional[bool] = None, **how: Unpack[How]) -> Any:
        """Sees to it that a project exists and is private or public as said. is_private: 1 private, 0 public,
        -1 leave (new ones are private). json: the project, with "imgrel": "created" | "changed" |
        "unchanged". Errors also: EINVAL (name)."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_project_ensure', (self, c_text(name), -1 if is_private is None else int(is_private), OPTS, out1), run)
        return out1.json()

    def project_get(self, name: str, **how: Unpack[How]) -> Any:
        """Reads a project. Errors also: ENOTFOUND."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_project_get', (self, c_text(name), OPTS, out1), run)
        return out1.json()

    def project_delete(self, name: str, with_repositories: bool = False, **how: Unpack[How]) -> None:
        """Deletes a project; with_repositories 1: what is in it first. Errors also: ENOTFOUND, ECONFLICT (it
        has repositories)."""
        run = Run(**how)
        self._call('harbor_project_delete', (self, c_text(name), int(with_repositories), OPTS), run)

    def robot_ensure(self, project: Optional[str], name: str, spec: Any = None, **how: Unpack[How]) -> Robot:
        """Sees to it that a robot exists with exactly these rights. project None: a system robot. name:
        without prefix and project. spec: JSON, all members optional but the rights of a new robot: -
        "role": "pull", "push" (no delete), "ci" (push, tag, scan, read results) or "scan-reader"; or
        "access": [{"resource", "action"}]; both are for the project, and of a system robot for each of
        "projects": ["a", "b"], ["*"]; or "permissions": [{"kind", "namespace", "access"}] as Harbor has
        them. Compared as sets; checked by what this Harbor can grant - "expires": "never", from now as
        "30d" or "2 weeks", or a date "2030-12-31" (to its end, UTC). Harbor counts whole days from the
        creation: a robot lives at least as long as said and less than a day longer. What is near enough is
        not changed. Not said: as it is; new ones never end; one that has expired gets as long a life again
        - "enabled": bool. Not said: new ones are; a disabled one is ECONFLICT without the flag FORCE -
        "description"; "secret": its own (8 to 128 bytes, lower case, upper case and digit); "new_secret":
        true gives one that was there a new one; its old one dies then. What spec does not say is left as it
        is. The secret is known if the robot was created or a new one asked for. A lost answer is made good:
        what was created by it gets a secret that is known. Errors also: EINVAL, ENOTFOUND (project),
        ECONFLICT."""
        out1 = Made()
        run = Run(**how)
        self._call('harbor_robot_ensure', (self, c_text(project), c_text(name), c_json(spec), OPTS, out1), run)
        return Robot._from(out1, self)

    def robot_create(self, project: Optional[str], name: str, spec: Any = None, **how: Unpack[How]) -> Robot:
        """The same for a robot that must not be there yet. Errors also: ECONFLICT (it exists)."""
        out1 = Made()
        run = Run(**how)
        self._call('harbor_robot_create', (self, c_text(project), c_text(name), c_json(spec), OPTS, out1), run)
        return Robot._from(out1, self)

    def robot_update(self, project: Optional[str], name: str, spec: Any = None, **how: Unpack[How]) -> Robot:
        """Changes a robot that is there, only in what spec says: {"enabled": false} disables it, {"expires":
        "30d"} makes it live 30 days from now. Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        self._call('harbor_robot_update', (self, c_text(project), c_text(name), c_json(spec), OPTS, out1), run)
        return Robot._from(out1, self)

    def robot_rotate(self, project: Optional[str], name: str, **how: Unpack[How]) -> Robot:
        """Gives a robot a new secret at once; the old one dies now (bearer tokens that it already has live up
        to 30 minutes more). By a robot's login it is deleted and made again, as no robot may change one.
        Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        self._call('harbor_robot_rotate', (self, c_text(project), c_text(name), OPTS, out1), run)
        return Robot._from(out1, self)

    def robot_get(self, project: Optional[str], name: str, **how: Unpack[How]) -> Robot:
        """Reads a robot; its secret is unknown. Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        self._call('harbor_robot_get', (self, c_text(project), c_text(name), OPTS, out1), run)
        return Robot._from(out1, self)

    def robot_delete(self, project: Optional[str], name: str, **how: Unpack[How]) -> None:
        """Deletes a robot. Bearer tokens that it already has live up to 30 minutes more. Errors also:
        ENOTFOUND."""
        run = Run(**how)
        self._call('harbor_robot_delete', (self, c_text(project), c_text(name), OPTS), run)

    def list(self, kind: str, parent: Optional[str] = None, query: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Lists things, one JSON document per item, every page: as they are, whatever is created or deleted
        meanwhile. query: Harbor's q= expression, keys checked; None: all. A kind that begins with a slash
        is the path of any list, encoded, with its query and without page and page_size:
        "/projects/p/webhook/jobs". Errors also: EINVAL, ENOTFOUND (the parent), EUNSUPPORTED (not in this
        version)."""
        out1 = Made()
        run = Run(**how)
        self._call('harbor_list', (self, c_text(kind), c_text(parent), c_text(query), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    def get(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> Any:
        """Reads one. json: the caller's; "" for a schedule that is not set. Errors also: EINVAL, ENOTFOUND,
        EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_get', (self, c_text(kind), c_text(key), OPTS, out1), run)
        return out1.json()

    def put(self, kind: str, key: Optional[str] = None, json: Any = None, **how: Unpack[How]) -> Any:
        """Sees to it that one is there and as json says; what json leaves out is kept. Safe to repeat. json:
        it, with "imgrel": "created" | "changed" | "unchanged". Errors also: EINVAL, ENOTFOUND (the parent),
        ECONFLICT, EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_put', (self, c_text(kind), c_text(key), c_json(json), OPTS, out1), run)
        return out1.json()

    def delete(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> None:
        """Deletes one. A tag goes without its artifact, an artifact with all its tags; a project with its
        repositories only with the flag FORCE. Errors also: EINVAL, ENOTFOUND, ECONFLICT (in use)."""
        run = Run(**how)
        self._call('harbor_delete', (self, c_text(kind), c_text(key), OPTS), run)

    def do(self, kind: str, key: Optional[str], action: str, json: Any = None, **how: Unpack[How]) -> Any:
        """Does what is not reading or writing: see the table. json (may be None): {"wait": true} waits until a
        run has ended (within the deadline, else an hour at most; EFAILED if it failed); of a scan
        {"fail_above": "high"} or {"fail_at": ...}; of copy {"to": "PROJECT/REPOSITORY"}; of tag {"name",
        "move": bool}; of label and unlabel {"name"}; of cli-secret {"secret"}, else a new one. json: what
        it tells, "" for nothing. Errors also: EINVAL, ENOTFOUND, ECONFLICT, EFAILED."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_do', (self, c_text(kind), c_text(key), c_text(action), c_json(json), OPTS, out1), run)
        return out1.json()

    def doctor(self, spec: Any = None, **how: Unpack[How]) -> Any:
        """Finds what stands between this login and its work; changes nothing. spec (may be None): {"project",
        "rights": "pull" | "push", "repository"}: what the login shall be able to do. json: {"url", "ok":
        bool, "rows": [{"check", "state": "ok" | "fail" | "warn" | "skip", "detail", "code", "cure"}]},
        checks being reach (and by which scheme), clock, health, login, version, realm, project, rights and
        quota. What is wrong with Harbor is a row, not an error. Errors: EINVAL, ECANCELED, ETIMEOUT,
        ENOMEM."""
        out1 = Out()
        run = Run(**how)
        self._call('harbor_doctor', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def request(self, method: str, path: str, json: Any = None, **how: Unpack[How]) -> Tuple[Any, int]:
        """Sends any request under /api/v2.0 with our login, retries and error texts. path: "/health", with its
        query, encoded by the caller. json None: no body. json: the body, "" if empty, the caller's; status:
        the HTTP status. A status of 400 or more is an error."""
        out1 = Out()
        out2 = Number(C.c_int)
        run = Run(**how)
        self._call('harbor_request', (self, c_text(method), c_text(path), c_json(json), OPTS, out1, out2), run)
        return out1.json(), out2.value


class Kube(Handle):
    """See libimgrel-kube(3)."""

    _noun = 'kube'

    @property
    def namespace(self) -> Optional[str]:
        """The context's namespace ("default" if it has none) and server URL; live with the handle."""
        return borrowed('imgrel_kube_namespace'[7:], self)

    @property
    def server(self) -> Optional[str]:
        """The context's namespace ("default" if it has none) and server URL; live with the handle."""
        return borrowed('imgrel_kube_server'[7:], self)

    def namespace_ensure(self, name: str, **how: Unpack[How]) -> Any:
        """Sees to it that a namespace and its default service account exist. json: the object with "imgrel":
        "created" | "unchanged"."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_namespace_ensure', (self, c_text(name), OPTS, out1), run)
        return out1.json()

    def secret_ensure(self, ns: Optional[str], name: str, registry: str, user: str, password: SecretLike, **how: Unpack[How]) -> Any:
        """Sees to it that a docker-registry secret holds this login, other registries in it untouched. json:
        {"imgrel": "created" | "changed" | "unchanged"}. Errors also: ECONFLICT (a secret of another type
        has the name)."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_secret_ensure', (self, c_text(ns), c_text(name), c_text(registry), c_text(user), c_secret(password), OPTS, out1), run)
        return out1.json()

    def apply(self, manifest: Union[str, bytes], **how: Unpack[How]) -> Any:
        """Server-side apply of manifests, JSON or YAML, as field manager "imgrel" (FORCE: take fields over).
        Several documents and lists are applied in the order that a cluster wants, definitions of kinds
        waited for; the first failure ends it. json: the object, or an array of them, each with "imgrel":
        "created" | "changed" | "unchanged". Errors also: ECONFLICT (the fields and who has them), EINVAL
        (422, the fields), EUNSUPPORTED (the cluster has no such kind)."""
        data = c_text(manifest) or b""
        out1 = Out()
        run = Run(**how)
        self._call('kube_apply', (self, data, len(data), OPTS, out1), run)
        return out1.json()

    def get(self, ns: Optional[str], name: str, **how: Unpack[How]) -> Any:
        """Reads `kind/name` ("pod/app", "service/app", "deployment/app", "namespace/x"...)."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_get', (self, c_text(ns), c_text(name), OPTS, out1), run)
        return out1.json()

    def delete(self, ns: Optional[str], name: str, **how: Unpack[How]) -> None:
        """Deletes `kind/name` and waits until it is gone. Errors also: ENOTFOUND."""
        run = Run(**how)
        self._call('kube_delete', (self, c_text(ns), c_text(name), OPTS), run)

    def list(self, ns: Optional[str], kind: str, selector: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Lists a kind ("pod"; any that the cluster has, "certificates.cert-manager.io"), one JSON object per
        item; selector: label selector or None. ns "*": every namespace."""
        out1 = Made()
        run = Run(**how)
        self._call('kube_list', (self, c_text(ns), c_text(kind), c_text(selector), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    def watch(self, ns: Optional[str], what: str, spec: Any, **how: Unpack[How]) -> Items[Any]:
        """Watches a kind, or one `kind/name`: an endless list of JSON {"type": "ADDED" | "MODIFIED" |
        "DELETED", "object"}, beginning with what there is. Ends, breaks, silence and "too old" are overcome
        without an event lost or told twice; a DELETED that went unseen meanwhile has only the object's
        name. spec: JSON {"selector", "field_selector", "resource_version": begin after it, "stall_seconds":
        silence after which all is read anew (90)}, or None. ns "*": every namespace. Errors of the iterator
        also: ELIMIT (over 200,000 objects)."""
        out1 = Made()
        run = Run(**how)
        self._call('kube_watch', (self, c_text(ns), c_text(what), c_json(spec), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    def do(self, ns: Optional[str], name: str, action: str, json: Any = None, **how: Unpack[How]) -> Any:
        """Does something with an object; json says how (None: nothing to say), strictly read. Actions: "apply"
        and "create", without an object: {"manifest": text, object or array}; "delete": {"propagation":
        "background", "foreground" or "orphan", "grace_seconds": N, "wait": true}, or without an object also
        {"manifest"}, deleted last first; "patch": {"patch": object or array, "type": "merge", "strategic"
        or "json"}; "pull_secrets" of serviceaccount/NAME, others kept: {"add": [names], "remove": [names]};
        "run" of pod/NAME or deployment/NAME: as kube_pod_run, and "replicas": N; "expose" of pod/NAME,
        deployment/NAME...: {"name", "type", "labels", "ports": [{"port", "target_port": number or name,
        "protocol", "name", "node_port"}]}; "wait" until a deployment, statefulset or daemonset is rolled
        out; "history" of one; "undo": {"revision": N}, else the one before; "restart"; "scale":
        {"replicas": N}; "image" of one, or of a pod: {"image", "container": name, else the only one};
        "table" of a kind or kind/name: {"selector"}, columns and rows as the cluster prints them; "kinds",
        without an object: every kind that the cluster has. json: the object or array that comes of it, with
        "imgrel": "created", "changed", "replaced", "unchanged" or "deleted" where something was done.
        Errors also: ENOTFOUND, ECONFLICT, ESTATE (a paused deployment), EFAILED (a rollout that cannot be,
        with cause and cure), EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_do', (self, c_text(ns), c_text(name), c_text(action), c_json(json), OPTS, out1), run)
        return out1.json()

    def pod_run(self, ns: Optional[str], name: str, spec: Any, **how: Unpack[How]) -> Any:
        """Runs a pod. spec: JSON {"image", "port": N, "pull_secret", "env": {}, "command": [], "args": [],
        "labels": {}, "annotations": {}, "resources": {}}, or {"manifest": a pod as written, "image",
        "pull_secret", "labels"}. The same pod is left alone; one with another image or spec is replaced.
        json: {"imgrel": ..., "pod": object}. Errors also: ECONFLICT (a pod that is not ours has the name)."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_pod_run', (self, c_text(ns), c_text(name), c_json(spec), OPTS, out1), run)
        return out1.json()

    def service_expose(self, ns: Optional[str], pod: str, port: int, target_port: int, **how: Unpack[How]) -> Any:
        """Exposes a pod as a service of the same name, as `kubectl expose` does. pod may be any `kind/name`
        that selects pods. port 0: the ports of its containers; target_port 0: port."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_service_expose', (self, c_text(ns), c_text(pod), port, target_port, OPTS, out1), run)
        return out1.json()

    def wait(self, ns: Optional[str], name: str, **how: Unpack[How]) -> Any:
        """Waits until `kind/name` is ready: a pod, what makes pods (a deployment...), a service, a node. It
        ends at once when it is certain that it cannot become so, and lets what may pass by itself stand for
        a while. Registry and Harbor are asked as by kube_diagnose. json: the object. Errors also: EFAILED
        (message, cure, and in reason the cause's name), ENOTFOUND, ETIMEOUT (with what it was waiting for)."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_wait', (self, c_text(ns), c_text(name), OPTS, out1), run)
        return out1.json()

    def diagnose(self, ns: Optional[str], name: str, **how: Unpack[How]) -> Any:
        """Why `kind/name` does not run: a pod, deployment, replicaset, statefulset, daemonset, job, service,
        node or namespace. JSON {"object": where it hurts, "pod/web-x", "state": "ready" | "progressing" |
        "failed", "cause": short name, "message": one line, "cure": one line, "final": no change by itself,
        "evidence": [{"source", "text"}]}, without secrets. Of a pull that fails the registry is asked with
        the pod's own login (read from its pull secret), and Harbor with the login that is stored for its
        host; of a service, a connection into a pod is opened and closed. Errors also: ENOTFOUND, EINVAL (a
        kind that does not become ready)."""
        out1 = Out()
        run = Run(**how)
        self._call('kube_diagnose', (self, c_text(ns), c_text(name), OPTS, out1), run)
        return out1.json()

    def logs(self, ns: Optional[str], name: str, spec: Any, fd: Any, **how: Unpack[How]) -> None:
        """Writes a container's log to a descriptor. spec: JSON {"container", "follow": bool, "tail": N,
        "since": seconds, "previous": bool, "timestamps": bool, "all_containers": bool, "prefix": bool,
        "selector"}, or None. An object that selects pods (deployment/NAME), or a selector instead of an
        object, gives the logs of every pod, lines whole, with prefix "[pod/NAME/CONTAINER] " before each;
        at most 50 are followed at once. Of several, one that cannot be read is told in the log and does not
        end the others."""
        run = Run(**how)
        self._call('kube_logs', (self, c_text(ns), c_text(name), c_json(spec), c_fd(fd), OPTS), run)

    def forward(self, ns: Optional[str], name: str, ports: str, address: Optional[str] = None, **how: Unpack[How]) -> None:
        """Forwards local ports to `pod/NAME`, `service/NAME` or `deployment/NAME` until the opts' cancel fires
        (then 0). ports: "8080:80,0:443" (0: any free port; each is told by an IMGREL_EVENT_LISTENING).
        address None: 127.0.0.1, which only this machine reaches. A service or a deployment is followed: who
        connects gets the pod that is ready just then, and what went to one that was not reached goes to the
        next. At most 512 connections at once, others wait; each holds at most about 1 MiB. What ends one
        connection (nothing listens on that port...) is told by an IMGREL_EVENT_WARNING and in the log;
        while the API server cannot be reached, clients wait for it, up to 30 s each. Errors also: EIO (port
        taken), ENOTFOUND (also when the pod that was named itself is gone, at the next connection)."""
        run = Run(**how)
        self._call('kube_forward', (self, c_text(ns), c_text(name), c_text(ports), c_text(address), OPTS), run)

    def dial(self, ns: Optional[str], name: str, port: int, **how: Unpack[How]) -> Conn:
        """Dials a port of a pod or service. The opts' timeout is for the dialling; their cancel also ends
        reads and writes, and must outlive the connection. Errors also: ENOTFOUND. What the pod says to the
        dialling (nothing listens: ENET) comes with the first read."""
        out1 = Made()
        run = Run(**how)
        self._call('kube_dial', (self, c_text(ns), c_text(name), port, OPTS, out1), run)
        return Conn._from(out1, self, run)

    def request(self, method: str, path: str, content_type: Optional[str], body: Union[str, bytes], **how: Unpack[How]) -> Tuple[Any, int]:
        """Sends any request to the API server. path: "/api/v1/..." with its query; content_type None:
        application/json. json: the body, the caller's; one that is not JSON comes as a JSON string. status
        may be None. A status of 400 or more is an error."""
        data = c_text(body) or b""
        out1 = Out()
        out2 = Number(C.c_int)
        run = Run(**how)
        self._call('kube_request', (self, c_text(method), c_text(path), c_text(content_type), data, len(data), OPTS, out1, out2), run)
        return out1.json(), out2.value


class Gitlab(Handle):
    """See libimgrel-gitlab(3)."""

    _noun = 'gitlab'

    def list(self, kind: str, parent: Optional[str] = None, query: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Lists things, one JSON document per item, every page. query: GitLab's own, encoded ("status=
        running"); None: all. A kind that begins with a slash is the path of any list below /api/v4
        ("/projects/1/jobs?pagination=keyset"). Errors also: EINVAL."""
        out1 = Made()
        run = Run(**how)
        self._call('gitlab_list', (self, c_text(kind), c_text(parent), c_text(query), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    def get(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> Any:
        """Reads one. json: the caller's; a variable's has its value: wipe it. A file: {"path", "ref",
        "content", "last_commit_id"}. Errors also: EINVAL, EUNSUPPORTED (a file that is no text)."""
        out1 = Out()
        run = Run(**how)
        self._call('gitlab_get', (self, c_text(kind), c_text(key), OPTS, out1), run)
        return out1.json()

    def put(self, kind: str, key: Optional[str] = None, json: Any = None, **how: Unpack[How]) -> Any:
        """Sees to it that one is there and as json says; safe to repeat, also after an answer that was lost.
        json: it, with "imgrel": "created" | "changed" | "unchanged"; of a variable without its value; of a
        runner that was created, or for which "new_token" asked, with its "token", which GitLab shows once.
        Errors also: EINVAL, ECONFLICT (a tag of another commit, a variable that can be seen and shall be
        hidden), EUNSUPPORTED (a GitLab that cannot keep a value raw that has a $). With the flag DRY_RUN
        nothing is changed."""
        out1 = Out()
        run = Run(**how)
        self._call('gitlab_put', (self, c_text(kind), c_text(key), c_json(json), OPTS, out1), run)
        return out1.json()

    def delete(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> None:
        """Deletes one: a variable, runner, branch, tag, protected-tag or pipeline. Errors also: EINVAL."""
        run = Run(**how)
        self._call('gitlab_delete', (self, c_text(kind), c_text(key), OPTS), run)

    def do(self, kind: str, key: Optional[str], action: str, json: Any = None, **how: Unpack[How]) -> Any:
        """Does what is not reading or writing. json (may be None): - variable expand {"value", "raw"} (absent:
        what is there): {"intact": bool, "becomes", "names" (that would be expanded), "raw", "maskable":
        bool, "why" (not)}, by the rules of GitLab and its runner where no other variable has such a name. -
        runner verify {"token"}: EAUTH if GitLab does not take it; reset: {"token"}, a new one. - ci lint
        {"content" (absent: what is at ref), "ref", "dry_run": bool}: {"valid", "errors", "warnings",
        "merged_yaml", "jobs"}; EINVAL if it is not valid, with json all the same. - pipeline find
        {"appear": seconds (60), "poll_ms"}: the newest pipeline of the tag as it is now; if none comes
        EFAILED with the reason: CI/CD is off, no .gitlab-ci.yml, one that is not valid, no job whose rules
        fit, [skip ci]; ETIMEOUT if there is none. - pipeline wait {"appear", "poll_ms", "pending": seconds
        that a job may wait which no runner can take (300), "log": bool (true)}: follows it to its end,
        within the deadline, else an hour at most. Jobs are told as IMGREL_EVENT_STEP, lines of their logs
        as IMGREL_EVENT_LOG. A key "#NUMBER" is a pipeline itself. json: {"id", "status", "ref", "sha",
        "web_url", "jobs": [{"id", "name", "stage", "status", "failure_reason", "log_tail" (of one that
        failed), ...}]}, also with EFAILED: a job failed, is taken by no runner, or waits for somebody. -
        job log {"offset"}: its lines as IMGREL_EVENT_LOG; {"offset" (its end), "tail"}. json: the caller's,
        "" for nothing. Errors also: EINVAL, EFAILED."""
        out1 = Out()
        run = Run(**how)
        self._call('gitlab_do', (self, c_text(kind), c_text(key), c_text(action), c_json(json), OPTS, out1), run)
        return out1.json()

    def request(self, method: str, path: str, json: Any = None, **how: Unpack[How]) -> Tuple[Any, int]:
        """Sends any request under /api/v4 with our token, retries and error texts. path: "/version", with its
        query, encoded by the caller. json None: no body. json: the body, "" if empty, the caller's; status:
        the HTTP status. A status of 400 or more is an error."""
        out1 = Out()
        out2 = Number(C.c_int)
        run = Run(**how)
        self._call('gitlab_request', (self, c_text(method), c_text(path), c_json(json), OPTS, out1, out2), run)
        return out1.json(), out2.value


class Release(Handle):
    """See libimgrel-release(3)."""

    _noun = 'release'

    def set(self, key: Optional[str], value: str) -> None:
        """Sets what the file does not say: "version", "harbor_url", "harbor_user", "harbor_password",
        "kubeconfig", "context", "state_dir" (default: .imgrel beside the file), "forward" (local port of
        the page check; 0: any), "node" ("none": do not touch). Errors: EINVAL, ENOMEM."""
        quick('release_set', self, c_text(key), c_text(value))

    def plan(self, **how: Unpack[How]) -> Report:
        """What apply would change. Changes nothing."""
        out1 = Out()
        run = Run(**how)
        self._call('release_plan', (self, OPTS, out1), run)
        return Report.of(out1.json())

    def apply(self, **how: Unpack[How]) -> Report:
        """Makes it so. A version tag that holds another image is ECONFLICT unless IMGREL_FLAG_FORCE, which
        also takes over robots and objects of the same names that others made. The push robot's secret is
        kept in the state folder (0600), the pull robot's in the clusters' pull secrets only."""
        out1 = Out()
        run = Run(**how)
        self._call('release_apply', (self, OPTS, out1), run)
        return Report.of(out1.json())

    def verify(self, **how: Unpack[How]) -> Report:
        """Proves it: tags, digest, platforms, refusals, the pod's digest, the page. Changes nothing, and needs
        no administrator: the robots' own logins do."""
        out1 = Out()
        run = Run(**how)
        self._call('release_verify', (self, OPTS, out1), run)
        return Report.of(out1.json())

    def delete(self, **how: Unpack[How]) -> Report:
        """Removes only what apply created and marked: Kubernetes objects by the label imgrel/release, robots
        by their description, tags, repository and project by what the state folder remembers. A namespace
        or a project in which others have something by now stays."""
        out1 = Out()
        run = Run(**how)
        self._call('release_delete', (self, OPTS, out1), run)
        return Report.of(out1.json())

    def rotate(self, spec: Any = None, **how: Unpack[How]) -> Report:
        """Gives the robots new secrets without a moment in which none works. A robot has only one secret, so a
        second one is made: its login is put into the clusters' pull secrets and everywhere that the file
        names, tried by a real token and a pull with what each place holds, and only then takes over. The
        old robot lives on for a grace period and is deleted by a later call. One that failed half-way left
        the old robot working, and can be repeated. spec: JSON, None is {}: - "role": "push" or "pull";
        absent: both. - "grace": seconds that an old robot lives on; absent: the file's, else 1800, which a
        bearer token lives. 0: deleted at once. - "retire": true: makes nothing new, only deletes old robots
        whose grace is over; with "grace", those whose would last longer end then. Errors also: EINVAL
        (spec: the key), ECONFLICT (a robot that is not this release's, or one that is in its grace period),
        ENOTFOUND (nothing was applied), EFAILED (a place did not take it)."""
        out1 = Out()
        run = Run(**how)
        self._call('release_rotate', (self, c_json(spec), OPTS, out1), run)
        return Report.of(out1.json())

    def render(self, **how: Unpack[How]) -> str:
        """The Kubernetes objects as YAML, image by digest, without secrets."""
        out1 = Out()
        run = Run(**how)
        self._call('release_render', (self, OPTS, out1), run)
        return out1.str()

    def gitlab(self) -> Report:
        """What the file's key "gitlab" says, and the pipeline that is made from it. Nothing is sent. json:
        {"url", "project", "token_file" (its path; absent if the file names none), "runner_tags": [],
        "variable" or "user_variable" and "secret_variable", "host" (that is pushed to), "ci": the text of
        .gitlab-ci.yml}. Errors also: ENOTFOUND (the file names no GitLab), EUNSUPPORTED (a library without
        GitLab)."""
        out1 = Out()
        quick('release_gitlab', self, out1)
        return Report.of(out1.json())

    def document(self, what: str, spec: Any = None) -> str:
        """A document of include/imgrel/node.h made from the file's registry: what and spec as node_render has
        them, but what the file says need not be said again; spec None is {}. "registry": which of several,
        by name. Nothing is sent. *text is the caller's and may hold logins: wipe it."""
        out1 = Out()
        quick('release_document', self, c_text(what), c_json(spec), out1)
        return out1.str()

    def doctor(self, **how: Unpack[How]) -> Report:
        """Walks the road and reports each obstacle with its cure. Changes nothing."""
        out1 = Out()
        run = Run(**how)
        self._call('release_doctor', (self, OPTS, out1), run)
        return Report.of(out1.json())


class AsyncClientCalls(Handle):
    """See libimgrel-client(3)."""

    _noun = 'client'

    async def manifest_get(self, ref: str, **how: Unpack[How]) -> Tuple[bytes, Any]:
        """Reads a manifest or index (distribution-spec "Pulling manifests"). With platform= and an index,
        reads that platform's manifest. bytes: exact bytes, NUL after the last (not counted), the caller's
        (free). descriptor: JSON {"mediaType","digest","size"}. Errors also: ENOTFOUND, EDIGEST,
        EUNSUPPORTED (schema 1)."""
        out1 = Out()
        length = Number(C.c_size_t)
        out2 = Out()
        run = Run(**how)
        await self._acall('manifest_get', (self, c_text(ref), OPTS, out1, length, out2), run)
        return out1.bytes(length.value), out2.json()

    async def manifest_put(self, ref: str, content: Union[str, bytes], media_type: Optional[str] = None, **how: Unpack[How]) -> str:
        """Writes a manifest or index as exact bytes under the reference's tag, or under its digest. media_type
        None: the one in the document. Errors also: EINVAL (not a manifest, ambiguous), ENOTFOUND (a blob
        that it names)."""
        data = c_text(content) or b""
        out1 = Out()
        run = Run(**how)
        await self._acall('manifest_put', (self, c_text(ref), data, len(data), c_text(media_type), OPTS, out1), run)
        return out1.str()

    async def digest(self, ref: str, **how: Unpack[How]) -> str:
        """The digest that a reference resolves to ("sha256:..."); with platform= the platform's. Errors also:
        ENOTFOUND."""
        out1 = Out()
        run = Run(**how)
        await self._acall('digest', (self, c_text(ref), OPTS, out1), run)
        return out1.str()

    async def inspect(self, ref: str, **how: Unpack[How]) -> Any:
        """What an image is, as one JSON document: name, digest, mediaType, size, annotations, platforms (each
        os, architecture, variant, digest, size; of an image created, config, and layers with mediaType,
        digest, size and diffID; else artifactType). Errors also: ENOTFOUND, EDIGEST."""
        out1 = Out()
        run = Run(**how)
        await self._acall('inspect', (self, c_text(ref), OPTS, out1), run)
        return out1.json()

    async def delete(self, ref: str, **how: Unpack[How]) -> None:
        """Deletes a manifest: by digest as it is; by tag the tag alone where the registry can, else
        EUNSUPPORTED with the digest that would go. Errors also: ENOTFOUND, EUNSUPPORTED."""
        run = Run(**how)
        await self._acall('delete', (self, c_text(ref), OPTS), run)

    async def tags(self, repository: str, **how: Unpack[How]) -> Items[str]:
        """Tags of a repository, a name per item (distribution-spec "Listing tags"); of a local place its
        images' names."""
        out1 = Made()
        run = Run(**how)
        await self._acall('tags', (self, c_text(repository), OPTS, out1), run)
        return Items[str]._from(out1, self, run)._begin(plain)

    async def catalog(self, host: str, **how: Unpack[How]) -> Items[str]:
        """Repositories of a registry, a name per item (Docker Registry API _catalog)."""
        out1 = Made()
        run = Run(**how)
        await self._acall('catalog', (self, c_text(host), OPTS, out1), run)
        return Items[str]._from(out1, self, run)._begin(plain)

    async def referrers(self, ref: str, artifact_type: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Descriptors, one JSON document per item, that refer to a manifest (distribution-spec "Listing
        referrers", with the tag schema where the API is missing). artifact_type None: all."""
        out1 = Made()
        run = Run(**how)
        await self._acall('referrers', (self, c_text(ref), c_text(artifact_type), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    async def blob_open(self, ref: str, **how: Unpack[How]) -> Blob:
        """Opens `host/repo@sha256:...` for reading. Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        await self._acall('blob_open', (self, c_text(ref), OPTS, out1), run)
        return Blob._from(out1, self, run)

    async def blob_create(self, repository: str, **how: Unpack[How]) -> Blob:
        """Begins an upload into `host/repo` (size and digest may be unknown)."""
        out1 = Made()
        run = Run(**how)
        await self._acall('blob_create', (self, c_text(repository), OPTS, out1), run)
        return Blob._from(out1, self, run)

    async def blob_get(self, ref: str, fd: Any, **how: Unpack[How]) -> None:
        """Writes a blob to a file descriptor from its current position, verified. Errors also: ENOTFOUND,
        EDIGEST, EIO. The descriptor stays the caller's."""
        run = Run(**how)
        await self._acall('blob_get', (self, c_text(ref), c_fd(fd), OPTS), run)

    async def blob_put(self, repository: str, fd: Any, **how: Unpack[How]) -> str:
        """Pushes what a descriptor gives until its end into `host/repo`; a regular file is hashed first and
        skipped if the registry has it."""
        out1 = Out()
        run = Run(**how)
        await self._acall('blob_put', (self, c_text(repository), c_fd(fd), OPTS, out1), run)
        return out1.str()

    async def blob_exists(self, ref: str, **how: Unpack[How]) -> int:
        """0 if the registry has the blob; ENOTFOUND if not. size: bytes."""
        out1 = Number(C.c_int64)
        run = Run(**how)
        await self._acall('blob_exists', (self, c_text(ref), OPTS, out1), run)
        return out1.value

    async def blob_delete(self, ref: str, **how: Unpack[How]) -> None:
        """Deletes a blob, whatever names it: images that do are broken then. Errors also: ENOTFOUND,
        EUNSUPPORTED (a registry that is not set to allow it, a local place)."""
        run = Run(**how)
        await self._acall('blob_delete', (self, c_text(ref), OPTS), run)

    async def login(self, host: str, user: str, secret: SecretLike, **how: Unpack[How]) -> None:
        """Checks user and secret against the registry and keeps them in the auth file (key auth_file; else
        $REGISTRY_AUTH_FILE, else ~/.docker/config.json), 0600, atomically, other entries untouched. opts
        may be None. Errors also: EIO."""
        run = Run(**how)
        await self._acall('login', (self, c_text(host), c_text(user), c_secret(secret), OPTS), run)

    def logout(self, host: str) -> None:
        """Forgets a host's login. Errors: ENOTFOUND (there was none), EIO. Does not use the network."""
        quick('logout', self, c_text(host))

    async def copy(self, src: str, dst: str, **how: Unpack[How]) -> str:
        """Copies an image between any two places with all that it names, skipping what is there. platform=:
        only those of an index (one: its manifest alone; several: the index without the others, with the
        attestations of those that stay). digest: of what the destination holds. Errors also: EUNSUPPORTED
        (an index for a Docker archive)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('copy', (self, c_text(src), c_text(dst), OPTS, out1), run)
        return out1.str()

    async def copy_spec(self, spec: Any, **how: Unpack[How]) -> Any:
        """The same with more to say. spec: JSON, unknown keys EINVAL: - "from": a reference; "to":
        [references], all written from one read of the source - "tags": ["..."]: further tags, in every
        destination - "referrers": true takes along what refers to the image or to its parts, and what
        refers to that; "digest_tags": true the tags that cosign gives a digest (sha256-HEX.sig, .att,
        .sbom) - "format": "oci" or "docker": manifests and indexes get that format's media types
        (EUNSUPPORTED: what Docker's can't express, as zstd layers, artifacts and attestations; annotations,
        which it has not, are left out) - "keep_going": true: a destination that fails does not end the
        others json (may be None, the caller's): {"from", "results": [{"to", "digest", "unchanged",
        "copied", "exists", "mounted": blobs, "bytes": copied, "attached": manifests, or with keep_going
        "error": {"code", "message", "cure"}}]}. Errors also: EINVAL (spec: the key), EFAILED with
        keep_going when any destination failed: then json is given all the same."""
        out1 = Out()
        run = Run(**how)
        await self._acall('copy_spec', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    async def copy_many(self, spec: Any, **how: Unpack[How]) -> Any:
        """Copies whole repositories, tag by tag: what the destination has already costs two HEADs, so that the
        same call again copies only what is new, and goes on where an earlier one was stopped. All items
        share jobs= transfers and what is known of blobs. spec: JSON, unknown keys EINVAL: - "from":
        "host/repository", or a local place without a name; with "repositories" a host - "to": ["..."]: the
        same; with "repositories" what they go under: "host", "host/prefix" or "oci:DIR" (DIR/REPOSITORY is
        then a layout each) - "repositories": {"include": [...], "exclude": [...]}: those of the host's
        catalog - "map": {"team/app": "mirror/app"}: of those, new names for what names are or begin with -
        "tags": {"include": [...], "exclude": [...], "versions": ">=1.2 <2", "latest": N}: which: any of
        include (absent: all), none of exclude, in the range of versions (also "^1.4", "~1.2.3", "1.x", "1.2
        - 1.4", "a || b"; pre-releases only where a bound is one), and of those only the N highest versions.
        A pattern is a glob, or "/REGEX/" (POSIX, extended). - "referrers", "format": as copy_spec has them;
        "digest_tags": true takes the tags that cosign gives a digest along, whatever the patterns say -
        "prune": true deletes tags of the destination that match "tags" and that the source's choice has
        not; not where anything failed or the choice is empty - "keep_going": true: a failure does not end
        the others - "share": "I/N": only the I-th of N shares, from 0, which machines do side by side: by a
        hash of the tags' names, with "repositories" of the repositories' Each item is told as it ends: an
        IMGREL_EVENT_ITEM whose detail is {"from", "to", "state", ...}, state "copied", "unchanged",
        "deleted" or "failed" (with "error": {"code", "message", "cure", "http_status"}), else with
        "digest", "copied", "exists", "mounted", "bytes". With IMGREL_FLAG_DRY_RUN nothing is written:
        "planned" with what would be sent, and "extra" for what prune would delete. json (may be None, the
        caller's): {"items", "copied" (or "planned"), "unchanged", "deleted" (or "extra"), "failed",
        "bytes", "blobs": {"copied", "exists", "mounted"}, "failures": the first 100}. Errors also: EINVAL
        (spec: the key), EUNSUPPORTED (a registry that deletes no tags), EFAILED with keep_going when
        anything failed: then json is given all the same."""
        out1 = Out()
        run = Run(**how)
        await self._acall('copy_many', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    async def image_assemble(self, spec: Any, dst: Optional[str] = None, **how: Unpack[How]) -> str:
        """Assembles an image without running anything. spec: JSON, every key optional, unknown ones EINVAL: -
        "base": a reference, or root file systems {"linux/amd64": FOLDER, ...} (owners and modes as on
        disk). Absent: from scratch. Blobs of a base in dst's registry are mounted. - "platforms":
        ["linux/amd64", ...]. Absent: platform=, else all that the base has, else linux on this machine.
        Several make an index, one a manifest. - "layers": [{"from": PATH, "to": "/dir", "owner": "UID:GID",
        "mode": "0644"}], a layer each, the same for every platform. A folder's content goes into `to`; a
        file becomes `to`, or goes into it when it ends with a slash; a tar (.tar, .tar.gz, .tgz, .tar.zst)
        with `to` "/" is the layer as it is. Absent owner: 0:0; absent mode: 0755 for what may be executed,
        else 0644. Hard links are kept, sockets left out, devices and pipes EUNSUPPORTED; a file that
        changes while it is read is EIO. - "config": {"env": {}, "cmd": [], "entrypoint": [], "labels": {},
        "exposed": [80, "53/udp"], "volumes": ["/data"], "user", "workdir", "stop_signal"}, over the base's;
        an entrypoint without cmd clears the base's cmd. - "annotations": {} of manifests and index; "tags":
        [...] further tags of dst. - "created": RFC 3339. Absent: $SOURCE_DATE_EPOCH, else 1970. No file is
        younger in the image. dst: where it goes. Layers are made in one pass from files to the destination;
        the same input gives the same diffIDs in every locale, and the same bytes with the same codec. When
        dst is this image already nothing is written. digest: of the index (of the manifest for one
        platform); "" after IMGREL_FLAG_DRY_RUN found that something would be written. Errors also: EINVAL
        (spec: the key), ENOTFOUND (a path, the base, or a platform that it lacks, with those that it has),
        EUNSUPPORTED, EDIGEST, EIO."""
        out1 = Out()
        run = Run(**how)
        await self._acall('image_assemble', (self, c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    async def image_edit(self, src: str, spec: Any, dst: Optional[str] = None, **how: Unpack[How]) -> str:
        """Changes an image. spec: JSON, every key optional, unknown ones EINVAL; what it says is done in this
        order, for the platforms of platform= (one: its manifest alone), absent: for all of an index: -
        "rebase": {"old_base": REF, "new_base": REF}: the layers of the old base, which must be those at the
        bottom (by diffID, else ECONFLICT), give way to the new base's. What is absent is taken from the
        annotations org.opencontainers.image.base.name and .digest, which are written anew. - "flatten":
        true: all layers become one that holds the same files, whiteouts applied. - "compression": "none",
        "gzip" or "zstd": layers that are compressed otherwise are compressed anew, keeping their diffIDs;
        all of them with "level" (gzip 1-9, zstd 1-19). Absent: they stay as they are, new layers are
        compressed as the client's configuration says. - "layers": [...] on top, as for image_assemble. One
        "from" may be "-": a tar, plain or compressed, from standard input as it is. - "config": as for
        image_assemble, over the image's; "volumes": ["/data"], "stop_signal" too. null removes: a variable,
        a label, or a whole member ({"cmd": null}). - "annotations": {} of manifests and index; null removes
        one. - "created": RFC 3339 (absent: $SOURCE_DATE_EPOCH, else unchanged): of config and history, in
        which no time is later; nor is one in a layer that is made. Without it, new layers have 1970. -
        "format": "oci" or "docker": media types of manifests and index. Docker's have neither annotations
        nor zstd (EUNSUPPORTED). - "tags": [...] further tags of dst. Unknown members of configs and
        manifests stay; a document that says the same keeps its bytes. Of an index, attestations go with the
        image that they attest when that changed (a warning in the log, a step in the progress); what is no
        image is kept. Blobs that stay are not read where dst is the same repository or layout, are mounted
        in the same registry, and else copied. dst None: src, in place. An archive as dst is written anew as
        a whole. digest: of what was written; "" after IMGREL_FLAG_DRY_RUN, which checks spec, source and
        bases. Errors also: EINVAL (spec: the key), ENOTFOUND (a path, src, a base, the platform), ECONFLICT
        (not on the old base), EUNSUPPORTED (an index in an index, a foreign layer to be flattened), EDIGEST
        (a blob, or a layer that is not its diffID), EPROTO, EIO."""
        out1 = Out()
        run = Run(**how)
        await self._acall('image_edit', (self, c_text(src), c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    async def image_export(self, ref: str, fd: Any, **how: Unpack[How]) -> None:
        """Writes the file system of an image as one tar (plain, not compressed) to a descriptor from its
        current position: layers laid over each other as image-spec layer.md says, whiteouts applied,
        owners, modes, times, extended attributes and devices as they are in the layers. What lies in the
        upper layers comes first, so that a folder may come after what is in it. A hard link whose file an
        upper layer replaced becomes a file. platform=: which of an index; absent: this machine's. The
        descriptor stays the caller's. Memory: about 32 bytes a path, at most 4,000,000 paths. Errors also:
        ENOTFOUND (the platform, a blob), EDIGEST, EIO (the descriptor), EPROTO (a layer that is no tar, or
        whose paths lead out of the image), EUNSUPPORTED (no image)."""
        run = Run(**how)
        await self._acall('image_export', (self, c_text(ref), c_fd(fd), OPTS), run)

    async def image_validate(self, ref: str, **how: Unpack[How]) -> Any:
        """Checks that an image is what its documents say: each digest and size, media types, layers unpacked
        against their diffIDs (no tar, or one whose paths lead out, is an error too), the config's platform
        against the index's, as many diffIDs and entries of history as layers, annotations. With
        IMGREL_FLAG_FAST no blob of a layer is read: that it is there, and its size, is all that is looked
        at. platform=: only those of an index. json, also after a failure that has findings (else None):
        {"name", "digest", "mediaType", "ok", "fast", "images": [{"platform" or "artifactType", "digest",
        "layers"}], "blobs", "bytes", "findings": [{"level": "error" or "warning", "code", "what",
        "message"}]}. The result is that of the first error found: EDIGEST, EINVAL, ENOTFOUND, EPROTO,
        ELIMIT (a bomb), EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('image_validate', (self, c_text(ref), OPTS, out1), run)
        return out1.json()

    async def index_edit(self, spec: Any, dst: str, **how: Unpack[How]) -> str:
        """Makes an index (image-spec image-index.md), or changes the one that dst is. spec: JSON, every key
        optional, unknown ones EINVAL: - "create": true begins with nothing; else dst is read, ENOTFOUND if
        there is none, EINVAL if it is no index. - "remove": [PLATFORM or DIGEST, ...]: entries that go,
        with what attests them. - "append": [REF or {"ref", "platform", "annotations"}, ...]: images from
        any place, copied or mounted into dst's. Platform and variant are what the image's config says;
        "platform" may say more, not something else (EINVAL). Of an index its entries are taken as they are
        (those of platform=), with what attests them; an index in it is EUNSUPPORTED. An entry takes the
        place of one for the same platform, and of what attests that; two of one edit for the same platform
        are ECONFLICT. - "entries": {PLATFORM or DIGEST: {"platform", "annotations"}}: changes entries. -
        "annotations": of the index; null removes one. - "tags": further tags; "format": "oci" or "docker",
        of a new index. Docker's hold Docker's manifests only, and no annotations (EUNSUPPORTED). Every
        image is read and checked before the index is written, under dst's tag or else by digest. The same
        images and spec give the same digest; what dst is already is not written again. digest: of the
        index, also after IMGREL_FLAG_DRY_RUN. Errors also: ENOTFOUND (an image, an entry to be removed or
        changed), ECONFLICT, EUNSUPPORTED, EDIGEST, EIO."""
        out1 = Out()
        run = Run(**how)
        await self._acall('index_edit', (self, c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    async def artifact_put(self, spec: Any, dst: str, **how: Unpack[How]) -> str:
        """Puts files as an artifact: each is a layer. spec: JSON, every key optional, unknown ones EINVAL: -
        "files": [PATH or {"path", "media_type", "title"}, ...]; a title is a name without slashes (absent:
        the path's last part), a media type anything (absent: application/octet-stream). Folders are
        EUNSUPPORTED. No file at all is fine. - "artifact_type": what it is. Absent:
        application/vnd.unknown.artifact.v1, or the config's. - "config": {"path", "media_type"}. Absent:
        the empty one. - "subject": what it refers to: a digest, a tag, or a reference in dst's repository.
        Where the registry lists no referrers itself, the index under the tag sha256-HEX is kept. -
        "annotations" of the manifest; "tags": further tags. dst: its tag; with a subject it may be a
        repository alone: then by digest only. Nothing but the files and the spec goes in, so that the same
        gives the same digest. Errors also: ENOTFOUND (a file, the subject), EUNSUPPORTED, EIO."""
        out1 = Out()
        run = Run(**how)
        await self._acall('artifact_put', (self, c_json(spec), c_text(dst), OPTS, out1), run)
        return out1.str()

    async def artifact_get(self, ref: str, dir: str, **how: Unpack[How]) -> Any:
        """Gets an artifact's files into a folder, which is made if it is missing. Each is called as the last
        part of its title says, without one by its digest (sha256-HEX); what is no name is EPROTO, one name
        twice ECONFLICT. A file appears whole and verified, in place of one that is there. json: {"digest",
        "artifactType", "files": [{"name", "mediaType", "digest", "size"}]}. Errors also: ENOTFOUND,
        EDIGEST, EIO."""
        out1 = Out()
        run = Run(**how)
        await self._acall('artifact_get', (self, c_text(ref), c_text(dir), OPTS, out1), run)
        return out1.json()

    async def build(self, spec: Any, **how: Unpack[How]) -> Any:
        """Builds an image and puts it under its names. spec: JSON, unknown keys EINVAL: - "context": the
        folder; "file": the Dockerfile, seen from the current folder or the context (absent: Dockerfile in
        the context); "target": a stage of it - "to": ["HOST/REPOSITORY:TAG", ...], or local places (oci:,
        oci-archive:, docker-archive:) - "platforms": ["linux/amd64", ...]. Absent: platform=, else the
        builder's own. - "args", "labels", "annotations": {}; an argument that is null comes from the
        environment - "secrets": [{"id", "file"} or {"id", "env"}], "ssh": ["default", "ID=KEYFILE"] -
        "cache_from", "cache_to": [{"type": "registry" | "local" | "inline" | "s3" | "gha" | "azblob", ...}]
        with the attributes that BuildKit has for them; what is secret in them is not taken, it belongs to
        the builder's daemon. "no_cache": true; "pull": true looks for newer bases. - "provenance": "min" or
        "max" (absent: "off"), "sbom": true: attestations (BuildKit) - "created": RFC 3339 or seconds
        (absent: $SOURCE_DATE_EPOCH): no time in the image is later, and the same input gives the same bytes
        - "contexts": {NAME: FOLDER | "oci:DIR" | "docker-image://REF"}: what FROM NAME and --from=NAME mean
        - "driver": "buildkit", "buildah", "podman", "docker" or "assemble" (nothing is run: FROM, COPY and
        what only sets the config). Absent: as "builder" says, else the last if the Dockerfile needs no
        more, else the first of the others that is here. - "builder": BuildKit's address (unix://, tcp://,
        kube-pod://POD, docker-container://NAME), "rootless" (a daemon for this build alone), a socket of
        Docker's or podman's API (unix:///run/docker.sock), or the name of a builder of docker buildx.
        Absent: $BUILDKIT_HOST, the usual sockets, rootless. "tls": {"ca", "cert", "key", "server_name"}:
        files for tcp://. - "push": "library" takes the image as an OCI layout and pushes it as copy does:
        one read, retries, the same digest everywhere. "builder" has BuildKit push it. Absent: "builder"
        where that is far away (tcp://, kube-pod:// ...), else "library". - "syntax": "builtin": the
        builder's own frontend, whatever a "# syntax=" line says Refused before anything is built, because a
        builder says it late or never: names without a registry, with upper case, with '+' in the tag or
        several in one text; files and variables of secrets that are not there; a "# syntax=" line whose
        registry cannot be reached from here. Afterwards every name is read again: its digest, and that the
        platforms are those that were asked for, attestations not counted. Told on the way:
        IMGREL_EVENT_STEP (what: the step; detail "began", "done", "cached", "failed" or "cancelled"),
        IMGREL_EVENT_LOG (a line of a step's log), IMGREL_EVENT_BYTES. With IMGREL_FLAG_DRY_RUN only the
        spec is checked. json (may be None; given after a failure too once there is an image): {"driver",
        "builder", "digest", "platforms": [...], "attestations": count, "steps", "cached", "warnings":
        [...], "results": [{"to", "digest"} or {"to", "error": {"code", "message", "cure"}}]}. Blocks. Any
        thread. Errors: EINVAL (the spec's key, the Dockerfile's line), ENOTFOUND (a file, a base, a
        program), EFAILED (a RUN step, with its exit code and last words; platforms that are missing
        afterwards), EUNSUPPORTED (by the driver; no builder here), EAUTH, EDENIED, ENET (a registry or the
        builder), EDIGEST (a name holds another image), ECONFLICT (the rootless builder is in use), EIO,
        ETIMEOUT, ECANCELED, and those of registry.h."""
        out1 = Out()
        run = Run(**how)
        await self._acall('build', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    async def build_detect(self, builder: Optional[str] = None, **how: Unpack[How]) -> Any:
        """Which builders are here. builder: an address to be asked too; None. json: {"builders": [{"driver",
        "available", "builder", "version", "why", "cure"}], "chosen": the driver that a build would take
        (absent: none)}. Runs the programs for their versions. Blocks, any thread. Errors: EINVAL, ENOMEM,
        ETIMEOUT, ECANCELED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('build_detect', (self, c_text(builder), OPTS, out1), run)
        return out1.json()

    def harbor(self, url: str, user: Optional[str] = None, password: Optional[SecretLike] = None) -> AsyncHarbor:
        """Makes a handle; nothing is sent yet. url: "https://harbor.lan" with or without /api/v2.0. user None:
        anonymous. The password is copied and wiped on free. Errors: EINVAL, ENOMEM."""
        out1 = Made()
        quick('harbor_new', self, c_text(url), c_text(user), c_secret(password), out1)
        return AsyncHarbor._from(out1, self)

    def kube(self, kubeconfig: Optional[str] = None, context: Optional[str] = None) -> AsyncKube:
        """Reads the configuration: kubeconfig is a path, or None for $KUBECONFIG (several files are merged),
        then ~/.kube/config, then the pod's service account. Text that begins with "{" is no path but the
        settings themselves, by the names that a kubeconfig gives to what a cluster, a user and a context
        have: {"server": URL, "certificate-authority-data": PEM or base64, "token", "tokenFile", "username",
        "password", "client-certificate-data", "client-key-data", "exec", "as", "namespace", ...}. context
        None: the current one. Errors: EINVAL (file, entry and line), ENOTFOUND (no configuration), EIO,
        ENOMEM."""
        out1 = Made()
        quick('kube_new', self, c_text(kubeconfig), c_text(context), out1)
        return AsyncKube._from(out1, self)

    async def node_trust(self, spec: Any, **how: Unpack[How]) -> Any:
        """Tells this node's runtime of a registry: its files are written, merged or, with "remove", taken
        back; each appears whole or not at all, mode 0644 (0600 with a login in it). What others wrote
        stays, and what is right already is not touched. IMGREL_FLAG_DRY_RUN changes nothing. *json:
        {"host", "result": "changed" | "unchanged" | "would", "files": [{"path", "state": "created" |
        "changed" | "unchanged" | "removed", "diff"}], "notes": [{"message", "cure"}]}; a note is what the
        files alone do not do: a restart, a config_path that is not set. May run `containerd --version`.
        Errors: EINVAL (the spec, a file that is there and wrong), EUNSUPPORTED, EIO, EDENIED, ECANCELED,
        ETIMEOUT, ENOMEM. May block."""
        out1 = Out()
        run = Run(**how)
        await self._acall('node_trust', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    async def node_doctor(self, spec: Any, **how: Unpack[How]) -> Any:
        """Says why this node would not pull from a registry: the runtime's files in the order in which it
        reads them, then each address in them, as the node would ask it. *json: {"host", "healthy",
        "checks": [{"check", "state": "ok" | "warn" | "fail" | "skip", "detail", "cure"}]}. Changes nothing;
        a node that is not healthy is no failure of the call. Errors: as above. May block."""
        out1 = Out()
        run = Run(**how)
        await self._acall('node_doctor', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    def gitlab(self, url: str, project: str, token: Optional[str] = None) -> AsyncGitlab:
        """Makes a handle; nothing is sent yet. url: "https://gitlab.example.org", below a path too, with or
        without /api/v4. project: its path ("group/app") or number. token: a personal, group or project
        token with the scope api; None: anonymous. It is copied and wiped on free. Errors: EINVAL, ENOMEM."""
        out1 = Made()
        quick('gitlab_new', self, c_text(url), c_text(project), c_text(token), out1)
        return AsyncGitlab._from(out1, self)

    def release(self, path: str) -> AsyncRelease:
        """Reads and checks a release file; paths in it are relative to it. Nothing is sent. Errors: EINVAL
        (file, line, column, key), EIO, ENOTFOUND, ENOMEM."""
        out1 = Made()
        quick('release_load', self, c_text(path), out1)
        return AsyncRelease._from(out1, self)


class AsyncHarbor(Handle):
    """See libimgrel-harbor(3)."""

    _noun = 'harbor'

    async def check(self, **how: Unpack[How]) -> Any:
        """Proves the login (GET /users/current; 412 is a robot's yes) and reads the version. json:
        {"version","user","robot":bool,"admin":bool}."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_check', (self, OPTS, out1), run)
        return out1.json()

    async def project_ensure(self, name: str, is_private: Optional[bool] = None, **how: Unpack[How]) -> Any:
        """Sees to it that a project exists and is private or public as said. is_private: 1 private, 0 public,
        -1 leave (new ones are private). json: the project, with "imgrel": "created" | "changed" |
        "unchanged". Errors also: EINVAL (name)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_project_ensure', (self, c_text(name), -1 if is_private is None else int(is_private), OPTS, out1), run)
        return out1.json()

    async def project_get(self, name: str, **how: Unpack[How]) -> Any:
        """Reads a project. Errors also: ENOTFOUND."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_project_get', (self, c_text(name), OPTS, out1), run)
        return out1.json()

    async def project_delete(self, name: str, with_repositories: bool = False, **how: Unpack[How]) -> None:
        """Deletes a project; with_repositories 1: what is in it first. Errors also: ENOTFOUND, ECONFLICT (it
        has repositories)."""
        run = Run(**how)
        await self._acall('harbor_project_delete', (self, c_text(name), int(with_repositories), OPTS), run)

    async def robot_ensure(self, project: Optional[str], name: str, spec: Any = None, **how: Unpack[How]) -> Robot:
        """Sees to it that a robot exists with exactly these rights. project None: a system robot. name:
        without prefix and project. spec: JSON, all members optional but the rights of a new robot: -
        "role": "pull", "push" (no delete), "ci" (push, tag, scan, read results) or "scan-reader"; or
        "access": [{"resource", "action"}]; both are for the project, and of a system robot for each of
        "projects": ["a", "b"], ["*"]; or "permissions": [{"kind", "namespace", "access"}] as Harbor has
        them. Compared as sets; checked by what this Harbor can grant - "expires": "never", from now as
        "30d" or "2 weeks", or a date "2030-12-31" (to its end, UTC). Harbor counts whole days from the
        creation: a robot lives at least as long as said and less than a day longer. What is near enough is
        not changed. Not said: as it is; new ones never end; one that has expired gets as long a life again
        - "enabled": bool. Not said: new ones are; a disabled one is ECONFLICT without the flag FORCE -
        "description"; "secret": its own (8 to 128 bytes, lower case, upper case and digit); "new_secret":
        true gives one that was there a new one; its old one dies then. What spec does not say is left as it
        is. The secret is known if the robot was created or a new one asked for. A lost answer is made good:
        what was created by it gets a secret that is known. Errors also: EINVAL, ENOTFOUND (project),
        ECONFLICT."""
        out1 = Made()
        run = Run(**how)
        await self._acall('harbor_robot_ensure', (self, c_text(project), c_text(name), c_json(spec), OPTS, out1), run)
        return Robot._from(out1, self)

    async def robot_create(self, project: Optional[str], name: str, spec: Any = None, **how: Unpack[How]) -> Robot:
        """The same for a robot that must not be there yet. Errors also: ECONFLICT (it exists)."""
        out1 = Made()
        run = Run(**how)
        await self._acall('harbor_robot_create', (self, c_text(project), c_text(name), c_json(spec), OPTS, out1), run)
        return Robot._from(out1, self)

    async def robot_update(self, project: Optional[str], name: str, spec: Any = None, **how: Unpack[How]) -> Robot:
        """Changes a robot that is there, only in what spec says: {"enabled": false} disables it, {"expires":
        "30d"} makes it live 30 days from now. Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        await self._acall('harbor_robot_update', (self, c_text(project), c_text(name), c_json(spec), OPTS, out1), run)
        return Robot._from(out1, self)

    async def robot_rotate(self, project: Optional[str], name: str, **how: Unpack[How]) -> Robot:
        """Gives a robot a new secret at once; the old one dies now (bearer tokens that it already has live up
        to 30 minutes more). By a robot's login it is deleted and made again, as no robot may change one.
        Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        await self._acall('harbor_robot_rotate', (self, c_text(project), c_text(name), OPTS, out1), run)
        return Robot._from(out1, self)

    async def robot_get(self, project: Optional[str], name: str, **how: Unpack[How]) -> Robot:
        """Reads a robot; its secret is unknown. Errors also: ENOTFOUND."""
        out1 = Made()
        run = Run(**how)
        await self._acall('harbor_robot_get', (self, c_text(project), c_text(name), OPTS, out1), run)
        return Robot._from(out1, self)

    async def robot_delete(self, project: Optional[str], name: str, **how: Unpack[How]) -> None:
        """Deletes a robot. Bearer tokens that it already has live up to 30 minutes more. Errors also:
        ENOTFOUND."""
        run = Run(**how)
        await self._acall('harbor_robot_delete', (self, c_text(project), c_text(name), OPTS), run)

    async def list(self, kind: str, parent: Optional[str] = None, query: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Lists things, one JSON document per item, every page: as they are, whatever is created or deleted
        meanwhile. query: Harbor's q= expression, keys checked; None: all. A kind that begins with a slash
        is the path of any list, encoded, with its query and without page and page_size:
        "/projects/p/webhook/jobs". Errors also: EINVAL, ENOTFOUND (the parent), EUNSUPPORTED (not in this
        version)."""
        out1 = Made()
        run = Run(**how)
        await self._acall('harbor_list', (self, c_text(kind), c_text(parent), c_text(query), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    async def get(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> Any:
        """Reads one. json: the caller's; "" for a schedule that is not set. Errors also: EINVAL, ENOTFOUND,
        EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_get', (self, c_text(kind), c_text(key), OPTS, out1), run)
        return out1.json()

    async def put(self, kind: str, key: Optional[str] = None, json: Any = None, **how: Unpack[How]) -> Any:
        """Sees to it that one is there and as json says; what json leaves out is kept. Safe to repeat. json:
        it, with "imgrel": "created" | "changed" | "unchanged". Errors also: EINVAL, ENOTFOUND (the parent),
        ECONFLICT, EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_put', (self, c_text(kind), c_text(key), c_json(json), OPTS, out1), run)
        return out1.json()

    async def delete(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> None:
        """Deletes one. A tag goes without its artifact, an artifact with all its tags; a project with its
        repositories only with the flag FORCE. Errors also: EINVAL, ENOTFOUND, ECONFLICT (in use)."""
        run = Run(**how)
        await self._acall('harbor_delete', (self, c_text(kind), c_text(key), OPTS), run)

    async def do(self, kind: str, key: Optional[str], action: str, json: Any = None, **how: Unpack[How]) -> Any:
        """Does what is not reading or writing: see the table. json (may be None): {"wait": true} waits until a
        run has ended (within the deadline, else an hour at most; EFAILED if it failed); of a scan
        {"fail_above": "high"} or {"fail_at": ...}; of copy {"to": "PROJECT/REPOSITORY"}; of tag {"name",
        "move": bool}; of label and unlabel {"name"}; of cli-secret {"secret"}, else a new one. json: what
        it tells, "" for nothing. Errors also: EINVAL, ENOTFOUND, ECONFLICT, EFAILED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_do', (self, c_text(kind), c_text(key), c_text(action), c_json(json), OPTS, out1), run)
        return out1.json()

    async def doctor(self, spec: Any = None, **how: Unpack[How]) -> Any:
        """Finds what stands between this login and its work; changes nothing. spec (may be None): {"project",
        "rights": "pull" | "push", "repository"}: what the login shall be able to do. json: {"url", "ok":
        bool, "rows": [{"check", "state": "ok" | "fail" | "warn" | "skip", "detail", "code", "cure"}]},
        checks being reach (and by which scheme), clock, health, login, version, realm, project, rights and
        quota. What is wrong with Harbor is a row, not an error. Errors: EINVAL, ECANCELED, ETIMEOUT,
        ENOMEM."""
        out1 = Out()
        run = Run(**how)
        await self._acall('harbor_doctor', (self, c_json(spec), OPTS, out1), run)
        return out1.json()

    async def request(self, method: str, path: str, json: Any = None, **how: Unpack[How]) -> Tuple[Any, int]:
        """Sends any request under /api/v2.0 with our login, retries and error texts. path: "/health", with its
        query, encoded by the caller. json None: no body. json: the body, "" if empty, the caller's; status:
        the HTTP status. A status of 400 or more is an error."""
        out1 = Out()
        out2 = Number(C.c_int)
        run = Run(**how)
        await self._acall('harbor_request', (self, c_text(method), c_text(path), c_json(json), OPTS, out1, out2), run)
        return out1.json(), out2.value


class AsyncKube(Handle):
    """See libimgrel-kube(3)."""

    _noun = 'kube'

    @property
    def namespace(self) -> Optional[str]:
        """The context's namespace ("default" if it has none) and server URL; live with the handle."""
        return borrowed('imgrel_kube_namespace'[7:], self)

    @property
    def server(self) -> Optional[str]:
        """The context's namespace ("default" if it has none) and server URL; live with the handle."""
        return borrowed('imgrel_kube_server'[7:], self)

    async def namespace_ensure(self, name: str, **how: Unpack[How]) -> Any:
        """Sees to it that a namespace and its default service account exist. json: the object with "imgrel":
        "created" | "unchanged"."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_namespace_ensure', (self, c_text(name), OPTS, out1), run)
        return out1.json()

    async def secret_ensure(self, ns: Optional[str], name: str, registry: str, user: str, password: SecretLike, **how: Unpack[How]) -> Any:
        """Sees to it that a docker-registry secret holds this login, other registries in it untouched. json:
        {"imgrel": "created" | "changed" | "unchanged"}. Errors also: ECONFLICT (a secret of another type
        has the name)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_secret_ensure', (self, c_text(ns), c_text(name), c_text(registry), c_text(user), c_secret(password), OPTS, out1), run)
        return out1.json()

    async def apply(self, manifest: Union[str, bytes], **how: Unpack[How]) -> Any:
        """Server-side apply of manifests, JSON or YAML, as field manager "imgrel" (FORCE: take fields over).
        Several documents and lists are applied in the order that a cluster wants, definitions of kinds
        waited for; the first failure ends it. json: the object, or an array of them, each with "imgrel":
        "created" | "changed" | "unchanged". Errors also: ECONFLICT (the fields and who has them), EINVAL
        (422, the fields), EUNSUPPORTED (the cluster has no such kind)."""
        data = c_text(manifest) or b""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_apply', (self, data, len(data), OPTS, out1), run)
        return out1.json()

    async def get(self, ns: Optional[str], name: str, **how: Unpack[How]) -> Any:
        """Reads `kind/name` ("pod/app", "service/app", "deployment/app", "namespace/x"...)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_get', (self, c_text(ns), c_text(name), OPTS, out1), run)
        return out1.json()

    async def delete(self, ns: Optional[str], name: str, **how: Unpack[How]) -> None:
        """Deletes `kind/name` and waits until it is gone. Errors also: ENOTFOUND."""
        run = Run(**how)
        await self._acall('kube_delete', (self, c_text(ns), c_text(name), OPTS), run)

    async def list(self, ns: Optional[str], kind: str, selector: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Lists a kind ("pod"; any that the cluster has, "certificates.cert-manager.io"), one JSON object per
        item; selector: label selector or None. ns "*": every namespace."""
        out1 = Made()
        run = Run(**how)
        await self._acall('kube_list', (self, c_text(ns), c_text(kind), c_text(selector), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    async def watch(self, ns: Optional[str], what: str, spec: Any, **how: Unpack[How]) -> Items[Any]:
        """Watches a kind, or one `kind/name`: an endless list of JSON {"type": "ADDED" | "MODIFIED" |
        "DELETED", "object"}, beginning with what there is. Ends, breaks, silence and "too old" are overcome
        without an event lost or told twice; a DELETED that went unseen meanwhile has only the object's
        name. spec: JSON {"selector", "field_selector", "resource_version": begin after it, "stall_seconds":
        silence after which all is read anew (90)}, or None. ns "*": every namespace. Errors of the iterator
        also: ELIMIT (over 200,000 objects)."""
        out1 = Made()
        run = Run(**how)
        await self._acall('kube_watch', (self, c_text(ns), c_text(what), c_json(spec), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    async def do(self, ns: Optional[str], name: str, action: str, json: Any = None, **how: Unpack[How]) -> Any:
        """Does something with an object; json says how (None: nothing to say), strictly read. Actions: "apply"
        and "create", without an object: {"manifest": text, object or array}; "delete": {"propagation":
        "background", "foreground" or "orphan", "grace_seconds": N, "wait": true}, or without an object also
        {"manifest"}, deleted last first; "patch": {"patch": object or array, "type": "merge", "strategic"
        or "json"}; "pull_secrets" of serviceaccount/NAME, others kept: {"add": [names], "remove": [names]};
        "run" of pod/NAME or deployment/NAME: as kube_pod_run, and "replicas": N; "expose" of pod/NAME,
        deployment/NAME...: {"name", "type", "labels", "ports": [{"port", "target_port": number or name,
        "protocol", "name", "node_port"}]}; "wait" until a deployment, statefulset or daemonset is rolled
        out; "history" of one; "undo": {"revision": N}, else the one before; "restart"; "scale":
        {"replicas": N}; "image" of one, or of a pod: {"image", "container": name, else the only one};
        "table" of a kind or kind/name: {"selector"}, columns and rows as the cluster prints them; "kinds",
        without an object: every kind that the cluster has. json: the object or array that comes of it, with
        "imgrel": "created", "changed", "replaced", "unchanged" or "deleted" where something was done.
        Errors also: ENOTFOUND, ECONFLICT, ESTATE (a paused deployment), EFAILED (a rollout that cannot be,
        with cause and cure), EUNSUPPORTED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_do', (self, c_text(ns), c_text(name), c_text(action), c_json(json), OPTS, out1), run)
        return out1.json()

    async def pod_run(self, ns: Optional[str], name: str, spec: Any, **how: Unpack[How]) -> Any:
        """Runs a pod. spec: JSON {"image", "port": N, "pull_secret", "env": {}, "command": [], "args": [],
        "labels": {}, "annotations": {}, "resources": {}}, or {"manifest": a pod as written, "image",
        "pull_secret", "labels"}. The same pod is left alone; one with another image or spec is replaced.
        json: {"imgrel": ..., "pod": object}. Errors also: ECONFLICT (a pod that is not ours has the name)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_pod_run', (self, c_text(ns), c_text(name), c_json(spec), OPTS, out1), run)
        return out1.json()

    async def service_expose(self, ns: Optional[str], pod: str, port: int, target_port: int, **how: Unpack[How]) -> Any:
        """Exposes a pod as a service of the same name, as `kubectl expose` does. pod may be any `kind/name`
        that selects pods. port 0: the ports of its containers; target_port 0: port."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_service_expose', (self, c_text(ns), c_text(pod), port, target_port, OPTS, out1), run)
        return out1.json()

    async def wait(self, ns: Optional[str], name: str, **how: Unpack[How]) -> Any:
        """Waits until `kind/name` is ready: a pod, what makes pods (a deployment...), a service, a node. It
        ends at once when it is certain that it cannot become so, and lets what may pass by itself stand for
        a while. Registry and Harbor are asked as by kube_diagnose. json: the object. Errors also: EFAILED
        (message, cure, and in reason the cause's name), ENOTFOUND, ETIMEOUT (with what it was waiting for)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_wait', (self, c_text(ns), c_text(name), OPTS, out1), run)
        return out1.json()

    async def diagnose(self, ns: Optional[str], name: str, **how: Unpack[How]) -> Any:
        """Why `kind/name` does not run: a pod, deployment, replicaset, statefulset, daemonset, job, service,
        node or namespace. JSON {"object": where it hurts, "pod/web-x", "state": "ready" | "progressing" |
        "failed", "cause": short name, "message": one line, "cure": one line, "final": no change by itself,
        "evidence": [{"source", "text"}]}, without secrets. Of a pull that fails the registry is asked with
        the pod's own login (read from its pull secret), and Harbor with the login that is stored for its
        host; of a service, a connection into a pod is opened and closed. Errors also: ENOTFOUND, EINVAL (a
        kind that does not become ready)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('kube_diagnose', (self, c_text(ns), c_text(name), OPTS, out1), run)
        return out1.json()

    async def logs(self, ns: Optional[str], name: str, spec: Any, fd: Any, **how: Unpack[How]) -> None:
        """Writes a container's log to a descriptor. spec: JSON {"container", "follow": bool, "tail": N,
        "since": seconds, "previous": bool, "timestamps": bool, "all_containers": bool, "prefix": bool,
        "selector"}, or None. An object that selects pods (deployment/NAME), or a selector instead of an
        object, gives the logs of every pod, lines whole, with prefix "[pod/NAME/CONTAINER] " before each;
        at most 50 are followed at once. Of several, one that cannot be read is told in the log and does not
        end the others."""
        run = Run(**how)
        await self._acall('kube_logs', (self, c_text(ns), c_text(name), c_json(spec), c_fd(fd), OPTS), run)

    async def forward(self, ns: Optional[str], name: str, ports: str, address: Optional[str] = None, **how: Unpack[How]) -> None:
        """Forwards local ports to `pod/NAME`, `service/NAME` or `deployment/NAME` until the opts' cancel fires
        (then 0). ports: "8080:80,0:443" (0: any free port; each is told by an IMGREL_EVENT_LISTENING).
        address None: 127.0.0.1, which only this machine reaches. A service or a deployment is followed: who
        connects gets the pod that is ready just then, and what went to one that was not reached goes to the
        next. At most 512 connections at once, others wait; each holds at most about 1 MiB. What ends one
        connection (nothing listens on that port...) is told by an IMGREL_EVENT_WARNING and in the log;
        while the API server cannot be reached, clients wait for it, up to 30 s each. Errors also: EIO (port
        taken), ENOTFOUND (also when the pod that was named itself is gone, at the next connection)."""
        run = Run(**how)
        await self._acall('kube_forward', (self, c_text(ns), c_text(name), c_text(ports), c_text(address), OPTS), run)

    async def dial(self, ns: Optional[str], name: str, port: int, **how: Unpack[How]) -> Conn:
        """Dials a port of a pod or service. The opts' timeout is for the dialling; their cancel also ends
        reads and writes, and must outlive the connection. Errors also: ENOTFOUND. What the pod says to the
        dialling (nothing listens: ENET) comes with the first read."""
        out1 = Made()
        run = Run(**how)
        await self._acall('kube_dial', (self, c_text(ns), c_text(name), port, OPTS, out1), run)
        return Conn._from(out1, self, run)

    async def request(self, method: str, path: str, content_type: Optional[str], body: Union[str, bytes], **how: Unpack[How]) -> Tuple[Any, int]:
        """Sends any request to the API server. path: "/api/v1/..." with its query; content_type None:
        application/json. json: the body, the caller's; one that is not JSON comes as a JSON string. status
        may be None. A status of 400 or more is an error."""
        data = c_text(body) or b""
        out1 = Out()
        out2 = Number(C.c_int)
        run = Run(**how)
        await self._acall('kube_request', (self, c_text(method), c_text(path), c_text(content_type), data, len(data), OPTS, out1, out2), run)
        return out1.json(), out2.value


class AsyncGitlab(Handle):
    """See libimgrel-gitlab(3)."""

    _noun = 'gitlab'

    async def list(self, kind: str, parent: Optional[str] = None, query: Optional[str] = None, **how: Unpack[How]) -> Items[Any]:
        """Lists things, one JSON document per item, every page. query: GitLab's own, encoded ("status=
        running"); None: all. A kind that begins with a slash is the path of any list below /api/v4
        ("/projects/1/jobs?pagination=keyset"). Errors also: EINVAL."""
        out1 = Made()
        run = Run(**how)
        await self._acall('gitlab_list', (self, c_text(kind), c_text(parent), c_text(query), OPTS, out1), run)
        return Items[Any]._from(out1, self, run)._begin(json.loads)

    async def get(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> Any:
        """Reads one. json: the caller's; a variable's has its value: wipe it. A file: {"path", "ref",
        "content", "last_commit_id"}. Errors also: EINVAL, EUNSUPPORTED (a file that is no text)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('gitlab_get', (self, c_text(kind), c_text(key), OPTS, out1), run)
        return out1.json()

    async def put(self, kind: str, key: Optional[str] = None, json: Any = None, **how: Unpack[How]) -> Any:
        """Sees to it that one is there and as json says; safe to repeat, also after an answer that was lost.
        json: it, with "imgrel": "created" | "changed" | "unchanged"; of a variable without its value; of a
        runner that was created, or for which "new_token" asked, with its "token", which GitLab shows once.
        Errors also: EINVAL, ECONFLICT (a tag of another commit, a variable that can be seen and shall be
        hidden), EUNSUPPORTED (a GitLab that cannot keep a value raw that has a $). With the flag DRY_RUN
        nothing is changed."""
        out1 = Out()
        run = Run(**how)
        await self._acall('gitlab_put', (self, c_text(kind), c_text(key), c_json(json), OPTS, out1), run)
        return out1.json()

    async def delete(self, kind: str, key: Optional[str] = None, **how: Unpack[How]) -> None:
        """Deletes one: a variable, runner, branch, tag, protected-tag or pipeline. Errors also: EINVAL."""
        run = Run(**how)
        await self._acall('gitlab_delete', (self, c_text(kind), c_text(key), OPTS), run)

    async def do(self, kind: str, key: Optional[str], action: str, json: Any = None, **how: Unpack[How]) -> Any:
        """Does what is not reading or writing. json (may be None): - variable expand {"value", "raw"} (absent:
        what is there): {"intact": bool, "becomes", "names" (that would be expanded), "raw", "maskable":
        bool, "why" (not)}, by the rules of GitLab and its runner where no other variable has such a name. -
        runner verify {"token"}: EAUTH if GitLab does not take it; reset: {"token"}, a new one. - ci lint
        {"content" (absent: what is at ref), "ref", "dry_run": bool}: {"valid", "errors", "warnings",
        "merged_yaml", "jobs"}; EINVAL if it is not valid, with json all the same. - pipeline find
        {"appear": seconds (60), "poll_ms"}: the newest pipeline of the tag as it is now; if none comes
        EFAILED with the reason: CI/CD is off, no .gitlab-ci.yml, one that is not valid, no job whose rules
        fit, [skip ci]; ETIMEOUT if there is none. - pipeline wait {"appear", "poll_ms", "pending": seconds
        that a job may wait which no runner can take (300), "log": bool (true)}: follows it to its end,
        within the deadline, else an hour at most. Jobs are told as IMGREL_EVENT_STEP, lines of their logs
        as IMGREL_EVENT_LOG. A key "#NUMBER" is a pipeline itself. json: {"id", "status", "ref", "sha",
        "web_url", "jobs": [{"id", "name", "stage", "status", "failure_reason", "log_tail" (of one that
        failed), ...}]}, also with EFAILED: a job failed, is taken by no runner, or waits for somebody. -
        job log {"offset"}: its lines as IMGREL_EVENT_LOG; {"offset" (its end), "tail"}. json: the caller's,
        "" for nothing. Errors also: EINVAL, EFAILED."""
        out1 = Out()
        run = Run(**how)
        await self._acall('gitlab_do', (self, c_text(kind), c_text(key), c_text(action), c_json(json), OPTS, out1), run)
        return out1.json()

    async def request(self, method: str, path: str, json: Any = None, **how: Unpack[How]) -> Tuple[Any, int]:
        """Sends any request under /api/v4 with our token, retries and error texts. path: "/version", with its
        query, encoded by the caller. json None: no body. json: the body, "" if empty, the caller's; status:
        the HTTP status. A status of 400 or more is an error."""
        out1 = Out()
        out2 = Number(C.c_int)
        run = Run(**how)
        await self._acall('gitlab_request', (self, c_text(method), c_text(path), c_json(json), OPTS, out1, out2), run)
        return out1.json(), out2.value


class AsyncRelease(Handle):
    """See libimgrel-release(3)."""

    _noun = 'release'

    def set(self, key: Optional[str], value: str) -> None:
        """Sets what the file does not say: "version", "harbor_url", "harbor_user", "harbor_password",
        "kubeconfig", "context", "state_dir" (default: .imgrel beside the file), "forward" (local port of
        the page check; 0: any), "node" ("none": do not touch). Errors: EINVAL, ENOMEM."""
        quick('release_set', self, c_text(key), c_text(value))

    async def plan(self, **how: Unpack[How]) -> Report:
        """What apply would change. Changes nothing."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_plan', (self, OPTS, out1), run)
        return Report.of(out1.json())

    async def apply(self, **how: Unpack[How]) -> Report:
        """Makes it so. A version tag that holds another image is ECONFLICT unless IMGREL_FLAG_FORCE, which
        also takes over robots and objects of the same names that others made. The push robot's secret is
        kept in the state folder (0600), the pull robot's in the clusters' pull secrets only."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_apply', (self, OPTS, out1), run)
        return Report.of(out1.json())

    async def verify(self, **how: Unpack[How]) -> Report:
        """Proves it: tags, digest, platforms, refusals, the pod's digest, the page. Changes nothing, and needs
        no administrator: the robots' own logins do."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_verify', (self, OPTS, out1), run)
        return Report.of(out1.json())

    async def delete(self, **how: Unpack[How]) -> Report:
        """Removes only what apply created and marked: Kubernetes objects by the label imgrel/release, robots
        by their description, tags, repository and project by what the state folder remembers. A namespace
        or a project in which others have something by now stays."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_delete', (self, OPTS, out1), run)
        return Report.of(out1.json())

    async def rotate(self, spec: Any = None, **how: Unpack[How]) -> Report:
        """Gives the robots new secrets without a moment in which none works. A robot has only one secret, so a
        second one is made: its login is put into the clusters' pull secrets and everywhere that the file
        names, tried by a real token and a pull with what each place holds, and only then takes over. The
        old robot lives on for a grace period and is deleted by a later call. One that failed half-way left
        the old robot working, and can be repeated. spec: JSON, None is {}: - "role": "push" or "pull";
        absent: both. - "grace": seconds that an old robot lives on; absent: the file's, else 1800, which a
        bearer token lives. 0: deleted at once. - "retire": true: makes nothing new, only deletes old robots
        whose grace is over; with "grace", those whose would last longer end then. Errors also: EINVAL
        (spec: the key), ECONFLICT (a robot that is not this release's, or one that is in its grace period),
        ENOTFOUND (nothing was applied), EFAILED (a place did not take it)."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_rotate', (self, c_json(spec), OPTS, out1), run)
        return Report.of(out1.json())

    async def render(self, **how: Unpack[How]) -> str:
        """The Kubernetes objects as YAML, image by digest, without secrets."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_render', (self, OPTS, out1), run)
        return out1.str()

    def gitlab(self) -> Report:
        """What the file's key "gitlab" says, and the pipeline that is made from it. Nothing is sent. json:
        {"url", "project", "token_file" (its path; absent if the file names none), "runner_tags": [],
        "variable" or "user_variable" and "secret_variable", "host" (that is pushed to), "ci": the text of
        .gitlab-ci.yml}. Errors also: ENOTFOUND (the file names no GitLab), EUNSUPPORTED (a library without
        GitLab)."""
        out1 = Out()
        quick('release_gitlab', self, out1)
        return Report.of(out1.json())

    def document(self, what: str, spec: Any = None) -> str:
        """A document of include/imgrel/node.h made from the file's registry: what and spec as node_render has
        them, but what the file says need not be said again; spec None is {}. "registry": which of several,
        by name. Nothing is sent. *text is the caller's and may hold logins: wipe it."""
        out1 = Out()
        quick('release_document', self, c_text(what), c_json(spec), out1)
        return out1.str()

    async def doctor(self, **how: Unpack[How]) -> Report:
        """Walks the road and reports each obstacle with its cure. Changes nothing."""
        out1 = Out()
        run = Run(**how)
        await self._acall('release_doctor', (self, OPTS, out1), run)
        return Report.of(out1.json())


def ref_parse(text: str) -> Ref:
    """Parses a reference. Errors: EINVAL with the place and the rule, ENOMEM. Does not block."""
    out1 = Made()
    quick('ref_parse', c_text(text), out1)
    return Ref._from(out1, None)


def node_render(what: str, spec: Any) -> str:
    """Renders one document of a registry spec. Nothing is sent or written; "ca_file" is read. what:
    "docker-config", "secret" (Kubernetes), "gitlab-variables", "buildkitd.toml", "buildkit-output",
    "hosts.toml", "ca", "hosts" (a line of a hosts file), "registries.conf", "k3s", "daemon.json",
    "harbor" and "gitlab-runner" (values of those charts), "kind" (a cluster's configuration),
    "daemonset" (sees to every node), "job" (an indexed Job: each pod copies its share). *text is the
    caller's and may hold logins: wipe it. Errors: EINVAL (what, or the spec: the member), EIO and
    ENOTFOUND (ca_file), ENOMEM. Any thread."""
    out1 = Out()
    quick('node_render', c_text(what), c_json(spec), out1)
    return out1.str()
