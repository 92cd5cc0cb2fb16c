"""The sources of the corpus: the named packages, what is held out, and fetching them."""

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
    tuning: frozenset[str]
    """Packages kept out of pre-training, for the fine-tune."""
    validation: frozenset[str]
    """Packages watched during training."""
    excluded: frozenset[str]

    def split(self, name: str) -> str | None:
        """Return the split a package belongs to; None when it is left out."""
        if name in self.excluded:
            return None
        named = {"heldout": self.heldout, "validation": self.validation, "tuning": self.tuning}
        return next((split for split, names in named.items() if name in names), "train")


def read_sources(path: Path | None = None) -> Sources:
    """Read the lists in a TOML file, by default the one that comes with this package."""
    text = (path or resources.files("empower_training.corpus") / "corpus.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Sources(
        packages=(*data["packages"], *data["tuning"], *data["heldout"]),
        heldout=frozenset(pin.split("==")[0] for pin in data["heldout"]),
        tuning=frozenset(pin.split("==")[0] for pin in data["tuning"]),
        validation=frozenset(data["validation"]),
        excluded=frozenset(data["excluded"]),
    )


def fetch(sources: Sources, folder: Path) -> None:
    """Download every named package's wheel into `folder`.

    Raises subprocess.CalledProcessError when pip fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), *sources.packages]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
