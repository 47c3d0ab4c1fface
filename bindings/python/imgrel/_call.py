"""Loads libimgrel and makes its calls: options, cancel, progress, errors, handles.

A blocking call of the main thread runs on a worker while the main thread waits, so that Ctrl-C
arrives at once: the token is fired, the call ends, KeyboardInterrupt goes on. What a call uses belongs
to the worker, so that nothing is freed under it. An asyncio call is the same with a future."""
from __future__ import annotations

import _thread
import asyncio
import ctypes as C
import json
import os
import threading
import weakref
from typing import Any, Callable, Generic, List, Optional, Tuple, Type, TypedDict, TypeVar, Union

from . import _abi
from ._types import Event, Secret, SecretLike, raised

SONAME = "libimgrel.so.0"
Progress = Callable[[Event], Any]


class LibraryError(ImportError):
    """libimgrel is not there, or is not the one that this package was made for."""


def _load() -> Tuple[C.CDLL, str]:
    tried = []
    path = os.environ.get("IMGREL_LIBRARY")
    bundled = os.path.join(os.path.dirname(__file__), "_lib", SONAME)
    for candidate in [path] if path else [bundled, SONAME]:
        try:
            return C.CDLL(candidate), candidate
        except OSError as e:
            tried.append(f"{candidate}: {e}")
    raise LibraryError("libimgrel is not there (install libimgrel0, or set IMGREL_LIBRARY): " + "; ".join(tried))


def _bind(library: C.CDLL, path: str, functions: List[Any]) -> None:
    for name, result, args in functions:
        try:
            f = getattr(library, name)
        except AttributeError:
            raise LibraryError(f"{path}: it has no {name}: an older libimgrel than this package needs") from None
        f.restype, f.argtypes = result, args


lib, library_path = _load()
_bind(lib, library_path, _abi.FUNCTIONS)
if C.sizeof(_abi.Error) != 1024:
    raise LibraryError("struct imgrel_error is not 1024 bytes here")


def c_text(value: Union[None, str, bytes, "os.PathLike[str]"]) -> Optional[bytes]:
    if value is None or isinstance(value, bytes):
        return value
    return os.fspath(value).encode()


def c_secret(value: Optional[SecretLike]) -> Optional[bytes]:
    if value is None or isinstance(value, (bytes, bytearray)):
        return None if value is None else bytes(value)
    return (value.reveal() if isinstance(value, Secret) else value).encode()


def c_json(value: Any) -> Optional[bytes]:
    """JSON as text, or what becomes JSON."""
    return c_text(value) if value is None or isinstance(value, (str, bytes)) else json.dumps(value).encode()


def c_fd(file: Any) -> int:
    return file if isinstance(file, int) else int(file.fileno())


class Cancel:
    """A sticky token: fired from any thread, it ends every call that was given it."""

    def __init__(self) -> None:
        self._p = C.c_void_p()
        err = _abi.Error()
        if lib.imgrel_cancel_new(C.byref(self._p), C.byref(err)):
            raise raised(err)

    def fire(self) -> None:
        lib.imgrel_cancel_fire(self._p)

    @property
    def fired(self) -> bool:
        return bool(lib.imgrel_cancel_fired(self._p))

    def __del__(self) -> None:
        if lib is not None and getattr(self, "_p", None):
            lib.imgrel_cancel_free(self._p)


def _on_progress(key: int, event: Any) -> int:
    run = _runs.get(key)
    return run.report(event.contents) if run is not None else 0


_trampoline = _abi.ProgressFn(_on_progress)
_runs: "weakref.WeakValueDictionary[int, Run]" = weakref.WeakValueDictionary()
OPTS: Any = object()  # stands for the options among a call's arguments


class How(TypedDict, total=False):
    """How a call runs: timeout in seconds; platform ("linux/arm64"); jobs: parallel transfers; force,
    dry_run, fast: the flags; progress: told an Event now and then; cancel: a token to fire."""

    timeout: Optional[float]
    platform: Optional[str]
    jobs: int
    force: bool
    dry_run: bool
    fast: bool
    progress: Optional[Progress]
    cancel: Optional[Cancel]


