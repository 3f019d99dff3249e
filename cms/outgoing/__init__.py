"""Requests that this site makes to addresses which its users or settings name. Knows nothing of models or Django."""
