"""Speaks the Language Server Protocol with one client; translates, and decides nothing."""
