"""The completion log: what was offered, what became of it, kept on this machine and nowhere else."""

from empower_lsp.log import level
from empower_lsp.log.errors import LogError
from empower_lsp.log.journal import Journal
from empower_lsp.log.level import Level, choose, chosen
from empower_lsp.log.recorder import Recorder
from empower_lsp.log.records import PREFIX_WINDOW, SUFFIX_WINDOW, CompletionRecord, OutcomeRecord, TokenRecord
from empower_lsp.log.redact import MARKER
from empower_lsp.log.store import Entry, Retention, Store, log_path, opened
from empower_lsp.log.summary import Group, stats

__all__ = [
    "MARKER",
    "PREFIX_WINDOW",
    "SUFFIX_WINDOW",
    "CompletionRecord",
    "Entry",
    "Group",
    "Journal",
    "Level",
    "LogError",
    "OutcomeRecord",
    "Recorder",
    "Retention",
    "Store",
    "TokenRecord",
    "choose",
    "chosen",
    "level",
    "log_path",
    "opened",
    "stats",
]
