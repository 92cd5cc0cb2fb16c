"""What holds of redaction wherever a secret stands and wherever the cursor cuts the text."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from empower_lsp.log.records import CompletionRecord, TokenRecord
from empower_lsp.log.redact import MARKER, Redactor, redact
from empower_lsp.secrets import is_touched, secrets, without_secrets

from .test_redact import record

LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
REMAINDER = 6
"""Characters of a secret that may not stay together."""
RANDOM = st.text(LETTERS, min_size=24, max_size=40).filter(
    lambda text: {"0" if c.isdigit() else "A" if c.isupper() else "a" for c in text} == {"0", "A", "a"}
)
FORMS = st.sampled_from(
    [
        ("python", 'password = "%s"'),
        ("python", "connect(user='me', password='%s')"),
        ("python", 'os.environ["API_KEY"] = "%s"'),
        ("python", "push('ghp_%s')"),
        ("javascript", "const clientSecret = '%s';"),
        ("go", 'clientSecret := "%s"'),
        ("yaml", "password: %s"),
        ("dotenv", "API_TOKEN=%s"),
        ("toml", 'secret_key = "%s"'),
        ("json", '"apiKey": "%s",'),
    ]
)
LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "",
            "# a remark",
            "import os",
            "name: value",
            "    return total",
            "call(a, b)",
            "é = '界'",
            "[section]",
        ]
    ),
    max_size=4,
).map("\n".join)
ANY = st.text("ab12=:'\" \n{}[]()passwordkeytoken/+\\", max_size=60)


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, str, str, int, int]:
    """Return a text with a secret, that secret, the language, and where a completion begins and ends."""
    (language, form), value = draw(FORMS), draw(RANDOM)
    text = f"{draw(LINES)}\n{form % value}\n{draw(LINES)}\n"
    cuts = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    return text, value, language, cuts[0], cuts[1]


def redacted(text: str, language: str, start: int, end: int) -> CompletionRecord:
    """Return the record of a completion from `start` to `end`, with tokens of three characters."""
    middle = text[start:end]
    pieces = tuple(middle[at : at + 3] for at in range(0, len(middle), 3))
    whole = replace(record(text[:start], middle, text[end:], pieces), language=language)
    result = Redactor().redact(whole)
    assert isinstance(result, CompletionRecord)
    return result


def pieces_of(secret: str, texts: tuple[str, ...]) -> list[str]:
    """Return what of a secret is together in a text."""
    parts = (secret[at : at + REMAINDER] for at in range(len(secret) - REMAINDER + 1))
    return [part for part in parts if any(part in text for text in texts)]


@given(planted())
def test_a_planted_secret_is_in_no_part_of_the_record(case: tuple[str, str, str, int, int]) -> None:
    text, secret, language, start, end = case
    cleaned = redacted(text, language, start, end)
    written = "".join(token.piece for token in cleaned.tokens)
    assert pieces_of(secret, (cleaned.prefix or "", cleaned.text or "", cleaned.suffix or "", written)) == []


@given(planted())
def test_the_parts_join_to_the_whole_without_its_secrets(case: tuple[str, str, str, int, int]) -> None:
    text, _, language, start, end = case
    cleaned = redacted(text, language, start, end)
    joined = re.sub(f"(?:{MARKER})+", MARKER, f"{cleaned.prefix}{cleaned.text}{cleaned.suffix}")
    assert joined == redact(text, language)
    tokens = "".join(token.piece for token in cleaned.tokens)
    assert len(cleaned.tokens) == -(-(end - start) // 3)
    assert (MARKER in tokens) == (MARKER in (cleaned.text or ""))


@given(planted())
def test_what_is_redacted_is_neither_remembered_nor_shown(case: tuple[str, str, str, int, int]) -> None:
    text, secret, language, start, end = case
    names = {"yaml": "a.yaml", "dotenv": ".env", "toml": "a.toml"}
    if language != "dotenv":  # whose files are not read at all
        assert pieces_of(secret, (without_secrets(text, names.get(language, "a.py")),)) == []
    cleaned = redacted(text, language, start, end)
    if start < end:
        touched = is_touched(text[:start], text[start:end], text[end:], language)
        assert touched == (MARKER in (cleaned.text or ""))


@given(st.one_of(ANY, planted().map(lambda case: case[0])), st.sampled_from(["python", "yaml", "c", ""]))
def test_spans_are_apart_and_in_order_and_the_rest_stays(text: str, language: str) -> None:
    spans = secrets(text, language)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    ends, starts = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    between = list(zip(ends, starts, strict=True))
    assert all(end < start for end, start in between[1:-1]), "those that touch are joined"
    assert redact(text, language).split(MARKER) == [text[end:start] for end, start in between]


@given(ANY, ANY, ANY)
def test_any_text_can_be_redacted(prefix: str, text: str, suffix: str) -> None:
    cleaned = Redactor().redact(record(prefix, text, suffix, (text,)))
    assert isinstance(cleaned, CompletionRecord)
    assert cleaned.tokens == (TokenRecord(text if MARKER not in (cleaned.text or "") else MARKER, 0.5, 1.0),)
