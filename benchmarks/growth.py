"""A slow model in its child: how soon a new place has a text, what keys wait while it grows, and when it has grown.

    python benchmarks/growth.py MODEL [--places 6] [--keys 60]

Files of the standard library, a cursor in the middle of each, and the text from there on typed at five keys a second.
Each key stops what is computed for the one before, unless its text agrees, as the server's session does it. Beside it
the bundled model answers each key in a child of its own: how quickly, with the large one at work and without.
"""

from __future__ import annotations

import argparse
import sysconfig
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from empower_model.calibration import Calibration
from empower_model.engine import EngineConfig
from empower_model.files import store
from empower_model.host import EngineHost
from empower_model.request import Completion, End, Limits, Partial, Request

FILES = ("argparse.py", "ast.py", "doctest.py", "inspect.py", "tarfile.py", "typing.py")
KEY_SECONDS = 0.2
REST_SECONDS = 12.0
"""Time for a place to grow while nobody types."""
LOADING_SECONDS = 120.0


@dataclass
class Place:
    """What was seen at one place; all times in seconds."""

    first_word: float | None = None
    """From the first request to the first text."""
    first_answer: float = 0.0
    answers: list[float] = field(default_factory=list)
    """From each key to the end of its completion, where that was not stopped."""
    stopped: int = 0
    grown_after: float | None = None
    """From the first key until a prompt was used that has the whole text."""
    tokens: list[int] = field(default_factory=list)
    """Of each prompt."""
    instant: list[float] = field(default_factory=list)
    """From each key to the bundled model's answer."""
    seconds: float = 0.0
    """Of a processor, spent on growing."""


class Asking:
    """One completion in a thread."""

    def __init__(self, host: EngineHost, request: Request) -> None:
        self._host, self.request = host, request
        self.began = time.perf_counter()
        self.first_text: float | None = None
        self.took: float | None = None
        self.completion: Completion | None = None
        self.text = ""
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        self.completion = self._host.complete(self.request, self._heard)
        self.took = time.perf_counter() - self.began

    def _heard(self, part: Partial) -> None:
        if self.first_text is None and part.text:
            self.first_text = time.perf_counter() - self.began
        self.text = part.text

    def end(self, stop: bool) -> Completion:
        """Return the completion, stopped at once or waited for."""
        while self._thread.is_alive():
            if stop:
                self._host.stop()
            self._thread.join(0.005)
        assert self.completion is not None
        return self.completion


