"""Questions at a cursor, and answers with the completions and the model behind them; knows no LSP types."""

from __future__ import annotations

from dataclasses import dataclass

from empower_lsp.session.shown import typed_since
from empower_model.request import Completion, Request


@dataclass(frozen=True, slots=True)
class Selected:
    """The selected item of an open completion menu: it would replace the text from `start` to the cursor."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A cursor in a document; offsets count code points in `text`."""

    uri: str
    text: str
    offset: int
    language: str
    selected: Selected | None = None
    by_hand: bool = False
    """Whether the person has asked for it; else the editor asked, because something was typed."""
    more: bool = False
    """Whether the person wants the rest of the statement too, past where it is sure; then they asked by hand."""

    def context(self) -> tuple[str, str]:
        """Return the text before and after the cursor, the selected item taken as accepted, with `\\n` line ends."""
        before = self.text[: self.offset]
        if self.selected is not None:
            before = self.text[: self.selected.start] + self.selected.text
        return before.replace("\r\n", "\n"), self.text[self.offset :].replace("\r\n", "\n")

    def with_line_ends(self, text: str) -> str:
        """Return a text with the line ends, `\\n` or `\\r\\n`, that most lines of the document have."""
        text = text.replace("\r\n", "\n")
        return text.replace("\n", "\r\n") if 2 * self.text.count("\r\n") > self.text.count("\n") else text


@dataclass(frozen=True, slots=True)
class Source:
    """The model that wrote a completion."""

    model: str
    adapter: str = ""
    """The tuning of it that is in use; empty without one."""
    memory: bool = False
    """Whether it had a memory of the workspace, with which its bits mean something else."""
    tier: str = ""
    """`instant` or `deep` where both were at work; empty for a model that works alone."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A completion, what it was computed for, and by which model."""

    request: Request
    completion: Completion
    source: Source = Source("")

    def rest(self, request: Request) -> str:
        """Return the part of the completion that is still to be typed at the cursor of a later request.

        Empty when anything but its beginning was typed since.
        """
        typed = typed_since(self.request.prefix, self.request.suffix, request.prefix, request.suffix)
        text = self.completion.text
        return text[len(typed) :] if typed is not None and text.startswith(typed) else ""

    def answers(self, request: Request) -> bool:
        """Return whether a request may be answered from it: its own, or one that is typed along and has a rest."""
        return self.request == request or (serves(self.request, request) and bool(self.rest(request)))


def serves(computed: Request, request: Request) -> bool:
    """Return whether a request, as far as its cursor goes, may be answered from what is computed for another."""
    return computed.limits == request.limits and computed.alternatives >= request.alternatives


@dataclass(frozen=True, slots=True)
class Answer:
    """Text that replaces `start` to `end` (code points in the query's text, on the cursor's line)."""

    id: str
    start: int
    end: int
    text: str
    computed: Computed | None = None
    """None when it is the rest of what was answered under the same id before."""
    others: tuple[Answer, ...] = ()
    """Alternatives to it, for a person who has asked by hand."""
    sure: int | None = None
    """The code points of the text up to which it would be shown unasked; None for all of it."""
