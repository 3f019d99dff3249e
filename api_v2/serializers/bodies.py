"""Read bodies strictly: each member has a type, unknown members are refused, and every fault has its JSON pointer."""

import datetime
from collections.abc import Collection
from itertools import islice
from typing import Any, Final

from api_v2.errors import ErrorItem, invalid_body
from api_v2.instants import EXPECTED, parse_instant
from cms.costs.bodies import FAULTS_MAX
from cms.errors import SHOWN_MAX, shown

# No array of the contract is longer: one query looks up its items, and databases limit the parameters of a query.
ITEMS_MAX: Final = 100


class Body:
    """A JSON object that is read member by member; the faults are gathered until `finish` raises them together."""

    def __init__(self, value: Any, allowed: Collection[str], pointer: str = "") -> None:
        self.errors: list[ErrorItem] = []
        self._pointer = pointer
        self._members: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self._refuse((), "invalid_type", "A JSON object is expected.")
        choices = ", ".join(allowed) or "none"
        for name in islice((name for name in self._members if name not in allowed), FAULTS_MAX):
            sentence = f"There is no member {shown(name)} here; allowed are: {choices}."
            self._refuse((name[:SHOWN_MAX],), "unknown_member", sentence)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def finish(self) -> None:
        if self.errors:
            raise invalid_body(self.errors)

    def text(self, name: str, *, is_required: bool = False) -> str | None:
        """Return the text, None when the member is absent or wrong."""
        if name not in self._members:
            if is_required:
                self._refuse((name,), "required", f"The member {name!r} is required.")
            return None
        value = self._members[name]
        return value if self._is_text((name,), value) else None

    def text_or_empty(self, name: str) -> str | None:
        """Return the text as `text` does, but null stands for an empty one, as a merge patch removes a value."""
        return "" if self.is_null(name) else self.text(name)

    def is_null(self, name: str) -> bool:
        return name in self._members and self._members[name] is None

    def boolean(self, name: str) -> bool | None:
        """Return the boolean, None when the member is absent or wrong."""
        value = self._members.get(name)
        if name in self._members and not isinstance(value, bool):
            self._refuse((name,), "invalid_type", "true or false is expected.")
        return value if isinstance(value, bool) else None

    def fraction(self, name: str) -> float | None:
        """Return a required number from 0 to 1, None when the member is absent or wrong."""
        value = self._members.get(name)
        if name not in self._members:
            self._refuse((name,), "required", f"The member {name!r} is required.")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse((name,), "invalid_type", "A number is expected.")
        elif not 0 <= value <= 1:
            self._refuse((name,), "out_of_range", "A number from 0 to 1 is expected.")
        else:
            return float(value)
        return None

    def instant_or_null(self, name: str) -> datetime.datetime | None:
        value = self._members.get(name)
        if value is None:
            return None
        instant = parse_instant(value) if isinstance(value, str) else None
        if instant is None:
            self._refuse((name,), "invalid_instant", f"{EXPECTED} null stands for none.")
        return instant

    def texts(self, name: str) -> dict[int, str]:
        """Return the texts of an array by their places."""
        value = self._members.get(name, [])
        if not isinstance(value, list):
            self._refuse((name,), "invalid_type", "An array of texts is expected.")
            return {}
        if len(value) > ITEMS_MAX:
            self._refuse((name,), "too_many", f"At most {ITEMS_MAX} items are allowed.")
            return {}
        return {place: item for place, item in enumerate(value) if self._is_text((name, str(place)), item)}

    def required_texts(self, name: str) -> list[str]:
        if name not in self._members:
            self._refuse((name,), "required", f"The member {name!r} is required.")
        return list(self.texts(name).values())

    def inner(self, name: str, allowed: Collection[str]) -> "Body":
        """Return the object in the member `name`, empty when it is absent; `take` gives its faults back."""
        return Body(self._members.get(name, {}), allowed, f"{self._pointer}/{name}")

    def take(self, inner: "Body") -> None:
        self.errors += inner.errors

    def refuse(self, name: str, code: str, message: str) -> None:
        self._refuse((name,), code, message)

    def refuse_item(self, name: str, place: int, code: str, message: str) -> None:
        self._refuse((name, str(place)), code, message)

    def _is_text(self, path: tuple[str, ...], value: Any) -> bool:
        if not isinstance(value, str):
            self._refuse(path, "invalid_type", "A text is expected.")
            return False
        if "\x00" in value:
            self._refuse(path, "invalid_characters", "NUL characters are not allowed.")
            return False
        return True

    def _refuse(self, path: tuple[str, ...], code: str, message: str) -> None:
        steps = "".join(f"/{_escaped(step)}" for step in path)
        self.errors.append(ErrorItem(code, message, pointer=f"{self._pointer}{steps}"))


def _escaped(step: str) -> str:
    """Escape a name for a JSON pointer (RFC 6901 section 3)."""
    return step.replace("~", "~0").replace("/", "~1")


def read_texts(value: Any, *names: str) -> list[str]:
    """Return the members of a body of required texts and nothing else."""
    body = Body(value, names)
    texts = [body.text(name, is_required=True) for name in names]
    body.finish()
    return [text or "" for text in texts]
