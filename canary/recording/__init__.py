"""Observations of requests: recorded in the process, written in batches, pruned, and aggregated."""