def typed(name: str, keys: int) -> tuple[str, str, str]:
    """Return the text above, the text to type and the text below of a file."""
    text = (Path(sysconfig.get_paths()["stdlib"]) / name).read_text(encoding="utf-8")
    start = text.index("\n", len(text) // 2) + 1
    return text[:start], text[start : start + keys], "\n" + text[start + 400 :]


def type_at(deep: EngineHost, instant: EngineHost, name: str, keys: int, limits: Limits) -> Place:
    """Type at a new place from the moment that the cursor is there."""
    above, text, below = typed(name, keys)
    place, spent = Place(), deep.seconds
    asking: Asking | None = None
    began = time.perf_counter()
    for number in range(len(text)):
        request = Request(above + text[:number], below, limits)
        if asking is not None:
            since = text[len(asking.request.prefix) - len(above) : number]
            if asking.took is None and not (asking.text.startswith(since) or since.startswith(asking.text)):
                place.stopped += 1
                asking.end(stop=True)
        if asking is None or asking.took is not None:
            note(place, asking, began)
            asking = Asking(deep, request)
        asked = time.perf_counter()
        instant.complete(request)
        place.instant.append(time.perf_counter() - asked)
        time.sleep(max(0.0, began + (number + 1) * KEY_SECONDS - time.perf_counter()))
    if asking is not None:
        asking.end(stop=True)
        note(place, asking, began)
    place.seconds = deep.seconds - spent
    return place


def note(place: Place, asking: Asking | None, began: float) -> None:
    """Take down what came of a request."""
    if asking is None or asking.completion is None or asking.took is None:
        return
    completion = asking.completion
    if asking.first_text is not None and place.first_word is None:
        place.first_word = asking.began - began + asking.first_text
    if completion.end is End.STOPPED:
        return
    place.answers.append(asking.took)
    if place.tokens and completion.prompt_tokens > 1.5 * place.tokens[0] and place.grown_after is None:
        place.grown_after = asking.began - began
    place.tokens.append(completion.prompt_tokens)


def rest_at(deep: EngineHost, name: str, limits: Limits) -> tuple[float, float, int, int]:
    """Return the seconds from a cursor that rests until nothing more is read, those of a processor; and what is left.

    That is the tokens evaluated when something is asked there then, and those of its prompt.
    """
    above, text, below = typed(name, 10)
    child = psutil.Process(deep.pid)
    began, spent = time.perf_counter(), deep.seconds
    deep.expect(Request(above, below, limits))
    busy, last = sum(child.cpu_times()[:2]), began
    while time.perf_counter() - began < REST_SECONDS:
        time.sleep(0.05)
        now = sum(child.cpu_times()[:2])
        if now > busy:
            busy, last = now, time.perf_counter()
        elif time.perf_counter() - last > 1.0:
            break
    completion = deep.complete(Request(above + text[:1], below, limits))
    return last - began, deep.seconds - spent, completion.evaluated_tokens, completion.prompt_tokens


def quantiles(values: Sequence[float]) -> str:
    """Return median, 95th percentile and maximum, in milliseconds."""
    if not values:
        return "-"
    return " / ".join(f"{1000 * float(value):,.0f}" for value in (*np.quantile(values, (0.5, 0.95)), max(values)))


def report(places: dict[str, Place], quiet: Sequence[float]) -> Iterator[Table]:
    """Make a table of the places, and one of the bundled model beside them."""
    table = Table(
        "", "first word s", "answers, stopped", "ms p50 / p95 / max", "grown after s", "tokens", "processor s"
    )
    for name, place in places.items():
        word, grown = (f"{value:.2f}" if value is not None else "-" for value in (place.first_word, place.grown_after))
        sizes = f"{place.tokens[0]} to {max(place.tokens)}" if place.tokens else "-"
        cells = (f"{len(place.answers)}, {place.stopped}", quantiles(place.answers), grown, sizes)
        table.add_row(name, word, *cells, f"{place.seconds:.1f}")
    yield table
    beside = Table("the bundled model", "keys", "ms p50 / p95 / max")
    beside.add_row("alone", str(len(quiet)), quantiles(quiet))
    busy = [value for place in places.values() for value in place.instant]
    beside.add_row("beside the large one", str(len(busy)), quantiles(busy))
    yield beside


def main() -> None:
    """Measure one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--places", type=int, default=len(FILES))
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--context-size", type=int, default=2048)
    options = parser.parse_args()
    names, limits, console = FILES[: options.places], Limits(), Console(width=130)
    bundled = store.resolve(store.bundled(), tuned=False)
    instant = EngineHost(EngineConfig(bundled.path), bundled.calibration)
    told: list[tuple[float, int, int]] = []

    def progress(read: int, whole: int) -> None:
        told.append((time.perf_counter(), read, whole))

    config = EngineConfig(options.model, context_size=options.context_size)
    deep = EngineHost(config, Calibration(), background=True, on_progress=progress)
    quiet = []
    for name in names:
        above, text, below = typed(name, 20)
        for number in range(len(text)):
            asked = time.perf_counter()
            instant.complete(Request(above + text[:number], below, limits))
            quiet.append(time.perf_counter() - asked)
            time.sleep(0.05)
    deep.complete(Request("x = 1\n", "", limits))
    for table in report({name: type_at(deep, instant, name, options.keys, limits) for name in names}, quiet):
        console.print(table)
    console.print(f"{len(told)} reports of progress")
    rests = Table("a cursor that rests", "read after s", "processor s", "then evaluated", "of tokens")
    other = ("calendar.py", "configparser.py", "textwrap.py")
    for name in other:
        seconds, spent, evaluated, whole = rest_at(deep, name, limits)
        rests.add_row(name, f"{seconds:.1f}", f"{spent:.1f}", str(evaluated), str(whole))
        time.sleep(1)
    console.print(rests)
    child = psutil.Process(deep.pid)
    console.print(f"resident: {child.memory_info().rss / 2**20:,.0f} MiB")
    deep.close()
    instant.close()


if __name__ == "__main__":
    main()