class Run:
    """The options of one call, and what its callback raised."""

    def __init__(self, timeout: Optional[float] = None, platform: Optional[str] = None, jobs: int = 0,
                 force: bool = False, dry_run: bool = False, fast: bool = False,
                 progress: Optional[Progress] = None, cancel: Optional[Cancel] = None) -> None:
        self.raised: Optional[BaseException] = None
        self.progress, self.cancel = progress, cancel or Cancel()
        self.platform = c_text(platform)
        self.error = _abi.Error()
        _runs[id(self)] = self
        flags = ((_abi.FLAG_FORCE if force else 0) | (_abi.FLAG_DRY_RUN if dry_run else 0)
                 | (_abi.FLAG_FAST if fast else 0))
        self.opts = _abi.Opts(size=C.sizeof(_abi.Opts), cancel=self.cancel._p,
                              progress=_trampoline if progress else _abi.ProgressFn(), user=id(self),
                              timeout_ms=int((timeout or 0) * 1000), platform=self.platform, jobs=jobs, flags=flags)

    def report(self, e: Any) -> int:
        try:
            assert self.progress is not None
            self.progress(Event(e.kind, e.what.decode("utf-8", "replace"), e.detail.decode("utf-8", "replace"),
                                e.done, e.total, e.rate, e.attempt))
        except BaseException as problem:  # it comes out of the call
            self.raised = problem
            return 1
        return 0


class Out:
    """A T ** argument. A string is taken over and freed with it."""

    def __init__(self) -> None:
        self.p = C.c_void_p()

    @property
    def ref(self) -> Any:
        return C.byref(self.p)

    def bytes(self, length: Optional[int] = None) -> bytes:
        if not self.p.value:
            return b""
        return C.string_at(self.p.value) if length is None else C.string_at(self.p.value, length)

    def str(self) -> str:
        return self.bytes().decode("utf-8", "replace")

    def json(self) -> Any:
        said = self.bytes()
        return json.loads(said) if said else None

    def __del__(self) -> None:
        if lib is not None and self.p.value:
            lib.imgrel_free(self.p)


class Made(Out):
    """A handle that a call makes: given to its owner by take()."""

    def take(self) -> Any:
        p, self.p = self.p, C.c_void_p()
        return p


class Number(Out):
    """An int64_t *, int * or size_t * argument."""

    def __init__(self, kind: Any = C.c_int) -> None:
        self.p = kind()

    @property
    def value(self) -> int:
        return int(self.p.value or 0)

    def __del__(self) -> None:
        pass


def _prepared(run: Run, args: Tuple[Any, ...]) -> List[Any]:
    ready: List[Any] = []
    for a in args:
        if a is OPTS:
            ready.append(C.byref(run.opts))
        elif isinstance(a, Out):
            ready.append(a.ref)
        elif isinstance(a, Handle):
            ready.append(a.pointer())
        else:
            ready.append(a)
    return ready + [C.byref(run.error)]


def _checked(run: Run, rc: int, args: Tuple[Any, ...]) -> int:
    if run.raised is not None:
        raise run.raised
    if rc < 0:
        problem = raised(run.error)
        documents = [a for a in args if type(a) is Out and a.p.value]
        if documents:
            try:
                problem.report = documents[0].json()
            except ValueError:
                pass
        raise problem
    return rc


class _Job:
    """A C call on a worker. It begins only once its maker lets it, and ends before anyone goes on."""

    def __init__(self, run: Run, fn: Any, args: List[Any], keep: Any) -> None:
        self.run, self.fn, self.args, self.keep = run, fn, args, keep
        self.gate, self.done = _thread.allocate_lock(), threading.Event()
        self.abandoned, self.rc = False, 0
        self.after: Optional[Callable[[], None]] = None
        self.gate.acquire()

    def work(self) -> None:
        self.gate.acquire()
        try:
            if not self.abandoned:
                self.rc = self.fn(*self.args)
        finally:
            self.done.set()
            if self.after:
                self.after()

    def open_gate(self) -> None:
        if self.gate.locked():
            self.gate.release()

    def start(self) -> None:
        try:
            _thread.start_new_thread(self.work, ())
        except BaseException:
            self.abandoned = True
            self.open_gate()
            raise


def _wait(job: _Job) -> None:
    """Until the job has ended, whatever arrives meanwhile; that is raised then."""
    interrupt: Optional[BaseException] = None
    while not job.done.is_set():
        try:
            try:
                if interrupt is not None:
                    job.run.cancel.fire()
                job.open_gate()
                job.done.wait()
            except BaseException as e:  # KeyboardInterrupt, or what a signal handler raised
                interrupt = e
                job.run.cancel.fire()
        except BaseException as e:
            interrupt = e
    if interrupt is not None:
        raise interrupt


def perform(run: Run, fn: Any, args: List[Any], keep: Any = None) -> int:
    if threading.current_thread() is not threading.main_thread():
        return int(fn(*args))
    job = _Job(run, fn, args, keep)
    job.start()
    _wait(job)
    return job.rc


async def perform_async(run: Run, fn: Any, args: List[Any], keep: Any = None) -> int:
    loop = asyncio.get_running_loop()
    ended: "asyncio.Future[None]" = loop.create_future()
    job = _Job(run, fn, args, keep)

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def after() -> None:
        loop.call_soon_threadsafe(end)

    job.after = after
    job.start()
    job.open_gate()
    cancelled: Optional[asyncio.CancelledError] = None
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError as e:
            cancelled = e
            run.cancel.fire()
    if cancelled is not None:
        raise cancelled
    return job.rc


