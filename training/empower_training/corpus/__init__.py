"""Gathers source code with its licences, and cuts it into tokens and samples."""
