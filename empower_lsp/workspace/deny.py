"""Decides which files may be read: the built-in list of keys and secrets, and what a person or a repository adds."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pathspec

from empower_model.regular_file import read_regular

IGNORE_FILE = ".aiignore"
"""What a repository, or a workspace folder, says must not be read; gitignore style, from where it lies."""

LARGEST_IGNORE_FILE = 1_000_000
"""Bytes of an IGNORE_FILE that is read."""

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
    *(".dev.vars*", "env.local", ".vault-token", ".dockercfg", ".dockerconfigjson", ".s3cfg", "*.asc", ".bash_history"),
    *(".zsh_history", ".python_history", ".psql_history", ".mysql_history", ".my.cnf", ".boto", ".vault_pass*"),
    *("service-account*.json", "service_account*.json", "client_secret*.json", "application-secrets.*"),
    *("kubeconfig", "kubeconfig.*", "*.kubeconfig", "*.jwk", "*.age", "*.ovpn", ".terraformrc", "**/gcloud/"),
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


def is_ignored(path: str, folders: tuple[str, ...]) -> bool:
    """Return whether one of the folders that a file is in has an IGNORE_FILE that says it must not be read.

    All are absolute, with `/`.
    """
    inside = [folder for folder in map(_slashless, folders) if path.startswith(folder + "/")]
    return any(_ignore_file(f"{folder}/{IGNORE_FILE}").match_file(path[len(folder) + 1 :]) for folder in inside)


def _slashless(folder: str) -> str:
    return folder.rstrip("/")


def _ignore_file(name: str) -> pathspec.GitIgnoreSpec:
    """Read an IGNORE_FILE, unless it is as it was; without the lines that are no globs."""
    try:
        status = Path(name).stat()
        return _read(name, status.st_mtime_ns, status.st_size)
    except OSError:
        return _spec(())


@lru_cache(maxsize=64)
def _read(name: str, written: int, size: int) -> pathspec.GitIgnoreSpec:
    lines = read_regular(Path(name), LARGEST_IGNORE_FILE).decode("utf-8", "replace").splitlines()
    return _spec(tuple(line for line in lines if is_glob(line)))


def is_glob(text: str) -> bool:
    """Return whether a text can be used as one of the globs of `is_denied`."""
    try:
        return bool(_spec((text,)))
    except ValueError:
        return False


@lru_cache(maxsize=8)
def _spec(globs: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    return pathspec.GitIgnoreSpec.from_lines(globs)
