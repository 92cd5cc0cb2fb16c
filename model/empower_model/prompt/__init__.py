"""Lays out what a model is shown of a document at a cursor."""
