"""The public headers, read: what the Python binding, its declarations and the manual are made from.

Only what the headers' own style allows is understood; anything else ends with its place, so that a
declaration never is left out in silence."""
import pathlib
import re
from typing import List, NamedTuple

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "include/imgrel"


class Function(NamedTuple):
    name: str
    result: str  # "int", "const char *"
    args: List[str]  # "const char *host" each
    text: str  # as it stands in the header, one line
    comment: str  # of the block that it stands in
    header: str


class Header(NamedTuple):
    name: str
    intro: str  # its first comment, without the file's name
    text: str
    functions: List[Function]


def first_sentence(comment):
    return re.split(r"(?<=[.:;])\s", " ".join(comment.split()) + " ")[0].rstrip(".:; ")


def order(folder=FOLDER):
    """Names of the headers in the order of the umbrella, the mock's last."""
    names = re.findall(r"#include <imgrel/(\w+\.h)>", (folder / "imgrel.h").read_text())
    closed = []

    def add(name):
        for below in re.findall(r"#include <imgrel/(\w+\.h)>", (folder / name).read_text()):
            add(below)
        if name not in closed:
            closed.append(name)

    for name in names + sorted(p.name for p in folder.glob("*.h") if p.name != "imgrel.h"):
        add(name)
    return closed


def unwrap(comment):
    """A comment's text without its stars; empty lines stay, as ends of paragraphs."""
    body = re.sub(r"^/\*+<?|\*/$", "", comment.strip())
    return "\n".join(re.sub(r"^\s*\*\s*", "", line).strip() for line in body.splitlines()).strip()


def parameters(text):
    return [] if text.strip() == "void" else [" ".join(a.split()) for a in text.split(",")]


def read(name, folder=FOLDER):
    text = (folder / name).read_text()
    intro = unwrap(re.match(r"/\*.*?\*/", text, re.S).group(0))
    functions, comment = [], ""
    for m in re.finditer(r"(/\*.*?\*/)|IMGREL_API\s+([^;(#]*?)\b(imgrel_\w+)\(([^)]*)\);", text, re.S):
        if m.group(1):
            comment = unwrap(m.group(1)) if m.group(1).startswith("/**") else ""
            continue
        result, function, args = m.group(2).strip(), m.group(3), parameters(m.group(4))
        functions.append(Function(function, result, args, " ".join(m.group(0).split()), comment, name))
    wanted = len(re.findall(r"^IMGREL_API ", text, re.M))
    if len(functions) != wanted:
        raise SystemExit(f"{name}: {wanted} declarations, {len(functions)} understood")
    return Header(name, re.sub(r"^\w+\.h - ", "", intro), text, functions)


def all_headers(folder=FOLDER):
    return [read(name, folder) for name in order(folder)]
