"""What the tests of images in a real registry share: docker-registry on a free port, a folder, and
the program run against them. Importing it ends the test when either program is missing."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SRC = pathlib.Path(os.environ.get("SRC", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(SRC / "tests/contract"))
from lib import BUILD, check, done, skip  # noqa: E402

IMGREL = BUILD / "imgrel"
if not IMGREL.exists():
    skip("imgrel is not part of this build")
    sys.exit(done())
registry_program = shutil.which("docker-registry")
if not registry_program:
    skip("docker-registry is not installed")
    sys.exit(done())

TMP = pathlib.Path(tempfile.mkdtemp(prefix="imgrel-real-"))
ENV = {k: v for k, v in os.environ.items() if not re.match("IMGREL_|SOURCE_DATE|.*_proxy|.*_PROXY|LC_|LANG", k)}
ENV.update(HOME=str(TMP), IMGREL_AUTH_FILE=str(TMP / "auth.json"))


class Registry:
    """docker-registry on a free port; what it was asked is read from its log."""

    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.log = TMP / f"registry-{self.port}.log"
        (TMP / "registry.yml").write_text(
            "version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: \"%s\"}\n"
            "log: {level: info}\n" % (TMP / f"data-{self.port}", self.host))
        self.process = subprocess.Popen([registry_program, "serve", str(TMP / "registry.yml")],
                                        stdout=open(self.log, "wb"), stderr=subprocess.STDOUT)
        self.at = 0
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)

    def asked(self):
        """Method, path with query and status of each request since the last time."""
        time.sleep(0.2)  # the access log is written after the reply
        text = self.log.read_bytes()
        new, self.at = text[self.at:].decode(errors="replace"), len(text)
        return re.findall(r'"([A-Z]+) (/v2/\S+) HTTP/1.1" (\d+)', new)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def imgrel(*args, rc=0, env=None, **kw):
    r = subprocess.run([str(IMGREL), "--plain-http", reg.host, "--progress", "none", *map(str, args)],
                       capture_output=True, text=True, env=dict(ENV, **(env or {})), timeout=120, stdin=subprocess.DEVNULL, **kw)
    check(r.returncode == rc, f"imgrel {args}: exit code {r.returncode}, wanted {rc}: {r.stdout[-300:]}{r.stderr[-300:]}")
    return r.stdout.strip() if rc == 0 else r.stderr


def spec(name, **doc):
    path = TMP / f"{name}.json"
    path.write_text(json.dumps(doc))
    return path


def put(name, text, mode=0o644):
    path = TMP / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def writes(asked):
    return [a for a in asked if a[0] not in ("GET", "HEAD")]


def run(*args, **kw):
    return subprocess.run(list(map(str, args)), capture_output=True, text=True, env=ENV, timeout=120, **kw)


reg = Registry()


def finish():
    reg.stop()
    shutil.rmtree(TMP, ignore_errors=True)
