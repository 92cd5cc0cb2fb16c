"""A person who types five keys a second into the real server: what is on the screen in time, and what it is worth.

    python benchmarks/typist.py CORPUS type --arm both --model FILE --keep RESULTS [--seconds 200]
    python benchmarks/typist.py CORPUS judge --model FILE --keep RESULTS

The works, the person and the figures are those of `evaluate replay --keys-per-second 5 --memory`, so that what that
says of virtual time can be held against it. `type` goes on with files that are not yet in RESULTS until the seconds are
over; time runs, so nothing else may. `judge` then finds out which keys without a text the model, given all the time
there is, has nothing to say to, and prints the figures.
"""

from __future__ import annotations

import argparse
import json
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from empower_model.files import store
from empower_model.request import Limits
from empower_training.at_speed import BETWEEN, Loaded, TimedTally, TimedTypist, figures, silence
from empower_training.corpus import Document
from empower_training.corpus.corpus import load
from empower_training.day.editor import Editor, ServerEnded, position
from empower_training.replay import Setting, Work, chosen_works
from empower_training.replay.human import Careful

ARMS = ("instant", "deep", "both")
QUIET_SECONDS = 1.0
"""A server that used no processor for so long has loaded its models and read the workspace."""
MOST_SECONDS = 90.0
"""To wait for that."""
OURS: dict[str, object] = {"empower": {"notifications": True}}
"""What a client says that wants to be told of better texts."""


class Window(Editor):
    """An editor that does not wait: what the server says is heard on a thread, and looked at in time."""

    def __init__(self, options: dict[str, object], data: Path, folder: Path) -> None:
        super().__init__(options, data, folder)
        self.experimental = OURS
        self._heard: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self.initialize()
        threading.Thread(target=self._hear, daemon=True).start()
        self.initialized()

    def ask(self, method: str, params: object) -> int:
        """Send a request and return its number; the answer comes among the messages."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        return self._number

    def messages(self, until: float) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield what is heard until that time, with the time at which each was."""
        while (left := until - time.perf_counter()) > 0:
            try:
                yield self._heard.get(timeout=left)
            except queue.Empty:
                return

    def request(self, method: str, params: object) -> Any:
        """Ask, and wait for the answer; what else is heard meanwhile is passed over."""
        if method == "initialize":
            return super().request(method, params)
        number = self.ask(method, params)
        for _, message in self.messages(time.perf_counter() + MOST_SECONDS):
            if message.get("id") == number and "method" not in message:
                return message.get("result")
        raise TimeoutError(f"{method} was not answered")

    def processor(self) -> float:
        """Return the processor seconds of the server and its children."""
        server = psutil.Process(self.pid)
        times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def settle(self) -> None:
        """Wait until models are loaded and the workspace is read."""
        deadline, used = time.perf_counter() + MOST_SECONDS, -1.0
        while time.perf_counter() < deadline:
            states = [tier["state"] for tier in self.run("empower.status")["tiers"]]
            before, used = used, self.processor()
            if states and set(states) == {"ready"} and used - before < 0.02:
                return
            time.sleep(QUIET_SECONDS)
        raise TimeoutError("the server did not come to rest")

    def _hear(self) -> None:
        try:
            while True:
                message = self._receive()
                if "method" in message and "id" in message:
                    self._send({"id": message["id"], "result": None})
                self._heard.put((time.perf_counter(), message))
        except (ServerEnded, OSError, ValueError):  # it was told to end
            return


@dataclass(slots=True)
class Sitting:
    """One work typed in real time."""

    window: Window
    work: Work
    uri: str
    pause: float
    """Seconds between two keys."""
    typist: TimedTypist = field(init=False)
    _newest: int = 0
    """The number of the request whose answer counts."""
    _item: dict[str, Any] = field(default_factory=dict)

    def type(self) -> TimedTypist:
        """Type all of it."""
        window, work = self.window, self.work
        window.open(self.uri, work.above + work.below)
        now = time.perf_counter()
        typist = self.typist = TimedTypist(work, Careful(), now)
        self._ask()
        due = now + self.pause
        while not typist.done:
            for when, message in window.messages(due):
                self._look(when, message)
            at = len(typist.before)
            key = typist.key(time.perf_counter())
            window.replace(self.uri, at, at, key.text)
            if key.finished and self._item:
                window.ask("workspace/executeCommand", self._item["command"])
            due += key.keystrokes * self.pause
            self._ask()
        window.close(self.uri)
        return typist

    def _ask(self) -> None:
        at = position(self.window.text(self.uri), len(self.typist.before))
        document, context = {"uri": self.uri}, {"triggerKind": 2}
        self._newest = self.window.ask(
            "textDocument/inlineCompletion", {"textDocument": document, "position": at, "context": context}
        )

    def _look(self, when: float, message: dict[str, Any]) -> None:
        if message.get("method") == "empower/better" and message["params"]["uri"] == self.uri:
            self._ask()
        elif "method" not in message and message.get("id") == self._newest:
            items = (message.get("result") or {}).get("items") or []
            self.typist.answered(when)
            self._item = items[0] if items else {}
            self.typist.shows(when, str(self._item.get("insertText", "")))


