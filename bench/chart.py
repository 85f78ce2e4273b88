# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A bar chart of ratios to native as an SVG file."""
from html import escape

from measure import geomean

COLOURS = ["#1b6ca8", "#e08e2b", "#5a9f4b", "#b04a5a", "#7a6bb0", "#8a8a8a",
           "#3aa6a6", "#c9b13c"]
LEFT, TOP, BAR, GAP, PLOT, MOST = 130, 50, 9, 8, 640, 3.0


def groups(results, names):
    """[(title, [ratio or None per side])], the means first."""
    rows = []
    for group in ("kernels", "programs"):
        some = [r for r in results if r.program.group == group]
        if some:
            rows.append((f"mean, {group}",
                         [geomean([r.ratio(n) for r in some])
                          for n in names]))
    return rows + [(r.program.name, [r.ratio(n) for n in names])
                   for r in results]


def text(x, y, s, extra=""):
    return f'<text x="{x}" y="{y}" {extra}>{escape(s)}</text>'


def bar(y, ratio, colour):
    width = min(ratio, MOST) / MOST * PLOT
    out = [f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 1}" '
           f'fill="{colour}"/>',
           text(round(LEFT + width + 4, 1), y + BAR - 2, f"{ratio:.2f}",
                'font-size="8"')]
    return out


def write(path, results, names):
    """Bars of every side but native, which is the line at 1."""
    names = [n for n in names if n != "native"]
    rows = groups(results, names)
    height = TOP + len(rows) * (BAR * len(names) + GAP) + 20
    width = LEFT + PLOT + 60
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" font-family="sans-serif" font-size="11">',
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           text(LEFT, 16, "CPU time divided by native clang -O2; "
                "shorter is faster")]
    for i, n in enumerate(names):
        x = LEFT + i * 100
        out.append(f'<rect x="{x}" y="24" width="10" height="10" '
                   f'fill="{COLOURS[i % len(COLOURS)]}"/>')
        out.append(text(x + 14, 33, n))
    for tick in range(int(MOST) + 1):
        x = LEFT + tick / MOST * PLOT
        colour = "#444444" if tick == 1 else "#dddddd"
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" '
                   f'y2="{height - 16}" stroke="{colour}"/>')
        out.append(text(round(x - 3, 1), height - 4, str(tick)))
    y = TOP
    for title, ratios in rows:
        out.append(text(LEFT - 6, y + BAR * len(names) // 2 + 4, title,
                        'text-anchor="end"'))
        for i, ratio in enumerate(ratios):
            if ratio:
                out += bar(y + i * BAR, ratio, COLOURS[i % len(COLOURS)])
        y += BAR * len(names) + GAP
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out + ["</svg>", ""]))
