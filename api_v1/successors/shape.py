"""The form of the data: dictionaries with these keys and nothing else."""

from typing import TypedDict


class Call(TypedDict):
    """A request to v2."""

    method: str
    path: str
    """Below the base. A `{name}` of v1's path takes the same value here; `{id}` is that of the object just answered."""
    query: dict[str, str]
    """Always sent, so that v2 sends the same data as v1; the parameters of the v1 request take precedence."""
    query_of_users: dict[str, str]
    """Sent too when the request has credentials. The value `{user}` stands for the id of the user behind them."""


class Step(TypedDict):
    """One more request, which does a part of what v1 does at once."""

    when: str
    """A clause that begins with `when` or `for`."""
    method: str
    path: str
    body: dict[str, str]
    """Each member with a sentence about its value."""


class Parameter(TypedDict):
    v1: str
    v2: str | None
    """None when v2 has nothing for it."""
    rule: str
    """A key of RULES."""
    choices: dict[str, str]
    """v2's text by v1's, for the rules `choice`, `word` (in lower case) and `sign` (the character before the value).
    Other values do nothing in v1 and are left out."""
    maximum: int | None
    """For the rule `number`: v1 treats a larger value as this one. Other than positive whole numbers are left out."""
    length_max: int | None
    """The most characters of a text: v2 answers 400 to a longer or an empty one. v1 took any."""
    is_for_writers: bool
    """Whether v1 reads it only from users who may write posts, and ignores it from others."""
    note: str


class Member(TypedDict):
    v1: str
    """Dots lead into objects."""
    v2: str | None
    rule: str
    note: str


class Answer(TypedDict):
    """Where the resource stands in both bodies, as JSON pointers in which `*` is every item of an array."""

    shape: str
    """A key of SHAPES."""
    v1: str
    v2: str
    is_same_order: bool
    """Whether v2 lists items in v1's order. Where it doesn't, pages of the same number hold others."""


class Route(TypedDict):
    method: str
    path: str
    """Below v1's base."""
    call: Call | None
    """None when v2 has no equivalent: then `gap` has the reason and the alternative."""
    gap: str
    then: tuple[Step, ...]
    parameters: tuple[Parameter, ...]
    body: str | None
    """A key of BODIES."""
    answers: tuple[Answer, ...]
    statuses: tuple[int, int | None]
    """The status of success, in v1 and in v2."""
    notes: tuple[str, ...]


class Fault(TypedDict):
    what: str
    v1: str
    v2: str


class Difference(TypedDict):
    """Something that changes for every call."""

    topic: str
    v1: str
    v2: str


class Exchange(TypedDict):
    request: str
    """The request line."""
    body: object
    """None when it has none."""
    status: int
    answer: object


class Example(TypedDict):
    title: str
    about: str
    v1: Exchange
    v2: Exchange
