"""Rollouts of made-up users through the real statistics: how often they alarm, and what usual rules do on the same data."""
