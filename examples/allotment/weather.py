"""Rain that has fallen, from the rain gauge by the shed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass
class RainGauge:
    """Millimetres of rain by day; a millimetre is a litre on a square metre."""

    millimetres: dict[date, float]

    def rain_between(self, first: date, last: date) -> float:
        """Return the millimetres that fell from the first day to the last, both included."""
        return sum(fallen for day, fallen in self.millimetres.items() if first <= day <= last)


def read_rain_gauge(path: Path) -> RainGauge:
    """Read a file with a line a day: the date and the millimetres."""
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return RainGauge({date.fromisoformat(row["day"]): float(row["millimetres"]) for row in rows})
