"""Options that several commands have, each declared once."""

from __future__ import annotations

import click

model = click.option("--model", default="", help="Name of a model, or path of a GGUF file; the one in use by default.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
