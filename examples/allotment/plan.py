"""Print what there is to do on the allotment today."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from beds import Bed, Crop
from watering import litres_needed, thirsty_beds
from weather import read_rain_gauge

TOMATOES = Crop("tomatoes", litres_per_metre=4.0, days_to_harvest=80)
BEANS = Crop("beans", litres_per_metre=2.5, days_to_harvest=60)

BEDS = [
    Bed("by the fence", square_metres=6.0, crop=TOMATOES, sown_on=date(2026, 5, 2)),
    Bed("by the shed", square_metres=4.5, crop=BEANS, sown_on=date(2026, 5, 20)),
]


def watering_lines(today: date, rain: Path) -> list[str]:
    """Return a line for every bed that needs water."""
    gauge = read_rain_gauge(rain)
    lines = []
    for bed in thirsty_beds(BEDS, gauge, today):
        litres = litres_needed(bed, gauge, today)
        lines.append(f"{bed.name}: {litres:.0f} litres for the {bed.crop.name}")
    return lines


def harvest_lines(today: date) -> list[str]:
    """Return a line for every bed that is ripe."""
    return [f"{bed.name}: pick the {bed.crop.name}" for bed in BEDS if bed.is_ripe(today)]


def main() -> None:
    """Print the plan for today."""
    today = date.today()
    for line in [*watering_lines(today, Path("rain.csv")), *harvest_lines(today)]:
        print(line)


if __name__ == "__main__":
    main()
