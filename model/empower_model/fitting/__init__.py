"""Fits calibrations and the memory's weights to texts and decisions, with intervals."""

from empower_model.fitting import mixture_fitting
from empower_model.fitting.adaptation import Adaptation, adapted
from empower_model.fitting.bootstrap import FOLDS, SHARE, Interval, clustered, held_out, share
from empower_model.fitting.fitting import (
    BINS,
    GREEDY,
    MOST_BITS,
    Bin,
    Vector,
    calibration_error,
    fit,
    fit_near,
    log_losses,
    probabilities,
    reliability,
)
from empower_model.fitting.logistic import logistic, maximum
from empower_model.fitting.mixture_fitting import Observations, Witness
from empower_model.fitting.typing_places import place, rows, still_to_type

__all__ = [
    "BINS",
    "FOLDS",
    "GREEDY",
    "MOST_BITS",
    "SHARE",
    "Adaptation",
    "Bin",
    "Interval",
    "Observations",
    "Vector",
    "Witness",
    "adapted",
    "calibration_error",
    "clustered",
    "fit",
    "fit_near",
    "held_out",
    "log_losses",
    "logistic",
    "maximum",
    "mixture_fitting",
    "place",
    "probabilities",
    "reliability",
    "rows",
    "share",
    "still_to_type",
]
