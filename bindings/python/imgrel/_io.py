"""What is read and written like a file or a socket, and the robot that holds a secret."""
from __future__ import annotations

import ctypes as C
import io
import json
from typing import Any, Optional

from . import _abi
from ._call import Handle, Out, borrowed, lib, perform, quick
from ._types import Secret, raised


class Robot(Handle):
    """A robot account. Its secret is wiped when it is closed and does not show in repr()."""

    _noun = "robot"

    @property
    def name(self) -> str:
        """The full name to log in with."""
        return borrowed("robot_name", self) or ""

    @property
    def secret(self) -> Optional[Secret]:
        """None if it is not known: Harbor tells it once."""
        value = lib.imgrel_robot_secret(self.pointer())
        return None if value is None else Secret(value)

    @property
    def info(self) -> Any:
        """The robot as Harbor has it, with "imgrel": what was done."""
        return json.loads(borrowed("robot_json", self) or "null")

    def __repr__(self) -> str:
        return f"<imgrel.Robot {self.name}>" if self._p else "<imgrel.Robot closed>"


class _Stream(Handle, io.RawIOBase):
    """Bytes under the token of the call that opened it: Ctrl-C ends a read or a write."""

    _read = _write = ""

    def _checked(self, n: int, error: Any) -> int:
        if self._run is not None and self._run.raised is not None:
            raise self._run.raised
        if n < 0:
            raise raised(error)
        return n

    def _transfer(self, name: str, buffer: Any, size: int) -> int:
        assert self._run is not None
        error = _abi.Error()
        with self._lock:
            args = [self.pointer(), buffer, size, C.byref(error)]
            return self._checked(perform(self._run, getattr(lib, name), args, self), error)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if not len(view):
            return 0
        return self._transfer(self._read, (C.c_char * len(view)).from_buffer(view), len(view))

    def write(self, data: Any) -> int:
        raw = bytes(data)
        return self._transfer(self._write, raw, len(raw)) if raw else 0

    def readable(self) -> bool:
        return bool(self._read)

    def writable(self) -> bool:
        return bool(self._write)

    @property
    def closed(self) -> bool:
        return not getattr(self, "_p", None)

    def close(self) -> None:
        Handle.close(self)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        Handle.__del__(self)


class Blob(_Stream):
    """A blob, as io.RawIOBase: read to its verified end, or written and then committed."""

    _noun, _read, _write = "blob", "imgrel_blob_read", "imgrel_blob_write"

    @property
    def size(self) -> int:
        """Bytes; -1 if the registry did not say."""
        return int(lib.imgrel_blob_size(self.pointer()))

    def commit(self) -> str:
        """Ends an upload; its digest."""
        assert self._run is not None
        out, error = Out(), _abi.Error()
        rc = perform(self._run, lib.imgrel_blob_commit, [self.pointer(), out.ref, C.byref(error)], (self, out))
        self._checked(rc, error)
        return out.str()


class Conn(_Stream):
    """One connection into a pod."""

    _noun, _read, _write = "conn", "imgrel_conn_read", "imgrel_conn_write"

    def shutdown(self) -> None:
        """Ends our side."""
        quick("conn_shutdown", self)

