"""What needs water, and how much."""

from datetime import date

from beds import Bed, Crop
from watering import is_thirsty, litres_needed, thirsty_beds
from weather import RainGauge

BEANS = Crop("beans", litres_per_metre=2.5, days_to_harvest=60)
DRY = RainGauge({})


def bed(square_metres: float, sown_on: date) -> Bed:
    return Bed("by the shed", square_metres=square_metres, crop=BEANS, sown_on=sown_on)


def test_a_bed_lacks_what_it_drank_since_it_was_sown() -> None:
    assert litres_needed(bed(4.0, date(2026, 6, 18)), DRY, date(2026, 6, 20)) == 20.0


def test_rain_counts_on_the_whole_bed() -> None:
    gauge = RainGauge({date(2026, 6, 19): 3.5})
    assert litres_needed(bed(4.0, date(2026, 6, 18)), gauge, date(2026, 6, 20)) == 6.0


def test_a_bed_that_was_watered_today_is_not_thirsty() -> None:
    fresh = bed(4.0, date(2026, 6, 18))
    fresh.watered_on.append(date(2026, 6, 20))
    assert not is_thirsty(fresh, DRY, date(2026, 6, 20))


def test_the_thirstiest_comes_first() -> None:
    small, large = bed(2.0, date(2026, 6, 18)), bed(9.0, date(2026, 6, 18))
    assert thirsty_beds([small, large], DRY, date(2026, 6, 20)) == [large, small]
