"""Release container images: from a build to a running pod.

    with imgrel.Client(plain_http="localhost:5000") as c:
        print(c.copy("oci:app", "localhost:5000/team/app:1.0.0"))

Every call that uses the network takes timeout (seconds), platform, jobs, force, dry_run and
progress(kind, what, detail, done, total), and raises imgrel.Error."""
import ctypes as C
import json

from ._call import (OPTS, AuthError, Cancelled, Conflict, DigestError, Error, NotFound, Out, Timeout,
                    call, iterate, lib, quick, text)

__all__ = ["Client", "Harbor", "Kube", "Release", "Robot", "Error", "NotFound", "AuthError", "Conflict",
           "DigestError", "Timeout", "Cancelled", "version"]


def version():
    """Version of the library that is loaded."""
    return lib.imgrel_version().decode()


class _Handle:
    _free = None

    def __init__(self):
        self._p = C.c_void_p()

    def close(self):
        p, self._p = getattr(self, "_p", None), C.c_void_p()
        if p:
            getattr(lib, self._free)(p)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if lib is not None:
            self.close()


class Client(_Handle):
    """A client; keyword arguments are keys of imgrel-config(5), lists may be given as lists."""
    _free = "imgrel_client_free"

    def __init__(self, **config):
        super().__init__()
        quick("client_new", C.byref(self._p))
        for key, value in config.items():
            if isinstance(value, (list, tuple)):
                value = ",".join(value)
            elif isinstance(value, bool):
                value = "true" if value else "false"
            quick("client_set", self._p, key.encode(), None if value is None else text(str(value)))

    def copy(self, src, dst, **how):
        """Copies an image; the destination's digest."""
        out = Out()
        call("copy", self._p, text(src), text(dst), OPTS, out.ref, **how)
        return out.str()

    def digest(self, ref, **how):
        out = Out()
        call("digest", self._p, text(ref), OPTS, out.ref, **how)
        return out.str()

    def manifest(self, ref, **how):
        """A manifest's exact bytes."""
        out, n = Out(), C.c_size_t()
        call("manifest_get", self._p, text(ref), OPTS, out.ref, C.byref(n), None, **how)
        return out.bytes(n.value)

    def inspect(self, ref, **how):
        out = Out()
        call("inspect", self._p, text(ref), OPTS, out.ref, **how)
        return json.loads(out.str())

    def assemble(self, spec, dst, **how):
        """Assembles an image from a spec (a dict, see imgrel_image_assemble); its digest."""
        out = Out()
        call("image_assemble", self._p, json.dumps(spec).encode(), text(dst), OPTS, out.ref, **how)
        return out.str()

    def edit(self, src, spec, dst=None, **how):
        """Changes an image as a spec says (a dict, see imgrel_image_edit); its digest."""
        out = Out()
        call("image_edit", self._p, text(src), json.dumps(spec).encode(), text(dst), OPTS, out.ref, **how)
        return out.str()

    def export(self, ref, fd, **how):
        """Writes an image's file system as a tar to a file descriptor."""
        call("image_export", self._p, text(ref), fd, OPTS, **how)

    def validate(self, ref, **how):
        """The report on an image that is right; else an Error."""
        out = Out()
        call("image_validate", self._p, text(ref), OPTS, out.ref, **how)
        return json.loads(out.str())

    def delete(self, ref, **how):
        call("delete", self._p, text(ref), OPTS, **how)

    def tags(self, repository, **how):
        return iterate("tags", self._p, text(repository), **how)

    def catalog(self, host, **how):
        return iterate("catalog", self._p, text(host), **how)

    def login(self, host, user, secret, **how):
        call("login", self._p, text(host), text(user), text(secret), OPTS, **how)

    def harbor(self, url, user=None, password=None):
        return Harbor(self, url, user, password)

    def kube(self, kubeconfig=None, context=None):
        return Kube(self, kubeconfig, context)

    def release(self, path, **settings):
        """A release file; settings are those of imgrel_release_set."""
        return Release(self, path, **settings)


