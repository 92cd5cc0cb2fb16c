"""How often a shown text doubles or repeats what stands around it, at cursors in real code; shares no code with `trim`.

Asks a session, as an editor does, without a memory. The languages take turns, and in each the kinds of cursor: inside a
word, at the start of a line, on a line opened above code, on one opened below code, and after accepting what was shown
there, three times over. A text is at fault where it joins to a wrong word, says again what stands behind the cursor, on
the line below or on the one above, branches or imports a second time, follows a `return` of its block, or runs on in
one character. Beside that: at ends of lines, on lines that were taken out of the file, and within words that lack a
piece and are asked about by hand, what stood there is known, and how often a text is shown that begins as it did, or is
the whole of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sysconfig
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from languages import ENDS
from repeats import Place, faults

from empower_lsp.session.query import Query
from empower_lsp.session.session import Session
from empower_lsp.session.tier import Tier
from empower_model.completing import assemble
from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_model.files import store
from empower_model.request import Limits

TAKEN = ("by hand", "tail", "line")
KINDS = ("inside", "start", "above", "below", "accepted", *TAKEN)
STEPS = 3
"""Texts accepted in a row."""
LANGUAGES = {".py": "python"} | ENDS
"""By the ends of files' names; others are not asked about."""
WINDOW = 2500
"""Characters of a file on either side of the cursor that are handed over."""


def documents(folders: list[Path], corpus: Path | None) -> dict[str, list[tuple[str, str]]]:
    """Return names and texts of files of 2,000 to 200,000 characters, by language."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)

    def take(name: str, text: str) -> None:
        language = LANGUAGES.get(Path(name).suffix)
        if language is not None and 2000 < len(text) < 200_000 and max(map(len, text.split("\n"))) < 1000:
            found[language].append((name, text))

    if corpus is not None:
        for line in corpus.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            take(entry["path"], entry["text"])
    for folder in folders:
        for path in sorted(folder.rglob("*.*")):
            if path.is_file() and path.suffix in LANGUAGES:
                take(path.name, path.read_bytes().decode(errors="replace"))
    return dict(found)


def places(files: Mapping[str, Sequence[tuple[str, str]]], count: int, seed: int) -> Iterator[Place]:
    """Yield so many cursors: each kind in turn, and for all of them each language in turn, each in another file."""
    choose = random.Random(seed)
    languages = sorted(files)
    number = 0
    while number < count:
        language = languages[number // len(KINDS) % len(languages)]
        name, text = choose.choice(files[language])
        place = _place(KINDS[number % len(KINDS)], name, text, choose)
        if place is not None:
            number += 1
            yield place


def _place(kind: str, name: str, text: str, choose: random.Random) -> Place | None:
    lines = text.split("\n")
    at = choose.randrange(len(lines))
    line = lines[at]
    if len(line.strip()) < 4 or len(line) > 200:
        return None
    above = "".join(each + "\n" for each in lines[:at])
    below = "".join("\n" + each for each in lines[at + 1 :])
    space = line[: len(line) - len(line.lstrip())]
    body = line[len(space) :]
    parts: tuple[str, str, str | None]
    match kind:
        case "inside":
            words = list(re.finditer(r"\w{4,}", line))
            if not words:
                return None
            word = choose.choice(words)
            cut = choose.randrange(word.start() + 1, word.end())
            parts = (above + line[:cut], line[cut:] + below, None)
        case "by hand":
            words = list(re.finditer(r"\w{6,}", line))
            if not words:
                return None
            word = choose.choice(words)
            start = choose.randrange(word.start() + 1, word.end() - 4)
            end = choose.randrange(start + 3, word.end())
            parts = (above + line[:start], line[end:] + below, line[start:end])
        case "start":
            parts = (above + space, body + below, None)
        case "above":
            parts = (above + space, "\n" + line + below, None)
        case "tail":
            cut = choose.randrange(len(space), len(line) - 2)
            parts = (above + line[:cut], below, line[cut:])
        case "line":
            parts = (above + space, below, body)
        case _:  # below, and after accepting
            step = "\t" if "\n\t" in text else "    "
            deeper = step if line.rstrip().endswith((":", "{")) else ""
            parts = (above + line + "\n" + space + deeper, below, None)
    return Place(kind, name, parts[0][-WINDOW:], parts[1][:WINDOW], parts[2])


@dataclass(slots=True)
class Tally:
    """What was counted, by kind of cursor."""

    asked: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    """Texts that begin as what stood there."""
    whole: Counter[str] = field(default_factory=Counter)
    """Texts that are the whole of it."""
    kept: int = 0
    """Characters of right texts."""
    named: Counter[str] = field(default_factory=Counter)
    """Texts by fault."""
    languages: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By language, how many were asked, shown, at fault and right."""

    def add(self, place: Place, text: str) -> None:
        """Count a cursor, and the text that was shown there; what the file really says there is no fault."""
        kind, truth = place.kind, place.truth
        language = LANGUAGES[Path(place.name).suffix]
        self.asked[kind] += 1
        self.languages[language, "asked"] += 1
        if not text:
            return
        true = truth is not None and truth.startswith(text)
        found = [] if true else faults(place, text)
        self.languages[language, "shown"] += 1
        self.languages[language, "at fault"] += bool(found)
        self.languages[language, "right"] += true
        self.shown[kind] += 1
        self.wrong[kind] += bool(found)
        self.named.update(found)
        if true and truth is not None:
            self.right[kind] += 1
            self.whole[kind] += truth.rstrip() == text.rstrip()
            self.kept += len(text)

    def show(self) -> None:
        """Print the counts."""
        for kind in KINDS:
            known = f"; right {self.right[kind]}, the whole of it {self.whole[kind]}" if kind in TAKEN else ""
            print(
                f"{kind:9} asked {self.asked[kind]:4}  shown {self.shown[kind]:4}  at fault {self.wrong[kind]:3}{known}"
            )
        asked, shown, wrong = (counts.total() for counts in (self.asked, self.shown, self.wrong))
        print(f"at fault: {wrong} of {asked} cursors, {1000 * wrong / max(1, shown):.1f} of 1,000 of {shown} texts")
        print(f"right characters: {self.kept}")
        for language in sorted({language for language, _ in self.languages}):
            counts = (f"{what} {self.languages[language, what]}" for what in ("asked", "shown", "at fault", "right"))
            print(f"  {language:12}", "  ".join(counts))
        for name, number in self.named.most_common():
            print(f"  {number:4} {name}", flush=True)


