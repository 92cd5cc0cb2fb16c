"""What `make try` says about editors is what the README says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_neovim_is_hooked_up_as_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hookup = (ROOT / "editor-clients" / "HOOKUP.txt").read_text(encoding="utf-8").splitlines()
    [snippet] = re.findall(r"\*\*Neovim\*\*.*?```lua\n(.*?)```", readme, re.DOTALL)[:1]
    wanted = [line.replace("/path/to/empower-lsp", "<this folder>") for line in snippet.splitlines()]
    assert len(wanted) >= 3
    said = [line.strip() for line in hookup]
    assert [line for line in said if line in wanted] == wanted
    assert any(".venv/bin/empower-lsp', '--stdio'" in line for line in said), "the server is not on the PATH"
