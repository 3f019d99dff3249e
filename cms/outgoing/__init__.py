"""Requests that this site makes to addresses which its users name. Knows nothing of models or Django."""
