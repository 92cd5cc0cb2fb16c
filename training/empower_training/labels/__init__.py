"""Finds human-written texts, and labels where the paper's rule ends spans in them."""

from empower_training.labels import example, labelling, texts
from empower_training.labels.example import Example, Method, examples, lines
from empower_training.labels.labelling import QUANTILES, Labelled, Summary
from empower_training.labels.measured import Measured
from empower_training.labels.strips import Page, Strip
from empower_training.labels.texts import Text, from_log, split

__all__ = [
    "QUANTILES",
    "Example",
    "Labelled",
    "Measured",
    "Method",
    "Page",
    "Strip",
    "Summary",
    "Text",
    "example",
    "examples",
    "from_log",
    "labelling",
    "lines",
    "split",
    "texts",
]
