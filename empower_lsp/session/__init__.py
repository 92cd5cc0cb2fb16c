"""Knows what is shown in each document, computes what is asked, and explains it; knows no LSP types."""
