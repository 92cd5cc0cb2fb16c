"""The rules that are compared on one model: where else one could end a span, beside where the server does."""

from __future__ import annotations

from collections.abc import Iterable
from math import log2

from empower_model.calibration import Calibration
from empower_model.completing import PEAK_FLOOR, Cut, Verdict, Written, chosen_cut, stopping
from empower_model.errors import EmpowerError
from empower_model.request import Limits

NOBODY = "no assistant"
BASE = "Base"
"""All that the model writes; for a model tuned to end its spans, that is its policy."""
DEFAULT = f"{Limits().rule} {Limits().confidence}"
"""The server's own choice."""
ETAS = (0.32, 1.0, 2.0, 4.0, 8.0)
"""Bits; the first and the last but one are those of arXiv 2510.13709, the last keeps about as much as no rule."""
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5)


def cuts(calibration: Calibration) -> dict[str, Cut]:
    """Return the rules by name, for a model of that calibration.

    What the server does around its rule it does around all of them: tokens are healed, the text is trimmed to fit
    and not cut inside a name, fewer than 3 characters are not shown, and its limits of tokens and lines hold.
    """
    table: dict[str, Cut] = {
        BASE: everything,
        "Base-20": first(20),
        "Base-10": first(10),
        "end of line": to_line_end,
        "stop at p < 0.2": until(log2(1 / 0.2)),
        "stop at p < 0.5": until(1.0),
        f"peak {PEAK_FLOOR}": lambda written: stopping.peak(written.entropies, PEAK_FLOOR),
    }
    table |= {f"budget {eta}": within(eta) for eta in ETAS}
    table |= {
        f"gain {confidence}": chosen_cut(Limits(confidence=confidence, rule="gain"), calibration)
        for confidence in CONFIDENCES
    }
    return table


def known(wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are wanted, all of them where none is. Raises EmpowerError for one that there is not."""
    names, wanted = tuple(cuts(Calibration())), tuple(wanted)
    for name in wanted:
        if name not in names:
            raise EmpowerError(f"There is no policy {name!r}; there are: {', '.join(names)}.")
    return wanted or names


def everything(written: Written) -> Verdict:
    """Keep all: no rule."""
    return Verdict(len(written.lengths), ended=False)


def first(count: int) -> Cut:
    """Return the first so many tokens."""
    return lambda written: Verdict(min(count, len(written.lengths)), len(written.lengths) >= count)


def to_line_end(written: Written) -> Verdict:
    """Keep all through the token that ends the line; if that closes a bracket too, trimming takes off the rest."""
    end = written.text.find("\n")
    if end < 0:
        return Verdict(len(written.lengths), ended=False)
    return Verdict(sum(length <= end for length in written.lengths) + 1, ended=True)


def until(bits: float) -> Cut:
    """Return the rule that ends before the first token of more than so many bits.

    llama.cpp's editor plug-ins have it with p < 0.2.
    """

    def cut(written: Written) -> Verdict:
        for number, surprisal in enumerate(written.surprisals):
            if surprisal > bits:
                return Verdict(number, ended=True)
        return Verdict(len(written.surprisals), ended=False)

    return cut


def within(eta: float) -> Cut:
    """Return the paper's rule with a budget of eta bits."""
    return lambda written: stopping.budget(written.surprisals, eta)