def options(arm: str, model: str) -> dict[str, object]:
    """Return the settings of an arm."""
    chosen = {} if arm == "instant" else {"model": str(Path(model).resolve())}
    return {**chosen, "instant": arm != "deep", "log": "off"}


@contextmanager
def workspace(source: str, documents: Sequence[Document]) -> Iterator[Path]:
    """Make a folder of what the replay's memory has: the files of a file's package, but for it and its namesakes."""
    package = next(document.package for document in documents if document.path == source)
    with TemporaryDirectory() as place:
        folder = Path(place).resolve() / "workspace"
        for document in documents:
            if document.package == package and PurePosixPath(document.path).name != PurePosixPath(source).name:
                path = folder / document.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(document.text, encoding="utf-8", errors="replace")
        folder.mkdir(exist_ok=True)
        yield folder


def typed(arm: str, model: str, works: Sequence[Work], documents: Sequence[Document], speed: float) -> dict[str, Any]:
    """Type the works of one file into a server of its own; return what is kept of it."""
    rows = []
    source = works[0].source
    with (
        workspace(source, documents) as folder,
        TemporaryDirectory() as data,
        Window(options(arm, model), Path(data), folder) as window,
    ):
        window.settle()
        for work in works:
            used = window.processor()
            typist = Sitting(window, work, (folder / source).as_uri(), 1 / speed).type()
            time.sleep(BETWEEN)  # what is computed in this pause belongs to the work too
            without: list[int] = []
            tally = typist.tally(partial(_noted, without), window.processor() - used)
            rows.append({"tally": asdict(tally), "without": without})
    return {"arm": arm, "source": source, "works": rows}


def _noted(without: list[int], before: str) -> bool:
    """Note where a key had no text; whether there was something to say is found out later."""
    without.append(len(before))
    return False


def judged(rows: Sequence[dict[str, Any]], works: Sequence[Work], model: str, documents: Sequence[Document]) -> None:
    """Count the keys without a text, of one arm on one file, to which a model has nothing to say."""
    loaded = Loaded(model, 0, documents, memory=True)
    package = next(document.package for document in documents if document.path == works[0].source)
    of_work = silence(loaded.voice(works[0].source, package), Limits())
    for row, work in zip(rows, works, strict=True):
        silent = of_work(work)
        text = work.above + work.typed
        answered = [silent(text[:length]) for length in row["without"]]
        row["tally"]["answered"] = row["tally"]["with_text"] + sum(answered)
        row["judged"] = True
    loaded.engine.close()


def read(path: Path) -> list[dict[str, Any]]:
    """Return what is kept."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Keep it."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def tallies(rows: Sequence[dict[str, Any]]) -> list[TimedTally]:
    """Return the tallies of an arm."""
    kept = [TimedTally(**row["tally"]) for of_file in rows for row in of_file["works"]]
    return [replace(tally, firsts=tuple(tally.firsts), deep_firsts=tuple(tally.deep_firsts)) for tally in kept]


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print the figures of each arm, on the files that all arms have."""
    arms = [arm for arm in ARMS if any(row["arm"] == arm for row in rows)]
    shared = set.intersection(*({row["source"] for row in rows if row["arm"] == arm} for arm in arms))
    by_arm = {arm: tallies([row for row in rows if row["arm"] == arm and row["source"] in shared]) for arm in arms}
    for arm, of_arm in by_arm.items():
        content = figures(of_arm, by_arm.get("instant", of_arm))
        estimates = {key: value[1] if isinstance(value, list) else value for key, value in content.items()}
        latencies = sorted(ms for tally in of_arm for ms in tally.latencies)
        estimates["characters"] = sum(tally.characters for tally in of_arm)
        estimates["answer_ms_p50"], estimates["answer_ms_p95"] = (
            round(latencies[int(share * (len(latencies) - 1))], 1) for share in (0.5, 0.95)
        )
        print(arm, json.dumps(estimates))


def main() -> None:
    """Type, or judge what was typed, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("do", choices=("type", "judge", "show"))
    parser.add_argument("--split", default="heldout")
    parser.add_argument("--arm", choices=ARMS, default="instant")
    parser.add_argument("--model", default="")
    parser.add_argument("--files", type=int, default=14)
    parser.add_argument("--characters", type=int, default=300)
    parser.add_argument("--keys-per-second", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=200.0, help="No further file is begun after so many.")
    parser.add_argument("--keep", type=Path, required=True)
    given = parser.parse_args()
    documents = load(given.corpus, given.split)
    setting = Setting((store.bundled(),), (), given.files, given.characters, memory=True)
    of_files = {works[0].source: works for works in chosen_works(documents, setting)}
    rows = read(given.keep)
    if given.do == "type":
        began, done = time.perf_counter(), {row["source"] for row in rows if row["arm"] == given.arm}
        for source, works in of_files.items():
            if source not in done and time.perf_counter() - began < given.seconds:
                rows.append(typed(given.arm, given.model, works, documents, given.keys_per_second))
                write(given.keep, rows)
    elif given.do == "judge":
        for row in rows:
            if not all(work.get("judged") for work in row["works"]):
                model = store.bundled() if row["arm"] == "instant" else given.model
                judged(row["works"], of_files[row["source"]], model, documents)
        write(given.keep, rows)
    show(rows)


if __name__ == "__main__":
    main()
