"""The language server: inline completions that stop where the human's uncertainty peaks."""

__version__ = "0.1.0"
