"""Which files are never read, and which a person adds to them."""

import os
from pathlib import Path

import pytest

from empower_lsp.workspace.deny import IGNORE_FILE, is_denied, is_ignored


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/app/.env",
        "/home/me/app/.env.local",
        "/home/me/app/production.env",
        "/home/me/app/deploy/secrets.yaml",
        "/home/me/.ssh/config",
        "/home/me/.aws/credentials",
        "/home/me/.docker/config.json",
        "/home/me/id_rsa",
        "/home/me/ID_ED25519.PUB",
        "/srv/tls/server.key",
        "/srv/tls/server.PEM",
        "/c:/Users/me/.npmrc",
        "/home/me/infra/prod.tfvars",
        "/home/me/worker/.dev.vars",
        "/home/me/app/service-account-prod.json",
        "/home/me/app/client_secret_123.apps.json",
        "/home/me/kubeconfig",
        "/home/me/.vault-token",
        "/home/me/.dockercfg",
        "/home/me/app/.dockerconfigjson",
        "/home/me/.s3cfg",
        "/home/me/.bash_history",
        "/home/me/keys/me.asc",
        "/home/me/app/env.local",
        "/home/me/src/main/resources/application-secrets.yml",
    ],
)
def test_keys_and_secrets_are_denied(path: str) -> None:
    assert is_denied(path)
    assert is_denied(path, globs=("!*", "!.env", "!*.pem")), "globs of the user cannot take away"


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/app/main.py",
        "/lib/python3/secrets.py",
        "/a/environment.py",
        "/a/keys.ts",
        "/a/service_accounts.py",
        "/a/asc.py",
        "Untitled-1",
        "",
    ],
)
def test_code_is_not_denied(path: str) -> None:
    assert not is_denied(path)


def test_globs_of_the_user_count_from_the_workspace_folder() -> None:
    globs = ("generated/", "/top.py", "*.sql", "!keep.sql")
    folder = "/home/me/generated/app"
    assert is_denied(f"{folder}/generated/deep/a.py", folder, globs)
    assert is_denied(f"{folder}/top.py", f"{folder}/", globs)
    assert is_denied(f"{folder}/sub/q.sql", folder, globs)
    assert not is_denied(f"{folder}/sub/keep.sql", folder, globs)
    assert not is_denied(f"{folder}/sub/top.py", folder, globs)
    assert not is_denied(f"{folder}/main.py", folder, globs)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_an_ignore_file_that_is_none_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / IGNORE_FILE)
    assert not is_ignored(f"{tmp_path.as_posix()}/a.py", (tmp_path.as_posix(),))
