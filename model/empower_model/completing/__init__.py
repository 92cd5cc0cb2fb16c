"""Completes at a cursor: writes token by token, stops where it becomes uncertain, and fits the text to its place."""
