"""What a Kubernetes does that a client trips over, as one list of assertions that is asked of the mock
(tests/server/kube-facts.test) and of a real cluster (tests/real/kubernetes/facts.part): where the two
differ, the mock is wrong. The two targets differ only in how they are reached and prepared."""
import base64
import http.client
import json
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "contract"))
from lib import check, done, skip  # noqa: E402

NS = "facts"
IN = f"/api/v1/namespaces/{NS}"


# ---- asking --------------------------------------------------------------------------------------

class Reply:
    def __init__(self, r):
        self.status, self.headers = r.status, r.headers
        self.text = r.read().decode("utf-8", "replace")
        try:
            self.json = json.loads(self.text)
        except ValueError:
            self.json = None

    def at(self, path):
        j = self.json
        for p in path.split("."):
            j = j[int(p)] if isinstance(j, list) and p.isdigit() and int(p) < len(j) else j.get(p) if isinstance(j, dict) else None
        return j

    def causes(self):
        return self.at("details.causes") or []

    def __str__(self):
        return f"{self.status} {self.text[-500:]}"


class Target:
    """What the assertions need of either side: `url`, `ca`, `admin` (headers), `limited` (a token
    without rights), `getter` (headers of one who may only get pods/portforward),
    `crowd` (headers of those who get an overload), `registry` with
    `login`, `runs` (containers run), overload(), calm(), lose_container()."""
    runs = True

    def connect(self, timeout=30):
        u = urllib.parse.urlsplit(self.url)
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["http/1.1"])
        return http.client.HTTPSConnection(u.hostname, u.port, context=context, timeout=timeout)

    def ask(self, method, path, body=None, kind=None, who=None, **headers):
        h = {"User-Agent": "facts/1.0", "Content-Type": f"application/{kind or 'json'}"}
        h.update(self.admin if who is None else who)
        h.update({k.replace("_", "-"): v for k, v in headers.items()})
        h = {k: v for k, v in h.items() if v is not None}
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        for again in (True, False):
            c = self.connect()
            try:
                c.request(method, path, body, h)
                return Reply(c.getresponse())
            except (ConnectionError, http.client.BadStatusLine):
                if not again:
                    raise
            finally:
                c.close()

    def watch(self, path, enough=lambda lines: False, seconds=20):
        """The lines of a watch: until its end, or until enough(lines)."""
        c, lines = self.connect(seconds), []
        try:
            c.request("GET", path, None, {"User-Agent": "facts/1.0", **self.admin})
            r = c.getresponse()
            end = time.monotonic() + seconds
            while r.status == 200 and time.monotonic() < end and not enough(lines):
                line = r.readline()
                if not line:
                    break
                lines.append(json.loads(line))
            return r.status, lines
        except TimeoutError:
            return r.status, lines
        finally:
            c.close()


t = None  # the target


def get(path, **more): return t.ask("GET", path, **more)
def post(path, body, **more): return t.ask("POST", path, body, **more)
def put(path, body, **more): return t.ask("PUT", path, body, **more)
def delete(path, body=None, **more): return t.ask("DELETE", path, body, **more)
def patch(path, kind, body, **more): return t.ask("PATCH", path, body, kind, **more)
def apply(path, body, **more): return patch(path, "apply-patch+yaml", body, **more)


MERGE, STRATEGIC, JSONPATCH = "merge-patch+json", "strategic-merge-patch+json", "json-patch+json"


def status(r, code, reason, word, text):
    """A Status object with its code, its reason (None: there is none) and a word of its message."""
    return check(r.status == code and r.at("kind") == "Status" and r.at("code") == code and
                 r.at("reason") == reason and r.at("status") == "Failure" and word in (r.at("message") or ""), text, r)


def plain(r, code, word, text):
    return check(r.status == code and r.json is None and word in r.text and
                 (r.headers["Content-Type"] or "").startswith("text/plain"), text, r)


def until(what, seconds=40):
    end = time.monotonic() + seconds
    while True:
        v = what()
        if v or time.monotonic() > end:
            return v
        time.sleep(0.1)


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def auths(**entry):
    text = json.dumps({"auths": {entry.pop("host", None) or t.registry: entry}})
    return base64.b64encode(text.encode()).decode()


def secret(name, data, kind="kubernetes.io/dockerconfigjson"):
    return {"metadata": {"name": name}, "type": kind, "data": {".dockerconfigjson": data} if kind.endswith("json") else data}


def pod(name, image, command=None, pull="", more=None, container=None):
    c = {"name": "c", "image": image, **({"command": command} if command else {}), **(container or {})}
    spec = {"containers": [c], "terminationGracePeriodSeconds": 0, **(more or {})}
    if pull:
        spec["imagePullSecrets"] = [{"name": pull}]
    return post(f"{IN}/pods", {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec})


def image(name): return f"{t.registry}/team/{name}"
def state(name): return get(f"{IN}/pods/{name}").at("status.containerStatuses.0") or {}
def waiting(name): return (state(name).get("state") or {}).get("waiting") or {}
def running(name): return "running" in (state(name).get("state") or {})


# ---- who is asking -------------------------------------------------------------------------------

def who_asks():
    r = get("/api/v1/namespaces/default/pods", who={})
    status(r, 403, "Forbidden", 'User "system:anonymous" cannot list resource "pods"', "no token: 403")
    check(r.at("details.kind") == "pods", "403 names the resource", r)
    r = get("/api/v1/namespaces/default/pods", who={"Authorization": "Bearer nonsense"})
    status(r, 401, "Unauthorized", "Unauthorized", "a bad token: 401")
    check(r.json is not None and not r.at("details"), "401 has no details", r)
    limited = {"Authorization": f"Bearer {t.limited}"}
    r = get("/api/v1/namespaces/default/pods", who=limited)
    status(r, 403, "Forbidden", 'pods is forbidden: User "limited" cannot list resource "pods" in API group "" in the namespace "default"', "no rights: 403")
    r = delete("/api/v1/namespaces/default/pods/x", who=limited)
    status(r, 403, "Forbidden", 'pods "x" is forbidden', "no rights: before the object is looked for")
    check(r.at("details.name") == "x", "and the object's name", r)
    status(get("/apis", who={}), 403, "Forbidden", 'cannot get path "/apis"', "paths have rights too")
    check(get("/healthz", who={}).status == 200, "/healthz is everybody's")
    check(get("/version", who={}).status == 200, "/version is everybody's")


# ---- how it answers ------------------------------------------------------------------------------

def answers():
    plain(get("/apis/nosuch.io/v1/things"), 404, "404 page not found", "an unknown group: text")
    plain(get("//api/v1/namespaces"), 404, "404 page not found", "two slashes: text")
    check(get("/api/v1/namespaces/").status == 200, "a slash at the end is none")
    r = get("/api/v1/nosuch")
    status(r, 404, "NotFound", "the server could not find the requested resource", "an unknown resource")
    check(r.at("details") == {}, "its details are empty", r)
    check(" " not in get("/api/v1/namespaces/default").text.replace("\\n", ""), "JSON is compact")
    check('\n  "kind"' in get("/api/v1/namespaces/default", User_Agent="curl/8").text, "but for curl")
    check('\n  "kind"' in get("/api/v1/namespaces/default?pretty=true").text, "and on demand")
    status(get("/api/v1/namespaces", Accept="text/plain"), 406, "NotAcceptable", "406: Not Acceptable", "Accept: text/plain")
    status(post(f"{IN}/configmaps", "{}", Content_Type="text/plain"), 415, "UnsupportedMediaType", "", "a body of text")
    check(post(f"{IN}/configmaps?dryRun=All", config_map("untyped"), Content_Type=None).status == 201, "a body without a type")
    status(post(f"{IN}/configmaps/x", {}), 405, "MethodNotAllowed", "", "a wrong method")
    r = get("/api/v1/namespaces/none/configmaps")
    check(r.status == 200 and r.at("items") == [], "a list in no namespace is empty", r)
    status(post("/api/v1/namespaces/none/configmaps", config_map("x")), 404, "NotFound", 'namespaces "none" not found', "a write in no namespace")
    r = get("/api/v1/namespaces")
    check(all("kind" not in i and "apiVersion" not in i for i in r.at("items")), "items have no kind", r)
    check(r.at("kind") == "NamespaceList" and r.at("apiVersion") == "v1", "their list has", r)
    check(get("/api/v1/namespaces/default").at("kind") == "Namespace", "an object has")
    r = get(f"{IN}/configmaps/none")
    status(r, 404, "NotFound", 'configmaps "none" not found', "an unknown object")
    check(r.at("details") == {"name": "none", "kind": "configmaps"}, "its details", r)


