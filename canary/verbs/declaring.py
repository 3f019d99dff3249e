"""The declaration of a verb: made once, for the command line and the control API alike."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from canary.verbs.parsing import parse_count, parse_text


@dataclass(frozen=True)
class Option:
    """`--min-minutes 0.5` on the command line, `{"min_minutes": 0.5}` or `?min_minutes=0.5` in the API."""

    name: str
    help: str
    parse: Callable[[str], Any] | None = None
    """From text; raises ValueError with a sentence. None for a flag, which is there or not."""
    default: Any = None
    is_positional: bool = False
    is_required: bool = False
    is_number: bool = False
    """Whether JSON may bring a number; its digits are parsed as they were written."""
    is_list: bool = False
    """Whether JSON may bring an array in the place of words with commas between."""
    metavar: str | None = None

    @property
    def is_flag(self) -> bool:
        return self.parse is None

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Call:
    """One use of a verb: who, when, with which options, on the grounds of which version."""

    values: Mapping[str, Any]
    actor: str
    """As the event log keeps it: `cli:root`, `user:3 alice`, `key:ab12 alice`."""
    now: datetime.datetime
    reason: str = ""
    expected_version: int | None = None

    @property
    def change(self) -> dict[str, Any]:
        """Return the arguments that every service of `canary.services` takes, except `roll_back`."""
        return {
            "actor": self.actor,
            "reason": self.reason,
            "expected_version": self.expected_version,
            "now": self.now,
        }


@dataclass(frozen=True)
class Verb:
    words: tuple[str, ...]
    """`("allow", "add")`: words on a command line, a path in the API."""
    help: str
    permission: str
    run: Callable[[Call], Mapping[str, Any] | None]
    """Returns the result as JSON can hold it; None for the status object. A member `error` is a sentence about why the
    result is not as it should be: it is shown, and the command ends with 1."""
    say: Callable[[Mapping[str, Any]], Iterable[str]]
    """The same in lines for people."""
    options: tuple[Option, ...] = ()
    is_change: bool = False
    takes_version: bool = True
    """Whether a change of a state that somebody else has changed meanwhile is refused: all but a rollback."""
    is_local: bool = False
    """Whether the command line alone offers it: no request makes the server ask any address for its caller, compute for
    minutes, read its files, or name rows that the caller may not see."""

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def all_options(self) -> tuple[Option, ...]:
        return (*self.options, REASON, EXPECTED_VERSION) if self.is_change else self.options


REASON: Final = Option("reason", "the reason, kept in the event log", parse_text, is_required=True, metavar="TEXT")
EXPECTED_VERSION: Final = Option(
    "expected_version",
    "refuse the change unless the rollout is at version N (default: the version just read)",
    parse_count,
    is_number=True,
    metavar="N",
)
