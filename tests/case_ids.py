"""Names for the cases of parametrized tests, by their values. pytest itself names texts and numbers."""

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

LONGEST: Final = 60
_PLAIN: Final = (str, bytes, int, float, complex, type(None), Enum)
_TIMES: Final = (datetime.date, datetime.time, datetime.timedelta)


def case_id(value: object) -> str | None:
    """Return a name of at most LONGEST characters, or None where pytest has one or only a number is left."""
    if isinstance(value, _PLAIN) and not (isinstance(value, str) and len(value) > LONGEST):
        return None
    text = _text(value)
    # xdist sends names between processes, and lone surrogates cannot be sent.
    return text and text.encode("unicode_escape").decode("ascii")[:LONGEST]


def _text(value: Any) -> str | None:
    if isinstance(value, (*_PLAIN, *_TIMES)):
        return str(value)
    if isinstance(value, Mapping):
        return _joined(f"{_text(key)}={_text(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return _joined(_text(each) for each in value)
    if isinstance(value, set | frozenset):
        return _joined(sorted(_text(each) or "..." for each in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _joined(
            f"{each.name}={_text(getattr(value, each.name))}"
            for each in dataclasses.fields(value)
            if getattr(value, each.name) != each.default
        )
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) and name != "<lambda>" else None


def _joined(parts: Iterable[str | None]) -> str:
    return " ".join(part or "..." for part in parts) or "empty"
