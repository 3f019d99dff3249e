"""Releases in a closed loop: made-up requests, what the recorders note of them, and the controller's decisions."""
