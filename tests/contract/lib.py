"""What the tests in Python share: a counter of checks, for any number of threads, and the tree's files."""
import os
import pathlib
import subprocess
import sys
import threading

SRC = pathlib.Path(os.environ.get("SRC", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("BUILD", SRC / "_build/test"))
_passed, _failed, _skipped = 0, 0, 0
_lock = threading.Lock()


def check(ok, text, more=""):
    """Counts; of a failure the end of more is shown too."""
    global _passed, _failed
    with _lock:
        _passed, _failed = _passed + bool(ok), _failed + (not ok)
    if not ok:
        print("FAIL", text, str(more)[-3000:], flush=True)
    return ok


def skip(text):
    global _skipped
    _skipped += 1
    print("SKIP", text)


def done():
    print(f"{_passed} passed, {_failed} failed, {_skipped} skipped")
    sys.exit(1 if _failed or not _passed else 0)


def sources(*suffixes, below=("lib", "include", "examples", "tests")):
    for top in below:
        for path in sorted((SRC / top).rglob("*")):
            if path.suffix in suffixes and "node_modules" not in path.parts:
                yield path


def run(*argv, **kw):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, **kw)
