"""Measures what a language model thinks of every token: the seam, and llama.cpp behind it."""

from empower_model.engine import reading, states
from empower_model.engine.adapter_file import is_adapter
from empower_model.engine.drafting import Drafts, Guess
from empower_model.engine.seam import (
    IMPOSSIBLE,
    Engine,
    EngineConfig,
    FimTokens,
    LogProbs,
    StopFlag,
    Token,
    Transform,
    Vocabulary,
)
from empower_model.engine.timing import Timings

__all__ = [
    "IMPOSSIBLE",
    "Drafts",
    "Engine",
    "EngineConfig",
    "FimTokens",
    "Guess",
    "LogProbs",
    "StopFlag",
    "Timings",
    "Token",
    "Transform",
    "Vocabulary",
    "is_adapter",
    "reading",
    "states",
]
