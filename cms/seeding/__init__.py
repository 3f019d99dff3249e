"""Filling a database: the demo content that reads well, and bulk content by the million."""
