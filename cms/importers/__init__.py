"""Importing real content: one module reads a format into neutral items, one pipeline writes them through the services.

A new format is a function from a path to `Source`s (see `sources.py`) and its line in `formats.py`; nothing below it
knows which format an item came from.
"""
