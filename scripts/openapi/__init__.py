"""The check of v2's document against its snapshot. `python -m scripts.openapi` makes it, and so does `make check`."""
