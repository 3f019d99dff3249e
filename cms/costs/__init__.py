"""Limits of a request's cost: bytes of its body, faults that are told of it, heavy work at a time."""
