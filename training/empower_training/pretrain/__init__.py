"""Trains the bundled model from scratch."""