def bodies():
    odd = {"metadata": {"name": "odd"}, "data": {}, "extra": 1, "more": {"x": 2}}
    status(post(f"{IN}/configmaps?fieldValidation=Strict", odd), 400, "BadRequest", 'strict decoding error: unknown field "extra"', "unknown fields, strictly")
    r = post(f"{IN}/configmaps", odd)
    check(r.status == 201 and r.headers.get_all("Warning") == ['299 - "unknown field \\"extra\\""', '299 - "unknown field \\"more\\""'], "unknown fields: warnings", r.headers.get_all("Warning"))
    check("extra" not in (r.json or {}), "and they are gone", r)
    r = post(f"{IN}/configmaps", odd)
    status(r, 409, "AlreadyExists", 'configmaps "odd" already exists', "what is there")
    check(r.at("details") == {"name": "odd", "kind": "configmaps"}, "its details", r)
    status(post(f"{IN}/configmaps", '{"metadata": 1'), 400, "BadRequest", "", "half a body")
    status(post(f"{IN}/configmaps", {"kind": "Pod", "apiVersion": "v1"}), 400, "BadRequest", "Pod", "another kind")
    status(post(f"{IN}/configmaps", {"metadata": {"name": "y", "namespace": "z"}}), 400, "BadRequest", "the namespace of the provided object does not match", "another namespace")
    status(post(f"{IN}/configmaps", {"metadata": {"name": "y", "labels": {"a": 1}}}), 400, "BadRequest", "cannot unmarshal number into Go struct field", "a number for a string")
    status(post(f"{IN}/secrets", {"metadata": {"name": "y"}, "data": {"a": "?"}}), 400, "BadRequest", "illegal base64 data", "no base64")
    status(post(f"{IN}/configmaps", " " * (3145728 + 1)), 413, "RequestEntityTooLarge", "limit is 3145728", "over 3 MiB")
    r = post(f"{IN}/secrets", {"metadata": {"name": "y"}, "data": {"a": base64.b64encode(bytes(1048577)).decode()}})
    status(r, 422, "Invalid", "Too long", "a secret over 1 MiB")
    check([c.get("reason") for c in r.causes()] == ["FieldValueTooLong"], "and its cause", r)
    r = post(f"{IN}/configmaps", {"metadata": {"name": "UPPER"}})
    status(r, 422, "Invalid", 'ConfigMap "UPPER" is invalid: metadata.name', "a bad name")
    check(r.at("details.kind") == "ConfigMap", "Invalid names the kind", r)
    check(r.causes() and r.causes()[0].get("field") == "metadata.name" and r.causes()[0].get("reason") == "FieldValueInvalid", "and the field", r)
    r = post(f"{IN}/pods", {"metadata": {"name": "n"}, "spec": {"containers": [{"name": "c"}]}})
    status(r, 422, "Invalid", "spec.containers[0].image: Required value", "a pod without an image")
    check({"reason": "FieldValueRequired", "field": "spec.containers[0].image"}.items() <= (r.causes() or [{}])[0].items(), "and its cause", r)
    r = post(f"{IN}/pods", {"metadata": {"name": "n"}, "spec": {"containers": [{"name": "c", "image": " x"}]}})
    status(r, 422, "Invalid", "spec.containers[0].image", "blanks around an image")
    check(post(f"{IN}/pods?dryRun=All", {"metadata": {"name": "n"}, "spec": {"containers": [{"name": "c", "image": "Reg/UPPER:1"}]}}).status == 201, "no other look at an image")


# ---- writes --------------------------------------------------------------------------------------

