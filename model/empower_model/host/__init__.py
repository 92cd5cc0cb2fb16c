"""Runs the engine in a child process, so that a native abort costs one completion."""

from empower_model.host.child import Expected, Wire, answering
from empower_model.host.excerpt import window
from empower_model.host.parent import FILE_TOKENS, EngineHost, HostEvent

__all__ = [
    "FILE_TOKENS",
    "EngineHost",
    "Expected",
    "HostEvent",
    "Wire",
    "answering",
    "window",
]
