#!/usr/bin/env python3
"""Makes imgrel/_abi.py, the ctypes view of the C API, from the public headers.

Every IMGREL_API declaration becomes a row (name, result, arguments); a contract test makes the file
again and compares. Nothing in it is written by hand."""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import headers  # noqa: E402

SCALARS = {"int": "C.c_int", "int32_t": "C.c_int32", "uint32_t": "C.c_uint32", "int64_t": "C.c_int64",
           "uint64_t": "C.c_uint64", "size_t": "C.c_size_t", "void": "None"}


CALLBACKS = {"imgrel_progress_fn": "ProgressFn", "imgrel_log_fn": "LogFn", "imgrel_secret_fn": "SecretFn"}


def ctype(text):
    """'const char *' and the like as an expression; handles are c_void_p."""
    text = re.sub(r"\bconst\b", " ", text)
    stars = text.count("*")
    base = text.replace("*", " ").strip()
    if base in SCALARS and not stars:
        return SCALARS[base]
    if base == "char" and stars == 1:
        return "C.c_char_p"
    if base == "char" and stars == 2:
        return "C.POINTER(C.c_void_p)"  # the caller's: must be freed, so the address is kept
    if base == "void" and stars == 1:
        return "C.c_void_p"
    if base in SCALARS and stars == 1:
        return f"C.POINTER({SCALARS[base]})"
    if base in ("imgrel_error", "imgrel_opts", "imgrel_config_key") and stars == 1:
        return "C.POINTER(%s)" % {"imgrel_error": "Error", "imgrel_opts": "Opts",
                                  "imgrel_config_key": "ConfigKey"}[base]
    if base in CALLBACKS and stars == 1:
        return CALLBACKS[base]
    if base.startswith("imgrel_") and stars == 1:
        return "C.c_void_p"
    if base.startswith("imgrel_") and stars == 2:
        return "C.POINTER(C.c_void_p)"
    raise SystemExit(f"generate.py: no ctypes for '{text}'")


def without_name(text):
    m = re.match(r"(.*?[\s*])(\w+)$", text)
    return m.group(1) if m and m.group(2) not in SCALARS else text


def fields(text, name):
    """Members of a public struct, as (name, expression)."""
    body = re.search(r"typedef struct %s \{(.*?)\} %s;" % (name, name), text, re.S).group(1)
    body = re.sub(r"/\*.*?\*/", " ", body, flags=re.S)
    for decl in filter(None, (d.strip() for d in body.split(";"))):
        m = re.match(r"(.*?[\s*])(\w+)(?:\[(\d+)\])?$", decl)
        kind, member, n = m.groups()
        yield member, f"C.c_char * {n}" if n else ctype(kind)


def main():
    out = ['"""Made by generate.py from include/imgrel; not to be edited."""', "import ctypes as C", ""]
    every = [h for h in headers.all_headers() if h.name != "mock.h"]
    texts = {h.name: h.text for h in every}
    codes = re.findall(r"X\((\w+), (-?\d+), \"([^\"]+)\"\)", texts["error.h"])
    out += ["CODES = {"] + [f"    {value}: ({name!r}, {text!r})," for name, value, text in codes] + ["}", ""]
    for h in every:
        for name, value in re.findall(r"#define IMGREL_(\w+) (\d+)u?\b", h.text):
            out.append(f"{name} = {value}")
    out += ["", ""]
    for cls, name, h in [("Error", "imgrel_error", "error.h"), ("Event", "imgrel_event", "client.h"),
                         ("LogRecord", "imgrel_log_record", "client.h")]:
        out += [f"class {cls}(C.Structure):", "    _fields_ = ["]
        out += [f"        ({m!r}, {t})," for m, t in fields(texts[h], name)] + ["    ]", "", ""]
    out += ["ProgressFn = C.CFUNCTYPE(C.c_int, C.c_void_p, C.POINTER(Event))",
            "LogFn = C.CFUNCTYPE(None, C.c_void_p, C.POINTER(LogRecord))",
            "SecretFn = C.CFUNCTYPE(C.c_int, C.c_void_p, *[C.c_char_p] * 4)", "", ""]
    for cls, name, h in [("Opts", "imgrel_opts", "client.h"), ("ConfigKey", "imgrel_config_key", "client.h")]:
        out += [f"class {cls}(C.Structure):", "    _fields_ = ["]
        out += [f"        ({m!r}, {t})," for m, t in fields(texts[h], name)] + ["    ]", "", ""]
    out.append("FUNCTIONS = [")
    for f in (f for h in every for f in h.functions):
        args = ", ".join(ctype(without_name(a)) for a in f.args)
        out.append(f"    ({f.name!r}, {ctype(f.result)}, [{args}]),")
    out += ["]", ""]
    text = "\n".join(out)
    target = HERE / "imgrel/_abi.py"
    if "--check" in sys.argv:
        sys.exit(0 if target.read_text() == text else "imgrel/_abi.py is old: run generate.py")
    target.write_text(text)


main()
