"""Plays a working day with the real server."""
