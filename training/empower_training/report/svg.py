"""matplotlib figures as SVG that takes its colours and its type from the page, in a wide and in a narrow form.

Nothing is drawn in a real colour: each role below has a stand-in that matplotlib writes into the SVG, where a CSS
variable of the page takes its place. So one figure is right on a light page and on a dark one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
"""Text, lesser text, thin lines, and what lies behind a mark."""
SERIES = ("#0a0a01", "#0a0a02", "#0a0a03", "#0a0a04", "#0a0a05", "#0a0a06", "#0a0a07")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""A series is told by its shape too."""

_VARIABLES = {INK: "ink", SOFT: "soft", GRID: "grid", PAPER: "paper"} | {
    colour: f"series-{number}" for number, colour in enumerate(SERIES, start=1)
}
_SIZE = 12
"""CSS pixels of the type, where a figure is as wide as it was drawn."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "empower-lsp",  # the same figure is the same SVG
    "font.family": "DejaVu Sans",  # comes with matplotlib; only measured with, the page's own type is shown
    "font.size": _SIZE,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.pad": 7,
    "ytick.major.pad": 7,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.parse_math": False,  # a name may hold dollars
    "text.color": INK,
    "lines.linewidth": 2,
    "lines.markersize": 9,
    "lines.markeredgewidth": 1.2,
}


@dataclass(frozen=True, slots=True)
class Size:
    """Of a drawing, in CSS pixels."""

    width: int
    height: int

    @property
    def narrow(self) -> bool:
        """Return whether it is for a telephone."""
        return self.width < 400


def figure(name: str, label: str, sizes: tuple[Size, Size], draw: Callable[[Axes, Size], None]) -> str:
    """Draw in both sizes, as HTML of which the page shows the one that fits; `label` says what is seen."""
    forms = zip(("wide", "narrow"), sizes, strict=True)
    return "".join(
        f'<div class="{form}" role="img" aria-label="{escape(label)}">{_svg(f"{name}-{form}", size, draw)}</div>'
        for form, size in forms
    )


def _svg(name: str, size: Size, draw: Callable[[Axes, Size], None]) -> str:
    """Draw in one size, the ids made unique by `name`."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        drawn = Figure(figsize=(size.width / 72, size.height / 72), layout="constrained")  # an SVG has 72 to the inch
        axes = drawn.add_subplot()
        draw(axes, size)
        written = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        drawn.savefig(written, format="svg", transparent=True, metadata=nothing)
    return _inlined(written.getvalue(), name)


def _inlined(svg: str, name: str) -> str:
    """Return the SVG element alone, sized by the page, with variables for the stand-ins."""
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(
        r'<svg xmlns:xlink[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', svg, count=1
    )
    svg = re.sub(r'(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    for stand_in, variable in _VARIABLES.items():
        svg = svg.replace(stand_in, f"var(--{variable})")
    return re.sub(r"\n\s*", "\n", svg).strip()
