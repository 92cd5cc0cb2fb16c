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
    """Libraries kept out of training whole, in any version or copy, to evaluate on."""
    programs: frozenset[str]
    """Programs kept out likewise."""
    tuning: frozenset[str]
    """Packages kept out of pre-training, for the fine-tune."""
    validation: frozenset[str]
    """Packages watched during training."""
    excluded: frozenset[str]
    from_source: frozenset[str] = frozenset()
    """Packages to fetch as source archives."""

    @property
    def kept_out(self) -> frozenset[str]:
        """Return the packages that are evaluated on."""
        return self.heldout | self.programs

    def split(self, name: str) -> str | None:
        """Return the split a package belongs to; None when it is left out."""
        if name in self.excluded:
            return None
        named = {
            "heldout": self.heldout,
            "programs": self.programs,
            "validation": self.validation,
            "tuning": self.tuning,
        }
        return next((split for split, names in named.items() if name in names), "train")


def read_sources(path: Path | None = None) -> Sources:
    """Read the lists in a TOML file, by default the one that comes with this package."""
    text = (path or resources.files("empower_training.corpus") / "corpus.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Sources(
        packages=(*data["packages"], *data["tuning"], *data["heldout"], *data["programs"]),
        heldout=frozenset(pin.split("==")[0] for pin in data["heldout"]),
        programs=frozenset(pin.split("==")[0] for pin in data["programs"]),
        tuning=frozenset(pin.split("==")[0] for pin in data["tuning"]),
        validation=frozenset(data["validation"]),
        excluded=frozenset(data["excluded"]),
        from_source=frozenset(data["from_source"]),
    )


def fetch(sources: Sources, folder: Path) -> None:
    """Download every named package into `folder`: its wheel, or its source archive where that is wanted.

    Raises subprocess.CalledProcessError when pip fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:"]
    if sources.from_source:
        command += ["--no-binary", ",".join(sorted(sources.from_source))]
    command += ["--dest", str(folder), *sources.packages]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
