"""Dates of the pages, where they differ from Django's: `FORMAT_MODULE_PATH`."""
