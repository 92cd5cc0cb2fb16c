"""Keeps model files, tunings and what is fitted for them on this machine."""

from empower_model.files import requantised, store, tunings
from empower_model.files.download import pull
from empower_model.files.gguf_file import digest
from empower_model.files.memory_files import DEFAULT_WEIGHTS, memory_sidecar, memory_weights, own_weights, weights_files
from empower_model.files.model import Model, Origin
from empower_model.files.provenance import Provenance
from empower_model.files.store import data_folder
from empower_model.files.transfer import Progress
from empower_model.files.tunings import Tuning, calibration_file
from empower_model.whole_file import write_whole

__all__ = [
    "DEFAULT_WEIGHTS",
    "Model",
    "Origin",
    "Progress",
    "Provenance",
    "Tuning",
    "calibration_file",
    "data_folder",
    "digest",
    "memory_sidecar",
    "memory_weights",
    "own_weights",
    "pull",
    "requantised",
    "store",
    "tunings",
    "weights_files",
    "write_whole",
]
