"""Finished answers to anonymous reads, kept in this process: which there are, and who makes one that is missing."""
