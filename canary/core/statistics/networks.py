"""At most one count a network and stage for identities that nobody vouches for: anyone can make as many as he likes.

Without it an outsider could collect identities until enough of them are on v2, and then fail with these alone.

A network's count on v2 is its last one in the release: one identity would be on v2 in each later stage too.
"""

from array import array
from typing import Any, Final

MAX_NETWORKS: Final = 500_000


class Networks:
    """Which counts each network has used up in the present stage: one bit each."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}
        self._spent: dict[int, int] = {}
        """Those that stay used up in later stages."""
        self.refused = 0
        """Observations of the present stage that were left out because their network had its count."""

    def begin(self) -> None:
        self._used = dict(self._spent)
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

    def dump(self) -> dict[str, Any]:
        return {"used": _dumped(self._used), "spent": _dumped(self._spent), "refused": self.refused}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "Networks":
        networks = cls()
        networks._used, networks._spent = _loaded(tree["used"]), _loaded(tree["spent"])
        networks.refused = tree["refused"]
        return networks


def _dumped(bits: dict[int, int]) -> list[array[int]]:
    return [array("Q", bits), array("H", bits.values())]


def _loaded(arrays: list[array[int]]) -> dict[int, int]:
    return dict(zip(*arrays, strict=True))
