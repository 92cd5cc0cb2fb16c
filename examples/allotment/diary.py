"""The diary in the shed: what was watered, and with how much."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from beds import Bed
from watering import litres_needed, thirsty_beds
from weather import RainGauge, read_rain_gauge


def watered(beds: list[Bed], gauge: RainGauge, today: date) -> list[str]:
    """Water the beds that need it, and return the lines for the diary."""
    lines = []
    for bed in thirsty_beds(beds, gauge, today):
        litres = litres_needed(bed, gauge, today)
        bed.watered_on.append(today)
        lines.append(f"{today} {bed.name}: {litres:.0f} litres")
    return lines


def water_and_write_down(beds: list[Bed], today: date, folder: Path) -> float:
    """Water what is thirsty and write it into the diary of the year; returns the litres that it took."""
    gauge = read_rain_gauge(folder / "rain.csv")
    litres = sum(litres_needed(bed, gauge, today) for bed in thirsty_beds(beds, gauge, today))
    with (folder / f"diary-{today.year}.txt").open("a", encoding="utf-8") as diary:
        for line in watered(beds, gauge, today):
            diary.write(line + "\n")
    return litres
