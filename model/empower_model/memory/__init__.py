"""Remembers the files of a workspace, and mixes what they say into a model's distribution."""
