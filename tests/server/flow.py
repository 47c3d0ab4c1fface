"""What the tests of whole releases share: a mock in this process, the program, and the files of a
small app."""
import base64
import ctypes
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SRC = pathlib.Path(os.environ.get("SRC", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(SRC / "tests/contract"))
from lib import check, done, skip  # noqa: E402,F401

BUILD = pathlib.Path(os.environ.get("BUILD", SRC / "_build"))
IMGREL = pathlib.Path(os.environ.get("IMGREL_PROGRAM", BUILD / "imgrel"))
HOST = "core.harbor.domain"
ADMIN = "Adm1n-Secret-9"
work = pathlib.Path(tempfile.mkdtemp(prefix="release-test."))


libs = BUILD / "lib/.libs"
if not IMGREL.exists() or not (libs / "libimgrel-mock.so").exists():
    skip("imgrel or libimgrel-mock is not part of this build")
    done()
lib = ctypes.CDLL(str(libs / "libimgrel-mock.so"))
lib.imgrel_mock_get.restype = ctypes.c_char_p


class Mock:
    """A mock in this process; `control` steers it."""

    def __init__(self, **config):
        self.handle, self.error = ctypes.c_void_p(), ctypes.create_string_buffer(1024)
        config = {"admin_password": ADMIN, "version": "2.15", **config}
        rc = lib.imgrel_mock_start(json.dumps(config).encode(), ctypes.byref(self.handle), self.error)
        if rc:
            raise SystemExit(f"mock: {self.error.raw[144:700].split(bytes(1))[0]}")
        self.url, self.host, self.kubeconfig = (self.get(k) for k in ("url", "host", "kubeconfig"))
        self.kube_url = self.get("kube_url")

    def get(self, what):
        return (lib.imgrel_mock_get(self.handle, what.encode()) or b"").decode()

    def control(self, **command):
        text = ctypes.c_char_p()
        self.error = ctypes.create_string_buffer(1024)
        rc = lib.imgrel_mock_control(self.handle, json.dumps(command).encode(), ctypes.byref(text), self.error)
        if rc:
            raise SystemExit(f"mock control {command}: {self.error.raw[144:700].split(bytes(1))[0]}")
        return json.loads(text.value) if text.value else None

    def writes(self):
        """What changed something, since the log was cleared."""
        return [f"{e['method']} {e['path']}" for e in self.control(log=True)
                if e["method"] in ("POST", "PUT", "PATCH", "DELETE") and 200 <= e["status"] < 300]

    def quiet(self):
        self.control(faults="clear")
        self.control(log="clear")

    def harbor(self, method, path, body=None, login=("admin", ADMIN)):
        req = urllib.request.Request(f"{self.url}/api/v2.0{path}", method=method,
                                     data=json.dumps(body).encode() if body is not None else None)
        req.add_header("Authorization", "Basic " + base64.b64encode(":".join(login).encode()).decode())
        req.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(req, timeout=30) as r:
                text = r.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as e:
            return {"status": e.code}

    def kube(self, *args, stdin=None):
        return subprocess.run([IMGREL, "kube", "--kubeconfig", self.kubeconfig, *args], input=stdin,
                              capture_output=True, text=True, timeout=60)

    def robots(self, project="library"):
        p = self.harbor("GET", f"/projects/{project}")
        found = self.harbor("GET", f"/robots?q=Level%3Dproject%2CProjectID%3D{p.get('project_id', 0)}")
        return sorted(r["name"] for r in found) if isinstance(found, list) else []

    def stop(self):
        lib.imgrel_mock_stop(self.handle)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def env(mock, **more):
    e = {k: v for k, v in os.environ.items() if not k.startswith(("IMGREL_", "HARBOR_"))}
    (work / "password").write_text(ADMIN)
    (work / "password").chmod(0o600)
    e.update(HARBOR_URL=f"http://{HOST}", HARBOR_USER="admin", HARBOR_PASSWORD_FILE=str(work / "password"),
             KUBECONFIG=mock.kubeconfig, IMGREL_RESOLVE=f"{HOST}={mock.host}", IMGREL_PLAIN_HTTP=HOST,
             HOME=str(work), IMGREL_AUTH_FILE=str(work / "auth.json"))
    e.update(more)
    return {k: v for k, v in e.items() if v is not None}


class Ran:
    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err
        try:
            self.report = json.loads(out)
        except ValueError:
            self.report = {}
        self.steps = {(s["step"], s["target"]): s for s in self.report.get("steps", [])}

    def step(self, name, target=None):
        return next((s for (n, t), s in self.steps.items() if n == name and target in (None, t)), {"state": "absent"})

    def states(self):
        return {s["state"] for s in self.report.get("steps", [])}

    def __str__(self):
        rows = "\n".join(f"{s['step']:22}{s['target']:20}{s['state']:10}{s['detail']}" for s in self.report.get("steps", []))
        return f"rc {self.rc}\n{rows}\n{self.err}"


def release(verb, *args, e=None, file=None, timeout=120):
    t = time.monotonic()
    p = subprocess.run([IMGREL, "--json", "--progress", "none", "release", verb, "-f", file or work / "release.yaml", *args],
                       capture_output=True, text=True, env=e, timeout=timeout)
    r = Ran(p.returncode, p.stdout, p.stderr)
    if time.monotonic() - t > 5:
        slow = [f"{s['step']} {s['ms']}" for s in r.report.get("steps", []) if s["ms"] > 500]
        print(f"  {verb}: {time.monotonic() - t:.1f} s ({', '.join(slow)})")
    return r


FILE = """apiVersion: imgrel/v1
app: my-react-app
version: 1.0.0
registry: {host: core.harbor.domain, url: http://core.harbor.domain}
harbor: {project: library, private: true, robots: {push: gitlab-runner, pull: k8s}}
image:
  base: core.harbor.domain/library/nginx:1.22
  platforms: [linux/amd64, linux/arm64]
  layers: [{from: dist, to: /usr/share/nginx/html}]
kubernetes: {namespace: my-react-app, secret: harbor, pod: {port: 80}, service: {port: 80}}
"""
SERVER = r"""
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <netinet/in.h>
#include <unistd.h>
static void stop(int s)
{
    _exit(s != SIGTERM); /* the first process of a container ends by no signal that it does not take */
}
int main(void)
{
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    signal(SIGCHLD, SIG_IGN);
    if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 16))
        return 1;
    for (;;) {
        char page[4096], b[4096];
        int c = accept(s, NULL, NULL);
        if (c < 0)
            continue;
        if (fork()) { /* browsers open a connection that they may use later */
            close(c);
            continue;
        }
        if (read(c, b, sizeof b) < 0)
            _exit(1);
        FILE *f = fopen("/usr/share/nginx/html/index.html", "r");
        size_t n = f ? fread(page, 1, sizeof page, f) : 0;
        if (f)
            fclose(f);
        dprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", n);
        if (write(c, page, n) < 0)
            n = 0;
        shutdown(c, SHUT_WR);
        while (read(c, b, sizeof b) > 0)
            ;
        _exit(0);
    }
}
"""


def make_files():
    (work / "dist").mkdir()
    (work / "dist/index.html").write_text("<html><title>The page</title></html>\n")
    (work / "release.yaml").write_text(FILE)
    for arch in ("amd64", "arm64"):
        (work / f"root-{arch}/bin").mkdir(parents=True)
        (work / f"root-{arch}/bin/server").write_text(arch)
    (work / "server.c").write_text(SERVER)
    built = subprocess.run(["cc", "-static", "-O1", "-o", work / "root-amd64/bin/server", work / "server.c"], capture_output=True)
    (work / "base.json").write_text(json.dumps({
        "base": {f"linux/{a}": str(work / f"root-{a}") for a in ("amd64", "arm64")},
        "platforms": ["linux/amd64", "linux/arm64"], "config": {"entrypoint": ["/bin/server"]}}))
    (work / "half.json").write_text(json.dumps({
        "base": {"linux/amd64": str(work / "root-amd64")}, "platforms": ["linux/amd64"], "config": {"entrypoint": ["/bin/server"]}}))
    return built.returncode == 0


def make_base(mock, spec="base.json", tag="1.22"):
    e = env(mock, IMGREL_REGISTRY_PASSWORD=ADMIN)
    p = subprocess.run([IMGREL, "--progress", "none", "--set", f"registry_hosts={HOST}", "--set", "registry_user=admin",
                        "image", "assemble", work / spec, f"{HOST}/library/nginx:{tag}"], capture_output=True, text=True, env=e)
    check(p.returncode == 0, "the base image is there", p.stderr)


def start(node):
    port = free_port()
    return Mock(port=port, node=node, hosts={HOST: f"127.0.0.1:{port}"},
                users=[{"name": "eve", "password": "Eve-Secret-77"}])


def clean(mock, e, what):
    """Deletes the release; what it made must be gone, what was there before must not."""
    mock.quiet()
    r = release("delete", e=e)
    check(r.rc == 0, f"{what}: delete", r)
    check(mock.robots() == [], f"{what}: no robot is left", mock.robots())
    names = [x["name"] for x in mock.harbor("GET", "/projects/library/repositories")]
    check(names == ["library/nginx"], f"{what}: only the base is left", names)
    check(mock.kube("get", "namespace/my-react-app").returncode == 3, f"{what}: no namespace is left")
    check(not (work / ".imgrel").exists(), f"{what}: no state is left", list(work.glob(".imgrel/*")))


def secrets_of(mock):
    found = [ADMIN]
    found += [p.read_text() for p in work.glob(".imgrel/*.push-robot")]
    p = mock.kube("-n", "my-react-app", "--json", "get", "secret/harbor")
    if p.returncode == 0:
        doc = json.loads(base64.b64decode(json.loads(p.stdout)["data"][".dockerconfigjson"]))
        found += [a["password"] for a in doc["auths"].values()]
    return found


def part(fn, *args):
    """One test, timed; ONLY=WORD in the environment leaves the others out."""
    if os.environ.get("ONLY", "") in fn.__name__:
        t = time.monotonic()
        fn(*args)
        print(f"{fn.__name__}: {time.monotonic() - t:.1f} s", flush=True)
