"""The figures of the report: effort against kept characters, reliability, latency, and acceptance over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import floor, isfinite
from typing import TYPE_CHECKING

from empower_model.fitting import Bin, Interval
from empower_training.report.log import Period
from empower_training.report.replays import ReplayRow, Series
from empower_training.report.shares import share_of
from empower_training.report.svg import GRID, INK, MARKERS, PAPER, SERIES, SOFT, Size, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FULL = (Size(960, 440), Size(352, 400))
HALF = (Size(464, 380), Size(352, 340))
SHORT = (Size(960, 240), Size(352, 250))
HIGHEST = 1.3
"""Net effort above which a policy is marked at the edge: on one scale with them, no other could be told apart."""


@dataclass(frozen=True, slots=True)
class Reliable:
    """Bins of probability to be drawn as one line."""

    name: str
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Colour and marker by which a series is told from the others."""

    number: int
    """Of its colour and marker, from 0: there are seven, then they come again."""
    hollow: bool = False

    @property
    def colour(self) -> str:
        """Return the colour's stand-in."""
        return SERIES[self.number % len(SERIES)]

    @property
    def marker(self) -> str:
        """Return the marker as matplotlib names it."""
        return MARKERS[self.number % len(MARKERS)]


def looks(series: Sequence[Series]) -> list[Look]:
    """Return the looks of rules and, hollow, of further models."""
    counts = {False: count(), True: count()}
    return [Look(next(counts[sweep.further]), sweep.further) for sweep in series]


def curve(name: str, series: Sequence[Series], default: str) -> str:
    """Draw net effort against the share of kept characters, a line a rule; the default policy is ringed."""

    def draw(axes: Axes, size: Size) -> None:
        axes.axhline(1, color=INK, linewidth=1, dashes=(4, 3))
        note = "no assistant" if size.narrow else "no assistant: what typing all of it costs"
        axes.annotate(note, (0, 1), xytext=(4, 4), textcoords="offset points", color=SOFT, fontsize=11)
        for sweep, look in zip(series, looks(series), strict=True):
            _sweep(axes, sweep, look, default, labelled=not size.narrow)
        most = max(min(row.kept.high, 1) for sweep in series for row in sweep.rows)
        axes.set_xlim(0, min(1.0, max(0.1, most) * 1.04))
        lowest = min(_low(row.effort) for sweep in series for row in sweep.rows)
        axes.set_ylim(min(0.9, floor(lowest * 20) / 20), HIGHEST + 0.03)  # room for marks at the edge
        _percent(axes, x=True)
        axes.set_xlabel(
            "kept characters, share of the text" if size.narrow else "kept characters, as a share of the text"
        )
        axes.set_ylabel("net effort (lower is better)")

    told = "; ".join(
        f"{row.policy}: {row.effort.estimate:.2f} at {row.kept.estimate:.0%}" for sweep in series for row in sweep.rows
    )
    return figure(name, f"Net effort against kept characters. {told}", FULL, draw)


def _sweep(axes: Axes, sweep: Series, look: Look, default: str, *, labelled: bool) -> None:
    colour = look.colour
    line = [(row.kept.estimate, row.effort.estimate) for row in sweep.rows if row.effort.estimate <= HIGHEST]
    if line and not sweep.further:
        axes.plot(*zip(*line, strict=True), color=colour, zorder=2)
    for row, label in zip(sweep.rows, sweep.labels, strict=True):
        x, y = row.kept.estimate, row.effort.estimate
        face, edge = (PAPER, colour) if look.hollow else (colour, PAPER)
        axes.plot([x], [min(y, HIGHEST)], marker=look.marker, color=face, zorder=4, markeredgecolor=edge)
        if y > HIGHEST:
            continue
        for across, along in (([row.kept.low, row.kept.high], [y, y]), ([x, x], [row.effort.low, row.effort.high])):
            axes.plot(across, along, color=colour, linewidth=1, alpha=0.3, zorder=1)
        if row.policy == default:
            axes.plot([x], [y], marker="o", markersize=17, color="none", markeredgecolor=INK, zorder=5)
        if labelled and label:
            # neighbours in the list have labels on different sides, since their lines often lie on each other
            offset, side = ((0, 10), "bottom") if look.number % 2 else ((0, -10), "top")
            axes.annotate(
                label, (x, y), offset, textcoords="offset points", ha="center", va=side, color=colour, fontsize=10
            )


def reliability(name: str, lines: Sequence[Reliable]) -> str:
    """Draw the share that was right against the probability given, with intervals; the diagonal is the truth."""

    def draw(axes: Axes, size: Size) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, dashes=(4, 3))
        axes.annotate("as foretold", (0.05, 0.02), xytext=(4, 2), textcoords="offset points", color=SOFT, fontsize=11)
        for number, line in enumerate(lines):
            look = Look(number)
            colour = look.colour
            shares = [share_of(bin_.right * bin_.spans, bin_.spans) for bin_ in line.bins]
            at = [bin_.predicted for bin_ in line.bins]
            for x, share in zip(at, shares, strict=True):
                axes.plot([x, x], [share.low, share.high], color=colour, linewidth=1.2, alpha=0.5)
            right = [share.estimate for share in shares]
            axes.plot(at, right, color=colour, marker=look.marker, markeredgecolor=PAPER)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        _percent(axes, x=True, y=True)
        axes.set_xlabel("probability the server gave a text")
        axes.set_ylabel("share that was right")

    return figure(name, "Share of texts that were right against the probability they were given.", HALF, draw)


