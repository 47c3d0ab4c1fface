"""plot.py - the table as a picture: for each work a line, on it a dot for each program, at its figure as a multiple
of the best peer's. Two panels, seconds and seconds of processor, on a logarithmic axis; SVG by hand."""
import html
import math

COLOURS = {"imgrel": "#c0392b", "crane": "#2c6fbb", "oras": "#7d5ba6", "regctl": "#2e8b57", "skopeo": "#8a8a8a"}
LEFT, PANEL, GAP, TOP, LINE = 280, 320, 50, 70, 24
LOW, HIGH = -2.0, 4.0  # powers of two
STYLE = "font-family='sans-serif' font-size='12'"


def x_of(panel, ratio):
    at = min(max(math.log2(max(ratio, 1e-6)), LOW), HIGH)
    return LEFT + panel * (PANEL + GAP) + (at - LOW) / (HIGH - LOW) * PANEL


def text(x, y, words, anchor="start", colour="#222", weight="normal"):
    return f"<text x='{x:.1f}' y='{y:.1f}' {STYLE} text-anchor='{anchor}' fill='{colour}' font-weight='{weight}'>{html.escape(words)}</text>"


def axis(panel, title, bottom):
    out = [text(LEFT + panel * (PANEL + GAP) + PANEL / 2, TOP - 34, title, "middle", weight="bold")]
    for power in range(int(LOW), int(HIGH) + 1):
        x = x_of(panel, 2.0 ** power)
        out.append(f"<line x1='{x:.1f}' y1='{TOP - 8}' x2='{x:.1f}' y2='{bottom}' stroke='{'#444' if power == 0 else '#ddd'}'/>")
        out.append(text(x, TOP - 14, f"{2.0 ** power:g}×", "middle", "#666"))
    return out


def draw(rows, caption):
    """rows: [(title, {program: (seconds, processor seconds, MiB)})]; the SVG's text."""
    bottom = TOP + LINE * len(rows)
    width = LEFT + 2 * PANEL + GAP + 30
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{bottom + 62}' viewBox='0 0 {width} {bottom + 62}'>",
           f"<rect width='{width}' height='{bottom + 62}' fill='#fff'/>"]
    out += axis(0, "seconds, best peer = 1", bottom) + axis(1, "seconds of processor, best peer = 1", bottom)
    for i, (title, got) in enumerate(rows):
        y = TOP + LINE * i + LINE / 2
        out.append(text(LEFT - 12, y + 4, title, "end"))
        for panel in (0, 1):
            best = min((v[panel] for p, v in got.items() if p != "imgrel"), default=0)
            for program, v in sorted(got.items(), key=lambda kv: kv[0] == "imgrel"):
                if best <= 0:
                    continue
                r = 6 if program == "imgrel" else 4
                out.append(f"<circle cx='{x_of(panel, v[panel] / best):.1f}' cy='{y:.1f}' r='{r}' fill='{COLOURS.get(program, '#000')}' fill-opacity='0.85'>"
                           f"<title>{html.escape(program)} {v[panel]:.3f} s</title></circle>")
    x = LEFT
    for program, colour in COLOURS.items():
        if any(program in got for _, got in rows):
            out.append(f"<circle cx='{x}' cy='{bottom + 22}' r='5' fill='{colour}'/>")
            out.append(text(x + 10, bottom + 26, program))
            x += 90
    out.append(text(LEFT - 270, bottom + 50, caption, colour="#666"))
    return "\n".join(out) + "\n</svg>\n"
