"""Says which files may be read, and reads them."""

from empower_lsp.workspace import gitignore
from empower_lsp.workspace.files import UNWRITTEN, Workspace, file_name, is_file, root_of

__all__ = [
    "UNWRITTEN",
    "Workspace",
    "file_name",
    "gitignore",
    "is_file",
    "root_of",
]
