"""Keeps model files, tunings and what is fitted for them on this machine."""
