"""Places in files: where they are, what is around them, and that every file has its turn."""

from collections import Counter
from itertools import islice

from empower_model.fitting.typing_places import CHARACTERS, OPENINGS, Place, places, still_to_type

FILES = {
    "a.py": "import os\n\n\ndef first(x):\n    return os.path(x)\n",
    "b.py": "".join(f"    value_{n} = call(n, {n})\n" for n in range(30)),
    "blank.py": "\n \n\t\n",
}


def found(count: int, seed: int = 0) -> list[Place]:
    return list(islice(places(FILES, seed), count))


def test_what_stands_around_a_place_is_the_file() -> None:
    for place in found(200):
        assert place.prefix + place.truth == FILES[place.name]
        assert not place.suffix or place.suffix[0] == "\n"
        assert FILES[place.name].endswith(place.suffix[1:])


def test_each_file_with_something_in_it_has_its_turn() -> None:
    assert Counter(place.name for place in found(50)) == {"a.py": 25, "b.py": 25}


def test_they_are_at_code_behind_punctuation_and_inside_words() -> None:
    ends = [(place.prefix.rpartition("\n")[2], place.truth) for place in found(300)]
    at_code = sum(not before.strip() for before, _ in ends)
    behind = sum(bool(before.strip()) and before[-1] in OPENINGS for before, _ in ends)
    inside = sum(before[-1:].isalnum() and after[:1].isalnum() for before, after in ends)
    assert at_code + behind + inside == 300
    assert 90 <= inside <= 100  # every third, but where a line has no such place
    assert 60 <= behind <= 100


def test_the_seed_decides() -> None:
    assert found(20) == found(20) != found(20, seed=1)


def test_there_is_none_without_a_line_worth_typing() -> None:
    assert list(places({"blank.py": FILES["blank.py"]})) == []


def test_what_is_still_to_type_ends_where_the_text_below_begins() -> None:
    assert still_to_type("bc\nd\ne\n", "\ne\n") == "bc\nd\n"
    assert still_to_type("bc\nde", "") == "bc\n"
    assert still_to_type("bc", "") == "bc"
    assert still_to_type("x" * 1000, "") == "x" * CHARACTERS
