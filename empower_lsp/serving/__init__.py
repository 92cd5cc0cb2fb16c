"""Holds what serves one client together: settings, engine, session, memory, log; knows no LSP types."""
