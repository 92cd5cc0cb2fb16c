"""Finds out what became of each completion, from what an editor tells and from the edits that follow."""
