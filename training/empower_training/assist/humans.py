"""Who solves the problems: somebody who types a known solution, or a chat model that thinks for itself."""

from __future__ import annotations

import io
import random
import re
import tokenize
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Protocol

from empower_training.assist.assist import TYPED_TOKENS, Reply
from empower_training.assist.endpoint import Message
from empower_training.assist.problems import Problem, ProblemError

TOKEN = re.compile(r"\n[ \t]*|[ \t]+(?= )| ?\w+| ?[^\w\s]|\s")
"""What the reference human types as one token: a word or a sign with the space before it, or a line end with the
indentation that follows; about as much as a token of a language model holds in code."""

THINKING_TOKENS = 512
"""Most tokens of a chat model's thoughts before its verdict."""
FENCE_TOKENS = 4
"""Tokens that an opening ```python and its line end take, which some models cannot do without."""
_FENCE = re.compile(r"\A\s*```[a-z]*\n?|```\s*\Z")
_WORDS = {
    "ACCEPT": Reply.ACCEPT,
    "REJECT": Reply.REJECT,
    "WRITE": Reply.REJECT,
    "FINISH": Reply.FINISH,
}
_VERDICT = re.compile(rf"\b({'|'.join(_WORDS)})\b")

_ROLE = """\
You are a programmer at work on one Python 3 program. You write it from top to bottom and cannot change anything that \
already stands there. Your editor sometimes offers a completion; it has not read the task and is often wrong. Take \
one only if the program with it, letter for letter, is still on its way to a correct solution."""
_TASK = """\
The task:

{statement}

{form}

The program so far, up to the cursor:

<program>{text}</program>
"""
_JUDGE = """
The editor offers to go on with:

<completion>{proposal}</completion>

Think in a few sentences about what has to come next. Then write one word in capitals on the last line: ACCEPT to take \
the completion, REJECT to go on yourself, FINISH if the program so far is complete as it stands and nothing is to be \
added."""
_COMPLETE = """
Think in a few sentences about what has to come next. Then write one word in capitals on the last line: WRITE to go \
on, or FINISH if the program is complete as it stands and nothing is to be added."""
_WRITE = """
Go on with the program from the cursor. What you answer is put there as it is, so begin with a space, a line end or \
the indentation where the program needs one. Answer with nothing but code: do not repeat what stands there already, \
explain nothing, and use no Markdown."""


@dataclass(frozen=True, slots=True)
class Fallibility:
    """The errors of the reference human: probabilities for each proposal, and what becomes of them."""

    accept_wrong: float = 0.0
    reject_right: float = 0.0
    deletes: bool = False
    """Whether it sees at once that it has accepted a wrong one, and deletes what is wrong of it; no probability."""


class ReferenceHuman:
    """Somebody who knows a correct program and types towards it, at most 10 `TOKEN`s a round.

    A proposal is right when the program goes on with it to the letter, spaces at the end of a line apart. Whoever has
    accepted a wrong one believes it and lets it stand, begins a new line, and writes the statement at which the
    proposal left the program once more, from its beginning: harmless after a superfluous but complete line, and
    usually the end of a working program otherwise; or, where it `deletes`, it deletes the proposal from the first wrong
    character on. The draws depend on the seed, the problem and how far along the
    solution one is, not on the assistant, so that policies are compared on the same luck.
    """

    def __init__(self, problem: Problem, fallibility: Fallibility | None = None, seed: int = 0) -> None:
        if not problem.solution:
            raise ProblemError(
                f"The reference human needs a solution, and problem {problem.id} has none: "
                "give the file's problems a field `solution`, or let a chat model solve them with --human URL."
            )
        self.unclear = 0
        self._problem = problem
        self._fallibility = fallibility or Fallibility()
        self._seed = seed
        self._at = len(problem.starter)
        """How far the solution has been written."""
        self._again = ""
        """What has to be written before the solution goes on there."""
        self._wrong = 0
        """Characters at the end of what was accepted last that are to be deleted."""

    def judge(self, text: str, proposal: str) -> Reply:
        """Judge a proposal; FINISH once the whole solution has been written."""
        if not self._ahead().strip():
            return Reply.FINISH
        if not proposal:
            return Reply.REJECT
        length = matched(self._ahead(), proposal)
        chance = random.Random(f"{self._seed} {self._problem.id} {self._at} {len(self._again)}").random()
        if length is not None:
            if chance < self._fallibility.reject_right:
                return Reply.REJECT
            self._advance(length)
            return Reply.ACCEPT
        if chance >= self._fallibility.accept_wrong:
            return Reply.REJECT
        pairs = zip(proposal, self._ahead(), strict=False)
        right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._advance(right)
        if self._fallibility.deletes:
            self._wrong = len(proposal) - right
        else:
            self._lose_track()
        return Reply.ACCEPT

    def delete(self, text: str) -> int:
        """Return the length of what was wrong of the last proposal, where that was accepted and it deletes."""
        wrong, self._wrong = self._wrong, 0
        return wrong

    def write(self, text: str) -> str:
        """Return the next tokens of the solution, none at its end."""
        ahead = self._ahead()
        typed = "".join(TOKEN.findall(ahead)[:TYPED_TOKENS]) if ahead.strip() else ""
        self._advance(len(typed))
        return typed

    def _ahead(self) -> str:
        return self._again + self._problem.solution[self._at :]

    def _advance(self, length: int) -> None:
        self._at += max(0, length - len(self._again))
        self._again = self._again[length:]

    def _lose_track(self) -> None:
        solution = self._problem.solution
        at = self._at
        if not solution[solution.rfind("\n", 0, at) + 1 : at].strip():  # a fresh line belongs to what comes next
            at += len(solution[at:]) - len(solution[at:].lstrip())
        start = max(begin for begin in statements(solution) if begin <= at)
        self._again = "\n" + solution[solution.rfind("\n", 0, start) + 1 : self._at]


