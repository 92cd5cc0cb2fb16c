"""The interval of a share where observations are few: what a day of a log, or a bin of probabilities, can tell."""

from __future__ import annotations

from math import nan, sqrt

from empower_model.fitting import Interval

Z = 1.959964
"""Of a standard normal variable, 95 % lie within so much of its mean."""


def share_of(part: float, whole: float) -> Interval:
    """Return `part` of `whole` observations as a share, with the score interval of Wilson (1927); NaN of nothing.

    Unlike a bootstrap it has a width where all observations agree. It takes them for independent, which those of one
    file are not quite: the true interval is somewhat wider.
    """
    if whole <= 0:
        return Interval(nan, nan, nan)
    share = part / whole
    centre = share + Z**2 / (2 * whole)
    spread = Z * sqrt(share * (1 - share) / whole + Z**2 / (4 * whole**2))
    scale = 1 + Z**2 / whole
    return Interval(max(0.0, (centre - spread) / scale), share, min(1.0, (centre + spread) / scale))
