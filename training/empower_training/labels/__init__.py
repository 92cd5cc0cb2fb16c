"""Finds human-written texts, and labels where the paper's rule ends spans in them."""