def matched(ahead: str, proposal: str) -> int | None:
    """Return how many characters of `ahead` a right proposal stands for, None for a wrong one.

    Right is what `ahead` begins with, and also what differs only in spaces at the end of a line of it.
    """
    if ahead.startswith(proposal):
        return len(proposal)
    kept = proposal.rstrip(" \t")
    return len(kept) if ahead.startswith(kept) and ahead[len(kept) : len(kept) + 1] in ("\n", "") else None


def statements(program: str) -> list[int]:
    """Return where the statements and comments of a correct program begin, in characters, the beginning first."""
    starts = [0]
    lines = [0]
    for line in program.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    fresh = True
    for token in tokenize.generate_tokens(io.StringIO(program).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            fresh = fresh or token.type == tokenize.NEWLINE
        elif fresh:
            starts.append(lines[token.start[0] - 1] + token.start[1])
            fresh = token.type == tokenize.COMMENT
    return starts


class Chat(Protocol):
    """The part of an endpoint that a chat human needs."""

    def ask(self, messages: list[Message], most: int, seed: int = 0) -> str:
        """Return the answer of at most `most` tokens."""
        ...


@dataclass(slots=True)
class ChatHuman:
    """A chat model that has read the problem. It types at most 10 of its server's own tokens a round.

    It is asked twice a round: for a verdict, after thinking aloud, and for what it types. An answer without a
    verdict counts as a rejection. Nothing is remembered but the program, so a round costs the same late as early.
    """

    problem: Problem
    endpoint: Chat
    seed: int = 0
    unclear: int = 0
    """Answers without a verdict."""
    _fences: bool = field(default=False, init=False)
    """Whether the model writes code only behind a fence."""

    def judge(self, text: str, proposal: str) -> Reply:
        """Return the last word in capitals of the model's answer."""
        question = _JUDGE.format(proposal=proposal) if proposal else _COMPLETE
        answer = self._ask(text, question, THINKING_TOKENS)
        words = _VERDICT.findall(answer.rpartition("</think>")[2])
        if not words:
            self.unclear += 1
            return Reply.REJECT
        return _WORDS[words[-1]]

    def delete(self, text: str) -> int:
        """Return 0: as in the paper, it never deletes."""
        return 0

    def write(self, text: str) -> str:
        """Return the model's answer, without a fence around it and without what stood there already."""
        answer = self._ask(text, _WRITE, TYPED_TOKENS + (FENCE_TOKENS if self._fences else 0))
        if not self._fences and answer.lstrip().startswith("```"):
            self._fences = True
            answer = self._ask(text, _WRITE, TYPED_TOKENS + FENCE_TOKENS)
        return beyond(text, _FENCE.sub("", answer))

    def _ask(self, text: str, question: str, most: int) -> str:
        form = "The program reads standard input and writes to standard output."
        if self.problem.function:
            form = f"What is called is `{self.problem.function}`; nothing is read or printed."
        task = _TASK.format(statement=self.problem.statement.strip(), form=form, text=text)
        messages = [{"role": "system", "content": _ROLE}, {"role": "user", "content": task + question}]
        return self.endpoint.ask(messages, most, self.seed)


def beyond(text: str, answer: str) -> str:
    """Return an answer without the text, or its last line, at the beginning, which models like to say once more."""
    line = text[text.rfind("\n") + 1 :]
    for said in (text, line, line.lstrip()):
        if said.strip() and len(answer) > len(said) and answer.startswith(said):
            return answer[len(said) :]
    return answer
