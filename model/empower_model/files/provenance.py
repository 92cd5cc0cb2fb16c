"""What a tuning was made from, and how it did: kept beside it as `provenance.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from empower_model.errors import TuningError
from empower_model.regular_file import read_json, reason
from empower_model.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of a tuning."""

    base_sha256: str
    """Of the model file it was made from."""
    base_size: int
    """Bytes of that file."""
    data: str
    """Fingerprint of the texts it was trained on."""
    method: str
    """`empower`, `sft-10`, ..."""
    eta: float | None
    """Bits; None for methods without."""
    date: str
    """ISO 8601, in UTC."""
    version: str
    """Of empower-lsp."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """What the gate measured, by name."""
    kept_aside: str = ""
    """Why the gate did not promote it, as a sentence; empty if it did or was not asked."""

    def save(self, folder: Path) -> None:
        """Write it into the folder of its tuning. Raises OSError."""
        write_whole(folder / "provenance.json", json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Provenance:
        """Read it from the folder of a tuning; what later versions add is passed over. Raises TuningError."""
        path = folder / "provenance.json"
        try:
            content = read_json(path)
            return _checked(content)
        except FileNotFoundError as error:
            raise TuningError(f"Its {path} is missing.") from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TuningError(f"Its {path} cannot be read ({reason(error)}).") from error


def _checked(content: Any) -> Provenance:
    eta = content["eta"]
    return Provenance(
        base_sha256=str(content["base_sha256"]),
        base_size=int(content["base_size"]),
        data=str(content["data"]),
        method=str(content["method"]),
        eta=None if eta is None else float(eta),
        date=str(content["date"]),
        version=str(content["version"]),
        scores={str(name): float(score) for name, score in dict(content.get("scores", {})).items()},
        kept_aside=str(content.get("kept_aside", "")),
    )
