"""Says which files may be read, and reads them."""

from empower_lsp.workspace import gitignore
from empower_lsp.workspace.deny import DENIED, is_denied, is_glob
from empower_lsp.workspace.files import LARGEST, UNWRITTEN, Workspace, file_name, is_file, root_of

__all__ = [
    "DENIED",
    "LARGEST",
    "UNWRITTEN",
    "Workspace",
    "file_name",
    "gitignore",
    "is_denied",
    "is_file",
    "is_glob",
    "root_of",
]
