"""Release container images: from a build to a running pod.

    with imgrel.Client(plain_http="localhost:5000") as c:
        print(c.copy("oci:app", "localhost:5000/team/app:1.0.0"))

Every call that may block takes timeout (seconds), platform, jobs, force, dry_run, fast, progress and
cancel, and raises imgrel.Error. Ctrl-C ends it at once. AsyncClient is the same with await."""
from __future__ import annotations

import contextlib
import ctypes as C
import json
import weakref
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional, Union

from . import _abi
from ._api import (AsyncClientCalls, AsyncGitlab, AsyncHarbor, AsyncKube, AsyncRelease, ClientCalls, Gitlab, Harbor,
                   Kube, Ref, Release, node_render, ref_parse)
from ._call import Cancel, Handle, Items, LibraryError, borrowed, c_text, lib, library_path, quick
from ._io import Blob, Conn, Robot
from ._types import (AuthError, Cancelled, ConfigKey, Conflict, Denied, DigestError, Error, Event, Forked,
                     InvalidArgument, LogRecord, NotFound, Report, Secret, SecretLike, Step, Timeout, Unreachable)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._call import How

__all__ = ["AsyncClient", "AsyncGitlab", "AsyncHarbor", "AsyncKube", "AsyncRelease", "AuthError", "Blob", "Cancel",
           "Cancelled", "Client", "ConfigKey", "Conflict", "Conn", "Denied", "DigestError", "Error", "Event", "Forked",
           "Gitlab", "Harbor", "InvalidArgument", "Items", "Kube", "LibraryError", "LogRecord", "NotFound", "Ref",
           "Release", "Report", "Robot", "Secret", "Step", "Timeout", "Unreachable", "config_keys", "library_path",
           "node_render", "ref_parse", "secure_init", "version"]

Value = Union[None, str, int, float, bool, "list[str]", "tuple[str, ...]", SecretLike]


def version() -> str:
    """Version of the library that is loaded."""
    return borrowed("version") or ""


def secure_init() -> None:
    """Has curl, OpenSSL and jansson wipe what they free. To be called before anything else uses them
    in this process; Python's own ssl and hashlib count."""
    quick("secure_init")


def config_keys() -> Iterator[ConfigKey]:
    """The configuration table: the keyword arguments of Client."""
    row, i = _abi.ConfigKey(size=C.sizeof(_abi.ConfigKey)), 0
    while lib.imgrel_config_row(i, C.byref(row), None) == 0:
        yield ConfigKey(row.name.decode(), row.type.decode(), row.env.decode(), row.dflt.decode(), row.doc.decode(),
                        bool(row.secret))
        i += 1


def _setting(value: Value) -> Optional[bytes]:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (list, tuple)):
        return c_text(",".join(value))
    if isinstance(value, Secret):
        return value.reveal().encode()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return None if value is None else str(value).encode()


def _on_log(key: int, record: Any) -> None:
    client = _logging.get(key)
    if client is not None:
        client._record(record.contents)


_log_trampoline = _abi.LogFn(_on_log)
_logging: weakref.WeakValueDictionary[int, _Configured] = weakref.WeakValueDictionary()


class _Configured(Handle):
    """A client's life: made, configured, shared by any number of threads, closed."""

    _noun = "client"

    def __init__(self, *, log: Optional[Callable[[LogRecord], Any]] = None, **config: Value) -> None:
        super().__init__(C.c_void_p())
        quick("client_new", C.byref(self._p))
        self._log = log
        self._log_problem: Optional[BaseException] = None
        if log is not None:
            _logging[id(self)] = self
            lib.imgrel_client_log(self._p, _log_trampoline, id(self))
        for key, value in config.items():
            quick("client_set", self, key.encode(), _setting(value))

    def get(self, key: str) -> Optional[str]:
        """The value of a configuration key; None: unset, or a secret."""
        return borrowed("client_get", self, key.encode())

    def _record(self, r: Any) -> None:
        try:
            if self._log is not None:
                self._log(LogRecord(r.level, r.component.decode("utf-8", "replace"), r.message.decode("utf-8", "replace"),
                                    json.loads(r.fields or b"{}")))
        except BaseException as e:  # it comes out of the call
            self._log_problem = e

    def _told(self) -> None:
        problem, self._log_problem = self._log_problem, None
        if problem is not None:
            raise problem

    def _serial(self) -> Any:
        return contextlib.nullcontext()

    def _turn(self) -> Any:
        return _free_turn


class _FreeTurn:
    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


_free_turn = _FreeTurn()


class Client(_Configured, ClientCalls):
    """A client; keyword arguments are keys of the configuration table (imgrel-config(5)), lists may be
    given as lists; log is called with each LogRecord."""

    def manifest(self, ref: str, **how: Unpack[How]) -> bytes:
        """A manifest's or index's exact bytes."""
        return self.manifest_get(ref, **how)[0]


    def release(self, path: str, **settings: Value) -> Release:
        """A release file; settings are the keys of imgrel_release_set."""
        made = super().release(path)
        for key, value in settings.items():
            quick("release_set", made, key.encode(), _setting(value))
        return made


class AsyncClient(_Configured, AsyncClientCalls):
    """A client whose calls are awaited; cancelling the task ends the call."""

    async def manifest(self, ref: str, **how: Unpack[How]) -> bytes:
        """A manifest's or index's exact bytes."""
        return (await self.manifest_get(ref, **how))[0]

    def release(self, path: str, **settings: Value) -> AsyncRelease:
        """A release file; settings are the keys of imgrel_release_set."""
        made = super().release(path)
        for key, value in settings.items():
            quick("release_set", made, key.encode(), _setting(value))
        return made

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
