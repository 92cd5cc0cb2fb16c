"""What a person calls from the command line, a module a command."""

from empower_lsp.commands import options
from empower_lsp.commands.errors import errors_as_exit, unforeseen

__all__ = ["errors_as_exit", "options", "unforeseen"]
