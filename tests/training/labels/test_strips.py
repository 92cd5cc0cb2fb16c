"""The trainer's prompts are the server's: the same tokens as for the real engine, at real cursors of real files."""

import random
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig, FimTokens
from empower_model.prompt.layout import Layout
from empower_model.prompt.token_healing import ROLLBACK
from empower_training.corpus.tokenizer import untrained
from empower_training.finetune.gguf_export import export
from empower_training.labels.strips import LEAST, SPAN, Page, Strip
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.pretrain import Run

SHAPE = Shape(width=64, layers=1, feed_forward=64, heads=1, key_value_heads=1, head_width=64)


@pytest.fixture(scope="module")
def engine(texts: list[str], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> LlamaEngine:
    """Return the tokeniser as llama.cpp has it, under a model that knows nothing."""
    folder = tmp_path_factory.mktemp("model")
    Run(Plan(shape=SHAPE), texts, tokenizer).export(folder)
    export(folder, folder / "model.gguf", "f32")
    return LlamaEngine(EngineConfig(folder / "model.gguf", context_size=512))


def test_a_strip_is_what_the_server_generates_from(engine: LlamaEngine, texts: list[str], tokenizer: Tokenizer) -> None:
    page, rng = Page(tokenizer, engine.context_size), random.Random(0)
    same = covered = 0
    for number in range(200):
        text = rng.choice(texts)
        at = rng.randrange(len(text))
        start, stop = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        suffix = text[stop:] if number % 2 else ""
        strip = page.line("a.py", text, start, stop if suffix else len(text), suffix)
        layout = Layout(engine)
        layout.prompt(text[:start], suffix, SPAN + ROLLBACK)  # the line is typed from its start on
        prompt = layout.prompt(text[:at], suffix, SPAN + ROLLBACK)
        kept = len(prompt.tokens) - len(strip.prompt)
        assert tuple(prompt.tokens[: len(strip.prompt)]) == strip.prompt
        if tuple(prompt.tokens) == (*strip.prompt, *strip.ids[:kept]):
            same += 1
            covered += kept in strip.cuts or kept == len(strip.ids)
    # a cursor deep inside a long word may keep tokens that the finished word does not have
    assert same >= 190
    assert covered == same


def test_lines_typed_on_at_a_place_are_what_the_server_generates_from(
    engine: LlamaEngine, texts: list[str], tokenizer: Tokenizer
) -> None:
    page, rng = Page(tokenizer, engine.context_size), random.Random(0)
    same = covered = 0
    for number in range(100):
        text = rng.choice(texts)
        start = text.rfind("\n", 0, rng.randrange(len(text) // 2)) + 1
        stop = start
        for _ in range(8):
            stop = text.find("\n", stop + 1)
        suffix = text[stop:] if number % 2 else ""
        strip = page.line("a.py", text, start, stop if suffix else len(text), suffix, 8)
        assert len(strip.prompt) + len(strip.ids) + 1 <= engine.context_size
        at = start + rng.choice(strip.ends[: strip.cuts[-1]])
        layout = Layout(engine)
        layout.prompt(text[:start], suffix, SPAN + ROLLBACK)
        prompt = layout.prompt(text[:at], suffix, SPAN + ROLLBACK)
        kept = len(prompt.tokens) - len(strip.prompt)
        if tuple(prompt.tokens) == (*strip.prompt, *strip.ids[:kept]):
            same += 1
            # it may be healed back into a character, where none is
            covered += kept in strip.cuts or strip.ends[kept - 1] == strip.ends[kept]
    # in a line of nothing but its indentation, tokens of the line end above are others
    assert same >= 90
    assert covered == same


def line(page: Page, text: str, start: int, stop: int | None = None, suffix: str = "") -> Strip:
    return page.line("a.py", text, start, len(text) if stop is None else stop, suffix)


def test_cut_points_are_those_of_the_line(tokenizer: Tokenizer) -> None:
    page, text = Page(tokenizer, 512), "import os\nvalue = call(1)\nother = 2\n"
    strip = line(page, text, 10)
    assert tokenizer.decode(list(strip.ids)) == text[10:]
    assert strip.ends[-1] == len(text) - 10
    assert strip.cuts[0] == 0
    assert {strip.ends[cut - 1] for cut in strip.cuts if cut} <= set(range(1, len("value = call(1)") + 1))
    assert len(strip.cuts) == sum(end <= len("value = call(1)") for end in strip.ends) + 1
    assert strip.prompt == (1, 3, 2, *page.encoding.tokenize("import os\n"))  # prefix, suffix, middle


def test_what_stands_below_is_not_to_be_written(tokenizer: Tokenizer) -> None:
    text = "a = 1\nb = 2\nc = 3\n"
    strip = line(Page(tokenizer, 512), text, 0, 11, text[11:])
    assert tokenizer.decode(list(strip.ids)) == "a = 1\nb = 2"
    assert tokenizer.decode(list(strip.prompt)) == "\nc = 3\n"


def test_at_the_end_of_the_text_nothing_is_left_to_cut(tokenizer: Tokenizer) -> None:
    page = Page(tokenizer, 512)
    assert line(page, "a = 1\n", 6).cuts == ()
    assert line(page, "a = 1\n\nb", 6, 6, "\n\nb").cuts == ()
    assert all(cut < len(line(page, "a = 1", 0).ids) for cut in line(page, "a = 1", 0).cuts)


def test_a_cursor_does_not_stand_inside_a_character(tokenizer: Tokenizer) -> None:
    page = Page(tokenizer, 512)
    strip = page.whole("a.py", "x = '\N{SNOWMAN}'")
    assert len(strip.ids) > len(strip.cuts)  # the snowman is three tokens
    assert [strip.ends[cut - 1] for cut in strip.cuts[1:]].count(6) == 1
    assert strip.prompt == (page.end,)


def test_prompt_and_span_fit_the_context(tokenizer: Tokenizer, texts: list[str]) -> None:
    for context in (LEAST, 160, 256):
        page = Page(tokenizer, context)
        for text in (texts[0], "x = " + "1, " * 3000 + "\n" + texts[1]):
            for start in (0, len(text) // 2):
                strip = line(page, text, text.rfind("\n", 0, start) + 1, None, texts[2])
                assert strip.cuts
                assert len(strip.prompt) + len(strip.ids) + 1 <= context
                assert len(strip.ids) - strip.cuts[-1] <= SPAN


def test_text_that_spells_a_control_token_stays_text(tokenizer: Tokenizer) -> None:
    tokenizer.encode_special_tokens = False
    assert 0 not in Page(tokenizer, 512).encoding.tokenize("x = '<|endoftext|>'")


def named(*names: str) -> Tokenizer:
    made = untrained()
    made.add_special_tokens([AddedToken(name, special=True) for name in names])
    return made


def test_other_families_name_their_tokens_otherwise() -> None:
    names = ("<s>", "<eos>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>")
    page = Page(named(*names), 512)
    assert page.encoding.vocabulary.fim == FimTokens(2, 4, 3)
    assert page.end == 1
    plain = Page(named("</s>"), 512)
    assert plain.encoding.vocabulary.fim is None
    assert line(plain, "", 0).prompt == ()


def test_a_tokeniser_must_end_texts_and_a_context_must_hold_one() -> None:
    with pytest.raises(ValueError, match="end-of-text"):
        Page(named("<fim_prefix>"), 512)
    with pytest.raises(ValueError, match=f"at least {LEAST}"):
        Page(named("</s>"), LEAST - 1)


def test_what_a_tokeniser_puts_first_comes_first(tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    made = named("<bos>", "<eos>")
    made.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
    page = Page(made, 512)
    assert page.encoding.vocabulary.bos == 0
    assert line(page, "x", 0).prompt == (0,)
    assert page.whole("a", "x").prompt == (0,)
