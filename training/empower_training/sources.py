"""Where the corpus comes from: the named packages, what is held out, and fetching them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sources:
    """The lists of `corpus.toml`; names are in canonical form (lower case, dashes)."""

    packages: tuple[str, ...]
    """Requirements `name==version` to fetch besides what is installed."""
    heldout: frozenset[str]
    """Packages kept out of training whole, in any version or copy, to evaluate on."""
    heldout_pins: tuple[str, ...]
    validation: frozenset[str]
    """Packages watched during training."""
    excluded: frozenset[str]

    def split(self, name: str) -> str | None:
        """The split a package belongs to; None when it is left out."""
        if name in self.excluded:
            return None
        if name in self.heldout:
            return "heldout"
        return "validation" if name in self.validation else "train"


def read_sources(path: Path | None = None) -> Sources:
    """The lists in a TOML file, by default the one that comes with this package."""
    text = (path or resources.files("empower_training") / "corpus.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    pins = tuple(data["heldout"])
    return Sources(
        packages=tuple(data["packages"]),
        heldout=frozenset(pin.split("==")[0] for pin in pins),
        heldout_pins=pins,
        validation=frozenset(data["validation"]),
        excluded=frozenset(data["excluded"]),
    )


def fetch(sources: Sources, folder: Path) -> None:
    """Download every named package's wheel into `folder`.

    Raises subprocess.CalledProcessError when pip fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), *sources.packages, *sources.heldout_pins]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