H = TypeVar("H", bound="Handle")


class Handle:
    """Something of the library's that must be closed; closing it closes first what came from it."""

    _noun = ""

    def __init__(self, pointer: Any, parent: Optional["Handle"] = None, run: Optional[Run] = None) -> None:
        self._p, self._parent, self._run = pointer, parent, run
        self._children: "weakref.WeakSet[Handle]" = weakref.WeakSet()
        self._lock = threading.RLock()
        self._tasks: Optional[asyncio.Lock] = None
        if parent is not None:
            parent._children.add(self)

    @classmethod
    def _from(cls: Type[H], made: Made, parent: Optional["Handle"] = None, run: Optional[Run] = None) -> H:
        self = cls.__new__(cls)
        Handle.__init__(self, made.take(), parent, run)
        return self

    def pointer(self) -> Any:
        if not getattr(self, "_p", None):
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._p

    def close(self) -> None:
        """Frees it; again, nothing."""
        if not getattr(self, "_p", None):
            return
        for child in list(self._children):
            child.close()
        with self._lock:
            p, self._p = self._p, None
            if p:
                getattr(lib, f"imgrel_{self._noun}_free")(p)

    def __enter__(self: H) -> H:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if lib is not None:
            self.close()

    def _quick(self, name: str, *args: Any) -> int:
        """A call that does not block."""
        return quick(name, self, *args)

    def _call(self, name: str, args: Tuple[Any, ...], run: Run) -> int:
        with self._serial():
            ready = _prepared(run, args)
            rc = perform(run, getattr(lib, "imgrel_" + name), ready, args)
        self._told()
        return _checked(run, rc, args)

    async def _acall(self, name: str, args: Tuple[Any, ...], run: Run) -> int:
        async with self._turn():
            ready = _prepared(run, args)
            rc = await perform_async(run, getattr(lib, "imgrel_" + name), ready, args)
        self._told()
        return _checked(run, rc, args)

    def _serial(self) -> Any:
        """Every handle but a client is one thread's at a time."""
        return self._lock

    def _turn(self) -> Any:
        """The same among the tasks of a loop."""
        if self._tasks is None:
            self._tasks = asyncio.Lock()
        return self._tasks

    def _told(self) -> None:
        """Raises what the client's log callback raised."""
        if self._parent is not None:
            self._parent._told()


def quick(name: str, *args: Any) -> int:
    run = Run.__new__(Run)
    run.raised, run.error = None, _abi.Error()
    return _checked(run, getattr(lib, "imgrel_" + name)(*_prepared(run, args)), args)


def borrowed(name: str, *args: Any) -> Optional[str]:
    """A const char * that lives with its handle."""
    value = getattr(lib, "imgrel_" + name)(*[a.pointer() if isinstance(a, Handle) else a for a in args])
    return None if value is None else value.decode("utf-8", "replace")


T = TypeVar("T")


def plain(item: str) -> str:
    return item


def _more(it: Any, items: List[str], error: Any) -> int:
    """Up to 256 items, so that a long list does not change threads for each."""
    item, rc = C.c_void_p(), 1
    while rc == 1 and len(items) < 256:
        rc = lib.imgrel_iter_next(it, C.byref(item), C.byref(error))
        if rc == 1:
            items.append(C.string_at(item).decode("utf-8", "replace"))
    return rc


class Items(Handle, Generic[T]):
    """A list that is fetched page by page as it is read; close() ends it early."""

    _noun = "iter"

    def _begin(self, load: Callable[[str], T]) -> Items[T]:
        self._load = load
        self._ready: List[str] = []
        self._left = True
        self._problem: Optional[BaseException] = None
        return self

    def _took(self, rc: int, items: List[str]) -> None:
        self._ready, self._left = items[::-1], rc == 1
        try:
            _checked(self._running(), rc, ())
        except BaseException as e:  # after what came before it
            self._problem = e

    def _running(self) -> Run:
        assert self._run is not None
        return self._run

    def _end(self) -> None:
        """At the end: closed, and what ended it raised."""
        self.close()
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def __iter__(self) -> Items[T]:
        return self

    def __next__(self) -> T:
        while not self._ready:
            if not self._left or not self._p:
                self._end()
                raise StopIteration
            items: List[str] = []
            run = self._running()
            self._took(perform(run, _more, [self._p, items, run.error], self), items)
        return self._load(self._ready.pop())

    def __aiter__(self) -> Items[T]:
        return self

    async def __anext__(self) -> T:
        while not self._ready:
            if not self._left or not self._p:
                self._end()
                raise StopAsyncIteration
            items: List[str] = []
            run = self._running()
            self._took(await perform_async(run, _more, [self._p, items, run.error], self), items)
        return self._load(self._ready.pop())
