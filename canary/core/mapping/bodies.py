"""Compare both versions' responses to the same request, member by member, by the declared mapping."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from canary.core.mapping.declared import Declared, Json

_UNTOLD: Final = ("from_page", "dropped", "action", "items")
_INCLUDED: Final = "included"
"""The member in which v2 sends names of objects that it refers to by id: a request parameter asks for it."""
_NAMED_IN: Final = {"tag_names": "tags", "category_names": "categories"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference in v2. `kind` is missing, added, value, type, length or order, or one of a whole response.

    The kinds `status` and `refusal` have both statuses as their path, `200 to 404`: accepting one accepts no other.
    """

    path: str
    """The place in v1's body without the envelope: `items[].metadata.categories`; empty for the whole response."""
    kind: str
    v1: Any
    """The value that v2 should have sent; `v2` is the one that it sent. None where there is none."""
    v2: Any

    @classmethod
    def of_answers(cls, kind: str, v1: int, v2: int) -> "Difference":
        return cls(f"{v1} to {v2}", kind, v1, v2)

    @property
    def is_of_statuses(self) -> bool:
        return self.kind in ("status", "refusal")

    @property
    def group(self) -> tuple[str, str]:
        return self.path, self.kind


def compare(declared: Declared, route: Json, v1: Any, v2: Any) -> list[Difference]:
    """Return the first difference of each place and kind; none when v2 sends v1's data as declared for `route`.

    The bodies are any JSON: a body without the declared form is a difference and never an error.
    """
    first: dict[tuple[str, str], Difference] = {}
    for answer in route["answers"]:
        for difference in _of_answer(declared, answer, v1, v2):
            first.setdefault(difference.group, difference)
    return list(first.values())


def without_noise(
    differences: Iterable[Difference], v1: Any, again: Any, later: Iterable[Difference]
) -> list[Difference]:
    """Return the differences that the versions cause, without those of the clock, which a snapshot does not stop.

    `again` is v1's second response, made after v2's. `later` is how v2's response differs from it. A difference is
    noise where v1's second response has another value, or where `later` no longer has a difference.
    """
    unsteady = {difference.path.removeprefix("data").removeprefix(".") for difference in _values("", v1, again)}
    lasting = {difference.group for difference in later}
    return [
        difference
        for difference in differences
        if difference.group in lasting and not any(_is_within(difference.path, path) for path in unsteady)
    ]


