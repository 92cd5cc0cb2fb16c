"""Finds secrets in a text, such as passwords and keys; says nothing of what becomes of them."""

from empower_lsp.secrets.assigned import Span
from empower_lsp.secrets.detector import SHORT, merged, prepare, secrets
from empower_lsp.secrets.without import is_touched, without_secrets

__all__ = ["SHORT", "Span", "is_touched", "merged", "prepare", "secrets", "without_secrets"]