Answers = list[tuple[Place, str]]
"""The places that one cursor comes by, and what was shown there; empty for nothing."""


async def asked(session: Session, place: Place, limits: Limits) -> Answers:
    """Ask at a cursor, and where texts are accepted, after each of them."""
    found: Answers = []
    for _ in range(STEPS if place.kind == "accepted" else 1):
        uri = f"file:///{uuid.uuid4().hex}"
        text = place.before + place.after
        query = Query(uri, text, len(place.before), "x", by_hand=place.kind == "by hand")
        answer = await session.complete(query, limits)
        session.close_document(uri)
        found.append((place, answer.text if answer is not None else ""))
        if answer is None:
            break
        place = replace(place, before=place.before + answer.text)
    return found


def recorded(path: Path | None) -> Iterator[Answers]:
    """Yield what was asked before, by cursor."""
    if path is not None and path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield [(Place(*place), text) for place, text in json.loads(line)]


async def measure(session: Session, cursors: Iterator[Place], limits: Limits, record: Path | None) -> None:
    """Print the counts, now and then and at the end; what is on record is not asked again."""
    tally = Tally()
    known = recorded(record)
    for number, place in enumerate(cursors, start=1):
        answers = next(known, None)
        if answers is None:
            answers = await asked(session, place, limits)
            if record is not None:
                with record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps([(astuple(at), text) for at, text in answers]) + "\n")
        for at, text in answers:
            tally.add(at, text)
        if number % 400 == 0:
            print(f"after {number} cursors")
            tally.show()
    tally.show()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a GGUF")
    parser.add_argument("--corpus", type=Path, help="lines of JSON with `path` and `text`")
    parser.add_argument("--folder", type=Path, action="append", default=[], help="more files")
    parser.add_argument("--cursors", type=int, default=350)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=2048, help="tokens that the model sees")
    parser.add_argument("--tokens", type=int, default=Limits().max_tokens, help="most tokens of a text")
    parser.add_argument("--record", type=Path, help="write every answer there, and go on where it ends")
    options = parser.parse_args()
    library = Path(sysconfig.get_path("stdlib"))
    folders = options.folder or [library / name for name in ("json", "email", "asyncio", "http", "unittest")]
    files = documents(folders, options.corpus)
    engine = LlamaEngine(EngineConfig(options.model, threads=options.threads, context_size=options.context))
    session = Session(Tier(assemble(engine, store.resolve(str(options.model), tuned=False).calibration)))
    limits = Limits(max_tokens=options.tokens)
    asyncio.run(measure(session, places(files, options.cursors, options.seed), limits, options.record))
    session.close()


if __name__ == "__main__":
    main()
