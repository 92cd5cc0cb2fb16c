"""A working day: a simulated person types real code into the real server, and the log is all that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from empower_lsp.outcome import difference
from empower_model.request import Completion, End, Limits, OnPartial, Request
from empower_training.day.editor import Editor
from empower_training.replay import Choice, Human, Tally, Typist, Work


@dataclass(slots=True)
class Desk:
    """A person in front of an editor: asks the server as a completer would, and does there what the person decides."""

    editor: Editor
    human: Human
    folder: Path
    pause: float = 0.0
    """Seconds for which a text newly shown is looked at; the server takes under half a second for not seen."""
    _uri: str = ""
    _prefix: str = ""
    """What stands before the cursor."""
    _item: dict[str, Any] = field(default_factory=dict)

    def sit_down(self, work: Work) -> None:
        """Open the file of a work, the text to type left out."""
        self._uri = (self.folder / work.source).as_uri()
        self._prefix = work.above
        self.editor.open(self._uri, work.above + work.below)

    def get_up(self, work: Work) -> None:
        """Type what is left, and close the file."""
        self._type(work.above + work.typed)
        self.editor.close(self._uri)

    def complete(self, request: Request, on_partial: OnPartial | None = None) -> Completion:
        """Return what the editor shows at a cursor, and how long that took."""
        self._type(request.prefix)
        began = time.perf_counter()
        item = self.editor.complete(self._uri, len(self._prefix))
        ms = (time.perf_counter() - began) * 1000
        text = ""
        if item is not None:
            self._item, text = item, str(item["insertText"])
            self.editor.shown(item)
            time.sleep(self.pause)
        return Completion(
            text, (), 0, End.UNCERTAIN, 0.0, 0.0, prompt_tokens=0, evaluated_tokens=0, prompt_ms=0.0, total_ms=ms
        )

    def expect(self, request: Request | None) -> None:
        """Do nothing: the server knows what to expect."""

    def decide(self, name: str, offset: int, shown: str, meant: str) -> Choice:
        """Put in what the person takes, tell the server, and return it."""
        choice = self.human.decide(name, offset, shown, meant)
        if taken := shown[: choice.characters]:
            self._insert(taken)
            if taken == shown:
                self.editor.run("empower.accept", *self._item["command"]["arguments"])
            else:
                self.editor.partially_accepted(self._item, len(taken.encode("utf-16-le")) // 2)
        return choice

    def stop(self) -> None:
        """Do nothing: nothing is computed but on request."""

    def close(self) -> None:
        """Do nothing: the editor stays open."""

    def _type(self, prefix: str) -> None:
        """Delete what does not belong there and type the rest, key by key; a line end brings its indentation."""
        same = difference(self._prefix, prefix).start
        if same < len(self._prefix):
            self.editor.replace(self._uri, same, len(self._prefix), "")
            self._prefix = prefix[:same]
        while len(self._prefix) < len(prefix):
            at = len(self._prefix)
            end = at + 1
            while prefix[at] == "\n" and prefix[end : end + 1] in (" ", "\t"):
                end += 1
            self._insert(prefix[at:end])

    def _insert(self, text: str) -> None:
        at = len(self._prefix)
        self.editor.replace(self._uri, at, at, text)
        self._prefix += text


def typed(desk: Desk, works: Sequence[Work], report: Callable[[], None] = lambda: None) -> list[Tally]:
    """Type the works one after the other into the real server; `report` is called after each."""
    tallies = []
    for work in works:
        desk.sit_down(work)
        typist = Typist(desk, Limits(), work, desk)
        while not typist.done:
            typist.step()
        desk.get_up(work)
        tallies.append(typist.tally())
        report()
    return tallies
