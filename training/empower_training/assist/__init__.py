"""Plays the paper's rounds: a human and an assistant write a program together, and tests judge it."""

from empower_training.assist import problems
from empower_training.assist.assist import Assistant, Score, Solver, assistant, compare, nobody, score
from empower_training.assist.endpoint import Endpoint
from empower_training.assist.humans import ChatHuman, Fallibility, ReferenceHuman
from empower_training.assist.problems import Problem, solves

__all__ = [
    "Assistant",
    "ChatHuman",
    "Endpoint",
    "Fallibility",
    "Problem",
    "ReferenceHuman",
    "Score",
    "Solver",
    "assistant",
    "compare",
    "nobody",
    "problems",
    "score",
    "solves",
]
