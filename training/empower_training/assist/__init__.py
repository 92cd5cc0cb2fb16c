"""Plays the paper's rounds: a human and an assistant write a program together, and tests judge it."""
