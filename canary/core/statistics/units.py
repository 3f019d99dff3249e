"""The buckets that each unit may still have after its earlier observations: one range for each question.

A question is a test that learns sides on its own: what one test has learned must not change the chances of another.
"""

from array import array
from typing import Any, Final

FULL_BP: Final = 10_000
SLOTS: Final = 9
OUTCOME: Final = 7
"""The slot for the last stage in which the unit's outcome was fixed; those before it hold ranges of questions 0..6."""
IDENTITY: Final = 8
"""The slot for a digest of the identity by which the unit came first; 0 before."""
UNKNOWN: Final = FULL_BP
"""low << 16 | high: the bucket is in low .. high - 1, at first in 0 .. 9999."""
MAX_UNITS: Final = 500_000
"""Later ones are left out: which is fair, for who comes late doesn't depend on the version. About 47 MB.

Half of the places are for those who are vouched for: anybody can make up as many names as there are places.
"""


class Units:
    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self._slots = array("I")

    def __len__(self) -> int:
        """Return how many units there are; an identity that is not its unit's own has slots beside them."""
        return sum(map(bool, self._slots[IDENTITY::SLOTS]))

    def __contains__(self, unit: int) -> bool:
        return unit in self._index

    @property
    def has_place_for_unknown(self) -> bool:
        return len(self._index) < MAX_UNITS // 2

    def find(self, unit: int, identity: int) -> int | None:
        """Return where the slots of the identity begin, if it is the first one that was seen of the unit; else None.

        Each identity has a bucket of its own. Knowledge of one bucket must not foretell the side of another, and an
        owner who has learnt several sides must not choose among them. None also when no more units fit.
        """
        home = self._slots_of(unit)
        if home is None:
            return None
        # Most units have one identity: the same number for them all takes no room in a dump.
        name = 1 if identity == unit else identity & 0xFFFFFFFF or 1
        if self._slots[home + IDENTITY] not in (0, name):
            return None
        self._slots[home + IDENTITY] = name
        return home if identity == unit else self._slots_of(identity)

    def _slots_of(self, key: int) -> int | None:
        place = self._index.get(key)
        if place is None:
            if len(self._index) >= MAX_UNITS:
                return None
            place = self._index[key] = len(self._slots)
            self._slots.extend(_FRESH)
        return place

    def open_range(self, slot: int, weight_bp: int) -> tuple[int, int] | None:
        """Return the possible buckets if they lie on both sides of the weight, None when the side is known already."""
        code = self._slots[slot]
        low, high = code >> 16, code & 0xFFFF
        return (low, high) if low < weight_bp < high else None

    def reveal(self, slot: int, weight_bp: int, on_v2: bool) -> None:
        code = self._slots[slot]
        self._slots[slot] = (code & ~0xFFFF) | weight_bp if on_v2 else weight_bp << 16 | (code & 0xFFFF)

    def fix_outcome(self, place: int, stage: int) -> bool:
        """Return whether this is the unit's first outcome in the stage; from now on it has one."""
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


_FRESH: Final = array("I", [UNKNOWN] * OUTCOME + [0, 0])
