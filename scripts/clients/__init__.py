"""Builds the published clients of API v2 from its document: a Python package and one for npm."""