def latencies(name: str, rows: Sequence[ReplayRow], default: str) -> str:
    """Draw the median and the 95th percentile of each policy."""
    some = [row for row in rows if all(map(isfinite, row.latency))]
    several = len({row.model for row in some}) > 1
    height = max(HALF[0].height, 22 * len(some) + 60)

    def draw(axes: Axes, size: Size) -> None:
        for place, row in enumerate(reversed(some)):
            colour = SERIES[0] if row.policy == default else SOFT
            axes.plot(row.latency, [place, place], color=colour, linewidth=2, alpha=0.5)
            axes.plot([row.latency[0]], [place], marker="o", color=colour, markeredgecolor=PAPER)
            axes.plot([row.latency[1]], [place], marker="|", markersize=12, markeredgewidth=2, color=colour)
        names = [f"{row.policy} ({row.model})" if several else row.policy for row in reversed(some)]
        axes.set_yticks(range(len(some)), names)
        axes.set_ylim(-0.7, len(some) - 0.3)
        axes.set_xlim(0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("ms to an answer")

    told = "; ".join(f"{row.policy}: {row.latency[0]:.0f} and {row.latency[1]:.0f} ms" for row in some)
    sizes = (Size(HALF[0].width, height), Size(HALF[1].width, height))
    return figure(name, f"Median and 95th percentile of the time to an answer. {told}", sizes, draw)


def acceptance(name: str, periods: Sequence[Period], unit: str) -> str:
    """Draw the share accepted in each period with its interval, over bars of how many were decided on."""

    def draw(axes: Axes, size: Size) -> None:
        counts = axes.twinx()
        counts.set_zorder(axes.get_zorder() - 1)
        axes.patch.set_visible(False)
        at = [period.start.toordinal() for period in periods]
        width = 0.8 if unit == "day" else 5.6
        counts.bar(at, [period.decided for period in periods], width=width, color=GRID)
        counts.set_ylim(0, 3 * max(1, *(period.decided for period in periods)))
        counts.grid(visible=False)
        counts.spines[["right", "top"]].set_visible(False)
        counts.set_yticks([])
        some = [(x, period.share) for x, period in zip(at, periods, strict=True) if period.decided]
        for x, share in some:
            axes.plot([x, x], [share.low, share.high], color=SERIES[0], linewidth=1.2, alpha=0.5)
        shares = [share.estimate for _, share in some]
        axes.plot([x for x, _ in some], shares, color=SERIES[0], marker="o", markeredgecolor=PAPER)
        axes.set_ylim(0, 1.02)
        _percent(axes, y=True)
        axes.set_ylabel("accepted")
        _dates(axes, periods, size, width)

    told = "; ".join(f"{_date(period)}: {period.accepted} of {period.decided}" for period in periods)
    return figure(name, f"Share of completions accepted by {unit}. {told}", SHORT, draw)


def answers(name: str, periods: Sequence[Period], unit: str) -> str:
    """Draw the median and the 95th percentile of the time to an answer in each period."""

    def draw(axes: Axes, size: Size) -> None:
        at = [period.start.toordinal() for period in periods]
        for number, ms in enumerate(([period.p50_ms for period in periods], [period.p95_ms for period in periods])):
            look = Look(number)
            axes.plot(at, ms, color=look.colour, marker=look.marker, markeredgecolor=PAPER)
        axes.set_ylim(0)
        axes.set_ylabel("ms to an answer")
        _dates(axes, periods, size, 0.8 if unit == "day" else 5.6)

    told = "; ".join(f"{_date(period)}: {period.p50_ms:.0f} and {period.p95_ms:.0f} ms" for period in periods)
    return figure(name, f"Median and 95th percentile of the time to an answer by {unit}. {told}", SHORT, draw)


def _dates(axes: Axes, periods: Sequence[Period], size: Size, width: float) -> None:
    """Write a few dates below, evenly among the periods."""
    most = 4 if size.narrow else 8
    step = -(-len(periods) // most)
    some = periods[::step]
    axes.set_xticks([period.start.toordinal() for period in some], [_date(period) for period in some])
    axes.set_xlim(periods[0].start.toordinal() - width, periods[-1].start.toordinal() + width)
    axes.grid(visible=False, axis="x")


def _date(period: Period) -> str:
    return f"{period.start.day} {period.start:%b}"


def _low(interval: Interval) -> float:
    return interval.low if isfinite(interval.low) else interval.estimate


def _percent(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    from matplotlib.ticker import PercentFormatter

    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
