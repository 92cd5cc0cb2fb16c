"""Writes the server's options into the extension's manifest: run it after changing `empower_lsp/settings.py`."""

from __future__ import annotations

import json
from pathlib import Path

from empower_lsp.settings import json_schema

MANIFEST = Path(__file__).with_name("package.json")

manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
manifest["contributes"]["configuration"][0]["properties"] = json_schema()
MANIFEST.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
