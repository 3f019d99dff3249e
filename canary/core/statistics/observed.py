"""The input of the statistics: one observation of one unit."""

from typing import NamedTuple


class Observed(NamedTuple):
    """An observation as the recorders write it; `canary.models.Observation` says what the metrics mean.

    `weight_bp` is the weight at which this very request was decided. `value` is for `latency` alone: the mean natural
    logarithm of milliseconds. A named tuple and not a dataclass: a fifth of the time to make, and there are many.
    """

    stage: int
    weight_bp: int
    unit: str
    api_version: int
    metric: str
    route: str
    value: float | None = None
    is_authenticated: bool = True
    network: str = ""
    identity: str = ""
    """Whose bucket decided; empty where it is the unit's own."""
    is_chosen: bool = False
    """Whether the person could choose this identity among others of both versions."""