class Robot(_Handle):
    """A robot account. Its secret is wiped when it is closed and does not show in repr()."""
    _free = "imgrel_robot_free"

    @property
    def name(self):
        return lib.imgrel_robot_name(self._p).decode()

    @property
    def secret(self):
        value = lib.imgrel_robot_secret(self._p)
        return value.decode() if value else None

    @property
    def info(self):
        return json.loads(lib.imgrel_robot_json(self._p))

    def __repr__(self):
        return f"<imgrel.Robot {self.name}>" if self._p else "<imgrel.Robot closed>"


class Harbor(_Handle):
    _free = "imgrel_harbor_free"

    def __init__(self, client, url, user, password):
        super().__init__()
        self._client = client
        quick("harbor_new", client._p, text(url), text(user), text(password), C.byref(self._p))

    def check(self, **how):
        out = Out()
        call("harbor_check", self._p, OPTS, out.ref, **how)
        return json.loads(out.str())

    def project_ensure(self, name, private=None, **how):
        out = Out()
        call("harbor_project_ensure", self._p, text(name), -1 if private is None else int(private), OPTS,
             out.ref, **how)
        return json.loads(out.str())

    def project_delete(self, name, with_repositories=False, **how):
        call("harbor_project_delete", self._p, text(name), int(with_repositories), OPTS, **how)

    def robot_ensure(self, project, name, role="pull", expires="never", new_secret=False, **how):
        robot = Robot()
        spec = json.dumps({"role": role, "expires": expires, "new_secret": new_secret}).encode()
        call("harbor_robot_ensure", self._p, text(project), text(name), spec, OPTS, C.byref(robot._p), **how)
        return robot

    def robot_delete(self, project, name, **how):
        call("harbor_robot_delete", self._p, text(project), text(name), OPTS, **how)

    def request(self, method, path, body=None, **how):
        out, status = Out(), C.c_int()
        data = None if body is None else json.dumps(body).encode()
        call("harbor_request", self._p, text(method), text(path), data, OPTS, out.ref, C.byref(status), **how)
        reply = out.str()
        return status.value, json.loads(reply) if reply else None


class Kube(_Handle):
    _free = "imgrel_kube_free"

    def __init__(self, client, kubeconfig, context):
        super().__init__()
        self._client = client
        quick("kube_new", client._p, text(kubeconfig), text(context), C.byref(self._p))

    def namespace_ensure(self, name, **how):
        out = Out()
        call("kube_namespace_ensure", self._p, text(name), OPTS, out.ref, **how)
        return json.loads(out.str())

    def secret_ensure(self, namespace, name, registry, user, password, **how):
        out = Out()
        call("kube_secret_ensure", self._p, text(namespace), text(name), text(registry), text(user),
             text(password), OPTS, out.ref, **how)
        return json.loads(out.str())

    def pod_run(self, namespace, name, how=None, **spec):
        out = Out()
        call("kube_pod_run", self._p, text(namespace), text(name), json.dumps(spec).encode(), OPTS, out.ref,
             **(how or {}))
        return json.loads(out.str())

    def wait(self, namespace, obj, **how):
        out = Out()
        call("kube_wait", self._p, text(namespace), text(obj), OPTS, out.ref, **how)
        return json.loads(out.str())

    def diagnose(self, namespace, obj, **how):
        out = Out()
        call("kube_diagnose", self._p, text(namespace), text(obj), OPTS, out.ref, **how)
        return json.loads(out.str())

    def delete(self, namespace, obj, **how):
        call("kube_delete", self._p, text(namespace), text(obj), OPTS, **how)


class Release(_Handle):
    """A release; each verb gives its report. A verb that fails raises Error with .report set."""
    _free = "imgrel_release_free"

    def __init__(self, client, path, **settings):
        super().__init__()
        self._client = client
        quick("release_load", client._p, text(path), C.byref(self._p))
        for key, value in settings.items():
            quick("release_set", self._p, key.encode(), text(str(value)))

    def _verb(self, name, how):
        out = Out()
        try:
            call("release_" + name, self._p, OPTS, out.ref, **how)
        except Error as e:
            e.report = json.loads(out.str() or "null")
            raise
        return json.loads(out.str())

    def plan(self, **how):
        return self._verb("plan", how)

    def apply(self, **how):
        return self._verb("apply", how)

    def verify(self, **how):
        return self._verb("verify", how)

    def delete(self, **how):
        return self._verb("delete", how)

    def render(self, **how):
        out = Out()
        call("release_render", self._p, OPTS, out.ref, **how)
        return out.str()
