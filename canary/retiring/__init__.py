"""The end of v1: its headers and refusals, its consumers, and the mapping from v1 to v2."""
