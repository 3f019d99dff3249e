"""Forty faults to plant in `canary/core`, and whether its tests notice them: `make mutants`."""
