"""A person at an editor, on traces as editors send them; `|` marks the cursor, seconds are the tester's own."""

from empower_lsp.outcome.edits import Edit
from empower_lsp.outcome.outcome import FINAL, Kind, Outcome
from empower_lsp.outcome.tracker import Tracker

URI = "file:///a.py"


class Desk:
    """A person at an editor with one document; what the tracker says is kept in `said`."""

    def __init__(self, marked: str) -> None:
        before, after = marked.split("|")
        self.text: str | None = before + after
        self.cursor = len(before)
        self.now = 100.0
        self.tracker = Tracker(lambda uri: self.text if uri == URI else None)
        self.said: list[Outcome] = []
        self.item = ("", 0, 0, "")

    def offer(self, text: str, id: str = "a", start: int | None = None) -> None:
        start = self.cursor if start is None else start
        self.item = (id, start, self.cursor, text)
        self.said += self.tracker.answered(id, URI, start, self.cursor, text, self.now)

    def send(self, *edits: tuple[int, int, str]) -> None:
        """One didChange."""
        assert self.text is not None
        for edit in edits:
            self.text = Edit(*edit).apply(self.text)
            if edit[0] <= self.cursor:
                self.cursor = max(self.cursor, edit[1]) + Edit(*edit).growth
        self.said += self.tracker.changed(URI, edits, self.now)

    def put(self, text: str) -> None:
        self.send((self.cursor, self.cursor, text))

    def type(self, text: str, asks: bool = False, pace: float = 0.1) -> None:
        """Key by key; with `asks`, the item is answered again for what is left of it, as the session does."""
        for key in text:
            self.put(key)
            id, _, _, rest = self.item
            if asks and rest.startswith(key) and rest != key:
                self.offer(rest[1:], id)
            self.wait(pace)

    def erase(self, count: int = 1) -> None:
        self.send((self.cursor - count, self.cursor, ""))

    def insert_item(self) -> None:
        _, start, end, text = self.item
        self.send((start, end, text))

    def command(self) -> None:
        self.said += self.tracker.accepted(self.item[0], self.now)

    def part(self, count: int) -> None:
        """Have the editor say that so much of the item is inserted."""
        id, _, _, text = self.item
        self.said += self.tracker.partially_accepted(id, len(text) - count, self.now)

    def dismiss(self) -> None:
        self.said += self.tracker.dismissed(self.item[0], self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.said += self.tracker.tick(self.now)

    def close(self) -> None:
        self.said += self.tracker.closed(URI, self.now)

    def final(self, id: str = "a") -> Outcome:
        [outcome] = [outcome for outcome in self.said if outcome.id == id and outcome.kind in FINAL]
        return outcome

    def kinds(self, id: str = "a") -> list[Kind]:
        return [outcome.kind for outcome in self.said if outcome.id == id]

    def survival(self) -> list[tuple[float, Kind, int, int]]:
        looked = [outcome for outcome in self.said if outcome.kind in (Kind.KEPT, Kind.CHANGED)]
        return [(round(outcome.age, 3), outcome.kind, outcome.characters, outcome.of) for outcome in looked]


def accepted(marked: str, text: str) -> Desk:
    desk = Desk(marked)
    desk.offer(text)
    desk.wait(1)
    desk.insert_item()
    desk.command()
    desk.said.clear()
    return desk
