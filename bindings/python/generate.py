#!/usr/bin/env python3
"""Makes imgrel/_abi.py, the ctypes view of the C API, and imgrel/_api.py, its functions as typed
methods, from the public headers. A contract test makes both again and compares. Nothing in them is
written by hand: a new public function is there once this has run."""
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import headers  # noqa: E402
import model  # noqa: E402

SCALARS = {"int": "C.c_int", "int32_t": "C.c_int32", "uint32_t": "C.c_uint32", "int64_t": "C.c_int64",
           "uint64_t": "C.c_uint64", "size_t": "C.c_size_t", "void": "None"}


CALLBACKS = {"imgrel_progress_fn": "ProgressFn", "imgrel_log_fn": "LogFn", "imgrel_secret_fn": "SecretFn"}


def ctype(text):
    """'const char *' and the like as an expression; handles are c_void_p."""
    borrowed = "const" in text
    text = re.sub(r"\bconst\b", " ", text)
    stars = text.count("*")
    base = text.replace("*", " ").strip()
    if base in SCALARS and not stars:
        return SCALARS[base]
    if base == "char" and stars == 1:
        return "C.c_char_p" if borrowed else "C.c_void_p"
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


def abi():
    out = ['"""Made by generate.py from include/imgrel; not to be edited."""', "import ctypes as C", ""]
    every = headers.all_headers()
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
    for table, mock in [("FUNCTIONS", False), ("MOCK_FUNCTIONS", True)]:
        out.append(f"{table} = [")
        for f in (f for h in every if (h.name == "mock.h") == mock for f in h.functions):
            args = ", ".join(ctype(without_name(a)) for a in f.args)
            out.append(f"    ({f.name!r}, {ctype(f.result)}, [{args}]),")
        out += ["]", ""]
    return "\n".join(out)


INS = {"str": "str", "secret": "SecretLike", "json": "Any", "bytes": "Union[str, bytes]", "flag": "bool",
       "tristate": "Optional[bool]", "int": "int", "fd": "Any"}
CONVERT = {"str": "c_text({})", "secret": "c_secret({})", "json": "c_json({})", "flag": "int({})", "int": "{}",
           "tristate": "-1 if {0} is None else int({0})", "fd": "c_fd({})"}
OUTS = {"str": "str", "json": "Any", "bytes": "bytes", "int": "int"}
NUMBERS = {"int64_t": "C.c_int64", "int": "C.c_int"}
HAND_MADE = {"blob", "conn", "iter", "robot"}  # their classes are in __init__.py's files
SYNC_ONLY = {"ref", "robot", "blob", "conn"}  # nothing of theirs blocks, or is written by hand


def class_of(noun, prefix):
    return ("" if noun in SYNC_ONLY else prefix) + noun.capitalize()


def defaulted(params):
    """From which parameter on all may be left out."""
    i = len(params)
    while i and (params[i - 1].optional or (params[i - 1].kind == "secret" and i > 1 and params[i - 2].optional)
                 or params[i - 1].kind in ("flag", "tristate")):
        i -= 1
    return i


def signature(m):
    first, out = defaulted(m.params), []
    for i, p in enumerate(m.params):
        kind = INS[p.kind]
        if i >= first:
            dflt = "False" if p.kind == "flag" else "None"
            kind = kind if p.kind in ("flag", "tristate", "json") else f"Optional[{kind}]"
            out.append(f"{p.name}: {kind} = {dflt}")
        else:
            out.append(f"{p.name}: " + (f"Optional[{kind}]" if p.optional and p.kind != "json" else kind))
    return out


def returns(m, prefix):
    kinds = []
    for r in m.results:
        if r.startswith("handle:"):
            kinds.append(class_of(r[7:], prefix))
        else:
            kinds.append({"items": "Items[str]", "json_items": "Items[Any]"}.get(r) or OUTS[r])
    if m.handle == "release" and m.results == ["json"]:
        kinds = ["Report"]
    return "None" if not kinds else kinds[0] if len(kinds) == 1 else f"Tuple[{', '.join(kinds)}]"


def c_arguments(m):
    """The expressions of the C call, and what must be there before it."""
    by_name, before, args, n = {p.name: p for p in m.params}, [], [], 0
    for slot, arg in zip(m.slots, m.function.args):
        if slot in ("self", "opts"):
            args.append({"self": "self", "opts": "OPTS"}[slot])
        elif slot.startswith("in:"):
            args.append(CONVERT[by_name[slot[3:]].kind].format(slot[3:]))
        elif slot.startswith("bytes:"):
            before.append(f"data = c_text({slot[6:]}) or b\"\"")
            args.append("data")
        elif slot == "len":
            args.append("len(data)")
        elif slot == "out:len":
            before.append("length = Number(C.c_size_t)")
            args.append("length")
        elif slot.startswith("out:"):
            kind, n = slot[4:], n + 1
            made = ("Number(%s)" % NUMBERS[arg.split(" ")[0]] if kind == "int" else
                    "Made()" if kind.startswith("handle:") or kind.endswith("items") else "Out()")
            before.append(f"out{n} = {made}")
            args.append(f"out{n}")
    return before, args


