"""How the cases of the contract are written down: a story is one or more requests to a fresh world, and one golden file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

EVERYONE: Final = ("anonymous", "subscriber", "author", "editor", "admin")
STRANGERS: Final = ("anonymous", "subscriber", "other_author")
BAD_CREDENTIALS: Final = (
    *("expired token", "tampered token", "refresh token", "token after logout", "token of nobody", "garbage token"),
    *("basic", "suspended", "garbage key", "key revoked", "key expired", "key suspended"),
)


@dataclass(frozen=True)
class Step:
    """One request. `{name}` in path, headers and body stands for an id of the world, one of its values or a kept one."""

    request: str
    """`GET /posts?limit=2`, below `/api/v1`."""
    body: Any = None
    """Sent as JSON; a str or bytes as it is."""
    by: str = "anonymous"
    headers: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    """What later steps need: a name, and where in the answer it stands (`data.id`)."""
    times: int = 1
    """How often it is sent; the last answer is the one that is looked at."""


@dataclass(frozen=True)
class Story:
    name: str
    """The path of its golden file without its ending."""
    steps: tuple[Step, ...]


def one(name: str, request: str, body: Any = None, **more: Any) -> Story:
    return Story(name, (Step(request, body, **more),))


def story(name: str, *steps: Step) -> Story:
    return Story(name, steps)


def by_each(senders: Iterable[str], told: Story) -> list[Story]:
    """The same by each of them: the golden files stand side by side in a folder."""
    return [
        Story(f"{told.name}/{slug(sender)}", tuple(replace(step, by=sender) for step in told.steps))
        for sender in senders
    ]


def slug(text: str) -> str:
    """What stands for `text` in the name of a golden file: a minus before a word counts."""
    text = re.sub(r"(?<![a-z0-9])-", " minus ", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")