def writes():
    r = post(f"{IN}/services?dryRun=All", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    check(r.status == 201 and r.at("spec.type") == "ClusterIP" and r.at("spec.ports.0.targetPort") == 80, "dryRun gives the defaults", r)
    check(get(f"{IN}/services/s").status == 404, "and makes nothing")
    r = post(f"{IN}/secrets", {"metadata": {"generateName": "g-"}, "stringData": {"a": "b"}})
    check(r.status == 201 and r.at("data.a") == "Yg==" and r.at("type") == "Opaque" and r.at("stringData") is None, "stringData comes back as data", r)
    check((r.at("metadata.name") or "").startswith("g-") and len(r.at("metadata.name")) == 7, "generateName", r)
    check(r.at("metadata.managedFields.0.manager") == "facts", "the manager is the User-Agent's first word", r)
    a = post(f"{IN}/configmaps", config_map("w", k="1"))
    rv = a.at("metadata.resourceVersion")
    b = patch(f"{IN}/configmaps/w", MERGE, {"data": {"k": "2"}})
    check(b.status == 200 and b.at("metadata.resourceVersion") != rv, "a patch has a new version", b)
    check(patch(f"{IN}/configmaps/w", MERGE, {"data": {"k": "2"}}).at("metadata.resourceVersion") == b.at("metadata.resourceVersion"), "one that changes nothing has not")
    for what, r in (("PUT", put(f"{IN}/configmaps/w", a.json)), ("PATCH", patch(f"{IN}/configmaps/w", MERGE, {"metadata": {"resourceVersion": rv}, "data": {"k": "3"}}))):
        status(r, 409, "Conflict", 'Operation cannot be fulfilled on configmaps "w": the object has been modified', f"a stale {what}")
    r = delete(f"{IN}/configmaps/w", {"preconditions": {"uid": "not-that"}})
    status(r, 409, "Conflict", "", "a delete of another uid")
    status(delete(f"{IN}/configmaps/w", {"preconditions": {"resourceVersion": rv}}), 409, "Conflict", "", "a delete of an older version")
    status(patch(f"{IN}/configmaps/w", "json", {"data": {}}), 415, "UnsupportedMediaType", "", "a patch of plain JSON")
    r = patch(f"{IN}/configmaps/w", JSONPATCH, [{"op": "test", "path": "/data/k", "value": "9"}])
    status(r, 422, "Invalid", "the server rejected our request due to an error in our request", "a test that does not hold")
    check(r.at("details") == {}, "says no more", r)
    check(patch(f"{IN}/configmaps/w", JSONPATCH, [{"op": "replace", "path": "/data/k", "value": "9"}]).at("data.k") == "9", "one that does")
    status(delete(f"{IN}/configmaps/w?propagationPolicy=Sideways"), 422, "Invalid", "", "an unknown propagation")
    uid = get(f"{IN}/configmaps/w").at("metadata.uid")
    r = delete(f"{IN}/configmaps/w")
    check(r.status == 200 and r.at("kind") == "Status" and r.at("status") == "Success" and r.at("details.uid") == uid and r.at("details.kind") == "configmaps", "a config map's delete: a Status", r)
    r = post("/api/v1/namespaces", {"metadata": {"name": "facts-gone"}})
    check(r.status == 201 and r.at("metadata.labels") == {"kubernetes.io/metadata.name": "facts-gone"} and r.at("spec.finalizers") == ["kubernetes"] and r.at("status.phase") == "Active", "a namespace", r)
    until(lambda: get("/api/v1/namespaces/facts-gone/serviceaccounts/default").status == 200)
    r = delete("/api/v1/namespaces/facts-gone")
    check(r.status == 200 and r.at("kind") == "Namespace" and r.at("metadata.deletionTimestamp") and r.at("status.phase") == "Terminating", "its delete: the object", r)
    r = post("/api/v1/namespaces/facts-gone/configmaps", config_map("late"))
    if r.status == 403:
        status(r, 403, "Forbidden", "because it is being terminated", "a write in a namespace that ends")
        check((r.causes() or [{}])[0].get("reason") == "NamespaceTerminating" and r.causes()[0].get("field") == "metadata.namespace", "its cause", r)
    else:
        status(r, 404, "NotFound", 'namespaces "facts-gone" not found', "a write in a namespace that has ended")
        check(r.at("details.kind") == "namespaces", "its details", r)
    check(until(lambda: get("/api/v1/namespaces/facts-gone").status == 404), "it goes")


def applies():
    path = f"{IN}/configmaps/a"
    r = apply(f"{path}?fieldManager=imgrel", config_map("a", k="1"))
    rv = r.at("metadata.resourceVersion")
    check(r.status == 201, "apply makes: 201", r)
    r = apply(f"{path}?fieldManager=imgrel", config_map("a", k="1"))
    check(r.status == 200 and r.at("metadata.resourceVersion") == rv, "the same again: 200, the same version", r)
    check(r.at("metadata.managedFields.0.operation") == "Apply" and r.at("metadata.managedFields.0.manager") == "imgrel", "its manager", r)
    r = apply(f"{path}?fieldManager=other", config_map("a", k="2"))
    status(r, 409, "Conflict", 'conflict with "imgrel": .data.k', "another's field")
    check(r.at("details.name") is None and r.at("details.kind") is None, "its details have no name", r)
    check(r.causes() == [{"reason": "FieldManagerConflict", "message": 'conflict with "imgrel"', "field": ".data.k"}], "but the field and whose it is", r)
    r = apply(f"{path}?fieldManager=other", config_map("a", k="1"))
    check(r.status == 200, "the same value: shared", r)
    r = apply(f"{path}?fieldManager=third&force=true", config_map("a", k="3"))
    check(r.status == 200 and r.at("data.k") == "3", "with force it is ours", r)
    r = apply(path, config_map("a"))
    status(r, 422, "Invalid", "PatchOptions", "no field manager")
    r = apply(f"{path}?fieldManager=imgrel", {"metadata": {"name": "a"}})
    status(r, 400, "BadRequest", "invalid object type: /, Kind=", "no kind")
    status(apply(f"{path}?fieldManager=imgrel", config_map("b")), 400, "BadRequest", "", "another name than the path's")
    m = config_map("a")
    m["metadata"]["managedFields"] = [{"manager": "x"}]
    status(apply(f"{path}?fieldManager=imgrel", m), 400, "BadRequest", "metadata.managedFields must be nil", "managedFields in the body")
    post(f"{IN}/configmaps", config_map("posted", k="1"))
    r = apply(f"{IN}/configmaps/posted?fieldManager=imgrel", config_map("posted", k="2"))
    status(r, 409, "Conflict", 'conflict with "facts"', "what was posted belongs to who posted it")
    check(r.causes() and "using v1" in r.causes()[0].get("message", ""), "and is said so", r)
    r = apply(f"{IN}/configmaps/yaml?fieldManager=imgrel", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  k: v\n")
    check(r.status == 201 and r.at("data.k") == "v", "YAML", r)


def secrets():
    for what, data in (("an array", "[]"), ("a string", '"x"'), ("no JSON", "x")):
        r = post(f"{IN}/secrets", secret("s", base64.b64encode(data.encode()).decode()))
        status(r, 422, "Invalid", "<secret contents redacted>", f"a docker secret of {what}")
    r = post(f"{IN}/secrets", {"metadata": {"name": "s"}, "type": "kubernetes.io/dockerconfigjson", "data": {}})
    status(r, 422, "Invalid", "data[.dockerconfigjson]: Required value", "one without its key")
    check(post(f"{IN}/secrets?dryRun=All", secret("s", base64.b64encode(b"{}").decode())).status == 201, "an empty object will do")
    check(post(f"{IN}/secrets?dryRun=All", secret("s", auths(auth="!!!"))).status == 201, "and so will nonsense")
    post(f"{IN}/secrets", {"metadata": {"name": "typed"}, "stringData": {"a": "b"}})
    r = patch(f"{IN}/secrets/typed", MERGE, {"type": "other"})
    status(r, 422, "Invalid", "field is immutable", "a secret's type stays")
    sa = f"{IN}/serviceaccounts/builder"
    post(f"{IN}/serviceaccounts", {"metadata": {"name": "builder"}, "imagePullSecrets": [{"name": "one"}]})
    r = patch(sa, STRATEGIC, {"imagePullSecrets": [{"name": "two"}]})
    check(r.status == 200 and r.at("imagePullSecrets") == [{"name": "two"}], "a strategic patch replaces an account's secrets", r)
    r = pod("by-account", "x.invalid/y:1", more={"serviceAccountName": "builder"})
    check(r.at("spec.imagePullSecrets") == [{"name": "two"}], "a pod without secrets gets its account's", r)
    r = pod("own-secrets", "x.invalid/y:1", pull="mine", more={"serviceAccountName": "builder"})
    check(r.at("spec.imagePullSecrets") == [{"name": "mine"}], "one with some does not", r)
    r = patch(f"{IN}/pods/own-secrets", STRATEGIC, {"spec": {"imagePullSecrets": [{"name": "more"}]}})
    status(r, 422, "Invalid", "pod updates may not change fields other than", "and they stay")
    r = pod("no-account", "x/y:1", more={"serviceAccountName": "nobody"})
    status(r, 403, "Forbidden", f'pods "no-account" is forbidden: error looking up service account {NS}/nobody: serviceaccount "nobody" not found', "a pod of no account")
    for name in ("by-account", "own-secrets"):
        r = delete(f"{IN}/pods/{name}?gracePeriodSeconds=0")
        check(r.status == 200 and r.at("kind") == "Pod", "a pod's delete: the object", r)
        check(get(f"{IN}/pods/{name}").status == 404, "without grace it is gone at once")


def services():
    r = post(f"{IN}/services", {"metadata": {"name": "9bad"}, "spec": {"ports": [{"port": 80}]}})
    status(r, 422, "Invalid", "metadata.name", "a service's name begins with a letter")
    r = post(f"{IN}/services", {"metadata": {"name": "two"}, "spec": {"ports": [{"port": 80}, {"port": 81}]}})
    status(r, 422, "Invalid", "spec.ports[0].name: Required value", "several ports need names")
    r = post(f"{IN}/services", {"metadata": {"name": "none"}, "spec": {}})
    status(r, 422, "Invalid", "spec.ports: Required value", "and one is needed")
    r = get(f"{IN}/services/none/portforward")
    status(r, 404, "NotFound", "the server could not find the requested resource", "no port-forward of services")
    r = get(f"{IN}/endpoints")
    check(r.status == 200 and any("v1 Endpoints is deprecated" in w for w in r.headers.get_all("Warning") or []), "Endpoints warn", r.headers.get_all("Warning"))


# ---- lists and watches ---------------------------------------------------------------------------

def lists():
    for i in range(5):
        post(f"{IN}/configmaps", {"metadata": {"name": f"page-{i}", "labels": {"page": "yes"}}})
    base = f"{IN}/configmaps?"
    total = len(get(base).at("items"))
    r = get(base + "limit=2")
    token = r.at("metadata.continue")
    check(len(r.at("items")) == 2 and token and r.at("metadata.remainingItemCount") == total - 2, "a first page", r)
    rest = get(base + "limit=500&continue=" + urllib.parse.quote(token or ""))
    check(len(rest.at("items")) == total - 2 and not rest.at("metadata.continue"), "and the rest", rest)
    r = get(base + "limit=2&labelSelector=page%3Dyes")
    check(len(r.at("items")) == 2 and r.at("metadata.remainingItemCount") is None and r.at("metadata.continue"), "no count with a selector", r)
    r = get(base + "limit=2&resourceVersion=0")
    check(len(r.at("items")) == total, "limit is nothing at version 0", len(r.at("items")))
    status(get(base + "limit=2&continue=nonsense"), 400, "BadRequest", "", "a continue token of ours")
    r = get(base + "fieldSelector=data.k%3Dv")
    status(r, 400, "BadRequest", '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"', "a field that is none")
    check(len(get(base + "fieldSelector=metadata.name%3Dpage-1").at("items")) == 1, "a field that is one")
    future = int(get(base).at("metadata.resourceVersion")) + 100000
    r = get(base + f"resourceVersion={future}")
    status(r, 504, "Timeout", "Too large resource version", "a list of the future")
    check(r.headers["Retry-After"] == "1" and [c.get("reason") for c in r.causes()] == ["ResourceVersionTooLarge"], "its cause", r)
    check(r.at("details.retryAfterSeconds") == 1, "and when to try again", r)


def watches():
    base = f"{IN}/configmaps?watch=1&"
    name = "fieldSelector=metadata.name%3Dwatched&"
    rv = get(f"{IN}/configmaps").at("metadata.resourceVersion")
    post(f"{IN}/configmaps", {"metadata": {"name": "watched", "labels": {"on": "yes"}}})
    patch(f"{IN}/configmaps/watched", MERGE, {"data": {"k": "v"}})
    code, lines = t.watch(base + name + f"resourceVersion={rv}&timeoutSeconds=1")
    check(code == 200 and [x["type"] for x in lines] == ["ADDED", "MODIFIED"], "a watch from a version", lines)
    check(all(x["object"].get("kind") == "ConfigMap" and x["object"].get("apiVersion") == "v1" for x in lines), "its objects have their kind", lines)
    check([x["object"].get("data") for x in lines] == [None, {"k": "v"}], "each as it was then", lines)
    _, lines = t.watch(base + name + "timeoutSeconds=1")
    check([x["type"] for x in lines] == ["ADDED"], "without a version: what there is", lines)
    _, lines = t.watch(base + name + "resourceVersion=0&timeoutSeconds=1")
    check([x["type"] for x in lines] == ["ADDED"], "version 0: the same", lines)
    rv = get(f"{IN}/configmaps").at("metadata.resourceVersion")
    changed = patch(f"{IN}/configmaps/watched", MERGE, {"metadata": {"labels": {"on": "no"}}})
    patch(f"{IN}/configmaps/watched", MERGE, {"metadata": {"labels": {"on": "yes"}}})
    _, lines = t.watch(base + f"labelSelector=on%3Dyes&resourceVersion={rv}&timeoutSeconds=1")
    check([x["type"] for x in lines] == ["DELETED", "ADDED"], "what a selector loses is DELETED, and ADDED again", lines)
    gone = lines[0]["object"]["metadata"] if lines else {}
    check(gone.get("labels") == {"on": "yes"} and gone.get("resourceVersion") == changed.at("metadata.resourceVersion"), "with its old labels and the new version", gone)
    delete(f"{IN}/configmaps/watched")
    _, lines = t.watch(base + f"resourceVersion={rv}&timeoutSeconds=1&" + name)
    check(lines and lines[-1]["type"] == "DELETED" and int(lines[-1]["object"]["metadata"]["resourceVersion"]) > int(rv), "a delete has a version of its own", lines)
    code, lines = t.watch(base + "resourceVersion=1&timeoutSeconds=3")
    e = lines[0]["object"] if lines else {}
    check(code == 200 and [x["type"] for x in lines] == ["ERROR"], "too old: 200, and an ERROR in it", lines)
    check(e.get("kind") == "Status" and e.get("code") == 410 and e.get("reason") == "Expired" and e.get("message", "").startswith("too old resource version: 1 ("), "which is 410 Expired", e)
    future = int(get(f"{IN}/configmaps").at("metadata.resourceVersion")) + 100000
    code, lines = t.watch(base + f"resourceVersion={future}&timeoutSeconds=1", seconds=10)
    check(code == 200 and lines == [], "the future: silence", lines)
    r = get(base + "resourceVersion=abc")
    check(r.status == 500 and r.at("kind") == "Status" and r.at("reason") is None, "a version that is none: 500 without a reason", r)
    _, lines = t.watch(base + "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=5",
                       lambda x: x and x[-1]["type"] == "BOOKMARK")
    end = lines[-1]["object"] if lines else {}
    check(lines and lines[-1]["type"] == "BOOKMARK" and set(end) >= {"kind", "apiVersion", "metadata"} and end["kind"] == "ConfigMap", "a bookmark ends the first events", lines[-1:])
    check(end.get("metadata", {}).get("annotations") == {"k8s.io/initial-events-end": "true"} and end["metadata"].get("resourceVersion"), "and says so", end)


def overloaded():
    t.overload()
    r = until(lambda: (lambda r: r if r.status == 429 else None)(get("/api/v1/namespaces/default/pods", who=t.crowd)), 20)
    if check(r, "an overload is a 429"):
        plain(r, 429, "Too many requests, please try again later.", "in text")
        check(r.headers["Retry-After"] == "1", "with Retry-After", r.headers)
    t.calm()


# ---- pods that cannot run ------------------------------------------------------------------------

PREFIX = "Back-off pulling image "


def make_pods():
    user, password = t.login
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    post(f"{IN}/secrets", secret("good", auths(username=user, password=password, auth=basic)))
    post(f"{IN}/secrets", secret("wrong", auths(username=user, password="no", auth=base64.b64encode(f"{user}:no".encode()).decode())))
    post(f"{IN}/secrets", secret("malformed", auths(host="elsewhere.test", auth="!!!")))
    post(f"{IN}/secrets", secret("no-port", auths(host=t.registry.split(":")[0], auth=basic)))
    post(f"{IN}/secrets", secret("path", auths(host=t.registry + "/team", auth=basic)))
    post(f"{IN}/secrets", secret("other-path", auths(host=t.registry + "/other", auth=basic)))
    post(f"{IN}/secrets", secret("v2", auths(host=f"https://{t.registry}/v2", auth=basic)))
    post(f"{IN}/secrets", secret("v2-slash", auths(host=f"https://{t.registry}/v2/", username=user, password=password)))
    post(f"{IN}/secrets", secret("opaque", {"a": "Yg=="}, "Opaque"))
    always = {"container": {"imagePullPolicy": "Always"}}
    for name in ("wrong", "malformed", "no-port", "path", "other-path", "v2", "v2-slash", "opaque"):
        pod(f"by-{name}", image("app:1"), ["sleep", "1000"], pull=name, **always)
    pod("by-missing", image("app:1"), pull="missing", **always)
    pod("by-none", image("app:1"), **always)
    pod("no-tag", image("app:none"), pull="good")
    pod("no-platform", image("other:1"), pull="good")
    pod("upper", "Reg/UPPER:1")
    pod("never", image("app:2"), pull="good", container={"imagePullPolicy": "Never"})
    pod("closed", "127.0.0.1:1/x/y:1")
    pod("nowhere", image("app:1"), pull="good", more={"nodeSelector": {"no": "such"}})
    pod("web", image("app:1"), pull="good", container={"ports": [{"containerPort": 8080}]})
    pod("echo", image("app:1"), ["sh", "-c", "httpd -p 8080 -h /www; exec nc -ll -p 7000 -e cat"], pull="good")
    pod("no-map", image("app:1"), pull="good", container={"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "nocm", "key": "k"}}}]})
    pod("no-volume", image("app:1"), pull="good", more={"volumes": [{"name": "v", "secret": {"secretName": "nosecret"}}]},
        container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]})
    pod("no-command", image("app:1"), ["/no/such"], pull="good")
    pod("crash", image("app:1"), ["sh", "-c", "echo dying; exit 3"], pull="good")
    pod("ends", image("app:1"), ["sh", "-c", "echo first; echo second >&2; exit 4"], pull="good", more={"restartPolicy": "Never"})
    pod("lost", image("app:1"), ["sh", "-c", "exit 0"], pull="good", more={"restartPolicy": "Never"})
    post(f"{IN}/pods", {"metadata": {"name": "two"}, "spec": {"imagePullSecrets": [{"name": "good"}], "terminationGracePeriodSeconds": 0,
         "containers": [{"name": n, "image": image("app:1"), "command": ["sh", "-c", f"echo {n}; sleep 1000"]} for n in ("a", "b")]}})


def pull_states(name, seconds=60):
    """Reason and message each time that it changes, until both reasons of a failed pull were seen."""
    seen = []

    def both():
        w = waiting(name)
        if w.get("reason") in ("ErrImagePull", "ImagePullBackOff") and (not seen or seen[-1] != w):
            seen.append(w)
        return {w["reason"] for w in seen} == {"ErrImagePull", "ImagePullBackOff"}
    until(both, seconds)
    return seen


def failed_pull(name, words, text):
    seen = pull_states(name)
    check({w["reason"] for w in seen} == {"ErrImagePull", "ImagePullBackOff"}, f"{text}: both reasons, in turn", (name, waiting(name)))
    check(seen and all(all(x in w.get("message", "") for x in words) for w in seen), f"{text}: what the pull said", seen)
    check(all(w["message"].startswith(PREFIX) == (w["reason"] == "ImagePullBackOff") for w in seen), f"{text}: the back-off's prefix", seen)


def pods_that_wait():
    ref = image("app:1")
    denied = [f'failed to pull and unpack image "{ref}"', "failed with status code [manifests 1]: 401 Unauthorized"]
    names = {"by-none": "no secret", "by-wrong": "a wrong password", "by-no-port": "a secret without the port", "by-other-path": "a secret of another path",
             "by-v2": "a secret of /v2 without a slash", "by-opaque": "an Opaque secret", "by-missing": "a missing secret"}
    threads = [threading.Thread(target=failed_pull, args=(n, denied, text)) for n, text in names.items()]
    threads.append(threading.Thread(target=failed_pull, args=("no-tag", [f"{image('app:none')}: not found"], "a missing tag")))
    threads.append(threading.Thread(target=failed_pull, args=("no-platform", ["no match for platform in manifest", "not found"], "a missing platform")))
    threads.append(threading.Thread(target=failed_pull, args=("closed", ["dial tcp 127.0.0.1:1: connect: connection refused"], "a closed port")))
    [x.start() for x in threads]
    [x.join() for x in threads]
    check(not [n for n in ("by-path", "by-v2-slash") if waiting(n).get("reason") in ("ErrImagePull", "ImagePullBackOff")], "secrets that fit")
    r = get(f"{IN}/pods/by-none")
    conditions = {c["type"]: (c["status"], c.get("reason")) for c in r.at("status.conditions") or []}
    check(r.at("status.phase") == "Pending", "the phase stays Pending", r)
    check(conditions.get("PodScheduled") == ("True", None) and conditions.get("Initialized") == ("True", None) and conditions.get("Ready") == ("False", "ContainersNotReady") and
          conditions.get("ContainersReady") == ("False", "ContainersNotReady") and conditions.get("PodReadyToStartContainers") == ("True", None), "its conditions", conditions)
    w = until(lambda: waiting("by-malformed").get("reason") == "illegal base64 data at input byte 0" and waiting("by-malformed"))
    check(w, "a malformed secret is the reason itself", waiting("by-malformed"))
    for name, reason, words in (("upper", "InvalidImageName", ["couldn't parse image name", "must be lowercase"]), ("never", "ErrImageNeverPull", [f'Container image "{image("app:2")}" is not present with pull policy of Never'])):
        check(until(lambda: waiting(name).get("reason") == reason) and all(x in waiting(name)["message"] for x in words), reason, waiting(name))
    r = get(f"{IN}/pods/nowhere")
    c = {c["type"]: c for c in r.at("status.conditions") or []}.get("PodScheduled", {})
    check(r.at("status.containerStatuses") is None and c.get("status") == "False" and c.get("reason") == "Unschedulable" and "nodes are available" in c.get("message", ""), "unschedulable: a condition only", r)


def events():
    def of(name, **more):
        fields = {"involvedObject.kind": "Pod", "involvedObject.name": name, **more}
        return get(f"{IN}/events?fieldSelector=" + urllib.parse.quote(",".join(f"{k}={v}" for k, v in fields.items()))).at("items") or []
    e = {x["reason"]: x for x in of("by-none")}
    check(e.get("Pulling", {}).get("type") == "Normal" and e.get("Failed", {}).get("type") == "Warning" and e.get("BackOff", {}).get("type") == "Normal", "events of a failed pull; BackOff is Normal", list(e))
    messages = [x["message"] for x in of("by-none") if x["reason"] == "Failed"]
    check(any(m.startswith(f'Failed to pull image "{image("app:1")}"') for m in messages) and "Error: ErrImagePull" in messages and "Error: ImagePullBackOff" in messages, "several called Failed", messages)
    p, s = e.get("Pulling", {}), e.get("Scheduled", {})
    check(p.get("count") and p.get("firstTimestamp") and p.get("lastTimestamp") and p.get("eventTime") is None and p.get("source", {}).get("component") == "kubelet", "kubelet's have times and counts", p)
    check(p.get("involvedObject", {}).get("fieldPath") == "spec.containers{c}", "and the container", p)
    check(s.get("firstTimestamp") is None and s.get("lastTimestamp") is None and s.get("eventTime") and not s.get("count") and s.get("source") == {}, "the scheduler's have neither", s)
    check(s.get("reportingComponent") == "default-scheduler", "and say who it was", s)
    uid = get(f"{IN}/pods/by-none").at("metadata.uid")
    check(len(of("by-none", **{"involvedObject.uid": uid})) == len(of("by-none")) and not of("by-none", **{"involvedObject.uid": "x"}), "by uid")
    check({x["type"] for x in of("by-none", type="Warning")} == {"Warning"}, "by type")
    check({x["reason"] for x in of("by-none", reason="BackOff")} == {"BackOff"}, "by reason")
    check(until(lambda: [x for x in of("by-missing") if x["reason"] == "FailedToRetrieveImagePullSecret" and x["type"] == "Warning"]), "a missing secret has an event")
    check(not [x for x in of("by-opaque") if x["reason"] == "FailedToRetrieveImagePullSecret"], "an Opaque one has none")
    check([x for x in of("by-malformed") if x["reason"] == "Failed" and x["message"] == "Error: illegal base64 data at input byte 0"], "a malformed one has")
    check([x for x in of("upper") if x["reason"] == "InspectFailed"], "a bad name has InspectFailed")
    check([x for x in of("nowhere") if x["reason"] == "FailedScheduling" and x["type"] == "Warning"], "no node has FailedScheduling")
    r = get(f"{IN}/events?fieldSelector=message%3Dx")
    status(r, 400, "BadRequest", "field label not supported: message", "no selector by message")
    r = get(f"/apis/events.k8s.io/v1/namespaces/{NS}/events?fieldSelector=regarding.name%3Dby-none")
    check(r.status == 200 and r.at("items") and r.at("items.0.regarding.name") == "by-none" and "note" in r.at("items.0"), "events.k8s.io says regarding and note", r)
    status(get(f"/apis/events.k8s.io/v1/namespaces/{NS}/events?fieldSelector=involvedObject.name%3Dby-none"), 400, "BadRequest", "field label not supported: involvedObject.name", "and nothing else")


def logs_refused():
    log = f"{IN}/pods/%s/log?"
    r = get(log % "two")
    status(r, 400, "BadRequest", "a container name must be specified for pod two, choose one of: [a b]", "a log of several containers")
    status(get(log % "two" + "container=x"), 400, "BadRequest", "container x is not valid for pod two", "of none of them")
    status(get(log % "by-none"), 400, "BadRequest", 'container "c" in pod "by-none" is waiting to start: ', "of one that waits")
    check(get(log % "nowhere").status == 204, "of one without a node: 204")
    status(get(log % "none"), 404, "NotFound", 'pods "none" not found', "of no pod")
    status(get(log % "web", Accept="text/plain"), 406, "NotAcceptable", "only the following media types are accepted", "Accept: text/plain")
    r = get(log % "web" + "tailLines=-1")
    status(r, 422, "Invalid", "tailLines", "tailLines=-1")
    check(r.at("details.kind") == "PodLogOptions", "its kind", r)


# ---- pods that run -------------------------------------------------------------------------------

def pods_that_run():
    check(until(lambda: running("web")), "web runs", waiting("web"))
    check(until(lambda: running("by-path") and running("by-v2-slash")), "secrets by path prefix and by https://host/v2/ fit", (waiting("by-path"), waiting("by-v2-slash")))
    s = state("web")
    check(s.get("imageID", "").startswith(image("app@sha256:")) and s.get("ready") is True, "imageID has the digest", s)
    w = until(lambda: waiting("no-map").get("reason") == "CreateContainerConfigError" and waiting("no-map"))
    check(w and w["message"] == 'configmap "nocm" not found', "a missing config map", waiting("no-map"))
    check(until(lambda: waiting("no-volume") == {"reason": "ContainerCreating"}), "a missing volume says nothing", waiting("no-volume"))
    s = until(lambda: waiting("crash").get("reason") == "CrashLoopBackOff" and state("crash"))
    check(s and s["lastState"]["terminated"]["exitCode"] == 3 and s["lastState"]["terminated"]["reason"] == "Error" and get(f"{IN}/pods/crash").at("status.phase") == "Running", "a crash loop", s)
    s = until(lambda: state("no-command").get("lastState", {}).get("terminated"))
    check(s and s["exitCode"] == 128 and s["reason"] == "StartError" and s["startedAt"].startswith("1970"), "a command that is not there", s)
    until(lambda: "terminated" in (state("ends").get("state") or {}))
    r = get(f"{IN}/pods/ends")
    c = {c["type"]: c for c in r.at("status.conditions") or []}.get("Ready", {})
    check(r.at("status.phase") == "Failed" and c.get("status") == "False" and c.get("reason") == "PodFailed", "one that ended: Failed, PodFailed", r)
    r = get(f"{IN}/pods/lost")
    check(until(lambda: {c["type"]: c for c in get(f"{IN}/pods/lost").at("status.conditions") or []}.get("Ready", {}).get("reason") == "PodCompleted"), "one that ended well: PodCompleted", r)
    e = get(f"{IN}/events?fieldSelector=involvedObject.name%3Dcrash,reason%3DBackOff").at("items")
    check(e and e[0]["type"] == "Warning", "a crash loop's BackOff is a Warning", e)


def logs():
    log = f"{IN}/pods/%s/log?"
    r = get(log % "ends")
    check(r.status == 200 and sorted(r.text.split()) == ["first", "second"] and r.headers["Content-Type"] == "text/plain", "a log", r)
    check(get(log % "ends" + "tailLines=1").text in ("second\n", "first\n"), "its last line")
    r = get(log % "ends" + "tailLines=0")
    check(r.status == 200 and r.text == "", "none of it", r)
    check(len(get(log % "ends" + "limitBytes=3").text) == 3, "three bytes of it")
    line = get(log % "ends" + "timestamps=true").text.split("\n")[0]
    check(line[4] == "-" and line[10] == "T" and line.split(" ")[0].endswith("Z"), "with times", line)
    status(get(log % "web" + "previous=true"), 400, "BadRequest", 'previous terminated container "c" in pod "web" not found', "the previous one of none")
    check(get(log % "two" + "container=b").text == "b\n", "one of several")
    r = until(lambda: (lambda r: r if "dying" in r.text else None)(get(log % "crash" + "previous=true")))
    check(r and r.status == 200, "the previous one's", r)
    if t.lose_container("lost"):
        r = get(log % "lost")
        check(r.status == 200 and r.text.startswith("unable to retrieve container logs for containerd://"), "an error as text with 200", r)


def deployments():
    apps = f"/apis/apps/v1/namespaces/{NS}"
    spec = {"imagePullSecrets": [{"name": "good"}], "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": image("app:1"), "ports": [{"containerPort": 8080}]}]}
    body = {"metadata": {"name": "d"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}}, "spec": spec}}}
    r = post(f"{apps}/deployments", body)
    check(r.status == 201 and r.at("metadata.generation") == 1 and r.at("spec.strategy.type") == "RollingUpdate", "a deployment", r)

    def settled(generation):
        r = get(f"{apps}/deployments/d")
        s = r.at("status") or {}
        return r if s.get("observedGeneration") == generation and s.get("updatedReplicas") == s.get("availableReplicas") == s.get("replicas") == 2 else None
    r = until(lambda: settled(1))
    check(r, "its status counts what is available", get(f"{apps}/deployments/d"))
    conditions = {c["type"]: (c["status"], c["reason"]) for c in get(f"{apps}/deployments/d").at("status.conditions") or []}
    check(conditions == {"Available": ("True", "MinimumReplicasAvailable"), "Progressing": ("True", "NewReplicaSetAvailable")}, "its conditions", conditions)

    def sets(): return sorted(get(f"{apps}/replicasets?labelSelector=app%3Dd").at("items") or [], key=lambda x: int(x["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))
    def pods(): return [p for p in get(f"{IN}/pods?labelSelector=app%3Dd").at("items") or [] if "deletionTimestamp" not in p["metadata"]]
    one = sets()[0]
    digest = one["metadata"]["labels"]["pod-template-hash"]
    check(one["metadata"]["name"] == f"d-{digest}" and one["spec"]["selector"]["matchLabels"] == {"app": "d", "pod-template-hash": digest} and one["spec"]["replicas"] == 2, "its replica set has the template's hash", one["spec"]["selector"])
    owner = one["metadata"]["ownerReferences"][0]
    check((owner["kind"], owner["name"], owner["controller"]) == ("Deployment", "d", True), "and its owner", owner)
    check(all(p["metadata"]["ownerReferences"][0]["name"] == one["metadata"]["name"] and p["metadata"]["labels"]["pod-template-hash"] == digest and p["metadata"]["name"].startswith(f"d-{digest}-") for p in pods()), "so have its pods")
    r = patch(f"{apps}/deployments/d", STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image("app:2")}]}}}})
    check(r.status == 200 and r.at("metadata.generation") == 2, "another image is another generation", r)
    check(until(lambda: settled(2)), "which is rolled out", get(f"{apps}/deployments/d"))
    check(until(lambda: len(pods()) == 2) and {p["spec"]["containers"][0]["image"] for p in pods()} == {image("app:2")}, "to all of its pods")
    all_sets = sets()
    check([(x["metadata"]["annotations"]["deployment.kubernetes.io/revision"], x["spec"]["replicas"]) for x in all_sets] == [("1", 0), ("2", 2)], "two sets, the old one without pods")
    check(get(f"{apps}/deployments/d").at("metadata.annotations") == {"deployment.kubernetes.io/revision": "2"}, "the revision")
    patch(f"{apps}/deployments/d", STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image("app:1")}]}}}})
    check(until(lambda: settled(3)) and until(lambda: [x["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for x in sets()] == ["2", "3"]) and sets()[1]["metadata"]["name"] == one["metadata"]["name"], "back: the old set is the newest", [x["metadata"] for x in sets()])
    r = delete(f"{apps}/deployments/d")
    check(r.status == 200 and get(f"{apps}/deployments/d").status == 404, "a deployment's delete", r)
    check(until(lambda: not sets() and not pods()), "takes all with it", (len(sets()), len(pods())))


def deletes():
    """A graceful delete, as watched."""
    rv = get(f"{IN}/pods").at("metadata.resourceVersion")
    r = delete(f"{IN}/pods/two?gracePeriodSeconds=1")
    check(r.status == 200 and r.at("metadata.deletionTimestamp") and r.at("metadata.deletionGracePeriodSeconds") == 1, "a pod's delete: the object, to be deleted", r)
    _, lines = t.watch(f"{IN}/pods?watch=1&fieldSelector=metadata.name%3Dtwo&resourceVersion={rv}", lambda x: x and x[-1]["type"] == "DELETED")
    check([x["type"] for x in lines] == ["MODIFIED"] * (len(lines) - 1) + ["DELETED"] and len(lines) > 1, "MODIFIED and at last DELETED", [x["type"] for x in lines])
    check(all(x["object"]["metadata"].get("deletionTimestamp") for x in lines), "each with its time", lines)


# ---- port-forward --------------------------------------------------------------------------------

CHANNEL, TUNNEL = "v4.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"


class Wire:
    """An upgraded connection; .head, .code; frames by send and read."""

    def __init__(self, path, protocol, who=None, method="GET", extra=()):
        u = urllib.parse.urlsplit(t.url)
        raw = socket.create_connection((u.hostname, u.port), 15)
        self.s = ssl.create_default_context(cafile=t.ca).wrap_socket(raw, server_hostname=u.hostname)
        head = [f"{method} {path} HTTP/1.1", f"Host: {u.netloc}", "Connection: Upgrade", "User-Agent: facts/1.0"]
        head += [f"{k}: {v}" for k, v in (t.admin if who is None else who).items()]
        if method == "GET":
            head += ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
            head += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol is not None else []
        self.s.sendall("\r\n".join([*head, *extra, "", ""]).encode())
        self.buf, self.spdy = b"", b""
        while b"\r\n\r\n" not in self.buf and self.more():
            pass
        head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.code = int(self.head.split()[1]) if self.head else 0

    def more(self):
        try:
            got = self.s.recv(65536)
        except (TimeoutError, ConnectionError):
            got = b""
        self.buf += got
        return bool(got)

    def header(self, name):
        return next((v.strip() for k, _, v in (line.partition(":") for line in self.head.split("\r\n")[1:]) if k.lower() == name.lower()), None)

    def body(self):
        n = self.header("Content-Length")
        while (n is None or len(self.buf) < int(n)) and self.more():
            pass
        return self.buf.decode()

    def take(self, n):
        while len(self.buf) < n:
            if not self.more():
                return None
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def send(self, data, first=0x82):
        n = len(data)
        size = bytes([0x80 | n]) if n < 126 else bytes([0xFE]) + struct.pack(">H", n)
        self.s.sendall(bytes([first]) + size + b"\0\0\0\0" + data)  # a mask of zeros is one

    def read(self):
        """(opcode, payload), or (None, b"") at the end."""
        head = self.take(2)
        if not head:
            return None, b""
        n = head[1] & 127
        if n > 125:
            n = int.from_bytes(self.take(2 if n == 126 else 8) or b"", "big")
        return head[0] & 15, self.take(n) or b""

    def channel(self, wanted, number=0):
        """What comes on a channel, until it holds wanted, or the end."""
        out = b""
        while wanted not in out:
            op, data = self.read()
            if op in (None, 8):
                break
            if op == 2 and data[:1] == bytes([number]):
                out += data[1:]
        return out

    # SPDY/3.1 in messages of any size
    def frame(self):
        """(type or stream id, flags, payload, is control) of SPDY, or None."""
        while True:
            if len(self.spdy) >= 8 and len(self.spdy) >= 8 + int.from_bytes(self.spdy[5:8], "big"):
                n = int.from_bytes(self.spdy[5:8], "big")
                f, self.spdy = self.spdy[:8 + n], self.spdy[8 + n:]
                control = f[0] & 0x80
                return int.from_bytes(f[2:4], "big") if control else int.from_bytes(f[:4], "big"), f[4], f[8:], bool(control)
            op, data = self.read()
            if op in (None, 8):
                return None
            self.spdy += data

    def close(self):
        self.s.close()


def spdy_headers(z, **headers):
    block = struct.pack(">I", len(headers))
    for k, v in headers.items():
        block += struct.pack(">I", len(k)) + k.encode() + struct.pack(">I", len(v)) + v.encode()
    return z.compress(block) + z.flush(zlib.Z_SYNC_FLUSH)


def syn_stream(z, stream, flags, **headers):
    body = struct.pack(">IIBB", stream, 0, 0, 0) + spdy_headers(z, **headers)
    return struct.pack(">HHB", 0x8003, 1, flags) + len(body).to_bytes(3, "big") + body


def data_frame(stream, data, flags=0):
    return struct.pack(">IB", stream, flags) + len(data).to_bytes(3, "big") + data


def forward_refused():
    p = f"{IN}/pods/by-none/portforward"
    for want, offer in ((CHANNEL, CHANNEL), (TUNNEL, TUNNEL), (TUNNEL, f"{CHANNEL}, {TUNNEL}")):
        w = Wire(p + "?ports=80", offer)
        check(w.code == 101 and (w.header("Sec-WebSocket-Protocol") or "").lower() == want.lower() and w.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", f"offered {offer}", w.head)
        w.close()
    for offer in ("v2.portforward.k8s.io", "v5.channel.k8s.io", "channel.k8s.io"):
        w = Wire(p + "?ports=80", offer)
        check(w.code == 403 and w.body() == "" and w.header("Connection") == "close", f"{offer} is not known: a bare 403", w.head)
        w.close()
    w = Wire(p + "?ports=80", None)
    check(w.code == 101 and w.header("Sec-WebSocket-Protocol") == "", "no protocol offered: an empty one", w.head)
    w.close()
    w = Wire(p, CHANNEL)
    check(w.code == 400 and w.header("Content-Type").startswith("text/plain") and 'query parameter "port" is required' in w.body(), "no ports: text", w.head)
    w.close()
    r = get(f"{IN}/pods/nowhere/portforward?ports=80")
    status(r, 400, "BadRequest", "", "a pod without a node")
    w = Wire(f"{IN}/pods/none/portforward?ports=80", CHANNEL)
    check(w.code == 404 and '"reason":"NotFound"' in w.body(), "no pod: a Status", w.head)
    w.close()
    spdy = ("Upgrade: SPDY/3.1", "Content-Length: 0")
    w = Wire(p, None, method="POST", extra=(*spdy, "X-Stream-Protocol-Version: v9"))
    check(w.code == 403 and w.header("X-Accepted-Stream-Protocol-Versions") == "portforward.k8s.io", "a stream protocol that is not known", w.head)
    w.close()
    for what, offer in (("channels", CHANNEL), ("tunnel", TUNNEL)):
        w = Wire(p + "?ports=80", offer, who=t.getter)
        check(w.code == 101, f"the verb get is enough for {what}", w.head)
        w.close()
    w = Wire(p, None, who=t.getter, method="POST", extra=(*spdy, "X-Stream-Protocol-Version: portforward.k8s.io"))
    check(w.code == 403 and '"reason":"Forbidden"' in w.body(), "but not for SPDY", w.head)
    w.close()
    token = base64.urlsafe_b64encode(t.limited.encode()).decode().rstrip("=")
    w = Wire(p + "?ports=80", f"{CHANNEL}, base64url.bearer.authorization.k8s.io.{token}", who={})
    check(w.code == 403 and 'User \\"limited\\" cannot get' in w.body(), "a token among the protocols", w.head)
    w.close()
    w = Wire(p + "?ports=8080", CHANNEL)
    got = [w.read() for _ in range(4)]
    check(w.code == 101, "a pod that cannot run: 101", w.head)
    check(got[0] == (2, b"\0\x90\x1f") and got[1] == (2, b"\1\x90\x1f"), "each channel begins with its port", got)
    check(got[2][1][:1] == b"\1" and got[2][1][1:].startswith(b"error forwarding port 8080 to pod "), "then the error", got)
    check(got[3] == (8, b"\x03\xe8"), "and the end: 1000", got)
    w.close()


GET = b"GET / HTTP/1.0\r\n\r\n"


def forward_ended():
    w = Wire(f"{IN}/pods/ends/portforward?ports=80", CHANNEL)
    check(w.code == 500 and w.header("Content-Type").startswith("text/plain") and w.body().strip() == f'pod not found ("ends_{NS}")', "a pod that ended: 500 and text", w.head)
    w.close()


def forward():
    p = f"{IN}/pods/web/portforward"

    def page():
        w = Wire(p + "?ports=8080", CHANNEL)
        w.send(b"\0" + GET)
        got = w.channel(b"hello from app 1")
        end = w.read()
        w.close()
        return got[:2] == b"\x90\x1f" and b"hello from app 1" in got, end
    check(until(lambda: page()[0], 10), "a page by channels")
    check(page()[1][0] == 8 and page()[1][1][:2] == b"\x03\xe8", "and a close of 1000 at its end", page())
    w = Wire(p + "?ports=9999", CHANNEL)
    [w.read() for _ in range(2)]
    op, data = w.read()
    check(data[:1] == b"\1" and b"error forwarding port 9999 to pod " in data and b"failed to execute portforward in network namespace" in data, "a port that nobody listens on", data)
    check(w.read()[0] == 8, "and its end")
    w.close()
    check(until(lambda: running("echo")), "an echo runs", waiting("echo"))
    w = Wire(f"{IN}/pods/echo/portforward?ports=8080,7000", CHANNEL)
    w.send(b"\0" + GET)
    w.send(b"\2one")
    seen = [w.read()]
    while not any(b"one" in x[1] for x in seen) or not any(b"hello" in x[1] for x in seen):
        seen.append(w.read())
        if seen[-1][0] in (None, 8):
            break
    w.send(b"\2two")
    seen.append(w.read())
    check(seen[-1] == (2, b"\2two"), "two ports: the end of one is not told", seen)
    check([x[1] for x in seen if x[1][1:3] in (b"\x90\x1f", b"\x58\x1b")] == [b"\0\x90\x1f", b"\1\x90\x1f", b"\2\x58\x1b", b"\3\x58\x1b"], "each of their channels begins with its port", seen)
    w.close()
    w = Wire(p + "?ports=8080", CHANNEL)
    for first, data in ((0x02, b"\0GET "), (0x80, b"X / HTTP/1.0\r\n\r\n")):
        w.send(data, first)
    w.send(b"\0/ HTTP/1.0\r\n\r\n")
    check(b"hello from app 1" in w.channel(b"hello from app 1"), "a fragment's rest is a message of its own, and lost")
    w.close()
    w = Wire(p + "?ports=8080", CHANNEL)
    w.send(b"")
    w.send(b"\0")
    w.send(b"\1ignored")
    w.send(b"\7ignored")
    w.send(b"ping", 0x89)
    w.send(b"\0" + GET[:5], 0x81)
    w.send(b"\0" + GET[5:])
    seen = []
    while not any(b"hello" in x[1] for x in seen) and (not seen or seen[-1][0] not in (None, 8)):
        seen.append(w.read())
    check(any(x == (10, b"ping") for x in seen), "a ping is answered", seen)
    check(any(b"hello from app 1" in x[1] for x in seen), "empty messages, the error channel and unknown ones are passed over, text is not", seen)
    w.close()
    w = Wire(p + "?ports=8080", "v4.base64." + CHANNEL[3:])
    op, data = w.read()
    check(w.code == 101 and op == 1 and data == b"0kB8=", "channels in base64", (w.head, data))
    w.close()


def tunnel():
    p, z = f"{IN}/pods/web/portforward", zlib.compressobj()
    w = Wire(p, TUNNEL)
    w.send(syn_stream(z, 1, 1, streamtype="error", port="8080", requestid="0") + syn_stream(z, 3, 0, streamtype="data", port="8080", requestid="0"))
    half = data_frame(3, GET, 1)
    w.send(half[:7])  # frames' edges mean nothing
    w.send(half[7:])
    replies, ends, got = [], [], b""
    while f := w.frame():
        number, flags, data, control = f
        if control and number == 2:
            replies.append(int.from_bytes(data[:4], "big"))
        elif not control:
            got += data if number == 3 else b""
            ends += [number] if flags & 1 else []
        if len(ends) == 2:
            break
    check(sorted(replies) == [1, 3], "SYN_REPLY of both streams", replies)
    check(b"hello from app 1" in got, "a page through the tunnel, after our half is closed", got)
    check(sorted(ends) == [1, 3], "both streams end", ends)
    w.send(syn_stream(z, 5, 1, streamtype="error", port="9999", requestid="1") + syn_stream(z, 7, 0, streamtype="data", port="9999", requestid="1"))
    got = b""
    while f := w.frame():
        got += f[2] if not f[3] and f[0] == 5 else b""
        if not f[3] and f[0] == 5 and f[1] & 1:
            break
    check(b"error forwarding port 9999 to pod " in got, "a port that nobody listens on: the error stream says so", got)
    z2 = [syn_stream(z, 9, 1, streamtype="error", port="8080", requestid="2"), syn_stream(z, 11, 0, streamtype="data", port="8080", requestid="2"), data_frame(11, GET)]
    for x in z2:
        w.send(x)
    got = b""
    while b"hello from app 1" not in got and (f := w.frame()):
        got += f[2] if not f[3] and f[0] == 11 else b""
    check(b"hello from app 1" in got, "and the connection goes on")
    w.send(struct.pack(">HHB", 0x8003, 6, 0) + (4).to_bytes(3, "big") + struct.pack(">I", 7))
    f = w.frame()
    while f and not (f[3] and f[0] == 6):
        f = w.frame()
    check(f and f[2] == struct.pack(">I", 7), "a PING comes back", f)
    w.close()


# ---- all of it -----------------------------------------------------------------------------------

def all_of(parts):
    for part in parts:
        begun = time.monotonic()
        try:
            part()
        except Exception as e:  # one part's trouble is not the next one's
            check(False, part.__name__, "".join(traceback.format_exception(e)))
        print(f"{part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


def run(target):
    global t
    t = target
    post("/api/v1/namespaces", {"metadata": {"name": NS}})
    until(lambda: get(f"{IN}/serviceaccounts/default").status == 200)
    make_pods()
    pods = [pods_that_wait, events, logs_refused, forward_refused]
    if t.runs:
        pods += [pods_that_run, logs, forward_ended, forward, tunnel, deployments, deletes]
    else:
        skip("pods that run (root, runc and overlayfs)")
    # Both mostly wait.
    threads = [threading.Thread(target=all_of, args=(parts,)) for parts in
               ([who_asks, answers, bodies, writes, applies, secrets, services, lists, watches, overloaded], pods)]
    [x.start() for x in threads]
    [x.join() for x in threads]
    delete(f"/api/v1/namespaces/{NS}")
    target.end()
    done()


def command(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
