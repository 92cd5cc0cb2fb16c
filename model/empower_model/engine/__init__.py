"""Measures what a language model thinks of every token: the seam, and llama.cpp behind it."""
