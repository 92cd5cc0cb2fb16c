"""Token healing on small vocabularies, with the arithmetic written out."""

import numpy as np
import pytest

from empower_model.engine.seam import FimTokens, Vocabulary
from empower_model.prompt.token_healing import healing, roll_back

WORDS = Vocabulary((b" ret", b"u", b" return", b"   ", b"x", b"(", b'("', b"8", b" ", b"    y"), frozenset())


@pytest.mark.parametrize(
    ("tokens", "kept", "forced"),
    [
        ([], [], b""),
        ([3, 0, 1], [3], b" retu"),  # ` return` begins so; with the indentation nothing does
        ([4, 5], [4], b"("),
        ([4, 5, 5], [4, 5], b"("),
        ([0, 8], [0], b" "),
        ([3, 8], [], b"    "),  # spaces may belong to a longer run
        ([5, 7, 7, 7], [5, 7, 7], b"8"),
        ([4, 1], [4], b"u"),
    ],
)
def test_roll_back_to_where_a_token_may_have_begun(tokens: list[int], kept: list[int], forced: bytes) -> None:
    assert roll_back(tokens, WORDS) == (kept, forced)


def test_roll_back_is_bounded() -> None:
    kept, forced = roll_back([0] * 100, Vocabulary((b"8", b"8" * 20), frozenset()))
    assert (len(kept), forced) == (92, b"8" * 8)


def test_healing_rules_out_what_contradicts_the_typed_text() -> None:
    vocabulary = Vocabulary((b" ret", b"u", b" return", b"x", b"urn", b""), frozenset({5}), FimTokens(5, 5, 5))
    log_probs = np.log(np.array([0.1, 0.1, 0.3, 0.4, 0.05, 0.05], dtype=np.float32))
    transform = healing(b" retu", vocabulary)
    first = transform([], log_probs)
    # ` ret` and ` return` remain, 0.1 to 0.3: renormalised 1/4 and 3/4
    np.testing.assert_allclose(np.exp(first), [0.25, 0, 0.75, 0, 0, 0], atol=1e-6)
    second = transform([0], log_probs)
    np.testing.assert_allclose(np.exp(second), [0, 2 / 3, 0, 0, 1 / 3, 0], atol=1e-6)
    assert transform([2], log_probs) is log_probs  # the typed text is written: nothing is ruled out
    assert transform([0, 1], log_probs) is log_probs


def test_compatible_tokens() -> None:
    vocabulary = Vocabulary((b"a", b"ab", b"abc", b"b", b"", b"abd", b"\xc3", "é".encode()), frozenset())
    assert sorted(vocabulary.compatible(b"ab")) == [0, 1, 2, 5]
    assert sorted(vocabulary.compatible("é".encode())) == [6, 7]
    assert sorted(vocabulary.compatible(b"zz")) == []
