"""Counts what trimming makes of lines that people wrote, taken for texts of a model: no model is needed.

Of three kinds something has to go: `rest`, the text says the rest of the line, which stands behind the cursor; `below`,
it says the lines below; `closed`, it is the rest of a line whose bracket or quote the editor has closed behind the
cursor, and closes it too, comments its closer out or escapes it. Nothing of `wanted` may go: the rest of a line that
was taken out of the file.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from doubled import LANGUAGES

from empower_model.trim import trim

CLOSERS = {"(": ")", "[": "]", "{": "}", '"': '"', "`": "`"}
_COMMENTED = re.compile(r"(?:\A|[\s,;])(?://|# )\s?\w")


def tries(text: str, choose: random.Random) -> Iterator[tuple[str, bool]]:
    """Yield kinds, and whether trimming is at fault, at a random line of a file."""
    lines = text.split("\n")
    number = choose.randrange(len(lines))
    line = lines[number].rstrip()
    space = line[: len(line) - len(line.lstrip())]
    if len(line) - len(space) < 6:
        return
    above, below = "".join(each + "\n" for each in lines[:number]), "".join("\n" + each for each in lines[number + 1 :])
    at = choose.randrange(len(space) + 1, len(line))
    if not re.match(r"\w\w", line[at - 1 : at + 1]):
        yield "rest", trim(line[at:], above + line[:at], line[at:] + below) != ""
    yield "wanted", trim(line[at:], above + line[:at], below) != line[at:]
    said = "\n".join(lines[number : number + choose.randrange(1, 4)])
    said = said[len(space) : choose.randrange(len(line) // 2 + len(space), len(said) + len(space) + 1)].rstrip()
    if len(said) > 2:
        yield "below", trim(said, above + space, "\n" + line + below) != ""
    opened = [
        at for at, char in enumerate(line) if char in CLOSERS and not (char in '"`' and line[:at].count(char) % 2)
    ]
    if opened:
        at = choose.choice(opened) + 1
        if CLOSERS[line[at - 1]] in line[at:]:
            yield "closed", _closed(line[:at], line[at:], above, below)


def _closed(head: str, said: str, above: str, below: str) -> bool:
    """Return whether what is kept of a text behind an opener does not fit the closer behind the cursor."""
    opener = head[-1]
    closer = CLOSERS[opener]
    kept = trim(said, above + head, closer + below)
    if "\n" in kept or kept.endswith("\\") or _COMMENTED.search(kept):
        return True
    if opener == closer:
        return kept.count(closer) % 2 == 1
    open_before = max(0, head.count(opener) - head.count(closer))
    left = open_before + kept.count(opener) - kept.count(closer) - 1
    return left < 0 or kept.count(opener) > kept.count(closer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="lines of JSON with `path` and `text`")
    parser.add_argument("--lines", type=int, default=1500, help="for each language")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    files: defaultdict[str, list[str]] = defaultdict(list)
    for entry in map(json.loads, options.corpus.read_text(encoding="utf-8").splitlines()):
        files[LANGUAGES[Path(entry["path"]).suffix]].append(entry["text"])
    for language, texts in sorted(files.items()):
        choose = random.Random(options.seed)
        tried: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        for _ in range(options.lines):
            for kind, fault in tries(choose.choice(texts), choose):
                tried[kind] += 1
                wrong[kind] += fault
        print(f"{language:11}", "  ".join(f"{kind} {wrong[kind]:3} of {tried[kind]:4}" for kind in sorted(tried)))


if __name__ == "__main__":
    main()
