"""Importing real content: one module reads a format into neutral items, one pipeline writes them through the services.

A new format is a function from a path to `Source`s (see `sources.py`), one that tells whether a path is of this format, and
a line for each in `formats.py`; nothing below it knows which format an item came from.
"""
