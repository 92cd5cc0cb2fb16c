"""Figures as SVG for a page: no colour of their own, no name twice, the same every time."""

import re
from typing import TYPE_CHECKING

from empower_training.report.svg import INK, SERIES, Size, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = (Size(600, 300), Size(300, 200))


def draw(axes: "Axes", size: Size) -> None:
    axes.plot([0, 1], [1, 0], color=SERIES[0], marker="o")
    axes.annotate("narrow" if size.narrow else "wide", (0, 0), color=INK)
    axes.set_xlabel("from <a> & $b to c$")


def test_colours_are_the_pages() -> None:
    drawn = figure("one", "what is seen", SIZES, draw)
    assert re.findall(r"#[0-9a-f]{6}\b", drawn) == []
    assert {"ink", "soft", "grid", "series-1"} <= set(re.findall(r"var\(--([\w-]+)\)", drawn))


def test_the_page_shows_the_form_that_fits() -> None:
    wide, narrow = figure("one", 'a "label" & more', SIZES, draw).split('<div class="narrow"')
    assert 'class="wide"' in wide
    assert 'viewBox="0 0 600 300"' in wide
    assert ">wide<" in wide
    assert 'viewBox="0 0 300 200"' in narrow
    assert ">narrow<" in narrow
    assert wide.count('aria-label="a &quot;label&quot; &amp; more"') == 1


def test_text_is_text_as_it_was_given() -> None:
    assert "from &lt;a&gt; &amp; $b to c$" in figure("one", "", SIZES, draw)


def test_no_id_is_there_twice_and_all_that_is_referred_to_is() -> None:
    drawn = figure("one", "", SIZES, draw) + figure("two", "", SIZES, draw)
    ids = re.findall(r'\bid="([^"]+)"', drawn)
    assert len(ids) == len(set(ids)) > 20
    uses = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', drawn)
    assert uses
    assert {used or other for used, other in uses} <= set(ids)


def test_it_is_the_same_every_time_and_loads_nothing() -> None:
    drawn = figure("one", "", SIZES, draw)
    assert drawn == figure("one", "", SIZES, draw)
    assert set(re.findall(r'https?://[^"<]+', drawn)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<!" not in drawn
    assert "<?xml" not in drawn
    assert "metadata" not in drawn
