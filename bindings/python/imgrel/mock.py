"""libimgrel-mock from Python: a registry, Harbor and Kubernetes in this process, for tests.

    with imgrel.mock.Mock() as m, m.client() as c:
        c.copy("oci:app", f"{m.host}/library/app:1")

DisposableHarbor is the same for a real Harbor: what a test makes there goes when it is closed."""
from __future__ import annotations

import ctypes as C
import json
import os
import secrets
from typing import Any, Dict, Optional, TypeVar

from . import Client, Harbor, _abi
from ._call import Out, _bind, c_json
from ._types import raised

SONAME = "libimgrel-mock.so.0"
S = TypeVar("S", bound="Site")


def _load() -> C.CDLL:
    path = os.environ.get("IMGREL_MOCK_LIBRARY")
    beside = os.environ.get("IMGREL_LIBRARY", "").replace("libimgrel.so", "libimgrel-mock.so")
    tried = []
    for candidate in [path] if path else [c for c in (beside, SONAME) if c]:
        try:
            library = C.CDLL(candidate)
            _bind(library, candidate, _abi.MOCK_FUNCTIONS)
            return library
        except OSError as e:
            tried.append(f"{candidate}: {e}")
    raise ImportError("libimgrel-mock is not there (install libimgrel-mock, or set IMGREL_MOCK_LIBRARY): " + "; ".join(tried))


_lib = _load()


class _Said(Out):
    def __del__(self) -> None:
        if self.p.value:
            _lib.imgrel_mock_free_string(self.p)


class Site:
    """Where a test works: a registry, a Harbor, maybe a cluster, and a project of its own."""

    url: str
    host: str
    user: str
    password: str
    project: str
    ca_file: Optional[str] = None
    kubeconfig: Optional[str] = None

    def client(self, **config: Any) -> Client:
        """A client that may push here."""
        said: Dict[str, Any] = dict(registry_hosts=[self.host], registry_user=self.user, registry_password=self.password)
        if self.url.startswith("http://"):
            said["plain_http"] = [self.host]
        if self.ca_file:
            said["ca_file"] = self.ca_file
        return Client(**{**said, **config})

    def harbor(self, client: Client) -> Harbor:
        return client.harbor(self.url, self.user, self.password)

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Mock(Site):
    """Started with the configuration of imgrel_mock_start as keyword arguments."""

    project, user = "library", "admin"

    def __init__(self, **config: Any) -> None:
        self._p = C.c_void_p()
        error = _abi.Error()
        if _lib.imgrel_mock_start(c_json(config), C.byref(self._p), C.byref(error)):
            raise raised(error)
        self.url, self.host = self._get("url") or "", self._get("host") or ""
        self.password, self.ca_file = self._get("admin_password") or "", self._get("ca_file")
        self.kubeconfig = self._get("kubeconfig")

    def _get(self, what: str) -> Optional[str]:
        value = _lib.imgrel_mock_get(self._p, what.encode())
        return None if value is None else value.decode()

    def control(self, **command: Any) -> Any:
        """Steers it: fault, faults, scan, clock, log, state as imgrel_mock_control has them."""
        said, error = _Said(), _abi.Error()
        if _lib.imgrel_mock_control(self._p, c_json(command), said.ref, C.byref(error)):
            raise raised(error)
        return said.json()

    @property
    def log(self) -> Any:
        """The requests so far, oldest first."""
        return self.control(log=True)

    def close(self) -> None:
        p, self._p = self._p, C.c_void_p()
        if p:
            _lib.imgrel_mock_stop(p)

    def __del__(self) -> None:
        if getattr(self, "_p", None):
            self.close()


class DisposableHarbor(Site):
    """A project of a random name on a Harbor that exists; deleted with all that is in it."""

    def __init__(self, url: str, user: str, password: str, ca_file: Optional[str] = None) -> None:
        self.url, self.user, self.password, self.ca_file = url, user, password, ca_file
        self.host = url.split("//", 1)[1].split("/", 1)[0]
        self.project = "imgrel-test-" + secrets.token_hex(6)
        with self.client() as c, self.harbor(c) as h:
            h.project_ensure(self.project, True)

    def close(self) -> None:
        with self.client() as c, self.harbor(c) as h:
            h.project_delete(self.project, True)


def conformance(url: str, user: str, password: str, **spec: Any) -> Any:
    """Asks a Harbor what the mock's own tests ask of the mock; the report."""
    said, error = _Said(), _abi.Error()
    document = json.dumps({"url": url, "user": user, "password": password, **spec}).encode()
    if _lib.imgrel_mock_conformance(document, None, said.ref, C.byref(error)):
        raise raised(error)
    return said.json()


__all__ = ["DisposableHarbor", "Mock", "Site", "conformance"]
