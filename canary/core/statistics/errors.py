"""Are users of v2 more likely to have a bad event? Exact by the randomisation that the bucket itself is.

Before a unit's first bad event its bucket is uniform on what is still possible, regardless of what the unit does. So
the chance that the event happens on v2 is known without any model, unless v2 changes who has such events (method:
model-X testing by betting, arXiv:2210.00354; counts in canaries: Lindon & Malek 2022, arXiv:2011.03567).
"""

from typing import Any

from canary.core.statistics.bets import RISK_RATIOS, error_factors, log_error_mixture


class ErrorTest:
    """One metric's evidence that v2 is worse, and the relative certificate that it isn't twice as bad.

    `margin` is a ratio of risks that is tolerated, 1 for none; it must lie below the smallest of RISK_RATIOS.
    """

    def __init__(self, margin: float = 1.0) -> None:
        self.margin = margin
        self.logs = [0.0] * len(RISK_RATIOS)
        self.log_e = 0.0
        self.peak = 0.0
        """The highest that log_e ever was."""
        self.log_safe = 0.0
        """Evidence against "users of v2 are at least twice as likely to have one": shown, never needed."""
        self.cells: dict[tuple[int, int], list[int]] = {}
        """By the chance of v2 as a fraction: events on v1 and on v2."""
        self.expected = 0.0
        """How many of the events would be on v2 if the versions were alike."""

    def take(self, weight_bp: int, possible: tuple[int, int], on_v2: bool) -> tuple[float, ...]:
        """Take a unit's bad event; return the logarithms by which the bets grew."""
        low, high = possible
        factors = error_factors(weight_bp, low, high, self.margin)
        grown = factors.if_v2 if on_v2 else factors.if_v1
        self.logs = [log + factor for log, factor in zip(self.logs, grown, strict=True)]
        self.log_e = log_error_mixture(self.logs)
        self.peak = max(self.peak, self.log_e)
        self.log_safe += factors.safe_if_v2 if on_v2 else factors.safe_if_v1
        self.expected += factors.chance
        self.cells.setdefault((weight_bp - low, high - low), [0, 0])[on_v2] += 1
        return grown

    @property
    def events(self) -> int:
        return sum(sum(cell) for cell in self.cells.values())

    @property
    def on_v2(self) -> int:
        return sum(cell[1] for cell in self.cells.values())

    def dump(self) -> dict[str, Any]:
        return {
            "margin": self.margin,
            "logs": self.logs,
            "peak": self.peak,
            "log_safe": self.log_safe,
            "expected": self.expected,
            "cells": [[*chance, *counts] for chance, counts in self.cells.items()],
        }

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "ErrorTest":
        test = cls(tree["margin"])
        test.logs, test.log_safe, test.expected = tree["logs"], tree["log_safe"], tree["expected"]
        test.log_e, test.peak = log_error_mixture(test.logs), tree["peak"]
        test.cells = {(part, whole): [v1, v2] for part, whole, v1, v2 in tree["cells"]}
        return test
