"""Decides which files may be read: the built-in list of keys and secrets, and the globs that a person adds to it."""

from __future__ import annotations

from functools import lru_cache

import pathspec

DENIED = (
    *(".env*", "*.env", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx", "*.gpg"),
    *(
        "id_rsa*",
        "id_dsa*",
        "id_ecdsa*",
        "id_ed25519*",
        ".ssh/",
        ".gnupg/",
        ".aws/",
        ".kube/",
        "**/.docker/config.json",
    ),
    *("secrets.*", "*.secret", "*.secrets", "credentials", "credentials.*", "*.tfvars", "*.tfstate*"),
    "!secrets.py",  # a module of the standard library, and a common name for code about secrets
)
"""Files that are never read, gitignore style, in lower case; the option `denyGlobs` adds to them."""


def is_denied(path: str, folder: str = "/", globs: tuple[str, ...] = ()) -> bool:
    """Return whether a file must not be read: an absolute path and the workspace folder it is in, both with `/`.

    `globs` are those of the option `denyGlobs`, gitignore style. They count from the folder, can add to `DENIED`, and
    cannot take away from it. In the folder `/work/app`, `/top.py` denies `/work/app/top.py` and not
    `/work/app/sub/top.py`; `!.env` changes nothing.
    """
    relative = path.removeprefix(folder.rstrip("/") + "/").lstrip("/")
    return _spec(DENIED).match_file(path.lower().lstrip("/")) or _spec(globs).match_file(relative)


def is_glob(text: str) -> bool:
    """Return whether a text can be used as one of the globs of `is_denied`."""
    try:
        return bool(_spec((text,)))
    except ValueError:
        return False


@lru_cache(maxsize=8)
def _spec(globs: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(globs)
