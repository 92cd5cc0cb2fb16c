"""The beds of an allotment, and what grows in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass
class Crop:
    """A kind of plant, and how much water a square metre of it drinks a day."""

    name: str
    litres_per_metre: float
    days_to_harvest: int


@dataclass
class Bed:
    """A piece of ground with one crop on it."""

    name: str
    square_metres: float
    crop: Crop
    sown_on: date
    watered_on: list[date] = field(default_factory=list)

    def thirst_per_day(self) -> float:
        """Return the litres that the whole bed drinks on a day without rain."""
        return self.square_metres * self.crop.litres_per_metre

    def last_watered(self) -> date:
        """Return the day the bed was last watered, or the day it was sown."""
        return max(self.watered_on, default=self.sown_on)

    def days_since_watered(self, today: date) -> int:
        """Return how many days ago the bed was last watered."""
        return (today - self.last_watered()).days

    def is_ripe(self, today: date) -> bool:
        """Return whether the crop can be harvested."""
        return (today - self.sown_on).days >= self.crop.days_to_harvest
