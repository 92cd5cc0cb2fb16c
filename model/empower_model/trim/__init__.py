"""Makes a text fit the text around it, without a grammar."""

from empower_model.trim.scan import AFTER, BEFORE
from empower_model.trim.trimming import reindent, trim

__all__ = [
    "AFTER",
    "BEFORE",
    "reindent",
    "trim",
]
