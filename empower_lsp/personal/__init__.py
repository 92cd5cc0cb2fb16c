"""Fits calibration and memory to one person: what `calibrate` does."""
