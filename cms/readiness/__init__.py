"""The checklist before and after a deployment: each item of `settings.READINESS_CHECKS` passes or fails."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

Check = Callable[[datetime.datetime, Mapping[str, Any]], tuple[bool, str]]
"""Gets the present moment and what the command was given; answers whether all is well, and a sentence either way."""


@dataclass(frozen=True)
class Item:
    name: str
    ok: bool
    detail: str


def look_at_all(now: datetime.datetime, wanted: Mapping[str, Any]) -> Iterator[Item]:
    """Yield every item, even after others have failed."""
    for name, dotted in settings.READINESS_CHECKS.items():
        yield _look(name, import_string(dotted), now, wanted)


def _look(name: str, check: Check, now: datetime.datetime, wanted: Mapping[str, Any]) -> Item:
    try:
        return Item(name, *check(now, wanted))
    except Exception as error:  # what can't be looked at is not ready, and the others are still to be shown
        return Item(name, False, f"{type(error).__name__}: {' '.join(str(error).split())}"[:500])
