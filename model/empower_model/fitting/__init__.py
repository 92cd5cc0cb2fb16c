"""Fits calibrations and the memory's weights to texts and decisions, with intervals."""
