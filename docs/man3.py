#!/usr/bin/env python3
"""man3.py VERSION FOLDER: makes the manual's section 3 from the public headers: a page for every
function, one for every header, and libimgrel(3) that leads to them."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bindings"))
import headers  # noqa: E402

RETURNS = "0, or a negative IMGREL_E* code; err then says what failed, on what, why, and what to do."


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def paragraphs(text):
    return "\n.PP\n".join(roff(" ".join(p.split())) for p in re.split(r"\n\s*\n", text) if p.strip())


def verbatim(text):
    return ".nf\n" + re.sub(r"^$", r"\\&", roff(text.strip("\n")), flags=re.M) + "\n.fi"


def synopsis(f):
    call = f"{f.result}{'' if f.result.endswith('*') else ' '}{f.name}("
    lines, line = [], call
    for i, arg in enumerate(f.args or ["void"]):
        piece = arg + (");" if i == len(f.args or [0]) - 1 else ", ")
        if len(line + piece) > 78:
            lines.append(line.rstrip())
            line = " " * 8
        line += piece
    return verbatim("\n".join([f"#include <imgrel/{f.header}>", "", *lines, line]))


def title(name, version):
    return f'.\\" Made from the public headers by docs/man3.py.\n.TH {name.upper()} 3 "" "libimgrel {version}" "Library Functions Manual"'


def function_page(f, header, version):
    described, _, errors = re.sub(r"\s+", " ", f.comment).partition("Errors")
    errors = re.sub(r"^( also)?: ?", r"Beside the common ones: " if errors.startswith(" also") else "", errors)
    out = [title(f.name, version), ".SH NAME", f"{roff(f.name)} \\- {roff(headers.first_sentence(f.comment))}",
           ".SH SYNOPSIS", synopsis(f), ".SH DESCRIPTION", paragraphs(described)]
    if f.result == "int" and f.args[-1].startswith("imgrel_error") and "eturns" not in f.comment:
        out += [".SH RETURN VALUE", roff(RETURNS)]
    if errors:
        out += [".SH ERRORS", paragraphs(errors)]
    others = sorted(g.name for g in header.functions if g.name != f.name)
    out += [".SH NOTES", paragraphs(header.intro), ".SH SEE ALSO",
            ",\n".join(f".BR {roff(n)} (3)" for n in [page_of(header), "libimgrel", *others]).replace(",\n", " ,\n")]
    return "\n".join(out) + "\n"


def page_of(header):
    return "libimgrel-" + header.name[:-2]


def header_page(header, version):
    name = page_of(header)
    out = [title(name, version), ".SH NAME", f"{roff(name)} \\- {roff(headers.first_sentence(header.intro))}",
           ".SH SYNOPSIS", verbatim(f"#include <imgrel/{header.name}>"), ".SH DESCRIPTION", paragraphs(header.intro)]
    types = re.findall(r"^typedef struct \w+ \{.*?^\} \w+;|^#define IMGREL_[A-Z]\w+ .*?\d+u?\b.*?$", header.text, re.S | re.M)
    if types:
        out += [".SH TYPES AND CONSTANTS", verbatim("\n".join(re.sub(r"/\*\*< ", "/* ", t) for t in types))]
    out.append(".SH FUNCTIONS")
    for f in header.functions:
        out += [".TP", f".BR {roff(f.name)} (3)", roff(headers.first_sentence(f.comment))]
    return "\n".join(out + [".SH SEE ALSO", ".BR libimgrel (3)"]) + "\n"


def overview(all_headers, version):
    intro = headers.unwrap(re.match(r"/\*.*?\*/", (headers.FOLDER / "imgrel.h").read_text(), re.S).group(0))
    rules = re.split(r"\n(?=\d\. )", re.sub(r"^imgrel\.h - ", "", intro))
    out = [title("libimgrel", version), ".SH NAME", "libimgrel \\- from a container image's build to a running pod",
           ".SH SYNOPSIS", verbatim("#include <imgrel/imgrel.h>\n\ncc program.c $(pkg-config --cflags --libs libimgrel)"),
           ".SH DESCRIPTION", paragraphs("\n\n".join(rules)), ".SH HEADERS"]
    for h in all_headers:
        out += [".TP", f".BR {roff(page_of(h))} (3)", roff(headers.first_sentence(h.intro))]
    return "\n".join(out + [".SH SEE ALSO", ".BR imgrel (1) ,", ".BR imgrel\\-config (5)"]) + "\n"


def main():
    version, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.3"):
        old.unlink()
    every = headers.all_headers()
    (folder / "libimgrel.3").write_text(overview(every, version))
    for h in every:
        (folder / f"{page_of(h)}.3").write_text(header_page(h, version))
        for f in h.functions:
            (folder / f"{f.name}.3").write_text(function_page(f, h, version))


main()
