"""Puts the report together: one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from empower_lsp import __version__
from empower_model.fitting import Interval
from empower_training.replay import DEFAULT, NOBODY
from empower_training.report import figures
from empower_training.report.log import History
from empower_training.report.replays import NO_INTERVAL, Replay, ReplayRow, baseline, frontier, percent, sweeps, worth
from empower_training.report.svg import SERIES
from empower_training.report.text import LEVELS, Coloured

Form = Callable[[float], str]
PER_CENT = "\u00a0%"
FILLED, HOLLOW = "●■▲◆▼✚✖", "○□△◇▽✚✖"
"""What `report_svg.MARKERS` look like in a legend."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of policies."""

    heading: str
    unit: str
    figure: Callable[[ReplayRow], Interval]
    form: Form


@dataclass(frozen=True, slots=True)
class LegendKey:
    """An entry of a legend."""

    name: str
    colour: str
    """Name of a CSS variable."""
    marker: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that stands out."""

    value: str
    name: str
    note: str


def _with(form: str) -> Form:
    return lambda value: format(value, form).replace("-", "\u2212")


def _percent(value: float) -> str:
    return percent(value, 1)


def _alone(value: float) -> Interval:
    """Return a figure that comes without an interval."""
    return Interval(float("nan"), value, float("nan"))


def _against(row: ReplayRow) -> Interval:
    """Return a row's difference from the default; nothing for the default itself."""
    return NO_INTERVAL if row.policy == DEFAULT else row.minus_default


def _of(name: str) -> Callable[[ReplayRow], Interval]:
    return lambda row: row.figures[name]


COLUMNS = (
    Column("net effort", "1 = no assistant", _of("net_effort"), _with(".3f")),
    Column("against the default", "difference, paired", _against, _with("+.3f")),
    Column("kept", "of the text", _of("kept"), _percent),
    Column("accepted", "of the shown", _of("accepted"), _percent),
    Column("partly", "of the shown", _of("partially_accepted"), _percent),
    Column("shown", "per 1,000 characters", _of("shown_per_1000"), _with(".0f")),
    Column("length", "characters", _of("length"), _with(".1f")),
    Column("read", "characters per 1,000", _of("read_per_1000"), _with(".0f")),
    Column("deleted", "characters per 1,000", _of("deleted_per_1000"), _with(".0f")),
    Column("keys", "per character", _of("keystrokes"), _with(".2f")),
    Column("engine", "ms per kept character", _of("engine_ms_per_kept"), _with(".1f")),
    Column("p50", "ms to an answer", lambda row: _alone(row.latency[0]), _with(".1f")),
    Column("p95", "ms to an answer", lambda row: _alone(row.latency[1]), _with(".0f")),
    Column("calibration error", "of probabilities", lambda row: _alone(row.error), _with(".3f")),
)


def page(replays: Sequence[Replay], history: History | None, text: Coloured, *, written: str) -> str:
    """Render the HTML; `written` is the date on it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("empower_training.report", "report_page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "estimate": _estimate,
        "interval": _interval,
        "percent": percent,
        "number": lambda value, form: _with(form)(value),
    }
    return environment.get_template("page.html").render(
        replays=[_replay(replay, number) for number, replay in enumerate(replays)],
        history=None if history is None else _history(history),
        text=text,
        levels=LEVELS,
        tiles=_tiles(replays, history),
        columns=COLUMNS,
        nobody=NOBODY,
        default=DEFAULT,
        shortly=percent,
        written=written,
        version=__version__,
    )


def _estimate(interval: Interval, form: Form) -> str:
    return form(interval.estimate) if isfinite(interval.estimate) else ""


def _interval(interval: Interval, form: Form) -> str:
    """Return `low to high`; empty where there is none, or no width to it."""
    if not (isfinite(interval.low) and isfinite(interval.high)) or interval.low == interval.high:
        return ""
    return f"{form(interval.low).removesuffix(PER_CENT)} to {form(interval.high)}"


def _replay(replay: Replay, number: int) -> dict[str, object]:
    series = sweeps(replay)
    chosen = replay.chosen
    off = [row for sweep in series for row in sweep.rows if row.effort.estimate > figures.HIGHEST]
    reliable = [figures.Reliable(replay.named(row), row.bins) for row in chosen if row.bins]
    return {
        "replay": replay,
        "worth": worth(replay),
        "frontier": frontier(replay),
        "baseline": baseline(replay),
        "curve": figures.curve(f"curve-{number}", series, chosen[0].policy),
        "keys": _keys([sweep.name for sweep in series], figures.looks(series)),
        "off": off,
        "chosen": chosen,
        "reliability": figures.reliability(f"reliability-{number}", reliable) if reliable else "",
        "reliable": _keys([line.name for line in reliable]),
        "latency": figures.latencies(f"latency-{number}", replay.assisted, chosen[0].policy)
        if isfinite(chosen[0].latency[0])
        else "",
    }


def _keys(names: Sequence[str], looks: Sequence[figures.Look] = ()) -> list[LegendKey]:
    """Return a legend; without looks, of series that are drawn one after the other."""
    keys = []
    for name, look in zip(names, looks or map(figures.Look, range(len(names))), strict=True):
        glyphs = HOLLOW if look.hollow else FILLED
        keys.append(LegendKey(name, f"series-{look.number % len(SERIES) + 1}", glyphs[look.number % len(glyphs)]))
    return keys


def _history(history: History) -> dict[str, object]:
    decided = any(period.decided for period in history.periods)
    lines = [figures.Reliable(model.model, model.bins) for model in history.models]
    names = [f"{model.model}: off by {model.error:.2f}, {model.decided:,} decisions" for model in history.models]
    return {
        "log": history,
        "acceptance": figures.acceptance("acceptance", history.periods, history.unit) if decided else "",
        "answers": figures.answers("answers", history.periods, history.unit),
        "reliability": figures.reliability("log-reliability", lines) if lines else "",
        "keys": _keys(names),
        "speeds": _keys(["median", "95th percentile"]),
    }


def _tiles(replays: Sequence[Replay], history: History | None) -> list[Tile]:
    """Return the figures a hurried reader should see: the person's own, then those of the first replay."""
    tiles = []
    if history is not None and (total := history.total).rate is not None:
        inferred = f", {total.inferred:,} of these inferred" if total.inferred else ""
        tiles += [
            Tile(percent(total.rate), "accepted by you", f"{total.accepted:,} of {total.shown:,} shown{inferred}"),
            Tile(f"{total.kept_characters:,}", "characters kept by you", f"of {total.accepted_characters:,} accepted"),
        ]
    if replays:
        row = replays[0].chosen[0]
        accepted, (middle, high) = row.figures["accepted"], row.latency
        effort = f"{_interval(row.effort, _with('.2f'))}; below 1 helps"
        tiles += [
            Tile(f"{row.effort.estimate:.2f}", "net effort, simulated", effort),
            Tile(percent(row.kept.estimate), "of the text kept, simulated", _interval(row.kept, percent)),
            Tile(_estimate(accepted, percent), "of the shown accepted, simulated", _interval(accepted, percent)),
        ]
        if isfinite(middle):
            tiles.append(Tile(f"{middle:.0f} ms", "median answer, simulated", f"95 % within {high:.0f} ms"))
    return [tile for tile in tiles if tile.value]
