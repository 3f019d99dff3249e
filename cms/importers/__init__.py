"""Importing real content: one module reads a format into neutral items, one pipeline writes them through the services.

A new format is a function from a path to `Source`s (see `sources.py`), a function that recognises a path of this
format, and a line for each in `formats.py`. Nothing below it knows which format an item came from.
"""
