"""The memory of a workspace: what follows a context, by hand and by brute force, through every kind of change."""

import random
from collections import Counter

import numpy as np
import pytest

from empower_model.memory import index as module
from empower_model.memory.index import Index, Memory, Scope, blocks
from empower_model.memory.segment import ORDERS, Scanned, Sorted, lay, sort


def ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, dtype=np.int32)


def answers(memory: Memory, context: list[int]) -> dict[tuple[int, Scope], dict[int, int]]:
    """Return counts by (length of context, scope), each by token."""
    continuations = memory.continuations(context)
    if continuations is None:
        return {}
    return {
        (order + 1, scope): {int(continuations.tokens[at]): int(row[at]) for at in np.flatnonzero(row)}
        for order in range(ORDERS)
        for scope in Scope
        if (row := continuations.counts[order, scope]).any()
    }


def counted(documents: dict[str, list[int]], context: list[int], length: int) -> Counter[int]:
    """Return what follows the last tokens of a context, by looking at every place."""
    end = context[-length:]
    return Counter(
        text[at + length]
        for text in documents.values()
        for at in range(len(text) - length)
        if text[at : at + length] == end
    )


def texts(rng: random.Random, count: int) -> dict[str, list[int]]:
    return {f"{n}.py": [rng.randrange(4) for _ in range(rng.randrange(1, 60))] for n in range(count)}


def test_what_followed_is_counted_by_length_and_level() -> None:
    memory = Memory()
    memory.update("a.py", ids(1, 2, 3, 9, 2, 3, 4))
    memory.update("b.py", ids(2, 3, 4), Scope.FILE)
    assert answers(memory, [7, 1, 2, 3]) == {
        (1, Scope.PROJECT): {9: 1, 4: 1},
        (2, Scope.PROJECT): {9: 1, 4: 1},
        (3, Scope.PROJECT): {9: 1},
        (1, Scope.FILE): {4: 1},
        (2, Scope.FILE): {4: 1},
    }
    assert memory.continuations([8]) is None
    assert memory.continuations([]) is None
    assert memory.size == 10


def test_no_context_reaches_from_one_document_into_another() -> None:
    memory = Memory()
    memory.update("a.py", ids(1, 2))
    memory.update("b.py", ids(3, 4))
    assert memory.continuations([2]) is None  # nothing follows the end of a.py
    assert answers(memory, [2, 3]) == {(1, Scope.PROJECT): {4: 1}}


