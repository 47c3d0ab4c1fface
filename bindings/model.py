"""The public functions as the bindings see them: which handle each belongs to, what goes in, what
comes out. Worked out from the headers' own conventions, so that a new function needs no line here."""
import re
from typing import List, NamedTuple, Optional

import headers

# By hand because the library's callers hold them, not a binding's: memory, tokens, callbacks, iterators.
MACHINERY = {"free", "cancel_new", "cancel_fire", "cancel_fired", "cancel_fd", "cancel_free", "client_new",
             "client_set", "client_get", "client_log", "config_row", "iter_next", "release_on_secret",
             "strerror", "code_name", "version", "secure_init"}
MAKERS = {"new": "", "load": "", "open": "_open", "create": "_create"}  # harbor_new is client.harbor
PARAMETERS = {"from": "src", "to": "dst", "bytes": "content", "object": "name"}  # words of Python or Go
JSON_IN = {"spec", "json", "command", "config"}
FLAGS = {"is_private", "with_repositories"}
SECRETS = {"password", "secret"}


class Param(NamedTuple):
    name: str
    kind: str  # str, secret, json, bytes, flag, tristate, int, fd
    optional: bool


class Method(NamedTuple):
    handle: Optional[str]  # "client", "harbor"...; None: a function of the module
    name: str  # without the handle's noun: "project_ensure"
    function: headers.Function
    params: List[Param]
    slots: List[str]  # every C argument in turn: a parameter's name, or self, opts, err, out:KIND
    results: List[str]  # kinds: str, json, bytes, int, handle:robot, items, json_items
    opts: bool


def said_optional(name, comment):
    return bool(re.search(rf"\b{name}(?: \(may be NULL\)|:? [^.;]{{0,60}}?\bNULL\b|: [^.]*; NULL)", comment))


def is_optional(name, header):
    """NULL is told once for a parameter that several functions of a header share."""
    if name in ("ns", "key", "parent"):
        return True
    return any(said_optional(name, " ".join(f.comment.split())) for f in header.functions)


def split(arg):
    """'const char *name' as (type, stars, name)."""
    m = re.match(r"(?:const )?(\w+) ?(\**)(\w+)$", arg)
    if not m:
        raise SystemExit(f"model.py: cannot read the parameter '{arg}'")
    return m.group(1), len(m.group(2)), m.group(3)


def result_kind(base, name, f):
    if base == "imgrel_iter":
        return "json_items" if "JSON" in f.comment else "items"
    if base.startswith("imgrel_"):
        return "handle:" + base[7:]
    if base in ("int", "int64_t"):
        return "int"
    return {"ret_json": "json", "ret_descriptor": "json", "ret_bytes": "bytes"}.get(name, "str")


def read_method(f, header):
    noun, params, slots, results, opts = None, [], [], [], False
    args = [split(a) for a in f.args]
    if args and args[0][0].startswith("imgrel_") and args[0][1] == 1 and args[0][0] not in ("imgrel_opts", "imgrel_error"):
        noun = args[0][0][7:]
    for i, (base, stars, name) in enumerate(args):
        following = args[i + 1][2] if i + 1 < len(args) else ""
        if i == 0 and noun:
            slots.append("self")
        elif base == "imgrel_opts":
            opts = True
            slots.append("opts")
        elif base == "imgrel_cancel":
            slots.append("cancel")
        elif base == "imgrel_error":
            slots.append("err")
        elif stars == 2 or (stars == 1 and base in ("int", "int64_t", "size_t")):
            if name == "ret_len":
                slots.append("out:len")
            else:
                results.append(result_kind(base, name, f))
                slots.append("out:" + results[-1])
        elif name == "len" and slots[-1].startswith("bytes:"):
            slots.append("len")
        else:
            kind = ("bytes" if following == "len" else "json" if name in JSON_IN else
                    "secret" if name in SECRETS else "str") if stars else \
                "fd" if name == "fd" else "flag" if name in FLAGS else "int"
            if name == "is_private":
                kind = "tristate"
            name = PARAMETERS.get(name, name)
            params.append(Param(name, kind, bool(stars) and is_optional(name, header)))
            slots.append(("bytes:" if kind == "bytes" else "in:") + name)
    name = f.name[len("imgrel_"):]
    if results and results[0].startswith("handle:"):
        made = results[0][7:]
        for suffix, kept in MAKERS.items():
            if name == f"{made}_{suffix}":
                name = made + kept
    if noun and noun != "client":
        name = name[len(noun) + 1:] if name.startswith(noun + "_") else name
    return Method(noun, name, f, params, slots, results, opts)


def methods(without=("mock.h",)):
    for header in headers.all_headers():
        for f in header.functions:
            name = f.name[len("imgrel_"):]
            if header.name not in without and name not in MACHINERY and not name.endswith("_free"):
                yield read_method(f, header)
