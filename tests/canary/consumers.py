"""Stands for the site that tells consumers: keys have an address, nobody else."""

from collections.abc import Mapping, Sequence
from typing import Any

TOLD: list[tuple[dict[str, Any], dict[str, Any]]] = []


def notify_consumers(usages: Sequence[Mapping[str, Any]], life: Mapping[str, Any]) -> dict[str, str]:
    TOLD.extend((dict(usage), dict(life)) for usage in usages)
    names = [usage["consumer"] for usage in usages]
    return {name: "mailed" if name.startswith("key:") else "no_address" for name in names}
