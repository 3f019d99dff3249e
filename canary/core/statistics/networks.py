"""At most one count a network and stage for identities that nobody vouches for: anyone can make as many as he likes.

Without it an outsider could collect identities until enough of them are on v2, and then fail with these alone.

A network's count on v2 is its last one in the release: one identity would be on v2 in each later stage too.
"""

from array import array
from typing import Any, Final

MAX_NETWORKS: Final = 500_000
PLACES: Final = 100
"""So many units of a network may begin to count in a stage, and as many more by an error.

So names that are served well hide nobody who is not.
"""


class Networks:
    """Which counts each network has used up in the present stage: one bit each."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}
        self._spent: dict[int, int] = {}
        """Those that stay used up in later stages."""
        self._units: dict[int, int] = {}
        """How many units each network has brought in the present stage."""
        self.refused = 0
        """Observations of the present stage that were left out because their network had its count."""

    def begin(self) -> None:
        self._used = dict(self._spent)
        self._units.clear()
        self.refused = 0

    def use(self, network: int, bit: int, is_last: bool = False) -> bool:
        """Return whether the network still had this count, and use it up, for the whole release if it `is_last`."""
        used = self._used.get(network, 0)
        if used & bit or (not used and len(self._used) >= MAX_NETWORKS):
            self.refused += 1
            return False
        self._used[network] = used | bit
        if is_last:
            self._spent[network] = self._spent.get(network, 0) | bit
        return True

    def has_used(self, network: int, bit: int) -> bool:
        return bool(self._used.get(network, 0) & bit)

    def bring(self, network: int, *, is_failing: bool) -> bool:
        """Return whether the network may bring another unit, and count it."""
        brought = self._units.get(network, 0)
        if brought >= (2 * PLACES if is_failing else PLACES):
            self.refused += 1
            return False
        self._units[network] = brought + 1
        return True

    def dump(self) -> dict[str, Any]:
        counts = {"used": self._used, "spent": self._spent, "units": self._units}
        return {name: _dumped(numbers) for name, numbers in counts.items()} | {"refused": self.refused}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "Networks":
        networks = cls()
        networks._used, networks._spent, networks._units = (_loaded(tree[name]) for name in ("used", "spent", "units"))
        networks.refused = tree["refused"]
        return networks


def _dumped(numbers: dict[int, int]) -> list[array[int]]:
    return [array("Q", numbers), array("H", numbers.values())]


def _loaded(arrays: list[array[int]]) -> dict[int, int]:
    return dict(zip(*arrays, strict=True))
