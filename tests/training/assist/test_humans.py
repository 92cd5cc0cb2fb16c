"""The human who types a known solution, and the one that is a chat model."""

import ast

import pytest

from empower_training.assist.assist import Episode, Reply, nobody, play
from empower_training.assist.endpoint import Message
from empower_training.assist.humans import (
    FENCE_TOKENS,
    THINKING_TOKENS,
    TOKEN,
    ChatHuman,
    Fallibility,
    ReferenceHuman,
    beyond,
    matched,
    statements,
)
from empower_training.assist.problems import Case, Problem, ProblemError, bundled

SOLUTION = """\
def area(a, b):
    product = (a *
               b)
    return product


# the answer
print(area(2, 3))
"""
PROBLEM = Problem("area", "Area", "Print the area.", (Case("", "6"),), "def area(a, b):\n", solution=SOLUTION)
CARELESS = Fallibility(accept_wrong=1.0)
ACCEPT, REJECT, FINISH = Reply.ACCEPT, Reply.REJECT, Reply.FINISH


def finished(human: ReferenceHuman, text: str) -> str:
    """Return what the human makes of a text without further proposals."""
    while human.judge(text, "") is not FINISH:
        text += human.write(text)
    return text


def test_tokens_are_words_signs_and_line_ends_with_the_space_before() -> None:
    assert TOKEN.findall("if x_1 >= 10:\n    y  = 'é'\n\n") == [
        *("if", " x_1", " >", "=", " 10", ":", "\n    ", "y", " ", " =", " '", "é", "'", "\n", "\n")
    ]
    for problem in bundled():
        assert "".join(TOKEN.findall(problem.solution)) == problem.solution


