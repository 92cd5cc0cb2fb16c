"""Which beds need water today, and how much."""

from __future__ import annotations

from datetime import date

from beds import Bed
from weather import RainGauge

DRY_ENOUGH = 0.5
"""Litres a square metre; less is not worth the walk."""


def litres_needed(bed: Bed, gauge: RainGauge, today: date) -> float:
    """Return how many litres a bed lacks: what it drank since it was watered, less the rain."""
    drunk = bed.thirst_per_day() * bed.days_since_watered(today)
    rained = gauge.rain_between(bed.last_watered(), today) * bed.square_metres
    return max(0.0, drunk - rained)


def is_thirsty(bed: Bed, gauge: RainGauge, today: date) -> bool:
    """Return whether a bed should be watered today."""
    return litres_needed(bed, gauge, today) >= DRY_ENOUGH * bed.square_metres


def thirsty_beds(beds: list[Bed], gauge: RainGauge, today: date) -> list[Bed]:
    """Return the beds to water today, the thirstiest first."""
    thirsty = [bed for bed in beds if is_thirsty(bed, gauge, today)]
    return sorted(thirsty, key=lambda bed: litres_needed(bed, gauge, today), reverse=True)
