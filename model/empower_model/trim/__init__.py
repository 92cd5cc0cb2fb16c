"""Makes a text fit the text around it, without a grammar."""

from empower_model.trim.runs import LONGEST_WORD, run_length
from empower_model.trim.scan import AFTER, BEFORE, balance, indent
from empower_model.trim.trimming import reindent, trim
from empower_model.trim.words import inside_word, joined

__all__ = [
    "AFTER",
    "BEFORE",
    "LONGEST_WORD",
    "balance",
    "indent",
    "inside_word",
    "joined",
    "reindent",
    "run_length",
    "trim",
]
