"""Runs the engine in a child process, so that a native abort costs one completion."""
