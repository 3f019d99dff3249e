"""The names of the two versions of a journey: `1` and `2`, then `2` and `3`, or dates such as `2026-01`.

Inside, versions are STABLE and CANDIDATE. Paths, headers, metrics and sentences say these names.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

NAME_MAX: Final = 16
_NAME: Final = re.compile(rf"[0-9A-Za-z](?:[0-9A-Za-z._-]{{0,{NAME_MAX - 2}}}[0-9A-Za-z])?", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_ROLE: Final = re.compile(r"\b(v|API-Version: )([12])\b(?!\.[0-9])", re.ASCII)


class Names(NamedTuple):
    stable: str = "1"
    candidate: str = "2"

    def of(self, version: int) -> str:
        """Return the name of STABLE or CANDIDATE."""
        return self[version - 1]

    def version_of(self, name: str) -> int:
        """Return STABLE or CANDIDATE, 0 for any other name."""
        return 1 if name == self[0] else 2 if name == self[1] else 0

    def told(self, version: int) -> int | str:
        """Return the name as JSON holds it: a number where it is one."""
        return number_of(self[version - 1])

    def as_json(self) -> dict[str, str]:
        return {"stable": self.stable, "candidate": self.candidate}


OF_TWO_JOURNEYS: Final = (
    *("The settings name v", "The settings still name v", "The next journey begins at v", "The journey from v"),
    'CANARY["ARMS"] needs the URLconfs of v',
)
"""The beginnings of sentences that have names of another journey than the one in force."""
FIRST: Final = Names()
"""Those of a rollout that was stored before versions had names."""


def number_of(name: str) -> int | str:
    return int(name) if _NUMBER.fullmatch(name) else name


def fault_of_names(names: Names) -> str | None:
    """Return what is wrong with the names, None when nothing is: they stand in paths and headers."""
    for name in names:
        if not _NAME.fullmatch(name):
            return f"{name!r} is not a name of a version: at most {NAME_MAX} letters, digits, dots and dashes."
    return "Both versions have the same name." if names.stable.casefold() == names.candidate.casefold() else None


def names_from(told: Mapping[str, Any]) -> Names:
    """Return the names that an event's state holds: none in events before versions had names."""
    given = told.get("names")
    return Names(given["stable"], given["candidate"]) if given else FIRST


def in_roles(sentence: str, names: Names) -> str:
    """Return a sentence with the names of this journey as `in_names` found it."""
    if names == FIRST:
        return sentence
    return _named(names).sub(lambda found: f"{found[1]}{names.version_of(found[2])}", sentence)


@lru_cache(maxsize=8)
def _named(names: Names) -> re.Pattern[str]:
    return re.compile(rf"\b(v|API-Version: )({'|'.join(map(re.escape, names))})\b(?![.-]?[0-9])")


def difference_of(stored: Names, named: Names) -> str | None:
    """Return what to do where the settings name other versions than the stored rollout; None where they do not."""
    if stored == named:
        return None
    told = (
        f"The settings name v{named.stable} and v{named.candidate}, and the rollout leads from v{stored.stable}"
        f" to v{stored.candidate}."
    )
    if named.stable == stored.candidate:
        return f"{told} `lifecycle advance` begins the next journey; until then nothing else can be changed."
    if named.candidate == stored.stable:
        return f"{told} This process has the settings of an earlier journey: deploy those of the present one."
    return f'{told} Write CANARY["STABLE"] = "{stored.stable}" and CANARY["CANDIDATE"] = "{stored.candidate}".'


@lru_cache(maxsize=8)
def segment_of(names: Names) -> re.Pattern[str]:
    """Return what finds the name in `/v2026-01/posts`; any number is one, so that an unknown version is recognised."""
    numbers = "[0-9]+" if all(map(str.isdigit, names)) else "[0-9][0-9A-Za-z._-]*"
    return re.compile(rf"/v({'|'.join([*map(re.escape, names), numbers])})(?=/|\Z)", re.ASCII)


def in_names(sentence: str, names: Names) -> str:
    """Return a sentence about v1 and v2, the versions of the first journey, with the names of this one."""
    return sentence if names == FIRST else _ROLE.sub(lambda found: f"{found[1]}{names.of(int(found[2]))}", sentence)
