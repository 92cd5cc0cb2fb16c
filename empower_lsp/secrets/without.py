"""What may be told elsewhere of a text: all but its secrets."""

from __future__ import annotations

from pathlib import PurePosixPath

from empower_lsp.secrets.detector import secrets

LINES_ABOVE, LINES_BELOW = 30, 5
"""Lines around a text by which it is judged."""
WIDEST = 2_000
"""Characters of them on each side."""

_LANGUAGES = {
    **dict.fromkeys((".yml", ".yaml"), "yaml"),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".fish"), "shellscript"),
    **dict.fromkeys((".ini", ".cfg", ".conf", ".service"), "ini"),
    **dict.fromkeys((".md", ".mdx", ".markdown"), "markdown"),
    **dict.fromkeys((".txt", ".rst", ".adoc", ".org", ".log", ""), "plaintext"),
    **dict.fromkeys((".tf", ".hcl"), "terraform"),
    **dict.fromkeys((".xml", ".config", ".html", ".plist"), "xml"),
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".m"), "cpp"),
    ".toml": "toml",
    ".properties": "properties",
    ".http": "http",
    **dict.fromkeys((".mk", ".makefile"), "makefile"),
    **dict.fromkeys((".dockerfile", ".containerfile"), "dockerfile"),
}
"""Language ids of the files in which values stand in another way than in most code, by the ends of their names."""
_NAMES = {"dockerfile": "dockerfile", "containerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile"}


def without_secrets(text: str, name: str) -> str:
    """Return a file's text with its secrets cut out, and nothing in their places; `name` is its path, with `/`."""
    kept, at = [], 0
    for start, end in secrets(text, _language(name)):
        kept.append(text[at:start])
        at = end
    return "".join((*kept, text[at:]))


def is_touched(before: str, text: str, after: str, language: str) -> bool:
    """Return whether a secret has a part in a text that stands between two others."""
    before = "".join(before[-WIDEST:].splitlines(keepends=True)[-LINES_ABOVE:])
    after = "".join(after[:WIDEST].splitlines(keepends=True)[:LINES_BELOW])
    first, last = len(before), len(before) + len(text)
    return any(start < last and first < end for start, end in secrets(before + text + after, language))


def _language(name: str) -> str:
    path = PurePosixPath(name)
    first = path.name.lower().partition(".")[0]  # `Dockerfile.dev`, `Makefile.am`
    return _NAMES.get(first) or _LANGUAGES.get(path.suffix.lower(), "")
