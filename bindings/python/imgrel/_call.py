"""Loads libimgrel and makes one call: opts, cancel, progress, errors.

A blocking call made in the main thread runs on a worker thread while the main thread waits, so that
Ctrl-C arrives at once: the cancel token is fired, the call ends, KeyboardInterrupt goes on."""
import ctypes as C
import os
import threading

from . import _abi

SONAME = "libimgrel.so.0"


def _load():
    tried = []
    path = os.environ.get("IMGREL_LIBRARY")
    bundled = os.path.join(os.path.dirname(__file__), "_lib", SONAME)
    for candidate in [path] if path else [bundled, SONAME]:
        try:
            return C.CDLL(candidate)
        except OSError as e:
            tried.append(f"{candidate}: {e}")
    raise ImportError("libimgrel is not there (install libimgrel0, or set IMGREL_LIBRARY): "
                      + "; ".join(tried))


lib = _load()
for _name, _result, _args in _abi.FUNCTIONS:
    _f = getattr(lib, _name)
    _f.restype, _f.argtypes = _result, _args


class Error(Exception):
    """What went wrong: code ("ENOTFOUND"), message, cure, http_status, reason, retryable."""

    def __init__(self, e):
        self.code = _abi.CODES.get(e.code, ("EUNKNOWN", ""))[0]
        self.number = e.code
        self.http_status = e.http_status
        self.retryable = bool(e.retryable)
        self.retry_after = e.retry_after_ms / 1000
        self.reason = e.reason.decode("utf-8", "replace")
        self.request_id = e.request_id.decode("utf-8", "replace")
        self.message = e.message.decode("utf-8", "replace")
        self.cure = e.cure.decode("utf-8", "replace")
        super().__init__(self.message + (f" ({self.cure})" if self.cure else ""))


class NotFound(Error):
    pass


class AuthError(Error):
    pass


class Conflict(Error):
    pass


class DigestError(Error):
    pass


class Timeout(Error):
    pass


class Cancelled(Error):
    pass


_BY_NAME = {"ENOTFOUND": NotFound, "EAUTH": AuthError, "EDENIED": AuthError, "ECONFLICT": Conflict,
            "EDIGEST": DigestError, "ETIMEOUT": Timeout, "ECANCELED": Cancelled}


def raised(e):
    return _BY_NAME.get(_abi.CODES.get(e.code, ("",))[0], Error)(e)


def text(value):
    return value if value is None or isinstance(value, bytes) else os.fspath(value).encode()


class Run:
    """The opts of one call, and what its callback raised."""

    def __init__(self, timeout=None, platform=None, jobs=0, force=False, dry_run=False, fast=False,
                 progress=None):
        self.raised = None
        self.progress = progress
        self.token = C.c_void_p()
        err = _abi.Error()
        if lib.imgrel_cancel_new(C.byref(self.token), C.byref(err)):
            raise raised(err)
        self.platform = text(platform)
        self.callback = _abi.ProgressFn(self._report) if progress else _abi.ProgressFn()
        self.opts = _abi.Opts(size=C.sizeof(_abi.Opts), cancel=self.token, progress=self.callback,
                              timeout_ms=int((timeout or 0) * 1000), platform=self.platform, jobs=jobs,
                              flags=(_abi.FLAG_FORCE if force else 0) | (_abi.FLAG_DRY_RUN if dry_run else 0)
                              | (_abi.FLAG_FAST if fast else 0))

    def _report(self, _user, event):
        try:
            e = event.contents
            return 1 if self.progress(e.kind, e.what.decode(), e.detail.decode(), e.done, e.total) else 0
        except BaseException as e:  # it comes out of the call
            self.raised = e
            return 1

    def close(self):
        lib.imgrel_cancel_free(self.token)
        self.token = None


def _interruptible(run, fn, args):
    """fn(*args) on a worker; the main thread waits where Ctrl-C reaches it."""
    result, done = [], threading.Event()

    def work():
        try:
            result.append(fn(*args))
        finally:
            done.set()

    threading.Thread(target=work, daemon=True, name="imgrel").start()
    interrupt = None
    while True:
        try:
            done.wait()
            break
        except BaseException as e:  # KeyboardInterrupt, or what a signal handler raised
            interrupt = e
            lib.imgrel_cancel_fire(run.token)
    if interrupt is not None:
        raise interrupt
    return result[0]


def perform(run, fn, args):
    """fn(*args) under run's token, on a worker when this is the main thread."""
    main = threading.current_thread() is threading.main_thread()
    rc = _interruptible(run, fn, args) if main else fn(*args)
    if run.raised is not None:
        raise run.raised
    return rc


def call_in(run, name, *args):
    """imgrel_NAME(args..., &err) with run's opts where OPTS stands in args."""
    err = _abi.Error()
    args = [C.byref(run.opts) if a is OPTS else a for a in args] + [C.byref(err)]
    rc = perform(run, getattr(lib, "imgrel_" + name), args)
    if rc < 0:
        raise raised(err)
    return rc


def call(name, *args, **how):
    """One call with opts of its own."""
    run = Run(**how)
    try:
        return call_in(run, name, *args)
    finally:
        run.close()


def iterate(name, *args, **how):
    """The items of imgrel_NAME(args..., &iterator); the token lives as long as the iterator does."""
    run, it = Run(**how), C.c_void_p()
    try:
        call_in(run, name, *args, OPTS, C.byref(it))
        more = True
        while more:
            items, err = [], _abi.Error()
            rc = perform(run, _some, (it, items, err))
            yield from items
            if rc < 0:
                raise raised(err)
            more = rc == 1
    finally:
        lib.imgrel_iter_free(it)
        run.close()


def _some(it, items, err):
    """Up to 256 items, so that a long list does not change threads for each."""
    item, rc = C.c_void_p(), 1
    while rc == 1 and len(items) < 256:
        rc = lib.imgrel_iter_next(it, C.byref(item), C.byref(err))
        if rc == 1:
            items.append(C.string_at(item.value).decode("utf-8", "replace"))
    return rc


def quick(name, *args):
    """A call that does not block: no opts, no worker."""
    err = _abi.Error()
    rc = getattr(lib, "imgrel_" + name)(*args, C.byref(err))
    if rc < 0:
        raise raised(err)
    return rc


OPTS = object()


class Out:
    """A char ** argument: the string is taken over and freed."""

    def __init__(self):
        self.p = C.c_void_p()

    @property
    def ref(self):
        return C.byref(self.p)

    def bytes(self, length=None):
        try:
            if not self.p.value:
                return b""
            return C.string_at(self.p.value) if length is None else C.string_at(self.p.value, length)
        finally:
            lib.imgrel_free(self.p)
            self.p = C.c_void_p()

    def str(self):
        return self.bytes().decode("utf-8", "replace")
