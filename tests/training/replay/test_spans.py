"""What a model wrote is written once, and what a file keeps of it is not written again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from empower_model.engine.drafting import Drafts
from empower_model.engine.seam import FakeEngine, Token, Transform
from empower_training.replay.spans import Spans


@dataclass
class Alphabet(FakeEngine):
    """Writes the alphabet, going on behind the last letter of the prompt, and counts what it had to write."""

    written: list[str] = field(default_factory=list)

    def decode(self, transforms: Sequence[Transform] = (), drafts: Drafts | None = None) -> Iterator[Token]:
        for letter in range(ord(self.prompts[-1][-1]) + 1, ord("e")):
            self.written.append(chr(letter))
            yield Token(letter, bytes([letter]), 1 / 3, letter / 7)


def alphabet() -> Alphabet:
    return Alphabet(lambda _: [])


def tokens(spans: Spans, count: int, cursor: str = "x") -> str:
    span = spans.span(cursor, (97,), ())
    written = [spans.token(span, number) for number in range(count)]
    return b"".join(token.piece for token in written if token is not None).decode()


def test_each_token_is_written_once_and_the_engine_brought_back_where_it_was() -> None:
    engine = alphabet()
    spans = Spans(engine)
    assert tokens(spans, 1) == "b"
    assert tokens(spans, 1, "elsewhere") == "b"
    assert tokens(spans, 5) == "bcd"
    assert engine.written == ["b", "b", "c", "d"]
    assert engine.prompts == ["a", "a", "ab"]


def test_a_file_keeps_them_to_the_digit(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "spans.jsonl"
    first = Spans(alphabet(), path=path)
    tokens(first, 2)
    first.save()
    size = path.stat().st_size
    first.save()
    assert path.stat().st_size == size  # there was nothing new
    engine = alphabet()
    second = Spans(engine, path=path)
    assert tokens(second, 2) == "bc"
    assert engine.prompts == []
    span = second.span("x", (97,), ())
    assert span.tokens == first.span("x", (97,), ()).tokens
    assert tokens(second, 5) == "bcd"
    assert engine.prompts == ["abc"]
    second.save()
    last = alphabet()
    assert tokens(Spans(last, path=path), 5) == "bcd"
    assert last.prompts == []


def test_another_cursor_or_prompt_is_another_span(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    first = Spans(alphabet(), path=path)
    tokens(first, 3)
    first.save()
    engine = alphabet()
    second = Spans(engine, path=path)
    tokens(second, 1, "elsewhere")
    assert second.token(second.span("x", (98,), ()), 0) is not None
    assert engine.written == ["b", "c"]


def test_a_line_that_is_torn_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    for cursor in ("one", "two"):
        spans = Spans(alphabet(), path=path)
        tokens(spans, 3, cursor)
        spans.save()
        path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8") if cursor == "one" else None
    engine = alphabet()
    assert tokens(Spans(engine, path=path), 3, "two") == "bcd"
    assert engine.written == []