@pytest.mark.parametrize("settled", [False, True])
def test_counts_are_those_of_a_plain_search(settled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAIL", 100)
    rng = random.Random(1)
    documents = texts(rng, 12)
    memory = Memory()
    memory.update_all({name: ids(*text) for name, text in documents.items()})
    if settled:
        memory.settle()
        assert any(isinstance(segment, Sorted) for segment in memory.scopes[Scope.PROJECT].segments)
    for _ in range(100):
        context = [rng.randrange(4) for _ in range(rng.randrange(1, 11))]
        expected = {
            (length, Scope.PROJECT): dict(counts)
            for length in range(1, min(len(context), ORDERS) + 1)
            if (counts := counted(documents, context, length))
        }
        assert answers(memory, context) == expected


def test_edits_undo_renames_and_deletions_leave_it_as_built_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAIL", 60)
    rng = random.Random(2)
    memory, documents = Memory(), dict[str, list[int]]()
    kinds = set()
    for turn in range(120):
        change = {name: text for name, text in texts(rng, 9).items() if rng.random() < 0.3}
        before = dict(documents)
        documents |= change
        memory.update_all({name: ids(*text) for name, text in change.items()})
        if turn % 5 == 1:  # undo
            documents = before
            memory.update_all({name: ids(*before[name]) if name in before else None for name in change})
        if turn % 5 == 2 and documents:  # deletion
            gone = rng.choice(sorted(documents))
            del documents[gone]
            memory.update(gone, None)
        if turn % 5 == 3 and documents:  # renaming
            old = rng.choice(sorted(documents))
            documents["renamed.py"] = documents.pop(old)
            memory.update_all({old: None, "renamed.py": ids(*documents["renamed.py"])})
        if turn % 3 == 0:
            memory.settle()
        kinds |= {tuple(type(segment) for segment in memory.scopes[Scope.PROJECT].segments)}
        afresh = Memory()
        afresh.update_all({name: ids(*text) for name, text in documents.items()})
        assert memory.size == afresh.size == sum(map(len, documents.values()))
        for _ in range(8):
            context = [rng.randrange(4) for _ in range(9)]
            assert answers(memory, context) == answers(afresh, context)
    assert (Scanned, Sorted) in kinds  # the mixture of both was really looked at


def test_a_document_is_in_one_level_at_a_time() -> None:
    memory = Memory()
    memory.update("a.py", ids(1, 2))
    memory.update("a.py", ids(1, 3), Scope.FILE)
    assert answers(memory, [1]) == {(1, Scope.FILE): {3: 1}}
    memory.update("a.py", ids(1, 2), Scope.RECENT)
    assert answers(memory, [1]) == {(1, Scope.RECENT): {2: 1}}
    memory.update("a.py", None)
    assert memory.continuations([1]) is None


def test_frequent_contexts_are_left_to_the_model_but_for_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY", 3)
    for tail in (10, 1000):  # sorted, and scanned
        monkeypatch.setattr(module, "TAIL", tail)
        memory = Memory()
        memory.update("a.py", ids(*[5] * 20, 6))
        memory.update("b.py", ids(1, 2, 1, 2, 1, 3, 1, 2, 4, 1))
        memory.settle()
        # 21 tokens have 13 places behind eight others; the last is a 6
        assert answers(memory, [5] * 8) == {(8, Scope.PROJECT): {5: 12, 6: 1}}
        assert memory.continuations([5] * 7) is None
        # 1 occurs four times before something: too often; 2 1 only twice
        assert answers(memory, [2, 1]) == {(2, Scope.PROJECT): {2: 1, 3: 1}}


def test_what_was_not_updated_for_longest_gives_way() -> None:
    index = Index(bound=6)
    index.update({"a": ids(1, 2, 3), "b": ids(4, 5, 6)})
    index.update({"a": ids(1, 2, 4)})  # now b is the oldest
    index.update({"c": ids(7, 8)})
    assert index.names == {"a", "c"}
    assert index.size == 5
    index.update({"d": ids(*range(10))})  # longer than all together may be
    assert index.names == {"a", "c"}
    index.update({"a": ids(*range(10))})
    assert index.names == {"c"}
    assert index.followers([1]) is None


def test_a_token_takes_at_most_twelve_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAIL", 1000)
    rng = np.random.default_rng(0)
    memory = Memory()
    for turn in range(30):  # the same files again and again leave waste behind
        files = {f"{n}.py": rng.integers(0, 50, 900, dtype=np.int32) for n in range(turn % 7, 10)}
        memory.update_all(files)
        memory.settle()
        assert memory.nbytes <= 12 * memory.size


def test_places_are_sorted_by_what_stands_before_them() -> None:
    rng = random.Random(3)
    text = lay((name, ids(*tokens)) for name, tokens in texts(rng, 6).items())
    places = sort(text).order
    tokens = text.tokens.tolist()

    def key(place: int) -> tuple[int, ...]:
        return (*tokens[place - ORDERS : place][::-1], tokens[place])

    assert [key(place) for place in places] == sorted(key(place) for place in places)
    assert sorted(places) == [at for at in range(ORDERS, len(tokens)) if tokens[at] >= 0]


def test_a_text_is_tokenised_in_blocks_of_lines() -> None:
    seen: list[str] = []

    def tokenize(text: str) -> list[int]:
        seen.append(text)
        return [len(text)]

    assert blocks("a\n" * 33 + "bc", tokenize).tolist() == [64, 4]
    assert seen == ["a\n" * 32, "a\nbc"]
    assert blocks("", tokenize).shape == (0,)