def _is_within(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _of_answer(declared: Declared, answer: Json, v1: Any, v2: Any) -> Iterator[Difference]:
    path = answer["v1"].removeprefix("/data").removeprefix("/").replace("/*", "[]").replace("/", ".")
    olds, news = list(at(v1, answer["v1"])), list(at(v2, answer["v2"]))
    resource = _Resource(declared, answer["shape"], path, v2)
    if "*" not in answer["v1"]:
        yield from resource.pair(olds, news)
    elif answer["is_same_order"]:
        yield from resource.rows(olds, news, is_whole=True)
    else:
        yield from resource.rows(olds, news, is_whole=_is_whole(declared, v1, len(olds)), is_ordered=False)


def _is_whole(declared: Declared, v1: Any, rows: int) -> bool:
    """Return whether a list is all on one page: where the orders differ, other pages hold other rows."""
    counts = [member["v1"] for member in declared.shapes.get("page", ()) if member["rule"] == "counted"]
    return any(total == rows for name in counts for total in at(v1, f"/data/{name}"))


class _Resource:
    """Compares objects of one shape that stand at one place of the bodies."""

    def __init__(self, declared: Declared, shape: str, path: str, v2: Any) -> None:
        self._members = declared.shapes[shape]
        told = {member["v2"] for member in self._members if member["v2"]}
        self._known_in_v1 = {member["v1"] for member in self._members}
        self._known_in_v2 = {*told, *declared.v2_only.get(shape, ()), _INCLUDED}
        self._path, self._v2, self._conversions = path, v2, declared.conversions

    def pair(self, olds: Sequence[Any], news: Sequence[Any]) -> Iterator[Difference]:
        """Compare one object. `olds` and `news` hold one each, or none where the place is missing."""
        if olds and not news:
            yield Difference(self._path, "missing", olds[0], None)
        for old, new in zip(olds, news, strict=False):
            yield from self._members_of(old, new)

    def rows(
        self, olds: Sequence[Any], news: Sequence[Any], *, is_whole: bool, is_ordered: bool = True
    ) -> Iterator[Difference]:
        """Compare rows by id where they have one, so that one row too many does not make all after it differ."""
        by_id, new_by_id = _by_id(olds), _by_id(news)
        if by_id is None or new_by_id is None:
            if len(olds) != len(news):
                yield Difference(self._path, "length", len(olds), len(news))
            for old, new in zip(olds, news, strict=False):
                yield from self._members_of(old, new)
            return
        if is_whole:
            yield from (Difference(self._path, "missing", row, None) for row in by_id if row not in new_by_id)
            yield from (Difference(self._path, "added", None, row) for row in new_by_id if row not in by_id)
        common, in_v2 = [row for row in by_id if row in new_by_id], [row for row in new_by_id if row in by_id]
        if is_ordered and common != in_v2:
            yield Difference(self._path, "order", common, in_v2)
        for row in common:
            yield from self._members_of(by_id[row], new_by_id[row])

    def _members_of(self, old: Any, new: Any) -> Iterator[Difference]:
        for member in self._members:
            if member["rule"] not in _UNTOLD:
                yield from self._member(member, old, new)
        for name, value in _unknown(old, self._known_in_v1):
            yield Difference(_joined(self._path, name), "missing", value, None)
        for name, value in _unknown(new, self._known_in_v2):
            yield Difference(_joined(self._path, name), "added", None, value)

    def _member(self, member: Json, old: Any, new: Any) -> Iterator[Difference]:
        rule, path = member["rule"], _joined(self._path, member["v1"])
        before, after = (list(at(body, "/" + name.replace(".", "/"))) for body, name in _sides(member, old, new))
        if not before or (rule == "counted" and not after):  # v2 wasn't asked to count
            return
        expected = converted(self._conversions, rule, before[0])
        if not after:
            yield Difference(path, "missing", expected, None)
        else:
            yield from _values(path, expected, self._told(rule, after[0]))

    def _told(self, rule: str, value: Any) -> Any:
        """Return v2's value in v1's words."""
        if rule == "state":
            return "published" if value == "scheduled" else value
        if rule in _NAMED_IN and isinstance(value, list):
            rows = next(at(self._v2, f"/{_INCLUDED}/{_NAMED_IN[rule]}"), ())
            names = {row.get("id"): row.get("name") for row in rows if isinstance(row, dict)}
            return sorted(str(names.get(identifier, identifier)) for identifier in value)
        return value


def converted(conversions: Mapping[str, Callable[[Any], Any]], rule: str, value: Any) -> Any:
    """Return v1's value as v2 has it; unchanged where the site's own function can't take it."""
    convert = conversions.get(rule)
    try:
        return convert(value) if convert else _expected(rule, value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return value


def _sides(member: Json, old: Any, new: Any) -> tuple[tuple[Any, str], tuple[Any, str]]:
    return (old, member["v1"]), (new, member["v2"])


def _expected(rule: str, value: Any) -> Any:
    """Return v1's value as v2 has to send it."""
    if rule == "lower_case" and isinstance(value, str):
        return value.lower()
    if rule == "empty_for_null":
        return "" if value is None else value
    return sorted(map(str, value)) if rule in _NAMED_IN and isinstance(value, list) else value


def _values(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old.keys() | new.keys():
            if name not in new or name not in old:
                yield Difference(
                    _joined(path, name), "missing" if name in old else "added", old.get(name), new.get(name)
                )
            else:
                yield from _values(_joined(path, name), old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield Difference(path, "length", old, new)
        for before, after in zip(old, new, strict=False):
            yield from _values(f"{path}[]", before, after)
    elif _type_of(old) != _type_of(new):
        yield Difference(path, "type", old, new)
    elif old != new:
        yield Difference(path, "value", old, new)


def _type_of(value: Any) -> str:
    """Return the type in JSON: it has one kind of number, and booleans are not numbers."""
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _by_id(rows: Iterable[Any]) -> dict[str, Any] | None:
    """Return the rows by id; None when a row has no id, or two have the same."""
    rows = list(rows)
    found = {str(row["id"]): row for row in rows if isinstance(row, dict) and "id" in row}
    return found if len(found) == len(rows) else None


def _unknown(value: Any, known: Iterable[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return the members, by dotted name, that are not declared."""
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        full = _joined(prefix, name)
        if full in known:
            continue
        if isinstance(inner, dict) and any(each.startswith(f"{full}.") for each in known):
            yield from _unknown(inner, known, full)
        else:
            yield full, inner


def at(value: Any, pointer: str) -> Iterator[Any]:
    """Return the values at a JSON pointer in which `*` is every item; none where the path does not exist."""
    step, _, rest = pointer.removeprefix("/").partition("/")
    if not step:
        yield value
    elif step == "*":
        for item in value if isinstance(value, list) else ():
            yield from at(item, rest)
    elif isinstance(value, dict) and step in value:
        yield from at(value[step], rest)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
