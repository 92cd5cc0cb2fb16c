import random
import sysconfig
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from empower_model.engine.llama import LlamaEngine
from empower_model.engine.seam import EngineConfig
from empower_training.corpus.corpus import Document
from empower_training.corpus.tokenizer import SPECIAL_TOKENS, sample
from empower_training.finetune.gguf_export import export
from empower_training.pretrain.plan import Plan, Shape
from empower_training.pretrain.pretrain import Run

STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])

ODD = [
    "变量 = '你好，世界'  # 注释\n",
    "print('🎉👩‍👩‍👧 done', 'e\u0301\u200b')\n",
    "\tif x:\r\n\t\treturn 1\r\n\r\n\r\n",
    "x\t=\t 1  \t \n   \n\n    y",
    "I've don't 'S 'LL we'RE\n",
    "0123456789 ١٢٣ ½ Ⅻ x1y22\n",
    "\u00a0\u3000\u2028 z\x0c\x0b\x85\n",
    "<|endoftext|><|fim_prefix|>\n",
    "a" * 300 + "\n",
    " " * 70 + "deep\n",
    "straße ﬁ İ ſ ǆ К\n",
    "\x00\x7f\n",
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, texts: list[str], tokenizer: Tokenizer) -> LlamaEngine:
    folder = tmp_path_factory.mktemp("model")
    shape = Shape(width=64, layers=1, feed_forward=64, heads=1, key_value_heads=1, head_width=64, context=128)
    Run(Plan(shape=shape), texts, tokenizer).export(folder)
    export(folder, folder / "model.gguf", "f32")
    return LlamaEngine(EngineConfig(folder / "model.gguf", threads=1, context_size=128))


def test_llama_cpp_splits_a_thousand_real_lines_alike(engine: LlamaEngine, tokenizer: Tokenizer) -> None:
    paths = sorted((STANDARD_LIBRARY / "email").glob("*.py")) + sorted((STANDARD_LIBRARY / "json").glob("*.py"))
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines(keepends=True)]
    chosen = random.Random(0).sample(lines, 1000)
    for text in [*chosen, *ODD, "".join(ODD), "".join(chosen[:100])]:
        assert engine.tokenize(text) == tokenizer.encode(text).ids, repr(text)


@pytest.mark.parametrize("text", ODD)
def test_tokens_spell_the_text(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_control_tokens_have_fixed_ids(tokenizer: Tokenizer) -> None:
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(7))
    assert tokenizer.get_vocab_size() == 1024


def test_text_that_spells_a_control_token_stays_text(tokenizer: Tokenizer) -> None:
    assert 0 not in tokenizer.encode("<|endoftext|>").ids


def test_sample_is_of_the_asked_size() -> None:
    documents = [Document("p", str(i), "x" * 100) for i in range(100)]
    assert sum(map(len, sample(documents, 1000))) == 1000
    assert sample(documents, 1000) == sample(documents, 1000)
