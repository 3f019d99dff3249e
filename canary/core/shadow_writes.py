"""The settings of shadow writes: `CANARY["SHADOW_WRITES"]`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

KEYS: Final = ("ROWS", "SHARE_BP", "TIMEOUT_S", "ROWS_MAX")
FULL_BP: Final = 10_000
TIMEOUTS_S: Final = (0.1, 30.0)
ROWS_RANGE: Final = (1, 10_000)


@dataclass(frozen=True, slots=True)
class ShadowWrites:
    rows: str
    """The function, by dotted name, that returns querysets of the rows that a write may read or change."""
    share_bp: int = 0
    """Share of v1's writes that server processes sample."""
    timeout_s: float = 2.0
    """How long all runs of one write may take together."""
    rows_max: int = 1_000
    """How many rows are copied at most."""


def shadow_writes_of(conf: Mapping[str, Any] | tuple[()]) -> ShadowWrites | None:
    """Return the settings, None without any. Raises ValueError with a sentence."""
    if not conf:
        return None
    if not isinstance(conf, Mapping):
        raise ValueError(f"{conf!r} is not a dict.")
    if unknown := sorted(conf.keys() - {*KEYS}):
        raise ValueError(f"{unknown[0]!r} is unknown: use {', '.join(KEYS)}.")
    if not isinstance(conf.get("ROWS"), str) or not conf["ROWS"]:
        raise ValueError("ROWS has to name a function by its dotted path.")
    found = ShadowWrites(**{name.lower(): value for name, value in conf.items()})
    for name, value, kinds, (least, most) in (
        ("SHARE_BP", found.share_bp, int, (0, FULL_BP)),
        ("TIMEOUT_S", found.timeout_s, int | float, TIMEOUTS_S),
        ("ROWS_MAX", found.rows_max, int, ROWS_RANGE),
    ):
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
            whole = "a whole number from " if kinds is int else ""
            raise ValueError(f"{name} is {value!r}: use {whole}{least} to {most}.")
    return found