def result_of(kind, n, m, prefix):
    if kind.startswith("handle:"):
        owner = "self" if m.handle else "None"
        run = ", run" if kind[7:] in ("blob", "conn") else ""
        return f"{class_of(kind[7:], prefix)}._from(out{n}, {owner}{run})"
    if kind.endswith("items"):
        load = "json.loads" if kind == "json_items" else "plain"
        item = "Any" if kind == "json_items" else "str"
        return f"Items[{item}]._from(out{n}, self, run)._begin({load})"
    said = {"str": f"out{n}.str()", "json": f"out{n}.json()", "bytes": f"out{n}.bytes(length.value)",
            "int": f"out{n}.value"}[kind]
    return f"Report.of({said})" if m.handle == "release" and m.results == ["json"] else said


def docstring(m):
    words = re.sub(r"\bimgrel_", "", " ".join(m.function.comment.replace("\\", "").split()))
    for c, python in [(r"ret_\w+ \(may be NULL\): the caller's\. ?", ""), (r"[,;] the caller's(?=\.)", ""),
                      (r"The caller's \(free\)\. ?", ""), (r"\bret_(\w+)(?: \(may be NULL\))?", r"\1"),
                      (r"NULL", "None"), (r"\bopts\.(\w+)", r"\1=")]:
        words = re.sub(c, python, words)
    lines = textwrap.wrap(words, 100)
    return ['        """' + lines[0]] + ["        " + line for line in lines[1:-1]] + (
        ["        " + lines[-1] + '"""'] if len(lines) > 1 else []) if len(lines) > 1 else [f'        """{lines[0]}"""']


def emit_property(m):
    name = m.function.name
    if m.name == "secret":
        return ["    @property", "    def secret(self) -> Optional[Secret]:", *docstring(m),
                f"        value = borrowed({name!r}[7:], self)", "        return None if value is None else Secret(value)", ""]
    return ["    @property", f"    def {m.name}(self) -> Optional[str]:", *docstring(m),
            f"        return borrowed({name!r}[7:], self)", ""]


def emit(m, prefix):
    short = m.function.name[len("imgrel_"):]
    if m.function.result == "const char *":
        if not m.params:
            return emit_property(m)
        return [f"    def {m.name}(self, {', '.join(signature(m))}) -> Optional[str]:", *docstring(m),
                f"        return borrowed({short!r}, self, {', '.join(c_arguments(m)[1][1:])})", ""]
    waits = prefix and m.opts
    head = f"{'    ' if m.handle else ''}{'async ' if waits else ''}def {m.name}("
    params = (["self"] if m.handle else []) + signature(m) + (["**how: Unpack[How]"] if m.opts else [])
    before, args = c_arguments(m)
    out = [head + ", ".join(params) + f") -> {returns(m, prefix)}:", *docstring(m)]
    out += ["        " + b for b in before]
    if m.opts:
        out.append("        run = Run(**how)")
        call = "await self._acall" if prefix else "self._call"
        out.append(f"        {call}({short!r}, ({', '.join(args)}{',' if len(args) == 1 else ''}), run)")
    else:
        out.append(f"        quick({', '.join([repr(short)] + args)})")
    results = [result_of(r, i + 1, m, prefix) for i, r in enumerate(m.results)]
    if results:
        out.append("        return " + ", ".join(results))
    return out + [""]


def api():
    out = ['"""Made by generate.py from include/imgrel; not to be edited."""', "from __future__ import annotations", "",
           "import ctypes as C", "import json", "from typing import TYPE_CHECKING, Any, Optional, Tuple, Union", "",
           "from ._call import (OPTS, Handle, Items, Made, Number, Out, Run, borrowed, c_fd, c_json, c_secret, c_text,",
           "                    plain, quick)",
           "from ._io import Blob, Conn, Robot", "from ._types import Report, SecretLike", "",
           "if TYPE_CHECKING:", "    from typing_extensions import Unpack", "", "    from ._call import How", ""]
    every = list(model.methods())
    nouns = [n for n in dict.fromkeys(m.handle for m in every) if n and n not in HAND_MADE]
    for prefix in ("", "Async"):
        for noun in nouns:
            if prefix and noun in SYNC_ONLY:
                continue
            out += ["", f"class {class_of(noun, prefix)}{'Calls' if noun == 'client' else ''}(Handle):",
                    f'    """See libimgrel-{noun}(3)."""' if noun != "ref" else '    """A parsed reference."""', "",
                    f"    _noun = {noun!r}", ""]
            for m in every:
                if m.handle == noun:
                    out += emit(m, prefix)
    for m in every:
        if m.handle is None:
            out += ["", *[line[4:] if line.startswith("        ") else line for line in emit(m, "")]]
    return "\n".join(out).rstrip("\n") + "\n"


def main():
    for name, make in [("_abi.py", abi), ("_api.py", api)]:
        target, made = HERE / "imgrel" / name, make()
        if "--check" not in sys.argv:
            target.write_text(made)
        elif target.read_text() != made:
            sys.exit(f"imgrel/{name} is old: run generate.py")


main()
