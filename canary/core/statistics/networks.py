"""At most one count a network and stage for identities that nobody vouches for: anyone can make as many as he likes.

Without it an outsider could collect identities until enough of them are on v2, and then fail with these alone.
"""

from array import array
from typing import Any, Final

MAX_NETWORKS: Final = 500_000


class Networks:
    """Which counts each network has used up in the present stage: one bit each."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}
        self.refused = 0
        """Observations of the present stage that were left out because their network had its count."""

    def begin(self) -> None:
        self._used.clear()
        self.refused = 0

    def use(self, network: int, bit: int) -> bool:
        """Whether the network still had this count; it is used up now."""
        used = self._used.get(network, 0)
        if used & bit or (not used and len(self._used) >= MAX_NETWORKS):
            self.refused += 1
            return False
        self._used[network] = used | bit
        return True

    def has_used(self, network: int, bit: int) -> bool:
        return bool(self._used.get(network, 0) & bit)

    def dump(self) -> dict[str, Any]:
        return {"keys": array("Q", self._used), "bits": array("H", self._used.values()), "refused": self.refused}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "Networks":
        networks = cls()
        networks._used = dict(zip(tree["keys"], tree["bits"], strict=True))
        networks.refused = tree["refused"]
        return networks