def test_alone_it_types_the_solution_ten_tokens_a_round() -> None:
    human = ReferenceHuman(PROBLEM)
    # indentation, product, =, (, a, *, line end with indentation, b, ), line end with indentation
    assert human.write(PROBLEM.starter) == "    product = (a *\n               b)\n    "
    played = play(PROBLEM, ReferenceHuman(PROBLEM), nobody, lambda text, _: text.rstrip() == SOLUTION.rstrip())
    tokens = len(TOKEN.findall(SOLUTION[len(PROBLEM.starter) :].rstrip()))
    assert (played.passed, played.finished, played.rounds) == (True, True, -(-tokens // 10) + 1)


def test_it_takes_what_it_would_have_typed_and_nothing_else() -> None:
    human = ReferenceHuman(PROBLEM)
    text = PROBLEM.starter
    assert human.judge(text, "    total = ") is REJECT
    assert human.judge(text, "    product = (a *") is ACCEPT
    assert human.judge(text, "\n               b)\n    return product") is ACCEPT
    assert human.write(text).startswith("\n\n\n# the answer\nprint(")


@pytest.mark.parametrize(
    ("ahead", "proposal", "length"),
    [
        ("x = 1\ny", "x = 1", 5),
        ("x = 1\ny", "x = 1\n", 6),
        ("x = 1\ny", "x = 1  ", 5),  # spaces at the end of a line are harmless
        ("x = 1\ny", "x = 1\n  ", None),  # those at the beginning of one are not
        ("x = 1 + 2", "x = 1\n", None),
        ("x = 1 + 2", "x = 1 ", 6),
        ("x = 1 + 2", "x = 1  ", None),
        ("x = 1", "x = 1 ", 5),
        ("x = 1", "x = 12", None),
        ("if a:\n    b", "if a:\n    ", 10),
    ],
)
def test_right_is_to_the_letter_but_for_space_at_line_ends(ahead: str, proposal: str, length: int | None) -> None:
    assert matched(ahead, proposal) == length


def test_spaces_taken_too_many_do_no_harm() -> None:
    human = ReferenceHuman(PROBLEM)
    text = PROBLEM.starter + "    product = (a *   "
    assert human.judge(PROBLEM.starter, "    product = (a *   ") is ACCEPT
    assert finished(human, text) == SOLUTION.replace("(a *", "(a *   ")


def test_where_statements_and_comments_begin() -> None:
    beginnings = statements(SOLUTION)
    assert [SOLUTION[at:].split("\n", maxsplit=1)[0] for at in beginnings if at < len(SOLUTION)] == [
        *("def area(a, b):", "def area(a, b):", "product = (a *", "return product", "# the answer", "print(area(2, 3))")
    ]


@pytest.mark.parametrize(
    ("typed", "proposal", "rewritten"),
    [
        # in the middle of a statement over two lines: all of it once more
        ("    product = (a *\n", "               c)\n", "\n    product = (a *\n               b)\n    return"),
        # the beginning is right, and the wrong rest lies in the next statement
        ("    product = (a *\n", "               b)\n    return 7", "\n    return product\n"),
        # at the beginning of a line: the statement that comes next
        ("    product = (a *\n               b)\n", "    print(product)\n", "\n    return product\n"),
        ("    product = (a *\n               b)\n    ", "print(product)\n", "\n    return product\n"),
        # just behind a statement, at whose line end the text goes wrong
        ("    product = (a *\n               b)", " + 1", "\n    product = (a *\n               b)\n    return"),
    ],
)
def test_a_wrong_proposal_taken_is_followed_by_the_statement_once_more(
    typed: str, proposal: str, rewritten: str
) -> None:
    human = ReferenceHuman(PROBLEM, CARELESS)
    assert human.judge(PROBLEM.starter, typed) is ACCEPT
    assert human.judge(PROBLEM.starter + typed, proposal) is ACCEPT
    text = finished(human, PROBLEM.starter + typed + proposal)
    after = text.removeprefix(PROBLEM.starter + typed + proposal)
    assert after.startswith(rewritten)
    assert SOLUTION.endswith(after.lstrip("\n").lstrip())


def test_losing_track_twice_is_no_different_from_once() -> None:
    human = ReferenceHuman(PROBLEM, CARELESS)
    assert human.judge("", "    pass\n") is ACCEPT
    assert human.judge("", "\n    wrong again") is ACCEPT
    assert finished(human, "").startswith("\n    product = (a *")


def test_chances_are_those_asked_for_and_the_same_for_all() -> None:
    places = [Problem(f"p{n}", "", "", (Case("", ""),), solution="right = 1\n") for n in range(400)]

    def taken(fallibility: Fallibility, proposal: str, seed: int) -> list[int]:
        return [
            n
            for n, problem in enumerate(places)
            if ReferenceHuman(problem, fallibility, seed).judge("", proposal) is ACCEPT
        ]

    wrong = taken(Fallibility(accept_wrong=0.3), "wrong", 1)
    assert 90 <= len(wrong) <= 150  # 120 expected, standard deviation 9.2
    assert taken(Fallibility(accept_wrong=0.3), "other", 1) == wrong
    assert taken(Fallibility(accept_wrong=0.3), "wrong", 2) != wrong
    assert {*taken(Fallibility(accept_wrong=0.1), "wrong", 1)} < {*wrong}
    right = taken(Fallibility(reject_right=0.25), "right", 1)
    assert 270 <= len(right) <= 330


def test_without_a_solution_the_reference_human_cannot_work() -> None:
    with pytest.raises(ProblemError, match="--human URL"):
        ReferenceHuman(Problem("p", "", "", (Case("", ""),)))


class Chat:
    """Answers in order, and what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def ask(self, messages: list[Message], most: int, seed: int = 0) -> str:
        self.asked.append(("\n".join(message["content"] for message in messages), most))
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("answer", "verdict", "unclear"),
    [
        ("It goes on well.\nACCEPT", ACCEPT, 0),
        ("I would not ACCEPT this.\n**REJECT**", REJECT, 0),
        ("FINISH", FINISH, 0),
        ("<think>ACCEPT? REJECT?</think>\nFINISH.", FINISH, 0),
        ("accept", REJECT, 1),
        ("", REJECT, 1),
        ("UNACCEPTABLE", REJECT, 1),
        ("WRITE", REJECT, 0),
    ],
)
def test_a_chat_models_verdict_is_its_last_word_in_capitals(answer: str, verdict: Reply, unclear: int) -> None:
    chat = Chat(answer)
    human = ChatHuman(PROBLEM, chat)
    assert (human.judge("x = ", "1"), human.unclear) == (verdict, unclear)
    [(asked, most)] = chat.asked
    assert "Print the area." in asked
    assert "<program>x = </program>" in asked
    assert "<completion>1</completion>" in asked
    assert most == THINKING_TOKENS


def test_without_a_proposal_a_chat_model_is_only_asked_whether_it_is_done() -> None:
    chat = Chat("WRITE")
    assert ChatHuman(PROBLEM, chat).judge("x", "") is REJECT
    assert "ACCEPT" not in chat.asked[0][0]


def test_a_chat_model_types_ten_tokens_of_its_own() -> None:
    chat = Chat("    return 1")
    assert ChatHuman(PROBLEM, chat).write("def f():\n") == "    return 1"
    assert chat.asked[0][1] == 10


def test_a_fence_is_taken_off_and_its_tokens_are_not_counted() -> None:
    chat = Chat("```python\nx =", "```python\nx = 1\ny = 2", "```\nz\n```", "w")
    human = ChatHuman(PROBLEM, chat)
    assert [human.write("a\n") for _ in range(3)] == ["x = 1\ny = 2", "z\n", "w"]
    assert [most for _, most in chat.asked] == [10, *[10 + FENCE_TOKENS] * 3]


def test_who_deletes_takes_what_was_wrong_back_at_the_price_of_typing_it() -> None:
    human = ReferenceHuman(PROBLEM, Fallibility(accept_wrong=1.0, deletes=True))
    offered = iter(("    product = a * b\n",))
    played = play(PROBLEM, human, lambda _: next(offered, ""), lambda text, _: text.rstrip() == SOLUTION.rstrip())
    right, wrong = len("    product = "), len("a * b\n")
    assert (played.passed, played.accepted, played.kept, played.deleted) == (True, 1, right, wrong)
    assert played.written == len(SOLUTION) - len(PROBLEM.starter) - right
    assert played.discounted == pytest.approx(0.999 ** (0.1 * played.read + 0.5 * (played.written + wrong)))


@pytest.mark.parametrize(
    ("text", "answer", "typed"),
    [
        ("x = ", "x = 1", "1"),
        ("a\nx = ", "x = 1", "1"),
        ("a\n    x = ", "x = 1", "1"),
        ("a\nx = ", "a\nx = 1", "1"),
        ("x = ", "2", "2"),
        ("a\n", "a\n", "a\n"),  # nothing else: then it is meant
        ("a\n    ", "    b", "    b"),
        ("", "x", "x"),
    ],
)
def test_what_is_said_again_is_left_out(text: str, answer: str, typed: str) -> None:
    assert beyond(text, answer) == typed


def test_a_chat_model_solves_a_problem() -> None:
    chat = Chat("WRITE", "print(", "ACCEPT", ")", "FINISH")
    human = ChatHuman(Problem("p", "", "Print 6.", (Case("", "6"),)), chat)
    played = play(
        human.problem, human, lambda text: "6" if text == "print(" else "", lambda text, _: text == "print(6)"
    )
    assert played == Episode("p", "print(6)", True, True, rounds=3, shown=1, accepted=1, read=1, kept=1, written=7)


def test_all_statements_of_real_programs_are_found() -> None:
    for problem in bundled():
        lines = problem.solution.splitlines(keepends=True)
        begins = {
            sum(map(len, lines[: node.lineno - 1])) + node.col_offset
            for node in ast.walk(ast.parse(problem.solution))
            if isinstance(node, ast.stmt) and not getattr(node, "decorator_list", [])
        }
        assert begins <= {*statements(problem.solution)}, problem.id
