"""Lets a simulated person type real code under every rule, and says what completions were worth."""

from empower_training.replay import cursors, memory_fit
from empower_training.replay.cursors import Cursor, RuleScore
from empower_training.replay.decision_lines import Line, read
from empower_training.replay.decision_scores import Judged, Scores, of_decisions, of_lines, scores
from empower_training.replay.experiment import (
    Finished,
    Results,
    Setting,
    chosen_works,
    distinct,
    in_processes,
    jobs,
    run,
    weights_of,
)
from empower_training.replay.forced_bits import Measure, Unfit
from empower_training.replay.human import TYPE_ON, Careful, Choice, Human
from empower_training.replay.intervals import EFFORT, FIGURES, KEPT, Figure, difference, interval, latency, luck
from empower_training.replay.policies import BASE, DEFAULT, NOBODY, cuts, known
from empower_training.replay.projects import projects
from empower_training.replay.spans import Spans
from empower_training.replay.typist import Tally, Typist, alike, counted, indented, replay, total, unassisted
from empower_training.replay.work import Work, works

__all__ = [
    "BASE",
    "DEFAULT",
    "EFFORT",
    "FIGURES",
    "KEPT",
    "NOBODY",
    "TYPE_ON",
    "Careful",
    "Choice",
    "Cursor",
    "Figure",
    "Finished",
    "Human",
    "Judged",
    "Line",
    "Measure",
    "Results",
    "RuleScore",
    "Scores",
    "Setting",
    "Spans",
    "Tally",
    "Typist",
    "Unfit",
    "Work",
    "alike",
    "chosen_works",
    "counted",
    "cursors",
    "cuts",
    "difference",
    "distinct",
    "in_processes",
    "indented",
    "interval",
    "jobs",
    "known",
    "latency",
    "luck",
    "memory_fit",
    "of_decisions",
    "of_lines",
    "projects",
    "read",
    "replay",
    "run",
    "scores",
    "total",
    "unassisted",
    "weights_of",
    "works",
]
