"""Rollouts of made-up users: how often the canary rolls them back, and what usual rules do on the same data."""
