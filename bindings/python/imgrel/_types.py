"""What calls give and take: errors by code, secrets that do not show, reports that do not change."""
from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional, Tuple, Type, Union

from . import _abi


class Error(Exception):
    """What went wrong: code ("ENOTFOUND"), message, cure, http_status, reason (the server's own
    code), retryable, retry_after (seconds), request_id; report: what a verb of a release did
    before it failed."""

    def __init__(self, code: str, message: str, cure: str = "", http_status: int = 0, reason: str = "",
                 request_id: str = "", retryable: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message + (f" ({cure})" if cure else ""))
        self.code, self.message, self.cure = code, message, cure
        self.http_status, self.reason, self.request_id = http_status, reason, request_id
        self.retryable, self.retry_after = retryable, retry_after
        self.report: Any = None

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.code, self.message, self.cure, self.http_status, self.reason, self.request_id,
                            self.retryable, self.retry_after), {"report": self.report}


class NotFound(Error):
    """ENOTFOUND: what was named is not there."""


class AuthError(Error):
    """EAUTH and EDENIED: the login is wrong, or may not."""


class Denied(AuthError):
    """EDENIED: the login is right and may not."""


class Conflict(Error):
    """ECONFLICT: something else has the name or the field."""


class DigestError(Error):
    """EDIGEST: content is not what its digest says."""


class Unreachable(Error):
    """ENET: the server cannot be reached."""


class Timeout(Error, TimeoutError):
    """ETIMEOUT: the deadline passed."""


class Cancelled(Error):
    """ECANCELED: the call was ended early."""


class InvalidArgument(Error, ValueError):
    """EINVAL: an argument, a file or a setting is wrong."""


class Forked(Error):
    """EFORKED: a client made before fork() was used in the child."""


_BY_CODE: Dict[str, Type[Error]] = {
    "ENOTFOUND": NotFound, "EAUTH": AuthError, "EDENIED": Denied, "ECONFLICT": Conflict, "EDIGEST": DigestError,
    "ENET": Unreachable, "ETIMEOUT": Timeout, "ECANCELED": Cancelled, "EINVAL": InvalidArgument, "EFORKED": Forked}


def raised(e: _abi.Error) -> Error:
    """The exception for a filled imgrel_error."""
    code = _abi.CODES.get(e.code, ("EUNKNOWN", ""))[0]
    return _BY_CODE.get(code, Error)(
        code, e.message.decode("utf-8", "replace"), e.cure.decode("utf-8", "replace"), e.http_status,
        e.reason.decode("utf-8", "replace"), e.request_id.decode("utf-8", "replace"), bool(e.retryable),
        e.retry_after_ms / 1000)


class Secret:
    """A password or token. Does not show in repr(), str() or a log; reveal() gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: Union[str, bytes, bytearray]) -> None:
        self._value = bytearray(value.encode() if isinstance(value, str) else value)

    def reveal(self) -> str:
        return self._value.decode()

    def wipe(self) -> None:
        """Overwrites it."""
        self._value[:] = bytes(len(self._value))

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Tuple[Any, ...]:
        raise TypeError("a secret is not pickled")


SecretLike = Union[Secret, str, bytes, bytearray]


@dataclasses.dataclass(frozen=True)
class Event:
    """One progress report; kind is one of the EVENT_ numbers of the library."""

    kind: int
    what: str
    detail: str
    done: int
    total: int
    rate: int
    attempt: int


@dataclasses.dataclass(frozen=True)
class LogRecord:
    """One record of the log; level 1 (error) to 4 (debug), fields as the library gave them."""

    level: int
    component: str
    message: str
    fields: Dict[str, Any]


@dataclasses.dataclass(frozen=True)
class ConfigKey:
    """One row of the configuration table."""

    name: str
    type: str
    env: str
    default: str
    doc: str
    secret: bool


@dataclasses.dataclass(frozen=True)
class Step:
    """One row of a release's report."""

    step: str
    target: str
    state: str
    detail: str = ""
    digest: Optional[str] = None
    ms: int = 0
    cure: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """What a verb of a release did; raw is the document itself."""

    app: str
    version: str
    result: str
    digest: Optional[str]
    url: Optional[str]
    steps: Tuple[Step, ...]
    raw: Any = dataclasses.field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Any) -> Report:
        names = {f.name for f in dataclasses.fields(Step)}
        steps = tuple(Step(**{k: v for k, v in {"target": "", **s}.items() if k in names and v is not None})
                      for s in raw.get("steps", []))
        return cls(raw.get("app", ""), raw.get("version", ""), raw.get("result", ""), raw.get("digest"), raw.get("url"),
                   steps, raw)
