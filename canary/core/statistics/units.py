"""What is known of each unit: the range of buckets that its earlier observations leave possible, for each question.

A question is a test that learns sides on its own: what one test was told must not change the chances of another.
"""

from array import array
from typing import Any, Final

FULL_BP: Final = 10_000
SLOTS: Final = 8
OUTCOME: Final = 7
"""The slot for the last stage in which the unit's outcome was fixed; the others hold ranges of the questions 0..6."""
UNKNOWN: Final = FULL_BP
"""low << 16 | high: the bucket is in low .. high - 1, at first in 0 .. 9999."""
MAX_UNITS: Final = 500_000
"""Later ones are left out: which is fair, for who comes late doesn't depend on the version. About 45 MB."""


class Units:
    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self._slots = array("I")

    def __len__(self) -> int:
        return len(self._index)

    def find(self, key: int) -> int | None:
        """Where the unit's slots begin, made at its first appearance; None when no more units fit."""
        place = self._index.get(key)
        if place is None:
            if len(self._index) >= MAX_UNITS:
                return None
            place = self._index[key] = len(self._slots)
            self._slots.extend(_FRESH)
        return place

    def open_range(self, slot: int, weight_bp: int) -> tuple[int, int] | None:
        """The possible buckets if they lie on both sides of the weight, None when the side is known already."""
        code = self._slots[slot]
        low, high = code >> 16, code & 0xFFFF
        return (low, high) if low < weight_bp < high else None

    def reveal(self, slot: int, weight_bp: int, on_v2: bool) -> None:
        code = self._slots[slot]
        self._slots[slot] = (code & ~0xFFFF) | weight_bp if on_v2 else weight_bp << 16 | (code & 0xFFFF)

    def fix_outcome(self, place: int, stage: int) -> bool:
        """Whether this is the unit's first outcome in the stage; from now on it has one."""
        is_first = self._slots[place + OUTCOME] != stage + 1
        self._slots[place + OUTCOME] = stage + 1
        return is_first

    def dump(self) -> dict[str, Any]:
        return {"keys": array("Q", self._index), "slots": self._slots}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "Units":
        units = cls()
        units._index = {key: number * SLOTS for number, key in enumerate(tree["keys"])}
        units._slots = tree["slots"]
        return units


_FRESH: Final = array("I", [UNKNOWN] * OUTCOME + [0])
