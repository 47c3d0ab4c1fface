"""lab.py - what the benchmark stands on: the peers, registries of its own, images made of noise, a
network namespace whose loopback is slow, and a command's figures by tests/bench/timed."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

SRC = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", SRC / "_build"))
CACHE = pathlib.Path(os.environ.get("IMGREL_CACHE", pathlib.Path.home() / ".cache/imgrel")) / "bench"
MODULES = {"crane": "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
           "regctl": "github.com/regclient/regclient/cmd/regctl@v0.11.7",
           "oras": "oras.land/oras/cmd/oras@v1.3.3",
           "registry": "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"}
OCI = "application/vnd.oci.image."
BLOB_INFO = [pathlib.Path("/var/lib/containers/cache/blob-info-cache-v1.boltdb"),
             pathlib.Path.home() / ".local/share/containers/cache/blob-info-cache-v1.boltdb"]
TMP = pathlib.Path(tempfile.mkdtemp(prefix="imgrel-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")))
CA = TMP / "ca.pem"
# The program itself, not libtool's script before it.
IMGREL = BUILD / ".libs/imgrel" if (BUILD / ".libs/imgrel").exists() else BUILD / "imgrel"
ENV = dict(os.environ, HOME=str(TMP), SSL_CERT_FILE=str(CA), XDG_CACHE_HOME=str(TMP / "cache"), IMGREL_AUTH_FILE=str(TMP / "auth.json"),
           LD_LIBRARY_PATH=str(BUILD / "lib/.libs"))


def find(name, install):
    """The program on PATH or in the cache; installed there at its fixed version when that is wanted."""
    at = shutil.which(name)
    if name != "registry" and at:  # another program may have that name
        return at
    program = CACHE / "bin" / name
    if not program.exists() and install and name in MODULES and shutil.which("go"):
        CACHE.mkdir(parents=True, exist_ok=True)
        print(f"installing {MODULES[name]}", file=sys.stderr)
        subprocess.run(["go", "install", MODULES[name]], env=dict(os.environ, GOBIN=str(CACHE / "bin"), GOFLAGS="-buildvcs=false"))
    return str(program) if program.exists() else None


def certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bench", "-addext",
                    "subjectAltName=IP:127.0.0.1,DNS:bench.test", "-keyout", str(TMP / "key.pem"), "-out", str(CA)], check=True, capture_output=True)


def run(command):
    """(seconds, seconds of processor, MiB) of a command, a list; None when it fails."""
    out = TMP / "timed.txt"
    r = subprocess.run([str(BUILD / "tests/bench/timed"), str(out), *command], env=ENV, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if r.returncode:
        print(f"  {' '.join(command)[:200]}: {r.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return tuple(float(x) for x in out.read_text().split())


def must(command):
    got = run(command)
    if got is None:
        sys.exit("bench: a command that prepares a measurement failed")
    return got


class Registry:
    """docker-registry or distribution 3 on a free port."""

    def __init__(self, program, tls=False, log=False):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        self.dir = TMP / f"registry-{port}"
        self.dir.mkdir()
        http = {"addr": self.host}
        if tls:
            http["tls"] = {"certificate": str(CA), "key": str(TMP / "key.pem")}
        conf = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(self.dir)}, "delete": {"enabled": True}}, "http": http,
                "log": {"level": "info" if log else "error", "accesslog": {"disabled": not log}}}
        (self.dir / "config.yml").write_text(json.dumps(conf))  # YAML holds JSON
        self.log = open(self.dir / "log", "w+")
        self.process = subprocess.Popen([program, "serve", str(self.dir / "config.yml")], stdout=self.log, stderr=self.log)
        for _ in range(300):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit(f"bench: {program} does not start")

    def requests(self):
        """How many it answered since the last call."""
        time.sleep(0.2)
        self.log.seek(getattr(self, "at", 0))
        text = self.log.read()
        self.at = self.log.tell()
        return len(re.findall(r'\] "[A-Z]+ /v2/', text))

    def tags(self, repository, n):
        """Gives a repository tags, by its folder: no manifest has to be there for a list."""
        for i in range(n):
            tag = self.dir / "docker/registry/v2/repositories" / repository / f"_manifests/tags/t{i}/current"
            tag.mkdir(parents=True)
            (tag / "link").write_text("sha256:" + "0" * 64)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def layer(seed, size):
    """A gzip of a tar of one file of noise, stored rather than deflated; its diffID."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        info = tarfile.TarInfo(f"srv/noise{seed}")
        info.size = size
        t.addfile(info, io.BytesIO(random.Random(seed).randbytes(size)))
    return gzip.compress(tar.getvalue(), 0, mtime=0), "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()


def layout(path, platforms, layers, size):
    """An image of so many platforms and layers (each of `size` bytes of noise) as an OCI layout with the tag 1."""
    blobs = path / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data, media):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    children = []
    for p, arch in enumerate(("amd64", "arm64")[:platforms]):
        made = [layer(f"{path.name}{p}.{i}", size) for i in range(layers)]
        config = put(json.dumps({"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [d for _, d in made]}}).encode(),
                     OCI + "config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": [put(b, OCI + "layer.v1.tar+gzip") for b, _ in made]}
        children.append(dict(put(json.dumps(manifest).encode(), manifest["mediaType"]), platform={"architecture": arch, "os": "linux"}))
    top = children[0]
    if platforms > 1:
        top = put(json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": children}).encode(), OCI + "index.v1+json")
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [dict(top, annotations={"org.opencontainers.image.ref.name": "1"})]}))
    return path


def sparse_layout(path, size):
    """An image of one layer of zeros, which takes no room here."""
    blobs, digest, step = path / "blobs/sha256", hashlib.sha256(), bytes(1 << 20)
    blobs.mkdir(parents=True)
    for at in range(0, size, len(step)):
        digest.update(step[:size - at])
    with open(blobs / digest.hexdigest(), "wb") as f:
        f.truncate(size)

    def put(document):
        data = json.dumps(document).encode()
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        return {"mediaType": document.get("mediaType", OCI + "config.v1+json"), "digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)}

    layer = {"mediaType": OCI + "layer.v1.tar", "digest": "sha256:" + digest.hexdigest(), "size": size}
    config = put({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
    top = put({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": [layer]})
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [dict(top, annotations={"org.opencontainers.image.ref.name": "1"})]}))
    return path


class Slow:
    """A way to a registry that makes a round trip as long as that: tests/bench/delay."""

    def __init__(self, registry, round_trip_ms):
        self.process = subprocess.Popen([str(BUILD / "tests/bench/delay"), registry.host.split(":")[1], str(round_trip_ms)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = "127.0.0.1:" + self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def forget():
    """skopeo mounts what it remembers to have pushed."""
    for path in BLOB_INFO + [TMP / ".local/share/containers/cache/blob-info-cache-v1.boltdb"]:
        path.unlink(missing_ok=True)


def clean():
    shutil.rmtree(TMP, ignore_errors=True)
