"""Remembers the files of a workspace, and mixes what they say into a model's distribution."""

from empower_model.memory import mixture
from empower_model.memory.in_use import fitted_memory, memory_in_use
from empower_model.memory.index import Continuations, Memory, Scope, blocks
from empower_model.memory.keeper import Keeper, KeeperThread
from empower_model.memory.mixture import FEATURES, Coefficients, Weights
from empower_model.memory.project import Project
from empower_model.memory.remembering import RememberingEngine, WeightedMemory
from empower_model.memory.segment import ORDERS, Tokens

__all__ = [
    "FEATURES",
    "ORDERS",
    "Coefficients",
    "Continuations",
    "Keeper",
    "KeeperThread",
    "Memory",
    "Project",
    "RememberingEngine",
    "Scope",
    "Tokens",
    "WeightedMemory",
    "Weights",
    "blocks",
    "fitted_memory",
    "memory_in_use",
    "mixture",
]
