"""What may be told elsewhere of a file depends on what kind of file its name says it is."""

import pytest

from empower_lsp.secrets import without_secrets


@pytest.mark.parametrize(
    "name", ["Dockerfile", "web/Dockerfile.dev", "build.dockerfile", "app.Containerfile", "web/Containerfile"]
)
def test_files_of_containers_give_values_without_quotes(name: str) -> None:
    assert without_secrets("ARG VERSION=3\nENV API_TOKEN=a8Fk2LmQ9xZr4TbV\n", name) == "ARG VERSION=3\nENV API_TOKEN=\n"


@pytest.mark.parametrize("name", ["Makefile", "src/Makefile.am", "rules.mk", "rules.makefile"])
def test_makefiles_give_values_without_quotes(name: str) -> None:
    assert without_secrets("API_TOKEN := a8Fk2LmQ9xZr4TbV\nall: run\n", name) == "API_TOKEN := \nall: run\n"


def test_code_gives_names_and_calls_without_quotes() -> None:
    code = "token = next_token_of(stream)\n"
    assert without_secrets(code, "src/reader.py") == code
