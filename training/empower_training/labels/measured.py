"""Surprisals kept on disk while a run lasts: labelling that is interrupted goes on where it was."""

from __future__ import annotations

import hashlib
import json
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from empower_training.labels.labelling import Bits, Labelled, label
from empower_training.labels.strips import Strip


class Measured:
    """Measures strips as `label` does, with the model of some fingerprint, and remembers each in a file.

    The file has numbers only, of people's texts not a word. One process may write it, others only read.
    """

    def __init__(self, file: Path, fingerprint: str, write: bool = True) -> None:
        """Read what is there; a line that was being written when a process ended is left out."""
        self._file, self._fingerprint, self._write = file, fingerprint, write
        self._bits: dict[str, Bits] = {}
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
        whole = [line for line in lines if line.endswith("\n")]
        if write and len(whole) < len(lines):
            file.write_text("".join(whole), encoding="utf-8")
        for line in whole:
            key, bits = json.loads(line)
            self._bits[key] = np.array(bits)

    def __call__(self, model: Any, strip: Strip, context: int) -> Labelled:
        """Return a strip's bits, measured now unless they are known. Errors as for `label`."""
        tokens = array("q", (context, len(strip.prompt), *strip.prompt, *strip.ids))
        key = hashlib.sha256(self._fingerprint.encode() + tokens.tobytes()).hexdigest()
        if key not in self._bits:
            self._bits[key] = label(model, strip, context).bits
            if self._write:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, self._bits[key].tolist()]) + "\n")
        return Labelled(strip, self._bits[key])
