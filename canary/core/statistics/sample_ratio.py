"""Do as many units arrive on v2 as the weight says? If not, the measuring is broken and no other result counts.

Sample ratio mismatch by a beta-binomial e-process (Lindon & Malek 2022, arXiv:2011.03567), a new one for each stage.
Units seen at another weight have another chance: each chance has its own process, and their product is the evidence.
Identities that nobody vouches for, or that are chosen among many, are counted and are no evidence: their side may have
been looked up before.
"""

import math
from typing import Any, Final

BROKEN: Final = 1_000
LOG_BROKEN: Final = math.log(BROKEN)


class SampleRatio:
    def __init__(self) -> None:
        self.log_e = 0.0
        self.peak = 0.0
        """The highest of this stage: once it was beyond LOG_BROKEN, the stage isn't to be believed."""
        self.expected = 0.0
        self.cells: dict[tuple[int, int], list[int]] = {}
        """By the chance of v2 as a fraction: units on v1 and on v2."""

    def take(self, weight_bp: int, possible: tuple[int, int], on_v2: bool, *, is_by_chance: bool = True) -> None:
        part, whole = weight_bp - possible[0], possible[1] - possible[0]
        cell = self.cells.setdefault((part, whole), [0, 0])
        if is_by_chance:
            chance = part / whole if on_v2 else (whole - part) / whole
            # B(1+s, 1+f) / B(1, 1), unit by unit: each is foretold by Laplace's rule of succession.
            self.log_e += math.log((cell[on_v2] + 1) / (cell[0] + cell[1] + 2) / chance)
            self.peak = max(self.peak, self.log_e)
        self.expected += part / whole
        cell[on_v2] += 1

    @property
    def is_broken(self) -> bool:
        return self.peak >= LOG_BROKEN

    def counts(self) -> tuple[int, int]:
        """Return the units of this stage on v1 and on v2 whose side was not known before."""
        return sum(cell[0] for cell in self.cells.values()), sum(cell[1] for cell in self.cells.values())

    def dump(self) -> dict[str, Any]:
        cells = [[*chance, *counts] for chance, counts in self.cells.items()]
        return {"log_e": self.log_e, "peak": self.peak, "expected": self.expected, "cells": cells}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "SampleRatio":
        ratio = cls()
        ratio.log_e, ratio.peak, ratio.expected = tree["log_e"], tree["peak"], tree["expected"]
        ratio.cells = {(part, whole): [v1, v2] for part, whole, v1, v2 in tree["cells"]}
        return ratio
