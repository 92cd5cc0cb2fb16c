"""Types real code at a person's speed into the server's own session, in virtual time on a machine of given costs."""

from empower_training.at_speed.experiment import INSTANT, Arm, AtSpeed, Loaded, arms
from empower_training.at_speed.figures import figures
from empower_training.at_speed.machine import MACHINES, Costs, Machine
from empower_training.at_speed.simulation import BETWEEN, Scene, Voice, silence, simulate
from empower_training.at_speed.typist import WITHIN, Key, TimedTally, TimedTypist

__all__ = [
    "BETWEEN",
    "INSTANT",
    "MACHINES",
    "WITHIN",
    "Arm",
    "AtSpeed",
    "Costs",
    "Key",
    "Loaded",
    "Machine",
    "Scene",
    "TimedTally",
    "TimedTypist",
    "Voice",
    "arms",
    "figures",
    "silence",
    "simulate",
]
